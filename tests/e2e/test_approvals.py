"""Requests that wait for somebody: pending, approved or denied by others, issued once, collected by who asked."""
import base64
import concurrent.futures
import datetime
import json
import os
import re
import uuid

import pytest
import requests
from cryptography.hazmat.primitives.serialization import pkcs12

import admin
import keys
import processes
import programs
from chancery import FAULTS, good, needs_faults

PASSWORD = "correct horse battery"
ASK = ("enrollment/csr", "enrollment/pfx", "certificates/read", "templates/read", "authorities/read")
DECIDE = ("workflows/read", "workflows/participate", "certificates/read")


def guarded(server, **policy):
    """A template whose requests wait for somebody; its name."""
    return admin.template(server, policy={"requires_approval": True, **policy})


def change(server, template, **policy):
    client = server.client()
    now = good(client.rest("GET", f"/templates/{template}"))
    reply = client.rest("PUT", f"/templates/{template}", json={"policy": {**now["policy"], **policy}})
    assert reply.status_code == 200, reply.text


def openssl_csr(tmp_path, host, *more):
    """A request that openssl made; its key stays in tmp_path."""
    made = programs.openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                            tmp_path / f"{host}.key", "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}",
                            *more)
    assert made.returncode == 0, made.stderr
    return made.stdout


def somebody(server, *permissions, **more):
    return server.client(*admin.user(server, permissions=permissions, **more))


def ask(client, template, csr, **body):
    """POST /Enrollment/CSR; CertificateInformation."""
    return client.post("/Enrollment/CSR", {
        "CSR": csr, "Template": template, "CertificateAuthority": client.server_ca(), "IncludeChain": True,
        "Timestamp": "2025-10-22T14:30:00Z", **body})["CertificateInformation"]


def ask_pfx(client, template, host, **body):
    return client.post("/Enrollment/PFX", {
        "Subject": f"CN={host}", "SANs": {"dns": [host]}, "Template": template, "Password": PASSWORD, "KeyType": "ECC",
        "CertificateAuthority": client.server_ca(), "IncludeChain": True, "Timestamp": "2025-10-22T14:30:00Z", **body,
    })["CertificateInformation"]


def listed(client, where="Pending", **query):
    return {row["Id"]: row for row in client.get(f"/Workflow/Certificates/{where}", **{"pagedQuery.returnLimit": 1000, **query})}


def approve(client, *numbers):
    return client.post("/Workflow/Certificates/Approve", list(numbers))


def deny(client, comment, *numbers):
    return client.post("/Workflow/Certificates/Deny", {"Comment": comment, "CertificateRequestIds": list(numbers)})


def fits(key, certificate):
    return key.public_key().public_numbers() == certificate.public_key().public_numbers()


def issued_of(client, number):
    """The certificates of a request."""
    return client.get("/Certificates", **{"pq.queryString": f"CertRequestId -eq {number}"})


def events(server, action, number):
    found = good(server.client().rest("GET", "/audit", params={"action": action, "limit": 1000}))["items"]
    return [event for event in found if event["target"]["id"] == str(number)]


