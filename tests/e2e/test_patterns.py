"""Enrollment patterns: ways of enrolling by a template, each narrower than the template itself."""
import uuid

import pytest

import admin
import keys
import models
from chancery import good
from test_templates import csr, of, refused

KIND = "EnrollmentPatternResponse"


@pytest.fixture
def template(server, client):
    return of(client, admin.template(server))


def make(client, template, **more):
    """POST /EnrollmentPatterns; the reply as it is."""
    return client.command("POST", "/EnrollmentPatterns", json={
        "Template": template["Id"], "Name": f"Pattern {uuid.uuid4().hex[:12]}", "Policies": {}, **more})


def made(client, template, **more):
    shown = good(make(client, template, **more))
    models.check(shown, KIND)
    assert shown == client.get(f"/EnrollmentPatterns/{shown['Id']}")
    return shown


def edited(client, pattern, **change):
    shown = good(client.command("PUT", f"/EnrollmentPatterns/{pattern['Id']}", json={**pattern, **change}))
    models.check(shown, KIND)
    assert shown == client.get(f"/EnrollmentPatterns/{pattern['Id']}")
    return shown


def default_of(client, template):
    found = [one for one in client.get("/EnrollmentPatterns", QueryString=f"TemplateId -eq {template['Id']}")
             if one["TemplateDefault"]]
    assert len(found) == 1
    return found[0]


def enroll(client, pattern, request=None, **more):
    return client.command("POST", "/Enrollment/CSR", json={
        "CSR": request or csr(), "CertificateAuthority": "", "EnrollmentPatternId": pattern["Id"], "IncludeChain": True, **more})


def enroll_pfx(client, pattern, **more):
    return client.command("POST", "/Enrollment/PFX", json={
        "Subject": "CN=web.example.com", "SANs": {"dns": ["web.example.com"]}, "Password": "a long password, früh",
        "KeyType": "ECC", "EnrollmentPatternId": pattern["Id"], **more})


def row_of(client, reply):
    info = good(reply)["CertificateInformation"]
    return client.get(f"/Certificates/{info.get('KeyfactorID') or info['KeyfactorId']}")


def test_each_template_has_a_default_pattern_of_its_name(client, template):
    models.check(client.get("/EnrollmentPatterns"), f"array<{KIND}>")
    for one in [template, of(client, "WebServer")]:
        found = client.get("/EnrollmentPatterns", QueryString=f'Name -eq "{one["CommonName"]}"')
        assert len(found) == 1 and found[0] == default_of(client, one)
        assert found[0]["Template"]["Id"] == one["Id"] and found[0]["Template"]["CommonName"] == one["CommonName"]
        assert found[0]["AllowedEnrollmentTypes"] == 3 and not found[0]["RestrictCAs"]
        assert found[0]["Policies"]["KeyInfo"] == one["TemplatePolicy"]["KeyInfo"]
    assert client.get("/EnrollmentPatterns", QueryString='Name -eq "No such"') == []


def test_old_and_new_clients_see_one_configuration(client, template):
    pattern = default_of(client, template)
    changed = good(client.command("PUT", "/Templates", json={
        "Id": template["Id"], "TemplateRegexes": [{"SubjectPart": "DNS", "Regex": r"\.example\.com$", "Error": "ours"}],
        "TemplateDefaults": [{"SubjectPart": "O", "Value": "Contoso"}], "TemplatePolicy": {"AllowWildcards": False},
        "AllowedEnrollmentTypes": 2}))
    shown = client.get(f"/EnrollmentPatterns/{pattern['Id']}")
    assert [(one["SubjectPart"], one["Regex"], one["Error"]) for one in shown["Regexes"]] == [
        (one["SubjectPart"], one["Regex"], one["Error"]) for one in changed["TemplateRegexes"]]
    assert shown["Defaults"] == [{"SubjectPart": "O", "DefaultValue": "Contoso", "Value": "Contoso"}]
    assert shown["AllowedEnrollmentTypes"] == 2 and shown["Policies"]["AllowWildcards"] is False
    assert edited(client, shown) == shown  # and nothing of it became the pattern's own
    good(client.command("PUT", "/Templates", json={
        "Id": template["Id"], "TemplateRegexes": [], "AllowedEnrollmentTypes": 3, "TemplatePolicy": {"AllowWildcards": True}}))
    shown = client.get(f"/EnrollmentPatterns/{pattern['Id']}")
    assert (shown["Regexes"], shown["AllowedEnrollmentTypes"], shown["Policies"]["AllowWildcards"]) == ([], 3, True)


