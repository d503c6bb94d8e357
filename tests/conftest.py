"""Fixtures shared by all tests."""

import atexit
import hashlib
import os
import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import settings
from matplotlib.figure import Figure
from PIL import Image

from cxr_cli.dataset.writer import GrowingDataset
from cxr_cli.images.characteristics import MANIFEST_COLUMNS
from cxr_cli.images.raster import image_id
from cxr_cli.main import main

# How long an example takes says more of the machine than of the code.
settings.register_profile("cxr", deadline=None)
settings.load_profile("cxr")

# A test run in the background of a script is deaf to Ctrl-C, and so would be the commands that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Commands keep compiled programs here rather than in the home of whoever runs the tests.
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="cxr-tests-")
atexit.register(shutil.rmtree, os.environ["XDG_CACHE_HOME"], ignore_errors=True)

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


SMALLEST_SVG = '<svg xmlns="http://www.w3.org/2000/svg"/>'
FIGURES: dict[str, Callable[..., None]] = {}
"""How figures are written, before tests write smaller ones."""


def write_unrendered(_: object, file: Any, **options: Any) -> None:
    """Write what stands for a figure: rendering one takes longer than all that a command computes."""
    if options.get("format") == "svg":
        file.write(SMALLEST_SVG)
    else:
        Image.new("L", (8, 8)).save(file, format="png")


@pytest.fixture(scope="session", autouse=True)
def figures_unrendered() -> Iterator[None]:
    """Leave figures unrendered in all tests but those that ask for `rendered`."""
    FIGURES["savefig"] = Figure.savefig
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", write_unrendered)
        yield


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Render figures, in the tests of what they look like."""
    monkeypatch.setattr(Figure, "savefig", FIGURES["savefig"])


class Outcome(NamedTuple):
    """What a command line gave."""

    code: int
    out: str
    err: str


@pytest.fixture
def cxr(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run a real command line in this process: `cxr("split", dataset, "-o", path)`."""

    def run(*argv: object) -> Outcome:
        capsys.readouterr()
        code = main([str(argument) for argument in argv])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def real_images() -> Path:
    """The folder of real images, where this checkout stands beside `shared/`."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"real images are not at hand: no folder {SHARED_DATA}")
    return SHARED_DATA


IMAGE_SIZE = 32
IMAGES = {"covid19": 14, "normal": 26, "pneumonia": 20}
"""Images of each class in `small_dataset`."""
IMAGES_WITHOUT_PATIENT = 4
"""The last images of each class in `small_dataset`."""


def draw_image(class_number: int, rng: np.random.Generator) -> np.ndarray:
    """Draw noise with a bright square, in a corner of the image that its class decides: uint8 [32, 32]."""
    image = rng.integers(40, 120, (IMAGE_SIZE, IMAGE_SIZE))
    top, left = divmod(class_number % 4, 2)
    image[16 * top + 2 : 16 * top + 14, 16 * left + 2 : 16 * left + 14] += 100
    return image.astype(np.uint8)


MakeDataset = Callable[..., Path]


@pytest.fixture(scope="session")
def make_dataset() -> MakeDataset:
    """Write a DATASET folder of synthetic images: `make_dataset(folder, labels, patients, **columns)`."""

    def make(folder: Path, labels: Sequence[str], patients: Sequence[str], **columns: Sequence[str]) -> Path:
        rng = np.random.default_rng(0)
        classes = sorted(set(labels))
        with GrowingDataset(folder, IMAGE_SIZE, {"size": IMAGE_SIZE}) as dataset:
            for number, (label, patient) in enumerate(zip(labels, patients, strict=True)):
                pixels = draw_image(classes.index(label), rng)
                record = {
                    "image_id": image_id(pixels),
                    "source": f"images/{number}.png",
                    "label": label,
                    "patient_id": patient,
                }
                record |= {name: values[number] for name, values in columns.items()}
                dataset.add_image(pixels, record)
            info = {
                "settings": {"size": IMAGE_SIZE},
                "counts": {"inputs": len(labels), "images": len(labels), "rejected": 0},
                "classes": dict(Counter(labels)),
            }
            dataset.finish((*MANIFEST_COLUMNS, *columns), info)
        return folder

    return make


@pytest.fixture(scope="session")
def small_dataset(make_dataset: MakeDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DATASET folder of 60 images in three classes that a small model can tell apart; not to be changed.

    Two images a patient, four images of each class without a patient id.
    """
    labels = [label for label, images in IMAGES.items() for _ in range(images)]
    patients = [
        "" if number >= images - IMAGES_WITHOUT_PATIENT else f"{label}-{number // 2:03}"
        for label, images in IMAGES.items()
        for number in range(images)
    ]
    return make_dataset(tmp_path_factory.mktemp("small") / "dataset", labels, patients)


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the Hugging Face hub, and no network behind it."""
    import huggingface_hub.constants as hub

    cache = tmp_path / "hub"
    monkeypatch.setattr(hub, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(hub, "HF_HUB_OFFLINE", True)
    return cache


PutInHubCache = Callable[[str, str, bytes], Path]


@pytest.fixture
def put_in_hub_cache(hub_cache: Path) -> PutInHubCache:
    """Put a file into the cache as the hub's client does: `put_in_hub_cache("timm/model", "a", content)`.

    A snapshot's file is a link to a blob that has its SHA-256 for a name. Returns the blob.
    """

    def put(repository: str, filename: str, content: bytes) -> Path:
        folder = hub_cache / f"models--{repository.replace('/', '--')}"
        blob = folder / "blobs" / hashlib.sha256(content).hexdigest()
        link = folder / "snapshots" / "c0ffee" / filename
        for path in (blob, link, folder / "refs" / "main"):
            path.parent.mkdir(parents=True, exist_ok=True)
        (folder / "refs" / "main").write_text("c0ffee")
        blob.write_bytes(content)
        link.symlink_to(blob)
        return blob

    return put
