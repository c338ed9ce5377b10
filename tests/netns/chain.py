# SPDX-License-Identifier: ISC
"""Routers in a row: the lab's router is behind one or more others.

    lan1 --- [router] wan0 10.0.1.2 --- 10.0.1.1 lan0 [front] wan0 --- outside
                                             11.22.33.1

With three routers the second one is lab.fronts[0], and its WAN is 10.0.2.2.
The outermost router has the address that the others of the lab's helpers ask
for, so they work as in the plain lab."""
import os
import socket
import struct
import sys
import threading

from daemon import ROOT, Daemon, Upnpd
from firewall import Bare
from lab import EXT_IP, OUT2_IP, OUT_IP, Host, Lab, run, wait_until
from pmp import NUMBER

sys.path.append(os.path.join(ROOT, "bench"))
import subjects  # noqa: E402  pylint: disable=wrong-import-position

WAN_IP, FRONT_IP = "10.0.1.2", "10.0.1.1"

MINIUPNPD_RULES = """\
table inet filter {
    chain forward {
        type filter hook forward priority 0; policy accept;
    }
}
""" + subjects.NFT_CHAINS

MINIUPNPD_CONF = """\
ext_ifname=wan0
listening_ip=lan0
http_port=5555
secure_mode=yes
system_uptime=no
notify_interval=900
clean_ruleset_interval=600
uuid=00000000-0000-4000-8000-000000000001
"""


class Chain(Lab):
    """The lab, with @n routers in front of the router."""

    def __init__(self, n=1):
        super().__init__(Bare())
        self.fronts = [Host(f"{self.id}f{i}") for i in range(n)]
        self.hosts += self.fronts

    def _build(self):
        super()._build()
        row = [self.router, *self.fronts]
        run("ip", "-n", self.router.ns, "link", "del", "wan0")
        for i in range(1, len(row)):
            inner, outer = row[i - 1], row[i]
            run("ip", "link", "add", "wan0", "netns", inner.ns, "type",
                "veth", "peer", "name", "lan0", "netns", outer.ns)
            inner.ip_batch(f"addr add 10.0.{i}.2/24 dev wan0",
                           "link set wan0 up")
            outer.ip_batch(f"addr add 10.0.{i}.1/24 dev lan0",
                           "link set lan0 up")
            inner.ip_batch(f"route add default via 10.0.{i}.1")
            inner.ip, outer.ip = f"10.0.{i}.2", f"10.0.{i}.1"
            outer.sysctl("net.ipv4.ip_forward", 1)
        self._wire(row[-1], "wan0", self.outside)
        row[-1].ip_batch(f"addr add {EXT_IP}/24 dev wan0", "link set wan0 up",
                         f"route add default via {OUT_IP}")
        self.outside.ip_batch(f"addr add {OUT_IP}/24 dev eth0",
                              f"addr add {OUT2_IP}/24 dev eth0")
        for front in row:
            front.run("nft", "-f", "-", stdin="table ip masq {\nchain post {\n"
                      "type nat hook postrouting priority 100; policy accept;"
                      "\noifname \"wan0\" masquerade\n}\n}\n")


class Place:
    """What a Daemon needs of a lab, for a daemon on another of its routers."""

    def __init__(self, chain, router):
        self.router, self.lan1 = router, None
        self.ipv4 = True
        self._chain = chain
        self.dir = chain.path(router.ns)
        os.mkdir(self.dir)

    def path(self, *names):
        return os.path.join(self.dir, *names)


def upnpd_on(chain, front, **options):
    """upnpd on one of the routers in front, not started."""
    options.setdefault("backend", "netlink")
    options.setdefault("show_dummy_rule", "no")
    return Upnpd(Place(chain, front), **options)


