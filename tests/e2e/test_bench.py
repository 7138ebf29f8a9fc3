"""Search among many certificates: what the bench prints, and how the database finds what is asked."""
import os
import re

import pytest

import chancery
import ports
import postgres
import processes
from chancery import good

BENCH = chancery.BUILD / "bench" / "bench-search"
SIZE = 30000
pytestmark = pytest.mark.skipif(not BENCH.exists(), reason="no build with the bench (-Dbench=true)")


def filled(server, size):
    """The server, with so many certificates; nothing is signed for them."""
    server.start()
    server.stop()
    done = processes.run([BENCH, "--fill", server.database, str(size)], timeout=300)
    assert done.returncode == 0, done.stderr
    return server


@pytest.mark.seed("S285")
def test_the_bench_prints_the_p95_of_the_seeds_call(new_server):
    server = filled(new_server(), 4000).start()
    done = processes.run([BENCH, server.ready_file, "e2e", "4000"], env={**os.environ, "BENCH_RESULTS": "/dev/null"}, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    p95 = dict(re.findall(r"^(.*?) +first .* p95 +([\d.]+) ms \(\d+ calls\)$", done.stdout, re.M))
    assert float(p95["GET Certificates?take=100"]) < 500, done.stdout
    assert {"by expiry, all", "by thumbprint", "by exact name", "part of a name, rare", "by issuer and state"} <= set(p95)
    reply = server.client().command("GET", "/Certificates", params={"take": 100})
    assert len(good(reply)) == 100 and int(reply.headers["x-total-count"]) > 3000


def acme_bench(server, taken, orders, clients):
    """What the bench of ACME prints for so many orders: by step the p95 in milliseconds. All have to end."""
    done = processes.run([chancery.BUILD / "bench" / "bench-acme", "e2e", server.acme_directory, server.process.pid, *taken,
                          orders, clients], env={**os.environ, "BENCH_RESULTS": "/dev/null"}, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{orders} issuances, {clients} clients" in done.stdout, done.stdout
    return {step: float(ms) for step, ms in re.findall(r"^  (\S+) +p50 .* p95 +([\d.]+) ms", done.stdout, re.M)}


@pytest.mark.once
@pytest.mark.seed("S379", "S413", "S414")
def test_a_thousand_acme_orders_at_once_all_end_and_the_bench_tells_the_p95_of_each_step(new_server):
    """How fast that is, is the bench's to say at rest; here are only the plan's own bounds, far above it."""
    taken = [ports.take(), ports.take()]
    server = new_server(settings={
        "acme.validation.resolvers": f"127.0.0.1:{taken[0]}", "acme.validation.http_port": taken[1],
        "acme.validation.dnssec": "off", "acme.validation.allow_networks": "127.0.0.0/8"}).start()
    p95 = acme_bench(server, taken, 1000, 1000)
    assert p95["validation"] < 30000, p95
    p95 = acme_bench(server, taken, 200, 4)
    assert p95["validation"] < 30000 and p95["finalize"] < 5000, p95
    assert server.client().total('CN -contains "."') >= 1200


# what people ask for most often: command-api 1.10, and the questions of the bench
ASKED = {
    "by expiry": {"pq.queryString": 'ExpirationDate -ge "%TODAY%" AND ExpirationDate -le "%TODAY+30%"', "pq.sortField": "NotAfter"},
    "all, by expiry": {"pq.sortField": "NotAfter"},
    "the newest": {"pq.sortField": "Id", "pq.sortAscending": "1"},
    "thumbprint": {"pq.queryString": 'Thumbprint -eq "{thumbprint}"'},
    "serial number": {"pq.queryString": 'SerialNumber -eq "{serial}"'},
    "name": {"pq.queryString": 'CN -eq "host-0012345.dept-26.example.com"'},
    "alternative name": {"pq.queryString": 'SAN -eq "host-0012345.dept-26.example.com"'},
    "part of a name": {"pq.queryString": 'CN -contains "t-0012345"'},
    "part that nobody has": {"pq.queryString": 'CN -contains "no-such-name"'},
    "noted": {"pq.queryString": 'Ticket -eq "CHG0012345"'},
    "part of what is noted": {"pq.queryString": 'Ticket -contains "hg0012345"'},
}


@pytest.fixture
def explained():
    """A PostgreSQL that writes the plan of every statement into its log."""
    cluster = postgres.Postgres()
    url = cluster.new_database()
    name = re.search(r"@/(\w+)", url)[1]
    connection = cluster.connect("postgres")
    for setting in ("session_preload_libraries = 'auto_explain'", "auto_explain.log_min_duration = 0",
                    "auto_explain.log_format = 'text'"):
        connection.cursor().execute(f"ALTER DATABASE {name} SET {setting}")
    connection.close()
    server = chancery.Server(url)
    try:
        yield server, cluster, name
    finally:
        server.close()
        cluster.close()


@pytest.mark.seed("S088")
@pytest.mark.database("postgresql")
def test_what_is_asked_most_often_is_found_by_an_index(database, explained):
    """The plans of the statements that searches really run: none reads all certificates, or all names."""
    server, cluster, name = explained
    filled(server, SIZE)
    connection = cluster.connect(name)
    connection.cursor().execute("VACUUM ANALYZE")
    connection.close()
    client = server.start().client()
    one = client.get("/Certificates", **{"pq.queryString": 'CN -eq "host-0012345.dept-26.example.com"'})[0]
    for what, parameters in ASKED.items():
        asked = {key: value.format(thumbprint=one["Thumbprint"], serial=one["SerialNumber"]) if "{" in value else value
                 for key, value in parameters.items()}
        begin = cluster.log.stat().st_size
        rows = good(client.command("GET", "/Certificates", params={**asked, "pq.returnLimit": 100}))
        assert bool(rows) is (what != "part that nobody has"), what
        with open(cluster.log, "rb") as log:
            log.seek(begin)
            plans = log.read().decode(errors="replace")
        assert "Query Text: SELECT" in plans and "certificate" in plans, f"{what}: no plan\n{plans[-2000:]}"
        whole = re.findall(r"Seq Scan on (?:certificate|name|certificate_name|metadata_value|certificate_metadata)\b.*", plans)
        assert not whole, f"{what}: {whole}\n{plans[-6000:]}"
