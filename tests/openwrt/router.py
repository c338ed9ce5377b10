# SPDX-License-Identifier: ISC
"""A router like OpenWrt in the lab's router namespace: a root file system with
busybox, upnpd's package as its Makefile installs it, and stand-ins for the
rest of OpenWrt (standin/). Programs run in it by chroot, with the machine's
libraries mounted. The mounts end with the program."""
import atexit
import glob
import os
import shutil
import subprocess
import sysconfig
import tempfile

from lab import run, which

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
FILES = os.path.join(TREE, "dist", "openwrt", "files")
STANDIN = os.path.join(HERE, "standin")
UPNPD = os.environ.get("UPNPD", os.path.join(TREE, "build", "upnpd"))

# File in standin/ -> its place in the root.
PLACES = {
    "uci": "sbin/uci", "uci.awk": "sbin/uci.awk", "logger": "usr/bin/logger",
    "rc.common": "etc/rc.common", "procd.sh": "lib/functions/procd.sh",
    "network.sh": "lib/functions/network.sh",
    "functions.sh": "lib/functions.sh",
}
FIREWALL = """\
config defaults 'defaults'
	option input 'DROP'
	option forward 'DROP'
"""
# Directories of this machine that are mounted in the root.
BOUND = ("lib64", "lib/" + (sysconfig.get_config_var("MULTIARCH") or "x"),
         "proc", "sys")

def feed():
    """Make the recipes of all distributions. Return OpenWrt's package."""
    out = tempfile.mkdtemp(prefix="upnpd-feed-")
    atexit.register(shutil.rmtree, out, ignore_errors=True)
    run(os.path.join(TREE, "tools", "release"), "recipes", out + "/recipes")
    return os.path.join(out, "recipes", "openwrt", "upnpd")


PACKAGE = feed()
ENTER = """\
root=$1; shift
for dir in %s; do
    [ ! -d "/$dir" ] || mount --rbind "/$dir" "$root/$dir"
done
# a separate /dev, whose log is logd's
mount -t tmpfs -o mode=755 dev "$root/dev"
for node in null zero random urandom; do
    : > "$root/dev/$node"
    mount --bind "/dev/$node" "$root/dev/$node"
done
ln -s /run/log "$root/dev/log"
mount --rbind /usr/lib "$root/usr/lib"
exec chroot "$root" /bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
""" % " ".join(BOUND)


def make(*targets, out=None, check=True):
    """Run the package's Makefile, with stand-ins for those of OpenWrt."""
    return run("make", "-s", "--no-print-directory", "-C", PACKAGE,
               f"TOPDIR={STANDIN}", f"OUT={out}", *targets, check=check,
               timeout=120)


def install(out):
    """Install the package's files to @out/root, with the binary that was
    built."""
    build = f"{out}/build_dir/upnpd-{version()}"
    os.makedirs(build + "/build")
    os.mkdir(build + "/dist")
    shutil.copy2(UPNPD, build + "/build/upnpd")
    shutil.copy2(os.path.join(TREE, "dist/upnpd-from-miniupnpd"),
                 build + "/dist")
    make("install", out=out)


def version():
    with open(os.path.join(PACKAGE, "Makefile")) as f:
        return next(line.split(":=")[1].strip() for line in f
                    if line.startswith("PKG_VERSION:="))


