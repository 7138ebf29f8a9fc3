"""What binds an authority binds every other certificate of it: of a new key, by an old key, by another authority."""
import datetime
import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import keys
import programs
from chancery import good

NARROW = {"permitted": ["example.com", "192.0.2.0/24"], "excluded": ["secret.example.com"]}
OUTSIDE_OF_IT = ("www.example.net", "very.secret.example.com")
BINDING = (x509.NameConstraints, x509.ExtendedKeyUsage, x509.CertificatePolicies, x509.PolicyConstraints,
           x509.InhibitAnyPolicy, x509.SubjectAlternativeName)
MAPPINGS = x509.ObjectIdentifier("2.5.29.33")


def made(client, name, **body):
    reply = client.rest("POST", "/authorities", json={"name": name, **body})
    assert reply.status_code == 201, reply.text
    return reply.json()


def bounds(certificate):
    """{OID: (critical, DER)} of what an authority's next certificate must say, too; and how many may stand below."""
    wanted = {kind.oid for kind in BINDING} | {MAPPINGS}
    said = {one.oid.dotted_string: (one.critical, one.value.public_bytes()) for one in certificate.extensions if one.oid in wanted}
    return said, certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length


def public(certificate):
    return certificate.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def constrained(certificate):
    limits = certificate.extensions.get_extension_for_class(x509.NameConstraints)
    assert limits.critical
    return ({str(one.value) for one in limits.value.permitted_subtrees or ()},
            {str(one.value) for one in limits.value.excluded_subtrees or ()})


def bound(client, authority):
    """It issues what it may, and nothing else."""
    answer = client.enroll(dns=("www.example.com",), CertificateAuthority=authority)
    for dns in OUTSIDE_OF_IT:
        reply = client.command("POST", "/Enrollment/CSR", json={
            "CSR": keys.new_csr(cn=dns, dns=(dns,)), "Template": "WebServer", "CertificateAuthority": authority,
            "Timestamp": "2025-10-22T14:30:00Z"}, headers={"x-certificateformat": "PEM"})
        assert reply.status_code == 400 and "name_constrained" in reply.text, reply.text
    return answer


def pem(certificate):
    return certificate.public_bytes(keys.PEM).decode()


def of_generation(client, name, generation):
    rows = good(client.rest("GET", f"/authorities/{name}/certificates"))["items"]
    return [keys.load(row["certificate"]) for row in rows if row["generation"] == generation]


def test_a_new_key_of_an_authority_below_another_is_bound_as_the_old_one(server, tmp_path):
    client, tag = server.client(), server.database[:6]
    root = made(client, f"Tied {tag} Root", key_type="ec-p256", path_length=2)
    name = made(client, f"Tied {tag} CA", parent=root["name"], path_length=1, **NARROW)["name"]
    first = keys.load(good(client.rest("GET", f"/authorities/{name}"))["certificate"])
    for generation in (2, 3):
        second = keys.load(good(client.rest("POST", f"/authorities/{name}/rollover"))["certificate"])
        assert public(second) != public(first)
        assert bounds(second) == bounds(first) and bounds(second)[1] == 1
        assert constrained(second) == ({"example.com", "192.0.2.0/24"}, {"secret.example.com"})
        answer = bound(client, name)
        assert of_generation(client, name, generation) == [second]
    programs.Judged(tmp_path, answer["Certificates"]).check_chain()
    below = made(client, f"Tied {tag} CA below", parent=name)
    bound(client, below["name"])


