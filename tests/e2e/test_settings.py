"""What is switched while servers run: the Command API and OAuth, on all servers, with nobody locked out."""
import datetime
import shutil

import pytest
import requests

import admin
import chancery
import models
import processes
from chancery import good

ON = {"apiEnabled": True, "oauthEnabled": True}


@pytest.fixture
def alone(new_server):
    """A server of its own: others would miss what is switched off."""
    return new_server().start()


def put(client, **settings):
    return client.command("PUT", "/SystemSettings", json=settings)


def oauth(server):
    """A call of the token endpoint."""
    return requests.post(server.url.rstrip("/") + "/KeyfactorAPI/OAuth/Token", verify=str(server.ca), timeout=30, data={
        "grant_type": "client_credentials", "client_id": server.client_id, "client_secret": server.client_secret})


@pytest.mark.seed("S135")
def test_the_seeds_call_answers_all_settings(alone):
    # as the seed's script does: no header but its own
    reply = requests.put(alone.url.rstrip("/") + "/KeyfactorAPI/SystemSettings", json=ON, timeout=30,
                         auth=(alone.user, alone.password), verify=str(alone.ca))
    assert good(reply) == ON
    client = alone.client()
    models.check(client.get("/SystemSettings"), "SystemSettings")
    for said, now in (({"oauthEnabled": False}, {**ON, "oauthEnabled": False}), ({}, {**ON, "oauthEnabled": False}),
                      ({"OAUTHENABLED": "true", "apiEnabled": None}, ON)):
        assert good(put(client, **said)) == now == client.get("/SystemSettings")


@pytest.mark.seed("S135")
@pytest.mark.parametrize("body, field", [
    ({"apiEnable": True}, "apiEnable"), ({"apiEnabled": True, "sso": False}, "sso"), ({"apiEnabled": "perhaps"}, "apiEnabled"),
    ({"oauthEnabled": {}}, "oauthEnabled"), ([], "object"), (None, "body")])
def test_a_setting_that_there_is_not_is_refused_by_its_name(client, body, field):
    reply = client.command("PUT", "/SystemSettings", json=body)
    assert reply.status_code == 400 and field in reply.json()["Message"], reply.text
    assert client.get("/SystemSettings") == ON, "nothing of it was done"


@pytest.mark.seed("S133")
def test_with_the_api_off_every_call_is_refused_with_the_reason_and_nobody_is_locked_out(alone):
    client = alone.client()
    number = client.enroll(dns=("before.example.com",))["KeyfactorID"]
    assert good(put(client, apiEnabled=False)) == {**ON, "apiEnabled": False}
    for method, path in (("GET", "/Status/Endpoints"), ("GET", "/Certificates"), ("GET", f"/Certificates/{number}"),
                         ("POST", "/Enrollment/CSR"), ("PUT", "/Certificates/Metadata"), ("GET", "/Security/My")):
        reply = client.command(method, path, json=None if method == "GET" else {})
        assert reply.status_code == 403 and "apiEnabled" in reply.json()["Message"], f"{path}: {reply.text}"
        assert reply.json()["ErrorCode"] == "0xA0140002"
    assert alone.client(nobody=True).command("GET", "/Certificates").status_code == 401
    assert client.rest("GET", f"/certificates/{number}").status_code == 200, "our own API has no such switch"
    alone.stop()
    alone.start()  # it is still off
    assert alone.client().command("GET", "/Certificates").status_code == 403
    assert requests.get(alone.url.rstrip("/") + "/KeyfactorAPI/Status/HealthCheck", verify=str(alone.ca), timeout=30).status_code == 204
    login = alone.client(nobody=True).command("POST", "/Auth/Login", json={"username": alone.user, "password": alone.password})
    back = alone.client(token=good(login)["access_token"])
    assert back.get("/SystemSettings")["apiEnabled"] is False
    assert good(put(back, apiEnabled=True)) == ON
    assert alone.client().get(f"/Certificates/{number}")["Id"] == number


