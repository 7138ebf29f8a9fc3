#!/bin/bash
# usage: interop.sh PROGRAM   Drive PROGRAM with the vendor's published client libraries, Go's and Python's.
#        interop.sh --fetch   Fetch and build what it drives with, no more.
# What is fetched is pinned by tests/interop and kept under $BUILD/interop; ends with `N passed, N failed`.
set -euo pipefail
cd "$(dirname "$0")/.."
program=$1
[ "$program" = --fetch ] || program=$(realpath "$program")
mkdir -p "${BUILD:-build}/interop"
work=$(realpath "${BUILD:-build}/interop")
from=$PWD/tests/interop

# installed FOLDER NAME: a virtual environment NAME with what FOLDER's requirements.txt pins
installed() {
    local list=$from/$1/requirements.txt venv=$work/$2
    cmp -s "$list" "$venv/installed" && return
    rm -rf "$venv"
    /usr/bin/python3 -m venv "$venv"
    "$venv/bin/pip" install -q --disable-pip-version-check --require-hashes --only-binary=:all: -r "$list"
    cp "$list" "$venv/installed"
}

# the Go of the path when it is 1.24 or later, as go.mod asks
new_enough() {
    local minor
    minor=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
    [ "${minor:-0}" -ge 24 ]
}

go=go
if ! new_enough; then
    installed go compiler
    go=$(echo "$work"/compiler/lib/python3*/site-packages/go/bin/go)
fi
installed python python
(cd "$from/go" && GOTOOLCHAIN=local "$go" build -p 1 -mod=readonly -buildvcs=false -trimpath -o "$work/drive" .)
[ "$program" != --fetch ] || exit 0
exec tools/count.py \
    "lines:Go client library" "$work/drive" "$program" -- \
    "lines:Python client library" "$work/python/bin/python" -B "$from/python/drive.py" "$program"
