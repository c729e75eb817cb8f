"""Weights know what they were trained with: whatever else the code has is refused, by name."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from model.errors import BadWeights
from model.inference import predictor, weights
from model.networks.registry import NETWORKS, find
from model.paper import bilateral, preprocessing

from . import made


def test_shipped_weights_are_pinned_and_fit_this_code() -> None:
    known = {info.name: info for info in weights.available()}
    assert {name: info.sha256 for name, info in known.items()} == weights.SHIPPED
    for info in known.values():
        info.check()
        weights.read(info)
        network = find(info.architecture)
        assert dict(info.constants) == dict(network.constants)
        assert (info.answer, info.caption) == (network.answer, network.caption)


def test_another_bilateral_filter_than_the_weights_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The change that once stayed unnoticed by 140 tests: diameter 9, sigma 0.36."""
    monkeypatch.setattr(bilateral, "DIAMETER", 9)
    monkeypatch.setattr(bilateral, "SIGMA_COLOR", 0.36)
    monkeypatch.setattr(weights, "CURRENT", preprocessing.current())
    with pytest.raises(BadWeights, match=r"diameter 15 instead of 9, sigma_color 0\.18 instead of 0\.36"):
        predictor.load()


def test_what_the_code_has_is_what_the_shipped_weights_were_trained_with() -> None:
    """Fails for exactly such a change, in whatever file it is made."""
    expected = preprocessing.Preprocessing(512, 15, 5.0, 0.18, 2.25, 0.14)
    assert preprocessing.CURRENT == expected == preprocessing.current()


def test_each_number_of_the_preprocessing_counts() -> None:
    info = weights.choose("", weights.available())
    for name in ("diameter", "sigma_space", "sigma_color", "scale", "rise", "size"):
        other = replace(info.preprocessing, **{name: 9})
        with pytest.raises(BadWeights, match=name):
            replace(info, preprocessing=other).check()


def test_another_constant_of_the_forward_pass_is_refused(tmp_path: Path) -> None:
    made.exported(tmp_path)
    facts = json.loads((tmp_path / "studio.json").read_text())
    assert facts["constants"]["keep_served"] == find("studio").constants["keep_served"]
    facts["constants"]["keep_served"] = 0.05
    (tmp_path / "studio.json").write_text(json.dumps(facts))
    for engine in ("pytorch", "openvino"):
        with pytest.raises(BadWeights, match="constants"):
            predictor.load("studio", "cpu", engine, tmp_path)


def test_a_shipped_file_exchanged_with_its_description_is_refused() -> None:
    info = weights.choose("studio", weights.available())
    with pytest.raises(BadWeights, match="not those that belong"):
        replace(info, sha256="0" * 64).check()


def test_descriptions_that_are_odd_hide_only_themselves(tmp_path: Path) -> None:
    made.exported(tmp_path)
    good = json.loads((tmp_path / "studio.json").read_text())
    for number, bad in enumerate(
        [{**good, "name": 5}, {**good, "preprocessing": []}, [], {**good, "trained": 3}, {**good, "file": 1}]
    ):
        (tmp_path / f"bad{number}.json").write_text(json.dumps(bad))
    (tmp_path / "deep.json").write_text("[" * 100_000)
    assert [info.name for info in weights.available(tmp_path)] == ["studio"]


def test_every_network_describes_itself() -> None:
    for name in NETWORKS:
        network = find(name)
        assert network.name == name and network.caption.endswith(".")
        assert (network.paint is None) == (network.answer == "y")
