"""What the help of a command shows beside its texts: the panel of each option, and examples to copy."""

from collections.abc import Mapping

PANELS: Mapping[str, tuple[str, ...]] = {
    "Input": (
        *("labels", "path_column", "label_column", "patient_column", "format", "finding", "views"),
        *(
            "manufacturers",
            "keep_tags",
            "ids_verbatim",
            "merge",
            "shard",
            "dataset",
            "split",
            "fold",
            "subset",
        ),
        *("templates", "external", "class_map", "exclude_overlap", "members", "readers", "masks"),
        *("source_root", "images", "gradcam", "shared_scale", "from_column", "train_where"),
    ),
    "Model": ("recipe", "seeds", "ensemble", "arch", "weights_scaling"),
    "Output": ("output", "form", "json", "lines", "name", "dicom", "color", "title", "force"),
    "Running": (
        *("workers", "image_timeout", "max_failures", "task", "micro_batch", "distributed", "deterministic"),
        *("no_compile_cache", "dry_run", "watch", "idle", "seed", "tensorboard", "mlflow"),
    ),
    "Command line": ("config", "show_config", "quiet", "verbose", "log_file", "help"),
}
"""Options by panel, by the names of their parameters; the rest are the command's own settings.

Settings of training name their panel where they are made.
"""
OWN = "Options"
ORDER = (
    *("Input", OWN, "Model", "Optimization", "Augmentation", "Task", "Output", "Running", "Command line"),
)


def panel_of(name: str) -> str:
    """Return the panel of an option."""
    return next((panel for panel, names in PANELS.items() if name in names), OWN)


EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "preprocess": (
        "cxr preprocess images/ --labels labels.csv -o dataset",
        "cxr preprocess NIH/ --labels Data_Entry_2017.csv --format nih --finding Pneumonia -o nih",
    ),
    "split": (
        "cxr split dataset -o split.csv",
        "cxr split dataset -o folds.csv --folds 5",
        "cxr split dataset -o split.csv --train-where \"manufacturer == 'GE'\" --val 0.2",
    ),
    "describe": (
        "cxr describe dataset --split split.csv",
        "cxr describe dataset --split split.csv --by label --format latex -o tables",
    ),
    "train": (
        "cxr train dataset --split split.csv -o runs/single",
        "cxr train dataset --split split.csv -o runs/quick --width 0.25 --epochs 20",
        "cxr train dataset --split split.csv -o runs/lite0 --recipe finetune --batch-size 32 --epochs 15",
    ),
    "crossval": (
        "cxr crossval dataset --split folds.csv -o cv",
        "cxr crossval dataset --split folds.csv -o cv --recipe small-data --seeds 3",
    ),
    "sweep": (
        "cxr sweep dataset --split split.csv -o sweep --lr 1e-4 --lr 3e-4 --batch-size 16",
        "cxr sweep dataset --split split.csv -o sweep --recipe siamese --task 1/4",
    ),
    "weights": ("cxr weights list", "cxr weights fetch timm/resnet50.tv_in1k"),
    "test": (
        "cxr test runs/single",
        "cxr test runs/single --external other-hospital --name other-hospital",
        "cxr test cv --sensitivity 0.95",
    ),
    "template": ("cxr template runs/siamese", "cxr template runs/siamese --kind nearest --nearest 5"),
    "validate3way": (
        "cxr validate3way runs/siamese",
        "cxr validate3way runs/siamese --trials 129 --repeats 10",
    ),
    "predict": (
        "cxr predict runs/single new-images/ -o scores.csv",
        "cxr predict cv image.dcm --json",
    ),
    "stratify": (
        "cxr stratify runs/single/predictions.csv --by manufacturer --by sex,age:40,60",
        "cxr stratify predictions.csv --by view_position --positive pneumonia --format latex",
    ),
    "compare": (
        "cxr compare runs/single runs/siamese -o comparison",
        "cxr compare runs/single other-tool.csv --positive pneumonia",
    ),
    "gradcam": (
        "cxr gradcam runs/single -o runs/single/gradcam",
        "cxr gradcam runs/single -o saliency --images images/case7.png",
    ),
    "audit": ("cxr audit runs/single", "cxr audit runs/single --fail-on leak"),
    "report": ("cxr report runs/single", "cxr report cv -o report.html --by sex"),
    "export": (
        "cxr export runs/single -o single.onnx",
        "cxr export cv -o cv.stablehlo --format stablehlo",
    ),
    "verify": ("cxr verify dataset split.csv runs/single", "cxr verify cv --full"),
    "demo": ("cxr demo", "cxr demo -o /tmp/cxr-demo --seed 1"),
    "phantom": (
        "cxr phantom -o phantoms --count 300",
        "cxr phantom -o phantoms --count 300 --shortcut 0.8",
    ),
    "doctor": ("cxr doctor", "cxr doctor > installation.txt"),
    "slurm-script": (
        "cxr slurm-script --gpus 1 --time 12:00:00 train dataset --split split.csv -o runs/single",
        "cxr slurm-script --tasks 5 crossval dataset --split folds.csv -o cv > crossval.sbatch",
    ),
    "completion": ("cxr completion bash --install", "cxr completion zsh > ~/.zfunc/_cxr"),
}
"""Command lines that work as they stand, given such files; those of a group stand at the group."""
