"""Films -> numbers with a trained run."""
