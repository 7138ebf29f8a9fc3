"""Private keys that two people recover: asked for by one, approved by another, taken once."""
import base64
import concurrent.futures
import json
import uuid

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, load_pem_private_key, pkcs12

import admin
import keys
from chancery import good
from test_audit import run_job
from test_auth import client_token
from test_keys import PASSWORD, enroll, events, opened, recover
from test_removal import bring_in

MAY = ("certificates/recover", "certificates/read")
KEEPS = {"key_retention": "indefinite", "key_types": ["ec:p256"]}


def guarded(server, **policy):
    """A template whose keys are kept and recovered by two people; its name."""
    return admin.template(server, policy={**KEEPS, "recovery_approval": True, **policy})


def somebody(server, *permissions, **more):
    return server.client(*admin.user(server, permissions=permissions or MAY, **more))


def account(server, name, permissions=MAY, **more):
    """A caller of this very name, with more said of the account."""
    password = f"correct horse {uuid.uuid4().hex}"
    reply = server.client().rest("POST", "/users", json={
        "name": name, "password": password, "roles": [admin.role(server, permissions)], **more})
    assert reply.status_code == 201, reply.text
    return server.client(name, password)


def key_of(server, template):
    """A certificate by this template whose key is kept; (number, what its first owner got)."""
    info = enroll(server.client(), Template=template)
    return info["KeyfactorId"], opened(info["Pkcs12Blob"])[0]


def waits(reply):
    """The reply says that it waits; the recovery's number."""
    assert reply.status_code == 409 and "(CHY-2310)" in reply.json()["Message"], reply.text
    return int(reply.json()["Message"].split("recovery ")[1].split()[0])


def shown(client, number):
    return good(client.rest("GET", f"/recoveries/{number}"))


def decide(client, number, how="approve", status=200, **body):
    reply = client.rest("POST", f"/recoveries/{number}/{how}", json={"comment": "INC0012345", **body})
    assert reply.status_code == status, reply.text
    return reply.json()


def collect(client, number, password=PASSWORD):
    return client.rest("POST", f"/recoveries/{number}/collect", json={"password": password})


def listed(client, **query):
    return {row["id"]: row for row in good(client.rest("GET", "/recoveries", params={"limit": 1000, **query}))["items"]}


def same(key, other):
    return key.private_numbers() == other.private_numbers()


@pytest.fixture(scope="module")
def template(server):
    return guarded(server)


def test_a_key_is_recovered_by_two_people_and_each_step_is_evidence(server, template):
    certificate, key = key_of(server, template)
    ana, bob, eve = somebody(server), somebody(server), somebody(server, "certificates/read", "workflows/participate")
    asked = recover(ana, certificate)
    number = waits(asked)
    message = asked.json()["Message"]
    assert "takes two people" in message and f"somebody else than {ana.session.auth[0]}" in message and "until 20" in message
    assert "PFX" not in asked.json() and waits(recover(ana, certificate)) == number, "it is asked for once"
    row = shown(bob, number)
    assert row["state"] == "pending" and row["asker"] == ana.session.auth[0] and row["certificate_id"] == certificate
    assert row["may_decide"] and not row["mine"] and row["form"] == "pfx" and row["ends_at"] > row["created_at"]
    assert shown(ana, number)["mine"] and not shown(ana, number)["may_decide"]
    assert number in listed(bob) and number in listed(ana, mine="true") and number not in listed(bob, mine="true")
    assert eve.rest("GET", "/recoveries").status_code == 403
    assert eve.rest("POST", f"/recoveries/{number}/approve").status_code == 403
    early = collect(ana, number)
    assert early.status_code == 409 and early.json()["code"] == "CHY-2310"
    assert not events(server, "certificate.key.recover", certificate)

    row = decide(bob, number)
    assert row["state"] == "approved" and row["decided_by"] == bob.session.auth[0] and row["comment"] == "INC0012345"
    assert recover(bob, certificate).status_code == 409, "who approved it has to ask, too"
    got = recover(ana, certificate)
    assert same(opened(good(got)["PFX"])[0], key) and "no-store" in got.headers["Cache-Control"]
    assert shown(ana, number)["state"] == "given" and shown(ana, number)["given_at"]
    assert collect(ana, number).status_code == 409, "once"
    again = waits(recover(ana, certificate))
    assert again != number and number not in listed(ana) and number in listed(ana, all="true")

    said = {action: events(server, f"certificate.key.{action}", certificate) for action in ("ask", "approve", "recover")}
    whole = lambda action: server.client().rest("GET", f"/audit/{said[action][0]['id']}").text
    assert [len(said[action]) for action in said] == [3, 1, 1], said  # bob asked, too
    assert said["approve"][0]["actor"]["name"] == bob.session.auth[0] and "INC0012345" in whole("approve")
    assert said["recover"][0]["actor"]["name"] == ana.session.auth[0]
    assert bob.session.auth[0] in whole("recover") and f'"{number}"' in whole("recover")
    assert {row["actor"]["name"] for row in said["ask"]} == {ana.session.auth[0], bob.session.auth[0]}
    kept = admin.sql(server, "SELECT * FROM recovery")
    assert kept and PASSWORD not in repr(kept) and "PRIVATE" not in repr(kept)


