"""The audit record: by the Command API, exported, verified elsewhere."""
import base64
import calendar
import concurrent.futures
import csv
import io
import json
import os
import time

import pytest

import admin
import chancery
import models
import processes
from chancery import good

ENTRY = "array<KeyfactorAuditingQueryingAuditLogEntry>"


def unique(prefix):
    return f"{prefix}-{time.time_ns()}"


def found(client, query, **more):
    """The events that a query finds, and how many there are in all."""
    reply = client.command("GET", "/Audit", params={"pq.queryString": query, **more})
    return good(reply), int(reply.headers["x-total-count"])


@pytest.mark.seed("S140", "S302")
def test_the_calls_just_made_are_listed_with_user_and_time(client):
    name = unique("host") + ".example.com"
    before = time.time()
    number = client.enroll(dns=(name,))["KeyfactorID"]
    client.revoke(number)
    rows = client.get("/Audit")
    models.check(rows, ENTRY)
    assert 0 < len(rows) <= 50
    mine = [row for row in rows if row["ImmutableIdentifier"] == str(number) and row["EntityType"] == "certificate"]
    assert [(row["Category"], row["Operation"], row["User"]) for row in mine] == [
        (2001, 6, client.server.user), (2001, 1, client.server.user)], "the newest first"
    assert all(row["Level"] == 0 and len(base64.b64decode(row["Signature"])) == 32 for row in mine)
    stamp = time.strptime(mine[0]["Timestamp"].split(".")[0].rstrip("Z"), "%Y-%m-%dT%H:%M:%S")
    assert before - 5 <= calendar.timegm(stamp) <= time.time() + 5
    # the seed's filter
    rows, total = found(client, f'Category -eq "Certificate" AND Name -contains "{name}"')
    assert total == 2 and {row["AuditIdentifier"] for row in rows} == {f"CN={name}"}, rows


@pytest.mark.parametrize("query, some", [
    ('ActingUser -eq "admin"', True), ("User -eq %ME%", True), ('User -eq "nobody else"', False),
    ("Category -eq 2001", True), ('Category -contains "cert"', True), ("Category -eq 12", False),
    ("Operation -eq 1", True), ('Operation -eq "Created"', True), ('Operation -startswith "certificate.iss"', True),
    ('Operation -ne "Created"', True), ("Level -eq 0", True), ('Level -eq "Information"', True), ("Level -le 2", True),
    ("Timestamp -ge %TODAY-1%", True), ("Timestamp -lt 2020-01-01", False), ("Category -eq NULL", False),
    ('Message -contains "was issued"', True), ('EntityType -eq "certificate" AND NOT Operation -eq 6', True),
    ('ImmutableIdentifier -ne NULL', True), ("Id -ge 1", True), ("Id -lt 1", False),
])
def test_the_record_is_searched_by_every_field(client, query, some):
    client.enroll(dns=(unique("fields") + ".example.com",))
    rows, total = found(client, query, **{"pq.returnLimit": 5})
    assert bool(total) == some and bool(rows) == some and len(rows) <= 5


@pytest.mark.parametrize("query, words", [
    ("Nonsense -eq 1", "Nonsense"), ("Category -gt 2000", "-gt"), ("Level -eq loud", "Level"), ("Id -eq", "position"),
    ("Timestamp -eq soon", "Timestamp"),
])
def test_a_bad_query_is_refused_with_the_reason(client, query, words):
    for path in ("/Audit", "/Audit/RelatedEntities", "/Audit/Download"):
        reply = client.command("GET", path, params={"pq.queryString": query})
        assert reply.status_code == 400 and words in reply.json()["Message"], reply.text


