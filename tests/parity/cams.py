"""Which maps are compared with pytorch-grad-cam's, and where they are on file."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from parity.members import MEMBERS, Member
from parity.reference import FOLDER
from parity.states import draw_labels

SIZE = 97


@dataclass(frozen=True)
class CamMember:
    """A small model of a family.

    Attributes:
        arch: the name of its `Member`.
        layers: of ours, by the module of torch's whose output is the same map.
        behind_relu: the layers whose maps are not negative. Only there is Grad-CAM++ compared: its formula is
            made for such maps, and of others ours takes the positive part.
    """

    arch: str
    layers: dict[str, str]
    behind_relu: tuple[str, ...]

    @property
    def member(self) -> Member:
        """The architecture and its weights."""
        return next(member for member in MEMBERS if member.arch == self.arch)

    def methods(self, layer: str) -> tuple[str, ...]:
        """Return the methods that are compared at a layer."""
        return ("gradcam", "hirescam", "layercam", *(("gradcam++",) if layer in self.behind_relu else ()))


CAM_MEMBERS = (
    CamMember("shallow_resnext", {"layer2": "stage2", "layer4": "stage4"}, ("stage2", "stage4")),
    CamMember("shallow_densenet", {"features.denseblock4": "stage4", "relu": "norm"}, ("norm",)),
    CamMember("shallow_efficientnet", {"blocks.3": "stage4", "bn2": "top"}, ("top",)),
    CamMember("narrow_inception", {"Mixed_6e": "mixed_6e", "Mixed_7c": "mixed_7c"}, ("mixed_6e", "mixed_7c")),
)

LOUDER = 1e5
"""By this much both sides' logits are multiplied for Grad-CAM++: beside the squares of gradients from behind
a mean over the map, pytorch-grad-cam's epsilon of 1e-6 is not small."""


def factor(method: str) -> float:
    """Return what the logits are multiplied by."""
    return LOUDER if method == "gradcam++" else 1.0


def targets() -> NDArray[np.int64]:
    """Return the class [2] whose logit is explained in each drawn image."""
    return draw_labels()


def key(layer: str, method: str) -> str:
    """Return the name of a map [2,h,w] in an architecture's file."""
    return f"{layer}/{method}"


def file_of(arch: str) -> str:
    """Return the path of an architecture's file."""
    return str(FOLDER / f"cams_{arch}.npz")
