"""Ports for the programs that tests start. One that the system chooses may be given away while its program is down: a
server that starts again would find a stranger there. These are none that the system gives to anybody."""
import pathlib
import random
import socket

_RANGE = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")
_FEWEST = 4000
_held = {}


def _ours():
    """Where the system hands out nothing: below its range, or above it."""
    low, high = map(int, _RANGE.read_text().split())
    return range(10240, low) if low - 10240 >= _FEWEST else range(high + 1, 65536)


def _is_free(port):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("", port))
            except OSError:
                return False
    return True


def take():
    """A port that no other test, of whatever run on this machine, is given until it is put back or we end."""
    for port in random.sample(_ours(), 1000):
        lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            lock.bind(f"\0chancery-test-port-{port}")  # a name without a file: it goes with who holds it
        except OSError:
            lock.close()
            continue
        if _is_free(port):
            _held[port] = lock
            return port
        lock.close()
    raise AssertionError("there is no free port")


def put_back(*taken):
    for port in taken:
        _held.pop(port).close()
