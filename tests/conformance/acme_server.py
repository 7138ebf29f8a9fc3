#!/usr/bin/python3
"""Ask any ACME server (RFC 8555) what it makes of good and bad requests, each written by hand.

Every row names the rule that it tries. A row of level M is what the standard demands; S is what it advises, or what
clients are known to lean on; P is a choice that this program's own server made. The status is 1 when a row of level M is
not as it should be, or, with --strict, any row.
"""
import argparse
import collections
import datetime
import http.server
import json
import pathlib
import sys
import threading
import time
import uuid

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import acme  # noqa: E402
import keys  # noqa: E402

ROWS = []
Row = collections.namedtuple("Row", "ident level text ask")


class Deviation(Exception):
    """The server answered, but not as it should."""


class LeftOut(Exception):
    """The server does not offer what the row is about."""


def row(ident, level, text):
    def take(ask):
        ROWS.append(Row(ident, level, text, ask))
        return ask
    return take


class Tokens(http.server.BaseHTTPRequestHandler):
    """Answers http-01: every token that was put there."""
    known = {}

    def do_GET(self):
        found = self.known.get(self.path.rsplit("/", 1)[-1])
        self.send_response(200 if found else 404)
        self.end_headers()
        self.wfile.write((found or "").encode())

    def log_message(self, *_):
        pass


class Peer:
    """The server under test, and what every answer of it lacked."""

    def __init__(self, options):
        self.options = options
        self.session = requests.Session()
        self.session.verify, self.session.trust_env = options.ca or True, False
        self.directory_url = options.directory
        self.directory = self.get(options.directory).json()
        self.meta = self.directory.get("meta", {})
        self.left = None
        self.lacks = collections.defaultdict(set)
        self.accounts = {}

    def get(self, url, method="GET", **more):
        return self.session.request(method, url, timeout=30, **more)

    def nonce(self):
        left, self.left = self.left, None
        return left or self.get(self.directory["newNonce"], "HEAD").headers["Replay-Nonce"]

    def send(self, url, body, **headers):
        """Send a body as it is, and look at what every answer to a POST must have."""
        data = body if isinstance(body, (str, bytes)) else json.dumps(body)
        reply = self.session.post(url, data=data, timeout=60,
                                  headers={"Content-Type": "application/jose+json", **headers})
        self.left = reply.headers.get("Replay-Nonce")
        where = f"{reply.status_code} of {acme.path_of(url)}"
        if not self.left:
            self.lacks["Replay-Nonce"].add(where)
        if not any("rel=\"index\"" in one or "rel=index" in one for one in reply.headers.get("Link", "").split(",")):
            self.lacks["index"].add(where)
        if reply.status_code >= 400:
            self.look_at_problem(reply, where)
        return reply

    def look_at_problem(self, reply, where):
        try:
            said = reply.json()
            good = (said["type"].startswith(acme.ERROR) and said["detail"] and said["status"] == reply.status_code
                    and reply.headers["Content-Type"].startswith("application/problem+json"))
        except (ValueError, KeyError, TypeError, AttributeError):
            good = False
        if not good:
            self.lacks["problem"].add(where)


