"""`chancery doctor`, and what a server says that does not start: which fault it is, and what to do."""
import json
import os
import pathlib
import shutil
import threading

import pytest

import admin
import backups
import chancery
import processes


def doctor(server, *flags, **more):
    """Exit status and findings, by check."""
    done = chancery.cli("doctor", *backups.place(server), "--set", "listen.https=127.0.0.1:0", *flags, "-o", "json",
                        program=server.program, **more)
    found = {}
    for one in json.loads(done.stdout):
        assert one["state"] in ("ok", "warn", "fail") and one["duration_ms"] < 12000, one
        assert bool(one["fix"]) == (one["state"] != "ok"), one
        found.setdefault(one["check"], []).append(one)
    return done.returncode, found


def failures(found):
    return [one for several in found.values() for one in several if one["state"] == "fail"]


@pytest.mark.seed("S116", "S111")
def test_a_healthy_installation_has_nothing_wrong(new_server, database, tmp_path):
    server = new_server().start()
    backups.create(server, tmp_path)
    flags = ("--set", f"backup.dir={tmp_path}")
    status, found = doctor(server, *flags)
    assert status == 0 and not failures(found), failures(found)
    assert {"settings", "files", "disk", "clock", "database", "server", "master key", "authority", "CRL", "audit", "backup",
            "listener", "TLS"} <= set(found), set(found)
    assert found["listener"][0]["text"].endswith("answers, with TLS 1.3, 1.2")
    assert "work" in found["server"][0]["text"] and "no server" not in found["server"][0]["text"]
    assert len(found["authority"]) == 2 and all("signs" in one["text"] for one in found["authority"])
    assert len(found["CRL"]) == 2
    server.stop()
    status, found = doctor(server, *flags)
    assert status == 0 and not failures(found), failures(found)
    assert found["listener"][0]["state"] == "warn" and "nobody answers at 127.0.0.1:" in found["listener"][0]["text"]
    assert "no server" in found["server"][0]["text"]
    assert doctor(server, *flags, "--strict")[0] == 12
    server.start()  # nothing was changed
    shown = chancery.cli("doctor", *backups.place(server))
    assert "✓ database" in shown.stdout and "checks, 0 failed" in shown.stderr, shown.stdout + shown.stderr
    plain = chancery.cli("doctor", *backups.place(server), env={"LANG": "C"})
    assert "ok database" in plain.stdout


def broken(server, break_it, mend):
    """The failures that DOCTOR tells while it is broken."""
    break_it()
    try:
        status, found = doctor(server)
        assert status == 12
        return failures(found)
    finally:
        mend()


def test_what_is_broken_is_named_with_what_to_do(new_server, database):
    server = new_server().start()
    server.stop()
    key = next((server.data / "keys").glob("*.key"))
    master = server.data / "master.key"
    aside, content = server.dir / "aside", master.read_bytes()

    def write_master(data):
        master.unlink(missing_ok=True)
        master.write_bytes(data)
        master.chmod(0o600)
    hold = admin.sql(server, "SELECT last_next_update FROM crl_scope ORDER BY id LIMIT 1")[0][0]
    lane, event = admin.sql(server, "SELECT lane, event FROM audit WHERE seq = 2 ORDER BY lane")[0]
    for break_it, mend, check, words, fix in (
            (lambda: key.chmod(0o644), lambda: key.chmod(0o600), "files", "has mode 0644", "chmod 0600"),
            (lambda: key.rename(aside), lambda: aside.rename(key), "authority", "there is no file", "data/keys"),
            (lambda: write_master(os.urandom(32)), lambda: write_master(content), "master key", "does not open",
             "of another installation"),
            (lambda: master.rename(aside), lambda: aside.rename(master), "master key", "there is no file", "put the copy"),
            (lambda: admin.sql(server, "UPDATE crl_scope SET last_next_update = 1000 WHERE id = 1"),
             lambda: admin.sql(server, f"UPDATE crl_scope SET last_next_update = {hold} WHERE id = 1"), "CRL",
             "ended 1970-01-01", "start it"),
            (lambda: admin.sql(server, f"UPDATE audit SET event = '{{}}' WHERE lane = {lane} AND seq = 2"),
             lambda: admin.sql(server, "UPDATE audit SET event = '" + event.replace("'", "''")
                               + f"' WHERE lane = {lane} AND seq = 2"), "audit", f"chain {lane}, event 2", "chancery audit verify"),
            (lambda: (server.data / "restore-unfinished").write_text(""), (server.data / "restore-unfinished").unlink,
             "restore", "did not finish", "chancery restore")):
        found = broken(server, break_it, mend)
        assert any(one["check"] == check and words in one["text"] and fix in one["fix"] for one in found), (check, found)
    status, found = doctor(server)
    assert status == 0 and not failures(found), failures(found)


