"""The certificate of an authority is revoked: its issuer's CRL and OCSP tell of it, and it issues nothing more."""
import uuid

import pytest
from cryptography import x509

import admin
import backups
import chancery
import keys
import processes
import programs
from chancery import Client, good


def made(client, name, **body):
    reply = client.rest("POST", "/authorities", json={"name": name, **body})
    assert reply.status_code == 201, reply.text
    return reply.json()


def family(client, tag, **more):
    """A root and an authority below it, of this test alone."""
    root = made(client, f"Told {tag} Root", key_type="ec-p256", path_length=2)
    return root, made(client, f"Told {tag} CA", parent=root["name"], **more)


@pytest.fixture
def tag():
    return uuid.uuid4().hex[:8]


def crl(tmp_path, name, url):
    (tmp_path / name).write_bytes(programs.fetch(url).content)
    done = programs.openssl("crl", "-inform", "DER", "-in", tmp_path / name)
    assert done.returncode == 0, done.stderr
    return done.stdout


def whole_chain(tmp_path, root, below, leaf):
    """`openssl verify -crl_check_all`: "" or its error."""
    (tmp_path / "root.pem").write_text(root["certificate"])
    (tmp_path / "below.pem").write_text(below["certificate"])
    (tmp_path / "leaf.pem").write_text(leaf)
    (tmp_path / "crls.pem").write_text(crl(tmp_path, "root.crl", root["crl_url"]) +
                                       crl(tmp_path, "below.crl", below["crl_url"]))
    done = programs.openssl("verify", "-x509_strict", "-crl_check_all", "-CAfile", tmp_path / "root.pem", "-untrusted",
                            tmp_path / "below.pem", "-CRLfile", tmp_path / "crls.pem", tmp_path / "leaf.pem")
    return "" if done.returncode == 0 else done.stdout + done.stderr


def ocsp(tmp_path, one, issuer):
    """What `openssl ocsp` says of the certificate ONE, which ISSUER made."""
    return programs.openssl_ocsp(tmp_path, one, issuer["certificate"], issuer["certificate"],
                                 keys.addresses(keys.load(one))["ocsp"][0])


def in_list(url, certificate):
    """The entry of the list at URL for the certificate, or None."""
    listed = x509.load_der_x509_crl(programs.fetch(url).content)
    return listed.get_revoked_certificate_by_serial_number(keys.load(certificate).serial_number)


def listed_reason(url, certificate):
    found = processes.wait_until(lambda: in_list(url, certificate), 15, 0.2, "the CRL")
    reasons = [one.value.reason.value for one in found.extensions if isinstance(one.value, x509.CRLReason)]
    return reasons[0] if reasons else None


def asked(client, authority):
    return client.command("POST", "/Enrollment/CSR", json={
        "CSR": keys.new_csr(cn="x.example.com", dns=("x.example.com",)), "Template": "WebServer",
        "CertificateAuthority": authority, "Timestamp": "2025-10-22T14:30:00Z"}, headers={"x-certificateformat": "PEM"})


def certificates(client, authority):
    return good(client.rest("GET", f"/authorities/{authority}/certificates"))["items"]


def revoke(client, authority, **body):
    return client.rest("POST", f"/authorities/{authority}/revoke", json=body)


