"""Who are you: Basic, tokens, client credentials, lock-out, and what a caller may do."""
import base64
import concurrent.futures
import hashlib
import hmac
import json

import pytest
import requests

import admin
import chancery
import keys
import processes
import programs
from cryptography.hazmat.primitives.asymmetric import ec, utils


def client_token(server, client_id, secret):
    return requests.post(server.url.rstrip("/") + "/KeyfactorAPI/OAuth/Token", verify=str(server.ca), timeout=30, data={
        "grant_type": "client_credentials", "client_id": client_id, "client_secret": secret})


def login(server, user, password, path="/KeyfactorAPI/Auth/Login"):
    return requests.post(server.url.rstrip("/") + path, json={"username": user, "password": password},
                         verify=str(server.ca), timeout=30)


@pytest.mark.seed("S071", "S138")
def test_the_token_of_a_login_opens_the_list(server):
    reply = login(server, server.user, server.password)
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert body["token_type"] == "Bearer" and body["expires_in"] == 3600
    assert reply.headers["Cache-Control"] == "no-store"
    listed = server.client(token=body["access_token"]).command("GET", "/Certificates")
    assert listed.status_code == 200 and isinstance(listed.json(), list)
    assert listed.headers["x-total-count"].isdigit()
    header, claims, _ = body["access_token"].split(".")
    assert json.loads(b64(header))["alg"] == "ES256"
    assert json.loads(b64(claims))["exp"] - json.loads(b64(claims))["iat"] == 3600


@pytest.mark.seed("S071")
@pytest.mark.parametrize("kind", ["users", "clients"])
def test_a_token_of_an_account_that_is_gone_opens_no_later_one(server, kind):
    """An account may be given the number of one that was removed."""
    admin_client = server.client()

    def make(roles):
        if kind == "users":
            name, password = admin.user(server, roles=roles)
            return name, login(server, name, password).json()["access_token"]
        made = admin_client.rest("POST", "/clients", json={"roles": roles}).json()
        return made["client_id"], client_token(server, made["client_id"], made["client_secret"]).json()["access_token"]

    gone, old = make([])
    assert server.client(token=old).rest("GET", "/whoami").status_code == 200
    etag = admin_client.rest("GET", f"/{kind}/{gone}").headers["ETag"]
    assert admin_client.rest("DELETE", f"/{kind}/{gone}", headers={"If-Match": etag}).status_code == 204
    _, new = make(["Administrator"])
    assert server.client(token=new).rest("GET", "/whoami").json()["roles"] == ["Administrator"]
    assert server.client(token=old).rest("GET", "/whoami").status_code == 401


@pytest.mark.seed("S071")
def test_a_wrong_password_is_refused(server):
    name, _ = admin.user(server)
    for user, password in ((name, "wrong"), ("nobody-of-that-name", "x"), (name, "")):
        reply = login(server, user, password)
        assert reply.status_code == 401, reply.text
        chancery.check_command(reply)


@pytest.mark.seed("S072")
@pytest.mark.parametrize("form", ["fields", "header"])
def test_client_credentials_give_a_token_by_form_and_by_header(server, form):
    url = server.url.rstrip("/") + "/KeyfactorAPI/OAuth/Token"
    fields = ["--data-urlencode", "grant_type=client_credentials", "--data-urlencode", "scope=keyfactor-api"]
    if form == "fields":
        fields += ["--data-urlencode", f"client_id={server.client_id}",
                   "--data-urlencode", f"client_secret={server.client_secret}"]
    else:
        fields += ["-u", f"{server.client_id}:{server.client_secret}"]
    done = programs.curl(url, server.ca, "-i", *fields)
    head, _, text = done.stdout.replace("\r\n", "\n").partition("\n\n")
    assert " 200 " in head.splitlines()[0] + " ", done.stdout + done.stderr
    assert "cache-control: no-store" in head.lower()
    body = json.loads(text)
    assert body["token_type"] == "Bearer" and body["expires_in"] == 3600 and body["scope"] == "keyfactor-api"
    reply = server.client(token=body["access_token"]).command("GET", "/Status/Endpoints")
    assert reply.status_code == 200 and "GET /Certificates" in reply.json()


@pytest.mark.parametrize("fields, status, error", [
    ({"grant_type": "client_credentials", "client_id": "$ID", "client_secret": "wrong"}, 401, "invalid_client"),
    ({"grant_type": "client_credentials", "client_id": "nobody", "client_secret": "x"}, 401, "invalid_client"),
    ({"grant_type": "authorization_code", "client_id": "$ID", "client_secret": "$SECRET"}, 400,
     "unsupported_grant_type"),
    ({"client_id": "$ID", "client_secret": "$SECRET"}, 400, "invalid_request"),
])
def test_the_token_address_refuses_in_the_words_of_rfc_6749(server, fields, status, error):
    known = {"$ID": server.client_id, "$SECRET": server.client_secret}
    reply = requests.post(server.url.rstrip("/") + "/KeyfactorAPI/OAuth/Token", verify=str(server.ca), timeout=30,
                          data={name: known.get(value, value) for name, value in fields.items()})
    assert (reply.status_code, reply.json()["error"]) == (status, error), reply.text


