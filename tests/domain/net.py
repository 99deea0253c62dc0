# SPDX-License-Identifier: ISC
# The other side of tests/domain/net, where no tool of Debian's serves:
#   echo HOST PORT BYTES [udp]   sends bytes, expects the same back
#   many HOST PORT N             N connections at once, each echoes a byte
#   flood HOST PORT N            N SYNs from addresses that do not answer
#   serve TEXT                   HTTP on 8000, answers TEXT
#   dns NAME ADDRESS             DNS on 53 for one name
#   dhcp INTERFACE ADDRESS       gives that address (and .1 as gateway and DNS)
#   router INTERFACE PREFIX      router advertisements
#   cpio FOLDER FILE             an initrd of all that is in a folder
#   sack INTERFACE HOST PORT     loses segments, and says so
#   sniff INTERFACE SECONDS      "ready", and then says of each frame that comes: mac type payload
import os, random, selectors, socket, struct, sys, threading, time


def echo(host, port, n, kind='tcp'):
    n = int(n)
    data = os.urandom(n)
    if kind == 'udp':
        info = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        s = socket.socket(info[0], info[1])
        s.settimeout(5)
        s.sendto(data, info[4])
        assert s.recv(65536) == data, 'other bytes came back'
        return
    s = socket.create_connection((host, int(port)), 10)
    s.settimeout(60)
    t = threading.Thread(target=s.sendall, args=(data,))
    t.start()
    got = bytearray()
    while len(got) < n:
        more = s.recv(1 << 16)
        assert more, 'closed after %d bytes' % len(got)
        got += more
    t.join()
    assert bytes(got) == data, 'other bytes came back'


def many(host, port, n):
    n = int(n)
    all = []
    for i in range(n):
        all.append(socket.create_connection((host, int(port)), 300))
    for i, s in enumerate(all):
        s.sendall(bytes([i & 255]))
    for i, s in enumerate(all):
        s.settimeout(300)
        assert s.recv(1) == bytes([i & 255]), 'connection %d' % i
    print(n)


def checksum(data):
    if len(data) & 1:
        data += b'\0'
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def flood(host, port, n):
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    to = socket.inet_aton(host)
    for i in range(int(n)):
        source = to[:3] + bytes([100 + random.randrange(100)])
        tcp = struct.pack('!HHIIBBHHH', random.randrange(1024, 65536), int(port),
                          random.getrandbits(32), 0, 5 << 4, 2, 65535, 0, 0)
        pseudo = source + to + struct.pack('!BBH', 0, 6, len(tcp))
        tcp = tcp[:16] + struct.pack('!H', checksum(pseudo + tcp)) + tcp[18:]
        ip = struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(tcp), i & 0xffff, 0, 64,
                         6, 0) + source + to
        s.sendto(ip + tcp, (host, 0))


def serve(text):
    l = socket.socket(socket.AF_INET6)
    l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    l.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    l.bind(('::', 8000))
    l.listen(16)
    while True:
        s, _ = l.accept()
        s.recv(4096)
        s.sendall(b'HTTP/1.0 200 OK\r\n\r\n' + text.encode() + b'\n')
        s.close()


def dns(name, address):
    wire = b''.join(bytes([len(p)]) + p.encode() for p in name.split('.')) + b'\0'
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(('', 53))
    while True:
        q, who = s.recvfrom(512)
        known = q[12:12 + len(wire)] == wire
        kind = q[12 + len(wire):14 + len(wire)]
        answer = b''
        if known and kind == b'\0\1':
            answer = b'\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4' + socket.inet_aton(address)
        rcode = b'\x81\x80' if known else b'\x81\x83'
        end = q.index(b'\0', 12) + 5
        s.sendto(q[:2] + rcode + b'\0\1' + (b'\0\1' if answer else b'\0\0') +
                 b'\0\0\0\0' + q[12:end] + answer, who)


def dhcp(interface, address):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    s.bind(('', 67))
    mine = socket.inet_aton(address.rsplit('.', 1)[0] + '.1')
    while True:
        q = s.recv(1500)
        kind = q[q.index(b'\x35\x01', 240) + 2]
        options = bytes([53, 1, 2 if kind == 1 else 5]) + b'\x36\x04' + mine + \
            b'\x33\x04\0\0\x0e\x10\x01\x04\xff\xff\xff\0\x03\x04' + mine + \
            b'\x06\x04' + mine + b'\xff'
        r = b'\2' + q[1:12] + bytes(4) + socket.inet_aton(address) + mine + \
            bytes(4) + q[28:236] + b'\x63\x82\x53\x63' + options
        s.sendto(r, ('255.255.255.255', 68))


def router(interface, prefix):
    s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    index = socket.if_nametoindex(interface)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
    option = struct.pack('!BBBBIII', 3, 4, 64, 0xc0, 3600, 1800, 0) + \
        socket.inet_pton(socket.AF_INET6, prefix)
    ra = struct.pack('!BBHBBHII', 134, 0, 0, 64, 0, 1800, 0, 0) + option
    while True:
        s.sendto(ra, ('ff02::1', 0, 0, index))
        time.sleep(0.2)


def cpio(folder, file):
    def member(name, mode, data):
        name = name.encode() + b'\0'
        head = b'070701' + b''.join(b'%08X' % n for n in (
            0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0)) + name
        return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)
    with open(file, 'wb') as out:
        for at, folders, files in os.walk(folder):
            folders.sort()
            for n in folders:
                path = os.path.join(at, n)
                out.write(member(os.path.relpath(path, folder), 0o40755, b''))
            for n in sorted(files):
                path = os.path.join(at, n)
                out.write(member(os.path.relpath(path, folder), 0o100644,
                                 open(path, 'rb').read()))
        out.write(member('TRAILER!!!', 0, b''))


