"""ACME clients of Debian, unmodified: they register, get certificates, renew and revoke."""
import os
import pathlib
import signal
import uuid

import pytest
from cryptography.hazmat.primitives import serialization

import keys
import ports
import processes
import programs


@pytest.fixture
def run(acme_server, tmp_path):
    """Run a client with a home of its own; it trusts the server's root alone."""
    def do(*command, **more):
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8", "REQUESTS_CA_BUNDLE": str(acme_server.ca),
               "SSL_CERT_FILE": str(acme_server.ca), "LEGO_CA_CERTIFICATES": str(acme_server.ca)}
        done = processes.run(command, env=env, cwd=tmp_path, timeout=120, **more)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout
    return do


def a_name():
    return f"{uuid.uuid4().hex[:12]}.clients.test"


def of(server, name):
    """The certificates of a name in the register, the oldest first."""
    found = server.client().get("/Certificates", **{"pq.queryString": f'CN -eq "{name}"', "pq.includeRevoked": "true"})
    return sorted(found, key=lambda row: row["Id"])


def serial(path):
    return f"{keys.load(path.read_text()).serial_number:X}"


def states(server, name):
    return [row["CertState"] for row in of(server, name)]


@pytest.mark.seed("S354", "S412", "S352")
def test_certbot(acme_server, answers, run, tmp_path):
    name, other = a_name(), a_name()
    base = ["certbot", "--non-interactive", "--server", acme_server.acme_directory, "--config-dir", tmp_path / "config",
            "--work-dir", tmp_path / "work", "--logs-dir", tmp_path / "logs"]
    run(*base, "register", "--agree-tos", "-m", "ana@example.com", "--no-eff-email")
    run(*base, "certonly", "--webroot", "-w", answers[0].root, "-d", name, "-d", other)
    live = tmp_path / "config" / "live" / name
    first = serial(live / "cert.pem")
    assert (live / "fullchain.pem").read_text().count("BEGIN CERTIFICATE") == 2
    run(*base, "renew", "--force-renewal", "--no-random-sleep-on-renew")
    assert serial(live / "cert.pem") != first and states(acme_server, name) == [1, 1]
    run(*base, "update_account", "-m", "ben@example.com", "--no-eff-email")
    run(*base, "revoke", "--cert-name", name, "--reason", "superseded", "--no-delete-after-revoke")
    assert states(acme_server, name) == [1, 2]
    run(*base, "unregister")


@pytest.fixture
def crossed(new_server, acme_settings):
    """A server whose issuing authority another root certifies, too; that root."""
    server = new_server(settings=acme_settings).start()
    client = server.client()
    name = client.rest("GET", "/authorities").json()["items"]
    issuing = next(one["name"] for one in name if one["parent"])
    reply = client.rest("POST", "/authorities", json={"name": "Other Root", "path_length": 1})
    assert reply.status_code == 201, reply.text
    reply = client.rest("POST", f"/authorities/{issuing}/cross-sign", json={"issuer": "Other Root"})
    assert reply.status_code in (200, 201), reply.text
    return server, keys.load(reply.json()["pem"])


def issuers_in(path):
    """Who issued what stands above the leaf."""
    return [one.issuer.rfc4514_string() for one in keys.load_all(path.read_text())[1:]]