def test_a_new_key_of_a_root_is_bound_as_the_old_one_and_by_the_old_one(server, tmp_path):
    client, tag = server.client(), server.database[:6]
    root = made(client, f"Tied {tag} Sole Root", key_type="ec-p256", path_length=1, offers_enrollment=True, **NARROW)
    below = made(client, f"Tied {tag} Sole CA", parent=root["name"])
    good(client.rest("POST", f"/authorities/{root['name']}/rollover"))
    old, = of_generation(client, root["name"], 1)
    new, link = of_generation(client, root["name"], 2)
    assert new.issuer == link.issuer == old.subject and public(new) == public(link) != public(old)
    assert bounds(new) == bounds(link) == bounds(old)
    bound(client, root["name"])
    good(client.rest("POST", f"/authorities/{below['name']}/rollover"))
    leaf = bound(client, below["name"])
    (tmp_path / "old.pem").write_text(pem(old))
    (tmp_path / "between.pem").write_text(pem(link) + leaf["Certificates"][1])
    (tmp_path / "leaf.pem").write_text(leaf["Certificates"][0])
    done = programs.openssl("verify", "-x509_strict", "-CAfile", tmp_path / "old.pem", "-untrusted", tmp_path / "between.pem",
                            tmp_path / "leaf.pem")
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_another_authority_certifies_across_is_bound_as_before(server, tmp_path):
    client, tag = server.client(), server.database[:6]
    other = made(client, f"Tying {tag} Root", key_type="ec-p384")
    for kind in ({"key_type": "ec-p256", "path_length": 0, "offers_enrollment": True}, {"parent": other["name"]}):
        name = made(client, f"Tied {tag} {len(kind)}", **kind, **NARROW)["name"]
        own, = of_generation(client, name, 1)
        by = other["name"] if "key_type" in kind else made(client, f"Tying {tag} Root 2", key_type="ec-p256")["name"]
        done = server.cli("ca", "cross-sign", name, "--issuer", by)
        assert done.returncode == 0, done.stderr
        across = keys.load(done.stdout)
        assert bounds(across) == bounds(own) and across.issuer != across.subject
        issuer, = of_generation(client, by, 1)
        trusted, between, leaf = (tmp_path / f"{len(kind)}-{one}.pem" for one in ("trusted", "between", "leaf"))
        trusted.write_text(pem(issuer))
        between.write_text(pem(across))
        leaf.write_text(bound(client, name)["Certificates"][0])
        done = programs.openssl("verify", "-x509_strict", "-CAfile", trusted, "-untrusted", between, leaf)
        assert done.returncode == 0, done.stdout + done.stderr


def full(name, path_length=1):
    """(certificate, key) of a root from elsewhere that says all that can bind one."""
    key = keys.new_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.utcnow()
    policy = x509.ObjectIdentifier("2.23.140.1.2.1")
    mapping = bytes.fromhex("30143012060667810c010201" "06082b06010505070e02")  # policy to id-cp-ipAddr-asNumber
    not_there = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Contoso")])
    builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
               .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=100))
               .not_valid_after(now + datetime.timedelta(days=900)))
    for value, critical in (
            (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
            (x509.BasicConstraints(True, path_length), True),
            (x509.KeyUsage(True, False, False, False, False, True, True, False, False), True),
            (x509.SubjectAlternativeName([x509.UniformResourceIdentifier("https://pki.example.com/")]), False),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), False),
            (x509.NameConstraints([x509.DNSName("example.com"), x509.RFC822Name("example.com")],
                                  [x509.IPAddress(ipaddress.ip_network("2001:db8::/32")), x509.DirectoryName(not_there)]), True),
            (x509.CertificatePolicies([x509.PolicyInformation(policy, ["https://pki.example.com/cps"])]), False),
            (x509.UnrecognizedExtension(MAPPINGS, mapping), True),
            (x509.PolicyConstraints(0, 1), True),
            (x509.InhibitAnyPolicy(0), True),
            (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.311.21.1"), b"\x02\x01\x00"), False)):
        builder = builder.add_extension(value, critical)
    return builder.sign(key, hashes.SHA256()), key


def test_policies_purposes_and_names_go_on_too_octet_for_octet(server):
    client, tag = server.client(), server.database[:6]
    old, key = full(f"Full {tag} Root")
    reply = client.rest("POST", "/authorities/import", json={"bundle": pem(old) + keys.key_pem(key), "crl_number": 1})
    assert reply.status_code == 201, reply.text
    name = reply.json()["name"]
    assert len(bounds(old)[0]) == 7
    request = x509.load_pem_x509_csr(good(client.rest("POST", f"/authorities/{name}/csr"))["pem"].encode())
    assert bounds(request) == bounds(old)
    good(client.rest("POST", f"/authorities/{name}/rollover"))
    new, link = of_generation(client, name, 2)
    assert bounds(new) == bounds(link) == bounds(old)
    for one in (new, link):  # said of the old key alone: how often it was renewed
        assert "1.3.6.1.4.1.311.21.1" not in {extension.oid.dotted_string for extension in one.extensions}
    other = made(client, f"Full {tag} Other", key_type="ec-p256")
    across = keys.load(good(client.rest("POST", f"/authorities/{name}/cross-sign", json={"issuer": other["name"]}))["pem"])
    assert bounds(across) == bounds(old) and across.issuer != across.subject


def elsewhere(name, above=None, limits=None, days=900):
    """(certificate, key) of an authority from elsewhere, bound or not."""
    key = keys.new_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, signer = (above[0].subject, above[1]) if above else (subject, key)
    now = datetime.datetime.utcnow()
    builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
               .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=100))
               .not_valid_after(now + datetime.timedelta(days=days))
               .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
               .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False)
               .add_extension(x509.BasicConstraints(True, None), True)
               .add_extension(x509.KeyUsage(True, False, False, False, False, True, True, False, False), True))
    if limits:
        builder = builder.add_extension(limits, True)
    return builder.sign(signer, hashes.SHA256()), key


