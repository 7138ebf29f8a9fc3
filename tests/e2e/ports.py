"""Ports for the programs that tests start. The system hands them out, and they stay bound, though nobody listens by that:
a server that was down finds its port again, and no stranger there. Whoever listens shares the address (SO_REUSEADDR)."""
import socket

_TRIES = 100
_held = {}


def _bound(kind, port=0):
    one = socket.socket(socket.AF_INET, kind)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(("127.0.0.1", port))
    except OSError:
        one.close()
        return None
    return one


def take():
    """A port that nobody else on this machine is given until it is put back or we end; it is free by UDP, too."""
    for _ in range(_TRIES):
        held = _bound(socket.SOCK_STREAM)
        port = held.getsockname()[1]
        udp = _bound(socket.SOCK_DGRAM, port)
        if udp:
            udp.close()
            _held[port] = held
            return port
        held.close()
    raise AssertionError("there is no port that is free by TCP and UDP")


def put_back(*taken):
    for port in taken:
        _held.pop(port).close()
