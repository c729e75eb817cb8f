#!/usr/bin/env python3
"""Studio Portrait for GIMP 3: two menu items under Filters > Enhance.

GIMP starts this file; its folder has the same name. Only what GIMP's own Python brings is
imported, and nothing before it is needed, so that the menu items always register.
"""

from __future__ import annotations

from typing import Any

from gimpfu import *

AUTHORS = "Studio Portrait contributors"
MENU = "<Image>/Filters/Enhance"


def studio_portrait(
    image: Any,
    drawable: Any,
    strength: float,
    faces: str,
    output: str,
    network: str,
    reach: str,
    reference: str,
) -> Any:
    """The menu item; returns the new layer. strength: 0..100 %."""
    from link.wire import Problem, Settings
    from retouch import retouch

    try:
        settings = Settings(
            strength=strength / 100, faces=faces, network=network.strip(), reach=reach, mask=output == "mask"
        )
        return retouch(image, drawable, settings, reference)
    except Problem as problem:
        if problem.code == "cancelled":
            raise CancelError(str(problem)) from None
        raise error(str(problem)) from None


def check_set_up() -> str:
    """The other menu item; returns what it shows."""
    from checkup import report

    gimp.progress_init("Checking Studio Portrait's set-up")
    text = report(lambda stage, fraction: gimp.progress_update(fraction))
    gimp.message(text)
    return text


register(
    "python-fu-studio-portrait",
    "Turn a flash selfie into a studio portrait",
    "Finds the faces in the layer, takes away the flash's shine and hard shadows, and puts the"
    " result on a new layer right above. The work is done by a server on this computer, which is"
    " started when needed; no picture leaves the computer.",
    AUTHORS,
    AUTHORS,
    "2026",
    "Studio P_ortrait...",
    "RGB*, GRAY*, INDEXED*",
    [
        (PF_IMAGE, "image", "Image", None),
        (PF_DRAWABLE, "drawable", "Layer", None),
        (PF_SLIDER, "strength", "S_trength (%)", 100, (0, 100, 1)),
        (
            PF_RADIO,
            "faces",
            "_Faces",
            "all",
            (("All faces", "all"), ("The largest face", "largest"), ("Faces in the selection", "selection")),
        ),
        (
            PF_RADIO,
            "output",
            "Outp_ut",
            "layer",
            (("New layer", "layer"), ("New layer with mask", "mask")),
        ),
        (PF_STRING, "network", "_Network (empty: the default)", ""),
        (
            PF_RADIO,
            "reach",
            "_Reach",
            "person",
            (
                ("The face", "face"),
                ("All skin", "skin"),
                ("The whole person", "person"),
                ("The whole frame", "frame"),
            ),
        ),
        (PF_FILE, "reference", "_Portrait to match (with the network headshot)", ""),
    ],
    [(PF_LAYER, "layer", "The new layer")],
    studio_portrait,
    menu=MENU,
)

register(
    "python-fu-studio-portrait-check",
    "Check Studio Portrait's set-up",
    "Shows whether the server runs, what it runs on, and what is wrong with the installation.",
    AUTHORS,
    AUTHORS,
    "2026",
    "Studio Portrait: check set-up",
    "",
    [],
    [(PF_STRING, "report", "What was found")],
    check_set_up,
    menu=MENU,
)

main()
