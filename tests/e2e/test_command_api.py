"""The Command API of this part: conventions of its section 1, each operation, the acceptance list of section 26."""
import base64
import re
import time
import uuid

import pytest

import admin
import keys
import processes
from chancery import good

NOT_YET = ["/Agents", "/CertificateStores", "/CertificateStoreTypes", "/Alerts/Pending", "/Workflow/Definitions",
           "/PamProviders", "/SMTP", "/Reports/1/Schedules"]


@pytest.mark.parametrize("path", [
    "/KeyfactorAPI/Status/Endpoints", "/keyfactorapi/status/endpoints", "/KeyfactorApi/STATUS/endpoints/",
    "//KeyfactorAPI//Status///Endpoints", "/KeyfactorAPI/Status%2FEndpoints".replace("%2F", "/"),
    "/KeyfactorAPI/St%61tus/Endpoints",
])
def test_paths_match_in_any_case_and_ignore_doubled_slashes(client, path):
    reply = client.call("GET", path)
    assert reply.status_code == 200 and "GET /Certificates" in reply.json(), reply.text


@pytest.mark.parametrize("method", ["GET", "get", "Get", "gEt"])
def test_methods_match_in_any_case(client, method):
    client.session.headers["Connection"] = "keep-alive"
    request = client.session.prepare_request(__import__("requests").Request("GET", client.server.url.rstrip("/")
                                                                            + "/KeyfactorAPI/Status/Endpoints"))
    request.method = method
    reply = client.session.send(request, verify=str(client.server.ca), timeout=30)
    assert reply.status_code == 200, reply.text


def test_a_get_may_carry_the_body_null(client):
    for path in ("/Status/Endpoints", "/Certificates", "/Templates"):
        reply = client.command("GET", path, data=b"null", headers={"Content-Type": "application/json"})
        assert reply.status_code == 200, reply.text


@pytest.mark.parametrize("query, some", [
    ('IsDefaultTemplate -eq "false"', True), ("IsDefaultTemplate -eq true", False), ('ShortName -eq "webserver"', True),
    ("HasPrivateKeyRetention -eq false", True), ("AllowedEnrollmentType -ne 0", True), ("AllowedEnrollmentType -eq 9", False),
    ('ConfigurationTenant -eq ""', True), ('DisplayName -contains "Web"', True), ('FriendlyName -contains "Web"', True),
])
def test_templates_are_found_by_every_field_of_the_contract(client, query, some):
    rows = client.get("/Templates", queryString=query)
    assert bool(rows) == some, rows
    assert all("ShortName" not in row and "IsDefaultTemplate" not in row for row in rows)


@pytest.mark.parametrize("version, status", [("1", 200), ("1.0", 200), ("2", 200), ("2.0", 200), ("", 200),
                                             ("3", 400), ("x", 400)])
def test_the_version_header_selects_or_is_refused(client, version, status):
    reply = client.command("GET", "/Status/Endpoints", headers={"x-keyfactor-api-version": version})
    assert reply.status_code == status, reply.text


def test_the_product_version_is_a_setting(server, new_server, client):
    assert client.command("GET", "/Status/Endpoints").headers["x-keyfactor-product-version"] == "10.5.0.0"
    other = new_server(settings={"command.product_version": "25.1.0.0"}).start()
    reply = other.client().command("GET", "/Status/Endpoints")
    assert reply.headers["x-keyfactor-product-version"] == "25.1.0.0"


def test_the_login_check_of_every_client_is_fast(client):
    began = time.monotonic()
    endpoints = client.get("/Status/Endpoints")
    assert time.monotonic() - began < 5
    assert all(re.fullmatch(r"(GET|POST|PUT|DELETE) /\S+", endpoint) for endpoint in endpoints), endpoints


def test_health_needs_no_login(server):
    reply = server.client(nobody=True).command("GET", "/Status/HealthCheck")
    assert reply.status_code in (200, 204)


@pytest.mark.parametrize("method, path, status", [
    ("GET", "/NoSuchThing", 404), ("GET", "/Certificates/1/NoSuchThing", 404), ("PATCH", "/Certificates", 405),
    ("PUT", "/Status/Endpoints", 405), ("DELETE", "/Templates", 405), ("JUNK", "/Certificates", 405),
])
def test_unknown_paths_and_methods_are_named_in_json(client, method, path, status):
    assert client.command(method, path).status_code == status


