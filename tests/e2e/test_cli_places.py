"""Where commands write: nothing takes the place of a private key, or of what it was made from, and nothing is not everything."""
import base64
import io
import json
import os
import shutil
import sqlite3
import zipfile

import pytest
from cryptography import x509

import attester
import backups
import keys
import processes


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


def foreign_keys():
    """Keys as other programs keep them, by name."""
    def of(*parts):
        return attester.tlv(0x30, *parts)

    key = keys.key_pem(keys.new_key())
    sealed = of(of(attester.oid("1.2.840.113549.1.5.13"), of(attester.integer(1024))), attester.tlv(4, os.urandom(600)))
    box = io.BytesIO()
    with zipfile.ZipFile(box, "w") as made:
        made.writestr("word/document.xml", "the only copy")
    return {"store-bc.bcfks": of(sealed, of(of(attester.oid("1.2.840.113549.2.11"), attester.tlv(5)), attester.tlv(4, os.urandom(20)))),
            "armored.age": b"-----BEGIN AGE ENCRYPTED FILE-----\n" + base64.encodebytes(os.urandom(300)) + b"-----END AGE ENCRYPTED FILE-----\n",
            "p12.pem": b"-----BEGIN PKCS12-----\n" + base64.encodebytes(os.urandom(900)) + b"-----END PKCS12-----\n",
            "oct.json": b'{\n  "kty" : "oct",\n  "k" \n : "c2VjcmV0c2VjcmV0"\n}\n', "ec.json": b'{"d"\t: "AA","kty":"EC","crv":"P-256","x":"a","y":"b"}\n',
            "last.pem": b"# " + b"x" * (1 << 20) + b"\n" + key.encode(), "cut.pem": b"#" * ((1 << 20) - 20) + b"\n" + key.encode(),
            "wg.conf": b"[Interface]\nprivatekey  = " + base64.b64encode(os.urandom(32)) + b"\n",
            "wg.key": base64.b64encode(bytes(range(200, 232))) + b"\n",
            "kube.yaml": b"users:\n- name: a\n  user:\n    client-key-data: " + base64.b64encode(key.encode()) + b"\n",
            "rsa.xml": b"<RSAKeyValue><Modulus>AA==</Modulus><D>AA==</D></RSAKeyValue>\n",
            "p12.base64": base64.encodebytes(bytes.fromhex("308204b1020103308204") + os.urandom(1200)),
            "p8.base64": "".join(key.splitlines()[1:-1]).encode(), "sealed.base64": base64.encodebytes(sealed),
            "my.docx": box.getvalue(), "utf16.pem": key.encode("utf-16")}


def valued(server, where, password):
    """Files whose loss nobody mends, by name."""
    key = keys.new_key()
    der = key.private_bytes(keys.DER, keys.serialization.PrivateFormat.PKCS8, keys.serialization.NoEncryption())
    sealed = key.private_bytes(keys.DER, keys.serialization.PrivateFormat.PKCS8, keys.serialization.BestAvailableEncryption(b"abcdefgh"))
    (where / "k.pem").write_text(keys.key_pem(key))
    made = {"k.der": der, "sealed.der": sealed, "age.txt": b"# created: today\nAGE-SECRET-KEY-1QQ\n", "random": bytes(range(200, 232)),
            "sec1.der": key.private_bytes(keys.DER, keys.serialization.PrivateFormat.TraditionalOpenSSL, keys.serialization.NoEncryption()),
            "putty.ppk": b"PuTTY-User-Key-File-3: ssh-ed25519\n", "key.json": b'{"kty":"EC","crv":"P-256","x":"","y":"","d":"AA"}\n',
            "late.pem": b"#" * 70000 + b"\n" + keys.key_pem(key).encode(),
            "store.jks": b"\xfe\xed\xfe\xed\0\0\0\2" + bytes(40), **foreign_keys()}
    for name, data in made.items():
        (where / name).write_bytes(data)
    refused(server.cli("enroll", "pfx", "--template", "WebServer", "--dns", "p.example.com", "--out", where / "store.pfx", "--password-file",
                       password), 0)
    with sqlite3.connect(where / "base.db") as base:
        base.execute("CREATE TABLE t (x)")
    shutil.copy(server.data / "master.key", where / "master.key")
    shutil.copy(next(server.data.glob("signed/*.log")), where / "signed.log")
    return {path: path.read_bytes() for path in sorted(where.iterdir())}


