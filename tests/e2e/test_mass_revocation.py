"""A mass revoked by one query: the list, OCSP, the others who ask meanwhile, and memory. MASS=20000 makes it more than a thousand."""
import base64
import datetime
import os
import pathlib
import re
import threading
import time
import urllib.request

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID

import keys
import processes
import programs
from chancery import good
from test_authorities import elsewhere, pem

MASS = int(os.environ.get("MASS", "1000"))
AT_ONCE = 250  # of an import


def signed_by(issuer, signer, count, zone):
    """So many certificates that the authority signed before it came here."""
    public = keys.new_key().public_key()
    start = datetime.datetime.utcnow() - datetime.timedelta(days=1)
    for number in range(count):
        name = f"n{number}.{zone}"
        yield (x509.CertificateBuilder().issuer_name(issuer.subject).public_key(public)
               .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
               .serial_number(x509.random_serial_number()).not_valid_before(start)
               .not_valid_after(start + datetime.timedelta(days=90)).sign(signer, hashes.SHA256()))


def memory(server):
    """What the process has for itself now, in MiB: without the files that it looks into."""
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+)", status)[1]) / 1024


def asked(url, one, issuer):
    """What OCSP says of a certificate."""
    data = ocsp.OCSPRequestBuilder().add_certificate(one, issuer, hashes.SHA256()).build().public_bytes(Encoding.DER)
    request = urllib.request.Request(url, data, {"Content-Type": "application/ocsp-request"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as reply:
        return ocsp.load_der_ocsp_response(reply.read()).certificate_status


class Others:
    """Somebody who enrolls and asks about certificates all the while."""

    def __init__(self, server, url, one, issuer):
        self.client, self.url, self.of = server.client(), url, (one, issuer)
        self.served, self.slowest, self.end = 0, 0.0, threading.Event()
        self.thread = threading.Thread(target=self.work)
        self.failure = None

    def work(self):
        try:
            while not self.end.is_set():
                began = time.monotonic()
                self.client.enroll(dns=("meanwhile.example.com",))
                assert asked(self.url, *self.of) == ocsp.OCSPCertStatus.GOOD
                self.slowest = max(self.slowest, time.monotonic() - began)
                self.served += 1
        except Exception as error:  # told by the test
            self.failure = error

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.end.set()
        self.thread.join()


def test_a_mass_is_revoked_by_one_query_while_others_are_served(new_server):
    server = new_server().start()
    client = server.client()
    issuer, key = elsewhere("Mass CA")
    reply = client.rest("POST", "/authorities/import", json={"bundle": pem(issuer) + keys.key_pem(key), "crl_number": 1})
    assert reply.status_code == 201, reply.text
    authority = reply.json()
    made = list(signed_by(issuer, key, MASS + 1, "mass.example.com"))
    texts = [base64.b64encode(one.public_bytes(Encoding.DER)).decode() for one in made]
    for at in range(0, len(texts), AT_ONCE):
        said = good(client.rest("POST", "/certificates/import", json={"certificates": texts[at:at + AT_ONCE]}))
        assert said["failed"] == 0
    gone, stays = made[:-1], made[-1]
    query = f'CN -endswith ".mass.example.com" AND CN -ne "n{MASS}.mass.example.com"'
    assert client.total(query) == MASS
    url = authority["ocsp_url"]
    before, began = memory(server), time.monotonic()
    with Others(server, url, stays, issuer) as others:
        reply = client.command("POST", "/Certificates/RevokeAll", json={"Query": query, "Reason": 4, "Comment": "all of them"},
                               timeout=max(900, MASS / 10))
        took = time.monotonic() - began
        assert reply.status_code == 200, reply.text[:800]
        assert len(set(reply.json()["RevokedIds"])) == MASS
        assert asked(url, gone[0], issuer) == asked(url, gone[-1], issuer) == ocsp.OCSPCertStatus.REVOKED, "at once"

        def listed():
            read = x509.load_der_x509_crl(programs.fetch(authority["crl_url"]).content)
            return read if len(read) == MASS else None
        crl = processes.wait_until(listed, max(60, MASS / 100), 0.2, "a list of all of them")
        known = time.monotonic() - began
    assert {one.serial_number for one in crl} == {one.serial_number for one in gone} and crl.is_signature_valid(issuer.public_key())
    assert all(one.extensions.get_extension_for_class(x509.CRLReason).value.reason == x509.ReasonFlags.superseded for one in crl)
    for one in gone[::max(1, MASS // 50)]:
        assert asked(url, one, issuer) == ocsp.OCSPCertStatus.REVOKED
    assert asked(url, stays, issuer) == ocsp.OCSPCertStatus.GOOD
    assert not others.failure, others.failure
    print(f"{MASS} revoked in {took:.1f} s, in the list after {known:.1f} s; others: {others.served} served, at most {others.slowest:.2f} s; "
          f"{before:.0f} MiB before, {memory(server):.0f} after")
    assert others.served >= 3 and others.slowest < max(10, took / 2), (others.served, others.slowest)
    if not os.environ.get("ASAN_OPTIONS"):  # what a sanitizer keeps is its own
        assert memory(server) < before + 64 + MASS * 4 / 1024, "a few KiB for each, no more"
    assert client.total(query + " AND CertState -eq 2") == MASS
    client.enroll(dns=("afterwards.example.com",))
