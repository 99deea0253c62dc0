#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""A signed request to a Hostel node, without any code of Hostel's: HTTP Message
Signatures (RFC 9421) with Ed25519, and Content-Digest (RFC 9530).

    sign-request.py [--cacert FILE] KEY METHOD URL [BODY]

KEY is a secret key as `hostel keygen` makes it (minisign's format, without a
password). Prints the answer's status and body. Needs openssl 3 or newer.

For a node that certifies itself, FILE is the `certificate_authority` of its
GET /v1/node, and URL names the node as its certificate does; see customers.md.
"""
import base64
import hashlib
import json
import secrets
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

PKCS8_ED25519 = bytes.fromhex("302e020100300506032b657004220420")


def key_read(path):
    """The seed and the public key of a minisign secret key."""
    with open(path, encoding="ascii") as f:
        raw = base64.b64decode(f.read().splitlines()[1])
    if raw[:6] != b"Ed\0\0B2":
        sys.exit("%s is not a secret key without a password" % path)
    return raw[62:94], raw[94:126]


def sign(seed, message):
    with tempfile.NamedTemporaryFile() as key, \
            tempfile.NamedTemporaryFile() as text:
        key.write(PKCS8_ED25519 + seed)
        key.flush()
        text.write(message)
        text.flush()
        return subprocess.run(
            ["openssl", "pkeyutl", "-sign", "-rawin", "-keyform", "DER",
             "-inkey", key.name, "-in", text.name],
            check=True, stdout=subprocess.PIPE).stdout


def request_make(seed, public, method, url, body, node_id):
    at = urlsplit(url)
    headers = {}
    # RFC 9421, 2.2: the parts of a request that have no header of their own.
    parts = [("@method", method), ("@target-uri", url)]
    if body:
        digest = base64.b64encode(hashlib.sha512(body).digest()).decode()
        headers["Content-Digest"] = "sha-512=:%s:" % digest
        headers["Content-Type"] = "application/json"
        parts.append(("content-digest", headers["Content-Digest"]))
    params = '(%s);created=%d;keyid="%s";nonce="%s";tag="hostel-%s"' % (
        " ".join('"%s"' % name for name, _ in parts), int(time.time()),
        public.hex(), secrets.token_hex(16), node_id[:16])
    base = "".join('"%s": %s\n' % part for part in parts)
    base += '"@signature-params": ' + params
    signature = base64.b64encode(sign(seed, base.encode())).decode()
    headers["Signature-Input"] = "mine=" + params
    headers["Signature"] = "mine=:%s:" % signature
    headers["Host"] = at.netloc
    return urllib.request.Request(url, data=body, headers=headers,
                                  method=method)


def main(argv):
    context = ssl.create_default_context()
    if len(argv) > 1 and argv[0] == "--cacert":
        context = ssl.create_default_context(cafile=argv[1])
        argv = argv[2:]
    if len(argv) not in (3, 4):
        sys.exit(__doc__)
    seed, public = key_read(argv[0])
    method, url = argv[1:3]
    body = argv[3].encode() if len(argv) == 4 else None

    def ask(request):
        return urllib.request.urlopen(request, context=context, timeout=60)

    at = urlsplit(url)
    with ask("%s://%s/v1/node" % (at.scheme, at.netloc)) as answer:
        node_id = json.load(answer)["id"]
    try:
        with ask(request_make(seed, public, method, url, body,
                              node_id)) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as e:
        status, text = e.code, e.read()
    print(status)
    sys.stdout.flush()
    sys.stdout.buffer.write(text)
    return 0 if status < 400 else 1


sys.exit(main(sys.argv[1:]))
