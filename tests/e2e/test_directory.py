"""People of a directory: their password, their groups and the roles that come with them, against a real slapd."""
import concurrent.futures
import json
import socket
import time
import uuid

import pytest
import requests

import admin
import chancery
import directory
import keys
import processes
from directory import BASE, PASSWORDS


@pytest.fixture(scope="module")
def contoso(tmp_path_factory):
    one = directory.Slapd(tmp_path_factory.mktemp("slapd"))
    yield one
    one.close()


@pytest.fixture
def joined(new_server, contoso, tmp_path):
    """Start a server that lets the people of directories in: joined({...}, ...) with entries of access.directories."""
    def start(*directories, **access):
        config = tmp_path / "chancery.yaml"
        config.write_text(json.dumps({"access": {"directories": list(directories) or [contoso.settings()], **access}}))
        config.chmod(0o600)
        return new_server(settings={}, config=config).start()
    return start


def claim(server, type, value, roles, **more):
    reply = server.client().rest("POST", "/claims", json={"type": type, "value": value, "roles": roles, **more})
    assert reply.status_code == 201, reply.text
    return reply.json()


def caller(server, user, password=None):
    """A client in the person's name, by default with their password; both in UTF-8 (RFC 7617 section 2.1)."""
    password = password or PASSWORDS[user.split("\\")[-1].split("@")[0].lower()]
    return server.client(user.encode(), password.encode())


def call(server, user, password=None, path="/Certificates"):
    return caller(server, user, password).command("GET", path)


def accounts(server):
    return server.client().rest("GET", "/users", params={"contains": "ldap:contoso"}).json()["items"]


def whoami(server, user, password=None):
    reply = caller(server, user, password).rest("GET", "/whoami")
    assert reply.status_code == 200, reply.text
    return reply.json()


@pytest.mark.seed("S137")
def test_each_form_of_a_name_is_the_same_account_and_without_a_role_nobody_gets_one(joined, contoso):
    server = joined()
    forms = ["CONTOSO\\ana", "ana@contoso.com", "contoso\\ANA", "Ana@CONTOSO.COM", "contoso.com\\ana", "ana@contoso"]
    for form in forms:
        stranger = call(server, form)
        assert stranger.status_code == 403 and "no role" in stranger.json()["Message"], stranger.text
    assert accounts(server) == []
    claim(server, "user", "CONTOSO\\ana", ["Auditor"], provider="contoso")
    seen = [whoami(server, form) for form in forms]
    assert {row["id"] for row in seen} == {seen[0]["id"]}
    assert seen[0]["name"] == "CONTOSO\\Ana" and seen[0]["auth"] == "ldap" and seen[0]["roles"] == ["Auditor"]
    account, = accounts(server)
    assert account["name"] == "CONTOSO\\Ana"
    events = server.client().rest("GET", "/audit", params={"action": "user.create", "actor": "CONTOSO\\Ana"}).json()
    event = server.client().rest("GET", f"/audit/{events['items'][0]['id']}").text
    assert "ldap:contoso:000102030405060708090a0b0c0d0e0f" in event, event
    # log out, log in: a token carries the roles of the groups that there were
    reply = server.client(nobody=True).command("POST", "/Auth/Login", json={
        "username": "ana@contoso.com", "password": PASSWORDS["ana"]})
    token = chancery.good(reply)["access_token"]
    mine = server.client(token=token).rest("GET", "/whoami").json()
    assert mine["id"] == seen[0]["id"] and mine["roles"] == ["Auditor"] and mine["auth"] == "token"
    assert server.client(token=token).command("GET", "/Certificates").status_code == 200


def test_a_token_carries_no_claim_that_was_made_after_it(joined):
    """A claim may be given the number of one that was removed."""
    server = joined()
    row = claim(server, "user", "CONTOSO\\ana", ["Auditor"], provider="contoso")
    reply = server.client(nobody=True).command("POST", "/Auth/Login", json={
        "username": "ana@contoso.com", "password": PASSWORDS["ana"]})
    program = server.client(token=chancery.good(reply)["access_token"])
    assert program.rest("GET", "/whoami").json()["roles"] == ["Auditor"]
    etag = server.client().rest("GET", f"/claims/{row['id']}").headers["ETag"]
    assert server.client().rest("DELETE", f"/claims/{row['id']}", headers={"If-Match": etag}).status_code == 204
    claim(server, "user", "CONTOSO\\bob", ["Administrator"], provider="contoso")
    assert program.rest("GET", "/whoami").json()["roles"] == []


