"""The query language: what it finds, what it refuses, and that both databases answer alike."""
import os
import random
import re
import time

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

import chancery
import keys
from chancery import good


@pytest.fixture(scope="module")
def tag(server):
    """Five certificates whose names share a word."""
    client, word = server.client(), f"q{time.time_ns()}"
    client.enroll(keys.new_csr(f"alpha.{word}.example.com", [f"alpha.{word}.example.com", f"extra.{word}.example.com"]))
    client.enroll(keys.new_csr(f"beta.{word}.example.com", [f"beta.{word}.example.com"], keys.new_key("rsa:2048")))
    client.enroll(keys.new_csr(f"gamma.{word}.example.com", [f"gamma.{word}.example.com"], ip=["10.9.8.7"]))
    client.enroll(keys.new_csr(f"Delta.{word}.example.com", [f"delta.{word}.example.com"], keys.new_key("ec:p384")))
    gone = client.enroll(keys.new_csr(f"eps.{word}.example.com", [f"eps.{word}.example.com"]))
    client.revoke(gone["KeyfactorID"], reason=4)
    return word


def first_words(client, query, **more):
    rows = client.get("/Certificates", **{"pq.queryString": query, "pq.sortField": "Id", **more})
    return [row["IssuedCN"].split(".")[0].lower() for row in rows]


@pytest.mark.parametrize("query, wanted", [
    ('CN -contains "$"', "alpha beta gamma delta"),
    ('cn -CONTAINS "$"', "alpha beta gamma delta"),
    ("IssuedCN -contains '$'", "alpha beta gamma delta"),
    ('CN -startswith "alpha.$"', "alpha"), ('CN -endswith "$.example.com"', "alpha beta gamma delta"),
    ('CN -eq "ALPHA.$.EXAMPLE.COM"', "alpha"), ('CN -eq alpha.$.example.com', "alpha"),
    ('CN -contains "$" AND CN -ne "alpha.$.example.com"', "beta gamma delta"),
    ('CN -contains "$" AND CN -notcontains "a."', ""),
    ('CN -contains "$" AND NOT CN -startswith "beta"', "alpha gamma delta"),
    ('CN -startswith "alpha.$" OR CN -startswith "beta.$"', "alpha beta"),
    ('(CN -startswith "alpha.$" OR CN -startswith "beta.$")AND (KeyType -eq "RSA")', "beta"),
    ('(CN -startswith "alpha.$")OR(CN -startswith "gamma.$")', "alpha gamma"),
    ('CN -startswith "alpha.$" OR CN -contains "$" AND KeyType -eq 1', "alpha beta"),
    ('SAN -contains "extra.$"', "alpha"), ('SubjectAltName -eq "extra.$.example.com"', "alpha"),
    ('CN -contains "$" AND SAN -eq "10.9.8.7"', "gamma"),
    ('CN -contains "$" AND KeySize -gt 300', "beta delta"), ('CN -contains "$" AND KeySizeInBits -eq "2048"', "beta"),
    ('CN -contains "$" AND KeySize -le 256', "alpha gamma"),
    ('CN -contains "$" AND CertState -eq 2', "eps"), ('CN -contains "$" AND CertState -eq "Revoked"', "eps"),
    ('CN -contains "$" AND Status -eq "Active"', "alpha beta gamma delta"),
    ('CN -contains "$" AND RevocationReason -eq 4 AND CertState -eq 2', "eps"),
    ('CN -contains "$" AND NotAfter -gt "%TODAY%"', "alpha beta gamma delta"),
    ('CN -contains "$" AND ExpirationDate -le "%TODAY+5000%" AND ExpirationDate -ge "%TODAY%"',
     "alpha beta gamma delta"),
    ('CN -contains "$" AND NotAfter -lt "%TODAY-1%"', ""),
    ('CN -contains "$" AND NotBefore -lt 2999-01-01', "alpha beta gamma delta"),
    ('CN -contains "$" AND NotBefore -gt "01/31/2024"', "alpha beta gamma delta"),
    ('CN -contains "$" AND NotAfter -gt "2024-01-31T10:00:00Z"', "alpha beta gamma delta"),
    ('CN -contains "$" AND OU -eq NULL', "alpha beta gamma delta"), ('CN -contains "$" AND OU -ne null', ""),
    ('CN -contains "$" AND OU -ne "x"', "alpha beta gamma delta"),
    ('CN -contains "$" AND HasPrivateKey -eq "false"', "alpha beta gamma delta"),
    ('CN -contains "$" AND SelfSigned -eq true', ""),
    ('CN -contains "$" AND TemplateShortName -eq "WebServer"', "alpha beta gamma delta"),
    ('CN -contains "$%"', ""), ('CN -contains "$_"', ""), ('CN -contains "%$"', ""),
    ('CN -contains "$" AND CN -contains "\\""', ""), ('CN -contains "$" AND CN -contains """"', ""),
    ('CN -contains "$" AND (((((CN -startswith "beta")))))', "beta"),
    ('DN -contains "CN=beta.$"', "beta"), ('CN -contains "$" AND IssuerDN -ne NULL', "alpha beta gamma delta"),
])
def test_a_query_finds_what_it_says(client, tag, query, wanted):
    assert first_words(client, query.replace("$", tag)) == wanted.split()