class Account:
    """A key with an account, whose requests can be wrong in any part."""

    def __init__(self, peer, key=None, register=True, **payload):
        self.peer, self.key, self.kid = peer, key or keys.new_key(), None
        if register:
            reply = self.post("newAccount", {"termsOfServiceAgreed": True, **self.bound(), **payload}, jwk=True)
            want(reply, 201)
            self.kid = reply.headers["Location"]

    def bound(self):
        """The binding, where the peer asks for one and we have a key for it."""
        if not self.peer.options.eab or not self.peer.meta.get("externalAccountRequired"):
            return {}
        return {"externalAccountBinding": self.binding()}

    def binding(self, payload=None, alg="HS256", **header):
        kid, secret = self.peer.options.eab.split(":", 1)
        header = {"alg": alg, "kid": kid, "url": self.peer.directory["newAccount"], **header}
        header = {name: value for name, value in header.items() if value is not None}
        return acme.flat(acme.unb64(secret), header, payload or acme.jwk_of(self.key), "HS256")

    def url(self, path):
        return path if path.startswith("http") else self.peer.directory[path]

    def header(self, url, jwk=False, **more):
        header = {"alg": acme.alg_of(self.key), "nonce": more.pop("nonce", None) or self.peer.nonce(), "url": url}
        header.update({"jwk": acme.jwk_of(self.key)} if jwk else {"kid": self.kid})
        header.update(more)
        return {name: value for name, value in header.items() if value is not None}

    def post(self, path, payload=None, jwk=False, **header):
        url = self.url(path)
        return self.peer.send(url, acme.flat(self.key, self.header(url, jwk, **header), payload))

    def broken(self, change, path=None, payload=None):
        """A request whose JWS was changed after it was signed."""
        url = self.url(path or self.kid)
        body = acme.flat(self.key, self.header(url), payload)
        return self.peer.send(url, change(body) or body)

    def order(self, *names, **more):
        payload = {"identifiers": [{"type": "dns", "value": name} for name in names], **more}
        reply = want(self.post("newOrder", payload), 201)
        return {**reply.json(), "url": reply.headers["Location"]}

    def poll(self, url, *states):
        until = time.monotonic() + 60
        while True:
            body = want(self.post(url), 200).json()
            if body["status"] in states:
                return body
            if time.monotonic() > until:
                raise Deviation(f"{url} stays {body['status']}")
            time.sleep(0.2)

    def prove(self, url):
        """Let an authorization be valid."""
        authz = want(self.post(url), 200).json()
        if authz["status"] != "pending":
            return
        one = next(one for one in authz["challenges"] if one["type"] == "http-01")
        Tokens.known[one["token"]] = f"{one['token']}.{acme.thumbprint(self.key)}"
        want(self.post(one["url"], {}), 200)
        self.poll(url, "valid")

    def ready(self, *names):
        """An order whose names are proved."""
        order = self.order(*names)
        for url in order["authorizations"]:
            self.prove(url)
        return {**self.poll(order["url"], "ready"), "url": order["url"]}

    def issue(self, *names, key=None):
        """A certificate and the order it came by."""
        order = self.ready(*names)
        want(self.post(order["finalize"], {"csr": csr_of(*names, key=key)}), 200)
        done = self.poll(order["url"], "valid")
        reply = want(self.post(done["certificate"]), 200)
        return x509.load_pem_x509_certificate(reply.content), order, reply


def want(reply, status, kind=None):
    """The answer, when it has that status (or one of several) and, for a problem, that type (or one of several)."""
    statuses = status if isinstance(status, tuple) else (status,)
    kinds = kind if isinstance(kind, tuple) else (kind,)
    try:
        said = reply.json().get("type", "").rsplit(":", 1)[-1]
    except (ValueError, AttributeError):
        said = ""
    if reply.status_code not in statuses or (kind and said not in kinds):
        expected = f"{'/'.join(map(str, statuses))} {'/'.join(kinds) if kind else ''}".strip()
        raise Deviation(f"{reply.status_code} {said}".strip() + f", want {expected}")
    return reply


def csr_of(*names, key=None):
    """A request for these names as finalize takes it."""
    return acme.der(keys.new_csr(cn=None, dns=names, key=key))


def truth(what, otherwise):
    if not what:
        raise Deviation(otherwise)


def name():
    return f"{uuid.uuid4().hex[:12]}.{PEER.options.suffix}"


def holder():
    """The account that most rows share."""
    if "holder" not in PEER.accounts:
        PEER.accounts["holder"] = Account(PEER)
    return PEER.accounts["holder"]


def other():
    if "other" not in PEER.accounts:
        PEER.accounts["other"] = Account(PEER)
    return PEER.accounts["other"]


