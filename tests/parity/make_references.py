"""Write the references of torch's own modules, or check that they are what torch gives today.

    cd tests && python -m parity.make_references [--check [--smallest]] [ARCH...]

Needs the extra `parity`. Each result is computed in float64, where rounding is out of sight, and the logits
once more in float32: how far those are off is what "to float32 rounding" means for ours.
"""

import argparse
import copy
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from parity.compare import largest_share
from parity.members import (
    MEMBERS,
    NARROWER,
    SHALLOW_DENSENET_DEPTHS,
    SHALLOW_EFFICIENTNET_DEPTHS,
    SHALLOW_RESNEXT_DEPTHS,
    Member,
    smallest,
)
from parity.reference import Inference, Reference, Step, load_reference, save_reference
from parity.states import CLASSES, digest, draw_images, draw_labels, draw_state
from torch import nn

# torchvision registers operators of a compiled library that has no CPU build; no model here uses them.
OPERATORS = torch.library.Library("torchvision", "FRAGMENT")
for operator in ("nms", "qnms"):
    OPERATORS.define(f"{operator}(Tensor boxes, Tensor scores, float threshold) -> Tensor")

import timm  # noqa: E402 - once its operators are declared
import torchvision.models  # noqa: E402
from torchvision.models import inception, resnet  # noqa: E402


def efficientnet() -> nn.Module:
    """EfficientNet-Lite0 by timm, which leaves torch's momentum.

    TensorFlow's 0.99, as the models were trained, is 0.01 in torch's sense.
    """
    return timm.create_model("tf_efficientnet_lite0", num_classes=CLASSES, bn_momentum=0.01)


def shallow_efficientnet() -> nn.Module:
    """The same with the first blocks of each stage only."""
    module = efficientnet()
    for stage, depth in zip(module.blocks, SHALLOW_EFFICIENTNET_DEPTHS, strict=True):
        del stage[depth:]
    return module


class NarrowUnit(inception.BasicConv2d):
    """Convolution, batch normalization and ReLU of a 16th of the channels, but for the image's three."""

    def __init__(self, channels_in: int, channels_out: int, **how: Any) -> None:
        super().__init__(
            channels_in if channels_in == 3 else channels_in // NARROWER, channels_out // NARROWER, **how
        )


def narrow_inception() -> nn.Module:
    """Inception v3 of such units."""
    blocks = [getattr(inception, f"Inception{block}") for block in ("A", "B", "C", "D", "E", "Aux")]
    module = inception.Inception3(
        CLASSES,
        inception_blocks=[NarrowUnit, *(partial(block, conv_block=NarrowUnit) for block in blocks)],
        init_weights=False,
    )
    module.fc = nn.Linear(2048 // NARROWER, CLASSES)
    module.AuxLogits.fc = nn.Linear(768 // NARROWER, CLASSES)
    return module


# Beside other busy processes, two threads that wait for each other took eight times as long.
torch.set_num_threads(1)

MODULES: dict[str, Callable[[], nn.Module]] = {
    "shallow_resnext": lambda: resnet.ResNet(
        resnet.Bottleneck, list(SHALLOW_RESNEXT_DEPTHS), CLASSES, groups=32, width_per_group=4
    ),
    "resnet50": lambda: torchvision.models.resnet50(num_classes=CLASSES),
    "resnet101": lambda: torchvision.models.resnet101(num_classes=CLASSES),
    "resnext50_32x4d": lambda: torchvision.models.resnext50_32x4d(num_classes=CLASSES),
    "resnext101_32x8d": lambda: torchvision.models.resnext101_32x8d(num_classes=CLASSES),
    "shallow_densenet": lambda: torchvision.models.DenseNet(
        32, SHALLOW_DENSENET_DEPTHS, 64, num_classes=CLASSES
    ),
    "densenet121": lambda: torchvision.models.densenet121(num_classes=CLASSES),
    "densenet161": lambda: torchvision.models.densenet161(num_classes=CLASSES),
    "narrow_inception": narrow_inception,
    "inception_v3": lambda: torchvision.models.inception_v3(num_classes=CLASSES, init_weights=False),
    "shallow_efficientnet": shallow_efficientnet,
    "efficientnet_lite0": efficientnet,
}

DRIFT = 1e-10
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
            return copy.deepcopy(module).to(kind).eval()(make_images(member, size, kind)).numpy()

    exact = logits(torch.float64)
    return Inference(exact, float(np.abs(logits(torch.float32) - exact).max()))


def _step(module: nn.Module, member: Member, size: int) -> Step:
    near_duplicate = copy.deepcopy(module).double().train()
    outputs = near_duplicate(make_images(member, size, torch.float64))
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    labels = torch.from_numpy(draw_labels())
    weighted = zip(member.loss_weights, outputs, strict=True)
    loss = sum(weight * nn.functional.cross_entropy(output, labels) for weight, output in weighted)
    loss.backward()
    return Step(
        loss.item(),
        digest((name, tensor.grad.numpy()) for name, tensor in near_duplicate.named_parameters()),
        digest((name, tensor.numpy()) for name, tensor in near_duplicate.named_buffers() if tensor.ndim),
    )


def make_images(member: Member, size: int, kind: torch.dtype) -> torch.Tensor:
    """Return the images in three equal channels, each normalized as the card says [2,3,size,size]."""
    channels = draw_images(size).astype(np.float64).repeat(3, axis=-1)
    normalized = (channels - np.asarray(member.card.mean)) / np.asarray(member.card.std)
    return torch.from_numpy(normalized.transpose(0, 3, 1, 2)).to(kind)


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
    parser.add_argument("--check", action="store_true", help="write nothing; compare with the files")
    parser.add_argument("--smallest", action="store_true", help="check the smallest images only")
    parser.add_argument("arch", nargs="*", help="all, if none is named")
    options = parser.parse_args()
    failed = False
    for member in MEMBERS:
        if options.arch and member.arch not in options.arch:
            continue
        start = time.process_time()
        if options.check:
            failed |= not check(smallest(member) if options.smallest else member)
        else:
            save_reference(member.arch, make_reference(member))
        print(f"{member.arch}: {time.process_time() - start:.0f} s of CPU", flush=True)
    return int(failed)


def check(member: Member) -> bool:
    """Say how far the file is from fresh results; return whether all is well."""
    drifted = drift(load_reference(member.arch), make_reference(member))
    print(f"{member.arch}: the file is {drifted:.1e} from what torch gives today")
    return drifted < DRIFT


if __name__ == "__main__":
    sys.exit(main())
