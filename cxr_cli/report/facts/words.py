"""Numbers and names in sentences."""

from collections.abc import Iterable, Mapping


def count(number: int, thing: str) -> str:
    """Write "1 image", "1,200 images"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def counts(numbers: Mapping[str, int]) -> str:
    """Write "normal 12, pneumonia 7"."""
    return ", ".join(f"{name} {number}" for name, number in numbers.items())


def listed(names: Iterable[object], conjunction: str = "and") -> str:
    """Write "a", "a and b", "a, b, and c"."""
    *most, last = map(str, names)
    if len(most) < 2:
        return f" {conjunction} ".join([*most, last])
    return f"{', '.join(most)}, {conjunction} {last}"


def sentence(text: str) -> str:
    """Begin with a capital letter, and end with a period."""
    return f"{text[:1].upper()}{text[1:]}."


def spaced(name: str) -> str:
    """Write a column or metric with spaces."""
    return name.replace("_", " ")