class Router:
    """@lab: a Lab, whose router and directory it uses
    @firewall: "fw4", "fw3" or None: the firewall to install"""

    def __init__(self, lab, firewall=None):
        self.lab = lab
        self.root = lab.path("openwrt", "root")
        self._base()
        install(lab.path("openwrt"))
        for name, place in PLACES.items():
            self._copy(os.path.join(STANDIN, name), place)
        self.reset()
        if firewall:
            self._copy(os.path.join(STANDIN, firewall), "sbin/" + firewall)
            self._tools()

    def _base(self):
        # run: for the lock of Debian's iptables; upnpd uses /var/run
        for name in ("bin", "sbin", "usr/bin", "usr/sbin", "usr/lib", "etc",
                     "lib/functions", "tmp", "run",
                     "dev") + BOUND:
            os.makedirs(self.path(name))
        os.chmod(self.path(""), 0o755)
        for name in glob.glob("/lib/ld-*"):     # not always in lib64
            shutil.copy2(os.path.realpath(name), self.path("lib",
                         os.path.basename(name)))
        os.symlink("/tmp", self.path("var"))
        shutil.copy2(which("busybox"), self.path("bin/busybox"))
        for name in run("busybox", "--list").split():
            if name not in ("logger", "busybox", "sync"):
                os.symlink("busybox", self.path("bin", name))
        # not for the machine's disks
        os.symlink("true", self.path("bin/sync"))
        self.write("etc/passwd", "root:x:0:0:root:/:/bin/ash\n"
                   "nobody:x:65534:65534::/:/bin/false\n"
                   "upnpd:x:450:450::/:/bin/false\n")
        self.write("etc/group", "root:x:0:\nupnpd:x:450:\n")

    def _tools(self):
        for name in ("nft", "xtables-nft-multi", "xtables-legacy-multi"):
            shutil.copy2(os.path.realpath(which(name)),
                         self.path("usr/sbin", name))
        for variant in ("nft", "legacy"):
            for what in ("", "-save", "-restore"):
                os.symlink(f"xtables-{variant}-multi", self.path(
                    "usr/sbin", f"iptables-{variant}{what}"))

    def _copy(self, source, place):
        os.makedirs(os.path.dirname(self.path(place)), exist_ok=True)
        shutil.copy2(source, self.path(place))

    def reset(self):
        """Remove all state of earlier runs."""
        self.reset_ram()
        shutil.rmtree(self.path("etc/upnpd"), ignore_errors=True)
        self.write("etc/config/firewall", FIREWALL)
        self._copy(os.path.join(PACKAGE, "files", "upnpd.config"),
                   "etc/config/upnpd")

    def reset_ram(self):
        """The files after a reboot, when the networks are up."""
        for name in os.listdir(self.path("tmp")):
            if name == "daemon.stderr":
                continue
            if os.path.isdir(self.path("tmp", name)):
                shutil.rmtree(self.path("tmp", name), ignore_errors=True)
            else:
                os.unlink(self.path("tmp", name))
        for name in ("tmp/run", "tmp/procd"):
            os.makedirs(self.path(name))
        self.write("tmp/log", "")
        self.network("wan", "wan0", "11.22.33.1/24")
        self.network("lan", "lan0", "192.168.88.1/24")

    # ---- files ----

    def path(self, *names):
        return os.path.join(self.root, *names)

    def write(self, place, text):
        os.makedirs(os.path.dirname(self.path(place)), exist_ok=True)
        with open(self.path(place), "w") as f:
            f.write(text)

    def read(self, place):
        with open(self.path(place)) as f:
            return f.read()

    def has(self, place):
        return os.path.exists(self.path(place))

    def conf(self):
        """The generated upnpd.conf, or None."""
        return self.read("tmp/etc/upnpd.conf") \
            if self.has("tmp/etc/upnpd.conf") else None

    def conf_lines(self):
        """The lines of upnpd.conf without the comments with UCI sections, or
        None."""
        conf = self.conf()
        return conf and [line.partition(" # uci ")[0]
                         for line in conf.splitlines()]

    def log(self):
        """The lines that scripts wrote to the system log."""
        return self.read("tmp/log")

    # ---- state of netifd ----

    def network(self, name, device=None, subnet="", physical=None):
        """Set logical interface @name up with @device, or down without. netifd
        may know its @physical device even then."""
        shutil.rmtree(self.path("tmp/network", name), ignore_errors=True)
        self.write(f"tmp/network/{name}/up", "1" if device else "0")
        if device:
            self.write(f"tmp/network/{name}/l3_device", device)
        if physical or device:
            self.write(f"tmp/network/{name}/device", physical or device)
        if device:
            self.write(f"tmp/network/{name}/subnet4", subnet)

    # ---- programs ----

    def argv(self, *argv):
        """The command that runs @argv in the root, without a child process."""
        return ["ip", "netns", "exec", self.lab.router.ns, "sh", "-ec", ENTER,
                "sh", self.root, *argv]

    def run(self, *argv, check=True, env=()):
        """Run a program. Return its output, including stderr."""
        return run(*self.argv("env", *env, *argv), check=check, timeout=60)

    def status(self, *argv):
        return subprocess.run(self.argv(*argv), timeout=60,
                              stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode
