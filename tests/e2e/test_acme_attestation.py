"""device-attest-01: certificates for devices that attest their key (draft-ietf-acme-device-attest)."""
import uuid

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.x509.oid import NameOID

import acme
import admin
import attester
import chancery
import keys
import tpm as tpms
from acme import b64, refused
from attester import cbor

KIND, TYPE = "device-attest-01", "permanent-identifier"


@pytest.fixture(scope="session")
def maker():
    return attester.Maker()


@pytest.fixture
def profile(acme_server, maker):
    with admin.profiles(acme_server, "Dev", Template="device", ChallengeTypes=[KIND], AttestationFormats=["step", "apple", "tpm"],
                        AttestationRoots=maker.pem) as make:
        yield make


@pytest.fixture
def device(acme_server, answers, profile):
    return acme.Orderer(acme_server, answers, directory=profile()["Directory"])


def named(value, kind=TYPE):
    return {"type": kind, "value": value}


def begin(client, value, kind=TYPE):
    """(order, authorization, challenge, key authorization) of a new order for a device."""
    order = client.order(named(value, kind))
    authz = client.authz(order)
    one = client.challenge(authz, KIND)
    return order, authz, one, f"{one['token']}.{acme.thumbprint(client.key)}"


def answer(client, one, attestation):
    octets = attestation if isinstance(attestation, bytes) else cbor(attestation)
    return client.good(one["url"], {"attObj": b64(octets)})


def attest(client, value, make, kind=TYPE):
    """An order whose device has attested: MAKE gets token and key authorization; the order then."""
    order, _, one, proof = begin(client, value, kind)
    answer(client, one, make(one["token"], proof))
    return {**client.poll(order["url"], "ready", "invalid"), "url": order["url"]}


def why(client, order):
    """What was wrong with a challenge, which is refused at once and for good."""
    assert order["status"] == "invalid", order
    problem = client.challenge(client.authz(order), KIND)["error"]
    assert problem["type"] == acme.ERROR + "badAttestationStatement" and problem["status"] == 400
    assert order["error"]["type"] == problem["type"]
    return problem["detail"]


def serial():
    return str(uuid.uuid4().int % 10**15)


def certificate(client, order, csr):
    done = client.good(order["finalize"], {"csr": acme.der(csr)}).json()
    assert done["status"] == "valid", done
    return acme.leaf(client.good(done["certificate"]).text)


def others(leaf):
    return [(one.type_id.dotted_string, one.value) for one in
            leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.OtherName)]


def same_key(one, other):
    return one.public_numbers() == other.public_numbers() if hasattr(one, "public_numbers") else raw(one) == raw(other)


def raw(public):
    return public.public_bytes(attester.serialization.Encoding.Raw, attester.serialization.PublicFormat.Raw)


def cn(leaf):
    return [one.value for one in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]


@pytest.mark.parametrize("key", [keys.new_key, lambda: rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate],
                         ids=["ec", "rsa", "ed25519"])
def test_a_device_gets_a_certificate_for_the_key_that_it_attests(acme_server, maker, device, key):
    number, key = serial(), key()
    order, authz, one, proof = begin(device, number)
    assert authz["identifier"] == named(number) and "wildcard" not in authz
    assert [each["type"] for each in authz["challenges"]] == [KIND] and len(acme.unb64(one["token"])) >= 16
    reply = answer(device, one, maker.step(key, proof, number))
    assert reply.json()["status"] in ("processing", "valid") and acme.links(reply, "up") == order["authorizations"]
    order = {**device.poll(order["url"], "ready"), "url": order["url"]}
    leaf = certificate(device, order, keys.new_csr(cn=None, key=key))
    assert others(leaf) == [(attester.PERMANENT, attester.permanent(number).value)] and cn(leaf) == [number]
    assert same_key(leaf.public_key(), key.public_key())
    admin = acme_server.client()
    event, = admin.rest("GET", "/audit", params={"action": "acme.authz.valid", "target_id": order["authorizations"][0].rsplit("/", 1)[-1]}) \
        .json()["items"]
    assert event["target"]["name"] == number
    seen = chancery.good(admin.rest("GET", f"/acme/orders/{order['url'].rsplit('/', 1)[-1]}"))
    assert number in str(seen) and "step" in str(seen)


