#!/usr/bin/python3
"""The rules of style that no compiler knows: length of files, comments, headers that explain themselves."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LINES, TEST_LINES = 800, 1000
UNFINISHED = re.compile(r"\b(TODO|FIXME|HACK|TBD)\b")
STRING = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'')
DECLARATION = re.compile(r"^(?!typedef|static|struct \w+ \{|enum \w+ \{|union|extern|#|\s|\}|OWNED|_Static|CONSTRUCTOR)"
                         r"[\w\[][\w \t*\[\]]*\b\w+\(", re.M)


def problems_of(path):
    """What is wrong in one file, as (line, text)."""
    text = path.read_text()
    lines = text.split("\n")
    limit = TEST_LINES if path.name.startswith("test_") else LINES
    if len(lines) > limit + 1:
        yield limit, f"{len(lines) - 1} lines: at most {limit}, split it by subject"
    if not text.endswith("\n") or text.endswith("\n\n"):
        yield len(lines), "ends with exactly one newline"
    for number, line in enumerate(lines, 1):
        if UNFINISHED.search(line):
            yield number, "unfinished work is not left in the code"
        bare = STRING.sub('""', line)
        if "//" in bare and "/*" not in bare and not re.match(r"\s*\*", line) and "http" not in bare:
            yield number, "comments are /* ... */"
    if path.suffix == ".h":
        yield from header_problems(path, text)


def header_problems(path, text):
    """A header begins by saying what it is for; each group of declarations has a comment."""
    if not text.startswith("/**"):
        yield 1, "a header begins with a /** comment */ that says what it is for"
    folder = path.relative_to(ROOT / "src").parts
    guard = "_".join(folder).upper().replace(".", "_").replace("-", "_")
    if f"#ifndef {guard}\n#define {guard}\n" not in text:
        yield 1, f"the include guard is {guard}"
    inside = re.sub(r"\{[^{}]*\}", lambda m: "." + "\n." * m.group(0).count("\n"), text)
    line = 1
    for group in re.split(r"(\n[ \t]*\n)", inside):
        if "/*" not in group and DECLARATION.search(group):
            yield line, "a group of declarations without a comment"
        line += group.count("\n")


def main():
    failed = False
    for path in sorted((ROOT / "src").rglob("*.[ch]")):
        for number, text in problems_of(path):
            print(f"{path.relative_to(ROOT)}:{number}: {text}")
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
