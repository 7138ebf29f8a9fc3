"""dns-01 with a real zone: clients change it by RFC 2136, and its name servers are asked directly."""
import hashlib
import os
import uuid

import pytest

import acme
import keys
import knot
import processes


@pytest.fixture
def zone(tmp_path):
    one = knot.Zone(tmp_path / "zone", f"{uuid.uuid4().hex[:12]}.zones.test")
    yield one
    one.close()


@pytest.fixture
def careful(new_server, acme_settings):
    """Make a server that asks all name servers of a zone; it looks again and again."""
    def make(zone, **more):
        return new_server(settings={
            **acme_settings, "acme.validation.resolvers": f"127.0.0.1:{zone.port}", "acme.validation.all_name_servers": "true",
            "acme.validation.dns_port": zone.port, "acme.retry_first": "200ms", "acme.retry_for": "10m", **more}).start()
    return make


def run(server, home, command, **env):
    done = processes.run(command, cwd=home, timeout=120, env={
        "PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "REQUESTS_CA_BUNDLE": str(server.ca),
        "LEGO_CA_CERTIFICATES": str(server.ca), **env})
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def names_in(path):
    return sorted(keys.names(keys.load(path.read_text())))


@pytest.mark.seed("S391", "S175", "S179")
def test_lego_and_certbot_prove_a_wildcard_by_updates_of_a_real_zone(careful, zone, tmp_path):
    """Each name server of the zone is asked; the second copies what the first was told."""
    server = careful(zone)
    base = f"web.{zone.name}"
    run(server, tmp_path, ["lego", "--server", server.acme_directory, "--accept-tos", "--email", "ana@example.com", "--path",
                           tmp_path / "lego", "--dns", "rfc2136", "--dns.disable-cp", "--domains", f"*.{base}", "--domains", base, "run"],
        RFC2136_NAMESERVER=f"127.0.0.1:{zone.port}", RFC2136_TSIG_KEY=zone.key_name, RFC2136_TSIG_SECRET=zone.secret,
        RFC2136_TSIG_ALGORITHM="hmac-sha256.", RFC2136_SEQUENCE_INTERVAL="1", RFC2136_POLLING_INTERVAL="1")
    assert names_in(tmp_path / "lego" / "certificates" / f"_.{base}.crt") == [f"*.{base}", base]

    ini = tmp_path / "rfc2136.ini"
    ini.write_text(f"dns_rfc2136_server = 127.0.0.1\ndns_rfc2136_port = {zone.port}\ndns_rfc2136_name = {zone.key_name}\n"
                   f"dns_rfc2136_secret = {zone.secret}\ndns_rfc2136_algorithm = HMAC-SHA256\n")
    ini.chmod(0o600)
    run(server, tmp_path, ["certbot", "--non-interactive", "--server", server.acme_directory, "--config-dir", tmp_path / "config",
                           "--work-dir", tmp_path / "work", "--logs-dir", tmp_path / "logs", "--agree-tos",
                           "--register-unsafely-without-email", "certonly", "--dns-rfc2136", "--dns-rfc2136-credentials", ini,
                           "--dns-rfc2136-propagation-seconds", "0", "-d", f"*.bot.{zone.name}"])
    assert names_in(tmp_path / "config" / "live" / f"bot.{zone.name}" / "cert.pem") == [f"*.bot.{zone.name}"]
    assert zone.texts("127.0.0.1", f"_acme-challenge.{base}") == []


@pytest.fixture
def untold(tmp_path):
    """A zone whose second name server is not told of changes."""
    one = knot.Zone(tmp_path / "zone", f"{uuid.uuid4().hex[:12]}.zones.test", told=False)
    yield one
    one.close()


def put(holder, zone, order):
    """The record is put into the zone, at its first name server."""
    authz = holder.authz(order)
    challenge = holder.challenge(authz, "dns-01")
    digest = hashlib.sha256(f"{challenge['token']}.{acme.thumbprint(holder.key)}".encode()).digest()
    zone.add(f"_acme-challenge.{authz['identifier']['value']}", acme.b64(digest))


@pytest.mark.seed("S391")
def test_name_servers_that_differ_prove_nothing(careful, answers, untold):
    zone = untold
    holder = acme.Orderer(careful(zone, **{"acme.retry_for": "1s"}), answers)
    name = f"www.{zone.name}"
    order = holder.order(name)
    put(holder, zone, order)
    assert holder.prove(order, "dns-01", place=False)["status"] == "invalid"
    said = holder.challenge(holder.authz(order), "dns-01")["error"]
    assert said["type"] == "urn:ietf:params:acme:error:incorrectResponse"
    assert (f"the name servers of {zone.name} differ: ns1.{zone.name} (127.0.0.1) has the record; ns2.{zone.name} (127.0.0.2): "
            f"no TXT record found at _acme-challenge.{name}") in said["detail"]

    order = holder.order(name)
    put(holder, zone, order)
    zone.copy()
    assert holder.prove(order, "dns-01", place=False)["status"] == "ready"
