"""ACME's rate limits: each by itself, who is told what, and how operators see and reset them (acme.md section 23)."""
import datetime
import concurrent.futures
import shutil
import time
import urllib.parse

import pytest
import requests
from cryptography import x509

import acme
import admin
import chancery
import keys
import processes
from acme import leaf, name, refused
from test_restore import kinds_of

OFF = {f"acme.limits.{limit}": 0 for limit in (
    "orders_per_day", "orders_per_hour", "nonces_per_hour", "accounts_per_hour", "certificates_per_domain", "certificates_per_names",
    "failures_per_hour", "pending_authorizations", "retries_per_hour", "renewal_info_per_minute", "authorizations_per_hour")}


@pytest.fixture
def limited(new_server, acme_settings):
    """A server where only these limits are, and nobody is exempt."""
    def make(program=chancery.PROGRAM, **limits):
        wanted = {f"acme.limits.{limit}": most for limit, most in limits.items()}
        return new_server(program=program, settings={**acme_settings, **OFF, "acme.limits.exempt": "192.0.2.0/24", **wanted})
    return make


def order(client, *names, **more):
    return client.post("newOrder", {"identifiers": [acme.identifier(one) for one in names], **more})


def is_limited(reply, limit, least, most):
    """A refusal by this limit; how long to wait is between these seconds."""
    said = refused(reply, 429, "rateLimited")
    assert limit in said["detail"] and "Z" in said["detail"], said
    assert least <= int(reply.headers["Retry-After"]) <= most, reply.headers
    page, = acme.links(reply, "help")
    assert urllib.parse.urlsplit(page).fragment == limit
    return page


def csr_of(made):
    """The request of an order's names, as finalize wants it."""
    return {"csr": acme.der(keys.new_csr(cn=None, dns=[one["value"] for one in made["identifiers"]]))}


def acme_names(chain):
    return leaf(chain).extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)


def left(server, limit):
    items = chancery.good(server.client().rest("GET", "/acme/limits", params={"name": limit}))["items"]
    return {one["key"]: (one["most"], round(one["left"])) for one in items}


def reset(server, limit, **more):
    return chancery.good(server.client().rest("POST", "/acme/limits/reset", json={"limit": limit, **more}))["count"]


@pytest.mark.seed("S374", "S416")
def test_orders_of_an_account_are_limited_and_operators_see_and_reset_it(limited, answers):
    server = limited(orders_per_hour=2, orders_per_day=3).start()
    holder, other = acme.Orderer(server, answers), acme.Orderer(server, answers)
    first = name()
    assert order(holder, first).status_code == 201
    assert order(holder, first).status_code == 201, "the same order again is free"
    refused(order(holder, "-a.test"), 400, "malformed")  # what is refused is free, too
    assert order(holder, name()).status_code == 201
    page = is_limited(order(holder, name()), "orders_per_hour", 1780, 1801)
    assert 'id="orders_per_hour"' in holder.get(page).text
    assert order(other, name()).status_code == 201, "another account has its own"
    account = holder.kid.rsplit("/", 1)[-1]
    assert left(server, "orders_per_hour")[account] == (2, 0) and left(server, "orders_per_day")[account] == (3, 1)
    assert reset(server, "orders_per_hour", key=account) == 1 and account not in left(server, "orders_per_hour")
    assert order(holder, name()).status_code == 201
    is_limited(order(holder, name()), "orders_per_day", 28700, 28801)
    assert reset(server, "orders_per_day") == 2
    assert order(holder, name()).status_code == 201
    event, = server.client().rest("GET", "/audit", params={"action": "acme.limit.reset", "target_id": "orders_per_day"}).json()["items"]
    assert event["actor"]["name"] == server.user
    metrics = server.client().session.get(server.url.rstrip("/") + "/metrics", timeout=30).text
    assert 'chancery_acme_ratelimit_total{limit="orders_per_hour",outcome="refused"} 1' in metrics
    bad = server.client().rest("POST", "/acme/limits/reset", json={"limit": "none"})
    assert bad.status_code == 400 and bad.json()["problems"][0]["field"] == "limit"
    bad = server.client().rest("GET", "/acme/limits", params={"name": "none"})
    assert bad.status_code == 400 and bad.json()["problems"][0]["field"] == "name"


