"""Revocation lists with deltas and in parts, judged by OpenSSL and GnuTLS."""
import time

import pytest
from cryptography import x509

import admin
import backups
import chancery
import keys
import processes
import programs
import test_crash
from chancery import good
from test_authorities import made, refused


def load(url):
    return x509.load_der_x509_crl(programs.fetch(url).content)


def value(crl, kind):
    """What an extension says, or None."""
    try:
        return crl.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def number_of(crl):
    return value(crl, x509.CRLNumber).crl_number


def base_of(delta):
    extension = delta.extensions.get_extension_for_class(x509.DeltaCRLIndicator)
    assert extension.critical
    return extension.value.crl_number


def delta_url(url):
    assert url.endswith(".crl")
    return url[:-4] + "-delta.crl"


def reasons(crl):
    """{serial: reason, or None}"""
    out = {}
    for entry in crl:
        found = value(entry, x509.CRLReason)
        out[entry.serial_number] = found.reason.value if found else None
    return out


def serial_of(answer):
    return keys.load(answer["Certificates"][0]).serial_number


def until(what, ready, seconds=20):
    return processes.wait_until(ready, seconds, 0.1, what)


def list_when(what, url, ready):
    """The list at URL once READY says so of it."""
    def ask():
        crl = load(url)
        return (crl,) if ready(crl) else None  # an empty list is no truth
    return until(what, ask)[0]


def authority(client, tag, **lists):
    """A fresh authority below a fresh root, with these lists; what the server shows of it."""
    name = f"{tag} {time.time_ns() % 10 ** 9:x}"
    root = made(client, f"{name} Root", key_type="ec-p256", path_length=1)
    one = made(client, f"{name} CA", parent=root["name"])
    return set_lists(client, one["name"], **lists) if lists else one


def set_lists(client, name, **lists):
    return good(client.rest("PATCH", f"/authorities/{name}", json=lists))


def verify(tmp_path, answer, lists, *flags):
    """`openssl verify -crl_check` by these lists (DER): ok, revoked, or its words."""
    chain = "".join(answer["Certificates"][1:])
    (tmp_path / "v-leaf.pem").write_text(answer["Certificates"][0])
    (tmp_path / "v-chain.pem").write_text(chain)
    pems = []
    for der in lists:
        (tmp_path / "v.crl").write_bytes(der)
        done = programs.openssl("crl", "-inform", "DER", "-in", tmp_path / "v.crl")
        assert done.returncode == 0, done.stderr
        pems.append(done.stdout)
    (tmp_path / "v-lists.pem").write_text("".join(pems))
    done = programs.openssl("verify", "-x509_strict", "-crl_check", *flags, "-CAfile", tmp_path / "v-chain.pem",
                            "-CRLfile", tmp_path / "v-lists.pem", tmp_path / "v-leaf.pem")
    text = done.stdout + done.stderr
    return "revoked" if "certificate revoked" in text else "ok" if done.returncode == 0 else text


def judged_by_both(tmp_path, answer, base, delta):
    """What the pair of lists says; each is verified by OpenSSL and, but for the delta, by GnuTLS."""
    (tmp_path / "g-issuer.pem").write_text(answer["Certificates"][1])
    (tmp_path / "g-issuer.der").write_bytes(keys.load(answer["Certificates"][1]).public_bytes(keys.DER))
    for name, der in (("base", base), ("delta", delta)):
        (tmp_path / f"g-{name}.crl").write_bytes(der)
        done = programs.openssl("crl", "-inform", "DER", "-in", tmp_path / f"g-{name}.crl", "-noout", "-CAfile",
                                tmp_path / "g-issuer.pem")
        assert "verify OK" in done.stderr, done.stderr
        done = processes.run(["certtool", "--verify-crl", "--inder", "--infile", tmp_path / f"g-{name}.crl",
                              "--load-ca-certificate", tmp_path / "g-issuer.der"])
        assert "Verification output: Verified" in done.stdout, done.stdout + done.stderr
    return verify(tmp_path, answer, [base, delta], "-use_deltas", "-extended_crl")


