"""``--list`` and ``--uninstall``: what set-up has put where, and its removal.

Only what is ours is touched: plug-in copies by their own list of files, the environment,
the state folder by its known file names (keys and the user's options, too), networks that were converted
for this machine, the first portrait. The checkout stays, and so do the user's own presets.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from model.inference import cache
from plugin.studio_portrait.link import presets, runtime, stopping
from plugin.studio_portrait.link.wire import Problem

from . import first_run, gimpfu_bundle, plugin_folder, profiles
from .console import say
from .environment import Environment

_KEYS = ("keys/clients", "keys/servers", "keys")
_SERVERS = (
    *("server.json", "server.lock", "server.log", "server.log.1", "server.log.2", "server.sock"),
    *(".server.json.*", "pixels-*"),
)
_USERS = (
    *("serve.options", "dialog.json", ".dialog.json.*"),
    *("keys/own.key", "keys/own.key_secret", "keys/clients/*.key", "keys/servers/*.key"),
)


@dataclass(frozen=True)
class Inventory:
    """Everything of this checkout that exists now; `foreign` are plug-in copies of other checkouts."""

    plugins: tuple[plugin_folder.Installed, ...]
    foreign: tuple[plugin_folder.Installed, ...]
    environment: Path | None
    state: tuple[Path, ...]
    networks: Path | None
    picture: Path | None

    def lines(self) -> Iterator[str]:
        """Yield one line for each thing that is there."""
        for plugin in self.plugins:
            yield f"plug-in      {plugin.folder} (version {plugin.version}, {len(plugin.files)} files)"
        if self.environment:
            yield f"environment  {self.environment}"
        for path in self.state:
            yield f"server       {path}"
        if self.networks:
            yield f"cache        {self.networks} (converted networks)"
        if self.picture:
            yield f"picture      {self.picture}"


def take(environment: Environment, gimp_dirs: list[Path]) -> Inventory:
    """Look into every profile found, named now, or noted when it was installed."""
    notes = environment.notes()
    noted = [Path(folder).parents[1] for name in ("plugins", "loaders") for folder in notes.get(name, [])]
    own = profiles.wanted([*gimp_dirs, *noted])
    folders = [profile.plugin for profile in own]
    folders += [gimpfu_bundle.folder_in(profile.folder) for profile in own]
    found = [copy for folder in dict.fromkeys(folders) if (copy := plugin_folder.read(folder))]
    foreign = tuple(copy for copy in found if copy.checkout != environment.checkout)
    picture = environment.checkout / first_run.PICTURE
    return Inventory(
        tuple(copy for copy in found if copy.checkout == environment.checkout),
        foreign,
        environment.folder if environment.is_ours() else None,
        tuple(_state_files(shared=bool(foreign))),
        networks if (networks := cache.folder()).is_dir() else None,
        picture if picture.exists() else None,
    )


def show(gimp_dirs: list[Path]) -> int:
    """``--list``."""
    inventory = take(Environment(), gimp_dirs)
    lines = list(inventory.lines())
    say("\n".join(lines) if lines else "Nothing is installed.")
    for plugin in inventory.foreign:
        say(f"not ours     {plugin.folder} (installed from {plugin.checkout})")
    return 0


def uninstall(gimp_dirs: list[Path], yes: bool) -> int:
    """``--uninstall``: lists, asks unless `yes`, stops the server, removes."""
    environment = Environment()
    inventory = take(environment, gimp_dirs)
    lines = list(inventory.lines())
    if not lines:
        say("Nothing is installed.")
        return 0
    say("This is removed:\n" + "\n".join(lines))
    if not yes and not _agreed():
        say("Nothing was removed.")
        return 1
    stopping.stop(runtime.state_folder_path())
    _remove(inventory)
    if any(not preset.shipped for preset in presets.available()):
        say(f"left, they are yours: the presets in {presets.folder()}")
    say(f"Removed. {environment.checkout} itself can be deleted now if you like.")
    return 0


def _remove(inventory: Inventory) -> None:
    for plugin in inventory.plugins:
        for left in plugin_folder.remove(plugin):
            say(f"left, it is not ours: {left}")
        if plugin.folder.name == gimpfu_bundle.PLUGIN:
            _leave_scripts(plugin.folder.parents[1])
    _remove_state(shared=bool(inventory.foreign))
    _remove_files([inventory.picture] if inventory.picture else [])
    if inventory.networks:
        shutil.rmtree(inventory.networks)
        _remove_if_empty(inventory.networks.parent)
    if inventory.environment:
        shutil.rmtree(inventory.environment)


def _leave_scripts(profile: Path) -> None:
    """Say which old scripts stay in a profile; our note among them, and a folder without any, go."""
    scripts = profile / gimpfu_bundle.SCRIPTS
    _remove_files([scripts / gimpfu_bundle.NOTE])
    for left in (scripts, profile / f"{gimpfu_bundle.SCRIPTS}.json"):
        if left.exists():
            say(f"left, it is yours: {left}")


def _remove_state(shared: bool) -> None:
    """End the server and remove its files, while holding its lock. Raises `Problem` when it goes on."""
    folder = runtime.state_folder_path()
    if not folder.is_dir():
        return
    lock = runtime.Lock(folder)
    stopping.stop(folder)
    if not lock.acquire():
        raise Problem("set-up", "A server has just been started.", "Run install.py --uninstall again.")
    _remove_files(file for file in _state_files(shared) if file.name != "server.lock")
    lock.remove()
    for name in (*_KEYS, ""):
        _remove_if_empty(folder / name)
    for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
        if entry != presets.folder():  # which `uninstall` tells of
            say(f"left, it is not ours: {entry}")


def _agreed() -> bool:
    if not sys.stdin.isatty():
        say("Nobody can be asked here: add --yes.")
        return False
    try:
        return input("Go on? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:  # Ctrl-D
        say("")
        return False


def _state_files(shared: bool) -> list[Path]:
    """Return what was written into the state folder, by name.

    shared: another checkout's plug-in is there, which goes on using the user's keys and options.
    """
    folder = runtime.state_folder_path()
    patterns = _SERVERS if shared else (*_SERVERS, *_USERS)
    return [path for pattern in patterns for path in sorted(folder.glob(pattern))]


def _remove_files(files: Iterable[Path]) -> None:
    """Remove the files and then their folders, where nothing else is in them."""
    files = set(files)
    for file in files:
        file.unlink(missing_ok=True)
    for folder in {file.parent for file in files}:
        _remove_if_empty(folder)


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
