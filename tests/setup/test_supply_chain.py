"""What is installed is what was locked, is listed with its licence, and reports to nobody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from plugin.studio_portrait.link.version import VERSION
from server.cli import main as cli
from server.setup import audit, licences, pins, sbom
from server.setup.environment import Environment

from .conftest import CHECKOUT

REQUIREMENTS = CHECKOUT / "requirements"


def test_every_pin_has_hashes_of_its_version() -> None:
    locked = pins.locked((REQUIREMENTS / "hashes.txt").read_text("utf-8"))
    wanted = pins.read(
        (REQUIREMENTS / f"{group}.txt" for group in pins.groups(REQUIREMENTS)), everywhere=True
    )
    assert len(wanted) > 40
    for name, version in wanted.items():
        entry = locked[pins.normal(name)]
        assert entry.version == version and entry.hashes, name
        assert all(len(digest) == 64 and int(digest, 16) >= 0 for digest in entry.hashes), name


def test_no_file_names_a_registry() -> None:
    for file in REQUIREMENTS.glob("*.txt"):
        text = file.read_text("utf-8")
        assert "://" not in text and "index" not in text.replace("nightly-index", ""), file


def fake_wheel(folder: Path, name: str, version: str) -> Path:
    """A wheel with the right name and nothing of the right bytes."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}/__init__.py", "raise SystemExit('taken over')\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


def test_another_file_of_the_same_name_is_refused(tmp_path: Path) -> None:
    """As the installer asks for packages: a registry, or who stands before it, cannot give us other files."""
    environment = Environment(CHECKOUT)
    version = environment.locked()["iniconfig"].version
    fake_wheel(tmp_path, "iniconfig", version)
    own = {**os.environ, "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--target", str(tmp_path / "into")]
    with environment._with_hashes({"iniconfig"}) as wanted:
        refused = subprocess.run([*pip, *wanted], env=own, capture_output=True, text=True, check=False)
    assert refused.returncode and "HASHES" in refused.stderr.upper(), refused.stderr
    assert not (tmp_path / "into").exists()
    taken = subprocess.run(
        [*pip, f"iniconfig=={version}"], env=own, capture_output=True, text=True, check=False
    )
    assert taken.returncode == 0, "without hashes it is taken: else this test tests nothing"


def package(folder: Path, name: str, version: str, licence: str = "MIT") -> None:
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    told = f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\nLicense-Expression: {licence}\n"
    (info / "METADATA").write_text(told)


def test_the_audit_names_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Something nobody pinned, another version, a licence that changed; each can be waived by its name."""
    before = dict(audit.check())
    package(tmp_path, "intruder", "1.0")
    package(tmp_path, "pillow", "0.1")
    rich = pins.locked((REQUIREMENTS / "hashes.txt").read_text("utf-8"))["rich"].version
    package(tmp_path, "rich", rich, "LicenseRef-Secret")
    monkeypatch.syspath_prepend(str(tmp_path))
    new = dict(audit.check()).keys() - before.keys()
    assert new == {"unpinned:intruder", "version:pillow", "licence:rich"}
    monkeypatch.setattr(audit, "outside", lambda: iter([("CVE-1:numpy", "a known vulnerability")]))
    assert audit.main([]) == 1
    told = capsys.readouterr().out
    assert "NOT  unpinned:intruder" in told and "NOT  CVE-1:numpy" in told
    waived = [word for name in (*new, *before, "CVE-1:numpy") for word in ("--waive", name)]
    assert audit.main(waived) == 0
    assert "waived  unpinned:intruder" in capsys.readouterr().out


def test_the_audit_says_loudly_that_it_could_not_ask(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object, **__: object) -> str:
        raise subprocess.CalledProcessError(1, "uv", "", "no route to host")

    monkeypatch.setattr(audit, "_run", fails)
    assert list(audit.outside()) == []
    assert "NO DATABASE OF VULNERABILITIES COULD BE ASKED: no route to host" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("expression", "refused"),
    [
        ("MIT", []),
        ("MIT OR LicenseRef-Secret", []),
        ("MIT AND LicenseRef-Secret", ["LicenseRef-Secret"]),
        ("(Apache-2.0 OR BSD-2-Clause) AND Zlib", []),
        (licences.UNKNOWN, [licences.UNKNOWN]),
    ],
)
def test_licences_that_are_allowed(expression: str, refused: list[str]) -> None:
    assert licences.not_allowed("some", expression) == refused


def test_bill_of_materials(capsys: pytest.CaptureFixture[str]) -> None:
    """Each package once, with version, licence and hashes; each network; and the same each time."""
    assert cli.main(["sbom"]) == 0
    bill = json.loads(capsys.readouterr().out)
    assert bill == sbom.bill(CHECKOUT)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["version"] == VERSION
    components = {component["bom-ref"]: component for component in bill["components"]}
    assert len(components) == len(bill["components"])
    assert bill["dependencies"][0]["dependsOn"] == list(components)
    locked = pins.locked((REQUIREMENTS / "hashes.txt").read_text("utf-8"))
    for name, entry in locked.items():
        found = components[f"pkg:pypi/{name}@{entry.version}"]
        assert found["licenses"] and {"name": "group"}.items() <= found["properties"][0].items()
        digests = [told["value"] for told in found["properties"] if told["name"] == "file:sha256"]
        assert digests == list(entry.hashes)
    networks = [found for found in components.values() if found["type"] == "machine-learning-model"]
    assert {"network:studio"} <= {found["bom-ref"] for found in networks}
    assert all(len(found["hashes"][0]["content"]) == 64 for found in networks)


def test_the_bill_is_what_cyclonedx_asks_for(tmp_path: Path) -> None:
    """By the schema itself, which comes with the auditor's tools."""
    try:
        python = audit._tools(tmp_path)
    except subprocess.CalledProcessError:
        pytest.skip("NO REGISTRY CAN BE REACHED: CycloneDX's schema could not be asked")
    assert list(audit.bill_of_materials(python, sbom.text())) == []
    wrong = {**sbom.bill(CHECKOUT), "components": [{"type": "library"}], "more": 1}
    told = [sentence for _, sentence in audit.bill_of_materials(python, json.dumps(wrong))]
    assert len(told) == 2 and any("'name' is a required property" in sentence for sentence in told), told


WATCH = """
import os, socket, subprocess, sys
seen = []
def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.fork", "os.posix_spawn"):
        seen.append(event)
    if event == "import" and arguments[0].startswith("openvino_telemetry.backend"):
        seen.append("reporting loaded")
sys.addaudithook(watch)
exec(sys.argv[1])
print(sorted(set(seen)))
"""


def watched(code: str, home: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", WATCH, code],
        cwd=CHECKOUT,
        env={**os.environ, "HOME": str(home), "CI": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_openvino_reports_to_nobody(tmp_path: Path) -> None:
    """OpenVINO reports its import to Google by itself; with us no process, no connection, no look-up."""
    pytest.importorskip("openvino")
    code = "from model.inference import openvino\nimport numpy\nopenvino.ov.Core().available_devices"
    assert watched(code, tmp_path) == "[]"
    assert not list(tmp_path.rglob("*telemetry*"))
    loud = watched("import openvino", tmp_path)
    if "reporting loaded" not in loud:
        pytest.fail(f"what is watched for does not happen without our guard either: {loud}")