def test_distinguished_names_are_found_with_either_spacing(client):
    tag = f"s{time.time_ns()}"  # its own: others count what has theirs
    name = f"spaced.{tag}.example.org"
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Acme"),
                         x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = client.enroll(keys.new_csr(subject=subject, dns=[name]), dns=(name,))
    wanted = client.get(f"/Certificates/{made['KeyfactorID']}")["IssuedDN"]
    assert wanted == f"CN={name},O=Acme"
    for spaced in (wanted, wanted.replace(",", ", "), wanted.upper().replace(",", ",  ")):
        for query in (f'IssuedDN -eq "{spaced}"', f'DN -contains "{spaced[5:]}"'):
            assert client.total(query) == 1, query


def test_serials_and_thumbprints_compare_loosely(client, tag):
    row = client.get("/Certificates", **{"pq.queryString": f'CN -startswith "alpha.{tag}"'})[0]
    print_, serial = row["Thumbprint"], row["SerialNumber"]
    for query in (f'Thumbprint -eq "{print_.lower()}"', f'Thumbprint -eq "{":".join(re.findall("..", print_))}"',
                  f'SerialNumber -eq "{serial.lower()}"', f'SerialNumber -eq "{serial.lstrip("0")}"',
                  f'SerialNumber -eq "0000{serial}"', f'CertId -eq {row["Id"]}', f'Id -eq "{row["Id"]}"',
                  f'CertRequestId -eq {row["CertRequestId"]}'):
        assert first_words(client, query) == ["alpha"], query


@pytest.mark.parametrize("query, reason", [
    ("CN", "position|column"), ("CN -eq", "position|column"), ('-eq "x"', "position|column"), ('CN "x"', "position"),
    ('CN -like "x"', "position.*operator"), ('(CN -eq "x"', "position|parenthes"), ('CN -eq "x")', "position|parenthes"),
    ('CN -eq "x" AND', "position|end"), ('CN -eq "x" XOR CN -eq "y"', "position|XOR"), ('CN -eq "x', "position|quote"),
    ('AND CN -eq "x"', "position"), ("()", "position"), ('NOT', "position|end"), ('CN -eq "x" CN -eq "y"', "position"),
    ('NoSuchField -eq "x"', "NoSuchField"), ('Metadata. -eq "x"', "position|Metadata"),
    ('KeySize -eq "many"', "KeySize|many"), ('NotAfter -gt "yesterday"', "NotAfter|yesterday"),
    ('NotAfter -gt "2025-13-45"', "NotAfter|2025-13-45"), ('CertState -eq "Sleeping"', "CertState|Sleeping"),
    ('NotAfter -gt "%TODAY+%"', "NotAfter|TODAY"), ('KeySize -contains "2"', "KeySize|-contains"),
    ('HasPrivateKey -eq "perhaps"', "HasPrivateKey|perhaps"), ("CN -eq 'a\0b'", "NUL|character|position|u0000"),
    ("(" * 10000 + 'CN -eq "x"' + ")" * 10000, "deep|nest|long|large|parenthes"),
    ("NOT " * 5000 + 'CN -eq "x"', "deep|nest|long|large|many"),
    ("CN -eq 99999999999999999999999 AND KeySize -eq 99999999999999999999999", "KeySize|number|range"),
])
def test_a_bad_query_is_refused_with_its_reason(server, client, query, reason):
    reply = client.command("POST", "/Certificates/RevokeAll", json={"Query": query, "Reason": 0})
    assert reply.status_code == 400, reply.text
    if len(query) < 4000 and "\0" not in query:
        reply = client.command("GET", "/Certificates", params={"pq.queryString": query})
    assert reply.status_code == 400 and re.search(reason, reply.json()["Message"], re.I), reply.text
    assert len(reply.text) < 4000
    assert client.command("GET", "/Status/Endpoints").status_code == 200


