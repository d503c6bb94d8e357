"""Shortcuts, associations and leaks: what may tell a class besides the disease."""
