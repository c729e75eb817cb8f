"""The head-less service: receives a layer, returns a layer."""

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]  # or what stands for it: site-packages, Ray's copy
