"""Roles of the Command API: made, changed, copied, held; both forms of permissions; the ready-made ones."""
import uuid

import pytest

import admin
import models
from chancery import good

REPLY = "KeyfactorWebKeyfactorApiModelsSecurityLegacySecurityRolesSecurityRoleResponse"
V2 = {"x-keyfactor-api-version": "2"}
ADMINISTRATOR, REQUESTER = "Certificate Administrator", "Certificate Requester"


def new_name(word="Role"):
    return f"{word} {uuid.uuid4().hex[:12]}"


def new_role(client, *permissions, headers=None, **more):
    return client.post("/Security/Roles", {"Name": new_name(), "Description": "of a test",
                                           "Permissions": list(permissions), **more}, headers=headers)


def by_name(client, name, headers=None):
    rows = good(client.command("GET", "/Security/Roles", params={"pq.queryString": f'Name -eq "{name}"'}, headers=headers))
    assert len(rows) == 1, rows
    return rows[0]


def put(client, role, headers=None, **change):
    return client.command("PUT", "/Security/Roles", json={**role, **change}, headers=headers)


def identity(client, account=None, **more):
    return client.post("/Security/Identities", {"AccountName": account or f"CONTOSO\\{uuid.uuid4().hex[:12]}", **more})


def grants(client, name):
    return {one["permission"] for one in client.rest("GET", f"/roles/{name}/grants").json()["items"]
            if one["scope"] == "all"}


