"""The master key wrapped by a key on a token: made there, missed while the token is away, moved, backed up, restored."""
import json
import os
import threading
import time

import pytest

import backups
import chancery
import hsm
import processes
import programs


@pytest.fixture
def token(tmp_path):
    return hsm.Token(tmp_path / "hsm")


def sets(settings):
    """Settings as flags."""
    return [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]


def wrapped_by(token, name="master"):
    return {**token.settings, "seal.master_key": token.uri(name)}


def cli(server, token, *arguments, **more):
    done = chancery.cli(*arguments, program=server.program, env=token.env, **more)
    assert hsm.PIN not in done.stdout + done.stderr
    return done


def doctors_word(server, token, settings):
    """What doctor says of the master key: its state and text."""
    done = cli(server, token, "doctor", *backups.place(server), "--set", "listen.https=127.0.0.1:0", *sets(settings), "-o", "json")
    found = [one for one in json.loads(done.stdout) if one["check"] == "master key"]
    assert len(found) == 1
    return found[0]["state"], found[0]["text"]


def does_not_start(server, seconds=20):
    """What a server says that ends instead of starting."""
    server.tolerates_errors = True
    server.spawn()
    begun = time.monotonic()
    processes.wait_until(lambda: server.process.poll() is not None, seconds, 0.05, "the end of the server")
    assert server.process.returncode != 0
    server.stopped = True
    text = server.tail()
    assert hsm.PIN not in text
    return text, time.monotonic() - begun


@pytest.mark.seed("S167")
def test_the_first_start_wraps_the_master_key_by_a_key_on_the_token(new_server, new_database, database, token,
                                                                        tmp_path):
    settings = wrapped_by(token)
    server = new_server(env=token.env, settings=settings).start()
    before = server.client().enroll(dns=("before.example.com",))
    file = server.data / "master.wrapped"
    assert file.stat().st_mode & 0o777 == 0o600 and file.read_text().startswith("-----BEGIN CHANCERY WRAPPED MASTER KEY-----")
    assert not (server.data / "master.key").exists()
    listed = token.tool("--list-objects", "--type", "secrkey")
    assert "AES length 32" in listed and "label:      master" in listed and "never extractable" in listed, listed
    assert list((server.data / "keys").glob("*.key"))  # the authorities' keys are in files, sealed under it
    state, text = doctors_word(server, token, settings)
    assert state == "ok" and text.endswith(f"opens what is sealed; it is wrapped by {token.uri('master')}"), text
    shown = cli(server, token, "config", "show", *sets(settings))
    assert shown.returncode == 0 and token.uri("master") in shown.stdout
    assert server.reload()
    path = json.loads(cli(server, token, "backup", "create", *backups.place(server), *sets(settings), "--to", tmp_path,
                          "-o", "json").stdout)["path"]
    drill = cli(server, token, "backup", "verify", path, *backups.place(server), *sets(settings), "--drill", "--restore-to",
                tmp_path, *(() if database == "sqlite" else ("--drill-db", new_database())))
    assert drill.returncode == 0, drill.stdout + drill.stderr

    server.stop()
    token.remove()
    text, took = does_not_start(server)
    assert "seal.master_key" in text and "the token ca is not there" in text, text
    state, text = doctors_word(server, token, settings)
    assert state == "fail" and "seal.master_key" in text and "is not there" in text, text
    token.put_back()
    server.start()
    server.client().get(f"/Certificates/{before['KeyfactorID']}")
    server.client().enroll(dns=("after.example.com",))
    assert hsm.PIN not in server.log.read_text()
    server.stop()

    # an empty machine with the same token: the wrapped file is what it wants besides
    elsewhere = chancery.Server(new_database(), env=token.env, settings=settings)
    try:
        elsewhere.data.mkdir(mode=0o700)
        lacking = backups.restore(path, elsewhere, *sets(settings), env=token.env)
        assert lacking.returncode != 0 and "there is no file" in lacking.stderr and "seal.master_key" in lacking.stderr
        assert os.listdir(elsewhere.data) == []
        done = backups.restore(path, elsewhere, "--master-key", file, *sets(settings), env=token.env)
        assert done.returncode == 0, done.stdout + done.stderr
        assert (elsewhere.data / "master.wrapped").read_text() == file.read_text()
        elsewhere.start()
        elsewhere.client().enroll(dns=("elsewhere.example.com",))
    finally:
        elsewhere.close()


def test_the_master_key_moves_to_a_token_and_back(new_server, token, tmp_path):
    server = new_server(env=token.env).start()
    kept = server.client().enroll(dns=("kept.example.com",))
    server.stop()
    plain = server.data / "master.key"
    content, data_dir = plain.read_bytes(), f"data_dir={server.data}"

    def move(to, settings):
        done = cli(server, token, "config", "move-master-key", to, "--set", data_dir, *sets(settings))
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    said = move(token.uri("master"), token.settings)
    assert f"master_key: {token.uri('master')}" in said and str(plain) in said, said
    plain.unlink()
    server.settings.update(wrapped_by(token))
    server.start()
    assert programs.Judged(tmp_path, server.client().enroll(dns=("token.example.com",))["Certificates"]).by_ocsp() == "good"
    server.stop()

    move(token.uri("next"), wrapped_by(token))  # another key that wraps
    text, _ = does_not_start(server)
    assert "another key wrapped it" in text, text
    server.settings.update(wrapped_by(token, "next"))
    server.start()
    server.stop()

    back = tmp_path / "master.key"
    move(f"file:{back}", wrapped_by(token, "next"))
    assert back.read_bytes() == content and back.stat().st_mode & 0o777 == 0o600
    again = cli(server, token, "config", "move-master-key", f"file:{back}", "--set", data_dir, *sets(wrapped_by(token, "next")))
    assert again.returncode != 0 and str(back) in again.stderr
    for name in wrapped_by(token):
        del server.settings[name]
    server.settings["seal.master_key"] = f"file:{back}"
    server.start()
    server.client().get(f"/Certificates/{kept['KeyfactorID']}")
    server.client().enroll(dns=("back.example.com",))