def test_apple_says_of_which_device_a_key_is(maker, device):
    for value in ("C02XK1234567", "00008103-001122334455"):
        key = keys.new_key()
        order = attest(device, value, lambda token, proof: maker.apple(key, token))
        assert order["status"] == "ready"
        leaf = certificate(device, order, keys.new_csr(cn=value, key=key, extensions=[
            (x509.SubjectAlternativeName([attester.permanent(value)]), False)]))
        assert others(leaf) == [(attester.PERMANENT, attester.permanent(value).value)] and cn(leaf) == [value]


@pytest.fixture(scope="module")
def chip(tmp_path_factory):
    one = tpms.Tpm(tmp_path_factory.mktemp("tpm"))
    yield one
    one.close()


@pytest.mark.parametrize("template, by, raw", [("ecc:ecdsa-sha256", "rsa2048:rsassa-sha256", False), ("rsa2048:rsassa-sha256", "ecc:ecdsa-sha256", False),
                                               ("ecc:ecdsa-sha256", "rsa2048:rsassa-sha256", True)])
def test_a_tpm_certifies_a_key_of_its_own(maker, device, chip, template, by, raw):
    for kind, value, other in ((TYPE, f"tpm-{serial()}", attester.permanent), ("hardware-module", f"{serial()}/2.23.133.1.2", attester.module)):
        name = other(*value.split("/"))
        held = {}

        def make(_, proof):
            held["object"], held["key"], held["sign"] = chip.attest(maker, proof, template, by, [name], raw=raw)
            return held["object"]
        order = attest(device, value, make, kind)
        assert order["status"] == "ready", device.authz(order)
        csr = csr_of(held["key"], held["sign"], template)
        done = device.good(order["finalize"], {"csr": b64(csr)}).json()
        leaf = acme.leaf(device.good(done["certificate"]).text)
        assert others(leaf) == [(name.type_id.dotted_string, name.value)] and same_key(leaf.public_key(), held["key"])


def csr_of(public, sign, template):
    """A request whose key is in a TPM, in DER."""
    spki = public.public_bytes(attester.serialization.Encoding.DER, attester.serialization.PublicFormat.SubjectPublicKeyInfo)
    info = attester.tlv(0x30, attester.integer(0), attester.tlv(0x30), spki, attester.tlv(0xa0))
    rsa_key = template.startswith("rsa")
    algorithm = attester.tlv(0x30, attester.oid("1.2.840.113549.1.1.11" if rsa_key else "1.2.840.10045.4.3.2"), attester.tlv(5) if rsa_key else b"")
    signature = sign(info)
    return attester.tlv(0x30, info, algorithm, attester.tlv(3, b"\0", signature))


