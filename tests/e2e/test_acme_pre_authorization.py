"""newAuthz: names that are proved before they are ordered (RFC 8555 section 7.4.1)."""
import pytest

import acme
import admin
import chancery
import keys
from acme import name, refused
from test_acme_limits import OFF, is_limited, left, reset


@pytest.fixture
def profile(acme_server):
    """Make profiles whose directories take newAuthz."""
    with admin.profiles(acme_server, "Pre", Template="WebServer", PreAuthorization=True) as make:
        yield make


@pytest.fixture
def holder(acme_server, answers, profile):
    return acme.Orderer(acme_server, answers, directory=profile()["Directory"])


def ask(client, value, **more):
    return client.post("newAuthz", {"identifier": acme.identifier(value), **more})


def prove(client, value, kind="http-01"):
    """The address of an authorization that is valid."""
    reply = ask(client, value)
    assert reply.status_code == 201, reply.text
    client.good(client.place(reply.json(), kind)["url"], {})
    client.poll(reply.headers["Location"], "valid")
    return reply.headers["Location"]


def test_a_name_is_proved_before_it_is_ordered(acme_server, holder):
    wanted = name("early")
    reply = ask(holder, wanted.upper())
    authz, url = reply.json(), reply.headers["Location"]
    assert reply.status_code == 201 and reply.headers["Replay-Nonce"] and reply.headers["Cache-Control"] == "no-store"
    assert holder.directory["newAuthz"] == holder.base + "/new-authz" and acme.links(reply, "index") == [holder.base + "/directory"]
    assert url.rsplit("/", 1)[0] == holder.base + "/authz" and holder.good(url).json() == authz
    assert authz["identifier"] == {"type": "dns", "value": wanted} and authz["status"] == "pending" and authz["expires"].endswith("Z")
    assert "wildcard" not in authz and {one["type"] for one in authz["challenges"]} == {"http-01", "dns-01", "tls-alpn-01"}
    again = ask(holder, wanted)
    assert again.status_code == 201 and again.headers["Location"] == url, "as long as it waits, it is that one"
    reply = holder.good(holder.place(authz)["url"], {})
    assert acme.links(reply, "up") == [url] and acme.links(reply, "index") == [holder.base + "/directory"]
    holder.poll(url, "valid")
    assert ask(holder, wanted).headers["Location"] == url, "and as long as it counts"
    order = holder.order(wanted)
    assert order["status"] == "ready" and order["authorizations"] == [url]
    done = holder.finalize(order).json()
    assert done["status"] == "valid" and acme.leaf(holder.good(done["certificate"]).text)
    event, = acme_server.client().rest("GET", "/audit", params={"action": "acme.authz.valid", "target_id": url.rsplit("/", 1)[-1]}) \
        .json()["items"]
    assert event["target"]["name"] == wanted


def test_some_names_of_an_order_are_proved_before_and_one_is_not(holder):
    early, late = name("early"), name("late")
    url = prove(holder, early, "dns-01")
    order = holder.order(late, early)
    assert order["status"] == "pending" and order["authorizations"][1] == url
    assert holder.authz(order)["status"] == "pending"
    assert holder.prove(order)["status"] == "ready" and holder.finalize(order).json()["status"] == "valid"


def test_an_address_is_proved_before_it_is_ordered(holder):
    url = prove(holder, "127.0.0.1")
    assert holder.order("127.0.0.1")["authorizations"] == [url]


def test_what_waits_without_an_order_is_not_an_orders(holder):
    """Another authorization is the order's, so that it does not end with what was asked for before."""
    wanted = name()
    early = ask(holder, wanted).headers["Location"]
    order = holder.order(wanted)
    assert order["status"] == "pending" and early not in order["authorizations"]
    assert holder.good(early, {"status": "deactivated"}).json()["status"] == "deactivated"
    assert holder.prove(order)["status"] == "ready"


def test_what_was_deactivated_or_failed_counts_no_more(holder):
    wanted = name()
    url = prove(holder, wanted)
    assert holder.good(url, {"status": "deactivated"}).json()["status"] == "deactivated"
    assert holder.order(wanted)["status"] == "pending" and ask(holder, wanted).headers["Location"] != url
    wanted = name()
    reply = ask(holder, wanted)
    holder.good(holder.challenge(reply.json())["url"], {})
    failed = holder.poll(reply.headers["Location"], "invalid")
    assert [one["error"]["type"] for one in failed["challenges"]] == [acme.ERROR + "incorrectResponse"]
    assert ask(holder, wanted).headers["Location"] != reply.headers["Location"]


