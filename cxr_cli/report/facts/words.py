"""Numbers and names in sentences."""

from collections.abc import Iterable, Mapping


def count(number: int, thing: str) -> str:
    """Write "1 image", "1,200 images"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def counts(numbers: Mapping[str, int]) -> str:
    """Write "normal 12, pneumonia 7"."""
    return ", ".join(f"{name} {number}" for name, number in numbers.items())


def listed(names: Iterable[object]) -> str:
    """Write "a", "a and b", "a, b, and c"."""
    *most, last = map(str, names)
    if len(most) < 2:
        return " and ".join([*most, last])
    return f"{', '.join(most)}, and {last}"


def spaced(name: str) -> str:
    """Write a column or metric with spaces."""
    return name.replace("_", " ")
