"""An identity provider under the tests' control: metadata and keys over TLS, and tokens of any kind, also wrong ones.
Keycloak, a real one, is in `make interop`; what no honest provider sends has to come from here."""
import base64
import http.server
import json
import ssl
import threading
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

import keys


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _number(value):
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class Issuer:
    """Tokens of `https://localhost:PORT/realm`; `ca` is the file that its TLS certificate verifies by."""

    def __init__(self, directory):
        self.directory = directory
        self.keys, self.fetched, self.broken = {}, 0, False
        self.new_key("first")
        self._tls()
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                documents = {"/realm/.well-known/openid-configuration": owner.metadata,
                             "/realm/keys": owner.jwks}
                document = documents.get(self.path)
                if owner.broken or not document:
                    return self.send_error(503 if owner.broken else 404)
                body = json.dumps(document()).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.directory / "tls.pem", self.directory / "tls.key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://localhost:{self.server.server_address[1]}/realm"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _tls(self):
        certificate, key = keys.self_signed("localhost", dns=["localhost"])
        self.ca = self.directory / "tls.pem"
        self.ca.write_bytes(certificate.public_bytes(keys.PEM))
        (self.directory / "tls.key").write_text(keys.key_pem(key))

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def new_key(self, kid, kind="ec:p256"):
        self.keys[kid] = keys.new_key(kind)

    def metadata(self):
        return {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}

    def jwks(self):
        self.fetched += 1
        found = []
        for kid, key in self.keys.items():
            public = key.public_key()
            numbers = public.public_numbers()
            if isinstance(public, ec.EllipticCurvePublicKey):
                found.append({"kty": "EC", "crv": "P-256", "kid": kid, "use": "sig",
                              "x": b64(numbers.x.to_bytes(32, "big")), "y": b64(numbers.y.to_bytes(32, "big"))})
            else:
                found.append({"kty": "RSA", "kid": kid, "use": "sig", "n": _number(numbers.n), "e": _number(numbers.e)})
        return {"keys": found}

    def claims(self, **more):
        now = int(time.time())
        return {"iss": self.url, "aud": ["chancery", "account"], "sub": "subject-1", "iat": now, "exp": now + 300,
                "preferred_username": "ana", "email": "ana@example.com", **more}

    def token(self, kid="first", header=None, key=None, **claims):
        """A token; a claim that is None is left out."""
        key = key or self.keys[kid]
        alg = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
        head = {"alg": alg, "typ": "JWT", "kid": kid, **(header or {})}
        said = {name: value for name, value in self.claims(**claims).items() if value is not None}
        parts = ".".join(b64(json.dumps({k: v for k, v in part.items() if v is not None}).encode())
                         for part in (head, said))
        if alg == "RS256":
            signature = key.sign(parts.encode(), padding.PKCS1v15(), hashes.SHA256())
        else:
            r, s = utils.decode_dss_signature(key.sign(parts.encode(), ec.ECDSA(hashes.SHA256())))
            signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return f"{parts}.{b64(signature)}"
