#!/usr/bin/env python3
"""Studio Portrait for GIMP 3: two menu items under Filters > Enhance.

GIMP starts this file; its folder has the same name. Only what GIMP's own Python brings is
imported, and nothing before it is needed, so that the menu items always register.
"""

from __future__ import annotations

from typing import Any

import options
from gimpfu import *
from link.sliders import SLIDERS
from translation import _, problem_text

AUTHORS = "Studio Portrait contributors"
MENU = "<Image>/Filters/Enhance"


def _radio(name: str, label: str, default: str, offered: Any) -> tuple[Any, ...]:
    return PF_RADIO, name, label, default, tuple((words, value) for value, words, _about in offered)


# The arguments after image and drawable: (kind, name, label, default, range or choices).
PARAMETERS = [
    *(
        (
            PF_SLIDER,
            name,
            f"{_(slider.label).replace('_', '')} (%)",
            round(100 * slider.default),
            (100 * slider.least, 100, 1),
        )
        for name, slider in SLIDERS.items()
    ),
    _radio("reach", _("Reach"), "person", options.REACH),
    _radio("faces", _("Faces"), "all", options.FACES),
    (PF_STRING, "ticked", _("Ticked faces, the largest is 1"), ""),
    _radio("limit", _("Keep within the selection"), "auto", options.LIMIT),
    (PF_STRING, "network", _("Network (empty: the default)"), ""),
    (PF_FILE, "reference", _("Portrait to match (with the network headshot)"), ""),
    _radio("output", _("Output"), "layer", options.OUTPUT),
    (PF_TOGGLE, "mattes", _("Masks of person and skin as channels"), False),
]
NAMES = [str(parameter[1]) for parameter in PARAMETERS]


def studio_portrait(image: Any, drawable: Any, *values: Any) -> Any:
    """Run the menu item without a user; returns the new layer. values: as `PARAMETERS`."""
    from retouch import retouch

    return _told(lambda choices: retouch(image, drawable, choices), values)


def in_dialog(image: Any, drawable: Any, *values: Any) -> tuple[Any, dict[str, Any]]:
    """Run the menu item; returns the new layer and what the user chose."""
    from ui.window import run

    done = _told(lambda choices: run(image, drawable, choices), values)
    if done is None:
        raise CancelError("cancelled")
    layer, choices = done
    return layer, choices.arguments()


def _told(call: Any, values: tuple[Any, ...]) -> Any:
    """Call with the choices; what goes wrong becomes GIMP's own kind of error."""
    from choices import Choices
    from link.wire import Problem

    try:
        return call(Choices.from_arguments(dict(zip(NAMES, values, strict=True))))
    except Problem as problem:
        if problem.code == "cancelled":
            raise CancelError(str(problem)) from None
        raise error(problem_text(problem)) from None


def check_set_up() -> str:
    """Run the other menu item without a user; returns what was found."""
    text, _well = _checked()
    gimp.message(text)
    return text


def check_in_dialog() -> tuple[str, dict[str, Any]]:
    """Run the other menu item."""
    from ui.checkup_window import show

    text, well = _checked()
    show(text, well)
    return text, {}


def _checked() -> tuple[str, bool]:
    from checkup import report

    gimp.progress_init(_("Checking Studio Portrait's set-up"))
    return report(lambda stage, fraction: gimp.progress_update(fraction))


register(
    "python-fu-studio-portrait",
    _("Turn a flash selfie into a studio portrait"),
    _(
        "Finds the faces in the layer, takes away the flash's shine and hard shadows, and puts the"
        " result on a new layer right above. The work is done by a server on this computer, which is"
        " started when needed; no picture leaves the computer."
    ),
    AUTHORS,
    AUTHORS,
    "2026",
    _("Studio P_ortrait..."),
    "RGB*, GRAY*, INDEXED*",
    [(PF_IMAGE, "image", _("Image"), None), (PF_DRAWABLE, "drawable", _("Layer"), None), *PARAMETERS],
    [(PF_LAYER, "layer", _("The new layer"))],
    studio_portrait,
    menu=MENU,
    interactive=in_dialog,
)

register(
    "python-fu-studio-portrait-check",
    _("Check Studio Portrait's set-up"),
    _("Shows whether the server runs, what it runs on, and what is wrong with the installation."),
    AUTHORS,
    AUTHORS,
    "2026",
    _("Studio Portrait: check set-up"),
    "",
    [],
    [(PF_STRING, "report", _("What was found"))],
    check_set_up,
    menu=MENU,
    interactive=check_in_dialog,
)

main()
