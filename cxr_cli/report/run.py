"""A report of a RUN, as one HTML page: the work of `cxr report`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cxr_cli.report.page import write_page
from cxr_cli.report.study import read_study
from cxr_cli.reporting import SILENT, Reporter


@dataclass(frozen=True)
class ReportResult:
    """A page.

    Attributes:
        page: its path.
        missing: commands that were not run yet, whose results the page lacks.
    """

    page: Path
    missing: tuple[str, ...]


def report(
    run: Path,
    output: Path | None = None,
    *,
    title: str | None = None,
    gradcam: Path | None = None,
    by: Sequence[str] = (),
    dataset: Path | None = None,
    split: Path | None = None,
    reporter: Reporter = SILENT,
) -> ReportResult:
    """Put the results of a finished run on one HTML page that needs no other file.

    Args:
        run: the RUN.
        output: the page; None for RUN/report.html.
        title: of the page; None names the classes.
        gradcam: a folder made by `gradcam`; None for RUN/gradcam, if it exists.
        by: characteristics of the subgroups, as `stratify` takes them; none for those that vary.
        dataset, split: where they are now, if they were moved.
        reporter: takes notices.

    Raises:
        BadInput: no run, an unfinished one, a folder without contact sheets, images that are not those of the
            run, or results of another model or operating point.
    """
    study = read_study(run, dataset, split, gradcam, by)
    page = output or run / "report.html"
    write_page(study, page, title)
    parts = {"test": study.metrics, "audit": study.audit, "gradcam": study.sheets}
    missing = tuple(command for command, part in parts.items() if not part)
    for command in missing:
        reporter.say(f"{page}: has no results of `cxr {command}`, which was not run yet")
    return ReportResult(page, missing)
