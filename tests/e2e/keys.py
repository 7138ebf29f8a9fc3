"""Keys, certificate requests and certificates, made and read by python3-cryptography."""
import datetime
import ipaddress

from cryptography import x509
from cryptography.x509 import ocsp  # noqa: F401
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

PEM = serialization.Encoding.PEM
DER = serialization.Encoding.DER


def new_key(kind="ec:p256"):
    """A private key of the kind, in the words of the command line: ec:p256, rsa:2048, ed25519."""
    family, _, size = kind.partition(":")
    if family == "rsa":
        return rsa.generate_private_key(65537, int(size))
    if family == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    curves = {"p224": ec.SECP224R1, "p256": ec.SECP256R1, "p384": ec.SECP384R1, "p521": ec.SECP521R1,
              "k256": ec.SECP256K1}
    return ec.generate_private_key(curves[size]())


def key_pem(key):
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


def _hash_of(key):
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()


def general_names(dns=(), ip=(), email=(), uri=()):
    return ([x509.DNSName._init_without_validation(name) for name in dns]
            + [x509.IPAddress(ipaddress.ip_address(name)) for name in ip]
            + [x509.RFC822Name._init_without_validation(name) for name in email]
            + [x509.UniformResourceIdentifier._init_without_validation(name) for name in uri])


def new_csr(cn="localhost", dns=(), key=None, extensions=(), digest=None, subject=None, **names):
    """A request as PEM text; EXTENSIONS are (extension, critical) pairs beside the subject alternative names."""
    key = key or new_key()
    if subject is None:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)] if cn else [])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    alternatives = general_names(dns, **names)
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(key, digest or _hash_of(key)).public_bytes(PEM).decode()


def load(pem):
    """The first certificate of a PEM text."""
    return x509.load_pem_x509_certificate(pem.encode() if isinstance(pem, str) else pem)


def load_all(pem):
    """Every certificate of a PEM text, in its order."""
    end = "-----END CERTIFICATE-----"
    return [load(part + end) for part in pem.split(end)[:-1]]


def thumbprint(certificate):
    return certificate.fingerprint(hashes.SHA1()).hex().upper()


def serial(certificate):
    """The serial number as the API writes it: upper-case hex of even length."""
    text = f"{certificate.serial_number:X}"
    return "0" + text if len(text) % 2 else text


def names(certificate):
    """The subject alternative names as text."""
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(name.value) for name in found]


def addresses(certificate):
    """The addresses inside: {"crl": [...], "ocsp": [...], "issuer": [...]}"""
    out = {"crl": [], "ocsp": [], "issuer": []}
    for extension in certificate.extensions:
        if isinstance(extension.value, x509.CRLDistributionPoints):
            out["crl"] = [name.value for point in extension.value for name in point.full_name]
        elif isinstance(extension.value, x509.AuthorityInformationAccess):
            for access in extension.value:
                kind = "ocsp" if access.access_method == x509.AuthorityInformationAccessOID.OCSP else "issuer"
                out[kind].append(access.access_location.value)
    return out


def self_signed(cn="stranger", key=None, dns=()):
    """(certificate, key) of an authority that is none of ours, or of a server that is one for itself."""
    key = key or new_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)])
    now = datetime.datetime.utcnow()
    builder = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
               .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
               .not_valid_after(now + datetime.timedelta(days=1))
               .add_extension(x509.BasicConstraints(True, None), critical=True))
    if dns:
        builder = builder.add_extension(x509.SubjectAlternativeName(general_names(dns)), critical=False)
    return builder.sign(key, hashes.SHA256()), key