@pytest.mark.seed("S132")
@pytest.mark.parametrize("how, value", [
    ({}, "PKI-Administrators"), ({"group_filter": ""}, "contoso\\pki-administrators"),
    ({"member_of": ""}, f"cn=PKI-Administrators,ou=groups,{BASE}")], ids=["both", "memberOf", "search"])
def test_a_group_is_a_member_of_a_role_and_its_members_come_and_go(joined, contoso, how, value):
    server = joined(contoso.settings(**how))
    claim(server, "group", value, ["Administrator"], provider="contoso")
    claim(server, "group", "PKI-Users", ["Requester"])
    assert whoami(server, "CONTOSO\\bob")["roles"] == ["Administrator"]
    assert whoami(server, "CONTOSO\\eve")["roles"] == ["Requester"]
    assert call(server, "CONTOSO\\ana").status_code == 403
    contoso.member(contoso.admins, contoso.ana, "add")
    try:
        assert whoami(server, "CONTOSO\\ana")["roles"] == ["Administrator"]
    finally:
        contoso.member(contoso.admins, contoso.ana, "delete")
    # what was proved is remembered for a minute by the very name; another form asks anew
    assert whoami(server, "ana@contoso.com")["roles"] == []
    assert call(server, "contoso.com\\ana").status_code == 403


@pytest.mark.seed("S132")
def test_groups_are_members_of_the_two_roles_of_the_seed(joined, contoso):
    server = joined()
    members = {"PKI-Administrators": "Certificate Administrator", "PKI-Users": "Certificate Requester"}
    for group, role in members.items():
        row = claim(server, "Group", f"CONTOSO\\{group}", [], provider="contoso")
        added = server.client().rest("POST", f"/roles/{role}/members", json={"kind": "claim", "name": str(row["id"])})
        assert added.status_code == 200, added.text
    assert whoami(server, "CONTOSO\\bob")["roles"] == ["Certificate Administrator"]
    assert whoami(server, "CONTOSO\\eve")["roles"] == ["Certificate Requester"]
    taken = server.client().rest("DELETE", f"/roles/Certificate Requester/members/claim/{row['id']}")
    assert taken.status_code == 204
    assert whoami(server, "CONTOSO\\eve")["roles"] == []  # at once, whatever was remembered


def test_many_who_log_in_at_the_same_time_wait_for_one_another(joined, contoso):
    server = joined()
    claim(server, "user", "CONTOSO\\bob", ["Auditor"])
    forms = [(f"{domain}\\{name}" if back else f"{name}@{domain}")
             for domain in ("CONTOSO", "contoso", "contoso.com", "Contoso.Com")
             for name in ("bob", "BOB", "Bob", "bOb") for back in (True, False)]
    with concurrent.futures.ThreadPoolExecutor(len(forms)) as pool:
        answers = list(pool.map(lambda form: call(server, form).status_code, forms))
    assert answers == [200] * len(forms), answers
    assert len(accounts(server)) == 1


def test_groups_elsewhere_do_not_count_and_nested_ones_do_when_they_are_asked_for(joined, contoso):
    elsewhere = contoso.group("PKI-Operators", [contoso.ana], "elsewhere")
    inner = contoso.group("Team, (inner) *", [contoso.ana], rdn="Team\\, (inner) *")
    middle = contoso.group("Team-middle", [inner])
    outer = contoso.group("Team-outer", [middle])
    contoso.member(inner, outer, "add")  # a circle
    try:
        server = joined(contoso.settings(nested=True))
        claim(server, "group", "PKI-Operators", ["Administrator"])
        assert call(server, "CONTOSO\\ana").status_code == 403
        claim(server, "group", "Team-outer", ["Operator"])
        assert whoami(server, "CONTOSO\\ana")["roles"] == ["Operator"]
        flat = joined(contoso.settings())
        claim(flat, "group", "Team-outer", ["Operator"])
        assert call(flat, "CONTOSO\\ana").status_code == 403
        claim(flat, "group", "Team, (inner) *", ["Operator"])
        assert whoami(flat, "CONTOSO\\ana")["roles"] == ["Operator"]
    finally:
        for group in (elsewhere, inner, middle, outer):
            contoso.remove(group)


