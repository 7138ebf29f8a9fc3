"""ACME orders: from names to a certificate, and what is refused on the way (RFC 8555 sections 7.1.3 to 7.6)."""
import base64
import concurrent.futures
import datetime
import hashlib
import shutil
import threading
import time

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

import acme
import admin
import answerer
import chancery
import keys
from acme import all_of, leaf, name, refused, revoke


@pytest.fixture
def holder(acme_server, answers):
    return acme.Orderer(acme_server, answers)


@pytest.fixture
def other(acme_server, answers):
    return acme.Orderer(acme_server, answers)


def names_of(certificate):
    return [str(one.value) for one in certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value]


@pytest.mark.seed("S354", "S358", "S368", "S370", "S372", "S359")
def test_an_order_goes_from_pending_to_a_certificate(holder):
    wanted = name("www")
    order = holder.order(wanted.upper())
    assert order["status"] == "pending" and order["identifiers"] == [{"type": "dns", "value": wanted}]
    assert list(order)[0] == "status" and "certificate" not in order and order["expires"].endswith("Z")
    assert [acme.path_of(order[key]).rsplit("/", 1)[0] for key in ("url", "finalize")] == ["/acme/order", "/acme/finalize"]
    authz = holder.authz(order)
    assert authz["status"] == "pending" and authz["identifier"] == {"type": "dns", "value": wanted} and "wildcard" not in authz
    assert {one["type"] for one in authz["challenges"]} == {"http-01", "dns-01", "tls-alpn-01"}
    assert all(len(one["token"]) == 43 and one["status"] == "pending" for one in authz["challenges"])
    holder.bad(order["finalize"], {"csr": acme.der(keys.new_csr(cn=wanted, dns=(wanted,)))}, 403, "orderNotReady")
    one = holder.place(authz)
    assert holder.good(one["url"]).json()["status"] == "pending", "asking after it starts nothing"
    reply = holder.good(one["url"], {"keyAuthorization": "old"})
    assert reply.json()["status"] in ("processing", "valid") and acme.links(reply, "up") == order["authorizations"]
    ready = holder.poll(order["url"], "ready")
    assert ready["authorizations"] == order["authorizations"] and ready["finalize"] == order["finalize"]
    authz = holder.authz(order)
    assert authz["status"] == "valid" and [one["type"] for one in authz["challenges"]] == ["http-01"]
    assert authz["challenges"][0]["validated"].endswith("Z")
    assert holder.good(one["url"], {}).json()["status"] == "valid"
    reply = holder.finalize(order)
    assert reply.json()["status"] == "valid" and reply.headers["Location"] == order["url"]
    chain = holder.good(reply.json()["certificate"])
    assert chain.headers["Content-Type"] == "application/pem-certificate-chain"
    certificates = all_of(chain.text)
    assert names_of(certificates[0]) == [wanted] and len(certificates) == 2
    assert certificates[0].issuer == certificates[1].subject and certificates[1].issuer != certificates[1].subject
    assert chain.text.startswith("-----BEGIN CERTIFICATE-----\n") and chain.text.endswith("-----END CERTIFICATE-----\n")
    assert "\n\n" not in chain.text and "\r" not in chain.text
    assert holder.good(holder.kid + "/orders").json() == {"orders": [order["url"]]}


@pytest.mark.seed("S369")
def test_three_names_make_one_certificate(holder):
    wanted = [name("a"), name("b"), name("c")]
    _, chain = holder.issue(*wanted)
    assert sorted(names_of(leaf(chain))) == sorted(wanted)


@pytest.mark.seed("S373")
def test_a_wildcard_is_proved_by_dns(holder):
    base = name()
    order = holder.order(f"*.{base}", base)
    authzs = [holder.authz(order, place) for place in (0, 1)]
    assert [authz.get("wildcard") for authz in authzs] == [True, None]
    assert [authz["identifier"]["value"] for authz in authzs] == [base, base]
    assert {one["type"] for one in authzs[0]["challenges"]} == {"dns-01"}
    assert holder.prove(order, "dns-01")["status"] == "ready"
    done = holder.finalize(order).json()
    assert sorted(names_of(leaf(holder.good(done["certificate"]).text))) == sorted([base, f"*.{base}"])


def test_an_address_is_proved_by_http(acme_server, answers, holder):
    order = holder.order("127.0.0.1")
    assert {one["type"] for one in holder.authz(order)["challenges"]} == {"http-01", "tls-alpn-01"}
    assert holder.prove(order)["status"] == "ready"
    assert names_of(leaf(holder.good(holder.finalize(order).json()["certificate"]).text)) == ["127.0.0.1"]


@pytest.mark.parametrize("identifiers", [None, {}, "x", [], [{}], [{"type": "dns"}], [{"value": "a.test"}], ["a.test"],
                                         [{"type": 5, "value": "a.test"}], [{"type": "dns", "value": f"a{n}.test"} for n in range(101)]])
def test_an_order_without_good_identifiers_is_malformed(holder, identifiers):
    payload = {} if identifiers is None else {"identifiers": [] if identifiers == [] else identifiers}
    holder.bad("newOrder", payload, 400, "malformed")
    holder.bad("newOrder", None, 400, "malformed")


