"""How a DATASET is to be divided: the settings of a split, and which of them go together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from cxr_cli.errors import InvalidSetting
from cxr_cli.name_lists import QUOTING, read_pairs

Subset = Literal["train", "val", "test"]
SUBSETS: tuple[str, ...] = get_args(Subset)

ClassCounts = int | Mapping[str, int]
"""Images of each class: one number for all, or a number by class."""

TRAINING_DOMAIN = ("train_where", "train_per_class", "val_per_class")
EXCLUSIONS = (
    ("folds", "divides all images", ("val", "test", "from_column", *TRAINING_DOMAIN)),
    ("from_column", "names the test images", ("test",)),
    ("from_column", "names the training images", TRAINING_DOMAIN),
    ("train_where", "makes all other patients test", ("test",)),
    ("train_per_class", "makes all other patients test", ("test",)),
    ("train_per_class", "goes with `val_per_class`", ("val",)),
)
"""Settings that exclude each other: one, why, and which."""


@dataclass(frozen=True)
class SplitCriteria:
    """How the images are to be divided: by shares, into folds, by a column, or by a training domain.

    Attributes:
        val, test: shares of each class's images, 0 up to 1. With `from_column`, `val` is sampled from the
            column's training images; with `train_where`, from the images that meet the condition.
        folds: number of folds, 3 or more.
        from_column: the manifest column that names each image's subset.
        train_where: the condition (see `where.select`) on images that train and validate; the images of all
            other patients are test.
        train_per_class, val_per_class: images to train and validate on; all other patients are test.
        near_duplicates: whether near-duplicate images of different patients are searched for, and their
            patients kept in one subset.
        seed: of the random allocation of patients.
    """

    val: float | None = None
    test: float | None = None
    folds: int | None = None
    from_column: str | None = None
    train_where: str | None = None
    train_per_class: ClassCounts | None = None
    val_per_class: ClassCounts | None = None
    near_duplicates: bool = False
    seed: int = 0

    @property
    def by_domain(self) -> bool:
        """Whether train and val are sampled from a domain of images, and all other patients are test."""
        return any(getattr(self, name) is not None for name in TRAINING_DOMAIN)

    def check(self) -> None:
        """Refuse shares out of range and settings that exclude each other.

        Raises:
            InvalidSetting: the setting, and what it cannot be combined with.
        """
        for name, share in (("val", self.val), ("test", self.test)):
            if share is not None and not 0 <= share < 1:
                raise InvalidSetting(name, share, "a share from 0 up to, not including, 1")
        if self.folds is not None and self.folds < 3:
            raise InvalidSetting(
                "folds", self.folds, "3 or more (one tests, one validates, the others train)"
            )
        for name, reason, others in EXCLUSIONS:
            clashing = [other for other in others if getattr(self, other) is not None]
            if getattr(self, name) is not None and clashing:
                raise InvalidSetting(name, True, f"{reason}: it cannot be combined with `{clashing[0]}`")
        if self.val_per_class is not None and self.train_per_class is None:
            raise InvalidSetting("val_per_class", True, "needs `train_per_class` beside it")
        if (self.val or 0.0) + (self.test or 0.0) >= 1:
            raise InvalidSetting("val", self.val, f"with `test` {self.test}, leaves no image to train on")


def parse_class_counts(field: str, text: str | None) -> ClassCounts | None:
    """Read `375` or `positive=45,negative=90`, see `read_pairs`; None stays None.

    Args:
        field: the setting, for the message.
        text: as written.

    Raises:
        InvalidSetting: not written so.
    """
    if text is None:
        return None
    if text.strip().isdecimal():
        return int(text)
    example = "one number, or one per class, as positive=45,negative=90,"
    counts = read_pairs(field, text, example)
    if not all(count.isdecimal() for count in counts.values()):
        raise InvalidSetting(field, text, f"{example} is needed; {QUOTING}")
    return {name: int(count) for name, count in counts.items()}