def test_two_logins_of_one_person_are_one_person(server, client, template):
    certificate, key = key_of(server, template)
    word = uuid.uuid4().hex[:12]
    ana = account(server, f"ana{word}", email=f"Ana.{word}@example.com", permissions=MAY)
    mailbox = account(server, f"other{word}", email=f"ana.{word}@EXAMPLE.com")
    elsewhere, provided = (account(server, f"{name}{word}") for name in ("els", "pro"))
    # as a directory or a provider would have made them
    for was, name in ((f"els{word}", f"CONTOSO\\ANA{word}"), (f"pro{word}", f"ana{word}@fabrikam.example (keycloak)")):
        admin.sql(server, f"UPDATE app_user SET name = '{name}' WHERE name = '{was}'")
    robot = good_made(client.rest("POST", "/clients", json={"client_id": f"robot{word}", "roles": [admin.role(server, MAY)]}))
    program = server.client(token=good(client_token(server, robot["client_id"], robot["client_secret"]))["access_token"])
    bob = account(server, f"bob{word}", email=f"bob.{word}@example.com")
    number = waits(recover(ana, certificate))
    made_since = somebody(server)
    token = good_made(ana.rest("POST", "/tokens", json={"name": "t", "grants": [{"permission": "certificates/recover"}]}))
    own_token = server.client(token=token["token"])
    for who, why in ((ana, "is the same"), (own_token, "is the same"), (mailbox, "the same e-mail address"),
                     (elsewhere, "the same name"), (provided, "the same name"), (made_since, "made since"),
                     (program, "the account of a program")):
        for how in ("approve", "deny"):
            said = decide(who, number, how, 403)
            assert said["code"] == "CHY-2308" and why in said["detail"], said
        assert not shown(who, number)["may_decide"]
    assert shown(ana, number)["state"] == "pending" and not events(server, "certificate.key.approve", certificate)
    refused = recover(program, certificate)
    assert refused.status_code == 403 and "the account of a program" in refused.json()["Message"], refused.text
    decide(bob, number)
    assert same(opened(collect(ana, number).json()["file"])[0], key)


def good_made(reply):
    assert reply.status_code == 201, reply.text
    return reply.json()