@pytest.mark.parametrize("value, status, kind", [
    ("-a.acme.test", 400, "malformed"), ("a_b.acme.test", 400, "malformed"), ("a..test", 400, "malformed"),
    ("a.acme.test.", 400, "malformed"), ("", 400, "malformed"), ("1.2.3.4", 400, "malformed"), ("b\u00fccher.test", 400, "malformed"),
    ("*", 400, "malformed"), ("a.*.test", 400, "malformed"), ("*.*.acme.test", 400, "malformed"), ("*.com", 403, "rejectedIdentifier"),
    ("*.co.uk", 403, "rejectedIdentifier"), (f"{'a' * 64}.test", 400, "malformed"), ("xn--0.test", 400, "malformed"),
    (".".join(["a" * 60] * 5), 400, "malformed")])
def test_names_that_are_none(holder, value, status, kind):
    holder.bad("newOrder", {"identifiers": [{"type": "dns", "value": value}]}, status, kind)


@pytest.mark.parametrize("value", ["1.2.3", "01.2.3.4", "2001:DB8::1", "2001:db8:0:0::1", "::ffff:1.2.3.4", "fe80::1%1", "a.test", ""])
def test_addresses_have_one_form(holder, value):
    holder.bad("newOrder", {"identifiers": [{"type": "ip", "value": value}]}, 400, "malformed")


def test_other_identifiers_are_not_supported_and_all_are_judged(holder):
    good = name()
    said = holder.bad("newOrder", {"identifiers": [{"type": "email", "value": "a@b"}]}, 400, "unsupportedIdentifier")
    assert said["subproblems"][0]["identifier"] == {"type": "email", "value": "a@b"}
    said = holder.bad("newOrder", {"identifiers": [{"type": "email", "value": "a@b"}, {"type": "dns", "value": good},
                                                   {"type": "dns", "value": "-x.test"}]}, 400, "compound")
    assert [one["type"].rsplit(":")[-1] for one in said["subproblems"]] == ["unsupportedIdentifier", "malformed"]
    assert all(one["detail"] for one in said["subproblems"]) and "identifier" not in said


def test_one_name_twice_is_one(holder):
    wanted = name()
    assert holder.order(wanted, wanted.upper())["identifiers"] == [{"type": "dns", "value": wanted}]


def test_the_same_order_again_is_that_order_until_it_is_done(holder):
    wanted = [name("a"), name("b")]
    first = holder.order(*wanted)
    assert holder.order(*reversed(wanted))["url"] == first["url"]
    assert holder.order(wanted[0])["url"] != first["url"]
    holder.prove(first)
    assert holder.order(*wanted)["url"] == first["url"]
    holder.finalize(first)
    again = holder.order(*wanted)
    assert again["url"] != first["url"] and again["status"] == "ready", "its names are proved"
    assert holder.finalize(again).json()["status"] == "valid"


def test_proofs_are_an_accounts_own_and_not_of_wildcards(holder, other):
    base = name()
    holder.issue(base)
    assert other.order(base)["status"] == "pending"
    assert holder.order(f"*.{base}")["status"] == "pending"
    assert holder.order(base)["status"] == "ready"


@pytest.mark.seed("S416")
def test_what_is_given_up_proves_nothing_any_more(holder):
    wanted = name()
    order = holder.order(wanted)
    assert holder.prove(order)["status"] == "ready"
    url = order["authorizations"][0]
    for payload in ({}, {"status": "valid"}, {"status": "deactivated "}, {"status": 1}):
        holder.bad(url, payload, 400, "malformed")
    assert holder.good(url, {"status": "deactivated"}).json()["status"] == "deactivated"
    assert holder.good(url, {"status": "deactivated"}).json()["status"] == "deactivated"
    now = holder.good(order["url"]).json()
    assert now["status"] == "invalid" and now["error"]["detail"]
    holder.bad(order["finalize"], {"csr": acme.der(keys.new_csr(cn=wanted, dns=(wanted,)))}, 403, "orderNotReady")
    again = holder.order(wanted)
    assert again["status"] == "pending" and again["authorizations"][0] != url
    holder.bad(holder.challenge(holder.authz(again))["url"] + "x", {}, 404, "malformed")


@pytest.mark.seed("S399")
def test_a_challenge_that_is_met_late_is_met(patient_server, answers):
    holder = acme.Orderer(patient_server, answers)
    order = holder.order(name("late"))
    authz = holder.authz(order)
    one = holder.challenge(authz)
    holder.good(one["url"], {})
    seen = holder.poll(one["url"], "processing")
    deadline = time.monotonic() + 10
    while "error" not in seen and time.monotonic() < deadline:
        seen = holder.good(one["url"]).json()
    assert seen["status"] == "processing" and seen["error"]["type"].endswith("incorrectResponse")
    holder.place(authz)
    holder.good(one["url"], {})
    assert holder.poll(order["url"], "ready", "invalid")["status"] == "ready"


@pytest.fixture
def tried(holder):
    """An order whose challenge is being tried, and ends when its gate is opened."""
    order = holder.order(name("tried"))
    yield from being_tried(holder, order)


def being_tried(holder, order):
    one = holder.place(holder.authz(order))
    gate = holder.web.gates[one["token"]] = threading.Event()
    assert holder.good(one["url"], {}).json()["status"] == "processing", "it is answered at once"
    yield order, one, gate
    gate.set()


