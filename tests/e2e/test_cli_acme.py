"""ACME on the command line: what operators see and do, keys for binding, what clients are told."""
import csv
import io
import json
import os
import re
import stat
import uuid

import pytest
import yaml

import processes
from acme import Orderer, name
from test_acme_operators import bound, holder, last, look, operator  # noqa: F401
from test_cli import ok, says


@pytest.fixture
def tell(acme_server):
    """Run a command of the group."""
    return lambda *arguments, **more: acme_server.cli("acme", *arguments, **more)


def rows(done):
    return json.loads(ok(done))


def one(done):
    """The only thing that was printed, whether as a list or not."""
    printed = rows(done)
    return printed[0] if isinstance(printed, list) else printed


def test_accounts_from_listing_to_their_end(tell, holder):
    account, mail = last(holder.kid), f"{uuid.uuid4().hex[:10]}@example.com"
    holder.good(holder.kid, {"contact": [f"mailto:{mail}"]})
    order, _ = holder.issue(name("cli"))
    assert [row["id"] for row in rows(tell("accounts", "list", "--contains", mail, "-o", "json"))] == [account]
    table = ok(tell("accounts", "list", "--contains", mail))
    assert re.search(r"^ *ID +STATUS +CONTACTS", table) and account[:8] in table and mail in table
    line = next(csv.DictReader(io.StringIO(ok(tell("accounts", "list", "--contains", mail, "-o", "csv")))))
    assert line["id"] == account and line["status"] == "valid"
    assert ok(tell("accounts", "list", "--contains", mail, "-o", "name")) == f"account/{account}\n"
    assert tell("accounts", "list", "--contains", "nobody@nowhere").stderr == "No accounts match.\n"
    shown = one(tell("accounts", "show", account[:10], "-o", "json"))
    assert shown["orders"][0]["id"] == last(order["url"])
    says(tell("accounts", "suspend", account), 2, "--reason")
    says(tell("accounts", "suspend", account, "--reason", "x", "--no-input"), 2, "--yes")
    assert ok(tell("accounts", "suspend", account, "--reason", "x", "--dry-run")) == f"would suspend account {account}\n"
    assert "is revoked" in tell("accounts", "suspend", account, "--reason", "INC", "--yes").stderr
    says(tell("accounts", "suspend", account, "--reason", "INC", "--yes"), 5, "is revoked")
    assert "is valid" in tell("accounts", "restore", account[:10], "--reason", "found").stderr
    assert "is deactivated" in tell("accounts", "deactivate", account, "--reason", "gone", "--yes").stderr
    says(tell("accounts", "restore", account, "--reason", "back"), 5, "deactivated")
    says(tell("accounts", "show", "no-such-account"), 3, "no-such-account")
    says(tell("accounts", "list", "--status", "alive"), 2, "alive")
    says(tell("account", "list"), 2, "accounts")


def test_an_order_shows_what_the_validator_saw(tell, holder):
    wanted = name("why")
    order = holder.order(wanted)
    holder.prove(order, place=False)
    text = ok(tell("orders", "show", last(order["url"])[:12]))
    assert f"order {last(order['url'])}: invalid" in text and f"  {wanted}: invalid" in text
    assert re.search(r"http-01 +invalid\n +try 1, \S+Z: .*\n( .*\n)*? +connect address=127\.0\.0\.1", text), text
    assert re.search(r"try 2, ", text) and "dns-01         pending" in text
    whole = one(tell("orders", "show", last(order["url"]), "-o", "json"))
    assert whole["authorizations"][0]["challenges"]
    found = rows(tell("orders", "list", "--name", wanted, "--status", "invalid", "-o", "json"))
    assert [row["names"] for row in found] == [[wanted]]
    assert wanted in ok(tell("orders", "list", "--account", last(holder.kid)))
    assert tell("orders", "list", "--name", wanted, "--status", "valid").stderr == "No orders match.\n"
    assert yaml.safe_load(ok(tell("orders", "list", "--name", wanted, "-o", "yaml")))[0]["status"] == "invalid"
    says(tell("orders", "show", "none"), 3, "none")
    says(tell("orders", "list", "--status", "lost"), 2, "lost")


