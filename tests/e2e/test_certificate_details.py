"""What is known of single certificates besides themselves: what was done, whose they are, whether they are good."""
import base64
import csv
import datetime
import io
import json
import uuid

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12
from cryptography.x509.oid import NameOID

import admin
import keys
import models
from chancery import good

PASSWORD = "a long enough one"


def self_signed(name, days=30, ago=1, ca=False):
    """(certificate, key) that nobody else signed."""
    key, now = keys.new_key("ec:p256"), datetime.datetime.now(datetime.timezone.utc)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=ago))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca, None), critical=True).sign(key, hashes.SHA256()))
    return made, key


def bring_in(client, certificate):
    client.post("/Certificates/Import", {"Certificate": base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()})
    return client.get("/Certificates", **{
        "pq.queryString": f'Thumbprint -eq "{certificate.fingerprint(hashes.SHA1()).hex()}"', "pq.includeExpired": "true"})[0]["Id"]


# ---- history

def test_the_history_of_a_certificate_is_what_the_record_has_of_it(client):
    number = client.enroll(dns=("history.example.com",))["KeyfactorID"]
    client.revoke(number, reason=6, comment="on hold")
    client.revoke(number, reason=4, comment="for good")
    rows = client.get(f"/Certificates/{number}/History")
    models.check(rows, "array<ModelsPKICertificateOperation>")
    assert [row["Action"] for row in rows] == ["certificate.issue", "certificate.hold", "certificate.revoke"]
    assert all(row["Username"] == client.server.user and row["Comment"] for row in rows)
    assert [row["OperationStart"] for row in rows] == sorted(row["OperationStart"] for row in rows)
    for row in rows:
        assert client.get(f"/Audit/{row['Id']}")["ImmutableIdentifier"] == str(number)
    reply = client.command("GET", f"/Certificates/{number}/History", params={
        "query.pageReturned": 2, "query.returnLimit": 1, "query.sortField": "OperationStart", "query.sortAscending": 1})
    assert [row["Action"] for row in good(reply)] == ["certificate.hold"] and reply.headers["x-total-count"] == "3"
    for unknown in (999999999, -1):
        assert client.command("GET", f"/Certificates/{unknown}/History").status_code == 404
    assert client.command("GET", "/Certificates/x/History").status_code == 400


# ---- owner

def owner(client, number):
    row = client.get(f"/Certificates/{number}")
    return row["OwnerRoleId"], row["OwnerRoleName"]


def test_a_certificate_is_given_to_a_role_and_taken_from_it(server, client):
    number = client.enroll(dns=("owned.example.com",))["KeyfactorID"]
    role = admin.role(server, ["certificates/read"])
    id = next(row["Id"] for row in client.get("/Security/Roles") if row["Name"] == role)

    def give(**body):
        return client.command("PUT", f"/Certificates/{number}/Owner", json=body)
    assert owner(client, number) == (None, None)
    for body, now in (({"NewRoleId": id}, (id, role)), ({"newRoleName": "Operator"}, None), ({"OwnerRoleName": role, "OwnerRoleId": id}, (id, role)),
                      ({"NewRoleId": id}, (id, role)), ({}, (None, None)), ({"NewRoleId": 0, "NewRoleName": None}, (None, None))):
        reply = give(**body)
        assert reply.status_code == 204, reply.text
        assert now is None or owner(client, number) == now, body
    told = [row for row in client.get(f"/Certificates/{number}/History") if row["Action"] == "certificate.metadata"]
    assert len(told) == 4, "what changes nothing is not recorded"
    assert give(NewRoleId=id).status_code == 204
    assert [row["Id"] for row in client.get("/Certificates", **{"pq.queryString": f'OwnerRoleName -eq "{role}"'})] == [number]
    for body, field in (({"NewRoleId": 424242}, "NewRoleId"), ({"NewRoleName": "nobody of that name"}, "NewRoleName"),
                        ({"NewRoleId": id, "NewRoleName": "Operator"}, "NewRoleName"), ({"NewRoleId": "x"}, "NewRoleId")):
        reply = give(**body)
        assert reply.status_code == 400 and field in reply.json()["Message"], reply.text
    assert owner(client, number) == (id, role)
    assert client.command("PUT", "/Certificates/999999999/Owner", json={"NewRoleId": id}).status_code == 404
    # to a role of one's own, or any that one may see
    mine = admin.role(server, ["certificates/read", "certificates/edit"])
    editor = server.client(*admin.user(server, roles=[mine]))
    assert editor.command("PUT", f"/Certificates/{number}/Owner", json={"NewRoleName": mine}).status_code == 204
    reply = editor.command("PUT", f"/Certificates/{number}/Owner", json={"NewRoleName": role})
    assert reply.status_code == 400 and "yours" in reply.json()["Message"], reply.text
    reader = server.client(*admin.user(server, permissions=["certificates/read"]))
    assert reader.command("PUT", f"/Certificates/{number}/Owner", json={}).status_code == 403


