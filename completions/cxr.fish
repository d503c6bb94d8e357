# Completion of cxr, written by completions/generate.py from the app; not to be edited.

function __cxr_command_is  # the first word after cxr that is no option, of a group the next too
    set -l said
    for word in (commandline -opc)[2..-1]
        if not string match -q -- '-*' $word
            set -a said $word
            contains -- $word weights; or break
        end
    end
    test "$said" = "$argv"
end

complete -c cxr -f
complete -c cxr -n '__cxr_command_is' -l version -d 'Print the version and stop.'
complete -c cxr -n '__cxr_command_is' -l help -d 'Show this message and exit.'
complete -c cxr -n '__cxr_command_is' -a preprocess -d 'Turn raw films into a DATASET folder.'
complete -c cxr -n '__cxr_command_is' -a split -d 'Divide the films of a DATASET by patient.'
complete -c cxr -n '__cxr_command_is' -a train -d 'Train a net on a DATASET.'
complete -c cxr -n '__cxr_command_is' -a validate3way -d 'Compare films with one other film of every class.'
complete -c cxr -n '__cxr_command_is' -a template -d 'Sum up a class\'s training films in one vector.'
complete -c cxr -n '__cxr_command_is' -a test -d 'Predict a subset and print figures with intervals.'
complete -c cxr -n '__cxr_command_is' -a sweep -d 'Train a grid of learning rates and batch sizes.'
complete -c cxr -n '__cxr_command_is' -a phantom -d 'Draw phantom chest films with known findings.'
complete -c cxr -n '__cxr_command_is' -a demo -d 'Run every stage on phantom films.'
complete -c cxr -n '__cxr_command_is' -a weights -d 'List, fetch and verify published weights.'

complete -c cxr -n '__cxr_command_is preprocess' -l output -s o -r -f -a '(__fish_complete_directories (commandline -ct))' -d 'The DATASET folder to make.'
complete -c cxr -n '__cxr_command_is preprocess' -l labels -r -F -d 'A label table: CSV, TSV or COVIDx list; repeatable. Without: the folder\'s name.'
complete -c cxr -n '__cxr_command_is preprocess' -l path-column -r -F -d 'The label table\'s column of film paths.'
complete -c cxr -n '__cxr_command_is preprocess' -l label-column -r -F -d 'The label table\'s column of classes.'
complete -c cxr -n '__cxr_command_is preprocess' -l patient-column -r -F -d 'The label table\'s column of patients; patient_id where it has that.'
complete -c cxr -n '__cxr_command_is preprocess' -l views -r -F -d 'Which to take: PA, AP, LATERAL, OBLIQUE, or any. Unknown views are taken.'
complete -c cxr -n '__cxr_command_is preprocess' -l size -r -f -d 'Side of the stored films, in pixels.'
complete -c cxr -n '__cxr_command_is preprocess' -l crop-top -r -f -d 'Share of the height to cut off above, below 0.5.'
complete -c cxr -n '__cxr_command_is preprocess' -l crop-border -r -f -d 'Share to cut off each side, below 0.5.'
complete -c cxr -n '__cxr_command_is preprocess' -l workers -r -f -d 'Processes. Default: the CPUs at hand.'
complete -c cxr -n '__cxr_command_is preprocess' -l max-failures -r -f -d 'Give up when more inputs are rejected.'
complete -c cxr -n '__cxr_command_is preprocess' -l help -d 'Show this message and exit.'
complete -c cxr -n '__cxr_command_is preprocess' -F

