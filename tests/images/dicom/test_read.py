"""DICOM display values: a synthetic reference table worked by hand, rejects, records, and cut-off files."""

import base64
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gdcm
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_windowing
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    MPEG2MPML,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    MediaStorageDirectoryStorage,
    RLELossless,
)

from cxr_cli.images.characteristics import MANIFEST_COLUMNS
from cxr_cli.images.dicom.header import begins_as_dicom, has_preamble
from cxr_cli.images.dicom.read import read_dicom
from cxr_cli.images.read import Geometry, PreparedImage, UnreadImage, read_image
from cxr_cli.images.rejected import RejectedImageError

BLOCKS, BLOCK = 8, 8
SIDE = BLOCKS * BLOCK


def checked(values: Sequence[int], dtype: type) -> np.ndarray:
    """A decoded [64, 64] of 8 x 8 blocks, whose first row begins with `values`; no line has one value."""
    turn = np.add.outer(np.arange(BLOCKS), np.arange(BLOCKS)) % len(values)
    return np.kron(np.array(values)[turn], np.ones((BLOCK, BLOCK), int)).astype(dtype)


def image(
    values: Sequence[int] | np.ndarray, bits: int = 12, signed: bool = False, **elements: Any
) -> Dataset:
    """A DICOM image of blocks of these stored values, or of this decoded [H, W] or [H, W, 3]."""
    kind = {(8, False): np.uint8, (16, False): np.uint16, (16, True): np.int16}[
        8 if bits <= 8 else 16, signed
    ]
    stored = values if isinstance(values, np.ndarray) else checked(values, kind)
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset.SOPClassUID, dataset.SOPInstanceUID = DigitalXRayImageStorageForPresentation, "1.2.3"
    dataset.Rows, dataset.Columns = stored.shape[:2]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8 * stored.itemsize, bits, bits - 1
    dataset.PixelRepresentation = int(signed)
    dataset.PixelData = stored.tobytes()
    for keyword, value in elements.items():
        if keyword.endswith("_US"):  # pydicom would see to it that sign and type agree
            dataset.add_new(keyword.removesuffix("_US"), "US", value)
        else:
            setattr(dataset, keyword, value)
    return dataset


def color_image(values: Sequence[Sequence[int]], photometric: str) -> Dataset:
    channels = [checked([value[channel] for value in values], np.uint8) for channel in range(3)]
    return image(
        np.stack(channels, -1),
        bits=8,
        SamplesPerPixel=3,
        PhotometricInterpretation=photometric,
        PlanarConfiguration=0,
        # Windows are for gray: PS3.3 C.11.2.1.2 allows them with MONOCHROME1 and 2 alone.
        WindowCenter=1000,
        WindowWidth=1,
    )


def palette_image(red: Sequence[int], green: Sequence[int], bits: int = 8) -> Dataset:
    dataset = image((0, 1, 2), bits=8, PhotometricInterpretation="PALETTE COLOR")
    for color, entries in (("Red", red), ("Green", green), ("Blue", red)):
        setattr(dataset, f"{color}PaletteColorLookupTableDescriptor", [len(entries), 0, bits])
        setattr(dataset, f"{color}PaletteColorLookupTableData", np.array(entries, f"<u{bits // 8}").tobytes())
    return dataset