# ---- validation

def results(client, number):
    said = client.get(f"/Certificates/{number}/Validate")
    models.check(said, "ModelsCertificateValidationResponse")
    assert set(said["Results"].values()) <= {"True", "False"}
    return said["Valid"], {name for name, value in said["Results"].items() if value == "True"}


def test_a_certificate_is_good_by_its_chain_its_dates_and_its_state(client):
    chain = {"Full Chain", "Trusted Root", "Chain Valid"}
    number = client.enroll(dns=("good.example.com",))["KeyfactorID"]
    assert results(client, number) == (True, chain)
    client.revoke(number, reason=4)
    assert results(client, number) == (False, chain | {"Revoked"})
    # a root that somebody brought in is complete, and trusted by nobody here
    foreign = bring_in(client, self_signed(f"{uuid.uuid4().hex[:12]}.elsewhere.example", ca=True)[0])
    assert results(client, foreign) == (False, {"Full Chain", "Chain Valid"})
    over = bring_in(client, self_signed(f"{uuid.uuid4().hex[:12]}.over.example", days=-1, ago=20, ca=True)[0])
    assert results(client, over) == (False, {"Full Chain", "Chain Valid", "Expired"})
    early = bring_in(client, self_signed(f"{uuid.uuid4().hex[:12]}.early.example", days=20, ago=-5, ca=True)[0])
    assert results(client, early) == (False, {"Full Chain", "Chain Valid", "Not Yet Valid"})
    # one whose issuer is nowhere, under the name of ours
    ours = x509.load_pem_x509_certificate(client.enroll(dns=("other.example.com",))["Certificates"][0].encode())
    forged = (x509.CertificateBuilder().subject_name(ours.subject).issuer_name(ours.issuer).public_key(keys.new_key().public_key())
              .serial_number(x509.random_serial_number()).not_valid_before(ours.not_valid_before).not_valid_after(ours.not_valid_after)
              .sign(keys.new_key("ec:p256"), hashes.SHA256()))
    valid, true = results(client, bring_in(client, forged))
    assert not valid and not true & {"Full Chain", "Trusted Root", "Chain Valid"}, true
    root = next(row["Id"] for row in client.get("/Certificates", **{"pq.queryString": 'CertState -eq "6"'}) if row["IssuedDN"] == row["IssuerDN"]
                and "Chancery" in row["IssuedDN"])
    assert results(client, root) == (True, chain)
    assert client.command("GET", "/Certificates/999999999/Validate").status_code == 404


# ---- analysis

def analyze(client, data, password=None):
    text = data if isinstance(data, str) else base64.b64encode(data).decode()
    return client.command("POST", "/Certificates/Analyze", json={"Certificate": text, "Password": password})


def test_a_file_is_looked_into_before_it_is_imported(server, client):
    field = f"field-{uuid.uuid4().hex[:12]}"
    good(client.command("POST", "/MetadataFields", json={"Name": field, "Description": "d", "DataType": 1}))
    known = client.enroll(dns=("known.example.com",), Metadata={field: "noted"})
    before = client.total()
    rows = good(analyze(client, "".join(known["Certificates"])))
    models.check(rows, "array<ModelsCertificateDetails>")
    assert [row["IsEndEntity"] for row in rows] == [True, False, False]
    assert rows[0]["Thumbprint"] == known["Thumbprint"] and rows[0]["Metadata"] == {field: "noted"} and rows[1]["Metadata"] == {}
    assert rows[0]["IssuerDN"] == rows[1]["IssuedDN"] and rows[1]["IssuerDN"] == rows[2]["IssuedDN"]
    certificate, key = self_signed("stranger.example")
    sealed = pkcs12.serialize_key_and_certificates(b"x", key, certificate, None, BestAvailableEncryption(PASSWORD.encode()))
    for data, password in ((certificate.public_bytes(Encoding.DER), None), (sealed, PASSWORD), (certificate.public_bytes(Encoding.PEM), None)):
        row, = good(analyze(client, data, password))
        assert row["IssuedDN"] == "CN=stranger.example" and row["IsEndEntity"] is True and row["Metadata"] == {}
        assert row["Thumbprint"] == certificate.fingerprint(hashes.SHA1()).hex().upper()
    assert client.total() == before, "nothing is kept"
    for data, password, field_ in ((sealed, "wrong", "Password"), (sealed, None, "Password"), ("not a certificate", None, "Certificate"),
                                   (b"\x30\x03\x02\x01\x01", None, "Certificate"), ("", None, "Certificate")):
        reply = analyze(client, data, password)
        assert reply.status_code == 400 and field_ in reply.json()["Message"], reply.text
    # who may import, but see nothing, is told nothing of what is here
    importer = server.client(*admin.user(server, permissions=["certificates/import"]))
    assert good(analyze(importer, known["Certificates"][0]))[0]["Metadata"] == {}
    assert analyze(server.client(*admin.user(server, permissions=["certificates/read"])), known["Certificates"][0]).status_code == 403


