"""Images through a model in batches: as many results as images, each that of its own image."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array
from numpy.typing import NDArray
from scipy.special import softmax

from cxr_cli.models.network import Variables
from cxr_cli.prediction.batches import inference_batch
from cxr_cli.prediction.forward import (
    Forward,
    Scaling,
    class_logits,
    compile_ahead,
    forward_function,
    read_flip_averaged_logits,
    read_logits,
    read_map,
    read_vectors,
    run_over,
)
from cxr_cli.prediction.loading import image_source, normalize
from cxr_cli.runs.model_store import TrainedRun

SCALING = Scaling(0.4, 0.2, "float32")
NONE = Variables({}, {})
ANSWERS = {"single": read_logits, "siamese": read_vectors}


@pytest.fixture(scope="module")
def logits(single: TrainedRun) -> Forward:
    return forward_function(single.network, SCALING, read_logits)


@pytest.mark.parametrize("count", [1, 31, 32, 33, 64, 75])
def test_every_image_goes_through_once_in_batches_of_one_size(count: int) -> None:
    batches = []

    def first_pixel(variables: Variables, batch: Array) -> Array:
        batches.append(len(batch))
        return batch[:, 0, 0].astype(jnp.float32)

    images = np.arange(75, dtype=np.uint8)[:, None, None]
    rows = np.random.default_rng(0).permutation(75)[:count]
    found = run_over(first_pixel, NONE, image_source(images), rows)
    np.testing.assert_array_equal(found, rows)
    assert set(batches) == {inference_batch(count, 1)}
    assert count <= sum(batches) <= {1: 1, 31: 32, 32: 32, 33: 36, 64: 64, 75: 80}[count]


def test_batched_images_give_what_they_give_one_by_one(
    single: TrainedRun, logits: Forward, images: NDArray[np.uint8]
) -> None:
    rows = np.random.default_rng(0).permutation(75)[:45]
    together = run_over(logits, single.variables, image_source(images), rows)
    alone = [run_over(logits, single.variables, image_source(images), rows[i : i + 1]) for i in range(45)]
    assert (together.shape, together.dtype) == ((45, 3), np.float32)
    assert len(np.unique(together, axis=0)) == 45
    np.testing.assert_allclose(together, np.concatenate(alone), rtol=1e-4, atol=1e-5)


def test_images_are_normalized_and_read_by_the_network_itself(
    single: TrainedRun, siamese: TrainedRun, logits: Forward, images: NDArray[np.uint8]
) -> None:
    batch = jnp.asarray(images[:32])
    x = normalize(batch, 0.4, 0.2)
    expected = single.network.bind(single.variables)(x)
    np.testing.assert_allclose(logits(single.variables, batch), expected, rtol=1e-4, atol=1e-5)
    vectors = forward_function(siamese.network, SCALING, read_vectors)(siamese.variables, batch)
    assert vectors.shape == (32, 6)
    expected = siamese.network.bind(siamese.variables).embed(x)
    np.testing.assert_allclose(vectors, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["single", "siamese"])
def test_what_is_read_beside_the_answers_costs_no_second_pass(
    name: str, request: pytest.FixtureRequest, images: NDArray[np.uint8]
) -> None:
    run: TrainedRun = request.getfixturevalue(name)
    alone, map_alone = (forward_function(run.network, SCALING, one) for one in (ANSWERS[name], read_map))
    both = forward_function(run.network, SCALING, ANSWERS[name], read_map)
    answers, vectors = both(run.variables, images[:5])
    np.testing.assert_allclose(answers, alone(run.variables, images[:5]), rtol=1e-6)
    np.testing.assert_allclose(vectors, map_alone(run.variables, images[:5]), rtol=1e-6)
    products = [
        forward.lower(run.variables, images[:5]).as_text().count("dot_general") for forward in (alone, both)
    ]
    assert products[0] == products[1] > 0


def test_a_program_compiled_ahead_is_the_one_that_runs(single: TrainedRun, images: NDArray[np.uint8]) -> None:
    traced = []

    def read(module: Any, images: Array, features: Array) -> Array:
        traced.append(images.shape)
        return read_logits(module, images, features)

    forward = forward_function(single.network, SCALING, read)
    shapes = jax.eval_shape(lambda: single.variables)
    compile_ahead(forward, shapes, 4, 16)
    assert traced == [(4, 16, 16, 1)]
    run_over(forward, single.variables, image_source(images), np.arange(75)[:4])
    assert traced == [(4, 16, 16, 1)]
    assert forward_function(single.network, SCALING, read) is forward


def test_one_logit_stands_for_two_classes() -> None:
    logits = jnp.array([[1.5], [-0.2]])
    np.testing.assert_array_equal(class_logits(logits), [[0, 1.5], [0, np.float32(-0.2)]])
    three = jnp.ones((2, 3))
    assert class_logits(three) is three


def test_flip_averaged_scores_are_the_mean_over_image_and_flipped_image(
    single: TrainedRun, logits: Forward, images: NDArray[np.uint8]
) -> None:
    averaged = forward_function(single.network, SCALING, read_flip_averaged_logits)
    batch, flipped = jnp.asarray(images[:6]), jnp.asarray(images[:6, :, ::-1])
    parts = [softmax(logits(single.variables, part), 1) for part in (batch, flipped)]
    expected = (parts[0] + parts[1]) / 2
    np.testing.assert_allclose(np.exp(averaged(single.variables, batch)), expected, rtol=1e-4)
    np.testing.assert_allclose(
        averaged(single.variables, batch), averaged(single.variables, flipped), rtol=1e-4
    )
