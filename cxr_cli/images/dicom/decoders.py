"""Which decoders pydicom uses, where its own choice will not do."""

import gdcm
from pydicom.pixels.decoders.base import (
    DecodeRunner,
    JPEG2000Decoder,
    JPEG2000LosslessDecoder,
    JPEGExtended12BitDecoder,
)
from pydicom.uid import JPEGExtended12Bit

DECODER_DEPENDENCIES = {JPEGExtended12Bit: ("gdcm>=3.2",)}
"""What pydicom asks of a plugin, as it does for `is_available`."""


def choose_decoders() -> None:
    """Set pydicom's decoders for this process; to do so again changes nothing.

    JPEG 2000 is not for gdcm, which ends the process on some damaged data, where pylibjpeg raises. JPEG
    Extended with 12 bits is decoded by `decode_frame`, after pydicom's own plugins, which decode 8 bits.
    """
    for decoder in (JPEG2000Decoder, JPEG2000LosslessDecoder):
        if "gdcm" in decoder.available_plugins:
            decoder.remove_plugin("gdcm")
    if __name__ not in JPEGExtended12BitDecoder.available_plugins:
        JPEGExtended12BitDecoder.add_plugin(__name__, (__name__, "decode_frame"))


def is_available(uid: str) -> bool:
    """Whether frames of a transfer syntax can be decoded here."""
    return uid in DECODER_DEPENDENCIES


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
