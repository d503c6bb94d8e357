"""Images unlike those that a run was trained on, by the distance of their feature vectors.

The distance is that to the k-th nearest training image, of vectors of length 1 (Sun et al. 2022, ICML,
"Out-of-distribution detection with deep nearest neighbors"). What is far is calibrated on the validation
images: see `FAR`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from cxr_cli.artifacts import atomic_path
from cxr_cli.errors import BadInput
from cxr_cli.prediction.devices import local_devices
from cxr_cli.prediction.forward import apply_run, read_map
from cxr_cli.prediction.loading import image_source
from cxr_cli.reporting import SILENT, Reporter
from cxr_cli.runs.folder import open_images
from cxr_cli.runs.model_store import TrainedRun

REFERENCE = "reference-features.npz"
NEIGHBOR = 5
"""Which nearest training image counts."""
MOST_REFERENCES = 5000
"""Training images that are compared with; of more a random sample."""
FAR = 3.0
"""Standard deviations above the mean log distance of validation images: images beyond are flagged.

About one in 700 images like those of validation is.
"""


@dataclass(frozen=True)
class Reference:
    """What images are compared with.

    Attributes:
        vectors: float32 [M, E], of length 1, of training images, see `read_map`.
        mean, sd: of the log distances of the validation images.
        run, epoch: digest of the run's configuration, and epoch of its model, that gave the vectors.
    """

    vectors: NDArray[np.float32]
    mean: float
    sd: float
    run: str
    epoch: int

    def deviations(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Compute how many standard deviations vectors [N, E] are farther than validation images: [N]."""
        return (log_distances(vectors, self.vectors) - self.mean) / self.sd


def log_distances(vectors: NDArray[np.float32], references: NDArray[np.float32]) -> NDArray[np.float64]:
    """Compute the log of the distance of vectors [N, E] to the `NEIGHBOR`th nearest of references [M, E]."""
    cosines = vectors.astype(np.float64) @ references.T.astype(np.float64)
    place = max(len(references) - NEIGHBOR, 0)
    nearest = np.partition(cosines, place, axis=1)[:, place]
    return np.log(np.sqrt(np.maximum(2 - 2 * nearest, 1e-12)))


def reference_of(
    run: TrainedRun,
    dataset: Path | None = None,
    split: Path | None = None,
    reporter: Reporter = SILENT,
) -> Reference | None:
    """Read a run's reference, or make it of the run's own images and keep it in the run's folder.

    The forward pass is the one that predicts, so that it compiles once.

    Returns:
        None, and a notice, where the run has none and its images are not on this machine.
    """
    path = run.folder / REFERENCE
    if path.exists():
        reference = _read(path)
        if (reference.run, reference.epoch) == (run.config.digest, run.epoch):
            return reference
    if dataset is None and not Path(run.config.dataset).exists():
        reporter.say(
            f"{run.config.dataset}: the run's own images are not there; images unlike them are not flagged"
        )
        return None
    images, divided = open_images(run.config, dataset, split)
    rows = divided.rows("train")
    if len(rows) > MOST_REFERENCES:
        rows = np.sort(np.random.default_rng(0).choice(rows, MOST_REFERENCES, replace=False))
    reporter.say(f"{path}: features of {len(rows)} training images, made once")
    apply, fetch = apply_run(run, read_map), image_source(images.images, devices=local_devices())
    _, vectors = apply(fetch, rows)
    _, validation = apply(fetch, divided.rows("val"))
    distances = log_distances(validation, vectors)
    sd = float(distances.std(ddof=1)) if len(distances) > 1 else np.inf
    reference = Reference(vectors, float(distances.mean()), max(sd, 1e-6), run.config.digest, run.epoch)
    with atomic_path(path) as temporary:
        np.savez(
            temporary,
            vectors=reference.vectors.astype(np.float16),
            mean=reference.mean,
            sd=reference.sd,
            run=reference.run,
            epoch=reference.epoch,
        )
    return _read(path)


def _read(path: Path) -> Reference:
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as content:
            return Reference(
                content["vectors"].astype(np.float32),
                float(content["mean"]),
                float(content["sd"]),
                str(content["run"]),
                int(content["epoch"]),
            )
    except (ValueError, OSError, KeyError, EOFError, BadZipFile) as error:
        raise BadInput(
            f"{path}: cannot be read ({type(error).__name__}); delete it to make it again"
        ) from error


def flags_of(deviations: Sequence[float | None], pixels: NDArray[np.uint8]) -> list[str]:
    """Say of each image why its prediction is not to be relied on; "" where there is no reason.

    Args:
        deviations: see `Reference.deviations`; None where they are not known.
        pixels: uint8 [N, H, W].
    """
    return [
        "no contrast"
        if np.ptp(image) == 0
        else "unlike the training images"
        if deviation is not None and deviation > FAR
        else ""
        for deviation, image in zip(deviations, pixels, strict=True)
    ]
