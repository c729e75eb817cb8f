"""Helpers for the scripts that run in GIMP's own Python: images from raw samples, calls, dumps."""

from __future__ import annotations

import json
import os
import traceback
from typing import Any

import gi

gi.require_version("Babl", "0.1")
gi.require_version("Gegl", "0.4")
gi.require_version("Gimp", "3.0")
from gi.repository import Babl, Gegl, Gimp, Gio  # noqa: E402

FILTER = "python-fu-studio-portrait"
JOB = json.loads(os.environ["GIMP_TEST_JOB"])
WORK = JOB["work"]


def make_image(spec: dict[str, Any]) -> tuple[Gimp.Image, Gimp.Layer]:
    """An image with one layer of the samples in file `spec["samples"]`, in the layer's own format."""
    base = getattr(Gimp.ImageBaseType, spec["base"])
    width, height = spec["width"], spec["height"]
    canvas = spec.get("canvas", [width, height])
    image = Gimp.Image.new_with_precision(*canvas, base, getattr(Gimp.Precision, spec["precision"]))
    kind = getattr(Gimp.ImageType, spec["type"])
    layer = Gimp.Layer.new(image, "Photo", width, height, kind, 100.0, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, None, 0)
    with open(f"{WORK}/{spec['samples']}", "rb") as file:
        write(layer, file.read())
    return image, layer


def rectangle(drawable: Gimp.Drawable) -> Gegl.Rectangle:
    return Gegl.Rectangle.new(0, 0, drawable.get_width(), drawable.get_height())


def write(drawable: Gimp.Drawable, samples: bytes) -> None:
    buffer = drawable.get_buffer()
    expected = drawable.get_width() * drawable.get_height() * drawable.get_bpp()
    assert len(samples) == expected, (len(samples), expected)
    buffer.set(rectangle(drawable), Babl.get_name(drawable.get_format()), samples)
    buffer.flush()


def read(drawable: Gimp.Drawable) -> bytes:
    """All samples in the drawable's own format."""
    native = Babl.get_name(drawable.get_format())
    return drawable.get_buffer().get(rectangle(drawable), 1.0, native, Gegl.AbyssPolicy.NONE)


def dump(drawable: Gimp.Drawable, path: str) -> None:
    with open(path, "wb") as file:
        file.write(read(drawable))


def call(name: str, **values: Any) -> Gimp.ValueArray:
    """Runs a procedure non-interactively with the named arguments."""
    procedure = Gimp.get_pdb().lookup_procedure(name)
    assert procedure is not None, f"{name} is not registered"
    config = procedure.create_config()
    for key, value in values.items():
        if isinstance(value, list):
            config.set_core_object_array(key.replace("_", "-"), value)
        else:
            config.set_property(key.replace("_", "-"), value)
    return procedure.run(config)


def outcome(returned: Gimp.ValueArray) -> tuple[str, Any]:
    """(status, first value or the error's text)."""
    status = returned.index(0).value_nick
    if status != "success":
        return status, Gimp.get_pdb().get_last_error()
    return status, returned.index(1) if returned.length() > 1 else None


def load(path: str) -> Gimp.Image:
    return Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(path))


def each(cases: list[dict[str, Any]], run: Any) -> dict[str, Any]:
    """What `run` says about each case, by name; an exception becomes its traceback under ``crash``."""
    told = {}
    for case in cases:
        try:
            told[case["name"]] = run(case)
        except Exception:
            told[case["name"]] = {"crash": traceback.format_exc()}
    return told


def tell(told: dict[str, Any]) -> None:
    """Leaves the script's answer for the tests."""
    with open(JOB["result"], "w", encoding="utf-8") as file:
        json.dump(told, file)
