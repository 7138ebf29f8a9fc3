"""Tokens that people make for their programs: narrower than their owner, for a time, and gone when revoked."""
import datetime
import re
import uuid

import pytest

import admin
import chancery
import keys
from chancery import good

OPERATOR = ["certificates/read", "certificates/revoke", "enrollment/csr", "security/read"]


def new_token(client, *permissions, name=None, **more):
    grants = [one if isinstance(one, dict) else {"permission": one} for one in permissions]
    reply = client.rest("POST", "/tokens", json={"name": name or f"ci {uuid.uuid4().hex[:12]}", "grants": grants, **more})
    assert reply.status_code == 201, reply.text
    assert reply.headers["Cache-Control"] == "no-store"
    return reply.json()


def status(server, token, method="GET", path="/Certificates", **more):
    return server.client(token=token).command(method, path, **more).status_code


@pytest.fixture
def operator(server):
    return server.client(*admin.user(server, permissions=OPERATOR))


def test_a_token_opens_what_it_is_for_and_nothing_else(server, operator):
    made = new_token(operator, "certificates/read")
    assert re.fullmatch(r"chancery_[A-Za-z0-9_-]{43}", made["token"]) and made["token"].endswith(made["hint"])
    program = server.client(token=made["token"])
    assert program.command("GET", "/Certificates").status_code == 200
    assert program.command("POST", "/Certificates/Revoke", json={"CertificateIds": [1], "Reason": 1}).status_code == 403
    assert program.command("GET", "/Security/Roles").status_code == 403
    me = good(program.rest("GET", "/whoami"))
    assert me["permissions"] == ["certificates/read"] and me["auth"] == "api-token"
    assert me["scope"] == f"api_token:{made['id']}"
    # in any case of the scheme, and on the other API
    for scheme in ("bearer", "BEARER"):
        reply = server.client(nobody=True).rest("GET", "/certificates", headers={"Authorization": f"{scheme} {made['token']}"})
        assert reply.status_code == 200


def test_it_can_be_for_one_object_alone(server, operator):
    made = new_token(operator, {"permission": "enrollment/csr", "scope": "template", "object": "WebServer"}, "certificates/read")
    program = server.client(token=made["token"])
    name = f"{uuid.uuid4().hex[:12]}.example.com"
    enroll = {"CSR": keys.new_csr(name, [name]), "Template": "WebServer"}
    assert program.command("POST", "/Enrollment/CSR", json=enroll).status_code == 200
    other = keys.new_csr(f"x{name}", [f"x{name}"])
    assert program.command("POST", "/Enrollment/CSR", json={"CSR": other, "Template": "tls-client"}).status_code == 403
    assert operator.command("POST", "/Enrollment/CSR", json={"CSR": other, "Template": "tls-client"}).status_code == 200


def test_it_allows_no_more_than_its_owner_may_at_that_moment(server, client):
    role = admin.role(server, ["certificates/read", "certificates/revoke"])
    owner = server.client(*admin.user(server, roles=[role]))
    everything = new_token(owner, "*")["token"]
    assert good(server.client(token=everything).rest("GET", "/whoami"))["permissions"] == [
        "certificates/read", "certificates/revoke"]
    assert client.rest("DELETE", f"/roles/{role}/grants", params={"permission": "certificates/revoke"}).status_code == 204
    assert good(server.client(token=everything).rest("GET", "/whoami"))["permissions"] == ["certificates/read"]
    assert client.rest("POST", f"/roles/{role}/grants", json={"permission": "audit/read"}).status_code == 200
    assert "audit/read" in good(server.client(token=everything).rest("GET", "/whoami"))["permissions"]


