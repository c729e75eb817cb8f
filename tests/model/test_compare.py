"""The comparison command: every row and column, the figure, the document's tables, and bad input."""

import contextlib
import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from model.data.synthesize import cache
from model.data.synthesize.portraits import Portrait
from model.evaluation import card, flashes
from model.evaluation.compare import entrants, examples, figure, report
from model.evaluation.compare.command import main
from model.training import checkpoint
from tests.sample import SELFIE

from . import made

ROWS = ["do_nothing", "global_gain", "o_bar", "own_complexion", "fresh", "short", "headshot"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training run of HDRNet: three steps, two validations."""
    folder = tmp_path_factory.mktemp("run")
    checkpoint.save(folder / "last.pt", made.checkpoint_of(made.network("hdrnet")))
    rows = [{"step": 0, "do_nothing": {"accuracy": 90.0}}, {"step": 1, "held_out": {"accuracy": 91.0}}]
    rows.append({"step": 3, "held_out": {"accuracy": 92.0}})
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture(scope="module")
def outcome(
    folder: Path, weights: Path, run: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[int, str, Path]:
    """Exit status, standard output and written files of the command on one flash of each."""
    out = tmp_path_factory.mktemp("out")
    (out / "doc.md").write_text(f"# Before\n\n{report.BEGIN}\nold\n{report.END}\n\nAfter.\n")
    arguments = ["--portraits", folder, "--cache", folder, "--weights", weights, "--run", f"short={run}"]
    arguments += ["--out", out / "images", "--document", out / "doc.md", "--selfies", SELFIE.parent]
    with contextlib.redirect_stdout(io.StringIO()) as words:
        status = main([*map(str, arguments), "--flashes", "1", "--seed", "7", "--json"])
    return status, words.getvalue(), out


def test_every_row_is_there_with_what_it_costs(outcome: tuple[int, str, Path]) -> None:
    result = json.loads(outcome[1].splitlines()[-1])
    assert outcome[0] == 0
    judged = result["mixes"]["hard"]
    assert list(judged["systems"]) == ROWS and (judged["samples"], judged["people"]) == (2, 2)
    costs = result["costs"]
    assert list(costs) == ROWS[4:]
    assert costs["headshot"]["parameters"] == 0 < 4.5e5 < costs["short"]["parameters"] < 5.5e5
    assert costs["short"]["trained"] | {"seed": 2, "steps": 3, "samples": 48} == costs["short"]["trained"]
    assert all(row["milliseconds"] > 0 for row in costs.values())
    systems = judged["systems"]
    assert systems["fresh"]["studio_change"] == 0 < systems["short"]["studio_change"]
    assert systems["o_bar"]["accuracy"] == 100
    assert systems["fresh"]["psnr_face"] == pytest.approx(systems["do_nothing"]["psnr_face"], abs=0.05)
    for name in ("short", "headshot"):
        assert systems[name]["accuracy"] != systems["do_nothing"]["accuracy"]
        low, high = systems[name]["intervals"]["psnr_face"]
        assert low <= systems[name]["psnr_face"] <= high


def test_the_model_card_can_be_written_from_it(
    outcome: tuple[int, str, Path], weights: Path, tmp_path: Path
) -> None:
    (tmp_path / "result.txt").write_text(outcome[1])
    words = card.write(weights, tmp_path / "result.txt", None, None).read_text()
    assert "**fresh** (default)" in words and "2 flashes of 2 people, seed 7" in words


def test_the_document_holds_the_tables_and_the_pictures(outcome: tuple[int, str, Path]) -> None:
    words, result = (outcome[2] / "doc.md").read_text(), json.loads(outcome[1].splitlines()[-1])
    assert words.startswith("# Before") and words.endswith("After.\n") and "old" not in words
    for row in ROWS:
        assert words.count(f"\n| {row.replace('_', ' ')} |") >= len(report.PARTS)
    assert f"{result['mixes']['hard']['systems']['headshot']['psnr_face']:.2f} [" in words
    for name in ("comparison.jpg", "comparison-selfies.jpg", "comparison-curves.png"):
        assert f"(images/{name})" in words
        assert cv2.imread(str(outcome[2] / "images" / name)) is not None


def test_the_figure_has_a_picture_for_each_system(outcome: tuple[int, str, Path]) -> None:
    picture = cv2.imread(str(outcome[2] / "images" / "comparison.jpg"))
    assert picture.shape == (figure.CAPTION + 2 * figure.SIDE, (2 + 3) * figure.SIDE, 3)
    selfies = cv2.imread(str(outcome[2] / "images" / "comparison-selfies.jpg"))
    assert selfies.shape == (figure.CAPTION + figure.SIDE, (1 + 3) * figure.SIDE, 3)


def test_the_figures_people_are_dark_light_and_bespectacled() -> None:
    known = [
        cache.Entry(f"e{i}", "", f"p{i // 2}", True, 16.0, 0.2 + i / 50, i in (21, 22)) for i in range(30)
    ]
    planned = [flashes.Planned(entry.person, f"{entry.name} 0", lambda: None) for entry in known]
    names = [one.name for one in figure.selected(planned, known, [])]
    assert names == ["e0 0", "e2 0", "e4 0", "e21 0", "e22 0", "e29 0", "e27 0", "e25 0"]
    assert [one.name for one in figure.selected(planned, known, ["e9"])] == ["e9 0"]
    with pytest.raises(ValueError, match="x is not a portrait of a held-out person"):
        figure.selected(planned, known, ["x"])
    with pytest.raises(ValueError, match="no flash of e9 is judged"):
        figure.selected(planned[:5], known, ["e9"])


def test_examples_are_of_people_who_are_not_held_out(folder: Path) -> None:
    people = [Portrait(f"{name}.jpg", "", name) for name in "abcdefghijklmnopqrstuvwxyz"]
    twice = [*people, Portrait("z2.jpg", "", people[0].person)]
    names = examples.chosen(twice)
    assert set(names) == {one.name for one in people if not one.held_out} < {one.name for one in people}
    assert examples.chosen(twice[::-1][1:]) == names, "whatever the manifest's order"
    (face,) = examples.studio_examples(folder, None, folder)
    assert np.abs(face.crop[260, 256].astype(int) - (200, 160, 140)).max() <= 1


def test_a_shipped_network_is_not_judged_twice(weights: Path, run: Path) -> None:
    named = entrants.entrants(weights, [], [("", run), ("short", run)], [])
    assert [one.name for one in named] == ["fresh", "hdrnet", "short"]
    shipped = entrants.entrants(weights, [], [("fresh", run)], [])
    assert [one.name for one in shipped] == ["fresh"] and shipped[0].parameters == 1
    only = entrants.entrants(weights, ["none"], [("", run)], [])
    assert [one.name for one in only] == ["hdrnet"] and only[0].log == run / "log.jsonl"


def test_what_cannot_be_compared_is_told(
    folder: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = ["--portraits", folder, "--cache", folder, "--weights", weights, "--flashes", "1"]
    (tmp_path / "doc.md").write_text("no marks")
    for arguments, told in (
        (["--run", tmp_path], "last.pt"),
        (["--network", "nobody"], "no network 'nobody'"),
        (["--selfies", tmp_path / "nowhere", "--out", tmp_path], "is not a folder"),
        (["--out", tmp_path / "doc.md"], "doc.md"),
        (["--examples", tmp_path / "none"], "is not there"),
        (["--show", "nobody", "--out", tmp_path], "nobody is not a portrait"),
        (["--document", tmp_path / "doc.md"], "to write between"),
    ):
        assert main([str(word) for word in [*known, *arguments]]) == 2, told
        words = capsys.readouterr()
        assert not words.out, "told before anything is judged"
        error = words.err.strip().splitlines()[-1]
        assert error.startswith("python -m model compare: ") and told in error
