"""Callers from elsewhere: tokens of an identity provider, client certificates, and the claims that give them roles."""
import base64
import concurrent.futures
import datetime
import hashlib
import hmac
import json
import re
import threading
import time
import uuid

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import admin
import chancery
import issuer
import keys
import processes
import programs


# ---- claims as people manage them

def claim(server, type, value, roles=(), **more):
    """Make a claim known; its row."""
    reply = server.client().rest("POST", "/claims", json={"type": type, "value": value, "roles": list(roles), **more})
    assert reply.status_code == 201, reply.text
    return reply.json()


def test_a_claim_is_made_found_changed_and_removed(server, client):
    value = f"group-{uuid.uuid4().hex[:12]}"
    made = claim(server, "OAuthRole", value, ["Operator"], provider="corp", description="the PKI team")
    assert made["type"] == "oauth_role" and made["roles"] == ["Operator"] and made["user"] == ""
    again = client.rest("POST", "/claims", json={"type": "oauth_role", "value": value.upper(), "provider": "corp"})
    assert again.status_code == 409, again.text
    listed = client.rest("GET", "/claims", params={"value": value.upper(), "type": "oauth_role"}).json()
    assert [row["id"] for row in listed["items"]] == [made["id"]]
    one = client.rest("GET", f"/claims/{made['id']}")
    edited = client.rest("PATCH", f"/claims/{made['id']}", json={"roles": ["Auditor"]},
                         headers={"If-Match": one.headers["ETag"]})
    assert edited.status_code == 200 and edited.json()["roles"] == ["Auditor"]
    assert edited.json()["description"] == "the PKI team"
    stale = client.rest("PATCH", f"/claims/{made['id']}", json={"roles": []}, headers={"If-Match": one.headers["ETag"]})
    assert stale.status_code == 412
    members = client.rest("GET", "/roles/Auditor").json()["members"]
    assert {"kind": "claim", "name": value, "id": made["id"]} in members
    gone = client.rest("DELETE", f"/claims/{made['id']}", headers={"If-Match": edited.headers["ETag"]})
    assert gone.status_code == 204
    assert client.rest("GET", f"/claims/{made['id']}").status_code == 404
    assert value not in json.dumps(client.rest("GET", "/roles/Auditor").json())


def test_a_claim_becomes_a_member_of_a_role_and_leaves_it(server, client):
    row = claim(server, "group", f"g-{uuid.uuid4().hex[:12]}")
    role = admin.role(server, ["certificates/read"])
    added = client.rest("POST", f"/roles/{role}/members", json={"kind": "claim", "name": str(row["id"])})
    assert added.status_code == 200, added.text
    assert client.rest("GET", f"/claims/{row['id']}").json()["roles"] == [role]
    assert client.rest("DELETE", f"/roles/{role}/members/claim/{row['id']}").status_code == 204
    assert client.rest("GET", f"/claims/{row['id']}").json()["roles"] == []


@pytest.mark.parametrize("body, field", [
    ({"type": "shoe_size", "value": "43"}, "type"),
    ({"type": "group", "value": ""}, "value"),
    ({"type": "certificate_thumbprint", "value": "12:34"}, "value"),
    ({"type": "group", "value": "x", "roles": ["no such role"]}, "roles[0]"),
    ({"type": "group", "value": "x", "user": "nobody-of-that-name"}, "user"),
    ({"type": "group", "value": "a\x01b"}, "value"),
])
def test_a_bad_claim_is_refused_by_its_field(client, body, field):
    reply = client.rest("POST", "/claims", json=body)
    assert reply.status_code in (400, 422), reply.text
    assert field in [problem["field"] for problem in reply.json()["problems"]], reply.text


# ---- tokens of an identity provider

@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    one = issuer.Issuer(tmp_path_factory.mktemp("issuer"))
    yield one
    one.close()


@pytest.fixture
def trusting(new_server, provider, tmp_path):
    """A server that trusts the provider."""
    config = tmp_path / "chancery.yaml"
    config.write_text(json.dumps({"access": {"providers": [{
        "name": "corp", "issuer": provider.url, "audience": "chancery", "ca": str(provider.ca),
        "roles_claim": "realm_access.roles"}]}}))
    config.chmod(0o600)
    provider.broken = False
    return new_server(settings={}, config=config).start()


def bearer(server, token, path="/Certificates"):
    return server.client(token=token).command("GET", path)


