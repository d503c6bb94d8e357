"""Which images a set of phantoms has: patients, findings, systems and views, before anything is drawn."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from cxr_cli.errors import InvalidSetting
from cxr_cli.phantom.anatomy import Anatomy, draw_anatomy
from cxr_cli.phantom.findings import FINDINGS
from cxr_cli.phantom.radiograph import ViewPosition
from cxr_cli.phantom.systems import SYSTEMS, ImagingSystem

SIZES = range(32, 4097)

_FIRST_STUDY = date(2019, 1, 7)
_STUDY_DAYS = 1000
_FIXED_AP_SHARE = 0.12  # patients who cannot stand with their chest to the detector


@dataclass(frozen=True)
class PhantomSettings:
    """What to draw. The same settings give the same bytes.

    `shortcut` is the probability that an image of class `shortcut_class` carries the planted marker; no
    other image ever does. `images_per_patient` is the most that one patient has, each number from 1 as
    likely.

    Raises:
        InvalidSetting: a value that cannot be.
    """

    findings: tuple[str, ...]
    count: int
    size: int
    images_per_patient: int
    shortcut: float
    shortcut_class: str
    seed: int

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        for finding in self.findings:
            if finding not in FINDINGS:
                raise InvalidSetting("findings", repr(finding), f"not one of {', '.join(FINDINGS)}")
        if len(set(self.findings)) < len(self.findings):
            raise InvalidSetting("findings", True, f"one is given twice in {', '.join(self.findings)}")
        if self.count < len(self.findings):
            raise InvalidSetting(
                "count", self.count, f"too few, {len(self.findings)} findings need as many images at least"
            )
        if self.size not in SIZES:
            raise InvalidSetting("size", self.size, f"not in {SIZES.start} to {SIZES.stop - 1} pixels")
        if self.images_per_patient < 1:
            raise InvalidSetting("images_per_patient", self.images_per_patient, "must be 1 or more")
        if not 0 <= self.shortcut <= 1:
            raise InvalidSetting("shortcut", f"{self.shortcut:g}", "a probability, 0 to 1")
        if self.shortcut_class not in self.findings:
            raise InvalidSetting(
                "shortcut_class",
                repr(self.shortcut_class),
                f"not among the findings {', '.join(self.findings)}",
            )
        if self.seed < 0:
            raise InvalidSetting("seed", self.seed, "must be 0 or more")


@dataclass(frozen=True)
class PlannedImage:
    """One image to draw; `patient` and `number` (of the patient's image) count from 1."""

    patient: int
    number: int
    finding: str
    system: ImagingSystem
    manufacturer_spelling: str
    view_position: ViewPosition
    study_date: date
    shortcut: bool

    @property
    def patient_id(self) -> str:
        """As in PatientID and labels.csv."""
        return f"P{self.patient:04d}"

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return f"{self.patient_id}-{self.number}"

    @property
    def portability(self) -> str:
        """`portable` or `fixed`."""
        return "portable" if self.system.portable else "fixed"


def plan_images(settings: PhantomSettings) -> list[PlannedImage]:
    """Choose every image: balanced classes, a patient in one class, systems independent of it."""
    rng = np.random.default_rng(np.random.SeedSequence(settings.seed, spawn_key=(0,)))
    whole, rest = divmod(settings.count, len(settings.findings))
    patients = [
        (finding, images)
        for position, finding in enumerate(settings.findings)
        for images in _share_out(whole + (position < rest), settings.images_per_patient, rng)
    ]
    order = rng.permutation(len(patients))  # so that a patient's number does not reveal the class
    return [
        image
        for patient, index in enumerate(order, start=1)
        for image in _plan_patient(patient, patients[index], settings, rng)
    ]


def patient_anatomy(settings: PhantomSettings, patient: int) -> Anatomy:
    """The anatomy of patient number `patient`, whatever else is drawn."""
    return draw_anatomy(np.random.default_rng(np.random.SeedSequence(settings.seed, spawn_key=(patient, 0))))


def image_generator(settings: PhantomSettings, image: PlannedImage) -> np.random.Generator:
    """The generator of one image's pixels, whatever else is drawn."""
    sequence = np.random.SeedSequence(settings.seed, spawn_key=(image.patient, image.number))
    return np.random.default_rng(sequence)


def _share_out(images: int, most: int, rng: np.random.Generator) -> Iterator[int]:
    """Part `images` among patients, 1 to `most` each."""
    while images > 0:
        share = min(int(rng.integers(1, most + 1)), images)
        yield share
        images -= share


def _plan_patient(
    patient: int, share: tuple[str, int], settings: PhantomSettings, rng: np.random.Generator
) -> Iterator[PlannedImage]:
    finding, images = share
    day = _FIRST_STUDY + timedelta(days=int(rng.integers(_STUDY_DAYS)))
    for number in range(1, images + 1):
        system = SYSTEMS[rng.integers(len(SYSTEMS))]
        yield PlannedImage(
            patient=patient,
            number=number,
            finding=finding,
            system=system,
            manufacturer_spelling=str(rng.choice(system.spellings)),
            view_position="AP" if system.portable or rng.random() < _FIXED_AP_SHARE else "PA",
            study_date=day,
            shortcut=bool(rng.random() < settings.shortcut) and finding == settings.shortcut_class,
        )
        day += timedelta(days=int(rng.integers(1, 15)))
