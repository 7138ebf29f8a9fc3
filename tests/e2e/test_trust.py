"""The root comes to machines: a page of certificates for everybody, and commands for each platform that are really run."""
import base64
import re
import shutil
import subprocess

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

import admin
import chancery
import processes

SHELLS = ["debian", "rhel", "suse", "arch", "macos", "java", "nss", "environment"]
OTHERS = ["windows", "active-directory"]


@pytest.fixture
def server(new_server):
    """Of its own: the other one has the authorities of all tests."""
    return new_server().start()


def several(pem):
    return [x509.load_pem_x509_certificate(one) for one in re.findall(rb"-----BEGIN.*?-----END [^\n]*\n", pem, re.S)]


def fingerprint(certificate):
    return certificate.fingerprint(hashes.SHA256()).hex()


def authorities(server):
    """{is it a root: [its certificates]}, of the present keys."""
    rows = server.client().rest("GET", "/authorities").json()["items"]
    found = [x509.load_pem_x509_certificate(row["certificate"].encode()) for row in rows if row["certificate"]]
    return {root: [one for one in found if (one.issuer == one.subject) is root] for root in (True, False)}


def script(server, *more):
    done = server.cli("ca", "trust", *more, "--print")
    assert done.returncode == 0, done.stderr
    return done.stdout


def written(text):
    """{file: certificate} that a script writes."""
    return {name: x509.load_pem_x509_certificate(pem.encode())
            for name, pem in re.findall(r"^cat > (\S+) <<'PEM'\n(.*?)PEM$", text, re.M | re.S)}


def run(text, cwd, **env):
    return processes.run(["sh", "-eu"], input=text, cwd=cwd, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(cwd), **env})


@pytest.mark.seed("S170")
@pytest.mark.skipif(not shutil.which("update-ca-certificates", path="/usr/sbin:/usr/bin"), reason="no update-ca-certificates")
def test_debians_commands_make_the_root_trusted(server, tmp_path):
    """As they are, but for the directories, which are the test's own."""
    text = script(server, "--platform", "debian")
    anchors, certs, hooks = (tmp_path / name for name in ("anchors", "certs", "hooks"))
    for one in (anchors, certs, hooks):
        one.mkdir()
    (tmp_path / "ca-certificates.conf").touch()
    assert "/usr/local/share/ca-certificates/" in text and text.rstrip().endswith("update-ca-certificates")
    moved = re.sub(r"^update-ca-certificates$", f"update-ca-certificates --localcertsdir {anchors} --etccertsdir {certs} "
                   f"--hooksdir {hooks} --certsconf {tmp_path}/ca-certificates.conf", text, flags=re.M)
    moved = moved.replace("/usr/local/share/ca-certificates/", f"{anchors}/")
    done = run(moved, tmp_path)
    assert done.returncode == 0 and "1 added" in done.stdout, done.stdout + done.stderr
    roots = authorities(server)[True]
    bundle = certs / "ca-certificates.crt"
    assert [fingerprint(one) for one in several(bundle.read_bytes())] == [fingerprint(roots[0])], \
        "the root, and nothing below it: that would be trusted for itself"
    assert requests.get(server.url.rstrip("/") + "/health", verify=str(bundle), timeout=20).status_code == 200
    assert requests.get(server.url.rstrip("/") + "/health", verify=str(certs), timeout=20).status_code == 200, "by hashes"


