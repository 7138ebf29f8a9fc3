"""Legal holds: what is held stays, whatever retention, clean-up and people want, until the hold is lifted."""
import json
import uuid

import admin
import keys
from chancery import good
from test_archive import imported
from test_audit import old_record, removed, run_job
from test_keys import generate, recover
from test_removal import bring_in, is_there


def place(client, status=201, **body):
    reply = client.rest("POST", "/legal-holds", json={"reason": "case 2026-118", **body})
    assert reply.status_code == status, reply.text
    return reply.json()


def lift(client, hold, status=200, reason="case closed"):
    reply = client.rest("POST", f"/legal-holds/{hold}/lift", json={"reason": reason})
    assert reply.status_code == status, reply.text
    return reply.json()


def events(client, action):
    return good(client.rest("GET", "/audit", params={"action": action}))["items"]


def keys_kept(server, number):
    return admin.sql(server, "SELECT COUNT(*) FROM private_key k JOIN certificate c ON c.key_hash = k.key_hash "
                             f"WHERE c.id = {number}")[0][0]


def test_a_held_certificate_and_its_key_are_removed_by_nobody(new_server):
    server = new_server().start()
    client, word = server.client(), uuid.uuid4().hex[:12]
    held = bring_in(client, f"held.{word}.example.com", keys.new_key("ec:p256"), with_key=True)
    free = bring_in(client, f"free.{word}.example.com", keys.new_key("ec:p256"), with_key=True)
    hold = place(client, certificate=held)
    assert hold["certificate"] == held and hold["placed_by"] == server.user and "lifted_at" not in hold
    assert "audit_from" not in hold and good(client.rest("GET", f"/legal-holds/{hold['id']}")) == hold

    for body in ([held], [free, held]):
        reply = client.command("DELETE", "/Certificates", json=body)
        assert reply.status_code == 409, reply.text
    reply = client.command("DELETE", f"/Certificates/{held}")
    assert reply.status_code == 409 and f"It is under legal hold {hold['id']}." in reply.json()["Message"], reply.text
    reply = client.command("DELETE", f"/Certificates/PrivateKey/{held}")
    assert reply.status_code == 409 and f"under legal hold {hold['id']}" in reply.json()["Message"], reply.text
    assert client.command("DELETE", "/Certificates/PrivateKey", json=[free, held]).status_code == 409
    admin.sql(server, "UPDATE private_key SET delete_at = 1000 WHERE purpose = 'certificate'")
    assert keys_kept(server, held) == keys_kept(server, free) == 1
    run_job(server, "keys.cleanup")
    assert is_there(client, held) and keys_kept(server, held) == 1 and keys_kept(server, free) == 0

    second = place(client, certificate=held, reason="case 2026-200")
    lifted = lift(client, hold["id"])
    assert lifted["lifted_by"] == server.user and lifted["lifted_reason"] == "case closed" and lifted["lifted_at"]
    assert "was lifted" in lift(client, hold["id"], 409)["detail"]
    assert client.command("DELETE", f"/Certificates/{held}").status_code == 409, "another one holds"
    lift(client, second["id"])
    run_job(server, "keys.cleanup")
    assert keys_kept(server, held) == 0
    assert client.command("DELETE", "/Certificates", json=[held, free]).status_code == 204
    assert not is_there(client, held)
    assert [one["target"]["id"] for one in events(client, "hold.place")] == [str(second["id"]), str(hold["id"])]
    told = events(client, "hold.lift")
    assert len(told) == 2 and told[0]["target"]["name"] == "case closed" and told[0]["actor"]["name"] == server.user


def test_a_held_key_that_is_handed_out_once_stays_and_leaves_no_more(new_server):
    server = new_server().start()
    client = server.client()
    number = client.enroll(csr=good(generate(client))["CSRText"])["KeyfactorID"]
    hold = place(client, certificate=number)
    assert recover(client, number).status_code == 200 and keys_kept(server, number) == 1
    assert recover(client, number).status_code in (400, 403, 404, 409)
    run_job(server, "keys.cleanup")
    assert keys_kept(server, number) == 1
    lift(client, hold["id"])
    run_job(server, "keys.cleanup")
    assert keys_kept(server, number) == 0


def test_what_is_held_is_not_archived_and_stays_in_the_archive(new_server):
    server = new_server().start()
    client = server.client()
    held, free, later = (imported(client, f"{name}.example.com", 4)["Id"] for name in ("held", "free", "later"))
    hold = place(client, certificate=held)
    done = server.cli("archive", "run", "--older-than", "730d", "-o", "json")
    assert json.loads(done.stdout)["matching"] == 2, done.stdout
    rows = admin.sql(server, "SELECT id FROM archived_certificate ORDER BY id")
    assert [row[0] for row in rows] == sorted((free, later))
    other = place(client, certificate=later)  # one that is in the archive
    assert client.command("DELETE", f"/Certificates/{later}").status_code == 409
    assert client.command("DELETE", f"/Certificates/{free}").status_code == 204
    lift(client, hold["id"])
    lift(client, other["id"])
    assert client.command("DELETE", f"/Certificates/{later}").status_code == 204
    run_job(server, "catalog.archive")
    assert admin.sql(server, "SELECT id FROM archived_certificate")[0][0] == held


