"""Metrics by subgroup, and the differences between subgroups."""
