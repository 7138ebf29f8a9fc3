"""Our own API: users, clients, roles, templates, authorities, the record, certificates, and its conventions."""
import concurrent.futures
import json
import time
import uuid

import pytest
import requests
from cryptography import x509

import admin
import keys
from chancery import good


def made(reply, status=201):
    assert reply.status_code == status, f"{reply.request.method} {reply.url}: {reply.status_code} {reply.text}"
    return reply.json()


def problem(reply, status, code=None):
    """The problem details of a refusal."""
    assert reply.status_code == status, f"{reply.request.method} {reply.url}: {reply.status_code} {reply.text}"
    body = reply.json()
    assert body["status"] == status and body["type"].endswith(body["code"]) and body["title"], body
    assert body["request_id"] == reply.headers["X-Request-Id"]
    assert code is None or body["code"] == code, body
    return body


def unique(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


def pages(client, path, **query):
    """All items of a list, three at a time."""
    items, after = [], None
    while True:
        page = good(client.rest("GET", path, params={"limit": 3, "after": after, **query}))
        assert len(page["items"]) <= 3 and page["total_at_least"] >= len(page["items"])
        items += page["items"]
        after = page["next"]
        if not after:
            return items


# Users

def test_a_user_from_beginning_to_end(client):
    name = unique("ana")
    reply = client.rest("POST", "/users", json={"name": name, "password": "a long enough password",
                                                "display_name": "Ana", "email": "ana@example.com"})
    user = made(reply)
    assert user["roles"] == [] and user["enabled"] and "password" not in reply.text
    assert user["created_at"].endswith("Z") and "last_login_at" not in user
    assert reply.headers["Location"] == f"/api/v1/users/{user['id']}"
    for path in (f"/users/{name}", f"/users/{user['id']}", f"/users/{name.upper()}"):
        got = client.rest("GET", path)
        assert good(got)["id"] == user["id"] and got.headers["ETag"] == f'"{user["version"]}"'
    role = admin.role(client.server, ["certificates/read"])
    edited = client.rest("PATCH", f"/users/{name}", json={"display_name": "Ana B.", "roles": [role]},
                         headers={"If-Match": reply.headers["ETag"]})
    assert good(edited)["display_name"] == "Ana B." and edited.json()["roles"] == [role]
    assert edited.json()["email"] == "ana@example.com"
    late = client.rest("PATCH", f"/users/{name}", json={"email": "x@example.com"},
                       headers={"If-Match": reply.headers["ETag"]})
    problem(late, 412, "CHY-0412")
    problem(client.rest("PATCH", f"/users/{name}", json={}, headers={"If-Match": 'W/"1"'}), 412)
    assert good(client.rest("PATCH", f"/users/{name}", json={"email": "b@example.com"}))["roles"] == [role]
    assert good(client.rest("PATCH", f"/users/{name}", json={"roles": []}))["roles"] == []
    assert client.rest("POST", f"/users/{name}/password", json={"password": "another long password"}).status_code == 204
    assert client.server.client(name, "another long password").rest("GET", "/whoami").status_code == 200
    assert client.rest("POST", f"/users/{name}/unlock").status_code == 204
    assert client.rest("DELETE", f"/users/{name}").status_code == 204
    problem(client.rest("GET", f"/users/{name}"), 404)
    problem(client.rest("DELETE", f"/users/{name}"), 404)


def test_all_that_is_wrong_with_a_user_is_told_at_once(client):
    body = problem(client.rest("POST", "/users", json={"name": "", "passwort": "x", "roles": "Operator"}), 400)
    assert {one["field"] for one in body["problems"]} == {"name", "passwort", "roles"}, body
    assert {one["code"] for one in body["problems"]} == {"CHY-0104", "CHY-0105", "CHY-0102"}, body
    name = unique("u")
    body = problem(client.rest("POST", "/users", json={"name": name, "password": "short"}), 400)
    assert [one["field"] for one in body["problems"]] == ["password"]
    body = problem(client.rest("POST", "/users", json={"name": name, "roles": ["NoSuchRole"]}), 400)
    assert [one["field"] for one in body["problems"]] == ["roles[0]"]
    made(client.rest("POST", "/users", json={"name": name}))
    assert name in problem(client.rest("POST", "/users", json={"name": name}), 409)["detail"]


def test_lists_are_cut_into_pages_that_are_whole_together(client):
    names = sorted(unique("paged") for _ in range(7))
    for name in names:
        made(client.rest("POST", "/users", json={"name": name}))
    assert [user["name"] for user in pages(client, "/users", contains="PAGED-") if user["name"] in names] == names
    problem(client.rest("GET", "/users", params={"limit": 0}), 400, "CHY-0104")
    problem(client.rest("GET", "/users", params={"limit": 1001}), 400, "CHY-0104")
    problem(client.rest("GET", "/users", params={"sort": "name"}), 400, "CHY-0105")
    problem(client.rest("GET", "/permissions", params={"dry_run": "true"}), 400, "CHY-0105")


def test_the_last_administrator_stays(new_server):
    server = new_server().start()
    client = server.client()
    # the client of the throw-away server is an administrator too
    assert client.rest("PATCH", f"/clients/{server.client_id}", json={"enabled": False}).status_code == 200
    problem(client.rest("PATCH", f"/users/{server.user}", json={"enabled": False}), 409)
    problem(client.rest("DELETE", f"/users/{server.user}"), 409)


# Clients

def token(server, client_id, secret):
    return requests.post(server.url.rstrip("/") + "/KeyfactorAPI/OAuth/Token", verify=str(server.ca), timeout=30, data={
        "grant_type": "client_credentials", "client_id": client_id, "client_secret": secret})


def test_a_client_tells_its_secret_once(server, client):
    reply = client.rest("POST", "/clients", json={"client_id": unique("robot"), "description": "a robot"})
    robot = made(reply)
    secret = robot["client_secret"]
    assert reply.headers["Cache-Control"] == "no-store" and len(secret) >= 32
    path = f"/clients/{robot['client_id']}"
    assert token(server, robot["client_id"], secret).status_code == 200
    assert secret not in client.rest("GET", path).text
    assert "client_secret" not in good(client.rest("GET", f"/clients/{robot['id']}"))
    assert robot["client_id"] in [one["client_id"] for one in pages(client, "/clients")]
    again = good(client.rest("POST", f"{path}/secret"))["client_secret"]
    assert again != secret and token(server, robot["client_id"], secret).status_code == 401
    bearer = token(server, robot["client_id"], again).json()["access_token"]
    me = good(server.client(token=bearer).rest("GET", "/whoami"))
    assert (me["kind"], me["name"], me["permissions"]) == ("client", robot["client_id"], [])
    edited = good(client.rest("PATCH", path, json={"enabled": False, "description": "off"}))
    assert not edited["enabled"] and edited["description"] == "off"
    assert token(server, robot["client_id"], again).status_code == 401
    assert client.rest("DELETE", path).status_code == 204
    assert client.rest("DELETE", path).status_code == 404


# Roles

def test_a_role_gives_and_withdraws_what_its_members_may_do(server, client):
    name, password = admin.user(server)
    role = unique("role")
    made(client.rest("POST", "/roles", json={"name": role, "description": "d",
                                             "grants": [{"permission": "certificates/read"}]}))
    assert good(client.rest("GET", f"/roles/{role}"))["grants"] == [{"permission": "certificates/read", "scope": "all"}]
    caller = server.client(name, password)
    problem(caller.rest("GET", "/certificates"), 403, "CHY-1004")
    member = good(client.rest("POST", f"/roles/{role}/members", json={"name": name}))["members"]
    assert [(one["kind"], one["name"]) for one in member] == [("user", name)]
    assert caller.rest("GET", "/certificates").status_code == 200
    problem(caller.rest("GET", "/users"), 403, "CHY-1004")
    problem(client.rest("DELETE", f"/roles/{role}"), 409)
    query = {"permission": "certificates/read"}
    assert client.rest("DELETE", f"/roles/{role}/grants", params=query).status_code == 204
    assert caller.rest("GET", "/certificates").status_code == 403
    granted = good(client.rest("POST", f"/roles/{role}/grants", json={"permission": "PkiManagement:Read"}))["items"]
    assert {one["permission"] for one in granted} >= {"templates/read", "authorities/read"}
    assert good(client.rest("GET", f"/roles/{role}/grants"))["items"] == granted
    assert client.rest("DELETE", f"/roles/{role}/members/user/{name}").status_code == 204
    problem(client.rest("DELETE", f"/roles/{role}/members/robot/{name}"), 404)
    renamed = good(client.rest("PATCH", f"/roles/{role}", json={"name": role + "-2", "enabled": False}))
    assert renamed["name"] == role + "-2" and not renamed["enabled"] and renamed["description"] == "d"
    assert client.rest("DELETE", f"/roles/{role}-2").status_code == 204
    problem(client.rest("PATCH", "/roles/Administrator", json={"name": "X"}), 409)
    assert "Administrator" in [one["name"] for one in pages(client, "/roles")]


def test_a_grant_on_one_template_opens_that_template_alone(server, client):
    role = admin.role(server, [])
    name, password = admin.user(server, roles=[role])
    caller = server.client(name, password)
    body = {"permission": "templates/read", "scope": "template", "object": "WebServer"}
    assert good(client.rest("POST", f"/roles/{role}/grants", json=body))["items"] == [body]
    assert good(caller.rest("GET", "/templates/WebServer"))["name"] == "WebServer"
    assert [one["name"] for one in good(caller.rest("GET", "/templates"))["items"]] == ["WebServer"]
    other = admin.template(server)
    problem(caller.rest("GET", f"/templates/{other}"), 403, "CHY-1004")
    me = good(caller.rest("GET", "/whoami"))
    assert me["permissions"] == [] and me["on_objects"][0]["permission"] == "templates/read"
    for wrong in ({"permission": "nonsense/read"}, {"permission": "templates/read", "scope": "template"},
                  {"permission": "templates/read", "scope": "template", "object": "NoSuch"},
                  {"permission": "templates/read", "object": "WebServer"}):
        problem(client.rest("POST", f"/roles/{role}/grants", json=wrong), 400, "CHY-0104")


def test_a_permission_on_one_object_does_not_open_what_is_everybodys(server, client):
    role = admin.role(server, [])
    name, password = admin.user(server, roles=[role])
    assert client.rest("POST", f"/roles/{role}/grants", json={
        "permission": "security/modify", "scope": "template", "object": "WebServer"}).status_code == 200
    problem(server.client(name, password).rest("POST", "/users", json={"name": unique("x")}), 403, "CHY-1004")


def test_the_permissions_are_listed_in_each_of_their_forms(client):
    rows = {row["name"]: row for row in good(client.rest("GET", "/permissions"))["items"]}
    assert rows["certificates/read"]["command_name"] == "Certificates:Read"
    assert rows["certificates/read"]["path"] == "/certificates/collections/read/"


# Templates

def test_the_names_of_a_template_hold_for_an_address_in_the_subject_too(server, client):
    parts = good(client.rest("GET", "/templates/WebServer"))["policy"]["subject"] + [{"type": "emailAddress", "mode": "optional"}]
    inside = admin.template(server, names=["good.example"], policy={"subject": parts})
    outside = admin.template(server, policy={"subject": parts, "excluded": ["bad.example"]})
    for template, address, status in ((inside, "ana@good.example", 200), (inside, "ana@evil.example", 400), (inside, "ana", 400),
                                      (outside, "ana@good.example", 200), (outside, "ana@bad.example", 400),
                                      (outside, "ana@x.bad.example", 400)):
        body = {"template": template, "sans": {"dns": ["good.example"]}, "subject": f"CN=good.example,emailAddress={address}"}
        reply = client.rest("POST", "/certificates", json={**body, "csr": keys.new_csr(cn="good.example", dns=("good.example",))})
        assert reply.status_code == status, (address, reply.text)
        if status == 400:
            assert [one["field"] for one in reply.json()["problems"]] == ["subject.emailaddress"], reply.text
    email = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "good.example"),
                       x509.NameAttribute(x509.NameOID.EMAIL_ADDRESS, "ana@evil.example")])
    reply = client.rest("POST", "/certificates", json={"template": inside, "csr": keys.new_csr(subject=email, dns=("good.example",))})
    assert reply.status_code == 400 and "evil.example" in reply.text, reply.text


