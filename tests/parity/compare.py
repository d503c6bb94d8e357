"""How far our models are from what torch gives: in float64, and in float32 beside torch's own float32.

cd tests && python -m parity.compare [--smallest] [ARCH...]

prints that for all references on file; no torch is needed.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from parity import ours
from parity.members import MEMBERS, Member, smallest
from parity.reference import Reference, load_reference
from parity.states import digest, scales

EXACT = 1e-12
"""How far logits, loss and statistics may be from torch's in float64, as a share; 1e-14 was measured."""
EXACT_GRADIENTS = 1e-10
"""The same of gradients, of which small ones are differences of large numbers; 1e-11 was measured."""
TOLERANCE = 8.0
"""How many times as far as torch's float32 ours may be: it rounds as much, but elsewhere."""
EPSILON = float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class Deviation:
    """How far a result of ours is from torch's float64.

    Attributes:
        result: which, for messages.
        share: the largest difference, as a share of the result's size.
        allowed: what rounding explains.
    """

    result: str
    share: float
    allowed: float

    @property
    def is_rounding(self) -> bool:
        """Whether rounding explains it."""
        return self.share <= self.allowed

    def __str__(self) -> str:
        """Say both."""
        return f"{self.result}: {self.share:.1e}, of {self.allowed:.1e} allowed"


def in_float32(
    member: Member, reference: Reference, sizes: tuple[int, ...], quick: bool = False
) -> Iterator[Deviation]:
    """Compare logits in float32, as users have them; torch's own float32 says how far rounding goes.

    Gradients are not compared in float32: where it pushes an activation over a ReLU's edge, all of those
    below change by percents, in torch as in ours.
    """
    network, variables = ours.load(member, reference)
    for size in sizes:
        expected = reference.inference[size]
        scale = np.abs(expected.logits).max()
        difference = np.abs(ours.logits(network, variables, member.card, size, quick) - expected.logits)
        allowed = TOLERANCE * max(expected.rounding / scale, EPSILON)
        yield Deviation(f"float32 logits at {size}", float(difference.max() / scale), float(allowed))


def in_float64(
    member: Member,
    reference: Reference,
    sizes: tuple[int, ...],
    training_sizes: tuple[int, ...],
    quick: bool = False,
) -> Iterator[Deviation]:
    """Compare logits, and loss, gradients and statistics of a training step, in float64."""
    network, variables = ours.load(member, reference)
    variables = ours.widened(variables, member, reference)
    for size in sizes:
        expected = reference.inference[size].logits
        difference = np.abs(ours.logits(network, variables, member.card, size, quick) - expected)
        yield Deviation(f"logits at {size}", float(difference.max() / np.abs(expected).max()), EXACT)
    for size in training_sizes:
        step = reference.steps[size]
        loss, gradients, statistics = ours.training_step(network, variables, member, size, quick)
        by_parameter = digest((name, gradients[name]) for name in reference.parameters)
        by_buffer = digest((name, statistics[name]) for name in reference.buffers)
        yield Deviation(f"loss at {size}", abs(loss - step.loss) / step.loss, EXACT)
        yield Deviation(f"gradients at {size}", largest_share(by_parameter, step.gradients), EXACT_GRADIENTS)
        yield Deviation(f"statistics at {size}", largest_share(by_buffer, step.statistics), EXACT)


def largest_share(found: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    """Return the largest difference of two digests as a share of the tensor's scale."""
    return float((np.abs(found - expected).max(1) / scales(expected[:, 0])).max())


def main() -> int:
    """Print all deviations; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smallest", action="store_true", help="the smallest images only")
    parser.add_argument("arch", nargs="*", help="all, if none is named")
    options = parser.parse_args()
    failed = False
    for member in MEMBERS:
        if options.arch and member.arch not in options.arch:
            continue
        start = time.process_time()
        compared = smallest(member) if options.smallest else member
        reference = load_reference(member.arch)
        found = [
            *in_float32(compared, reference, compared.sizes),
            *in_float64(compared, reference, compared.sizes, compared.training_sizes),
        ]
        for deviation in found:
            print(f"{member.arch}: {deviation}{'' if deviation.is_rounding else ' - NOT rounding'}")
        print(f"{member.arch}: {time.process_time() - start:.0f} s of CPU", flush=True)
        failed |= not all(deviation.is_rounding for deviation in found)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
