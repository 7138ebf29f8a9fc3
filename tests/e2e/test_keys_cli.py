"""The command line's part of keys that the server makes: enroll pfx, recover, renew, needs-renewal."""
import os
import uuid

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12

import admin
import chancery
import keys
import processes
from chancery import good

PASSWORD = "correct horse battery"


@pytest.fixture
def files(tmp_path):
    (tmp_path / "pw").write_text(PASSWORD + "\n")
    return tmp_path


@pytest.fixture(scope="module")
def keeping(server):
    """A template whose keys are kept."""
    client, name = server.client(), f"Kept{uuid.uuid4().hex[:12]}"
    policy = good(client.rest("GET", "/templates/WebServer"))["policy"]
    made = client.rest("POST", "/templates", json={"name": name, "policy": {
        **policy, "key_types": ["ec:p256", "ec:p384", "rsa:2048"], "key_retention": "indefinite"}})
    assert made.status_code == 201, made.text
    return name


def enrolled(server, files, template, *more, host="cli.example.com"):
    """Enroll with a key of the server's; (id, path)."""
    path = files / f"{uuid.uuid4().hex}.pfx"
    said = server.cli("enroll", "pfx", "--template", template, "--dns", host, "--out", path, "--password-file",
                      files / "pw", "-o", "template={{Id}}", *more)
    assert said.returncode == 0, said.stderr
    return said.stdout.strip(), path


def opened(path):
    return pkcs12.load_key_and_certificates(path.read_bytes(), PASSWORD.encode())


def fits(key, certificate):
    return key.public_key().public_numbers() == certificate.public_key().public_numbers()


def test_enroll_pfx_writes_a_file_for_its_owner_alone(server, files, keeping):
    number, path = enrolled(server, files, keeping, "--key-type", "ec:p384", "--name", "Web 1")
    key, leaf, chain = opened(path)
    assert fits(key, leaf) and key.key_size == 384 and keys.names(leaf) == ["cli.example.com"] and len(chain) == 2
    assert path.stat().st_mode & 0o777 == 0o600 and number.isdigit()
    assert leaf.subject.rfc4514_string() == "CN=cli.example.com"
    _, path = enrolled(server, files, keeping, "--no-chain", "--subject", "CN=cli.example.com,O=Contoso", "--as", "pem")
    assert path.read_text().count("BEGIN CERTIFICATE") == 1
    assert fits(load_pem_private_key(path.read_bytes(), PASSWORD.encode()),
                keys.load(path.read_text()[path.read_text().index("-----BEGIN CERT"):]))


def test_what_is_noted_about_a_certificate_with_a_key_of_the_servers(server, files, keeping):
    client, name = server.client(), f"Noted-{uuid.uuid4().hex[:12]}"
    field = good(client.command("POST", "/MetadataFields", json={"Name": name, "Description": "d", "DataType": 2}))
    number, _ = enrolled(server, files, keeping, "--meta", f"{name}=7")
    assert client.get(f"/Certificates/{number}", includeMetadata="true")["Metadata"] == {name: "7"}
    (files / "list.csv").write_text(f"dns,meta.{name}\nrow.example.com,8\n")
    (files / "keys").mkdir()
    said = server.cli("enroll", "pfx", "--from", files / "list.csv", "--template", keeping, "--password-file", files / "pw",
                      "--out", files / "keys")
    assert said.returncode == 0, said.stderr
    assert client.total(f'{name} -eq "8"') == 1
    for meta, words in ((f"{name}=x", f"Metadata.{name}"), ("Owner", "NAME=VALUE")):
        said = server.cli("enroll", "pfx", "--template", keeping, "--dns", "a.example.com", "--out", files / "no.pfx",
                          "--password-file", files / "pw", "--meta", meta)
        assert said.returncode == 2 and words in said.stderr, said.stderr
    assert client.command("DELETE", f"/MetadataFields/{field['Id']}", params={"force": "true"}).status_code == 204


def test_nothing_is_asked_for_when_the_key_could_not_be_written(server, files, keeping):
    number, _ = enrolled(server, files, keeping)
    before = server.client().total("")
    (files / "dir").mkdir()
    password = ("--password-file", files / "pw")
    for place in (files / "gone" / "x.pfx", files / "dir"):
        for said in (server.cli("enroll", "pfx", "--template", "WebServer", "--dns", "cli.example.com", "--out", place, *password),
                     server.cli("renew", number, "--yes", "--out", place, *password),
                     server.cli("recover", number, "--out", place, *password)):
            assert said.returncode == 2 and "cannot write" in said.stderr, said
    assert server.client().total("") == before


