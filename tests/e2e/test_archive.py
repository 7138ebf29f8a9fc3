"""Certificates that expired long ago go to the archive; other rows whose time is over are removed."""
import datetime
import json
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

import admin
import keys
import processes
from chancery import good


def expired(cn, years, names=()):
    """A certificate that ended YEARS ago, as PEM."""
    key = keys.new_key()
    end = datetime.datetime.utcnow() - datetime.timedelta(days=365 * years)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)])
    builder = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
               .serial_number(x509.random_serial_number()).not_valid_before(end - datetime.timedelta(days=90))
               .not_valid_after(end))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), False)
    return builder.sign(key, hashes.SHA256()).public_bytes(keys.PEM).decode()


def imported(client, cn, years, **more):
    client.post("/Certificates/Import", {"Certificate": expired(cn, years, [cn, f"www.{cn}"]), **more})
    found = client.get("/Certificates", **{"pq.queryString": f'CN -eq "{cn}"', "pq.includeExpired": "true"})
    return found[0]


def totals(server):
    """What is kept, and what is there."""
    kept = dict(admin.sql(server, "SELECT kind, SUM(value) FROM counter GROUP BY kind"))
    there = {
        "state": admin.sql(server, "SELECT COUNT(*) FROM certificate")[0][0],
        "expiry_day": admin.sql(server, "SELECT COUNT(*) FROM certificate")[0][0],
        "valid_day": admin.sql(server, "SELECT COUNT(*) FROM certificate WHERE state <> 2")[0][0],
        "authority": admin.sql(server, "SELECT COUNT(*) FROM certificate WHERE authority IS NOT NULL")[0][0],
        "template": admin.sql(server, "SELECT COUNT(*) FROM certificate WHERE template IS NOT NULL")[0][0],
    }
    return {name: int(kept.get(name, 0)) for name in there}, there


@pytest.mark.seed("S090", "S272")
def test_certificates_expired_for_two_years_are_archived_and_found_when_asked(new_server):
    server = new_server().start()
    client = server.client()
    client.post("/MetadataFields", {"Name": "Team", "Description": "who", "DataType": 1})
    old = [imported(client, f"old{i}.example.com", 3 + i) for i in range(3)]
    young, fresh = imported(client, "young.example.com", 1), client.enroll(dns=("fresh.example.com",))
    assert client.command("PUT", "/Certificates/Metadata", json={
        "Id": old[0]["Id"], "Metadata": {"Team": "Museum"}}).status_code == 204
    before = client.total()
    done = server.cli("archive", "run", "--older-than", "730d", "--dry-run")
    assert done.returncode == 0 and done.stdout.startswith("3 certificates would be archived"), done
    assert client.total() == before, "a dry run moves nothing"
    done = server.cli("archive", "run", "--older-than", "730d", "-o", "json")
    report = json.loads(done.stdout)
    assert (report["matching"], report["moved"]) == (3, 3), done
    # out of the lists and totals, and nothing is lost
    assert client.total() == before - 3
    kept, there = totals(server)
    assert kept == there
    assert client.get("/Certificates", **{"pq.queryString": 'CN -startswith "old"', "pq.includeExpired": "true"}) == []
    rows = client.get("/Certificates", **{"pq.queryString": "Archived -eq true", "pq.includeMetadata": "true"})
    assert [row["Id"] for row in rows] == [row["Id"] for row in old]
    for row, was in zip(rows, old):
        same = ("Thumbprint", "SerialNumber", "IssuedDN", "NotAfter", "ContentBytes", "CertState")
        assert {name: row[name] for name in same} == {name: was[name] for name in same}
        assert {san["Value"] for san in row["SubjectAltNameElements"]} == {san["Value"] for san in was["SubjectAltNameElements"]}
    assert rows[0]["Metadata"] == {"Team": "Museum"}
    for query, wanted in (('Archived -eq true AND SAN -contains "www.old1"', [1]),
                          ('Team -eq "museum" AND Archived -eq "true"', [0]), ('Team -contains "useu" AND Archived -eq true', [0]),
                          ('Archived -ne false AND CN -endswith "example.com"', [0, 1, 2]),
                          ('Archived -eq true AND CN -contains "young"', []),
                          ('Archived -eq false AND CN -startswith "old"', [])):
        found = client.command("GET", "/Certificates", params={"pq.queryString": query})
        assert [row["Id"] for row in good(found)] == [old[i]["Id"] for i in wanted], query
        assert found.headers["x-total-count"] == str(len(wanted))
    found = json.loads(server.cli("search", "is:archived", "old2", "-o", "json").stdout)
    assert [row["Id"] for row in found] == [old[2]["Id"]]
    # one by one as before
    assert client.get(f"/Certificates/{old[1]['Id']}")["Thumbprint"] == old[1]["Thumbprint"]
    shown = json.loads(server.cli("certs", "show", str(old[1]["Id"]), "-o", "json").stdout)
    assert shown["Id"] == old[1]["Id"]
    got = client.post("/Certificates/Download", {"CertID": old[2]["Id"]})
    assert got["Content"]
    # who did it
    events = client.rest("GET", "/audit", params={"action": "certificate.archive"}).json()["items"]
    assert len(events) == 1 and events[0]["actor"]["name"] == server.user
    event = client.rest("GET", f"/audit/{events[0]['id']}").json()["event"]
    assert sorted(event["after"]["certificates"]) == sorted(row["Id"] for row in old)
    assert json.loads(server.cli("archive", "run", "-o", "json").stdout)["matching"] == 0
    assert client.total(f"CertId -eq {young['Id']}") == 1 and client.total(f"CertId -eq {fresh['KeyfactorID']}") == 1