def test_pages_neither_repeat_nor_skip(client):
    name = unique("paged")
    for i in range(7):
        client.rest("POST", "/roles", json={"name": f"{name}-{i}"})
    query = f'Name -startswith "{name}"'
    seen = []
    for page in range(1, 5):
        rows, total = found(client, query, **{"pq.pageReturned": page, "pq.returnLimit": 3})
        assert total == 7
        seen += [row["AuditIdentifier"] for row in rows]
    assert seen == [f"{name}-{i}" for i in reversed(range(7))]
    for sort, ascending, want in (("Timestamp", 0, range(7)), ("AuditIdentifier", 1, reversed(range(7))),
                                  ("id", "true", range(7)), (None, 0, range(7))):
        rows, _ = found(client, query, **{"pq.sortAscending": ascending}, **({"pq.sortField": sort} if sort else {}))
        names = [row["AuditIdentifier"] for row in rows]
        if sort == "id":
            assert [row["Id"] for row in rows] == sorted(row["Id"] for row in rows)
        else:
            assert names == [f"{name}-{i}" for i in want], (sort, ascending)
    reply = client.command("GET", "/Audit", params={"pq.sortField": "Nonsense"})
    assert reply.status_code == 400 and "Nonsense" in reply.json()["Message"]
    assert client.get("/Audit", **{"pq.pageReturned": 9999999}) == []


def test_one_event_is_shown_whole_and_validated(client):
    client.enroll(dns=(unique("one") + ".example.com",))
    row = found(client, 'Operation -eq "certificate.issue"', **{"pq.returnLimit": 1})[0][0]
    one = client.get(f"/Audit/{row['Id']}")
    models.check(one, ENTRY[6:-1])
    assert {name: one[name] for name in row} == row
    assert one["Event"]["action"] == one["Action"] == "certificate.issue" and one["Event"]["seq"] == one["Sequence"]
    assert good(client.rest("GET", f"/audit/{one['Identifier']}"))["seq"] == one["Sequence"]
    assert client.get(f"/Audit/{row['Id']}/Validate") is True
    for number, status in ((2**40 - 3, 404), (0, 404), (-5, 404), ("x", 400), (2**63 - 1, 404)):
        for path in (f"/Audit/{number}", f"/Audit/{number}/Validate"):
            assert client.command("GET", path).status_code == status, path


def test_an_event_that_was_tampered_with_is_told_from_its_neighbours(new_server):
    server = new_server().start()
    client = server.client()
    for i in range(3):
        client.enroll(dns=(f"tampered{i}.example.com",))
    rows = list(reversed(found(client, 'Operation -eq "certificate.issue" AND User -eq %ME%')[0]))
    wrong, text, gone = (admin.sql(server, f"SELECT lane, seq FROM audit WHERE target_id = '{row['ImmutableIdentifier']}' "
                                           "AND action = 'certificate.issue'")[0] for row in rows)
    at = "lane = {} AND seq = {}"
    admin.sql(server, f"UPDATE audit SET event = REPLACE(event, 'success', 'failure') WHERE {at.format(*text)}")
    valid = [client.get(f"/Audit/{row['Id']}/Validate") for row in rows]
    assert valid == [True, False, True]
    admin.sql(server, f"UPDATE audit SET target_id = '99999' WHERE {at.format(*wrong)}")
    assert client.get(f"/Audit/{rows[0]['Id']}/Validate") is False
    admin.sql(server, f"DELETE FROM audit WHERE {at.format(*gone)}")
    assert client.command("GET", f"/Audit/{rows[2]['Id']}").status_code == 404
    server.tolerates_errors = True


def test_a_checkpoint_vouches_for_an_event(new_server):
    server = new_server().start()
    client = server.client()
    client.enroll(dns=("sealed.example.com",))
    row = found(client, 'Operation -eq "certificate.issue" AND User -eq %ME%')[0][0]
    sealed = "SELECT COUNT(*) FROM audit_checkpoint p JOIN audit a ON a.lane = p.lane AND a.seq BETWEEN p.from_seq AND " \
             f"p.to_seq WHERE a.action = 'certificate.issue' AND a.target_id = '{row['ImmutableIdentifier']}'"
    admin.sql(server, "UPDATE schedule SET next_at = 0 WHERE kind = 'audit.checkpoint'")
    end = time.time() + 30
    while not admin.sql(server, sealed)[0][0]:
        assert time.time() < end, "no checkpoint came"
        time.sleep(0.1)
    assert client.get(f"/Audit/{row['Id']}/Validate") is True
    lane, seq = client.get(f"/Audit/{row['Id']}")["Chain"], client.get(f"/Audit/{row['Id']}")["Sequence"]
    # another event of the interval: the signed root is over its hash, too
    admin.sql(server, f"UPDATE audit SET hash = (SELECT o.hash FROM audit o WHERE o.lane = {lane} AND o.seq = {seq}) "
                      f"WHERE lane = {lane} AND seq = 1")
    assert client.get(f"/Audit/{row['Id']}/Validate") is False
    server.tolerates_errors = True


