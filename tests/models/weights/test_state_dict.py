"""Weights files: what torch and safetensors wrote is read, and everything else refused in one line."""

import json
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from cxr_cli.errors import BadInput
from cxr_cli.models.weights.state_dict import read_state_dict

HERE = Path(__file__).parent
BY_TORCH = [HERE / "torch-2.13-zip.pth", HERE / "torch-2.13-legacy.pth"]
"""By `torch.save` of torch 2.13.0, the second with _use_new_zipfile_serialization=False.

With base = torch.arange(24.0): contiguous=base.reshape(2, 3, 4), transposed=base.reshape(4, 6).T,
part=base[5:9], channels_last=base.reshape(1, 2, 3, 4) in that memory format, half, brain (bfloat16) and
double=base[:3] in these types, count=torch.tensor(7), parameter=Parameter(base[:2]), in an OrderedDict that
has a network's `_metadata`.
"""
BASE = np.arange(24, dtype=np.float32)
Refused = Callable[[Path], str]
both_formats = pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])


@pytest.mark.parametrize("path", BY_TORCH, ids=lambda path: path.stem)
def test_torch_s_own_files_hold_what_torch_wrote(path: Path) -> None:
    state = read_state_dict(path)
    expected = {
        "contiguous": BASE.reshape(2, 3, 4),
        "transposed": BASE.reshape(4, 6).T,
        "part": BASE[5:9],
        "channels_last": BASE.reshape(1, 2, 3, 4),
        "half": BASE[:3],
        "brain": BASE[:3],
        "double": BASE[:3].astype(np.float64),
        "count": np.array(7),
        "parameter": BASE[:2],
    }
    assert list(state) == list(expected)
    for name, array in expected.items():
        assert state[name].dtype == array.dtype, name
        np.testing.assert_array_equal(state[name], array, err_msg=name)


@both_formats
def test_a_state_dict_is_read_as_it_was_written(tmp_path: Path, torch: Any, legacy: bool) -> None:
    rng = np.random.default_rng(0)
    arrays = {
        "weight": rng.normal(size=(4, 3, 5, 5)).astype(np.float32),
        "seen": np.array(12),
        "exact": rng.normal(size=6),
    }
    state = read_state_dict(torch.save(tmp_path / "network.pth", arrays, legacy))
    assert {name: array.dtype for name, array in state.items()} == {
        name: array.dtype for name, array in arrays.items()
    }
    for name in arrays:
        np.testing.assert_array_equal(state[name], arrays[name])


@pytest.mark.parametrize("wrappers", ["state_dict", "model_state_dict", "model", "net", "checkpoint model"])
def test_a_training_checkpoint_is_unwrapped(tmp_path: Path, torch: Any, wrappers: str) -> None:
    tensor = torch.view(torch.Run("FloatStorage", "0", 3), 0, (3,), (1,))
    content: dict[str, Any] = OrderedDict({"module.fc.bias": tensor})
    for wrapper in reversed(wrappers.split()):
        content = {"epoch": 3, wrapper: content, "best": 0.5, "args": {"lr": 1e-3}}
    path = torch.write(tmp_path / "checkpoint.pth", content, {"0": BASE[:3]})
    state = read_state_dict(path)
    assert list(state) == ["module.fc.bias"]
    np.testing.assert_array_equal(state["module.fc.bias"], BASE[:3])


@both_formats
def test_a_tensor_of_torch_0_3_is_read(tmp_path: Path, torch: Any, legacy: bool) -> None:
    run, rebuild = torch.Run("FloatStorage", "0", 24), torch.Global("torch._utils", "_rebuild_tensor")
    tensor = torch.Call(rebuild, (run, 4, (2, 3), (6, 1)))
    state = read_state_dict(torch.write(tmp_path / "a.pth.tar", {"a": tensor}, {"0": BASE}, legacy))
    np.testing.assert_array_equal(state["a"], [[4, 5, 6], [10, 11, 12]])