@pytest.mark.seed("S170")
@pytest.mark.skipif(not shutil.which("keytool"), reason="no keytool")
def test_javas_commands_put_the_root_into_its_list(server, tmp_path):
    text = script(server, "--platform", "java")
    moved = text.replace("-cacerts", f"-keystore {tmp_path}/cacerts -storetype PKCS12")
    assert moved != text
    done = run(moved, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    listed = processes.run(["keytool", "-list", "-v", "-keystore", tmp_path / "cacerts", "-storepass", "changeit"]).stdout
    root, = authorities(server)[True]
    assert listed.count("trustedCertEntry") == 1
    assert fingerprint(root) in listed.replace(":", "").lower()


@pytest.mark.seed("S170")
@pytest.mark.skipif(not shutil.which("certutil"), reason="no certutil of NSS")
def test_firefoxs_list_takes_root_and_those_below(server, tmp_path):
    database = tmp_path / ".pki" / "nssdb"
    database.mkdir(parents=True)
    subprocess.run(["certutil", "-N", "-d", f"sql:{database}", "--empty-password"], check=True, timeout=60)
    text = script(server, "--platform", "nss")
    done = run(text, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    listed = subprocess.run(["certutil", "-L", "-d", f"sql:{database}"], check=True, timeout=60, capture_output=True, text=True).stdout
    for name, certificate in written(text).items():
        trust = "C,," if certificate.issuer == certificate.subject else ",,"
        assert re.search(rf"^{re.escape(name.removesuffix('.crt'))}\s+{re.escape(trust)} *$", listed, re.M), listed


@pytest.mark.seed("S170")
def test_the_shell_of_the_environment_trusts_the_root(server, tmp_path):
    done = run(script(server, "--platform", "environment") + f'curl -sS --noproxy "*" {server.url.rstrip("/")}/health\n', tmp_path)
    assert done.returncode == 0 and '"ok"' in done.stdout, done.stdout + done.stderr


@pytest.mark.seed("S170")
def test_every_platform_is_told_what_to_do_and_shells_understand_it(server, tmp_path):
    known = authorities(server)
    everything = script(server)
    assert {fingerprint(one) for one in written(everything).values()} == {fingerprint(one) for one in known[True] + known[False]}
    for one in known[True] + known[False]:
        assert one.fingerprint(hashes.SHA256()).hex(":") in everything
    assert re.findall(r"^# ---- (\S+):", everything, re.M) == ["debian", "rhel", "suse", "arch", "macos", *OTHERS, "java", "nss", "environment"]
    for platform in SHELLS:
        text = script(server, "--platform", platform)
        assert processes.run(["sh", "-n"], input=text).returncode == 0, text
        files = written(text)
        assert files and all(text.count(name.removesuffix(".crt")) >= 2 for name in files)
        below = {fingerprint(one) for one in files.values()} & {fingerprint(one) for one in known[False]}
        assert bool(below) is (platform in ("macos", "nss")), f"{platform}: what servers send themselves need not be there"
    for platform, root, below in (("windows", r"LocalMachine\Root", r"LocalMachine\CA"), ("active-directory", "RootCA", "SubCA")):
        text = script(server, "--platform", platform)
        assert text.count("-----BEGIN CERTIFICATE-----") == len(known[True] + known[False])
        assert text.count(root + "\n") == len(known[True]) and text.count(below + "\n") == len(known[False])
        assert "cat >" not in text and text.count("'@ | Set-Content") == len(known[True] + known[False])


@pytest.mark.seed("S170")
def test_a_name_stands_for_its_own_root_and_a_file_for_itself(new_server, tmp_path):
    server = new_server().start()
    client = server.client()
    assert client.rest("POST", "/authorities", json={"name": "Other $(touch x) Root", "offers_enrollment": False}).status_code == 201
    issuing = client.server_ca()
    everything = script(server, "--platform", "debian")
    assert len(written(everything)) == 2 and "$(touch" not in re.sub(r"^#.*$", "", everything, flags=re.M)
    assert any(re.fullmatch(r"other-touch-x-root-[0-9a-f]{8}\.crt", name) for name in written(everything))
    of_one = written(script(server, issuing, "--platform", "debian"))
    root = x509.load_pem_x509_certificate(server.data.joinpath("root.pem").read_bytes()) if (server.data / "root.pem").exists() \
        else x509.load_pem_x509_certificate(open(server.ca, "rb").read())
    assert [fingerprint(one) for one in of_one.values()] == [fingerprint(root)]
    # without a server
    alone = chancery.cli("ca", "trust", "--print", "--platform", "debian", "--file", server.ca)
    assert alone.returncode == 0 and written(alone.stdout) == of_one, alone.stderr
    # a key that follows another: both are in use
    assert client.rest("POST", "/authorities/Other%20%24%28touch%20x%29%20Root/rollover", json={}).status_code in (200, 201)
    assert len(written(script(server, "Other $(touch x) Root", "--platform", "debian"))) == 2


def test_what_cannot_be_printed_is_said(server, tmp_path):
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("no certificate\n")
    leaf = tmp_path / "leaf.pem"
    leaf.write_text(server.client().enroll(dns=("leaf.example.com",))["Certificates"][0])
    for arguments, status, words in (
            ((), 2, "--print"), (("--print", "--platform", "amiga"), 2, "platform"), (("--print", "No Such CA"), 3, "No Such CA"),
            (("--print", "--file", nothing), 10, "nothing.pem"), (("--print", "--file", leaf), 3, "root"),
            (("--print", "--file", leaf, "x"), 2, "--file"), (("--print", "--file", tmp_path / "absent"), 2, "absent")):
        done = server.cli("ca", "trust", *arguments)
        assert done.returncode == status and words in done.stderr and not done.stdout, f"{arguments}: {done.returncode} {done.stderr}"
    name, password = admin.user(server)
    token = server.client(nobody=True).command("POST", "/Auth/Login", json={"username": name, "password": password}).json()
    done = server.cli("ca", "trust", "--print", env={"CHANCERY_TOKEN": token["access_token"]})
    assert done.returncode in (3, 4), done.stderr


# ---- the page

def fetch(server, path, **more):
    return requests.get(server.http_url.rstrip("/") + path, timeout=20, **more)


@pytest.mark.seed("S170")
def test_the_page_gives_roots_and_those_below_to_everybody(server):
    known = authorities(server)
    page = fetch(server, "/ca/")
    assert page.status_code == 200 and page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    for one in known[True] + known[False]:
        path = f"/ca/{fingerprint(one)}.cer"
        assert f'href="{path}"' in page.text and one.fingerprint(hashes.SHA256()).hex(":") in page.text
        reply = fetch(server, path)
        assert reply.headers["Content-Type"] == "application/pkix-cert" and reply.content == one.public_bytes(Encoding.DER)
    roots = fetch(server, "/ca/roots.pem")
    assert roots.headers["Content-Type"] == "application/x-pem-file"
    assert several(roots.content) == known[True]
    bag = fetch(server, "/ca/all.p7c")
    assert bag.headers["Content-Type"] == "application/pkcs7-mime; smime-type=certs-only"
    assert set(map(fingerprint, pkcs7.load_der_pkcs7_certificates(bag.content))) == set(map(fingerprint, known[True] + known[False]))
    assert fetch(server, "/ca/").headers["ETag"] and fetch(server, "/ca/", headers={"If-None-Match": page.headers["ETag"]}).status_code == 304
    assert fetch(server, "/ca").status_code == 200
    for path in ("/ca/" + "0" * 64 + ".cer", "/ca/roots.pfx", "/ca/x"):
        assert fetch(server, path).status_code in (400, 404), path
    assert requests.get(server.url.rstrip("/") + "/ca/", verify=str(server.ca), timeout=20).text == page.text


def test_names_on_the_page_are_text(new_server):
    server = new_server().start()
    assert server.client().rest("POST", "/authorities", json={
        "name": "odd", "subject": "CN=\\<script\\>alert(1)\\</script\\> & Sons", "offers_enrollment": False}).status_code == 201
    page = fetch(server, "/ca/").text
    assert "<script>" not in page and "&lt;script" in page and "&amp;" in page