def test_the_nightly_job_archives_what_the_setting_says(new_server):
    server = new_server(settings={"archive.after": "300d"}).start()
    number = imported(server.client(), "nightly.example.com", 1)["Id"]
    admin.sql(server, "UPDATE schedule SET next_at = 0 WHERE name = 'catalog.archive'")
    processes.wait_until(lambda: admin.sql(server, f"SELECT COUNT(*) FROM archived_certificate WHERE id = {number}")[0][0],
                         30, what="the archive")
    assert server.client().get(f"/Certificates/{number}")["IssuedCN"] == "nightly.example.com"
    metrics = server.client().call("GET", "/metrics").text
    assert "chancery_archived_certificates_total 1" in metrics


def test_what_must_stay_is_not_archived(new_server):
    server = new_server().start()
    client = server.client()
    held, revoked, listed = (client.enroll(dns=(f"{name}.example.com",))["KeyfactorID"] for name in
                             ("held", "revoked", "listed"))
    client.revoke(held, reason=6)
    client.revoke(revoked, reason=4)
    client.revoke(listed, reason=4)
    past = int((time.time() - 800 * 86400) * 1000)
    admin.sql(server, f"UPDATE certificate SET not_after = {past}")
    admin.sql(server, f"UPDATE certificate SET crl_done = 1 WHERE id IN ({listed}, {held})")
    report = json.loads(server.cli("archive", "run", "-o", "json").stdout)
    gone = {row[0] for row in admin.sql(server, "SELECT id FROM archived_certificate")}
    assert report["moved"] == len(gone) and listed in gone and not gone & {held, revoked}
    assert admin.sql(server, "SELECT COUNT(*) FROM ca_certificate a JOIN archived_certificate c ON c.id = a.certificate") \
        == [(0,)]


def test_a_field_that_archived_certificates_have_is_in_use(new_server):
    client = new_server().start().client()
    team = client.post("/MetadataFields", {"Name": "Team", "Description": "who", "DataType": 1})
    number = imported(client, "noted.example.com", 3, Metadata={"Team": "Museum"})["Id"]
    assert good(client.rest("POST", "/archive/run"))["moved"] == 1
    assert client.command("PUT", "/MetadataFields", json={**team, "DataType": 2}).status_code == 409
    assert client.command("DELETE", f"/MetadataFields/{team['Id']}").status_code == 409
    assert client.get(f"/Certificates/{number}", includeMetadata="true")["Metadata"] == {"Team": "Museum"}
    assert client.command("DELETE", f"/MetadataFields/{team['Id']}", params={"force": "true"}).status_code == 204
    client.post("/MetadataFields", {"Name": "Town", "Description": "where", "DataType": 1})
    assert client.get(f"/Certificates/{number}", includeMetadata="true")["Metadata"] == {}


def test_who_sees_a_part_sees_it_in_the_archive_too(new_server):
    server = new_server().start()
    client = server.client()
    numbers = [imported(client, f"{name}.example.com", 3)["Id"] for name in ("inside", "outside")]
    collection = client.post("/CertificateCollections", {"Name": "Part", "Query": 'CN -startswith "inside"'})["Id"]
    role = admin.role(server, [])
    good(client.rest("POST", f"/roles/{role}/grants", json={"permission": "certificates/read", "scope": "collection",
                                                            "object": str(collection)}))
    reader = server.client(*admin.user(server, roles=[role]))
    assert good(client.rest("POST", "/archive/run"))["moved"] == 2

    def seen(number, call="GET", path="/Certificates/{}", **more):
        return reader.command(call, path.format(number), params={"collectionId": collection}, **more).status_code
    assert [seen(number) for number in (*numbers, 999999999)] == [200, 404, 404]
    assert [seen(number, "POST", "/Certificates/Download", json={"CertID": number}, headers={"x-certificateformat": "PEM"})
            for number in numbers] == [200, 404]
    [found] = good(reader.command("GET", "/Certificates", params={"collectionId": collection,
                                                                  "pq.queryString": "Archived -eq true"}))
    assert found["Id"] == numbers[0]