@pytest.mark.once
def test_nothing_takes_the_place_of_what_may_hold_a_key(server, tmp_path, password):
    number = server.client().enroll(dns=("a.example.com",))["KeyfactorID"]
    where = tmp_path / "valued"
    where.mkdir()
    before = valued(server, where, password)
    ca = server.client().server_ca()
    commands = [["certs", "download", number], ["issue", "--issuer", ca, "--dns", "h.example.com", "--key-out", tmp_path / "new.key"],
                ["audit", "anchor"], ["audit", "export"], ["ca", "crl", ca], ["ca", "chain", ca], ["support-bundle"], ["config", "export"],
                ["csr", "create", "--cn", "x", "--key-out", tmp_path / "new.key"], ["acme", "eab", "create", "--count", "1"],
                ["enroll", "pfx", "--template", "WebServer", "--dns", "p.example.com", "--password-file", password]]
    for command in commands:
        for path in before:
            done = server.cli(*command, "--out", path)
            if command[0] == "enroll" and path.stem == "store":  # it made such a one before
                refused(done, 0)
                path.write_bytes(before[path])
            else:
                refused(done, 5, "name another file")
            assert path.read_bytes() == before[path], (command, path)
            assert not (tmp_path / "new.key").exists()
    for path in before:
        key_out = ["csr", "create", "--cn", "x", "--out", tmp_path / "x.csr", "--key-out", path]
        refused(server.cli(*key_out), 5, "name another file")
        assert path.read_bytes() == before[path] and not (tmp_path / "x.csr").exists()


def test_nothing_takes_the_place_of_an_installations_file(server, tmp_path):
    number = server.client().enroll(dns=("a.example.com",))["KeyfactorID"]
    (tmp_path / "away").symlink_to(server.data)
    for path in [*server.data.glob("*.*"), *server.data.glob("keys/*"), *server.data.glob("signed/*"), tmp_path / "away" / "root.pem"]:
        before = path.read_bytes()
        for command in (["certs", "download", number], ["support-bundle"], ["audit", "anchor"]):
            refused(server.cli(*command, "--out", path), 5, "installation")
        assert path.read_bytes() == before or path.parent.name == "signed"


@pytest.mark.database("sqlite")
def test_a_drills_report_takes_no_keys_place(new_server, tmp_path):
    server = new_server().start()
    server.client().enroll()
    made = backups.create(server, tmp_path)["path"]
    for path in (server.data / "master.key", made):
        status, said = backups.verify(made, "--drill", "--restore-to", tmp_path, *backups.place(server), "--report", path)
        assert status == 5 and "name another file" in said, said
    assert (server.data / "master.key").stat().st_size == 32
    assert not list(tmp_path.glob("chancery-drill-*"))
    for _ in range(2):
        status, said = backups.verify(made, "--drill", "--restore-to", tmp_path, *backups.place(server), "--report", tmp_path / "report")
        assert status == 0, said
    server.stop()
    server.start()


def test_what_anybody_makes_again_is_written_over(server, tmp_path, password):
    client = server.client()
    number, ca, out = client.enroll(dns=("a.example.com",))["KeyfactorID"], client.server_ca(), tmp_path / "out"
    out.write_bytes(b"")
    for command in (["certs", "download", number, "--as", "der"], ["ca", "crl", ca], ["certs", "download", number, "--as", "p7b"],
                    ["audit", "anchor"], ["certs", "download", number], ["ca", "crl", ca, "--pem"], ["audit", "export"],
                    ["enroll", "pfx", "--template", "WebServer", "--dns", "p.example.com", "--password-file", password],
                    ["enroll", "pfx", "--template", "WebServer", "--dns", "p.example.com", "--password-file", password, "--as", "zip"]):
        refused(server.cli(*command, "--out", out), 0)
    with zipfile.ZipFile(io.BytesIO(out.read_bytes())) as made:
        assert made.namelist()
    refused(server.cli("support-bundle", "--out", out), 5, "is a key store")
    out.unlink()
    for _ in range(2):
        refused(server.cli("support-bundle", "--out", out), 0)
    refused(server.cli("certs", "download", number, "--out", out), 5, "is a support bundle")


