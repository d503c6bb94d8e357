"""Begin with the classifier that suits the features: logistic regression on the training films' vectors.

Fine-tuning from it keeps the features better than from a random classifier, whose first gradients are noise
("Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution", Kumar et al. 2022).
"""

from typing import Any

import numpy as np
from jax import Array
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from cxr_cli.inference.forward import Scaling, forward_function, run_over
from cxr_cli.models.registry import Network, Variables
from cxr_cli.training.tasks import TaskFilms

# Inverse strengths of the penalty; the best by cross-validation over the training films' patients is taken.
INVERSE_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)
FOLDS = 5


def probed(network: Network, variables: Variables, scaling: Scaling, films: TaskFilms) -> Variables:
    """Replace a network's classifier by logistic regression on its vectors of the training films.

    Args:
        network: with a `classifier`.
        variables: of the network, with weights worth keeping.
        scaling: of the films.
        films: their training films alone are looked at.
    """
    vectors = run_over(
        forward_function(network, scaling, _read_embedding), variables, films.fetch, films.train
    )
    kernel, bias = fit_classifier(vectors, films.labels[films.train], films.patients[films.train])
    before = variables.params["classifier"]["bias"].shape[0]
    if kernel.shape[1] == 1 and before == 2:
        # Two classes by two logits: the first one's stays at 0.
        kernel, bias = np.pad(kernel, ((0, 0), (1, 0))), np.pad(bias, (1, 0))
    return variables._replace(params={**variables.params, "classifier": {"kernel": kernel, "bias": bias}})


def _read_embedding(module: Any, films: Array) -> Array:
    vectors: Array = module.embedding(module.features(films))
    return vectors


def fit_classifier(
    vectors: NDArray[np.float32], labels: NDArray[np.int64], patients: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fit a logistic regression on standardised vectors, and write it as a dense layer on plain ones.

    Args:
        vectors: float32 [N, E].
        labels: int [N], 0 ... C-1, each there.
        patients: int [N]; no patient is on both sides of a fold.

    Returns:
        Kernel float32 [E, C] and bias [C]; for two classes [E, 1] and [1], of the second one's logit.
    """
    steps = [("scale", StandardScaler()), ("regress", LogisticRegression(max_iter=1000))]
    search = GridSearchCV(
        Pipeline(steps),
        {"regress__C": INVERSE_PENALTIES},
        scoring="neg_log_loss",
        cv=GroupKFold(min(FOLDS, len(np.unique(patients)))),
    )
    best = search.fit(vectors, labels, groups=patients).best_estimator_
    scale, regression = best["scale"], best["regress"]
    kernel = (regression.coef_ / scale.scale_).T
    bias = regression.intercept_ - scale.mean_ @ kernel
    return kernel.astype(np.float32), bias.astype(np.float32)
