#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Attacks on a node's HTTP, one after the other, while somebody else at another
address asks it things and must be answered each time.

    hostile.py SUITE HOST PORT plain|tls OPERATOR-SOCKET API-PID STREAM

STREAM is a file with a customer's signed request for a stream that goes on.

Prints a line a case, as tests/run wants them.
"""
import json
import select
import socket
import ssl
import struct
import sys
import threading
import time

suite, host, port, kind, operator, api_pid, stream = sys.argv[1:8]
port = int(port)
tls = kind == "tls"

# Long enough for any deadline of the node's (30 s for silence), with some air
# for a busy machine.
PATIENCE_S = 60
# What an attack may make the api role grow to: all its threads and buffers.
RSS_MAX_KIB = 300 * 1024


def ok(name):
    print("ok %s/%s-%s" % (suite, kind, name), flush=True)


def failed(name, why):
    print("FAILED %s/%s-%s: %s" % (suite, kind, name, why), flush=True)


def check(name, good, why):
    if good:
        ok(name)
    else:
        failed(name, why)


# --------------------------------------------------------------------- sockets

def wire(source="127.0.0.1"):
    """A TCP connection and nothing more."""
    s = socket.socket()
    s.settimeout(PATIENCE_S)
    s.bind((source, 0))
    s.connect((host, port))
    return s


context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE


def connect(source="127.0.0.1"):
    s = wire(source)
    return context.wrap_socket(s) if tls else s


def local():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(PATIENCE_S)
    s.connect(operator)
    return s


def read_all(s, most=1 << 20):
    """To the end of the connection, whatever ends it; None: it does not end."""
    data = b""
    try:
        while len(data) < most:
            piece = s.recv(65536)
            if not piece:
                break
            data += piece
    except TimeoutError:
        return None
    except OSError:
        pass
    s.close()
    return data


def exchange(s, data, most=1 << 20):
    """Sends and reads at once, to the end; one thread: a TLS session is one's."""
    s.setblocking(False)
    got, end = b"", time.monotonic() + PATIENCE_S
    while len(got) < most and time.monotonic() < end:
        select.select([s], [s] if data else [], [], 0.1)
        try:
            if data:
                data = data[s.send(data[:16384]):]
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except OSError:
            data = b""
        try:
            piece = s.recv(65536)
            if not piece:
                break
            got += piece
            end = time.monotonic() + PATIENCE_S
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except OSError:
            break
    s.close()
    return got


def send(s, data):
    """As much as the node takes."""
    try:
        s.sendall(data)
    except OSError:
        pass


def ask(data, s=None):
    s = s or connect()
    send(s, data)
    return read_all(s)


def head(method, target, *headers):
    lines = ["%s %s HTTP/1.1" % (method, target), "Host: node",
             "Connection: close"] + list(headers)
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def post(target, body, *headers):
    return head("POST", target, "Content-Type: application/json",
                "Content-Length: %d" % len(body), *headers) + body


def status(answer):
    try:
        return int(answer.split(b" ", 2)[1])
    except (AttributeError, IndexError, ValueError):
        return 0


def problem(answer):
    """The sentence of a problem; None: it is none."""
    try:
        body = answer.split(b"\r\n\r\n", 1)[1]
        o = json.loads(body)
        if o["status"] == status(answer) and o["title"] and o["detail"]:
            return o["detail"]
    except (AttributeError, IndexError, ValueError, KeyError, TypeError):
        pass
    return None


# ------------------------------------------------------------------- the others

class Bystander(threading.Thread):
    """Asks from another address, on connections of its own."""

    def __init__(self):
        super().__init__(daemon=True)
        self.asked = self.unanswered = 0
        self.stopping = False

    def once(self):
        self.asked += 1
        try:
            s = connect("127.0.0.2")
            s.sendall(head("GET", "/v1/node"))
            answer = read_all(s)
        except OSError as e:
            answer = None
            print("bystander: %s" % e, file=sys.stderr)
        if status(answer) != 200:
            self.unanswered += 1
            print("bystander: %r" % (answer or b"")[:200], file=sys.stderr)

    def run(self):
        while not self.stopping:
            self.once()
            time.sleep(0.1)