@pytest.mark.once
def test_of_two_moves_at_once_each_that_says_so_is_where_the_key_is(new_server, token):
    server = new_server(env=token.env).start()
    server.stop()
    names, ended = [f"at-once-{n}" for n in range(4)], {}

    def move(name):
        ended[name] = cli(server, token, "config", "move-master-key", token.uri(name), "--set", f"data_dir={server.data}",
                          *sets(token.settings))
    threads = [threading.Thread(target=move, args=(name,)) for name in names]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    done = [name for name in names if ended[name].returncode == 0]
    assert done and all("being moved by somebody else" in ended[name].stderr for name in names if name not in done), ended
    if len(done) == 1:  # else they came one after the other, and the last one holds
        assert doctors_word(server, token, wrapped_by(token, done[0]))[0] == "ok"
    assert [name for name in done if doctors_word(server, token, wrapped_by(token, name))[0] == "ok"], ended


def begun(server, times=5):
    """The server is ready. While two programs write to one token SoftHSM may say that it is not there: then the server ends,
    and whoever looks after services begins it again."""
    for _ in range(times):
        try:
            return server.wait_ready()
        except AssertionError:
            if server.process.poll() is None or "the token ca is not there" not in server.tail():
                raise
            server.tolerates_errors = True
            server.spawn()
    return server.wait_ready()


@pytest.mark.once
def test_first_runs_at_once_that_name_one_key_start_and_start_again(new_server, tmp_path):
    """However many keys of that name came of it: each file opens by the one that wrapped it."""
    for turn in range(3):
        token = hsm.Token(tmp_path / f"hsm{turn}")
        servers = [new_server(env=token.env, settings=wrapped_by(token, "shared")) for _ in range(2)]
        for server in servers:
            server.spawn()
        for server in servers:
            begun(server)
        listed = token.tool("--list-objects", "--type", "secrkey")
        assert listed.count("label:      shared") == listed.count("  ID: ") >= 1, listed
        for server in servers:
            server.stop()
            server.start()
            server.stop()
            assert doctors_word(server, token, wrapped_by(token, "shared"))[0] == "ok"


@pytest.mark.once
def test_a_key_that_somebody_else_makes_of_the_same_name_stops_nobody(new_server, token):
    server = new_server(env=token.env, settings=wrapped_by(token)).start()
    server.stop()
    token.tool("--keygen", "--key-type", "AES:32", "--label", "master", "--id", "00")
    assert token.tool("--list-objects", "--type", "secrkey").count("label:      master") == 2
    server.start()
    server.stop()
    token.tool("--delete-object", "--type", "secrkey", "--id", "00")
    server.start()


@pytest.mark.once
def test_a_module_that_hangs_ends_the_start_in_time(new_server, token):
    token.with_shim()
    server = new_server(env=token.env, settings={**wrapped_by(token), "hsm.timeout": "1s"}).start()
    server.stop()
    token.order("hang")
    text, took = does_not_start(server)
    assert "seal.master_key" in text and "did not answer within 1000 ms" in text and took < 15, text
    token.order("hang", on=False)
    server.start()


@pytest.mark.once
def test_a_setting_that_names_no_key_on_a_token_is_refused_and_shows_no_pin(token):
    for uri, says in ((f"pkcs11:token=ca;object=m?pin-value={hsm.PIN}", "a PIN does not belong into it"),
                      ("pkcs11:object=m", "it names no token"),
                      ("pkcs11:token=ca", "it names no key"),
                      ("pkcs11:token=ca;object=m;type=private", "type=secret-key"),
                      ("pkcs11:token=ca;object=m?module-path=/tmp/x.so", "module-path and pin-source are not taken")):
        done = chancery.cli("config", "check", *sets({**token.settings, "seal.master_key": uri}))
        assert done.returncode != 0 and "seal.master_key" in done.stderr and says in done.stderr, done.stderr
        shown = chancery.cli("config", "show", *sets({**token.settings, "seal.master_key": uri}))
        assert hsm.PIN not in done.stdout + done.stderr + shown.stdout + shown.stderr
    done = chancery.cli("config", "check", "--set", "seal.master_key=pkcs11:token=ca;object=m")
    assert done.returncode != 0 and "hsm.module" in done.stderr, done.stderr
    done = chancery.cli("config", "move-master-key", "vault:x", *sets(token.settings))
    assert done.returncode != 0 and "file:PATH or pkcs11:" in done.stderr, done.stderr
