"""Images -> feature vectors or logits: the forward pass, one for each image."""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from cxr_cli.errors import InvalidSetting
from cxr_cli.models.network import Network, Variables, backbone_of
from cxr_cli.models.nn.compiler_options import compiler_options
from cxr_cli.prediction.batches import in_batches, inference_batch
from cxr_cli.prediction.devices import ONE_DEVICE, Devices, local_devices, to_host
from cxr_cli.prediction.loading import FetchBatch, image_source, normalize
from cxr_cli.prediction.precision import matmul_precision, to_compute_type
from cxr_cli.reporting import Advance, unheard
from cxr_cli.runs.model_store import TrainedRun
from cxr_cli.runs.settings import Recipe

Forward = Callable[[Variables, Array], Any]
"""Maps (variables, images uint8 [B,H,W]) to float32 arrays [B, ...], one or a tuple of them, jitted."""

Read = Callable[[Any, Array, Array], Array]
"""Maps (module, normalized images [B,H,W,1], their last feature map [B,h,w,C]) to an answer [B, ...]."""

ApplyModel = Callable[[FetchBatch, NDArray[np.int64]], Any]
"""Maps a source of images, and rows of it, to what a model answers: float32 [len(rows), ...], or a tuple."""


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


def read_logits(module: Any, images: Array, features: Array) -> Array:  # noqa: ARG001 - a `Read`
    """Read the logits [B, classes] of a classifying model."""
    return class_logits(module.head(features))


def read_flip_averaged_logits(module: Any, images: Array, features: Array) -> Array:
    """Horizontal-flip test-time augmentation: log of the mean probabilities of image and flipped image."""
    both = (features, module.features(jnp.flip(images, 2)))
    return jnp.logaddexp(*(jax.nn.log_softmax(class_logits(module.head(x))) for x in both)) - jnp.log(2.0)


def logits_reader(recipe: Recipe) -> Read:
    """Return how the models of a recipe score images, in validation as in the test."""
    return read_flip_averaged_logits if recipe.flip_tta else read_logits


def read_vectors(module: Any, images: Array, features: Array) -> Array:  # noqa: ARG001 - a `Read`
    """Read the vectors [B, E] of a siamese model's backbone."""
    return backbone_of(module).embedding(features)


def answer_reader(recipe: Recipe) -> Read:
    """Return what scores are made of: a siamese model's vectors, else logits."""
    return read_vectors if recipe.siamese else logits_reader(recipe)


def read_map(module: Any, images: Array, features: Array) -> Array:  # noqa: ARG001 - a `Read`
    """Read means and maxima of the last feature map, as one vector of length 1 an image [B, 2C]."""
    vectors = jnp.concatenate([features.mean((1, 2)), features.max((1, 2))], axis=-1)
    return vectors / jnp.maximum(jnp.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


@lru_cache(maxsize=16)
def forward_function(network: Network, scaling: Scaling, *reads: Read) -> Forward:
    """Make the jitted function from variables and uint8 images to what `reads` read, a tuple of several.

    Images pass through the model once, whatever is read. The function compiles once, whoever asks for it.
    """

    return jax.jit(partial(forward_pass, network, scaling, reads), compiler_options=compiler_options())


def forward_pass(
    network: Network, scaling: Scaling, reads: tuple[Read, ...], variables: Variables, images: Array
) -> Any:
    """Map gray images [B,H,W] of 0 ... 255 to what `reads` read, see `forward_function`."""
    with matmul_precision(scaling.precision):
        module = network.bind(to_compute_type(variables, scaling.precision))
        x = to_compute_type(normalize(images, scaling.mean, scaling.std), scaling.precision)
        features = backbone_of(module).features(x)
        answers = tuple(read(module, x, features).astype(jnp.float32) for read in reads)
        return answers if len(reads) > 1 else answers[0]


def compile_ahead(function: Any, shapes: Variables, batch: int, size: int) -> None:
    """Compile a forward function, or find its program in the cache, before weights and images are there.

    Where several devices share the images, its program is another one, and nothing is done.

    Args:
        function: of `forward_function`.
        shapes: of the variables, see `models.network.outline`.
        batch, size: of the images uint8 [batch, size, size].
    """
    images: Any = jax.ShapeDtypeStruct
    if local_devices() == ONE_DEVICE:
        function.lower(shapes, images((batch, size, size), np.uint8)).compile()


def run_over(
    function: Forward,
    variables: Variables,
    fetch: FetchBatch,
    rows: NDArray[np.int64],
    devices: Devices = ONE_DEVICE,
    advance: Advance = unheard,
) -> Any:
    """Apply a forward function to images by dataset row.

    The last batch is padded to the full size, so that one compiled program serves all batches.

    Args:
        function: of `forward_function`.
        variables: on the devices.
        fetch: the images; it divides them among the devices.
        rows: which images.
        devices: that share the images of a batch.
        advance: receives how many images are done; before the first, that it is compiled for.

    Returns:
        What the function returns, float32 [len(rows), ...] or a tuple of these, in the order of the rows.
    """
    size = fetch(rows[:1]).shape[-1]
    batches, _ = in_batches(rows, inference_batch(len(rows), size, devices=devices.count))
    advance(0, len(rows), "compiling")
    results: list[Any] = []
    for number, batch in enumerate(batches):
        results.append(function(variables, fetch(batch)))
        # One batch is computed while the one before it is fetched back.
        if number:
            results[number - 1] = jax.tree.map(to_host, results[number - 1])
            advance(number * batches.shape[1], len(rows))
    results[-1:] = [jax.tree.map(to_host, result) for result in results[-1:]]
    advance(len(rows), len(rows))
    return jax.tree.map(lambda *parts: np.concatenate(parts)[: len(rows)], *results)


def forward_of_run(run: TrainedRun, *others: Read) -> Forward:
    """Make the forward function of a run: to vectors of a siamese model, else to logits; and to others."""
    scaling = Scaling(run.config.mean, run.config.std, run.config.network.precision)
    return forward_function(run.network, scaling, answer_reader(run.config), *others)


def apply_run(run: TrainedRun, *others: Read, advance: Advance = unheard) -> ApplyModel:
    """Make the function that applies a run's model to images, on all devices of this process.

    It answers as `forward_of_run` does; its images are to be those of an `image_source` of `local_devices`.
    `advance` receives how many of a call's images are done.
    """
    devices = local_devices()
    function, variables = forward_of_run(run, *others), devices.replicate(run.variables)
    return lambda fetch, rows: run_over(function, variables, fetch, rows, devices, advance)


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
    vectors: NDArray[np.float32] = apply_run(run)(image_source(images, devices=local_devices()), rows)
    return vectors
