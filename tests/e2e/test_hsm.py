"""The authorities' keys on a token: what they sign, and what happens while the token is away."""
import os
import threading
import time

import pytest
import requests

import hsm
import keys
import processes
import programs
import test_crash
from chancery import good


@pytest.fixture
def token(tmp_path):
    return hsm.Token(tmp_path / "hsm")


def on_token(new_server, token, **settings):
    """A server whose authorities' keys are on the token."""
    return new_server(env=token.env, settings={
        **token.settings, "pki.root_key_uri": token.uri("root"), "pki.issuing_key_uri": token.uri("issuing"),
        **settings})


def component(server, name="signing_keys"):
    health = good(server.client().rest("GET", "/health"))
    return next(one for one in health["components"] if one["name"] == name)


def ready(server):
    """What readiness says is not at its best; the server stays in its turn."""
    reply = server.client().call("GET", "/healthz/ready")
    assert reply.status_code == 200 and reply.json()["failing"] == [], reply.text
    return reply.json()["degraded"]


def metric(server, name):
    text = server.client().call("GET", "/metrics").text
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines()
            if line.startswith(name) and "{" in line}


@pytest.mark.seed("S167")
@pytest.mark.parametrize("kind", ["ec-p256", "ec-p384", "rsa-2048", "ed25519"])
def test_a_key_on_a_token_signs_leaf_crl_and_responder(new_server, token, tmp_path, kind):
    server = on_token(new_server, token, **{"pki.root_key": kind, "pki.issuing_key": kind}).start()
    client = server.client()
    answer = client.enroll(dns=("hsm.example.com",))
    judged = programs.Judged(tmp_path, answer["Certificates"])
    judged.check_chain()
    assert judged.by_crl() == "ok" and judged.by_gnutls() == "good"
    for digest in ("-sha1", "-sha256", "-sha384", "-sha512"):  # of the CertID; its nonce is echoed
        assert judged.by_ocsp(digest) == "good"
    listed = token.tool("--list-objects", "--type", "privkey")
    assert "issuing" in listed and "root" in listed
    assert "sensitive" in listed and "never extractable" in listed
    assert not list((server.data / "keys").iterdir())
    client.revoke(answer["KeyfactorID"], reason=4)
    assert judged.by_ocsp() == "revoked"
    processes.wait_until(lambda: judged.by_crl() == "revoked", 15, 0.2, "the CRL with the revoked certificate")
    assert hsm.PIN not in server.log.read_text()


def test_a_server_with_its_keys_on_a_token_is_killed_and_started_under_load(new_server, token, tmp_path):
    server = on_token(new_server, token).start()
    told = test_crash.Told()
    rounds = 0
    while rounds < 3 or (not told.certificates and rounds < 10):  # a busy machine may need a few
        test_crash.work_until_death(server, told, kill_after=1.5)
        server.start()
        rounds += 1
    assert told.certificates
    test_crash.check_promises(server, told, tmp_path)


def refused(server):
    """An enrollment while the token is away: refused clearly, in time."""
    begun = time.monotonic()
    reply = server.client().command("POST", "/Enrollment/CSR", json={
        "CSR": keys.new_csr(dns=("away.example.com",)), "Template": "WebServer",
        "CertificateAuthority": server.client().server_ca(), "Timestamp": "2025-10-22T14:30:00Z"},
        headers={"x-certificateformat": "PEM"})
    assert reply.status_code == 503, reply.text
    assert int(reply.headers["Retry-After"]) > 0
    return reply, time.monotonic() - begun


def enrolls(server):
    try:
        return server.client().enroll(dns=("back.example.com",))
    except AssertionError:
        return None


