"""Fold a color convolution and its normalization, exactly, into one that takes a gray image."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cxr_cli.models.weights.cards import Card

Real = TypeVar("Real", np.float32, np.float64)


def fold_gray(kernel: NDArray[Real], card: Card) -> tuple[NDArray[Real], NDArray[Real]]:
    """Fold a first convolution's kernel over its input channels.

    A gray image g in 0..1, copied to each channel c and normalized to (g - m_c) / s_c, is what the published
    network takes. Ours takes x = (g - m) / s with the card's gray mean and deviation, where
    (g - m_c) / s_c = x * s / s_c + (m - m_c) / s_c: a multiple of x plus a constant. The constant is no bias,
    for at the border the padding is zero after normalization; it is a convolution of a plane of ones that is
    padded like the image.

    Args:
        kernel: [K,K,C,O], C as many as the card has means.
        card: of the network's input.

    Returns:
        [K,K,1,O] to apply to x, and [K,K,1,O] to apply to the plane of ones; of the kernel's
        type, the sums in float64.
    """
    mean, std = np.asarray(card.mean), np.asarray(card.std)
    scaled = kernel.astype(np.float64) / std[:, None]
    image = scaled.sum(axis=2, keepdims=True) * card.gray_std
    ones = (scaled * (card.gray_mean - mean)[:, None]).sum(axis=2, keepdims=True)
    return image.astype(kernel.dtype), ones.astype(kernel.dtype)