def test_an_approval_is_of_that_key_in_that_file_for_that_caller_and_no_other(server, template):
    (certificate, key), (other, _) = key_of(server, template), key_of(server, template)
    ana, bob, eve = somebody(server), somebody(server), somebody(server)
    number = waits(recover(ana, certificate, "PEM", IncludeChain=True))
    decide(bob, number)
    others = [waits(reply) for reply in (
        recover(ana, other, "PEM", IncludeChain=True), recover(ana, certificate, "PFX", IncludeChain=True),
        recover(ana, certificate, "PEM"), recover(ana, certificate, "PEM", IncludeChain=True, ChainOrder="RootFirst"),
        recover(eve, certificate, "PEM", IncludeChain=True))]
    assert len({number, *others}) == 6
    assert collect(eve, number).status_code == 404 and collect(bob, number).status_code == 404
    assert collect(ana, number, "short").status_code == 400, "a bad password does not spend it"
    got = collect(ana, number)
    assert got.status_code == 200 and got.headers["Cache-Control"] == "no-store", got.text
    pem = base64.b64decode(got.json()["file"])
    assert same(load_pem_private_key(pem, PASSWORD.encode()), key) and len(keys.load_all(pem[pem.index(b"-----BEGIN CERT"):].decode())) == 3


def test_of_many_who_take_or_decide_at_once_one_does(server, template):
    certificate, _ = key_of(server, template)
    ana, bob = somebody(server), somebody(server)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        def at_once(client, call):
            return list(pool.map(call, [server.client(*client.session.auth) for _ in range(6)]))
        number, = {waits(reply) for reply in at_once(ana, lambda one: recover(one, certificate))}
        assert len(events(server, "certificate.key.ask", certificate)) == 1
        said = at_once(bob, lambda one: one.rest("POST", f"/recoveries/{number}/approve"))
        assert sorted(reply.status_code for reply in said) == [200, 409, 409, 409, 409, 409]
        got = at_once(ana, lambda one: collect(one, number))
        assert sorted(reply.status_code for reply in got) == [200, 409, 409, 409, 409, 409], [reply.text for reply in got]
    assert len(events(server, "certificate.key.recover", certificate)) == 1


def test_denied_withdrawn_and_denied_after_the_approval(server, template):
    certificate, _ = key_of(server, template)
    ana, bob = somebody(server), somebody(server)
    number = waits(recover(ana, certificate))
    assert decide(bob, number, "deny", 400, comment="")["problems"][0]["field"] == "comment"
    assert decide(bob, number, "withdraw", 403)["code"] == "CHY-1004"
    decide(bob, number, "deny", comment="nobody knows of it")
    refused = recover(ana, certificate)
    assert refused.status_code == 403 and "nobody knows of it" in refused.json()["Message"], refused.text
    assert collect(ana, number).json()["code"] == "CHY-2309" and decide(bob, number, status=409)["code"] == "CHY-2302"
    anew = good_made(ana.rest("POST", "/recoveries", json={"certificate": certificate, "include_chain": False, "reason": "truly"}))
    assert anew["reason"] == "truly" and anew["state"] == "pending" and anew["id"] != number
    assert waits(recover(ana, certificate)) == anew["id"]
    decide(bob, anew["id"])
    decide(bob, anew["id"], "deny", comment="on second thoughts")
    assert collect(ana, anew["id"]).status_code == 403
    last = good_made(ana.rest("POST", "/recoveries", json={"certificate": certificate}))
    assert last["include_chain"] is True
    decide(bob, last["id"])
    assert decide(ana, last["id"], "withdraw")["state"] == "withdrawn"
    assert collect(ana, last["id"]).status_code == 409 and decide(bob, last["id"], status=409)
    assert not events(server, "certificate.key.recover", certificate)
    assert len(events(server, "certificate.key.deny", certificate)) == 2
    assert len(events(server, "certificate.key.withdraw", certificate)) == 1


