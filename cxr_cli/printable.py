"""Text of files where people read it: what a terminal would obey, or hide, is written out. No I/O."""

import unicodedata

UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode categories of unseen signs: control, format (also of direction), surrogate, separator of lines."""

JOINERS = "\u200c\u200d"
"""Format signs that words of several scripts, and emoji, are spelled with."""


def printable(text: str, keep: str = "") -> str:
    """Write out control characters and signs that change the direction of text, as \\x1b and \\u202e.

    Args:
        text: any.
        keep: such signs that stay, as the line breaks of a text of several lines.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        sign
        if sign in keep or sign in JOINERS or unicodedata.category(sign) not in UNSEEN
        else sign.encode("unicode_escape").decode()
        for sign in text
    )
