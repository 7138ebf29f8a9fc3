"""The command line: every command of this part, output formats, exit codes, the style of errors."""
import base64
import concurrent.futures
import csv
import fcntl
import hashlib
import io
import json
import os
import re
import subprocess
import time
import uuid

import pytest
import yaml

import admin
import chancery
import keys
import ports
import processes
import programs


def ok(done):
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def says(done, status, *patterns):
    """It failed with this exit status, and the first line of its error says these things."""
    assert done.returncode == status, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert not done.stdout.strip(), done.stdout
    first = done.stderr.splitlines()[0]
    assert first.startswith("error: "), done.stderr
    for pattern in patterns:
        assert re.search(pattern, done.stderr, re.I), (pattern, done.stderr)
    return done.stderr


@pytest.fixture(scope="module")
def tag(server):
    """Three certificates whose names share a word: two active, one revoked."""
    client, word = server.client(), f"cli{time.time_ns()}"
    for name in ("one", "two", "gone"):
        answer = client.enroll(dns=(f"{name}.{word}.example.com",))
    client.revoke(answer["KeyfactorID"])
    return word


# without a server

@pytest.mark.once
class TestAlone:
    @pytest.fixture(autouse=True)
    def _on_one_worker(self, database):
        pass

    def test_alone_it_prints_a_summary_on_one_screen(self):
        text = ok(chancery.cli())
        assert len(text.splitlines()) <= 40 and "chancery login" in text and "serve" in text

    @pytest.mark.parametrize("arguments", [["version"], ["--version"]])
    def test_version(self, arguments):
        assert re.match(r"chancery \d+\.\d+\.\d+", ok(chancery.cli(*arguments)))
        if arguments == ["version"]:
            assert re.match(r"\d+\.\d+", json.loads(ok(chancery.cli("version", "-o", "json")))["version"])

    @pytest.mark.parametrize("command", [
        "serve", "init", "issue", "issue-cert", "enroll csr", "certs list", "certs show", "certs download",
        "certs revoke", "certs set", "revoke", "search", "metadata list", "metadata create", "metadata edit",
        "collections", "collections create", "collections grant", "ca list", "ca show", "ca crl", "templates list", "templates show",
        "audit list", "audit verify", "audit export", "archive run", "users", "login", "api", "config", "config show", "config check", "completion",
        "version"])
    def test_help_of_every_command_says_what_it_does(self, command):
        texts = [ok(chancery.cli(*command.split(), flag)) for flag in ("--help", "-h")]
        texts.append(ok(chancery.cli("help", *command.split())))
        assert texts[0] == texts[1] == texts[2]
        assert re.match(r"[A-Z].*\.\n", texts[0]), texts[0]
        assert re.search(r"^Usage:?", texts[0], re.M | re.I) and f"chancery {command.split()[0]}" in texts[0]
        before = re.split(r"^Examples:?", texts[0], flags=re.M | re.I)[0]
        assert len(before.splitlines()) <= 24

    @pytest.mark.parametrize("arguments, status, patterns", [
        (["isue"], 2, ["isue", "did you mean.*issue"]), (["certs", "lst"], 2, ["lst", "did you mean.*list"]),
        (["certs", "list", "--lmit", "5"], 2, ["--lmit", "did you mean.*--limit"]), (["certs", "list", "--limit"], 2, ["--limit"]),
        (["certs", "list", "--limit", "many"], 2, ["--limit", "many"]), (["certs", "list", "-o", "xml"], 2, ["xml", "json"]),
        (["certs", "list", "--lim", "5"], 2, ["--lim"]),
        (["certs", "list", "--limit", "0"], 2, ["--limit", "1 or more"]), (["certs", "list", "--sort", "CN:up"], 2, ["CN:up", "F:desc"]), (["certs", "show"], 2, ["certificate|argument|REF"]),
        (["issue"], 2, ["--issuer"]), (["issue", "--issuer", "x", "--duration", "soon"], 2, ["soon|duration"]),
        (["issue", "--issuer", "x", "--dns", "a", "--key-type", "rsa:7"], 2, ["rsa:7|key-type"]),
        (["enroll", "csr", "/no/such/file.csr", "--template", "x"], 2, ["/no/such/file.csr"]),
        (["revoke", "1", "--reason", "mood"], 2, ["mood|reason"]), (["help", "CHY-9999"], 3, ["CHY-9999"]),
        (["serve", "--listen", "nonsense"], 2, ["nonsense|listen"]), (["serve", "--nosuch"], 2, ["--nosuch"]),
        (["completion", "tcsh"], 2, ["tcsh", "bash"]), (["--output", "json", "nosuch"], 2, ["nosuch"]),
    ])
    def test_a_wrong_invocation_exits_2_and_says_why(self, arguments, status, patterns):
        done = chancery.cli(*arguments, env={"CHANCERY_SERVER": "https://127.0.0.1:9", "CHANCERY_TOKEN": "x"})
        if "--output" in arguments:
            assert done.returncode == status and "nosuch" in json.loads(done.stderr)["error"]["message"]
        else:
            says(done, status, *patterns)

    @pytest.mark.parametrize("arguments", [
        ["ca", "create", "x", "--permitted-dns", ""], ["ca", "create", "x", "--excluded-dns=,"], ["users", "create", "x", "--role", " "],
        ["acme", "profiles", "create", "x", "--allow", ""], ["acme", "eab", "create", "--allow", ""], ["enroll", "csr", "x.csr", "--dns", ""],
        ["ca", "offline", "sign", "x.csr", "--permitted-dns", ""], ["ca", "offline", "crl", "--revoked", ""]])
    def test_an_empty_name_is_not_the_same_as_no_flag(self, arguments):
        says(chancery.cli(*arguments), 2, arguments[-2 if "=" not in arguments[-1] else -1].split("=")[0], "a name")

    def test_a_code_is_explained_offline(self):
        assert "CHY-2104" in ok(chancery.cli("help", "CHY-2104"))
        for topic in ("query", "formats", "exit-codes", "environment", "references", "topics"):
            assert len(ok(chancery.cli("help", topic))) > 100

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_the_completion_loads_in_its_shell(self, shell, tmp_path):
        script = tmp_path / "completion"
        script.write_text(ok(chancery.cli("completion", shell)))
        check = {"bash": ["bash", "--norc", "-c", f"source {script} && complete -p chancery"],
                 "zsh": ["zsh", "-f", "-c", f"autoload -U compinit && compinit -u -d {tmp_path}/dump && source {script}"],
                 "fish": ["fish", "--no-config", "-c", f"source {script}; and complete -C 'chancery cer'"]}[shell]
        done = processes.run(check, env={"HOME": str(tmp_path), "PATH": f"{chancery.BUILD}:{os.environ['PATH']}"})
        assert done.returncode == 0 and not done.stderr, done.stderr
        if shell == "fish":
            assert "certs" in done.stdout

    def test_an_unreachable_server_is_exit_8(self):
        done = chancery.cli("certs", "list", env={"CHANCERY_SERVER": f"https://127.0.0.1:{ports.take()}",
                                                  "CHANCERY_TOKEN": "x"}, timeout=60)
        says(done, 8, "127.0.0.1")

    @pytest.mark.parametrize("address", ["localhost.invalid:1", "127.0.0.1.invalid:1", "127.invalid", "[::2]:1", "10.0.0.1"])
    def test_credentials_go_in_clear_text_to_nobody_but_this_machine(self, address):
        secret = {"CHANCERY_USERNAME": "admin", "CHANCERY_PASSWORD": "a long enough password"}
        says(chancery.cli("certs", "list", env={"CHANCERY_SERVER": f"http://{address}", **secret}), 2, "--server", "clear|credentials",
             f"fix: +https://{re.escape(address)}")
        says(chancery.cli("login", "--server", f"http://{address}", "--user", "admin", env=secret), 2, "--server")
        says(chancery.cli("certs", "list", env={
            "KEYFACTOR_HOSTNAME": "127.0.0.1:1", "KEYFACTOR_AUTH_CLIENT_ID": "a", "KEYFACTOR_AUTH_CLIENT_SECRET": "b",
            "KEYFACTOR_AUTH_TOKEN_URL": f"http://{address}/token"}), 2, "KEYFACTOR_AUTH_TOKEN_URL", "credentials")

    @pytest.mark.parametrize("address", ["localhost", "127.0.0.1", "127.3.2.1", "[::1]"])
    def test_plain_http_serves_this_machine(self, address):
        done = chancery.cli("certs", "list", env={"CHANCERY_SERVER": f"http://{address}:1", "CHANCERY_TOKEN": "x"})
        says(done, 8, "cannot be reached")

    def test_without_a_server_it_says_how_to_log_in(self):
        says(chancery.cli("certs", "list"), 4, "chancery login|--server")

    def test_the_words_of_a_deployed_client_are_honoured(self, server):
        host, port = server.url.rstrip("/").split("//")[1].split(":")
        text = ok(chancery.cli("certs", "list", "-o", "json", "--limit", "1", env={
            "KEYFACTOR_HOSTNAME": f"{host}:{port}", "KEYFACTOR_USERNAME": server.user,
            "KEYFACTOR_PASSWORD": server.password, "KEYFACTOR_CA_CERT": str(server.ca)}))
        assert isinstance(json.loads(text), list)
        text = ok(chancery.cli("certs", "list", "-o", "json", "--limit", "1", env={
            "KEYFACTOR_HOSTNAME": f"{host}:{port}", "KEYFACTOR_AUTH_CLIENT_ID": server.client_id,
            "KEYFACTOR_AUTH_CLIENT_SECRET": server.client_secret, "KEYFACTOR_CA_CERT": str(server.ca),
            "KEYFACTOR_AUTH_TOKEN_URL": f"{server.url.rstrip('/')}/KeyfactorAPI/OAuth/Token"}))
        assert isinstance(json.loads(text), list)

    def test_init_makes_an_installation_once(self, tmp_path):
        (tmp_path / "pw").write_text("a long enough password\n")
        (tmp_path / "pw").chmod(0o600)
        command = ["init", "--data-dir", tmp_path / "data", "--admin-user", "admin", "--admin-password-file",
                   tmp_path / "pw", "--ca", "embedded", "--ca-name", "Example", "--url", "https://pki.example.com",
                   "-o", "json"]
        first = json.loads(ok(chancery.cli(*command)))
        again = json.loads(ok(chancery.cli(*command)))
        assert "a long enough" not in json.dumps(first)
        assert [key for key in again if key not in first] == []


    @pytest.mark.parametrize("name, reason", [("", "an account is name"), ("a:b", "colon"), ("a\tb", "control"), ("x" * 257, "256")])
    def test_init_judges_the_first_users_name_before_it_makes_anything(self, tmp_path, name, reason):
        (tmp_path / "pw").write_text("a long enough password\n")
        (tmp_path / "pw").chmod(0o600)
        done = chancery.cli("init", "--data-dir", tmp_path / "data", "--admin-user", name, "--admin-password-file", tmp_path / "pw",
                            "--url", "http://pki.example.com")
        says(done, 2, "--admin-user", reason)
        assert not (tmp_path / "data").exists()

    def test_whoever_writes_the_same_files_at_once_leaves_a_key_and_a_request_that_belong_together(self, tmp_path):
        key, csr = tmp_path / "a.key", tmp_path / "out" / "a.csr"
        csr.parent.mkdir()
        lock = os.open(tmp_path, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)  # as one that is about to write the first of two files
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                each = [pool.submit(chancery.cli, "csr", "create", "--dns", "a.example.com", "--key-out", key, "--out", csr)
                        for _ in range(4)]
                concurrent.futures.wait(each, 1)
                assert not any(one.done() for one in each) and not key.exists() and not csr.exists()
                fcntl.flock(lock, fcntl.LOCK_UN)
                for one in each:
                    ok(one.result())
        finally:
            os.close(lock)
        assert ok(programs.openssl("req", "-in", csr, "-noout", "-pubkey")) == ok(programs.openssl("pkey", "-in", key, "-pubout"))
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.key", "out"]