def test_related_entities_tell_the_whole_story_of_what_is_found(client):
    name = unique("story") + ".example.com"
    number = client.enroll(dns=(name,))["KeyfactorID"]
    other = client.enroll(dns=(unique("other") + ".example.com",))["KeyfactorID"]
    client.revoke(number)
    rows = good(client.command("GET", "/Audit/RelatedEntities", params={
        "pq.queryString": f'Operation -eq 6 AND Name -eq "CN={name}"'}))
    models.check(rows, ENTRY)
    about = {(row["EntityType"], row["ImmutableIdentifier"]) for row in rows}
    assert ("certificate", str(number)) in about and ("certificate", str(other)) not in about
    assert [row["Operation"] for row in rows if row["EntityType"] == "certificate"] == [6, 1]
    assert good(client.command("GET", "/Audit/RelatedEntities", params={"pq.queryString": 'Name -eq "no such"'})) == []
    assert client.get("/Audit/RelatedEntities", **{"pq.returnLimit": 3})


def test_events_are_downloaded_as_csv_which_is_recorded(client):
    name = "=" + unique("formula")
    good_role = client.rest("POST", "/roles", json={"name": name})
    assert good_role.status_code == 201, good_role.text
    reply = client.call("GET", "/KeyfactorAPI/Audit/Download", params={"pq.queryString": f'Name -eq "{name}"'})
    assert reply.status_code == 200 and reply.headers["Content-Type"] == "text/csv; charset=utf-8", reply.text
    rows = list(csv.DictReader(io.StringIO(reply.text, newline="")))
    assert [(row["AuditIdentifier"], row["User"], row["Operation"]) for row in rows] == [
        ("'" + name, client.server.user, "1")], "no cell is a formula"
    listed = found(client, f'Name -eq "{name}"')[0]
    assert [int(row["Id"]) for row in rows] == [row["Id"] for row in listed]
    assert rows[0]["Timestamp"] == listed[0]["Timestamp"] and rows[0]["Signature"] == listed[0]["Signature"]
    page = client.call("GET", "/KeyfactorAPI/Audit/Download", params={"pq.returnLimit": 4})
    assert len(list(csv.DictReader(io.StringIO(page.text)))) == 4
    exported = found(client, 'Operation -eq "audit.export"', **{"pq.returnLimit": 5})[0]
    assert any(json.loads(json.dumps(client.get(f"/Audit/{row['Id']}")["Event"]))["after"].get("query", "").endswith(
        f'"{name}"') for row in exported if "after" in client.get(f"/Audit/{row['Id']}")["Event"])


def test_who_may_not_read_the_record_is_refused(server):
    name, password = admin.user(server, permissions=["certificates/read"])
    caller = server.client(name, password)
    for path in ("/Audit", "/Audit/RelatedEntities", "/Audit/1", "/Audit/1/Validate", "/Audit/Download"):
        reply = caller.command("GET", path)
        assert reply.status_code == 403 and "Auditing:Read" in reply.json()["Message"], reply.text
    assert caller.rest("GET", "/audit/export").status_code == 403
    name, password = admin.user(server, permissions=["audit/read"])
    reader = server.client(name, password)
    assert reader.get("/Audit", **{"pq.returnLimit": 1})
    assert reader.rest("GET", "/audit/export").status_code == 403


