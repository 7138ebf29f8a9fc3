"""Keys that the server makes, keeps and hands out: PFX enrollment, recovery, retention, requests made here, import,
renewal."""
import base64
import datetime
import io
import json
import pathlib
import subprocess
import uuid
import zipfile

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12
from cryptography.x509.oid import NameOID

import admin
import keys
import processes
from chancery import good, needs_faults

PASSWORD = "a long password, früh"
HOST = "pfx.example.com"


def template(server, **policy):
    """A template like WebServer with these rules; its name."""
    client = server.client()
    body = good(client.rest("GET", "/templates/WebServer"))["policy"]
    name = f"Keys{uuid.uuid4().hex[:12]}"
    made = client.rest("POST", "/templates", json={"name": name, "policy": {**body, **policy}})
    assert made.status_code == 201, made.text
    return name


def ask(client, form="PFX", version="1", **body):
    """POST /Enrollment/PFX; the reply as it is."""
    return client.command("POST", "/Enrollment/PFX", json={
        "Subject": f"CN={HOST},O=Contoso", "SANs": {"dns": [HOST]}, "Template": "WebServer", "Password": PASSWORD,
        "CertificateAuthority": client.server_ca(), "IncludeChain": True, "Timestamp": "2025-10-22T14:30:00Z",
        "KeyType": "ECC", "RenewalCertificateId": 0, "PopulateMissingValuesFromAD": False, "Metadata": {}, **body},
        headers={"x-certificateformat": form, "x-keyfactor-api-version": version})


def enroll(client, form="PFX", **body):
    return good(ask(client, form, **body))["CertificateInformation"]


def opened(blob, password=PASSWORD):
    """(key, leaf, others) of a PKCS#12 file in base64."""
    return pkcs12.load_key_and_certificates(base64.b64decode(blob), password.encode())


def fits(key, certificate):
    return key.public_key().public_numbers() == certificate.public_key().public_numbers()


def recover(client, certificate, form="PFX", **body):
    return client.command("POST", "/Certificates/Recover", json={"CertId": certificate, "Password": PASSWORD, **body},
                          headers={"x-certificateformat": form})


def events(server, action, target=None):
    found = good(server.client().rest("GET", "/audit", params={"action": action, "limit": 1000}))["items"]
    return [event for event in found if target is None or event["target"]["id"] == str(target)]


# Enrollment.

@pytest.mark.parametrize("asked, kind, size", [
    ({"KeyType": "RSA", "KeyLength": 2048}, rsa.RSAPrivateKey, 2048),
    ({"KeyType": "RSA", "KeyLength": 3072}, rsa.RSAPrivateKey, 3072),
    ({"KeyType": "ECC"}, ec.EllipticCurvePrivateKey, 256),
    ({"KeyType": "ECC", "KeyLength": 384}, ec.EllipticCurvePrivateKey, 384),
    ({"KeyType": "EC", "Curve": "1.3.132.0.35"}, ec.EllipticCurvePrivateKey, 521),
    ({"KeyType": "", "Curve": "P-256"}, ec.EllipticCurvePrivateKey, 256),
    ({"KeyType": "Ed25519"}, ed25519.Ed25519PrivateKey, None),
    ({"KeyType": None}, rsa.RSAPrivateKey, 2048),
])
def test_every_kind_of_key_comes_with_its_certificate_and_chain(client, asked, kind, size):
    info = enroll(client, CustomFriendlyName="Web 1", **asked)
    key, leaf, others = opened(info["Pkcs12Blob"])
    assert isinstance(key, kind)
    if size:
        assert key.key_size == size and fits(key, leaf)
    assert keys.names(leaf) == [HOST] and leaf.subject.rfc4514_string() == f"CN={HOST},O=Contoso"
    assert info["Thumbprint"] == keys.thumbprint(leaf) and info["SerialNumber"] == keys.serial(leaf)
    assert info["RequestDisposition"] == "ISSUED" and info["KeyfactorId"] > 0 and info["KeyfactorRequestId"] > 0
    assert not info["Password"] and len(others) == 2
    assert pkcs12.load_pkcs12(base64.b64decode(info["Pkcs12Blob"]), PASSWORD.encode()).cert.friendly_name == b"Web 1"


def test_two_keys_are_never_the_same(client):
    made = {opened(enroll(client, KeyType="RSA", KeyLength=2048)["Pkcs12Blob"])[0].private_numbers().p
            for _ in range(4)}
    assert len(made) == 4


