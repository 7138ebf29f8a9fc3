"""Other people's programs that judge our work: nginx, curl, openssl, GnuTLS."""
import pathlib
import re
import socket

import requests

import keys
import ports
import processes


class Nginx:
    """A real nginx that serves one page with the certificate given."""

    def __init__(self, directory, certificate, key):
        self.dir = pathlib.Path(directory)
        self.dir.mkdir(parents=True)
        self.dir.chmod(0o755)
        self.port = ports.take()
        self.url = f"https://localhost:{self.port}/"
        (self.dir / "cert.pem").write_text(certificate)
        (self.dir / "key.pem").write_text(key)
        (self.dir / "nginx.conf").write_text(f"""
daemon off; master_process off; pid {self.dir}/pid; error_log {self.dir}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off; client_body_temp_path {self.dir}/body; proxy_temp_path {self.dir}/proxy;
    fastcgi_temp_path {self.dir}/fastcgi; uwsgi_temp_path {self.dir}/uwsgi; scgi_temp_path {self.dir}/scgi;
    server {{
        listen 127.0.0.1:{self.port} ssl; server_name localhost;
        ssl_certificate {self.dir}/cert.pem; ssl_certificate_key {self.dir}/key.pem;
        location / {{ default_type text/plain; return 200 "served by nginx\\n"; }}
    }}
}}
""")
        self.process = processes.start(["/usr/sbin/nginx", "-p", self.dir, "-c", self.dir / "nginx.conf",
                                        "-e", self.dir / "error.log"], self.dir / "log")
        processes.wait_until(self._listens, 10, what="nginx")

    def _listens(self):
        assert self.process.poll() is None, processes.tail(self.dir / "log") + processes.tail(self.dir / "error.log")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self):
        processes.stop(self.process)


def curl(url, ca, *more):
    """Real curl, trusting nothing but the CA file."""
    return processes.run(["curl", "-sS", "--noproxy", "*", "--cacert", ca, "--capath", "/nonexistent", *more, url])


def openssl(*arguments, input=None):
    return processes.run(["openssl", *arguments], input=input)


def fetch(url):
    """The bytes at a plain-HTTP address, such as a CRL."""
    assert url.startswith("http://"), url
    session = requests.Session()
    session.trust_env = False
    reply = session.get(url, timeout=20)
    assert reply.status_code == 200, f"{url}: {reply.status_code} {reply.text[:200]}"
    return reply


def openssl_ocsp(tmp_path, leaf, issuer, root, url, *more):
    """What `openssl ocsp` says of the leaf: good, revoked or unknown; its answer must verify."""
    for name, pem in (("leaf", leaf), ("issuer", issuer), ("root", root)):
        (tmp_path / f"{name}.pem").write_text(pem)
    done = openssl("ocsp", *more, "-issuer", tmp_path / "issuer.pem", "-cert", tmp_path / "leaf.pem", "-url", url,
                   "-CAfile", tmp_path / "root.pem", "-verify_other", tmp_path / "issuer.pem")
    assert "Response verify OK" in done.stderr, done.stdout + done.stderr
    return re.search(r"leaf\.pem: (\w+)", done.stdout).group(1)


def ocsptool(tmp_path, leaf, issuer, url):
    """What GnuTLS says of the leaf: good, revoked or unknown."""
    (tmp_path / "gnutls-leaf.pem").write_text(leaf)
    (tmp_path / "gnutls-issuer.pem").write_text(issuer)
    done = processes.run(["ocsptool", "--ask=" + url, "--load-cert", tmp_path / "gnutls-leaf.pem",
                          "--load-issuer", tmp_path / "gnutls-issuer.pem"])
    text = done.stdout + done.stderr
    assert "Verifying OCSP Response: Success" in text, text
    return re.search(r"Certificate Status: (\w+)", text).group(1)


def crl_says(tmp_path, leaf, chain, crls):
    """`openssl verify -crl_check` with these CRLs (DER): "ok" or "revoked", or its error text."""
    (tmp_path / "crl-leaf.pem").write_text(leaf)
    (tmp_path / "crl-chain.pem").write_text(chain)
    texts = []
    for number, der in enumerate(crls):
        (tmp_path / f"{number}.crl").write_bytes(der)
        done = openssl("crl", "-inform", "DER", "-in", tmp_path / f"{number}.crl")
        assert done.returncode == 0, done.stderr
        texts.append(done.stdout)
    (tmp_path / "crls.pem").write_text("".join(texts))
    done = openssl("verify", "-x509_strict", "-crl_check", "-CAfile", tmp_path / "crl-chain.pem", "-CRLfile",
                   tmp_path / "crls.pem", tmp_path / "crl-leaf.pem")
    text = done.stdout + done.stderr
    if "certificate revoked" in text:
        return "revoked"
    return "ok" if done.returncode == 0 else text


class Judged:
    """What OpenSSL and GnuTLS say of a certificate with its chain (PEM texts, leaf first, root last)."""

    def __init__(self, tmp_path, chain):
        self.dir, self.leaf, self.issuer, self.root = tmp_path, chain[0], chain[1], chain[-1]
        self.chain = chain
        self.where = keys.addresses(keys.load(self.leaf))

    def check_chain(self):
        done = processes.run(["certtool", "--verify-chain"], input="".join(self.chain))
        assert "Verified. The certificate is trusted" in done.stdout, done.stdout + done.stderr
        (self.dir / "judged-root.pem").write_text(self.root)
        (self.dir / "judged-others.pem").write_text("".join(self.chain[1:-1]))
        (self.dir / "judged-leaf.pem").write_text(self.leaf)
        more = ["-untrusted", self.dir / "judged-others.pem"] if self.chain[1:-1] else []
        done = openssl("verify", "-x509_strict", "-CAfile", self.dir / "judged-root.pem", *more,
                       self.dir / "judged-leaf.pem")
        assert done.returncode == 0, done.stdout + done.stderr

    def by_crl(self):
        crls = [fetch(self.where["crl"][0]).content]
        for below in self.chain[1:-1]:
            crls.append(fetch(keys.addresses(keys.load(below))["crl"][0]).content)
        for number, der in enumerate(crls):
            (self.dir / f"judged-{number}.crl").write_bytes(der)
            (self.dir / "judged-issuer.der").write_bytes(keys.load(self.chain[1 + number]).public_bytes(keys.DER))
            done = processes.run(["certtool", "--verify-crl", "--inder", "--infile", self.dir / f"judged-{number}.crl",
                                  "--load-ca-certificate", self.dir / "judged-issuer.der"])
            assert "Verification output: Verified" in done.stdout, done.stdout + done.stderr
        return crl_says(self.dir, self.leaf, "".join(self.chain[1:]), crls)

    def by_ocsp(self, *more):
        return openssl_ocsp(self.dir, self.leaf, self.issuer, self.root, self.where["ocsp"][0], *more)

    def by_gnutls(self):
        return ocsptool(self.dir, self.leaf, self.issuer, self.where["ocsp"][0])
