"""Crashes: whatever a client was told before the server died, the register holds afterwards."""
import os
import pathlib
import random
import re
import threading
import time

import pytest
import requests

import chancery
import conftest
import keys
import processes
import programs
from chancery import good

POINT = re.compile(r'\bcrash_point\("([^"]+)"\)')


# passed only by what no server does by itself; the unit tests beside the code pass them
NOT_BY_SERVING = {"seal.old_key_kept", "backup.written", "restore.files", "restore.loaded", "restore.settled"}
# passed when what is old leaves: tests of their own
BY_UPKEEP = {"audit.exported", "audit.removing"}
# passed when somebody approves what waits: test_approvals.py
BY_APPROVAL = {"approve.decided"}
# passed for clients of ACME, and where the log is copied away: test_acme_crash.py, test_ship.py
ELSEWHERE = {"acme.tried", "acme.concluded", "acme.finalize_again", "ship.written"}
# passed once, when an installation is made
ONCE = {"ca.first_run.keys", "private_file.written", "private_file.named"}


def passings(point):
    """At which passing of the point the server dies: an early and a later one in a long run."""
    if point in ONCE:
        return (1,)
    return (1, 4) if conftest.ROUNDS > 20 else (2,)


def crash_points():
    """Every named crash point of the sources that a server at work passes."""
    found = set()
    for path in (chancery.ROOT / "src").rglob("*.c"):
        if not path.name.startswith("test_"):
            found |= set(POINT.findall(path.read_text()))
    return sorted(found - NOT_BY_SERVING - BY_UPKEEP - BY_APPROVAL - ELSEWHERE)


class Told:
    """What clients were told: certificates that arrived, revocations that were confirmed."""

    def __init__(self):
        self.lock = threading.Lock()
        self.certificates, self.revoked, self.asked = {}, {}, set()
        self.chain = None

    def enrolled(self, answer):
        with self.lock:
            self.certificates[answer["Thumbprint"]] = answer
            self.chain = answer["Certificates"][1:]

    def pick(self):
        """A certificate that nobody revoked yet, or None."""
        with self.lock:
            left = [one for one in self.certificates.values() if one["KeyfactorID"] not in self.asked]
            if left:
                one = random.choice(left)
                self.asked.add(one["KeyfactorID"])
                return one
        return None


def enroll_until_death(server, told, name):
    """Enroll on one connection until the server does not answer."""
    try:
        client = server.client()
        while True:
            told.enrolled(client.enroll(dns=(f"{name}.{time.time_ns()}.example.com",)))
    except requests.RequestException:
        pass


def revoke_until_death(server, told):
    try:
        client = server.client()
        while True:
            one = told.pick()
            if not one:
                time.sleep(0.01)
                client.get("/Status/Endpoints")
                continue
            client.revoke(one["KeyfactorID"], reason=4)
            told.revoked[one["Thumbprint"]] = one
    except requests.RequestException:
        pass


def work_until_death(server, told, kill_after=None):
    """Three enroll, one revokes; the server dies by our hand, or by itself."""
    before = len(told.certificates)
    threads = [threading.Thread(target=enroll_until_death, args=(server, told, f"t{number}")) for number in range(3)]
    threads.append(threading.Thread(target=revoke_until_death, args=(server, told)))
    for thread in threads:
        thread.start()
    if kill_after is not None:
        if random.random() < 0.8:  # mostly among answers, however slow the machine is to the first one
            processes.wait_until(lambda: len(told.certificates) > before or not threads[0].is_alive(), 30)
        time.sleep(kill_after)
        server.kill()
    else:
        try:
            server.process.wait(30)
        finally:
            still = server.process.poll() is None
            server.kill()
            assert not still, "the server did not die"
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def pages(client, query=""):
    """All certificates that match, revoked ones too, by pages."""
    number, rows = 1, []
    while True:
        page = client.get("/Certificates", **{
            "pq.queryString": query, "pq.returnLimit": 1000, "pq.pageReturned": number, "pq.includeRevoked": "true",
            "pq.includeExpired": "true", "pq.sortField": "Id"})
        rows += page
        number += 1
        if len(page) < 1000:
            return rows


