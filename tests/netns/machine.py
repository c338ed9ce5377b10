# SPDX-License-Identifier: ISC
"""Build the Debian package, and run a machine to install it on: systemd as
process 1 in the router's network, on an overlay of this machine's files."""
import contextlib
import fcntl
import os
import re
import subprocess

from daemon import ROOT
from lab import wait_until


def make_deb(build):
    """Build the package of this tree, once even if several processes call
    this. Return its path."""
    os.makedirs(build, exist_ok=True)
    with open(os.path.join(build, ".deb-lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        out = subprocess.run(
            ["make", "-s", "-C", ROOT, "deb", f"BUILD={build}"], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert out.returncode == 0, out.stdout
    with open(os.path.join(ROOT, "dist/project.mk")) as f:
        version = re.search(r"^VERSION\s*= (\S+)", f.read(), re.M)[1]
    arch = subprocess.run(["dpkg", "--print-architecture"], check=True,
                          text=True, capture_output=True).stdout.strip()
    return os.path.join(build, f"upnpd_{version}-1_{arch}.deb")


def unified_hierarchy():
    with open("/proc/self/mounts") as f:
        for line in f:
            _, where, kind = line.split()[:3]
            if kind == "cgroup2":
                return where
    raise AssertionError("no cgroup2 file system is mounted")


class Machine:
    """Use as a context manager."""

    def __init__(self, lab, **files):
        """@files: name in the root directory -> source to copy there"""
        self.lab = lab
        self.tree = lab.path("tree")
        os.makedirs(self.tree)
        for name, source in files.items():
            subprocess.run(["cp", source, os.path.join(self.tree, name)],
                           check=True)
        self.group = os.path.join(unified_hierarchy(), lab.id)
        self.proc = self.pid = None

    def __enter__(self):
        os.mkdir(self.group)
        with open(self.lab.path("machine.log"), "w") as log:
            self.proc = subprocess.Popen(
                ["nsenter", f"--net=/run/netns/{self.lab.router.ns}",
                 os.path.join(ROOT, "tests/netns/systemd-boot"),
                 self.lab.path("machine"), self.group, self.tree],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self.pid = wait_until(self._manager)
            assert self.pid, "systemd did not start: " + self.log()
            assert wait_until(self._is_up, 180, 0.2), \
                "the machine did not boot: " + self.log()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc):
        print(self.run("journalctl", "-u", "upnpd", "--no-pager",
                       check=False))
        self.close()

    def _manager(self):
        """The pid of process 1, once it is systemd."""
        with contextlib.suppress(OSError, IndexError):
            me = self.proc.pid
            with open(f"/proc/{me}/task/{me}/children") as f:
                pid = int(f.read().split()[0])
            with open(f"/proc/{pid}/comm") as f:
                return pid if f.read() == "systemd\n" else None
        return None

    def _is_up(self):
        return self.proc.poll() is None and self.run(
            "systemctl", "is-system-running", check=False).strip() in (
                "running", "degraded")

    def log(self):
        with open(self.lab.path("machine.log")) as f:
            return f.read()

    def close(self):
        """Kill unshare: process 1 ends with it, and all others with process
        1."""
        self.proc.kill()
        self.proc.wait()
        folders = [path for path, _, _ in os.walk(self.group)]
        for path in reversed(folders):
            wait_until(lambda p=path: not self._rmdir(p))

    @staticmethod
    def _rmdir(path):
        try:
            os.rmdir(path)
        except OSError as e:
            return e
        return None

    def try_run(self, *argv, timeout=120):
        """Run a command on it. Return status and output."""
        done = subprocess.run(
            ["nsenter", "-t", str(self.pid), "-m", "-p", "-n", "-i", "-u",
             "-C", "-r", "-w", "env", "-i", "LC_ALL=C", "SYSTEMD_PAGER=cat",
             "DEBIAN_FRONTEND=noninteractive",
             "PATH=/usr/sbin:/usr/bin:/sbin:/bin", *argv],
            text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=timeout)
        return done.returncode, done.stdout

    def run(self, *argv, check=True, timeout=120):
        status, out = self.try_run(*argv, timeout=timeout)
        assert not check or status == 0, f"{argv}: {status}\n{out}"
        return out

    def unit(self, name):
        """A property of the unit."""
        return self.run("systemctl", "show", "upnpd", "--value",
                        "-p", name).strip()