def test_forms_of_the_file_and_who_opens_them(client, tmp_path):
    path = tmp_path / "file"
    files = {form: base64.b64decode(enroll(client, form)["Pkcs12Blob"])
             for form in ("PFX", "pfx-legacy", "PEM", "Zip", "JKS")}
    path.write_bytes(files["PFX"])
    said = processes.run(["openssl", "pkcs12", "-in", path, "-info", "-nodes", "-passin", f"pass:{PASSWORD}"])
    text = said.stdout + said.stderr
    assert "AES-256-CBC, Iteration 100000, PRF hmacWithSHA256" in text and "MAC: sha256" in text
    assert text.index("BEGIN PRIVATE KEY") < text.index("BEGIN CERTIFICATE"), "the key comes first"
    path.write_bytes(files["pfx-legacy"])
    said = processes.run(["openssl", "pkcs12", "-in", path, "-info", "-nodes", "-passin", f"pass:{PASSWORD}"])
    assert "pbeWithSHA1And3-KeyTripleDES-CBC" in said.stderr + said.stdout and "MAC: sha1" in said.stderr + said.stdout
    said = processes.run(["certtool", "--p12-info", "--inder", "--infile", path, "--password", PASSWORD])
    assert said.returncode == 0, said.stderr
    for pem in (files["PEM"], zipfile.ZipFile(io.BytesIO(files["Zip"])).read(f"{HOST}.pem")):
        assert pem.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
        chain = keys.load_all(pem[pem.index(b"-----BEGIN CERT"):].decode())
        assert fits(load_pem_private_key(pem, PASSWORD.encode()), chain[0]) and len(chain) == 3
    path.write_bytes(files["JKS"])
    said = processes.run(["keytool", "-list", "-v", "-keystore", path, "-storetype", "JKS", "-storepass", PASSWORD])
    assert said.returncode == 0, said.stdout + said.stderr
    assert f"Alias name: {HOST}" in said.stdout and "Certificate chain length: 3" in said.stdout, said.stdout


def test_the_chain_and_its_order_are_chosen_by_the_request(client):
    alone = enroll(client, "PEM", IncludeChain=False)
    assert base64.b64decode(alone["Pkcs12Blob"]).count(b"BEGIN CERTIFICATE") == 1
    pem = base64.b64decode(enroll(client, "PEM", ChainOrder="RootFirst")["Pkcs12Blob"])
    chain = keys.load_all(pem[pem.index(b"-----BEGIN CERT"):].decode())
    assert chain[0].subject == chain[0].issuer and keys.names(chain[-1]) == [HOST]
    assert ask(client, ChainOrder="Sideways").status_code == 400


def test_version_2_makes_a_password_where_there_is_none(client):
    reply = ask(client, version="2", Password="")
    body = good(reply)
    assert "no-store" in reply.headers["Cache-Control"] and body["SuccessfulStores"] == []
    info = body["CertificateInformation"]
    assert len(info["Password"]) >= 20 and info["StoreIdsInvalidForRenewal"] == []
    assert fits(*opened(info["Pkcs12Blob"], info["Password"])[:2])
    assert ask(client, version="1", Password="").status_code == 400


@pytest.mark.parametrize("body, says", [
    ({"Password": None}, "Password"), ({"Password": "short"}, "Password"), ({"Password": "x" * 256}, "Password"),
    ({"Template": "NoSuch"}, "Template"), ({"Template": None}, "Template"),
    ({"CertificateAuthority": "NoSuch"}, "CertificateAuthority"),
    ({"KeyType": "DSA"}, "KeyType"), ({"KeyType": "RSA", "KeyLength": 1024}, "KeyLength"),
    ({"KeyType": "RSA", "KeyLength": 16384}, "KeyLength"), ({"KeyType": "RSA", "KeyLength": -1}, "KeyLength"),
    ({"KeyType": "ECC", "KeyLength": 224}, "KeyLength"), ({"KeyType": "ECC", "Curve": "secp256k1"}, "Curve"),
    ({"KeyType": "ECC", "Curve": "1.3.132.0.10"}, "Curve"),
    ({"Subject": "CN=,,"}, "Subject"), ({"Subject": "nonsense"}, "Subject"),
    ({"SANs": {"dns": ["bad name"]}}, "SANs.dns[0]"), ({"SANs": {"colour": ["a"]}}, "SANs.colour"),
    ({"SANs": {}, "Subject": "O=Contoso"}, "SANs"),
    ({"Metadata": {"NoSuch": "x"}}, "Metadata.NoSuch"), ({"PopulateMissingValuesFromAD": True}, "PopulateMissing"),
    ({"Stores": [{"StoreId": "00000000-0000-0000-0000-000000000000"}]}, "Stores[0]"),
    ({"RenewalCertificateId": 999999999}, "RenewalCertificateId"), ({"AlternativeKeyType": "ML-DSA"}, "Alternative"),
])
def test_what_is_wrong_is_named_and_nothing_is_made(client, body, says):
    before = client.total()
    reply = ask(client, **body)
    assert reply.status_code == 400 and says in reply.json()["Message"], reply.text
    assert client.total() == before
    assert "PRIVATE" not in reply.text and PASSWORD not in reply.text


