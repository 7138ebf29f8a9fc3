"""Collections: kept queries, and what a role may do in one of them alone."""
import re
import uuid

import pytest

import admin
import keys
import models
from chancery import good

REPLY = "KeyfactorApiModelsCertificateCollectionsCertificateCollectionResponse"


def new_name(word="Collection"):
    return f"{word} {uuid.uuid4().hex[:12]}"


def new_collection(client, query='CN -contains "web"', name=None, **more):
    made = client.post("/CertificateCollections", {"Name": name or new_name(), "Description": "of a test", "Query": query,
                                                   **more})
    models.check(made, REPLY)
    return made


def inside(client, collection, **more):
    reply = client.command("GET", "/Certificates", params={"collectionId": collection, "pq.returnLimit": 1000, **more})
    rows = good(reply)
    assert int(reply.headers["x-total-count"]) == len(rows)
    return [row["Id"] for row in rows]


def role_id(server, name):
    return good(server.client().rest("GET", f"/roles/{name}"))["id"]


def grant(server, collection, name, *permissions):
    """What the role may do in the collection."""
    reply = server.client().command("POST", f"/CertificateCollections/{collection}/Permissions", json=[
        {"RoleId": role_id(server, name), "Permissions": list(permissions)}])
    assert reply.status_code == 204, reply.text


