"""Encrypted backups: written for the program age, read with what it makes."""
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import tarfile

import pytest

import backups
import chancery
from test_ship import based, elsewhere, integrity, lose, put_back, segments, shipping, wait_shipped  # noqa: F401

pytestmark = pytest.mark.skipif(not shutil.which("age"), reason="age is not installed")


@pytest.fixture
def identity(tmp_path):
    """Make identities as people do; (file, recipient)."""
    def make(name="one"):
        path = tmp_path / f"{name}.txt"
        subprocess.run(["age-keygen", "-o", path], check=True, capture_output=True, timeout=30)
        said = subprocess.run(["age-keygen", "-y", path], check=True, capture_output=True, text=True, timeout=30)
        return path, said.stdout.strip()
    return make


def age(*arguments, data=None):
    return subprocess.run(["age", *arguments], input=data, capture_output=True, timeout=60)


def opened(path, name, identity_file):
    """A part, as age and zstd open it."""
    with tarfile.open(path, "r:") as tar:
        packed = tar.extractfile(name + ".zst.age").read()
    plain = age("-d", "-i", identity_file, data=packed)
    assert plain.returncode == 0, plain.stderr
    return subprocess.run(["zstd", "-dcq"], input=plain.stdout, capture_output=True, check=True, timeout=60).stdout


@pytest.mark.once
def test_age_opens_each_part_and_restore_opens_all(new_server, elsewhere, identity, tmp_path):
    server = new_server().start()
    serial = server.client().enroll(dns=("hidden.example.com",))["SerialNumber"]
    (one, first), (two, second), (three, _) = identity("one"), identity("two"), identity("three")
    made = chancery.cli("backup", "create", *backups.place(server), "--to", tmp_path / "b", "--recipient", first,
                        "--recipient", second, "-o", "json")
    assert made.returncode == 0, made.stderr
    said = json.loads(made.stdout)
    path = pathlib.Path(said["path"])
    assert said["recipients"] == [first, second] and backups.manifest(path)["recipients"] == [first, second]
    names = [name for name, *_ in backups.members(path)]
    assert names[-2:] == ["manifest.json", "manifest.sig"] and all(name.endswith(".zst.age") for name in names[:-2])
    with tarfile.open(path, "r:") as tar:  # what anybody sees tells of no secret
        clear = b"".join(tar.extractfile(name).read() for name in names[-2:])
    for secret in (b"hidden.example.com", server.password.encode(), (server.data / "master.key").read_bytes(),
                   *(key.read_bytes() for key in server.data.glob("keys/*.key"))):
        assert secret not in clear
    for who in (one, two):
        (tmp_path / "copy.db").write_bytes(opened(path, "database.sqlite", who))
        connection = sqlite3.connect(tmp_path / "copy.db")
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT COUNT(*) FROM certificate").fetchone()[0] == said["certificates"]
        connection.close()
    key = next(server.data.glob("keys/*.key"))
    assert opened(path, f"data/keys/{key.name}", one) == key.read_bytes()

    status, words = backups.verify(path)
    assert status == 0 and f"encrypted to {first}, so only its bytes were compared" in words, words
    assert backups.verify(path, "--identity", two)[0] == 0
    status, words = backups.verify(path, "--identity", three)
    assert status == 4 and "none of the identities opens it" in words, (status, words)
    server.kill()
    target = elsewhere()
    for flags, status, words in (((), 4, f"the backup is encrypted to {first}: --identity FILE opens it"),
                                 (("--identity", three), 4, "none of the identities opens it")):
        done = backups.restore(path, target, "--master-key", server.data / "master.key", *flags)
        assert done.returncode == status and words in done.stderr, done.stderr
        assert os.listdir(target.data) == [] and not list(target.dir.glob("chancery.db*"))
    done = backups.restore(path, target, "--master-key", server.data / "master.key", "--identity", two)
    assert done.returncode == 0, done.stdout + done.stderr
    assert integrity(target) == [("ok",)]
    target.start()
    assert target.client().total(f'SerialNumber -eq "{serial}"') == 1
    for secret in ("AGE-SECRET-KEY", two.read_text().splitlines()[-1]):
        assert secret not in done.stdout + done.stderr


