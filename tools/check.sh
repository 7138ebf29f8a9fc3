#!/bin/sh
# usage: check.sh [tidy]   Style and static checks; the last line counts them.
# With `tidy`, clang-tidy reads every file; without, the most recently changed ones for TIDY_SECONDS (240).
set -u
cd "$(dirname "$0")/.."
build=${BUILD:-build}
[ "${1:-}" = tidy ] && TIDY_SECONDS=36000
exec tools/count.py \
    "one:layout (clang-format)" sh -c 'find src tests bench -name "*.[ch]" 2>/dev/null | sort |
        xargs clang-format-14 --dry-run -Werror' -- \
    "one:floors" tools/floors.py -- \
    "one:style" tools/style.py -- \
    "one:headers (clang -Wdocumentation)" tools/headers.sh -- \
    "one:seed coverage" tools/seed_coverage.py -- \
    "one:python" /usr/bin/python3 -m compileall -q tools tests/e2e tests/interop -- \
    "one:clang-tidy" tools/tidy.py "$build" "${TIDY_SECONDS:-240}"
