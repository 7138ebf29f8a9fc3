"""What the pages for people say is held against what is there."""
import json
import pathlib
import re

import pytest

import chancery

ROOT = pathlib.Path(__file__).parents[2]
pytestmark = pytest.mark.once


def page(name):
    return (ROOT / "docs" / name).read_text()


def names_of_tests():
    unit = {name for path in ROOT.glob("src/*/test_*.c") for name in re.findall(r"^TEST\((\w+)\)", path.read_text(), re.M)}
    return unit | {name for path in ROOT.glob("tests/e2e/test_*.py")
                   for name in re.findall(r"^ *def (test_\w+)", path.read_text(), re.M)}


def test_every_row_of_the_catalogue_names_tests_that_exist_or_waits():
    rows = re.findall(r"^\| (\d+) \| [^|]+ \| (.+) \|$", page("misissuance.md"), re.M)
    assert [int(number) for number, _ in rows] == list(range(1, 57))
    known = names_of_tests()
    for number, text in rows:
        named = [name for name in re.findall(r"`([a-z]\w+)`", text) if name.count("_") > 2 and not name.startswith("chancery_")]
        assert named or "**wait" in text, number
        assert set(named) <= known, (number, set(named) - known)


def test_the_page_of_settings_has_every_key_as_the_program_describes_it(tmp_path):
    done = chancery.cli("config", "describe", "--table")
    assert done.returncode == 0 and done.stdout in page("settings.md"), \
        "docs/settings.md: put in what `chancery config describe --table` prints"
    described = set(re.findall(r"^\| `([^`\[]+)`", done.stdout, re.M))
    shown = chancery.cli("config", "show", "--origin", "-o", "json", env={"CHANCERY_CONFIG": ""})
    assert shown.returncode == 0, shown.stderr
    assert set(json.loads(shown.stdout)) <= described, set(json.loads(shown.stdout)) - described
    # the example file is one: every line of it that is commented out can be put in
    (tmp_path / "all.yaml").write_text(re.sub(
        r"^( *)#(\w+: .+)$", r"\1\2", chancery.cli("config", "describe").stdout, flags=re.M))
    checked = chancery.cli("config", "check", "--config", tmp_path / "all.yaml")
    assert checked.returncode == 0, checked.stderr


@pytest.mark.seed("S125")
def test_the_page_of_operations_says_how_to_see_the_newest_lines():
    assert re.search(r"^journalctl -u chancery -n 50\b", page("operations.md"), re.M)


def test_the_page_of_operations_names_metrics_that_exist():
    sources = "".join(path.read_text() for path in ROOT.glob("src/*/*.c"))
    named = set(re.findall(r"`((?:chancery|process)_[a-z_]+)`", page("operations.md")))
    assert len(named) > 10 and all(f'"{name}"' in sources for name in named), [
        name for name in named if f'"{name}"' not in sources]
