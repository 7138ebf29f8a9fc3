"""ACME accounts: made, changed, ended, given other keys, bound to what operators gave out (RFC 8555 section 7.3)."""
import concurrent.futures
import threading

import pytest

import acme
import chancery
import keys
from acme import flat, jwk_of, refused


def test_a_key_registers_once_and_is_known_from_then_on(someone):
    reply = someone.register(contact=["mailto:a@example.com"], onlyReturnExisting=False, orders="x", status="revoked", other=1)
    account = reply.json()
    assert account["status"] == "valid" and account["contact"] == ["mailto:a@example.com"]
    assert account["orders"] == someone.kid + "/orders" and account["termsOfServiceAgreed"] is True
    assert account["createdAt"].endswith("Z") and account["initialIp"] == "127.0.0.1"
    assert not {"onlyReturnExisting", "other", "externalAccountBinding"} & set(account)
    assert len(acme.path_of(someone.kid).rsplit("/")[-1]) >= 22
    again = someone.good("newAccount", {"contact": ["mailto:b@example.com"]}, jwk=True)
    assert again.headers["Location"] == someone.kid and again.json() == account
    assert someone.good("newAccount", {"onlyReturnExisting": True}, jwk=True).json() == account
    assert someone.good(someone.kid).json() == account == someone.good(someone.kid, {}).json()


def test_who_asks_for_an_account_that_there_is_not_makes_none(someone):
    for _ in range(2):
        someone.bad("newAccount", {"onlyReturnExisting": True}, 400, "accountDoesNotExist", jwk=True)
    someone.bad("newAccount", None, 400, "malformed", jwk=True)
    someone.register()


@pytest.mark.parametrize("contact, kind", [
    ("mailto:a@example.com?subject=x", "invalidContact"), ("mailto:a@example.com,b@example.com", "invalidContact"),
    ("mailto:", "invalidContact"), ("mailto:a", "invalidContact"), ("mailto:a@b", "invalidContact"),
    ("mailto:ä@example.com", "invalidContact"), ("mailto:a@example.com#x", "invalidContact"),
    ("tel:+1", "unsupportedContact"), ("https://example.com", "unsupportedContact"), ("", "unsupportedContact")])
def test_contacts_are_plain_mail_addresses(someone, holder, contact, kind):
    someone.bad("newAccount", {"contact": ["mailto:a@example.com", contact]}, 400, kind, jwk=True)
    holder.bad(holder.kid, {"contact": [contact]}, 400, kind)


def test_members_of_other_types_are_malformed(someone, holder):
    for payload in ({"contact": "mailto:a@example.com"}, {"contact": [5]}, {"termsOfServiceAgreed": "yes"},
                    {"onlyReturnExisting": 1}, {"contact": [f"mailto:a{n}@example.com" for n in range(11)]}):
        someone.bad("newAccount", payload, 400, "malformed", jwk=True)
    for payload in ({"contact": {}}, {"status": 5}, {"status": "revoked"}, {"status": "valid"}):
        holder.bad(holder.kid, payload, 400, "malformed")


def test_contacts_are_replaced_and_taken_away(holder):
    assert "contact" not in holder.good(holder.kid).json()
    assert holder.good(holder.kid, {"contact": ["mailto:a@example.com"]}).json()["contact"] == ["mailto:a@example.com"]
    assert holder.good(holder.kid, {"termsOfServiceAgreed": False}).json()["contact"] == ["mailto:a@example.com"]
    assert "contact" not in holder.good(holder.kid, {"contact": []}).json()


def test_an_account_is_for_its_holder(server, holder):
    other = acme.Client(server)
    other.register()
    for path in (holder.kid, holder.kid + "/orders"):
        other.bad(path, None, 403, "unauthorized")
    other.bad(holder.kid, {"status": "deactivated"}, 403, "unauthorized")
    holder.good(holder.kid)


def test_a_deactivated_account_is_dead_with_its_key(holder):
    assert holder.good(holder.kid, {"status": "deactivated"}).json()["status"] == "deactivated"
    holder.bad(holder.kid, None, 401, "unauthorized")
    for payload in ({}, {"onlyReturnExisting": True}):
        holder.bad("newAccount", payload, 401, "unauthorized", jwk=True)


def test_the_list_of_orders_begins_empty(holder):
    assert holder.good(holder.kid + "/orders").json() == {"orders": []}
    holder.bad(holder.kid + "/others", None, 404, "malformed")


