"""The first real use: a certificate that nginx serves and curl trusts, and that everybody sees revoked."""
import base64
import datetime
import hashlib
import json
import re
from email.utils import parsedate_to_datetime

import pytest
import requests

import keys
import processes
import programs


class Issued:
    """A certificate with its chain, as files and texts that other programs read."""

    def __init__(self, tmp_path, chain, key):
        self.dir, self.key = tmp_path, key
        self.chain = [keys.load(pem) for pem in chain]
        self.leaf, self.issuer, self.root = (certificate.public_bytes(keys.PEM).decode() for certificate in self.chain)
        self.where = keys.addresses(self.chain[0])
        self.served = self.leaf + self.issuer
        (tmp_path / "root.pem").write_text(self.root)

    def verdicts(self):
        """What openssl ocsp, ocsptool and a CRL check say."""
        crl = programs.fetch(self.where["crl"][0])
        return [programs.openssl_ocsp(self.dir, self.leaf, self.issuer, self.root, self.where["ocsp"][0]),
                programs.ocsptool(self.dir, self.leaf, self.issuer, self.where["ocsp"][0]),
                programs.crl_says(self.dir, self.leaf, self.issuer + self.root, [crl.content])]

    def show_good(self, nginx):
        page = programs.curl(nginx(self.served, self.key), self.dir / "root.pem")
        assert page.stdout == "served by nginx\n", page.stderr
        assert self.verdicts() == ["good", "good", "ok"]

    def show_revoked(self):
        """OCSP says so at once, the next CRL within 10 s."""
        assert programs.openssl_ocsp(self.dir, self.leaf, self.issuer, self.root, self.where["ocsp"][0]) == "revoked"
        processes.wait_until(lambda: self.verdicts() == ["revoked", "revoked", "revoked"], 15, 0.5,
                             what="the CRL with the revocation")


@pytest.fixture
def by_cli(server, tmp_path):
    """Issue for localhost by `chancery issue`."""
    authority = server.client().server_ca()
    done = server.cli("issue", "--issuer", authority, "--dns", "localhost", "--duration", "30d", "--out",
                      tmp_path / "web.pem", "--key-out", tmp_path / "web.key", "-o", "json")
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)
    chain = server.cli("certs", "download", str(row["Id"]), "--as", "fullchain", "--out", "-")
    assert chain.returncode == 0, chain.stderr
    found = [one.public_bytes(keys.PEM).decode() for one in keys.load_all(chain.stdout)]
    written = keys.load((tmp_path / "web.pem").read_text())
    assert keys.thumbprint(written) == row["Thumbprint"] == keys.thumbprint(keys.load(found[0]))
    if len(found) == 2:
        found.append(open(server.ca, encoding="ascii").read())
    return row, Issued(tmp_path, found, (tmp_path / "web.key").read_text())


@pytest.mark.seed("S417")
def test_a_certificate_of_the_command_line_serves_and_is_seen_revoked(server, by_cli, nginx):
    row, issued = by_cli
    assert keys.names(issued.chain[0]) == ["localhost"]
    issued.show_good(nginx)
    done = server.cli("revoke", str(row["Id"]), "--reason", "key-compromise", "--comment", "test", "--yes")
    assert done.returncode == 0, done.stderr
    issued.show_revoked()


def enroll_by_seed(server, csr, names, **more):
    """The seed's call, made by curl with Basic; (status, body)."""
    body = {"CSR": csr, "CertificateTemplate": server.client().server_template(),
            "CertificateAuthority": server.client().server_ca(), "SANs": {"DNS": names}, "IncludeChain": True,
            "CertificateFormat": "PEM", **more}
    done = programs.curl(f"{server.url.rstrip('/')}/KeyfactorAPI/Certificates/Enroll", server.ca, "-X", "POST",
                         "-u", f"{server.user}:{server.password}", "-H", "Content-Type: application/json",
                         "-w", "\n%{http_code}", "--data-binary", json.dumps(body))
    text, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(text)