def test_with_the_token_away_requests_fail_clearly_and_all_resumes_by_itself(new_server, token, tmp_path):
    server = on_token(new_server, token).start()
    server.tolerates_errors = True
    client = server.client()
    before = client.enroll(dns=("before.example.com",))
    assert component(server)["state"] == "ok" and ready(server) == []
    assert metric(server, "chancery_hsm_up") == {'chancery_hsm_up{token="ca"}': 1}
    token.remove()
    reply, took = refused(server)
    assert took < 15 and "token ca" in reply.json()["Message"]
    assert ready(server) == ["signing_keys"]
    processes.wait_until(lambda: component(server)["state"] == "failing", 15, 0.3, "the failing component")
    assert "cannot be used" in component(server)["detail"]
    status = client.get(f"/CertificateAuthorities/{client.server_ca()}/status")
    assert status["Status"] == "Offline" and status["Message"]
    assert metric(server, "chancery_hsm_up") == {'chancery_hsm_up{token="ca"}': 0}
    client.revoke(before["KeyfactorID"], reason=1)  # what needs no key of the token goes on
    assert programs.Judged(tmp_path, before["Certificates"]).by_ocsp() == "revoked"
    number = good(client.rest("GET", f"/authorities/{client.server_ca()}"))["crl_number"]
    token.put_back()
    processes.wait_until(lambda: enrolls(server), 15, 0.2, "an enrollment after the token came back")
    assert component(server)["state"] == "ok" and ready(server) == []
    assert metric(server, "chancery_hsm_up") == {'chancery_hsm_up{token="ca"}': 1}
    processes.wait_until(lambda: good(client.rest("GET", f"/authorities/{client.server_ca()}"))["crl_number"] > number,
                         90, 0.3, "the CRL that waited")


def test_readiness_hears_of_a_token_that_nobody_uses(new_server, token):
    """The keys are looked after every half minute, and readiness itself asks nobody."""
    server = on_token(new_server, token).start()
    server.tolerates_errors = True
    token.remove()
    processes.wait_until(lambda: ready(server) == ["signing_keys"], 60, 0.5, "a readiness that tells")
    token.put_back()
    processes.wait_until(lambda: ready(server) == [], 60, 0.5, "a readiness that is well again")


def test_a_server_that_starts_while_the_token_is_away_works_once_it_is_there(new_server, token):
    server = on_token(new_server, token).start()
    server.client().enroll(dns=("first.example.com",))
    server.stop()
    token.remove()
    server.start()
    server.tolerates_errors = True
    assert ready(server) == ["signing_keys"]
    refused(server)
    token.put_back()
    processes.wait_until(lambda: enrolls(server), 15, 0.2, "an enrollment after the token came back")


@pytest.mark.once
def test_a_module_that_hangs_holds_up_nobody_else(new_server, token):
    token.with_shim()
    server = on_token(new_server, token, **{"hsm.timeout": "1s", "hsm.sessions": 2}).start()
    server.tolerates_errors = True
    client = server.client()
    kept = client.enroll(dns=("kept.example.com",))
    token.order("hang")
    slow = []
    waiting = [threading.Thread(target=lambda: slow.append(refused(server)[1])) for _ in range(12)]
    for one in waiting:
        one.start()
    begun = time.monotonic()
    for _ in range(20):  # with every session of the token taken, the rest goes on
        client.get(f"/Certificates/{kept['KeyfactorID']}")
    assert time.monotonic() - begun < 5
    for one in waiting:
        one.join(30)
    assert len(slow) == 12 and max(slow) < 8, slow
    assert refused(server)[1] < 3  # it is known by now
    assert component(server)["state"] == "failing"
    token.order("hang", on=False)
    processes.wait_until(lambda: enrolls(server), 15, 0.2, "an enrollment after the module came back")


@pytest.mark.once
def test_a_lost_session_is_replaced_and_a_wrong_signature_never_leaves(new_server, token):
    token.with_shim()
    server = on_token(new_server, token).start()
    server.tolerates_errors = True
    token.order("lose")
    refused(server)
    token.order("lose", on=False)
    processes.wait_until(lambda: enrolls(server), 10, 0.2, "an enrollment after the device came back")
    token.order("twist")
    total = server.client().total()
    reply, _ = refused(server)
    assert "verif" in reply.json()["Message"]
    assert server.client().total() == total
    token.order("twist", on=False)
    assert enrolls(server)


def answer_to(answer):
    """What OCSP says of the leaf, as it came."""
    leaf, issuer = (keys.load(one) for one in answer["Certificates"][:2])
    asked = keys.ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, keys.hashes.SHA1()).build()
    reply = requests.post(keys.addresses(leaf)["ocsp"][0], data=asked.public_bytes(keys.DER), timeout=20,
                          headers={"Content-Type": "application/ocsp-request"})
    return keys.ocsp.load_der_ocsp_response(reply.content), issuer