def node_figures():
    figures = {}
    with open("/proc/%s/status" % api_pid, encoding="ascii") as f:
        for line in f:
            key, _, value = line.partition(":")
            if key in ("VmRSS", "Threads"):
                figures[key] = int(value.split()[0])
    return figures


quiet = node_figures()


def attack(name, run):
    """One attack: the others are answered all the while, and the node is as
    small afterwards as before."""
    if tls:
        time.sleep(3)  # handshakes of the attack before are forgotten
    other = Bystander()
    other.start()
    try:
        run()
    except OSError as e:
        failed(name, "the attacker failed: %s" % e)
    most = node_figures()["VmRSS"]
    other.stopping = True
    other.join(PATIENCE_S * 2)
    check(name + "-others-served",
          other.asked > 0 and other.unanswered == 0 and not other.is_alive(),
          "%d of %d requests were not answered"
          % (other.unanswered, other.asked))
    check(name + "-memory", most < RSS_MAX_KIB, "%d KiB" % most)


# --------------------------------------------------------------------- attacks

def many_connections():
    held = []
    for _ in range(400):
        try:
            held.append(wire())
        except OSError:
            break
    # Those beyond the limit are closed at once, without anything being read.
    closed = 0
    for s in held:
        s.settimeout(0.05)
        try:
            if s.recv(1) == b"":
                closed += 1
        except TimeoutError:
            pass
        except OSError:
            closed += 1
        if closed:
            break
    check("many-connections-bounded", closed > 0,
          "all %d connections are held" % len(held))
    try:
        s = local()
        answer = ask(head("GET", "/v1/node"), s)
        check("many-connections-operator", status(answer) == 200,
              "the operator gets %r" % (answer or b"")[:100])
    finally:
        for s in held:
            s.close()


def threads_go():
    for _ in range(PATIENCE_S * 10):
        now = node_figures()["Threads"]
        if now <= quiet["Threads"] + 4:
            return True
        time.sleep(0.1)
    return False


def slow_heads():
    """A byte now and then: the whole head has its time, not each byte."""
    held = [connect() for _ in range(40)]
    text = head("GET", "/v1/node", "X-Slow: " + "a" * 4000)
    alive, sent = set(held), 0
    began = time.monotonic()
    while alive and time.monotonic() - began < PATIENCE_S:
        for s in list(alive):
            s.setblocking(False)
            try:
                s.send(text[sent:sent + 1])
                if s.recv(4096) == b"":
                    alive.discard(s)
            except (BlockingIOError, ssl.SSLWantReadError):
                pass
            except OSError:
                alive.discard(s)
        sent += 1
        time.sleep(0.2)
    for s in held:
        s.close()
    check("slow-heads-ended", not alive, "%d are still open" % len(alive))


def huge_heads():
    for name, data in (
            ("line", b"GET /" + b"a" * 200000 + b" HTTP/1.1\r\n\r\n"),
            ("field", head("GET", "/v1/node", "X: " + "a" * 200000)),
            ("fields", head("GET", "/v1/node",
                            *("X-%d: y" % i for i in range(20000)))),
            ("query", head("GET", "/v1/node?" + "a=b&" * 50000)),
            ("method", b"G" * 100000 + b" / HTTP/1.1\r\n\r\n")):
        answer = ask(data)
        check("huge-" + name, answer is not None and
              (answer == b"" or 400 <= status(answer) < 500),
              "%r" % (answer or b"no end")[:100])


