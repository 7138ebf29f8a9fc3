"""Tickets of a real Kerberos realm open the APIs: real kinit, real curl --negotiate, a real directory for the groups."""
import base64
import hashlib
import json
import ssl
import uuid

import pytest
import requests

import chancery
import directory
import realm as kerberos
from test_directory import claim


@pytest.fixture(scope="module")
def realm(tmp_path_factory):
    one = kerberos.Realm(tmp_path_factory.mktemp("realm"))
    yield one
    one.close()


@pytest.fixture(scope="module")
def contoso(tmp_path_factory):
    one = directory.Slapd(tmp_path_factory.mktemp("slapd"))
    yield one
    one.close()


@pytest.fixture
def kerberized(new_server, realm, tmp_path):
    """Start a server that takes tickets: kerberized(directories=[...], **settings of access.kerberos)."""
    def start(directories=(), **more):
        config = tmp_path / f"chancery-{uuid.uuid4().hex[:12]}.yaml"
        config.write_text(json.dumps({"access": {"directories": list(directories), "kerberos": {
            "keytab": str(realm.keytab), **more}}}))
        config.chmod(0o600)
        return new_server(settings={}, config=config, env=realm.env).start()
    return start


def show(server, token, path="/api/v1/whoami", **headers):
    """A request with this token, by a client that keeps to itself."""
    session = requests.Session()
    session.trust_env, session.verify = False, str(server.ca)
    return session.get(server.url.rstrip("/") + path, timeout=30,
                       headers={"Authorization": f"Negotiate {token}", **headers})


def challenges(reply):
    return reply.raw.headers.getlist("WWW-Authenticate")


@pytest.mark.seed("S129", "S137")
def test_a_ticket_and_a_password_are_the_same_account_of_the_directory(kerberized, realm, contoso):
    server = kerberized([contoso.settings()])
    ana, bob = realm.ticket("ana"), realm.ticket("bob")
    status, said = realm.curl(server, ana)
    assert status == 403 and "no role" in said, said
    assert server.client().rest("GET", "/users", params={"contains": "contoso"}).json()["items"] == []
    claim(server, "group", "PKI-Administrators", ["Administrator"], provider="contoso")
    claim(server, "user", "CONTOSO\\ana", ["Auditor"])
    offered = requests.get(server.url.rstrip("/") + "/KeyfactorAPI/Certificates", verify=str(server.ca), timeout=30)
    assert [text.split()[0] for text in challenges(offered)] == ["Basic", "Bearer", "Negotiate"]
    status, said = realm.curl(server, ana, "-v", path="/api/v1/whoami")
    assert status == 200 and "WWW-Authenticate: Negotiate oY" in said, said
    mine = json.loads(realm.curl(server, ana, path="/api/v1/whoami")[1].splitlines()[-1])
    assert mine["name"] == "CONTOSO\\Ana" and mine["auth"] == "kerberos" and mine["roles"] == ["Auditor"]
    other = server.client("CONTOSO\\ana".encode(), directory.PASSWORDS["ana"].encode()).rest("GET", "/whoami").json()
    assert other["id"] == mine["id"] and other["auth"] == "ldap"
    assert json.loads(realm.curl(server, bob, path="/api/v1/whoami")[1].splitlines()[-1])["roles"] == ["Administrator"]
    # several requests of one connection, each with its own ticket
    status, said = realm.curl(server, ana, "--next", "-sS", "-i", "--negotiate", "-u", ":", "--cacert", str(server.ca),
                              server.url.rstrip("/").replace("127.0.0.1", "localhost") + "/api/v1/whoami")
    assert status == 200, said
    metrics = requests.get(server.url.rstrip("/") + "/metrics", verify=str(server.ca), timeout=10).text
    assert 'chancery_auth_attempts_total{method="kerberos",result="ok"}' in metrics


def test_without_a_directory_the_principal_itself_may_have_roles(kerberized, realm):
    server = kerberized(service=f"HTTP/localhost@{kerberos.REALM}")
    claim(server, "user", "bob@contoso.com", ["Auditor"], provider="kerberos")
    status, said = realm.curl(server, realm.ticket("bob"), path="/api/v1/whoami")
    mine = json.loads(said.splitlines()[-1])
    assert status == 200 and mine["name"] == f"bob@{kerberos.REALM}" and mine["roles"] == ["Auditor"]
    assert realm.curl(server, realm.ticket("eve"))[0] == 403
    users = server.client().rest("GET", "/users", params={"contains": "krb5:"}).json()["items"]
    assert [row["name"] for row in users] == [f"bob@{kerberos.REALM}"]
    said = server.client().rest("POST", "/providers/kerberos/test").json()
    assert said["ok"] and [step["name"] for step in said["steps"]] == ["keytab"]


