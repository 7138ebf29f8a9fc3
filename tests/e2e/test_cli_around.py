"""What surrounds every command: completion, manuals, the pager, --watch and --wait."""
import fcntl
import json
import os
import pathlib
import pty
import re
import signal
import struct
import subprocess
import termios
import time

import pytest

import admin
import chancery
import keys
import processes


def ok(done):
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def answers(run, cur, *words, **more):
    """{word: meaning} that may stand next."""
    lines = ok(run("__complete", "=" + cur, *words, **more)).splitlines()
    return {line.partition("\t")[0]: line.partition("\t")[2] for line in lines}


# completion

@pytest.mark.once
@pytest.mark.parametrize("words, some, not_these", [
    (["cer"], ["certs"], ["ca"]), (["", "certs"], ["list", "download"], ["certs", "get"]), (["", "ca"], ["list", "offline"], ["init"]),
    (["", "ca", "offline"], ["init", "crl"], ["list"]), (["--", "certs", "download"], ["--as", "--server"], ["--reason"]),
    (["p", "certs", "download", "--as"], ["pem", "pfx"], ["jks"]), (["--as=j", "certs", "download"], ["--as=jks"], ["jks"]),
    (["json", "-o"], ["json", "jsonl"], ["yaml"]), (["key", "revoke", "1", "--reason"], ["key-compromise"], ["superseded"]),
    (["rsa", "issue", "--key-type"], ["rsa:2048"], ["ed25519"]), (["", "completion"], ["bash", "powershell"], []),
    (["NotA", "certs", "list", "--fields"], ["NotAfter"], ["Id"]), (["Id,NotA", "certs", "list", "--fields"], ["Id,NotAfter"], []),
    (["is:", "search"], ["is:revoked", "is:archived"], ["cn:"]), (["", "issue", "--csr"], [":files"], []), (["", "enroll", "csr"], [":files"], []),
    (["certificate.r", "audit", "list", "--action"], ["certificate.revoke"], ["certificate.issue"]), (["", "help"], ["query", "certs"], []),
    (["", "nosuch"], ["certs"], []), (["", "serve"], [], ["certs"]), ([""], ["issue", "certs"], ["issue-cert"]),
])
def test_the_table_says_what_may_stand_next(database, words, some, not_these):
    found = answers(chancery.cli, *words)
    assert set(some) <= set(found) and not set(not_these) & set(found), found


def test_the_server_says_what_there_is(server, client, tmp_path):
    word = f"complete{time.time_ns()}"
    made = client.enroll(dns=(f"{word}.example.com",))
    name, _ = admin.user(server)
    env = {"XDG_CACHE_HOME": str(tmp_path)}
    assert client.server_ca() in answers(server.cli, "", "issue", "--issuer", env=env)
    assert "WebServer" in answers(server.cli, "webs", "templates", "show", env=env)
    assert name in answers(server.cli, name[:6], "users", "show", env=env)
    assert answers(server.cli, word, "certs", "show", env=env) == {str(made["KeyfactorID"]): f"{word}.example.com"}
    assert str(made["KeyfactorID"]) in answers(server.cli, str(made["KeyfactorID"]), "revoke", env=env)
    for words in (["certs", "diff"], ["certs", "diff", "1"], ["certs", "download", "1"], ["ca", "ocsp"]):
        assert answers(server.cli, word, *words, env=env) == {str(made["KeyfactorID"]): f"{word}.example.com"}, words
    for words in (["check", "ca"], ["ca", "test"], ["generate-crl"]):
        assert client.server_ca() in answers(server.cli, "", *words, env=env), words
    assert "WebServer" in answers(server.cli, "webs", "templates", "edit", env=env)
    assert "WebServer" not in answers(server.cli, "", "templates", "edit", "WebServer", env=env)
    # for a minute it is not asked again, and nobody else may read what it said
    another = admin.template(server)
    assert another not in answers(server.cli, "", "templates", "show", env=env)
    kept = list((tmp_path / "chancery").glob("complete-*"))
    assert kept and all(path.stat().st_mode & 0o77 == 0 for path in kept)
    for path in kept:
        os.utime(path, (time.time() - 61,) * 2)
    assert another in answers(server.cli, "", "templates", "show", env=env)