class TestKept:
    def test_a_collection_is_made_read_changed_copied_and_removed(self, client):
        made = new_collection(client, 'CN -eq "x"', DuplicationField=1, ShowOnDashboard=True, Favorite=False)
        assert made["Content"] == made["Query"] == 'CN -eq "x"' and made["DuplicationField"] == 1
        for reference in (made["Id"], made["Name"], made["Name"].upper()):
            shown = client.get(f"/CertificateCollections/{reference}")
            models.check(shown, "ModelsCertificateQuery")
            assert shown == made
        changed = good(client.command("PUT", "/CertificateCollections", json={
            "Id": made["Id"], "Name": made["Name"], "Query": 'CN -eq "y"', "DuplicationField": "DN"}))
        models.check(changed, REPLY)
        assert changed == {**made, "Query": 'CN -eq "y"', "Content": 'CN -eq "y"', "DuplicationField": 2}
        copied = client.post("/CertificateCollections/Copy", {"CopyFromId": made["Id"], "Name": new_name("Copy")})
        models.check(copied, REPLY)
        assert {**copied, "Id": 0, "Name": ""} == {**changed, "Id": 0, "Name": ""}
        other = client.post("/CertificateCollections", {"CopyFromId": made["Id"], "Name": new_name("Copy"),
                                                        "Query": 'CN -eq "z"'})
        assert other["Query"] == 'CN -eq "z"' and other["Description"] == "of a test"
        assert client.command("DELETE", f"/CertificateCollections/{made['Id']}").status_code == 204
        for method in ("GET", "DELETE"):
            assert client.command(method, f"/CertificateCollections/{made['Id']}").status_code == 404
        assert client.command("GET", "/CertificateCollections/No such one").status_code == 404

    def test_a_list_holds_all_and_can_be_searched(self, client):
        names = sorted(new_name(word) for word in ("ba", "BB", "bc"))
        for name in names:
            new_collection(client, name=name)
        reply = client.command("GET", "/CertificateCollections")
        rows = good(reply)
        models.check(rows, "array<ModelsCertificateQuery>")
        assert int(reply.headers["x-total-count"]) == len(rows)
        assert [row["Name"] for row in rows] == sorted((row["Name"] for row in rows), key=str.lower)
        found = client.get("/CertificateCollections", **{"pq.queryString": f'Name -eq "{names[1].lower()}"'})
        assert [row["Name"] for row in found] == [names[1]]
        assert len(client.get("/CertificateCollections", **{"pq.returnLimit": 2, "pq.pageReturned": 1})) == 2

    @pytest.mark.parametrize("wrong, said", [
        ({"Name": None}, "Name"), ({"Name": ""}, "Name"), ({"Name": " "}, "Name"), ({"Name": "12"}, "Name"),
        ({"Name": "x" * 101}, "Name"), ({"Name": "a\nb"}, "Name"), ({"Description": "x" * 4001}, "Description"),
        ({"Query": "nonsense (("}, "position"), ({"Query": "NoSuchField -eq 1"}, "NoSuchField"),
        ({"Query": 'NotAfter -eq "soon"'}, "position"), ({"DuplicationField": 3}, "DuplicationField"),
        ({"CopyFromId": 999999999}, "not found"), ({"Query": 7}, "Query"),
    ])
    def test_a_wrong_member_is_named(self, client, wrong, said):
        reply = client.command("POST", "/CertificateCollections", json={"Name": new_name(), "Query": "", **wrong})
        assert reply.status_code in (400, 404) and said in reply.json()["Message"], reply.text
        assert reply.status_code == 400 or "CopyFromId" in wrong

    def test_a_name_is_taken_in_any_case(self, client):
        made, other = new_collection(client), new_collection(client)
        for method, body in (("POST", {}), ("PUT", {"Id": other["Id"]})):
            reply = client.command(method, "/CertificateCollections", json={**body, "Name": made["Name"].upper()})
            assert reply.status_code == 400 and "already" in reply.json()["Message"], reply.text
        assert client.command("PUT", "/CertificateCollections", json={"Id": 999999999, "Name": "x"}).status_code == 404
        for copied in (0, None, 999999999):
            reply = client.command("POST", "/CertificateCollections/Copy", json={"CopyFromId": copied, "Name": "x"})
            assert reply.status_code == (404 if copied else 400), reply.text

    def test_certificates_come_from_it(self, client):
        word = uuid.uuid4().hex[:12]
        ids = [client.enroll(dns=(f"{name}.{word}.example.com",))["KeyfactorID"] for name in ("web1", "web2", "db1", "web3")]
        webs = new_collection(client, f'CN -startswith "web" AND CN -contains "{word}"')["Id"]
        assert inside(client, webs) == [ids[0], ids[1], ids[3]]
        assert inside(client, webs, **{"pq.queryString": 'CN -startswith "web2" OR CN -startswith "db"'}) == [ids[1]]
        assert inside(client, webs, **{"pq.sortField": "CN", "pq.sortAscending": 1}) == [ids[3], ids[1], ids[0]]
        assert client.get("/Certificates", collectionId=webs, **{"pq.returnLimit": 2, "pq.pageReturned": 2})[0]["Id"] == ids[3]
        assert client.get(f"/Certificates/{ids[0]}", collectionId=webs)["Id"] == ids[0]
        assert client.command("GET", f"/Certificates/{ids[2]}", params={"collectionId": webs}).status_code == 404
        client.revoke(ids[0])
        assert inside(client, webs) == [ids[1], ids[3]]
        assert inside(client, webs, **{"pq.includeRevoked": "true"}) == [ids[0], ids[1], ids[3]]
        revoked = new_collection(client, f'CertState -eq 2 AND CN -contains "{word}"')["Id"]
        assert inside(client, revoked) == [ids[0]], "a collection of revoked ones shows them"
        rows = good(client.rest("GET", "/certificates", params={"collection": webs}))["items"]
        assert [row["id"] for row in rows] == [ids[1], ids[3]]
        everything = new_collection(client, "")["Id"]
        assert client.get(f"/Certificates/{ids[2]}", collectionId=everything)["Id"] == ids[2]
        assert client.command("GET", "/Certificates", params={"collectionId": 999999999}).status_code == 404

    @pytest.mark.parametrize("policy", [1, 2, 4])
    def test_of_duplicates_only_the_newest_is_in(self, server, client, policy):
        word = uuid.uuid4().hex[:12]
        template = admin.template(server, policy={"san_upn": "optional"}) if policy == 4 else "WebServer"

        def enroll(cn):
            sans = {"dns": [f"{cn}.{word}.example.com"], **({"upn": [f"ana@{word}.example.com"]} if policy == 4 else {})}
            return client.enroll(dns=(f"{cn}.{word}.example.com",), Template=template, SANs=sans)["KeyfactorID"]
        a, b, c = enroll("one"), enroll("two"), enroll("one")
        keep = new_collection(client, f'CN -contains "{word}"')["Id"]
        newest = new_collection(client, f'CN -contains "{word}"', DuplicationField=policy)["Id"]
        assert inside(client, keep) == [a, b, c]
        assert inside(client, newest) == ([c] if policy == 4 else [b, c])
        assert client.command("GET", f"/Certificates/{a}", params={"collectionId": newest}).status_code == 404
        client.revoke(c)
        assert inside(client, newest) == ([b] if policy == 4 else [a, b]), "a revoked one takes nobody's place"
        only_a = new_collection(client, f'CN -contains "{word}" AND CertId -le {a}', DuplicationField=policy)["Id"]
        assert inside(client, only_a) == [a], "what is not in the collection takes nobody's place"

    def test_bulk_actions_stay_inside(self, client):
        word, name = uuid.uuid4().hex[:12], f"Field-{uuid.uuid4().hex[:12]}"
        client.post("/MetadataFields", {"Name": name, "Description": "x", "DataType": 1})
        ids = [client.enroll(dns=(f"{cn}.{word}.example.com",))["KeyfactorID"] for cn in ("in", "out")]
        collection = new_collection(client, f'CN -eq "in.{word}.example.com"')["Id"]
        body = {"Query": f'CN -contains "{word}"', "Metadata": [{"MetadataName": name, "Value": "x", "OverwriteExisting": True}]}
        reply = client.command("PUT", "/Certificates/Metadata/All", json=body, params={"collectionId": collection})
        assert reply.status_code == 204, reply.text
        assert [client.get(f"/Certificates/{number}/Metadata")["Metadata"] for number in ids] == [{name: "x"}, {}]
        body = {**body, "Query": None, "CertificateIds": ids}
        reply = client.command("PUT", "/Certificates/Metadata/All", json=body, params={"collectionId": collection})
        assert reply.status_code == 404
        got = client.post("/Certificates/RevokeAll", {"Query": f'CN -contains "{word}"', "Reason": 4,
                                                      "CollectionId": collection})
        assert got["RevokedIds"] == ids[:1] and client.get(f"/Certificates/{ids[1]}")["CertState"] == 1


