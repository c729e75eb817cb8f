"""Every fault the doctor knows is made for real, and told with what to do; all well is told too."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from model.inference import segmentation
from plugin.studio_portrait.link import runtime
from server.setup import check_gimp, check_server, doctor, plugin_folder, profiles, torch_build
from server.setup.environment import Environment
from server.setup.finding import Finding
from server.setup.profiles import Gimp, Profile
from tests.sample import CHECKOUT
from tests.server.running import Server

from .conftest import Copy, own

GIMP_3_0 = Gimp("/usr/bin/gimp-console-3.0", "3.0", "native")
GIMP_3_2 = Gimp("/usr/bin/gimp-console-3.2", "3.2", "native")
ENTRY = plugin_folder.ENTRY


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    """A profile with the plug-in in it."""
    folder = tmp_path / "3.0"
    folder.mkdir()
    profile = Profile(folder, "3.0", "native")
    plugin_folder.install(profile, Path("/venv/bin/studio-portrait"), [])
    entry = profile.plugin / ENTRY
    if not entry.exists():
        entry.touch()
    entry.chmod(0o755)
    return profile


def fault(findings: Iterable[Finding | None]) -> str:
    """The code of the only fault among the findings, which has a sentence and a hint."""
    faults = [finding for finding in findings if finding is not None and not finding.ok]
    assert len(faults) == 1, faults
    assert faults[0].sentence and faults[0].hint
    return faults[0].code


def well(findings: Iterable[Finding | None]) -> bool:
    return all(finding is None or finding.ok for finding in findings)


def test_gimp_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DISPLAY", ":0")
    assert fault([check_gimp.check_gimps(profiles.find_gimps())]) == "no-gimp"
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    note = check_gimp.check_gimps([])  # nobody can miss it on a machine without a screen
    assert note.ok and note.code == "no-gimp" and note.hint
    old = tmp_path / "gimp"
    old.write_text("#!/bin/sh\necho 'GNU Image Manipulation Program version 2.10.36'\n")
    old.chmod(0o755)
    assert profiles.find_gimps() == []
    new = tmp_path / "gimp-console-3.0"
    new.write_text("#!/bin/sh\necho 'GNU-Bildbearbeitungsprogramm, Fassung 3.0.4'\n")
    new.chmod(0o755)
    assert profiles.find_gimps() == [Gimp(str(new), "3.0", "native")]
    assert well([check_gimp.check_gimps(profiles.find_gimps())])


def test_gimp_programs_on_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For everybody or for one user; no search through everything that is installed."""
    for name in ("PATH", "PROGRAMFILES", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setattr("sys.platform", "win32")
    for folder, version in (
        ("PROGRAMFILES", "3.0"),
        ("LOCALAPPDATA/Programs", "3.2"),
        ("PROGRAMFILES/a", "3.4"),
    ):
        program = tmp_path / folder / "GIMP 3" / "bin" / f"gimp-console-{version}.exe"
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\necho 'GNU Image Manipulation Program version {version}.2'\n")
        program.chmod(0o755)
    assert [gimp.version for gimp in profiles.find_gimps()] == ["3.0", "3.2"]


def test_version_folders(profile: Profile, tmp_path: Path) -> None:
    assert well(check_gimp.check_versions([GIMP_3_0], [profile], []))
    assert fault(check_gimp.check_versions([GIMP_3_0, GIMP_3_2], [profile], [])) == "wrong-version-folder"
    assert (
        fault(check_gimp.check_versions([GIMP_3_0], [profile], [tmp_path / "2.10"])) == "wrong-version-folder"
    )


def test_plugin_in_an_old_profile_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    old = tmp_path / ".config/GIMP/2.10/plug-ins/studio_portrait"
    old.mkdir(parents=True)
    assert profiles.other_versions(tmp_path) == [old]


def test_plugin_complete(profile: Profile) -> None:
    assert well(check_gimp.check_profile(profile))


def test_plugin_missing(tmp_path: Path) -> None:
    assert fault(check_gimp.check_profile(Profile(tmp_path, "3.0", "native"))) == "plugin-missing"


def test_plugin_damaged(profile: Profile) -> None:
    (profile.plugin / "link" / "wire.py").write_text("")
    assert fault(check_gimp.check_profile(profile)) == "plugin-damaged"
    (profile.plugin / "installed.json").unlink()
    assert fault(check_gimp.check_profile(profile)) == "plugin-damaged"


def test_plugin_of_another_checkout(profile: Profile) -> None:
    path = profile.plugin / "installed.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "checkout": "/elsewhere"}))
    assert fault(check_gimp.check_profile(profile)) == "plugin-foreign"


def test_executable_bit(profile: Profile) -> None:
    (profile.plugin / ENTRY).chmod(0o644)
    assert fault(check_gimp.check_profile(profile)) == "not-executable"


@pytest.mark.parametrize("place", ["portrait", "."])
def test_folder_name(profile: Profile, place: str) -> None:
    folder = profile.folder / "plug-ins" / place
    folder.mkdir(exist_ok=True)
    (folder / ENTRY).touch()
    assert fault(check_gimp.check_profile(profile)) == "folder-name"


def test_search_path(profile: Profile) -> None:
    gimprc = profile.folder / "gimprc"
    gimprc.write_text('(plug-in-path "${gimp_dir}/plug-ins:${gimp_plug_in_dir}/plug-ins")\n')
    assert well(check_gimp.check_profile(profile))
    gimprc.write_text('(plug-in-path "${gimp_plug_in_dir}/plug-ins")\n')
    assert fault(check_gimp.check_profile(profile)) == "plugin-disabled"


def test_registration(profile: Profile) -> None:
    """What GIMP 3.0 writes: it leaves a plug-in that failed out of pluginrc, and writes the file anew."""
    entry, record = profile.plugin / ENTRY, profile.folder / "pluginrc"
    other = '(plug-in-def "${gimp_plug_in_dir}/plug-ins/web-browser/web-browser" 1787339027\n'
    stamp = int(entry.stat().st_mtime)
    ours = f'(plug-in-def "${{gimp_dir}}/plug-ins/studio_portrait/{ENTRY}" {stamp}\n    (proc-def "p" 1'
    record.write_text(other)
    os.utime(record, (time.time() + 5,) * 2)
    assert fault(check_gimp.check_profile(profile)) == "plugin-disabled"
    record.write_text(other + ours)
    os.utime(record, (time.time() + 5,) * 2)
    (finding,) = check_gimp.check_profile(profile)
    assert finding.ok and "in its menu" in finding.sentence
    windows = rf'(plug-in-def "C:\\Users\\me\\plug-ins\\studio_portrait\\{ENTRY}" {stamp}'
    record.write_text(other + windows)
    os.utime(record, (time.time() + 5,) * 2)
    (finding,) = check_gimp.check_profile(profile)
    assert finding.ok and "in its menu" in finding.sentence
    os.utime(record, (time.time() - 500,) * 2)
    record.write_text(other)
    os.utime(record, (time.time() - 500,) * 2)
    (finding,) = check_gimp.check_profile(profile)
    assert finding.ok and "next start" in finding.sentence


def test_python_without_gi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    python.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    assert fault([check_gimp.check_python([GIMP_3_0])]) == "python-without-gi"
    (tmp_path / "gi.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert well([check_gimp.check_python([GIMP_3_0])])
    python.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    monkeypatch.setattr(check_gimp, "_PATIENCE", 0.2)
    assert fault([check_gimp.check_python([GIMP_3_0])]) == "python-without-gi"
    python.unlink()
    assert fault([check_gimp.check_python([GIMP_3_0])]) == "python-without-gi"
    assert check_gimp.check_python([]) is None


def test_environment(installed: Copy) -> None:
    """Not there, its Python gone, a package damaged, the command missing."""
    environment = Environment(installed.folder)
    assert fault([check_server.check_environment(Environment(installed.home))]) == "environment"
    assert "command is missing" in check_server.check_environment(environment).sentence
    own(installed.packages / "mdurl")
    (installed.packages / "mdurl" / "_parse.py").unlink()
    assert "mdurl is damaged" in check_server.check_environment(environment).sentence
    (installed.folder / ".venv" / "bin" / "python").unlink()
    assert "does not run" in check_server.check_environment(environment).sentence


def test_weights(tmp_path: Path) -> None:
    assert fault(check_server.check_weights(tmp_path)) == "weights"
    folder = tmp_path / "model" / "weights"
    folder.mkdir(parents=True)
    facts = {"name": "net", "file": "net.safetensors", "sha256": hashlib.sha256(b"right").hexdigest()}
    (folder / "net.json").write_text(json.dumps(facts))
    assert "missing" in next(check_server.check_weights(tmp_path)).sentence
    (folder / "net.safetensors").write_bytes(b"wrong")
    assert "checksum is wrong" in next(check_server.check_weights(tmp_path)).sentence
    (folder / "net.safetensors").write_bytes(b"right")
    finder = folder / segmentation.FILE
    for content, words in ((None, "weights are missing"), (b"wrong", "checksum is wrong")):
        if content:
            finder.write_bytes(content)
        _, found = check_server.check_weights(tmp_path)
        assert words in found.sentence and "finds the person" in found.sentence and found.hint
    shutil.copy(CHECKOUT / "model/weights" / segmentation.FILE, finder)
    assert well(check_server.check_weights(tmp_path))
    (folder / "net.json").write_text("{")
    assert fault(check_server.check_weights(tmp_path)) == "weights"


def test_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver's program stands for the GPU; it is looked for, not run."""
    environment = Environment(tmp_path)
    environment.folder.mkdir()
    environment.remember(device="cpu")
    program = tmp_path / "nvidia-smi"
    program.touch()
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert torch_build.has_nvidia_gpu()
    assert torch_build.choose(None, None) == torch_build.CUDA
    assert torch_build.choose("cpu", None) == torch_build.choose(None, "cpu") == torch_build.CPU
    assert fault([check_server.check_gpu(environment)]) == "gpu-unused"
    environment.remember(device="cuda")
    assert check_server.check_gpu(environment).sentence == "The GPU is used."
    program.unlink()
    if not torch_build.has_nvidia_gpu():  # as far as it was only that program
        assert check_server.check_gpu(environment).sentence == "No NVIDIA GPU; the CPU is used."
    environment.remember(device="cpu")
    monkeypatch.setattr(sys, "platform", "darwin")
    finding = check_server.check_gpu(environment)
    assert finding.ok and "Apple's GPU" in finding.sentence


def test_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None, one that answers, what a killed one leaves behind, one that holds the lock and is deaf."""
    home = tmp_path / "home"
    monkeypatch.setenv(runtime.HOME_VARIABLE, str(home))
    environment = Environment(tmp_path)
    assert well(check_server.check_server(environment))
    with Server(home) as server:
        server.wait_ready()
        (finding,) = check_server.check_server(environment)
        assert finding.ok and "answers" in finding.sentence
        server.process.kill()
        server.process.wait()
        (finding,) = check_server.check_server(environment)  # the next start clears it: nothing to do
        assert finding.ok and finding.code == "server-stale" and finding.hint
    runtime.Runtime.remove(home)
    (home / "server.sock").unlink(missing_ok=True)
    lock = runtime.Lock(home)
    assert lock.acquire()
    try:
        (finding,) = check_server.check_server(environment)
        assert finding.code == "server-unreachable" and f"process {os.getpid()}" in finding.hint
        assert finding.sentence == f"The server (process {os.getpid()}) does not answer."
        (tmp_path / "file").touch()
        monkeypatch.setenv(runtime.HOME_VARIABLE, str(tmp_path / "file"))
        assert fault(check_server.check_server(environment)) == "state-folder"
    finally:
        lock.release()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root can write everywhere")
def test_a_state_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o500)
    monkeypatch.setenv(runtime.HOME_VARIABLE, str(tmp_path))
    try:
        assert fault(check_server.check_server(Environment(tmp_path))) == "state-folder"
    finally:
        tmp_path.chmod(0o700)


def test_whole_report(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status says whether all is well, in words and as JSON alike."""
    monkeypatch.setenv(runtime.HOME_VARIABLE, str(tmp_path))
    status = doctor.run(json=True)
    told = json.loads(capsys.readouterr().out)
    assert status == (0 if told["ok"] else 1)
    assert {"environment", "weights", "server"} <= {finding["code"] for finding in told["findings"]}
    assert doctor.run() == status
    text = capsys.readouterr().out
    assert all(finding["sentence"] in text and finding["hint"] in text for finding in told["findings"])


def test_nothing_heavy_is_imported() -> None:
    heavy = {"torch", "cv2", "numpy", "face_recognition", "PIL", "zmq"}
    code = "import sys, server.setup.install, server.setup.doctor; print(*sys.modules)"
    names = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "server.setup.doctor" in names
    assert not heavy & set(names)