@pytest.mark.parametrize("form", ["STORE", "DER", "P7B", "nonsense"])
def test_a_form_that_holds_no_key_is_refused(client, form):
    assert ask(client, form).status_code == 400


def test_an_empty_subject_is_fine_with_names(client):
    leaf = opened(enroll(client, Subject="")["Pkcs12Blob"])[1]
    assert keys.names(leaf) == [HOST] and not list(leaf.subject)


def test_the_template_says_which_keys(server, client):
    name = template(server, key_types=["ec:p384"])
    assert opened(enroll(client, Template=name, KeyType=None)["Pkcs12Blob"])[0].key_size == 384
    for body in ({"KeyType": "RSA"}, {"KeyType": "ECC", "Curve": "P-256"}):
        reply = ask(client, Template=name, **body)
        assert reply.status_code == 400 and "ec:p384" in reply.json()["Message"], reply.text
    refused = ask(client, Template=template(server, server_keys=False))
    assert refused.status_code == 400 and "made by those who use them" in refused.json()["Message"]


def test_who_may_enroll_with_a_request_may_not_for_that_have_keys_made(server):
    only_csr = server.client(*admin.user(server, permissions=["enrollment/csr", "authorities/read"]))
    assert ask(only_csr).status_code == 403
    only_pfx = server.client(*admin.user(server, permissions=["enrollment/pfx", "authorities/read"]))
    assert ask(only_pfx).status_code == 200


@pytest.mark.once
def test_old_readers_are_served_where_that_is_configured(new_server, tmp_path):
    server = new_server(settings={"keys.pfx_legacy": "true", "keys.without_csr": "false",
                                  "keys.password_min": "14", "keys.ahead": "0"}).start()
    client = server.client()
    (tmp_path / "f").write_bytes(base64.b64decode(enroll(client)["Pkcs12Blob"]))
    said = processes.run(["openssl", "pkcs12", "-in", tmp_path / "f", "-info", "-noout", "-passin", f"pass:{PASSWORD}"])
    assert "TripleDES" in said.stderr + said.stdout
    assert ask(client, Password="thirteen char").status_code == 400
    reply = client.command("POST", "/Enrollment/CSR", json={
        "Template": "WebServer", "Subject": f"CN={HOST}", "SANs": [f"DNS:{HOST}"]})
    assert reply.status_code == 400 and "keys are not made here" in reply.json()["Message"]


@pytest.mark.seed("S303")
def test_a_request_without_a_csr_gets_a_key(client):
    reply = client.command("POST", "/Enrollment/CSR", json={
        "Template": "WebServer", "Subject": f"CN=test.{HOST}", "SANs": [f"DNS:test.{HOST}"]})
    info = good(reply)["CertificateInformation"]
    assert "no-store" in reply.headers["Cache-Control"]
    key, leaf, _ = opened(info["Pkcs12Blob"], info["Password"])
    assert fits(key, leaf) and keys.thumbprint(leaf) == info["Thumbprint"]
    assert keys.load(info["Certificates"][0]) == leaf and len(info["Password"]) >= 20
    assert "Pkcs12Blob" not in client.enroll(), "a CSR of one's own brings no key"
    for body in ({}, {"CSR": ""}, {"CSR": None, "Subject": ""}):
        reply = client.command("POST", "/Enrollment/CSR", json={"Template": "WebServer", **body})
        assert reply.status_code == 400 and "CSR" in reply.json()["Message"], reply.text


# Recovery and retention.

KEEPS = {"key_retention": "indefinite"}


def test_a_key_is_recovered_in_any_form_and_each_recovery_is_evidence(server, client, tmp_path):
    name = template(server, **KEEPS)
    info = enroll(client, Template=name)
    key, leaf, _ = opened(info["Pkcs12Blob"])
    certificate = info["KeyfactorId"]
    assert info["DispositionMessage"] == "The private key was successfully retained."
    shown = client.get(f"/Certificates/{certificate}")
    assert shown["HasPrivateKey"] is True and shown["KeyRecoverable"] is True
    for number, (form, ending) in enumerate((("PFX", "pfx"), ("", "pfx"), ("PEM", "pem"), ("zip", "zip"),
                                             ("JKS", "jks"))):
        got = good(recover(client, certificate, form, IncludeChain=True))
        assert got["FileName"] == f"{HOST}.{ending}"
        if ending == "pfx":
            again, same, others = opened(got["PFX"])
            assert again.private_numbers() == key.private_numbers() and same == leaf and len(others) == 2
        found = events(server, "certificate.key.recover", certificate)
        assert len(found) == number + 1 and found[0]["actor"]["name"] == server.user
    by_thumbprint = client.command("POST", "/Certificates/Recover", json={"Thumbprint": info["Thumbprint"],
                                                                         "Password": PASSWORD})
    assert fits(*opened(good(by_thumbprint)["PFX"])[:2])
    assert "no-store" in by_thumbprint.headers["Cache-Control"]


