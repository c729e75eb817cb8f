"""The two version numbers, in their only home."""

VERSION = "0.1.0"  # of the product: package, plug-in, server, parasite
PROTOCOL = 1  # of the wire contract in server/PROTOCOL.md; raised when an old peer would misread
