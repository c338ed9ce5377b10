# SPDX-License-Identifier: ISC
"""The lab: a LAN host, a router and an outside host in network namespaces.

    lan1 (eth0 192.168.88.10) --- lan0 [router] wan0 --- eth0 (11.22.33.9, .10)
                                    11.22.33.1                    outside
    optional: lan2 on the same wire (bridge=True, then lan0 is a bridge), or
    behind a second internal interface, lan1 192.168.89.1 (second_lan=True).
    With behind=True as well as bridge=True, lan2 is a router without NAT, and
    behind it is a host (eth0 172.31.0.10).
    With second_wan=True the router has another uplink, wan1 44.55.66.1, with a
    default route of a higher metric, and behind it another outside host (eth0
    44.55.66.9).
    With container=True the router has a bridge docker0 172.17.0.1, and on it a
    host with the address of Docker's first container (eth0 172.17.0.2).
    With ipv6=True each LAN, the WAN and the hosts have IPv6 as well, with
    global, unique local and link-local addresses. ipv6="only": nobody has an
    IPv4 address. ipv6="ula": no global addresses in the LAN. Without ipv6 the
    kernels have no IPv6 addresses at all.

Every lab has its own names, so several runs can exist at the same time. This
process creates sockets inside a namespace itself: setns() moves one thread, and
a socket stays in the namespace that it was created in.

When this process ends for any reason, a reaper (a shell that waits for the end
of its stdin) kills the processes in the lab's namespaces and removes them.
"""
import contextlib
import ctypes
import errno
import itertools
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

EXT_IP = "11.22.33.1"       # not a reserved range: upnpc wants a public one
OUT_IP = "11.22.33.9"
OUT2_IP = "11.22.33.10"
EXT_B_IP = "44.55.66.1"     # on wan1 (second_wan=True)
OUT_B_IP = "44.55.66.9"
LAN_IP = "192.168.88.1"
HOST_IP = "192.168.88.10"
HOST2_IP = "192.168.88.20"
LAN2_IP = "192.168.89.1"
HOST_LAN2_IP = "192.168.89.20"
BEHIND_IP = "172.31.0.10"
CONTAINER_IP = "172.17.0.2"

LAN6_IP = "2001:db8:88::1"      # on lan0, /64
LAN6_ULA = "fd00:88::1"
HOST6_IP = "2001:db8:88::10"    # lan1
HOST6_ULA = "fd00:88::10"
HOST26_IP = "2001:db8:88::11"   # lan2 on the same wire (bridge=True)
HOST26_ULA = "fd00:88::11"
LAN26_IP = "2001:db8:89::1"     # on the router's lan1 (second_lan=True)
LAN26_ULA = "fd00:89::1"
HOST6_LAN2_IP = "2001:db8:89::11"   # lan2 there
HOST6_LAN2_ULA = "fd00:89::11"
EXT6_IP = "2001:db8:11::1"
OUTSIDE6_IP = "2001:db8:11::2"
EXT6_B_IP = "2001:db8:22::1"
OUTSIDE6_B_IP = "2001:db8:22::2"

SLOW = float(os.environ.get("SLOW", 1))     # the daemon's slowdown (valgrind)
# Timeout in seconds for an event that must happen. It normally takes
# milliseconds, but a machine may be slow or pause for seconds at any moment.
LONG = 30.0

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_counter = itertools.count()

# A stateful firewall for IPv6: nothing from outside but answers.
DROP6 = """\
table ip6 fw {
    chain forward {
        type filter hook forward priority 0; policy drop;
        ct state established,related accept
        iifname "lan0" accept
        iifname "lan1" accept
    }
}
"""

# A new namespace inherits the machine's IPv4 settings.
IPV4 = {"rp_filter": 0, "arp_ignore": 0, "arp_filter": 0, "accept_local": 0,
        "proxy_arp": 0, "forwarding": 0}

REAPER = r"""
trap '' HUP INT TERM
cat > /dev/null
dir=$1; shift
for ns; do
    for pid in $(ip netns pids "$ns" 2> /dev/null); do
        kill -9 "$pid" 2> /dev/null
    done
    ip netns del "$ns" 2> /dev/null
done
rm -rf "$dir"
"""


def run(*argv, check=True, stdin=None, timeout=30):
    """Run a program. Return its output."""
    done = subprocess.run(argv, input=stdin, text=True, timeout=timeout,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {done.returncode}\n"
                           f"{done.stdout}")
    return done.stdout


