"""ACME profiles: endpoints of their own, each with its template, names, challenges and accounts."""
import datetime
import shutil
import uuid

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

import acme
import chancery
import keys
import processes
from acme import leaf, name
from test_acme_operators import events
from test_acme_renewal import window


def fresh(prefix="P"):
    return f"{prefix}{uuid.uuid4().hex[:10]}"


@pytest.fixture
def admin(acme_server):
    return acme_server.client()


@pytest.fixture
def profile(admin):
    """Make profiles; what is left of them at the end goes."""
    made = []

    def make(status=200, **body):
        body = {"Name": fresh(), "Template": "WebServer", **body}
        reply = admin.command("POST", "/ACME/Profiles", json=body)
        assert reply.status_code == status, reply.text
        if status == 200:
            made.append(body["Name"])
        return reply.json()
    yield make
    for one in made:
        admin.command("DELETE", f"/ACME/Profiles/{one}")


@pytest.fixture
def orderer(acme_server, answers):
    """A client of a profile's directory."""
    return lambda made, **more: acme.Orderer(acme_server, answers, directory=made["Directory"], **more)


@pytest.mark.seed("S177", "S181")
def test_the_seeds_own_call_makes_a_profile_with_its_directory(acme_server, admin):
    wanted = {"Name": fresh("WebServerACME"), "Template": "WebServer", "ChallengeType": "DNS-01",
              "AllowedDomains": ["*.contoso.com", "*.internal.contoso.com"], "Validity": 90, "AutoRenew": True}
    made = chancery.good(admin.command("POST", "/ACME/Profiles", json=wanted))
    assert {key: made[key] for key in wanted} == wanted and made["Id"] > 0 and made["Enabled"] is True
    base = f"{acme_server.url.rstrip('/')}/acme/{wanted['Name']}"
    assert made["Directory"] == f"{base}/directory"
    again = admin.command("POST", "/ACME/Profiles", json={**wanted, "Name": wanted["Name"].upper()})
    assert again.status_code == 400 and "Name" in again.json()["Message"]
    path = f"/ACME/Profiles/{wanted['Name']}"
    assert admin.get(path) == made and admin.get(path.replace("WebServerACME", "webserveracme")) == made
    assert made in admin.get("/ACME/Profiles")
    directory = admin.session.get(f"{base}/directory", timeout=30).json()
    assert directory["newOrder"] == f"{base}/new-order" and directory["newNonce"] == f"{base}/new-nonce"
    assert list(directory["meta"]["profiles"]) == [wanted["Name"]]
    changed = chancery.good(admin.command("PUT", path, json={"Template": "WebServer", "ChallengeType": ["http-01", "dns-01"], "Validity": 30}))
    assert changed["Id"] == made["Id"] and changed["ChallengeTypes"] == ["HTTP-01", "DNS-01"] and changed["Validity"] == 30
    assert changed["AllowedDomains"] == [] and changed["AutoRenew"] is False
    reply = admin.command("DELETE", path)
    assert reply.status_code == 204
    assert admin.session.get(f"{base}/directory", timeout=30).status_code == 404
    for method in ("GET", "DELETE"):
        assert admin.command(method, path).status_code == 404
    chancery.good(admin.command("POST", "/ACME/Profiles", json=wanted))
    assert admin.command("DELETE", path).status_code == 204, "a name is free again"
    said = [row["action"] for row in chancery.good(admin.rest("GET", "/audit", params={"target_id": wanted["Name"], "limit": 50}))["items"]]
    assert sorted(said) == sorted(["acme.profile.create", "acme.profile.edit", "acme.profile.delete"] + ["acme.profile.create", "acme.profile.delete"])


@pytest.mark.parametrize("field, value", [
    ("Name", ""), ("Name", "a b"), ("Name", "a/b"), ("Name", "new-order"), ("Name", "Directory"), ("Name", "default"), ("Name", "x" * 65),
    ("Template", "none"), ("Template", ""), ("CertificateAuthority", "none"), ("ChallengeType", "dns-02"), ("ChallengeType", 5),
    ("ChallengeType", ["dns-01", 5]), ("AllowedDomains[1]", ["a.test", "-a"]), ("DeniedDomains[0]", ["10.0.0.0/40"]),
    ("AllowedDomains", "a.test"), ("Validity", 0), ("Validity", -1), ("Validity", 4000), ("ChallengeTypes", ["x"]),
    ("ExternalAccountBinding", "perhaps"), ("AllowedNetworks[0]", ["10.0.0.1/8"]), ("DeniedNetworks[0]", ["x"]),
    ("ClientNetworks[0]", ["10.0.0.0/33"]), ("MaxNames", 0), ("AutoRenew", ["yes"]), ("TermsOfService", "javascript:1"),
    ("TermsOfService", 'https://x/">\r\nX-Evil: y\r\n\r\nBODY'), ("TermsOfService", "https://"), ("TermsOfService", "https://a b/")])