def test_the_issuers_list_and_ocsp_tell_of_it_and_it_issues_nothing_more(server, tmp_path, tag):
    client = server.client()
    root, below = family(client, tag)
    name = below["name"]
    leaf = client.enroll(dns=("leaf.example.com",), CertificateAuthority=name)
    other = client.enroll(dns=("other.example.com",), CertificateAuthority=name)
    pem = leaf["Certificates"][0]
    assert whole_chain(tmp_path, root, below, pem) == "" and ocsp(tmp_path, below["certificate"], root) == "good"

    done = server.cli("ca", "revoke", name, "--reason", "ca-compromise", "--dry-run")
    assert done.returncode == 0 and f"would revoke the certificate of {name}" in done.stdout
    assert server.cli("ca", "revoke", name, "--reason", "ca-compromise", "--no-input").returncode == 2
    assert server.cli("ca", "revoke", name, "--yes").returncode == 2  # why?
    assert ocsp(tmp_path, below["certificate"], root) == "good"

    done = server.cli("ca", "revoke", name, "--reason", "ca-compromise", "--comment", "INC 118", "--yes")
    assert done.returncode == 0 and root["crl_url"] in done.stdout + done.stderr, done.stdout + done.stderr
    assert ocsp(tmp_path, below["certificate"], root) == "revoked"
    assert listed_reason(root["crl_url"], below["certificate"]) == "cACompromise"
    assert "certificate revoked" in whole_chain(tmp_path, root, below, pem)

    reply = asked(client, name)
    assert reply.status_code == 503 and f"{name} is revoked" in reply.text, reply.text
    shown = good(client.rest("GET", f"/authorities/{name}"))
    assert shown["revoked_at"] and not shown["usable"] and shown["serial_number"] == below["serial_number"]
    assert "revoked" in server.cli("ca", "list").stdout
    assert client.rest("POST", "/authorities", json={"name": f"Below {tag}", "parent": name}).status_code == 400
    reply = client.rest("POST", f"/authorities/{name}/cross-sign", json={"issuer": root["name"]})
    assert reply.status_code == 409 and "revoked" in reply.text
    reply = client.rest("POST", f"/authorities/{name}/csr")
    assert reply.status_code == 409 and "revoked" in reply.text

    # what it issued is told of as before
    assert programs.openssl_ocsp(tmp_path, pem, below["certificate"], root["certificate"], below["ocsp_url"]) == "good"
    client.revoke(other["KeyfactorID"], reason=4)
    assert listed_reason(below["crl_url"], other["Certificates"][0]) == "superseded"
    assert good(client.rest("POST", f"/authorities/{name}/crl"))["entries"] == 1
    assert programs.fetch(below["crl_url"].replace("-1.crl", ".crl")).content

    events = good(client.rest("GET", "/audit", params={
        "action": "certificate.revoke", "target_type": "certificate",
        "target_id": certificates(client, name)[0]["certificate_id"]}))["items"]
    assert len(events) == 1
    event = str(good(client.rest("GET", f"/audit/{events[0]['id']}"))["event"])
    assert "INC 118" in event and "cACompromise" in event and event.count(name) == 2, event

    # and a new key issues
    rolled = good(client.rest("POST", f"/authorities/{name}/rollover"))
    assert rolled["generation"] == 2 and rolled["usable"] and not rolled.get("revoked_at")
    new = client.enroll(dns=("new.example.com",), CertificateAuthority=name)
    assert whole_chain(tmp_path, root, rolled, new["Certificates"][0]) == ""
    assert ocsp(tmp_path, rolled["certificate"], root) == "good" and ocsp(tmp_path, below["certificate"], root) == "revoked"


def test_health_and_doctor_tell_of_it_and_the_server_goes_on(new_server):
    server = new_server().start()
    client = server.client()
    part = lambda: {one["name"]: one for one in good(client.rest("GET", "/health"))["components"]}["signing_keys"]
    name = client.server_ca()
    assert part()["state"] == "ok"
    assert len(good(revoke(client, name, reason=2))["items"]) == 1
    assert part()["state"] == "degraded" and f"certificate of {name} is revoked" in part()["detail"]
    ready = client.call("GET", "/healthz/ready")
    assert ready.status_code == 200 and ready.json()["degraded"] == ["signing_keys"]  # lists and OCSP are still to be had
    server.stop()
    done = chancery.cli("doctor", *backups.place(server), "--set", "listen.https=127.0.0.1:0")
    assert f"the certificate of {name}, key 1, is revoked" in done.stdout, done.stdout + done.stderr
    server.start()
    client = server.client()
    assert asked(client, name).status_code == 503  # still
    good(client.rest("POST", f"/authorities/{name}/rollover"))
    assert part()["state"] == "ok"
    client.enroll(dns=("again.example.com",))


