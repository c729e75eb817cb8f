"""The plug-in's copy in a profile: complete, repaired, never more removed than was written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plugin.studio_portrait.link.wire import Problem
from server.setup import plugin_folder, profiles
from server.setup.profiles import Profile

COMMAND = Path("/somewhere/.venv/bin/studio-portrait")


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    folder = tmp_path / "GIMP" / "3.0"
    folder.mkdir(parents=True)
    return Profile(folder, "3.0", "native")


def install(profile: Profile) -> bool:
    return plugin_folder.install(profile, COMMAND, ["deepflash"])


def test_copy_is_complete_and_second_time_nothing_changes(profile: Profile) -> None:
    assert install(profile)
    folder = profile.plugin
    assert plugin_folder.differences(folder) == []
    installed = plugin_folder.read(folder)
    assert installed is not None and installed.command == (str(COMMAND),)
    assert json.loads((folder / "installed.json").read_text())["networks"] == ["deepflash"]
    assert not list(folder.rglob("__pycache__")) and not list(folder.rglob("*.new"))
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert not install(profile)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_repairs(profile: Profile) -> None:
    """A file gone, one altered, the executable bit lost, the manifest cut off."""
    install(profile)
    folder = profile.plugin
    for spoil in (
        lambda: (folder / "link" / "wire.py").unlink(),
        lambda: (folder / "link" / "zmtp.py").write_text("half a fi"),
        lambda: (folder / plugin_folder.ENTRY).chmod(0o644),
        lambda: (folder / "installed.json").write_text('{"version": '),
    ):
        spoil()
        assert install(profile)
        assert plugin_folder.differences(folder) == []
        assert plugin_folder.is_executable(folder / plugin_folder.ENTRY)
        assert plugin_folder.read(folder) is not None
        assert not install(profile)


def test_files_of_an_older_version_go_and_foreign_ones_stay(profile: Profile) -> None:
    install(profile)
    folder = profile.plugin
    manifest = json.loads((folder / "installed.json").read_text())
    (folder / "old.py").write_text("of an older version")
    (folder / "installed.json").write_text(json.dumps({**manifest, "files": [*manifest["files"], "old.py"]}))
    (folder / "mine.py").write_text("the user's")
    install(profile)
    assert not (folder / "old.py").exists() and (folder / "mine.py").exists()


def test_remove_takes_only_ours(profile: Profile) -> None:
    install(profile)
    folder = profile.plugin
    neighbour = folder.parent / "neighbour" / "neighbour.py"
    neighbour.parent.mkdir()
    neighbour.touch()
    cache = folder / "link" / "__pycache__"
    cache.mkdir()
    (cache / "wire.cpython-313.pyc").touch()
    mine = folder / "link" / "mine.txt"
    mine.touch()
    installed = plugin_folder.read(folder)
    assert installed is not None
    assert plugin_folder.remove(installed) == [mine]
    assert [path for path in folder.rglob("*") if path.is_file()] == [mine]
    mine.unlink()
    (folder / "link").rmdir()
    folder.rmdir()
    install(profile)
    again = plugin_folder.read(folder)
    assert again is not None and plugin_folder.remove(again) == []
    assert not folder.exists() and neighbour.exists()


@pytest.mark.parametrize("name", ["../../gimprc", "/etc/hostname"])
def test_altered_manifest_removes_nothing_outside(profile: Profile, name: str) -> None:
    install(profile)
    path = profile.plugin / "installed.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "files": [name]}))
    (profile.folder / "gimprc").write_text("kept")
    installed = plugin_folder.read(profile.plugin)
    assert installed is not None
    with pytest.raises(Problem, match="was altered"):
        plugin_folder.remove(installed)
    assert (profile.folder / "gimprc").read_text() == "kept"


def test_plug_ins_folder_given_instead_of_the_profile(tmp_path: Path) -> None:
    (tmp_path / "plug-ins").mkdir()
    with pytest.raises(Problem, match="plug-ins folder"):
        install(profiles.given(tmp_path / "plug-ins"))
    assert not list((tmp_path / "plug-ins").iterdir())
    for typo in (tmp_path / "typo" / "3.0", tmp_path / "3.o"):
        with pytest.raises(Problem, match="There is no folder"):
            install(profiles.given(typo))
    assert [path.name for path in tmp_path.iterdir()] == ["plug-ins"]


def test_profile_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "3.0").mkdir()
    (tmp_path / "3.0" / "plug-ins").touch()
    with pytest.raises(Problem, match="could not be written"):
        install(profiles.given(tmp_path / "3.0"))
    (tmp_path / "3.2").touch()
    with pytest.raises(Problem, match="There is no folder"):
        install(profiles.given(tmp_path / "3.2"))


def test_every_kind_of_profile_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("XDG_CONFIG_HOME", "GIMP3_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    flatpak = tmp_path / ".var/app/org.gimp.GIMP/config/GIMP/3.2"
    snap = tmp_path / "snap/gimp/current/.config/GIMP/3.0"
    native = tmp_path / ".config/GIMP"
    for folder in (native / "2.10", native / "3.0", native / "3.2", native / "3.0-old", flatpak, snap):
        folder.mkdir(parents=True)
    found = [(profile.kind, profile.version) for profile in profiles.find_profiles(tmp_path)]
    assert found == [("native", "3.0"), ("native", "3.2"), ("flatpak", "3.2"), ("snap", "3.0")]
    chosen = tmp_path / "special"
    chosen.mkdir()
    monkeypatch.setenv("GIMP3_DIRECTORY", str(chosen))
    assert profiles.find_profiles(tmp_path)[-1].folder == chosen
    monkeypatch.setattr("sys.platform", "darwin")
    (tmp_path / "Library/Application Support/GIMP/3.0").mkdir(parents=True)
    assert profiles.find_profiles(tmp_path)[0].folder == tmp_path / "Library/Application Support/GIMP/3.0"
