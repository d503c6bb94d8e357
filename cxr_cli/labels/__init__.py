"""Label tables to a label for each image."""