class TestKept:
    def test_a_role_is_made_read_changed_copied_and_removed(self, client):
        ana = identity(client)
        made = new_role(client, "Certificates:Read", "PkiManagement:Read", EmailAddress="pki@example.com",
                        Identities=[{"AccountName": ana["AccountName"], "SID": None}])
        models.check(made, REPLY)
        assert made["Enabled"] and made["Valid"] and not made["Immutable"] and not made["Private"]
        assert made["Permissions"] == ["Certificates:Read", "PkiManagement:Read"]
        assert [one["AccountName"] for one in made["Identities"]] == [ana["AccountName"]]
        shown = client.get(f"/Security/Roles/{made['Id']}")
        models.check(shown, "ModelsSecuritySecurityRolesSecurityRoleResponse")
        assert shown == made
        changed = good(put(client, made, Description="other", Permissions=["Certificates:Revoke"], Identities=[]))
        assert changed == {**made, "Description": "other", "Permissions": ["Certificates:Revoke"], "Identities": [],
                           "Claims": [], "ClaimsCount": 0}
        kept = good(client.command("PUT", "/Security/Roles", json={
            "Id": made["Id"], "Name": made["Name"], "Description": "third", "Permissions": None}))
        assert kept == {**changed, "Description": "third"}
        copied = client.post(f"/Security/Roles/{made['Id']}/Copy", {"Name": new_name("Copy"), "Description": "a copy"})
        models.check(copied, REPLY)
        assert copied["Permissions"] == ["Certificates:Revoke"] and copied["Identities"] == []
        second = good(client.command("POST", f"/Security/Roles/{made['Id']}/Copy"))
        assert second["Name"] == f"Copy of {made['Name']}" and second["Description"] == "third"
        for one in (made, copied, second):
            assert client.command("DELETE", f"/Security/Roles/{one['Id']}").status_code == 204
            for method in ("GET", "DELETE"):
                assert client.command(method, f"/Security/Roles/{one['Id']}").status_code == 404

    @pytest.mark.seed("S139")
    def test_the_seeds_call_lists_the_roles(self, server):
        """Without the header of clients, by Basic."""
        reply = server.client().command("GET", "/Security/Roles")
        rows = good(reply)
        models.check(rows, f"array<{REPLY}>")
        names = [row["Name"] for row in rows]
        assert ADMINISTRATOR in names and REQUESTER in names and "Administrator" in names
        assert int(reply.headers["x-total-count"]) == len(rows)
        assert names == sorted(names, key=str.lower)

    def test_a_list_is_searched_and_cut(self, client):
        names = [new_role(client)["Name"] for _ in range(3)]
        for prefix in ("", "pq.", "pagedQuery.", "query.", "sq."):
            rows = client.get("/Security/Roles", **{f"{prefix}queryString": f"name -eq '{names[1].upper()}'"})
            assert [row["Name"] for row in rows] == [names[1]]
        every = client.get("/Security/Roles")
        walked = []
        while True:
            page = client.get("/Security/Roles", **{"pq.returnLimit": 2, "pq.pageReturned": len(walked) // 2 + 1,
                                                    "pq.sortField": "Id"})
            walked += page
            if len(page) < 2:
                break
        assert [row["Id"] for row in walked] == sorted(row["Id"] for row in every)
        assert client.get("/Security/Roles", **{"pq.pageReturned": 1000}) == []
        reply = client.command("GET", "/Security/Roles", params={"pq.queryString": "NoSuchField -eq 1"})
        assert reply.status_code == 400 and "NoSuchField" in reply.json()["Message"]

    @pytest.mark.parametrize("wrong, said", [
        ({"Name": None}, "Name"), ({"Name": " "}, "Name"), ({"Name": "x" * 257}, "Name"), ({"Name": "a\nb"}, "name"),
        ({"Description": ""}, "Description"), ({"Description": None}, "Description"),
        ({"Permissions": ["Certificates:Fly"]}, "Permissions[0]"), ({"Permissions": [None]}, "Permissions[0]"),
        ({"Permissions": ["Certificates:Read", ""]}, "Permissions[1]"), ({"Permissions": "x"}, "Permissions"),
        ({"Identities": [{"AccountName": "CONTOSO\\nobody"}]}, "Identities[0].AccountName"),
        ({"Identities": [{"SID": "S-1"}]}, "AccountName"),
        ({"Claims": [{"ClaimType": "Wish", "ClaimValue": "x"}]}, "ClaimType"),
        ({"Claims": [{"ClaimType": 0, "ClaimValue": "nobody", "ProviderAuthenticationScheme": "chancery"}]},
         "Claims[0].ClaimValue"),
        ({"PermissionSetId": str(uuid.uuid4())}, "PermissionSetId"), ({"Enabled": "perhaps"}, "Enabled"),
    ])
    def test_a_wrong_member_is_named(self, client, wrong, said):
        reply = client.command("POST", "/Security/Roles", json={"Name": new_name(), "Description": "d", **wrong})
        assert reply.status_code == 400 and said in reply.json()["Message"], reply.text

    def test_a_name_is_taken_in_any_case(self, client):
        one, two = new_role(client), new_role(client)
        for reply in (client.command("POST", "/Security/Roles", json={"Name": one["Name"].upper(), "Description": "d"}),
                      put(client, two, Name=one["Name"].lower()),
                      client.command("POST", f"/Security/Roles/{two['Id']}/Copy", json={"Name": one["Name"]})):
            assert reply.status_code == 400 and "already" in reply.json()["Message"], reply.text
        assert put(client, two, Id=999999999).status_code == 404
        assert client.command("POST", "/Security/Roles/999999999/Copy").status_code == 404

    def test_a_role_that_is_held_or_built_in_is_not_removed(self, client):
        role = new_role(client, Identities=[{"AccountName": identity(client)["AccountName"]}])
        for number in (role["Id"], by_name(client, "Auditor")["Id"]):
            assert client.command("DELETE", f"/Security/Roles/{number}").status_code == 409

    def test_who_holds_it_is_said_by_numbers(self, server, client):
        name, password = admin.user(server)
        role, ana = new_role(client, "Certificates:Read"), identity(client)
        [local] = client.get("/Security/Identities", **{"pq.queryString": f'AccountName -eq "{name}"'})
        path = f"/Security/Roles/{role['Id']}/Identities"
        member = server.client(name, password)
        assert member.command("GET", "/Certificates").status_code == 403
        told = good(client.command("PUT", path, json={"Ids": [local["Id"], ana["Id"], ana["Id"]]}))
        assert sorted(one["Name"] for one in told) == sorted([name, ana["AccountName"]])
        assert client.get(path) == told
        assert member.command("GET", "/Certificates").status_code == 200, "it takes force at once"
        wrong = client.command("PUT", path, json={"Ids": [ana["Id"], 999999999]})
        assert wrong.status_code == 400 and "Ids[1]" in wrong.json()["Message"]
        assert good(client.command("PUT", path, json={"Ids": []})) == []
        assert member.command("GET", "/Certificates").status_code == 403
        assert client.command("GET", "/Security/Roles/999999999/Identities").status_code == 404

    def test_what_is_changed_stands_in_the_record(self, client):
        role = new_role(client, "Certificates:Read")
        good(put(client, role, Permissions=["Certificates:Revoke"]))
        client.command("DELETE", f"/Security/Roles/{role['Id']}")
        told = good(client.rest("GET", "/audit", params={"target_type": "role", "target_id": role["Id"]}))["items"]
        assert sorted(one["action"] for one in told) == ["role.create", "role.delete", "role.edit"]
        [edit] = [one for one in told if one["action"] == "role.edit"]
        assert "certificates/revoke" in client.rest("GET", f"/audit/{edit['id']}").text


