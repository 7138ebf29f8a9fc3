"""Authorities made, taken over, given new keys, certified by others, retired."""
import base64
import datetime
import shutil
import uuid

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import acme
import admin
import hsm
import keys
import processes
import programs
from chancery import good


def made(client, name, **body):
    reply = client.rest("POST", "/authorities", json={"name": name, **body})
    assert reply.status_code == 201, reply.text
    return reply.json()


def refused(reply, *paths, status=422):
    assert reply.status_code == status, reply.text
    said = {one.get("field") or one.get("path") for one in reply.json().get("errors", reply.json().get("problems", []))}
    for path in paths:
        assert path in reply.text, (path, said, reply.text)
    return reply.json()


def judge(tmp_path, client, authority, dns="below.example.com"):
    """A leaf of the authority, seen by OpenSSL and GnuTLS as good and, once revoked, as revoked."""
    answer = client.enroll(dns=(dns,), CertificateAuthority=authority)
    judged = programs.Judged(tmp_path, answer["Certificates"])
    judged.check_chain()
    assert judged.by_crl() == "ok" and judged.by_gnutls() == "good"
    for digest in ("-sha1", "-sha256"):
        assert judged.by_ocsp(digest) == "good"
    client.revoke(answer["KeyfactorID"], reason=4)
    assert judged.by_ocsp() == "revoked"
    processes.wait_until(lambda: judged.by_crl() == "revoked", 15, 0.2, "the CRL")
    return answer


@pytest.mark.parametrize("kind", ["ec-p256", "ec-p384", "rsa-3072", "ed25519"])
def test_a_root_and_an_authority_below_it_of_every_kind_of_key(server, tmp_path, kind):
    client, name = server.client(), f"Made {kind} {server.database[:6]}"
    root = made(client, f"{name} Root", key_type=kind, path_length=1)
    assert root["usable"] and not root["offers_enrollment"] and root["generation"] == 1
    below = made(client, f"{name} CA", parent=root["name"], subject=f"CN={name} CA,O=Contoso,C=US")
    assert below["parent"] == root["name"] and below["key_type"] == root["key_type"]
    subject = keys.load(below["certificate"]).subject
    assert {one.rfc4514_string() for one in subject} == {f"CN={name} CA", "O=Contoso", "C=US"}
    judge(tmp_path, client, below["name"])


def test_what_is_wrong_with_an_order_is_told_by_field(server):
    client = server.client()
    issuing = client.server_ca()
    for body, paths in (
            ({"name": "12"}, ["name"]),
            ({"name": "X1", "key_type": "dsa-1024"}, ["key_type"]),
            ({"name": "X1", "parent": "nobody"}, ["parent"]),
            ({"name": "X1", "parent": issuing}, ["parent", "path length"]),
            ({"name": "X1", "key_uri": "file:/etc/passwd"}, ["key_uri"]),
            ({"name": "X1", "subject": f"CN={issuing}"}, ["subject"]),
            ({"name": "X1", "key_type": "rsa-1024", "path_length": 3, "key_uri": "file:x"}, ["key_type", "key_uri"]),
            ({"name": "X1", "permitted": ["*.example.com"]}, ["name constraints"]),
            ({"name": "X1", "excluded": ["good.example", "secret.example."]}, ["excluded[1]", "ends with a dot"]),
            ({"name": "X1", "permitted": ["a,b.example"], "excluded": ["a..b", "-a.example", ""]},
             ["permitted[0]", "excluded[0]", "excluded[1]", "excluded[2]"]),
            ({"name": "X1", "permitted": ["b\u00fccher.example", "192.0.2.1", "192.0.2.0/33", "x" * 64 + ".example"]},
             [f"permitted[{i}]" for i in range(4)]),
            ({"name": "X1", "outside": True, "excluded": ["secret.example."]}, ["excluded[0]"])):
        refused(client.rest("POST", "/authorities", json=body), *paths, status=400)
    reply = client.rest("POST", "/authorities", json={"name": issuing, "subject": "CN=other"})
    assert reply.status_code == 409
    names = {one["name"] for one in good(client.rest("GET", "/authorities"))["items"]}
    assert "X1" not in names
    assert not list((server.data / "keys").glob("x1-*"))


