"""Our models with drawn weights, and what they give in torch's names and layout."""

from collections.abc import Callable, Mapping
from functools import reduce
from operator import getitem
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from numpy.typing import NDArray
from parity.members import Member
from parity.reference import Reference
from parity.states import CLASSES, draw_images, draw_labels, draw_state

from cxr_cli.models.architecture import NetworkSpec
from cxr_cli.models.network import Network, Variables, outline
from cxr_cli.models.weights.cards import Card
from cxr_cli.models.weights.gray import fold_gray
from cxr_cli.models.weights.rules import load_strict

BUILD_SIZE = 299
"""Pixels that every architecture can be built for; the arrays do not depend on them."""
QUICK = {"xla_backend_optimization_level": 0}
"""Halves the time that XLA takes to compile; for large models, what it compiles takes ten times as long."""


def load(member: Member, reference: Reference) -> tuple[Network, Variables]:
    """Load drawn weights by the rule table: every leaf from one tensor, every tensor used, or it raises."""
    network, shapes = _outline(member)
    state = draw_state(reference.shapes, member.temper)
    return network, load_strict(state, member.naming, shapes, member.card, "drawn", keep_head=True)


def widened(variables: Variables, member: Member, reference: Reference) -> Variables:
    """Return the loaded arrays in float64, with the stem folded anew, since that was rounded to float32."""
    wide: Variables = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), variables)
    for name, shape in reference.parameters.items():
        place = member.naming.place(name)
        assert place is not None, name
        rule, target = place
        if rule.convert == "stem":
            stem = reduce(getitem, target.split("."), wide.params)
            kernel = draw_state({name: shape}, member.temper)[name].astype(np.float64)
            stem["kernel"], stem["offset"] = fold_gray(kernel.transpose(2, 3, 1, 0), member.card)
    return wide


def _outline(member: Member) -> tuple[Network, Variables]:
    if member.build is None:
        return outline(NetworkSpec(member.arch, 1.0, BUILD_SIZE, CLASSES, siamese=False))
    module = nnx.eval_shape(member.build)
    params, stats = nnx.state(module, nnx.Param), nnx.state(module, nnx.Not(nnx.Param))
    network = Network(nnx.graphdef(module), module.STAGES, frozen=0)
    return network, Variables(nnx.to_pure_dict(params), nnx.to_pure_dict(stats))


def logits(network: Network, variables: Variables, card: Card, size: int, quick: bool) -> NDArray:
    """Compute the logits [2,classes] of drawn images in inference, in the type of the variables."""

    def forward(variables: Variables, images: jax.Array) -> jax.Array:
        module = network.bind(variables)
        return module.head(module.features(images))

    return np.asarray(_computed(forward, variables, card, size, quick))


def training_step(
    network: Network, variables: Variables, member: Member, size: int, quick: bool
) -> tuple[float, dict[str, NDArray], dict[str, NDArray]]:
    """Compute loss, gradients and updated statistics, by torch's names, of drawn images without dropout."""
    mask = np.ones(len(draw_labels()), bool)

    def step(variables: Variables, images: jax.Array) -> tuple[jax.Array, Any, Any]:
        def loss(params: dict[str, Any]) -> tuple[jax.Array, Any]:
            module = network.bind(Variables(params, variables.stats))
            outputs = module.training_logits(images, mask, None)
            entropies = (
                optax.softmax_cross_entropy_with_integer_labels(output, draw_labels()) for output in outputs
            )
            weighted = zip(member.loss_weights, entropies, strict=True)
            total = sum(weight * jnp.mean(entropy) for weight, entropy in weighted)
            return total, nnx.to_pure_dict(nnx.state(module, nnx.Not(nnx.Param)))

        (total, stats), gradients = jax.value_and_grad(loss, has_aux=True)(variables.params)
        return total, gradients, stats

    total, gradients, stats = _computed(step, variables, member.card, size, quick)
    return float(total), _Published(gradients, member), _Published(stats, member)


def _computed(
    function: Callable[[Variables, jax.Array], Any], variables: Variables, card: Card, size: int, quick: bool
) -> Any:
    """Apply a function to the variables and to drawn images, normalized as the card says, in their type."""
    images = (draw_images(size).astype(np.float64) - card.gray_mean) / card.gray_std
    kind = jax.tree.leaves(variables)[0].dtype
    with jax.enable_x64(kind == np.float64):
        compiled = jax.jit(function, compiler_options=QUICK if quick else None)
        return jax.device_get(compiled(variables, images.astype(kind)))


class _Published:
    """Our leaves by torch's names, in torch's layout."""

    def __init__(self, tree: Mapping[Any, Any], member: Member) -> None:
        self.leaves = {
            ".".join(str(key.key) for key in path): np.asarray(leaf)
            for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
        }
        self.naming, self.card = member.naming, member.card

    def __getitem__(self, name: str) -> NDArray:
        """Return the tensor of that name; of the stem, the gradient by each input channel."""
        place = self.naming.place(name)
        assert place is not None, name
        rule, target = place
        match rule.convert:
            case "vector":
                return self.leaves[target]
            case "dense":
                return self.leaves[target].T
            case "kernel":
                return self.leaves[target].transpose(3, 2, 0, 1)
            case "stem":
                return self._stem_gradient(target).transpose(3, 2, 0, 1)

    def _stem_gradient(self, target: str) -> NDArray:
        """Undo the folding: kernel = sum of W_c s / s_c, offset = sum of W_c (m - m_c) / s_c, so
        dL/dW_c = s / s_c dL/dkernel + (m - m_c) / s_c dL/doffset.
        """
        mean, std = np.asarray(self.card.mean), np.asarray(self.card.std)
        by_kernel = self.leaves[f"{target}.kernel"] * (self.card.gray_std / std)[:, None]
        by_offset = self.leaves[f"{target}.offset"] * ((self.card.gray_mean - mean) / std)[:, None]
        return by_kernel + by_offset
