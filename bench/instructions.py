#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Count the instructions that monitor and engine need for a request, libc
included and the kernel not, and compare them with instructions.txt. Needs root
and valgrind.

The program is instructions.c. It runs twice under callgrind, which counts the
engine's part in the first run and the monitor's in the second.

    bench/instructions.py [--record | --profile]

--profile prints the functions in which they are spent.

Exit status: 1 if a count is more than LIMIT above the recorded one and the
compiler is the recorded one."""
import collections
import fcntl
import glob
import ipaddress
import os
import re
import socket
import struct
import subprocess
import sys
import termios

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(ROOT, "tests", "netns"))

from daemon import Upnpd                                    # noqa: E402
from firewall import FIREWALLS                              # noqa: E402
from lab import HOST_IP, LAN_IP, Lab, die_cleanly, run, which   # noqa: E402
from upnp import GROUP, WANIP, msearch, soap_body      # noqa: E402

BINARY = os.path.join(ROOT, "build", "static", "instructions")
OUT = os.path.join(ROOT, "build", "instructions")
RECORDED = os.path.join(HERE, "instructions.txt")
PARTS = ("engine", "monitor")
TIMES = 20          # each request
WARM = 3            # before them: tables of the kernel are filled then
LIMIT = 0.05
PORT = 20000        # the first one that is mapped
HTTP_PORT, PMP_PORT = 2828, 5351


class Program:
    """instructions.c under callgrind, which counts @part."""

    def __init__(self, lab, part):
        self.lab, self.port, self.url = lab, PORT, None
        daemon = Upnpd(lab, "netlink")
        daemon.write_conf()
        self.proc = subprocess.Popen(
            ["ip", "netns", "exec", lab.router.ns, "valgrind", "-q",
             "--tool=callgrind", "--collect-atstart=no",
             f"--toggle-collect=measured_{part}",
             f"--callgrind-out-file={OUT}/{part}", BINARY, daemon.conf],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.do("t 3000")

    def do(self, *commands):
        for one in commands:
            self.proc.stdin.write(one.encode() + b"\n")
            self.proc.stdin.flush()
            if self.proc.stdout.read(1) != b".":
                raise RuntimeError(f"instructions: {one}: it exited")

    def end(self):
        self.proc.stdin.close()
        self.proc.wait()

    # ---- requests: each sends, commands what is needed, checks the answer --

    def http(self, rounds, method, path, body="", head=""):
        text = f"{method} {path} HTTP/1.1\r\nHost: {LAN_IP}:{HTTP_PORT}\r\n" \
               f"{head}Content-Length: {len(body)}\r\n\r\n{body}"
        with self.lab.lan1.socket(socket.SOCK_STREAM) as sock:
            sock.settimeout(10)
            sock.connect((LAN_IP, HTTP_PORT))
            sock.sendall(text.encode())
            while struct.unpack("i", fcntl.ioctl(
                    sock, termios.TIOCOUTQ, bytes(4)))[0]:
                pass            # until it has arrived
            self.do(*rounds)
            answer = sock.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200 "), answer
        return answer

    def soap(self, rounds, action, **args):
        self.http(rounds, "POST", self.url, soap_body(WANIP, action, args),
                  'Content-Type: text/xml; charset="utf-8"\r\n'
                  f'SOAPAction: "{WANIP}#{action}"\r\n')

    def datagram(self, rounds, port, data, to=LAN_IP):
        with self.lab.lan1.socket(socket.SOCK_DGRAM, (HOST_IP, 0)) as sock:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                            socket.inet_aton(HOST_IP))
            sock.settimeout(10)
            sock.sendto(data, (to, port))
            self.do(*rounds)
            return sock.recv(2048)

    def next_port(self):
        self.port += 1
        return self.port

    def description(self):
        answer = self.http("e", "GET", "/igd1.xml")
        self.url = re.search(f"{WANIP}<.*?<controlURL>(.*?)<",
                             answer.decode(), re.S)[1]

    def address(self):
        self.soap("e", "GetExternalIPAddress")

    def add(self):
        port = self.next_port()
        self.soap("eme", "AddPortMapping", NewRemoteHost="",
                  NewExternalPort=port, NewProtocol="TCP",
                  NewInternalPort=port, NewInternalClient=HOST_IP,
                  NewEnabled=1, NewPortMappingDescription="a program",
                  NewLeaseDuration=3600)

    def search(self):
        answer = self.datagram(("e", "w 1000"), 1900,
                               msearch("upnp:rootdevice", 1), GROUP)
        assert answer.startswith(b"HTTP/1.1 200 OK"), answer

    def natpmp(self):
        port = self.next_port()
        answer = self.datagram("eme", PMP_PORT, struct.pack(
            "!BBHHHI", 0, 2, 0, port, port, 3600))
        assert answer[1:4] == bytes((130, 0, 0)), answer

    def pcp(self):
        port, any4 = self.next_port(), bytes(10) + b"\xff\xff" + bytes(4)
        answer = self.datagram("eme", PMP_PORT, struct.pack(
            "!BBHI16s12sB3xHH16s", 2, 1, 0, 3600,
            any4[:12] + ipaddress.ip_address(HOST_IP).packed, bytes(12), 6,
            port, port, any4))
        assert answer[1] == 129 and not answer[3], answer


REQUESTS = {
    "description": Program.description,
    "GetExternalIPAddress": Program.address,
    "AddPortMapping": Program.add,
    "M-SEARCH": Program.search,
    "NAT-PMP map": Program.natpmp,
    "PCP MAP": Program.pcp,
}


def functions(text):
    """Counter: function -> instructions of its own, of callgrind's text. A
    name is given once, with a number; the line after "calls=" is what the
    called function needed."""
    names, found, own, now = {}, collections.Counter(), True, None
    for line in text.splitlines():
        if m := re.match(r"c?fn=(\(\d+\))(?: (.*))?", line):
            names[m[1]] = m[2] or names.get(m[1])
            if line.startswith("fn="):
                now = names[m[1]]
        elif line.startswith("calls="):
            own = False
        elif m := re.match(r"[-+*\d]+ (\d+)$", line):
            found[now] += int(m[1]) if own else 0
            own = True
    return found


def count(part):
    """{request: Counter of functions of @part, for TIMES of them}"""
    with Lab(FIREWALLS["netlink"]()) as lab:
        program = Program(lab, part)
        for name, ask in REQUESTS.items():
            for i in range(WARM + TIMES):
                if i == WARM:
                    program.do("d warm")
                ask(program)
                program.do("t 2000")
            program.do("d " + name)
        program.end()
    found = {}
    for path in glob.glob(f"{OUT}/{part}.*"):
        with open(path) as f:
            text = f.read()
        os.remove(path)
        name = re.search(r"Client Request: (.*)$", text, re.M)
        found[name and name[1]] = functions(text)
    return {name: found[name] for name in REQUESTS}


def compiler():
    """What decides the numbers: compiler, C library and machine."""
    version = run("musl-gcc", "--version").splitlines()[0]
    musl = run("dpkg-query", "-W", "-f", "${Version}", "musl-dev",
               check=False).splitlines()[0]
    return f"{version.strip()}, musl {musl}, {os.uname().machine}"


def read_recorded():
    """(the compiler, {(request, part): instructions})"""
    found, by = {}, None
    with open(RECORDED) as f:
        for line in f:
            if line.startswith("compiler: "):
                by = line[10:].strip()
            elif m := re.match(r"(\S.*\S) +(\d+) +(\d+)$", line):
                found.update({(m[1], p): int(m[2 + i])
                              for i, p in enumerate(PARTS)})
    return by, found


def write(found):
    with open(RECORDED, "w") as f:
        f.write("Instructions of a request, libc included and the kernel not."
                "\nWritten by: make bench-instructions RECORD=1\n\n"
                f"compiler: {compiler()}\n\n{'':24}{PARTS[0]:>10}"
                f"{PARTS[1]:>10}\n")
        for name in REQUESTS:
            f.write(f"{name:24}{found[name, PARTS[0]]:10}"
                    f"{found[name, PARTS[1]]:10}\n")


def profile(parts):
    for part, requests in parts.items():
        for name, spent in requests.items():
            print(f"\n{name}, {part}: {spent.total() // TIMES}")
            for function, n in spent.most_common(15):
                print(f"{n // TIMES:10} {function}")


def compare(found):
    """Print all counts. Return: those that have grown too much"""
    by, was = read_recorded()
    print(f"compiler: {compiler()}")
    if by != compiler():
        print(f"recorded: {by}\nso the differences are only reported")
    grown = []
    for key, n in found.items():
        change = n / was[key] - 1 if was.get(key) else float(n != 0)
        print(f"{key[0]:24}{key[1]:10}{n:10}  {100 * change:+.1f} %")
        if change > LIMIT and by == compiler():
            grown.append(f"{key[0]}, {key[1]}")
    return grown


def main():
    missing = [t for t in ("valgrind", "ip", "nft", "musl-gcc")
               if not which(t)]
    if os.geteuid() or missing:
        sys.exit(f"bench-instructions: needs root {' '.join(missing)}")
    die_cleanly()
    os.makedirs(OUT, exist_ok=True)
    parts = {part: count(part) for part in PARTS}
    found = {(name, part): parts[part][name].total() // TIMES
             for name in REQUESTS for part in PARTS}
    if "--profile" in sys.argv:
        profile(parts)
    if "--record" in sys.argv:
        write(found)
    if grown := compare(found):
        sys.exit(f"more than {100 * LIMIT:g} % above bench/instructions.txt: "
                 + "; ".join(grown) + "\nmake bench-instructions RECORD=1 "
                 "records the new numbers; say why in the commit")


if __name__ == "__main__":
    main()