@pytest.mark.parametrize("path", NOT_YET)
def test_what_is_not_there_yet_says_501_in_the_error_body(client, path):
    assert client.command("GET", path).status_code == 501


def test_nobody_gets_past_401_anywhere_under_the_base_path(server):
    client = server.client(nobody=True)
    for method, path in (("GET", "/Certificates"), ("GET", "/NoSuchThing"), ("PATCH", "/Certificates"),
                         ("GET", "/Agents"), ("POST", "/Enrollment/CSR")):
        assert client.command(method, path).status_code == 401, path


def test_a_certificate_shows_every_member_with_its_type(client):
    answer = client.enroll(dns=("full.example.com", "alt.example.com"))
    found = client.get("/Certificates", **{"pq.queryString": f'Thumbprint -eq "{answer["Thumbprint"]}"'})
    assert len(found) == 1
    shown = client.get(f"/Certificates/{answer['KeyfactorID']}")
    assert found[0]["Id"] == shown["Id"] == answer["KeyfactorID"]
    leaf = keys.load(answer["Certificates"][0])
    assert shown["Thumbprint"] == keys.thumbprint(leaf) and shown["SerialNumber"] == keys.serial(leaf)
    assert shown["IssuedCN"] == "full.example.com" and shown["IssuedDN"].startswith("CN=full.example.com")
    assert (shown["CertState"], shown["CertStateString"]) == (1, "Active")
    assert (shown["KeyType"], shown["KeyTypeString"], shown["KeySizeInBits"]) == (3, "ECC", 256)
    assert base64.b64decode(shown["ContentBytes"]) == leaf.public_bytes(keys.DER)
    assert {(name["Type"], name["Value"]) for name in shown["SubjectAltNameElements"]} == \
        {(2, "full.example.com"), (2, "alt.example.com")}
    assert shown["PrincipalId"] is None and shown["Metadata"] == {} and shown["HasPrivateKey"] is False
    assert shown["Locations"] == [] and shown["LocationsCount"] == [] and shown["SSLLocations"] == []
    assert shown["RevocationReason"] is None and shown.get("RevocationEffDate") is None
    assert "1.3.6.1.5.5.7.3.1" in [usage["Oid"] for usage in shown["ExtendedKeyUsages"]]
    assert shown["DetailedKeyUsage"]["DigitalSignature"] is True
    assert [point["Url"] for point in shown["CRLDistributionPoints"]] == keys.addresses(leaf)["crl"]
    for name in ("IssuedEmail", "IssuedOU", "PrincipalName", "OwnerRoleName", "KeyAlgorithm", "CARecordId"):
        assert name in shown, name
    assert shown["CertRequestId"] == answer["KeyfactorRequestId"]
    assert shown["TemplateName"] and shown["CertificateAuthorityName"] and shown["RequesterName"]


def test_an_unknown_or_bad_certificate_id_is_refused(client):
    assert client.command("GET", "/Certificates/999999999").status_code == 404
    for bad in ("abc", "1.5", "99999999999999999999", "-", "0x10"):
        assert client.command("GET", f"/Certificates/{bad}").status_code == 400, bad
    assert client.command("GET", "/Templates/0").status_code == 404


PREFIXES = ["pq.", "pagedQuery.", "query.", "sq.", "cstquery.", "instanceQuery.", "certificateStoreQuery.", ""]


@pytest.fixture(scope="module")
def seven(server):
    """A tag that seven certificates share, and their ids in order."""
    client, tag = server.client(), f"page-{uuid.uuid4().hex[:12]}"
    return tag, [client.enroll(dns=(f"n{number}.{tag}.example.com",))["KeyfactorID"] for number in range(7)]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_pages_work_under_every_prefix_in_any_case(client, seven, prefix):
    tag, ids = seven
    for page, wanted in ((1, ids[:3]), (2, ids[3:6]), (3, ids[6:]), (4, []), (0, ids[:3]), (-1, ids[:3])):
        for upper in (False, True):
            names = [prefix + name for name in ("queryString", "pageReturned", "returnLimit", "sortField")]
            names = [name.upper() for name in names] if upper else names
            reply = client.command("GET", "/Certificates", params=dict(zip(names, (
                f'IssuedCN -contains "{tag}"', page, 3, "Id"))))
            assert [row["Id"] for row in good(reply)] == wanted, (prefix, page)
            assert reply.headers["x-total-count"] == "7"