@chancery.needs_faults
def test_a_limit_outlives_the_server_and_is_refilled_by_time(limited, answers):
    server = limited(program=chancery.FAULTS, orders_per_hour=2).start()
    holder = acme.Orderer(server, answers)
    for _ in range(2):
        assert order(holder, name()).status_code == 201
    for offset, passes in ((0, False), (20 * 60 * 1000, False), (31 * 60 * 1000, True)):
        server.stop()
        server.start(CHANCERY_CLOCK_OFFSET_MS=str(offset))
        holder.nonce_left = None
        reply = order(holder, name())
        assert reply.status_code == (201 if passes else 429), reply.text
    is_limited(order(holder, name()), "orders_per_hour", 1680, 1801)


@pytest.mark.seed("S374")
def test_nonces_are_limited_by_address(limited, answers):
    server = limited(nonces_per_hour=3).start()
    client = acme.Client(server)
    for method in ("HEAD", "GET"):
        assert "Replay-Nonce" in client.session.request(method, client.directory["newNonce"], timeout=30).headers
    holder = acme.Client(server)
    holder.register()
    reply = client.get(client.directory["newNonce"])
    assert "Replay-Nonce" not in reply.headers
    is_limited(reply, "nonces_per_hour", 1100, 1201)
    holder.good(holder.kid)  # nonces of other answers are not counted
    assert reset(server, "nonces_per_hour", key="127.0.0.1") == 1
    assert client.get(client.directory["newNonce"]).status_code == 204


@pytest.mark.seed("S374")
def test_new_accounts_are_limited_by_address(limited):
    server = limited(accounts_per_hour=2).start()
    clients = [acme.Client(server) for _ in range(3)]
    for client in clients[:2]:
        client.register()
    last = clients[2]
    is_limited(last.post("newAccount", {}, jwk=True), "accounts_per_hour", 1780, 1801)
    clients[0].register(200)  # to find the account of a key is free
    assert left(server, "accounts_per_hour") == {"127.0.0.1": (2, 0)}
    assert reset(server, "accounts_per_hour", key="127.0.0.1") == 1
    last.register()


@pytest.mark.seed("S374")
def test_certificates_of_a_registered_domain_are_limited_but_for_renewals(limited, answers):
    server = limited(certificates_per_domain=2).start()
    holder = acme.Orderer(server, answers)
    zone = name().split(".")[0] + ".co.uk"  # below a public suffix of two labels
    _, chain = holder.issue(f"a.{zone}")
    holder.issue(f"b.{zone}", f"c.{zone}")
    is_limited(order(holder, f"d.{zone}"), "certificates_per_domain", 302000, 302401)
    assert order(holder, name()[:12] + ".co.uk").status_code == 201, "another domain"
    again = holder.order(f"a.{zone}")
    assert holder.finalize(again).json()["status"] == "valid", "a renewal"
    assert left(server, "certificates_per_domain") == {zone: (2, 0)}
    assert reset(server, "certificates_per_domain", key=zone) == 1
    waiting = [holder.order(f"{one}.{zone}") for one in "xyz"]
    for one in waiting:
        assert holder.prove(one)["status"] == "ready"
    codes = [holder.post(one["finalize"], {"csr": acme.der(keys.new_csr(cn=None, dns=(one["identifiers"][0]["value"],)))}).status_code
             for one in waiting]
    assert codes == [200, 200, 429], "what was ordered in time is counted when it is given"
    assert holder.good(waiting[2]["url"]).json()["status"] == "ready"


def test_orders_at_once_take_no_more_than_the_limit(limited, answers):
    server = limited(orders_per_hour=3).start()
    holder = acme.Orderer(server, answers)
    clients = [acme.Client(server, key=holder.key) for _ in range(8)]
    for one in clients:
        one.kid, one.nonce_left = holder.kid, one.nonce()
    with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
        replies = list(pool.map(lambda one: order(one, name()), clients))
    assert sorted(reply.status_code for reply in replies) == [201] * 3 + [429] * 5
    assert left(server, "orders_per_hour")[holder.kid.rsplit("/", 1)[-1]] == (3, 0)