def test_what_is_wrong_with_a_profile_is_told_by_its_field(profile, field, value):
    said = profile(400, **{field.split("[")[0]: value})
    assert field.replace("Types", "Type") in said["Message"], said


@pytest.mark.parametrize("body, field", [
    ({"DeniedDomain": ["x.test"]}, "DeniedDomain"), ({"AllowedDomain": ["y.test"]}, "AllowedDomain"), ({"Foo": None}, "Foo"),
    ({"Limits": {"OrdersPerhours": 1}}, "Limits.OrdersPerhours"), ({"Limits": {"Foo": 2}}, "Limits.Foo")])
def test_a_misspelt_member_opens_no_directory(admin, profile, body, field):
    said = profile(400, **body)
    assert field in said["Message"] and "is not known" in said["Message"], said
    made = profile()
    reply = admin.command("PUT", f"/ACME/Profiles/{made['Name']}", json={"Template": "WebServer", **body})
    assert reply.status_code == 400 and field in reply.json()["Message"], reply.text


def test_a_profile_is_written_back_as_it_was_read(admin, profile):
    made = profile(DeniedDomains=["x.test"], Limits={"ordersPerHour": 7}, Validity=9, ChallengeType="DNS-01")
    assert made["Limits"]["OrdersPerHour"] == 7
    assert chancery.good(admin.command("PUT", f"/ACME/Profiles/{made['Name']}", json=made)) == made


def test_of_two_edits_at_once_the_later_one_is_refused_when_it_says_what_it_read(admin, profile):
    made = profile(Validity=9)
    path = f"/ACME/Profiles/{made['Name']}"
    read = admin.command("GET", path)
    tag = read.headers["ETag"]
    first = admin.command("PUT", path, json={**made, "DeniedDomains": ["x.test"]}, headers={"If-Match": tag})
    assert first.status_code == 200 and first.headers["ETag"] != tag
    for method, more in (("PUT", {"json": {**made, "Validity": 8}}), ("DELETE", {})):
        for old in (tag, '"x"', "1"):
            said = admin.command(method, path, headers={"If-Match": old}, **more)
            assert said.status_code == 412 and said.json()["Message"], said.text
    now = admin.command("GET", path)
    assert now.json() == {**made, "DeniedDomains": ["x.test"]} and now.headers["ETag"] == first.headers["ETag"]
    assert admin.command("PUT", path, json={**made, "Validity": 8}).status_code == 200, "who does not say what was read takes all"
    tag = admin.command("PUT", path, json=made, headers={"If-Match": "*"}).headers["ETag"]
    assert admin.command("DELETE", path, headers={"If-Match": tag}).status_code == 204


def test_what_was_read_of_a_profile_that_is_gone_is_not_of_the_next_of_its_name(admin, profile):
    made = profile(Validity=9)
    path = f"/ACME/Profiles/{made['Name']}"
    tag = admin.command("GET", path).headers["ETag"]
    assert admin.command("DELETE", path).status_code == 204
    again = chancery.good(admin.command("POST", "/ACME/Profiles", json={key: made[key] for key in ("Name", "Template")}))
    for old in (tag, tag.replace('"', '"0', 1), admin.command("GET", path).headers["ETag"].replace('"', '"0', 1)):
        assert admin.command("PUT", path, json={**again, "Validity": 8}, headers={"If-Match": old}).status_code == 412
    assert chancery.good(admin.command("GET", path)) == again


def test_a_profile_that_is_not_there_is_not_changed(admin):
    body = {"Template": "WebServer"}
    assert admin.command("PUT", f"/ACME/Profiles/{fresh()}", json=body).status_code == 404


def test_a_profile_keeps_its_name(admin, profile):
    made = profile()
    said = admin.command("PUT", f"/ACME/Profiles/{made['Name']}", json={"Name": fresh(), "Template": "WebServer"})
    assert said.status_code == 400 and "Name" in said.json()["Message"]