class TestForms:
    def test_version_two_has_paths_and_claims(self, client):
        value = f"pki-{uuid.uuid4().hex[:12]}"
        made = new_role(client, "/certificates/collections/read/", "/security/read", headers=V2, EmailAddress="a@b.example",
                        PermissionSetId="00000000-0000-0000-0000-000000000001", Claims=[
                            {"ClaimType": 1, "ClaimValue": value, "ProviderAuthenticationScheme": "", "Description": "d"}])
        assert made["Permissions"] == ["/certificates/collections/read/", "/security/read/"]
        assert [(one["ClaimType"], one["ClaimValue"], one["Description"]) for one in made["Claims"]] == [("Group", value, "d")]
        assert made["ClaimsCount"] == 1 and made["EmailAddress"] == "a@b.example"
        assert client.get(f"/Security/Roles/{made['Id']}")["Permissions"] == ["Certificates:Read", "SecuritySettings:Read"]
        again = good(put(client, made, headers=V2))
        assert again == made, "what is written back as it was read changes nothing"
        gone = good(put(client, made, headers=V2, Claims=[]))
        assert gone["Claims"] == [] and gone["Permissions"] == made["Permissions"]
        [claim] = client.get("/Security/Claims", **{"pq.queryString": f'ClaimValue -eq "{value}"'})
        assert claim["Id"] == made["Claims"][0]["Id"], "the claim itself stays known"

    def test_accounts_of_this_server_are_claims_of_its_own(self, server, client):
        name, _ = admin.user(server)
        made = new_role(client, headers=V2, Claims=[
            {"ClaimType": "User", "ClaimValue": f"{name}@contoso", "ProviderAuthenticationScheme": "chancery"}])
        [claim] = made["Claims"]
        assert claim["ProviderAuthenticationScheme"] == claim["Provider"]["AuthenticationScheme"] == "chancery"
        assert good(put(client, made, headers=V2)) == made
        assert client.rest("GET", f"/users/{name}").json()["roles"] == [made["Name"]]

    def test_a_word_for_several_permissions_gives_no_more_when_written_back(self, server, client):
        name = admin.role(server, ["templates/read", "audit/export", "certificates/read"])
        shown = by_name(client, name)
        assert shown["Permissions"] == ["Certificates:Read", "PkiManagement:Read", "audit/export"]
        shown["Description"] = "d"
        good(put(client, shown))
        assert grants(client, name) == {"templates/read", "audit/export", "certificates/read"}
        good(put(client, shown, Permissions=["PkiManagement:Read", "Certificates:Revoke"]))
        assert grants(client, name) == {"templates/read", "certificates/revoke"}
        good(put(client, shown, Permissions=["Certificates:Revoke"]))
        good(put(client, shown, Permissions=["PkiManagement:Read"]))
        assert grants(client, name) == {"templates/read", "authorities/read", "patterns/read"}

    def test_what_allows_everything_stays_so(self, server, client):
        name = admin.role(server, ["*"])
        one, two = by_name(client, name), by_name(client, name, headers=V2)
        assert "SecuritySettings:Modify" in one["Permissions"] and two["Permissions"] == ["/"]
        for shown, headers in ((one, None), (two, V2)):
            good(put(client, shown, headers=headers, Description="d"))
            assert grants(client, name) == {"*"}
        good(put(client, one, Description="d", Permissions=one["Permissions"][1:]))
        assert "*" not in grants(client, name) and "security/modify" in grants(client, name)

    def test_grants_on_single_objects_stay(self, server, client):
        name = admin.role(server, ["certificates/read"])
        client.rest("POST", f"/roles/{name}/grants", json={"permission": "enrollment/csr", "scope": "template",
                                                           "object": "WebServer"})
        good(put(client, by_name(client, name), Description="d", Permissions=[]))
        [left] = client.rest("GET", f"/roles/{name}/grants").json()["items"]
        assert left["scope"] == "template"


