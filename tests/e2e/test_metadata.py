"""Metadata: fields, values of certificates, search by them."""
import uuid

import pytest

import admin
import models
from chancery import good

FIELD = "KeyfactorApiModelsMetadataFieldMetadataFieldResponse"


def new_name(word="Field"):
    return f"{word}-{uuid.uuid4().hex[:12]}"


def new_field(client, kind=1, name=None, **more):
    """Make a field; the reply."""
    made = client.post("/MetadataFields", {"Name": name or new_name(), "Description": "made by a test", "DataType": kind,
                                           **more})
    models.check(made, FIELD)
    return made


class TestFields:
    def test_a_field_is_made_read_changed_and_removed(self, client):
        made = new_field(client, 5, Options="Red,Green", DefaultValue="red", Hint="a colour", Enrollment=0,
                         DisplayOrder=7, Message="choose one", Validation="")
        assert (made["DefaultValue"], made["DisplayOrder"], made["Options"]) == ("red", 7, "Red,Green")
        for reference in (made["Id"], made["Name"], made["Name"].upper()):
            shown = client.get(f"/MetadataFields/{reference}")
            models.check(shown, "ModelsMetadataFieldTypeModel")
            assert shown == made
        changed = good(client.command("PUT", "/MetadataFields", json={
            "Id": made["Id"], "Name": made["Name"], "Description": "other", "DataType": "MultipleChoice", "Hint": ""}))
        models.check(changed, FIELD)
        assert changed == {**made, "Description": "other", "Hint": ""}, "what is left out stays"
        assert client.get(f"/MetadataFields/{made['Id']}/InUse") is False
        assert client.command("DELETE", f"/MetadataFields/{made['Id']}").status_code == 204
        assert client.command("GET", f"/MetadataFields/{made['Id']}").status_code == 404
        assert client.command("DELETE", f"/MetadataFields/{made['Id']}").status_code == 404

    def test_a_list_without_paging_holds_every_field(self, client):
        names = [new_name("Z") for _ in range(60)]
        made = [new_field(client, name=name, DisplayOrder=1000000 - number) for number, name in enumerate(names)]
        reply = client.command("GET", "/MetadataFields")
        rows = good(reply)
        models.check(rows, f"array<{FIELD}>")
        assert int(reply.headers["x-total-count"]) == len(rows) >= 60
        assert [row["Name"] for row in rows if row["Name"] in names] == names[::-1], "in their display order"
        page = client.get("/MetadataFields", **{"pq.queryString": f'Name -eq "{names[3]}"'})
        assert [row["Id"] for row in page] == [made[3]["Id"]]
        page = client.get("/MetadataFields", **{"pq.pageReturned": 2, "pq.returnLimit": 10, "pq.sortField": "Id"})
        assert len(page) == 10 and page == sorted(page, key=lambda row: row["Id"])
        assert client.command("GET", "/MetadataFields", params={"pq.queryString": "NoSuch -eq 1"}).status_code == 400
        reply = client.command("DELETE", "/MetadataFields", json=[row["Id"] for row in made] + [999999999])
        assert reply.status_code == 404 and reply.json()["FailedOperations"][0]["Ids"] == [999999999]
        assert not set(names) & {row["Name"] for row in client.get("/MetadataFields")}
        extra = new_field(client)
        assert client.command("DELETE", "/MetadataFields", json=[extra["Id"]]).status_code == 204

    @pytest.mark.parametrize("wrong, member", [
        ({"Name": None}, "Name"), ({"Name": ""}, "Name"), ({"Name": "a b"}, "Name"), ({"Name": "ä"}, "Name"),
        ({"Name": "x" * 101}, "Name"), ({"Description": None}, "Description"), ({"DataType": None}, "DataType"),
        ({"DataType": 0}, "DataType"), ({"DataType": 9}, "DataType"), ({"DataType": 7}, "DataType"),
        ({"DataType": "Colour"}, "DataType"), ({"Enrollment": 3}, "Enrollment"), ({"Validation": "("}, "Validation"),
        ({"Validation": "[\\d]"}, "Validation"), ({"Validation": "a{1,255}{1,255}{1,255}"}, "Validation"),
        ({"DataType": 2, "Validation": "1"}, "Validation"),
        ({"DataType": 5}, "Options"), ({"DataType": 5, "Options": "a,,b"}, "Options"),
        ({"DataType": 5, "Options": "a,b,A"}, "Options"), ({"DataType": 2, "DefaultValue": "x"}, "DefaultValue"),
        ({"DataType": 3, "DefaultValue": "2025-02-30"}, "DefaultValue"),
        ({"DataType": 4, "DefaultValue": "perhaps"}, "DefaultValue"),
        ({"DataType": 8, "DefaultValue": "nobody"}, "DefaultValue"),
        ({"Validation": "^a", "DefaultValue": "b"}, "DefaultValue"), ({"Hint": "a\nb"}, "Hint"),
        ({"Hint": "x" * 401}, "Hint"), ({"DisplayOrder": 2**40}, "DisplayOrder"), ({"DisplayOrder": "x"}, "DisplayOrder"),
    ])
    def test_a_wrong_member_is_named(self, client, wrong, member):
        body = {"Name": new_name(), "Description": "x", "DataType": 1, **wrong}
        reply = client.command("POST", "/MetadataFields", json=body)
        assert reply.status_code == 400 and member in reply.json()["Message"], reply.text

    def test_a_name_is_taken_in_any_case(self, client):
        made, other = new_field(client), new_field(client)
        body = {"Name": made["Name"].upper(), "Description": "x", "DataType": 1}
        reply = client.command("POST", "/MetadataFields", json=body)
        assert reply.status_code == 400 and "already" in reply.json()["Message"]
        reply = client.command("PUT", "/MetadataFields", json={**body, "Id": other["Id"]})
        assert reply.status_code == 400 and "already" in reply.json()["Message"]
        reply = client.command("PUT", "/MetadataFields", json={**body, "Id": 999999999})
        assert reply.status_code == 404

    def test_who_may_not_is_refused(self, server, client):
        made = new_field(client)
        reader = server.client(*admin.user(server, permissions=["metadata/read"]))
        body = {"Name": new_name(), "Description": "x", "DataType": 1}
        assert reader.get(f"/MetadataFields/{made['Id']}") == made
        assert reader.get(f"/MetadataFields/{made['Id']}/InUse") is False
        for method, path, json in (("POST", "", body), ("PUT", "", {**body, "Id": made["Id"]}),
                                   ("DELETE", "", [made["Id"]]), ("DELETE", f"/{made['Id']}", None)):
            assert reader.command(method, f"/MetadataFields{path}", json=json).status_code == 403, (method, path)
        other = server.client(*admin.user(server, permissions=["certificates/read"]))
        for path in ("", f"/{made['Id']}", f"/{made['Id']}/InUse", "/999999999"):
            assert other.command("GET", f"/MetadataFields{path}").status_code == 403, path


