"""Predictions of a trained run: forward pass, scores, templates, predictions file, tests on a subset."""