@pytest.mark.once
def test_another_principal_of_nearly_the_same_name_is_somebody_else(kerberized, realm, contoso):
    """To MIT's KDC these are other people, with other passwords; a search of the directory finds the first ones by them."""
    for name in ("ANA", "\uff45\uff56\uff45"):
        kerberos.PASSWORDS[name] = "another password 1"
        realm.admin(f'addprinc -pw "another password 1" {name}')
    server = kerberized([contoso.settings()])
    claim(server, "group", "PKI-Users", ["Auditor"], provider="contoso")
    claim(server, "user", "CONTOSO\\ana", ["Auditor"])
    for name in ("ana", "eve"):
        assert realm.curl(server, realm.ticket(name))[0] == 200
    for name in ("ANA", "\uff45\uff56\uff45"):
        status, said = realm.curl(server, realm.ticket(name))
        assert status == 401 and "does not tell who" in said, said
    without = kerberized()
    claim(without, "user", "ana@contoso.com", ["Auditor"])
    assert realm.curl(without, realm.ticket("ana"))[0] == 200
    status, said = realm.curl(without, realm.ticket("ANA"))
    assert status == 403 and "ANA@CONTOSO.COM was recognised" in said, said


def test_a_ticket_is_good_once_and_for_this_service_alone(kerberized, realm):
    server = kerberized()
    claim(server, "user", "ana@contoso.com", ["Auditor"])
    ana = realm.ticket("ana")
    token = realm.token(ana)
    first = show(server, token)
    assert first.status_code == 200 and first.json()["auth"] == "kerberos", first.text
    proof, = challenges(first)
    assert proof.startswith("Negotiate ") and first.headers["Persistent-Auth"] == "false"
    again = show(server, token)
    assert again.status_code == 401 and "replay" in again.json()["detail"], again.text
    assert {text.split()[0] for text in challenges(again)} == {"Basic", "Bearer", "Negotiate"}
    # a bare Kerberos token, without SPNEGO around it, is one, too
    assert show(server, realm.token(ana, mech="krb5")).status_code == 200
    elsewhere = show(server, realm.token(ana, service="HTTP@elsewhere"))
    assert elsewhere.status_code == 401, elsewhere.text
    good = realm.token(ana)
    raw = bytearray(base64.b64decode(good))
    raw[-20] ^= 1
    ntlm = base64.b64encode(b"NTLMSSP\0\1\0\0\0\x07\x82\x08\xa2" + bytes(24)).decode()
    for bad in ("", "!", "AAAA", good[:-8], base64.b64encode(bytes(raw)).decode(), ntlm, "YII" + "A" * 40000):
        reply = show(server, bad)
        assert reply.status_code in (400, 401), (bad[:40], reply.status_code, reply.text)
    assert show(server, good).status_code == 200  # what was tampered with did not use it up
    # another process knows what the first one saw
    server.stop()
    server.start()
    assert show(server, good).status_code == 401


@pytest.mark.once
def test_clocks_that_differ_are_named_as_the_reason(kerberized, realm):
    server = kerberized()
    claim(server, "user", "ana@contoso.com", ["Auditor"])
    ana = realm.ticket("ana")
    assert realm.curl(server, ana)[0] == 200  # the service's ticket is in the cache from now on
    status, said = realm.curl(server, ana, before=("faketime", "-f", "+11m"))
    assert status == 401 and "the client's clock and ours differ" in said, said
    line = [line for line in server.lines(level="info") if "clock" in line["msg"]]
    assert line and "ticket is refused" in line[0]["msg"]


def test_a_ticket_that_names_its_connection_must_name_this_one(kerberized, realm):
    def bindings(server):
        host, port = server.url.rstrip("/").removeprefix("https://").split(":")
        der = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((host, int(port))))
        return b"tls-server-end-point:" + hashlib.sha256(der).digest()

    ana = realm.ticket("ana")
    checked, required, ignored = (kerberized(channel_binding=word) for word in ("check", "require", "ignore"))
    for server in (checked, required, ignored):
        claim(server, "user", "ana@contoso.com", ["Auditor"])
        wrong = show(server, realm.token(ana, binding=b"tls-server-end-point:" + bytes(32)))
        assert show(server, realm.token(ana, binding=bindings(server))).status_code == 200
        if server is ignored:
            assert wrong.status_code == 200
        else:
            assert wrong.status_code == 401 and "another TLS connection" in wrong.json()["detail"], wrong.text
    assert show(checked, realm.token(ana)).status_code == 200
    unbound = show(required, realm.token(ana))
    assert unbound.status_code == 401 and "not bound" in unbound.json()["detail"], unbound.text


