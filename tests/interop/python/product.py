"""A `chancery serve --dev` of our own, on ports that the system gave it, and the certificates that it makes."""
import base64
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "e2e"))

import processes  # noqa: E402


class Product:
    """The server, from its start until stop()."""

    def __init__(self, program, *more):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="chancery-interop-py-"))
        self.log, ready = self.dir / "log", self.dir / "ready"
        self.process = processes.start(
            [program, "serve", "--dev", "--data-dir", self.dir / "data", "--db", f"sqlite:{self.dir / 'chancery.db'}",
             "--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--ready-file", ready, *more], self.log, cwd=self.dir)

        def is_ready():
            assert self.process.poll() is None, f"the server ended: {self.process.returncode}\n{processes.tail(self.log)}"
            return processes.read_json(ready)
        self.said = processes.wait_until(is_ready, 60, what="the ready file")
        self.host = self.said["url"].removeprefix("https://").rstrip("/")
        self.ca = str((self.dir / self.said["ca"]).resolve())

    def stop(self):
        """End it by its process id; it must end well."""
        try:
            status = processes.stop(self.process)
            assert status == 0, f"exit status {status}\n{processes.tail(self.log)}"
        finally:
            shutil.rmtree(self.dir, ignore_errors=True)

    # What openssl says.

    def openssl(self, *arguments, given="", **env):
        done = subprocess.run(["openssl", *map(str, arguments)], input=given, text=True, capture_output=True, timeout=60,
                              check=False, env={**os.environ, **env})
        assert done.returncode == 0, f"openssl {arguments[0]}: {done.stderr[:800]}"
        return done.stdout

    def new_csr(self, name):
        """A request of a new key for that name; PEM."""
        return self.openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                            "-keyout", self.dir / "own.key", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}")

    def verify(self, chain, name):
        """The chain (PEM texts, leaf first) leads to the product's root, for that name."""
        leaf, rest = self.dir / "leaf.pem", self.dir / "rest.pem"
        leaf.write_text(chain[0])
        rest.write_text("\n".join(chain[1:]))
        self.openssl("verify", "-x509_strict", "-CAfile", self.ca, "-untrusted", rest, "-verify_hostname", name, leaf)

    def key_fits(self, key, password, leaf):
        """The private key, opened with the password, is that of the leaf (PEM both)."""
        public = self.openssl("pkey", "-pubout", "-passin", "env:INTEROP_PASSWORD", given=key, INTEROP_PASSWORD=password)
        assert public == self.openssl("x509", "-noout", "-pubkey", given=leaf)

    def opened(self, blob, password):
        """The certificates in a PKCS#12 file (base64), whose key must be that of the first."""
        path = self.dir / "opened.pfx"
        path.write_bytes(base64.b64decode(blob))
        plain = self.openssl("pkcs12", "-in", path, "-nodes", "-passin", "env:INTEROP_PASSWORD", INTEROP_PASSWORD=password)
        found = pems(plain, "CERTIFICATE")
        self.key_fits(pems(plain, "PRIVATE KEY")[0], "", found[0])
        return found


def pems(text, kind):
    """The PEM blocks of that kind in the text."""
    begin, end = f"-----BEGIN {kind}-----", f"-----END {kind}-----"
    return [begin + part.split(end)[0] + end + "\n" for part in text.split(begin)[1:]]


LEFT_OUT = object()


def run(steps):
    """Each (name, function) in turn; a step that failed does not keep the next from its turn. The exit status."""
    passed = failed = 0
    for name, step in steps:
        try:
            if step() is LEFT_OUT:
                print(f"left out, answers 501: {name}")
                continue
        except Exception as error:
            failed += 1
            line = traceback.extract_tb(error.__traceback__)[-1]
            print(f"FAILED  {name}: {type(error).__name__}: {error} ({os.path.basename(line.filename)}:{line.lineno})")
        else:
            passed += 1
            print(f"ok      {name}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


def steps_of(session):
    """The methods named step_…, in the order of the file."""
    return [(name[5:].replace("_", " "), getattr(session, name)) for name in vars(type(session)) if name.startswith("step_")]
