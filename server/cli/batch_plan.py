"""What a batch is to do and where, as the command's options say, checked before anything is started."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugin.studio_portrait.link.version import VERSION
from plugin.studio_portrait.link.wire import HEADSHOT, ImageSpec, Problem, Settings, check_reference

from .settings import check_is_there, from_arguments

if TYPE_CHECKING:
    from ..batch.item import Engine, Order
    from ..batch.listing import Shard
    from ..batch.run import Plan, Stop


def plan(args: argparse.Namespace) -> tuple[Plan, Order, Path]:
    """Return the run, what is done with each picture, and where the manifest lies. Raises `Problem`."""
    from ..batch.listing import Listing, Shard
    from ..batch.run import Plan

    settings = from_arguments(args)
    _check_machines(args)
    _check_reference(args.reference, settings)
    shard = Shard.of(args.shard) if args.shard else None
    listing = Listing(
        args.sources,
        args.output,
        recursive=args.recursive,
        suffix=args.suffix,
        kind=args.format,
        shard=shard,
        mask=args.mask,
        reference=args.reference,
    )
    order, kept = _order(args, settings)
    made = Plan(listing, kept, _weights(settings.network), args.resume, args.on_error == "stop")
    return made, order, _manifest(args, shard)


def _check_machines(args: argparse.Namespace) -> None:
    """Refuse what would have no effect where the work is done."""
    if args.server and (args.jobs or args.device != "auto"):
        named = "--jobs" if args.jobs else "--device"
        hint = f"Leave {named} out: each server has its own workers (serve --device)."
        raise Problem("bad-setting", f"{named} is for this machine, and --server for others.", hint)
    if args.ray_installed and not args.ray:
        raise Problem("bad-setting", "--ray-installed is of no use without --ray.", "Name the cluster, too.")


def _order(args: argparse.Namespace, settings: Settings) -> tuple[Order, dict[str, Any]]:
    """Return what is done with each picture, and what of it the manifest keeps."""
    from ..batch.item import Order

    kept = {**settings.as_dict(), "mask": args.mask}
    reference = os.path.abspath(args.reference) if args.reference else ""
    order = Order(kept, reference, args.device, mask=args.mask)
    if reference:
        with open(reference, "rb") as file:
            kept = {**kept, "reference": hashlib.file_digest(file, "sha256").hexdigest()}
    return order, json.loads(json.dumps(kept))  # as a manifest gives them back


def _check_reference(name: str | None, settings: Settings) -> None:
    check_is_there(name)
    if (name is None) == (settings.network == HEADSHOT):
        check_reference(settings, None if name is None else ImageSpec(1, 1, 3, "u8"))  # whatever its size


def _weights(network: str) -> str:
    """Return the weights' hash of the network that will be used. Raises `Problem` where there is none."""
    if network == HEADSHOT:
        return ""
    from model.errors import ModelError
    from model.inference.weights import available, choose

    try:
        return choose(network, available()).sha256
    except ModelError as error:
        raise Problem(error.code, error.message, error.hint) from None


def _manifest(args: argparse.Namespace, shard: Shard | None) -> Path:
    if args.manifest:
        return Path(args.manifest)
    part = f"-{shard.index}-of-{shard.count}" if shard else ""
    return Path(args.output) / f"studio-portrait{part}.jsonl"


def engine(args: argparse.Namespace, plan: Plan, order: Order, stop: Stop) -> Engine:
    """Return what does the work where the options say: on this machine, servers or a Ray cluster."""
    if args.server:
        from ..batch.servers import Servers

        return Servers(order, args.server, plan.weights)
    if args.ray:
        from ..batch.on_ray import OnRay

        return OnRay(order, args.ray, args.jobs, args.ray_installed, lambda: bool(stop))
    from ..batch.local import Local

    return Local(order, args.jobs)


def header(args: argparse.Namespace, plan: Plan, engine: Engine) -> dict[str, Any]:
    """Return the manifest's first line: what the run is made of."""
    return {
        "version": VERSION,
        "python": ".".join(str(number) for number in sys.version_info[:3]),
        "begun": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "sources": [os.path.abspath(source) for source in args.sources],
        "destination": str(plan.listing.destination),
        "shard": args.shard,
        "settings": plan.settings,
        "weights": plan.weights,
        **engine.facts,
    }
