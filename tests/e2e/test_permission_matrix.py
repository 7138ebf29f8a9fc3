"""Every operation of both APIs, asked as everybody, held against the one table: tests/e2e/permissions.tsv.

A line of it says for an operation which permission it needs, and what becomes of a call by each: `yes` it is heard, `no`
403, `login` 401. The last column is of somebody who may do everything, but only in a container that there is not: `none`
says that they are told of nothing, `input` that what they sent is looked at first.
`python3 -m pytest tests/e2e/test_permission_matrix.py -s` prints the table as the program has it.
"""
import pathlib
import re
import uuid

import pytest

import admin
import openapi
from chancery import good

TABLE = pathlib.Path(__file__).with_name("permissions.tsv")
ROLES = ["Administrator", "Auditor", "Operator", "Requester", "Certificate Administrator", "Certificate Requester"]
CALLERS = [*ROLES, "nobody", "anonymous", "elsewhere"]
pytestmark = pytest.mark.once


def operations(server):
    """(method, path below the host) of everything that the server describes below its two APIs."""
    found = []
    for path, item in openapi.of(server).body["paths"].items():
        for method, operation in item.items():
            if method in ("get", "put", "post", "delete", "patch") and path.lower().startswith(("/keyfactorapi", "/api/v1")):
                if not operation.get("x-not-offered"):
                    found.append((method.upper(), path))
    return sorted(found, key=lambda one: (one[1].lower(), one[0]))


def ask(client, method, path):
    """The call with things that there are not, and a body that says nothing."""
    path = re.sub(r"\{[^}]*\}", "999999999", path)
    body = None if method in ("GET", "DELETE") else {}
    return client.call(method, path, json=body)


def heard(reply):
    return {401: "login", 403: "no"}.get(reply.status_code, "yes")


def told(reply):
    """What somebody hears who may do it on no object that there is."""
    if reply.status_code in (401, 403):
        return heard(reply)
    if reply.status_code == 404:
        return "none"
    if reply.status_code == 400:
        return "input"
    body = reply.json() if reply.content else None
    lists = [one for one in body.values() if isinstance(one, list)] if isinstance(body, dict) else [body]
    return "none" if lists and not any(lists) else "yes"


