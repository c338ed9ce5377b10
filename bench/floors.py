# SPDX-License-Identifier: ISC
"""Floors: subjects beside upnpd and the peer that show the limit of any
program. A server that parses nothing shows what the kernel and the load
program allow, and the firewall tools alone show what a change of rules
costs."""
import os
import signal
import subprocess
import time

from daemon import ROOT, Daemon
from firewall import FIREWALLS
from lab import LAN_IP, inside, wait_until, which
from subject import ADD_PORT, PMP_PORT, Subject

BINARY = os.path.join(ROOT, "build", "floor")
STATIC_BINARY = os.path.join(ROOT, "build", "static", "floor")
ECHO = os.path.join(ROOT, "build", "echo")
REPLY = 540             # bytes of upnpd's reply to GetExternalIPAddress
TURNS, TURNS_S = 20, 0.4    # most runs and seconds for each input of a tool


class Floor(Subject):
    """A subject that does only what every program must do."""
    is_floor = True

    def fill(self, n):
        """A floor has no mappings."""


# ---- a server that parses nothing -----------------------------------------

class FloorServer(Daemon):
    def __init__(self, lab, binary):
        super().__init__(lab)
        self.binary = binary

    def start(self):
        self.spawn([self.binary, LAN_IP, str(self.port), str(REPLY)])
        self.wait_ready()
        return self

    def child(self):
        """Its pid; 0 while there is none."""
        path = f"/proc/{self.proc.pid}/task/{self.proc.pid}/children"
        with open(path) as f:
            return int(f.read() or 0)


class Server(Floor):
    """floor.c in a lab like that of upnpd."""

    def __init__(self, name, binary):
        super().__init__(name, FIREWALLS["netlink"]())
        self.binary = binary

    def like(self, room):
        return Server(self.name, self.binary)

    def make(self):
        self.daemon = FloorServer(self.lab, self.binary)

    def find(self):
        self.path = self.url = "/"

    def processes(self):
        return {"engine": self.daemon.child(), "monitor": self.daemon.proc.pid}

    def stop(self):
        self.daemon.stop()


class EchoServer(FloorServer):
    def start(self):
        """It forks after it has bound its socket."""
        self.spawn([self.binary, LAN_IP, str(PMP_PORT)])
        assert wait_until(self.child), self.log()
        return self


class Echo(Floor):
    """echo.c in such a lab."""

    def __init__(self):
        super().__init__(ECHO_NAME, FIREWALLS["netlink"]())

    def make(self):
        self.daemon = EchoServer(self.lab, ECHO)

    def find(self):
        """It serves no UPnP."""

    def processes(self):
        return {"engine": self.daemon.child(), "monitor": self.daemon.proc.pid}

    def stop(self):
        self.daemon.stop()


# ---- a firewall tool alone -------------------------------------------------

class Spent:
    """Wall time and processor time of a number of runs."""

    def __init__(self):
        self.n, self.wall_s, self.cpu_s = 0, 0.0, 0.0

    def add(self, wall_s, cpu_s):
        self.n += 1
        self.wall_s += wall_s
        self.cpu_s += cpu_s

    def rate(self):
        return self.n / self.wall_s

    def cpu_of_1000(self):
        return 1000 * self.cpu_s / self.n


def run_tool(argv, text, spent):
    """Run @argv with input @text, without the `ip netns exec` of Host.run(),
    and add its time to @spent."""
    start = time.monotonic()
    tool = subprocess.Popen(argv, stdin=subprocess.PIPE,
                            stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
    tool.stdin.write(text.encode())
    tool.stdin.close()
    _, status, used = os.wait4(tool.pid, 0)
    tool.returncode = os.waitstatus_to_exitcode(status)
    if tool.returncode:
        raise RuntimeError(f"{argv[0]}: {tool.returncode}: {text}")
    spent.add(time.monotonic() - start, used.ru_utime + used.ru_stime)


def rules_of(saved, port):
    """{table: its rules that name this port}, from iptables-save's output"""
    found = {}
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith("-A ") and str(port) in line:
            found.setdefault(table, []).append(line)
    return found


def text_of(rules, verb):
    """Input for iptables-restore. @verb: "-A" or "-D\""""
    return "".join(f"*{table}\n"
                   + "".join(f"{verb}{line[2:]}\n" for line in lines)
                   + "COMMIT\n" for table, lines in rules.items())


# The input of a tool: no rule, which measures its start; one rule, the least
# that a gateway needs for a mapping; or all rules of upnpd for a mapping.
def no_rule(rules):
    return {}


def one_rule(rules):
    return {"nat": rules["nat"][:1]}


def all_rules(rules):
    return rules


NOTHING, ONE, ALL = "its start", "one rule", "a mapping's rules"
INPUTS = ((NOTHING, no_rule), (ONE, one_rule), (ALL, all_rules))


class Tool(Floor):
    """A backend's tool, which adds and deletes the rules of one mapping in
    upnpd's chains, beside the rules of the mappings in place."""

    def __init__(self, owner, title, select):
        self.name = tool_name(owner.backend, title)
        self.owner, self.select = owner, select
        self.lab, self.backend = owner.lab, owner.backend

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass

    def alone(self):
        """Return what deleting and adding a mapping cost, as (Spent, Spent).
        The daemon makes the mapping, and is stopped meanwhile, or it would
        repair its rules."""
        self.owner.load("add", 1, 1, first=ADD_PORT)
        rules = self.select(rules_of(
            self.lab.router.run(self.backend + "-save"), ADD_PORT))
        pids = self.owner.pids()
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            return self.turns(text_of(rules, "-D"), text_of(rules, "-A"))
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
            self.owner.load("delete", 1, 1, first=ADD_PORT)

    def turns(self, *texts):
        argv = [which(self.backend + "-restore"), "--noflush", "-w"]
        spent = [Spent() for _ in texts]
        end = time.monotonic() + TURNS_S
        with inside(self.lab.router.ns):
            while spent[0].n < 2 or (spent[0].n < TURNS
                                     and time.monotonic() < end):
                for text, one in zip(texts, spent):
                    run_tool(argv, text, one)
        return spent


PREFIX = "floor: "
SERVER_NAME = PREFIX + "no parsing"
STATIC_SERVER_NAME = SERVER_NAME + ", static build"
ECHO_NAME = PREFIX + "a UDP echo server"


def tool_name(backend, title):
    return f"{PREFIX}{backend}, {title}"


def is_floor(name):
    return name.startswith(PREFIX)


def floors(ours):
    """All floors. @ours: the subjects whose tools are measured"""
    found = [Server(SERVER_NAME, BINARY)]
    if os.access(STATIC_BINARY, os.X_OK):
        found.append(Server(STATIC_SERVER_NAME, STATIC_BINARY))
    found.append(Echo())
    return found + [Tool(one, *given) for one in ours
                    if one.backend.startswith("iptables") for given in INPUTS]
