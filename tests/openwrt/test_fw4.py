# SPDX-License-Identifier: ISC
"""upnpd beside fw4, which has zones, forward policy drop and a reload that
rebuilds the table. Rules and traffic are real."""
import os
import re
import signal
import subprocess

import pytest

from lab import LONG, blocked, listener, reaches, wait_until
from procd import Procd
from router import Router
from test_service import answers
from test_uci import CONFIG, config
from upnp import Igd

NFTABLES_D = ("usr/share/nftables.d/table-pre/50-upnpd.nft",
              "usr/share/nftables.d/chain-pre/forward/50-upnpd.nft")


def options(backend="netlink", *more):
    """The package's options, except that upnpd verifies the firewall only on
    request."""
    return config(f"option backend '{backend}'",
                  "option nft_table 'inet fw4'",
                  "option nft_forward_chain 'upnpd_forward'",
                  "option allow_disable_external_interface '0'",
                  "option verify_interval '86400'", *more)


class Service:
    """A router with a running firewall, and upnpd, not started."""

    def __init__(self, lab, firewall, text):
        self.lab = lab
        self.router = Router(lab, firewall)
        self.procd = Procd(self.router)
        self.firewall = firewall
        self.router.write(CONFIG, text)
        self.router.run("/etc/uci-defaults/50-upnpd")

    def start(self):
        self.procd.init("start")
        assert wait_until(lambda: answers(self.procd)), self.told()
        return self

    def map(self, port, server_port=8000):
        """Map a port by UPnP. Return a server that listens there."""
        Igd(self.lab.lan1).add(port, "TCP", server_port)
        return listener(self.lab.lan1, "TCP", server_port)

    def fw(self, *words, check=True):
        return self.router.run(self.firewall, *words, check=check)

    def nft(self, *words):
        return self.lab.router.run("nft", *words)

    def told(self):
        return self.procd.log() + self.router.log()


class Paused:
    """Stop the daemon's process for a while."""

    def __init__(self, service):
        self.pid = service.procd.only().proc.pid

    def __enter__(self):
        os.kill(self.pid, signal.SIGSTOP)

    def __exit__(self, *exc):
        os.kill(self.pid, signal.SIGCONT)


def service_of(lab, prepare=None, **how):
    service = Service(lab, "fw4", options(**how))
    try:
        if prepare:
            prepare(service)
        service.fw("start")
        yield service
    finally:
        service.procd.close()
        print(service.told())


@pytest.fixture
def stopped(lab):
    """The daemon, not started."""
    yield from service_of(lab)


@pytest.fixture
def service(stopped):
    return stopped.start()


def ours(service):
    """upnpd's rules that the forward chain uses."""
    return re.findall(r"@upnpd_accept accept comment \"upnpd\"",
                      service.nft("list", "table", "inet", "fw4"))


def other_dnat(service):
    """A DNAT of another program, whose packets fw4 drops."""
    service.lab.router.run("nft", "-f", "-", stdin="""\
table ip other {
    chain prerouting {
        type nat hook prerouting priority -101; policy accept;
        iifname "wan0" tcp dport 8022 dnat to 192.168.88.10:8000
        iifname "wan0" tcp dport 8023 dnat to 192.168.88.10:22
    }
}
""")


# ---- the accept ---------------------------------------------------------

def test_only_mapped_ports_pass(service):
    server = service.map(40000)
    ssh = listener(service.lab.lan1, "TCP", 22)
    other_dnat(service)
    assert reaches(service.lab, "TCP", 40000, server), service.told()
    assert blocked(service.lab, "TCP", 8023, ssh)
    assert blocked(service.lab, "TCP", 40001, server)


def test_accept_is_needed_and_restored(service):
    server = service.map(40000)
    with Paused(service):
        service.nft("flush", "chain", "inet", "fw4", "upnpd_forward")
        assert blocked(service.lab, "TCP", 40000, server)
    service.router.run("upnpctl", "resync")
    assert reaches(service.lab, "TCP", 40000, server)


def test_without_upnpd_nothing_passes(service):
    """No packet passes after a stop, nor after a reload."""
    server = service.map(40000)
    other_dnat(service)
    service.procd.init("stop")
    for _ in range(2):
        assert ours(service) == []
        for port in 40000, 8022:
            assert blocked(service.lab, "TCP", port, server)
        service.fw("reload")


def test_backend_nft_still_works(lab):
    """backend nft means netlink, and the log says what to write instead."""
    for service in service_of(lab, backend="nft"):
        server = service.start().map(40000)
        assert reaches(lab, "TCP", 40000, server), service.told()
        assert len(ours(service)) == 2
        assert service.told().count("backend = nft means netlink now") == 1


# ---- reload and restart -------------------------------------------------

@pytest.mark.parametrize("how", ["reload", "restart"])
def test_firewall_reload_is_one_line(service, how):
    """It is information: the system log has no warning and no error."""
    server = service.map(40000)
    before = len(service.procd.log())
    service.fw(how)
    service.router.run("upnpctl", "resync")
    assert reaches(service.lab, "TCP", 40000, server)
    said = service.procd.log()[before:].splitlines()
    about = [line for line in said if "firewall" in line]
    assert len(about) <= 1 and "repaired" in "".join(about), said
    assert not [line for line in said if ".err" in line or ".warn" in line]


