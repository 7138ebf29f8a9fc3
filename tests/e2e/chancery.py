"""The product under test: its server, its two APIs, its command line."""
import json
import os
import pathlib
import re
import shutil
import signal
import tempfile
import urllib.parse

import pytest
import requests

import keys
import models
import openapi
import ports
import processes

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("BUILD", "build")
PROGRAM = BUILD / "chancery"
FAULTS = BUILD / "chancery-test"
needs_faults = pytest.mark.skipif(not FAULTS.exists(), reason="no build with faults (-Dfaults=true)")
NAIVE_DATE = re.compile(r'"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?"')


def here():
    """Whether there is a program to test."""
    try:
        return processes.run([PROGRAM, "serve", "--help"], timeout=20).returncode == 0
    except FileNotFoundError:
        return False


class Server:
    """`chancery serve --dev` on loopback, on ports that are its own until it is closed."""

    def __init__(self, database=None, program=PROGRAM, settings=(), env=None, keep=None, config=None):
        self.dir = pathlib.Path(keep or tempfile.mkdtemp(prefix="chancery-e2e-"))
        self.data, self.log, self.ready_file = self.dir / "data", self.dir / "log", self.dir / "ready"
        self.database = database or f"sqlite:{self.dir / 'chancery.db'}"
        self.program, self.env = program, dict(env or {})
        # the limits of calls are for strangers: every test calls from one address
        self.settings = {"access.rate_per_caller": -1, "access.rate_per_address": -1, **dict(settings)}
        self.config = config
        self.ports = ports.take(), ports.take()  # https, http; 0: one that the system gives
        self._taken = self.ports
        self.process = None
        self.tolerates_errors = False

    def command(self):
        settings = [part for name, value in self.settings.items() for part in ("--set", f"{name}={value}")]
        https, http = (f"127.0.0.1:{port}" for port in self.ports)
        return [self.program, "serve", "--dev", "--data-dir", self.data, "--listen", https, "--http-listen", http,
                "--db", self.database, "--ready-file", self.ready_file,
                *(["--config", self.config] if self.config else []), *settings]

    def spawn(self, **env):
        """Start it without waiting."""
        self.ready_file.unlink(missing_ok=True)
        self.killed = self.stopped = False
        self.process = processes.start(self.command(), self.log, env={**os.environ, **self.env, **env}, cwd=self.dir)

    def start(self, **env):
        self.spawn(**env)
        self.wait_ready()
        return self

    def wait_ready(self, seconds=60):
        def ready():
            assert self.process.poll() is None, f"the server ended: {self.process.returncode}\n{self.tail()}"
            return processes.read_json(self.ready_file)
        said = processes.wait_until(ready, seconds, what="the ready file")
        assert said["pid"] == self.process.pid
        self.__dict__.update({name: said.get(name) for name in (
            "url", "http_url", "ca", "user", "password", "client_id", "client_secret", "data_dir", "acme_directory")})
        return said

    def tail(self):
        return processes.tail(self.log)

    def reload(self):
        """Have the settings read again; whether that went well."""
        good = lambda: len(self.lines(event="server.reloaded"))
        done = lambda: good() + self.log.read_text().count("the reload failed")
        before, before_good = done(), good()
        self.process.send_signal(signal.SIGHUP)
        processes.wait_until(lambda: done() > before, 20, what="a reload")
        return good() > before_good

    def lines(self, **wanted):
        """The log's lines, as objects, whose fields have these values."""
        found = []
        for line in self.log.read_text(errors="replace").splitlines(keepends=True):
            if line.startswith("{") and line.endswith("\n"):  # the last one may be half written
                event = json.loads(line)
                if all(event.get(name) == value for name, value in wanted.items()):
                    found.append(event)
        return found

    def kill(self):
        self.killed = True
        self.process.kill()
        self.process.wait()

    def stop(self, how=signal.SIGTERM):
        """End it gracefully; it must end well and must not have had reason to complain."""
        self.stopped = True
        status = processes.stop(self.process, how)
        assert status == 0, f"exit status {status}\n{self.tail()}"
        text = self.log.read_text(errors="replace")
        for complaint in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "WARNING: ThreadSanitizer"):
            assert complaint not in text, text[text.index(complaint):][:4000]
        errors = [] if self.tolerates_errors else self.lines(level="error")
        assert not errors, errors[:5]

    def close(self):
        try:
            if self.process and not (self.killed or self.stopped):
                self.stop()
        finally:
            if self.process and self.process.poll() is None:
                self.kill()
            shutil.rmtree(self.dir, ignore_errors=True)
            ports.put_back(*self._taken)
            self._taken = ()

    def client(self, user=None, password=None, **more):
        """A caller of the APIs; by default the first user."""
        auth = (user or self.user, password or self.password)
        return Client(self, auth=None if more.get("token") or more.pop("nobody", False) else auth, **more)

    def cli(self, *arguments, env=None, **more):
        """Run a command as the first user."""
        return cli(*arguments, env={**self.cli_env(), **(env or {})}, program=self.program, **more)

    def cli_env(self):
        if not getattr(self, "_token", None):
            reply = self.client(nobody=True).command("POST", "/Auth/Login", json={
                "username": self.user, "password": self.password})
            self._token = good(reply)["access_token"]
        return {"CHANCERY_SERVER": self.url, "CHANCERY_CACERT": str(self.ca), "CHANCERY_TOKEN": self._token}


