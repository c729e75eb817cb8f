"""``install.py``'s command line: what is done, in which order, and what is said about it."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from plugin.studio_portrait.link.wire import Problem

from . import checks, doctor, first_run, gimpfu_bundle, plugin_folder, profiles, removal, torch_build, weights
from .console import Steps, detail, say
from .environment import Environment

_AGAIN = (
    "See to it (is the disk full, or read-only?), then run install.py again: it goes on where it stopped."
)
_KINDS = ("list", "uninstall", "doctor", "test", "gimpfu_only", "bundle")
# What each option goes with, "" for the plain installation; with all else it would have no effect.
_GOES_WITH = {
    "--to": ("to", ("bundle",)),
    "--yes": ("yes", ("uninstall",)),
    "--json": ("json", ("doctor",)),
    "--device": ("device", ("", "test")),
    "--openvino": ("openvino", ("",)),
    "--train": ("train", ("",)),
    "--with": ("extras", ("",)),
    "--gimp-dir": ("gimp_dir", ("", "list", "uninstall", "gimpfu_only")),
    "--": ("for_pytest", ("test",)),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 something is wrong (said on standard error), 130 interrupted."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    at = arguments.index("--") if "--" in arguments else len(arguments)
    parser = _parser()
    options = parser.parse_args(arguments[:at])
    options.for_pytest = arguments[at + 1 :]
    _check_together(parser, options)
    try:
        return _do(options)
    except Problem as problem:
        print(f"\n{problem.message}\n{problem.hint}", file=sys.stderr)
        return 1
    except OSError as error:
        about = f" with {error.filename}" if error.filename else ""
        print(f"\nThe system refused something{about}: {error.strerror or error}.\n{_AGAIN}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Run install.py again: it goes on where it stopped.", file=sys.stderr)
        return 130


def _check_together(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse an option that would have no effect, as argparse does."""
    kind = next((name for name in _KINDS if getattr(options, name)), "")
    for option, (name, kinds) in _GOES_WITH.items():
        if getattr(options, name) not in (parser.get_default(name), []) and kind not in kinds:
            other = f"with argument --{kind}" if kind else f"without --{kinds[0]}"
            parser.error(f"argument {option}: not allowed {other.replace('_', '-')}")


def _do(options: argparse.Namespace) -> int:
    if options.doctor:
        return doctor.run(json=options.json)
    if options.list:
        return removal.show(options.gimp_dir)
    if options.uninstall:
        return removal.uninstall(options.gimp_dir, yes=options.yes)
    if options.test:
        return _test(options)
    if options.bundle:
        return _bundle(options)
    if options.gimpfu_only:
        return _install_gimpfu(options)
    return _install(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="install.py",
        description="Sets up Studio Portrait in this folder, and its plug-in in every GIMP 3 profile."
        " Run it again at any time: it repairs what is broken and leaves the rest alone.",
        epilog="Arguments after -- go to pytest, which is then all that --test runs.",
    )
    add = parser.add_mutually_exclusive_group().add_argument
    add("--list", action="store_true", help="show what is installed where")
    add("--uninstall", action="store_true", help="list, then remove, what was installed")
    add("--doctor", action="store_true", help="check everything and say what to do")
    add("--test", action="store_true", help="install what the tests need, then run lint, types and all tests")
    loader = "only install the loader that runs GIMP 2's Python scripts in GIMP 3"
    add("--gimpfu-only", action="store_true", help=loader)
    add("--bundle", choices=("gimpfu",), help="write that loader as a zip for a GIMP profile")
    _add_details(parser)
    return parser


