"""Settings on the command line: changing one in its file, how two differ, what was set."""
import json
import re

import pytest
import requests
import yaml

import chancery
import keys
from test_cli import ok, says

pytestmark = pytest.mark.once

FILE = """# our own server
listen:
    https: "127.0.0.1:9443"   # the office
    names: [a.example.com, "b#c.example.com"]
log: {level: info, form: json}
db:
    url: 'postgresql://u:p@h/d'
data_dir: /tmp/chancery-none  # here
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "chancery.yaml"
    path.write_text(FILE)
    path.chmod(0o600)
    return path


def change(config, *arguments, **more):
    return chancery.cli("config", "set", *arguments, "--config", config, **more)


@pytest.mark.parametrize("arguments, old, new", [
    (["listen.https=127.0.0.1:443"], '"127.0.0.1:9443"   # the office', '"127.0.0.1:443"   # the office'),
    (["listen.names=x.example.com,y.example.com"], '[a.example.com, "b#c.example.com"]', '["x.example.com","y.example.com"]'),
    (["log.level=debug"], "{level: info,", '{level: "debug",'), (["log.form", "text"], "form: json}", 'form: "text"}'),
    (["data_dir=/srv/x"], "/tmp/chancery-none  # here", '"/srv/x"  # here'),
    (["listen.drain=1m"], "    https: ", '    drain: "1m"\n    https: '),
    (["listen.drain=60s", "log.level=warn"], None, None),
])
def test_a_setting_is_changed_where_it_stands_and_nothing_else(config, arguments, old, new):
    before = config.stat().st_mode
    done = change(config, *arguments)
    rows = ok(done)
    text = config.read_text()
    if old:
        assert text == FILE.replace(old, new, 1), text
    assert config.stat().st_mode == before and [path.name for path in config.parent.iterdir()] == ["chancery.yaml"]
    assert arguments[0].partition("=")[0] in rows
    ok(chancery.cli("config", "check", "--config", config))
    ok(change(config, *arguments))  # twice is no harm
    assert config.read_text() == text


def test_a_new_section_and_a_new_file_and_a_file_of_json(config, tmp_path):
    ok(change(config, "pki.crl_interval=12h", "access.rate_per_caller=77"))
    assert config.read_text().startswith(FILE) and yaml.safe_load(config.read_text())["access"] == {"rate_per_caller": 77}
    fresh = tmp_path / "fresh.yaml"
    ok(change(fresh, "log.level=debug"))
    assert yaml.safe_load(fresh.read_text()) == {"log": {"level": "debug"}} and fresh.stat().st_mode & 0o777 == 0o600
    other = tmp_path / "settings.json"
    other.write_text('{"log": {"level": "info"}, "listen": {"https": "127.0.0.1:1"}}\n')
    ok(change(other, "log.level=debug"))
    assert json.loads(other.read_text()) == {"log": {"level": "debug"}, "listen": {"https": "127.0.0.1:1"}}
    says(change(other, "pki.crl_interval=12h"), 5, "by hand")
    assert json.loads(other.read_text())["log"] == {"level": "debug"}


def test_what_cannot_be_set_is_told_and_nothing_is_written(config):
    for arguments, status, words, env in (
            (["log.levle=debug"], 2, "levle.*did you mean .level", {}), (["log.level=loud"], 2, "log.level.*one of", {}), (["log.level"], 2, "key=value", {}),
            (["listen.https=nowhere"], 2, "listen.https", {}), (["log.level=debug", "listen.loops=-4"], 2, "loops", {}),
            (["log.level=debug"], 5, "CHANCERY_LOG__LEVEL.*wins", {"CHANCERY_LOG__LEVEL": "warn"})):
        says(change(config, *arguments, env=env), status, words)
    assert config.read_text() == FILE and len(list(config.parent.iterdir())) == 1
    rows = json.loads(ok(change(config, "log.level=debug", "--dry-run", "-o", "json")))
    assert rows == [{"key": "log.level", "from": "info", "to": "debug", "origin": rows[0]["origin"]}] and config.read_text() == FILE
    done = change(config, "db.url=postgresql://u:other@h/d")
    ok(done)
    assert "warning" in done.stderr and "other" not in done.stdout and "u:other@h" in config.read_text()


def test_settings_differ_from_presets_and_from_another_file(config, tmp_path):
    rows = json.loads(ok(chancery.cli("config", "diff", "--config", config, "-o", "json")))
    assert {row["key"] for row in rows} >= {"listen.https", "listen.names", "data_dir"} and "log.level" not in {row["key"] for row in rows}
    new = tmp_path / "new.yaml"
    new.write_text(FILE.replace("9443", "8443").replace("level: info", "level: debug"))
    new.chmod(0o600)
    rows = {row["key"]: row for row in json.loads(ok(chancery.cli("config", "diff", new, "--config", config, "-o", "json")))}
    assert set(rows) == {"listen.https", "log.level"} and rows["log.level"]["to"] == "debug" and str(new) in rows["log.level"]["origin"]
    assert json.loads(ok(chancery.cli("config", "diff", config, "--config", config, "-o", "json"))) == []
    says(chancery.cli("config", "diff", tmp_path / "none.yaml", "--config", config), 3, "none.yaml")


def test_what_was_set_is_exported_without_secrets(config, tmp_path):
    text = ok(chancery.cli("config", "export", "--config", config, env={"CHANCERY_LISTEN__DRAIN": "45s"}))
    assert "p@h" not in text and "# url: a secret, left out" in text
    told = yaml.safe_load(text)
    assert told["listen"] == {"https": "127.0.0.1:9443", "names": ["a.example.com", "b#c.example.com"], "drain": "45s"}
    assert told["data_dir"] == "/tmp/chancery-none" and told["db"] is None
    out = tmp_path / "out.yaml"
    ok(chancery.cli("config", "export", "--config", config, "--out", out))
    rows = json.loads(ok(chancery.cli("config", "diff", out, "--config", config, "-o", "json")))
    assert {row["key"] for row in rows} <= {"db.url"}, rows


def test_a_pin_is_not_told_and_where_it_is_kept_is(config):
    config.write_text(FILE + 'hsm: {pin: "31415926", pins: {one: "27182818", two: "file:/run/pin"}}\n')
    for form in ("json", "yaml", "env"):
        told = ok(chancery.cli("config", "show", "--config", config, "-o", form))
        assert "27182818" not in told and "31415926" not in told and "file:/run/pin" in told, told
    assert "27182818" not in ok(chancery.cli("config", "diff", "--config", config))
    text = ok(chancery.cli("config", "export", "--config", config))
    assert "18" not in text and "***" not in text and "# pins: a secret, left out" in text, text
    config.write_text(FILE + 'hsm: {pin: "file:/run/one", pins: {two: "file:/run/pin"}}\n')
    told = yaml.safe_load(ok(chancery.cli("config", "export", "--config", config)))
    assert told["hsm"] == {"pin": "file:/run/one", "pins": {"two": "file:/run/pin"}}


DIRECTORY = "{name: a, domains: [a], urls: ['ldaps://h'], base: dc=a, bind_dn: cn=a, bind_password: %s}"
SECRETS = [("db.url", "postgresql://u:PlainSecret1@h/d"), ("hsm.pin", "PlainSecret1"), ("hsm.pin", "literal:PlainSecret1"),
           ("hsm.pins.one", "PlainSecret1"), ("access.directories[1].bind_password", "PlainSecret1")]


def holding(key, secret):
    """The value of the first two parts of the key that has it in it."""
    if key.startswith("access"):
        return "access.directories", f"[{DIRECTORY % 'file:/a'}, {(DIRECTORY % secret).replace(': a', ': b', 1).replace('[a]', '[b]')}]"
    return ("hsm.pins", f"{{one: '{secret}'}}") if "pins" in key else (key, f"'{secret}'")


@pytest.mark.parametrize("key, secret", SECRETS)
def test_a_secret_in_plain_text_is_refused_where_others_read_it_and_else_warned_of(tmp_path, key, secret):
    name, value = holding(key, secret)
    section, _, inner = name.partition(".")
    path = tmp_path / "a.yaml"
    path.write_text(f"{section}:\n  {inner}: {value}\n")

    def check(*more, **env):
        return chancery.cli("config", "check", *more, env=env)
    for mode in (0o644, 0o640, 0o604):
        path.chmod(mode)
        told = says(check("--config", path), 2, re.escape(f"{key}: is a secret in a file that others can read"), re.escape(f"{path}:2:"))
        assert "PlainSecret" not in told
    path.chmod(0o600)
    variable = "CHANCERY_" + name.upper().replace(".", "__")
    for origin, done in ((f"{path}:2:", check("--config", path)), (f"--set {name}", check("--set", f"{name}={value.strip(chr(39))}")),
                         (None, check(**{variable: value.strip("'")}))):
        ok(done)
        assert "PlainSecret" not in done.stderr
        assert done.stderr.count(f"{key}: is a secret in plain text; a reference such as file:/path is safer") == bool(origin)
        assert not origin or f"warning: {origin}" in done.stderr, done.stderr
    path.write_text(f"{section}:\n  {inner}: {holding(key, 'file:/x')[1]}\n")
    path.chmod(0o644)
    assert "plain text" not in check("--config", path).stderr


def test_a_secret_in_plain_text_is_found_at_a_reload_too(new_server, tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("log: {level: info}\n")
    server = new_server(config=path).start()
    server.tolerates_errors = True
    path.write_text("log: {level: info}\nhsm: {pins: {one: PlainSecret1}}\n")
    path.chmod(0o644)
    assert not server.reload() and "hsm.pins.one: is a secret in a file that others can read" in server.log.read_text()
    path.chmod(0o600)
    assert server.reload() and "hsm.pins.one: is a secret in plain text" in server.log.read_text()
    assert "PlainSecret" not in server.log.read_text()


def test_a_whole_file_is_put_in_place_when_it_is_good(config, tmp_path):
    new = tmp_path / "new.yaml"
    new.write_text(FILE.replace("9443", "8443"))
    new.chmod(0o600)

    def apply(*arguments):
        return chancery.cli("config", "apply", *arguments, "--config", config)
    rows = json.loads(ok(apply(new, "--dry-run", "-o", "json")))
    assert [(row["key"], row["to"]) for row in rows] == [("listen.https", "127.0.0.1:8443")] and config.read_text() == FILE
    says_no = apply(new)
    assert says_no.returncode == 2 and "--yes" in says_no.stderr and config.read_text() == FILE
    ok(apply(new, "--yes"))
    assert config.read_text() == new.read_text() and config.stat().st_mode & 0o777 == 0o600
    again = apply(new)
    assert again.returncode == 0 and "already" in again.stderr and not again.stdout
    new.write_text(new.read_text().replace("u:p@h", "u:other@h"))  # a secret: no row tells, and it is written
    done = apply(new, "--yes")
    assert done.returncode == 0 and "other" not in done.stdout + done.stderr and "u:other@h" in config.read_text()
    new.write_text("listen:\n  htps: x\n")
    says(apply(new, "--yes"), 2, rf"{new}:2:3.*htps")
    says(apply(tmp_path / "none.yaml", "--yes"), 2, "none.yaml")
    says(apply("-", "--yes"), 2, "file")
    assert "u:other@h" in config.read_text() and sorted(path.name for path in tmp_path.iterdir()) == ["chancery.yaml", "new.yaml"]
    new.write_text("log: {level: warn}\n")
    fresh = tmp_path / "fresh.yaml"
    ok(chancery.cli("config", "apply", new, "--yes", "--config", fresh))
    assert fresh.read_text() == new.read_text() and fresh.stat().st_mode & 0o777 == 0o600


# the settings file of KeyVault-CA's plan of an ACME server, as it stands there
PLAN = """\
{
  "AcmeServer": {
    "BaseUrl": "https://acme.internal.company.com",
    "ExternalAccountBindingRequired": false,

    "ChallengeTypes": {
      "Http01Enabled": true,
      "Dns01Enabled": true,
      "TlsAlpn01Enabled": false
    },

    "DomainValidation": {
      "AllowedDomains": ["*.internal.company.com"],
      "BlockedDomains": [],
      "CheckCAA": true
    },

    "RateLimits": {
      "MaxOrdersPerDay": 50,
      "MaxOrdersPerHour": 5,
      "MaxNewAccountsPerIpPerHour": 10
    }
  },

  "Issuer": {
    "KeyVaultUrl": "https://my-ca-vault.vault.azure.net/",
    "CertificateName": "intermediate-ca"
  },

  "Revocation": {
    "OcspUrl": "https://ocsp.internal.company.com",
    "CrlUrl": "https://crl.internal.company.com/ca.crl"
  }
}
"""


def of_plan(tmp_path, **more):
    """The plan's file with its section of ACME alone, whose members MORE are others."""
    path = tmp_path / "appsettings.json"
    path.write_text(json.dumps({"AcmeServer": {**json.loads(PLAN)["AcmeServer"], **more}}, indent=2))
    return path


