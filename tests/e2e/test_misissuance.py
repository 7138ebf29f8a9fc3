"""Mistakes that certification authorities made, tried over the wire: docs/misissuance.md names the row of each."""
import concurrent.futures
import datetime
import random
import re

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtensionOID, NameOID

import der
import keys
import test_bad_input

DAY = datetime.timedelta(days=1)
SECOND = datetime.timedelta(seconds=1)
DNS = der.san((2, b"rows.example.com"))


def refused(client, csr, pattern, **more):
    test_bad_input.refused(client.command("POST", "/Enrollment/CSR", json=test_bad_input.body_of(client, csr, **more)),
                           400, pattern)


def issued(client, csr=None, **more):
    return keys.load(client.enroll(csr or keys.new_csr("rows.example.com", ["rows.example.com"]),
                                   **more)["Certificates"][0])


def asked(client, **more):
    """A certificate by our own API, where dates and a life can be chosen."""
    return client.rest("POST", "/certificates", json={
        "csr": keys.new_csr("rows.example.com", ["rows.example.com"]), "template": "WebServer", **more})


def ca_of(client):
    return keys.load(client.rest("GET", f"/authorities/{client.server_ca()}").json()["certificate"])


def test_serials_are_long_random_and_in_no_order(client):  # rows 1, 2
    serials = [issued(client).serial_number for _ in range(24)]
    assert len(set(serials)) == 24 and serials != sorted(serials)
    assert all(120 <= serial.bit_length() <= 159 for serial in serials), serials
    bits = "".join(f"{serial & (1 << 64) - 1:064b}" for serial in serials)
    assert 0.42 < bits.count("1") / len(bits) < 0.58  # six deviations


def test_ninety_days_are_ninety_days_to_the_second(client):  # row 3
    certificate = issued(client)
    assert certificate.not_valid_after - certificate.not_valid_before + SECOND == 90 * DAY
    life = asked(client, validity="10d").json()
    certificate = keys.load(life["pem"])
    assert certificate.not_valid_after - certificate.not_valid_before + SECOND == 10 * DAY


def template(client, **policy):
    """A template like WebServer's but for these; its name."""
    name = f"Row{random.getrandbits(40):x}"
    body = client.rest("GET", "/templates/WebServer").json()["policy"]
    reply = client.rest("POST", "/templates", json={"name": name, "policy": {**body, **policy}})
    assert reply.status_code == 201, reply.text
    return name


def test_a_life_beyond_template_or_authority_is_refused(client):  # row 4
    for wish in ({"validity": "3650d"}, {"not_after": "2050-01-01T00:00:00Z"}):
        reply = asked(client, **wish)
        assert reply.status_code == 400 and re.search("398|long|most", reply.text), reply.text
    free = template(client, validity_max="36500d", allow_requested_dates=True)
    end = ca_of(client).not_valid_after
    reply = asked(client, template=free, not_after=(end + SECOND).isoformat() + "Z")
    assert reply.status_code == 400 and re.search("authority|CA|issuer", reply.text), reply.text
    reply = asked(client, template=free, not_after=end.isoformat() + "Z")
    assert reply.status_code in (200, 201), reply.text
    assert keys.load(reply.json()["pem"]).not_valid_after == end


def test_a_date_in_the_past_is_refused(client):  # row 5
    now = datetime.datetime.utcnow().replace(microsecond=0)
    for name in ("WebServer", template(client, allow_requested_dates=True)):
        reply = asked(client, template=name, not_before=(now - 3 * DAY).isoformat() + "Z")
        assert reply.status_code == 400 and "not_before" in reply.text, reply.text


def test_the_administrator_is_held_to_the_names_too(client):  # row 6
    only = template(client, permitted=["*.allowed.example.com"])
    for name in ("www.google.com", "allowed.example.com.evil.org"):
        refused(client, keys.new_csr(name, [name]), "allow", Template=only)
    refused(client, keys.new_csr("a.allowed.example.com", ["a.allowed.example.com"]), "1.1.1.1|IP|address",
            Template=only, SANs={"ip": ["1.1.1.1"]})


def test_a_public_template_takes_no_internal_name(client):  # row 7
    public = template(client, internal_names=False)
    for name in ("localhost", "printer", "nas.local", "a.internal", "b.test"):
        refused(client, keys.new_csr("rows.example.org", ["rows.example.org"]), re.escape(name), Template=public,
                SANs={"dns": ["rows.example.org", name]})
    for address in ("10.0.0.7", "127.0.0.1", "192.168.1.1", "169.254.0.1", "fe80::1", "fd00::1"):
        refused(client, keys.new_csr("rows.example.org", ["rows.example.org"]), "address|IP", Template=public,
                SANs={"ip": [address]})