def test_order_is_ascending_for_0_and_descending_for_1(client, seven):
    tag, ids = seven
    for order, wanted in (("0", ids), ("1", ids[::-1]), ("true", ids), ("false", ids[::-1])):
        found = client.get("/Certificates", **{"pq.queryString": f'CN -contains "{tag}"', "pq.sortField": "IssuedCN",
                                               "pq.sortAscending": order})
        assert [row["Id"] for row in found] == wanted, order


def test_take_and_skip_of_the_seeds_page(client, seven):
    tag, ids = seven
    found = client.get("/Certificates", queryString=f'CN -contains "{tag}"', take=4, skip=2, sortField="Id")
    assert [row["Id"] for row in found] == ids[2:6]


def test_a_page_size_beyond_the_cap_is_no_error(client):
    assert client.command("GET", "/Certificates", params={"pq.returnLimit": 100000}).status_code == 200
    assert client.command("GET", "/Templates", params={"PageReturned": 2, "ReturnLimit": 1000}).json() == []


def test_unknown_parameters_are_ignored_and_the_last_of_a_repeated_one_wins(client, seven):
    tag, ids = seven
    reply = client.call("GET", "/KeyfactorAPI/Certificates?nosuch=1&pq.queryString=CN+-eq+%22x%22"
                               f"&pq.queryString=CN%20-contains%20%22{tag}%22&pq.sortField=Id")
    assert [row["Id"] for row in good(reply)] == ids


def test_a_query_glued_to_the_path_is_a_query(client, seven):
    tag, ids = seven
    reply = client.call("GET", f"/KeyfactorAPI/Certificates%3FQueryString=CN%20-contains%20%22{tag}%22&SortField=Id")
    assert [row["Id"] for row in good(reply)] == ids


@pytest.mark.seed("S073")
def test_the_seeds_list_leaves_out_revoked_and_expired(client, seven):
    revoked = client.enroll(dns=("gone.example.com",))["KeyfactorID"]
    client.revoke(revoked)
    reply = client.call("GET", "/KeyfactorAPI/Certificates?pq.queryString=(Status%20-eq%20%22Active%22)"
                               "&pq.pageReturned=1&pq.returnLimit=100&pq.sortField=Id&pq.sortAscending=1")
    rows = good(reply)
    assert rows and all(row["CertStateString"] == "Active" for row in rows)
    assert revoked not in [row["Id"] for row in rows] and set(seven[1]) <= {row["Id"] for row in rows}


def test_revoked_rows_show_when_asked_for_or_named(client):
    answer = client.enroll(dns=("shown.example.com",))
    client.revoke(answer["KeyfactorID"])
    query = f'Thumbprint -eq "{answer["Thumbprint"]}"'
    assert client.get("/Certificates", **{"pq.queryString": query}) == []
    for more in ({"pq.includeRevoked": "true"}, {"includeRevoked": "true"},
                 {"pq.queryString": query + " AND CertState -eq 2"},
                 {"pq.queryString": query + ' AND CertStateString -eq "Revoked"'}):
        found = client.get("/Certificates", **{"pq.queryString": query, **more})
        assert [row["Id"] for row in found] == [answer["KeyfactorID"]], more


def pkcs7(content, tmp_path):
    """The certificates of a PKCS#7, in the order of its encoding."""
    (tmp_path / "it.p7b").write_bytes(base64.b64decode(content))
    done = processes.run(["openssl", "pkcs7", "-inform", "DER", "-in", tmp_path / "it.p7b", "-print_certs"])
    assert done.returncode == 0, done.stderr
    return keys.load_all(done.stdout)