@pytest.mark.parametrize("what, then", [("order", "ready"), ("authz", "valid"), ("challenge", "valid")])
def test_who_asks_while_a_challenge_is_tried_is_told_the_outcome(holder, tried, what, then):
    order, one, gate = tried
    url = {"order": order["url"], "authz": order["authorizations"][0], "challenge": one["url"]}[what]
    threading.Timer(0.2, gate.set).start()
    began = time.monotonic()
    while (seen := holder.good(url).json()["status"]) != then:
        waited, began = time.monotonic() - began, time.monotonic()
        assert seen in ("pending", "processing") and waited > 0.5, "what is not the outcome was put off as long as may be"


def test_who_asks_while_a_challenge_is_tried_for_long_is_told_so(holder, tried, other):
    order, _, gate = tried
    with concurrent.futures.ThreadPoolExecutor() as pool:
        began = time.monotonic()
        asking = [pool.submit(other.get, other.base + "/directory") for _ in range(4)]
        assert holder.good(order["url"]).json()["status"] == "pending"
        assert 0.5 < time.monotonic() - began < 10
        assert all(one.result().status_code == 200 for one in asking)
    gate.set()
    assert holder.poll(order["url"], "ready")


def test_who_waits_for_a_challenge_is_answered_when_the_server_stops(new_server, acme_settings, answers):
    server = new_server(settings=acme_settings).start()
    holder = acme.Orderer(server, answers)
    for order, _, _ in being_tried(holder, holder.order(name("stop"))):
        with concurrent.futures.ThreadPoolExecutor() as pool:
            asking = pool.submit(holder.post, order["url"])
            time.sleep(0.2)  # it may as well come too late, which is refused
            server.stop()
            try:
                assert asking.result().json()["status"] == "pending"
            except requests.exceptions.ConnectionError:
                pass


def test_while_many_challenges_are_tried_orders_begin_one_after_the_other(new_server, acme_settings, answers):
    server = new_server(settings=acme_settings).start()
    holder = acme.Orderer(server, answers)
    others = [acme.Orderer(server, answers) for _ in range(12)]
    order = holder.order(*(name(f"many{n}") for n in range(70)))
    gate = threading.Event()
    try:
        for place in range(70):  # none of them ends
            one = holder.place(holder.authz(order, place))
            holder.web.gates[one["token"]] = gate
            holder.good(one["url"], {})
        with concurrent.futures.ThreadPoolExecutor(len(others)) as pool:
            began = time.monotonic()
            begun = [pool.submit(one.order, name("another")) for one in others]
            assert [one.result()["status"] for one in begun] == ["pending"] * len(others)
            took = time.monotonic() - began
        assert took < 20, "nobody waits for ever"
        if server.database.startswith("sqlite:"):  # others may try what this server has no thread for
            assert took > 0.09, "one in ten milliseconds"
    finally:
        gate.set()


def test_a_challenge_that_is_not_met_ends_the_order_with_the_reason(holder):
    wanted = name("never")
    order = holder.order(wanted)
    failed = holder.prove(order, place=False)
    assert failed["status"] == "invalid" and failed["error"]["type"].endswith("incorrectResponse")
    authz = holder.authz(order)
    assert authz["status"] == "invalid" and [one["status"] for one in authz["challenges"]] == ["invalid"]
    assert authz["challenges"][0]["error"]["detail"]
    holder.bad(authz["challenges"][0]["url"], {}, 400, "malformed")
    assert holder.good(holder.kid + "/orders").json() == {"orders": []}
    assert holder.order(wanted)["status"] == "pending"


@pytest.mark.parametrize("kind", ["http-01", "dns-01"])
def test_a_challenge_that_is_almost_met_is_not_met(holder, kind):
    def digest(text):
        return acme.b64(hashlib.sha256(text.encode()).digest())

    def loose(token):
        right, others = (f"{token}.{acme.thumbprint(key)}" for key in (holder.key, keys.new_key()))
        if kind == "dns-01":
            right, others = digest(right), digest(others)
        return [right.swapcase(), "x" + right, right + "x", " " + right, right + "=", f'"{right}"', right[:-1], others, token,
                f"/.well-known/acme-challenge/{token}", right + ("\0" if kind == "http-01" else " ")]

    orders = []
    for place in range(len(loose(""))):
        orders.append(holder.order(name(f"almost{place}")))
        authz = holder.authz(orders[-1])
        one = holder.challenge(authz, kind)
        if kind == "http-01":
            holder.web.files[one["token"]] = loose(one["token"])[place]
        else:
            holder.dns.texts["_acme-challenge." + authz["identifier"]["value"]] = [loose(one["token"])[place]]
        holder.good(one["url"], {})
    for order in orders:
        ended = holder.poll(order["url"], "ready", "invalid")
        assert ended["status"] == "invalid" and ended["error"]["type"].endswith("incorrectResponse"), ended
    assert holder.prove(holder.order(name("exactly")), kind)["status"] == "ready"


