"""The licences of installed packages, from what each says of itself, as SPDX identifiers where possible."""

from __future__ import annotations

import importlib.metadata

# Licences under which a package may come along with GPL-3.0-or-later software.
ALLOWED = frozenset(
    ("Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "HPND", "ISC", "MIT", "MIT-CMU")
    + (
        "MPL-2.0",
        "PSF-2.0",
        "Python-2.0",
        "Unlicense",
        "Zlib",
        "0BSD",
        "GPL-3.0-or-later",
        "MIT-0",
        "GPL-3.0",
    )
    + ("Apache-2.0 WITH LLVM-exception", "LGPL-3.0", "LGPL-2.1", "Zlib-acknowledgement", "libpng-2.0", "BSD")
)
# NVIDIA's own packages for CUDA: free to use, not free software; only installed with --device cuda.
CUDA = ("nvidia-", "cuda-")
UNKNOWN = "NOASSERTION"  # SPDX's word
_NAMES = {
    "MIT License": "MIT",
    "The MIT License (MIT)": "MIT",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "OSI Approved :: Apache Software License": "Apache-2.0",
    "OSI Approved :: MIT License": "MIT",
    "OSI Approved :: BSD License": "BSD",
    "OSI Approved :: Python Software Foundation License": "PSF-2.0",
    "OSI Approved :: Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
    "OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
    "OSI Approved :: ISC License (ISCL)": "ISC",
    "BSD License": "BSD",
    "BSD 3-Clause License": "BSD-3-Clause",
    "Boost Software License": "BSL-1.0",
    "BSD-3-Clause license": "BSD-3-Clause",
    "3-Clause BSD License": "BSD-3-Clause",
    "PSF": "PSF-2.0",
}


def of(package: importlib.metadata.Distribution) -> str:
    """Give the expression that the package declares, or what its classifiers say; `UNKNOWN` if nothing."""
    told = package.metadata.json
    if expression := told.get("license_expression"):
        return str(expression)
    classes = [
        line.removeprefix("License :: ")
        for line in map(str, told.get("classifier", []))
        if line.startswith("License :: ") and line != "License :: OSI Approved"
    ]
    found = sorted({_NAMES.get(name, name) for name in classes})
    short = str(told.get("license") or "").strip()
    short = _NAMES.get(short, short)
    if short in ALLOWED and (not found or found == ["BSD"]):
        found = [short]
    return " AND ".join(found) or UNKNOWN


def listed(text: str) -> dict[str, str]:
    """Read ``requirements/licences.txt``: package, then its licence, a line each."""
    lines = [line.split(None, 1) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return {name: expression.strip() for name, expression in lines}


def not_allowed(name: str, expression: str) -> list[str]:
    """List the parts of an expression that are on no list: of alternatives (OR) one that is suffices."""
    if name.startswith(CUDA):
        return []
    refused = []
    for part in expression.replace("(", " ").replace(")", " ").split(" AND "):
        choices = [choice.strip() for choice in part.split(" OR ")]
        if not any(choice in ALLOWED for choice in choices):
            refused.append(part.strip())
    return refused
