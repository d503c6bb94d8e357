"""The error of an input that gives no film."""


class RejectedFilmError(Exception):
    """An input that gives no film; the message is the reason, without the file's name or any header value."""