def test_an_excluded_host_of_a_uri_has_no_other_way_to_be_written(server, client):
    template = admin.template(server, policy={"excluded": ["bad.example"]})
    for uri, status in (("https://fine.example/a%20b", 200), ("https://fine.example:8443/x.", 200), ("https://bad.example/", 400),
                        ("https://bad.example./", 400), ("https://bad.example.:443/", 400), ("https://b%61d.example/", 400),
                        ("spiffe://bad.example./secret", 400), ("https:bad.example", 400), ("https:/bad.example", 400),
                        ("mailto:ana@bad.example", 400), ("x:bad.example?://fine.example", 400), ("urn:isbn:0451450523", 200)):
        reply = client.rest("POST", "/certificates", json={
            "template": template, "sans": {"uri": [uri]}, "csr": keys.new_csr(cn="fine.example", dns=("fine.example",))})
        assert reply.status_code == status, (uri, reply.text)


def test_a_template_gets_a_new_version_and_keeps_the_old_one(server, client):
    name = admin.template(server, names=["*.one.example.com"])
    found = client.rest("GET", f"/templates/{name}")
    policy = good(found)["policy"]
    assert policy["permitted"] == ["*.one.example.com"] and found.json()["number"] == 1
    assert good(client.rest("GET", f"/templates/{found.json()['id']}"))["name"] == name
    policy["permitted"] = ["*.two.example.com"]
    put = client.rest("PUT", f"/templates/{name}", json={"display_name": "Two", "policy": policy},
                      headers={"If-Match": found.headers["ETag"]})
    assert good(put)["number"] == 2 and put.json()["display_name"] == "Two"
    problem(client.rest("PUT", f"/templates/{name}", json={"policy": policy},
                        headers={"If-Match": found.headers["ETag"]}), 412, "CHY-0412")
    versions = good(client.rest("GET", f"/templates/{name}/versions"))["items"]
    assert [(one["number"], one["policy"]["permitted"]) for one in versions] == [
        (2, ["*.two.example.com"]), (1, ["*.one.example.com"])]
    assert versions[0]["author"] == server.user
    assert name in [one["name"] for one in pages(client, "/templates")]
    assert not good(client.rest("POST", f"/templates/{name}/disable"))["enabled"]
    csr = keys.new_csr("a.two.example.com", ["a.two.example.com"])
    problem(client.rest("POST", "/certificates", json={"csr": csr, "template": name}), 400, "CHY-2101")
    assert good(client.rest("POST", f"/templates/{name}/enable"))["enabled"]
    assert good(client.rest("POST", "/certificates", json={"csr": csr, "template": name}))["disposition"] == "issued"