def shown(path):
    return json.loads(ok(chancery.cli("config", "show", "--config", path, "-o", "json")))["acme"]


@pytest.mark.seed("S395", "S396")
def test_the_plans_section_of_acme_is_loaded_as_it_is(tmp_path, new_server):
    acme = shown(of_plan(tmp_path))
    assert {key: acme[key] for key in ("enabled", "base_url", "eab", "challenges", "allow", "deny", "caa_identities")} == {
        "enabled": True, "base_url": "https://acme.internal.company.com", "eab": "optional", "challenges": ["http-01", "dns-01"],
        "allow": ["*.internal.company.com"], "deny": [], "caa_identities": ["acme.internal.company.com"]}
    assert [acme["limits"][key] for key in ("orders_per_day", "orders_per_hour", "accounts_per_hour")] == [50, 5, 10]
    acme = shown(of_plan(tmp_path, ExternalAccountBindingRequired=True, ChallengeTypes={"Http01Enabled": False},
                         DomainValidation={"BlockedDomains": ["*.zip"], "CheckCAA": False},
                         RateLimits={"MaxOrdersPerHour": 7}))
    assert (acme["eab"], acme["challenges"], acme["deny"], acme["caa_identities"]) == ("required", ["dns-01"], ["*.zip"], [])
    assert acme["allow"] == [] and acme["limits"]["orders_per_hour"] == 7
    server = new_server(config=of_plan(tmp_path)).start()
    directory = requests.get(server.url.rstrip("/") + "/acme/directory", verify=str(server.ca), timeout=30).json()
    assert directory["newOrder"] == "https://acme.internal.company.com/acme/new-order"
    assert directory["meta"]["caaIdentities"] == ["acme.internal.company.com"]


