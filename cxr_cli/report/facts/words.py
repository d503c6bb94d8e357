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


def plain(value: object) -> str:
    """Write a setting as words: "yes", "none", "a, b", "train 0.5, val 0.2"; never as Python does."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value == "":
        return "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {plain(of)}" for name, of in value.items()) or "none"
    if isinstance(value, list | tuple | set):
        return ", ".join(map(plain, value)) or "none"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