def nonsense():
    for name, data in (
            ("binary", bytes(range(256)) * 40),
            ("http2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            ("no-version", b"GET /\r\n\r\n"),
            ("nul", b"GET /v1/\0node HTTP/1.1\r\nHost: n\r\n\r\n"),
            ("no-colon", b"GET / HTTP/1.1\r\nHost: n\r\nnonsense\r\n\r\n"),
            ("connect", b"CONNECT example.org:80 HTTP/1.1\r\nHost: n\r\n"
                        b"Connection: close\r\n\r\n"),
            ("length-sign", head("POST", "/v1/quotes", "Content-Length: -1")),
            ("length-huge", head("POST", "/v1/quotes",
                                 "Content-Length: 99999999999999999999")),
            ("length-two", head("POST", "/v1/quotes", "Content-Length: 2",
                                "Content-Length: 30") + b"{}"),
            ("length-and-chunks",
             head("POST", "/v1/quotes", "Content-Length: 2",
                  "Transfer-Encoding: chunked") +
             b"0\r\n\r\nGET /v1/accounts HTTP/1.1\r\nHost: n\r\n\r\n"),
            ("chunk-size", head("POST", "/v1/quotes",
                                "Transfer-Encoding: chunked") + b"zz\r\n{}"),
            ("chunk-huge", head("POST", "/v1/quotes",
                                "Transfer-Encoding: chunked") +
             b"ffffffffffffffffff\r\n{}")):
        s = connect()
        send(s, data)
        if not tls:
            try:
                s.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        answer = read_all(s)
        good = answer is not None and (
            answer == b"" or status(answer) >= 400 or
            # Two lengths: libmicrohttpd takes the first; what follows is not
            # taken for a request.
            (name.startswith("length-") and status(answer) == 200))
        check("nonsense-" + name, good and answer.count(b"HTTP/1.1 200") <= 1,
              "%r" % (answer or b"no end")[:200])


def waiting():
    """One customer's streams: there is an end to them, and those who just ask
    still have connections."""
    with open(stream, "rb") as f:
        request = f.read()
    held, streams, limited = [], 0, 0
    for _ in range(150):
        s = connect()
        send(s, request)
        held.append(s)
    for s in held:
        try:
            answer = s.recv(4096)
        except OSError:
            answer = b""
        streams += answer.startswith(b"HTTP/1.1 200")
        limited += answer.startswith(b"HTTP/1.1 429")
    check("waiting-bounded", streams == 128 and limited == 22,
          "%d streams, %d refused" % (streams, limited))
    for s in held:
        s.close()
    check("waiting-threads-go", threads_go(),
          "%d threads remain" % node_figures()["Threads"])


def endless_body():
    """Chunks without end, on a resource that takes 64 KiB."""
    s = connect()
    send(s, head("POST", "/v1/quotes", "Transfer-Encoding: chunked"))
    sent = 0
    try:
        while sent < 64 << 20:
            s.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")
            sent += 65536
    except OSError:
        pass
    check("endless-body-cut", sent < 64 << 20, "64 MiB were taken")
    s.close()


def pipeline():
    """Many requests in one piece."""
    one = b"GET /v1/node HTTP/1.1\r\nHost: node\r\n\r\n"
    answer = exchange(connect(), one * 400 + head("GET", "/v1/node"))
    good = answer.count(b"HTTP/1.1 200 ")
    limited = answer.count(b"HTTP/1.1 429 ")
    check("pipeline", good + limited == 401 and good > 0,
          "%d good, %d limited" % (good, limited))


def flood():
    """More requests than an address may send."""
    limited = answers = 0
    retry = False
    one = b"GET /healthz HTTP/1.1\r\nHost: node\r\n\r\n"
    for _ in range(8):
        answer = exchange(connect(), one * 999 + head("GET", "/healthz"),
                          1 << 24)
        answers += answer.count(b"HTTP/1.1 ")
        limited += answer.count(b"HTTP/1.1 429 ")
        if limited:
            first = answer[answer.index(b"HTTP/1.1 429 "):]
            retry = b"\r\nRetry-After: 1" in first.split(b"\r\n\r\n")[0]
            break
    check("flood-limited", limited > 0, "%d answers, none limited" % answers)
    check("flood-says-when", retry, "no Retry-After")


def unread():
    """Answers that nobody reads."""
    held = []
    for _ in range(60):
        s = wire()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        if tls:
            s = context.wrap_socket(s)
        s.setblocking(False)
        try:
            s.send(b"GET /v1/openapi.json HTTP/1.1\r\nHost: n\r\n\r\n" * 20)
        except OSError:
            pass
        held.append(s)
    check("unread-threads-go", threads_go(),
          "%d threads remain" % node_figures()["Threads"])
    for s in held:
        s.close()


def resets():
    """Connections that end in the middle, the hard way."""
    for i in range(300):
        s = wire()
        send(s, (b"\x16\x03\x01\x02\x00\x01" if tls else
                 b"POST /v1/submissions HTTP/1.1\r\nHost: n\r\n"
                 b"Content-Length: 1000\r\n\r\nHOS")[:1 + i % 60])
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                     struct.pack("ii", 1, 0))
        s.close()
    check("resets-threads-go", threads_go(),
          "%d threads remain" % node_figures()["Threads"])