@pytest.mark.seed("S133")
def test_with_oauth_off_clients_get_no_tokens_and_those_they_have_are_no_use(alone):
    admin_ = alone.client()
    login = good(alone.client(nobody=True).command("POST", "/Auth/Login", json={"username": alone.user, "password": alone.password}))
    made = admin_.rest("POST", "/tokens", json={"name": "ci", "grants": [{"permission": "certificates/read"}]}).json()
    program = alone.client(token=good(oauth(alone))["access_token"])
    assert program.get("/Certificates")
    assert requests.get(alone.url.rstrip("/") + "/metrics", headers=program.session.headers, verify=str(alone.ca), timeout=30).status_code == 200
    put(admin_, oauthEnabled=False)
    refused = oauth(alone)
    assert refused.status_code == 403 and refused.json()["error"] == "unauthorized_client", refused.text
    assert "oauthEnabled" in refused.json()["error_description"]
    for reply in (program.command("GET", "/Certificates"), program.command("GET", "/Nowhere"), program.rest("GET", "/certificates")):
        assert reply.status_code == 401 and "oauthEnabled" in reply.text, reply.text
    metrics = requests.get(alone.url.rstrip("/") + "/metrics", headers=program.session.headers, verify=str(alone.ca), timeout=30)
    assert metrics.status_code == 401, metrics.text[:200]
    # who did not come by OAuth is still welcome
    assert alone.client(token=login["access_token"]).get("/Certificates")
    assert alone.client(token=made["token"]).get("/Certificates")
    assert good(put(program, oauthEnabled=True)) == ON, "who switches it off by such a token is not locked out"
    assert program.get("/Certificates") and good(oauth(alone))["access_token"]


@pytest.mark.seed("S135")
def test_a_change_is_in_the_audit_record_and_one_that_changes_nothing_is_not(alone):
    client = alone.client()
    name, password = admin.user(alone, permissions=["system/modify", "system/read"])
    by = alone.client(name, password)
    for said in ({}, ON, {"oauthEnabled": False}, {"oauthEnabled": False}):
        good(put(by, **said))
    event, = client.rest("GET", "/audit", params={"action": "settings.edit"}).json()["items"]
    assert event["actor"]["name"] == name
    told = client.rest("GET", f"/audit/{event['id']}").json()["event"]
    assert told["before"] == {"oauthEnabled": "true"} and told["after"] == {"oauthEnabled": "false"}


def test_who_may_see_what_is_switched_may_not_switch_it(server):
    reader = server.client(*admin.user(server, permissions=["system/read"]))
    assert reader.get("/SystemSettings") == ON
    reply = put(reader, apiEnabled=True)
    assert reply.status_code == 403 and "SystemSettings:Modify" in reply.json()["Message"], reply.text
    writer = server.client(*admin.user(server, permissions=["system/modify"]))
    assert good(put(writer)) == ON
    assert writer.command("GET", "/SystemSettings").status_code == 403


@pytest.mark.database("postgresql")
@pytest.mark.seed("S133", "S135")
def test_what_is_switched_on_one_server_is_in_force_on_the_others(new_server):
    one = new_server().start()
    two = chancery.Server(one.database, settings={"listen.names": "localhost"})
    try:
        shutil.copytree(one.data, two.data)  # the same master key and keys of authorities
        for kept in two.data.glob("*.address"):
            kept.unlink()
        two.start()
        caller = two.client(one.user, one.password)
        assert caller.get("/Certificates")
        for setting in (False, True):
            good(put(one.client(), apiEnabled=setting))
            processes.wait_until(lambda: caller.command("GET", "/Certificates").status_code == (200 if setting else 403), 10,
                                 what="the other server to follow")
    finally:
        two.close()


def set_one(client, name, value):
    return client.command("PUT", f"/AppSetting/{name}/Set", json={"Value": value})


