#!/usr/bin/python3
"""Run test commands one after another, show what they print, and end with one line: `N passed, N failed`.

usage: count.py KIND:NAME COMMAND... [-- KIND:NAME COMMAND...]
KIND says how a command's results are read:
  meson   its unit tests, from DIR/meson-logs/testlog.json of the command's `-C DIR`
  pytest  pytest's closing line
  lines   its last line of the form `N passed, N failed`
  one     its exit status: one passed or one failed
A command that fails without a failure that it counted is one failure.
"""
import json
import pathlib
import re
import subprocess
import sys
import time


def count_cmocka(text):
    """(passed, failed) of one test program's output."""
    passed = sum(map(int, re.findall(r"\[  PASSED  \] (\d+) test", text)))
    failed = sum(map(int, re.findall(r"\[  FAILED  \] .*?: (\d+) test", text)))
    return passed, failed


def count_meson(command, _text):
    directory = command[command.index("-C") + 1]
    passed = failed = 0
    log = pathlib.Path(directory, "meson-logs/testlog.json")
    for line in log.read_text().splitlines():
        test = json.loads(line)
        good, bad = count_cmocka(test.get("stdout", "") + test.get("stderr", ""))
        well = test["result"] in ("OK", "EXPECTEDFAIL")
        passed += good or int(well)
        failed += bad or int(not well)
    return passed, failed


def count_pytest(_command, text):
    closing = [line for line in text.splitlines() if re.match(r"(=+ )?\d+ \w+.* in [\d.]+s", line)]
    numbers = dict((word, int(n)) for n, word in re.findall(r"(\d+) (\w+)", closing[-1])) if closing else {}
    return numbers.get("passed", 0), numbers.get("failed", 0) + numbers.get("error", 0) + numbers.get("errors", 0)


def count_lines(_command, text):
    found = re.findall(r"^(\d+) passed, (\d+) failed$", text, re.M)
    return tuple(map(int, found[-1])) if found else (0, 0)


def count_one(_command, _text):
    return None


COUNTS = {"meson": count_meson, "pytest": count_pytest, "lines": count_lines, "one": count_one}


def run(label, command):
    """Run one command; return (passed, failed)."""
    kind, _, name = label.partition(":")
    print(f"== {name}", flush=True)
    began = time.monotonic()
    text = []
    log = pathlib.Path(command[command.index("-C") + 1], "meson-logs/testlog.json") if kind == "meson" else None
    if log:
        log.unlink(missing_ok=True)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", stdin=subprocess.DEVNULL) as process:
        for line in process.stdout:
            text.append(line)
            sys.stdout.write(line)
            sys.stdout.flush()
    status = process.returncode
    counted = COUNTS[kind](command, "".join(text)) if not log or log.exists() else (0, 0)
    passed, failed = counted if counted is not None else (int(status == 0), int(status != 0))
    if status != 0 and failed == 0:
        failed = 1
    print(f"== {name}: {passed} passed, {failed} failed, {time.monotonic() - began:.0f} s", flush=True)
    return passed, failed


def split(arguments):
    """The commands, which stand between `--`."""
    commands = [[]]
    for argument in arguments:
        if argument == "--":
            commands.append([])
        else:
            commands[-1].append(argument)
    return commands


def main(arguments):
    passed = failed = 0
    for label, *command in split(arguments):
        good, bad = run(label, command)
        passed, failed = passed + good, failed + bad
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