def test_what_is_wrong_in_a_policy_is_told_with_its_path(client):
    body = problem(client.rest("POST", "/templates", json={"name": unique("t"), "policy": {
        "key_types": ["ec:p256"], "wildcard": "none", "san_dns": "perhaps"}}), 400)
    assert {one["field"] for one in body["problems"]} == {"policy.wildcard", "policy.san_dns"}
    body = problem(client.rest("POST", "/templates", json={"name": unique("t"), "policy": {
        "key_types": ["ec:p256"], "eku": ["noSuchUsage"]}}), 400)
    assert [one["field"] for one in body["problems"]] == ["policy.eku[0]"]
    problem(client.rest("POST", "/templates", json={"name": "WebServer", "policy": {"key_types": ["ec:p256"]}}), 409)
    problem(client.rest("GET", "/templates/NoSuch"), 404, "CHY-2101")


# Authorities

def test_authorities_show_their_certificate_and_crl(server, client):
    name = client.server_ca()
    rows = {row["name"]: row for row in pages(client, "/authorities")}
    assert len(rows) >= 2 and rows[name]["parent"] in rows
    reply = client.rest("GET", f"/authorities/{name}")
    found = good(reply)
    certificate = keys.load(found["certificate"])
    assert found["thumbprint"].lower() == certificate.fingerprint(keys.hashes.SHA256()).hex()
    assert found["usable"] and found["enabled"] and found["key_type"] and found["crl_number"] >= 1
    assert good(client.rest("GET", f"/authorities/{found['id']}"))["name"] == name
    crl = good(client.rest("POST", f"/authorities/{name}/crl"))
    assert crl["number"] > found["crl_number"] and crl["next_update"] > crl["this_update"]
    assert good(client.rest("GET", f"/authorities/{name}"))["crl_number"] >= crl["number"]
    problem(client.rest("GET", "/authorities/NoSuch"), 404, "CHY-2201")
    problem(client.rest("POST", f"/authorities/{name}/disable", headers={"If-Match": '"999999"'}), 412)


