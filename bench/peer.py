# SPDX-License-Identifier: ISC
"""Both builds of Debian's miniupnpd, the peer. apt downloads the packages, and
they are unpacked in the build folder. They are not installed, because they
conflict with each other and would start services."""
import glob
import os
import signal
import subprocess
import sys

from daemon import ROOT, Daemon
from firewall import FIREWALLS
from lab import HOST_IP, run, wait_until

FOLDER = os.path.join(ROOT, "build", "peer")

CONF = """\
ext_ifname=wan0
listening_ip=lan0
http_port=5555
enable_natpmp=yes
enable_upnp=yes
secure_mode=yes
system_uptime=no
notify_interval=900
clean_ruleset_interval=600
force_igd_desc_v1=yes
uuid=00000000-0000-4000-8000-000000000001
allow 1024-65535 192.168.88.0/24 1024-65535
deny 0-65535 0.0.0.0/0 0-65535
"""

# The chains that each build needs, as its own script makes them.
NFT_CHAINS = """\
table inet filter {
    chain miniupnpd { }
    chain prerouting_miniupnpd { }
    chain postrouting_miniupnpd { }
    chain upnp_pre {
        type nat hook prerouting priority dstnat; policy accept;
        jump prerouting_miniupnpd
    }
    chain upnp_post {
        type nat hook postrouting priority srcnat; policy accept;
        jump postrouting_miniupnpd
    }
}
insert rule inet filter forward jump miniupnpd
"""
NFT_FLUSH = "".join(f"flush chain inet filter {chain}\n" for chain in (
    "miniupnpd", "prerouting_miniupnpd", "postrouting_miniupnpd"))
IPTABLES_CHAINS = """\
*nat
:MINIUPNPD - [0:0]
:MINIUPNPD-POSTROUTING - [0:0]
-A PREROUTING -i wan0 -j MINIUPNPD
-A POSTROUTING -o wan0 -j MINIUPNPD-POSTROUTING
COMMIT
*mangle
:MINIUPNPD - [0:0]
-A PREROUTING -i wan0 -j MINIUPNPD
COMMIT
*filter
:MINIUPNPD - [0:0]
-I FORWARD -i wan0 ! -o wan0 -j MINIUPNPD
COMMIT
"""
# The lab's firewall for iptables has no rules for IPv6.
IP6TABLES_CHAINS = """\
*filter
:FORWARD DROP [0:0]
:MINIUPNPD - [0:0]
-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A FORWARD -i lan+ -o wan0 -j ACCEPT
-I FORWARD -i wan0 ! -o wan0 -j MINIUPNPD
COMMIT
"""
IPTABLES_FLUSH = """\
*nat
-F MINIUPNPD
-F MINIUPNPD-POSTROUTING
COMMIT
*filter
-F MINIUPNPD
COMMIT
"""


def nft_rules(ports):
    """Mappings with as many comparisons as the nftables build writes. nft writes
    the protocol by another expression, which costs the same."""
    client = "0x" + "".join(f"{int(x):02x}" for x in HOST_IP.split("."))
    lines = []
    for p in ports:
        lines.append("add rule inet filter prerouting_miniupnpd iif wan0 meta "
                     f"l4proto udp th dport {p} dnat ip to {HOST_IP}:{p}")
        lines.append(f"add rule inet filter miniupnpd iif wan0 th dport {p} "
                     f"@nh,128,32 {client} @nh,72,8 0x11 accept")
    return "\n".join(lines) + "\n"


def iptables_rules(ports):
    """Mappings as the iptables build writes them."""
    nat = [line for p in ports for line in (
        f"-A MINIUPNPD -p udp -m udp --dport {p} -j DNAT "
        f"--to-destination {HOST_IP}:{p}",
        f"-A MINIUPNPD-POSTROUTING -s {HOST_IP}/32 -p udp -m udp --sport {p} "
        f"-j MASQUERADE --to-ports {p}")]
    accept = [f"-A MINIUPNPD -d {HOST_IP}/32 -p udp -m udp --dport {p} "
              "-j ACCEPT" for p in ports]
    return "\n".join(["*nat", *nat, "COMMIT", "*filter", *accept, "COMMIT"]) \
        + "\n"