# Exports

def test_an_export_into_a_pipe_leaves_the_pipe(server, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        read = pool.submit(pipe.read_text)
        done = server.cli("audit", "export", "--out", pipe)
        if not pipe.is_fifo():  # whoever reads waits for a writer
            os.remove(pipe)
            os.mkfifo(pipe)
            pipe.write_text("")
            pytest.fail("something was put in the pipe's place")
        assert done.returncode == 0, done.stderr
        assert "chain.genesis" in {json.loads(line).get("action") for line in read.result(30).splitlines()}


def test_an_export_is_verified_elsewhere(server, client, tmp_path):
    for n in range(9):  # more than there are chains: one has two of them
        client.enroll(dns=(f"{unique('exported')}-{n}.example.com",))
    file, keys = tmp_path / "audit.jsonl", tmp_path / "keys.json"
    done = server.cli("audit", "export", "--out", file)
    assert done.returncode == 0, done.stderr
    lines = file.read_text().splitlines()
    events = [json.loads(line) for line in lines]
    assert {"chain.genesis", "certificate.issue"} <= {event.get("action") for event in events}
    keys.write_text(client.rest("GET", "/audit/keys").text)
    for more in ([], ["--db", server.database], ["--offline", "--keys", keys], ["--offline"]):
        done = server.cli("audit", "verify", "--export", file, *more)
        assert done.returncode == 0 and f"{file}: intact" in done.stdout, done.stdout + done.stderr
        assert ("are trusted" in done.stderr) == (more == ["--offline"])
    report = json.loads(server.cli("audit", "verify", "--export", file, "-o", "json").stdout)
    assert report["intact"] and report["record"]["intact"]
    assert report["exports"][0]["events"] == sum("seq" in event for event in events)
    # an edited, a missing line; one of another installation
    last = {event["chain"]: event["seq"] for event in events if "seq" in event}  # its end may be without a checkpoint yet
    issue = [n for n, event in enumerate(events)
             if event.get("action") == "certificate.issue" and event["seq"] < last[event["chain"]]][0]
    for bad in (lines[:issue] + [lines[issue].replace("success", "failure")] + lines[issue + 1:],
                lines[:issue] + lines[issue + 1:]):
        (tmp_path / "bad.jsonl").write_text("\n".join(bad) + "\n")
        done = server.cli("audit", "verify", "--export", tmp_path / "bad.jsonl", "--offline", "--keys", keys)
        assert done.returncode == 12 and "BROKEN" in done.stdout, done.stdout
    for text, words in (("hello\n", "line 1"), ("{}\n", "line 1")):
        (tmp_path / "bad.jsonl").write_text(text)
        done = server.cli("audit", "verify", "--export", tmp_path / "bad.jsonl", "--offline")
        assert done.returncode == 2 and words in done.stderr, done.stderr
    assert server.cli("audit", "verify", "--offline").returncode == 2


def test_an_export_of_many_pages_has_each_event_once(new_server, tmp_path):
    server = new_server().start()
    name = unique("many")
    claims = [{"ClaimType": "Group", "ClaimValue": f"{name}-{n}"} for n in range(3100)]
    good(server.client().command("POST", "/Security/Roles", json={"Name": name, "Description": "of a test", "Claims": claims},
                                 headers={"x-keyfactor-api-version": "2"}))
    done = server.cli("audit", "export", "--out", tmp_path / "many.jsonl", timeout=60)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in (tmp_path / "many.jsonl").read_text().splitlines()]
    places = [(event["chain"], event["seq"]) for event in events if "seq" in event]
    assert len(places) > 3100 and places == sorted(set(places))
    assert server.cli("audit", "verify", "--export", tmp_path / "many.jsonl").returncode == 0


def test_an_export_without_events_shows_nothing(server, tmp_path):
    (tmp_path / "empty.jsonl").write_text("")
    done = server.cli("audit", "verify", "--export", tmp_path / "empty.jsonl")
    assert done.returncode == 2 and "holds no events" in done.stderr and "intact" not in done.stdout


