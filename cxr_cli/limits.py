"""Limits that a shell or a cluster sets (ulimit), too low for libraries that then end without a word."""

import os
import resource

from cxr_cli.errors import BadInput

LEAST_MEMORY, LEAST_FILES = 2**30, 32
"""Bytes of address space, and files at once, that any command needs for NumPy, pandas and OpenCV."""

MEMORY_TO_COMPILE, MEMORY_OF_CPU, FILES_TO_COMPILE = 3 * 2**30, 2**28, 64
"""What those need that run networks, and for each CPU: on two 3.0 GB were enough, 2.5 GB were not.

There JAX, LLVM and TensorStore end with `bad_alloc`, an abort, or a segmentation fault.
"""


def require_limits(*, compiling: bool) -> None:
    """Check the limits of this process before heavy libraries are loaded.

    That of open files is raised where it may be.

    Args:
        compiling: whether networks will run.

    Raises:
        BadInput: one is too low.
    """
    memory, files = LEAST_MEMORY, LEAST_FILES
    if compiling:
        memory, files = MEMORY_TO_COMPILE + (os.cpu_count() or 1) * MEMORY_OF_CPU, FILES_TO_COMPILE
    allowed, _ = resource.getrlimit(resource.RLIMIT_AS)
    if allowed != resource.RLIM_INFINITY and allowed < memory:
        raise BadInput(
            f"address space: the limit is {allowed / 2**30:.1f} GiB (ulimit -v), "
            f"{memory / 2**30:.1f} GiB are needed"
        )
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed < files <= most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
    elif allowed < files:
        raise BadInput(f"open files: the limit is {allowed} (ulimit -n), {files} are needed")