@pytest.mark.seed("S041", "S045", "S047", "S075", "S101")
def test_the_seeds_enrollment_serves_and_the_seeds_revocation_is_seen(server, client, tmp_path, nginx):
    key = keys.new_key()
    status, answer = enroll_by_seed(server, keys.new_csr("localhost", ["localhost"], key), ["localhost"])
    assert status == 200, answer
    texts = {name: answer[name] for name in ("Thumbprint", "SerialNumber", "IssuedDN", "IssuerDN", "NotBefore",
                                             "NotAfter")}
    assert all(isinstance(text, str) and text for text in texts.values()), texts
    assert isinstance(answer["CertificateId"], int) and answer["CertificateId"] > 0
    chain = answer["Certificates"]
    assert len(chain) == 3 and all(text.count("BEGIN CERTIFICATE") == 1 and "#" not in text for text in chain)
    issued = Issued(tmp_path, chain, keys.key_pem(key))
    leaf = issued.chain[0]
    assert keys.names(leaf) == ["localhost"]
    assert answer["Thumbprint"] == keys.thumbprint(leaf) and answer["SerialNumber"] == keys.serial(leaf)
    assert answer["NotBefore"] == leaf.not_valid_before.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert answer["NotAfter"] == leaf.not_valid_after.strftime("%Y-%m-%dT%H:%M:%SZ")
    issued.show_good(nginx)

    token = client.call("POST", "/KeyfactorAPI/Auth/Login",
                        json={"username": server.user, "password": server.password}).json()["access_token"]
    done = requests.delete(f"{server.url.rstrip('/')}/KeyfactorAPI/Certificates/{answer['CertificateId']}/Revoke",
                           headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
                           verify=str(server.ca), timeout=30, json={
                               "RevocationReason": 1, "Comment": "Key compromise suspected",
                               "EffectiveDate": "2025-10-22T14:30:00Z"})
    assert done.status_code == 200, done.text
    assert done.json() == {"RevokedIds": [answer["CertificateId"]], "SuspendedCerts": []}
    issued.show_revoked()
    assert "keyCompromise" in programs.openssl(
        "ocsp", "-issuer", tmp_path / "issuer.pem", "-cert", tmp_path / "leaf.pem", "-url", issued.where["ocsp"][0],
        "-CAfile", tmp_path / "root.pem", "-verify_other", tmp_path / "issuer.pem").stdout
    shown = client.get(f"/Certificates/{answer['CertificateId']}")
    assert shown["CertState"] == 2 and shown["CertStateString"] == "Revoked" and shown["RevocationReason"] == 1
    assert shown["RevocationComment"] == "Key compromise suspected"


@pytest.mark.seed("S171")
def test_the_chain_and_the_addresses_inside_the_certificate_hold(server, client, tmp_path):
    answer = client.enroll(dns=("chain.example.com",))
    chain = [keys.load(pem) for pem in answer["Certificates"]]
    where = keys.addresses(chain[0])
    assert where["crl"] and where["ocsp"] and where["issuer"]
    assert all(url.startswith("http://") for urls in where.values() for url in urls)

    issuer = programs.fetch(where["issuer"][0])
    assert issuer.headers["Content-Type"] == "application/pkix-cert"
    assert issuer.content == chain[1].public_bytes(keys.DER)
    crl = programs.fetch(where["crl"][0])
    assert crl.headers["Content-Type"] == "application/pkix-crl"
    done = programs.openssl("crl", "-inform", "DER", "-noout", "-text", "-CAfile", "/dev/stdin",
                            input="".join(answer["Certificates"][1:]))
    (tmp_path / "chain.pem").write_text("".join(answer["Certificates"][1:]))
    (tmp_path / "the.crl").write_bytes(crl.content)
    done = programs.openssl("crl", "-inform", "DER", "-in", tmp_path / "the.crl", "-noout", "-text", "-CAfile",
                            tmp_path / "chain.pem")
    assert "verify OK" in done.stderr, done.stderr
    assert "X509v3 CRL Number" in done.stdout and "X509v3 Authority Key Identifier" in done.stdout
    above = keys.addresses(chain[1])
    assert programs.fetch(above["issuer"][0]).content == chain[2].public_bytes(keys.DER)
    assert programs.crl_says(tmp_path, answer["Certificates"][1], answer["Certificates"][2],
                             [programs.fetch(above["crl"][0]).content]) == "ok"

    done = processes.run(["certtool", "--verify-chain"], input="".join(answer["Certificates"]))
    assert done.returncode == 0 and "Chain verification output: Verified" in done.stdout, done.stdout + done.stderr
    done = programs.openssl("verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", server.ca, "-untrusted",
                            tmp_path / "chain.pem", "-verify_hostname", "chain.example.com", "/dev/stdin",
                            input=answer["Certificates"][0])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.seed("S169")