WRONG = {
    "another account's key authorization": (lambda m, k, t, p, n: m.step(k, f"{t}.{acme.thumbprint(keys.new_key())}", n), "no signature of the key authorization"),
    "another token": (lambda m, k, t, p, n: m.step(k, p.replace(t, t[::-1]), n), "no signature of the key authorization"),
    "another key signs": (lambda m, k, t, p, n: m.step(k, p, n, signer=keys.new_key()), "no signature of the key authorization"),
    "another device": (lambda m, k, t, p, n: m.step(k, p, "77"), "of another device"),
    "no device": (lambda m, k, t, p, n: m.step(k, p, leaf=m.leaf(k)), "names no device"),
    "another root": (lambda m, k, t, p, n: attester.Maker().step(k, p, n), "x5c: the chain does not verify"),
    "an expired certificate": (lambda m, k, t, p, n: m.step(k, p, n, begin=-30 * attester.HOUR, end=-attester.HOUR), "expired"),
    "a certificate to come": (lambda m, k, t, p, n: m.step(k, p, n, begin=attester.HOUR), "not yet valid"),
    "an authority for a device": (lambda m, k, t, p, n: m.step(m.key, p, n, leaf=m.authority), "x5c[0] is an authority"),
    "a device for an authority": (lambda m, k, t, p, n: below_a_leaf(m, k, p, n), "x5c[1] is no authority"),
    "a weak algorithm": (lambda m, k, t, p, n: with_statement(m.step(k, p, n), alg=-65535), "algorithm -65535"),
    "no algorithm": (lambda m, k, t, p, n: with_statement(m.step(k, p, n), alg=None), "\"alg\""),
    "no certificates": (lambda m, k, t, p, n: with_statement(m.step(k, p, n), x5c=[]), "x5c"),
    "certificates that are text": (lambda m, k, t, p, n: with_statement(m.step(k, p, n), x5c=["a"]), "x5c"),
    "certificates that are none": (lambda m, k, t, p, n: with_statement(m.step(k, p, n), x5c=[b"0"]), "x5c[0]"),
    "an unknown format": (lambda m, k, t, p, n: {**m.step(k, p, n), "fmt": "packed"}, "the format \"packed\""),
    "no format": (lambda m, k, t, p, n: {"attStmt": {}}, "\"fmt\""),
    "no statement": (lambda m, k, t, p, n: {"fmt": "step"}, "\"attStmt\""),
    "truncated CBOR": (lambda m, k, t, p, n: cbor(m.step(k, p, n))[:-1], "ends too early"),
    "CBOR with something behind it": (lambda m, k, t, p, n: cbor(m.step(k, p, n)) + b"\0", "follows the end"),
    "CBOR of unknown length": (lambda m, k, t, p, n: b"\xbf\xff", "unknown length"),
    "a key twice": (lambda m, k, t, p, n: b"\xa2\x63fmt\x64step\x63fmt\x64step", "twice"),
    "nested arrays": (lambda m, k, t, p, n: b"\x81" * 20000, "inside one another"),
    "nested maps": (lambda m, k, t, p, n: b"\xa1\x61a" * 10000, "inside one another"),
    "an array said to be huge": (lambda m, k, t, p, n: b"\x9b" + b"\x7f" * 8, "ends too early"),
    "nothing": (lambda m, k, t, p, n: b"\xf6", "\"fmt\""),
    "an apple's nonce of the key authorization": (lambda m, k, t, p, n: m.apple(k, p, n), "nonce of x5c[0] is not"),
    "an apple without a nonce": (lambda m, k, t, p, n: m.apple(k, t, n, nonce=b""), "has no nonce"),
    "another apple": (lambda m, k, t, p, n: m.apple(k, t), "of another device"),
}


def with_statement(attestation, **changes):
    statement = {name: value for name, value in {**attestation["attStmt"], **changes}.items() if value is not None}
    return {**attestation, "attStmt": statement}


def below_a_leaf(maker, key, proof, number):
    between = keys.new_key()
    leaf = maker.leaf(between)
    below = attester.Maker.certify(key, leaf.subject, between, "x", [(attester.extension(attester.YUBIKEY_SERIAL, attester.integer(int(number))), False)])
    made = maker.step(key, proof, number, leaf=below)
    return with_statement(made, x5c=[attester.der(below), attester.der(leaf), attester.der(maker.authority)])


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_with_an_attestation_is_told(maker, device, what):
    make, words = WRONG[what]
    number = serial()
    order = attest(device, number, lambda token, proof: make(maker, keys.new_key(), token, proof, number))
    assert words in why(device, order)


TPM_WRONG = {
    "another key authorization": ({}, {}, lambda o: o, "extraData", "x"),
    "another key": ({}, {"pubArea": None}, lambda o: o, "another key than pubArea", ""),
    "a signature of something else": ({}, {"sig": b"\0" * 256}, lambda o: o, "no signature of certInfo", ""),
    "version 1.2": ({}, {"ver": "1.2"}, lambda o: o, "\"ver\"", ""),
    "a public area cut short": ({}, {}, lambda o: with_statement(o, pubArea=o["attStmt"]["pubArea"][:-1]), "no TPMT_PUBLIC", ""),
    "an attestation cut short": ({}, {}, lambda o: with_statement(o, certInfo=o["attStmt"]["certInfo"][:-1]), "no TPMS_ATTEST", ""),
    "another kind of attestation": ({}, {}, lambda o: with_statement(o, certInfo=o["attStmt"]["certInfo"].replace(b"\x80\x17", b"\x80\x18", 1)), "no TPMS_ATTEST", ""),
    "a key that may leave": ({"origin": False}, {}, lambda o: o, "may leave it", ""),
    "no certificate of an attestation key": ({"usage": "1.3.6.1.5.5.7.3.2"}, {}, lambda o: o, "not for a TPM's attestation key", ""),
    "a TPM of no model": ({"which": ["2.23.133.2.1"]}, {}, lambda o: o, "manufacturer, model and version", ""),
    "a subject": ({"cn": "x"}, {}, lambda o: o, "empty subject", ""),
    "another TPM": ({"names": [attester.permanent("1")]}, {}, lambda o: o, "of another device", ""),
    "a TPM without a name": ({"names": []}, {}, lambda o: o, "names no device", ""),
}


