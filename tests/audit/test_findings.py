"""What an audit says of its figures."""

import copy
from typing import Any

import pytest

from cxr_cli.audit.findings import correct_p, findings
from cxr_cli.audit.text import format_audit

CLASSES = ["covid19", "normal", "pneumonia"]


def auc(value: float, p: float = 1.0) -> dict[str, Any]:
    return {"value": value, "low": value - 0.1, "high": min(value + 0.1, 1.0), "p": p}


def predicted(
    covid19: tuple[float, float] = (0.5, 1.0), normal: tuple[float, float] = (0.5, 1.0)
) -> dict[str, Any]:
    """Figures of three classes: AUC and p of two, the third at chance."""
    return {
        "auc": auc((covid19[0] + normal[0]) / 2),
        "per_class": {"covid19": auc(*covid19), "normal": auc(*normal), "pneumonia": auc(0.5)},
    }


def regions(
    outside: dict[str, Any], image: dict[str, Any], inside: dict[str, Any] | None = None
) -> dict[str, Any]:
    of = {"description": "w"}
    return {
        "images": 100,
        "patients": 60,
        "subset": "val",
        "regions": {
            "image": {**of, "outside_lungs": False, **image},
            "corners": {**of, "outside_lungs": True, **outside},
            "border": {**of, "outside_lungs": True, **predicted()},
            "thumbnail": {**of, "outside_lungs": False, **(inside or predicted())},
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
        "refitted": regions(predicted(), predicted((0.9, 1e-6), (0.9, 1e-6))),
        "occlusion": None,
        "leaks": {"patients": [], "identical": [], "near_duplicates": []},
    }
    made = copy.deepcopy({**clean, **sections})
    parts = [made[name]["regions"] for name in ("occlusion", "refitted") if made[name]]
    correct_p(made["classes"], made["association"]["characteristics"], *parts)
    return {**made, "findings": [finding._asdict() for finding in findings(made)]}


def test_an_audit_without_findings_says_so_of_each_kind() -> None:
    clean = report()
    assert clean["findings"] == []
    text = format_audit(clean)
    assert "not examined, more than 20 values: path, note\nnot examined, ignored: model\n" in text
    verdict = text.split("Verdict\n")[1]
    assert verdict.splitlines() == [
        "shortcut: none found. A shortcut inside the lung fields cannot be found: it looks like pathology",
        "association: none found between class and any characteristic available",
        "leak: none found",
    ]


def test_what_intervals_do_not_exclude_is_inconclusive() -> None:
    wide = predicted((0.55, 0.3))
    text = " ".join(format_audit(report(refitted=regions(wide, predicted((0.9, 1e-6))))).split())
    unsure = "shortcut: inconclusive: too few images to exclude one. AUC may be more than 0.6: "
    assert f"{unsure}covid19 from corners, 0.550 (0.450-0.650) association" in text
    assert "association: none found" in text


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
    made = report(refitted=regions(predicted((auc, p)), predicted((0.95, 1e-6))))
    assert [finding["kind"] for finding in made["findings"]] == ["shortcut"] * found


def test_what_tells_classes_inside_the_lungs_is_no_shortcut() -> None:
    assert (
        report(occlusion=regions(predicted(), predicted((0.95, 1e-9)), inside=predicted((0.95, 1e-9))))[
            "findings"
        ]
        == []
    )


def test_the_runs_own_shortcut_is_told_with_its_share_of_the_whole_images_lead() -> None:
    made = report(
        occlusion=regions(predicted((0.86, 1e-6), (0.7, 1e-6)), predicted((0.95, 1e-9), (0.9, 1e-9)))
    )
    first, second = made["findings"]
    assert (first["section"], first["label"], first["by"]) == ("occlusion", "covid19", ("corners",))
    assert first["text"] == (
        "the run predicts covid19 from the corners alone: AUC 0.860 (0.760-0.960), 0.950 (0.850-1.000) from "
        "the whole image; 80% of the whole image's lead over chance: what it does on whole images may come "
        "from there"
    )
    assert second["text"].endswith("; 50% of the whole image's lead over chance")


def test_a_part_that_does_better_than_a_useless_whole_has_no_share() -> None:
    made = report(occlusion=regions(predicted((0.8, 1e-6)), predicted((0.55, 0.4))))
    assert made["findings"][0]["text"].endswith("0.550 (0.450-0.650) from the whole image")


def characteristic(counts: dict[str, tuple[int, int]], **figures: tuple[float, float]) -> dict[str, Any]:
    return {
        "counts": {level: dict(zip(CLASSES, (*of, 0), strict=True)) for level, of in counts.items()},
        "cramers_v": {"value": 0.9, "low": 0.8, "high": 1.0},
        "p": 0.0005,
        **predicted(**figures),
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
        "together": predicted((1.0, 1e-9)),
        "left_out": {},
    }
    return report(association={**of, "characteristics": by})


def test_an_association_names_the_plainest_characteristic_and_its_level() -> None:
    first, second = associated()["findings"]
    assert (first["kind"], first["label"], first["by"]) == ("association", "covid19", ("source", "view"))
    assert first["text"] == (
        "class covid19 coincides with source: x on 100% of its images and 0% of the others; AUC 1.000 "
        "(0.900-1.000) from it alone, Cramér's V 0.900 (0.800-1.000); also view 1.000"
    )
    assert second["text"].startswith("class normal goes with source: y on 100% of its images and 0% of the")


def test_the_text_has_the_counts_of_what_tells_a_class_alone() -> None:
    text = format_audit(associated())
    assert (
        "source  covid19  normal  pneumonia\nx       40       0       0\ny       0        40      0" in text
    )
    assert "view  covid19  normal" in text
    assert "F  " not in text


def test_leaks_are_counted_and_the_first_ten_named() -> None:
    pair = {"image_ids": ("aa", "bb"), "subsets": ("train", "test"), "correlation": 0.91}
    made = report(
        leaks={"patients": [{**pair, "correlation": None}], "identical": [], "near_duplicates": [pair] * 12}
    )
    assert [finding["text"] for finding in made["findings"]] == [
        "1 patient is in more than one subset",
        "12 pairs of near-duplicates are in more than one subset",
    ]
    text = format_audit(made)
    assert "patients: 1\n  aa in train, bb in test\n" in text
    assert text.count("aa in train, bb in test, correlation 0.91") == 10
    assert "... and 2 more, in the JSON" in text


def test_p_is_corrected_for_the_number_of_all_that_may_make_a_finding() -> None:
    """Three characteristics' associations, and nine AUCs of theirs; and the AUCs of two regions outside."""
    made = associated()
    by = made["association"]["characteristics"]
    assert [of["p_holm"] for of in by.values()] == pytest.approx([0.0015] * 3)
    assert by["view"]["per_class"]["covid19"]["p_holm"] == pytest.approx(9e-9)
    assert by["sex"]["per_class"]["covid19"]["p_holm"] == 1.0
    regions = made["refitted"]["regions"]
    assert {of["p_holm"] for of in regions["image"]["per_class"].values()} == {None}
    assert {of["p_holm"] for of in regions["corners"]["per_class"].values()} == {1.0}


def test_a_p_that_is_not_known_counts_for_nothing() -> None:
    characteristics = {"sex": {**predicted((0.9, 0.02)), "p": 0.5}}
    characteristics["sex"]["per_class"]["normal"]["p"] = None
    correct_p(CLASSES, characteristics)
    each = characteristics["sex"]["per_class"]
    assert [of["p_holm"] for of in each.values()] == [0.04, None, 1.0]
    # Of two classes one is examined.
    correct_p(CLASSES[::-1][1:], characteristics)
    assert [of["p_holm"] for of in each.values()] == [0.02, None, None]


def test_of_two_classes_one_is_predicted() -> None:
    occlusion = regions(predicted((0.9, 1e-6), (0.9, 1e-6)), predicted((0.95, 1e-9), (0.95, 1e-9)))
    made = report(classes=["covid19", "normal"], occlusion=occlusion)
    assert [finding["label"] for finding in made["findings"]] == ["normal"]