def test_a_page_of_another_site_cannot_use_its_visitors_ticket_or_password(kerberized, realm):
    server = kerberized()
    claim(server, "user", "ana@contoso.com", ["Auditor"])
    ana, host = realm.ticket("ana"), server.url.rstrip("/").removeprefix("https://")
    for headers, status in (({"Sec-Fetch-Site": "same-origin"}, 200), ({"Sec-Fetch-Site": "none"}, 200),
                            ({"Origin": f"https://{host}"}, 200), ({"Sec-Fetch-Site": "cross-site"}, 403),
                            ({"Sec-Fetch-Site": "same-site"}, 403), ({"Origin": "https://evil.example"}, 403),
                            ({"Origin": f"http://{host}"}, 403), ({"Origin": "null"}, 403)):
        assert show(server, realm.token(ana), **headers).status_code == status, headers
        assert server.client().rest("GET", "/whoami", headers=headers).status_code == status, headers
    reply = server.client(nobody=True).command("POST", "/Auth/Login", json={
        "username": server.user, "password": server.password})
    bearer = server.client(token=chancery.good(reply)["access_token"])
    assert bearer.rest("GET", "/whoami", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


def test_a_directory_that_is_away_or_knows_nobody_lets_no_ticket_in(kerberized, realm, contoso):
    server = kerberized([contoso.settings(timeout="1s")])
    claim(server, "user", "bob@contoso.com", ["Auditor"])
    contoso.remove(contoso.eve)
    unknown = show(server, realm.token(realm.ticket("eve")))
    assert unknown.status_code == 401 and "does not tell who" in unknown.json()["detail"], unknown.text
    bob = realm.ticket("bob")
    contoso.stop()
    try:
        away = show(server, realm.token(bob))
        assert away.status_code == 503 and int(away.headers["Retry-After"]) > 0, away.text
    finally:
        contoso.start()
        contoso.eve = contoso.person("eve", directory.PASSWORDS["eve"])
    assert show(server, realm.token(bob)).status_code == 200


def test_a_reload_begins_and_ends_to_take_tickets(kerberized, realm):
    server = kerberized()
    claim(server, "user", "ana@contoso.com", ["Auditor"])
    keytab = json.loads(server.config.read_text())["access"]["kerberos"]
    offered = lambda: "Negotiate" in challenges(show(server, "none"))
    ana = realm.ticket("ana")
    long = {"X-Padding": "x" * 20000}  # a ticket may be long, nothing else

    def configure(**access):
        server.config.write_text(json.dumps({"access": access}))
        return server.reload()
    assert offered() and show(server, realm.token(ana), **long).status_code == 200
    assert configure() and not offered()
    token = realm.token(ana)
    assert show(server, token).status_code == 401 and show(server, token, **long).status_code == 431
    assert configure(kerberos=keytab) and offered()
    assert show(server, token, **long).status_code == 200, "the ticket was not used before"
    assert configure(kerberos={**keytab, "name": "tickets"})
    assert [row["name"] for row in server.client().rest("GET", "/providers").json()["items"]] == ["tickets"]
    server.tolerates_errors = True
    assert not configure(kerberos={"keytab": "/nonexistent"}) and offered()
    assert show(server, realm.token(ana)).status_code == 200
    assert "next start" not in server.log.read_text()


def test_without_a_keytab_nobody_is_offered_tickets(server, realm):
    reply = requests.get(server.url.rstrip("/") + "/KeyfactorAPI/Certificates", verify=str(server.ca), timeout=30)
    assert [text.split()[0] for text in challenges(reply)] == ["Basic", "Bearer"]
    assert show(server, realm.token(realm.ticket("ana"))).status_code == 401


@pytest.mark.once
def test_a_keytab_that_others_may_read_is_refused(realm, tmp_path):
    keytab = tmp_path / "http.keytab"
    keytab.write_bytes(realm.keytab.read_bytes())
    keytab.chmod(0o644)
    done = chancery.processes.run(
        [chancery.PROGRAM, "serve", "--dev", "--data-dir", tmp_path / "data", "--listen", "127.0.0.1:0",
         "--http-listen", "127.0.0.1:0", "--set", f"access.kerberos.keytab={keytab}"],
        env={**chancery.os.environ, **realm.env})
    assert done.returncode != 0 and "access.kerberos.keytab" in done.stderr and "644" in done.stderr, done.stderr


@pytest.mark.once
@pytest.mark.parametrize("more, words", [
    ({"keytab": "/nonexistent"}, "/nonexistent"),
    ({"service": "HTTP/elsewhere@CONTOSO.COM"}, "cannot be used"),
    ({"service": "a@b@c@"}, "access.kerberos"),
    ({"channel_binding": "perhaps"}, "access.kerberos.channel_binding"),
    ({"name": "corp"}, "access.kerberos.name"),
])
def test_kerberos_that_is_configured_wrongly_is_refused_with_the_reason(realm, tmp_path, more, words):
    config = tmp_path / "chancery.yaml"
    providers = [{"name": "corp", "issuer": "https://idp.example", "audience": "x"}]
    config.write_text(json.dumps({"access": {"providers": providers,
                                             "kerberos": {"keytab": str(realm.keytab), **more}}}))
    config.chmod(0o600)
    done = chancery.processes.run([chancery.PROGRAM, "serve", "--dev", "--config", config, "--data-dir",
                                   tmp_path / "data", "--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"],
                                  env={**chancery.os.environ, **realm.env})
    assert done.returncode != 0 and words in done.stdout + done.stderr, done.stdout + done.stderr
