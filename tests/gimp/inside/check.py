"""Runs "check set-up" with no image open. Executed by GIMP."""

import support

status, report = support.outcome(support.call("python-fu-studio-portrait-check"))
support.tell({"status": status, "report": report})