def test_name_constraints_bind_what_is_below(server, tmp_path):
    client, tag = server.client(), server.database[:6]
    root = made(client, f"Bound {tag} Root", key_type="ec-p256")
    below = made(client, f"Bound {tag} CA", parent=root["name"], permitted=["example.com", "192.0.2.0/24"],
                 excluded=["secret.example.com"])
    certificate = keys.load(below["certificate"])
    limits = certificate.extensions.get_extension_for_class(x509.NameConstraints)
    assert limits.critical
    assert {str(one.value) for one in limits.value.permitted_subtrees} == {"example.com", "192.0.2.0/24"}
    judge(tmp_path, client, below["name"], dns="www.example.com")
    for dns in ("www.example.net", "very.secret.example.com"):
        reply = client.command("POST", "/Enrollment/CSR", json={
            "CSR": keys.new_csr(cn=dns, dns=(dns,)), "Template": "WebServer", "CertificateAuthority": below["name"],
            "Timestamp": "2025-10-22T14:30:00Z"}, headers={"x-certificateformat": "PEM"})
        assert reply.status_code == 400 and f"name_constrained (DNS:{dns}: " in reply.text, reply.text
    # of several the one that is meant
    reply = client.rest("POST", "/certificates", json={
        "csr": keys.new_csr(cn="www.example.com", dns=("www.example.com", "www.example.net")), "template": "WebServer",
        "authority": below["name"]})
    assert reply.status_code == 400 and "name_constrained (DNS:www.example.net: permitted subtree violation)" in reply.text, reply.text
    # a wildcard stands for the name that is excluded
    reply = client.rest("POST", "/certificates", json={
        "csr": keys.new_csr(cn="*.example.com", dns=("*.example.com", "www.example.com")), "template": "WebServer",
        "authority": below["name"]})
    assert reply.status_code == 400 and "name_constrained (DNS:*.example.com: the wildcard stands for" in reply.text, reply.text
    for dns in ("*.www.example.com", "*.other.example.com"):
        judge(tmp_path, client, below["name"], dns=dns)
    assert client.total(f'CN -eq "www.example.net" AND CA -eq "{below["name"]}"') == 0


def limits_of(certificate):
    """What binds what is below: the names, and the purposes."""
    def value(kind):
        found = [one for one in certificate.extensions if isinstance(one.value, kind)]
        return (found[0].value, found[0].critical) if found else None
    return value(x509.NameConstraints), value(x509.ExtendedKeyUsage)


def test_limits_of_an_authority_hold_for_its_next_key_and_for_certificates_by_others(server):
    client, tag = server.client(), server.database[:6]
    root = made(client, f"Limits {tag} Root", key_type="ec-p256", permitted=["example.com", "example.org"])
    below = made(client, f"Limits {tag} CA", parent=root["name"], permitted=["example.com"], excluded=["secret.example.com"])
    other = made(client, f"Limits {tag} Other", key_type="ec-p256")
    was = [limits_of(keys.load(one["certificate"])) for one in (root, below)]
    assert was[0][0] and was[1][0]
    for one, limits in zip((root, below), was):
        rolled = good(client.rest("POST", f"/authorities/{one['name']}/rollover"))
        assert rolled["generation"] == 2 and limits_of(keys.load(rolled["certificate"])) == limits
    link = good(client.rest("GET", f"/authorities/{root['name']}/certificates"))["items"][1]["certificate"]
    assert limits_of(keys.load(link)) == was[0]
    cross = good(client.rest("POST", f"/authorities/{below['name']}/cross-sign", json={"issuer": other["name"]}))["pem"]
    assert limits_of(keys.load(cross)) == was[1]
    reply = client.command("POST", "/Enrollment/CSR", json={
        "CSR": keys.new_csr(cn="www.example.net", dns=("www.example.net",)), "Template": "WebServer",
        "CertificateAuthority": below["name"], "Timestamp": "2025-10-22T14:30:00Z"}, headers={"x-certificateformat": "PEM"})
    assert reply.status_code == 400 and "name_constrained" in reply.text, reply.text


def test_purposes_of_an_authority_from_elsewhere_hold_for_its_next_key(server):
    client, tag = server.client(), server.database[:6]
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    ours = elsewhere(f"Purposes {tag} Root", purposes=purposes)
    p12 = pkcs12.serialize_key_and_certificates(b"ca", ours[1], ours[0], [], serialization.BestAvailableEncryption(b"secret7"))
    reply = client.rest("POST", "/authorities/import", json={
        "bundle": base64.b64encode(p12).decode(), "password": "secret7", "crl_number": 3})
    assert reply.status_code == 201, reply.text
    rolled = good(client.rest("POST", f"/authorities/{reply.json()['name']}/rollover"))
    assert limits_of(keys.load(rolled["certificate"])) == (None, (x509.ExtendedKeyUsage(purposes), False))
    client.enroll(dns=("purposes.example.com",), CertificateAuthority=rolled["name"])


def test_a_key_on_a_token_for_an_authority_below_one_in_a_file(new_server, tmp_path):
    token = hsm.Token(tmp_path / "hsm")
    server = new_server(env=token.env, settings=token.settings).start()
    client = server.client()
    root = next(one["name"] for one in good(client.rest("GET", "/authorities"))["items"] if not one["parent"])
    below = made(client, "Token CA", parent=root, key_uri=token.uri("token-ca"), key_type="ec-p384")
    assert below["key_backend"] == "pkcs11"
    judge(tmp_path, client, "Token CA")
    again = client.rest("POST", "/authorities", json={"name": "Token CA 2", "parent": root,
                                                      "key_uri": token.uri("token-ca")})
    assert again.status_code == 409, again.text
    refused(client.rest("POST", "/authorities", json={
        "name": "Token CA 3", "parent": root, "key_uri": token.uri("x") + "?module-path=/tmp/x.so"}), status=403)
    rolled = good(client.rest("POST", "/authorities/Token CA/rollover", json={"key_uri": token.uri("token-ca-2")}))
    assert rolled["generation"] == 2
    judge(tmp_path, client, "Token CA")


