"""ACME clients of today, newer than Debian's: what only they do. `make interop` puts them first in the path.

A file of `make interop` alone: it is not collected unless it is named.
"""
import datetime
import os
import re

import pytest

import keys
import ports
import processes
import programs
from test_acme_clients import a_name, run, serial, states  # noqa: F401
from test_acme_operators import listed, look, operator  # noqa: F401
from test_acme_profiles import admin, profile  # noqa: F401
from test_acme_windows import set_window


def version(*command):
    """The numbers of a program's version."""
    done = processes.run(command, timeout=60)
    return [int(one) for one in re.search(r"(\d+)\.(\d+)", done.stdout + done.stderr).groups()]


def test_these_are_clients_of_today():
    assert version("certbot", "--version") >= [5, 0], "certbot"
    assert version("lego", "--version") >= [4, 25], "lego"
    assert version("caddy", "version") >= [2, 11], "Caddy"


def certbot(server, home):
    return ["certbot", "--non-interactive", "--server", server.acme_directory, "--config-dir", home / "config", "--work-dir", home / "work",
            "--logs-dir", home / "logs", "--agree-tos", "--register-unsafely-without-email"]


def lego(server, answers, home, *names):
    return ["lego", "--server", server.acme_directory, "--accept-tos", "--email", "ana@example.com",
            *(part for name in names for part in ("--domains", name)), "--path", home / "lego", "--http", "--http.webroot", answers[0].root]


def life(path):
    certificate = keys.load(path.read_text())
    return certificate.not_valid_after - certificate.not_valid_before


def replaced(operator, name):
    """Of the orders for a name, the newest first: does it replace a certificate?"""
    return [bool(look(operator, f"/orders/{order['id']}").get("replaces")) for order in listed(operator, "/orders", name=name)]


@pytest.mark.seed("S356")
def test_certbot_renews_when_operators_want_it(acme_server, answers, operator, run, tmp_path):  # noqa: F811
    """renewalInfo is what moves it (RFC 9773): without a window it leaves the certificate alone."""
    name = a_name()
    base = certbot(acme_server, tmp_path)
    run(*base, "certonly", "--webroot", "-w", answers[0].root, "-d", name)
    live = tmp_path / "config" / "live" / name / "cert.pem"
    first = serial(live)
    run(*base, "renew", "--no-random-sleep-on-renew")
    assert serial(live) == first
    set_window(operator, query=f'CN -eq "{name}"')
    # what it was told last time holds for it until ari_retry is over
    for path in (tmp_path / "config" / "renewal").glob("*.conf"):
        path.write_text(re.sub(r"(?m)^ari_retry_after.*\n", "", path.read_text()))
    run(*base, "renew", "--no-random-sleep-on-renew")
    assert serial(live) != first and states(acme_server, name) == [1, 1]
    second = serial(live)
    run(*base, "renew", "--no-random-sleep-on-renew")
    assert serial(live) == second, "what came of a renewal is not to be renewed again"


def test_lego_renews_when_operators_want_it_and_says_what_it_replaces(acme_server, answers, operator, run, tmp_path):  # noqa: F811
    name = a_name()
    base = lego(acme_server, answers, tmp_path, name)
    run(*base, "run")
    path = tmp_path / "lego" / "certificates" / f"{name}.crt"
    first = serial(path)
    run(*base, "renew", "--days", "1", "--no-random-sleep")
    assert serial(path) == first
    set_window(operator, query=f'CN -eq "{name}"')
    run(*base, "renew", "--days", "1", "--no-random-sleep")
    assert serial(path) != first and states(acme_server, name) == [1, 1]
    assert replaced(operator, name) == [True, False]


def test_certbot_and_lego_choose_a_profile(acme_server, answers, profile, run, tmp_path):  # noqa: F811
    made = profile(Template="WebServer", ChallengeType="HTTP-01", Validity=6, OfferedInDefaultDirectory=True)
    one, two = a_name(), a_name()
    run(*certbot(acme_server, tmp_path), "certonly", "--webroot", "-w", answers[0].root, "-d", one, "--required-profile", made["Name"])
    run(*lego(acme_server, answers, tmp_path, two), "run", "--profile", made["Name"])
    for path in (tmp_path / "config" / "live" / one / "cert.pem", tmp_path / "lego" / "certificates" / f"{two}.crt"):
        assert datetime.timedelta(days=5) < life(path) <= datetime.timedelta(days=6, hours=2), life(path)


@pytest.mark.parametrize("client", ["certbot", "lego"])
def test_a_certificate_of_an_address(acme_server, answers, run, tmp_path, client):  # noqa: F811
    """RFC 8738."""
    if client == "certbot":
        run(*certbot(acme_server, tmp_path), "certonly", "--webroot", "-w", answers[0].root, "--ip-address", "127.0.0.1",
            "--cert-name", "address")
        path = tmp_path / "config" / "live" / "address" / "cert.pem"
    else:
        run(*lego(acme_server, answers, tmp_path, "127.0.0.1"), "run", "--profile", "default")
        path = tmp_path / "lego" / "certificates" / "127.0.0.1.crt"
    assert keys.names(keys.load(path.read_text())) == ["127.0.0.1"]


def test_caddy_serves_an_address_by_a_profile(new_server, acme_settings, tmp_path):
    """A certificate for an address, short-lived as the profile says, proved by tls-alpn-01."""
    http_port, https_port = ports.take(), ports.take()
    server = new_server(settings={**acme_settings, "acme.validation.http_port": http_port, "acme.validation.tls_port": https_port,
                                  "acme.retry_for": "10s"}).start()
    reply = server.client().command("POST", "/ACME/Profiles", json={"Name": "short", "Template": "WebServer", "Validity": 6,
                                                                   "OfferedInDefaultDirectory": True})
    assert reply.status_code == 200, reply.text
    (tmp_path / "Caddyfile").write_text(f"""
{{
    admin off
    skip_install_trust
    storage file_system {tmp_path}/storage
    http_port {http_port}
    https_port {https_port}
    default_bind 127.0.0.1
    default_sni 127.0.0.1
}}
https://127.0.0.1 {{
    tls {{
        issuer acme {{
            dir {server.acme_directory}
            trusted_roots {server.ca}
            profile short
            disable_http_challenge
        }}
    }}
    respond "served by caddy"
}}
""")
    caddy = processes.start(["caddy", "run", "--config", tmp_path / "Caddyfile"], tmp_path / "log",
                            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)}, cwd=tmp_path)
    try:
        def served():
            assert caddy.poll() is None, processes.tail(tmp_path / "log")
            return programs.curl(f"https://127.0.0.1:{https_port}/", server.ca).stdout == "served by caddy"
        processes.wait_until(served, 60, every=0.2, what="Caddy to serve with its certificate: " + processes.tail(tmp_path / "log"))
    finally:
        processes.stop(caddy)
    found, = (tmp_path / "storage" / "certificates").rglob("*.crt")
    assert life(found) <= datetime.timedelta(days=6, hours=2)