def test_a_providers_token_opens_what_its_claims_allow(trusting, provider):
    token = provider.token(realm_access={"roles": ["pki", "other"]})
    stranger = bearer(trusting, token)
    assert stranger.status_code == 403 and "no role" in stranger.json()["Message"], stranger.text
    assert trusting.client().rest("GET", "/users", params={"contains": "corp"}).json()["items"] == []

    made = claim(trusting, "oauth_role", "PKI", ["Auditor"], provider="corp")
    assert bearer(trusting, token).status_code == 200
    assert bearer(trusting, token, "/Status/Endpoints").status_code == 200
    refused = trusting.client(token=token).rest("POST", "/users", json={"name": "x", "password": "long enough, it is"})
    assert refused.status_code == 403 and "ana" in refused.text
    events = trusting.client().rest("GET", "/audit", params={"action": "user.create", "actor": "ana"}).json()["items"]
    assert len(events) == 1, events
    event = trusting.client().rest("GET", f"/audit/{events[0]['id']}").text
    assert "oidc:corp:subject-1" in event and '"auth":"oidc"' in event.replace(" ", ""), event

    # another token of the same person is the same account; a role taken away is gone at once
    assert bearer(trusting, provider.token(realm_access={"roles": ["pki"]}, jti="2")).status_code == 200
    users = trusting.client().rest("GET", "/users", params={"contains": "oidc:corp"}).json()["items"]
    assert [row["name"] for row in users] == ["ana"]
    assert trusting.client().rest("DELETE", f"/claims/{made['id']}").status_code == 204
    assert bearer(trusting, token).status_code == 403


@pytest.mark.seed("S133")
def test_with_oauth_off_no_token_of_a_provider_is_good(trusting, provider):
    claim(trusting, "oauth_subject", "subject-1", ["Auditor"])
    assert bearer(trusting, provider.token()).status_code == 200
    client = trusting.client()
    assert client.command("PUT", "/SystemSettings", json={"oauthEnabled": False}).status_code == 200
    for token in (provider.token(), provider.token(jti="another")):
        reply = bearer(trusting, token)
        assert reply.status_code == 401 and "oauthEnabled" in reply.json()["Message"], reply.text
    assert client.command("PUT", "/SystemSettings", json={"oauthEnabled": True}).status_code == 200
    assert bearer(trusting, provider.token()).status_code == 200


def test_what_was_asked_for_by_a_claim_is_approved_while_the_claim_allows_it(trusting, provider):
    """Whose role comes by a claim is judged by that at the approval, too, not only when they ask."""
    client = trusting.client()
    template = admin.template(trusting, policy={"requires_approval": True, "self_approval": False})
    role = admin.role(trusting, ["enrollment/csr", "certificates/read", "templates/read", "authorities/read"])
    made = claim(trusting, "oauth_role", "pki", [role], provider="corp")
    ana = trusting.client(token=provider.token(realm_access={"roles": ["pki"]}))

    def asked(host):
        return ana.enroll(dns=(host,), Template=template)["KeyfactorRequestId"]

    def approved(number):
        return client.post("/Workflow/Certificates/Approve", [number])
    first, second, third = (asked(f"claimed{n}.example.com") for n in range(3))
    assert approved(first)["Successes"]
    # the claim has other roles now
    assert client.rest("PATCH", f"/claims/{made['id']}", json={"roles": ["Auditor"]}).status_code == 200
    said = approved(second)
    assert not said["Successes"] and "may not use template" in said["Failures"][0]["Comment"], said
    assert client.rest("PATCH", f"/claims/{made['id']}", json={"roles": [role]}).status_code == 200
    assert approved(second)["Successes"]
    # it is gone; one like it that is made later is not what they bore
    assert client.rest("DELETE", f"/claims/{made['id']}").status_code == 204
    assert "may not use template" in approved(third)["Failures"][0]["Comment"]
    claim(trusting, "oauth_role", "pki", [role], provider="corp")
    assert "may not use template" in approved(third)["Failures"][0]["Comment"]


