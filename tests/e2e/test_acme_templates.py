"""A template that asks what a stranger cannot give is closed to ACME, when a directory is made and ever after."""
import pytest

import acme
import admin
import chancery
import keys
from acme import name
from test_acme_profiles import fresh

ROLE = "Auditor"


@pytest.fixture
def operator(acme_server):
    return acme_server.client()


@pytest.fixture
def field(operator):
    """A metadata field, which no request needs."""
    made = operator.post("/MetadataFields", {"Name": fresh("Cost"), "Description": "d", "DataType": 1})
    yield made
    operator.command("DELETE", f"/MetadataFields/{made['Id']}", params={"force": "true"})


@pytest.fixture
def profile(operator):
    """Make profiles; what is left of them at the end goes."""
    made = []

    def make(template, expect=200, client=operator, **body):
        body = {"Name": fresh(), "Template": template, **body}
        reply = client.command("POST", "/ACME/Profiles", json=body)
        assert reply.status_code == expect, reply.text
        if expect == 200:
            made.append(body["Name"])
        return reply.json()
    yield make
    for one in made:
        operator.command("DELETE", f"/ACME/Profiles/{one}")


def edit(client, template, **policy):
    now = chancery.good(client.rest("GET", f"/templates/{template}"))
    chancery.good(client.rest("PUT", f"/templates/{template}", json={"policy": {**now["policy"], **policy}}))


def edit_pattern(client, template, **change):
    """The template's default one."""
    number = chancery.good(client.rest("GET", f"/templates/{template}"))["id"]
    pattern, = [one for one in client.get("/EnrollmentPatterns", QueryString=f"TemplateId -eq {number}") if one["TemplateDefault"]]
    chancery.good(client.command("PUT", f"/EnrollmentPatterns/{pattern['Id']}", json={**pattern, **change}))


def csr_of(order):
    return {"csr": acme.der(keys.new_csr(cn=None, dns=[one["value"] for one in order["identifiers"]]))}


def proved(holder, *names):
    order = holder.order(*names)
    holder.prove(order)
    return order


def ways(client, template, field):
    """How it is closed and opened, and the word that tells why it is."""
    return {
        "roles": (lambda: edit(client, template, allowed_requesters=[ROLE]),
                  lambda: edit(client, template, allowed_requesters=[]), "allowed_requesters"),
        "keys": (lambda: edit(client, template, client_keys=False), lambda: edit(client, template, client_keys=True), "client_keys"),
        "owner": (lambda: edit(client, template, owner="required"), lambda: edit(client, template, owner="optional"), "owner_role"),
        "metadata": (lambda: edit(client, template, metadata=[{"field": field["Id"], "enrollment": "required"}]),
                     lambda: edit(client, template, metadata=[]), f"metadata.{field['Name']}"),
        "pattern": (lambda: edit_pattern(client, template, AssociatedRoles=[ROLE]),
                    lambda: edit_pattern(client, template, AssociatedRoles=[]), "AssociatedRoles"),
    }


@pytest.mark.parametrize("how", ["roles", "keys", "owner", "metadata", "pattern"])
def test_acme_opens_no_template_that_is_closed_to_strangers(acme_server, answers, operator, profile, field, how):
    template = admin.template(acme_server)
    close, reopen, word = ways(operator, template, field)[how]
    close()
    said = profile(template, 400)
    assert "Template" in said["Message"] and word in said["Message"], said
    made = profile(template, Enabled=False)
    path = f"/ACME/Profiles/{made['Name']}"
    assert operator.command("PUT", path, json={"Template": template}).status_code == 400
    reopen()
    made = chancery.good(operator.command("PUT", path, json={"Template": template}))
    holder = acme.Orderer(acme_server, answers, directory=made["Directory"])
    wanted = name("closed")
    order = proved(holder, wanted)
    close()
    problem = holder.bad("newOrder", {"identifiers": [acme.identifier(name())]}, 403, "unauthorized")
    assert template in problem["detail"] and word in problem["detail"], problem
    problem = holder.bad(order["finalize"], csr_of(order), 403, "unauthorized")
    assert word in problem["detail"] and operator.total(f'CN -eq "{wanted}"') == 0, problem
    assert chancery.good(operator.command("PUT", path, json={"Template": template, "Enabled": False}))["Enabled"] is False
    reopen()
    chancery.good(operator.command("PUT", path, json={"Template": template}))
    assert holder.good(order["finalize"], csr_of(order)).json()["status"] == "valid"