def test_a_switched_off_authority_issues_nothing(new_server):
    server = new_server().start()
    client = server.client()
    name = client.server_ca()
    off = client.rest("POST", f"/authorities/{name}/disable")
    assert good(off)["enabled"] is False
    body = {"csr": keys.new_csr("off.example.com", ["off.example.com"]), "template": "WebServer"}
    refused = client.rest("POST", "/certificates", json=body)
    problem(refused, 503, "CHY-2202")
    assert int(refused.headers["Retry-After"]) > 0
    on = client.rest("POST", f"/authorities/{name}/enable", headers={"If-Match": off.headers["ETag"]})
    assert good(on)["enabled"] is True
    assert good(client.rest("POST", "/certificates", json=body))["pem"]


# Certificates

def test_a_certificate_with_chosen_names_and_validity(client):
    csr = keys.new_csr("csr.example.com", ["csr.example.com"])
    body = {"csr": csr, "template": "WebServer", "authority": client.server_ca(), "validity": "10d",
            "sans": {"dns": ["a.v1.example.com", "b.v1.example.com"], "ip": ["10.0.0.9"]}, "subject": "CN=a.v1.example.com"}
    before = client.total()
    planned = good(client.rest("POST", "/certificates", params={"dry_run": "true"}, json=body))
    assert planned["disposition"] == "planned" and planned["tbs"] and planned["pem"] is None
    assert client.total() == before
    issued = good(client.rest("POST", "/certificates", json=body))
    certificate = keys.load(issued["pem"])
    assert sorted(keys.names(certificate)) == ["10.0.0.9", "a.v1.example.com", "b.v1.example.com"]
    assert (certificate.not_valid_after - certificate.not_valid_before).days in (9, 10)
    assert issued["disposition"] == "issued" and len(issued["chain"]) >= 1
    shown = good(client.rest("GET", f"/certificates/{issued['id']}"))
    assert shown["pem"] == issued["pem"] and shown["chain"] == issued["chain"] and shown["state"] == "active"
    assert shown["request_id"] == issued["request_id"] and shown["protocol"] == "rest"
    assert {(one["kind"], one["value"]) for one in shown["sans"]} == {
        ("dns", "a.v1.example.com"), ("dns", "b.v1.example.com"), ("ip", "10.0.0.9")}
    client.revoke(issued["id"], reason=4)
    revoked = good(client.rest("GET", f"/certificates/{issued['id']}"))
    assert (revoked["state"], revoked["revocation_reason"]) == ("revoked", 4)
    problem(client.rest("GET", "/certificates/999999999"), 404, "CHY-1203")
    problem(client.rest("GET", "/certificates/x"), 400, "CHY-0102")
    problem(client.rest("POST", "/certificates", params={"dry_run": "perhaps"}, json=body), 400, "CHY-0102")


