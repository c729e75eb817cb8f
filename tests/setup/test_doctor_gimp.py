"""The doctor reads what a real GIMP wrote down about the plug-in, also when its Python cannot run it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.setup import check_gimp, plugin_folder, profiles
from server.setup.profiles import Profile
from tests.gimp import harness


@pytest.fixture
def fresh(gimp: harness.Gimp) -> Iterator[harness.Gimp]:
    """The same GIMP with a new profile that holds the plug-in."""
    started = harness.start(gimp.root)
    plugin_folder.install(profiles.given(started.profile), Path("/nowhere/studio-portrait"), [])
    yield started
    harness.end(started)


def start_gimp(gimp: harness.Gimp, **variables: str) -> None:
    options = ("--no-interface", "--no-data", "--no-fonts", "--quit")
    subprocess.run(
        gimp.command("gimp-console", *options, **variables), capture_output=True, check=True, timeout=120
    )


def test_registered_and_not(fresh: harness.Gimp) -> None:
    profile = Profile(fresh.profile, "3.0", "given")
    (finding,) = check_gimp.check_profile(profile)
    assert finding.ok and "next start" in finding.sentence
    start_gimp(fresh)
    (finding,) = check_gimp.check_profile(profile)
    assert finding.ok and "in its menu" in finding.sentence

    python = fresh.work / "bin" / "python3"
    python.parent.mkdir()
    python.write_text(
        '#!/bin/sh\nexec /usr/bin/python3 -S "$@"\n'
    )  # without Debian's packages, so without gi
    python.chmod(0o755)
    os.utime(profile.plugin / plugin_folder.ENTRY)  # so that GIMP asks it again
    start_gimp(fresh, PATH=f"{fresh.inside(python.parent)}:/usr/bin:/bin")
    (finding,) = check_gimp.check_profile(profile)
    assert finding.code == "plugin-disabled" and "registered nothing" in finding.sentence