def _add_details(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--to", type=Path, default=Path.cwd(), metavar="DIR", help="with --bundle: where (default: here)")
    add("--device", choices=("cpu", "cuda"), help="which build of PyTorch (default: by what is here)")
    openvino = "also install OpenVINO, which is quicker on a CPU (default: with the CPU build)"
    add("--openvino", action=argparse.BooleanOptionalAction, default=None, help=openvino)
    add("--train", action="store_true", help="also install what the tools in model/ need")
    extras = "also install what RAW files, HEIC files or a Ray cluster need (may be given several times)"
    kinds = ("raw", "heic", "ray")
    add("--with", dest="extras", choices=kinds, action="append", default=[], help=extras)
    folder = "a further GIMP profile folder (may be given several times)"
    add("--gimp-dir", type=Path, action="append", default=[], metavar="DIR", help=folder)
    add("--yes", action="store_true", help="with --uninstall: do not ask")
    add("--json", action="store_true", help="with --doctor: one JSON object for a program to read")


def _install(options: argparse.Namespace) -> int:
    for folder in options.gimp_dir:
        plugin_folder.check_place(profiles.given(folder))
    environment = Environment()
    steps = Steps(4)
    say(f"Studio Portrait in {environment.checkout}")
    steps.start("Python environment")
    changed = _ensure(environment, options)
    steps.start("Networks")
    networks = weights.networks()
    _check(networks)
    steps.start("GIMP plug-in")
    changed |= _install_plugins(environment, options.gimp_dir, [network.name for network in networks])
    steps.start("First portrait")
    if changed:
        subprocess.run([environment.command, "stop"], capture_output=True, check=False)
    detail(f"before and after: {first_run.ensure(environment, weights.fingerprint(networks))}")
    say("\nReady. In GIMP: Filters > Enhance > Studio Portrait...")
    say(f"Without GIMP: {environment.command} retouch PHOTO -o RESULT")
    return 0


def _ensure(environment: Environment, options: argparse.Namespace) -> bool:
    """Bring the environment to what is asked for; True if anything had to be done."""
    device = torch_build.choose(options.device, environment.notes().get("device"))
    wanted = device == torch_build.CPU if options.openvino is None else options.openvino
    groups = ["openvino"] * wanted + ["train"] * options.train + options.extras
    changed = environment.ensure(options.device, groups)
    detail("installed" if changed else "is complete")
    return changed


def _check(networks: list[weights.Network]) -> None:
    if not networks:
        raise Problem("weights", "There is no network in model/weights.", weights.HINT)
    for network in (*networks, weights.person_finder()):
        if network.fault:
            sentence = f"The network {network.name} cannot be used: {network.fault}."
            raise Problem("weights", sentence, weights.HINT)
        detail(f"{network.name}: weights checked")


def _install_plugins(environment: Environment, gimp_dirs: list[Path], networks: list[str]) -> bool:
    wanted = profiles.wanted(gimp_dirs)
    changed = False
    for profile in wanted:
        news = plugin_folder.install(profile, environment.command, networks)
        detail(f"{'installed in' if news else 'is complete in'} {profile.plugin}")
        changed |= news
        environment.remember(plugins=sorted({*environment.notes().get("plugins", []), str(profile.plugin)}))
    if not wanted:
        detail("no GIMP 3 profile was found; the command line works without GIMP")
        for gimp in profiles.find_gimps():
            detail(f"GIMP {gimp.version} has never been started: start it once, then run install.py again")
    elif changed:
        detail("a GIMP that is running shows the filter after its next start")
    return changed


def _install_gimpfu(options: argparse.Namespace) -> int:
    wanted = profiles.wanted(options.gimp_dir)
    if not wanted:
        hint = "Start GIMP once, so that it makes its profile, or name one: --gimp-dir DIR."
        raise Problem("set-up", "No GIMP 3 profile was found.", hint)
    environment = Environment()
    for profile in wanted:
        folder = gimpfu_bundle.folder_in(profile.folder)
        news = gimpfu_bundle.install(profile)
        environment.remember(loaders=sorted({*environment.notes().get("loaders", []), str(folder)}))
        detail(f"{'installed in' if news else 'is complete in'} {folder}")
        say(f"Put GIMP 2's Python scripts into {profile.folder / gimpfu_bundle.SCRIPTS} and start GIMP.")
    return 0


def _bundle(options: argparse.Namespace) -> int:
    say(str(gimpfu_bundle.bundle(options.to)))
    say("Unpack it in GIMP's profile folder, which Edit > Preferences > Folders names.")
    return 0


def _test(options: argparse.Namespace) -> int:
    """Run every check, the tests last, so that the output ends with pytest's own line.

    Arguments for pytest choose tests: then they alone are run, in one process. All together run in one for
    each processor.
    """
    environment = Environment()
    wanted = [] if options.for_pytest else list(checks.CHECKS)
    steps = Steps(3 + len(wanted))
    steps.start("Python environment with what the tests need")
    changed = environment.ensure(options.device, ["test", "train", "openvino"])
    detail("installed" if changed else "is complete")
    steps.start("GIMP for the tests")
    root = checks.gimp_root(environment.checkout)
    failed = [sentence for name in wanted if (sentence := _checked(name, environment, steps))]
    steps.start("Tests")
    for sentence in failed:
        detail(sentence)
    variables = {**os.environ, **({checks.ROOT_VARIABLE: str(root)} if root else {})}
    command = [str(environment.python), "-m", "pytest", *(options.for_pytest or ["-n", "auto"])]
    status = subprocess.run(command, cwd=environment.checkout, env=variables, check=False).returncode
    return status or int(bool(failed))


def _checked(name: str, environment: Environment, steps: Steps) -> str | None:
    steps.start(name.capitalize())
    sentence = checks.run(name, environment.python, environment.checkout)
    if sentence:
        detail(sentence)
    return sentence
