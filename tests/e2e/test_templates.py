"""Templates changed through the Command API, as its clients do: the whole model that they read, sent back with a change."""
import uuid

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

import admin
import keys
import models
from chancery import good

KIND = "ModelsTemplateRetrievalResponse"


def of(client, name):
    """The template of this name as GET /Templates/{id} shows it."""
    found = client.get("/Templates", **{"sq.queryString": f'CommonName -eq "{name}"'})
    assert len(found) == 1
    return client.get(f"/Templates/{found[0]['Id']}")


@pytest.fixture
def template(server, client):
    return of(client, admin.template(server))


def put(client, template, **change):
    return client.command("PUT", "/Templates", json={**template, **change})


def changed(client, template, **change):
    shown = good(put(client, template, **change))
    models.check(shown, KIND)
    assert shown == client.get(f"/Templates/{template['Id']}")
    return shown


def refused(reply, status, *texts):
    assert reply.status_code == status, reply.text
    for text in texts:
        assert text in reply.json()["Message"], (text, reply.text)


def versions(client, template):
    return good(client.rest("GET", f"/templates/{template['CommonName']}/versions"))["items"]


def enroll(client, template, csr, **more):
    return client.command("POST", "/Enrollment/CSR", json={
        "CSR": csr, "Template": template["CommonName"], "CertificateAuthority": client.server_ca(), **more})


def csr(cn=None, dns=("web.example.com",), **more):
    return keys.new_csr(cn, dns, **more)


def test_what_was_read_and_is_sent_back_changes_nothing(client, template):
    assert changed(client, template) == template
    assert len(versions(client, template)) == 1


@pytest.mark.parametrize("body", ["null", "[]", "{}", '{"Id": null}', '{"Id": "x"}', '{"Id": 1, "KeyRetention": "Never"}'])
def test_a_body_that_is_no_template_is_refused(client, body):
    assert client.command("PUT", "/Templates", data=body, headers={"Content-Type": "application/json"}).status_code == 400


def test_a_change_is_a_new_version_with_its_author_and_event(server, client, template):
    name, password = admin.user(server, permissions=["templates/read", "templates/modify"])
    user = server.client(name, password)
    shown = changed(user, template, FriendlyName="Of mine", KeyRetention="FromIssuance", KeyRetentionDays=30,
                    RequiresApproval=True, KeyUsage=True)
    assert {member: value for member, value in shown.items() if value != template[member]} == {
        "FriendlyName": "Of mine", "KeyRetention": "FromIssuance", "KeyRetentionDays": 30, "RequiresApproval": True,
        "DisplayName": f"Of mine ({template['CommonName']})"}
    now, before = versions(client, template)
    assert (now["number"], before["number"]) == (2, 1) and now["author"] == name
    assert now["policy"]["key_retention"] == "from_issuance" and before["policy"]["key_retention"] == "none"
    events = good(client.rest("GET", "/audit", params={"action": "template.edit", "limit": 1000}))["items"]
    mine = [event for event in events if event["target"]["id"] == str(template["Id"])]
    assert [event["actor"]["name"] for event in mine] == [name]


def test_members_that_are_left_out_stay_as_they_are(client, template):
    shown = changed(client, template, TemplateDefaults=[{"SubjectPart": "O", "Value": "Contoso"}])
    reply = good(client.command("PUT", "/Templates", json={"Id": template["Id"], "KeyRetention": 1}))
    assert reply == {**shown, "KeyRetention": "Indefinite"}


def test_members_that_cannot_be_changed_are_not_looked_at(client, template):
    assert changed(client, template, CommonName="x", TemplateName="y", Oid="1.2", KeySize="1", KeyType="DSA",
                   ForestRoot="z", KeyUsage=1) == template


