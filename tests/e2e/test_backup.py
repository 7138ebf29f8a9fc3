"""Backups: made while the server works, held against themselves byte for byte."""
import hashlib
import json
import os
import pathlib
import random
import sqlite3
import stat
import threading
import time

import pytest

import backups
import chancery
import processes


def enroll_until(server, done, told):
    """Enroll until DONE is set; what was confirmed is added to TOLD."""
    client = server.client()
    while not done.is_set():
        told.append(client.enroll(dns=("load.example.com",))["SerialNumber"])


@pytest.mark.seed("S287")
def test_a_backup_under_load_holds_all_that_was_confirmed_before(new_server, database, tmp_path):
    server = new_server().start()
    before = [server.client().enroll(dns=("before.example.com",))["SerialNumber"] for _ in range(5)]
    told, done = [], threading.Event()
    threads = [threading.Thread(target=enroll_until, args=(server, done, told)) for _ in range(4)]
    for one in threads:
        one.start()
    try:
        processes.wait_until(lambda: len(told) > 20, 30, what="load")
        confirmed = list(told)
        made = backups.create(server, tmp_path)
        while_it_was_made = len(told) - len(confirmed)
    finally:
        done.set()
        for one in threads:
            one.join()
    path = pathlib.Path(made["path"])
    assert while_it_was_made > 0, "writers waited for the backup"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and path.stat().st_size == made["size"]
    assert os.listdir(tmp_path) == [path.name], "something was left behind"
    status, said = backups.verify(path)
    assert status == 0 and "intact" in said, said

    said = backups.manifest(path)
    assert said["database"] == database and said["schema"] == sorted(said["schema"])
    if database == "sqlite":
        (tmp_path / "copy.db").write_bytes(backups.content(path, "database.sqlite"))
        connection = sqlite3.connect(tmp_path / "copy.db")
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        serials = {row[0].hex().upper() for row in connection.execute("SELECT serial FROM certificate")}
        heads = connection.execute("SELECT lane, seq, hash FROM audit_chain ORDER BY lane").fetchall()
        connection.close()
        assert [(head["chain"], head["seq"], head["hash"]) for head in said["audit"]] == [
            (lane, seq, value.hex()) for lane, seq, value in heads]
    else:
        columns = next(part["columns"] for part in said["parts"] if part["name"] == "table/certificate").split(",")
        rows = [line.split("\t") for line in backups.content(path, "table/certificate").decode().splitlines()]
        assert len(rows) == next(part["rows"] for part in said["parts"] if part["name"] == "table/certificate")
        serials = {row[columns.index("serial")].removeprefix("\\\\x").upper() for row in rows}
    assert len(serials) == said["certificates"]
    assert said["newest_serial"] in serials
    missing = {serial for serial in before + confirmed if serial not in serials
               and serial.removeprefix("00") not in {one.removeprefix("00") for one in serials}}
    assert not missing, missing
    # the record tells that it was made
    found = [row for row in server.client().rest("GET", "/audit", params={"action": "backup.create"}).json()["items"]]
    assert [row["target"]["id"] for row in found] == [said["id"]]


@pytest.mark.seed("S172")
@pytest.mark.once
def test_a_backup_holds_the_sealed_keys_and_never_the_master_key(new_server, tmp_path):
    certificate, key = tmp_path / "own.pem", tmp_path / "own.key"
    (tmp_path / "server.yaml").write_text("metrics: {enabled: true}\n")
    server = new_server(config=tmp_path / "server.yaml").start()
    made = server.cli("issue", "--issuer", "ca", "--dns", "localhost", "--out", certificate, "--key-out", key)
    assert made.returncode == 0, made.stderr
    path = backups.create(server, tmp_path / "b", env=None)["path"]
    held = chancery.cli("backup", "create", *backups.place(server), "--to", tmp_path / "c", "--config",
                        tmp_path / "server.yaml", "--set", f"listen.certificate={certificate}", "--set",
                        f"listen.key={key}", "-o", "json")
    assert held.returncode == 0, held.stderr
    path = pathlib.Path(json.loads(held.stdout)["path"])
    names = [name for name, *_ in backups.members(path)]
    keys = sorted(one.name for one in (server.data / "keys").glob("*.key"))
    assert keys and all(f"data/keys/{name}.zst" in names for name in keys)
    assert "tls/key.pem.sealed.zst" in names and "config/chancery.yaml.zst" in names
    assert backups.content(path, "config/chancery.yaml") == b"metrics: {enabled: true}\n"
    secrets = [key.read_bytes(), (server.data / "master.key").read_bytes()]
    for name in names:
        if name.endswith(".zst"):
            data = backups.content(path, name.removesuffix(".zst"))
            assert not any(secret in data for secret in secrets), name
            assert b"BEGIN PRIVATE KEY" not in data and b"BEGIN EC PRIVATE KEY" not in data, name
    assert not any("master" in name for name in names)
    assert backups.manifest(path)["master_key"] in chancery.cli("backup", "verify", path).stdout


