"""A RUN, and what it was trained and tested with -> one page to read and to share."""