@pytest.mark.seed("S135")
def test_the_same_settings_are_rows_that_are_changed_one_by_one(alone):
    client = alone.client()
    rows = client.get("/AppSetting")
    models.check(rows, "array<KeyfactorWebKeyfactorApiModelsAppSettingsAppSettingResponse>")
    assert [(row["Id"], row["ShortName"], row["Value"], row["ValueType"]) for row in rows] == [
        (1, "apiEnabled", "true", "Boolean"), (2, "oauthEnabled", "true", "Boolean")]
    assert all(row["DisplayName"] and row["Description"] for row in rows)
    assert client.get("/AppSetting/2") == rows[1]
    assert client.get("/AppSetting", **{"pq.queryString": 'ShortName -eq "oauthenabled"'}) == [rows[1]]
    for name, value, now in (("2", "false", False), ("oauthenabled", "TRUE", True), ("OauthEnabled", "0", False), ("2", "1", True)):
        assert good(set_one(client, name, value)) == {**rows[1], "Value": str(now).lower()}
        assert client.get("/SystemSettings") == {**ON, "oauthEnabled": now}
    # the API switched off by its row is switched on by it, too
    off = good(client.command("PUT", "/AppSetting", json=[{"Id": 1, "Value": "false"}, {"Id": 2, "Value": "false"}]))
    assert [row["Value"] for row in off] == ["false", "false"]
    assert client.command("GET", "/Certificates").status_code == 403
    assert client.get("/AppSetting") == off
    assert good(client.command("PUT", "/AppSetting", json=[{"Id": 1, "Value": "true"}])) == [rows[0]]
    assert client.get("/Certificates") and client.get("/SystemSettings") == {"apiEnabled": True, "oauthEnabled": False}


@pytest.mark.parametrize("body, field", [
    ([{"Id": 1, "Value": "false"}, {"Id": 77, "Value": "true"}], "[1].Id"), ([{"Id": 1, "Value": "no, never"}], "[0].Value"),
    ([{"Id": 1}], "Value"), ([{"Value": "true"}], "Id"), ({"Id": 1, "Value": "true"}, "array"), ([{"Id": 1, "Value": None}], "Value")])
def test_rows_that_cannot_be_are_refused_and_none_is_changed(client, body, field):
    reply = client.command("PUT", "/AppSetting", json=body)
    assert reply.status_code == 400 and field in reply.json()["Message"], reply.text
    assert client.get("/SystemSettings") == ON


def test_a_row_that_there_is_not_is_not_found(client):
    for path in ("/AppSetting/3", "/AppSetting/0", "/AppSetting/-1"):
        assert client.command("GET", path).status_code == 404
    assert client.command("GET", "/AppSetting/apiEnabled").status_code == 400, "its number is asked for"
    for name in ("3", "0", "portalEnabled"):
        assert set_one(client, name, "true").status_code == 404
    for value in ("", "maybe", "2"):
        reply = set_one(client, "1", value)
        assert reply.status_code == 400 and "Value" in reply.json()["Message"], reply.text


@pytest.mark.seed("S120")
def test_the_licence_answers_its_model_and_no_file_is_asked_for(alone):
    client = alone.client()
    said = client.get("/License")
    models.check(said, "KeyfactorApiModelsLicenseLicenseResponse")
    data = said["LicenseData"]
    models.check(data, "KeyfactorApiModelsLicenseLicenseResponseLicense")
    assert models.GUID.fullmatch(data["LicenseId"]) and data["Customer"]["Id"] == data["LicenseId"]
    assert said["KeyfactorVersion"] == client.command("GET", "/License").headers["x-keyfactor-product-version"]
    issued = datetime.datetime.fromisoformat(data["IssuedDate"].replace("Z", "+00:00"))
    assert abs(datetime.datetime.now(datetime.timezone.utc) - issued) < datetime.timedelta(minutes=10)
    assert data["ExpirationDate"] == "9999-12-31T23:59:59Z"
    product, = data["LicensedProducts"]
    assert product["LicensedFeatures"] and all(one["Enabled"] and one["FeatureID"] for one in product["LicensedFeatures"])
    alone.stop()
    alone.start()
    assert alone.client().get("/License")["LicenseData"] == data, "the same for the installation's whole life"
