"""The database's log, copied away while the server works: what a lost disk takes with it."""
import json
import os
import pathlib
import shutil
import sqlite3
import threading
import time

import pytest

import admin
import backups
import chancery
import processes
from chancery import good

EVERY = 1  # second: how much may be lost


@pytest.fixture
def shipping(tmp_path):
    """Make SQLite servers that copy their log to where their backups are."""
    made = []

    def make(every=f"{EVERY}s", program=chancery.PROGRAM, **settings):
        directory = tmp_path / f"backup{len(made)}"
        server = chancery.Server(program=program, settings={
            "backup.dir": directory, "backup.ship.dir": directory, "backup.ship.every": every, **settings})
        server.backup = directory
        made.append(server)
        return server
    yield make
    for one in made:
        one.close()


@pytest.fixture
def elsewhere():
    """Empty machines: servers that were never started."""
    made = []

    def make():
        server = chancery.Server()
        server.data.mkdir(mode=0o700)
        made.append(server)
        return server
    yield make
    for one in made:
        one.close()


def based(server, count=1):
    """Wait until the copied log continues a backup."""
    def base():
        return [one for one in sorted(server.backup.glob("*.tar")) if backups.manifest(one).get("stream")][count - 1:]
    return processes.wait_until(base, 30, what="a backup that the log continues")[-1]


def segments(server, stream=None):
    streams = sorted(server.backup.glob(f"wal-{stream or '*'}"))
    return sorted(streams[-1].glob("*.tar")) if streams else []


def lose(server):
    """The machine dies, and its disk; of it the master key alone was kept elsewhere."""
    server.kill()
    key = server.backup.parent / f"{server.backup.name}.key"
    shutil.copy(server.data / "master.key", key)
    shutil.rmtree(server.data)
    for one in server.dir.glob("chancery.db*"):
        one.unlink()
    return key


def put_back(server, target, key, *flags, status=0):
    done = backups.restore(server.backup, target, "--master-key", key, "-o", "json", *flags)
    assert done.returncode == status, done.stdout + done.stderr
    return json.loads(done.stdout)


def integrity(target):
    connection = sqlite3.connect(target.database.removeprefix("sqlite:"))
    try:
        return connection.execute("PRAGMA integrity_check").fetchall()
    finally:
        connection.close()


def found(client, serial):
    return client.get("/Certificates", **{"pq.queryString": f'SerialNumber -eq "{serial}"', "pq.includeRevoked": "true"})


def wait_shipped(server, client=None):
    """Wait until all that was committed until now is copied."""
    since = time.time()
    metric = 'chancery_backup_last_success_timestamp_seconds{kind="log"} '

    def copied():
        text = (client or server.client()).session.get(server.url.rstrip("/") + "/metrics", timeout=30).text
        at = [line for line in text.splitlines() if line.startswith(metric)]
        return at and float(at[0].removeprefix(metric)) > since
    processes.wait_until(copied, 20, every=0.1, what="a copy of the log")


def component(server, name):
    health = good(server.client().rest("GET", "/health"))
    return next(one for one in health["components"] if one["name"] == name)


@pytest.mark.seed("S295")
@pytest.mark.once
def test_a_lost_disk_takes_no_more_than_was_said(shipping, elsewhere):
    """Users, roles, metadata, requests and keys from after the backup are there without a log of signatures."""
    server = shipping().start()
    base = based(server)
    client = server.client()
    user = admin.user(server, permissions=["certificates/read"])
    template = admin.template(server, policy={"requires_approval": True})
    waits = client.enroll(dns=("waits.example.com",), Template=template)
    client.post("/MetadataFields", {"Name": "Cost", "Description": "d", "DataType": 1})
    made = client.enroll(dns=("after.example.com",), Metadata={"Cost": "42"})
    later = server.cli("ca", "create", "Later Root", "--key-type", "ec:p256")
    assert later.returncode == 0, later.stderr
    told, done = [], threading.Event()

    def enroll_on():
        mine = server.client()
        while not done.is_set():
            serial = mine.enroll(dns=("load.example.com",))["SerialNumber"]
            told.append((time.monotonic(), serial))
    threads = [threading.Thread(target=enroll_on) for _ in range(3)]
    for one in threads:
        one.start()
    time.sleep(3 * EVERY)  # the claim is about time
    done.set()
    for one in threads:
        one.join()
    end = time.monotonic()
    key = lose(server)

    target = elsewhere()
    said = put_back(server, target, key)
    assert said["from"] == str(base) and said["segments"] > 0 and said["segment_faults"] == [], said
    assert said["window_seconds"] <= 60 and said["audit_intact"] and said["records"] == 0
    assert not [one for one in said["doctor"] if one["state"] == "fail"], said["doctor"]
    assert integrity(target) == [("ok",)]
    target.start()
    again = target.client()
    row, = found(again, made["SerialNumber"])
    assert again.get(f"/Certificates/{row['Id']}/Metadata")["Metadata"] == {"Cost": "42"}
    assert good(target.client(*user).rest("GET", "/whoami"))["name"] == user[0]
    assert target.cli("audit", "verify").returncode == 0
    assert waits["RequestDisposition"] == "PENDING"
    assert waits["KeyfactorRequestId"] in [one["id"] for one in good(again.rest("GET", "/requests"))["items"]]
    missing = [at for at, serial in told if not found(again, serial)]
    assert len(missing) < len(told) and all(end - at <= EVERY + 2 for at in missing), [end - at for at in missing]
    # the key of an authority that was made after the backup came with the log
    assert list(target.data.glob("keys/*.key")) and len(list(target.data.glob("keys/*.key"))) == said_keys(target)
    assert again.enroll(dns=("on.example.com",))["SerialNumber"] not in {serial for _, serial in told}


