"""The pipeline: a plain function of pixels, settings and a predictor."""

from .blend import Selection
from .retouch import Predictor, Result, retouch

__all__ = ["Predictor", "Result", "Selection", "retouch"]