def test_nobody_gets_the_name_of_somebody_who_is_here(trusting, provider):
    token = provider.token(sub="stranger", preferred_username=trusting.user.upper())
    claim(trusting, "oauth_subject", "stranger", ["Requester"])
    stranger = trusting.client(token=token)
    name = stranger.rest("GET", "/whoami").json()["name"]
    assert name == f"{trusting.user.upper()} (corp)"
    mine = {"pq.queryString": "RequesterName -eq %ME%"}
    trusting.client().enroll(dns=["ours.example.com"])
    assert trusting.client().get("/Certificates", **mine) != []
    assert stranger.get("/Certificates", **mine) == []
    csr = keys.new_csr(cn="theirs.example.com", dns=["theirs.example.com"])
    made = chancery.good(stranger.rest("POST", "/certificates", json={"csr": csr, "template": "WebServer"}))
    assert stranger.get(f"/Certificates/{made['id']}")["RequesterName"] == name
    other = provider.token(sub="other", preferred_username=trusting.user)  # the very name of the first stranger
    claim(trusting, "oauth_subject", "other", ["Requester"])
    said = trusting.client(token=other).rest("GET", "/whoami").json()["name"]
    assert said.startswith(f"{trusting.user} (corp ") and said.lower() != name.lower()
    taken = trusting.client().rest("POST", "/users", json={"name": name})
    assert taken.status_code == 409 and name in taken.text, taken.text


def test_names_that_look_like_somebody_here_are_not_shown(trusting, provider):
    claim(trusting, "oauth_role", "pki", ["Requester"])
    trusting.client().enroll(dns=["look.example.com"])

    def caller(subject, name):
        return trusting.client(token=provider.token(sub=subject, preferred_username=name, realm_access={"roles": ["pki"]}))
    admin_name = trusting.user
    for n, name in enumerate((f"{admin_name}\u200b", f" {admin_name}", f"{admin_name}\u00a0", f"ad\u00ad{admin_name}", "acme:abc",
                              "ACME: the certificate's key", "system", "Chancery", "u_1")):
        assert caller(f"looks-{n}", name).rest("GET", "/whoami").json()["name"] == f"looks-{n}", ascii(name)
    shown = caller("acme:subject", "system").rest("GET", "/whoami").json()["name"]
    assert re.fullmatch("corp [0-9a-f]{16}", shown), shown
    other = caller("elsewhere", f"CONTOSO\\{admin_name}")
    assert other.rest("GET", "/whoami").json()["name"] == f"CONTOSO\\{admin_name}"
    csr = keys.new_csr(cn="own.example.com", dns=["own.example.com"])
    mine = chancery.good(other.rest("POST", "/certificates", json={"csr": csr, "template": "WebServer"}))["id"]
    for me in ("%ME%", "%ME-AN%"):  # and none of the administrator's, who has the name without a domain
        found = other.get("/Certificates", **{"pq.queryString": f"RequesterName -eq {me}"})
        assert [row["Id"] for row in found] == [mine]


@pytest.mark.once
def test_names_of_the_servers_own_domain_are_its_own_to_give(new_server, provider, tmp_path):
    config = tmp_path / "chancery.yaml"
    config.write_text(json.dumps({"access": {"domain": "contoso", "providers": [{
        "name": "corp", "issuer": provider.url, "audience": "chancery", "ca": str(provider.ca),
        "roles_claim": "realm_access.roles"}]}}))
    config.chmod(0o600)
    server = new_server(settings={}, config=config).start()
    claim(server, "oauth_role", "pki", ["Requester"])
    for subject, name, shown in (("one", f"CONTOSO\\{server.user}", "one"), ("two", "OTHER\\ana", "OTHER\\ana")):
        token = provider.token(sub=subject, preferred_username=name, realm_access={"roles": ["pki"]})
        assert server.client(token=token).rest("GET", "/whoami").json()["name"] == shown


def test_of_several_first_calls_at_once_one_gets_the_name(trusting, provider):
    claim(trusting, "oauth_role", "pki", ["Requester"])
    seen = set()
    for turn in range(6):
        tokens = [provider.token(sub=f"race{turn}-{one}", preferred_username=f"race{turn}", realm_access={"roles": ["pki"]})
                  for one in range(6)]
        at_once = threading.Barrier(len(tokens) + 1)

        def first_call(token):
            at_once.wait()
            return trusting.client(token=token).rest("GET", "/whoami").json()["name"]

        def made():
            at_once.wait()
            return trusting.client().rest("POST", "/users", json={"name": f"race{turn}"}).status_code
        with concurrent.futures.ThreadPoolExecutor(len(tokens) + 1) as pool:
            local = pool.submit(made)
            names = list(pool.map(first_call, tokens))
        assert len(set(names)) == len(names), names
        assert (local.result(), f"race{turn}" in names) in ((201, False), (409, True)), (local.result(), names)
        seen |= set(names)
    [[twice]] = admin.sql(trusting, "SELECT COUNT(*) - COUNT(DISTINCT LOWER(name)) FROM app_user")
    assert twice == 0 and len(seen) == 36


