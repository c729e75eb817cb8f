"""The loader in real GIMP: old scripts dropped into the profile's folder as they are."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server.setup import gimpfu_bundle
from tests.gimp.harness import Gimp

OLD = Path(__file__).parent / "old"
SECOND = """from gimpfu import *
words = ["Second"] + [""] * 4
register("from-the-second-folder", *words, "<Toolbox>/Xtns/Test/Second", "", [], [(PF_STRING, "a", "")],
         lambda: "second")
main()
"""


@pytest.fixture(scope="module")
def dropped(gimp: Gimp) -> Iterator[Gimp]:
    """GIMP with the loader and the scripts, one of them with CRLF, none executable."""
    gimpfu_bundle.unpack_into(gimp.profile)
    folder = gimp.profile / gimpfu_bundle.SCRIPTS
    for script in OLD.iterdir():
        raw = script.read_bytes()
        (folder / script.name).write_bytes(
            raw.replace(b"\n", b"\r\n") if script.name.startswith("python_2") else raw
        )
    second = gimp.work / "scripts of mine"
    second.mkdir()
    (second / "second.py").write_text(SECOND)
    shutil.copy(OLD / "second_halve.py.txt", second / "third_halve.py")
    settings = gimp.profile / "gimpfu-scripts.json"
    settings.write_text(json.dumps({"folder": gimp.inside(second)}))
    yield gimp
    settings.unlink()
    shutil.rmtree(second)
    shutil.rmtree(folder)
    shutil.rmtree(gimp.profile / "plug-ins" / gimpfu_bundle.PLUGIN)


@pytest.fixture(scope="module")
def told(dropped: Gimp) -> dict[str, Any]:
    package = dropped.inside(dropped.profile / "plug-ins" / gimpfu_bundle.PLUGIN)
    answers: dict[str, Any] = dropped.run("old_scripts", package=package)
    return answers


def test_python_2_text_runs(told: dict[str, Any]) -> None:
    assert told["python_2_text"] == "521;6;a sentence|a sentence;a+b;4,2,02;executed;café;list"


def test_whole_numbers_divide_to_whole_numbers(told: dict[str, Any]) -> None:
    assert told["division"] == [3 - 4 + 0.25 + 1.75, 32, 16]


def test_whole_spinners_are_floats_where_a_user_set_them(told: dict[str, Any]) -> None:
    assert told["spinners"] == ["7/2 is 3", "7.0/2 is 3.5"]


def test_regions_arrays_tiles_and_pixels(told: dict[str, Any]) -> None:
    assert told["regions"] == "245,20,30,122,10,15,1,2,3,7,8,9|16 64 9"


def test_procedures_of_gimp_2(told: dict[str, Any]) -> None:
    returned, names, red, white, ground, mode = told["procedures"]
    assert returned is None and names == ["words", "soft", "ground"] and mode == 3
    assert (red, white, ground) == ([255, 0, 0], [255, 255, 255], [10, 20, 30])


def test_script_on_an_image_only_gets_its_arguments(told: dict[str, Any]) -> None:
    assert told["image_only"] == "given"


def test_menu_places(told: dict[str, Any]) -> None:
    assert told["menus"] == [
        ["Halve", ["<Image>/Filters/Test"]],
        ["Draw...", ["<Image>/Filters/Test"]],
        ["On image", ["<Image>/Filters/Test"]],
        ["Python 2", ["<Image>/Xtns/Test"]],
    ]


def test_a_swallowed_failure_is_said_all_the_same(told: dict[str, Any]) -> None:
    assert told["swallowed"] == "plug-in-nlfilt cannot be served: GIMP 3 has no NL filter."
    assert "gimpfu: plug-in-nlfilt cannot be served" in told["stderr"]


def test_a_format_of_its_own_is_opened_and_saved(told: dict[str, Any]) -> None:
    again = [*b"DOTS", 3, 0, 2, 0, 1, 2, 3, 40, 50, 60]
    assert told["files"] == [3, 2, [60], again]


def test_each_script_is_listed_with_what_became_of_it(told: dict[str, Any]) -> None:
    listed = told["listed"]
    assert "python-fu-draw: Filters > Test > Draw..." in listed
    assert "It is not Python that can be read: line 2" in listed
    assert "It needs the Python module a_module_that_nobody_has" in listed
    assert "python-fu-halve is registered by division.py.txt already" in listed


def test_the_second_folder_is_read_too(told: dict[str, Any]) -> None:
    assert told["second"] == "second"
    assert "scripts of mine/second.py" in told["listed"]


def test_a_name_that_folders_share_belongs_to_the_first(told: dict[str, Any]) -> None:
    said = "python-fu-halve is registered by division.py.txt already; that one is used."
    assert told["listed"].count(said) == 2  # the first folder's other script and the second folder's
    assert f"gimpfu: third_halve.py: {said}" in told["stderr"]
    assert told["division"] == [3 - 4 + 0.25 + 1.75, 32, 16]


def test_originals_are_not_changed(dropped: Gimp, told: dict[str, Any]) -> None:
    for script in OLD.iterdir():
        now = (dropped.profile / gimpfu_bundle.SCRIPTS / script.name).read_bytes()
        assert now.replace(b"\r\n", b"\n") == script.read_bytes().replace(b"\r\n", b"\n")


def test_folder_holds_nothing_that_was_not_put_there(dropped: Gimp, told: dict[str, Any]) -> None:
    names = {path.name for path in (dropped.profile / gimpfu_bundle.SCRIPTS).iterdir()}
    assert names == {script.name for script in OLD.iterdir()} | {"README.txt"}
