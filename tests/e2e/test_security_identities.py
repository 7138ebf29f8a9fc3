"""Identities and claims of the Command API: two views of who may hold a role."""
import contextlib
import json
import uuid

import pytest

import admin
import issuer
import models
from chancery import good

REPLY = "KeyfactorWebKeyfactorApiModelsSecuritySecurityIdentitiesSecurityIdentityResponse"
CLAIM = "KeyfactorWebKeyfactorApiModelsSecurityRoleClaimDefinitionsRoleClaimDefinitionResponse"
IN_LIST = "array<KeyfactorWebKeyfactorApiModelsSecurityRoleClaimDefinitionsRoleClaimDefinitionQueryResponse>"
MY = "KeyfactorWebKeyfactorApiModelsSecurityLegacySecurityRolesSecurityMyResponse"


def new_value(word="pki"):
    return f"{word}-{uuid.uuid4().hex[:12]}"


def new_identity(client, account=None, **more):
    made = client.post("/Security/Identities", {"AccountName": account or f"CONTOSO\\{new_value('ana')}", **more})
    models.check(made, REPLY)
    return made


def new_claim(client, value=None, kind="Group", provider="", description="of a test"):
    made = client.post("/Security/Claims", {"ClaimType": kind, "ClaimValue": value or new_value(),
                                            "ProviderAuthenticationScheme": provider, "Description": description})
    models.check(made, CLAIM)
    return made


def hold(client, role, *identities):
    """Make these the identities of the role, beside none."""
    number = client.rest("GET", f"/roles/{role}").json()["id"]
    return good(client.command("PUT", f"/Security/Roles/{number}/Identities", json={"Ids": list(identities)}))