def test_a_pattern_is_made_changed_and_removed_with_its_events(server, client, template):
    shown = made(client, template, Description="of a team", Regexes=[
        {"SubjectPart": "CN", "Regex": "^web", "Error": "a web server", "CaseSensitive": False}],
        Defaults=[{"SubjectPart": "OU", "Value": "Web"}], Policies={"AllowWildcards": False}, AllowedEnrollmentTypes=2)
    assert shown["Regexes"][0]["CaseSensitive"] is False and shown["Defaults"][0]["DefaultValue"] == "Web"
    later = edited(client, shown, Name=shown["Name"] + "!", Description="none", Regexes=[])
    assert {name for name in later if later[name] != shown[name]} == {"Name", "Description", "Regexes"}
    left = good(client.command("PUT", f"/EnrollmentPatterns/{shown['Id']}", json={"Name": later["Name"], "Policies": {}}))
    assert left == later  # what is left out stays
    assert client.command("DELETE", f"/EnrollmentPatterns/{shown['Id']}").status_code == 204
    refused(client.command("GET", f"/EnrollmentPatterns/{shown['Id']}"), 404, "not found")
    refused(client.command("DELETE", f"/EnrollmentPatterns/{shown['Id']}"), 404, "not found")
    for action in ("pattern.create", "pattern.edit", "pattern.delete"):
        events = good(client.rest("GET", "/audit", params={"action": action, "limit": 1000}))["items"]
        assert [one for one in events if one["target"]["id"] == str(shown["Id"])], action


@pytest.mark.parametrize("change, texts", [
    ({"Name": ""}, ["Name"]), ({"Name": " "}, ["Name"]), ({"Name": None}, ["Name"]), ({"Template": None}, ["Template"]),
    ({"Template": 999999}, ["Template", "999999"]), ({"UseADPermissions": True}, ["UseADPermissions"]),
    ({"EnrollmentFields": [{"Name": "f"}]}, ["EnrollmentFields"]),
    ({"AssociatedRoles": ["NoSuch"]}, ["AssociatedRoles[0]", "NoSuch"]),
    ({"RestrictCAs": True}, ["CertificateAuthorities"]),
    ({"RestrictCAs": True, "CertificateAuthorities": [999999]}, ["CertificateAuthorities[0]", "999999"]),
    ({"AllowedEnrollmentTypes": 8}, ["AllowedEnrollmentTypes"]), ({"AllowedEnrollmentTypes": 4}, ["AllowedEnrollmentTypes"]),
    ({"Regexes": [{"SubjectPart": "CN", "Regex": "(("}]}, ["Regexes[0].Regex"]),
    ({"Regexes": [{"SubjectPart": "CN", "Regex": "((a{1,200}){1,200}){1,200}"}]}, ["Regexes[0].Regex"]),
    ({"Defaults": [{"SubjectPart": "C", "DefaultValue": "Germany"}]}, ["Defaults[0].Value"]),
    ({"MetadataFields": [{"Name": "NoSuch"}]}, ["MetadataFields[0]"]),
    ({"Policies": {"KeyInfo": {"RSA": {"bit_lengths": [8192]}}}}, ["Policies", "rsa:8192"]),
    ({"Policies": {"AllowKeyReuse": True}}, ["Policies.AllowKeyReuse"]),
    ({"Policies": {"RFCEnforcement": False}}, ["Policies.RFCEnforcement"]),
    ({"Policies": {"DefaultCertificateOwnerRoleName": "NoSuch"}}, ["Policies.DefaultCertificateOwnerRoleName"]),
])
def test_what_a_pattern_cannot_be_is_refused_and_named(client, template, change, texts):
    refused(make(client, template, **change), 400, *texts)
    assert len(client.get("/EnrollmentPatterns", QueryString=f"TemplateId -eq {template['Id']}")) == 1


