"""Single certificates on the command line: bringing one in, its history, how things stand with it."""
import base64
import csv
import io
import json
import uuid

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

import admin
import chancery
import keys
import processes
import programs
from test_cli import ok, says


@pytest.fixture
def made(client):
    return client.enroll(dns=(f"told{uuid.uuid4().hex[:12]}.example.com",))


def test_the_history_of_a_certificate_is_told(server, client, made):
    number = str(made["KeyfactorID"])
    client.revoke(made["KeyfactorID"], reason=4)
    rows = json.loads(ok(server.cli("certs", "history", number, "-o", "json")))
    assert [row["Action"] for row in rows] == ["certificate.issue", "certificate.revoke"]
    assert json.loads(ok(server.cli("certs", "history", made["Thumbprint"][:12], "-o", "json"))) == rows
    assert "certificate.revoke" in ok(server.cli("certs", "history", number))
    says(server.cli("certs", "history", "999999999"), 3, "999999999")
    # who may see the certificate may see that
    name, password = admin.user(server, permissions=["certificates/read"])
    env = {"CHANCERY_TOKEN": "", "CHANCERY_USERNAME": name, "CHANCERY_PASSWORD": password}
    assert len(json.loads(ok(server.cli("certs", "history", number, "-o", "json", env=env)))) == 2
    says(server.cli("certs", "history", number, env={"CHANCERY_TOKEN": "x"}), 4)


def test_how_things_stand_with_a_certificate(server, client, made):
    number = str(made["KeyfactorID"])
    told = json.loads(ok(server.cli("certs", "explain", number, "-o", "json")))
    assert (told["id"], told["state"], told["due"], told["way"], told["blockers"]) == (made["KeyfactorID"], "active", False, "csr", [])
    assert told["template"] == "WebServer" and told["authority"] == client.server_ca() and told["next_attempt_at"] is None
    assert told["not_before"] < told["due_at"] < told["not_after"]
    text = ok(server.cli("certs", "explain", number))
    assert "is active" in text and "template WebServer" in text and f"chancery renew {number} --csr FILE" in text and "blocked" not in text
    client.revoke(made["KeyfactorID"], reason=4)
    told = json.loads(ok(server.cli("certs", "explain", number, "-o", "json")))
    assert told["state"] == "revoked" and told["blockers"] and "revoked" in told["blockers"][0]
    assert "blocked  it is revoked" in ok(server.cli("certs", "explain", number))
    says(server.cli("certs", "explain", "999999999"), 3, "999999999")


def test_certificates_of_others_are_brought_in(server, client, tmp_path):
    stem = f"brought{uuid.uuid4().hex[:12]}.example.com"
    key = keys.new_key()
    second_key = keys.new_key()
    first, second, third = (keys.self_signed(f"{i}.{stem}", key={2: second_key, 3: key}.get(i)) for i in (1, 2, 3))
    first, second, third = (one[0] if isinstance(one, tuple) else one for one in (first, second, third))
    (tmp_path / "two.pem").write_bytes(b"".join(one.public_bytes(keys.PEM) for one in (first, second)))
    (tmp_path / "one.der").write_bytes(third.public_bytes(keys.DER))
    (tmp_path / "bad.pem").write_text("nonsense")
    (tmp_path / "list").write_text(f"{tmp_path}/two.pem  # a pair\n{tmp_path}/bad.pem\n{tmp_path}/one.der\n")
    done = server.cli("certs", "import", f"@{tmp_path}/list", "-o", "json")
    assert done.returncode == 7 and "bad.pem" in done.stderr, done.stderr
    rows = json.loads(done.stdout)
    assert [(row["thumbprint"], row["status"]) for row in rows] == [(keys.thumbprint(one), "new") for one in (first, second, third)]
    assert client.total(f'CN -contains "{stem}"') == 3
    assert [row["status"] for row in json.loads(ok(server.cli("certs", "import", tmp_path / "one.der", "-o", "json")))] == ["known"]
    (tmp_path / "with-key.pem").write_text(keys.key_pem(key) + third.public_bytes(keys.PEM).decode())
    ok(server.cli("certs", "import", tmp_path / "with-key.pem"))
    assert client.get(f"/Certificates/{server_id(client, third)}")["HasPrivateKey"] is True
    says(server.cli("certs", "import", tmp_path / "none.pem"), 2, "none.pem")
    (tmp_path / "pw").write_text("sesame, please\n")
    (tmp_path / "second.p12").write_bytes(pkcs12.serialize_key_and_certificates(
        b"second", second_key, second, None, serialization.BestAvailableEncryption(b"sesame, please")))
    says(server.cli("certs", "import", tmp_path / "second.p12"), 2, "second.p12", "Password")
    ok(server.cli("certs", "import", tmp_path / "second.p12", "--password-file", tmp_path / "pw"))
    assert client.get(f"/Certificates/{server_id(client, second)}")["HasPrivateKey"] is True