# one format after another

class TestFormats:
    def test_table(self, server, tag):
        done = server.cli("search", "-q", f'CN -contains "{tag}"', "--sort", "Id")
        lines = ok(done).splitlines()
        assert re.match(r"\s*ID\s+NAME\s+STATUS\s+EXPIRES", lines[0]), lines[0]
        assert [re.search(r"(one|two)\.", line).group(1) for line in lines[1:3]] == ["one", "two"]
        assert "\x1b" not in done.stdout and "…" not in done.stdout
        bare = ok(server.cli("search", "-q", f'CN -contains "{tag}"', "--no-headers")).splitlines()
        assert len([line for line in bare if tag in line]) == 2 and "NAME" not in bare[0]

    def test_json_has_the_names_of_the_api(self, server, tag):
        rows = json.loads(ok(server.cli("search", "-q", f'CN -contains "{tag}"', "-o", "json", "--sort", "Id")))
        assert [row["IssuedCN"].split(".")[0] for row in rows] == ["one", "two"]
        assert all(isinstance(row["Id"], int) and row["NotAfter"].endswith("Z") for row in rows)

    def test_jsonl_yaml_csv_name_env_and_template(self, server, tag):
        def list_as(form, *more):
            return ok(server.cli("search", "-q", f'CN -contains "{tag}"', "--sort", "Id", "-o", form, *more))
        rows = json.loads(list_as("json"))
        assert [json.loads(line) for line in list_as("jsonl").splitlines()] == rows
        loaded = yaml.safe_load(list_as("yaml"))
        assert [row["Thumbprint"] for row in loaded] == [row["Thumbprint"] for row in rows]
        table = list(csv.DictReader(io.StringIO(list_as("csv", "--fields", "Id,IssuedCN,NotAfter"))))
        assert [(int(row["Id"]), row["IssuedCN"]) for row in table] == [(row["Id"], row["IssuedCN"]) for row in rows]
        assert set(table[0]) == {"Id", "IssuedCN", "NotAfter"}
        assert list_as("name").split() == [f"certificate/{row['Id']}" for row in rows]
        shown = ok(server.cli("certs", "show", str(rows[0]["Id"]), "-o", "env"))
        out = subprocess.run(["sh", "-c", shown + '\nprintf %s "$ISSUED_CN"'], capture_output=True, text=True, check=True)
        assert out.stdout == rows[0]["IssuedCN"]
        assert list_as("template={{Id}}:{{IssuedCN}}").split() == [f"{row['Id']}:{row['IssuedCN']}" for row in rows]

    def test_fields_choose_and_help_lists_them(self, server, tag):
        rows = json.loads(ok(server.cli("search", "-q", f'CN -contains "{tag}"', "-o", "json", "--fields", "Id,Thumbprint")))
        assert set(rows[0]) == {"Id", "Thumbprint"}
        assert "Thumbprint" in ok(server.cli("certs", "list", "--fields", "help"))
        says(server.cli("certs", "list", "--fields", "NoSuch"), 2, "NoSuch")

    def test_an_empty_list_is_no_failure(self, server):
        done = server.cli("search", "-q", 'CN -eq "nothing.is.called.so"')
        assert ok(done) == "" and "No certificates match." in done.stderr
        assert json.loads(ok(server.cli("search", "-q", 'CN -eq "nothing.is.called.so"', "-o", "json"))) == []

    def test_flags_may_stand_anywhere_and_take_either_form(self, server, tag):
        query = f'CN -contains "{tag}"'
        wanted = ok(server.cli("search", "-q", query, "--sort", "Id", "-o", "json"))
        assert ok(server.cli("-o", "json", "search", "--sort=Id", "-q", query)) == wanted
        assert ok(server.cli("--output=json", "--sort", "Id", "search", f"--query={query}")) == wanted
        assert ok(server.cli("search", "--sort", "Id", "-ojson", "-q", query)) == wanted


