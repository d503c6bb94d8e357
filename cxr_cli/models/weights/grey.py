"""Fold a colour convolution and its normalisation, exactly, into one that takes a grey film."""

import numpy as np
from numpy.typing import NDArray

from cxr_cli.models.weights.cards import Card


def fold_grey(kernel: NDArray[np.float32], card: Card) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fold a first convolution's kernel over its input channels.

    A grey film g in 0..1, copied to each channel c and normalised to (g - m_c) / s_c, is what the published
    network takes. Ours takes x = (g - m) / s with the card's grey mean and deviation, where
    (g - m_c) / s_c = x * s / s_c + (m - m_c) / s_c: a multiple of x plus a constant. The constant is no bias,
    for at the border the padding is zero after normalisation; it is a convolution of a plane of ones that is
    padded like the film.

    Args:
        kernel: float32 [K,K,C,O], C as many as the card has means.
        card: of the network's input.

    Returns:
        float32 [K,K,1,O] to apply to x, and float32 [K,K,1,O] to apply to the plane of ones.
    """
    mean, std = np.asarray(card.mean), np.asarray(card.std)
    scaled = kernel.astype(np.float64) / std[:, None]
    film = scaled.sum(axis=2, keepdims=True) * card.grey_std
    ones = (scaled * (card.grey_mean - mean)[:, None]).sum(axis=2, keepdims=True)
    return film.astype(np.float32), ones.astype(np.float32)
