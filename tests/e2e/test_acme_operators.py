"""What operators see of ACME and do about it: accounts, orders, authorizations, keys for bindings."""
import datetime

import pytest

import acme
import chancery
import keys
import processes
from acme import name, refused
from test_acme_orders import approved_template, holder  # noqa: F401


@pytest.fixture
def operator(acme_server):
    return acme_server.client()


def last(url):
    return url.rsplit("/", 1)[-1]


def look(operator, path, **query):
    return chancery.good(operator.rest("GET", "/acme" + path, params=query or None))


def listed(operator, path, **query):
    """All items of a list, page by page."""
    items, after = [], None
    while True:
        page = look(operator, path, **query, **({"after": after} if after else {}))
        items += page["items"]
        after = page["next"]
        if not after:
            return items


def tell(operator, path, status=200, **body):
    reply = operator.rest("POST", "/acme" + path, json=body or None)
    assert reply.status_code == status, reply.text
    return reply.json() if reply.content else None


def events(operator, action, target):
    found = chancery.good(operator.rest("GET", "/audit", params={"action": action, "target_id": target}))["items"]
    return [chancery.good(operator.rest("GET", f"/audit/{one['id']}"))["event"] for one in found]


# Accounts.

def test_accounts_are_listed_found_and_shown_with_their_orders(acme_server, operator, holder):
    mail = f"{name().split('.')[0]}@Example.com"
    holder.good(holder.kid, {"contact": [f"mailto:{mail}"]})
    order, _ = holder.issue(name("shown"))
    account = last(holder.kid)
    one = look(operator, f"/accounts/{account}")
    assert (one["id"], one["status"], one["contacts"], one["created_ip"]) == (account, "valid", [f"mailto:{mail}"], "127.0.0.1")
    assert one["profile"] == "" and one["eab_key"] is None and one["thumbprint"] == acme.thumbprint(holder.key)
    assert one["user_agent"].startswith("python-requests") and one["created_at"].endswith("Z")
    assert [(row["id"], row["status"]) for row in one["orders"]] == [(last(order["url"]), "valid")]
    assert look(operator, f"/accounts/{account[:12]}")["id"] == account, "the beginning of an id is enough"
    for query in ({"contains": mail.lower()}, {"contains": account}, {"contains": acme.thumbprint(holder.key)},
                  {"contains": mail, "status": "valid"}):
        rows = listed(operator, "/accounts", **query)
        assert [row["id"] for row in rows] == [account], query
        assert "orders" not in rows[0]
    assert listed(operator, "/accounts", contains=mail, status="deactivated") == []
    acme.Orderer(acme_server, (holder.web, holder.dns))
    first = look(operator, "/accounts", limit=1)
    assert len(first["items"]) == 1 and first["next"] and account in [row["id"] for row in listed(operator, "/accounts", limit=3)]
    for path, query, status in (("/accounts", {"status": "alive"}, 400), ("/accounts", {"after": "none"}, 400),
                                ("/accounts/none", {}, 404), ("/orders", {"after": "none"}, 400), ("/orders", {"status": "x"}, 400),
                                ("/orders", {"account": "none"}, 404), ("/authorizations/none", {}, 404)):
        reply = operator.rest("GET", "/acme" + path, params=query or None)
        assert reply.status_code == status and (status == 404 or list(query)[0] in reply.text), reply.text


