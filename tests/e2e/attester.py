"""A maker of devices in software: its authority, its devices, and what they attest for device-attest-01.

Written from draft-ietf-acme-device-attest, WebAuthn Level 2 (sections 6.5.4 and 8), Yubico's page on PIV attestation and
Apple's on Managed Device Attestation. The format "tpm" comes from a TPM that is emulated, see tpm.py.
"""
import datetime
import hashlib
import struct

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import NameOID

import keys

YUBIKEY_SERIAL, STEP_DEVICE = "1.3.6.1.4.1.41482.3.7", "1.3.6.1.4.1.37476.9000.64.4"
APPLE_SERIAL, APPLE_UDID, APPLE_NONCE = "1.2.840.113635.100.8.9.1", "1.2.840.113635.100.8.9.2", "1.2.840.113635.100.8.11.1"
PERMANENT, MODULE = "1.3.6.1.5.5.7.8.3", "1.3.6.1.5.5.7.8.4"
HOUR = datetime.timedelta(hours=1)


def head(kind, number):
    """The head of a CBOR item in its shortest form."""
    for code, size, most in ((24, 1, 1 << 8), (25, 2, 1 << 16), (26, 4, 1 << 32), (27, 8, 1 << 64)):
        if number < 24:
            return bytes([kind << 5 | number])
        if number < most:
            return bytes([kind << 5 | code]) + number.to_bytes(size, "big")
    raise ValueError(number)


def cbor(value):
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, (list, tuple)):
        return head(4, len(value)) + b"".join(map(cbor, value))
    return head(5, len(value)) + b"".join(cbor(key) + cbor(one) for key, one in value.items())


def tlv(tag, *parts):
    body = b"".join(parts)
    size = len(body)
    return bytes([tag]) + (bytes([size]) if size < 128 else bytes([0x80 | (len(n := size.to_bytes((size.bit_length() + 7) // 8, "big")))]) + n) + body


def integer(value):
    return tlv(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def oid(dotted):
    first, second, *rest = map(int, dotted.split("."))
    body = b""
    for arc in [40 * first + second, *rest]:
        octets = [arc & 0x7f]
        while arc := arc >> 7:
            octets.insert(0, 0x80 | arc & 0x7f)
        body += bytes(octets)
    return tlv(6, body)


def permanent(serial, assigner=None):
    """The otherName of RFC 4043 for a SAN."""
    value = tlv(0x30, tlv(0x0c, serial.encode()), oid(assigner) if assigner else b"")
    return x509.OtherName(x509.ObjectIdentifier(PERMANENT), value)


def module(serial, kind):
    """The otherName of RFC 4108."""
    return x509.OtherName(x509.ObjectIdentifier(MODULE), tlv(0x30, oid(kind), tlv(4, serial.encode())))


def extension(dotted, value):
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(dotted), value)


def sign(key, message):
    """(COSE algorithm, signature) as step makes them."""
    if isinstance(key, rsa.RSAPrivateKey):
        return -257, key.sign(message, padding.PKCS1v15(), hashes.SHA256())
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return -8, key.sign(message)
    return -7, key.sign(message, ec.ECDSA(hashes.SHA256()))


def der(certificate):
    return certificate.public_bytes(serialization.Encoding.DER)


class Maker:
    """A maker of devices: a root, and an authority below it that is in each device."""

    def __init__(self, name="Maker"):
        self.root, self.root_key = keys.self_signed(f"{name} Root")
        self.key = keys.new_key()
        self.authority = self.certify(self.key, self.root.subject, self.root_key, f"{name} Device Authority", ca=True)
        self.pem = self.root.public_bytes(serialization.Encoding.PEM).decode()

    @staticmethod
    def certify(key, issuer, by, cn="", extensions=(), ca=False, begin=-HOUR, end=24 * HOUR, public=None):
        now = datetime.datetime.utcnow()
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)] if cn else [])
        builder = (x509.CertificateBuilder().subject_name(name).issuer_name(issuer)
                   .public_key(public or key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now + begin).not_valid_after(now + end))
        if ca:
            builder = builder.add_extension(x509.BasicConstraints(True, None), critical=True)
        for one, critical in extensions:
            builder = builder.add_extension(one, critical=critical)
        return builder.sign(by, hashes.SHA256())

    def leaf(self, key, *extensions, **more):
        more = {"cn": "attested key", **more}
        return self.certify(key, self.authority.subject, self.key,
                            extensions=[(one, False) for one in extensions], **more)

    def step(self, key, proof, serial="1234", device=None, wrapped=True, signer=None, leaf=None, **more):
        """What a YubiKey, or another device that step manages, attests of KEY for a key authorization."""
        said = extension(STEP_DEVICE, tlv(0x30, tlv(0x0c, device.encode()))) if device else extension(YUBIKEY_SERIAL, integer(int(serial)))
        algorithm, signature = sign(signer or key, proof.encode())
        leaf = leaf or self.leaf(key, said, **more)
        return {"fmt": "step", "attStmt": {"alg": algorithm, "sig": cbor(signature) if wrapped else signature,
                                           "x5c": [der(leaf), der(self.authority)]}}

    def apple(self, key, token, serial="C02XK1234567", udid="00008103-001122334455", nonce=None, **more):
        """What Apple says of a key in one of its devices."""
        nonce = hashlib.sha256(token.encode()).digest() if nonce is None else nonce
        said = [extension(APPLE_SERIAL, serial.encode()), extension(APPLE_UDID, udid.encode())]
        leaf = self.leaf(key, *said, *([extension(APPLE_NONCE, nonce)] if nonce else []), **more)
        return {"fmt": "apple", "attStmt": {"x5c": [der(leaf), der(self.authority)]}}

    def aik(self, public, *names, usage="2.23.133.8.3", which=("2.23.133.2.1", "2.23.133.2.2", "2.23.133.2.3"), cn=""):
        """The certificate of a TPM's attestation key."""
        directory = x509.DirectoryName(x509.Name([x509.NameAttribute(x509.ObjectIdentifier(one), "id:53575450") for one in which]))
        san = x509.SubjectAlternativeName([directory, *names])
        return self.certify(None, self.authority.subject, self.key, cn, public=public, extensions=[
            (san, True), (x509.ExtendedKeyUsage([x509.ObjectIdentifier(usage)]), False), (x509.BasicConstraints(False, None), True)])


def sized(octets):
    return struct.pack(">H", len(octets)) + octets
