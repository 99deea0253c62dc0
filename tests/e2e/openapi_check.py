#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Checks what a node answered against its description.

    openapi_check.py openapi.json EXCHANGES...

EXCHANGES are files as HOSTEL_TRACE makes them (node-agent/cli/trace.h). Each
answer's status, content type, body and Retry-After must be as the description
says; a member that it does not know is an error as well. One line a mistake;
the status is 1 if there was one.
"""
import json
import re
import sys
from urllib.parse import urlsplit

import jsonschema

# Exchanges of the same shape that are looked at.
EACH_MAX = 25


def shape(v):
    """What two answers must share to be checked as one."""
    if isinstance(v, dict):
        return tuple(sorted((k, shape(x)) for k, x in v.items()))
    if isinstance(v, list):
        return tuple(sorted({shape(x) for x in v}, key=repr))
    return type(v).__name__


class Description:
    def __init__(self, path):
        with open(path, encoding="utf-8") as f:
            self.doc = json.load(f)
        self.resolver = jsonschema.RefResolver("", self.doc)
        self.paths = []
        for template, item in self.doc["paths"].items():
            pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(template))
            self.paths.append((re.compile(pattern + r"\Z"), template, item))
        # Literal paths before ones with a parameter.
        self.paths.sort(key=lambda p: p[1].count("{"))

    def deref(self, v):
        while isinstance(v, dict) and "$ref" in v:
            v = self.resolver.resolve(v["$ref"])[1]
        return v

    def find(self, method, path):
        for pattern, template, item in self.paths:
            if pattern.match(path):
                return template, item.get(method.lower())
        return None, None

    def validate(self, schema, body):
        """Sentences about what does not fit."""
        checker = jsonschema.Draft202012Validator(
            schema, resolver=self.resolver,
            format_checker=jsonschema.FormatChecker())
        return ["%s: %s" % ("/".join(map(str, e.absolute_path)) or "the body",
                            e.message[:300])
                for e in checker.iter_errors(body)]


def check_events(d, known, text):
    """A stream of server-sent events; its mistakes."""
    wrong = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n")
                      if ": " in line and not line.startswith(":"))
        if "data" not in fields:
            continue
        name = fields.get("event", "message")
        if name not in known:
            wrong.append("the event %s is not described" % name)
        else:
            wrong += ["event %s: %s" % (name, why) for why in
                      d.validate(known[name], json.loads(fields["data"]))]
    return wrong


def check(d, x, op):
    """One exchange; its mistakes."""
    answer = d.deref(op["responses"].get(str(x["status"])))
    kind = x["headers"].get("content-type", "").split(";")[0]
    if answer is None:
        return ["the status is not described"]
    if "content" not in answer:
        return ["a body where none is described"] if x["body"] else []
    if kind not in answer["content"]:
        return ["its type '%s' is not described" % kind]
    wrong = []
    if x["status"] in (429, 503) and "retry-after" not in x["headers"]:
        wrong.append("it has no Retry-After")
    if kind == "text/event-stream" and x["body"]:
        return wrong + check_events(d, answer["content"][kind]["x-events"],
                                    x["body"])
    if x["body"] is None or not kind.endswith("json"):
        return wrong
    try:
        body = json.loads(x["body"])
    except ValueError:
        return wrong + ["its body is not JSON"]
    if kind == "application/problem+json" and body.get("status") != x["status"]:
        wrong.append("the problem's status is another")
    return wrong + d.validate(answer["content"][kind]["schema"], body)


def main():
    d = Description(sys.argv[1])
    seen, looked, bad = {}, 0, 0
    for path in sys.argv[2:]:
        with open(path, encoding="utf-8", errors="replace") as f:
            lines = f.readlines()
        for line in lines:
            try:
                x = json.loads(line)
                # Below 200 the answer proper never came: "continue", say.
                if not isinstance(x["status"], int) or x["status"] < 200:
                    continue  # no answer came
            except (ValueError, TypeError, KeyError):
                continue  # cut when its writer was killed
            try:
                body = json.loads(x["body"]) if x["body"] else None
            except ValueError:
                body = None  # text
            template, op = d.find(x["method"], urlsplit(x["target"]).path)
            if op is None:
                # A resource that there is not: only refusals.
                wrong = ["it is not described"] if x["status"] < 400 else []
                key = (x["method"], x["target"], x["status"])
            else:
                key = (x["method"], template, x["status"], shape(body))
            seen[key] = seen.get(key, 0) + 1
            if seen[key] > EACH_MAX:
                continue
            looked += 1
            if op is not None:
                wrong = check(d, x, op)
            for why in wrong:
                bad += 1
                if bad <= 20:
                    print("%s %s: %d: %s" % (x["method"], x["target"],
                                             x["status"], why))
    print("%d answers of %d kinds checked" % (looked, len(seen)))
    return 1 if bad else 0


sys.exit(main())