def server_id(client, certificate):
    return client.get("/Certificates", **{"pq.queryString": f'Thumbprint -eq "{keys.thumbprint(certificate)}"'})[0]["Id"]


@pytest.mark.once
def test_requests_are_made_and_looked_into_without_a_server(database, tmp_path):
    key, csr = tmp_path / "w.key", tmp_path / "w.csr"
    ok(chancery.cli("csr", "create", "--dns", "w.example.com,v.example.com", "--ip", "192.0.2.1", "--eku", "clientAuth", "--key-type",
                    "rsa:3072", "--key-out", key, "--out", csr))
    assert key.stat().st_mode & 0o777 == 0o600
    assert "verify OK" in (said := programs.openssl("req", "-in", csr, "-verify", "-noout", "-text")).stdout + said.stderr
    told = json.loads(ok(chancery.cli("csr", "show", csr, "-o", "json")))
    assert told["subject"] == "CN=w.example.com" and told["sans"] == "dns:w.example.com, dns:v.example.com, ip:192.0.2.1"
    assert (told["key"], told["extended_key_usage"], told["proof"]) == ("RSA 3072", "clientAuth", True)
    assert json.loads(ok(chancery.cli("inspect", csr, "-o", "json"))) == told
    again = tmp_path / "again.csr"
    ok(chancery.cli("csr", "create", "--cn", "again", "--key-from", key, "--out", again))
    assert json.loads(ok(chancery.cli("csr", "show", again, "-o", "json")))["key"] == "RSA 3072"
    for arguments, word in ((["csr", "create", "--dns", "a.example.com"], "--key-out"),
                            (["csr", "create", "--dns", "b\u00fc.example.com", "--key-out", tmp_path / "k"], "write it xn--b-eha.example.com"),
                            (["csr", "create", "--email", "\u00fc@example.com", "--key-out", tmp_path / "k"], "--email: "),
                            (["csr", "show", key], "PEM|CSR|request"),
                            (["csr", "create", "--cn", "x", "--key-from", key, "--key-out", tmp_path / "k"], "--key-from"),
                            (["csr", "create", "--ip", "nowhere", "--key-out", tmp_path / "k"], "--ip")):
        done = chancery.cli(*arguments)
        assert done.returncode in (2, 10) and any(one in done.stderr for one in word.split("|")), (arguments, done.stderr)


@pytest.mark.once
def test_certificates_are_looked_into_wherever_they_are(database, tmp_path):
    certificate, _ = keys.self_signed("looked.example.com", dns=("looked.example.com",))
    (tmp_path / "c.der").write_bytes(certificate.public_bytes(keys.DER))
    (tmp_path / "two.pem").write_bytes(certificate.public_bytes(keys.PEM) * 2)
    told = json.loads(ok(chancery.cli("inspect", tmp_path / "c.der", "-o", "json")))
    assert told["subject"] == "CN=looked.example.com" and told["sha1"] == keys.thumbprint(certificate) and told["is_ca"] is True
    assert told["serial_number"] == keys.serial(certificate) and told["sans"] == "dns:looked.example.com"
    assert json.loads(ok(chancery.cli("inspect", tmp_path / "two.pem", "-o", "json"))) == [told, told]
    assert "looked.example.com" in ok(chancery.cli("inspect", tmp_path / "c.der"))
    (tmp_path / "bad").write_text("nonsense")
    for ref in (tmp_path / "bad", tmp_path / "none.pem"):
        assert chancery.cli("inspect", ref).returncode in (2, 10)


