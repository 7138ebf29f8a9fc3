"""What a test prepares through our own API: users, roles, clients, templates, authorities."""
import contextlib
import itertools
import uuid

_numbers = itertools.count(1)


def _ok(reply):
    assert reply.status_code in (200, 201, 204), f"{reply.request.method} {reply.url}: {reply.status_code} {reply.text}"
    return reply.json() if reply.content else None


def role(server, permissions, name=None):
    """Make a role with these permissions everywhere; its name."""
    name = name or f"role-{uuid.uuid4().hex[:12]}"
    _ok(server.client().rest("POST", "/roles", json={"name": name, "grants": [
        {"permission": permission, "scope": "all"} for permission in permissions]}))
    return name


def user(server, password=None, permissions=(), roles=()):
    """Make a user; (name, password)."""
    name = f"user-{next(_numbers)}-{uuid.uuid4().hex[:12]}"
    password = password or f"correct horse {uuid.uuid4().hex}"
    roles = list(roles) + ([role(server, permissions)] if permissions else [])
    _ok(server.client().rest("POST", "/users", json={"name": name, "password": password, "roles": roles}))
    return name, password


def disable(server, name):
    client = server.client()
    found = client.rest("GET", f"/users/{name}")
    _ok(client.rest("PATCH", f"/users/{name}", json={"enabled": False}, headers={"If-Match": found.headers["ETag"]}))


def switch_ca(server, name, enabled):
    """Switch an authority off or on."""
    _ok(server.client().rest("POST", f"/authorities/{name}/{'enable' if enabled else 'disable'}"))


def template(server, names=None, keys=None, base="WebServer", policy=None):
    """Make a template beside BASE that allows only these names and kinds of key, or has these members; its name."""
    name = f"Template{uuid.uuid4().hex[:12]}"
    client = server.client()
    body = _ok(client.rest("GET", f"/templates/{base}"))
    policy = {**body["policy"], **(policy or {})}
    if names is not None:
        policy["permitted"] = names
    if keys is not None:
        policy["key_types"] = keys
    _ok(client.rest("POST", "/templates", json={"name": name, "policy": policy}))
    return name


def _connect(server):
    if server.database.startswith("postgresql:"):
        import psycopg2
        return psycopg2.connect(server.database)
    import sqlite3
    return sqlite3.connect(server.database.removeprefix("sqlite:"), timeout=20)


def sql(server, statement):
    """Look into the server's database, or tamper with it, behind its back; the rows that the statement answers."""
    connection = _connect(server)
    cursor = connection.cursor()
    cursor.execute(statement)
    rows = cursor.fetchall() if cursor.description else []
    connection.commit()
    connection.close()
    return rows


@contextlib.contextmanager
def register_held(server):
    """No certificate enters the register meanwhile: what is signed waits for its commit."""
    connection = _connect(server)
    try:
        connection.cursor().execute("LOCK TABLE request, certificate IN SHARE MODE" if server.database.startswith("postgresql:")
                                    else "BEGIN IMMEDIATE")
        yield
    finally:
        connection.rollback()
        connection.close()


@contextlib.contextmanager
def profiles(server, prefix, **usual):
    """A function that makes ACME profiles, with what is USUAL unless it is told otherwise; a member that is None is left
    out. What is left of them at the end goes."""
    client, made = server.client(), []

    def make(status=200, **body):
        body = {"Name": f"{prefix}{uuid.uuid4().hex[:10]}", **usual, **body}
        reply = client.command("POST", "/ACME/Profiles", json={name: value for name, value in body.items() if value is not None})
        assert reply.status_code == status, reply.text
        if status == 200:
            made.append(body["Name"])
        return reply.json()
    yield make
    for one in made:
        client.command("DELETE", f"/ACME/Profiles/{one}")
