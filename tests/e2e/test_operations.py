"""What an operator sees: health, metrics, logs, reload, systemd, and that keys stay secret."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import time
import urllib.parse

import pytest
import requests

import admin
import chancery
import keys
import processes
import programs


def plain(server, path, **more):
    """A call without credentials."""
    return requests.get(server.url.rstrip("/") + path, verify=str(server.ca), timeout=20, **more)


@pytest.mark.seed("S124")
def test_health_answers_without_login(server):
    assert plain(server, "/health").json() == {"status": "ok"}
    assert plain(server, "/healthz/live").status_code == 200
    ready = plain(server, "/healthz/ready")
    assert ready.status_code == 200 and ready.json() == {"status": "ok", "failing": [], "degraded": []}
    assert plain(server, "/healthz/startup").status_code == 200
    assert server.client().rest("GET", "/health").json()["components"]


@pytest.mark.parametrize("path", ["/health", "/healthz/live", "/healthz/ready", "/metrics", "/openapi.json"])
def test_what_is_only_read_says_so_to_other_methods(server, path):
    for method in ("POST", "DELETE"):
        reply = requests.request(method, server.url.rstrip("/") + path, verify=str(server.ca), json={}, timeout=20)
        assert (reply.status_code, reply.headers["Allow"]) == (405, "GET, HEAD")
        assert reply.json()["ErrorCode"] == "0xA011012F"
    assert requests.post(server.http_url.rstrip("/") + path, json={}, timeout=20).status_code == 404


@pytest.mark.seed("S124")
@pytest.mark.database("postgresql")
def test_readiness_is_503_while_the_database_is_away(database):
    import postgres
    cluster = postgres.Postgres()
    server = chancery.Server(cluster.new_database())
    try:
        server.start()
        server.tolerates_errors = True
        issued = server.client().enroll(dns=("before.example.com",))
        cluster.pause()
        reply, = processes.wait_until(lambda: (found := plain(server, "/healthz/ready")).status_code == 503 and [found],
                                      15, what="readiness 503")
        assert "database" in reply.text and "postgres" not in reply.text.lower()
        assert plain(server, "/healthz/live").status_code == 200
        assert plain(server, "/KeyfactorAPI/Status/HealthCheck").status_code == 503
        began = time.monotonic()
        reply = server.client().command("GET", f"/Certificates/{issued['KeyfactorID']}")
        assert reply.status_code == 503 and time.monotonic() - began < 15
        cluster.start()
        processes.wait_until(lambda: plain(server, "/healthz/ready").status_code == 200, 30, 0.2, what="readiness")
        assert server.client().enroll(dns=("after.example.com",))["RequestDisposition"] == "ISSUED"
        server.stop()
    finally:
        server.close()
        cluster.close()


def metrics(server, **more):
    reply = plain(server, "/metrics", **more)
    assert reply.status_code == 200, reply.text
    return reply


def series(text):
    """{name{labels}: value}"""
    return {name: float(value) for name, value in re.findall(r"^([a-z_]+(?:\{[^}\n]*\})?) (\S+)", text, re.M)}


@pytest.mark.seed("S254")
def test_metrics_count_what_happened(server, client):
    before = series(metrics(server).text)
    client.enroll(dns=("metric.example.com",))
    client.revoke(client.enroll(dns=("metric2.example.com",))["KeyfactorID"])
    reply = None

    def has_told():
        """Whether the last call is counted: that is done when its answer has left."""
        nonlocal reply
        reply = metrics(server)
        counts = [{key: value for key, value in one.items() if key.startswith("chancery_http_request_duration_seconds_count")
                   and '/Certificates/Revoke"' in key} for one in (before, series(reply.text))]
        return counts[0] != counts[1]
    processes.wait_until(has_told, 20, what="the count of the last call")
    assert reply.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    after = series(reply.text)

    def grew(name, by, *labels):
        total = sum(value for key, value in after.items() if key.split("{")[0] == name and all(
            label in key for label in labels))
        total -= sum(value for key, value in before.items() if key.split("{")[0] == name and all(
            label in key for label in labels))
        assert total == by, (name, labels, total)
    grew("chancery_enrollment_requests_total", 2, 'result="issued"')
    grew("chancery_revocations_total", 1)
    grew("chancery_http_requests_total", 2, '/Enrollment/CSR"', 'code="200"')
    grew("chancery_http_request_duration_seconds_count", 1, '/Certificates/Revoke"')
    for name in ("chancery_build_info", "chancery_start_timestamp_seconds", "process_resident_memory_bytes",
                 "chancery_db_up", "chancery_certificates", "chancery_ca_up", "chancery_http_connections",
                 "chancery_signatures_total", "chancery_audit_events_total", "chancery_ocsp_requests_total",
                 "chancery_crl_next_update_timestamp_seconds"):
        assert any(key.split("{")[0] == name for key in after), name
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)", reply.text, re.M))
    assert types["chancery_http_requests_total"] == "counter"
    open_metrics = metrics(server, headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert open_metrics.headers["Content-Type"].startswith("application/openmetrics-text")
    assert open_metrics.text.endswith("# EOF\n")


@pytest.mark.seed("S254")
@pytest.mark.once
def test_metrics_from_elsewhere_need_the_permission(new_server):
    server = new_server(settings={"metrics.allow": "10.99.0.0/16"}).start()
    assert plain(server, "/metrics").status_code in (401, 403)
    assert plain(server, "/metrics", auth=(server.user, server.password)).status_code == 200
    name, password = admin.user(server, permissions=["certificates/read"])
    assert plain(server, "/metrics", auth=(name, password)).status_code == 403


@pytest.mark.seed("S125")
def test_the_log_is_one_json_object_a_line(new_server):
    server = new_server().start()
    client = server.client()
    issued = client.enroll(dns=("logged.example.com",))
    client.command("GET", "/NoSuchPath")
    server.stop()
    lines = server.log.read_text().splitlines()
    events = [json.loads(line) for line in lines if line]
    assert events and all(len(line) <= 16384 for line in lines)
    for event in events:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["ts"]), event
        assert event["level"] in ("info", "warn", "debug") and event["msg"] and event["module"], event
    access = [event for event in events if event.get("event") == "http.access"]
    mine = [event for event in access if str(event.get("route")).endswith("/Enrollment/CSR")]
    assert len(mine) == 1 and mine[0]["status"] == 200 and mine[0]["request_id"] and mine[0]["ip"] == "127.0.0.1"
    assert issued["Thumbprint"]
    assert server.lines(status=404)


def test_a_request_id_is_answered_and_logged(server, client):
    reply = client.command("GET", "/Status/Endpoints")
    number = reply.headers["x-request-id"]
    assert processes.wait_until(lambda: server.lines(request_id=number), 20, what="the access line")


def test_a_request_of_a_trace_is_found_by_it_in_log_and_audit(server, client):
    trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    name = admin.role(server, [])
    reply = client.rest("DELETE", f"/roles/{name}", headers={"traceparent": f"00-{trace}-{parent}-01"})
    assert reply.status_code == 204, reply.text
    line, = processes.wait_until(lambda: server.lines(request_id=reply.headers["x-request-id"]), 20, what="the access line")
    assert line["trace_id"] == trace and re.fullmatch("[0-9a-f]{16}", line["span_id"]) and line["span_id"] != parent
    (event,), = admin.sql(server, "SELECT event FROM audit WHERE action = 'role.delete' ORDER BY ts DESC LIMIT 1")
    event = json.loads(event)
    assert event["target"]["name"] == name and event["request"] == {"id": line["request_id"], "trace_id": trace}
    for bad in (f"00-{trace}-{parent}", f"ff-{trace}-{parent}-01", f"00-{'0' * 32}-{parent}-01", "x" * 4000):
        reply = client.command("GET", "/Status/Endpoints", headers={"traceparent": bad})
        line, = processes.wait_until(lambda: server.lines(request_id=reply.headers["x-request-id"]), 20, what="a line")
        assert reply.status_code == 200 and "trace_id" not in line and "span_id" not in line


def serial_of(server):
    """The serial of the certificate that the HTTPS listener shows."""
    host, port = server.url.rstrip("/").split("//")[1].rsplit(":", 1)
    return keys.load(ssl.get_server_certificate((host.strip("[]"), int(port)))).serial_number


@pytest.mark.seed("S121")
def test_the_first_start_serves_a_certificate_of_its_own_ca_and_takes_another_without_restart(new_server, tmp_path):
    server = new_server().start()
    assert plain(server, "/health").status_code == 200  # verified against the CA of the ready file
    first, client = serial_of(server), server.client()
    key = keys.new_key()
    answer = client.enroll(keys.new_csr("localhost", ["localhost"], key, ip=["127.0.0.1"]))
    target = server.data / "own-tls.pem"
    target.write_text("".join(answer["Certificates"][:2]))
    (server.data / "own-tls.key").write_text(keys.key_pem(key))
    (server.data / "own-tls.key").chmod(0o600)
    config = server.dir / "chancery.yaml"
    config.write_text(f"listen:\n  certificate: {target}\n  key: {server.data / 'own-tls.key'}\n")
    assert serial_of(server) == first
    server.stop()
    command = server.command
    server.command = lambda: command() + ["--config", config]
    server.start()
    assert serial_of(server) == keys.load(answer["Certificates"][0]).serial_number
    second = server.client().enroll(keys.new_csr("localhost", ["localhost"], key, ip=["127.0.0.1"]))
    target.write_text("".join(second["Certificates"][:2]))
    pid = server.process.pid
    server.process.send_signal(signal.SIGHUP)
    processes.wait_until(lambda: serial_of(server) == keys.load(second["Certificates"][0]).serial_number, 10,
                         what="the new certificate")
    assert server.process.pid == pid and plain(server, "/health").status_code == 200


def test_the_servers_next_certificate_takes_the_place_of_the_one_before(new_server):
    """Else monitoring would be told of its end, which is nobody's trouble."""
    server = new_server().start()
    first = server.client().get("/Certificates", **{"pq.queryString": f'SerialNumber -eq "{serial_of(server):X}"'})[0]["Id"]
    server.stop()
    server.settings["listen.names"] = "other.localhost"
    server.start()
    second = server.client().get("/Certificates", **{"pq.queryString": f'SerialNumber -eq "{serial_of(server):X}"'})[0]
    assert second["Id"] != first and "other.localhost" in [name["Value"] for name in second["SubjectAltNameElements"]]
    replaced = server.client().get("/Certificates", **{"pq.queryString": "SupersededDate -ne NULL"})
    assert [row["Id"] for row in replaced] == [first]
    assert server.cli("check", "expiry", "--query", "cn:localhost", "--warn", "400d").stdout.count(f"({second['Id']})") == 1