def test_it_is_no_proof_for_a_wildcard_nor_for_anybody_else(acme_server, answers, holder):
    wanted = name()
    url = prove(holder, wanted, "dns-01")
    assert holder.order(f"*.{wanted}")["status"] == "pending"
    other = acme.Orderer(acme_server, answers, directory=holder.base + "/directory")
    assert other.order(wanted)["status"] == "pending"
    other.bad(url, None, 403, "unauthorized")


@pytest.mark.parametrize("payload", [
    None, {}, {"identifier": None}, {"identifier": "a.test"}, {"identifier": []}, {"identifier": {}}, {"identifier": {"type": "dns"}},
    {"identifier": {"value": "a.test"}}, {"identifier": {"type": "dns", "value": 5}}, {"identifiers": [{"type": "dns", "value": "a.test"}]},
    {"identifier": [{"type": "dns", "value": "a.test"}]}, {"identifier": {"type": "dns", "value": "-a.test"}},
    {"identifier": {"type": "dns", "value": ""}}, {"identifier": {"type": "ip", "value": "01.2.3.4"}},
    {"identifier": {"type": "dns", "value": "*.a.acme.test"}}, {"identifier": {"type": "dns", "value": "*.com"}},
    {"identifier": {"type": "dns", "value": "*"}}])
def test_what_is_no_identifier_is_malformed(holder, payload):
    said = holder.bad("newAuthz", payload, 400, "malformed")
    if "*" in str(payload):
        assert "wildcard" in said["detail"], said


def test_other_types_are_not_supported(holder):
    said = holder.bad("newAuthz", {"identifier": {"type": "email", "value": "a@b"}}, 400, "unsupportedIdentifier")
    assert said["subproblems"][0]["identifier"] == {"type": "email", "value": "a@b"}


def test_names_that_policy_does_not_offer_are_refused(acme_server, answers, profile):
    made = profile(AllowedDomains=["*.acme.test"], DeniedDomains=["secret.acme.test"], ChallengeTypes=["HTTP-01", "DNS-01"])
    holder = acme.Orderer(acme_server, answers, directory=made["Directory"])
    for wanted in ("www.elsewhere.test", "secret.acme.test", "10.0.0.1"):
        said = holder.bad("newAuthz", {"identifier": acme.identifier(wanted)}, 403, "rejectedIdentifier")
        assert said["subproblems"][0]["identifier"]["value"] == wanted and said["detail"]
    assert ask(holder, name()).status_code == 201
    made = profile(ChallengeTypes=["DNS-01"])
    holder = acme.Orderer(acme_server, answers, directory=made["Directory"])
    said = holder.bad("newAuthz", {"identifier": acme.identifier("127.0.0.1")}, 403, "rejectedIdentifier")
    assert "no challenge" in said["detail"]


def test_the_key_that_an_account_is_bound_to_has_its_say(acme_server, answers, profile):
    made = profile(ExternalAccountBinding="required")
    zone = name()
    key = acme_server.client().rest("POST", "/acme/eab-keys", json={
        "profile": made["Name"], "allow": [f"*.{zone}"], "challenges": ["dns-01"], "types": ["dns"]}).json()
    holder = acme.Client(acme_server, directory=made["Directory"])
    assert holder.directory["meta"]["externalAccountRequired"] is True
    refused(holder.post("newAccount", {}, jwk=True), 403, "externalAccountRequired")
    holder.register(bound_by=key)
    for wanted in (name(), zone, "10.0.0.1"):
        said = holder.bad("newAuthz", {"identifier": acme.identifier(wanted)}, 403, "rejectedIdentifier")
        assert "bound" in said["detail"]
    reply = ask(holder, f"www.{zone}")
    assert reply.status_code == 201 and [one["type"] for one in reply.json()["challenges"]] == ["dns-01"]