@chancery.needs_faults
@pytest.mark.once
def test_a_clock_that_went_back_is_told(new_server):
    server = new_server(program=chancery.FAULTS).start(CHANCERY_CLOCK_OFFSET_MS=str(3600 * 1000))
    server.stop()
    status, found = doctor(server)
    assert status == 12 and [one["check"] for one in failures(found)] == ["clock"], failures(found)
    assert "set it right" in failures(found)[0]["fix"]


def test_a_look_makes_no_key(new_server):
    """After one that was compromised was retired, say: the server makes another, not the doctor."""
    server = new_server().start()
    server.stop()
    admin.sql(server, "UPDATE private_key SET retired_at = created_at WHERE purpose = 'audit'")
    before = admin.sql(server, "SELECT id FROM private_key ORDER BY id")
    found = doctor(server)[1]
    assert [one["state"] for one in found["master key"]] == ["ok"]
    assert admin.sql(server, "SELECT id FROM private_key ORDER BY id") == before


@pytest.mark.once
def test_old_backups_and_bad_settings_are_told(new_server, tmp_path):
    server = new_server().start()
    server.stop()
    (tmp_path / "chancery-20250101T000000Z.tar").write_bytes(b"")
    status, found = doctor(server, "--set", f"backup.dir={tmp_path}")
    assert status == 12 and "the newest in" in found["backup"][0]["text"], found["backup"]
    status, found = doctor(server, "--set", "listen.loops=many")
    assert status == 12 and list(found) == ["settings"] and "listen.loops" in found["settings"][0]["text"]
    assert doctor(server)[1]["backup"][0]["text"] == "the server makes no backups"


# -- a server that does not start

def starts_not(server, *more, user=None):
    """What `serve` says, which must fail."""
    command = [str(part) for part in server.command()] + [str(part) for part in more]
    options = {"user": user, "group": "nogroup", "extra_groups": []} if user else {}
    done = processes.run(command, timeout=60, **options)
    assert done.returncode in (1, 2), done.stdout + done.stderr
    return done.stderr


def both_say(server, words, fix):
    """The start-up error and doctor name the same fault, and what to do."""
    said = starts_not(server)
    assert words in said and f"  fix:  " in said and fix in said, said
    done = chancery.cli("doctor", *backups.place(server), "-o", "json")
    assert done.returncode == 12, done.stdout
    assert any(words in one["text"] and fix in one["fix"] for one in json.loads(done.stdout) if one["fix"]), done.stdout


@pytest.mark.seed("S300")
@pytest.mark.database("postgresql")
def test_a_database_that_cannot_be_used_is_named(new_server, new_database, database):
    server = new_server()
    good = server.database
    where = good.split("host=")[1]
    name = good.split("/?")[0].rsplit("/", 1)[1] if "/?" in good else good.split("?")[0].rsplit("/", 1)[1]
    for url, words, fix in (
            (f"postgresql://chancery@/{name}?host=/nowhere/at/all", "connecting to PostgreSQL", "is it running"),
            (f"postgresql://chancery@127.0.0.1:1/{name}", "Connection refused", "is it running"),
            (f"postgresql://chancery@nowhere.invalid/{name}", "could not translate host name", "look at the DNS"),
            (f"postgresql://chancery@/nothing_of_this_name?host={where}", "does not exist", "createdb"),
            (f"postgresql://nobody_of_this_name@/{name}?host={where}", "does not exist", "createuser"),
            ("postgresql://chancery:p@ss/word@/x", "is not of the form postgresql://", "mend db.url"),
            ("mysql://chancery@/x", "is neither sqlite:PATH nor postgresql://", "mend db.url")):
        server.database = url
        both_say(server, words, fix)
        assert "p@ss" not in starts_not(server)
    server.database = good
    server.start()


