#!/bin/bash
# Speed, beside the counted floor: builds without faults and sanitizers into build-bench, starts a server of its own
# for each measurement, on SQLite with every commit on disk. ROUNDS=3 repeats enrollment and OCSP. The generator's threads are pinned to the second core.
set -eu
cd "$(dirname "$0")/.."
BUILD=${BENCH_BUILD:-build-bench}
ROUNDS=${ROUNDS:-3}
REQUESTS=${REQUESTS:-20000}
WORK=$(mktemp -d "${TMPDIR:-/var/tmp}/chancery-bench.XXXXXX")
SERVER=

stop() {
    [ -z "$SERVER" ] || { kill "$SERVER" 2>/dev/null || true; wait "$SERVER" 2>/dev/null || true; }
        SERVER=
}
trap 'stop; rm -rf "$WORK"' EXIT

now_ms() { echo $(($(date +%s%N) / 1000000)); }

# start FRESH|KEPT: a server with a new data directory or the last one; prints the time to its first answer
start() {
    local from url
    [ "$1" = KEPT ] || rm -rf "$WORK/data"
    rm -f "$WORK/ready"
    mkdir -p "$WORK/data"
    from=$(now_ms)
    "$BUILD/chancery" serve --dev --data-dir "$WORK/data" --listen 127.0.0.1:0 --http-listen 127.0.0.1:0 \
        --ready-file "$WORK/ready" --set log.access=false >"$WORK/server.log" 2>&1 &
    SERVER=$!
    until [ -s "$WORK/ready" ]; do
        kill -0 "$SERVER" || { cat "$WORK/server.log" >&2; exit 1; }
        sleep 0.005
    done
    url=$(sed -n 's/.*"url": *"\([^"]*\)".*/\1/p' "$WORK/ready")
    curl -sk -o /dev/null "$url/healthz/live"
    STARTED=$(($(now_ms) - from))
}

[ -f "$BUILD/build.ninja" ] || meson setup "$BUILD" -Dbench=true -Dbuildtype=release -Db_ndebug=true >/dev/null
ninja -C "$BUILD" -j "${JOBS:-$(nproc)}" >/dev/null

echo "machine: $(nproc) cores, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1), load $(cut -d' ' -f1-3 /proc/loadavg)"
echo "rate limits: none for the principal that --dev makes; access log off"
echo
for round in $(seq "$ROUNDS"); do
    echo "== enrollment, round $round"
    start FRESH
    "$BUILD/bench/bench-enroll" "$WORK/ready" "$WORK" "$REQUESTS" 64 2>/dev/null
    stop
done
for round in $(seq "$ROUNDS"); do
    echo "== OCSP, round $round"
    start FRESH
    "$BUILD/bench/bench-ocsp" "$WORK/ready" 4000 100000 64
    stop
done
echo "== DER entry into the register"
"$BUILD/bench/bench-der"
echo "== an idle server"
start FRESH
echo "start to first answer ${STARTED} ms, first run"
stop
start KEPT
echo "start to first answer ${STARTED} ms, data kept"
"$BUILD/bench/bench-idle" "$WORK/ready"
stop