def test_an_export_that_is_not_of_this_record_is_refused(new_server, server, tmp_path):
    file = tmp_path / "audit.jsonl"
    other = new_server().start()
    other.client().enroll(dns=("elsewhere.example.com",))
    assert other.cli("audit", "export", "--out", file).returncode == 0
    assert other.cli("audit", "verify", "--export", file).returncode == 0
    done = server.cli("audit", "verify", "--export", file)
    assert done.returncode == 12, done.stdout + done.stderr
    assert "another event here" in done.stdout or "not here" in done.stdout


def test_parts_of_the_record_are_exported_and_fit(server, client, tmp_path):
    for i in range(4):
        client.enroll(dns=(f"fits{i}.example.com",))
    middle = client.rest("GET", "/audit", params={"limit": 3}).json()["items"][-1]["at"]
    first, then = tmp_path / "first.jsonl", tmp_path / "then.jsonl"
    assert server.cli("audit", "export", "--out", first, "--until", middle).returncode == 0
    assert server.cli("audit", "export", "--out", then, "--since", middle).returncode == 0
    done = server.cli("audit", "verify", "--export", first, "--export", then)
    assert done.returncode == 0, done.stdout + done.stderr
    chain = json.loads(first.read_text().splitlines()[0])["chain"]
    one = server.cli("audit", "export", "--chain", str(chain))
    assert {json.loads(line).get("chain", chain) for line in one.stdout.splitlines()} == {chain}
    anchor = tmp_path / "anchor.json"
    anchor.write_text(client.rest("GET", "/audit/anchor").text)
    whole = tmp_path / "whole.jsonl"
    assert server.cli("audit", "export", "--out", whole).returncode == 0
    assert server.cli("audit", "verify", "--export", whole, "--offline", "--anchor", anchor).returncode == 0
    head = json.loads(anchor.read_text())
    head["heads"][0]["hash"] = "0" * 64
    anchor.write_text(json.dumps(head))
    done = server.cli("audit", "verify", "--export", whole, "--offline", "--anchor", anchor)
    assert done.returncode == 12 and "another event here" in done.stdout
    page = client.rest("GET", "/audit/export", params={"limit": 3})
    assert len(page.json()["items"]) == 3 and page.json()["next"]
    assert client.rest("GET", "/audit/export", params={"after": "nonsense"}).status_code == 400
    assert server.cli("audit", "export", "--out", tmp_path / "no" / "where").returncode == 2


# Retention

def run_job(server, kind, seconds=60):
    """Let a schedule's turn come, and wait until its job has ended well."""
    last = f"SELECT COALESCE(MAX(id), 0) FROM job WHERE kind = '{kind}'"
    before = admin.sql(server, last)[0][0]
    admin.sql(server, f"UPDATE schedule SET next_at = 0 WHERE name = '{kind}'")
    end = time.time() + seconds
    while True:
        state = admin.sql(server, f"SELECT state, result FROM job WHERE kind = '{kind}' AND id > {before}")
        if state and state[-1][0] == 2:
            return
        assert not state or state[-1][0] in (0, 1), state
        assert time.time() < end, f"{kind} did not end: {state}"
        time.sleep(0.1)


def old_record(server, count=4):
    """Events older than a second, under checkpoints; a head that an anchor knew before."""
    client = server.client()
    client.enroll(dns=("older.example.com",))
    anchor = client.rest("GET", "/audit/anchor").json()
    # all chains go on: those that only one event came to would end where the anchor does
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: client.enroll(dns=(f"old{i}.example.com",)), range(4 * count)))
    run_job(server, "audit.checkpoint")
    time.sleep(1.2)
    return anchor


def removed(server):
    return dict(admin.sql(server, "SELECT lane, MAX(to_seq) FROM audit_removed GROUP BY lane"))


def files_of(server):
    return sorted((server.dir / "data" / "audit").glob("*.jsonl"), key=lambda path: [int(part) for part in
                                                                                     path.stem.split("-")[1:]])


