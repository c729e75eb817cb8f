"""Which picture becomes which file: structure kept, no two results alike, sources never met."""

from __future__ import annotations

import os
import subprocess
import unicodedata
from pathlib import Path

import pytest

from plugin.studio_portrait.link.wire import Problem
from server.batch.listing import Listing, Shard
from server.files.names import mask_beside


def _tree(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def _names(*sources: Path, out: Path, **options: object) -> list[str]:
    listing = Listing([str(source) for source in sources], str(out), **options)  # type: ignore[arg-type]
    return [item.name for item in listing.items()]


def test_a_folder_keeps_its_structure(tmp_path: Path) -> None:
    shoot = _tree(
        tmp_path / "shoot", "b.jpg", "a.PNG", "notes.txt", ".hidden.jpg", "day 2/c.tif", ".git/d.jpg"
    )
    assert _names(shoot, out=tmp_path / "out") == ["a.PNG", "b.jpg"]
    assert _names(shoot, out=tmp_path / "out", recursive=True) == ["a.PNG", "b.jpg", "day 2/c.tif"]


def test_results_inside_the_source_are_no_sources(tmp_path: Path) -> None:
    shoot = _tree(tmp_path / "shoot", "a.jpg", "out/a.jpg")
    assert _names(shoot, out=shoot / "out", recursive=True) == ["a.jpg"]


def test_results_do_not_leave_their_folder_through_a_link(tmp_path: Path) -> None:
    """Where a link in the folder for results leads there may be originals of the same names."""
    shoot = _tree(tmp_path / "shoot", "a.jpg", "day 2/b.jpg", "day 3/c.jpg")
    (tmp_path / "out" / "inside").mkdir(parents=True)
    (tmp_path / "out" / "day 2").symlink_to(shoot / "day 2")
    (tmp_path / "out" / "day 3").symlink_to("inside")
    told: list[tuple[Path, str]] = []
    listing = Listing([str(shoot)], str(tmp_path / "out"), recursive=True)
    names = [item.name for item in listing.items(lambda folder, reason: told.append((folder, reason)))]
    assert names == ["a.jpg", "day 3/c.jpg"]
    assert [folder for folder, _ in told] == [shoot / "day 2"] and "link" in told[0][1]


def test_folders_in_folders_a_thousand_deep(tmp_path: Path) -> None:
    """As an archive may hold them; Python's own recursion ends before."""
    shoot = _tree(tmp_path / "shoot", "z.jpg")
    inner = str(shoot)
    for _ in range(1200):
        inner += "/a"
        os.mkdir(inner)
    Path(inner, "b.jpg").touch()
    try:
        names = _names(shoot, out=tmp_path / "out", recursive=True)
    finally:
        subprocess.run(["rm", "-r", shoot / "a"], check=True)  # pytest's own way is recursive, too
    assert names == ["z.jpg", "a/" * 1200 + "b.jpg"]


def test_names_never_collide(tmp_path: Path) -> None:
    shoot = _tree(tmp_path / "shoot", "a.jpg", "a.png", "A.jpg", "a.cr2")
    names = _names(shoot, out=tmp_path / "out", kind="tiff")
    assert len({name.casefold() for name in names}) == 4
    assert names[0] == "A.tif" and "a.png.tif" in names
    names = _names(shoot, out=tmp_path / "out", suffix="-studio")
    assert sorted(names) == ["A-studio.jpg", "a-studio-2.jpg", "a-studio.png", "a-studio.tif"]


def test_names_collide_on_no_file_system(tmp_path: Path) -> None:
    """Also where capitals and the forms of accents count for nothing, for folders, and between both kinds."""
    composed, apart = "caf\u00e9.jpg", "cafe\u0301.jpg"
    shoot = _tree(tmp_path / "shoot", composed, apart, "Day/b.jpg", "day/b.jpg", "e.png", "e.jpg/f.jpg")
    if len(os.listdir(shoot)) < 6:
        pytest.skip("THIS FILE SYSTEM TAKES NAMES OF TWO FORMS FOR ONE")
    names = _names(shoot, out=tmp_path / "out", recursive=True, kind="jpeg")
    told = {unicodedata.normalize("NFC", name).casefold() for name in names}
    assert len(told) == 6 and names[-2:] == ["day-2/b.jpg", "e.jpg/f.jpg"]
    assert "e.png.jpg" in names, "the folder has the name that its picture would have had"
    assert _names(shoot / "e.jpg", shoot / "e.png", out=tmp_path / "out", kind="jpeg") == [
        "e.jpg/f.jpg",
        "e.png.jpg",
    ]


def test_a_link_to_a_result_is_no_picture(tmp_path: Path) -> None:
    """The result of that name would take the place of what the link leads to."""
    shoot = _tree(tmp_path / "shoot", "b.jpg")
    original = _tree(tmp_path / "out", "a.jpg") / "a.jpg"
    (shoot / "a.jpg").symlink_to(original)
    told: list[str] = []
    listing = Listing([str(shoot)], str(tmp_path / "out"))
    names = [item.name for item in listing.items(lambda path, message: told.append(f"{path}: {message}"))]
    assert names == ["b.jpg"] and told == [f"{shoot / 'a.jpg'}: It is a link into the folder for results."]
    with pytest.raises(Problem, match="results would go"):
        _names(shoot / "a.jpg", out=tmp_path / "out")


def test_several_sources_have_a_folder_each(tmp_path: Path) -> None:
    one, two = _tree(tmp_path / "x" / "shoot", "a.jpg"), _tree(tmp_path / "y" / "Shoot", "a.jpg")
    single = _tree(tmp_path, "a.jpg") / "a.jpg"
    names = _names(one, two, single, single, out=tmp_path / "out")
    assert names == ["shoot/a.jpg", "Shoot-2/a.jpg", "a.jpg", "a-2.jpg"]


def test_formats_that_are_only_read(tmp_path: Path) -> None:
    shoot = _tree(tmp_path / "shoot", "a.CR3", "b.heic")
    assert _names(shoot, out=tmp_path / "out") == ["a.tif", "b.jpg"]


def test_shards_are_a_partition_that_new_files_do_not_move(tmp_path: Path) -> None:
    shoot = _tree(tmp_path / "shoot", *(f"{i}.jpg" for i in range(200)))
    parts = [_names(shoot, out=tmp_path / "out", shard=Shard(i, 3)) for i in (1, 2, 3)]
    assert sorted(sum(parts, [])) == sorted(f"{i}.jpg" for i in range(200))
    assert min(len(part) for part in parts) > 40
    _tree(shoot, *(f"new {i}.jpg" for i in range(50)))
    assert set(parts[0]) <= set(_names(shoot, out=tmp_path / "out", shard=Shard(1, 3)))


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/0"])
def test_no_such_shard(text: str) -> None:
    with pytest.raises(Problem, match="part of a whole"):
        Shard.of(text)


def test_results_never_go_where_sources_are(tmp_path: Path) -> None:
    shoot = _tree(tmp_path / "shoot", "a.jpg", "in/b.jpg")
    for sources, out in [((shoot,), shoot), ((shoot / "in",), shoot), ((shoot / "a.jpg",), shoot)]:
        with pytest.raises(Problem, match="results would go"):
            _names(*sources, out=out)
    (tmp_path / "link").symlink_to(shoot)
    with pytest.raises(Problem, match="results would go"):
        _names(shoot, out=tmp_path / "link")


def test_folders_that_link_back_are_not_followed(tmp_path: Path) -> None:
    shoot = _tree(tmp_path / "shoot", "a.jpg")
    (shoot / "again").symlink_to(shoot)
    assert _names(shoot, out=tmp_path / "out", recursive=True) == ["a.jpg"]


def test_masks_never_take_the_place_of_results_or_of_each_other(tmp_path: Path) -> None:
    shoot = _tree(tmp_path / "shoot", "DSC1.jpg", "DSC1.NEF", "a.jpg", "a-mask.png", "b.png", "B-MASK.png")
    names = _names(shoot, out=tmp_path / "out", mask=True)
    written = [*names, *(mask_beside(Path(name)).name for name in names)]
    assert len({name.casefold() for name in written}) == 2 * 6


def test_a_bad_link_hides_nothing_beside_it(tmp_path: Path) -> None:
    shoot = _tree(tmp_path / "shoot", "a.jpg")
    (shoot / "loop.jpg").symlink_to(shoot / "loop.jpg")
    assert _names(shoot, out=tmp_path / "out") == ["a.jpg", "loop.jpg"]  # which fails alone, by its name


def test_neither_a_picture_named_alone_nor_the_reference_is_overwritten(tmp_path: Path) -> None:
    _tree(tmp_path, "in/sub/a.jpg", "out/sub/a.jpg", "out/me.jpg")
    with pytest.raises(Problem, match="out/sub/a.jpg"):
        _names(tmp_path / "in" / "sub", tmp_path / "out" / "sub" / "a.jpg", out=tmp_path / "out")
    with pytest.raises(Problem, match="me.jpg"):
        _names(tmp_path / "in", out=tmp_path / "out", reference=str(tmp_path / "out" / "me.jpg"))
