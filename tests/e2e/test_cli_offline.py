"""`issue --offline`: a key in a file signs, without a server; --eku with and without one."""
import json
import os
import re
import uuid

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

import chancery
import keys
import programs


def ok(done, status=0):
    assert done.returncode == status, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def root(tmp_path):
    """A root in files, its key under a passphrase."""
    (tmp_path / "pw").write_text("of the root")
    ok(chancery.cli("ca", "offline", "init", "CN=Kept Root", "--key-out", tmp_path / "root.key", "--out", tmp_path / "root.pem",
                    "--password-file", tmp_path / "pw", "--path-len", "1"))
    return ["--offline", "--issuer", tmp_path / "root.pem", "--issuer-key", tmp_path / "root.key", "--issuer-password-file", tmp_path / "pw"]


def issue(*arguments, status=0, **more):
    return ok(chancery.cli("issue", *arguments, **more), status)


def eku(certificate):
    return [str(one.dotted_string) for one in certificate.extensions.get_extension_for_oid(ExtensionOID.EXTENDED_KEY_USAGE).value]


@pytest.mark.once
def test_a_key_in_a_file_signs_for_servers_authorities_and_responders(root, tmp_path):
    out = ["--out", tmp_path / "leaf.pem", "--key-out", tmp_path / "leaf.key"]
    issue(*root, "--dns", "kept.example.com", "--ip", "192.0.2.7", "--duration", "30d", "--crl-url", "http://crl.example.com/r.crl",
          "--ca-issuers-url", "http://crl.example.com/r.crt", "--ocsp-url", "http://ocsp.example.com/", *out)
    leaf, above = keys.load_all((tmp_path / "leaf.pem").read_text() + (tmp_path / "root.pem").read_text())[:2]
    assert (tmp_path / "leaf.key").stat().st_mode & 0o777 == 0o600 and eku(leaf) == [ExtendedKeyUsageOID.SERVER_AUTH.dotted_string]
    assert programs.openssl("verify", "-x509_strict", "-CAfile", tmp_path / "root.pem", "-purpose", "sslserver", tmp_path / "leaf.pem").returncode == 0
    text = programs.openssl("x509", "-in", tmp_path / "leaf.pem", "-noout", "-text").stdout
    assert all(one in text for one in ("http://crl.example.com/r.crl", "http://crl.example.com/r.crt", "http://ocsp.example.com/", "192.0.2.7"))
    assert 29 <= (leaf.not_valid_after - leaf.not_valid_before).days <= 30
    record = list((tmp_path / "root.pem.issued").iterdir())
    assert [path.name for path in record] == [f"{keys.serial(leaf)}.pem"] and keys.load(record[0].read_text()) == leaf
    # an authority below it, and what that one signs
    (tmp_path / "store").mkdir()
    store = tmp_path / "settings.yaml"
    store.write_text(json.dumps({"keystores": {"vault": f"file:{tmp_path}/store"}}))
    below = ["--config", store]
    ok(chancery.cli("issue-intermediate-cert", *root, "--cn", "Kept Below", "sub@vault", *below))
    sub = keys.load((tmp_path / "store/sub.pem").read_text())
    basic = sub.extensions.get_extension_for_oid(ExtensionOID.BASIC_CONSTRAINTS).value
    assert basic.ca and basic.path_length == 0
    issue("--offline", "--issuer", "sub@vault", "--email", "ana@example.com", "--eku", "emailProtection,1.3.6.1.4.1.311.10.3.12", "dev@vault", *below)
    issue("--offline", "--issuer", "sub@vault", "--ocsp-signing", "--cn", "Answers", "ocsp@vault", *below)
    dev = keys.load_all((tmp_path / "store/dev.pem").read_text())
    assert eku(dev[0]) == ["1.3.6.1.5.5.7.3.4", "1.3.6.1.4.1.311.10.3.12"] and dev[1] == sub
    assert programs.openssl("verify", "-x509_strict", "-CAfile", tmp_path / "root.pem", "-untrusted", tmp_path / "store/sub.pem",
                            tmp_path / "store/dev.pem").returncode == 0
    assert "No Check" in programs.openssl("x509", "-in", tmp_path / "store/ocsp.pem", "-noout", "-text").stdout
    assert len(list((tmp_path / "store/sub.issued").iterdir())) == 2
    # again: the next version, with the names it had
    issue("--offline", "--issuer", "sub@vault", "dev@vault", *below)
    again = keys.load((tmp_path / "store/dev.pem").read_text())
    assert again.public_key() != dev[0].public_key() and (tmp_path / "store/dev.v2.pem").exists()
    assert again.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value == \
        dev[0].extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value