def test_what_an_approver_said_stays_theirs(server, template):
    certificate, _ = key_of(server, template)
    ana, bob = somebody(server), somebody(server)
    number = waits(recover(ana, certificate))
    before = decide(bob, number, comment="checked with the desk")
    now = decide(ana, number, "withdraw", comment="not needed")
    told = ("decided_by", "comment", "decided_at")
    assert now["state"] == "withdrawn" and {key: now[key] for key in told} == {key: before[key] for key in told}
    number = waits(recover(ana, certificate))
    before = decide(bob, number, comment="checked")
    admin.disable(server, bob.session.auth[0])
    assert recover(ana, certificate).status_code == 409
    now = shown(ana, number)
    assert now["state"] == "lapsed" and {key: now[key] for key in told} == {key: before[key] for key in told}


@pytest.mark.parametrize("policy, status", [({"recovery_approval": True}, 409), ({"key_exportable": False}, 403)])
def test_the_strictest_template_of_all_certificates_of_a_key_counts(server, client, policy, status):
    strict, other = admin.template(server, policy=KEEPS), admin.template(server, policy=KEEPS)
    made = client.post("/CSRGeneration/Generate", {"Subject": "CN=two.example.com", "KeyType": "ECC", "KeyLength": 256, "Template": strict})
    both = [client.enroll(csr=made["CSR"], dns=("two.example.com",), Template=name)["KeyfactorID"] for name in (strict, other)]
    ana = somebody(server)
    assert all(recover(ana, each).status_code == 200 for each in both)
    now = client.rest("GET", f"/templates/{strict}")
    good(client.rest("PUT", f"/templates/{strict}", headers={"If-Match": now.headers["ETag"]},
                     json={"policy": {**now.json()["policy"], **policy}}))
    assert [recover(ana, each).status_code for each in both] == [status, status]


def test_who_may_not_recover_any_more_neither_takes_nor_has_approved(server, client, template):
    certificate, _ = key_of(server, template)
    role = admin.role(server, MAY)
    ana, bob = (server.client(*admin.user(server, roles=[role])) for _ in range(2))
    cai, dan = somebody(server), somebody(server)
    by_role = waits(recover(cai, certificate))
    decide(bob, by_role)
    disabled = waits(recover(cai, certificate, "PEM"))
    decide(dan, disabled)
    own = waits(recover(ana, certificate))
    decide(cai, own)
    assert client.rest("DELETE", f"/roles/{role}/grants", params={"permission": "certificates/recover"}).status_code == 204
    admin.disable(server, dan.session.auth[0])
    for number, form in ((by_role, "PFX"), (disabled, "PEM")):
        anew = waits(recover(cai, certificate, form))
        assert anew != number and shown(cai, number)["state"] == "lapsed"
        assert collect(cai, number).status_code == 409
    assert recover(ana, certificate).status_code == 403 and collect(ana, own).status_code == 403
    assert not events(server, "certificate.key.recover", certificate)


def test_a_key_that_was_destroyed_meanwhile_is_not_handed_out(server, client):
    name = guarded(server)
    (certificate, key), (second, _) = key_of(server, name), key_of(server, name)
    leaf = keys.load(good(client.rest("GET", f"/certificates/{certificate}"))["pem"])
    ana, bob = somebody(server), somebody(server)
    approved, waiting = waits(recover(ana, certificate)), waits(recover(ana, second))
    decide(bob, approved)
    for number in (certificate, second):
        assert client.command("DELETE", f"/Certificates/PrivateKey/{number}").status_code == 204
    said = decide(bob, waiting, status=400)
    assert said["code"] == "CHY-2303", said
    assert recover(ana, certificate).status_code == 400 and collect(ana, approved).status_code == 400
    # brought in again it is another key than was meant
    data = pkcs12.serialize_key_and_certificates(b"x", key, leaf, None, BestAvailableEncryption(PASSWORD.encode()))
    client.post("/Certificates/Import", {"Certificate": base64.b64encode(data).decode(), "Password": PASSWORD})
    assert waits(recover(ana, certificate)) != approved, "the template guards it, as what was brought in, too"
    assert collect(ana, approved).status_code == 400
    assert not events(server, "certificate.key.recover", certificate)