@pytest.mark.seed("S398")
def test_the_plans_addresses_stand_in_the_certificates(tmp_path, new_server):
    plan = json.loads(PLAN)
    path = tmp_path / "appsettings.json"
    path.write_text(json.dumps({name: plan[name] for name in ("AcmeServer", "Revocation")}))
    pki = json.loads(ok(chancery.cli("config", "show", "--config", path, "-o", "json")))["pki"]
    assert (pki["ocsp_url"], pki["crl_url"]) == ("https://ocsp.internal.company.com", "https://crl.internal.company.com/ca.crl")
    server = new_server(config=path).start()
    client = server.client()
    named = keys.addresses(keys.load(client.enroll()["Certificates"][0]))
    assert (named["crl"], named["ocsp"]) == (["https://crl.internal.company.com/ca.crl"], ["https://ocsp.internal.company.com"])
    issuing, = [one for one in client.rest("GET", "/authorities").json()["items"] if one["parent"]]
    assert (issuing["crl_url"], issuing["ocsp_url"]) == (pki["crl_url"], pki["ocsp_url"])


@pytest.mark.parametrize("key, value", [
    ("crl_url", "ftp://a.test/ca.crl"), ("crl_url", "https://a.test/ca"), ("crl_url", "https://a.crl"), ("crl_url", "https://a.test/b?x=.crl"),
    ("ocsp_url", "a.test"), ("ocsp_url", "https://u@a.test"), ("crl_url", "http://a.test:99999/ca.crl"), ("crl_url", "http://a.test:0/ca.crl"),
    ("crl_url", "http://a.test/a%zz.crl"), ("crl_url", "http://a.test/a%2"), ("crl_url", "http://a.test/a[b].crl"), ("crl_url", "http://a[b]/ca.crl"),
    ("crl_url", f"http://{'h' * 64}.test/ca.crl"), ("crl_url", "http://a..test/ca.crl"), ("crl_url", "http://-a.test/ca.crl"),
    ("ocsp_url", f"http://{'h' * 300}"), ("ocsp_url", "http://a.test:x"), ("ocsp_url", "http://a%41.test"), ("ocsp_url", "http://[::1"),
    ("ocsp_url", "http://[::g]"), ("base_url", "http://a.test:65536")])
