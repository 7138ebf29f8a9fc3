"""Our own API: users, clients, roles, grants, templates, authorities; its conventions."""
import uuid

import pytest

import admin
import keys


def made(reply):
    assert reply.status_code == 201, reply.text
    return reply.json()


def etag(client, path):
    return {"If-Match": client.rest("GET", path).headers["ETag"]}


@pytest.fixture
def name():
    return f"x-{uuid.uuid4().hex[:10]}"


def test_a_user_from_making_to_removal(server, client, name):
    user = made(client.rest("POST", "/users", json={"name": name, "password": "a long enough one", "email": "a@b.example"}))
    path = f"/users/{name}"
    assert client.rest("GET", path).json()["email"] == "a@b.example" and user["enabled"] and user["roles"] == []
    assert "password" not in client.rest("GET", path).text
    role = admin.role(server, ["certificates/read"])
    edited = client.rest("PATCH", path, json={"display_name": "Ana", "roles": [role]}, headers=etag(client, path))
    assert edited.json()["display_name"] == "Ana" and edited.json()["roles"] == [role]
    caller = server.client(name, "a long enough one")
    assert caller.command("GET", "/Certificates").status_code == 200
    done = client.rest("POST", path + "/password", json={"password": "another long one"}, headers=etag(client, path))
    assert done.status_code == 204
    assert server.client(name, "a long enough one").command("GET", "/Certificates").status_code == 401
    assert server.client(name, "another long one").command("GET", "/Certificates").status_code == 200
    assert client.rest("POST", path + "/unlock").status_code == 204
    found = client.rest("GET", "/users", params={"contains": name[2:]}).json()
    assert [one["name"] for one in found["items"]] == [name] and found["next"] is None
    assert client.rest("DELETE", path, headers=etag(client, path)).status_code == 204
    assert client.rest("GET", path).status_code == 404
    assert server.client(name, "another long one").command("GET", "/Certificates").status_code == 401


def test_a_client_from_making_to_removal(server, client, name):
    role = admin.role(server, ["certificates/read"])
    told = made(client.rest("POST", "/clients", json={"client_id": name, "roles": [role]}))
    path = f"/clients/{name}"
    assert "client_secret" not in client.rest("GET", path).json() or not client.rest("GET", path).json()["client_secret"]

    def token(secret):
        return server.client(nobody=True).call("POST", "/KeyfactorAPI/OAuth/Token", data={
            "grant_type": "client_credentials", "client_id": name, "client_secret": secret})
    access = token(told["client_secret"]).json()["access_token"]
    assert server.client(token=access).command("GET", "/Certificates").status_code == 200
    again = client.rest("POST", path + "/secret", headers=etag(client, path)).json()
    assert again["client_secret"] != told["client_secret"]
    assert token(told["client_secret"]).status_code == 401 and token(again["client_secret"]).status_code == 200
    off = client.rest("PATCH", path, json={"enabled": False, "description": "off"}, headers=etag(client, path))
    assert off.json()["enabled"] is False and token(again["client_secret"]).status_code == 401
    assert name in [one["client_id"] for one in client.rest("GET", "/clients", params={"contains": name}).json()["items"]]
    assert client.rest("DELETE", path, headers=etag(client, path)).status_code == 204


def test_a_role_with_its_grants_and_members(server, client, name):
    made(client.rest("POST", "/roles", json={"name": name, "description": "d", "grants": [
        {"permission": "enrollment/csr", "scope": "template", "object": "WebServer"}]}))
    path = f"/roles/{name}"
    user, password = admin.user(server)
    assert client.rest("POST", path + "/members", json={"kind": "user", "name": user}).status_code == 200
    caller = server.client(user, password)
    assert caller.command("GET", "/Certificates").status_code == 403
    grants = client.rest("POST", path + "/grants", json={"permission": "certificates/read", "scope": "all"}).json()
    assert {"certificates/read", "enrollment/csr"} == {one["permission"] for one in grants["items"]}
    assert caller.command("GET", "/Certificates").status_code == 200
    body = {"CSR": keys.new_csr("g.example.com", ["g.example.com"]), "CertificateAuthority": client.server_ca()}
    assert caller.command("POST", "/Enrollment/CSR", json={**body, "Template": "WebServer"}).status_code == 200
    other = next(row["TemplateName"] for row in client.get("/Templates") if row["TemplateName"] != "WebServer")
    assert caller.command("POST", "/Enrollment/CSR", json={**body, "Template": other}).status_code == 403
    assert client.rest("DELETE", path + "/grants", params={"permission": "certificates/read", "scope": "all"}).status_code == 204
    assert caller.command("GET", "/Certificates").status_code == 403
    assert len(client.rest("GET", path + "/grants").json()["items"]) == 1
    assert client.rest("DELETE", f"{path}/members/user/{user}").status_code == 204
    assert caller.command("POST", "/Enrollment/CSR", json={**body, "Template": "WebServer"}).status_code == 403
    edited = client.rest("PATCH", path, json={"description": "e"}, headers=etag(client, path))
    assert edited.json()["description"] == "e"
    assert name in [one["name"] for one in client.rest("GET", "/roles", params={"limit": 1000}).json()["items"]]
    assert client.rest("DELETE", path, headers=etag(client, path)).status_code == 204
    assert {one["name"] for one in client.rest("GET", "/permissions").json()["items"]} >= {
        "certificates/read", "enrollment/csr", "security/modify"}


