"""What an audit says of its figures."""

from typing import Any

import pytest

from cxr_cli.audit.findings import findings, holm
from cxr_cli.audit.text import format_audit

CLASSES = ["covid19", "normal", "pneumonia"]


def figure(value: float, p: float = 1.0) -> dict[str, Any]:
    return {"value": value, "low": value - 0.1, "high": min(value + 0.1, 1.0), "p": p}


def told(
    covid19: tuple[float, float] = (0.5, 1.0), normal: tuple[float, float] = (0.5, 1.0)
) -> dict[str, Any]:
    """Figures of three classes: AUC and p of two, the third at chance."""
    return {
        "auc": figure((covid19[0] + normal[0]) / 2),
        "per_class": {"covid19": figure(*covid19), "normal": figure(*normal), "pneumonia": figure(0.5)},
    }


def views(
    beside: dict[str, Any], image: dict[str, Any], inside: dict[str, Any] | None = None
) -> dict[str, Any]:
    of = {"words": "w"}
    return {
        "images": 100,
        "patients": 60,
        "subset": "val",
        "views": {
            "image": {**of, "beside_lungs": False, **image},
            "corners": {**of, "beside_lungs": True, **beside},
            "border": {**of, "beside_lungs": True, **told()},
            "thumbnail": {**of, "beside_lungs": False, **(inside or told())},
        },
    }


def report(**sections: Any) -> dict[str, Any]:
    clean = {
        "classes": CLASSES,
        "association": {
            "images": 100,
            "patients": 60,
            "subset": "train and val",
            "characteristics": {},
            "together": None,
            "left_out": {"path": "more than 20 values", "model": "ignored", "note": "more than 20 values"},
        },
        "offered": views(told(), told((0.9, 1e-6), (0.9, 1e-6))),
        "seen": None,
        "leaks": {"patients": [], "identical": [], "near": []},
    }
    made = {**clean, **sections}
    return {**made, "findings": [finding._asdict() for finding in findings(made)]}


def test_an_audit_without_findings_says_so_of_each_kind() -> None:
    clean = report()
    assert clean["findings"] == []
    text = format_audit(clean)
    assert "not asked for, more than 20 values: path, note\nnot asked for, ignored: model\n" in text
    verdict = text.split("Verdict\n")[1]
    assert verdict.splitlines() == [
        "shortcut: none found. A shortcut inside the lungs' zone would not be: it looks like a finding",
        "association: none found between class and any characteristic at hand",
        "leak: none found",
    ]


@pytest.mark.parametrize(
    ("auc", "p", "found"),
    [
        (0.9, 0.0083, True),  # six comparisons: corners and border, three classes
        (0.9, 0.0084, False),
        (0.6, 1e-9, True),
        (0.59, 1e-9, False),  # certain, but of no account
    ],
)
def test_a_shortcut_needs_an_auc_of_account_that_chance_does_not_explain(
    auc: float, p: float, found: bool
) -> None:
    made = report(offered=views(told((auc, p)), told((0.95, 1e-6))))
    assert [finding["kind"] for finding in made["findings"]] == ["shortcut"] * found


def test_what_tells_classes_inside_the_lungs_is_no_shortcut() -> None:
    assert report(seen=views(told(), told((0.95, 1e-9)), inside=told((0.95, 1e-9))))["findings"] == []


def test_the_runs_own_shortcut_is_told_with_its_share_of_the_whole_images_lead() -> None:
    made = report(seen=views(told((0.86, 1e-6), (0.7, 1e-6)), told((0.95, 1e-9), (0.9, 1e-9))))
    first, second = made["findings"]
    assert (first["section"], first["label"], first["by"]) == ("seen", "covid19", ("corners",))
    assert first["words"] == (
        "the run tells covid19 from the corners alone: AUC 0.860 (0.760-0.960), 0.950 (0.850-1.000) from "
        "the whole image; 80% of the whole image's lead over chance: what it does on whole images may come "
        "from there"
    )
    assert second["words"].endswith("; 50% of the whole image's lead over chance")