def stranger():
    return Account(PEER, register=False)


def with_header(change):
    """A POST-as-GET of the account whose protected header was changed before it was signed."""
    account = holder()
    header = account.header(account.kid)
    return PEER.send(account.kid, acme.flat(account.key, change(header) or header, None, alg="ES256"))


# Sections 1, 3, 5: directory, nonces, transport.

@row("A-DIR-01", "M", "the directory names its resources")
def _():
    for one in ("newNonce", "newAccount", "newOrder", "revokeCert", "keyChange"):
        truth(PEER.directory.get(one, "").startswith("https://"), f"{one} is not there")


@row("A-NON-01", "M", "HEAD newNonce gives one, not to be stored")
def _():
    reply = want(PEER.get(PEER.directory["newNonce"], "HEAD"), 200)
    truth("no-store" in reply.headers.get("Cache-Control", ""), "no Cache-Control: no-store")
    acme.unb64(reply.headers["Replay-Nonce"])


@row("A-NON-02", "M", "GET newNonce answers 204")
def _():
    truth(not want(PEER.get(PEER.directory["newNonce"]), 204).content, "it has a body")


@row("A-HTTP-03", "M", "GET of an account is refused")
def _():
    want(PEER.get(holder().kid), 405)


@row("A-HTTP-05", "M", "another media type is refused")
def _():
    account = holder()
    body = json.dumps(acme.flat(account.key, account.header(account.kid), None))
    want(PEER.send(account.kid, body, **{"Content-Type": "application/json"}), 415, "malformed")


# Section 2: who signed it.

def malformed_body(ident, text, body):
    @row(ident, "M", text)
    def _():
        want(PEER.send(holder().kid, body), 400, "malformed")


def malformed_jws(ident, text, change, level="M"):
    @row(ident, level, text)
    def _():
        want(holder().broken(change), 400, "malformed")


malformed_body("A-JWS-01", "a body that is no JSON", "no")
malformed_body("A-JWS-01", "a body that is an array", "[]")
malformed_body("A-JWS-01", "an empty object", "{}")
malformed_jws("A-JWS-01", "no protected header", lambda body: body.pop("protected") and None)
malformed_jws("A-JWS-01", "no signature", lambda body: body.pop("signature") and None)
malformed_jws("A-JWS-01", "a signature that is a number", lambda body: body.update(signature=5))
malformed_jws("A-JWS-02", "an unprotected header", lambda body: body.update(header={"kid": "x"}))
malformed_jws("A-JWS-03", "several signatures", lambda body: body.update(signatures=[dict(body)]))
malformed_jws("A-JWS-03", "the compact serialization",
              lambda body: ".".join((body["protected"], body["payload"], body["signature"])))
malformed_jws("A-JWS-05", "no payload member", lambda body: {k: v for k, v in body.items() if k != "payload"})
malformed_jws("A-JWS-06", "padding in the signature", lambda body: body.update(signature=body["signature"] + "=="))
malformed_jws("A-JWS-06", "padding in the protected header", lambda body: body.update(protected=body["protected"] + "="))
malformed_jws("A-JWS-06", "an empty signature", lambda body: body.update(signature=""))
malformed_jws("A-JWS-15", "a signature that does not verify", lambda body: body.update(signature=acme.b64(bytes(64))))


@row("A-JWS-04", "M", "an unencoded payload (b64: false)")
def _():
    want(with_header(lambda h: h.update(b64=False, crit=["b64"])), 400, "malformed")


@row("A-JWS-04", "M", "a critical extension that nobody knows")
def _():
    want(with_header(lambda h: h.update(crit=["exp"], exp=1)), 400, "malformed")


def bad_algorithm(alg):
    @row("A-JWS-07", "M", f"the algorithm {alg}")
    def _():
        said = want(with_header(lambda h: h.update(alg=alg)), 400, "badSignatureAlgorithm").json()
        truth(isinstance(said.get("algorithms"), list), "the problem does not list the algorithms")


