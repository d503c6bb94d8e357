"""One raw file to grey pixels and header facts."""
