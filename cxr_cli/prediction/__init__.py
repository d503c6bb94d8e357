"""Images -> numbers with a trained run."""