def test_a_pkcs7_keeps_the_order_asked_for(client, tmp_path):
    answer = client.enroll(dns=("p7b.example.com",))
    thumbprints = [keys.thumbprint(keys.load(pem)) for pem in answer["Certificates"]]
    for order, wanted in (("EndEntityFirst", thumbprints), ("RootFirst", thumbprints[::-1]), (None, thumbprints)):
        body = {"CertID": answer["KeyfactorID"], "SerialNumber": "", "IssuerDN": "", "Thumbprint": "",
                "IncludeChain": True, **({"ChainOrder": order} if order else {})}
        got = client.post("/Certificates/Download", body, headers={"x-certificateformat": "P7B"})
        assert [keys.thumbprint(one) for one in pkcs7(got["Content"], tmp_path)] == wanted, order
    alone = client.post("/Certificates/Download", {"CertID": answer["KeyfactorID"], "IncludeChain": False},
                        headers={"x-certificateformat": "p7b"})
    assert [keys.thumbprint(one) for one in pkcs7(alone["Content"], tmp_path)] == thumbprints[:1]


def test_a_download_names_its_certificate_in_three_ways(client):
    answer = client.enroll(dns=("down.example.com",))
    leaf = keys.load(answer["Certificates"][0])
    loose = ":".join(re.findall("..", answer["Thumbprint"].lower()))
    for body in ({"CertID": answer["KeyfactorID"]}, {"Thumbprint": answer["Thumbprint"]}, {"Thumbprint": loose},
                 {"SerialNumber": answer["SerialNumber"].lower().lstrip("0"), "IssuerDN": answer["IssuerDN"]},
                 {"certid": str(answer["KeyfactorID"])}):
        for form in ("PEM", "DER", "CRT", "CER", "", None):
            got = client.post("/Certificates/Download", body,
                              headers={"x-certificateformat": form} if form is not None else {})
            content = base64.b64decode(got["Content"])
            read = keys.load(content) if content.startswith(b"-----") else keys.x509.load_der_x509_certificate(content)
            assert read == leaf, (body, form)
    chain = client.post("/Certificates/Download", {"CertID": answer["KeyfactorID"], "IncludeChain": True},
                        headers={"x-certificateformat": "PEM"})
    assert [one.subject for one in keys.load_all(base64.b64decode(chain["Content"]).decode())] == \
        [keys.load(pem).subject for pem in answer["Certificates"]]
    assert client.command("POST", "/Certificates/Download", json={"CertID": 999999999}).status_code == 404
    assert client.command("POST", "/Certificates/Download", json={}).status_code == 400
    assert client.command("POST", "/Certificates/Download", json={"CertID": 1},
                          headers={"x-certificateformat": "XML"}).status_code == 400


@pytest.mark.parametrize("form, reader", [
    ("PEM", lambda text: keys.load(text)), ("pem", lambda text: keys.load(text)),
    ("DER", lambda text: keys.x509.load_der_x509_certificate(base64.b64decode(text))),
    ("CER", lambda text: keys.x509.load_der_x509_certificate(base64.b64decode(text))),
])
def test_enrollment_answers_one_certificate_per_element_leaf_first(client, form, reader):
    answer = client.enroll(dns=("form.example.com",), headers={"x-certificateformat": form})
    chain = [reader(text) for text in answer["Certificates"]]
    assert len(chain) == 3 and keys.names(chain[0]) == ["form.example.com"]
    assert chain[0].issuer == chain[1].subject and chain[1].issuer == chain[2].subject
    assert answer["RequestDisposition"] == "ISSUED" and answer["KeyfactorID"] > 0
    assert answer["KeyfactorRequestId"] > 0 and answer["IssuerDN"] and answer["Thumbprint"] == keys.thumbprint(chain[0])


def test_enrollment_gives_a_pkcs7_and_leaves_the_chain_out(client, tmp_path):
    answer = client.enroll(headers={"x-certificateformat": "P7B"})
    assert len(answer["Certificates"]) == 1 and len(pkcs7(answer["Certificates"][0], tmp_path)) == 3
    assert len(client.enroll(IncludeChain=False)["Certificates"]) == 1


@pytest.mark.parametrize("shape", ["pem", "new", "crlf", "base64", "one line", "windows"])
def test_a_request_is_read_in_every_shape_that_clients_send(client, shape):
    pem = keys.new_csr("shape.example.com", ["shape.example.com"])
    bare = "".join(pem.strip().splitlines()[1:-1])
    text = {"pem": pem, "new": pem.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"),
            "crlf": pem.replace("\n", "\r\n"), "base64": "\n".join(pem.strip().splitlines()[1:-1]), "one line": bare,
            "windows": "\r\n".join(re.findall(".{1,64}", bare)) + "\r\n"}[shape]
    assert client.enroll(text)["RequestDisposition"] == "ISSUED"


