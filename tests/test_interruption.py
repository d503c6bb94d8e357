"""Ctrl-C: seen from outside, by its exit code and its words."""

import signal
import subprocess
import sys
import time

# Python's own handlers do not run while the main thread is within compiled code.
WITHIN_COMPILED_CODE = """
import hashlib
from cxr_cli.interruption import watched_interrupts
with watched_interrupts():
    print("begun", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 10**8)
"""


def test_the_second_ctrl_c_ends_even_a_process_within_compiled_code() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WITHIN_COMPILED_CODE],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "begun\n"
        time.sleep(0.2)  # until it is there
        process.send_signal(signal.SIGINT)
        assert process.stderr.readline() == "cxr: stopping; Ctrl-C again stops at once\n"
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130
