"""Converted networks: kept once, privately, and never used when anything about them has changed."""

import json
import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("openvino", reason="OpenVINO, an optional extra, is not installed")

from model.inference import cache, openvino, predictor, weights

from . import made


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache" / "networks"


def put(name: str, text: str = "graph") -> None:
    cache.put(name, {"outputs": ["y"]}, lambda folder: (folder / "body.xml").write_text(text) and None)


def test_an_entry_is_private_and_found_again(own: Path) -> None:
    assert cache.get("a") is None
    put("a")
    found = cache.get("a")
    assert found == (own / "a", {"outputs": ["y"]})
    assert stat.S_IMODE(own.stat().st_mode) == stat.S_IMODE((own / "a").stat().st_mode) == 0o700
    put("a", "another")
    assert (own / "a" / "body.xml").read_text() == "another"
    assert [entry.name for entry in own.iterdir()] == ["a"], "nothing half-written is left"


@pytest.mark.parametrize("harm", ["bytes", "missing", "index", "list"])
def test_a_damaged_entry_is_as_good_as_none(own: Path, harm: str) -> None:
    put("a")
    if harm == "bytes":
        (own / "a" / "body.xml").write_text("grapf")
    elif harm == "missing":
        (own / "a" / "body.xml").unlink()
    else:
        (own / "a" / cache.INDEX).write_text("{" if harm == "index" else "[]")
    assert cache.get("a") is None
    put("a")
    assert cache.get("a") is not None


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps a user's folders apart by itself")
def test_a_folder_that_others_may_write_is_not_trusted(own: Path) -> None:
    put("a")
    own.chmod(0o770)
    assert cache.get("a") is None
    put("b")
    assert not (own / "b").exists()


def test_a_failed_write_leaves_nothing_and_says_nothing(own: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "body.xml").write_text("half")
        raise OSError("disk full")

    cache.put("a", {}, fail)
    assert cache.get("a") is None and list(own.iterdir()) == []


def test_older_entries_make_room(own: Path) -> None:
    for number in range(cache.KEPT + 3):
        put(str(number))
        os.utime(own / str(number), (number, number))
    put("last")
    assert len(list(own.iterdir())) == cache.KEPT and cache.get("last") and not (own / "0").exists()


def test_the_second_load_comes_from_the_cache_and_gives_the_same(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openvino, "faster", lambda body: "f32")  # it is measured, and not always the same
    made.exported(tmp_path)
    crops = np.full((1, 512, 512, 3), 0.4, np.float32)
    first = predictor.load("studio", "cpu", "openvino", tmp_path)(crops)
    (entry,) = own.iterdir()
    conversions: list[str] = []
    convert = openvino.convert

    def counted(loaded: Any, size: int = 512) -> Any:
        conversions.append("one")
        return convert(loaded, size)

    monkeypatch.setattr(openvino, "convert", counted)
    again = predictor.load("studio", "cpu", "openvino", tmp_path)(crops)
    assert not conversions
    np.testing.assert_allclose(again, first, atol=1e-6)
    # A graph that was tampered with is not run, but made anew.
    graph = entry / "finish.xml"
    graph.write_text(graph.read_text().replace("Multiply", "Add", 1))
    mended = predictor.load("studio", "cpu", "openvino", tmp_path)(crops)
    assert conversions == ["one"]
    np.testing.assert_allclose(mended, first, atol=1e-6)


def test_an_entry_belongs_to_its_weights_constants_and_code(monkeypatch: pytest.MonkeyPatch) -> None:
    info = weights.choose("studio", weights.available())
    names = {predictor._entry(info)}
    names.add(predictor._entry(replace(info, sha256="0" * 64)))
    names.add(predictor._entry(replace(info, constants={**info.constants, "keep_served": 0.03})))
    monkeypatch.setattr(predictor, "_source", lambda info: "changed code")
    names.add(predictor._entry(info))
    assert len(names) == 4


def test_the_index_is_plain_data(own: Path) -> None:
    put("a")
    assert json.loads((own / "a" / cache.INDEX).read_text())["facts"] == {"outputs": ["y"]}