class TestIdentities:
    def test_an_identity_is_made_listed_and_forgotten(self, server, client):
        made = new_identity(client)
        assert made["IdentityType"] == "User" and made["Valid"] and made["Roles"] == []
        role = admin.role(server, ["certificates/read"])
        hold(client, role, made["Id"])
        reply = client.command("GET", "/Security/Identities")
        rows = good(reply)
        models.check(rows, f"array<{REPLY}>")
        assert int(reply.headers["x-total-count"]) == len(rows)
        [row] = [row for row in rows if row["AccountName"] == made["AccountName"]]
        assert {**row, "Roles": []} == made and [one["Name"] for one in row["Roles"]] == [role]
        assert client.command("DELETE", f"/Security/Identities/{made['Id']}").status_code == 204
        assert client.command("DELETE", f"/Security/Identities/{made['Id']}").status_code == 404
        assert client.rest("GET", f"/roles/{role}").json()["members"] == []

    def test_accounts_of_this_server_are_among_them(self, server, client):
        name, _ = admin.user(server, roles=["Auditor"])
        [row] = client.get("/Security/Identities", **{"pq.queryString": f'AccountName -eq "{name}"'})
        assert row["IdentityType"] == "User" and [one["Name"] for one in row["Roles"]] == ["Auditor"]
        assert row["Id"] < 2**31
        [one] = client.get("/Security/Identities", **{"pq.queryString": f'AccountName -eq "{server.client_id}"'})
        assert one["IdentityType"] == "OAuthClientId"
        for path in (f"/Security/Identities/{row['Id']}", f"/Security/Claims/{one['Id']}"):
            reply = client.command("DELETE", path)
            assert reply.status_code == 409 and "account of this server" in reply.json()["Message"]
        assert client.rest("GET", f"/users/{name}").status_code == 200

    def test_an_account_is_made_known_once_in_any_form(self, server, client):
        name = new_value("bob")
        new_identity(client, f"CONTOSO\\{name}")
        local, _ = admin.user(server)
        for again in (f"CONTOSO\\{name}", f"contoso\\{name.upper()}", f"{name}@Contoso", local, f"CONTOSO\\{local}"):
            reply = client.command("POST", "/Security/Identities", json={"AccountName": again})
            assert reply.status_code == 400 and "already" in reply.json()["Message"], again

    @pytest.mark.parametrize("wrong, said", [
        ({}, "AccountName"), ({"AccountName": None}, "AccountName"), ({"AccountName": ""}, "AccountName"),
        ({"AccountName": "CONTOSO\\"}, "AccountName"), ({"AccountName": "@contoso"}, "AccountName"),
        ({"AccountName": "a\nb"}, "AccountName"), ({"AccountName": "x" * 257}, "AccountName"),
        ({"AccountName": "x", "IdentityType": "Wish"}, "IdentityType"), ({"AccountName": ["x"]}, "AccountName"),
    ])
    def test_a_wrong_account_is_refused_by_name(self, client, wrong, said):
        reply = client.command("POST", "/Security/Identities", json=wrong)
        assert reply.status_code == 400 and said in reply.json()["Message"], reply.text

    def test_an_account_is_looked_up(self, client):
        for account, valid in (("CONTOSO\\ana", True), ("ana@contoso.com", True), ("ana", True), ("CONTOSO\\", False)):
            found = client.get("/Security/Identities/Lookup", accountName=account)
            models.check(found, "ModelsSecurityIdentitiesSecurityIdentityLookupResponse")
            assert found["Valid"] is valid, account
        assert client.command("GET", "/Security/Identities/Lookup").status_code == 400

    def test_what_it_may_do_is_told_with_the_roles(self, server, client):
        made = new_identity(client, IdentityType="Group")
        assert made["IdentityType"] == "Group"
        one, two = admin.role(server, ["certificates/read", "security/read"]), admin.role(server, ["certificates/read"])
        collection = client.post("/CertificateCollections", {"Name": new_value(), "Query": ""})["Id"]
        number = client.rest("GET", f"/roles/{two}").json()["id"]
        client.command("POST", f"/CertificateCollections/{collection}/Permissions",
                       json=[{"RoleId": number, "Permissions": ["Revoke"]}])
        for role in (one, two):
            hold(client, role, made["Id"])
        told = client.get(f"/Security/Identities/{made['Id']}")
        models.check(told, "ModelsSecurityIdentitiesSecurityIdentityPermissionsResponse")
        assert told["Identity"] == made["AccountName"]
        areas = {row["Permission"]: sorted(row["GrantedByRoles"]) for row in told["SecuredAreaPermissions"]}
        assert areas == {"Certificates:Read": sorted([one, two]), "SecuritySettings:Read": [one]}
        [row] = told["CollectionPermissions"]
        assert row["GrantedByRoles"] == [two] and str(collection) in row["Permission"] and told["ContainerPermissions"] == []
        assert client.command("GET", "/Security/Identities/999999999").status_code == 404

    def test_a_caller_sees_what_they_may_do(self, server, client):
        role = admin.role(server, ["certificates/read", "audit/export"])
        told = server.client(*admin.user(server, roles=[role])).get("/Security/My")
        models.check(told, MY)
        assert told == {"Roles": [role], "GlobalPermissions": [
            {"Area": "Certificates", "Permission": "Read"}, {"Area": "audit", "Permission": "export"}]}
        assert {"Area": "SecuritySettings", "Permission": "Modify"} in client.get("/Security/My")["GlobalPermissions"]