def test_what_cannot_be_recovered_says_why(server, client):
    without = client.enroll()["KeyfactorID"]
    reply = recover(client, without)
    assert reply.status_code == 400 and "not kept here" in reply.json()["Message"]
    assert recover(client, 999999999).status_code == 404
    kept = enroll(client, Template=template(server, **KEEPS))["KeyfactorId"]
    assert recover(client, kept, Password="short").status_code == 400
    assert recover(client, kept, Password="").status_code == 400
    assert recover(client, kept, "P7B").status_code == 400
    assert not events(server, "certificate.key.recover", kept)


def test_a_template_without_retention_keeps_nothing(client):
    info = enroll(client)
    assert client.get(f"/Certificates/{info['KeyfactorId']}")["HasPrivateKey"] is False
    assert recover(client, info["KeyfactorId"]).status_code == 400


@pytest.mark.seed("S313")
def test_a_key_that_is_not_exportable_is_never_recovered(server, client):
    name = template(server, **KEEPS, key_exportable=False)
    certificate = enroll(client, Template=name)["KeyfactorId"]
    reply = recover(client, certificate)
    assert reply.status_code == 403 and "PFX" not in reply.json(), reply.text
    later = template(server, **KEEPS)
    kept = enroll(client, Template=later)["KeyfactorId"]
    body = client.rest("GET", f"/templates/{later}")
    good(client.rest("PUT", f"/templates/{later}", headers={"If-Match": body.headers["ETag"]},
                     json={"policy": {**body.json()["policy"], "key_exportable": False}}))
    assert recover(client, kept).status_code == 403, "the template's word of today counts, too"
    assert not events(server, "certificate.key.recover", certificate)


def naming_the_key_of(certificate, serial=None):
    """A certificate that nobody who has the key was asked about: it names the key of another, and its issuer."""
    now = datetime.datetime.utcnow()
    forged = (x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "forged")]))
              .issuer_name(certificate.issuer).serial_number(serial or x509.random_serial_number())
              .not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
              .public_key(certificate.public_key()).sign(keys.new_key(), hashes.SHA256()))
    return base64.b64encode(forged.public_bytes(keys.DER)).decode(), keys.thumbprint(forged)


def test_a_certificate_that_names_the_key_of_another_does_not_open_it(server, client):
    kept = enroll(client, Template=template(server, **KEEPS, key_exportable=False))["KeyfactorId"]
    open_one = enroll(client, Template=template(server, **KEEPS))["KeyfactorId"]
    for certificate in (kept, open_one):
        shown = x509.load_der_x509_certificate(base64.b64decode(client.get(f"/Certificates/{certificate}")["ContentBytes"]))
        forged, thumbprint = naming_the_key_of(shown)
        client.post("/Certificates/Import", {"Certificate": forged})
        found = client.get("/Certificates", **{"pq.queryString": f'Thumbprint -eq "{thumbprint}"'})[0]
        assert found["HasPrivateKey"] is False
        assert recover(client, found["Id"]).status_code == 400, "it never had the key"
        assert client.command("DELETE", f"/Certificates/PrivateKey/{found['Id']}").status_code == 404
        same_serial, _ = naming_the_key_of(shown, serial=shown.serial_number)
        reply = client.command("POST", "/Certificates/Import", json={"Certificate": same_serial})
        assert reply.status_code == 409 and "serial number" in reply.json()["Message"], reply.text
        assert "UNIQUE" not in reply.text and "duplicate" not in reply.text
    assert recover(client, kept).status_code == 403
    assert recover(client, open_one).status_code == 200


def test_a_second_certificate_of_a_key_loosens_nothing(server, client):
    strict, loose = template(server, **KEEPS, key_exportable=False), template(server)
    made = client.post("/CSRGeneration/Generate", {"Subject": "CN=web.example.com", "KeyType": "ECC",
                                                   "SANs": {"dns": ["web.example.com"]}})["CSR"]
    first, second = [client.post("/Enrollment/CSR", {"CSR": made, "Template": name})["CertificateInformation"]["KeyfactorID"]
                     for name in (strict, loose)]
    assert {recover(client, certificate).status_code for certificate in (first, second)} == {403}
    made = client.post("/CSRGeneration/Generate", {"Subject": "CN=web.example.com", "KeyType": "ECC", "Template": strict,
                                                   "SANs": {"dns": ["web.example.com"]}})["CSR"]
    second = client.post("/Enrollment/CSR", {"CSR": made, "Template": loose})["CertificateInformation"]["KeyfactorID"]
    assert recover(client, second).status_code == 403, "it was asked for under a template that hands nothing out"
    kept = template(server, **KEEPS)
    made = client.post("/CSRGeneration/Generate", {"Subject": "CN=web.example.com", "KeyType": "ECC",
                                                   "SANs": {"dns": ["web.example.com"]}})["CSR"]
    first, second = [client.post("/Enrollment/CSR", {"CSR": made, "Template": name})["CertificateInformation"]["KeyfactorID"]
                     for name in (kept, loose)]
    assert [recover(client, certificate).status_code for certificate in (second, second, first)] == [200, 200, 200], \
        "what the first template keeps, the second does not take away"


