"""The single net: balanced epochs of films, softmax cross entropy, judged by validation accuracy."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from cxr_cli.dataset.sampling import balanced_epoch, epoch_generator, in_batches
from cxr_cli.inference.films import FetchBatch
from cxr_cli.inference.forward import Scaling, forward_function, read_logits, run_over
from cxr_cli.models.registry import Network, Variables
from cxr_cli.training.losses import softmax_cross_entropy
from cxr_cli.training.step import Answers
from cxr_cli.training.tasks import EpochPlan, Validation


def classification_loss(module: Any, films: Array, targets: Array, mask: Array, key: Array) -> Answers:
    """Classify films [B,H,W,1] with dropout; targets int [B], mask bool [B]."""
    logits = module.head(module.features(films), key)
    correct = jnp.argmax(logits, -1) == targets
    return Answers(softmax_cross_entropy(logits, targets), correct, mask.astype(jnp.float32))


class Classification:
    """See `Task`. Source: "Siamesifying the COVID-Net", section 3.1: a balanced draw of films each epoch."""

    row_loss = staticmethod(classification_loss)

    def __init__(
        self,
        network: Network,
        scaling: Scaling,
        fetch: FetchBatch,
        labels: NDArray[np.int64],
        train: NDArray[np.int64],
        val: NDArray[np.int64],
        batch_size: int,
        seed: int,
    ) -> None:
        """Take the dataset's labels [N] and the rows of the training and validation films."""
        self.labels, self.train, self.val = labels, train, val
        self.batch_size, self.seed = batch_size, seed
        self.fetch = fetch
        self.logits = forward_function(network, scaling, read_logits)

    def plan(self, epoch: int) -> EpochPlan:
        """Draw every training film of the rarest class and as many of each other class."""
        rows = self.train[balanced_epoch(self.labels[self.train], epoch_generator(self.seed, epoch))]
        batches, mask = in_batches(rows, self.batch_size)
        return EpochPlan(batches, self.labels[batches], mask)

    def validate(self, variables: Variables, epoch: int) -> Validation:  # noqa: ARG002 - the same films each epoch
        """Classify every validation film: mean cross entropy and accuracy."""
        logits = run_over(self.logits, variables, self.fetch, self.val)
        labels = self.labels[self.val]
        loss = softmax_cross_entropy(jnp.asarray(logits), jnp.asarray(labels)).mean()
        return Validation(float(jax.device_get(loss)), float((logits.argmax(-1) == labels).mean()))