@pytest.mark.once
def test_a_backup_that_age_encrypted_as_a_whole_is_restored(new_server, elsewhere, identity, tmp_path):
    server = new_server().start()
    server.client().enroll()
    path = pathlib.Path(backups.create(server, tmp_path / "b")["path"])
    (one, first), (two, _) = identity("one"), identity("two")
    sealed = path.with_name(path.name + ".age")
    assert age("-r", first, "-o", sealed, path).returncode == 0
    path.unlink()
    server.kill()
    whole, target = sealed.read_bytes(), elsewhere()
    flags = ("--master-key", server.data / "master.key")
    for content, who, status, words in ((whole[:-1], one, 2, "cut off"), (whole[:len(whole) // 2], one, 2, "cut off"),
                                        (whole[:300] + bytes([whole[300] ^ 1]) + whole[301:], one, 2, "changed"),
                                        (whole, two, 4, "none of the identities"), (whole, None, 2, "--identity FILE")):
        sealed.write_bytes(content)
        done = backups.restore(sealed, target, *flags, *(("--identity", who) if who else ()))
        assert done.returncode == status and words in done.stderr, (status, words, done)
        assert os.listdir(target.data) == [] and not list(target.dir.glob("chancery.db*"))
    sealed.write_bytes(whole)
    assert backups.verify(sealed, "--identity", one)[0] == 0
    assert backups.restore(sealed, target, *flags, "--identity", one).returncode == 0
    assert integrity(target) == [("ok",)]


@pytest.mark.once
def test_damage_to_an_encrypted_backup_is_told_and_nothing_is_restored(new_server, elsewhere, identity, tmp_path):
    server = new_server().start()
    one, first = identity()
    made = chancery.cli("backup", "create", *backups.place(server), "--to", tmp_path / "b", "--recipient", first, "-o", "json")
    path = pathlib.Path(json.loads(made.stdout)["path"])
    server.kill()
    whole, target = path.read_bytes(), elsewhere()
    name, _, data, size = backups.members(path)[0]
    for content, words in ((whole[:data + 90] + bytes([whole[data + 90] ^ 1]) + whole[data + 91:], "database.sqlite: it was changed"),
                           (whole[:data + size // 2], f"cut off within {name}")):
        path.write_bytes(content)
        for flags in ((), ("--identity", one)):
            status, said = backups.verify(path, *flags)
            assert status == 12 and words in said, said
        done = backups.restore(path, target, "--master-key", server.data / "master.key", "--identity", one)
        assert done.returncode == 12 and words in done.stderr, done
        assert os.listdir(target.data) == [] and not list(target.dir.glob("chancery.db*"))


@pytest.mark.once
def test_the_servers_own_backups_and_the_copied_log_are_encrypted(shipping, elsewhere, identity):  # noqa: F811
    one, first = identity()
    server = shipping(every="200ms", **{"backup.recipients": first}).start()
    base = based(server)
    serial = server.client().enroll(dns=("hidden.example.com",))["SerialNumber"]
    wait_shipped(server)
    stream, newest = backups.manifest(base)["stream"], segments(server)[-1]
    assert stream["id"] in newest.parent.name
    assert [name for name, *_ in backups.members(newest)][0] == "pages.zst.age"
    page_size = backups.manifest(newest)["page_size"]
    pages = opened(newest, "pages", one)
    assert len(pages) % (page_size + 4) == 0 and int.from_bytes(pages[:4], "big") >= 1
    server.stop()
    server.start()  # the stream goes on without an identity
    again = server.client().enroll()["SerialNumber"]
    wait_shipped(server)
    assert len(list(server.backup.glob("wal-*"))) == 1
    key = lose(server)
    target = elsewhere()
    refused = backups.restore(server.backup, target, "--master-key", key)
    assert refused.returncode == 4 and "--identity FILE" in refused.stderr
    put_back(server, target, key, "--identity", one)
    assert integrity(target) == [("ok",)]
    target.start()
    assert all(target.client().total(f'SerialNumber -eq "{one}"') == 1 for one in (serial, again))


@pytest.mark.once
def test_recipients_and_identities_that_cannot_be_are_told(new_server, identity, tmp_path):
    one, first = identity()
    secret = one.read_text().splitlines()[-1]
    for value, words in (("age1xyz", "is no recipient of age"), (secret, "that is an identity: keep it secret")):
        done = chancery.cli("config", "check", "--set", f"data_dir={tmp_path}", "--set", f"backup.recipients={value}")
        assert done.returncode and "backup.recipients" in done.stdout + done.stderr and words in done.stdout + done.stderr
        assert secret[20:] not in done.stdout + done.stderr
        done = chancery.cli("backup", "create", "--to", tmp_path / "b", "--recipient", value)
        assert done.returncode == 2 and "--recipient: " in done.stderr and words in done.stderr, done.stderr
        assert secret[20:] not in done.stderr
    server = new_server().start()
    path = backups.create(server, tmp_path / "b")["path"]
    wrapped = tmp_path / "wrapped.txt"
    assert age("-r", first, "-o", wrapped, one).returncode == 0
    wrapped.chmod(0o600)
    (tmp_path / "empty.txt").write_text("# none\n")
    (tmp_path / "empty.txt").chmod(0o600)
    (tmp_path / "open.txt").write_text(one.read_text())
    (tmp_path / "open.txt").chmod(0o644)
    for name, words in (("wrapped.txt", "the identity is itself encrypted"), ("empty.txt", "there is no identity of age"),
                        ("open.txt", "open.txt"), ("none.txt", "none.txt")):
        status, said = backups.verify(path, "--identity", tmp_path / name)
        assert status not in (0, 12) and words in said, (name, status, said)


def test_a_database_of_either_kind_comes_back_from_an_encrypted_backup(new_server, new_database, identity, tmp_path):
    server = new_server().start()
    serials = [server.client().enroll(dns=(f"n{i}.example.com",))["SerialNumber"] for i in range(3)]
    one, first = identity()
    made = chancery.cli("backup", "create", *backups.place(server), "--to", tmp_path / "b", "--recipient", first, "-o", "json")
    path = pathlib.Path(json.loads(made.stdout)["path"])
    part = next(name for name in ("table/certificate", "database.sqlite")
                if any(one["name"] == name for one in backups.manifest(path)["parts"]))
    assert opened(path, part, one)
    server.stop()
    target = chancery.Server(new_database())
    try:
        target.data.mkdir(mode=0o700)
        done = backups.restore(path, target, "--master-key", server.data / "master.key", "--identity", one)
        assert done.returncode == 0, done.stdout + done.stderr
        target.start()
        assert all(target.client().total(f'SerialNumber -eq "{serial}"') == 1 for serial in serials)
        assert target.cli("audit", "verify").returncode == 0
    finally:
        target.close()