class TestGrants:
    def test_permissions_are_set_for_roles_and_for_collections(self, server, client):
        first, second = new_collection(client)["Id"], new_collection(client)["Id"]
        one, two = admin.role(server, []), admin.role(server, [])
        path = f"/Security/Roles/{role_id(server, one)}/Permissions/Collections"
        grant(server, first, one, "Read", "certificates/edit", "Certificates:Revoke", "/certificates/collections/delete/")
        grant(server, first, two, "Read")

        def permissions():
            return {(row["CollectionId"], row["Permission"]) for row in client.get(path)}
        assert permissions() == {(first, word) for word in ("Read", "EditMetadata", "Revoke", "Delete")}
        assert {row["Name"] for row in client.get(path)} == {client.get(f"/CertificateCollections/{first}")["Name"]}
        grant(server, first, one, "Read", "Recover", "Recover")
        assert permissions() == {(first, "Read"), (first, "Recover")}
        rows = client.post(path, [{"CollectionId": second, "Permission": "read"}, {"CollectionId": first, "Permission": "Read"}])
        assert len(rows) == 3 and permissions() == {(first, "Read"), (first, "Recover"), (second, "Read")}
        good(client.command("PUT", path, json=[{"CollectionId": second, "Permission": "Modify"}]))
        assert permissions() == {(second, "Modify")}
        copied = client.post("/CertificateCollections/Copy", {"CopyFromId": second, "Name": new_name()})["Id"]
        assert permissions() == {(second, "Modify"), (copied, "Modify")}
        client.command("DELETE", f"/CertificateCollections/{second}")
        assert permissions() == {(copied, "Modify")}
        good(client.command("PUT", path, json=[]))
        assert permissions() == set()
        told = good(client.rest("GET", "/audit", params={"target_type": "role", "target_id": role_id(server, one),
                                                         "action": "permission.grant"}))
        assert told["items"], "each change is in the record"

    def test_what_is_wrong_is_named_and_nothing_changes(self, server, client):
        collection, name = new_collection(client)["Id"], admin.role(server, [])
        number = role_id(server, name)
        path = f"/CertificateCollections/{collection}/Permissions"
        good_one = {"RoleId": number, "Permissions": ["Read"]}
        for bad, status in (({"RoleId": number, "Permissions": ["Fly"]}, 400), ({"RoleId": number, "Permissions": [None]}, 400),
                            ({"RoleId": number, "Permissions": ["PkiManagement:Read"]}, 400),
                            ({"Permissions": ["Read"]}, 400), ({"RoleId": 999999999, "Permissions": ["Read"]}, 404),
                            ({"RoleId": role_id(server, "Administrator"), "Permissions": []}, 409)):
            reply = client.command("POST", path, json=[good_one, bad])
            assert reply.status_code == status, (bad, reply.text)
        roles = f"/Security/Roles/{number}/Permissions/Collections"
        for bad in ([{"CollectionId": 999999999, "Permission": "Read"}], [{"CollectionId": collection, "Permission": "Fly"}],
                    [{"CollectionId": collection}], {"CollectionId": collection}):
            assert client.command("POST", roles, json=bad).status_code == 400, bad
            assert client.command("PUT", roles, json=bad).status_code == 400, bad
        assert client.get(roles) == []
        assert client.command("POST", "/CertificateCollections/999999999/Permissions", json=[good_one]).status_code == 404
        assert client.command("GET", "/Security/Roles/999999999/Permissions/Collections").status_code == 404

    def test_only_who_manages_security_gives_permissions(self, server, client):
        collection, name = new_collection(client)["Id"], admin.role(server, [])
        number = role_id(server, name)
        other = server.client(*admin.user(server, permissions=["collections/modify", "certificates/read", "security/read"]))
        path = f"/Security/Roles/{number}/Permissions/Collections"
        assert other.get(path) == []
        for method, where, body in (("POST", path, []), ("PUT", path, []),
                                    ("POST", f"/CertificateCollections/{collection}/Permissions", [])):
            assert other.command(method, where, json=body).status_code == 403
        copy = {"CopyFromId": collection, "Name": new_name()}
        assert other.command("POST", "/CertificateCollections/Copy", json={**copy, "Query": ""}).status_code == 403, \
            "its readers would see more"
        assert other.command("POST", "/CertificateCollections/Copy", json=copy).status_code == 200