def pair(url):
    return programs.fetch(url).content, programs.fetch(delta_url(url)).content


def test_a_delta_tells_what_changed_since_its_base(server, tmp_path):
    client = server.client()
    one = authority(client, "Delta", crl_delta_seconds=3600)
    url = one["crl_url"]
    assert one["crl_delta_seconds"] == 3600 and one["crl_delta_url"] == delta_url(url)
    base = list_when("a base that names its deltas", url, lambda crl: value(crl, x509.FreshestCRL))
    assert value(base, x509.FreshestCRL)[0].full_name[0].value == delta_url(url)
    assert not base.extensions.get_extension_for_class(x509.FreshestCRL).critical
    answers = [client.enroll(dns=(f"delta{i}.example.com",), CertificateAuthority=one["name"]) for i in range(4)]
    gone, held, kept, brief = map(serial_of, answers)
    client.revoke(answers[0]["KeyfactorID"], reason=4)
    client.revoke(answers[1]["KeyfactorID"], reason=6)
    delta = list_when("the delta", delta_url(url), lambda crl: len(crl) == 2)
    assert reasons(delta) == {gone: "superseded", held: "certificateHold"}
    assert base_of(delta) == number_of(load(url)) == number_of(base) < number_of(delta)
    assert value(delta, x509.FreshestCRL) is None
    assert value(delta, x509.AuthorityKeyIdentifier) == value(base, x509.AuthorityKeyIdentifier)
    assert delta.next_update > delta.last_update and len(load(url)) == 0, "the full list waits for its turn"
    lists = pair(url)
    assert judged_by_both(tmp_path, answers[0], *lists) == "revoked"
    assert judged_by_both(tmp_path, answers[2], *lists) == "ok"
    assert verify(tmp_path, answers[0], lists[:1]) == "ok", "the base alone does not know it yet"

    # a hold that no full list has seen is told to be over, too
    client.revoke(answers[1]["KeyfactorID"], reason=-1)
    until("the release", lambda: reasons(load(delta_url(url))) == {gone: "superseded", held: "removeFromCRL"})
    assert judged_by_both(tmp_path, answers[1], *pair(url)) == "ok"

    # the next full list has all, and the delta beside it the same number
    client.revoke(answers[3]["KeyfactorID"], reason=6)
    until("the hold", lambda: reasons(load(delta_url(url))).get(brief) == "certificateHold")
    number = good(client.rest("POST", f"/authorities/{one['name']}/crl"))["number"]
    now, delta = load(url), load(delta_url(url))
    assert number_of(now) == number_of(delta) == number and reasons(now) == {gone: "superseded", brief: "certificateHold"}
    assert base_of(delta) == number_of(base) and reasons(delta)[gone] == "superseded"
    assert delta.last_update == now.last_update
    client.revoke(answers[3]["KeyfactorID"], reason=-1)
    until("the removal", lambda: reasons(load(delta_url(url))) == {brief: "removeFromCRL"})
    lists = pair(url)
    assert base_of(load(delta_url(url))) == number
    assert verify(tmp_path, answers[3], lists[:1]) == "revoked"
    assert judged_by_both(tmp_path, answers[3], *lists) == "ok"
    assert judged_by_both(tmp_path, answers[0], *lists) == "revoked"
    # a reason that becomes another is told anew
    client.revoke(answers[0]["KeyfactorID"], reason=1)
    until("key compromise in the full list at once", lambda: reasons(load(url)).get(gone) == "keyCompromise")
    assert good(client.rest("GET", f"/authorities/{one['name']}"))["crl_delta_number"] >= number
    # switched off: full lists name none, and tell of each revocation again
    set_lists(client, one["name"], crl_delta_seconds=0)
    until("a base without deltas", lambda: value(load(url), x509.FreshestCRL) is None)
    client.revoke(answers[2]["KeyfactorID"], reason=5)
    until("the full list", lambda: reasons(load(url)).get(kept) == "cessationOfOperation")


