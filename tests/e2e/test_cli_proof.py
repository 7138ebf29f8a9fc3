"""Whether certificates and authorities hold, by the command line: verify, certs diff, ca ocsp, ca test."""
import concurrent.futures
import datetime
import json
import uuid

import pytest

import admin
import chancery
import keys
from test_cli import ok, says


@pytest.fixture
def made(client, tmp_path):
    """A certificate, and its file with its chain."""
    name = f"held{uuid.uuid4().hex[:12]}.example.com"
    answer = client.enroll(dns=(name,))
    (tmp_path / "web.pem").write_text("".join(answer["Certificates"][:2]))
    return name, answer


def checks(done):
    """{check: is it good}, of the JSON."""
    told = json.loads(done.stdout)
    assert (done.returncode == 0) == told["valid"] and done.returncode in (0, 12), (done.returncode, done.stderr)
    return {row["check"]: row["good"] for row in told["checks"]}


def test_what_comes_with_a_certificate_may_be_none(server, made, tmp_path):
    web = tmp_path / "web.pem"
    web.write_text(web.read_text() + "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n")
    done = server.cli("verify", web, "--ocsp", "-o", "json")
    assert checks(done) == {"chain": False, "dates": True, "ocsp": False}, done.stdout


def test_a_certificate_is_verified(server, client, made, tmp_path):
    name, answer = made
    web = tmp_path / "web.pem"
    text = ok(server.cli("verify", web, "--host", name, "--purpose", "server", "--ocsp"))
    assert text.startswith(f"{web} is good\n") and f"CN={name} <- CN=" in text and "good, known at" in text
    assert checks(server.cli("verify", web, "-o", "json", "--roots", server.ca)) == {"chain": True, "dates": True}
    assert checks(server.cli("verify", web, "--host", "other.example.com", "-o", "json")) == {"chain": True, "dates": True, "name": False}
    assert checks(server.cli("verify", web, "--at", "2099-01-01", "-o", "json")) == {"chain": False, "dates": False}
    assert checks(server.cli("verify", web, "--purpose", "client", "-o", "json"))["chain"] is False
    done = server.cli("verify", server.url, "-o", "json")
    assert checks(done) == {"chain": True, "dates": True, "name": True}, done.stdout
    other, _ = keys.self_signed("stranger.example.com")
    (tmp_path / "other.pem").write_bytes(other.public_bytes(keys.PEM))
    done = server.cli("verify", web, "--roots", tmp_path / "other.pem")
    assert done.returncode == 12 and "issuer" in done.stdout and "it failed" not in done.stdout, done.stdout
    (tmp_path / "leaf.pem").write_text(answer["Certificates"][0])  # without its issuer
    assert checks(server.cli("verify", tmp_path / "leaf.pem", "--ocsp", "-o", "json")) == {"chain": False, "dates": True, "ocsp": False}
    client.revoke(answer["KeyfactorID"], reason=4)
    assert checks(server.cli("verify", web, "--ocsp", "-o", "json")) == {"chain": True, "dates": True, "ocsp": False}
    says(server.cli("verify", tmp_path / "none.pem"), 2, "none.pem")
    (tmp_path / "key.pem").write_text(keys.key_pem(keys.new_key()))
    says(server.cli("verify", tmp_path / "key.pem"), 2, "key.pem.*CERTIFICATE")
    says(server.cli("verify", web, "--roots", tmp_path / "key.pem"), 2, "--roots")


@pytest.mark.once
def test_a_certificate_is_verified_without_a_server(database, tmp_path):
    certificate, _ = keys.self_signed("alone.example.com", dns=("alone.example.com",))
    (tmp_path / "alone.pem").write_bytes(certificate.public_bytes(keys.PEM))
    done = chancery.cli("verify", tmp_path / "alone.pem", "--roots", tmp_path / "alone.pem", "--host", "alone.example.com", "-o", "json")
    assert checks(done)["name"] and checks(done)["dates"]