def test_an_address_that_no_certificate_can_name_is_refused(tmp_path, key, value):
    path = tmp_path / "chancery.yaml"
    path.write_text(f"pki:\n  {key}: '{value}'\n")
    says(chancery.cli("config", "check", "--config", path), 2, f"pki.{key}: is no address such as")


@pytest.mark.parametrize("key, value", [
    ("crl_url", "http://crl.a.test:65535/a%20b/ca.CRL"), ("crl_url", "https://[2001:db8::1]:8443/x.crl"), ("crl_url", "http://10.0.0.1/x/ca.crl"),
    ("ocsp_url", "http://ocsp"), ("ocsp_url", "http://localhost:1/ocsp"), ("base_url", "https://under_score.a.test/pki")])
def test_an_address_that_certificates_can_name_is_taken(tmp_path, key, value):
    path = tmp_path / "chancery.yaml"
    path.write_text(f"pki:\n  {key}: '{value}'\n")
    assert f"pki.{key}" not in chancery.cli("config", "check", "--config", path).stderr


def test_our_own_keys_beside_it_win(tmp_path):
    path = of_plan(tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text()), "acme": {"eab": "off", "limits": {"orders_per_day": 9}}}))
    acme = shown(path)
    assert acme["eab"] == "off" and acme["limits"]["orders_per_day"] == 9 and acme["limits"]["orders_per_hour"] == 5


