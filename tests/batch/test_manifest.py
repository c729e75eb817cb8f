"""What was done is found again, whatever moment the run before ended at; and is believed only on proof."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from plugin.studio_portrait.link.wire import Problem
from server.batch.item import MOST_BYTES, Item, Outcome
from server.batch.listing import Listing
from server.batch.manifest import Manifest, stands
from server.batch.retoucher import fingerprint, outcome_of, put
from server.batch.run import QUIET, REASONS, Plan, Tally, todo, why_failed
from server.files.names import mask_beside
from tests.sample import CHECKOUT

SETTINGS = {"strength": 1.0}


def _line(name: str, **more: Any) -> Outcome:
    return {"name": name, "input": f"/in/{name}", "status": "done", **more}


def test_the_last_line_about_a_picture_counts(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with Manifest(path, resume=False) as manifest:
        assert len(manifest) == 0 and manifest.find("a.jpg") is None
        manifest.head({"version": "1"})
        for number in range(100):
            manifest.add(_line(f"{number}.jpg", turn=1))
        manifest.add(_line("7.jpg", turn=2))
    with Manifest(path, resume=True) as manifest:
        found = [manifest.find(f"{number}.jpg") for number in range(100)]
        assert [line and line["turn"] for line in found] == [2 if number == 7 else 1 for number in range(100)]
        assert manifest.find("100.jpg") is None


def test_half_a_line_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with Manifest(path, resume=False) as manifest:
        manifest.add(_line("a.jpg"))
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:-5])
    with Manifest(path, resume=True) as manifest:
        assert manifest.find("a.jpg")
        manifest.add(_line("b.jpg"))
    assert [json.loads(line)["name"] for line in path.read_text().splitlines()] == ["a.jpg", "b.jpg"]


def test_foreign_lines_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    foreign = ['{"manifest":1}', "not json", "[1]", '{"name": 3}', "[" * 100_000, "7" * 5000, '"name"']
    path.write_text("\n".join([*foreign, json.dumps(_line("ä\udcff.jpg")), ""]))
    with Manifest(path, resume=True) as manifest:
        assert manifest.find("ä\udcff.jpg") and len(manifest) == 1


def test_a_line_longer_than_any_is_passed_over_piece_by_piece(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    inside = json.dumps(_line("inside.jpg")).encode()
    long = b"x" * MOST_BYTES + inside + b"x" * MOST_BYTES
    path.write_bytes(b'{"manifest":1}\n' + long + b"\n" + json.dumps(_line("a.jpg")).encode() + b"\n" + long)
    with Manifest(path, resume=True) as manifest:
        assert manifest.find("a.jpg") and len(manifest) == 1
    assert path.read_bytes().endswith(b'"done"}\n')  # the half line is cut off whole


@pytest.mark.parametrize("content", [b"\xff\xd8\xff\xe0 a photograph", b"text\nmore text", b"[1]\n", b"{}\n"])
def test_a_file_that_is_no_manifest_is_not_touched(tmp_path: Path, content: bytes) -> None:
    """``--manifest photo.jpg --resume`` cut off its last "line" and wrote behind it."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with pytest.raises(Problem, match="is not a manifest"):
        Manifest(path, resume=True)
    assert path.read_bytes() == content


def test_a_newer_manifest_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text('{"manifest":2,"version":"9"}\n{"name":"a.jpg","whatever":1}\nhalf a li')
    before = path.read_bytes()
    with pytest.raises(Problem, match="newer version"):
        Manifest(path, resume=True)
    assert path.read_bytes() == before


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """A folder with the result's name, a file where its folder would be, a name that is too long."""
    (tmp_path / "a.jpg").mkdir()
    (tmp_path / "file").touch()
    for name in ("a.jpg", "file/b.jpg", "x" * 252 + ".jpg"):
        with pytest.raises(Problem, match="The result cannot be written") as caught:
            put(tmp_path / name, b"result")
        assert caught.value.code == "bad-output"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jpg", "file"]