def test_what_nobody_decides_about_or_takes_in_time_lapses(new_server):
    server = new_server(settings={"keys.recovery_wait": "2h", "keys.recovery_take": "1h"}).start()
    name = guarded(server)
    (one, _), (two, _) = key_of(server, name), key_of(server, name)
    ana, bob = somebody(server), somebody(server)
    waiting, approved = waits(recover(ana, one)), waits(recover(ana, two))
    row = decide(bob, approved)
    assert row["ends_at"] < shown(bob, waiting)["ends_at"], "an hour, and two"
    admin.sql(server, "UPDATE recovery SET ends_at = 1000")
    assert decide(bob, waiting, status=409) and collect(ana, approved).status_code == 409
    assert shown(ana, waiting)["state"] == shown(ana, approved)["state"] == "lapsed" and not listed(ana)
    assert not events(server, "certificate.key.lapse")
    run_job(server, "requests.expire")
    told = events(server, "certificate.key.lapse")
    assert {row["target"]["id"] for row in told} == {str(one), str(two)}
    assert {row["message"] for row in told} == {"Nobody decided about it in time.", "It was approved, and not taken in time."}
    assert waits(recover(ana, two)) not in (waiting, approved)


def test_a_key_that_was_kept_for_two_people_stays_so_and_a_template_that_turns_guards_what_it_has(server, client, template):
    turned, kept = guarded(server), admin.template(server, policy=KEEPS)
    (certificate, _), (free, _) = key_of(server, turned), key_of(server, kept)
    ana = somebody(server)
    reply = ana.rest("POST", "/recoveries", json={"certificate": free})
    assert reply.status_code == 409 and "without a second person" in reply.json()["detail"]
    assert recover(ana, free).status_code == 200
    for name, value in ((turned, False), (kept, True)):
        now = client.rest("GET", f"/templates/{name}")
        good(client.rest("PUT", f"/templates/{name}", headers={"If-Match": now.headers["ETag"]},
                         json={"policy": {**now.json()["policy"], "recovery_approval": value}}))
    waits(recover(ana, certificate))
    waits(recover(ana, free))
    # requests made here wait with their keys, and those are of the template that was named
    made = client.post("/CSRGeneration/Generate", {"Subject": "CN=waits.example.com", "KeyType": "ECC", "KeyLength": 256,
                                                   "Template": template})
    own = client.enroll(csr=made["CSR"], dns=("waits.example.com",), Template=admin.template(server, policy=KEEPS))["KeyfactorID"]
    waits(recover(ana, own))


@pytest.mark.once
def test_a_setting_guards_every_key_those_brought_in_too(new_server):
    server = new_server(settings={"keys.recovery_approval": "true"}).start()
    client, ana = server.client(), somebody(server)
    certificate = bring_in(client, f"in.{uuid.uuid4().hex[:12]}.example.com", keys.new_key("ec:p256"), with_key=True)
    decide(client, waits(recover(ana, certificate)), status=200)
    assert recover(ana, certificate).status_code == 200


def test_what_a_template_or_a_collection_lets_one_recover_is_seen_and_decided_by_its_people_alone(server, client, template):
    certificate, _ = key_of(server, template)
    word = uuid.uuid4().hex[:12]
    collection = client.post("/CertificateCollections", {"Name": f"C {word}", "Description": "d", "Query": f'TemplateShortName -eq "{template}"'})["Id"]
    def holder(scope, thing):
        role = admin.role(server, [])
        for permission in MAY:
            assert client.rest("POST", f"/roles/{role}/grants", json={
                "permission": permission, "scope": scope, "object": str(thing)}).status_code == 200
        return server.client(*admin.user(server, roles=[role]))
    by_template, elsewhere = holder("template", template), holder("template", "WebServer")
    ana, bob = holder("collection", collection), holder("collection", collection)
    assert recover(ana, certificate).status_code == 403, "in the collection alone"
    reply = ana.command("POST", "/Certificates/Recover", params={"collectionId": collection},
                        json={"CertID": certificate, "Password": PASSWORD})
    number = waits(reply)
    hidden = elsewhere.rest("GET", f"/recoveries/{number}")
    assert hidden.status_code == 404, hidden.text
    assert number not in listed(elsewhere)
    assert decide(elsewhere, number, status=404)
    assert number in listed(by_template) and shown(by_template, number)["may_decide"] and shown(bob, number)["may_decide"]
    decide(bob, number)
    got = ana.command("POST", "/Certificates/Recover", params={"collectionId": collection},
                      json={"CertID": certificate, "Password": PASSWORD})
    assert got.status_code == 200, got.text
    foreign = ana.rest("POST", "/recoveries", json={"certificate": certificate, "collection": 424242})
    assert foreign.status_code == 403


