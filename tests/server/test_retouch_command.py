"""``studio-portrait retouch`` against a real server whose worker inverts the middle of a picture.

What the network does to a face is tested elsewhere; here it counts which file comes out, what is
left alone, and what is said about everything that goes wrong.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, PngImagePlugin

from plugin.studio_portrait.link import runtime
from plugin.studio_portrait.link.session import Session
from server.cli import main as cli
from server.cli import retouch_plan
from tests.sample import SELFIE

from .running import COMMAND, PATIENCE, Client, Server, gone, wait_for

SLOW = "slow"  # the plain worker does not come to an end with this network
BAD = {
    "empty.jpg": b"",
    "text.jpg": b"Dear Sir or Madam\n",
    "cut.png": imagecodecs.png_encode(np.zeros((8, 8, 3), np.uint8))[:60],
}


@pytest.fixture
def home(shared_server: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The command line meets the shared server."""
    monkeypatch.setenv(runtime.HOME_VARIABLE, str(shared_server.home))
    return shared_server.home


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    path.write_bytes(imagecodecs.png_encode(noise("uint16")))
    return path


def noise(dtype: str) -> np.ndarray:
    random = np.random.default_rng(7)
    if dtype == "float32":
        return random.normal(0.5, 0.5, (40, 60, 3)).astype(np.float32)
    return random.integers(0, np.iinfo(dtype).max, (40, 60, 3), dtype=dtype)


def retouch(*words: str | Path) -> int:
    return cli.main(["retouch", *(str(word) for word in words)])


