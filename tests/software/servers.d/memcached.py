# SPDX-License-Identifier: ISC
# memcached's text protocol against a server: HOST [HOST6]. Says on the last
# line what is wrong, by an assertion.
import os, random, socket, sys, threading

PORT = 11211
CLIENTS = 16


class Client:
    def __init__(self, host):
        self.s = socket.create_connection((host, PORT), 60)
        self.f = self.s.makefile('rb')

    def ask(self, line, data=None):
        self.s.sendall(line.encode() + b'\r\n' +
                       (b'' if data is None else data + b'\r\n'))
        return self.line()

    def line(self):
        return self.f.readline().rstrip(b'\r\n').decode()

    def set(self, key, data, how='set', exptime=0, cas=''):
        return self.ask(f'{how} {key} 7 {exptime} {len(data)}{cas}', data)

    def get(self, key, how='get'):
        """(data, cas), or None."""
        head = self.ask(f'{how} {key}').split()
        if head == ['END']:
            return None
        assert head[:3] == ['VALUE', key, '7'], head
        data = self.f.read(int(head[3]))
        assert self.line() == '' and self.line() == 'END'
        return data, head[4] if how == 'gets' else None

    def stats(self):
        out = {}
        line = self.ask('stats')
        while line != 'END':
            _, name, value = line.split(' ', 2)
            out[name] = value
            line = self.line()
        return out


def same(what, got, expected):
    assert got == expected, f'{what}: {got!r:.80} instead of {expected!r:.80}'


def basics(host):
    c = Client(host)
    same('threads', c.stats()['threads'], '4')
    same('set', c.set('a', b'one'), 'STORED')
    same('add to what is there', c.set('a', b'two', 'add'), 'NOT_STORED')
    same('append', c.set('a', b' more', 'append'), 'STORED')
    same('get', c.get('a'), (b'one more', None))
    data, unique = c.get('a', 'gets')
    same('replace', c.set('a', b'new', 'replace'), 'STORED')
    same('cas of the old', c.set('a', b'x', 'cas', cas=' ' + unique), 'EXISTS')
    unique = c.get('a', 'gets')[1]
    same('cas', c.set('a', b'x', 'cas', cas=' ' + unique), 'STORED')
    same('expired', c.set('gone', b'x', exptime=-1), 'STORED')
    same('get of the expired', c.get('gone'), None)
    same('delete', c.ask('delete a'), 'DELETED')
    same('get of the deleted', c.get('a'), None)
    same('nonsense', c.ask('nonsense'), 'ERROR')
    assert c.ask('get ' + 'k' * 300).startswith('CLIENT_ERROR')
    c = Client(host)
    same('too large', c.set('large', bytes(2 << 20)),
         'SERVER_ERROR object too large for cache')


def worker(host, n, failures):
    try:
        c = Client(host)
        mine = {}
        for i in range(200):
            key = f'k{n}.{random.randrange(50)}'
            mine[key] = os.urandom(random.choice([0, 1, 100, 2000, 60000]))
            same('set', c.set(key, mine[key]), 'STORED')
            same('incr', c.ask('incr shared 1').isdigit(), True)
            key = random.choice(list(mine))
            same(key, c.get(key), (mine[key], None))
    except Exception as e:
        failures.append(repr(e))


def crowd(host):
    c = Client(host)
    same('set', c.set('shared', b'0'), 'STORED')
    failures = []
    all = [threading.Thread(target=worker, args=(host, n, failures))
           for n in range(CLIENTS)]
    for t in all: t.start()
    for t in all: t.join()
    assert not failures, failures[0]
    same('counted', c.get('shared')[0], str(CLIENTS * 200).encode())


def full(host):
    """More than it may hold: it forgets the oldest and lives."""
    c = Client(host)
    for i in range(120):
        same('set', c.set(f'big{i}', bytes([i]) * 900000), 'STORED')
    same('the last', c.get('big119'), (bytes([119]) * 900000, None))
    same('the first', c.get('big0'), None)
    assert int(c.stats()['evictions']) > 0, 'nothing was evicted'


def many(host):
    all = [Client(host) for i in range(500)]
    for i, c in enumerate(all):
        same('set', c.set(f'm{i}', b'%d' % i), 'STORED')
    for i, c in enumerate(reversed(all)):
        same('get', c.get(f'm{i}'), (b'%d' % i, None))


globals()[sys.argv[1]](sys.argv[2])
