"""Metadata and collections on the command line."""
import json
import re
import uuid

import pytest

import admin
import keys
from test_cli import ok, says


def new_name(word):
    return f"{word}-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def word(server):
    """Two certificates whose names share a word."""
    word = uuid.uuid4().hex[:12]
    for name in ("web", "db"):
        server.client().enroll(dns=(f"{name}.{word}.example.com",))
    return word


class TestMetadata:
    def test_a_field_from_making_to_removal(self, server):
        name = new_name("Stage")
        assert "made" in server.cli("metadata", "create", name, "--type", "choice", "--options", "dev,prod", "--default",
                                    "dev", "--enrollment", "optional", "--order", "5").stderr
        shown = json.loads(ok(server.cli("metadata", "show", name, "-o", "json")))
        shown = shown[0] if isinstance(shown, list) else shown
        assert (shown["DataType"], shown["DefaultValue"], shown["DisplayOrder"], shown["Description"]) == (5, "dev", 5, name)
        ok(server.cli("metadata", "edit", name, "--description", "Where it runs", "--default", ""))
        rows = json.loads(ok(server.cli("metadata", "list", "--filter", f'Name -eq "{name}"', "-o", "json")))
        assert rows[0]["Description"] == "Where it runs" and rows[0]["DefaultValue"] == "" and rows[0]["Options"] == "dev,prod"
        line, = [line for line in ok(server.cli("metadata", "list", "--all")).splitlines() if line.startswith(name)]
        assert line.split()[1:3] == ["MultipleChoice", "Optional"], line
        assert "DataType:" in (said := ok(server.cli("metadata", "show", name))) and "MultipleChoice" in said, said
        assert "would" in ok(server.cli("metadata", "delete", name, "--dry-run"))
        says(server.cli("metadata", "delete", name, "--no-input"), 2, "--yes")
        ok(server.cli("metadata", "delete", name, "--yes"))
        says(server.cli("metadata", "show", name), 3, "not found")

    @pytest.mark.parametrize("arguments, status, said", [
        (["metadata", "create", "a b"], 2, "Name"), (["metadata", "create", "X", "--type", "colour"], 2, "colour"),
        (["metadata", "create", "X", "--type", "number", "--default", "many"], 2, "DefaultValue"),
        (["metadata", "create", "X", "--validation", "("], 2, "Validation"), (["metadata", "create"], 2, "argument|NAME"),
        (["metadata", "edit", "NoSuchField", "--hint", "x"], 3, "not found"), (["certs", "set", "1"], 2, "--meta"),
        (["certs", "set", "--meta", "A=b"], 2, "--query"), (["certs", "set", "1", "--meta", "Ab"], 2, "NAME=VALUE"),
        (["certs", "set", "1", "--query", "x", "--meta", "A=b"], 2, "not both"),
        (["certs", "set", "999999999", "--meta", "A=b"], 3, "999999999"),
        (["collections", "create", "x"], 2, "--query"), (["collections", "create", "x", "--query", "CN -eq"], 2, "position"),
        (["collections", "create", "x", "--query", "", "--newest", "age"], 2, "age"),
        (["collections", "show", "No such"], 3, "not found"), (["certs", "list", "--collection", "No such"], 3, "not found"),
        (["collections", "grant", "No such", "Operator"], 3, "not found"), (["collections", "copy", "No such", "x"], 3, "not found"),
    ])
    def test_what_is_wrong_is_said(self, server, arguments, status, said):
        done = server.cli(*arguments, "--no-input")
        assert done.returncode == status and re.search(said, done.stderr), done.stderr

    def test_values_are_noted_with_a_request_and_later(self, server, word, tmp_path):
        owner = new_name("Owner")
        ok(server.cli("metadata", "create", owner))
        (tmp_path / "it.csr").write_text(keys.new_csr(f"it.{word}.example.com", [f"it.{word}.example.com"]))
        for more, value in (([], "web=team"), (["--duration", "20d"], "other")):
            ok(server.cli("enroll", "csr", tmp_path / "it.csr", "--template", "WebServer", "--meta", f"{owner}={value}",
                          "--out", tmp_path / "it.pem", *more))
            rows = json.loads(ok(server.cli("search", "-q", f'{owner} -eq "{value}"', "-o", "json")))
            assert [row["IssuedCN"] for row in rows] == [f"it.{word}.example.com"]
        done = server.cli("certs", "set", str(rows[0]["Id"]), "--meta", f"{owner}=third")
        assert done.returncode == 0 and "1 certificate" in done.stderr, done.stderr
        query = f'CN -contains "{word}"'
        assert "would note it about 4" in ok(server.cli("certs", "set", "--query", query, "--meta", f"{owner}=x", "--dry-run"))
        ok(server.cli("certs", "set", "--query", query, "--meta", f"{owner}=x", "--keep", "--yes"))
        assert ok(server.cli("search", "-q", f'{owner} -eq "x"', "--count")).strip() == "2"
        assert ok(server.cli("search", "-q", f'{owner} -eq "third"', "--count")).strip() == "1"
        says(server.cli("certs", "set", "--query", query, "--meta", "NoSuchField=x", "--yes"), 2, "NoSuchField")
        ok(server.cli("metadata", "delete", owner, "--force", "--yes"))