def test_a_pattern_allows_nothing_that_its_template_does_not(server, client):
    template = of(client, admin.template(server, policy={"server_keys": False, "wildcards": "none"}))
    refused(make(client, template, AllowedEnrollmentTypes=3), 400, "AllowedEnrollmentTypes", "PFX")
    refused(make(client, template, Policies={"AllowWildcards": True}), 400, "Policies.AllowWildcards")
    wide = of(client, admin.template(server))
    pattern = made(client, wide, Policies={"AllowWildcards": True, "PrimaryKeyAlgorithms": [
        {"KeyType": "RSA", "KeySize": 3072}, {"KeyType": "ECC", "CurveName": "P-256"}]})
    assert pattern["Policies"]["KeyInfo"] == {"RSA": {"bit_lengths": [3072], "curves": []}, "ECDSA": {
        "bit_lengths": [], "curves": ["1.2.840.10045.3.1.7"]}}
    good(client.command("PUT", "/Templates", json={"Id": wide["Id"], "TemplatePolicy": {
        "AllowWildcards": False, "RSAValidKeySizes": [2048]}, "TemplateRegexes": [{"SubjectPart": "DNS", "Regex": "example"}]}))
    refused(enroll(client, pattern, csr(dns=["*.example.com"])), 400, "*.example.com")
    refused(enroll(client, pattern, csr(dns=["web.contoso.com"])), 400, "web.contoso.com")
    for size in (2048, 3072):  # one is the pattern's no, the other the template's
        refused(enroll(client, pattern, csr(key=keys.new_key(f"rsa:{size}"))), 400, "CSR")
    good(enroll(client, pattern))


def test_enrollment_by_a_pattern_is_told_of_the_certificate(client, template):
    pattern = made(client, template, Defaults=[{"SubjectPart": "OU", "DefaultValue": "Web"}])
    row = row_of(client, enroll(client, pattern, csr("web.example.com"), Template="NoSuch"))  # the pattern wins
    assert row["EnrollmentPatternId"] == pattern["Id"] and row["TemplateId"] == template["Id"]
    assert "OU=Web" in row["IssuedDN"]
    row = row_of(client, enroll_pfx(client, pattern))
    assert row["EnrollmentPatternId"] == pattern["Id"] and "OU=Web" in row["IssuedDN"]
    assert client.total(f"EnrollmentPatternId -eq {pattern['Id']}") == 2
    row = row_of(client, client.command("POST", "/Enrollment/CSR", json={"CSR": csr(), "Template": template["CommonName"]}))
    assert row["EnrollmentPatternId"] == default_of(client, template)["Id"]
    refused(enroll(client, {"Id": 999999}), 400, "EnrollmentPatternId", "999999")
    good(client.command("PUT", "/Templates", json={"Id": template["Id"], "AllowedEnrollmentTypes": 0}))
    refused(enroll(client, pattern), 400, "EnrollmentPatternId")


def test_expressions_of_a_pattern_hold_beside_those_of_its_template(client, template):
    good(client.command("PUT", "/Templates", json={"Id": template["Id"], "TemplateRegexes": [
        {"SubjectPart": "DNS", "Regex": r"\.example\.com$", "Error": "ours"}]}))
    pattern = made(client, template, Regexes=[{"SubjectPart": "DNS", "Regex": "^WEB", "CaseSensitive": False,
                                               "Error": "a web server"}])
    good(enroll(client, pattern, csr(dns=["web1.example.com"])))
    refused(enroll(client, pattern, csr(dns=["mail.example.com"])), 400, "a web server")
    refused(enroll(client, pattern, csr(dns=["web1.example.org"])), 400, "ours")
    settings = client.get(f"/EnrollmentPatterns/{pattern['Id']}/Settings")
    assert [one["Regex"] for one in settings["Regexes"]] == [r"\.example\.com$", "^WEB"]
    strict = edited(client, pattern, Regexes=[{"SubjectPart": "DNS", "Regex": "^WEB"}])
    refused(enroll(client, strict, csr(dns=["web1.example.com"])), 400, "^WEB")