class TestBuiltIn:
    @pytest.mark.seed("S130", "S131")
    def test_the_seeds_roles_have_what_the_seed_says(self, client):
        assert set(by_name(client, ADMINISTRATOR, V2)["Permissions"]) == {
            "/certificates/collections/read/", "/certificates/collections/metadata/modify/", "/certificates/import/",
            "/certificates/collections/private_key/read/", "/certificates/collections/revoke/",
            "/certificates/collections/delete/", "/certificates/collections/private_key/import/",
            "/certificate_templates/read/", "/certificate_templates/modify/",
            "/certificate_stores/read/", "/certificate_stores/schedule/", "/certificate_stores/modify/"}
        assert by_name(client, REQUESTER)["Permissions"] == [
            "Certificates:Read", "CertificateEnrollment:EnrollPFX", "CertificateEnrollment:EnrollCSR",
            "CertificateEnrollment:CsrGeneration", "CertificateEnrollment:PendingCsr"]

    @pytest.mark.seed("S131")
    def test_a_certificate_requester_enrolls_and_views_and_does_nothing_else(self, server, client):
        requester = server.client(*admin.user(server, roles=[REQUESTER]))
        made = requester.post("/Enrollment/PFX", {
            "Subject": "CN=of.requester.example.com", "SANs": {"DNS": ["of.requester.example.com"]}, "Template": "WebServer",
            "Password": "correct horse battery", "CertificateAuthority": client.server_ca()},
            headers={"x-certificateformat": "PFX"})["CertificateInformation"]
        number = made["KeyfactorId"]
        assert requester.get(f"/Certificates/{number}")["Id"] == number
        for method, path, body in (("GET", "/Templates", None), ("GET", "/Security/Roles", None),
                                   ("POST", "/Certificates/Revoke", {"CertificateIds": [number], "Reason": 1}),
                                   ("POST", "/Certificates/Recover", {"CertID": number, "Password": "correct horse"}),
                                   ("PUT", "/Certificates/Metadata", {"Id": number, "Metadata": {}})):
            assert requester.command(method, path, json=body).status_code == 403, path

    def test_what_an_administrator_made_of_them_stays(self, new_server):
        server = new_server().start()
        client = server.client()
        requester, administrator = by_name(client, REQUESTER), by_name(client, ADMINISTRATOR)
        good(put(client, requester, Permissions=["Certificates:Read"]))
        assert client.command("DELETE", f"/Security/Roles/{administrator['Id']}").status_code == 204
        server.stop()
        server.start()
        client = server.client()
        assert by_name(client, REQUESTER)["Permissions"] == ["Certificates:Read"]
        assert ADMINISTRATOR not in [row["Name"] for row in client.get("/Security/Roles")]

    def test_of_a_built_in_role_only_who_holds_it_may_change(self, server, client):
        auditor, ana = by_name(client, "Auditor"), identity(client)
        assert auditor["Immutable"]
        before = auditor["Identities"]
        added = good(put(client, auditor, Identities=[*before, {"AccountName": ana["AccountName"]}]))
        assert ana["AccountName"] in [one["AccountName"] for one in added["Identities"]]
        assert added["Permissions"] == auditor["Permissions"]
        for change in ({"Name": "x"}, {"Description": "x"}, {"Enabled": False}, {"Permissions": ["Certificates:Read"]}):
            reply = put(client, added, **change)
            assert reply.status_code == 409 and "built in" in reply.json()["Message"], change
        good(put(client, added, Identities=before))

    def test_the_last_administrator_stays(self, new_server):
        server = new_server().start()
        client = server.client()
        role = by_name(client, "Administrator")
        for reply in (put(client, role, Identities=[]),
                      client.command("PUT", f"/Security/Roles/{role['Id']}/Identities", json={"Ids": []}),
                      put(client, role, Identities=[{"AccountName": identity(client)["AccountName"]}])):
            assert reply.status_code == 409 and "nobody would be left" in reply.json()["Message"], reply.text
        assert by_name(client, "Administrator")["Identities"] == role["Identities"]