def test_what_a_request_says_beside_its_names_does_not_reach_the_certificate(client):  # row 12
    plain = issued(client)
    url = b"\x86\x13http://evil.example"
    wished = [
        der.extension("2.5.29.35", der.tlv(0x30, der.tlv(0x80, b"k" * 20))), der.extension("2.5.29.14", der.tlv(4, b"s" * 20)),
        der.extension("1.3.6.1.5.5.7.1.1", der.tlv(0x30, der.tlv(0x30, der.oid("1.3.6.1.5.5.7.48.1"), url))),
        der.extension("2.5.29.31", der.tlv(0x30, der.tlv(0x30, der.tlv(0xA0, der.tlv(0xA0, url))))),
        der.extension("2.5.29.32", der.tlv(0x30, der.tlv(0x30, der.oid("2.23.140.1.2.2")))),
        der.extension("2.5.29.30", der.tlv(0x30, der.tlv(0xA0, der.tlv(0x30, der.tlv(0x82, b"com"))))),
        der.extension("1.3.6.1.5.5.7.48.1.5", der.tlv(5)), der.extension("1.2.3.4.5", der.tlv(5)),
        der.extension("1.3.6.1.4.1.11129.2.4.3", der.tlv(5))]
    for extension in wished:
        certificate = issued(client, der.csr(subject=der.name(b"rows.example.com"), extensions=[DNS, extension]))
        assert [one.oid for one in certificate.extensions] == [one.oid for one in plain.extensions]
        for one in certificate.extensions:
            if one.oid != ExtensionOID.SUBJECT_KEY_IDENTIFIER:
                assert one == plain.extensions.get_extension_for_oid(one.oid), one
        assert certificate.extensions.get_extension_for_oid(
            ExtensionOID.SUBJECT_KEY_IDENTIFIER).value.digest != b"s" * 20


def test_usages_are_the_templates_and_fit_the_key(client):  # rows 11, 18
    certificate = issued(client, keys.new_csr("rows.example.com", ["rows.example.com"], extensions=[
        (x509.KeyUsage(True, True, True, True, True, True, True, False, False), True)]))
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical and usage.value.digital_signature
    assert not (usage.value.key_cert_sign or usage.value.crl_sign or usage.value.key_encipherment)
    assert list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]
    rsa = issued(client, keys.new_csr("rows.example.com", ["rows.example.com"], key=keys.new_key("rsa:2048")))
    assert rsa.extensions.get_extension_for_class(x509.KeyUsage).value.key_encipherment


def test_junk_in_a_subject_is_refused(client):  # row 34
    for part in ("ST=Some-State", "L=Default City", "O=Internet Widgits Pty Ltd", "OU=-", "O=N/A", "C=DEU", "C=D1"):
        refused(client, keys.new_csr("rows.example.com", ["rows.example.com"]), part.split("=")[0],
                Subject=f"CN=rows.example.com,{part}")
    for part in ("ST=Some-State", "O=Internet Widgits Pty Ltd", "OU=-"):  # of the request itself, and named
        refused(client, keys.new_csr(subject=x509.Name.from_rfc4514_string(f"{part},CN=rows.example.com"), dns=["rows.example.com"]), rf"CSR\.Subject\.{part.split('=')[0]}: ")


def test_the_issuers_name_and_key_id_are_copied_to_the_byte(client):  # rows 39, 40
    certificate, ca = issued(client), ca_of(client)
    assert certificate.issuer.public_bytes() == ca.subject.public_bytes()
    aki = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    ski = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert aki.key_identifier == ski.digest and aki.authority_cert_issuer is None


def at_once(server, asks):
    """Each in a thread of its own with a client of its own; the replies."""
    clients = [server.client() for _ in asks]
    with concurrent.futures.ThreadPoolExecutor(len(asks)) as pool:
        return list(pool.map(lambda pair: pair[1](pair[0]), zip(clients, asks)))