def test_an_older_keys_and_a_cross_certificate_are_revoked_and_the_present_one_goes_on(server, tmp_path, tag):
    client = server.client()
    root, below = family(client, tag)
    other = made(client, f"Told {tag} Other", key_type="ec-p256")
    name = below["name"]
    rolled = good(client.rest("POST", f"/authorities/{name}/rollover"))
    cross = good(client.rest("POST", f"/authorities/{name}/cross-sign", json={"issuer": other["name"]}))["pem"]

    done = server.cli("ca", "revoke", name, "--generation", "1", "--reason", "superseded", "--yes")
    assert done.returncode == 0, done.stderr
    assert ocsp(tmp_path, below["certificate"], root) == "revoked"
    assert ocsp(tmp_path, rolled["certificate"], root) == ocsp(tmp_path, cross, other) == "good"
    assert listed_reason(root["crl_url"], below["certificate"]) == "superseded"
    client.enroll(dns=("still.example.com",), CertificateAuthority=name)

    serial = f"{keys.load(cross).serial_number:X}"
    done = server.cli("ca", "revoke", name, "--serial", serial, "--reason", "cessation-of-operation", "--yes")
    assert done.returncode == 0, done.stderr
    assert ocsp(tmp_path, cross, other) == "revoked" and ocsp(tmp_path, rolled["certificate"], root) == "good"
    assert in_list(other["crl_url"], cross) or listed_reason(other["crl_url"], cross) == "cessationOfOperation"
    client.enroll(dns=("further.example.com",), CertificateAuthority=name)
    rows = {one["serial_number"]: one for one in certificates(client, name)}
    assert sorted(one.get("revocation_reason") or 0 for one in rows.values()) == [0, 4, 5]
    for body, field in (({"generation": 9}, "generation"), ({"serial_number": "ABCD"}, "serial_number"),
                        ({"generation": 1, "serial_number": serial}, "serial_number")):
        reply = revoke(client, name, reason=4, **body)
        assert reply.status_code == 400 and field in reply.text, reply.text


def test_a_compromised_key_takes_its_cross_certificates_along(server, tmp_path, tag):
    client = server.client()
    root, below = family(client, tag)
    other = made(client, f"Told {tag} Other", key_type="ec-p256")
    name = below["name"]
    cross = good(client.rest("POST", f"/authorities/{name}/cross-sign", json={"issuer": other["name"]}))["pem"]
    items = good(revoke(client, name, reason=1))["items"]
    assert {one.get("told_at") for one in items} == {root["crl_url"], other["crl_url"]}
    assert ocsp(tmp_path, cross, other) == ocsp(tmp_path, below["certificate"], root) == "revoked"
    assert listed_reason(other["crl_url"], cross) == listed_reason(root["crl_url"], below["certificate"]) == "keyCompromise"
    good(client.rest("POST", f"/authorities/{name}/disable"))


def test_a_root_is_not_revoked_and_other_reasons_are_none(server, tag):
    client = server.client()
    root, below = family(client, tag)
    reply = revoke(client, root["name"], reason=1)
    assert reply.status_code == 409 and "self-signed" in reply.text and "rollover" in reply.text, reply.text
    assert asked(client, below["name"]).status_code == 200
    for reason in (0, 6, 9, -1):
        reply = revoke(client, below["name"], reason=reason)
        assert reply.status_code == 400 and "reason" in reply.text, reply.text
    reply = revoke(client, below["name"], reason=4, effective="2199-01-01T00:00:00Z")
    assert reply.status_code == 400 and "effective" in reply.text, reply.text
    assert revoke(client, below["name"]).status_code == 400
    assert asked(client, below["name"]).status_code == 200
    assert not [one for one in certificates(client, root["name"]) if one.get("revoked_at")]
    # the new key of a root is certified by the old one, and that certificate can be
    good(client.rest("POST", f"/authorities/{root['name']}/rollover"))
    link = [one for one in certificates(client, root["name"]) if not one["preferred"]][0]
    items = good(revoke(client, root["name"], serial_number=link["serial_number"], reason=1))["items"]
    assert [(one["serial_number"], one.get("told_at")) for one in items] == [(link["serial_number"], root["crl_url"])]
    assert listed_reason(root["crl_url"], link["certificate"]) == "keyCompromise"
    assert good(client.rest("GET", f"/authorities/{root['name']}"))["usable"]


