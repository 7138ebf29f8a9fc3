"""Real name servers: Knot, one that takes updates (RFC 2136), and one that copies its zone from it."""
import base64
import secrets

import dns.query
import dns.tsigkeyring
import dns.update

import ports
import processes


class Zone:
    """A zone at two name servers, 127.0.0.1 and 127.0.0.2, on one port. The second learns of changes at once, or,
    when it is not TOLD, not before it begins anew."""

    def __init__(self, directory, name, told=True):
        self.dir, self.name, self.port = directory, name, ports.take()
        self.key_name, self.secret = "updates", base64.b64encode(secrets.token_bytes(32)).decode()
        directory.mkdir()
        self.file = directory / "zone"
        self.file.write_text(f"""
$ORIGIN {name}.
$TTL 5
@ SOA ns1 hostmaster 1 86400 900 604800 5
@ NS ns1
@ NS ns2
ns1 A 127.0.0.1
ns2 A 127.0.0.2
""")
        acl = f"""
acl:
  - id: updates
    key: {self.key_name}
    action: update
  - id: copies
    address: 127.0.0.0/8
    action: [transfer, notify]
"""
        self._write("first", "127.0.0.1", "acl: [updates, copies]" + ("\n    notify: second" if told else ""),
                    self._remote("second", "127.0.0.2") + acl, self.file)
        self._write("second", "127.0.0.2", "acl: copies\n    master: first",
                    self._remote("first", "127.0.0.1") + acl, directory / "second.zone")
        self.processes = {"first": self._start("first")}
        self._wait("127.0.0.1")
        self.processes["second"] = self._start("second")
        self._wait("127.0.0.2")

    def _remote(self, which, address):
        return f"""
remote:
  - id: {which}
    address: {address}@{self.port}
"""

    def _write(self, which, address, zone, more, file):
        (self.dir / which).mkdir()
        (self.dir / f"{which}.conf").write_text(f"""
server:
  rundir: "{self.dir / which}"
  listen: {address}@{self.port}
database:
  storage: "{self.dir / which}"
log:
  - target: stdout
    any: info
key:
  - id: {self.key_name}
    algorithm: hmac-sha256
    secret: {self.secret}
{more}
zone:
  - domain: {self.name}
    file: "{file}"
    zonefile-sync: -1
    {zone}
""")

    def _start(self, which):
        return processes.start(["/usr/sbin/knotd", "-c", self.dir / f"{which}.conf"], self.dir / f"{which}.log")

    def _wait(self, address):
        processes.wait_until(lambda: self.texts(address, self.name) is not None, 20, 0.1, f"the zone at {address}")

    def texts(self, address, name):
        """The TXT records that one server has; None: it does not serve the zone."""
        question = dns.message.make_query(name, "TXT")
        try:
            reply = dns.query.udp(question, address, timeout=1, port=self.port)
        except (OSError, dns.exception.DNSException):
            return None
        if reply.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            return None
        return [b"".join(one.strings).decode() for answer in reply.answer for one in answer]

    def add(self, name, text):
        """One more TXT record, by an update to the first."""
        change = dns.update.Update(self.name, keyring=dns.tsigkeyring.from_text({self.key_name: self.secret}),
                                   keyalgorithm=dns.tsig.HMAC_SHA256)
        change.add(f"{name}.", 5, "TXT", f'"{text}"')
        reply = dns.query.tcp(change, "127.0.0.1", timeout=10, port=self.port)
        assert reply.rcode() == dns.rcode.NOERROR, reply

    def copy(self):
        """The second begins anew, and so has what the first has."""
        processes.stop(self.processes["second"])
        self.processes["second"] = self._start("second")
        self._wait("127.0.0.2")

    def close(self):
        for one in self.processes.values():
            processes.stop(one)
        ports.put_back(self.port)
