"""A weights file as arrays by name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import safetensors
from numpy.typing import NDArray

from cxr_cli.errors import BadInput
from cxr_cli.models.weights.torch_file import ZIP_MAGIC, Tensor, asked_for, read_torch_file, refusal

WRAPPERS = (
    *("state_dict", "model_state_dict", "model_state", "checkpoint", "model", "network", "net", "module"),
    *("weights", "params"),
)
"""Keys under which training checkpoints hold the state dict, or what holds it."""

MOST_WRAPPERS = 3

SAFETENSORS_TYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
LONGEST_KEY = 200
PICKLE_MAGIC = b"\x80"


def read_state_dict(path: Path) -> dict[str, NDArray[Any]]:
    """Read a file's tensors by name; what kind of file it is shows in its first bytes.

    Args:
        path: a .safetensors file, or one of torch's (.pth, .pt, .bin) that holds a state dict, by itself or
            in a training checkpoint.

    Returns:
        Arrays in the file's order. Half precisions (float16, bfloat16) come as float32, the rest as it is.

    Raises:
        BadInput: the file is missing, is no weights file, is damaged, or asks for more than tensors.
    """
    try:
        with path.open("rb") as stream:
            beginning = stream.read(9)
        # A safetensors file begins with a length, any 8 bytes, which may look like a pickle's first.
        if beginning[8:] == b"{":
            state = _read_safetensors(path)
        elif beginning.startswith((ZIP_MAGIC, PICKLE_MAGIC)):
            state = _read_torch(path)
        else:
            raise BadInput(f"{path}: begins with {beginning!r}; .safetensors or torch's .pth is needed")
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file") from None
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or type(error).__name__})") from error
    if not state:
        raise BadInput(f"{path}: holds no tensors")
    halves = (np.float16, ml_dtypes.bfloat16)
    return {key: of.astype(np.float32) if of.dtype in halves else of for key, of in state.items()}


def _read_safetensors(path: Path) -> dict[str, NDArray[Any]]:
    try:
        tensors = safetensors.deserialize(path.read_bytes())  # type: ignore[no-untyped-call]
    except safetensors.SafetensorError as error:
        reason = " ".join(ascii(str(error)).strip("\"'").split())[:LONGEST_KEY]
        raise BadInput(f"{path}: damaged or no safetensors file ({reason})") from error
    state = {}
    for key, tensor in tensors:
        if tensor["dtype"] not in SAFETENSORS_TYPES:
            raise BadInput(f"{path}: {key!a} holds {tensor['dtype']}, which is not read")
        _check_key(path, key)
        state[key] = np.frombuffer(tensor["data"], SAFETENSORS_TYPES[tensor["dtype"]]).reshape(
            tensor["shape"]
        )
    return state


def _read_torch(path: Path) -> dict[str, NDArray[Any]]:
    content, load = read_torch_file(path)
    state = {}
    for key, tensor in _unwrapped(path, content).items():
        _check_key(path, key)
        if asked := asked_for(tensor):
            raise refusal(path, asked)
        if not isinstance(tensor, Tensor):
            raise BadInput(f"{path}: {key} holds a {type(tensor).__name__}, a tensor is needed")
        state[key] = load(tensor)
    return state


def _unwrapped(path: Path, content: Any) -> Mapping[Any, Any]:
    """Return the state dict of what was saved: that itself, or a training checkpoint around it."""
    for _ in range(MOST_WRAPPERS):
        if not isinstance(content, Mapping):
            break
        kept = (content.get(wrapper) for wrapper in WRAPPERS)
        content = next((one for one in kept if isinstance(one, Mapping) or asked_for(one)), content)
    if asked := asked_for(content):
        raise refusal(path, asked)
    if not isinstance(content, Mapping):
        raise BadInput(f"{path}: holds a {type(content).__name__}, a state dict is needed")
    return content


def _check_key(path: Path, key: Any) -> None:
    """Raise BadInput for what is no name, so that messages may print it."""
    if not isinstance(key, str) or not key.isprintable() or len(key) > LONGEST_KEY:
        raise BadInput(f"{path}: a tensor's name is {ascii(key)[:LONGEST_KEY]}")
