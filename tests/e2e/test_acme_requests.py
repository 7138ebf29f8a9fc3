"""ACME requests: who signed them, with what, and only once (RFC 8555 section 6)."""
import json
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ed448, rsa

import acme
import keys
from acme import b64, flat, jwk_of, refused


@pytest.mark.seed("S173", "S178", "S364", "S365")
def test_the_directory_tells_every_address_below_the_servers_own(server, someone):
    reply = someone.get(someone.base + "/directory")
    base = server.url.rstrip("/")
    assert reply.headers["Content-Type"] == "application/json" and "Replay-Nonce" not in reply.headers
    found = reply.json()
    paths = {"newNonce": "new-nonce", "newAccount": "new-account", "newOrder": "new-order", "revokeCert": "revoke-cert",
             "keyChange": "key-change"}
    for name, path in paths.items():
        if name in found:
            assert found[name] == f"{base}/acme/{path}"
    assert found["meta"]["externalAccountRequired"] is False
    for other in ("", "/", "/directory/"):
        assert someone.get(someone.base + other).json() == found


@pytest.mark.seed("S363")
def test_the_short_address_leads_to_the_directory(server, someone):
    reply = someone.get(server.url.rstrip("/") + "/directory", allow_redirects=False)
    assert reply.status_code in (301, 302, 307, 308) and reply.headers["Location"] == someone.base + "/directory"


@pytest.mark.seed("S180")
def test_switched_off_there_is_nothing(new_server):
    server = new_server(settings={"acme.enabled": "false"}).start()
    session = server.client().session
    reply = session.get(server.url.rstrip("/") + "/acme/directory", timeout=30)
    assert reply.status_code == 404 and refused(reply, 404, "malformed")


def test_nonces_are_given_by_head_get_and_post(someone, holder):
    for method, status in (("HEAD", 200), ("GET", 204)):
        reply = someone.session.request(method, someone.directory["newNonce"], timeout=30)
        assert reply.status_code == status and not reply.content
        assert reply.headers["Cache-Control"] == "no-store" and len(acme.unb64(reply.headers["Replay-Nonce"])) >= 16
        assert acme.links(reply, "index")
    reply = holder.good("newNonce")
    assert not reply.content
    assert holder.good(holder.base + "/directory").json() == holder.directory


@pytest.mark.seed("S355", "S389")
def test_a_nonce_is_good_once_and_a_bad_one_comes_with_a_good_one(holder):
    nonce = holder.nonce()
    holder.good(holder.kid, nonce=nonce)
    holder.bad(holder.kid, None, 400, "badNonce", nonce=nonce)
    holder.good(holder.kid, nonce=holder.nonce_left)
    for bad in ("abcd", acme.b64(bytes(32)), ""):
        holder.bad(holder.kid, None, 400, "badNonce", nonce=bad)
    holder.bad(holder.kid, None, 400, "badNonce", nonce=None)
    for bad in ("a=", "a b", "ä", 5, None and ""):
        if bad is not None:
            holder.bad(holder.kid, None, 400, "malformed", nonce=bad)


def test_a_nonce_is_dead_even_when_the_signature_was_wrong(holder):
    nonce = holder.nonce()
    body = flat(holder.key, holder.header(holder.kid, nonce=nonce), None)
    body["signature"] = b64(bytes(64))
    refused(holder.send(holder.kid, body), 400, "malformed")
    holder.bad(holder.kid, None, 400, "badNonce", nonce=nonce)


def test_a_nonce_of_one_is_good_for_another(someone, holder):
    holder.good(holder.kid, nonce=someone.nonce())


@pytest.mark.seed("S362", "S389")
def test_a_nonce_is_good_for_half_an_hour(new_server):
    server = new_server(settings={"acme.nonce_life": "4s"}).start()
    client = acme.Client(server)
    client.register()
    nonce = client.nonce()
    time.sleep(4.3)
    client.bad(client.kid, None, 400, "badNonce", nonce=nonce)
    client.good(client.kid)


@pytest.mark.database("postgresql")
def test_nonces_of_one_server_are_good_at_another_of_the_same_database_once(new_server):
    first = new_server().start()
    second = new_server()
    second.database = first.database
    master = second.dir / "data"
    master.mkdir(mode=0o700)
    (master / "master.key").write_bytes((first.data / "master.key").read_bytes())
    (master / "master.key").chmod(0o600)
    for name in ("keys",):
        (master / name).mkdir(mode=0o700)
        for path in (first.data / name).iterdir():
            (master / name / path.name).write_bytes(path.read_bytes())
            (master / name / path.name).chmod(0o600)
    second.start()
    here, there = acme.Client(first), acme.Client(second)
    here.register()
    there.key, there.kid = here.key, here.kid.replace(first.url, second.url)
    nonce = here.nonce()
    there.good(there.kid, nonce=nonce)
    here.bad(here.kid, None, 400, "badNonce", nonce=nonce)
    there.bad(there.kid, None, 400, "badNonce", nonce=nonce)
    here.good(here.kid, nonce=there.nonce())