def test_what_follows_a_key_on_a_token_goes_into_a_file_only_when_that_is_said(new_server, tmp_path):
    token = hsm.Token(tmp_path / "hsm")
    server = new_server(env=token.env, settings={**token.settings, "pki.issuing_key_uri": token.uri("issuing")}).start()
    client = server.client()
    name, files = client.server_ca(), lambda: {one.name for one in (server.data / "keys").iterdir()}
    before = files()
    for body in (None, {}, {"key_uri": ""}, {"key_type": "ec-p256"}, {"outside": True}):
        refused(client.rest("POST", f"/authorities/{name}/rollover", **({} if body is None else {"json": body})),
                "key_uri", "on a token", "file:", status=400)
    said = server.cli("ca", "rollover", name, "--yes")
    assert said.returncode == 2 and "key_uri" in said.stderr and "on a token" in said.stderr, said.stderr
    assert files() == before and good(client.rest("GET", f"/authorities/{name}"))["generation"] == 1
    said = server.cli("ca", "rollover", name, "--key-uri", token.uri("issuing-2"), "--yes")
    assert said.returncode == 0 and files() == before, said.stderr
    assert good(client.rest("GET", f"/authorities/{name}"))["key_backend"] == "pkcs11"
    said = server.cli("ca", "rollover", name, "--key-uri", "file:", "--yes")
    assert said.returncode == 0 and len(files()) == len(before) + 1, said.stderr
    assert good(client.rest("GET", f"/authorities/{name}"))["key_backend"] == "file"
    judge(tmp_path, client, name)
    # what follows one in a file needs no word; a new authority may have one
    assert good(client.rest("POST", f"/authorities/{name}/rollover"))["generation"] == 4
    assert made(client, "Filed CA", key_uri="file:")["key_backend"] == "file"


def test_a_new_key_signs_and_the_old_one_goes_on_for_what_it_signed(server, tmp_path):
    client, tag = server.client(), server.database[:6]
    root = made(client, f"Rolled {tag} Root", key_type="ec-p256", path_length=1)
    first = made(client, f"Rolled {tag} CA", parent=root["name"])
    old = client.enroll(dns=("old.example.com",), CertificateAuthority=first["name"])
    second = good(client.rest("POST", f"/authorities/{first['name']}/rollover"))
    assert second["generation"] == 2 and second["subject"] == first["subject"]
    one, two = keys.load(first["certificate"]), keys.load(second["certificate"])
    assert one.public_key() != two.public_key() and second["crl_url"] != first["crl_url"]
    new = judge(tmp_path, client, first["name"], dns="new.example.com")
    issuer = keys.load(new["Certificates"][0]).extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    own = two.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert issuer.key_identifier == own.digest
    judged = programs.Judged(tmp_path, old["Certificates"])
    judged.check_chain()
    assert judged.by_ocsp() == judged.by_gnutls() == "good" and judged.by_crl() == "ok"
    client.revoke(old["KeyfactorID"], reason=4)
    assert judged.by_ocsp() == "revoked"
    processes.wait_until(lambda: judged.by_crl() == "revoked", 15, 0.2, "the old key's CRL")
    # the root, too: who trusts the old one gets a certificate by it
    good(client.rest("POST", f"/authorities/{root['name']}/rollover"))
    listed = good(client.rest("GET", f"/authorities/{root['name']}/certificates"))["items"]
    assert [(row["generation"], row["preferred"]) for row in listed] == [(2, True), (2, False), (1, True)]
    (tmp_path / "old-root.pem").write_text(root["certificate"])
    (tmp_path / "link.pem").write_text(listed[1]["certificate"])
    done = programs.openssl("verify", "-CAfile", tmp_path / "old-root.pem", tmp_path / "link.pem")
    assert done.returncode == 0, done.stdout + done.stderr


def test_who_trusts_a_former_root_verifies_what_is_issued_by_the_new_ones(new_server, acme_settings, answers, tmp_path):
    server = new_server(settings={**acme_settings, "acme.nonce_reject": 0}).start()
    client = server.client()
    authorities = {bool(one["parent"]): one["name"] for one in good(client.rest("GET", "/authorities"))["items"]}
    old = tmp_path / "old-root.pem"
    shutil.copy(server.ca, old)
    for name in (authorities[False], authorities[False], authorities[True]):
        good(client.rest("POST", f"/authorities/{name}/rollover"))
    new = tmp_path / "new-root.pem"
    new.write_text(good(client.rest("GET", f"/authorities/{authorities[False]}"))["certificate"])

    def judge_chain(pems):
        (tmp_path / "chain.pem").write_text("".join(pems))
        for root in (old, new):
            done = programs.openssl("verify", "-x509_strict", "-CAfile", root, "-untrusted", tmp_path / "chain.pem",
                                    tmp_path / "chain.pem")
            assert done.returncode == 0, (root, done.stdout + done.stderr)

    holder = acme.Orderer(server, answers)
    order, pem = holder.issue(acme.name("rolled"))
    chain = keys.load_all(pem)
    judge_chain([pem])
    assert len(chain) == 4 and keys.load(new.read_text()) not in chain, "two former roots, and no root"
    assert not acme.links(holder.good(order["certificate"]), "alternate")
    enrolled = client.enroll(dns=("rolled.example.com",))["Certificates"]
    judge_chain(enrolled)
    assert keys.load(enrolled[-1]) == keys.load(new.read_text())
    for row in client.get("/Certificates", **{"pq.queryString": 'CN -eq "localhost"'}):
        client.revoke(row["Id"], reason=4)
    server.stop()
    server.start()
    for root in (old, new):
        done = programs.curl(server.url, root)
        assert done.returncode == 0, done.stderr


