"""A number that was given is not given again: what was said of a row that is gone is never said of another."""
import pathlib
import re
import sqlite3
import uuid

import pytest

import admin
from test_archive import imported


def made(client, what):
    """Make one of WHAT; (its number, how to remove it)."""
    name = f"n{uuid.uuid4().hex[:12]}"
    if what == "user":
        client.rest("POST", "/users", json={"name": name, "password": f"correct horse {name}"}).raise_for_status()
        return client.rest("GET", f"/users/{name}").json()["id"], lambda: client.rest("DELETE", f"/users/{name}")
    if what == "field":
        number = client.post("/MetadataFields", {"Name": name, "Description": "one", "DataType": 1})["Id"]
        return number, lambda: client.command("DELETE", f"/MetadataFields/{number}")
    if what == "collection":
        number = client.post("/CertificateCollections", {"Name": name, "Query": f'CN -eq "{name}"'})["Id"]
        return number, lambda: client.command("DELETE", f"/CertificateCollections/{number}")
    role = client.post("/Security/Roles", {"Name": name, "Description": "one", "Permissions": []})["Id"]
    return role, lambda: client.command("DELETE", f"/Security/Roles/{role}")


@pytest.mark.parametrize("what", ["user", "field", "collection", "role"])
def test_a_removed_ones_number_does_not_come_again(client, what):
    first, remove = made(client, what)
    reply = remove()
    assert reply.status_code in (200, 204), reply.text
    second, remove = made(client, what)
    remove()
    assert second > first


def test_an_archived_certificates_number_does_not_come_again(new_server):
    server = new_server().start()
    client = server.client()
    old = imported(client, "museum.example.com", 3)["Id"]
    done = server.cli("archive", "run", "--older-than", "730d")
    assert done.returncode == 0, done
    assert client.enroll(dns=("fresh.example.com",))["KeyfactorID"] > old
    assert client.get(f"/Certificates/{old}")["IssuedCN"] == "museum.example.com"


def counting(server):
    """The tables that keep their highest number."""
    return {row[0] for row in admin.sql(server, "SELECT name FROM sqlite_schema WHERE sql LIKE '%AUTOINCREMENT%'")}


@pytest.mark.database("sqlite")
def test_a_database_of_before_counts_on_from_its_archive(new_server):
    """The tables as they were before migration 16 made them keep their highest number."""
    server = new_server().start()
    client = server.client()
    kept = client.enroll(dns=("kept.example.com",))["KeyfactorID"]
    old = imported(client, "museum.example.com", 3)["Id"]
    assert server.cli("archive", "run", "--older-than", "730d").returncode == 0
    server.stop()
    connection = sqlite3.connect(server.database.removeprefix("sqlite:"), isolation_level=None)
    before = counting(server)
    script = (pathlib.Path(__file__).parents[2] / "src/db/schema/016_numbers.sql").read_text()
    names = re.search(r"name IN \(('.*?')\)", script).group(1)  # the tables that there were then
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("UPDATE sqlite_schema SET sql = replace(sql, ' AUTOINCREMENT', '') WHERE type = 'table' "
                       f"AND name IN ({names})")
    connection.execute("PRAGMA writable_schema = RESET")
    connection.execute("DELETE FROM sqlite_sequence")
    connection.execute("DELETE FROM schema_version WHERE version = 16")
    connection.execute("VACUUM")  # a schema of before, read anew
    connection.close()
    server.start()
    client = server.client()
    assert client.enroll(dns=("fresh.example.com",))["KeyfactorID"] > old
    assert client.get(f"/Certificates/{kept}")["IssuedCN"] == "kept.example.com"
    assert {"certificate", "app_user", "collection"} < counting(server) == before
    assert admin.sql(server, "PRAGMA integrity_check") == [("ok",)]