def test_told_to_refuse_good_nonces_it_does(new_server):
    server = new_server(settings={"acme.nonce_reject": "100"}).start()
    client = acme.Client(server)
    client.bad("newAccount", {}, 400, "badNonce", jwk=True)


def broken(client, url, change, payload=None):
    body = flat(client.key, client.header(url), payload)
    change(body)
    return client.send(url, body)


@pytest.mark.seed("S416")
@pytest.mark.parametrize("change", [
    lambda body: body.pop("payload"), lambda body: body.pop("protected"), lambda body: body.pop("signature"),
    lambda body: body.update(payload=5), lambda body: body.update(signature=None), lambda body: body.update(signature=""),
    lambda body: body.update(header={"kid": "x"}), lambda body: body.update(signatures=[dict(body)]),
    lambda body: body.update(signature=body["signature"] + "="), lambda body: body.update(payload="e30="),
    lambda body: body.update(payload="e 30"), lambda body: body.update(protected=body["protected"] + "=="),
    lambda body: body.update(protected=b64(b"no json")), lambda body: body.update(protected=b64(b"[]")),
    lambda body: body.update(protected=b64(b'{"alg":"ES256","alg":"ES256"}')),
    lambda body: body.update(signature=body["signature"][:-8]), lambda body: body.update(signature=b64(bytes(64)))],
    ids=lambda change: None)
def test_a_jws_that_is_none_is_malformed(holder, change):
    refused(broken(holder, holder.kid, change), 400, "malformed")


@pytest.mark.parametrize("body", ["", "no", "[]", "null", '"x"', "{}", '{"payload":"","payload":""}', "{} {}", b"\xff",
                                  '{"a":' * 20 + "1" + "}" * 20, "a.b.c"])
def test_a_body_that_is_no_jws_is_malformed(holder, body):
    refused(holder.send(holder.kid, body), 400, "malformed")


@pytest.mark.parametrize("more", [{"b64": False}, {"crit": ["b64"], "b64": True}, {"crit": []}, {"crit": ["exp"], "exp": 1}])
def test_extensions_that_nobody_knows_are_malformed(holder, more):
    holder.bad(holder.kid, None, 400, "malformed", **more)


@pytest.mark.parametrize("alg", [None, "none", "HS256", "HS512", "RS512", "ES256K", "PS256", "es256", 5])
def test_other_algorithms_are_told_which_there_are(holder, alg):
    header = {**holder.header(holder.kid), "alg": alg}
    if alg is None:
        del header["alg"]
    said = refused(holder.send(holder.kid, flat(holder.key, header, None, alg="ES256")), 400, "badSignatureAlgorithm")
    assert set(said["algorithms"]) == {"ES256", "ES384", "ES512", "EdDSA", "RS256"}


@pytest.mark.seed("S366", "S389")
@pytest.mark.parametrize("kind", ["ec:p256", "ec:p384", "ec:p521", "rsa:2048", "ed25519"])
def test_each_algorithm_signs(server, kind):
    client = acme.Client(server, keys.new_key(kind))
    client.register()
    assert client.good(client.kid).json()["status"] == "valid"


def test_ps256_signs_where_it_is_switched_on(new_server):
    server = new_server(settings={"acme.algorithms": "PS256"}).start()
    client = acme.Client(server, keys.new_key("rsa:2048"))
    client.good("newAccount", {}, 201, jwk=True, alg="PS256")
    said = client.bad("newAccount", {}, 400, "badSignatureAlgorithm", jwk=True)
    assert said["algorithms"] == ["PS256"]


def test_a_setting_that_names_no_algorithm_is_refused_by_its_name(new_server):
    server = new_server(settings={"acme.algorithms": "ES257"})
    server.spawn()
    assert server.process.wait(30) != 0 and 'acme.algorithms: "ES257"' in server.tail()
    server.killed = True


def test_jwk_and_kid_are_where_they_belong(someone, holder):
    jwk = jwk_of(holder.key)
    for header in ({"jwk": jwk, "kid": holder.kid}, {"jwk": jwk}, {}):
        refused(holder.call(holder.kid, None, **header), 400, "malformed")
    for header in ({"jwk": jwk, "kid": holder.kid}, {"kid": holder.kid}, {}):
        refused(holder.call("newAccount", {}, **header), 400, "malformed")


