#compdef cxr
# Completion of cxr, written by completions/generate.py from the app; not to be edited.

_cxr() {
    local curcontext=$curcontext state line
    local -a commands
    commands=(
        'preprocess:Make a DATASET of raw images.'
        'split:Split a DATASET by patient into training, validation and test sets.'
        'train:Train a model on a DATASET.'
        'validate3way:Three-way validation of a siamese RUN.'
        'template:Make the class templates of a siamese RUN.'
        'test:Predict a subset and print metrics with intervals.'
        'stratify:Print every metric of a model by characteristics of the images.'
        'predict:Predict images without labels.'
        'audit:Look for shortcuts, associations and leaks.'
        'gradcam:Show which regions of an image a score rests on.'
        'report:Put all results of a RUN on one HTML page.'
        'sweep:Train a grid of learning rates and batch sizes.'
        'weights:List, fetch and verify pretrained weights.'
        'phantom:Make synthetic radiographs with known findings.'
        'demo:Run every stage on synthetic radiographs.'
        'doctor:Report what this installation and this machine can do.'
    )
    _arguments -C \
        '(--version)--version[Print the version and stop.]' \
        '(--help)--help[Show this message and exit.]' \
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
                        '*--labels=[A label table\: CSV, TSV or COVIDx list; repeatable. Without\: the folder'\''s name.]:file:_files' \
                        '(--path-column)--path-column=[The label table'\''s column of image paths.]:value: ' \
                        '(--label-column)--label-column=[The label table'\''s column of classes.]:value: ' \
                        '(--patient-column)--patient-column=[The label table'\''s column of patients; patient_id where it has that.]:value: ' \
                        '(--format)--format=[The published layout of the label tables.]:value:(nih rsna covidx cohen chexpert)' \
                        '(--finding)--finding=[With --format\: classes are positive and negative for it. \[an image'\''s one finding\]]:value: ' \
                        '(--views)--views=[Which to take\: PA, AP, LATERAL, OBLIQUE, or any. Unknown views are taken.]:value: ' \
                        '(--size)--size=[Side of the stored images, in pixels.]:value: ' \
                        '(--crop-top)--crop-top=[Share of the height to cut off above, below 0.5.]:value: ' \
                        '(--crop-border)--crop-border=[Share to cut off each side, below 0.5.]:value: ' \
                        '(--manufacturers)--manufacturers=[More spellings of manufacturers, TOML\: "Acme" = \["Acme Imaging"\].]:file:_files' \
                        '(--hash-patients)--hash-patients=[Replace patient ids by hashes, keyed by this file'\''s bytes.]:file:_files' \
                        '(--keep-tags)--keep-tags=[DICOM tags to add to the manifest as they are.]:value: ' \
                        '(--workers)--workers=[Processes that read; 0\: this one, unguarded. \[one per available CPU\]]:value: ' \
                        '(--image-timeout)--image-timeout=[Seconds after which an image that is not read yet is rejected.]:value: ' \
                        '(--max-failures)--max-failures=[Give up when more inputs are rejected.]:value: ' \
                        '(--shard)--shard=[Take the Ith of N parts. Default\: the task of a Slurm job array.]:value: ' \
                        '(--merge)--merge[SOURCE are all shards of the dataset.]' \
                        '(--help)--help[Show this message and exit.]' \
                        '*:file:_files'
                    ;;
                split)
                    _arguments \
                        '(--output -o)--output=[The split.csv to write; a .json goes beside.]:file:_files' \
                        '(--output -o)-o[The split.csv to write; a .json goes beside.]:file:_files' \
                        '(--val)--val=[Share of validation images of each class. \[0.2\]]:value: ' \
                        '(--test)--test=[Share of test images of each class. \[0.2\]]:value: ' \
                        '(--folds)--folds=[Divide into folds instead\: one tests, the next validates.]:value: ' \
                        '(--from-column)--from-column=[Take train, val, test from this manifest column; with --val, sample val from its train.]:value: ' \
                        '(--train-where)--train-where=[Train and val come from images that meet this, all other patients are test. As "institution == '\''Academic Hospital'\'' and age >= 18".]:value: ' \
                        '(--train-per-class)--train-per-class=[Images to train on\: of each class, or as positive=375,negative=375.]:value: ' \
                        '(--val-per-class)--val-per-class=[Images to validate on, written likewise. \[0\]]:value: ' \
                        '(--near-duplicates --no-near-duplicates)--near-duplicates[Keep patients with near-duplicate images in one subset.]' \
                        '(--near-duplicates --no-near-duplicates)--no-near-duplicates[Keep patients with near-duplicate images in one subset.]' \
                        '(--seed)--seed=[Seed of everything random.]:value: ' \
                        '(--help)--help[Show this message and exit.]' \
                        '1:folder:_files -/'
                    ;;
                train)
                    _arguments \
                        '(--split)--split=[The split.csv that divides the DATASET.]:file:_files' \
                        '(--output -o)--output=[The RUN folder.]:folder:_files -/' \
                        '(--output -o)-o[The RUN folder.]:folder:_files -/' \
                        '(--recipe)--recipe=[The papers'\'' settings, single, siamese or finetune; or small-data.]:value:(single siamese finetune small-data)' \
                        '(--fold)--fold=[The fold that tests, where the split has folds.]:value: ' \
                        '(--seed)--seed=[Seed of everything random.]:value: ' \
                        '(--micro-batch)--micro-batch=[Images at once, gradients being summed over the batch. \[as many as memory holds\]]:value: ' \
                        '(--arch)--arch=[Architecture. \[covidnet single, siamese; efficientnet_lite0 finetune; efficientnet_lites_mid small-data\]]:value:(covidnet resnet50 resnet101 resnext50_32x4d resnext101_32x8d densenet121 densenet161 inception_v3 efficientnet_lite0 efficientnet_lite1 efficientnet_lite2 efficientnet_lite0_mid efficientnet_lite2_mid efficientnet_lites_mid)' \
                        '(--width)--width=[Channels and units of a COVID-Net, times the paper'\''s. \[1.0\]]:value: ' \
                        '(--weights)--weights=[Initial weights; auto takes what is installed or cached, then the hub. \[none single, siamese; auto finetune, small-data\]]:file:_files' \
                        '(--freeze)--freeze=[What does not learn\: none, features, or a number of stages from the image on. \[none single, siamese, finetune; 4 small-data\]]:value: ' \
                        '(--batch-norm)--batch-norm=[Statistics of batch normalization in training; running ones stay as they are. \[batch single, siamese, finetune; running small-data\]]:value:(batch running)' \
                        '(--precision)--precision=[Precision of the arithmetic. \[float32\]]:value:(float32 tf32 bfloat16)' \
                        '(--epochs)--epochs=[Epochs. \[100 single, finetune; 50 siamese; 0 small-data\]]:value: ' \
                        '(--batch-size)--batch-size=[Images a step; pairs a step for random pairs of a siamese run. \[16 single, small-data; 32 siamese; 256 finetune\]]:value: ' \
                        '(--optimizer)--optimizer=[Optimizer; sgd has momentum 0.9. \[adam single, siamese; sgd finetune; adamw small-data\]]:value:(adam adamw sgd)' \
                        '(--lr)--lr=[Learning rate of the first step. \[0.0001 single, siamese; 0.01 finetune; 5e-05 small-data\]]:value: ' \
                        '(--schedule)--schedule=[How the learning rate changes; cosine ends at zero. \[constant single, siamese; step finetune; cosine small-data\]]:value:(constant step cosine)' \
                        '(--step-epochs)--step-epochs=[Schedule step\: epochs after which the rate falls to a tenth. \[25\]]:value: ' \
                        '(--warmup)--warmup=[Share of all steps in which the rate rises from zero. \[0.0 single, siamese, finetune; 0.1 small-data\]]:value: ' \
                        '(--weight-decay)--weight-decay=[Of kernels, not of biases and normalization. \[0.0 single, siamese, finetune; 0.02 small-data\]]:value: ' \
                        '(--layer-decay)--layer-decay=[Each stage learns at this share of the rate of the stage after it. \[1.0 single, siamese, finetune; 0.9 small-data\]]:value: ' \
                        '(--ema)--ema=[Exponential moving average of the parameters with this decay, such as 0.99; it is validated, selected and saved. \[0.0 single, siamese, finetune; 0.95 small-data\]]:value: ' \
                        '(--select)--select=[Epoch to keep\: that of the highest validation accuracy or of the lowest validation loss. \[accuracy single, siamese; loss finetune, small-data\]]:value:(accuracy loss)' \
                        '(--flip)--flip=[Random flips. \[none single, siamese; both finetune; horizontal small-data\]]:value:(none horizontal both)' \
                        '(--rotation)--rotation=[Random rotation, up to this many degrees. \[0.0 single, siamese, small-data; 15.0 finetune\]]:value: ' \
                        '(--zoom)--zoom=[Random zoom in and out, up to this share. \[0.0\]]:value: ' \
                        '(--shift)--shift=[Random shift, up to this share of height and width. \[0.0 single, siamese, finetune; 0.05 small-data\]]:value: ' \
                        '(--contrast)--contrast=[Random contrast, up to this share more or less. \[0.0 single, siamese, finetune; 0.1 small-data\]]:value: ' \
                        '(--loss)--loss=[Cross entropy\: softmax, or binary for two classes by one logit. \[softmax single; binary finetune, small-data\]]:value:(softmax binary)' \
                        '(--label-smoothing)--label-smoothing=[Share of each label spread over all classes. \[0.0\]]:value: ' \
                        '(--class-weights)--class-weights=[Weights of the classes in the loss. \[none\]]:value:(none balanced)' \
                        '(--sampling)--sampling=[Images of an epoch\: all, or balanced (the rarest class whole, as many of each other class). \[balanced single; all finetune, small-data\]]:value:(balanced all)' \
                        '(--linear-probe --no-linear-probe)--linear-probe[Begin with a classifier by logistic regression on the training images'\'' feature vectors. \[no single, finetune; yes small-data\]]' \
                        '(--linear-probe --no-linear-probe)--no-linear-probe[Begin with a classifier by logistic regression on the training images'\'' feature vectors. \[no single, finetune; yes small-data\]]' \
                        '(--flip-tta --no-flip-tta)--flip-tta[Horizontal-flip test-time augmentation\: mean probability of an image and its flip. \[no single, finetune; yes small-data\]]' \
                        '(--flip-tta --no-flip-tta)--no-flip-tta[Horizontal-flip test-time augmentation\: mean probability of an image and its flip. \[no single, finetune; yes small-data\]]' \
                        '(--pairs)--pairs=[Pairs an epoch. \[12000\]]:value: ' \
                        '(--pairing)--pairing=[Random pairs (the paper'\''s), or all pairs within a batch. \[random\]]:value:(random in-batch)' \
                        '(--trials)--trials=[Three-way trials that validate an epoch. \[129\]]:value: ' \
                        '(--help)--help[Show this message and exit.]' \
                        '1:folder:_files -/'
                    ;;
                validate3way)
                    _arguments \
                        '(--trials)--trials=[Trials in each repeat; no image is classified twice in one.]:value: ' \
                        '(--repeats)--repeats=[Independent random samples of trials.]:value: ' \
                        '(--seed)--seed=[Seed of everything random.]:value: ' \
                        '(--subset)--subset=[Whose images are compared.]:value:(train val test)' \
                        '(--json)--json=[Write the metrics there as JSON.]:file:_files' \
                        '(--dataset)--dataset=[Where the DATASET is now, if it was moved.]:folder:_files -/' \
                        '(--split)--split=[Where the split.csv is now, if it was moved.]:file:_files' \
                        '(--help)--help[Show this message and exit.]' \
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
                        '(--help)--help[Show this message and exit.]' \
                        '1:folder:_files -/'
                    ;;
                test)
                    _arguments \
                        '(--subset)--subset=[Whose images are predicted.]:value:(train val test)' \
                        '(--templates)--templates=[Templates of a siamese run. \[RUN/templates.npz\]]:file:_files' \
                        '(--positive)--positive=[Of two classes, the positive one. \[the one not named like a negative, else the second\]]:value: ' \
                        '(--sensitivity)--sensitivity=[Choose the highest threshold that reaches this sensitivity on validation. \[the one with the highest Youden index there\]]:value: ' \
                        '(--threshold)--threshold=[Call images positive from this score on, such as 0.5.]:value: ' \
                        '(--output -o)--output=[Predictions. \[RUN/predictions.csv\]]:file:_files' \
                        '(--output -o)-o[Predictions. \[RUN/predictions.csv\]]:file:_files' \
                        '(--json)--json=[Metrics as JSON, figures beside it. \[RUN/metrics.json, RUN/figures\]]:file:_files' \
                        '(--resamples)--resamples=[Resamples of patients, by which bootstrap intervals are made.]:value: ' \
                        '(--seed)--seed=[Seed of the resamples.]:value: ' \
                        '(--dataset)--dataset=[Where the DATASET is now, if it was moved.]:folder:_files -/' \
                        '(--split)--split=[Where the split.csv is now, if it was moved.]:file:_files' \
                        '(--help)--help[Show this message and exit.]' \
                        '1:folder:_files -/'
                    ;;
                stratify)
                    _arguments \
                        '*--by=[A characteristic; repeatable. `a,b` crosses two; `age\:40,60` puts numbers into bins.]:value: ' \
                        '(--compare)--compare=[Another model'\''s predictions of the same images.]:file:_files' \
                        '(--positive)--positive=[The finding; of more than two classes, against all others.]:value: ' \
                        '(--threshold)--threshold=[Call images positive from this score on. \[as the table'\''s column `predicted` says\]]:value: ' \
                        '(--small)--small=[Mark strata with fewer images of a class.]:value: ' \
                        '(--format)--format=[How tables are printed.]:value:(table csv json latex markdown)' \
                        '(--output -o)--output=[A folder for all tables and ROC plots.]:folder:_files -/' \
                        '(--output -o)-o[A folder for all tables and ROC plots.]:folder:_files -/' \
                        '(--resamples)--resamples=[Resamples of patients, by which bootstrap intervals are made.]:value: ' \
                        '(--seed)--seed=[Seed of everything random.]:value: ' \
                        '(--help)--help[Show this message and exit.]' \
                        '1:file:_files'
                    ;;
                predict)
                    _arguments \
                        '(--output -o)--output=[The worklist. \[stdout\]]:file:_files' \
                        '(--output -o)-o[The worklist. \[stdout\]]:file:_files' \
                        '(--first)--first=[Images with the highest score for this class come first. \[of two classes the positive one; else as in DATASET\]]:value: ' \
                        '(--templates)--templates=[Templates of a siamese run. \[RUN/templates.npz\]]:file:_files' \
                        '(--help)--help[Show this message and exit.]' \
                        '1:folder:_files -/' \
                        '2:folder:_files -/'
                    ;;
                audit)
                    _arguments \
                        '(--split)--split=[The split.csv\: needed for a DATASET; for a RUN where it is now, if it was moved.]:file:_files' \
                        '(--dataset)--dataset=[Where the DATASET is now, if it was moved.]:folder:_files -/' \
                        '(--fold)--fold=[The fold that tests, where the split has folds.]:value: ' \
                        '(--subset)--subset=[Images that the run is applied to.]:value:(train val test)' \
                        '(--templates)--templates=[Templates of a siamese run. \[RUN/templates.npz\]]:file:_files' \
                        '*--ignore=[A characteristic not to examine; repeatable.]:value: ' \
                        '*--fail-on=[End with code 5 if one is found; repeatable.]:value:(shortcut association leak)' \
                        '(--output -o)--output=[For audit.json and figures/audit.png. \[RUN\]]:file:_files' \
                        '(--output -o)-o[For audit.json and figures/audit.png. \[RUN\]]:file:_files' \
                        '(--json)--json=[Results as JSON. \[DIR/audit.json\]]:file:_files' \
                        '(--help)--help[Show this message and exit.]' \
                        '1:folder:_files -/'
                    ;;
                gradcam)
                    _arguments \
                        '(--output -o)--output=[The folder of overlays to make.]:folder:_files -/' \
                        '(--output -o)-o[The folder of overlays to make.]:folder:_files -/' \
                        '(--subset)--subset=[Images to choose from.]:value:(train val test)' \
                        '*--images=[Choose from these instead\: file, folder, zip archive or image_id; repeatable.]:file:_files' \
                        '*--pick=[A random sample, or by the run'\''s prediction; repeatable. \[random\]]:value:(random tp fp fn tn)' \
                        '(--count)--count=[Images of each pick; 0\: all. \[16; all of --images or --sanity-check\]]:value: ' \
                        '(--seed)--seed=[Seed of everything random.]:value: ' \
                        '(--target)--target=[The class whose score is explained.]:value:(predicted label)' \
                        '(--positive)--positive=[The positive class of --pick tp, fp, fn and tn. \[--target CLASS; of two classes, the one not named like a negative\]]:value: ' \
                        '(--pair)--pair=[Siamese runs\: explain the similarity of two images.]:value: ' \
                        '(--method)--method=[The method of the maps.]:value:(gradcam gradcam++ hirescam layercam)' \
                        '(--layer)--layer=[The layer whose feature map is weighted, such as stage3. \[the last\]]:value: ' \
                        '(--beside)--beside=[Another run of the same images, such as cropped ones, to compare.]:file:_files' \
                        '(--color)--color=[The colors of the overlays.]:value:(inferno viridis cividis red)' \
                        '(--shared-scale)--shared-scale[One color scale for all images of a run.]' \
                        '(--dicom)--dicom[Also write a DICOM Secondary Capture of each DICOM image.]' \
                        '(--templates)--templates=[Templates of a siamese run. \[RUN/templates.npz\]]:file:_files' \
                        '(--sanity-check)--sanity-check[Check the maps instead of drawing them.]' \
                        '(--masks)--masks=[For --sanity-check\: masks of findings, CLASS/NAME.png for the image CLASS/NAME.dcm.]:file:_files' \
                        '(--source-root)--source-root=[The folder that relative paths of images start from.]:folder:_files -/' \
                        '(--dataset)--dataset=[Where the DATASET is now, if it was moved.]:folder:_files -/' \
                        '(--split)--split=[Where the split.csv is now, if it was moved.]:file:_files' \
                        '(--help)--help[Show this message and exit.]' \
                        '1:folder:_files -/'
                    ;;
                report)
                    _arguments \
                        '(--output -o)--output=[The page. \[RUN/report.html\]]:file:_files' \
                        '(--output -o)-o[The page. \[RUN/report.html\]]:file:_files' \
                        '(--gradcam)--gradcam=[A folder made by `cxr gradcam`. \[RUN/gradcam\]]:folder:_files -/' \
                        '*--by=[Subgroups of the test images, as in `cxr stratify`; repeatable. \[all that vary\]]:value: ' \
                        '(--dataset)--dataset=[Where the DATASET is now, if it was moved.]:folder:_files -/' \
                        '(--split)--split=[Where the split.csv is now, if it was moved.]:file:_files' \
                        '(--help)--help[Show this message and exit.]' \
                        '1:folder:_files -/'
                    ;;
                sweep)
                    _arguments \
                        '(--split)--split=[The split.csv that divides the DATASET.]:file:_files' \
                        '(--output -o)--output=[The folder for the runs and sweep.csv.]:folder:_files -/' \
                        '(--output -o)-o[The folder for the runs and sweep.csv.]:folder:_files -/' \
                        '(--recipe)--recipe=[The papers'\'' settings, single, siamese or finetune; or small-data.]:value:(single siamese finetune small-data)' \
                        '*--lr=[Learning rates; repeatable. \[1e-3 1e-4 1e-5\]]:value: ' \
                        '*--batch-size=[Batch sizes; repeatable. \[8 16 32\]]:value: ' \
                        '(--fold)--fold=[The fold that tests, where the split has folds.]:value: ' \
                        '(--seed)--seed=[Seed of everything random.]:value: ' \
                        '(--task)--task=[Train only share I of N, from 1. \[the task of a Slurm job array; else all\]]:value: ' \
                        '(--arch)--arch=[Architecture. \[covidnet single, siamese; efficientnet_lite0 finetune; efficientnet_lites_mid small-data\]]:value:(covidnet resnet50 resnet101 resnext50_32x4d resnext101_32x8d densenet121 densenet161 inception_v3 efficientnet_lite0 efficientnet_lite1 efficientnet_lite2 efficientnet_lite0_mid efficientnet_lite2_mid efficientnet_lites_mid)' \
                        '(--width)--width=[Channels and units of a COVID-Net, times the paper'\''s. \[1.0\]]:value: ' \
                        '(--weights)--weights=[Initial weights; auto takes what is installed or cached, then the hub. \[none single, siamese; auto finetune, small-data\]]:file:_files' \
                        '(--freeze)--freeze=[What does not learn\: none, features, or a number of stages from the image on. \[none single, siamese, finetune; 4 small-data\]]:value: ' \
                        '(--batch-norm)--batch-norm=[Statistics of batch normalization in training; running ones stay as they are. \[batch single, siamese, finetune; running small-data\]]:value:(batch running)' \
                        '(--precision)--precision=[Precision of the arithmetic. \[float32\]]:value:(float32 tf32 bfloat16)' \
                        '(--epochs)--epochs=[Epochs. \[100 single, finetune; 20 siamese; 0 small-data\]]:value: ' \
                        '(--optimizer)--optimizer=[Optimizer; sgd has momentum 0.9. \[adam single, siamese; sgd finetune; adamw small-data\]]:value:(adam adamw sgd)' \
                        '(--schedule)--schedule=[How the learning rate changes; cosine ends at zero. \[constant single, siamese; step finetune; cosine small-data\]]:value:(constant step cosine)' \
                        '(--step-epochs)--step-epochs=[Schedule step\: epochs after which the rate falls to a tenth. \[25\]]:value: ' \
                        '(--warmup)--warmup=[Share of all steps in which the rate rises from zero. \[0.0 single, siamese, finetune; 0.1 small-data\]]:value: ' \
                        '(--weight-decay)--weight-decay=[Of kernels, not of biases and normalization. \[0.0 single, siamese, finetune; 0.02 small-data\]]:value: ' \
                        '(--layer-decay)--layer-decay=[Each stage learns at this share of the rate of the stage after it. \[1.0 single, siamese, finetune; 0.9 small-data\]]:value: ' \
                        '(--ema)--ema=[Exponential moving average of the parameters with this decay, such as 0.99; it is validated, selected and saved. \[0.0 single, siamese, finetune; 0.95 small-data\]]:value: ' \
                        '(--select)--select=[Epoch to keep\: that of the highest validation accuracy or of the lowest validation loss. \[accuracy single, siamese; loss finetune, small-data\]]:value:(accuracy loss)' \
                        '(--flip)--flip=[Random flips. \[none single, siamese; both finetune; horizontal small-data\]]:value:(none horizontal both)' \
                        '(--rotation)--rotation=[Random rotation, up to this many degrees. \[0.0 single, siamese, small-data; 15.0 finetune\]]:value: ' \
                        '(--zoom)--zoom=[Random zoom in and out, up to this share. \[0.0\]]:value: ' \
                        '(--shift)--shift=[Random shift, up to this share of height and width. \[0.0 single, siamese, finetune; 0.05 small-data\]]:value: ' \
                        '(--contrast)--contrast=[Random contrast, up to this share more or less. \[0.0 single, siamese, finetune; 0.1 small-data\]]:value: ' \
                        '(--loss)--loss=[Cross entropy\: softmax, or binary for two classes by one logit. \[softmax single; binary finetune, small-data\]]:value:(softmax binary)' \
                        '(--label-smoothing)--label-smoothing=[Share of each label spread over all classes. \[0.0\]]:value: ' \
                        '(--class-weights)--class-weights=[Weights of the classes in the loss. \[none\]]:value:(none balanced)' \
                        '(--sampling)--sampling=[Images of an epoch\: all, or balanced (the rarest class whole, as many of each other class). \[balanced single; all finetune, small-data\]]:value:(balanced all)' \
                        '(--linear-probe --no-linear-probe)--linear-probe[Begin with a classifier by logistic regression on the training images'\'' feature vectors. \[no single, finetune; yes small-data\]]' \
                        '(--linear-probe --no-linear-probe)--no-linear-probe[Begin with a classifier by logistic regression on the training images'\'' feature vectors. \[no single, finetune; yes small-data\]]' \
                        '(--flip-tta --no-flip-tta)--flip-tta[Horizontal-flip test-time augmentation\: mean probability of an image and its flip. \[no single, finetune; yes small-data\]]' \
                        '(--flip-tta --no-flip-tta)--no-flip-tta[Horizontal-flip test-time augmentation\: mean probability of an image and its flip. \[no single, finetune; yes small-data\]]' \
                        '(--pairs)--pairs=[Pairs an epoch. \[5000\]]:value: ' \
                        '(--pairing)--pairing=[Random pairs (the paper'\''s), or all pairs within a batch. \[random\]]:value:(random in-batch)' \
                        '(--trials)--trials=[Three-way trials that validate an epoch. \[129\]]:value: ' \
                        '(--help)--help[Show this message and exit.]' \
                        '1:folder:_files -/'
                    ;;
                weights)
                    commands=(
                        'list:Print what is published, and what of it is here.'
                        'fetch:Download weights into the local cache.'
                        'verify:Read weights, and check digest and fit.'
                    )
                    _arguments -C \
                        '(--help)--help[Show this message and exit.]' \
                        '1: :->command' \
                        '*:: :->argument' && return
                    case $state in
                        command) _describe -t commands command commands ;;
                        argument)
                            case $words[1] in
                                list)
                                    _arguments \
                                        '(--arch)--arch=[Only those of an architecture.]:value:(covidnet resnet50 resnet101 resnext50_32x4d resnext101_32x8d densenet121 densenet161 inception_v3 efficientnet_lite0 efficientnet_lite1 efficientnet_lite2 efficientnet_lite0_mid efficientnet_lite2_mid efficientnet_lites_mid)' \
                                        '(--format)--format=[How to print them.]:value:(table csv json)' \
                                        '(--help)--help[Show this message and exit.]'
                                    ;;
                                fetch)
                                    _arguments \
                                        '(--help)--help[Show this message and exit.]' \
                                        '*:value:(timm/resnet50.tv_in1k timm/resnet101.tv_in1k timm/resnext50_32x4d.tv_in1k timm/resnext101_32x8d.tv_in1k timm/densenet121.tv_in1k timm/densenet161.tv_in1k timm/inception_v3.tv_in1k timm/tf_efficientnet_lite0.in1k)'
                                    ;;
                                verify)
                                    _arguments \
                                        '(--arch)--arch=[Architecture. \[the name'\''s own\]]:value:(covidnet resnet50 resnet101 resnext50_32x4d resnext101_32x8d densenet121 densenet161 inception_v3 efficientnet_lite0 efficientnet_lite1 efficientnet_lite2 efficientnet_lite0_mid efficientnet_lite2_mid efficientnet_lites_mid)' \
                                        '(--help)--help[Show this message and exit.]' \
                                        '1:file:_files'
                                    ;;
                            esac
                            ;;
                    esac
                    ;;
                phantom)
                    _arguments \
                        '(-o --output)-o[Folder to make.]:folder:_files -/' \
                        '(-o --output)--output=[Folder to make.]:folder:_files -/' \
                        '(--count)--count=[Images in all, balanced over the findings.]:value: ' \
                        '(--size)--size=[Height and width of an image, pixels.]:value: ' \
                        '*--finding=[normal, pneumonia, covid19 or pneumoperitoneum; repeatable. \[default\: normal pneumonia covid19\]]:value:(normal pneumonia covid19 pneumoperitoneum)' \
                        '(--images-per-patient)--images-per-patient=[The most images of one patient; uniformly random from 1 up.]:value: ' \
                        '(--shortcut)--shortcut=[Probability of a planted corner marker on images of one class.]:value: ' \
                        '(--shortcut-class)--shortcut-class=[The class that may carry it. \[default\: the last finding\]]:value:(normal pneumonia covid19 pneumoperitoneum)' \
                        '(--seed)--seed=[The same seed gives the same bytes.]:value: ' \
                        '(--workers)--workers=[Processes; changes no byte. \[one per available CPU\]]:value: ' \
                        '(--help)--help[Show this message and exit.]'
                    ;;
                demo)
                    _arguments \
                        '(--output -o)--output=[The folder for phantoms, dataset and runs.]:folder:_files -/' \
                        '(--output -o)-o[The folder for phantoms, dataset and runs.]:folder:_files -/' \
                        '(--seed)--seed=[Seed of everything random.]:value: ' \
                        '(--help)--help[Show this message and exit.]'
                    ;;
                doctor)
                    _arguments \
                        '(--help)--help[Show this message and exit.]'
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
