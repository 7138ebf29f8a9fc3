"""The indexes that large registers need: they are there, and the engines take them."""
import time

import pytest

import admin
from chancery import good

WANTED = {
    "certificate": {("sha1",), ("sha256",), ("not_after", "id", "state"), ("serial", "issuer_hash"),
                    ("cn", "id", "not_after", "state"), ("dn", "id", "not_after", "state"), ("template", "id"),
                    ("id", "not_after", "state")},
    "certificate_name": {("name", "certificate")},
    "certificate_metadata": {("field", "folded", "certificate")},
    "name": {("text",), ("folded",)},
    "job": {("state", "run_at", "id")},
    "audit": {("ts", "lane", "seq"), ("target_type", "target_id", "ts")},
}


def is_sqlite(server):
    return server.database.startswith("sqlite")


def indexes_of(server, table):
    """The columns of each index of a table."""
    if is_sqlite(server):
        names = [row[1] for row in admin.sql(server, f"PRAGMA index_list({table})")]
        return {tuple(row[2] for row in admin.sql(server, f"PRAGMA index_info('{name}')")) for name in names}
    rows = admin.sql(server, f"""SELECT i.indexrelid, a.attname FROM pg_index i JOIN pg_attribute a
        ON a.attrelid = i.indexrelid WHERE i.indrelid = '{table}'::regclass ORDER BY i.indexrelid, a.attnum""")
    return {tuple(name for other, name in rows if other == one) for one, _ in rows}


def plan_of(server, statement):
    """What the engine would do. A small table is sooner read whole: PostgreSQL is asked not to."""
    if is_sqlite(server):
        return "\n".join(row[3] for row in admin.sql(server, f"EXPLAIN QUERY PLAN {statement}"))
    import psycopg2
    connection = psycopg2.connect(server.database)
    cursor = connection.cursor()
    cursor.execute("SET enable_seqscan = off; SET enable_sort = off")
    cursor.execute(f"EXPLAIN {statement}")
    plan = "\n".join(row[0] for row in cursor.fetchall())
    connection.close()
    return plan


@pytest.mark.seed("S267")
@pytest.mark.parametrize("table", WANTED)
def test_the_indexes_are_there(server, table):
    assert WANTED[table] <= indexes_of(server, table)


@pytest.mark.seed("S267", "S274")
@pytest.mark.parametrize("statement, index", [
    ("SELECT id FROM certificate WHERE sha1 = {bytes20}", "certificate_sha1"),
    ("SELECT id FROM certificate WHERE sha256 = {bytes32}", "sha256|certificate_1|autoindex"),
    ("SELECT id FROM certificate c WHERE c.not_after >= 1 AND c.not_after < 2592000000 AND c.state <> 2 "
     "ORDER BY c.not_after, c.id LIMIT 100", "certificate_not_after"),
    ("SELECT COUNT(*) FROM certificate WHERE not_after >= 1 AND not_after < 2 AND state <> 2", "certificate_not_after"),
    ("SELECT c.id FROM certificate c WHERE c.state <> 2 AND c.not_after >= 1 ORDER BY c.id LIMIT 100 OFFSET 5000",
     "certificate_brief|certificate_pkey"),  # PostgreSQL weighs them by what was vacuumed
    ("SELECT kind, state, run_at FROM job WHERE state = 0 AND run_at <= 1 ORDER BY run_at, id LIMIT 4", "job_due"),
    ("SELECT id FROM certificate WHERE cn = 1 ORDER BY id", "certificate_cn"),
    ("SELECT certificate FROM certificate_metadata WHERE field = 1 AND folded = 'x'", "certificate_metadata_folded"),
    ("SELECT lane, seq FROM audit ORDER BY ts DESC, lane DESC, seq DESC LIMIT 50", "audit_ts"),
    ("SELECT seq FROM audit WHERE target_type = 'certificate' AND target_id = '7'", "audit_target"),
])
def test_plans_take_the_indexes(server, statement, index):
    def octets(count):
        return f"X'{'ab' * count}'" if is_sqlite(server) else f"'\\x{'ab' * count}'::bytea"
    plan = plan_of(server, statement.format(bytes20=octets(20), bytes32=octets(32)))
    assert any(name in plan for name in index.split("|")), plan
    assert "SEARCH" in plan or "USING" in plan or "Index" in plan, plan
    assert "TEMP B-TREE" not in plan and "Sort" not in plan and "Seq Scan" not in plan, plan


