"""Certificates that are brought in: only what our keys signed is ours, whatever name a certificate bears."""
import base64
import datetime
import secrets

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

import admin
import keys
import processes
import programs
from test_authorities import crl_of, elsewhere, pem
from test_collections import grant


def signed_by(issuer, signer, cn, public, serial=None):
    """A certificate of CN that names ISSUER (a certificate), signed by the key SIGNER."""
    now = datetime.datetime.utcnow()
    return (x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)]))
            .issuer_name(issuer.subject).public_key(public).serial_number(serial or x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=2)).not_valid_after(now + datetime.timedelta(days=60))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(cn)]), False).sign(signer, hashes.SHA256()))


def brought_in(client, certificate):
    """Its number."""
    client.post("/Certificates/Import", {"Certificate": pem(certificate)})
    thumbprint = certificate.fingerprint(hashes.SHA1()).hex().upper()
    return client.get("/Certificates", **{"pq.queryString": f'Thumbprint -eq "{thumbprint}"',
                                       "pq.includeRevoked": "true"})[0]["Id"]


def says(tmp_path, issuer, serial, url):
    """What openssl ocsp says of a serial."""
    (tmp_path / "asked.pem").write_text(issuer)
    done = programs.openssl("ocsp", "-issuer", tmp_path / "asked.pem", "-serial", str(serial), "-url", url, "-CAfile",
                            tmp_path / "asked.pem", "-partial_chain", "-verify_other", tmp_path / "asked.pem")
    assert "Response verify OK" in done.stderr, done.stdout + done.stderr
    return [word for word in ("good", "revoked", "unknown") if f": {word}" in done.stdout][0]


def test_a_certificate_that_only_names_our_authority_is_none_of_ours(client, tmp_path):
    honest = client.enroll(dns=("honest.example.com",))
    leaf, issuer = keys.load(honest["Certificates"][0]), honest["Certificates"][1]
    url = keys.addresses(leaf)["ocsp"][0]
    forged = signed_by(keys.load(issuer), keys.new_key(), "forged.example.com", keys.new_key().public_key())
    number = brought_in(client, forged)
    assert says(tmp_path, issuer, forged.serial_number, url) == "unknown"
    assert client.get(f"/Certificates/{number}")["CertificateAuthorityName"] in (None, "")
    client.revoke(number)
    assert says(tmp_path, issuer, forged.serial_number, url) == "unknown"
    assert says(tmp_path, issuer, leaf.serial_number, url) == "good"


def test_a_forged_certificate_does_not_compromise_somebody_elses_key(server, client, tmp_path):
    key = keys.new_key()
    victim = client.enroll(keys.new_csr("victim.example.com", ["victim.example.com"], key), dns=("victim.example.com",))
    stranger = keys.new_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Nobody's CA")])
    forged = signed_by(x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(stranger.public_key())
                       .serial_number(1).not_valid_before(datetime.datetime(2026, 1, 1))
                       .not_valid_after(datetime.datetime(2030, 1, 1)).sign(stranger, hashes.SHA256()),
                       stranger, "forged-twin.example.com", key.public_key())
    number = brought_in(client, forged)
    collection = client.post("/CertificateCollections", {"Name": f"Forged {server.database[:6]}",
                                                         "Query": 'CN -eq "forged-twin.example.com"'})["Id"]
    role = admin.role(server, [])
    grant(server, collection, role, "Read", "certificates/revoke")
    who = server.client(*admin.user(server, roles=[role]))
    reply = who.command("POST", f"/Certificates/Revoke", json={"CollectionId": collection,
        "CertificateIds": [number], "Reason": 1, "Comment": "mine"})
    assert reply.status_code == 200, reply.text
    assert client.get(f"/Certificates/{number}")["CertState"] == 2
    assert client.get(f"/Certificates/{victim['KeyfactorID']}")["CertState"] == 1
    # whoever may revoke everything is believed
    client.post("/Certificates/Revoke", {"CertificateIds": [number], "Reason": 1, "Comment": "it is known"})
    assert client.get(f"/Certificates/{victim['KeyfactorID']}")["CertState"] == 2


def test_what_an_authority_signed_elsewhere_is_its_own_once_it_is_here(server, tmp_path):
    """Brought in before the authority was taken over, and after; one of them was revoked there."""
    client, tag = server.client(), server.database[:6]
    root = elsewhere(f"Adopted {tag} Root")
    ours = elsewhere(f"Adopted {tag} CA", root)
    # half of the serials of eight bytes that are drawn elsewhere have an octet in front for their sign
    serials = {word: secrets.randbits(56) | first << 56 for word, first in
               (("before", 0x9f), ("gone", 0xc1), ("after", 0x80), ("late", 0xe3))}
    before, gone, after = (signed_by(ours[0], ours[1], f"{word}.{tag}.example.com", keys.new_key().public_key(),
                                     serials[word]) for word in ("before", "gone", "after"))
    forged = signed_by(ours[0], keys.new_key(), f"forged.{tag}.example.com", keys.new_key().public_key())
    numbers = {one: brought_in(client, one) for one in (before, gone, forged)}
    p12 = pkcs12.serialize_key_and_certificates(b"ca", ours[1], ours[0], [root[0]],
                                                serialization.BestAvailableEncryption(b"secret7"))
    late = serials["late"]
    reply = client.rest("POST", "/authorities/import", json={
        "bundle": base64.b64encode(p12).decode(), "password": "secret7",
        "crl": crl_of(*ours, 41, [gone.serial_number, late])})
    assert reply.status_code == 201, reply.text
    one = reply.json()
    processes.wait_until(lambda: client.get(f"/Certificates/{numbers[gone]}")["CertState"] == 2, 15, what="the adoption")
    numbers[after] = brought_in(client, after)
    for what, word in ((before, "good"), (after, "good"), (gone, "revoked"), (forged, "unknown")):
        assert says(tmp_path, pem(ours[0]), what.serial_number, one["ocsp_url"]) == word
        name = client.get(f"/Certificates/{numbers[what]}")["CertificateAuthorityName"] or ""
        assert name.endswith(one["name"]) == (what is not forged), name
    # one that was revoked there is brought in only now: it stays revoked, and in the list
    number = brought_in(client, signed_by(ours[0], ours[1], f"late.{tag}.example.com", keys.new_key().public_key(), late))
    assert client.get(f"/Certificates/{number}")["CertState"] == 2
    found = client.get("/Certificates", **{"pq.queryString": f'SerialNumber -eq "{before.serial_number:X}"'})
    assert [one["Id"] for one in found] == [numbers[before]]
    client.revoke(numbers[before])
    assert says(tmp_path, pem(ours[0]), before.serial_number, one["ocsp_url"]) == "revoked"

    def listed():
        crl = x509.load_der_x509_crl(programs.fetch(one["crl_url"]).content)
        return {entry.serial_number for entry in crl} == {gone.serial_number, late, before.serial_number}
    processes.wait_until(listed, 15, what="the CRL")
