"""A permission to read the certificates of one template or authority opens those, and shows nothing of others."""
import uuid

import pytest

import admin
import keys


@pytest.fixture
def reader_of(server, client):
    """A client of a user who may read certificates on one object alone."""
    def make(scope, thing):
        role = admin.role(server, [])
        reply = client.rest("POST", f"/roles/{role}/grants",
                            json={"permission": "certificates/read", "scope": scope, "object": thing})
        assert reply.status_code in (200, 201), reply.text
        return server.client(*admin.user(server, roles=[role]))
    return make


def two(client):
    """The ids of a certificate of each of two templates, and a text that is in both names."""
    tag = f"sight{uuid.uuid4().hex[:10]}"
    made = []
    for template in ("tls-client", "tls-server"):
        name = f"{template}.{tag}.example.com"
        made.append(client.enroll(keys.new_csr(name, [name]), dns=(name,), **{"Template": template})["KeyfactorID"])
    return made, tag


def test_who_may_read_one_template_finds_counts_and_downloads_its_certificates_alone(client, reader_of):
    (mine, other), tag = two(client)
    reader = reader_of("template", "tls-client")
    query = f'CN -contains "{tag}"'
    assert client.total(query) == 2 and reader.total(query) == 1
    assert [row["Id"] for row in reader.get("/Certificates", **{"pq.queryString": query})] == [mine]
    everything = reader.get("/Certificates", **{"pq.returnLimit": 1000})
    assert {row["TemplateName"] for row in everything} == {client.get(f"/Certificates/{mine}")["TemplateName"]}
    assert [row["id"] for row in reader.rest("GET", "/certificates", params={"filter": query}).json()["items"]] == [mine]
    for call in (lambda n: reader.command("GET", f"/Certificates/{n}"),
                 lambda n: reader.rest("GET", f"/certificates/{n}"),
                 lambda n: reader.command("POST", "/Certificates/Download", json={"CertID": n, "IncludeChain": False},
                                          headers={"x-certificateformat": "PEM"})):
        assert [call(number).status_code for number in (mine, other, 999999999)] == [200, 404, 404]
    assert reader.command("POST", "/Certificates/Revoke",
                          json={"CertificateIds": [mine], "Reason": 4}).status_code == 403


def test_who_may_read_one_authority_finds_its_certificates_alone(client, reader_of):
    (first, second), tag = two(client)
    issuing = reader_of("authority", client.server_ca())
    query = f'CN -contains "{tag}"'
    assert sorted(row["Id"] for row in issuing.get("/Certificates", **{"pq.queryString": query})) == [first, second]
    [root] = [row for row in client.get("/CertificateAuthority") if row["LogicalName"] != client.server_ca()][:1]
    of_root = reader_of("authority", root["LogicalName"])
    assert of_root.total(query) == 0
    assert of_root.command("GET", f"/Certificates/{first}").status_code == 404
    assert of_root.total("") > 0