def test_established_connections_continue(service):
    """They continue between fw4's new rules and upnpd's, however long that
    takes."""
    server = service.map(40000)
    with service.lab.outside.socket(1) as out, Paused(service):
        out.settimeout(LONG)
        out.connect(("11.22.33.1", 40000))
        conn, _ = server.accept()
        conn.settimeout(LONG)
        service.router.write("tmp/rules.nft", service.fw("print"))
        service.router.run("nft", "-f", "/tmp/rules.nft")
        assert ours(service) == []
        out.sendall(b"ping")
        assert conn.recv(4) == b"ping"
        conn.sendall(b"pong")
        assert out.recv(4) == b"pong"
        conn.close()


def test_reload_keeps_all_rules(service):
    """When the command ends, all rules are in place."""
    server = service.map(40000)
    for _ in range(2):
        service.fw("reload")
        with Paused(service):
            assert len(ours(service)) == 2
            assert reaches(service.lab, "TCP", 40000, server)


def test_no_set_of_upnpd_makes_a_reload_fail(service):
    """A set with another type does not make fw4's transaction fail."""
    with Paused(service):
        service.nft("flush", "chain", "inet", "fw4", "upnpd_forward")
        service.nft("delete", "set", "inet", "fw4", "upnpd_accept")
        service.nft("add", "set", "inet", "fw4", "upnpd_accept",
                    "{ type ipv4_addr; counter; }")
        service.router.write("tmp/rules.nft", service.fw("print"))
        service.router.run("nft", "-f", "/tmp/rules.nft")


def test_mappings_can_be_made_and_deleted_after_a_reload(service):
    service.map(40000, 8000)
    service.fw("reload")
    server = service.map(40001, 8001)
    assert reaches(service.lab, "TCP", 40001, server)
    Igd(service.lab.lan1).delete(40001, "TCP")
    assert blocked(service.lab, "TCP", 40001, server)


@pytest.mark.parametrize("how", [("restart",), ("flush", "start")])
def test_rules_return_after_a_restart(service, how):
    """When the command ends, all rules are in place."""
    server = service.map(40000)
    for word in how:
        service.fw(word)
    with Paused(service):
        assert reaches(service.lab, "TCP", 40000, server), service.told()
        assert len(ours(service)) == 2


def test_firewall_reloads_without_the_daemon(stopped):
    assert stopped.fw("reload") == ""


# ---- the files and the firewall's options --------------------------------

def test_start_makes_the_firewall_read_the_files(lab):
    """Right after the installation the firewall has not read the package's
    files. Starting upnpd makes it read them."""
    def hide(service):
        for name in NFTABLES_D:
            os.rename(service.router.path(name),
                      service.router.path(name + ".off"))

    for service in service_of(lab, hide):
        for name in NFTABLES_D:
            os.rename(service.router.path(name + ".off"),
                      service.router.path(name))
        server = service.start().map(40000)
        assert reaches(lab, "TCP", 40000, server)
        assert len(ours(service)) == 2


def test_works_without_automatic_includes(lab):
    """The accept is in forward, and returns after a reload. Answers need none."""
    def without(service):
        service.router.write(CONFIG, options().replace(
            "upnpd_forward", "forward"))
        service.router.run("uci", "set", "firewall.defaults.auto_includes=0")
        service.router.run("uci", "commit", "firewall")

    for service in service_of(lab, without):
        server = service.start().map(40000)
        assert reaches(lab, "TCP", 40000, server)
        service.fw("reload")
        with Paused(service):
            assert reaches(lab, "TCP", 40000, server)
            assert len(ours(service)) == 1


def test_missing_chain_is_logged_and_refused(lab):
    """The chain is configured, but its file is not included."""
    def without(service):
        service.router.run("uci", "set", "firewall.defaults.auto_includes=0")
        service.router.run("uci", "commit", "firewall")

    for service in service_of(lab, without):
        service.start()
        assert wait_until(lambda: "there is no chain upnpd_forward in inet fw4"
                          in service.procd.log())
        with pytest.raises(Exception, match="501"):
            Igd(lab.lan1).add(40000, "TCP", 8000)


def has_flowtables(lab):
    rules = """\
table inet probe {
    flowtable ft { hook ingress priority 0; devices = { "lan0", "wan0" }; }
    chain forward { type filter hook forward priority 0; flow add @ft; }
}
delete table inet probe
"""
    return not subprocess.run(
        ["ip", "netns", "exec", lab.router.ns, "nft", "-f", "-"],
        input=rules, text=True, stderr=subprocess.DEVNULL).returncode


def test_mapped_flows_are_offloaded(lab):
    """fw4's offload rule is the first; an accept before it would keep mapped
    flows from being offloaded."""
    if not has_flowtables(lab):
        pytest.skip("this kernel has no flowtables")

    def offload(service):
        service.router.run("uci", "set",
                           "firewall.defaults.flow_offloading=1")
        service.router.run("uci", "commit", "firewall")

    for service in service_of(lab, offload):
        server = service.start().map(40000)
        with lab.outside.socket(1) as out:
            out.settimeout(LONG)
            assert wait_until(lambda: not out.connect_ex(
                ("11.22.33.1", 40000)))
            conn, _ = server.accept()
            with conn:
                for _ in range(10):
                    out.sendall(b"x")
                    conn.recv(1)
                    conn.sendall(b"y")
                    out.recv(1)
                flows = lab.router.run("conntrack", "-L", "-p", "tcp")
        assert re.search(r"dport=40000 .*\[OFFLOAD\]", flows), flows