@pytest.mark.seed("S300")
@pytest.mark.database("sqlite")
def test_a_file_that_cannot_be_used_is_named(new_server, database):
    server = new_server().start()
    server.stop()
    path = pathlib.Path(server.database.removeprefix("sqlite:"))
    whole = path.read_bytes()
    path.write_bytes(b"this is no database" * 1000)
    both_say(server, "file is not a database", "restore a backup")
    path.write_bytes(whole)
    server.database = f"sqlite:{server.dir}/none/of/it.db"
    said = starts_not(server)
    assert "cannot open" in said and "No such file" in said, said
    assert "there is no installation" in doctor(server)[1]["database"][0]["text"]


@pytest.mark.seed("S300")
@pytest.mark.once
@pytest.mark.skipif(not processes.unprivileged(), reason="only root can be somebody else")
def test_permissions_that_are_missing_are_named(new_server):
    """The files are root's, and the server runs as nobody."""
    server = new_server().start()
    server.stop()
    server.dir.chmod(0o755)
    user = processes.unprivileged()
    fix = "must belong to the user that runs the server"
    said = starts_not(server, user=user)
    assert "Permission denied" in said and str(server.dir) in said and fix in said, said
    for path in (server.data, pathlib.Path(server.database.removeprefix("sqlite:"))):
        shutil.chown(path, user)
    said = starts_not(server, user=user)  # the directory is theirs, what is in it is not
    assert str(server.dir) in said and fix in said, said
    done = processes.run([server.program, "doctor", *backups.place(server), "-o", "json"], user=user, group="nogroup",
                         extra_groups=[], cwd="/")
    assert done.returncode == 12
    assert any(fix in one["fix"] or "belongs to another user" in one["text"] for one in json.loads(done.stdout)
               if one["fix"]), done.stdout


def mended(found):
    return [one["text"] for one in found["mended"]]


def totals(server):
    return sorted(tuple(row) for row in admin.sql(
        server, "SELECT kind, key, SUM(value) FROM counter GROUP BY kind, key HAVING SUM(value) <> 0"))


def test_mending_leads_nowhere_else(new_server, tmp_path):
    server = new_server().start()
    server.stop()
    away, keys = tmp_path / "away", server.data / "keys"
    away.mkdir(mode=0o755)
    old = away / "old.new"
    for one in (away / "passwd", away / "linked", old):
        one.write_text("")
        one.chmod(0o644)
    os.utime(old, (1, 1))
    os.link(away / "linked", keys / "linked.key")
    assert mended(doctor(server, "--fix")[1]) == ["there is nothing to mend"], "a file with two names is somebody else's"
    (keys / "linked.key").unlink()
    keys.rename(server.data / "elsewhere")
    keys.symlink_to(away)
    doctor(server, "--fix")
    assert [one.stat().st_mode & 0o777 for one in (away, away / "passwd", away / "linked", old)] == [0o755] + [0o644] * 3


