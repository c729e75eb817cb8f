"""Opens the dialog of the script that has a parameter of every kind. Executed by GIMP."""

import support
from gi.repository import Gimp

status, value = support.outcome(support.call("python-fu-kinds", run_mode=Gimp.RunMode.INTERACTIVE))
support.tell({"status": status, "told": value})
