"""What surrounds a server goes wrong: its files are moved, missing, at their limit; its callers guess."""
import datetime
import os
import pathlib
import resource
import shutil
import ssl
import tempfile
import time

import pytest
import requests
from cryptography import x509

import admin
import chancery
import keys
import processes
import programs


def guess(server, **more):
    return requests.get(server.url.rstrip("/") + "/KeyfactorAPI/Certificates", verify=str(server.ca), timeout=30, **more)


@pytest.mark.seed("S281")
@pytest.mark.once
@pytest.mark.parametrize("credentials", [{}, {"headers": {"Authorization": "Bearer a.b.c"}}])
def test_guesses_are_limited_by_their_address(new_server, credentials):
    server = new_server(settings={"access.rate_per_address": 30}).start()
    found = [guess(server, **credentials).status_code for _ in range(60)]
    assert found[0] == 401 and found[-1] == 429 and set(found) == {401, 429}, found
    assert int(guess(server, **credentials).headers["Retry-After"]) > 0


@pytest.mark.database("sqlite")
def test_a_data_directory_may_be_moved(new_server, database):
    first = new_server()
    first.database = f"sqlite:{first.data}/chancery.db"
    first.start()
    before = first.client().enroll()
    first.stop()
    moved = pathlib.Path(tempfile.mkdtemp(prefix="chancery-moved-"))
    try:
        first.data.rename(moved / "elsewhere")
        first.data = moved / "elsewhere"
        first.database = f"sqlite:{first.data}/chancery.db"
        first.start()
        assert first.client().get(f"/Certificates/{before['KeyfactorID']}")["IssuedCN"] == "localhost"
        assert first.client().enroll()["SerialNumber"] != before["SerialNumber"]
        first.stop()
    finally:
        shutil.rmtree(moved, ignore_errors=True)


def test_a_missing_master_key_is_told_and_none_is_made_in_its_place(new_server):
    server = new_server()
    server.start()
    server.stop()
    master = server.data / "master.key"
    kept = master.read_bytes()
    master.unlink()
    done = processes.run([str(part) for part in server.command()], timeout=60)
    assert done.returncode != 0 and "master key" in done.stdout + done.stderr, done.stdout + done.stderr
    assert not master.exists()
    master.write_bytes(kept)
    master.chmod(0o600)
    server.start()
    assert server.client().enroll()["SerialNumber"]


@pytest.mark.parametrize("command", ["serve", "init"])
def test_authorities_do_not_begin_anew_beside_what_they_signed(new_server, command, tmp_path):
    """Their keys with another, empty database: a first CRL would take back every revocation."""
    server = new_server()
    server.start()
    made = server.client().enroll()
    server.stop()
    root, kept = (server.data / "root.pem").read_bytes(), server.database
    server.database = new_server().database
    password = tmp_path / "password"
    password.write_text("a password that is long enough")
    password.chmod(0o600)
    arguments = [str(part) for part in server.command()] if command == "serve" else [
        str(server.program), "init", "--data-dir", str(server.data), "--set", f"db.url={server.database}",
        "--admin-user", "eve", "--admin-password-file", str(password), "--url", "http://pki.example.com"]
    done = processes.run(arguments, timeout=60)
    told = done.stdout + done.stderr
    assert done.returncode != 0 and "the database knows no authority" in told and "db.url" in told, told
    assert (server.data / "root.pem").read_bytes() == root
    server.database = kept
    server.start()
    assert server.client().get(f"/Certificates/{made['KeyfactorID']}")["IssuedCN"] == "localhost"


