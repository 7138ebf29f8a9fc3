"""Bad input: each is answered with an error that names the field and the reason, and changes nothing."""
import json
import random
import re

import pytest
import requests

import admin
import der
import keys

PATHS = {"/Enrollment/CSR": 400, "/Certificates/Enroll": 422}


@pytest.fixture(autouse=True)
def nothing_changes(client):
    """No test of this file may add or change a certificate, but those that say so themselves."""
    before = (client.total(), client.total("CertState -eq 2"))
    client.made = client.revoked = 0
    yield
    after = (client.total(), client.total("CertState -eq 2"))
    assert after == (before[0] + client.made, before[1] + client.revoked)


def body_of(client, csr, **more):
    return {"CSR": csr, "Template": client.server_template(), "CertificateAuthority": client.server_ca(), **more}


def refused(reply, status, *patterns):
    assert reply.status_code == status, f"{reply.status_code} {reply.text}"
    message = reply.json()["Message"]
    for pattern in patterns:
        assert re.search(pattern, message, re.I), f"{pattern!r} is not in {message!r}"
    for leak in (".c:", "/src/", "errno", "SELECT ", "PRIVATE KEY"):
        assert leak not in message, message


# the body

@pytest.mark.parametrize("text, patterns", [
    (b"", ["body|CSR"]), (b"{", ["line 1"]), (b'{"CSR": }', ["line 1", "column"]), (b'{\n"CSR": "x",\n}', ["line 3"]),
    (b"[]", ["JSON document.*object"]), (b'"text"', ["JSON document.*object"]), (b"null", ["object|CSR|missing|required"]),
    (b'{"CSR": "a"} trailing', ["line 1"]), (b"\xff\xfe{}", ["line 1|UTF-8"]), (b'{"CSR": "\xc3\x28"}', ["UTF-8|line"]),
    (b'{"CSR": "a\\u0000b", "Template": "x"}', ["CSR|NUL|line"]), (b'{"CSR": "\\ud800"}', ["line|UTF|surrogate"]),
    (b"{'CSR': 1}", ["line 1"]), (b"[" * 50000, ["line|deep|depth"]), (b'{"a":' * 20000 + b"1" + b"}" * 20000,
                                                                           ["line|deep|depth"]),
    (b'{"CSR": 01}', ["line 1"]), (b'{"CSR": NaN}', ["line 1"]), (b"<xml/>", ["line 1"]),
])
@pytest.mark.parametrize("path", ["/Enrollment/CSR", "/Certificates/Enroll", "/Certificates/Revoke"])
def test_malformed_json_names_line_and_column(client, path, text, patterns):
    reply = client.command("POST", path, data=text, headers={"Content-Type": "application/json"})
    if path == "/Certificates/Revoke":
        patterns = [pattern.replace("CSR", "CertificateIds") for pattern in patterns]
    refused(reply, 400, *patterns)


def test_what_is_named_is_what_was_sent(client):
    body = {**body_of(client, keys.new_csr(dns=("named.example.com",))), "CertificateFormat": "XYZ"}
    refused(client.command("POST", "/Certificates/Enroll", json=body), 400, "^CertificateFormat: ")
    refused(client.command("POST", "/Enrollment/CSR", json=body, headers={"x-certificateformat": "XYZ"}), 400, "^x-certificateformat: ")
    huge = "9" * 23
    refused(client.command("GET", f"/Certificates/{huge}"), 400, f"{huge}.*too large")
    refused(client.command("GET", "/Certificates", params={"pq.pageReturned": huge}), 400, "(?i)pageReturned: .*too large")
    for path, name in (("/Certificates", "pq.sortField"), ("/Certificates", "SortField"), ("/Templates", "sq.SortField"),
                       ("/Audit", "pagedQuery.sortField"), ("/Certificates/CSV", "SortName")):
        refused(client.command("GET", path, params={name: "nonsense"}), 400, f'^{name}: unknown field "nonsense"')
    refused(client.command("GET", "/Certificates", params={"pq.sortField": "OU"}), 400, '^pq.sortField: .*no order by "OU"')