def scope_of(crl):
    extension = crl.extensions.get_extension_for_class(x509.IssuingDistributionPoint)
    assert extension.critical and extension.value.only_contains_user_certs
    assert not extension.value.only_contains_ca_certs and not extension.value.indirect_crl
    return extension.value.full_name[0].value


def named(answer):
    return keys.addresses(keys.load(answer["Certificates"][0]))["crl"][0]


def spread(client, name, count):
    """{address: answers} of so many certificates."""
    out = {}
    for number in range(count):
        answer = client.enroll(dns=(f"part{number}.example.com",), CertificateAuthority=name)
        out.setdefault(named(answer), []).append(answer)
    return out


def test_each_certificate_names_its_part_for_good(server, tmp_path):
    client = server.client()
    one = authority(client, "Parts")
    name, whole = one["name"], one["crl_url"]
    before = client.enroll(dns=("whole.example.com",), CertificateAuthority=name)
    assert named(before) == whole
    one = set_lists(client, name, crl_shards=3)
    assert one["crl_shards"] == one["crl_shards_in_use"] == 3
    urls = one["crl_shard_urls"]
    assert urls == [f"{whole[:-4]}-{i}.crl" for i in (1, 2, 3)]
    for url in urls:
        assert scope_of(load(url)) == url and len(load(url)) == 0
    answers = spread(client, name, 24)
    assert set(answers) <= set(urls) and len(answers) > 1
    url, mine = max(answers.items(), key=lambda item: len(item[1]))
    other = next(each for each in answers if each != url)
    client.revoke(mine[0]["KeyfactorID"], reason=4)
    until("its part", lambda: serial_of(mine[0]) in reasons(load(url)))
    until("the whole list", lambda: serial_of(mine[0]) in reasons(load(whole)))
    for each in urls:
        assert (serial_of(mine[0]) in reasons(load(each))) == (each == url)
    assert value(load(whole), x509.IssuingDistributionPoint) is None
    fetch = lambda each: programs.fetch(each).content
    assert verify(tmp_path, mine[0], [fetch(url)], "-extended_crl") == "revoked"
    assert verify(tmp_path, mine[1], [fetch(url)], "-extended_crl") == "ok"
    assert "different CRL scope" in verify(tmp_path, mine[1], [fetch(other)], "-extended_crl")
    assert verify(tmp_path, mine[0], [fetch(whole)]) == "revoked" and verify(tmp_path, before, [fetch(whole)]) == "ok"
    judged = programs.Judged(tmp_path, mine[0]["Certificates"])
    assert judged.by_crl() == "revoked" and judged.by_ocsp() == "revoked"

    # more parts, then none: what was issued stays where it is
    assert set_lists(client, name, crl_shards=5)["crl_shards_in_use"] == 5
    client.revoke(mine[1]["KeyfactorID"], reason=5)
    until("its part", lambda: serial_of(mine[1]) in reasons(load(url)))
    one = set_lists(client, name, crl_shards=0)
    assert one["crl_shards_in_use"] == 0 and len(one["crl_shard_urls"]) == 5
    after = client.enroll(dns=("whole2.example.com",), CertificateAuthority=name)
    assert named(after) == whole
    client.revoke(mine[2]["KeyfactorID"], reason=5)
    until("its part", lambda: serial_of(mine[2]) in reasons(load(url)))
    assert set(reasons(load(url))) == set(map(serial_of, mine[:3])) and scope_of(load(url)) == url

    # a new key has parts of its own, and the old one's go on
    set_lists(client, name, crl_shards=2)
    good(client.rest("POST", f"/authorities/{name}/rollover"))
    second = good(client.rest("GET", f"/authorities/{name}"))
    assert second["generation"] == 2 and second["crl_shards_in_use"] == 2
    assert set(spread(client, name, 8)) <= set(second["crl_shard_urls"]) and not set(second["crl_shard_urls"]) & set(urls)
    client.revoke(mine[3]["KeyfactorID"], reason=5)
    until("the old key's part", lambda: serial_of(mine[3]) in reasons(load(url)))


