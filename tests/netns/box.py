# SPDX-License-Identifier: ISC
"""A firewall tool of the router, with files of its own: /etc, /var and
/run are private, so that two labs can each have a ufw or a firewalld."""
import os
import subprocess

from lab import LONG, SLOW, run, wait_until

# Runs in a new mount namespace. /etc and /var are this machine's, and
# changes are discarded. iptables-legacy's lock is shared with upnpd, which
# runs outside.
MOUNTS = r"""
set -e
mount --make-rprivate /
mkdir -p "$1"
mount -t tmpfs box "$1"
for name in etc var; do
    mkdir -p "$1/up/$name" "$1/work/$name"
    mount -t overlay box "/$name" \
        -o "lowerdir=/$name,upperdir=$1/up/$name,workdir=$1/work/$name"
done
mkdir "$1/run" "$1/run/lock" "$1/run/dbus"
: > "$1/run/xtables.lock"
: >> /run/xtables.lock
mount --bind /run/xtables.lock "$1/run/xtables.lock"
mount --rbind "$1/run" /run
for name in iptables ip6tables; do
    for tool in "" -save -restore; do
        ln -sf "/usr/sbin/$name-$2$tool" "/etc/alternatives/$name$tool"
    done
done
echo ready
exec cat
"""


class Box:
    """The mount namespace. Use as a context manager.

    @variant: "nft" or "legacy": the meaning of "iptables" in it
    """

    def __init__(self, lab, variant="nft"):
        self.lab = lab
        self.keeper = subprocess.Popen(
            ["ip", "netns", "exec", lab.router.ns, "unshare", "-m", "sh",
             "-c", MOUNTS, "box", lab.path("box"), variant], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.daemons = []

    def __enter__(self):
        assert self.keeper.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *exc):
        for proc in reversed(self.daemons):
            proc.kill()
            proc.wait()
        self.keeper.stdin.close()
        self.keeper.wait()

    def _argv(self, argv):
        return ["nsenter", "-t", str(self.keeper.pid), "-m", "-n", *argv]

    def run(self, *argv, timeout=4 * LONG, **kw):
        """Run a program in it. Return its output."""
        return run(*self._argv(argv), timeout=timeout * SLOW, **kw)

    def spawn(self, *argv):
        """Start a program that stays until the end."""
        with open(self.lab.path("box.log"), "ab") as log:
            proc = subprocess.Popen(self._argv(argv),
                                    stdin=subprocess.DEVNULL,
                                    stdout=log, stderr=log)
        self.daemons.append(proc)
        return proc

    def write(self, path, text, mode=0o644):
        self.run("sh", "-c", 'mkdir -p "${1%/*}" && cat > "$1" && '
                 'chmod "$2" "$1"', "sh", path, f"{mode:o}", stdin=text)

    def log(self):
        path = self.lab.path("box.log")
        if not os.path.exists(path):
            return ""
        with open(path, errors="replace") as f:
            return f.read()


class Ufw(Box):
    """It lets the LAN out, and clients reach upnpd."""
    RULES = ("route allow in on lan0 out on wan0", "allow in on lan0")

    def enable(self, rules=RULES):
        for rule in rules:
            self.ufw(*rule.split())
        self.ufw("--force", "enable")

    def ufw(self, *words):
        return self.run("ufw", *words)


class Firewalld(Box):
    """Its daemon, with a D-Bus of its own. The files are what firewall-cmd
    --permanent writes, which is slow."""
    INTERNAL = """\
<zone>
  <short>Internal</short>
  <interface name="lan0"/>
  <port port="2828" protocol="tcp"/>
  <port port="1900" protocol="udp"/>
  <port port="5351" protocol="udp"/>
  <forward/>
</zone>
"""
    EXTERNAL = """\
<zone>
  <short>External</short>
  <interface name="wan0"/>
  <masquerade/>
  <forward/>
  {}
</zone>
"""
    OUT = """\
<policy target="ACCEPT">
  <ingress-zone name="internal"/>
  <egress-zone name="external"/>
</policy>
"""

    def configure(self, more=""):
        """The zones of a router, for the next start. @more: in the zone
        external"""
        self.write("/etc/firewalld/zones/internal.xml", self.INTERNAL)
        self.write("/etc/firewalld/zones/external.xml",
                   self.EXTERNAL.format(more))
        self.write("/etc/firewalld/policies/out.xml", self.OUT)

    def start(self):
        self.spawn("dbus-daemon", "--system", "--nofork", "--nopidfile")
        assert wait_until(lambda: os.path.exists(
            f"/proc/{self.keeper.pid}/root/run/dbus/system_bus_socket")), \
            self.log()
        self.spawn("firewalld", "--nofork", "--nopid")
        assert wait_until(lambda: "firewalld" in self.run(
            "nft", "list", "tables")), self.log()
        assert self.cmd("--state") == "running\n", self.log()

    def cmd(self, *words, **kw):
        return self.run("firewall-cmd", *words, **kw)

    def reload(self):
        self.cmd("--reload")


class Shorewall(Box):
    """The configuration of a router with two interfaces."""
    PROGRAM = "shorewall"
    FILES = {
        "zones": "fw firewall\nnet ipv4\nloc ipv4\n",
        "interfaces": "?FORMAT 2\nnet wan0\nloc lan0\n",
        "policy": "loc net ACCEPT\nloc $FW ACCEPT\n$FW all ACCEPT\n"
                  "net all DROP\nall all REJECT\n",
        "snat": "MASQUERADE 192.168.88.0/24 wan0\n",
    }

    def start(self, rules=""):
        """@rules: more lines of its file rules"""
        # without any rule, its chains do not accept answers
        rules = "?SECTION NEW\nPing(ACCEPT) loc $FW\n" + rules
        for name, text in self.FILES.items():
            self.write(f"/etc/{self.PROGRAM}/{name}", text)
        self.write(f"/etc/{self.PROGRAM}/rules", rules)
        self.run(self.PROGRAM, "start")

    def shorewall(self, *words):
        return self.run(self.PROGRAM, *words)


class Shorewall6(Shorewall):
    """The same for IPv6."""
    PROGRAM = "shorewall6"
    FILES = {
        "zones": "fw firewall\nnet ipv6\nloc ipv6\n",
        "interfaces": Shorewall.FILES["interfaces"],
        "policy": Shorewall.FILES["policy"],
    }