def test_recovery_has_a_permission_of_its_own_and_others_learn_nothing(server, client):
    kept = enroll(client, Template=template(server, **KEEPS))["KeyfactorId"]
    everything_else = ["certificates/read", "certificates/edit", "certificates/revoke", "certificates/delete",
                       "certificates/import", "certificates/import_key", "enrollment/pfx", "enrollment/csr"]
    stranger = server.client(*admin.user(server, permissions=everything_else))
    told = {recover(stranger, which).text for which in (kept, 999999999)}
    assert {recover(stranger, which).status_code for which in (kept, 999999999)} == {403}
    assert len(told) == 1 and "Certificates:Recover" in told.pop()
    assert not events(server, "certificate.key.recover", kept)
    allowed = server.client(*admin.user(server, permissions=["certificates/recover"]))
    assert recover(allowed, kept).status_code == 200


def test_a_key_is_destroyed_and_the_certificate_stays(server, client):
    name = template(server, **KEEPS)
    ids = [enroll(client, Template=name)["KeyfactorId"] for _ in range(3)]
    assert client.command("DELETE", f"/Certificates/PrivateKey/{ids[0]}").status_code == 204
    assert client.command("DELETE", f"/Certificates/PrivateKey/{ids[0]}").status_code == 404
    reply = client.command("DELETE", "/Certificates/PrivateKey", json=[ids[1], ids[0], 999999999])
    assert reply.status_code == 404, reply.text
    assert reply.json()["FailedOperations"][0]["Ids"] == [ids[0], 999999999]
    assert recover(client, ids[1]).status_code == 200, "none of them was destroyed"
    assert client.command("DELETE", "/Certificates/PrivateKey", json=ids[1:]).status_code == 204
    for certificate in ids:
        assert client.get(f"/Certificates/{certificate}")["HasPrivateKey"] is False
        assert recover(client, certificate).status_code == 400
        assert len(events(server, "certificate.key.delete", certificate)) == 1
    reader = server.client(*admin.user(server, permissions=["certificates/read"]))
    assert reader.command("DELETE", f"/Certificates/PrivateKey/{ids[0]}").status_code == 403
    assert reader.command("DELETE", "/Certificates/PrivateKey", json=ids).status_code == 403


def test_templates_tell_their_retention(server, client):
    name = template(server, key_retention="after_expiration", key_retention_days=30)
    shown = next(row for row in client.get("/Templates") if row["CommonName"] == name)
    assert (shown["KeyRetention"], shown["KeyRetentionDays"], shown["AllowedEnrollmentTypes"]) == \
        ("AfterExpiration", 30, 3)
    name = template(server, server_keys=False)
    shown = next(row for row in client.get("/Templates") if row["CommonName"] == name)
    assert shown["AllowedEnrollmentTypes"] == 2 and shown["KeyRetention"] == "None"


def test_a_key_that_waits_for_an_approval_is_kept(server, client):
    body = good(ask(client, Template=template(server, requires_approval=True)))["CertificateInformation"]
    assert body["RequestDisposition"] == "PENDING" and body["KeyfactorId"] == 0 and not body["Pkcs12Blob"]
    assert not body["Password"]


# Requests made here.

def generate(client, **body):
    return client.command("POST", "/CSRGeneration/Generate", json={
        "Subject": f"CN=made.{HOST},O=Contoso", "KeyType": "ECC", "KeyLength": 256,
        "SANs": {"dns": [f"made.{HOST}"]}, **body})


def pending(client):
    return {row["CSR"]: row for row in client.get("/CSRGeneration/Pending")}


def test_the_key_of_a_request_made_here_waits_for_its_certificate(server, client):
    csr = good(generate(client))
    assert csr["CSRFilePath"] == f"made.{HOST}.csr" and csr["CSR"] == csr["CSRText"]
    row = pending(client)[csr["CSRText"]]
    assert row["Subject"] == [f"CN=made.{HOST},O=Contoso"] and row["RequestTime"].endswith("Z")
    assert client.get(f"/CSRGeneration/Pending/{row['Id']}") == csr
    lines = good(client.command("POST", "/Enrollment/CSR/Parse", json={"CSR": csr["CSRText"]}))
    assert f"SAN DNS: made.{HOST}" in lines and "Signature: good" in lines, lines
    info = client.enroll(csr=csr["CSRText"], Template=template(server, **KEEPS))
    assert info["DispositionMessage"] == "The private key was successfully retained."
    assert csr["CSRText"] not in pending(client)
    for _ in range(2):
        key, leaf, _ = opened(good(recover(client, info["KeyfactorID"]))["PFX"])
        assert fits(key, leaf) and keys.names(leaf) == [f"made.{HOST}"]