for unwelcome in ("none", "HS256", "ES256K"):
    bad_algorithm(unwelcome)


@row("A-JWS-08", "M", "jwk and kid together")
def _():
    want(with_header(lambda h: h.update(jwk=acme.jwk_of(holder().key))), 400, "malformed")


@row("A-JWS-09", "M", "newAccount with kid")
def _():
    want(holder().post("newAccount", {}), 400, "malformed")


@row("A-JWS-10", "M", "an account's resource with jwk")
def _():
    want(holder().post(holder().kid, None, jwk=True), 400, "malformed")


@row("A-JWS-10", "M", "neither jwk nor kid")
def _():
    want(with_header(lambda h: h.pop("kid") and None), 400, "malformed")


@row("A-JWS-11", "M", "a kid that is no account's")
def _():
    want(with_header(lambda h: h.update(kid=holder().kid + "x")), 400, ("accountDoesNotExist", "malformed"))


@row("A-JWS-12", "M", "a deactivated account")
def _():
    account = Account(PEER)
    want(account.post(account.kid, {"status": "deactivated"}), 200)
    want(account.post(account.kid), 401, "unauthorized")


@row("A-JWS-13", "S", "an RSA key of 1024 bits")
def _():
    want(Account(PEER, rsa.generate_private_key(65537, 1024), register=False)
         .post("newAccount", {"termsOfServiceAgreed": True}, jwk=True), 400, "badPublicKey")


@row("A-JWS-13", "M", "a point that is not on its curve")
def _():
    account = stranger()
    url = account.url("newAccount")
    header = account.header(url, jwk=True)
    header["jwk"] = {**header["jwk"], "x": header["jwk"]["y"]}
    want(PEER.send(url, acme.flat(account.key, header, {"termsOfServiceAgreed": True})), 400, ("badPublicKey", "malformed"))


@row("A-JWS-14", "M", "an algorithm that does not fit the key")
def _():
    account = Account(PEER, keys.new_key("ec:p384"), register=False)
    url = account.url("newAccount")
    want(PEER.send(url, acme.flat(account.key, account.header(url, jwk=True, alg="ES256"), {}, alg="ES384")), 400,
         ("badPublicKey", "badSignatureAlgorithm", "malformed"))


@row("A-JWS-16", "M", "a nonce that was used")
def _():
    nonce = PEER.nonce()
    want(holder().post(holder().kid, nonce=nonce), 200)
    reply = want(holder().post(holder().kid, nonce=nonce), 400, "badNonce")
    truth(reply.headers.get("Replay-Nonce"), "the refusal brings no new one")


@row("A-JWS-16", "M", "no nonce")
def _():
    want(with_header(lambda h: h.pop("nonce") and None), 400, "badNonce")


@row("A-JWS-16", "M", "a nonce that nobody gave")
def _():
    want(with_header(lambda h: h.update(nonce=acme.b64(bytes(16)))), 400, "badNonce")


@row("A-JWS-17", "M", "a nonce that is not base64url")
def _():
    want(with_header(lambda h: h.update(nonce="a b=")), 400, "malformed")


@row("A-JWS-18", "M", "no url")
def _():
    want(with_header(lambda h: h.pop("url") and None), 400, "malformed")


@row("A-JWS-19", "M", "the url of another resource")
def _():
    want(with_header(lambda h: h.update(url=PEER.directory["newOrder"])), (401, 403), "unauthorized")


@row("A-JWS-20", "M", "a payload that is no JSON")
def _():
    want(holder().post(holder().kid, acme.b64(b"no")), 400, "malformed")


@row("A-JWS-21", "M", "a payload where only POST-as-GET is")
def _():
    order = holder().order(name())
    want(holder().post(order["url"], {}), 400, "malformed")