def test_two_who_register_one_key_at_the_same_time_get_one_account(server):
    key = keys.new_key()
    clients = [acme.Client(server, key) for _ in range(6)]
    for client in clients:
        client.nonce_left = client.nonce()
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(lambda client: client.post("newAccount", {}, jwk=True), clients))
    assert sorted(reply.status_code for reply in replies) == [200] * 5 + [201]
    assert len({reply.headers["Location"] for reply in replies}) == 1


def test_terms_must_be_agreed_to_where_there_are_any(new_server):
    terms = "https://pki.example.com/terms"
    server = new_server(settings={"acme.terms_url": terms, "acme.website": "https://pki.example.com"}).start()
    client = acme.Client(server)
    assert client.directory["meta"]["termsOfService"] == terms
    assert client.directory["meta"]["website"] == "https://pki.example.com"
    for payload in ({}, {"termsOfServiceAgreed": False}):
        reply = client.post("newAccount", payload, jwk=True)
        assert refused(reply, 403, "userActionRequired")["instance"] == terms
        assert acme.links(reply, "terms-of-service") == [terms]
    reply = client.register()
    assert acme.links(reply, "terms-of-service") == [terms]
    client.good("newAccount", {}, jwk=True)


def test_accounts_go_on_under_the_address_that_the_server_had_before(new_server):
    server = new_server(settings={"acme.legacy_base_urls": "https://old.example.com"}).start()
    client = acme.Client(server)
    client.register()
    client.good(client.kid, kid=client.kid.replace(server.url.rstrip("/"), "https://old.example.com"))
    client.bad(client.kid, None, 400, "malformed", kid=client.kid.replace(server.url.rstrip("/"), "https://older.example.com"))


def test_addresses_are_those_of_the_setting(new_server):
    server = new_server(settings={"acme.base_url": "https://acme.example.com/"}).start()
    client = acme.Client(server)
    assert client.directory["newAccount"] == "https://acme.example.com/acme/new-account"


# Another key.

def rollover(client, key, outer=None, header=(), **payload):
    url = client.directory["keyChange"]
    inner = {"account": client.kid, "oldKey": jwk_of(client.key), **payload}
    head = {"alg": acme.alg_of(key), "jwk": jwk_of(key), "url": url, **dict(header)}
    return client.post("keyChange", outer or flat(key, {k: v for k, v in head.items() if v is not None}, inner))


@pytest.mark.seed("S377")
def test_an_account_gets_another_key_and_the_old_one_is_refused(holder):
    old, new = holder.key, keys.new_key("ec:p384")
    assert rollover(holder, new).status_code == 200
    holder.bad(holder.kid, None, 400, "badPublicKey")
    holder.key = new
    assert holder.good(holder.kid).json()["status"] == "valid"
    holder.good("newAccount", {"onlyReturnExisting": True}, jwk=True)
    holder.key, kid = old, holder.kid
    holder.bad("newAccount", {"onlyReturnExisting": True}, 400, "accountDoesNotExist", jwk=True)
    assert holder.register().headers["Location"] != kid, "the old key is free again"


def test_a_key_of_another_account_or_the_same_is_a_conflict_that_tells_the_account(server, holder):
    other = acme.Client(server)
    other.register()
    for key, kid in ((other.key, other.kid), (holder.key, holder.kid)):
        reply = rollover(holder, key)
        refused(reply, 409, "malformed")
        assert reply.headers["Location"] == kid
    other.good(other.kid, {"status": "deactivated"})
    refused(rollover(holder, other.key), 409, "malformed")


def signed_rollover(client, key):
    """A rollover that is ready to be sent: address and body."""
    url = client.directory["keyChange"]
    inner = flat(key, {"alg": acme.alg_of(key), "jwk": jwk_of(key), "url": url}, {"account": client.kid, "oldKey": jwk_of(client.key)})
    return url, flat(client.key, client.header(url), inner)


def together(*sent):
    """What was answered to requests (client, address, body) that were sent at the same moment."""
    start = threading.Barrier(len(sent))

    def send(client, url, body):
        start.wait(30)
        return client.send(url, body)
    with concurrent.futures.ThreadPoolExecutor(len(sent)) as pool:
        return list(pool.map(lambda one: send(*one), sent))