def test_people_whose_names_differ_in_case_alone_are_two(trusting, provider):
    claim(trusting, "oauth_role", "pki", ["Auditor"])
    seen = set()
    for subject in ("AbC", "aBC", "abc", "AbC"):
        token = provider.token(sub=subject, preferred_username=None, realm_access={"roles": ["pki"]})
        reply = trusting.client(token=token).rest("GET", "/whoami")
        assert reply.status_code == 200, reply.text
        seen.add(reply.json()["id"])
    assert len(seen) == 3


def test_an_account_that_is_switched_off_stays_out(trusting, provider):
    claim(trusting, "oauth_subject", "subject-1", ["Auditor"])
    token = provider.token()
    assert bearer(trusting, token).status_code == 200
    row = trusting.client().rest("GET", "/users", params={"contains": "oidc:corp"}).json()["items"][0]
    edit = trusting.client().rest("PATCH", f"/users/{row['id']}", json={"enabled": False})
    assert edit.status_code == 200, edit.text
    assert bearer(trusting, token).status_code == 401
    assert bearer(trusting, provider.token(jti="other")).status_code == 401


def test_a_claim_may_name_an_account_of_ours(trusting, provider):
    name, _ = admin.user(trusting, roles=["Auditor"])
    claim(trusting, "oauth_subject", "subject-9", user=name)
    token = provider.token(sub="subject-9", preferred_username="somebody")
    assert bearer(trusting, token).status_code == 200
    reply = trusting.client(token=token).rest("POST", "/users", json={"name": "x", "password": "long enough, it is"})
    assert reply.status_code == 403 and name in reply.text
    taken = trusting.client().rest("DELETE", f"/users/{name}")
    assert taken.status_code == 409 and "claim" in taken.text, taken.text


def hs256(provider):
    """The confusion of RFC 8725 section 2.1: the public key taken for a shared secret."""
    public = provider.keys["first"].public_key().public_bytes(
        Encoding.PEM, issuer.keys.serialization.PublicFormat.SubjectPublicKeyInfo)
    good = provider.token()
    head = issuer.b64(json.dumps({"alg": "HS256", "typ": "JWT", "kid": "first"}).encode())
    parts = f"{head}.{good.split('.')[1]}"
    return f"{parts}.{issuer.b64(hmac.new(public, parts.encode(), hashlib.sha256).digest())}"


def none(provider):
    head = issuer.b64(b'{"alg":"none"}')
    return f"{head}.{provider.token().split('.')[1]}."


def tampered(provider):
    head, body, signature = provider.token().split(".")
    said = json.loads(base64.urlsafe_b64decode(body + "=="))
    said["sub"] = "administrator"
    return f"{head}.{issuer.b64(json.dumps(said).encode())}.{signature}"


BAD = {
    "expired": lambda p: p.token(exp=int(time.time()) - 120),
    "never expires": lambda p: p.token(exp=None),
    "not yet": lambda p: p.token(nbf=int(time.time()) + 600),
    "for others": lambda p: p.token(aud="somebody-else"),
    "for nobody": lambda p: p.token(aud=None),
    "another issuer": lambda p: p.token(iss="https://evil.example/realm"),
    "a path below": lambda p: p.token(iss=p.url + "/"),
    "no subject": lambda p: p.token(sub=None),
    "a subject with controls": lambda p: p.token(sub="a\nb"),
    "another key under its name": lambda p: p.token(key=keys.new_key()),
    "an unknown key": lambda p: p.token(header={"kid": "nobody"}),
    "a key that it brings along": lambda p: p.token(header={"kid": None, "jwk": {"kty": "EC"}}, key=keys.new_key()),
    "crit": lambda p: p.token(header={"crit": ["x"], "x": 1}),
    "hmac with the public key": hs256,
    "none": none,
    "tampered": tampered,
    "truncated": lambda p: p.token()[:-8],
}


def test_no_bad_token_of_a_provider_is_let_in(trusting, provider):
    claim(trusting, "oauth_subject", "subject-1", ["Auditor"])
    claim(trusting, "oauth_subject", "administrator", ["Administrator"])
    assert bearer(trusting, provider.token()).status_code == 200
    for what, make in BAD.items():
        reply = bearer(trusting, make(provider))
        assert reply.status_code == 401, f"{what}: {reply.status_code} {reply.text}"


