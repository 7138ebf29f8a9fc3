"""What the README and docs/clients tell people to type, typed."""
import os
import re
import shlex
import ssl

import pytest

import keys
import pages
import ports
import processes
import programs
from test_acme_clients import a_name, states

RENEWS = "A web server that renews by itself"


def started(new_server, code, taken):
    """A server with the settings of the page's `make run`, with ports that are free here."""
    settings = dict(re.findall(r"--set ([\w.]+)=(\S+)", shlex.split(code)[-1]))
    assert settings
    return new_server(settings={name: taken.get(value, value) for name, value in settings.items()}).start()


@pytest.mark.once
@pytest.mark.seed("S352", "S360", "S392", "S412")
def test_the_readmes_web_server_renews_by_itself(new_server, tmp_path):
    run, serve, look = pages.blocks("README.md", RENEWS)
    taken = {"8081": str(ports.take()), "8444": str(ports.take())}
    server = started(new_server, run, taken)
    before, _, last = serve.rstrip().rpartition("\n")
    assert last == "caddy run --config Caddyfile"
    pages.shell(pages.put_in(before, taken), server, tmp_path)
    caddy = processes.start(shlex.split(last), tmp_path / "log", cwd=tmp_path, env=pages.environment(server, tmp_path))
    served = set()

    def renewed():
        assert caddy.poll() is None, processes.tail(tmp_path / "log")
        if programs.curl(f"https://localhost:{taken['8444']}/", server.ca).stdout != "hello":
            return False
        served.add(keys.load(ssl.get_server_certificate(("localhost", int(taken["8444"])))).serial_number)
        return len(served) == 2
    try:
        processes.wait_until(renewed, 150, every=0.5, what="Caddy to renew")
        shown = pages.shell(pages.put_in(look, {"8444": taken["8444"]}), server, tmp_path)
    finally:
        processes.stop(caddy)
    assert shown.startswith("hello") and shown.count("localhost") >= 2, shown


DIRECTORY, ROOT, NAME, WEB = ("https://pki.example.com/acme/directory", "/etc/ssl/chancery-root.pem", "www.example.com",
                              "/var/www/html")


class Page:
    """A page of docs/clients, for a server, a name and folders of the test's own."""

    def __init__(self, name, server, answers, home):
        self.path, self.server, self.home = f"docs/clients/{name}", server, home
        self.name = a_name()
        self.reloaded = home / "reloaded"
        self.names = {DIRECTORY: server.acme_directory, ROOT: server.ca, NAME: self.name, WEB: answers[0].root,
                      "systemctl reload nginx": f"touch {self.reloaded}"}
        # certbot keeps everything in /etc and /var unless its own configuration says otherwise
        config = home / ".config" / "letsencrypt"
        config.mkdir(parents=True)
        (config / "cli.ini").write_text(f"config-dir = {home}/letsencrypt\nwork-dir = {home}/work\nlogs-dir = {home}/logs\n")

    def code(self, kind="sh", **more):
        """The page's blocks, with the test's own names in place of the page's."""
        found = pages.blocks(self.path, kind=kind)
        assert found
        for old, new in {**self.names, **more}.items():
            found = [code.replace(old, str(new)) for code in found]
        return found

    def type(self, code):
        return pages.shell(code, self.server, self.home)

    def states(self):
        return states(self.server, self.name)


@pytest.fixture
def page(acme_server, answers, tmp_path):
    return lambda name: Page(name, acme_server, answers, tmp_path)


@pytest.mark.seed("S406")
def test_the_page_of_certbot(page):
    certbot = page("certbot.md")
    first, rest = certbot.code()
    # what the users' document writes, --acme-server, is no option of certbot
    assert f"--server {certbot.server.acme_directory}" in first and "--acme-server" not in first + rest
    assert certbot.name in certbot.type(first)
    assert certbot.reloaded.exists() and certbot.states() == [1]
    certbot.type(rest)
    assert certbot.states() == [1, 2]