def test_another_authority_certifies_ours_too(server, tmp_path):
    client, tag = server.client(), server.database[:6]
    other = made(client, f"Cross {tag} Root", key_type="ec-p384")
    mine = made(client, f"Crossed {tag} Root", key_type="ec-p256", path_length=1)
    leaf_of = made(client, f"Crossed {tag} CA", parent=mine["name"])
    cross = good(client.rest("POST", f"/authorities/{mine['name']}/cross-sign", json={"issuer": other["name"]}))["pem"]
    leaf = client.enroll(dns=("cross.example.com",), CertificateAuthority=leaf_of["name"])
    (tmp_path / "trusted.pem").write_text(other["certificate"])
    (tmp_path / "between.pem").write_text(cross + leaf_of["certificate"])
    (tmp_path / "leaf.pem").write_text(leaf["Certificates"][0])
    done = programs.openssl("verify", "-x509_strict", "-CAfile", tmp_path / "trusted.pem", "-untrusted",
                            tmp_path / "between.pem", tmp_path / "leaf.pem")
    assert done.returncode == 0, done.stdout + done.stderr
    refused(client.rest("POST", f"/authorities/{mine['name']}/cross-sign", json={"issuer": mine["name"]}), "issuer",
            status=400)


def elsewhere(name, parent=None, days=900, **more):
    """(certificate, key) of an authority that another program made."""
    key = keys.new_key(more.get("key", "ec:p256"))
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else [])
    now = datetime.datetime.utcnow()
    issuer, signer = (parent[0].subject, parent[1]) if parent else (subject, key)
    public = key.public_key()
    above = parent[0].public_key() if parent else public
    builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public)
               .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=100))
               .not_valid_after(now + datetime.timedelta(days=days))
               .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
               .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(above), critical=False)
               .add_extension(x509.BasicConstraints(more.get("ca", True), more.get("path")), critical=True))
    builder = builder.add_extension(x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=more.get("ca", True), crl_sign=True, encipher_only=False,
        decipher_only=False), critical=True)
    if more.get("purposes"):
        builder = builder.add_extension(x509.ExtendedKeyUsage(more["purposes"]), critical=False)
    return builder.sign(signer, hashes.SHA256()), key


def crl_of(certificate, key, number, revoked):
    now = datetime.datetime.utcnow()
    builder = (x509.CertificateRevocationListBuilder().issuer_name(certificate.subject).last_update(now)
               .next_update(now + datetime.timedelta(days=7)).add_extension(x509.CRLNumber(number), critical=False))
    for serial in revoked:
        builder = builder.add_revoked_certificate(x509.RevokedCertificateBuilder().serial_number(serial)
                                                  .revocation_date(now - datetime.timedelta(days=1)).build())
    return builder.sign(key, hashes.SHA256()).public_bytes(keys.PEM).decode()


def pem(certificate):
    return certificate.public_bytes(keys.PEM).decode()


def test_an_authority_from_elsewhere_goes_on_here(server, tmp_path):
    client, tag = server.client(), server.database[:6]
    root = elsewhere(f"Old {tag} Root")
    ours = elsewhere(f"Old {tag} CA", root)
    gone = [x509.random_serial_number(), (0x80 << 120) | 7]  # with and without a sign octet
    p12 = pkcs12.serialize_key_and_certificates(b"ca", ours[1], ours[0], [root[0]],
                                                serialization.BestAvailableEncryption(b"secret7"))
    body = {"bundle": base64.b64encode(p12).decode(), "password": "secret7"}
    for wrong, path in (({}, "crl_number"), ({"password": "no", "crl_number": 3}, "password"),
                        ({"crl": crl_of(*root, 3, [])}, "crl"), ({"key_uri": "pkcs11:token=x;object=y",
                                                                  "crl_number": 1}, "key_uri")):
        refused(client.rest("POST", "/authorities/import", json={**body, **wrong}), path, status=400)
    reply = client.rest("POST", "/authorities/import", json={**body, "crl": "of a large list\n" * 100_000 + crl_of(*ours, 41, gone)})
    assert reply.status_code == 201, reply.text
    one = reply.json()
    assert one["name"] == f"Old {tag} CA" and one["crl_number"] == 41 + 2**20 + 1 and one["crl_entries"] == 2
    assert one["parent"] == f"Old {tag} Root"
    crl = x509.load_der_x509_crl(programs.fetch(one["crl_url"]).content)
    assert {entry.serial_number for entry in crl} == set(gone)
    (tmp_path / "old-ca.pem").write_text(pem(ours[0]))
    for serial in gone:  # and OCSP says the same
        done = programs.openssl("ocsp", "-issuer", tmp_path / "old-ca.pem", "-serial", str(serial), "-url",
                                one["ocsp_url"], "-CAfile", tmp_path / "old-ca.pem", "-partial_chain",
                                "-verify_other", tmp_path / "old-ca.pem")
        assert "revoked" in done.stdout, done.stdout + done.stderr
    former = elsewhere(f"former.{tag}.example.com", ours, ca=False)[0]  # what it signed elsewhere is ours to revoke

    def status():
        return programs.openssl_ocsp(tmp_path, pem(former), pem(ours[0]), pem(root[0]), one["ocsp_url"])
    assert status() == "unknown"
    client.post("/Certificates/Import", {"Certificate": pem(former)})
    row, = client.get("/Certificates", **{"pq.queryString": f'CN -eq "former.{tag}.example.com"'})
    assert status() == "good" and row["CertificateAuthorityName"].endswith(one["name"])
    client.revoke(row["Id"], reason=4)
    assert status() == "revoked"
    processes.wait_until(lambda: former.serial_number in {entry.serial_number for entry in x509.load_der_x509_crl(
        programs.fetch(one["crl_url"]).content)}, 15, what="a CRL that names it")
    answer = client.enroll(dns=("went-on.example.com",), CertificateAuthority=one["name"])
    programs.Judged(tmp_path, answer["Certificates"]).check_chain()
    assert client.rest("POST", "/authorities/import", json={**body, "crl_number": 1}).status_code == 409


