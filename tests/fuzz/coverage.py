"""Let atheris look for inputs that reach new code: `python -m tests.fuzz.coverage TARGET [--runs N]`.

It is no part of the tests' environment (3.0.0 was used; ``pip install --no-deps atheris``). What it finds is
kept in ``corpus/TARGET``, where `file_targets.seeds` takes it from: so every later campaign, and the short
form in the tests, begins where it ended. An input that raises what nobody foresaw, takes ten seconds or two
gigabytes ends the run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

SMALL = 4096  # bytes of an input that is worth keeping


def main(arguments: Sequence[str] | None = None) -> None:
    """Does not return: libFuzzer ends the process."""
    import atheris

    with atheris.instrument_imports(include=["server.files", "model.inference.weights"]):
        from . import file_targets

    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.coverage", description=__doc__)
    parser.add_argument("target", choices=list(file_targets.TARGETS))
    parser.add_argument("--runs", type=int, default=1_000_000, metavar="N")
    args = parser.parse_args(arguments)
    corpus = file_targets.CORPUS / args.target
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(file_targets.seeds(args.target)):
        if len(data) <= SMALL:
            (corpus / f"seed-{number}").write_bytes(data)
    limits = [f"-runs={args.runs}", f"-max_len={SMALL}", "-timeout=10", "-rss_limit_mb=2048"]
    atheris.Setup([sys.argv[0], str(corpus), *limits], file_targets.TARGETS[args.target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