# against a server

def test_list_show_and_search_agree(server, tag):
    rows = json.loads(ok(server.cli("certs", "list", "--filter", f'CN -contains "{tag}"', "-o", "json")))
    assert len(rows) == 2
    by = {form: json.loads(ok(server.cli("certs", "show", form, "-o", "json"))) for form in (
        str(rows[0]["Id"]), rows[0]["Thumbprint"], rows[0]["Thumbprint"][:12].lower(), f"serial:{rows[0]['SerialNumber']}")}
    assert {row["Id"] for row in by.values()} == {rows[0]["Id"]}
    found = json.loads(ok(server.cli("search", f"one.{tag}", "-o", "json")))
    assert [row["IssuedCN"] for row in found] == [f"one.{tag}.example.com"]
    assert ok(server.cli("search", "-q", f'CN -contains "{tag}"', "--count")).strip() == "2"
    assert len(json.loads(ok(server.cli("certs", "list", "--limit", "1", "-o", "json")))) == 1


def test_a_certificate_is_named_by_the_thumbprint_of_either_kind(server, client, tmp_path):
    made = client.enroll(dns=(f"thumb-{uuid.uuid4().hex[:12]}.example.com",))
    der = keys.load(made["Certificates"][0]).public_bytes(keys.DER)
    (tmp_path / "c.der").write_bytes(der)
    for digits in (hashlib.sha256(der).hexdigest(), hashlib.sha1(der).hexdigest()):
        for ref in (digits, digits.upper(), digits[:9], digits[:12], ":".join(re.findall("..", digits))):
            assert json.loads(ok(server.cli("certs", "show", ref, "-o", "json")))["Id"] == made["KeyfactorID"], ref
        assert keys.load(ok(server.cli("certs", "download", digits[:16]))).public_bytes(keys.DER) == der
        assert server.cli("needs-renewal", digits[:10]).returncode == 1
        found = json.loads(ok(server.cli("search", digits[:20], "-o", "json")))
        assert [row["Id"] for row in found] == [made["KeyfactorID"]]
    assert json.loads(ok(server.cli("certs", "show", tmp_path / "c.der", "-o", "json")))["Id"] == made["KeyfactorID"]
    wrong = f"{int(digits[:16], 16) ^ 1:016x}"
    says(server.cli("certs", "show", wrong), 3, wrong)
    ok(server.cli("revoke", hashlib.sha256(der).hexdigest()[:14], "--reason", "superseded", "--yes"))
    assert client.get(f"/Certificates/{made['KeyfactorID']}")["CertState"] == 2


