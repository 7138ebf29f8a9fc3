"""What a server of its own signs, read by linters of others: zlint, and pkilint in this process.

usage: drive.py PROGRAM ZLINT     ends with the line `N passed, N failed`

For each kind of key: a root and an authority below it, a certificate by each template that there is, the responder's
certificate, lists and OCSP answers. A finding of a warning or worse fails its step, but those of LEFT, which fail when
they are gone. What was made wrong on purpose must be found: a linter that does not work passes nothing.
"""
import base64
import contextlib
import datetime
import io
import json
import pathlib
import ssl
import subprocess
import sys
import urllib.error
import urllib.request

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID
from pkilint.bin import lint_crl, lint_ocsp_response, lint_pkix_cert, lint_pkix_signer_signee_cert_chain

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))

import product  # noqa: E402

KINDS = {"ec-p256": lambda: ec.generate_private_key(ec.SECP256R1()), "ec-p384": lambda: ec.generate_private_key(ec.SECP384R1()),
         "rsa-3072": lambda: rsa.generate_private_key(65537, 3072), "ed25519": ed25519.Ed25519PrivateKey.generate}
PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER

# finding: (a word of what it is found in, why it stays). Nothing else of these may be found, and each must be.
LEFT = {
    "pkix.authority_key_id_extension_missing": (" root", "RFC 5280 section 4.2.1.1 lets a self-signed certificate leave it out"),
    "e_ca_country_name_missing": ("", "of public authorities; what an authority is called says whoever makes it"),
    "e_ca_organization_name_missing": ("", "the same"),
    "e_sub_ca_certificate_policies_missing": (" authority", "of public authorities: a private one has no policy to name"),
    "e_sub_cert_cert_policy_empty": (" by ", "the same"),
    "e_sub_cert_certificate_policies_missing": (" by ", "the same"),
    "w_subject_common_name_included": (" by ", "of public authorities: a name in the subject is discouraged, and here it was asked for"),
    "w_sub_cert_aia_contains_internal_names": (" by ", "the server of this test is on loopback"),
    "e_algorithm_identifier_improper_encoding": ("ed25519", "of browsers: they take RSA and three curves; RFC 8410 says how it is"),
    "e_signature_algorithm_not_supported": ("ed25519", "the same"),
}


def zlint(program, path):
    """{finding: how bad} of a PEM file with a certificate or a list."""
    done = subprocess.run([program, "-format", "pem", path], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 and done.stdout.startswith("{"), f"zlint ended with {done.returncode}: {done.stderr[:800]}"
    judged = json.loads(done.stdout)
    assert any(one["result"] not in ("NA", "NE") for one in judged.values()), "zlint judged nothing"
    return {finding: one["result"] for finding, one in judged.items() if one["result"] not in ("pass", "NA", "NE", "info")}


def pkilint(linter, *arguments):
    """The same of one of its programs."""
    said, wrong = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(wrong):
        linter.main(["lint", "-f", "JSON", "-s", "WARNING", *map(str, arguments)])
    assert said.getvalue(), f"{linter.__name__} said nothing: {wrong.getvalue()[:800]}"
    return {one["code"]: one["severity"] for result in json.loads(said.getvalue())["results"] for one in result["finding_descriptions"]}


class Linted:
    """The server, what it signed, and what was found in it."""

    def __init__(self, program, linter):
        self.zlint, self.product, self.found, self.unknown, self.read = linter, product.Product(program), set(), {}, 0
        said = self.product.said
        self.header = base64.b64encode(f"{said['user']}:{said['password']}".encode()).decode()
        context = ssl.create_default_context(cafile=self.product.ca)
        self.https = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
        self.http = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def rest(self, method, path, body=None, base="/api/v1"):
        asked = urllib.request.Request(f"https://{self.product.host}{base}{path}", method=method,
                                       data=json.dumps(body).encode() if body is not None else None,
                                       headers={"Authorization": f"Basic {self.header}", "Content-Type": "application/json"})
        try:
            with self.https.open(asked, timeout=60) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()[:800]}") from None

    def fetch(self, url, data=None):
        headers = {"Content-Type": "application/ocsp-request"} if data else {}
        with self.http.open(urllib.request.Request(url, data=data, headers=headers), timeout=60) as reply:
            return reply.read()

    def kept(self, data, ending):
        path = self.product.dir / f"linted{ending}"
        path.write_bytes(data)
        return path

    def judge(self, what, *findings):
        self.read += 1
        found = {finding: how for one in findings for finding, how in one.items()}
        for finding, how in found.items():
            if finding in LEFT and LEFT[finding][0] in what:
                self.found.add(finding)
            else:
                self.unknown.setdefault(finding, f"{how} of {what}")

    def certificate(self, what, one, issuer=None):
        path = self.kept(one.public_bytes(PEM), ".pem")
        findings = [zlint(self.zlint, path), pkilint(lint_pkix_cert, path)]
        if issuer:
            above = self.kept(issuer.public_bytes(PEM), "-issuer.pem")
            findings.append(pkilint(lint_pkix_signer_signee_cert_chain, above, path))
        self.judge(what, *findings)

    def crl(self, what, der, kind="CRL"):
        read = x509.load_der_x509_crl(der)
        path = self.kept(read.public_bytes(PEM), "-crl.pem")
        self.judge(what, zlint(self.zlint, path), pkilint(lint_crl, "-t", kind, "-p", "PKIX", path))
        return read

    def ocsp(self, what, one, issuer, status):
        url = address(one, x509.AuthorityInformationAccess)
        for digest in (hashes.SHA1(), hashes.SHA256()):
            der = self.fetch(url, ocsp.OCSPRequestBuilder().add_certificate(one, issuer, digest).build().public_bytes(DER))
            read = ocsp.load_der_ocsp_response(der)
            assert read.certificate_status.name == status, f"{what}: {read.certificate_status}"
            self.judge(f"OCSP of {what}, {status}, by {digest.name}", pkilint(lint_ocsp_response, self.kept(der, ".ocsp")))
            for responder in read.certificates:
                self.certificate(f"the responder of {what}", responder, issuer)