@pytest.mark.once
@pytest.mark.parametrize("user_bind", [f"uid={{login}},ou=people,{BASE}"])
@pytest.mark.parametrize("address", ["ldaps", "start_tls"])
def test_people_may_search_themselves_by_either_way_to_tls(joined, contoso, user_bind, address):
    server = joined(contoso.settings(user_bind=user_bind, bind_dn="", bind_password="", urls=[getattr(contoso, address)]))
    claim(server, "group", "PKI-Administrators", ["Auditor"])
    assert whoami(server, "CONTOSO\\bob")["roles"] == ["Auditor"]
    for name in ("bob,ou=people", "bob+cn=bob", "nobody", "*"):
        assert call(server, f"CONTOSO\\{name}", PASSWORDS["bob"]).status_code == 401
    assert call(server, "CONTOSO\\bob", "wrong").status_code == 401


@pytest.fixture
def crossed(contoso):
    """As in many a forest: Smith's userPrincipalName is Jones' sAMAccountName. Their names and passwords."""
    people = {"smith": ("ajones@contoso.com", "asmith"), "jones": ("ana.jones@contoso.com", "ajones"),
              "miller": ("miller@contoso.com", "miller")}
    entries = {name: f"userPrincipalName={upn},ou=people,{BASE}" for name, (upn, _) in people.items()}
    for name, (upn, account) in people.items():
        contoso.ldif(f"dn: {entries[name]}\nobjectClass: inetOrgPerson\nobjectClass: adPerson\ncn: {name}\nsn: x\n"
                     f"sAMAccountName: {account}\nuserPassword: the secret of {name}\n")
    boss = contoso.group("PKI-Boss", [entries["jones"], entries["miller"]])
    yield {name: f"the secret of {name}" for name in people}
    for dn in (boss, *entries.values()):
        contoso.remove(dn)


def test_who_is_found_is_whose_password_was_given_whatever_people_bind_as(joined, contoso, crossed):
    server = joined(contoso.settings(user_bind=f"userPrincipalName={{login}}@contoso.com,ou=people,{BASE}",
                                     bind_dn="", bind_password=""), lock_after=100)
    claim(server, "group", "PKI-Boss", ["Administrator"], provider="contoso")
    # their name of either kind is one entry's
    assert whoami(server, "CONTOSO\\miller", crossed["miller"])["roles"] == ["Administrator"]
    assert whoami(server, "miller@contoso.com", crossed["miller"])["name"] == "CONTOSO\\miller"
    # Smith binds as ajones@contoso.com; the entry that the filter finds by ajones is Jones'
    for name in ("CONTOSO\\ajones", "ajones@contoso.com"):
        for who in ("smith", "jones", "miller"):
            refused = call(server, name, crossed[who])
            assert refused.status_code == 401, (name, who, refused.text)
        assert server.client(nobody=True).command("POST", "/Auth/Login", json={
            "username": name, "password": crossed["smith"]}).status_code in (400, 401)
    assert [row["name"] for row in accounts(server)] == ["CONTOSO\\miller"]
    events = server.client().rest("GET", "/audit", params={"action": "login.failed", "limit": 100}).json()["items"]
    record = "".join(server.client().rest("GET", f"/audit/{row['id']}").text for row in events)
    assert "is not the one that user_bind proved" in record, record
    assert not [password for password in crossed.values() if password in server.log.read_text() + record]


