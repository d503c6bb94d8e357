"""What the networks published with ImageNet weights have in common."""

from typing import Literal

import numpy as np
from flax import nnx
from jax import Array

from cxr_cli.models.backbone import Backbone
from cxr_cli.models.nn.convolution import Lowering
from cxr_cli.models.nn.layers import Conv, Dense, GrayStem, dropout
from cxr_cli.models.nn.normalization import MOMENTUM, BatchNorm
from cxr_cli.models.nn.pooling import global_average_pool


class Stem(nnx.Module):
    """The first convolution, of gray images, and its batch normalization."""

    def __init__(
        self,
        channels_out: int,
        kernel_size: int,
        *,
        stride: int,
        padding: Literal["SAME"] | int,
        epsilon: float = 1e-5,
        momentum: float = MOMENTUM,
        lowering: Lowering,
        rng: np.random.Generator | None,
    ) -> None:
        """Draw the convolution."""
        self.conv = GrayStem(
            channels_out, kernel_size, stride=stride, padding=padding, lowering=lowering, rng=rng
        )
        self.norm = BatchNorm(channels_out, epsilon=epsilon, momentum=momentum)

    def __call__(self, x: Array, mask: Array | None = None) -> Array:
        """Map images x [B,H,W,1] to [B,h,w,channels_out]."""
        return self.norm(self.conv(x), mask)


class ConvNorm(nnx.Module):
    """A convolution without bias and its batch normalization."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel_size: int | tuple[int, int],
        *,
        stride: int = 1,
        padding: Literal["SAME"] | int | tuple[int, int] = "SAME",
        groups: int = 1,
        epsilon: float = 1e-5,
        momentum: float = MOMENTUM,
        lowering: Lowering,
        rng: np.random.Generator | None,
    ) -> None:
        """Draw the convolution; see `Conv`."""
        self.conv = Conv(
            channels_in,
            channels_out,
            kernel_size,
            stride=stride,
            padding=padding,
            groups=groups,
            bias=False,
            lowering=lowering,
            rng=rng,
        )
        self.norm = BatchNorm(channels_out, epsilon=epsilon, momentum=momentum)

    def __call__(self, x: Array, mask: Array | None = None) -> Array:
        """Map x [B,H,W,channels_in] to [B,h,w,channels_out]."""
        return self.norm(self.conv(x), mask)


class PooledBackbone(Backbone):
    """A backbone whose vector is the mean over the last feature map, for images of any size.

    Attributes:
        classifier: None for a network without logits.
        dropout: share of the vector that training zeroes before the classifier.
    """

    classifier: Dense | None
    dropout: float

    def embedding(self, features: Array, keys: Array | None = None) -> Array:  # noqa: ARG002 - no dropout here
        """Map the last feature map [B,h,w,E] to its mean over the image [B,E]."""
        return global_average_pool(features)

    def head(self, features: Array, keys: Array | None = None) -> Array:
        """Map the last feature map to logits [B,classes]; dropout only with keys [B]."""
        if self.classifier is None:
            raise TypeError(f"this {type(self).__name__} was built without classes and has no logits")
        return self.classifier(dropout(self.embedding(features), self.dropout, keys))