@pytest.mark.seed("S378")
def test_operators_see_step_by_step_why_it_failed(acme_server, holder):
    client, wanted = acme_server.client(), name("why")
    order = holder.order(wanted)
    path = "/acme/orders/" + order["url"].rsplit("/", 1)[-1]
    said = chancery.good(client.rest("GET", path))
    assert said["status"] == "pending" and said["identifiers"] == order["identifiers"] and said["certificate_id"] is None
    assert holder.kid.endswith(said["account"]) and order["url"].endswith(said["id"])
    holder.prove(order, place=False)
    said = chancery.good(client.rest("GET", path))
    assert said["status"] == "invalid" and said["error"]["type"].endswith("incorrectResponse")
    tried = next(one for one in said["authorizations"][0]["challenges"] if one["type"] == "http-01")
    assert tried["status"] == "invalid" and tried["attempts"] >= 2 and tried["error"]["detail"]
    assert "127.0.0.1" in str(tried["steps"]) and all(step["step"] for step in tried["steps"])
    assert said["authorizations"][0]["value"] == wanted
    done, _ = holder.issue(name("fine"))
    said = chancery.good(client.rest("GET", "/acme/orders/" + done["url"].rsplit("/", 1)[-1]))
    assert said["status"] == "valid" and said["certificate_id"] and said["request_id"]
    assert client.rest("GET", "/acme/orders/none").status_code == 404


def test_a_name_that_there_is_not_is_told_so(holder, answers):
    wanted = name("gone")
    answers[1].absent.add(wanted)
    order = holder.order(wanted)
    assert holder.prove(order)["error"]["type"].endswith(":dns")


def test_orders_and_what_belongs_to_them_are_their_accounts_own(holder, other):
    order, chain = holder.issue(name())
    authz = holder.authz(order)
    other.bad(order["url"], None, 404, "malformed")
    other.bad(order["finalize"], {"csr": "AA"}, 404, "malformed")
    for url in (order["authorizations"][0], authz["challenges"][0]["url"], order["certificate"]):
        other.bad(url, None, 403, "unauthorized")
    other.bad(order["authorizations"][0], {"status": "deactivated"}, 403, "unauthorized")
    for path in ("order", "authz", "challenge", "cert"):
        holder.bad(f"{holder.base}/{path}/{acme.b64(bytes(16))}", None, 404, "malformed")
    for url in (order["url"], order["certificate"]):
        holder.bad(url, {}, 400, "malformed")


@pytest.mark.seed("S374")
def test_the_list_of_orders_has_pages(new_server, acme_settings, answers):
    holder = acme.Orderer(new_server(settings={**acme_settings, "acme.page": 2}).start(), answers)
    made = [holder.order(name())["url"] for _ in range(5)]
    found, url = [], holder.kid + "/orders"
    for count in (2, 2, 1):
        reply = holder.good(url)
        assert len(reply.json()["orders"]) == count
        found += reply.json()["orders"]
        url = (acme.links(reply, "next") or [None])[0]
    assert url is None and found == made[::-1]
    holder.bad(holder.kid + "/orders?cursor=abc", None, 400, "malformed")


# The request.

@pytest.mark.seed("S394")
def test_requests_that_are_refused_leave_the_order_ready(acme_server, holder):
    wanted, own = name("a"), keys.new_key()
    order = holder.order(wanted)
    holder.prove(order)

    def csr(cn=None, dns=(wanted,), **more):
        return acme.der(keys.new_csr(cn=cn, dns=dns, key=more.pop("key", own), **more))
    other = name("b")
    constraint = x509.BasicConstraints(ca=True, path_length=None)
    bad = [csr(dns=(wanted, other)), csr(dns=(other,)), csr(cn=other), csr(dns=(), cn=None), csr(email=("a@acme.test",)),
           csr(ip=("127.0.0.1",)), csr(uri=("https://a.test",)), csr(extensions=[(constraint, True)]), csr(key=holder.key),
           csr(key=keys.new_key("rsa:1024")), acme.b64(b"0\x03\x02\x01\x01"), acme.b64(b"no")]
    signed = bytearray(acme.unb64(csr()))
    signed[-1] ^= 1
    for text in [*bad, acme.b64(bytes(signed))]:
        holder.bad(order["finalize"], {"csr": text}, 400, "badCSR")
    for payload in ({}, {"csr": 5}, {"csr": ""}, {"csr": csr() + "="}, {"csr": keys.new_csr(cn=wanted)}, None):
        holder.bad(order["finalize"], payload, 400, "malformed")
    assert holder.good(order["url"]).json()["status"] == "ready"
    done = holder.good(order["finalize"], {"csr": csr(cn=wanted.upper(), dns=())}).json()
    certificate = leaf(holder.good(done["certificate"]).text)
    assert names_of(certificate) == [wanted]
    assert [part.value for part in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == [wanted]


def test_finalizing_again_gives_the_same_and_another_request_is_refused(acme_server, holder):
    wanted = name()
    order = holder.order(wanted)
    holder.prove(order)
    csr = acme.der(keys.new_csr(cn=wanted, dns=(wanted,)))
    first = holder.good(order["finalize"], {"csr": csr}).json()
    assert holder.good(order["finalize"], {"csr": csr}).json() == first
    holder.bad(order["finalize"], {"csr": acme.der(keys.new_csr(cn=wanted, dns=(wanted,)))}, 403, "orderNotReady")
    assert acme_server.client().total(f'CN -eq "{wanted}"') == 1


def test_many_who_finalize_one_order_at_the_same_time_get_one_certificate(acme_server, holder):
    wanted = name()
    order = holder.order(wanted)
    holder.prove(order)
    bodies = []
    for n in range(8):
        csr = acme.der(keys.new_csr(cn=wanted, dns=(wanted,)))
        holder.nonce_left = None
        bodies.append(acme.flat(holder.key, holder.header(order["finalize"]), {"csr": csr}))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda body: acme.Client(acme_server, holder.key).send(order["finalize"], body), bodies))
    codes = sorted(reply.status_code for reply in replies)
    assert codes.count(200) == 1 and set(codes[1:]) <= {403, 409}, [reply.text for reply in replies]
    assert acme_server.client().total(f'CN -eq "{wanted}"') == 1


