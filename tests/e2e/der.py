"""Requests that no library will make: DER put together by hand, to be refused."""
import base64

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

import keys


def tlv(tag, *parts):
    body = b"".join(parts)
    length = len(body)
    if length < 128:
        return bytes([tag, length]) + body
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + body


def oid(text):
    first, second, *rest = map(int, text.split("."))
    out = bytearray([first * 40 + second])
    for number in rest:
        digits = [number & 0x7F]
        while number := number >> 7:
            digits.insert(0, 0x80 | (number & 0x7F))
        out += bytes(digits)
    return tlv(6, bytes(out))


def name(cn):
    """A subject with one common name of these bytes."""
    return tlv(0x30, tlv(0x31, tlv(0x30, oid("2.5.4.3"), tlv(0x0C, cn))))


def extension(which, value, critical=False):
    return tlv(0x30, oid(which), tlv(1, b"\xff") if critical else b"", tlv(4, value))


def san(*names):
    """A subjectAltName extension of (tag, bytes) pairs, tag 2 being a DNS name."""
    return extension("2.5.29.17", tlv(0x30, *(tlv(0x80 | tag, value) for tag, value in names)))


def request_attribute(*extensions):
    return tlv(0x30, oid("1.2.840.113549.1.9.14"), tlv(0x31, tlv(0x30, *extensions)))


def csr(key=None, subject=name(b"hand.example.com"), extensions=(), attributes=None, spki=None, version=0, raw_sign=None):
    """A PKCS#10 request as PEM, signed, whatever is in it."""
    key = key or keys.new_key()
    spki = spki or key.public_key().public_bytes(keys.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if attributes is None:
        attributes = [request_attribute(*extensions)] if extensions else []
    info = tlv(0x30, tlv(2, bytes([version])), subject, spki, tlv(0xA0, *attributes))
    if raw_sign:
        algorithm, signature = raw_sign(info)
    elif isinstance(key, rsa.RSAPrivateKey):
        algorithm = tlv(0x30, oid("1.2.840.113549.1.1.11"), tlv(5))
        signature = key.sign(info, padding.PKCS1v15(), hashes.SHA256())
    else:
        algorithm = tlv(0x30, oid("1.2.840.10045.4.3.2"))
        signature = key.sign(info, ec.ECDSA(hashes.SHA256()))
    return pem(tlv(0x30, info, algorithm, tlv(3, b"\0" + signature)))


def pem(der, label="CERTIFICATE REQUEST"):
    text = base64.encodebytes(der).decode().replace("\n", "")
    lines = "\n".join(text[at:at + 64] for at in range(0, len(text), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n"


def unpem(text):
    return base64.b64decode("".join(text.strip().splitlines()[1:-1]))


# RSA keys that look well and are not


def is_prime(number):
    return all(pow(base, number - 1, number) == 1 for base in (2, 3, 5, 7, 11, 13))


def next_prime(number):
    number |= 1
    while not (number % 3 and number % 5 and number % 7 and is_prime(number)):
        number += 2
    return number


def rsa_of(p, q, e=65537):
    """The key with these primes."""
    d = pow(e, -1, (p - 1) * (q - 1))
    if p < q:
        p, q = q, p
    return rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p),
                                 rsa.RSAPublicNumbers(e, p * q)).private_key()


def close_primes_key(random):
    """2048 bits, whose primes stand next to one another (Fermat)."""
    p = next_prime(random.getrandbits(1024) | (3 << 1022) | 1)
    return rsa_of(p, next_prime(p + 2))


def roca_key(random):
    """2048 bits with the structure of CVE-2017-15361: each prime is k*M + (65537^a mod M)."""
    small = [n for n in range(2, 350) if all(n % d for d in range(2, int(n ** 0.5) + 1))]
    m = 1
    for prime in small:
        if m * prime >= 1 << 972:
            break
        m *= prime
    primes = []
    while len(primes) < 2:
        base = pow(65537, random.getrandbits(60), m)
        low, high = (3 << 1022) // m + 1, (1 << 1024) // m - 1
        candidate = random.randrange(low, high) * m + base
        if is_prime(candidate):
            primes.append(candidate)
    return rsa_of(*primes)
