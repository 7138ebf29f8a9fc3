"""When to renew, and what an order replaces (RFC 9773); what is cleaned up."""
import datetime

import pytest
from cryptography import x509

import acme
import admin
import chancery
import keys
import processes
from acme import b64, leaf, name, refused, revoke
from test_acme_orders import holder  # noqa: F401


def test_an_order_that_took_too_long_is_over(new_server, acme_settings, answers):
    holder = acme.Orderer(new_server(settings={**acme_settings, "acme.order_life": "5s"}).start(), answers)
    lost = holder.order(name("lost"))
    assert holder.good(lost["url"]).json()["status"] == "pending"
    now = holder.poll(lost["url"], "invalid")
    assert "expired" in now["error"]["detail"] and holder.authz(lost)["status"] == "expired"
    holder.bad(holder.authz(lost)["challenges"][0]["url"], {}, 400, "malformed")


def cert_id(certificate, extra=b""):
    aki = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    serial = certificate.serial_number
    return f"{b64(aki)}.{b64(extra + serial.to_bytes(serial.bit_length() // 8 + 1, 'big'))}"


def window(client, certificate):
    reply = client.get(f"{client.directory['renewalInfo']}/{cert_id(certificate)}")
    assert reply.status_code == 200, reply.text
    assert 17280 <= int(reply.headers["Retry-After"]) <= 25920 and "Replay-Nonce" not in reply.headers
    assert reply.headers["Cache-Control"].startswith("public, max-age=")
    said = reply.json()["suggestedWindow"]
    assert said["start"].endswith("Z") and said["start"] < said["end"]
    return [datetime.datetime.fromisoformat(said[part].replace("Z", "")) for part in ("start", "end")]


@pytest.mark.seed("S356")
def test_a_certificate_is_renewed_when_two_thirds_of_its_life_are_over(holder, acme_server):
    _, chain = holder.issue(name())
    one = leaf(chain)
    start, end = window(holder, one)
    life = one.not_valid_after - one.not_valid_before
    ideal, half = one.not_valid_before + life * 2 / 3, life / 100
    assert abs(start + (end - start) / 2 - ideal) <= half + datetime.timedelta(seconds=2)
    assert abs((end - start) - 2 * half) <= datetime.timedelta(seconds=2)
    assert window(holder, one) == [start, end], "always the same"
    assert revoke(holder, chain).status_code == 200
    assert window(holder, one)[1] < datetime.datetime.utcnow()


@pytest.mark.seed("S356")
def test_certificates_of_other_protocols_have_a_window_too(holder, acme_server):
    wanted = name()
    made = acme_server.client().enroll(csr=keys.new_csr(cn=wanted, dns=(wanted,)))
    window(holder, keys.load(made["Certificates"][0]))