@both_formats
def test_what_is_beside_the_state_dict_is_not_needed_and_not_run(
    tmp_path: Path, torch: Any, legacy: bool
) -> None:
    sentinel = tmp_path / "sentinel"
    score = torch.Global("numpy._core.multiarray", "scalar")
    harm = torch.Call(torch.Global("os", "system"), (f"touch '{sentinel}'",), {"state": 1})
    tensor = torch.view(torch.Run("FloatStorage", "0", 3), 0, (3,), (1,))
    content = {"best": torch.Call(score, (0.5,)), "callbacks": [harm], "state_dict": {"fc.bias": tensor}}
    state = read_state_dict(torch.write(tmp_path / "a.pth", content, {"0": BASE[:3]}, legacy))
    np.testing.assert_array_equal(state["fc.bias"], BASE[:3])
    assert not sentinel.exists()


def test_a_whole_model_in_a_checkpoint_is_refused_with_what_to_do(
    tmp_path: Path, torch: Any, refused: Refused
) -> None:
    module = torch.Call(torch.Global("torchvision.models.densenet", "DenseNet"), (), {"training": True})
    line = refused(torch.write(tmp_path / "a.pth", {"epoch": 3, "model": module}))
    assert "it asks for 'torchvision.models.densenet.DenseNet', not only for tensors; save the state" in line


def test_a_checkpoint_that_holds_itself_is_refused(tmp_path: Path, torch: Any, refused: Refused) -> None:
    content: dict[str, Any] = {}
    content["model"] = content
    assert "model holds a dict" in refused(torch.write(tmp_path / "a.pth", content))


def test_safetensors_are_read_and_half_precision_widened(tmp_path: Path) -> None:
    arrays = {"a": BASE.reshape(4, 6), "half": BASE.astype(np.float16), "count": np.array([7])}
    save_file(arrays, tmp_path / "network.safetensors")
    state = read_state_dict(tmp_path / "network.safetensors")
    assert {name: array.dtype.name for name, array in state.items()} == {
        "a": "float32",
        "half": "float32",
        "count": "int64",
    }
    for name in arrays:
        np.testing.assert_array_equal(state[name], arrays[name])


def safetensors_file(path: Path, header: Any, data: bytes) -> Path:
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


