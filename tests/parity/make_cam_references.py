"""Write the maps that pytorch-grad-cam gives on torch's own modules, or check those on file.

    cd tests && python -m parity.make_cam_references [--check]

Needs the extra `parity`, and `pip install --no-deps grad-cam ttach`: what those ask for beside torch is here.
"""

import argparse
import sys

import numpy as np
import torch
from numpy.typing import NDArray
from parity.cams import CAM_MEMBERS, SIZE, CamMember, factor, file_of, key, targets
from parity.make_references import MODULES, make_images
from parity.reference import load_reference
from parity.states import draw_state
from pytorch_grad_cam import GradCAM, GradCAMPlusPlus, HiResCAM, LayerCAM
from torch import nn

METHODS = {"gradcam": GradCAM, "gradcam++": GradCAMPlusPlus, "hirescam": HiResCAM, "layercam": LayerCAM}
DRIFT = 1e-5
"""How far, as a share of the largest value, the maps of two machines may be apart."""


class WithRelu(nn.Module):
    """A DenseNet whose last ReLU is a module, for its map to be taken, and does not overwrite its input."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.features, self.relu, self.classifier = network.features, nn.ReLU(), network.classifier

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.relu(self.features(x)).mean((2, 3)))


def make_cams(each: CamMember) -> dict[str, NDArray[np.float32]]:
    """Compute an architecture's maps [2,h,w], positive part, in float64, by layer and method."""
    member = each.member
    module = MODULES[member.arch]()
    state = draw_state(load_reference(member.arch).shapes, member.temper)
    module.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()}, strict=False)
    if member.arch == "shallow_densenet":
        module = WithRelu(module)
    module = module.double().eval()
    images = make_images(member, SIZE, torch.float64)
    maps = {}
    for place, layer in each.layers.items():
        target_layer = module.get_submodule(place)
        for method in each.methods(layer):
            loud = factor(method)
            wanted = [lambda output, label=label, loud=loud: loud * output[label] for label in targets()]
            with METHODS[method](module, [target_layer]) as cam:
                cam(images, wanted)
                # What it returns is scaled to 0..1 and enlarged; this is what it scales.
                seen = cam.activations_and_grads
                arrays = (seen.activations[0].numpy(), seen.gradients[0].numpy())
                raw = cam.get_cam_image(images, target_layer, wanted, *arrays, False)
            maps[key(layer, method)] = np.maximum(raw, 0).astype(np.float32)
    return maps


def main() -> int:
    """Write the files, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the files, write nothing")
    check = parser.parse_args().check
    failed = False
    for each in CAM_MEMBERS:
        fresh = make_cams(each)
        if not check:
            np.savez_compressed(file_of(each.arch), **fresh)
            continue
        with np.load(file_of(each.arch)) as kept:
            drift = max(np.abs(kept[name] - fresh[name]).max() / fresh[name].max() for name in fresh)
        print(f"{each.arch}: the file is {drift:.1e} from what pytorch-grad-cam gives today")
        failed |= not drift < DRIFT
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
