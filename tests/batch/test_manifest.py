"""What was done is found again, whatever moment the run before ended at; and is believed only on proof."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from plugin.studio_portrait.link.wire import Problem
from server.batch.item import Item, Outcome
from server.batch.listing import Listing
from server.batch.manifest import Manifest, stands
from server.batch.retoucher import fingerprint, put
from server.batch.run import Plan, Tally, todo

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
    path.write_text('not json\n[1]\n{"name": 3}\n' + json.dumps(_line("ä\udcff.jpg")) + "\n")
    with Manifest(path, resume=True) as manifest:
        assert manifest.find("ä\udcff.jpg") and len(manifest) == 1


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
    own = fingerprint(target)
    line = _line("a.jpg", settings=SETTINGS, weights="w", **fingerprint(source))
    line |= {"input": str(source), "output_size": own["size"], "output_sha256": own["sha256"]}
    return line, Item(str(source), str(target), "a.jpg")


def test_what_was_done_stands(done: tuple[Outcome, Item]) -> None:
    line, item = done
    assert stands(line, item, SETTINGS, "w") and stands(line, item, SETTINGS, "")
    os.utime(item.source)  # copied anew, but the same picture
    assert stands(line, item, SETTINGS, "w")


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


def test_what_no_run_knows_comes_first(tmp_path: Path) -> None:
    """However many are to be proven: work begins at once."""
    shoot, out = tmp_path / "shoot", tmp_path / "out"
    shoot.mkdir()
    for name in "abcd":
        (shoot / f"{name}.jpg").write_bytes(b"picture")
    path = out / "run.jsonl"
    with Manifest(path, resume=False) as manifest:
        manifest.add({"name": "a.jpg", "status": "failed"})
        manifest.add({"name": "b.jpg", "status": "failed"})
    plan = Plan(Listing([str(shoot)], str(out)), {}, "", resume=True)
    with Manifest(path, resume=True) as manifest:
        assert "a.jpg" in manifest and "c.jpg" not in manifest
        names = [item.name for item in todo(plan, manifest, Tally(), lambda outcome: None)]
    assert names == ["c.jpg", "d.jpg", "a.jpg", "b.jpg"]