def test_what_a_template_has_for_who_gives_nothing_is_noted(acme_server, answers, operator, profile, field):
    owner = admin.role(acme_server, ["certificates/read"])
    number = chancery.good(operator.rest("GET", f"/roles/{owner}"))["id"]
    template = admin.template(acme_server, policy={
        "owner": "required", "owner_role": number, "metadata": [{"field": field["Id"], "enrollment": "required", "default": "12"}]})
    holder = acme.Orderer(acme_server, answers, directory=profile(template)["Directory"])
    wanted = name("noted")
    assert holder.good(proved(holder, wanted)["finalize"], csr_of({"identifiers": [acme.identifier(wanted)]})).json()["status"] == "valid"
    row, = operator.get("/Certificates", **{"QueryString": f'CN -eq "{wanted}"', "IncludeMetadata": "true"})
    assert row["Metadata"] == {field["Name"]: "12"} and row["OwnerRoleId"] == number


def test_the_default_pattern_narrows_what_acme_issues(acme_server, answers, operator, profile):
    template = admin.template(acme_server)
    holder = acme.Orderer(acme_server, answers, directory=profile(template)["Directory"])
    wanted = name("narrow")
    order = proved(holder, wanted)
    edit_pattern(operator, template, Regexes=[{"SubjectPart": "DNS", "Regex": r"^other\.", "Error": "ours alone"}])
    problem = holder.bad(order["finalize"], csr_of(order), 400, "badCSR")
    assert "ours alone" in problem["detail"], problem
    edit_pattern(operator, template, Regexes=[])
    assert holder.good(order["finalize"], csr_of(order)).json()["status"] == "valid"


def test_who_opens_a_template_to_acme_may_enroll_by_it(acme_server, operator, profile):
    template, other = admin.template(acme_server), admin.template(acme_server)
    role = admin.role(acme_server, ["system/modify", "system/read"])
    maker = acme_server.client(*admin.user(acme_server, roles=[role]))
    said = profile(template, 403, client=maker)
    assert "Template" in said["Message"] and "permission" in said["Message"], said
    theirs = profile(template)
    path = f"/ACME/Profiles/{theirs['Name']}"
    assert maker.command("PUT", path, json={"Template": template}).status_code == 403
    assert chancery.good(maker.command("PUT", path, json={"Template": template, "Enabled": False}))["Enabled"] is False
    assert maker.command("PUT", path, json={"Template": template}).status_code == 403, "on again"
    number = chancery.good(operator.rest("GET", f"/templates/{template}"))["id"]
    chancery.good(operator.rest("POST", f"/roles/{role}/grants", json={
        "permission": "enrollment/csr", "scope": "template", "object": str(number)}))
    chancery.good(maker.command("PUT", path, json={"Template": template}))
    profile(template, client=maker)
    profile(other, 403, client=maker)
    assert maker.command("PUT", path, json={"Template": other}).status_code == 403
    assert maker.command("DELETE", path).status_code == 204


def test_the_settings_template_is_judged_as_it_is_now(new_server, acme_settings, answers):
    server = new_server(settings={**acme_settings, "acme.nonce_reject": 0}).start()
    client = server.client()
    template = admin.template(server, policy={"allowed_requesters": [ROLE]})
    server.stop()
    server.settings["acme.template"] = template
    server.start()
    assert f"acme.template: clients of ACME cannot use template {template}: it is for some roles alone" in server.log.read_text()
    holder = acme.Orderer(server, answers)
    problem = holder.bad("newOrder", {"identifiers": [acme.identifier(name())]}, 403, "unauthorized")
    assert "allowed_requesters" in problem["detail"], problem
    edit(client, template, allowed_requesters=[])
    holder.issue(name())


def test_an_approval_opens_no_template_that_was_closed_meanwhile(new_server, acme_settings, answers):
    server = new_server(settings={**acme_settings, "acme.nonce_reject": 0}).start()
    client = server.client()
    template = admin.template(server, policy={"requires_approval": True})
    made = chancery.good(client.command("POST", "/ACME/Profiles", json={"Name": "Waits", "Template": template}))
    holder = acme.Orderer(server, answers, directory=made["Directory"])
    order = proved(holder, name("waits"))
    assert holder.good(order["finalize"], csr_of(order)).json()["status"] == "processing"
    waiting, = chancery.good(client.rest("GET", "/requests"))["items"]
    edit(client, template, allowed_requesters=[ROLE])
    reply = client.rest("POST", f"/requests/{waiting['id']}/approve", json={})
    assert reply.status_code == 400 and "allowed_requesters" in reply.text, reply.text
    edit(client, template, allowed_requesters=[])
    chancery.good(client.rest("POST", f"/requests/{waiting['id']}/approve", json={}))
    assert holder.good(order["url"]).json()["status"] == "valid"