def test_a_thumbprint_may_begin_with_decimal_digits_and_an_id_wins(server, client):
    key = keys.new_key()
    while True:
        der = keys.self_signed(f"digits-{uuid.uuid4().hex[:12]}.example", key=key)[0].public_bytes(keys.DER)
        digits = hashlib.sha1(der).hexdigest()[:10]
        if digits.isdecimal() and digits[0] != "0":  # no id that there is, and no other's thumbprint
            break
    client.post("/Certificates/Import", {"Certificate": base64.b64encode(der).decode()})
    row = json.loads(ok(server.cli("certs", "show", digits, "-o", "json")))
    assert row["Thumbprint"].lower().startswith(digits)
    assert json.loads(ok(server.cli("certs", "show", f"{row['Id']:09d}", "-o", "json")))["Id"] == row["Id"]
    says(server.cli("certs", "show", f"{int(digits) ^ 1:010d}"), 3, "not found")


def test_what_is_not_there_is_exit_3(server):
    says(server.cli("certs", "show", "999999999"), 3, "999999999", "not found|no such|does not exist")
    says(server.cli("templates", "show", "NoSuch"), 3, "NoSuch")
    says(server.cli("ca", "show", "NoSuch"), 3, "NoSuch")
    says(server.cli("certs", "show", "FFFFFFFFFFFF"), 3, "FFFFFFFFFFFF")
    done = server.cli("certs", "show", "999999999", "-o", "json")
    error = json.loads(done.stderr)["error"]
    assert done.returncode == 3 and error["http_status"] == 404 and error["message"] and error["request_id"]


def test_a_place_that_cannot_be_written_is_told_before_anything_is_issued(server, tmp_path):
    tag = f"place-{uuid.uuid4().hex[:12]}.example.com"
    ca = server.client().server_ca()
    for flags in (["--out", "/nonexistent/web.pem", "--key-out", tmp_path / "k"],
                  ["--out", tmp_path / "web.pem", "--key-out", "/nonexistent/k"], ["--out", tmp_path, "--key-out", tmp_path / "k"]):
        done = server.cli("issue", "--issuer", ca, "--dns", tag, *flags)
        says(done, 2, "cannot write")
    here = tmp_path / "all.pem"
    for flags in (["--out", here, "--key-out", here], ["--out", here, "--key-out", tmp_path / "." / "all.pem"],
                  ["--out", here, "--key-out", tmp_path / "k", "--pfx", here]):
        says(server.cli("issue", "--issuer", ca, "--dns", tag, *flags), 2, "name one file")
    assert server.client().total(f'CN -eq "{tag}"') == 0 and not here.exists()
    # a disk that fills up later: what was issued is told, and how to fetch it
    done = server.cli("issue", "--issuer", ca, "--dns", tag, "--out", "/dev/full", "--key-out", tmp_path / "k")
    says(done, 1, "/dev/full", r"chancery certs download \d+")
    assert server.client().total(f'CN -eq "{tag}"') == 1