NFT = ("nft", "-f", "-")
IPTABLES = ("iptables-legacy-restore", "--noflush")
# package -> the lab's firewall; the tool that changes the peer's rules, and
# its input to make the chains, to flush them, and to add mappings
BUILDS = {
    "miniupnpd-nftables": ("netlink", NFT, NFT_CHAINS, NFT_FLUSH,
                           nft_rules),
    "miniupnpd-iptables": ("iptables-legacy", IPTABLES, IPTABLES_CHAINS,
                           IPTABLES_FLUSH, iptables_rules),
}


def binary_of(build):
    return os.path.join(FOLDER, build, "usr", "sbin", "miniupnpd")


def fetch():
    """Download and unpack both builds, unless that is done."""
    os.makedirs(FOLDER, exist_ok=True)
    for build in BUILDS:
        if os.access(binary_of(build), os.X_OK):
            continue
        done = subprocess.run(
            ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download",
             build], cwd=FOLDER, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        files = glob.glob(os.path.join(FOLDER, build + "_*.deb"))
        if not files:
            sys.exit(f"bench: apt-get cannot download {build}: {done.stdout}")
        run("dpkg-deb", "-x", files[0], os.path.join(FOLDER, build))
    for build in BUILDS:
        lacks = [line.split()[0] for line in run("ldd", binary_of(build))
                 .splitlines() if "not found" in line]
        if lacks:
            sys.exit(f"bench: {build} lacks {' '.join(lacks)}: install nft "
                     "and iptables")


def version_of(build):
    return run(binary_of(build), "--version", check=False).splitlines()[0]


class Miniupnpd(Daemon):
    """One of the two builds."""
    port = 5555

    def __init__(self, lab, build, ipv6=False):
        super().__init__(lab)
        self.build, self.ipv6 = build, ipv6
        _, self.tool, self.chains, self.flush, self.rules = BUILDS[build]
        self.pidfile = lab.path("miniupnpd.pid")
        self.leases = lab.path("miniupnpd.leases")
        self.built = False

    @staticmethod
    def firewall(build):
        return FIREWALLS[BUILDS[build][0]]()

    def feed(self, text):
        self.lab.router.run(*self.tool, stdin=text, timeout=300)

    def start(self, with_leases=False, wait=True):
        if not self.built:
            self.feed(self.chains)
        if not self.built and self.ipv6 and self.tool is IPTABLES:
            self.lab.router.run("ip6tables-legacy-restore", "--noflush",
                                stdin=IP6TABLES_CHAINS)
        self.built = True
        conf = self.lab.path("miniupnpd.conf")
        with open(conf, "w") as f:
            # pinholes are in the description of version 2 only
            f.write(CONF.replace("force_igd_desc_v1=yes\n", "")
                    if self.ipv6 else CONF)
            if with_leases:
                f.write(f"lease_file={self.leases}\n")
        # not with -d, which would also measure its debugging output
        self.spawn([binary_of(self.build), "-f", conf, "-P", self.pidfile])
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout=60):
        assert wait_until(self.serves, timeout), self.log()

    def pid(self):
        with open(self.pidfile) as f:
            return int(f.read())

    def running(self):
        try:
            os.kill(self.pid(), 0)
            return True
        except (OSError, ValueError):
            return False

    def stop(self):
        pid = self.pid() if self.running() else None
        if pid:
            os.kill(pid, signal.SIGTERM)
        self.proc.wait()
        if pid and not wait_until(lambda: not os.path.exists(f"/proc/{pid}"),
                                  10):
            os.kill(pid, signal.SIGKILL)
        return 0

    def preload(self, ports):
        """Add mappings without requests: the firewall's tool adds the rules
        that miniupnpd would have made. It reads them at each request."""
        self.feed(self.rules(ports))

    def write_leases(self, ports):
        with open(self.leases, "w") as f:
            for p in ports:
                f.write(f"UDP:{p}:{HOST_IP}:{p}:0:load\n")
