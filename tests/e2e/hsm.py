"""Tokens of SoftHSM, each in a directory of its own, and a module in front of it that fails as it is told."""
import os
import pathlib
import subprocess

import processes

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "58167402"
HERE = pathlib.Path(__file__).parent


class Token:
    """A token named LABEL below DIRECTORY."""

    def __init__(self, directory, label="ca"):
        self.dir, self.label = pathlib.Path(directory), label
        self.tokens = self.dir / "tokens"
        self.tokens.mkdir(parents=True)
        self.conf, self.pin = self.dir / "softhsm2.conf", self.dir / "pin"
        self.conf.write_text(f"directories.tokendir = {self.tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
        self.pin.write_text(PIN + "\n")
        self.pin.chmod(0o600)
        self.env = {"SOFTHSM2_CONF": str(self.conf)}
        self.settings = {"hsm.module": MODULE, "hsm.pin": f"file:{self.pin}"}
        processes.run(["softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", PIN, "--pin", PIN],
                      env={**os.environ, **self.env}, check=True)

    def uri(self, name):
        return f"pkcs11:token={self.label};object={name}"

    def tool(self, *arguments):
        return processes.run(["pkcs11-tool", "--module", MODULE, "--token-label", self.label, "--login", "--pin", PIN,
                              *arguments], env={**os.environ, **self.env}, check=True).stdout

    def remove(self):
        """As when somebody unplugs it."""
        self.tokens.rename(self.dir / "away")
        self.tokens.mkdir()

    def put_back(self):
        self.tokens.rmdir()
        (self.dir / "away").rename(self.tokens)

    def with_shim(self):
        """Settings that put the failing module in front; it obeys the files hang, lose, twist beside the token."""
        built = self.dir / "shim.so"
        subprocess.run(["gcc", "-shared", "-fPIC", "-I/usr/include/p11-kit-1", f'-DREAL="{MODULE}"',
                        f'-DORDERS="{self.dir}"', "-o", built, HERE / "hsm_shim.c"], check=True)
        self.settings["hsm.module"] = built
        return self.settings

    def order(self, what, on=True):
        path = self.dir / what
        path.write_text("") if on else path.unlink(missing_ok=True)