@pytest.mark.once
def test_a_server_that_does_not_answer_is_silence(database, tmp_path):
    import socket
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        for address in (f"127.0.0.1:{mute.getsockname()[1]}", "127.0.0.1:1"):
            took = []
            while len(took) < 5 and min(took, default=9) >= 2:  # the machine may be busy with other things
                began = time.monotonic()
                done = chancery.cli("__complete", "=", "templates", "show", env={
                    "CHANCERY_SERVER": f"https://{address}", "CHANCERY_TOKEN": "x"})
                assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
                took.append(time.monotonic() - began)
            assert min(took) < 2, took
    done = chancery.cli("__complete", "=", "templates", "show")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.once
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize("line, some", [
    ("chancery cer", {"certs"}), ("chancery certs ", {"list", "download"}), ("chancery certs download --as p", {"pem", "pfx"}),
    ("chancery certs download --as=p", {"pem", "pfx"}), ("chancery issue --key-type rsa:2", {"2048"}), ("chancery issue --csr ", {"a.csr"}),
])
def test_each_shell_completes(database, shell, line, some, tmp_path):
    (tmp_path / "a.csr").write_text("x")
    script = tmp_path / "completion"
    script.write_text(ok(chancery.cli("completion", shell)))
    env = {"HOME": str(tmp_path), "PATH": f"{chancery.BUILD}:{os.environ['PATH']}", "LANG": "C.UTF-8", "TERM": "dumb"}
    if shell == "fish":
        done = processes.run(["fish", "--no-config", "-c", f"source {script}; and complete -C '{line}'"], env=env, cwd=tmp_path)
    elif shell == "bash":
        done = processes.run(["bash", "--norc", "-c", f"""source {script}
            COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}; IFS=' ' read -ra COMP_WORDS <<< "${{COMP_LINE//[=:]/ & }}"
            [[ $COMP_LINE == *' ' ]] && COMP_WORDS+=(''); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); compopt() {{ :; }}
            _chancery; printf '%s\\n' "${{COMPREPLY[@]}}" """], env=env, cwd=tmp_path)
    else:
        done = processes.run(["zsh", "-f", "-c", f"""_files() {{ print -l *; }}
            _describe() {{ print -l -- ${{answers%%:*}} $answers; }}; compdef() {{ :; }}
            source {script}; words=(${{(z)${{:-'{line}'}}}}); [[ '{line}' == *' ' ]] && words+=(''); CURRENT=$#words; _chancery"""],
                             env=env, cwd=tmp_path)
    assert done.returncode == 0 and not done.stderr, done.stderr
    found = {re.sub(r"^--as=|^rsa\\?:", "", row.partition("\t")[0]) for row in done.stdout.splitlines()}
    found |= {row.rstrip(":").replace("\\", "").removeprefix("--as=").removeprefix("rsa:") for row in done.stdout.splitlines()}
    assert some <= found, done.stdout


# manuals

@pytest.fixture(scope="module")
def manuals(tmp_path_factory):
    directory = tmp_path_factory.mktemp("man")
    ok(chancery.cli("__manuals", directory))
    return {path.name: path for path in directory.glob("man*/*")}


def rendered(path):
    return re.sub(".\b", "", ok(processes.run(["mandoc", "-Tutf8", "-O", "width=400", path])))


@pytest.mark.once
def test_manuals_are_clean_mdoc_and_name_only_one_another(database, manuals):
    assert {"chancery.1", "chancery-certs.1", "chancery-serve.8", "chancery.yaml.5", "chancery-query.7", "chancery-references.7",
            "chancery-exit-codes.7"} <= set(manuals)
    for name, path in manuals.items():
        said = processes.run(["mandoc", "-Tlint", path])
        found = [line for line in said.stdout.splitlines() if "referenced manual not found" not in line]
        assert not found, found
        for page, section in re.findall(r"\.(?:It )?Xr (\S+) (\d)", path.read_text()):
            assert f"{page}.{section}" in manuals, (name, page)
        assert rendered(path).splitlines()[0].startswith(name.rpartition(".")[0].upper())


@pytest.mark.once
def test_a_manual_says_what_the_help_says(database, manuals):
    summary = ok(chancery.cli("help"))
    firsts = re.findall(r"^  ([a-z-]+) ", summary, re.M)
    assert len(firsts) > 25
    for first in firsts:
        page = rendered(manuals.get(f"chancery-{first}.1") or manuals[f"chancery-{first}.8"])
        flat = " ".join(page.split())
        help = ok(chancery.cli("help", first))
        paths = [first]
        if "COMMAND [flags]" in help:
            paths = [f"{first} {second}" for second in re.findall(r"^  ([a-z -]*[a-z]) +[A-Z]", help, re.M)]
        for path in paths:
            text = ok(chancery.cli("help", *path.split()))
            assert text.splitlines()[0].rstrip(".") in flat or first in ("serve", "init"), (path, text)
            for flag, doc in re.findall(r"^  (?:-.|  )[, ] (--[a-z-]+)(?: \S+)* {2,}(.*?)(?: \(also|$)", text, re.M):
                assert flag in page and " ".join(doc.split()) in flat, (path, flag, doc)
    assert rendered(manuals["chancery-exit-codes.7"]).count("\n") > 12
    assert ok(chancery.cli("help", "--man", "certs")) == manuals["chancery-certs.1"].read_text()
    assert ok(chancery.cli("help", "--man")) == manuals["chancery.1"].read_text()
    settings = " ".join(rendered(manuals["chancery.yaml.5"]).split())
    assert all(" ".join(line.split()) in settings for line in ok(chancery.cli("config", "describe")).splitlines())
    assert chancery.cli("help", "--man", "nosuch").returncode == 3


# the terminal