@pytest.mark.parametrize("how", ["command", "rest"])
def test_a_request_waits_is_approved_and_becomes_its_certificate(server, tmp_path, how):
    template, host = guarded(server), f"{how}.wait.example.com"
    ana, bob = somebody(server, *ASK), somebody(server, *DECIDE)
    csr = openssl_csr(tmp_path, host)
    info = ask(ana, template, csr)
    number = info["KeyfactorRequestId"]
    assert info["RequestDisposition"] == "PENDING" and info["KeyfactorID"] == 0 and number > 0
    assert not info["Certificates"] and info["Thumbprint"] is None and "approval" in info["DispositionMessage"]
    row = listed(bob)[number]
    assert row["CommonName"] == host and row["DistinguishedName"] == f"CN={host}" and row["State"] == 5
    assert row["StateString"] == "Pending" and row["CARequestId"] == str(number) and row["Template"] == template
    assert row["CertificateAuthority"].endswith(ana.server_ca()) and row["SubmissionDate"].endswith("Z")
    assert number in listed(ana) and number not in listed(ana, "Denied") and not listed(ana, "ExternalValidation")
    detail = bob.get(f"/Workflow/Certificates/{number}")
    assert detail["SANs"] == [host] and detail["KeyLength"] == "256" and detail["DenialComment"] == ""
    assert not issued_of(ana, number)
    if how == "command":
        said = approve(bob, number)
        assert not said["Failures"] and not said["Denials"]
        assert [one["KeyfactorRequestId"] for one in said["Successes"]] == [number]
        assert said["Successes"][0]["CALogicalName"] == ana.server_ca()
    else:
        said = good(bob.rest("POST", f"/requests/{number}/approve", json={"comment": "CHG1"}))
        assert said["state"] == "issued" and said["comment"] == "CHG1" and said["certificate_id"]
    assert number not in listed(bob) and number not in listed(bob, "Denied")
    found, = issued_of(ana, number)
    assert found["IssuedCN"] == host and found["CertRequestId"] == number
    assert found["RequesterName"] == ana.rest("GET", "/whoami").json()["name"]
    leaf = ana.post("/Certificates/Download", {"CertID": found["Id"], "IncludeChain": False},
                    headers={"x-certificateformat": "PEM"})["Content"]
    pem = base64.b64decode(leaf).decode()
    key = programs.openssl("pkey", "-in", tmp_path / f"{host}.key", "-pubout").stdout
    assert programs.openssl("x509", "-noout", "-pubkey", input=pem).stdout == key
    approved, = events(server, "request.approve", number)
    assert approved["actor"]["name"] == bob.rest("GET", "/whoami").json()["name"]
    one, = [event for event in events(server, "certificate.issue", found["Id"])]
    assert one["actor"]["name"] == approved["actor"]["name"]
    assert good(ana.rest("GET", f"/requests/{number}"))["state"] == "issued"


def test_what_was_asked_for_beyond_the_csr_is_in_the_certificate(server, tmp_path):
    template = guarded(server, allow_requested_dates=True)
    client, bob = server.client(), somebody(server, *DECIDE)
    field = f"Field{uuid.uuid4().hex[:12]}"
    client.post("/MetadataFields", {"Name": field, "Description": "d", "DataType": 1})
    end = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=20)).replace(microsecond=0)
    got = good(client.rest("POST", "/certificates", json={
        "csr": openssl_csr(tmp_path, "given.example.com"), "template": template, "subject": "CN=other.example.com,O=Contoso",
        "sans": {"dns": ["other.example.com", "b.example.com"], "ip": ["192.0.2.7"]}, "not_after": end.isoformat(),
        "owner": "Operator", "metadata": {field: "x"}}))
    assert got["disposition"] == "pending" and not got["pem"]
    shown = good(bob.rest("GET", f"/requests/{got['request_id']}"))
    assert shown["subject"] == "CN=other.example.com,O=Contoso" and shown["metadata"] == {field: "x"}
    assert {"kind": "ip", "value": "192.0.2.7"} in shown["sans"] and shown["may_decide"] and not shown["mine"]
    assert listed(bob)[got["request_id"]]["Metadata"] == {field: "x"}
    assert not approve(bob, got["request_id"])["Failures"]
    one, = issued_of(client, got["request_id"])
    row = good(client.rest("GET", f"/certificates/{one['Id']}"))
    leaf = keys.load(row["pem"])
    assert sorted(keys.names(leaf)) == sorted(["192.0.2.7", "b.example.com", "other.example.com"])
    assert leaf.subject.rfc4514_string() == "CN=other.example.com,O=Contoso"
    assert row["metadata"] == {field: "x"} and leaf.not_valid_after == end.replace(tzinfo=None)
    assert client.get(f"/Certificates/{one['Id']}")["OwnerRoleId"]