def test_a_token_of_an_administrator_is_one_only_when_it_is_for_everything(server, client):
    narrow = server.client(token=new_token(client, "security/modify", "security/read")["token"])
    reply = narrow.rest("POST", "/roles", json={"name": f"r{uuid.uuid4().hex[:12]}", "grants": [{"permission": "certificates/read"}]})
    assert reply.status_code == 403 and "do not hold" in reply.text
    reply = narrow.rest("POST", f"/users/{server.user}/password", json={"password": "correct horse battery"})
    assert reply.status_code == 403, "it would become its owner"
    whole = server.client(token=new_token(client, "*")["token"])
    assert whole.rest("POST", "/roles", json={"name": f"r{uuid.uuid4().hex[:12]}", "grants": [
        {"permission": "certificates/read"}]}).status_code == 201


def test_a_token_makes_no_tokens(server, client):
    program = server.client(token=new_token(client, "*")["token"])
    reply = program.rest("POST", "/tokens", json={"name": "more", "grants": [{"permission": "*"}]})
    assert reply.status_code == 403 and "makes no tokens" in reply.text


def test_it_ends_when_it_is_revoked_and_others_do_not(server, operator, client):
    one, two = new_token(operator, "certificates/read"), new_token(operator, "certificates/read")
    assert status(server, one["token"]) == status(server, two["token"]) == 200
    assert operator.rest("DELETE", f"/tokens/{one['id']}").status_code == 204
    assert (status(server, one["token"]), status(server, two["token"])) == (401, 200), "at once"
    assert operator.rest("DELETE", f"/tokens/{one['id']}").status_code == 404
    assert client.rest("DELETE", f"/tokens/{two['id']}").status_code == 204, "an administrator's hand"
    assert status(server, two["token"]) == 401


def test_a_token_ends_itself_and_no_other(server, operator, client):
    whole, narrow = new_token(operator, "*"), new_token(operator, "certificates/read")
    program = server.client(token=narrow["token"])
    reply = program.rest("DELETE", f"/tokens/{whole['id']}")
    assert reply.status_code == 403 and "no other" in reply.text, reply.text
    assert status(server, whole["token"]) == 200
    assert program.rest("DELETE", f"/tokens/{narrow['id']}").status_code == 204
    assert status(server, narrow["token"]) == 401
    warden = server.client(token=new_token(client, "security/modify", "security/read")["token"])
    assert warden.rest("DELETE", f"/tokens/{whole['id']}").status_code == 204


def test_it_ends_with_its_owner_and_their_password(server, client):
    name, password = admin.user(server, permissions=["certificates/read"])
    token = new_token(server.client(name, password), "certificates/read")["token"]
    assert status(server, token) == 200
    assert client.rest("POST", f"/users/{name}/password", json={"password": "another horse battery"}).status_code < 300
    assert status(server, token) == 401
    token = new_token(server.client(name, "another horse battery"), "certificates/read")["token"]
    assert status(server, token) == 200
    admin.disable(server, name)
    assert status(server, token) == 401
    other, password = admin.user(server, permissions=["certificates/read"])
    token = new_token(server.client(other, password), "certificates/read")["token"]
    etag = client.rest("GET", f"/users/{other}").headers["ETag"]
    assert client.rest("DELETE", f"/users/{other}", headers={"If-Match": etag}).status_code == 204
    assert status(server, token) == 401


@chancery.needs_faults
def test_it_ends_by_itself(new_server):
    server = new_server(program=chancery.FAULTS).start()
    now = datetime.datetime.now(datetime.timezone.utc)
    soon = new_token(server.client(), "certificates/read", expires_at=(now + datetime.timedelta(hours=2)).isoformat())
    usual = new_token(server.client(), "certificates/read")
    assert status(server, soon["token"]) == 200
    for hours, first in ((1.9, 200), (2.1, 401)):
        server.stop()
        server.start(CHANCERY_CLOCK_OFFSET_MS=str(int(hours * 3600_000)))
        assert (status(server, soon["token"]), status(server, usual["token"])) == (first, 200), hours
    assert [one["expired"] for one in server.client().rest("GET", "/tokens").json()["items"]] == [True, False]
    begins, ends = (datetime.datetime.fromisoformat(usual[name].replace("Z", "+00:00")) for name in ("created_at", "expires_at"))
    assert ends - begins == datetime.timedelta(days=90)
    server.tolerates_errors = True


