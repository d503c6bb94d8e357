"""The architectures that are compared with torch's own modules, and how."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from parity.states import CLASSES, Temper

from cxr_cli.models.backbone import Backbone
from cxr_cli.models.densenet import DENSENET, DenseNet, DenseNetConfig
from cxr_cli.models.efficientnet import TIMM, EfficientNet, EfficientNetConfig
from cxr_cli.models.inception import INCEPTION, InceptionConfig, InceptionV3
from cxr_cli.models.nn.convolution import platform_lowering
from cxr_cli.models.registry import card_named
from cxr_cli.models.resnet import RESNET, ResNet, ResNetConfig
from cxr_cli.models.weights.cards import Card
from cxr_cli.models.weights.rules import Naming

HEAD = (1.0,)
HEAD_AND_AUXILIARY = (1.0, 0.4)


@dataclass(frozen=True)
class Member:
    """An architecture in the comparison.

    Attributes:
        arch: its name.
        card: name of a card of its weights, whose normalization of the input is taken.
        naming: how torch's module names its tensors.
        temper: of the drawn batch normalizations.
        sizes: of images in inference, height and width in pixels.
        training_sizes: of images in a training step.
        test_sizes: those that the default tests take for logits in float32.
        test_training_sizes: those that the default tests take in float64, for logits and a training step.
        loss_weights: of the cross entropy of the head's logits, and of an auxiliary head's.
        build: makes our model, with zeros for parameters, where it is not the architecture of that name.
    """

    arch: str
    card_name: str
    naming: Naming
    temper: Temper
    sizes: tuple[int, ...] = (97, 224, 299)
    training_sizes: tuple[int, ...] = (97, 224, 299)
    test_sizes: tuple[int, ...] = (97,)
    test_training_sizes: tuple[int, ...] = ()
    loss_weights: tuple[float, ...] = HEAD
    build: Callable[[], Backbone] | None = None

    @property
    def card(self) -> Card:
        """The card of its weights."""
        card = card_named(self.card_name)
        assert card is not None
        return card


RESIDUAL = Temper(branches=r".*\.bn3\.weight")
ABOVE_THE_EDGE = Temper(lift=2.0)


# Of each family one so small that XLA compiles its training step in seconds; DenseNet121's takes it a minute.
SHALLOW_RESNEXT_DEPTHS = (2, 1, 1, 1)
SHALLOW_DENSENET_DEPTHS = (2, 2, 2, 2)
SHALLOW_EFFICIENTNET_DEPTHS = (1, 2, 1, 1, 2, 1, 1)
NARROWER = 16


def shallow_resnext() -> ResNet:
    """ResNeXt 32x4d of five bottlenecks."""
    config = ResNetConfig(SHALLOW_RESNEXT_DEPTHS, bottleneck=32 * 4, groups=32)
    return ResNet(config, CLASSES, lowering=platform_lowering(), rng=None)


def shallow_densenet() -> DenseNet:
    """DenseNet of two layers in each block."""
    config = DenseNetConfig(64, 32, SHALLOW_DENSENET_DEPTHS)
    return DenseNet(config, CLASSES, lowering=platform_lowering(), rng=None)


def shallow_efficientnet() -> EfficientNet:
    """EfficientNet-Lite of nine blocks."""
    config = EfficientNetConfig(depths=SHALLOW_EFFICIENTNET_DEPTHS)
    return EfficientNet(config, CLASSES, lowering=platform_lowering(), rng=None)


def narrow_inception() -> InceptionV3:
    """Inception v3 with a 16th of the channels."""
    return InceptionV3(InceptionConfig(NARROWER), CLASSES, lowering=platform_lowering(), rng=None)


MEMBERS = (
    Member(
        "shallow_resnext",
        "timm/resnext50_32x4d.tv_in1k",
        RESNET,
        RESIDUAL,
        test_sizes=(97, 224, 299),
        test_training_sizes=(97,),
        build=shallow_resnext,
    ),
    Member(
        "resnet50",
        "timm/resnet50.tv_in1k",
        RESNET,
        RESIDUAL,
    ),
    Member("resnet101", "timm/resnet101.tv_in1k", RESNET, RESIDUAL),
    Member("resnext50_32x4d", "timm/resnext50_32x4d.tv_in1k", RESNET, RESIDUAL, training_sizes=(97,)),
    Member("resnext101_32x8d", "timm/resnext101_32x8d.tv_in1k", RESNET, RESIDUAL, training_sizes=(97,)),
    Member(
        "shallow_densenet",
        "timm/densenet121.tv_in1k",
        DENSENET,
        ABOVE_THE_EDGE,
        test_sizes=(97, 224, 299),
        test_training_sizes=(97,),
        build=shallow_densenet,
    ),
    Member("densenet121", "timm/densenet121.tv_in1k", DENSENET, ABOVE_THE_EDGE),
    Member("densenet161", "timm/densenet161.tv_in1k", DENSENET, ABOVE_THE_EDGE, training_sizes=(97,)),
    Member(
        "shallow_efficientnet",
        "timm/tf_efficientnet_lite0.in1k",
        TIMM,
        ABOVE_THE_EDGE,
        test_sizes=(97, 224, 299),
        test_training_sizes=(97,),
        build=shallow_efficientnet,
    ),
    Member("efficientnet_lite0", "timm/tf_efficientnet_lite0.in1k", TIMM, ABOVE_THE_EDGE),
    # The auxiliary head takes no image below 299 pixels.
    Member(
        "narrow_inception",
        "timm/inception_v3.tv_in1k",
        INCEPTION,
        ABOVE_THE_EDGE,
        training_sizes=(299, 331),
        test_sizes=(97, 224, 299),
        test_training_sizes=(299,),
        loss_weights=HEAD_AND_AUXILIARY,
        build=narrow_inception,
    ),
    Member(
        "inception_v3",
        "timm/inception_v3.tv_in1k",
        INCEPTION,
        ABOVE_THE_EDGE,
        training_sizes=(299, 331),
        test_sizes=(97, 299),
        loss_weights=HEAD_AND_AUXILIARY,
    ),
)


def smallest(member: Member) -> Member:
    """Return the same comparison with the smallest images alone."""
    return replace(member, sizes=(min(member.sizes),), training_sizes=(min(member.training_sizes),))
