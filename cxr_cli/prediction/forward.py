"""Images -> feature vectors or logits: the forward pass, one for each image."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from cxr_cli.errors import InvalidSetting
from cxr_cli.models.network import Network, Variables
from cxr_cli.models.nn.compiler_options import compiler_options
from cxr_cli.prediction.batches import in_batches
from cxr_cli.prediction.devices import to_host
from cxr_cli.prediction.loading import FetchBatch, image_source, normalize
from cxr_cli.prediction.precision import matmul_precision, to_compute_type
from cxr_cli.runs.model_store import TrainedRun
from cxr_cli.runs.settings import Recipe

INFERENCE_BATCH = 32

Forward = Callable[[Variables, Array], Array]
"""Maps (variables, images uint8 [B,H,W]) to float32 [B, ...], jitted."""


class Scaling(NamedTuple):
    """How images enter the model: pixel mean and standard deviation on the 0 ... 1 scale, and precision."""

    mean: float
    std: float
    precision: str


def class_logits(logits: Array) -> Array:
    """Return one logit for each class: a single logit z [B,1], of the second class, becomes [0, z].

    Softmax, cross entropy and predicted class of [0, z] are the sigmoid, binary cross entropy and sign of z.
    """
    return jnp.pad(logits, ((0, 0), (1, 0))) if logits.shape[-1] == 1 else logits


def read_logits(module: Any, images: Array) -> Array:
    """Apply a classifying model to normalized images [B,H,W,1]: logits [B, classes]."""
    return class_logits(module.head(module.features(images)))


def read_flip_averaged_logits(module: Any, images: Array) -> Array:
    """Horizontal-flip test-time augmentation: log of the mean probabilities of image and flipped image."""
    both = [jax.nn.log_softmax(read_logits(module, x)) for x in (images, images[:, :, ::-1])]
    return jnp.logaddexp(*both) - jnp.log(2.0)


def logits_reader(recipe: Recipe) -> Callable[[Any, Array], Array]:
    """Return how the models of a recipe score images, in validation as in the test."""
    return read_flip_averaged_logits if recipe.flip_tta else read_logits


def read_vectors(module: Any, images: Array) -> Array:
    """Apply a siamese model's backbone to normalized images [B,H,W,1]: vectors [B, E]."""
    vectors: Array = module.embed(images)
    return vectors


def forward_function(network: Network, scaling: Scaling, read: Callable[[Any, Array], Array]) -> Forward:
    """Make the jitted function from variables and uint8 images to what `read` returns of the model."""

    @partial(jax.jit, compiler_options=compiler_options())
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

    The last batch is padded to the full size, so that one compiled program serves all batches.

    Returns:
        float32 [len(rows), ...], one result for each row, in the order of the rows.
    """
    batches, _ = in_batches(rows, min(INFERENCE_BATCH, len(rows)))
    results = [function(variables, fetch(batch)) for batch in batches]
    return np.concatenate([to_host(result) for result in results])[: len(rows)]


def forward_of_run(run: TrainedRun) -> Forward:
    """Make the forward function of a run: to vectors of a siamese model, else to logits."""
    scaling = Scaling(run.config.mean, run.config.std, run.config.network.precision)
    read = read_vectors if run.config.siamese else logits_reader(run.config)
    return forward_function(run.network, scaling, read)


def image_vectors(run: TrainedRun, images: NDArray[np.uint8], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Compute the feature vectors of a siamese run.

    Args:
        run: the trained run.
        images: uint8 [N, H, W].
        rows: which images.

    Returns:
        float32 [len(rows), E].

    Raises:
        InvalidSetting: the run's model is not siamese and has no vectors to compare.
    """
    if not run.config.siamese:
        raise InvalidSetting(
            "run", run.folder, f"is a {run.config.recipe!r} run; vectors to compare need a siamese run"
        )
    return run_over(forward_of_run(run), run.variables, image_source(images), rows)