def test_they_are_listed_without_the_secret(server, operator, client):
    made = [new_token(operator, "certificates/read") for _ in range(3)]
    walked, after = [], None
    while True:
        page = good(operator.rest("GET", "/tokens", params={"limit": 2, **({"after": after} if after else {})}))
        walked, after = walked + page["items"], page["next"]
        if not after:
            break
    assert [one["id"] for one in walked] == [one["id"] for one in made]
    assert not any("token" in one or one["expired"] or one.get("last_used_at") for one in walked)
    status(server, made[0]["token"])
    shown = good(operator.rest("GET", f"/tokens/{made[0]['id']}"))
    assert shown["last_used_at"] and "token" not in shown
    stranger = server.client(*admin.user(server, permissions=["certificates/read"]))
    assert good(stranger.rest("GET", "/tokens"))["items"] == []
    for method in ("GET", "DELETE"):
        assert stranger.rest(method, f"/tokens/{made[0]['id']}").status_code == 404
    assert stranger.rest("GET", "/tokens", params={"all": "true"}).status_code == 403
    assert operator.rest("GET", "/tokens", params={"all": "true"}).status_code == 200, "who may read access"
    assert operator.rest("DELETE", f"/tokens/{new_token(client, '*')['id']}").status_code == 404
    every = good(client.rest("GET", "/tokens", params={"all": "true", "limit": 1000}))["items"]
    assert {one["id"] for one in made} <= {one["id"] for one in every}


@pytest.mark.parametrize("wrong, field", [
    ({"name": ""}, "name"), ({"name": None}, "name"), ({"name": "a\nb"}, "name"), ({"grants": []}, "grants"),
    ({"grants": None}, "grants"), ({"grants": [{"permission": "fly"}]}, "grants[0].permission"),
    ({"grants": [{"permission": "certificates/read"}, {"permission": "audit/read"}]}, "grants[1]"),
    ({"grants": [{"permission": "enrollment/csr", "scope": "template", "object": "nothing"}]}, "grants[0].object"),
    ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"), ({"expires_at": "2099-01-01T00:00:00Z"}, "expires_at"),
    ({"expires_at": "soon"}, "expires_at"),
])
def test_what_is_wrong_is_named(operator, wrong, field):
    reply = operator.rest("POST", "/tokens", json={"name": "x", "grants": [{"permission": "certificates/read"}], **wrong})
    assert reply.status_code == 400 and field in [one["field"] for one in reply.json()["problems"]], reply.text


def test_one_that_is_none_is_refused(server, operator):
    token = new_token(operator, "certificates/read")["token"]
    for bad in (token[:-1], token + "A", token.swapcase(), "chancery_", "chancery_" + "A" * 43, token.replace("chancery_", "")):
        assert status(server, bad) == 401, bad


def test_making_and_ending_one_stands_in_the_record_and_the_secret_nowhere(server, client):
    name, password = admin.user(server, permissions=["certificates/read"])
    owner = server.client(name, password)
    made = new_token(owner, "certificates/read")
    status(server, made["token"])
    owner.rest("DELETE", f"/tokens/{made['id']}")
    told = good(client.rest("GET", "/audit", params={"target_type": "api_token", "target_id": made["id"]}))["items"]
    assert sorted(one["action"] for one in told) == ["api_token.create", "api_token.revoke"]
    assert {one["actor"]["name"] for one in told} == {name}
    whole = "".join(client.rest("GET", f"/audit/{one['id']}").text for one in told)
    assert "certificates/read" in whole and made["token"] not in whole
    assert made["token"] not in server.log.read_text(errors="replace")


def test_the_same_request_twice_makes_one_and_tells_it_once(operator):
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    body = {"name": "once", "grants": [{"permission": "certificates/read"}]}
    first, second = (operator.rest("POST", "/tokens", json=body, headers=headers) for _ in range(2))
    assert first.json()["id"] == second.json()["id"] and "token" in first.json() and "token" not in second.json()