@pytest.mark.once
def test_what_is_found_elsewhere_than_people_bind_is_not_them(joined, contoso):
    jones = f"uid=jones,ou=elsewhere,{BASE}"
    contoso.ldif(f"dn: {jones}\nobjectClass: inetOrgPerson\nobjectClass: adPerson\nuid: jones\ncn: jones\nsn: x\n"
                 f"sAMAccountName: eve\nuserPassword: jones secret\n")
    boss = contoso.group("PKI-Boss", [jones])
    try:
        server = joined(contoso.settings(user_bind=f"uid={{login}},ou=people,{BASE}", base=f"ou=elsewhere,{BASE}",
                                         bind_dn="", bind_password=""))
        claim(server, "group", "PKI-Boss", ["Administrator"], provider="contoso")
        for password in (PASSWORDS["eve"], "jones secret"):
            assert call(server, "CONTOSO\\eve", password).status_code == 401
        steps, why, said = tried(server, "contoso", user="eve", password=PASSWORDS["eve"])
        assert not said["ok"] and "is not the one that user_bind proved" in why, said
        assert accounts(server) == []
    finally:
        contoso.remove(boss)
        contoso.remove(jones)


@pytest.mark.once
def test_start_tls_comes_before_every_password(joined, contoso):
    server = joined(contoso.settings(urls=[contoso.start_tls]))  # slapd refuses passwords without TLS
    claim(server, "group", "PKI-Administrators", ["Auditor"])
    assert whoami(server, "CONTOSO\\bob")["roles"] == ["Auditor"]


def test_nothing_but_the_right_password_of_the_right_name_lets_anybody_in(joined, contoso):
    server = joined(lock_after=1000)
    claim(server, "group", "PKI-Administrators", ["Administrator"])
    claim(server, "user", "CONTOSO\\", ["Administrator"])
    wrong = [("bob", ""), ("bob", "x"), ("bob", PASSWORDS["bob"].upper()), ("bob", PASSWORDS["ana"]),
             ("nobody", PASSWORDS["bob"]), ("*", PASSWORDS["bob"]), ("b*", PASSWORDS["bob"]),
             ("bob)(uid=*", PASSWORDS["bob"]), ("bob)(|(uid=bob", PASSWORDS["bob"]), ("\\62ob", PASSWORDS["bob"]),
             ("bob,ou=people", PASSWORDS["bob"]), (f"uid=bob,ou=people,{BASE}", PASSWORDS["bob"]),
             ("chancery", contoso.service_password), ("bob ", "x"), ("x" * 240, "y")]
    texts = set()
    for login, password in wrong:
        session = requests.Session()
        session.trust_env, session.verify = False, str(server.ca)
        reply = session.get(server.url.rstrip("/") + "/KeyfactorAPI/Certificates",
                            auth=(f"CONTOSO\\{login}".encode(), password.encode()), timeout=30)
        assert reply.status_code == 401, (login, password, reply.status_code, reply.text)
        texts.add(reply.json()["Message"])
        login_reply = server.client(nobody=True).command("POST", "/Auth/Login", json={
            "username": f"{login}@contoso.com", "password": password})
        assert login_reply.status_code in (400, 401), login_reply.text
    assert len(texts) == 1, texts
    assert whoami(server, "CONTOSO\\bob")["roles"] == ["Administrator"]
    assert len(accounts(server)) == 1
    # the log and the record tell what for, and nobody's password
    events = server.client().rest("GET", "/audit", params={"action": "login.failed", "limit": 100}).json()["items"]
    record = "".join(server.client().rest("GET", f"/audit/{row['id']}").text for row in events)
    assert "nobody in the directory has that name" in record and "Invalid credentials" in record
    assert "the password is empty" in record
    everything = server.log.read_text() + record
    assert not [password for _, password in wrong if len(password) > 8 and password in everything]