def test_an_account_that_is_suspended_does_nothing_until_it_is_restored(operator, holder):
    account = last(holder.kid)
    pending = holder.order(name("wait"))
    done, _ = holder.issue(name("done"))
    for body in ({}, {"reason": ""}, {"reason": "x" * 1001}):
        assert "reason" in operator.rest("POST", f"/acme/accounts/{account}/suspend", json=body).text
    assert tell(operator, f"/accounts/{account}/suspend", reason="INC 7")["status"] == "revoked"
    holder.bad("newOrder", {"identifiers": [acme.identifier(name())]}, 401, "unauthorized")
    refused(holder.post("newAccount", {}, jwk=True), 401, "unauthorized")
    tell(operator, f"/accounts/{account}/suspend", 409, reason="again")
    assert look(operator, f"/orders/{last(pending['url'])}")["status"] == "invalid"
    assert "suspended" in look(operator, f"/orders/{last(pending['url'])}")["error"]["detail"]
    assert look(operator, f"/orders/{last(done['url'])}")["status"] == "valid"
    event, = events(operator, "acme.account.suspend", account)
    assert event["reason"] == "INC 7" and event["actor"]["name"] == operator.server.user
    assert tell(operator, f"/accounts/{account}/restore", reason="over")["status"] == "valid"
    holder.issue(name("again"))
    assert events(operator, "acme.account.restore", account)
    tell(operator, f"/accounts/{account}/restore", 409, reason="it is")
    tell(operator, "/accounts/none/suspend", 404, reason="x")


def test_an_account_that_is_ended_does_not_come_back(operator, holder):
    account = last(holder.kid)
    tell(operator, f"/accounts/{account}/suspend", reason="first")
    assert tell(operator, f"/accounts/{account}/deactivate", reason="left us")["status"] == "deactivated"
    for what in ("restore", "suspend", "deactivate"):
        assert "deactivated" in tell(operator, f"/accounts/{account}/{what}", 409, reason="x")["detail"]
    refused(holder.post("newAccount", {}, jwk=True), 401, "unauthorized")
    assert events(operator, "acme.account.deactivate", account)[0]["reason"] == "left us"
    assert account in [row["id"] for row in listed(operator, "/accounts", status="deactivated", contains=account)]


def test_a_request_that_waits_for_an_approval_ends_with_the_account(new_server, acme_settings, answers):
    server = new_server(settings={**acme_settings, "acme.template": "Approved"}).start()
    holder, operator = acme.Orderer(server, answers), server.client()
    approved_template(operator)
    order = holder.order(name("approve"))
    holder.prove(order)
    assert holder.finalize(order).json()["status"] == "processing"
    seen = look(operator, f"/orders/{last(order['url'])}")
    assert seen["status"] == "processing" and seen["request_id"]
    tell(operator, f"/accounts/{last(holder.kid)}/suspend", reason="INC 8")
    assert look(operator, f"/orders/{last(order['url'])}")["status"] == "invalid"
    assert chancery.good(operator.rest("GET", f"/requests/{seen['request_id']}"))["state"] == "denied"


# Orders and authorizations.

def test_orders_are_listed_by_account_state_and_name(operator, holder):
    wanted, account = name("www"), last(holder.kid)
    first, _ = holder.issue(wanted)
    second = holder.order(name("two"), wanted)
    wild = holder.order(f"*.{wanted}")
    ids = [last(one["url"]) for one in (first, second, wild)]
    assert [row["id"] for row in listed(operator, "/orders", account=account)] == ids[::-1], "the newest first"
    assert [row["id"] for row in listed(operator, "/orders", account=account, limit=1)] == ids[::-1]
    assert [row["id"] for row in listed(operator, "/orders", account=account, status="valid")] == ids[:1]
    assert [row["id"] for row in listed(operator, "/orders", account=account[:10], status="pending")] == [ids[2], ids[1]]
    assert [row["id"] for row in listed(operator, "/orders", name=wanted.upper())] == ids[::-1]
    assert [row["id"] for row in listed(operator, "/orders", name="*." + wanted, status="valid")] == ids[:1]
    assert listed(operator, "/orders", name=name()) == []
    row = listed(operator, "/orders", name=wanted, status="valid")[0]
    assert row["account"] == account and row["names"] == [wanted] and row["identifiers"] == first["identifiers"] and row["certificate_id"] and row["ended_at"]
    assert ids[0] in [one["id"] for one in listed(operator, "/orders", status="valid", limit=1000)]