def objects(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def check_inverted(before: np.ndarray, after: np.ndarray) -> None:
    """Only the middle half is changed, and that by the worker."""
    inside = np.zeros(before.shape[:2], bool)
    inside[10:30, 15:45] = True
    white = 1 if before.dtype.kind == "f" else np.iinfo(before.dtype).max
    np.testing.assert_array_equal(after[~inside], before[~inside])
    np.testing.assert_array_equal(after[inside], white - before[inside])


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_samples_outside_are_identical(tmp_path: Path, dtype: str) -> None:
    before = noise(dtype)
    source, target = tmp_path / "in.tif", tmp_path / "out.tif"
    tifffile.imwrite(source, before, photometric="rgb")
    assert retouch(source, "-o", target) == 0
    check_inverted(before, tifffile.imread(target))


@pytest.mark.usefixtures("home")
def test_sixteen_bit_png(tmp_path: Path, photo: Path) -> None:
    assert retouch(photo, "-o", tmp_path / "out.png") == 0
    check_inverted(noise("uint16"), imagecodecs.png_decode((tmp_path / "out.png").read_bytes()))


@pytest.mark.usefixtures("home")
def test_stored_sideways(tmp_path: Path) -> None:
    """The server sees the picture upright; the file stays stored as it was."""
    image = Image.open(SELFIE).resize((64, 32))
    exif = Image.Exif()
    exif[274] = 6
    image.save(tmp_path / "in.png", exif=exif)
    assert retouch(tmp_path / "in.png", "-o", tmp_path / "out.png") == 0
    after = Image.open(tmp_path / "out.png")
    assert after.size == (64, 32) and after.getexif()[274] == 6
    before = np.asarray(image)
    np.testing.assert_array_equal(np.asarray(after)[8:24, 16:48], 255 - before[8:24, 16:48])


@pytest.mark.usefixtures("home")
def test_what_a_jpeg_has_no_room_for_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = PngImagePlugin.PngInfo()
    said.add_itxt("XML:com.adobe.xmp", "x" * 70_000)
    Image.open(SELFIE).resize((64, 32)).save(tmp_path / "in.png", pnginfo=said)
    assert retouch(tmp_path / "in.png", "-o", tmp_path / "out.jpg") == 0
    assert "in.png: Left out, because a JPEG has no room for it: the XMP packet." in capsys.readouterr().err


@pytest.mark.usefixtures("home")
def test_json(tmp_path: Path, photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert retouch(photo, "-o", tmp_path / "out.png", "--json") == 0
    (told,) = objects(capsys)
    assert (told["input"], told["output"]) == (str(photo), str(tmp_path / "out.png"))
    assert (told["network"], told["weights"], told["engine"], told["device"]) == (
        "plain",
        "0" * 64,
        "numpy",
        "cpu",
    )
    assert told["faces"] == [{"used": True}]
    assert set(told["ms"]) == {"read", "total", "write"}


def _all_of(terminal: int) -> str:
    """What was written to a pseudo-terminal whose other end is closed; it comes in pieces of 4 KB."""
    pieces = []
    with contextlib.suppress(OSError):  # EIO: that was all
        while piece := os.read(terminal, 1 << 16):
            pieces.append(piece)
    return b"".join(pieces).decode()


def test_bar_on_a_terminal(home: Path, tmp_path: Path, photo: Path) -> None:
    """The bar goes to standard error, with the name as it is; standard output has the JSON alone."""
    photo = photo.rename(photo.with_name("photo [red].png"))
    inner, outer = os.openpty()
    command = [
        sys.executable,
        "-m",
        "server",
        "retouch",
        str(photo),
        "-o",
        str(tmp_path / "out.png"),
        "--json",
    ]
    environment = {**os.environ, runtime.HOME_VARIABLE: str(home), "TERM": "xterm", "COLUMNS": "100"}
    result = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=outer, text=True, check=False
    )
    os.close(outer)
    shown = _all_of(inner)
    os.close(inner)
    assert result.returncode == 0, shown
    assert json.loads(result.stdout)["output"] == str(tmp_path / "out.png")
    assert "photo [red].png" in shown and "output" not in shown


@pytest.mark.usefixtures("home")
def test_folder_with_bad_ones(tmp_path: Path, photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The good ones are done; each bad one gets its sentence; no input changes; nothing else is left."""
    folder = tmp_path / "in"
    folder.mkdir()
    photo.rename(folder / "good.png")
    for name, data in BAD.items():
        (folder / name).write_bytes(data)
    (folder / "notes.txt").write_text("not taken")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert retouch(folder, "-o", tmp_path / "new" / "out", "--json") == 1
    told = {Path(one["input"]).name: one for one in objects(capsys)}
    assert set(told) == {"good.png", *BAD}
    for name in BAD:
        assert told[name]["error"]["code"] == "bad-image"
        assert told[name]["error"]["hint"]
    assert [path.name for path in (tmp_path / "new" / "out").iterdir()] == ["good.png"]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.usefixtures("home")
def test_missing_input_and_odd_name(tmp_path: Path, photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = tmp_path / "photo"
    odd.write_bytes(photo.read_bytes())
    assert retouch(tmp_path / "none.jpg", odd, photo, "-o", tmp_path / "out") == 1
    told = capsys.readouterr().err
    assert "none.jpg: The file cannot be read" in told
    assert "photo does not say which format" in told
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["photo.png"]


def refused(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    """Status 2 with one line on standard error, and the code in the JSON object; that line."""
    capsys.readouterr()
    assert retouch(*words, "--json") == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["hint"]
    assert len(err.splitlines()) == 1 and "Traceback" not in err
    return err


@pytest.mark.usefixtures("home")
def test_output_is_an_input(tmp_path: Path, photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = photo.read_bytes()
    (tmp_path / "soft.png").symlink_to(photo)
    (tmp_path / "hard.png").hardlink_to(photo)
    (tmp_path / "sub").mkdir()
    other = tmp_path / "sub" / "photo.png"
    other.symlink_to(photo)
    for target in (photo, tmp_path / "soft.png", tmp_path / "hard.png", tmp_path, tmp_path / "sub"):
        assert "is the input" in refused(capsys, photo, "-o", target)
    assert photo.read_bytes() == before and photo.is_file() and not photo.is_symlink()


@pytest.mark.usefixtures("home")
def test_mistakes_in_the_command(tmp_path: Path, photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.png"
    twin = tmp_path / "twin"
    twin.mkdir()
    (twin / "photo.png").write_bytes(photo.read_bytes())
    for strength in ("-1", "100.5", "nan", "inf"):
        assert "between 0 and 100" in refused(capsys, photo, "-o", out, f"--strength={strength}")
    assert "no network called nobody" in refused(capsys, photo, "-o", out, "--network", "nobody")
    assert "network" in refused(capsys, photo, "-o", out, "--network", "../etc")
    assert "would both become" in refused(capsys, photo, twin / "photo.png", "-o", tmp_path / "both")
    assert "which format" in refused(capsys, photo, "-o", tmp_path / "out")
    assert "which format" in refused(capsys, photo, "-o", tmp_path / "out.gif")
    assert "no picture in" in refused(
        capsys, tmp_path / "both" if (tmp_path / "both").mkdir() else tmp_path / "both", "-o", tmp_path / "x"
    )
    assert "is a file" in refused(capsys, photo, twin / "photo.png", "-o", photo)
    assert "one picture" in refused(capsys, photo, twin / "photo.png", "-o", out)
    assert "one picture" in refused(capsys, twin, "-o", out)
    assert "named twice" in refused(capsys, photo, photo, "-o", tmp_path / "both")
    assert "named twice" in refused(capsys, twin, twin / "photo.png", "-o", tmp_path / "both")
    assert "too long" in refused(capsys, photo, "-o", tmp_path / f"{'o' * 300}.png")
    assert not out.exists()


@pytest.mark.usefixtures("home", "photo")
def test_empty_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a path they would be the folder where the command was started, with every picture in it."""
    monkeypatch.chdir(tmp_path)
    for words in (["", "-o", "a.png"], ["photo.png", "-o", ""], ["photo.png", "", "-o", "new"]):
        assert "is empty" in refused(capsys, *words)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["photo.png"]
    assert not (tmp_path / "a.png").exists() and not (tmp_path / "new").exists()


def test_only_missing_inputs_start_no_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And that it is missing is told before what is wrong with the output's name."""
    monkeypatch.setenv(runtime.HOME_VARIABLE, str(tmp_path / "home"))
    for target in ("out.png", "out.gif"):
        assert retouch(tmp_path / "none.jpg", "-o", tmp_path / target, "--json") == 1
        (told,) = objects(capsys)
        assert told["error"]["code"] == "bad-image" and "No such file" in told["error"]["message"]
    assert not (tmp_path / "home").exists()


@pytest.mark.usefixtures("home")
def test_longest_name(tmp_path: Path, photo: Path) -> None:
    target = tmp_path / f"{'o' * 251}.png"
    assert retouch(photo, "-o", target) == 0 and target.exists()


def test_nobody_reads_the_report(home: Path, tmp_path: Path, photo: Path) -> None:
    """``retouch --json | true``: every picture is done all the same, and quietly; a full disk is told."""
    second = tmp_path / "second.png"
    second.write_bytes(photo.read_bytes())
    inner, outer = os.pipe()
    os.close(inner)
    words = ["retouch", str(photo), str(second), "-o", str(tmp_path / "out"), "--json"]
    result = subprocess.run(
        [sys.executable, "-m", "server", *words],
        env={**os.environ, runtime.HOME_VARIABLE: str(home)},
        stdout=outer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(outer)
    assert result.returncode == 0
    assert "Traceback" not in result.stderr and "pipe" not in result.stderr
    assert len(list((tmp_path / "out").iterdir())) == 2
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [sys.executable, "-m", "server", *words[:-2], str(tmp_path / "new"), "--json"],
            env={**os.environ, runtime.HOME_VARIABLE: str(home)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert "Traceback" not in result.stderr and "report cannot be written (No space" in result.stderr
    assert len(list((tmp_path / "new").iterdir())) == 2


@pytest.mark.usefixtures("home")
def test_unwritable_output(tmp_path: Path, photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert "written into" in refused(capsys, photo, "-o", tmp_path / "none" / "out.png")
    assert "written into" in refused(capsys, photo, "-o", tmp_path / "file" / "out.png")
    assert "cannot be made" in refused(capsys, photo, "-o", f"{tmp_path}/file/out/")
    (tmp_path / "out.png").mkdir()
    (tmp_path / "out.png" / "photo.png").mkdir()
    assert "is a folder" in refused(capsys, photo, "-o", tmp_path / "out.png")


def test_format_that_cannot_hold_the_samples(home: Path, tmp_path: Path, photo: Path) -> None:
    assert home.is_dir()
    assert retouch(photo, "-o", tmp_path / "out.jpg") == 1
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["photo.png"]


def test_server_that_cannot_start(
    tmp_path: Path, photo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(runtime.HOME_VARIABLE, str(tmp_path / "home"))
    monkeypatch.setenv(
        "STUDIO_PORTRAIT_SERVER", shlex.join([sys.executable, "-c", "raise SystemExit('no torch')"])
    )
    assert "no torch" in refused(capsys, photo, "-o", tmp_path / "out.png")
    assert not (tmp_path / "out.png").exists()


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a command that starts its own server in a home of its own; ended afterwards."""
    environment = {
        **os.environ,
        runtime.HOME_VARIABLE: str(tmp_path / "home"),
        "STUDIO_PORTRAIT_SERVER": shlex.join(COMMAND),
    }
    yield environment
    subprocess.run([sys.executable, "-m", "server", "stop"], env=environment, check=True, capture_output=True)


def start(environment: dict[str, str], *words: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "server", "retouch", *(str(word) for word in words)]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def at_work(home: Path) -> int:
    """The process id of the server that the command has started, once it has a job in hand."""
    with wait_for(lambda: Session.connect(home)) as session:
        wait_for(lambda: session.status()["running"])
        return int(session.status()["pid"])


def test_starts_the_server(alone: dict[str, str], tmp_path: Path, photo: Path) -> None:
    process = start(alone, photo, "-o", tmp_path / "out.png")
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    check_inverted(noise("uint16"), imagecodecs.png_decode((tmp_path / "out.png").read_bytes()))


def test_ctrl_c_cancels_the_job(server: Server, tmp_path: Path, photo: Path) -> None:
    environment = {**os.environ, runtime.HOME_VARIABLE: str(server.home)}
    process = start(environment, photo, "-o", tmp_path / "out.png", "--network", SLOW)
    with Client(server) as client:
        wait_for(lambda: client.status()["running"])
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 130
        assert "Traceback" not in err
        wait_for(lambda: not client.status()["running"])
    assert not (tmp_path / "out.png").exists()


def test_server_killed_in_the_middle(alone: dict[str, str], tmp_path: Path, photo: Path) -> None:
    """The picture is told as lost, and nothing is written."""
    home = tmp_path / "home"
    process = start(alone, photo, "-o", tmp_path / "out.png", "--network", SLOW, "--json")
    first = at_work(home)
    os.kill(first, signal.SIGKILL)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert json.loads(out)["error"]["code"] == "lost-server"
    assert "Traceback" not in err and not (tmp_path / "out.png").exists()
    assert gone(first)


def test_every_picture_after_a_lost_server_gets_a_new_one(
    alone: dict[str, str], tmp_path: Path, photo: Path
) -> None:
    second = tmp_path / "second.png"
    second.write_bytes(photo.read_bytes())
    home = tmp_path / "home"
    process = start(alone, photo, second, "-o", tmp_path / "out", "--network", SLOW)
    first = at_work(home)
    os.kill(first, signal.SIGKILL)
    later = wait_for(lambda: (found := runtime.Runtime.read(home)) and found.pid != first and found)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    assert later.pid != first and process.returncode == 130, err
    assert "does not answer any more" in err


def test_the_shared_server_is_still_alive(shared_server: Server, client: Client) -> None:
    assert shared_server.process.poll() is None
    assert client.status()["jobs"]


@pytest.mark.usefixtures("home")
def test_suffix_mask_and_summary(tmp_path: Path, photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder's results get the suffix, each mask lies beside its result, and a line closes the work."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "one.png").write_bytes(photo.read_bytes())
    (folder / "two.png").write_bytes(photo.read_bytes())
    assert retouch(folder, "-o", folder, "--suffix", "_studio", "--mask") == 0
    assert "2 of 2 pictures are done." in capsys.readouterr().err
    made = {path.name for path in folder.iterdir()} - {"one.png", "two.png"}
    assert made == {"one_studio.png", "one_studio-mask.png", "two_studio.png", "two_studio-mask.png"}
    mask = imagecodecs.png_decode((folder / "one_studio-mask.png").read_bytes())
    assert mask.shape[:2] == (40, 60) and mask.max() == 200 and mask[0, 0] == 0
    assert "no part of a file's name" in refused(capsys, photo, "-o", folder, "--suffix", "../x")
    for name in ("one.jpg", "no-folder-yet"):
        told = refused(capsys, photo, "-o", tmp_path / name, "--suffix=-x")
        assert "--suffix -x is for results in a folder" in told and not (tmp_path / name).exists()
    (folder / "three-mask.png").write_bytes(photo.read_bytes())
    (folder / "three.png").write_bytes(photo.read_bytes())
    words = (folder / "three.png", folder / "three-mask.png", "-o", tmp_path / "out", "--mask")
    assert "would both become" in refused(capsys, *words)
    assert "is the input" in refused(capsys, folder, "-o", folder)


@pytest.mark.usefixtures("home")
def test_heic_in_a_folder_becomes_a_jpeg(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif", reason="PILLOW-HEIF IS NOT INSTALLED: HEIC was not tried")
    folder = tmp_path / "in"
    folder.mkdir()
    source = folder / "IMG_1.HEIC"
    heif.from_pillow(Image.open(SELFIE).resize((64, 48))).save(source)
    source.chmod(0o600)
    assert retouch(folder, "-o", tmp_path / "out") == 0
    (target,) = (tmp_path / "out").iterdir()
    assert target.name == "IMG_1.jpg" and Image.open(target).size == (64, 48)
    assert target.stat().st_mode & 0o077 == 0, "as private as its source"


def test_raw_files_of_a_folder_are_taken(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.NEF", "b.jpg", "notes.txt"):
        (folder / name).touch()
    tasks = retouch_plan.plan([str(folder)], str(tmp_path / "out"))
    assert [task.target.name for task in tasks] == ["a.tif", "b.jpg"]


def test_heic_without_its_library_says_what_to_do(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic")
    assert retouch(tmp_path / "a.heic", "-o", tmp_path / "a.jpg") == 1
    said = capsys.readouterr().err
    assert "pillow-heif" in said and "install.py --with heic" in said
    assert not (tmp_path / "a.jpg").exists()


def test_layers_need_no_mask_and_a_name_of_one_picture(
    home: Path, tmp_path: Path, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "have their masks in them" in refused(capsys, photo, "-o", tmp_path / "a.ora", "--mask")
    assert "name of one picture" in refused(capsys, photo, photo.parent, "-o", tmp_path / "a.ora")
    assert ".ora for layers" in refused(capsys, photo, "-o", tmp_path / "a.gif")