@chancery.needs_faults
def test_a_clock_that_was_ahead_for_a_while_leaves_nothing_of_the_future(new_server, tmp_path):
    """Lists, responders, turns of schedules and the server's own certificate were made then, to hold a year from now."""
    server = new_server(program=chancery.FAULTS).start()
    client = server.client()
    good, revoked = (client.enroll(dns=(f"{name}.example.com",)) for name in ("good", "revoked"))
    assert client.revoke(revoked["KeyfactorID"])["RevokedIds"]
    verdicts = [programs.Judged(tmp_path, one["Certificates"]) for one in (good, revoked)]
    processes.wait_until(lambda: verdicts[1].by_crl() == "revoked", 20, 0.2, what="the revocation")
    url = verdicts[0].where["crl"][0]

    def begins():
        return x509.load_der_x509_crl(programs.fetch(url).content).last_update

    server.stop()
    server.start(CHANCERY_CLOCK_OFFSET_MS=str(400 * 86400 * 1000))
    ahead = datetime.datetime.utcnow() + datetime.timedelta(days=390)
    processes.wait_until(lambda: begins() > ahead, 30, 0.2, what="a CRL from the future, which the expired one left")
    server.stop()
    server.start()
    processes.wait_until(lambda: begins() < ahead, 30, 0.2, what="a CRL that holds")
    assert [one.by_crl() for one in verdicts] == ["ok", "revoked"]
    assert [one.by_ocsp() for one in verdicts] == ["good", "revoked"]
    assert client.enroll(dns=("after.example.com",))["SerialNumber"]
    assert client.revoke(good["KeyfactorID"])["RevokedIds"]
    processes.wait_until(lambda: verdicts[0].by_crl() == "revoked", 20, 0.2, what="a revocation after that")
    ready = requests.get(server.url.rstrip("/") + "/healthz/ready", verify=str(server.ca), timeout=30)
    assert ready.status_code == 200, ready.text
    turns = admin.sql(server, "SELECT name FROM schedule WHERE enabled = 1 AND rule LIKE '%s' AND next_at > "
                      f"{int(time.time() * 1000) + 86400_000}")
    assert not turns, "schedules wait for the future"
    server.tolerates_errors = True


@chancery.needs_faults
def test_a_clock_before_the_authoritys_beginning_makes_no_certificates(new_server):
    """Whatever the authority signed then would hold as little as what is there."""
    server = new_server(program=chancery.FAULTS).start()
    server.tolerates_errors = True
    count = lambda: admin.sql(server, "SELECT COUNT(*) FROM certificate")[0][0]
    shown = lambda: ssl.get_server_certificate(tuple(server.url.split("/")[2].split(":")))
    before, own = count(), shown()
    for _ in range(2):
        server.stop()
        server.start(CHANCERY_CLOCK_OFFSET_MS=str(-3 * 3600 * 1000))
        processes.wait_until(lambda: "begins only at" in server.log.read_text(), 20, 0.2, what="what the server says of it")
        time.sleep(3)  # it used to make seven each second
        assert count() == before and shown() == own
        assert server.log.read_text().count("begins only at") <= 4  # at the start, and once a minute
    server.stop()
    server.start()
    assert count() == before and shown() == own
    assert server.client().enroll()["SerialNumber"]


@chancery.needs_faults
@pytest.mark.parametrize("on_hand", ["none", "revoked", "late", "over"])
def test_a_server_starts_while_no_authority_gives_it_a_certificate(new_server, tmp_path, on_hand):
    """Its revocations have to be known, and somebody has to log in to switch the authority on again."""
    server = new_server(program=chancery.FAULTS).start()
    client = server.client()
    one = client.enroll(dns=("known.example.com",))
    judged = programs.Judged(tmp_path, one["Certificates"])
    if on_hand == "revoked":
        [own] = [row for row in client.get("/Certificates", **{"pq.queryString": "CN -eq \"localhost\""})]
        assert client.revoke(own["Id"], 4)["RevokedIds"]
    admin.switch_ca(server, client.server_ca(), False)
    if on_hand == "none":
        server.settings["listen.names"] = "another.example.com"
    roots = server.ca and pathlib.Path(server.ca).read_text().count("BEGIN")
    seconds = {"late": 80, "over": 100}.get(on_hand, 0) * 86400
    server.stop()
    server.tolerates_errors = True
    server.start(CHANCERY_CLOCK_OFFSET_MS=str(seconds * 1000))
    shown = programs.openssl("s_client", "-connect", server.url.split("/")[2], "-CAfile", server.ca, "-verify_return_error",
                             "-attime", str(int(time.time()) + seconds + 60), input="")
    assert shown.returncode == 0 and "Verify return code: 0 (ok)" in shown.stdout, shown.stdout + shown.stderr
    assert pathlib.Path(server.ca).read_text().count("BEGIN") == (roots if on_hand == "late" else roots + 1)
    assert programs.fetch(judged.where["crl"][0]).content
    if not seconds:
        assert judged.by_ocsp() == "good" and judged.by_crl() == "ok"
        admin.switch_ca(server, client.server_ca(), True)
        server.stop()
        server.start()
        assert pathlib.Path(server.ca).read_text().count("BEGIN") == roots, "an authority certifies it again"