@pytest.mark.parametrize("change, texts", [
    ({"KeyArchival": True}, ["KeyArchival", "KeyRetention"]),
    ({"EnrollmentFields": [{"Name": "f", "DataType": 1, "Options": []}]}, ["EnrollmentFields"]),
    ({"KeyRetentionDays": -1}, ["KeyRetentionDays"]),
    ({"AllowedEnrollmentTypes": 8}, ["AllowedEnrollmentTypes"]), ({"AllowedEnrollmentTypes": 4}, ["AllowedEnrollmentTypes"]),
    ({"UseAllowedRequesters": True, "AllowedRequesters": []}, ["AllowedRequesters"]),
    ({"UseAllowedRequesters": True, "AllowedRequesters": ["NoSuch"]}, ["AllowedRequesters[0]", "NoSuch"]),
    ({"TemplateRegexes": [{"SubjectPart": "CN", "Regex": "(("}]}, ["TemplateRegexes[0].Regex"]),
    ({"TemplateRegexes": [{"SubjectPart": "CN", "Regex": "((a{1,200}){1,200}){1,200}"}]}, ["TemplateRegexes[0].Regex"]),
    ({"TemplateRegexes": [{"SubjectPart": "CN", "Regex": r"[\d]"}]}, ["TemplateRegexes[0].Regex"]),
    ({"TemplateRegexes": [{"SubjectPart": "Shoes", "Regex": "a"}]}, ["TemplateRegexes[0].SubjectPart", "Shoes"]),
    ({"TemplateDefaults": [{"SubjectPart": "DNS", "Value": "a"}]}, ["TemplateDefaults[0].SubjectPart"]),
    ({"TemplateDefaults": [{"SubjectPart": "O", "Value": " a"}]}, ["TemplateDefaults[0].Value"]),
    ({"MetadataFields": [{"MetadataId": 999999}]}, ["MetadataFields[0].MetadataId"]),
    ({"TemplatePolicy": {"RSAValidKeySizes": [1024]}}, ["TemplatePolicy.RSAValidKeySizes[0]", "1024"]),
    ({"TemplatePolicy": {"ECCValidCurves": ["1.2.3"]}}, ["TemplatePolicy.ECCValidCurves[0]", "1.2.3"]),
    ({"TemplatePolicy": {"PrimaryKeyAlgorithms": [{"name": "DSA"}]}}, ["TemplatePolicy.PrimaryKeyAlgorithms[0]"]),
    ({"TemplatePolicy": {"AlternativeKeyAlgorithms": [{"name": "ML-DSA"}]}}, ["TemplatePolicy.AlternativeKeyAlgorithms"]),
    ({"TemplatePolicy": {"DefaultCertificateOwnerRoleId": 999999}}, ["TemplatePolicy.DefaultCertificateOwnerRoleId"]),
])
def test_what_a_template_cannot_be_is_refused_and_named(client, template, change, texts):
    reply = client.command("PUT", "/Templates", json={"Id": template["Id"], **change})
    refused(reply, 400, *texts)
    assert client.get(f"/Templates/{template['Id']}") == template


def test_a_template_that_there_is_not_and_one_that_may_not_be_changed(server, client, template):
    refused(client.command("PUT", "/Templates", json={"Id": 999999}), 404, "not found")
    other = of(client, admin.template(server))
    role = admin.role(server, [])
    for permission, one in (("templates/modify", template), ("templates/read", template), ("templates/read", other)):
        assert client.rest("POST", f"/roles/{role}/grants", json={
            "permission": permission, "scope": "template", "object": str(one["Id"])}).status_code == 200
    user = server.client(*admin.user(server, roles=[role]))
    assert put(user, template, FriendlyName="Mine").status_code == 200
    refused(put(user, other, FriendlyName="Mine"), 403)
    refused(put(user, of(client, "WebServer"), FriendlyName="Mine"), 404, "not found")


def test_enrollment_types_say_whose_key_it_is_and_none_switches_off(client, template):
    assert template["AllowedEnrollmentTypes"] == 3
    assert changed(client, template, AllowedEnrollmentTypes=1)["AllowedEnrollmentTypes"] == 1
    refused(enroll(client, template, csr()), 400, "Template", "no key that a request brings")
    names = [one["Name"] for one in client.get("/Enrollment/CSR/Context/My")["Templates"]]
    assert template["CommonName"] not in names and "WebServer" in names
    assert changed(client, template, AllowedEnrollmentTypes=2)["AllowedEnrollmentTypes"] == 2
    good(enroll(client, template, csr()))
    names = [one["Name"] for one in client.get("/Enrollment/PFX/Context/My")["Templates"]]
    assert template["CommonName"] not in names and "WebServer" in names
    off = changed(client, template, AllowedEnrollmentTypes=0)
    assert off["AllowedEnrollmentTypes"] == 0
    refused(enroll(client, template, csr()), 400, "Template")
    assert changed(client, off) == off
    assert changed(client, template, AllowedEnrollmentTypes=3)["AllowedEnrollmentTypes"] == 3
    good(enroll(client, template, csr()))


