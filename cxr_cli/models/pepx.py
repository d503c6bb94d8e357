"""PEPX, the projection-expansion-projection-extension module of COVID-Net."""

import numpy as np
from flax import nnx
from jax import Array

from cxr_cli.models.nn.convolution import Lowering
from cxr_cli.models.nn.layers import Conv


class PEPX(nnx.Module):
    """1x1 to c/2, 1x1 to 3c/4, depthwise 3x3, 1x1 to c/2, 1x1 to the output channels; a ReLU after each.

    Source: Sundin et al., "Siamesifying the COVID-Net", section 3.2, eq. 4. No batch norm.
    """

    def __init__(
        self, channels_in: int, channels_out: int, *, lowering: Lowering, rng: np.random.Generator | None
    ) -> None:
        """Draw the five convolutions."""
        narrow, wide = channels_in // 2, 3 * channels_in // 4

        def conv(c_in: int, c_out: int, kernel_size: int = 1, groups: int = 1) -> Conv:
            return Conv(c_in, c_out, kernel_size, groups=groups, lowering=lowering, rng=rng)

        self.first_projection = conv(channels_in, narrow)
        self.expansion = conv(narrow, wide)
        self.depthwise = conv(wide, wide, kernel_size=3, groups=wide)
        self.second_projection = conv(wide, narrow)
        self.extension = conv(narrow, channels_out)

    def __call__(self, x: Array) -> Array:
        """Map x [B,H,W,channels_in] to [B,H,W,channels_out], not negative."""
        x = nnx.relu(self.first_projection(x))
        x = nnx.relu(self.expansion(x))
        x = nnx.relu(self.depthwise(x))
        x = nnx.relu(self.second_projection(x))
        return nnx.relu(self.extension(x))
