#!/usr/bin/python3
"""Which rows of the users' documents have a test: the table of seed coverage against the markers of tests/e2e, and
against the comments of unit tests (`/* seed S076 */`), which a row that asks for a unit test is shown by.

usage: seed_coverage.py [PART]
Prints, for each part (or for PART), the rows that no test names. Fails when a test names a row that is not there.
"""
import ast
import csv
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLES = [parent / "shared/reference/seed-coverage.tsv" for parent in (ROOT, *ROOT.parents)]
TABLE = next(filter(pathlib.Path.exists, TABLES), ROOT.parent / "shared/reference/seed-coverage.tsv")


def read_rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return {row["id"]: row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)}


def marked_ids(path):
    """(row id, line) for each argument of a `pytest.mark.seed(...)` in the file."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "seed"):
            continue
        if ast.unparse(node.func) != "pytest.mark.seed":
            continue
        for argument in node.args:
            yield ast.literal_eval(argument), node.lineno


def commented_ids(path):
    """(row id, line) for each id in a comment `/* seed S076, S077 */`."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        for rows in re.findall(r"/\* seed ((?:S\d+(?:, )?)+) \*/", line):
            for row in rows.split(", "):
                yield row, number


def read_markers():
    """{row id: ["file:line", ...]}"""
    markers = {}
    for folder, ids in (("tests/e2e/test_*.py", marked_ids), ("src/*/test_*.c", commented_ids)):
        for path in sorted(ROOT.glob(folder)):
            for row, line in ids(path):
                markers.setdefault(row, []).append(f"{path.relative_to(ROOT)}:{line}")
    return markers


def report(rows, markers, only):
    parts = sorted({row["part"] for row in rows.values()} - {"not-ours"})
    for part in [only] if only else parts:
        mine = [row for row in rows.values() if row["part"] == part]
        open_rows = [row for row in mine if row["id"] not in markers]
        print(f"{part}: {len(mine) - len(open_rows)} of {len(mine)} rows have a test")
        for row in open_rows:
            print(f"  {row['id']}  {row['item']}")


def main(only=None):
    if not TABLE.exists():
        print(f"no table at {TABLE}: nothing to compare with")
        return 0
    rows = read_rows(TABLE)
    if only and only not in {row["part"] for row in rows.values()}:
        print(f"there is no part {only}", file=sys.stderr)
        return 2
    markers = read_markers()
    unknown = sorted(set(markers) - set(rows))
    report(rows, markers, only)
    for row in unknown:
        print(f"{', '.join(markers[row])}: there is no row {row}", file=sys.stderr)
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
