"""The evaluation command: known outcomes for known systems, real pairs, bad input; and the card."""

import contextlib
import io
import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from model.data.prepare import pairs as prepared
from model.data.synthesize import cache
from model.data.synthesize.portraits import frame
from model.errors import Unusable
from model.evaluation import card, flashes, maps, systems
from model.evaluation.evaluate import main
from model.evaluation.judge import judge
from model.evaluation.maps import held_out_maps
from model.evaluation.metrics import eight_bit
from model.paper.bilateral import filter_crop
from tests.sample import SELFIE

from . import made

SIZE = 512
COLUMNS = {
    *("loss", "loss_dc", "accuracy", "psnr_face", "ssim_face", "psnr_frame", "ssim_obar", "identity"),
    *("specular_residual", "shadow_residual", "detail", "deltae_skin", "by_ita"),
}


@pytest.fixture(scope="module")
def outcome(folder: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, str, Path]:
    """Exit status, standard output and contact sheets of the command on one flash of each."""
    out = tmp_path_factory.mktemp("sheets")
    arguments = ["--portraits", folder, "--cache", folder, "--weights", weights, "--out", out]
    with contextlib.redirect_stdout(io.StringIO()) as words:
        status = main([*map(str, arguments), "--flashes", "1", "--seed", "7", "--json"])
    return status, words.getvalue(), out


def test_the_last_line_is_the_result_key_by_key(outcome: tuple[int, str, Path]) -> None:
    status, words, _ = outcome
    result = json.loads(words.splitlines()[-1])
    assert status == 0
    assert result["default"] == "fresh" and list(result["mixes"]) == ["hard", "real"]
    for mix in result["mixes"].values():
        assert mix["people"] == 2 and mix["samples"] == 2
        assert list(mix["systems"]) == ["do_nothing", "global_gain", "o_bar", "own_complexion", "fresh"]
        for system in mix["systems"].values():
            assert set(system) >= COLUMNS
            assert sum(row["n"] for row in system["by_ita"].values()) == 2
            for row in system["by_ita"].values():
                assert {"n", "l_bias", "specular_residual", "deltae_skin"} <= set(row)


def test_known_systems_have_their_known_numbers(outcome: tuple[int, str, Path]) -> None:
    mixes = json.loads(outcome[1].splitlines()[-1])["mixes"]
    nothing, gain, ceiling, own, fresh = mixes["hard"]["systems"].values()
    assert nothing["specular_residual"] == nothing["shadow_residual"] == 1
    assert nothing["accuracy"] < 99 and nothing["detail"] > 0.99
    assert ceiling["accuracy"] == 100 and ceiling["loss_dc"] == 0 and ceiling["ssim_obar"] == 1
    assert ceiling["psnr_face"] > nothing["psnr_face"] + 3
    assert gain["psnr_frame"] > nothing["psnr_frame"]
    # The hard mix asks for a complexion that no photograph shows, the calibrated one for the photograph's.
    assert own["accuracy"] < 99 and own["deltae_skin"] > 3 and own["specular_residual"] != 1
    assert mixes["real"]["systems"]["own_complexion"]["accuracy"] == 100
    for column in ("accuracy", "psnr_face", "specular_residual", "deltae_skin"):
        assert fresh[column] == pytest.approx(nothing[column], abs=0.05)
    assert fresh["studio_change"] < 0.5
    assert fresh["identity"] is None and fresh["identity_failures"] == 2  # round people have no faces


def test_contact_sheets_are_written(outcome: tuple[int, str, Path]) -> None:
    names = sorted(path.name for path in outcome[2].iterdir())
    ranks = ("best", "median", "worst")
    assert names == [f"{mix}_fresh_{rank}.jpg" for mix in ("hard", "real") for rank in ranks]


def test_the_card_tells_the_results(outcome: tuple[int, str, Path], folder: Path, weights: Path) -> None:
    result = weights.parent / "result.json"
    result.write_text(outcome[1])
    assert card.main(["--evaluation", str(result), "--cache", str(folder), "--weights", str(weights)]) == 0
    words = (weights / card.CARD).read_text()
    assert "none; started from rest." in words
    facts = json.loads((weights / "fresh.json").read_text())
    assert facts["sha256"] in words and "CC BY 4.0" in words and "1 steps" in words
    assert "Presidential Innovation Fellows" in words and "London" not in words
    assert "| all |  | 3 | 3 | 2 |" in words
    for mix in json.loads(outcome[1].splitlines()[-1])["mixes"].values():
        assert f"{mix['systems']['fresh']['accuracy']:.2f} [" in words


