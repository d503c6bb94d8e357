"""Maps against a plain implementation: the gradient through the whole model, by NumPy's own formulas."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import Array
from numpy.typing import NDArray

from cxr_cli.errors import InvalidSetting
from cxr_cli.explain.cam import (
    Score,
    choose_layer,
    class_score,
    explain_function,
    explain_images,
    layer_names,
    pair_score,
    run_explainer,
    template_score,
)
from cxr_cli.explain.cam_methods import METHODS
from cxr_cli.models.backbone import Backbone
from cxr_cli.models.covidnet import CovidNet, CovidNetConfig
from cxr_cli.models.densenet import DenseNet, DenseNetConfig
from cxr_cli.models.efficientnet import EfficientNet, EfficientNetConfig
from cxr_cli.models.inception import InceptionConfig, InceptionV3
from cxr_cli.models.mid_efficientnet import MidEfficientNet
from cxr_cli.models.network import Network, Variables
from cxr_cli.models.resnet import ResNet, ResNetConfig
from cxr_cli.models.siamese import Siamese
from cxr_cli.prediction.forward import Scaling
from cxr_cli.prediction.loading import normalize
from cxr_cli.prediction.scores import class_scores
from cxr_cli.prediction.templates import make_templates, similarity_logits
from cxr_cli.runs.model_store import TrainedRun

SCALING = Scaling(0.4, 0.2, "float32")
QUICK = {"xla_backend_optimization_level": 0}
EFFICIENT = EfficientNetConfig(stem=4, channels=(2, 2, 3, 3, 4, 4, 5), depths=(1, 2, 1, 1, 1, 1, 1), top=6)

Build = Callable[..., Backbone]


def covidnet(classes: int | None, **how: Any) -> CovidNet:
    return CovidNet(CovidNetConfig(8, (8, 12), (2, 1), (10, 6)), 32, classes, **how)


# Each family, narrow: how it is built, the side of its images, and a layer before the last.
FAMILIES: dict[str, tuple[Build, int, str]] = {
    "covidnet": (covidnet, 32, "stage1"),
    "resnet": (lambda n, **how: ResNet(ResNetConfig((1, 1, 1, 1), 4, 8, 4), n, **how), 48, "stage2"),
    "densenet": (lambda n, **how: DenseNet(DenseNetConfig(4, 2, (1, 1, 1, 1)), n, **how), 48, "stage3"),
    "inception": (lambda n, **how: InceptionV3(InceptionConfig(16), n, **how), 97, "mixed_7a"),
    "efficientnet": (lambda n, **how: EfficientNet(EFFICIENT, n, **how), 48, "stage4"),
    "middle": (lambda n, **how: MidEfficientNet([EFFICIENT] * 2, n, **how), 48, "stage3"),
}


def built(family: str, classes: int) -> tuple[Network, Variables, NDArray[np.uint8]]:
    """Build a model with batch statistics that are not trivial, and draw three images for it."""
    build, size, _ = FAMILIES[family]
    module = build(classes, lowering="native", rng=np.random.default_rng(0))
    graph, params, stats = nnx.split(module, nnx.Param, ...)
    network = Network(graph, module.STAGES, 0)
    rng = np.random.default_rng(1)
    drawn = jax.tree.map(lambda leaf: leaf * rng.uniform(0.5, 1.5, leaf.shape), nnx.to_pure_dict(stats))
    stats = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), drawn)
    return network, Variables(nnx.to_pure_dict(params), stats), draw(3, size)


def draw(count: int, size: int) -> NDArray[np.uint8]:
    return np.random.default_rng(2).integers(0, 256, (count, size, size), np.uint8)


def plain_gradients(
    network: Network,
    variables: Variables,
    images: Array,
    layers: Sequence[str],
    score: Callable[[Any, Array], Array],
) -> dict[str, tuple[Array, Array]]:
    """Differentiate the whole model by zero perturbations of its layers' maps; return maps and gradients."""

    def perturbed(perturbations: dict[str, Array | float]) -> tuple[Array, dict[str, Array]]:
        module = network.bind(variables)
        backbone = module.backbone if isinstance(module, Siamese) else module
        x, maps = normalize(images, 0.4, 0.2), {}
        for name, blocks in backbone.layers().items():
            for block in blocks:
                x = block(x, None)
            if name in perturbations:
                maps[name] = x = x + perturbations[name]
        return jnp.sum(score(module, x)), maps

    shapes = jax.eval_shape(lambda: perturbed(dict.fromkeys(layers, 0.0))[1])
    zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), shapes)
    gradients, maps = jax.grad(perturbed, has_aux=True)(zeros)
    return {layer: (maps[layer], gradients[layer]) for layer in layers}


