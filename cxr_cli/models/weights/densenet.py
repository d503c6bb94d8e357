"""Names of DenseNet's tensors."""

from cxr_cli.models.weights.rules import BATCHES_SEEN, Naming, Rule, batch_norm, classifier

_LAYER = r"features\.denseblock(\d+)\.denselayer(\d+)"
_TRANSITION = r"features\.transition(\d+)"

DENSENET = Naming(
    rules=(
        Rule(r"features\.conv0\.weight", "stem.conv", "stem"),
        *batch_norm(r"features\.norm0", "stem.norm"),
        *batch_norm(rf"{_LAYER}\.norm\.?1", r"stages.\1.layers.\2.norm1"),
        Rule(rf"{_LAYER}\.conv\.?1\.weight", r"stages.\1.layers.\2.conv1.kernel", "kernel"),
        *batch_norm(rf"{_LAYER}\.norm\.?2", r"stages.\1.layers.\2.norm2"),
        Rule(rf"{_LAYER}\.conv\.?2\.weight", r"stages.\1.layers.\2.conv2.kernel", "kernel"),
        *batch_norm(rf"{_TRANSITION}\.norm", r"transitions.\1.norm"),
        Rule(rf"{_TRANSITION}\.conv\.weight", r"transitions.\1.conv.kernel", "kernel"),
        *batch_norm(r"features\.norm5", "norm"),
        *classifier("classifier", "classifier"),
    ),
    ignored=(BATCHES_SEEN, "op_threshs"),
    counts_from=1,
)
"""Of torchvision, timm and torchxrayvision, which agree.

torchvision's older files have "norm.1" for "norm1". torchxrayvision's have
thresholds for its own classes too.
"""