@pytest.mark.seed("S287")
@pytest.mark.once
def test_a_changed_byte_is_told_by_the_name_of_its_part(new_server, tmp_path):
    server = new_server().start()
    server.client().enroll()
    path = pathlib.Path(backups.create(server, tmp_path)["path"])
    whole = path.read_bytes()
    spots = []
    for name, head, data, size in backups.members(path):
        spots += [(head + spot, name) for spot in (0, 105, 130, 150, 300)]
        spots += [(data + random.randrange(size), name) for _ in range(3) if size]
        if size % 512:
            spots.append((data + size, name))  # the gap behind it
    spots.append((len(whole) - 1, "end"))
    for at, name in spots:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << random.randrange(8))]) + whole[at + 1:])
        status, said = backups.verify(path)
        assert status == 12, (at, name, said)
        assert name.removesuffix(".zst")[1:] in said, (at, name, said)
    path.write_bytes(whole)
    assert backups.verify(path)[0] == 0


@pytest.mark.seed("S287")
@pytest.mark.once
def test_a_backup_cut_off_or_mixed_up_is_told(new_server, tmp_path):
    server = new_server().start()
    path = pathlib.Path(backups.create(server, tmp_path)["path"])
    whole = path.read_bytes()
    keys = [one for one in backups.members(path) if one[0].startswith("data/keys/")]
    for length in (0, 100, keys[0][2] + 10, keys[1][1], len(whole) - 1024, len(whole) - 1):
        path.write_bytes(whole[:length])
        status, said = backups.verify(path)
        assert status == 12 and ("cut off" in said or "missing" in said), (length, said)
        if length == keys[0][2] + 10:
            assert f"cut off within {keys[0][0]}" in said, said
        if length == keys[1][1]:
            assert f"cut off behind {keys[0][0]}" in said, said
    path.write_bytes(whole + b"x")
    assert backups.verify(path)[0] == 12

    # two parts of one length change places
    path.write_bytes(whole)
    twins = [(a, b) for a in keys for b in keys if a[0] < b[0] and a[3] == b[3]]
    for a, b in twins[:1]:
        first, second = whole[a[2]:a[2] + a[3]], whole[b[2]:b[2] + b[3]]
        mixed = bytearray(whole)
        mixed[a[2]:a[2] + a[3]], mixed[b[2]:b[2] + b[3]] = second, first
        path.write_bytes(mixed)
        status, said = backups.verify(path)
        assert status == 12 and f"{a[0].removesuffix('.zst')}: in its place stands {b[0].removesuffix('.zst')}" in said
        assert f"{b[0].removesuffix('.zst')}: in its place stands {a[0].removesuffix('.zst')}" in said

    # somebody writes a manifest to fit: the seal does not
    def forged(parts):
        for info, data in parts:
            if info.name == keys[0][0]:
                data = b"x" * len(data)
            if info.name == "manifest.json":
                said = json.loads(data)
                for part in said["parts"]:
                    if part["name"] + ".zst" == keys[0][0]:
                        part["sha256"] = hashlib.sha256(b"x" * part["packed"]).hexdigest()
                data = (json.dumps(said, separators=(",", ":")) + "\n").encode()
            yield info, data
    path.write_bytes(whole)
    backups.rewritten(path, forged)
    status, said = backups.verify(path)
    assert status == 12 and "manifest.json: it was changed" in said, said


