"""How far our nets are from a reference, beside how far torch's own float32 is."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from parity import ours
from parity.members import Member
from parity.reference import Reference
from parity.states import digest, scales

TOLERANCE = 8.0
"""How many times as far as torch's float32 ours may be: it rounds as much, but elsewhere."""
EPSILON = float(np.finfo(np.float32).eps)
ONE_ACTIVATION = 6e-3
"""What one activation does to a gradient, as a share, if rounding pushes it over a ReLU's edge.

Which ones rounding pushes depends on the processor, and all gradients below change: those of ResNeXt50 at 97
pixels agree to 6e-6 above such an activation in the fourth stage, and to 2.5e-2 below.
"""


@dataclass(frozen=True)
class Deviation:
    """How far a result is from float64.

    Attributes:
        result: which, for messages.
        ours: the largest difference of ours, as a share of the result's size.
        torchs: the same of torch's float32.
        least: what rounding can always do.
    """

    result: str
    ours: float
    torchs: float
    least: float = EPSILON

    @property
    def is_rounding(self) -> bool:
        """Whether rounding explains it."""
        return self.ours <= TOLERANCE * max(self.torchs, self.least)

    def __str__(self) -> str:
        """Say both."""
        return f"{self.result}: ours {self.ours:.1e}, torch's float32 {self.torchs:.1e}"


def deviations(
    member: Member, reference: Reference, sizes: tuple[int, ...], training_sizes: tuple[int, ...]
) -> Iterator[Deviation]:
    """Compare logits at each of the sizes, and a training step at each of the others."""
    network, variables = ours.load(member, reference)
    for size in sizes:
        expected = reference.inference[size]
        scale = np.abs(expected.logits).max()
        difference = np.abs(ours.logits(network, variables, member.card, size) - expected.logits).max()
        yield Deviation(f"logits at {size}", difference / scale, expected.rounding / scale)
    for size in training_sizes:
        step = reference.steps[size]
        loss, gradients, statistics = ours.training_step(network, variables, member, size)
        yield Deviation(f"loss at {size}", abs(loss - step.loss) / step.loss, step.loss_rounding / step.loss)
        found = digest((name, gradients[name]) for name in reference.parameters)
        yield Deviation(
            f"gradients at {size}",
            largest_share(found, step.gradients),
            step.gradient_rounding.max(),
            ONE_ACTIVATION,
        )
        found = digest((name, statistics[name]) for name in reference.buffers)
        yield Deviation(
            f"statistics at {size}", largest_share(found, step.statistics), step.statistics_rounding.max()
        )


def largest_share(found: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    """Return the largest difference of two digests as a share of the tensor's scale."""
    return float((np.abs(found - expected).max(1) / scales(expected[:, 0])).max())