def test_a_proof_is_revoked(tell, holder):
    wanted = name("proof")
    order = holder.order(wanted)
    holder.prove(order)
    row, = rows(tell("authorizations", "list", "--name", wanted, "--status", "valid", "-o", "json"))
    assert row["method"] == "http-01" and wanted in ok(tell("authorizations", "show", row["id"][:12]))
    says(tell("authorizations", "revoke", row["id"], "--reason", "x", "--no-input"), 2, "--yes")
    assert "is revoked" in tell("authorizations", "revoke", row["id"], "--reason", "sold", "--yes").stderr
    says(tell("authorizations", "revoke", row["id"], "--reason", "sold", "--yes"), 5, "neither pending nor valid")
    assert holder.good(order["url"]).json()["status"] == "invalid"


def test_keys_from_making_to_their_end(tell, operator, bound, tmp_path):
    kid = f"cli-{uuid.uuid4().hex[:12]}"
    made = one(tell("eab", "create", kid, "--ttl", "24h", "--uses", "2", "--owner", "printers", "--allow", "*.p.test,q.test",
                    "--deny", "x.p.test", "--type", "dns", "--challenge", "http-01", "-o", "json"))
    assert (made["kid"], made["max_uses"], made["allow"], made["challenges"]) == (kid, 2, ["*.p.test", "q.test"], ["http-01"])
    bound(made)
    row, = [row for row in rows(tell("eab", "list", "--all", "-o", "json")) if row["kid"] == kid]
    assert row["uses"] == 1 and row["owner"] == "printers" and "hmac_key" not in row and row["expires_at"]
    assert made["hmac_key"] not in ok(tell("eab", "show", kid, "-o", "yaml"))
    text = ok(tell("eab", "create", "-o", "env"))
    assert re.fullmatch(r"EAB_KID='[\w-]{23}'\nEAB_HMAC='[\w-]{43}'\n", text)
    assert re.search(r"^hmac_key: +[\w-]{43}$", ok(tell("eab", "create")), re.M)
    assert re.search(r"KID +HMAC KEY", ok(tell("eab", "create", "--count", "2")))
    out = tmp_path / "key.json"
    done = tell("eab", "create", "--out", out)
    assert not ok(done) and "1 key written" in done.stderr and stat.S_IMODE(out.stat().st_mode) == 0o600
    assert json.loads(out.read_text())["hmac_key"]
    assert ok(tell("eab", "create", "--dry-run")) == "would make 1 key\n"
    says(tell("eab", "create", kid), 5, "already")
    says(tell("eab", "create", "--allow", "-bad"), 2, "allow\\[0\\]|-bad")
    says(tell("eab", "create", "--profile", "no-such"), 2, "no-such")
    says(tell("eab", "create", "x", "--count", "2"), 2, "names one key")
    says(tell("eab", "create", "--out", tmp_path / "none" / "x"), 2, "cannot write")
    says(tell("eab", "revoke", kid, "--no-input"), 2, "--yes")
    assert "suspend" in ok(tell("eab", "revoke", kid, "--suspend-accounts", "--dry-run"))
    assert f"key {kid} revoked" in tell("eab", "revoke", kid, "--suspend-accounts", "--yes").stderr
    assert [row["status"] for row in look(operator, "/accounts", eab_key=kid)["items"]] == ["revoked"]
    says(tell("eab", "revoke", "none", "--yes"), 3, "none")


