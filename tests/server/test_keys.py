"""The key ring and the command that manages it."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path

import pytest

from plugin.studio_portrait.link import runtime
from plugin.studio_portrait.link.wire import Problem
from server.cli import main as cli
from server.remote import address
from server.remote.keys import CLIENTS, SERVERS, KeyRing, shown, typed

KEY = "0123456789abcdef" * 4


@pytest.fixture
def ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeyRing:
    monkeypatch.setenv(runtime.HOME_VARIABLE, str(tmp_path))
    return KeyRing(tmp_path)


def refused(code: str, *words: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert cli.main(["keys", *words]) == (2 if code == "bad-setting" else 1)
    return capsys.readouterr().err


def test_new_keys_are_nobody_elses_to_read(ring: KeyRing, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["keys", "new"]) == 0
    told = re.search(r"This machine's key: ([0-9a-f]{64})\n", capsys.readouterr().out)
    pair = ring.own()
    assert told and told[1] == shown(pair.public)
    for path in (ring.folder, ring.folder / "own.key_secret"):
        assert os.name != "posix" or not stat.S_IMODE(path.stat().st_mode) & 0o077
    assert pair.secret.decode() not in repr(pair)
    assert {path.name for path in ring.folder.iterdir()} == {"own.key", "own.key_secret"}


def test_keys_are_replaced_only_when_asked(ring: KeyRing, capsys: pytest.CaptureFixture[str]) -> None:
    first = ring.new()
    assert "already has a key pair" in refused("bad-key", "new", capsys=capsys)
    assert ring.own().public == first
    assert cli.main(["keys", "new", "--replace"]) == 0
    assert ring.own().public != first


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
def test_a_secret_that_others_can_read_is_not_used(ring: KeyRing) -> None:
    ring.new()
    (ring.folder / "own.key_secret").chmod(0o644)
    with pytest.raises(Problem, match="Others can read"):
        ring.own()


@pytest.mark.parametrize("content", ["", "curve\n", 'public-key = "x"\nsecret-key = "y"', "\xff" * 40])
def test_damaged_keys(ring: KeyRing, content: str) -> None:
    ring.new()
    ring.allow(CLIENTS, "a", typed(KEY))
    (ring.folder / "own.key_secret").write_text(content, encoding="latin-1")
    (ring.folder / CLIENTS / "a.key").write_text(content, encoding="latin-1")
    with pytest.raises(Problem):
        ring.own()
    assert ring.known(CLIENTS) == {}


def test_allow_list_and_revoke(ring: KeyRing, capsys: pytest.CaptureFixture[str]) -> None:
    ring.new()
    assert cli.main(["keys", "allow", "anna", KEY]) == 0
    assert cli.main(["keys", "allow", "--server", "GPU.example.org", KEY.upper()]) == 0
    assert ring.known(CLIENTS) == {"anna": typed(KEY)}
    assert ring.server("gpu.example.org") == typed(KEY)
    capsys.readouterr()
    assert cli.main(["keys", "list", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {
        "own": shown(ring.own().public),
        CLIENTS: {"anna": KEY},
        SERVERS: {"gpu.example.org": KEY},
    }
    assert cli.main(["keys", "list"]) == 0
    assert f"  anna  {KEY}" in capsys.readouterr().out
    assert cli.main(["keys", "revoke", "anna"]) == 0
    assert ring.known(CLIENTS) == {} and ring.known(SERVERS)
    assert "Known: nobody" in refused("bad-setting", "revoke", "anna", capsys=capsys)


@pytest.mark.parametrize("typed_as", ["gpu:5555", "tcp://gpu", "[fd00::7]:5555", "fd00::7"])
def test_a_servers_key_is_found_however_its_address_was_typed(ring: KeyRing, typed_as: str) -> None:
    assert cli.main(["keys", "allow", "--server", typed_as, KEY]) == 0
    assert ring.server("[fd00::7]" if "fd00" in typed_as else "gpu") == typed(KEY)
    assert cli.main(["keys", "revoke", "--server", typed_as]) == 0
    assert ring.known(SERVERS) == {}


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("a", KEY[:-1]),
        ("a", KEY[:-1] + "g"),
        ("../a", KEY),
        (".a", KEY),
        ("a/b", KEY),
        ("", KEY),
        ("a" * 65, KEY),
    ],
)
def test_names_and_keys_that_are_none(
    ring: KeyRing, capsys: pytest.CaptureFixture[str], name: str, key: str
) -> None:
    assert refused("bad-setting", "allow", "--", name, key, capsys=capsys)
    assert ring.known(CLIENTS) == {}


def test_without_keys(ring: KeyRing, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["keys", "list"]) == 0
    assert "no key; make one" in capsys.readouterr().out
    with pytest.raises(Problem, match="has no key pair"):
        ring.own()
    with pytest.raises(Problem, match="is not known here"):
        ring.server("gpu")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("gpu", ("gpu", 47310)),
        ("gpu.example.org:5555", ("gpu.example.org", 5555)),
        ("tcp://10.0.0.7:1", ("10.0.0.7", 1)),
        ("tcp://[fe80::1]:65535", ("[fe80::1]", 65535)),
        ("[::1]", ("[::1]", 47310)),
    ],
)
def test_addresses(text: str, found: tuple[str, int]) -> None:
    assert address.parse(text) == found


@pytest.mark.parametrize("text", ["", "a:b", "a:0", "a:65536", "ipc://x", "::1", "a b", "tcp://", "a:1:2"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(Problem) as caught:
        address.parse(text)
    assert caught.value.code == "bad-setting"