def test_a_serial_number_alone_names_its_certificate(server):
    made = server.client().enroll(dns=(f"serial-{uuid.uuid4().hex[:12]}.example.com",))
    row = json.loads(ok(server.cli("certs", "show", made["SerialNumber"], "-o", "json")))
    assert row["Id"] == made["KeyfactorID"]
    ok(server.cli("revoke", made["SerialNumber"], "--reason", "superseded", "--yes"))
    assert server.client().get(f"/Certificates/{made['KeyfactorID']}")["CertState"] == 2


def test_an_error_of_this_machine_has_no_status_of_http(server):
    done = server.cli("certs", "download", "1", "--out", "/nonexistent/x", "--output", "json")
    error = json.loads(done.stderr)["error"]
    assert error["http_status"] is None and "/nonexistent/x" in error["message"], error


def test_a_bad_query_is_exit_2_with_its_position(server):
    says(server.cli("search", "-q", 'CN -eq "x" AND'), 2, r"position|column", r"\(CHY-1201\)")
    says(server.cli("search", "-q", 'Nonsense -eq "x"'), 2, "Nonsense", r"\(CHY-1202\)")


def test_not_signed_in_or_not_permitted_is_exit_4(server):
    says(chancery.cli("certs", "list", env={"CHANCERY_SERVER": server.url, "CHANCERY_CACERT": str(server.ca),
                                            "CHANCERY_TOKEN": "a.b.c"}), 4, "token|log in|signed in")
    name, password = admin.user(server, permissions=["certificates/read"])
    login = server.client().call("POST", "/KeyfactorAPI/Auth/Login", json={"username": name, "password": password})
    done = server.cli("revoke", "1", "--reason", "superseded", "--yes", env={"CHANCERY_TOKEN": login.json()["access_token"]})
    says(done, 4, "permission")