def test_a_rotated_key_is_fetched_and_an_unknown_one_asks_seldom(trusting, provider):
    claim(trusting, "oauth_subject", "subject-1", ["Auditor"])
    assert bearer(trusting, provider.token()).status_code == 200
    before = provider.fetched
    for n in range(20):
        assert bearer(trusting, provider.token(header={"kid": f"unknown-{n}"})).status_code == 401
    assert provider.fetched - before <= 1
    rsa_issuer = f"rsa-{uuid.uuid4().hex[:12]}"
    provider.new_key(rsa_issuer, "rsa:2048")
    try:
        def let_in():
            return bearer(trusting, provider.token(kid=rsa_issuer)).status_code == 200
        chancery.processes.wait_until(let_in, 25, what="the new key")
    finally:
        del provider.keys[rsa_issuer]


@pytest.mark.seed("S078")
def test_a_provider_that_is_away_stops_its_users_and_nobody_else(trusting, provider):
    claim(trusting, "oauth_subject", "subject-1", ["Auditor"])
    provider.broken = trusting.tolerates_errors = True
    try:
        away = bearer(trusting, provider.token())
        assert away.status_code == 503 and "corp" in away.json()["Message"], away.text
        assert int(away.headers["Retry-After"]) > 0
        assert trusting.client().command("GET", "/Certificates").status_code == 200
        line, = trusting.lines(event="integration.failed")
        assert line["integration"] == "corp" and line["module"] == "integration.corp"
        assert line["error_type"] == "unavailable" and line["timestamp"].endswith("Z")
        assert line["details"] == {
            "method": "GET", "url": f"{provider.url}/.well-known/openid-configuration", "operation": "keys",
            "status": 503, "attempt": 1, "duration_ms": line["details"]["duration_ms"]}
    finally:
        provider.broken = False


@pytest.mark.seed("S129")
def test_a_trial_of_a_provider_fetches_its_metadata_and_keys(trusting, provider):
    listed = trusting.client().rest("GET", "/providers").json()["items"]
    assert [(row["name"], row["kind"], row["addresses"]) for row in listed] == [("corp", "oidc", [provider.url])]
    said = trusting.client().rest("POST", "/providers/corp/test").json()
    assert said["ok"] and [step["name"] for step in said["steps"]] == ["metadata", "keys"], said
    provider.broken = trusting.tolerates_errors = True
    try:
        said = trusting.client().rest("POST", "/providers/corp/test", json={}).json()
        assert not said["ok"] and [step["name"] for step in said["steps"]] == ["metadata"], said
        assert "503" in said["steps"][0]["detail"]
    finally:
        provider.broken = False


@pytest.mark.once
@pytest.mark.parametrize("entry, words", [
    ({"name": "a", "issuer": "http://idp.example", "audience": "x"}, "access.providers[0].issuer"),
    ({"name": "a", "issuer": "https://idp.example"}, "access.providers[0].audience"),
    ({"name": "a", "issuer": "https://idp.example", "audience": "x", "ca": "/nonexistent"}, "/nonexistent"),
    ([{"name": name, "issuer": f"https://{n}.example", "audience": "x"} for n, name in enumerate(["corp", "Corp:eu"])],
     "access.providers[1].name"),
    ([{"name": name, "issuer": "https://idp.example", "audience": "x"} for name in ("a", "b")], "access.providers[1].issuer"),
    ({"name": "a\nb", "issuer": "https://idp.example", "audience": "x"}, "access.providers[0].name"),
    *(({"name": name, "issuer": "https://idp.example", "audience": "x"}, "access.providers[0].name")
      for name in ("Chancery", "Kerberos", "a:b", " a", "a\u00a0", "a\u200bb", "client-cert", "u_1")),
    ([{"name": name, "issuer": f"https://{n}.example", "audience": "x"} for n, name in enumerate(["a", "A"])],
     "access.providers[1].name"),
])
def test_a_provider_that_is_configured_wrongly_is_refused_by_name(tmp_path, entry, words):
    config = tmp_path / "chancery.yaml"
    config.write_text(json.dumps({"access": {"providers": entry if isinstance(entry, list) else [entry]}}))
    config.chmod(0o600)
    done = chancery.processes.run([chancery.PROGRAM, "serve", "--dev", "--config", config, "--data-dir",
                                   tmp_path / "data", "--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"])
    assert done.returncode != 0 and words in done.stdout + done.stderr, done.stdout + done.stderr
    checked = chancery.cli("config", "check", "--config", config)
    assert checked.returncode != 0 and words in checked.stderr, checked.stdout + checked.stderr


DIRECTORY = {"name": "corp", "domains": ["CONTOSO"], "urls": ["ldaps://localhost:1"], "base": "dc=x"}