def image_with_overlay() -> Dataset:
    """An image with an overlay that covers all of it (PS3.3 C.9.2)."""
    dataset = image(FIVE)
    dataset.add_new(0x60000010, "US", SIDE)
    dataset.add_new(0x60000011, "US", SIDE)
    dataset.add_new(0x60000040, "CS", "G")
    dataset.add_new(0x60000050, "SS", [1, 1])
    dataset.add_new(0x60000100, "US", 1)
    dataset.add_new(0x60000102, "US", 0)
    dataset.add_new(0x60003000, "OW", b"\xff" * (SIDE * SIDE // 8))
    return dataset


def lut(first: int, bits: int, data: Sequence[int], kind: str = "US") -> list[Dataset]:
    table = Dataset()
    table.add_new("LUTDescriptor", kind, [len(data), first, bits])
    table.add_new("LUTData", "US", list(data))
    return [table]


def bordered(inner: Sequence[int], border: int) -> np.ndarray:
    """A decoded [64, 64] of these values; 8 rows above, 4 columns left and 1 column right are its border."""
    decoded = np.full((SIDE, SIDE), border, np.uint16)
    decoded[8:, 4:-1] = checked(inner, np.uint16)[:-8, :-5]
    return decoded


FIVE = (0, 1000, 2000, 3000, 4000)
COVERED = {
    "UpperHorizontalEdge": 9,
    "LowerHorizontalEdge": SIDE,
    "LeftVerticalEdge": 5,
    "RightVerticalEdge": SIDE - 1,
}
UNEVEN_BORDER = bordered((1000, 2000, 3000), 4095)
UNEVEN_BORDER[0, 0] = UNEVEN_BORDER[-1, 0] = UNEVEN_BORDER[0, -1] = 0
"""Corners differ: only the header says that there is a border."""


def covered(cover: str, edges: dict[str, int] = COVERED) -> dict[str, Any]:
    return {f"{cover}Shape": "RECTANGULAR"} | {f"{cover}{edge}": place for edge, place in edges.items()}


EXACT = {"VOILUTFunction": "LINEAR_EXACT"}

REFERENCE: list[tuple[str, Dataset, list[int]]] = [
    # The full range of what is there: 255 * v / 4000 = 63.75, 127.5, 191.25.
    ("full range", image(FIVE), [0, 64, 128, 191, 255]),
    ("8 bits", image((0, 51, 102, 255), bits=8), [0, 51, 102, 255]),
    # 255 * v / 1000 = 127.5, 25.5 (to even: 128, 26).
    ("10 bits in 16", image((0, 500, 100, 1000), bits=10), [0, 128, 26, 255]),
    ("16 bits", image((0, 32768, 65535), bits=16), [0, 128, 255]),
    ("signed", image((-1000, 0, 1000), signed=True), [0, 128, 255]),
    ("signed, 16 bits, both ends", image((-32768, 0, 32767), bits=16, signed=True), [0, 128, 255]),
    # Two's complement of 12 bits: 0xC18 = 3096 - 4096 = -1000.
    (
        "signed, 12 bits, high bits clear",
        image((0xC18, 0, 1000), PixelRepresentation=1),
        [0, 128, 255],
    ),
    # An overlay of old: bits 12 to 15 set beside 12 stored bits; 0x37D0 & 0xFFF = 2000.
    ("overlay in unused high bits", image((0xF000, 0x37D0, 4000)), [0, 128, 255]),
    ("values in the high bits", image([value << 4 for value in FIVE], HighBit=15), [0, 64, 128, 191, 255]),
    (
        "overlay of its own",
        image_with_overlay(),
        [0, 64, 128, 191, 255],
    ),
    # c 2000, w 2001: black to 999.5, white from 2999.5, between 255 * (v - 1999.5) / 2000 + 127.5.
    ("window", image(FIVE, WindowCenter=2000, WindowWidth=2001), [0, 0, 128, 255, 255]),
    # c 2000, w 4001: 255 * (1000 - 1999.5) / 4000 + 127.5 = 63.78.
    (
        "first of several windows",
        image(FIVE, WindowCenter=[2000, 100], WindowWidth=[4001, 50]),
        [0, 64, 128, 191, 255],
    ),
    # It does not stretch the values: c 2048, w 8193, (v - 2047.5) / 8192 + 0.5.
    ("wide window", image(FIVE, WindowCenter=2048, WindowWidth=8193), [64, 95, 126, 157, 188]),
    ("window of width 1", image(FIVE, WindowCenter=2000, WindowWidth=1), [0, 0, 255, 255, 255]),
    # (v - 2000) / 3200 + 0.5 = -0.13, 0.1875, 0.5, 0.8125, 1.13.
    ("exact window", image(FIVE, WindowCenter=2000, WindowWidth=3200, **EXACT), [0, 48, 128, 207, 255]),
    # 1 / (1 + exp(-4 (v - 2000) / 2000)): exponents 4, 2, 0: 0.01799, 0.1192, 0.5, 0.8808, 0.9820.
    (
        "sigmoid",
        image(FIVE, WindowCenter=2000, WindowWidth=2000, VOILUTFunction="SIGMOID"),
        [5, 30, 128, 225, 250],
    ),
    ("empty window", image(FIVE, WindowCenter=None, WindowWidth=None), [0, 64, 128, 191, 255]),
    # v * 2 - 1000 = -1000, 1000, 3000, 5000, 7000, then exact c 3000 w 8000.
    (
        "rescale before the window",
        image(FIVE, RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=3000, WindowWidth=8000, **EXACT),
        [0, 64, 128, 191, 255],
    ),
    ("negative slope", image(FIVE, RescaleSlope=-1, RescaleIntercept=0), [255, 191, 128, 64, 0]),
    # -v: -1000 is white, -3000 is black.
    (
        "negative slope and window",
        image(FIVE, RescaleSlope=-1, RescaleIntercept=0, WindowCenter=-2000, WindowWidth=2000, **EXACT),
        [255, 255, 128, 0, 0],
    ),
    (
        "modality LUT before the window",
        image(
            (0, 1, 2, 3),
            ModalityLUTSequence=lut(0, 16, [3000, 2000, 1000, 0]),
            WindowCenter=1500,
            WindowWidth=3000,
            **EXACT,
        ),
        [255, 170, 85, 0],
    ),
    # The range is that of 10, 20 and 30: the table's 9000 belongs to a value that does not occur.
    (
        "modality LUT and full range",
        image((0, 2, 3), ModalityLUTSequence=lut(0, 16, [10, 9000, 20, 30])),
        [0, 128, 255],
    ),
    # From 100 on: 100 -> 0, 101 -> 20, 102 -> 200, 103 -> 1023 of 10 bits; 255 * 20 / 1023 = 4.99, 49.85.
    (
        "VOI LUT, not the window beside it",
        image(
            (50, 100, 101, 102, 103, 4000),
            VOILUTSequence=lut(100, 10, [0, 20, 200, 1023]),
            WindowCenter=1,
            WindowWidth=2,
        ),
        [0, 0, 5, 50, 255, 255],
    ),
    (
        "VOI LUT of 8 bits",
        image(
            (10, 299, 300, 599, 600, 899),
            VOILUTSequence=lut(0, 8, [0] * 300 + [100] * 300 + [255] * 300),
        ),
        [0, 0, 100, 100, 255, 255],
    ),
    # From -2 on, after rescaling by -2: 0 -> -2, 1 -> -1, 2 -> 0.
    (
        "VOI LUT from a negative value on",
        image(
            (0, 1, 2),
            signed=True,
            RescaleSlope=1,
            RescaleIntercept=-2,
            VOILUTSequence=lut(-2, 8, [255, 102, 51], "SS"),
        ),
        [255, 102, 51],
    ),
    ("MONOCHROME1", image(FIVE, PhotometricInterpretation="MONOCHROME1"), [255, 191, 127, 64, 0]),
    ("INVERSE", image(FIVE, PresentationLUTShape="INVERSE"), [255, 191, 127, 64, 0]),
    (
        "MONOCHROME1 and INVERSE: one inversion",
        image(FIVE, PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE"),
        [255, 191, 127, 64, 0],
    ),
    ("IDENTITY", image(FIVE, PresentationLUTShape="IDENTITY"), [0, 64, 128, 191, 255]),
    # 0.5 at 999.5: 255 - rint(127.56).
    (
        "MONOCHROME1 and window: inverted last",
        image(FIVE, PhotometricInterpretation="MONOCHROME1", WindowCenter=1000, WindowWidth=2001),
        [255, 127, 0, 0, 0],
    ),
    (
        "MONOCHROME1 and VOI LUT: inverted last",
        image((0, 1, 2), PhotometricInterpretation="MONOCHROME1", VOILUTSequence=lut(0, 8, [0, 51, 255])),
        [255, 204, 0],
    ),
    ("padding", image((0, 1000, 2000, 3000), PixelPaddingValue=0), [0, 0, 128, 255]),
    (
        "padding range",
        image((0, 100, 50, 1100, 1600, 2100), PixelPaddingValue=0, PixelPaddingRangeLimit=100),
        [0, 0, 0, 0, 128, 255],
    ),
    (
        "padding range of MONOCHROME1, from above",
        image(
            (4095, 4000, 1000, 2000, 3000),
            PhotometricInterpretation="MONOCHROME1",
            PixelPaddingValue=4095,
            PixelPaddingRangeLimit=4000,
        ),
        [0, 0, 255, 127, 0],
    ),
    (
        "padding above the image is black",
        image((4095, 1000, 2000, 3000), PixelPaddingValue=4095),
        [0, 0, 128, 255],
    ),
    (
        "padding and window",
        image((4095, 0, 100), PixelPaddingValue=4095, WindowCenter=50, WindowWidth=100, **EXACT),
        [0, 0, 255],
    ),
    # 63536 - 65536 = -2000.
    (
        "padding of the wrong sign",
        image((-2000, 0, 500, 1000), signed=True, PixelPaddingValue_US=63536),
        [0, 0, 128, 255],
    ),
    ("padding that does not occur", image(FIVE, PixelPaddingValue=4095), [0, 64, 128, 191, 255]),
    ("collimator", image(UNEVEN_BORDER, **covered("Collimator")), [0, 255]),
    ("shutter", image(UNEVEN_BORDER, **covered("Shutter")), [0, 255]),
    (
        "collimator outside the decoded",
        image(FIVE, **covered("Collimator", dict.fromkeys(COVERED, 900))),
        [0, 64],
    ),
    ("borders of one value", image(bordered((1000, 2000, 3000), 4095)), [255, 255]),
    ("dark borders", image(bordered((1000, 2000, 3000), 0)), [0, 0]),
    ("RGB of equal channels", color_image([(0,) * 3, (51,) * 3, (255,) * 3], "RGB"), [0, 51, 255]),
    # Chroma 128 is none.
    (
        "YBR without chroma",
        color_image([(0, 128, 128), (51, 128, 128), (255, 128, 128)], "YBR_FULL"),
        [0, 51, 255],
    ),
    ("palette of grays", palette_image([200, 100, 0, 0], [200, 100, 0, 0]), [200, 100, 0]),
    # 0x3333 is a fifth of 0xFFFF.
    (
        "palette of grays of 16 bits",
        palette_image([0xFFFF, 0x3333, 0], [0xFFFF, 0x3333, 0], bits=16),
        [255, 51, 0],
    ),
    ("one frame", image(FIVE, NumberOfFrames=1), [0, 64, 128, 191, 255]),
    ("no NumberOfFrames", image(FIVE, NumberOfFrames=None), [0, 64, 128, 191, 255]),
    ("another class", image(FIVE, SOPClassUID=CTImageStorage), [0, 64, 128, 191, 255]),
]


@pytest.mark.parametrize(
    ("dataset", "expected"), [row[1:] for row in REFERENCE], ids=[row[0] for row in REFERENCE]
)
def test_display_values_are_those_worked_by_hand(
    tmp_path: Path, dataset: Dataset, expected: list[int]
) -> None:
    dataset.save_as(tmp_path / "image.dcm", enforce_file_format=True)
    assert first_blocks(read_dicom(tmp_path / "image.dcm")[0].pixels, len(expected)) == expected


def first_blocks(pixels: np.ndarray, count: int) -> list[int]:
    assert pixels.dtype == np.uint8
    return list(map(int, pixels[0, ::BLOCK][:count]))


def test_the_inside_of_a_border_has_the_full_range(tmp_path: Path) -> None:
    for dataset in (
        image(bordered((1000, 2000, 3000), 4095)),
        image(bordered((1000, 2000, 3000), 0)),
        image(UNEVEN_BORDER, **covered("Collimator")),
    ):
        dataset.save_as(tmp_path / "image.dcm", enforce_file_format=True)
        assert list(map(int, read_dicom(tmp_path / "image.dcm")[0].pixels[8, 4::8][:3])) == [0, 128, 255]


@pytest.mark.parametrize("cover", ["Collimator", "Shutter"])
@pytest.mark.parametrize(("lowest", "highest"), [((8, 22), (SIDE - 1, 22)), ((20, 4), (20, SIDE - 2))])
def test_what_a_collimator_leaves_begins_and_ends_at_its_edges(
    tmp_path: Path, cover: str, lowest: tuple[int, int], highest: tuple[int, int]
) -> None:
    decoded = UNEVEN_BORDER.copy()
    decoded[lowest], decoded[highest] = 400, 3400
    image(decoded, **covered(cover)).save_as(tmp_path / "image.dcm", enforce_file_format=True)
    # 255 * (v - 400) / 3000 = 51, 136, 221.
    assert read_dicom(tmp_path / "image.dcm")[0].pixels[8, 4:25:8].tolist() == [51, 136, 221]


def test_the_view_of_a_better_source_than_the_header(tmp_path: Path) -> None:
    path = tmp_path / "image.dcm"
    image(FIVE, ViewPosition="LL").save_as(path, enforce_file_format=True)
    assert isinstance(read_image(UnreadImage(path, "PA"), Geometry(32), views=("PA",)), PreparedImage)
    assert isinstance(read_image(UnreadImage(path), Geometry(32), views=None), PreparedImage)
    for stated in ("", "L", "AP"):
        assert "taken are PA" in str(read_image(UnreadImage(path, stated), Geometry(32), views=("PA",)))


def test_a_coded_view_stands_where_no_position_does(tmp_path: Path) -> None:
    item = Dataset()
    item.CodeValue = "399173006"  # left lateral
    for position, view in (("", "LATERAL"), ("PA", "PA")):
        dataset = image(FIVE, ViewPosition=position, ViewCodeSequence=[item])
        dataset.save_as(tmp_path / "image.dcm", enforce_file_format=True)
        assert read_dicom(tmp_path / "image.dcm")[1]["view_position"] == view


def change_by_gdcm(dataset: Dataset, path: Path, syntax: str) -> None:
    """Write the image, then write it anew as gdcm encodes it."""
    dataset.save_as(path, enforce_file_format=True)
    reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
    reader.SetFileName(str(path))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(str(syntax))))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()


def change_by_pydicom(dataset: Dataset, path: Path, syntax: str) -> None:
    dataset.compress(syntax, j2k_psnr=[0]) if syntax == JPEG2000 else dataset.compress(syntax)
    dataset.save_as(path, enforce_file_format=True)


def write_uncompressed(dataset: Dataset, path: Path, syntax: str) -> None:
    dataset.file_meta.TransferSyntaxUID = syntax
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = np.frombuffer(dataset.PixelData, np.uint16).byteswap().tobytes()
    dataset.save_as(path, enforce_file_format=True)


ENCODINGS: list[tuple[str, Callable[[Dataset, Path, str], None], bool]] = [
    (ImplicitVRLittleEndian, write_uncompressed, True),
    (ExplicitVRBigEndian, write_uncompressed, True),
    (DeflatedExplicitVRLittleEndian, write_uncompressed, True),
    (RLELossless, change_by_pydicom, True),
    (JPEG2000Lossless, change_by_pydicom, True),
    (JPEGLossless, change_by_gdcm, True),
    (JPEGLosslessSV1, change_by_gdcm, True),
    (JPEGLSLossless, change_by_gdcm, True),
    (JPEG2000, change_by_pydicom, True),
    (JPEGBaseline8Bit, change_by_gdcm, False),
]


@pytest.mark.parametrize(("syntax", "write", "deep"), ENCODINGS, ids=[each[0].name for each in ENCODINGS])
def test_every_encoding_gives_the_same_image(
    tmp_path: Path, syntax: Any, write: Callable[[Dataset, Path, str], None], deep: bool
) -> None:
    # Baseline JPEG has 8 bits, and blocks of 8 x 8, of which one of one value comes back as it was.
    dataset = (
        image(FIVE, VOILUTSequence=lut(0, 12, range(4096))) if deep else image((0, 64, 128, 191, 255), bits=8)
    )
    write(dataset, tmp_path / "image.dcm", syntax)
    decoded, record = read_dicom(tmp_path / "image.dcm")
    assert record["transfer_syntax"] == syntax.name
    # 255 * v / 4095 = 62.27, 124.54, 186.81, 249.08.
    expected = [0, 62, 125, 187, 249] if deep else [0, 64, 128, 191, 255]
    assert first_blocks(decoded.pixels, 5) == expected


HIGH_THROUGHPUT = base64.b85decode(
    "|4;u>04YEK0000W0000W00000000000000W0000W0000000000009pH0sl|{2mk^A000XAQUDA90ssL31q1{@0smY86Cj9?kdTm&"
    "kdTm&kdTmwh=~7W02crOPjF>!N>E53R%LP^FfKASE;BCwkN^q*00000h5!NolfVEb8Q}#7bO68r62JfwzyK2fGy#Wn0CWL|bO7J{"
    "0*7<}zyK4#029Cf5`gUT{Q?7Y0O<4m0s(XY=K=?G0Kfnh5C8>400B7Q)b&6L19bq%sLNm&0d)Y|{a^|QbpW6M34oq|j0bf9pa2yh"
    "o_GF#{1^dt0RPz"
)
"""32 x 32 values of 12 bits, the first five those of FIVE and the others 4000, as OpenJPH encodes them."""


@pytest.mark.parametrize("syntax", [HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL])
def test_high_throughput_jpeg_2000(tmp_path: Path, syntax: Any) -> None:
    dataset = image(np.zeros((32, 32), np.uint16))
    dataset.PixelData = encapsulate([HIGH_THROUGHPUT])
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(tmp_path / "image.dcm", enforce_file_format=True)
    decoded, record = read_dicom(tmp_path / "image.dcm")
    assert decoded.pixels.ravel()[:6].tolist() == [0, 64, 128, 191, 255, 255]
    assert record["transfer_syntax"] == syntax.name


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("meta", [True, False])
def test_files_without_preamble_are_dicom_in_truth(tmp_path: Path, syntax: str, meta: bool) -> None:
    write_uncompressed(image(FIVE), tmp_path / "whole", syntax)
    whole = (tmp_path / "whole").read_bytes()
    length_of_meta = int.from_bytes(whole[140:144], "little")  # the value of (0002,0000), which ends there
    bare = whole[132:] if meta else whole[144 + length_of_meta :]
    (tmp_path / "bare").write_bytes(bare)
    assert begins_as_dicom(bare[:132])
    assert not has_preamble(bare[:132])
    decoded, record = read_dicom(tmp_path / "bare")
    assert first_blocks(decoded.pixels, 5) == [0, 64, 128, 191, 255]
    assert record["transfer_syntax"] == syntax.name


@pytest.mark.parametrize(
    "start",
    [b"", b"no image", b"PK\x03\x04" + bytes(200), b"\x08\x00" + b"\xff" * 200, b"\x08\x00text or so"],
)
def test_what_is_no_dicom_does_not_begin_as_dicom(start: bytes) -> None:
    assert not begins_as_dicom(start)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_windows_agree_with_pydicom(tmp_path: Path, function: str) -> None:
    values = np.random.default_rng(1).integers(0, 4096, (SIDE, SIDE)).astype(np.uint16)
    dataset = image(values, WindowCenter=1800.5, WindowWidth=1400.25, VOILUTFunction=function)
    dataset.save_as(tmp_path / "image.dcm", enforce_file_format=True)
    reference = apply_windowing(dcmread(tmp_path / "image.dcm").pixel_array, dataset) / 4095 * 255
    np.testing.assert_allclose(read_dicom(tmp_path / "image.dcm")[0].pixels, reference, atol=0.501)


@pytest.mark.parametrize(
    ("dataset", "mapping", "inverted", "intent"),
    [
        (image(FIVE), "full range 0..4000", "no", ""),
        (image(FIVE, VOILUTSequence=lut(0, 8, [0] * 2000 + [255] * 2001)), "voi lut", "no", ""),
        (
            image(FIVE, PhotometricInterpretation="MONOCHROME1", WindowCenter=10, WindowWidth=20),
            "window 10 20 LINEAR",
            "yes",
            "",
        ),
        (
            image(FIVE, RescaleSlope=2, RescaleIntercept=-1, PresentationIntentType="FOR PRESENTATION"),
            "rescale 2 -1; full range -1..7999",
            "no",
            "FOR PRESENTATION",
        ),
        (
            image(
                (0, 1, 2),
                ModalityLUTSequence=lut(0, 16, [3, 2, 1]),
                SOPClassUID=DigitalXRayImageStorageForProcessing,
            ),
            "modality lut; full range 1..3",
            "no",
            "FOR PROCESSING",
        ),
        (image(FIVE, PresentationIntentType="FOR PROCESSING"), "full range 0..4000", "no", "FOR PROCESSING"),
        (image(FIVE, PresentationIntentType="SECRET"), "full range 0..4000", "no", ""),
    ],
)
def test_the_record_says_what_was_done(
    tmp_path: Path, dataset: Dataset, mapping: str, inverted: str, intent: str
) -> None:
    dataset.compress(RLELossless)
    dataset.save_as(tmp_path / "image.dcm", enforce_file_format=True)
    decoded, record = read_dicom(tmp_path / "image.dcm")
    assert decoded.mapping == mapping
    assert (
        record.items()
        >= {
            "transfer_syntax": "RLE Lossless",
            "bits_stored": "12",
            "inverted": inverted,
            "presentation_intent": intent,
        }.items()
    )
    assert record.keys() <= set(MANIFEST_COLUMNS)


def no_pixels(dataset: Dataset) -> None:
    del dataset.PixelData


def no_rows(dataset: Dataset) -> None:
    del dataset.Rows


def several_frames(dataset: Dataset) -> None:
    dataset.NumberOfFrames, dataset.PixelData = 2, dataset.PixelData * 2


def short(dataset: Dataset) -> None:
    dataset.PixelData = dataset.PixelData[:-2]


def bomb(dataset: Dataset) -> None:
    dataset.Rows = dataset.Columns = 60_000


def short_table(dataset: Dataset) -> None:
    dataset.ModalityLUTSequence = lut(0, 8, [1, 2, 3])
    dataset.ModalityLUTSequence[0].LUTDescriptor = [9, 0, 8]


def an_index(dataset: Dataset) -> None:
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage


def a_video(dataset: Dataset) -> None:
    dataset.file_meta.TransferSyntaxUID = MPEG2MPML
    dataset.PixelData = encapsulate([b"\0\0"])
    dataset["PixelData"].VR = "OB"


def private_syntax(dataset: Dataset) -> None:
    dataset.file_meta.TransferSyntaxUID = "1.2.840.113619.5.2"


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (no_pixels, "no pixel data"),
        (no_rows, "no Rows"),
        (several_frames, "more than one frame"),
        (short, "truncated"),
        (bomb, "too large"),
        (short_table, "modality LUT that cannot be applied: LUTDescriptor says 9 entries, LUTData has 3"),
        (an_index, "DICOMDIR"),
        (a_video, "no decoder here"),
        (private_syntax, "unknown transfer syntax"),
        (
            {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0},
            "cannot be decoded",
        ),
        ({"PhotometricInterpretation": "RGB"}, "color"),
        ({"Rows": 16}, "too small"),
        ({"BitsAllocated": 32}, "neither 8 nor 16 bits"),
        ({"BitsStored": 17}, "BitsStored does not fit"),
        ({"BitsStored": 0}, "BitsStored does not fit"),
        ({"WindowCenter": 100, "WindowWidth": 10, "VOILUTFunction": "SECRET"}, "function that is none of"),
        ({"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 4000}, "nothing but padding"),
        ({"BodyPartExamined": "T SPINE"}, "not the chest: BodyPartExamined TSPINE"),
        ({"ViewPosition": "LL"}, "LATERAL view; taken are PA, AP"),
    ],
)
def test_what_cannot_be_displayed_is_rejected_with_a_reason(
    tmp_path: Path, spoil: Callable[[Dataset], None] | dict[str, Any], reason: str
) -> None:
    dataset = image(FIVE, PatientName="SECRET^NAME")
    if isinstance(spoil, dict):
        for keyword, value in spoil.items():
            setattr(dataset, keyword, value)
    else:
        spoil(dataset)
    # A private syntax does not tell pydicom how to write the elements.
    dataset.save_as(tmp_path / "image.dcm", enforce_file_format=True, implicit_vr=False, little_endian=True)
    with pytest.raises(RejectedImageError, match=reason) as caught:
        read_dicom(tmp_path / "image.dcm", views=("PA", "AP"))
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    "dataset",
    [
        color_image([(0, 0, 0), (51, 51, 52)], "RGB"),
        color_image([(0, 128, 128), (51, 128, 140)], "YBR_FULL"),
        palette_image([0, 100, 200, 0], [0, 100, 201, 0]),
    ],
)
def test_color_is_rejected(tmp_path: Path, dataset: Dataset) -> None:
    dataset.save_as(tmp_path / "image.dcm", enforce_file_format=True)
    with pytest.raises(RejectedImageError, match=r"^color"):
        read_dicom(tmp_path / "image.dcm")


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
def test_a_file_cut_off_anywhere_is_rejected_in_silence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], syntax: str, share: float
) -> None:
    dataset = image(np.random.default_rng(0).integers(0, 4096, (32, 32)).astype(np.uint16))
    if syntax == RLELossless:
        dataset.compress(RLELossless)
    path = tmp_path / "image.dcm"
    dataset.save_as(path, enforce_file_format=True)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(RejectedImageError):
        read_dicom(path)
    assert capfd.readouterr() == ("", "")


