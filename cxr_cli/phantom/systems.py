"""The imaging systems that phantoms are taken with: what each does to an image and says in its header.

The models are real product names, to exercise the reading of manufacturers and portability; their gains,
noises and markers are invented.
"""

from dataclasses import dataclass
from typing import Literal

MarkerStyle = Literal["plain", "boxed", "disc", "outline"]
SopClass = Literal["DX", "CR"]


@dataclass(frozen=True)
class ImagingSystem:
    """One machine.

    Of the image: `gain` is the slope of the tone curve and `center` the attenuation shown as middle gray,
    relative to the image's own mean; `gamma` bends the curve, over 1 is darker; `blur` in canonical units;
    `noise` is the standard deviation at mean attenuation, on a 512-pixel image; `sharpening` the weight of
    an unsharp mask; `collimated` the probability of visible blades; `veil` the gray of the unexposed border.
    """

    manufacturer: str
    spellings: tuple[str, ...]
    model: str
    station: str
    portable: bool
    sop_class: SopClass
    bits: int
    photometric: Literal["MONOCHROME1", "MONOCHROME2"]
    gain: float
    center: float
    gamma: float
    blur: float
    noise: float
    sharpening: float
    collimated: float
    veil: float
    letter: Literal["L", "R"]
    marker: MarkerStyle


_M1: Literal["MONOCHROME1"] = "MONOCHROME1"
_M2: Literal["MONOCHROME2"] = "MONOCHROME2"
_PHILIPS = ("Philips", ("Philips Medical Systems", "PHILIPS", "Philips"))
_SIEMENS = ("Siemens", ("SIEMENS", "Siemens Healthineers", "Siemens Healthcare GmbH"))
_GE = ("GE", ("GE Healthcare", '"GE Healthcare"', "GE MEDICAL SYSTEMS"))
_FUJIFILM = ("Fujifilm", ("FUJIFILM Corporation", "FUJI PHOTO FILM Co., ltd.", "FUJIFILM"))
_CARESTREAM = ("Carestream", ("CARESTREAM HEALTH", "Carestream", "CARESTREAM"))
_KONICA = ("Konica Minolta", ("KONICA MINOLTA", "Konica Minolta, Inc."))
_AGFA = ("Agfa", ("Agfa", "AGFA HealthCare"))
_CANON = ("Canon", ("Canon Inc.", "CANON"))

# fmt: off
SYSTEMS: tuple[ImagingSystem, ...] = (
    #              manufacturer model                 station  portable class bits photometric
    #             gain   center gamma blur    noise  sharp. coll. veil letter marker
    ImagingSystem(*_PHILIPS,    "DigitalDiagnost",    "DXR01", False, "DX", 12, _M2,
                  1.33,  0.10, 1.00, 0.0015, 0.035, 0.5, 0.3, 0.00, "L", "plain"),
    ImagingSystem(*_PHILIPS,    "MobileDiagnost wDR", "MOB01", True,  "DX", 12, _M2,
                  1.05, -0.10, 0.95, 0.0030, 0.075, 0.2, 0.5, 0.00, "R", "boxed"),
    ImagingSystem(*_SIEMENS,    "Ysio Max",           "XR2",   False, "DX", 14, _M2,
                  1.48,  0.20, 1.10, 0.0012, 0.030, 0.9, 0.2, 0.00, "R", "plain"),
    ImagingSystem(*_SIEMENS,    "Mobilett Mira Max",  "PORT2", True,  "DX", 14, _M2,
                  0.94, -0.20, 0.90, 0.0035, 0.080, 0.0, 0.6, 0.05, "L", "disc"),
    ImagingSystem(*_GE,         "Discovery XR656",    "GEXR3", False, "DX", 14, _M1,
                  1.25,  0.05, 1.15, 0.0015, 0.030, 1.2, 0.3, 0.00, "L", "outline"),
    ImagingSystem(*_GE,         "Optima XR220amx",    "AMX4",  True,  "DX", 14, _M1,
                  1.13, -0.10, 1.25, 0.0028, 0.065, 0.7, 0.5, 0.00, "L", "boxed"),
    ImagingSystem(*_FUJIFILM,   "5000 (CR)",          "CR05",  False, "CR", 10, _M1,
                  1.17,  0.00, 0.85, 0.0025, 0.055, 0.3, 0.1, 0.00, "R", "disc"),
    ImagingSystem(*_FUJIFILM,   "FDR Go PLUS",        "FDRGO", True,  "DX", 16, _M2,
                  1.20,  0.05, 0.70, 0.0030, 0.060, 0.4, 0.4, 0.00, "R", "plain"),
    ImagingSystem(*_CARESTREAM, "DRX-Evolution",      "DRX1",  False, "DX", 12, _M2,
                  1.60,  0.15, 1.05, 0.0018, 0.040, 0.6, 0.2, 0.00, "L", "boxed"),
    ImagingSystem(*_CARESTREAM, "DRX-Revolution",     "DRXR2", True,  "DX", 12, _M2,
                  1.21,  0.00, 1.10, 0.0028, 0.070, 0.3, 0.5, 0.00, "R", "outline"),
    ImagingSystem(*_KONICA,     "AeroDR",             "KM01",  False, "DX", 12, _M2,
                  1.36, -0.05, 0.90, 0.0015, 0.045, 0.2, 0.3, 0.10, "L", "disc"),
    ImagingSystem(*_AGFA,       "DX-D 100",           "AGFAP", True,  "DX", 12, _M1,
                  1.01, -0.05, 1.05, 0.0032, 0.070, 0.0, 0.7, 0.00, "L", "plain"),
    ImagingSystem(*_CANON,      "CXDI-70C Wireless",  "CXDI7", False, "CR", 12, _M2,
                  1.10,  0.30, 1.20, 0.0020, 0.050, 0.5, 0.2, 0.03, "R", "outline"),
)
# fmt: on