def test_a_key_that_is_registered_while_another_account_asks_for_it_is_a_conflict(server):
    """Of the two who want one key at the same moment the loser is told whose it is now."""
    holders = [acme.Client(server) for _ in range(4)]
    for client in holders:
        client.register()
    for _ in range(10):
        wanted, sent = [keys.new_key() for _ in holders], []
        for client, key in zip(holders, wanted):
            other = acme.Client(server, key)
            url = other.directory["newAccount"]
            sent += [(client, *signed_rollover(client, key)), (other, url, flat(key, other.header(url, jwk=True), {}))]
        replies = together(*sent)
        for at, (client, key) in enumerate(zip(holders, wanted)):
            rolled, registered = replies[2 * at:2 * at + 2]
            if rolled.status_code == 200:
                assert (registered.status_code, registered.headers["Location"]) == (200, client.kid)
                client.key = key
                continue
            refused(rolled, 409, "malformed")
            assert registered.status_code == 201 and rolled.headers["Location"] == registered.headers["Location"] != client.kid


def test_of_two_rollovers_of_one_account_at_once_the_later_is_told_that_its_key_is_the_former_one(server, holder):
    for _ in range(6):
        new, senders = [keys.new_key(), keys.new_key()], [acme.Client(server, holder.key) for _ in range(2)]
        for client in senders:
            client.kid = holder.kid
        replies = together(*((client, *signed_rollover(client, key)) for client, key in zip(senders, new)))
        assert sorted(reply.status_code == 200 for reply in replies) == [False, True], [reply.text for reply in replies]
        lost = replies[0] if replies[1].status_code == 200 else replies[1]
        assert lost.json()["type"].endswith(("unauthorized", "malformed")), lost.text
        assert "former" in lost.json()["detail"] or "does not verify" in lost.json()["detail"], lost.text
        holder.key = new[0] if replies[0].status_code == 200 else new[1]
        assert holder.good(holder.kid).json()["status"] == "valid"


def test_a_key_of_a_certificate_is_no_account_key(server, holder):
    key = keys.new_key()
    server.client().enroll(csr=keys.new_csr(cn="rollover.example.com", dns=("rollover.example.com",), key=key))
    refused(rollover(holder, key), 400, "badPublicKey")


@pytest.mark.seed("S377")
def test_a_rollover_is_checked_from_both_sides(holder):
    new = keys.new_key()
    url = holder.directory["keyChange"]
    for header in ({"kid": holder.kid}, {"jwk": None}, {"nonce": "abcd"}, {"url": url + "x"}, {"url": None}):
        refused(rollover(holder, new, header=header), 400, "malformed")
    refused(rollover(holder, new, header={"alg": "HS256"}, outer=flat(new, {"alg": "HS256", "jwk": jwk_of(new), "url": url}, {},
                                                                       alg="ES256")), 400, "badSignatureAlgorithm")
    for payload in ({"account": holder.kid + "x"}, {"account": None}, {"oldKey": jwk_of(new)}, {"oldKey": None}, {"oldKey": {}}):
        refused(rollover(holder, new, **payload), 400, "malformed")
    inner = flat(keys.new_key(), {"alg": "ES256", "jwk": jwk_of(new), "url": url}, {"account": holder.kid, "oldKey": jwk_of(holder.key)})
    refused(rollover(holder, new, outer=inner), 400, "malformed")
    for outer in ({}, {"protected": "x"}):
        holder.bad("keyChange", outer, 400, "malformed")
    holder.bad("keyChange", None, 400, "malformed")
    weak = keys.new_key("rsa:1024")
    refused(rollover(holder, weak), 400, "badPublicKey")
    assert holder.good(holder.kid).json()["status"] == "valid"


# External account binding.

@pytest.fixture
def binder(new_server):
    """A server where accounts must be bound."""
    return new_server(settings={"acme.eab": "required"}).start()


def new_key(server, **body):
    reply = server.client().rest("POST", "/acme/eab-keys", json=body)
    assert reply.status_code == 201, reply.text
    return reply.json()


