# Completion of cxr, written by completions/generate.py from the app; not to be edited.

_cxr_offer() {  # the words given; the lines of `compgen -f` and `-d` may hold spaces
    local reply
    while IFS= read -r reply; do
        COMPREPLY+=("$reply")
    done < <(compgen "$@" -- "$current")
}

_cxr_paths() {
    compopt -o filenames 2>/dev/null  # bash before 4 has none
    _cxr_offer "$1"
}

_cxr_lines() {  # the lines of stdin that begin as the word does
    local reply
    while IFS= read -r reply; do
        [[ $reply == "$current"* ]] && COMPREPLY+=("$reply")
    done
}

_cxr_columns() {
    local word file
    for word in "${COMP_WORDS[@]}"; do
        for file in "$word" "$word/manifest.csv" "$word/predictions.csv"; do
            [[ -f $file && $file == *.csv ]] && _cxr_lines < <(head -n 1 -- "$file" | tr -d '\r"' | tr ',' '\n')
        done
    done
}

_cxr_classes() {
    local word
    for word in "${COMP_WORDS[@]}"; do
        [[ -f $word/config.json ]] && _cxr_lines < <(sed -n '/"classes": \[/,/\]/s/^ *"\(.*\)",\{0,1\}$/\1/p' "$word/config.json")
    done
}