@pytest.mark.seed("S374")
def test_what_a_limit_refuses_is_not_signed(limited, answers):
    """Finalize is refused before anything is signed. Of two that ask at the same moment, the commit chooses; what was
    signed for the other is given to nobody, and the log of signatures says so."""
    server = limited(certificates_per_domain=2).start()
    holder, zone = acme.Orderer(server, answers), name()
    waiting = [holder.order(f"{one}.{zone}") for one in "abcd"]
    for one in waiting:
        assert holder.prove(one)["status"] == "ready"
    holder.finalize(waiting[0])
    before = set(kinds_of(server.data / "signed"))
    clients = [acme.Client(server, key=holder.key) for _ in range(2)]
    for one in clients:
        one.register(200)
        one.nonce_left = one.nonce()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        with admin.register_held(server):
            asked = [pool.submit(clients[one].post, waiting[one + 1]["finalize"], csr_of(waiting[one + 1])) for one in range(2)]
            processes.wait_until(lambda: len(set(kinds_of(server.data / "signed")) - before) == 2, 20, what="two signatures")
        replies = sorted((one.result() for one in asked), key=lambda reply: reply.status_code)
    assert [reply.status_code for reply in replies] == [200, 429], [reply.text for reply in replies]
    is_limited(replies[1], "certificates_per_domain", 302000, 302401)
    assert "register" not in replies[1].json()["detail"]
    said = kinds_of(server.data / "signed")
    assert sorted(said[serial] for serial in set(said) - before) == [["signed", "dropped"], ["signed", "entered"]]
    for _ in range(2):
        is_limited(holder.post(waiting[3]["finalize"], csr_of(waiting[3])), "certificates_per_domain", 302000, 302401)
    assert kinds_of(server.data / "signed") == said, "nothing more was signed"
    assert holder.good(waiting[3]["url"]).json()["status"] == "ready"
    reset(server, "certificates_per_domain", key=".".join(zone.split(".")[-2:]))
    assert holder.finalize(waiting[3]).json()["status"] == "valid"


def test_certificates_of_names_without_a_registered_domain_are_limited_by_two_labels(limited, answers):
    server = limited(certificates_per_domain=1).start()
    holder = acme.Orderer(server, answers)
    zone = name("x").split(".")[1] + ".internal"
    holder.issue(f"www.deep.{zone}")
    is_limited(order(holder, f"api.{zone}"), "certificates_per_domain", 604000, 604801)
    assert left(server, "certificates_per_domain") == {zone: (1, 0)}


def test_certificates_of_the_same_names_are_limited(limited, answers):
    server = limited(certificates_per_names=2).start()
    holder = acme.Orderer(server, answers)
    names = [name("a"), name("b")]
    for _ in range(2):
        holder.issue(*names)
    is_limited(order(holder, *reversed(names)), "certificates_per_names", 302000, 302401)
    assert order(holder, names[0]).status_code == 201


def test_failed_proofs_of_a_name_are_limited(limited, answers):
    server = limited(failures_per_hour=2).start()
    holder, other = acme.Orderer(server, answers), acme.Orderer(server, answers)
    wanted = name()
    for _ in range(2):
        assert holder.prove(holder.order(wanted), place=False)["status"] == "invalid"
    is_limited(order(holder, name(), wanted), "failures_per_hour", 1700, 1801)
    assert order(other, wanted).status_code == 201 and order(holder, name()).status_code == 201
    assert reset(server, "failures_per_hour", key=f"{holder.kid.rsplit('/', 1)[-1]}/{wanted}") == 1
    assert order(holder, wanted).status_code == 201


def test_authorizations_that_wait_are_limited(limited, answers):
    server = limited(pending_authorizations=3).start()
    holder = acme.Orderer(server, answers)
    made = holder.order(name(), name(), name())
    is_limited(order(holder, name()), "pending_authorizations", 600000, 604801)
    holder.good(made["authorizations"][0], {"status": "deactivated"})
    assert order(holder, name()).status_code == 201


