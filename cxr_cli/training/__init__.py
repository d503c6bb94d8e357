"""Split films -> a RUN folder."""
