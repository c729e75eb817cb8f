"""Blind sheets: nothing tells the sides apart but the key, and scores are counted as the judges meant."""

import csv
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from model.evaluation import blind


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Twelve black photographs and white results, one of each alone."""
    before, after = tmp_path / "before", tmp_path / "after"
    for folder, value in ((before, 0), (after, 255)):
        folder.mkdir()
        for i in range(12):
            cv2.imwrite(str(folder / f"{i:02}.png"), np.full((60, 40, 3), value, np.uint8))
    cv2.imwrite(str(before / "alone.png"), np.zeros((60, 40, 3), np.uint8))
    rows = "".join(f"{i:02}.jpg,{'dark' if i < 4 else 'light'}\n" for i in range(12))
    (tmp_path / "manifest.csv").write_text(f"file,skin\n{rows}")
    return before, after


def made(folders: tuple[Path, Path], tmp_path: Path) -> Path:
    words = ["make", "--before", str(folders[0]), "--after", str(folders[1]), "--out", str(tmp_path / "out")]
    assert blind.main([*words, "--manifest", str(tmp_path / "manifest.csv")]) == 1, "one has no result"
    return tmp_path / "out"


def filled(out: Path, prefer: str, name: str, words: str = "") -> Path:
    """A form of a judge who always prefers "after", "before" or "same"."""
    key = json.loads((out / "key.json").read_text())
    path = out / name
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(blind.COLUMNS)
        for pair, facts in key.items():
            after, before = facts["after"], "AB"[facts["after"] == "A"]
            said = {"after": after, "before": before, "same": "same"}[prefer]
            writer.writerow([pair, said, 3, *(words if side == after else "" for side in "AB")])
    return path


def test_the_key_says_which_side_is_the_result(folders: tuple[Path, Path], tmp_path: Path) -> None:
    out = made(folders, tmp_path)
    key = json.loads((out / "key.json").read_text())
    assert len(key) == 12 and {facts["after"] for facts in key.values()} == {"A", "B"}
    for pair, facts in key.items():
        sheet = cv2.imread(str(out / "sheets" / f"{pair}.png"))
        assert sheet is not None
        left, right = sheet[-10, 5].tolist(), sheet[-10, -5].tolist()
        assert (left, right) == (([255] * 3, [0] * 3) if facts["after"] == "A" else ([0] * 3, [255] * 3))
    shown = [path.name for path in out.rglob("*") if path.name not in ("key.json",) and path.is_file()]
    assert all(name[:3].isdigit() or name == "form.csv" for name in shown), "no name of a picture"


def test_scores_by_group_and_agreement(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = made(folders, tmp_path)
    forms = [filled(out, "after", "one.csv", "flat, halo nonsense"), filled(out, "before", "two.csv")]
    capsys.readouterr()
    assert blind.main(["score", "--key", str(out / "key.json"), *map(str, forms), "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["agreement"] == 0 and found["judges"] == 2
    everybody, dark = found["groups"]["all"], found["groups"]["dark"]
    assert (everybody["n"], everybody["preferred"], everybody["photograph"]) == (24, 12, 12)
    assert everybody["interval"][0] < 0.5 < everybody["interval"][1] and dark["n"] == 8
    assert everybody["defects"] == {"flat": 12, "halo": 12} and everybody["free"] == 12


def test_lines_that_say_nothing_are_told(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = made(folders, tmp_path)
    form = filled(out, "same", "one.csv")
    form.write_text(form.read_text().replace("001,same", "001,left"))
    assert blind.main(["score", "--key", str(out / "key.json"), str(form)]) == 1
    assert "A, B or same" in capsys.readouterr().err
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    assert blind.main(["score", "--key", str(out / "key.json"), str(tmp_path / "other.csv")]) == 2
    assert "not a form" in capsys.readouterr().err


def test_wilsons_interval() -> None:
    low, high = blind.wilson(8, 10)  # Agresti and Coull 1998, n = 10
    assert (low, high) == (pytest.approx(0.490, abs=0.002), pytest.approx(0.943, abs=0.002))
    assert blind.wilson(0, 0) == (0.0, 1.0)


def scored(out: Path, capsys: pytest.CaptureFixture[str], *forms: Path) -> tuple[int, dict[str, Any], str]:
    """Exit status, JSON and what was told on standard error."""
    capsys.readouterr()
    status = blind.main(["score", "--key", str(out / "key.json"), *map(str, forms), "--json"])
    words = capsys.readouterr()
    return status, json.loads(words.out.splitlines()[-1]), words.err


def test_forms_are_read_as_spreadsheets_leave_them(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = made(folders, tmp_path)
    form = filled(out, "after", "one.csv")
    words = "\n".join(line.lstrip("0").replace(",", ";") for line in form.read_text().splitlines())
    form.write_text(f"{words}\n", "utf-8-sig")
    status, found, _ = scored(out, capsys, form)
    assert status == 0 and found["groups"]["all"]["preferred"] == 12


def test_a_form_filled_in_wrongly_does_not_stop_the_others(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = made(folders, tmp_path)
    good, wrong = filled(out, "after", "one.csv"), tmp_path / "wrong.csv"
    wrong.write_bytes(b"\xff\xfe")
    lines = good.read_text().splitlines()
    good.write_text("\n".join([lines[0], *lines[2:], lines[2], lines[3].replace(",3,", ",\u00b2,")]) + "\n")
    status, found, told = scored(out, capsys, good, wrong, tmp_path / "none.csv")
    assert status == 1 and found["judges"] == 1 and found["groups"]["all"]["n"] == 11
    assert "wrong.csv cannot be read" in told and "none.csv cannot be read" in told
    assert "no line for 1 of the pairs, like 001" in told and told.count("is there twice") == 2


def test_a_group_may_be_called_all_and_a_key_may_be_none(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = tmp_path / "manifest.csv"
    words = manifest.read_text()
    manifest.write_text(words.replace(",dark", ",all").replace("11.jpg,light", "11.jpg"), "utf-8-sig")
    out = made(folders, tmp_path)
    form = filled(out, "same", "one.csv")
    _, found, _ = scored(out, capsys, form)
    assert {name: row["n"] for name, row in found["groups"].items()} == {"all": 12, "light": 7}
    for wrong in ("[]", "{}", '{"001": {"after": 1, "group": ""}}', "no JSON"):
        (out / "key.json").write_text(wrong)
        assert blind.main(["score", "--key", str(out / "key.json"), str(form)]) == 2
        assert "is not a key" in capsys.readouterr().err


def test_sheets_are_not_mixed_with_others(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in folders:
        cv2.imwrite(str(folder / "strip.png"), np.zeros((1, 3000, 3), np.uint8))
    out = made(folders, tmp_path)
    (out / "form.csv").write_text("filled in\n")
    words = ["make", "--before", str(folders[0]), "--after", str(folders[1]), "--out", str(out)]
    assert blind.main(words) == 2 and "name another folder" in capsys.readouterr().err
    assert (out / "form.csv").read_text() == "filled in\n"