@pytest.mark.parametrize("sans, wanted", [
    ({"dns": ["b.example.com"]}, ["b.example.com"]), ({"DNS": ["b.example.com", "c.example.com"]},
                                                      ["b.example.com", "c.example.com"]),
    (["DNS:b.example.com", "IP:10.1.2.3"], ["b.example.com", "10.1.2.3"]),
    ({"ip4": ["10.0.0.1"], "dns": ["b.example.com"]}, ["b.example.com", "10.0.0.1"]),
    ({"ip6": ["2001:db8::1"]}, ["a.example.com", "2001:db8::1"]), ({}, ["a.example.com"]), (None, ["a.example.com"]),
    ({"ip": ["10.0.0.9"]}, ["a.example.com", "10.0.0.9"]),
])
def test_names_beside_the_request_replace_those_of_their_type(client, sans, wanted):
    answer = client.enroll(keys.new_csr("a.example.com", ["a.example.com"]), SANs=sans)
    assert sorted(keys.names(keys.load(answer["Certificates"][0]))) == sorted(wanted)


def test_members_match_in_any_case_and_unknown_ones_are_ignored(client):
    csr = keys.new_csr("case.example.com", ["case.example.com"])
    for body in ({"csr": csr, "TEMPLATE": client.server_template(), "Certificateauthority": client.server_ca()},
                 {"CSR": csr, "Template": client.server_template(), "CertificateAuthority": "", "NoSuchMember": {"a": 1},
                  "Timestamp": "2025-10-22T14:30:00.123456789+02:00", "PrivateKey": None, "OwnerRoleId": None,
                  "includechain": "true"}):
        assert client.post("/Enrollment/CSR", body)["CertificateInformation"]["RequestDisposition"] == "ISSUED"


@pytest.mark.parametrize("path", ["/Enrollment/CSR", "/Enrollment/PFX"])
def test_an_owner_is_a_role_that_the_caller_may_name(server, client, path):
    def ask(who, **owner):
        more = {"CSR": keys.new_csr("own.example.com", ["own.example.com"])} if path.endswith("CSR") else {
            "Subject": "CN=own.example.com", "SANs": {"dns": ["own.example.com"]}, "Password": "long enough to be taken"}
        return who.command("POST", path, json={"Template": template, "CertificateAuthority": "", **more, **owner})
    template = client.server_template()
    name, password = admin.user(server, permissions=["enrollment/csr", "enrollment/pfx", "certificates/read"])
    own = client.rest("GET", f"/users/{name}").json()["roles"][0]
    role = next(one for one in client.rest("GET", "/roles", params={"limit": 1000}).json()["items"] if one["name"] == own)
    before = client.total()
    for who, owner, field in ((client, {"OwnerRoleName": "no such role"}, "OwnerRoleName"),
                              (client, {"OwnerRoleId": 999999}, "OwnerRoleId"),
                              (client, {"OwnerRoleId": role["id"], "OwnerRoleName": "Auditor"}, "OwnerRoleName"),
                              (server.client(name, password), {"OwnerRoleName": "Administrator"}, "OwnerRoleName")):
        reply = ask(who, **owner)
        assert reply.status_code == 400 and field in reply.json()["Message"], reply.text
    assert client.total() == before
    for who, owner in ((client, {"OwnerRoleId": role["id"]}), (client, {"OwnerRoleName": own.upper(), "OwnerRoleId": 0}),
                       (server.client(name, password), {"OwnerRoleName": own, "OwnerRoleId": role["id"]})):
        made = good(ask(who, **owner))["CertificateInformation"]
        number = made.get("KeyfactorID") or made["KeyfactorId"]
        assert client.get(f"/Certificates/{number}")["OwnerRoleId"] == role["id"]
    assert client.total(f'OwnerRoleName -eq "{own}"') == 3
    client.rest("DELETE", f"/users/{name}")
    refused = client.rest("DELETE", f"/roles/{role['id']}")
    assert refused.status_code == 409 and "owns certificates" in refused.text


