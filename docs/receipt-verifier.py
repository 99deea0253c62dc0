#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Verifies receipts of a Hostel node as receipt(5) says, with nothing but Python's
library and receipt.proto.    Usage: receipt-verifier.py NODE_KEY_HEX FILE..."""
import functools, os, re, sys
from hashlib import sha256, sha512
def need(condition, why):
    if not condition:
        raise ValueError(why)
# ------------------------------------------------ Ed25519 (RFC 8032), verifying
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
def add(a, b):
    k = D * a[0] * b[0] * a[1] * b[1]
    return ((a[0] * b[1] + b[0] * a[1]) * pow(1 + k, -1, P) % P,
            (a[1] * b[1] + a[0] * b[0]) * pow(1 - k, -1, P) % P)
def times(n, point):
    return add(times(n // 2, add(point, point)), point if n & 1 else (0, 1)) if n else (0, 1)
def point_of(text):
    sign, y = divmod(int.from_bytes(text, "little"), 2**255)
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * pow(2, (P - 1) // 4, P) % P
    need(y < P and x * x % P == square and sign <= (x > 0), "a key is malformed")
    return (x if x & 1 == sign else P - x), y
@functools.lru_cache
def signature_check(key, text, signature, whose):
    r, s, (x, y) = signature[:32], int.from_bytes(signature[32:], "little"), point_of(key)
    h = int.from_bytes(sha512(r + key + text).digest(), "little") % L
    x, y = add(times(s, point_of((4 * pow(5, -1, P) % P).to_bytes(32, "little"))), times(h, (P - x, y)))
    need(len(signature) == 64 and s < L and r == (y | (x & 1) << 255).to_bytes(32, "little"), f"{whose} has a wrong signature")
# -------------------------------- protobuf: the one valid encoding of a message
MESSAGES, VARINT = {}, re.compile(rb"[\0-\x7f]|[\x80-\xff]{1,9}[\1-\x7f]")
for line in open(os.path.dirname(os.path.abspath(__file__)) + "/../billing/proto/receipt.proto"):
    if found := re.match(r"message (\w+)", line):
        fields = MESSAGES[found[1]] = {}
    elif found := re.match(r"\s+(repeated )?(\w+) (\w+) = (\d+);", line):
        fields[int(found[4])] = found[3], found[2], bool(found[1])
def varint(data, at):
    found = VARINT.match(data, at)
    value = found and sum((byte & 127) << 7 * i for i, byte in enumerate(found[0]))
    need(found and value < 2**64, "a number is not in its shortest form")
    return value, found.end()
def parse(name, data):
    default = lambda kind: None if kind in MESSAGES else b"" if kind in ("bytes", "string") else 0
    message = {field: [] if repeated else default(kind) for field, kind, repeated in MESSAGES[name].values()}
    at = last = 0
    while at < len(data):
        tag, at = varint(data, at)
        field, kind, repeated = MESSAGES[name][tag >> 3]
        need(last < tag >> 3 or (last == tag >> 3 and repeated), f"{name} is out of order")
        value, at = varint(data, at)
        need(tag & 7 == (0 if default(kind) == 0 else 2) and (value or kind in MESSAGES), f"{name}.{field} has a wrong form")
        if tag & 7:
            need(value <= len(data) - at, f"{name} is cut off")
            value, at = data[at:at + value], at + value
        value, last = parse(kind, value) if kind in MESSAGES else value, tag >> 3
        message[field] = message[field] + [value] if repeated else value
    return message
# ------------------------------------------------------------------ the receipt
def root_of(node, index, count, proof):  # RFC 6962; a proof's last hash stands next to the root
    if count == 1:
        return need(not proof, "a proof is too long") or node
    split, sibling, proof = 1 << (count - 1).bit_length() - 1, proof[-32:], proof[:-32]
    pair = (root_of(node, index, split, proof), sibling) if index < split else (sibling, root_of(node, index - split, count - split, proof))
    return sha256(b"\1" + pair[0] + pair[1]).digest()
def batches_check(receipt, node_id):
    headers, used = [], set()
    for cert in receipt["certs"]:
        span = b"".join(cert[name].to_bytes(8, "little") for name in ("not_before_s", "not_after_s"))
        signature_check(cert["node_id"], b"hostel receipts key v1" + cert["public_key"] + span, cert["signature"], "a certificate")
    for batch in receipt["batches"]:
        header, before = parse("BatchHeader", batch["header"]), headers[-1:]
        certs = [i for i, cert in enumerate(receipt["certs"]) if cert["public_key"] == header["receipts_key"]
                 and cert["not_before_s"] <= header["time_ns"] // 10**9 <= cert["not_after_s"]]
        need(certs and header["node_id"] == node_id and 1 <= header["leaf_count"] <= 1024 and
             header["number"] and header["first_entry"], "a batch is malformed, or of another node or key")
        signature_check(header["receipts_key"], b"hostel batch v1" + batch["header"], batch["signature"], "a batch")
        need(all(b["number"] < header["number"] - 1 or (b["number"] == header["number"] - 1 and b["hash"] == header["prev_hash"])
                 for b in before), "the batches are no chain")
        headers.append(dict(header, hash=sha256(batch["header"]).digest()))
        used.add(certs[0])
    need(len(used) == len(receipt["certs"]) and {cert["node_id"] for cert in receipt["certs"]} == {node_id}, "a certificate is wrong")
    return headers
def entries_of(receipt, headers):
    place = (0, -1)
    for item in receipt["entries"]:
        before, place, header = place, (item["batch"], item["leaf"]), headers[item["batch"]]
        need(before < place and place[0] <= before[0] + 1 and place[1] < header["leaf_count"], "the entries are out of order")
        leaf = sha256(b"\0" + item["salt"] + item["entry"]).digest()
        need(len(item["salt"]) == 16 and root_of(leaf, place[1], header["leaf_count"], item["proof"]) == header["root"], "an entry is not in its batch")
        yield header["first_entry"] + place[1], parse("Entry", item["entry"])
    need(place[0] == len(headers) - 1, "a batch is not needed")
def lines_of(card, u):
    quantities = (u["starts"], u["builds"], u["build_cpu_ns"], u["cpu_ns"], u["wall_ns"], u["mem_reserved_kib_ms"],
                  u["mem_peak_kib"] * u["wall_ns"] // 10**6, u["net_rx_bytes"], u["net_tx_bytes"], u["net_packets"],
                  u["disk_read_bytes"] + u["disk_write_bytes"], u["disk_ops"], u["console_bytes"], u["storage_kib_ms"])
    for sku, nano, per, included, minimum in (price.values() for price in card["prices"]):
        whole, rest = divmod((beyond := max(0, quantities[sku - 1] - included)) * nano, per)
        whole += (0, rest > 0, 2 * rest >= per, 2 * rest + (whole & 1) > per)[card["rounding"] - 1]
        need(quantities[sku - 1] < 2**64 - 1, "a quantity is too large")
        yield {"sku": sku, "quantity": quantities[sku - 1], "amount_nano": max(int(whole), minimum if beyond else 0)}
STEPS = {(2, 2): "hold", (3, 3): "charge", (4, 4): "release", (1, 5): "write-off", (1, 8): "late charge", (1, 9): "late write-off"}
def settled(card, said, use, count, settlement, before, moved):  # a late one may bill less than there was room for
    lines, hold, billed = [line for line in lines_of(card, use) if line["quantity"]], said["hold_nano"], settlement["billed_nano"]
    charge, least = sum(line["amount_nano"] for line in lines), before["billed_nano"] if before else hold
    need(min(charge, least) <= billed <= min(charge, hold) and charge < 2**63 > hold and max(use.values()) < 2**64, "the charge is not as agreed")
    amounts = {"hold": hold, "charge": billed, "release": 0 if billed else hold, "write-off": charge - billed} if not before else {
        "late charge": billed - before["billed_nano"], "late write-off": charge - billed - before["written_off_nano"]}
    need(settlement == {"submission_id": said["submission_id"], "record_count": count, "lines": lines, "charge_nano": charge, "voided": 0,
         "billed_nano": billed, "written_off_nano": charge - billed, "amends": before and before["number"] or 0}, "the charge is not what the usage costs")
    need(moved == {step: amount for step, amount in amounts.items() if amount}, "the transfers are not those of the settlement")
def verify(data, node_id):
    receipt = parse("Receipt", data)
    need(receipt["format"] == b"hostel receipt v1" and receipt["node_id"] == node_id, "it is no receipt of this node")
    card, story, moved, seqs, use, done = parse("RateCard", receipt["rate_card"]), [], {}, set(), dict.fromkeys(parse("Usage", b""), 0), None
    for number, entry in entries_of(receipt, batches_check(receipt, node_id)):
        (kind, body), = ((k, v) for k, v in entry.items() if isinstance(v, dict))
        first, said = (first, said) if story else (entry, body)
        need((body["submission_id"], entry["account"]) == (said["submission_id"], first["account"]) and
             (not story or entry["account_seq"] > last["account_seq"]), "it mixes submissions, or their entries are out of order")
        if kind == "transfer":
            kind = STEPS[body["kind"], body["purpose"]]
            ids = [sha256(b"hostel transfer v1" + said["submission_id"] + step).digest()[:16] for step in (
                kind.encode() + (len(seqs).to_bytes(8, "little") if kind[:4] == "late" else b""), b"hold")]
            need([body["id"], body["pending_id"]] == [ids[0], ids[1] if kind in ("charge", "release") else b""], "an id is wrong")
            need(kind[-9:] == "write-off" or body["debit"] == entry["account"], "a transfer debits another account")
            moved[kind] = body["amount_nano"]
        elif kind == "usage_record":
            need(0 < body["seq"] not in seqs and body["phase"] in (1, 2) and body["start_ns"] <= body["end_ns"], "a record is wrong")
            seqs.add(body["seq"])
            use = {k: max(v, use[k]) if k in ("mem_reserved_kib", "mem_peak_kib") else v + use[k] for k, v in body["usage"].items()}
        elif kind == "settlement":
            done, moved = settled(card, said, use, len(seqs), body, done, moved) or dict(body, number=number), {}
        story, last = story + [kind], entry
    need(re.fullmatch("admission(,hold)?(,usage_record)*((,charge|,release)?(,write-off)?,settlement(,usage_record(,late charge)?(,late write-off)?"
                      ",settlement)*)?", ",".join(story)) and (done or moved.get("hold", 0) == said["hold_nano"]), "its story is wrong")
    need(sha256(receipt["rate_card"]).digest() == said["card_digest"] and card["effective_s"] <= first["time_ns"] // 10**9 and
         card["customer"] in (b"", said["customer_key"]) and 1 <= card["rounding"] <= 4, "it was accepted by another rate card")
    amount = done["billed_nano"] if done else f"it runs, so far {sum(line['amount_nano'] for line in lines_of(card, use))}"
    return f"submission {said['submission_id'].hex()}: {amount} nano-{card['currency'].decode()} for {len(seqs)} usage records"
failed = 0
for path in sys.argv[2:]:
    try:
        print(f"ok {path}: {verify(open(path, 'rb').read(), bytes.fromhex(sys.argv[1]))}")
    except (ValueError, KeyError, IndexError, TypeError, OverflowError, ZeroDivisionError) as error:
        print(f"FAILED {path}: {error}")
        failed = 1
sys.exit(failed)
