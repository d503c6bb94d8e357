"""Images -> saliency maps for a score: only the layers after the explained one are differentiated."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from cxr_cli.errors import InvalidSetting
from cxr_cli.explain.cam_methods import METHODS
from cxr_cli.explain.choices import Method, check_choice
from cxr_cli.models.network import Network, Variables, backbone_of
from cxr_cli.prediction.batches import BACKWARD_BYTES, in_batches, inference_batch
from cxr_cli.prediction.forward import Scaling
from cxr_cli.prediction.loading import FetchBatch, normalize
from cxr_cli.prediction.precision import matmul_precision, to_compute_type
from cxr_cli.prediction.templates import Templates
from cxr_cli.runs.model_store import TrainedRun

Score = Callable[[Any, Array, Array], Array]
"""Maps (module, last feature map [B,h,w,C], targets [B,...]) to the explained score of each image [B]."""


class Saliency(NamedTuple):
    """Saliency maps of N images and the scores that they explain.

    Attributes:
        maps: float32 [N, h, w], not negative, in the unit of the score.
        scores: float32 [N], logits.
    """

    maps: NDArray[np.float32]
    scores: NDArray[np.float32]


Explain = Callable[[Variables, Array, Array], tuple[Array, Array]]
"""Maps (variables, images uint8 [B,H,W], targets [B,...]) to maps [B,h,w] and scores [B], jitted."""


def class_score(module: Any, features: Array, targets: Array) -> Array:
    """Return a classifying model's logit of each image's target class, int [B].

    A model with one logit z has the logits [-z, z]: evidence for one class is evidence against the other.
    """
    logits = module.head(features)
    both = jnp.concatenate([-logits, logits], -1) if logits.shape[-1] == 1 else logits
    return jnp.take_along_axis(both, targets[:, None], -1)[:, 0]


def template_score(templates: Templates) -> Score:
    """Make the score of a siamese model: the logit of "same" for each image and its target class, int [B].

    It is the mean over the nearest templates of the class, as in `templates.similarity_logits`.
    """

    def score(module: Any, features: Array, targets: Array) -> Array:
        vectors = module.backbone.embedding(features)
        same = -module.difference(vectors[:, None], templates.vectors[None])
        of_class = jnp.where(templates.owners == targets[:, None], same, -jnp.inf)
        return jnp.mean(jax.lax.top_k(of_class, templates.nearest)[0], -1)

    return score


def pair_score(module: Any, features: Array, targets: Array) -> Array:
    """Return a siamese model's logit of "same" for each image and the vector of another one [B,E]."""
    same: Array = -module.difference(module.backbone.embedding(features), targets)
    return same


def layer_names(network: Network, variables: Variables) -> tuple[str, ...]:
    """Return the names of a network's layers, from the image to the last feature map."""
    return tuple(backbone_of(network.bind(variables)).layers())


def choose_layer(run: TrainedRun, name: str | None) -> str:
    """Return the layer of that name; without a name, the last.

    Raises:
        InvalidSetting: the run's model has no such layer.
    """
    names = layer_names(run.network, run.variables)
    if name is not None and name not in names:
        raise InvalidSetting("layer", name, f"{run.config.network.arch} has {', '.join(names)}")
    return name or names[-1]


@lru_cache(maxsize=4)
def explain_function(network: Network, scaling: Scaling, score: Score, layer: str, method: Method) -> Explain:
    """Make the jitted function from variables, images and targets to maps and scores; it compiles once.

    Args:
        network: that is explained.
        scaling: of its input images.
        score: what is explained: `class_score`, `template_score(...)` or `pair_score`.
        layer: whose feature map is weighted; see `layer_names`.
        method: see `cam_methods`.

    Raises:
        InvalidSetting: an unknown method.
    """
    check_choice("method", method, METHODS)

    @jax.jit
    def explain(variables: Variables, images: Array, targets: Array) -> tuple[Array, Array]:
        with matmul_precision(scaling.precision):
            module = network.bind(to_compute_type(variables, scaling.precision))
            x = to_compute_type(normalize(images, scaling.mean, scaling.std), scaling.precision)
            targets = to_compute_type(targets, scaling.precision)
            backbone = backbone_of(module)
            features = backbone.features(x, until=layer)

            def total(features: Array) -> tuple[Array, Array]:
                scores = score(module, backbone.features(features, after=layer), targets)
                # No image's score depends on another image, so the sum's gradient is each score's own.
                return jnp.sum(scores), scores

            gradients, scores = jax.grad(total, has_aux=True)(features)
            maps = METHODS[method](features.astype(jnp.float32), gradients.astype(jnp.float32))
            return maps, scores.astype(jnp.float32)

    return explain


def explain_images(
    function: Explain,
    variables: Variables,
    fetch: FetchBatch,
    rows: NDArray[np.int64],
    targets: NDArray[Any],
    batch: int | None = None,
) -> Saliency:
    """Explain images by dataset row, in batches of one size; the last is padded, and the padding dropped.

    Args:
        function: see `explain_function`.
        variables: of its network.
        fetch: reads a batch of images.
        rows: of the N images.
        targets: [N, ...], as the function's score takes them.
        batch: images at once; None for what suits the device, see `inference_batch`.
    """
    if batch is None:
        batch = inference_batch(len(rows), fetch(rows[:1]).shape[-1], BACKWARD_BYTES)
    places, _ = in_batches(np.arange(len(rows)), min(batch, len(rows)))
    results = [function(variables, fetch(rows[part]), jnp.asarray(targets[part])) for part in places]
    maps, scores = (np.concatenate(part)[: len(rows)] for part in zip(*results, strict=True))
    return Saliency(maps, scores)


def run_explainer(run: TrainedRun, score: Score, layer: str, method: Method) -> Explain:
    """Make the function that explains a run's scores; see `explain_function`."""
    scaling = Scaling(run.config.mean, run.config.std, run.config.network.precision)
    return explain_function(run.network, scaling, score, layer, method)