def test_further_looks_at_challenges_are_limited(limited, answers):
    server = limited(retries_per_hour=2)
    server.settings.update({"acme.retry_first": "30s", "acme.retry_for": "1h"})
    holder = acme.Orderer(server.start(), answers)
    authz = holder.authz(holder.order(name()))
    one = holder.challenge(authz)
    holder.good(one["url"], {})
    answered = [holder.post(one["url"], {}) for _ in range(4)]
    assert [reply.status_code for reply in answered] == [200, 200, 429, 429]
    is_limited(answered[-1], "retries_per_hour", 1700, 1801)


def test_renewal_information_is_limited_by_address(limited, answers):
    server = limited(renewal_info_per_minute=2).start()
    holder = acme.Orderer(server, answers)
    url = f"{holder.directory['renewalInfo']}/aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"
    began = time.monotonic()
    for _ in range(2):
        assert holder.get(url).status_code == 404
    reply = holder.get(url)
    is_limited(reply, "renewal_info_per_minute", 29 - (time.monotonic() - began), 31)


@chancery.needs_faults
@pytest.mark.filterwarnings("ignore:Unverified HTTPS")
def test_renewals_in_their_window_are_exempt(limited, answers):
    from test_acme_renewal import cert_id
    server = limited(program=chancery.FAULTS, orders_per_day=1, certificates_per_domain=1, certificates_per_names=1).start()
    holder = acme.Orderer(server, answers)
    wanted = name()
    _, chain = holder.issue(wanted)
    replaced = cert_id(leaf(chain))
    is_limited(order(holder, wanted, replaces=replaced), "certificates_per_names", 1, 604801)
    server.stop()
    server.start(CHANCERY_CLOCK_OFFSET_MS=str(62 * 86400 * 1000))
    holder.session = requests.Session()
    holder.session.trust_env = holder.session.verify = False  # the server's own certificate is of the future
    holder.nonce_left = None
    assert order(holder, name()).status_code == 201 and order(holder, name()).status_code == 429
    done, _ = holder.issue(wanted, replaces=replaced)
    assert done["status"] == "valid" and order(holder, name()).status_code == 429


def test_only_renewals_that_were_asked_for_are_exempt(limited, answers):
    """Of the same names, not because its own client revoked it, and once for each certificate."""
    from test_acme_renewal import cert_id
    server = limited(orders_per_day=1).start()
    admin_ = server.client()

    def issued(*names):
        holder = acme.Orderer(server, answers)
        chain = holder.issue(*names)[1]
        refused(order(holder, *names, replaces=cert_id(leaf(chain))), 429, "rateLimited")  # it has no reason yet
        return holder, chain, cert_id(leaf(chain))

    own, wanted = name("own"), (name("x"), name("y"))
    holder, chain, replaced = issued(own)
    assert acme.revoke(holder, chain, reason=4).status_code == 200
    for names in ((own,), (own, name())):
        is_limited(order(holder, *names, replaces=replaced), "orders_per_day", 1, 86401)
    holder, chain, replaced = issued(name())
    told, = admin_.get("/Certificates", **{"pq.queryString": f'SerialNumber -eq "{leaf(chain).serial_number:X}"'})
    admin_.revoke(told["Id"], 4)
    names = acme_names(chain)
    is_limited(order(holder, *names, name(), replaces=replaced), "orders_per_day", 1, 86401)
    made = holder.order(*names, replaces=replaced)
    holder.good(made["authorizations"][0], {"status": "deactivated"})
    assert holder.good(made["url"]).json()["status"] == "invalid"
    is_limited(order(holder, *names, replaces=replaced), "orders_per_day", 1, 86401)
    holder, chain, replaced = issued(*wanted)
    window = admin_.rest("POST", "/acme/renewal-windows", json={
        "start": "2026-01-02T03:04:05Z", "end": "2026-01-03T03:04:05Z", "query": f'CN -eq "{wanted[0]}"', "reason": "INC 1"})
    assert window.status_code == 201 and window.json()["matches"] == 1, window.text
    is_limited(order(holder, *wanted, name(), replaces=replaced), "orders_per_day", 1, 86401)
    done, _ = holder.issue(wanted[0], replaces=replaced)
    assert done["status"] == "valid", "some of its names are enough"
    refused(order(holder, wanted[1], replaces=replaced), 409, "alreadyReplaced")
    is_limited(order(holder, wanted[1]), "orders_per_day", 1, 86401)