class Guard:
    """A collection with certificates inside and outside, and a caller who may read inside alone."""

    def __init__(self, server, *permissions):
        self.server, self.client = server, server.client()
        self.word, self.field = uuid.uuid4().hex[:12], f"Field-{uuid.uuid4().hex[:12]}"
        self.client.post("/MetadataFields", {"Name": self.field, "Description": "x", "DataType": 1})
        self.answers = {name: self.client.enroll(dns=(f"{name}.{self.word}.example.com",), Metadata={self.field: name})
                        for name in ("in1", "out1", "in2", "out2")}
        self.ids = {name: answer["KeyfactorID"] for name, answer in self.answers.items()}
        self.collection = new_collection(self.client, f'CN -startswith "in" AND CN -contains "{self.word}"')["Id"]
        self.other = new_collection(self.client, f'CN -contains "{self.word}"')["Id"]
        self.role = admin.role(server, [])
        if permissions:
            grant(server, self.collection, self.role, *permissions)
        self.name, self.password = admin.user(server, roles=[self.role])
        self.caller = server.client(self.name, self.password)


def same(first, second, *numbers):
    """Two refusals that nobody can tell apart."""
    either = "|".join(sorted(map(str, numbers), key=len, reverse=True))  # 9 is part of 999999999
    texts = [re.sub(either, "N", reply.text) for reply in (first, second)]
    assert first.status_code == second.status_code and texts[0] == texts[1], texts
    assert set(first.headers) == set(second.headers)
    return first.status_code