@row("A-JWS-23", "S", "a jwk with its private part")
def _():
    account = stranger()
    url = account.url("newAccount")
    secret = acme.number(account.key.private_numbers().private_value, 32)
    header = account.header(url, jwk=True)
    header["jwk"] = {**header["jwk"], "d": secret}
    want(PEER.send(url, acme.flat(account.key, header, {"termsOfServiceAgreed": True})), 400, ("badPublicKey", "malformed"))


# Section 6: accounts.

@row("A-ACC-02", "M", "a key that is known already gives its account")
def _():
    reply = want(holder().post("newAccount", {"contact": ["mailto:other@example.com"]}, jwk=True), 200)
    truth(reply.headers.get("Location") == holder().kid, "another Location")


@row("A-ACC-03", "M", "onlyReturnExisting makes no account")
def _():
    want(stranger().post("newAccount", {"onlyReturnExisting": True}, jwk=True), 400, "accountDoesNotExist")


@row("A-ACC-07", "M", "contacts that are none")
def _():
    account = stranger()
    for contact, kinds in (("tel:+1555", ("unsupportedContact", "invalidContact")), ("mailto:a@example.com,b@example.com",
                           ("invalidContact",)), ("mailto:a@example.com?subject=x", ("invalidContact",))):
        want(account.post("newAccount", {"termsOfServiceAgreed": True, "contact": [contact], **account.bound()}, jwk=True),
             400, kinds)


@row("A-ACC-10", "M", "another's account")
def _():
    want(other().post(holder().kid, {}), (401, 403), "unauthorized")


# Section 7: binding to an account elsewhere.

def eab(ident, text, status, kind, make):
    @row(ident, "M", text)
    def _():
        if not PEER.options.eab:
            raise LeftOut("no --eab")
        account = stranger()
        want(account.post("newAccount", {"termsOfServiceAgreed": True, "externalAccountBinding": make(account)}, jwk=True),
             status, kind)


@row("A-EAB-01", "M", "no binding where one is required")
def _():
    if not PEER.meta.get("externalAccountRequired"):
        raise LeftOut("not required here")
    want(stranger().post("newAccount", {"termsOfServiceAgreed": True}, jwk=True), 403, "externalAccountRequired")


eab("A-EAB-02", "a binding that is no JWS", 400, "malformed", lambda a: {"protected": "x"})
eab("A-EAB-03", "a binding by ES256", 400, "malformed", lambda a: a.binding(alg="ES256"))
eab("A-EAB-04", "a binding without kid", 400, "malformed", lambda a: a.binding(kid=None))
eab("A-EAB-05", "a binding with a nonce", 400, "malformed", lambda a: a.binding(nonce=PEER.nonce()))
eab("A-EAB-06", "a binding for another url", 400, "malformed", lambda a: a.binding(url=PEER.directory["newOrder"]))
eab("A-EAB-07", "a kid that nobody knows", (401, 403), "unauthorized", lambda a: a.binding(kid="nobody"))
eab("A-EAB-08", "a MAC that does not verify", (401, 403), "unauthorized",
    lambda a: {**a.binding(), "signature": acme.b64(bytes(32))})
eab("A-EAB-09", "a binding of another key", (400, 401, 403), ("unauthorized", "malformed"),
    lambda a: a.binding(payload=acme.jwk_of(keys.new_key())))


# Section 8: another key.

def key_change(account, new, change=lambda header, payload: None, sign=None, raw=None):
    """A change of ACCOUNT's key to NEW, its inner JWS changed before it is signed."""
    url = PEER.directory["keyChange"]
    header = {"alg": acme.alg_of(new), "jwk": acme.jwk_of(new), "url": url}
    payload = {"account": account.kid, "oldKey": acme.jwk_of(account.key)}
    change(header, payload)
    inner = acme.flat(sign or new, header, payload, alg=acme.alg_of(sign or new))
    return account.post("keyChange", raw(inner) if raw else inner)