def address(one, kind):
    """Where its list or its responder is."""
    value = one.extensions.get_extension_for_class(kind).value
    if kind is x509.CRLDistributionPoints:
        return value[0].full_name[0].value
    return next(each.access_location.value for each in value if each.access_method == x509.AuthorityInformationAccessOID.OCSP)


def request_of(key, host):
    """A request for that name; PEM."""
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    return (x509.CertificateSigningRequestBuilder().subject_name(subject)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .sign(key, digest).public_bytes(PEM).decode())


def of_kind(linted, kind):
    """All that an authority with this key, below a root with such a key, signs."""
    root = linted.rest("POST", "/authorities", {"name": f"Linted {kind} Root", "key_type": kind})
    below = linted.rest("POST", "/authorities", {"name": f"Linted {kind} CA", "key_type": kind, "parent": root["name"],
                                                 "permitted": ["example.com"]})
    top, issuer = (x509.load_pem_x509_certificate(one["certificate"].encode()) for one in (root, below))
    linted.certificate(f"the {kind} root", top, top)
    linted.certificate(f"the {kind} authority", issuer, top)
    linted.crl(f"the empty list of the {kind} authority", linted.fetch(below["crl_url"]))
    linted.ocsp(f"the {kind} authority", issuer, top, "GOOD")
    leaf = None
    for template in linted.rest("GET", "/templates")["items"]:
        for of_leaf, make in KINDS.items():
            reply = linted.rest("POST", "/certificates", {
                "csr": request_of(make(), f"{kind}.{of_leaf}.example.com"), "template": template["name"], "authority": below["name"]})
            leaf = x509.load_pem_x509_certificate(reply["pem"].encode())
            linted.certificate(f"{template['name']}, {of_leaf} by {kind}", leaf, issuer)
    linted.ocsp(f"a leaf of {kind}", leaf, issuer, "GOOD")
    linted.rest("POST", "/Certificates/Revoke", {"CertificateIds": [reply["id"]], "Reason": 4, "Comment": "linted"}, "/KeyfactorAPI")
    linted.ocsp(f"a leaf of {kind}", leaf, issuer, "REVOKED")

    def listed():
        read = x509.load_der_x509_crl(linted.fetch(address(leaf, x509.CRLDistributionPoints)))
        return read.get_revoked_certificate_by_serial_number(leaf.serial_number) and read
    linted.crl(f"the list of the {kind} authority", product.processes.wait_until(listed, 30, what="the list").public_bytes(DER))
    assert not linted.unknown, linted.unknown


def mistakes_are_found(linted):
    key, subject = KINDS["ec-p256"](), x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "ZZ")])
    now = datetime.datetime(2026, 1, 1)
    wrong = (x509.CertificateBuilder().subject_name(subject).issuer_name(x509.Name([])).public_key(key.public_key()).serial_number(1)
             .not_valid_before(now).not_valid_after(now + datetime.timedelta(days=9000))
             .add_extension(x509.SubjectAlternativeName([x509.DNSName("a..b")]), critical=False)
             .add_extension(x509.BasicConstraints(True, None), critical=False).sign(key, hashes.SHA256()))
    path = linted.kept(wrong.public_bytes(PEM), ".pem")
    assert zlint(linted.zlint, path) and pkilint(lint_pkix_cert, path)
    other = linted.kept(pathlib.Path(linted.product.ca).read_bytes(), "-other.pem")
    assert pkilint(lint_pkix_signer_signee_cert_chain, other, path)
    bare = (x509.CertificateRevocationListBuilder().issuer_name(subject).last_update(now).next_update(now).sign(key, hashes.SHA256()))
    path = linted.kept(bare.public_bytes(PEM), "-crl.pem")
    assert pkilint(lint_crl, "-t", "CRL", "-p", "PKIX", path)


def nothing_is_left_out_for_nothing(linted):
    assert linted.read > 100, linted.read
    assert linted.found == set(LEFT), f"no longer found: {set(LEFT) - linted.found}"


def main(program, linter):
    linted = Linted(program, linter)
    steps = [("what is wrong is found", lambda: mistakes_are_found(linted))]
    steps += [(f"all that {kind} signs", lambda kind=kind: of_kind(linted, kind)) for kind in KINDS]
    steps.append(("nothing is left out for nothing", lambda: nothing_is_left_out_for_nothing(linted)))
    try:
        return product.run(steps)
    finally:
        linted.product.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