def exports(server):
    return [word for path in files_of(server) for word in ("--export", path)]


@pytest.mark.seed("S134")
def test_events_kept_long_enough_are_exported_and_removed_and_the_chain_verifies(new_server, tmp_path):
    server = new_server(settings={"audit.retention": "1s"}).start()
    anchor = tmp_path / "anchor.json"
    anchor.write_text(json.dumps(old_record(server)))
    issued = found(server.client(), 'Operation -eq "certificate.issue"')[0]
    keys = tmp_path / "keys.json"
    keys.write_text(server.client().rest("GET", "/audit/keys").text)
    run_job(server, "audit.retain")
    ends = removed(server)
    assert ends and all(end > 0 for end in ends.values())
    for lane, end in ends.items():
        assert admin.sql(server, f"SELECT COUNT(*) FROM audit WHERE lane = {lane} AND seq <= {end}")[0][0] == 0
    # what remains verifies by itself, and with the files from its beginning
    for more in ([], ["--db", server.database]):
        done = server.cli("audit", "verify", *more)
        assert done.returncode == 0, done.stdout + done.stderr
        done = server.cli("audit", "verify", *exports(server), *more)
        assert done.returncode == 0 and "BROKEN" not in done.stdout, done.stdout + done.stderr
    done = server.cli("audit", "verify", *exports(server), "--offline", "--keys", keys)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [json.loads(line) for path in files_of(server) for line in path.read_text().splitlines()]
    assert {line["target"]["id"] for line in lines if line.get("action") == "certificate.issue"} >= {
        row["ImmutableIdentifier"] for row in issued}
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in files_of(server))
    # an anchor from before needs the files; it finds its events there
    done = server.cli("audit", "verify", "--anchor", anchor)
    assert done.returncode == 12 and "was exported to audit-" in done.stdout, done.stdout
    done = server.cli("audit", "verify", "--anchor", anchor, *exports(server))
    assert done.returncode == 0, done.stdout + done.stderr
    # it is told, and goes on
    events = found(server.client(), 'Operation -eq "audit.remove"')[0]
    assert events and events[0]["Operation"] == 3
    assert server.client().get(f"/Audit/{events[0]['Id']}/Validate") is True
    old_record(server, 2)
    run_job(server, "audit.retain")
    assert any(end > ends.get(lane, 0) for lane, end in removed(server).items())
    done = server.cli("audit", "verify", *exports(server))
    assert done.returncode == 0, done.stdout + done.stderr
    server.stop()
    server.start()
    assert server.cli("audit", "verify", *exports(server)).returncode == 0
    metrics = server.client().call("GET", "/metrics").text
    assert "chancery_audit_oldest_timestamp_seconds" in metrics


