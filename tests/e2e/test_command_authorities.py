"""Authorities made, changed, tried and retired through the Command API, and what is refused of those elsewhere."""
import json
import uuid

import pytest

import admin
import keys
import models
from chancery import good
from test_templates import refused

TESTED = "KeyfactorApiModelsCertificateAuthoritiesCertificateAuthorityTestResponse"


def root_of(client):
    rows = client.get("/CertificateAuthority")
    return next(row for row in rows if row["LogicalName"] == "Chancery Root CA")  # others made some, too, not all fit


def body(client, **more):
    properties = {"Type": "Embedded", "Parent": root_of(client)["LogicalName"], "KeyType": "ec-p256", **more.pop("made", {})}
    return {"LogicalName": f"Made {uuid.uuid4().hex[:12]} CA", "CAType": 1, "AllowedEnrollmentTypes": 3,
            "Properties": json.dumps(properties), **more}


@pytest.fixture
def authority(client):
    return good(client.command("POST", "/CertificateAuthority", json=body(client)))


def put(client, authority, **change):
    return client.command("PUT", "/CertificateAuthority", json={**authority, **change})


def test_an_authority_of_this_server_is_made_and_issues(client):
    wanted = body(client, HostName="ca.example.com", ForestRoot="contoso.com", FullScan={}, Agent=None)
    made = good(client.command("POST", "/CertificateAuthority", json=wanted))
    assert made == client.get(f"/CertificateAuthority/{made['Id']}")
    assert (made["LogicalName"], made["HostName"]) == (wanted["LogicalName"], "ca.example.com")
    assert made["AllowedEnrollmentTypes"] == 3
    assert json.loads(made["Properties"]) == {"Type": "Embedded", "Parent": root_of(client)["LogicalName"]}
    answer = client.enroll(dns=("made.example.com",), CertificateAuthority=f"ca.example.com\\{made['LogicalName']}")
    assert made["LogicalName"] in answer["IssuerDN"]
    refused(client.command("POST", "/CertificateAuthority", json=wanted), 409, made["LogicalName"])


@pytest.mark.parametrize("change, texts", [
    ({"LogicalName": ""}, ["LogicalName"]), ({"LogicalName": "7"}, ["LogicalName"]), ({"Properties": "x"}, ["Properties"]),
    ({"Properties": ""}, ["Properties.Type", "Embedded"]), ({"Properties": "{}"}, ["Properties.Type", "Embedded"]),
    ({"CAType": 0}, ["CAType", "DCOM"]), ({"made": {"Type": "EJBCA"}}, ["Properties.Type"]),
    ({"made": {"Parent": "No such"}}, ["Properties.Parent", "No such"]), ({"made": {"KeyType": "dsa"}}, ["Properties.KeyType"]),
    ({"made": {"KeyUri": "file:/x"}}, ["Properties.KeyUri"]), ({"made": {"LifeDays": 0}}, ["Properties.LifeDays"]),
    ({"AllowedEnrollmentTypes": 1}, ["AllowedEnrollmentTypes"]), ({"HostName": "a b"}, ["HostName"]),
    ({"Delegate": True}, ["Delegate"]), ({"Remote": True, "Agent": str(uuid.uuid4())}, ["Remote", "Agent"]),
    ({"ExplicitUser": "u", "ExplicitPassword": {"SecretValue": "p"}}, ["ExplicitUser", "ExplicitPassword"]),
    ({"FullScan": {"Daily": {"Time": "2025-01-01T02:00:00Z"}}}, ["FullScan"]), ({"KeyRetention": 1}, ["KeyRetention"]),
    ({"AuthCertificate": {"SecretValue": "MII"}}, ["AuthCertificate"]), ({"IssuanceMax": 5}, ["IssuanceMax"]),
    ({"UseAllowedRequesters": True, "AllowedRequesters": ["Administrator"]}, ["UseAllowedRequesters", "AllowedRequesters"]),
])
def test_what_cannot_be_made_is_refused_and_named(client, change, texts):
    before = len(client.get("/CertificateAuthority"))
    refused(client.command("POST", "/CertificateAuthority", json=body(client, **change)), 400, *texts)
    assert len(client.get("/CertificateAuthority")) == before


def test_what_was_read_and_is_sent_back_changes_nothing(client, authority):
    for row in client.get("/CertificateAuthority"):
        if row["LogicalName"] in (authority["LogicalName"], client.server_ca()):
            assert good(put(client, row)) == row


def test_host_and_enrollment_change_with_an_event(client, authority):
    changed = good(put(client, authority, HostName="other.example.com", AllowedEnrollmentTypes=0))
    assert changed == {**authority, "HostName": "other.example.com", "AllowedEnrollmentTypes": 0}
    assert changed == client.get(f"/CertificateAuthority/{authority['Id']}")
    reply = client.command("POST", "/Enrollment/CSR", json={
        "CSR": keys.new_csr(dns=["a.example.com"]), "Template": "WebServer",
        "CertificateAuthority": authority["LogicalName"]})
    refused(reply, 400, "CertificateAuthority")
    events = good(client.rest("GET", "/audit", params={"action": "ca.edit", "limit": 1000}))["items"]
    mine = [one for one in events if one["target"]["id"] == str(authority["Id"])]
    assert len(mine) == 1
    told = good(client.rest("GET", f"/audit/{mine[0]['id']}"))
    assert "offers_enrollment" in json.dumps(told) and "other.example.com" in json.dumps(told)
    assert good(client.command("PUT", "/CertificateAuthority", json={"Id": authority["Id"], "AllowedEnrollmentTypes": 3})) == {
        **changed, "AllowedEnrollmentTypes": 3}
    client.enroll(dns=("a.example.com",), CertificateAuthority=authority["LogicalName"])


