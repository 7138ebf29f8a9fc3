#!/usr/bin/env python3
"""Write a C file with the text of other files in it.

usage: embed.py OUT.c HEADER STRUCT ARRAY COUNT FILE...

OUT.c includes HEADER and defines `const struct STRUCT ARRAY[]`, one { name, text } for each FILE in order
of name, and `const size_t COUNT`. The name is the file's own, without its folder.
"""
import pathlib
import sys


def c_text(text):
    """TEXT as C string literals, one a line."""
    quoted = []
    for line in text.splitlines(keepends=True) or [""]:
        out = ""
        for byte in line.encode():
            char = chr(byte)
            if char in '"\\?':
                out += "\\" + char
            elif 32 <= byte < 127:
                out += char
            else:
                out += "\\%03o" % byte
        quoted.append('      "%s"' % out)
    return "\n".join(quoted).lstrip()


def main():
    out, header, struct, array, count, *files = sys.argv[1:]
    rows = ""
    for path in sorted(map(pathlib.Path, files), key=lambda p: p.name):
        rows += '    { "%s",\n      %s },\n' % (path.name, c_text(path.read_text(encoding="utf-8")))
    pathlib.Path(out).write_text(
        '#include "%s"\n\nconst struct %s %s[] = {\n%s};\nconst size_t %s = sizeof(%s) / sizeof(%s[0]);\n'
        % (header, struct, array, rows, count, array, array), encoding="utf-8")


main()
