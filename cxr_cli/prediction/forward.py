"""Images -> vectors and logits with a network, one pass an image, the last batch padded and cut."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from cxr_cli.models.network import Network, Variables
from cxr_cli.prediction.batches import in_batches
from cxr_cli.prediction.loading import FetchBatch, normalize
from cxr_cli.prediction.precision import matmul_precision, to_compute_type
from cxr_cli.runs.config import Recipe

INFERENCE_BATCH = 32

Forward = Callable[[Variables, Array], Array]
"""Maps (variables, images uint8 [B,H,W]) to float32 [B, ...], jitted."""


class Scaling(NamedTuple):
    """How images enter the model: pixel mean and standard deviation on the 0 ... 1 scale, and arithmetic."""

    mean: float
    std: float
    precision: str


def class_logits(logits: Array) -> Array:
    """Return one logit a class: a single one [B,1], that of the second class, is set beside a first of 0.

    Softmax, cross entropy and predicted class of [0, z] are the sigmoid, binary cross entropy and sign of z.
    """
    return jnp.pad(logits, ((0, 0), (1, 0))) if logits.shape[-1] == 1 else logits


def read_logits(module: Any, images: Array) -> Array:
    """Apply a classifying model to normalized images [B,H,W,1]: logits [B, classes]."""
    return class_logits(module.head(module.features(images)))


def read_mirrored_logits(module: Any, images: Array) -> Array:
    """As `read_logits`, of the mean probabilities over each image and its mirror image, left for right."""
    both = [jax.nn.log_softmax(read_logits(module, x)) for x in (images, images[:, :, ::-1])]
    return jnp.logaddexp(*both) - jnp.log(2.0)


def logits_reader(recipe: Recipe) -> Callable[[Any, Array], Array]:
    """Return how a recipe's models are judged and score images."""
    return read_mirrored_logits if recipe.flip_tta else read_logits


def read_vectors(module: Any, images: Array) -> Array:
    """Apply a siamese model's backbone to normalized images [B,H,W,1]: vectors [B, E]."""
    vectors: Array = module.embed(images)
    return vectors


def forward_function(network: Network, scaling: Scaling, read: Callable[[Any, Array], Array]) -> Forward:
    """Make the jitted function from variables and bytes to what `read` takes from the model."""

    @jax.jit
    def forward(variables: Variables, images: Array) -> Array:
        with matmul_precision(scaling.precision):
            module = network.bind(to_compute_type(variables, scaling.precision))
            x = to_compute_type(normalize(images, scaling.mean, scaling.std), scaling.precision)
            return read(module, x).astype(jnp.float32)

    return forward


def run_over(
    function: Forward, variables: Variables, fetch: FetchBatch, rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Apply a forward function to images by dataset row.

    The last batch is padded to the full size, so that one compiled program serves all, and cut again:
    results out = rows in, in their order.

    Returns:
        float32 [len(rows), ...].
    """
    batches, _ = in_batches(rows, min(INFERENCE_BATCH, len(rows)))
    results = [function(variables, fetch(batch)) for batch in batches]
    return np.concatenate(results)[: len(rows)]
