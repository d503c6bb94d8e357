"""Images through a model in batches: as many results as images, each that of its own image."""

import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array
from numpy.typing import NDArray
from scipy.special import softmax

from cxr_cli.models.network import Variables
from cxr_cli.prediction.forward import (
    INFERENCE_BATCH,
    Forward,
    Scaling,
    class_logits,
    forward_function,
    read_flip_averaged_logits,
    read_logits,
    read_vectors,
    run_over,
)
from cxr_cli.prediction.loading import image_source, normalize
from cxr_cli.runs.model_store import TrainedRun

SCALING = Scaling(0.4, 0.2, "float32")
NONE = Variables({}, {})


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
    assert len(set(batches)) == 1
    assert count <= sum(batches) < count + INFERENCE_BATCH


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
