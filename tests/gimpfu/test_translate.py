"""Reading and translating old scripts, without GIMP."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from plugin.gimpfu import convert
from plugin.gimpfu.scripts import python2_builtins, translate
from plugin.gimpfu.scripts.byte_string import ByteString
from plugin.gimpfu.scripts.importer import importer


def run(text: str) -> dict[str, Any]:
    """The names of a Python 2 text after it ran as the loader runs it."""
    names: dict[str, Any] = {"__builtins__": python2_builtins.names(importer)}
    exec(translate.to_code(text, "script"), names)
    return names


def value(expression: str) -> Any:
    return run(f"found = {expression}\n")["found"]


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"\xef\xbb\xbfx = 1\r\n", "x = 1\n"),
        ("x = 1\n".encode("utf-16"), "x = 1\n"),
        (b"# coding: latin-1\nx = '\xe9'\n", "# coding: latin-1\nx = 'é'\n"),
        (b"x = '\xc3\xa9'\r", "x = 'é'\n"),
        (b"x = '\xe9'", "x = 'é'\n"),
        (b"# coding: nonsense\nx = 1\x1a", "# coding: nonsense\nx = 1\n"),
    ],
)
def test_decode(raw: bytes, text: str) -> None:
    assert translate.decode(raw) == text


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("7 / 2", 3),
        ("-7 / 2", -4),
        ("7 / 2.0", 3.5),
        ("0777", 511),
        ("10L", 10),
        ("`3`", "3"),
        ("1 <> 2", True),
        ("map(None, [1, 2], [3])", [(1, 3), (2, None)]),
        ("filter(None, 'a b')", "a b"),
        ("zip([1], [2])", [(1, 2)]),
        ("range(3) + [9]", [0, 1, 2, 9]),
        ("round(2.5)", 3.0),
        ("sorted([1, 3, 2], lambda a, b: b - a)", [3, 2, 1]),
        ("sorted([None, 3, 'x', 2])", [None, 2, 3, "x"]),
        ("[None < 0, None > -1, 'a' > 3, None <= None]", [True, False, True, True]),
        ("'6162'.decode('hex')", b"ab"),
        ("'6162'.decode('hex').startswith(('x', 'a'))", True),
        ("u'x'.encode('utf-8') + 'y'", "xy"),
        ("isinstance(u'x', basestring)", True),
        ("unicode('x', 'utf-8')", "x"),
        ("ur'\\d'", "\\d"),
        ("max([None, 3])", 3),
        ("cmp(2, 1)", 1),
        ("{'a': 1}.has_key('a')", True),
        ("{'a': 1}.items()[0]", ("a", 1)),
        ("reduce(lambda a, b: a + b, [1, 2])", 3),
    ],
)
def test_python_2_values(expression: str, expected: Any) -> None:
    assert value(expression) == expected


def test_augmented_division_of_items_and_attributes() -> None:
    names = run("class A: pass\na = A()\na.x = 7\na.x /= 2\nb = [9.0, 9]\nb[0] /= 2\nb[1] /= 2\n")
    assert names["a"].x == 3 and names["b"] == [4.5, 4]


def test_floor_and_ceil_are_floats_in_python_2_only() -> None:
    names = run(
        "'A docstring'\nfrom __future__ import print_function\nimport math\nfrom math import ceil\n"
        "x, y, z = math.floor(15 * 0.5) / 4, ceil(0.5) / 2, math.sqrt(4)\n"
    )
    assert (names["x"], names["y"], names["z"]) == (1.75, 0.5, 2.0)
    assert names["__doc__"] == "A docstring"
    assert run("#!/usr/bin/env python3\nimport math\nx = repr(math.floor(7.5))\n")["x"] == "7"


def test_os_path_walk(tmp_path: Path) -> None:
    for name in ("kept/inner", "left_out/inner"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "kept/inner/file").touch()
    text = (
        "import os.path\nfrom os.path import walk, join\nfound = []\n"
        "def visit(arg, folder, names):\n"
        "    arg.append((os.path.basename(folder), sorted(names)))\n"
        "    if 'left_out' in names: names.remove('left_out')\n"
        f"walk({str(tmp_path)!r}, visit, found)\n"
        f"os.path.walk(join({str(tmp_path)!r}, 'none'), visit, found)\nx = os.getcwdu()\n"
    )
    top, *others = run(text)["found"]
    assert top[1] == ["kept", "left_out"] and others == [("kept", ["inner"]), ("inner", ["file"])]


def test_text_that_is_run_is_python_2_as_well(tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text("y = 7 / 2\nprint `y`\n")
    names = run(
        "apart, other = {}, {}\n"
        "exec 'print 1; x = 7 / 2'\n"
        "exec 'z = 0777 / 2' in apart\n"
        f"execfile({str(script)!r}, other)\n"
        "def f(a):\n    b = 2\n    return eval(' a / b ') + eval('1') + eval(compile('1', '', 'eval'))\n"
        "found = f(7)\n"
        "try:\n    eval('1 +')\nexcept SyntaxError, e:\n    failed = str(e)\n"
    )
    assert (names["x"], names["apart"]["z"], names["other"]["y"], names["found"]) == (3, 255, 3, 5)
    assert "not Python" in names["failed"]
    assert run("#!/usr/bin/env python3\nx = eval('7 / 2')\n")["x"] == 3.5
    assert run("from __future__ import division\nx = eval('7 / 2')\nexec 'y = 7 / 2'\n")["y"] == 3.5
    division = run(f"from __future__ import division\nother = {{}}\nexecfile({str(script)!r}, other)\n")
    assert division["other"]["y"] == 3.5
    assert "__python_2__" not in names["apart"]
    formula = run(
        "x = [eval('a / b < c', {'__builtins__': few}, {'a': 7, 'b': 2, 'c': 4}) for few in (None, {})]\n"
    )
    assert formula["x"] == [True, True]


def test_cmp_decides_comparisons() -> None:
    names = run(
        "class A:\n    def __init__(self, v): self.v = v\n    def __cmp__(self, o): return cmp(self.v, o.v)\n"
        "class B(A):\n    def __cmp__(self, o): return 0\n    def __ne__(self, o): return True\n"
        "x = A(1) == A(1), A(1) != A(1), A(1) < A(2), A(2) >= A(3), len({A(1): 1, A(1): 1})\n"
        "y = [a.v for a in sorted([A(3), A(1), A(2)])], max([A(1), A(3), A(2)]).v\n"
        "z = B(1) == B(2), B(1) != B(1)\n"
    )
    assert names["x"] == (True, False, True, False, 2)
    assert names["y"] == ([1, 2, 3], 3) and names["z"] == (True, True)
    own = run(
        "class A:\n    def __cmp__(self, o): return 1\n    __eq__ = lambda self, o: True\nx = A() == A()\n"
    )
    assert own["x"]


def test_modules_on_strings(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_bytes(b"a,b\r\n1,2\r\n")
    names = run(
        "import base64, binascii, csv, operator, zlib\n"
        "x = base64.b64encode('abc') + '', base64.decodestring('YWJj\\n'), binascii.hexlify('a')\n"
        "y = zlib.decompress(zlib.compress('abc')) + 'd', operator.div(7, 2)\n"
        f"rows = list(csv.reader(open({str(table)!r}, 'rb')))\n"
        f"first = csv.DictReader(open({str(table)!r}, 'rb')).next()['b']\n"
    )
    assert names["x"] == (b"YWJj", b"abc", b"61") and names["y"] == (b"abcd", 3)
    assert names["rows"] == [["a", "b"], ["1", "2"]] and names["first"] == "2"
    three = run("#!/usr/bin/env python3\nimport base64, zlib\nx = zlib.decompress(zlib.compress(b'a'))[0]\n")
    assert three["x"] == 97


def test_true_division_where_the_script_asks_for_it() -> None:
    assert run("from __future__ import division\nx = 7 / 2\n")["x"] == 3.5
    assert run("#!/usr/bin/env python3\nx = 7 / 2\n")["x"] == 3.5


def test_tabs_count_eight_and_strings_keep_theirs() -> None:
    text = "def f(n):\n\tif n:\n\t    x = 1\n        return '''a\n\tb'''\nfound = f(1)\n"
    assert run(text)["found"] == "a\n\tb"


def test_lines_stay_where_they_were() -> None:
    text = "import os\nprint 'x'\ntry:\n    1 / 0\nexcept ZeroDivisionError, e:\n    found = e.message\n"
    translated = translate.to_python_3(text)
    assert translated.count("\n") == text.count("\n")
    assert "ZeroDivisionError as e" in translated.split("\n")[4]


def test_print_function_is_understood() -> None:
    assert run("from __future__ import print_function\nprint('x', end='')\nx = 1\n")["x"] == 1
    assert run("import sys\nprint('x', file=sys.stderr)\nx = 1\n")["x"] == 1


@pytest.mark.parametrize("text", ["def f(:\n", "x = 'a\n", "if 1:\nx = 2\n"])
def test_no_python_is_said_in_a_sentence(text: str) -> None:
    with pytest.raises(translate.Untranslatable, match="not Python that can be read"):
        translate.to_code(text, "script")


def test_byte_strings_are_strings_of_python_2() -> None:
    data = ByteString(b"\x01\x02\xff")
    assert ord(data[2]) == 255 and data[0] == "\x01" and "\x02" in data
    assert "x" + data == b"x\x01\x02\xff" and data + "y" == b"\x01\x02\xffy"
    assert [ord(one) for one in data] == [1, 2, 255] and list(data[1:]) == ["\x02", "\xff"]
    assert value("''.join([chr(200), __import__('struct').pack('B', 7)])") == b"\xc8\x07"


def test_arrays_have_their_old_methods() -> None:
    names = run(
        "from array import array\na = array('B', 'ab')\na.fromstring('c')\nx = a.tostring()\ny = a[0]\n"
    )
    assert names["x"] == b"abc" and names["y"] == 97


def test_files_take_text_and_bytes(tmp_path: Path) -> None:
    path = str(tmp_path / "file")
    text = f"f = open({path!r}, 'wb')\nf.write('\\x00\\xff')\nf.close()\nx = open({path!r}, 'rb').read()\n"
    assert [ord(one) for one in run(text)["x"]] == [0, 255]


def test_renamed_modules() -> None:
    names = run(
        "import ConfigParser, Queue, cPickle, urllib, urlparse, StringIO\nfrom itertools import izip\n"
    )
    assert names["ConfigParser"].RawConfigParser and names["urllib"].quote("a b") == "a%20b"


def test_gettext_install_with_unicode() -> None:
    for argument in ("unicode=True", "str=True", "1"):
        assert (
            run(f"import gettext\ngettext.install('nothing', '/nowhere', {argument})\nx = _('a')\n")["x"]
            == "a"
        )


def test_convert_writes_python_3_and_says_what_needs_an_eye() -> None:
    old = b"from gimpfu import *\ndef f(a):\n    print a / 2, len('x') / 2\n    x = a.decode('utf-8')\n"
    text, notes = convert.convert(old)
    ast.parse(text)
    assert text.startswith("#!/usr/bin/env python3\n") and "len('x') // 2" in text and "a / 2" in text
    assert any("use // if these are" in note for note in notes)
    assert any("decode" in note for note in notes)


def test_convert_leaves_the_original(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = tmp_path / "old.py"
    script.write_text("print 'x'\n")
    assert convert.main([str(script), "-o", str(script)]) == 1
    assert "never changed" in capsys.readouterr().err and script.read_text() == "print 'x'\n"
    assert convert.main([str(script), "-o", str(tmp_path / "new.py")]) == 0
    assert "print('x')" in (tmp_path / "new.py").read_text()