def formulas(features: Array, gradients: Array) -> dict[str, NDArray[np.float64]]:
    a, g = np.asarray(features, np.float64), np.asarray(gradients, np.float64)
    positive, total = np.maximum(g, 0), np.maximum(a, 0).sum((1, 2), keepdims=True)
    weighted = {
        "gradcam": a * g.mean((1, 2), keepdims=True),
        "gradcam++": a * (positive / (2 + total * positive)).sum((1, 2), keepdims=True),
        "hirescam": a * g,
        "layercam": a * positive,
    }
    return {method: np.maximum(value.sum(-1), 0) for method, value in weighted.items()}


def assert_maps_are_plain(
    network: Network,
    variables: Variables,
    images: NDArray[np.uint8],
    targets: NDArray[Any],
    layers: Sequence[str],
    ours: Score,
    plain: Callable[[Any, Array], Array],
) -> None:
    """Compare the four methods at each layer with the formulas on the whole model's gradients.

    Both are compiled as one program, for compiling takes most of the time.
    """

    def both(variables: Variables, images: Array, targets: Array) -> tuple[Any, Any]:
        found = {
            (layer, method): explain_function(network, SCALING, ours, layer, method)(
                variables, images, targets
            )[0]
            for layer in layers
            for method in METHODS
        }
        return found, plain_gradients(network, variables, images, layers, plain)

    found, whole = jax.jit(both, compiler_options=QUICK)(variables, images, targets)
    for layer, (features, gradients) in whole.items():
        for method, maps in formulas(features, gradients).items():
            assert found[layer, method].dtype == np.float32
            assert maps.max() > 0, (layer, method)
            np.testing.assert_allclose(
                found[layer, method], maps, rtol=0, atol=2e-6 * maps.max(), err_msg=f"{layer} {method}"
            )


@pytest.mark.parametrize("family", FAMILIES)
def test_maps_are_those_of_the_gradient_through_the_whole_network(family: str) -> None:
    network, variables, images = built(family, 3)
    layers = (FAMILIES[family][2], layer_names(network, variables)[-1])
    targets = np.array([0, 1, 2])

    def score(module: Any, features: Array) -> Array:
        return module.head(features)[np.arange(3), targets]

    assert_maps_are_plain(network, variables, images, targets, layers, class_score, score)


def test_evidence_for_the_first_class_is_evidence_against_the_one_logit() -> None:
    network, variables, images = built("covidnet", 1)

    def score(module: Any, features: Array) -> Array:
        return module.head(features)[:, 0] * np.array([-1, -1, 1])

    targets = np.array([0, 0, 1])
    assert_maps_are_plain(network, variables, images, targets, ["stage2"], class_score, score)