@pytest.mark.parametrize("what", TPM_WRONG)
def test_what_is_wrong_with_a_tpms_attestation_is_told(maker, device, chip, what):
    more, changes, change, words, suffix = TPM_WRONG[what]
    value = f"tpm-{serial()}"

    def make(_, proof):
        attestation = chip.attest(maker, proof + suffix, **{"names": [attester.permanent(value)], **more})[0]
        new = {name: chip.key("ecc:ecdsa-sha256")[1].publicArea.marshal() if value is None else value for name, value in changes.items()}
        if "pubArea" in new:
            new["pubArea"] = new["pubArea"][:-1] + bytes([new["pubArea"][-1] ^ 1])
        return change(with_statement(attestation, **new))
    assert words in why(device, attest(device, value, make))


def test_a_format_that_the_profile_does_not_list_is_not_taken(acme_server, answers, profile, maker):
    client = acme.Orderer(acme_server, answers, directory=profile(AttestationFormats=["apple"])["Directory"])
    number = serial()
    assert 'the format "step"' in why(client, attest(client, number, lambda token, proof: maker.step(keys.new_key(), proof, number)))


def test_only_the_attested_key_is_certified(maker, device):
    number, key = serial(), keys.new_key()
    order = attest(device, number, lambda token, proof: maker.step(key, proof, number))
    said = device.bad(order["finalize"], {"csr": acme.der(keys.new_csr(cn=number))}, 400, "badCSR")
    assert "another key" in said["detail"]
    assert device.good(order["url"]).json()["status"] == "ready"
    certificate(device, order, keys.new_csr(cn=number, key=key))


def test_names_of_other_devices_are_not_in_the_request(maker, device):
    number, key = serial(), keys.new_key()
    order = attest(device, number, lambda token, proof: maker.step(key, proof, number))
    for san in ([attester.permanent("1")], [attester.permanent(number, "1.2.3")], [attester.module(number, "1.2.3")],
                [x509.DNSName("a.test")]):
        csr = keys.new_csr(cn=None, key=key, extensions=[(x509.SubjectAlternativeName(san), False)])
        device.bad(order["finalize"], {"csr": acme.der(csr)}, 400, "badCSR")
    device.bad(order["finalize"], {"csr": acme.der(keys.new_csr(cn="1", key=key))}, 400, "badCSR")


def test_a_device_and_a_name_share_a_certificate(acme_server, answers, profile, maker):
    client = acme.Orderer(acme_server, answers, directory=profile(ChallengeTypes=[KIND, "http-01"])["Directory"])
    number, key, host = serial(), keys.new_key(), acme.name("device")
    order = client.order(named(number), host)
    one = client.challenge(client.authz(order), KIND)
    answer(client, one, maker.step(key, f"{one['token']}.{acme.thumbprint(client.key)}", number, wrapped=False))
    other = client.authz(order, 1)
    assert [each["type"] for each in other["challenges"]] == ["http-01"]
    client.good(client.place(other)["url"], {})
    order = {**client.poll(order["url"], "ready"), "url": order["url"]}
    leaf = certificate(client, order, keys.new_csr(cn=None, dns=[host], key=key))
    assert others(leaf) == [(attester.PERMANENT, attester.permanent(number).value)] and host in str(keys.names(leaf))


def test_a_proof_of_a_device_counts_for_its_order_alone(maker, device):
    number, key = serial(), keys.new_key()
    first = attest(device, number, lambda token, proof: maker.step(key, proof, number))
    certificate(device, first, keys.new_csr(cn=number, key=key))
    again = device.order(named(number))
    assert again["status"] == "pending" and again["authorizations"] != first["authorizations"]


