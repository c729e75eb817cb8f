"""Everything the user chooses: the procedure's arguments, the dialog and a result's parasite hold the same.

The procedure counts in per cent and faces from 1; `link.wire.Settings` from 0 to 1 and from 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from link.sliders import SLIDERS, STORED, as_now
from link.wire import Problem, Settings

OUTPUTS = ("layer", "mask", "group")
LIMITS = ("auto", "yes", "no")
TICKED = "ticked"


@dataclass(frozen=True)
class Choices:
    """settings: what the server is told. output: ``layer``, ``mask`` (a layer with a mask) or
    ``group`` (a layer for each part). limit: whether a selection limits the effect, ``yes``, ``no``
    or ``auto``: it does, unless it chooses the faces. mattes: the person and the skin as channels, too.
    reference: a file's path, "" for none.
    """

    settings: Settings = field(default_factory=Settings)
    output: str = "layer"
    limit: str = "auto"
    mattes: bool = False
    reference: str = ""

    @classmethod
    def from_arguments(cls, values: dict[str, Any]) -> Choices:
        """Take the procedure's arguments. Raises `Problem` for what no setting can be."""
        faces = values["faces"]
        settings = Settings(
            **{name: values[name] / 100 for name in SLIDERS},
            reach=values["reach"],
            faces=_numbers(values["ticked"]) if faces == TICKED else faces,
            network=values["network"].strip().lower(),
            mask=values["output"] == "mask",
        )
        mattes, reference = bool(values["mattes"]), values["reference"] or ""
        return cls(settings, values["output"], values["limit"], mattes, reference)

    @property
    def limits(self) -> bool:
        """Whether the effect ends at the selection's edge."""
        return self.limit == "yes" or (self.limit == "auto" and self.settings.faces != "selection")

    def arguments(self) -> dict[str, Any]:
        """Return the same as the procedure's arguments."""
        settings = self.settings
        faces = settings.faces
        ticked = () if isinstance(faces, str) else faces
        return {
            **{name: round(getattr(settings, name) * 100, 3) for name in SLIDERS},
            "reach": settings.reach,
            "faces": faces if isinstance(faces, str) else TICKED,
            "ticked": ", ".join(str(index + 1) for index in ticked),
            "network": settings.network,
            "reference": self.reference,
            "output": self.output,
            "limit": self.limit,
            "mattes": self.mattes,
        }

    @classmethod
    def from_json(cls, data: Any) -> Choices | None:
        """Read what `as_json` gave; None for anything that is damaged or of another version."""
        try:
            settings = Settings(**data["settings"])
            settings = Settings(**as_now(settings.as_dict(), data.get("format")))
            chosen = cls(settings, data["output"], data["limit"], data["mattes"], data["reference"])
        except (Problem, TypeError, KeyError, ValueError):
            return None
        known = chosen.output in OUTPUTS and chosen.limit in LIMITS
        sound = known and isinstance(chosen.mattes, bool) and isinstance(chosen.reference, str)
        return chosen if sound else None

    def as_json(self) -> dict[str, Any]:
        """Return what `from_json` reads: the layer's parasite, and what the dialog remembers."""
        return {
            "format": STORED,
            "settings": self.settings.as_dict(),
            "output": self.output,
            "limit": self.limit,
            "mattes": self.mattes,
            "reference": self.reference,
        }


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) - 1 for part in text.replace(",", " ").split())
    except ValueError:
        raise Problem(
            "bad-setting", f"“{text}” is not a list of face numbers.", "Write it like this: 1, 3."
        ) from None