@pytest.mark.parametrize("body", ["grant_type=client_credentials&client_id=%zz&client_secret=x", "grant_type=%",
                                  "grant_type=client_credentials&client_secret=%00", "grant_type=%ff"])
def test_a_bad_escape_in_a_token_request_is_an_invalid_request(server, body):
    reply = requests.post(server.url.rstrip("/") + "/KeyfactorAPI/OAuth/Token", verify=str(server.ca), timeout=30,
                          data=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert reply.status_code == 400 and reply.json()["error"] == "invalid_request", reply.text
    assert "escape" in reply.json()["error_description"]
    assert set(reply.json()) == {"error", "error_description"}
    tall = requests.post(reply.url, verify=str(server.ca), timeout=30, data={"client_id": "x" * 300, "grant_type": "x"})
    assert tall.status_code == 400 and tall.json()["error"] == "invalid_request" and "client_id" in tall.text


def test_a_name_with_a_colon_is_refused_as_basic_cannot_carry_it(server, client):
    reply = client.rest("POST", "/users", json={"name": "who:ever", "password": "long enough a password"})
    assert reply.status_code == 400, reply.text
    problem, = reply.json()["problems"]
    assert problem["field"] == "name" and "colon" in problem["reason"]
    assert client.rest("GET", "/users", params={"contains": "who"}).json()["items"] == []


def test_all_forms_of_a_users_name_are_one_account(server):
    name, password = admin.user(server)
    for form in (name, f"CONTOSO\\{name}", f"contoso\\{name}", f"{name}@contoso", f"{name}@CONTOSO", name.upper()):
        reply = server.client(form, password).command("GET", "/Status/Endpoints")
        assert reply.status_code == 200, (form, reply.text)


def test_a_password_may_hold_any_character(server):
    name, _ = admin.user(server, password="a:b\\c é\"'%&中")
    assert login(server, name, "a:b\\c é\"'%&中").status_code == 200
    basic = base64.b64encode(f"{name}:a:b\\c é\"'%&中".encode()).decode()
    client = server.client(nobody=True)
    reply = client.command("GET", "/Status/Endpoints", headers={"Authorization": f"Basic {basic}"})
    assert reply.status_code == 200, reply.text


@pytest.mark.parametrize("header", [
    None, "Basic", "Basic !!!!", "Basic " + base64.b64encode(b"no-colon").decode(), "Bearer", "Bearer x",
    "Bearer a.b.c", "Negotiate abcd", "Digest username=x", "Basic " + base64.b64encode(b"a\0b:c").decode(),
    "Basic " + base64.b64encode(b"\xff\xfe:x").decode(), "Bearer " + "A" * 8000,
])
def test_no_or_bad_credentials_are_401_and_the_connection_stays(server, header):
    client = server.client(nobody=True)
    for _ in range(2):  # on one connection, with a body that is drained
        reply = client.command("POST", "/Certificates/Revoke", json={"CertificateIds": [1]},
                               headers={"Authorization": header} if header else {})
        assert reply.status_code == 401, reply.text
        assert reply.json()["ErrorCode"] == "0xA0140001"
        assert reply.headers.get("Connection", "").lower() != "close"


def b64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def b64e(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def forged(token, key=None, header=None, claims=None):
    """The token with parts changed, and signed by another key."""
    parts = token.split(".")
    head = b64e(json.dumps({**json.loads(b64(parts[0])), **(header or {})}).encode())
    body = b64e(json.dumps({**json.loads(b64(parts[1])), **(claims or {})}).encode())
    if key is None:
        return f"{head}.{body}.{parts[2]}"
    signature = key.sign(f"{head}.{body}".encode(), ec.ECDSA(keys.hashes.SHA256()))
    r, s = utils.decode_dss_signature(signature)
    return f"{head}.{body}.{b64e(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def test_foreign_and_altered_tokens_are_refused(server):
    token = login(server, server.user, server.password).json()["access_token"]
    key = keys.new_key()
    head, body, signature = token.split(".")
    none = b64e(b'{"alg":"none","typ":"JWT"}')
    hs256 = b64e(json.dumps({**json.loads(b64(head)), "alg": "HS256"}).encode())
    mac = b64e(hmac.new(key.public_key().public_bytes(keys.PEM, keys.serialization.PublicFormat.SubjectPublicKeyInfo),
                        f"{hs256}.{body}".encode(), hashlib.sha256).digest())
    flipped = b64e(bytes([b64(signature)[0] ^ 1]) + b64(signature)[1:])
    for bad in (forged(token, key), forged(token, claims={"exp": 9999999999}), f"{none}.{body}.", f"{none}.{body}",
                f"{hs256}.{body}.{mac}", f"{head}.{body}.{flipped}", f"{head}.{body}.", f"{head}.{body}",
                token + "=", token[:-1], f"{token}.x", forged(token, key, header={"kid": "../../etc/passwd"})):
        reply = server.client(token=bad).command("GET", "/Status/Endpoints")
        assert reply.status_code == 401, (bad, reply.text)
    # the true one, its scheme in any case
    for scheme in ("Bearer", "bearer", "BEARER"):
        client = server.client(nobody=True)
        assert client.command("GET", "/Status/Endpoints",
                              headers={"Authorization": f"{scheme} {token}"}).status_code == 200


@chancery.needs_faults
def test_an_expired_token_is_refused(new_server):
    server = new_server(program=chancery.FAULTS).start()
    token = login(server, server.user, server.password).json()["access_token"]
    assert server.client(token=token).command("GET", "/Status/Endpoints").status_code == 200
    for later, status in ((3500, 200), (3720, 401)):
        server.stop()
        server.start(CHANCERY_CLOCK_OFFSET_MS=str(later * 1000))
        assert server.client(token=token).command("GET", "/Status/Endpoints").status_code == status
    server.tolerates_errors = True


@pytest.mark.seed("S281", "S286")
@pytest.mark.once
def test_a_caller_who_calls_too_often_is_told_to_wait(new_server):
    """300 calls in any minute for each principal and address: 400 calls by one client meet the limit."""
    server = new_server(settings={"access.rate_per_caller": 300}).start()
    for who in (admin.user(server, permissions=["certificates/read"]), admin.user(server, roles=["Administrator"])):
        client = server.client(*who)
        replies = [client.command("GET", "/Certificates") for _ in range(400)]
        statuses = [reply.status_code for reply in replies]
        assert statuses.count(429) >= 90 and 429 not in statuses[:290]
        assert all(1 <= int(reply.headers["Retry-After"]) <= 60 for reply in replies if reply.status_code == 429)
    quick = server.client(*admin.user(server, permissions=["certificates/read", "rate/exempt"]))
    assert {quick.command("GET", "/Certificates").status_code for _ in range(400)} == {200}
    # the first user of a throw-away server is exempt
    assert {server.client().command("GET", "/Status/Endpoints").status_code for _ in range(3)} == {200}


def test_a_token_of_another_server_is_refused(server, new_server):
    other = new_server().start()
    token = login(other, other.user, other.password).json()["access_token"]
    assert server.client(token=token).command("GET", "/Status/Endpoints").status_code == 401


def test_too_many_wrong_passwords_lock_the_account_out_for_a_while(server):
    name, password = admin.user(server)
    assert login(server, name, password).status_code == 200
    statuses = [login(server, name, "wrong").status_code for _ in range(25)]
    assert statuses == 5 * [401] + 20 * [429]
    reply = login(server, name, password)
    assert reply.status_code == 429, "the right password opens a locked account"
    assert 1 <= int(reply.headers["Retry-After"]) <= 60
    other, other_password = admin.user(server)
    assert login(server, other, other_password).status_code == 200, "others are not locked out with it"


@pytest.mark.parametrize("kind", ["user", "nobody", "client"])
def test_wrong_passwords_that_come_at_once_are_judged_one_after_the_other(server, kind):
    """Whoever sends fifty at the same moment has as many guesses as one who sends them in turn."""
    attempt = login
    if kind == "client":
        made = server.client().rest("POST", "/clients", json={}).json()
        name, secret, attempt = made["client_id"], made["client_secret"], client_token
    else:
        name, secret = admin.user(server)
        name = "nobody-" + name if kind == "nobody" else name
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        statuses = [reply.status_code for reply in pool.map(lambda i: attempt(server, name, f"wrong {i}"), range(50))]
    assert sorted(statuses) == 5 * [401] + 45 * [429]
    assert attempt(server, name, secret).status_code == 429, "it is locked"


def test_a_switched_off_user_is_refused_at_once(server):
    name, password = admin.user(server)
    client = server.client(name, password)
    token = login(server, name, password).json()["access_token"]
    assert client.command("GET", "/Status/Endpoints").status_code == 200
    admin.disable(server, name)
    processes.wait_until(lambda: client.command("GET", "/Status/Endpoints").status_code == 401, 10, 0.2,
                         what="the end of the credentials")
    assert server.client(token=token).command("GET", "/Status/Endpoints").status_code == 401


def test_what_a_caller_may_not_do_is_403_with_the_permission_named(server):
    name, password = admin.user(server, permissions=["certificates/read"])
    client = server.client(name, password)
    assert client.command("GET", "/Certificates").status_code == 200
    before = server.client().total()
    csr = keys.new_csr("denied.example.com", ["denied.example.com"])
    for method, path, body in (
            ("POST", "/Enrollment/CSR", {"CSR": csr, "Template": "WebServer"}),
            ("POST", "/Certificates/Revoke", {"CertificateIds": [1]}),
            ("POST", "/Certificates/RevokeAll", {"Query": "", "Reason": 0}),
            ("DELETE", "/Certificates/1/Revoke", {"RevocationReason": 1})):
        reply = client.command(method, path, json=body)
        assert reply.status_code == 403, (path, reply.text)
        assert reply.json()["ErrorCode"] == "0xA0140002"
        assert reply.json()["Message"].startswith(f"User {name} does not have the required permissions: ")
    assert server.client().total() == before
    assert "POST /Enrollment/CSR" not in client.get("/Status/Endpoints")
    assert "GET /Certificates" in client.get("/Status/Endpoints")
