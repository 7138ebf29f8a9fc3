#!/usr/bin/python3
"""clang-tidy over the sources, those changed last first, two at a time, until the time is up.

usage: tidy.py BUILD SECONDS
Says how many it read; fails on any finding.
"""
import concurrent.futures
import pathlib
import subprocess
import sys
import time

# The commands were written for gcc: what clang 14 does not know, or wants spelled otherwise
EXTRA = [f"--extra-arg={flag}" for flag in (
    "-w", "-fdouble-square-bracket-attributes",
    "-enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang")]
ROOT = pathlib.Path(__file__).resolve().parent.parent


def by_age():
    """The .c files of src/, the product before its tests, the most recently committed first."""
    log = subprocess.run(["git", "log", "--format=", "--name-only", "--", "src"], cwd=ROOT, text=True,
                         capture_output=True, check=False).stdout.split()
    age = {}
    for path in log:
        age.setdefault(path, len(age))
    files = [str(path.relative_to(ROOT)) for path in (ROOT / "src").rglob("*.c")]
    return sorted(files, key=lambda path: ("/test_" in path, age.get(path, -1), path))


def tidy(build, path, until):
    if time.monotonic() > until:
        return path, None, ""
    done = subprocess.run(["clang-tidy-14", "--quiet", *EXTRA, "-p", build, path], cwd=ROOT, text=True,
                          capture_output=True, check=False)
    return path, done.returncode == 0, done.stdout


def main(build, seconds):
    until = time.monotonic() + float(seconds)
    read, bad = 0, 0
    files = by_age()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for path, well, text in pool.map(lambda path: tidy(build, path, until), files):
            read += well is not None
            if well is False:
                bad += 1
                print(f"{path}:\n{text}", flush=True)
    print(f"clang-tidy read {read} of {len(files)} files, {bad} with findings")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
