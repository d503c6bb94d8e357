"""What an architecture's file says of it: how it is built, its published weights, its smallest image."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cxr_cli.errors import InvalidSetting

if TYPE_CHECKING:
    import numpy as np

    from cxr_cli.models.backbone import Backbone
    from cxr_cli.models.nn.convolution import Lowering
    from cxr_cli.models.weights.cards import Card
    from cxr_cli.models.weights.rules import Naming


@dataclass(frozen=True)
class NetworkSpec:
    """All that decides a network's shape.

    Attributes:
        arch: a name in `registry.ARCH_NAMES`.
        width: channels and units, as a multiple of the paper's.
        size: height and width of an image in pixels.
        classes: number of logits.
        siamese: compare two images instead of classifying one; then there are no logits.
        freeze: which stages from the image on do not learn: "none", how many, or "features" for all but the
            last.
        batch_norm: which statistics batch normalization takes in training: "batch", or "running", which then
            stay as they are.
    """

    arch: str
    width: float
    size: int
    classes: int
    siamese: bool
    freeze: str = "none"
    batch_norm: str = "batch"


Build = Callable[["NetworkSpec", "int | None", "Lowering", "np.random.Generator | None"], "Backbone"]
"""Maps (shape, number of logits or None, lowering, generator or None for zeros) to a backbone."""


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """One architecture by its name.

    Attributes:
        name: as the user gives it.
        build: makes its backbone.
        smallest_image: height and width in pixels of the smallest images that it can be trained on.
        any_width: whether it can be built with a multiple of its channels; published weights have one width.
        namings: how those who publish weights of it name its tensors.
        cards: the published weights, the one to be taken first before the others.
        parts: the architectures whose published weights it takes; empty for its own.
    """

    name: str
    build: Build
    smallest_image: int = 1
    any_width: bool = False
    namings: "tuple[Naming, ...]" = ()
    cards: "tuple[Card, ...]" = ()
    parts: tuple[str, ...] = ()

    def check(self, width: float, size: int) -> None:
        """Check that it can be built.

        Raises:
            InvalidSetting: it cannot take this width, or images of this size.
        """
        if width != 1.0 and not self.any_width:
            raise InvalidSetting("width", f"{width:g}", f"{self.name} has one width, 1, that of its weights")
        if size < self.smallest_image:
            raise InvalidSetting(
                "size", size, f"{self.name} needs images of {self.smallest_image} pixels or more"
            )


def published(network: "Callable[..., Backbone]", config: Any) -> Build:
    """Return how to build a published network, of its class and shape."""

    def build(
        spec: NetworkSpec,  # noqa: ARG001 - its shape is published
        classes: int | None,
        lowering: "Lowering",
        rng: "np.random.Generator | None",
    ) -> "Backbone":
        return network(config, classes, lowering=lowering, rng=rng)

    return build