class TestCollections:
    def test_a_collection_from_making_to_removal(self, server, word):
        name, copy = new_name("Web of"), new_name("Copy of")
        ok(server.cli("collections", "create", name, "--query", f'CN -startswith "web" AND CN -contains "{word}"',
                      "--newest", "cn", "--description", "of a test"))
        row = json.loads(ok(server.cli("collections", "list", "--filter", f'Name -eq "{name}"', "-o", "json")))[0]
        assert row["DuplicationField"] == 1 and row["Description"] == "of a test"
        assert ok(server.cli("certs", "list", "--collection", name, "--count")).strip() == "1"
        assert ok(server.cli("search", "--collection", name, "--count", "-q", 'CN -ne "x"')).strip() == "1"
        assert ok(server.cli("search", "--collection", name, "--count")).strip() == "1"
        ok(server.cli("collections", "edit", name, "--query", f'CN -contains "{word}"', "--newest", "none"))
        assert ok(server.cli("certs", "list", "--collection", name, "--count")).strip() == "2"
        ok(server.cli("collections", "copy", name, copy))
        assert word in ok(server.cli("collections", "show", copy, "-o", "json"))
        for one in (name, copy):
            ok(server.cli("collections", "delete", one, "--yes"))
            says(server.cli("collections", "show", one), 3, "not found")

    def test_a_role_is_given_a_collection_alone(self, server, word):
        name, role = new_name("Mine"), admin.role(server, [])
        user, password = admin.user(server, roles=[role])
        ok(server.cli("collections", "create", name, "--query", f'CN -contains "web.{word}"'))
        ok(server.cli("collections", "grant", name, role, "--permission", "read,edit-metadata"))
        env = {**server.cli_env(), "CHANCERY_USERNAME": user, "CHANCERY_PASSWORD": password}
        del env["CHANCERY_TOKEN"]
        import chancery
        assert chancery.cli("certs", "list", env=env).returncode == 4
        assert ok(chancery.cli("certs", "list", "--collection", name, "--count", env=env)).strip() == "1"
        ok(server.cli("collections", "grant", name, role))
        assert chancery.cli("certs", "list", "--collection", name, env=env).returncode in (3, 4)
        says(server.cli("collections", "grant", name, "NoSuchRole"), 3, "NoSuchRole")
        says(server.cli("collections", "grant", name, role, "--permission", "fly"), 2, "fly")


