"""The picture in the dialog: before and after with a divider between them, zoom, frames around faces.

Everything is put together in one GdkPixbuf of the screen's own pixels: GIMP's Python need not have
cairo. Shown as an icon, such a picture keeps its pixels at 200 % scaling, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gi.repository import Babl, Gdk, GdkPixbuf, Gimp, GimpUi, GLib, Gtk
from translation import _

from . import drawing
from .viewport import Rect, Viewport

TICKED, UNTICKED = 0x35C46AFF, 0xB0B0B0FF
GRAB = 10  # logical pixels around the divider


@dataclass
class Tile:
    """A rectangle of the picture, before and after, at some size; what has not come yet is None."""

    rect: Rect
    before: GdkPixbuf.Pixbuf | None = None
    after: GdkPixbuf.Pixbuf | None = None
    mask: GdkPixbuf.Pixbuf | None = None


class PictureView(Gtk.Layout):  # type: ignore[misc]
    """Shows tiles; asks for those that it needs by calling `on_need(rect, width, height)`.

    profile: of the tiles' colours, None for sRGB.
    """

    def __init__(
        self,
        size: tuple[int, int],
        on_need: Callable[[], None],
        on_tick: Callable[[], None],
        profile: Gimp.ColorProfile | None = None,
    ):
        super().__init__(can_focus=True)
        self._size = size
        self._on_need, self._on_tick = on_need, on_tick
        self._profile = profile or Gimp.ColorProfile.new_rgb_srgb()
        self._viewport = Viewport(size, self._screen)
        self.divider = 0.5  # share of the view's width
        self.show_before = self.show_mask = False
        self.frames = False
        self._whole, self._part = Tile((0, 0, *size)), Tile((0, 0, 0, 0))
        self._faces: list[dict[str, Any]] = []
        self._ticks: list[Gtk.CheckButton] = []
        self._drag: tuple[str, float, float] | None = None
        self._drawn: tuple[int, int] = (0, 0)
        self._pending = 0
        self._quiet = False
        self._image = Gtk.Image()
        self.put(self._image, 0, 0)
        self._captions = [self._caption(words) for words in (_("Before"), _("After"))]
        self.get_accessible().set_name(_("Preview: before on the left, after on the right"))
        self._connect()

    def _connect(self) -> None:
        for name in ("BUTTON_PRESS", "BUTTON_RELEASE", "POINTER_MOTION", "SCROLL", "SMOOTH_SCROLL"):
            self.add_events(getattr(Gdk.EventMask, f"{name}_MASK"))
        self.connect("size-allocate", lambda *_args: self._allocated())
        self.connect("button-press-event", self._pressed)
        self.connect("motion-notify-event", self._moved)
        self.connect("button-release-event", self._released)
        self.connect("scroll-event", self._scrolled)
        self.connect("key-press-event", self._key)
        self.connect("notify::scale-factor", lambda *_args: self._later())

    # What is seen

    @property
    def zoom(self) -> float:
        """Screen pixels for one pixel of the picture."""
        return self._viewport.zoom

    @property
    def is_fit(self) -> bool:
        """Return whether the whole picture is shown."""
        return self._viewport.is_fit

    def fit(self) -> None:
        """Show the whole picture."""
        self._viewport.fit()
        self._changed()

    def set_zoom(self, zoom: float, at: tuple[float, float] | None = None) -> None:
        """Show one pixel of the picture as `zoom` of the screen; the point `at` stays where it is."""
        self._viewport.set_zoom(zoom, at)
        self._changed()

    def pan(self, dx: float, dy: float) -> None:
        """Move the view by screen pixels."""
        if not self.is_fit:
            self._viewport.pan(dx, dy)
            self._changed()

    def toggle_zoom(self, at: tuple[float, float] | None = None) -> None:
        """Show every pixel where the whole picture is shown, and the other way round."""
        self.set_zoom(1.0, at) if self.is_fit else self.fit()

    def needed(self) -> tuple[Rect, int, int]:
        """Return the rectangle of the picture that is seen, and the size at which it is shown."""
        return self._viewport.needed()

    def _screen(self) -> tuple[int, int]:
        scale = self.get_scale_factor()
        return max(1, self.get_allocated_width() * scale), max(1, self.get_allocated_height() * scale)

    def _changed(self) -> None:
        self._on_need()
        self._later()

    # What is shown

    def show_tile(self, rect: Rect, kind: str, width: int, height: int, data: bytes) -> None:
        """Take a rectangle's rows: ``before``, ``after`` (8 bits) or ``mask`` (a byte a pixel)."""
        if kind == "mask":
            data = drawing.grey(data)
        elif (transform := self._transform()) is not None:
            data = drawing.converted(transform, data, width, height)
        is_whole = rect == (0, 0, *self._size)
        if not is_whole and self._part.rect != rect:
            self._part = Tile(rect)
        tile = self._whole if is_whole else self._part
        setattr(tile, kind, drawing.of_rows(data, width, height))
        self._later()

    def show_thumbnail(self, image: GdkPixbuf.Pixbuf) -> None:
        """Show a small picture of the whole until better comes."""
        if self._whole.before is None:
            self._whole.before = drawing.on_backdrop(image)
            self._later()

    def forget(self) -> None:
        """Drop what was computed, not the picture itself."""
        for tile in (self._whole, self._part):
            tile.after = tile.mask = None

    def set_faces(self, faces: list[dict[str, Any]], ticked: set[int]) -> None:
        """Show a frame with a tick box for each face; `ticked` are the indices of those that count."""
        for button in self._ticks:
            button.destroy()
        self._faces, self._ticks = faces, []
        for index in range(len(faces)):
            button = Gtk.CheckButton.new_with_label(str(index + 1))
            button.set_active(index in ticked)
            button.set_tooltip_text(_("Retouch this face"))
            button.get_style_context().add_class("osd")
            button.connect("toggled", self._toggled)
            self.put(button, 0, 0)
            self._ticks.append(button)
        self._later()

    def _caption(self, words: str) -> Gtk.Label:
        """Return a word over the picture, which says what its half is."""
        label = Gtk.Label(label=f" {words} ")
        label.get_style_context().add_provider(_caption_style(), Gtk.STYLE_PROVIDER_PRIORITY_APPLICATION)
        label.set_no_show_all(True)
        self.put(label, 0, 0)
        return label

    def _place_captions(self, split: int | None) -> None:
        """In the upper corners of both halves; only where there are two."""
        scale = self.get_scale_factor()
        for label, right in zip(self._captions, (False, True), strict=True):
            label.set_visible(split is not None)
            if split is not None:
                wide = label.get_preferred_width()[1]
                self.move(label, split // scale + 8 if right else max(0, split // scale - 10 - wide), 6)

    def tick(self, ticked: set[int]) -> None:
        """Set the tick boxes without telling anybody."""
        self._quiet = True
        for index, button in enumerate(self._ticks):
            button.set_active(index in ticked)
        self._quiet = False
        self._later()

    def _toggled(self, _button: Gtk.CheckButton) -> None:
        if not self._quiet:
            self._on_tick()
        self._later()

    def ticked(self) -> tuple[int, ...]:
        """List the faces whose boxes are ticked."""
        return tuple(index for index, button in enumerate(self._ticks) if button.get_active())

    def redraw(self) -> None:
        """Draw anew soon: a switch was changed."""
        self._later()

    def _transform(self) -> Gimp.ColorTransform | None:
        """From the tiles' profile to this monitor as GIMP's preferences say; None: nothing is to be done."""
        config = Gimp.get_color_configuration()
        own, layout = self._profile, Babl.format(drawing.FORMAT)
        intent = Gimp.ColorRenderingIntent.RELATIVE_COLORIMETRIC
        return GimpUi.widget_get_color_transform(self, config, own, layout, layout, own, intent, False)

    def _allocated(self) -> None:
        """Draw anew in another size only: drawing allocates, too, and would go on for ever."""
        if self._screen() != self._drawn:
            self._later()

    def _later(self) -> None:
        if not self._pending:
            self._pending = GLib.idle_add(self._draw, priority=GLib.PRIORITY_HIGH_IDLE + 30)

    def _draw(self) -> bool:
        self._pending = 0
        width, height = self._screen()
        if width < 8 or height < 8:
            return False
        if self._drawn != (width, height):
            self._drawn = (width, height)
            self._viewport.keep_inside()
            self._on_need()
        canvas = drawing.blank(width, height)
        self._draw_tiles(canvas, width, height)
        self._draw_frames(canvas)
        self._image.set_from_gicon(canvas, Gtk.IconSize.DIALOG)
        self._image.set_pixel_size(max(width, height) // self.get_scale_factor())
        return False

    def _draw_tiles(self, canvas: Any, width: int, height: int) -> None:
        """Draw before and after with the divider between them, or the one that is asked for."""
        tiles = (self._whole,) if self.is_fit else (self._whole, self._part)
        split = round(self.divider * width)
        two = not (self.show_before or self.show_mask) and any(tile.after is not None for tile in tiles)
        self._place_captions(split if two else None)
        layers = [("before", 0)]
        if self.show_mask or not self.show_before:
            layers.append(("mask", 0) if self.show_mask else ("after", split))
        for kind, left in layers:
            for tile in tiles:
                if (image := getattr(tile, kind)) is not None:
                    place = self._viewport.to_screen(*tile.rect[:2])
                    sides = tile.rect[2] * self.zoom, tile.rect[3] * self.zoom
                    drawing.paint(canvas, image, (*place, *sides), (left, 0, width - left, height))
        if two and 0 < split < width:
            drawing.divider(canvas, split, self.get_scale_factor())

    def _draw_frames(self, canvas: Any) -> None:
        scale = self.get_scale_factor()
        for face, button in zip(self._faces, self._ticks, strict=True):
            button.set_visible(self.frames)
            if not self.frames:
                continue
            box = face["box"]
            x, y = map(round, self._viewport.to_screen(box["x"], box["y"]))
            wide, high = round(box["width"] * self.zoom), round(box["height"] * self.zoom)
            colour = TICKED if button.get_active() else UNTICKED
            drawing.frame(canvas, x, y, wide, high, 2 * scale, colour)
            self.move(button, max(0, (x + 4 * scale) // scale), max(0, (y + 4 * scale) // scale))

    # Mouse and keys

    def _at(self, event: Any) -> tuple[float, float]:
        scale = self.get_scale_factor()
        return event.x * scale, event.y * scale

    def _on_divider(self, x: float) -> bool:
        near = abs(x - self.divider * self._screen()[0]) <= GRAB * self.get_scale_factor()
        return near and not (self.show_before or self.show_mask)

    def _pressed(self, _widget: Any, event: Any) -> bool:
        self.grab_focus()
        if event.button != 1:
            return False
        x, y = self._at(event)
        if event.type == Gdk.EventType.DOUBLE_BUTTON_PRESS:
            self.toggle_zoom((x, y))
            return True
        self._drag = ("divider" if self._on_divider(x) or self.is_fit else "pan", x, y)
        if self._drag[0] == "divider":
            self._set_divider(x / self._screen()[0])
        return True

    def _moved(self, _widget: Any, event: Any) -> bool:
        x, y = self._at(event)
        if self._drag is None:
            self._pointer("col-resize" if self._on_divider(x) else "default" if self.is_fit else "grab")
            return False
        kind, from_x, from_y = self._drag
        if kind == "divider":
            self._set_divider(x / self._screen()[0])
        else:
            self.pan(from_x - x, from_y - y)
            self._drag = (kind, x, y)
        return True

    def _released(self, _widget: Any, event: Any) -> bool:
        self._drag = None
        return False

    def _pointer(self, name: str) -> None:
        window = self.get_window()
        if window is not None:
            window.set_cursor(Gdk.Cursor.new_from_name(self.get_display(), name))

    def _scrolled(self, _widget: Any, event: Any) -> bool:
        smooth, _dx, dy = event.get_scroll_deltas()
        if not smooth:
            dy = {Gdk.ScrollDirection.UP: -1.0, Gdk.ScrollDirection.DOWN: 1.0}.get(event.direction, 0.0)
        if dy:
            self.set_zoom(self.zoom * 1.25**-dy, self._at(event))
        return True

    def _key(self, _widget: Any, event: Any) -> bool:
        step = 0.02 if not event.state & Gdk.ModifierType.SHIFT_MASK else 0.1
        width, height = self._screen()
        moves = {"Left": (-1, 0), "Right": (1, 0), "Up": (0, -1), "Down": (0, 1)}
        name = (Gdk.keyval_name(event.keyval) or "").removeprefix("KP_")
        if name not in moves:
            return False
        dx, dy = moves[name]
        if event.state & Gdk.ModifierType.CONTROL_MASK or (dy and not self.is_fit):
            self.pan(dx * width / 8, dy * height / 8)
        elif dx:
            self._set_divider(self.divider + dx * step)
        return True

    def _set_divider(self, share: float) -> None:
        self.divider = min(max(share, 0.0), 1.0)
        self._later()


def _caption_style() -> Gtk.CssProvider:
    """Legible on every picture, in every theme."""
    style = Gtk.CssProvider()
    style.load_from_data(b"label { background-color: rgba(0, 0, 0, 0.65); color: #fff; }")
    return style
