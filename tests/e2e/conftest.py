"""Fixtures: a server on each database, and what a test may start beside it. See docs/testing.md."""
import contextlib
import os
import pathlib
import shutil
import signal
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import acme  # noqa: E402
import answerer  # noqa: E402
import chancery  # noqa: E402
import openapi  # noqa: E402
import postgres  # noqa: E402
import programs  # noqa: E402

DATABASES = ("sqlite", "postgresql")
ROUNDS = int(os.environ.get("ROUNDS", "20"))


def pytest_configure(config):
    # whoever runs the tests in the background ignores interrupts, and what is started would inherit that
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    config.addinivalue_line("markers", "seed(*rows): the rows of the seed coverage table that this test shows")
    config.addinivalue_line("markers", "once: does not depend on the database; runs on SQLite only")
    config.addinivalue_line("markers", "database(name): runs on that database only")
    openapi.used_dir()


def pytest_generate_tests(metafunc):
    if "database" not in metafunc.fixturenames:
        return
    only = metafunc.definition.get_closest_marker("database")
    names = DATABASES
    if metafunc.definition.get_closest_marker("once"):
        names = DATABASES[:1]
    elif only:
        names = only.args
    # a worker takes one file after the other on one database, so that it rarely has to start another server to share
    file = metafunc.definition.path.stem
    metafunc.parametrize("database", [pytest.param(name, marks=pytest.mark.xdist_group(f"{name}-{file}")) for name in names],
                         scope="session")


def pytest_make_parametrize_id(val):
    """Long or binary values get short names."""
    if isinstance(val, (str, bytes)):
        text = ascii(val)
        return text[1:-1] if len(text) < 60 and isinstance(val, str) and text.isascii() else f"{text[:24]}..{len(val)}"
    return None


def pytest_collection_modifyitems(items):
    if not chancery.here():
        items[:] = []


def _is_whole(config):
    """Whether this run was asked for every test."""
    return (len(config.args) == 1 and pathlib.Path(config.args[0].rstrip("/")).name == "e2e"
            and not config.option.keyword and not config.option.markexpr)


def pytest_sessionfinish(session, exitstatus):
    """An operation that no test used fails a complete run."""
    if hasattr(session.config, "workerinput"):
        return
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and not chancery.here():
        session.exitstatus = pytest.ExitCode.OK
    if exitstatus == pytest.ExitCode.OK and _is_whole(session.config):
        session.config.chancery_unused = openapi.unused()
        if session.config.chancery_unused:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
    shutil.rmtree(openapi.used_dir(), ignore_errors=True)


def pytest_terminal_summary(terminalreporter):
    for operation in getattr(terminalreporter.config, "chancery_unused", []):
        terminalreporter.write_line(f"no test used {operation}", red=True)


@pytest.fixture(scope="session")
def _postgres():
    cluster = postgres.Postgres()
    yield cluster
    cluster.close()


@pytest.fixture
def new_database(database, request):
    """Make a fresh database of the kind under test: a function that answers its URL, or None for a file of the
    server's own."""
    return request.getfixturevalue("_postgres").new_database if database == "postgresql" else lambda: None


@pytest.fixture(scope="session")
def shared_server(database, request):
    """Start a server for all tests that share a fixture: a context, `with shared_server(...) as server`."""
    @contextlib.contextmanager
    def run(**more):
        url = request.getfixturevalue("_postgres").new_database() if database == "postgresql" else None
        one = chancery.Server(url, **more)
        try:
            yield one.start()
        finally:
            one.close()
    return run


@pytest.fixture(scope="session")
def server(shared_server):
    """The server that most tests share: one for each database, for the whole run."""
    with shared_server() as one:
        yield one


@pytest.fixture(scope="session")
def answers():
    """What challenges are looked for at: a web server and a DNS server."""
    web, dns = answerer.Web(), answerer.Dns()
    yield web, dns
    web.close()
    dns.close()


@pytest.fixture(scope="session")
def acme_settings(answers):
    """Of a server that looks for challenges there."""
    web, dns = answers
    return {"acme.validation.http_port": web.port, "acme.validation.resolvers": f"127.0.0.1:{dns.port}",
            "acme.validation.dnssec": "off", "acme.validation.allow_networks": "127.0.0.0/8",
            "acme.retry_first": "500ms", "acme.retry_for": "3s"}


@pytest.fixture(scope="session")
def acme_server(shared_server, acme_settings):
    """The server that tests of ACME orders share; accounts and names are each test's own."""
    with shared_server(settings=acme_settings) as one:
        yield one


@pytest.fixture(scope="session")
def patient_server(shared_server, acme_settings):
    """One that looks for challenges again and again: what is late is in time, however busy the machine is."""
    with shared_server(settings={**acme_settings, "acme.retry_first": "200ms", "acme.retry_for": "10m"}) as one:
        yield one


@pytest.fixture
def someone(server):
    """An ACME client without an account."""
    return acme.Client(server)


@pytest.fixture
def holder(server):
    """An ACME client with an account."""
    client = acme.Client(server)
    client.register()
    return client


@pytest.fixture
def new_server(database, new_database):
    """Make servers whose state matters to the test; each is ended with it."""
    made = []

    def make(**more):
        made.append(chancery.Server(new_database(), **more))
        return made[-1]
    yield make
    for one in made:
        one.close()


@pytest.fixture
def client(server):
    return server.client()


@pytest.fixture
def nginx(tmp_path):
    """Start nginx with a certificate: nginx(certificate_pem, key_pem) answers its URL."""
    made = []

    def make(certificate, key):
        made.append(programs.Nginx(tmp_path / f"nginx{len(made)}", certificate, key))
        return made[-1].url
    yield make
    for one in made:
        one.close()