@pytest.mark.once
def test_settings_are_reloaded_and_bad_ones_keep_the_old(new_server):
    server = new_server()
    config = server.dir / "chancery.yaml"
    config.write_text("command:\n  product_version: 11.0.0.0\n")
    command = server.command
    server.command = lambda: command() + ["--config", config]
    server.start()
    client = server.client()

    def version():
        return client.command("GET", "/Status/Endpoints").headers["x-keyfactor-product-version"]
    assert version() == "11.0.0.0"
    config.write_text("command:\n  product_version: 12.0.0.0\n")
    server.process.send_signal(signal.SIGHUP)
    processes.wait_until(lambda: version() == "12.0.0.0", 10, what="the new setting")
    server.tolerates_errors = True
    config.write_text("command:\n  product_versoin: 13.0.0.0\n")
    server.process.send_signal(signal.SIGHUP)
    processes.wait_until(lambda: "product_versoin" in server.log.read_text(), 10, what="the complaint")
    assert version() == "12.0.0.0"


def test_a_reload_says_what_waits_for_the_next_start_and_takes_its_own_certificate_again(new_server, tmp_path):
    server = new_server()
    key = keys.new_key()
    config = server.dir / "chancery.yaml"
    config.write_text("log:\n  level: info\n")
    server.config = config
    server.start()
    made = server.client().enroll(csr=keys.new_csr(cn="own.example", dns=("own.example",), key=key), dns=("own.example",))
    (tmp_path / "own.pem").write_text("".join(c.public_bytes(keys.PEM).decode()
                                              for c in keys.load_all("".join(made["Certificates"]))))
    (tmp_path / "own.key").write_text(keys.key_pem(key))
    (tmp_path / "own.key").chmod(0o644)
    address = urllib.parse.urlsplit(server.url)

    def served():
        pem = ssl.get_server_certificate((address.hostname, address.port))
        return keys.load(pem).subject.rfc4514_string()
    assert "own.example" not in served()
    config.write_text(f"listen:\n  certificate: {tmp_path}/own.pem\n  key: {tmp_path}/own.key\n  loops: 2\n")
    server.process.send_signal(signal.SIGHUP)
    processes.wait_until(lambda: "own.example" in served(), 10, what="the certificate that was configured")
    waits = [event["msg"] for event in server.lines(level="warn") if "next start" in event["msg"]]
    assert waits == ["listen.loops changed: that takes effect at the next start"], waits
    warned, = server.lines(level="warn", msg="listen.key is not private")
    assert "own.key has mode 0644" in warned["error"]
    (tmp_path / "own.key").chmod(0o640)
    config.write_text(f"listen:\n  certificate: {tmp_path}/own.pem\n  key: {tmp_path}/own.key\n  loops: 3\n")
    server.process.send_signal(signal.SIGHUP)
    processes.wait_until(lambda: len([event for event in server.lines(level="warn") if "loops" in event["msg"]]) == 2, 10,
                         what="a reload")
    assert len(server.lines(level="warn", msg="listen.key is not private")) == 1
    config.write_text("log:\n  level: info\n")
    server.process.send_signal(signal.SIGHUP)
    processes.wait_until(lambda: "own.example" not in served(), 10, what="the server's own certificate")