@pytest.mark.once
@pytest.mark.parametrize("change, words", [
    ({"user_filter": "(objectClass=*)"}, "user_filter: lacks {login}"),
    ({"user_filter": "(uid={login}"}, "user_filter: is no search filter"),
    ({"group_filter": "(cn=x)"}, "group_filter: lacks {dn}"),
    ({"user_bind": "nobody"}, "user_bind: lacks {login}"),
    ({"domains": [""]}, "domains[0]"),
    ({"domains": ["a b"]}, "domains[0]"),
    ({"domains": ["a", "A"]}, "domains[1]"),
    ({"urls": ["http://x"]}, "urls[0]"),
    ({"urls": ["ldap://[::1"]}, "urls[0]"),
    *(({"name": name}, "access.directories[0].name") for name in ("chancery", "kerberos", "contoso:eu")),
    ({"ca": "/nonexistent"}, "/nonexistent"),
    ({"keytab": "/nonexistent"}, "access.kerberos.keytab"),
])
def test_a_check_refuses_of_directories_what_the_server_refuses(tmp_path, change, words):
    access = {"directories": [{**DIRECTORY, **change}]}
    if "keytab" in change:
        access = {"directories": [DIRECTORY], "kerberos": {"keytab": change["keytab"], "name": "tickets"}}
    config = tmp_path / "chancery.yaml"
    config.write_text(json.dumps({"access": access}))
    config.chmod(0o600)
    checked = chancery.cli("config", "check", "--config", config)
    assert checked.returncode != 0 and words in checked.stderr, checked.stdout + checked.stderr
    done = chancery.processes.run([chancery.PROGRAM, "serve", "--dev", "--config", config, "--data-dir",
                                   tmp_path / "data", "--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"])
    assert done.returncode != 0 and words in done.stdout + done.stderr, done.stdout + done.stderr


def test_a_reload_trusts_other_providers(trusting, provider):
    claim(trusting, "oauth_subject", "subject-1", ["Auditor"])
    token = provider.token()
    assert bearer(trusting, token).status_code == 200
    settings = json.loads(trusting.config.read_text())
    entry = settings["access"]["providers"][0]
    trusting.config.write_text(json.dumps({"access": {"providers": []}}))
    assert trusting.reload()
    assert bearer(trusting, token).status_code == 401  # though it was remembered
    assert trusting.client().get("/Status/Endpoints")
    trusting.config.write_text(json.dumps(settings))
    assert trusting.reload()
    assert bearer(trusting, token).status_code == 200
    trusting.tolerates_errors = True
    for wrong in ({**entry, "issuer": "http://idp.example"}, {**entry, "ca": "/nonexistent"}):
        trusting.config.write_text(json.dumps({"access": {"providers": [entry, {**wrong, "name": "b"}]}}))
        assert not trusting.reload()
        assert bearer(trusting, token).status_code == 200  # what was in force stays
    trusting.config.write_text(json.dumps({"access": {"providers": [{**entry, "audience": "another"}]}}))
    assert trusting.reload()
    assert bearer(trusting, token).status_code == 401
    assert "next start" not in trusting.log.read_text()


# ---- client certificates

class Authority:
    """An authority of somebody else, whose client certificates the listener welcomes."""

    def __init__(self, directory, name="Staff CA"):
        self.key = keys.new_key()
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.directory = directory
        self.file = directory / "staff.pem"
        self.file.write_bytes(self._sign(self.name, self.key.public_key(), ca=True).public_bytes(keys.PEM))

    def _sign(self, subject, public, ca=False, upn=None, days=1):
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(public)
                   .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=2))
                   .not_valid_after(now + datetime.timedelta(days=days))
                   .add_extension(x509.BasicConstraints(ca, None), True))
        if not ca:
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)
        if upn:
            value = b"\x0c" + bytes([len(upn)]) + upn.encode()
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.OtherName(
                x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), value)]), False)
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, cn, **more):
        """A client certificate: the file that curl and requests take, and the certificate."""
        key = keys.new_key()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn),
                             x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Contoso")])
        certificate = self._sign(subject, key.public_key(), **more)
        path = self.directory / f"{uuid.uuid4().hex[:12]}.pem"
        path.write_text(keys.key_pem(key) + certificate.public_bytes(keys.PEM).decode())
        return path, certificate


