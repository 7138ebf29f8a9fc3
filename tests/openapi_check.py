#!/usr/bin/env python3
"""Check an OpenAPI 3.0.3 document: its structure by a JSON Schema, then what a schema cannot say.

usage: openapi_check.py FILE
Prints one line for each problem; exit 1 when there are any, 77 when python3-jsonschema is missing.
"""
import json
import re
import sys

try:
    import jsonschema
except ImportError:
    print("python3-jsonschema is not installed")
    sys.exit(77)

TEXT = {"type": "string"}
YES_NO = {"type": "boolean"}


def thing(required=(), /, **properties):
    """An object with these members, extensions (x-...), and no others."""
    return {
        "type": "object",
        "required": list(required),
        "properties": properties,
        "patternProperties": {"^x-": {}},
        "additionalProperties": False,
    }


def table(of, names=".*"):
    return {"type": "object", "patternProperties": {names: of}, "additionalProperties": False}


def listed(of, **more):
    return {"type": "array", "items": of, **more}


def ref(name):
    return {"$ref": f"#/definitions/{name}"}


SCHEMA = thing(
    type={"enum": ["array", "boolean", "integer", "number", "object", "string"]},
    format=TEXT, title=TEXT, description=TEXT, default={}, example={},
    enum=listed({}, minItems=1), nullable=YES_NO, readOnly=YES_NO, writeOnly=YES_NO, deprecated=YES_NO,
    minimum={"type": "number"}, maximum={"type": "number"},
    minLength={"type": "integer", "minimum": 0}, maxLength={"type": "integer", "minimum": 0},
    minItems={"type": "integer", "minimum": 0}, maxItems={"type": "integer", "minimum": 0},
    minProperties={"type": "integer", "minimum": 0}, maxProperties={"type": "integer", "minimum": 0},
    uniqueItems=YES_NO, pattern=TEXT, required=listed(TEXT, minItems=1, uniqueItems=True),
    properties=table(ref("schema")), items=ref("schema"),
    additionalProperties={"anyOf": [YES_NO, ref("schema")]},
    allOf=listed(ref("schema"), minItems=1), anyOf=listed(ref("schema"), minItems=1),
    oneOf=listed(ref("schema"), minItems=1))
REFERENCE = {"type": "object", "required": ["$ref"], "properties": {"$ref": TEXT},
             "additionalProperties": False}
CONTENT = table(thing(schema=ref("schema"), example={}), r"^[^/]+/[^/]+$")
OPERATION = thing(
    ["responses"], tags=listed(TEXT), summary=TEXT, description=TEXT, operationId=TEXT, deprecated=YES_NO,
    parameters=listed(thing(
        ["name", "in", "schema"], name=TEXT, description=TEXT, required=YES_NO, schema=ref("schema"),
        style=TEXT, explode=YES_NO, example={},
        **{"in": {"enum": ["path", "query", "header", "cookie"]}})),
    requestBody=thing(["content"], description=TEXT, required=YES_NO, content=CONTENT),
    responses={**table(thing(["description"], description=TEXT, content=CONTENT,
                             headers={"type": "object"}), r"^(default|[1-5](\d\d|XX))$"),
               "minProperties": 1},
    security=listed(table(listed(TEXT))))
DOCUMENT = {
    "definitions": {"schema": {"if": {"required": ["$ref"]}, "then": REFERENCE, "else": SCHEMA}},
    **thing(
        ["openapi", "info", "paths"], openapi={"const": "3.0.3"},
        info=thing(["title", "version"], title=TEXT, version=TEXT, description=TEXT),
        servers=listed(thing(["url"], url=TEXT, description=TEXT)),
        paths=table(thing(**{m: OPERATION for m in
                             "get put post delete options head patch trace".split()}), "^/"),
        components=thing(
            schemas=table(ref("schema"), r"^[a-zA-Z0-9._-]+$"),
            securitySchemes=table(thing(["type"], type={"enum": ["http", "apiKey", "oauth2"]},
                                        scheme=TEXT, bearerFormat=TEXT, description=TEXT))),
        tags=listed(thing(["name"], name=TEXT, description=TEXT)),
        security=listed(table(listed(TEXT)))),
}


def walk(node, path=""):
    yield path, node
    if isinstance(node, dict):
        for name, value in node.items():
            yield from walk(value, f"{path}/{name}")
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from walk(value, f"{path}/{i}")


def check_references(document):
    for path, node in walk(document):
        if isinstance(node, dict) and isinstance(node.get("$ref"), str):
            match = re.fullmatch(r"#/components/schemas/([\w.-]+)", node["$ref"])
            if not match or match[1] not in document.get("components", {}).get("schemas", {}):
                yield f"{path}: {node['$ref']} leads nowhere"


def check_schemas(document):
    for path, node in walk(document):
        if not isinstance(node, dict) or "/example" in path or path.endswith("/properties"):
            continue
        if node.get("type") == "array" and "items" not in node:
            yield f"{path}: an array without items"
        if isinstance(node.get("enum"), list):
            if "default" in node and node["default"] not in node["enum"]:
                yield f"{path}: the default is not one of the enum"
            if node.get("nullable") and None not in node["enum"]:
                yield f"{path}: nullable, but null is not in the enum"
            if len({json.dumps(v) for v in node["enum"]}) != len(node["enum"]):
                yield f"{path}: a value is in the enum twice"
        if "default" in node and "type" in node:
            kinds = {"integer": int, "number": (int, float), "string": str, "boolean": bool}
            kind = kinds.get(node["type"])
            if kind and not isinstance(node["default"], kind):
                yield f"{path}: the default has the wrong type"
        for name in node.get("required") or [] if isinstance(node.get("required"), list) else []:
            if name not in node.get("properties", {}):
                yield f"{path}: requires {name}, which it does not have"


def check_operations(document):
    seen = {}
    shapes = {}
    schemes = set(document.get("components", {}).get("securitySchemes", {}))
    for path, methods in document.get("paths", {}).items():
        shape = re.sub(r"\{[^}]*\}", "{}", path)
        if shape in shapes:
            yield f"{path}: differs from {shapes[shape]} by the names of variables alone"
        shapes[shape] = path
        variables = re.findall(r"\{([^}]*)\}", path)
        for method, operation in methods.items():
            where = f"{method.upper()} {path}"
            name = operation.get("operationId")
            if name in seen:
                yield f"{where}: has the operationId of {seen[name]}"
            seen[name] = where
            parameters = [(p["in"], p["name"]) for p in operation.get("parameters", [])]
            if len(set(parameters)) != len(parameters):
                yield f"{where}: has a parameter twice"
            if sorted(n for i, n in parameters if i == "path") != sorted(variables):
                yield f"{where}: its path parameters are not the variables of the path"
            for p in operation.get("parameters", []):
                if p["in"] == "path" and not p.get("required"):
                    yield f"{where}: path parameter {p['name']} is not required"
            for requirement in operation.get("security", []):
                for scheme in set(requirement) - schemes:
                    yield f"{where}: unknown security scheme {scheme}"
            if method == "get" and "requestBody" in operation:
                yield f"{where}: a GET has no body"


def check(document):
    """All problems of the document, as texts."""
    problems = [f"/{'/'.join(map(str, e.absolute_path))}: {e.message[:300]}"
                for e in jsonschema.Draft7Validator(DOCUMENT).iter_errors(document)]
    if not problems:
        for part in (check_references, check_schemas, check_operations):
            problems.extend(part(document))
    return problems


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        problems = check(json.load(file))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
