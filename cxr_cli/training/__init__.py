"""Split images -> a RUN folder."""
