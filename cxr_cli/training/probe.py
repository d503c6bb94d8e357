"""Begin with the classifier that suits the features: logistic regression on the training images' vectors.

Fine-tuning from it keeps the features better than from a random classifier, whose first gradients are noise
("Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution", Kumar et al. 2022).
"""

from typing import Any, NamedTuple

import numpy as np
from jax import Array
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.preprocessing import StandardScaler

from cxr_cli.models.network import Network, Variables
from cxr_cli.prediction.forward import Scaling, forward_function, run_over
from cxr_cli.reporting import SILENT, Reporter, part_of
from cxr_cli.training.tasks import TaskImages

# Inverse strengths of the penalty; the best by cross-validation over the training images' patients is taken.
INVERSE_PENALTIES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
FOLDS = 5
# The penalty where a class has fewer patients than there are folds.
FEW_PATIENTS = 1e-2


def probed(
    network: Network,
    variables: Variables,
    scaling: Scaling,
    images: TaskImages,
    *,
    flipped: bool,
    reporter: Reporter = SILENT,
) -> Variables:
    """Replace a network's classifier by logistic regression on its vectors of the training images.

    Args:
        network: with a `classifier`.
        variables: of the network, with weights worth keeping.
        scaling: of the images.
        images: their training images alone are looked at.
        flipped: use their horizontal flips too.
        reporter: receives how many images have their vectors.
    """
    reads = [_read_embedding, _read_flipped_embedding] if flipped else [_read_embedding]
    labels, patients = (np.tile(of[images.train], len(reads)) for of in (images.labels, images.patients))
    with reporter.progress("linear probe") as advance:
        vectors = [
            run_over(
                forward_function(network, scaling, read),
                variables,
                images.fetch,
                images.train,
                advance=part_of(advance, number * len(images.train), len(labels)),
            )
            for number, read in enumerate(reads)
        ]
        advance(len(labels), len(labels), "fitting")
        found = fit_classifier(np.concatenate(vectors), labels, patients)
    if "standardize" in variables.stats:
        standardize = {"mean": found.mean, "std": found.std}
        variables = variables._replace(stats={**variables.stats, "standardize": standardize})
    else:
        found = on_plain_vectors(found)
    kernel, bias = found.kernel, found.bias
    if kernel.shape[1] == 1 and variables.params["classifier"]["bias"].shape == (2,):
        # Two classes by two logits: the first one's stays at 0.
        kernel, bias = np.pad(kernel, ((0, 0), (1, 0))), np.pad(bias, (1, 0))
    return variables._replace(params={**variables.params, "classifier": {"kernel": kernel, "bias": bias}})


def _read_embedding(module: Any, images: Array, features: Array) -> Array:  # noqa: ARG001 - a `Read`
    vectors: Array = module.embedding(features)
    return vectors


def _read_flipped_embedding(module: Any, images: Array, features: Array) -> Array:  # noqa: ARG001 - a `Read`
    return _read_embedding(module, images, module.features(images[:, :, ::-1]))


class Fitted(NamedTuple):
    """Logistic regression on standardized vectors.

    Attributes:
        mean, std: float32 [E], of the training images' vectors.
        kernel: float32 [E, C]; for two classes [E, 1], of the second one's logit.
        bias: float32 [C], or [1].
    """

    mean: NDArray[np.float32]
    std: NDArray[np.float32]
    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]


def fit_classifier(
    vectors: NDArray[np.float32], labels: NDArray[np.int64], patients: NDArray[np.int64]
) -> Fitted:
    """Fit a logistic regression on standardized vectors.

    Args:
        vectors: float32 [N, E].
        labels: int [N], 0 ... C-1, each there.
        patients: int [N]; no patient is on both sides of a fold.
    """
    scale = StandardScaler().fit(vectors)
    coordinates, basis = _in_fewest_directions(scale.transform(vectors))
    regression = LogisticRegression(C=FEW_PATIENTS, max_iter=1000)
    fewest = min(len(np.unique(patients[labels == label])) for label in np.unique(labels))
    if fewest < FOLDS:
        best = regression.fit(coordinates, labels)
    else:
        search = GridSearchCV(
            regression,
            {"C": INVERSE_PENALTIES},
            scoring="neg_log_loss",
            cv=StratifiedGroupKFold(FOLDS),
        )
        best = search.fit(coordinates, labels, groups=patients).best_estimator_
    parts = (scale.mean_, scale.scale_, basis @ best.coef_.T, best.intercept_)
    return Fitted(*(part.astype(np.float32) for part in parts))


def _in_fewest_directions(
    vectors: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Write N vectors [N, E] in an orthonormal basis [E, D] of their own span: coordinates [N, D], and it.

    D is at most N. Penalized regression sees only lengths and angles, which stay, and takes a quarter of the
    time where vectors are four times as long as there are images.
    """
    basis, coordinates = np.linalg.qr(vectors.T)
    return coordinates.T, basis


def on_plain_vectors(fitted: Fitted) -> Fitted:
    """Return the same function as a dense layer on vectors that are not standardized."""
    kernel = fitted.kernel / fitted.std[:, None]
    bias = fitted.bias - fitted.mean @ kernel
    return Fitted(np.zeros_like(fitted.mean), np.ones_like(fitted.std), kernel, bias)