def test_what_can_be_mended_safely_is_mended_and_told(new_server, database, tmp_path):
    server = new_server().start()
    client = server.client()
    client.enroll(dns=("needle.example.com",))
    client.revoke(client.enroll()["KeyfactorID"])
    server.stop()
    assert mended(doctor(server, "--fix")[1]) == ["there is nothing to mend"]
    right, rows = totals(server), client_rows(server)
    key = next((server.data / "keys").glob("*.key"))
    key.chmod(0o644)
    (server.data / "keys").chmod(0o755)
    (server.data / "master.key").chmod(0o640)
    shutil.rmtree(server.data / "signed")
    left, fresh = server.data / "root.pem.new", server.data / "keys" / "x.key.new"
    left.write_text("")
    fresh.write_text("")
    fresh.chmod(0o600)
    os.utime(left, (1, 1))
    (server.data / "link").symlink_to(tmp_path / "elsewhere")
    admin.sql(server, "UPDATE counter SET value = value + 3 WHERE kind = 'state' AND key = 1")
    admin.sql(server, "DELETE FROM counter WHERE kind = 'valid_day'")
    admin.sql(server, "INSERT INTO counter (kind, key, lane, value) VALUES ('template', 424242, 1, 7)")
    if database == "sqlite":
        admin.sql(server, "INSERT INTO name_text (name_text) VALUES ('delete-all')")
        admin.sql(server, "INSERT INTO setting (name, value) VALUES ('search.names', '999999') "
                          "ON CONFLICT (name) DO UPDATE SET value = excluded.value")
    wanted = [f"{key}: mode 0600", f"{server.data / 'keys'}: mode 0700", f"{server.data / 'master.key'}: mode 0600",
              f"{server.data / 'signed'}: the directory was missing", f"{left}: what a write that was cut short",
              "totals of the register"] + (["the search index is made anew"] if database == "sqlite" else [])

    status, found = doctor(server, "--fix", "--dry-run")
    assert status == 12 and len(found["mended"]) == len(wanted), found["mended"]
    for words in wanted:
        assert any(one.startswith("to do: ") and words in one for one in mended(found)), (words, mended(found))
    assert all(one["fix"] == "chancery doctor --fix" for one in found["mended"])
    assert key.stat().st_mode & 0o777 == 0o644 and left.exists() and totals(server) != right

    status, found = doctor(server, "--fix")
    assert status == 0 and len(found["mended"]) == len(wanted) and not failures(found), found
    for words in wanted:
        assert any(words in one for one in mended(found)), (words, mended(found))
    assert key.stat().st_mode & 0o777 == 0o600 and (server.data / "signed").is_dir() and not left.exists()
    assert fresh.exists(), "somebody may be writing it"
    fresh.unlink()
    assert totals(server) == right and client_rows(server) == rows
    assert mended(doctor(server, "--fix")[1]) == ["there is nothing to mend"]
    server.start()
    assert server.cli("audit", "verify").returncode == 0
    assert server.client().total("SAN -contains \"needle\"") == 1
    events = server.client().rest("GET", "/audit", params={"action": "system.mend"}).json()["items"]
    assert sorted(one["target"]["id"] for one in events) == (["search index"] if database == "sqlite" else []) + ["totals"]


def client_rows(server):
    return admin.sql(server, "SELECT COUNT(*), MAX(id) FROM certificate")


def test_what_a_server_counts_meanwhile_is_not_counted_twice(new_server):
    """Mending goes on beside servers that work."""
    server = new_server().start()
    done, told = threading.Event(), []

    def enroll_on():
        client = server.client()
        while not done.is_set():
            told.append(client.enroll()["KeyfactorID"])
    threads = [threading.Thread(target=enroll_on) for _ in range(3)]
    for one in threads:
        one.start()
    try:
        for _ in range(3):
            admin.sql(server, "UPDATE counter SET value = value + 5 WHERE kind = 'state' AND key = 1 AND lane = "
                              "(SELECT MIN(lane) FROM counter WHERE kind = 'state' AND key = 1)")
            assert "1 totals of the register are what its rows come to" in mended(doctor(server, "--fix")[1])
    finally:
        done.set()
        for one in threads:
            one.join()
    assert mended(doctor(server, "--fix")[1]) == ["there is nothing to mend"]
    assert server.client().total() == admin.sql(server, "SELECT COUNT(*) FROM certificate")[0][0]


@pytest.mark.once
def test_what_cannot_be_mended_is_told(new_server, tmp_path):
    done = chancery.cli("doctor", "--dry-run", "--set", f"data_dir={tmp_path}")
    assert done.returncode == 2 and "--dry-run goes with --fix" in done.stderr
    status, found = doctor(new_server(), "--fix")  # there is no installation
    assert status == 12 and mended(found) == ["there is nothing to mend"], found