def test_a_dropped_extension_is_named_in_the_answer(client):
    policies = keys.x509.CertificatePolicies([keys.x509.PolicyInformation(
        keys.x509.ObjectIdentifier("1.2.3.4"), None)])
    answer = client.enroll(keys.new_csr("drop.example.com", ["drop.example.com"], extensions=[(policies, False)]))
    leaf = keys.load(answer["Certificates"][0])
    assert not any(isinstance(one.value, keys.x509.CertificatePolicies) for one in leaf.extensions)
    assert re.search("2.5.29.32|polic", answer["DispositionMessage"], re.I), answer["DispositionMessage"]


def test_revocation_is_idempotent_and_partial_failure_is_named(client):
    ids = [client.enroll(dns=("r.example.com",))["KeyfactorID"] for _ in range(3)]
    assert client.revoke(ids[0]) == {"RevokedIds": [ids[0]], "SuspendedCerts": []}
    assert client.revoke(ids[0])["RevokedIds"] == [ids[0]]
    reply = client.command("POST", "/Certificates/Revoke", json={
        "CertificateIds": [ids[1], 999999999], "Reason": 4, "Comment": "", "EffectiveDate": "", "CollectionId": 0})
    assert reply.status_code == 400, reply.text
    assert reply.json()["FailedOperations"] and client.get(f"/Certificates/{ids[2]}")["CertState"] == 1
    for reason in ("superseded", "Superseded", "4", 4.0):
        got = client.post("/Certificates/Revoke", {"CertificateIds": [ids[2]], "Reason": reason, "Comment": "x"})
        assert got["RevokedIds"] == [ids[2]], reason
    shown = client.get(f"/Certificates/{ids[2]}")
    assert shown["RevocationReason"] == 4 and shown["RevocationEffDate"].endswith("Z")


def test_a_hold_is_lifted_by_reason_minus_one(client):
    number = client.enroll(dns=("hold.example.com",))["KeyfactorID"]
    client.revoke(number, reason=6)
    assert client.get(f"/Certificates/{number}")["RevocationReason"] == 6
    client.revoke(number, reason=-1)
    shown = client.get(f"/Certificates/{number}")
    assert shown["CertState"] == 1 and shown["RevocationReason"] is None
    client.revoke(number, reason=1)
    reply = client.command("POST", "/Certificates/Revoke", json={"CertificateIds": [number], "Reason": -1})
    assert reply.status_code == 400, "only a hold can be lifted"
    assert client.get(f"/Certificates/{number}")["CertState"] == 2


def test_revoke_all_revokes_what_the_query_matches(client):
    tag = f"all-{time.time_ns()}"
    ids = [client.enroll(dns=(f"n{number}.{tag}.example.com",))["KeyfactorID"] for number in range(3)]
    other = client.enroll(dns=("other.example.com",))["KeyfactorID"]
    got = client.post("/Certificates/RevokeAll", {
        "Query": f'IssuedCN -contains "{tag}"', "Reason": 5, "Comment": "all", "EffectiveDate": None,
        "IncludeRevoked": False, "IncludeExpired": False, "CollectionId": 0})
    assert sorted(got["RevokedIds"]) == ids
    assert {client.get(f"/Certificates/{number}")["CertState"] for number in ids} == {2}
    assert client.get(f"/Certificates/{other}")["CertState"] == 1
    reply = client.command("POST", "/Certificates/RevokeAll", json={"Query": "nonsense ((", "Reason": 5})
    assert reply.status_code == 400


def test_the_seeds_revocation_may_leave_its_body_out(client):
    number = client.enroll(dns=("nobody.example.com",))["KeyfactorID"]
    reply = client.command("DELETE", f"/Certificates/{number}/Revoke")
    assert good(reply) == {"RevokedIds": [number], "SuspendedCerts": []}
    assert client.get(f"/Certificates/{number}")["RevocationReason"] == 0
    assert client.command("DELETE", "/Certificates/999999999/Revoke").status_code == 404


