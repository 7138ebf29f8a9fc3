"""Certificates leave the register: what nobody answers for any more, all or none, with what belongs to them."""
import base64
import datetime
import uuid

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12
from cryptography.x509.oid import NameOID

import admin
import keys

PASSWORD = "a long enough one"


def foreign(name, key=None):
    """(certificate, key) of somebody else's."""
    key, now = key or keys.new_key("ec:p256"), datetime.datetime.now(datetime.timezone.utc)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30)).sign(key, hashes.SHA256())), key


def bring_in(client, name, key=None, with_key=False, **more):
    """A foreign certificate in the register; its number."""
    certificate, key = foreign(name, key)
    data = certificate.public_bytes(Encoding.DER)
    if with_key:
        data = pkcs12.serialize_key_and_certificates(b"x", key, certificate, None, BestAvailableEncryption(PASSWORD.encode()))
        more["Password"] = PASSWORD
    client.post("/Certificates/Import", {"Certificate": base64.b64encode(data).decode(), **more})
    return client.get("/Certificates", **{"pq.queryString": f'Thumbprint -eq "{certificate.fingerprint(hashes.SHA1()).hex()}"'})[0]["Id"]


def is_there(client, number):
    status = client.command("GET", f"/Certificates/{number}").status_code
    assert status in (200, 404)
    return status == 200


def totals(server):
    """What is counted, and what is there."""
    kept = {kind: int(total) for kind, total in admin.sql(server, "SELECT kind, SUM(value) FROM counter GROUP BY kind")}
    rows = admin.sql(server, "SELECT COUNT(*) FROM certificate")[0][0]
    return (kept["state"], kept["expiry_day"]), (rows, rows)


def failed(reply):
    return {id for one in reply.json()["FailedOperations"] for id in one["Ids"]}


def test_what_was_brought_in_is_removed_with_all_that_is_noted(new_server):
    server = new_server().start()
    client = server.client()
    client.post("/MetadataFields", {"Name": "Team", "Description": "who", "DataType": 1})
    word = f"w{uuid.uuid4().hex[:12]}"  # digits alone are no name
    one, *others = [bring_in(client, f"n{i}.{word}.example.com", Metadata={"Team": f"team {i}"}) for i in range(6)]
    before = client.total()
    assert client.command("DELETE", f"/Certificates/{one}").status_code == 204
    assert not is_there(client, one) and client.total() == before - 1
    assert client.command("DELETE", f"/Certificates/{one}").status_code == 404
    assert client.command("DELETE", "/Certificates", json=[others[0], others[1], others[0]]).status_code == 204
    assert [is_there(client, number) for number in others] == [False, False, True, True, True]
    client.revoke(others[2], reason=4)
    assert client.command("DELETE", "/Certificates/Query", json=f'IssuedCN -contains "{word}" AND Team -ne "team 5"').status_code == 204
    assert [is_there(client, number) for number in others] == [False, False, False, False, True], "revoked ones too"
    assert client.command("DELETE", "/Certificates", json=[]).status_code == 204
    kept, there = totals(server)
    assert kept == there
    for table, column in (("certificate_der", "certificate"), ("certificate_name", "certificate"), ("certificate_metadata", "certificate")):
        assert admin.sql(server, f"SELECT COUNT(*) FROM {table} WHERE {column} IN ({one}, {others[0]}, {others[3]})")[0][0] == 0
    events = client.rest("GET", "/audit", params={"action": "certificate.delete", "oldest_first": "true"}).json()["items"]
    assert [int(event["target"]["id"]) for event in events] == [one, *others[:4]]
    told = client.rest("GET", f"/audit/{events[0]['id']}").json()["event"]
    assert told["before"]["thumbprint"] and told["before"]["serial_number"] and told["actor"]["name"] == server.user
    # who comes again is welcome, under a number of their own
    assert bring_in(client, f"n0.{word}.example.com") not in (one, *others)


def test_what_is_answered_for_stays_and_so_does_all_that_was_named_with_it(server, client):
    mine = client.enroll(dns=("stays.example.com",))["KeyfactorID"]
    other = bring_in(client, f"{uuid.uuid4().hex[:12]}.example.com")
    authority = client.get("/Certificates", **{"pq.queryString": 'CertState -eq "6"'})[0]["Id"]
    for number, words in ((mine, "Revoke it instead"), (authority, "authority")):
        reply = client.command("DELETE", "/Certificates", json=[other, number])
        assert reply.status_code == 409 and words in reply.json()["Message"] and failed(reply) == {number}, reply.text
        assert client.command("DELETE", f"/Certificates/{number}").status_code == 409
        assert is_there(client, other) and is_there(client, number)
    reply = client.command("DELETE", "/Certificates", json=[other, 999999999])
    assert reply.status_code == 404 and failed(reply) == {999999999} and is_there(client, other)
    client.revoke(mine, reason=4)
    assert client.command("DELETE", f"/Certificates/{mine}").status_code == 409, "its CRL and OCSP go on until it is over"
    assert client.command("DELETE", f"/Certificates/{other}").status_code == 204


