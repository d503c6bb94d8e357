"""How torchvision, and timm after it, name the tensors of Inception v3, the auxiliary head's among them."""

from cxr_cli.models.weights.rules import BATCHES_SEEN, Naming, Rule, batch_norm, classifier


def _unit(pattern: str, target: str) -> tuple[Rule, ...]:
    """Rules of a convolution and its batch normalization."""
    return (
        Rule(rf"{pattern}\.conv\.weight", f"{target}.conv.kernel", "kernel"),
        *batch_norm(rf"{pattern}\.bn", f"{target}.norm"),
    )


INCEPTION = Naming(
    rules=(
        Rule(r"Conv2d_1a_3x3\.conv\.weight", "stem.conv", "stem"),
        *batch_norm(r"Conv2d_1a_3x3\.bn", "stem.norm"),
        *_unit(r"Conv2d_(2a|2b|3b|4a)_[13]x[13]", r"conv_\1"),
        *_unit(r"Mixed_(\d[a-e])\.(\w+)", r"mixed_\1.\2"),
        *_unit(r"AuxLogits\.(conv\d)", r"auxiliary.\1"),
        *classifier(r"AuxLogits\.fc", "auxiliary.classifier"),
        *classifier("fc", "classifier"),
    ),
    ignored=(BATCHES_SEEN,),
    optional=("auxiliary",),
)