def bad_change(ident, text, change, kind="malformed", level="M"):
    @row(ident, level, text)
    def _():
        want(key_change(Account(PEER), keys.new_key(), change), 400, kind)  # one that takes it has changed a key


bad_change("A-KEY-01", "an inner JWS with a nonce", lambda h, p: h.update(nonce=PEER.nonce()), level="S")
bad_change("A-KEY-01", "an inner JWS without jwk", lambda h, p: h.pop("jwk"))
bad_change("A-KEY-02", "an inner JWS by none", lambda h, p: h.update(alg="none"), ("badSignatureAlgorithm", "malformed"))
bad_change("A-KEY-04", "an inner JWS for another url", lambda h, p: h.update(url=PEER.directory["newOrder"]))
bad_change("A-KEY-05", "another account inside", lambda h, p: p.update(account=holder().kid + "x"))
bad_change("A-KEY-06", "an old key that is not the account's",
           lambda h, p: p.update(oldKey=acme.jwk_of(keys.new_key())), ("malformed", "unauthorized"))


@row("A-KEY-01", "M", "a payload that is no JWS")
def _():
    want(holder().post("keyChange", {"account": holder().kid}), 400, "malformed")


@row("A-KEY-03", "M", "an inner JWS that somebody else signed")
def _():
    want(key_change(Account(PEER), keys.new_key(), sign=keys.new_key()), 400, "malformed")


@row("A-KEY-07", "M", "a new key that has an account, whose address is told")
def _():
    reply = want(key_change(holder(), other().key), 409)
    truth(reply.headers.get("Location") == other().kid, "no Location of that account")


@row("A-KEY-09", "M", "the new key takes over at once")
def _():
    account, new = Account(PEER), keys.new_key()
    want(key_change(account, new), 200)
    want(account.post(account.kid), (400, 401, 403))
    account.key = new
    want(account.post(account.kid), 200)


# Section 9: orders.

@row("A-ORD-01", "M", "an order has all its parts")
def _():
    order = holder().order(name())
    for part in ("status", "expires", "identifiers", "authorizations", "finalize"):
        truth(part in order, f"no {part}")
    truth(order["status"] == "pending" and len(order["authorizations"]) == 1, "not one pending authorization")


def bad_order(ident, text, payload, status, kind, level="M"):
    @row(ident, level, text)
    def _():
        want(holder().post("newOrder", payload() if callable(payload) else payload), status, kind)


def dns(value):
    return {"identifiers": [{"type": "dns", "value": value}]}


bad_order("A-ORD-02", "no identifiers", {}, 400, "malformed")
bad_order("A-ORD-02", "an empty list of identifiers", {"identifiers": []}, 400, "malformed")
bad_order("A-ORD-02", "identifiers that are no list", {"identifiers": "a.example.com"}, 400, "malformed")
bad_order("A-ORD-02", "an identifier without a value", {"identifiers": [{"type": "dns"}]}, 400, "malformed")
bad_order("A-ORD-03", "an identifier of an unknown type", {"identifiers": [{"type": "smoke", "value": "x"}]}, 400,
          ("unsupportedIdentifier", "malformed"))
for wrong in ("", "-a.example.com", "a..example.com", "a b.example.com", "*.*.example.com", "w*.example.com", "192.0.2.1",
              "a" * 64 + ".example.com"):
    bad_order("A-ORD-03", f"the name {wrong[:40]!r}", dns(wrong), (400, 403),
              ("malformed", "rejectedIdentifier", "unsupportedIdentifier"))
bad_order("A-ORD-05", "a notAfter before its notBefore",
          lambda: {**dns(name()), "notBefore": "2031-01-02T00:00:00Z", "notAfter": "2031-01-01T00:00:00Z"}, 400, "malformed",
          "S")
bad_order("A-ORD-05", "a notAfter that is no time", lambda: {**dns(name()), "notAfter": "soon"}, 400, "malformed", "S")


