"""Programs that tests start: they end with the test, by process id, and die with the test runner."""
import ctypes
import json
import os
import pathlib
import signal
import subprocess
import time

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1


def _die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def start(command, log, **more):
    """Start COMMAND with both outputs in the file LOG."""
    with open(log, "ab") as out:
        return subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=out,
                                stderr=subprocess.STDOUT, preexec_fn=_die_with_parent, **more)


def stop(process, how=signal.SIGTERM, seconds=40):
    """Ask PROCESS to end and return its exit status; one that does not end in time is killed and reported."""
    if process.poll() is None:
        process.send_signal(how)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise AssertionError(f"process {process.args[0]} did not end within {seconds} s of {how!r}") from None


def run(command, input=None, check=False, timeout=60, **more):
    """Run COMMAND to its end; outputs are text."""
    done = subprocess.run([str(part) for part in command], input=input, text=True, capture_output=True,
                          timeout=timeout, check=False, **more)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def wait_until(question, seconds=10, every=0.02, what="the event"):
    """Ask until the answer is true; return it."""
    until = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > until:
            raise AssertionError(f"{what} did not come within {seconds} s")
        time.sleep(every)


def read_json(path):
    """The JSON object in the file, or None while there is none."""
    try:
        return json.loads(pathlib.Path(path).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def tail(path, lines=40):
    try:
        return "\n".join(pathlib.Path(path).read_text(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""


def unprivileged():
    """The user to run as, when we are root, programs that refuse to be root; else None."""
    return "nobody" if os.geteuid() == 0 else None
