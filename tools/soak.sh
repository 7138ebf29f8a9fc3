#!/bin/sh
# The slow ring: 200 crash rounds on each database, then the end-to-end tests on a build with sanitizers.
# ROUNDS makes it fewer or more rounds; T chooses among the end-to-end tests, as it does for `make e2e`.
cd "$(dirname "$0")/.."
set -e
[ -f build/build.ninja ] || meson setup build -Dfaults=true
meson configure build -Dfaults=true
ninja -C build -j "${JOBS:-$(nproc)}"
[ -f build-asan/build.ninja ] || meson setup build-asan -Dfaults=true -Db_sanitize=address,undefined -Db_lundef=false -Dwerror=false
ninja -C build-asan -j "${JOBS:-$(nproc)}"
pytest="/usr/bin/python3 -B -m pytest -p no:cacheprovider -n 2 --dist loadgroup --tb short -q"
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
exec tools/count.py \
    "pytest:crash rounds" env ROUNDS="${ROUNDS:-200}" $pytest tests/e2e/test_crash.py tests/e2e/test_acme_crash.py -- \
    "pytest:end to end with sanitizers" env ROUNDS=20 BUILD=build-asan $pytest tests/e2e $T
