"""A picture that stays with the server, everything real: listener, worker, network, a photograph."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
import pytest

from plugin.studio_portrait.link import runtime, wire
from plugin.studio_portrait.link.retouching import LAYERS, Retouching
from plugin.studio_portrait.link.session import Session
from plugin.studio_portrait.link.wire import Box, ImageSpec, Problem, Settings
from server.files import pictures
from server.imaging.layers import middle
from server.remote.sending import reader, retouch, retouch_file, shape_of, writer
from tests.sample import SELFIE

from .running import wait_for


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("home")
    before = os.environ.get(runtime.HOME_VARIABLE)
    os.environ[runtime.HOME_VARIABLE] = str(home)
    yield home
    subprocess.run([sys.executable, "-m", "server", "stop"], check=True, capture_output=True)
    if before is None:
        del os.environ[runtime.HOME_VARIABLE]
    else:
        os.environ[runtime.HOME_VARIABLE] = before


@pytest.fixture
def session(home: Path) -> Iterator[Session]:
    with Session.open() as session:
        yield session


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """(768, 576, 3) uint8."""
    photo = cv2.cvtColor(cv2.imread(str(SELFIE)), cv2.COLOR_BGR2RGB)
    return cv2.resize(photo, (576, 768), interpolation=cv2.INTER_AREA)


def test_a_file_goes_there_and_comes_back(session: Session, picture: np.ndarray) -> None:
    """With the samples that the same picture's pixels come back with; nothing comes when there is no face."""
    coded = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_JPEG_QUALITY, 98))[1]
    size = picture.shape[1], picture.shape[0]
    told, data = retouch_file(session, coded.tobytes(), size, Settings())
    ours = pictures.decode(data).pixels
    theirs = pictures.decode(coded.tobytes()).pixels
    retouch(session, theirs, Settings())
    assert len(told["faces"]) == 1 and told["ms"]["decode"] > 0
    assert np.abs(theirs.astype(int) - picture).max() > 20
    assert np.abs(ours.astype(int) - theirs).mean() < 1, "but for what JPEG loses"
    wall = cv2.imencode(".jpg", np.full((300, 200, 3), 128, np.uint8))[1].tobytes()
    told, data = retouch_file(session, wall, (200, 300), Settings())
    assert told["faces"] == [] and data == b""
    for odd, code in ((b"no picture", "bad-image"), (wall[:-40], "bad-image")):
        with pytest.raises(Problem) as caught:
            retouch_file(session, odd, (200, 300), Settings())
        assert caught.value.code == code
    large = cv2.imencode(".jpg", np.full((12_000, 10_000, 3), 128, np.uint8))[1].tobytes()
    other = cv2.imencode(".png", np.full((300, 200, 3), 128, np.uint8))[1].tobytes()
    for odd, size in ((large, (2, 3)), (wall, (300, 200)), (other, (200, 300))):  # not even decoded
        with pytest.raises(Problem, match="another one than was announced"):
            retouch_file(session, odd, size, Settings())


class Client:
    """The work with one picture, and the picture that comes of it. stopped: as after the dialog's Stop."""

    def __init__(self, session: Session, picture: np.ndarray, **more: Any):
        self.picture, self.uploads, self.stopped = picture, 0, False
        more["cancelled"] = lambda: self.stopped
        height, width = picture.shape[:2]
        self.work = Retouching(session, ImageSpec(width, height, 3, "u8"), self.read, **more)
        self.told = self.work.analyse()

    def read(self, plane: str, row: int, rows: int) -> Any:
        self.uploads += row == 0
        return np.ascontiguousarray(self.picture[row : row + rows])

    def show(
        self, settings: Settings, rect: Box | None = None, size: tuple[int, int] = (288, 384)
    ) -> np.ndarray:
        data = self.work.preview(rect, *size, settings)
        return np.frombuffer(data, np.uint8).reshape(size[1], size[0], 3)

    def render(self, settings: Settings, layer: str = "") -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
        after, mask = self.picture.copy(), np.zeros(self.picture.shape[:2], np.uint8)
        return self.work.render(settings, writer(after, mask), layer), after, mask