complete -c cxr -n '__cxr_command_is split' -l output -s o -r -F -d 'The split.csv to write; a .json goes beside.'
complete -c cxr -n '__cxr_command_is split' -l val -r -f -d 'Share of validation films of each class. [0.2]'
complete -c cxr -n '__cxr_command_is split' -l test -r -f -d 'Share of test films of each class. [0.2]'
complete -c cxr -n '__cxr_command_is split' -l folds -r -f -d 'Divide into folds instead: one tests, the next validates.'
complete -c cxr -n '__cxr_command_is split' -l from-column -r -F -d 'Take train, val, test from this manifest column; with --val, draw val from its train.'
complete -c cxr -n '__cxr_command_is split' -l train-where -r -F -d 'Train and val come from films that meet this, all other patients are test. As "institution == \'Academic Hospital\' and age >= 18".'
complete -c cxr -n '__cxr_command_is split' -l train-per-class -r -F -d 'Films to train on: of each class, or as positive=375,negative=375.'
complete -c cxr -n '__cxr_command_is split' -l val-per-class -r -F -d 'Films to validate on, written likewise. [0]'
complete -c cxr -n '__cxr_command_is split' -l twins -l no-twins -d 'Keep patients together whose films are the same picture.'
complete -c cxr -n '__cxr_command_is split' -l seed -r -f -d 'Seed of all that is drawn.'
complete -c cxr -n '__cxr_command_is split' -l help -d 'Show this message and exit.'
complete -c cxr -n '__cxr_command_is split' -f -a '(__fish_complete_directories (commandline -ct))'

complete -c cxr -n '__cxr_command_is train' -l split -r -F -d 'The split.csv that divides the DATASET.'
complete -c cxr -n '__cxr_command_is train' -l output -s o -r -f -a '(__fish_complete_directories (commandline -ct))' -d 'The RUN folder.'
complete -c cxr -n '__cxr_command_is train' -l recipe -r -f -a 'single siamese' -d 'The papers\' settings: single or siamese.'
complete -c cxr -n '__cxr_command_is train' -l arch -r -f -a 'covidnet resnet50 resnet101 resnext50_32x4d resnext101_32x8d inception_v3 densenet121 densenet161 efficientnet_lite0 efficientnet_lite1 efficientnet_lite2' -d 'Architecture. [covidnet]'
complete -c cxr -n '__cxr_command_is train' -l width -r -f -d 'Channels and units, times the paper\'s. [1]'
complete -c cxr -n '__cxr_command_is train' -l epochs -r -f -d 'Epochs. [100 single, 50 siamese]'
complete -c cxr -n '__cxr_command_is train' -l batch-size -r -f -d 'Films or pairs a step; films for in-batch pairs. [16 single, 32 siamese]'
complete -c cxr -n '__cxr_command_is train' -l lr -r -f -d 'Learning rate. [1e-4]'
complete -c cxr -n '__cxr_command_is train' -l pairs -r -f -d 'Pairs an epoch, siamese only. [12000]'
complete -c cxr -n '__cxr_command_is train' -l pairing -r -f -a 'random in-batch' -d 'Siamese only: random pairs, or all pairs in-batch. [random]'
complete -c cxr -n '__cxr_command_is train' -l trials -r -f -d 'Three-way trials that judge an epoch, siamese only. [129, or what can be had]'
complete -c cxr -n '__cxr_command_is train' -l fold -r -f -d 'The fold that tests, where the split has folds.'
complete -c cxr -n '__cxr_command_is train' -l precision -r -f -a 'float32 tf32 bfloat16' -d 'float32, tf32 or bfloat16 arithmetic. [float32]'
complete -c cxr -n '__cxr_command_is train' -l seed -r -f -d 'Seed of all that is drawn.'
complete -c cxr -n '__cxr_command_is train' -l help -d 'Show this message and exit.'
complete -c cxr -n '__cxr_command_is train' -f -a '(__fish_complete_directories (commandline -ct))'

complete -c cxr -n '__cxr_command_is validate3way' -l trials -r -f -d 'Trials a draw; no film is the anchor of two.'
complete -c cxr -n '__cxr_command_is validate3way' -l repeats -r -f -d 'Independent draws.'
complete -c cxr -n '__cxr_command_is validate3way' -l seed -r -f -d 'Seed of all that is drawn.'
complete -c cxr -n '__cxr_command_is validate3way' -l subset -r -f -a 'train val test' -d 'val, test or train.'
complete -c cxr -n '__cxr_command_is validate3way' -l json -r -F -d 'The figures as JSON.'
complete -c cxr -n '__cxr_command_is validate3way' -l dataset -r -f -a '(__fish_complete_directories (commandline -ct))' -d 'Where the DATASET is now, if it was moved.'
complete -c cxr -n '__cxr_command_is validate3way' -l split -r -F -d 'Where the split.csv is now, if it was moved.'
complete -c cxr -n '__cxr_command_is validate3way' -l help -d 'Show this message and exit.'
complete -c cxr -n '__cxr_command_is validate3way' -f -a '(__fish_complete_directories (commandline -ct))'

