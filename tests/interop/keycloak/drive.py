"""Keycloak vouches for callers of a server of our own: real tokens, real keys, and their rotation.

usage: drive.py PROGRAM KEYCLOAK    KEYCLOAK is its unpacked distribution; ends with the line `N passed, N failed`
"""
import json
import os
import pathlib
import secrets
import shutil
import subprocess
import sys
import tempfile
import time

import requests

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))

import product  # noqa: E402
import ports  # noqa: E402

processes = product.processes
REALM, AUDIENCE = "office", "chancery"


def trusting(ca):
    """A session that trusts that file alone, whatever the environment says."""
    session = requests.Session()
    session.trust_env, session.verify = False, str(ca)
    return session


class Keycloak:
    """A Keycloak that knows nobody yet but its administrator; its TLS certificate is its own authority."""

    def __init__(self, home):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="chancery-keycloak-"))
        self.ca, key = self.dir / "tls.pem", self.dir / "tls.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                        "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out",
                        self.ca], check=True, capture_output=True)
        # it writes below its own folder
        self.home = self.dir / "home"
        shutil.copytree(home, self.home, symlinks=True)
        self.port, self.password = ports.take(), secrets.token_hex(12)
        self.url = f"https://localhost:{self.port}"
        self.log = self.dir / "log"
        env = {**os.environ, "KC_BOOTSTRAP_ADMIN_USERNAME": "admin", "KC_BOOTSTRAP_ADMIN_PASSWORD": self.password,
               "JAVA_OPTS_KC_HEAP": "-Xmx512m"}
        # exec: the script would leave its Java behind
        command = (f'exec bash "{self.home}/bin/kc.sh" start-dev --http-port={ports.take()} --https-port={self.port} --cache=local '
                   f'--http-host=127.0.0.1 --http-management-port={ports.take()} --health-enabled=false '
                   f'--https-certificate-file={self.ca} --https-certificate-key-file={key}')
        self.process = processes.start(["bash", "-c", command], self.log, cwd=self.dir, env=env)
        self.session = trusting(self.ca)

        def answers():
            assert self.process.poll() is None, processes.tail(self.log)
            try:
                return self.session.get(f"{self.url}/realms/master/.well-known/openid-configuration", timeout=5).ok
            except requests.ConnectionError:
                return False
        processes.wait_until(answers, 240, what="Keycloak")

    def stop(self):
        try:
            processes.stop(self.process)
        finally:
            shutil.rmtree(self.dir, ignore_errors=True)

    def token(self, realm=REALM, expect=200, **form):
        reply = self.session.post(f"{self.url}/realms/{realm}/protocol/openid-connect/token", data=form, timeout=30)
        assert reply.status_code == expect, reply.text
        return reply.json().get("access_token")

    def admin(self, method, path, body=None, expect=(200, 201, 204)):
        token = self.token("master", grant_type="password", client_id="admin-cli", username="admin", password=self.password)
        reply = self.session.request(method, f"{self.url}/admin/realms{path}", json=body, timeout=30,
                                     headers={"Authorization": f"Bearer {token}"})
        assert reply.status_code in expect, f"{method} {path}: {reply.status_code} {reply.text}"
        return reply.json() if reply.content else reply.headers.get("Location", "").rsplit("/", 1)[-1]


