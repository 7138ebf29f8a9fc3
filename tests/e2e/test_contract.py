"""What the Command API offers of the register, beside the models that its clients were generated from: every operation of
these groups with every member of what it answers. The replies of all tests are checked by models.py, where a member that
is not there goes unseen.
"""
import re

import pytest

import models
import openapi

pytestmark = pytest.mark.once
GROUPS = ("AppSetting", "Audit", "Auth", "CSRGeneration", "CertificateAuthorities", "CertificateAuthority", "CertificateCollections",
          "Certificates", "Enrollment", "EnrollmentPatterns", "License", "MetadataFields", "OAuth", "Reports", "Security", "Status",
          "SystemSettings", "Templates", "Workflow/Certificates")
LATER = re.compile(r"/Reports/(\{\}/)?Schedules")  # 501: nothing sends reports yet
# members that are never sent, and why
NEVER = (
    (r"Identities\[\]\.Roles$", "the role that shows them is around them"),
    (r"(FullScan|IncrementalScan|ThresholdCheck)\.\w+$", "an authority of this server is not scanned"),
    (r"ExplicitPassword$", "an authority of this server needs no credentials"),
    (r"LicensedFeatures\[\]\.ExpirationDate$", "no feature ends"),
    (r"EnrollmentFields\[\]$", "these are for outside authorities"),
    (r"Schedules\[\]$", "nothing sends reports yet"),
    (r"EnrollmentContext$", "null, as the page's own sample has it"),
    (r"\.Templates\[\]\.Regexes\[\]\.TemplateId$", "the template is around them"),
    (r"POST /CertificateAuthorities .*Properties$", "any JSON, as it was given"),
)
TYPES = {"int32": "integer", "int64": "integer", "number": "number", "boolean": "boolean", "string": "string", "datetime": "string",
         "guid": "string"}


def plain(path):
    return re.sub(r"\{[^}]*\}", "{}", path).lower()


def of_the_register(line):
    method, path = line.split(" ")
    below = path.removeprefix("/KeyfactorAPI/")
    return path != below and below.startswith(tuple(f"{group}/" for group in GROUPS) + GROUPS) and not LATER.search(
        re.sub(r"\{[^}]*\}", "{}", path)) and method


CONTRACT = {line: said for line, said in models.MODELS.get("$endpoints", {}).items() if of_the_register(line) and said["tier"] in (1, 2)}
needs_models = pytest.mark.skipif(not CONTRACT, reason="the models are not here")


@pytest.fixture(scope="module")
def document(server):
    return openapi.of(server)


@pytest.fixture(scope="module")
def offered(document):
    return {(method.upper(), plain(path)): operation for path, item in document.body["paths"].items()
            for method, operation in item.items() if not operation.get("x-not-offered")}


def key(line):
    method, path = line.split(" ")
    return method, plain(path)


def schema_of(document, schema):
    while "$ref" in schema or "anyOf" in schema or "allOf" in schema:  # nullable, or with a text of its own
        schema = document.deref(schema) if "$ref" in schema else (schema.get("anyOf") or schema["allOf"])[0]
    return schema


def missing(document, kind, schema, where, above=()):
    """What of the type or model KIND a schema does not have."""
    schema = schema_of(document, schema)
    if inner := re.fullmatch(r"array<(.*)>", kind):
        if schema.get("type") != "array":
            return [f"{where}: no array"]
        return missing(document, inner[1], schema["items"], f"{where}[]", above)
    if kind == "any" or kind in above:
        return []
    if kind.startswith("map<") or kind in TYPES:
        wanted = TYPES.get(kind, "object")
        return [] if schema.get("type") == wanted else [f"{where}: {schema.get('type')}, not {wanted}"]
    members = schema.get("properties")
    if members is None:
        return [f"{where}: no {kind}"]
    return [one for name, member in models.MODELS[kind].items() for one in (
        missing(document, member["type"], members[name], f"{where}.{name}", (*above, kind)) if name in members else [f"{where}.{name}"])]


@needs_models
def test_every_operation_of_the_register_is_offered(offered):
    gaps = sorted(line for line in CONTRACT if key(line) not in offered)
    assert len(CONTRACT) > 130 and not gaps, "\n".join(gaps)


@needs_models
def test_every_member_of_their_replies_is_there(document, offered):
    gaps = []
    for line, said in CONTRACT.items():
        answers = offered[key(line)]["responses"]
        if "200" not in answers or "response" not in said:
            continue
        for media in document.deref(answers["200"]).get("content", {}).values():
            gaps += missing(document, said["response"], media["schema"], line.replace("/KeyfactorAPI", "") + " ")
    left = [gap for gap in gaps if not any(re.search(pattern, gap.split(": ")[0]) for pattern, _ in NEVER)]
    assert not left, "\n".join(left)
    for pattern, why in NEVER:  # what is sent by now is no exception any more
        assert any(re.search(pattern, gap.split(": ")[0]) for gap in gaps), f"{pattern} ({why}) is there"