def test_what_is_no_authority_is_not_taken_over(server):
    client, tag = server.client(), server.database[:6]
    root = elsewhere(f"Bad {tag} Root")
    leaf = elsewhere(f"Bad {tag} leaf", root, ca=False)
    other = keys.new_key()
    cases = (
        (pem(leaf[0]) + pem(root[0]) + keys.key_pem(leaf[1]), "basicConstraints"),
        (pem(root[0]) + keys.key_pem(other), "key"),
        (pem(elsewhere("Late", root, days=-1)[0]), "key"),
        (pem(elsewhere(f"Orphan {tag}", elsewhere("Unknown"))[0]), "key"))
    for bundle, word in cases:
        refused(client.rest("POST", "/authorities/import", json={"bundle": bundle, "crl_number": 0}), word, status=400)
    stranger = elsewhere(f"Orphan {tag}", elsewhere("Unknown"))
    refused(client.rest("POST", "/authorities/import", json={
        "bundle": pem(stranger[0]) + keys.key_pem(stranger[1]), "crl_number": 0}), "issuer", status=400)


def test_an_authority_whose_certificates_nobody_would_take_is_not_taken_over(server):
    client, tag = server.client(), server.database[:6]
    root = elsewhere(f"Sound {tag} Root", path=1)
    last = elsewhere(f"Last {tag}", root, path=0)
    for one, chain, word in (
            (elsewhere(f"Below {tag} last", last), (last, root), "may not have this authority below it"),
            (elsewhere(f"Weak {tag}", root, key="rsa:1024"), (root,), "1024 bits"),
            (elsewhere("", root), (root,), "subject is empty")):
        bundle = "".join(pem(each[0]) for each in (one, *chain)) + keys.key_pem(one[1])
        refused(client.rest("POST", "/authorities/import", json={"bundle": bundle, "crl_number": 0, "name": f"Not {tag}"}), word, status=400)
    reply = client.rest("POST", "/authorities/import", json={
        "bundle": pem(last[0]) + pem(root[0]) + keys.key_pem(last[1]), "crl_number": 0})
    assert reply.status_code == 201, reply.text


def test_an_outside_root_certifies_a_request_of_ours(server, tmp_path):
    client, tag = server.client(), server.database[:6]
    root = elsewhere(f"Outside {tag} Root")
    name = f"Certified {tag} CA"
    waiting = made(client, name, outside=True, key_type="ec-p256")
    assert waiting["generation"] is None and not waiting["usable"]
    assert good(client.rest("GET", "/health"))["state"] == "ok"  # nothing is broken while it waits
    request = x509.load_pem_x509_csr(good(client.rest("POST", f"/authorities/{name}/csr"))["pem"].encode())
    assert request.is_signature_valid
    wrong = elsewhere(name, root)
    refused(client.rest("POST", f"/authorities/{name}/certificate", json={"pem": pem(wrong[0]) + pem(root[0])}),
            "another key", status=400)
    now = datetime.datetime.utcnow()
    builder = (x509.CertificateBuilder().subject_name(request.subject).issuer_name(root[0].subject)
               .public_key(request.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=800))
               .add_extension(x509.SubjectKeyIdentifier.from_public_key(request.public_key()), critical=False)
               .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root[0].public_key()), critical=False))
    for extension in request.extensions:
        builder = builder.add_extension(extension.value, critical=extension.critical)
    signed = builder.sign(root[1], hashes.SHA256())
    refused(client.rest("POST", f"/authorities/{name}/certificate", json={"pem": pem(signed)}), "issuer", status=400)
    done = good(client.rest("POST", f"/authorities/{name}/certificate", json={"pem": pem(signed) + pem(root[0])}))
    assert done["generation"] == 1 and done["usable"] and done["parent"] == f"Outside {tag} Root"
    answer = client.enroll(dns=("outside.example.com",), CertificateAuthority=name)
    judged = programs.Judged(tmp_path, answer["Certificates"])
    judged.check_chain()
    assert judged.by_gnutls() == "good"
    assert client.rest("POST", f"/authorities/{name}/certificate", json={"pem": pem(signed)}).status_code == 409


