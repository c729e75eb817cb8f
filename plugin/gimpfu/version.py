"""The package's version, which the zip's name carries."""

VERSION = "0.2.0"
