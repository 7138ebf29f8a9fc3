#!/bin/bash
# usage: run.sh   Speed, beside the counted floor, a bare program and cfssl, as docs/bench.md tells.
# PEERS=1: beside step-ca and OpenBao too. ROUNDS=3, REQUESTS=20000, SECONDS_EACH=5 and CLIENTS="1 4 16 64"
# say how much; ONLY="enroll ocsp der idle sign search import hsm acme acme-long" which parts; SIZE=100000 (100k, 1M, 10M) is the
# register of search and import, ON="sqlite postgresql" its databases, FILLED a directory that keeps it for the next run;
# ORDERS=6000 those of ACME, LONG=1000000 those of acme-long. Builds without faults and sanitizers.
set -eu
cd "$(dirname "$0")/.."
BUILD=${BENCH_BUILD:-build-bench}
ROUNDS=${ROUNDS:-3}
REQUESTS=${REQUESTS:-20000}
SECONDS_EACH=${SECONDS_EACH:-5}
CLIENTS=${CLIENTS:-1 4 16 64}
SIZE=${SIZE:-100000}
ORDERS=${ORDERS:-6000}
LONG=${LONG:-1000000}
ONLY=${ONLY:-enroll ocsp der idle sign}
FILLED=${FILLED:+$(realpath -m "$FILLED")}
[ "${PEERS:-0}" = 1 ] || ONLY=${ONLY/sign/}
WORK=$(mktemp -d "${TMPDIR:-/var/tmp}/chancery-bench.XXXXXX")
export BENCH_RESULTS=$WORK/results
PIDS=()

stop_all() {
    local pid
    for pid in "${PIDS[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${PIDS[@]}"; do wait "$pid" 2>/dev/null || true; done
    PIDS=()
}
trap 'stop_all; rm -rf "$WORK"' EXIT

# The server that was started last.
stop_one() {
    kill "${PIDS[-1]}" && wait "${PIDS[-1]}" || true
    unset 'PIDS[-1]'
}

now_ms() { echo $(($(date +%s%N) / 1000000)); }
wants() { [[ " $ONLY " == *" $1 "* ]]; }
title() { printf '\n== %s (load %s)\n' "$1" "$(cut -d' ' -f1 /proc/loadavg)"; }

