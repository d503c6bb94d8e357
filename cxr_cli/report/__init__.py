"""A RUN, and what it was made of and tested with -> one page to read and to hand on."""
