"""Images -> DATASET -> split. NumPy only, no JAX."""
