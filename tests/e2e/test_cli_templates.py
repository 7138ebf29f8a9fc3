"""Templates on the command line: a new version of one, and what one makes of a request."""
import json
import os
import pty
import re
import subprocess
import uuid

import pytest
import yaml

import admin
import chancery
import keys
from test_cli import ok, says


@pytest.fixture
def made(server):
    """A template of this test's own; its name."""
    name = f"Walk{uuid.uuid4().int}"  # no letters: the editors of these tests look for 20d and 30d
    done = server.client().rest("POST", "/templates", json={"name": name, "policy": {
        "key_types": ["ec:p256", "rsa:2048-4096"], "san_dns": "required", "eku": ["serverAuth"], "validity": "90d"}})
    assert done.status_code == 201, done.text
    return name


def policy(server, name):
    return server.client().rest("GET", f"/templates/{name}").json()["policy"]


def test_values_of_a_template_are_changed(server, made):
    done = server.cli("templates", "edit", made, "validity=60d", "key_types=[ec:p256, ec:p384]", "max_names=7", "cn_to_san=false", "--dry-run")
    assert done.returncode == 0 and 'validity: "90d" -> "60d"' in done.stderr and policy(server, made)["validity"] == "90d", done.stderr
    done = server.cli("templates", "edit", made, "validity=60d", "key_types=[ec:p256, ec:p384]", "max_names=7", "cn_to_san=false")
    assert done.returncode == 0 and f"template {made} has version 2" in done.stderr, done.stderr
    now = policy(server, made)
    assert (now["validity"], now["key_types"], now["max_names"], now["cn_to_san"]) == ("60d", ["ec:p256", "ec:p384"], 7, False)
    assert (now["san_dns"], now["eku"]) == ("required", ["serverAuth"])  # what was not named stays
    again = server.cli("templates", "edit", made, "validity=60d")
    assert again.returncode == 0 and "nothing is changed" in again.stderr
    row = json.loads(ok(server.cli("templates", "edit", made, "--display-name", "Walked on", "-o", "json")))
    assert (row["display_name"], row["number"], row["policy"]["validity"]) == ("Walked on", 3, "60d")


def test_a_template_is_changed_by_a_file_or_an_editor(server, made, tmp_path):
    whole = yaml.safe_load(ok(server.cli("api", "GET", f"/api/v1/templates/{made}", "-o", "yaml")))
    whole["policy"]["validity"] = "45d"
    for name, text in (("whole.yaml", yaml.safe_dump(whole)), ("policy.json", json.dumps({**whole["policy"], "validity": "30d"}))):
        (tmp_path / name).write_text(text)
        ok(server.cli("templates", "edit", made, "--from", tmp_path / name))
    assert policy(server, made)["validity"] == "30d"
    assert by_editor(server, made, "sed -i s/30d/20d/") == 0 and policy(server, made)["validity"] == "20d"
    assert by_editor(server, made, "false") == 2 and policy(server, made)["validity"] == "20d"
    os.environ["TMPDIR"], before = str(tmp_path), os.environ.get("TMPDIR")
    try:
        assert by_editor(server, made, "sed -i s/20d/soon/") == 2
    finally:
        os.environ.pop("TMPDIR") if before is None else os.environ.update(TMPDIR=before)
    (kept,) = tmp_path.glob("chancery-template-*.yaml")  # what somebody wrote is not lost
    kept.write_text(kept.read_text().replace("soon", "10d"))
    ok(server.cli("templates", "edit", made, "--from", kept))
    assert policy(server, made)["validity"] == "10d"


def by_editor(server, name, editor):
    """Run `templates edit` on a terminal; its exit status."""
    ours, theirs = pty.openpty()
    try:
        env = {**os.environ, **server.cli_env(), "EDITOR": editor, "VISUAL": ""}
        return subprocess.run([chancery.PROGRAM, "templates", "edit", name], stdin=theirs, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, env=env, timeout=60, check=False).returncode
    finally:
        os.close(ours)
        os.close(theirs)


def test_bad_changes_are_refused_by_name(server, made, tmp_path):
    (tmp_path / "list.yaml").write_text("- a\n")
    for arguments, status, reason in (
            (["nonsense=1"], 2, r"policy\.nonsense"), (["max_names=many"], 2, r"policy\.max_names.*number"),
            (["san_ip=sometimes"], 2, r"policy\.san_ip.*forbidden, optional, required"), (["validity=[1"], 2, r"validity=\[1"),
            (["validity"], 2, "KEY=VALUE"), ([], 2, "--from FILE"), (["--from", tmp_path / "none"], 2, "none"),
            (["--from", tmp_path / "list.yaml"], 2, "list.yaml.*no policy"), (["--from", "-", "validity=1d"], 2, "--from")):
        told = said(server.cli("templates", "edit", made, *arguments), status)
        assert re.search(reason, told), (arguments, told)
    says(server.cli("templates", "edit", "No such", "validity=1d"), 3, "No such")
    name, password = admin.user(server, permissions=["templates/read"])
    env = {"CHANCERY_TOKEN": "", "CHANCERY_USERNAME": name, "CHANCERY_PASSWORD": password}
    assert "permission" in said(server.cli("templates", "edit", made, "validity=1d", env=env), 4)
    assert server.client().rest("GET", f"/templates/{made}").json()["number"] == 1


def said(done, status):
    assert done.returncode == status and not done.stdout, (done.returncode, done.stdout, done.stderr)
    return done.stderr


def test_a_template_is_tried_on_a_request(server, made, tmp_path):
    told = ok(server.cli("templates", "test", made, "--dns", "tried.example.com", "--duration", "5d"))
    assert "planned" in told and "dns:tried.example.com" in told and "serverAuth" in told and "sha256:" not in told
    plan = json.loads(ok(server.cli("templates", "test", made, "--dns", "tried.example.com", "-o", "json")))
    assert plan["disposition"] == "planned" and plan["tbs"]
    (tmp_path / "t.csr").write_text(keys.new_csr("sent.example.com", ["sent.example.com"]))
    assert "dns:sent.example.com" in ok(server.cli("templates", "test", made, "--csr", tmp_path / "t.csr"))
    says(server.cli("templates", "test", made, "--dns", "a b"), 10, "a b")
    says(server.cli("templates", "test", made, "--dns", "a.example.com", "--key-type", "ed25519"), 10, "key")
    says(server.cli("templates", "test", made), 10, "sans")
    says(server.cli("templates", "test", "No such", "--dns", "a.example.com"), 3, "No such")
    assert server.client().total('SAN -eq "tried.example.com"') == 0
