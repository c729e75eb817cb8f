"""Puts a finished result into the image, as one undo step, so that the picture is never counted twice.

A layer that covers what is below it (opaque, Normal, 100 %, no mask, no effects) stays as it is, and the
result lies right above. Of any other the result takes the place: it gets the same opacity, mode, mask and
effects, and the old layer is hidden, for both together would show twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import group
import masks
import origin
from choices import Choices
from gi.repository import Gegl, Gimp
from link.retouching import matte
from link.version import VERSION
from link.wire import Box, Problem, Settings
from origin import Origin
from pixels import Layout, Target, check_open, check_same
from translation import _

_NORMAL = (Gimp.LayerMode.NORMAL, Gimp.LayerMode.NORMAL_LEGACY)
SUFFIX = " - studio portrait"


@dataclass
class ResultLayer:
    """What came of a job: the copy with the result's rows in it, and the mask's rows."""

    copy: Gimp.Layer
    target: Target
    mask: masks.Strips = field(default_factory=list)

    @classmethod
    def of(cls, layer: Gimp.Layer, how: Layout) -> ResultLayer:
        """Copy `layer` so that it may be written to; GIMP ends a plug-in that writes to a locked one."""
        copy = _free_copy(layer)
        return cls(copy, Target(copy, how))

    def write(self, plane: str, row: int, rows: int, data: Any, result: dict[str, Any]) -> None:
        """Take rows: pixels go into the copy, the mask waits for the copy to be in the image."""
        raw = bytes(data)
        if plane == "mask":
            self.mask.append((row, rows, raw))
        else:
            self.target.write(Box(**result["box"]), row, rows, raw)


@dataclass
class Matte:
    """What a part of the picture covers, for a channel; the pixels that come with it are not wanted."""

    name: str
    rows: masks.Strips = field(default_factory=list)

    def write(self, plane: str, row: int, rows: int, data: Any, result: dict[str, Any]) -> None:
        """Take rows of the mask."""
        if plane == "mask":
            self.rows.append((row, rows, bytes(data)))


class Outcome:
    """All that the server is to render for what the user chose, and then what came of it.

    renders: (settings, write) in their order; `results` takes what each gave.
    """

    def __init__(self, found: Origin, how: Layout, choices: Choices, settings: Settings):
        self.found, self.how, self.choices, self.settings = found, how, choices, settings
        check_same(found.source, how)
        grouped = choices.output == "group"
        self.parts = group.parts(found.source, how) if grouped else []
        self.whole = None if grouped else ResultLayer.of(found.source, how)
        self.mattes = [Matte(_("Person")), Matte(_("Skin"))] if choices.mattes else []
        self.results: list[dict[str, Any]] = []

    @property
    def renders(self) -> list[Render]:
        """List what is to be rendered, the result first, then masks and mattes."""
        wanted = [Render(self.settings, self.whole.write)] if self.whole else []
        masked = replace(self.settings, mask=True)
        wanted += [Render(masked, part.write, part.name) for part in self.parts]
        for one, reach in zip(self.mattes, ("person", "skin"), strict=False):
            wanted.append(Render(matte(self.settings, reach), one.write))
        return wanted

    @property
    def changes(self) -> bool:
        """Whether any of the results differs from the picture."""
        return any(result.get("box") for result in self.results[: len(self.parts) or 1])

    def drop(self) -> None:
        """Forget the copies; they are gone already when their image was closed."""
        if self.whole and self.whole.copy.is_valid():
            self.whole.copy.delete()
        for part in self.parts:
            part.drop()

    def insert(self, image: Gimp.Image) -> Gimp.Layer:
        """Put the result above its picture, or in the place of an earlier one; returns the layer or group."""
        source, earlier = self.found.source, self.found.made
        check_open(source)
        if not origin.is_there(image, source):
            raise Problem("bad-image", "The layer was deleted while it was being retouched.", "Try again.")
        check_same(source, self.how)
        kept = earlier is not None and origin.is_there(image, earlier)
        put = _Place(image, self.found if kept else Origin(source))
        image.undo_group_start()
        try:
            return self._insert(put)
        except BaseException:
            put.take_back()
            raise
        finally:
            image.undo_group_end()

    def _insert(self, put: _Place) -> Gimp.Layer:
        image, source, earlier = put.image, put.found.source, put.found.made
        covers = is_covering(source)
        top = self._build(put, covers)
        top.set_visible(True)
        origin.attach(top, record(self.results[0], self.choices, source))
        name = earlier.get_name() if earlier else source.get_name() + SUFFIX
        if earlier is not None:
            image.remove_layer(earlier)
        top.set_name(name)  # last: GIMP numbers a name that is still taken
        if not covers:
            _show_only(image, source, top)
        for one, result in zip(self.mattes, self.results[len(self.parts) or 1 :], strict=True):
            masks.add_channel(image, source, one.name, one.rows, result)
        image.set_selected_layers([top])
        return top

    def _build(self, put: _Place, covers: bool) -> Gimp.Layer:
        if self.whole is None:
            return self._group(put, covers)
        whole, result = self.whole, self.results[0]
        if self.choices.output == "mask" and not covers:
            return _masked_in_group(put, self.found.source, whole, result)
        layer = put(whole.copy)
        if self.choices.output == "mask":
            masks.remove(whole.copy)
            masks.add(whole.copy, whole.mask, result)
            group.blend_encoded(put.image, whole.copy)
        return layer

    def _group(self, put: _Place, covers: bool) -> Gimp.Layer:
        """Put the parts' layers into a group that lets them work on what is below; it has the mask."""
        source = self.found.source
        top = inner = put(Gimp.GroupLayer.new(put.image, "group"))
        if not covers:
            _put_plain_copy(put, top, source)
            inner = Gimp.GroupLayer.new(put.image, _("Studio portrait"))
            put.into(top, inner)
        inner.set_mode(Gimp.LayerMode.PASS_THROUGH)
        changing = [pair for pair in zip(self.parts, self.results, strict=False) if pair[0].layer is not None]
        for part, result in changing:
            _put_part(put, inner, part.layer, result)
        if changing:
            part, result = changing[-1]
            (dx, dy), (x, y) = source.get_offsets()[1:], inner.get_offsets()[1:]
            masks.add(inner, part.mask, result, dx - x, dy - y)
            group.blend_in_samples(put.image, inner)
        if top is not inner:
            _take_over(top, source)
        return top