def test_the_first_run_makes_a_root_and_an_issuing_authority(server, client):
    done = server.cli("ca", "list", "-o", "json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert len(rows) >= 2
    chain = [keys.load(pem) for pem in client.enroll()["Certificates"]]
    assert chain[2].issuer == chain[2].subject
    assert chain[1].issuer == chain[2].subject and chain[0].issuer == chain[1].subject
    assert open(server.ca, "rb").read().strip() == chain[2].public_bytes(keys.PEM).strip()
    for certificate, length in ((chain[1], 0), (chain[2], None)):
        text = programs.openssl("x509", "-noout", "-text", input=certificate.public_bytes(keys.PEM).decode()).stdout
        assert re.search(r"X509v3 Basic Constraints: critical\s+CA:TRUE", text), text
        assert re.search(r"X509v3 Key Usage: critical\s+.*Certificate Sign, CRL Sign", text), text
        if length is not None:
            assert f"CA:TRUE, pathlen:{length}" in text, text


@pytest.mark.parametrize("kind", ["ec:p256", "ec:p384", "ec:p521", "rsa:2048", "rsa:3072", "ed25519"])
def test_keys_of_each_kind_are_certified(client, kind):
    key = keys.new_key(kind)
    name = kind.replace(":", "-") + ".example.com"
    answer = client.enroll(keys.new_csr(name, [name], key))
    leaf = keys.load(answer["Certificates"][0])
    public = key.public_key()
    assert leaf.public_key().public_bytes(keys.DER, keys.serialization.PublicFormat.SubjectPublicKeyInfo) == \
        public.public_bytes(keys.DER, keys.serialization.PublicFormat.SubjectPublicKeyInfo)


def test_ocsp_of_a_serial_that_was_never_issued_is_not_good(client, tmp_path):
    answer = client.enroll()
    (tmp_path / "issuer.pem").write_text(answer["Certificates"][1])
    (tmp_path / "root.pem").write_text(answer["Certificates"][2])
    url = keys.addresses(keys.load(answer["Certificates"][0]))["ocsp"][0]
    for digest in ("-sha1", "-sha256"):
        done = programs.openssl("ocsp", "-issuer", tmp_path / "issuer.pem", digest, "-serial", "0x1234567890ABCDEF",
                                "-url", url, "-CAfile", tmp_path / "root.pem", "-verify_other", tmp_path / "issuer.pem")
        assert "Response verify OK" in done.stderr, done.stderr
        assert "good" not in done.stdout and re.search(r": (unknown|revoked)", done.stdout), done.stdout


def test_ocsp_of_a_forged_certificate_that_was_brought_in_is_not_good(client, tmp_path):
    answer = client.enroll()
    issuer, now = keys.load(answer["Certificates"][1]), datetime.datetime.utcnow()
    name = keys.x509.Name([keys.x509.NameAttribute(keys.x509.NameOID.COMMON_NAME, "forged.example.com")])
    forged = (keys.x509.CertificateBuilder().subject_name(name).issuer_name(issuer.subject)
              .public_key(keys.new_key().public_key()).serial_number(keys.x509.random_serial_number())
              .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=30))
              .sign(keys.new_key(), keys.hashes.SHA256()))
    pem = forged.public_bytes(keys.PEM).decode()
    client.post("/Certificates/Import", {"Certificate": pem})
    row, = client.get("/Certificates", **{"pq.queryString": f'SerialNumber -eq "{forged.serial_number:X}"'})
    asked = (tmp_path, pem, *answer["Certificates"][1:3], keys.addresses(keys.load(answer["Certificates"][0]))["ocsp"][0])
    assert programs.openssl_ocsp(*asked) == "unknown"
    client.revoke(row["Id"], reason=4)
    assert programs.openssl_ocsp(*asked) == "unknown", "it is not ours to revoke either"