@pytest.mark.once
def test_nothing_takes_the_place_of_a_private_key_or_of_what_is_read(root, tmp_path):
    held = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    at = ["--ca", tmp_path / "root.pem", "--key", tmp_path / "root.key", "--password-file", tmp_path / "pw"]
    csr = tmp_path / "below.csr"
    csr.write_text(keys.new_csr(cn="Below", extensions=[(x509.BasicConstraints(True, None), True)]))
    held[csr] = csr.read_bytes()
    for name in ("root.key", "root.pem", "pw"):
        for command in (["ca", "offline", "sign", csr], ["ca", "offline", "crl", "--number", "7"]):
            done = chancery.cli(*command, *at, "--out", tmp_path / name)
            assert done.returncode == 2 and "name one file" in done.stderr, done.stderr
    done = chancery.cli("ca", "offline", "init", "CN=Lost", "--password-file", tmp_path / "pw", "--key-out", tmp_path / "one",
                        "--out", tmp_path / "one")
    assert done.returncode == 2 and "--key-out name one file" in done.stderr and not (tmp_path / "one").exists()
    # by another name, and a key of something else
    os.link(tmp_path / "root.key", tmp_path / "link")
    other = tmp_path / "other.key"
    other.write_text(keys.key_pem(keys.new_key()))
    held[other] = other.read_bytes()
    for name, status in (("link", 2), ("other.key", 5)):
        done = chancery.cli("ca", "offline", "crl", "--number", "7", *at, "--out", tmp_path / name)
        assert done.returncode == status and ("name one file" if status == 2 else "holds a private key") in done.stderr, done.stderr
    assert all(path.read_bytes() == data for path, data in held.items())


def test_what_offline_does_not_sign(root, tmp_path):
    csr = tmp_path / "web.csr"
    csr.write_text(keys.new_csr("web.example.com", ["web.example.com"]))
    out = ["--csr", csr, "--out", tmp_path / "web.pem"]
    issue(*root, *out)
    (tmp_path / "web.key").write_text(keys.key_pem(keys.new_key()))
    (tmp_path / "web.key").chmod(0o600)
    for arguments, words in (
            (["--template", "WebServer", *out], ["--template", "server"]), (["--wait", *out], ["--wait"]), (["--owner", "x", *out], ["--owner"]),
            (["--duration", "30000d", *out], ["issuer's life"]), (["--not-before", "2001-01-01", *out], ["issuer's life"]),
            (["--eku", "nonsense", *out], ["--eku", "nonsense"]), (["--eku", "serverAuth", "--server-auth", *out], ["twice"]),
            (["--path-len", "0", *out], ["--is-ca"]), (["--is-ca", "--eku", "clientAuth", *out], ["--is-ca"]),
            (["--eku", "anyExtendedKeyUsage,OCSPSigning", *out], ["rule"])):
        said = chancery.cli("issue", *root, *arguments)
        assert said.returncode in (2, 10) and all(word in said.stderr for word in words), (arguments, said.stderr)
    for issuer, words, status in (
            (["--issuer", tmp_path / "web.pem", "--issuer-key", tmp_path / "web.key"], "not that of", 2),
            (["--issuer", tmp_path / "root.pem"], "--issuer-key", 2), (["--issuer", "ca@nowhere"], "no key store", 3),
            (["--issuer", tmp_path / "root.pem", "--issuer-key", tmp_path / "root.key", "--no-input"], "password", 2)):
        said = chancery.cli("issue", "--offline", *issuer, "--dns", "a.example.com", "--out", "-")
        assert said.returncode == status and words in said.stderr, (issuer, said.stderr)
    assert len(list((tmp_path / "root.pem.issued").iterdir())) == 1
    plan = json.loads(issue(*root, "--dns", "p.example.com", "--dry-run", "-o", "json"))
    assert plan["disposition"] == "planned" and plan["subject"] == "CN=p.example.com" and plan["tbs"]
    assert len(list((tmp_path / "root.pem.issued").iterdir())) == 1


def test_what_was_signed_offline_is_imported_later(server, client, root, tmp_path):
    name = f"kept{uuid.uuid4().hex[:12]}.example.com"
    issue(*root, "--dns", name, "--out", tmp_path / "l.pem", "--key-out", tmp_path / "l.key")
    record = list((tmp_path / "root.pem.issued").iterdir())
    rows = json.loads(ok(server.cli("certs", "import", *record, "-o", "json")))
    assert [row["status"] for row in rows] == ["new"] and client.total(f'CN -eq "{name}"') == 1
    rows = json.loads(ok(server.cli("certs", "import", tmp_path / "l.pem", "-o", "json")))
    assert [row["status"] for row in rows][0] == "known"
    (tmp_path / "bad.pem").write_text("nonsense")
    said = server.cli("certs", "import", tmp_path / "bad.pem", record[0])
    assert said.returncode == 7 and "bad.pem" in said.stderr, said.stderr


def test_what_a_certificate_is_for_is_asked_and_the_template_decides(server, client, tmp_path):
    out = ["--issuer", client.server_ca(), "--out", tmp_path / "c.pem", "--key-out", tmp_path / "c.key"]
    name = f"eku{uuid.uuid4().hex[:12]}.example.com"
    done = server.cli("issue", *out, "--template", "WebServer", "--dns", name, "--eku", "serverAuth")
    ok(done)
    assert "warning" not in done.stderr and eku(keys.load((tmp_path / "c.pem").read_text())) == ["1.3.6.1.5.5.7.3.1"]
    done = server.cli("issue", *out, "--template", "WebServer", "--dns", name, "--server-auth", "--eku", "codeSigning")
    assert done.returncode == 0 and re.search("warning: .*codeSigning.*WebServer", done.stderr) or done.returncode == 10, done.stderr
    done = server.cli("issue", *out, "--dns", name, "--ocsp-signing")
    assert done.returncode == 10 and "OCSP" in done.stderr, done.stderr
    done = server.cli("issue", *out, "--dns", name, "--is-ca")
    assert done.returncode == 2 and "chancery ca create" in done.stderr, done.stderr
