#!/bin/bash
# usage: interop.sh PROGRAM   Drive PROGRAM with the vendor's published client libraries, Go's and Python's, let linters
#                             of others read what it signs, ACME clients of today get certificates from it, and a
#                             Keycloak vouch for its callers.
#        interop.sh --fetch   Fetch and build what it drives with, no more.
# INTEROP_UNTIL, in seconds since 1970: Keycloak, which takes a minute to start, is not begun with after that; the ACME
# clients, of which lego takes some minutes to fetch and build, not within five minutes before it.
# What is fetched is pinned by tests/interop and kept under $BUILD/interop; ends with `N passed, N failed`.
set -euo pipefail
cd "$(dirname "$0")/.."
program=$1
[ "$program" = --fetch ] || program=$(realpath "$program")
mkdir -p "${BUILD:-build}/interop"
work=$(realpath "${BUILD:-build}/interop")
from=$PWD/tests/interop
keycloak_sum=31c298273557bd53270905ae63c1522e319d2137ccce17318171864be496d699

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
installed lint lint
(cd "$from/lint" && GOTOOLCHAIN=local "$go" build -p 1 -mod=readonly -buildvcs=false -trimpath -o "$work/zlint" \
    github.com/zmap/zlint/v3/cmd/zlint)

# ACME clients, newer than Debian's, in one folder that goes first in the path
in_time() { # seconds that it takes
    [ $(($(date +%s) + $1)) -le "${INTEROP_UNTIL:-9999999999}" ]
}
acme=()
if [ "$program" = --fetch ]; then
    : # later, when it is known how much time there is
elif in_time 300; then
    installed clients clients
    (cd "$from/clients" && GOTOOLCHAIN=local "$go" build -p 2 -mod=readonly -buildvcs=false -trimpath -o "$work/clients/bin/lego" \
        github.com/go-acme/lego/v4/cmd/lego)
    acme=(-- "pytest:ACME clients of today" env "PATH=$work/clients/bin:$PATH" /usr/bin/python3 -B -m pytest -p no:cacheprovider
        --tb short -q -n 2 --dist loadgroup tests/e2e/clients_of_today.py tests/e2e/test_acme_clients.py
        -k "today or certbot or lego or caddy")
else
    echo "ACME clients of today are left out: the time is up"
fi

# Keycloak comes by Maven; without it, the rest is driven.
keycloak=$work/keycloak-26.2.5
if [ ! -x "$keycloak/bin/kc.sh" ]; then
    rm -rf "$keycloak"
    mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy "-DoutputDirectory=$work" \
        -Dartifact=org.keycloak:keycloak-quarkus-dist:26.2.5:zip >/dev/null &&
        echo "$keycloak_sum  $work/keycloak-quarkus-dist-26.2.5.zip" | sha256sum --check --quiet &&
        /usr/bin/python3 -m zipfile -e "$work/keycloak-quarkus-dist-26.2.5.zip" "$work" &&
        chmod +x "$keycloak/bin/kc.sh" || true
    rm -f "$work/keycloak-quarkus-dist-26.2.5.zip"
fi
identity=()
if ! in_time 0; then
    echo "Keycloak is left out: the time is up"
elif [ -x "$keycloak/bin/kc.sh" ]; then
    identity=(-- "lines:Keycloak" "$work/python/bin/python" -B "$from/keycloak/drive.py" "$program" "$keycloak")
else
    echo "Keycloak is left out: it cannot be fetched here"
fi
[ "$program" != --fetch ] || exit 0
exec tools/count.py \
    "lines:Go client library" "$work/drive" "$program" -- \
    "lines:Python client library" "$work/python/bin/python" -B "$from/python/drive.py" "$program" -- \
    "lines:linters" "$work/lint/bin/python" -B "$from/lint/drive.py" "$program" "$work/zlint" \
    "${acme[@]}" "${identity[@]}"
