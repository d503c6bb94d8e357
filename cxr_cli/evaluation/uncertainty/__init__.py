"""Confidence intervals and standard errors."""