def test_exempt_networks_have_no_limits(limited, answers):
    server = limited(orders_per_hour=1, accounts_per_hour=1, nonces_per_hour=1, exempt="10.0.0.0/8,127.0.0.1").start()
    holder = acme.Orderer(server, answers)
    acme.Orderer(server, answers)
    for _ in range(3):
        assert order(holder, name()).status_code == 201
        assert holder.get(holder.directory["newNonce"]).status_code == 204


def test_what_is_under_way_at_once_is_limited(limited, answers):
    server = limited(orders_in_flight=0, signings_in_flight=1).start()
    holder = acme.Orderer(server, answers)
    holder.issue(name())
    holder.issue(name())


@pytest.mark.seed("S374")
def test_a_profile_has_numbers_of_its_own(limited, answers):
    server = limited(orders_per_hour=1, certificates_per_domain=1).start()
    admin = server.client()
    body = {"Name": "Hub", "Template": "WebServer", "Limits": {"OrdersPerHour": 3, "CertificatesPerDomain": 0}}
    made = chancery.good(admin.command("POST", "/ACME/Profiles", json=body))
    assert {key: value for key, value in made["Limits"].items() if value is not None} == body["Limits"]
    hub, plain = acme.Orderer(server, answers, directory=made["Directory"]), acme.Orderer(server, answers)
    zone = name()
    for one in "abc":
        hub.issue(f"{one}.{zone}")
    is_limited(order(hub, name()), "orders_per_hour", 1100, 1201)
    assert order(plain, name()).status_code == 201
    is_limited(order(plain, name()), "orders_per_hour", 3580, 3601)
    said = chancery.good(admin.rest("GET", "/acme/limits", params={"name": "orders_per_hour"}))["items"]
    assert sorted((one["profile"], one["most"]) for one in said) == [("", 1), ("Hub", 3)]
    chancery.good(admin.command("PUT", "/ACME/Profiles/Hub", json={"Template": "WebServer"}))
    for bad in ({"OrdersPerHour": -1}, {"OrdersPerHour": [1]}):
        reply = admin.command("PUT", "/ACME/Profiles/Hub", json={"Template": "WebServer", "Limits": bad})
        assert reply.status_code == 400 and "Limits.OrdersPerHour" in reply.json()["Message"], reply.text


def test_a_key_for_binding_says_how_much_its_accounts_may_order(limited, answers):
    server = limited(orders_per_hour=1, orders_per_day=1).start()
    admin = server.client()
    key = admin.rest("POST", "/acme/eab-keys", json={"kid": "hub", "orders_per_hour": 3, "orders_per_day": 0}).json()
    assert key["orders_per_hour"] == 3 and key["orders_per_day"] == 0
    holder = acme.Client(server)
    holder.register(bound_by=key)
    for _ in range(3):
        assert order(holder, name()).status_code == 201
    is_limited(order(holder, name()), "orders_per_hour", 1100, 1201)
    bad = admin.rest("POST", "/acme/eab-keys", json={"orders_per_hour": -1})
    assert bad.status_code == 400 and bad.json()["problems"][0]["field"] == "orders_per_hour"


def own(server, account, limit, most, expect=200, **more):
    reply = server.client().rest("PUT", f"/acme/accounts/{account}/limits/{limit}", json={"most": most, "reason": "INC 118", **more})
    assert reply.status_code == expect, reply.text
    return reply.json()


def owned(server, **query):
    return chancery.good(server.client().rest("GET", "/acme/limits/accounts", params=query))["items"]


def no_more_own(server, account, limit, expect=204, **query):
    reply = server.client().rest("DELETE", f"/acme/accounts/{account}/limits/{limit}", params=query)
    assert reply.status_code == expect, reply.text


