#!/bin/sh
# The unit tests under the sanitizers: address with undefined behaviour, then thread. The last line counts them.
cd "$(dirname "$0")/.."
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
jobs=${JOBS:-$(nproc)}
# gcc warns of more under the sanitizers, wrongly; the ordinary build has warnings as errors
prepare() { # directory, sanitizers
    [ -f "$1/build.ninja" ] || meson setup "$1" -Dfaults=true -Db_sanitize="$2" -Db_lundef=false \
        -Dwerror=false >/dev/null || return 1
    # the test programs and what they link, not both flavours of everything
    ninja -C "$1" -j "$jobs" $(meson introspect --tests "$1" |
        /usr/bin/python3 -c 'import json, os, sys
for test in json.load(sys.stdin): print(os.path.relpath(test["cmd"][0], sys.argv[1]))' "$1")
}
prepare build-asan address,undefined && prepare build-tsan thread || { echo "0 passed, 1 failed"; exit 1; }
exec tools/count.py \
    "meson:unit, address and undefined" meson test -C build-asan --no-rebuild --suite unit --print-errorlogs \
        --timeout-multiplier 4 -- \
    "meson:unit, thread" meson test -C build-tsan --no-rebuild --suite unit --print-errorlogs \
        --timeout-multiplier 8