complete -c cxr -n '__cxr_command_is template' -l kind -r -f -a 'mean medoid nearest' -d 'mean of the class\'s films (the paper\'s), its medoid film, or the nearest films.'
complete -c cxr -n '__cxr_command_is template' -l nearest -r -f -d 'For --kind nearest: how many films of a class count.'
complete -c cxr -n '__cxr_command_is template' -l output -s o -r -F -d '[RUN/templates.npz]'
complete -c cxr -n '__cxr_command_is template' -l dataset -r -f -a '(__fish_complete_directories (commandline -ct))' -d 'Where the DATASET is now, if it was moved.'
complete -c cxr -n '__cxr_command_is template' -l split -r -F -d 'Where the split.csv is now, if it was moved.'
complete -c cxr -n '__cxr_command_is template' -l help -d 'Show this message and exit.'
complete -c cxr -n '__cxr_command_is template' -f -a '(__fish_complete_directories (commandline -ct))'

complete -c cxr -n '__cxr_command_is test' -l subset -r -f -a 'train val test' -d 'test, val or train.'
complete -c cxr -n '__cxr_command_is test' -l templates -r -F -d 'Templates of a siamese run. [RUN/templates.npz]'
complete -c cxr -n '__cxr_command_is test' -l output -s o -r -F -d 'Predictions. [RUN/predictions.csv]'
complete -c cxr -n '__cxr_command_is test' -l json -r -F -d 'Figures as JSON. [RUN/metrics.json]'
complete -c cxr -n '__cxr_command_is test' -l dataset -r -f -a '(__fish_complete_directories (commandline -ct))' -d 'Where the DATASET is now, if it was moved.'
complete -c cxr -n '__cxr_command_is test' -l split -r -F -d 'Where the split.csv is now, if it was moved.'
complete -c cxr -n '__cxr_command_is test' -l help -d 'Show this message and exit.'
complete -c cxr -n '__cxr_command_is test' -f -a '(__fish_complete_directories (commandline -ct))'

complete -c cxr -n '__cxr_command_is sweep' -l split -r -F -d 'The split.csv that divides the DATASET.'
complete -c cxr -n '__cxr_command_is sweep' -l output -s o -r -f -a '(__fish_complete_directories (commandline -ct))' -d 'The folder for the runs and sweep.csv.'
complete -c cxr -n '__cxr_command_is sweep' -l recipe -r -f -a 'single siamese' -d 'The papers\' settings: single or siamese.'
complete -c cxr -n '__cxr_command_is sweep' -l lr -r -f -d 'Repeatable. [1e-3 1e-4 1e-5]'
complete -c cxr -n '__cxr_command_is sweep' -l batch-size -r -f -d 'Repeatable. [8 16 32]'
complete -c cxr -n '__cxr_command_is sweep' -l arch -r -f -a 'covidnet resnet50 resnet101 resnext50_32x4d resnext101_32x8d inception_v3 densenet121 densenet161 efficientnet_lite0 efficientnet_lite1 efficientnet_lite2' -d 'Architecture. [covidnet]'
complete -c cxr -n '__cxr_command_is sweep' -l width -r -f -d 'Channels and units, times the paper\'s. [1]'
complete -c cxr -n '__cxr_command_is sweep' -l epochs -r -f -d 'Epochs. [100 single, 20 siamese]'
complete -c cxr -n '__cxr_command_is sweep' -l pairs -r -f -d 'Pairs an epoch, siamese only. [5000]'
complete -c cxr -n '__cxr_command_is sweep' -l pairing -r -f -a 'random in-batch' -d 'Siamese only: random pairs, or all pairs in-batch. [random]'
complete -c cxr -n '__cxr_command_is sweep' -l trials -r -f -d 'Three-way trials that judge an epoch, siamese only. [129, or what can be had]'
complete -c cxr -n '__cxr_command_is sweep' -l fold -r -f -d 'The fold that tests, where the split has folds.'
complete -c cxr -n '__cxr_command_is sweep' -l precision -r -f -a 'float32 tf32 bfloat16' -d 'float32, tf32 or bfloat16 arithmetic. [float32]'
complete -c cxr -n '__cxr_command_is sweep' -l seed -r -f -d 'Seed of all that is drawn.'
complete -c cxr -n '__cxr_command_is sweep' -l task -r -F -d 'I/N: train only share I of N, from 1, as one task of a Slurm array.'
complete -c cxr -n '__cxr_command_is sweep' -l help -d 'Show this message and exit.'
complete -c cxr -n '__cxr_command_is sweep' -f -a '(__fish_complete_directories (commandline -ct))'

