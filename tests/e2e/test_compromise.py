"""A key that somebody else has: what it takes with it, and that it is never certified again, however many ask at once."""
import concurrent.futures

import pytest
import requests

import keys
import processes
import programs


def enroll(client, csr, **more):
    """One request; (status, body)."""
    reply = client.command("POST", "/Enrollment/CSR", json={
        "CSR": csr, "Template": client.server_template(), "CertificateAuthority": client.server_ca(),
        "IncludeChain": True, **more})
    return reply.status_code, reply.json()


def at_once(jobs):
    with concurrent.futures.ThreadPoolExecutor(len(jobs)) as pool:
        return [done.result() for done in [pool.submit(job) for job in jobs]]


def verdicts(tmp_path, one):
    """What OCSP and the CRL say of an answer's leaf."""
    leaf, issuer, root = one["Certificates"]
    where = keys.addresses(keys.load(leaf))
    crl = programs.fetch(where["crl"][0])
    return [programs.openssl_ocsp(tmp_path, leaf, issuer, root, where["ocsp"][0]),
            programs.crl_says(tmp_path, leaf, issuer + root, [crl.content])]


def test_a_compromised_key_takes_all_its_certificates_with_it(client, tmp_path):
    key = keys.new_key()
    csr = keys.new_csr("twin.example.com", ["twin.example.com"], key)
    first, twin, third = (client.enroll(csr, dns=("twin.example.com",)) for _ in range(3))
    ids = [one["KeyfactorID"] for one in (first, twin, third)]
    stranger = client.enroll(dns=("stranger.example.com",))
    answer = client.post("/Certificates/Revoke", {"CertificateIds": [ids[1], ids[0]], "Reason": 1, "Comment": "stolen"})
    assert answer == {"RevokedIds": [ids[1], ids[0], ids[2]], "SuspendedCerts": []}
    for one in (first, twin, third):
        processes.wait_until(lambda: verdicts(tmp_path, one) == ["revoked", "revoked"], 15, what="the CRL")
        shown = client.get(f"/Certificates/{one['KeyfactorID']}")
        assert shown["CertState"] == 2 and shown["RevocationReason"] == 1 and shown["RevocationComment"] == "stolen"
        events = client.rest("GET", f"/audit?target_type=certificate&target_id={one['KeyfactorID']}").json()["items"]
        assert [e["action"] for e in events].count("certificate.revoke") == 1, events
    assert verdicts(tmp_path, stranger) == ["good", "ok"]
    status, body = enroll(client, csr)
    assert status == 400 and "compromised" in body["Message"], body


def test_the_command_line_tells_how_many_certificates_went_with_a_key(server, client):
    csr = keys.new_csr("told.example.com", ["told.example.com"])
    first, _ = (client.enroll(csr, dns=("told.example.com",)) for _ in range(2))
    done = server.cli("revoke", str(first["KeyfactorID"]), "--reason", "key-compromise", "--yes")
    assert done.returncode == 0 and "1 revoked, and 1 more with the same key" in done.stdout + done.stderr, done


def test_one_key_is_certified_for_one_subject_when_many_ask_at_once(server, client):
    client.server_ca()
    clients = [server.client() for _ in range(6)]
    for n in range(5):
        key = keys.new_key()
        csrs = [keys.new_csr(f"h{n}-{i}.example.com", [f"h{n}-{i}.example.com"], key) for i in range(len(clients))]
        got = at_once([lambda c=c, csr=csr: enroll(c, csr) for c, csr in zip(clients, csrs)])
        assert sorted(status for status, _ in got) == [200] + [400] * 5, got
        assert all("in use for another subject" in body["Message"] for status, body in got if status == 400), got


def test_no_certificate_of_a_compromised_key_stays_good_when_many_ask_at_once(server, client):
    clients = [server.client() for _ in range(5)]
    for n in range(5):
        csr = keys.new_csr(f"race{n}.example.com", [f"race{n}.example.com"])
        first = client.enroll(csr, dns=(f"race{n}.example.com",))["KeyfactorID"]
        jobs = [lambda c=c: [enroll(c, csr) for _ in range(4)] for c in clients]
        *got, _ = at_once([*jobs, lambda: client.revoke(first)])
        ids = [body["CertificateInformation"]["KeyfactorID"] for one in got for status, body in one if status == 200]
        refused = [body["Message"] for one in got for status, body in one if status != 200]
        assert all("compromised" in message for message in refused), refused
        for one in [first, *ids]:
            assert client.get(f"/Certificates/{one}")["RevocationReason"] == 1


def responder_of(one):
    """Who signs the OCSP answer about a leaf: (serial number, key) of the responder's certificate."""
    leaf, issuer = (keys.load(pem) for pem in one["Certificates"][:2])
    request = keys.ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, keys.hashes.SHA1()).build()
    reply = requests.post(keys.addresses(leaf)["ocsp"][0], data=request.public_bytes(keys.DER), timeout=20,
                          headers={"Content-Type": "application/ocsp-request"})
    said = keys.ocsp.load_der_ocsp_response(reply.content)
    [signer] = said.certificates
    return signer.serial_number, signer.public_key().public_numbers()


@pytest.mark.parametrize("reason, another_key", [(4, False), (1, True)])
def test_a_revoked_ocsp_responder_is_replaced_at_once(client, tmp_path, reason, another_key):
    one = client.enroll(dns=("asked.example.com",))
    before = responder_of(one)
    rows = client.get("/Certificates", **{"pq.queryString": 'CN -startswith "OCSP Responder of"', "pq.returnLimit": 1000})
    [row] = [row for row in rows if int(row["SerialNumber"], 16) == before[0]]
    assert client.revoke(row["Id"], reason)["RevokedIds"][0] == row["Id"]
    now = responder_of(one)
    assert now[0] != before[0] and (now[1] != before[1]) == another_key
    assert verdicts(tmp_path, one) == ["good", "ok"]