def test_similarity_to_a_template_is_explained(siamese: TrainedRun, images: NDArray[np.uint8]) -> None:
    vectors = np.random.default_rng(3).uniform(0, 0.5, (12, 6)).astype(np.float32)
    templates = make_templates(siamese, vectors, np.arange(12) % 3, "nearest", 3)
    targets = np.array([0, 1, 2])
    three = images[:3]

    def score(module: Any, features: Array) -> Array:
        own = module.backbone.embedding(features)
        same = jnp.stack([-module.difference(own, vector) for vector in templates.vectors], 1)
        of_class = [same[i, templates.owners == target] for i, target in enumerate(targets)]
        return jnp.stack([jnp.mean(jnp.sort(row)[-3:]) for row in of_class])

    ours = template_score(templates)
    assert_maps_are_plain(siamese.network, siamese.variables, three, targets, ["stage1"], ours, score)
    _, scores = run_explainer(siamese, ours, "stage1", "gradcam")(siamese.variables, three, targets)
    embed = jax.jit(lambda x: siamese.network.bind(siamese.variables).embed(normalize(x, 0.4, 0.2)))
    logits = similarity_logits(siamese, np.asarray(embed(three)), templates)
    np.testing.assert_allclose(scores, logits[np.arange(3), targets], rtol=1e-5)


def test_similarity_of_two_images_is_explained(siamese: TrainedRun, images: NDArray[np.uint8]) -> None:
    others = np.random.default_rng(4).uniform(0, 0.5, (3, 6)).astype(np.float32)

    def score(module: Any, features: Array) -> Array:
        return -module.difference(module.backbone.embedding(features), others)

    assert_maps_are_plain(
        siamese.network, siamese.variables, images[:3], others, ["stage1"], pair_score, score
    )


def test_images_go_through_in_batches_and_come_back_in_their_order(
    single: TrainedRun, images: NDArray[np.uint8]
) -> None:
    layer = choose_layer(single, None)
    assert layer == "stage1"
    explain = run_explainer(single, class_score, layer, "hirescam")
    rows = np.random.default_rng(5).permutation(75)[:70]
    targets = rows % 3
    sizes = []

    def fetch(batch: NDArray[np.int64]) -> Array:
        sizes.append(len(batch))
        return jnp.asarray(images[batch])

    found = explain_images(explain, single.variables, fetch, rows, targets)
    # One, to see the images' size.
    assert sizes == [1, 16, 16, 16, 16, 16]
    alone = explain_images(explain, single.variables, fetch, rows[64:], targets[64:])
    assert found.maps.shape == (70, 4, 4)
    np.testing.assert_allclose(alone.maps, found.maps[64:], rtol=1e-4, atol=1e-7)
    values = class_scores(single, images, rows).values[np.arange(70), targets]
    shares = np.exp(found.scores) / values  # of one softmax: the same for each class of an image
    other = explain_images(explain, single.variables, fetch, rows, (targets + 1) % 3)
    beside = class_scores(single, images, rows).values[np.arange(70), (targets + 1) % 3]
    np.testing.assert_allclose(np.exp(other.scores) / beside, shares, rtol=1e-4)


def test_bfloat16_gives_maps_in_float32_near_the_exact_ones(
    single: TrainedRun, images: NDArray[np.uint8]
) -> None:
    def maps(precision: str) -> NDArray[np.float32]:
        scaling = Scaling(0.4, 0.2, precision)
        function = explain_function(single.network, scaling, class_score, "stage1", "gradcam")
        return np.asarray(function(single.variables, images[:8], np.zeros(8, int))[0])

    exact, coarse = maps("float32"), maps("bfloat16")
    assert coarse.dtype == np.float32
    alike = [np.corrcoef(one.ravel(), other.ravel())[0, 1] for one, other in zip(exact, coarse, strict=True)]
    assert 0.98 < np.median(alike) < 1  # where rounding crosses no ReLU's edge


def test_an_unknown_layer_or_method_is_refused(single: TrainedRun) -> None:
    with pytest.raises(InvalidSetting, match=r"`layer` stage2: covidnet has stem, stage1$"):
        choose_layer(single, "stage2")
    with pytest.raises(InvalidSetting, match=r"`method` eigen: known are gradcam"):
        run_explainer(single, class_score, "stage1", "eigen")
