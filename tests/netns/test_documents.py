# SPDX-License-Identifier: ISC
"""What README and docs/tour.md show is what the programs print: the
demonstration and its picture, the operator's session, the prompt and the log.
Times are not compared."""
import os
import re
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from daemon import ROOT, Upnpd
from lab import EXT_IP, OUT_IP, Lab, wait_until
from firewall import FIREWALLS
from upnp import Igd, error_of

sys.path.insert(0, os.path.join(ROOT, "tests", "cli"))
from terminal import Terminal               # noqa: E402

TOUR = "docs/tour.md"
DOCUMENTS = ("README.md", TOUR)
CUT = "[...]"
TIME = re.compile(r"\b(\d+h)?(\d+m)?\d+[hms]\b|(?<=' )3[56]\d\d\b")


def read(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as f:
        return f.read()


def plain(line):
    """A line without times and without the width of its columns."""
    return " ".join(TIME.sub("TIME", line).split())


def blocks(name):
    """The indented blocks of a document, each a list of lines."""
    found = [[]]
    for line in read(name).splitlines():
        if line.startswith("    "):
            found[-1].append(line[4:])
        elif not line and found[-1]:
            found[-1].append("")
        elif found[-1]:
            found.append([])
    return [block for block in found if block]


def assert_shows(said, shown):
    """@shown has the lines of @said, from some line on; [...] may stand for
    others, and what is within [] is an event."""
    said = [plain(line) for line in said if line.strip()]
    at, skip = 0, True
    for line in filter(None, shown):
        if line.strip().startswith("["):
            skip = True
            continue
        want = plain(line)
        rest = said[at:] if skip else said[at:at + 1]
        assert want in rest, f"not there: {line}\n" + "\n".join(said[at:])
        at += rest.index(want) + 1
        skip = False


# ---- the demonstration -------------------------------------------------

def drawn(name):
    """The lines of an SVG."""
    return ["".join(text.itertext()) for text in ET.fromstring(read(name))
            if text.tag.endswith("}text")]


def test_the_demonstration():
    out = subprocess.run([os.path.join(ROOT, "tools", "demo.sh")], text=True,
                         capture_output=True)
    assert out.returncode == 0, out.stderr
    said = out.stdout.splitlines()
    assert said[0] == "building upnpd" and said[2].startswith("== 1.")
    shown = [block for name in DOCUMENTS for block in blocks(name)
             if re.match(r"== |lan#", block[0])]
    assert len(shown) == len(DOCUMENTS)
    for block in shown:
        assert_shows(said, block)
    for line in drawn("docs/img/demo.svg"):
        assert plain(line) in map(plain, said), line


# ---- the operator ------------------------------------------------------

@pytest.fixture
def router():
    """A router as in the document: its interfaces are ether1 and ether2, and
    nothing is configured. upnpd runs."""
    with Lab(FIREWALLS["netlink"]()) as lab:
        rt = lab.router
        rt.ip_batch("link set wan0 down", "link set wan0 name ether1",
                    "link set ether1 up", "link set lan0 down",
                    "link set lan0 name ether2", "link set ether2 up",
                    f"route add default via {OUT_IP}")
        rt.run("sh", "-c", "nft list ruleset | sed 's/lan0/ether2/; "
               "s/wan0/ether1/' > $0; nft flush ruleset; nft -f $0",
               lab.path("rules"))
        upnpd = Upnpd(lab, "auto", enabled="no")
        upnpd.write_conf("".join(
            line + "\n" for line in upnpd.conf_text().splitlines()
            if re.match("(state-dir|pid-file|control-socket) ", line)))
        upnpd.spawn([upnpd.binary, "-F", "-f", upnpd.conf])
        assert upnpd.wait_log("not enabled"), upnpd.log()
        yield upnpd
        assert upnpd.stop() == 0


def upnpctl(upnpd, words):
    """Run it on a terminal of 80 columns. Return its lines."""
    program = os.path.join(os.path.dirname(upnpd.binary), "upnpctl")
    terminal = Terminal(["ip", "netns", "exec", upnpd.lab.router.ns, program,
                         "-f", upnpd.conf, *words])
    terminal.finish()
    return re.sub(r"\x1b\[[0-9;]*m", "", terminal.text()).splitlines()


def steps(block):
    """[(command or event, lines that follow)]"""
    found = []
    for line in block:
        if re.match(r"# upnpctl|\[root@|\[[a-z]", line):
            found.append((line, []))
        elif found:
            found[-1][1].append(line)
    return found


def game_maps(upnpd):
    igd = Igd(upnpd.lab.lan1)
    assert wait_until(upnpd.serves), upnpd.log()
    igd.add(3074, "UDP", desc="game", lease=3600)


EVENTS = {
    "[a game on the LAN maps UDP 3074]": game_maps,
    "[forwarding is turned off]":
        lambda upnpd: upnpd.lab.router.sysctl("net.ipv4.ip_forward", 0),
}


def follow(upnpd, block):
    """Do what the block says, and compare."""
    for what, shown in steps(block):
        prompt = re.match(r"\[root@router\] (\S+)> (.*)", what)
        if what in EVENTS:
            EVENTS[what](upnpd)
            continue
        if prompt and (prompt[2] in ("rules", "quit") or "?" in prompt[2]):
            continue
        words = ["rules", *shlex.split(prompt[2])] if prompt else \
            shlex.split(what[1:])[1:]
        said = upnpctl(upnpd, words)
        assert_shows([" ".join(map(plain, said))] if prompt and len(shown) == 1
                     else said, shown)


def one_block(name, pattern):
    (block,) = [block for block in blocks(name)
                if re.search(pattern, block[0])]
    return block


def test_the_operators_session(router):
    """The tour, then README, which shows a part of it, and the log."""
    follow(router, one_block(TOUR, r"^# upnpctl interfaces add"))
    igd = Igd(router.lab.lan1)
    assert igd.external_ip() == EXT_IP
    upnpctl(router, ["mappings", "remove", "tcp:8080"])
    router.lab.router.sysctl("net.ipv4.ip_forward", 0)
    follow(router, one_block("README.md", r"^# upnpctl mappings add"))
    error_of(igd.add, 80, "TCP")
    igd.delete(3074, "UDP")
    lines = one_block(TOUR, "^mapping added: ")
    for line in filter(None, lines):
        assert router.wait_log(re.escape(line)), router.log()
    router.lab.router.sysctl("net.ipv4.ip_forward", 1)
    follow(router, one_block(TOUR, r"^# upnpctl$")[1:])