def test_a_denial_is_final_and_told_to_who_asked(server, tmp_path):
    template = guarded(server)
    ana, bob = somebody(server, *ASK), somebody(server, *DECIDE)
    first = ask(ana, template, openssl_csr(tmp_path, "no.example.com"))["KeyfactorRequestId"]
    second = ask_pfx(ana, template, "no2.example.com")["KeyfactorRequestId"]
    said = deny(bob, "not ours", first, second, 999999999)
    assert sorted(one["KeyfactorRequestId"] for one in said["Successes"]) == [first, second]
    assert [one["KeyfactorRequestId"] for one in said["Failures"]] == [999999999]
    assert "not found" in said["Failures"][0]["Comment"]
    assert listed(ana, "Denied")[first]["State"] == 3 and first not in listed(ana)
    assert ana.get(f"/Workflow/Certificates/{first}")["DenialComment"] == "not ours"
    assert "not ours" in good(ana.rest("GET", f"/requests/{first}"))["message"]
    for said in (approve(bob, first), deny(bob, "again", first)):
        assert not said["Successes"] and "denied already" in said["Failures"][0]["Comment"]
    reply = bob.rest("POST", f"/requests/{first}/approve")
    assert reply.status_code == 409 and reply.json()["code"] == "CHY-2302" or "WRONG" in reply.text, reply.text
    assert ana.rest("POST", f"/requests/{second}/collect", json={"password": PASSWORD}).status_code == 409
    assert not issued_of(ana, first) and not issued_of(ana, second)
    assert events(server, "request.denied", first)[0]["actor"]["name"] == bob.rest("GET", "/whoami").json()["name"]


def test_a_pfx_is_collected_once_by_who_asked(server):
    template = guarded(server)
    ana, eve, bob = somebody(server, *ASK), somebody(server, *ASK), somebody(server, *DECIDE)
    info = ask_pfx(ana, template, "pfx.example.com")
    number = info["KeyfactorRequestId"]
    assert info["RequestDisposition"] == "PENDING" and info["Pkcs12Blob"] is None and not info["Password"]
    collect = {"password": PASSWORD, "form": "pfx"}
    early = ana.rest("POST", f"/requests/{number}/collect", json=collect)
    assert early.status_code == 409 and "approval" in early.text
    assert not approve(bob, number)["Failures"]
    for client in (eve, bob):
        assert client.rest("POST", f"/requests/{number}/collect", json=collect).status_code == 404
    assert ana.rest("POST", f"/requests/{number}/collect", json={**collect, "password": "short"}).status_code == 400
    bad = ana.rest("POST", f"/requests/{number}/collect", json={**collect, "form": "gif"})
    assert bad.status_code == 400 and bad.json()["problems"][0]["field"] == "form"
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        clients = [server.client(*ana.session.auth) for _ in range(4)]
        replies = list(pool.map(lambda one: one.rest("POST", f"/requests/{number}/collect", json=collect), clients))
    assert sorted(reply.status_code for reply in replies) == [200, 409, 409, 409], [reply.text for reply in replies]
    got, = [reply for reply in replies if reply.status_code == 200]
    assert got.headers["Cache-Control"] == "no-store"
    key, leaf, chain = pkcs12.load_key_and_certificates(base64.b64decode(got.json()["file"]), PASSWORD.encode())
    assert keys.names(leaf) == ["pfx.example.com"] and fits(key, leaf) and len(chain) == 2
    one, = issued_of(ana, number)
    assert one["HasPrivateKey"] is False, "it is not kept any longer"
    assert len(events(server, "certificate.key.recover", one["Id"])) == 1
    csr = ask(ana, template, keys.new_csr("own.example.com", ["own.example.com"]))["KeyfactorRequestId"]
    assert not approve(bob, csr)["Failures"]
    assert ana.rest("POST", f"/requests/{csr}/collect", json=collect).status_code == 400