class Miniupnpd(Daemon):
    """Debian's miniupnpd on a router in front. @options: of its file"""

    def __init__(self, chain, front, **options):
        super().__init__(Place(chain, front))
        subjects.fetch()
        self.options = {"enable_natpmp": "yes", "enable_upnp": "yes",
                        "force_igd_desc_v1": "no", "ext_ip": None,
                        "rules": "allow 1024-65535 10.0.0.0/8 1024-65535"}
        self.options.update(options)
        front.run("nft", "-f", "-", stdin=MINIUPNPD_RULES)

    def start(self):
        options = dict(self.options)
        rules = options.pop("rules")
        conf = self.lab.path("miniupnpd.conf")
        with open(conf, "w") as f:
            f.write(MINIUPNPD_CONF)
            f.writelines(f"{key}={value}\n" for key, value in options.items()
                         if value)
            f.write(f"{rules}\ndeny 0-65535 0.0.0.0/0 0-65535\n")
        self.spawn([subjects.binary_of("miniupnpd-nftables"), "-d", "-f", conf,
                    "-P", self.lab.path("miniupnpd.pid")])
        assert self.wait_log("listening on")
        return self

    def forget(self):
        """Flush its rules, as its scripts do at a restart."""
        self.lab.router.run("nft", "-f", "-", stdin=subjects.NFT_FLUSH)


class Fake:
    """A gateway of NAT-PMP and PCP that the test plays, in its own thread. It
    forwards nothing.

    @answer: called with each request and the default answer; returns the
    datagrams to send. The default answer grants everything."""

    def __init__(self, front, ext=EXT_IP, answer=None):
        self.ext, self.answer = ext, answer or (lambda q, a: [a])
        self.epoch = 1000
        self.requests = []
        self.sock = front.socket(socket.SOCK_DGRAM, (front.ip, 5351))
        self.sock.settimeout(0.1)
        self.ended = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.ended = True
        self.thread.join()
        self.sock.close()

    def _run(self):
        while not self.ended:
            try:
                q, self.client = self.sock.recvfrom(2048)
            except TimeoutError:
                continue
            self.requests.append(q)
            for a in self.answer(q, self.default(q)):
                self.sock.sendto(a, self.client)

    def default(self, q, result=0, port=None, lease=None):
        """The answer to request @q."""
        head = struct.pack(">BBHI", 0, q[1] | 0x80, result, self.epoch)
        ext = socket.inet_aton(self.ext)
        if q[0] == 2:
            asked, = struct.unpack_from(">I", q, 4)
            a = struct.pack(">BBBBII12x", 2, q[1] | 0x80, 0, result,
                            lease if lease is not None else asked, self.epoch)
            if q[1] != 1:
                return a
            inner, outer = struct.unpack_from(">HH", q, 40)
            return a + q[24:40] + struct.pack(
                ">HH", inner, port or outer or inner) + bytes(10) + \
                b"\xff\xff" + ext
        if q[1] == 0:
            return head + ext
        inner, outer, asked = struct.unpack_from(">HHI", q, 4)
        return head + struct.pack(
            ">HHI", inner, (port or outer or inner) if asked else 0,
            lease if lease is not None else asked)

    def asked(self, proto, port, delete=False):
        """How often it was asked to map, or to delete, that port."""
        n = 0
        for q in list(self.requests):
            if q[0] == 2 and len(q) == 60:
                number, inner = q[36], struct.unpack_from(">H", q, 40)[0]
                lease, = struct.unpack_from(">I", q, 4)
            elif q[0] == 0 and len(q) == 12:
                number = NUMBER["UDP" if q[1] == 1 else "TCP"]
                inner, _, lease = struct.unpack_from(">HHI", q, 4)
            else:
                continue
            n += (number, inner, not lease) == (NUMBER[proto], port, delete)
        return n


def wait_answers(upnpd):
    """Wait until the upstream of @upnpd was found."""
    line = upnpd.wait_log("upstream .* answers by")
    assert line, upnpd.log()
    assert wait_until(lambda: "as the upstream of" in upnpd.log()), upnpd.log()
    return line