def on_terminal(command, env, rows=10, keys=b"", seconds=20):
    """Run COMMAND on a terminal of ROWS lines; its exit status and all that it showed."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 200, 0, 0))
    process = subprocess.Popen([str(part) for part in command], stdin=slave, stdout=slave, stderr=subprocess.DEVNULL, env=env,
                               start_new_session=True)
    os.close(slave)
    if keys:
        os.write(master, keys)
    shown, until = b"", time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            piece = os.read(master, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(master)
    return processes.stop(process), shown.decode()


@pytest.mark.once
def test_long_output_on_a_terminal_goes_through_the_pager(database, tmp_path):
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8", "PAGER": "sed s/^/paged:/"}
    long, short = [chancery.PROGRAM, "help", "formats"], [chancery.PROGRAM, "version"]
    status, shown = on_terminal(long, env)
    assert status == 0 and "paged:-o json" in shown
    assert "paged:" not in on_terminal(short, env)[1]
    assert "paged:" not in on_terminal([*long, "--no-pager"], env)[1]
    assert "paged:" not in on_terminal(long, env, rows=100)[1]
    assert "paged:" not in ok(processes.run(long, env=env))  # no terminal
    for pager in ("", "cat", "no-such-program-at-all"):
        assert "-o json" in on_terminal(long, {**env, "PAGER": pager})[1]
    status, shown = on_terminal([chancery.PROGRAM, "help", "codes"], {**env, "PAGER": "head -2"})  # it leaves early
    assert status == 0 and "CHY-" in shown


class Watching:
    """A command that goes on: its lines as they come."""

    def __init__(self, server, directory, *arguments):
        self.out = directory / "watched"
        env = {"PATH": os.environ["PATH"], "HOME": str(directory), "LANG": "C.UTF-8", **server.cli_env()}
        self.process = processes.start([server.program, *arguments], self.out, env=env)

    def wait_for(self, pattern, seconds=10):
        return processes.wait_until(lambda: re.search(pattern, self.out.read_text(), re.M), seconds, 0.05, what=f"/{pattern}/")

    def stop(self):
        return processes.stop(self.process, signal.SIGINT)


@pytest.fixture
def watching(server, tmp_path):
    made = []

    def make(*arguments):
        made.append(Watching(server, tmp_path, *arguments))
        return made[-1]
    yield make
    for one in made:
        one.stop()


@pytest.mark.parametrize("form", ["table", "jsonl"])
def test_watch_prints_a_line_for_each_change(server, client, watching, form):
    word = f"watch{time.time_ns()}"
    client.enroll(dns=(f"one.{word}.example.com",))
    one = watching("certs", "list", word, "--watch=200ms", "-o", form, "--fields", "Id,IssuedCN")
    one.wait_for(rf"one\.{word}")
    made = client.enroll(dns=(f"two.{word}.example.com",))
    one.wait_for(rf"two\.{word}")
    text = one.out.read_text()
    assert text.count(f"one.{word}") == 1, text  # what did not change is not told again
    client.revoke(made["KeyfactorID"])
    if form == "table":
        one.wait_for(rf"^- .*two\.{word}")
    assert one.process.poll() is None
    assert one.stop() == -signal.SIGINT


def test_watch_waits_longer_than_an_hour(server, watching):
    """4295 s are more microseconds than 32 bits hold, by 33 ms."""
    one = watching("users", "list", "--watch=4295s", "--verbose")
    one.wait_for("admin")
    time.sleep(1)
    calls = one.out.read_text().count("GET ")
    assert calls <= 1, calls


def test_watch_survives_a_server_that_is_away(new_server, tmp_path):
    server = new_server().start()
    one = Watching(server, tmp_path, "users", "list", "--watch=300ms")
    try:
        one.wait_for("admin")
        server.stop()
        one.wait_for("^warning: .*tried again", 30)
        server.start()
        name, _ = admin.user(server)
        one.wait_for(re.escape(name), 30)
        assert one.out.read_text().count("warning:") == 1
    finally:
        one.stop()


def test_watch_draws_a_table_on_a_terminal(server, tmp_path):
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8", **server.cli_env()}
    status, shown = on_terminal(["timeout", "-s", "INT", "5", server.program, "ca", "list", "--watch=200ms"], env)
    assert shown.count("\033[2J") == 1 and "Issuing" in shown  # drawn once: nothing changed
    assert status in (124, 130)


# waiting

def waiting_template(server):
    return admin.template(server, policy={"requires_approval": True})


@pytest.mark.parametrize("command", ["issue", "enroll"])
def test_wait_ends_with_the_certificate_or_says_that_it_still_waits(server, client, tmp_path, command):
    template, name = waiting_template(server), f"wait{time.time_ns()}.example.com"
    csr = tmp_path / "w.csr"
    csr.write_text(keys.new_csr(name, [name]))
    arguments = ["enroll", "csr", csr] if command == "enroll" else ["issue", "--issuer", client.server_ca(), "--csr", csr]
    arguments += ["--template", template, "--out", tmp_path / "w.pem"]
    pending = server.cli(*arguments)
    assert pending.returncode == 6 and "waits" in pending.stderr, pending.stderr
    csr.write_text(keys.new_csr(name, [name]))
    late = server.cli(*arguments, "--wait=1s")
    number = re.search(r"request (\d+) still waits", late.stderr)
    assert late.returncode == 9 and number, (late.returncode, late.stderr)
    csr.write_text(keys.new_csr(name, [name]))
    log = tmp_path / "log"
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8", **server.cli_env()}
    process = processes.start([server.program, *arguments, "--wait"], log, env=env)
    try:
        request = processes.wait_until(lambda: re.search(r"request (\d+) waits", log.read_text()), 10, what="the request")[1]
        boss = server.client(*admin.user(server, roles=["Operator"]))
        issued = boss.rest("POST", f"/requests/{request}/approve").json()["certificate_id"]
        assert process.wait(20) == 0, log.read_text()
    finally:
        processes.stop(process)
    held = keys.load(pathlib.Path(tmp_path / "w.pem").read_text())
    assert keys.serial(held) == client.get(f"/Certificates/{issued}")["SerialNumber"]


# the keyring

def test_a_login_is_kept_in_the_keyring(server, tmp_path):
    env = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    (tmp_path / "pw").write_text(server.password)
    name = f"test-{time.time_ns()}"

    def run(*arguments):
        return processes.run([server.program, *arguments], env=env)
    done = run("login", "--server", server.url, "--cacert", server.ca, "--user", server.user, "--password-file", tmp_path / "pw",
               "--name", name)
    if "there is no keyring" in done.stderr:
        pytest.skip("no keyring here")
    config = tmp_path / ".config/chancery/config.yaml"
    try:
        ok(done)
        assert "warning" not in done.stderr and f"keyring:chancery/{name}" in config.read_text() and "eyJ" not in config.read_text()
        config.chmod(0o644)  # there is nothing to hide
        ok(run("certs", "list", "--limit", "1"))
        assert "keyring:" in ok(run("context", "list", "-o", "json"))
        ok(run("logout"))
        assert run("certs", "list").returncode == 4
        ok(run("login", "--server", server.url, "--cacert", server.ca, "--user", server.user, "--password-file", tmp_path / "pw",
               "--name", name))
        kept = config.read_text()
        ok(run("context", "delete", name))
        config.write_text(kept)  # the reference alone opens nothing
        gone = run("certs", "list")
        assert gone.returncode == 4 and "token is gone" in gone.stderr and "chancery login" in gone.stderr
    finally:
        run("context", "delete", name)


@pytest.mark.once
def test_an_installation_has_manuals_and_completions(database, tmp_path):
    done = processes.run(["meson", "install", "-C", chancery.BUILD, "--no-rebuild", "--quiet"],
                         env={**os.environ, "DESTDIR": str(tmp_path)})
    assert done.returncode == 0, done.stdout + done.stderr
    share = tmp_path / "usr/share"
    for path in ("man/man1/chancery.1", "man/man8/chancery-serve.8", "man/man5/chancery.yaml.5", "man/man7/chancery-query.7",
                 "bash-completion/completions/chancery", "bash-completion/completions/chy",
                 "zsh/vendor-completions/_chancery", "fish/vendor_completions.d/chancery.fish", "chancery/completion.ps1"):
        assert (share / path).read_text(), path
    assert (tmp_path / "usr/bin/chy").resolve() == tmp_path / "usr/bin/chancery"


# words of cli.md that came later

def test_hold_and_release(server, client):
    made = client.enroll(dns=("hold.example.com",))
    number = str(made["KeyfactorID"])

    def state():
        row = client.get(f"/Certificates/{number}")
        return row["CertState"], row["RevocationReason"]
    assert "would put on hold" in ok(server.cli("hold", number, "--dry-run")) and state()[0] == 1
    for _ in range(2):
        ok(server.cli("hold", number, "--comment", "lost", "--yes"))
        assert state() == (2, 6)
    for _ in range(2):
        said = server.cli("release", number, "--yes")
        ok(said)
        assert state()[0] == 1
    assert "not on hold" in said.stderr
    assert server.cli("hold", number, "--no-input").returncode == 2 and server.cli("release").returncode == 2


def test_a_certificate_is_named_by_who_shows_it(server, client):
    shown = ok(server.cli("certs", "show", server.url, "-o", "json"))
    assert json.loads(shown)["CertState"] == 1 and "localhost" in shown
    assert server.cli("certs", "show", "https://127.0.0.1:1").returncode == 8


@pytest.mark.parametrize("more", [[], ["--duration", "10d"]])
def test_issue_writes_a_pfx_and_names_an_owner(server, client, tmp_path, more):
    from cryptography.hazmat.primitives.serialization import pkcs12
    (tmp_path / "pw").write_text("a long password")
    role = admin.role(server, [])
    name = f"pfx{time.time_ns()}.example.com"
    ok(server.cli("issue", "--issuer", client.server_ca(), "--dns", name, "--pfx", tmp_path / "a.pfx", "--password-file",
                  tmp_path / "pw", "--owner", role, *more))
    key, leaf, chain = pkcs12.load_key_and_certificates((tmp_path / "a.pfx").read_bytes(), b"a long password")
    assert keys.names(leaf) == [name] and chain and key.public_key().public_numbers() == leaf.public_key().public_numbers()
    assert (tmp_path / "a.pfx").stat().st_mode & 0o777 == 0o600
    row, = client.get("/Certificates", **{"pq.queryString": f'OwnerRoleName -eq "{role}"'})
    assert row["IssuedCN"] == name
    before = client.total()
    for arguments, word in ((["--owner", "no such role"], "owner"), (["--csr", tmp_path / "pw"], "--pfx")):
        done = server.cli("issue", "--issuer", client.server_ca(), "--dns", name, "--pfx", tmp_path / "b.pfx", "--password-file",
                          tmp_path / "pw", *arguments, *more)
        assert done.returncode != 0 and word in done.stderr.lower(), done.stderr
    assert client.total() == before and not (tmp_path / "b.pfx").exists()


def test_lists_for_programs_are_whole(server, client):
    for _ in range(101):
        client.enroll(dns=("many.example.com",))
    lines = ok(server.cli("audit", "list", "--action", "certificate.issue", "-o", "jsonl")).splitlines()
    assert len(lines) >= 101
    assert len(ok(server.cli("audit", "list", "--action", "certificate.issue", "-o", "jsonl", "--limit", "5")).splitlines()) == 5


def test_the_environment_may_ask_for_more_words(server):
    for word, shown in (("info", True), ("debug", True), ("error", False), ("nonsense", False)):
        done = server.cli("certs", "list", "--limit", "1", env={"CHANCERY_LOG": word})
        ok(done)
        assert ("GET" in done.stderr) == shown, done.stderr
        assert server.cli_env()["CHANCERY_TOKEN"] not in done.stderr
