"""Where commands write: nothing takes the place of a private key, or of what it was made from, and nothing is not everything."""
import json

import pytest
from cryptography import x509

import keys


@pytest.fixture
def password(tmp_path):
    path = tmp_path / "password"
    path.write_text("correct horse battery staple")
    path.chmod(0o600)
    return path


@pytest.fixture
def root(server, tmp_path, password):
    """An offline root: its certificate and its key."""
    files = tmp_path / "root.pem", tmp_path / "root.key"
    refused(server.cli("ca", "offline", "init", "CN=Places Root", "--out", files[0], "--key-out", files[1], "--password-file", password), 0)
    return files


def refused(done, code, *said):
    assert done.returncode == code, done.stdout + done.stderr
    for text in said:
        assert text in done.stderr, done.stderr


@pytest.mark.parametrize("second", ["same", "./same", "link"])
def test_an_offline_key_and_its_certificate_are_two_files(server, tmp_path, password, second):
    (tmp_path / "link").symlink_to("same")
    refused(server.cli("ca", "offline", "init", "CN=Off Root", "--key-out", "same", "--out", second, "--password-file", password, cwd=tmp_path),
            2, "--out and --key-out name one file")
    assert not (tmp_path / "same").exists()


def test_what_an_offline_authority_makes_replaces_nothing_of_its_own(server, tmp_path, password, root):
    cert, root_key = root
    csr = tmp_path / "sub.csr"
    key = keys.new_key()
    csr.write_text(keys.new_csr(cn="Sub", key=key, extensions=[(x509.BasicConstraints(True, 0), True)]))
    (tmp_path / "sub.key").write_text(keys.key_pem(key))
    before = [path.read_bytes() for path in (cert, root_key, csr, password)]
    how = ["--ca", cert, "--key", root_key, "--password-file", password]
    for out in (cert, root_key, password):
        for command in (["sign", csr], ["crl", "--number", "1"]):
            refused(server.cli("ca", "offline", *command, *how, "--out", out), 2, "name one file")
    refused(server.cli("ca", "offline", "sign", csr, *how, "--out", csr), 2, "--out names the file that is read")
    refused(server.cli("ca", "offline", "sign", csr, *how, "--out", tmp_path / "sub.key"), 5, "holds a private key")
    assert [path.read_bytes() for path in (cert, root_key, csr, password)] == before


def test_a_list_does_not_take_the_place_of_a_newer_one(server, tmp_path, password, root):
    how = ["ca", "offline", "crl", "--ca", root[0], "--key", root[1], "--password-file", password, "--out", tmp_path / "root.crl", "--number"]
    refused(server.cli(*how, "8"), 0)
    before = (tmp_path / "root.crl").read_bytes()
    for number in ("3", "8"):
        refused(server.cli(*how, number), 5, "holds this authority's list 8")
    assert (tmp_path / "root.crl").read_bytes() == before
    refused(server.cli(*how, "9"), 0)


def test_a_new_key_takes_no_other_keys_place(server, tmp_path):
    pem, key, csr = tmp_path / "p.pem", tmp_path / "p.key", tmp_path / "p.csr"
    issue = ["issue", "--cn", "places.example.com", "--issuer", server.client().server_ca(), "--template", "WebServer"]
    refused(server.cli(*issue, "--out", pem, "--key-out", key), 0)
    before = key.read_bytes()
    refused(server.cli("csr", "create", "--cn", "x.example.com", "--key-out", key, "--out", csr), 5, "holds a private key already")
    refused(server.cli(*issue, "--out", tmp_path / "other.pem", "--key-out", key), 5, "which is not that of the certificate in")
    assert key.read_bytes() == before and not csr.exists() and not (tmp_path / "other.pem").exists()
    key.chmod(0o640)
    refused(server.cli(*issue, "--out", pem, "--key-out", key), 0)  # both anew, as a nightly job does
    assert key.read_bytes() != before and key.stat().st_mode & 0o777 == 0o600
    made = keys.serialization.load_pem_private_key(key.read_bytes(), None)
    assert keys.load(pem.read_text()).public_key().public_numbers() == made.public_key().public_numbers()


def test_what_is_downloaded_takes_no_keys_place(server, tmp_path):
    pem, key = tmp_path / "p.pem", tmp_path / "p.key"
    refused(server.cli("issue", "--cn", "places.example.com", "--issuer", server.client().server_ca(), "--template", "WebServer", "--out", pem, "--key-out", key), 0)
    before = key.read_bytes()
    serial = keys.serial(keys.load(pem.read_text()))
    for command in (["certs", "download", serial], ["ca", "crl", server.client().server_ca()], ["support-bundle"], ["audit", "export"],
                    ["config", "export"]):
        done = server.cli(*command, "--out", key)
        assert done.returncode != 0 and key.read_bytes() == before, command
    refused(server.cli("certs", "download", serial, "--out", key), 5, "holds a private key")
    refused(server.cli("certs", "download", serial, "--out", pem), 0)


@pytest.mark.parametrize("flag", ["--permitted-dns", "--excluded-dns"])
@pytest.mark.parametrize("value", ["", ",", " , "])
def test_an_empty_list_does_not_stand_for_any(server, flag, value):
    refused(server.cli("ca", "create", "Any", "--parent", server.client().server_ca(), flag, value), 2, f"{flag}: ", "is not a name")


def test_what_else_may_not_be_empty(server, tmp_path):
    for command in (["acme", "profiles", "create", "p", "--template", "WebServer", "--allow", ""], ["acme", "eab", "create", "--allow", ""],
                    ["tokens", "create", "t", "--permission", ""], ["enroll", "csr", "x", "--dns", ""],
                    ["backup", "create", "--recipient", "", "--to", tmp_path / "b"]):
        refused(server.cli(*command), 2, '"" is not a')


def test_a_certificate_without_an_owner_is_told_as_json(server, tmp_path):
    refused(server.cli("issue", "--cn", "owned.example.com", "--issuer", server.client().server_ca(), "--template", "WebServer", "--out",
                       tmp_path / "o.pem", "--key-out", tmp_path / "o.key"), 0)
    serial = keys.serial(keys.load((tmp_path / "o.pem").read_text()))
    done = server.cli("certs", "owner", serial, "-o", "json")
    assert json.loads(done.stdout)["role"] is None, done.stdout
    assert server.cli("certs", "owner", serial).stdout == ""