@pytest.mark.parametrize("body, field", [
    ({}, "certificate"), ({"certificate": 0}, "certificate"), ({"certificate": "x"}, "certificate"),
    ({"certificate": 1, "form": "gif"}, "form"), ({"certificate": 1, "reason": "a\nb"}, "reason"),
    ({"certificate": 1, "reason": "x" * 1001}, "reason"), ({"certificate": 1, "colour": "red"}, "colour")])
def test_what_is_wrong_with_a_recovery_is_named(client, body, field):
    reply = client.rest("POST", "/recoveries", json=body)
    assert reply.status_code == 400 and reply.json()["problems"][0]["field"] == field, reply.text


def test_a_page_of_recoveries_costs_little_however_many_others_there_are(server, client, template):
    certificate, _ = key_of(server, template)
    word = uuid.uuid4().hex[:12]
    mine, other = (client.post("/CertificateCollections", {"Name": f"{name} {word}", "Description": "d", "Query": 'CN -eq "nobody"'})["Id"]
                   for name in ("Mine", "Other"))
    role = admin.role(server, [])
    for permission in MAY:
        assert client.rest("POST", f"/roles/{role}/grants", json={
            "permission": permission, "scope": "collection", "object": str(mine)}).status_code == 200
    eve, ana = server.client(*admin.user(server, roles=[role])), somebody(server)
    waits(recover(ana, certificate))
    numbers = "(SELECT a.i * 40 + b.i AS i FROM (WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 39) SELECT i FROM n) a, " \
              "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40) SELECT i FROM n) b) k"
    def add(collection):
        admin.sql(server, "INSERT INTO recovery (certificate, private_key, template, collection, subject, form, chain, root_first, state, asker, asker_name, "
                  f"created_at, ends_at) SELECT r.certificate, k.i, r.template, {collection}, '{word}', 'pfx', 0, 0, 6, r.asker, '', 0, 0 FROM recovery r, "
                  f"{numbers} WHERE r.certificate = {certificate} AND r.subject <> '{word}'")
    def page(after=None):
        return good(eve.rest("GET", "/recoveries", params={"all": "true", "limit": 5, **({"after": after} if after else {})}))
    try:
        add(other)
        assert page() == {"items": []} or not page().get("next"), "others' are not looked at"
        add(mine)  # what she may decide about, but for the certificate, which is not in it any more
        pages, after = 0, None
        while pages == 0 or after:
            one = page(after)
            after, pages = one.get("next"), pages + 1
            assert one["items"] == []
        assert pages == 2, "1600 rows of hers: a page looks at no more than a thousand"
        assert len(good(ana.rest("GET", "/recoveries", params={"all": "true", "limit": 5}))["items"]) == 5
    finally:
        admin.sql(server, f"DELETE FROM recovery WHERE subject = '{word}'")


