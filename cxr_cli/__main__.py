"""`python -m cxr_cli`, the same as `cxr`."""

from cxr_cli.main import entry

entry()