def test_a_guessed_name_is_locked_under_each_of_its_forms(joined, contoso):
    server = joined(lock_time="5s")
    claim(server, "group", "PKI-Administrators", ["Auditor"])
    for n in range(5):
        assert call(server, ("CONTOSO\\bob", "bob@contoso.com")[n % 2], f"wrong {n}").status_code == 401
    locked = call(server, "contoso.com\\bob")
    assert locked.status_code == 429 and int(locked.headers["Retry-After"]) > 0, locked.text
    assert call(server, "CONTOSO\\eve").status_code == 403  # others are not
    processes.wait_until(lambda: call(server, "CONTOSO\\bob").status_code == 200, 20, 0.3, what="the end of the lock")
    for n in range(4):  # and who logged in begins anew
        assert call(server, "CONTOSO\\bob", f"wrong {n}").status_code == 401
    assert call(server, "bob@contoso.com").status_code == 200


def test_other_spellings_of_a_name_do_not_buy_more_guesses(joined, contoso):
    server = joined()
    claim(server, "group", "PKI-Administrators", ["Auditor"])
    spellings = ["bob ", " bob", "  bob", "bob  ", " bob "]
    for spelling in spellings:  # to the directory they are one
        assert call(server, f"CONTOSO\\{spelling}", PASSWORDS["bob"]).status_code == 200
    for spelling in spellings:
        assert call(server, f"{spelling}@contoso.com", "wrong").status_code == 401
    for name in ("bob", *spellings):
        assert call(server, f"contoso.com\\{name}", PASSWORDS["bob"]).status_code == 429
    assert call(server, "CONTOSO\\eve").status_code == 403


def test_a_directory_that_is_away_stops_its_people_and_nobody_else(joined, contoso):
    server = joined(contoso.settings(timeout="1s"))
    claim(server, "group", "PKI-Administrators", ["Auditor"])
    contoso.stop()
    try:
        away = call(server, "CONTOSO\\bob")
        assert away.status_code == 503 and "contoso" in away.json()["Message"], away.text
        assert int(away.headers["Retry-After"]) > 0 and "localhost" not in away.text
        assert server.client().command("GET", "/Certificates").status_code == 200
        line = server.lines(event="integration.failed")[0]
        assert line["integration"] == "contoso" and line["module"] == "integration.contoso"
        assert line["operation"] == "login" and contoso.ldaps in line["error"]
    finally:
        contoso.start()
    assert whoami(server, "CONTOSO\\bob")["roles"] == ["Auditor"]
    metrics = requests.get(server.url.rstrip("/") + "/metrics", verify=str(server.ca), timeout=10).text
    assert 'chancery_directory_requests_total{provider="contoso",operation="login",result="ok"} 1' in metrics
    assert 'chancery_directory_requests_total{provider="contoso",operation="login",result="error"} 1' in metrics


@pytest.mark.once
def test_the_next_server_is_asked_when_one_is_silent(joined, contoso):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        url = f"ldaps://localhost:{silent.getsockname()[1]}"
        server = joined(contoso.settings(urls=[url, contoso.ldaps], timeout="5s"))
        claim(server, "group", "PKI-Administrators", ["Auditor"])
        assert whoami(server, "CONTOSO\\bob")["roles"] == ["Auditor"]
        began = time.monotonic()
        assert call(server, "bob@contoso.com").status_code == 200
        assert time.monotonic() - began < 5  # the one that answered comes first now
        alone = joined(contoso.settings(urls=[url], timeout="500ms"))
        began = time.monotonic()
        assert call(alone, "CONTOSO\\bob").status_code == 503
        assert time.monotonic() - began < 5


@pytest.mark.seed("S095")
@pytest.mark.once
@pytest.mark.parametrize("fault", ["another authority", "another host", "our own password", "no such base",
                                   "a base elsewhere"])
def test_a_directory_that_cannot_be_trusted_or_asked_lets_nobody_in(joined, contoso, tmp_path, fault):
    other = tmp_path / "other.pem"
    other.write_bytes(keys.self_signed("localhost", dns=["localhost"])[0].public_bytes(keys.PEM))
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong")
    wrong.chmod(0o600)
    more, words = {
        "another authority": ({"ca": str(other)}, "certificate of localhost is refused"),
        "another host": ({"urls": [contoso.ldaps.replace("localhost", "127.0.0.1")]}, "mismatch"),
        "our own password": ({"bind_password": f"file:{wrong}"}, "by which it is searched"),
        "no such base": ({"base": f"ou=nowhere,{BASE}"}, "No such object"),
        "a base elsewhere": ({"base": "dc=fabrikam,dc=com"}, "refers to another one"),
    }[fault]
    server = joined(contoso.settings(**more))
    claim(server, "group", "PKI-Administrators", ["Auditor"])
    reply = call(server, "CONTOSO\\bob")
    assert reply.status_code == 503, reply.text
    line = server.lines(event="integration.failed")[0]
    assert words in line["error"], line


