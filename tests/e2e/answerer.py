"""Whoever answers challenges: a web server and a DNS server on loopback that say what a test tells them."""
import http.server
import pathlib
import shutil
import socket
import socketserver
import struct
import tempfile
import threading

A, CNAME, TXT, AAAA, CAA = 1, 5, 16, 28, 257


class Web:
    """http-01: paths are answered with what .files has for them, or a file below .root; else 404. Those in .gates wait
    for an event of theirs."""

    def __init__(self):
        self.files, self.gates = {}, {}
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="chancery-web-"))
        self.tokens = self.root / ".well-known" / "acme-challenge"
        self.tokens.mkdir(parents=True)
        self.root.chmod(0o755)
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                token = self.path.rsplit("/", 1)[-1]
                body = web.files.get(token)
                if token in web.gates:
                    web.gates[token].wait(30)
                if body is None and token and (web.tokens / token).is_file():
                    body = (web.tokens / token).read_text()
                self.send_response(404 if body is None else 200)
                body = (body or "nothing").encode()
                self.send_header("Content-Length", str(len(body)))
                try:
                    self.end_headers()
                    self.wfile.write(body)
                except ConnectionError:  # who asked has not waited
                    pass

            def log_message(self, *arguments):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        shutil.rmtree(self.root, ignore_errors=True)


class Dns:
    """Every name is at 127.0.0.1, but those in .absent; .texts has the TXT records of names, .caa who may certify them as
    (flags, tag, value). Questions (name, type) in .failing are answered by SERVFAIL."""

    def __init__(self):
        self.texts, self.caa, self.absent, self.failing, self.asked = {}, {}, set(), set(), []
        dns = self

        class Udp(socketserver.BaseRequestHandler):
            def handle(self):
                data, sock = self.request
                sock.sendto(dns.answer(data), self.client_address)

        class Tcp(socketserver.BaseRequestHandler):
            def handle(self):
                size = self.request.recv(2)
                if len(size) == 2:
                    reply = dns.answer(self.request.recv(struct.unpack(">H", size)[0]))
                    self.request.sendall(struct.pack(">H", len(reply)) + reply)
        self.servers = []
        for _ in range(20):
            udp = socketserver.ThreadingUDPServer(("127.0.0.1", 0), Udp)
            try:
                tcp = socketserver.ThreadingTCPServer(udp.server_address, Tcp)
            except OSError:  # that port is taken for TCP
                udp.server_close()
                continue
            self.servers = [udp, tcp]
            break
        self.port = self.servers[0].server_address[1]
        for server in self.servers:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, daemon=True).start()

    def answer(self, data):
        at, labels = 12, []
        while data[at]:
            labels.append(data[at + 1:at + 1 + data[at]].decode().lower())
            at += 1 + data[at]
        kind = struct.unpack(">H", data[at + 1:at + 3])[0]
        question, name = data[12:at + 5], ".".join(labels)
        self.asked.append((name, kind))
        records = []
        if name not in self.absent:
            if kind == A:
                records = [socket.inet_aton("127.0.0.1")]
            elif kind == TXT:
                records = [bytes([len(text)]) + text.encode() for text in self.texts.get(name, ())]
            elif kind == CAA:
                records = [bytes([flags, len(tag)]) + (tag + value).encode() for flags, tag, value in self.caa.get(name, ())]
        code = 2 if (name, kind) in self.failing else 3 if name in self.absent else 0
        body = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 0, len(record)) + record for record in records)
        return data[:2] + struct.pack(">HHHHH", 0x8580 | code, 1, len(records), 0, 0) + question + body

    def close(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()