def test_dates_that_may_be_chosen_are_kept_to_the_second_or_refused(acme_server, answers):
    template = admin.template(acme_server, policy={"allow_requested_dates": True, "validity": "30d", "validity_max": "60d"})
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    at = lambda **since: (now + datetime.timedelta(**since)).strftime("%Y-%m-%dT%H:%M:%SZ")
    with admin.profiles(acme_server, "Dates", Template=template) as make:
        holder = acme.Orderer(acme_server, answers, directory=make()["Directory"])
        wanted = name()
        for dates, said in (({"notBefore": at(hours=-49), "notAfter": at(days=1)}, "notBefore"), ({"notAfter": at(hours=-1)}, "notAfter"),
                            ({"notBefore": at(days=2), "notAfter": at(days=1)}, "notAfter"), ({"notAfter": at(days=61)}, "at most"),
                            ({"notAfter": at(days=1)[:-1] + ".5Z"}, "notAfter has parts")):
            refusal = holder.bad("newOrder", {"identifiers": [acme.identifier(wanted)], **dates}, 400, "malformed")
            assert said in refusal["detail"], refusal
        for dates in ({"notAfter": at(days=9)}, {"notBefore": at(days=1), "notAfter": at(days=8)}):
            reply = holder.good("newOrder", {"identifiers": [acme.identifier(wanted)], **dates}, 201)
            order = {**reply.json(), "url": reply.headers["Location"]}
            assert {key: order.get(key) for key in ("notBefore", "notAfter") if key in dates} == dates
            if order["status"] != "ready":
                holder.prove(order)
            done = holder.good(order["finalize"], {"csr": acme.der(keys.new_csr(cn=wanted, dns=(wanted,)))}).json()
            certificate = leaf(holder.good(done["certificate"]).text)
            has = {"notBefore": certificate.not_valid_before, "notAfter": certificate.not_valid_after}
            assert {key: has[key].strftime("%Y-%m-%dT%H:%M:%SZ") for key in dates} == dates


def test_a_name_is_proved_anew_when_its_proof_has_ended(acme_server, holder):
    wanted = name()
    holder.prove(holder.order(wanted))
    assert holder.order(wanted)["status"] == "ready"
    admin.sql(acme_server, f"UPDATE acme_authz SET expires_at = 1000 WHERE value = '{wanted}'")
    again = holder.order(wanted)
    assert again["status"] == "pending"
    holder.prove(again)
    assert holder.good(again["url"]).json()["status"] == "ready"


def test_dates_are_kept_to_the_letter_or_refused(holder):
    wanted = name()
    for dates in ({"notAfter": "no"}, {"notAfter": 5}, {"notBefore": "2030-01-01"}, {"notAfter": "2020-01-01T00:00:00Z"},
                  {"notBefore": "2031-01-02T00:00:00Z", "notAfter": "2031-01-01T00:00:00Z"}):
        holder.bad("newOrder", {"identifiers": [acme.identifier(wanted)], **dates}, 400, "malformed")


def test_certificates_come_in_other_forms(holder):
    order, chain = holder.issue(name())
    url = order["certificate"]

    def fetch(accept):
        body = acme.flat(holder.key, holder.header(url), None)
        return holder.send(url, body, headers={"Accept": accept})
    one = fetch("application/pkix-cert")
    assert one.headers["Content-Type"] == "application/pkix-cert" and acme.links(one, "up")
    assert x509.load_der_x509_certificate(one.content) == leaf(chain)
    bag = fetch("application/pkcs7-mime")
    assert {c.subject for c in pkcs7.load_der_pkcs7_certificates(bag.content)} == {
        c.subject for c in all_of(chain)}
    for accept in ("*/*", "text/html", "application/pem-certificate-chain"):
        assert fetch(accept).text == chain
    pem, der, bag = (f"application/{kind}" for kind in ("pem-certificate-chain", "pkix-cert", "pkcs7-mime"))
    for accept, kind in ((f"{der};q=0, */*", pem), (f"{pem};q=0.1, {der};q=0.9", der), (f"{der}; Q=0.25 , {bag};q=0.251", bag),
                         (f"{der};q=0", pem), (f"{der}, {bag}", der), (f"{bag},{der}", bag), (f"*/*, {der}", der),
                         (f"application/*;q=0.5,{bag};q=0.4,{pem};q=0", der), (f"{der};q=x", pem), (",;,", pem)):
        assert fetch(accept).headers["Content-Type"] == kind, accept
    for number in ("1", "0", "x", "-1"):
        holder.bad(f"{url}/{number}", None, 404, "malformed")


# Slow and refused authorities, approvals.

