"""What register and main make of scripts; each function is one check. Executed by GIMP."""

# ruff: noqa: F403, F405 - `from gimpfu import *` is that API's way

import glob
import json

import support
from checking import new_image, raises
from gi.repository import Gimp
from gimpfu import *
from gimpfu import registry


def check_scripts_procedures_through_pdb():
    image, layer = new_image()
    assert pdb.python_fu_on_layer(image, layer, 5) == layer and layer.name == "first 5"
    assert pdb.python_fu_on_layer(image, layer) == layer and layer.name == "first 5 3", "the default"
    assert layer.opacity == 40.0
    assert pdb.python_several(image) == (40, "two", layer)
    number, part, word, colour = pdb.python_fu_loose()
    assert (number, part, word, colour[:3]) == (3, 2.5, "5", (255, 0, 0)), "as they were declared"
    assert pdb.python_fu_nothing(image) is None and layer.name == "nothing"
    assert "ZeroDivisionError" in raises(pdb.python_fu_broken)
    assert "The moon is not full. Wait a week." in raises(pdb.python_fu_refusing)
    image.delete()


def check_defaults_of_every_kind():
    told = json.loads(pdb.python_fu_kinds())
    assert told == {
        "number": ["int", 42],
        "factor": ["float", 0.5],
        "words": ["str", "hello"],
        "lines": ["str", "one\ntwo"],
        "on": ["bool", True],
        "off": ["bool", False],
        "option": ["int", 1],
        "radio_text": ["str", "b"],
        "radio_number": ["int", 20],
        "slider": ["float", 30.0],
        "spinWhole": ["int", 7],
        "spin_part": ["float", 2.5],
        "colour": ["RGB", [255, 128, 0, 255]],
        "file": ["str", "/etc/passwd"],
        "filename": ["str", "/nowhere/picture.png"],
        "folder": ["str", "/tmp"],
        "in_folder": ["str", "/usr"],
    }, told


def check_given_values_of_every_kind():
    given = [7, 1.5, "w", "l", 0, 1, 2, "a", 10, 99, 3, 9.5, "blue"]
    given += ["/tmp", "/nowhere/new.png", "/usr", "/tmp"]
    told = json.loads(pdb.python_fu_kinds(*given))
    values = [value for _, value in told.values()]
    expected = [7, 1.5, "w", "l", False, True, 2, "a", 10, 99.0, 3, 9.5, [0, 0, 255, 255]]
    assert values == [*expected, "/tmp", "/nowhere/new.png", "/usr", "/tmp"], values
    assert "slider must be between 0 and 100" in raises(pdb.python_fu_kinds, *given[:9], 101)
    assert "no choice number 5" in raises(pdb.python_fu_kinds, *given[:6], 5)


def check_objects_that_nobody_chose_are_those_worked_at():
    image, layer = new_image()
    other, _ = new_image()
    found = [gimp.Layer(image, "chosen", 8, 8), gimp.Channel(image, "mask", 8, 8), gimp.Vectors(image, "way")]
    image.add_layer(found[0])
    image.add_channel(found[1])
    image.add_vectors(found[2])
    image.active_layer = found[0]
    assert pdb.python_fu_objects(image, layer) == "None, None, None, None, None, 7", "no user is there"
    told = pdb.python_fu_objects(image, layer, run_mode=RUN_WITH_LAST_VALS)
    assert told == f"way, {image.name}, chosen, mask, chosen, 7", told
    told = pdb.python_fu_objects(image, layer, None, other, layer, run_mode=RUN_WITH_LAST_VALS)
    assert told == f"way, {other.name}, first, mask, chosen, 7", told
    other.delete()
    image.delete()


def statuses():
    return {
        name: support.outcome(support.call(f"python-fu-{name}"))
        for name in ("broken", "refusing", "failing", "cancelled", "leaving")
    }


def check_what_the_user_reads():
    told = statuses()
    assert told["broken"] == (
        "execution-error",
        "Broken one stopped because of a fault in it: ZeroDivisionError: division by zero",
    ), told["broken"]
    assert told["refusing"] == ("execution-error", "The moon is not full. Wait a week.")
    assert told["failing"] == ("execution-error", "This failed on purpose.")
    assert told["cancelled"][0] == "cancel"
    assert told["leaving"] == ("execution-error", "Leaving one ended early: out of paper")