@pytest.mark.seed("S168")
def test_a_retired_authority_answers_for_what_it_signed_and_its_key_goes_only_when_told_twice(server, tmp_path):
    client, tag = server.client(), server.database[:6]
    name = f"Retired {tag} CA"
    root = made(client, f"Retired {tag} Root", key_type="ec-p256", path_length=1)
    made(client, name, parent=root["name"])
    answer = client.enroll(dns=("retired.example.com",), CertificateAuthority=name)
    judged = programs.Judged(tmp_path, answer["Certificates"])
    good(client.rest("POST", f"/authorities/{name}/disable"))
    reply = client.command("POST", "/Enrollment/CSR", json={
        "CSR": keys.new_csr(dns=("no.example.com",)), "Template": "WebServer", "CertificateAuthority": name,
        "Timestamp": "2025-10-22T14:30:00Z"}, headers={"x-certificateformat": "PEM"})
    assert reply.status_code == 503
    assert judged.by_ocsp() == "good" and judged.by_crl() == "ok"
    files = sorted((server.data / "keys").glob("retired-*-ca-1.key"))
    assert files
    path = f"/authorities/{name}"
    refused(client.rest("DELETE", path, params={"destroy_keys": "true"}), "confirm", status=400)
    assert client.rest("DELETE", path, params={"destroy_keys": "true", "confirm": name}).status_code == 409
    assert client.rest("DELETE", path).status_code == 204
    client.revoke(answer["KeyfactorID"], reason=4)
    assert judged.by_ocsp() == "revoked"
    processes.wait_until(lambda: judged.by_crl() == "revoked", 15, 0.2, "the CRL of a retired authority")
    number = good(client.rest("POST", f"{path}/crl"))["number"]
    assert good(client.rest("POST", f"{path}/crl"))["number"] == number + 1
    assert client.rest("DELETE", path, params={"destroy_keys": "true", "confirm": name}).status_code == 204
    assert not [one for one in files if one.exists()]
    assert client.rest("POST", f"{path}/crl").status_code == 409


def test_what_is_retired_is_not_switched_on_again(server, client):
    name = f"Ended {uuid.uuid4().hex[:12]}"
    assert client.rest("POST", "/authorities", json={"name": name}).status_code == 201
    assert client.rest("POST", f"/authorities/{name}/disable").status_code == 200
    assert client.rest("POST", f"/authorities/{name}/enable").status_code == 200
    assert client.rest("DELETE", f"/authorities/{name}").status_code == 204
    reply = client.rest("POST", f"/authorities/{name}/enable")
    assert reply.status_code == 409 and "retired" in reply.json()["detail"], reply.text
    assert client.rest("GET", f"/authorities/{name}").json()["enabled"] is False


def test_a_key_file_that_a_crash_left_is_in_nobody_s_way(server, client):
    name = f"left{uuid.uuid4().hex[:12]}"
    left = server.data / "keys" / f"{name}-1.key"
    left.write_bytes(b"left by a crash")
    assert client.rest("POST", "/authorities", json={"name": name}).status_code == 201
    assert left.read_bytes() == b"left by a crash", "whatever it is, it is not written over"
    (server.data / "keys" / f"{name}-2.key").write_bytes(b"left by a crash")
    assert client.rest("POST", f"/authorities/{name}/rollover").status_code == 200
    assert client.rest("GET", f"/authorities/{name}").json()["usable"] is True
    assert client.rest("POST", "/authorities", json={"name": name}).status_code == 409


@pytest.mark.parametrize("harm", ["mode", "gone", "garbage"])
def test_where_a_key_lies_is_told_to_the_log_and_not_to_who_asks(new_server, harm):
    server = new_server().start()
    client, name = server.client(), f"hidden{uuid.uuid4().hex[:12]}"
    made(client, name, outside=True, key_type="ec-p256")
    path = server.data / "keys" / f"{name}-1.key"
    if harm == "mode":
        path.chmod(0o644)
    elif harm == "gone":
        path.rename(path.with_suffix(".kept"))
    else:
        path.write_text("-----BEGIN garbage")
    reply = client.rest("POST", f"/authorities/{name}/csr")
    assert reply.status_code == 503 and reply.json()["code"].startswith("CHY-"), reply.text
    assert str(server.data) not in reply.text and "/keys" not in reply.text and name in reply.text, reply.text
    assert str(path) in server.log.read_text()


@pytest.mark.once
def test_where_keys_should_lie_is_not_told_to_who_makes_an_authority(new_server):
    server = new_server().start()
    client, name = server.client(), f"hidden{uuid.uuid4().hex[:12]}"
    kept = (server.data / "keys").rename(server.data / "keys.kept")
    try:
        reply = client.rest("POST", "/authorities", json={"name": name})
    finally:
        kept.rename(server.data / "keys")
    assert reply.status_code == 503 and str(server.data) not in reply.text and "/keys" not in reply.text, reply.text
    assert str(server.data / "keys") in server.log.read_text()
    assert client.rest("GET", f"/authorities/{name}").status_code == 404
    made(client, name)