def test_nobody_approves_their_own_request_unless_the_template_says_so(server, tmp_path):
    template, free = guarded(server), guarded(server, self_approval=True)
    both = somebody(server, *ASK, *DECIDE)
    number = ask(both, template, openssl_csr(tmp_path, "own.example.com"))["KeyfactorRequestId"]
    said = approve(both, number)
    assert not said["Successes"] and "somebody else" in said["Failures"][0]["Comment"]
    reply = both.rest("POST", f"/requests/{number}/approve")
    assert reply.status_code == 403 and reply.json()["code"] == "CHY-2308"
    assert good(both.rest("GET", f"/requests/{number}"))["may_decide"] is False
    token = both.rest("POST", "/tokens", json={"name": "t", "grants": [{"permission": "*"}]}).json()["token"]
    assert server.client(token=token).rest("POST", f"/requests/{number}/approve").status_code == 403
    mine = ask(both, free, openssl_csr(tmp_path, "free.example.com"))["KeyfactorRequestId"]
    assert not approve(both, mine)["Failures"]
    back = good(both.rest("POST", f"/requests/{number}/withdraw", json={"comment": "a mistake"}))
    assert back["state"] == "denied" and events(server, "request.withdraw", number)
    assert both.rest("POST", f"/requests/{number}/withdraw").status_code == 409


def test_who_sees_and_decides_is_a_matter_of_permission_and_template(server, tmp_path):
    here, there = guarded(server), guarded(server)
    ana, eve, reader = somebody(server, *ASK), somebody(server, *ASK), somebody(server, "workflows/read")
    role = admin.role(server, [])
    grant = server.client().rest("POST", f"/roles/{role}/grants", json={
        "permission": "workflows/participate", "scope": "template", "object": here})
    assert grant.status_code == 200, grant.text
    lead = somebody(server, roles=[role])
    mine = ask(ana, here, openssl_csr(tmp_path, "here.example.com"))["KeyfactorRequestId"]
    other = ask(ana, there, openssl_csr(tmp_path, "there.example.com"))["KeyfactorRequestId"]
    assert {mine, other} <= set(listed(reader)) and not listed(eve) and set(listed(lead)) == {mine}
    for client in (eve, lead):
        assert client.command("GET", f"/Workflow/Certificates/{other}").status_code == 404
        assert client.rest("GET", f"/requests/{other}").status_code == 404
        assert client.rest("POST", f"/requests/{other}/withdraw").status_code == 404
    assert reader.command("POST", "/Workflow/Certificates/Approve", json=[mine]).status_code == 403
    assert ana.rest("POST", f"/requests/{mine}/approve").status_code == 403
    said = approve(lead, mine, other)
    assert [one["KeyfactorRequestId"] for one in said["Successes"]] == [mine]
    assert [one["KeyfactorRequestId"] for one in said["Failures"]] == [other]
    # what a program may do with a narrow token is less than its owner
    token = ana.rest("POST", "/tokens", json={
        "name": "t", "grants": [{"permission": "certificates/read"}]}).json()["token"]
    assert not good(server.client(token=token).rest("GET", "/requests"))["items"]
    assert good(ana.rest("GET", "/requests"))["items"][0]["id"] == other