def test_ocsp_answers_by_get_with_headers_that_caches_obey(client, tmp_path):
    answer = client.enroll()
    leaf, issuer = (keys.load(pem) for pem in answer["Certificates"][:2])
    request = keys.ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, keys.hashes.SHA1()).build()
    url = keys.addresses(leaf)["ocsp"][0].rstrip("/") + "/" + requests.utils.quote(
        base64.b64encode(request.public_bytes(keys.DER)).decode(), safe="")
    reply = programs.fetch(url)
    assert reply.headers["Content-Type"] == "application/ocsp-response"
    assert "Last-Modified" not in reply.headers  # another answer may be made within this second
    kept, = processes.wait_until(lambda: "Last-Modified" in (again := programs.fetch(url)).headers and [again],
                                 10, 0.2, what="a date")  # from memory
    said_by = {name: kept.headers[name] for name in ("Last-Modified", "Expires", "ETag")}
    assert said_by["ETag"] == '"' + hashlib.sha256(reply.content).hexdigest()[:32] + '"'
    assert kept.content == reply.content and kept.headers["Expires"] == reply.headers["Expires"]
    max_age = int(re.fullmatch("max-age=([0-9]+), public, no-transform, must-revalidate",
                               kept.headers["Cache-Control"])[1])
    left = parsedate_to_datetime(kept.headers["Expires"]) - parsedate_to_datetime(kept.headers["Date"])
    assert 0 < max_age < left.total_seconds()
    said = keys.ocsp.load_der_ocsp_response(reply.content)
    assert said.certificate_status == keys.ocsp.OCSPCertStatus.GOOD
    assert said.serial_number == leaf.serial_number and said.next_update
    for known in ({"If-None-Match": said_by["ETag"]}, {"If-Modified-Since": said_by["Last-Modified"]}):
        again = requests.get(url, headers=known, timeout=20)
        assert again.status_code == 304 and not again.content and again.headers["ETag"] == said_by["ETag"]
    changed = requests.get(url, headers={"If-None-Match": '"' + "0" * 32 + '"'}, timeout=20)
    assert changed.status_code == 200 and changed.content == reply.content


@pytest.mark.once
def test_a_date_never_hides_a_change(client):
    """RFC 9110 section 8.8.2.2: dates are of whole seconds, and those of CRLs and OCSP answers are dated back."""
    answer = client.enroll()
    leaf, issuer = (keys.load(pem) for pem in answer["Certificates"][:2])
    where = keys.addresses(leaf)
    request = keys.ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, keys.hashes.SHA1()).build()
    ocsp = where["ocsp"][0].rstrip("/") + "/" + requests.utils.quote(
        base64.b64encode(request.public_bytes(keys.DER)).decode(), safe="")
    for url in (ocsp, where["crl"][0], where["issuer"][0]):
        had = requests.get(url, timeout=20)
        dates = {had.headers["Date"], had.headers.get("Last-Modified", had.headers["Date"])}
        if url == where["issuer"][0]:
            assert "Last-Modified" not in had.headers and had.headers["ETag"]
            for date in dates:
                assert requests.get(url, headers={"If-Modified-Since": date}, timeout=20).status_code == 200
            continue
        client.revoke(answer["KeyfactorID"] if url == ocsp else client.enroll()["KeyfactorID"])
        changed, = processes.wait_until(lambda: (now := requests.get(url, timeout=20)).content != had.content and [now],
                                        30, 0.1, what="a change")
        for date in dates | {changed.headers["Date"]}:
            again = requests.get(url, headers={"If-Modified-Since": date}, timeout=20)
            assert again.status_code == 200 and again.content != had.content, (url, date)
        tagged = requests.get(url, headers={"If-None-Match": had.headers["ETag"],
                                            "If-Modified-Since": changed.headers["Date"]}, timeout=20)
        assert tagged.status_code == 200 and tagged.content != had.content


@pytest.mark.once
def test_what_is_no_ocsp_request_is_refused_in_its_language(client):
    where = keys.addresses(keys.load(client.enroll()["Certificates"][0]))["ocsp"][0]
    for body, chunked in ((b"\x30" * 16385, False), (b"\x30" * 100000, False), (b"\x30" * 100000, True), (b"x", False)):
        reply = requests.post(where, data=iter([body]) if chunked else body, timeout=20,
                              headers={"Content-Type": "application/ocsp-request"})
        assert reply.status_code == 200 and reply.headers["Content-Type"] == "application/ocsp-response", reply.text
        said = keys.ocsp.load_der_ocsp_response(reply.content)
        assert said.response_status == keys.ocsp.OCSPResponseStatus.MALFORMED_REQUEST
        assert "no-store" in reply.headers["Cache-Control"]


def test_ocsp_echoes_the_nonce_and_keeps_no_such_answer(client):
    answer = client.enroll()
    leaf, issuer = (keys.load(pem) for pem in answer["Certificates"][:2])
    nonce = bytes(range(32))
    request = (keys.ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, keys.hashes.SHA256())
               .add_extension(keys.x509.OCSPNonce(nonce), False).build())
    reply = requests.post(keys.addresses(leaf)["ocsp"][0], data=request.public_bytes(keys.DER), timeout=20,
                          headers={"Content-Type": "application/ocsp-request"})
    said = keys.ocsp.load_der_ocsp_response(reply.content)
    assert said.extensions.get_extension_for_class(keys.x509.OCSPNonce).value.nonce == nonce
    assert "no-store" in reply.headers["Cache-Control"]
