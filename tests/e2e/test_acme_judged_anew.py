"""Rules that change while an order is under way: names, profile and proofs are judged anew until it is signed."""
import pytest

import acme
import admin
import chancery
import keys
from acme import name
from test_acme_orders import approved_template
from test_acme_profiles import fresh


@pytest.fixture
def strict(new_server, acme_settings, answers):
    """A server of the test's own, and a profile's client there."""
    server = new_server(settings={**acme_settings, "acme.nonce_reject": 0}).start()
    client = server.client()
    body = {"Name": fresh(), "Template": "WebServer"}

    def edit(**more):
        chancery.good(client.command("PUT", f"/ACME/Profiles/{body['Name']}", json={**body, **more}))

    def start(**more):
        body.update(more)
        made = chancery.good(client.command("POST", "/ACME/Profiles", json=body))
        return acme.Orderer(server, answers, directory=made["Directory"])
    return server, client, edit, start


def csr_of(order):
    wanted = [one["value"] for one in order["identifiers"]]
    return {"csr": acme.der(keys.new_csr(cn=None, dns=wanted))}


def proved(holder, *names, **more):
    order = holder.order(*names, **more)
    holder.prove(order)
    return order


@pytest.mark.parametrize("rules, kind", [("deny", "rejectedIdentifier"), ("allow", "rejectedIdentifier"), ("challenge", "unauthorized")])
def test_finalize_judges_by_the_rules_of_now(strict, rules, kind):
    server, client, edit, start = strict
    holder = start()
    wanted = name("judged")
    order = proved(holder, wanted)
    edit(**{"deny": {"DeniedDomains": [wanted]}, "allow": {"AllowedDomains": ["*.else.test"]},
            "challenge": {"ChallengeType": "DNS-01"}}[rules])
    problem = holder.bad(order["finalize"], csr_of(order), 403, kind)
    assert client.total(f'CN -eq "{wanted}"') == 0, problem
    assert holder.good(order["url"]).json()["status"] == "ready"
    if rules == "challenge":  # the same names asked for again are not the order that is refused
        again = holder.order(wanted)
        assert again["url"] != order["url"] and again["status"] == "pending"
    edit()
    assert holder.good(order["finalize"], csr_of(order)).json()["status"] == "valid"


def test_the_settings_rules_of_now_hold_after_a_restart(new_server, acme_settings, answers):
    server = new_server(settings={**acme_settings, "acme.nonce_reject": 0}).start()
    holder = acme.Orderer(server, answers)
    first, second = name("kept"), name("denied")
    orders = [proved(holder, one) for one in (first, second)]
    server.stop()
    server.settings["acme.deny"] = second
    server.start()
    holder = acme.Orderer(server, answers, registered=False, key=holder.key)
    holder.register(200)
    kept, denied = (f"{server.url.rstrip('/')}/acme/{one['finalize'].split('/acme/')[1]}" for one in orders)
    assert holder.good(kept, csr_of(orders[0])).json()["status"] == "valid"
    holder.bad(denied, csr_of(orders[1]), 403, "rejectedIdentifier")


@pytest.mark.parametrize("rules", ["deny", "switched off", "deleted", "proof over", "not meant"])
def test_approval_judges_by_the_rules_of_now(strict, rules):
    server, client, edit, start = strict
    approved_template(client)
    holder = start(Template="Approved")
    wanted = name("approved")
    order = proved(holder, wanted)
    assert holder.good(order["finalize"], csr_of(order)).json()["status"] == "processing"
    waiting = chancery.good(client.rest("GET", "/requests"))["items"]
    if rules == "deny":
        edit(DeniedDomains=[wanted])
    elif rules == "switched off":
        edit(Enabled=False)
    elif rules == "deleted":
        assert client.command("DELETE", f"/ACME/Profiles/{holder.directory['newOrder'].split('/')[-2]}").status_code == 204
    elif rules == "proof over":
        admin.sql(server, "UPDATE acme_authz SET expires_at = 1000")
    else:
        edit(DeniedDomains=["other.test"])
    reply = client.rest("POST", f"/requests/{waiting[0]['id']}/approve", json={})
    if rules == "not meant":
        assert reply.status_code == 200 and holder.good(order["url"]).json()["status"] == "valid"
        return
    assert reply.status_code == 400 and "ACME" in reply.text, reply.text
    assert ("proof" in reply.text) == (rules == "proof over")
    assert client.total(f'CN -eq "{wanted}"') == 0
    left = chancery.good(client.rest("GET", "/requests"))["items"]
    assert [one["id"] for one in left] == [waiting[0]["id"]], "it waits as before"
    assert client.rest("POST", f"/requests/{waiting[0]['id']}/deny", json={"comment": "over"}).status_code in (200, 204)


def test_an_order_that_its_authority_kept_waiting_ends_with_its_proof(strict):
    """The job tries it again when the authority signs again."""
    server, client, edit, start = strict
    holder = start()
    order, other = proved(holder, name("late")), proved(holder, name("early"))
    admin.switch_ca(server, client.server_ca(), False)
    for one in (order, other):
        assert holder.good(one["finalize"], csr_of(one)).json()["status"] == "processing"
    admin.sql(server, f"UPDATE acme_authz SET expires_at = 1000 WHERE value = '{order['identifiers'][0]['value']}'")
    admin.switch_ca(server, client.server_ca(), True)
    ended = holder.poll(order["url"], "invalid", "valid", seconds=60)
    assert ended["status"] == "invalid" and "proof" in ended["error"]["detail"], ended
    assert holder.poll(other["url"], "invalid", "valid", seconds=60)["status"] == "valid"


@chancery.needs_faults
def test_a_proof_by_a_clock_that_was_ahead_does_not_count_when_it_is_right(new_server, acme_settings, answers):
    server = new_server(settings={**acme_settings, "acme.nonce_reject": 0}, program=chancery.FAULTS)
    server.start(CHANCERY_CLOCK_OFFSET_MS=str(40 * 60 * 1000))  # its certificate begins an hour before
    holder = acme.Orderer(server, answers)
    wanted = name("ahead")
    holder.issue(wanted)
    ready = proved(holder, wanted, name("another"))
    server.stop()
    server.start()
    holder.session.verify, holder.nonce_left = str(server.ca), None
    assert holder.order(wanted)["status"] == "pending"
    reply = holder.post(ready["finalize"], csr_of(ready))
    assert reply.status_code >= 400, reply.text
    server.tolerates_errors = True
