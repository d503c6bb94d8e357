"""Which images are of one patient, and that none of them leaks into another subset."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cxr_cli.errors import BadInput
from cxr_cli.recorded_values import is_missing

Same = Sequence[tuple[str, str]]
"""Pairs of image_ids that are near-duplicates."""


def patient_numbers(images: pd.DataFrame, same: Same = ()) -> NDArray[np.int64]:
    """Number the patients of images with `patient_id` and `image_id`, in order of appearance: int [N].

    An image without an id, or with a word for a missing one, is a patient. Patients who share an image, by
    its image_id or by a pair of `same`, count as one.
    """
    known = ~images["patient_id"].map(is_missing).astype(bool)
    names = ("patient " + images["patient_id"]).where(known, "image " + images["image_id"])
    patients = pd.factorize(names)[0]
    images_found, image_ids = pd.factorize(images["image_id"])
    pairs = np.array([[one, other] for one, other in same], dtype=object).reshape(-1, 2)
    alike = np.stack([pd.Index(image_ids).get_indexer(side) for side in pairs.T])
    # A graph whose nodes are the patients and, after them, the images.
    first = len(images)
    ends = (np.append(patients, first + alike[0]), np.append(first + images_found, first + alike[1]))
    links = coo_array((np.ones(len(ends[0])), ends), shape=(2 * first, 2 * first))
    _, united = connected_components(links, directed=False)
    return np.asarray(pd.factorize(united[patients])[0], np.int64)


def refuse_leaks(place: str, images: pd.DataFrame, subsets: NDArray[Any], same: Same = ()) -> None:
    """Raise BadInput if a patient has images in two subsets; left-out images ("") do not count.

    Args:
        place: where the subsets are written, for the message.
        images: with `patient_id` and `image_id`.
        subsets: text [N].
        same: pairs of image_ids that are near-duplicates: their patients count as one.
    """
    leaking, where = _leaks(images, subsets, ())
    if leaking:
        raise BadInput(
            f"{place}: {leaking} patient{'s' * (leaking != 1)} in more than one subset "
            f"(images {where} are of one patient); each patient belongs in one"
        )
    leaking, where = _leaks(images, subsets, same)
    if leaking:
        raise BadInput(
            f"{place}: {leaking} group{'s' * (leaking != 1)} of patients who share an image in more than "
            f"one subset (images {where}); each group belongs in one subset"
        )


def _leaks(images: pd.DataFrame, subsets: NDArray[Any], same: Same) -> tuple[int, str]:
    """Count the patients in more than one subset; name the images of the first by which it is."""
    used = subsets != ""
    table = pd.DataFrame(
        {"patient": patient_numbers(images, same), "subset": subsets, "image_id": images["image_id"]}
    )[used]
    spread = table.groupby("patient")["subset"].nunique()
    leaking = spread.index[spread > 1]
    if not len(leaking):
        return 0, ""
    first = table[table["patient"] == leaking[0]].drop_duplicates("subset")
    return len(leaking), " and ".join(f"{image.image_id} in {image.subset}" for image in first.itertuples())