def test_collecting_what_went_out_with_the_answer_says_where_the_key_is(server, client, template):
    kept = enroll(client, Template=template)
    reply = client.rest("POST", f"/requests/{kept['KeyfactorRequestId']}/collect", json={"password": PASSWORD})
    assert reply.status_code == 400 and f"that of certificate {kept['KeyfactorId']} is kept, and is recovered" in reply.text, reply.text
    gone = enroll(client, Template=admin.template(server, policy={"key_retention": "none"}))
    reply = client.rest("POST", f"/requests/{gone['KeyfactorRequestId']}/collect", json={"password": PASSWORD})
    assert reply.status_code == 400 and "was handed out with the answer" in reply.text and "not made here" not in reply.text, reply.text


def test_nobody_has_more_than_a_hundred_open_at_once(server, template):
    certificate, _ = key_of(server, template)
    ana = somebody(server)
    waits(recover(ana, certificate))
    admin.sql(server, "INSERT INTO recovery (certificate, private_key, subject, form, chain, root_first, state, asker, asker_name, created_at, "
              "ends_at) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99) SELECT 0, n.i, '', 'pfx', 0, 0, 1, "
              f"r.asker, '', 0, r.ends_at FROM recovery r, n WHERE r.certificate = {certificate}")
    reply = recover(ana, certificate, "PEM")
    assert reply.status_code == 429 and "that is the most" in reply.json()["Message"], reply.text
    admin.sql(server, "DELETE FROM recovery WHERE certificate = 0")


def test_the_command_line_asks_approves_and_takes(server, template, tmp_path):
    certificate, key = key_of(server, template)
    name, word = admin.user(server, permissions=MAY)
    token = good(server.client(nobody=True).command("POST", "/Auth/Login", json={"username": name, "password": word}))["access_token"]
    ana = {"CHANCERY_TOKEN": token}
    (tmp_path / "pw").write_text(PASSWORD + "\n")
    asked = server.cli("recover", certificate, "--request", "--reason", "INC7", env=ana)
    assert asked.returncode == 6 and asked.stdout.strip().isdigit() and "waits until" in asked.stderr, asked.stderr
    number = asked.stdout.strip()
    said = server.cli("recover", certificate, tmp_path / "k.pfx", "--password-file", tmp_path / "pw", env=ana)
    assert said.returncode == 6 and "takes two people" in said.stderr and not (tmp_path / "k.pfx").exists(), said.stderr
    assert server.cli("recover", certificate, tmp_path / "k.pfx", "--request", env=ana).returncode == 2
    rows = server.cli("recoveries", "list", "-o", "json")
    row, = [row for row in json.loads(rows.stdout) if str(row["id"]) == number]
    assert row["asker"] == name and row["reason"] == "INC7" and row["may_decide"], rows.stdout
    own = server.cli("recoveries", "approve", number, env=ana)
    assert own.returncode == 4 and "somebody else" in own.stderr, own.stderr
    assert server.cli("recoveries", "deny", number, "--yes").returncode == 2, "why?"
    assert server.cli("recoveries", "approve", number, "--dry-run").stdout == f"would approve recovery {number}\n"
    done = server.cli("recoveries", "approve", number, "--comment", "known")
    assert done.returncode == 0 and f"recovery {number} is approved" in done.stderr, done.stderr
    assert "approved" in server.cli("recoveries", "show", number, env=ana).stdout
    got = server.cli("recoveries", "collect", number, tmp_path / "k.pfx", "--password-file", tmp_path / "pw", env=ana)
    assert got.returncode == 0, got.stderr
    assert same(opened(base64.b64encode((tmp_path / "k.pfx").read_bytes()))[0], key)
    assert (tmp_path / "k.pfx").stat().st_mode & 0o777 == 0o600
    again = server.cli("recoveries", "collect", number, tmp_path / "l.pfx", "--password-file", tmp_path / "pw", env=ana)
    assert again.returncode == 5 and not (tmp_path / "l.pfx").exists(), again.stderr
    back = server.cli("recover", certificate, "--request", env=ana).stdout.strip()
    assert server.cli("recoveries", "withdraw", back, "--yes", env=ana).returncode == 0