@pytest.mark.parametrize("where", ["itself", "its root"])
def test_an_authority_from_elsewhere_certifies_no_name_that_its_chain_forbids(server, where):
    client, tag = server.client(), f"{server.database[:6]} {where}"
    limits = x509.NameConstraints([x509.DNSName("example.com"), x509.IPAddress(ipaddress.ip_network("192.0.2.0/24"))],
                                  [x509.DNSName("secret.example.com")])
    root = elsewhere(f"Strict {tag} Root", limits=limits if where == "its root" else None)
    ours = elsewhere(f"Strict {tag} CA", root, limits if where == "itself" else None)
    reply = client.rest("POST", "/authorities/import", json={
        "bundle": pem(ours[0]) + pem(root[0]) + keys.key_pem(ours[1]), "crl_number": 7})
    assert reply.status_code == 201, reply.text
    name = reply.json()["name"]
    bound(client, name)
    before = client.total(f'CA -eq "{name}"')

    def refused(**csr):
        answer = client.command("POST", "/Enrollment/CSR", json={
            "CSR": keys.new_csr(**csr), "Template": "WebServer", "CertificateAuthority": name,
            "Timestamp": "2025-10-22T14:30:00Z"}, headers={"x-certificateformat": "PEM"})
        assert answer.status_code == 400 and "name_constrained" in answer.text, (csr, answer.text)

    for dns in ("WWW.EXAMPLE.NET", "*.example.net", "notexample.com", "example.com.example.net", "SECRET.example.com"):
        refused(cn=None, dns=(dns,))
    refused(cn="www.example.net")  # the name of the subject counts where there is no other
    refused(cn="www.example.com", dns=("www.example.com", "www.example.net"))
    refused(cn="www.example.com", dns=("www.example.com",), ip=("198.51.100.7",))
    assert client.total(f'CA -eq "{name}"') == before
    client.enroll(keys.new_csr(cn="www.example.com", dns=("www.example.com",), ip=("192.0.2.7",)), CertificateAuthority=name)


def test_no_certificate_outlives_what_stands_above_its_authority(server):
    """A root from elsewhere may end before the authority that it certified."""
    client, tag = server.client(), server.database[:6]
    root = elsewhere(f"Short {tag} Root", days=20)
    ours = elsewhere(f"Short {tag} CA", root)
    reply = client.rest("POST", "/authorities/import", json={
        "bundle": pem(ours[0]) + pem(root[0]) + keys.key_pem(ours[1]), "crl_number": 7})
    assert reply.status_code == 201, reply.text
    name = reply.json()["name"]
    leaf = keys.load(client.enroll(dns=("short.example.com",), CertificateAuthority=name)["Certificates"][0])
    assert leaf.not_valid_after == root[0].not_valid_after
    refused = client.rest("POST", "/certificates", json={
        "csr": keys.new_csr(dns=("short.example.com",)), "template": "WebServer", "authority": name, "validity": "60d"})
    assert refused.status_code == 400 and "a certificate above the issuing CA's ends before" in refused.text, refused.text
    below = f"Below {name}"
    made = client.rest("POST", "/authorities", json={"name": below, "parent": name})
    assert made.status_code == 201, made.text
    longer = client.rest("POST", "/authorities", json={"name": f"Long {name}", "parent": name, "life_days": 1000})
    assert longer.status_code == 400 and "or what stands above it, ends before" in longer.text, longer.text
    assert client.rest("POST", f"/authorities/{below}/rollover", json={}).status_code in (200, 201), "a new key"
    issuing = client.server_ca()
    assert client.rest("POST", f"/authorities/{issuing}/cross-sign", json={"issuer": name}).status_code in (200, 201)
    there = [one for of in (below, issuing) for one in client.rest("GET", f"/authorities/{of}/certificates").json()["items"]]
    by_it = [one for one in (keys.load(one["certificate"]) for one in there) if one.issuer == ours[0].subject]
    ends = [one.not_valid_after for one in by_it]
    assert len(ends) == 3 and max(ends) <= root[0].not_valid_after, ends