def test_the_command_line_makes_renews_certifies_and_retires_authorities(server, tmp_path):
    tag = server.database[:6]
    root, below = f"Typed {tag} Root", f"Typed {tag} CA"

    def cli(*arguments, status=0):
        done = server.cli(*arguments)
        assert done.returncode == status, (arguments, done.stdout, done.stderr)
        return done.stdout

    cli("ca", "create", root, "--key-type", "ec:p256", "--path-len", "1", "--only-authorities", "--dry-run")
    cli("ca", "create", root, "--key-type", "ec:p256", "--path-len", "1", "--only-authorities")
    cli("ca", "create", root, status=5)
    cli("ca", "create", below, "--parent", root, "--permitted-dns", "example.com", "--duration", "400d")
    cli("ca", "create", "Nobody's", "--parent", "nobody", status=3)
    client = server.client()
    judge(tmp_path, client, below, dns="typed.example.com")
    chain = keys.load_all(cli("ca", "chain", below))
    assert [one.subject.rfc4514_string() for one in chain] == [f"CN={below}", f"CN={root}"]
    assert (chain[0].not_valid_after - chain[0].not_valid_before).days == 399
    cli("ca", "rollover", below, "--yes")
    assert keys.load_all(cli("ca", "chain", below))[0].public_key() != chain[0].public_key()
    cross = keys.load(cli("ca", "cross-sign", root, "--issuer", self_made(cli, f"Typed other {tag}")))
    assert cross.subject == chain[1].subject and cross.issuer != cross.subject
    cli("ca", "delete", below, "--yes")
    cli("ca", "delete", below, "--yes", "--destroy-keys", status=2)
    cli("ca", "delete", below, "--yes", "--destroy-keys", "--confirm", "another", status=2)
    cli("ca", "delete", below, "--yes", "--destroy-keys", "--confirm", below)


def self_made(cli, name):
    cli("ca", "create", name, "--only-authorities")
    return name


def test_a_root_without_a_server_certifies_what_a_server_asks_for(server, tmp_path):
    tag = server.database[:6]
    name, word = f"Ceremony {tag} CA", tmp_path / "word"
    word.write_text("a long passphrase\n")
    word.chmod(0o600)
    root, key = tmp_path / "root.pem", tmp_path / "root.key"
    offline = {"PATH": "/usr/bin", "CHANCERY_SERVER": "https://127.0.0.1:1"}  # nothing is asked

    def cli(*arguments, status=0, **more):
        done = server.cli(*arguments, **more)
        assert done.returncode == status, (arguments, done.stdout, done.stderr)
        return done.stdout

    cli("ca", "offline", "init", f"CN=Ceremony {tag} Root,O=Contoso", "--key-out", key, "--out", root,
        "--password-file", word, "--path-len", "1", env=offline)
    assert key.stat().st_mode & 0o777 == 0o600 and "ENCRYPTED" in key.read_text()
    only_one = key.read_text()
    cli("ca", "offline", "init", f"CN=Ceremony {tag} Root,O=Contoso", "--key-out", key, "--out", tmp_path / "again.pem",
        "--password-file", word, env=offline, status=5)
    assert key.read_text() == only_one and not (tmp_path / "again.pem").exists()
    cli("ca", "offline", "init", f"CN=Ceremony {tag} Leaf Root", "--key-out", tmp_path / "zero.key", "--out",
        tmp_path / "zero.pem", "--password-file", word, "--path-len", "0", env=offline)
    zero = keys.load((tmp_path / "zero.pem").read_text()).extensions.get_extension_for_class(x509.BasicConstraints)
    assert zero.value.path_length == 0
    done = programs.openssl("verify", "-x509_strict", "-check_ss_sig", "-CAfile", root, root)
    assert done.returncode == 0, done.stderr
    cli("ca", "create", name, "--outside", "--key-type", "ec:p256")
    cli("ca", "create", f"{name} 0", "--path-len", "0")
    cli("ca", "create", f"{name} 1", "--path-len", "-1", status=2)
    cli("ca", "csr", name, "--out", tmp_path / "ca.csr")
    theirs = ("--ca", root, "--key", key, "--password-file", word)
    cli("ca", "offline", "sign", tmp_path / "ca.csr", *theirs, "--out", tmp_path / "ca.pem", "--crl-url",
        "http://pki.example.com/root.crl", env=offline)
    (tmp_path / "chain.pem").write_text((tmp_path / "ca.pem").read_text() + root.read_text())
    cli("ca", "install", name, tmp_path / "chain.pem")
    answer = server.client().enroll(dns=("ceremony.example.com",), CertificateAuthority=name)
    programs.Judged(tmp_path, answer["Certificates"]).check_chain()
    listed = keys.serial(keys.load((tmp_path / "ca.pem").read_text()))
    cli("ca", "offline", "crl", *theirs, "--number", "2", "--revoked", listed, "--out", tmp_path / "root.crl",
        env=offline)
    crl = x509.load_pem_x509_crl((tmp_path / "root.crl").read_bytes())
    assert crl.is_signature_valid(keys.load(root.read_text()).public_key())
    assert [f"{entry.serial_number:X}" for entry in crl] == [listed.lstrip("0")]
    other = tmp_path / "wrong-word"
    other.write_text("not it\n")
    cli("ca", "offline", "crl", "--ca", root, "--key", key, "--password-file", other, "--number", "3", status=4,
        env=offline)


