"""What torch's own modules give in float64, and how far their float32 logits are from that, on file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).parent / "references"


@dataclass(frozen=True)
class Inference:
    """Logits of one size of images.

    Attributes:
        logits: float64 [2, classes].
        rounding: largest difference of torch's float32 logits from these.
    """

    logits: NDArray[np.float64]
    rounding: float


@dataclass(frozen=True)
class Step:
    """One training step on one size of images, in float64.

    Attributes:
        loss: of the batch.
        gradients: digests [parameters, 3] of the gradients, in the order of the names.
        statistics: digests [buffers, 3] of the running means and variances after the step.
    """

    loss: float
    gradients: NDArray[np.float64]
    statistics: NDArray[np.float64]


@dataclass(frozen=True)
class Reference:
    """An architecture's reference.

    Attributes:
        parameters: shape of each by its name in torch.
        buffers: shape of each running mean and variance by its name.
        inference: by the images' size.
        steps: by the images' size.
    """

    parameters: dict[str, tuple[int, ...]]
    buffers: dict[str, tuple[int, ...]]
    inference: dict[int, Inference]
    steps: dict[int, Step]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of all tensors by name."""
        return self.parameters | self.buffers


def save_reference(arch: str, reference: Reference) -> None:
    """Write an architecture's file."""
    arrays: dict[str, object] = {
        "parameters": _to_lines(reference.parameters),
        "buffers": _to_lines(reference.buffers),
    }
    for kind, results in (("inference", reference.inference), ("step", reference.steps)):
        for size, result in results.items():
            arrays |= {f"{kind}/{size}/{field}": value for field, value in vars(result).items()}
    np.savez_compressed(FOLDER / f"{arch}.npz", **arrays)


def load_reference(arch: str) -> Reference:
    """Read an architecture's file."""
    with np.load(FOLDER / f"{arch}.npz") as file:
        results: dict[str, dict[int, dict[str, NDArray]]] = {"inference": {}, "step": {}}
        for key in file.files:
            if "/" in key:
                kind, size, field = key.split("/")
                results[kind].setdefault(int(size), {})[field] = file[key]
        return Reference(
            _from_lines(file["parameters"]),
            _from_lines(file["buffers"]),
            {size: Inference(**fields) for size, fields in results["inference"].items()},
            {size: Step(**fields) for size, fields in results["step"].items()},
        )


def _to_lines(shapes: dict[str, tuple[int, ...]]) -> NDArray[np.str_]:
    return np.array([f"{name} {'x'.join(map(str, shape))}" for name, shape in shapes.items()])


def _from_lines(lines: NDArray[np.str_]) -> dict[str, tuple[int, ...]]:
    pairs = (line.split(" ") for line in lines)
    return {name: tuple(map(int, shape.split("x"))) for name, shape in pairs}
