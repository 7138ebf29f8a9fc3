"""Backups from the outside: made beside a server, read by Python's own tar and by zstd."""
import io
import json
import subprocess
import tarfile

import chancery


def place(server):
    """The flags by which a command finds the server's installation."""
    return ("--data-dir", str(server.data), "--db", server.database)


def create(server, directory, **more):
    """Make a backup and return what is said of it."""
    done = chancery.cli("backup", "create", *place(server), "--to", directory, "-o", "json", program=server.program, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def verify(path, *flags):
    """Exit status, and what is said."""
    done = chancery.cli("backup", "verify", path, *flags)
    return done.returncode, done.stdout + done.stderr


def members(path):
    """Name and place of the contents of each member."""
    with tarfile.open(path, "r:") as tar:
        return [(one.name, one.offset, one.offset_data, one.size) for one in tar.getmembers()]


def manifest(path):
    with tarfile.open(path, "r:") as tar:
        return json.load(tar.extractfile("manifest.json"))


def content(path, name):
    """A part, decompressed by the foreign tool."""
    with tarfile.open(path, "r:") as tar:
        packed = tar.extractfile(name + ".zst").read()
    return subprocess.run(["zstd", "-dcq"], input=packed, capture_output=True, check=True, timeout=60).stdout


def rewritten(path, change):
    """The archive anew with the members that CHANGE makes of [(TarInfo, bytes)]."""
    with tarfile.open(path, "r:") as tar:
        parts = [(one, tar.extractfile(one).read()) for one in tar.getmembers()]
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for info, data in change(parts):
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    path.write_bytes(out.getvalue())


def restore(path, server, *flags, **more):
    """Restore into the place of SERVER, which does not run; the finished process."""
    return chancery.cli("restore", "--from", path, "--to-dir", server.data, "--db", server.database, *flags,
                        program=server.program, **more)
