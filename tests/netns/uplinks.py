# SPDX-License-Identifier: ISC
"""A router with two uplinks, each with its own host outside.

                          wan0 11.22.33.1 --- 11.22.33.9 outside
    lan1 --- lan0 [router]
                          wan1 44.55.66.1 --- 44.55.66.9 outside_b

Both hosts outside also have FAR_IP, a host that only a default route leads to.
The router's default routes have metrics: that over wan0 is preferred. With
ipv6=True each uplink has IPv6 as well."""
import re

from firewall import FIREWALLS
from lab import (EXT6_B_IP, EXT_B_IP, EXT_IP, OUT_B_IP, OUT_IP, OUTSIDE6_B_IP,
                 OUTSIDE6_IP, PASSES, Lab, Probe, arrives, drop6, wait_until)

FAR_IP = "9.9.9.9"
METRIC = {"wan0": 10, "wan1": 20}
GATEWAY = {"wan0": OUT_IP, "wan1": OUT_B_IP}
GATEWAY6 = {"wan0": OUTSIDE6_IP, "wan1": OUTSIDE6_B_IP}
ADDRESS = {"wan0": EXT_IP, "wan1": EXT_B_IP}


class Uplinks(Lab):
    """@backend: of the router's firewall"""
    interfaces = {"wan0": "external", "wan1": "external", "lan0": "internal"}

    def __init__(self, backend, **kw):
        firewall = FIREWALLS[backend]()
        firewall.wan = "wan+" if backend.startswith("iptables") else "wan*"
        super().__init__(firewall, second_wan=True, **kw)
        self.far = {"wan0": self.outside, "wan1": self.outside_b}

    def _build(self):
        super()._build()
        rt = self.router
        for family in ("-4", "-6"):
            rt.run("ip", family, "route", "flush", "default", check=False)
        for host in self.far.values():
            host.ip_batch(f"addr add {FAR_IP}/32 dev lo")
        if self.ipv6:
            drop6(self)
        # as on a router: a route over a link without carrier is not used
        rt.sysctl("net.ipv4.conf.all.ignore_routes_with_linkdown", 1)
        rt.sysctl("net.ipv4.conf.default.ignore_routes_with_linkdown", 1)
        for name in METRIC:
            self.address(name)
            self.route(name)

    def address(self, name):
        """Give it its addresses, and take it up."""
        self.router.ip_batch(f"link set {name} up")
        if self.ipv4:
            self.router.ip_batch(f"addr replace {ADDRESS[name]}/24 dev {name}")
        self.router.sysctl(
            f"net.ipv4.conf.{name}.ignore_routes_with_linkdown", 1)
        if self.ipv6 and name == "wan1":
            self.router.ip_batch(f"addr replace {EXT6_B_IP}/64 dev wan1 nodad")

    def route(self, name, metric=None):
        """Add its default routes."""
        metric = metric or METRIC[name]
        if self.ipv4:
            self.router.ip_batch(f"route replace default via {GATEWAY[name]} "
                                 f"dev {name} metric {metric}")
        if self.ipv6:
            self.router.run("ip", "-6", "route", "replace", "default", "via",
                            GATEWAY6[name], "dev", name, "metric",
                            str(metric))

    def prefer(self, name):
        """Only one command, which changes the default route at once."""
        if name == "wan0":
            self.router.ip_batch("route del default dev wan1 metric 5")
        else:
            self.router.ip_batch(f"route add default via {OUT_B_IP} dev wan1 "
                                 "metric 5")

    # ---- traffic

    def opens(self, name, proto, port, server, src_ip=None):
        """Does new traffic that arrives at that uplink reach @server?"""
        return wait_until(lambda: PASSES[proto](
            self.far[name], ADDRESS[name], port, server, src_ip=src_ip,
            timeout=0.5))

    def closed(self, name, proto, port, server):
        with Probe(self.lan1, self.far[name], GATEWAY[name]) as probe:
            return not arrives(probe, self.far[name], proto, ADDRESS[name],
                               port, server)


# ---- how the active uplink fails, and how it returns: {name: (fail, mend)}.
# Each mend() restores the addresses and the routes.

def _down(lab):
    lab.router.ip_batch("link set wan0 down")


def _unplug(lab):
    lab.outside.ip_batch("link set eth0 down")


def _plug(lab):
    lab.outside.ip_batch("link set eth0 up")


def _lose_address(lab):
    lab.router.ip_batch(f"addr del {EXT_IP}/24 dev wan0")


def _delete(lab):
    lab.router.ip_batch("link del wan0")


def _restore(lab):
    lab.address("wan0")
    lab.route("wan0")


def _replug(lab):
    lab._wire(lab.router, "wan0", lab.outside)
    lab.outside.ip_batch(f"addr add {OUT_IP}/24 dev eth0")
    _restore(lab)


FAILURES = {
    "route": (lambda lab: lab.prefer("wan1"), lambda lab: lab.prefer("wan0")),
    "down": (_down, _restore),
    "carrier": (_unplug, _plug),
    "address": (_lose_address, _restore),
    "device": (_delete, _replug),
}


def changes(log):
    """The names of the interfaces that became active, in order."""
    return re.findall(r"(\S+) is the active external interface now", log)