def test_a_key_is_edited(tell):
    def shown():
        found = rows(tell("eab", "show", kid, "-o", "json"))
        return found[0] if isinstance(found, list) else found
    kid = f"edit-{uuid.uuid4().hex[:8]}"
    ok(tell("eab", "create", kid, "--ttl", "24h", "--uses", "2", "--owner", "x", "--allow", "*.p.test", "--orders-per-hour", "7"))
    before = shown()
    assert before["orders_per_hour"] == 7
    done = tell("eab", "edit", kid, "--allow", "*.q.test,r.test", "--dry-run")
    assert ok(done) == f'would change key {kid}: {{"allow":["*.q.test","r.test"]}}\n' and shown() == before
    done = tell("eab", "edit", kid, "--allow", "*.q.test,r.test")
    assert not ok(done) and f"key {kid} is changed" in done.stderr
    assert shown() == {**before, "allow": ["*.q.test", "r.test"], "version": 2}
    edited = rows(tell("eab", "edit", kid, "--allow", "", "--ttl", "never", "--uses", "any", "--owner", "", "--deny", "s.test", "--type",
                       "dns", "--challenge", "dns-01", "--orders-per-hour", "default", "--orders-per-day", "0", "-o", "json"))
    edited = edited[0] if isinstance(edited, list) else edited
    assert [edited.get(key) for key in ("allow", "expires_at", "max_uses", "owner", "deny", "types", "challenges", "orders_per_hour",
                                        "orders_per_day")] == [[], None, None, None, ["s.test"], ["dns"], ["dns-01"], None, 0]
    assert tell("eab", "edit", kid, "--ttl", "2h", "--uses", "9").returncode == 0 and shown()["expires_at"] and shown()["max_uses"] == 9
    says(tell("eab", "edit", kid), 2, "nothing is to change: --ttl, --uses, --owner")
    says(tell("eab", "edit", kid, "--ttl", "soon"), 2, '--ttl: "soon" is neither a duration such as 90d or 12h nor never')
    says(tell("eab", "edit", kid, "--uses", "-1"), 2, "--uses")
    says(tell("eab", "edit", kid, "--allow", "-bad"), 2, "allow\\[0\\]")
    says(tell("eab", "edit", kid, "--order-profile", "no-such"), 2, "profiles\\[0\\]")
    says(tell("eab", "edit", "none", "--owner", "x"), 3, "none")
    says(tell("eab", "edit"), 2, "KID")


@pytest.mark.seed("S404")
def test_keys_are_made_beforehand_one_for_each_device(tell, bound, tmp_path):
    prefix = f"device-{uuid.uuid4().hex[:12]}"
    out = tmp_path / "keys.csv"
    done = tell("eab", "create", "--count", "3", "--prefix", prefix, "--uses", "1", "--out", out, "-o", "csv")
    assert not ok(done) and "3 keys written" in done.stderr and stat.S_IMODE(out.stat().st_mode) == 0o600
    lines = list(csv.DictReader(io.StringIO(out.read_text())))
    assert [line["kid"] for line in lines] == [f"{prefix}-{n}" for n in (1, 2, 3)]
    assert len({line["hmac_key"] for line in lines}) == 3
    for line in lines:
        assert bound(line).good("newAccount", {"onlyReturnExisting": True}, jwk=True)
    again = rows(tell("eab", "create", "--count", "2", "-o", "json"))
    assert len(again) == 2 and all(len(key["hmac_key"]) == 43 for key in again)
    says(tell("eab", "create", "--count", "3", "--prefix", prefix), 5, "already")
    prefix = f"{prefix}x"
    ok(tell("eab", "create", f"{prefix}-2", "-o", "json"))
    done = tell("eab", "create", "--count", "3", "--prefix", prefix, "-o", "json")
    assert done.returncode == 7 and "1 of 3 keys were made" in done.stderr
    assert json.loads(done.stdout)[0]["kid"] == f"{prefix}-1", "what was made is told: its secret is not told again"


# What clients are told.

@pytest.mark.parametrize("client, words", [
    ("certbot", ["certbot certonly", "--standalone", "-d app.example.com"]), ("lego", ["--domains app.example.com", "--http run"]),
    ("acme.sh", ["acme.sh --issue", "--standalone"]), ("caddy", ["acme_ca ", "app.example.com {"]),
    ("traefik", ["caServer: ", "Host(`app.example.com`)"]), ("cert-manager", ["kind: ClusterIssuer", '- "app.example.com"']),
    ("uacme", ["issue app.example.com"])])
def test_each_client_is_told_its_directory(tell, acme_server, client, words):
    text = ok(tell("client", client, "-d", "app.example.com", "--root", "/etc/ssl/root.pem"))
    assert acme_server.acme_directory in text and "/etc/ssl/root.pem" in text and "EAB" not in text
    assert "hostmaster@app.example.com" in text and all(word in text for word in words), text
    if client in ("traefik", "cert-manager"):
        assert len(list(yaml.safe_load_all(text))) == (1 if client == "traefik" else 2)