class Lossy:
    """A TCP of one connection, on a bridge, under an address that the kernel
    does not have; it decides itself what it has received."""

    def __init__(self, interface, host, port):
        self.s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.s.bind((interface, 0))
        self.s.settimeout(20)
        self.mac = self.s.getsockname()[4]
        self.ip = socket.inet_aton(host)[:3] + bytes([200 + random.randrange(50)])
        self.to_ip, self.to_mac = socket.inet_aton(host), b'\xff' * 6
        self.port, self.to_port = random.randrange(20000, 60000), port
        self.seq = random.getrandbits(31)
        self.s.send(self.to_mac + self.mac + struct.pack('!HHHBBH', 0x806, 1,
                    0x800, 6, 4, 1) + self.mac + self.ip + bytes(6) + self.to_ip)
        while True:
            f = self.s.recv(70000)
            if f[12:14] == b'\x08\x06' and f[20:22] == b'\0\2' and f[28:32] == self.to_ip:
                self.to_mac = f[6:12]
                break
        self.send(2, 0, b'\x02\x04\x05\xb4\x04\x02\x01\x01') # MSS, SACK permitted
        flags, seq, _ = self.segment()
        assert flags == 0x12, 'no SYN+ACK'
        self.base = seq + 1
        self.seq += 1

    def send(self, flags, ack, options=b'', data=b''):
        tcp = struct.pack('!HHIIBBHHH', self.port, self.to_port, self.seq & 0xffffffff,
                          ack & 0xffffffff, (5 + len(options) // 4) << 4, flags,
                          65535, 0, 0) + options + data
        pseudo = self.ip + self.to_ip + struct.pack('!BBH', 0, 6, len(tcp))
        tcp = tcp[:16] + struct.pack('!H', checksum(pseudo + tcp)) + tcp[18:]
        ip = struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + \
            self.ip + self.to_ip
        ip = ip[:10] + struct.pack('!H', checksum(ip)) + ip[12:]
        self.s.send(self.to_mac + self.mac + b'\x08\0' + ip + tcp)

    def segment(self):
        """Flags, sequence number and data length of the next one for us."""
        while True:
            f = self.s.recv(70000)
            if f[12:14] == b'\x08\x06' and f[20:22] == b'\0\1' and f[38:42] == self.ip:
                self.s.send(f[6:12] + self.mac + f[12:20] + b'\0\2' + self.mac +
                            self.ip + f[22:32])
            if f[12:14] != b'\x08\0' or f[30:34] != self.ip or f[23] != 6:
                continue
            at = 14 + (f[14] & 15) * 4
            _, port, seq, _, off, flags = struct.unpack('!HHIIBB', f[at:at + 14])
            if port == self.port:
                n = struct.unpack('!H', f[16:18])[0] - (at - 14) - (off >> 4) * 4
                return flags, seq, n

    def acknowledge(self, got):
        """`got`: beginnings and ends of what has come, in order."""
        ack = got[0][1] if got and got[0][0] == 0 else 0
        blocks = [g for g in got if g[0] > ack][-4:]
        options = b''.join(struct.pack('!II', *((self.base + at) & 0xffffffff
                                                for at in g)) for g in blocks)
        if options: options = bytes([1, 1, 5, 2 + len(options)]) + options
        self.send(0x10, self.base + ack, options)


def joined(ranges):
    out = []
    for begin, end in sorted(ranges):
        if out and begin <= out[-1][1]: out[-1] = (out[-1][0], max(end, out[-1][1]))
        else: out.append((begin, end))
    return out


def sack(interface, host, port):
    """Three segments are lost on their first way, and a peer that says so gets
    just those again. A slow machine may cause a timeout, after which all is
    sent again: then another time."""
    for attempt in range(30):
        c = Lossy(interface, host, int(port))
        request = b'GET /30000 HTTP/1.0\r\n\r\n'
        c.send(0x18, c.base, data=request)
        c.seq += len(request)
        seen, got, lost, again = [], [], [], []
        while not got or got[0][1] < 30000:
            _, seq, n = c.segment()
            for at in range(0, n, 1460):
                begin = ((seq - c.base) & 0xffffffff) + at
                end = begin + min(1460, n - at)
                if begin in seen:
                    again.append(begin)
                else:
                    seen.append(begin)
                    if len(seen) in (3, 6, 10):
                        lost.append(begin)
                        continue
                got = joined(got + [(begin, end)])
                c.acknowledge(got)
        c.send(4, 0)
        c.s.close()
        if len(lost) == 3 and sorted(again) == lost:
            return
        print('lost %s, sent again %s' % (lost, again))
    assert False, 'other segments than the lost ones were sent again'


def sniff(interface, seconds):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind((interface, 0))
    s.settimeout(0.2)
    end = time.time() + float(seconds)
    print('ready', flush=True)
    while time.time() < end:
        try:
            f, who = s.recvfrom(65600)
        except socket.timeout:
            continue
        if who[2] != 4: # not what the host sends
            print(f[6:12].hex(), f[12:14].hex(), len(f), f[14:60].hex(), flush=True)


globals()[sys.argv[1]](*sys.argv[2:])
