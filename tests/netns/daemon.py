# SPDX-License-Identifier: ISC
"""Daemons in the router: upnpd with a configuration, and a firewall tool that
fails or hangs on request."""
import contextlib
import ipaddress
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile

from lab import LAN6_ULA, LAN_IP, LONG, SLOW, family_of, wait_until, which

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
UPNPD = os.environ.get("UPNPD", os.path.join(ROOT, "build", "upnpd"))


def engine_uid():
    """The uid of the engine if the configuration names no user."""
    for name in ("upnpd", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_uid
    return 65534


class Daemon:
    """A program in the router's namespace, its output in a file."""
    port = 2828

    def __init__(self, lab):
        self.lab = lab
        self.proc = None
        self.logfile = lab.path("log")

    def spawn(self, argv):
        with open(self.logfile, "ab") as log:
            self.proc = subprocess.Popen(
                ["ip", "netns", "exec", self.lab.router.ns, *argv],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)

    def serves(self, ip=None, host=None):
        """Does it answer @host (lan1)? @ip: by default the address on lan0. A
        connection alone is not enough: the kernel accepts it while the program
        is still starting. Without a listener, or if the listener exits, the
        answer is known at once."""
        ip = ip or (LAN_IP if self.lab.ipv4 else LAN6_ULA)
        if not self.port:
            return self._serves_pmp(ip, host or self.lab.lan1)
        with (host or self.lab.lan1).socket(socket.SOCK_STREAM,
                                            family=family_of(ip)) as sock:
            sock.settimeout(LONG * SLOW)
            try:
                sock.connect((ip, self.port))
                sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
                return sock.recv(16) != b""
            except OSError:
                return False

    @staticmethod
    def _serves_pmp(ip, host):
        """The same without UPnP, by PCP's ANNOUNCE. A closed port is known at
        once."""
        own = ipaddress.ip_address(host.ip6 if ":" in ip else host.ip)
        with host.socket(socket.SOCK_DGRAM, family=family_of(ip)) as sock:
            sock.settimeout(1)
            try:
                sock.connect((ip, 5351))
                sock.send(bytes((2,)) + bytes(7) + (
                    own.packed if own.version == 6 else
                    ipaddress.ip_address(f"::ffff:{own}").packed))
                return sock.recv(1100)[0] in (0, 2)
            except OSError:
                return False

    def wait_ready(self):
        def settled():
            return self.proc.poll() is not None or self.serves()
        assert wait_until(settled), "does not answer:\n" + self.log()
        assert self.proc.poll() is None, "did not start:\n" + self.log()

    def log(self):
        """Its output; "" if it was never started."""
        if not os.path.exists(self.logfile):
            return ""
        with open(self.logfile, errors="replace") as f:
            return f.read()

    def wait_log(self, pattern, timeout=LONG, since=0):
        """Wait for a line that matches. Return it, or None."""
        def find():
            for line in self.log()[since:].splitlines():
                if re.search(pattern, line):
                    return line
            return None
        return wait_until(find, timeout)

    def signal(self, signo):
        os.kill(self.proc.pid, signo)

    def wait_exit(self, timeout=LONG):
        """Return the exit status; None if it still runs."""
        try:
            return self.proc.wait(timeout * SLOW)
        except subprocess.TimeoutExpired:
            return None

    def stop(self):
        """Send SIGTERM. Return the exit status."""
        if self.proc.poll() is None:
            self.signal(signal.SIGTERM)
        status = self.wait_exit()
        if status is None:
            self.proc.kill()
            self.proc.wait()
        return status

    def running(self):
        return self.proc is not None and self.proc.poll() is None


class Upnpd(Daemon):
    """upnpd. Its options are spelled with '_' instead of '-'.

    @interfaces: name -> "external", "internal" or lines of its section
    @lines: further global lines (allow, deny)
    """

    binary = UPNPD

    def __init__(self, lab, backend, interfaces=None, lines=(), **options):
        super().__init__(lab)
        self.conf = lab.path("upnpd.conf")
        self.state = lab.path("state")
        self.interfaces = interfaces or getattr(lab, "interfaces", None) or {
            "wan0": "external", "lan0": "internal"}
        self.lines = list(lines)
        self.options = {
            "enabled": "yes", "backend": backend,
            "allow_disable_external_interface": "no",
            "state_dir": self.state,
            "control_socket": lab.path("ctl.sock"),
            "pid_file": lab.path("upnpd.pid"),
            "http_port": self.port,
        }
        self.options.update(options)
        if self.options.get("upnp") == "no":
            self.port = None

    def conf_text(self):
        out = [f"{key.replace('_', '-')} = {value}"
               for key, value in self.options.items()]
        out += self.lines
        for name, lines in self.interfaces.items():
            out.append(f"\n[interface {name}]")
            out += [f"type = {lines}"] if isinstance(lines, str) else lines
        return "\n".join(out) + "\n"

    def write_conf(self, text=None):
        with open(self.conf, "w") as f:
            f.write(self.conf_text() if text is None else text)

    def start(self, prefix=(), wait=True):
        self.write_conf()
        self.spawn([*prefix, self.binary, "-F", "-f", self.conf])
        if wait:
            self.wait_ready()
        return self

    def reload(self, text=None):
        """Write the configuration and send SIGHUP. Return the previous length
        of the log."""
        self.write_conf(text)
        since = len(self.log())
        self.signal(signal.SIGHUP)
        return since

    def fork_server(self):
        """The pid of the fork server, or None. It is the child that does not
        run as root; a firewall tool does."""
        return child_of(self.proc.pid)

    def engine(self):
        """The pid of the engine, a child of the fork server, or None."""
        fork_server = self.fork_server()
        return fork_server and child_of(fork_server)

    def pids(self):
        """{name: pid} of the processes that run"""
        found = {"monitor": self.proc.pid, "fork_server": self.fork_server(),
                 "engine": self.engine()}
        return {name: pid for name, pid in found.items() if pid}


def child_of(parent):
    """The child of @parent that does not run as root, or None."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as f:
                after = f.read().rpartition(")")[2].split()
            with open(f"/proc/{pid}/status") as f:
                uid = re.search(r"^Uid:\s+(\d+)", f.read(), re.M)[1]
        except OSError:
            continue
        if int(after[1]) == parent and after[0] != "Z" and uid != "0":
            return int(pid)
    return None


def igd_versions(*asked):
    """Return the values of igd-version that the built daemon accepts. If it
    accepts none, return a value that it refuses, so that the tests fail and
    are not skipped."""
    text = ("enabled = yes\nigd-version = {}\n[interface wan0]\n"
            "type = external\n[interface lan0]\ntype = internal\n")

    def takes(version):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
            f.write(text.format(version))
            f.flush()
            return subprocess.run([UPNPD, "-n", "-f", f.name],
                                  stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL).returncode == 0
    return list(filter(takes, asked)) or ["none-accepted"]


class FakeTool:
    """Replaces a firewall tool in the daemon's mount namespace. It runs the
    real tool ("ok"), fails ("fail"), hangs ("hang") or is busy that many times
    ("busy 3"), like iptables while its lock is held. It counts hung and busy
    calls in files."""
    ERROR = "fake tool: no space left in the attic"
    SCRIPT = """\
#!/bin/sh
read -r mode times < {dir}/mode
case $mode${{0##*-}} in
busyrestore)
    echo x >> {dir}/busy
    if [ $(wc -l < {dir}/busy) -le $times ]; then
        echo "{error}" >&2; exit 4
    fi ;;
esac
case $mode in
fail) echo x >> {dir}/failed; echo "{error}" >&2; exit 1 ;;
hang) echo x >> {dir}/hung; sleep 1000 ;;
esac
exec {dir}/real/${{0##*/}} "$@"
"""

    def __init__(self, lab, tool):
        self.dir = lab.path("fake")
        os.makedirs(os.path.join(self.dir, "real"))
        self.target = os.path.realpath(which(tool))
        copy = os.path.join(self.dir, "real", os.path.basename(self.target))
        shutil.copy2(self.target, copy)
        for name in os.listdir("/usr/sbin"):
            path = os.path.join("/usr/sbin", name)
            if os.path.islink(path) and os.path.realpath(path) == self.target:
                os.symlink(copy, os.path.join(self.dir, "real", name))
        self.script = os.path.join(self.dir, "script")
        with open(self.script, "w") as f:
            f.write(self.SCRIPT.format(dir=self.dir, error=self.ERROR))
        self.mode("ok")

    def mode(self, mode):
        """@mode: "ok", "fail", "hang", "busy N", or "missing", which makes the
        tool not executable."""
        os.chmod(self.script, 0o644 if mode == "missing" else 0o755)
        path = os.path.join(self.dir, "mode")
        with open(path + ".new", "w") as f:
            f.write(mode + "\n")
        os.rename(path + ".new", path)

    def busy(self):
        """The number of calls for a change since the mode was set to
        "busy"."""
        try:
            with open(os.path.join(self.dir, "busy")) as f:
                return len(f.readlines())
        except FileNotFoundError:
            return 0

    def calls(self):
        """The number of calls that failed."""
        try:
            with open(os.path.join(self.dir, "failed")) as f:
                return len(f.readlines())
        except FileNotFoundError:
            return 0

    def hung(self):
        return os.path.exists(os.path.join(self.dir, "hung"))

    def prefix(self):
        """The prefix of the daemon's argv."""
        return ["unshare", "-m", "sh", "-c",
                'mount --bind "$0" "$1" && shift && exec "$@"',
                self.script, self.target]


def upnpc(host, *args):
    """Run Debian's upnpc, an ordinary control point. It waits only a few
    seconds for answers, which may be too short on a busy machine, so run it
    until it finds a connected gateway."""
    for _ in range(10):
        try:
            out = host.run("upnpc", *args, timeout=120)
            if "Found valid IGD" in out:
                return out
        except RuntimeError as e:
            out = str(e)
            if "Found valid IGD" in out:
                raise
    raise AssertionError(out)