@pytest.mark.parametrize("arguments, status, said", [
    (["certbt", "-d", "a.test"], 2, "did you mean certbot"), (["certbot"], 2, "-d"), (["certbot", "-d", "a b"], 2, "a b"),
    (["certbot", "-d", "a.test;rm"], 2, "no name"), (["certbot", "-d", "*.a.test"], 2, "dns-01"),
    (["certbot", "-d", "a.test", "--challenge", "tls-alpn-01"], 2, "certbot does not know"),
    (["certbot", "-d", "a.test", "--challenge", "http"], 2, "none of"), (["certbot", "-d", "a.test", "-m", "x"], 2, "mail"),
    (["certbot", "-d", "a.test", "--webroot", "/a b"], 2, "path"), (["certbot", "-d", "a.test", "--profile", "none"], 3, "none")])
def test_what_no_client_can_be_told(tell, arguments, status, said):
    says(tell("client", *arguments), status, re.escape(said))


def test_a_bound_client_is_told_to_bring_its_key(new_server):
    server = new_server(settings={"acme.eab": "required"}).start()
    for client in ("certbot", "lego", "acme.sh", "caddy", "traefik", "cert-manager", "uacme"):
        done = server.cli("acme", "client", client, "-d", "a.test")
        assert "EAB_" in ok(done) and "acme eab create" in done.stderr


@pytest.mark.once
@pytest.mark.seed("S352")
@pytest.mark.parametrize("client", ["certbot", "lego"])
def test_the_commands_that_are_printed_get_a_certificate(tell, acme_server, answers, tmp_path, client):
    wanted = name("printed")
    text = ok(tell("client", client, "-d", wanted, "--root", acme_server.ca, "--webroot", answers[0].root))
    script = tmp_path / "run"
    script.write_text("set -e\ncertbot() { command certbot --config-dir config --work-dir work --logs-dir logs \"$@\"; }\n" + text)
    done = processes.run(["bash", script], cwd=tmp_path, timeout=120, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path),
                                                                           "LANG": "C.UTF-8"})
    assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
    assert acme_server.client().total(f'CN -eq "{wanted}"') == 1


def test_words_are_completed(acme_server):
    def offered(*words):
        done = acme_server.cli("__complete", "=" + words[-1], *words[:-1])
        return [line.split("\t")[0] for line in ok(done).splitlines()]
    assert {"accounts", "orders", "eab", "client"} <= set(offered("acme", ""))
    assert {"create", "edit", "revoke", "list", "show"} == set(offered("acme", "eab", ""))
    assert offered("acme", "client", "cert") == ["certbot", "cert-manager"]
    assert offered("acme", "orders", "list", "--status", "val") == ["valid"]


def test_renewal_windows_are_set_and_removed(tell, holder):
    wanted = name("window")
    holder.issue(wanted)
    says(tell("windows", "set", "--query", f"cn:{wanted}", "--reason", "x"), 2, "--end")
    says(tell("windows", "set", "--query", f"cn:{wanted}", "--end", "+1d"), 2, "--reason")
    says(tell("windows", "set", "--end", "+1d", "--reason", "x"), 2, "which certificates")
    says(tell("windows", "set", "--ca", "No such", "--end", "+1d", "--reason", "x"), 3, "No such")
    assert ok(tell("windows", "set", "--query", f"cn:{wanted}", "--end", "+1d", "--reason", "x", "--dry-run")) == \
        "would set a renewal window\n"
    done = tell("windows", "set", "--query", f'CN -eq "{wanted}"', "--start", "-1h", "--end", "+24h", "--reason", "INC 1", "--url",
                "https://status.example.com")
    number = ok(done).strip()
    assert number.isdigit() and f"renewal window {number} is for 1 certificate" in done.stderr
    row, = [row for row in rows(tell("windows", "list", "--all", "-o", "json")) if row["id"] == int(number)]
    assert row["reason"] == "INC 1" and row["explanation_url"] == "https://status.example.com"
    assert wanted in ok(tell("windows", "show", number))
    says(tell("windows", "remove", number, "--no-input"), 2, "--yes")
    assert f"renewal window {number} removed" in tell("windows", "remove", number, "--reason", "done", "--yes").stderr
    says(tell("windows", "remove", number, "--yes"), 3, number)


