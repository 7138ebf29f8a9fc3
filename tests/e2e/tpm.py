"""A TPM: swtpm, spoken to by the library of the TPM2 Software Stack, that certifies a key of its own (TPM2_Certify)."""
import hashlib
import os
import socket
import subprocess

from cryptography.hazmat.primitives import serialization

import attester
import ports
import processes


def neighbours():
    """A port whose neighbour is free, too: the library looks there for the TPM's switches."""
    while True:
        port = ports.take()
        with socket.socket() as other:
            try:
                other.bind(("127.0.0.1", port + 1))
                return port
            except OSError:
                pass


def plain(signature):
    """A signature as X.509 has it."""
    from tpm2_pytss import TPM2_ALG
    if signature.sigAlg == TPM2_ALG.RSASSA:
        return bytes(signature.signature.rsassa.sig)
    pair = signature.signature.ecdsa
    return attester.tlv(0x30, *(attester.integer(int.from_bytes(bytes(one), "big")) for one in (pair.signatureR, pair.signatureS)))


class Tpm:
    """An emulated TPM with an attestation key and a signing key; end with close()."""

    def __init__(self, directory):
        os.environ.setdefault("TSS2_LOG", "all+none")  # it would tell of each try to connect
        from tpm2_pytss import ESAPI, TCTILdr
        self.loaded = []
        command = neighbours()
        control = command + 1
        self.process = subprocess.Popen(
            ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={directory}", "--flags", "not-need-init,startup-clear",
             "--server", f"type=tcp,port={command},bindaddr=127.0.0.1", "--ctrl", f"type=tcp,port={control},bindaddr=127.0.0.1"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.api = processes.wait_until(lambda: self.connect(ESAPI, TCTILdr, command), 20, what="swtpm to answer")

    @staticmethod
    def connect(api, loader, port):
        try:
            return api(loader("swtpm", f"host=127.0.0.1,port={port}"))
        except Exception:  # the library's own, before anybody listens
            return None

    def close(self):
        self.api.close()
        self.process.terminate()
        self.process.wait(10)

    def key(self, template, restricted=False, origin=True):
        """A primary key: (handle, public area)."""
        from tpm2_pytss import TPM2B_PUBLIC, TPM2B_SENSITIVE_CREATE, TPMA_OBJECT, ESYS_TR
        attributes = (TPMA_OBJECT.USERWITHAUTH | TPMA_OBJECT.SIGN_ENCRYPT | TPMA_OBJECT.SENSITIVEDATAORIGIN |
                      (TPMA_OBJECT.FIXEDTPM | TPMA_OBJECT.FIXEDPARENT if origin else 0) | (TPMA_OBJECT.RESTRICTED if restricted else 0))
        public = TPM2B_PUBLIC.parse(alg=f"{template}:null", objectAttributes=attributes)
        handle, area, *_ = self.api.create_primary(TPM2B_SENSITIVE_CREATE(), public, ESYS_TR.OWNER)
        self.loaded.append(handle)
        return handle, area

    def attest(self, maker, proof, template="ecc:ecdsa-sha256", by="rsa2048:rsassa-sha256", names=(), origin=True, raw=False, **more):
        """(attestation object, the key's public half, sign(message) by it)."""
        from tpm2_pytss import TPM2B_DATA, TPMT_SIG_SCHEME, TPM2_ALG
        while self.loaded:  # there is room for three
            self.api.flush_context(self.loaded.pop())
        key, area = self.key(template, origin=origin)
        aik, aik_area = self.key(by, restricted=True)
        certified, signature = self.api.certify(key, aik, TPM2B_DATA(hashlib.sha256(proof.encode()).digest()),
                                                TPMT_SIG_SCHEME(scheme=TPM2_ALG.NULL))
        public = serialization.load_pem_public_key(aik_area.publicArea.to_pem())
        certificate = maker.aik(public, *names, **more)
        statement = {"ver": "2.0", "alg": -257 if by.startswith("rsa") else -7, "x5c": [attester.der(certificate), attester.der(maker.authority)],
                     "sig": plain(signature) if raw else signature.marshal(), "certInfo": bytes(certified.attestationData),
                     "pubArea": area.publicArea.marshal()}
        return {"fmt": "tpm", "attStmt": statement}, serialization.load_pem_public_key(area.publicArea.to_pem()), self.signer(key)

    def signer(self, key):
        from tpm2_pytss import TPM2B_DIGEST, TPMT_SIG_SCHEME, TPMT_TK_HASHCHECK, TPM2_ALG, TPM2_RH, TPM2_ST

        def sign(message):
            ticket = TPMT_TK_HASHCHECK(tag=TPM2_ST.HASHCHECK, hierarchy=TPM2_RH.NULL)
            return plain(self.api.sign(key, TPM2B_DIGEST(hashlib.sha256(message).digest()), TPMT_SIG_SCHEME(scheme=TPM2_ALG.NULL), ticket))
        return sign
