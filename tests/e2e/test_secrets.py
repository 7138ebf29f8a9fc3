"""What must stay secret and what must not stay behind: keys and passwords in logs, answers, files and core dumps."""
import base64
import os
import pathlib
import re
import resource
import signal
import shutil
import socket
import stat
import tempfile

import pytest
import requests

import admin
import chancery
import keys
import processes
import programs
import sealed

PLAIN_KEYS = [b"BEGIN PRIVATE KEY", b"BEGIN EC PRIVATE KEY", b"BEGIN RSA PRIVATE KEY", b"BEGIN ENCRYPTED PRIVATE KEY",
              bytes.fromhex("06072a8648ce3d020106082a8648ce3d030107042730250201010420"),  # PKCS #8: P-256,
              bytes.fromhex("06052b8104002204819e30819b0201010430"),                      # P-384,
              bytes.fromhex("300506032b657004220420")]                                    # Ed25519


def forms(secret):
    """How bytes may look in a text or a file: as they are, in hexadecimal, in base64 at any place of a longer value."""
    secret = secret if isinstance(secret, bytes) else secret.encode()
    found = {secret, secret.hex().encode(), secret.hex().upper().encode()}
    for before in range(3):
        text = base64.b64encode(bytes(before) + secret)
        # what depends on the neighbours is cut off: of the first group, and of the last one when it is not whole
        end = len(text) if (before + len(secret)) % 3 == 0 else len(text) - 4
        found.add(text[4 if before else 0:end])
        found.add(text[4 if before else 0:end].translate(bytes.maketrans(b"+/", b"-_")))
    return sorted(form for form in found if len(form) >= 8)


class Secrets:
    """What is looked for, by the name under which a finding is reported."""

    def __init__(self):
        self.forms = {}

    def add(self, name, secret):
        self.forms[name] = forms(secret)

    def found_in(self, content):
        return [name for name, shapes in self.forms.items() if any(shape in content for shape in shapes)]


def test_a_secret_is_found_in_whatever_form_it_is_written():
    secrets = Secrets()
    secrets.add("it", "correct horse 7531")
    for text in (b"xcorrect horse 7531x", b"correct horse 7531".hex().encode(), base64.b64encode(b"admin:correct horse 7531"),
                 base64.b64encode(b"user1:correct horse 7531!"), base64.urlsafe_b64encode(b"user12:correct horse 7531??")):
        assert secrets.found_in(b"..." + text + b"...") == ["it"], text
    assert not secrets.found_in(b"correct horse 7532")


class Listener:
    """Callers whose replies are all kept, heads and bodies."""

    def __init__(self, server):
        self.server, self.said = server, []

    def hear(self, reply, *_args, **_more):
        self.said.append(repr(dict(reply.headers)).encode() + b"\n" + reply.content)

    def client(self, *arguments, **more):
        made = self.server.client(*arguments, **more)
        made.session.hooks["response"].append(self.hear)
        return made

    def send(self, method, path, **more):
        """A call outside the conventions; nobody's unless it says otherwise."""
        reply = requests.request(method, self.server.url.rstrip("/") + path, verify=str(self.server.ca), timeout=20, **more)
        self.hear(reply)
        return reply

    def cli(self, *arguments, **more):
        done = self.server.cli(*arguments, **more)
        self.said.append((done.stdout + done.stderr).encode())
        return done