def test_an_account_has_more_or_fewer_than_others(limited, answers):
    server = limited(orders_per_hour=1).start()
    holder, other = acme.Orderer(server, answers), acme.Orderer(server, answers)
    account = holder.kid.rsplit("/", 1)[-1]
    assert order(holder, name()).status_code == 201
    is_limited(order(holder, name()), "orders_per_hour", 3500, 3601)
    said = own(server, account[:8], "orders_per_hour", 3)
    assert {key: said[key] for key in ("account", "profile", "limit", "most", "reason", "created_by")} == {
        "account": account, "profile": "", "limit": "orders_per_hour", "most": 3, "reason": "INC 118", "created_by": server.user}
    assert "expires_at" not in said and owned(server) == [said] == owned(server, account=account) == owned(server, name="orders_per_hour")
    for _ in range(3):
        assert order(holder, name()).status_code == 201, "it begins anew"
    is_limited(order(holder, name()), "orders_per_hour", 1100, 1201)
    assert left(server, "orders_per_hour")[account] == (3, 0)
    assert order(other, name()).status_code == 201
    is_limited(order(other, name()), "orders_per_hour", 3500, 3601)
    own(server, account, "orders_per_hour", 0)
    for _ in range(5):
        assert order(holder, name()).status_code == 201
    assert account not in left(server, "orders_per_hour")
    own(server, account, "orders_per_hour", 2)
    assert order(holder, name()).status_code == 201
    no_more_own(server, account, "orders_per_hour", reason="over")
    assert order(holder, name()).status_code == 201
    is_limited(order(holder, name()), "orders_per_hour", 3500, 3601)
    assert reset(server, "orders_per_hour", key=account) == 1 and owned(server) == []
    kinds = {}
    for action in ("acme.limit.set", "acme.limit.unset"):
        found = chancery.good(server.client().rest("GET", "/audit", params={"action": action, "target_id": account}))["items"]
        kinds[action] = [chancery.good(server.client().rest("GET", f"/audit/{one['id']}"))["event"] for one in found]
    assert len(kinds["acme.limit.set"]) == 3 and {one["reason"] for one in kinds["acme.limit.set"]} == {"INC 118"}
    assert {one["after"]["orders_per_hour"] for one in kinds["acme.limit.set"]} == {"3", "any number", "2"}
    event, = kinds["acme.limit.unset"]
    assert event["before"] == {"orders_per_hour": "2"} and event["reason"] == "over"


def test_an_accounts_own_number_of_domains_counts_for_itself(limited, answers):
    server = limited(certificates_per_domain=1, certificates_per_names=1).start()
    hub, other = acme.Orderer(server, answers), acme.Orderer(server, answers)
    account = hub.kid.rsplit("/", 1)[-1]
    zone = name()
    own(server, account, "certificates_per_domain", 2)
    for one in "ab":
        hub.issue(f"{one}.{zone}")
    is_limited(order(hub, f"c.{zone}"), "certificates_per_domain", 302000, 302401)
    domain = ".".join(zone.split(".")[-2:])
    assert left(server, "certificates_per_domain") == {f"{domain}@{account}": (2, 0)}
    other.issue(f"d.{zone}")
    is_limited(order(other, f"e.{zone}"), "certificates_per_domain", 604000, 604801)
    own(server, account, "certificates_per_domain", 0)
    own(server, account, "certificates_per_names", 2)
    for _ in range(2):
        hub.issue(f"f.{zone}")
    is_limited(order(hub, f"f.{zone}"), "certificates_per_names", 302000, 302401)
    assert reset(server, "certificates_per_domain", key=domain) == 1


def test_what_else_is_an_accounts_own(limited, answers):
    server = limited(failures_per_hour=1, pending_authorizations=1, retries_per_hour=1, authorizations_per_hour=1)
    server.settings.update({"acme.pre_authorization": "true", "acme.retry_for": "0s"})
    holder = acme.Orderer(server.start(), answers)
    account = holder.kid.rsplit("/", 1)[-1]

    def early():
        return holder.post("newAuthz", {"identifier": acme.identifier(name())})
    own(server, account, "pending_authorizations", 3)
    first = holder.order(name(), name(), name())
    is_limited(order(holder, name()), "pending_authorizations", 600000, 604801)
    own(server, account, "pending_authorizations", 0)
    assert order(holder, name()).status_code == 201
    own(server, account, "authorizations_per_hour", 2)
    assert [early().status_code for _ in range(3)] == [201, 201, 429]
    own(server, account, "failures_per_hour", 2)
    wanted = name()
    for _ in range(2):
        assert holder.prove(holder.order(wanted), place=False)["status"] == "invalid"
    is_limited(order(holder, wanted), "failures_per_hour", 1700, 1801)
    own(server, account, "failures_per_hour", 2)
    assert order(holder, wanted).status_code == 201, "it begins anew with all names"
    assert {one["limit"] for one in owned(server, account=account)} == {
        "pending_authorizations", "authorizations_per_hour", "failures_per_hour"}
    assert len(owned(server, limit=2)) == 2 and first["status"] == "pending"


