"""The engines that can run the network, chosen by name in `model.inference.predictor`.

Importing OpenVINO starts a process that reports the import to Google Analytics, without
being asked. Nothing leaves the machine here: with None in its place the reporting package
cannot be imported, and OpenVINO falls back to its own stub of it.
"""

import sys

sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
