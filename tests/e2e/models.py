"""Replies of the Command API against the models that its clients were generated from."""
import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLACES = [parent / "shared/reference/command-api-models.json" for parent in (ROOT, *ROOT.parents)]
PATH = next((path for path in PLACES if path.exists()), None)
MODELS = json.loads(PATH.read_text()) if PATH else {}
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z")
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# a path written out wins over one with a parameter
RESPONSES = [(re.compile(re.sub(r"\\\{[^/]+?\\\}", "[^/]+", re.escape(line)), re.I), said["response"]) for line, said in
             sorted(MODELS.get("$endpoints", {}).items(), key=lambda one: one[0].count("{")) if "response" in said]

SCALARS = {
    "string": lambda value: isinstance(value, str),
    "int32": lambda value: type(value) is int and -2**31 <= value < 2**31,
    "int64": lambda value: type(value) is int,
    "number": lambda value: type(value) in (int, float),
    "boolean": lambda value: isinstance(value, bool),
    "datetime": lambda value: isinstance(value, str) and DATE.fullmatch(value),
    "guid": lambda value: isinstance(value, str) and GUID.fullmatch(value.lower()),
    "any": lambda value: True,
}


def problems(value, kind, where="reply"):
    """What of VALUE is not as the type or model KIND says."""
    if kind.startswith("array<"):
        if not isinstance(value, list):
            return [f"{where}: no array: {value!r:.80}"]
        return [p for i, one in enumerate(value) for p in problems(one, kind[6:-1], f"{where}[{i}]")]
    if kind.startswith("map<"):
        if not isinstance(value, dict):
            return [f"{where}: no object: {value!r:.80}"]
        return [p for name, one in value.items() for p in problems(one, kind[4:-1].split(",", 1)[1], f"{where}.{name}")]
    if kind in SCALARS:
        return [] if SCALARS[kind](value) else [f"{where}: no {kind}: {value!r:.80}"]
    if not isinstance(value, dict):
        return [f"{where}: no {kind}: {value!r:.80}"]
    return [p for name, member in MODELS[kind].items() if name in value
            for p in member_problems(value[name], member, f"{where}.{name}")]


def member_problems(value, member, where):
    if value is None:
        # section 1.7: every client takes null for a text, a number or a truth
        if where.endswith(".EnrollmentContext"):  # the page's own sample of an enrollment shows null
            return []
        scalar = member["type"] in ("string", "int32", "int64", "number", "boolean", "any", "guid")
        return [] if member.get("nullable") or (scalar and "enum" not in member) else [f"{where}: null"]
    if where.endswith(".AllowedEnrollmentTypes"):  # flags, whatever the generated models say: section 25
        return [] if value in range(8) else [f"{where}: {value!r}"]
    if where.endswith(".KeyType") and value in range(7):  # and Ed448 and Ed25519: section 1.11
        return []
    if "enum" in member and value not in member["enum"]:
        return [f"{where}: {value!r} is none of {member['enum']}"]
    return problems(value, member["type"], where)


def check_reply(method, path, reply):
    """A successful reply of an operation that the models name has the types they say."""
    if reply.status_code != 200 or method == "HEAD":
        return
    line = f"{method.upper()} /KeyfactorAPI/" + "/".join(part for part in path.split("?")[0].split("/") if part)
    for pattern, kind in RESPONSES:
        if pattern.fullmatch(line):
            found = problems(reply.json(), kind)
            assert not found, f"{line}: " + "; ".join(found[:5])
            return


def check(value, kind):
    """VALUE is what the model KIND ("ModelsCertificateQuery", "array<...>") says, with every member it names."""
    if not PATH:
        return
    found = problems(value, kind)
    assert not found, "; ".join(found[:5])
    inner = kind[6:-1] if kind.startswith("array<") else kind
    for one in (value if kind.startswith("array<") else [value]):
        missing = [name for name, member in MODELS.get(inner, {}).items()
                   if name not in one and member["type"] in ("string", "int32", "boolean")]
        assert not missing, f"{inner} without {missing}"