@chancery.needs_faults
def test_an_accounts_own_number_ends(limited, answers):
    server = limited(program=chancery.FAULTS, orders_per_hour=1).start()
    holder = acme.Orderer(server, answers)
    account = holder.kid.rsplit("/", 1)[-1]
    until = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert own(server, account, "orders_per_hour", 0, expires_at=until)["expires_at"] == until
    assert [order(holder, name()).status_code for _ in range(3)] == [201, 201, 201]
    server.stop()
    server.start(CHANCERY_CLOCK_OFFSET_MS=str(61 * 60 * 1000))
    holder.nonce_left = None
    assert [order(holder, name()).status_code for _ in range(2)] == [201, 429] and owned(server) == []


def test_what_cannot_be_an_accounts_own_is_told_by_its_field(limited, answers):
    server = limited(orders_per_hour=1).start()
    account = acme.Orderer(server, answers).kid.rsplit("/", 1)[-1]
    path = f"/acme/accounts/{account}/limits/orders_per_hour"
    for body, field in (({"reason": "x"}, "most"), ({"most": 5}, "reason"), ({"most": -1, "reason": "x"}, "most"),
                        ({"most": "x", "reason": "x"}, "most"), ({"most": 5, "reason": ""}, "reason"),
                        ({"most": 5, "reason": "x", "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
                        ({"most": 5, "reason": "x", "key": "y"}, "key")):
        reply = server.client().rest("PUT", path, json=body)
        assert reply.status_code == 400 and field in [one["field"] for one in reply.json()["problems"]], reply.text
    for limit in ("nonces_per_hour", "accounts_per_hour", "renewal_info_per_minute", "none"):
        own(server, account, limit, 5, 404)
    own(server, "no-such-account", "orders_per_hour", 5, 404)
    no_more_own(server, account, "orders_per_hour", 404)
    bad = server.client().rest("GET", "/acme/limits/accounts", params={"name": "nonces_per_hour"})
    assert bad.status_code == 400 and bad.json()["problems"][0]["field"] == "name"


@pytest.mark.seed("S374")
@pytest.mark.once
def test_the_limits_are_on_unless_they_are_switched_off(database):
    said = (chancery.ROOT / "docs/settings.md").read_text()
    for limit, most in (("orders_per_day", 50), ("orders_per_hour", 5), ("nonces_per_hour", 100), ("accounts_per_hour", 10),
                        ("certificates_per_domain", 5)):
        line, = [line for line in said.splitlines() if f"acme.limits.{limit}`" in line]
        assert f"`{most}`" in line, line


@pytest.mark.database("postgresql")
def test_two_servers_count_together(limited, answers, acme_settings):
    one = limited(orders_per_hour=2, accounts_per_hour=2)
    one.start()
    other = chancery.Server(one.database, settings={**one.settings, "acme.base_url": one.url})
    try:
        shutil.copytree(one.data, other.data)  # the same master key and keys of authorities
        for kept in other.data.glob("*.address"):
            kept.unlink()
        other.start()
        holder = acme.Orderer(one, answers)
        assert order(holder, name()).status_code == 201

        def there(path, payload, **more):
            """The same request of the other server, which tells the same addresses."""
            address = other.url.rstrip("/") + acme.path_of(holder.url(path))
            holder.session.verify = str(other.ca)
            body = acme.flat(holder.key, holder.header(holder.url(path), **more), payload)
            return holder.session.post(address, json=body, headers={"Content-Type": "application/jose+json"}, timeout=30)
        assert there("newOrder", {"identifiers": [acme.identifier(name())]}).status_code == 201
        holder.session.verify = str(one.ca)
        is_limited(order(holder, name()), "orders_per_hour", 1700, 1801)
        holder.nonce_left = None
        assert there("newOrder", {"identifiers": [acme.identifier(name())]}).status_code == 429
    finally:
        other.close()
