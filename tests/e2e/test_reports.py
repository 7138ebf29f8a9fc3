"""Reports: those that there always are, and links to others."""
import time

import pytest

import admin
import models
from chancery import good

BUILT_IN = {"Certificates Expiring in 30 Days", "Expired Certificates", "Revoked Certificates", "Audit Extract"}


def unique(prefix):
    return f"{prefix} {time.time_ns()}"


def test_the_reports_that_there_always_are_answer(client):
    rows = client.get("/Reports")
    models.check(rows, "array<ModelsReport>")
    assert BUILT_IN <= {row["DisplayName"] for row in rows}
    assert [row["DisplayName"] for row in rows] == sorted((row["DisplayName"] for row in rows), key=str.lower)
    gone = client.enroll(dns=("reported.example.com",))
    client.revoke(gone["KeyfactorID"], reason=4)
    by_name = {row["ShortName"]: row for row in rows}
    for row in rows:
        assert client.call("GET", row["ReportPath"]).status_code == 200, row
        assert client.get(f"/Reports/{row['Id']}") == row
    revoked = client.call("GET", by_name["Revoked"]["ReportPath"]).json()
    assert revoked and revoked[0]["Id"] == gone["KeyfactorID"], "the last first"
    audit = client.call("GET", by_name["Audit"]["ReportPath"]).json()
    assert audit and audit[0]["Timestamp"] >= audit[-1]["Timestamp"]
    assert [row["ShortName"] for row in client.get("/Reports", **{"query.queryString": 'ShortName -eq "expired"'})] == ["Expired"]
    for number in (0, 999, -1):
        assert client.command("GET", f"/Reports/{number}").status_code == 404


def test_what_is_shown_of_a_report_is_chosen(client):
    one = client.get("/Reports")[0]
    changed = good(client.command("PUT", "/Reports", json={
        "Id": one["Id"], "InNavigator": False, "Favorite": True, "RemoveDuplicates": True}))
    models.check(changed, "ModelsReport")
    assert changed == {**one, "InNavigator": False, "Favorite": True, "RemoveDuplicates": True}
    # what is left out stays
    assert good(client.command("PUT", "/Reports", json={"Id": one["Id"], "Favorite": False}))["RemoveDuplicates"] is True
    assert client.get(f"/Reports/{one['Id']}")["InNavigator"] is False
    good(client.command("PUT", "/Reports", json={"Id": one["Id"], "InNavigator": True, "RemoveDuplicates": False}))
    event = client.rest("GET", "/audit", params={"action": "report.edit", "limit": 1}).json()["items"][0]
    assert event["target"]["name"] == one["DisplayName"] and event["actor"]["name"] == client.server.user
    assert client.command("PUT", "/Reports", json={"Id": 999}).status_code == 404
    reply = client.command("PUT", "/Reports", json={"Favorite": True})
    assert reply.status_code == 400 and "Id" in reply.json()["Message"]


def test_no_report_asks_for_anything_but_its_name(client):
    one = client.get("/Reports")[0]
    assert client.get(f"/Reports/{one['Id']}/Parameters") == one["ReportParameter"] == []
    models.check([], "array<ModelsReportParameters>")
    assert good(client.command("PUT", f"/Reports/{one['Id']}/Parameters", json=[])) == []
    reply = client.command("PUT", f"/Reports/{one['Id']}/Parameters", json=[{"Id": 1, "DefaultValue": "30"}])
    assert reply.status_code == 400 and "[0].Id" in reply.json()["Message"]
    reply = client.command("PUT", f"/Reports/{one['Id']}/Parameters", json=[{"DefaultValue": "30"}])
    assert reply.status_code == 400 and "Id" in reply.json()["Message"]
    for method in ("GET", "PUT"):
        assert client.command(method, "/Reports/999/Parameters", json=[] if method == "PUT" else None).status_code == 404


def test_links_to_other_reports_are_made_changed_and_removed(client):
    name = unique("Dashboard")
    body = {"CustomURL": "https://grafana.example.com/d/pki", "DisplayName": name, "Description": "all of it", "Favorite": True}
    made = client.post("/Reports/Custom", body)
    models.check(made, "ModelsCustomReport")
    assert {field: made[field] for field in body} == body and made["InNavigator"] is False
    assert made in client.get("/Reports/Custom") and client.get(f"/Reports/Custom/{made['Id']}") == made
    changed = good(client.command("PUT", "/Reports/Custom", json={"Id": made["Id"], "Description": "some of it"}))
    assert changed == {**made, "Description": "some of it"}
    again = client.command("POST", "/Reports/Custom", json={**body, "DisplayName": name.upper()})
    assert again.status_code in (400, 409) and name.upper() in again.json()["Message"]
    assert client.command("DELETE", f"/Reports/Custom/{made['Id']}").status_code == 204
    for method in ("GET", "DELETE"):
        assert client.command(method, f"/Reports/Custom/{made['Id']}").status_code == 404
    assert client.command("PUT", "/Reports/Custom", json={"Id": made["Id"]}).status_code == 404


@pytest.mark.parametrize("change, words", [
    ({"CustomURL": "javascript:alert(1)"}, "CustomURL"), ({"CustomURL": ""}, "CustomURL"), ({"DisplayName": " "}, "DisplayName"),
    ({"DisplayName": "x" * 101}, "DisplayName"), ({"Description": None}, "Description"), ({"CustomURL": None}, "CustomURL"),
])
def test_a_link_that_cannot_be_is_refused_by_its_field(client, change, words):
    body = {"CustomURL": "https://example.com/r", "DisplayName": unique("bad"), "Description": "d", **change}
    reply = client.command("POST", "/Reports/Custom", json=body)
    assert reply.status_code == 400 and words in reply.json()["Message"], reply.text


def test_who_may_see_reports_may_not_change_them(server):
    name, password = admin.user(server, permissions=["reports/read"])
    reader = server.client(name, password)
    assert reader.get("/Reports") and reader.get("/Reports/Custom") is not None
    for method, path, body in (("PUT", "/Reports", {"Id": 1}), ("DELETE", "/Reports/Custom/1", None), (
            "POST", "/Reports/Custom", {"CustomURL": "https://example.com", "DisplayName": "n", "Description": "d"}),
            ("PUT", "/Reports/Custom", {"Id": 1})):
        reply = reader.command(method, path, json=body)
        assert reply.status_code == 403 and "Reports:Modify" in reply.json()["Message"], reply.text
    name, password = admin.user(server, permissions=["certificates/read"])
    for path in ("/Reports", "/Reports/1", "/Reports/Custom", "/Reports/Custom/1"):
        assert server.client(name, password).command("GET", path).status_code == 403