def test_a_part_has_deltas_of_its_own(server, tmp_path):
    client = server.client()
    one = authority(client, "Both", crl_shards=2, crl_delta_seconds=600)
    answers = spread(client, one["name"], 8)
    url, mine = max(answers.items(), key=lambda item: len(item[1]))
    base = list_when("a base with deltas", url, lambda crl: value(crl, x509.FreshestCRL))
    client.revoke(mine[0]["KeyfactorID"], reason=4)
    delta = list_when("its delta", delta_url(url), len)
    assert scope_of(delta) == scope_of(base) == url and base_of(delta) == number_of(base)
    assert reasons(delta) == {serial_of(mine[0]): "superseded"} and len(load(url)) == 0
    assert judged_by_both(tmp_path, mine[0], *pair(url)) == "revoked"
    assert judged_by_both(tmp_path, mine[1], *pair(url)) == "ok"
    until("the whole list's delta", lambda: serial_of(mine[0]) in reasons(load(delta_url(one["crl_url"]))))


def test_what_is_wrong_with_lists_is_told_by_field(server):
    client = server.client()
    one = authority(client, "Wrong")
    path = f"/authorities/{one['name']}"
    for body, word in (({"crl_shards": 257}, "crl_shards"), ({"crl_shards": -1}, "crl_shards"),
                       ({"crl_delta_seconds": 599}, "crl_delta_seconds"), ({"crl_delta_seconds": "1h"}, "crl_delta_seconds"),
                       ({"crl_delta_seconds": 604801}, "crl_delta_seconds"), ({"shards": 1}, "shards")):
        refused(client.rest("PATCH", path, json=body), word, status=400)
    shown = good(client.rest("GET", path))
    assert shown["crl_shards"] == 0 and shown["crl_delta_seconds"] == 0 and shown["crl_delta_url"] is None
    reply = client.rest("PATCH", path, json={"crl_shards": 1}, headers={"If-Match": '"77"'})
    assert reply.status_code == 412, reply.text
    assert client.rest("PATCH", "/authorities/nobody", json={"crl_shards": 1}).status_code == 404
    # its part would have the address of another authority's whole list
    made(client, f"{one['name']} 1")
    reply = client.rest("PATCH", path, json={"crl_shards": 2})
    assert reply.status_code == 409 and "another authority" in reply.json()["detail"], reply.text
    assert good(client.rest("GET", path))["crl_shards"] == 0
    changed = set_lists(client, f"{one['name']} 1", crl_delta_seconds=7200)
    event = good(client.rest("GET", "/audit", params={"action": "ca.edit"}))["items"][0]
    assert event["target"]["id"] == str(changed["id"]), event
    assert client.rest("DELETE", path).status_code == 204
    assert client.rest("PATCH", path, json={"crl_shards": 2}).status_code == 409


