"""`enroll --from LIST`: one certificate for each row, what came of each, and going on with it."""
import csv
import io
import json
import os
import signal
import time
import uuid

import pytest

import admin
import chancery
import keys
import processes


def ok(done, status=0):
    assert done.returncode == status, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def tag():
    return f"bulk{uuid.uuid4().hex[:12]}"


def requests(directory, tag, count):
    """[(name, path)] of requests, each in a file."""
    made = []
    for i in range(count):
        name = f"h{i}.{tag}.example.com"
        path = directory / f"h{i}.csr"
        path.write_text(keys.new_csr(name, [name]))
        made.append((name, path))
    return made


def written(path):
    """The rows of a report."""
    return list(csv.DictReader(io.StringIO(path.read_text())))


def test_each_row_of_a_list_is_enrolled_with_its_own_flags(server, client, tmp_path, tag):
    field = f"Team{tag}"
    ok(server.cli("metadata", "create", field))
    made, report, out = requests(tmp_path, tag, 3), tmp_path / "report.csv", tmp_path / "out"
    out.mkdir()
    rows = [["csr", "dns", "duration", f"meta.{field}", "out"],
            [made[0][1], "", "", "a, \"b\"", ""],
            [made[1][1], f"x.{tag}.example.com,y.{tag}.example.com", "20d", "", tmp_path / "mine.pem"],
            [made[2][1], "", "", "", ""]]
    with open(tmp_path / "list.csv", "w", newline="") as file:
        file.write("\ufeff# from the inventory\r\n")
        csv.writer(file).writerows(rows)
    done = server.cli("enroll", "csr", "--from", tmp_path / "list.csv", "--template", "WebServer", "--jobs", "2", "--report", report,
                      "--out", out)
    assert ok(done) == "" and "3 issued, 0 failed" in done.stderr, done.stderr
    said = sorted(written(report), key=lambda row: int(row["line"]))
    assert [(row["line"], row["status"]) for row in said] == [("3", "issued"), ("4", "issued"), ("5", "issued")]
    assert [row[f"meta.{field}"] for row in said] == ["a, \"b\"", "", ""] and said[1]["duration"] == "20d"
    first, second = (client.get(f"/Certificates/{row['certificate']}", includeMetadata="true") for row in said[:2])
    assert first["Metadata"][field] == "a, \"b\""
    leaf = keys.load((tmp_path / "mine.pem").read_text())
    assert keys.thumbprint(leaf) == second["Thumbprint"] and 19 <= (leaf.not_valid_after - leaf.not_valid_before).days <= 20
    assert {n["Value"] for n in second["SubjectAltNameElements"]} == {f"x.{tag}.example.com", f"y.{tag}.example.com"}
    assert keys.thumbprint(keys.load((out / "h0.pem").read_text())) == first["Thumbprint"]
    assert sorted(path.name for path in out.iterdir()) == ["h0.pem", "h2.pem"]


