# SPDX-License-Identifier: ISC
"""A router whose system is busybox: a root file system in a directory, with
Debian's busybox-static and the static upnpd, started by dist/busybox/S60upnpd.
It runs in namespaces here, or under its own kernel (test_qemu.py)."""
import fcntl
import glob
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import termios

from daemon import ROOT, UPNPD, Daemon
from lab import wait_until, which

BUSYBOX = which("busybox")
STATIC = os.path.join(os.path.dirname(UPNPD), "static",
                      os.path.basename(UPNPD))
SCRIPT = os.path.join(ROOT, "dist", "busybox", "S60upnpd")

# The firewall tool of each backend; Debian has no static one.
TOOLS = {
    "netlink": [],
    "iptables-nft": ["iptables-nft-save", "iptables-nft-restore"],
    "iptables-legacy": ["iptables-legacy-save", "iptables-legacy-restore"],
}

INITTAB = """\
::sysinit:/etc/init.d/rcS
::shutdown:/etc/init.d/rcK
"""
RCS = """\
#!/bin/sh
{mounts}
for script in /etc/init.d/S??*; do
    $script start
done
echo booted
"""
RCK = """\
#!/bin/sh
for script in $(ls -r /etc/init.d/S??*); do
    $script stop
done
"""
SYSLOGD = """\
#!/bin/sh
case $1 in
# syslogd goes to the background before it listens; wait, or lines are lost
start) syslogd -O /run/messages
	until [ -S /dev/log ]; do sleep 0.01; done ;;
stop) killall syslogd ;;
esac
"""
PASSWD = "root::0:0::/:/bin/sh\nnobody:*:65534:65534::/:/bin/false\n"
CONF = """\
enabled = yes
backend = {backend}
allow-disable-external-interface = no
{lines}
[interface wan0]
type = external

[interface lan0]
type = internal
"""

# Runs in new mount and pid namespaces. Does what a kernel does before init,
# and makes a separate /dev. The kernel's log is a file, because the kernel is
# shared.
BOOT = r"""
set -e
mount --make-rprivate /
mount --bind "$1" "$1"
cd "$1"
mount -t tmpfs -o mode=755 dev dev
for node in null:3 zero:5 random:8 urandom:9; do
    case " $3 " in *" ${node%:*} "*) continue ;; esac
    mknod -m 666 "dev/${node%:*}" c 1 "${node#*:}"
done
: > dev/kmsg
# without /dev/null, the first script that writes to it would create a file
case " $3 " in *" null "*) mount -o remount,ro dev ;; esac
mount -o "remount,bind,$2" "$1"
pivot_root . .
umount -l .
exec /sbin/init
"""


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)


def libraries(program):
    """The shared libraries that a program needs."""
    out = subprocess.run(["ldd", program], check=True, text=True,
                         capture_output=True).stdout
    return re.findall(r"(?:=> |^\s*)(/\S+)", out, re.M)


class Root:
    """The root file system.

    @lacks: what is missing: "passwd", "user" (upnpd's in passwd), "syslogd",
    "var", "run", "proc", "tool"
    """

    def __init__(self, path, backend, lacks=(), lines=""):
        self.path = path
        self.lacks = lacks
        for name in ("bin", "sbin", "usr/bin", "usr/sbin", "etc/init.d", "dev",
                     "proc", "sys", "tmp", "run", "var/lib"):
            os.makedirs(self.at(name))
        for name in ("run", "var"):
            if name in lacks:
                shutil.rmtree(self.at(name))
        os.chmod(self.at("tmp"), 0o1777)
        shutil.copy2(BUSYBOX, self.at("bin/busybox"))
        subprocess.run(["chroot", path, "/bin/busybox", "--install", "-s"],
                       check=True)
        shutil.copy2(STATIC, self.at("usr/sbin/upnpd"))
        os.symlink("upnpd", self.at("usr/sbin/upnpctl"))
        for tool in () if "tool" in lacks else TOOLS[backend]:
            self.add_program(which(tool))
        self.write_etc(backend, lines)

    def at(self, name):
        return os.path.join(self.path, name)

    def write_etc(self, backend, lines):
        mounts = {"proc": "mount -t proc proc /proc",
                  "sys": "mount -t sysfs sys /sys",
                  "run": "mount -t tmpfs run /run"}
        write(self.at("etc/inittab"), INITTAB)
        write(self.at("etc/init.d/rcS"), RCS.format(mounts="\n".join(
            line for name, line in mounts.items()
            if name not in self.lacks)), 0o755)
        write(self.at("etc/init.d/rcK"), RCK, 0o755)
        if "syslogd" not in self.lacks:
            write(self.at("etc/init.d/S01syslogd"), SYSLOGD, 0o755)
        shutil.copy2(SCRIPT, self.at("etc/init.d/S60upnpd"))
        if "passwd" not in self.lacks:
            write(self.at("etc/passwd"), PASSWD.splitlines(True)[0] if "user"
                  in self.lacks else PASSWD)
        write(self.at("etc/upnpd.conf"), CONF.format(backend=backend,
                                                     lines=lines))

    def add_program(self, program):
        """Install the program and its libraries at their paths here."""
        files = [program, *libraries(program)]
        if "iptables" in program or "xtables" in program:
            files += glob.glob("/usr/lib/*/xtables/*.so")
        for name in files:
            copy = self.at(name.lstrip("/"))
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            if not os.path.exists(copy):
                shutil.copy2(name, copy)


