"""The loader is strict: every tensor has its place, every place its tensor, or it raises and says which."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from parity.reference import load_reference

from cxr_cli.errors import BadInput
from cxr_cli.models.densenet import DENSENET
from cxr_cli.models.efficientnet import TIMM
from cxr_cli.models.inception import INCEPTION
from cxr_cli.models.network import Variables
from cxr_cli.models.registry import cards
from cxr_cli.models.resnet import RESNET
from cxr_cli.models.weights.rules import (
    BATCHES_SEEN,
    Naming,
    Rule,
    batch_norm,
    classifier,
    find_first_convolution,
    load_strict,
)

CARD = replace(next(cards()), name="a network's weights", arch="network", mean=(0.5,) * 3, std=(0.25,) * 3)
NAMING = Naming(
    rules=(
        Rule(r"conv1\.weight", "stem.conv", "stem"),
        Rule(r"layer(\d)\.conv\.weight", r"stages.\1.conv.kernel", "kernel"),
        *batch_norm(r"layer(\d)\.bn", r"stages.\1.norm"),
        Rule(r"aux\.weight", "auxiliary.kernel", "kernel"),
        *classifier("fc", "classifier"),
    ),
    ignored=(BATCHES_SEEN,),
    optional=("auxiliary",),
    counts_from=1,
)


def network(auxiliary: bool = True) -> Variables:
    """Variables of a network with a stem, one stage, an auxiliary layer and a head of two classes."""
    norm = {"scale": np.zeros(4), "bias": np.zeros(4)}
    params = {
        "stem": {"conv": {"kernel": np.zeros((3, 3, 1, 2)), "offset": np.zeros((3, 3, 1, 2))}},
        "stages": {0: {"conv": {"kernel": np.zeros((5, 1, 2, 4))}, "norm": norm}},
        "classifier": {"kernel": np.full((4, 2), 7.0), "bias": np.full(2, 8.0)},
    }
    if auxiliary:
        params["auxiliary"] = {"kernel": np.zeros((1, 1, 4, 1))}
    return Variables(params, {"stages": {0: {"norm": {"mean": np.zeros(4), "var": np.zeros(4)}}}})


def tensors() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {
        "conv1.weight": (2, 3, 3, 3),
        "layer1.conv.weight": (4, 2, 5, 1),
        **{f"layer1.bn.{name}": (4,) for name in ("weight", "bias", "running_mean", "running_var")},
        "aux.weight": (1, 4, 1, 1),
        "fc.weight": (1000, 4),
        "fc.bias": (1000,),
    }
    state = {key: rng.normal(size=shape).astype(np.float32) for key, shape in shapes.items()}
    return state | {"layer1.bn.num_batches_tracked": np.array(3)}


def load(state: dict[str, np.ndarray], **options: Any) -> Variables:
    return load_strict(state, NAMING, options.pop("variables", network()), CARD, "network.pth", **options)


def test_every_leaf_is_its_tensor_in_our_layout() -> None:
    state = tensors()
    params, stats = load(state)
    stage = params["stages"][0]
    assert stage["conv"]["kernel"].dtype == np.float32
    for height, width, channel, output in np.ndindex(5, 1, 2, 4):
        expected = state["layer1.conv.weight"][output, channel, height, width]
        assert stage["conv"]["kernel"][height, width, channel, output] == expected
    np.testing.assert_array_equal(stage["norm"]["scale"], state["layer1.bn.weight"])
    np.testing.assert_array_equal(stage["norm"]["bias"], state["layer1.bn.bias"])
    np.testing.assert_array_equal(stats["stages"][0]["norm"]["mean"], state["layer1.bn.running_mean"])
    np.testing.assert_array_equal(stats["stages"][0]["norm"]["var"], state["layer1.bn.running_var"])
    # With one mean and deviation for all channels the colors add up.
    summed = state["conv1.weight"].sum(axis=1, keepdims=True).transpose(2, 3, 1, 0)
    np.testing.assert_allclose(params["stem"]["conv"]["kernel"], summed, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(params["stem"]["conv"]["offset"], 0)


def test_the_head_is_the_caller_s_unless_it_is_asked_for() -> None:
    state = tensors()
    assert (load(state).params["classifier"]["kernel"] == 7).all()
    assert (load(state).params["classifier"]["bias"] == 8).all()
    variables = network()
    variables.params["classifier"] = {"kernel": np.zeros((4, 1000)), "bias": np.zeros(1000)}
    head = load(state, variables=variables, keep_head=True).params["classifier"]
    np.testing.assert_array_equal(head["kernel"], state["fc.weight"].T)
    np.testing.assert_array_equal(head["bias"], state["fc.bias"])


def test_weights_without_a_head_load_where_none_is_asked_for() -> None:
    state = {key: tensor for key, tensor in tensors().items() if not key.startswith("fc.")}
    load(state)
    with pytest.raises(
        BadInput, match=r"^network\.pth: no tensor fc\.weight for classifier\.kernel of network$"
    ):
        load(state, keep_head=True)


def test_a_layer_that_a_network_may_lack_is_left_out_where_it_is_lacking() -> None:
    assert "auxiliary" not in load(tensors(), variables=network(auxiliary=False)).params
    state = tensors()
    del state["aux.weight"]
    with pytest.raises(BadInput, match=r"no tensor aux\.weight for auxiliary\.kernel"):
        load(state)


def test_what_is_given_is_left_as_it_was() -> None:
    variables = network()
    load(tensors(), variables=variables)
    assert not variables.params["stages"][0]["conv"]["kernel"].any()


def nan(shape: tuple[int, ...]) -> np.ndarray:
    array = np.zeros(shape)
    array.flat[-1] = np.nan
    return array


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"extra.weight": np.zeros(3)}, "extra.weight is no tensor of network"),
        ({"layer2.conv.weight": np.zeros((4, 2, 5, 1))}, "layer2.conv.weight would be stages.1.conv.kernel"),
        ({"layer1.bn.bias": None}, "no tensor layer1.bn.bias for stages.0.norm.bias of network"),
        ({"layer1.bn.running_var": None}, "no tensor layer1.bn.running_var for stages.0.norm.var of network"),
        (
            {"layer1.conv.weight": np.zeros((4, 2, 1, 5))},
            "layer1.conv.weight has shape (4, 2, 1, 5), which makes stages.0.conv.kernel (1, 5, 2, 4); "
            "this network needs (5, 1, 2, 4)",
        ),
        ({"layer1.conv.weight": np.zeros((4, 2))}, "stages.0.conv.kernel needs 4 dimensions"),
        ({"conv1.weight": np.zeros((2, 1, 3, 3))}, "conv1.weight has 1 input channels"),
        ({"layer1.bn.weight": nan((4,))}, "layer1.bn.weight holds values that are not finite"),
        ({"layer1.bn.weight": np.full(4, np.inf)}, "layer1.bn.weight holds values that are not finite"),
        ({"layer1.bn.weight": np.full(4, 1e300)}, "layer1.bn.weight holds values that are not finite"),
        ({"layer1.bn.weight": np.zeros(4, int)}, "layer1.bn.weight holds int64"),
    ],
)
def test_the_first_mismatch_is_told(changed: dict[str, np.ndarray | None], message: str) -> None:
    state = {key: tensor for key, tensor in (tensors() | changed).items() if tensor is not None}
    with pytest.raises(BadInput) as refusal:
        load(state)
    assert str(refusal.value).startswith("network.pth: ")
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


PREFIXES = ["", "module.", "model.", "module.densenet121.", "backbone.", "net.encoder.", "_orig_mod.module."]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_prefix_of_all_names_is_found_by_the_first_convolution(prefix: str) -> None:
    state = {f"{prefix}{key}": tensor for key, tensor in tensors().items()}
    # A later layer whose name ends as the first one's.
    state[f"{prefix}layer1.conv1.weight"] = state.pop(f"{prefix}layer1.conv.weight")
    found = find_first_convolution(state, [NAMING])
    assert found == (f"{prefix}conv1.weight", prefix)


def test_a_prefix_is_dropped_and_what_lacks_it_is_named() -> None:
    state = {f"model.{key}": tensor for key, tensor in tensors().items()}
    np.testing.assert_equal(load(state, prefix="model."), load(tensors()))
    with pytest.raises(BadInput, match=r"loss\.weight is no tensor of network"):
        load(state | {"loss.weight": np.zeros(3)}, prefix="model.")
    del state["model.layer1.bn.bias"]
    with pytest.raises(BadInput, match=r"no tensor model\.layer1\.bn\.bias for stages"):
        load(state, prefix="model.")


def test_another_network_has_no_first_convolution_here() -> None:
    assert find_first_convolution(["a.conv1.weight", "a.b.weight", "b.weight"], [NAMING]) is None
    assert find_first_convolution(["a", "b"], [NAMING]) is None


@pytest.mark.parametrize("head", ["classifier.0", "fc.1", "head", "last_linear"])
@pytest.mark.parametrize("around", ["", "model.", "model.backbone."])
def test_another_classifier_is_not_used_wherever_it_is(head: str, around: str) -> None:
    state = {f"model.backbone.{key}": t for key, t in tensors().items() if not key.startswith("fc.")}
    state |= {f"{around}{head}.weight": np.zeros((14, 4)), f"{around}{head}.bias": np.zeros(14)}
    loaded = load(state, prefix="model.backbone.")
    assert (loaded.params["classifier"]["kernel"] == 7).all()
    with pytest.raises(BadInput, match=r"no tensor model\.backbone\.fc\.weight"):
        load(state, prefix="model.backbone.", keep_head=True)


def test_a_layer_named_as_a_classifier_within_the_network_is_no_classifier() -> None:
    with pytest.raises(BadInput, match=r"layer1\.attention\.fc\.weight is no tensor"):
        load(tensors() | {"layer1.attention.fc.weight": np.zeros(4)})


@pytest.mark.parametrize(
    ("arch", "naming"),
    [
        ("densenet121", DENSENET),
        ("resnet50", RESNET),
        ("efficientnet_lite0", TIMM),
        ("inception_v3", INCEPTION),
    ],
)
def test_a_missing_tensor_is_named_as_the_file_would_have_it(arch: str, naming: Naming) -> None:
    placed = {key: place for key in load_reference(arch).shapes if (place := naming.place(key))}
    assert len(placed) > 200
    for key, (rule, target) in placed.items():
        assert naming.key_of(f"{target}.kernel" if rule.convert == "stem" else target) == key


def test_a_table_with_two_rules_for_a_key_or_two_keys_for_a_leaf_is_our_fault() -> None:
    twice = replace(NAMING, rules=(*NAMING.rules, Rule(r"layer1\..*", "elsewhere")))
    with pytest.raises(ValueError, match="has 2 rules"):
        load_strict(tensors(), twice, network(), CARD, "network.pth")
    again = replace(NAMING, rules=(*NAMING.rules, Rule("again", "stages.0.norm.bias")))
    with pytest.raises(ValueError, match="filled twice"):
        load_strict(tensors() | {"again": np.zeros(4)}, again, network(), CARD, "network.pth")