def test_certificates_are_written_into_a_directory(server, client, tmp_path):
    stem = f"many{uuid.uuid4().hex[:12]}.example.com"
    made = [client.enroll(dns=(f"{i}.{stem}",)) for i in (1, 2, 3)]
    out = tmp_path / "certs"
    done = server.cli("certs", "download", *(str(one["KeyfactorID"]) for one in made[:2]), "--out", out)
    assert done.returncode == 0 and done.stdout == "", done.stderr
    for i, one in enumerate(made[:2], 1):
        (path,) = out.glob(f"{i}.{stem}-{one['KeyfactorID']}.pem")
        assert keys.thumbprint(keys.load(path.read_text())) == one["Thumbprint"]
    ok(server.cli("certs", "download", "--query", f"cn:{stem}", "--as", "der", "--out", f"{out}/"))
    assert len(list(out.glob("*.der"))) == 3
    ok(server.cli("certs", "download", str(made[2]["KeyfactorID"]), "--as", "fullchain", "--out", f"{tmp_path}/new/"))
    (only,) = (tmp_path / "new").iterdir()
    assert only.name.endswith(".fullchain.pem") and len(keys.load_all(only.read_text())) == 2
    # several in one stream, as far as the form allows it; and a plan
    both = ok(server.cli("certs", "download", *(str(one["KeyfactorID"]) for one in made[:2])))
    assert [keys.thumbprint(one) for one in keys.load_all(both)] == [one["Thumbprint"] for one in made[:2]]
    says(server.cli("certs", "download", "--query", f"cn:{stem}", "--as", "der"), 2, "--out DIR")
    assert "would write" in ok(server.cli("certs", "download", "--query", f"cn:{stem}", "--out", f"{tmp_path}/none/", "--dry-run"))
    assert not (tmp_path / "none").exists()
    says(server.cli("certs", "download", str(made[0]["KeyfactorID"]), "999999999", "--out", out), 3, "999999999")
    (tmp_path / "file").write_text("")
    says(server.cli("certs", "download", "--query", f"cn:{stem}", "--out", tmp_path / "file"), 2, "--out")
    # a key that is not kept here keeps no other back
    (tmp_path / "pw").write_text("Some-password-1\n")
    done = server.cli("certs", "download", *(str(one["KeyfactorID"]) for one in made[:2]), "--as", "pfx", "--out", out,
                      "--password-file", tmp_path / "pw")
    assert done.returncode == 1 and all(f"certificate {one['KeyfactorID']}" in done.stderr for one in made[:2]), done.stderr


