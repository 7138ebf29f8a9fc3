"""What the command line does when the server cannot serve it now: a server that answers as told counts the calls."""
import http.server
import json
import ssl
import threading
import time

import pytest

import chancery
import keys

pytestmark = pytest.mark.once


class Peer:
    """A TLS server that gives the answers of a list, (status, Retry-After) each, the last one for ever."""

    def __init__(self, directory):
        certificate, key = keys.self_signed("localhost", dns=["localhost"])
        self.ca, self.answers, self.calls = directory / "peer.pem", [], []
        self.ca.write_bytes(certificate.public_bytes(keys.PEM))
        (directory / "peer.key").write_text(keys.key_pem(key))
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_any(self):
                self.rfile.read(int(self.headers.get("Content-Length", "0")))
                owner.calls.append((self.command, time.monotonic()))
                status, after = owner.answers[min(len(owner.calls), len(owner.answers)) - 1]
                body = json.dumps({"Message": "as told"}).encode()
                self.send_response(status)
                if 300 < status < 400:
                    self.send_header("Location", "https://elsewhere.invalid/")
                if after is not None:
                    self.send_header("Retry-After", str(after))
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            do_GET = do_POST = do_any

            def log_message(self, *_):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca, directory / "peer.key")
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def waits(self):
        return [after[1] - before[1] for before, after in zip(self.calls, self.calls[1:])]

    def run(self, answers, *arguments, **more):
        self.answers, self.calls = answers, []
        return chancery.cli("api", *arguments, **more, env={
            "CHANCERY_SERVER": f"https://localhost:{self.server.server_address[1]}", "CHANCERY_CACERT": str(self.ca),
            "CHANCERY_TOKEN": "token"})


@pytest.fixture
def peer(tmp_path):
    one = Peer(tmp_path)
    yield one
    one.server.shutdown()
    one.server.server_close()


@pytest.mark.parametrize("answers, calls, status, least", [
    ([(503, None), (502, None), (200, None)], 3, 0, [0.5, 1]),  # each wait twice the last
    ([(429, 1), (200, None)], 2, 0, [1]),                       # the server says how long
    ([(429, 31)], 1, 11, []),                                   # too long for a script that waits
    ([(503, 31)], 1, 8, []),
    ([(500, None)], 1, 1, []),
    ([(501, None)], 1, 1, []),
    ([(401, None)], 1, 4, []),
    ([(403, None)], 1, 4, []),
    ([(404, None)], 1, 3, []),
    ([(409, None)], 1, 5, []),
])
def test_a_question_is_asked_again_when_that_may_help(database, peer, answers, calls, status, least):
    done = peer.run(answers, "GET", "/api/v1/templates")
    assert done.returncode == status, (done.returncode, done.stderr)
    assert len(peer.calls) == calls
    assert all(waited >= wanted * 0.9 for waited, wanted in zip(peer.waits(), least, strict=True)), peer.waits()


@pytest.mark.parametrize("answers, more, calls", [
    ([(503, None), (200, None)], [], 1),  # it may have been done
    ([(429, None), (200, None)], [], 2),  # it was not
    ([(503, None), (200, None)], ["--idempotency-key", "7531"], 2),
])
def test_a_change_is_asked_for_again_only_when_it_cannot_happen_twice(database, peer, answers, more, calls):
    done = peer.run(answers, "POST", "/api/v1/templates", "--input", "-", *more, input="{}")
    assert len(peer.calls) == calls and (done.returncode == 0) == (calls == 2), done.stderr


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_an_answer_that_points_elsewhere_is_no_success(peer, status):
    for method in ("GET", "POST"):
        done = peer.run([(status, None)], method, "/x")
        assert done.returncode == 8 and len(peer.calls) == 1, done
        assert str(status) in done.stderr and "https://elsewhere.invalid/" in done.stderr, done.stderr