def test_templates_are_listed_and_shown(client):
    rows = client.get("/Templates")
    assert [row["CommonName"] for row in rows] == sorted((row["CommonName"] for row in rows), key=str.lower)
    assert len({row["CommonName"] for row in rows}) == len(rows)
    assert client.server_template() in [row["TemplateName"] for row in rows]
    for row in rows:
        assert row["KeyRetention"] in ("None", "Indefinite", "AfterExpiration", "FromIssuance")
        assert isinstance(row["KeySize"], str) and isinstance(row["KeyUsage"], int)
        shown = client.get(f"/Templates/{row['Id']}")
        assert shown["CommonName"] == row["CommonName"]
        for algorithm in shown["TemplatePolicy"]["PrimaryKeyAlgorithms"]:
            assert set(algorithm) == {"name", "bit_lengths", "curves"}
    reply = client.command("GET", "/Templates", params={"sq.pageReturned": 1, "sq.returnLimit": 1})
    assert len(good(reply)) == 1 and int(reply.headers["x-total-count"]) == len(rows)
    assert client.command("GET", "/Templates/999999").status_code == 404


def test_authorities_are_listed_and_shown(client):
    rows = client.get("/CertificateAuthority")
    row = next(row for row in rows if row["LogicalName"] == client.server_ca())
    assert isinstance(row["Properties"], str) and row["CAType"] in (0, 1) and row["KeyRetention"] in (0, 1, 2, 3)
    assert client.get(f"/CertificateAuthority/{row['Id']}")["LogicalName"] == row["LogicalName"]
    assert client.command("GET", "/CertificateAuthority/999999").status_code == 404


def test_the_seeds_status_of_an_authority(server, client):
    name = client.server_ca()
    status = client.get(f"/CertificateAuthorities/{name}/status")
    assert status["Name"] == name and status["Status"] == "Online" and status["LastChecked"].endswith("Z")
    assert client.get(f"/CertificateAuthorities/{name.upper()}/status")["Status"] == "Online"
    assert client.command("GET", "/CertificateAuthorities/NoSuch/status").status_code == 404


@pytest.mark.seed("S050")
def test_the_seeds_enrollment_errors(server, client):
    csr = keys.new_csr("err.example.com", ["err.example.com"])
    body = {"CSR": csr, "Template": client.server_template(), "CertificateAuthority": client.server_ca()}
    assert server.client(nobody=True).command("POST", "/Certificates/Enroll", json=body).status_code == 401
    name, password = admin.user(server, permissions=["certificates/read"])
    assert server.client(name, password).command("POST", "/Certificates/Enroll", json=body).status_code == 403
    for bad in ({"CSR": "nonsense"}, {"CSR": csr[:200]}, {"SANs": {"DNS": ["a b.example.com"]}}):
        assert client.command("POST", "/Certificates/Enroll", json={**body, **bad}).status_code == 422, bad
    admin.switch_ca(server, client.server_ca(), False)
    try:
        for path in ("/Certificates/Enroll", "/Enrollment/CSR"):
            reply = client.command("POST", path, json=body)
            assert reply.status_code == 503 and int(reply.headers["Retry-After"]) > 0, reply.text
        assert client.get(f"/CertificateAuthorities/{client.server_ca()}/status")["Status"] == "Offline"
    finally:
        admin.switch_ca(server, client.server_ca(), True)
    assert client.command("POST", "/Certificates/Enroll", json=body).status_code == 200
    assert client.command("POST", "/Certificates/Enroll", json={**body, "Template": "NoSuch"}).status_code == 400
    assert client.command("POST", "/Certificates/Enroll",
                          json={**body, "CertificateTemplate": "Other"}).status_code == 400


def test_expect_100_continue_is_honoured_before_the_body(server, client):
    import http.client
    import ssl
    port = int(server.url.rstrip("/").rsplit(":", 1)[1])
    context = ssl.create_default_context(cafile=server.ca)
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=10)
    connection.connect()
    body = b'{"username":"%s","password":"%s"}' % (server.user.encode(), server.password.encode())
    connection.sock.sendall(b"POST /KeyfactorAPI/Auth/Login HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
                            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body))
    assert connection.sock.recv(100).startswith(b"HTTP/1.1 100 ")
    connection.sock.sendall(body)
    assert connection.sock.recv(4096).startswith(b"HTTP/1.1 200 ")
    connection.close()
