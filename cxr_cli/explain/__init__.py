"""Saliency maps end to end: methods, choice of images, sanity checks, localization, overlays."""