def test_a_series_colours_keep_to_the_selection(session: Session, picture: np.ndarray) -> None:
    """Within it they count, and nothing changes outside of it."""
    box, image = Box(100, 150, 300, 200), shape_of(picture)
    inside = np.zeros(picture.shape[:2], bool)
    inside[box.y : box.y + box.height, box.x : box.x + box.width] = True
    chosen = np.full((box.height, box.width, 1), 255, np.uint8)

    def selected(series: Any) -> np.ndarray:
        made = picture.copy()
        selection = box, reader(chosen)
        session.retouch(image, reader(picture), writer(made), selection=selection, series=series)
        return made

    warmer, own = selected([[0.2, 0.0, -0.2]]), selected(None)
    for made in (warmer, own):
        assert np.array_equal(made[~inside], picture[~inside])
    redder = (warmer.astype(int) - own)[inside].mean(0)
    assert redder[0] > 3 and redder[2] < -3, redder


def test_analyse_preview_and_render(session: Session, picture: np.ndarray) -> None:
    client = Client(session, picture)
    assert client.told["faces"] == client.work.faces and len(client.work.faces) == 1
    assert client.told["weights"] and client.told["ms"]["predict"] > 0
    original = cv2.resize(picture, (288, 384), interpolation=cv2.INTER_AREA)
    assert np.abs(client.show(Settings(strength=0)).astype(int) - original).max() <= 1
    for settings in (Settings(), Settings(shine=0, brightness=0.5), Settings(reach="frame", warmth=-1)):
        told, after, _ = client.render(settings)
        assert told["box"] is not None and told["faces"][0]["used"]
        expected = cv2.resize(after, (288, 384), interpolation=cv2.INTER_AREA)
        assert np.abs(client.show(settings).astype(int) - expected).mean() < 1
        assert np.abs(expected.astype(int) - original).mean() > 0.3
    part = client.show(Settings(), Box(200, 200, 100, 50), (100, 50))
    assert np.abs(part.astype(int) - client.render(Settings())[1][200:250, 200:300]).mean() < 1
    assert client.render(Settings(strength=0))[0]["box"] is None
    assert client.uploads == 1
    client.work.close()


def test_a_preview_in_the_pictures_own_colours(session: Session, picture: np.ndarray) -> None:
    """Of an image in Adobe RGB its own numbers come back, of a grey one a byte a pixel."""
    client = Client(session, picture, icc=imagecodecs.cms_profile("adobergb"))
    nothing, small = Settings(strength=0), cv2.resize(picture, (288, 384), interpolation=cv2.INTER_AREA)
    own = np.frombuffer(client.work.preview(None, 288, 384, nothing, "own"), np.uint8)
    assert np.abs(own.astype(int) - small.reshape(-1)).max() <= 1
    assert np.abs(client.show(nothing).astype(int) - small).max() > 5
    client.work.close()
    grey = np.ascontiguousarray(picture[..., 1])
    spec = ImageSpec(grey.shape[1], grey.shape[0], 1, "u8")
    work = Retouching(session, spec, lambda plane, row, rows: grey[row : row + rows])
    work.analyse()
    own = np.frombuffer(work.preview(None, 288, 384, nothing, "own"), np.uint8).reshape(384, 288)
    assert np.abs(own.astype(int) - cv2.resize(grey, (288, 384), interpolation=cv2.INTER_AREA)).max() <= 1
    work.close()


def test_the_newest_preview_counts(session: Session, picture: np.ndarray) -> None:
    client = Client(session, picture)
    for share in np.linspace(0, 1, 30):
        client.work.ask(None, 288, 384, Settings(strength=float(share)))
    last = client.work.ask(None, 144, 192, Settings(strength=0))
    shown = wait_for(lambda: client.work.newest(0.05))
    assert (shown.serial, shown.width, shown.height, shown.plane) == (last, 144, 192, "pixels")
    original = cv2.resize(picture, (144, 192), interpolation=cv2.INTER_AREA)
    assert np.abs(np.frombuffer(shown.data, np.uint8).reshape(192, 144, 3).astype(int) - original).max() <= 1
    mask = client.work.preview(None, 144, 192, Settings(), "mask")
    assert len(mask) == 144 * 192 and max(bytes(mask)) == 255
    client.work.close()