@pytest.mark.parametrize("change, field", [
    ({"CSR": 5}, "CSR"), ({"CSR": ["x"]}, "CSR"), ({"CSR": {"a": 1}}, "CSR"), ({"CSR": None}, "CSR"), ({"CSR": ""}, "CSR"),
    ({"Template": 7.5}, "Template"), ({"Template": {}}, "Template"), ({"CertificateAuthority": []}, "CertificateAuthority"),
    ({"IncludeChain": "perhaps"}, "IncludeChain"), ({"IncludeChain": {}}, "IncludeChain"),
    ({"SANs": 5}, "SANs"), ({"SANs": {"dns": "a.example.com", "dns2": 1}}, "SANs"), ({"SANs": {"dns": [5]}}, "SANs"),
    ({"SANs": ["FOO:bar"]}, "SANs"), ({"SANs": {"nosuchtype": ["x"]}}, "SANs"), ({"SANs": [1]}, "SANs"),
    ({"Timestamp": "yesterday"}, "Timestamp"), ({"Timestamp": 5}, "Timestamp"),
])
def test_wrong_types_name_the_field(client, change, field):
    reply = client.command("POST", "/Enrollment/CSR", json=body_of(client, keys.new_csr(), **change))
    refused(reply, 400, field)


@pytest.mark.parametrize("body, field", [
    ({}, "CertificateIds"), ({"CertificateIds": "x"}, "CertificateIds"), ({"CertificateIds": [None]}, "CertificateIds"),
    ({"CertificateIds": ["abc"]}, r"CertificateIds\[0\]"), ({"CertificateIds": [1.5]}, r"CertificateIds\[0\]"),
    ({"CertificateIds": [2 ** 70]}, "line 1"), ({"CertificateIds": list(range(1, 1002))}, "CertificateIds"),
    ({"CertificateIds": [1], "Reason": "because"}, "Reason"), ({"CertificateIds": [1], "Reason": 7.5}, "Reason"),
    ({"CertificateIds": [1], "Reason": 55}, "Reason"), ({"CertificateIds": [1], "Comment": "x" * 100000}, "Comment"),
    ({"CertificateIds": [1], "EffectiveDate": "2025-02-30T00:00:00Z"}, "EffectiveDate"),
    ({"CertificateIds": [1], "Comment": {"a": 1}}, "Comment"),
])
def test_a_bad_revocation_names_the_field(client, body, field):
    refused(client.command("POST", "/Certificates/Revoke", json=body), 400, field)


def test_every_problem_is_named_at_once(client):
    reply = client.command("POST", "/Enrollment/CSR", json=body_of(
        client, keys.new_csr(), IncludeChain="perhaps", Timestamp="yesterday", Template=[1]))
    refused(reply, 400, "IncludeChain", "Timestamp", "Template")


def test_an_oversized_body_is_413(server, client):
    assert client.command("POST", "/Enrollment/CSR", data=b" " * (8 * 1024 * 1024 + 1),
                          headers={"Content-Type": "application/json"}).status_code == 413
    # told beforehand: refused before a byte of it is read
    import socket
    import ssl
    context = ssl.create_default_context(cafile=server.ca)
    port = int(server.url.rstrip("/").rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), 10) as plain:
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as tls:
            tls.sendall(b"POST /KeyfactorAPI/Auth/Login HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n")
            assert tls.recv(100).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("media", ["text/plain", "application/xml", "multipart/form-data; boundary=x"])
def test_a_body_of_another_type_is_415(client, media):
    reply = client.command("POST", "/Enrollment/CSR", data=json.dumps(body_of(client, keys.new_csr())),
                           headers={"Content-Type": media})
    assert reply.status_code == 415, reply.text