complete -c cxr -n '__cxr_command_is phantom' -s o -l output -r -f -a '(__fish_complete_directories (commandline -ct))' -d 'Folder to make.'
complete -c cxr -n '__cxr_command_is phantom' -l count -r -f -d 'Films in all, even over the findings.'
complete -c cxr -n '__cxr_command_is phantom' -l size -r -f -d 'Height and width of a film, pixels.'
complete -c cxr -n '__cxr_command_is phantom' -l finding -r -f -a 'normal pneumonia covid19 pneumoperitoneum' -d 'normal, pneumonia, covid19 or pneumoperitoneum; repeatable. [default: normal pneumonia covid19]'
complete -c cxr -n '__cxr_command_is phantom' -l films-per-patient -r -f -d 'The most films of one patient; drawn from 1 up.'
complete -c cxr -n '__cxr_command_is phantom' -l shortcut -r -f -d 'Probability of a planted corner marker on films of one class.'
complete -c cxr -n '__cxr_command_is phantom' -l shortcut-class -r -f -a 'normal pneumonia covid19 pneumoperitoneum' -d 'The class that may carry it. [default: the last finding]'
complete -c cxr -n '__cxr_command_is phantom' -l seed -r -f -d 'The same seed gives the same bytes.'
complete -c cxr -n '__cxr_command_is phantom' -l workers -r -f -d 'Processes; changes no byte. [default: the CPUs at hand]'
complete -c cxr -n '__cxr_command_is phantom' -l help -d 'Show this message and exit.'

complete -c cxr -n '__cxr_command_is demo' -l output -s o -r -f -a '(__fish_complete_directories (commandline -ct))' -d 'The folder for phantoms, dataset and runs.'
complete -c cxr -n '__cxr_command_is demo' -l seed -r -f -d 'Seed of all that is drawn.'
complete -c cxr -n '__cxr_command_is demo' -l help -d 'Show this message and exit.'

complete -c cxr -n '__cxr_command_is weights' -l help -d 'Show this message and exit.'
complete -c cxr -n '__cxr_command_is weights' -a list -d 'Print what is published, and what of it is here.'
complete -c cxr -n '__cxr_command_is weights' -a fetch -d 'Download weights into the local cache.'
complete -c cxr -n '__cxr_command_is weights' -a verify -d 'Read weights, and check digest and fit.'

complete -c cxr -n '__cxr_command_is weights list' -l arch -r -f -a 'covidnet resnet50 resnet101 resnext50_32x4d resnext101_32x8d inception_v3 densenet121 densenet161 efficientnet_lite0 efficientnet_lite1 efficientnet_lite2' -d 'Only those of an architecture.'
complete -c cxr -n '__cxr_command_is weights list' -l format -r -f -a 'table csv json' -d 'How to print them.'
complete -c cxr -n '__cxr_command_is weights list' -l help -d 'Show this message and exit.'

complete -c cxr -n '__cxr_command_is weights fetch' -l help -d 'Show this message and exit.'
complete -c cxr -n '__cxr_command_is weights fetch' -f -a 'timm/resnet50.tv_in1k timm/resnet101.tv_in1k timm/resnext50_32x4d.tv_in1k timm/resnext101_32x8d.tv_in1k timm/densenet121.tv_in1k timm/densenet161.tv_in1k timm/inception_v3.tv_in1k timm/tf_efficientnet_lite0.in1k'

complete -c cxr -n '__cxr_command_is weights verify' -l arch -r -f -a 'covidnet resnet50 resnet101 resnext50_32x4d resnext101_32x8d inception_v3 densenet121 densenet161 efficientnet_lite0 efficientnet_lite1 efficientnet_lite2' -d 'Architecture. [the name\'s own]'
complete -c cxr -n '__cxr_command_is weights verify' -l help -d 'Show this message and exit.'
complete -c cxr -n '__cxr_command_is weights verify' -F