def test_every_try_of_a_challenge_is_seen(operator, holder, patient_server, answers):
    order = holder.order(name("tries"))
    holder.prove(order, place=False)
    seen = look(operator, f"/orders/{last(order['url'])[:14]}")
    tried = next(one for one in seen["authorizations"][0]["challenges"] if one["type"] == "http-01")
    tries = tried["tries"]
    assert [one["number"] for one in tries] == list(range(1, tried["attempts"] + 1)) and len(tries) >= 2
    assert all(one["error"]["detail"] and one["steps"] and one["at"].endswith("Z") for one in tries)
    assert [one["at"] for one in tries] == sorted(one["at"] for one in tries)
    assert tries[-1]["steps"] == tried["steps"] and tries[-1]["error"] == tried["error"]
    holder, operator = acme.Orderer(patient_server, answers), patient_server.client()
    late = holder.order(name("late"))
    one = holder.challenge(holder.authz(late))
    holder.good(one["url"], {})
    processes.wait_until(lambda: "error" in holder.good(one["url"]).json(), 20, what="a try")
    holder.place(holder.authz(late))
    holder.good(one["url"], {})
    holder.poll(late["url"], "ready")
    tried = next(one for one in look(operator, f"/authorizations/{last(late['authorizations'][0])}")["challenges"]
                 if one["type"] == "http-01")
    assert tried["tries"][0]["error"] and "error" not in tried["tries"][-1] and tried["tries"][-1]["steps"] == tried["steps"]


def test_authorizations_are_listed_and_one_that_is_revoked_proves_nothing(operator, holder):
    wanted, account = name("held"), last(holder.kid)
    order = holder.order(wanted)
    holder.prove(order)
    row, = listed(operator, "/authorizations", account=account)
    assert (row["value"], row["status"], row["method"], row["account"]) == (wanted, "valid", "http-01", account)
    assert listed(operator, "/authorizations", name=wanted, status="valid") == [row]
    assert listed(operator, "/authorizations", name=wanted, status="pending") == []
    assert "challenges" not in row
    path = f"/authorizations/{row['id']}"
    assert "reason" in tell(operator, path + "/revoke", 400, reason="")["problems"][0]["field"]
    assert tell(operator, path + "/revoke", reason="the name was sold")["status"] == "revoked"
    assert holder.authz(order)["status"] == "revoked" and holder.good(order["url"]).json()["status"] == "invalid"
    tell(operator, path + "/revoke", 409, reason="again")
    assert events(operator, "acme.authz.revoke", row["id"])[0]["reason"] == "the name was sold"
    assert holder.order(wanted)["status"] == "pending"


# Keys for bindings.

def new_key(operator, **body):
    reply = operator.rest("POST", "/acme/eab-keys", json=body)
    assert reply.status_code == 201, reply.text
    return reply.json()


@pytest.fixture
def bound(acme_server, answers):
    """Make a holder of an account that a key bound."""
    return lambda key: acme.Orderer(acme_server, answers, bound_by=key)


@pytest.mark.seed("S405", "S371")
def test_an_account_asks_for_what_the_key_that_bound_it_allows(operator, bound):
    zone = name("team")
    key = new_key(operator, owner="printers", allow=[f"*.{zone}"], deny=[f"secret.{zone}"], types=["dns"],
                  challenges=["http-01"])
    shown = look(operator, f"/eab-keys/{key['kid']}")
    assert (shown["owner"], shown["allow"], shown["deny"], shown["types"], shown["challenges"], shown["profiles"]) == (
        "printers", [f"*.{zone}"], [f"secret.{zone}"], ["dns"], ["http-01"], []) and "hmac_key" not in shown
    assert operator.rest("GET", "/acme/eab-keys/none").status_code == 404
    holder = bound(key)
    order, _ = holder.issue(f"www.{zone}")
    assert order["status"] == "valid"
    for wrong, names in ((zone, [zone]), (f"secret.{zone}", [f"secret.{zone}"]), ("127.0.0.1", ["127.0.0.1"]),
                         (name("other"), None), (f"secret.{zone}", [f"a.{zone}", f"secret.{zone}"])):
        said = holder.bad("newOrder", {"identifiers": [acme.identifier(one) for one in names or [wrong]]}, 403,
                          "rejectedIdentifier")
        assert [one["identifier"]["value"] for one in said["subproblems"]] == [wrong] and "bound to" in said["detail"]
    authz = holder.authz(holder.order(f"only.{zone}"))
    assert {one["type"] for one in authz["challenges"]} == {"http-01"}
    said = holder.bad("newOrder", {"identifiers": [acme.identifier(f"*.x.{zone}")]}, 403, "rejectedIdentifier")
    assert "no challenge" in said["detail"], "a wildcard is proved by DNS"
    free = bound(new_key(operator))
    assert len(free.authz(free.order(f"secret.{zone}"))["challenges"]) == 3
    assert [row["eab_key"] for row in listed(operator, "/accounts", eab_key=key["kid"])] == [key["kid"]]