@pytest.mark.seed("S176", "S405", "S173")
def test_certificates_are_of_the_profiles_template_names_challenges_and_validity(acme_server, profile, orderer):
    zone = name()
    made = profile(Template="tls-mutual", ChallengeType="DNS-01", AllowedDomains=[f"*.{zone}"], DeniedDomains=[f"bad.{zone}"], Validity=7)
    holder = orderer(made)
    base = made["Directory"].removesuffix("/directory")
    assert holder.kid.startswith(f"{base}/acct/")
    for refused in ("www.other.test", f"bad.{zone}", zone):
        holder.bad("newOrder", {"identifiers": [acme.identifier(refused)]}, 403, "rejectedIdentifier")
    order = holder.order(f"www.{zone}")
    assert order["profile"] == made["Name"] and order["url"].startswith(f"{base}/order/")
    assert [one["type"] for one in holder.authz(order)["challenges"]] == ["dns-01"]
    assert holder.prove(order, "dns-01")["status"] == "ready"
    certificate = leaf(holder.good(holder.finalize(order).json()["certificate"]).text)
    life = certificate.not_valid_after - certificate.not_valid_before
    assert 6.9 < life.total_seconds() / 86400 <= 7.1
    assert ExtendedKeyUsageOID.CLIENT_AUTH in certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value


@pytest.mark.seed("S402")
def test_a_profile_of_clients_gives_client_certificates(profile, orderer):
    zone = name()
    holder = orderer(profile(Template="tls-mutual", ChallengeType="DNS-01,HTTP-01"))
    order = holder.order(f"client.{zone}")
    assert holder.prove(order, "dns-01")["status"] == "ready"
    usage = leaf(holder.good(holder.finalize(order).json()["certificate"]).text).extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert ExtendedKeyUsageOID.CLIENT_AUTH in usage.value


def test_accounts_and_orders_are_one_endpoints(acme_server, answers, profile, orderer):
    first = orderer(profile())
    plain = acme.Orderer(acme_server, answers, key=first.key)
    second = orderer(profile(), key=first.key)
    assert len({first.kid, plain.kid, second.kid}) == 3
    order = first.order(name())
    for other in (plain, second):
        other.bad(f"{other.base}/order/{order['url'].rsplit('/', 1)[-1]}", None, 404, "malformed")
        said = other.call("newOrder", {"identifiers": [acme.identifier(name())]}, kid=first.kid)
        acme.refused(said, 400, "malformed")
    first.bad(order["url"] + "x", None, 404, "malformed")
    first.kid = plain.kid
    first.bad(order["url"], None, 400, "malformed")


@pytest.mark.seed("S386")
@pytest.mark.parametrize("issued", ["by ACME", "by REST"])
def test_proofs_by_the_rules_of_one_do_not_revoke_what_was_issued_by_others(acme_server, answers, admin, profile, orderer, issued):
    wanted = name("lax")
    holder = acme.Orderer(acme_server, answers)
    chain = holder.issue(wanted)[1] if issued == "by ACME" else admin.enroll(dns=(wanted,))["Certificates"][0]
    stranger, other = orderer(profile()), acme.Orderer(acme_server, answers)
    stranger.prove(stranger.order(wanted))
    reply = acme.revoke(stranger, chain)
    acme.refused(reply, 403, "unauthorized")
    other.prove(other.order(wanted))
    assert acme.revoke(other, chain).status_code == 200, "proved by the rules that it was issued by"


def test_the_validator_reaches_private_networks_where_the_profile_allows_it(profile, orderer):
    closed = orderer(profile(AllowedNetworks=["10.99.0.0/16"]))
    order = closed.order(name())
    assert closed.prove(order)["status"] == "invalid"
    assert "not allowed" in str(closed.good(order["url"]).json()["error"])
    denied = orderer(profile(DeniedNetworks=["127.0.0.0/8"]))
    assert denied.prove(denied.order(name()))["status"] == "invalid"
    open_ = orderer(profile(AllowedNetworks=["127.0.0.0/8"]))
    assert open_.prove(open_.order(name()))["status"] == "ready"