def test_certificates_are_tagged(server, client, tmp_path):
    stem = f"tagged{uuid.uuid4().hex[:12]}.example.com"
    made = [str(client.enroll(dns=(f"{i}.{stem}",))["KeyfactorID"]) for i in (1, 2, 3)]
    if client.command("GET", "/MetadataFields/Tags").status_code == 404:
        says(server.cli("certs", "tag", made[0], "--tag", "lab"), 2, "chancery metadata create Tags")
        ok(server.cli("metadata", "create", "Tags"))

    def tags(*refs):
        return [row["tags"] for row in json.loads(ok(server.cli("certs", "tag", *refs, "-o", "json")))]

    def found(word):
        rows = json.loads(ok(server.cli("search", f"cn:{stem}", word, "-o", "json")))
        return sorted(row["IssuedCN"][0] for row in rows)
    assert tags(*made) == ["", "", ""]
    assert "2 certificates" in server.cli("certs", "tag", *made[:2], "--tag", "web,lab").stderr
    ok(server.cli("certs", "tag", made[1], "--tag", "label", "--tag", "Lab"))  # one that it has, in another case, is the same
    ok(server.cli("certs", "tag", made[2], "--tag", "label"))
    assert tags(*made) == ["lab,web", "lab,label,web", "label"]
    assert found("tag:lab") == ["1", "2"] and found("tag:label") == ["2", "3"] and found("tag:WEB") == ["1", "2"]
    assert found("tag:none") == [] and found("tag:abe") == []
    assert found("key:ec issued:<1d -tag:lab") == ["3"] and found(f"meta.Tags:label is:effective key:ec>255 -key:rsa id:{made[2]}") == ["3"]
    assert found("is:wildcard") == found("is:ca") == found("is:self-signed") == found("is:superseded") == found("is:on-hold") == []
    assert found("sig:sha256 email:nobody") == found("issued:>1d") == [] and found("is:active -ip:10.9.8.7") == ["1", "2", "3"]
    assert "lab,label,web" in ok(server.cli("certs", "tag", made[1]))
    before = json.loads(ok(server.cli("certs", "history", made[0], "-o", "json")))
    assert "0 certificates" in server.cli("certs", "tag", made[0], "--tag", "lab").stderr  # nothing changes twice
    assert json.loads(ok(server.cli("certs", "history", made[0], "-o", "json"))) == before
    assert "of 3" in ok(server.cli("certs", "tag", "--query", f"cn:{stem}", "--remove", "lab,label", "--dry-run"))
    says(server.cli("certs", "tag", "--query", f"cn:{stem}", "--remove", "lab,label", "--no-input"), 2, "--yes")
    ok(server.cli("certs", "tag", "--query", f"cn:{stem}", "--remove", "lab,label", "--yes"))
    assert tags(*made) == ["web", "web", ""] and found("tag:none") == ["3"]
    for words in (["--tag", "a b"], ["--tag", 'a"b'], ["--tag", "x" * 65], ["--tag", ""], ["--tag", "a", "--remove", "A"]):
        says(server.cli("certs", "tag", made[0], *words), 2, "--tag")
    says(server.cli("certs", "tag", "--tag", "lab"), 2, "certs tag needs a certificate")
    says(server.cli("search", "tag:"), 2, "tag:WORD")
    # from the first on
    ok(server.cli("issue", "--issuer", client.server_ca(), "--template", "WebServer", "--dns", f"4.{stem}", "--tag", "web", "--tag", "lab",
                  "--out", tmp_path / "4.pem", "--key-out", tmp_path / "4.key"))
    (tmp_path / "5.csr").write_text(keys.new_csr(cn=f"5.{stem}", dns=(f"5.{stem}",)))
    ok(server.cli("enroll", "csr", tmp_path / "5.csr", "--template", "WebServer", "--tag", "lab", "--out", tmp_path / "5.pem"))
    assert found("tag:lab") == ["4", "5"] and found("tag:web") == ["1", "2", "4"]
    says(server.cli("enroll", "csr", tmp_path / "5.csr", "--template", "WebServer", "--tag", "a", "--meta", "Tags=b"), 2, "say the same twice")


def test_what_is_found_is_exported_whole(server, client, tmp_path):
    stem = f"out{uuid.uuid4().hex[:12]}.example.com"
    made = [client.enroll(dns=(f"{i}.{stem}",)) for i in range(4)]
    client.revoke(made[3]["KeyfactorID"], reason=4)
    out = tmp_path / "out.csv"
    for _ in range(2):
        done = server.cli("certs", "export", f"cn:{stem}", "--out", out)
        assert done.returncode == 0 and done.stdout == "", done.stderr
        rows = list(csv.DictReader(io.StringIO(out.read_text())))
        assert sorted(int(row["Id"]) for row in rows) == sorted(one["KeyfactorID"] for one in made[:3])
        assert {row["Thumbprint"] for row in rows} == {one["Thumbprint"] for one in made[:3]}
    assert len(ok(server.cli("certs", "export", f"cn:{stem}", "--include-revoked")).splitlines()) == 5
    lines = ok(server.cli("certs", "export", f"cn:{stem}", "-o", "jsonl", "--fields", "Id,ContentBytes")).splitlines()
    assert all(base64.b64decode(json.loads(line)["ContentBytes"])[:1] == b"\x30" for line in lines) and len(lines) == 3
    ok(server.cli("certs", "export", "--filter", f'CN -endswith "{stem}"', "-o", "json", "--out", out))
    assert len(json.loads(out.read_text())) == 3
    says(server.cli("certs", "export", f"cn:{stem}", "-o", "table", "--out", tmp_path / "t"), 2, "tables are for people")
    before = out.read_text()
    says(server.cli("certs", "export", "--filter", "CN -eq", "--out", out), 2, "")  # what fails leaves the last one
    assert out.read_text() == before and sorted(path.name for path in tmp_path.iterdir()) == ["out.csv"]


