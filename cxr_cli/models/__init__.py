"""Networks in Flax NNX. No files."""