def test_what_failed_is_told_by_row_and_tried_again_alone(server, client, tmp_path, tag):
    made, report = requests(tmp_path, tag, 3), tmp_path / "report.csv"
    (tmp_path / "bad.csr").write_text("nonsense")
    listing = tmp_path / "list.csv"
    listing.write_text("csr,template,duration\n" + "".join(f"{path},{template},{life}\n" for path, template, life in (
        (made[0][1], "WebServer", ""), (tmp_path / "bad.csr", "WebServer", ""), (made[1][1], "NoSuch", ""),
        (tmp_path / "none.csr", "WebServer", ""), (made[2][1], "WebServer", "soon"), ("", "WebServer", ""))))
    done = server.cli("enroll", "csr", "--from", listing, "--report", report)
    ok(done, 7)
    said = {int(row["line"]): row for row in written(report)}
    assert said[2]["status"] == "issued" and {said[line]["status"] for line in range(3, 8)} == {"failed"}
    for line, word in ((3, "PKCS#10|PEM|CSR|base64"), (4, "NoSuch"), (5, "none.csr"), (6, '--duration: "soon"'), (7, "csr")):
        assert any(one in said[line]["error"] for one in word.split("|")), said[line]
        assert f"list.csv:{line}: " in done.stderr and said[line]["code"].startswith("CHY-"), (said[line], done.stderr)
    assert "1 issued, 5 failed" in done.stderr and f"--resume {report}" in done.stderr
    # what can be mended without a change of the list is mended; the rest stays as it is
    (tmp_path / "bad.csr").write_text(keys.new_csr(f"late.{tag}.example.com", [f"late.{tag}.example.com"]))
    done = server.cli("enroll", "csr", "--from", listing, "--report", report)
    assert done.returncode == 5 and "--resume" in done.stderr, done.stderr  # a report is not written over
    done = server.cli("enroll", "csr", "--from", listing, "--resume", report)
    ok(done, 7)
    assert "1 of 6 are done already" in done.stderr and "2 issued, 4 failed" in done.stderr, done.stderr
    again = {int(row["line"]): row for row in written(report)}
    assert len(again) == 6 and again[2] == said[2] and again[3]["status"] == "issued"
    assert client.total(f'CN -contains "{tag}"') == 2
    # a line that goes, one that comes, and one that is there twice
    listing.write_text(f"csr,template,duration\n{made[1][1]},WebServer,\n{tmp_path / 'bad.csr'},WebServer,\n{tmp_path / 'bad.csr'},WebServer,\n")
    done = server.cli("enroll", "csr", "--from", listing, "--resume", report)
    ok(done)
    assert client.total(f'CN -contains "{tag}"') == 4  # twins are two rows, and one of them was done
    last = written(report)
    assert [row["csr"] for row in last].count(str(made[0][1])) == 1  # is remembered
    assert [row["status"] for row in last if row["csr"] == str(made[1][1])] == ["issued"]


def test_rows_come_as_any_form_of_output_and_pending_is_no_failure(server, tmp_path, tag):
    template = admin.template(server, policy={"requires_approval": True})
    made = requests(tmp_path, tag, 2)
    (tmp_path / "list").write_text("# paths\n" + "\n".join(str(path) for _, path in made) + "\n")
    done = server.cli("enroll", "csr", "--from", tmp_path / "list", "--template", template, "-o", "json")
    rows = json.loads(ok(done, 6))
    assert [(row["line"], row["status"], row["certificate"]) for row in rows] == [(2, "pending", None), (3, "pending", None)]
    assert all(row["request"] > 0 for row in rows)
    plan = server.cli("enroll", "csr", "--from", tmp_path / "list", "--template", "WebServer", "--dry-run", "-o", "csv")
    assert ok(plan).count("planned") == 2 and "2 would be issued" in plan.stderr
    assert server.client().total(f'CN -contains "{tag}"') == 0


def test_keys_of_the_servers_for_a_list(server, tmp_path, tag):
    out, report = tmp_path / "keys", tmp_path / "r.csv"
    out.mkdir()
    (tmp_path / "pw").write_text("secret-of-all")
    (tmp_path / "list.csv").write_text(f'cn,dns,key-type,as\nweb.{tag}.example.com,web.{tag}.example.com,ec:p256,\n'
                                       f'jks.{tag}.example.com,"jks.{tag}.example.com, two.{tag}.example.com",,jks\n')
    done = server.cli("enroll", "pfx", "--from", tmp_path / "list.csv", "--password-file", tmp_path / "pw", "--template", "WebServer",
                      "--out", out, "--report", report, "--jobs", "2")
    ok(done)
    assert {path.name for path in out.iterdir()} == {f"web.{tag}.example.com.pfx", f"jks.{tag}.example.com.jks"}
    assert all(path.stat().st_mode & 0o77 == 0 for path in out.iterdir())
    assert "secret-of-all" not in report.read_text()
    done = server.cli("enroll", "pfx", "--from", tmp_path / "list.csv", "--template", "WebServer", "--out", out)
    assert done.returncode == 2 and "--password-file" in done.stderr


