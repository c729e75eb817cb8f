"""Opens the window of old scripts. Executed by GIMP."""

import support
from gi.repository import Gimp

status, value = support.outcome(support.call("python-fu-old-scripts", run_mode=Gimp.RunMode.INTERACTIVE))
support.tell({"status": status, "told": value})