def test_keys_are_those_of_the_policy(client, template):
    policy = template["TemplatePolicy"]
    assert policy["RSAValidKeySizes"] == [2048, 3072, 4096] and len(policy["ECCValidCurves"]) == 3
    shown = changed(client, template, TemplatePolicy={**policy, "RSAValidKeySizes": [3072]})["TemplatePolicy"]
    assert shown["RSAValidKeySizes"] == [3072] and shown["ECCValidCurves"] == policy["ECCValidCurves"]
    assert shown["KeyInfo"]["RSA"]["bit_lengths"] == [3072] and "Ed25519" in shown["KeyInfo"]
    refused(enroll(client, template, csr(key=keys.new_key("rsa:2048"))), 400, "CSR", "rsa:3072")
    shown = changed(client, template, TemplatePolicy={**shown, "PrimaryKeyAlgorithms": [
        {"name": "ECC", "bit_lengths": [], "curves": ["1.3.132.0.34"]}]})["TemplatePolicy"]
    assert shown["RSAValidKeySizes"] == [] and shown["ECCValidCurves"] == ["1.3.132.0.34"]
    refused(enroll(client, template, csr(key=keys.new_key("ec:p256"))), 400, "CSR", "ec:p384")
    shown = changed(client, template, TemplatePolicy={"KeyInfo": {"ECDSA": {"curves": ["P-256"]}, "Ed25519": {}}})
    assert [one["name"] for one in shown["TemplatePolicy"]["PrimaryKeyAlgorithms"]] == ["ECC", "Ed25519"]
    good(enroll(client, template, csr(key=keys.new_key("ec:p256"))))


def test_wildcards_and_names_are_as_the_policy_says(server, client, template):
    good(enroll(client, template, csr(dns=["*.example.com"])))
    changed(client, template, TemplatePolicy={"AllowWildcards": False})
    refused(enroll(client, template, csr(dns=["*.example.com"])), 400, "*.example.com")
    people = of(client, admin.template(server, base="tls-client"))
    assert people["RFCEnforcement"] is False
    good(enroll(client, people, csr("someone", [])))
    assert changed(client, people, RFCEnforcement=True)["TemplatePolicy"]["RFCEnforcement"] is True
    refused(enroll(client, people, csr("someone", [])), 400, "SANs")
    shown = changed(client, people, TemplatePolicy={"RFCEnforcement": False})
    assert shown["RFCEnforcement"] is False
    good(enroll(client, people, csr("someone", [])))


def test_regular_expressions_hold_for_the_subject_and_for_names(client, template):
    shown = changed(client, template, TemplateRegexes=[
        {"SubjectPart": "cn", "Regex": r"^web\d+\.example\.com$", "Error": "a web server of ours"},
        {"SubjectPart": "DNS", "Regex": r"\.example\.com$"}, {"SubjectPart": "IP4", "Regex": r"^10\."},
        {"SubjectPart": "E", "Regex": ""}])
    assert [(one["SubjectPart"], one["TemplateId"]) for one in shown["TemplateRegexes"]] == [
        (part, template["Id"]) for part in ("CN", "DNS", "IP4")]
    assert changed(client, shown) == shown
    good(enroll(client, template, csr("web1.example.com", ["web1.example.com"])))
    refused(enroll(client, template, csr("mail.example.com", ["web1.example.com"])), 400, "CSR.Subject.CN",
            "a web server of ours")
    refused(enroll(client, template, csr("web1.example.com", ["web1.example.com", "web1.example.org"])), 400,
            "CSR.SAN.DNS", "web1.example.org")
    refused(enroll(client, template, csr("web1.example.com"), SANs={"dns": ["evil.org"]}), 400, "SANs.DNS")
    refused(enroll(client, template, csr("web1.example.com"), SANs={"ip": ["192.0.2.1"]}), 400, "SANs.IP", "192.0.2.1")
    good(enroll(client, template, csr("web1.example.com"), SANs={"ip": ["10.0.0.1", "2001:db8::1"]}))
    regexes = client.get(f"/Enrollment/Settings/{template['Id']}")["TemplateRegexes"]
    assert [one["SubjectPart"] for one in regexes] == ["CN", "DNS", "IP4"] and regexes[0]["Error"] == "a web server of ours"
    assert changed(client, shown, TemplateRegexes=[])["TemplateRegexes"] == []
    good(enroll(client, template, csr("mail.example.com", ["mail.example.com"])))


