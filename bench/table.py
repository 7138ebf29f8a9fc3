#!/usr/bin/env python3
"""usage: table.py RESULTS

Prints what bench/run.sh measured as tables, medians of the rounds, with each goal and whether it is met.
RESULTS has a line "key TAB value" for each measurement."""
import collections
import operator
import statistics
import sys

TESTS = {">=": operator.ge, "<=": operator.le, "<": operator.lt}
ROWS = [  # key, what, unit, goal
    ("enroll.rate", "enrollment, 64 clients, rate", "/s", (">=", 3000)),
    ("enroll.cpu", "enrollment, server CPU", "us", None),
    ("enroll.floor", "enrollment, counted floor", "us", None),
    ("enroll.ratio", "enrollment, CPU / floor", "", ("<=", 1.6)),
    ("enroll.p50", "enrollment, latency p50", "ms", None),
    ("enroll.p99", "enrollment, latency p99", "ms", None),
    ("ocsp.first.rate", "OCSP, first answers, rate", "/s", (">=", 8000)),
    ("ocsp.post.rate", "OCSP by POST, rate", "/s", None),
    ("ocsp.post.cpu", "OCSP by POST, server CPU", "us", None),
    ("ocsp.post.share", "OCSP by POST, share of a bare program's rate", "%", (">=", 80)),
    ("ocsp.post.times", "OCSP by POST, CPU / bare program's", "", None),
    ("ocsp.post.cfssl.cpu", "OCSP by POST, cfssl's CPU", "us", None),
    ("ocsp.post.cfssl.share", "OCSP by POST, CPU / cfssl's", "", ("<=", 0.5)),
    ("ocsp.get.rate", "OCSP by GET, rate", "/s", None),
    ("ocsp.get.cpu", "OCSP by GET, server CPU", "us", None),
    ("ocsp.get.share", "OCSP by GET, share of a bare program's rate", "%", (">=", 80)),
    ("ocsp.get.times", "OCSP by GET, CPU / bare program's", "", None),
    ("ocsp.get.cfssl.share", "OCSP by GET, CPU / cfssl's by POST", "", ("<=", 0.5)),
    ("der.p256", "DER entry into the register, P-256, one core", "/s", (">=", 200000)),
    ("der.rsa", "DER entry into the register, RSA-2048, one core", "/s", (">=", 200000)),
    ("start.first", "start to first answer, first run", "ms", ("<", 300)),
    ("start.first.cpu", "  the CPU time of that", "ms", None),
    ("start.kept", "start to first answer, data kept", "ms", ("<", 300)),
    ("start.kept.cpu", "  the CPU time of that", "ms", None),
    ("idle.rss", "idle server, 1,000 enrollments and 100 logins", "MiB", ("<", 64)),
    ("idle.tls", "idle TLS connection", "KiB", ("<", 60)),
    ("import/empty/rate", "import into an empty register, rate", "/s", (">=", 8000)),
    ("import/empty/CPU", "import into an empty register, server CPU", "us", None),
    ("import/empty/an enrollment beside it, p99", "  an enrollment beside it, p99", "ms", ("<=", 50)),
    ("import/full/rate", "import into a full register, rate", "/s", (">=", 3000)),
    ("import/full/CPU", "import into a full register, server CPU", "us", None),
    ("import/full/an enrollment beside it, p99", "  an enrollment beside it, p99", "ms", ("<=", 50)),
    ("hsm.file", "enrollment, key in a file, server CPU", "us", None),
    ("hsm.pkcs11", "enrollment, key on a token, server CPU", "us", None),
    ("hsm.share", "  more than in a file", "%", ("<=", 30)),
    ("acme/ours/rate", "ACME, newOrder to certificate, 64 clients, rate", "/s", (">=", 800)),
    ("acme/ours/cpu", "ACME, server CPU", "us", None),
    ("acme/ours/floor", "ACME, counted floor", "us", None),
    ("acme/ours/ratio", "ACME, CPU / floor", "", ("<=", 2)),
    ("acme/pebble/cpu", "ACME, Pebble's CPU (in memory, 4 clients)", "us", None),
    ("acme/pebble/times", "ACME, Pebble's CPU / ours", "", (">=", 2)),
    ("acme/step-ca/rate", "ACME, step-ca's rate", "/s", None),
    ("acme/step-ca/cpu", "ACME, step-ca's CPU", "us", None),
    ("acme/step-ca/times", "ACME, step-ca's CPU / ours", "", (">=", 3.5)),
    ("acme/flight/seconds", "ACME, 1,000 orders in flight, until the last", "s", ("<=", 30)),
    ("acme/flight/rss", "  peak resident", "MiB", ("<", 200)),
    ("acme/flight/p95.finalize", "  finalize, p95", "ms", None),
    ("acme/flight/p95.validation", "  challenge to ready, p95", "ms", None),
    ("acme/long/growth", "ACME, CPU after many / that of the first 1,000", "", ("<=", 1.25)),
    ("acme/ours/p95.finalize", "ACME, 64 clients, finalize, p95", "ms", ("<", 200)),
    ("acme/ours/p95.validation", "ACME, 64 clients, challenge to ready, p95", "ms", ("<", 1000)),
]
BY_CLOCK = {"enroll.rate", "acme/ours/rate", "import/empty/rate", "import/full/rate", "ocsp.first.rate", "ocsp.post.share", "ocsp.get.share", "start.first", "start.kept"}
BUSY = 1.5  # load average without us
OURS, FORMS = "chancery-sqlite", ("chancery-sqlite", "chancery-postgresql")


