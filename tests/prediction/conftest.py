"""The untrained runs that several rooms' tests share."""

from untrained import images, siamese, single

__all__ = ["images", "siamese", "single"]