def test_the_command_line_sets_and_fetches_lists(server, tmp_path):
    client = server.client()
    name = authority(client, "Typed")["name"]

    def cli(*arguments, status=0):
        done = server.cli(*arguments)
        assert done.returncode == status, (arguments, done.stdout, done.stderr)
        return done.stdout + done.stderr

    assert "no part 2" in cli("ca", "crl", name, "--shard", "2", "--pem", status=3)
    assert "no delta lists" in cli("ca", "crl", name, "--delta", "--pem", status=3)
    assert "nothing is to change" in cli("ca", "set", name, status=2)
    assert "soon" in cli("ca", "set", name, "--crl-delta", "soon", status=2)
    cli("ca", "set", name, "--crl-shards", "2", "--dry-run")
    cli("ca", "set", name, "--crl-shards", "300", status=2)
    cli("ca", "set", name, "--crl-shards", "2", "--crl-delta", "6h")
    shown = good(client.rest("GET", f"/authorities/{name}"))
    assert shown["crl_shards"] == 2 and shown["crl_delta_seconds"] == 21600
    until("the delta", lambda: client.rest("GET", f"/authorities/{name}").json()["crl_delta_number"])
    for flags, url in (((), shown["crl_url"]), (("--shard", "2"), shown["crl_shard_urls"][1]),
                       (("--delta",), shown["crl_delta_url"]),
                       (("--shard", "1", "--delta"), delta_url(shown["crl_shard_urls"][0]))):
        until("the list", lambda: server.cli("ca", "crl", name, *flags, "--pem").returncode == 0)
        pem = cli("ca", "crl", name, *flags, "--pem")
        assert number_of(x509.load_pem_x509_crl(pem.encode())) <= number_of(load(url))
    cli("ca", "set", name, "--crl-delta", "off")
    assert good(client.rest("GET", f"/authorities/{name}"))["crl_delta_seconds"] == 0


def asked(tmp_path, answer, *more):
    """openssl ocsp's verified answer about a certificate, and its DER."""
    judged = programs.Judged(tmp_path, answer["Certificates"])
    said = judged.by_ocsp("-no_nonce", "-respout", tmp_path / "answer.der", *more)
    return said, (tmp_path / "answer.der").read_bytes()


def stored(server, answer):
    """(status, DER) of the answer that lies ready."""
    rows = admin.sql(server, f"SELECT status, der FROM ocsp_answer WHERE certificate = {answer['KeyfactorID']}")
    return (rows[0][0], bytes(rows[0][1])) if rows else None


def ready(server, answer, status):
    return until("the answer ahead", lambda: (found := stored(server, answer)) and found[0] == status and found, 70)


def test_answers_lie_ready_and_are_replaced_at_a_revocation(server, tmp_path):
    client = server.client()
    name = authority(client, "Ahead")["name"]
    answers = [client.enroll(dns=(f"ahead{i}.example.com",), CertificateAuthority=name) for i in range(3)]
    assert not stored(server, answers[0])
    assert set_lists(client, name, ocsp_presign=True)["ocsp_presign"] is True
    good_one = ready(server, answers[0], 0)
    said, der = asked(tmp_path, answers[0])
    assert said == "good" and der == good_one[1], "what was signed ahead is given"
    assert asked(tmp_path, answers[0], "-sha256")[0] == "good"
    # never "good" once the revocation is confirmed, whatever lies ready or in memory
    for reason, says in ((6, "revoked"), (-1, "good"), (4, "revoked")):
        client.revoke(answers[0]["KeyfactorID"], reason=reason)
        assert asked(tmp_path, answers[0])[0] == says
        again = ready(server, answers[0], int(says == "revoked"))
        assert asked(tmp_path, answers[0])[0] == says and again[1] != good_one[1]
    # an answer that somehow stayed is not given either: the register has the word
    ready(server, answers[1], 0)
    client.revoke(answers[1]["KeyfactorID"], reason=5)
    ready(server, answers[1], 1)
    admin.sql(server, f"UPDATE ocsp_answer SET status = 0 WHERE certificate = {answers[1]['KeyfactorID']}")
    assert asked(tmp_path, answers[1])[0] == "revoked"
    ready(server, answers[2], 0)
    server.cli("ca", "set", name, "--ocsp-presign", "off", "--dry-run")
    done = server.cli("ca", "set", name, "--ocsp-presign", "off")
    assert done.returncode == 0, done.stderr
    assert good(client.rest("GET", f"/authorities/{name}"))["ocsp_presign"] is False
    until("what lay ready to be gone", lambda: not stored(server, answers[2]), 70)
    assert asked(tmp_path, answers[2])[0] == "good"
    reply = client.rest("PATCH", f"/authorities/{name}", json={"ocsp_presign": "yes"})
    refused(reply, "ocsp_presign", status=400)


