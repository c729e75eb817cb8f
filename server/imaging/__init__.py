"""The pipeline: plain functions of pixels, settings and a predictor."""

from .analysis import Analysis, Predictor, analyse
from .errors import ImagingError
from .layers import Layer, layers
from .preview import preview
from .reach import Selection
from .retouch import Result, render, retouch

__all__ = [
    "Analysis",
    "ImagingError",
    "Layer",
    "Predictor",
    "Result",
    "Selection",
    "analyse",
    "layers",
    "preview",
    "render",
    "retouch",
]