@pytest.mark.parametrize("change, texts", [
    ({"LogicalName": "Another"}, ["LogicalName"]), ({"Id": None}, ["Id"]), ({"CAType": 0}, ["CAType"]),
    ({"Properties": '{"Type":"Embedded","Parent":"Another"}'}, ["Properties.Parent"]),
    ({"Properties": '{"KeyType":"rsa-4096"}'}, ["Properties.KeyType"]), ({"Standalone": True}, ["Standalone"]),
    ({"AllowedEnrollmentTypes": 2}, ["AllowedEnrollmentTypes"]), ({"HostName": "a\\b"}, ["HostName"]),
])
def test_what_cannot_be_changed_is_refused_and_named(client, authority, change, texts):
    refused(put(client, authority, **change), 400, *texts)
    assert client.get(f"/CertificateAuthority/{authority['Id']}") == authority


def test_an_authority_that_there_is_not_and_one_that_may_not_be_changed(server, client, authority):
    for method, path in (("PUT", ""), ("DELETE", "/999999"), ("POST", "/Test")):
        refused(client.command(method, f"/CertificateAuthority{path}", json={"Id": 999999}), 404, "not found")
    role = admin.role(server, [])
    assert client.rest("POST", f"/roles/{role}/grants", json={
        "permission": "authorities/modify", "scope": "authority", "object": str(authority["Id"])}).status_code == 200
    user = server.client(*admin.user(server, roles=[role]))
    assert put(user, authority, HostName="mine.example.com").status_code == 200
    other = next(row for row in client.get("/CertificateAuthority") if row["LogicalName"] == client.server_ca())
    refused(put(user, other), 404)
    refused(user.command("POST", "/CertificateAuthority", json=body(client)), 403)
    refused(user.command("POST", "/CertificateAuthority/Import"), 403)


def test_trying_an_authority(client, server, authority):
    def tried(**asked):
        answer = good(client.command("POST", "/CertificateAuthority/Test", json=asked))
        models.check(answer, TESTED)
        return answer
    fine = {"Success": True, "Message": ""}
    assert tried(**authority) == fine and tried(LogicalName=authority["LogicalName"]) == fine
    assert tried(**body(client)) == fine  # one that could be made
    for asked, text in ((body(client, CAType=0), "CAType"), (body(client, made={"Parent": "No such"}), "Properties.Parent"),
                        (body(client, Properties="{}"), "Properties.Type"), (body(client, Remote=True), "Remote")):
        answer = tried(**asked)
        assert not answer["Success"] and text in answer["Message"]
    admin.switch_ca(server, authority["LogicalName"], False)
    answer = tried(Id=authority["Id"])
    assert not answer["Success"] and "switched off" in answer["Message"]
    refused(client.command("POST", "/CertificateAuthority/Test", json={}), 400, "LogicalName")


def test_an_authority_is_retired_not_forgotten(client, authority):
    kept = client.enroll(dns=("kept.example.com",), CertificateAuthority=authority["LogicalName"])
    assert client.command("DELETE", f"/CertificateAuthority/{authority['Id']}").status_code == 204
    assert client.get(f"/Certificates/{kept['KeyfactorID']}")["CertificateAuthorityName"].endswith(authority["LogicalName"])
    assert client.get(f"/CertificateAuthority/{authority['Id']}")["AllowedEnrollmentTypes"] == 0
    refused(put(client, authority), 409, "retired")
    refused(client.command("POST", "/Enrollment/CSR", json={
        "CSR": keys.new_csr(dns=["a.example.com"]), "Template": "WebServer",
        "CertificateAuthority": authority["LogicalName"]}), 400, "CertificateAuthority")


def test_there_is_no_directory_to_import_from(client):
    for path, asked in (("/CertificateAuthority/Import", {"params": {"dns": "contoso.com"}}),
                        ("/Templates/Import", {"json": {"ConfigurationTenant": "contoso.com"}})):
        refused(client.command("POST", path, **asked), 400, "contoso.com", "dns" if "params" in asked else "ConfigurationTenant")
    assert client.command("POST", "/CertificateAuthority/Import").status_code == 204
    assert client.command("POST", "/Templates/Import", json={"ConfigurationTenant": ""}).status_code == 204


def test_the_seeds_calls_name_their_own_members(client):
    for asked, text in (({"Name": "7", "Type": "Embedded"}, "Name:"),
                        ({"Name": "A CA", "Type": "Embedded", "Parent": "No such"}, "Parent:"),
                        ({"Name": "A CA", "Type": "Embedded", "KeyType": "dsa"}, "KeyType:")):
        refused(client.command("POST", "/CertificateAuthorities", json=asked), 400, text)