def cli(*arguments, env=None, program=PROGRAM, **more):
    """Run the command line with a home of its own, so that nobody's configuration is read."""
    with tempfile.TemporaryDirectory(prefix="chancery-home-") as home:
        clean = {"PATH": os.environ["PATH"], "HOME": home, "LANG": "C.UTF-8"}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
            if name in os.environ:
                clean[name] = os.environ[name]
        return processes.run([program, *arguments], env={**clean, **(env or {})}, **more)


class Client:
    """A caller of both APIs, which checks of each reply what holds for all."""

    def __init__(self, server, auth=None, token=None):
        self.server = server
        self.session = requests.Session()
        self.session.verify = str(server.ca)
        self.session.trust_env = False
        self.session.auth = auth
        if token:
            self.session.headers["Authorization"] = f"Bearer {token}"
        self.document = openapi.of(server)

    def call(self, method, path, **more):
        more.setdefault("timeout", 60)
        reply = self.session.request(method, self.server.url.rstrip("/") + path, **more)
        self.document.check(method, path, reply)
        return reply

    def command(self, method, path, **more):
        """A call of the Command API: conventions of its section 1 are checked."""
        reply = self.call(method, "/KeyfactorAPI" + path, **more)
        check_command(reply)
        models.check_reply(method, path, reply)
        return reply

    def get(self, path, **query):
        """The body of a successful GET of the Command API."""
        return good(self.command("GET", path, params=query or None))

    def post(self, path, body, **more):
        return good(self.command("POST", path, json=body, **more))

    def rest(self, method, path, **more):
        """A call of our own API."""
        reply = self.call(method, "/api/v1" + path, **more)
        if reply.status_code >= 400:
            assert reply.headers["Content-Type"].startswith("application/problem+json"), reply.headers
            assert reply.json()["code"].startswith("CHY-"), reply.text
        return reply

    def enroll(self, csr=None, dns=("localhost",), headers=None, **body):
        """A certificate by POST /Enrollment/CSR; the answer's CertificateInformation."""
        csr = csr or keys.new_csr(cn=dns[0], dns=dns)
        template, authority = self.server_template(), self.server_ca()
        answer = self.post("/Enrollment/CSR", {
            "CSR": csr, "Template": template, "CertificateAuthority": authority, "IncludeChain": True,
            "Timestamp": "2025-10-22T14:30:00Z", **body}, headers={"x-certificateformat": "PEM", **(headers or {})})
        return answer["CertificateInformation"]

    def server_template(self):
        """The template for web servers that --dev makes."""
        return "WebServer"

    def server_ca(self):
        """The name of the issuing CA."""
        if not hasattr(self.server, "_ca_name"):
            found = [row for row in self.get("/CertificateAuthority") if row["AllowedEnrollmentTypes"]]
            self.server._ca_name = found[0]["LogicalName"]
        return self.server._ca_name

    def revoke(self, certificate_id, reason=1, comment="test"):
        return self.post("/Certificates/Revoke", {"CertificateIds": [certificate_id], "Reason": reason,
                                                  "Comment": comment})

    def total(self, query="", **more):
        """How many certificates match, expired and revoked ones too."""
        reply = self.command("GET", "/Certificates", params={
            "pq.queryString": query, "pq.returnLimit": 1, "pq.includeRevoked": "true", "pq.includeExpired": "true",
            **more})
        good(reply)
        return int(reply.headers["x-total-count"])


def good(reply):
    """The body of a reply that must be 200."""
    assert reply.status_code == 200, f"{reply.request.method} {reply.url}: {reply.status_code} {reply.text[:2000]}"
    return reply.json()


def check_command(reply):
    """Section 1 of the Command API: headers, status codes, dates, the error body."""
    where = f"{reply.request.method} {urllib.parse.urlsplit(reply.url).path}: {reply.status_code} {reply.text[:800]}"
    assert re.fullmatch(r"\d+\.\d+\.\d+\.\d+", reply.headers.get("x-keyfactor-product-version", "")), where
    assert reply.status_code not in (201, 202, 203), where
    if reply.status_code == 204:
        assert not reply.content, where
        return
    if reply.request.method == "HEAD":
        return
    assert reply.headers.get("Content-Type") == "application/json; charset=utf-8", where
    body = reply.json()
    assert not NAIVE_DATE.search(reply.text), f"a date without offset: {where}"
    if reply.status_code >= 400 and "error" not in body:
        assert isinstance(body["Message"], str) and body["Message"], where
        assert re.fullmatch(r"0x[0-9A-F]{8}", body["ErrorCode"]), where
        for failed in body.get("FailedOperations", []):
            assert isinstance(failed["Reason"], str), where
    if reply.status_code == 401:
        schemes = [value.strip().split(" ")[0] for value in reply.headers.get("WWW-Authenticate", "").split(",")]
        assert "Basic" in schemes and "Bearer" in schemes, reply.headers
    if reply.status_code == 404:
        assert "not found" in body["Message"].lower(), where
    if reply.status_code == 405:
        assert reply.headers.get("Allow"), where
    if reply.status_code in (429, 503):
        assert int(reply.headers["Retry-After"]) > 0, where
