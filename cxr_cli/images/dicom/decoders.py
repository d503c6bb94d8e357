"""Which decoders pydicom uses, where its own choice will not do."""

from importlib.util import find_spec
from typing import Any

import gdcm
from numpy.typing import NDArray
from pydicom.pixels.decoders.base import (
    DecodeRunner,
    JPEG2000Decoder,
    JPEG2000LosslessDecoder,
    JPEGExtended12BitDecoder,
    JPEGLosslessDecoder,
    JPEGLosslessSV1Decoder,
    JPEGLSLosslessDecoder,
    JPEGLSNearLosslessDecoder,
)
from pydicom.uid import (
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSTransferSyntaxes,
)

LOSSLESS_JPEG = (JPEGLossless, JPEGLosslessSV1)

DECODER_DEPENDENCIES = {
    JPEGExtended12Bit: ("gdcm>=3.2",),
    **dict.fromkeys((*LOSSLESS_JPEG, *JPEGLSTransferSyntaxes), ("imagecodecs>=2025.3.30",)),
}
"""What pydicom asks of a plugin, as it does for `is_available`."""

JPEG_END = b"\xff\xd9"


def choose_decoders() -> None:
    """Set pydicom's decoders for this process; to do so again changes nothing.

    JPEG 2000 is not for gdcm, which ends the process on some damaged data, where pylibjpeg raises. JPEG
    Extended with 12 bits is decoded by `decode_frame`, after pydicom's own plugins, which decode 8 bits.
    Lossless JPEG and JPEG-LS are decoded by imagecodecs, in a fifth and a half of gdcm's time, and by gdcm
    where imagecodecs is not installed or, of lossless JPEG, refuses.
    """
    for decoder in (JPEG2000Decoder, JPEG2000LosslessDecoder):
        if "gdcm" in decoder.available_plugins:
            decoder.remove_plugin("gdcm")
    if __name__ not in JPEGExtended12BitDecoder.available_plugins:
        JPEGExtended12BitDecoder.add_plugin(__name__, (__name__, "decode_frame"))
    if find_spec("imagecodecs") is None:
        return
    for decoder in (JPEGLosslessDecoder, JPEGLosslessSV1Decoder):
        if __name__ not in decoder.available_plugins:
            decoder.remove_plugin("gdcm")
            decoder.add_plugin(__name__, (__name__, "decode_lossless_jpeg"))
            decoder.add_plugin("gdcm", ("pydicom.pixels.decoders.gdcm", "_decode_frame"))
    for decoder in (JPEGLSLosslessDecoder, JPEGLSNearLosslessDecoder):
        if __name__ not in decoder.available_plugins:
            decoder.remove_plugin("gdcm")  # ends the process on some damaged data
            decoder.add_plugin(__name__, (__name__, "decode_jpeg_ls"))


def is_available(uid: str) -> bool:
    """Whether frames of a transfer syntax can be decoded here."""
    return uid in DECODER_DEPENDENCIES


def decode_lossless_jpeg(encoded: bytes, runner: DecodeRunner) -> bytes:
    """Decode one gray frame of lossless JPEG to its stored values, little-endian.

    Raises:
        ValueError: color, or a frame that does not end as one should.
    """
    import imagecodecs  # here, for it takes long, and few images have need of it

    # libjpeg-turbo fills up what is missing, and says nothing.
    if runner.samples_per_pixel != 1 or JPEG_END not in encoded[-4:]:
        raise ValueError("no whole gray JPEG frame")
    return _frame(imagecodecs.jpeg8_decode(encoded), runner)


def decode_jpeg_ls(encoded: bytes, runner: DecodeRunner) -> bytes:
    """Decode one frame of JPEG-LS to its stored values, little-endian, color by pixel.

    Raises:
        ValueError: damaged data.
    """
    import imagecodecs  # as above

    runner.set_option("planar_configuration", 0)
    return _frame(imagecodecs.jpegls_decode(encoded), runner)


def _frame(values: NDArray[Any], runner: DecodeRunner) -> bytes:
    """The bytes of values [H, W] or [H, W, channels], if they are what the header says."""
    if values.nbytes != runner.frame_length(unit="bytes"):
        raise ValueError(f"{values.shape} values of {values.dtype}")
    return values.tobytes()


def decode_frame(encoded: bytes, runner: DecodeRunner) -> bytes:
    """Decode one frame of JPEG Extended to its stored values, little-endian.

    gdcm does this well; it is only that pydicom's own use of gdcm does not ask for 12 bits.

    Raises:
        ValueError: damaged data.
    """
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(encoded)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    pixel_data = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    pixel_data.SetValue(fragments.__ref__())

    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((runner.columns, runner.rows, 1))
    image.SetDataElement(pixel_data)
    photometric = gdcm.PhotometricInterpretation.GetPIType(str(runner.photometric_interpretation))
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(photometric))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGExtendedProcess2_4))
    bits = runner.bits_stored
    image.SetPixelFormat(
        gdcm.PixelFormat(
            runner.samples_per_pixel, runner.bits_allocated, bits, bits - 1, runner.pixel_representation
        )
    )
    buffer = image.GetBuffer()
    if buffer is None:
        raise ValueError("damaged JPEG data")
    return bytes(buffer.encode("utf-8", "surrogateescape"))  # gdcm gives bytes as text
