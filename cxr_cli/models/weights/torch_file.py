"""Torch's files without torch, and without running what is inside them.

Torch writes a pickle, which names functions for the reader to call, and the bytes of its tensors beside it.
Here the names that tensors need are mapped to our own records, and any other name to a `Foreign`, which does
nothing: whatever a file asks for, no code of its choice is found, imported or called. Formats:
torch/serialization.py, `_save` (a zip, since 1.6) and `_legacy_save`.
"""

import io
import math
import pickle
import pickletools
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, NoReturn, Self

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from cxr_cli.errors import BadInput

ZIP_MAGIC = b"PK\x03\x04"
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001

STORAGE_TYPES: dict[str, np.dtype[Any]] = {
    "DoubleStorage": np.dtype("<f8"),
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "BFloat16Storage": np.dtype(ml_dtypes.bfloat16),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ShortStorage": np.dtype("<i2"),
    "CharStorage": np.dtype("i1"),
    "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype("?"),
}


MOST_DIMENSIONS = 16

# Tuples, for a pickle may set the attributes of what it made, and a tuple has none to set.


class StorageType(NamedTuple):
    """What torch names a storage's type of number, a name in `STORAGE_TYPES`."""

    name: str


class Storage(NamedTuple):
    """A run of numbers in the file, as the pickle refers to it."""

    key: str
    dtype: np.dtype[Any]
    length: int


class Tensor(NamedTuple):
    """A view of a storage, as the pickle refers to it; not checked yet."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class Foreign:
    """What stands in the place of anything but tensors that a pickle asks for, and of what it would make.

    A training checkpoint may hold its optimizer or a score of NumPy's beside its state dict. Whatever is done
    with it has no effect.

    Attributes:
        asked: the name, which is to be refused where a tensor is needed.
    """

    asked: ClassVar[str]

    def __new__(cls, *_arguments: Any, **_named: Any) -> Self:
        """Make one of any arguments."""
        return super().__new__(cls)

    def ignore(self, *_anything: Any) -> None:
        """Take no state, no item, no member."""

    __init__ = __setstate__ = __setitem__ = append = extend = add = ignore


def asked_for(value: Any) -> str | None:
    """The name that was asked for in the place of a value, None for plain data and tensors."""
    kind: type[Any] = value if isinstance(value, type) else type(value)
    return kind.asked if issubclass(kind, Foreign) else None


def refusal(path: Path, asked: str) -> BadInput:
    """What is raised for a name in the place of a tensor or of all."""
    return BadInput(f"{path}: refused, it asks for {asked!a}, not only for tensors; {STATE_DICT_ADVICE}")


Bytes = Callable[[Storage], bytes]
"""Fetches a storage's bytes from the file."""


def read_torch_file(path: Path) -> tuple[Any, Callable[[Tensor], NDArray[Any]]]:
    """Read what was given to `torch.save`, with a `Tensor` for each of torch's, and a function to load those.

    What the pickle asks for beside tensors and plain data is a `Foreign`.

    Args:
        path: a file that begins as a zip or as a pickle.

    Raises:
        BadInput: the file is damaged. The function raises it for
            a tensor that goes beyond its storage or repeats numbers of it, a storage beyond the file, or
            more numbers in all than two tensors for each storage would have.
    """
    with path.open("rb") as stream:
        is_zip = stream.read(len(ZIP_MAGIC)) == ZIP_MAGIC
    content, fetch = _read_zip(path) if is_zip else _read_legacy(path)
    allowance = 2 * path.stat().st_size
    fetched: dict[str, bytes] = {}

    def load(tensor: Tensor) -> NDArray[Any]:
        nonlocal allowance
        _check_extent(path, tensor)
        allowance -= math.prod(tensor.shape) * tensor.storage.dtype.itemsize
        if allowance < 0:
            raise BadInput(f"{path}: its tensors claim more numbers than the file holds")
        storage = tensor.storage
        if storage.key not in fetched:
            fetched[storage.key] = fetch(storage)
        held = len(fetched[storage.key])
        if held != storage.length * storage.dtype.itemsize:
            raise BadInput(
                f"{path}: storage {storage.key!a} has {held} bytes, "
                f"{storage.length} numbers of {storage.dtype} are claimed"
            )
        numbers = np.frombuffer(fetched[storage.key], storage.dtype)[tensor.offset :]
        strides = [
            stride * storage.dtype.itemsize if extent > 1 else 0
            for stride, extent in zip(tensor.strides, tensor.shape, strict=True)
        ]
        return np.lib.stride_tricks.as_strided(numbers, tensor.shape, strides, writeable=False)

    return content, load


