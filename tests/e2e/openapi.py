"""Replies against the OpenAPI document that the server prints, and which operations the tests used."""
import json
import os
import pathlib
import re
import tempfile
import urllib.parse

import jsonschema
import requests

_documents = {}


def used_dir():
    """Where the workers of one test run note the operations that they used."""
    if "CHANCERY_E2E_USED" not in os.environ:
        os.environ["CHANCERY_E2E_USED"] = tempfile.mkdtemp(prefix="chancery-used-")
    return pathlib.Path(os.environ["CHANCERY_E2E_USED"])


def of(server):
    """The document of this server (the same text for all servers of one program)."""
    if server.program not in _documents:
        reply = requests.get(server.url.rstrip("/") + "/openapi.json", verify=str(server.ca), timeout=30)
        assert reply.status_code == 200, reply.text
        _documents[server.program] = Document(reply.json())
    return _documents[server.program]


def json_schema(part):
    """The dialect of OpenAPI 3.0 as JSON Schema: `nullable` is a type of its own."""
    if isinstance(part, list):
        return [json_schema(one) for one in part]
    if not isinstance(part, dict):
        return part
    out = {name: json_schema(value) for name, value in part.items()}
    if out.pop("nullable", False) is True:
        return {"anyOf": [out, {"type": "null"}]}
    return out


class Document:
    def __init__(self, body):
        assert body["openapi"].startswith("3.0"), body["openapi"]
        self.body = body = json_schema(body)
        self.resolver = jsonschema.RefResolver.from_schema(body)
        bases = [urllib.parse.urlsplit(server["url"]).path.rstrip("/") for server in body.get("servers", [])] or [""]
        self.routes = []
        for path, item in body["paths"].items():
            for base in ([""] if path.lower().startswith(("/keyfactorapi", "/api/v1")) else bases):
                pattern = re.sub(r"\\\{[^/]+?\\\}", "[^/]+", re.escape(base + path))
                self.routes.append((re.compile(pattern, re.I), path, item))
        # a path written out wins over one with a parameter
        self.routes.sort(key=lambda route: route[1].count("{"))
        (used_dir() / "document.json").write_text(json.dumps(body))

    def find(self, method, path):
        """(template, operation) for a request line, or (None, None)."""
        path = urllib.parse.unquote(urllib.parse.urlsplit(path).path).split("?")[0]
        path = "/" + "/".join(part for part in path.split("/") if part)
        for pattern, template, item in self.routes:
            if pattern.fullmatch(path) and method.lower() in item:
                return template, item[method.lower()]
        return None, None

    def check(self, method, path, reply):
        """The reply is one that the document describes."""
        template, operation = self.find(method, path)
        if not operation:
            assert reply.status_code >= 400 or not path.lower().startswith(("/keyfactorapi", "/api/v1")), \
                f"{method} {path} is not in /openapi.json and answers {reply.status_code}"
            return
        with open(used_dir() / f"used.{os.getpid()}", "a", encoding="utf-8") as file:
            file.write(f"{method.upper()} {template}\n")
        answers = operation["responses"]
        answer = answers.get(str(reply.status_code)) or (reply.status_code >= 400 and answers.get("default"))
        assert answer, f"{method} {template} does not name {reply.status_code} among its responses: {reply.text[:500]}"
        answer = self.deref(answer)
        media = reply.headers.get("Content-Type", "").split(";")[0]
        content = answer.get("content", {})
        if not reply.content or not media.endswith("json") or method == "HEAD":
            return
        assert media in content, f"{method} {template} {reply.status_code}: {media} is not among {list(content)}"
        schema = content[media].get("schema", {})
        problems = list(jsonschema.Draft4Validator(schema, resolver=self.resolver).iter_errors(reply.json()))
        assert not problems, f"{method} {template} {reply.status_code}: " + "; ".join(
            f"{'.'.join(map(str, problem.absolute_path))}: {problem.message[:200]}" for problem in problems[:5])

    def deref(self, item):
        return self.resolver.resolve(item["$ref"])[1] if "$ref" in item else item


def unused():
    """The operations that are offered and that no worker of this run used."""
    document = used_dir() / "document.json"
    if not document.exists():
        return []
    offered = {f"{method.upper()} {path}" for path, item in json.loads(document.read_text())["paths"].items()
               for method, operation in item.items()
               if method in ("get", "put", "post", "delete", "patch") and not operation.get("x-not-offered")}
    used = set()
    for file in used_dir().glob("used.*"):
        used |= set(file.read_text().splitlines())
    return sorted(offered - used)
