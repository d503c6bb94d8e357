"""One raw file to gray pixels and header facts."""