@pytest.mark.seed("S407")
def test_a_profile_answers_its_clients_networks_alone(acme_server, admin, profile):
    made = profile(ClientNetworks=["10.0.0.0/8", "192.0.2.1"])
    reply = admin.session.get(made["Directory"], timeout=30)
    acme.refused(reply, 403, "unauthorized")
    chancery.good(admin.command("PUT", f"/ACME/Profiles/{made['Name']}", json={"Template": "WebServer", "ClientNetworks": ["127.0.0.0/8"]}))
    acme.Client(acme_server, directory=made["Directory"]).register()


def test_a_profile_has_its_own_binding_and_terms(acme_server, profile):
    made = profile(ExternalAccountBinding="required", TermsOfService="https://terms.test/")
    client = acme.Client(acme_server, directory=made["Directory"])
    assert client.directory["meta"]["externalAccountRequired"] is True
    assert client.directory["meta"]["termsOfService"] == "https://terms.test/"
    client.bad("newAccount", {"termsOfServiceAgreed": True}, 403, "externalAccountRequired", jwk=True)
    assert made["ExternalAccountBinding"] == "required"


def test_a_profile_that_is_switched_off_is_not_there(admin, profile, orderer):
    made = profile()
    holder = orderer(made)
    order = holder.order(name())
    holder.prove(order)
    path = f"/ACME/Profiles/{made['Name']}"
    assert chancery.good(admin.command("PUT", path, json={"Template": "WebServer", "Enabled": False}))["Enabled"] is False
    assert admin.session.get(made["Directory"], timeout=30).status_code == 404
    chancery.good(admin.command("PUT", path, json={"Template": "WebServer"}))
    assert holder.finalize(order).json()["status"] == "valid"


# The profiles that a client chooses from (draft-ietf-acme-profiles).

def test_an_order_names_a_profile_of_its_directory(acme_server, answers, admin, profile):
    made = profile(Template="tls-mutual", OfferedInDefaultDirectory=True, Description="for both", ChallengeType="HTTP-01", Validity=5)
    hidden = profile()
    holder = acme.Orderer(acme_server, answers)
    offered = holder.directory["meta"]["profiles"]
    assert offered[made["Name"]] == "for both" and offered["default"] and hidden["Name"] not in offered
    wanted = name()
    assert holder.order(wanted)["profile"] == "default"
    for bad in (hidden["Name"], "none", ""):
        holder.bad("newOrder", {"identifiers": [acme.identifier(wanted)], "profile": bad}, 400, "invalidProfile")
    holder.bad("newOrder", {"identifiers": [acme.identifier(wanted)], "profile": 5}, 400, "malformed")
    order = holder.order(wanted, profile=made["Name"])
    assert order["profile"] == made["Name"] and order["url"].startswith(holder.base + "/order/")
    assert holder.prove(order)["status"] == "ready"
    certificate = leaf(holder.good(holder.finalize(order).json()["certificate"]).text)
    assert ExtendedKeyUsageOID.CLIENT_AUTH in certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert holder.order(wanted)["status"] == "pending", "what one profile's validator found is not another's proof"
    gone = holder.order(wanted, profile=made["Name"])
    assert gone["status"] == "ready"
    assert admin.command("DELETE", f"/ACME/Profiles/{made['Name']}").status_code == 204
    csr = acme.der(keys.new_csr(cn=None, dns=(wanted,)))
    holder.bad(gone["finalize"], {"csr": csr}, 400, "invalidProfile")


def test_what_a_profile_asks_of_clients_is_asked_in_the_default_directory_too(acme_server, answers, profile):
    closed = [profile(OfferedInDefaultDirectory=True, ExternalAccountBinding="required"),
              profile(OfferedInDefaultDirectory=True, ClientNetworks=["10.0.0.0/8"])]
    holder = acme.Orderer(acme_server, answers)
    for made in closed:
        holder.bad("newOrder", {"identifiers": [acme.identifier(name())], "profile": made["Name"]}, 400, "invalidProfile")