def test_a_part_that_does_better_than_a_useless_whole_has_no_share() -> None:
    made = report(seen=views(told((0.8, 1e-6)), told((0.55, 0.4))))
    assert made["findings"][0]["words"].endswith("0.550 (0.450-0.650) from the whole image")


def characteristic(counts: dict[str, tuple[int, int]], **figures: tuple[float, float]) -> dict[str, Any]:
    return {
        "counts": {level: dict(zip(CLASSES, (*of, 0), strict=True)) for level, of in counts.items()},
        "cramers_v": {"value": 0.9, "low": 0.8, "high": 1.0},
        "p": 0.0005,
        **told(**figures),
    }


def associated() -> dict[str, Any]:
    by = {
        "view": characteristic({"AP": (30, 9), "PA": (10, 21), "-": (0, 10)}, covid19=(1.0, 1e-9)),
        "source": characteristic({"x": (40, 0), "y": (0, 40)}, covid19=(1.0, 1e-9), normal=(0.7, 1e-9)),
        "sex": characteristic({"F": (20, 21), "M": (20, 19)}),
    }
    of = {
        "images": 80,
        "patients": 50,
        "subset": "train and val",
        "together": told((1.0, 1e-9)),
        "left_out": {},
    }
    return report(association={**of, "characteristics": by})


def test_an_association_names_the_plainest_characteristic_and_its_level() -> None:
    first, second = associated()["findings"]
    assert (first["kind"], first["label"], first["by"]) == ("association", "covid19", ("source", "view"))
    assert first["words"] == (
        "class covid19 coincides with source: x on 100% of its images and 0% of the others; AUC 1.000 "
        "(0.900-1.000) from it alone, Cramér's V 0.900 (0.800-1.000); also view 1.000"
    )
    assert second["words"].startswith("class normal goes with source: y on 100% of its images and 0% of the")


def test_the_text_has_the_counts_of_what_tells_a_class_alone() -> None:
    text = format_audit(associated())
    assert (
        "source  covid19  normal  pneumonia\nx       40       0       0\ny       0        40      0" in text
    )
    assert "view  covid19  normal" in text
    assert "F  " not in text


def test_leaks_are_counted_and_the_first_ten_named() -> None:
    pair = {"image_ids": ("aa", "bb"), "subsets": ("train", "test"), "correlation": 0.91}
    made = report(leaks={"patients": [{**pair, "correlation": None}], "identical": [], "near": [pair] * 12})
    assert [finding["words"] for finding in made["findings"]] == [
        "1 patient is in more than one subset",
        "12 pairs of images that are nearly one picture are in more than one subset",
    ]
    text = format_audit(made)
    assert "patients: 1\n  aa in train, bb in test\n" in text
    assert text.count("aa in train, bb in test, correlation 0.91") == 10
    assert "... and 2 more, in the JSON" in text


def test_the_largest_p_not_put_down_to_chance_is_holms() -> None:
    """Of four p in order, 0.012 < 0.05 / 4, 0.016 < 0.05 / 3, 0.026 > 0.05 / 2: there it ends."""
    both = ("covid19", "normal")
    assert holm([told((0.5, 0.026), (0.5, 0.012)), told((0.5, 0.04), (0.5, 0.016))], both) == 0.016
    assert holm([told((0.5, 0.013), (0.5, 0.2)), told()], both) == -1
    assert holm([told((0.5, 0.013), (0.5, 0.2)), told()], both[:1]) == 0.013
    unknown = {"per_class": {"covid19": {"p": None}, "normal": {"p": 0.03}}}
    assert holm([unknown], both) == 0.03


def test_of_two_classes_one_is_told() -> None:
    seen = views(told((0.9, 1e-6), (0.9, 1e-6)), told((0.95, 1e-9), (0.95, 1e-9)))
    made = report(classes=["covid19", "normal"], seen=seen)
    assert [finding["label"] for finding in made["findings"]] == ["normal"]