def test_what_names_no_certificate_of_ours(holder):
    base = holder.directory["renewalInfo"]
    _, chain = holder.issue(name())
    good = cert_id(leaf(chain))
    aki, serial = good.split(".")
    for bad in ("a", f"{aki}.", f".{serial}", f"{good}.x", f"{aki}=.{serial}", f"{aki}.{serial}=", f"{aki}.!"):
        assert refused(holder.get(f"{base}/{bad}"), 400, "malformed")
    for none in (f"{aki}.{b64(bytes([5] * 16))}", f"{b64(bytes(20))}.{serial}", "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"):
        assert refused(holder.get(f"{base}/{none}"), 404, "malformed")
    bare = b64(leaf(chain).serial_number.to_bytes((leaf(chain).serial_number.bit_length() + 7) // 8, "big"))
    assert holder.get(f"{base}/{aki}.{bare}").status_code == 200
    reply = holder.send(f"{base}/{good}", "{}")
    assert refused(reply, 405, "malformed") and reply.headers["Allow"].startswith("GET")
    assert not holder.directory["renewalInfo"].endswith("/")


@pytest.mark.seed("S356")
def test_an_order_replaces_a_certificate_once(holder, acme_server, answers):
    wanted = name()
    _, chain = holder.issue(wanted)
    named = cert_id(leaf(chain))
    payload = {"identifiers": [acme.identifier(wanted)], "replaces": named}
    for bad, status, kind in ((5, 400, "malformed"), ("x", 400, "malformed"), ("AA.AA", 404, "malformed")):
        said = holder.bad("newOrder", {**payload, "replaces": bad}, status, kind)
        assert said["detail"].startswith('"replaces"') or status == 403, said
    holder.bad("newOrder", {**payload, "identifiers": [acme.identifier(name())]}, 400, "malformed")
    other = acme.Orderer(acme_server, answers)
    other.bad("newOrder", payload, 403, "unauthorized")
    order = holder.order(wanted, replaces=named)
    assert order["replaces"] == named and order["status"] == "ready"
    assert holder.order(wanted, replaces=named)["url"] == order["url"], "the same again is the same"
    holder.bad("newOrder", {"identifiers": [acme.identifier(wanted), acme.identifier(name())], "replaces": named}, 409, "alreadyReplaced")
    done = holder.finalize(order).json()
    assert done["replaces"] == named
    fresh = leaf(holder.good(done["certificate"]).text)
    holder.bad("newOrder", payload, 409, "alreadyReplaced")
    rows = acme_server.client().get("/Certificates", **{"pq.queryString": f'CN -eq "{wanted}"'})
    assert len(rows) == 2 and cert_id(fresh) != named
    again = holder.order(wanted, replaces=cert_id(fresh))
    assert again["status"] == "ready"


@chancery.needs_faults
@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
@pytest.mark.seed("S400")
def test_what_is_over_is_removed_and_certificates_stay(new_server, acme_settings, answers):
    settings = {**acme_settings, "acme.order_life": "1h", "acme.keep": "1h"}
    server = new_server(program=chancery.FAULTS, settings=settings).start()
    holder, client = acme.Orderer(server, answers), server.client()
    wanted = name("kept")
    kept, _ = holder.issue(wanted)
    lost = holder.order(name("lost"))

    def later(days):
        server.stop()
        server.start(CHANCERY_CLOCK_OFFSET_MS=str(days * 86400 * 1000))
        holder.session.close()
        holder.nonce_left = None

    def gone(url):
        processes.wait_until(lambda: holder.post(url).status_code == 404, 20, what=f"{url} to be gone")
    later(1)
    gone(lost["url"])
    gone(lost["authorizations"][0])
    assert holder.good(kept["url"]).json()["status"] == "valid", "its certificate is valid"
    later(100)
    holder.session.verify = client.session.verify = False  # the listener's certificate is of that time, too
    gone(kept["url"])
    assert client.total(f'CN -eq "{wanted}"') == 1
    assert holder.good(holder.kid + "/orders").json() == {"orders": []}


@chancery.needs_faults
@pytest.mark.database("postgresql")  # SQLite has one writer
def test_an_order_that_becomes_valid_while_it_is_cleaned_away_stays_so(new_server, acme_settings, answers):
    import psycopg2
    server = new_server(program=chancery.FAULTS, settings={**acme_settings, "acme.order_life": "1h"}).start()
    order = acme.Orderer(server, answers).order(name("late")).get("url").rsplit("/", 1)[-1]
    server.stop()
    with psycopg2.connect(server.database) as connection:
        cursor = connection.cursor()
        cursor.execute("UPDATE acme_authz SET status = 2, expires_at = 9e15 WHERE id IN (SELECT authz FROM acme_order_authz oz "
                       "JOIN acme_order o ON o.id = oz.order_id WHERE o.public_id = %s)", (order,))
        cursor.execute("UPDATE acme_order SET status = 4 WHERE public_id = %s", (order,))
        server.start(CHANCERY_CLOCK_OFFSET_MS=str(86400 * 1000))
        waits = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        processes.wait_until(lambda: admin.sql(server, waits), 20, what="the cleaning to wait")
    connection.close()
    busy = "SELECT 1 FROM job WHERE kind = 'acme.cleanup' AND state = 1"
    processes.wait_until(lambda: not admin.sql(server, busy), 20, what="the cleaning to end")
    assert admin.sql(server, f"SELECT status FROM acme_order WHERE public_id = '{order}'") == [(4,)]
    assert [row[0] for row in admin.sql(server, "SELECT status FROM acme_authz")] == [2]


@pytest.mark.seed("S135")
def test_a_bound_on_good_ones_of_a_subject_lets_an_account_renew_without_saying_so(acme_server, answers):
    """Most clients send no `replaces`: the newest of the same account for the same names is what they renew."""
    operator = acme_server.client()
    template = admin.template(acme_server, policy={"max_active_per_subject": 1})
    chancery.good(operator.command("POST", "/ACME/Profiles", json={"Name": template, "Template": template}))
    place = acme_server.url.rstrip("/") + f"/acme/{template}/directory"
    holder, stranger = (acme.Orderer(acme_server, answers, directory=place) for _ in range(2))
    host = name()

    def finalized(who):
        order = who.order(host)
        assert who.prove(order)["status"] == "ready"
        return who.post(order["finalize"], {"csr": acme.der(keys.new_csr(cn=None, dns=[host]))})
    first, second = finalized(holder), finalized(holder)
    assert first.status_code == 200 and second.status_code == 200, (first.text, second.text)
    serials = [f"{keys.load(holder.post(one.json()['certificate']).text).serial_number:X}" for one in (first, second)]
    rows = [chancery.good(operator.rest("GET", "/certificates", params={"filter": f'SerialNumber -eq "{one}"'})) for one in serials]
    assert all(len(one["items"]) == 1 for one in rows), rows
    third = finalized(holder)  # the first is good still, and no longer what is renewed
    refused = finalized(stranger)
    for one in (third, refused):
        assert one.status_code == 403 and one.json()["type"].endswith(":rejectedIdentifier"), one.text
        assert "max_active_per_subject" in one.json()["detail"], one.text
