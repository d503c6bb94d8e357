"""Our maps against pytorch-grad-cam's, of the same weights and images.

What it gives is on file, so neither it nor torch is needed; where they are at hand, the files are checked.
"""

import importlib.util
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from jax import Array
from parity.cams import CAM_MEMBERS, SIZE, CamMember, factor, file_of, key, targets
from parity.ours import QUICK, load
from parity.reference import load_reference
from parity.states import draw_images

from cxr_cli.explain.cam import class_score, explain_function
from cxr_cli.models.network import Network, Variables
from cxr_cli.prediction.forward import Scaling

AT_HAND = all(importlib.util.find_spec(name) for name in ("torch", "timm", "pytorch_grad_cam"))


@pytest.mark.parametrize("each", CAM_MEMBERS, ids=lambda each: each.arch)
def test_maps_are_those_of_pytorch_grad_cam(each: CamMember) -> None:
    network, variables = load(each.member, load_reference(each.arch))
    found = maps_of(each, network, variables)
    with np.load(file_of(each.arch)) as reference:
        assert sorted(reference.files) == sorted(found)
        for name, expected in reference.items():
            assert expected.max() > 0
            difference = np.abs(found[name] - expected).max() / expected.max()
            assert difference < 1e-4, (name, difference)


def maps_of(each: CamMember, network: Network, variables: Variables) -> dict[str, Array]:
    """Compute our maps of the drawn images, in float32, all in one program."""
    card = each.member.card
    # Images come as bytes in use; here as float32, 255 times as large.
    scaling = Scaling(card.gray_mean, card.gray_std, "float32")

    def louder(variables: Variables, by: float) -> Variables:
        classifier = {name: by * leaf for name, leaf in variables.params["classifier"].items()}
        return variables._replace(params={**variables.params, "classifier": classifier})

    def explain(variables: Variables, images: Array) -> dict[str, Array]:
        return {
            key(layer, method): explain_function(network, scaling, class_score, layer, method)(
                louder(variables, factor(method)), images, targets()
            )[0]
            for layer in each.layers.values()
            for method in each.methods(layer)
        }

    images = 255.0 * draw_images(SIZE)[..., 0]
    return jax.device_get(jax.jit(explain, compiler_options=QUICK)(variables, images))


@pytest.mark.skipif(not AT_HAND, reason="pytorch-grad-cam is not at hand: see make_cam_references.py")
def test_the_files_are_what_pytorch_grad_cam_gives_today() -> None:
    command = [sys.executable, "-m", "parity.make_cam_references", "--check"]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
