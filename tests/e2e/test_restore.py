"""Restores: on an empty machine, with what was signed since, and refused where they would do harm."""
import concurrent.futures
import fcntl
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest
import requests
from cryptography import x509

import admin
import backups
import chancery
import keys
import processes
from chancery import good


def crl_of(server, leaf):
    """The revocation list that the certificate names, asked of SERVER."""
    points = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    path = re.sub(r"^http://[^/]+", "", points[0].full_name[0].value)
    return x509.load_der_x509_crl(requests.get(server.http_url.rstrip("/") + path, timeout=30).content)


def number_of(crl):
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def leaf_of(answer):
    return x509.load_pem_x509_certificate(answer["Certificates"][0].encode())


def plain(serial):
    return serial.upper().lstrip("0")


class Story:
    """A server with a past: a backup in the middle of it, then its end."""

    def __init__(self, server, directory, revoke=True):
        self.server = server.start()
        client = server.client()
        self.before = [client.enroll(dns=(f"before{i}.example.com",)) for i in range(4)]
        client.revoke(self.before[0]["KeyfactorID"], 4)
        self.path = backups.create(server, directory)["path"]
        self.after = [client.enroll(dns=(f"after{i}.example.com",)) for i in range(4)]
        self.revoked = {}
        if revoke:
            client.revoke(self.before[1]["KeyfactorID"], 1)
            client.revoke(self.after[0]["KeyfactorID"], 5)
            client.revoke(self.before[2]["KeyfactorID"], 6)
        leaf = leaf_of(self.before[0])
        self.crl = processes.wait_until(
            lambda: (crl := crl_of(server, leaf)) if len(crl_of(server, leaf)) >= (4 if revoke else 1) else None, 20,
            what="the list of the revocations")
        assert server.cli("audit", "verify").returncode == 0
        server.kill()
        self.master = server.data / "master.key"
        self.log = server.data / "signed"


@pytest.fixture
def elsewhere(new_database):
    """An empty machine: a server that was never started."""
    made = chancery.Server(new_database())
    made.dir.joinpath("data").mkdir(mode=0o700)
    yield made
    made.close()


def found(client, answer):
    rows = client.get("/Certificates", **{"pq.queryString": f'SerialNumber -eq "{answer["SerialNumber"]}"',
                                          "pq.includeRevoked": "true", "pq.includeExpired": "true"})
    assert len(rows) <= 1, rows
    return rows[0] if rows else None