def check_registration():
    database = Gimp.get_pdb()
    kinds = database.lookup_procedure("python-fu-kinds")
    assert kinds.get_menu_paths() == ["<Image>/Filters/Test"] and kinds.get_menu_label() == "Kinds..."
    assert [spec.name for spec in kinds.get_arguments()][:3] == ["run-mode", "number", "factor"]
    assert "spinwhole" in [spec.name for spec in kinds.get_arguments()]
    on_layer = database.lookup_procedure("python-fu-on-layer")
    assert [spec.name for spec in on_layer.get_arguments()] == ["run-mode", "image", "drawables", "amount"]
    assert (on_layer.get_blurb(), on_layer.get_authors(), on_layer.get_date()) == ("Blurb", "Author", "2026")
    old = database.lookup_procedure("python-fu-old-style")
    assert old.get_menu_paths() == ["<Image>/Filters/Test"] and old.get_menu_label() == "Old style"
    assert [spec.name for spec in old.get_arguments()] == ["run-mode", "image", "drawables"]
    assert database.lookup_procedure("python-several").get_menu_paths() == []


def check_gimp_first_and_a_scripts_own_gettext():
    assert pdb.python_fu_gimp_first() == "Sch\u00e4rfer True 3"


def check_menus_that_gimp_3_has_elsewhere():
    def told(name):
        procedure = Gimp.get_pdb().lookup_procedure(f"python-fu-{name}")
        arguments = [spec.name for spec in procedure.get_arguments()]
        return procedure.get_menu_paths(), procedure.get_menu_label(), arguments[1:]

    both = ["image", "drawables"]
    assert told("old-with-image") == (["<Image>/Filters/Test"], "Other...", [*both, "other"])
    assert told("old-toolbox") == (["<Image>/Xtns/Test"], "Made", [])
    assert told("languages") == (["<Image>/Filters/Languages/Python-Fu"], "Speak", [])
    assert told("at-the-top") == (["<Image>"], "Top", [])
    assert told("renamed-place") == (["<Paths>/Test"], "Ways", both)


def check_old_labels_of_loaders_and_savers_bring_their_parameters():
    who = ("Blurb", "Help", "Author", "Copyright", "2026")
    for label, count, kind in (("<Load>/Mine", 2, "load"), ("<Save>/Mine", 4, "save")):
        with registry.collecting() as found:
            register("file-mine", *who, label, "", [], [], print)
        assert (len(found["file-mine"].params), found["file-mine"].file_kind) == (count, kind)


def check_labels_and_places_that_do_not_fit():
    who = ("Blurb", "Help", "Author", "Copyright", "2026")
    with registry.collecting() as found:
        register("file-mine-thumb", *who, None, None, [(PF_STRING, "filename", "File", "")], [], print)
        register(
            "sheet", *who, "<Toolbox>/Xtns/Sheet", "", [(PF_DIRNAME, "f", "", "")], [], print, menu="<Save>"
        )
    assert found["file-mine-thumb"].menu is None and found["file-mine-thumb"].label == ""
    sheet = found["python-fu-sheet"]
    assert (sheet.menu, sheet.label, sheet.file_kind) == ("<Image>/Xtns", "Sheet", "")


def check_registration_with_a_catalogue():
    foreign = Gimp.get_pdb().lookup_procedure("python-fu-foreign-catalogue")
    assert foreign.get_menu_label() == "Without its catalogue" and foreign.get_blurb() == "Blurb"
    own = Gimp.get_pdb().lookup_procedure("python-fu-own-catalogue")
    told = (own.get_menu_label(), own.get_blurb(), own.get_help())
    assert told == ("Sch\u00e4rfer", "Kurz", "Help"), told


def check_the_shelf_lasts_from_one_script_to_the_next():
    assert pdb.python_fu_shelved("of the checks", 5) == 0, "nothing yet"
    assert pdb.python_fu_shelved("of the checks", 6) == 5
    assert not glob.glob(f"{Gimp.cache_directory()}/gimpfu/shelf-*"), "it lies in GIMP, not in a file"