@pytest.mark.seed("S122")
@pytest.mark.once
def test_systemd_is_told_of_readiness_reload_and_stop(new_server, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        path = str(tmp_path / "notify")
        notices.bind(path)
        notices.settimeout(20)
        server = new_server(env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "1000000"})
        server.spawn()

        def wait_for(text):
            until = time.monotonic() + 30
            while time.monotonic() < until:
                if text in notices.recv(4096).decode():
                    return True
            raise AssertionError(f"no {text}")
        wait_for("READY=1")
        server.wait_ready()
        wait_for("WATCHDOG=1")
        server.process.send_signal(signal.SIGHUP)
        wait_for("RELOADING=1")
        wait_for("READY=1")
        server.process.send_signal(signal.SIGTERM)
        wait_for("STOPPING=1")
        server.stop()


@pytest.mark.seed("S122")
@pytest.mark.once
def test_the_unit_file_is_well_formed_and_tight(database, tmp_path):
    unit = tmp_path / "chancery.service"
    text = (chancery.ROOT / "deb/chancery.service").read_text()
    program = tmp_path / "chancery"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit.write_text(text.replace("/usr/bin/chancery", str(program)))
    done = processes.run(["systemd-analyze", "verify", "--man=no", unit])
    assert done.returncode == 0 and not done.stderr.strip(), done.stderr
    done = processes.run(["systemd-analyze", "security", "--offline=true", "--no-pager", unit])
    assert float(re.search(r"exposure level for .*: ([\d.]+)", done.stdout).group(1)) <= 1.6, done.stdout[-300:]