@pytest.mark.seed("S172", "S287")
def test_an_empty_machine_goes_on_where_the_other_ended(new_server, elsewhere, tmp_path):
    story = Story(new_server(), tmp_path)
    issuer = leaf_of(story.before[0]).extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    plan = backups.restore(story.path, elsewhere, "--master-key", story.master, "--plan")
    assert plan.returncode == 0 and "would restore" in plan.stdout, plan.stderr
    assert os.listdir(elsewhere.data) == []
    done = backups.restore(story.path, elsewhere, "--master-key", story.master, "--signed", story.log, "-o", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert said["entered"] == 4 and said["revoked"] == 3 and said["lost"] == [] and said["damaged"] == [], said
    assert not [one for one in said["doctor"] if one["state"] == "fail"], said["doctor"]
    assert {"database", "master key", "authority", "CRL", "audit"} <= {one["check"] for one in said["doctor"]}
    assert said["audit_intact"] and 0 <= said["window_seconds"] < 120
    assert (elsewhere.data / "master.key").stat().st_mode & 0o777 == 0o600

    elsewhere.start()
    assert (elsewhere.user, elsewhere.password) == (story.server.user, story.server.password)
    client = elsewhere.client()
    for answer in story.before + story.after:
        row = found(client, answer)
        assert row and row["Thumbprint"] == answer["Thumbprint"], answer
        assert row["TemplateName"] == "Web Server" and row["RequesterName"] == elsewhere.user, row
    states = {plain(one["SerialNumber"]): found(client, one)["CertState"] for one in story.before + story.after}
    gone = [plain(one["SerialNumber"]) for one in (story.before[0], story.before[1], story.before[2], story.after[0])]
    assert {serial for serial, state in states.items() if state == 2} == set(gone)

    # the same key signs; no serial and no CRL number comes again
    fresh = client.enroll(dns=("fresh.example.com",))
    leaf = leaf_of(fresh)
    assert leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier == issuer
    assert plain(fresh["SerialNumber"]) not in states
    again = processes.wait_until(lambda: (crl := crl_of(elsewhere, leaf)) if number_of(
        crl_of(elsewhere, leaf)) > number_of(story.crl) else None, 30, what="a new list")
    assert number_of(again) >= number_of(story.crl) + 2 ** 20 - 20
    wanted = {one.serial_number for one in story.crl}
    assert wanted <= {one.serial_number for one in again}
    for authority in admin.sql(elsewhere, "SELECT number FROM crl_scope"):
        assert authority[0] >= 2 ** 20
    verified = elsewhere.cli("audit", "verify")
    assert verified.returncode == 0, verified.stdout
    for action, count in (("backup.restore", 1), ("certificate.restore", 4)):
        events = good(client.rest("GET", "/audit", params={"action": action}))["items"]
        assert len(events) == count, (action, events)


def test_a_second_restore_of_a_backup_gives_no_number_again(new_server, new_database, tmp_path):
    story = Story(new_server(), tmp_path)
    leaf, numbers = leaf_of(story.before[0]), []
    for _ in range(2):  # the machine of the first is lost, too, with its log
        machine = chancery.Server(new_database())
        try:
            machine.dir.joinpath("data").mkdir(mode=0o700)
            done = backups.restore(story.path, machine, "--master-key", story.master)
            assert done.returncode == 0, done.stdout + done.stderr
            machine.start()
            processes.wait_until(lambda: number_of(crl_of(machine, leaf)) > 2 ** 20, 30, what="a new list")
            numbers.append(number_of(crl_of(machine, leaf)))
            for _ in range(5):
                good(machine.client().rest("POST", f"/authorities/{machine.client().server_ca()}/crl"))
            numbers.append(number_of(crl_of(machine, leaf)))
        finally:
            machine.close()
    assert numbers[0] < numbers[1] < numbers[2] < numbers[3], numbers


@pytest.mark.seed("S172")
def test_without_a_log_of_signatures_that_is_said(new_server, elsewhere, tmp_path):
    story = Story(new_server(), tmp_path)
    shutil.copy(story.master, elsewhere.data / "master.key")
    done = backups.restore(story.path, elsewhere)
    assert done.returncode == 0 and "there is no log of signatures" in done.stdout, done.stdout + done.stderr
    elsewhere.start()
    client = elsewhere.client()
    assert all(found(client, one) for one in story.before)
    assert not any(found(client, one) for one in story.after)
    # ids go on, and serials are new
    serials = {plain(one["SerialNumber"]) for one in story.before + story.after}
    assert not serials & {plain(client.enroll()["SerialNumber"]) for _ in range(5)}
    leaf = leaf_of(story.before[0])
    processes.wait_until(lambda: number_of(crl_of(elsewhere, leaf)) > number_of(story.crl), 30, what="a new list")


@pytest.mark.seed("S172")
def test_what_the_log_tells_only_in_part_is_listed(new_server, elsewhere, tmp_path):
    story = Story(new_server(), tmp_path, revoke=False)
    shutil.copy(story.master, elsewhere.data / "master.key")
    log = tmp_path / "log"
    shutil.copytree(story.log, log)
    file = sorted(log.iterdir())[-1]
    lines = file.read_text().splitlines(keepends=True)
    spot = next(i for i, line in enumerate(lines) if '"signed"' in line and f'"{story.after[1]["SerialNumber"]}"' in line)
    at = lines[spot].index('"der":"') + 40
    lines[spot] = lines[spot][:at] + ("A" if lines[spot][at] != "A" else "B") + lines[spot][at + 1:]
    file.write_text("".join(lines) + lines[-1][:30])
    done = backups.restore(story.path, elsewhere, "--signed", log, "-o", "json")
    said = json.loads(done.stdout)
    assert done.returncode == 7 and said["entered"] == 3, done.stdout + done.stderr
    assert len(said["damaged"]) == 2, said
    assert f"{file}:{spot + 1}: the line was changed (serial {story.after[1]['SerialNumber']})" == said["damaged"][0]
    assert "cut off" in said["damaged"][1]
    elsewhere.start()
    client = elsewhere.client()
    assert not found(client, story.after[1]) and found(client, story.after[2])


def test_a_certificate_that_is_lost_counts_as_revoked(new_server, elsewhere, tmp_path):
    """The log says that it was revoked, and not what it was."""
    story = Story(new_server(), tmp_path)
    shutil.copy(story.master, elsewhere.data / "master.key")
    log = tmp_path / "log"
    shutil.copytree(story.log, log)
    serial = story.after[0]["SerialNumber"]
    for file in log.iterdir():
        file.write_text("".join(line for line in file.read_text().splitlines(keepends=True)
                                if f'"{serial}"' not in line or '"revoked"' in line))
    done = backups.restore(story.path, elsewhere, "--signed", log, "-o", "json")
    said = json.loads(done.stdout)
    assert done.returncode == 7 and said["lost"] == [serial] and said["entered"] == 3, done.stdout + done.stderr
    elsewhere.start()
    client = elsewhere.client()
    events = good(client.rest("GET", "/audit", params={"action": "certificate.lost"}))["items"]
    assert [one["target"]["id"] for one in events] == [serial]
    leaf = leaf_of(story.after[0])
    processes.wait_until(lambda: crl_of(elsewhere, leaf).get_revoked_certificate_by_serial_number(leaf.serial_number),
                         30, what="the lost serial in the list")


def kinds_of(directory):
    """What the log of signatures says of each serial number, in its order."""
    said = {}
    for file in sorted(directory.iterdir()):
        for line in file.read_text().splitlines():
            record = json.loads(line.split(" ", 1)[1])
            if "serial" in record:
                said.setdefault(record["serial"], []).append(record["kind"])
    return said


def test_what_was_signed_and_given_to_nobody_comes_back_as_that(new_server, elsewhere, tmp_path):
    """Two ask at once with one key: both are signed, one is refused when it is to enter the register. And the last one
    died before the log could tell that it was entered."""
    server = new_server().start()
    client = server.client()
    client.enroll()
    path = backups.create(server, tmp_path)["path"]
    before, key = set(kinds_of(server.data / "signed")), keys.new_key()

    def ask(number):
        one, name = server.client(), f"rival{number}.example.com"
        return one.command("POST", "/Enrollment/CSR", headers={"x-certificateformat": "PEM"}, json={
            "CSR": keys.new_csr(cn=name, dns=(name,), key=key), "Template": "WebServer", "IncludeChain": True,
            "CertificateAuthority": client.server_ca(), "Timestamp": "2025-10-22T14:30:00Z"})
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        with admin.register_held(server):
            asked = [pool.submit(ask, number) for number in range(2)]
            processes.wait_until(lambda: len(set(kinds_of(server.data / "signed")) - before) == 2, 20, what="two signatures")
        replies = sorted((one.result() for one in asked), key=lambda reply: reply.status_code)
    assert [reply.status_code for reply in replies] == [200, 400], [reply.text for reply in replies]
    assert "register" not in replies[1].text, "the caller is told what is wrong, not what the server was about"
    given, last = replies[0].json()["CertificateInformation"], client.enroll(dns=("last.example.com",))
    said = kinds_of(server.data / "signed")
    refused, = set(said) - before - {given["SerialNumber"], last["SerialNumber"]}
    assert said[given["SerialNumber"]] == ["signed", "entered"] and said[refused] == ["signed", "dropped"], said
    server.kill()
    log = tmp_path / "log"
    shutil.copytree(server.data / "signed", log)
    for file in log.iterdir():
        file.write_text("".join(line for line in file.read_text().splitlines(keepends=True)
                                if f'"{last["SerialNumber"]}"' not in line or '"signed"' in line))

    done = backups.restore(path, elsewhere, "--master-key", server.data / "master.key", "--signed", log, "-o", "json")
    told = json.loads(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert told["entered"] == 2 and told["lost"] == [] and told["burnt"] == [refused], told
    assert told["unconfirmed"] == [last["SerialNumber"]], told
    elsewhere.start()
    client = elsewhere.client()
    assert found(client, given) and found(client, last) and not found(client, {"SerialNumber": refused})
    events = good(client.rest("GET", "/audit", params={"action": "ca.serial.burnt"}))["items"]
    assert [one["target"]["id"] for one in events] == [refused]
    restored = good(client.rest("GET", "/audit", params={"action": "certificate.restore"}))["items"]
    assert [one["target"]["name"] for one in restored if "perhaps nobody was given it" in one["message"]] == ["CN=last.example.com"]
    leaf = leaf_of(given)
    listed = processes.wait_until(lambda: (crl := crl_of(elsewhere, leaf)).get_revoked_certificate_by_serial_number(
        int(refused, 16)) and crl, 30, what="the serial in the list")
    assert not listed.get_revoked_certificate_by_serial_number(leaf.serial_number)


@pytest.mark.seed("S172")
def test_a_restore_harms_nothing_that_is_there(new_server, tmp_path):
    server = new_server()
    story = Story(server, tmp_path, revoke=False)
    server.start()
    running = backups.restore(story.path, server, "--force")
    assert running.returncode == 5 and "a server works on the database" in running.stderr, running.stderr
    server.stop()
    refused = backups.restore(story.path, server)
    assert refused.returncode == 5 and "there is a database already" in refused.stderr, refused.stderr
    server.start()
    client = server.client()
    assert all(found(client, one) for one in story.before + story.after)
    server.stop()

    # with --force the other is moved aside; its own log of signatures is still there
    done = backups.restore(story.path, server, "--force", "-o", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert said["entered"] == 4 and said["moved_aside"].startswith(".before-")
    assert server.data.joinpath("keys" + said["moved_aside"]).is_dir()
    if server.database.startswith("sqlite:"):
        assert os.path.exists(server.database.removeprefix("sqlite:") + said["moved_aside"])
    server.start()
    client = server.client()
    assert all(found(client, one) for one in story.before + story.after)


@pytest.mark.seed("S172")
def test_another_master_key_in_its_place_is_never_lost(new_server, tmp_path, database):
    story = Story(new_server(), tmp_path, revoke=False)
    other = new_server().start()
    other.stop()
    before = {one.relative_to(other.data): one.read_bytes() for one in other.data.rglob("*") if one.is_file()}
    if database == "sqlite":  # the database cannot be put in place: all is as it was
        nowhere = f"sqlite:{other.data}/nowhere/chancery.db"
        failed = chancery.cli("restore", "--from", story.path, "--to-dir", other.data, "--db", nowhere, "--force",
                              "--master-key", story.master)
        assert failed.returncode != 0, failed.stdout
        after = {one.relative_to(other.data): one.read_bytes() for one in other.data.rglob("*") if one.is_file()}
        assert after == before, failed.stderr
    done = backups.restore(story.path, other, "--force", "--master-key", story.master, "-o", "json")
    assert done.returncode == 7, done.stdout + done.stderr  # its log of signatures is of another installation
    end = json.loads(done.stdout)["moved_aside"]
    for name in ("master.key", "root.pem"):
        if pathlib.Path(name) in before:
            assert (other.data / (name + end)).read_bytes() == before[pathlib.Path(name)], name
    assert (other.data / "master.key").read_bytes() == story.master.read_bytes()


def test_what_keeps_a_restore_from_beginning_is_told(new_server, elsewhere, tmp_path, database):
    story = Story(new_server(), tmp_path, revoke=False)
    other = tmp_path / "other.key"
    other.write_bytes(os.urandom(32))
    other.chmod(0o600)
    damaged = tmp_path / "damaged.tar"
    whole = bytearray(open(story.path, "rb").read())
    whole[len(whole) // 2] ^= 1
    damaged.write_bytes(whole)
    wrong = "postgresql:///x?host=/nowhere" if database == "sqlite" else f"sqlite:{tmp_path}/x.db"
    for path, flags, status, words in (
            (story.path, (), 3, "the master key, without which nothing"),
            (story.path, ("--master-key", other), 4, "opens with the master key"),
            (damaged, ("--master-key", story.master), 12, "was changed"),  # a part, or its head: where the middle falls
            (story.path, ("--master-key", story.master, "--db", wrong), 2, "the backup is of"),
            (tmp_path / "none.tar", (), 3, "cannot open"),
            (tmp_path / "nothing", ("--at", "yesterdayish"), 2, "--at"),
            (tmp_path, ("--at", "2020-01-01"), 3, "there is no backup")):
        done = backups.restore(path, elsewhere, *flags)
        assert done.returncode == status and words in done.stderr, (flags, done.returncode, done.stderr)
        assert os.listdir(elsewhere.data) == []
    # the directory alone names the newest
    done = backups.restore(tmp_path, elsewhere, "--at", "latest", "--master-key", story.master)
    assert done.returncode == 0, done.stderr
    elsewhere.start()


def cut_short(new_server, elsewhere, tmp_path, point):
    """A restore to ELSEWHERE that died at POINT; (its story, how to ask for it again)."""
    story = Story(new_server(program=chancery.FAULTS), tmp_path)
    elsewhere.program = chancery.FAULTS
    flags = ("--master-key", story.master, "--signed", story.log)
    cut = backups.restore(story.path, elsewhere, *flags, env={"CHANCERY_CRASH_AT": f"{point}:1"})
    assert cut.returncode == -9, cut.stderr
    return story, flags


@chancery.needs_faults
@pytest.mark.parametrize("point", ["restore.files", "restore.loaded", "restore.settled"])
def test_a_restore_that_was_cut_short_is_done_again(new_server, elsewhere, tmp_path, point):
    story, flags = cut_short(new_server, elsewhere, tmp_path, point)
    refused = processes.run(elsewhere.command(), timeout=60)
    assert refused.returncode == 1 and "did not finish: run `chancery restore` again" in refused.stderr, refused.stderr
    done = backups.restore(story.path, elsewhere, *flags, "-o", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["entered"] == 4
    elsewhere.start()
    client = elsewhere.client()
    assert all(found(client, one) for one in story.before + story.after)
    assert elsewhere.cli("audit", "verify").returncode == 0


@chancery.needs_faults
@pytest.mark.parametrize("point", ["restore.loaded", "restore.settled"])
def test_no_other_node_begins_on_a_database_whose_restore_was_cut_short(new_server, elsewhere, tmp_path, point):
    story, flags = cut_short(new_server, elsewhere, tmp_path, point)
    other = chancery.Server(elsewhere.database)
    try:
        shutil.copytree(elsewhere.data, other.data, ignore=lambda _, names: [n for n in names if "restore" in n])
        refused = processes.run(other.command(), timeout=60)
        assert refused.returncode == 1 and "a restore into the database did not finish" in refused.stderr, refused.stderr
        assert backups.restore(story.path, elsewhere, *flags).returncode == 0
        other.start()
        assert all(found(other.client(), one) for one in story.before + story.after)
    finally:
        other.close()


@chancery.needs_faults
def test_a_failed_second_try_leaves_the_mark_of_the_first(new_server, elsewhere, tmp_path):
    """What the first try put in place was not settled: no server may start on it."""
    story = Story(new_server(), tmp_path)
    elsewhere.program = chancery.FAULTS
    flags = ("--master-key", story.master, "--signed", story.log)
    assert backups.restore(story.path, elsewhere, *flags, env={"CHANCERY_CRASH_AT": "restore.loaded"}).returncode == -9
    failed = backups.restore(story.path, elsewhere, *flags, env={"CHANCERY_FAIL_AT": "restore.load"})
    assert failed.returncode == 8 and "nothing was restored" in failed.stderr, failed.stderr
    refused = processes.run(elsewhere.command(), timeout=60)
    assert refused.returncode == 1 and "did not finish: run `chancery restore` again" in refused.stderr, refused.stderr
    done = backups.restore(story.path, elsewhere, *flags)
    assert done.returncode == 0, done.stderr
    elsewhere.start()


@pytest.mark.parametrize("apart", [0, 0.02, 0.04])
def test_of_two_restores_into_one_place_one_is_turned_away(new_server, new_database, tmp_path, apart):
    """The one that comes second undoes nothing of the first."""
    story = Story(new_server(), tmp_path)
    for _ in range(3):
        made = chancery.Server(new_database())
        try:
            made.data.mkdir(mode=0o700)
            command = [chancery.PROGRAM, "restore", "--from", story.path, "--to-dir", made.data, "--db", made.database,
                       "--master-key", story.master, "--signed", story.log]
            both = []
            for _ in range(2):
                both.append(subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
                time.sleep(apart)
            said = [one.communicate(timeout=120) for one in both]
            assert sorted(one.returncode for one in both) == [0, 5], said
            refused = next(text[1] for one, text in zip(both, said) if one.returncode)
            assert "another restore, or a server, works in" in refused or "already" in refused or "works on" in refused, refused
            assert not made.data.joinpath("restore-unfinished").exists() and made.data.joinpath("master.key").exists()
            made.start()
            client = made.client()
            assert all(found(client, one) for one in story.before + story.after)
        finally:
            made.close()


@pytest.mark.once
def test_the_log_of_signatures_holds_what_clients_got(new_server):
    server = new_server(settings={"pki.signing_journal": "strict"}).start()
    client = server.client()
    made = client.enroll()
    client.revoke(made["KeyfactorID"], 4)
    text = "".join(one.read_text() for one in sorted((server.data / "signed").iterdir()))
    kinds = [json.loads(line.split(" ", 1)[1])["kind"] for line in text.splitlines()
             if f'"{made["SerialNumber"]}"' in line]
    assert kinds == ["signed", "entered", "revoked"], text[-2000:]
    assert "-----BEGIN" not in text and server.password not in text
    for one in (server.data / "signed").iterdir():
        assert one.stat().st_mode & 0o777 == 0o600


@chancery.needs_faults
@pytest.mark.once
@pytest.mark.parametrize("journal", ["normal", "strict"])
def test_a_log_of_signatures_that_cannot_be_written(new_server, journal):
    server = new_server(program=chancery.FAULTS, settings={"pki.signing_journal": journal})
    server.start()
    server.stop()
    server.tolerates_errors = True
    server.start(CHANCERY_FAIL_AT="ca.signed_log:0")
    client = server.client()
    reply = client.command("POST", "/Enrollment/CSR", json={
        "CSR": chancery.keys.new_csr(dns=("localhost",)), "Template": "WebServer",
        "CertificateAuthority": client.server_ca(), "Timestamp": "2025-10-22T14:30:00Z"})
    assert reply.status_code == (200 if journal == "normal" else 503), reply.text
    assert len(server.lines(level="error", msg="what is signed now is not in the log of signatures: a restore would not "
                                               "know of it")) == 1
    health = server.client().rest("GET", "/health").json()
    found_so = next(one for one in health["components"] if one["name"] == "signing_keys")
    assert found_so["state"] == health["state"] == ("degraded" if journal == "normal" else "failing"), health
    assert "the log of signatures cannot be written" in found_so["detail"], health


@chancery.needs_faults
@pytest.mark.database("sqlite")
def test_two_restores_by_a_clock_behind_the_backup_give_no_number_twice(new_server, tmp_path):
    server = new_server(program=chancery.FAULTS).start()
    server.client().enroll()
    path, numbers = backups.create(server, tmp_path)["path"], []
    for _ in range(2):
        elsewhere = new_server(program=chancery.FAULTS)
        done = backups.restore(path, elsewhere, "--master-key", server.data / "master.key", "--signed", server.data / "signed",
                               env={"CHANCERY_CLOCK_OFFSET_MS": "-3600000"})
        assert done.returncode == 0, done.stdout + done.stderr
        numbers.append(admin.sql(elsewhere, "SELECT MIN(number), MAX(number) FROM crl_scope")[0])
    assert numbers[1][0] > numbers[0][1], numbers


@pytest.mark.database("sqlite")
def test_a_log_that_is_named_has_to_be_there(new_server, tmp_path):
    server, elsewhere = new_server().start(), new_server()
    server.client().enroll()
    path = backups.create(server, tmp_path)["path"]
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    for log, why in (("absent", "No such file"), ("empty", "holds no log of signatures"), ("file", "Not a directory")):
        done = backups.restore(path, elsewhere, "--master-key", server.data / "master.key", "--signed", tmp_path / log)
        assert done.returncode == 2 and why in done.stderr and "--signed" in done.stderr, done.stdout + done.stderr
        assert not elsewhere.data.exists() or not os.listdir(elsewhere.data)
        status, said = backups.verify(path, "--drill", "--restore-to", tmp_path, *backups.place(server), "--signed", tmp_path / log)
        assert status == 2 and why in said, said


def interrupted_drill(server, path, scratch, how):
    """Begin a drill and end it by the signal as soon as it has put something there; the status, or None when it was quicker."""
    def heed():  # where the tests themselves run without a terminal, it may be ignored
        signal.signal(signal.SIGHUP, signal.SIG_DFL)

    process = subprocess.Popen([server.program, "backup", "verify", path, *backups.place(server), "--drill", "--restore-to", scratch],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heed)
    try:
        processes.wait_until(lambda: list(scratch.glob("chancery-drill-*/data/*")) or process.poll() is not None, 30, 0.001,
                             what="the drill")
        process.send_signal(how)
        process.communicate(timeout=30)
    finally:
        process.kill()
    return process.returncode or None


@pytest.mark.database("sqlite")
def test_an_interrupted_drill_leaves_nothing(new_server, tmp_path):
    server, scratch = new_server().start(), tmp_path / "scratch"
    server.client().enroll()
    path = backups.create(server, tmp_path / "b")["path"]
    scratch.mkdir()
    for how in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        for _ in range(3):
            status = processes.wait_until(lambda: interrupted_drill(server, path, scratch, how), 60, what=f"an interrupted drill ({how})")
            assert status == -how and os.listdir(scratch) == [], how
    alive = scratch / "chancery-drill-abcdef"  # another one at work
    alive.mkdir()
    held = os.open(alive, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    strangers = scratch / "chancery-drill-notes.txt"
    strangers.write_text("")
    processes.wait_until(lambda: interrupted_drill(server, path, scratch, signal.SIGKILL), 60, what="a drill that is killed")
    [left] = set(scratch.iterdir()) - {alive, strangers}
    assert left.stat().st_mode & 0o777 == 0o700 and (left / "data").exists()
    done = chancery.cli("backup", "verify", path, *backups.place(server), "--drill", "--restore-to", scratch, program=server.program)
    assert done.returncode == 0 and f"{left}, which a drill that was killed had left, is removed" in done.stderr, done.stderr
    assert set(scratch.iterdir()) == {alive, strangers}
    os.close(held)


def drilled(server, path, tmp_path, *flags):
    """A drill of the backup beside SERVER's installation; the finished process."""
    (tmp_path / "scratch").mkdir(exist_ok=True)
    done = chancery.cli("backup", "verify", path, *backups.place(server), "--drill", "--restore-to", tmp_path / "scratch", *flags,
                        program=server.program)
    assert os.listdir(tmp_path / "scratch") == [], "something of the drill was left behind"
    return done


def test_a_drill_restores_a_backup_beside_the_running_server_and_touches_nothing_of_it(new_server, new_database, database, tmp_path):
    story = Story(new_server(), tmp_path)
    server = story.server.start()
    log = {one.name: one.read_bytes() for one in story.log.iterdir()}
    place = ("--drill-db", new_database()) if database == "postgresql" else ()
    done = drilled(server, story.path, tmp_path, *place, "--report", tmp_path / "report.json", "-o", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    drill = said["drill"]
    assert said["intact"] and drill["passed"] and drill["audit_intact"] and drill["lost"] == 0, drill
    assert drill["entered"] == 4 and drill["revoked"] == 3 and drill["restore_ms"] > 0, drill
    assert {"database", "master key", "authority", "audit"} <= {one["check"] for one in drill["findings"]}
    assert json.loads((tmp_path / "report.json").read_text()) == drill
    assert {one.name: one.read_bytes()[:len(log.get(one.name, b""))] for one in story.log.iterdir() if one.name in log} == log
    assert server.client().enroll()["RequestDisposition"] == "ISSUED" and server.cli("audit", "verify").returncode == 0
    assert "chancery-drill" not in str(list(server.data.iterdir()))


@pytest.mark.once
def test_a_drill_that_fails_says_so_and_leaves_nothing(new_server, tmp_path):
    server = new_server().start()
    server.client().enroll()
    path = pathlib.Path(backups.create(server, tmp_path)["path"])
    (tmp_path / "other.key").write_bytes(os.urandom(32))
    (tmp_path / "other.key").chmod(0o600)
    failed = drilled(server, path, tmp_path, "--master-key", tmp_path / "other.key")
    assert failed.returncode == 4 and "the drill failed" in failed.stderr and "master key" in failed.stderr, failed.stderr
    assert "there can be no directory" in chancery.cli("backup", "verify", path, *backups.place(server), "--drill", "--restore-to",
                                                        tmp_path / "none").stderr
    told = drilled(server, path, tmp_path)
    assert told.returncode == 0 and "the backup stands" in told.stdout and re.search(r"restored +\d+ certificates in \d+\.\d{3} s",
                                                                                       told.stdout), told.stdout
    other = chancery.cli("backup", "verify", path, "--report", tmp_path / "r.json")
    assert other.returncode == 2 and "--report goes with --drill" in other.stderr
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    damaged = drilled(server, path, tmp_path)  # nothing is restored from that
    assert damaged.returncode == 12 and "drill:" not in damaged.stdout and "DAMAGED" in damaged.stdout
