"""The closed choices of prediction: completion, help and errors take them from here. Light to import."""

from typing import Literal

TemplateKind = Literal["mean", "medoid", "nearest"]

ExportFormat = Literal["onnx", "stablehlo"]

PixelType = Literal["uint8", "float32"]