def test_a_refused_request_names_its_fields_as_this_api_does(client):
    csr = keys.new_csr("a.example.com", ["a.example.com"])
    body = problem(client.rest("POST", "/certificates", json={
        "csr": csr, "template": "WebServer", "sans": {"dns": ["a b.example.com"]}}), 400)
    assert body["problems"][0]["field"] == "sans.dns[0]", body
    for wrong, field in (({"csr": csr, "template": "NoSuch"}, "template"),
                         ({"csr": csr, "template": "WebServer", "authority": "NoSuch"}, "authority"),
                         ({"csr": csr, "template": "WebServer", "validity": "ten days"}, "validity"),
                         ({"csr": csr, "template": "WebServer", "validity": "0d"}, "validity"),
                         ({"csr": csr}, "template")):
        assert problem(client.rest("POST", "/certificates", json=wrong), 400)["problems"][0]["field"] == field


def test_the_register_is_searched_and_its_fields_are_known(client):
    tag = f"v1{time.time_ns()}"
    made_ids = [good(client.rest("POST", "/certificates", json={
        "csr": keys.new_csr(f"{n}.{tag}.example.com", [f"{n}.{tag}.example.com"]), "template": "WebServer"}))["id"]
        for n in range(4)]
    assert [row["id"] for row in pages(client, "/certificates", filter=f'CN -contains "{tag}"')] == made_ids
    problem(client.rest("GET", "/certificates", params={"filter": "CN -eq"}), 400, "CHY-1201")
    fields = {row["name"]: row for row in good(client.rest("GET", "/search/fields"))["items"]}
    assert fields["IssuedCN"]["type"] == "text"


# Idempotency-Key

