"""Saliency maps end to end: methods, choice of images, overlays, and sanity checks."""
