# SPDX-License-Identifier: ISC
"""A router whose firewall the test makes, with upnpd and its backend auto."""
import contextlib
import json
import os
import re
import subprocess

from daemon import UPNPD, Upnpd
from lab import (EXT_IP, OUT2_IP, OUT_IP, Probe, arrives, reaches,
                 wait_until)
from upnp import Igd, UpnpError

UPNPCTL = os.environ.get("UPNPCTL", os.path.join(os.path.dirname(UPNPD),
                                                 "upnpctl"))


# The outside host's address for probes: a test may ban the others.
PROBE_IP = "11.22.33.11"


class Gateway:
    """The lab, upnpd (not started), and the tools of the administrator."""

    def __init__(self, lab, **options):
        self.lab, self.rt = lab, lab.router
        options.setdefault("backend", "auto")
        options.setdefault("show_dummy_rule", "no")
        self.upnpd = Upnpd(lab, **options)
        self.igd = Igd(lab.lan1)
        lab.outside.ip_batch(f"addr add {PROBE_IP}/24 dev eth0")
        self.boxes = contextlib.ExitStack()

    # -- the administrator

    def nft(self, text):
        self.rt.run("nft", "-f", "-", stdin=text)

    def restore(self, variant, text, *words):
        """@variant: of iptables, "nft" or "legacy". Existing rules of the
        tables in @text are flushed unless @words has --noflush."""
        self.rt.run(f"iptables-{variant}-restore", *words, stdin=text)

    def iptables(self, variant, *words):
        self.rt.run(f"iptables-{variant}", "-w", *words)

    def flush(self):
        """Remove all rules of all tools, upnpd's as well."""
        self.nft("flush ruleset")
        self.restore("legacy", "*nat\nCOMMIT\n*filter\n:FORWARD ACCEPT\n"
                     "COMMIT\n*raw\nCOMMIT\n")

    # -- clients

    def code(self, call, *args, **kw):
        """The error code of a request, or 0."""
        try:
            call(*args, **kw)
        except UpnpError as e:
            return e.code
        return 0

    def add(self, port=40000, proto="TCP", to=8000, **kw):
        """Map a port for lan1. It must succeed in time: after a change of the
        firewall, upnpd may need a moment."""
        assert wait_until(lambda: self.code(self.igd.add, port, proto, to,
                                            **kw) == 0, every=0.2), \
            self.upnpd.log()

    def enabled(self, port=40000, proto="TCP"):
        return self.igd.specific(port, proto)["NewEnabled"] == "1"

    # -- upnpctl

    def ctl(self, *words):
        """Return the exit status and the output."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.rt.ns, UPNPCTL, "-f",
             self.upnpd.conf, *words], text=True, timeout=60,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout

    def check(self):
        """Run upnpctl check. Return its exit status and its findings."""
        status, out = self.ctl("--json", "check")
        print(out)
        return status, json.loads(out)

    def is_well(self):
        """Does upnpctl check find nothing? It may after a firewall was loaded,
        until upnpd has its accepts behind the new rules."""
        return wait_until(lambda: self.check()[0] == 0, timeout=2)

    def resync(self):
        status, out = self.ctl("resync")
        assert status == 0, out

    def flags(self, port=40000):
        """The mapping's flags in the list of upnpctl."""
        _, out = self.ctl("mappings", "print")
        found = re.search(rf"^ *\d+ +([A-Z]+) .*\b{port}\b", out, re.M)
        return found[1] if found else ""

    # -- traffic

    def opens(self, server, port=40000, proto="TCP", **kw):
        """Does traffic from outside reach @server, in time?"""
        return bool(reaches(self.lab, proto, port, server, **kw))

    def shut(self, server, port=40000, proto="TCP", **kw):
        """Is new traffic from outside kept from @server?"""
        return not self.at_once(server, port, proto, **kw)

    def at_once(self, server, port=40000, proto="TCP", dst=EXT_IP, **kw):
        """Does the first new traffic reach @server?"""
        with Probe(self.lab.lan1, self.lab.outside, PROBE_IP) as probe:
            return arrives(probe, self.lab.outside, proto, dst, port, server,
                           **kw)

    def ban_holds(self, server, port=40000, proto="TCP"):
        """Is OUT_IP kept out, while others reach @server?"""
        return self.opens(server, port, proto, src_ip=OUT2_IP) and \
            self.shut(server, port, proto, src_ip=OUT_IP)

    # -- rules

    def ours(self):
        """The lines of upnpd in all rules."""
        return [line for line in self.lab.rules().splitlines()
                if "upnpd" in line.lower()]


# Creates tables that only it may change, and keeps them until its stdin ends.
HOLDER = """
import os, sys, nftables
nft = nftables.Nftables()
status, _, error = nft.cmd(sys.argv[1])
print(status, os.getpid(), error.replace("\\n", " "), flush=True)
sys.stdin.read()
"""


class Holder:
    """A process that owns its tables. Use as a context manager."""

    def __init__(self, gateway, rules):
        self.proc = subprocess.Popen(
            ["ip", "netns", "exec", gateway.rt.ns, "/usr/bin/python3", "-c",
             HOLDER, rules], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE)
        said = self.proc.stdout.readline()
        assert said.startswith("0 "), said
        self.pid = int(said.split()[1])

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.end()

    def end(self):
        self.proc.stdin.close()
        self.proc.wait()