class TestNobodyGivesWhatTheyDoNotHold:
    """Who may manage access and is no administrator gives others no more than they have."""

    @pytest.fixture
    def officer(self, server):
        return server.client(*admin.user(server, permissions=["security/read", "security/modify", "certificates/read"]))

    def refused(self, reply):
        assert reply.status_code == 403 and "Nobody gives what they do not hold" in reply.text, reply.text

    def test_by_a_role(self, server, client, officer):
        made = new_role(officer, "Certificates:Read", "SecuritySettings:Read")
        self.refused(officer.command("POST", "/Security/Roles", json={
            "Name": new_name(), "Description": "d", "Permissions": ["Certificates:Read", "Certificates:Revoke"]}))
        self.refused(put(officer, made, Permissions=["Certificates:Recover"]))
        self.refused(officer.rest("POST", f"/roles/{made['Id']}/grants", json={"permission": "*", "scope": "all"}))
        self.refused(officer.rest("POST", f"/roles/{made['Id']}/grants", json={
            "permission": "enrollment/csr", "scope": "template", "object": "WebServer"}))
        self.refused(officer.command("POST", f"/Security/Roles/{by_name(client, 'Operator')['Id']}/Copy"))
        stronger = admin.role(server, ["certificates/revoke"])
        good(put(officer, by_name(client, stronger), Description="only described"))
        good(put(officer, by_name(client, stronger), Description="d", Permissions=[]))

    def test_by_a_membership(self, server, client, officer):
        name, _ = admin.user(server)
        stronger, weaker = admin.role(server, ["certificates/revoke"]), admin.role(server, ["certificates/read"])
        ana = identity(officer)
        self.refused(put(officer, by_name(client, stronger), Description="d",
                         Identities=[{"AccountName": ana["AccountName"]}]))
        self.refused(officer.command("PUT", f"/Security/Roles/{by_name(client, 'Administrator')['Id']}/Identities", json={
            "Ids": [ana["Id"], *[one["Id"] for one in by_name(client, "Administrator")["Identities"]]]}))
        self.refused(officer.rest("POST", f"/roles/{stronger}/members", json={"name": name}))
        self.refused(officer.rest("PATCH", f"/users/{name}", json={"roles": [stronger]}))
        self.refused(officer.rest("POST", "/users", json={"name": new_name().replace(" ", ""), "roles": ["Administrator"]}))
        self.refused(officer.rest("POST", "/claims", json={"type": "group", "value": new_name(), "roles": [stronger]}))
        assert officer.rest("POST", f"/roles/{weaker}/members", json={"name": name}).status_code == 200
        assert officer.rest("DELETE", f"/roles/{stronger}/members/user/{name}").status_code == 204

    def test_by_the_way_into_another_account(self, server, officer):
        strong, _ = admin.user(server, permissions=["certificates/revoke"])
        self.refused(officer.rest("POST", f"/users/{strong}/password", json={"password": "correct horse battery"}))
        self.refused(officer.rest("POST", "/claims", json={"type": "group", "value": new_name(), "user": strong}))
        disabled, _ = admin.user(server, permissions=["certificates/revoke"])
        admin.disable(server, disabled)
        self.refused(officer.rest("PATCH", f"/users/{disabled}", json={"enabled": True}))
        weak, _ = admin.user(server, permissions=["certificates/read"])
        reply = officer.rest("POST", f"/users/{weak}/password", json={"password": "correct horse battery"})
        assert reply.status_code in (200, 204), reply.text