def test_profiles_from_making_to_removal(acme_server, tell):
    profile = f"p{uuid.uuid4().hex[:12]}"
    flags = ("--template", "WebServer", "--allow", "*.contoso.test,*.internal.contoso.test", "--challenge", "dns-01")
    says(tell("profiles", "create", profile, *flags, "--validity", "36h"), 2, "whole days")
    says(tell("profiles", "create", profile, "--template", "No such"), 3, "No such")
    assert ok(tell("profiles", "create", profile, *flags, "--dry-run")) == f"would make ACME profile {profile}\n"
    directory = ok(tell("profiles", "create", profile, *flags, "--validity", "30d", "--eab", "optional", "--auto-renew")).strip()
    assert directory.endswith(f"/acme/{profile}/directory")
    shown = one(tell("profiles", "show", profile, "-o", "json"))
    assert (shown["Validity"], shown["AutoRenew"], shown["AllowedDomains"]) == (
        30, True, ["*.contoso.test", "*.internal.contoso.test"]) and [kind.lower() for kind in shown["ChallengeTypes"]] == ["dns-01"]
    assert profile in ok(tell("profiles", "list"))
    assert directory in ok(tell("client", "lego", "--profile", profile, "-d", "a.contoso.test"))
    assert one(tell("eab", "create", "--profile", profile, "-o", "json"))["profile"] == profile
    says(tell("profiles", "delete", profile, "--no-input"), 2, "--yes")
    assert "removed" in tell("profiles", "delete", profile, "--yes").stderr
    says(tell("profiles", "show", profile), 3, profile)


def test_of_a_profile_only_what_is_given_changes(acme_server, tell):
    def shown():
        found = rows(tell("profiles", "show", profile, "-o", "json"))
        return found[0] if isinstance(found, list) else found
    profile = f"e{uuid.uuid4().hex[:8]}"
    operator = acme_server.client()
    body = {"Name": profile, "Template": "WebServer", "ChallengeTypes": ["DNS-01", "HTTP-01"], "AllowedDomains": ["*.a.test"],
            "DeniedDomains": ["x.a.test"], "Validity": 30, "AutoRenew": True, "ExternalAccountBinding": "optional", "MaxNames": 7,
            "AllowedNetworks": ["10.0.0.0/8"], "ClientNetworks": ["127.0.0.0/8"],
            "OfferedInDefaultDirectory": True, "Description": "d", "Limits": {"OrdersPerHour": 9}}
    assert operator.command("POST", "/ACME/Profiles", json=body).status_code == 200
    before = shown()
    done = tell("profiles", "edit", profile, "--validity", "20d", "--dry-run")
    assert ok(done) == f'would change ACME profile {profile}: {{"Validity":20}}\n' and shown() == before
    done = tell("profiles", "edit", profile.upper(), "--validity", "20d")
    assert not ok(done) and "is changed" in done.stderr and shown() == {**before, "Validity": 20}
    ok(tell("profiles", "edit", profile, "--allow", "*.b.test,c.test", "--challenge", "http-01", "--eab", "required"))
    assert shown() == {**before, "Validity": 20, "AllowedDomains": ["*.b.test", "c.test"], "ChallengeTypes": ["HTTP-01"],
                       "ChallengeType": "HTTP-01", "ExternalAccountBinding": "required"}
    edited = rows(tell("profiles", "edit", profile, "--allow", "", "--deny", "", "--challenge", "", "--validity", "default", "--eab",
                       "default", "--description", "", "--no-auto-renew", "--no-offered", "--no-enabled", "--pre-authorization", "on",
                       "-o", "json"))
    edited = edited[0] if isinstance(edited, list) else edited
    assert {key: edited.get(key) for key in ("AllowedDomains", "DeniedDomains", "ChallengeTypes", "Validity", "AutoRenew", "Enabled",
                                             "ExternalAccountBinding", "Description", "OfferedInDefaultDirectory", "PreAuthorization")} \
        == {"AllowedDomains": [], "DeniedDomains": [], "ChallengeTypes": [], "Validity": None, "AutoRenew": False, "Enabled": False,
            "ExternalAccountBinding": None, "Description": None, "OfferedInDefaultDirectory": False, "PreAuthorization": True}
    kept = ("Id", "Name", "Directory", "Template", "MaxNames", "TermsOfService", "AllowedNetworks", "ClientNetworks", "Limits")
    assert {key: edited[key] for key in kept} == {key: before[key] for key in kept}
    ok(tell("profiles", "edit", profile, "--enabled", "--pre-authorization", "default", "--auto-renew", "--offered"))
    assert (shown()["Enabled"], shown().get("PreAuthorization"), shown()["AutoRenew"]) == (True, None, True)
    says(tell("profiles", "edit", profile), 2, "nothing is to change: --template, --ca")
    says(tell("profiles", "edit", profile, "--validity", "36h"), 2, "--validity: .36h. is neither whole days")
    says(tell("profiles", "edit", profile, "--validity", "soon"), 2, "--validity")
    says(tell("profiles", "edit", profile, "--eab", "perhaps"), 2, "default")
    says(tell("profiles", "edit", profile, "--allow", "a_b"), 2, "AllowedDomains")
    says(tell("profiles", "edit", profile, "--template", "No such"), 3, "No such")
    says(tell("profiles", "edit", profile, "--template", ""), 2, "Template")
    says(tell("profiles", "edit", "none", "--validity", "9d"), 3, "none")
    assert "removed" in tell("profiles", "delete", profile, "--yes").stderr


