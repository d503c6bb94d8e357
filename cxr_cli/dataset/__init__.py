"""Films -> DATASET -> split. NumPy only, no JAX."""