def test_what_should_be_critical_is_made_so_and_what_limits_nothing_is_left_out(server):
    client, tag = server.client(), server.database[:6]
    key = keys.new_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Lax {tag} Root")])
    now = datetime.datetime.utcnow()
    old = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
           .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=100))
           .not_valid_after(now + datetime.timedelta(days=900))
           .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
           .add_extension(x509.BasicConstraints(True, None), True)
           .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), True)
           .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), False)
           .add_extension(x509.NameConstraints([x509.DNSName("example.com")], None), False)).sign(key, hashes.SHA256())
    reply = client.rest("POST", "/authorities/import", json={"bundle": pem(old) + keys.key_pem(key), "crl_number": 1})
    assert reply.status_code == 201, reply.text
    good(client.rest("POST", f"/authorities/{reply.json()['name']}/rollover"))
    for one in of_generation(client, reply.json()["name"], 2):
        assert constrained(one) == ({"example.com"}, set()) and len(bounds(one)[0]) == 1


@pytest.mark.parametrize("by", ["another program", "chancery ca offline"])
def test_a_request_to_an_outside_authority_asks_to_be_bound(server, tmp_path, by):
    """By the order at first, then by the certificate before."""
    client, tag = server.client(), f"{server.database[:6]} {by[:1]}"
    name = made(client, f"Asking {tag} CA", outside=True, key_type="ec-p256", path_length=0, **NARROW)["name"]
    word = tmp_path / "word"
    word.write_text("a long passphrase\n")
    word.chmod(0o600)
    root, root_key, csr, out = (tmp_path / one for one in ("root.pem", "root.key", "ca.csr", "ca.pem"))
    done = server.cli("ca", "offline", "init", f"CN=Asked {tag} Root", "--key-out", root_key, "--out", root,
                      "--password-file", word, "--path-len", "1")
    assert done.returncode == 0, done.stderr
    trusted = keys.load(root.read_text())
    signer = serialization.load_pem_private_key(root_key.read_bytes(), word.read_bytes().strip())

    def certify(request):
        csr.write_text(request)
        if by != "another program":
            done = server.cli("ca", "offline", "sign", csr, "--ca", root, "--key", root_key, "--password-file", word, "--out", out)
            assert done.returncode == 0, done.stderr
            made_of_it = out.read_text()
            out.unlink()
            return made_of_it
        asked = x509.load_pem_x509_csr(request.encode())
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateBuilder().subject_name(asked.subject).issuer_name(trusted.subject)
                   .public_key(asked.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now - datetime.timedelta(minutes=5)).not_valid_after(now + datetime.timedelta(days=800))
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(asked.public_key()), critical=False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(trusted.public_key()), critical=False))
        for extension in asked.extensions:
            builder = builder.add_extension(extension.value, critical=extension.critical)
        return pem(builder.sign(signer, hashes.SHA256()))

    said = []
    for generation in (1, 2):
        if generation == 2:
            good(client.rest("POST", f"/authorities/{name}/rollover", json={"outside": True}))
        request = good(client.rest("POST", f"/authorities/{name}/csr"))["pem"]
        said.append(bounds(x509.load_pem_x509_csr(request.encode())))
        assert constrained(x509.load_pem_x509_csr(request.encode())) == ({"example.com", "192.0.2.0/24"}, {"secret.example.com"})
        certificate = certify(request)
        assert bounds(keys.load(certificate)) == said[-1]
        good(client.rest("POST", f"/authorities/{name}/certificate", json={"pem": certificate + root.read_text()}))
        assert of_generation(client, name, generation) == [keys.load(certificate)]
        bound(client, name)
    assert said[0] == said[1] and said[0][1] == 0


def test_who_certifies_offline_narrows_otherwise_when_told_to(server, tmp_path):
    client, tag = server.client(), server.database[:6]
    name = made(client, f"Told {tag} CA", outside=True, key_type="ec-p256", **NARROW)["name"]
    word, root, root_key, csr = (tmp_path / one for one in ("word", "root.pem", "root.key", "ca.csr"))
    word.write_text("a long passphrase\n")
    word.chmod(0o600)
    theirs = ("--password-file", word)
    assert server.cli("ca", "offline", "init", f"CN=Told {tag} Root", "--key-out", root_key, "--out", root, *theirs).returncode == 0
    csr.write_text(good(client.rest("POST", f"/authorities/{name}/csr"))["pem"])
    done = server.cli("ca", "offline", "sign", csr, "--ca", root, "--key", root_key, *theirs, "--permitted-dns", "example.org")
    assert done.returncode == 0, done.stderr
    assert constrained(keys.load(done.stdout)) == ({"example.org"}, set())


def test_wrong_names_for_an_authority_that_is_certified_outside_are_refused_at_once(server):
    reply = server.client().rest("POST", "/authorities", json={"name": "Wrongly tied", "outside": True, "permitted": ["*.example.com"]})
    assert reply.status_code == 400 and "name constraints" in reply.text, reply.text
    assert not list((server.data / "keys").glob("wrongly-tied-*"))