@pytest.mark.once
def test_what_keeps_a_backup_from_being_made_is_told(new_server, tmp_path):
    server = new_server().start()
    place = backups.place(server)
    for flags, status, words in (
            (("--to", tmp_path / "file" / "below"), 8, "cannot make the directory"),
            ((), 2, "--to DIR, or the setting backup.dir"),
            (("--to", tmp_path, "--kind", "half"), 2, "full"),
            (("--to", tmp_path, "--set", "seal.master_key=file:" + str(tmp_path / "none")), 3, "the master key"),
            (("--to", tmp_path, "--db", f"sqlite:{tmp_path}/none.db"), 3, "there is no database")):
        (tmp_path / "file").write_text("")
        done = chancery.cli("backup", "create", *place, *flags)
        assert done.returncode == status and words in done.stderr, (flags, done.returncode, done.stderr)
        assert not list(tmp_path.glob("*.tar*")) and not (tmp_path / "none.db").exists()
    for arguments, status, words in (
            ((tmp_path / "none.tar",), 3, "cannot open"), ((), 2, "--latest"),
            (("--latest", "--dir", tmp_path / "empty"), 3, "there is no backup in"), ((tmp_path,), 12, "no regular file"),
            ((tmp_path / "file",), 12, "cut off")):
        done = chancery.cli("backup", "verify", *arguments)
        assert done.returncode == status and words in done.stdout + done.stderr, (arguments, done)


@pytest.mark.once
def test_the_master_key_may_lie_elsewhere(new_server, tmp_path):
    server = new_server(settings={"seal.master_key": f"file:{tmp_path}/apart.key"}).start()
    assert (tmp_path / "apart.key").stat().st_size == 32 and not (server.data / "master.key").exists()
    assert server.client().enroll()["SerialNumber"]
    done = chancery.cli("backup", "create", *backups.place(server), "--to", tmp_path, "--set",
                        f"seal.master_key=file:{tmp_path}/apart.key")
    assert done.returncode == 0, done.stderr


@pytest.mark.once
def test_backups_are_listed_the_newest_first(new_server, tmp_path):
    server = new_server().start()
    made = backups.create(server, tmp_path)
    older = tmp_path / "chancery-20200101T000000Z.tar"
    older.write_bytes(b"")
    (tmp_path / "chancery-20209901T000000Z.tar").write_bytes(b"")
    (tmp_path / "else.tar").write_bytes(b"")
    listed = json.loads(chancery.cli("backup", "list", "--dir", tmp_path, "-o", "json").stdout)
    assert [one["path"] for one in listed] == [made["path"], str(older)]
    assert listed[0]["size"] == made["size"]
    status, said = backups.verify("--latest", "--dir", tmp_path)
    assert status == 0 and made["path"] in said
    again = chancery.cli("backup", "list", "--dir", tmp_path / "none")
    assert again.returncode == 0 and "There is no backup." in again.stderr


@chancery.needs_faults
@pytest.mark.once
def test_a_backup_that_is_cut_short_has_no_name(new_server, tmp_path):
    server = new_server(program=chancery.FAULTS).start()
    done = chancery.cli("backup", "create", *backups.place(server), "--to", tmp_path, program=chancery.FAULTS,
                        env={"CHANCERY_CRASH_AT": "backup.written:1"})
    assert done.returncode == -9
    assert not list(tmp_path.glob("*.tar")) and json.loads(
        chancery.cli("backup", "list", "--dir", tmp_path, "-o", "json").stdout) == []
    again = backups.create(server, tmp_path)  # at once, though what is left may be of this very second
    assert backups.verify(again["path"])[0] == 0


@pytest.mark.once
def test_what_a_backup_of_this_second_left_keeps_no_other_from_being_made(new_server, tmp_path):
    server = new_server().start()
    now = int(time.time())
    left = [tmp_path / time.strftime("chancery-%Y%m%dT%H%M%SZ.tar.new", time.gmtime(now + later)) for later in range(3)]
    for one in left:
        one.write_bytes(b"cut short")
    made = backups.create(server, tmp_path)
    assert backups.verify(made["path"])[0] == 0
    assert all(one.read_bytes() == b"cut short" for one in left), "another server may be writing there"


@chancery.needs_faults
@pytest.mark.once
def test_a_backup_gets_its_name_where_only_links_never_replace(new_server, tmp_path):
    """NFS knows no rename that refuses to replace."""
    server = new_server(program=chancery.FAULTS).start()
    made = backups.create(server, tmp_path, env={"CHANCERY_FAIL_AT": "file.noreplace:0"})
    assert os.listdir(tmp_path) == [os.path.basename(made["path"])]
    assert backups.verify(made["path"])[0] == 0