def test_parts_of_names_have_an_index(server):
    if is_sqlite(server):
        plan = plan_of(server, "SELECT n.id FROM name_text f CROSS JOIN name n WHERE f.name_text MATCH '\"abc\"' "
                               "AND n.id = f.rowid")
        assert "VIRTUAL TABLE INDEX" in plan and "SEARCH n USING INTEGER PRIMARY KEY" in plan, plan
    else:
        plan = plan_of(server, "SELECT id FROM name WHERE folded LIKE '%part of a name%'")
        assert "name_trigrams" in plan, plan
        plan = plan_of(server, "SELECT id FROM metadata_value WHERE folded LIKE '%part of it%'")
        assert "metadata_value_trigrams" in plan, plan


def fill_index(server):
    """SQLite's index of texts is brought up to date by a job."""
    admin.sql(server, "UPDATE schedule SET next_at = 0 WHERE name = 'search.index'")
    end = time.time() + 30
    if not is_sqlite(server):
        return
    while True:
        rows = admin.sql(server, "SELECT (SELECT MAX(id) FROM name), (SELECT MAX(id) FROM metadata_value), "
                                 "(SELECT value FROM setting WHERE name = 'search.names'), "
                                 "(SELECT value FROM setting WHERE name = 'search.metadata')")[0]
        if str(rows[0]) == rows[2] and (rows[1] is None or str(rows[1]) == rows[3]):
            return
        assert time.time() < end, rows
        time.sleep(0.1)


def test_parts_are_found_before_and_after_the_index_has_them(new_server):
    server = new_server().start()
    client = server.client()
    client.post("/MetadataFields", {"Name": "Team", "Description": "who", "DataType": 1})
    numbers = [client.enroll(dns=(f"part{i}.index-{i % 2}.example.com",), Metadata={"Team": f"Crew {i % 3} of %_x"})
               ["KeyfactorID"] for i in range(6)]

    def found(query):
        return sorted(row["Id"] for row in client.get("/Certificates", **{"pq.queryString": query}))
    for turn in range(2):
        assert found('CN -contains "ndex-1.EXAMPLE"') == [numbers[i] for i in (1, 3, 5)]
        assert found('SAN -contains "part4"') == [numbers[4]] and found('IssuedDN -contains "t4.i"') == [numbers[4]]
        assert found('CN -contains "nowhere"') == [] and found('Team -contains "nowhere"') == []
        assert found('Team -contains "rew 2 OF"') == [numbers[i] for i in (2, 5)]
        assert found('Team -contains "%_"') == numbers and found('Team -contains "f %_x"') == numbers
        assert found('Team -notcontains "crew 1" AND CN -contains "part"') == [numbers[i] for i in (0, 2, 3, 5)]
        assert client.total('Team -contains "Crew"') == client.total('CN -contains "index-"') == 6
        if turn == 0:
            good(client.command("GET", "/Certificates"))
            fill_index(server)
    # an edited value is found by its new text, and no more by its old one
    reply = client.command("PUT", "/Certificates/Metadata", json={"Id": numbers[0], "Metadata": {"Team": "Somebody else"}})
    assert reply.status_code == 204
    assert found('Team -contains "body el"') == [numbers[0]] and found('Team -contains "rew 0"') == [numbers[3]]


def test_totals_without_a_query_are_exact_through_every_change(new_server):
    server = new_server().start()
    client = server.client()

    def totals():
        def one(revoked, expired):
            reply = client.command("GET", "/Certificates", params={
                "pq.returnLimit": 1, "pq.includeRevoked": revoked, "pq.includeExpired": expired})
            return int(reply.headers["x-total-count"])
        return {(revoked, expired): one(revoked, expired) for revoked in ("true", "false")
                for expired in ("true", "false")}

    def counted():
        now = int(time.time() * 1000)
        return {(revoked, expired): admin.sql(server, "SELECT COUNT(*) FROM certificate WHERE 1 = 1"
                + ("" if revoked == "true" else " AND state <> 2")
                + ("" if expired == "true" else f" AND not_after >= {now}"))[0][0]
                for revoked in ("true", "false") for expired in ("true", "false")}
    numbers = [client.enroll(dns=(f"total{i}.example.com",))["KeyfactorID"] for i in range(4)]
    assert totals() == counted()
    client.revoke(numbers[0], reason=6)
    client.revoke(numbers[1], reason=4)
    client.revoke(numbers[1], reason=1)
    after = totals()
    assert after == counted() and after["false", "false"] == after["true", "true"] - 2
    client.revoke(numbers[0], reason=-1)
    assert totals() == counted()
