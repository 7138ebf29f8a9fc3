"""TLS: versions and suites that are offered, and what is said to those who want others."""
import re

import pytest

import keys
import programs


def handshake(server, *flags):
    """`openssl s_client` without our machine's own policy: (protocol, cipher), or None when there is no session."""
    address = server.url.rstrip("/").split("//")[1]
    done = programs.openssl("s_client", "-connect", address, "-CAfile", server.ca, "-verify_return_error", *flags, input="")
    found = re.search(r"New, (TLSv[\d.]+), Cipher is (\S+)", done.stdout)
    return found.groups() if found and found.group(2) != "(NONE)" else None


@pytest.mark.seed("S095", "S115")
@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_versions_fail_even_for_a_client_that_would_take_any_cipher(server, version):
    assert handshake(server, version, "-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0") is None


@pytest.mark.seed("S095", "S115")
@pytest.mark.parametrize("version, name", [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")])
def test_present_versions_succeed(server, version, name):
    assert handshake(server, version)[0] == name


@pytest.mark.seed("S095")
@pytest.mark.parametrize("suite", [
    "AES128-SHA", "AES256-GCM-SHA384", "ECDHE-RSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384", "DHE-RSA-AES256-GCM-SHA384",
    "ADH-AES256-GCM-SHA384", "NULL-SHA256", "ECDHE-ECDSA-NULL-SHA", "PSK-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-CCM8",
    "CAMELLIA128-SHA", "kRSA", "SHA1", "eNULL", "aNULL",
])
def test_weak_suites_fail(server, suite):
    assert handshake(server, "-tls1_2", "-cipher", f"{suite}:@SECLEVEL=0") is None


@pytest.mark.parametrize("suite", ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
                                   "ECDHE-ECDSA-CHACHA20-POLY1305"])
def test_strong_suites_succeed(server, suite):
    assert handshake(server, "-tls1_2", "-cipher", suite) == ("TLSv1.2", suite)


@pytest.mark.parametrize("group", ["X25519", "P-256"])
def test_groups(server, group):
    assert handshake(server, "-tls1_3", "-groups", group)


def test_a_full_chain_is_served_for_the_names_of_the_listener(server):
    address = server.url.rstrip("/").split("//")[1]
    done = programs.openssl("s_client", "-connect", address, "-showcerts", "-CAfile", server.ca, "-verify_hostname",
                            "localhost", "-verify_return_error", input="")
    assert "Verify return code: 0 (ok)" in done.stdout, done.stdout[-800:]
    chain = keys.load_all(done.stdout)
    assert len(chain) >= 2 and chain[0].issuer == chain[1].subject


def test_there_is_no_renegotiation_compression_or_early_data(server):
    address = server.url.rstrip("/").split("//")[1]
    done = programs.openssl("s_client", "-connect", address, "-CAfile", server.ca, "-tls1_2", input="R\n")
    assert "Compression: NONE" in done.stdout
    assert "no renegotiation" in (done.stdout + done.stderr).lower() or "Verify return code: 0" not in \
        done.stdout.partition("RENEGOTIATING")[2]
    done = programs.openssl("s_client", "-connect", address, "-CAfile", server.ca, "-tls1_3", input="")
    assert "Max Early Data: 0" in done.stdout or "Early data was not sent" in done.stdout


def test_a_client_certificate_is_asked_for_but_not_required(server, tmp_path):
    certificate, key = keys.self_signed()
    (tmp_path / "c.pem").write_text(certificate.public_bytes(keys.PEM).decode() + keys.key_pem(key))
    done = programs.curl(server.url.rstrip("/") + "/health", server.ca, "--cert", tmp_path / "c.pem")
    assert "ok" in done.stdout or done.returncode != 0  # a stranger's is refused or not looked at, never trusted
    assert programs.curl(server.url.rstrip("/") + "/health", server.ca).returncode == 0
    done = programs.curl(server.url.rstrip("/") + "/KeyfactorAPI/Status/Endpoints", server.ca, "--cert",
                         tmp_path / "c.pem", "-w", "%{http_code}", "-o", "/dev/null")
    assert done.stdout in ("401", "000")


def test_the_plain_listener_serves_lists_and_answers_alone(server):
    for path, status in (("/KeyfactorAPI/Certificates", "404"), ("/api/v1/users", "404"), ("/metrics", "404"),
                         ("/health", "404"), ("/openapi.json", "404")):
        done = programs.curl(server.http_url.rstrip("/") + path, server.ca, "-o", "/dev/null", "-w", "%{http_code}")
        assert done.stdout == status, path