def test_a_log_of_signatures_that_is_removed_is_begun_again(new_server):
    server = new_server().start()
    client = server.client()
    client.enroll()
    shutil.rmtree(server.data / "signed")
    serial = client.enroll()["SerialNumber"]
    assert serial in "".join(file.read_text() for file in (server.data / "signed").iterdir())
    assert "was removed from" in server.log.read_text()


@pytest.mark.database("sqlite")
def test_nothing_is_confirmed_into_a_database_that_was_moved_away(new_server):
    """A file that no name leads to is gone at the next start."""
    server = new_server().start()
    client, path = server.client(), pathlib.Path(server.database.removeprefix("sqlite:"))
    before = client.enroll()
    path.rename(path.with_suffix(".away"))
    refused = client.command("POST", "/Enrollment/CSR", json={
        "CSR": keys.new_csr("lost.example.com", ["lost.example.com"]), "Template": client.server_template(),
        "CertificateAuthority": client.server_ca(), "Timestamp": "2025-10-22T14:30:00Z"})
    assert refused.status_code == 503, refused.text
    assert requests.get(server.url.rstrip("/") + "/healthz/ready", verify=str(server.ca), timeout=30).status_code == 503
    path.with_suffix(".away").rename(path)
    assert client.enroll()["SerialNumber"] != before["SerialNumber"]
    server.tolerates_errors = True


@pytest.mark.database("sqlite")
def test_another_programs_look_at_the_database_harms_nothing(new_server, database):
    """Its last connection takes the log away, unless it sees by our locks that we are there."""
    import sqlite3
    server = new_server().start()
    path = server.database.removeprefix("sqlite:")
    for _ in range(2):
        made = server.client().enroll()
        connection = sqlite3.connect(path)
        assert connection.execute("SELECT COUNT(*) FROM certificate").fetchone()[0] > 0
        connection.close()
        assert os.path.exists(path + "-wal"), "the log is gone"
        assert server.client().get(f"/Certificates/{made['KeyfactorID']}")["IssuedCN"] == "localhost"
    server.kill()
    server.start()
    assert server.client().get(f"/Certificates/{made['KeyfactorID']}")["IssuedCN"] == "localhost"


@pytest.mark.database("sqlite")
def test_a_file_at_its_limit_is_an_error_and_not_the_end(new_server, database):
    server = new_server()
    server.tolerates_errors = True
    server.start()
    client = server.client()
    first = client.enroll()
    written = max(path.stat().st_size for path in server.dir.rglob("*") if path.is_file())
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (written, written))
    refused = None
    for _ in range(200):
        reply = client.command("POST", "/Enrollment/CSR", json={
            "CSR": chancery.keys.new_csr(dns=("localhost",)), "Template": "WebServer",
            "CertificateAuthority": client.server_ca(), "Timestamp": "2025-10-22T14:30:00Z"})
        if reply.status_code != 200:
            refused = reply
            break
    assert refused is not None and refused.status_code == 503, refused
    assert server.process.poll() is None
    assert client.get(f"/Certificates/{first['KeyfactorID']}")["SerialNumber"] == first["SerialNumber"]


@pytest.mark.database("postgresql")
def test_where_the_database_lies_is_told_to_nobody(database):
    import postgres
    cluster = postgres.Postgres()
    server = chancery.Server(cluster.new_database())
    server.tolerates_errors = True
    try:
        server.start()
        cluster.pause()
        for path in ("/KeyfactorAPI/Status/HealthCheck", "/KeyfactorAPI/Certificates/1", "/api/v1/health"):
            for auth in (None, (server.user, server.password)):
                reply = requests.get(server.url.rstrip("/") + path, auth=auth, verify=str(server.ca), timeout=60)
                assert reply.status_code in (401, 503), f"{path}: {reply.status_code} {reply.text}"
                assert str(cluster.dir) not in reply.text and "socket" not in reply.text, reply.text
    finally:
        server.close()
        cluster.close()


