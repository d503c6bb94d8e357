"""The plan of a set of phantoms."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_cli.errors import UsageFault
from cxr_cli.phantom.cohort import PhantomSettings, plan_films
from cxr_cli.phantom.findings import FINDINGS

GOOD = {
    "findings": ("normal", "pneumonia", "covid19"),
    "count": 30,
    "size": 64,
    "films_per_patient": 3,
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
    films = plan_films(
        _settings(
            findings=tuple(findings),
            count=count,
            films_per_patient=most,
            shortcut=shortcut,
            shortcut_class=findings[0],
            seed=seed,
        )
    )
    per_class = Counter(film.finding for film in films)
    assert len(films) == count == len({film.name for film in films})
    assert set(per_class) == set(findings)
    assert max(per_class.values()) - min(per_class.values()) <= 1
    per_patient = Counter(film.patient_id for film in films)
    assert max(per_patient.values()) <= most
    assert len({(film.patient_id, film.finding) for film in films}) == len(per_patient)
    assert all(film.finding == findings[0] for film in films if film.shortcut)


def test_the_same_seed_plans_the_same_and_another_does_not() -> None:
    assert plan_films(_settings()) == plan_films(_settings())
    assert plan_films(_settings()) != plan_films(_settings(seed=1))


def test_every_number_of_films_a_patient_comes_up() -> None:
    films = plan_films(_settings(count=300))
    assert set(Counter(Counter(film.patient for film in films).values())) == {1, 2, 3}


def test_system_and_patient_number_are_independent_of_the_finding() -> None:
    films = plan_films(_settings(count=6000))
    for finding in GOOD["findings"]:  # type: ignore[attr-defined]
        own = [film for film in films if film.finding == finding]
        # Shares of 2000 draws: a standard error of 0.011; 7 of the 13 systems are fixed.
        assert np.mean([film.system.portable for film in own]) == pytest.approx(6 / 13, abs=0.05)
        middle = max(film.patient for film in films) / 2
        assert np.mean([film.patient > middle for film in own]) == pytest.approx(0.5, abs=0.06)


def test_portable_films_are_ap_and_fixed_ones_mostly_pa() -> None:
    films = plan_films(_settings(count=600))
    fixed = Counter(film.view_position for film in films if not film.system.portable)
    assert {film.view_position for film in films if film.system.portable} == {"AP"}
    assert 0 < fixed["AP"] < 0.3 * fixed["PA"]


def test_films_of_a_patient_are_in_order_of_date() -> None:
    films = plan_films(_settings(count=60))
    for first, second in pairwise(films):
        if first.patient == second.patient:
            assert first.number + 1 == second.number
            assert first.study_date < second.study_date


@pytest.mark.parametrize(("probability", "marked"), [(0.0, 0), (1.0, 10)])
def test_shortcut_probabilities_at_the_ends(probability: float, marked: int) -> None:
    assert sum(film.shortcut for film in plan_films(_settings(shortcut=probability))) == marked


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"findings": ("normal", "flu")}, "--finding 'flu': not one of normal, pneumonia"),
        ({"findings": ("normal", "normal")}, "given twice"),
        ({"count": 0}, "--count 0"),
        ({"count": 2}, "--count 2: too few, 3 findings"),
        ({"size": 16}, "--size 16"),
        ({"films_per_patient": 0}, "--films-per-patient 0"),
        ({"shortcut": 1.5}, "--shortcut 1.5"),
        ({"shortcut": float("nan")}, "--shortcut nan"),
        ({"shortcut_class": "pneumoperitoneum"}, "--shortcut-class 'pneumoperitoneum'"),
        ({"seed": -1}, "--seed -1"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(changed: dict[str, object], told: str) -> None:
    with pytest.raises(UsageFault) as fault:
        _settings(**changed)
    assert told in str(fault.value)
    assert "\n" not in str(fault.value)