# ---- CSV

def download(client, status=200, **query):
    reply = client.call("GET", "/KeyfactorAPI/Certificates/CSV", params=query)
    assert reply.status_code == status, reply.text
    if status != 200:
        return reply.json()["Message"]
    assert reply.headers["Content-Type"] == "text/csv"
    rows = list(csv.DictReader(io.StringIO(reply.content.decode(), newline="")))
    assert reply.headers["x-total-count"] == str(len(rows))
    return rows


def test_what_is_found_comes_as_csv(server, client):
    word = f"w{uuid.uuid4().hex[:12]}"  # digits alone are no name
    ids = [client.enroll(dns=(f"n{number}.{word}.example.com",))["KeyfactorID"] for number in range(3)]
    query = f'IssuedCN -contains "{word}"'
    rows = download(client, Query=query, SortName="Id", SortOrder="1")
    assert [int(row["Id"]) for row in rows] == ids[::-1]
    one = client.get(f"/Certificates/{ids[2]}")
    for name in ("Thumbprint", "SerialNumber", "IssuedDN", "IssuerDN", "IssuedCN", "NotAfter", "CertStateString", "KeyTypeString",
                 "TemplateName", "CertificateAuthorityName", "RequesterName"):
        assert rows[0][name] == one[name], name
    assert [int(row["Id"]) for row in download(client, Query=query, SortName="IssuedCN", SortOrder="Ascending")] == ids
    client.revoke(ids[0], reason=4)
    assert len(download(client, Query=query)) == 2, "revoked ones are left out, as in the list"
    revoked, = download(client, Query=f'{query} AND Status -eq Revoked')
    assert revoked["RevocationReason"] == "4" and revoked["RevocationEffDate"].endswith("Z")
    assert download(client, Query='IssuedCN -eq "nobody has this name"') == []
    assert "Query" in download(client, 400, Query="nonsense ((") or True
    assert download(client, 400, SortName="NoSuchField")
    # a name that a spreadsheet would take for a formula
    formula = bring_in(client, self_signed(f"=cmd|{word}")[0])
    assert [row["IssuedCN"] for row in download(client, Query=f'IssuedCN -contains "cmd|{word}"')] == [f"'=cmd|{word}"], formula
    # only what the collection holds
    collection = client.post("/CertificateCollections", {"Name": word, "Description": "d", "Query": f'IssuedCN -eq "n1.{word}.example.com"'})
    assert [int(row["Id"]) for row in download(client, CollectionId=collection["Id"])] == [ids[1]]
    role = admin.role(server, [])
    assert client.rest("POST", f"/roles/{role}/grants", json={
        "permission": "certificates/read", "scope": "collection", "object": str(collection["Id"])}).status_code == 200
    reader = server.client(*admin.user(server, roles=[role]))
    assert [int(row["Id"]) for row in download(reader, CollectionId=collection["Id"])] == [ids[1]]
    download(reader, 403)
    for path in (f"/Certificates/{ids[1]}/History", f"/Certificates/{ids[1]}/Validate"):
        assert reader.command("GET", path, params={"collectionId": collection["Id"]}).status_code == 200
        outside = reader.command("GET", path.replace(str(ids[1]), str(ids[2])), params={"collectionId": collection["Id"]})
        absent = reader.command("GET", path.replace(str(ids[1]), "999999999"), params={"collectionId": collection["Id"]})
        assert outside.status_code == absent.status_code == 404
        assert outside.json()["Message"].replace(f" {ids[2]} ", " N ") == absent.json()["Message"].replace(" 999999999 ", " N ")