def wait_until(what, timeout=LONG, every=0.02):
    """Call what() until it returns a true value, and return that. It is called
    once more after the timeout, because this thread may have been paused."""
    end = time.monotonic() + timeout * SLOW
    while True:
        over = time.monotonic() > end
        value = what()
        if value or over:
            return value
        time.sleep(every)


def in_time(what, every=1.0):
    """Is what() true? A call may be false because the machine paused: if the
    first is false, six calls in a row must be true within a minute."""
    row = 0

    def again():
        nonlocal row
        row = row + 1 if what() else 0
        return row == 6
    return what() or wait_until(again, 2 * LONG, every)


def _setns(fd):
    if _libc.setns(fd, CLONE_NEWNET):
        err = ctypes.get_errno()
        raise OSError(err, os.strerror(err))


@contextlib.contextmanager
def inside(ns):
    """Context manager: move this thread into namespace @ns."""
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        there = os.open(f"/run/netns/{ns}", os.O_RDONLY)
        try:
            _setns(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _setns(here)
    finally:
        os.close(here)


def family_of(ip):
    """The address family of an address in text; IPv4 for ""."""
    return socket.AF_INET6 if ip and ":" in ip else socket.AF_INET


class Host:
    """One namespace."""

    def __init__(self, ns, ip=None, ip6=None):
        self.ns, self.ip, self.ip6 = ns, ip, ip6

    def run(self, *argv, **kw):
        return run("ip", "netns", "exec", self.ns, *argv, **kw)

    def ip_batch(self, *lines):
        run("ip", "-n", self.ns, "-batch", "-", stdin="\n".join(lines) + "\n")

    def ifindex(self, name):
        with inside(self.ns):
            return socket.if_nametoindex(name)

    def link_local(self, name="eth0"):
        """The link-local address of an interface, without its zone."""
        text = wait_until(lambda: self.run(
            "ip", "-6", "-br", "addr", "show", "dev", name, "scope", "link"))
        return text.split()[2].split("/")[0]

    def socket(self, kind, bind=None, reuse=False, family=None, proto=0):
        """A socket in this namespace. @kind: SOCK_STREAM, SOCK_DGRAM, SOCK_RAW.
        @family: by default that of the address to bind to, else IPv4"""
        if family is None:
            family = family_of(bind[0] if bind else "")
        with inside(self.ns):
            sock = socket.socket(family, kind, proto)
        try:
            if reuse:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if bind:
                sock.bind(bind)
        except OSError:
            sock.close()
            raise
        return sock

    def listen(self, port, ip=""):
        sock = self.socket(socket.SOCK_STREAM, (ip, port), reuse=True)
        sock.listen(64)
        return sock

    def sysctl(self, name, value, optional=False):
        """@optional: the kernel may lack the setting."""
        path = "/proc/sys/" + name.replace(".", "/")
        with inside(self.ns):
            if optional and not os.path.exists(path):
                return
            with open(path, "w") as f:
                f.write(str(value))


class Lab:
    """The three or four namespaces; use as a context manager."""

    def __init__(self, firewall, bridge=False, second_lan=False,
                 behind=False, container=False, ipv6=False,
                 second_wan=False):
        self.id = f"upnpd{os.getpid()}x{next(_counter)}"
        self.firewall = firewall
        self.ipv6, self.ipv4 = ipv6, ipv6 != "only"
        self.bridge, self.second_lan = bridge, second_lan
        self.router = Host(self.id + "rt", LAN_IP, LAN6_IP)
        self.lan1 = Host(self.id + "l1", HOST_IP, HOST6_IP)
        self.outside = Host(self.id + "out", OUT_IP, OUTSIDE6_IP)
        self.hosts = [self.router, self.lan1, self.outside]
        self.lan2 = None
        if bridge or second_lan:
            ip = HOST2_IP if bridge else HOST_LAN2_IP
            ip6 = HOST26_IP if bridge else HOST6_LAN2_IP
            self.lan2 = Host(self.id + "l2", ip, ip6)
            self.hosts.append(self.lan2)
        self.behind = None
        if behind:
            self.behind = Host(self.id + "b", BEHIND_IP)
            self.hosts.append(self.behind)
        self.container = None
        if container:
            self.container = Host(self.id + "c", CONTAINER_IP)
            self.hosts.append(self.container)
        self.outside_b = None
        if second_wan:
            self.outside_b = Host(self.id + "ob", OUT_B_IP, OUTSIDE6_B_IP)
            self.hosts.append(self.outside_b)
        self.dir = None
        self._reaper = None

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="upnpd-lab-")
        os.chmod(self.dir, 0o755)
        self._reaper = subprocess.Popen(
            ["sh", "-c", REAPER, "reaper", self.dir]
            + [h.ns for h in self.hosts],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        if self._reaper:
            self._reaper.stdin.close()
            self._reaper.wait()
            self._reaper = None

    def _build(self):
        for host in self.hosts:
            run("ip", "netns", "add", host.ns)
            for name, value in IPV4.items():
                for which_ones in ("all", "default"):
                    host.sysctl(f"net.ipv4.conf.{which_ones}.{name}", value)
            self._set_ipv6(host)
            host.ip_batch("link set lo up")
        rt = self.router
        self._wire(rt, "wan0", self.outside)
        rt.ip_batch(f"addr add {EXT_IP}/24 dev wan0", "link set wan0 up",
                    f"route add default via {OUT_IP}")
        self.outside.ip_batch(f"addr add {OUT_IP}/24 dev eth0",
                              f"addr add {OUT2_IP}/24 dev eth0")
        if self.outside_b:
            self._wire(rt, "wan1", self.outside_b)
            rt.ip_batch(f"addr add {EXT_B_IP}/24 dev wan1", "link set wan1 up",
                        f"route add default via {OUT_B_IP} metric 20")
            self.outside_b.ip_batch(f"addr add {OUT_B_IP}/24 dev eth0")
        if self.bridge:
            rt.ip_batch("link add lan0 type bridge mcast_snooping 0")
            # as on OpenWrt; otherwise the bridge forwards a hairpin itself
            rt.sysctl("net.bridge.bridge-nf-call-iptables", 0, optional=True)
            self._wire(rt, "port1", self.lan1, master="lan0")
            self._wire(rt, "port2", self.lan2, master="lan0")
        else:
            self._wire(rt, "lan0", self.lan1)
        rt.ip_batch(f"addr add {LAN_IP}/24 dev lan0", "link set lan0 up")
        if self.second_lan:
            self._wire(rt, "lan1", self.lan2)
            rt.ip_batch(f"addr add {LAN2_IP}/24 dev lan1", "link set lan1 up")
        for host in (self.lan1, self.lan2):
            if host:
                gw = host.ip.rsplit(".", 1)[0] + ".1"
                host.ip_batch(f"addr add {host.ip}/24 dev eth0",
                              f"route add default via {gw}")
        rt.sysctl("net.ipv4.ip_forward", 1)
        if self.behind:
            self._wire(self.lan2, "inner0", self.behind)
            self.lan2.ip_batch("addr add 172.31.0.1/16 dev inner0",
                               "link set inner0 up")
            self.lan2.sysctl("net.ipv4.ip_forward", 1)
            self.behind.ip_batch(f"addr add {BEHIND_IP}/16 dev eth0",
                                 "route add default via 172.31.0.1")
            rt.ip_batch(f"route add 172.31.0.0/16 via {HOST2_IP} dev lan0")
        if self.container:
            rt.ip_batch("link add docker0 type bridge",
                        "addr add 172.17.0.1/16 dev docker0",
                        "link set docker0 up")
            self._wire(rt, "veth0", self.container, master="docker0")
            self.container.ip_batch(f"addr add {CONTAINER_IP}/16 dev eth0",
                                    "route add default via 172.17.0.1")
        if self.ipv6:
            self._build6()
        if not self.ipv4:
            for host in self.hosts:
                host.run("ip", "-4", "addr", "flush", "scope", "global")
        self.firewall.build(rt)

    def _set_ipv6(self, host):
        """Before there is an interface. Without duplicate address detection,
        which takes seconds."""
        values = {"disable_ipv6": int(not self.ipv6), "accept_dad": 0,
                  "accept_ra": 0, "autoconf": 0,
                  "forwarding": int(host is self.router)}
        for name, value in values.items():
            for which_ones in ("all", "default"):
                host.sysctl(f"net.ipv6.conf.{which_ones}.{name}", value)

    def _build6(self):
        rt = self.router
        lans = [("lan0", LAN6_IP, LAN6_ULA)]
        hosts = [(self.lan1, HOST6_IP, HOST6_ULA, lans[0])]
        if self.bridge:
            hosts.append((self.lan2, HOST26_IP, HOST26_ULA, lans[0]))
        if self.second_lan:
            lans.append(("lan1", LAN26_IP, LAN26_ULA))
            hosts.append((self.lan2, HOST6_LAN2_IP, HOST6_LAN2_ULA, lans[1]))
        rt.ip_batch(f"addr add {EXT6_IP}/64 dev wan0 nodad",
                    f"route add default via {OUTSIDE6_IP} dev wan0")
        self.outside.ip_batch(f"addr add {OUTSIDE6_IP}/64 dev eth0 nodad",
                              f"route add 2001:db8::/32 via {EXT6_IP}")
        if self.outside_b:
            rt.ip_batch(f"addr add {EXT6_B_IP}/64 dev wan1 nodad",
                        f"route add default via {OUTSIDE6_B_IP} dev wan1 "
                        "metric 2000")
            self.outside_b.ip_batch(
                f"addr add {OUTSIDE6_B_IP}/64 dev eth0 nodad",
                f"route add 2001:db8::/32 via {EXT6_B_IP}")
        for name, ip, ula in lans:
            if self.ipv6 != "ula":
                rt.ip_batch(f"addr add {ip}/64 dev {name} nodad")
            rt.ip_batch(f"addr add {ula}/64 dev {name} nodad")
        for host, ip, ula, (_, gw, gw_ula) in hosts:
            host.ip_batch(f"addr add {ula}/64 dev eth0 nodad",
                          f"route add fd00::/8 via {gw_ula}")
            if self.ipv6 != "ula":
                host.ip_batch(f"addr add {ip}/64 dev eth0 nodad",
                              f"route add default via {gw}")

    def _wire(self, router, name, host, master=None):
        run("ip", "link", "add", name, "netns", router.ns, "type", "veth",
            "peer", "name", "eth0", "netns", host.ns)
        host.ip_batch("link set eth0 up")
        if master:
            router.ip_batch(f"link set {name} master {master} up")

    def plug_lan(self, ip=LAN_IP):
        """Create lan0 again after it was deleted."""
        self._wire(self.router, "lan0", self.lan1)
        self.router.ip_batch(f"addr add {ip}/24 dev lan0", "link set lan0 up")
        self.lan1.ip_batch(f"addr add {HOST_IP}/24 dev eth0",
                           f"route add default via {ip}")

    def rules(self):
        """All rules in the router, without counters."""
        return self.firewall.snapshot(self.router)

    def holds(self, rules):
        """Are the rules equal to @rules, in any order of chains? A duplicate
        is a difference."""
        return sorted(self.rules().split("\n")) == sorted(rules.split("\n"))

    def path(self, *names):
        return os.path.join(self.dir, *names)


# ---- traffic ----------------------------------------------------------

def tcp_passes(src, dst, dst_port, listener, src_ip=None, src_port=0,
               timeout=LONG):
    """Does a connection from host @src to dst:dst_port reach @listener, both
    ways? Return the peer's address as the listener sees it, or None."""
    token = os.urandom(8)
    sock = src.socket(socket.SOCK_STREAM, (src_ip or "", src_port), True,
                      family_of(dst))
    with sock:
        sock.settimeout(timeout)
        listener.settimeout(timeout)
        try:
            sock.connect((dst, dst_port))
            sock.sendall(token)
            conn, peer = _accept(listener, token, timeout)
            with conn:
                conn.sendall(b"re" + token)
                return peer if _read(sock, 10) == b"re" + token else None
        except OSError:
            return None


def _accept(listener, token, timeout):
    """Accept the connection that sends @token. Older ones, from an earlier
    check, may be waiting."""
    while True:
        conn, peer = listener.accept()
        conn.settimeout(timeout)
        if _read(conn, len(token)) == token:
            return conn, peer
        conn.close()


def _read(sock, n):
    data = b""
    while len(data) < n:
        more = sock.recv(n - len(data))
        if not more:
            break
        data += more
    return data


def udp_passes(src, dst, dst_port, listener, src_ip=None, src_port=0,
               timeout=LONG):
    """The same for a datagram and its answer."""
    token = os.urandom(8)
    sock = src.socket(socket.SOCK_DGRAM, (src_ip or "", src_port), True,
                      family_of(dst))
    with sock:
        sock.settimeout(timeout)
        listener.settimeout(timeout)
        try:
            sock.sendto(token, (dst, dst_port))
            data, peer = listener.recvfrom(64)
            while data != token:        # left over from an earlier check
                data, peer = listener.recvfrom(64)
            listener.sendto(b"re" + token, peer)
            return peer if sock.recv(64) == b"re" + token else None
        except OSError:
            return None


PASSES = {"TCP": tcp_passes, "UDP": udp_passes}


def listener(host, proto, port, ip=""):
    """A server of that protocol for tcp_passes() or udp_passes()."""
    if proto == "TCP":
        return host.listen(port, ip)
    return host.socket(socket.SOCK_DGRAM, (ip, port))


def drop6(lab):
    """Give the router a firewall for IPv6 (DROP6)."""
    lab.router.run("nft", "-f", "-", stdin=DROP6)


def reaches(lab, proto, port, server, dst=EXT_IP, **kw):
    """Does traffic from outside to @port reach @server? Try until it does or
    LONG has passed: for traffic that must pass."""
    timeout = kw.pop("timeout", LONG)
    return wait_until(lambda: PASSES[proto](lab.outside, dst, port, server,
                                            timeout=0.5, **kw), timeout)


# ---- what must not arrive ----------------------------------------------
#
# On a busy machine traffic may arrive late. So a probe is sent after it on the
# same path, and the probe must arrive. When the probe is back, the traffic has
# arrived or never will.

class Probe:
    """A connection that host @near opened to @far, which has the address @ip,
    for probes from @far to @near and back. Use as a context manager."""

    def __init__(self, near, far, ip):
        with far.listen(0, ip) as server:
            server.settimeout(LONG * SLOW)
            self.near = near.socket(socket.SOCK_STREAM, family=family_of(ip))
            self.near.settimeout(LONG * SLOW)
            self.near.connect(server.getsockname())
            self.far, _ = server.accept()
            self.far.settimeout(LONG * SLOW)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.near.close()
        self.far.close()

    def there_and_back(self, times=3):
        """Send it more than once: earlier traffic may have waited until a
        host's hardware address was known, and its answer takes time as
        well."""
        for _ in range(times):
            word = os.urandom(8)
            for src, dst in ((self.far, self.near), (self.near, self.far)):
                src.sendall(word)
                assert _read(dst, len(word)) == word, "the probe is lost"


@contextlib.contextmanager
def one_processor():
    """Context manager: keep this thread on one processor, where the kernel
    forwards the packets that it sends in order."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {random.choice(sorted(before))})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def arrives(probe, src, proto, dst, port, server, src_ip=None, src_port=0):
    """Does new traffic from host @src to @dst:@port reach @server? One try;
    the answer is known when @probe is back on the same path."""
    token, before = os.urandom(8), server.gettimeout()
    kind = socket.SOCK_STREAM if proto == "TCP" else socket.SOCK_DGRAM
    with src.socket(kind, (src_ip or "", src_port), True,
                    family_of(dst)) as sock, one_processor():
        sock.setblocking(False)
        server.setblocking(False)
        try:
            if proto == "TCP":
                assert sock.connect_ex((dst, port)) in (0, errno.EINPROGRESS)
                probe.there_and_back()
                with contextlib.suppress(OSError):  # it is not connected
                    sock.send(token)
            else:
                sock.sendto(token, (dst, port))
            probe.there_and_back()
            return token in heard(server, proto)
        finally:
            server.settimeout(before)


def heard(server, proto):
    """The first bytes of all connections or datagrams that have arrived at
    @server, without waiting."""
    words = []
    with contextlib.suppress(BlockingIOError):
        while True:
            if proto == "UDP":
                words.append(server.recv(64))
                continue
            conn, _ = server.accept()
            with conn, contextlib.suppress(OSError):
                conn.setblocking(False)
                words.append(conn.recv(64))
    return words


def blocked(lab, proto, port, server, dst=EXT_IP, **kw):
    """Is new traffic from outside to @port kept from @server? The probe uses a
    connection that lan1 opened, so it passes without a mapping."""
    far = OUTSIDE6_IP if ":" in dst else OUT_IP
    with Probe(lab.lan1, lab.outside, far) as probe:
        return not arrives(probe, lab.outside, proto, dst, port, server, **kw)


def which(tool):
    return shutil.which(tool, path="/usr/sbin:/usr/bin:/sbin:/bin")


def still_open(sock):
    """Is the other end still open? The socket is non-blocking afterwards."""
    sock.setblocking(False)
    try:
        return sock.recv(1, socket.MSG_PEEK) != b""
    except OSError as e:
        return isinstance(e, BlockingIOError)


def many_files():
    """Allow this process thousands of sockets."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, max(hard, 8192)))


def why_not(tools, binary):
    """The reason why a lab with @tools and @binary is impossible here, or
    ""."""
    missing = [tool for tool in tools if not which(tool)]
    if os.geteuid() != 0:
        return "the lab needs root"
    if missing:
        return f"not installed: {' '.join(missing)}"
    return "" if os.access(binary, os.X_OK) else f"{binary} is not built"


def die_cleanly():
    """SIGTERM unwinds the stack as Ctrl-C does. On a busy machine xdist may
    run a worker in a second thread, where Python allows no signal handler:
    SIGTERM then ends the process at once, and the reapers remove its labs."""
    def handler(_signo, _frame):
        raise KeyboardInterrupt
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)