@pytest.mark.once
@pytest.mark.parametrize("text, words", [
    ("csr,tmplate\na.csr,x\n", [":1:", "tmplate", "template"]), ("csr,dns\na.csr\nb.csr,x,y\n", [":2: 1 cells", ":3: 3 cells"]),
    ('csr,dns\n"a.csr,x\n', [":2:", "does not end"]), ('csr,dns\n"a"b,x\n', [":2:", "behind the end"]), ("", ["no rows"]), ("# x\n\n", ["no rows"]),
    ("csr,out\na.csr,x.pem\nb.csr,x.pem\n", [":3:", "x.pem", "line 2"]),
])
def test_a_malformed_list_is_refused_before_anything_is_asked(server, tmp_path, text, words):
    (tmp_path / "list.csv").write_text(text)
    done = server.cli("enroll", "csr", "--from", tmp_path / "list.csv", "--report", tmp_path / "r")
    assert done.returncode == 2 and all(word in done.stderr for word in words), done.stderr
    assert not (tmp_path / "r").exists()


@pytest.mark.once
def test_what_cannot_go_well_is_refused_at_once(server, tmp_path):
    (tmp_path / "list.csv").write_text("csr\na.csr\n")
    (tmp_path / "list.bin").write_bytes(b"csr\n\xff\xfe\n")
    (tmp_path / "other").write_text("line,status,certificate,request,code,error,dns\n")
    for flags, word in ((["--out", tmp_path / "none"], "directory"), (["--jobs", "1000"], "--jobs"), (["x.csr"], "which"),
                        (["--resume", tmp_path / "list.csv"], "no report"), (["--resume", tmp_path / "other"], "other columns"),
                        (["--report", "/nonexistent/r"], "cannot write")):
        done = server.cli("enroll", "csr", "--from", tmp_path / "list.csv", *flags)
        assert done.returncode == 2 and word in done.stderr, (flags, done.stderr)
    assert server.cli("enroll", "csr", "--from", tmp_path / "list.bin").returncode == 2
    assert server.cli("enroll", "csr").returncode == 2
    # nobody there: the rest is not tried
    (tmp_path / "many.csv").write_text("csr\n" + "".join(f"{path}\n" for _, path in requests(tmp_path, "away", 3)))
    done = chancery.cli("enroll", "csr", "--from", tmp_path / "many.csv", "--template", "WebServer", "-o", "json",
                        env={"CHANCERY_SERVER": "https://127.0.0.1:1", "CHANCERY_TOKEN": "x"})
    rows = json.loads(ok(done, 8))
    assert [row["status"] for row in rows] == ["failed", "not tried", "not tried"]


def test_an_interrupted_list_goes_on_where_it_stopped(server, client, tmp_path, tag):
    made, report = requests(tmp_path, tag, 40), tmp_path / "report.csv"
    (tmp_path / "list.csv").write_text("csr\n" + "".join(f"{path}\n" for _, path in made))
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8", **server.cli_env()}
    arguments = ["enroll", "csr", "--from", tmp_path / "list.csv", "--template", "WebServer"]
    log = tmp_path / "log"
    process = processes.start([server.program, *arguments, "--report", report, "--jobs", "2"], log, env=env)
    try:
        processes.wait_until(lambda: report.exists() and len(report.read_text().splitlines()) > 4, 20, 0.01, what="some rows")
        process.send_signal(signal.SIGINT)
        status = process.wait(20)
    finally:
        if process.poll() is None:
            process.kill()
    done = len(written(report))
    assert status in (130, 0) and client.total(f'CN -contains "{tag}"') == done, log.read_text()
    if status == 130:
        assert done < 40 and "--resume" in log.read_text()
    # killed: what a worker was doing ends, and nothing is left running
    process = processes.start([server.program, *arguments, "--resume", report], log, env=env)
    try:
        processes.wait_until(lambda: len(report.read_text().splitlines()) > min(done + 3, 40), 20, 0.01, what="more rows")
    finally:
        process.kill()
        process.wait(10)
    time.sleep(0.5)
    ok(server.cli(*arguments, "--resume", report, "--jobs", "4"))
    rows = written(report)
    assert {row["status"] for row in rows} == {"issued"} and len({row["csr"] for row in rows}) == len(rows) == 40
    assert 40 <= client.total(f'CN -contains "{tag}"') <= 41  # the row that was being done when it was killed
