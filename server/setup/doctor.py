"""``install.py --doctor`` and ``studio-portrait doctor``: checks everything, says what to do.

Each check is a small function that answers with findings and changes nothing. Nothing heavy
is imported here: the environment is asked in a process of its own.
"""

from __future__ import annotations

import dataclasses
import json as json_format
from collections.abc import Iterator
from pathlib import Path

from plugin.studio_portrait.link.version import VERSION

from . import check_gimp, check_server, profiles
from .environment import Environment
from .finding import Finding


def run(json: bool = False, report: bool = False) -> int:
    """Print every finding, or a report to send; 0 if all is well, 1 otherwise."""
    findings = list(examine())
    well = all(finding.ok for finding in findings)
    if json:
        found = [dataclasses.asdict(finding) for finding in findings]
        print(json_format.dumps({"version": VERSION, "ok": well, "findings": found}))
    elif report:
        from .report import text as reported

        print(reported(text(findings)))
    else:
        print(text(findings))
    return 0 if well else 1


def text(findings: list[Finding]) -> str:
    """Return the findings for a person to read, one paragraph each."""
    lines = [f"Studio Portrait {VERSION}"]
    for finding in findings:
        lines.append(f"{'ok ' if finding.ok else 'NOT'}  {finding.sentence}")
        if finding.hint:
            lines.append(f"     -> {finding.hint}")
    faults = sum(not finding.ok for finding in findings)
    lines.append("All is well." if not faults else f"{faults} to look at.")
    return "\n".join(lines)


def examine() -> Iterator[Finding]:
    """Every check, in the order in which a user would go about it."""
    environment = Environment()
    yield check_server.check_environment(environment)
    yield from check_server.check_weights(environment.checkout)
    yield check_server.check_gpu(environment)
    yield check_server.check_decoder()
    yield from check_server.check_server(environment)
    gimps = profiles.find_gimps()
    yield check_gimp.check_gimps(gimps)
    copies = known_profiles(environment)
    yield from check_gimp.check_versions(
        gimps, [copy for copy in copies if copy.plugin.is_dir()], profiles.other_versions()
    )
    for profile in copies:
        yield from check_gimp.check_profile(profile)
    if gimps and not copies:
        hint = "Start GIMP once, so that it makes its profile, then run install.py again."
        yield Finding("plugin-missing", False, "There is no GIMP 3 profile yet.", hint)
    if (python := check_gimp.check_python(gimps)) is not None:
        yield python


def known_profiles(environment: Environment) -> list[profiles.Profile]:
    """Return the profiles found by looking and those named when the plug-in was installed."""
    noted = (Path(folder).parents[1] for folder in environment.notes().get("plugins", []))
    candidates = [*profiles.find_profiles(), *(profiles.given(folder) for folder in noted)]
    return list({profile.folder.resolve(): profile for profile in reversed(candidates)}.values())[::-1]
