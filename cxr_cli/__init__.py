"""Chest X-ray classification studies from the shell. For research, not for diagnosis."""

__version__ = "0.1.0"