class TestWhatARoleMayDo:
    def path(self, client, role, kind=""):
        return f"/Security/Roles/{by_name(client, role)['Id']}/Permissions{kind}"

    def test_everywhere(self, server, client):
        role = admin.role(server, ["templates/read", "audit/export"])
        path = self.path(client, role, "/Global")
        model = "array<KeyfactorApiModelsSecurityRolesIdentitiesSecurityRolesGlobalPermissionResponse>"
        had = [{"Area": "PkiManagement", "Permission": "Read"}, {"Area": "audit", "Permission": "export"}]
        models.check(client.get(path), model)
        assert client.get(path) == had
        read = {"Area": "Certificates", "Permission": "Read"}
        assert client.post(path, [read, had[0]]) == [read, *had]
        assert grants(client, role) == {"templates/read", "audit/export", "certificates/read"}
        assert good(client.command("PUT", path, json=[had[1], read])) == [read, had[1]]
        assert good(client.command("PUT", path, json=[])) == [] == client.get(path)

    @pytest.mark.parametrize("kind, number, word, ours, model", [
        ("Containers", "ContainerId", "Schedule", "stores/schedule",
         "KeyfactorApiModelsSecurityRolesContainerPermissionResponse"),
    ])
    def test_in_containers(self, server, client, kind, number, word, ours, model):
        role = admin.role(server, ["certificates/read"])
        path = self.path(client, role, f"/{kind}")
        made = client.post(path, [{number: 7, "Permission": word}, {number: 7, "Permission": word}])
        models.check(made, f"array<{model}>")
        assert [(one[number], one["Permission"]) for one in made] == [(7, word)]
        more = client.post(path, [{number: 9, "Permission": "Read"}])
        assert {(one[number], one["Permission"]) for one in more} == {(7, word), (9, "Read")}
        told = client.get(f"/Security/Roles/{by_name(client, role)['Id']}/Permissions")
        models.check(told, "array<KeyfactorApiModelsSecurityRolesAreaPermissionResponse>")
        assert {"Type": "Global", "Area": "Certificates", "Permission": "Read"} in told
        assert {"Type": "Container", "Area": "7", "Permission": word} in told
        assert {"permission": ours, "scope": "container", "object": "7"} in client.rest(
            "GET", f"/roles/{role}/grants").json()["items"]
        assert good(client.command("PUT", path, json=[{number: 9, "Permission": "Modify"}])) == [
            {number: 9, "Name": "", "Permission": "Modify"}]
        assert good(client.command("PUT", path, json=[])) == []

    def test_with_providers_of_secrets(self, server, client):
        role = admin.role(server, [])
        path = self.path(client, role, "/PamProviders")
        wanted = [{"PamProviderId": 2, "Permissions": ["Read"]}, {"PamProviderId": 3, "Permissions": ["Modify", "Read"]}]
        made = good(client.command("PUT", path, json=wanted))
        models.check(made, "array<KeyfactorWebKeyfactorApiModelsSecuritySecurityRolePermissionsPamProviderPermissionResponse>")
        assert {one["PamProviderId"]: sorted(one["Permissions"]) for one in made} == {2: ["Read"], 3: ["Modify", "Read"]}
        assert client.get(path) == made
        assert good(client.command("PUT", path, json=[])) == []

    @pytest.mark.parametrize("kind, body, said", [
        ("Global", [{"Area": "Certificates", "Permission": "Fly"}], "Certificates"), ("Global", [{"Area": "x"}], "Permission"),
        ("Global", {}, "array"), ("Containers", [{"ContainerId": 0, "Permission": "Read"}], "ContainerId"),
        ("Containers", [{"ContainerId": 1, "Permission": "Fly"}], "[0].Permission"),
        ("Containers", [{"Permission": "Read"}], "ContainerId"),
        ("PamProviders", [{"PamProviderId": 1, "Permissions": ["Read", "Fly"]}], "[0].Permissions[1]"),
        ("PamProviders", [{"PamProviderId": 2**40, "Permissions": []}], "PamProviderId"),
    ])
    def test_what_is_wrong_is_named(self, server, client, kind, body, said):
        path = self.path(client, admin.role(server, []), f"/{kind}")
        reply = client.command("PUT", path, json=body)
        assert reply.status_code == 400 and said in reply.json()["Message"], reply.text
        fixed = self.path(client, "Auditor", f"/{kind}")
        right = {"Global": [{"Area": "Certificates", "Permission": "Read"}],
                 "Containers": [{"ContainerId": 1, "Permission": "Read"}],
                 "PamProviders": [{"PamProviderId": 1, "Permissions": ["Read"]}]}[kind]
        assert client.command("PUT", fixed, json=right).status_code == 409
        nobody = f"/Security/Roles/999999999/Permissions/{kind}"
        assert client.command("GET", nobody).status_code == client.command("PUT", nobody, json=right).status_code == 404