def test_a_pipe_is_written_to_and_not_replaced(server, files, keeping):
    number, _ = enrolled(server, files, keeping)
    pipe = files / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        said = server.cli("recover", number, "--as", "pem", "--out", pipe, "--password-file", files / "pw")
        assert said.returncode == 0, said.stderr
        assert pipe.is_fifo() and b"ENCRYPTED PRIVATE KEY" in os.read(reader, 65536)
    finally:
        os.close(reader)


def test_recover_and_download_with_the_key(server, files, keeping):
    number, path = enrolled(server, files, keeping)
    for command in (("recover", number, "--out"), ("certs", "download", number, "--as", "pfx", "--out")):
        again = files / "again.pfx"
        said = server.cli(*command, again, "--password-file", files / "pw")
        assert said.returncode == 0, said.stderr
        assert opened(again)[0].private_numbers() == opened(path)[0].private_numbers()
        assert again.stat().st_mode & 0o777 == 0o600
    jks = files / "again.jks"
    assert server.cli("recover", number, jks, "--as", "jks", "--password-file", files / "pw").returncode == 0
    listed = processes.run(["keytool", "-list", "-keystore", jks, "-storepass", PASSWORD])
    assert listed.returncode == 0 and "PrivateKeyEntry" in listed.stdout, listed.stdout


def test_recover_says_why_not(server, files):
    client = server.client()
    number = client.enroll()["KeyfactorID"]
    out = files / "none.pfx"
    said = server.cli("recover", number, "--out", out, "--password-file", files / "pw")
    assert said.returncode != 0 and "not kept here" in said.stderr and not out.exists(), said.stderr
    assert server.cli("recover", "999999999", out, "--password-file", files / "pw").returncode == 3
    assert server.cli("recover", number, "--password-file", files / "pw").returncode == 2
    assert server.cli("recover", number, out, "--no-input").returncode == 2
    (files / "short").write_text("short\n")
    said = server.cli("enroll", "pfx", "--dns", "a.example.com", "--out", out, "--password-file", files / "short")
    assert said.returncode != 0 and "Password" in said.stderr and not out.exists()
    name, password = admin.user(server, permissions=["certificates/read"])
    token = good(server.client(nobody=True).command("POST", "/Auth/Login", json={
        "username": name, "password": password}))["access_token"]
    said = server.cli("recover", number, out, "--password-file", files / "pw", env={"CHANCERY_TOKEN": token})
    assert said.returncode == 4 and "Certificates:Recover" in said.stderr, said.stderr


def test_what_is_shown_of_a_call_masks_key_and_password(server, files, keeping):
    said = server.cli("enroll", "pfx", "--template", keeping, "--dns", "a.example.com", "--out", files / "a.pfx",
                      "--password-file", files / "pw", "-vv", "--show-api")
    assert said.returncode == 0 and PASSWORD not in said.stderr, said.stderr
    assert len(max(said.stderr.split('"'), key=len)) < 1500, "no file with a key is printed"


def test_renew_takes_a_new_key_of_the_server_s(server, files, keeping):
    number, path = enrolled(server, files, keeping)
    plan = server.cli("renew", number, "--dry-run")
    assert plan.returncode == 0 and "will be renewed" in plan.stderr
    assert server.cli("renew", number, "--no-input").returncode == 2, "it asks first"
    out = files / "new.pfx"
    said = server.cli("renew", number, "--yes", "--out", out, "--password-file", files / "pw", "-o", "template={{Id}}")
    assert said.returncode == 0 and said.stdout.strip() not in ("", number), said.stderr
    key, leaf, _ = opened(out)
    assert fits(key, leaf) and key.private_numbers() != opened(path)[0].private_numbers()
    tag = f"q{uuid.uuid4().hex[:12]}.example.com"
    for _ in range(2):
        enrolled(server, files, keeping, host=tag)
    before = server.client().total(f'CN -eq "{tag}"')
    said = server.cli("renew", "--query", f"cn:{tag}", "--yes")
    assert said.returncode == 0 and server.client().total(f'CN -eq "{tag}"') == before + 2, said.stderr
    plan = server.cli("renew", "--query", f"cn:{tag}", "--dry-run")  # again: what was renewed is not
    assert plan.returncode == 0 and (plan.stderr.count("left out"), plan.stderr.count("will be renewed")) == (2, 2), plan.stderr