@pytest.mark.seed("S368")
def test_an_order_may_be_processing_for_a_while(new_server, acme_settings, answers):
    server = new_server(settings={**acme_settings, "acme.finalize_delay": "4s", "acme.nonce_reject": 0}).start()
    holder = acme.Orderer(server, answers)
    wanted = name()
    order = holder.order(wanted)
    holder.prove(order)
    csr = acme.der(keys.new_csr(cn=wanted, dns=(wanted,)))
    reply = holder.good(order["finalize"], {"csr": csr})
    assert reply.json()["status"] == "processing" and int(reply.headers["Retry-After"]) > 0
    assert reply.headers["Location"] == order["url"]
    assert holder.good(order["finalize"], {"csr": csr}).json()["status"] == "processing"
    holder.bad(order["finalize"], {"csr": acme.der(keys.new_csr(cn=wanted, dns=(wanted,)))}, 403, "orderNotReady")
    done = holder.poll(order["url"], "valid", "invalid")
    assert names_of(leaf(holder.good(done["certificate"]).text)) == [wanted]


def approved_template(client):
    reply = client.rest("POST", "/templates", json={"name": "Approved", "policy": {
        "key_types": ["ec:p256"], "subject": [{"type": "CN"}], "san_dns": "optional", "key_usage": ["digitalSignature"],
        "eku": ["serverAuth"], "validity": "30d", "validity_max": "30d", "requires_approval": True}})
    assert reply.status_code == 201, reply.text


def test_an_order_waits_for_its_approval(new_server, acme_settings, answers):
    server = new_server(settings={**acme_settings, "acme.template": "Approved"}).start()
    client = server.client()
    approved_template(client)
    holder = acme.Orderer(server, answers)
    for decision, state in (("approve", "valid"), ("deny", "invalid")):
        order = holder.order(name(decision))
        holder.prove(order)
        reply = holder.finalize(order)
        assert reply.json()["status"] == "processing" and 0 < int(reply.headers["Retry-After"]) <= 600
        waiting = chancery.good(client.rest("GET", "/requests"))["items"]
        done = client.rest("POST", f"/requests/{waiting[0]['id']}/{decision}", json={"comment": "told so"})
        assert done.status_code in (200, 204), done.text
        now = holder.good(order["url"]).json()
        assert now["status"] == state
        if state == "valid":
            assert names_of(leaf(holder.good(now["certificate"]).text)) == [order["identifiers"][0]["value"]]
        else:
            assert now["error"]["type"].endswith("unauthorized")


@pytest.mark.parametrize("ends", ["authorization", "account"])
def test_what_waits_for_approval_ends_with_its_proof_and_its_account(new_server, acme_settings, answers, ends):
    server = new_server(settings={**acme_settings, "acme.template": "Approved"}).start()
    client = server.client()
    approved_template(client)
    holder = acme.Orderer(server, answers)
    order, other = holder.order(name(ends)), holder.order(name("other"))
    for one in (order, other):
        holder.prove(one)
        assert holder.finalize(one).json()["status"] == "processing"
    waiting = [one["id"] for one in chancery.good(client.rest("GET", "/requests"))["items"]]
    holder.good(order["authorizations"][0] if ends == "authorization" else holder.kid, {"status": "deactivated"})
    left = [one["id"] for one in chancery.good(client.rest("GET", "/requests"))["items"]]
    assert left == (waiting[1:] if ends == "authorization" else [])
    reply = client.rest("POST", f"/requests/{waiting[0]}/approve", json={})
    assert reply.status_code == 409, reply.text
    assert client.total(f'CN -eq "{order["identifiers"][0]["value"]}"') == 0
    if ends == "authorization":
        assert holder.good(order["url"]).json()["status"] == "invalid"
        assert client.rest("POST", f"/requests/{waiting[1]}/approve", json={}).status_code in (200, 204)
        assert holder.good(other["url"]).json()["status"] == "valid"


@pytest.mark.seed("S371", "S405", "S385", "S176")
def test_lists_say_which_names_may_be_asked_for(new_server, acme_settings, answers):
    server = new_server(settings={**acme_settings, "acme.allow": "*.dev.test,exact.test,127.0.0.0/8,2001:db8::/32",
                                  "acme.deny": "*.bad.dev.test,no.c.dev.test,*.zip,127.0.0.2,2001:DB8::5"}).start()
    holder = acme.Orderer(server, answers)
    for good in ("a.dev.test", "a.b.dev.test", "exact.test", "*.dev.test", "*.a.dev.test", "127.0.0.1", "2001:db8::4"):
        holder.order(good)
    for bad in ("dev.test", "a.exact.test", "other.test", "x.bad.dev.test", "*.bad.dev.test", "no.c.dev.test", "*.c.dev.test", "a.zip", "127.0.0.2", "2001:db8::5", "10.0.0.1"):
        said = holder.bad("newOrder", {"identifiers": [acme.identifier("a.dev.test"), acme.identifier(bad)]}, 403, "rejectedIdentifier")
        assert said["subproblems"][0]["identifier"]["value"] == bad


@pytest.mark.parametrize("key, value", [("acme.challenges", "http-02"), ("acme.allow", "a_b"), ("acme.deny", "10.0.0.0/40"),
                                        ("acme.validation.resolvers", "nowhere")])
