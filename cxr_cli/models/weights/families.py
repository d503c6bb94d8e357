"""How the tensors of each architecture are named, by each of those who publish weights of it."""

from cxr_cli.models.efficientnet import LITE0, LITE1, LITE2
from cxr_cli.models.weights.densenet import DENSENET
from cxr_cli.models.weights.efficientnet import TIMM, wheel_naming
from cxr_cli.models.weights.inception import INCEPTION
from cxr_cli.models.weights.resnet import RESNET
from cxr_cli.models.weights.rules import Naming

NAMINGS: dict[str, tuple[Naming, ...]] = {
    "resnet50": (RESNET,),
    "resnet101": (RESNET,),
    "resnext50_32x4d": (RESNET,),
    "resnext101_32x8d": (RESNET,),
    "densenet121": (DENSENET,),
    "densenet161": (DENSENET,),
    "inception_v3": (INCEPTION,),
    "efficientnet_lite0": (wheel_naming(LITE0), TIMM),
    "efficientnet_lite1": (wheel_naming(LITE1), TIMM),
    "efficientnet_lite2": (wheel_naming(LITE2), TIMM),
}