@pytest.mark.once
@pytest.mark.parametrize("command", [("config", "check", "--config"), ("serve", "--dev", "--config")])
def test_a_fifo_in_place_of_the_settings_holds_nobody_up(database, tmp_path, command):
    fifo = tmp_path / "chancery.yaml"
    os.mkfifo(fifo)
    done = processes.run([chancery.PROGRAM, *command, fifo], timeout=20)
    assert done.returncode != 0 and "is not a file" in done.stdout + done.stderr, done.stdout + done.stderr


@pytest.mark.once
@pytest.mark.parametrize("password, words", [("short", "at least 12"), (None, "password")])
def test_an_init_that_is_refused_leaves_nothing(database, tmp_path, password, words):
    file = tmp_path / "password"
    if password:
        file.write_text(password)
        file.chmod(0o600)
    command = [chancery.PROGRAM, "init", "--admin-user", "ana", "--admin-password-file", file, "--url",
               "http://pki.example.com", "--data-dir", tmp_path / "data"]
    done = processes.run(command)
    assert done.returncode != 0 and words in done.stderr, done.stderr
    assert not (tmp_path / "data").exists() or not os.listdir(tmp_path / "data")
    file.write_text("a password that is long enough")
    file.chmod(0o600)
    done = processes.run([*command, "--ca-name", "Contoso"])
    assert done.returncode == 0 and "Contoso Root CA" in done.stdout, done.stdout + done.stderr


@pytest.mark.database("postgresql")
def test_what_was_taken_away_on_one_server_is_gone_on_the_others(new_server):
    first = new_server().start()
    second = new_server()
    second.database = first.database
    shutil.copytree(first.data, second.data, ignore=shutil.ignore_patterns("*.address"))
    second.start()

    def changes(what, code, seconds=10):
        """WHAT is asked again and again, of the second server, until it is answered so; nothing is asked of the first."""
        processes.wait_until(lambda: what().status_code == code, seconds, 0.1, what=f"a {code}")

    def reads(who):
        return lambda: who.command("GET", "/Certificates")
    here = first.client()
    name, password = admin.user(first, permissions=["certificates/read"])
    role = here.rest("GET", f"/users/{name}").json()["roles"][0]
    there = second.client(name, password)
    assert reads(there)().status_code == 200  # and it is remembered now
    grant = {"permission": "certificates/read", "scope": "all"}
    for method, code in (("DELETE", 403), ("POST", 200)):
        more = {"params": grant} if method == "DELETE" else {"json": grant}
        assert here.rest(method, f"/roles/{role}/grants", **more).status_code in (200, 201, 204)
        changes(reads(there), code)
    for roles, code in (([], 403), ([role], 200)):
        tag = here.rest("GET", f"/users/{name}").headers["ETag"]
        assert here.rest("PATCH", f"/users/{name}", json={"roles": roles}, headers={"If-Match": tag}).status_code == 200
        changes(reads(there), code)
    tag = here.rest("GET", f"/users/{name}").headers["ETag"]
    assert here.rest("POST", f"/users/{name}/password", json={"password": "another long password"},
                     headers={"If-Match": tag}).status_code in (200, 204)
    changes(reads(there), 401)
    there = second.client(name, "another long password")
    assert reads(there)().status_code == 200
    other, other_password = admin.user(first, permissions=["certificates/read"])
    assert reads(second.client(other, other_password))().status_code == 200
    admin.disable(first, name)
    changes(reads(there), 401)
    bearer = second.client(token=good_token(second, other, other_password))
    assert reads(bearer)().status_code == 200
    admin.disable(first, other)
    changes(reads(bearer), 401)


def good_token(server, name, password):
    reply = server.client(nobody=True).command("POST", "/Auth/Login", json={"username": name, "password": password})
    return chancery.good(reply)["access_token"]
