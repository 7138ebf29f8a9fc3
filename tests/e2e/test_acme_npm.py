"""The npm package acme-client, unmodified, where there is npm: its versions are pinned by tests/npm/package-lock.json."""
import fcntl
import json
import os
import pathlib
import shutil

import pytest

import chancery
import keys
import ports
import processes
from test_acme_clients import a_name, states

FROM = pathlib.Path(__file__).resolve().parent.parent / "npm"
pytestmark = pytest.mark.skipif(not shutil.which("npm"), reason="there is no npm")


@pytest.fixture(scope="module")
def modules():
    """The folder with what the lock file pins, fetched once for each content of it."""
    folder = chancery.BUILD / "npm"
    folder.mkdir(exist_ok=True)
    with open(folder / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        pinned = (FROM / "package-lock.json").read_text()
        if not (folder / "installed").exists() or (folder / "installed").read_text() != pinned:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(FROM / name, folder)
            done = processes.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, timeout=300)
            if done.returncode != 0:
                pytest.skip(f"npm cannot fetch it here: {done.stderr[-300:]}")
            (folder / "installed").write_text(pinned)
    return folder / "node_modules"


class Texts:
    """The TXT records that the client writes into a file."""

    def __init__(self, path):
        self.path = path

    def get(self, name, default=()):
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return [line.split()[1] for line in lines if line.split()[0] == name] or default


@pytest.mark.seed("S354", "S412", "S175", "S360")
def test_acme_client_of_npm(modules, new_server, acme_settings, answers, tmp_path, monkeypatch):
    """Registers, gets a certificate by each kind of challenge, a wildcard among them, renews, and revokes."""
    tls_port = ports.take()
    server = new_server(settings={**acme_settings, "acme.validation.tls_port": tls_port}).start()
    web, dns = answers
    monkeypatch.setattr(dns, "texts", Texts(tmp_path / "texts"))
    name, other, wild, alpn = a_name(), a_name(), a_name(), a_name()
    orders = [{"names": [name, other], "challenge": "http-01"}, {"names": [name, other], "challenge": "http-01", "revoke": True},
              {"names": [f"*.{wild}", wild], "challenge": "dns-01"}, {"names": [alpn], "challenge": "tls-alpn-01"}]
    for place, order in enumerate(orders):
        order["out"] = str(tmp_path / f"chain{place}.pem")
    (tmp_path / "orders").write_text(json.dumps({"directory": server.acme_directory, "tokens": str(web.tokens),
                                                 "texts": str(tmp_path / "texts"), "tls_port": tls_port, "orders": orders}))
    shutil.copy(FROM / "acme.js", tmp_path)
    done = processes.run(["node", tmp_path / "acme.js", tmp_path / "orders"], cwd=tmp_path, timeout=120, env={
        "PATH": os.environ["PATH"], "HOME": str(tmp_path), "NODE_PATH": str(modules), "NODE_EXTRA_CA_CERTS": str(server.ca)})
    assert done.returncode == 0, done.stdout + done.stderr
    for order in orders:
        chain = pathlib.Path(order["out"]).read_text()
        assert chain.count("BEGIN CERTIFICATE") == 2
        assert sorted(keys.names(keys.load(chain))) == sorted(order["names"])
    assert states(server, name) == [1, 2]