def test_two_certificates_are_compared(server, client, made, tmp_path):
    name, first = made
    second = client.enroll(dns=(name, f"www.{name}"))
    rows = json.loads(server.cli("certs", "diff", str(first["KeyfactorID"]), str(second["KeyfactorID"]), "-o", "json").stdout)
    fields = {row["field"]: (row["first"], row["second"]) for row in rows}
    assert fields["sans"] == (f"dns:{name}", f"dns:{name}, dns:www.{name}") and "sha256" in fields and "subject" not in fields
    done = server.cli("certs", "diff", str(first["KeyfactorID"]), tmp_path / "web.pem")
    assert done.returncode == 0 and "same certificate" in done.stderr and not done.stdout
    assert server.cli("certs", "diff", tmp_path / "web.pem", server.url).returncode == 12
    says(server.cli("certs", "diff", "999999999", tmp_path / "web.pem"), 3, "999999999")


def test_the_responder_is_asked(server, client, made):
    _, answer = made
    number = str(answer["KeyfactorID"])
    told = json.loads(ok(server.cli("ca", "ocsp", number, "-o", "json")))
    assert (told["status"], told["revoked_at"], told["reason"]) == ("good", None, None) and told["this_update"] < told["next_update"]
    assert told["responder"].startswith("http://")
    client.revoke(answer["KeyfactorID"], reason=1)
    done = server.cli("ca", "ocsp", answer["Thumbprint"], "-o", "json")
    assert done.returncode == 12 and (told := json.loads(done.stdout))["status"] == "revoked" and told["reason"] == "keyCompromise", done.stderr
    assert told["revoked_at"]
    says(server.cli("ca", "ocsp", number, "--url", "http://127.0.0.1:1/"), 8, "127.0.0.1:1")
    crl = json.loads(ok(server.cli("ca", "show", client.server_ca(), "-o", "json")))["crl_url"]
    assert server.cli("ca", "ocsp", number, "--url", crl).returncode != 0  # no responder
    says(server.cli("ca", "ocsp", "999999999"), 3, "999999999")


def test_an_authority_is_tried(server, client, made):
    name = client.server_ca()
    text = ok(server.cli("ca", "test", name))
    assert text.startswith(f"{name} is good\n") and "entries at http://" in text
    assert checks(server.cli("ca", "test", name, "-o", "json")) == {"state": True, "key": True, "crl": True, "issuer": True, "ocsp": True}
    other = f"Tried {uuid.uuid4().hex[:12]}"
    ok(server.cli("ca", "create", other, "--parent", json.loads(ok(server.cli("ca", "show", name, "-o", "json")))["parent"]))
    assert all(checks(server.cli("ca", "test", other, "-o", "json")).values())
    ok(server.cli("ca", "disable", other, "--yes"))
    assert checks(server.cli("ca", "test", other, "-o", "json"))["state"] is False
    outside = f"Outside {uuid.uuid4().hex[:12]}"
    ok(server.cli("ca", "create", outside, "--outside"))
    assert checks(server.cli("ca", "test", outside, "-o", "json"))["chain"] is False
    says(server.cli("ca", "test", "No such"), 3, "No such")