ONE_OF_EACH = {1: ("Web Team", "Web Team"), 2: (" 0042", "42"), 3: ("10/22/2025", "2025-10-22"), 4: ("YES", "true"),
               5: ("green", "Green"), 6: ("two\nlines", "two\nlines"), 8: ("ana@example.com", "ana@example.com")}


def new_of_each(client):
    """A field of each type; {type: name}."""
    return {kind: new_field(client, kind, **({"Options": "Red,Green"} if kind == 5 else {}))["Name"] for kind in ONE_OF_EACH}


def noted(client, number):
    shown = client.get(f"/Certificates/{number}", includeMetadata="true")
    models.check(client.get(f"/Certificates/{number}/Metadata"), "ModelsMetadataUpdateRequest")
    assert client.get(f"/Certificates/{number}/Metadata") == {"Id": number, "Metadata": shown["Metadata"]}
    return shown["Metadata"]


def put(client, number, status=204, **metadata):
    reply = client.command("PUT", "/Certificates/Metadata", json={"Id": number, "Metadata": metadata, "CollectionId": 0})
    assert reply.status_code == status, reply.text
    return reply


def found(client, query, **more):
    return [row["Id"] for row in client.get("/Certificates", **{"pq.queryString": query, **more})]


def events(server, number, action="certificate.metadata"):
    """The audit events about one certificate, the oldest first."""
    client = server.client()
    listed = good(client.rest("GET", "/audit", params={"target_type": "certificate", "target_id": str(number),
                                                       "action": action, "oldest_first": "true"}))
    return [good(client.rest("GET", f"/audit/{row['id']}"))["event"] for row in listed["items"]]


