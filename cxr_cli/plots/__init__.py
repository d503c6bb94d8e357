"""The only room that knows matplotlib."""