def test_types_of_enrollment(client, template):
    csr_only, pfx_only = (made(client, template, AllowedEnrollmentTypes=types) for types in (2, 1))
    good(enroll(client, csr_only))
    refused(enroll_pfx(client, csr_only), 400, template["CommonName"])
    good(enroll_pfx(client, pfx_only))
    refused(enroll(client, pfx_only), 400, "EnrollmentPatternId")
    neither = made(client, template, AllowedEnrollmentTypes=0)
    refused(enroll(client, neither), 400, "EnrollmentPatternId")


def test_roles_of_a_pattern_and_what_is_offered_to_whom(server, client, template):
    mine, other = (admin.role(server, ["enrollment/csr", "enrollment/pfx"]) for _ in range(2))
    user, stranger = (server.client(*admin.user(server, roles=[one])) for one in (mine, other))
    pattern = made(client, template, AssociatedRoles=[mine])
    assert [one["Name"] for one in pattern["AssociatedRoles"]] == [mine]
    assert edited(client, pattern) == pattern  # roles are taken as they were shown, too
    good(enroll(user, pattern))
    refused(enroll(stranger, pattern), 403, pattern["Name"])

    def offered(caller, kind="CSR"):
        shown = good(caller.command("GET", f"/Enrollment/{kind}/Context/My"))
        return {one["Name"]: [p["Id"] for p in one["EnrollmentPatterns"]] for one in shown["Templates"]}
    usual = default_of(client, template)["Id"]
    assert offered(user)[template["CommonName"]] == [usual, pattern["Id"]]
    assert offered(stranger)[template["CommonName"]] == [usual]
    edited(client, default_of(client, template), AssociatedRoles=[other])
    assert offered(user)[template["CommonName"]] == [pattern["Id"]]
    refused(user.command("POST", "/Enrollment/CSR", json={"CSR": csr(), "Template": template["CommonName"]}), 403)
    edited(client, pattern, AllowedEnrollmentTypes=2)
    assert template["CommonName"] in offered(user) and template["CommonName"] not in offered(user, "PFX")
    # the template's own roles hold, whatever the pattern says
    good(client.command("PUT", "/Templates", json={"Id": template["Id"], "UseAllowedRequesters": True,
                                                   "AllowedRequesters": [other]}))
    refused(enroll(user, pattern), 403, template["CommonName"])


def test_authorities_of_a_pattern(client, template):
    authorities = {one["LogicalName"]: one["Id"] for one in client.get("/CertificateAuthority")}
    issuing = client.server_ca()
    root = "Chancery Root CA"  # other tests make more, which offer enrollment
    pattern = made(client, template, RestrictCAs=True, CertificateAuthorities=[authorities[root]])
    assert [one["LogicalName"] for one in pattern["CertificateAuthorities"]] == [root]
    refused(enroll(client, pattern), 400, "CertificateAuthority", pattern["Name"])
    refused(enroll(client, pattern, CertificateAuthority=issuing), 400, "CertificateAuthority", pattern["Name"])
    pattern = edited(client, pattern, CertificateAuthorities=[{"Id": authorities[issuing]}])
    good(enroll(client, pattern))


def test_metadata_of_a_pattern(client, template):
    name = f"Field-{uuid.uuid4().hex[:12]}"
    field = good(client.command("POST", "/MetadataFields", json={"Name": name, "Description": "d", "DataType": 1}))
    pattern = made(client, template, MetadataFields=[
        {"MetadataId": field["Id"], "Enrollment": 1, "Validation": "^a", "Message": "begins with a", "CaseSensitive": False}])
    assert pattern["MetadataFields"][0]["Name"] == name
    asked = client.get(f"/EnrollmentPatterns/{pattern['Id']}/Metadata")
    assert [(one["MetadataId"], one["Enrollment"]) for one in asked] == [(field["Id"], 1)]
    refused(enroll(client, pattern), 400, f"Metadata.{name}", "is required")
    refused(enroll(client, pattern, Metadata={name: "b"}), 400, "begins with a")
    assert good(enroll(client, pattern, Metadata={name: "Abc"}))["Metadata"] == {name: "Abc"}
    good(enroll(client, default_of(client, template)))


