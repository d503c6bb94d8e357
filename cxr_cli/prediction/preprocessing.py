"""Whether the images of a DATASET were preprocessed as a run's own images were."""

from dataclasses import asdict

from cxr_cli.dataset.reader import Dataset
from cxr_cli.dataset.settings import geometry_of
from cxr_cli.errors import PreprocessedOtherwise
from cxr_cli.images.read import Geometry
from cxr_cli.runs.config import RunConfig


def run_geometry(config: RunConfig) -> Geometry:
    """Return how a run's images were cropped and resized."""
    return Geometry(config.size, config.crop_top, config.crop_border)


def check_same_preprocessing(dataset: Dataset, config: RunConfig) -> None:
    """Check that images were cropped and resized as the run's own.

    Raises:
        PreprocessedOtherwise: they were not.
    """
    found, needed = asdict(geometry_of(dataset)), asdict(run_geometry(config))
    if found != needed:
        raise PreprocessedOtherwise(str(dataset.folder), found, needed)