def test_limits_are_seen_set_and_reset(new_server, acme_settings, answers):
    server = new_server(settings={**acme_settings, "acme.limits.exempt": "192.0.2.0/24", "acme.limits.orders_per_hour": 2}).start()
    holder = Orderer(server, answers)
    account = last(holder.kid)

    def tell(*arguments):
        return server.cli("acme", "limits", *arguments)
    assert tell("list", "--own").stderr == "No account has limits of its own.\n"
    holder.order(name("limited"))
    row, = rows(tell("list", "--name", "orders_per_hour", "-o", "json"))
    assert (row["key"], row["most"]) == (account, 2)
    assert account in ok(tell("list")) and re.search(r"LIMIT +KEY +MOST +LEFT", ok(tell("list")))
    says(tell("set", account, "orders_per_hour", "9"), 2, "--reason")
    for bad in ("0", "-1", "many"):
        says(tell("set", account, "orders_per_hour", "--reason", "x", "--", bad), 2, "neither any nor default")
    says(tell("set", account, "nonces_per_hour", "9", "--reason", "x"), 3, "nonces_per_hour")
    says(tell("set", "no-such-account", "orders_per_hour", "9", "--reason", "x"), 3, "no-such-account")
    done = tell("set", account[:8], "orders_per_hour", "9", "--reason", "x", "--dry-run")
    assert ok(done) == f"would set orders_per_hour of account {account[:8]} to 9\n"
    done = tell("set", account[:8], "orders_per_hour", "9", "--ttl", "24h", "--reason", "INC 118")
    assert not ok(done) and f"orders_per_hour of account {account} is 9" in done.stderr
    row, = rows(tell("list", "--own", "-o", "json"))
    assert (row["account"], row["limit"], row["most"], row["reason"]) == (account, "orders_per_hour", 9, "INC 118") and row["expires_at"]
    assert "INC 118" in ok(tell("list", "--account", account[:8]))
    made = rows(tell("set", account, "orders_per_day", "any", "--reason", "hub", "-o", "json"))
    assert (made[0] if isinstance(made, list) else made)["most"] == 0
    assert "is as others have it" in tell("set", account, "orders_per_day", "default", "--reason", "over").stderr
    says(tell("set", account, "orders_per_day", "default", "--reason", "over"), 3, "orders_per_day")
    says(tell("set", account, "orders_per_hour", "default", "--reason", "x", "--ttl", "1h"), 2, "--ttl")
    holder.order(name("limited"))
    assert "1 of orders_per_hour began anew" in tell("reset", "orders_per_hour", account).stderr
    assert ok(tell("reset", "orders_per_hour", "--dry-run")) == "would reset orders_per_hour of everybody\n"
    says(tell("reset", "orders_per_hour", "--no-input"), 2, "--yes")
    assert "0 of orders_per_hour began anew" in tell("reset", "orders_per_hour", "--yes").stderr
    says(tell("reset", "no-such", "x"), 2, "no-such")
    says(tell("list", "--name", "no-such"), 2, "no-such")