def test_ten_thousand_parentheses_in_the_address_are_refused_too(client):
    reply = client.session.get(client.server.url.rstrip("/") + "/KeyfactorAPI/Certificates",
                               params={"pq.queryString": "(" * 10000}, timeout=30)
    assert reply.status_code in (400, 414), reply.status_code


class Words:
    """Random queries over the same certificates on two servers."""

    def __init__(self, seed, names):
        self.random, self.names = random.Random(seed), names

    def piece(self):
        name = self.random.choice(self.names)
        begin = self.random.randrange(len(name))
        return name[begin:begin + self.random.randint(1, 9)].strip(" ") or "a"

    def atom(self):
        pick = self.random.choice
        return pick([
            lambda: f'{pick(["CN", "SAN", "DN"])} {pick(["-contains", "-startswith", "-endswith", "-notcontains"])} '
                    f'"{self.piece()}"',
            lambda: f'CN {pick(["-eq", "-ne", "-lt", "-ge"])} "{pick(self.names)}"',
            lambda: f'KeySize {pick(["-eq", "-ne", "-lt", "-le", "-gt", "-ge"])} {pick([256, 384, 521, 2048])}',
            lambda: f'KeyType -eq {pick([1, 3, 0])}',
            lambda: f'CertState {pick(["-eq", "-ne"])} {pick([1, 2, 6])}',
            lambda: f'RevocationReason {pick(["-eq", "-ne"])} {pick(["NULL", 1, 4])}',
            lambda: f'NotAfter {pick(["-lt", "-gt"])} "%TODAY{pick(["+10", "+100", "-1", ""])}%"',
            lambda: f'OU {pick(["-eq", "-ne"])} {pick(["NULL", "x"])}',
        ])()

    def query(self, depth=0):
        if depth > 3 or self.random.random() < 0.4:
            return self.atom()
        word = self.random.choice(["AND", "OR", "NOT"])
        if word == "NOT":
            return f"NOT ({self.query(depth + 1)})"
        return f"({self.query(depth + 1)}) {word} ({self.query(depth + 1)})"

    def parameters(self):
        return {"pq.queryString": self.query(), "pq.returnLimit": self.random.choice([3, 10, 100]),
                "pq.pageReturned": self.random.choice([1, 1, 2]), "pq.sortAscending": self.random.choice(["0", "1"]),
                "pq.sortField": self.random.choice(["Id", "IssuedCN", "KeySizeInBits", "IssuedDN", "KeyType",
                                                    "CertState", "RevocationReason"]),
                "pq.includeRevoked": self.random.choice(["true", "false"])}


@pytest.fixture
def pair(request):
    """The same certificates, in the same order, in SQLite and in PostgreSQL."""
    servers = [chancery.Server(), chancery.Server(request.getfixturevalue("_postgres").new_database())]
    try:
        for server in servers:
            server.start()
        pick = random.Random(7)
        names = [f"{pick.choice(['web', 'Api', 'db', 'MAIL', 'über'.replace('ü', 'u')])}{number}."
                 f"{pick.choice(['a-b', 'a_b'.replace('_', 'x'), 'zz', 'Contoso'])}.example.com" for number in range(40)]
        kinds = ["ec:p256"] * 5 + ["ec:p384", "rsa:2048"]
        for number, name in enumerate(names):
            csr = keys.new_csr(name, [name.lower()], keys.new_key(pick.choice(kinds)))
            ids = [server.client().enroll(csr)["KeyfactorID"] for server in servers]
            if number % 5 == 0:
                reason = pick.choice([1, 4])
                for server, one in zip(servers, ids):
                    server.client().revoke(one, reason=reason)
        yield servers, names
    finally:
        for server in servers:
            server.close()


@pytest.mark.once
def test_random_searches_give_the_same_rows_in_the_same_order_on_both_databases(database, pair):
    (left, right), names = pair
    # `make soak` asks other questions each time, everything else the same ones
    seed = time.time_ns() % 100000 if "ROUNDS" in os.environ else 7531
    words, left, right = Words(seed, names), left.client(), right.client()
    matched = 0
    for _ in range(250):
        parameters = words.parameters()
        replies = [client.command("GET", "/Certificates", params=parameters) for client in (left, right)]
        assert [reply.status_code for reply in replies] == [200, 200], (seed, parameters, replies[0].text)
        rows = [[(row["IssuedDN"], row["KeySizeInBits"], row["CertState"]) for row in good(reply)]
                for reply in replies]
        assert rows[0] == rows[1], (seed, parameters)
        assert replies[0].headers["x-total-count"] == replies[1].headers["x-total-count"], (seed, parameters)
        matched += bool(rows[0])
    assert matched > 60, f"only {matched} of the queries matched anything"