def test_a_creation_with_a_key_happens_once(client):
    key, name = unique("key"), unique("once")
    body = {"name": name, "password": "a long enough password"}
    first = client.rest("POST", "/users", json=body, headers={"Idempotency-Key": key})
    again = client.rest("POST", "/users", json=body, headers={"Idempotency-Key": key})
    assert made(first) == made(again) and again.headers["Idempotent-Replay"] == "true"
    other = client.rest("POST", "/users", json={**body, "name": name + "x"}, headers={"Idempotency-Key": key})
    problem(other, 409, "CHY-1106")
    problem(client.rest("POST", "/users", json=body, headers={"Idempotency-Key": "x" * 256}), 400)
    # what failed may be tried again with the same key
    key = unique("key")
    problem(client.rest("POST", "/users", json={"name": name}, headers={"Idempotency-Key": key}), 409)
    assert client.rest("DELETE", f"/users/{name}").status_code == 204
    made(client.rest("POST", "/users", json={"name": name}, headers={"Idempotency-Key": key}))


def test_a_secret_is_not_told_twice(client):
    headers = {"Idempotency-Key": unique("key")}
    first = made(client.rest("POST", "/clients", json={"description": "x"}, headers=headers))
    again = made(client.rest("POST", "/clients", json={"description": "x"}, headers=headers))
    assert first["client_secret"] and "client_secret" not in again and first["id"] == again["id"]


def test_certificates_asked_for_at_once_with_one_key_are_one(client):
    csr = keys.new_csr("idem.example.com", ["idem.example.com"])
    headers = {"Idempotency-Key": unique("key")}

    def ask(_):
        return client.server.client().rest("POST", "/certificates", json={"csr": csr, "template": "WebServer"},
                                           headers=headers)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(ask, range(8)))
    assert {reply.status_code for reply in replies} <= {200, 409}, [reply.text for reply in replies]
    assert len({reply.json()["id"] for reply in replies if reply.status_code == 200}) == 1
    assert ask(0).json()["serial_number"] == [r for r in replies if r.status_code == 200][0].json()["serial_number"]


# The record

def test_the_record_tells_who_did_what(client):
    name = unique("audited")
    user = made(client.rest("POST", "/users", json={"name": name}))
    page = good(client.rest("GET", "/audit", params={"action": "user.create", "limit": 20}))
    event = [one for one in page["items"] if one["target"]["name"] == name][0]
    assert event["actor"]["name"] == client.server.user and event["outcome"] == "success"
    one = good(client.rest("GET", f"/audit/{event['id']}"))
    assert one["event"]["action"] == "user.create" and one["hash"] == event["hash"]
    by = {"target_type": event["target"]["type"], "target_id": event["target"]["id"]}
    assert {row["target"]["name"] for row in pages(client, "/audit", **by)} == {name}
    assert pages(client, "/audit", **by, oldest_first="true")[0]["action"] == "user.create"
    assert str(user["id"]) in event["target"]["id"]
    problem(client.rest("GET", "/audit", params={"after": "nonsense"}), 400)
    problem(client.rest("GET", "/audit/nonsense"), 404)
    assert pages(client, "/audit", until="2020-01-01T00:00:00Z") == []


def test_the_record_is_verified_and_so_recorded(client):
    report = good(client.rest("POST", "/audit/verify"))
    assert report["intact"] and report["events"] > 0 and report["chains"] >= 1 and report["breaks"] == []
    assert good(client.rest("POST", "/audit/verify", json={"chain": 1, "from": 1, "to": 5}))["events"] <= 5
    assert good(client.rest("GET", "/audit", params={"action": "audit.verify"}))["items"]
    assert isinstance(good(client.rest("GET", "/audit/keys"))["keys"], list)


def test_a_changed_event_is_found(new_server):
    server = new_server().start()
    client = server.client()
    made(client.rest("POST", "/users", json={"name": unique("u")}))
    admin.sql(server, "UPDATE audit SET event = REPLACE(event, '\"user.create\"', '\"user.delete\"') "
                      "WHERE action = 'user.create'")
    report = good(client.rest("POST", "/audit/verify"))
    assert not report["intact"] and report["breaks"][0]["reason"]
    server.tolerates_errors = True


# The server