def provoke(listener, wrong, csr_key):
    """Each way to be refused that has a secret at hand."""
    server, key = listener.server, keys.key_pem(csr_key)
    csr = keys.new_csr("refused.example.com", ["refused.example.com"], csr_key)
    enroll = {"Template": "WebServer", "CertificateAuthority": listener.client().server_ca()}
    pem = {"x-certificateformat": "PEM"}
    login = "/KeyfactorAPI/Auth/Login"
    mine = {"auth": (server.user, server.password)}
    refused = [
        listener.send("POST", login, json={"username": server.user, "password": wrong}),
        listener.send("POST", login, json={"username": server.user, "password": [wrong]}),
        listener.send("POST", login, json={"username": wrong, "Password": {wrong: wrong}}),
        listener.send("POST", login, data=f'{{"username":"x","password":"{wrong}" "', headers={"Content-Type": "application/json"}),
        listener.send("POST", login, data=f'{{"password":{wrong}}}', headers={"Content-Type": "application/json"}),
        listener.send("POST", "/KeyfactorAPI/OAuth/Token", data={
            "grant_type": "client_credentials", "client_id": server.client_id, "client_secret": wrong}),
        listener.send("POST", "/KeyfactorAPI/OAuth/Token", data={
            "grant_type": wrong, "client_id": server.client_id, "client_secret": server.client_secret}),
        listener.send("POST", "/KeyfactorAPI/OAuth/Token", data={"client_secret": wrong}, auth=(server.client_id, wrong)),
        listener.send("GET", "/KeyfactorAPI/Certificates", auth=(server.user, wrong)),
        listener.send("GET", "/KeyfactorAPI/Certificates", headers={"Authorization": f"Bearer {wrong}"}),
        listener.send("GET", "/KeyfactorAPI/Certificates", headers={"Authorization": f"Digest {wrong}"}),
        listener.send("GET", f"/KeyfactorAPI/Certificates?access_token={wrong}&password={wrong}"),
        listener.send("POST", "/api/v1/users", json={"name": "a", "password": wrong * 60}, **mine),
        listener.send("POST", "/api/v1/users", json={"name": "a", "password": {"x": wrong}}, **mine),
        listener.send("POST", "/api/v1/users", json={"name": "a", "password": wrong, "roles": ["no such"]}, **mine),
        # what people paste in the place of a request: the key itself, the key beside it
        listener.send("POST", "/KeyfactorAPI/Enrollment/CSR", json={**enroll, "CSR": key}, headers=pem, **mine),
        listener.send("POST", "/KeyfactorAPI/Enrollment/CSR", json={**enroll, "CSR": key + csr, "Template": "none"},
                      headers=pem, **mine),
        listener.send("POST", "/KeyfactorAPI/Enrollment/CSR", json={**enroll, "PrivateKey": key, "Password": wrong},
                      headers=pem, **mine),
    ]
    for number, reply in enumerate(refused):
        assert 400 <= reply.status_code < 500, (number, reply.status_code, reply.text)


def use(listener, tmp_path):
    """A bit of everything that needs a key or a password of the server's; the secrets that it brought."""
    server = listener.server
    secrets = Secrets()
    client = listener.client()
    token = server.client(nobody=True).command("POST", "/Auth/Login", json={
        "username": server.user, "password": server.password}).json()["access_token"]
    answer = listener.client(token=token).enroll(dns=("secret.example.com",))
    leaf, issuer = answer["Certificates"][:2]
    where = keys.addresses(keys.load(leaf))
    assert programs.openssl_ocsp(tmp_path, leaf, issuer, pathlib.Path(server.ca).read_text(), where["ocsp"][0]) == "good"
    client.revoke(answer["KeyfactorID"])
    oauth = server.client(nobody=True).call("POST", "/KeyfactorAPI/OAuth/Token", data={
        "grant_type": "client_credentials", "client_id": server.client_id, "client_secret": server.client_secret})
    name, password = admin.user(server)
    listener.client(name, password).command("GET", "/Status/Endpoints")
    done = listener.cli("issue", "--issuer", client.server_ca(), "--dns", "k.example.com", "--out", tmp_path / "k.pem",
                        "--key-out", tmp_path / "k.key")
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE((tmp_path / "k.key").stat().st_mode) == 0o600
    assert listener.cli("audit", "verify").returncode == 0
    for name, value in (("the first user's password", server.password), ("a user's password", password),
                        ("the client's secret", server.client_secret), ("an access token", token),
                        ("a client's token", oauth.json()["access_token"])):
        secrets.add(name, value)
    return secrets


def database_files(server):
    """The files in which PostgreSQL keeps the database of this server."""
    if not server.database.startswith("postgresql:"):
        return []
    admin.sql(server, "CHECKPOINT")
    (directory, oid), = admin.sql(server, "SELECT current_setting('data_directory'), oid FROM pg_database "
                                          "WHERE datname = current_database()")
    return [path for path in (pathlib.Path(directory) / "base" / str(oid)).rglob("*") if path.is_file()]


