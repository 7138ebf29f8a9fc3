"""Looking after a server by the command line: plug-ins for monitoring, metrics, the end of the audit record."""
import json
import re
import subprocess
import time
import uuid
import zipfile

import pytest

import admin
import chancery
import processes
from test_cli import ok, says


def checked(done, status, *patterns):
    """A plug-in's answer: one line, with this exit status."""
    assert done.returncode == status, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert done.stdout.count("\n") == 1, done.stdout
    for pattern in patterns:
        assert re.search(pattern, done.stdout), (pattern, done.stdout)
    return done.stdout


def test_monitoring_is_told_what_ends_soon(server, client):
    stem = f"ends{uuid.uuid4().hex[:12]}.example.com"
    query = ("--query", f"cn:{stem}")
    checked(server.cli("check", "expiry", *query), 0, "^EXPIRY OK - .* within 14d \\| 'ended'=0;;0;0 'critical'=0;;0;0 'warning'=0;0;;0$")
    first = client.enroll(dns=(f"a.{stem}",))
    checked(server.cli("check", "expiry", *query), 0)
    checked(server.cli("check", "expiry", *query, "--warn", "400d"), 1,
            rf"^EXPIRY WARNING - 1 certificate to end within 400d, a\.{re.escape(stem)} \({first['KeyfactorID']}\) in \d+ d \|")
    client.enroll(dns=(f"b.{stem}",))
    checked(server.cli("check", "expiry", *query, "--warning", "400d", "--critical", "399d"), 2, "CRITICAL - 2 certificates .*the first a", "'critical'=2")
    told = json.loads(server.cli("check", "expiry", *query, "--warn", "400d", "-o", "json").stdout)
    assert (told["check"], told["state"], told["figures"]) == ("expiry", "WARNING", {"ended": 0, "critical": 0, "warning": 2})
    # what another certificate replaced, and what is revoked, is nobody's trouble
    client.revoke(first["KeyfactorID"], reason=4)
    checked(server.cli("check", "expiry", *query, "--warn", "400d"), 1, "1 certificate .*b\\.")
    assert client.total(f'CN -contains "{stem}" AND Status -eq "Active" AND SupersededDate -eq NULL') == 1
    again = client.enroll(dns=(f"b.{stem}",), RenewalCertificateId=client.get("/Certificates", **{
        "pq.queryString": f'CN -eq "b.{stem}"'})[0]["Id"])
    checked(server.cli("check", "expiry", *query, "--warn", "400d"), 1, rf"1 certificate .*\({again['KeyfactorID']}\)")
    assert client.total(f'CN -contains "{stem}" AND SupersededDate -ge "%TODAY%"') == 1


def test_monitoring_is_told_of_authorities_and_jobs(server, client):
    authority = client.server_ca()
    checked(server.cli("check", "ca", authority), 0, "^CA OK - the authority is well \\| '[a-z0-9-]+'=\\d+;90:;30:$")
    checked(server.cli("check", "ca", authority, "--warn", "30000d"), 1, f"{re.escape(authority)} ends in \\d+ d")
    checked(server.cli("check", "ca", authority, "--warn", "30000d", "--crit", "29999d"), 2, "^CA CRITICAL")
    checked(server.cli("check", "ca", "No such"), 3, "^CA UNKNOWN - .*No such")
    for words, check in ((("check", "ca", "No such"), "ca"), (("check", "nothing"), None)):
        said = server.cli(*words, "-o", "json")
        told = json.loads(said.stdout)
        assert said.returncode == 3 and (told["check"], told["state"]) == (check, "UNKNOWN") and told["text"], said.stdout
    assert server.cli("check", "ca").returncode in (0, 1, 2)
    assert re.search("'queued'=\\d+;;;0 'failed'=\\d+;0;;0 'late'=\\d+;300;1800;0$", server.cli("check", "jobs").stdout)


@pytest.mark.parametrize("arguments, env, reason", [
    (["check", "expiry", "--warn", "1d"], {}, "--crit"), (["check", "expiry", "--warn", "soon"], {}, "--warn"),
    (["check", "expiry", "--nonsense"], {}, "--nonsense"), (["check", "lists"], {}, "lists"),
    (["check", "expiry", "--query", "is:lost"], {}, "is:lost"), (["check", "jobs", "--warn", "2h"], {}, "--warn"),
    (["check", "ca"], {"CHANCERY_TOKEN": "x"}, "token"), (["check", "ca"], {"CHANCERY_SERVER": "https://127.0.0.1:1"}, "reached"),
])
def test_what_cannot_be_checked_is_unknown_and_no_alarm(server, arguments, env, reason):
    checked(server.cli(*arguments, env=env), 3, "UNKNOWN - ", reason)


