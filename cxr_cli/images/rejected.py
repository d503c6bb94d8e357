"""The error of an input that gives no image."""


class RejectedImageError(Exception):
    """An input that gives no image; the message is the reason, without file name or header values."""
