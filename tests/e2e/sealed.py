"""What the server keeps sealed, opened with its master key by python3-cryptography: seal/blob.h, written a second time.
A test that knows the keys of the server can look for them where they must not be."""
import base64
import hashlib
import re

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import admin


def unseal(master, column, number, blob):
    """The plaintext of a blob that was sealed for this column and record."""
    assert blob[0] == 1 and len(blob) >= 97
    place = column.encode() + b"\0" + number.to_bytes(8, "big")
    key_id, wrap, body = blob[1:9], blob[9:69], blob[69:]
    key = AESGCM(master).decrypt(wrap[:12], wrap[12:], b"\1key\0" + place + key_id)
    return AESGCM(key).decrypt(body[:12], body[12:], b"\1data\0" + place)


def _of_files(server, master):
    """The keys of the authorities: two PEM blocks a file, the public key and the sealed private one."""
    for path in sorted((server.data / "keys").glob("*.key")):
        public, sealed = (base64.b64decode(text) for text in re.findall(
            r"-----BEGIN [^-]+-----\n([^-]+)-----END", path.read_text()))
        yield path.name, unseal(master, f"ca_key.file:{hashlib.sha256(public).hexdigest()}", 0, sealed)


def _of_database(server, master):
    """The keys that sign tokens, checkpoints and OCSP answers, and the listener's."""
    for number, purpose, sealed in admin.sql(server, "SELECT id, purpose, sealed FROM private_key ORDER BY id"):
        yield f"{purpose} key", unseal(master, "private_key.sealed", number, bytes(sealed))


def private_keys(server):
    """The name and the PKCS#8 DER of each private key that the server keeps."""
    master = (server.data / "master.key").read_bytes()
    assert len(master) == 32
    return [*_of_files(server, master), *_of_database(server, master)]


def scalar(pkcs8):
    """The private half itself: the secret number of an elliptic curve key, a prime of an RSA key, a seed."""
    key = serialization.load_der_private_key(pkcs8, None)
    if not hasattr(key, "private_numbers"):  # Ed25519: its seed
        return key.private_bytes(serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())
    numbers = key.private_numbers()
    if hasattr(numbers, "private_value"):
        return numbers.private_value.to_bytes((key.key_size + 7) // 8, "big")
    return numbers.p.to_bytes((numbers.p.bit_length() + 7) // 8, "big")
