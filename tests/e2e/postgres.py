"""A PostgreSQL of Debian's package in a directory of its own, reached by its Unix socket only."""
import itertools
import pathlib
import shutil
import signal
import tempfile
import time
import uuid

import psycopg2

import processes


def _program(name):
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return found[-1] if found else shutil.which(name)


class Postgres:
    """One cluster; each test server gets a database of its own."""

    _numbers = itertools.count(1)

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="chancery-pg-"))
        self.user = processes.unprivileged()
        if self.user:
            shutil.chown(self.dir, self.user)
        self.data, self.log = self.dir / "data", self.dir / "log"
        more = {"user": self.user, "group": "nogroup", "extra_groups": []} if self.user else {}
        self._more = {**more, "cwd": self.dir}
        processes.run([_program("initdb"), "-D", self.data, "-U", "chancery", "-A", "trust", "-E", "UTF8",
                       "--locale=C.UTF-8", "--no-sync"], check=True, **self._more)
        self.process = None
        self.start()

    def start(self):
        self.process = processes.start(
            [_program("postgres"), "-D", self.data, "-k", self.dir, "-c", "listen_addresses=", "-c", "fsync=off",
             "-c", "max_connections=200", "-c", "shared_buffers=64MB"], self.log, **self._more)
        processes.wait_until(self._answers, 30, what="PostgreSQL")

    def _answers(self):
        assert self.process.poll() is None, processes.tail(self.log)
        try:
            self.connect("postgres").close()
            return True
        except psycopg2.OperationalError:
            return False

    def connect(self, database):
        connection = psycopg2.connect(host=str(self.dir), user="chancery", dbname=database)
        connection.autocommit = True
        return connection

    def new_database(self):
        """Make a database and return the URL that reaches it."""
        name = f"chancery_{next(self._numbers)}_{uuid.uuid4().hex[:12]}"
        connection = self.connect("postgres")
        connection.cursor().execute(f"CREATE DATABASE {name}")
        connection.close()
        return f"postgresql://chancery@/{name}?host={self.dir}"

    def pause(self):
        """Stop it; start() brings it back."""
        processes.stop(self.process, signal.SIGINT)

    def close(self):
        if self.process.poll() is None:
            processes.stop(self.process, signal.SIGQUIT)
        for _ in range(50):
            processes.run(["rm", "-rf", self.dir], timeout=300)  # hundreds of databases: faster than from here
            if not self.dir.exists():
                return
            time.sleep(0.05)
