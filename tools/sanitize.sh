#!/bin/sh
# The unit tests under the sanitizers: address with undefined behaviour, then thread. The last line counts them.
cd "$(dirname "$0")/.."
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
jobs=${JOBS:-2}
prepare() { # directory, sanitizers
    [ -f "$1/build.ninja" ] || meson setup "$1" -Dfaults=true -Db_sanitize="$2" -Db_lundef=false \
        -Dbuildtype=debugoptimized >/dev/null || return 1
    ninja -C "$1" -j "$jobs"
}
prepare build-asan address,undefined && prepare build-tsan thread || { echo "0 passed, 1 failed"; exit 1; }
exec tools/count.py \
    "meson:unit, address and undefined" meson test -C build-asan --no-rebuild --suite unit --print-errorlogs \
        --timeout-multiplier 4 -- \
    "meson:unit, thread" meson test -C build-tsan --no-rebuild --suite unit --print-errorlogs \
        --timeout-multiplier 8