def test_what_is_archived_is_not_changed_and_says_so(new_server):
    client = new_server().start().client()
    client.post("/MetadataFields", {"Name": "Team", "Description": "who", "DataType": 1})
    number = imported(client, "still.example.com", 3)["Id"]
    assert good(client.rest("POST", "/archive/run"))["moved"] == 1
    for reply in (client.command("POST", "/Certificates/Revoke", json={"CertificateIds": [number], "Reason": 4}),
                  client.command("PUT", "/Certificates/Metadata", json={"Id": number, "Metadata": {"Team": "x"}}),
                  client.command("PUT", "/Certificates/Metadata/All", json={"Query": "Archived -eq true", "Metadata": [
                      {"MetadataName": "Team", "Value": "x", "OverwriteExisting": True}]})):
        assert reply.status_code in (400, 409) and "archive" in reply.text, reply.text


def test_the_end_of_a_kept_key_is_told_of_its_archived_certificate(new_server):
    server = new_server().start()
    client = server.client()
    template = admin.template(server, policy={"key_retention": "after_expiration", "key_retention_days": 1})
    number = client.post("/Enrollment/PFX", {"Subject": "CN=kept.example.com", "SANs": {"DNS": ["kept.example.com"]},
                                             "Template": template, "Password": "correct horse"},
                         headers={"x-certificateformat": "PFX"})["CertificateInformation"]["KeyfactorId"]
    admin.sql(server, f"UPDATE certificate SET not_after = 1000 WHERE id = {number}")
    assert good(client.rest("POST", "/archive/run"))["moved"] == 1
    assert client.get(f"/Certificates/{number}")["HasPrivateKey"] is True
    admin.sql(server, "UPDATE private_key SET delete_at = 1 WHERE purpose = 'certificate'")
    admin.sql(server, "UPDATE schedule SET next_at = 0 WHERE name = 'keys.cleanup'")
    processes.wait_until(lambda: not client.get(f"/Certificates/{number}")["HasPrivateKey"], 30, what="the key's end")
    assert admin.sql(server, "SELECT target_id FROM audit WHERE action = 'certificate.key.delete'") == [(str(number),)]


def test_archived_rows_have_every_column(server):
    for table in ("certificate", "certificate_der", "certificate_name", "certificate_metadata"):
        def columns(name):
            if server.database.startswith("sqlite"):
                return sorted(row[1:3] for row in admin.sql(server, f"PRAGMA table_info({name})"))
            return sorted(admin.sql(server, "SELECT column_name, data_type FROM information_schema.columns "
                                            f"WHERE table_name = '{name}'"))
        assert columns(table) and columns(table) == columns(f"archived_{table}")


def test_who_may_not_archive_is_refused(server):
    name, password = admin.user(server, permissions=["certificates/read", "certificates/delete"])
    caller = server.client(name, password)
    assert caller.rest("POST", "/archive/run", params={"dry_run": "true"}).status_code == 403
    client = server.client()
    refused = client.rest("POST", "/archive/run", json={"older_than_ms": 5})
    assert refused.status_code == 400 and "older_than_ms" in refused.text
    assert client.rest("POST", "/archive/run", params={"dry_run": "maybe"}).status_code == 400
    assert client.rest("POST", "/archive/run", params={"dry_run": "true"}).json()["moved"] == 0


def test_ended_jobs_and_old_events_are_removed(new_server):
    server = new_server(settings={"jobs.keep_done": "1s"}).start()
    client = server.client()
    for i in range(3):
        client.enroll(dns=(f"event{i}.example.com",))
    lane = admin.sql(server, "SELECT lane FROM event GROUP BY lane ORDER BY COUNT(*) DESC")[0][0]
    # as if a thousand events had happened long ago
    admin.sql(server, "WITH RECURSIVE g(i) AS (SELECT -1200 UNION ALL SELECT i + 1 FROM g WHERE i < 0) INSERT INTO event "
                      f"(lane, seq, ts, kind, object) SELECT {lane}, i, 1000, 'certificate.issued', 1 FROM g")
    newest = admin.sql(server, f"SELECT MAX(seq) FROM event WHERE lane = {lane}")[0][0]
    ended = int(time.time() * 1000)
    time.sleep(1.2)
    admin.sql(server, "UPDATE schedule SET next_at = 0 WHERE name = 'jobs.cleanup'")
    processes.wait_until(lambda: admin.sql(server, f"SELECT COUNT(*) FROM event WHERE lane = {lane} AND seq <= 0")[0][0]
                         < 500, 30, what="old events to go")
    assert admin.sql(server, f"SELECT MAX(seq) FROM event WHERE lane = {lane}")[0][0] >= newest
    done = f"SELECT COUNT(*) FROM job WHERE state = 2 AND finished_at < {ended}"
    processes.wait_until(lambda: admin.sql(server, done)[0][0] == 0, 30, what="ended jobs to go")
    assert "chancery_purged_rows_total" in client.call("GET", "/metrics").text
    number = client.enroll(dns=("after.example.com",))["KeyfactorID"]
    client.revoke(number)