def test_metrics_are_shown(server, client):
    authority = client.server_ca()
    rows = json.loads(ok(server.cli("metrics", "chancery_ca_up", "-o", "json")))
    assert {"name": "chancery_ca_up", "labels": {"ca": authority, "type": "embedded"}, "value": 1} in rows
    assert all(row["name"].startswith("chancery_ca_up") for row in rows)
    table = ok(server.cli("metrics"))
    assert "_count" in table and "_bucket" not in table and f"ca={authority}" in table
    assert "_bucket" in ok(server.cli("metrics", "chancery_ca_sign_seconds")) and "_bucket" in ok(server.cli("metrics", "--all"))
    assert ok(server.cli("metrics", "--raw")).startswith("# HELP ")
    assert json.loads(ok(server.cli("metrics", "nothing_of_this_name", "-o", "json"))) == []
    says(server.cli("metrics", "x", "--raw"), 2, "--raw")


def test_the_end_of_the_audit_record_is_shown_and_followed(server, client):
    name, _ = admin.user(server)
    lines = ok(server.cli("audit", "tail", "--limit", "3", "--action", "user.create")).splitlines()
    assert lines and lines == sorted(lines) and any(name in line for line in lines)
    events = [json.loads(line) for line in ok(server.cli("audit", "tail", "-o", "jsonl", "--limit", "4")).splitlines()]
    assert len(events) == 4 and [event["at"] for event in events] == sorted(event["at"] for event in events)
    says(server.cli("audit", "tail", "-o", "csv"), 2, "jsonl")
    # followed: each event once, what was before not again
    with subprocess.Popen([chancery.PROGRAM, "audit", "tail", "-f", "--limit", "1", "--action", "user.create", "-o", "jsonl"],
                          stdout=subprocess.PIPE, text=True, env=server.cli_env()) as tail:
        try:
            assert json.loads(tail.stdout.readline())["action"] == "user.create"
            time.sleep(1.5)
            made = [admin.user(server)[0] for _ in range(3)]
            seen = []
            while not set(made) <= set(seen):
                seen.append(json.loads(tail.stdout.readline())["target"]["name"])
            assert len(seen) == len(set(seen)) and name not in seen
        finally:
            tail.terminate()
            tail.wait(10)


def test_what_a_helper_needs_is_collected_without_secrets(server, client, tmp_path):
    out, config = tmp_path / "bundle.zip", tmp_path / "chancery.yaml"
    config.write_text(f"data_dir: {tmp_path}/none\ndb:\n  url: postgresql://chancery:hush-hush@127.0.0.1:1/x\n")
    config.chmod(0o600)
    plan = ok(server.cli("support-bundle", "--dry-run"))
    assert "settings.json" in plan and "doctor.json" in plan
    done = server.cli("support-bundle", "--out", out, "--config", config)
    assert done.returncode == 0 and "health.json" in done.stderr and out.stat().st_mode & 0o777 == 0o600, done.stderr
    with zipfile.ZipFile(out) as bundle:
        assert bundle.testzip() is None
        files = {name: bundle.read(name).decode() for name in bundle.namelist()}
    assert all(name in plan for name in files if name != "README.txt") and len(files) == plan.count("\n") + 1
    assert json.loads(files["health.json"])["state"] and client.server_ca() in files["authorities.json"]
    assert files["metrics.txt"].startswith("# HELP") and isinstance(json.loads(files["failed-jobs.json"])["items"], list)
    everything = "".join(files.values())
    for secret in ("hush-hush", server.password, "PRIVATE KEY", server.cli_env()["CHANCERY_TOKEN"]):
        assert secret not in everything, secret
    # what cannot be had is said in its place
    done = server.cli("support-bundle", "--out", out, env={"CHANCERY_TOKEN": "x"})
    assert done.returncode == 0 and "health.json: " in done.stderr
    with zipfile.ZipFile(out) as bundle:
        assert bundle.read("health.json").startswith(b"error: ") and json.loads(bundle.read("version.json"))["version"]
    says(server.cli("support-bundle", "--out", tmp_path / "none" / "x.zip"), 2, "none")
