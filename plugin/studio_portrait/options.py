"""The choices between a few things: the procedure's arguments and the dialog's lists have the same.

Each is (value, label, what it does), in the order in which the dialog shows them.
"""

from __future__ import annotations

from translation import _

REACH = (
    ("face", _("Face"), _("Only the face changes.")),
    ("skin", _("All skin"), _("Face, neck and other skin change; hair and clothes stay.")),
    ("person", _("Person"), _("Skin, hair and clothes change; the background stays.")),
    ("frame", _("Whole frame"), _("Colour and brightness change in the whole picture.")),
)
FACES = (
    ("all", _("All faces"), _("Every face that was found is retouched.")),
    ("largest", _("Largest face"), _("Only the largest face is retouched.")),
    ("selection", _("Faces in the selection"), _("Faces whose middle lies in the selection are retouched.")),
    ("ticked", _("Ticked faces"), _("The faces that are ticked in the picture are retouched.")),
)
OUTPUT = (
    ("layer", _("New layer"), _("The whole result as one layer above the picture.")),
    (
        "mask",
        _("New layer with mask"),
        _("One layer with a mask: paint on the mask to show more or less of the result."),
    ),
    (
        "group",
        _("Layer group"),
        _("A layer each for shine, light and colour; a layer's opacity works like its slider."),
    ),
)
LIMIT = (
    ("auto", _("Yes, unless the selection chooses the faces"), ""),
    ("yes", _("Yes"), ""),
    ("no", _("No"), ""),
)
