"""A real slapd with the people and groups of an Active Directory domain, on loopback, through TLS alone."""
import os
import pathlib
import socket
import urllib.parse
import uuid

import keys
import ports
import processes

BASE = "dc=contoso,dc=com"
SERVICE = f"cn=chancery,ou=service,{BASE}"
PASSWORDS = {"ana": "Grün: ein Wald, kein Paßwort\\", "bob": "bob's own pass*word)", "eve": "eve's long password"}

# what Active Directory has and the schemas of slapd have not
SCHEMA = """
attributetype ( 1.2.840.113556.1.4.221 NAME 'sAMAccountName' EQUALITY caseIgnoreMatch
    SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.656 NAME 'userPrincipalName' EQUALITY caseIgnoreMatch
    SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.2 NAME 'objectGUID' EQUALITY octetStringMatch
    SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
objectclass ( 1.2.840.113556.1.5.9 NAME 'adPerson' SUP top AUXILIARY
    MAY ( sAMAccountName $ userPrincipalName $ objectGUID ) )
objectclass ( 1.2.840.113556.1.5.8 NAME 'adGroup' SUP top AUXILIARY MAY ( sAMAccountName ) )
"""


class Slapd:
    """`ldaps` and `start_tls` are its addresses; `ca` is the file that its certificate verifies by."""

    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        (self.dir / "db").mkdir(parents=True)
        certificate, key = keys.self_signed("localhost", dns=["localhost"])
        self.ca = self.dir / "tls.pem"
        self.ca.write_bytes(certificate.public_bytes(keys.PEM))
        (self.dir / "tls.key").write_text(keys.key_pem(key))
        (self.dir / "schema").write_text(SCHEMA)
        self.admin_file, self.service_file = self.dir / "admin", self.dir / "service"
        self.admin_file.write_text(uuid.uuid4().hex)
        self.admin_file.chmod(0o600)
        self.service_password = uuid.uuid4().hex
        self.service_file.write_text(self.service_password + "\n")
        self.service_file.chmod(0o600)
        self.socket = self.dir / "ldapi"
        self.ports = ports.take(), ports.take()
        self.ldaps, self.start_tls = f"ldaps://localhost:{self.ports[1]}", f"ldap://localhost:{self.ports[0]}"
        self._configure()
        self.process = None
        self.start()
        self._fill()

    def _configure(self):
        (self.dir / "slapd.conf").write_text(f"""
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include {self.dir}/schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
pidfile {self.dir}/pid
TLSCertificateFile {self.dir}/tls.pem
TLSCertificateKeyFile {self.dir}/tls.key
localSSF 256
security simple_bind=128
referral ldap://127.0.0.1:9/
database mdb
suffix "{BASE}"
rootdn "cn=admin,{BASE}"
rootpw {self.admin_file.read_text()}
directory {self.dir}/db
maxsize 33554432
overlay memberof
memberof-group-oc groupOfNames
access to attrs=userPassword by anonymous auth by * none
access to * by users read by * none
""")

    def start(self):
        self.socket.unlink(missing_ok=True)
        self.process = processes.start(
            ["/usr/sbin/slapd", "-f", self.dir / "slapd.conf", "-d", "0", "-h",
             f"ldap://127.0.0.1:{self.ports[0]} ldaps://127.0.0.1:{self.ports[1]} "
             f"ldapi://{urllib.parse.quote(str(self.socket), safe='')}"], self.dir / "log")
        processes.wait_until(self._listens, 20, what="slapd")

    def _listens(self):
        assert self.process.poll() is None, processes.tail(self.dir / "log")
        with socket.socket() as probe:
            return self.socket.exists() and probe.connect_ex(("127.0.0.1", self.ports[1])) == 0

    def stop(self):
        if self.process.poll() is None:
            processes.stop(self.process)

    def ldif(self, text):
        """Change entries: the input of ldapmodify; what has no changetype is added."""
        done = processes.run(
            ["ldapmodify", "-a", "-x", "-H", f"ldapi://{urllib.parse.quote(str(self.socket), safe='')}",
             "-D", f"cn=admin,{BASE}", "-y", self.admin_file], input=text, env={**os.environ, "LDAPNOINIT": "1"})
        assert done.returncode == 0, done.stdout + done.stderr

    def person(self, login, password, *more):
        """Add a person; their DN."""
        dn = f"uid={login},ou=people,{BASE}"
        self.ldif("\n".join([f"dn: {dn}", "objectClass: inetOrgPerson", "objectClass: adPerson", f"uid: {login}",
                             f"cn: {login}", "sn: x", f"mail: {login}@contoso.com", *more, ""]))
        secret = self.dir / "new-password"
        secret.write_bytes(password.encode())
        self.ldif(f"dn: {dn}\nchangetype: modify\nreplace: userPassword\nuserPassword:< {secret.as_uri()}\n")
        return dn

    def group(self, name, members, ou="groups", rdn=None):
        """Add a group of these DNs; its DN, in which the name stands as RDN."""
        dn = f"cn={rdn or name},ou={ou},{BASE}"
        self.ldif("\n".join([f"dn: {dn}", "objectClass: groupOfNames", f"cn: {name}",
                             *(f"member: {member}" for member in members), ""]))
        return dn

    def member(self, group, person, how):
        """Put somebody into a group (`add`), or out of it (`delete`)."""
        self.ldif(f"dn: {group}\nchangetype: modify\n{how}: member\nmember: {person}\n")

    def remove(self, dn):
        self.ldif(f"dn: {dn}\nchangetype: delete\n")

    def _fill(self):
        self.ldif(f"dn: {BASE}\nobjectClass: domain\ndc: contoso\n\n" + "\n".join(
            f"dn: ou={ou},{BASE}\nobjectClass: organizationalUnit\nou: {ou}\n"
            for ou in ("people", "groups", "elsewhere", "service")))
        self.ldif(f"dn: {SERVICE}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\n"
                  f"cn: chancery\nuserPassword: {self.service_password}\n")
        self.ana = self.person("ana", PASSWORDS["ana"], "sAMAccountName: Ana", "userPrincipalName: ana@contoso.com",
                               "objectGUID:: AAECAwQFBgcICQoLDA0ODw==")
        self.bob, self.eve = self.person("bob", PASSWORDS["bob"]), self.person("eve", PASSWORDS["eve"])
        self.admins = self.group("PKI-Administrators", [self.bob])
        self.users = self.group("PKI-Users", [self.eve])

    def settings(self, **more):
        """An entry of access.directories."""
        return {"name": "contoso", "domains": ["CONTOSO", "contoso.com"], "urls": [self.ldaps], "ca": str(self.ca),
                "bind_dn": SERVICE, "bind_password": f"file:{self.service_file}", "base": f"ou=people,{BASE}",
                "group_base": f"ou=groups,{BASE}", **more}

    close = stop
