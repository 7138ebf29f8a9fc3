"""Servers on one PostgreSQL whose clocks differ: the one that is wrong takes no jobs, says so, and still answers."""
import re
import shutil
import time

import pytest

import admin
import chancery
import processes
from test_doctor import doctor, failures
from test_operations import metrics, series


def component(server, name):
    health = server.client().rest("GET", "/health").json()
    return next(one for one in health["components"] if one["name"] == name)


def apart(server):
    return series(metrics(server).text)["chancery_clock_apart_seconds"]


@pytest.fixture
def pair(_postgres):
    """One server that is right, and the makings of another on the same database with the same keys."""
    url = _postgres.new_database()
    first = chancery.Server(url, program=chancery.FAULTS).start()
    first.stop()
    second = chancery.Server(url, program=chancery.FAULTS)
    shutil.copytree(first.data, second.data)
    for kept in second.data.glob("*.address"):
        kept.unlink()
    first.start()
    yield first, second
    for one in (second, first):
        one.tolerates_errors = True
        one.close()


@chancery.needs_faults
@pytest.mark.once
@pytest.mark.parametrize("wrong_s", [-600, 600, -7200])
def test_a_server_whose_clock_differs_from_the_databases_takes_no_jobs(pair, wrong_s):
    first, second = pair
    second.env["CHANCERY_CLOCK_WRONG_MS"] = str(wrong_s * 1000)
    second.spawn()
    second.wait_ready(30)
    second.tolerates_errors = True
    [[begun]] = admin.sql(first, "SELECT COALESCE(MAX(id), 0) FROM job")
    assert first.client().enroll(dns=("right.example.com",))
    assert second.client().get("/Certificates"), "it answers"
    leaf = second.client().enroll(dns=("late.example.com",))
    second.client().revoke(leaf["KeyfactorID"], 4)
    time.sleep(5)  # what would be a storm
    [[ended]] = admin.sql(first, "SELECT MAX(id) FROM job")
    assert ended - begun < 40, f"{ended - begun} jobs in five seconds"
    instance = second.client().rest("GET", "/health").json()["instance"]
    [[done]] = admin.sql(first, f"SELECT COUNT(*) FROM attempt WHERE instance = '{instance}'")
    assert done == 0, "the one that is wrong took jobs"
    said = [line["msg"] for line in second.lines() if line["level"] == "error"]
    way = "ahead of" if wrong_s > 0 else "behind"
    told = [re.search(rf"this server's clock is (\d+) s {way} the database's", one) for one in said]
    assert [abs(int(one[1]) - abs(wrong_s)) <= 1 for one in told if one] == [True], said
    assert not [line for line in first.lines() if line["level"] in ("error", "warn") and "job" in line["msg"]]
    found = component(second, "jobs")
    assert found["state"] == "degraded" and way in found["detail"], found
    assert component(first, "jobs")["state"] == "ok"
    assert abs(apart(second) - wrong_s) < 2
    assert abs(apart(first)) < 1
    status, found = doctor(second, env={"CHANCERY_CLOCK_WRONG_MS": str(wrong_s * 1000)})
    assert status == 12 and any(one["check"] == "clock" and way in one["text"] for one in failures(found)), found
    assert not [one for one in failures(doctor(first)[1]) if "the database's" in one["text"]]


@chancery.needs_faults
@pytest.mark.once
def test_some_seconds_are_borne(pair):
    first, second = pair
    second.env["CHANCERY_CLOCK_WRONG_MS"] = "-8000"
    second.spawn()
    second.wait_ready(30)
    assert component(second, "jobs")["state"] == "ok"
    assert processes.wait_until(lambda: admin.sql(first, "SELECT COUNT(*) FROM instance")[0][0] >= 3, 10, what="both")