@pytest.mark.parametrize("length", [0x80, 0x180, 0x280])
def test_safetensors_whose_header_s_length_begins_as_a_pickle_are_read(tmp_path: Path, length: int) -> None:
    header = json.dumps({"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}}).ljust(length).encode()
    path = tmp_path / "network.safetensors"
    path.write_bytes(struct.pack("<Q", length) + header + BASE[:3].tobytes())
    assert path.read_bytes()[0] == 0x80
    np.testing.assert_array_equal(read_state_dict(path)["a"], BASE[:3])


def test_bfloat16_in_safetensors_is_widened(tmp_path: Path) -> None:
    brain = BASE.astype(ml_dtypes.bfloat16)
    header = {"a": {"dtype": "BF16", "shape": [24], "data_offsets": [0, 48]}}
    state = read_state_dict(safetensors_file(tmp_path / "a.safetensors", header, brain.tobytes()))
    np.testing.assert_array_equal(state["a"], BASE)


@pytest.mark.parametrize(
    ("header", "data"),
    [
        ({"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}}, b"1234"),
        ({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 12]}}, bytes(12)),
        ({"a": {"dtype": "F32", "shape": [2**62, 8], "data_offsets": [0, 12]}}, bytes(12)),
        ({"a": {"dtype": "F31", "shape": [3], "data_offsets": [0, 12]}}, bytes(12)),
        ({"a": {"shape": [3]}}, bytes(12)),
        ({}, b""),
        ({"a\nb": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)),
    ],
    ids=["cut off", "other shape", "huge", "unknown type", "incomplete", "nothing", "name of two lines"],
)
def test_damaged_safetensors_are_refused(
    tmp_path: Path, refused: Refused, header: dict[str, Any], data: bytes
) -> None:
    refused(safetensors_file(tmp_path / "a.safetensors", header, data))


def test_a_header_longer_than_the_file_is_refused(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(struct.pack("<Q", 2**60) + b'{"a":')
    assert "safetensors" in refused(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "begins with b''"),
        (b"<!DOCTYPE html><html>", "begins with b'<!DOCTYPE'"),
        (b"version https://git-lfs.github.com/spec/v1\n", "begins with b'version h'"),
        (b"cos\nsystem\n(S'true'\ntR.", "begins with"),
        (b"\x80\x02}q\x00.", "not one of torch's"),
        (b"\x80\x02", "damaged"),
        (b"PK\x03\x04", "damaged"),
    ],
)
def test_what_is_no_weights_file_is_refused(
    tmp_path: Path, refused: Refused, content: bytes, message: str
) -> None:
    path = tmp_path / "network.pth"
    path.write_bytes(content)
    assert message in refused(path)


def test_missing_files_and_folders_are_refused(tmp_path: Path, refused: Refused) -> None:
    assert refused(tmp_path / "none.pth") == "no such file"
    assert "cannot be read" in refused(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [([1, 2], "a list"), ({}, "no tensors"), ({"a": 3}, "a holds a int"), ({7: 3}, "name is 7")],
)
def test_what_is_no_state_dict_is_refused(
    tmp_path: Path, torch: Any, refused: Refused, content: Any, message: str
) -> None:
    assert message in refused(torch.write(tmp_path / "network.pth", content))


ASKED = [
    ("os", "system"),
    ("posix", "system"),
    ("builtins", "eval"),
    ("builtins", "getattr"),
    ("subprocess", "Popen"),
    ("torch", "load"),
    ("torch.nn.modules.container", "Sequential"),
    ("numpy._core.multiarray", "scalar"),
    ("collections", "defaultdict"),
    ("cxr_cli.models.weights.torch_file", "_tensor"),
]


@both_formats
@pytest.mark.parametrize(("module", "name"), ASKED)
def test_a_file_that_asks_for_more_than_tensors_is_refused_and_runs_nothing(
    tmp_path: Path, torch: Any, refused: Refused, module: str, name: str, legacy: bool
) -> None:
    sentinel = tmp_path / "sentinel"
    harm = torch.Call(torch.Global(module, name), (f"touch '{sentinel}'",))
    line = refused(torch.write(tmp_path / "network.pth", {"a": harm}, legacy=legacy))
    assert f"it asks for '{module}.{name}'" in line
    assert "torch.save(model.state_dict(), FILE)" in line
    assert not sentinel.exists()


@both_formats
def test_state_set_on_a_function_is_refused(
    tmp_path: Path, torch: Any, refused: Refused, legacy: bool
) -> None:
    rebuild = torch.Global("torch._utils", "_rebuild_tensor_v2")
    # BUILD on the function itself, by a call that gives it back: _rebuild_parameter returns its argument.
    given_back = torch.Call(torch.Global("torch._utils", "_rebuild_parameter"), (rebuild,), {"a": 1})
    assert "damaged" in refused(torch.write(tmp_path / "network.pth", {"a": given_back}, legacy=legacy))


def test_a_name_of_two_lines_is_told_on_one(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "network.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("network/data.pkl", b"\x80\x04\x8c\x04os\n\x1b\x8c\x06system\x93.")
    assert r"it asks for 'os\n\x1b.system'" in refused(path)


@both_formats
def test_a_memo_with_differences_is_refused_before_it_is_filled(
    tmp_path: Path, torch: Any, refused: Refused, legacy: bool
) -> None:
    path = torch.write(tmp_path / "network.pth", {"a": "x"}, legacy=legacy)
    marked = torch.pickled({"a": "x"})
    hostile = b"\x80\x02}r" + struct.pack("<I", 2**32 - 2) + b"."
    if legacy:
        path.write_bytes(path.read_bytes().replace(marked, hostile))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("network/data.pkl", hostile)
    assert "4294967294 in its memo" in refused(path)


BIG = 2**40
VIEWS = {
    "beyond its storage": (0, (25,), (1,)),
    "offset beyond": (20, (5,), (1,)),
    "stride beyond": (0, (2, 2), (23, 1)),
    "repeated": (0, (BIG,), (0,)),
    "overlapping": (0, (8, 8), (1, 1)),
    "negative stride": (5, (3,), (-1,)),
    "negative offset": (-1, (3,), (1,)),
    "no numbers": (0, (0, BIG), (1, 1)),
    "fewer strides": (0, (2, 2), (1,)),
    "huge": (0, (2**70,), (1,)),
    "wild stride": (0, (2,), (2**70,)),
    "many dimensions": (0, (1,) * 65, (1,) * 65),
    "no integers": (0, (1.5,), (1,)),
    "truths": (0, (True,), (1,)),
}


@both_formats
@pytest.mark.parametrize("what", VIEWS)
def test_a_tensor_that_its_storage_cannot_hold_is_refused(
    tmp_path: Path, torch: Any, refused: Refused, what: str, legacy: bool
) -> None:
    tensor = torch.view(torch.Run("FloatStorage", "0", 24), *VIEWS[what])
    refused(torch.write(tmp_path / "network.pth", {"a": tensor}, {"0": BASE}, legacy))


@both_formats
@pytest.mark.parametrize("claimed", [25, 2**61, -24, 23])
def test_a_storage_of_another_size_than_claimed_is_refused(
    tmp_path: Path, torch: Any, refused: Refused, claimed: int, legacy: bool
) -> None:
    tensor = torch.view(torch.Run("FloatStorage", "0", claimed), 0, (24,), (1,))
    refused(torch.write(tmp_path / "network.pth", {"a": tensor}, {"0": BASE}, legacy))


def test_a_storage_longer_than_its_file_is_refused(tmp_path: Path, torch: Any, refused: Refused) -> None:
    tensor = torch.view(torch.Run("FloatStorage", "0", 24), 0, (24,), (1,))
    path = torch.write(tmp_path / "network.pth", {"a": tensor}, {"0": BASE}, legacy=True)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(struct.pack("<q", 24), struct.pack("<q", 2**60)))
    assert "cut off in storage '0'" in refused(path)


@both_formats
def test_a_missing_storage_is_refused(tmp_path: Path, torch: Any, refused: Refused, legacy: bool) -> None:
    tensor = torch.view(torch.Run("FloatStorage", "0", 24), 0, (24,), (1,))
    line = refused(torch.write(tmp_path / "network.pth", {"a": tensor}, {}, legacy))
    assert line == ("has no storage '0'" if legacy else "has no record 'network/data/0'")


def test_many_views_of_one_storage_are_refused(tmp_path: Path, torch: Any, refused: Refused) -> None:
    run = torch.Run("FloatStorage", "0", 24_000)
    tensors = {str(number): torch.view(run, 0, (24_000,), (1,)) for number in range(50)}
    path = torch.write(tmp_path / "network.pth", tensors, {"0": np.tile(BASE, 1000)})
    assert "more numbers than the file holds" in refused(path)


def test_a_storage_spoken_of_in_two_ways_is_refused(tmp_path: Path, torch: Any, refused: Refused) -> None:
    tensors = {
        name: torch.view(torch.Run(type_name, "0", 24), 0, (24,), (1,))
        for name, type_name in (("a", "FloatStorage"), ("b", "IntStorage"))
    }
    assert "in two ways" in refused(torch.write(tmp_path / "network.pth", tensors, {"0": BASE}))


def test_a_type_of_number_that_is_not_torch_s_is_refused(
    tmp_path: Path, torch: Any, refused: Refused
) -> None:
    tensor = torch.view(torch.Run("ComplexFloatStorage", "0", 12), 0, (12,), (1,))
    path = torch.write(tmp_path / "network.pth", {"a": tensor}, {"0": BASE})
    assert "torch.ComplexFloatStorage" in refused(path)


def test_a_zip_that_unfolds_is_refused(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "network.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("network/data.pkl", bytes(10_000_000))
    assert "compressed" in refused(path)


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ({"byteorder": b"big"}, "big-endian"),
        ({"constants.pkl": b""}, "TorchScript"),
    ],
)
def test_files_for_others_are_named(
    tmp_path: Path, torch: Any, refused: Refused, records: dict[str, bytes], message: str
) -> None:
    path = tmp_path / "network.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("network/data.pkl", torch.pickled({}))
        for name, data in records.items():
            archive.writestr(f"network/{name}", data)
    assert message in refused(path)


def test_any_other_zip_is_refused(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("image.png", b"")
    assert "without torch's data.pkl" in refused(path)


@pytest.mark.parametrize("path", BY_TORCH, ids=lambda path: path.stem)
@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_anywhere_is_refused_or_leaves_arrays(tmp_path: Path, path: Path, data: st.DataObject) -> None:
    whole = path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    cut = data.draw(st.booleans())
    byte = data.draw(st.integers(0, 255))
    damaged = tmp_path / "damaged.pth"
    damaged.write_bytes(whole[:place] if cut else whole[:place] + bytes([byte]) + whole[place + 1 :])
    try:
        message = [array.dtype.name for array in read_state_dict(damaged).values()]
    except BadInput as refusal:
        message = [str(refusal)]
    assert message
    assert all(line.isprintable() for line in message)
