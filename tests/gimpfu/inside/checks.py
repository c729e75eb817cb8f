"""Runs every check of gimpfu that only GIMP itself can answer. Executed by GIMP."""

import checking  # noqa: F401 - makes gimpfu importable for the others
import checks_colours
import checks_filters
import checks_objects
import checks_pdb
import checks_scripts
import support

CHECKS = {
    name: function
    for module in (checks_colours, checks_filters, checks_objects, checks_pdb, checks_scripts)
    for name, function in vars(module).items()
    if name.startswith("check_")
}


def run(case):
    CHECKS[case["name"]]()
    return {}


support.tell(support.each([{"name": name} for name in CHECKS], run))