class Terminal:
    """A program on a pseudo-terminal of its own, which it controls."""

    def __init__(self, argv, columns):
        self.text = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            for name in ("COLUMNS", "NO_COLOR"):
                os.environ.pop(name, None)
            os.environ["TERM"] = "linux"
            fcntl.ioctl(0, termios.TIOCSWINSZ,
                        struct.pack("HHHH", 24, columns, 0, 0))
            # a shell that runs the tests in the background ignores it
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.execvp(argv[0], argv)
        self.mode = termios.tcgetattr(self.fd)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        os.close(self.fd)
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)

    def read(self):
        """Read what is there. Return: False at the end of the program."""
        if select.select([self.fd], [], [], 0.1)[0]:
            try:
                got = os.read(self.fd, 65536)
            except OSError:     # EIO: the program has closed the terminal
                return False
            self.text += re.sub("\x1b\\[[0-9;]*[A-Za-z]|\r", "",
                                got.decode(errors="replace"))
        return True

    def expect(self, pattern):
        """Wait for a pattern in what it prints. Return: the text up to its
        end, which is not searched again."""
        assert wait_until(lambda: self.read() and re.search(
            pattern, self.text, re.M)), (pattern, self.text)
        end = re.search(pattern, self.text, re.M).end()
        found, self.text = self.text[:end], self.text[end:]
        return found

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def end(self):
        """Wait for its end. Return: its exit status"""
        while self.read():
            pass
        status = os.waitpid(self.pid, 0)[1]
        self.pid = 0
        return os.waitstatus_to_exitcode(status)


class System(Daemon):
    """Runs in the router's network namespace, with its own init."""

    def __init__(self, lab, root, read_only=False, nodes_missing=()):
        super().__init__(lab)
        self.root = root
        self.mode = "ro" if read_only else "rw"
        self.missing = " ".join(nodes_missing)
        self.init = None

    def boot(self):
        """Boot, and wait until all its scripts have run."""
        self.spawn(["unshare", "-m", "-p", "-f", "--kill-child", "sh", "-c",
                    BOOT, "boot", self.root.path, self.mode, self.missing])
        assert self.wait_log("^booted$", 120), self.log()
        with open(f"/proc/{self.proc.pid}/task/{self.proc.pid}/children") as f:
            self.init = int(f.read())
        return self

    def run(self, *argv, check=True):
        """Run a command in it. Return (exit status, output)."""
        done = subprocess.run(
            ["nsenter", "-t", str(self.init), "-m", "-p", "-n", *argv],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=60)
        assert not check or done.returncode == 0, done.stdout
        return done.stdout if check else (done.returncode, done.stdout)

    def terminal(self, *argv, columns=80):
        """Run a command in it, on a terminal."""
        return Terminal(["nsenter", "-t", str(self.init), "-m", "-p", "-n",
                         *argv], columns)

    def script(self, verb, **kw):
        return self.run("/etc/init.d/S60upnpd", verb, **kw)

    def read(self, name):
        """Read one of its files; "" if there is none."""
        try:
            with open(f"/proc/{self.init}/root{name}",
                      errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def told(self):
        """All logs that an operator can read."""
        return self.log() + self.read("/dev/kmsg") + self.read("/run/messages")

    def engine_status(self):
        """The engine's /proc/PID/status, and its root directory. Of the two
        processes that do not run as root, the engine is the child."""
        jailed = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/status") as f:
                    of = dict(line.split(":", 1) for line in f)
                if of["Name"].strip() == "upnpd" and \
                        not of["Uid"].startswith("\t0\t") and \
                        os.path.samefile(f"/proc/{pid}/ns/pid",
                                         f"/proc/{self.init}/ns/pid"):
                    jailed[pid] = of, os.readlink(f"/proc/{pid}/root")
            except OSError:
                continue
        return next((found for found in jailed.values()
                     if found[0]["PPid"].strip() in jailed), None)

    def power_off(self):
        """Power off, as "poweroff" does. Return whether it has exited."""
        if not self.init or not self.running():
            return self.init is not None
        os.kill(self.init, signal.SIGUSR2)
        return wait_until(lambda: self.proc.poll() is not None, 120)

    def close(self):
        if self.running():
            self.proc.kill()        # --kill-child kills init and so all others
            self.proc.wait()