def hello():
    """A whole ClientHello, for cutting."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing)
    try:
        session.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def hello_flood():
    """Handshakes that begin and go no further."""
    whole = hello()
    held = []
    for i in range(180):
        s = wire()
        send(s, whole[:(0, 1, 5, 6, 40, len(whole) - 1, len(whole))[i % 7]])
        held.append(s)
    # Nothing spins meanwhile: an idle node's api role takes next to no CPU.
    before = cpu_s()
    time.sleep(3)
    used = cpu_s() - before
    check("hello-flood-idle", used < 1.5, "%.2f s of CPU in 3 s" % used)
    check("hello-flood-threads-go", threads_go(),
          "%d threads remain" % node_figures()["Threads"])
    ended = 0
    for s in held:
        if read_all(s) is not None:
            ended += 1
    check("hello-flood-ended", ended == len(held),
          "%d of %d ended" % (ended, len(held)))


def hello_garbage():
    whole = bytearray(hello())
    for i in range(0, len(whole), 3):
        broken = bytearray(whole)
        broken[i] ^= 0x55
        s = wire()
        s.settimeout(0.02)
        send(s, bytes(broken))
        s.close()
    for data in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"x" * 65535,
                 b"\x15\x03\x01\x00\x02\x02\x28", b"\x80\x2e\x01\x00\x02"):
        answer = ask(data, wire())
        if answer is None:
            failed("hello-garbage-ended", "%r is kept" % data[:8])
            return
    ok("hello-garbage-ended")


def handshake_storm():
    """More connections than an address may begin handshakes on: they are
    closed before anything is spent on them, here before a byte was sent."""
    refused = made = 0
    while made < 4000 and refused == 0:
        some = [wire() for _ in range(100)]
        made += len(some)
        for s in some:
            s.settimeout(0.001)
            try:
                refused += s.recv(1) == b""
            except TimeoutError:
                pass
            except OSError:
                refused += 1
            s.close()
    check("handshake-storm-bounded", refused > 0,
          "%d connections, none refused" % made)


def cpu_s():
    with open("/proc/%s/stat" % api_pid, encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


# ------------------------------------------------------------------------- JSON

BAD_JSON = (
    ("empty", b"", 400), ("word", b"nonsense", 400), ("open", b"{", 400),
    ("cut", b'{"kind": "ima', 400), ("array", b"[]", 400),
    ("number", b"1", 400), ("null", b"null", 400), ("tail", b"{} {}", 400),
    ("comma", b'{"cpu_ns": 1,}', 400), ("single", b"{'cpu_ns': 1}", 400),
    ("comment", b'{"cpu_ns": 1} // x', 400),
    ("twice", b'{"cpu_ns": 1, "cpu_ns": 2}', 400),
    ("deep-arrays", b"[" * 30000, 400),
    ("deep-objects", b'{"a":' * 10000 + b"1" + b"}" * 10000, 400),
    ("deep-in-member", b'{"x": ' + b"[" * 20000 + b"]" * 20000 + b"}", 400),
    ("utf8", b'{"kind": "\xff\xfe"}', 400),
    ("surrogate", b'{"kind": "\\ud800"}', 400),
    ("nul", b'{"kind": "image\\u0000"}', 400), ("nul-byte", b'{"a\0": 1}', 400),
    ("text-for-number", b'{"cpu_ns": "1000000000"}', 400),
    ("object-for-number", b'{"cpu_ns": {}}', 400),
    ("number-for-text", b'{"kind": 7}', 400),
    ("fraction", b'{"cpu_ns": 1.5}', 400),
    ("exponent", b'{"cpu_ns": 1e400}', 400),
    ("exponent-integer", b'{"cpu_ns": 1e9}', 400),
    ("huge", b'{"cpu_ns": 99999999999999999999999999999}', 400),
    ("digits", b'{"cpu_ns": ' + b"9" * 60000 + b"}", 400),
    ("negative", b'{"cpu_ns": -1}', 400),
    ("beyond", b'{"cpu_ns": 9223372036854775807}', 400),
    ("nan", b'{"cpu_ns": NaN}', 400), ("true", b'{"cpu_ns": true}', 400),
    ("member-null", b'{"cpu_ns": null}', 400),
    ("members", b"{" + b",".join(b'"k%d":%d' % (i, i) for i in range(9000)) +
     b"}", (200, 400, 413)),
)


def bad_json():
    bad = []
    for name, body, want in BAD_JSON:
        answer = ask(post("/v1/quotes", body))
        wanted = want if isinstance(want, tuple) else (want,)
        if status(answer) not in wanted or (
                status(answer) >= 400 and not problem(answer)):
            bad.append("%s: %r" % (name, (answer or b"no end")[:120]))
    check("json-quotes", not bad, "; ".join(bad[:3]))


def bad_json_operator():
    """The same to what takes other members, as the operator."""
    key = "ab" * 32
    bodies = [b for _, b, w in BAD_JSON if w == 400] + [
        b'{"key": "zz"}', b'{"key": ["' + key.encode() + b'"]}',
        b'{"key": "' + key.encode() + b'", "name": 7}',
        b'{"key": "' + key.encode() + b'", "name": "' + b"n" * 64 + b'"}']
    bad = []
    for body in bodies:
        for target in ("/v1/accounts", "/v1/accounts/%s/credits" % key):
            answer = ask(post(target, body), local())
            if status(answer) != 400 or not problem(answer):
                bad.append("%s %r: %r" % (target, body[:40],
                                          (answer or b"no end")[:120]))
    amounts = (b"0", b"-1", b"1.5", b"1e30", b"9223372036854775808", b'"1"')
    for amount in amounts:
        answer = ask(post("/v1/accounts/%s/credits" % key,
                          b'{"id": "' + b"0" * 32 + b'", "amount_nano": ' +
                          amount + b"}"), local())
        if status(answer) != 400 or not problem(answer):
            bad.append("amount %r: %r" % (amount, (answer or b"")[:120]))
    check("json-operator", not bad, "; ".join(bad[:3]))
    answer = ask(head("GET", "/v1/accounts/" + key), local())
    check("json-operator-nothing-made", status(answer) == 404,
          "%r" % (answer or b"")[:120])


attack("many-connections", many_connections)
attack("resets", resets)
attack("slow-heads", slow_heads)
attack("huge-heads", huge_heads)
attack("nonsense", nonsense)
attack("endless-body", endless_body)
attack("waiting", waiting)
attack("pipeline", pipeline)
attack("json", bad_json)
attack("unread", unread)
if tls:
    attack("hello-flood", hello_flood)
    attack("hello-garbage", hello_garbage)
    attack("handshake-storm", handshake_storm)
else:
    attack("json-operator", bad_json_operator)
attack("flood", flood)
check("threads-go", threads_go(), "%d threads remain, there were %d"
      % (node_figures()["Threads"], quiet["Threads"]))
