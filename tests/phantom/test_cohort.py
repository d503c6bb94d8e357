"""The plan of a set of phantoms."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_cli.errors import InvalidSetting
from cxr_cli.phantom.cohort import PhantomSettings, plan_images
from cxr_cli.phantom.findings import FINDINGS

GOOD = {
    "findings": ("normal", "pneumonia", "covid19"),
    "count": 30,
    "size": 64,
    "images_per_patient": 3,
    "shortcut": 0.0,
    "shortcut_class": "covid19",
    "seed": 0,
}


def _settings(**changed: object) -> PhantomSettings:
    return PhantomSettings(**{**GOOD, **changed})  # type: ignore[arg-type]


@settings(max_examples=40, deadline=None)
@given(
    findings=st.lists(st.sampled_from(list(FINDINGS)), min_size=1, max_size=4, unique=True),
    count=st.integers(4, 90),
    most=st.integers(1, 4),
    shortcut=st.floats(0, 1),
    seed=st.integers(0, 2**32),
)
def test_a_plan_is_even_and_patients_have_one_class(
    findings: list[str], count: int, most: int, shortcut: float, seed: int
) -> None:
    images = plan_images(
        _settings(
            findings=tuple(findings),
            count=count,
            images_per_patient=most,
            shortcut=shortcut,
            shortcut_class=findings[0],
            seed=seed,
        )
    )
    per_class = Counter(image.finding for image in images)
    assert len(images) == count == len({image.name for image in images})
    assert set(per_class) == set(findings)
    assert max(per_class.values()) - min(per_class.values()) <= 1
    per_patient = Counter(image.patient_id for image in images)
    assert max(per_patient.values()) <= most
    assert len({(image.patient_id, image.finding) for image in images}) == len(per_patient)
    assert all(image.finding == findings[0] for image in images if image.shortcut)


def test_the_same_seed_plans_the_same_and_another_does_not() -> None:
    assert plan_images(_settings()) == plan_images(_settings())
    assert plan_images(_settings()) != plan_images(_settings(seed=1))


def test_every_number_of_images_a_patient_comes_up() -> None:
    images = plan_images(_settings(count=300))
    assert set(Counter(Counter(image.patient for image in images).values())) == {1, 2, 3}


def test_system_and_patient_number_are_independent_of_the_finding() -> None:
    images = plan_images(_settings(count=6000))
    for finding in GOOD["findings"]:  # type: ignore[attr-defined]
        own = [image for image in images if image.finding == finding]
        # Shares of 2000 draws: a standard error of 0.011; 7 of the 13 systems are fixed.
        assert np.mean([image.system.portable for image in own]) == pytest.approx(6 / 13, abs=0.05)
        middle = max(image.patient for image in images) / 2
        assert np.mean([image.patient > middle for image in own]) == pytest.approx(0.5, abs=0.06)


def test_portable_images_are_ap_and_fixed_ones_mostly_pa() -> None:
    images = plan_images(_settings(count=600))
    fixed = Counter(image.view_position for image in images if not image.system.portable)
    assert {image.view_position for image in images if image.system.portable} == {"AP"}
    assert 0 < fixed["AP"] < 0.3 * fixed["PA"]


def test_images_of_a_patient_are_in_order_of_date() -> None:
    images = plan_images(_settings(count=60))
    for first, second in pairwise(images):
        if first.patient == second.patient:
            assert first.number + 1 == second.number
            assert first.study_date < second.study_date


@pytest.mark.parametrize(("probability", "marked"), [(0.0, 0), (1.0, 10)])
def test_shortcut_probabilities_at_the_ends(probability: float, marked: int) -> None:
    assert sum(image.shortcut for image in plan_images(_settings(shortcut=probability))) == marked


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"findings": ("normal", "flu")}, "`findings` 'flu': not one of normal, pneumonia"),
        ({"findings": ("normal", "normal")}, "given twice"),
        ({"count": 0}, "`count` 0"),
        ({"count": 2}, "`count` 2: too few, 3 findings"),
        ({"size": 16}, "`size` 16"),
        ({"images_per_patient": 0}, "`images_per_patient` 0"),
        ({"shortcut": 1.5}, "`shortcut` 1.5"),
        ({"shortcut": float("nan")}, "`shortcut` nan"),
        ({"shortcut_class": "pneumoperitoneum"}, "`shortcut_class` 'pneumoperitoneum'"),
        ({"seed": -1}, "`seed` -1"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(changed: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidSetting) as fault:
        _settings(**changed)
    assert message in str(fault.value)
    assert "\n" not in str(fault.value)