class TestAccess:
    def test_a_role_is_made_given_taken_and_removed(self, server):
        name, (user, password) = new_name("Team"), admin.user(server)
        ok(server.cli("roles", "create", name, "--description", "of a test", "--permission", "certificates/read,audit/read"))
        says(server.cli("roles", "create", name), 5, name)
        assert name in ok(server.cli("roles", "list", "--all"))
        ok(server.cli("roles", "grant", name, "enrollment/csr", "--on", "template:WebServer"))
        ok(server.cli("roles", "withdraw", name, "audit/read"))
        ok(server.cli("roles", "add", name, user, f"client:{server.client_id}"))
        shown = ok(server.cli("roles", "show", name))
        for line in ("certificates/read", "enrollment/csr on template WebServer", f"user {user}", f"client {server.client_id}"):
            assert line in shown, shown
        assert "audit/read" not in shown
        assert server.client(user, password).command("GET", "/Certificates").status_code == 200
        says(server.cli("roles", "delete", name, "--yes"), 5, "members")
        ok(server.cli("roles", "remove", name, user, f"client:{server.client_id}"))
        assert server.client(user, password).command("GET", "/Certificates").status_code == 403
        ok(server.cli("roles", "delete", name, "--yes"))
        says(server.cli("roles", "show", name), 3, name)
        assert "certificates/read" in ok(server.cli("roles", "permissions"))

    @pytest.mark.parametrize("command", ["acme orders show", "acme accounts show", "acme eab show", "acme profiles show", "ca show",
                                         "users show", "roles show", "requests show", "metadata delete", "acme profiles delete"])
    def test_an_empty_name_is_no_name(self, server, command):
        says(server.cli(*command.split(), "", *(["--yes"] if command.endswith("delete") else [])), 2, "empty")

    def test_a_question_mark_belongs_to_the_name_that_has_it(self, server):
        role, profile = new_name("Team"), new_name("P")
        ok(server.cli("roles", "create", role))
        ok(server.cli("acme", "profiles", "create", profile, "--template", "WebServer"))
        for name in (role + "?x=1", role + "?"):
            says(server.cli("roles", "show", name), 3, "not found|no role")
            says(server.cli("roles", "delete", name, "--yes"), 3, "not found|no role")
        says(server.cli("acme", "profiles", "delete", profile + "?x=1", "--yes"), 3, "not found")
        assert profile in ok(server.cli("acme", "profiles", "show", profile))
        ok(server.cli("acme", "profiles", "delete", profile, "--yes"))
        ok(server.cli("roles", "delete", role, "--yes"))

    def test_what_is_wrong_with_a_role_is_said(self, server):
        name = admin.role(server, [])
        says(server.cli("roles", "grant", name, "fly"), 2, "fly")
        says(server.cli("roles", "grant", name, "enrollment/csr", "--on", "WebServer"), 2, "--on")
        says(server.cli("roles", "grant", name, "enrollment/csr", "--on", "template:nothing"), 2, "nothing")
        says(server.cli("roles", "add", name, "nobody-of-that-name"), 2, "nobody-of-that-name")
        says(server.cli("roles", "grant", "Auditor", "certificates/revoke"), 5, "built-in")
        says(server.cli("roles", "delete", "Auditor", "--yes"), 5, "built in")

    def test_a_token_is_made_used_listed_and_revoked(self, server):
        name = new_name("ci")
        token = ok(server.cli("tokens", "create", name, "--permission", "certificates/read", "--expires", "+30d")).strip()
        assert token.startswith("chancery_")
        env = {"CHANCERY_TOKEN": token}
        ok(server.cli("certs", "list", env=env))
        says(server.cli("users", "list", env=env), 4, "SecuritySettings:Read")
        rows = [row for row in json.loads(ok(server.cli("tokens", "list", "--all", "-o", "json"))) if row["name"] == name]
        assert len(rows) == 1 and token not in json.dumps(rows) and rows[0]["hint"] == token[-4:]
        assert name in ok(server.cli("tokens", "list", "--everybody", "--all"))
        says(server.cli("tokens", "create", "x"), 2, "--permission")
        ok(server.cli("tokens", "revoke", str(rows[0]["id"]), "--yes"))
        assert server.cli("certs", "list", env=env).returncode != 0
        says(server.cli("tokens", "revoke", str(rows[0]["id"]), "--yes"), 3, "not found")
