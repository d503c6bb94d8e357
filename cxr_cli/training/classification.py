"""Images by class: the single model and the fine-tuned ones."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from cxr_cli.errors import InvalidSetting
from cxr_cli.evaluation.metrics.answers import Answers as Answered
from cxr_cli.models.network import Network, Variables
from cxr_cli.name_lists import read_pairs
from cxr_cli.prediction.batches import in_batches
from cxr_cli.prediction.forward import Scaling, class_logits, forward_function, logits_reader, run_over
from cxr_cli.runs.settings import ClassificationConfig, Recipe
from cxr_cli.training.losses import softmax_cross_entropy
from cxr_cli.training.sampling import balanced_epoch, epoch_generator
from cxr_cli.training.step import Answers, RowLoss
from cxr_cli.training.tasks import EpochPlan, TaskImages, Validation

# The weight of an auxiliary head's loss relative to the head's (Szegedy et al. 2015, section 5; torchvision's
# reference training).
AUXILIARY_SHARE = 0.4


def classification_loss(weights: NDArray[np.float32], smoothing: float) -> RowLoss:
    """Make the loss of images by class.

    Args:
        weights: float32 [classes], what an image of each class counts.
        smoothing: see `softmax_cross_entropy`.
    """

    def loss(module: Any, images: Array, targets: Array, mask: Array, keys: Array) -> Answers:
        """Classify images [B,H,W,1] as in training; targets int [B], mask bool [B], keys [B]."""
        heads = [class_logits(logits) for logits in module.training_logits(images, mask, keys)]
        losses = [softmax_cross_entropy(logits, targets, smoothing) for logits in heads]
        correct = jnp.argmax(heads[0], -1) == targets
        weight = mask.astype(jnp.float32) * jnp.asarray(weights)[targets]
        return Answers(losses[0] + AUXILIARY_SHARE * sum(losses[1:]), correct, weight)

    return loss


def class_weights(setting: str, labels: NDArray[np.int64], classes: tuple[str, ...]) -> NDArray[np.float32]:
    """Read how much an image of each class counts.

    Args:
        setting: "none"; "balanced", N / (C n_c), by which all classes count alike; or "CLASS=WEIGHT,...",
            where classes not named count 1.
        labels: int [N], of the training images.
        classes: their names.

    Returns:
        float32 [C].

    Raises:
        InvalidSetting: none of these, an unknown class, or a weight that is not above 0.
    """
    if setting == "none":
        return np.ones(len(classes), np.float32)
    if setting == "balanced":
        counts = np.maximum(np.bincount(labels, minlength=len(classes)), 1)
        return (len(labels) / (len(classes) * counts)).astype(np.float32)
    weights = dict.fromkeys(classes, 1.0)
    example = f"none, balanced, or CLASS=WEIGHT with a class of {', '.join(classes)}"
    for name, value in read_pairs("class_weights", setting, f"{example},").items():
        if name not in weights:
            raise InvalidSetting("class_weights", name, example)
        try:
            weights[name] = float(value)
        except ValueError:
            weights[name] = 0.0
        if not 0 < weights[name] < float("inf"):
            raise InvalidSetting("class_weights", f"{name}={value}", "the weight is a number above 0")
    return np.array(list(weights.values()), np.float32)


class Classification:
    """See `Task`. Sources: the first paper, section 3.1 (balanced epochs), and the second, section 3.1.1."""

    def __init__(
        self, network: Network, scaling: Scaling, images: TaskImages, recipe: Recipe, seed: int
    ) -> None:
        """Take the recipe's loss, label_smoothing, class_weights, sampling and batch_size.

        Raises:
            InvalidSetting: see `class_weights`.
        """
        task = recipe.task
        if not isinstance(task, ClassificationConfig):
            raise TypeError("a siamese recipe compares images")
        self.images = images
        self.balanced = task.sampling == "balanced"
        self.batch_size, self.seed = recipe.optimization.batch_size, seed
        weights = class_weights(task.class_weights, images.labels[images.train], images.classes)
        self.row_loss = classification_loss(weights, task.label_smoothing)
        self.logits = forward_function(network, scaling, logits_reader(recipe))

    def plan(self, epoch: int) -> EpochPlan:
        """Draw all training images in random order, or the rarest class whole and as many of each other."""
        train, rng = self.images.train, epoch_generator(self.seed, epoch)
        drawn = (
            balanced_epoch(self.images.labels[train], rng) if self.balanced else rng.permutation(len(train))
        )
        batches, mask = in_batches(train[drawn], self.batch_size)
        return EpochPlan(batches, self.images.labels[batches], mask)

    def validate(self, variables: Variables, epoch: int) -> Validation:  # noqa: ARG002 - the same images each epoch
        """Classify every validation image: mean cross entropy, and metrics of the predictions."""
        logits = run_over(self.logits, variables, self.images.fetch, self.images.val)
        labels = self.images.labels[self.images.val]
        loss = softmax_cross_entropy(jnp.asarray(logits), jnp.asarray(labels)).mean()
        answers = Answered(
            classes=self.images.classes,
            labels=labels,
            predicted=logits.argmax(-1),
            patients=self.images.patients[self.images.val],
            scores=np.asarray(jax.nn.softmax(logits)),
        )
        return Validation.of(float(jax.device_get(loss)), answers)