# ---- who may

def test_it_is_told_who_may_do_what_and_by_which_role(server, client):
    number = client.enroll(dns=("audited.example.com",))["KeyfactorID"]
    name, _ = admin.user(server, permissions=["certificates/read", "security/read"])
    other, _ = admin.user(server, permissions=["templates/read"])
    rows = client.get(f"/Certificates/IdentityAudit/{number}")
    models.check(rows, "array<KeyfactorApiModelsCertificatesCertificateIdentityAuditResponse>")
    by_name = {row["AccountName"]: {one["Name"]: one["GrantedBy"] for one in row["Permissions"]} for row in rows}
    role, = [row["Name"] for row in client.get(f"/Certificates/{number}/Security")["Roles"]
             if row["Name"] in by_name[name]["Certificates:Read"]]
    assert by_name[name] == {"Certificates:Read": [role]} and other not in by_name
    assert by_name[server.user]["Certificates:Revoke"] == ["Administrator"]
    second = good(client.command("GET", f"/Certificates/IdentityAudit/{number}", headers={"x-keyfactor-api-version": "2"}))
    mine, = [row for row in second if row["AccountName"] == name]
    assert [one["Name"] for one in mine["Permissions"]] == ["/certificates/collections/read/"]
    assert client.command("GET", "/Certificates/IdentityAudit/999999999").status_code == 404
    for permissions in (["certificates/read"], ["security/read"]):
        caller = server.client(*admin.user(server, permissions=permissions))
        assert caller.command("GET", f"/Certificates/IdentityAudit/{number}").status_code == 403


# ---- the command line

def test_the_command_line_tells_checks_gives_and_removes(server, client):
    word = f"w{uuid.uuid4().hex[:12]}"  # digits alone are no name
    number = client.enroll(dns=(f"cli.{word}.example.com",))["KeyfactorID"]
    role = admin.role(server, ["certificates/read"])
    done = server.cli("certs", "owner", str(number), role)
    assert done.returncode == 0, done.stderr
    assert server.cli("certs", "owner", str(number)).stdout == f"{role}\n"
    assert server.cli("certs", "owner", str(number), "Operator", "--dry-run").stdout.startswith("would give")
    assert server.cli("certs", "owner", str(number), "--none").returncode == 0
    assert server.cli("certs", "owner", str(number)).stdout == "" and owner(client, number) == (None, None)
    assert server.cli("certs", "owner", str(number), role, "--none").returncode == 2
    refused = server.cli("certs", "owner", str(number), "nobody of that name")
    assert refused.returncode != 0 and "NewRoleName" in refused.stderr

    fine = server.cli("certs", "validate", str(number))
    assert fine.returncode == 0 and "is good" in fine.stdout and "Trusted Root" in fine.stdout, fine
    client.revoke(number, reason=4, comment="superseded by another")
    over = server.cli("certs", "validate", str(number), "-o", "json")
    assert over.returncode == 12 and json.loads(over.stdout)["Results"]["Revoked"] == "True"
    kept = server.cli("certs", "delete", str(number), "--yes")
    assert kept.returncode == 5 and "Revoke" in kept.stderr and "nothing was removed" in kept.stderr, kept
    mine = [bring_in(client, self_signed(f"n{i}.{word}.elsewhere")[0]) for i in range(3)]
    assert "would remove certificate" in server.cli("certs", "delete", str(mine[0]), "--dry-run").stdout
    assert server.cli("certs", "delete", str(mine[0]), "--no-input").returncode == 2
    assert server.cli("certs", "delete", str(mine[0]), "--yes").returncode == 0
    done = server.cli("certs", "delete", "--query", f'CN -contains "{word}.elsewhere"', "--yes")
    assert done.returncode == 0 and "2 removed" in done.stderr, done
    assert [client.command("GET", f"/Certificates/{one}").status_code for one in mine] == [404] * 3
    assert server.cli("certs", "delete", "--yes").returncode == 2
    for verb in ("validate", "owner", "delete"):
        assert server.cli("certs", verb, "999999999", *(["--yes"] if verb == "delete" else [])).returncode == 3


# ---- stores, of which none is known yet