def test_a_held_part_of_the_audit_record_is_not_removed(new_server):
    server = new_server(settings={"audit.retention": "1s"}).start()
    old_record(server)
    client = server.client()
    hold = place(client, audit_from="2020-01-01T00:00:00Z", audit_to="2100-01-01T00:00:00Z")
    assert not hold.get("certificate") and hold["audit_from"] == "2020-01-01T00:00:00Z"
    run_job(server, "audit.retain")
    assert not any(removed(server).values()) and events(client, "certificate.issue")
    lift(client, hold["id"])
    run_job(server, "audit.retain")
    assert any(removed(server).values())
    assert server.cli("audit", "verify").returncode == 0


def test_holds_are_listed_and_what_cannot_be_held_is_named(server, client):
    number = client.enroll()["KeyfactorID"]
    made = [place(client, certificate=number, reason=f"case {i}")["id"] for i in range(3)]
    lift(client, made[1])

    def listed(**query):
        return [one["id"] for one in good(client.rest("GET", "/legal-holds", params={"certificate": number, **query}))["items"]]
    assert listed() == [made[0], made[2]] and listed(all="true") == made
    page = good(client.rest("GET", "/legal-holds", params={"certificate": number, "all": "true", "limit": 2}))
    assert [one["id"] for one in page["items"]] == made[:2] and listed(all="true", after=page["next"]) == made[2:]
    for body, field in (({}, "certificate"), ({"certificate": number, "audit_from": "2026-01-01T00:00:00Z"}, "audit_from"),
                        ({"audit_from": "2026-01-02T00:00:00Z", "audit_to": "2026-01-01T00:00:00Z"}, "audit_to"),
                        ({"certificate": number, "reason": ""}, "reason"), ({"certificate": -1}, "certificate"),
                        ({"certificate": number, "reason": "two\nlines"}, "reason"), ({"certificate": "x"}, "certificate")):
        said = place(client, 400, **body)
        assert field in [one["field"] for one in said.get("problems", [])] or field in said["detail"], said
    assert place(client, 404, certificate=999999999)["code"].startswith("CHY-")
    assert lift(client, made[0], 400, reason="")["problems"][0]["field"] == "reason"
    assert lift(client, 999999999, 404) and client.rest("GET", "/legal-holds/999999999").status_code == 404
    reader = server.client(*admin.user(server, permissions=["holds/read", "certificates/read"]))
    assert good(reader.rest("GET", "/legal-holds")) and place(reader, 403, certificate=number)
    blind = server.client(*admin.user(server, permissions=["holds/modify"]))
    assert place(blind, 403, certificate=number) and blind.rest("GET", "/legal-holds").status_code == 403
    for one in (made[0], made[2]):
        lift(client, one)


def test_the_command_line_places_lists_and_lifts(server, client):
    first, second = (client.enroll()["KeyfactorID"] for _ in range(2))
    done = server.cli("legal-holds", "place", str(first), str(second), "--reason", "case 7")
    assert done.returncode == 0, done.stderr
    ids = done.stdout.split()
    assert len(ids) == 2 and f"placed on {first}" in done.stderr
    shown = server.cli("legal-holds", "list", "--certificate", str(first))
    assert shown.returncode == 0 and "case 7" in shown.stdout, shown
    done = server.cli("legal-holds", "lift", *ids, "--reason", "case closed", "--yes")
    assert done.returncode == 0 and f"legal hold {ids[1]} lifted" in done.stderr, done
    shown = json.loads(server.cli("legal-holds", "list", "--certificate", str(first), "--all", "-o", "json").stdout)
    assert [str(one["id"]) for one in shown] == ids[:1] and shown[0]["lifted_reason"] == "case closed"
    done = server.cli("legal-holds", "place", "--audit-from", "2100-01-01", "--reason", "what comes", "-o", "json")
    assert done.returncode == 0, done.stderr
    assert server.cli("legal-holds", "lift", str(json.loads(done.stdout)["id"]), "--reason", "over", "--yes").returncode == 0
    for flags, words in ((("place", str(first)), "--reason"), (("place", "x", "--reason", "r"), "no id of a certificate"),
                         (("lift", "1"), "--reason")):
        done = server.cli("legal-holds", *flags)
        assert done.returncode == 2 and words in done.stderr, done