class TestClaims:
    def test_a_claim_is_made_described_and_forgotten(self, server, client):
        made = new_claim(client, provider="corp")
        assert made["ClaimType"] == "Group" and made["Provider"]["AuthenticationScheme"] == "corp"
        assert client.get(f"/Security/Claims/{made['Id']}") == made
        rows = client.get("/Security/Claims")
        models.check(rows, IN_LIST)
        assert made in rows
        described = good(client.command("PUT", "/Security/Claims", json={"Id": made["Id"], "Description": "new"}))
        assert described == {**made, "Description": "new"}
        role = admin.role(server, [])
        hold(client, role, made["Id"])
        asked = {"ClaimType": "1", "ClaimValue": made["ClaimValue"].upper()}
        [found] = client.get("/Security/Claims/Roles", **asked)
        assert found["Name"] == role and found["PermissionSetId"]
        assert client.get("/Security/Claims/Roles", **asked, ProviderAuthenticationScheme="other") == []
        assert client.command("DELETE", f"/Security/Claims/{made['Id']}").status_code == 204
        for method in ("GET", "DELETE"):
            assert client.command(method, f"/Security/Claims/{made['Id']}").status_code == 404
        assert client.get("/Security/Claims/Roles", **asked) == []

    @pytest.mark.parametrize("number, word", list(enumerate((
        "User", "Group", "Computer", "OAuthOid", "OAuthRole", "OAuthSubject", "OAuthClientId", "CertificateThumbprint",
        "CertificateSubject", "CertificateUpn", "CertificateCn"))))
    def test_types_are_numbers_or_words(self, client, number, word):
        value = uuid.uuid4().hex + "00000000"
        assert new_claim(client, value, number)["ClaimType"] == word
        for again in (str(number), word.lower()):
            reply = client.command("POST", "/Security/Claims", json={
                "ClaimType": again, "ClaimValue": value, "ProviderAuthenticationScheme": "", "Description": ""})
            assert reply.status_code == 400 and "already" in reply.json()["Message"]

    @pytest.mark.parametrize("wrong, said", [
        ({"ClaimType": None}, "ClaimType"), ({"ClaimType": 99}, "ClaimType"), ({"ClaimValue": ""}, "value"),
        ({"ClaimValue": None}, "ClaimValue"), ({"ProviderAuthenticationScheme": None}, "ProviderAuthenticationScheme"),
        ({"ProviderAuthenticationScheme": "Chancery"}, "ProviderAuthenticationScheme"), ({"Description": None}, "Description"),
        ({"ClaimType": 7, "ClaimValue": "zz"}, "value"), ({"ClaimValue": "a\nb"}, "value"),
    ])
    def test_a_wrong_member_is_named(self, client, wrong, said):
        reply = client.command("POST", "/Security/Claims", json={
            "ClaimType": 1, "ClaimValue": new_value(), "ProviderAuthenticationScheme": "", "Description": "", **wrong})
        assert reply.status_code == 400 and said in reply.json()["Message"], reply.text

    def test_questions_that_are_none_are_refused(self, server, client):
        assert client.command("PUT", "/Security/Claims", json={"Id": 999999999, "Description": ""}).status_code == 404
        name, _ = admin.user(server)
        [row] = client.get("/Security/Claims", **{"pq.queryString": f'ClaimValue -eq "{name}"'})
        assert client.command("PUT", "/Security/Claims", json={"Id": row["Id"], "Description": "x"}).status_code == 409
        reply = client.command("GET", "/Security/Claims/Roles", params={"ClaimType": "Group"})
        assert reply.status_code == 400 and "ClaimValue" in reply.json()["Message"]

    @pytest.mark.seed("S132")
    def test_who_bears_a_group_has_its_role_and_loses_it_with_the_claim(self, new_server, tmp_path):
        """The seed's groups, as an identity provider says them."""
        with contextlib.closing(issuer.Issuer(tmp_path)) as provider:
            config = tmp_path / "chancery.yaml"
            config.write_text(json.dumps({"access": {"providers": [{
                "name": "corp", "issuer": provider.url, "audience": "chancery", "ca": str(provider.ca)}]}}))
            config.chmod(0o600)
            server = new_server(config=config).start()
            client = server.client()
            roles = {row["Name"]: row for row in client.get("/Security/Roles")}
            made = {}
            for group, role in (("PKI-Administrators", "Certificate Administrator"), ("PKI-Users", "Certificate Requester")):
                made[group] = new_claim(client, group, provider="corp")
                assert client.get("/Security/Identities", **{"pq.queryString": f'AccountName -eq "{group}"'})[0]["Valid"]
                good(client.command("PUT", "/Security/Roles", json={**roles[role], "Identities": [{"AccountName": group}]}))
            user = server.client(token=provider.token(groups=["pki-users"]))
            boss = server.client(token=provider.token(sub="boss", groups=["PKI-Administrators", "others"]))
            assert user.get("/Security/My")["Roles"] == ["Certificate Requester"]
            assert boss.get("/Security/My")["Roles"] == ["Certificate Administrator"]
            assert user.command("GET", "/Templates").status_code == 403
            assert boss.command("GET", "/Templates").status_code == 200
            client.command("DELETE", f"/Security/Claims/{made['PKI-Administrators']['Id']}")
            assert boss.command("GET", "/Templates").status_code == 403
            assert not new_identity(client, "x@other").get("Roles")
            nowhere = new_claim(client, provider="nowhere")
            [row] = client.get("/Security/Identities", **{"pq.queryString": f'AccountName -eq "{nowhere["ClaimValue"]}"'})
            assert row["Valid"] is False, "nobody can ever say it"
