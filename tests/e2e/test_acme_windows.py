"""When operators want certificates renewed, and what clients are told of it (RFC 9773)."""
import datetime

import pytest

import admin
import chancery
import keys
from acme import leaf, name, revoke
from test_acme_operators import events, holder, listed, look, operator  # noqa: F401
from test_acme_renewal import cert_id


def said_window(holder, certificate):
    reply = holder.get(f"{holder.directory['renewalInfo']}/{cert_id(certificate)}")
    assert reply.status_code == 200, reply.text
    body = reply.json()
    return body["suggestedWindow"]["start"], body["suggestedWindow"]["end"], body.get("explanationURL")


WINDOW = {"start": "2026-01-02T03:04:05Z", "end": "2026-01-03T03:04:05Z"}


def set_window(operator, **body):
    reply = operator.rest("POST", "/acme/renewal-windows", json={**WINDOW, "reason": "INC 9", **body})
    assert reply.status_code == 201, reply.text
    return reply.json()


@pytest.mark.seed("S356")
def test_operators_set_when_certificates_are_renewed(acme_server, operator, holder):
    wanted, other = name("ari"), name("ari")
    one, two = (leaf(holder.issue(one)[1]) for one in (wanted, other))
    before, elsewhere = said_window(holder, one), said_window(holder, two)
    made = set_window(operator, query=f'CN -eq "{wanted}"', explanation_url="https://status.example.com/9")
    assert made["matches"] == 1 and made["created_by"] == acme_server.user and made["query"] == f'CN -eq "{wanted}"'
    assert said_window(holder, one) == (WINDOW["start"], WINDOW["end"], "https://status.example.com/9"), "at once"
    assert said_window(holder, two) == elsewhere
    second = set_window(operator, query=f'CN -eq "{wanted}"', end="2026-01-04T00:00:00Z")
    assert said_window(holder, one) == (WINDOW["start"], "2026-01-04T00:00:00Z", None), "the newest counts"
    assert {made["id"], second["id"]} <= {row["id"] for row in listed(operator, "/renewal-windows", limit=1)}
    assert "matches" not in look(operator, f"/renewal-windows/{made['id']}")
    for window in (second, made):
        path = f"/acme/renewal-windows/{window['id']}"
        assert operator.rest("DELETE", path, params={"reason": "over"}).status_code == 204
        assert operator.rest("DELETE", path).status_code == operator.rest("GET", path).status_code == 404
    assert said_window(holder, one) == before
    assert events(operator, "acme.window.create", str(made["id"]))[0]["reason"] == "INC 9"
    assert events(operator, "acme.window.delete", str(made["id"]))[0]["reason"] == "over"


def test_everything_that_a_window_names_wrongly_is_told(operator):
    reply = operator.rest("POST", "/acme/renewal-windows", json={**WINDOW, "reason": "x", "authority": "none", "collection": "none"})
    assert reply.status_code == 400, reply.text
    assert {one["field"] for one in reply.json()["problems"]} == {"authority", "collection"}, reply.text


@pytest.mark.seed("S356")
def test_windows_are_for_collections_authorities_and_times(acme_server, operator, holder):
    wanted = name("set")
    one = leaf(holder.issue(wanted)[1])
    made = acme_server.client().enroll(csr=keys.new_csr(cn=f"rest.{wanted}", dns=(f"rest.{wanted}",)))
    rest = keys.load(made["Certificates"][0])
    collection = acme_server.client().post("/CertificateCollections", {
        "Name": wanted, "Description": "x", "Query": f'CN -contains "{wanted}"', "DuplicationField": 0})
    usual, later = said_window(holder, one), (one.not_valid_before + datetime.timedelta(hours=1)).isoformat() + "Z"
    authority = operator.server_ca()
    started = one.not_valid_before.isoformat() + "Z"
    for body, hits in (({"collection": wanted}, True), ({"collection": wanted, "authority": authority}, True),
                       ({"collection": wanted, "issued_from": started, "issued_until": later}, True),
                       ({"collection": wanted, "issued_from": later}, False),
                       ({"collection": wanted, "issued_until": started}, False),
                       ({"collection": wanted, "query": 'CN -eq "other"'}, False)):
        window = set_window(operator, **body)
        assert [window.get(part) for part in body] == list(body.values())
        for certificate in (one, rest):
            assert (said_window(holder, certificate)[0] == WINDOW["start"]) is hits, body
        if "issued_until" not in body:
            assert window["matches"] == (2 if hits else 0), body
        if body == {"collection": wanted}:
            revoke(holder, holder.issue(f"gone.{wanted}")[1])
        assert operator.rest("DELETE", f"/acme/renewal-windows/{window['id']}").status_code == 204
    assert said_window(holder, one) == usual and collection["Id"]


