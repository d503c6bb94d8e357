"""Logistic regression for a beginning: scikit-learn's answers by a dense layer."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit, softmax

from cxr_cli.errors import Preempted
from cxr_cli.models.network import Network, Variables
from cxr_cli.prediction.forward import Scaling
from cxr_cli.training.classification import Classification
from cxr_cli.training.probe import fit_classifier, on_plain_vectors, probed
from cxr_cli.training.recipes import named_recipe
from cxr_cli.training.tasks import TaskImages


@pytest.mark.parametrize("classes", [2, 3])
def test_vectors_that_tell_the_classes_apart_are_told_apart(classes: int) -> None:
    labels = np.arange(120) % classes
    # Scales differ a thousandfold, and the telling direction is not the largest.
    vectors = (
        np.random.default_rng(0).normal(0, [1000.0, 1.0, 0.1], (120, 3))
        + labels[:, None] * [0.0, 8.0, 0.0]
        + 7.0
    )
    fitted = fit_classifier(vectors.astype(np.float32), labels, np.arange(120) // 2)
    assert {part.dtype for part in fitted} == {np.dtype(np.float32)}
    logits = (vectors - fitted.mean) / fitted.std @ fitted.kernel + fitted.bias
    plain = on_plain_vectors(fitted)
    np.testing.assert_allclose(vectors @ plain.kernel + plain.bias, logits, atol=1e-3)
    if classes == 2:
        assert logits.shape == (120, 1)
        scores = expit(np.hstack([-logits, logits]))
    else:
        scores = softmax(logits, 1)
    assert (scores.argmax(1) == labels).mean() > 0.9


def test_vectors_that_tell_nothing_get_the_classes_shares() -> None:
    labels = np.repeat([0, 1, 2], [100, 60, 40])
    fitted = fit_classifier(
        np.random.default_rng(0).normal(size=(200, 5)).astype(np.float32), labels, np.arange(200)
    )
    np.testing.assert_allclose(softmax(fitted.bias), [0.5, 0.3, 0.2], atol=0.03)
    assert np.abs(fitted.kernel).max() < 0.1


@pytest.mark.parametrize("flipped", [False, True])
def test_a_network_begins_with_the_classifier_of_its_own_vectors(
    single: tuple[Network, Variables],
    scaling: Scaling,
    task_images: Callable[..., TaskImages],
    flipped: bool,
) -> None:
    network, variables = single
    images = task_images(np.arange(90), np.arange(90, 150))
    task = Classification(network, scaling, images, named_recipe("single", {}), 0)
    begun = probed(network, variables, scaling, images, flipped=flipped)
    before, after = task.validate(variables, 1), task.validate(begun, 1)
    assert after.accuracy > 0.7 > before.accuracy
    assert after.loss < 0.7 * before.loss
    assert begun.params["conv"] is variables.params["conv"]
    shapes: list[NDArray[np.float32]] = [begun.params["classifier"][name] for name in ("kernel", "bias")]
    assert [part.shape for part in shapes] == [(6, 3), (3,)]
    assert all(jnp.asarray(part).dtype == jnp.float32 for part in shapes)


def test_the_probe_ends_where_it_is_asked_to_stop(
    single: tuple[Network, Variables], scaling: Scaling, task_images: Callable[..., TaskImages]
) -> None:
    looks = 0

    def look() -> None:
        nonlocal looks
        looks += 1
        if looks == 2:
            raise Preempted("asked to stop")

    images = task_images(np.arange(90), np.arange(90, 150))
    with pytest.raises(Preempted, match="asked to stop"):
        probed(*single, scaling, images, flipped=False, look=look)
