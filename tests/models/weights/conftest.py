"""Files as torch writes them, made without torch, and a hub of our own."""

import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pytest

STORAGE_NAMES = {"float32": "FloatStorage", "float64": "DoubleStorage", "int64": "LongStorage"}


class Global:
    """A name that a pickle asks for; nothing of that name need be there."""

    def __init__(self, module: str, name: str) -> None:
        self.written = pickle.GLOBAL + f"{module}\n{name}\n".encode()

    def __call__(self) -> None:
        """Never called: what pickle calls by name must be callable."""


class Call(NamedTuple):
    """A call that a pickle asks for, with state that it asks to be set on what comes of it."""

    function: Global
    arguments: tuple[Any, ...]
    state: Any = None


class Run(NamedTuple):
    """A storage: its type of number, its key in the file, and how many numbers are claimed."""

    type_name: str
    key: str
    claimed: int


class TorchPickler(pickle._Pickler):
    """Pickles as torch does: storages by reference, and functions by names that need not be."""

    dispatch: ClassVar[dict[type, Any]] = dict(pickle._Pickler.dispatch)

    def save_global_name(self, named: Global) -> None:
        self.write(named.written)

    def save_call(self, call: Call) -> None:
        self.save_reduce(call.function, call.arguments, call.state)

    dispatch[Global] = save_global_name
    dispatch[Call] = save_call

    def persistent_id(self, thing: Any) -> Any:
        if not isinstance(thing, Run):
            return None
        return ("storage", Global("torch", thing.type_name), thing.key, "cpu", thing.claimed)


def pickled(content: Any) -> bytes:
    stream = BytesIO()
    TorchPickler(stream, 2).dump(content)
    return stream.getvalue()


def view(run: Run, offset: Any, shape: Any, strides: Any) -> Call:
    """A tensor as torch writes it."""
    rebuild = Global("torch._utils", "_rebuild_tensor_v2")
    return Call(rebuild, (run, offset, shape, strides, False, OrderedDict()))


class Torch:
    """Writes files as torch does."""

    Global, Call, Run = Global, Call, Run
    view = staticmethod(view)
    pickled = staticmethod(pickled)

    @staticmethod
    def save(path: Path, arrays: Mapping[str, np.ndarray], legacy: bool = False) -> Path:
        """Write contiguous arrays as a state dict."""
        tensors: OrderedDict[str, Any] = OrderedDict()
        for number, (name, array) in enumerate(arrays.items()):
            run = Run(STORAGE_NAMES[array.dtype.name], str(number), array.size)
            strides = tuple(stride // array.itemsize for stride in array.strides)
            tensors[name] = view(run, 0, array.shape, strides)
        storages = {str(number): array for number, array in enumerate(arrays.values())}
        return Torch.write(path, tensors, storages, legacy)

    @staticmethod
    def write(
        path: Path,
        content: Any,
        storages: Mapping[str, np.ndarray] = {},
        legacy: bool = False,
    ) -> Path:
        """Write any content with the numbers of its storages."""
        if legacy:
            head = b"".join(
                pickled(each) for each in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, content)
            )
            runs = (struct.pack("<q", numbers.size) + numbers.tobytes() for numbers in storages.values())
            path.write_bytes(head + pickled(list(storages)) + b"".join(runs))
            return path
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("network/data.pkl", pickled(content))
            archive.writestr("network/byteorder", "little")
            for key, numbers in storages.items():
                archive.writestr(f"network/data/{key}", numbers.tobytes())
        return path


@pytest.fixture(scope="session")
def torch() -> type[Torch]:
    return Torch


@pytest.fixture(scope="session")
def refused() -> Callable[..., str]:
    """Read a file that must be refused, in one line that names it; return the line."""
    from cxr_cli.errors import BadInput
    from cxr_cli.models.weights.state_dict import read_state_dict

    def read(path: Path) -> str:
        with pytest.raises(BadInput) as refusal:
            read_state_dict(path)
        line = str(refusal.value)
        assert line.startswith(f"{path}: ")
        assert line.isprintable()
        return line.removeprefix(f"{path}: ")

    return read