@pytest.mark.seed("S367")
@pytest.mark.once
@pytest.mark.parametrize("name, text, where", [
    ("a.yaml", "listen:\n  htps: 127.0.0.1:1\n", r"a\.yaml:2:3"), ("b.yaml", "nosuch: 1\n", r"b\.yaml:1:1"),
    ("c.yaml", "listen:\n  https: [\n", r"c\.yaml:\d+"), ("d.json", '{"log": {"levle": "info"}}', r"d\.json:1:10"),
    ("e.yaml", "log:\n  level: loud\n", r"e\.yaml:2"), ("f.yaml", "log:\n  level: info\n  level: warn\n", r"f\.yaml:3"),
])
def test_a_wrong_setting_is_refused_with_line_and_column(database, tmp_path, name, text, where):
    (tmp_path / name).write_text(text)
    for command in (["config", "check", "--config", tmp_path / name], ["serve", "--config", tmp_path / name]):
        done = chancery.cli(*command, timeout=20)
        assert done.returncode == 2 and re.search(where, done.stderr), (command, done.returncode, done.stderr)


@pytest.mark.seed("S367")
@pytest.mark.once
@pytest.mark.once
@pytest.mark.parametrize("setting, words", [
    ("metrics.allow=banana/8", "banana/8"), ("metrics.allow=10.0.0.0/33", "10.0.0.0/33"),
    ("command.product_version=hello", "four numbers"), ("command.product_version=1.2.3", "four numbers"),
    ("pki.base_url=not a url", "pki.base_url"), ("pki.base_url=http://user:pw@pki.example.com", "pki.base_url"),
    ("pki.base_url=http://pki.example.com/?x=1", "pki.base_url"), ("listen.https=foo", "listen.https"),
    ("listen.http=:99999", "listen.http"), ("pki.root_key=banana", "pki.root_key"), ("db.url=mysql://x", "db.url"),
    ("acme.base_url=ftp:x", "acme.base_url"), ('acme.base_url=https://x/">\r\nX: y', "acme.base_url"),
    ("acme.base_url=https://x/?y", "acme.base_url"), ("acme.legacy_base_urls=https://x/,https://y/?z", "https://y/?z"),
    ('acme.terms_url=https://x/">\r\nX: y', "acme.terms_url"), ("acme.website=javascript:1", "acme.website"),
    ("acme.limits.help_url=https://x y/", "acme.limits.help_url"),
])
def test_a_value_that_cannot_be_used_is_refused_by_every_door(database, tmp_path, setting, words):
    key = setting.split("=")[0]
    for command in (["config", "check", "--set", setting],
                    ["serve", "--dev", "--check", "--data-dir", tmp_path / "data", "--set", setting]):
        done = chancery.cli(*command)
        assert done.returncode == 2, done.stdout + done.stderr
        assert words in done.stderr and key in done.stderr and "--set" in done.stderr, done.stderr
    assert not (tmp_path / "data").exists()


