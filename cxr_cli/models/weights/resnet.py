"""How torchvision, and timm after it, name the tensors of ResNet and ResNeXt.

Their stages are layer1 to layer4; a bottleneck has conv1, conv2, conv3, each with its bn, and in a stage's
first a downsample of convolution and batch normalization.
"""

from cxr_cli.models.weights.rules import BATCHES_SEEN, Naming, Rule, batch_norm, classifier


def _stage(number: int) -> tuple[Rule, ...]:
    """Rules of the bottlenecks in their stage `number`, from 1; ours count from 0."""
    theirs, ours = rf"layer{number}\.(\d+)", rf"stages.{number - 1}.\1"
    layers = (
        ("conv1", "bn1", "reduce"),
        ("conv2", "bn2", "spatial"),
        ("conv3", "bn3", "expand"),
        (r"downsample\.0", r"downsample\.1", "projection"),
    )
    return tuple(
        rule
        for conv, norm, layer in layers
        for rule in (
            Rule(rf"{theirs}\.{conv}\.weight", f"{ours}.{layer}.conv.kernel", "kernel"),
            *batch_norm(rf"{theirs}\.{norm}", f"{ours}.{layer}.norm"),
        )
    )


RESNET = Naming(
    rules=(
        Rule(r"conv1\.weight", "stem.conv", "stem"),
        *batch_norm("bn1", "stem.norm"),
        *(rule for number in (1, 2, 3, 4) for rule in _stage(number)),
        *classifier("fc", "classifier"),
    ),
    ignored=(BATCHES_SEEN,),
)
