"""A raw client of ACME: it makes every request by hand, so that a test can make any part of it wrong."""
import base64
import hashlib
import hmac
import ipaddress
import json
import urllib.parse
import uuid

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, ed448, padding, rsa, utils

import keys
import processes

ERROR = "urn:ietf:params:acme:error:"
CURVES = {"secp256r1": ("P-256", 32, "ES256", hashes.SHA256), "secp384r1": ("P-384", 48, "ES384", hashes.SHA384),
          "secp521r1": ("P-521", 66, "ES512", hashes.SHA512)}


def b64(data):
    if isinstance(data, (dict, list)):
        data = json.dumps(data)
    if isinstance(data, str):
        data = data.encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(value, size=None):
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def jwk_of(key):
    public = key.public_key()
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = public.public_numbers()
        return {"e": number(numbers.e), "kty": "RSA", "n": number(numbers.n)}
    if isinstance(key, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey)):
        raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return {"crv": "Ed25519" if len(raw) == 32 else "Ed448", "kty": "OKP", "x": b64(raw)}
    name, size, _, _ = CURVES[public.curve.name]
    numbers = public.public_numbers()
    return {"crv": name, "kty": "EC", "x": number(numbers.x, size), "y": number(numbers.y, size)}


def thumbprint(key):
    text = json.dumps(jwk_of(key), sort_keys=True, separators=(",", ":"))
    return b64(hashlib.sha256(text.encode()).digest())


def alg_of(key):
    if isinstance(key, rsa.RSAPrivateKey):
        return "RS256"
    if isinstance(key, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey)):
        return "EdDSA"
    return CURVES[key.curve.name][2]


def signature_of(key, data, alg=None):
    if isinstance(key, bytes):
        return hmac.new(key, data, {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}[alg or "HS256"]).digest()
    if alg == "PS256":
        return key.sign(data, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    if isinstance(key, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey)):
        return key.sign(data)
    _, size, _, digest = CURVES[key.curve.name]
    r, s = utils.decode_dss_signature(key.sign(data, ec.ECDSA(digest())))
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def flat(key, header, payload, alg=None):
    """A flattened JWS; a payload of None is that of POST-as-GET."""
    protected = b64(header) if isinstance(header, dict) else header
    body = "" if payload is None else payload if isinstance(payload, str) else b64(payload)
    return {"protected": protected, "payload": body,
            "signature": b64(signature_of(key, f"{protected}.{body}".encode(), alg or header.get("alg")))}


class Client:
    """A holder of a key, with or without an account."""

    def __init__(self, server, key=None, directory=None):
        self.server, self.key = server, key or keys.new_key()
        self.session = requests.Session()
        self.session.verify, self.session.trust_env = str(server.ca), False
        self.base = (directory or server.url.rstrip("/") + "/acme/directory").removesuffix("/directory")
        self.directory = self.get(f"{self.base}/directory").json()
        self.kid = self.nonce_left = None

    def get(self, url, **more):
        return self.session.get(url, timeout=30, **more)

    def url(self, path):
        return path if path.startswith("https://") else self.directory[path]

    def nonce(self):
        """A nonce that nobody used yet: that of the last answer, or a new one."""
        left, self.nonce_left = self.nonce_left, None
        return left or self.session.head(self.directory["newNonce"], timeout=30).headers["Replay-Nonce"]

    def header(self, address, jwk=False, **more):
        header = {"alg": alg_of(self.key), "nonce": self.nonce(), "url": address}
        header.update({"jwk": jwk_of(self.key)} if jwk or not self.kid else {"kid": self.kid})
        header.update(more)
        return {name: value for name, value in header.items() if value is not None}

    def send(self, url, body, **more):
        """Send a body as it is; every answer to a POST has what section 1 and 3 ask for."""
        headers = {"Content-Type": "application/jose+json", **more.pop("headers", {})}
        reply = self.session.post(url, data=body if isinstance(body, (str, bytes)) else json.dumps(body),
                                  headers=headers, timeout=60, **more)
        self.nonce_left = check(reply, self)
        return reply

    def post(self, path, payload=None, jwk=False, **header):
        """A signed request; header members that are given stand for its own, None leaves one out."""
        url = self.url(path)
        return self.send(url, flat(self.key, self.header(url, jwk, **header), payload))

    def call(self, path, payload=None, **header):
        """The same with exactly these members beside alg and nonce."""
        url = self.url(path)
        header = {"alg": alg_of(self.key), "nonce": self.nonce(), "url": url, **header}
        return self.send(url, flat(self.key, header, payload))

    def good(self, path, payload=None, status=200, **more):
        reply = self.post(path, payload, **more)
        assert reply.status_code == status, f"{path}: {reply.status_code} {reply.text}"
        return reply

    def bad(self, path, payload, status, kind, **more):
        return refused(self.post(path, payload, **more), status, kind)

    def register(self, expect=201, bound_by=None, **payload):
        """Make the account, bound by a key that operators made when one is given."""
        if bound_by:
            payload["externalAccountBinding"] = self.binding(bound_by["kid"], bound_by["hmac_key"])
        reply = self.post("newAccount", {"termsOfServiceAgreed": True, **payload}, jwk=True)
        assert reply.status_code == expect, reply.text
        self.kid = reply.headers["Location"]
        return reply

    def binding(self, kid, secret, key=None, alg="HS256", payload=None, **header):
        """An externalAccountBinding for this client's key."""
        header = {"alg": alg, "kid": kid, "url": self.directory["newAccount"], **header}
        header = {name: value for name, value in header.items() if value is not None}
        return flat(unb64(secret), header, jwk_of(key or self.key) if payload is None else payload, alg)