@dataclass(frozen=True)
class Render:
    """One thing for the server to render. layer: one of `group.NAMES`, "" for the whole result."""

    settings: Settings
    write: Any
    layer: str = ""


class _Place:
    """Inserts a layer where the result belongs, at its picture's offsets."""

    def __init__(self, image: Gimp.Image, found: Origin):
        self.image, self.found = image, found
        self._beside = found.made or found.source
        self._offsets = found.source.get_offsets()[1:]
        self._made: list[Gimp.Layer] = []

    def __call__(self, layer: Gimp.Layer) -> Gimp.Layer:
        self._insert(layer, self._beside.get_parent(), self.image.get_item_position(self._beside))
        self._made.append(layer)
        return layer

    def take_back(self) -> None:
        """Remove what was inserted."""
        for layer in self._made:
            if layer.is_valid() and self.image.get_item_position(layer) >= 0:
                self.image.remove_layer(layer)

    def into(self, top: Gimp.GroupLayer, layer: Gimp.Layer, x: int = 0, y: int = 0) -> None:
        """Insert as the top layer of the group `top`, at a place in the picture."""
        self._insert(layer, top, 0, x, y)

    def _insert(self, layer: Gimp.Layer, parent: Any, position: int, x: int = 0, y: int = 0) -> None:
        """Move, then insert: in a group that is locked nothing moves. A group lies where its layers do."""
        if not layer.is_group():
            layer.set_offsets(self._offsets[0] + x, self._offsets[1] + y)
        self.image.insert_layer(layer, parent, position)