def audited(client, action):
    """The ids of the certificates that have an event of this kind."""
    found, after = set(), None
    while True:
        page = good(client.rest("GET", "/audit", params={"action": action, "limit": 1000, "after": after}))
        found |= {int(event["target"]["id"]) for event in page["items"] if event["target"]["type"] == "certificate"}
        after = page.get("next")
        if not after:
            return found


def check_promises(server, told, tmp_path):
    """The four promises, by what a client can see."""
    client = server.client()
    rows = {row["Thumbprint"]: row for row in pages(client)}
    lost = set(told.certificates) - set(rows)
    assert not lost, f"{len(lost)} certificates that clients hold are not in the register"
    serials = [(row["IssuerDN"], row["SerialNumber"]) for row in rows.values()]
    assert len(serials) == len(set(serials)), "a serial was used twice"
    issued = audited(client, "certificate.issue")
    without = {row["Id"] for row in rows.values() if row["TemplateName"] and row["CertState"] != 6} - issued
    missing = without & {told.certificates[one]["KeyfactorID"] for one in told.certificates}
    assert not missing, f"{len(missing)} certificates have no audit row"
    unrevoked = [thumbprint for thumbprint in told.revoked if rows[thumbprint]["CertState"] != 2]
    assert not unrevoked, "a confirmed revocation is gone"
    revoked_events = audited(client, "certificate.revoke")
    assert {one["KeyfactorID"] for one in told.revoked.values()} <= revoked_events
    done = server.cli("audit", "verify")
    assert done.returncode == 0, done.stdout + done.stderr
    if told.revoked:
        check_revoked_everywhere(told, tmp_path)


def check_revoked_everywhere(told, tmp_path):
    """Confirmed revocations are in OCSP now and in the CRL within 10 s."""
    some = random.sample(list(told.revoked.values()), min(5, len(told.revoked)))
    for one in some:
        where = keys.addresses(keys.load(one["Certificates"][0]))
        assert programs.openssl_ocsp(tmp_path, one["Certificates"][0], one["Certificates"][1], one["Certificates"][2],
                                     where["ocsp"][0]) == "revoked"
    wanted = {keys.load(one["Certificates"][0]).serial_number for one in told.revoked.values()}

    def listed():
        crl = keys.x509.load_der_x509_crl(programs.fetch(where["crl"][0]).content)
        return wanted <= {entry.serial_number for entry in crl}
    processes.wait_until(listed, 15, 0.3, what="the CRL with every confirmed revocation")


def test_killed_at_random_moments_nothing_that_was_told_is_lost(new_server, tmp_path):
    server, told = new_server(), Told()
    server.start()
    for turn in range(conftest.ROUNDS):
        before = len(told.certificates)
        work_until_death(server, told, kill_after=random.uniform(0.05, 0.6))
        began = time.monotonic()
        server.start()
        assert time.monotonic() - began < 10, "recovery takes too long"
        if turn % 5 == 4 or turn == conftest.ROUNDS - 1:
            check_promises(server, told, tmp_path)
        elif len(told.certificates) > before:
            newest = list(told.certificates)[-1]
            assert server.client().total(f'Thumbprint -eq "{newest}"') == 1
    assert len(told.certificates) >= conftest.ROUNDS and told.revoked
    server.tolerates_errors = True


@chancery.needs_faults
@pytest.mark.once
@pytest.mark.parametrize("point", crash_points())
def test_at_each_crash_point_with_unsynced_writes_forgotten(new_server, tmp_path, point):
    server, told = new_server(program=chancery.FAULTS, env={"CHANCERY_DB_VFS": "forget"}), Told()
    for passing in passings(point):
        server.spawn(CHANCERY_CRASH_AT=f"{point}:{passing}")
        processes.wait_until(lambda: server.process.poll() is not None or server.ready_file.exists(), 60,
                             what="start or crash")
        if server.process.poll() is None:
            server.wait_ready()
            work_until_death(server, told)
        assert server.process.returncode == -9, f"{point} was not passed {passing} times: " + server.tail()
        server.start()
        check_promises(server, told, tmp_path)
        server.stop()
    server.tolerates_errors = True