def test_the_default_pattern_is_moved_not_left(client, template):
    first = default_of(client, template)
    refused(client.command("PUT", f"/EnrollmentPatterns/{first['Id']}", json={**first, "TemplateDefault": False}), 400,
            "TemplateDefault")
    refused(client.command("DELETE", f"/EnrollmentPatterns/{first['Id']}"), 409, "default")
    second = made(client, template, TemplateDefault=True, Defaults=[{"SubjectPart": "OU", "DefaultValue": "Second"}])
    assert default_of(client, template) == second
    assert client.get(f"/EnrollmentPatterns/{first['Id']}")["TemplateDefault"] is False
    row = row_of(client, client.command("POST", "/Enrollment/CSR", json={
        "CSR": csr("web.example.com"), "Template": template["CommonName"]}))
    assert "OU=Second" in row["IssuedDN"] and row["EnrollmentPatternId"] == second["Id"]
    made_here = client.rest("POST", "/certificates", json={"csr": csr("web.example.com"), "template": template["CommonName"]})
    assert "OU=Second" in made_here.json()["subject"]  # for every face
    assert client.command("DELETE", f"/EnrollmentPatterns/{first['Id']}").status_code == 204


def test_a_name_is_taken_once(server, client, template):
    pattern = made(client, template)
    refused(make(client, template, Name=pattern["Name"].upper()), 409, "Name")
    other = made(client, template)
    refused(client.command("PUT", f"/EnrollmentPatterns/{other['Id']}", json={**other, "Name": pattern["Name"]}), 409, "Name")
    body = good(client.rest("GET", "/templates/WebServer"))["policy"]
    assert client.rest("POST", "/templates", json={"name": pattern["Name"], "policy": body}).status_code == 409


def test_a_renewal_goes_by_the_pattern_of_its_certificate(client, template):
    good(client.command("PUT", "/Templates", json={"Id": template["Id"], "KeyRetention": "Indefinite"}))
    pattern = made(client, template)
    first = row_of(client, enroll_pfx(client, pattern))
    second = good(client.command("POST", "/Enrollment/Renew", json={"CertificateId": first["Id"]}))
    assert client.get(f"/Certificates/{second['KeyfactorId']}")["EnrollmentPatternId"] == pattern["Id"]
    assert client.command("DELETE", f"/EnrollmentPatterns/{pattern['Id']}").status_code == 204
    third = good(client.command("POST", "/Enrollment/Renew", json={"CertificateId": first["Id"]}))
    assert client.get(f"/Certificates/{third['KeyfactorId']}")["EnrollmentPatternId"] == default_of(client, template)["Id"]


def test_who_may_see_and_change_patterns_of_which_template(server, client, template):
    role = admin.role(server, [])
    for permission in ("patterns/read", "patterns/modify"):
        assert client.rest("POST", f"/roles/{role}/grants", json={
            "permission": permission, "scope": "template", "object": str(template["Id"])}).status_code == 200
    user = server.client(*admin.user(server, roles=[role]))
    other = default_of(client, of(client, "WebServer"))
    assert [one["Template"]["Id"] for one in user.get("/EnrollmentPatterns")] == [template["Id"]]
    for path in ("", "/Metadata", "/Settings"):
        assert user.command("GET", f"/EnrollmentPatterns/{other['Id']}{path}").status_code == 404
    refused(user.command("PUT", f"/EnrollmentPatterns/{other['Id']}", json={"Name": "x", "Policies": {}}), 404)
    refused(make(user, of(client, "WebServer")), 400, "Template")
    edited(user, made(user, template), Description="mine")
