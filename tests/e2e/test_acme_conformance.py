"""The program of tests/conformance, which anyone can point at an ACME server: at ours, and at Pebble from Debian."""
import json
import os
import pathlib
import re
import socket
import subprocess
import sys

import pytest

import ports
import processes

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "tests" / "conformance" / "acme_server.py"
DOCS = ROOT / "docs" / "acme-conformance.md"


def ask(*arguments):
    """Run it: its status and, for each row, how it came out; the last line counts them."""
    done = subprocess.run([sys.executable, "-B", str(PROGRAM), *arguments], text=True, capture_output=True, timeout=240,
                          check=False)
    rows = re.findall(r"^(ok|NO|--) ([MSP]) (\S+) +(.*)$", done.stdout, re.M)
    assert rows and re.search(rf"^{len(rows)} rows: ", done.stdout, re.M), done.stdout + done.stderr
    return done, rows


def test_ours_answers_every_row_as_it_should(new_server, answers):
    port, dns = ports.take(), answers[1]
    server = new_server(settings={
        "acme.pre_authorization": "true", "acme.validation.http_port": port, "acme.validation.resolvers": f"127.0.0.1:{dns.port}",
        "acme.validation.dnssec": "off", "acme.validation.allow_networks": "127.0.0.0/8"}).start()
    key = server.client().rest("POST", "/acme/eab-keys", json={"kid": "conformance"}).json()["hmac_key"]
    done, rows = ask(f"{server.url.rstrip('/')}/acme/directory", "--ca", str(server.ca), "--listen", f"127.0.0.1:{port}",
                     "--suffix", "acme.test", "--eab", f"conformance:{key}", "--strict")
    assert done.returncode == 0, done.stdout
    assert [row[2] for row in rows if row[0] == "--"] == ["A-EAB-01"]
    assert f"Chancery: {len(rows)} rows" in DOCS.read_text()


def test_where_a_binding_is_required_it_is_asked_for(new_server):
    server = new_server(settings={"acme.eab": "required"}).start()
    key = server.client().rest("POST", "/acme/eab-keys", json={"kid": "conformance"}).json()["hmac_key"]
    done, _ = ask(f"{server.url.rstrip('/')}/acme/directory", "--ca", str(server.ca), "--strict", "--only", "A-EAB", "A-ACC",
                  "A-KEY", "--eab", f"conformance:{key}")
    assert done.returncode == 0, done.stdout


@pytest.fixture
def pebble(tmp_path):
    """Debian's Pebble, which takes every challenge for proved; its directory and its certificate."""
    taken = [ports.take() for _ in range(4)]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                    tmp_path / "key", "-out", tmp_path / "pem", "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    (tmp_path / "config").write_text(json.dumps({"pebble": {
        "listenAddress": f"127.0.0.1:{taken[0]}", "managementListenAddress": f"127.0.0.1:{taken[1]}",
        "certificate": str(tmp_path / "pem"), "privateKey": str(tmp_path / "key"), "httpPort": taken[2],
        "tlsPort": taken[3], "ocspResponderURL": "", "externalAccountBindingRequired": False}}))
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(["pebble", "-config", tmp_path / "config", "-strict"], stdout=log, stderr=log, env={
            **os.environ, "PEBBLE_VA_ALWAYS_VALID": "1", "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0",
            "PEBBLE_AUTHZREUSE": "0"})

    def listens():
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", taken[0])) == 0
    try:
        processes.wait_until(listens, 30, what="Pebble to listen")
        yield f"https://127.0.0.1:{taken[0]}/dir", str(tmp_path / "pem")
    finally:
        process.kill()
        process.wait()


@pytest.mark.once
def test_pebble_differs_where_the_page_says_so(pebble):
    done, rows = ask(pebble[0], "--ca", pebble[1])
    assert done.returncode == 1
    said = re.findall(r"^\| `(A-[A-Z0-9-]+)` \| (.*?) \| ", DOCS.read_text(), re.M)
    assert [(ident, text.split(": ", 1)[0]) for verdict, _, ident, text in rows if verdict == "NO"] == said