def test_a_reload_takes_other_directories(joined, contoso, tmp_path):
    """Without a restart: another directory, none, the same again; what cannot be taken leaves what was in force."""
    server = joined()
    server.tolerates_errors = True
    claim(server, "group", "PKI-Administrators", ["Auditor"])

    def configure(*directories, **access):
        server.config.write_text(json.dumps({"access": {"directories": list(directories), **access}}))
        return server.reload()
    listed = lambda: [row["name"] for row in server.client().rest("GET", "/providers").json()["items"]]
    bob = caller(server, "CONTOSO\\bob")
    assert bob.command("GET", "/Certificates").status_code == 200 and listed() == ["contoso"]
    assert configure() and listed() == []
    assert bob.command("GET", "/Certificates").status_code == 401  # though it was remembered
    assert server.client().get("/Status/Endpoints")
    assert configure(contoso.settings(name="others", domains=["OTHERS"])) and listed() == ["others"]
    assert call(server, "CONTOSO\\bob").status_code == 401 and call(server, "OTHERS\\bob").status_code == 200
    assert configure(contoso.settings())
    assert bob.command("GET", "/Certificates").status_code == 200
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("no certificate\n")
    for wrong in (contoso.settings(ca="/nonexistent"), contoso.settings(ca=str(nothing)),
                  contoso.settings(bind_password="file:/nonexistent"), contoso.settings(urls=["ldap:"])):
        assert not configure(wrong)
        assert not configure(contoso.settings(), {**wrong, "name": "b", "domains": ["B"]})
        assert not configure(kerberos={"keytab": "/nonexistent"})
        assert bob.command("GET", "/Certificates").status_code == 200 and listed() == ["contoso"]
    # the password that searches is read anew, too
    assert configure(contoso.settings(user_filter="(uid=nobody-{login})"))
    assert bob.command("GET", "/Certificates").status_code == 401
    assert "next start" not in server.log.read_text()


def test_logins_go_on_while_directories_are_replaced(joined, contoso):
    server = joined()
    claim(server, "group", "PKI-Administrators", ["Auditor"])
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        def log_in(_):
            return [call(server, "CONTOSO\\bob").status_code for _ in range(10)]
        replies = [pool.submit(log_in, n) for n in range(4)]
        for _ in range(5):
            assert server.reload()
        assert {status for one in replies for status in one.result()} == {200}


def test_our_own_accounts_stay_beside_a_directory(joined, contoso):
    server = joined(domain="contoso.com")
    claim(server, "group", "PKI-Administrators", ["Auditor"])
    name, password = admin.user(server, roles=["Operator"])
    assert whoami(server, name, password)["roles"] == ["Operator"]
    # without a domain: ours first, then the configured domain's
    assert whoami(server, "bob")["name"] == "CONTOSO\\bob"
    made = server.client().rest("POST", "/users", json={"name": "bob", "password": "a long password of ours",
                                                        "roles": ["Operator"]})
    assert made.status_code == 201, made.text
    assert whoami(server, "bob", "a long password of ours")["name"] == "bob"
    # with the directory's domain it is the directory's, whatever else there is
    assert whoami(server, "CONTOSO\\bob")["name"] == "CONTOSO\\bob"
    assert call(server, "CONTOSO\\bob", "a long password of ours").status_code == 401
    # unless an account was made with that very domain
    made = server.client().rest("POST", "/users", json={"name": "CONTOSO\\frank", "roles": ["Operator"],
                                                        "password": "another password of ours"})
    assert made.status_code == 201, made.text
    assert whoami(server, "contoso\\frank", "another password of ours")["roles"] == ["Operator"]
    # another domain is not the directory's to judge
    assert call(server, "FABRIKAM\\bob").status_code == 401