def test_without_retention_a_waiting_key_is_handed_out_once(client):
    csr = good(generate(client))["CSRText"]
    certificate = client.enroll(csr=csr)["KeyfactorID"]
    assert client.get(f"/Certificates/{certificate}")["HasPrivateKey"] is True
    assert fits(*opened(good(recover(client, certificate))["PFX"])[:2])
    assert client.get(f"/Certificates/{certificate}")["HasPrivateKey"] is False
    assert recover(client, certificate).status_code == 400


def test_the_certificate_of_a_request_made_here_may_come_from_elsewhere(client):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    import datetime
    csr = x509.load_pem_x509_csr(good(generate(client))["CSRText"].encode())
    _, ca = keys.self_signed()
    now = datetime.datetime.utcnow()
    leaf = (x509.CertificateBuilder().subject_name(csr.subject).public_key(csr.public_key())
            .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "stranger")]))
            .serial_number(x509.random_serial_number()).not_valid_before(now)
            .not_valid_after(now + datetime.timedelta(days=9)).sign(ca, hashes.SHA256()))
    got = client.post("/Certificates/Import", {"Certificate": leaf.public_bytes(keys.PEM).decode()})
    assert got["Thumbprint"] == keys.thumbprint(leaf) and got["ImportStatus"] == 1
    found = client.get("/Certificates", **{"pq.queryString": f'Thumbprint -eq "{got["Thumbprint"]}"'})[0]
    assert found["HasPrivateKey"] is True
    key, same, _ = opened(good(recover(client, found["Id"]))["PFX"])
    assert fits(key, leaf) and same == leaf


@pytest.mark.parametrize("body, says", [
    ({"KeyType": "DSA"}, "KeyType"), ({"KeyType": "RSA", "KeyLength": 512}, "KeyLength"),
    ({"Subject": "nonsense"}, "Subject"), ({"Subject": "", "SANs": None}, "Subject"),
    ({"SANs": {"dns": ["a b"]}}, "SANs.dns[0]"), ({"SANs": {"ip4": ["::1"]}}, "SANs.ip4[0]"),
    ({"Template": "NoSuch"}, "Template"),
])
def test_a_request_that_cannot_be_made_says_why(client, body, says):
    before = len(pending(client))
    reply = generate(client, **body)
    assert reply.status_code == 400 and says in reply.json()["Message"], reply.text
    assert len(pending(client)) == before


def test_requests_made_here_are_seen_and_dropped_by_their_maker(server, client):
    permissions = ["enrollment/csr_generation", "enrollment/pending"]
    one, other = (server.client(*admin.user(server, permissions=permissions)) for _ in range(2))
    made = [good(generate(one))["CSRText"] for _ in range(3)]
    ids = [pending(one)[csr]["Id"] for csr in made]
    assert not pending(other) and set(made) <= set(pending(client))
    assert other.command("GET", f"/CSRGeneration/Pending/{ids[0]}").status_code == 404
    assert other.command("DELETE", f"/CSRGeneration/Pending/{ids[0]}").status_code == 404
    assert one.command("DELETE", f"/CSRGeneration/Pending/{ids[0]}").status_code == 204
    assert one.command("DELETE", "/CSRGeneration/Pending", json=[ids[1], ids[0]]).status_code == 404
    assert set(pending(one)) == set(made[1:]), "all or none"
    assert one.command("DELETE", "/CSRGeneration/Pending", json=ids[1:]).status_code == 204
    assert not pending(one) and len(events(server, "request.csr.delete", ids[0])) == 1
    nobody = server.client(*admin.user(server, permissions=["enrollment/csr"]))
    assert generate(nobody).status_code == 403
    assert nobody.command("GET", "/CSRGeneration/Pending").status_code == 403
    certificate = client.enroll(csr=made[0])["KeyfactorID"]
    assert client.get(f"/Certificates/{certificate}")["HasPrivateKey"] is False, "its key is gone"


# Import.

def pfx_of(key, certificate, password=PASSWORD):
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
    return base64.b64encode(pkcs12.serialize_key_and_certificates(
        b"theirs", key, certificate, None, BestAvailableEncryption(password.encode()))).decode()


def test_a_stranger_s_certificate_and_key_are_brought_in(server, client):
    key = keys.new_key("rsa:2048")
    certificate, _ = keys.self_signed(key=key)
    body = {"Certificate": pfx_of(key, certificate), "Password": PASSWORD, "Metadata": {}, "StoreIds": ["gone"]}
    got = client.post("/Certificates/Import", body)
    assert got["Thumbprint"] == keys.thumbprint(certificate) and got["ImportStatus"] == 1
    assert got["InvalidKeystores"][0]["KeystoreId"] == "gone"
    found = client.get("/Certificates", **{"pq.queryString": f'Thumbprint -eq "{got["Thumbprint"]}"'})[0]
    assert found["HasPrivateKey"] is True
    assert opened(good(recover(client, found["Id"]))["PFX"])[0].private_numbers() == key.private_numbers()
    assert client.post("/Certificates/Import", body)["ImportStatus"] == 2
    assert len(events(server, "certificate.import", found["Id"])) == 2