@row("A-ORD-07", "M", "a wildcard's authorization is of its base name, by DNS")
def _():
    base = name()
    authz = want(holder().post(holder().order(f"*.{base}")["authorizations"][0]), 200).json()
    truth(authz["identifier"]["value"] == base and authz.get("wildcard") is True, "another name, or no wildcard: true")
    truth(all(one["type"].startswith("dns-") for one in authz["challenges"]), "a challenge that is not DNS's")


@row("A-ORD-11", "M", "another's order is nobody's")
def _():
    want(other().post(holder().order(name())["url"]), (401, 403, 404))


def early(value, **more):
    """newAuthz of a name."""
    if "newAuthz" not in PEER.directory:
        raise LeftOut("no newAuthz")
    return holder().post("newAuthz", {"identifier": {"type": "dns", "value": value}, **more})


@row("A-AUZ-08", "M", "a name is proved before it is ordered")
def _():
    host = name()
    reply = want(early(host.upper()), 201)
    truth(reply.json()["identifier"] == {"type": "dns", "value": host}, "another name")
    truth(want(holder().post(reply.headers["Location"]), 200).json() == reply.json(), "its address tells something else")
    holder().prove(reply.headers["Location"])
    order = holder().order(host)
    truth((order["status"], order["authorizations"]) == ("ready", [reply.headers["Location"]]), "an order does not take it")


@row("A-AUZ-08", "M", "a wildcard cannot be proved before it is ordered")
def _():
    want(early(f"*.{name()}"), 400, "malformed")


@row("A-FIN-01", "M", "an order that is not ready")
def _():
    host = name()
    order = holder().order(host)
    want(holder().post(order["finalize"], {"csr": csr_of(host)}), 403, "orderNotReady")


@row("A-ORD-13", "M", "requests that do not fit leave the order ready")
def _():
    host = name()
    order = holder().ready(host)
    for csr in ("AAAA", csr_of(host, name()), csr_of(name())):
        want(holder().post(order["finalize"], {"csr": csr}), 400, ("badCSR", "malformed"))
    truth(want(holder().post(order["url"]), 200).json()["status"] == "ready", "the order is not ready any more")


@row("A-FIN-06", "M", "a request by the account's own key")
def _():
    host = name()
    order = holder().ready(host)
    want(holder().post(order["finalize"], {"csr": csr_of(host, key=holder().key)}), 400,
         ("badCSR", "badPublicKey", "malformed"))


@row("A-CRT-01", "M", "a chain comes as PEM, leaf first, with exactly the name")
def _():
    host = name()
    certificate, _, reply = holder().issue(host)
    truth(reply.headers["Content-Type"].startswith("application/pem-certificate-chain"), reply.headers["Content-Type"])
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    truth(names.get_values_for_type(x509.DNSName) == [host] and len(list(names)) == 1, "other names than the order's")
    truth(reply.text.startswith("-----BEGIN CERTIFICATE-----"), "text before the PEM")


@row("A-FIN-10", "S", "finalize tells the order's address")
def _():
    host = name()
    order = holder().ready(host)
    reply = want(holder().post(order["finalize"], {"csr": csr_of(host)}), 200)
    truth(reply.headers.get("Location") == order["url"], "no Location")


# Section 14: revocation.

def revocation(certificate, **more):
    return {"certificate": acme.b64(certificate.public_bytes(serialization.Encoding.DER)), **more}


@row("A-REV-01", "M", "the account revokes, once")
def _():
    certificate, _, _ = holder().issue(name())
    truth(not want(holder().post("revokeCert", revocation(certificate, reason=0)), 200).content, "it has a body")
    want(holder().post("revokeCert", revocation(certificate)), 400, "alreadyRevoked")


@row("A-REV-02", "M", "the certificate's own key revokes")
def _():
    key = keys.new_key()
    certificate, _, _ = holder().issue(name(), key=key)
    want(Account(PEER, key, register=False).post("revokeCert", revocation(certificate), jwk=True), 200)