def test_whoami_health_jobs_and_token_keys(server, client):
    me = good(client.rest("GET", "/whoami"))
    assert me["name"] == server.user and "Administrator" in me["roles"] and "security/modify" in me["permissions"]
    health = good(client.rest("GET", "/health"))
    assert health["state"] == "ok" and {one["name"] for one in health["components"]} >= {"database", "signing_keys"}
    assert all(one["since"] and one["latency_ms"] >= 0 for one in health["components"])
    jobs = good(client.rest("GET", "/jobs", params={"limit": 5, "state": "done"}))["items"]
    assert all(job["state"] == "done" for job in jobs)
    assert len({job["id"] for job in pages(client, "/jobs")}) == len(pages(client, "/jobs")) or jobs
    found = server.client(nobody=True).rest("GET", "/token/keys").json()["keys"]
    assert found[0]["kty"] == "EC" and "d" not in found[0]


def test_what_the_database_says_is_for_the_log_and_not_for_the_health_report(new_server):
    server = new_server().start()
    client = server.client()
    state = lambda: {one["name"]: one for one in client.rest("GET", "/health").json()["components"]}["database"]
    assert state()["state"] == "ok"
    admin.sql(server, "ALTER TABLE db_probe RENAME TO db_probed")
    said = state()
    assert (said["state"], said["detail"]) == ("failing", "the database cannot be asked; the log tells why")
    assert any("probe" in line["error"] for line in server.lines(level="warn") if "was not well" in line["msg"])
    admin.sql(server, "ALTER TABLE db_probed RENAME TO db_probe")
    assert state()["state"] == "ok"


def test_the_servers_inside_is_for_those_who_may_see_it(server):
    name, password = admin.user(server)
    caller, nobody = server.client(name, password), server.client(nobody=True)
    for path in ("/health", "/jobs", "/audit", "/audit/keys", "/users", "/roles", "/clients", "/authorities",
                 "/templates", "/certificates", "/search/fields"):
        problem(caller.rest("GET", path), 403, "CHY-1004")
        reply = nobody.rest("GET", path)
        problem(reply, 401, "CHY-1001")
        assert "Basic" in reply.headers["WWW-Authenticate"] and "Bearer" in reply.headers["WWW-Authenticate"]
    assert caller.rest("GET", "/permissions").status_code == 200
    problem(caller.rest("POST", "/audit/verify"), 403, "CHY-1004")


@pytest.mark.parametrize("method, path, body, status", [
    ("GET", "/nonsense", None, 404), ("PUT", "/users", {}, 405), ("POST", "/users", [], 400), ("POST", "/users", None, 400),
    ("POST", "/users", "text", 400), ("GET", "/users/%00", None, 404), ("GET", "/users/a%2Fb", None, 404),
])
def test_what_leads_nowhere_is_refused_in_the_words_of_rfc_9457(client, method, path, body, status):
    more = {} if body is None else {"data": json.dumps(body), "headers": {"Content-Type": "application/json"}}
    problem(client.rest(method, path, **more), status)


def test_every_operation_is_described_with_problem_details(server):
    document = requests.get(server.url.rstrip("/") + "/openapi.json", verify=str(server.ca), timeout=30).json()
    ours = {path: item for path, item in document["paths"].items() if path.startswith("/api/v1/")}
    assert len(ours) > 20
    for item in ours.values():
        for operation in item.values():
            assert list(operation["responses"]["default"]["content"]) == ["application/problem+json"]


def test_an_anchor_is_part_of_the_record_and_a_false_one_is_not(server, client):
    server.client().enroll(dns=("anchored.example.com",))
    anchor = client.rest("GET", "/audit/anchor").json()
    assert anchor["at"] and anchor["heads"]
    good = client.rest("POST", "/audit/verify", json={"anchor": anchor["heads"]}).json()
    assert good["intact"] is True and good["breaks"] == []
    head = anchor["heads"][0]
    for false in ({**head, "hash": "0" * 64}, {**head, "seq": head["seq"] + 1000000}):
        report = client.rest("POST", "/audit/verify", json={"anchor": [false]}).json()
        assert report["intact"] is False, report
        assert [(one["chain"], one["seq"]) for one in report["breaks"]] == [(false["chain"], false["seq"])]
        assert "anchor" in report["breaks"][0]["reason"]
    refused = client.rest("POST", "/audit/verify", json={"anchor": [{"chain": 0, "seq": 1, "hash": "12"}]})
    assert refused.status_code in (400, 422), refused.text
    assert {problem["field"] for problem in refused.json()["problems"]} == {"anchor[0].chain", "anchor[0].hash"}