def test_a_certificate_of_another_time_or_name_is_called_that(server):
    # a build with sanitizers wants its runtime before faketime's
    env = {"ASAN_OPTIONS": ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"]))}
    done = chancery.cli("-f", "-4000d", chancery.PROGRAM, "whoami", program="faketime", env=server.cli_env() | env)
    says(done, 8, "begins at", "clock")
    assert "is unknown" not in done.stderr
    done = server.cli("whoami", env={"CHANCERY_SERVER": server.url.replace("127.0.0.1", "other.localhost")})
    says(done, 8, "other names", "listen.names")


def test_an_untrusted_server_is_refused_with_the_line_that_mends_it(server):
    done = chancery.cli("certs", "list", env={"CHANCERY_SERVER": server.url, "CHANCERY_TOKEN": "x"})
    says(done, 8, "--cacert", "certificate")


def test_refused_by_policy_is_exit_10(server):
    done = server.cli("issue", "--issuer", server.client().server_ca(), "--dns", "a b.example.com", "--out", "-")
    says(done, 10, "a b.example.com", r"\(CHY-21\d\d\)")


def test_enroll_csr_from_file_and_from_a_pipe(server, tmp_path):
    csr = keys.new_csr("pipe.example.com", ["pipe.example.com"])
    (tmp_path / "web.csr").write_text(csr)
    authority = server.client().server_ca()
    ok(server.cli("enroll", "csr", tmp_path / "web.csr", "--template", "WebServer", "--ca", authority, "--out",
                  tmp_path / "web.pem"))
    assert keys.names(keys.load((tmp_path / "web.pem").read_text())) == ["pipe.example.com"]
    done = server.cli("enroll", "csr", "-", "--template", "WebServer", input=csr)
    assert keys.names(keys.load(ok(done))) == ["pipe.example.com"]
    says(server.cli("enroll", "csr", "-", "--template", "WebServer", input="nonsense"), 10, "request|CSR")


@pytest.mark.seed("S410")
def test_the_seeds_line_issues_and_without_duration_renews(server, tmp_path):
    """keyvaultca issue-cert --issuer ca@vault --dns device1.example.com --duration 90d device1@vault"""
    store = tmp_path / "vault"
    store.mkdir()
    link = tmp_path / "keyvaultca"
    link.symlink_to(chancery.PROGRAM)
    config = tmp_path / "chancery.yaml"
    authority = server.client().server_ca()
    config.write_text(f"keystores:\n  vault: file:{store}\nissuers:\n  ca@vault: {authority}\n")
    more = {"CHANCERY_CONFIG": str(config)}

    def issue(*flags):
        with_duration = [*flags, "device1@vault"]
        return chancery.cli("issue-cert", "--issuer", "ca@vault", "--dns", "device1.example.com", *with_duration,
                            env={**server.cli_env(), **more}, program=link)
    ok(issue("--duration", "90d"))
    first = keys.load((store / "device1.pem").read_text())
    assert keys.names(first) == ["device1.example.com"]
    assert (first.not_valid_after - first.not_valid_before).days in (89, 90)
    assert (store / "device1.key").stat().st_mode & 0o777 == 0o600
    ok(issue())
    second = keys.load((store / "device1.pem").read_text())
    assert second.serial_number != first.serial_number and keys.names(second) == ["device1.example.com"]


@pytest.mark.parametrize("kind", ["rsa:2048", "ec:p384", "ed25519"])
def test_issue_makes_the_key_asked_for(server, tmp_path, kind):
    ok(server.cli("issue", "--issuer", server.client().server_ca(), "--dns", "kind.example.com,kind2.example.com",
                  "--ip", "10.0.0.7", "--key-type", kind, "--out", tmp_path / "c.pem", "--key-out", tmp_path / "c.key"))
    certificate = keys.load((tmp_path / "c.pem").read_text())
    assert sorted(keys.names(certificate)) == ["10.0.0.7", "kind.example.com", "kind2.example.com"]
    key = keys.serialization.load_pem_private_key((tmp_path / "c.key").read_bytes(), None)
    spki = (keys.DER, keys.serialization.PublicFormat.SubjectPublicKeyInfo)
    assert key.public_key().public_bytes(*spki) == certificate.public_key().public_bytes(*spki)
    assert (tmp_path / "c.key").stat().st_mode & 0o777 == 0o600


def test_a_dry_run_changes_nothing(server, tmp_path):
    client = server.client()
    before = client.total()
    done = server.cli("issue", "--issuer", client.server_ca(), "--dns", "dry.example.com", "--out", tmp_path / "d.pem",
                      "--key-out", tmp_path / "d.key", "--dry-run")
    assert "dry.example.com" in ok(done)
    number = client.enroll(dns=("dry2.example.com",))["KeyfactorID"]
    ok(server.cli("revoke", str(number), "--reason", "superseded", "--dry-run"))
    assert client.get(f"/Certificates/{number}")["CertState"] == 1 and client.total() == before + 1
    assert not (tmp_path / "d.pem").exists() and not (tmp_path / "d.key").exists()


@pytest.mark.parametrize("form", ["pem", "chain", "fullchain", "der", "p7b"])
def test_download_in_each_form(server, tmp_path, form):
    answer = server.client().enroll(dns=("dl.example.com",))
    out = tmp_path / "out"
    ok(server.cli("certs", "download", str(answer["KeyfactorID"]), "--as", form, "--out", out))
    chain = [keys.thumbprint(keys.load(pem)) for pem in answer["Certificates"]]
    if form == "der":
        found = [keys.x509.load_der_x509_certificate(out.read_bytes())]
    elif form == "p7b":
        read = out.read_bytes()
        kind = "PEM" if read.startswith(b"-----") else "DER"
        found = keys.load_all(programs.openssl("pkcs7", "-inform", kind, "-in", out, "-print_certs").stdout)
    else:
        found = keys.load_all(out.read_text())
    found = [keys.thumbprint(one) for one in found]
    if form in ("pem", "der"):
        assert found == chain[:1]
    elif form == "chain":
        assert found and found == chain[1:1 + len(found)]
    else:
        assert len(found) >= 2 and found == chain[:len(found)]


def test_revoke_asks_before_it_acts_and_takes_names_of_reasons(server):
    client = server.client()
    numbers = [client.enroll(dns=("rv.example.com",))["KeyfactorID"] for _ in range(4)]
    says(server.cli("revoke", str(numbers[0]), "--reason", "superseded", "--no-input"), 2, "--yes")
    assert client.get(f"/Certificates/{numbers[0]}")["CertState"] == 1
    for number, reason, wanted, command in ((numbers[0], "superseded", 4, ["revoke"]), (numbers[1], "5", 5, ["revoke"]),
                                            (numbers[2], "key-compromise", 1, ["certs", "revoke"])):
        done = server.cli(*command, str(number), "--reason", reason, "--comment", "CHG1", "--yes", "-o", "json")
        json.loads(ok(done))
        shown = client.get(f"/Certificates/{number}")
        assert (shown["RevocationReason"], shown["RevocationComment"]) == (wanted, "CHG1")
        ok(server.cli(*command, str(number), "--reason", reason, "--yes"))  # twice is no failure
    tag = f"rvq{time.time_ns()}"
    made = [client.enroll(dns=(f"{n}.{tag}.example.com",))["KeyfactorID"] for n in range(2)]
    ok(server.cli("revoke", "--query", f'CN -contains "{tag}"', "--reason", "superseded", "--yes"))
    assert {client.get(f"/Certificates/{number}")["CertState"] for number in made} == {2}


def test_authorities_are_listed_shown_and_give_their_crl(server, tmp_path):
    rows = json.loads(ok(server.cli("ca", "list", "-o", "json")))
    name = server.client().server_ca()
    assert name in json.dumps(rows) and name in ok(server.cli("ca", "list"))
    assert json.loads(ok(server.cli("ca", "show", name, "-o", "json")))
    ok(server.cli("ca", "crl", name, "--out", tmp_path / "ca.crl"))
    raw = (tmp_path / "ca.crl").read_bytes()
    done = programs.openssl("crl", "-inform", "PEM" if raw.startswith(b"-----") else "DER", "-in", tmp_path / "ca.crl",
                            "-noout", "-issuer")
    assert done.returncode == 0 and name in done.stdout


def test_no_output_takes_the_place_of_a_private_key(server, client, tmp_path):
    key = tmp_path / "web.key"
    key.write_text("# of the web server\n" + keys.key_pem(keys.new_key()))
    held, csr = key.read_bytes(), tmp_path / "a.csr"
    csr.write_text(keys.new_csr(cn="spared.example.com", dns=("spared.example.com",)))
    one = str(client.enroll()["KeyfactorID"])
    for command in (["certs", "download", one], ["ca", "crl", client.server_ca()], ["ca", "chain", client.server_ca()],
                    ["enroll", "csr", csr, "--template", "WebServer"], ["audit", "export"]):
        says(server.cli(*command, "--out", key), 5, "holds a private key")
    assert key.read_bytes() == held and client.total('CN -eq "spared.example.com"') == 0


@pytest.mark.parametrize("words", ["certs show", "ca show", "users show", "roles show", "requests show", "templates show", "acme orders show",
                                   "acme accounts show", "acme authorizations show", "acme profiles show", "acme eab show",
                                   "collections delete", "metadata delete", "acme eab revoke", "certs revoke"])
def test_a_name_that_is_empty_names_nothing(server, words):
    says(server.cli(*words.split(), ""), 2, "empty")


def test_templates_are_listed_and_shown(server):
    rows = json.loads(ok(server.cli("templates", "list", "-o", "json")))
    assert any("WebServer" in json.dumps(row) for row in rows)
    assert "WebServer" in ok(server.cli("templates", "list"))
    assert "WebServer" in ok(server.cli("templates", "show", "WebServer"))


def test_the_audit_trail_is_listed_and_verified(server):
    answer = server.client().enroll(dns=("audited.example.com",))
    rows = json.loads(ok(server.cli("audit", "list", "--limit", "5", "-o", "json")))
    assert any(str(answer["KeyfactorID"]) in json.dumps(row) for row in rows)
    assert "certificate.issue" in ok(server.cli("audit", "list", "--limit", "5"))
    ok(server.cli("audit", "verify"))


def test_a_changed_audit_row_is_found_with_exit_12(new_server, database):
    server = new_server().start()
    server.client().enroll()
    ok(server.cli("audit", "verify"))
    admin.sql(server, "UPDATE audit SET event = REPLACE(event, 'success', 'failure') WHERE seq = "
                      "(SELECT MAX(seq) - 1 FROM audit)")
    done = server.cli("audit", "verify")
    assert done.returncode == 12, done.stdout + done.stderr
    admin.sql(server, "DELETE FROM audit WHERE seq = (SELECT MAX(seq) - 1 FROM audit)")
    assert server.cli("audit", "verify").returncode == 12
    server.tolerates_errors = True


def test_who_keeps_an_anchor_sees_that_the_record_was_removed(new_server, database, tmp_path):
    server = new_server().start()
    server.client().enroll()
    anchor = tmp_path / "anchor.json"
    ok(server.cli("audit", "anchor", "--out", anchor))
    heads = json.loads(anchor.read_text())["heads"]
    assert heads and all(len(head["hash"]) == 64 and head["seq"] > 0 for head in heads)
    server.client().enroll()
    ok(server.cli("audit", "verify", "--anchor", anchor))
    ok(server.cli("audit", "verify", "--anchor", anchor, "--db", server.database))
    gone = tmp_path / "gone.db"
    said = server.cli("audit", "verify", "--db", f"sqlite:{gone}")
    assert said.returncode == 3 and "no database" in said.stderr and not gone.exists(), said
    ok(server.cli("audit", "verify", "--chain", str(heads[0]["chain"]), "--from", "2", "--to", "3"))
    for bad, words in (("{}", "names no chain"), ('{"heads":[{"chain":1,"seq":1,"hash":"12"}]}', "hash"), ("x", "anchor")):
        (tmp_path / "bad").write_text(bad)
        says(server.cli("audit", "verify", "--anchor", tmp_path / "bad"), 2, words)
    server.stop()
    for table in ("audit", "audit_checkpoint", "audit_chain"):
        admin.sql(server, f"DELETE FROM {table}")
    server.start()
    del server._token
    ok(server.cli("audit", "verify"))
    for where in ([], ["--db", server.database]):
        done = server.cli("audit", "verify", "--anchor", anchor, *where)
        assert done.returncode == 12 and "the anchor knows" in done.stdout, done.stdout + done.stderr


def test_users_are_made_listed_and_switched_off(server):
    name = f"cli-user-{time.time_ns()}"
    ok(server.cli("users", "create", name, "--password-file", "-", "--role", "Administrator",
                  input="a long enough password\n"))
    assert name in ok(server.cli("users", "list"))
    says(server.cli("users", "create", name, "--password-file", "-", input="a long enough password\n"), 5, name)
    assert json.loads(ok(server.cli("users", "show", name, "-o", "json")))
    ok(server.cli("users", "disable", name))
    done = chancery.cli("certs", "list", env={"CHANCERY_SERVER": server.url, "CHANCERY_CACERT": str(server.ca),
                                              "CHANCERY_USERNAME": name, "CHANCERY_PASSWORD": "a long enough password"})
    assert done.returncode == 4
    says(server.cli("users", "create", "x", "--password-file", "-", input="short\n"), 2, "password")


def test_login_keeps_a_context_that_later_commands_use(server, tmp_path):
    env = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config"), "PATH": os.environ["PATH"], "LANG": "C"}
    (tmp_path / "pw").write_text(server.password)

    def run(*arguments, **more):
        return processes.run([server.program, *arguments], env={**env, **more})
    done = run("login", "--server", server.url, "--cacert", server.ca, "--user", server.user, "--password-file",
               tmp_path / "pw", "--plain-file")
    assert done.returncode == 0, done.stderr
    config = tmp_path / "config/chancery/config.yaml"
    assert config.stat().st_mode & 0o777 == 0o600 and server.password not in config.read_text()
    assert isinstance(json.loads(ok(run("certs", "list", "--limit", "1", "-o", "json"))), list)
    config.chmod(0o644)
    assert run("certs", "list").returncode in (2, 4)


def test_contexts_are_made_of_another_clients_file(server, tmp_path):
    env = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "LANG": "C"}
    other = tmp_path / ".keyfactor" / "command_config.json"
    other.parent.mkdir()
    servers = {"default": {"host": server.url, "username": server.user, "password": server.password, "ca_cert_path": str(server.ca),
                           "api_path": "KeyfactorAPI"},
               "machine": {"host": server.url, "client_id": server.client_id, "client_secret": server.client_secret,
                           "token_url": f"{server.url.rstrip('/')}/KeyfactorAPI/OAuth/Token", "scopes": [], "ca_cert_path": str(server.ca)},
               "vaulted": {"host": "pki.example.com", "auth_provider": {"type": "azid"}, "skip_tls_verify": True}}
    other.write_text(json.dumps({"servers": servers}))
    before = other.read_bytes()

    def run(*arguments):
        return processes.run([server.program, *arguments], env=env)
    says(run("context", "import", "--plain-file", "--name", "x"), 2, "has 3 servers")
    says(run("context", "import", "none", "--plain-file"), 3, 'has no server "none"')
    says(run("context", "import", "--from", tmp_path / "missing"), 2, "missing")
    assert "would make context default" in run("context", "import", "--dry-run").stderr
    config = tmp_path / ".config/chancery/config.yaml"
    assert not config.exists()
    for _ in range(2):
        done = run("context", "import", "--plain-file")
        assert done.returncode == 0 and "auth_provider" in done.stderr and "always verified" in done.stderr, done.stderr
        assert config.stat().st_mode & 0o777 == 0o600 and other.read_bytes() == before
    assert server.password not in ok(run("context", "list", "-o", "json")) and server.client_secret not in ok(run("context", "list"))
    assert ok(run("whoami", "-o", "json", "--context", "default")) and ok(run("whoami", "-o", "json", "--context", "machine"))
    assert run("certs", "list", "--context", "vaulted").returncode == 4
    other.unlink()  # it is needed no more
    assert isinstance(json.loads(ok(run("certs", "list", "--limit", "1", "-o", "json"))), list)
    config.chmod(0o644)
    says(run("certs", "list"), 4, "holds a password and others may read it")
    config.chmod(0o600)
    # credentials go with their server, and are forgotten
    ok(run("context", "set", "machine", "--server", "https://elsewhere.example.com"))
    assert server.client_secret not in config.read_text()
    other.write_text(before.decode())
    says(run("context", "import", "machine", "--plain-file"), 5, "--name")
    ok(run("logout", "--context", "default"))
    assert server.password not in config.read_text()
    # into the keyring
    name = f"test-{time.time_ns()}"
    done = run("context", "import", "default", "--name", name)
    if "there is no keyring" not in done.stderr:
        try:
            ok(done)
            assert f"keyring:chancery/{name}/password" in config.read_text() and server.password not in config.read_text()
            ok(run("whoami", "--context", name))
        finally:
            run("context", "delete", name)
        assert run("whoami", "--context", name).returncode == 3