class TestValues:
    def test_a_request_notes_values_of_every_type(self, client):
        names = new_of_each(client)
        given = {names[kind].upper(): value for kind, (value, _) in ONE_OF_EACH.items()}
        kept = {names[kind]: value for kind, (_, value) in ONE_OF_EACH.items()}
        answer = client.post("/Enrollment/CSR", {
            "CSR": __import__("keys").new_csr("typed.example.com", ["typed.example.com"]), "Template": "WebServer",
            "Metadata": given})
        assert answer["Metadata"] == kept
        number = answer["CertificateInformation"]["KeyfactorID"]
        assert noted(client, number) == kept
        assert client.get(f"/Certificates/{number}")["Metadata"] == {}, "only when asked for"
        rows = client.get("/Certificates", **{"pq.queryString": f"CertId -eq {number}", "includeMetadata": "true"})
        assert rows[0]["Metadata"] == kept
        assert client.rest("GET", f"/certificates/{number}").json()["metadata"] == kept

    @pytest.mark.seed("S046")
    def test_the_seeds_request_defines_its_fields_first(self, client):
        import keys
        body = {"CSR": keys.new_csr("pod.example.com", ["pod.example.com"]), "CertificateTemplate": "WebServer",
                "Metadata": {f"{name}{uuid.uuid4().hex[:12]}": name.lower() for name in ("Namespace", "PodName", "RequestedBy")},
                "SANs": {"DNS": ["pod.example.com"]}, "IncludeChain": True}
        reply = client.command("POST", "/Certificates/Enroll", json=body)
        assert reply.status_code == 400, reply.text
        assert all(name in reply.json()["Message"] for name in body["Metadata"]), "each unknown name is told"
        for name in body["Metadata"]:
            new_field(client, name=name)
        answer = client.post("/Certificates/Enroll", body)
        assert noted(client, answer["CertificateId"]) == body["Metadata"]

    @pytest.mark.seed("S074")
    def test_the_seeds_request_with_a_token(self, server, client):
        import keys
        token = good(server.client(nobody=True).command("POST", "/Auth/Login", json={
            "username": server.user, "password": server.password}))["access_token"]
        bearer = server.client(token=token)
        owner, application = new_name("Owner"), new_name("Application")
        body = {"CSR": keys.new_csr("app.example.com", ["app.example.com"]), "Template": "WebServer",
                "Metadata": {owner: "webapp-team", application: "shop"}, "SANs": {"DNS": ["app.example.com"]}}
        assert bearer.command("POST", "/Certificates/Enroll", json=body).status_code == 400
        new_field(client, name=owner), new_field(client, name=application)
        assert noted(client, bearer.post("/Certificates/Enroll", body)["CertificateId"]) == body["Metadata"]

    def test_unknown_names_make_fields_when_the_setting_says_so(self, new_server):
        import keys
        server = new_server(settings={"metadata.unknown": "create"}).start()
        client = server.client()
        body = {"CSR": keys.new_csr("made.example.com", ["made.example.com"]), "Template": "WebServer",
                "Metadata": {"PodName": "web-0", "bad name": "x"}}
        reply = client.command("POST", "/Enrollment/CSR", json=body)
        assert reply.status_code == 400 and "bad name" in reply.json()["Message"], reply.text
        del body["Metadata"]["bad name"]
        answer = client.post("/Enrollment/CSR", body)
        assert answer["Metadata"] == {"PodName": "web-0"}
        assert client.get("/MetadataFields/podname")["DataType"] == 1
        assert found(client, 'PodName -eq "WEB-0"') == [answer["CertificateInformation"]["KeyfactorID"]]

    def test_required_fields_and_defaults(self, new_server):
        server = new_server().start()
        client = server.client()
        new_field(client, 2, "CostCentre", Enrollment=1)
        new_field(client, 1, "Team", DefaultValue="ops")
        new_field(client, 4, "Automated", Enrollment=2, DefaultValue="false")
        import keys
        csr = keys.new_csr("required.example.com", ["required.example.com"])
        for metadata in ({}, None, {"CostCentre": ""}, {"CostCentre": "many"}, {"CostCentre": None}):
            reply = client.command("POST", "/Enrollment/CSR", json={"CSR": csr, "Template": "WebServer", "Metadata": metadata})
            assert reply.status_code == 400 and "Metadata.CostCentre" in reply.json()["Message"], reply.text
        reply = client.command("POST", "/Certificates/Enroll", json={"CSR": csr, "Template": "WebServer"})
        assert reply.status_code == 400 and "CHY-1204" in reply.json()["Message"], reply.text
        first = client.enroll(csr, Metadata={"CostCentre": 7})
        assert noted(client, first["KeyfactorID"]) == {"CostCentre": "7", "Team": "ops", "Automated": "false"}
        put(client, first["KeyfactorID"], Team="web", CostCentre="")
        put(client, first["KeyfactorID"], CostCentre=8)
        second = client.enroll(csr, RenewalCertificateId=first["KeyfactorID"])
        assert noted(client, second["KeyfactorID"]) == {"CostCentre": "8", "Team": "web", "Automated": "false"}, \
            "a renewal keeps what was noted"
        third = client.rest("POST", "/certificates", json={"csr": csr, "template": "WebServer",
                                                           "metadata": {"CostCentre": "9", "Team": "x"}})
        assert third.status_code == 200 and noted(client, third.json()["id"])["CostCentre"] == "9"
        fourth = client.rest("POST", "/certificates", json={"csr": csr, "template": "WebServer"})
        assert fourth.status_code == 400 and "metadata.CostCentre" in fourth.text

    def test_values_are_put_and_cleared_and_the_record_tells(self, server, client):
        names = new_of_each(client)
        number = client.enroll(dns=("put.example.com",))["KeyfactorID"]
        # as the Go client does: all fields of the installation, empty ones for those not given
        every = {row["Name"]: "" for row in client.get("/MetadataFields")} if len(client.get("/MetadataFields")) <= 100 else {}
        put(client, number, **{**every, names[1]: "a", names[2]: 7, names[4]: True})
        assert noted(client, number) == {names[1]: "a", names[2]: "7", names[4]: "true"}
        put(client, number, **{names[1]: "a"})
        put(client, number, **{names[1]: "b", names[2]: ""})
        assert noted(client, number) == {names[1]: "b", names[4]: "true"}
        told = events(server, number)
        assert len(told) == 2, "what changes nothing is not recorded"
        assert told[1]["before"] == {names[1]: "a", names[2]: "7"} and told[1]["after"] == {names[1]: "b"}
        assert client.get(f"/MetadataFields/{names[1]}/InUse") is True
        assert client.get(f"/MetadataFields/{names[2]}/InUse") is False

    def test_what_is_wrong_with_a_value_is_said_and_nothing_is_written(self, client):
        names = new_of_each(client)
        ruled = new_field(client, 1, Validation="^\\d+-[a-z]$", Message="digits, a dash, a letter")["Name"]
        number = client.enroll(dns=("wrong.example.com",))["KeyfactorID"]
        put(client, number, **{ruled: "12-x"})
        wrong = {names[1]: "x" * 401, names[2]: "1.5", names[3]: "2025-02-30", names[4]: "perhaps", names[5]: "Blue",
                 names[6]: "x" * 4001, names[8]: "nobody", ruled: "x"}
        for name, value in wrong.items():
            reply = put(client, number, 400, **{names[1]: "good", name: value})
            assert f"Metadata.{name}" in reply.json()["Message"], reply.text
        assert "digits, a dash" in put(client, number, 400, **{ruled: "x"}).json()["Message"]
        reply = put(client, number, 400, **wrong)
        assert all(name in reply.json()["Message"] for name in wrong), "all at once"
        assert "NoSuchField" in put(client, number, 400, NoSuchField="x").json()["Message"]
        assert noted(client, number) == {ruled: "12-x"}
        reply = client.command("PUT", "/Certificates/Metadata", json={"certificateId": number, "metadata": {ruled: "13-x"}})
        assert reply.status_code == 204, "the name that clients of version 11 give the id"
        assert noted(client, number) == {ruled: "13-x"}
        put(client, 999999999, 404, **{names[1]: "x"})
        assert client.command("PUT", "/Certificates/Metadata", json={"Id": number}).status_code == 400
        assert client.command("PUT", "/Certificates/Metadata", json={"Metadata": {}}).status_code == 400
        assert client.command("PUT", "/Certificates/Metadata",
                              json={"Id": number, "Metadata": {names[1]: ["x"]}}).status_code == 400

    def test_compare(self, client):
        names = new_of_each(client)
        number = client.enroll(dns=("compare.example.com",), Metadata={names[1]: "Web", names[3]: "2025-10-22"})["KeyfactorID"]

        def same(name, value, certificate=number):
            return client.command("GET", "/Certificates/Metadata/Compare", params={
                "certificateId": certificate, "metadataFieldName": name, "value": value})
        assert good(same(names[1], "web")) is True and good(same(names[1], "we")) is False
        assert good(same(names[3], "10/22/2025")) is True and good(same(names[3], "soon")) is False
        assert good(same(names[2], "")) is True
        assert same("NoSuchField", "x").status_code == 404 and same(names[1], "x", 999999999).status_code == 404
        assert client.command("GET", "/Certificates/Metadata/Compare").status_code == 400

    def test_a_field_in_use_keeps_its_type_and_goes_only_by_force(self, client):
        made = new_field(client)
        number = client.enroll(dns=("force.example.com",), Metadata={made["Name"]: "x"})["KeyfactorID"]
        reply = client.command("PUT", "/MetadataFields", json={**made, "DataType": 2})
        assert reply.status_code == 409 and "DataType" in reply.json()["Message"]
        renamed = new_name("Renamed")
        good(client.command("PUT", "/MetadataFields", json={**made, "Name": renamed}))
        assert noted(client, number) == {renamed: "x"}
        assert client.command("DELETE", f"/MetadataFields/{made['Id']}").status_code == 409
        assert client.command("DELETE", "/MetadataFields", json=[made["Id"]]).status_code == 409
        assert client.command("DELETE", f"/MetadataFields/{made['Id']}", params={"force": "true"}).status_code == 204
        assert noted(client, number) == {}

    def test_who_may_not_edit_is_refused(self, server, client):
        name = new_field(client)["Name"]
        number = client.enroll(dns=("may.example.com",), Metadata={name: "x"})["KeyfactorID"]
        reader = server.client(*admin.user(server, permissions=["certificates/read"]))
        assert noted(reader, number) == {name: "x"}
        put(reader, number, 403, **{name: "y"})
        put(reader, 999999999, 403, **{name: "y"})
        body = {"CertificateIds": [number], "Metadata": [{"MetadataName": name, "Value": "y", "OverwriteExisting": True}]}
        assert reader.command("PUT", "/Certificates/Metadata/All", json=body).status_code == 403
        other = server.client(*admin.user(server, permissions=["certificates/edit"]))
        for path in (f"/Certificates/{number}/Metadata", "/Certificates/999999999/Metadata",
                     f"/Certificates/Metadata/Compare?certificateId={number}&metadataFieldName={name}&value=x"):
            assert other.command("GET", path).status_code == 403
        put(other, number, **{name: "y"})