def test_no_key_password_or_token_is_in_a_log_an_answer_or_an_unencrypted_file(new_server, tmp_path):
    server = new_server(settings={"log.level": "trace"}).start()
    server.tolerates_errors = True
    listener, wrong, csr_key = Listener(server), "wrong-Password-7531", keys.new_key()
    secrets = use(listener, tmp_path)
    provoke(listener, wrong, csr_key)
    for command in (["config", "show", "--origin", "--set", f"data_dir={server.data}"], ["ca", "list", "-o", "json"],
                    ["api", "GET", "/metrics"], ["users", "list", "-o", "json"], ["audit", "list", "--all", "-o", "json"]):
        listener.cli(*command)
    server.process.send_signal(signal.SIGHUP)
    server.stop()

    kept = sealed.private_keys(server)
    assert {"token key", "ocsp:2 key", "server key", "chancery-root-ca-1.key", "chancery-issuing-ca-1-1.key"} <= {
        name for name, _ in kept}
    for name, pkcs8 in kept:
        secrets.add(name, sealed.scalar(pkcs8))
        secrets.add(f"{name}, PKCS #8", pkcs8)
    secrets.add("a password of the callers'", wrong)
    secrets.add("a key of the callers'", sealed.scalar(base64.b64decode("".join(
        keys.key_pem(csr_key).splitlines()[1:-1]))))
    for number, content in enumerate(listener.said):
        assert not secrets.found_in(content), (number, content[:300])
        assert not any(mark in content for mark in PLAIN_KEYS), (number, content[:300])

    secrets.add("master key", (server.data / "master.key").read_bytes())
    inside = [path for path in server.dir.rglob("*") if path.is_file() and path != server.ready_file]
    assert server.log in inside and server.data / "dev-login" in inside
    for path in [*inside, *database_files(server)]:
        content = path.read_bytes()
        expected = ["master key"] if path == server.data / "master.key" else []
        assert secrets.found_in(content) == expected, path
        assert not any(mark in content for mark in PLAIN_KEYS), f"private key material in {path}"
    for path in inside:
        if path.name != "root.pem" and path != server.log:
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, f"{path} is readable by others"
    # the search is one that finds: what is no secret is there
    assert b"secret.example.com" in b"".join(
        path.read_bytes() for path in (database_files(server) or [server.dir / "chancery.db"]))


@pytest.mark.once
def test_a_damaged_key_is_reported_without_it(new_server):
    server = new_server().start()
    server.stop()
    kept, path = dict(sealed.private_keys(server)), server.data / "keys" / "chancery-issuing-ca-1-1.key"
    text = path.read_text()
    place = text.index("SEALED PRIVATE KEY-----\n") + 200
    path.write_text(text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1:])
    server.tolerates_errors = True
    server.start()
    listener = Listener(server)
    reply = listener.client().command("POST", "/Enrollment/CSR", headers={"x-certificateformat": "PEM"}, json={
        "CSR": keys.new_csr(), "Template": "WebServer", "CertificateAuthority": "Chancery Issuing CA 1"})
    assert reply.status_code == 503 and "not able to sign" in reply.text, reply.text
    assert listener.send("GET", "/healthz/ready").status_code == 503
    assert "cannot be used" in listener.send("GET", "/api/v1/health", auth=(server.user, server.password)).text
    assert [event for event in server.lines(level="error") if "was changed" in event["error"]]
    secrets = Secrets()
    secrets.add("issuing key", sealed.scalar(kept[path.name]))
    secrets.add("sealed key", text[place - 60:place + 60].replace("\n", ""))
    secrets.add("master key", (server.data / "master.key").read_bytes())
    for content in [*listener.said, server.log.read_bytes()]:
        assert not secrets.found_in(content), content


@pytest.mark.once
@pytest.mark.parametrize("address", [
    "postgresql://chancery:%s@127.0.0.1:1/x", "postgresql://chancery:%s%%zz@127.0.0.1:1/x",
    "postgresql://chancery:%s/1@127.0.0.1:1/x", "postgresql://chancery:1@%s@127.0.0.1:1/x"])
def test_the_password_in_a_database_address_is_not_said(database, tmp_path, address):
    """Whether the server is away or the address is wrong, and however the address is shown."""
    password = "sekret7531"
    secrets = Secrets()
    secrets.add("password", password)
    (tmp_path / "db.url").write_text(address % password)
    (tmp_path / "db.url").chmod(0o600)
    for url in (address % password, f"file:{tmp_path / 'db.url'}"):
        command = [chancery.PROGRAM, "serve", "--dev", "--data-dir", tmp_path / "data", "--listen", "127.0.0.1:0",
                   "--http-listen", "127.0.0.1:0", "--db", url]
        done = processes.run(command, timeout=60, cwd=tmp_path)
        said = (done.stdout + done.stderr).encode()
        assert done.returncode == 1 and b"the database" in said and not secrets.found_in(said), said
        done = chancery.cli("config", "show", "--origin", "--set", f"db.url={url}")
        said = (done.stdout + done.stderr).encode()
        assert done.returncode == 0 and b"db.url" in said and not secrets.found_in(said), said


