"""`test`, `predict`, `template` and `validate3way` from Python: what they return is what they write."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from recorder import Recorder
from untrained import parts_of

import cxr_cli
from cxr_cli.dataset.reader import open_dataset
from cxr_cli.errors import InvalidSetting
from cxr_cli.models.network import create
from cxr_cli.prediction.metrics_file import read_operating_point
from cxr_cli.prediction.predictions_file import read_predictions
from cxr_cli.runs.config import RunConfig, write_config
from cxr_cli.runs.model_store import open_run, save_model
from cxr_cli.splitting.criteria import SplitCriteria
from cxr_cli.splitting.file import open_split, write_split
from cxr_cli.splitting.split import make_split
from cxr_cli.training.recipes import named_recipe


class Runs(NamedTuple):
    """Untrained runs on images of two classes."""

    single: Path
    siamese: Path
    dataset: Path


@pytest.fixture(scope="module")
def runs(make_dataset: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Runs:
    folder = tmp_path_factory.mktemp("library")
    labels = ["covid19"] * 24 + ["normal"] * 30
    make_dataset(folder / "dataset", labels, [f"p{number // 2}" for number in range(len(labels))])
    dataset = open_dataset(folder / "dataset")
    criteria = SplitCriteria(val=0.3, test=0.4)
    write_split(dataset, criteria, make_split(dataset, criteria), folder / "split.csv")
    split = open_split(folder / "split.csv", dataset)
    config = RunConfig(
        **parts_of(named_recipe("single", {"width": 0.125})),
        recipe="single",
        weights_digest=None,
        size=32,
        crop_top=0.0,
        crop_border=0.0,
        views=None,
        classes=("covid19", "normal"),
        mean=0.4,
        std=0.2,
        seed=0,
        dataset=str(dataset.folder),
        dataset_digest=dataset.digest,
        split=str(split.path),
        split_digest=split.digest,
        fold=None,
    )
    siamese = replace(config, **parts_of(named_recipe("siamese", {"width": 0.125})), recipe="siamese")
    for name, one in (("single", config), ("siamese", siamese)):
        write_config(folder / name, one)
        save_model(folder / name, one.digest, create(one.network_spec, np.random.default_rng(0))[1], epoch=1)
    return Runs(folder / "single", folder / "siamese", dataset.folder)


def test_a_test_and_the_predictions_after_it(runs: Runs) -> None:
    recorder = Recorder()
    result = cxr_cli.test(runs.single, reporter=recorder)
    assert recorder.said == [
        f"{runs.single}: training is not finished; this is the best model so far, of epoch 1"
    ]
    assert result.predictions == runs.single / "predictions.csv"
    written = read_predictions(result.predictions)
    assert written.images["image_id"].tolist() == result.table["image_id"].tolist()
    assert len(result.table) == result.report.images > 0
    assert result.report.as_json().items() <= json.loads(result.metrics.read_text()).items()
    assert all(path.exists() for path in result.figures)
    point = result.report.operating_point
    assert point is not None
    assert (written.positive, point.positive) == ("covid19", "covid19")

    predicted = cxr_cli.predict(runs.single, runs.dataset)
    assert (predicted.operating_point, predicted.path) == (point, None)
    assert read_operating_point(open_run(runs.single)) == point
    both = predicted.table.set_index("image_id").loc[result.table["image_id"]]
    assert both["predicted"].tolist() == result.table["predicted"].tolist()
    assert predicted.table["score_covid19"].is_monotonic_decreasing


def test_templates_and_three_way_validation(runs: Runs, tmp_path: Path) -> None:
    made = cxr_cli.template(runs.siamese, kind="medoid")
    assert made.path == runs.siamese / "templates.npz"
    assert made.templates.vectors.shape[0] == 2
    tested = cxr_cli.test(runs.siamese, output=tmp_path / "p.csv", json=tmp_path / "m.json")
    assert pd.read_csv(tested.predictions)["predicted"].tolist() == tested.table["predicted"].tolist()
    written = {path.name for path in tmp_path.iterdir()}
    assert {"m-confusion.png", "m-roc.png", "m.json", "p.csv"} <= written
    assert {name[:2] for name in written} == {"m-", "m.", "p."}
    result = cxr_cli.validate3way(runs.siamese, trials=6, repeats=2, json=tmp_path / "three.json")
    assert result.report.sampled.sum() == 12
    assert result.report.as_json().items() <= json.loads((tmp_path / "three.json").read_text()).items()
    assert result.figure.exists()


def test_what_does_not_suit_the_run_is_refused_by_field(runs: Runs) -> None:
    with pytest.raises(InvalidSetting) as caught:
        cxr_cli.validate3way(runs.single)
    assert caught.value.field == "run"
    with pytest.raises(InvalidSetting) as caught:
        cxr_cli.predict(runs.single, runs.dataset, first="flu")
    assert (caught.value.field, caught.value.value) == ("first", "flu")
    with pytest.raises(InvalidSetting) as caught:
        cxr_cli.test(runs.single, positive="flu")
    assert caught.value.field == "positive"


NOT_A_RUN = """
import sys
from collections.abc import Callable
from cxr_cli.main import main
code = main(sys.argv[1:])
print(code, *sorted({"jax", "numpy", "pandas", "matplotlib"} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ("test",),
        ("template",),
        ("validate3way",),
        ("report",),
        ("predict", "dataset"),
        ("gradcam", "-o", "maps"),
    ],
)
def test_what_is_no_run_is_refused_before_anything_heavy_is_imported(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    command, *others = arguments
    done = subprocess.run(
        [sys.executable, "-c", NOT_A_RUN, command, str(tmp_path / "gone"), *others],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "3\n"
    assert done.stderr == f"cxr: {tmp_path / 'gone'}: no such run\n"