@chancery.needs_faults
def test_a_random_generator_that_repeats_itself_makes_no_serial_twice(new_server, tmp_path):
    server, told = new_server(program=chancery.FAULTS), Told()
    server.start().stop()
    server.start(CHANCERY_RANDOM_REPEAT="3")
    client = server.client()
    for number in range(30):
        # a serial that is there already is drawn again; a generator that never moves on ends in a refusal
        reply = client.command("POST", "/Enrollment/CSR", json={
            "CSR": keys.new_csr(f"again{number}.example.com", [f"again{number}.example.com"]), "IncludeChain": True,
            "Template": client.server_template(), "CertificateAuthority": client.server_ca()})
        if reply.status_code == 200:
            told.enrolled(reply.json()["CertificateInformation"])
        else:
            assert reply.status_code in (500, 503), reply.text
    server.tolerates_errors = True
    serials = [one["SerialNumber"] for one in told.certificates.values()]
    assert serials and len(set(serials)) == len(serials)
    server.stop()
    server.start()
    check_promises(server, told, tmp_path)


@chancery.needs_faults
@pytest.mark.seed("S050")
@pytest.mark.once
def test_a_fault_of_ours_is_500_without_internals(new_server):
    server = new_server(program=chancery.FAULTS)
    server.start(CHANCERY_FAIL_AT="flow.enroll:1")
    server.tolerates_errors = True
    client = server.client()
    body = {"CSR": keys.new_csr("f.example.com", ["f.example.com"]), "Template": client.server_template(),
            "CertificateAuthority": client.server_ca()}
    reply = client.command("POST", "/Certificates/Enroll", json=body)
    assert reply.status_code == 500, reply.text
    assert not re.search(r"\.c:\d|src/|flow\.enroll", reply.text)
    assert client.command("POST", "/Certificates/Enroll", json=body).status_code == 200


def test_a_graceful_stop_finishes_accepted_requests(new_server):
    server, told = new_server(), Told()
    server.start()
    failures = []

    def work(number):
        client = server.client()
        while True:
            try:
                told.enrolled(client.enroll(dns=(f"s{number}.{time.time_ns()}.example.com",)))
            except requests.ConnectionError as failed:
                # only between requests: a request that was accepted is answered
                if "Remote end closed" not in str(failed) and "refused" not in str(failed) and \
                        "reset" not in str(failed).lower() and "Max retries" not in str(failed):
                    failures.append(failed)
                return
            except AssertionError as failed:
                if "503" not in str(failed):
                    failures.append(failed)
                return
    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.7)
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 15
    for thread in threads:
        thread.join(30)
    assert not failures, failures[0]
    server.start()
    held = {row["Thumbprint"] for row in pages(server.client())}
    assert set(told.certificates) <= held
    extra = len([1 for row in pages(server.client(), 'CN -startswith "s"')]) - len(told.certificates)
    assert extra <= 4, f"{extra} certificates were made for requests that got no answer"


def test_the_kept_directory_keeps_ports_and_authority(new_server):
    for left in reversed(range(5)):
        server = new_server()
        server.ports = 0, 0  # whichever the system gives: it may give them to others while nobody is there
        first = server.start().url, server.http_url, pathlib.Path(server.ca).read_text()
        issued = server.client().enroll(dns=("kept.example.com",))
        server.stop()
        server.spawn()
        processes.wait_until(lambda: server.process.poll() is not None or server.ready_file.exists(), 60, what="the start")
        if server.process.poll() is None or not left:
            break
        assert "in use" in server.tail(), server.tail()
        server.killed = True
    server.wait_ready()
    assert first == (server.url, server.http_url, pathlib.Path(server.ca).read_text())
    assert server.client().get(f"/Certificates/{issued['KeyfactorID']}")["Thumbprint"] == issued["Thumbprint"]
    assert os.path.samefile(server.data_dir, server.data)