def test_after_a_key_was_attested_another_attempt_with_another_key_is_another_order(maker, device):
    number, lost, key = serial(), keys.new_key(), keys.new_key()
    first = attest(device, number, lambda token, proof: maker.step(lost, proof, number))
    assert first["status"] == "ready"
    again = attest(device, number, lambda token, proof: maker.step(key, proof, number))
    assert again["url"] != first["url"] and same_key(certificate(device, again, keys.new_csr(cn=number, key=key)).public_key(),
                                                     key.public_key())


@pytest.mark.parametrize("host", ["www.victim.test", "10.0.0.1", "localhost", "2001:db8::1"])
def test_a_device_that_is_called_as_a_host_proves_no_host(acme_server, answers, profile, maker, host):
    template = admin.template(acme_server, policy={"san_device": "optional", "cn_to_san": True, "eku": ["clientAuth", "serverAuth"]})
    client = acme.Orderer(acme_server, answers, directory=profile(
        Template=template, AllowedDomains=["device:*"], DeniedDomains=["www.victim.test", "10.0.0.0/8"])["Directory"])
    key = keys.new_key()
    order = attest(client, host, lambda token, proof: maker.step(key, proof, device=host))
    said = client.bad(order["finalize"], {"csr": acme.der(keys.new_csr(cn=host, key=key))}, 400, "badCSR")
    assert host in said["detail"]
    leaf = certificate(client, order, keys.new_csr(cn=None, key=key))
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert others(leaf) == [(attester.PERMANENT, attester.permanent(host).value)] and len(list(names)) == 1
    assert not leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)


@pytest.mark.parametrize("value, reason", [("x" * 65, "64 octets"), ("ä" * 40, "64 octets"), (" lead", "blank"), ("trail ", "blank"), (" ", "empty"),
                                           ("a\u0308", "normalization"), ("www.victim.test", "host"), ("10.0.0.1", "address")])
def test_a_device_without_the_common_name_that_its_template_requires_is_refused_at_once(acme_server, answers, device, profile, maker, value, reason):
    said = device.bad("newOrder", {"identifiers": [named(value)]}, 403, "rejectedIdentifier")
    assert reason in said["detail"] and "common name" in said["detail"] and "template device" in said["detail"]
    module = device.bad("newOrder", {"identifiers": [named(f"{value}/1.2.3", "hardware-module")]}, 403, "rejectedIdentifier")
    assert reason in module["detail"]
    # with a default, or where none is required, there is a certificate
    for subject in ({"subject": [{"type": "CN", "mode": "optional"}]}, {"defaults": [{"part": "CN", "value": "A device"}]}):
        template = admin.template(acme_server, base="device", policy=subject)
        client, key = acme.Orderer(acme_server, answers, directory=profile(Template=template)["Directory"]), keys.new_key()
        order = attest(client, value, lambda token, proof: maker.step(key, proof, device=value))
        leaf = certificate(client, order, keys.new_csr(cn=None, key=key))
        assert others(leaf) == [(attester.PERMANENT, attester.permanent(value).value)]


@pytest.mark.parametrize("by", ["step", "apple"])
def test_a_serial_number_with_a_slash_names_nobody(maker, device, by):
    number, key = serial(), keys.new_key()
    order = attest(device, f"{number}/1.2.3.4", lambda token, proof: (
        maker.step(key, proof, device=f"{number}/1.2.3.4") if by == "step" else maker.apple(key, token, serial=f"{number}/1.2.3.4")))
    why(device, order)


