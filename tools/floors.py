#!/usr/bin/python3
"""Compare the #include "folder/..." lines of src/ with the floors table of src/meson.build."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FLOOR = re.compile(r"\[\s*'(\w+)',\s*\[([^\]]*)\]")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')


def read_floors(text):
    """The table as {folder: set of the folders that it may call}; a row may only name rows above it."""
    table = text[text.index("floors = ["):]
    table = re.sub(r"#.*", "", table[:table.index("\n]")])
    floors = {}
    for name, below in FLOOR.findall(table):
        below = set(re.findall(r"'(\w+)'", below))
        for other in sorted(below - floors.keys()):
            raise SystemExit(f"src/meson.build: {name} calls {other}, which does not stand above it in the table")
        floors[name] = below
    return floors


def offences(source, floors):
    """Each include that the table does not allow, as `path:line: why`."""
    for path in sorted(source.rglob("*.[ch]")):
        where = path.relative_to(source)
        folder = where.parts[0] if len(where.parts) > 1 else None
        if folder and folder not in floors:
            yield f"src/{where}: the folder {folder} is not in the floors table"
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = INCLUDE.match(line)
            if not found:
                continue
            target = found.group(1).split("/")
            at = f"src/{where}:{number}"
            if len(target) < 2:
                yield f'{at}: "{found.group(1)}" does not name its folder'
            elif target[0] not in floors:
                yield f"{at}: there is no folder {target[0]}"
            elif folder and target[0] != folder and target[0] not in floors[folder]:
                yield f"{at}: {folder} may not call {target[0]}"


def main():
    floors = read_floors((ROOT / "src/meson.build").read_text())
    found = list(offences(ROOT / "src", floors))
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