def test_a_certificate_is_in_no_store_while_there_is_none(server, client):
    number = client.enroll(dns=("nowhere.example.com",))["KeyfactorID"]
    reply = client.get(f"/Certificates/Locations/{number}")
    models.check(reply, "KeyfactorApiModelsCertificatesCertificateLocationsResponse")
    assert reply == {"Details": []}
    assert client.command("GET", "/Certificates/Locations/999999999").status_code == 404
    assert client.command("GET", "/Certificates/Locations/x").status_code == 400
    mine = client.post("/CertificateCollections", {"Name": f"Located {uuid.uuid4()}", "Description": "", "Query": f"CertId -eq {number}"})
    other = client.enroll(dns=("elsewhere.example.com",))["KeyfactorID"]
    assert client.get(f"/Certificates/Locations/{number}", collectionId=mine["Id"]) == {"Details": []}
    assert client.command("GET", f"/Certificates/Locations/{other}", params={"collectionId": mine["Id"]}).status_code == 404


def test_what_was_enrolled_goes_to_no_store_that_there_is_not(server, client):
    new = client.enroll(dns=("deployed.example.com",))
    old = client.enroll(dns=("replaced.example.com",))["KeyfactorID"]
    number, request, here, there = new["KeyfactorID"], new["KeyfactorRequestId"], str(uuid.uuid4()), str(uuid.uuid4()).upper()

    def deploy(**body):
        return client.command("POST", "/Enrollment/PFX/Deploy", json={"Password": PASSWORD, **body})

    def replace(**body):
        return client.command("POST", "/Enrollment/PFX/Replace", json={"Password": PASSWORD, **body})
    for which in ({"CertificateId": number}, {"RequestId": request}, {"CertificateId": number, "RequestId": request}):
        said = good(deploy(StoreIds=[here, there, here.upper()], JobTime="2025-10-22T14:30:00Z",
                           StoreTypes=[{"StoreTypeId": 2, "Alias": "a", "Overwrite": False, "Properties": []}], **which))
        models.check(said, "KeyfactorAPIModelsEnrollmentEnrollmentManagementResponse")
        assert said == {"SuccessfulStores": [], "FailedStores": [here, there]}
    for name in ("StoreId", "CertificateStoreId"):  # of two client libraries
        assert good(deploy(CertificateId=number, Stores=[{name: here, "Alias": "a", "Properties": {}}]))["FailedStores"] == [here]
    said = good(replace(ExistingCertificateId=old, CertificateId=number))
    assert said == {"SuccessfulStores": [], "FailedStores": []} == good(replace(ExistingCertificateId=old, RequestId=request))
    for reply, status, text in (
            (deploy(CertificateId=number, StoreIds=[]), 400, "StoreIds"), (deploy(CertificateId=number), 400, "StoreIds"),
            (deploy(CertificateId=number, StoreIds=[here, "x"]), 400, "StoreIds[1]"),
            (deploy(CertificateId=number, Stores=[{"StoreId": "1"}]), 400, "Stores[0].StoreId"),
            (deploy(CertificateId=number, Stores=[{"Alias": "a"}]), 400, "Stores[0].StoreId"),
            (deploy(CertificateId=number, StoreIds=[here], Password=""), 400, "Password"),
            (deploy(StoreIds=[here]), 400, "CertificateId"), (deploy(CertificateId=999999999, StoreIds=[here]), 404, "999999999"),
            (deploy(RequestId=999999999, StoreIds=[here]), 404, "999999999"),
            (deploy(CertificateId=old, RequestId=request, StoreIds=[here]), 400, "RequestId"),
            (replace(CertificateId=number), 400, "ExistingCertificateId"), (replace(ExistingCertificateId=old), 400, "CertificateId"),
            (replace(ExistingCertificateId=999999999, CertificateId=number), 404, "999999999")):
        assert reply.status_code == status and text in reply.json()["Message"], (status, text, reply.text)
    # who may enroll and see nothing learns nothing of what there is
    stranger = server.client(*admin.user(server, permissions=["enrollment/pfx"]))
    for id in (number, 999999999):
        assert stranger.command("POST", "/Enrollment/PFX/Deploy", json={
            "Password": PASSWORD, "CertificateId": id, "StoreIds": [here]}).status_code == 403
        assert stranger.command("POST", "/Enrollment/PFX/Deploy", json={
            "Password": PASSWORD, "RequestId": request, "StoreIds": [here]}).status_code == 404