def test_settings_that_cannot_be_used_are_refused_by_name(new_server, key, value):
    server = new_server(settings={key: value})
    server.spawn()
    assert server.process.wait(30) != 0 and key.rsplit(".")[-1] in server.tail()
    server.killed = True


@pytest.mark.once
def test_on_sqlite_no_other_server_could_look(new_server):
    server = new_server(settings={"acme.validates": "false"})
    server.spawn()
    assert server.process.wait(30) != 0 and "acme.validates: must be true on SQLite" in server.tail()
    server.killed = True


@pytest.mark.seed("S361", "S401")
@pytest.mark.database("postgresql")
@pytest.mark.parametrize("kind", ["http-01", "dns-01"])
def test_a_server_in_a_network_of_its_own_looks_for_one_that_goes_nowhere(new_server, acme_settings, answers, kind):
    inner = new_server(settings={"acme.validates": "false", "acme.challenges": kind}).start()
    holder = acme.Orderer(inner, answers)
    order = holder.order(name(), name())
    for number in range(2):
        authz = holder.authz(order, number)
        assert {one["type"] for one in authz["challenges"]} == {kind}
        assert holder.good(holder.place(authz, kind)["url"], {}).json()["status"] == "processing"
    outer = new_server(settings={**acme_settings, "acme.base_url": inner.url, "acme.challenges": kind})
    outer.database = inner.database
    shutil.copytree(inner.data, outer.data)  # the same master key and keys of authorities
    for kept in outer.data.glob("*.address"):
        kept.unlink()
    assert holder.good(order["url"]).json()["status"] == "pending", "who may not look does not"
    outer.start()
    assert holder.poll(order["url"], "ready", "invalid")["status"] == "ready"
    assert holder.finalize(order).json()["status"] == "valid"
    for one in order["identifiers"]:
        told = f"{kind} of {one['value']}: proved"
        assert told in outer.log.read_text() and told not in inner.log.read_text()


# CAA.

@pytest.fixture(scope="module")
def careful_server(shared_server, acme_settings):
    """A server that looks at CAA records."""
    with shared_server(settings={**acme_settings, "acme.caa_identities": "ca.acme.test", "acme.retry_for": "0s"}) as one:
        yield one


@pytest.mark.seed("S384")
@pytest.mark.parametrize("wildcard, at, records, ending", [
    (False, "", [], None),
    (False, "", [(0, "issue", "ca.acme.test")], None),
    (False, "", [(0, "issue", "other.test"), (0, "ISSUE", "CA.acme.test")], None),
    (False, "", [(0, "issue", "ca.acme.test; accounturi={kid}; validationmethods=http-01,dns-01")], None),
    (False, "", [(0, "issuewild", ";")], None),
    (True, "", [(0, "issue", ";"), (0, "issuewild", "ca.acme.test")], None),
    (True, "", [(0, "issue", "ca.acme.test"), (0, "issuewild", ";")], "caa"),
    (False, "", [(0, "issue", ";")], "caa"),
    (False, "", [(0, "issue", "other.test")], "caa"),
    (False, "", [(0, "issue", "ca.acme.test; accounturi={kid}x")], "caa"),
    (False, "", [(0, "issue", "ca.acme.test; validationmethods=tls-alpn-01")], "caa"),
    (False, "", [(128, "tbs", "x"), (0, "issue", "ca.acme.test")], "caa"),
    (False, "above", [(0, "issue", "other.test")], "caa"),
    (False, "above", [(0, "issue", "ca.acme.test")], None),
    (False, "", None, "dns"),
    (False, "above", None, "dns"),
])
def test_who_may_certify_a_name_is_its_owners_matter(careful_server, answers, wildcard, at, records, ending):
    dns, client = answers[1], acme.Orderer(careful_server, answers)
    above = name()
    base = f"www.{above}"
    place = above if at else base
    if records is None:
        dns.failing.add((place, answerer.CAA))
    else:
        dns.caa[place] = [(flags, tag, value.format(kid=client.kid)) for flags, tag, value in records]
    order = client.order(f"*.{base}" if wildcard else base)
    now = client.prove(order, "dns-01" if wildcard else "http-01")
    assert (base, answerer.CAA) in dns.asked
    if ending:
        assert now["status"] == "invalid" and now["error"]["type"].endswith(f":{ending}"), now
        client.bad(order["finalize"], {"csr": acme.der(keys.new_csr(cn=None, dns=(base,)))}, 403, "orderNotReady")
    else:
        assert now["status"] == "ready", now
        assert client.finalize(order).json()["status"] == "valid"


def test_finalize_that_comes_second_finds_the_order_not_ready(acme_server, answers):
    """However close they are: what the client is told is of orders, and one certificate comes of it."""
    client = acme.Orderer(acme_server, answers)
    for _ in range(3):
        order = client.order(name("twice"))
        assert client.prove(order)["status"] == "ready"
        wanted = [one["value"] for one in order["identifiers"]]
        bodies = [acme.flat(client.key, client.header(order["finalize"]), {"csr": acme.der(keys.new_csr(cn=None, dns=wanted))})
                  for _ in range(4)]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            replies = list(pool.map(lambda body: client.send(order["finalize"], body), bodies))
        assert sorted(reply.status_code for reply in replies) == [200, 403, 403, 403], [reply.text for reply in replies]
        kinds = {reply.json()["type"] for reply in replies if reply.status_code == 403}
        assert kinds == {"urn:ietf:params:acme:error:orderNotReady"}, kinds
        rows = admin.sql(acme_server, f"SELECT COUNT(*) FROM request WHERE transaction_key LIKE '%order:{order['url'].split('/')[-1]}'")
        assert rows == [(1,)]