def test_text_and_missing_files_are_rejected(tmp_path: Path) -> None:
    (tmp_path / "image.dcm").write_text("no image")
    with pytest.raises(RejectedImageError, match="no DICOM file"):
        read_dicom(tmp_path / "image.dcm")
    with pytest.raises(RejectedImageError, match="cannot be opened"):
        read_dicom(tmp_path / "gone.dcm")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    with pytest.raises(RejectedImageError, match="cannot be opened"):
        read_dicom(tmp_path / "circle")


def test_a_header_with_an_unknown_character_set_warns_nobody(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    dataset = image(FIVE, InstitutionName="North")
    dataset.SpecificCharacterSet = "ISO_IR 999"
    with pytest.warns(UserWarning, match="encoding"):  # pydicom's, while the test writes the file
        dataset.save_as(tmp_path / "image.dcm", enforce_file_format=True)
    assert read_dicom(tmp_path / "image.dcm")[1]["institution"] == "North"
    assert capfd.readouterr().err == ""


def test_tags_on_top_of_the_record(tmp_path: Path) -> None:
    image(FIVE, AccessionNumber="A7").save_as(tmp_path / "image.dcm", enforce_file_format=True)
    assert read_dicom(tmp_path / "image.dcm", ("AccessionNumber",))[1]["AccessionNumber"] == "A7"