def test_the_command_line_takes_over_an_authority(server, tmp_path):
    tag = server.database[:6]
    root = elsewhere(f"Moved {tag} Root")
    ours = elsewhere(f"Moved {tag} CA", root)
    (tmp_path / "ca.p12").write_bytes(pkcs12.serialize_key_and_certificates(
        b"ca", ours[1], ours[0], [root[0]], serialization.BestAvailableEncryption(b"secret7")))
    (tmp_path / "word").write_text("secret7\n")
    (tmp_path / "last.crl").write_text(crl_of(*ours, 5, []))
    done = server.cli("ca", "import", tmp_path / "ca.p12", "--password-file", tmp_path / "word")
    assert done.returncode == 2 and "crl_number" in done.stderr, done.stderr
    done = server.cli("ca", "import", tmp_path / "ca.p12", "--password-file", tmp_path / "word", "--crl",
                      tmp_path / "last.crl", "-o", "json")
    assert done.returncode == 0, done.stderr
    assert "unknown" in done.stderr and f"Moved {tag} CA" in done.stdout


@pytest.mark.seed("S302")
def test_the_seeds_calls_make_show_and_retire_an_authority(server):
    client, tag = server.client(), server.database[:6]
    root = made(client, f"Seed {tag} Root", key_type="ec-p256", path_length=1)
    name = f"Seed-{tag}-CA"
    one = client.post("/CertificateAuthorities", {"Name": name, "Type": "Embedded", "Parent": root["name"],
                                                  "Properties": {"AutoPublish": True}})
    assert one["Name"] == one["LogicalName"] == name and one["Type"] == "Embedded" and one["Id"] > 0
    assert one == client.get(f"/CertificateAuthorities/{name}")
    assert one in client.get("/CertificateAuthorities")
    assert client.get(f"/CertificateAuthorities/{name}/status")["Status"] == "Online"
    offered = {row["Name"]: row for row in client.get(f"/CertificateAuthorities/{name}/templates")}
    assert isinstance(offered["WebServer"]["KeySize"], int) and offered["WebServer"]["ValidityPeriod"][0].isdigit()
    assert offered["WebServer"]["ApprovalRequired"] is False
    assert client.get(f"/CertificateAuthorities/{root['name']}/templates") == []
    number = good(client.rest("GET", f"/authorities/{name}"))["crl_number"]
    assert client.command("POST", "/CertificateAuthority/PublishCRL", json={
        "CertificateAuthorityLogicalName": name, "CertificateAuthorityHostName": ""}).status_code == 204
    assert good(client.rest("GET", f"/authorities/{name}"))["crl_number"] == number + 1
    leaf = client.enroll(dns=("seed.example.com",), CertificateAuthority=name)
    for body, status in (({"Name": name, "Type": "Embedded"}, 409), ({"Type": "Embedded"}, 400),
                         ({"Name": "X", "Type": "Abacus"}, 400), ({"Name": "X"}, 400)):
        assert client.command("POST", "/CertificateAuthorities", json=body).status_code == status, body
    assert client.command("POST", "/CertificateAuthorities", json={
        "Name": "X", "Type": "MicrosoftADCS", "Hostname": "host"}).status_code >= 400
    assert client.command("DELETE", f"/CertificateAuthorities/{name}").status_code == 204
    assert client.get(f"/CertificateAuthorities/{name}/status")["Status"] == "Offline"
    assert client.get(f"/Certificates/{leaf['KeyfactorID']}")["CertState"] == 1
    assert client.command("DELETE", "/CertificateAuthorities/nobody").status_code == 404


def test_an_authority_is_retired_by_its_number(server):
    client, tag = server.client(), server.database[:6]
    root = made(client, f"Numbered {tag} Root", key_type="ec-p256", path_length=1)
    ca = made(client, f"Numbered {tag} CA", parent=root["name"])
    number = next(row["Id"] for row in client.get("/CertificateAuthority") if row["LogicalName"] == ca["name"])
    leaf = client.enroll(dns=("numbered.example.com",), CertificateAuthority=ca["name"])
    stranger = server.client(*admin.user(server, permissions=["certificates/read"]))
    assert stranger.command("DELETE", f"/CertificateAuthority/{number}").status_code == 403
    reader = server.client(*admin.user(server, permissions=["authorities/read"]))
    assert reader.command("DELETE", f"/CertificateAuthority/{number}").status_code == 403
    assert client.command("DELETE", f"/CertificateAuthority/{number}").status_code == 204
    assert client.get(f"/CertificateAuthorities/{ca['name']}/status")["Status"] == "Offline"
    assert client.get(f"/Certificates/{leaf['KeyfactorID']}")["CertState"] == 1, "what it issued is kept"
    assert client.command("POST", "/Enrollment/CSR", json={
        "CSR": keys.new_csr("late.example.com", ["late.example.com"]), "Template": "WebServer",
        "CertificateAuthority": ca["name"]}).status_code >= 400
    for unknown, status in ((999999999, 404), (0, 404), ("x", 400)):
        assert client.command("DELETE", f"/CertificateAuthority/{unknown}").status_code == status