# Revocation.

def is_revoked(server, chain):
    found = server.client().get("/Certificates", **{"pq.queryString": f'Thumbprint -eq "{thumb(chain)}"', "pq.includeRevoked": "true"})
    return found[0]["CertState"] == 2


def thumb(chain):
    return leaf(chain).fingerprint(keys.hashes.SHA1()).hex().upper()


@pytest.mark.seed("S376")
def test_an_account_revokes_what_it_was_given(acme_server, holder, other):
    _, chain = holder.issue(name())
    refused(revoke(other, chain), 403, "unauthorized")
    for reason in (2, 6, 7, 8, 10, 11, -1):
        refused(revoke(holder, chain, reason=reason), 400, "badRevocationReason")
    for reason in ("1", 1.5, None):
        refused(revoke(holder, chain, reason=reason), 400, "malformed")
    reply = revoke(holder, chain, reason=4)
    assert reply.status_code == 200 and not reply.content and is_revoked(acme_server, chain)
    refused(revoke(holder, chain), 400, "alreadyRevoked")


@pytest.mark.seed("S376")
def test_the_key_of_a_certificate_revokes_it(acme_server, holder):
    key = keys.new_key()
    _, chain = holder.issue(name(), key=key)
    stranger = acme.Client(acme_server)
    refused(revoke(stranger, chain, jwk=True), 403, "unauthorized")
    owner = acme.Client(acme_server, key)
    assert revoke(owner, chain, jwk=True, reason=1).status_code == 200
    assert is_revoked(acme_server, chain)
    refused(owner.post("newAccount", {}, jwk=True), 400, "badPublicKey")
    wanted = name()
    order = holder.order(wanted)
    holder.prove(order)
    holder.bad(order["finalize"], {"csr": acme.der(keys.new_csr(cn=wanted, dns=(wanted,), key=key))}, 400, "badCSR")


def test_a_client_that_keeps_its_key_may_order_its_names_as_it_likes(holder):
    """certbot --reuse-key, or one key for several hosts: the subject is the server's choice (A-FIN-09)."""
    key, (one, two) = keys.new_key(), (name("one"), name("two"))
    for names in ([one], [one, two], [two, one], [two]):
        _, chain = holder.issue(*names, key=key)
        assert leaf(chain).public_key().public_numbers() == key.public_key().public_numbers()


@pytest.mark.seed("S376")
def test_a_key_that_is_said_to_be_compromised_after_the_revocation_is_certified_no_more(acme_server, holder):
    """Who revoked it first, and why, does not take the key's holder the last word (ca-core section 6)."""
    key, wanted = keys.new_key(), name()
    _, chain = holder.issue(wanted, key=key)
    assert revoke(holder, chain, reason=4).status_code == 200
    refused(revoke(acme.Client(acme_server, key), chain, jwk=True, reason=5), 400, "alreadyRevoked")
    refused(revoke(acme.Client(acme_server, key), chain, jwk=True, reason=1), 400, "alreadyRevoked")
    [row] = acme_server.client().get("/Certificates", **{
        "pq.queryString": f'Thumbprint -eq "{thumb(chain)}"', "pq.includeRevoked": "true"})
    assert row["RevocationReason"] == 1
    order = holder.order(wanted)
    holder.prove(order)
    holder.bad(order["finalize"], {"csr": acme.der(keys.new_csr(cn=wanted, dns=(wanted,), key=key))}, 400, "badCSR")


def test_who_holds_all_names_revokes_what_others_were_given(acme_server, holder, other):
    wanted = [name("a"), name("b")]
    _, chain = holder.issue(*wanted)
    other.prove(other.order(wanted[0]))
    refused(revoke(other, chain), 403, "unauthorized")
    other.prove(other.order(wanted[1]))
    refused(revoke(other, chain, reason=1), 400, "badRevocationReason")
    assert revoke(other, chain, reason=5).status_code == 200 and is_revoked(acme_server, chain)


def test_what_was_issued_by_other_means_is_revoked_by_its_key_and_what_was_not_issued_here_by_nobody(acme_server, holder):
    key, wanted = keys.new_key(), name()
    made = acme_server.client().enroll(csr=keys.new_csr(cn=wanted, dns=(wanted,), key=key))
    text = made["Certificates"][0]
    refused(revoke(holder, text), 403, "unauthorized")
    assert revoke(acme.Client(acme_server, key), text, jwk=True).status_code == 200
    ca = made["Certificates"][1]
    refused(revoke(holder, ca), 404, "malformed")
    changed = bytearray(base64.b64decode("".join(text.strip().splitlines()[1:-1])))
    changed[-1] ^= 1
    refused(holder.post("revokeCert", {"certificate": acme.b64(bytes(changed))}), 404, "malformed")
    for payload in ({}, {"certificate": "x"}, {"certificate": acme.b64(b"no")}, {"certificate": 5}, None):
        holder.bad("revokeCert", payload, 400, "malformed")