def test_lists_come_in_pages_and_take_queries(server, tmp_path):
    template, ana = guarded(server), somebody(server, *ASK)
    numbers = [ask(ana, template, keys.new_csr(f"p{i}.example.com", [f"p{i}.example.com"]))["KeyfactorRequestId"]
               for i in range(3)]
    assert list(listed(ana)) == numbers[::-1], "the newest first"
    page = ana.get("/Workflow/Certificates/Pending", **{"pagedQuery.returnLimit": 2, "pagedQuery.pageReturned": 2})
    assert [row["Id"] for row in page] == [numbers[0]]
    found = ana.get("/Workflow/Certificates/Pending", **{"pagedQuery.queryString": 'CommonName -eq "p1.example.com"'})
    assert [row["Id"] for row in found] == [numbers[1]]
    first = good(ana.rest("GET", "/requests", params={"limit": 2}))
    rest = good(ana.rest("GET", "/requests", params={"limit": 2, "after": first["next"]}))
    assert [row["id"] for row in first["items"] + rest["items"]] == numbers and rest["next"] is None
    good(ana.rest("POST", f"/requests/{numbers[0]}/withdraw"))
    assert [row["id"] for row in good(ana.rest("GET", "/requests", params={"state": "denied"}))["items"]] == numbers[:1]
    assert ana.rest("GET", "/requests", params={"state": "odd"}).status_code == 400


@pytest.mark.parametrize("body, field", [([], "CertificateRequestIds"), (["x"], "[0]"), ({"a": 1}, "")])
def test_what_is_no_list_of_requests_is_told_so(server, body, field):
    bob = somebody(server, *DECIDE)
    reply = bob.command("POST", "/Workflow/Certificates/Approve", json=body)
    assert reply.status_code == 400 and field in reply.json()["Message"], reply.text
    assert bob.command("POST", "/Workflow/Certificates/Deny", json={"Comment": "x"}).status_code == 400
    assert bob.command("GET", "/Workflow/Certificates/zero").status_code == 400
    assert bob.rest("POST", "/requests/1/deny", json={}).json()["problems"][0]["field"] == "comment"
    assert bob.rest("POST", "/requests/1/approve", json={"approved_by": "me"}).status_code == 400


def test_everything_is_judged_anew_at_the_approval(server, tmp_path):
    template = guarded(server)
    name, password = admin.user(server, permissions=ASK)
    ana, bob = server.client(name, password), somebody(server, *DECIDE)
    number = ask(ana, template, openssl_csr(tmp_path, "anew.example.com"))["KeyfactorRequestId"]

    def refused(word):
        said = approve(bob, number)
        assert not said["Successes"] and word in said["Failures"][0]["Comment"], said
        assert number in listed(bob), "it still waits"
    before = good(server.client().rest("GET", f"/templates/{template}"))["policy"]
    change(server, template, permitted=["*.example.org"])
    refused("not allowed by template")
    change(server, template, permitted=[], key_types=["rsa:2048-4096"])
    refused("key")
    change(server, template, key_types=before["key_types"], subject=[
        {"type": "CN"}, {"type": "O", "mode": "fixed", "value": "Contoso"}])
    refused("another subject")
    change(server, template, subject=before["subject"], allowed_requesters=["Administrator"])
    refused("may not use template")
    change(server, template, allowed_requesters=[])
    admin.disable(server, name)
    refused("no account")
    assert not issued_of(server.client(), number)


def test_while_the_authority_is_switched_off_nothing_is_approved(new_server, tmp_path):
    server = new_server().start()
    template, client, bob = guarded(server), server.client(), somebody(server, *DECIDE)
    number = ask(client, template, openssl_csr(tmp_path, "off.example.com"))["KeyfactorRequestId"]
    admin.switch_ca(server, client.server_ca(), False)
    assert "switched off" in approve(bob, number)["Failures"][0]["Comment"]
    reply = bob.rest("POST", f"/requests/{number}/approve")
    assert reply.status_code == 503 and reply.headers["Retry-After"]
    admin.switch_ca(server, client.server_ca(), True)
    assert not approve(bob, number)["Failures"] and len(issued_of(client, number)) == 1


