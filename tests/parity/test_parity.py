"""Our models against torch's own modules with the same weights: exactly in float64, in float32 to rounding.

What torch gives is on file, so torch is not needed; where it is at hand, the files are checked.
"""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from parity.compare import in_float32, in_float64
from parity.members import MEMBERS, Member
from parity.reference import load_reference

PARITY_EXTRA = all(importlib.util.find_spec(name) for name in ("torch", "timm"))


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.arch)
def test_float32_logits_are_torchs(member: Member) -> None:
    found = in_float32(member, load_reference(member.arch), member.test_sizes, quick=True)
    assert not [str(deviation) for deviation in found if not deviation.is_rounding]


@pytest.mark.parametrize(
    "member", [member for member in MEMBERS if member.test_training_sizes], ids=lambda member: member.arch
)
def test_logits_loss_gradients_and_statistics_are_torchs(member: Member) -> None:
    sizes = member.test_training_sizes
    found = in_float64(member, load_reference(member.arch), sizes, sizes, quick=True)
    assert not [str(deviation) for deviation in found if not deviation.is_rounding]


def test_each_architecture_is_compared_at_224_299_and_an_odd_size_and_each_family_in_training() -> None:
    families = {member.naming.rules for member in MEMBERS}
    assert all({97, 224, 299} <= set(member.sizes) for member in MEMBERS)
    assert {member.naming.rules for member in MEMBERS if len(member.training_sizes) > 1} == families
    assert {member.naming.rules for member in MEMBERS if member.test_training_sizes} == families


@pytest.mark.skipif(not PARITY_EXTRA, reason="torch and timm are not at hand: pip install 'cxr-cli[parity]'")
def test_the_files_are_what_torch_gives_today() -> None:
    command = [sys.executable, "-m", "parity.make_references", "--check", "--smallest"]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