def test_what_a_key_may_not_say_is_told_by_its_field(operator):
    for body, field in (({"allow": ["ok.test", "-bad"]}, "allow[1]"), ({"deny": ["10.0.0.0/99"]}, "deny[0]"),
                        ({"types": ["dns", "email"]}, "types[1]"), ({"challenges": ["http-02"]}, "challenges[0]"),
                        ({"owner": "x" * 256}, "owner"), ({"allow": "x"}, "allow"), ({"profile": "no-such"}, "profile"),
                        ({"profiles": ["no-such"]}, "profiles[0]")):
        reply = operator.rest("POST", "/acme/eab-keys", json=body)
        assert reply.status_code == 400 and field in [one["field"] for one in reply.json()["problems"]], reply.text


def edit(operator, key, expect=200, headers=None, **body):
    reply = operator.rest("PATCH", f"/acme/eab-keys/{key['kid']}", json=body, headers=headers)
    assert reply.status_code == expect, reply.text
    return reply.json()


def test_a_key_is_edited_and_the_accounts_that_it_bound_go_by_it(operator, bound):
    zone, other = name("team"), name("moved")
    key = new_key(operator, owner="printers", allow=[f"*.{zone}"], challenges=["http-01"], max_uses=1, orders_per_hour=1000)
    holder = bound(key)
    reply = operator.rest("GET", f"/acme/eab-keys/{key['kid']}")
    assert reply.headers["ETag"] == '"1"' and (reply.json()["version"], reply.json()["status"]) == (1, "used up")
    edited = edit(operator, key, allow=[f"*.{other}"])
    assert edited == {**reply.json(), "allow": [f"*.{other}"], "version": 2} and "hmac_key" not in edited
    said = holder.bad("newOrder", {"identifiers": [acme.identifier(f"www.{zone}")]}, 403, "rejectedIdentifier")
    assert "bound to" in said["detail"]
    assert holder.issue(f"www.{other}")[0]["status"] == "valid"
    edited = edit(operator, key, owner=None, allow=None, deny=[f"no.{other}"], types=["dns"], challenges=[], orders_per_hour=None,
                  orders_per_day=900, max_uses=2)
    assert (edited["owner"], edited["allow"], edited["deny"], edited["types"], edited["challenges"]) == (
        None, [], [f"no.{other}"], ["dns"], [])
    assert (edited["orders_per_hour"], edited["orders_per_day"], edited["max_uses"], edited["status"]) == (None, 900, 2, "enabled")
    assert len(holder.authz(holder.order(f"www.{zone}"))["challenges"]) == 3
    holder.bad("newOrder", {"identifiers": [acme.identifier("127.0.0.1")]}, 403, "rejectedIdentifier")
    bound(key)  # its secret is what it was
    until = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert edit(operator, key, max_uses=None, expires_at=until)["expires_at"] == until
    edited = edit(operator, key, expires_at=None)
    assert "expires_at" not in edited and (edited["max_uses"], edited["status"]) == (None, "enabled")
    assert edit(operator, key) == edited, "nothing changes, and the version with it"
    changes = [(event.get("before", {}), event.get("after", {})) for event in events(operator, "acme.eab.edit", key["kid"])]
    assert len(changes) == 4 and ("1", "2") in [(before.get("max_uses"), after.get("max_uses")) for before, after in changes]
    assert any(zone in before.get("policy", "") and other in after["policy"] for before, after in changes)
    assert key["hmac_key"] not in str(changes)


