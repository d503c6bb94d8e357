"""The flag by which XLA computes the same bits on a GPU."""

import subprocess
import sys

from cxr_cli.determinism import is_required, require_determinism

COMPUTE = """
from cxr_cli.determinism import require_determinism
require_determinism()
import jax
print(jax.jit(lambda x: x + 1)(1))
"""


def test_flags_of_the_user_stay() -> None:
    environment = {"XLA_FLAGS": "--xla_dump_to=/tmp/x"}
    assert not is_required(environment)
    require_determinism(environment)
    assert is_required(environment)
    assert environment["XLA_FLAGS"].split()[0] == "--xla_dump_to=/tmp/x"
    assert not is_required({})


def test_xla_knows_the_flag() -> None:
    """It aborts at one that it does not know."""
    done = subprocess.run([sys.executable, "-c", COMPUTE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "2\n")