def test_no_more_certificates_of_a_subject_are_good_than_the_template_allows(server):  # row 42
    client, host = server.client(), f"few{random.getrandbits(40):x}.example.com"
    few = template(client, max_active_per_subject=2, subject=[{"type": "CN"}, {"type": "O"}])

    def ask(spelled=host, template=few, **more):
        csr = keys.new_csr(spelled, [spelled] if spelled else [host])
        return lambda one: one.rest("POST", "/certificates", json={"csr": csr, "template": template, **more})

    replies = at_once(server, [ask(host if place % 2 else host.upper()) for place in range(8)])
    assert sorted(reply.status_code for reply in replies) == [200] * 2 + [400] * 6
    for reply in replies:
        if reply.status_code == 400:
            assert reply.json()["code"] == "CHY-2111" and "max_active_per_subject" in reply.text, reply.text
    assert client.total(f'CN -eq "{host}"') == 2
    first, second = (reply.json()["id"] for reply in replies if reply.status_code == 200)
    assert ask(dry_run=True)(client).status_code == 400, "nothing has to be signed to know it"
    assert ask("other" + host)(client).status_code == 200
    assert ask(template=template(client))(client).status_code == 200, "another template counts for itself"
    client.revoke(first, reason=6)
    assert ask()(client).status_code == 400, "what is on hold may come back"
    client.revoke(first, reason=4)
    replies = at_once(server, [ask() for _ in range(4)])
    assert sorted(reply.status_code for reply in replies) == [200] + [400] * 3
    replies = at_once(server, [ask(renews=second) for _ in range(4)])
    assert sorted(reply.status_code for reply in replies) == [200] + [400] * 3, "what is renewed makes room once"
    # without a subject each of its names stands for it
    csrs = [keys.new_csr(None, names) for names in ([host], [host.upper()], ["a" + host, host], [host, "b" + host], [host])]
    replies = at_once(server, [lambda one, csr=csr: one.rest("POST", "/certificates", json={"csr": csr, "template": few}) for csr in csrs])
    assert sorted(reply.status_code for reply in replies) == [200] * 2 + [400] * 3


def test_a_subject_that_is_written_differently_is_the_same(server):  # row 42
    client, mark = server.client(), f"m{random.getrandbits(40):x}"
    one = template(client, max_active_per_subject=1, san_required=False, cn_to_san=False, eku=["clientAuth"],
                   subject=[{"type": "CN"}, {"type": "O"}])

    def ask(*attributes):
        name = x509.Name([x509.NameAttribute(kind, value) for kind, value in attributes])
        csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(keys.new_key(), hashes.SHA256())
        return client.rest("POST", "/certificates", json={"csr": csr.public_bytes(keys.PEM).decode(), "template": one})
    org, cn = NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME
    assert ask((org, "Foo Bar"), (cn, f"Müller {mark}")).status_code == 200
    for *same, says in (((org, "Foo Bar"), (cn, f"MÜLLER {mark}"), "CHY-2111"),
                        ((org, "Foo  Bar"), (cn, f"Müller {mark}"), "CHY-2111"),
                        ((org, "foo\u00a0bar"), (cn, f"Müller  {mark.upper()}"), "CHY-2111"),
                        ((org, "\uff26oo Bar"), (cn, f"Müller {mark}"), "CHY-2111"),
                        ((org, "Foo Bar"), (cn, f"Mü\u200bller {mark}"), "nobody sees"),
                        ((org, "Foo\u00ad Bar"), (cn, f"Müller {mark}"), "nobody sees")):
        reply = ask(*same)
        assert reply.status_code == 400 and says in reply.text, (same, reply.status_code, reply.text)
    assert ask((cn, f"Müller {mark}"), (org, "Foo Bar")).status_code == 200, "the order of the parts matters"
    assert ask((org, "Foo Bar"), (cn, f"Muller {mark}")).status_code == 200
    # written oddly first, plainly later
    assert ask((org, "Odd  ÉCOLE"), (cn, mark)).status_code == 200
    assert ask((org, "odd école"), (cn, mark)).status_code == 400


def test_approvals_at_once_make_no_more_good_certificates_than_the_template_allows(server):  # row 42
    client, host = server.client(), f"one{random.getrandbits(40):x}.example.com"
    one = template(client, max_active_per_subject=1, requires_approval=True, self_approval=True)
    numbers = []
    for _ in range(4):
        reply = client.rest("POST", "/certificates", json={"csr": keys.new_csr(host, [host]), "template": one})
        assert reply.status_code == 200, reply.text
        numbers.append(reply.json()["request_id"])
    at_once(server, [lambda each, number=number: each.rest("POST", f"/requests/{number}/approve") for number in numbers])
    assert client.total(f'CN -eq "{host}"') == 1
    states = [client.rest("GET", f"/requests/{number}").json()["state"] for number in numbers]
    assert states.count("issued") == 1 and "approved" not in states, states


