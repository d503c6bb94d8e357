"""Optimizers of the recipes: the rule, the learning rate over the steps, and its share for each stage."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from cxr_cli.models.network import Network
from cxr_cli.models.stages import stage_numbers
from cxr_cli.runs.settings import OptimizationConfig

STEP_FACTOR = 0.1
MOMENTUM = 0.9


def make_optimizer(config: OptimizationConfig, network: Network, steps: int) -> optax.GradientTransformation:
    """Make the optimizer.

    Args:
        config: its optimizer, lr, schedule, weight_decay and layer_decay.
        network: its stages; the frozen ones are left as they are.
        steps: in an epoch.
    """
    rule = _rule(config, _learning_rate(config, steps))
    return optax.chain(rule, _by_stage(network, config.layer_decay))


def _learning_rate(config: OptimizationConfig, steps: int) -> optax.Schedule:
    """Map the number of a step, from 0 on, to its learning rate."""
    if config.schedule == "step":
        rate = optax.exponential_decay(config.lr, config.step_epochs * steps, STEP_FACTOR, staircase=True)
    elif config.schedule == "cosine":
        rate = optax.cosine_decay_schedule(config.lr, max(1, config.epochs) * steps)
    else:
        rate = optax.constant_schedule(config.lr)
    rising = round(config.warmup * config.epochs * steps)
    if rising == 0:
        return rate
    # Not optax.join_schedules, which would begin the schedule only after the warm-up.
    return lambda step: rate(step) * jnp.minimum(1.0, (step + 1) / rising)


def _rule(config: OptimizationConfig, rate: optax.Schedule) -> optax.GradientTransformation:
    """Adam (Kingma & Ba 2014) has epsilon 1e-7, Keras' default, which the first paper used."""
    adam = {"b1": 0.9, "b2": 0.999, "eps": 1e-7}
    if config.optimizer == "adamw":
        return optax.adamw(rate, **adam, weight_decay=config.weight_decay, mask=_kernels)
    rule = optax.adam(rate, **adam) if config.optimizer == "adam" else optax.sgd(rate, momentum=MOMENTUM)
    if config.weight_decay == 0.0:
        return rule
    return optax.chain(optax.add_decayed_weights(config.weight_decay, mask=_kernels), rule)


def _kernels(params: Any) -> Any:
    """Tell kernels from biases and norms, which do not decay."""
    return jax.tree.map(lambda leaf: jnp.ndim(leaf) > 1, params)


def _by_stage(network: Network, decay: float) -> optax.GradientTransformation:
    """Multiply updates by decay ** (stages behind), and those of frozen stages by 0."""
    last = len(network.stages) - 1
    shares = {stage: 0.0 if stage < network.frozen else decay ** (last - stage) for stage in range(last + 1)}
    if set(shares.values()) == {1.0}:
        return optax.identity()
    scales = {stage: optax.scale(share) for stage, share in shares.items()}
    return optax.multi_transform(scales, lambda params: stage_numbers(params, network.stages))