def _check_extent(path: Path, tensor: Tensor) -> None:
    """Raise BadInput unless a tensor lies within its storage and takes no number of it twice."""
    shape, strides = tensor.shape, tensor.strides
    what = f"a tensor with offset {tensor.offset}, shape {shape} and strides {strides}"
    if len(shape) != len(strides) or min(shape, default=1) < 1 or min((tensor.offset, *strides)) < 0:
        raise BadInput(f"{path}: {what} cannot be")
    reach = 1
    for stride, extent in sorted(zip(strides, shape, strict=True)):
        if extent > 1 and stride < reach:
            raise BadInput(f"{path}: {what} takes numbers twice")
        reach += (extent - 1) * stride
    if tensor.offset + reach > tensor.storage.length:
        raise BadInput(f"{path}: {what} goes beyond its storage of {tensor.storage.length}")


def _read_zip(path: Path) -> tuple[Any, Bytes]:
    try:
        with zipfile.ZipFile(path) as archive:
            records = _stored_records(path, archive)
            pickled = [name for name in records if name.endswith("/data.pkl") and name.count("/") == 1]
            if len(pickled) != 1:
                raise BadInput(f"{path}: a zip without torch's data.pkl")
            root = pickled[0].removesuffix("data.pkl")
            if f"{root}byteorder" in records and archive.read(f"{root}byteorder") != b"little":
                raise BadInput(f"{path}: was written on a big-endian machine, which is not read")
            content = _unpickle(path, io.BytesIO(archive.read(pickled[0])))
    except DAMAGE as error:
        raise _damaged(path, error) from error

    def fetch(storage: Storage) -> bytes:
        name = f"{root}data/{storage.key}"
        if name not in records:
            raise BadInput(f"{path}: has no record {name!a}")
        try:
            with zipfile.ZipFile(path) as archive:
                return archive.read(name)
        except DAMAGE as error:
            raise _damaged(path, error) from error

    return content, fetch


def _stored_records(path: Path, archive: zipfile.ZipFile) -> set[str]:
    """Name the records of a zip, none of which may unfold to more bytes than the file has."""
    infos = archive.infolist()
    if any(info.filename.endswith("/constants.pkl") for info in infos):
        raise BadInput(f"{path}: a TorchScript program; {STATE_DICT_ADVICE}")
    if any(info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1 for info in infos):
        raise BadInput(f"{path}: its records are compressed or encrypted, which torch's never are")
    if sum(info.file_size for info in infos) > path.stat().st_size:
        raise BadInput(f"{path}: its records claim more bytes than the file has")
    return {info.filename for info in infos}


def _read_legacy(path: Path) -> tuple[Any, Bytes]:
    data = path.read_bytes()
    stream = io.BytesIO(data)
    if _unpickle(path, stream) != LEGACY_MAGIC or _unpickle(path, stream) != LEGACY_PROTOCOL:
        raise BadInput(f"{path}: a pickle, but not one of torch's")
    system = _unpickle(path, stream)
    if not (isinstance(system, Mapping) and system.get("little_endian") is True):
        raise BadInput(f"{path}: was written on a big-endian machine, which is not read")
    storages: dict[str, Storage] = {}
    content = _unpickle(path, stream, storages)
    places = _legacy_places(path, stream, storages)

    def fetch(storage: Storage) -> bytes:
        if storage.key not in places:
            raise BadInput(f"{path}: has no storage {storage.key!a}")
        return data[places[storage.key]]

    return content, fetch