def test_only_an_account_that_may_go_on_is_heard(acme_server, answers, holder):
    stranger = acme.Client(acme_server, directory=holder.base + "/directory")
    payload = {"identifier": acme.identifier(name())}
    refused(stranger.post("newAuthz", payload, jwk=True), 400, "malformed")
    refused(stranger.call("newAuthz", payload, kid=holder.base + "/acct/none"), 400, "accountDoesNotExist")
    nonce = holder.nonce()
    assert holder.post("newAuthz", payload, nonce=nonce).status_code == 201
    holder.bad("newAuthz", payload, 400, "badNonce", nonce=nonce)
    holder.bad("newAuthz", payload, 403, "unauthorized", url=holder.directory["newOrder"])
    reply = holder.get(holder.directory["newAuthz"])
    assert reply.status_code == 405 and "POST" in reply.headers["Allow"]
    gone = acme.Orderer(acme_server, answers, directory=holder.base + "/directory")
    gone.good(gone.kid, {"status": "deactivated"})
    gone.bad("newAuthz", payload, 401, "unauthorized")


def test_it_is_there_only_where_it_is_switched_on(acme_server, answers, profile):
    plain = acme.Orderer(acme_server, answers)
    assert "newAuthz" not in plain.directory
    refused(plain.post(plain.base + "/new-authz", {"identifier": acme.identifier(name())}), 404, "malformed")
    off = profile(PreAuthorization=None)
    assert off["PreAuthorization"] is None
    client = acme.Orderer(acme_server, answers, directory=off["Directory"])
    assert "newAuthz" not in client.directory
    chancery.good(acme_server.client().command("PUT", f"/ACME/Profiles/{off['Name']}",
                                               json={"Template": "WebServer", "PreAuthorization": True}))
    assert "newAuthz" in client.get(client.base + "/directory").json()


def test_what_would_not_count_is_not_offered(new_server, acme_settings):
    """Where no proof counts for a further order, none can be given before it."""
    server = new_server(settings={**acme_settings, "acme.authz_reuse": "0s"}).start()
    body = {"Name": "Pre", "Template": "WebServer", "PreAuthorization": True}
    reply = server.client().command("POST", "/ACME/Profiles", json=body)
    assert reply.status_code == 400 and "PreAuthorization" in reply.json()["Message"], reply.text
    server = new_server(settings={"acme.authz_reuse": "0s", "acme.pre_authorization": "true"})
    server.spawn()
    assert server.process.wait(30) != 0 and "acme.pre_authorization: " in server.tail()
    server.killed = True


def test_asking_is_limited_as_accounts_and_names_are(new_server, acme_settings, answers):
    server = new_server(settings={**acme_settings, **OFF, "acme.pre_authorization": "true", "acme.limits.exempt": "192.0.2.0/24",
                                  "acme.limits.authorizations_per_hour": 4, "acme.limits.pending_authorizations": 2,
                                  "acme.limits.failures_per_hour": 1}).start()
    holder, other = acme.Orderer(server, answers), acme.Orderer(server, answers)
    account = holder.kid.rsplit("/", 1)[-1]
    wanted = name()
    for _ in range(3):
        assert ask(holder, wanted).status_code == 201, "the same again is free"
    refused(ask(holder, "-a.test"), 400, "malformed")  # as what is refused
    assert left(server, "authorizations_per_hour") == {account: (4, 3)}
    prove(holder, wanted)
    waiting = [ask(holder, name()).headers["Location"] for _ in range(2)]
    is_limited(ask(holder, name()), "pending_authorizations", 600000, 604801)
    holder.good(waiting[0], {"status": "deactivated"})
    again = ask(holder, name())
    assert again.status_code == 201
    holder.good(again.headers["Location"], {"status": "deactivated"})
    page = is_limited(ask(holder, name()), "authorizations_per_hour", 880, 901)
    assert 'id="authorizations_per_hour"' in holder.get(page).text
    assert ask(holder, wanted).status_code == 201 and holder.order(wanted)["status"] == "ready"
    assert ask(other, name()).status_code == 201, "another account has its own"
    assert reset(server, "authorizations_per_hour", key=account) == 1
    failed = name()
    reply = ask(holder, failed)
    holder.good(holder.challenge(reply.json())["url"], {})
    holder.poll(reply.headers["Location"], "invalid")
    is_limited(ask(holder, failed), "failures_per_hour", 3500, 3601)


def test_a_csr_for_names_that_were_proved_before_needs_an_order(holder):
    wanted, other = name(), name()
    prove(holder, wanted)
    order = holder.order(wanted)
    holder.bad(order["finalize"], {"csr": acme.der(keys.new_csr(cn=None, dns=(other,)))}, 400, "badCSR")
    assert holder.finalize(order).json()["status"] == "valid"