@pytest.mark.once
def test_no_output_goes_through_a_symbolic_link(server, tmp_path, password):
    client = server.client()
    number, ca, total = client.enroll(dns=("a.example.com",))["KeyfactorID"], client.server_ca(), client.total()
    there, nowhere, link, loose = (tmp_path / name for name in ("there", "nowhere", "link", "loose"))
    there.write_text("what somebody else wrote\n")
    link.symlink_to(there)
    loose.symlink_to(nowhere)
    (tmp_path / "list.csv").write_text("dns\nl.example.com\n")
    new_key = ["--key-out", tmp_path / "new.key"]
    commands = [["certs", "download", number], ["issue", "--issuer", ca, "--dns", "h.example.com", *new_key], ["audit", "anchor"],
                ["audit", "export"], ["ca", "crl", ca], ["ca", "chain", ca], ["support-bundle"], ["config", "export"],
                ["csr", "create", "--cn", "x", *new_key], ["acme", "eab", "create", "--count", "1"],
                ["enroll", "pfx", "--template", "WebServer", "--dns", "p.example.com", "--password-file", password]]
    commands = [[*command, "--out"] for command in commands]
    commands += [["csr", "create", "--cn", "x", "--out", tmp_path / "x.csr", "--key-out"],
                 ["enroll", "pfx", "--from", tmp_path / "list.csv", "--template", "WebServer", "--password-file", password, "--out", tmp_path,
                  "--report"]]
    for command in commands:
        for path in (link, loose):
            said = "is there already" if command[-1] == "--report" and path == link else "is a symbolic link, which is not followed"
            refused(server.cli(*command, path), 5, said)
            assert path.is_symlink() and there.read_text() == "what somebody else wrote\n" and not nowhere.exists(), command
    assert not (tmp_path / "new.key").exists() and not (tmp_path / "x.csr").exists()
    assert client.total() == total and client.command("GET", "/Certificates").status_code == 200
    # a link to what is no file is what it leads to, and so is one among the directories before the name
    void = tmp_path / "void"
    void.symlink_to("/dev/null")
    refused(server.cli("certs", "download", number, "--out", void), 0)
    (tmp_path / "real").mkdir()
    (tmp_path / "other").symlink_to("real")
    refused(server.cli("certs", "download", number, "--out", tmp_path / "other" / "c.pem"), 0)
    assert void.is_symlink() and keys.load((tmp_path / "real" / "c.pem").read_text())


def test_a_new_file_takes_the_place_with_the_old_ones_mode(server, tmp_path):
    number, out, twin = server.client().enroll(dns=("a.example.com",))["KeyfactorID"], tmp_path / "out", tmp_path / "twin"
    out.write_text("before\n")
    out.chmod(0o640)
    twin.hardlink_to(out)
    refused(server.cli("certs", "download", number, "--out", out), 0)
    assert keys.load(out.read_text()) and out.stat().st_mode & 0o777 == 0o640 and twin.read_text() == "before\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "twin"]


def test_no_file_that_is_named_after_a_certificate_looks_like_a_flag(server, tmp_path, password):
    for name in ("-rf", ".profile"):
        made = keys.self_signed(name)
        made = made[0] if isinstance(made, tuple) else made
        (tmp_path / "made.pem").write_bytes(made.public_bytes(keys.PEM))
        refused(server.cli("certs", "import", tmp_path / "made.pem"), 0)
        refused(server.cli("certs", "download", keys.thumbprint(made), "--as", "der", "--out", f"{tmp_path}/out/"), 0)
    assert sorted(path.name.partition("-")[0] for path in (tmp_path / "out").iterdir()) == ["_profile", "_rf"]
    (tmp_path / "-x.csr").write_text(keys.new_csr(dns=("x.example.com",)))
    (tmp_path / "list.csv").write_text("csr\n-x.csr\n")
    (tmp_path / "many").mkdir()
    refused(server.cli("enroll", "csr", "--from", "list.csv", "--template", "WebServer", "--out", "many", cwd=tmp_path), 0)
    assert [path.name for path in (tmp_path / "many").iterdir()] == ["_-x.pem"]


def test_an_empty_name_is_found_before_anything_is_made(server, tmp_path, password):
    client = server.client()
    ca, total = client.server_ca(), client.total()
    for command in (["issue", "--issuer", ca, "--dns", "h.example.com", "--key-out", tmp_path / "key", "--out", ""],
                    ["issue", "--issuer", ca, "--dns", "h.example.com", "--key-out", "", "--out", tmp_path / "pem"],
                    ["issue", "--issuer", ca, "--dns", "h.example.com", "--pfx", "", "--password-file", password],
                    ["enroll", "pfx", "--template", "WebServer", "--dns", "h.example.com", "--password-file", password, "--out", ""],
                    ["support-bundle", "--out", ""], ["audit", "export", "--out", ""], ["ca", "csr", ca, "--out", ""],
                    ["ca", "cross-sign", ca, "--issuer", "Chancery Root CA", "--out", ""]):
        refused(server.cli(*command), 2, '"" is not the name of a file')
    assert client.total() == total and not list(tmp_path.glob("key"))


@pytest.mark.once
def test_a_full_disk_is_said_to_be_full(server, tmp_path, password):
    """One page is free: a part can be written, and no system call says why the rest cannot."""
    small = tmp_path / "small"
    small.mkdir()
    if processes.run(["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(small)]).returncode != 0:
        pytest.skip("nothing may be mounted here")
    try:
        (small / "some").write_bytes(bytes(4096))
        refused(server.cli("enroll", "pfx", "--template", "WebServer", "--dns", "h.example.com", "--password-file", password, "--out",
                           small / "p.pfx"), 2, "No space left on device")
    finally:
        processes.run(["umount", str(small)])