class Orderer(Client):
    """A client with an account that orders certificates and answers challenges."""

    def __init__(self, server, answers, registered=True, bound_by=None, **more):
        super().__init__(server, **more)
        self.web, self.dns = answers
        if registered:
            self.register(bound_by=bound_by)

    def order(self, *names, status=201, **more):
        """A new order; its body, with its address as "url"."""
        reply = self.good("newOrder", {"identifiers": [identifier(name) for name in names], **more}, status)
        return {**reply.json(), "url": reply.headers["Location"]}

    def authz(self, order, place=0):
        return self.good(order["authorizations"][place]).json()

    def challenge(self, authz, kind="http-01"):
        return next(one for one in authz["challenges"] if one["type"] == kind)

    def place(self, authz, kind="http-01"):
        """Put there what a challenge asks for; the challenge."""
        one = self.challenge(authz, kind)
        proof = f"{one['token']}.{thumbprint(self.key)}"
        if kind == "http-01":
            self.web.files[one["token"]] = proof
        else:
            name = "_acme-challenge." + authz["identifier"]["value"]
            self.dns.texts.setdefault(name, []).append(b64(hashlib.sha256(proof.encode()).digest()))
        return one

    def poll(self, url, *states, seconds=20):
        """Ask again until the object has one of these states."""
        def look():
            body = self.good(url).json()
            return body if body["status"] in states else None
        return processes.wait_until(look, seconds, what=f"{url} to be {states}")

    def prove(self, order, kind="http-01", place=True):
        """Answer all its challenges; the order when it is ready or has failed."""
        for url in order["authorizations"]:
            authz = self.good(url).json()
            if authz["status"] == "pending":
                one = self.place(authz, kind) if place else self.challenge(authz, kind)
                self.good(one["url"], {})
        return self.poll(order["url"], "ready", "invalid")

    def finalize(self, order, csr=None, key=None, status=200):
        names = [one["value"] for one in order["identifiers"]]
        csr = csr or keys.new_csr(cn=None, dns=[name for name in names if not is_address(name)],
                                  ip=[name for name in names if is_address(name)], key=key)
        return self.good(order["finalize"], {"csr": der(csr)}, status)

    def issue(self, *names, key=None, **more):
        """A certificate: the order and the chain as PEM."""
        order = self.order(*names, **more)
        assert self.prove(order, "dns-01" if any("*" in name for name in names) else "http-01")["status"] == "ready"
        done = {**self.finalize(order, key=key).json(), "url": order["url"]}
        if done["status"] != "valid":
            done = {**self.poll(order["url"], "valid"), "url": order["url"]}
        return done, self.good(done["certificate"]).text


def is_address(name):
    try:
        return bool(ipaddress.ip_address(name))
    except ValueError:
        return False


def identifier(name):
    return name if isinstance(name, dict) else {"type": "ip" if is_address(name) else "dns", "value": name}


def der(csr):
    """A PEM request or certificate as base64url of its DER."""
    text = "".join(line for line in csr.strip().splitlines() if "-----" not in line)
    return b64(base64.b64decode(text))


def name(*labels):
    """A name that no other test has."""
    return ".".join([*labels, f"{uuid.uuid4().hex[:12]}.acme.test"])


def all_of(chain):
    """The certificates of a chain in PEM."""
    end = "-----END CERTIFICATE-----\n"
    return [x509.load_pem_x509_certificate((one + end).encode()) for one in chain.split(end)[:-1]]


def leaf(chain):
    return all_of(chain)[0]


def revoke(client, chain, jwk=False, **more):
    one = leaf(chain).public_bytes(serialization.Encoding.DER)
    return client.post("revokeCert", {"certificate": b64(one), **more}, jwk=jwk)


def links(reply, rel):
    """The addresses of the Link headers with this relation; requests joins them by commas."""
    found = requests.utils.parse_header_links(reply.headers.get("Link", ""))
    return [link["url"] for link in found if link.get("rel") == rel]


def has_null(value):
    """Whether a member of it is null."""
    if isinstance(value, (dict, list)):
        return any(map(has_null, value.values() if isinstance(value, dict) else value))
    return value is None


def check(reply, client):
    """What every answer to a POST has; its nonce."""
    assert links(reply, "index") == [client.base + "/directory"] or reply.url.endswith("/directory"), reply.headers
    nonce = reply.headers["Replay-Nonce"]
    assert len(nonce) % 4 != 1 and len(unb64(nonce)) >= 16
    assert reply.headers["Cache-Control"] == "no-store"
    if reply.status_code >= 400:
        assert reply.headers["Content-Type"] == "application/problem+json", reply.headers
        problem = reply.json()
        assert problem["type"].startswith(ERROR) and problem["detail"] and problem["status"] == reply.status_code
        assert problem["requestId"] == reply.headers["X-Request-Id"]
        if reply.status_code in (429, 500, 503):
            assert int(reply.headers["Retry-After"]) > 0
    elif reply.content and "json" in reply.headers["Content-Type"]:
        assert reply.headers["Content-Type"] == "application/json"
        assert not has_null(reply.json()), reply.text
    return nonce


def refused(reply, status, kind):
    """The problem document of an answer that must be this refusal."""
    assert (reply.status_code, reply.json()["type"]) == (status, ERROR + kind), f"{reply.status_code} {reply.text}"
    return reply.json()


def path_of(url):
    return urllib.parse.urlsplit(url).path