def test_a_template_keeps_its_versions(client, name):
    first = client.rest("GET", "/templates/WebServer").json()
    made(client.rest("POST", "/templates", json={"name": name, "display_name": "Mine", "policy": first["policy"]}))
    path = f"/templates/{name}"
    policy = {**first["policy"], "key_types": ["ec:p384"]}
    second = client.rest("PUT", path, json={"display_name": "Mine 2", "policy": policy}, headers=etag(client, path)).json()
    assert second["policy"]["key_types"] == ["ec:p384"] and second["number"] == 2
    versions = client.rest("GET", path + "/versions").json()["items"]
    assert [one["number"] for one in versions] == [2, 1]
    off = client.rest("POST", path + "/disable", headers=etag(client, path))
    assert off.json()["enabled"] is False
    reply = client.command("POST", "/Enrollment/CSR", json={
        "CSR": keys.new_csr("t.example.com", ["t.example.com"], keys.new_key("ec:p384")), "Template": name,
        "CertificateAuthority": client.server_ca()})
    assert reply.status_code == 400, reply.text
    assert client.rest("POST", path + "/enable", headers=etag(client, path)).json()["enabled"] is True
    assert name in [one["name"] for one in client.rest("GET", "/templates", params={"limit": 1000}).json()["items"]]


def test_an_authority_is_switched_off_and_on_and_publishes(server, client):
    rows = client.rest("GET", "/authorities").json()["items"]
    one = next(row for row in rows if row["name"] == client.server_ca())
    shown = client.rest("GET", f"/authorities/{one['name']}").json()
    assert shown["enabled"] and shown["name"] == one["name"]
    assert client.rest("POST", f"/authorities/{one['name']}/crl").json()["number"] >= 1
    admin.switch_ca(server, one["name"], False)
    assert client.rest("GET", f"/authorities/{one['name']}").json()["enabled"] is False
    admin.switch_ca(server, one["name"], True)
    assert client.enroll()["RequestDisposition"] == "ISSUED"


def test_the_audit_trail_by_our_own_api(client):
    answer = client.enroll(dns=("a.example.com",))
    page = client.rest("GET", "/audit", params={"action": "certificate.issue", "limit": 1}).json()
    assert len(page["items"]) == 1 and page["next"]
    event = page["items"][0]
    assert event["target"]["id"] == str(answer["KeyfactorID"]) and event["actor"]["name"] and event["hash"]
    assert client.rest("GET", f"/audit/{event['id']}").json()["hash"] == event["hash"]
    after = client.rest("GET", "/audit", params={"action": "certificate.issue", "limit": 1, "after": page["next"]}).json()
    assert after["items"][0]["id"] != event["id"]


def test_an_edit_of_what_changed_meanwhile_is_refused(client, name):
    made(client.rest("POST", "/roles", json={"name": name}))
    old = etag(client, f"/roles/{name}")
    assert client.rest("PATCH", f"/roles/{name}", json={"description": "1"}, headers=old).status_code == 200
    reply = client.rest("PATCH", f"/roles/{name}", json={"description": "2"}, headers=old)
    assert reply.status_code in (409, 412) and reply.json()["code"] == "CHY-0412", reply.text
    assert client.rest("GET", f"/roles/{name}").json()["description"] == "1"


def test_an_idempotency_key_makes_once(client, name):
    key = {"Idempotency-Key": uuid.uuid4().hex}
    first = client.rest("POST", "/roles", json={"name": name}, headers=key)
    again = client.rest("POST", "/roles", json={"name": name}, headers=key)
    assert first.status_code == again.status_code == 201 and first.json()["id"] == again.json()["id"]
    reply = client.rest("POST", "/roles", json={"name": name + "2"}, headers=key)
    assert reply.status_code in (409, 422), "the same key with another body"
    assert client.rest("POST", "/roles", json={"name": name}).status_code == 409


def test_pages_by_cursor_give_every_item_once(client):
    tag = f"pg{uuid.uuid4().hex[:12]}"
    for number in range(5):
        made(client.rest("POST", "/roles", json={"name": f"{tag}-{number}"}))
    seen, after = [], None
    while True:
        page = client.rest("GET", "/roles", params={"contains": tag, "limit": 2, "after": after}).json()
        seen += [one["name"] for one in page["items"]]
        after = page["next"]
        if not after:
            break
        assert len(page["items"]) == 2
    assert seen == [f"{tag}-{number}" for number in range(5)]
    assert client.rest("GET", "/roles", params={"limit": 0}).status_code == 400


def test_problems_are_named_by_field_all_at_once(client, name):
    def fields(body):
        reply = client.rest("POST", "/templates", json=body)
        assert reply.status_code in (400, 422), reply.text
        return {one["field"] for one in reply.json()["problems"]}
    assert fields({"name": "", "policy": {"key_types": ["rsa:2048"], "no_such": 1}}) == {"name", "policy.no_such"}
    found = fields({"name": name, "policy": {"key_types": ["dsa:1024"], "eku": ["no.such"]}})
    assert any("key_types" in field for field in found) and any("eku" in field for field in found), found
    reply = client.rest("POST", f"/roles/{name}/grants", json={"permission": "no/such"})
    assert reply.status_code in (400, 404, 422)
    assert client.rest("POST", "/users", json={"name": name, "password": "short"}).status_code in (400, 422)
    assert client.rest("GET", "/nosuch").status_code == 404
    assert client.rest("PUT", "/users").status_code == 405