# start NAME [ARG...]: a server of its own with the data directory NAME; STARTED is the time to its first answer
start() {
    local name=$1 from url pid
    shift
    rm -f "$WORK/$name.ready"
    mkdir -p "$WORK/$name"
    from=$(now_ms)
    "$BUILD/chancery" serve --dev --data-dir "$WORK/$name" --listen 127.0.0.1:0 --http-listen 127.0.0.1:0 \
        --ready-file "$WORK/$name.ready" --set log.access=false "$@" >"$WORK/$name.log" 2>&1 &
    pid=$!
    PIDS+=("$pid")
    until [ -s "$WORK/$name.ready" ]; do
        kill -0 "$pid" || { cat "$WORK/$name.log" >&2; exit 1; }
        sleep 0.002
    done
    url=$(sed -n 's/.*"url": *"\([^"]*\)".*/\1/p' "$WORK/$name.ready")
    curl -sk -o /dev/null "$url/healthz/live"
    STARTED=$(($(now_ms) - from))
    CPU_MS=$(awk -v tick="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) * 1000 / tick }' "/proc/$pid/stat")
}

# register NAME URL SIZE: NAME is filled with so many certificates, or was by an earlier run that FILLED keeps
register() {
    local done=${FILLED:+$FILLED/$1.size}
    if [ -n "$done" ]; then
        [ -s "$done" ] || rm -rf "${FILLED:?}/$1" # a fill that was interrupted
        mkdir -p "$FILLED/$1"
        ln -sfn "$FILLED/$1" "$WORK/$1"
    fi
    if [ -n "$done" ] && [ -s "$done" ]; then
        [ "$(cat "$done")" = "$3" ] || { echo "error: $FILLED/$1 has $(cat "$done") certificates, not $3" >&2; exit 1; }
        return
    fi
    start "$1" --db "$2"
    stop_one
    "$BUILD/bench/bench-search" --fill "$2" "$3"
    [ "${2%%:*}" = sqlite ] || psql -q -h 127.0.0.1 -p "$PG_PORT" -U bench -d chancery -c "VACUUM ANALYZE"
    [ -z "$done" ] || echo "$3" >"$done"
}

[ -f "$BUILD/build.ninja" ] || meson setup "$BUILD" -Dbench=true -Dbuildtype=release -Db_ndebug=true >/dev/null
ninja -C "$BUILD" -j "${JOBS:-$(nproc)}" chancery bench/bench-{enroll,ocsp,der,idle,import,sign,search,acme} >"$WORK/build.log" || {
    tail -30 "$WORK/build.log" >&2
    exit 1
}
if wants sign || wants search || wants acme || wants acme-long; then . bench/peers.sh; fi
if wants sign; then peers_build; fi
if wants acme && [ "${PEERS:-0}" = 1 ]; then step_build; fi

echo "date:    $(date -u '+%Y-%m-%d %H:%M') UTC, commit $(git rev-parse --short HEAD 2>/dev/null || echo unknown)"
printf 'load\t%s\n' "$(cut -d' ' -f1 /proc/loadavg)" >>"$BENCH_RESULTS"
echo "machine: $(nproc) cores, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1), load $(cut -d' ' -f1-3 /proc/loadavg)"
echo "servers: every commit on disk, access log off, no rate limit for the principal that --dev makes"
echo "client:  pinned to the second core; keys and requests made beforehand"
for round in $(seq "$ROUNDS"); do
    if wants enroll; then
        title "enrollment, round $round"
        start "enroll$round"
        "$BUILD/bench/bench-enroll" "$WORK/enroll$round.ready" "$WORK" "$REQUESTS" 64 2>/dev/null | grep -v "^{"
        stop_all
        rm -rf "$WORK/enroll$round" "$WORK"/floor-*
    fi
done
if wants ocsp; then
    title "OCSP"
    start ocsp
    command -v cfssl >/dev/null && cfssl=$WORK || cfssl=
    "$BUILD/bench/bench-ocsp" "$WORK/ocsp.ready" 4000 50000 64 ${cfssl:+"$cfssl"}
    stop_all
fi
if wants der; then
    title "DER entry into the register"
    "$BUILD/bench/bench-der" 50000
fi
if wants idle; then
    title "an idle server"
    for round in 1 2 3 4 5; do
        for what in first kept; do
            start "idle$round"
            printf 'start.%s\t%s\nstart.%s.cpu\t%s\n' $what "$STARTED" $what "$CPU_MS" >>"$BENCH_RESULTS"
            echo "start to first answer, data $what: $STARTED ms, CPU $CPU_MS ms"
            [ "$round" = 5 ] && [ $what = kept ] || stop_all
        done
    done
    "$BUILD/bench/bench-idle" "$WORK/idle5.ready"
    stop_all
fi
if wants sign; then
    title "the same requests, by several servers"
    peers_start
    # shellcheck disable=SC2086
    "$BUILD/bench/bench-sign" "$WORK/servers" "$SECONDS_EACH" "${SIGN_REQUESTS:-12000}" $CLIENTS
    stop_all
fi
if wants search; then
    size=$(numfmt --from=si "${SIZE^^}")
    for on in ${ON:-sqlite postgresql}; do
        title "search among $size certificates on $on"
        url=sqlite:$WORK/search-$on/chancery.db
        [ "$on" = sqlite ] || { postgres_start; url=$(pg_url chancery); }
        register "search-$on" "$url" "$size"
        start "search-$on" --db "$url"
        "$BUILD/bench/bench-search" "$WORK/search-$on.ready" "$on" "$size"
        stop_all
        rm -rf "$WORK/search-$on"
    done
fi
if wants import; then
    title "import into an empty register"
    start import
    "$BUILD/bench/bench-import" "$WORK/import.ready" empty "$REQUESTS" 4
    stop_all
    rm -rf "$WORK/import"
    size=$(numfmt --from=si "${SIZE^^}")
    title "import into a register of $size"
    register search-sqlite "sqlite:$WORK/search-sqlite/chancery.db" "$size"
    if [ -n "$FILLED" ]; then cp -r --reflink=auto "$FILLED/search-sqlite" "$WORK/import"; else mv "$WORK/search-sqlite" "$WORK/import"; fi
    start import --db "sqlite:$WORK/import/chancery.db"
    "$BUILD/bench/bench-import" "$WORK/import.ready" full "$REQUESTS" 4
    stop_all
    rm -rf "$WORK/import"
fi
if wants hsm; then
    export SOFTHSM2_CONF=$WORK/softhsm2.conf
    printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$WORK/tokens" >"$SOFTHSM2_CONF"
    (umask 077 && echo 58167402 >"$WORK/pin")
    for round in $(seq "$ROUNDS"); do
        rm -rf "$WORK/tokens" # each round has a token with nothing on it
        mkdir "$WORK/tokens"
        softhsm2-util --init-token --free --label bench --so-pin 58167402 --pin 58167402 >/dev/null
        for key in file pkcs11; do
            title "enrollment with the key in $key, round $round"
            token=()
            [ $key = file ] || token=(--set "hsm.module=${HSM_MODULE:-/usr/lib/softhsm/libsofthsm2.so}" --set "hsm.pin=file:$WORK/pin"
                --set "pki.issuing_key_uri=pkcs11:token=bench;object=issuing")
            start "$key$round" "${token[@]}"
            # what it notes of itself is not of the enrollment above
            BENCH_RESULTS=$WORK/one.results "$BUILD/bench/bench-enroll" "$WORK/$key$round.ready" "$WORK" "$REQUESTS" 64 \
                2>/dev/null | sed -n "/^server CPU\|^rate\|signing/p" | tee "$WORK/one"
            awk -v key="hsm.$key" '/^server CPU/ { print key "\t" $3 }' "$WORK/one" >>"$BENCH_RESULTS"
            stop_all
            rm -rf "$WORK/$key$round" "$WORK"/floor-*
        done
    done
fi
if wants acme; then
    for round in $(seq "$ROUNDS"); do
        acme_ports
        title "ACME, round $round"
        start "acme$round" "${ACME_SETTINGS[@]}"
        acme_ask ours "$(acme_directory "acme$round")" "$ORDERS" 64 "$WORK/acme$round.ready" "$WORK"
        stop_all
        rm -rf "$WORK/acme$round" "$WORK"/floor-*
        acme_peers
    done
    title "1,000 ACME orders in flight at once"
    acme_ports
    start flight "${ACME_SETTINGS[@]}"
    acme_ask flight "$(acme_directory flight)" 1000 1000
    stop_all
fi
if wants acme-long; then
    title "ACME, $LONG issuances one after the other"
    acme_ports
    start long "${ACME_SETTINGS[@]}"
    "$BUILD/bench/bench-acme" --long "$(acme_directory long)" "${PIDS[-1]}" "$DNS_PORT" "$WEB_PORT" "$LONG" 64 2>"$WORK/acme.err" ||
        { grep -v '^{' "$WORK/acme.err" >&2; exit 1; }
    stop_all
fi
echo
bench/table.py "$BENCH_RESULTS"
[ -z "${KEEP:-}" ] || cp "$BENCH_RESULTS" "$KEEP"