@pytest.mark.parametrize("kind", ["ec-p256", "rsa-2048", "ed25519"])
def test_answers_too_are_signed_on_the_token_by_the_authority_itself(new_server, token, tmp_path, kind):
    """pki.ocsp_signer: no key of the database has a part in revocation (RFC 6960 section 4.2.2.2)."""
    server = on_token(new_server, token, **{"pki.root_key": kind, "pki.issuing_key": kind, "pki.ocsp_signer": "authority"}).start()
    server.tolerates_errors = True
    client = server.client()
    first, second = (client.enroll(dns=(f"itself{n}.example.com",)) for n in range(2))
    said, issuer = answer_to(first)
    assert said.certificate_status == keys.ocsp.OCSPCertStatus.GOOD and not said.certificates and said.responder_name is None
    assert said.responder_key_hash == issuer.extensions.get_extension_for_class(keys.x509.SubjectKeyIdentifier).value.digest
    assert issuer.extensions.get_extension_for_class(keys.x509.KeyUsage).value.digital_signature
    judged = programs.Judged(tmp_path, first["Certificates"])
    judged.check_chain()
    assert judged.by_ocsp() == "good" and judged.by_gnutls() == "good"
    assert client.total('CN -contains "OCSP Responder"') == 0
    client.revoke(first["KeyfactorID"], reason=4)
    assert judged.by_ocsp() == "revoked" and judged.by_gnutls() == "revoked"
    token.remove()
    processes.wait_until(lambda: answer_to(second)[0].response_status == keys.ocsp.OCSPResponseStatus.TRY_LATER, 20, 0.3,
                         "tryLater while the token is away")
    token.put_back()
    processes.wait_until(lambda: answer_to(second)[0].response_status == keys.ocsp.OCSPResponseStatus.SUCCESSFUL, 20, 0.3,
                         "an answer once it is back")
    assert answer_to(second)[0].certificate_status == keys.ocsp.OCSPCertStatus.GOOD


def flood(answer, seconds, clients=60):
    """Anonymous OCSP requests with nonces, which no answer in memory fits; how each was answered, and how long it took."""
    leaf, issuer = (keys.load(one) for one in answer["Certificates"][:2])
    url, until, said = keys.addresses(leaf)["ocsp"][0], time.monotonic() + seconds, []

    def ask():
        while time.monotonic() < until:
            asked = keys.ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, keys.hashes.SHA1()).add_extension(
                keys.x509.OCSPNonce(os.urandom(16)), False).build()
            begun = time.monotonic()
            reply = requests.post(url, data=asked.public_bytes(keys.DER), timeout=60,
                                  headers={"Content-Type": "application/ocsp-request"})
            said.append((keys.ocsp.load_der_ocsp_response(reply.content).response_status.name, time.monotonic() - begun))
            time.sleep(0.02)
    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for one in threads:
        one.start()
    return threads, said


@pytest.mark.once
def test_answers_that_wait_for_a_token_hold_up_nobody(new_server, token):
    token.with_shim()
    server = on_token(new_server, token, **{"pki.ocsp_signer": "authority", "hsm.timeout": "4s", "listen.workers": 16}).start()
    server.tolerates_errors = True
    client = server.client()
    leaf = client.enroll(dns=("flood.example.com",))
    assert answer_to(leaf)[0].response_status.name == "SUCCESSFUL"
    token.order("hang")
    threads, said = flood(leaf, 8)
    time.sleep(0.5)
    slowest, memory = 0, 0
    while any(one.is_alive() for one in threads):
        begun = time.monotonic()
        assert client.rest("GET", "/whoami").status_code == 200
        slowest, begun = max(slowest, time.monotonic() - begun), time.monotonic()
        assert answer_to(leaf)[0].response_status.name == "SUCCESSFUL"
        memory = max(memory, time.monotonic() - begun)
    assert slowest < 2.5 and memory < 2.5, (slowest, memory)  # and not the token's four
    assert {status for status, _ in said} == {"TRY_LATER"}
    assert len([took for _, took in said if took > 2.5]) <= 4 + 3, sorted(took for _, took in said)[-10:]
    assert len([line for line in server.lines(level="error") if "OCSP" in line["msg"]]) == 1
    samples = client.call("GET", "/metrics").text
    assert all(f'chancery_ocsp_turned_away_total{{reason="{why}"}}' in samples for why in ("busy", "failing")), samples
    token.order("hang", on=False)

    def with_nonce():
        threads, said = flood(leaf, 0.01, 1)
        threads[0].join()
        return said[0][0]
    processes.wait_until(lambda: with_nonce() == "SUCCESSFUL", 20, 0.3, "an answer with a nonce after it came back")