class TestGuarded:
    def test_a_reader_sees_the_inside_alone(self, server):
        guard = Guard(server, "Read")
        caller, ids, collection = guard.caller, guard.ids, guard.collection
        assert inside(caller, collection) == [ids["in1"], ids["in2"]]
        for query in ("", f'{guard.field} -ne NULL', 'CN -startswith "out" OR CN -startswith "in"', "NOT CN -eq NULL",
                      f'CN -contains "{guard.word}" OR CertId -ge 0'):
            assert inside(caller, collection, **{"pq.queryString": query, "pq.includeRevoked": "true",
                                                 "pq.includeExpired": "true"}) == [ids["in1"], ids["in2"]], query
        for field in ("CN", guard.field, "NotAfter", "SerialNumber"):
            assert sorted(inside(caller, collection, **{"pq.sortField": field})) == [ids["in1"], ids["in2"]], field
        assert caller.get(f"/Certificates/{ids['in1']}", collectionId=collection)["Id"] == ids["in1"]
        assert caller.get(f"/Certificates/{ids['in1']}/Metadata", collectionId=collection)["Metadata"] == {guard.field: "in1"}
        rows = good(caller.rest("GET", "/certificates", params={"collection": collection}))["items"]
        assert [row["id"] for row in rows] == [ids["in1"], ids["in2"]]
        assert good(caller.rest("GET", f"/certificates/{ids['in1']}", params={"collection": collection}))["id"] == ids["in1"]
        assert [row["Id"] for row in caller.get("/CertificateCollections")] == [collection]
        assert caller.get(f"/CertificateCollections/{collection}")["Id"] == collection
        shown = caller.get(f"/Certificates/{ids['in1']}", collectionId=collection, includeMetadata="true")
        assert shown["Metadata"] == {guard.field: "in1"}
        for body in ({"CertID": ids["in1"]}, {"Thumbprint": guard.answers["in1"]["Thumbprint"]},
                     {"SerialNumber": guard.answers["in1"]["SerialNumber"], "IssuerDN": guard.answers["in1"]["IssuerDN"]}):
            good(caller.command("POST", "/Certificates/Download", json=body, params={"collectionId": collection}))

    def test_keys_are_recovered_renewed_and_destroyed_in_the_collection_that_is_named(self, server, client):
        word, pfx = f"k{uuid.uuid4().hex[:12]}", {"x-certificateformat": "PEM"}
        template = admin.template(server, policy={"key_retention": "indefinite"})
        def enrolled(name):
            return client.post("/Enrollment/PFX", {"Subject": f"CN={name}", "SANs": {"dns": [name]}, "Template": template,
                                                   "Password": "a long password", "KeyType": "ECC"})["CertificateInformation"]
        inner, outer = enrolled(f"in.{word}.example.com"), enrolled(f"out.{word}.example.com")
        collection = new_collection(client, f'CN -eq "in.{word}.example.com"')["Id"]
        role = admin.role(server, ["enrollment/pfx"])
        grant(server, collection, role, "Read", "Recover", "Delete", "Revoke")
        caller = server.client(*admin.user(server, roles=[role]))

        def calls(who, info, **params):
            which, number = {"Password": "a long password"}, info["KeyfactorId"]
            return [who.command("POST", "/Certificates/Recover", json={"CertID": number, **which}, headers=pfx, params=params),
                    who.command("POST", "/Certificates/Recover", json={"Thumbprint": info["Thumbprint"], **which}, headers=pfx,
                                params=params),
                    who.command("GET", f"/Enrollment/AvailableRenewal/Id/{number}", params=params),
                    who.command("GET", f"/Enrollment/AvailableRenewal/Thumbprint/{info['Thumbprint']}", params=params),
                    who.command("POST", "/Enrollment/Renew", json={"CertificateId": number}, params=params),
                    who.command("DELETE", f"/Certificates/PrivateKey/{number}", params=params),
                    who.command("DELETE", "/Certificates/PrivateKey", json=[number], params=params)]
        assert {reply.status_code for reply in calls(caller, inner) + calls(caller, outer)} == {403}
        for who in (caller, client):
            assert {reply.status_code for reply in calls(who, outer, collectionId=collection)} == {404}
        other = new_collection(client, "")["Id"]
        assert {reply.status_code for reply in calls(caller, inner, collectionId=other)} == {403}
        replies = calls(caller, inner, collectionId=collection)
        assert [reply.status_code for reply in replies] == [200, 200, 200, 200, 200, 204, 404], [r.text for r in replies]
        assert replies[2].json()["AvailableRenewalType"] == 1
        shown = client.get(f"/Certificates/{outer['KeyfactorId']}", includeHasPrivateKey="true")
        assert shown["HasPrivateKey"] is True and shown["CertState"] == 1

    def test_all_that_a_query_finds_is_revoked_in_the_collection_that_is_named(self, client):
        word = f"r{uuid.uuid4().hex[:12]}"
        names = [f"{kind}.{word}.example.com" for kind in ("in", "out")]
        ids = [client.enroll(keys.new_csr(name, [name]), dns=(name,))["KeyfactorID"] for name in names]
        collection = new_collection(client, f'CN -eq "{names[0]}"')["Id"]
        body = {"Query": f'CN -contains "{word}"', "Reason": 4}
        reply = good(client.command("POST", "/Certificates/RevokeAll", json=body, params={"collectionId": collection}))
        assert reply["RevokedIds"] == [ids[0]]
        assert client.get(f"/Certificates/{ids[1]}")["CertState"] == 1
        reply = client.command("DELETE", f"/Certificates/{ids[1]}/Revoke", params={"collectionId": collection})
        assert reply.status_code == 404 and client.get(f"/Certificates/{ids[1]}")["CertState"] == 1, reply.text

    def test_what_is_outside_is_as_if_it_were_not_there(self, server):
        guard = Guard(server, "Read", "EditMetadata", "Revoke")
        caller, collection, out, gone = guard.caller, guard.collection, guard.ids["out1"], 999999999
        answer, unknown = guard.answers["out1"], "AB" * 20
        put = {"Metadata": {guard.field: "x"}}
        pairs = [
            ("GET", "/Certificates/{}", None, None), ("GET", "/Certificates/{}/Metadata", None, None),
            ("GET", f"/Certificates/Metadata/Compare?certificateId={{}}&metadataFieldName={guard.field}&value=out1", None, None),
            ("PUT", "/Certificates/Metadata", {"Id": out, **put}, {"Id": gone, **put}),
            ("PUT", "/Certificates/Metadata/All", *[{"CertificateIds": [number], "Metadata": [
                {"MetadataName": guard.field, "Value": "x", "OverwriteExisting": True}]} for number in (out, gone)]),
            ("POST", "/Certificates/Download", {"CertID": out}, {"CertID": gone}),
            ("POST", "/Certificates/Download", {"Thumbprint": answer["Thumbprint"]}, {"Thumbprint": unknown}),
            ("POST", "/Certificates/Download", {"SerialNumber": answer["SerialNumber"], "IssuerDN": answer["IssuerDN"]},
             {"SerialNumber": "7" * 30, "IssuerDN": answer["IssuerDN"]}),
            ("POST", "/Certificates/Revoke", *[{"CertificateIds": [number], "Reason": 4, "CollectionId": collection}
                                               for number in (out, gone)]),
        ]
        for method, path, first, second in pairs:
            replies = [caller.command(method, path.format(number), json=body, params={"collectionId": collection})
                       for number, body in ((out, first), (gone, second))]
            status = same(*replies, out, gone, answer["Thumbprint"], unknown, answer["SerialNumber"], "7" * 30)
            assert status in (400, 404), (path, replies[0].text)
        same(caller.rest("GET", f"/certificates/{out}", params={"collection": collection}),
             caller.rest("GET", f"/certificates/{gone}", params={"collection": collection}), out, gone, r"[0-9A-Z]{26}")
        shown = guard.client.get(f"/Certificates/{out}", includeMetadata="true")
        assert shown["CertState"] == 1 and shown["Metadata"] == {guard.field: "out1"}

    def test_without_a_collection_or_with_another_nothing_is_told(self, server):
        guard = Guard(server, "Read", "EditMetadata", "Revoke", "Modify")
        caller, out, gone = guard.caller, guard.ids["out1"], 999999999
        put = {"Metadata": {guard.field: "x"}}
        for collection in (None, guard.other, gone):
            where = {"collectionId": collection} if collection else {}
            assert caller.command("GET", "/Certificates", params=where).status_code == 403
            for method, path, first, second in (
                    ("GET", "/Certificates/{}", None, None), ("GET", "/Certificates/{}/Metadata", None, None),
                    ("PUT", "/Certificates/Metadata", {"Id": out, **put}, {"Id": gone, **put}),
                    ("POST", "/Certificates/Download", {"CertID": out}, {"CertID": gone}),
                    ("POST", "/Certificates/RevokeAll", {"Query": f"CertId -eq {out}", "Reason": 4, "CollectionId": collection},
                     {"Query": f"CertId -eq {gone}", "Reason": 4, "CollectionId": collection}),
                    ("POST", "/Certificates/Revoke", {"CertificateIds": [out], "Reason": 4, "CollectionId": collection},
                     {"CertificateIds": [gone], "Reason": 4, "CollectionId": collection})):
                replies = [caller.command(method, path.format(number), json=body, params=where)
                           for number, body in ((out, first), (gone, second))]
                assert same(*replies, out, gone) == 403, (path, collection)
        for method in ("DELETE",):
            replies = [caller.command(method, f"/Certificates/{number}/Revoke") for number in (out, gone)]
            assert same(*replies, out, gone) == 403
        for params in ({}, {"collection": guard.other}, {"collection": gone}):
            assert caller.rest("GET", "/certificates", params=params).status_code == 403
            assert caller.rest("GET", f"/certificates/{out}", params=params).status_code == 403
            assert caller.rest("GET", f"/certificates/{gone}", params=params).status_code == 403
        replies = [caller.command("GET", f"/CertificateCollections/{number}") for number in (guard.other, gone)]
        assert same(*replies, guard.other, gone) == 404
        other_name = guard.client.get(f"/CertificateCollections/{guard.other}")["Name"]
        assert caller.command("GET", f"/CertificateCollections/{other_name}").status_code == 404
        for method, path, body in (("DELETE", "/CertificateCollections/{}", None),
                                   ("PUT", "/CertificateCollections", {"Id": 0, "Name": "x"})):
            replies = [caller.command(method, path.format(number), json=body and {**body, "Id": number})
                       for number in (guard.other, gone)]
            assert same(*replies, guard.other, gone) == 403
        assert caller.command("POST", "/CertificateCollections", json={"Name": new_name()}).status_code == 403

    def test_a_request_tells_nothing_of_other_certificates(self, server):
        guard = Guard(server, "Read")
        reply = guard.client.rest("POST", f"/roles/{guard.role}/grants", json={"permission": "enrollment/csr", "scope": "all"})
        assert reply.status_code in (200, 201, 204), reply.text
        key = keys.new_key()
        taken = guard.client.enroll(keys.new_csr(f"taken.{guard.word}.example.com", [f"taken.{guard.word}.example.com"], key=key))
        mine = keys.new_csr(f"mine.{guard.word}.example.com", [f"mine.{guard.word}.example.com"], key=key)
        body = {"CSR": mine, "Template": "WebServer"}
        reply = guard.caller.command("POST", "/Enrollment/CSR", json=body)
        assert reply.status_code == 400 and "in use for another subject" in reply.json()["Message"]
        said = re.sub(r"\(CHY-\d+\)|[\w.-]+\.example\.com", "", reply.json()["Message"])
        assert not re.search(rf"\b{taken['KeyfactorID']}\b", said) and "by certificate" not in said, said
        assert f"certificate {taken['KeyfactorID']}" in guard.client.command("POST", "/Enrollment/CSR", json=body).json()["Message"]
        other = {"CSR": keys.new_csr("r.example.com", ["r.example.com"]), "Template": "WebServer"}
        replies = [guard.caller.command("POST", "/Enrollment/CSR", json={**other, "RenewalCertificateId": number})
                   for number in (guard.ids["out1"], 999999999)]
        assert same(*replies, guard.ids["out1"], 999999999) == 403

    @pytest.mark.parametrize("permission, allowed", [
        ("Read", {"list", "get", "download", "compare"}), ("EditMetadata", {"put", "put all"}),
        ("Revoke", {"revoke"}), ("Modify", {"rename"}), ("", set()),
        ("Read Revoke", {"list", "get", "download", "compare", "revoke", "revoke all"}),
    ])
    def test_each_permission_opens_its_own_doors(self, server, permission, allowed):
        guard = Guard(server, *permission.split())
        number, collection = guard.ids["in1"], guard.collection
        name = guard.client.get(f"/CertificateCollections/{collection}")["Name"]
        calls = {
            "list": ("GET", "/Certificates", None), "get": ("GET", f"/Certificates/{number}", None),
            "compare": ("GET", f"/Certificates/Metadata/Compare?certificateId={number}&metadataFieldName={guard.field}&value=x",
                        None),
            "download": ("POST", "/Certificates/Download", {"CertID": number}),
            "put": ("PUT", "/Certificates/Metadata", {"Id": number, "Metadata": {guard.field: "y"}}),
            "put all": ("PUT", "/Certificates/Metadata/All", {"Query": "CN -ne NULL", "Metadata": [
                {"MetadataName": guard.field, "Value": "z", "OverwriteExisting": True}]}),
            "rename": ("PUT", "/CertificateCollections", {"Id": collection, "Name": name, "Description": "other"}),
            "revoke": ("POST", "/Certificates/Revoke", {"CertificateIds": [number], "Reason": 4, "CollectionId": collection}),
            "revoke all": ("POST", "/Certificates/RevokeAll", {"Query": "CN -ne NULL", "Reason": 4, "CollectionId": collection}),
        }
        for call, (method, path, body) in calls.items():
            reply = guard.caller.command(method, path, json=body, params={"collectionId": collection})
            assert reply.status_code in ((200, 204) if call in allowed else (403,)), (call, reply.text)

    def test_a_collections_query_is_changed_by_those_who_see_all(self, server):
        guard = Guard(server, "Read", "Modify")
        name = guard.client.get(f"/CertificateCollections/{guard.collection}")["Name"]
        body = {"Id": guard.collection, "Name": name}
        good(guard.caller.command("PUT", "/CertificateCollections", json={**body, "Description": "mine"}))
        for wider in ({"Query": ""}, {"DuplicationField": 1}):
            assert guard.caller.command("PUT", "/CertificateCollections", json={**body, **wider}).status_code == 403
        assert inside(guard.caller, guard.collection) == [guard.ids["in1"], guard.ids["in2"]]

    def test_a_permission_that_is_taken_ends_at_once(self, server):
        guard = Guard(server, "Read")
        assert inside(guard.caller, guard.collection)
        grant(server, guard.collection, guard.role)
        assert guard.caller.command("GET", "/Certificates", params={"collectionId": guard.collection}).status_code == 403
        grant(server, guard.collection, guard.role, "Read")
        assert inside(guard.caller, guard.collection)
        assert guard.client.command("DELETE", f"/CertificateCollections/{guard.collection}").status_code == 204
        assert guard.caller.command("GET", "/Certificates", params={"collectionId": guard.collection}).status_code == 403