@pytest.mark.seed("S395")
def test_what_the_plan_has_and_we_have_not_is_refused_by_name(tmp_path):
    path = tmp_path / "appsettings.json"
    path.write_text(PLAN)
    done = chancery.cli("config", "check", "--config", path)
    assert done.returncode == 2
    for line, key, why in ((26, "Issuer.KeyVaultUrl", "keys in Azure Key Vault"), (27, "Issuer.CertificateName", "pki.issuing_key_uri")):
        assert re.search(rf"{path}:{line}:5: {key}: [^;]*{why}", done.stderr), done.stderr
    assert done.stderr.count(str(path)) == 2
    for more, words in (({"RateLimits": {"MaxOrdersPerWeek": 5}}, "AcmeServer.RateLimits.MaxOrdersPerWeek: there is no such"),
                        ({"RateLimits": 5}, "AcmeServer.RateLimits: must be a section"),
                        ({"RateLimits": {"MaxOrdersPerDay": "many"}}, "acme.limits.orders_per_day: must be a number"),
                        ({"ExternalAccountBindingRequired": "no"}, "ExternalAccountBindingRequired: must be true or false"),
                        ({"BaseUrl": None}, "CheckCAA: needs AcmeServer.BaseUrl")):
        says(chancery.cli("config", "check", "--config", of_plan(tmp_path, **more)), 2, words)
