"""Write the references of torch's own modules, or check that they are what torch gives today.

    cd tests && python -m parity.make_references [--check [--smallest]] [ARCH...]

Needs the extra `parity`. Each result is computed in float64, where rounding is out of sight, and once more in
float32: how far that is off is what "to float32 rounding" means for ours. A check compares our nets with the
fresh results, too.
"""

import argparse
import copy
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from parity.compare import deviations, largest_share
from parity.members import MEMBERS, Member
from parity.reference import Inference, Reference, Step, load_reference, save_reference
from parity.states import CLASSES, digest, draw_films, draw_labels, draw_state, scales
from torch import nn

# torchvision registers operators of a compiled library that has no CPU build; no net here uses them.
OPERATORS = torch.library.Library("torchvision", "FRAGMENT")
for operator in ("nms", "qnms"):
    OPERATORS.define(f"{operator}(Tensor boxes, Tensor scores, float threshold) -> Tensor")

import timm  # noqa: E402 - once its operators are declared
import torchvision.models  # noqa: E402

MODULES: dict[str, Callable[[], nn.Module]] = {
    "resnet50": lambda: torchvision.models.resnet50(num_classes=CLASSES),
    "resnet101": lambda: torchvision.models.resnet101(num_classes=CLASSES),
    "resnext50_32x4d": lambda: torchvision.models.resnext50_32x4d(num_classes=CLASSES),
    "resnext101_32x8d": lambda: torchvision.models.resnext101_32x8d(num_classes=CLASSES),
    "shallow_densenet": lambda: torchvision.models.DenseNet(32, (2, 2, 2, 2), 64, num_classes=CLASSES),
    "densenet121": lambda: torchvision.models.densenet121(num_classes=CLASSES),
    "densenet161": lambda: torchvision.models.densenet161(num_classes=CLASSES),
    "inception_v3": lambda: torchvision.models.inception_v3(num_classes=CLASSES, init_weights=False),
    # timm leaves torch's momentum; TensorFlow's 0.99, as the nets were trained, is 0.01 in torch's sense.
    "efficientnet_lite0": lambda: timm.create_model(
        "tf_efficientnet_lite0", num_classes=CLASSES, bn_momentum=0.01
    ),
}

DRIFT = 1e-8
"""How far, as a share, float64 results of two machines may be apart."""


def make_reference(member: Member) -> Reference:
    """Compute an architecture's reference."""
    module = MODULES[member.arch]()
    for part in module.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0
    parameters = {name: tuple(tensor.shape) for name, tensor in module.named_parameters()}
    buffers = {name: tuple(tensor.shape) for name, tensor in module.named_buffers() if tensor.ndim}
    state = draw_state(parameters | buffers, member.temper)
    missing, unexpected = module.load_state_dict(
        {name: torch.from_numpy(tensor) for name, tensor in state.items()}, strict=False
    )
    assert not unexpected
    assert all(name.endswith("num_batches_tracked") for name in missing)
    return Reference(
        parameters,
        buffers,
        {size: _inference(module, member, size) for size in member.sizes},
        {size: _step(module, member, size) for size in member.training_sizes},
    )


def _inference(module: nn.Module, member: Member, size: int) -> Inference:
    def logits(kind: torch.dtype) -> NDArray[Any]:
        with torch.no_grad():
            return copy.deepcopy(module).to(kind).eval()(_films(member, size, kind)).numpy()

    exact = logits(torch.float64)
    return Inference(exact, float(np.abs(logits(torch.float32) - exact).max()))


def _step(module: nn.Module, member: Member, size: int) -> Step:
    def step(kind: torch.dtype) -> tuple[float, dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
        twin = copy.deepcopy(module).to(kind).train()
        outputs = twin(_films(member, size, kind))
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        labels = torch.from_numpy(draw_labels())
        weighted = zip(member.loss_weights, outputs, strict=True)
        loss = sum(weight * nn.functional.cross_entropy(output, labels) for weight, output in weighted)
        loss.backward()
        gradients = {name: tensor.grad.numpy() for name, tensor in twin.named_parameters()}
        statistics = {name: tensor.numpy() for name, tensor in twin.named_buffers() if tensor.ndim}
        return loss.item(), gradients, statistics

    loss, gradients, statistics = step(torch.float64)
    rounded_loss, rounded_gradients, rounded_statistics = step(torch.float32)
    return Step(
        loss,
        abs(rounded_loss - loss),
        digest(gradients.items()),
        _rounding(rounded_gradients, gradients),
        digest(statistics.items()),
        _rounding(rounded_statistics, statistics),
    )


def _rounding(rounded: dict[str, NDArray[Any]], exact: dict[str, NDArray[Any]]) -> NDArray[np.float64]:
    differences = np.array([np.linalg.norm(rounded[name] - tensor) for name, tensor in exact.items()])
    return differences / scales(np.array([np.linalg.norm(tensor) for tensor in exact.values()]))


def _films(member: Member, size: int, kind: torch.dtype) -> torch.Tensor:
    """Return the films in three equal channels, each normalised as the card says [2,3,size,size]."""
    channels = draw_films(size).astype(np.float64).repeat(3, axis=-1)
    normalised = (channels - np.asarray(member.card.mean)) / np.asarray(member.card.std)
    return torch.from_numpy(normalised.transpose(0, 3, 1, 2)).to(kind)


def drift(kept: Reference, fresh: Reference) -> float:
    """Return how far fresh results are from those on file, as a share; rounding is not compared.

    Raises:
        ValueError: they are not of the same tensors.
    """
    for field in ("parameters", "buffers"):
        if getattr(kept, field) != getattr(fresh, field):
            raise ValueError(f"{field} differ")
    shares = []
    for size, inference in fresh.inference.items():
        logits = kept.inference[size].logits
        shares.append(float(np.abs(inference.logits - logits).max() / np.abs(logits).max()))
    for size, again in fresh.steps.items():
        step = kept.steps[size]
        shares.append(abs(again.loss - step.loss) / step.loss)
        shares.append(largest_share(again.gradients, step.gradients))
        shares.append(largest_share(again.statistics, step.statistics))
    return max(shares)


def main() -> int:
    """Write or check; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; compare with the files and ours")
    parser.add_argument("--smallest", action="store_true", help="check the smallest films only")
    parser.add_argument("arch", nargs="*", help="all, if none is named")
    options = parser.parse_args()
    failed = False
    for member in MEMBERS:
        if options.arch and member.arch not in options.arch:
            continue
        start = time.perf_counter()
        if options.check:
            failed |= not check(smallest(member) if options.smallest else member)
        else:
            save_reference(member.arch, make_reference(member))
        print(f"{member.arch}: {time.perf_counter() - start:.0f} s", flush=True)
    return int(failed)


def smallest(member: Member) -> Member:
    """Return the same comparison with the smallest films alone."""
    return replace(member, sizes=(min(member.sizes),), training_sizes=(min(member.training_sizes),))


def check(member: Member) -> bool:
    """Say how far the files are from fresh results, and ours too; return whether all is well."""
    fresh = make_reference(member)
    drifted = drift(load_reference(member.arch), fresh)
    print(f"{member.arch}: the file is {drifted:.1e} from what torch gives today")
    found = list(deviations(member, fresh, member.sizes, member.training_sizes))
    for deviation in found:
        print(f"{member.arch}: {deviation}{'' if deviation.is_rounding else ' - NOT rounding'}")
    return drifted < DRIFT and all(deviation.is_rounding for deviation in found)


if __name__ == "__main__":
    sys.exit(main())