@pytest.mark.parametrize("change, pattern", [
    ({"Template": "NoSuchTemplate"}, "NoSuchTemplate"), ({"Template": ""}, "Template"), ({"Template": None}, "Template"),
    ({"CertificateAuthority": "No\\Such"}, "Such"), ({"EnrollmentPatternId": 999999}, "EnrollmentPatternId"),
    ({"RenewalCertificateId": 999999999}, "RenewalCertificateId"), ({"Metadata": {"NoSuchField": "x"}}, "NoSuchField"),
])
def test_what_does_not_exist_is_named(client, change, pattern):
    reply = client.command("POST", "/Enrollment/CSR", json=body_of(client, keys.new_csr(), **change))
    refused(reply, 400, pattern)


# the request for a certificate

def flip_signature(text):
    raw = bytearray(der.unpem(text))
    raw[-3] ^= 0x55
    return der.pem(bytes(raw))


def other_key_csr():
    """Signed by a key that is not the one inside."""
    spki = keys.new_key().public_key().public_bytes(keys.DER, keys.serialization.PublicFormat.SubjectPublicKeyInfo)
    return der.csr(spki=spki)


DNS = der.san((2, b"hand.example.com"))
BAD_REQUESTS = {
    "empty PEM": (lambda: "-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n", "CSR"),
    "not base64": (lambda: "-----BEGIN CERTIFICATE REQUEST-----\n!!!!\n-----END CERTIFICATE REQUEST-----\n", "CSR"),
    "a certificate": (lambda: keys.self_signed()[0].public_bytes(keys.PEM).decode(), "CSR"),
    "cut short": (lambda: der.pem(der.unpem(der.csr())[:-5]), "CSR"),
    "bytes after the end": (lambda: der.pem(der.unpem(der.csr()) + b"\0\0"), "CSR"),
    "signature flipped": (lambda: flip_signature(der.csr()), "^CSR: .*sign"),
    "signed by another key": (other_key_csr, "^CSR: .*sign"),
    "version 7": (lambda: der.csr(version=7), "version"),
    "SHA-1 signature": (lambda: keys.new_csr(key=keys.new_key("rsa:2048"), digest=keys.hashes.SHA1()), "^CSR: .*SHA-?1"),
    "the same attribute twice": (lambda: der.csr(attributes=[der.request_attribute(DNS), der.request_attribute(DNS)]),
                                 "twice|duplicate|attribute"),
    "the same extension twice": (lambda: der.csr(extensions=[DNS, DNS]), "twice|duplicate|extension"),
    "CA:TRUE": (lambda: keys.new_csr(dns=["a.example.com"], extensions=[
        (keys.x509.BasicConstraints(True, None), True)]), "basicConstraints|CA"),
    "unknown critical extension": (lambda: der.csr(extensions=[DNS, der.extension("1.2.3.4.5", b"\5\0", True)]),
                                   "1.2.3.4.5|critical"),
    "anyExtendedKeyUsage": (lambda: keys.new_csr(dns=["a.example.com"], extensions=[
        (keys.x509.ExtendedKeyUsage([keys.x509.ObjectIdentifier("2.5.29.37.0")]), False)]), "usage|2.5.29.37"),
    "OCSP signing": (lambda: keys.new_csr(dns=["a.example.com"], extensions=[
        (keys.x509.ExtendedKeyUsage([keys.x509.oid.ExtendedKeyUsageOID.OCSP_SIGNING]), False)]), "usage|OCSP"),
    "NUL in the common name": (lambda: der.csr(subject=der.name(b"good.example.com\0.evil.com"), extensions=[DNS]),
                               "NUL|character|name"),
    "NUL in a DNS name": (lambda: der.csr(extensions=[der.san((2, b"good.example.com\0.evil.com"))]), "NUL|character|DNS|subjectAltName"),
    "bad UTF-8": (lambda: der.csr(subject=der.name(b"\xff\xfe"), extensions=[DNS]), "UTF|character|name"),
    "a U-label": (lambda: der.csr(extensions=[der.san((2, "b\u00fccher.example.com".encode()))]), "DNS|character|name"),
    "a DNS name with a blank": (lambda: der.csr(extensions=[der.san((2, b"a b.example.com"))]), "DNS|character|name"),
    "an address of 5 bytes": (lambda: der.csr(extensions=[der.san((7, b"\x0a\0\0\1\1"))]), "IP|address|subjectAltName"),
    "no name at all": (lambda: der.csr(subject=der.tlv(0x30)), "name|subject"),
    "101 names": (lambda: keys.new_csr("a.example.com", [f"n{number}.example.com" for number in range(101)]),
                  "101|100|too many|names"),
    "common name of 65": (lambda: der.csr(subject=der.name(b"a" * 53 + b".example.com"), extensions=[DNS]),
                          "64|long|common"),
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("case", BAD_REQUESTS)
def test_a_bad_request_is_refused(client, path, case):
    make, pattern = BAD_REQUESTS[case]
    refused(client.command("POST", path, json=body_of(client, make())), PATHS[path], pattern)


def exponent_three():
    while True:
        try:
            return keys.rsa.generate_private_key(3, 2048)
        except ValueError:
            continue


WEAK_KEYS = {
    "RSA of 1024 bits": (lambda: keys.new_key("rsa:1024"), "1024|size|small|weak|2048"),
    "RSA of 2047 bits": (lambda: rsa_2047(), "2047|8|size"),
    "RSA with exponent 3": (exponent_three, "exponent"),
    "RSA with close primes": (lambda: der.close_primes_key(random.Random(1)), "prime|Fermat|factor|weak"),
    "RSA of CVE-2017-15361": (lambda: der.roca_key(random.Random(2)), "ROCA|15361|weak"),
    "P-224": (lambda: keys.new_key("ec:p224"), "curve|P-224|key"), "secp256k1": (lambda: keys.new_key("ec:k256"),
                                                                             "curve|secp256k1|key"),
}


def rsa_2047():
    p = der.next_prime(random.Random(3).getrandbits(1023) | 3 << 1021)
    q = der.next_prime(random.Random(4).getrandbits(1024) | 3 << 1022)
    while (p * q).bit_length() != 2047:
        q = der.next_prime(q * 2 // 3)
    return der.rsa_of(p, q)


@pytest.mark.parametrize("case", WEAK_KEYS)
def test_a_weak_key_is_refused(client, case):
    make, pattern = WEAK_KEYS[case]
    csr = der.csr(make(), extensions=[DNS]) if "P-" not in case and "secp" not in case else keys.new_csr(
        dns=["weak.example.com"], key=make())
    refused(client.command("POST", "/Enrollment/CSR", json=body_of(client, csr)), 400, pattern)


def test_a_point_off_its_curve_and_a_compressed_one_are_refused(client):
    key = keys.new_key()
    raw = key.public_key().public_bytes(keys.serialization.Encoding.X962,
                                        keys.serialization.PublicFormat.UncompressedPoint)
    head = der.tlv(0x30, der.oid("1.2.840.10045.2.1"), der.oid("1.2.840.10045.3.1.7"))
    off = raw[:-1] + bytes([raw[-1] ^ 1])
    compressed = key.public_key().public_bytes(keys.serialization.Encoding.X962,
                                               keys.serialization.PublicFormat.CompressedPoint)
    for point in (off, compressed, b"\0", raw + b"\0"):
        csr = der.csr(key, spki=der.tlv(0x30, head, der.tlv(3, b"\0" + point)), extensions=[DNS])
        refused(client.command("POST", "/Enrollment/CSR", json=body_of(client, csr)), 400, "key|point|curve")


def test_a_compromised_key_is_not_certified_again(client):
    key = keys.new_key()
    answer = client.enroll(keys.new_csr("lost.example.com", ["lost.example.com"], key))
    client.revoke(answer["KeyfactorID"], reason=1)
    client.made, client.revoked = 1, 1
    for name in ("lost.example.com", "other.example.com"):
        reply = client.command("POST", "/Enrollment/CSR", json=body_of(client, keys.new_csr(name, [name], key)))
        refused(reply, 400, "compromise")


BAD_NAMES = ["", ".", "a..example.com", "-a.example.com", "a-.example.com", "a_b.example.com", "example.com.",
             ".example.com", "http://example.com", "example.com:443", "example.com/x", "1.2.3.4", "a b.example.com",
             "a" * 64 + ".example.com", ".".join(["abcdefgh"] * 30) + ".example.com", "*", "*.", "*.*.example.com",
             "f*o.example.com", "www.*.example.com", "*example.com", "**.example.com", "*.com", "xn--\u00fc.example.com",
             "b\u00fccher.example.com", "xn--a.example.com", "xn--.example.com", "ab--cd.example.com", "a.123",
             "\u202eexample.com", "exa\u0000mple.com", "a,b.example.com", "localhost\n", "user@example.com",
             "xn--bcher-kva\u0301.example.com", "\u0430pple.example.com"]


@pytest.mark.parametrize("name", BAD_NAMES, ids=[ascii(name)[:40] for name in BAD_NAMES])
def test_a_malformed_dns_name_is_refused(client, name):
    csr = keys.new_csr("ok.example.com", ["ok.example.com"])
    for path, status in PATHS.items():
        reply = client.command("POST", path, json=body_of(client, csr, SANs={"dns": ["ok.example.com", name]}))
        refused(reply, 400 if "\0" in name else status, "SANs|dns|DNS|name|u0000")


@pytest.mark.parametrize("sans", [{"ip": ["10.0.0"]}, {"ip": ["10.0.0.256"]}, {"ip6": ["fe80::1%eth0"]}, {"ip4": ["::1"]},
                                  {"uri": ["not absolute"]}, {"email": ["no-at-sign"]}, {"rfc822": ["a@b@c"]},
                                  {"upn": [""]}, {"registeredid": ["1.2.x"]}])
def test_other_malformed_names_are_refused(client, sans):
    csr = keys.new_csr("ok.example.com", ["ok.example.com"])
    refused(client.command("POST", "/Enrollment/CSR", json=body_of(client, csr, SANs=sans)), 400, next(iter(sans)))


@pytest.mark.parametrize("name", ["*.example.com", "xn--bcher-kva.example.com", "localhost", "a.b.c.d.e.example.com",
                                  "a" * 63 + ".example.com", "3com.example", "UPPER.example.com"])
def test_well_formed_names_are_not(client, name):
    answer = client.enroll(keys.new_csr("ok.example.com", ["ok.example.com"]), SANs={"dns": [name]})
    client.made = 1
    assert keys.names(keys.load(answer["Certificates"][0])) == [name.lower()]


def test_names_outside_the_templates_policy_are_refused(server, client):
    template = admin.template(server, names=["*.allowed.example.com"])
    for wrong in ("allowed.example.com", "x.example.com", "a.allowed.example.com.evil.com", "x-allowed.example.com",
                  "localhost", "*.example.com"):
        reply = client.command("POST", "/Enrollment/CSR",
                               json={**body_of(client, keys.new_csr(wrong[-60:], [wrong])), "Template": template})
        refused(reply, 400, re.escape(wrong), "allow")
    answer = client.enroll(keys.new_csr("a.allowed.example.com", ["a.allowed.example.com"]), Template=template)
    client.made = 1
    assert answer["RequestDisposition"] == "ISSUED"


def test_a_key_type_outside_the_templates_policy_is_refused(server, client):
    template = admin.template(server, keys=["ec:p256"])
    reply = client.command("POST", "/Enrollment/CSR", json={**body_of(client, keys.new_csr(
        dns=["a.example.com"], key=keys.new_key("rsa:2048"))), "Template": template})
    refused(reply, 400, "key|RSA")


def test_our_own_api_names_the_field_in_a_problem(server, client):
    reply = client.rest("POST", "/users", json={"name": "", "password": 5})
    assert reply.status_code in (400, 422)
    assert {one["field"] for one in reply.json()["problems"]} == {"name", "password"}, reply.text
    reply = client.rest("POST", "/users", data=b"{", headers={"Content-Type": "application/json"})
    assert reply.status_code == 400 and "line 1" in reply.text
    assert requests.get(server.url.rstrip("/") + "/api/v1/users", verify=str(server.ca), timeout=10).status_code == 401