def test_of_many_who_approve_and_deny_at_once_one_does(server, tmp_path):
    template, ana = guarded(server), somebody(server, *ASK)
    deciders = [somebody(server, *DECIDE) for _ in range(4)]
    for turn in range(6):
        host = f"race{turn}.example.com"
        number = ask(ana, template, keys.new_csr(host, [host]))["KeyfactorRequestId"] if turn % 2 else \
            ask_pfx(ana, template, host)["KeyfactorRequestId"]

        def decide(place):
            client = deciders[place]
            return deny(client, "no", number) if turn > 3 and place == 0 else approve(client, number)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            said = list(pool.map(decide, range(4)))
        won = [place for place, one in enumerate(said) if one["Successes"]]
        found = issued_of(ana, number)
        state = good(ana.rest("GET", f"/requests/{number}"))["state"]
        if won == [0] and turn > 3:
            assert state == "denied" and not found
        else:
            assert len(won) == 1 and state == "issued" and len(found) == 1, said
        assert len(events(server, "request.approve", number)) <= 1
        assert len(events(server, "certificate.issue", found[0]["Id"]) if found else []) == len(found)


@needs_faults
@pytest.mark.parametrize("point, passing", [("approve.decided", 1), ("enroll.signed", 1), ("enroll.committed", 1)])
@pytest.mark.parametrize("kind", ["csr", "pfx"])
def test_an_approval_outlives_the_server_and_is_issued_once(new_server, tmp_path, point, passing, kind):
    server = new_server(program=FAULTS)
    server.start()
    server.tolerates_errors = True
    template = guarded(server)
    ana, bob = somebody(server, *ASK), somebody(server, *DECIDE)
    auth = (ana.session.auth, bob.session.auth)
    number = (ask(ana, template, openssl_csr(tmp_path, "crash.example.com")) if kind == "csr" else
              ask_pfx(ana, template, "crash.example.com"))["KeyfactorRequestId"]
    server.stop()
    server.start(CHANCERY_CRASH_AT=f"{point}:{passing}")
    with pytest.raises(requests.RequestException):
        server.client(*auth[1]).command("POST", "/Workflow/Certificates/Approve", json=[number])
    server.process.wait(30)
    assert server.process.returncode == -9
    server.start()
    ana = server.client(*auth[0])
    shown = processes.wait_until(lambda: (one := good(ana.rest("GET", f"/requests/{number}")))["state"] == "issued" and one,
                                 40, 0.3, what="the certificate of what was approved")
    found, = issued_of(ana, number)
    assert found["Id"] == shown["certificate_id"]
    assert len(events(server, "request.approve", number)) == 1
    assert len(events(server, "certificate.issue", found["Id"])) == 1
    assert len(server.client().get("/Certificates", **{"pq.queryString": 'CN -eq "crash.example.com"'})) == 1
    if kind == "pfx":
        file = good(ana.rest("POST", f"/requests/{number}/collect", json={"password": PASSWORD}))["file"]
        key, leaf, _ = pkcs12.load_key_and_certificates(base64.b64decode(file), PASSWORD.encode())
        assert fits(key, leaf)
    assert server.cli("audit", "verify").returncode == 0


@needs_faults
@pytest.mark.once
def test_what_the_authority_cannot_sign_now_is_issued_when_it_can(new_server, tmp_path):
    server = new_server(program=FAULTS)
    server.start()
    server.tolerates_errors = True
    template, client = guarded(server), server.client()
    bob = somebody(server, *DECIDE).session.auth
    number = ask(client, template, openssl_csr(tmp_path, "later.example.com"))["KeyfactorRequestId"]
    server.stop()
    server.start(CHANCERY_FAIL_AT="ca.sign:1")
    client = server.client()
    said = good(server.client(*bob).rest("POST", f"/requests/{number}/approve"))
    assert said["state"] == "approved" and "approved" in said["message"], said
    assert number in listed(client) and listed(client)[number]["State"] == 5
    processes.wait_until(lambda: good(client.rest("GET", f"/requests/{number}"))["state"] == "issued", 40, 0.3,
                         what="the certificate")
    assert len(issued_of(client, number)) == 1


