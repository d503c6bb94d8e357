"""The RUN folder: configuration and selected model."""
