#compdef cxr
# Completion of cxr, written by completions/generate.py from the app; not to be edited.

_cxr_columns() {
    local word file
    for word in ${(Q)words}; do
        for file in $word $word/manifest.csv $word/predictions.csv; do
            [[ -f $file && $file == *.csv ]] && compadd -- ${(f)"$(head -n 1 -- "$file" | tr -d '\r"' | tr ',' '\n')"}
        done
    done
}

_cxr_classes() {
    local word
    for word in ${(Q)words}; do
        [[ -f $word/config.json ]] && compadd -- ${(f)"$(sed -n '/"classes": \[/,/\]/s/^ *"\(.*\)",\{0,1\}$/\1/p' $word/config.json)"}
    done
}

_cxr() {
    local curcontext=$curcontext state line
    local -a commands
    commands=(
        'preprocess:Make a DATASET of raw images.'
        'split:Split a DATASET by patient into training, validation and test sets.'
        'describe:Describe the images of a study (Table 1).'
        'train:Train a model on a DATASET.'
        'crossval:Cross-validate: train every fold, and test each on its own.'
        'sweep:Train a grid of learning rates and batch sizes.'
        'weights:List, fetch and verify pretrained weights.'
        'test:Predict images and print metrics with intervals.'
        'template:Make the class templates of a siamese RUN.'
        'validate3way:Three-way validation of a siamese RUN.'
        'predict:Predict images without labels.'
        'stratify:Report metrics by image characteristics.'
        'compare:Compare models, and human readers, on the same images.'
        'gradcam:Show which image regions a score is based on.'
        'audit:Look for shortcuts, associations and leaks.'
        'report:Put all results of a RUN on one HTML page.'
        'export:Export the model of a RUN as an ONNX or StableHLO file.'
        'verify:Check that files are as cxr wrote them, and belong together.'
        'demo:Run every stage on synthetic radiographs.'
        'phantom:Make synthetic radiographs with known findings.'
        'doctor:Report what this installation and this machine can do.'
        'slurm-script:Print a batch script for Slurm.'
        'completion:Print or install the completion of a shell.'
    )
    _arguments -C \
        '(--version)--version[Print the version and stop.]' \
        '(-h --help)-h[Show this message and exit.]' \
        '(-h --help)--help[Show this message and exit.]' \
        '1: :->command' \
        '*:: :->argument' && return
    case $state in
        command) _describe -t commands command commands ;;
        argument)
            case $words[1] in
                preprocess)
                    _arguments \
                        '(--output -o)--output=[The DATASET folder to make.]:folder:_files -/' \
                        '(--output -o)-o[The DATASET folder to make.]:folder:_files -/' \
                        '*--labels=[A label table (CSV, TSV, Excel, COVIDx list; also .gz, .zip); repeatable. \[class = folder name\]]:file:_files' \
                        '(--path-column)--path-column=[The label table'\''s column of image paths.]:column:_cxr_columns' \
                        '(--label-column)--label-column=[The label table'\''s column of classes.]:column:_cxr_columns' \
                        '(--patient-column)--patient-column=[Column of patient ids in the label table. \[patient_id, if present\]]:column:_cxr_columns' \
                        '(--format)--format=[The published layout of the label tables.]:value:(nih rsna covidx cohen chexpert padchest vindr mimic siim openi)' \
                        '(--finding)--finding=[With --format\: classes are positive and negative for it. \[an image'\''s one finding\]]:value: ' \
                        '(--views)--views=[Views to keep\: PA, AP, LATERAL, OBLIQUE, or any. Unknown views are kept.]:value: ' \
                        '(--size)--size=[Side of the stored images, in pixels.]:value: ' \
                        '(--crop-top)--crop-top=[Fraction of the height to crop at the top, below 0.5.]:value: ' \
                        '(--crop-border)--crop-border=[Fraction to crop on each side, below 0.5.]:value: ' \
                        '(--manufacturers)--manufacturers=[More spellings of manufacturers, TOML\: "Acme" = \["Acme Imaging"\].]:file:_files' \
                        '(--pseudonymize)--pseudonymize=[Replace patient ids and paths by pseudonyms, keyed by this file'\''s bytes.]:file:_files' \
                        '(--keep-tags)--keep-tags=[DICOM tags to add to the manifest as they are.]:value: ' \
                        '(--ids-verbatim)--ids-verbatim[Patient ids that differ only in zeros, blanks, case or .0 are different patients.]' \
                        '(--workers)--workers=[Number of processes that read; one at least. \[one per available CPU\]]:value: ' \
                        '(--image-timeout)--image-timeout=[Reject an image that takes longer than this many seconds to read.]:value: ' \
                        '(--max-failures)--max-failures=[Stop when more inputs than this are rejected.]:value: ' \
                        '(--shard)--shard=[Only part I of N, from 1. \[the task of a Slurm job array; else all\]]:value: ' \
                        '(--merge)--merge[Merge the shards given as SOURCE into one dataset.]' \
                        '(--config)--config=[Options from a file, as lr = 1e-4; in tables such as \[train\] for several commands. The command line wins.]:file:_files' \
                        '(--show-config)--show-config[Print all options as they would be, as such a file.]' \
                        '(--quiet)--quiet[Say nothing but errors on stderr.]' \
                        '(--verbose)--verbose[Say the options, the time of each notice, progress more often.]' \
                        '(--log-file)--log-file=[Append what is said to this file, too, with the time.]:file:_files' \
                        '(-h --help)-h[Show this message and exit.]' \
                        '(-h --help)--help[Show this message and exit.]' \
                        '*:file:_files'
                    ;;
                split)
                    _arguments \
                        '(--output -o)--output=[The split.csv to write, with a .json of the same name.]:file:_files' \
                        '(--output -o)-o[The split.csv to write, with a .json of the same name.]:file:_files' \
                        '(--val)--val=[Fraction of each class to use for validation. \[0.2\]]:value: ' \
                        '(--test)--test=[Fraction of each class to use for testing. \[0.2\]]:value: ' \
                        '(--folds)--folds=[Number of cross-validation folds, instead of --val and --test.]:value: ' \
                        '(--from-column)--from-column=[Manifest column of the subsets train, val and test. With --val, val is sampled from train.]:column:_cxr_columns' \
                        '(--train-where)--train-where=[Train and validate on images that meet this; test on all other patients. For example "institution == '\''Academic Hospital'\'' and age >= 18".]:value: ' \
                        '(--train-per-class)--train-per-class=[Training images of each class\: a number, or positive=375,negative=375. Double quotes stand around a name with a comma or =.]:value: ' \
                        '(--val-per-class)--val-per-class=[Validation images of each class, written likewise. \[0\]]:value: ' \
                        '(--near-duplicates --no-near-duplicates)--near-duplicates[Keep patients with near-duplicate images in one subset.]' \
                        '(--near-duplicates --no-near-duplicates)--no-near-duplicates[Keep patients with near-duplicate images in one subset.]' \
                        '(--seed)--seed=[Random seed.]:value: ' \
                        '(--force)--force[Replace another split of this name, and name the runs at risk.]' \
                        '(--config)--config=[Options from a file, as lr = 1e-4; in tables such as \[train\] for several commands. The command line wins.]:file:_files' \
                        '(--show-config)--show-config[Print all options as they would be, as such a file.]' \
                        '(--quiet)--quiet[Say nothing but errors on stderr.]' \
                        '(--verbose)--verbose[Say the options, the time of each notice, progress more often.]' \
                        '(--log-file)--log-file=[Append what is said to this file, too, with the time.]:file:_files' \
                        '(-h --help)-h[Show this message and exit.]' \
                        '(-h --help)--help[Show this message and exit.]' \
                        '1:folder:_files -/'
                    ;;
                describe)
                    _arguments \
                        '(--split)--split=[The split.csv; images that it leaves out are not described.]:file:_files' \
                        '(--fold)--fold=[The fold to test on, where the split has folds.]:value: ' \
                        '(--by)--by=[Groups to compare. \[label; with --split both\]]:value:(label subset)' \
                        '*--characteristic=[A further manifest column; repeatable.]:column:_cxr_columns' \
                        '(--plan)--plan[Also say how wide the intervals of the test will be.]' \
                        '(--width)--width=[For --plan\: the width of an interval to count patients for.]:value: ' \
                        '(--format)--format=[Format of the tables.]:value:(table csv json latex markdown)' \
                        '(--output -o)--output=[A folder for all tables and figures.]:folder:_files -/' \
                        '(--output -o)-o[A folder for all tables and figures.]:folder:_files -/' \
                        '(--config)--config=[Options from a file, as lr = 1e-4; in tables such as \[train\] for several commands. The command line wins.]:file:_files' \
                        '(--show-config)--show-config[Print all options as they would be, as such a file.]' \
                        '(--quiet)--quiet[Say nothing but errors on stderr.]' \
                        '(--verbose)--verbose[Say the options, the time of each notice, progress more often.]' \
                        '(--log-file)--log-file=[Append what is said to this file, too, with the time.]:file:_files' \
                        '(-h --help)-h[Show this message and exit.]' \
                        '(-h --help)--help[Show this message and exit.]' \
                        '1:folder:_files -/'
                    ;;
                train)
                    _arguments \
                        '(--split)--split=[The split.csv of the DATASET.]:file:_files' \
                        '(--output -o)--output=[The RUN folder.]:folder:_files -/' \
                        '(--output -o)-o[The RUN folder.]:folder:_files -/' \
                        '(--recipe)--recipe=[The papers'\'' settings, single, siamese or finetune; or small-data.]:value:(single siamese finetune small-data)' \
                        '(--fold)--fold=[The fold to test on, where the split has folds.]:value: ' \
                        '(--seed)--seed=[Random seed.]:value: ' \
                        '(--micro-batch)--micro-batch=[Images at once, gradients being summed over the batch. \[as many as memory holds\]]:value: ' \
                        '(--dry-run)--dry-run[Print steps, parameters, memory, and time by timed steps; write nothing.]' \
                        '(--tensorboard)--tensorboard[Write each epoch for TensorBoard, into RUN/tensorboard.]' \
                        '(--mlflow)--mlflow[Log each epoch to MLflow, where MLFLOW_TRACKING_URI says.]' \
                        '(--arch)--arch=[Architecture. \[covidnet single, siamese; efficientnet_lite0 finetune; efficientnet_lites_mid small-data\]]:value:(covidnet resnet50 resnet101 resnext50_32x4d resnext101_32x8d densenet121 densenet161 inception_v3 efficientnet_lite0 efficientnet_lite1 efficientnet_lite2 efficientnet_lite0_mid efficientnet_lite2_mid efficientnet_lites_mid)' \
                        '(--width)--width=[Multiplier of the channels and units of COVID-Net. \[1.0\]]:value: ' \
                        '(--weights)--weights=[Initial weights; auto takes what is installed or cached, then the hub. \[none single, siamese; auto finetune, small-data\]]:file:_files' \
                        '(--weights-scaling)--weights-scaling=[Input that the initial weights expect\: xrv \[-1024, 1024\], imagenet mean and SD, inception \[-1, 1\], or 0-1; a FILE needs it, published weights have their own. \[published\]]:value:(published xrv imagenet inception 0-1)' \
                        '(--freeze)--freeze=[Layers to freeze\: none, features, or a number of stages from the input on. \[none single, siamese, finetune; 4 small-data\]]:value: ' \
                        '(--batch-norm)--batch-norm=[Statistics of batch normalization in training; running ones stay as they are. \[batch single, siamese, finetune; running small-data\]]:value:(batch running)' \
                        '(--precision)--precision=[Precision of the arithmetic; auto is bfloat16 on a GPU or TPU, float32 on a CPU. \[auto\]]:value:(auto float32 tf32 bfloat16)' \
                        '(--epochs)--epochs=[Epochs. \[100 single, finetune; 50 siamese; 0 small-data\]]:value: ' \
                        '(--batch-size)--batch-size=[Images per step; for random pairs of a siamese run, pairs. \[16 single, small-data; 32 siamese; 256 finetune\]]:value: ' \
                        '(--optimizer)--optimizer=[Optimizer; sgd has momentum 0.9. \[adam single, siamese; sgd finetune; adamw small-data\]]:value:(adam adamw sgd)' \
                        '(--lr)--lr=[Initial learning rate. \[0.0001 single, siamese; 0.01 finetune; 5e-05 small-data\]]:value: ' \
                        '(--schedule)--schedule=[How the learning rate changes; cosine ends at zero. \[constant single, siamese; step finetune; cosine small-data\]]:value:(constant step cosine)' \
                        '(--step-epochs)--step-epochs=[Schedule step\: epochs after which the rate falls to a tenth. \[25\]]:value: ' \
                        '(--warmup)--warmup=[Fraction of all steps over which the learning rate rises from zero. \[0.0 single, siamese, finetune; 0.1 small-data\]]:value: ' \
                        '(--weight-decay)--weight-decay=[Weight decay of kernels; biases and normalization are excluded. \[0.0 single, siamese, finetune; 0.02 small-data\]]:value: ' \
                        '(--layer-decay)--layer-decay=[Factor of the learning rate from each stage to the stage before it. \[1.0 single, siamese, finetune; 0.9 small-data\]]:value: ' \
                        '(--ema)--ema=[Exponential moving average of the parameters with this decay, such as 0.99; it is validated, selected and saved. \[0.0 single, siamese, finetune; 0.95 small-data\]]:value: ' \
                        '(--select)--select=[Epoch to keep\: that of the lowest validation loss, or of the highest validation metric; auc is the mean of the classes'\''. \[accuracy single, siamese; loss finetune, small-data\]]:value:(accuracy loss auc balanced-accuracy macro-f1)' \
                        '(--patience)--patience=[Stop after so many epochs without a better one in validation; 0 trains all epochs. \[0\]]:value: ' \
                        '(--flip)--flip=[Random flips. \[none single, siamese; both finetune; horizontal small-data\]]:value:(none horizontal both)' \
                        '(--rotation)--rotation=[Random rotation, up to this many degrees. \[0.0 single, siamese, small-data; 15.0 finetune\]]:value: ' \
                        '(--zoom)--zoom=[Random zoom in and out, up to this fraction. \[0.0\]]:value: ' \
                        '(--shift)--shift=[Random shift, up to this fraction of height and width. \[0.0 single, siamese, finetune; 0.05 small-data\]]:value: ' \
                        '(--contrast)--contrast=[Random contrast change, up to this fraction. \[0.0 single, siamese, finetune; 0.1 small-data\]]:value: ' \
                        '(--loss)--loss=[Cross entropy\: softmax, or binary for two classes by one logit. \[softmax single; binary finetune, small-data\]]:value:(softmax binary)' \
                        '(--label-smoothing)--label-smoothing=[Fraction of each label spread over all classes. \[0.0\]]:value: ' \
                        '(--class-weights)--class-weights=[Weights of the classes in the loss. Double quotes stand around a name with a comma or =. \[none\]]:value:(none balanced)' \
                        '(--sampling)--sampling=[Images of an epoch\: all, or balanced (the rarest class whole, as many of each other class). \[balanced single; all finetune, small-data\]]:value:(balanced all)' \
                        '(--linear-probe --no-linear-probe)--linear-probe[Begin with a classifier by logistic regression on the training images'\'' feature vectors. \[no single, finetune; yes small-data\]]' \
                        '(--linear-probe --no-linear-probe)--no-linear-probe[Begin with a classifier by logistic regression on the training images'\'' feature vectors. \[no single, finetune; yes small-data\]]' \
                        '(--flip-tta --no-flip-tta)--flip-tta[Horizontal-flip test-time augmentation\: mean probability of an image and its flip. \[no single, finetune; yes small-data\]]' \
                        '(--flip-tta --no-flip-tta)--no-flip-tta[Horizontal-flip test-time augmentation\: mean probability of an image and its flip. \[no single, finetune; yes small-data\]]' \
                        '(--pairs)--pairs=[Pairs per epoch. \[12000\]]:value: ' \
                        '(--pairing)--pairing=[Random pairs (the paper'\''s), or all pairs within a batch. \[random\]]:value:(random in-batch)' \
                        '(--trials)--trials=[Three-way trials that validate an epoch. \[129\]]:value: ' \
                        '(--distributed)--distributed=[Train on the devices of all tasks that srun or mpirun started; on requires several.]:value:(auto off on)' \
                        '(--deterministic)--deterministic[On a GPU, compute the same bits in every run; slower.]' \
                        '(--no-compile-cache)--no-compile-cache[Do not keep compiled programs for the next command.]' \
                        '(--config)--config=[Options from a file, as lr = 1e-4; in tables such as \[train\] for several commands. The command line wins.]:file:_files' \
                        '(--show-config)--show-config[Print all options as they would be, as such a file.]' \
                        '(--quiet)--quiet[Say nothing but errors on stderr.]' \
                        '(--verbose)--verbose[Say the options, the time of each notice, progress more often.]' \
                        '(--log-file)--log-file=[Append what is said to this file, too, with the time.]:file:_files' \
                        '(-h --help)-h[Show this message and exit.]' \
                        '(-h --help)--help[Show this message and exit.]' \
                        '1:folder:_files -/'
                    ;;
                crossval)
                    _arguments \
                        '(--split)--split=[The split.csv with folds.]:file:_files' \
                        '(--output -o)--output=[The CV folder.]:folder:_files -/' \
                        '(--output -o)-o[The CV folder.]:folder:_files -/' \
                        '(--recipe)--recipe=[The papers'\'' settings, single, siamese or finetune; or small-data.]:value:(single siamese finetune small-data)' \
                        '(--seeds)--seeds=[Train every fold with so many seeds; scores are their means.]:value: ' \
                        '(--seed)--seed=[The first random seed.]:value: ' \
                        '(--positive)--positive=[Of two classes, the positive one. \[the one beside a class named like a negative\: normal, ...\]]:class:_cxr_classes' \
                        '(--sensitivity)--sensitivity=[Choose the highest threshold that reaches this sensitivity on validation. \[the one with the highest Youden index there\]]:value: ' \
                        '(--calibrate)--calibrate=[Recalibrate the scores, fitted on validation; later predictions follow. \[as they are\]]:value:(temperature platt isotonic)' \
                        '(--micro-batch)--micro-batch=[Images at once, gradients being summed over the batch. \[as many as memory holds\]]:value: ' \
                        '(--task)--task=[Only part I of N, from 1. \[the task of a Slurm job array; else all\]]:value: ' \
                        '(--dry-run)--dry-run[Print steps, parameters, memory, and time by timed steps; write nothing.]' \
                        '(--tensorboard)--tensorboard[Write each epoch for TensorBoard, into RUN/tensorboard.]' \
                        '(--mlflow)--mlflow[Log each epoch to MLflow, where MLFLOW_TRACKING_URI says.]' \
                        '(--arch)--arch=[Architecture. \[covidnet single, siamese; efficientnet_lite0 finetune; efficientnet_lites_mid small-data\]]:value:(covidnet resnet50 resnet101 resnext50_32x4d resnext101_32x8d densenet121 densenet161 inception_v3 efficientnet_lite0 efficientnet_lite1 efficientnet_lite2 efficientnet_lite0_mid efficientnet_lite2_mid efficientnet_lites_mid)' \
                        '(--width)--width=[Multiplier of the channels and units of COVID-Net. \[1.0\]]:value: ' \
                        '(--weights)--weights=[Initial weights; auto takes what is installed or cached, then the hub. \[none single, siamese; auto finetune, small-data\]]:file:_files' \
                        '(--weights-scaling)--weights-scaling=[Input that the initial weights expect\: xrv \[-1024, 1024\], imagenet mean and SD, inception \[-1, 1\], or 0-1; a FILE needs it, published weights have their own. \[published\]]:value:(published xrv imagenet inception 0-1)' \
                        '(--freeze)--freeze=[Layers to freeze\: none, features, or a number of stages from the input on. \[none single, siamese, finetune; 4 small-data\]]:value: ' \
                        '(--batch-norm)--batch-norm=[Statistics of batch normalization in training; running ones stay as they are. \[batch single, siamese, finetune; running small-data\]]:value:(batch running)' \
                        '(--precision)--precision=[Precision of the arithmetic; auto is bfloat16 on a GPU or TPU, float32 on a CPU. \[auto\]]:value:(auto float32 tf32 bfloat16)' \
                        '(--epochs)--epochs=[Epochs. \[100 single, finetune; 50 siamese; 0 small-data\]]:value: ' \
                        '(--batch-size)--batch-size=[Images per step; for random pairs of a siamese run, pairs. \[16 single, small-data; 32 siamese; 256 finetune\]]:value: ' \
                        '(--optimizer)--optimizer=[Optimizer; sgd has momentum 0.9. \[adam single, siamese; sgd finetune; adamw small-data\]]:value:(adam adamw sgd)' \
                        '(--lr)--lr=[Initial learning rate. \[0.0001 single, siamese; 0.01 finetune; 5e-05 small-data\]]:value: ' \
                        '(--schedule)--schedule=[How the learning rate changes; cosine ends at zero. \[constant single, siamese; step finetune; cosine small-data\]]:value:(constant step cosine)' \
                        '(--step-epochs)--step-epochs=[Schedule step\: epochs after which the rate falls to a tenth. \[25\]]:value: ' \
                        '(--warmup)--warmup=[Fraction of all steps over which the learning rate rises from zero. \[0.0 single, siamese, finetune; 0.1 small-data\]]:value: ' \
                        '(--weight-decay)--weight-decay=[Weight decay of kernels; biases and normalization are excluded. \[0.0 single, siamese, finetune; 0.02 small-data\]]:value: ' \
                        '(--layer-decay)--layer-decay=[Factor of the learning rate from each stage to the stage before it. \[1.0 single, siamese, finetune; 0.9 small-data\]]:value: ' \
                        '(--ema)--ema=[Exponential moving average of the parameters with this decay, such as 0.99; it is validated, selected and saved. \[0.0 single, siamese, finetune; 0.95 small-data\]]:value: ' \
                        '(--select)--select=[Epoch to keep\: that of the lowest validation loss, or of the highest validation metric; auc is the mean of the classes'\''. \[accuracy single, siamese; loss finetune, small-data\]]:value:(accuracy loss auc balanced-accuracy macro-f1)' \
                        '(--patience)--patience=[Stop after so many epochs without a better one in validation; 0 trains all epochs. \[0\]]:value: ' \
                        '(--flip)--flip=[Random flips. \[none single, siamese; both finetune; horizontal small-data\]]:value:(none horizontal both)' \
                        '(--rotation)--rotation=[Random rotation, up to this many degrees. \[0.0 single, siamese, small-data; 15.0 finetune\]]:value: ' \
                        '(--zoom)--zoom=[Random zoom in and out, up to this fraction. \[0.0\]]:value: ' \
                        '(--shift)--shift=[Random shift, up to this fraction of height and width. \[0.0 single, siamese, finetune; 0.05 small-data\]]:value: ' \
                        '(--contrast)--contrast=[Random contrast change, up to this fraction. \[0.0 single, siamese, finetune; 0.1 small-data\]]:value: ' \
                        '(--loss)--loss=[Cross entropy\: softmax, or binary for two classes by one logit. \[softmax single; binary finetune, small-data\]]:value:(softmax binary)' \
                        '(--label-smoothing)--label-smoothing=[Fraction of each label spread over all classes. \[0.0\]]:value: ' \
                        '(--class-weights)--class-weights=[Weights of the classes in the loss. Double quotes stand around a name with a comma or =. \[none\]]:value:(none balanced)' \
                        '(--sampling)--sampling=[Images of an epoch\: all, or balanced (the rarest class whole, as many of each other class). \[balanced single; all finetune, small-data\]]:value:(balanced all)' \
                        '(--linear-probe --no-linear-probe)--linear-probe[Begin with a classifier by logistic regression on the training images'\'' feature vectors. \[no single, finetune; yes small-data\]]' \
                        '(--linear-probe --no-linear-probe)--no-linear-probe[Begin with a classifier by logistic regression on the training images'\'' feature vectors. \[no single, finetune; yes small-data\]]' \
                        '(--flip-tta --no-flip-tta)--flip-tta[Horizontal-flip test-time augmentation\: mean probability of an image and its flip. \[no single, finetune; yes small-data\]]' \
                        '(--flip-tta --no-flip-tta)--no-flip-tta[Horizontal-flip test-time augmentation\: mean probability of an image and its flip. \[no single, finetune; yes small-data\]]' \
                        '(--pairs)--pairs=[Pairs per epoch. \[12000\]]:value: ' \
                        '(--pairing)--pairing=[Random pairs (the paper'\''s), or all pairs within a batch. \[random\]]:value:(random in-batch)' \
                        '(--trials)--trials=[Three-way trials that validate an epoch. \[129\]]:value: ' \
                        '(--distributed)--distributed=[Train on the devices of all tasks that srun or mpirun started; on requires several.]:value:(auto off on)' \
                        '(--deterministic)--deterministic[On a GPU, compute the same bits in every run; slower.]' \
                        '(--no-compile-cache)--no-compile-cache[Do not keep compiled programs for the next command.]' \
                        '(--config)--config=[Options from a file, as lr = 1e-4; in tables such as \[train\] for several commands. The command line wins.]:file:_files' \
                        '(--show-config)--show-config[Print all options as they would be, as such a file.]' \
                        '(--quiet)--quiet[Say nothing but errors on stderr.]' \
                        '(--verbose)--verbose[Say the options, the time of each notice, progress more often.]' \
                        '(--log-file)--log-file=[Append what is said to this file, too, with the time.]:file:_files' \
                        '(-h --help)-h[Show this message and exit.]' \
                        '(-h --help)--help[Show this message and exit.]' \
                        '1:folder:_files -/'
                    ;;
                sweep)
                    _arguments \
                        '(--split)--split=[The split.csv of the DATASET.]:file:_files' \
                        '(--output -o)--output=[The folder for the runs and sweep.csv.]:folder:_files -/' \
                        '(--output -o)-o[The folder for the runs and sweep.csv.]:folder:_files -/' \
                        '(--recipe)--recipe=[The papers'\'' settings, single, siamese or finetune; or small-data.]:value:(single siamese finetune small-data)' \
                        '*--lr=[Learning rates; repeatable. \[1e-3 1e-4 1e-5\]]:value: ' \
                        '*--batch-size=[Batch sizes; repeatable. \[8 16 32\]]:value: ' \
                        '(--fold)--fold=[The fold to test on, where the split has folds.]:value: ' \
                        '(--seed)--seed=[Random seed.]:value: ' \
                        '(--task)--task=[Only part I of N, from 1. \[the task of a Slurm job array; else all\]]:value: ' \
                        '(--dry-run)--dry-run[Print steps, parameters, memory, and time by timed steps; write nothing.]' \
                        '(--tensorboard)--tensorboard[Write each epoch for TensorBoard, into RUN/tensorboard.]' \
                        '(--mlflow)--mlflow[Log each epoch to MLflow, where MLFLOW_TRACKING_URI says.]' \
                        '(--arch)--arch=[Architecture. \[covidnet single, siamese; efficientnet_lite0 finetune; efficientnet_lites_mid small-data\]]:value:(covidnet resnet50 resnet101 resnext50_32x4d resnext101_32x8d densenet121 densenet161 inception_v3 efficientnet_lite0 efficientnet_lite1 efficientnet_lite2 efficientnet_lite0_mid efficientnet_lite2_mid efficientnet_lites_mid)' \
                        '(--width)--width=[Multiplier of the channels and units of COVID-Net. \[1.0\]]:value: ' \
                        '(--weights)--weights=[Initial weights; auto takes what is installed or cached, then the hub. \[none single, siamese; auto finetune, small-data\]]:file:_files' \
                        '(--weights-scaling)--weights-scaling=[Input that the initial weights expect\: xrv \[-1024, 1024\], imagenet mean and SD, inception \[-1, 1\], or 0-1; a FILE needs it, published weights have their own. \[published\]]:value:(published xrv imagenet inception 0-1)' \
                        '(--freeze)--freeze=[Layers to freeze\: none, features, or a number of stages from the input on. \[none single, siamese, finetune; 4 small-data\]]:value: ' \
                        '(--batch-norm)--batch-norm=[Statistics of batch normalization in training; running ones stay as they are. \[batch single, siamese, finetune; running small-data\]]:value:(batch running)' \
                        '(--precision)--precision=[Precision of the arithmetic; auto is bfloat16 on a GPU or TPU, float32 on a CPU. \[auto\]]:value:(auto float32 tf32 bfloat16)' \
                        '(--epochs)--epochs=[Epochs. \[100 single, finetune; 20 siamese; 0 small-data\]]:value: ' \
                        '(--optimizer)--optimizer=[Optimizer; sgd has momentum 0.9. \[adam single, siamese; sgd finetune; adamw small-data\]]:value:(adam adamw sgd)' \
                        '(--schedule)--schedule=[How the learning rate changes; cosine ends at zero. \[constant single, siamese; step finetune; cosine small-data\]]:value:(constant step cosine)' \
                        '(--step-epochs)--step-epochs=[Schedule step\: epochs after which the rate falls to a tenth. \[25\]]:value: ' \
                        '(--warmup)--warmup=[Fraction of all steps over which the learning rate rises from zero. \[0.0 single, siamese, finetune; 0.1 small-data\]]:value: ' \
                        '(--weight-decay)--weight-decay=[Weight decay of kernels; biases and normalization are excluded. \[0.0 single, siamese, finetune; 0.02 small-data\]]:value: ' \
                        '(--layer-decay)--layer-decay=[Factor of the learning rate from each stage to the stage before it. \[1.0 single, siamese, finetune; 0.9 small-data\]]:value: ' \
                        '(--ema)--ema=[Exponential moving average of the parameters with this decay, such as 0.99; it is validated, selected and saved. \[0.0 single, siamese, finetune; 0.95 small-data\]]:value: ' \
                        '(--select)--select=[Epoch to keep\: that of the lowest validation loss, or of the highest validation metric; auc is the mean of the classes'\''. \[accuracy single, siamese; loss finetune, small-data\]]:value:(accuracy loss auc balanced-accuracy macro-f1)' \
                        '(--patience)--patience=[Stop after so many epochs without a better one in validation; 0 trains all epochs. \[0\]]:value: ' \
                        '(--flip)--flip=[Random flips. \[none single, siamese; both finetune; horizontal small-data\]]:value:(none horizontal both)' \
                        '(--rotation)--rotation=[Random rotation, up to this many degrees. \[0.0 single, siamese, small-data; 15.0 finetune\]]:value: ' \
                        '(--zoom)--zoom=[Random zoom in and out, up to this fraction. \[0.0\]]:value: ' \
                        '(--shift)--shift=[Random shift, up to this fraction of height and width. \[0.0 single, siamese, finetune; 0.05 small-data\]]:value: ' \
                        '(--contrast)--contrast=[Random contrast change, up to this fraction. \[0.0 single, siamese, finetune; 0.1 small-data\]]:value: ' \
                        '(--loss)--loss=[Cross entropy\: softmax, or binary for two classes by one logit. \[softmax single; binary finetune, small-data\]]:value:(softmax binary)' \
                        '(--label-smoothing)--label-smoothing=[Fraction of each label spread over all classes. \[0.0\]]:value: ' \
                        '(--class-weights)--class-weights=[Weights of the classes in the loss. Double quotes stand around a name with a comma or =. \[none\]]:value:(none balanced)' \
                        '(--sampling)--sampling=[Images of an epoch\: all, or balanced (the rarest class whole, as many of each other class). \[balanced single; all finetune, small-data\]]:value:(balanced all)' \
                        '(--linear-probe --no-linear-probe)--linear-probe[Begin with a classifier by logistic regression on the training images'\'' feature vectors. \[no single, finetune; yes small-data\]]' \
                        '(--linear-probe --no-linear-probe)--no-linear-probe[Begin with a classifier by logistic regression on the training images'\'' feature vectors. \[no single, finetune; yes small-data\]]' \
                        '(--flip-tta --no-flip-tta)--flip-tta[Horizontal-flip test-time augmentation\: mean probability of an image and its flip. \[no single, finetune; yes small-data\]]' \
                        '(--flip-tta --no-flip-tta)--no-flip-tta[Horizontal-flip test-time augmentation\: mean probability of an image and its flip. \[no single, finetune; yes small-data\]]' \
                        '(--pairs)--pairs=[Pairs per epoch. \[5000\]]:value: ' \
                        '(--pairing)--pairing=[Random pairs (the paper'\''s), or all pairs within a batch. \[random\]]:value:(random in-batch)' \
                        '(--trials)--trials=[Three-way trials that validate an epoch. \[129\]]:value: ' \
                        '(--distributed)--distributed=[Train on the devices of all tasks that srun or mpirun started; on requires several.]:value:(auto off on)' \
                        '(--deterministic)--deterministic[On a GPU, compute the same bits in every run; slower.]' \
                        '(--no-compile-cache)--no-compile-cache[Do not keep compiled programs for the next command.]' \
                        '(--config)--config=[Options from a file, as lr = 1e-4; in tables such as \[train\] for several commands. The command line wins.]:file:_files' \
                        '(--show-config)--show-config[Print all options as they would be, as such a file.]' \
                        '(--quiet)--quiet[Say nothing but errors on stderr.]' \
                        '(--verbose)--verbose[Say the options, the time of each notice, progress more often.]' \
                        '(--log-file)--log-file=[Append what is said to this file, too, with the time.]:file:_files' \
                        '(-h --help)-h[Show this message and exit.]' \
                        '(-h --help)--help[Show this message and exit.]' \
                        '1:folder:_files -/'
                    ;;
                weights)
                    commands=(
                        'list:List published weights, and which are available locally.'
                        'fetch:Download weights into the local cache.'
                        'verify:Verify the digest of weights, and that they fit their architecture.'
                    )
                    _arguments -C \
                        '(-h --help)-h[Show this message and exit.]' \
                        '(-h --help)--help[Show this message and exit.]' \
                        '1: :->command' \
                        '*:: :->argument' && return
                    case $state in
                        command) _describe -t commands command commands ;;
                        argument)
                            case $words[1] in
                                list)
                                    _arguments \
                                        '(--arch)--arch=[Only weights of this architecture.]:value:(covidnet resnet50 resnet101 resnext50_32x4d resnext101_32x8d densenet121 densenet161 inception_v3 efficientnet_lite0 efficientnet_lite1 efficientnet_lite2 efficientnet_lite0_mid efficientnet_lite2_mid efficientnet_lites_mid)' \
                                        '(--format)--format=[Output format.]:value:(table csv json)' \
                                        '(--config)--config=[Options from a file, as lr = 1e-4; in tables such as \[train\] for several commands. The command line wins.]:file:_files' \
                                        '(--show-config)--show-config[Print all options as they would be, as such a file.]' \
                                        '(--quiet)--quiet[Say nothing but errors on stderr.]' \
                                        '(--verbose)--verbose[Say the options, the time of each notice, progress more often.]' \
                                        '(--log-file)--log-file=[Append what is said to this file, too, with the time.]:file:_files' \
                                        '(-h --help)-h[Show this message and exit.]' \
                                        '(-h --help)--help[Show this message and exit.]'
                                    ;;
                                fetch)
                                    _arguments \
                                        '(--config)--config=[Options from a file, as lr = 1e-4; in tables such as \[train\] for several commands. The command line wins.]:file:_files' \
                                        '(--show-config)--show-config[Print all options as they would be, as such a file.]' \
                                        '(--quiet)--quiet[Say nothing but errors on stderr.]' \
                                        '(--verbose)--verbose[Say the options, the time of each notice, progress more often.]' \
                                        '(--log-file)--log-file=[Append what is said to this file, too, with the time.]:file:_files' \
                                        '(-h --help)-h[Show this message and exit.]' \
                                        '(-h --help)--help[Show this message and exit.]' \
                                        '*:value:(timm/resnet50.tv_in1k timm/resnet101.tv_in1k timm/resnext50_32x4d.tv_in1k timm/resnext101_32x8d.tv_in1k timm/densenet121.tv_in1k timm/densenet161.tv_in1k timm/inception_v3.tv_in1k timm/tf_efficientnet_lite0.in1k)'
                                    ;;
                                verify)
                                    _arguments \
                                        '(--arch)--arch=[Architecture; needed for a file. \[the name'\''s own\]]:value:(covidnet resnet50 resnet101 resnext50_32x4d resnext101_32x8d densenet121 densenet161 inception_v3 efficientnet_lite0 efficientnet_lite1 efficientnet_lite2 efficientnet_lite0_mid efficientnet_lite2_mid efficientnet_lites_mid)' \
                                        '(--weights-scaling)--weights-scaling=[Input that they expect; for a file, training needs it.]:value:(published xrv imagenet inception 0-1)' \
                                        '(--config)--config=[Options from a file, as lr = 1e-4; in tables such as \[train\] for several commands. The command line wins.]:file:_files' \
                                        '(--show-config)--show-config[Print all options as they would be, as such a file.]' \
                                        '(--quiet)--quiet[Say nothing but errors on stderr.]' \
                                        '(--verbose)--verbose[Say the options, the time of each notice, progress more often.]' \
                                        '(--log-file)--log-file=[Append what is said to this file, too, with the time.]:file:_files' \
                                        '(-h --help)-h[Show this message and exit.]' \
                                        '(-h --help)--help[Show this message and exit.]' \
                                        '1:file:_files'
                                    ;;
                            esac
                            ;;
                    esac
                    ;;
                test)
                    _arguments \
                        '(--subset)--subset=[Images to predict.]:value:(train val test)' \
                        '(--templates)--templates=[Templates of a siamese run. \[RUN/templates.npz\]]:file:_files' \
                        '(--positive)--positive=[Of two classes, the positive one. \[the one beside a class named like a negative\: normal, ...\]]:class:_cxr_classes' \
                        '(--sensitivity)--sensitivity=[Choose the highest threshold that reaches this sensitivity on validation. \[the one with the highest Youden index there\]]:value: ' \
                        '(--threshold)--threshold=[Call an image positive if its score is at least this, such as 0.5.]:value: ' \
                        '(--calibrate)--calibrate=[Recalibrate the scores, fitted on validation; later predictions follow. \[as they are\]]:value:(temperature platt isotonic)' \
                        '(--prevalence)--prevalence=[Of two classes, also compute predictive values at this prevalence, such as 0.03.]:value: ' \
                        '(--output -o)--output=[The predictions to write. \[RUN/predictions.csv\]]:file:_files' \
                        '(--output -o)-o[The predictions to write. \[RUN/predictions.csv\]]:file:_files' \
                        '(--json)--json=[The metrics to write; figures go beside it. \[RUN/metrics.json, RUN/figures\]]:file:_files' \
                        '(--external)--external=[Test on this other dataset; nothing is chosen on it.]:file:_files' \
                        '(--name)--name=[For --external\: the name of the results, RUN/external/NAME. \[as DATASET\]]:value: ' \
                        '(--class-map)--class-map=[For --external\: the run'\''s classes for those of the dataset. Double quotes stand around a name with a comma or =.]:value: ' \
                        '(--exclude-overlap)--exclude-overlap[For --external\: leave out images that overlap with training and validation.]' \
                        '*--member=[For --external\: average with this run, too; repeatable.]:file:_files' \
                        '(--dataset)--dataset=[Where the DATASET is now, if it was moved.]:folder:_files -/' \
                        '(--split)--split=[Where the split.csv is now, if it was moved.]:file:_files' \
                        '(--deterministic)--deterministic[On a GPU, compute the same bits in every run; slower.]' \
                        '(--no-compile-cache)--no-compile-cache[Do not keep compiled programs for the next command.]' \
                        '(--config)--config=[Options from a file, as lr = 1e-4; in tables such as \[train\] for several commands. The command line wins.]:file:_files' \
                        '(--show-config)--show-config[Print all options as they would be, as such a file.]' \
                        '(--quiet)--quiet[Say nothing but errors on stderr.]' \
                        '(--verbose)--verbose[Say the options, the time of each notice, progress more often.]' \
                        '(--log-file)--log-file=[Append what is said to this file, too, with the time.]:file:_files' \
                        '(-h --help)-h[Show this message and exit.]' \
                        '(-h --help)--help[Show this message and exit.]' \
                        '1:folder:_files -/'
                    ;;
                template)
                    _arguments \
                        '(--kind)--kind=[The mean of a class'\''s images (the paper'\''s), its medoid image, or its images nearest to the image that is tested.]:value:(mean medoid nearest)' \
                        '(--nearest)--nearest=[For --kind nearest\: how many images of a class count.]:value: ' \
                        '(--output -o)--output=[The templates. \[RUN/templates.npz\]]:file:_files' \
                        '(--output -o)-o[The templates. \[RUN/templates.npz\]]:file:_files' \
                        '(--dataset)--dataset=[Where the DATASET is now, if it was moved.]:folder:_files -/' \
                        '(--split)--split=[Where the split.csv is now, if it was moved.]:file:_files' \
                        '(--deterministic)--deterministic[On a GPU, compute the same bits in every run; slower.]' \
                        '(--no-compile-cache)--no-compile-cache[Do not keep compiled programs for the next command.]' \
                        '(--config)--config=[Options from a file, as lr = 1e-4; in tables such as \[train\] for several commands. The command line wins.]:file:_files' \
                        '(--show-config)--show-config[Print all options as they would be, as such a file.]' \
                        '(--quiet)--quiet[Say nothing but errors on stderr.]' \
                        '(--verbose)--verbose[Say the options, the time of each notice, progress more often.]' \
                        '(--log-file)--log-file=[Append what is said to this file, too, with the time.]:file:_files' \
                        '(-h --help)-h[Show this message and exit.]' \
                        '(-h --help)--help[Show this message and exit.]' \
                        '1:folder:_files -/'
                    ;;
                validate3way)
                    _arguments \
                        '(--trials)--trials=[Trials in each repeat; no image is classified twice in one.]:value: ' \
                        '(--repeats)--repeats=[Independent random samples of trials.]:value: ' \
                        '(--seed)--seed=[Random seed.]:value: ' \
                        '(--subset)--subset=[Whose images are compared.]:value:(train val test)' \
                        '(--json)--json=[Write the metrics there as JSON.]:file:_files' \
                        '(--dataset)--dataset=[Where the DATASET is now, if it was moved.]:folder:_files -/' \
                        '(--split)--split=[Where the split.csv is now, if it was moved.]:file:_files' \
                        '(--deterministic)--deterministic[On a GPU, compute the same bits in every run; slower.]' \
                        '(--no-compile-cache)--no-compile-cache[Do not keep compiled programs for the next command.]' \
                        '(--config)--config=[Options from a file, as lr = 1e-4; in tables such as \[train\] for several commands. The command line wins.]:file:_files' \
                        '(--show-config)--show-config[Print all options as they would be, as such a file.]' \
                        '(--quiet)--quiet[Say nothing but errors on stderr.]' \
                        '(--verbose)--verbose[Say the options, the time of each notice, progress more often.]' \
                        '(--log-file)--log-file=[Append what is said to this file, too, with the time.]:file:_files' \
                        '(-h --help)-h[Show this message and exit.]' \
                        '(-h --help)--help[Show this message and exit.]' \
                        '1:folder:_files -/'
                    ;;
                predict)
                    _arguments \
                        '(--output -o)--output=[The predictions to write. \[stdout\]]:file:_files' \
                        '(--output -o)-o[The predictions to write. \[stdout\]]:file:_files' \
                        '(--first)--first=[Sort by the score for this class, highest first. \[of two classes the positive one; else the order of the images\]]:class:_cxr_classes' \
                        '(--json)--json[Of files\: a line of JSON for each, as soon as it is predicted.]' \
                        '(--watch)--watch=[Predict files as they arrive, each once; needs -o FILE of lines.]:file:_files' \
                        '(--idle)--idle=[For --watch\: stop when no file came for so long. \[never\]]:value: ' \
                        '*--member=[Average with this run, too; repeatable.]:file:_files' \
                        '(--templates)--templates=[Templates of a siamese run. \[RUN/templates.npz\]]:file:_files' \
                        '(--dataset)--dataset=[Where the DATASET is now, if it was moved.]:folder:_files -/' \
                        '(--split)--split=[Where the split.csv is now, if it was moved.]:file:_files' \
                        '(--deterministic)--deterministic[On a GPU, compute the same bits in every run; slower.]' \
                        '(--no-compile-cache)--no-compile-cache[Do not keep compiled programs for the next command.]' \
                        '(--config)--config=[Options from a file, as lr = 1e-4; in tables such as \[train\] for several commands. The command line wins.]:file:_files' \
                        '(--show-config)--show-config[Print all options as they would be, as such a file.]' \
                        '(--quiet)--quiet[Say nothing but errors on stderr.]' \
                        '(--verbose)--verbose[Say the options, the time of each notice, progress more often.]' \
                        '(--log-file)--log-file=[Append what is said to this file, too, with the time.]:file:_files' \
                        '(-h --help)-h[Show this message and exit.]' \
                        '(-h --help)--help[Show this message and exit.]' \
                        '1:folder:_files -/' \
                        '*:folder:_files -/'
                    ;;
                stratify)
                    _arguments \
                        '*--by=[A characteristic; repeatable. `a,b` crosses two; `age\:40,60` groups numbers. Double quotes stand around a name with a comma or colon.]:column:_cxr_columns' \
                        '(--compare)--compare=[Another model'\''s predictions of the same images; `cxr compare` takes more.]:file:_files' \
                        '(--positive)--positive=[The positive class; of more than two, it is compared with all others.]:class:_cxr_classes' \
                        '(--threshold)--threshold=[Call an image positive if its score is at least this. \[as the column `predicted`\]]:value: ' \
                        '(--small)--small=[Mark strata with fewer patients than this of a class.]:value: ' \
                        '(--ids-verbatim)--ids-verbatim[Patient ids that differ only in zeros, blanks, case or .0 are different patients.]' \
                        '(--format)--format=[Format of the tables.]:value:(table csv json latex markdown)' \
                        '(--output -o)--output=[A folder for all tables and ROC plots.]:folder:_files -/' \
                        '(--output -o)-o[A folder for all tables and ROC plots.]:folder:_files -/' \
                        '(--resamples)--resamples=[Random samples of patients, at most, for p-values.]:value: ' \
                        '(--seed)--seed=[Random seed.]:value: ' \
                        '(--config)--config=[Options from a file, as lr = 1e-4; in tables such as \[train\] for several commands. The command line wins.]:file:_files' \
                        '(--show-config)--show-config[Print all options as they would be, as such a file.]' \
                        '(--quiet)--quiet[Say nothing but errors on stderr.]' \
                        '(--verbose)--verbose[Say the options, the time of each notice, progress more often.]' \
                        '(--log-file)--log-file=[Append what is said to this file, too, with the time.]:file:_files' \
                        '(-h --help)-h[Show this message and exit.]' \
                        '(-h --help)--help[Show this message and exit.]' \
                        '1:file:_files'
                    ;;
                compare)
                    _arguments \
                        '*--by=[Compare by a characteristic, too, as in `cxr stratify`; repeatable.]:column:_cxr_columns' \
                        '*--reader=[A column with a human reader'\''s calls, as classes; repeatable.]:column:_cxr_columns' \
                        '(--positive)--positive=[The positive class; of more than two, it is compared with all others.]:class:_cxr_classes' \
                        '(--noninferiority)--noninferiority=[The largest acceptable loss of a metric, such as 0.05.]:value: ' \
                        '(--ensemble)--ensemble[Also compare the mean of the models'\'' scores.]' \
                        '(--prevalence)--prevalence=[Also compute predictive values at this prevalence of the positive class.]:value: ' \
                        '(--small)--small=[Mark strata with fewer patients than this of a class.]:value: ' \
                        '(--ids-verbatim)--ids-verbatim[Patient ids that differ only in zeros, blanks, case or .0 are different patients.]' \
                        '(--format)--format=[Format of the tables.]:value:(table csv json latex markdown)' \
                        '(--output -o)--output=[A folder for all tables and figures.]:folder:_files -/' \
                        '(--output -o)-o[A folder for all tables and figures.]:folder:_files -/' \
                        '(--resamples)--resamples=[Random samples of patients, at most, for p-values.]:value: ' \
                        '(--seed)--seed=[Random seed.]:value: ' \
                        '(--config)--config=[Options from a file, as lr = 1e-4; in tables such as \[train\] for several commands. The command line wins.]:file:_files' \
                        '(--show-config)--show-config[Print all options as they would be, as such a file.]' \
                        '(--quiet)--quiet[Say nothing but errors on stderr.]' \
                        '(--verbose)--verbose[Say the options, the time of each notice, progress more often.]' \
                        '(--log-file)--log-file=[Append what is said to this file, too, with the time.]:file:_files' \
                        '(-h --help)-h[Show this message and exit.]' \
                        '(-h --help)--help[Show this message and exit.]' \
                        '*:folder:_files -/'
                    ;;
                gradcam)
                    _arguments \
                        '(--output -o)--output=[The folder to write.]:folder:_files -/' \
                        '(--output -o)-o[The folder to write.]:folder:_files -/' \
                        '(--subset)--subset=[Images to choose from.]:value:(train val test)' \
                        '*--images=[Choose from these instead\: file, folder, zip archive or image_id; repeatable.]:file:_files' \
                        '*--pick=[A random sample, or by the run'\''s prediction; repeatable. \[random\]]:value:(random tp fp fn tn)' \
                        '(--count)--count=[Images of each pick; 0 for all. \[16; all with --images or --sanity-check\]]:value: ' \
                        '(--seed)--seed=[Random seed.]:value: ' \
                        '(--target)--target=[The class whose score is explained.]:value:(predicted label)' \
                        '(--positive)--positive=[The positive class of --pick tp, fp, fn and tn. \[--target CLASS; of two classes, the one not named like a negative\]]:class:_cxr_classes' \
                        '(--pair)--pair=[Siamese runs\: explain the similarity of two images.]:value: ' \
                        '(--method)--method=[Saliency method.]:value:(gradcam gradcam++ hirescam layercam)' \
                        '(--layer)--layer=[The layer whose feature map is weighted, such as stage3. \[the last\]]:value: ' \
                        '(--beside)--beside=[Show the maps of another run beside them, such as of cropped images.]:file:_files' \
                        '(--color)--color=[Colormap of the overlays.]:value:(inferno viridis cividis red)' \
                        '(--shared-scale)--shared-scale[One color scale for all images of a run.]' \
                        '(--dicom)--dicom[Also write a DICOM Secondary Capture of each DICOM image.]' \
                        '(--templates)--templates=[Templates of a siamese run. \[RUN/templates.npz\]]:file:_files' \
                        '(--sanity-check)--sanity-check[Check the maps instead of drawing them.]' \
                        '(--masks)--masks=[For --sanity-check\: masks of findings, CLASS/NAME.png for the image CLASS/NAME.dcm.]:file:_files' \
                        '(--source-root)--source-root=[The folder that relative paths of images start from.]:folder:_files -/' \
                        '(--dataset)--dataset=[Where the DATASET is now, if it was moved.]:folder:_files -/' \
                        '(--split)--split=[Where the split.csv is now, if it was moved.]:file:_files' \
                        '(--deterministic)--deterministic[On a GPU, compute the same bits in every run; slower.]' \
                        '(--no-compile-cache)--no-compile-cache[Do not keep compiled programs for the next command.]' \
                        '(--config)--config=[Options from a file, as lr = 1e-4; in tables such as \[train\] for several commands. The command line wins.]:file:_files' \
                        '(--show-config)--show-config[Print all options as they would be, as such a file.]' \
                        '(--quiet)--quiet[Say nothing but errors on stderr.]' \
                        '(--verbose)--verbose[Say the options, the time of each notice, progress more often.]' \
                        '(--log-file)--log-file=[Append what is said to this file, too, with the time.]:file:_files' \
                        '(-h --help)-h[Show this message and exit.]' \
                        '(-h --help)--help[Show this message and exit.]' \
                        '1:folder:_files -/'
                    ;;
                audit)
                    _arguments \
                        '(--split)--split=[The split.csv\: needed for a DATASET; for a RUN where it is now, if it was moved.]:file:_files' \
                        '(--dataset)--dataset=[Where the DATASET is now, if it was moved.]:folder:_files -/' \
                        '(--fold)--fold=[The fold to test on, where the split has folds.]:value: ' \
                        '(--subset)--subset=[Images to apply the run to.]:value:(train val test)' \
                        '(--templates)--templates=[Templates of a siamese run. \[RUN/templates.npz\]]:file:_files' \
                        '*--ignore=[A characteristic to leave out; repeatable.]:column:_cxr_columns' \
                        '*--fail-on=[Exit with code 5 if any of these is found; repeatable.]:value:(shortcut association leak)' \
                        '(--output -o)--output=[Folder for audit.json and figures/audit.png. \[RUN\]]:folder:_files -/' \
                        '(--output -o)-o[Folder for audit.json and figures/audit.png. \[RUN\]]:folder:_files -/' \
                        '(--json)--json=[The results to write as JSON. \[DIR/audit.json\]]:file:_files' \
                        '(--deterministic)--deterministic[On a GPU, compute the same bits in every run; slower.]' \
                        '(--no-compile-cache)--no-compile-cache[Do not keep compiled programs for the next command.]' \
                        '(--config)--config=[Options from a file, as lr = 1e-4; in tables such as \[train\] for several commands. The command line wins.]:file:_files' \
                        '(--show-config)--show-config[Print all options as they would be, as such a file.]' \
                        '(--quiet)--quiet[Say nothing but errors on stderr.]' \
                        '(--verbose)--verbose[Say the options, the time of each notice, progress more often.]' \
                        '(--log-file)--log-file=[Append what is said to this file, too, with the time.]:file:_files' \
                        '(-h --help)-h[Show this message and exit.]' \
                        '(-h --help)--help[Show this message and exit.]' \
                        '1:folder:_files -/'
                    ;;
                report)
                    _arguments \
                        '(--output -o)--output=[The page. \[RUN/report.html\]]:file:_files' \
                        '(--output -o)-o[The page. \[RUN/report.html\]]:file:_files' \
                        '(--title)--title=[Title of the page. \[names the classes\]]:value: ' \
                        '(--gradcam)--gradcam=[A folder made by `cxr gradcam`. \[RUN/gradcam\]]:folder:_files -/' \
                        '*--by=[Subgroups of the test images, as in `cxr stratify`; repeatable. \[all that vary\]]:column:_cxr_columns' \
                        '(--dataset)--dataset=[Where the DATASET is now, if it was moved.]:folder:_files -/' \
                        '(--split)--split=[Where the split.csv is now, if it was moved.]:file:_files' \
                        '(--config)--config=[Options from a file, as lr = 1e-4; in tables such as \[train\] for several commands. The command line wins.]:file:_files' \
                        '(--show-config)--show-config[Print all options as they would be, as such a file.]' \
                        '(--quiet)--quiet[Say nothing but errors on stderr.]' \
                        '(--verbose)--verbose[Say the options, the time of each notice, progress more often.]' \
                        '(--log-file)--log-file=[Append what is said to this file, too, with the time.]:file:_files' \
                        '(-h --help)-h[Show this message and exit.]' \
                        '(-h --help)--help[Show this message and exit.]' \
                        '1:folder:_files -/'
                    ;;
                export)
                    _arguments \
                        '(--output -o)--output=[The file to write.]:file:_files' \
                        '(--output -o)-o[The file to write.]:file:_files' \
                        '(--format)--format=[ONNX, or JAX'\''s StableHLO (`jax.export.deserialize`).]:value:(onnx stablehlo)' \
                        '(--input-type)--input-type=[Type of the images \[N,H,W\]; their gray values are 0 to 255.]:value:(uint8 float32)' \
                        '*--member=[Average with this run, too; repeatable.]:file:_files' \
                        '(--templates)--templates=[Templates of a siamese run. \[RUN/templates.npz\]]:file:_files' \
                        '(--deterministic)--deterministic[On a GPU, compute the same bits in every run; slower.]' \
                        '(--no-compile-cache)--no-compile-cache[Do not keep compiled programs for the next command.]' \
                        '(--config)--config=[Options from a file, as lr = 1e-4; in tables such as \[train\] for several commands. The command line wins.]:file:_files' \
                        '(--show-config)--show-config[Print all options as they would be, as such a file.]' \
                        '(--quiet)--quiet[Say nothing but errors on stderr.]' \
                        '(--verbose)--verbose[Say the options, the time of each notice, progress more often.]' \
                        '(--log-file)--log-file=[Append what is said to this file, too, with the time.]:file:_files' \
                        '(-h --help)-h[Show this message and exit.]' \
                        '(-h --help)--help[Show this message and exit.]' \
                        '1:folder:_files -/'
                    ;;
                verify)
                    _arguments \
                        '(--full)--full[Read all bytes of images and weights, too.]' \
                        '(--config)--config=[Options from a file, as lr = 1e-4; in tables such as \[train\] for several commands. The command line wins.]:file:_files' \
                        '(--show-config)--show-config[Print all options as they would be, as such a file.]' \
                        '(--quiet)--quiet[Say nothing but errors on stderr.]' \
                        '(--verbose)--verbose[Say the options, the time of each notice, progress more often.]' \
                        '(--log-file)--log-file=[Append what is said to this file, too, with the time.]:file:_files' \
                        '(-h --help)-h[Show this message and exit.]' \
                        '(-h --help)--help[Show this message and exit.]' \
                        '*:folder:_files -/'
                    ;;
                demo)
                    _arguments \
                        '(--output -o)--output=[The folder for phantoms, dataset and runs.]:folder:_files -/' \
                        '(--output -o)-o[The folder for phantoms, dataset and runs.]:folder:_files -/' \
                        '(--seed)--seed=[Random seed.]:value: ' \
                        '(--config)--config=[Options from a file, as lr = 1e-4; in tables such as \[train\] for several commands. The command line wins.]:file:_files' \
                        '(--show-config)--show-config[Print all options as they would be, as such a file.]' \
                        '(--quiet)--quiet[Say nothing but errors on stderr.]' \
                        '(--verbose)--verbose[Say the options, the time of each notice, progress more often.]' \
                        '(--log-file)--log-file=[Append what is said to this file, too, with the time.]:file:_files' \
                        '(-h --help)-h[Show this message and exit.]' \
                        '(-h --help)--help[Show this message and exit.]'
                    ;;
                phantom)
                    _arguments \
                        '(-o --output)-o[The folder to write.]:folder:_files -/' \
                        '(-o --output)--output=[The folder to write.]:folder:_files -/' \
                        '(--count)--count=[Number of images, balanced over the findings.]:value: ' \
                        '(--size)--size=[Height and width of an image, pixels.]:value: ' \
                        '*--finding=[normal, pneumonia, covid19 or pneumoperitoneum; repeatable. \[default\: normal pneumonia covid19\]]:value:(normal pneumonia covid19 pneumoperitoneum)' \
                        '(--images-per-patient)--images-per-patient=[Maximum images per patient, uniformly random from 1.]:value: ' \
                        '(--shortcut)--shortcut=[Probability of a planted corner marker on images of one class.]:value: ' \
                        '(--shortcut-class)--shortcut-class=[The class that may carry it. \[default\: the last finding\]]:value:(normal pneumonia covid19 pneumoperitoneum)' \
                        '(--seed)--seed=[The same seed gives the same bytes.]:value: ' \
                        '(--workers)--workers=[Number of processes; the output is the same. \[one per available CPU\]]:value: ' \
                        '(--config)--config=[Options from a file, as lr = 1e-4; in tables such as \[train\] for several commands. The command line wins.]:file:_files' \
                        '(--show-config)--show-config[Print all options as they would be, as such a file.]' \
                        '(--quiet)--quiet[Say nothing but errors on stderr.]' \
                        '(--verbose)--verbose[Say the options, the time of each notice, progress more often.]' \
                        '(--log-file)--log-file=[Append what is said to this file, too, with the time.]:file:_files' \
                        '(-h --help)-h[Show this message and exit.]' \
                        '(-h --help)--help[Show this message and exit.]'
                    ;;
                doctor)
                    _arguments \
                        '(--config)--config=[Options from a file, as lr = 1e-4; in tables such as \[train\] for several commands. The command line wins.]:file:_files' \
                        '(--show-config)--show-config[Print all options as they would be, as such a file.]' \
                        '(--quiet)--quiet[Say nothing but errors on stderr.]' \
                        '(--verbose)--verbose[Say the options, the time of each notice, progress more often.]' \
                        '(--log-file)--log-file=[Append what is said to this file, too, with the time.]:file:_files' \
                        '(-h --help)-h[Show this message and exit.]' \
                        '(-h --help)--help[Show this message and exit.]'
                    ;;
                slurm-script)
                    _arguments \
                        '(--partition)--partition=[Partition, as of sbatch.]:value: ' \
                        '(--account)--account=[Account, as of sbatch.]:value: ' \
                        '(--time)--time=[Time limit, as of sbatch, such as 08\:00\:00.]:value: ' \
                        '(--memory)--memory=[Memory, as of sbatch, such as 32G.]:value: ' \
                        '(--cpus)--cpus=[CPUs of each task.]:value: ' \
                        '(--gpus)--gpus=[GPUs of each task.]:value: ' \
                        '(--tasks)--tasks=[Tasks of a job array that share the work.]:value: ' \
                        '(--ntasks)--ntasks=[Processes that train together, in each task of an array.]:value: ' \
                        '(--nodes)--nodes=[Nodes for these processes, as of sbatch.]:value: ' \
                        '(--container)--container=[An Apptainer image to run `cxr` in.]:value: ' \
                        '(--warning)--warning=[Seconds before the time limit at which training saves its state.]:value: ' \
                        '(--config)--config=[Options from a file, as lr = 1e-4; in tables such as \[train\] for several commands. The command line wins.]:file:_files' \
                        '(--show-config)--show-config[Print all options as they would be, as such a file.]' \
                        '(--quiet)--quiet[Say nothing but errors on stderr.]' \
                        '(--verbose)--verbose[Say the options, the time of each notice, progress more often.]' \
                        '(--log-file)--log-file=[Append what is said to this file, too, with the time.]:file:_files' \
                        '(-h --help)-h[Show this message and exit.]' \
                        '(-h --help)--help[Show this message and exit.]' \
                        '1:value:(preprocess train sweep crossval)' \
                        '*:value: '
                    ;;
                completion)
                    _arguments \
                        '(--install)--install[Write it into the folder of your own completions instead.]' \
                        '(--config)--config=[Options from a file, as lr = 1e-4; in tables such as \[train\] for several commands. The command line wins.]:file:_files' \
                        '(--show-config)--show-config[Print all options as they would be, as such a file.]' \
                        '(--quiet)--quiet[Say nothing but errors on stderr.]' \
                        '(--verbose)--verbose[Say the options, the time of each notice, progress more often.]' \
                        '(--log-file)--log-file=[Append what is said to this file, too, with the time.]:file:_files' \
                        '(-h --help)-h[Show this message and exit.]' \
                        '(-h --help)--help[Show this message and exit.]' \
                        '1:value:(bash zsh fish)'
                    ;;
            esac
            ;;
    esac
}

if [[ $funcstack[1] == _cxr ]]; then
    _cxr "$@"
else
    compdef _cxr cxr
fi
