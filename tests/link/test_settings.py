"""Settings are checked wherever they come from: wire, command line, preset file."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from plugin.studio_portrait.link import presets, runtime
from plugin.studio_portrait.link.sliders import SLIDERS, Slider
from plugin.studio_portrait.link.wire import Problem, Settings
from server.cli import settings as options
from server.cli.terminal import printable


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(runtime.HOME_VARIABLE, str(tmp_path))


@pytest.mark.parametrize("name", SLIDERS)
@pytest.mark.parametrize("value", [1.01, -1.01, float("nan"), float("inf"), "1", True, None, [1]])
def test_a_slider_out_of_range_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(Problem, match=name) as problem:
        Settings(**{name: value})
    assert problem.value.code == "bad-setting"


def test_every_slider_is_a_setting_with_its_default() -> None:
    settings = Settings()
    assert {name: getattr(settings, name) for name in SLIDERS} == {
        name: slider.default for name, slider in SLIDERS.items()
    }


@pytest.mark.parametrize(("name", "slider"), SLIDERS.items())
def test_each_slider_ends_where_its_table_says(name: str, slider: Slider) -> None:
    assert slider.least in (-1, 0)
    assert getattr(Settings(**{name: slider.least}), name) == slider.least
    for beyond in (slider.least - 0.1, 1.1, float("nan")):
        with pytest.raises(Problem):
            Settings(**{name: beyond})


@pytest.mark.parametrize(
    "faces", ["some", "", None, [True], [-1], [0.5], ["0"], [1000], list(range(1001)), {}]
)
def test_faces_that_cannot_be_are_refused(faces: Any) -> None:
    with pytest.raises(Problem, match="faces"):
        Settings(faces=faces)


def test_settings_survive_the_wire() -> None:
    sent = Settings(shine=0.5, warmth=-0.25, reach="skin", faces=(2, 0, 2), network="studio", mask=True)
    assert sent.faces == (0, 2)
    assert Settings(**json.loads(json.dumps(sent.as_dict()))) == sent
    assert hash(sent) == hash(Settings(**json.loads(json.dumps(sent.as_dict()))))


def test_what_does_nothing_says_so() -> None:
    nothing = {"shine": 0.0, "light": 0.0, "colour": 0.0}
    assert Settings(strength=0, warmth=1).does_nothing and Settings(**nothing).does_nothing
    assert not Settings(**nothing, warmth=0.1).does_nothing and not Settings().does_nothing


def parsed(*words: str) -> Settings:
    parser = argparse.ArgumentParser()
    options.add_arguments(parser)
    return options.from_arguments(parser.parse_args(words))


def test_options_are_per_cent_and_faces_count_from_one() -> None:
    assert parsed() == Settings()
    said = parsed("--shine", "50", "--warmth", "-20", "--reach", "frame", "--faces", "3,1", "--network", "x")
    assert said == Settings(shine=0.5, warmth=-0.2, reach="frame", faces=(0, 2), network="x")
    for words in (
        ("--shine", "101"),
        ("--faces", "0"),
        ("--faces", "one"),
        ("--faces", "1,"),
        ("--preset", "?"),
    ):
        with pytest.raises(Problem) as problem:
            parsed(*words)
        assert problem.value.code == "bad-setting"


def test_an_option_goes_before_its_preset() -> None:
    presets.save("Mine", Settings(shine=0.3, light=0.2, reach="face"))
    assert parsed("--preset", "mine", "--light", "70") == Settings(shine=0.3, light=0.7, reach="face")


def test_three_presets_are_shipped() -> None:
    names = [preset.name for preset in presets.available()]
    assert names == ["Natural", "Matte", "Colour only"] and all(p.shipped for p in presets.available())
    base = Settings(warmth=0.5, faces="largest", mask=True)
    assert presets.find("colour ONLY").over(base) == Settings(shine=0, light=0, faces="largest", mask=True)


def test_own_presets_are_saved_found_and_removed(tmp_path: Path) -> None:
    look = Settings(strength=0.5, warmth=0.1, faces=(1,), mask=True)
    path = presets.save("Weiche Töne / 2", look)
    assert path.parent == tmp_path / "presets" and [p.name for p in path.parent.iterdir()] == [path.name]
    for name in ("weiche töne / 2", str(path)):
        assert presets.find(name).over(Settings()) == Settings(strength=0.5, warmth=0.1)
    earlier = json.loads(path.read_text("utf-8")) | {"format": 1}
    earlier["settings"]["colour"] = 1.0
    path.write_text(json.dumps(earlier), "utf-8")
    assert presets.find(str(path)).settings["colour"] == 0.6, "of before, when 100 % held four tenths back"
    assert presets.remove("Weiche Töne / 2") and not presets.remove("Weiche Töne / 2")
    other = tmp_path / "presets/from-anna.json"
    other.write_text('{"name": "Anna", "settings": {"shine": 0.1}}')
    presets.save("anna", look)
    assert presets.find("Anna").settings["strength"] == 0.5 and not other.exists(), "it replaces hers"
    other.write_text('{"name": "Anna", "settings": {}}')
    assert presets.remove("ANNA") and list(other.parent.iterdir()) == [], "in whatever file"
    presets.save("matte", look)  # stands for ours
    assert not presets.find("Matte").shipped and len(presets.available()) == 3
    with pytest.raises(Problem):
        presets.save(" /// ", look)


def test_a_preset_replaces_none_of_another_name() -> None:
    """Whatever a file's name cannot hold of it; and a name from the clipboard may have lines."""
    for strength in (0.3, 0.4):
        presets.save("C++", Settings(strength=strength))
        presets.save("C", Settings(strength=0.1))
    presets.save("My\nown \t preset", Settings())
    assert presets.find("c++").settings["strength"] == 0.4 and presets.find("c").settings["strength"] == 0.1
    own = [preset.name for preset in presets.available() if not preset.shipped]
    assert sorted(own) == ["C", "C++", "My own preset"]