def test_who_gets_a_used_name_does_not_get_the_account(joined, contoso):
    server = joined()
    login = f"temp{uuid.uuid4().hex[:12]}"
    first = contoso.person(login, "a first long password")
    claim(server, "user", f"{login}@contoso.com", ["Auditor"])
    one = whoami(server, f"CONTOSO\\{login}", "a first long password")
    contoso.remove(first)
    assert call(server, f"{login}@contoso.com", "a first long password").status_code == 401
    contoso.person(login, "a second long password")
    two = whoami(server, f"CONTOSO\\{login}", "a second long password")
    assert one["id"] != two["id"] and one["name"] == two["name"]


# ---- trying it

def tried(server, name="contoso", **body):
    """The steps of a trial, as {name: ok}; the words that were said of those that failed; and the whole answer."""
    reply = server.client().rest("POST", f"/providers/{name}/test", json=body)
    assert reply.status_code == 200, reply.text
    said = reply.json()
    assert said["ok"] == all(step["ok"] for step in said["steps"])
    return ({step["name"]: step["ok"] for step in said["steps"]},
            " ".join(step["detail"] for step in said["steps"] if not step["ok"]), said)


@pytest.mark.seed("S129")
def test_a_trial_says_step_by_step_what_works(joined, contoso):
    server = joined()
    listed = server.client().rest("GET", "/providers").json()["items"]
    assert listed == [{"name": "contoso", "kind": "ldap", "addresses": [contoso.ldaps],
                       "domains": ["CONTOSO", "contoso.com"]}]
    steps, _, said = tried(server)
    assert list(steps) == ["server", "resolve", "connect", "tls", "bind", "base"] and said["ok"]
    details = {step["name"]: step["detail"] for step in said["steps"]}
    assert details["server"] == contoso.ldaps and "127.0.0.1" in details["connect"] and "TLSv1." in details["tls"]
    steps, _, said = tried(server, user="CONTOSO\\bob", password=PASSWORDS["bob"])
    assert said["ok"] and list(steps)[-3:] == ["user", "groups", "login"]
    details = {step["name"]: step["detail"] for step in said["steps"]}
    assert details["user"] == contoso.bob and details["groups"] == "PKI-Administrators"
    steps, why, _ = tried(server, user="bob", password="not bob's password")
    assert not steps["login"] and steps["groups"] and "Invalid credentials" in why
    steps, why, _ = tried(server, user="nobody")
    assert not steps["user"] and steps["base"] and "nobody in the directory" in why
    assert accounts(server) == []  # nobody was logged in
    events = server.client().rest("GET", "/audit", params={"action": "provider.test"}).json()["items"]
    assert len(events) == 4, events
    assert PASSWORDS["bob"] not in server.log.read_text() and "not bob's password" not in server.log.read_text()


@pytest.mark.once
def test_a_trial_names_the_step_that_fails(joined, contoso, tmp_path):
    other, wrong = tmp_path / "other.pem", tmp_path / "wrong"
    other.write_bytes(keys.self_signed("localhost", dns=["localhost"])[0].public_bytes(keys.PEM))
    wrong.write_text("wrong")
    wrong.chmod(0o600)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        closed = f"ldaps://localhost:{nobody.getsockname()[1]}"
        faults = {
            "resolve": ({"urls": ["ldaps://nowhere.invalid"]}, "nowhere.invalid cannot be resolved"),
            "connect": ({"urls": [closed]}, "refused"),
            "tls": ({"ca": str(other)}, "certificate of localhost is refused"),
            "bind": ({"bind_password": f"file:{wrong}"}, "Invalid credentials"),
            "base": ({"base": f"ou=nowhere,{BASE}"}, "No such object"),
            "group_base": ({"group_base": f"ou=nobody,{BASE}"}, "No such object"),
            "plain": ({"urls": [contoso.ldaps.replace("ldaps", "ldap")], "timeout": "500ms"}, ""),
        }
        server = joined(*(contoso.settings(name=name, domains=[name], **more) for name, (more, _) in faults.items()),
                        contoso.settings(name="second", urls=[closed, contoso.start_tls]),
                        contoso.settings(name="self", domains=["self"], bind_dn="", bind_password="",
                                         user_bind=f"uid={{login}},ou=people,{BASE}"))
        for name, (_, words) in faults.items():
            steps, why, _ = tried(server, name)
            step = {"group_base": "base", "plain": "tls"}.get(name, name)
            assert not steps[step] and words in why, (name, steps, why)
            assert list(steps)[-1] == step, (name, steps)
        _, why, said = tried(server, "second")
        assert [step["name"] for step in said["steps"]].count("server") == 2 and "refused" in why
        assert said["steps"][-1] == {**said["steps"][-1], "name": "base", "ok": True}
        steps, _, said = tried(server, "self", user="ana", password=PASSWORDS["ana"])
        assert said["ok"] and "bind" not in steps and steps["login"] and steps["user"]