def number(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def row(what, value, unit="", goal=None, doubt=""):
    verdict = ""
    if goal:
        verdict = f"{goal[0]} {goal[1]:g}".ljust(12) + ("met" if TESTS[goal[0]](value, goal[1]) else "NOT MET") + doubt
    print(f"{what:<50}{number(value):>10} {unit:<4} {verdict}".rstrip())


def sign_tables(medians):
    """The servers side by side, and what theirs costs beside ours."""
    cells = {tuple(key.split("/")[1:]): value for key, value in medians.items() if key.startswith("sign/")}
    if not cells:
        return
    servers = list(dict.fromkeys(name for name, _, _ in cells))
    clients = sorted({int(count) for _, count, _ in cells})
    for what, title in (("rate", "signs a second"), ("cpu", "server CPU for each, us"),
                        ("db", "database CPU for each, us")):
        print(f"\n{title:<26}" + "".join(f"{f'{count} clients':>12}" for count in clients))
        for name in servers:
            values = [cells[name, str(count), what] for count in clients]
            if any(values):
                print(f"{name:<26}" + "".join(f"{number(value):>12}" for value in values))
    print(f"\n{'their CPU / ours (SQLite)':<26}" + "".join(f"{f'{count} clients':>12}" for count in clients))
    for name in servers:
        if name not in FORMS:
            values = [cells[name, str(count), "cpu"] / cells[OURS, str(count), "cpu"] for count in clients]
            print(f"{name:<26}" + "".join(f"{number(value):>12}" for value in values))

    def best(names, *what):
        return min(sum(cells[name, str(count), one] for one in what) for name in names for count in clients)
    print("\nthe least CPU of any form with any number of clients, theirs / ours")
    for peer in dict.fromkeys(name.rsplit("-", 1)[0] for name in servers if name not in FORMS):
        forms = [name for name in servers if name.startswith(peer + "-")]
        row(f"{peer}, its own files, to ours on SQLite",
            best([n for n in forms if "postgresql" not in n], "cpu") / best([OURS], "cpu"), "", (">=", 2))
        theirs = [n for n in forms if "postgresql" in n]
        row(f"{peer} on PostgreSQL, to ours on SQLite", best(theirs, "cpu") / best([OURS], "cpu"), "", (">=", 3))
        if FORMS[1] in servers:
            row(f"{peer} on PostgreSQL, to ours on PostgreSQL",
                best(theirs, "cpu") / best(FORMS[1:], "cpu"))
            row("  with the database's CPU on both sides",
                best(theirs, "cpu", "db") / best(FORMS[1:], "cpu", "db"))


def main(path):
    values = collections.defaultdict(list)
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            key, value = line.rstrip("\n").split("\t")
            values[key].append(float(value))
    medians = {key: statistics.median(all_of) for key, all_of in values.items()}
    if "ocsp.get.cpu" in medians and "ocsp.post.cfssl.cpu" in medians:
        medians["ocsp.get.cfssl.share"] = medians["ocsp.get.cpu"] / medians["ocsp.post.cfssl.cpu"]
    if "hsm.file" in medians and "hsm.pkcs11" in medians:
        medians["hsm.share"] = (medians["hsm.pkcs11"] / medians["hsm.file"] - 1) * 100
    for peer in ("pebble", "step-ca"):
        if {f"acme/{peer}/cpu", "acme/ours/cpu"} <= medians.keys():
            medians[f"acme/{peer}/times"] = medians[f"acme/{peer}/cpu"] / medians["acme/ours/cpu"]
    busy = medians.get("load", 0) > BUSY
    if busy:
        print(f"THE MACHINE WAS BUSY (load {medians['load']:g}): what depends on the clock is marked with a '?'\n")
    print(f"{'medians':<50}{'':>15} goal")
    for key, what, unit, goal in ROWS:
        if key in medians:
            row(what, medians[key], unit, goal, " ?" if busy and key in BY_CLOCK else "")
    for prefix, title in (("enroll.step.", "an enrollment's"), ("acme/ours/step.", "an ACME issuance's")):
        steps = [key for key in medians if key.startswith(prefix)]
        if steps:
            print(f"\n{title} server CPU by step")
        for key in steps:
            row("  " + key[len(prefix):], medians[key], "us")
    sign_tables(medians)


if __name__ == "__main__":
    main(sys.argv[1])