@row("A-REV-03", "M", "neither a stranger's account nor a stranger's key revokes")
def _():
    certificate, _, _ = holder().issue(name())
    want(other().post("revokeCert", revocation(certificate)), (401, 403), "unauthorized")
    want(stranger().post("revokeCert", revocation(certificate), jwk=True), (401, 403), "unauthorized")


@row("A-REV-06", "M", "what is no certificate")
def _():
    want(holder().post("revokeCert", {"certificate": "AAAA"}), 400, "malformed")


@row("A-REV-06", "M", "a certificate of somebody else")
def _():
    key = keys.new_key()
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "other")])
    now = datetime.datetime(2026, 1, 1)
    mine = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
            .serial_number(5).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=3650))
            .sign(key, hashes.SHA256()))
    want(holder().post("revokeCert", revocation(mine)), (400, 403, 404), ("malformed", "unauthorized"))


@row("A-REV-07", "M", "reasons that are none")
def _():
    certificate, _, _ = holder().issue(name())
    for reason in (7, 11, -1):
        want(holder().post("revokeCert", revocation(certificate, reason=reason)), 400, ("badRevocationReason", "malformed"))
    want(holder().post("revokeCert", revocation(certificate, reason="1")), 400, "malformed")


# Section 4, over all answers that the rows above got: these rows come last.

def over_all(ident, level, text, what):
    @row(ident, level, text)
    def _():
        found = PEER.lacks[what]
        truth(not found, f"{len(found)} without, such as {', '.join(sorted(found)[:3])}")


over_all("A-NON-03", "S", "every answer to a POST brings a nonce", "Replay-Nonce")
over_all("A-HTTP-07", "M", "every answer links to the directory", "index")
over_all("A-PRB", "M", "every refusal is a problem document with type, detail and status", "problem")


def run(rows, strict):
    """Ask everything; how many rows were as they should be, were not, and were left out."""
    counts = collections.Counter()
    failed = False
    for one in rows:
        try:
            one.ask()
            result, why = "ok", ""
        except LeftOut as error:
            result, why = "--", str(error)
        except (Deviation, KeyError, IndexError, ValueError, StopIteration, requests.RequestException) as error:
            result, why = "NO", str(error) if isinstance(error, Deviation) else repr(error)
            failed |= strict or one.level == "M"
        counts[result] += 1
        print(f"{result} {one.level} {one.ident:9} {one.text}{': ' + why if why else ''}", flush=True)
    print(f"{len(rows)} rows: {counts['ok']} as they should be, {counts['NO']} not, {counts['--']} left out")
    return failed


def options_of(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", help="the directory's address, https://...")
    parser.add_argument("--ca", help="PEM file of the authority of its TLS certificate; none: the system's")
    parser.add_argument("--listen", metavar="ADDRESS:PORT", help="answer http-01 there; none: the server is told to "
                        "take every challenge for proved")
    parser.add_argument("--suffix", default="conformance.test", help="below this all names are, and they lead to --listen")
    parser.add_argument("--eab", metavar="KID:KEY", help="a binding's key, base64url; it must last for several accounts")
    parser.add_argument("--only", nargs="*", default=(), metavar="ID", help="rows that begin so: A-JWS")
    parser.add_argument("--strict", action="store_true", help="every row counts, not only those of level M")
    return parser.parse_args(arguments)


def main(arguments):
    global PEER  # pylint: disable=global-statement
    options = options_of(arguments)
    if options.listen:
        host, port = options.listen.rsplit(":", 1)
        server = http.server.ThreadingHTTPServer((host, int(port)), Tokens)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    PEER = Peer(options)
    return 1 if run([one for one in ROWS if not options.only or one.ident.startswith(tuple(options.only))],
                    options.strict) else 0


PEER = None
if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