def test_a_key_may_follow_its_certificate_and_needs_a_permission(server, client):
    key = keys.new_key()
    certificate, _ = keys.self_signed(key=key)
    der = base64.b64encode(certificate.public_bytes(keys.DER)).decode()
    importer = server.client(*admin.user(server, permissions=["certificates/import"]))
    assert importer.post("/Certificates/Import", {"Certificate": der})["ImportStatus"] == 1
    with_key = {"Certificate": pfx_of(key, certificate), "Password": PASSWORD}
    assert importer.command("POST", "/Certificates/Import", json=with_key).status_code == 403
    assert client.post("/Certificates/Import", with_key)["ImportStatus"] == 2
    found = client.get("/Certificates", **{"pq.queryString": f'Thumbprint -eq "{keys.thumbprint(certificate)}"'})[0]
    assert found["HasPrivateKey"] is True
    stranger = server.client(*admin.user(server, permissions=["certificates/read"]))
    assert stranger.command("POST", "/Certificates/Import", json={"Certificate": der}).status_code == 403


def test_a_file_that_cannot_be_brought_in_says_why(client):
    key = keys.new_key()
    certificate, _ = keys.self_signed(key=key)
    good_one = pfx_of(key, certificate)
    cut = base64.b64encode(base64.b64decode(good_one)[:-40]).decode()
    for body, status, says in (
            ({"Certificate": good_one, "Password": "wrong"}, 400, "Password: PKCS#12: the password is wrong"),
            ({"Certificate": good_one}, 400, "Password: PKCS#12: the password is missing"),
            ({"Certificate": cut, "Password": PASSWORD}, 400, "Certificate"),
            ({"Certificate": "AAAA"}, 400, "Certificate"), ({"Certificate": "no base64!"}, 400, "Certificate"),
            ({"Certificate": ""}, 400, "Certificate"), ({}, 400, "Certificate"),
            ({"Certificate": good_one, "Password": PASSWORD, "Metadata": {"NoSuch": "x"}}, 400, "Metadata.NoSuch")):
        reply = client.command("POST", "/Certificates/Import", json=body)
        assert reply.status_code == status and reply.json()["Message"].startswith(says), reply.text


# Renewal.

def test_renewal_with_one_call_takes_a_new_key_and_keeps_the_rest(server, client):
    name = template(server, **KEEPS)
    first = enroll(client, Template=name, KeyLength=384, SANs={"dns": [HOST, f"www.{HOST}"]})
    old = opened(first["Pkcs12Blob"])
    for path in (f"Id/{first['KeyfactorId']}", f"Thumbprint/{first['Thumbprint']}"):
        assert client.get(f"/Enrollment/AvailableRenewal/{path}")["AvailableRenewalType"] == 1
    got = client.post("/Enrollment/Renew", {"CertificateId": first["KeyfactorId"]})
    assert got["RequestDisposition"] == "ISSUED" and got["KeyfactorId"] != first["KeyfactorId"]
    key, leaf, _ = opened(good(recover(client, got["KeyfactorId"]))["PFX"])
    assert keys.thumbprint(leaf) == got["Thumbprint"] and leaf.subject == old[1].subject
    assert keys.names(leaf) == [HOST, f"www.{HOST}"] and key.key_size == 384
    assert key.private_numbers() != old[0].private_numbers()
    assert len(events(server, "certificate.renew", got["KeyfactorId"])) == 1
    again = client.post("/Enrollment/Renew", {"Thumbprint": got["Thumbprint"], "Template": name,
                                              "CertificateAuthority": client.server_ca()})
    assert again["KeyfactorId"] not in (first["KeyfactorId"], got["KeyfactorId"])


def test_what_cannot_be_renewed_with_one_call_says_why(server, client):
    by_csr = client.enroll()["KeyfactorID"]
    assert client.get(f"/Enrollment/AvailableRenewal/Id/{by_csr}")["AvailableRenewalType"] == 2
    reply = client.command("POST", "/Enrollment/Renew", json={"CertificateId": by_csr})
    assert reply.status_code == 400 and "not kept here" in reply.json()["Message"]
    revoked = enroll(client, Template=template(server, **KEEPS))["KeyfactorId"]
    client.revoke(revoked, reason=4)
    said = client.get(f"/Enrollment/AvailableRenewal/Id/{revoked}")
    assert said["AvailableRenewalType"] == 0 and "revoked" in said["Message"]
    assert client.command("POST", "/Enrollment/Renew", json={"CertificateId": revoked}).status_code == 400
    assert client.command("POST", "/Enrollment/Renew", json={}).status_code == 400
    assert client.command("POST", "/Enrollment/Renew", json={"CertificateId": 999999999}).status_code == 404
    assert client.command("GET", "/Enrollment/AvailableRenewal/Id/999999999").status_code == 404
    assert client.command("GET", "/Enrollment/AvailableRenewal/Thumbprint/zz").status_code == 400
    stranger = server.client(*admin.user(server, permissions=["certificates/read"]))
    assert stranger.get(f"/Enrollment/AvailableRenewal/Id/{by_csr}")["AvailableRenewalType"] == 0
    assert stranger.command("POST", "/Enrollment/Renew", json={"CertificateId": by_csr}).status_code == 403