def test_the_command_api_revokes_it_for_whoever_may_modify_the_authority(server, tmp_path, tag):
    client = server.client()
    root, below = family(client, tag)
    own = certificates(client, below["name"])[0]["certificate_id"]
    name, password = admin.user(server, permissions=["certificates/read", "certificates/revoke"])
    lesser = Client(server, (name, password))
    body = {"CertificateIds": [own], "Reason": 1, "Comment": "x"}
    reply = lesser.command("POST", "/Certificates/Revoke", json=body)
    assert reply.status_code == 400 and "chancery ca revoke" in reply.text, reply.text
    reply = lesser.command("DELETE", f"/Certificates/{own}/Revoke", json={"RevocationReason": 1})
    assert reply.status_code == 409 and "chancery ca revoke" in reply.text, reply.text
    assert revoke(lesser, below["name"], reason=1).status_code == 403
    assert ocsp(tmp_path, below["certificate"], root) == "good"
    # a query takes none along, and what is no authority's has no such reason
    some = client.enroll(dns=("plain.example.com",), CertificateAuthority=below["name"])["KeyfactorID"]
    reply = client.command("POST", "/Certificates/RevokeAll", json={"Query": f'IssuedCN -eq "{below["name"]}"', "Reason": 4})
    assert good(reply)["RevokedIds"] == []
    done = server.cli("revoke", "--query", f'IssuedCN -eq "{below["name"]}"', "--reason", "superseded", "--yes")
    assert "chancery ca revoke" in done.stderr + done.stdout, done.stderr + done.stdout
    assert ocsp(tmp_path, below["certificate"], root) == "good"
    reply = client.command("POST", "/Certificates/Revoke", json={"CertificateIds": [some, own], "Reason": 2})
    assert reply.status_code == 400 and "2 is no reason for a certificate" in reply.text, reply.text
    assert ocsp(tmp_path, below["certificate"], root) == "good"
    # who may modify this authority, and revoke
    name, password = admin.user(server, permissions=["certificates/read", "certificates/revoke", "authorities/modify"])
    greater = Client(server, (name, password))
    reply = greater.command("POST", "/Certificates/Revoke", json={"CertificateIds": [own], "Reason": 2})
    assert good(reply)["RevokedIds"] == [own]
    assert ocsp(tmp_path, below["certificate"], root) == "revoked"
    assert listed_reason(root["crl_url"], below["certificate"]) == "cACompromise"
    # the reason is not changed by whoever may not; key compromise goes over all
    assert lesser.command("POST", "/Certificates/Revoke", json=body).status_code == 400
    assert good(revoke(client, below["name"], reason=1))["items"][0]["revocation_reason"] == 1
    good(client.rest("POST", f"/authorities/{below['name']}/disable"))


def test_one_certified_elsewhere_is_recorded_and_its_issuer_has_to_tell(server, tmp_path, tag):
    name, word = f"Ceremony {tag} CA", tmp_path / "word"
    word.write_text("a long passphrase\n")
    word.chmod(0o600)
    root, key, client = tmp_path / "root.pem", tmp_path / "root.key", server.client()

    def cli(*arguments, status=0):
        done = server.cli(*arguments)
        assert done.returncode == status, (arguments, done.stdout, done.stderr)
        return done.stdout + done.stderr

    cli("ca", "offline", "init", f"CN=Ceremony {tag} Root", "--key-out", key, "--out", root, "--password-file", word)
    cli("ca", "create", name, "--outside")
    cli("ca", "csr", name, "--out", tmp_path / "ca.csr")
    cli("ca", "offline", "sign", tmp_path / "ca.csr", "--ca", root, "--key", key, "--password-file", word, "--out",
        tmp_path / "ca.pem")
    (tmp_path / "chain.pem").write_text((tmp_path / "ca.pem").read_text() + root.read_text())
    cli("ca", "install", name, tmp_path / "chain.pem")
    assert asked(client, name).status_code == 200
    said = cli("ca", "revoke", name, "--reason", "key-compromise", "--yes")
    serial = certificates(client, name)[0]["serial_number"]
    assert "not here" in said and f"Ceremony {tag} Root" in said and serial in said
    assert asked(client, name).status_code == 503
    cli("ca", "offline", "crl", "--ca", root, "--key", key, "--password-file", word, "--number", "2", "--revoked", serial,
        "--out", tmp_path / "root.crl")
    told = programs.openssl("crl", "-in", tmp_path / "root.crl", "-noout", "-text")
    assert serial in told.stdout.replace(":", ""), told.stdout + told.stderr
    good(client.rest("POST", f"/authorities/{name}/disable"))