def test_a_maker_that_is_trusted_no_more_certifies_nothing(acme_server, answers, profile, maker):
    template, other = admin.template(acme_server, base="device", policy={"requires_approval": True}), attester.Maker()
    client, made = acme_server.client(), {}
    for name in ("device", template):
        made[name] = profile(Template=name, AttestationFormats=["step", "tpm"])

    def trust(formats, *roots):
        for one in made.values():
            body = {name: one[name] for name in ("Name", "Template", "ChallengeTypes")}
            chancery.good(client.command("PUT", f"/ACME/Profiles/{one['Name']}", json={**body, "AttestationFormats": formats, "AttestationRoots": "".join(roots)}))

    at_once, waits = (acme.Orderer(acme_server, answers, directory=one["Directory"]) for one in made.values())
    number, key, later = serial(), keys.new_key(), keys.new_key()
    order = attest(at_once, number, lambda token, proof: maker.step(key, proof, number))
    waiting = attest(waits, number, lambda token, proof: maker.step(later, proof, number))
    asked = waits.good(waiting["finalize"], {"csr": acme.der(keys.new_csr(cn=None, key=later))}).json()
    assert asked["status"] == "processing", asked
    request, = [row for row in chancery.good(client.rest("GET", "/requests", params={"limit": 1000}))["items"] if number in str(row)]
    for formats, roots in ((["tpm"], [maker.pem]), (["step", "tpm"], [other.pem])):
        trust(formats, *roots)
        said = at_once.bad(order["finalize"], {"csr": acme.der(keys.new_csr(cn=None, key=key))}, 403, "unauthorized")
        assert "the word of a maker" in said["detail"]
        reply = client.rest("POST", f"/requests/{request['id']}/approve", json={})
        assert reply.status_code == 400 and "the word of a maker" in reply.text, reply.text
    trust(["apple", "step"], other.pem, maker.pem)
    certificate(at_once, order, keys.new_csr(cn=None, key=key))
    chancery.good(client.rest("POST", f"/requests/{request['id']}/approve", json={}))
    waits.poll(waiting["url"], "valid")


def test_a_client_that_cannot_attest_says_so(device):
    order, _, one, _ = begin(device, serial())
    device.good(one["url"], {"error": "no TPM\nhere"})
    order = {**device.poll(order["url"], "invalid"), "url": order["url"]}
    assert "cannot attest: no TPM?here" in why(device, order)


@pytest.mark.parametrize("payload", [{}, {"attObj": ""}, {"attObj": "AA=="}, {"attObj": "*"}, {"attObj": 5}])
def test_a_response_without_an_object_changes_nothing(device, payload):
    _, _, one, _ = begin(device, serial())
    device.bad(one["url"], payload, 400, "malformed")
    assert device.good(one["url"]).json()["status"] == "pending"


@pytest.mark.parametrize("identifier, kind", [
    (named(""), "malformed"), (named("a/b"), "malformed"), (named("/1.2.3"), "malformed"), (named("a/1.2/1.3"), "malformed"),
    (named("a\x01"), "malformed"), (named("a" * 300), "malformed"), (named("abc", "hardware-module"), "malformed"),
    (named("abc", "serial-number"), "unsupportedIdentifier")])
def test_identifiers_of_devices_have_one_form(device, identifier, kind):
    device.bad("newOrder", {"identifiers": [identifier]}, 400, kind)


def test_devices_are_unknown_where_nobody_says_whose_word_counts(acme_server, answers):
    client = acme.Orderer(acme_server, answers)
    client.bad("newOrder", {"identifiers": [named("abc")]}, 400, "unsupportedIdentifier")


def test_a_device_is_proved_with_its_order(acme_server, answers, profile):
    client = acme.Orderer(acme_server, answers, directory=profile(PreAuthorization=True)["Directory"])
    client.bad("newAuthz", {"identifier": named("abc")}, 400, "malformed")


def test_rules_say_which_devices_there_may_be(acme_server, answers, profile, maker):
    made = profile(AllowedDomains=["device:12*", "device:777", "*.a.test"], DeniedDomains=["device:123*"])
    client = acme.Orderer(acme_server, answers, directory=made["Directory"])
    for value, status in (("124", 201), ("777", 201), ("1234", 403), ("7777", 403), ("x.a.test", 403)):
        reply = client.post("newOrder", {"identifiers": [named(value)]})
        assert reply.status_code == status, reply.text
    closed = acme.Orderer(acme_server, answers, directory=profile(AllowedDomains=["*.a.test"])["Directory"])
    refused(closed.post("newOrder", {"identifiers": [named("124")]}), 403, "rejectedIdentifier")


def test_a_profile_that_believes_attestations_says_whose(profile, maker):
    for body, field in (({"AttestationFormats": None}, "AttestationFormats"), ({"AttestationRoots": None}, "AttestationRoots"),
                        ({"AttestationFormats": ["step", "packed"]}, "AttestationFormats[1]"), ({"AttestationRoots": "x"}, "AttestationRoots"),
                        ({"Template": "WebServer"}, "Template")):
        said = profile(400, **body)
        assert field in said["Message"], said
    made = profile()
    assert made["AttestationFormats"] == ["step", "apple", "tpm"] and made["AttestationRoots"] == maker.pem