def test_certbot_and_lego_choose_between_the_chains(crossed, answers, tmp_path):
    """Alternate chains (RFC 8555 section 7.4.2): the usual one by itself, the other when it is preferred."""
    server, cross = crossed
    other = cross.issuer.rfc4514_string()
    assert "Other Root" in other
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8", "REQUESTS_CA_BUNDLE": str(server.ca),
           "LEGO_CA_CERTIFICATES": str(server.ca)}
    for prefer in ([], ["--preferred-chain", "Other Root"]):
        name = a_name()
        done = processes.run(["certbot", "--non-interactive", "--server", server.acme_directory, "--config-dir", tmp_path / "config",
                              "--work-dir", tmp_path / "work", "--logs-dir", tmp_path / "logs", "--agree-tos",
                              "--register-unsafely-without-email", "certonly", "--webroot", "-w", answers[0].root, "-d", name, *prefer],
                             env=env, cwd=tmp_path, timeout=120)
        assert done.returncode == 0, done.stderr
        assert (issuers_in(tmp_path / "config" / "live" / name / "fullchain.pem") == [other]) is bool(prefer)
        name = a_name()
        done = processes.run(["lego", "--server", server.acme_directory, "--accept-tos", "--email", "ana@example.com", "--domains",
                              name, "--path", tmp_path / "lego", "--http", "--http.webroot", answers[0].root, "run", *prefer],
                             env=env, cwd=tmp_path, timeout=120)
        assert done.returncode == 0, done.stderr
        assert (issuers_in(tmp_path / "lego" / "certificates" / f"{name}.crt") == [other]) is bool(prefer)


@pytest.mark.seed("S175", "S179")
def test_certbot_with_a_wildcard_by_dns(acme_server, answers, run, tmp_path):
    base, dns = a_name(), answers[1]
    hook = tmp_path / "hook"
    hook.write_text(f'#!/bin/sh\necho "$CERTBOT_VALIDATION" >> {tmp_path}/texts\nsleep 1\n')
    hook.chmod(0o755)

    class Texts(list):
        def __iter__(self):
            path = tmp_path / "texts"
            return iter(path.read_text().split() if path.exists() else [])
    dns.texts[f"_acme-challenge.{base}"] = Texts()
    run("certbot", "--non-interactive", "--server", acme_server.acme_directory, "--config-dir", tmp_path / "config",
        "--work-dir", tmp_path / "work", "--logs-dir", tmp_path / "logs", "--agree-tos", "--register-unsafely-without-email",
        "certonly", "--manual", "--preferred-challenges", "dns", "--manual-auth-hook", hook, "-d", f"*.{base}", "-d", base)
    assert "BEGIN CERTIFICATE" in (tmp_path / "config" / "live" / base / "cert.pem").read_text()


@pytest.mark.seed("S412")
def test_dehydrated(acme_server, answers, run, tmp_path):
    name = a_name()
    config = tmp_path / "config"
    config.write_text(f'CA="{acme_server.acme_directory}"\nBASEDIR={tmp_path}\nWELLKNOWN={answers[0].tokens}\n'
                      f'CURL_OPTS="--cacert {acme_server.ca}"\nDOMAINS_TXT={tmp_path}/domains.txt\n')
    base = ["dehydrated", "-f", config]
    run(*base, "--register", "--accept-terms")
    run(*base, "-c", "-d", name)
    first = serial(tmp_path / "certs" / name / "cert.pem")
    run(*base, "-c", "-x", "-d", name)
    assert serial(tmp_path / "certs" / name / "cert.pem") != first
    run(*base, "-r", tmp_path / "certs" / name / "cert.pem")
    assert states(acme_server, name) == [1, 2]
    run(*base, "--account")


def test_acme_tiny(acme_server, answers, run, tmp_path):
    name = a_name()
    (tmp_path / "account.key").write_bytes(keys.new_key("rsa:2048").private_bytes(
        keys.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()))
    (tmp_path / "csr").write_text(keys.new_csr(cn=name, dns=(name,)))
    for _ in range(2):
        chain = run("acme-tiny", "--account-key", tmp_path / "account.key", "--csr", tmp_path / "csr", "--acme-dir",
                    answers[0].tokens, "--directory-url", acme_server.acme_directory, "--disable-check")
        assert chain.count("BEGIN CERTIFICATE") == 2
    assert states(acme_server, name) == [1, 1]