def test_a_requester_does_not_choose_serial_issuer_or_requester(client):  # row 47
    wishes = {"SerialNumber": "01", "Issuer": "CN=Other", "Requester": "CN=the-boss", "RequesterName": "the-boss", "Approved": True,
              "KeyfactorID": 1, "OwnerRoleId": 1, "serial": "01", "issuer": "CN=Other", "requester": "the-boss"}
    answer = client.enroll(keys.new_csr("rows.example.com", ["rows.example.com"]), **wishes)
    certificate = keys.load(answer["Certificates"][0])
    assert certificate.serial_number != 1 and certificate.issuer == ca_of(client).subject
    shown = client.rest("GET", f"/certificates/{answer['KeyfactorID']}").json()
    assert answer["KeyfactorID"] != 1 and "the-boss" not in str(shown)
    for name in ("serial_number", "issuer", "requester", "approved", "state"):  # our own API says so
        reply = asked(client, **{name: "the-boss"})
        assert reply.status_code == 400 and {one["field"] for one in reply.json()["problems"]} == {name}, reply.text


UPN = der.tlv(0xA0, der.oid("1.3.6.1.4.1.311.20.2.3"), der.tlv(0xA0, der.tlv(0x0C, b"administrator@corp.example.com")))


def test_a_upn_or_sid_of_the_request_is_not_certified(client):  # row 50
    san = der.extension("2.5.29.17", der.tlv(0x30, der.tlv(0x82, b"rows.example.com"), UPN))
    refused(client, der.csr(subject=der.name(b"rows.example.com"), extensions=[san]), "UPN|otherName|principal")
    refused(client, keys.new_csr("rows.example.com", ["rows.example.com"]), "UPN",
            SANs={"dns": ["rows.example.com"], "upn": ["administrator@corp.example.com"]})
    sid = der.extension("1.3.6.1.4.1.311.25.2", der.tlv(0x30, der.tlv(0xA0, der.oid("1.3.6.1.4.1.311.25.2.1"), der.tlv(
        0xA0, der.tlv(4, b"S-1-5-21-1-2-3-500")))))
    certificate = issued(client, der.csr(subject=der.name(b"rows.example.com"), extensions=[DNS, sid]))
    assert "1.3.6.1.4.1.311.25.2" not in [one.oid.dotted_string for one in certificate.extensions]


def test_the_authoritys_own_name_and_key_are_not_certified(client):  # row 51
    ca = ca_of(client)
    refused(client, der.csr(subject=ca.subject.public_bytes(), extensions=[DNS]), "subject|issuer|name|CN")
    spki = ca.public_key().public_bytes(keys.DER, keys.serialization.PublicFormat.SubjectPublicKeyInfo)
    refused(client, der.csr(spki=spki, extensions=[DNS]), "key|sign")


def very_large():
    number = random.Random(7).getrandbits(16384) | 1 << 16383 | 1
    modulus = der.tlv(2, b"\0" + number.to_bytes(2048, "big"))
    rsa = der.tlv(0x30, der.tlv(0x30, der.oid("1.2.840.113549.1.1.1"), der.tlv(5)),
                  der.tlv(3, b"\0" + der.tlv(0x30, modulus, der.tlv(2, b"\1\0\1"))))
    names = [(2, b"n%d.example.com" % at) for at in range(10000)]
    return {"a key of 16384 bits": (der.csr(spki=rsa, extensions=[DNS]), 400, "16384|bits|size"),
            "10,000 names": (der.csr(extensions=[der.san(*names)]), 413, "longer than 65536 octets"),
            "a subject of 16 KiB": (der.csr(subject=der.name(b"x" * 16384), extensions=[DNS]), 413, "name: longer than 16384"),
            "a request of 1 MiB": (der.csr(extensions=[DNS, der.extension("1.2.3.4", b"\4" * (1 << 20))]), 400,
                                   "more than 262144")}


@pytest.mark.parametrize("case", ["a key of 16384 bits", "10,000 names", "a subject of 16 KiB", "a request of 1 MiB"])
def test_the_very_large_is_refused(client, case):  # row 52
    csr, status, pattern = very_large()[case]
    test_bad_input.refused(client.command("POST", "/Enrollment/CSR", json=test_bad_input.body_of(client, csr)), status, pattern)