def test_a_pfx_enrollment_may_name_what_it_renews(server, client):
    first = client.enroll()["KeyfactorID"]
    second = enroll(client, RenewalCertificateId=first)["KeyfactorId"]
    assert len(events(server, "certificate.renew", second)) == 1


# What a caller may use.

def test_the_context_names_what_the_caller_may_enroll_by(server, client):
    csr_only = template(server, server_keys=False)
    pfx, csr = (client.get(f"/Enrollment/{kind}/Context/My") for kind in ("PFX", "CSR"))
    assert csr_only not in [t["Name"] for t in pfx["Templates"]] and csr_only in [t["Name"] for t in csr["Templates"]]
    web = next(t for t in pfx["Templates"] if t["Name"] == "WebServer")
    assert web["CAs"] and web["CAs"][0]["Name"].endswith(client.server_ca()) and pfx["StandaloneCAs"] == []
    assert web["KeyType"] == "RSA" and web["KeySize"] == "2048" and web["RequiresApproval"] is False
    settings = client.get(f"/Enrollment/Settings/{web['Id']}")
    assert 2048 in settings["TemplatePolicy"]["RSAValidKeySizes"] and settings["TemplateDefaults"] == []
    assert client.command("GET", "/Enrollment/Settings/999999").status_code == 404
    role = admin.role(server, ["certificates/read"])
    nobody = server.client(*admin.user(server, roles=[role]))
    assert nobody.command("GET", "/Enrollment/PFX/Context/My").status_code == 403
    assert nobody.command("GET", "/Enrollment/CSR/Context/My").status_code == 403


@pytest.mark.parametrize("csr, status", [("nonsense", 400), ("", 400), ("AAAA", 400)])
def test_a_request_that_is_none_is_not_parsed(client, csr, status):
    assert client.command("POST", "/Enrollment/CSR/Parse", json={"CSR": csr}).status_code == status


# Never in clear.

def bytes_of(path):
    return b"".join(one.read_bytes() for one in sorted(pathlib.Path(path).rglob("*")) if one.is_file())


@needs_faults
def test_no_key_and_no_password_is_ever_on_disk_in_clear_and_time_ends_it(new_server):
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from chancery import FAULTS
    server = new_server(program=FAULTS, settings={"log.level": "trace"}).start()
    client = server.client()
    name = template(server, key_retention="from_issuance", key_retention_days=1)
    made = enroll(client, Template=name, KeyType="RSA", KeyLength=2048)
    by_server = good(client.command("POST", "/Enrollment/CSR", json={
        "Template": name, "Subject": f"CN={HOST}", "SANs": [f"DNS:{HOST}"]}))["CertificateInformation"]
    good(recover(client, made["KeyfactorId"]))
    found = [opened(made["Pkcs12Blob"])[0], opened(by_server["Pkcs12Blob"], by_server["Password"])[0]]
    secrets = [PASSWORD.encode(), json.dumps(PASSWORD)[1:-1].encode(), by_server["Password"].encode()]
    for key in found:
        der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        secrets += [der, base64.b64encode(der)[:60], der[-60:]]
        if isinstance(key, rsa.RSAPrivateKey):
            prime = key.private_numbers().p
            secrets.append(prime.to_bytes((prime.bit_length() + 7) // 8, "big"))
    server.stop()
    everything = bytes_of(server.dir)
    if server.database.startswith("postgresql:"):
        everything += subprocess.run(["pg_dump", "--inserts", server.database], capture_output=True, check=True).stdout
    assert len(everything) > 100000
    for secret in secrets:
        assert secret not in everything and secret.hex().encode() not in everything
    server.start(CHANCERY_CLOCK_OFFSET_MS=str(3 * 86400 * 1000))
    client = server.client()
    processes.wait_until(lambda: recover(client, made["KeyfactorId"]).status_code == 400, 60,
                         what="the end of a key's time")
    assert client.get(f"/Certificates/{made['KeyfactorId']}")["HasPrivateKey"] is False
    assert events(server, "certificate.key.delete", made["KeyfactorId"])[0]["actor"]["type"] == "system"