@pytest.mark.seed("S412")
def test_lego(acme_server, answers, run, tmp_path):
    name = a_name()
    base = ["lego", "--server", acme_server.acme_directory, "--accept-tos", "--email", "ana@example.com", "--domains", name,
            "--path", tmp_path / "lego", "--http", "--http.webroot", answers[0].root]
    run(*base, "run")
    path = tmp_path / "lego" / "certificates" / f"{name}.crt"
    first = serial(path)
    run(*base, "renew", "--days", "1000", "--no-random-sleep")
    assert serial(path) != first
    run(*base, "revoke")
    assert states(acme_server, name) == [1, 2]


@pytest.mark.seed("S375", "S412")
def test_lego_with_a_binding_bad_nonces_and_a_slow_authority(new_server, acme_settings, answers, tmp_path):
    server = new_server(settings={**acme_settings, "acme.eab": "required", "acme.nonce_reject": 20, "acme.finalize_delay": "3s"}).start()
    made = server.client().rest("POST", "/acme/eab-keys", json={"max_uses": 1}).json()
    name = a_name()
    done = processes.run(
        ["lego", "--server", server.acme_directory, "--accept-tos", "--email", "ana@example.com", "--domains", name, "--path",
         tmp_path / "lego", "--http", "--http.webroot", answers[0].root, "--eab", "--kid", made["kid"], "--hmac", made["hmac_key"], "run"],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LEGO_CA_CERTIFICATES": str(server.ca)}, timeout=120)
    assert done.returncode == 0, done.stderr
    assert states(server, name) == [1]


@pytest.mark.seed("S352", "S412", "S392", "S360")
@pytest.mark.parametrize("challenge", ["http", "tls-alpn"])
def test_caddy(new_server, acme_settings, tmp_path, challenge):
    http_port, https_port = ports.take(), ports.take()
    server = new_server(settings={**acme_settings, "acme.validation.http_port": http_port, "acme.validation.tls_port": https_port,
                                  "acme.retry_for": "10s"}).start()
    name = a_name()
    off = "disable_tlsalpn_challenge" if challenge == "http" else "disable_http_challenge"
    (tmp_path / "Caddyfile").write_text(f"""
{{
    admin off
    skip_install_trust
    storage file_system {tmp_path}/storage
    http_port {http_port}
    https_port {https_port}
    default_bind 127.0.0.1
    cert_issuer acme {{
        dir {server.acme_directory}
        trusted_roots {server.ca}
        {off}
    }}
}}
{name} {{
    respond "served by caddy"
}}
""")
    caddy = processes.start(["caddy", "run", "--config", tmp_path / "Caddyfile"], tmp_path / "log",
                            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)}, cwd=tmp_path)
    try:
        def served():
            assert caddy.poll() is None, processes.tail(tmp_path / "log")
            done = programs.curl(f"https://{name}:{https_port}/", server.ca, "--resolve", f"{name}:{https_port}:127.0.0.1")
            return done.stdout == "served by caddy"
        processes.wait_until(served, 60, every=0.2, what="Caddy to serve with its certificate: " + processes.tail(tmp_path / "log"))
    finally:
        processes.stop(caddy)
    assert states(server, name) == [1]


APACHE = """
ServerRoot {dir}
ServerName localhost
PidFile {dir}/pid
ErrorLog {dir}/error.log
DefaultRuntimeDir {dir}
Mutex file:{dir} default
Listen 127.0.0.1:{http}
Listen 127.0.0.1:{https} https
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule ssl_module {modules}/mod_ssl.so
LoadModule md_module {modules}/mod_md.so
MDCertificateAuthority {directory}
MDCACertificateFile {ca}
MDCertificateAgreement accepted
MDContactEmail ana@example.com
MDPortMap http:{http} https:{https}
MDCAChallenges {challenge}
MDStoreDir {dir}/md
MDRetryDelay 1s
{more}
MDomain {name}
<VirtualHost *:{http}>
    ServerName {name}
</VirtualHost>
<VirtualHost *:{https}>
    ServerName {name}
    DocumentRoot {dir}/htdocs
    SSLEngine on
    Protocols http/1.1 acme-tls/1
</VirtualHost>
"""


