"""Numbers -> metrics. NumPy only, no JAX, no files."""