def table():
    lines = [line.split("\t") for line in TABLE.read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == ["OPERATION", "PERMISSION", *[name.replace(" ", "_") for name in CALLERS]], lines[0]
    return {line[0]: line[1:] for line in lines[1:]}


@pytest.fixture(scope="module")
def permissions(server):
    return [row["name"] for row in server.client().rest("GET", "/permissions").json()["items"]]


@pytest.fixture
def alone(new_server):
    """A server of its own: it is asked to do everything."""
    return new_server().start()


def callers(server, names):
    made = {name: server.client(*admin.user(server, roles=[name])) for name in ROLES}
    made["nobody"] = server.client(*admin.user(server))
    made["anonymous"] = server.client(nobody=True)
    assert server.client().rest("POST", "/roles", json={"name": "Elsewhere", "grants": [
        {"permission": name, "scope": "container", "object": "424242"} for name in names]}).status_code == 201
    made["elsewhere"] = server.client(*admin.user(server, roles=["Elsewhere"]))
    return made


def test_everybody_is_heard_where_the_table_says_and_nowhere_else(alone, permissions):
    written, made, found = table(), callers(alone, permissions), {}
    for method, path in operations(alone):
        found[f"{method} {path}"] = [(told if name == "elsewhere" else heard)(ask(client, method, path))
                                     for name, client in made.items()]
    print()
    for operation, answers in found.items():
        print("\t".join([operation, written.get(operation, ["?"])[0], *answers]))
    missing, gone = sorted(set(found) - set(written)), sorted(set(written) - set(found))
    assert not missing and not gone, f"not in {TABLE.name}: {missing}; in it alone: {gone}"
    wrong = [f"{operation}: {name} {said}, not {answers[i]}" for operation, (_, *answers) in written.items()
             for i, (name, said) in enumerate(zip(CALLERS, found[operation])) if said != answers[i]]
    assert not wrong, "\n".join(wrong)


def test_each_operation_needs_the_permission_of_the_table_and_no_other(alone, permissions):
    """Who has it alone is heard; who has all others is not. `a+b` needs both."""
    wanted = table()
    by_permission = {}
    for operation, (permission, *_) in wanted.items():
        by_permission.setdefault(permission, []).append(operation.split(" "))
    assert {one for name in by_permission for one in name.split("+")} - {"public", "known"} <= set(permissions)
    wrong = []
    for permission, of_it in sorted(by_permission.items()):
        if permission in ("public", "known"):
            client = alone.client(nobody=True) if permission == "public" else alone.client(*admin.user(alone))
            wrong += [f"{line}: not heard" for line in of_it if heard(ask(client, *line)) != "yes" and line[1] not in (
                "/KeyfactorAPI/Auth/Login", "/KeyfactorAPI/OAuth/Token")]
            continue
        having = alone.client(*admin.user(alone, permissions=permission.split("+")))
        wrong += [f"{line}: not heard with {permission}" for line in of_it if heard(ask(having, *line)) != "yes"]
        for one in permission.split("+"):
            lacking = alone.client(*admin.user(alone, permissions=[name for name in permissions if name != one]))
            wrong += [f"{line}: heard without {one}" for line in of_it if heard(ask(lacking, *line)) != "no"]
    assert not wrong, "\n".join(wrong)


def test_what_counts_only_everywhere_is_no_use_on_one_object(server, client):
    role = admin.role(server, [])
    for permission in ("security/modify", "security/read", "metadata/modify"):
        assert client.rest("POST", f"/roles/{role}/grants", json={
            "permission": permission, "scope": "template", "object": "WebServer"}).status_code == 200
    caller = server.client(*admin.user(server, roles=[role]))
    assert caller.command("GET", "/Security/Roles").status_code == 403
    assert caller.command("POST", "/Security/Roles", json={
        "Name": f"Role {uuid.uuid4().hex[:12]}", "Description": "d"}).status_code == 403
    assert caller.command("POST", "/MetadataFields", json={
        "Name": "x", "Description": "d", "DataType": 1}).status_code == 403
    assert not [line for line in good(caller.command("GET", "/Status/Endpoints")) if "/Security/Roles" in line]


def test_templates_and_authorities_that_one_may_not_see_are_not_there(server, client):
    template = client.get("/Templates", **{"pq.queryString": 'CommonName -eq "WebServer"'})[0]["Id"]
    authority = client.get("/CertificateAuthority", **{"pq.queryString": f'LogicalName -eq "{client.server_ca()}"'})[0]["Id"]
    of_object = {"templates/read": ("template", template), "authorities/read": ("authority", authority)}
    paths = {"templates/read": ["/Templates/{}", "/Enrollment/Settings/{}"],
             "authorities/read": ["/CertificateAuthority/{}", f"/CertificateAuthorities/{client.server_ca()}",
                                  f"/CertificateAuthorities/{client.server_ca()}/status",
                                  f"/CertificateAuthorities/{client.server_ca()}/templates"]}
    lists = {"templates/read": "/Templates", "authorities/read": "/CertificateAuthority"}
    for permission, (scope, number) in of_object.items():
        for thing, status in ((number, 200), (424242, 404)):
            role = admin.role(server, [])
            if status == 404:  # somewhere, but not here
                scope = "container"
            assert client.rest("POST", f"/roles/{role}/grants", json={
                "permission": permission, "scope": scope, "object": str(thing)}).status_code == 200
            caller = server.client(*admin.user(server, roles=[role]))
            assert len(caller.get(lists[permission])) == (1 if status == 200 else 0)
            for path in paths[permission]:
                assert caller.command("GET", path.format(number)).status_code == status, (path, status)