@pytest.mark.seed("S412", "S360")
@pytest.mark.parametrize("challenge, bound", [("http-01", False), ("tls-alpn-01", True)])
def test_apache(new_server, acme_settings, tmp_path, challenge, bound):
    """mod_md: a certificate that came is used from the next graceful restart on."""
    http_port, https_port, name = ports.take(), ports.take(), a_name()
    server = new_server(settings={**acme_settings, "acme.validation.http_port": http_port, "acme.validation.tls_port": https_port,
                                  "acme.retry_for": "10s", "acme.eab": "required" if bound else "off"}).start()
    made = server.client().rest("POST", "/acme/eab-keys", json={"max_uses": 1}).json() if bound else {}
    (tmp_path / "htdocs").mkdir()
    (tmp_path / "htdocs" / "index.html").write_text("served by Apache")
    conf = tmp_path / "httpd.conf"
    conf.write_text(APACHE.format(
        dir=tmp_path, http=http_port, https=https_port, modules="/usr/lib/apache2/modules", directory=server.acme_directory, ca=server.ca,
        challenge=challenge, name=name,
        more=f"MDExternalAccountBinding {made['kid']} {made['hmac_key']}" if bound else ""))
    tmp_path.chmod(0o755)
    apache = processes.start(["/usr/sbin/apache2", "-f", conf, "-DFOREGROUND"], tmp_path / "log")
    staged, used = (tmp_path / "md" / where / name / "pubcert.pem" for where in ("staging", "domains"))

    def came():
        assert apache.poll() is None, processes.tail(tmp_path / "log") + processes.tail(tmp_path / "error.log")
        return staged.exists() or list((tmp_path / "md" / "staging").glob("*/pubcert*.pem"))

    def served():
        done = programs.curl(f"https://{name}:{https_port}/index.html", server.ca, "--resolve", f"{name}:{https_port}:127.0.0.1")
        return done.stdout == "served by Apache"
    try:
        processes.wait_until(came, 60, every=0.2, what="a certificate for Apache: " + processes.tail(tmp_path / "error.log"))
        apache.send_signal(signal.SIGUSR1)
        processes.wait_until(served, 30, every=0.2, what="Apache to serve with its certificate")
    finally:
        processes.stop(apache)
    assert states(server, name) == [1] and serial(used) == of(server, name)[0]["SerialNumber"].lstrip("0")


@pytest.mark.seed("S412")
def test_uacme(acme_server, answers, tmp_path):
    name = a_name()
    hook = tmp_path / "hook"
    hook.write_text(f"""#!/bin/sh
[ "$2" = http-01 ] || exit 1
case "$1" in
    begin) printf %s "$5" > {answers[0].tokens}/"$4" ;;
    *) rm -f {answers[0].tokens}/"$4" ;;
esac
""")
    hook.chmod(0o755)
    (tmp_path / "csr").write_text(keys.new_csr(cn=name, dns=(name,)))
    shim = tmp_path / "roots.so"  # uacme trusts what the system trusts and can be told of no other file: for it, that is our root
    processes.run(["gcc", "-shared", "-fPIC", f'-DROOTS="{acme_server.ca}"', "-o", shim, pathlib.Path(__file__).parent / "roots_shim.c"],
                  check=True)

    def run(*command):
        return processes.run(["uacme", "-v", "-c", tmp_path / "uacme", "-a", acme_server.acme_directory, *command], timeout=120,
                             env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LD_PRELOAD": str(shim)})
    done = run("-y", "new", "ana@example.com")
    assert done.returncode == 0, done.stderr
    done = run("-h", hook, "issue", name)
    assert done.returncode == 0, done.stderr
    path = tmp_path / "uacme" / name / "cert.pem"
    first = serial(path)
    done = run("-f", "-h", hook, "issue", name)
    assert done.returncode == 0 and serial(path) != first, done.stderr
    done = run("revoke", path)
    assert done.returncode == 0, done.stderr
    assert states(acme_server, name) == [1, 2]
