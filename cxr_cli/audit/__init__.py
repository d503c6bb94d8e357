"""Shortcuts, associations and leaks: what may predict a class besides the disease."""