def said_keys(target):
    """Keys in files, as the register has them."""
    return admin.sql(target, "SELECT COUNT(*) FROM ca_key WHERE key_uri LIKE 'file:%'")[0][0]


@pytest.mark.once
def test_every_moment_can_be_restored_and_damage_is_named(shipping, elsewhere, tmp_path):
    server = shipping(every="200ms").start()
    base = based(server)
    client, told = server.client(), []
    for _ in range(4):
        serial = client.enroll(dns=("one.example.com",))["SerialNumber"]
        wait_shipped(server, client)
        told.append((serial, time.time()))  # a moment is the end of a segment: backup.md
        time.sleep(1.1)  # moments are told in seconds
    files = segments(server)
    key = lose(server)
    status, said = backups.verify(base)
    assert status == 0 and "continued" in said and "segments of the log" in said, said

    for count in (1, 3):
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(told[count - 1][1] + 1))
        target = elsewhere()
        said = put_back(server, target, key, "--until", moment)
        assert said["copied_until"] <= moment, said
        target.start()
        assert [bool(found(target.client(), serial)) for serial, _ in told] == [i < count for i in range(4)]
        target.stop()

    late = files[-2]
    whole = late.read_bytes()
    for damage, words in ((whole[:len(whole) // 2] + b"x" + whole[len(whole) // 2 + 1:], "changed"),
                          (whole[:len(whole) // 2], "cut off"), (files[-3].read_bytes(), "in its place stands segment"),
                          (None, "it is missing; those behind it cannot be used")):
        if damage is None:
            late.unlink()
        else:
            late.write_bytes(damage)
        name = f"{late.parent.name}/{late.name}"
        status, said = backups.verify(base)
        assert status == 12 and f"DAMAGED      {name}: " in said and words in said, said
    target = elsewhere()
    said = put_back(server, target, key, status=7)
    assert [one for one in said["segment_faults"] if one.startswith(f"{name}: it is missing")], said
    assert said["segments"] > 0 and integrity(target) == [("ok",)]
    target.start()
    assert found(target.client(), told[0][0])

    # a backup that continues nowhere is restored as it is
    shutil.rmtree(late.parent)
    target = elsewhere()
    assert put_back(server, target, key, status=0 if not segments(server) else 7)["segments"] == 0


@pytest.mark.once
def test_a_stream_outlives_restarts_and_what_others_do_beside_it(shipping, elsewhere):
    server = shipping(every="200ms").start()
    base = based(server)
    stream = backups.manifest(base)["stream"]
    told = [server.client().enroll()["SerialNumber"]]
    server.stop()
    server.start()
    told.append(server.client().enroll()["SerialNumber"])
    time.sleep(2.2)  # quiet: the log is carried over, and begins anew with the next write
    told.append(server.client().enroll()["SerialNumber"])
    beside = backups.create(server, server.backup)  # another process on the same database
    says = chancery.cli("doctor", *backups.place(server), "--set", f"backup.dir={server.backup}", "--set",
                        f"backup.ship.dir={server.backup}").stdout
    assert "the database's log is copied until" in says, says
    told.append(server.client().enroll()["SerialNumber"])
    server.kill()
    server.start()
    told.append(server.client().enroll()["SerialNumber"])
    wait_shipped(server)
    assert component(server, "backup")["state"] == "ok"
    assert [one.parent.name for one in segments(server)][-1] == f"wal-{stream['id']}"
    assert len(list(server.backup.glob("wal-*"))) == 1
    assert "stream" not in backups.manifest(pathlib.Path(beside["path"])), "it cannot know where it stands"
    key = lose(server)
    target = elsewhere()
    said = put_back(server, target, key)
    assert said["from"] == str(base), "the younger backup comes less far"
    target.start()
    assert all(found(target.client(), serial) for serial in told)


@chancery.needs_faults
@pytest.mark.once
@pytest.mark.parametrize("point", ["ship.written:2", "backup.written:3", "db.after_commit_before_answer:40"])
def test_a_server_that_dies_while_it_copies_goes_on(shipping, elsewhere, point):
    server = shipping(every="100ms", program=chancery.FAULTS)
    server.spawn(CHANCERY_CRASH_AT=point)
    told = []

    def enroll_on():
        try:
            server.wait_ready()
            while server.process.poll() is None:
                told.append(server.client().enroll()["SerialNumber"])
        except Exception:  # it died
            assert server.process.wait(30) == -9
    enroll_on()
    assert server.process.wait(30) == -9
    server.start()
    base = based(server)
    told.append(server.client().enroll()["SerialNumber"])
    wait_shipped(server)
    key = lose(server)
    target = elsewhere()
    said = put_back(server, target, key)
    assert said["segment_faults"] == [] and integrity(target) == [("ok",)], (said, base)
    target.start()
    assert all(found(target.client(), serial) for serial in told)


@pytest.mark.once
def test_a_directory_that_is_away_is_told_and_taken_up_again(shipping, elsewhere):
    server = shipping(every="200ms").start()
    server.tolerates_errors = True
    based(server)
    stream = segments(server)[0].parent
    away = stream.rename(stream.with_name("away"))
    serial = server.client().enroll()["SerialNumber"]
    processes.wait_until(lambda: component(server, "backup")["state"] == "degraded", 20, every=0.2, what="bad health")
    assert "is not copied" in component(server, "backup")["detail"]
    assert server.lines(level="error", msg="the database's log cannot be copied")
    text = server.client().session.get(server.url.rstrip("/") + "/metrics", timeout=30).text
    assert 'chancery_backup_failures_total{kind="log"} 0' not in text
    away.rename(stream)
    processes.wait_until(lambda: component(server, "backup")["state"] == "ok", 20, every=0.2, what="good health")
    wait_shipped(server)
    assert len(list(server.backup.glob("wal-*"))) == 1
    key = lose(server)
    target = elsewhere()
    put_back(server, target, key)
    target.start()
    assert found(target.client(), serial)


@chancery.needs_faults
@pytest.mark.once
def test_segments_are_removed_with_the_backups_that_they_continue(shipping):
    server = shipping(every="200ms", program=chancery.FAULTS, **{
        "backup.ship.keep": "60s", "backup.every": "1h", "backup.daily": 1, "backup.weekly": 0, "backup.monthly": 0}).start()
    old = based(server)
    server.client().enroll()
    wait_shipped(server)
    first = segments(server)[0]
    server.stop()
    server.start(CHANCERY_CLOCK_OFFSET_MS=str(2 * 3600 * 1000))
    new = processes.wait_until(lambda: [one for one in server.backup.glob("*.tar") if one != old], 30, what="a backup")[0]
    processes.wait_until(lambda: not first.exists(), 20, what="the end of a segment")
    server.client().enroll()
    wait_shipped_files = len(segments(server))
    processes.wait_until(lambda: len(segments(server)) > wait_shipped_files, 20, what="a segment")
    numbers = [int(one.stem) for one in segments(server)]
    stood = backups.manifest(new)["stream"]
    assert numbers[0] <= stood["from"] and numbers == list(range(numbers[0], numbers[-1] + 1))
    assert backups.verify(new)[0] == 0
    if old.exists():  # it stands alone now
        assert backups.verify(old)[0] == 0
    assert server.lines(event="backup.shipped")


@pytest.mark.once
def test_settings_of_the_copy_that_cannot_be_are_refused(tmp_path):
    for flags, words in ((("backup.ship.dir=/x",), "backup.ship.dir: continues backups: set backup.dir"),
                         (("backup.ship.dir=/x", "backup.dir=/x", "db.url=postgresql://127.0.0.1/x"), "is for SQLite"),
                         (("backup.ship.every=1ms",), "backup.ship.every")):
        done = chancery.cli("config", "check", "--set", f"data_dir={tmp_path}", *(
            part for one in flags for part in ("--set", one)))
        assert done.returncode and words in done.stdout + done.stderr, (flags, done)