def test_the_pattern_of_a_subject_s_part_is_shown_and_kept(server, client):
    name = admin.template(server, base="tls-client", policy={"subject": [{"type": "CN", "pattern": "web|www"}]})
    shown = of(client, name)
    assert [one["Regex"] for one in shown["TemplateRegexes"]] == ["^(web|www)$"]
    both = changed(client, shown, TemplateRegexes=shown["TemplateRegexes"] + [{"SubjectPart": "O", "Regex": "x"}])
    policy = versions(client, shown)[0]["policy"]
    assert policy["subject"][0]["pattern"] == "web|www" and [one["part"] for one in policy["rules"]] == ["O"]
    refused(enroll(client, shown, csr("webs", [])), 400, "CN")
    assert changed(client, both, TemplateRegexes=[])["TemplateRegexes"] == []
    good(enroll(client, shown, csr("webs", [])))


def test_defaults_fill_in_what_a_request_leaves_out(client, template):
    shown = changed(client, template, TemplateDefaults=[{"SubjectPart": "O", "Value": "Contoso"},
                                                        {"SubjectPart": "C", "Value": "DE"}])
    assert shown["TemplateDefaults"] == [{"SubjectPart": "O", "Value": "Contoso"}, {"SubjectPart": "C", "Value": "DE"}]
    made = good(enroll(client, template, csr("web.example.com")))["CertificateInformation"]
    row = client.get(f"/Certificates/{made['KeyfactorID']}")
    assert row["IssuedDN"] == "CN=web.example.com,O=Contoso,C=DE"  # each in its usual place
    made = good(enroll(client, template, csr(subject=x509.Name([
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Other"), x509.NameAttribute(NameOID.COMMON_NAME, "web.example.com")]))))
    row = client.get(f"/Certificates/{made['CertificateInformation']['KeyfactorID']}")
    assert row["IssuedDN"] == "CN=web.example.com,O=Other,C=DE"


def test_metadata_that_a_template_asks_for(client, template):
    name = f"Field-{uuid.uuid4().hex[:12]}"
    field = good(client.command("POST", "/MetadataFields", json={"Name": name, "Description": "d", "DataType": 1}))
    ask = {"MetadataId": field["Id"], "Enrollment": 1, "Validation": r"^\d+$", "Message": "is a number"}
    shown = changed(client, template, MetadataFields=[ask])
    assert len(shown["MetadataFields"]) == 1 and ask.items() <= shown["MetadataFields"][0].items()
    refused(enroll(client, template, csr()), 400, f"Metadata.{name}", "is required")
    refused(enroll(client, template, csr(), Metadata={name: "x"}), 400, f"Metadata.{name}", "is a number")
    assert good(enroll(client, template, csr(), Metadata={name: "7"}))["Metadata"] == {name: "7"}
    refused(put(client, template, MetadataFields=[{**ask, "DefaultValue": "x"}]), 400, "MetadataFields[0].DefaultValue")
    changed(client, template, MetadataFields=[{**ask, "DefaultValue": "12"}])
    assert good(enroll(client, template, csr()))["Metadata"] == {name: "12"}
    good(enroll(client, of(client, "WebServer"), csr()))
    assert client.command("DELETE", f"/MetadataFields/{field['Id']}", params={"force": "true"}).status_code == 204
    assert client.get(f"/Templates/{template['Id']}")["MetadataFields"] == []
    good(enroll(client, template, csr()))


def test_who_owns_a_certificate_is_the_template_s_to_say(server, client, template):
    name = admin.role(server, [])
    role = next(row for row in client.get("/Security/Roles") if row["Name"] == name)
    changed(client, template, TemplatePolicy={"CertificateOwnerRole": 1})
    refused(enroll(client, template, csr()), 400, "OwnerRoleId")
    made = good(enroll(client, template, csr(), OwnerRoleName=name))["CertificateInformation"]
    assert client.get(f"/Certificates/{made['KeyfactorID']}")["OwnerRoleId"] == role["Id"]
    shown = changed(client, template, TemplatePolicy={"CertificateOwnerRole": 2, "DefaultCertificateOwnerRoleName": name})
    assert shown["TemplatePolicy"]["DefaultCertificateOwnerRoleId"] == role["Id"]
    made = good(enroll(client, template, csr(), OwnerRoleName="Administrator"))["CertificateInformation"]
    assert client.get(f"/Certificates/{made['KeyfactorID']}")["OwnerRoleId"] == role["Id"]


def test_only_the_roles_that_are_named_enroll(server, client, template):
    mine, other = admin.role(server, ["enrollment/csr"]), admin.role(server, ["enrollment/csr"])
    user, stranger = (server.client(*admin.user(server, roles=[one])) for one in (mine, other))
    shown = changed(client, template, UseAllowedRequesters=True, AllowedRequesters=[mine.upper()])
    assert shown["AllowedRequesters"] == [mine]
    good(enroll(user, template, csr()))
    refused(enroll(stranger, template, csr()), 403)
    assert changed(client, shown, UseAllowedRequesters=False)["AllowedRequesters"] == []
    good(enroll(stranger, template, csr()))


def test_the_parts_that_rules_may_speak_of(client):
    shown = client.get("/Templates/SubjectParts")
    models.check(shown, "array<KeyfactorApiModelsTemplatesValidSubjectPartResponse>")
    assert {"CN", "O", "OU", "L", "ST", "C", "E", "DNS", "IP4", "IP6", "MAIL", "UPN"} <= {one["SubjectPart"] for one in shown}


@pytest.fixture
def alone(new_server):
    """A server of its own: what holds for every template holds for every test."""
    return new_server().start()


def test_settings_hold_beside_every_template(alone):
    client = alone.client()
    kind = "KeyfactorApiModelsTemplatesGlobalTemplateSettingsResponse"
    before = client.get("/Templates/Settings")
    models.check(before, kind)
    assert before["TemplateRegexes"] == [] and before["TemplatePolicy"]["AllowWildcards"] is True
    assert good(client.command("PUT", "/Templates/Settings", json=before)) == before
    template, mine = of(client, "WebServer"), of(client, admin.template(alone))
    changed(client, mine, TemplateDefaults=[{"SubjectPart": "OU", "Value": "Mine"}])
    asked = {"TemplateRegexes": [{"SubjectPart": "DNS", "Regex": r"\.example\.com$", "Error": "ours"}],
             "TemplateDefaults": [{"SubjectPart": "O", "Value": "Contoso"}, {"SubjectPart": "OU", "Value": "All"}],
             "TemplatePolicy": {**before["TemplatePolicy"], "RSAValidKeySizes": [3072], "AllowWildcards": False}}
    shown = good(client.command("PUT", "/Templates/Settings", json=asked))
    assert shown == client.get("/Templates/Settings")
    assert shown["TemplatePolicy"]["RSAValidKeySizes"] == [3072] and shown["TemplateRegexes"][0]["Error"] == "ours"
    for one, unit in ((template, "OU=All"), (mine, "OU=Mine")):
        made = good(enroll(client, one, csr("web.example.com", ["web.example.com"])))["CertificateInformation"]
        row = client.get(f"/Certificates/{made['KeyfactorID']}")
        assert "O=Contoso" in row["IssuedDN"] and unit in row["IssuedDN"]
        refused(enroll(client, one, csr(dns=["web.example.org"])), 400, "ours")
        refused(enroll(client, one, csr(dns=["*.example.com"])), 400, "*.example.com")
        refused(enroll(client, one, csr(key=keys.new_key("rsa:2048"))), 400, "CSR")
    assert of(client, "WebServer") == template  # a template shows its own
    left = good(client.command("PUT", "/Templates/Settings", json={"TemplateRegexes": []}))
    assert left == {**shown, "TemplateRegexes": []}
    good(enroll(client, template, csr(dns=["web.example.org"])))
    refused(client.command("PUT", "/Templates/Settings", json={"TemplateRegexes": [{"SubjectPart": "CN", "Regex": "(("}]}),
            400, "TemplateRegexes[0].Regex")
    refused(client.command("PUT", "/Templates/Settings", json={"TemplatePolicy": {"RSAValidKeySizes": [1]}}), 400,
            "TemplatePolicy.RSAValidKeySizes[0]")
    events = good(client.rest("GET", "/audit", params={"action": "template.settings"}))["items"]
    assert len(events) == 3
    alone.stop()
    alone.start()
    assert alone.client().get("/Templates/Settings") == left