class TestMany:
    @pytest.mark.seed("S238")
    def test_a_query_says_which_certificates_and_each_is_in_the_record(self, server, client):
        name, other = new_field(client, 4)["Name"], new_field(client)["Name"]
        word = uuid.uuid4().hex[:12]
        ids = [client.enroll(dns=(f"n{number}.{word}.example.com",))["KeyfactorID"] for number in range(3)]
        put(client, ids[0], **{name: "false", other: "kept"})

        def put_all(status=204, overwrite=True, **more):
            reply = client.command("PUT", "/Certificates/Metadata/All", json={
                "Query": f'IssuedCN -contains "{word}"', "Metadata": [
                    {"MetadataName": name, "Value": "true", "OverwriteExisting": overwrite},
                    {"MetadataName": other, "Value": "set", "OverwriteExisting": False}], **more})
            assert reply.status_code == status, reply.text
            return reply
        put_all(overwrite=False)
        assert noted(client, ids[0]) == {name: "false", other: "kept"}
        assert noted(client, ids[1]) == {name: "true", other: "set"}
        put_all()
        assert [noted(client, number)[name] for number in ids] == ["true"] * 3
        assert noted(client, ids[0])[other] == "kept"
        assert [len(events(server, number)) for number in ids] == [2, 1, 1]
        put_all(Query=None, CertificateIds=[ids[0]], Metadata=[{"MetadataName": name, "Value": "", "OverwriteExisting": True}])
        assert noted(client, ids[0]) == {other: "kept"}
        for wrong in ({"Query": ""}, {"Query": "nonsense (("}, {"CertificateIds": [1]}, {"Metadata": None},
                      {"Metadata": [{"MetadataName": "NoSuchField", "Value": "x"}]}, {"Metadata": [{"Value": "x"}]},
                      {"Metadata": [{"MetadataName": name, "Value": "perhaps"}]}):
            put_all(400, **wrong)
        put_all(404, Query=None, CertificateIds=[ids[1], 999999999])

    @pytest.mark.seed("S246")
    def test_a_tag_is_removed_from_many_and_what_looks_for_it_skips_them(self, client):
        """The seed's roll-back: what an automation finds by its condition, it does not find any more."""
        if client.command("GET", "/MetadataFields/automated").status_code == 404:
            good(client.command("POST", "/MetadataFields", json={"Name": "automated", "Description": "renewed by itself", "DataType": 4}))
        word = uuid.uuid4().hex[:12]
        tagged = [client.enroll(dns=(f"n{number}.{word}.example.com",), Metadata={"automated": "true"})["KeyfactorID"] for number in range(3)]

        def condition():
            rows = client.get("/Certificates", **{"pq.queryString": f'automated -eq "true" AND IssuedCN -contains "{word}"'})
            return sorted(row["Id"] for row in rows)
        assert condition() == tagged
        for which, left in (({"CertificateIds": tagged[:1]}, tagged[1:]), ({"Query": f'IssuedCN -contains "{word}"'}, [])):
            reply = client.command("PUT", "/Certificates/Metadata/All", json={
                **which, "Metadata": [{"MetadataName": "automated", "Value": "", "OverwriteExisting": True}]})
            assert reply.status_code == 204, reply.text
            assert condition() == left
        assert all("automated" not in noted(client, number) for number in tagged)

    def test_more_than_a_portion(self, new_server):
        """Certificates enough for several transactions."""
        server = new_server().start()
        client = server.client()
        name = new_field(client)["Name"]
        body = {"CSR": __import__("keys").new_csr("many.example.com", ["many.example.com"]), "Template": "WebServer"}
        for _ in range(230):
            client.session.post(f"{server.url}/KeyfactorAPI/Enrollment/CSR", json=body).raise_for_status()
        reply = client.command("PUT", "/Certificates/Metadata/All", json={
            "Query": 'IssuedCN -eq "many.example.com"',
            "Metadata": [{"MetadataName": name, "Value": "x", "OverwriteExisting": True}]})
        assert reply.status_code == 204, reply.text
        assert client.total(f'{name} -eq "X"') == 230
        assert client.command("DELETE", "/MetadataFields", json=[client.get(f"/MetadataFields/{name}")["Id"]],
                              params={"force": "true"}).status_code == 204
        assert client.command("GET", "/Certificates", params={"pq.queryString": f'{name} -eq "X"'}).status_code == 400