def test_a_list_is_published_when_it_is_asked_for(server, client, tmp_path):
    name = f"Listed {uuid.uuid4().hex[:12]}"
    ok(server.cli("ca", "create", name))
    numbers = []
    for command in (["ca", "crl", name], ["ca", "crl", name, "--publish"], ["generate-crl", name], ["ca", "crl", name]):
        ok(server.cli(*command, "-o", tmp_path / "a.crl"))
        crl = keys.x509.load_der_x509_crl((tmp_path / "a.crl").read_bytes())
        numbers.append(crl.extensions.get_extension_for_class(keys.x509.CRLNumber).value.crl_number)
    assert numbers[0] < numbers[1] < numbers[2] == numbers[3], numbers
    for command in (["generate-crl", name], ["ca", "crl", name, "--publish"]):
        ok(server.cli(*command, "--validity", "300d", "-o", tmp_path / "a.crl"))  # of a root
        crl = keys.x509.load_der_x509_crl((tmp_path / "a.crl").read_bytes())
        assert abs((crl.next_update - datetime.datetime.utcnow()).total_seconds() - 300 * 86400) < 60
    last = crl.extensions.get_extension_for_class(keys.x509.CRLNumber).value.crl_number
    ok(server.cli("generate-crl", name, "--crl-number", str(last + 1000), "-o", tmp_path / "a.crl"))
    crl = keys.x509.load_der_x509_crl((tmp_path / "a.crl").read_bytes())
    assert crl.extensions.get_extension_for_class(keys.x509.CRLNumber).value.crl_number == last + 1000
    says(server.cli("generate-crl", name, "--crl-number", str(last + 1000)), 2, "crl_number: numbers go up")
    says(server.cli("ca", "crl", name, "--crl-number", "7000000"), 2, "--crl-number is a new list's: --publish")
    says(server.cli("generate-crl", name, "--validity", "10m"), 2, "validity_seconds")
    says(server.cli("generate-crl", client.server_ca(), "--validity", "11d"), 2, "validity_seconds.*10 days")
    says(server.cli("generate-crl", name, "--validity", "soon"), 2, "--validity")
    says(server.cli("ca", "crl", name, "--validity", "7d"), 2, "--validity is a new list's: --publish")
    assert "would publish" in ok(server.cli("generate-crl", name, "--dry-run"))
    says(server.cli("generate-crl", name, "-o", tmp_path / "none" / "a.crl"), 2, "none")
    person, password = admin.user(server, permissions=["authorities/read"])
    env = {"CHANCERY_TOKEN": "", "CHANCERY_USERNAME": person, "CHANCERY_PASSWORD": password}
    says(server.cli("ca", "crl", name, "--publish", "--pem", env=env), 4, "no list was published.*permission")
    assert "BEGIN X509 CRL" in ok(server.cli("ca", "crl", name, "--pem", env=env))


@pytest.mark.parametrize("command", [
    ["ca", "show", "none"], ["ca", "crl", "none"], ["ca", "enable", "none"], ["ca", "delete", "none", "--yes"], ["ca", "csr", "none"],
    ["ca", "chain", "none"], ["ca", "set", "none", "--crl-shards", "2"], ["users", "show", "none"], ["users", "disable", "none", "--yes"],
    ["roles", "show", "none"]])
def test_what_is_not_there_is_named_once(server, command):
    first = says(server.cli(*command), 3, "not found|no such").splitlines()[0]
    assert first.count("authority none") <= 1 and first.count("user") <= 1 and first.count("role") <= 1, first


def test_an_authoritys_own_certificate_is_refused_with_what_there_is_to_do(server, client):
    own = client.get("/Certificates", **{"pq.queryString": 'Status -eq "CertificateAuthority"', "pq.returnLimit": 1})[0]["Id"]
    said = says(server.cli("revoke", str(own), "--reason", "superseded", "--yes"), 5, "ca disable")
    named = [words for words in ("ca rollover", "ca disable") if words in said]
    for words in named:  # they are commands, and not words alone
        ok(chancery.cli("help", *words.split()))
    assert len(named) == 2 and client.get(f"/Certificates/{own}")["CertState"] == 6


def test_who_issues_for_one_name_of_a_key_store_at_once_gets_a_version_each(server, tmp_path):
    (tmp_path / "vault").mkdir()
    (tmp_path / "settings.yaml").write_text(f'keystores: {{vault: "file:{tmp_path}/vault"}}\n')
    arguments = ("issue-cert", "--issuer", server.client().server_ca(), "--dns", "many.example.com", "many@vault", "--config",
                 tmp_path / "settings.yaml")
    server.cli_env()
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        for done in pool.map(lambda _: server.cli(*arguments), range(6)):
            ok(done)
    versions = sorted(path.name for path in (tmp_path / "vault").glob("many.v*.pem"))
    assert versions == [f"many.v{number}.pem" for number in range(1, 7)]
    for certificate in (tmp_path / "vault").glob("*.pem"):
        key = keys.serialization.load_pem_private_key(certificate.with_suffix(".key").read_bytes(), None)
        assert key.public_key().public_numbers() == keys.load(certificate.read_text()).public_key().public_numbers(), certificate