_cxr() {
    local current=${COMP_WORDS[COMP_CWORD]} option="" command="" i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ ${COMP_WORDS[i]} != -* ]]; then
            command="${command:+$command }${COMP_WORDS[i]}"
            case $command in
                weights) ;;  # the next word says which of its commands
                *) break ;;
            esac
        fi
    done
    case $command in
        "") _cxr_offer -W "preprocess split describe train crossval sweep weights test template validate3way predict stratify compare gradcam audit report export verify demo phantom doctor slurm-script completion --version -h --help"; return ;;
        weights) _cxr_offer -W "list fetch verify -h --help"; return ;;
    esac
    # In --option=value bash makes a word of the equals sign.
    option=${COMP_WORDS[COMP_CWORD - 1]}
    if [[ $current == "=" ]]; then
        current=""
    elif [[ $option == "=" ]]; then
        option=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    case "$command $option" in
        "preprocess --output" | "preprocess -o")
            _cxr_paths -d
            return
            ;;
        "preprocess --labels")
            _cxr_paths -f
            return
            ;;
        "preprocess --path-column")
            _cxr_columns
            return
            ;;
        "preprocess --label-column")
            _cxr_columns
            return
            ;;
        "preprocess --patient-column")
            _cxr_columns
            return
            ;;
        "preprocess --format")
            _cxr_offer -W "nih rsna covidx cohen chexpert padchest vindr mimic siim openi"
            return
            ;;
        "preprocess --finding")
            return
            ;;
        "preprocess --views")
            return
            ;;
        "preprocess --size")
            return
            ;;
        "preprocess --crop-top")
            return
            ;;
        "preprocess --crop-border")
            return
            ;;
        "preprocess --manufacturers")
            _cxr_paths -f
            return
            ;;
        "preprocess --pseudonymize")
            _cxr_paths -f
            return
            ;;
        "preprocess --keep-tags")
            return
            ;;
        "preprocess --workers")
            return
            ;;
        "preprocess --image-timeout")
            return
            ;;
        "preprocess --max-failures")
            return
            ;;
        "preprocess --shard")
            return
            ;;
        "preprocess --config")
            _cxr_paths -f
            return
            ;;
        "preprocess --log-file")
            _cxr_paths -f
            return
            ;;
        "split --output" | "split -o")
            _cxr_paths -f
            return
            ;;
        "split --val")
            return
            ;;
        "split --test")
            return
            ;;
        "split --folds")
            return
            ;;
        "split --from-column")
            _cxr_columns
            return
            ;;
        "split --train-where")
            return
            ;;
        "split --train-per-class")
            return
            ;;
        "split --val-per-class")
            return
            ;;
        "split --seed")
            return
            ;;
        "split --config")
            _cxr_paths -f
            return
            ;;
        "split --log-file")
            _cxr_paths -f
            return
            ;;
        "describe --split")
            _cxr_paths -f
            return
            ;;
        "describe --fold")
            return
            ;;
        "describe --by")
            _cxr_offer -W "label subset"
            return
            ;;
        "describe --characteristic")
            _cxr_columns
            return
            ;;
        "describe --width")
            return
            ;;
        "describe --format")
            _cxr_offer -W "table csv json latex markdown"
            return
            ;;
        "describe --output" | "describe -o")
            _cxr_paths -d
            return
            ;;
        "describe --config")
            _cxr_paths -f
            return
            ;;
        "describe --log-file")
            _cxr_paths -f
            return
            ;;
        "train --split")
            _cxr_paths -f
            return
            ;;
        "train --output" | "train -o")
            _cxr_paths -d
            return
            ;;
        "train --recipe")
            _cxr_offer -W "single siamese finetune small-data"
            return
            ;;
        "train --fold")
            return
            ;;
        "train --seed")
            return
            ;;
        "train --micro-batch")
            return
            ;;
        "train --arch")
            _cxr_offer -W "covidnet resnet50 resnet101 resnext50_32x4d resnext101_32x8d densenet121 densenet161 inception_v3 efficientnet_lite0 efficientnet_lite1 efficientnet_lite2 efficientnet_lite0_mid efficientnet_lite2_mid efficientnet_lites_mid"
            return
            ;;
        "train --width")
            return
            ;;
        "train --weights")
            _cxr_paths -f
            return
            ;;
        "train --weights-scaling")
            _cxr_offer -W "published xrv imagenet inception 0-1"
            return
            ;;
        "train --freeze")
            return
            ;;
        "train --batch-norm")
            _cxr_offer -W "batch running"
            return
            ;;
        "train --precision")
            _cxr_offer -W "auto float32 tf32 bfloat16"
            return
            ;;
        "train --epochs")
            return
            ;;
        "train --batch-size")
            return
            ;;
        "train --optimizer")
            _cxr_offer -W "adam adamw sgd"
            return
            ;;
        "train --lr")
            return
            ;;
        "train --schedule")
            _cxr_offer -W "constant step cosine"
            return
            ;;
        "train --step-epochs")
            return
            ;;
        "train --warmup")
            return
            ;;
        "train --weight-decay")
            return
            ;;
        "train --layer-decay")
            return
            ;;
        "train --ema")
            return
            ;;
        "train --select")
            _cxr_offer -W "accuracy loss auc balanced-accuracy macro-f1"
            return
            ;;
        "train --patience")
            return
            ;;
        "train --flip")
            _cxr_offer -W "none horizontal both"
            return
            ;;
        "train --rotation")
            return
            ;;
        "train --zoom")
            return
            ;;
        "train --shift")
            return
            ;;
        "train --contrast")
            return
            ;;
        "train --loss")
            _cxr_offer -W "softmax binary"
            return
            ;;
        "train --label-smoothing")
            return
            ;;
        "train --class-weights")
            _cxr_offer -W "none balanced"
            return
            ;;
        "train --sampling")
            _cxr_offer -W "balanced all"
            return
            ;;
        "train --pairs")
            return
            ;;
        "train --pairing")
            _cxr_offer -W "random in-batch"
            return
            ;;
        "train --trials")
            return
            ;;
        "train --distributed")
            _cxr_offer -W "auto off on"
            return
            ;;
        "train --config")
            _cxr_paths -f
            return
            ;;
        "train --log-file")
            _cxr_paths -f
            return
            ;;
        "crossval --split")
            _cxr_paths -f
            return
            ;;
        "crossval --output" | "crossval -o")
            _cxr_paths -d
            return
            ;;
        "crossval --recipe")
            _cxr_offer -W "single siamese finetune small-data"
            return
            ;;
        "crossval --seeds")
            return
            ;;
        "crossval --seed")
            return
            ;;
        "crossval --positive")
            _cxr_classes
            return
            ;;
        "crossval --sensitivity")
            return
            ;;
        "crossval --calibrate")
            _cxr_offer -W "temperature platt isotonic"
            return
            ;;
        "crossval --micro-batch")
            return
            ;;
        "crossval --task")
            return
            ;;
        "crossval --arch")
            _cxr_offer -W "covidnet resnet50 resnet101 resnext50_32x4d resnext101_32x8d densenet121 densenet161 inception_v3 efficientnet_lite0 efficientnet_lite1 efficientnet_lite2 efficientnet_lite0_mid efficientnet_lite2_mid efficientnet_lites_mid"
            return
            ;;
        "crossval --width")
            return
            ;;
        "crossval --weights")
            _cxr_paths -f
            return
            ;;
        "crossval --weights-scaling")
            _cxr_offer -W "published xrv imagenet inception 0-1"
            return
            ;;
        "crossval --freeze")
            return
            ;;
        "crossval --batch-norm")
            _cxr_offer -W "batch running"
            return
            ;;
        "crossval --precision")
            _cxr_offer -W "auto float32 tf32 bfloat16"
            return
            ;;
        "crossval --epochs")
            return
            ;;
        "crossval --batch-size")
            return
            ;;
        "crossval --optimizer")
            _cxr_offer -W "adam adamw sgd"
            return
            ;;
        "crossval --lr")
            return
            ;;
        "crossval --schedule")
            _cxr_offer -W "constant step cosine"
            return
            ;;
        "crossval --step-epochs")
            return
            ;;
        "crossval --warmup")
            return
            ;;
        "crossval --weight-decay")
            return
            ;;
        "crossval --layer-decay")
            return
            ;;
        "crossval --ema")
            return
            ;;
        "crossval --select")
            _cxr_offer -W "accuracy loss auc balanced-accuracy macro-f1"
            return
            ;;
        "crossval --patience")
            return
            ;;
        "crossval --flip")
            _cxr_offer -W "none horizontal both"
            return
            ;;
        "crossval --rotation")
            return
            ;;
        "crossval --zoom")
            return
            ;;
        "crossval --shift")
            return
            ;;
        "crossval --contrast")
            return
            ;;
        "crossval --loss")
            _cxr_offer -W "softmax binary"
            return
            ;;
        "crossval --label-smoothing")
            return
            ;;
        "crossval --class-weights")
            _cxr_offer -W "none balanced"
            return
            ;;
        "crossval --sampling")
            _cxr_offer -W "balanced all"
            return
            ;;
        "crossval --pairs")
            return
            ;;
        "crossval --pairing")
            _cxr_offer -W "random in-batch"
            return
            ;;
        "crossval --trials")
            return
            ;;
        "crossval --distributed")
            _cxr_offer -W "auto off on"
            return
            ;;
        "crossval --config")
            _cxr_paths -f
            return
            ;;
        "crossval --log-file")
            _cxr_paths -f
            return
            ;;
        "sweep --split")
            _cxr_paths -f
            return
            ;;
        "sweep --output" | "sweep -o")
            _cxr_paths -d
            return
            ;;
        "sweep --recipe")
            _cxr_offer -W "single siamese finetune small-data"
            return
            ;;
        "sweep --lr")
            return
            ;;
        "sweep --batch-size")
            return
            ;;
        "sweep --fold")
            return
            ;;
        "sweep --seed")
            return
            ;;
        "sweep --task")
            return
            ;;
        "sweep --arch")
            _cxr_offer -W "covidnet resnet50 resnet101 resnext50_32x4d resnext101_32x8d densenet121 densenet161 inception_v3 efficientnet_lite0 efficientnet_lite1 efficientnet_lite2 efficientnet_lite0_mid efficientnet_lite2_mid efficientnet_lites_mid"
            return
            ;;
        "sweep --width")
            return
            ;;
        "sweep --weights")
            _cxr_paths -f
            return
            ;;
        "sweep --weights-scaling")
            _cxr_offer -W "published xrv imagenet inception 0-1"
            return
            ;;
        "sweep --freeze")
            return
            ;;
        "sweep --batch-norm")
            _cxr_offer -W "batch running"
            return
            ;;
        "sweep --precision")
            _cxr_offer -W "auto float32 tf32 bfloat16"
            return
            ;;
        "sweep --epochs")
            return
            ;;
        "sweep --optimizer")
            _cxr_offer -W "adam adamw sgd"
            return
            ;;
        "sweep --schedule")
            _cxr_offer -W "constant step cosine"
            return
            ;;
        "sweep --step-epochs")
            return
            ;;
        "sweep --warmup")
            return
            ;;
        "sweep --weight-decay")
            return
            ;;
        "sweep --layer-decay")
            return
            ;;
        "sweep --ema")
            return
            ;;
        "sweep --select")
            _cxr_offer -W "accuracy loss auc balanced-accuracy macro-f1"
            return
            ;;
        "sweep --patience")
            return
            ;;
        "sweep --flip")
            _cxr_offer -W "none horizontal both"
            return
            ;;
        "sweep --rotation")
            return
            ;;
        "sweep --zoom")
            return
            ;;
        "sweep --shift")
            return
            ;;
        "sweep --contrast")
            return
            ;;
        "sweep --loss")
            _cxr_offer -W "softmax binary"
            return
            ;;
        "sweep --label-smoothing")
            return
            ;;
        "sweep --class-weights")
            _cxr_offer -W "none balanced"
            return
            ;;
        "sweep --sampling")
            _cxr_offer -W "balanced all"
            return
            ;;
        "sweep --pairs")
            return
            ;;
        "sweep --pairing")
            _cxr_offer -W "random in-batch"
            return
            ;;
        "sweep --trials")
            return
            ;;
        "sweep --distributed")
            _cxr_offer -W "auto off on"
            return
            ;;
        "sweep --config")
            _cxr_paths -f
            return
            ;;
        "sweep --log-file")
            _cxr_paths -f
            return
            ;;
        "weights list --arch")
            _cxr_offer -W "covidnet resnet50 resnet101 resnext50_32x4d resnext101_32x8d densenet121 densenet161 inception_v3 efficientnet_lite0 efficientnet_lite1 efficientnet_lite2 efficientnet_lite0_mid efficientnet_lite2_mid efficientnet_lites_mid"
            return
            ;;
        "weights list --format")
            _cxr_offer -W "table csv json"
            return
            ;;
        "weights list --config")
            _cxr_paths -f
            return
            ;;
        "weights list --log-file")
            _cxr_paths -f
            return
            ;;
        "weights fetch --config")
            _cxr_paths -f
            return
            ;;
        "weights fetch --log-file")
            _cxr_paths -f
            return
            ;;
        "weights verify --arch")
            _cxr_offer -W "covidnet resnet50 resnet101 resnext50_32x4d resnext101_32x8d densenet121 densenet161 inception_v3 efficientnet_lite0 efficientnet_lite1 efficientnet_lite2 efficientnet_lite0_mid efficientnet_lite2_mid efficientnet_lites_mid"
            return
            ;;
        "weights verify --weights-scaling")
            _cxr_offer -W "published xrv imagenet inception 0-1"
            return
            ;;
        "weights verify --config")
            _cxr_paths -f
            return
            ;;
        "weights verify --log-file")
            _cxr_paths -f
            return
            ;;
        "test --subset")
            _cxr_offer -W "train val test"
            return
            ;;
        "test --templates")
            _cxr_paths -f
            return
            ;;
        "test --positive")
            _cxr_classes
            return
            ;;
        "test --sensitivity")
            return
            ;;
        "test --threshold")
            return
            ;;
        "test --calibrate")
            _cxr_offer -W "temperature platt isotonic"
            return
            ;;
        "test --prevalence")
            return
            ;;
        "test --output" | "test -o")
            _cxr_paths -f
            return
            ;;
        "test --json")
            _cxr_paths -f
            return
            ;;
        "test --external")
            _cxr_paths -f
            return
            ;;
        "test --name")
            return
            ;;
        "test --class-map")
            return
            ;;
        "test --member")
            _cxr_paths -f
            return
            ;;
        "test --dataset")
            _cxr_paths -d
            return
            ;;
        "test --split")
            _cxr_paths -f
            return
            ;;
        "test --config")
            _cxr_paths -f
            return
            ;;
        "test --log-file")
            _cxr_paths -f
            return
            ;;
        "template --kind")
            _cxr_offer -W "mean medoid nearest"
            return
            ;;
        "template --nearest")
            return
            ;;
        "template --output" | "template -o")
            _cxr_paths -f
            return
            ;;
        "template --dataset")
            _cxr_paths -d
            return
            ;;
        "template --split")
            _cxr_paths -f
            return
            ;;
        "template --config")
            _cxr_paths -f
            return
            ;;
        "template --log-file")
            _cxr_paths -f
            return
            ;;
        "validate3way --trials")
            return
            ;;
        "validate3way --repeats")
            return
            ;;
        "validate3way --seed")
            return
            ;;
        "validate3way --subset")
            _cxr_offer -W "train val test"
            return
            ;;
        "validate3way --json")
            _cxr_paths -f
            return
            ;;
        "validate3way --dataset")
            _cxr_paths -d
            return
            ;;
        "validate3way --split")
            _cxr_paths -f
            return
            ;;
        "validate3way --config")
            _cxr_paths -f
            return
            ;;
        "validate3way --log-file")
            _cxr_paths -f
            return
            ;;
        "predict --output" | "predict -o")
            _cxr_paths -f
            return
            ;;
        "predict --first")
            _cxr_classes
            return
            ;;
        "predict --watch")
            _cxr_paths -f
            return
            ;;
        "predict --idle")
            return
            ;;
        "predict --member")
            _cxr_paths -f
            return
            ;;
        "predict --templates")
            _cxr_paths -f
            return
            ;;
        "predict --dataset")
            _cxr_paths -d
            return
            ;;
        "predict --split")
            _cxr_paths -f
            return
            ;;
        "predict --config")
            _cxr_paths -f
            return
            ;;
        "predict --log-file")
            _cxr_paths -f
            return
            ;;
        "stratify --by")
            _cxr_columns
            return
            ;;
        "stratify --compare")
            _cxr_paths -f
            return
            ;;
        "stratify --positive")
            _cxr_classes
            return
            ;;
        "stratify --threshold")
            return
            ;;
        "stratify --small")
            return
            ;;
        "stratify --format")
            _cxr_offer -W "table csv json latex markdown"
            return
            ;;
        "stratify --output" | "stratify -o")
            _cxr_paths -d
            return
            ;;
        "stratify --resamples")
            return
            ;;
        "stratify --seed")
            return
            ;;
        "stratify --config")
            _cxr_paths -f
            return
            ;;
        "stratify --log-file")
            _cxr_paths -f
            return
            ;;
        "compare --by")
            _cxr_columns
            return
            ;;
        "compare --reader")
            _cxr_columns
            return
            ;;
        "compare --positive")
            _cxr_classes
            return
            ;;
        "compare --noninferiority")
            return
            ;;
        "compare --prevalence")
            return
            ;;
        "compare --small")
            return
            ;;
        "compare --format")
            _cxr_offer -W "table csv json latex markdown"
            return
            ;;
        "compare --output" | "compare -o")
            _cxr_paths -d
            return
            ;;
        "compare --resamples")
            return
            ;;
        "compare --seed")
            return
            ;;
        "compare --config")
            _cxr_paths -f
            return
            ;;
        "compare --log-file")
            _cxr_paths -f
            return
            ;;
        "gradcam --output" | "gradcam -o")
            _cxr_paths -d
            return
            ;;
        "gradcam --subset")
            _cxr_offer -W "train val test"
            return
            ;;
        "gradcam --images")
            _cxr_paths -f
            return
            ;;
        "gradcam --pick")
            _cxr_offer -W "random tp fp fn tn"
            return
            ;;
        "gradcam --count")
            return
            ;;
        "gradcam --seed")
            return
            ;;
        "gradcam --target")
            _cxr_offer -W "predicted label"
            return
            ;;
        "gradcam --positive")
            _cxr_classes
            return
            ;;
        "gradcam --pair")
            return
            ;;
        "gradcam --method")
            _cxr_offer -W "gradcam gradcam++ hirescam layercam"
            return
            ;;
        "gradcam --layer")
            return
            ;;
        "gradcam --beside")
            _cxr_paths -f
            return
            ;;
        "gradcam --color")
            _cxr_offer -W "inferno viridis cividis red"
            return
            ;;
        "gradcam --templates")
            _cxr_paths -f
            return
            ;;
        "gradcam --masks")
            _cxr_paths -f
            return
            ;;
        "gradcam --source-root")
            _cxr_paths -d
            return
            ;;
        "gradcam --dataset")
            _cxr_paths -d
            return
            ;;
        "gradcam --split")
            _cxr_paths -f
            return
            ;;
        "gradcam --config")
            _cxr_paths -f
            return
            ;;
        "gradcam --log-file")
            _cxr_paths -f
            return
            ;;
        "audit --split")
            _cxr_paths -f
            return
            ;;
        "audit --dataset")
            _cxr_paths -d
            return
            ;;
        "audit --fold")
            return
            ;;
        "audit --subset")
            _cxr_offer -W "train val test"
            return
            ;;
        "audit --templates")
            _cxr_paths -f
            return
            ;;
        "audit --ignore")
            _cxr_columns
            return
            ;;
        "audit --fail-on")
            _cxr_offer -W "shortcut association leak"
            return
            ;;
        "audit --output" | "audit -o")
            _cxr_paths -d
            return
            ;;
        "audit --json")
            _cxr_paths -f
            return
            ;;
        "audit --config")
            _cxr_paths -f
            return
            ;;
        "audit --log-file")
            _cxr_paths -f
            return
            ;;
        "report --output" | "report -o")
            _cxr_paths -f
            return
            ;;
        "report --title")
            return
            ;;
        "report --gradcam")
            _cxr_paths -d
            return
            ;;
        "report --by")
            _cxr_columns
            return
            ;;
        "report --dataset")
            _cxr_paths -d
            return
            ;;
        "report --split")
            _cxr_paths -f
            return
            ;;
        "report --config")
            _cxr_paths -f
            return
            ;;
        "report --log-file")
            _cxr_paths -f
            return
            ;;
        "export --output" | "export -o")
            _cxr_paths -f
            return
            ;;
        "export --format")
            _cxr_offer -W "onnx stablehlo"
            return
            ;;
        "export --input-type")
            _cxr_offer -W "uint8 float32"
            return
            ;;
        "export --member")
            _cxr_paths -f
            return
            ;;
        "export --templates")
            _cxr_paths -f
            return
            ;;
        "export --config")
            _cxr_paths -f
            return
            ;;
        "export --log-file")
            _cxr_paths -f
            return
            ;;
        "verify --config")
            _cxr_paths -f
            return
            ;;
        "verify --log-file")
            _cxr_paths -f
            return
            ;;
        "demo --output" | "demo -o")
            _cxr_paths -d
            return
            ;;
        "demo --seed")
            return
            ;;
        "demo --config")
            _cxr_paths -f
            return
            ;;
        "demo --log-file")
            _cxr_paths -f
            return
            ;;
        "phantom -o" | "phantom --output")
            _cxr_paths -d
            return
            ;;
        "phantom --count")
            return
            ;;
        "phantom --size")
            return
            ;;
        "phantom --finding")
            _cxr_offer -W "normal pneumonia covid19 pneumoperitoneum"
            return
            ;;
        "phantom --images-per-patient")
            return
            ;;
        "phantom --shortcut")
            return
            ;;
        "phantom --shortcut-class")
            _cxr_offer -W "normal pneumonia covid19 pneumoperitoneum"
            return
            ;;
        "phantom --seed")
            return
            ;;
        "phantom --workers")
            return
            ;;
        "phantom --config")
            _cxr_paths -f
            return
            ;;
        "phantom --log-file")
            _cxr_paths -f
            return
            ;;
        "doctor --config")
            _cxr_paths -f
            return
            ;;
        "doctor --log-file")
            _cxr_paths -f
            return
            ;;
        "slurm-script --partition")
            return
            ;;
        "slurm-script --account")
            return
            ;;
        "slurm-script --time")
            return
            ;;
        "slurm-script --memory")
            return
            ;;
        "slurm-script --cpus")
            return
            ;;
        "slurm-script --gpus")
            return
            ;;
        "slurm-script --tasks")
            return
            ;;
        "slurm-script --ntasks")
            return
            ;;
        "slurm-script --nodes")
            return
            ;;
        "slurm-script --container")
            return
            ;;
        "slurm-script --warning")
            return
            ;;
        "slurm-script --config")
            _cxr_paths -f
            return
            ;;
        "slurm-script --log-file")
            _cxr_paths -f
            return
            ;;
        "completion --config")
            _cxr_paths -f
            return
            ;;
        "completion --log-file")
            _cxr_paths -f
            return
            ;;
    esac
    case "$command $current" in
        "preprocess -"*)
            _cxr_offer -W "--output -o --labels --path-column --label-column --patient-column --format --finding --views --size --crop-top --crop-border --manufacturers --pseudonymize --keep-tags --ids-verbatim --workers --image-timeout --max-failures --shard --merge --config --show-config --quiet --verbose --log-file -h --help"
            ;;
        "preprocess "*)
            _cxr_paths -f
            ;;
        "split -"*)
            _cxr_offer -W "--output -o --val --test --folds --from-column --train-where --train-per-class --val-per-class --near-duplicates --no-near-duplicates --seed --force --config --show-config --quiet --verbose --log-file -h --help"
            ;;
        "split "*)
            _cxr_paths -d
            ;;
        "describe -"*)
            _cxr_offer -W "--split --fold --by --characteristic --plan --width --format --output -o --config --show-config --quiet --verbose --log-file -h --help"
            ;;
        "describe "*)
            _cxr_paths -d
            ;;
        "train -"*)
            _cxr_offer -W "--split --output -o --recipe --fold --seed --micro-batch --dry-run --tensorboard --mlflow --arch --width --weights --weights-scaling --freeze --batch-norm --precision --epochs --batch-size --optimizer --lr --schedule --step-epochs --warmup --weight-decay --layer-decay --ema --select --patience --flip --rotation --zoom --shift --contrast --loss --label-smoothing --class-weights --sampling --linear-probe --no-linear-probe --flip-tta --no-flip-tta --pairs --pairing --trials --distributed --deterministic --no-compile-cache --config --show-config --quiet --verbose --log-file -h --help"
            ;;
        "train "*)
            _cxr_paths -d
            ;;
        "crossval -"*)
            _cxr_offer -W "--split --output -o --recipe --seeds --seed --positive --sensitivity --calibrate --micro-batch --task --dry-run --tensorboard --mlflow --arch --width --weights --weights-scaling --freeze --batch-norm --precision --epochs --batch-size --optimizer --lr --schedule --step-epochs --warmup --weight-decay --layer-decay --ema --select --patience --flip --rotation --zoom --shift --contrast --loss --label-smoothing --class-weights --sampling --linear-probe --no-linear-probe --flip-tta --no-flip-tta --pairs --pairing --trials --distributed --deterministic --no-compile-cache --config --show-config --quiet --verbose --log-file -h --help"
            ;;
        "crossval "*)
            _cxr_paths -d
            ;;
        "sweep -"*)
            _cxr_offer -W "--split --output -o --recipe --lr --batch-size --fold --seed --task --dry-run --tensorboard --mlflow --arch --width --weights --weights-scaling --freeze --batch-norm --precision --epochs --optimizer --schedule --step-epochs --warmup --weight-decay --layer-decay --ema --select --patience --flip --rotation --zoom --shift --contrast --loss --label-smoothing --class-weights --sampling --linear-probe --no-linear-probe --flip-tta --no-flip-tta --pairs --pairing --trials --distributed --deterministic --no-compile-cache --config --show-config --quiet --verbose --log-file -h --help"
            ;;
        "sweep "*)
            _cxr_paths -d
            ;;
        "weights list -"*)
            _cxr_offer -W "--arch --format --config --show-config --quiet --verbose --log-file -h --help"
            ;;
        "weights fetch -"*)
            _cxr_offer -W "--config --show-config --quiet --verbose --log-file -h --help"
            ;;
        "weights fetch "*)
            _cxr_offer -W "timm/resnet50.tv_in1k timm/resnet101.tv_in1k timm/resnext50_32x4d.tv_in1k timm/resnext101_32x8d.tv_in1k timm/densenet121.tv_in1k timm/densenet161.tv_in1k timm/inception_v3.tv_in1k timm/tf_efficientnet_lite0.in1k"
            ;;
        "weights verify -"*)
            _cxr_offer -W "--arch --weights-scaling --config --show-config --quiet --verbose --log-file -h --help"
            ;;
        "weights verify "*)
            _cxr_paths -f
            ;;
        "test -"*)
            _cxr_offer -W "--subset --templates --positive --sensitivity --threshold --calibrate --prevalence --output -o --json --external --name --class-map --exclude-overlap --member --dataset --split --deterministic --no-compile-cache --config --show-config --quiet --verbose --log-file -h --help"
            ;;
        "test "*)
            _cxr_paths -d
            ;;
        "template -"*)
            _cxr_offer -W "--kind --nearest --output -o --dataset --split --deterministic --no-compile-cache --config --show-config --quiet --verbose --log-file -h --help"
            ;;
        "template "*)
            _cxr_paths -d
            ;;
        "validate3way -"*)
            _cxr_offer -W "--trials --repeats --seed --subset --json --dataset --split --deterministic --no-compile-cache --config --show-config --quiet --verbose --log-file -h --help"
            ;;
        "validate3way "*)
            _cxr_paths -d
            ;;
        "predict -"*)
            _cxr_offer -W "--output -o --first --json --watch --idle --member --templates --dataset --split --deterministic --no-compile-cache --config --show-config --quiet --verbose --log-file -h --help"
            ;;
        "predict "*)
            _cxr_paths -d
            ;;
        "stratify -"*)
            _cxr_offer -W "--by --compare --positive --threshold --small --ids-verbatim --format --output -o --resamples --seed --config --show-config --quiet --verbose --log-file -h --help"
            ;;
        "stratify "*)
            _cxr_paths -f
            ;;
        "compare -"*)
            _cxr_offer -W "--by --reader --positive --noninferiority --ensemble --prevalence --small --ids-verbatim --format --output -o --resamples --seed --config --show-config --quiet --verbose --log-file -h --help"
            ;;
        "compare "*)
            _cxr_paths -d
            ;;
        "gradcam -"*)
            _cxr_offer -W "--output -o --subset --images --pick --count --seed --target --positive --pair --method --layer --beside --color --shared-scale --dicom --templates --sanity-check --masks --source-root --dataset --split --deterministic --no-compile-cache --config --show-config --quiet --verbose --log-file -h --help"
            ;;
        "gradcam "*)
            _cxr_paths -d
            ;;
        "audit -"*)
            _cxr_offer -W "--split --dataset --fold --subset --templates --ignore --fail-on --output -o --json --deterministic --no-compile-cache --config --show-config --quiet --verbose --log-file -h --help"
            ;;
        "audit "*)
            _cxr_paths -d
            ;;
        "report -"*)
            _cxr_offer -W "--output -o --title --gradcam --by --dataset --split --config --show-config --quiet --verbose --log-file -h --help"
            ;;
        "report "*)
            _cxr_paths -d
            ;;
        "export -"*)
            _cxr_offer -W "--output -o --format --input-type --member --templates --deterministic --no-compile-cache --config --show-config --quiet --verbose --log-file -h --help"
            ;;
        "export "*)
            _cxr_paths -d
            ;;
        "verify -"*)
            _cxr_offer -W "--full --config --show-config --quiet --verbose --log-file -h --help"
            ;;
        "verify "*)
            _cxr_paths -d
            ;;
        "demo -"*)
            _cxr_offer -W "--output -o --seed --config --show-config --quiet --verbose --log-file -h --help"
            ;;
        "phantom -"*)
            _cxr_offer -W "-o --output --count --size --finding --images-per-patient --shortcut --shortcut-class --seed --workers --config --show-config --quiet --verbose --log-file -h --help"
            ;;
        "doctor -"*)
            _cxr_offer -W "--config --show-config --quiet --verbose --log-file -h --help"
            ;;
        "slurm-script -"*)
            _cxr_offer -W "--partition --account --time --memory --cpus --gpus --tasks --ntasks --nodes --container --warning --config --show-config --quiet --verbose --log-file -h --help"
            ;;
        "slurm-script "*)
            _cxr_paths -f
            ;;
        "completion -"*)
            _cxr_offer -W "--install --config --show-config --quiet --verbose --log-file -h --help"
            ;;
        "completion "*)
            _cxr_offer -W "bash zsh fish"
            ;;
    esac
}

complete -F _cxr cxr