class TestSearch:
    @pytest.fixture(scope="class")
    def known(self, server):
        """Four certificates with values of each type; the last has none."""
        client = server.client()
        names = new_of_each(client)
        values = [{1: "Alpha Team", 2: -5, 3: "2025-01-31", 4: True, 5: "Red", 6: "first " * 100 + "End", 8: "a@example.com"},
                  {1: "alpha two", 2: 10, 3: "2025-02-01", 4: False, 5: "Green", 6: "Second", 8: "b@example.com"},
                  {1: "Beta", 2: 9, 3: "2026-01-01", 4: True, 5: "Green", 6: "first " * 100 + "Other", 8: "c@example.org"}, {}]
        ids = [client.enroll(dns=("known.example.com",), Metadata={names[kind]: one for kind, one in row.items()})["KeyfactorID"]
               for row in values]
        return names, ids

    @pytest.mark.parametrize("kind, rest, wanted", [
        (1, '-eq "ALPHA team"', [0]), (1, '-startswith "alpha"', [0, 1]), (1, '-endswith "TWO"', [1]),
        (1, '-contains "pha"', [0, 1]), (1, '-notcontains "pha"', [2, 3]), (1, '-ne "Beta"', [0, 1, 3]),
        (1, "-eq NULL", [3]), (1, "-ne NULL", [0, 1, 2]), (1, '-eq ""', [3]), (1, '-gt "alpha u"', [2]),
        (2, "-lt 9", [0]), (2, "-ge 9", [1, 2]), (2, '-eq "10"', [1]), (2, "-ne 10", [0, 2, 3]), (2, "-eq NULL", [3]),
        (3, '-eq "2025-01-31"', [0]), (3, '-gt "1/31/2025"', [1, 2]), (3, '-le "2025-02-01"', [0, 1]),
        (3, '-lt "%TODAY-99999%"', []), (4, "-eq true", [0, 2]), (4, '-eq "false"', [1]), (4, "-ne true", [1, 3]),
        (5, '-eq "green"', [1, 2]), (6, '-endswith "end"', [0]), (6, '-contains "FIRST first"', [0, 2]),
        (6, '-eq "second"', [1]), (6, f'-eq "{"first " * 100}other"', [2]), (8, '-endswith "@example.com"', [0, 1]),
    ])
    def test_by_a_value_of_its_type(self, client, known, kind, rest, wanted):
        names, ids = known
        for field in (names[kind], names[kind].upper(), f"Metadata.{names[kind]}", f"[{names[kind]}]"):
            query = f'CN -eq "known.example.com" AND CertId -ge {ids[0]} AND CertId -le {ids[3]} AND {field} {rest}'
            assert found(client, query) == [ids[i] for i in wanted], query
        query = f"NOT ({names[kind]} {rest}) AND CertId -ge {ids[0]} AND CertId -le {ids[3]}"
        assert found(client, query) == [one for i, one in enumerate(ids) if i not in wanted], query

    def test_sorted_by_a_value(self, client, known):
        names, ids = known
        query = f"CertId -ge {ids[0]} AND CertId -le {ids[3]}"
        assert found(client, query, **{"pq.sortField": names[2]}) == [ids[3], ids[0], ids[2], ids[1]]
        assert found(client, query, **{"pq.sortField": f"Metadata.{names[1]}", "pq.sortAscending": 1}) == \
            [ids[2], ids[1], ids[0], ids[3]]

    def test_a_name_of_the_register_comes_first(self, client):
        made = client.command("POST", "/MetadataFields", json={"Name": "Status", "Description": "x", "DataType": 2})
        try:
            assert made.status_code == 200
            assert client.command("GET", "/Certificates", params={"pq.queryString": 'Status -eq "Active"'}).status_code == 200
            reply = client.command("GET", "/Certificates", params={"pq.queryString": 'Metadata.Status -eq "Active"'})
            assert reply.status_code == 400, "this one is a number"
        finally:
            client.command("DELETE", f"/MetadataFields/{made.json()['Id']}")

    @pytest.mark.parametrize("query", ["Metadata.NoSuchField -eq 1", "NoSuchField -eq 1", "Metadata. -eq 1"])
    def test_an_unknown_field_is_an_error(self, client, query):
        reply = client.command("GET", "/Certificates", params={"pq.queryString": query})
        assert reply.status_code == 400 and "position 1" in reply.json()["Message"]

    @pytest.mark.parametrize("kind, rest", [(2, '-eq "x"'), (2, "-contains 1"), (3, '-eq "soon"'), (4, "-eq perhaps"),
                                            (4, "-lt true")])
    def test_a_value_that_does_not_go_with_the_type_is_an_error(self, client, known, kind, rest):
        assert client.command("GET", "/Certificates", params={"pq.queryString": f"{known[0][kind]} {rest}"}).status_code == 400
