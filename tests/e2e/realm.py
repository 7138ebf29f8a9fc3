"""A real Kerberos realm: a key distribution centre of MIT's on loopback, its people, and a keytab for the server."""
import os
import pathlib
import re
import subprocess
import tempfile

import ports
import processes

REALM = "CONTOSO.COM"
PASSWORDS = {"ana": "ana's Kerberos password", "bob": "bob's Kerberos password", "eve": "eve's Kerberos password"}


class Realm:
    """`env` makes Kerberos programs, and a server, know it; `keytab` is that of HTTP/localhost."""

    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.port = ports.take()
        self.keytab, self.other_keytab = self.dir / "http.keytab", self.dir / "other.keytab"
        self._configure()
        self.env = {"KRB5_CONFIG": str(self.dir / "krb5.conf"), "KRB5_KDC_PROFILE": str(self.dir / "kdc.conf")}
        self.run(["/usr/sbin/kdb5_util", "create", "-s", "-r", REALM, "-P", "the master key's password"])
        for name, password in PASSWORDS.items():
            self.admin(f'addprinc -pw "{password}" {name}')
        for service, keytab in (("HTTP/localhost", self.keytab), ("HTTP/elsewhere", self.other_keytab)):
            self.admin(f"addprinc -randkey {service}")
            self.admin(f"ktadd -k {keytab} {service}")
        self.process = processes.start(["/usr/sbin/krb5kdc", "-n"], self.dir / "log", env={**os.environ, **self.env})
        processes.wait_until(self._answers, 20, 0.2, what="the KDC")

    def _configure(self):
        (self.dir / "krb5.conf").write_text(f"""
[libdefaults]
    default_realm = {REALM}
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
    udp_preference_limit = 1
[realms]
    {REALM} = {{
        kdc = 127.0.0.1:{self.port}
    }}
[domain_realm]
    localhost = {REALM}
""")
        (self.dir / "kdc.conf").write_text(f"""
[kdcdefaults]
    kdc_listen = 127.0.0.1:{self.port}
    kdc_tcp_listen = 127.0.0.1:{self.port}
[realms]
    {REALM} = {{
        database_name = {self.dir}/principal
        key_stash_file = {self.dir}/stash
        acl_file = {self.dir}/acl
        max_life = 10h
    }}
[logging]
    kdc = FILE:{self.dir}/kdc.log
""")

    def run(self, command, input=None, **more):
        return processes.run(command, input=input, check=True, env={**os.environ, **self.env, **more})

    def admin(self, query):
        self.run(["/usr/sbin/kadmin.local", "-r", REALM, "-q", query])

    def _answers(self):
        assert self.process.poll() is None, processes.tail(self.dir / "log")
        try:
            self.ticket("ana")
            return True
        except AssertionError:
            return False

    def ticket(self, name, *more):
        """Log in at the realm: an environment in which programs have the person's tickets."""
        cache = tempfile.mktemp(prefix=f"{name}-", dir=self.dir)
        env = {"KRB5CCNAME": f"FILE:{cache}", **self.env}
        self.run(["kinit", *more, name], input=PASSWORDS[name] + "\n", KRB5CCNAME=env["KRB5CCNAME"])
        return env

    def curl(self, server, env, *more, path="/KeyfactorAPI/Certificates", before=()):
        """What real curl answers: (status, head and body)."""
        done = subprocess.run(
            [*before, "curl", "-sS", "--noproxy", "*", "--cacert", server.ca, "--negotiate", "-u", ":", "-i", *more,
             server.url.rstrip("/").replace("127.0.0.1", "localhost") + path],
            env={**os.environ, **env}, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return int(re.findall(r"^HTTP/1.1 (\d+)", done.stdout, re.M)[-1]), done.stdout + done.stderr

    def token(self, env, service="HTTP@localhost", binding=None, mech="spnego"):
        """A token as a client would send it, bound to the connection with this data; base64."""
        program = (
            "import base64, sys, gssapi\n"
            "from gssapi.raw import ChannelBindings\n"
            "oid = {'spnego': '1.3.6.1.5.5.2', 'krb5': '1.2.840.113554.1.2.2'}[sys.argv[2]]\n"
            "binding = ChannelBindings(application_data=bytes.fromhex(sys.argv[3])) if sys.argv[3] else None\n"
            "name = gssapi.Name(sys.argv[1], gssapi.NameType.hostbased_service)\n"
            "context = gssapi.SecurityContext(name=name, usage='initiate', mech=gssapi.OID.from_int_seq(oid),\n"
            "    channel_bindings=binding, flags=[gssapi.RequirementFlag.mutual_authentication])\n"
            "print(base64.b64encode(context.step()).decode())\n")
        return processes.run(["/usr/bin/python3", "-c", program, service, mech, (binding or b"").hex()], check=True,
                             env={**os.environ, **env}).stdout.strip()

    def close(self):
        if self.process.poll() is None:
            processes.stop(self.process)