def test_a_request_that_nobody_decides_about_is_denied_in_time(new_server, tmp_path):
    server = new_server()
    server.start()
    template, client = guarded(server), server.client()
    number = ask_pfx(client, template, "old.example.com")["KeyfactorRequestId"]
    young = ask_pfx(client, template, "young.example.com")["KeyfactorRequestId"]
    admin.sql(server, f"UPDATE request SET created_at = created_at - 2678400000 WHERE id = {number}")
    admin.sql(server, "UPDATE schedule SET next_at = 0 WHERE name = 'requests.expire'")
    shown = processes.wait_until(lambda: (one := good(client.rest("GET", f"/requests/{number}")))["state"] == "denied" and one,
                                 30, 0.3, what="the end of an old request")
    assert "in time" in shown["message"] and events(server, "request.expire", number)
    assert good(client.rest("GET", f"/requests/{young}"))["state"] == "pending"
    assert admin.sql(server, "SELECT COUNT(*) FROM private_key WHERE purpose = 'certificate'")[0][0] == 1
    text = client.call("GET", "/metrics").text
    assert 'chancery_enrollment_pending{reason="approval"} 1' in text


def test_a_pending_request_keeps_its_idempotency_key(server, tmp_path):
    template, client = guarded(server), server.client()
    body = {"csr": openssl_csr(tmp_path, "twice.example.com"), "template": template}
    key = {"Idempotency-Key": uuid.uuid4().hex}
    first, again = (good(client.rest("POST", "/certificates", json=body, headers=key)) for _ in range(2))
    assert first["request_id"] == again["request_id"] and again["disposition"] == "pending"


def test_a_key_reported_as_compromised_meanwhile_is_not_certified(server, tmp_path):
    template, client, bob = guarded(server), server.client(), somebody(server, *DECIDE)
    csr = openssl_csr(tmp_path, "stolen.example.com")
    number = ask(client, template, csr)["KeyfactorRequestId"]
    other = client.enroll(csr, dns=("stolen.example.com",))["KeyfactorID"]
    client.revoke(other, reason=1)
    said = approve(bob, number)
    assert not said["Successes"] and "compromised" in said["Failures"][0]["Comment"]
    assert not issued_of(client, number)


# The command line.

def cli_as(server, client):
    """Runs commands as this caller."""
    name, password = client.session.auth
    token = good(server.client(nobody=True).command("POST", "/Auth/Login", json={
        "username": name, "password": password}))["access_token"]
    return lambda *arguments: server.cli(*arguments, env={"CHANCERY_TOKEN": token})


@pytest.fixture
def people(server):
    """(who asks, who decides), on the command line."""
    return cli_as(server, somebody(server, *ASK)), cli_as(server, somebody(server, *DECIDE))


def number_of(said):
    found = re.search(r"request (\d+) waits", said.stderr)
    assert said.returncode == 6 and found, (said.returncode, said.stderr)
    assert f"chancery requests show {found[1]} --watch" in said.stderr and "workflows/participate" in said.stderr
    return found[1]


def test_the_command_line_lists_shows_approves_and_collects(server, tmp_path, people):
    ana, bob = people
    template = guarded(server)
    (tmp_path / "w.csr").write_text(openssl_csr(tmp_path, "cli.example.com"))
    number = number_of(ana("enroll", "csr", tmp_path / "w.csr", "--template", template, "--out", tmp_path / "w.pem"))
    assert not (tmp_path / "w.pem").exists()
    listed_ = bob("requests", "list", "--all")
    assert listed_.returncode == 0 and "CN=cli.example.com" in listed_.stdout and template in listed_.stdout
    shown = json.loads(bob("requests", "show", number, "-o", "json").stdout)
    assert shown["state"] == "pending" and shown["may_decide"] and "BEGIN CERTIFICATE REQUEST" in shown["csr"]
    early = ana("requests", "collect", number, "--out", tmp_path / "w.pem")
    assert early.returncode == 6 and not (tmp_path / "w.pem").exists()
    own = ana("requests", "approve", number)
    assert own.returncode == 4 and f"request {number} not approved" in own.stderr, own.stderr
    assert bob("requests", "approve", number, "--dry-run").stdout == f"would approve request {number}\n"
    done = bob("requests", "approve", number, "--comment", "CHG7")
    assert done.returncode == 0 and "approved: certificate" in done.stderr, done.stderr
    again = bob("requests", "approve", number)
    assert again.returncode == 5 and "issued already" in again.stderr, again.stderr
    got = ana("requests", "collect", number, tmp_path / "w.pem")
    assert got.returncode == 0, got.stderr
    assert keys.names(keys.load((tmp_path / "w.pem").read_text())) == ["cli.example.com"]
    assert ana("requests", "collect", number, "--as", "jks", "--out", tmp_path / "x").returncode == 2
    assert ana("requests", "show", "999999999").returncode == 3 and ana("requests", "show", "x").returncode == 2