def test_a_beginning_that_does_not_fit_is_refused(new_server, tmp_path):
    server = new_server(settings={"audit.retention": "1s"}).start()
    old_record(server)
    run_job(server, "audit.retain")
    lane, end = max(removed(server).items(), key=lambda one: one[1])
    file = [path for path in files_of(server) if path.name.startswith(f"audit-{lane}-")][-1]
    lines = file.read_text().splitlines()
    where = f"WHERE lane = {lane} AND to_seq = {end}"
    fields = ("prev", "last", "signature")
    kept = dict(zip(fields, admin.sql(server, f"SELECT prev, last, signature FROM audit_removed {where}")[0]))

    def put(field, value):
        value = bytes(value).hex()
        literal = f"X'{value}'" if server.database.startswith("sqlite") else f"'\\x{value}'"
        admin.sql(server, f"UPDATE audit_removed SET {field} = {literal} {where}")
    for field in fields:
        put(field, b"x" * (32 if field != "signature" else 64))
        done = server.cli("audit", "verify")
        assert done.returncode == 12 and f"chain {lane}, event {end + 1}" in done.stdout, (field, done.stdout)
        put(field, kept[field])
    assert server.cli("audit", "verify").returncode == 0
    # more was removed than was signed for
    admin.sql(server, f"UPDATE audit_removed SET to_seq = {end + 1} {where}")
    assert server.cli("audit", "verify").returncode == 12
    admin.sql(server, f"UPDATE audit_removed SET to_seq = {end} WHERE lane = {lane} AND to_seq = {end + 1}")
    # files that are not what was exported
    for number, (bad, words) in enumerate((
            (lines[:-1], None),                                             # without its end: still part of the record
            (lines[:-3] + lines[-2:], "does not end as was signed"),         # the last event is gone
            (lines[1:], "BROKEN"),
            ([line.replace("success", "failure") for line in lines], "BROKEN"),
            (lines[:-1] + [lines[-1].replace('"last":"', '"last":"0')[:]], "malformed"))):
        path = tmp_path / f"bad{number}.jsonl"
        path.write_text("\n".join(bad) + "\n")
        done = server.cli("audit", "verify", "--export", path)
        said = done.stdout + done.stderr
        assert (done.returncode == 0) == (words is None) and (not words or words in said), (number, said)
    # nothing says any more that something was removed
    admin.sql(server, f"DELETE FROM audit_removed WHERE lane = {lane}")
    done = server.cli("audit", "verify")
    assert done.returncode == 12 and "missing" in done.stdout, done.stdout
    server.tolerates_errors = True


def test_a_broken_chain_is_not_removed(new_server):
    server = new_server(settings={"audit.retention": "1s"}).start()
    server.tolerates_errors = True
    old_record(server)
    admin.sql(server, "UPDATE audit SET event = REPLACE(event, 'success', 'failure') WHERE action = 'certificate.issue'")
    count = admin.sql(server, "SELECT COUNT(*) FROM audit")[0][0]
    with pytest.raises(AssertionError, match="audit.retain|\\(3"):
        run_job(server, "audit.retain", seconds=20)
    assert admin.sql(server, "SELECT COUNT(*) FROM audit")[0][0] >= count
    assert not [path for path in files_of(server) if "certificate.issue" in path.read_text()]
    failed = [event for event in server.lines(level="error") if "so nothing is removed" in json.dumps(event)]
    assert failed


def test_events_are_kept_for_ever_when_so_set(new_server):
    server = new_server(settings={"audit.retention": "0s"}).start()
    old_record(server)
    run_job(server, "audit.retain")
    assert removed(server) == {} and not files_of(server)
    assert admin.sql(server, "SELECT COUNT(*) FROM audit WHERE seq = 1")[0][0] >= 1


@chancery.needs_faults
@pytest.mark.parametrize("point", ["audit.exported", "audit.removing"])
def test_a_crash_while_events_are_removed_loses_none(new_server, point):
    server = new_server(program=chancery.FAULTS, settings={"audit.retention": "1s"})
    server.start(CHANCERY_CRASH_AT=f"{point}:1")
    issued = {str(server.client().enroll(dns=("mortal.example.com",))["KeyfactorID"])}
    old_record(server)
    admin.sql(server, "UPDATE schedule SET next_at = 0 WHERE name = 'audit.retain'")
    processes.wait_until(lambda: server.process.poll() is not None, 60, what=f"the crash at {point}")
    assert server.process.returncode == -9
    server.start()
    assert server.cli("audit", "verify").returncode == 0, "at once"
    run_job(server, "audit.retain")
    done = server.cli("audit", "verify", *exports(server))
    assert done.returncode == 0, done.stdout + done.stderr
    for lane, end in removed(server).items():
        assert admin.sql(server, f"SELECT COUNT(*) FROM audit WHERE lane = {lane} AND seq <= {end}")[0][0] == 0
    lines = [json.loads(line) for path in files_of(server) for line in path.read_text().splitlines()]
    seen = [(line["chain"], line["seq"]) for line in lines if "seq" in line]
    assert issued <= {line["target"]["id"] for line in lines if line.get("action") == "certificate.issue"}
    assert set(removed(server)) == {chain for chain, _ in seen}
    server.tolerates_errors = True