def test_failures_are_told_with_few_words(tmp_path: Path) -> None:
    """However many sentences there are, and whatever the letters of a folder's name."""
    tally = Tally()
    tally.add(_line("e", status="failed", code="unreadable", message="The"))
    for number in range(3 * REASONS):
        sentence = f"A checksum is wrong at byte {number}."
        tally.add(_line(f"{number}.jpg", status="failed", code="bad-image", message=sentence))
    told = list(why_failed(tally))
    assert tally.failed == 3 * REASONS + 1 and len(told) == 2 * (REASONS + 1)
    assert told[0] == "  1 x unreadable: The"
    assert told[-2] == f"  {2 * REASONS + 1} x others: Further reasons stand in the manifest."


@pytest.mark.parametrize("content", [b"", b'{"mani', b'{"manifest":1,"version":"0.'])
def test_a_run_that_was_killed_in_its_first_line_goes_on(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(content)
    with Manifest(path, resume=True) as manifest:
        manifest.add(_line("a.jpg"))
    assert [json.loads(line)["name"] for line in path.read_text().splitlines()] == ["a.jpg"]


@pytest.mark.skipif(os.name != "posix", reason="there are no pipes with names")
def test_a_pipe_is_no_manifest(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Problem, match="is not a file"):
        Manifest(tmp_path / "pipe", resume=True)


def test_numbers_that_json_does_not_have_do_not_end_the_run(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with Manifest(path, resume=False) as manifest:
        manifest.add(_line("a.jpg", series=[{"seconds": math.inf, "skin": [math.nan, 1.0]}]))
    assert json.loads(path.read_text())["series"] == [{"seconds": None, "skin": [None, 1.0]}]


@pytest.mark.skipif(os.name != "posix", reason="there are no permission bits")
def test_a_private_picture_stays_private(tmp_path: Path) -> None:
    source, target = tmp_path / "a.png", tmp_path / "out" / "a.png"
    Image.new("RGB", (8, 8)).save(source)
    source.chmod(0o600)
    told = outcome_of(
        Item(str(source), str(target), "a.png"),
        lambda item, picture: {"faces": [{"used": True}], "mask": np.zeros((8, 8, 1), np.uint8)},
    )
    assert told["status"] == "done", told
    assert told["mask_sha256"] == fingerprint(target.with_name("a-mask.png"))[0]["sha256"]
    assert [path.stat().st_mode & 0o777 for path in sorted(target.parent.iterdir())] == [0o600, 0o600]


def test_neither_overwritten_nor_written_by_two(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with Manifest(path, resume=False):
        with pytest.raises(Problem, match="already"):
            Manifest(path, resume=False)
        with pytest.raises(Problem, match="Another run"):
            Manifest(path, resume=True)


@pytest.fixture
def done(tmp_path: Path) -> tuple[Outcome, Item]:
    source, target = tmp_path / "a.jpg", tmp_path / "out" / "a.jpg"
    source.write_bytes(b"picture")
    put(target, b"result")
    own = fingerprint(target)[0]
    line = _line("a.jpg", settings=SETTINGS, weights="w", **fingerprint(source)[0])
    line |= {"input": str(source), "output_size": own["size"], "output_sha256": own["sha256"]}
    return line, Item(str(source), str(target), "a.jpg")


def test_what_was_done_stands(done: tuple[Outcome, Item]) -> None:
    line, item = done
    assert stands(line, item, SETTINGS, "w") and stands(line, item, SETTINGS, "")
    os.utime(item.source)  # copied anew, but the same picture
    assert stands(line, item, SETTINGS, "w")


def test_a_mask_that_is_missing_is_made(done: tuple[Outcome, Item]) -> None:
    line, item = done
    settings = line["settings"] = {**SETTINGS, "mask": True}
    assert not stands(line, item, settings, "w")
    mask = mask_beside(Path(item.target))
    mask.write_bytes(b"mask")
    line["mask_sha256"] = fingerprint(mask)[0]["sha256"]
    assert stands(line, item, settings, "w")
    mask.write_bytes(b"masK")
    assert not stands(line, item, settings, "w"), "damaged"


@pytest.mark.skipif(os.name != "posix", reason="there are no limits of a process")
def test_a_line_is_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    """A limit on files' sizes lets a part of a line be written, and says nothing."""
    code = (
        "import resource, signal, sys; from pathlib import Path; from server.batch.manifest import Manifest\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); manifest = Manifest(Path(sys.argv[1]), False)\n"
        "manifest.add({'name': 'a.jpg'}); resource.setrlimit(resource.RLIMIT_FSIZE, (40, 40))\n"
        "manifest.add({'name': 'b' * 90})"
    )
    path = tmp_path / "run.jsonl"
    words = [sys.executable, "-c", code, str(path)]
    result = subprocess.run(words, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert "Problem: The manifest" in result.stderr and "too large" in result.stderr, result.stderr
    assert [json.loads(line) for line in path.read_text().splitlines()] == [{"name": "a.jpg"}]


@pytest.mark.parametrize(
    "what", ["settings", "weights", "source", "source alike", "output", "output gone", "failed"]
)
def test_whatever_changed_is_done_again(done: tuple[Outcome, Item], what: str) -> None:
    line, item = done
    settings, weights = SETTINGS, "w"
    if what == "settings":
        settings = {"strength": 0.5}
    elif what == "weights":
        weights = "other"
    elif what == "source":
        Path(item.source).write_bytes(b"another")
        os.utime(item.source, ns=(1, 1))
    elif what == "source alike":
        Path(item.source).write_bytes(b"picturE")
        os.utime(item.source, ns=(1, 1))
    elif what == "output":
        Path(item.target).write_bytes(b"resulT")
    elif what == "output gone":
        Path(item.target).unlink()
    else:
        line["status"] = "failed"
    assert not stands(line, item, settings, weights)


def test_what_need_not_be_proven_comes_first(tmp_path: Path, done: tuple[Outcome, Item]) -> None:
    """However many there are to be proven: first what is new or failed, then what changed visibly."""
    shoot, out = tmp_path / "shoot", tmp_path / "out"
    shoot.mkdir()
    for name in "abcdefg":
        (shoot / f"{name}.jpg").write_bytes(b"picture")
    path = out / "run.jsonl"
    line, item = done
    result = Path(item.target).read_bytes()
    with Manifest(path, resume=False) as manifest:
        for name, kept in {"a": result, "c": b"longer than it was", "e": b"resulT"}.items():
            own = fingerprint(shoot / f"{name}.jpg")[0]  # of which the first stands, and the last seems to
            put(out / f"{name}.jpg", kept)
            manifest.add({**line, **own, "name": f"{name}.jpg", "input": str(shoot / f"{name}.jpg")})
        for name in "bg":
            manifest.add({"name": f"{name}.jpg", "status": "failed", "message": '"status":"done"'})
    plan = Plan(Listing([str(shoot)], str(out)), SETTINGS, "w", resume=True)
    tally = Tally()
    with Manifest(path, resume=True) as manifest:
        a, b = manifest.place("a.jpg"), manifest.place("b.jpg")
        assert a is not None and b is not None and manifest.place("d.jpg") is None
        assert manifest.failed(b) and not manifest.failed(a)
        items = todo(plan, manifest, tally, lambda outcome: None)
        names = []
        for item in filter(None, items):
            names.append(item.name)
            put(Path(item.target), result)  # as if it were done now: it is not given twice
    assert names == [f"{name}.jpg" for name in "bdfgce"] and tally.proven == 1


def test_who_waits_hears_that_the_next_is_looked_for(tmp_path: Path, done: tuple[Outcome, Item]) -> None:
    """An engine that waited for a picture could not tell what has ended meanwhile."""
    shoot, out = tmp_path / "shoot", tmp_path / "out"
    shoot.mkdir()
    line, item = done
    result = Path(item.target).read_bytes()
    plan, tally = Plan(Listing([str(shoot)], str(out)), SETTINGS, "w", resume=True), Tally()
    names = [f"{number:03d}.jpg" for number in range(2 * QUIET + 1)]
    with Manifest(out / "run.jsonl", resume=False) as manifest:
        for name in names:
            (shoot / name).write_bytes(b"picture")
            put(out / name, result)
            own = {**fingerprint(shoot / name)[0], "name": name, "input": str(shoot / name)}
            manifest.add({**line, **own} if name != names[-1] else {"name": name, "status": "failed"})
    with Manifest(out / "run.jsonl", resume=True) as manifest:
        found = list(todo(plan, manifest, tally, lambda outcome: None))
    assert found[:2] == [None, None], "while all are walked for the one that failed"
    assert [item.name for item in found if item] == names[-1:] and tally.proven == 2 * QUIET
    assert len(found) == 1 + 3 * 2, "in each of the three walks, but not for every picture"
