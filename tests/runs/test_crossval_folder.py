"""The CV folder: which runs it has."""

from pathlib import Path

import pytest

from cxr_cli.artifacts import write_record
from cxr_cli.errors import BadInput
from cxr_cli.runs.crossval_folder import RECORD, fold_runs, found_runs, is_crossval, member_folders


def make(folder: Path, *names: str, unfinished: tuple[str, ...] = ()) -> Path:
    folder.mkdir()
    write_record(folder / RECORD, {"folds": 2, "seed": 4})
    for name in (*names, *unfinished):
        (folder / name).mkdir()
        (folder / name / "config.json").write_text("{}")
        write_record(folder / name / "run.json", {"finished": name not in unfinished})
    return folder


def test_the_first_seed_is_not_in_the_names() -> None:
    names = [run.folder.name for run in fold_runs(Path("cv"), 2, 4, 2)]
    assert names == ["fold0", "fold1", "fold0-seed5", "fold1-seed5"]


def test_a_further_seed_counts_with_all_its_folds(tmp_path: Path) -> None:
    folder = make(tmp_path / "cv", "fold0", "fold1", "fold0-seed5", "fold1-seed5", "fold0-seed6")
    assert [(run.fold, run.seed) for run in found_runs(folder)] == [(0, 4), (1, 4), (0, 5), (1, 5)]
    assert [path.name for path in member_folders(folder)] == ["fold0", "fold1", "fold0-seed5", "fold1-seed5"]


def test_an_unfinished_fold_is_named(tmp_path: Path) -> None:
    folder = make(tmp_path / "cv", "fold0", unfinished=("fold1",))
    with pytest.raises(BadInput, match="fold1: this fold is not trained yet"):
        found_runs(folder)


def test_a_run_is_its_own_member(tmp_path: Path) -> None:
    assert not is_crossval(tmp_path)
    assert member_folders(tmp_path) == (tmp_path,)