def test_a_key_is_edited_only_as_it_was_read_and_with_what_can_be(operator):
    key = new_key(operator, owner="x")
    edit(operator, key, 412, {"If-Match": '"7"'}, owner="y")
    assert edit(operator, key, 200, {"If-Match": '"1"'}, owner="y")["owner"] == "y"
    edit(operator, key, 412, {"If-Match": '"1"'}, owner="z")
    edit(operator, {"kid": "none"}, 404, owner="x")
    for body, field in (({"allow": ["ok.test", "-bad"]}, "allow[1]"), ({"deny": ["10.0.0.0/99"]}, "deny[0]"),
                        ({"types": ["dns", "email"]}, "types[1]"), ({"challenges": ["http-02"]}, "challenges[0]"),
                        ({"owner": "x" * 256}, "owner"), ({"allow": "x"}, "allow"), ({"profiles": ["no-such"]}, "profiles[0]"),
                        ({"max_uses": -1}, "max_uses"), ({"orders_per_day": -1}, "orders_per_day"),
                        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"), ({"expires_at": "soon"}, "expires_at"),
                        ({"kid": "other"}, "kid"), ({"profile": "other"}, "profile"), ({"hmac_key": "AAAA"}, "hmac_key"),
                        ({"status": "revoked"}, "status")):
        said = edit(operator, key, 400, **body)
        assert field in [one["field"] for one in said["problems"]], said
    assert look(operator, f"/eab-keys/{key['kid']}")["owner"] == "y"
    assert operator.rest("DELETE", f"/acme/eab-keys/{key['kid']}").status_code == 204
    edited = edit(operator, key, allow=["a.test"], max_uses=9)
    assert (edited["status"], edited["allow"]) == ("revoked", ["a.test"]), "its accounts stay, so it is edited; it binds none again"


@pytest.mark.parametrize("change, status, kind", [({"allow": ["else.test"]}, 403, "rejectedIdentifier"),
                                                  ({"types": ["ip"]}, 403, "rejectedIdentifier"),
                                                  ({"challenges": ["dns-01"]}, 403, "unauthorized")])
def test_what_a_key_does_not_allow_any_more_is_not_issued(operator, bound, change, status, kind):
    wanted = name("narrow")
    key = new_key(operator)
    holder = bound(key)
    order = holder.order(wanted)
    assert holder.prove(order)["status"] == "ready"
    csr = {"csr": acme.der(keys.new_csr(cn=None, dns=(wanted,)))}
    edit(operator, key, **change)
    holder.bad(order["finalize"], csr, status, kind)
    assert holder.good(order["url"]).json()["status"] == "ready"
    edit(operator, key, **{member: None for member in change})
    assert holder.good(order["finalize"], csr).json()["status"] == "valid"


def test_a_key_that_ends_takes_its_accounts_along_when_told_so(operator, bound):
    key = new_key(operator, allow=["*.acme.test"])
    first, second = bound(key), bound(key)
    order = first.order(name())
    path = f"/acme/eab-keys/{key['kid']}"
    assert operator.rest("DELETE", path, params={"suspend_accounts": "perhaps"}).status_code == 400
    assert operator.rest("DELETE", path).status_code == 204
    assert first.good(first.kid).json()["status"] == "valid", "those that are bound stay"
    assert operator.rest("DELETE", path, params={"suspend_accounts": "true"}).status_code == 204
    for holder in (first, second):
        refused(holder.post(holder.kid), 401, "unauthorized")
        assert key["kid"] in events(operator, "acme.account.suspend", last(holder.kid))[0]["reason"]
    assert look(operator, f"/orders/{last(order['url'])}")["status"] == "invalid"
    assert [row["status"] for row in listed(operator, "/accounts", eab_key=key["kid"])] == ["revoked", "revoked"]
    tell(operator, f"/accounts/{last(first.kid)}/restore", reason="not this one")
    assert first.order(name())["status"] == "pending"
    assert "suspended_accounts" in str(events(operator, "acme.eab.revoke", key["kid"]))