def with_lists(server):
    """The issuing authority with two parts and deltas."""
    return set_lists(server.client(), server.client().server_ca(), crl_shards=2, crl_delta_seconds=600)


def here(server, url):
    """An address of ours as this server answers it now."""
    return server.http_url.rstrip("/") + "/crl/" + url.rsplit("/", 1)[1]


@chancery.needs_faults
@pytest.mark.parametrize("point", ["crl.numbered", "crl.before_sign", "crl.before_publish"])
def test_no_number_comes_twice_when_the_server_dies_at_its_lists(new_server, point):
    """Whoever fetched a list by a number never gets another by it, full or delta, whole or part."""
    server, seen = new_server(program=chancery.FAULTS), {}
    server.start()
    one = with_lists(server)
    urls = [one["crl_url"], *one["crl_shard_urls"]]

    def look():
        for url in urls:
            for address in (url, delta_url(url)):
                der = programs.fetch(here(server, address)).content
                crl = x509.load_der_x509_crl(der)
                assert seen.setdefault((address, number_of(crl)), der) == der, f"{number_of(crl)} came twice"
    until("deltas", lambda: all(value(load(here(server, url)), x509.FreshestCRL) for url in urls))
    wanted = {}
    for turn in range(3):
        look()
        server.stop()
        try:
            server.start(CHANCERY_CRASH_AT=f"{point}:{1 + turn}")
            client = server.client()
            for reason in (4, 6, 1):
                answer = client.enroll(dns=(f"t{turn}.example.com",))
                client.revoke(answer["KeyfactorID"], reason)
                wanted[serial_of(answer)] = named(answer)
        except (OSError, ValueError):
            pass
        except AssertionError:  # a list was due at once: it died on its way up
            assert server.process.poll() is not None
        processes.wait_until(lambda: server.process.poll() is not None, 30, what=f"death at {point}")
        server.start()
        for serial, url in wanted.items():
            until("every confirmed revocation", lambda: all(
                serial in reasons(load(here(server, each))) or serial in reasons(load(here(server, delta_url(each))))
                for each in (url, one["crl_url"])), 30)
    look()
    server.tolerates_errors = True


def test_parts_that_came_after_the_backup_are_there_after_its_restore(new_server, new_database, tmp_path):
    server = new_server()
    client = server.start().client()
    kept = client.enroll(dns=("before.example.com",))
    path = backups.create(server, tmp_path)["path"]
    one = with_lists(server)
    answers = spread(client, client.server_ca(), 12)
    url, mine = max(answers.items(), key=lambda item: len(item[1]))
    client.revoke(mine[0]["KeyfactorID"], reason=4)
    until("the delta", lambda: serial_of(mine[0]) in reasons(load(delta_url(url))))
    good(client.rest("POST", f"/authorities/{client.server_ca()}/crl"))
    last = {each: number_of(load(each)) for each in answers}
    server.kill()
    again = chancery.Server(new_database())
    again.data.mkdir(mode=0o700, exist_ok=True)
    try:
        done = backups.restore(path, again, "--master-key", server.data / "master.key", "--signed", server.data / "signed")
        assert done.returncode == 0, done.stdout + done.stderr
        again.start()
        client = again.client()
        assert named(kept) == one["crl_url"]
        for each in answers:
            until("its part", lambda: again.client().session.get(here(again, each)).status_code == 200, 30)
            crl = load(here(again, each))
            assert number_of(crl) >= last[each] + 2 ** 20 - 50 and scope_of(crl) == each
        assert serial_of(mine[0]) in reasons(load(here(again, url)))
        row = client.get("/Certificates", **{"pq.queryString": f'SerialNumber -eq "{mine[1]["SerialNumber"]}"'})[0]
        client.revoke(row["Id"], reason=5)
        until("its part", lambda: serial_of(mine[1]) in reasons(load(here(again, url))))
        shards = admin.sql(again, "SELECT crl_shard FROM certificate WHERE crl_shard > 0")
        assert len(shards) == 12
    finally:
        again.close()