def abort(process):
    """End it by SIGABRT, as assert() does; whether it left a core file."""
    try:
        resource.prlimit(process.pid, resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except PermissionError:
        pass  # nobody here may lift the limit that it set for itself
    process.send_signal(signal.SIGABRT)
    ended = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert process.wait() == -signal.SIGABRT
    return ended.si_code == os.CLD_DUMPED


@pytest.mark.once
def test_a_server_that_aborts_leaves_no_core(new_server, tmp_path):
    server = new_server().start()
    server.client().enroll(dns=("core.example.com",))
    assert resource.prlimit(server.process.pid, resource.RLIMIT_CORE) == (0, 0)
    server.killed = True
    assert not abort(server.process) and not list(server.dir.rglob("core*"))
    if resource.getrlimit(resource.RLIMIT_CORE)[1] != 0:  # any other program would have left one
        assert abort(processes.start(["sleep", "60"], tmp_path / "log", cwd=tmp_path))


def looks_into(process):
    """Whether another process of the same user may look into its memory and environment."""
    return os.stat(f"/proc/{process.pid}/environ").st_uid != 0


@pytest.mark.once
def test_the_command_line_holds_passwords_and_is_as_closed(database):
    with tempfile.TemporaryDirectory(prefix="chancery-home-") as home, socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # a server that takes the call and never answers
        deaf.listen()
        program, user = pathlib.Path(home, "chancery"), processes.unprivileged()
        shutil.copy(chancery.PROGRAM, program)
        if user:
            shutil.chown(home, user)
        more = {"cwd": home, "env": {"HOME": home, "CHANCERY_USERNAME": "u", "CHANCERY_PASSWORD": "p"}}
        more.update({"user": user, "group": "nogroup", "extra_groups": []} if user else {})
        process = processes.start([program, "certs", "list", "--server", f"https://127.0.0.1:{deaf.getsockname()[1]}"],
                                  f"{home}/log", **more)
        other = processes.start(["/usr/bin/sleep", "60"], f"{home}/log", **more)
        deaf.settimeout(20)
        with deaf.accept()[0]:
            assert not looks_into(process) and looks_into(other)
            assert not abort(process) and not list(pathlib.Path(home).glob("core*"))
        processes.stop(other)


@pytest.mark.once
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_throw_away_server_takes_its_directory_with_it(database, tmp_path, how):
    (tmp_path / "tmp").mkdir()
    process = processes.start([chancery.PROGRAM, "serve", "--dev", "--listen", "127.0.0.1:0", "--http-listen",
                               "127.0.0.1:0", "--ready-file", tmp_path / "ready"], tmp_path / "log", cwd=tmp_path,
                              env={**os.environ, "TMPDIR": str(tmp_path / "tmp")})
    said = processes.wait_until(lambda: processes.read_json(tmp_path / "ready"), 60, what="the ready file")
    assert pathlib.Path(said["data_dir"]).parent == tmp_path / "tmp" and os.listdir(said["data_dir"])
    assert processes.stop(process, how) == 0, processes.tail(tmp_path / "log")
    assert not list((tmp_path / "tmp").iterdir())


@pytest.mark.once
@pytest.mark.parametrize("arguments", [
    ["--check"], ["--help"], ["--set", "nosuch=1"], ["--nosuch"], ["--listen", "203.0.113.1:1"],
    ["--db", "postgresql://127.0.0.1:1/x"]])
def test_a_throw_away_server_that_does_not_run_leaves_nothing_either(database, tmp_path, arguments):
    (tmp_path / "tmp").mkdir()
    processes.run([chancery.PROGRAM, "serve", "--dev", "--http-listen", "127.0.0.1:0", "--listen", "127.0.0.1:0",
                   *arguments], timeout=60, cwd=tmp_path, env={**os.environ, "TMPDIR": str(tmp_path / "tmp")})
    assert [path.name for path in tmp_path.rglob("*")] == ["tmp"]


def test_what_a_server_leaves_is_what_it_needs_however_it_ended(new_server):
    """No half-written file, no journal, no socket: after a good end, and after a bad one and a good one."""
    server = new_server()
    wanted = r"(chancery\.db|log|ready|data/(master\.key|root\.pem|dev-login|https?\.address|keys/[a-z0-9-]+\.key|signed/signed-\d{8}\.log))"
    for crash in (False, True):
        server.start()
        server.client().enroll(dns=("left.example.com",))
        if crash:
            server.kill()
            server.start()
        server.stop()
        names = [str(path.relative_to(server.dir)) for path in server.dir.rglob("*") if not path.is_dir()]
        assert not [name for name in names if not re.fullmatch(wanted, name)], names