def test_the_page_of_lego(page, tmp_path):
    lego = page("lego.md")
    first, renew, revoke = lego.code()
    lego.type(first)
    path = tmp_path / ".lego" / "certificates" / f"{lego.name}.crt"
    before = path.read_text()
    lego.type(renew)
    assert path.read_text() == before and not lego.reloaded.exists()  # it is not due
    lego.type(renew.replace("--days 30", "--days 1000"))
    assert path.read_text() != before and lego.reloaded.exists()
    lego.type(revoke)
    assert lego.states() == [1, 2]


def own_ports(new_server, acme_settings):
    """A server that looks for challenges at ports of the test's own; those ports."""
    taken = [ports.take(), ports.take()]
    server = new_server(settings={**acme_settings, "acme.validation.http_port": taken[0], "acme.validation.tls_port": taken[1],
                                  "acme.retry_for": "10s"})
    return server.start(), taken


@pytest.mark.once
def test_the_page_of_caddy(new_server, acme_settings, answers, tmp_path):
    server, (http, https) = own_ports(new_server, acme_settings)
    caddy = Page("caddy.md", server, answers, tmp_path)
    config, = caddy.code("caddy")
    (tmp_path / "Caddyfile").write_text(config.replace(
        "{\n", f"{{\n admin off\n skip_install_trust\n default_bind 127.0.0.1\n http_port {http}\n https_port {https}\n", 1))
    validate, run = caddy.code()[0].splitlines()
    caddy.type(validate)
    process = processes.start(shlex.split(run), tmp_path / "log", cwd=tmp_path, env=pages.environment(server, tmp_path))

    def served():
        assert process.poll() is None, processes.tail(tmp_path / "log")
        return programs.curl(f"https://{caddy.name}:{https}/", server.ca, "--resolve",
                             f"{caddy.name}:{https}:127.0.0.1").stdout == "hello"
    try:
        processes.wait_until(served, 60, every=0.2, what="Caddy to serve")
    finally:
        processes.stop(process)
    assert caddy.states() == [1]


@pytest.mark.once
@pytest.mark.seed("S353")
def test_the_page_of_nginx(new_server, acme_settings, answers, tmp_path):
    server, (http, https) = own_ports(new_server, acme_settings)
    page = Page("nginx.md", server, answers, tmp_path)
    plain, secure = page.code("nginx", **{"listen 80": f"listen 127.0.0.1:{http}", "listen 443": f"listen 127.0.0.1:{https}",
                                          "/etc/letsencrypt": tmp_path / "letsencrypt"})
    folders = "\n".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    config = tmp_path / "nginx.conf"
    nginx = f"/usr/sbin/nginx -p {tmp_path} -c {config} -e {tmp_path}/error.log"

    def configure(*servers):
        config.write_text(f"user {'root' if os.geteuid() == 0 else 'nobody'}; pid {tmp_path}/pid; events {{}}\n"
                          f"http {{ access_log off; {folders}\n{''.join(servers)}}}\n")
    configure(plain)
    process = processes.start(shlex.split(nginx) + ["-g", "daemon off;"], tmp_path / "log")
    try:
        processes.wait_until((tmp_path / "pid").exists, 10, what="nginx")
        get, = page.code(**{"nginx -s reload": f"{nginx} -s reload"})
        page.type(get)
        configure(plain, secure)
        (answers[0].root / "index.html").write_text("served by nginx\n")
        page.type(f"{nginx} -s reload")

        def served():
            return programs.curl(f"https://{page.name}:{https}/", server.ca, "--resolve",
                                 f"{page.name}:{https}:127.0.0.1").stdout == "served by nginx\n"
        processes.wait_until(served, 20, every=0.2, what="nginx to serve: " + processes.tail(tmp_path / "error.log"))
    finally:
        processes.stop(process)
    assert page.states() == [1]
