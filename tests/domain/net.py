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
