"""Many certificates brought in by one call."""
import base64

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

import admin
import keys
from chancery import good
from test_authorities import elsewhere, pem, refused


def strangers(count, tag):
    """So many certificates of one outside authority."""
    root, key = elsewhere(f"Stranger {tag}")
    leaf = keys.new_key()
    out = []
    for number in range(count):
        name = f"in{number}.{tag}.example.com"
        out.append(x509.CertificateBuilder().issuer_name(root.subject).public_key(leaf.public_key())
                   .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
                   .serial_number(x509.random_serial_number()).not_valid_before(root.not_valid_before)
                   .not_valid_after(root.not_valid_after)
                   .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
                   .sign(key, hashes.SHA256()))
    return out


def der(certificate):
    return base64.b64encode(certificate.public_bytes(keys.DER)).decode()


def bring(client, texts):
    return good(client.rest("POST", "/certificates/import", json={"certificates": texts}))


def test_many_certificates_are_entered_by_one_call_each_for_itself(server):
    client, tag = server.client(), server.database[:6].strip(":")
    made = strangers(260, tag)
    before = client.total(f'CN -endswith "{tag}.example.com"')
    texts = [der(one) if number % 2 else pem(one) for number, one in enumerate(made)]
    answer = bring(client, texts[:250])
    assert (answer["entered"], answer["known"], answer["failed"]) == (250, 0, 0) and len(answer["items"]) == 250
    for one, item in zip(made, answer["items"]):
        assert item["state"] == "entered" and item["thumbprint"] == one.fingerprint(hashes.SHA256()).hex().upper()
    row = client.get(f"/Certificates/{answer['items'][7]['id']}")
    assert row["IssuedCN"] == f"in7.{tag}.example.com" and row["CertState"] == 1
    assert client.total(f'CN -endswith "{tag}.example.com"') == before + 250
    # known ones, the same twice, and what is no certificate: each has its own answer
    mixed = bring(client, texts[240:] + [texts[255], "AAAA", "nothing", "-----BEGIN CERTIFICATE-----\nAA\n", ""])
    assert (mixed["entered"], mixed["known"], mixed["failed"]) == (10, 11, 4)
    assert [one["state"] for one in mixed["items"]] == ["known"] * 10 + ["entered"] * 10 + ["known"] + ["failed"] * 4
    for one in mixed["items"][-4:]:
        assert one["code"].startswith("CHY-") and one["detail"] and one["id"] is None
    assert mixed["items"][20]["id"] == mixed["items"][15]["id"]
    events = good(client.rest("GET", "/audit", params={
        "action": "certificate.import", "target_type": "certificate", "target_id": str(answer["items"][7]["id"])}))
    assert len(events["items"]) == 1
    assert server.cli("audit", "verify").returncode == 0


def test_one_with_another_s_serial_does_not_keep_the_others_out(server):
    client, tag = server.client(), f"twin{server.database[:6].strip(':')}"
    root, key = elsewhere(f"Twins {tag}")
    first, second = strangers(2, tag)
    build = (x509.CertificateBuilder().issuer_name(first.issuer).subject_name(first.subject)
             .public_key(first.public_key()).serial_number(first.serial_number)
             .not_valid_before(first.not_valid_before).not_valid_after(first.not_valid_after))
    twin = build.sign(key, hashes.SHA256())
    answer = bring(client, [der(first), der(twin), der(second)])
    assert [one["state"] for one in answer["items"]] == ["entered", "failed", "entered"]
    assert "serial number" in answer["items"][1]["detail"]


def test_a_certificate_of_ours_is_ours_and_its_key_finds_it(server):
    client = server.client()
    mine = client.enroll(dns=("mine.example.com",))
    answer = bring(client, [mine["Certificates"][0]])
    assert answer["known"] == 1 and answer["items"][0]["id"] == mine["KeyfactorID"]


def test_what_is_wrong_with_many_is_told(server):
    client = server.client()
    for body, word in (({}, "certificates"), ({"certificates": []}, "certificates"),
                       ({"certificates": ["x"] * 1001}, "certificates"), ({"certificates": "x"}, "certificates")):
        refused(client.rest("POST", "/certificates/import", json=body), word, status=400)
    nobody = server.client(*admin.user(server, permissions=["certificates/read"]))
    assert nobody.rest("POST", "/certificates/import", json={"certificates": ["AAAA"]}).status_code == 403