@pytest.mark.parametrize(
    ("system", "variables", "place"),
    [
        ("linux", {}, ".config"),
        ("linux", {"XDG_CONFIG_HOME": "{home}/elsewhere"}, "elsewhere"),
        ("linux", {"XDG_CONFIG_HOME": "not/absolute"}, ".config"),
        ("linux", {"XDG_CONFIG_HOME": "{home}/.var", "FLATPAK_ID": "org.gimp.GIMP"}, ".config"),
        (
            "linux",
            {"XDG_CONFIG_HOME": "/x", "FLATPAK_ID": "x", "HOST_XDG_CONFIG_HOME": "{home}/host"},
            "host",
        ),
        ("win32", {"APPDATA": "{home}/Roaming"}, "Roaming"),
        ("win32", {}, "AppData/Roaming"),
        ("darwin", {}, "Library/Application Support"),
    ],
)
def test_own_presets_lie_beside_gimps_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, variables: dict[str, str], place: str
) -> None:
    """Where `server.setup.profiles` looks for GIMP's own; a flatpak's GIMP and a terminal see the same."""
    _at_home(tmp_path, monkeypatch, **variables)
    monkeypatch.setattr(sys, "platform", system)
    assert presets.folder() == tmp_path / place / "studio-portrait" / "presets"


def test_presets_of_before_are_taken_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None is lost: not one whose file's name is taken, not one in a place that cannot be left."""
    _at_home(tmp_path, monkeypatch)
    earlier = tmp_path / ".local/state/studio-portrait/presets"
    earlier.mkdir(parents=True)
    for stem, name in (("preset-mine", "Mine"), ("preset-same", "Of before")):
        (earlier / f"{stem}.json").write_text(json.dumps({"name": name, "settings": {"shine": 0.25}}))
    presets.save("Same", Settings(shine=1))
    names = {preset.name for preset in presets.available() if not preset.shipped}
    assert names == {"Mine", "Same", "Of before"} and presets.find("mine").settings == {"shine": 0.25}
    assert [path.name for path in earlier.iterdir()] == ["preset-same.json"]
    assert presets.folder().stat().st_mode & 0o777 == 0o700
    assert presets.remove("same") and not presets.remove("same")
    assert {preset.name for preset in presets.available() if not preset.shipped} == {"Mine", "Of before"}
    assert not earlier.exists()


def test_presets_of_before_are_found_where_they_cannot_be_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _at_home(tmp_path, monkeypatch)
    earlier = tmp_path / ".local/state/studio-portrait/presets"
    earlier.mkdir(parents=True)
    (earlier / "preset-mine.json").write_text('{"name": "Mine", "settings": {}}')
    (tmp_path / ".config").write_text("no folder")
    assert presets.find("Mine").name == "Mine"
    with pytest.raises(Problem, match="cannot be written"):
        presets.save("Another", Settings())


def _at_home(home: Path, monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    """Let nothing but the user's home say where presets lie."""
    for name in (runtime.HOME_VARIABLE, "XDG_CONFIG_HOME", "FLATPAK_ID", "HOST_XDG_CONFIG_HOME", "APPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(home=home))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"\xff\xfe",
        b"[" * 50_000,
        b'{"name": "x"}',
        b'{"name": 3, "settings": {}}',
        b'{"name": " ", "settings": {}}',
        rb'{"name": "half \ud800", "settings": {}}',
        rb'{"name": "red \u001b[31m", "settings": {}}',
        b'{"name": "x", "settings": {"shine": 1' + b"0" * 400 + b"}}",
        b'{"name": "x", "settings": {"shine": ' + b"9" * 5000 + b"}}",
        b'{"name": "x", "settings": {"reach": [], "network": {}}}',
        b'{"name": "x", "settings": {"shine": 2}}',
        b'{"name": "x", "settings": {"mask": true}}',
        b'{"name": "x", "settings": {"glow": 1}}',
        b'{"name": "x", "settings": {"shine": NaN}}',
        b'{"name": "x", "settings": {}}' + b" " * presets.MAX_BYTES,
    ],
)
def test_a_damaged_preset_is_told_and_hides_no_other(tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / "presets"
    folder.mkdir()
    (folder / "bad.json").write_bytes(content)
    assert len(presets.available()) == 3
    with pytest.raises(Problem) as problem:
        presets.find(str(folder / "bad.json"))
    assert problem.value.code == "bad-setting" and "bad.json" in str(problem.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_a_preset_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(Problem):
        presets.find(str(tmp_path / "pipe.json"))


@pytest.mark.parametrize("name", ["Matte 50 %", "100%s", "%(default)s", "right \u202e left"])
def test_help_shows_own_presets_whatever_their_names(name: str) -> None:
    presets.save(name, Settings())
    parser = argparse.ArgumentParser()
    options.add_arguments(parser)
    assert printable(name) in " ".join(parser.format_help().split())
