"""A run as a program: its scores are the run's own, and it says what it takes."""

import json
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import onnxruntime
import pytest
from untrained import SAVED_SIZE, saved_run

from cxr_cli.artifacts import write_record
from cxr_cli.errors import BadInput, CxrError, InvalidSetting
from cxr_cli.evaluation.recalibration import Calibration
from cxr_cli.models.architecture import NetworkSpec
from cxr_cli.models.network import Variables, create
from cxr_cli.prediction import export as exporting
from cxr_cli.prediction.export import comparison_images, export, own_scores
from cxr_cli.prediction.onnx_graph import to_onnx
from cxr_cli.prediction.templates import make_templates, write_templates
from cxr_cli.runs.crossval_folder import RECORD

SIZE = SAVED_SIZE


def onnx_scores(path: Path, images: Any) -> Any:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {"images": images})[0]


def test_an_onnx_file_gives_the_run_s_scores_for_any_number_of_images(tmp_path: Path) -> None:
    run = saved_run(tmp_path / "run", flip_tta=True)
    result = export(run.folder, tmp_path / "model.onnx", input_type="float32")
    assert result.difference is not None
    assert result.difference <= 1e-5
    images = np.random.default_rng(3).integers(0, 256, (5, SIZE, SIZE), np.uint8)
    own = own_scores([run], images)
    assert own.std(0).min() > 1e-4  # else any program would do
    for count in (1, 5):
        found = onnx_scores(result.path, images[:count].astype(np.float32))
        np.testing.assert_allclose(found, own[:count], atol=1e-5)


def test_a_stablehlo_file_runs_in_another_process_without_cxr(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calibration = Calibration("temperature", {"temperature": [1.7]}, 30)
    monkeypatch.setattr(exporting, "read_calibration", lambda _: calibration)
    run = saved_run(tmp_path / "run")
    result = export(run.folder, tmp_path / "model.stablehlo", format="stablehlo")
    assert json.loads((tmp_path / "model.stablehlo.json").read_text())["calibration"][0]["temperature"] == [
        1.7
    ]
    images = np.random.default_rng(3).integers(0, 256, (3, SIZE, SIZE), np.uint8)
    np.save(tmp_path / "images.npy", images)
    code = (
        "import numpy as np; from jax import export; from pathlib import Path\n"
        "program = export.deserialize(bytearray(Path('model.stablehlo').read_bytes()))\n"
        "np.save('scores.npy', program.call(np.load('images.npy')))"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True, cwd=tmp_path)
    np.testing.assert_allclose(np.load(tmp_path / "scores.npy"), own_scores([run], images), atol=1e-5)
    program = jax.export.deserialize(bytearray(result.path.read_bytes()))
    assert {"cpu", "cuda"} <= set(program.platforms)
    # A depthwise convolution is one, not a sum of shifted products as on a CPU.
    assert re.search(r"feature_group_count = (?!1 )", program.mlir_module())


def test_siamese_scores_are_similarities_to_templates(tmp_path: Path) -> None:
    run = saved_run(tmp_path / "run", "siamese", pairs=10, trials=2)
    vectors = np.random.default_rng(4).uniform(0, 1, (9, 16)).astype(np.float32)
    templates = make_templates(run, vectors, np.arange(9) % 3, "nearest", nearest=2)
    write_templates(run.folder / "templates.npz", templates)
    result = export(run.folder, tmp_path / "model.onnx")
    assert result.difference is not None
    assert result.difference <= 1e-5
    assert "similarities" in result.description["output"]


def test_a_cross_validation_is_the_mean_of_its_folds_and_says_what_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters = {"slope": [1.5, 0.7, 1.1], "intercept": [0.1, -0.2, 0.3]}
    monkeypatch.setattr(exporting, "read_calibration", lambda _: Calibration("platt", parameters, 30))
    runs = [saved_run(tmp_path / "cv" / f"fold{fold}", seed=fold) for fold in range(2)]
    write_record(tmp_path / "cv" / RECORD, {"folds": 2, "seed": 0})
    result = export(tmp_path / "cv", tmp_path / "model.onnx")
    images = comparison_images(SIZE)
    found = {each.key: each.value for each in onnx.load(result.path).metadata_props}
    assert found["model_id"] not in {run.model_id for run in runs}
    assert json.loads(found["classes"]) == ["covid19", "normal", "pneumonia"]
    assert [json.loads(found[name]) for name in ("size", "crop_top", "mean")] == [SIZE, 0.08, [0.25, 0.5]]
    assert found["input"] == "images, uint8 [N, 32, 32]: gray, 0 to 255, bone bright"
    assert "not for diagnosis" in found["use"]
    assert str(tmp_path) not in json.dumps(found)
    mean = np.mean([own_scores([run], images) for run in runs], axis=0)
    np.testing.assert_allclose(onnx_scores(result.path, images), mean, atol=1e-5)


def test_a_calibration_with_steps_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "read_calibration", lambda _: Calibration("isotonic", {}, 30))
    run = saved_run(tmp_path / "run")
    with pytest.raises(BadInput, match="calibrated by isotonic regression, which cannot be exported"):
        export(run.folder, tmp_path / "model.onnx")


def test_other_scores_than_the_run_s_are_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = saved_run(tmp_path / "run")
    monkeypatch.setattr(exporting, "own_scores", lambda *_: np.zeros((8, 3)))
    with pytest.raises(CxrError, match="more than 1e-05; nothing was written"):
        export(run.folder, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_what_cannot_be_is_named(tmp_path: Path) -> None:
    run = saved_run(tmp_path / "run")
    with pytest.raises(InvalidSetting, match="`format` tflite: known are onnx, stablehlo"):
        export(run.folder, tmp_path / "model", format="tflite")  # type: ignore[arg-type]
    with pytest.raises(InvalidSetting, match="has no use for templates"):
        export(run.folder, tmp_path / "model", templates=tmp_path / "templates.npz")
    with pytest.raises(NotImplementedError, match="no rule for sort"):
        to_onnx(jnp.sort, jax.ShapeDtypeStruct((2, 3), np.float32), ("images", "scores"), {}, ("cxr", "0"))


FAMILIES = {"resnext50_32x4d": 32, "densenet121": 32, "inception_v3": 299, "efficientnet_lites_mid": 32}
"""An architecture of each that has no narrow one, and the size of images."""


@pytest.mark.parametrize("arch", FAMILIES)
def test_every_family_goes_to_onnx(arch: str) -> None:
    size = FAMILIES[arch]
    network, variables = create(NetworkSpec(arch, 1.0, size, 3, False), np.random.default_rng(0), "native")

    def logits(variables: Variables, images: jax.Array) -> jax.Array:
        module = network.bind(variables)
        return module.head(module.features(images[..., None] / 128 - 1))

    images = np.random.default_rng(1).integers(0, 256, (2, size, size)).astype(np.float32)
    shape = jax.ShapeDtypeStruct((jax.export.symbolic_shape("N")[0], size, size), np.float32)
    model = to_onnx(partial(logits, variables), shape, ("images", "scores"), {}, ("cxr", "0"))
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    fast = jax.jit(logits, compiler_options={"xla_backend_optimization_level": 0})
    found, own = session.run(None, {"images": images})[0], np.asarray(fast(variables, images))
    np.testing.assert_allclose(found, own, atol=1e-5 * np.abs(own).max())
    assert np.abs(own[0] - own[1]).max() > 1e-3 * np.abs(own).max()