def test_one_that_cannot_be_renewed_does_not_keep_the_others(server, files, keeping):
    client, tag = server.client(), f"q{uuid.uuid4().hex[:12]}.example.com"
    closed = f"Closed{uuid.uuid4().hex[:12]}"
    policy = good(client.rest("GET", f"/templates/{keeping}"))["policy"]
    assert client.rest("POST", "/templates", json={"name": closed, "policy": policy}).status_code == 201
    first, _ = enrolled(server, files, closed, host=tag)
    second, _ = enrolled(server, files, keeping, host=tag)
    assert server.cli("templates", "edit", closed, "permitted=[example.net]").returncode == 0
    said = server.cli("renew", first, second, "--yes")
    assert said.returncode == 7 and f"certificate {first} not renewed" in said.stderr, said.stderr
    assert f"certificate {second} " in said.stderr and "is renewed by" in said.stderr
    assert client.total(f'CN -eq "{tag}"') == 3


def test_what_is_revoked_is_replaced_first(server, files, keeping):
    client, tag = server.client(), f"r{uuid.uuid4().hex[:12]}.example.com"
    old = [enrolled(server, files, keeping, host=tag)[0] for _ in range(2)]
    plan = server.cli("revoke", "--query", f"cn:{tag}", "--reason", "superseded", "--replace-first", "--dry-run")
    assert plan.returncode == 0 and plan.stdout == "would replace and then revoke 2 certificates\n", plan.stderr
    said = server.cli("revoke", "--query", f"cn:{tag}", "--reason", "key-compromise", "--replace-first", "--yes")
    assert said.returncode == 0 and said.stderr.count("is replaced by") == 2 and "2 revoked" in said.stderr, said.stderr
    assert [client.get(f"/Certificates/{number}")["CertStateString"] for number in old] == ["Revoked", "Revoked"]
    new = client.get("/Certificates", **{"pq.queryString": f'CN -eq "{tag}" AND Status -eq "Active"'})
    assert len(new) == 2 and not {row["Id"] for row in new} & {int(number) for number in old}
    # what cannot be replaced keeps all from being touched
    own = client.enroll(dns=(tag,))["KeyfactorID"]
    said = server.cli("revoke", str(new[0]["Id"]), str(own), "--reason", "superseded", "--replace-first", "--yes")
    assert said.returncode != 0 and str(own) in said.stderr and "--csr" in said.stderr, said.stderr
    assert client.get(f"/Certificates/{new[0]['Id']}")["CertStateString"] == "Active"
    assert client.total(f'CN -eq "{tag}" AND Status -eq "Active"') == 3


def test_renew_with_a_request_of_one_s_own(server, files):
    client = server.client()
    first = client.enroll(dns=("own.example.com",))["KeyfactorID"]
    said = server.cli("renew", first, "--yes")
    assert said.returncode != 0 and "--csr" in said.stderr
    (files / "new.csr").write_text(keys.new_csr(cn="own.example.com", dns=("own.example.com",)))
    said = server.cli("renew", first, "--csr", files / "new.csr", "--yes")
    assert said.returncode == 0 and keys.names(keys.load(said.stdout)) == ["own.example.com"], said.stderr
    client.revoke(first, reason=4)
    said = server.cli("renew", first, "--yes")
    assert said.returncode != 0 and "revoked" in said.stderr
    assert server.cli("renew").returncode == 2
    assert server.cli("renew", "--query", "cn:no-such-name.example.org", "--yes").returncode == 0


@pytest.mark.once
def test_needs_renewal_answers_by_its_exit_status(server, files):
    answer = server.client().enroll()
    path = files / "c.pem"
    path.write_text("".join(answer["Certificates"][:2]))
    for reference in (path, answer["KeyfactorID"], answer["Thumbprint"]):
        for more, status in (((), 1), (("--expires-in", "30d"), 1), (("--expires-in", "91d"), 0),
                             (("--expires-in", "0%"), 0), (("--expires-in", "100%"), 1)):
            said = server.cli("needs-renewal", reference, *more)
            assert said.returncode == status, (reference, more, said.stderr)
    assert chancery.cli("needs-renewal", path).returncode == 1, "a file needs no server"
    assert chancery.cli("needs-renewal", path, "--expires-in", "3649d", "--bundle").returncode == 0
    assert server.cli("needs-renewal", "999999999").returncode == 2
    assert server.cli("needs-renewal", files / "none.pem").returncode == 2
    assert server.cli("needs-renewal", path, "--expires-in", "soon").returncode == 2
    (files / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert chancery.cli("needs-renewal", files / "broken.pem").returncode == 2