class Session:
    """What the steps hand on to each other."""

    def __init__(self, keycloak, server, secret):
        self.keycloak, self.server, self.secret = keycloak, server, secret
        self.own = trusting(server.ca)
        self.token = None

    def ask(self, token, path="/KeyfactorAPI/Certificates"):
        return self.own.get(f"https://{self.server.host}{path}", headers={"Authorization": f"Bearer {token}",
                            "x-keyfactor-requested-with": "APIClient"}, timeout=30)

    def claim(self, type, value, role):
        said = self.server.said
        reply = self.own.post(f"https://{self.server.host}/api/v1/claims", auth=(said["user"], said["password"]), timeout=30,
                              json={"type": type, "value": value, "roles": [role], "provider": "keycloak"})
        assert reply.status_code == 201, reply.text

    def machine(self, client="deployer"):
        return self.keycloak.token(grant_type="client_credentials", client_id=client, client_secret=self.secret)

    def person(self):
        return self.keycloak.token(grant_type="password", client_id="deployer", client_secret=self.secret, username="ana",
                                   password=self.secret)

    def step_a_machine_without_a_known_claim_is_nobody(self):
        self.token = self.machine()
        reply = self.ask(self.token)
        assert reply.status_code == 403, reply.text

    def step_its_realm_role_makes_it_somebody(self):
        self.claim("oauth_role", "pki-auditors", "Auditor")
        reply = self.ask(self.token)
        assert reply.status_code == 200 and reply.json()[0]["Id"] == 1, reply.text[:500]

    def step_its_client_id_is_a_claim_too(self):
        self.claim("oauth_client", "deployer", "Operator")
        assert self.ask(self.token).status_code == 200

    def step_a_person_comes_by_their_group(self):
        token = self.person()
        self.claim("group", "/pki/operators", "Operator")
        reply = self.ask(token)
        assert reply.status_code == 200, reply.text
        said = self.server.said
        users = self.own.get(f"https://{self.server.host}/api/v1/users", params={"contains": "keycloak"}, timeout=30,
                             auth=(said["user"], said["password"])).json()["items"]
        assert "ana" in [user["name"] for user in users], users

    def step_a_token_for_others_is_refused(self):
        reply = self.ask(self.machine("elsewhere"))
        assert reply.status_code == 401, reply.text

    def step_a_token_of_another_realm_is_refused(self):
        token = self.keycloak.token("master", grant_type="password", client_id="admin-cli", username="admin",
                                    password=self.keycloak.password)
        assert self.ask(token).status_code == 401

    def step_a_changed_token_is_refused(self):
        head, body, signature = self.token.split(".")
        other = ("A" if signature[0] != "A" else "B") + signature[1:]
        assert self.ask(f"{head}.{body}.{other}").status_code == 401

    def step_an_identity_token_opens_nothing_meant_for_another(self):
        reply = self.keycloak.session.post(
            f"{self.keycloak.url}/realms/{REALM}/protocol/openid-connect/token", timeout=30,
            data={"grant_type": "password", "client_id": "deployer", "client_secret": self.secret, "username": "ana",
                  "password": self.secret, "scope": "openid"}).json()
        assert self.ask(reply["id_token"]).status_code == 401

    def step_new_keys_are_taken_and_old_tokens_stay_good(self):
        realm = self.keycloak.admin("GET", f"/{REALM}")["id"]
        for name, more in (("rsa-generated", {"keySize": ["2048"]}), ("ecdsa-generated", {"ecdsaEllipticCurveKey": ["P-256"]})):
            self.keycloak.admin("POST", f"/{REALM}/components", {
                "name": f"new {name}", "providerId": name, "providerType": "org.keycloak.keys.KeyProvider", "parentId": realm,
                "config": {"priority": ["1000"], "enabled": ["true"], "active": ["true"], **more}})
        fresh = self.machine()
        assert fresh.split(".")[0] != self.token.split(".")[0]
        time.sleep(11)  # keys are asked for every ten seconds at most
        assert self.ask(fresh).status_code == 200
        assert self.ask(self.token).status_code == 200

    def step_tokens_by_elliptic_curves_are_taken(self):
        number = self.keycloak.admin("GET", f"/{REALM}/clients?clientId=deployer")[0]["id"]
        self.keycloak.admin("PUT", f"/{REALM}/clients/{number}", {"clientId": "deployer", "attributes": {
            "access.token.signed.response.alg": "ES256"}})
        token = self.machine()
        reply = self.ask(token)
        assert reply.status_code == 200, reply.text

    def step_an_expired_token_is_refused(self):
        self.keycloak.admin("PUT", f"/{REALM}", {"accessTokenLifespan": 1})
        token = self.machine()
        processes.wait_until(lambda: self.ask(token).status_code == 401, 90, what="the end of the token")


def furnish(keycloak, secret):
    """The realm: a machine, a person in a group, and a client whose tokens are for others."""
    keycloak.admin("POST", "", {"realm": REALM, "enabled": True})
    keycloak.admin("POST", f"/{REALM}/roles", {"name": "pki-auditors"})
    groups = {"name": "groups", "protocol": "openid-connect", "protocolMapper": "oidc-group-membership-mapper",
              "config": {"claim.name": "groups", "full.path": "true", "access.token.claim": "true"}}
    audience = {"name": "audience", "protocol": "openid-connect", "protocolMapper": "oidc-audience-mapper",
                "config": {"included.custom.audience": AUDIENCE, "access.token.claim": "true"}}
    for client, mappers in (("deployer", [groups, audience]), ("elsewhere", [groups])):
        number = keycloak.admin("POST", f"/{REALM}/clients", {
            "clientId": client, "secret": secret, "serviceAccountsEnabled": True, "directAccessGrantsEnabled": True,
            "publicClient": False, "protocolMappers": mappers})
        account = keycloak.admin("GET", f"/{REALM}/clients/{number}/service-account-user")["id"]
        keycloak.admin("POST", f"/{REALM}/users/{account}/role-mappings/realm",
                       [keycloak.admin("GET", f"/{REALM}/roles/pki-auditors")])
    parent = keycloak.admin("POST", f"/{REALM}/groups", {"name": "pki"})
    group = keycloak.admin("POST", f"/{REALM}/groups/{parent}/children", {"name": "operators"})
    group = group["id"] if isinstance(group, dict) else group
    user = keycloak.admin("POST", f"/{REALM}/users", {
        "username": "ana", "enabled": True, "email": "ana@example.com", "emailVerified": True, "firstName": "Ana",
        "lastName": "Lima", "credentials": [{"type": "password", "value": secret, "temporary": False}]})
    keycloak.admin("PUT", f"/{REALM}/users/{user}/groups/{group}")


def main(program, home):
    secret = secrets.token_hex(16)
    keycloak = Keycloak(pathlib.Path(home))
    try:
        furnish(keycloak, secret)
        config = keycloak.dir / "chancery.yaml"
        config.write_text(json.dumps({"access": {"providers": [{
            "name": "keycloak", "issuer": f"{keycloak.url}/realms/{REALM}", "audience": AUDIENCE, "ca": str(keycloak.ca),
            "roles_claim": "realm_access.roles", "groups_claim": "groups"}]}}))
        config.chmod(0o600)
        server = product.Product(os.path.abspath(program), "--config", config)
        session = Session(keycloak, server, secret)
        return product.run(product.steps_of(session) + [("the server ends well", server.stop)])
    finally:
        keycloak.stop()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: drive.py PROGRAM KEYCLOAK")
    sys.exit(main(*sys.argv[1:]))