def jwk_post(client, jwk, **more):
    url = client.directory["newAccount"]
    return client.send(url, flat(client.key, {"alg": acme.alg_of(client.key), "nonce": client.nonce(), "url": url, "jwk": jwk,
                                              **more}, {}))


def test_an_account_that_there_is_not(holder):
    base = holder.base
    for kid in ("1", "https://other.example/acme/acct/1", base + "/order/1", base + "/acct/", base + "/acct/a/b"):
        holder.bad(holder.kid, None, 400, "malformed", kid=kid)
    holder.bad(holder.kid, None, 400, "accountDoesNotExist", kid=base + "/acct/" + acme.b64(bytes(16)))


def test_keys_that_are_no_good(server, someone):
    own = jwk_of(someone.key)
    for bad in ({**own, "x": own["y"]}, {**own, "x": own["x"][:-4]}, {**own, "d": own["x"]}, {**own, "alg": "ES384"},
                {**own, "crv": "P-384"}, {**own, "crv": "secp256k1"}, {**own, "kty": "oct"}, {"kty": "EC"}, {}):
        refused(jwk_post(someone, bad), 400, "badPublicKey")
    for wrong in ("x", [], 5):
        assert jwk_post(someone, wrong).status_code == 400
    small = acme.Client(server, rsa.generate_private_key(65537, 1024))
    refused(jwk_post(small, jwk_of(small.key)), 400, "badPublicKey")
    even = acme.Client(server, keys.new_key("rsa:2048"))
    refused(jwk_post(even, {**jwk_of(even.key), "e": "AQAA"}), 400, "badPublicKey")
    other = acme.Client(server, ed448.Ed448PrivateKey.generate())
    refused(jwk_post(other, jwk_of(other.key)), 400, "badPublicKey")
    mismatch = acme.Client(server, keys.new_key("ec:p384"))
    refused(jwk_post(mismatch, jwk_of(mismatch.key), alg="ES256"), 400, "badPublicKey")


def test_the_address_in_the_jws_is_that_of_the_request(holder):
    for url in (holder.kid + "/", holder.kid.replace("https:", "http:"), holder.directory["newAccount"], holder.kid + "?a=b", ""):
        holder.bad(holder.kid, None, 403, "unauthorized", url=url)
    holder.bad(holder.kid, None, 400, "malformed", url=None)
    body = flat(holder.key, {**holder.header(holder.kid), "url": 5}, None)
    refused(holder.send(holder.kid, body), 400, "malformed")


@pytest.mark.parametrize("payload", [b64(b"no"), b64(b"[]"), b64(b'"x"'), b64(b'{"a":1,"a":1}'), b64(b"\xff"), b64(b'{"a":"\\u0000"}')])
def test_a_payload_that_is_no_object_is_malformed(holder, payload):
    holder.bad(holder.kid, payload, 400, "malformed")


def test_what_is_only_read_takes_no_payload(holder):
    for path in (holder.kid + "/orders", holder.directory["newNonce"]):
        holder.bad(path, {}, 400, "malformed")


def test_media_types_methods_sizes_and_paths(someone, holder):
    url = holder.kid
    body = json.dumps(flat(holder.key, holder.header(url), None))
    for kind in ("application/json", "text/plain", "application/jose", "application/jose+jsonx", ""):
        refused(holder.send(url, body, headers={"Content-Type": kind}), 415, "malformed")
    for kind in ("application/jose+json; charset=utf-8", "Application/JOSE+JSON"):
        body = json.dumps(flat(holder.key, holder.header(url), None))
        assert holder.send(url, body, headers={"Content-Type": kind}).status_code == 200
    refused(holder.send(url, "x" * 65537), 413, "malformed")
    for path in (url, someone.directory["newAccount"], someone.directory["keyChange"]):
        reply = someone.get(path)
        assert refused(reply, 405, "malformed") and "POST" in reply.headers["Allow"]
        reply = someone.session.options(path, timeout=30)
        assert reply.status_code == 204 and "POST" in reply.headers["Allow"]
    for method in ("PUT", "DELETE", "PATCH"):
        assert someone.session.request(method, url, timeout=30).status_code == 405
    for path in ("/none", "/acct", "/acct/", "/new-nonce/", "/acct/a/b/c", "//directory"):
        reply = someone.get(someone.base + path)
        assert refused(reply, 404, "malformed") and reply.headers["Access-Control-Allow-Origin"] == "*"
        assert refused(someone.send(someone.base + path, "{}"), 404, "malformed")
