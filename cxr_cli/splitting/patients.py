"""Which films are of one patient, and that none of them leaks into another subset."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cxr_cli.errors import BadInput

Same = Sequence[tuple[str, str]]
"""Pairs of image_ids that are one picture."""


def patient_numbers(films: pd.DataFrame, same: Same = ()) -> NDArray[np.int64]:
    """Number the patients of films with `patient_id` and `image_id`, in order of appearance: int [N].

    A film without an id is a patient. Patients who share a picture, by its image_id or by a pair of `same`,
    count as one.
    """
    known = films["patient_id"] != ""
    names = ("patient " + films["patient_id"]).where(known, "film " + films["image_id"])
    patients = pd.factorize(names)[0]
    pictures, image_ids = pd.factorize(films["image_id"])
    pairs = np.array([[one, other] for one, other in same], dtype=object).reshape(-1, 2)
    alike = np.stack([pd.Index(image_ids).get_indexer(side) for side in pairs.T])
    # A graph whose nodes are the patients and, after them, the pictures.
    first = len(films)
    ends = (np.append(patients, first + alike[0]), np.append(first + pictures, first + alike[1]))
    links = coo_array((np.ones(len(ends[0])), ends), shape=(2 * first, 2 * first))
    _, united = connected_components(links, directed=False)
    return np.asarray(pd.factorize(united[patients])[0], np.int64)


def refuse_leaks(place: str, films: pd.DataFrame, subsets: NDArray[Any], same: Same = ()) -> None:
    """Raise BadInput if a patient has films in two subsets; left-out films ("") do not count.

    Args:
        place: where the subsets are written, for the message.
        films: with `patient_id` and `image_id`.
        subsets: text [N].
        same: pairs of image_ids that are one picture: their patients count as one.
    """
    leaking, where = _leaks(films, subsets, ())
    if leaking:
        raise BadInput(
            f"{place}: {leaking} patient{'s' * (leaking != 1)} in more than one subset "
            f"(films {where} are of one patient); each patient belongs in one"
        )
    leaking, where = _leaks(films, subsets, same)
    if leaking:
        raise BadInput(
            f"{place}: {leaking} group{'s' * (leaking != 1)} of patients who share a picture in more than "
            f"one subset (films {where}); each group belongs in one, or split with --no-twins"
        )


def _leaks(films: pd.DataFrame, subsets: NDArray[Any], same: Same) -> tuple[int, str]:
    """Count the patients in more than one subset; name the films of the first by which it is."""
    used = subsets != ""
    table = pd.DataFrame(
        {"patient": patient_numbers(films, same), "subset": subsets, "image_id": films["image_id"]}
    )[used]
    spread = table.groupby("patient")["subset"].nunique()
    leaking = spread.index[spread > 1]
    if not len(leaking):
        return 0, ""
    first = table[table["patient"] == leaking[0]].drop_duplicates("subset")
    return len(leaking), " and ".join(f"{film.image_id} in {film.subset}" for film in first.itertuples())