def test_a_key_of_a_key_store_is_fetched_by_the_words_of_old(server, tmp_path):
    (tmp_path / "vault").mkdir()
    (tmp_path / "settings.yaml").write_text(f'keystores: {{vault: "file:{tmp_path}/vault"}}\n')
    (tmp_path / "pw").write_text("Some-password-1\n")
    config = ("--config", tmp_path / "settings.yaml")
    ok(server.cli("issue-cert", "--issuer", server.client().server_ca(), "--dns", "held.example.com", "held@vault", *config))
    ok(server.cli("download-cert", "held@vault", tmp_path / "held.pfx", "--pfx", "--password-file", tmp_path / "pw", *config))
    said = programs.openssl("pkcs12", "-in", tmp_path / "held.pfx", "-passin", "pass:Some-password-1", "-nodes", "-info")
    assert said.returncode == 0 and "PRIVATE KEY" in said.stdout and said.stdout.count("BEGIN CERTIFICATE") == 2, said.stderr
    done = server.cli("download-cert", "held@vault", tmp_path / "again.pfx", "--pfx", "--pfx-password", "Some-password-1", *config)
    assert done.returncode == 0 and "--password-file" in done.stderr
    ok(server.cli("download-cert", "held@vault", tmp_path / "held.key", "--key", *config))
    assert (tmp_path / "held.key").read_text() == (tmp_path / "vault" / "held.key").read_text()
    assert (tmp_path / "held.key").stat().st_mode & 0o777 == 0o600
    assert keys.names(keys.load(ok(server.cli("download-cert", "held@vault", *config)))) == ["held.example.com"]
    says(server.cli("download-cert", "held@vault", "x", "--out", "y", *config), 2, "--out")
    says(server.cli("download-cert", "1", "--key"), 2, "--pfx")


def test_certificates_of_a_template_are_found_by_the_name_that_asks_for_it(server):
    made = server.client().enroll(dns=(f"{uuid.uuid4().hex[:12]}.example.com",))
    cn = keys.load(made["Certificates"][0]).subject.rfc4514_string().removeprefix("CN=")
    for name in ("template:WebServer", "template:webserver"):
        assert ok(server.cli("certs", "list", "-q", f'CN -eq "{cn}"', "--count")).strip() == "1"
        assert ok(server.cli("search", f"cn:{cn}", name, "--count")).strip() == "1", name
    assert ok(server.cli("search", f"cn:{cn}", "template:ClientAuth", "--count")).strip() == "0"


def test_words_that_look_like_terms_are_not_searched_for_as_text(server, tmp_path):
    for words, reason in (("is:revokd", "is:revoked"), ("expires:<soon", "expires:<30d"), ("ca:", "value")):
        says(server.cli("search", words), 2, reason)
    says(server.cli("certs", "list", "--cacert", tmp_path), 2, "--cacert")
    (tmp_path / "key.pem").write_text(keys.key_pem(keys.new_key()))
    says(server.cli("certs", "list", "--cacert", tmp_path / "key.pem"), 2, "--cacert.*no certificate")


def test_quotes_hold_the_blanks_of_a_name_together(server, client):
    authority = client.server_ca()
    answer = client.enroll(dns=("quoted.example.com",))
    assert " " in authority
    for words, found in ((f'ca:"{authority}"', True), (f'"quoted.example.com" ca:"{authority}"', True),
                         (f'cn:quoted ca:"{authority} and more"', False)):
        rows = json.loads(ok(server.cli("search", f"serial:{answer['SerialNumber']} {words}", "-o", "json")))
        assert [row["Id"] for row in rows] == ([answer["KeyfactorID"]] if found else []), words
    for words, reason in ((f'ca:"{authority}', "not closed"), ('""', "nothing")):
        says(server.cli("search", words), 2, reason)


@pytest.mark.once
@pytest.mark.parametrize("where", [">&-", "> /dev/full"])
def test_output_that_cannot_be_written_is_an_error(database, tmp_path, where):
    certificate, _ = keys.self_signed("looked.example.com", dns=("looked.example.com",))
    (tmp_path / "c.pem").write_bytes(certificate.public_bytes(keys.PEM))
    for command in (["version"], ["inspect", tmp_path / "c.pem"], ["help", "issue"]):
        done = processes.run(["sh", "-c", f'"$@" {where}', "sh", chancery.PROGRAM, *command])
        assert done.returncode == 1 and "cannot write to standard output" in done.stderr, (command, done.returncode, done.stderr)
    done = processes.run(["sh", "-c", '"$@" <&- >&- 2>&-', "sh", chancery.PROGRAM, "version"])
    assert done.returncode == 1
