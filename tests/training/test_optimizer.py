"""Optimizers: the schedules by hand, the rules against optax's own, and what each stage learns."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from cxr_cli.models.network import Network, Variables
from cxr_cli.runs.settings import OptimizationConfig
from cxr_cli.training.checkpoint import Progress, rolling_checkpoint
from cxr_cli.training.optimizer import make_optimizer
from cxr_cli.training.recipes import named_recipe
from cxr_cli.training.step import TrainState

STAGES = (("stem",), ("body",), ("classifier",))
PARAMS = {name: {"kernel": jnp.ones((2, 2)), "bias": jnp.ones(2)} for name in ("stem", "body", "classifier")}


def recipe(**overrides: Any) -> OptimizationConfig:
    return named_recipe(
        "finetune", {"optimizer": "sgd", "lr": 0.1, "schedule": "constant", **overrides}
    ).optimization


def updates(settings: OptimizationConfig, frozen: int = 0, count: int = 1, steps: int = 1) -> list[Any]:
    """Give the updates of `count` steps under a gradient of one everywhere."""
    optimizer = make_optimizer(settings, Network(None, STAGES, frozen), steps)
    gradients = {name: {"kernel": jnp.ones((2, 2)), "bias": jnp.ones(2)} for name in PARAMS}
    state, made = optimizer.init(PARAMS), []
    for _ in range(count):
        update, state = optimizer.update(gradients, state, PARAMS)
        made.append(update)
    return made


def test_a_step_takes_the_rate_to_a_tenth_after_its_epochs() -> None:
    # Momentum: the n-th gradient of one moves by rate x (1 + 0.9 + ... + 0.9^n).
    made = updates(recipe(schedule="step", step_epochs=2), count=9, steps=2)
    rates = [0.1] * 4 + [0.01] * 4 + [0.001]
    expected = [-rate * (1 - 0.9 ** (n + 1)) / 0.1 for n, rate in enumerate(rates)]
    np.testing.assert_allclose([update["stem"]["bias"][0] for update in made], expected, rtol=1e-5)


def test_a_cosine_goes_from_the_rate_to_zero() -> None:
    made = updates(recipe(schedule="cosine", epochs=4), count=9, steps=2)
    moves = [float(update["stem"]["bias"][0]) for update in made]
    assert moves[0] == pytest.approx(-0.1)
    # Half way the rate is halved.
    assert moves[4] == pytest.approx(-0.05 * (1 - 0.9**5) / 0.1, rel=1e-5)
    assert moves[8] == 0


def test_a_warm_up_rises_by_even_steps() -> None:
    # A quarter of 2 x 8 steps; the cosine is that of all steps.
    settings = recipe(schedule="cosine", epochs=2, warmup=0.25, optimizer="adamw", lr=1.0)
    moves = [-float(update["stem"]["bias"][0]) for update in updates(settings, count=6, steps=8)]
    cosine = [0.5 * (1 + np.cos(np.pi * step / 16)) for step in range(6)]
    # Adam moves by the rate where the gradient is always the same.
    np.testing.assert_allclose(moves, np.array([0.25, 0.5, 0.75, 1, 1, 1]) * cosine, rtol=1e-4)


def test_each_stage_learns_at_its_share_of_the_rate() -> None:
    (update,) = updates(recipe(layer_decay=0.5))
    moved = [float(update[name]["bias"][0]) for name in PARAMS]
    np.testing.assert_allclose(moved, [-0.025, -0.05, -0.1], rtol=1e-6)


def test_frozen_stages_do_not_move_not_even_by_decay() -> None:
    (update,) = updates(recipe(weight_decay=0.5), frozen=2)
    for name in ("stem", "body"):
        assert float(jnp.abs(update[name]["kernel"]).max()) == 0
    assert float(update["classifier"]["kernel"][0, 0]) == pytest.approx(-0.15)


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        ("sgd", optax.sgd(0.1, momentum=0.9)),
        ("adam", optax.adam(0.1, eps=1e-7)),
        ("adamw", optax.adamw(0.1, eps=1e-7, weight_decay=0.0)),
    ],
)
def test_a_rule_is_optaxs(optimizer: str, expected: optax.GradientTransformation) -> None:
    first, second = updates(recipe(optimizer=optimizer), count=2)
    gradient, state = jnp.ones(2), expected.init(jnp.ones(2))
    for found in (first, second):
        move, state = expected.update(gradient, state, jnp.ones(2))
        np.testing.assert_allclose(found["body"]["bias"], move, rtol=1e-6)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_kernels_decay_and_biases_do_not(optimizer: str) -> None:
    (plain,) = updates(recipe(optimizer=optimizer))
    (decayed,) = updates(recipe(optimizer=optimizer, weight_decay=0.5))
    assert float(decayed["body"]["kernel"][0, 0] - plain["body"]["kernel"][0, 0]) == pytest.approx(-0.05)
    np.testing.assert_array_equal(decayed["body"]["bias"], plain["body"]["bias"])


def test_the_state_of_staged_rates_comes_back_from_a_checkpoint(tmp_path: Path) -> None:
    settings = recipe(optimizer="adamw", layer_decay=0.5)
    optimizer = make_optimizer(settings, Network(None, STAGES, 1), 1)
    _, moved = optimizer.update(PARAMS, optimizer.init(PARAMS), PARAMS)
    state, empty = (
        TrainState(Variables(PARAMS, {}), of, (), jnp.zeros((), jnp.int32), jnp.zeros(3))
        for of in (moved, optimizer.init(PARAMS))
    )
    with rolling_checkpoint(tmp_path, "0" * 64) as checkpoint:
        checkpoint.save(1, state, Progress(1, 0))
        restored = checkpoint.restore(empty)
    assert restored is not None
    assert jax.tree.structure(restored[0]) == jax.tree.structure(state)
    jax.tree.map(np.testing.assert_array_equal, restored[0], state)