def test_one_of_ours_goes_when_it_is_over_and_its_last_list_has_named_it(new_server):
    server = new_server().start()
    client = server.client()
    good_one, revoked = (client.enroll(dns=(f"{name}.example.com",))["KeyfactorID"] for name in ("good", "revoked"))
    client.revoke(revoked, reason=4)
    admin.sql(server, f"UPDATE certificate SET not_after = not_after - CAST(400 AS bigint) * 86400000 WHERE id IN ({good_one}, {revoked})")
    reply = client.command("DELETE", f"/Certificates/{revoked}")
    assert reply.status_code == 409 and "CRL" in reply.json()["Message"], reply.text
    admin.sql(server, f"UPDATE certificate SET crl_done = 1 WHERE id = {revoked}")
    assert client.command("DELETE", "/Certificates", json=[good_one, revoked]).status_code == 204
    assert not is_there(client, good_one) and not is_there(client, revoked)


def test_a_key_goes_with_its_last_certificate(server, client):
    def kept(number):
        return client.get(f"/Certificates/{number}")["HasPrivateKey"]

    def keys_kept():
        return admin.sql(server, "SELECT COUNT(*) FROM private_key WHERE purpose = 'certificate'")[0][0]
    key, word = keys.new_key("ec:p256"), f"w{uuid.uuid4().hex[:12]}"
    first = bring_in(client, f"a.{word}.example.com", key, with_key=True)
    before = keys_kept()
    second = bring_in(client, f"b.{word}.example.com", key, with_key=True)
    public = bring_in(client, f"c.{word}.example.com", key)  # names the key, and does not have it
    assert kept(first) and kept(second) and not kept(public) and keys_kept() == before
    for number, left in ((public, before), (first, before), (second, before - 1)):
        assert client.command("DELETE", f"/Certificates/{number}").status_code == 204
        assert keys_kept() == left, number
    event = client.rest("GET", "/audit", params={"action": "certificate.delete", "limit": 1}).json()["items"][0]
    assert event["target"]["id"] == str(second) and "private key" in event["message"]


@pytest.mark.parametrize("body, words", [("", "empty"), ("  ", "empty"), ("nonsense ((", "position"), (None, "body"), ([], "single"), (5, "text")])
def test_a_query_that_says_nothing_removes_nothing(client, body, words):
    before = client.total()
    reply = client.command("DELETE", "/Certificates/Query", json=body)
    assert reply.status_code == 400 and words in reply.json()["Message"], reply.text
    assert client.total() == before


def test_what_cannot_be_a_list_of_certificates_is_refused(client):
    for body in (None, {}, ["x"], list(range(1, 1003))):
        reply = client.command("DELETE", "/Certificates", json=body)
        assert reply.status_code == 400, reply.text
    assert client.command("DELETE", "/Certificates/x").status_code == 400


def test_only_who_may_delete_does_and_only_where_they_may(server, client):
    word = f"w{uuid.uuid4().hex[:12]}"  # digits alone are no name
    inside, outside = bring_in(client, f"in.{word}.example.com"), bring_in(client, f"out.{word}.example.com")
    collection = client.post("/CertificateCollections", {"Name": word, "Description": "d", "Query": f'IssuedCN -startswith "in.{word}"'})
    role = admin.role(server, [])
    assert client.rest("POST", f"/roles/{role}/grants", json={
        "permission": "certificates/delete", "scope": "collection", "object": str(collection["Id"])}).status_code == 200
    narrow = server.client(*admin.user(server, roles=[role]))
    where = {"collectionId": collection["Id"]}
    assert narrow.command("DELETE", f"/Certificates/{inside}").status_code == 403
    hidden = narrow.command("DELETE", f"/Certificates/{outside}", params=where)
    absent = narrow.command("DELETE", "/Certificates/999999999", params=where)
    assert hidden.status_code == absent.status_code == 404
    assert hidden.json()["Message"].replace(f" {outside} ", " N ") == absent.json()["Message"].replace(" 999999999 ", " N ")
    assert narrow.command("DELETE", "/Certificates/Query", json=f'IssuedCN -contains "{word}"', params=where).status_code == 204
    assert not is_there(client, inside) and is_there(client, outside)
    editor = server.client(*admin.user(server, permissions=["certificates/read", "certificates/edit", "certificates/revoke"]))
    for path, body in ((f"/Certificates/{outside}", None), ("/Certificates", [outside]), ("/Certificates/Query", f'CN -contains "{word}"')):
        reply = editor.command("DELETE", path, json=body)
        assert reply.status_code == 403 and "Certificates:Delete" in reply.json()["Message"], reply.text
    assert is_there(client, outside)


def test_the_archive_is_emptied_in_the_same_way(new_server):
    server = new_server().start()
    client = server.client()
    number = bring_in(client, "old.example.com", with_key=True)
    admin.sql(server, f"UPDATE certificate SET not_after = not_after - CAST(86400000 AS bigint) * 1000 WHERE id = {number}")
    done = server.cli("archive", "run", "--older-than", "730d")
    assert done.returncode == 0 and admin.sql(server, "SELECT COUNT(*) FROM archived_certificate")[0][0] == 1, done
    assert is_there(client, number)
    assert client.command("DELETE", f"/Certificates/{number}").status_code == 204
    assert not is_there(client, number)
    for table in ("archived_certificate", "archived_certificate_der", "archived_certificate_name"):
        assert admin.sql(server, f"SELECT COUNT(*) FROM {table}")[0][0] == 0
    assert admin.sql(server, "SELECT COUNT(*) FROM private_key WHERE purpose = 'certificate'")[0][0] == 0