def test_every_setting_shows_where_it_came_from(database, tmp_path):
    config = tmp_path / "chancery.yaml"
    config.write_text("log:\n  level: warn\n  form: json\ncommand:\n  product_version: 11.0.0.0\n")
    done = chancery.cli("config", "show", "--origin", "--config", config, "--set", "log.level=debug", "-o", "json",
                        env={"CHANCERY_METRICS__ENABLED": "false"})
    assert done.returncode == 0, done.stderr
    rows = {key: f"{one['value']} {one['origin']}".lower() for key, one in json.loads(done.stdout).items()}
    for key, value, origin in (("log.level", "debug", r"--set|flag|command line"), ("log.form", "json", r"chancery\.yaml"),
                               ("command.product_version", "11.0.0.0", r"chancery\.yaml:5:20"),
                               ("metrics.enabled", "false", r"chancery_metrics__enabled|environment")):
        assert value in rows[key] and re.search(origin, rows[key]), rows.get(key)


@pytest.mark.seed("S099")
@pytest.mark.once
def test_a_setting_may_be_sealed(new_server):
    server = new_server().start()
    server.stop()
    done = chancery.cli("config", "seal", "--set", f"data_dir={server.data}", input="hunter2-secret\n")
    assert done.returncode == 0 and re.fullmatch(r"seal:[A-Za-z0-9+/=_-]+\n", done.stdout), done.stdout + done.stderr
    assert "hunter2" not in done.stdout
    again = chancery.cli("config", "seal", "--set", f"data_dir={server.data}", input="hunter2-secret\n")
    assert again.stdout != done.stdout