def test_nobody_comes_round_a_profiles_terms_by_the_default_directory(new_server, acme_settings, admin, profile):
    theirs, ours = "https://theirs.test/", "https://ours.test/"
    said = profile(400, OfferedInDefaultDirectory=True, TermsOfService=theirs)
    assert "OfferedInDefaultDirectory" in said["Message"] and theirs in said["Message"], said
    server = new_server(settings={**acme_settings, "acme.terms_url": theirs}).start()
    chancery.good(server.client().command("POST", "/ACME/Profiles", json={
        "Name": "Strict", "Template": "WebServer", "OfferedInDefaultDirectory": True, "TermsOfService": theirs}))
    for terms, offered in ((theirs, True), (ours, False)):  # other ones since the profile was made
        server.stop()
        server.settings["acme.terms_url"] = terms
        server.start()
        client = acme.Client(server)
        client.register(termsOfServiceAgreed=True)
        assert ("Strict" in client.directory["meta"]["profiles"]) is offered
        wanted = {"identifiers": [acme.identifier(name())], "profile": "Strict"}
        if offered:
            assert client.good("newOrder", wanted, 201).json()["profile"] == "Strict"
            continue
        problem = client.bad("newOrder", wanted, 400, "invalidProfile")
        assert theirs in problem["detail"] and "/acme/Strict/directory" in problem["detail"], problem


def test_a_key_for_binding_chooses_the_profile(acme_server, answers, admin, profile):
    first, other = profile(OfferedInDefaultDirectory=True), profile(OfferedInDefaultDirectory=True)
    key = admin.rest("POST", "/acme/eab-keys", json={"profiles": [first["Name"]]}).json()
    holder = acme.Client(acme_server)
    holder.register(bound_by=key)
    wanted = [acme.identifier(name())]
    assert holder.good("newOrder", {"identifiers": wanted}, 201).json()["profile"] == first["Name"]
    for bad in ("default", other["Name"]):
        holder.bad("newOrder", {"identifiers": wanted, "profile": bad}, 400, "invalidProfile")


def test_a_profile_has_keys_for_binding_of_its_own(acme_server, admin, profile):
    made = profile(ExternalAccountBinding="required")
    key = admin.rest("POST", "/acme/eab-keys", json={"profile": made["Name"]}).json()
    client = acme.Client(acme_server, directory=made["Directory"])
    client.register(bound_by=key)
    plain = acme.Client(acme_server)
    plain.bad("newAccount", {"externalAccountBinding": plain.binding(key["kid"], key["hmac_key"])}, 403, "unauthorized", jwk=True)


def test_keys_for_binding_end_with_their_profile(admin, profile):
    made, other = profile(), profile()
    kept, gone = (admin.rest("POST", "/acme/eab-keys", json={"profile": one["Name"]}).json()["kid"] for one in (other, made))
    assert admin.command("DELETE", f"/ACME/Profiles/{made['Name']}").status_code < 300
    states = [admin.rest("GET", f"/acme/eab-keys/{kid}").json()["status"] for kid in (kept, gone)]
    assert states == ["enabled", "revoked"]
    told = events(admin, "acme.eab.revoke", gone)
    assert len(told) == 1 and "profile" in str(told), told


def test_the_only_profile_of_a_profiles_directory_is_itself(profile, orderer):
    made, other = profile(), profile(OfferedInDefaultDirectory=True)
    holder = orderer(made)
    assert holder.order(name(), profile=made["Name"])["profile"] == made["Name"]
    for bad in ("default", other["Name"]):
        holder.bad("newOrder", {"identifiers": [acme.identifier(name())], "profile": bad}, 400, "invalidProfile")


@pytest.mark.seed("S174")
def test_with_automatic_renewal_the_window_opens_thirty_days_before_the_end(profile, orderer):
    holder = orderer(profile(AutoRenew=True, Validity=180))
    _, chain = holder.issue(name())
    certificate = leaf(chain)
    start, end = window(holder, certificate)
    assert abs(certificate.not_valid_after - datetime.timedelta(days=30) - start) <= datetime.timedelta(seconds=2) and start < end


@pytest.mark.database("postgresql")
def test_what_one_server_is_told_another_knows(new_server, acme_settings, answers):
    one = new_server(settings=acme_settings).start()
    other = chancery.Server(one.database, settings=acme_settings)
    try:
        shutil.copytree(one.data, other.data)  # the same master key and keys of authorities
        for kept in other.data.glob("*.address"):
            kept.unlink()
        other.start()
        made = one.client().post("/ACME/Profiles", {"Name": "shared", "Template": "WebServer"})
        there = other.url.rstrip("/") + acme.path_of(made["Directory"])
        session = other.client(one.user, one.password).session
        processes.wait_until(lambda: session.get(there, timeout=30).status_code == 200, 15, what="the profile")
        assert one.client().command("DELETE", "/ACME/Profiles/shared").status_code == 204
        processes.wait_until(lambda: session.get(there, timeout=30).status_code == 404, 15, what="its end")
    finally:
        other.close()
