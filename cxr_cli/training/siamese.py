"""The siamese model: pairs of images, binary cross entropy of "different", judged by three-way validation."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from cxr_cli.evaluation.metrics.answers import Answers as Answered
from cxr_cli.evaluation.threeway import Trials, draw_trials
from cxr_cli.models.network import Network, Variables
from cxr_cli.prediction.batches import in_batches
from cxr_cli.prediction.forward import Scaling, forward_function, read_vectors, run_over
from cxr_cli.prediction.similarity import differences_function
from cxr_cli.runs.settings import SiameseConfig
from cxr_cli.training.losses import binary_cross_entropy
from cxr_cli.training.pairs import draw_class_even_batches, draw_pairs
from cxr_cli.training.sampling import epoch_generator
from cxr_cli.training.step import Answers
from cxr_cli.training.tasks import EpochPlan, TaskImages, Validation

# Keeps the trials' draw apart from that of any epoch.
TRIALS_STREAM = 0


def pair_loss(module: Any, images: Array, targets: Array, mask: Array, keys: Array) -> Answers:  # noqa: ARG001
    """Compare the first half of images [2P,H,W,1] with the second; targets int [P], 1 for different classes.

    Both halves go through the one backbone as one batch. There is no dropout.
    """
    first, second = jnp.split(module.embed(images, jnp.tile(mask, 2)), 2)
    difference = module.difference(first, second)
    return Answers(
        binary_cross_entropy(difference, targets),
        (difference > 0) == (targets == 1),
        mask.astype(jnp.float32),
    )


def in_batch_loss(module: Any, images: Array, targets: Array, mask: Array, keys: Array) -> Answers:  # noqa: ARG001
    """Compare all images [B,H,W,1] of a batch with each other; targets int [B], their classes.

    Pairs of one class weigh as much together as pairs of two.
    """
    vectors = module.embed(images, mask)
    i, j = np.triu_indices(len(images), 1)
    difference = module.difference(vectors[i], vectors[j])
    different = targets[i] != targets[j]
    known = (mask[i] & mask[j]).astype(jnp.float32)
    share = jnp.sum(different * known) / jnp.sum(known)
    weight = known * jnp.where(different, 0.5 / share, 0.5 / (1 - share))
    return Answers(binary_cross_entropy(difference, different), (difference > 0) == different, weight)


def images_in_batch(labels: NDArray[np.int64], batch_size: int) -> int:
    """Return how many images a batch of in-batch pairs has: no more than there are class-even.

    Args:
        labels: int [N], of the training images.
        batch_size: wanted.
    """
    classes, counts = np.unique(labels, return_counts=True)
    return min(batch_size, len(classes) * int(counts.min()))


class Comparison:
    """See `Task`. Source: "Siamesifying the COVID-Net", sections 3.1 and 3.2.1."""

    def __init__(
        self,
        network: Network,
        scaling: Scaling,
        images: TaskImages,
        settings: SiameseConfig,
        batch_size: int,
        seed: int,
    ) -> None:
        """Draw the three-way trials and make the functions.

        Raises:
            BadInput: too few validation images for so many trials.
        """
        self.images, self.settings, self.batch_size, self.seed = images, settings, batch_size, seed
        self.row_loss = pair_loss if settings.pairing == "random" else in_batch_loss
        self.plan = self._plan_random if settings.pairing == "random" else self._plan_in_batch
        self.vectors = forward_function(network, scaling, read_vectors)
        self.differences = differences_function(network)
        # The same trials each epoch, so that epochs differ by their model alone.
        rng = epoch_generator(seed, TRIALS_STREAM)
        val = images.val
        self.trials: Trials = draw_trials(
            images.labels[val], images.patients[val], images.classes, settings.trials, rng
        )

    def _plan_random(self, epoch: int) -> EpochPlan:
        """Draw the paper's pairs: rows [steps, 2 x batch size], firsts before seconds."""
        drawn = draw_pairs(
            self.images.labels[self.images.train], self.settings.pairs, epoch_generator(self.seed, epoch)
        )
        places, mask = in_batches(np.arange(len(drawn.images)), self.batch_size)
        images = self.images.train[drawn.images[places]]
        rows = np.concatenate([images[..., 0], images[..., 1]], axis=1)
        return EpochPlan(rows, drawn.different[places], mask)

    def _plan_in_batch(self, epoch: int) -> EpochPlan:
        """Draw class-even batches of images, enough for as many pairs as wanted: rows [steps, batch size]."""
        labels = self.images.labels[self.images.train]
        images = images_in_batch(labels, self.batch_size)
        batches = -(-self.settings.pairs // (images * (images - 1) // 2))
        rows = self.images.train[
            draw_class_even_batches(labels, images, batches, epoch_generator(self.seed, epoch))
        ]
        return EpochPlan(rows, self.images.labels[rows], np.ones(rows.shape, np.bool_))

    def validate(self, variables: Variables, epoch: int) -> Validation:  # noqa: ARG002 - the same trials each epoch
        """Run the trials: cross entropy, same and different weighing alike, and metrics of the choices."""
        vectors = run_over(self.vectors, variables, self.images.fetch, self.images.val)
        anchors, references = self.trials
        differences = self.differences(variables, vectors[anchors, None], vectors[references])
        rows = self.images.val[anchors]
        labels = self.images.labels[rows]
        different = labels[:, None] != np.arange(differences.shape[1])
        losses = np.asarray(binary_cross_entropy(jnp.asarray(differences), jnp.asarray(different)))
        loss = (losses[different].mean() + losses[~different].mean()) / 2
        answers = Answered(
            self.images.classes, labels, differences.argmin(1), patients=self.images.patients[rows]
        )
        return Validation.of(float(jax.device_get(loss)), answers)