def stopped_render(client: Client, layer: str = "", network: str = "") -> None:
    """Leave a rendering that the server has been asked for, and goes on with."""
    client.stopped = True
    with pytest.raises(Problem) as problem:
        client.render(Settings(strength=0.5, network=network), layer)
    assert problem.value.code == "cancelled"
    client.stopped = False


def test_a_stopped_rendering_is_not_taken_for_the_next_one(session: Session, picture: np.ndarray) -> None:
    """Neither at once, while the server goes on with it, nor when its answer has been there for long."""
    client, settings = Client(session, picture), Settings(shine=0.7)
    expected = client.render(settings)[1], client.render(settings, "shine")[1]
    stopped_render(client, "light")
    told, shine, _ = client.render(settings, "shine")
    assert told["layer"] == "shine" and np.array_equal(shine, expected[1])
    stopped_render(client)
    with Session.open() as other:
        wait_for(lambda: not other.status()["running"])
    assert np.array_equal(client.render(settings)[1], expected[0])
    client.work.close()


def test_the_fault_of_a_stopped_rendering_is_not_told_of_the_next_one(
    session: Session, picture: np.ndarray
) -> None:
    """Nor does that, which waited behind it, go with it."""
    client = Client(session, picture)
    expected = client.render(Settings())[1]
    stopped_render(client, network="headshot")  # which wants a reference
    assert np.array_equal(client.render(Settings())[1], expected)
    stopped_render(client, network="headshot")
    client.work.ask(None, 144, 192, Settings())
    assert wait_for(lambda: client.work.newest(0.05), 60).width == 144
    with pytest.raises(Problem, match="reference"):
        client.render(Settings(network="headshot"))
    client.work.close()


def test_a_preview_after_a_stopped_rendering_comes(session: Session, picture: np.ndarray) -> None:
    """So it does when several renderings were stopped, of which but the last is waiting."""
    client = Client(session, picture)
    for _ in range(3):
        stopped_render(client)
    client.work.ask(None, 288, 384, Settings(strength=0))
    shown = wait_for(lambda: client.work.newest(0.05), 30)
    original = cv2.resize(picture, (288, 384), interpolation=cv2.INTER_AREA)
    assert np.abs(np.frombuffer(shown.data, np.uint8).reshape(384, 288, 3).astype(int) - original).max() <= 1
    client.work.close()


def test_layers_add_up_over_the_wire(session: Session, picture: np.ndarray) -> None:
    client = Client(session, picture)
    settings = Settings(strength=0.8, shine=0.6, brightness=0.2, mask=True)
    _, _, mask = client.render(settings)
    added = np.zeros(picture.shape)
    for name in LAYERS:
        told, content, same = client.render(settings, name)
        assert told["layer"] == name
        if told["box"] is not None:
            box = Box(**told["box"])
            place = np.s_[box.y : box.y + box.height, box.x : box.x + box.width]
            added[place] += told["opacity"] * (content[place].astype(float) - middle(content.dtype))
            assert np.array_equal(mask, same)
    _, single, _ = client.render(replace(settings, mask=False))
    stack = picture + added * mask[..., None] / 255  # as in GIMP: the mask is their group's
    assert np.abs(stack - single).max() <= 1 < np.abs(single.astype(int) - picture).max()
    assert mask.max() == 255 and mask.min() == 0
    with pytest.raises(Problem, match="no layer") as problem:
        client.render(settings, "glow")
    assert problem.value.code == "bad-setting"
    client.work.close()


def test_another_network_needs_no_new_upload(session: Session, picture: np.ndarray) -> None:
    client = Client(session, picture)
    others = [network["name"] for network in session.networks if not network["default"] and network["sha256"]]
    plain, other = client.show(Settings()), client.show(Settings(network=others[0]))
    assert np.abs(plain.astype(int) - other).mean() > 0.05
    assert np.array_equal(plain, client.show(Settings())) and client.uploads == 1
    client.work.close()