def test_a_certificate_tells_which_roles_may_do_what_with_it(server, client):
    name = f"{uuid.uuid4().hex[:12]}.example.com"
    made, other = (client.enroll(dns=(f"{part}.{name}",))["KeyfactorID"] for part in ("in", "out"))
    collection = client.post("/CertificateCollections", {"Name": new_name("C"), "Query": f'CN -eq "in.{name}"'})["Id"]
    everywhere, there, template = admin.role(server, ["certificates/read", "audit/read"]), admin.role(server, []), admin.role(server, [])
    client.command("POST", f"/CertificateCollections/{collection}/Permissions", json=[
        {"RoleId": by_name(client, there)["Id"], "Permissions": ["Revoke"]}])
    client.rest("POST", f"/roles/{template}/grants", json={"permission": "certificates/recover", "scope": "template",
                                                          "object": "WebServer"})

    def told(number):
        body = client.get(f"/Certificates/{number}/Security")
        models.check(body, "ModelsSecurityCertificatePermissions")
        return {row["Name"]: row["Permissions"] for row in body["Roles"]}
    assert told(made)[everywhere] == ["Certificates:Read"] and told(made)[there] == ["Certificates:Revoke"]
    assert told(made)[template] == ["Certificates:Recover"] and "Certificates:Delete" in told(made)["Administrator"]
    assert there not in told(other) and everywhere in told(other)
    assert client.command("GET", f"/Certificates/{other}/Security", params={"collectionId": collection}).status_code == 404
    assert client.command("GET", "/Certificates/999999999/Security").status_code == 404
    reader = server.client(*admin.user(server, permissions=["certificates/read"]))
    assert reader.command("GET", f"/Certificates/{made}/Security").status_code == 403
    officer = server.client(*admin.user(server, permissions=["security/read"]))
    assert officer.command("GET", f"/Certificates/{made}/Security").status_code == 403