def test_the_command_line_denies_and_withdraws_with_a_reason(server, tmp_path, people):
    ana, bob = people
    template = guarded(server)
    (tmp_path / "pw").write_text(PASSWORD + "\n")

    def asked(host):
        return number_of(ana("enroll", "pfx", "--template", template, "--dns", host, "--out", tmp_path / "w.pfx",
                             "--password-file", tmp_path / "pw"))
    first, second = asked("no.example.com"), asked("back.example.com")
    assert bob("requests", "deny", first, "--yes").returncode == 2
    done = bob("requests", "deny", first, "--comment", "not ours", "--yes")
    assert done.returncode == 0 and f"request {first} is denied" in done.stderr, done.stderr
    assert "not ours" in json.loads(ana("requests", "show", first, "-o", "json").stdout)["message"]
    late = ana("requests", "collect", first, "--out", tmp_path / "w.pfx", "--password-file", tmp_path / "pw")
    assert late.returncode == 10 and "not ours" in late.stderr and not (tmp_path / "w.pfx").exists()
    back = ana("requests", "withdraw", second, "--yes", "-o", "json")
    assert back.returncode == 0 and json.loads(back.stdout)[0]["state"] == "denied"
    said = ana("requests", "list", "--denied", "--mine", "-o", "template={{id}} {{decided_by}}")
    assert [line.split()[0] for line in said.stdout.splitlines()] == [first, second], said.stdout


@pytest.mark.parametrize("end", ["approve", "deny"])
def test_wait_collects_the_key_or_says_that_it_was_denied(server, tmp_path, people, end):
    _, bob = people
    template, log = guarded(server), tmp_path / "log"
    name, password = admin.user(server, permissions=ASK)
    (tmp_path / "pw").write_text(PASSWORD + "\n")
    token = good(server.client(nobody=True).command("POST", "/Auth/Login", json={
        "username": name, "password": password}))["access_token"]
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8", **server.cli_env(), "CHANCERY_TOKEN": token}
    process = processes.start([server.program, "enroll", "pfx", "--template", template, "--dns", "w.example.com", "--out",
                               tmp_path / "w.pfx", "--password-file", tmp_path / "pw", "--wait"], log, env=env)
    try:
        number = processes.wait_until(lambda: re.search(r"request (\d+) waits", log.read_text()), 20, what="the request")[1]
        assert bob("requests", end, number, "--comment", "because", "--yes").returncode == 0
        assert process.wait(30) == (0 if end == "approve" else 10), log.read_text()
    finally:
        processes.stop(process)
    if end == "deny":
        assert "because" in log.read_text() and not (tmp_path / "w.pfx").exists()
        return
    key, leaf, _ = pkcs12.load_key_and_certificates((tmp_path / "w.pfx").read_bytes(), PASSWORD.encode())
    assert fits(key, leaf) and keys.names(leaf) == ["w.example.com"]
    assert (tmp_path / "w.pfx").stat().st_mode & 0o777 == 0o600