def test_a_card_needs_every_row_in_the_evaluation(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = tmp_path / "result.json"
    older, lacking = (
        json.dumps({"mixes": {"hard": {"systems": dict.fromkeys(names, {})}}})
        for names in ((*systems.REAL_YARDSTICKS, "fresh"), systems.YARDSTICKS)
    )
    told = {"{}": "no result", older: "no row own_complexion", lacking: "no row fresh", "": "no JSON"}
    for words, reason in told.items():
        result.write_text(words)
        assert card.main(["--evaluation", str(result), "--weights", str(weights)]) == 2
        assert reason in capsys.readouterr().err


def test_the_same_seed_gives_the_same_flash_whoever_else_is_there(folder: Path) -> None:
    known = cache.entries(folder)
    one, two, other = (
        next(planned for planned in flashes.plan(folder, known, 1, seed) if planned.name == "p7 0").make()
        for seed in (7, 7, 8)
    )
    assert np.array_equal(one.x, two.x) and np.array_equal(one.o, two.o)
    assert not np.array_equal(one.x, other.x)
    assert not np.array_equal(one.x, one.o), "a flash, never an identity pair"
    assert {planned.person for planned in flashes.plan(folder, known, 3, 7)} == set(made.PEOPLE)


def test_only_held_out_people_of_the_folder_are_taken_from_a_training_cache(folder: Path) -> None:
    assert {entry.person for entry in held_out_maps(folder, None, folder).entries} == set(made.PEOPLE)


def test_real_pairs_are_judged_after_their_exposures_are_matched(tmp_path: Path) -> None:
    o = np.asarray(frame(SELFIE).crop / 255, np.float32)
    x = eight_bit(o * np.array([0.8, 0.6, 0.7], np.float32))
    for name, picture in (("x.png", x), ("o.png", o)):
        cv2.imwrite(str(tmp_path / name), np.round(picture * 255).astype(np.uint8)[..., ::-1])
    sure = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    pair = prepared.Pair("p0", tmp_path / "x.png", tmp_path / "o.png", 0.0, sure, prepared.HELD_OUT)
    lost = prepared.Pair("p7", tmp_path / "lost.png", tmp_path / "o.png", 0.0, sure, prepared.HELD_OUT)
    prepared.write(tmp_path, [pair, lost])
    judged = judge(flashes.plan_real(tmp_path), {"do_nothing": systems.do_nothing}, real=True)
    (row,) = judged.records["do_nothing"]
    assert row["psnr_face"] > 40 and row["deltae_skin"] < 1 and row["identity"] < 0.2
    assert np.isnan(row["shine_whole"])
    assert len(judged.trouble) == 1 and "lost.png" in judged.trouble[0]


def test_global_gain_finds_the_gain() -> None:
    o = np.random.default_rng(0).uniform(0.1, 0.5, (64, 64, 3)).astype(np.float32)
    x = np.asarray(o / np.array([0.5, 1.0, 1.25], np.float32))
    np.testing.assert_allclose(systems.gains(x, o), [0.5, 1.0, 1.25], rtol=1e-5)
    everywhere = np.ones((64, 64), bool)
    sample = flashes.Sample("a", "a", x, o, filter_crop(x), filter_crop(o), everywhere, None, None)
    assert np.abs(systems.global_gain(sample).picture - o).max() <= 0.5 / 255 + 1e-6


def write(folder: Path, *rows: str) -> Path:
    (folder / "manifest.csv").write_text("\n".join(["file,source,person", *rows]) + "\n")
    return folder


@pytest.mark.parametrize(
    "rows, reason",
    [
        (None, "manifest.csv"),
        (["a.jpg,pif,p1"], "none of a held-out person"),
        (["a.jpg,pif,p0"], "--mesh"),
    ],
)
def test_folders_that_cannot_be_judged(
    rows: list[str] | None,
    reason: str,
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    if rows is not None:
        write(tmp_path, *rows)
    assert main(["--portraits", str(tmp_path), "--weights", str(weights)]) == 2
    told = capsys.readouterr().err
    assert reason in told and "Traceback" not in told


def test_unknown_network_and_unprepared_pairs(
    folder: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--portraits", str(folder), "--cache", str(folder), "--weights", str(weights)]
    assert main([*common, "--network", "nobody"]) == 2
    assert "nobody" in capsys.readouterr().err
    assert main([*common, "--real", str(tmp_path / "nowhere")]) == 2
    assert "is not a folder" in capsys.readouterr().err
    assert main([*common, "--pairs", str(tmp_path)]) == 2
    assert "manifest.csv" in capsys.readouterr().err
    assert main(["--portraits", str(folder), "--cache", str(folder), "--weights", str(tmp_path)]) == 2
    assert "no network" in capsys.readouterr().err


def test_what_photographs_lack_is_told_before_or_beside_all_else(
    folder: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    real, results = tmp_path / "real", tmp_path / "results"
    for place, name in ((real, "wall.png"), (results, "other.png")):
        place.mkdir()
        cv2.imwrite(str(place / name), np.full((300, 300, 3), 90, np.uint8))
    common = ["--portraits", str(folder), "--cache", str(folder), "--weights", str(weights)]
    assert main([*common, "--results", str(results)]) == 2
    assert "--results goes with --real" in capsys.readouterr().err
    assert main([*common, "--real", str(real), "--results", str(results)]) == 2
    assert "no picture of the same name" in capsys.readouterr().err
    assert main([*common, "--out", str(real / "wall.png")]) == 2
    assert "wall.png" in capsys.readouterr().err
    # The mixes are judged, and are not thrown away because no photograph has a face.
    assert main([*common, "--mix", "real", "--flashes", "1", "--real", str(real), "--json"]) == 1
    words = capsys.readouterr()
    assert "wall.png: no face" in words.err or "no face was found" in words.err
    assert set(json.loads(words.out.splitlines()[-1])) == {"default", "mixes", "seed"}


def test_damaged_pairs_do_not_keep_photographs_from_being_judged(
    folder: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs, real = tmp_path / "pairs", tmp_path / "real"
    for place in (pairs, real):
        place.mkdir()
    (real / "selfie.jpg").write_bytes(SELFIE.read_bytes())
    (real / "damaged.jpg").write_text("no picture")
    sure = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    lost = prepared.Pair("p7", pairs / "lost.png", pairs / "o.png", 0.0, sure, prepared.HELD_OUT)
    prepared.write(pairs, [lost])
    common = ["--portraits", str(folder), "--cache", str(folder), "--weights", str(weights)]
    words = [*common, "--mix", "real", "--flashes", "1", "--pairs", str(pairs), "--real", str(real), "--json"]
    assert main(words) == 1
    told = capsys.readouterr()
    for name in ("lost.png", "damaged.jpg", "none of the pictures could be judged"):
        assert name in told.err
    result = json.loads(told.out.splitlines()[-1])
    assert result["photographs"]["n"] == 1 and "pairs" not in result


def test_other_portraits_under_the_same_names_get_maps_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kept maps are found by what they were made of."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    mesh = write(tmp_path, "a.jpg,pif,p0", "b.jpg,pif,p1") / "mesh.npz"
    mesh.write_bytes(b"")
    filled: list[Path] = []

    def fill(folder: Path, mesh: Path, cache: Path) -> None:
        filled.append(cache)
        raise Unusable("far enough")

    monkeypatch.setattr(maps, "_fill", fill)
    times = [(tmp_path / "a.jpg", 1), (tmp_path / "a.jpg", 2), (tmp_path / "b.jpg", 1), (mesh, 1)]
    for file, time in times:
        file.write_bytes(b"a picture")
        os.utime(file, (time, time))
        with pytest.raises(Unusable):
            held_out_maps(tmp_path, mesh, None)
    assert filled[0] != filled[1] == filled[2] != filled[3], "b is not held out"


def test_a_damaged_index_is_told(
    folder: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in ('[{"name": 3}]', "{}x", "3"):
        (tmp_path / "index.json").write_text(words)
        arguments = ["--portraits", str(folder), "--cache", str(tmp_path), "--weights", str(weights)]
        assert main(arguments) == 2
        assert "index.json is damaged" in capsys.readouterr().err