def test_api_makes_any_call(server):
    text = ok(server.cli("api", "GET", "/KeyfactorAPI/Certificates?pq.returnLimit=2"))
    assert len(json.loads(text)) <= 2
    everything = json.loads(ok(server.cli("api", "GET", "/KeyfactorAPI/Certificates?pq.returnLimit=3", "--paginate")))
    assert len({row["Id"] for row in everything}) == len(everything) >= 3
    done = server.cli("api", "GET", "/KeyfactorAPI/Certificates/999999999")
    assert done.returncode == 3
    body = json.dumps({"CertID": everything[0]["Id"]})
    assert json.loads(ok(server.cli("api", "POST", "/KeyfactorAPI/Certificates/Download", "--input", "-", input=body)))["Content"]


def test_show_api_prints_the_call_without_its_secrets(server):
    done = server.cli("certs", "list", "--limit", "1", "--show-api")
    ok(done)
    assert "curl" in done.stderr and "/KeyfactorAPI/Certificates" in done.stderr
    assert server.cli_env()["CHANCERY_TOKEN"] not in done.stderr


def test_verbose_shows_requests_and_masks_secrets(server):
    done = server.cli("-vv", "certs", "list", "--limit", "1")
    ok(done)
    assert "GET" in done.stderr and server.cli_env()["CHANCERY_TOKEN"] not in done.stderr