def test_what_came_of_a_renewal_is_not_to_be_renewed_again(acme_server, operator, holder):
    wanted = name("again")
    first = leaf(holder.issue(wanted)[1])
    window = set_window(operator, query=f'CN -eq "{wanted}"')
    assert said_window(holder, first)[0] == WINDOW["start"]
    second = leaf(holder.issue(wanted, replaces=cert_id(first))[1])
    assert said_window(holder, second)[0] > datetime.datetime.now(datetime.timezone.utc).isoformat(), "its own time"
    assert said_window(holder, first)[0] == WINDOW["start"]
    assert operator.rest("DELETE", f"/acme/renewal-windows/{window['id']}").status_code == 204


def test_windows_count_only_what_their_maker_may_see(acme_server, operator):
    wanted = name("sight")
    inside, outside = f"in.{wanted}", f"out.{wanted}"
    ids = []
    for cn in (inside, outside):
        acme_server.client().enroll(csr=keys.new_csr(cn=cn, dns=(cn,)))
        ids.append(acme_server.client().post("/CertificateCollections", {
            "Name": cn, "Description": "x", "Query": f'CN -eq "{cn}"', "DuplicationField": 0})["Id"])
    role = admin.role(acme_server, ["system/modify"])
    maker = acme_server.client(*admin.user(acme_server, roles=[role]))

    def ask(**body):
        return maker.rest("POST", "/acme/renewal-windows", json={**WINDOW, "reason": "x", **body})
    every = {"query": f'CN -contains "{wanted}"'}
    for body in (every, {"authority": operator.server_ca()}, {"issued_from": WINDOW["start"]}):
        reply = ask(**body)
        assert reply.status_code == 403 and "matches" not in reply.text, reply.text
    reply = ask(collection=inside)
    assert (reply.status_code, reply.json()["problems"][0]["field"]) == (400, "collection"), reply.text
    chancery.good(operator.rest("POST", f"/roles/{role}/grants", json={
        "permission": "certificates/read", "scope": "collection", "object": str(ids[0])}))
    made = ask(collection=inside, **every)
    assert made.status_code == 201 and made.json()["matches"] == 1, made.text
    assert ask(collection=outside, **every).status_code == 400 and ask(**every).status_code == 403
    chancery.good(operator.rest("POST", f"/roles/{role}/grants", json={"permission": "certificates/read", "scope": "all"}))
    both = ask(**every)
    assert both.status_code == 201 and both.json()["matches"] == 2, both.text
    for window in (made, both):
        assert operator.rest("DELETE", f"/acme/renewal-windows/{window.json()['id']}").status_code == 204


@pytest.mark.parametrize("body, field", [
    ({}, "query"), ({"query": "x", "end": "2026-01-02T03:04:05Z"}, "end"), ({"query": "x", "start": None}, "start"),
    ({"query": "CN -eq"}, None), ({"authority": "No such"}, "authority"), ({"collection": "No such"}, "collection"),
    ({"query": "x", "explanation_url": "ftp://x"}, "explanation_url"), ({"query": "x", "explanation_url": "https://a b/"}, "explanation_url"),
    ({"query": "x", "reason": ""}, "reason"),
    ({"issued_from": "2026-01-02T00:00:00Z", "issued_until": "2026-01-01T00:00:00Z"}, "issued_until")])
def test_windows_that_are_none(operator, body, field):
    reply = operator.rest("POST", "/acme/renewal-windows", json={**WINDOW, "reason": "x", **body})
    assert reply.status_code == 400, reply.text
    if field:
        assert field in [one["field"] for one in reply.json()["problems"]], reply.text