def test_a_worker_that_dies_finds_out_anew(session: Session, picture: np.ndarray) -> None:
    client = Client(session, picture)
    before = client.show(Settings(light=0.5))
    os.kill(session.status()["worker"]["pid"], signal.SIGKILL)
    assert np.array_equal(before, client.show(Settings(light=0.5))) and client.uploads == 1
    client.work.close()


def test_a_picture_that_was_given_up_is_sent_again(session: Session, picture: np.ndarray) -> None:
    client = Client(session, picture)
    before = client.show(Settings())
    client.work.close()  # as if the server had dropped it
    assert np.array_equal(before, client.show(Settings())) and client.uploads == 2
    client.work.close()


SPOILED: list[dict[str, Any]] = [
    {"width": 0},
    {"width": -1},
    {"width": 1.5},
    {"width": True},
    {"width": "9"},
    {"width": None},
    {"width": 1 << 40, "height": 1},
    {"width": 4096, "height": 4096},
    {"rect": {}},
    {"rect": []},
    {"rect": {"x": 0, "y": 0, "width": 10, "height": 10, "depth": 1}},
    {"rect": {"x": 0, "y": 0, "width": 0, "height": 10}},
    {"rect": {"x": -1, "y": 0, "width": 10, "height": 10}},
    {"rect": {"x": 570, "y": 0, "width": 10, "height": 10}},
    {"rect": {"x": 0, "y": 0, "width": 1 << 62, "height": 1 << 62}},
    {"plane": "selection"},
    {"plane": ["pixels"]},
    {"serial": "x"},
    {"serial": 1 << 70},
    {"settings": {"light": 7}},
    {"settings": {"glow": 1}},
    {"settings": None},
    {"settings": {"network": "nowhere"}},
    {"settings": {"network": "headshot"}},
]


def test_hostile_previews_are_refused_and_cost_nothing(session: Session, picture: np.ndarray) -> None:
    """Each gets its ERROR, and the picture stays."""
    client = Client(session, picture)
    plain = {"rect": None, "width": 72, "height": 96, "settings": Settings().as_dict(), "plane": "pixels"}
    for spoiled in SPOILED:
        fields = {"serial": 1, **plain, **spoiled}
        session.send([wire.encode("PREVIEW", job=client.work._job, **fields)])
        with pytest.raises(Problem) as problem:
            session.expect("PREVIEW", client.work._job)
        assert problem.value.code in ("bad-request", "bad-setting", "unknown-network"), spoiled
    session.send([wire.encode("RENDER", job=client.work._job, serial=[], settings=plain["settings"])])
    with pytest.raises(Problem, match="whole number"):
        session.expect("RESULT", client.work._job)
    for command in ("PREVIEW", "RENDER"):
        session.send([wire.encode(command, job=(other := secrets.token_hex(16)), **plain)])
        with pytest.raises(Problem) as problem:
            session.expect(command, other)
        assert problem.value.code == "unknown-job"
    assert client.show(Settings()).any() and client.uploads == 1
    client.work.close()


def test_a_picture_that_is_given_up_leaves_nothing(session: Session, picture: np.ndarray) -> None:
    """Whatever the server was doing with it; and it is sent again for whoever goes on after all."""

    def held() -> int:
        return int(session.status()["memory"]["pictures"])

    before = held()
    client = Client(session, picture)
    stopped_render(client)
    client.work.close()
    wait_for(lambda: held() == before, 10)
    client = Client(session, picture)
    client.work.close()
    client.stopped = True
    with pytest.raises(Problem, match="cancelled"):  # while it is sent anew
        client.render(Settings())
    wait_for(lambda: held() == before, 10)
    client.stopped = False
    assert client.render(Settings())[0]["box"] and client.uploads == 2
    client.work.close()
    wait_for(lambda: held() == before, 10)


def test_a_client_that_leaves_leaves_nothing(home: Path, picture: np.ndarray) -> None:
    with Session.open() as session:
        Client(session, picture).show(Settings())
        assert session.status()["memory"]["pictures"] > picture.nbytes
    with Session.open() as session:
        wait_for(lambda: not session.status()["memory"]["pictures"])
