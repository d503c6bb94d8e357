"""Numbers -> figures of merit. NumPy only, no JAX, no files."""