@pytest.mark.seed("S375", "S403")
def test_an_account_is_bound_by_a_key_from_the_operator(binder):
    made = new_key(binder, kid="printers")
    assert made["kid"] == "printers" and made["status"] == "enabled" and len(acme.unb64(made["hmac_key"])) == 32
    client = acme.Client(binder)
    assert client.directory["meta"]["externalAccountRequired"] is True
    client.bad("newAccount", {}, 403, "externalAccountRequired", jwk=True)
    for alg in ("HS256", "HS384", "HS512"):
        client = acme.Client(binder)
        binding = client.binding(made["kid"], made["hmac_key"], alg=alg)
        assert client.register(externalAccountBinding=binding).json()["externalAccountBinding"] == binding
        assert client.good(client.kid).json()["externalAccountBinding"] == binding
    client.good("newAccount", {}, jwk=True)
    listed = chancery.good(binder.client().rest("GET", "/acme/eab-keys"))["items"]
    assert [(key["kid"], key["uses"]) for key in listed] == [("printers", 3)] and "hmac_key" not in listed[0]


@pytest.mark.seed("S375")
def test_a_binding_is_checked_and_does_not_tell_which_keys_there_are(server):
    made = new_key(server)
    client = acme.Client(server)
    kid, secret = made["kid"], made["hmac_key"]
    good = client.binding(kid, secret)
    outer = client.directory["newAccount"]
    for binding in ("x", [], {}, {**good, "signatures": []}, {**good, "header": {}}, {**good, "payload": 5},
                    {**good, "protected": "!"},
                    flat(acme.unb64(secret), {"alg": "none", "kid": kid, "url": outer}, jwk_of(client.key), alg="HS256"),
                    flat(client.key, {"alg": "ES256", "kid": kid, "url": outer}, jwk_of(client.key)),
                    client.binding(None, secret), client.binding("\u00e4", secret), client.binding(kid, secret, nonce="abcd"),
                    client.binding(kid, secret, url=outer + "x"), client.binding(kid, secret, url=None)):
        client.bad("newAccount", {"externalAccountBinding": binding}, 400, "malformed", jwk=True)
    details = set()
    for binding in (client.binding("none", secret), client.binding(kid, acme.b64(bytes(32))),
                    client.binding(kid, secret, key=keys.new_key()), client.binding(kid, secret, payload={}),
                    {**good, "signature": acme.b64(bytes(32))}, {**good, "signature": ""}):
        details.add(client.bad("newAccount", {"externalAccountBinding": binding}, 403, "unauthorized", jwk=True)["detail"])
    assert len(details) == 1
    client.register(externalAccountBinding=good)


@pytest.mark.seed("S375")
def test_a_key_binds_as_often_as_it_may_and_until_it_is_ended(server):
    rest = server.client().rest
    once, ended = new_key(server, max_uses=1), new_key(server)

    def bind(key):
        client = acme.Client(server)
        return client.post("newAccount", {"externalAccountBinding": client.binding(key["kid"], key["hmac_key"])}, jwk=True)
    assert bind(once).status_code == 201
    refused(bind(once), 403, "unauthorized")
    assert bind(ended).status_code == 201
    assert rest("DELETE", f"/acme/eab-keys/{ended['kid']}").status_code == 204
    refused(bind(ended), 403, "unauthorized")
    states = {}
    after = None
    while True:
        page = chancery.good(rest("GET", "/acme/eab-keys", params={"limit": 2, **({"after": after} if after else {})}))
        states.update({key["kid"]: key["status"] for key in page["items"]})
        after = page["next"]
        if not after:
            break
    assert states[once["kid"]] == "used up" and states[ended["kid"]] == "revoked"
    assert rest("DELETE", "/acme/eab-keys/none").status_code == 404
    assert rest("POST", "/acme/eab-keys", json={"kid": once["kid"]}).status_code == 409
    for body, field in (({"kid": "a b"}, "kid"), ({"max_uses": -1}, "max_uses"), ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at")):
        reply = rest("POST", "/acme/eab-keys", json=body)
        assert reply.status_code == 400 and field in reply.text


def test_a_key_binds_no_more_accounts_at_once_than_it_may(server):
    key = new_key(server, max_uses=2)
    clients = [acme.Client(server) for _ in range(6)]
    for client in clients:
        client.nonce_left = client.nonce()

    def bind(client):
        return client.post("newAccount", {"externalAccountBinding": client.binding(key["kid"], key["hmac_key"])}, jwk=True)
    with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
        replies = list(pool.map(bind, clients))
    assert sorted(reply.status_code for reply in replies) == [201] * 2 + [403] * 4


def test_where_bindings_are_switched_off_none_is_looked_at(new_server):
    client = acme.Client(new_server(settings={"acme.eab": "off"}).start())
    assert "externalAccountBinding" not in client.register(externalAccountBinding={"any": "thing"}).json()