def test_a_trial_is_for_those_who_manage_logins(joined, contoso):
    server = joined()
    assert server.client().rest("POST", "/providers/nobody/test", json={}).status_code == 404
    bad = server.client().rest("POST", "/providers/contoso/test", json={"password": "x"})
    assert bad.status_code in (400, 422) and bad.json()["problems"][0]["field"] == "user"
    name, password = admin.user(server, roles=["Auditor"])
    assert server.client(name, password).rest("GET", "/providers").status_code == 200
    assert server.client(name, password).rest("POST", "/providers/contoso/test", json={}).status_code == 403


@pytest.mark.once
def test_the_command_line_tries_a_provider(joined, contoso, tmp_path):
    server = joined()
    secret = tmp_path / "password"
    secret.write_text(PASSWORDS["bob"])
    good = server.cli("providers", "test", "contoso", "--user", "CONTOSO\\bob", "--password-file", secret)
    assert good.returncode == 0 and "every step went well" in good.stderr, good.stdout + good.stderr
    assert "PKI-Administrators" in good.stdout and "TLSv1." in good.stdout
    listed = server.cli("providers", "list", "-o", "json")
    assert json.loads(listed.stdout)[0]["name"] == "contoso", listed.stdout
    bad = server.cli("providers", "test", "contoso", "--user", "nobody")
    assert bad.returncode == 12 and "nobody in the directory" in bad.stdout, bad.stdout + bad.stderr
    assert server.cli("providers", "test", "fabrikam").returncode == 3


@pytest.mark.once
@pytest.mark.parametrize("more, words", [
    ({"urls": ["http://dc1"]}, "access.directories[0].urls[0]"),
    ({"urls": []}, "access.directories[0].urls"),
    ({"domains": ["CONTOSO", "contoso"]}, "access.directories[0].domains[1]"),
    ({"domains": ["a@b"]}, "access.directories[0].domains[0]"),
    ({"user_filter": "(uid=ana)"}, "access.directories[0].user_filter"),
    ({"user_bind": "cn=everybody"}, "access.directories[0].user_bind"),
    ({"group_filter": "(cn=*)"}, "access.directories[0].group_filter"),
    ({"bind_password": ""}, "access.directories[0].bind_password"),
    ({"bind_password": "file:/nonexistent"}, "/nonexistent"),
    ({"ca": "/nonexistent"}, "/nonexistent"),
    ({"nested": True, "group_filter": ""}, "access.directories[0].nested"),
    ({"base": ""}, "access.directories[0].base"),
])
def test_a_directory_that_is_configured_wrongly_is_refused_by_its_place(contoso, tmp_path, more, words):
    config = tmp_path / "chancery.yaml"
    config.write_text(json.dumps({"access": {"directories": [contoso.settings(**more)]}}))
    config.chmod(0o600)
    done = chancery.processes.run([chancery.PROGRAM, "serve", "--dev", "--config", config, "--data-dir",
                                   tmp_path / "data", "--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"])
    assert done.returncode != 0 and words in done.stdout + done.stderr, done.stdout + done.stderr
    assert contoso.service_password not in done.stdout + done.stderr