def _legacy_places(path: Path, stream: io.BytesIO, storages: Mapping[str, Storage]) -> dict[str, slice]:
    """Find the storages' bytes: after their keys, each is a count (int64) and its numbers, in turn."""
    keys = _unpickle(path, stream)
    end = len(stream.getbuffer())
    places: dict[str, slice] = {}
    for key in keys if isinstance(keys, list) else [None]:
        if not isinstance(key, str) or key not in storages or key in places:
            raise BadInput(f"{path}: its list of storages is not the one that its tensors need")
        size = int.from_bytes(stream.read(8), "little") * storages[key].dtype.itemsize
        begin = stream.tell()
        if begin + size > end:
            raise BadInput(f"{path}: cut off in storage {key!a}: {size} bytes claimed, {end - begin} left")
        places[key] = slice(begin, begin + size)
        stream.seek(begin + size)
    return places


STATE_DICT_ADVICE = "save the state dict alone, by torch.save(model.state_dict(), FILE), or as .safetensors"

DAMAGE = (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError)
"""What zipfile raises for damaged files."""


def _damaged(path: Path, error: Exception) -> BadInput:
    return BadInput(f"{path}: damaged or cut off ({type(error).__name__})")


def _unpickle(path: Path, stream: io.BytesIO, storages: dict[str, Storage] | None = None) -> Any:
    """Read one pickle, in which only tensors are more than plain data, and leave the stream after it."""
    begin = stream.tell()
    try:
        _check_memo(path, stream)
        stream.seek(begin)
        return _TensorUnpickler(path, stream, {} if storages is None else storages).load()
    except BadInput:
        raise
    except Exception as error:  # there is no end to what a damaged pickle may raise
        raise _damaged(path, error) from error


MEMO_WRITERS = ("PUT", "BINPUT", "LONG_BINPUT")


def _check_memo(path: Path, stream: io.BytesIO) -> None:
    """Refuse a memo with differences: the unpickler would fill any difference, of billions of places too."""
    for number, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
        if opcode.name in MEMO_WRITERS and (argument is None or not 0 <= int(argument) <= number):
            raise BadInput(f"{path}: a pickle with place {argument} in its memo, after {number} operations")


class _TensorUnpickler(pickle.Unpickler):
    """Finds nothing but our own stand-ins for what a pickle names."""

    def __init__(self, path: Path, stream: io.BytesIO, storages: dict[str, Storage]) -> None:
        """Read from a stream; `storages` receives every storage that is spoken of."""
        super().__init__(stream, encoding="utf-8")
        self.path = path
        self.storages = storages

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in CALLABLES:
            return _StandIn(CALLABLES[module, name])
        if module == "torch" and name in STORAGE_TYPES:
            return StorageType(name)
        return type("Foreign", (Foreign,), {"asked": f"{module}.{name}"[:100]})

    def persistent_load(self, reference: Any) -> Storage:
        kind, type_, key, _device, length, *view = reference
        if asked := asked_for(type_):
            raise refusal(self.path, asked)
        well_formed = kind == "storage" and isinstance(type_, StorageType) and type(key) is str
        if not well_formed or type(length) is not int or view not in ([], [None]):
            raise BadInput(f"{self.path}: a storage that is none of torch's")
        storage = Storage(key, STORAGE_TYPES[type_.name], length)
        if self.storages.setdefault(key, storage) != storage:
            raise BadInput(f"{self.path}: storage {key!a} is spoken of in two ways")
        return storage


class _StandIn:
    """A function that a pickle may call, and can do nothing else with."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)

    def __setstate__(self, state: Any) -> NoReturn:
        raise pickle.UnpicklingError("a function has no state")


class Dictionary(dict[Any, Any]):
    """What an OrderedDict is read as; attributes of it (torch's `_metadata`) are dropped."""

    def __setstate__(self, state: Any) -> None:
        """Drop the attributes."""


def _tensor(
    storage: Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_grad_and_hooks: Any
) -> Tensor:
    whole = (offset, *shape, *strides)
    plain = len(shape) <= MOST_DIMENSIONS and all(type(number) is int for number in whole)
    if not isinstance(storage, Storage) or not plain:
        raise pickle.UnpicklingError("not a tensor's arguments")
    return Tensor(storage, offset, tuple(shape), tuple(strides))


CALLABLES: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): Dictionary,
    ("torch._utils", "_rebuild_tensor"): _tensor,  # until torch 0.3, with which CheXNet was trained
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): lambda tensor, *_grad_and_hooks: tensor,
    ("torch", "Size"): tuple,
}
