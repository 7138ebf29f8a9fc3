"""Metadata: fields, values of certificates, search by them."""
import uuid

import pytest

import admin
import models
from chancery import good

FIELD = "KeyfactorApiModelsMetadataFieldMetadataFieldResponse"


def new_name(word="Field"):
    return f"{word}-{uuid.uuid4().hex[:8]}"


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
        ({"Validation": "[\\d]"}, "Validation"), ({"DataType": 2, "Validation": "1"}, "Validation"),
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