@pytest.fixture
def staff(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def welcoming(new_server, staff):
    return new_server(settings={"listen.client_ca": str(staff.file)}).start()


def with_certificate(server, path, where="/KeyfactorAPI/Certificates", **more):
    return requests.get(server.url.rstrip("/") + where, cert=str(path), verify=str(server.ca), timeout=30, **more)


@pytest.mark.parametrize("by", ["certificate_thumbprint", "sha256", "certificate_subject", "certificate_cn",
                                "certificate_upn"])
def test_a_client_certificate_is_its_bearers_login(welcoming, staff, by):
    path, certificate = staff.issue("robot-7", upn="robot-7@contoso.com")
    values = {"certificate_thumbprint": ":".join(f"{byte:02X}" for byte in certificate.fingerprint(hashes.SHA1())),
              "sha256": certificate.fingerprint(hashes.SHA256()).hex(),
              "certificate_subject": "O=Contoso,CN=robot-7", "certificate_cn": "ROBOT-7",
              "certificate_upn": "robot-7@CONTOSO.com"}
    refused = with_certificate(welcoming, path)
    assert refused.status_code == 403 and "no role" in refused.json()["Message"], refused.text
    claim(welcoming, "certificate_thumbprint" if by == "sha256" else by, values[by], ["Auditor"])
    assert with_certificate(welcoming, path).status_code == 200
    assert with_certificate(welcoming, path, "/api/v1/users").status_code == 200
    other, _ = staff.issue("robot-8")
    assert with_certificate(welcoming, other).status_code == 403
    # the Authorization header, where there is one, is what counts
    assert with_certificate(welcoming, path, auth=("nobody", "wrong")).status_code == 401


def test_a_certificate_whose_subject_differs_in_case_logs_in_too(welcoming, staff):
    claim(welcoming, "certificate_cn", "robot-9", ["Auditor"])
    for cn in ("ROBOT-9", "robot-9", "Robot-9", "robot-9"):
        reply = with_certificate(welcoming, staff.issue(cn)[0], "/api/v1/whoami")
        assert reply.status_code == 200, reply.text
        assert reply.json()["name"].lower().startswith("robot-9")


def me(server, path):
    reply = with_certificate(server, path, "/api/v1/whoami")
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_a_certificate_is_no_other_ones_account_however_their_names_are_cut(new_server, tmp_path):
    authorities = []
    for n, name in enumerate(("A", "A:O=Contoso,CN=B")):
        (tmp_path / str(n)).mkdir()
        authorities.append(Authority(tmp_path / str(n), name))
    both = tmp_path / "both.pem"
    both.write_text("".join(one.file.read_text() for one in authorities))
    server = new_server(settings={"listen.client_ca": str(both)}).start()
    short, long = authorities
    for victim, strangers in ((short.issue("urn:dev:1")[0], [short.issue("urn:dev", upn="1:")[0],
                                                             short.issue("urn", upn="dev:1:")[0],
                                                             short.issue("urn%3Adev%3A1")[0]]),
                              (short.issue("robot", upn="a:b")[0], [short.issue("robot:a", upn="b")[0]]),
                              (short.issue("B:O=Contoso,CN=C")[0], [long.issue("C")[0]])):
        subject = x509.load_pem_x509_certificate(victim.read_bytes()).subject
        row = claim(server, "certificate_cn", subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value, ["Auditor"])
        account = me(server, victim)
        added = server.client().rest("PATCH", f"/users/{account['id'][2:]}", json={"roles": ["Administrator"]})
        assert added.status_code == 200, added.text
        etag = server.client().rest("GET", f"/claims/{row['id']}").headers["ETag"]
        assert server.client().rest("DELETE", f"/claims/{row['id']}", headers={"If-Match": etag}).status_code == 204
        for stranger in strangers:
            refused = with_certificate(server, stranger, "/api/v1/whoami")
            assert refused.status_code == 403 and "no role" in refused.text, refused.text
        assert me(server, victim)["id"] == account["id"]


def test_accounts_of_certificates_that_were_stored_stay_theirs_unless_they_may_be_anothers(new_server, tmp_path):
    corp = Authority(tmp_path, "Corp: Staff CA")
    server = new_server(settings={"listen.client_ca": str(corp.file)}).start()
    for cn in ("robot-7", "urn:dev:1"):
        claim(server, "certificate_cn", cn, ["Auditor"])

    def stored(path):
        """Their account, as the releases before kept it, by names with nothing but a colon between them."""
        account = me(server, path)
        subject = f"O=Contoso,CN={account['name']}"
        admin.sql(server, f"UPDATE app_user SET last_login_at = NULL, origin = 'cert:CN=Corp: Staff CA:{subject}:' "
                          f"WHERE id = {account['id'][2:]}")
        return account["id"]
    mine = stored(corp.issue("robot-7")[0])
    for _ in range(2):
        assert me(server, corp.issue("robot-7")[0])["id"] == mine  # renewed: nothing is remembered of it
        origin, = admin.sql(server, f"SELECT origin FROM app_user WHERE id = {mine[2:]}")
        assert origin == ("x509:CN=Corp%3A Staff CA:O=Contoso,CN=robot-7:",)
    # it may be that of O=Contoso,CN=urn with the UPN "dev:1:", too
    doubtful = stored(corp.issue("urn:dev:1")[0])
    anew = me(server, corp.issue("urn:dev:1")[0])["id"]
    assert anew != doubtful and me(server, corp.issue("urn:dev:1")[0])["id"] == anew
    line, = [row for row in server.lines(level="warn") if "cert:CN=Corp: Staff CA:O=Contoso,CN=urn:dev:1:" in row["msg"]]
    assert doubtful in line["msg"]
    assert with_certificate(server, corp.issue("urn", upn="dev:1:")[0]).status_code == 403


def test_curl_logs_in_by_certificate_and_a_foreign_one_fails_the_handshake(welcoming, staff, tmp_path):
    path, _ = staff.issue("robot-9")
    name, _ = admin.user(welcoming, roles=["Auditor"])
    claim(welcoming, "certificate_cn", "robot-9", user=name)
    url = welcoming.url.rstrip("/") + "/KeyfactorAPI/Certificates"
    done = programs.curl(url, welcoming.ca, "-i", "--cert", path)
    assert " 200" in done.stdout.splitlines()[0], done.stdout + done.stderr
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    path, _ = Authority(foreign).issue("robot-9")
    done = programs.curl(url, welcoming.ca, "-i", "--cert", path)
    assert " 200" not in done.stdout, done.stdout
    expired, _ = staff.issue("robot-9", days=-1)
    done = programs.curl(url, welcoming.ca, "-i", "--cert", expired)
    assert " 200" not in done.stdout, done.stdout


def test_a_reload_welcomes_clients_of_other_authorities(new_server, staff, tmp_path):
    config, foreign = tmp_path / "chancery.yaml", tmp_path / "foreign"
    foreign.mkdir()
    config.write_text("{}")
    server = new_server(config=config).start()
    path, _ = staff.issue("robot-10")
    claim(server, "certificate_cn", "robot-10", ["Auditor"])
    assert with_certificate(server, path).status_code == 401  # nobody asks for it

    def welcome(authority):
        config.write_text(json.dumps({"listen": {"client_ca": str(authority)}} if authority else {}))
        assert server.reload()
    welcome(staff.file)
    with requests.Session() as kept:
        kept.cert, kept.verify, kept.trust_env = str(path), str(server.ca), False

        def status():
            return kept.get(server.url.rstrip("/") + "/KeyfactorAPI/Certificates", timeout=30).status_code
        assert status() == 200
        server.tolerates_errors = True
        (tmp_path / "empty.pem").write_text("nothing")
        config.write_text(json.dumps({"listen": {"client_ca": str(tmp_path / "empty.pem")}}))
        assert not server.reload()
        assert status() == 200 and with_certificate(server, path).status_code == 200  # what was in force stays
        welcome(Authority(foreign).file)
        assert status() == 401  # on the connection that it came by
    with pytest.raises(requests.exceptions.RequestException):
        with_certificate(server, path)
    welcome(None)
    assert with_certificate(server, path).status_code == 401
    welcome(staff.file)
    assert with_certificate(server, path).status_code == 200
    assert "next start" not in server.log.read_text()


def test_a_certificate_that_we_revoked_logs_nobody_in(new_server, tmp_path):
    first = new_server()
    first.start()
    key = keys.new_key()
    client = first.client()
    made = client.enroll(csr=keys.new_csr(cn="robot.example", dns=("robot.example",), key=key), dns=("robot.example",),
                         Template="tls-mutual")
    chain = keys.load_all("".join(made["Certificates"]))
    path = tmp_path / "robot.pem"
    path.write_text(keys.key_pem(key) + "".join(c.public_bytes(keys.PEM).decode() for c in chain))
    first.stop()
    first.settings["listen.client_ca"] = str(first.ca)
    first.start()
    claim(first, "certificate_cn", "robot.example", ["Auditor"])
    seen = with_certificate(first, path)
    assert seen.status_code == 200, seen.text
    first.client().revoke(made["KeyfactorID"])
    chancery.processes.wait_until(lambda: with_certificate(first, path).status_code == 401, 5, what="the refusal")