@chancery.needs_faults
def test_the_server_makes_backups_by_itself_and_removes_old_ones(new_server, tmp_path, database):
    kept = tmp_path / "kept"
    kept.mkdir()
    server = new_server(program=chancery.FAULTS, settings={
        "backup.dir": kept, "backup.daily": 2, "backup.weekly": 0, "backup.monthly": 0}).start()
    for day in ("20250101", "20250102", "20250103"):
        (kept / f"chancery-{day}T000000Z.tar").write_bytes(b"")
    (server.data / "signed" / "signed-20240101.log").write_text("")
    (server.data / "signed" / "signed-20250102.log").write_text("")
    server.stop()
    server.start(CHANCERY_CLOCK_OFFSET_MS=str(3600 * 1000))  # the turn of the schedule is over
    processes.wait_until(lambda: server.lines(event="backup.created") and len(os.listdir(kept)) == 2, 30,
                         what="the backup")
    newest = max(kept.iterdir())
    assert sorted(one.name for one in kept.iterdir()) == ["chancery-20250103T000000Z.tar", newest.name]
    assert backups.verify(newest)[0] == 0
    line, = server.lines(event="backup.created")
    assert line["file"] == str(newest) and line["bytes"] == newest.stat().st_size
    metrics = server.client().session.get(server.url.rstrip("/") + "/metrics", timeout=30).text
    assert 'chancery_backup_last_success_timestamp_seconds{kind="full"}' in metrics
    assert 'chancery_backup_failures_total{kind="full"} 0' in metrics
    assert f'chancery_backup_size_bytes{{kind="full"}} {newest.stat().st_size}' in metrics
    assert not (server.data / "signed" / "signed-20240101.log").exists()
    assert (server.data / "signed" / "signed-20250102.log").exists(), "the day before the oldest backup"


@chancery.needs_faults
def test_installations_that_share_a_directory_do_not_count_each_others_backups(new_server, tmp_path):
    settings = {"backup.dir": tmp_path, "backup.daily": 1, "backup.weekly": 0, "backup.monthly": 0}
    made = []
    for number in range(2):
        server = new_server(program=chancery.FAULTS, settings=settings).start()
        server.stop()
        server.start(CHANCERY_CLOCK_OFFSET_MS=str((number + 1) * 3600 * 1000))  # the turn of the schedule is over
        processes.wait_until(lambda one=server: one.lines(event="backup.created"), 30, what="the backup")
        made.append(server)
    names = [server.lines(event="backup.created")[0]["file"].rsplit("/", 1)[1] for server in made]
    assert sorted(os.listdir(tmp_path)) == sorted(names)
    done = chancery.cli("backup", "prune", "--dir", tmp_path, "-o", "json", "--set", f"data_dir={tmp_path}",
                        *(flag for key in ("daily=1", "weekly=0", "monthly=0") for flag in ("--set", f"backup.{key}")))
    assert json.loads(done.stdout) == [] and sorted(os.listdir(tmp_path)) == sorted(names)
    third = new_server(settings=settings).start()
    says = chancery.cli("doctor", *backups.place(third), "--set", f"backup.dir={tmp_path}").stdout
    assert f"there is none in {tmp_path} of this installation" in says


@pytest.mark.once
def test_backups_are_pruned_as_the_settings_say(tmp_path):
    names = [f"chancery-202501{day:02}T000000Z.tar" for day in range(1, 11)]
    for name in names:
        (tmp_path / name).write_bytes(b"")
    flags = ("--dir", tmp_path, "--set", "backup.daily=3", "--set", "backup.weekly=0", "--set", "backup.monthly=0",
             "--set", f"data_dir={tmp_path}", "-o", "json")
    for dry in (True, False):
        done = chancery.cli("backup", "prune", *flags, *(["--dry-run"] if dry else []))
        assert done.returncode == 0, done.stderr
        assert sorted(one["name"] for one in json.loads(done.stdout)) == names[:7]
        assert sorted(os.listdir(tmp_path)) == (names if dry else names[7:])
    assert json.loads(chancery.cli("backup", "prune", *flags).stdout) == []
    assert "No backup is to go." in chancery.cli("backup", "prune", *flags[:-2]).stderr  # there are some
