"""The four methods, by numbers worked by hand."""

from typing import get_args

import numpy as np
import pytest

from cxr_cli.explain.cam_methods import METHODS
from cxr_cli.explain.choices import Color, Method
from cxr_cli.explain.overlay import COLORS

# One image, a map of one row and two columns, two channels.
FEATURES = np.array([[[[1.0, 2.0], [3.0, 4.0]]]], np.float32)
GRADIENTS = np.array([[[[0.5, -1.0], [0.25, 0.5]]]], np.float32)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        # Means of the gradients: 0.375 and -0.25.
        ("gradcam", [0.375 - 0.5, 3 * 0.375 - 1.0]),
        # 0.5 x 1 - 1 x 2; 0.25 x 3 + 0.5 x 4.
        ("hirescam", [-1.5, 2.75]),
        # Without the -1.
        ("layercam", [0.5, 2.75]),
        # Sums of the activations: 4 and 6. alpha: 1/(2 + 4 x 0.5), 1/(2 + 4 x 0.25); 1/(2 + 6 x 0.5).
        # Weights: 0.5/4 + 0.25/3 = 5/24 and 0.5/5 = 1/10.
        ("gradcam++", [5 / 24 + 2 / 10, 3 * 5 / 24 + 4 / 10]),
    ],
)
def test_maps_are_the_papers(method: str, expected: list[float]) -> None:
    found = METHODS[method](FEATURES, GRADIENTS)
    np.testing.assert_allclose(found, np.maximum([[expected]], 0), rtol=1e-6)


def test_gradcam_plus_plus_is_its_formula_without_an_epsilon() -> None:
    rng = np.random.default_rng(0)
    features, gradients = rng.uniform(0, 1, (3, 4, 5, 6)), rng.normal(size=(3, 4, 5, 6))
    squares = gradients**2
    alpha = squares / (2 * squares + features.sum((1, 2), keepdims=True) * gradients**3)
    weights = (alpha * np.maximum(gradients, 0)).sum((1, 2), keepdims=True)
    expected = np.maximum((weights * features).sum(-1), 0)
    for scale in (1.0, 1e-6):  # gradients so small that an epsilon of 1e-6 would decide
        found = METHODS["gradcam++"](features.astype(np.float32), (scale * gradients).astype(np.float32))
        if scale == 1.0:
            np.testing.assert_allclose(found, expected, rtol=1e-5)
        else:  # alpha is 1/2 then
            limit = (np.maximum(scale * gradients, 0).sum((1, 2), keepdims=True) / 2 * features).sum(-1)
            np.testing.assert_allclose(found, limit, rtol=1e-4)


def test_gradcam_plus_plus_is_finite_where_activations_are_negative() -> None:
    # 2 + g sum A = 0 here, by the formula for outputs of a ReLU.
    features, gradients = np.full((1, 1, 1, 1), -2.0, np.float32), np.ones((1, 1, 1, 1), np.float32)
    np.testing.assert_array_equal(METHODS["gradcam++"](features, gradients), 0)


def test_every_choice_of_the_command_line_is_there() -> None:
    assert tuple(METHODS) == get_args(Method)
    assert tuple(COLORS) == get_args(Color)