@pytest.mark.seed("S100")
@pytest.mark.once
def test_settings_name_secrets_instead_of_holding_them(new_server, tmp_path):
    """The database address, which holds a password, comes from the environment, a file or sealed."""
    (tmp_path / "where").write_text(f"sqlite:{tmp_path / 'from-file.db'}\n")
    (tmp_path / "where").chmod(0o600)
    for reference, made in (("env:WHERE_IT_IS", "from-env.db"), (f"file:{tmp_path / 'where'}", "from-file.db"),
                            ("from-environment:WHERE_IT_IS", "from-env.db")):
        server = new_server(env={"WHERE_IT_IS": f"sqlite:{tmp_path / 'from-env.db'}"})
        server.database = reference
        server.start()
        assert (tmp_path / made).exists()
        server.stop()
        shutil.rmtree(server.data)
        for path in tmp_path.glob("*.db*"):
            path.unlink()


@pytest.mark.once
def test_a_new_server_answers_soon_and_is_small(new_server):
    server = new_server()
    server.start().stop()
    for left in reversed(range(3)):  # the machine may be busy with other things
        began = time.monotonic()
        server.start()
        assert plain(server, "/health").status_code == 200
        took = time.monotonic() - began
        if took < 3 or not left:
            break
        server.stop()
    assert took < 3  # the bench measures; this only notices a disaster
    resident = int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{server.process.pid}/status").read_text()).group(1))
    if not os.environ.get("ASAN_OPTIONS"):
        assert resident < 64 * 1024


@pytest.mark.once
def test_a_second_server_on_the_same_directory_is_refused(new_server):
    server = new_server().start()
    done = processes.run(server.command()[:-2] + ["--ready-file", server.dir / "ready2"], timeout=30)
    assert done.returncode not in (0, -9) and not (server.dir / "ready2").exists()
    for address in ("https.address", "http.address"):  # nor at other ports
        (server.data / address).unlink()
    server.ports = 0, 0
    done = processes.run(server.command()[:-2] + ["--ready-file", server.dir / "ready2"], timeout=30)
    assert done.returncode not in (0, -9) and not (server.dir / "ready2").exists()
    assert "another chancery works in" in done.stdout + done.stderr
    assert not (server.data / "https.address").exists(), "who is refused writes nothing"
    elsewhere = server.dir / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (elsewhere / "chancery.db").symlink_to(server.database.removeprefix("sqlite:"))
    done = processes.run([server.program, "serve", "--data-dir", elsewhere, "--listen", "127.0.0.1:0", "--http-listen",
                          "127.0.0.1:0", "--set", f"seal.master_key=file:{server.data}/master.key"], timeout=30)
    assert "another chancery works in" in done.stdout + done.stderr, "the file is what counts"
    assert plain(server, "/health").status_code == 200


@pytest.mark.once
def test_metrics_rules_parse(server):
    """Every line of the exposition is a comment or a sample; no series comes twice."""
    text = metrics(server).text
    seen = set()
    for line in text.splitlines():
        assert re.match(r'^(# (HELP|TYPE) [a-z_][a-z0-9_]* .*|[a-z_][a-z0-9_]*(\{([a-z_]+="([^"\\\n]|\\.)*",?)*\})? [-+0-9.eEInfNa]+)$', line), line
        if not line.startswith("#"):
            name = line.rsplit(" ", 1)[0]
            assert name not in seen, name
            seen.add(name)