def is_covering(layer: Gimp.Layer) -> bool:
    """Whether a layer of the same kind right above would hide it wholly."""
    whole = layer.get_opacity() >= 100.0 and layer.get_mode() in _NORMAL
    # What effects make of it nobody knows: they may let through what is below.
    plain = masks.effective(layer) is None and not group.has_effects(layer)
    return whole and plain and _is_opaque(layer)


def _is_opaque(layer: Gimp.Layer) -> bool:
    if not layer.has_alpha():
        return True
    width, height = layer.get_width(), layer.get_height()
    for row in range(0, height, group.STRIP_ROWS):
        rows = min(group.STRIP_ROWS, height - row)
        part = Gegl.Rectangle.new(0, row, width, rows)
        alpha = layer.get_buffer().get(part, 1.0, "A u8", Gegl.AbyssPolicy.NONE)
        if alpha.count(b"\xff") != len(alpha):
            return False
    return True


def _put_part(put: _Place, top: Gimp.GroupLayer, layer: Gimp.Layer, result: dict[str, Any]) -> None:
    box = result["box"]
    put.into(top, layer, box["x"], box["y"])
    layer.set_opacity(100 * result["opacity"])
    group.set_mode(put.image, layer)
    group.without_alpha(layer)


def _masked_in_group(put: _Place, source: Gimp.Layer, made: ResultLayer, result: dict[str, Any]) -> Any:
    """Make a group with the picture's opacity, mode and mask; in it the picture, and the masked result above.

    The result is made opaque and clipped to the picture, so that its alpha does not count again.
    """
    top = put(Gimp.GroupLayer.new(put.image, "group"))
    _put_plain_copy(put, top, source)
    put.into(top, made.copy)
    _make_plain(made.copy)
    made.copy.set_composite_mode(Gimp.LayerCompositeMode.CLIP_TO_BACKDROP)
    group.without_alpha(made.copy)
    made.copy.set_name(_("Studio portrait"))
    masks.add(made.copy, made.mask, result)
    group.blend_encoded(put.image, made.copy)
    _take_over(top, source)
    return top


def _free_copy(layer: Gimp.Layer) -> Gimp.Layer:
    """Copy a layer, but for its locks."""
    copy = layer.copy()
    for free in (copy.set_lock_content, copy.set_lock_position, copy.set_lock_visibility):
        free(False)
    return copy


def _put_plain_copy(put: _Place, top: Gimp.GroupLayer, source: Gimp.Layer) -> None:
    copy = _free_copy(source)
    put.into(top, copy)
    _make_plain(copy)  # only now: of a layer outside of an image GIMP removes no mask


def _make_plain(layer: Gimp.Layer) -> None:
    layer.set_opacity(100.0)
    layer.set_mode(Gimp.LayerMode.NORMAL)
    layer.set_visible(True)
    masks.remove(layer)


def _take_over(top: Gimp.GroupLayer, source: Gimp.Layer) -> None:
    """Give the group what the picture had: opacity, mode and mask."""
    top.set_opacity(source.get_opacity())
    top.set_mode(source.get_mode())
    top.set_blend_space(source.get_blend_space())
    top.set_composite_space(source.get_composite_space())
    top.set_composite_mode(source.get_composite_mode())
    if masks.effective(source) is not None:
        masks.add_copy(top, source.get_mask())


def _show_only(image: Gimp.Image, source: Gimp.Layer, top: Gimp.Layer) -> None:
    """Hide the picture, and every earlier result from it, also where that is locked."""
    for shown in (source, *origin.results_of(image, source)):
        if shown != top:
            locked = shown.get_lock_visibility()
            shown.set_lock_visibility(False)
            shown.set_visible(False)
            shown.set_lock_visibility(locked)


def record(result: dict[str, Any], choices: Choices, source: Gimp.Layer) -> dict[str, Any]:
    """Return what the parasite says: enough to find the picture, and to make the same result again."""
    told = {
        name: result.get(name) for name in ("engine", "device", "network", "weights", "faces", "box", "ms")
    }
    return {"version": VERSION, "source": source.get_tattoo(), **choices.as_json(), **told}
