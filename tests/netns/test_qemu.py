# SPDX-License-Identifier: ISC
"""A router in a virtual machine boots, serves a real client and powers off. It
has Debian's kernel, busybox's init, upnpd started by dist/busybox/S60upnpd,
and two network cards in the lab."""
import contextlib
import glob
import os
import re
import subprocess

import pytest

from busybox import BUSYBOX, INITTAB, STATIC, Root, write
from daemon import UPNPD, Daemon, upnpc
from firewall import IPTABLES, NFT
from lab import (EXT_IP, HOST_IP, LAN_IP, OUT_IP, Lab, blocked, listener,
                 reaches, wait_until, which)
from upnp import Igd, Listener

QEMU = which("qemu-system-x86_64")
KERNEL = os.path.join(os.path.dirname(UPNPD), "kernel")
PATIENCE = 300.0    # without KVM it boots in a minute, if little else runs

NEEDED = (
    (os.uname().machine == "x86_64", "this machine is not x86-64"),
    (QEMU, "qemu-system-x86_64 is not installed"),
    (which("cpio"), "cpio is not installed"),
    (BUSYBOX, "busybox is not installed"),
    (os.access(STATIC, os.X_OK), f"{STATIC} is not built"),
    (glob.glob(f"{KERNEL}/boot/vmlinuz-*"),
     f"Debian's kernel is not in {KERNEL}: make debian-kernel"),
    (os.path.exists("/dev/net/tun"), "this kernel has no tap interfaces"),
)
pytestmark = [pytest.mark.clients, *(
    pytest.mark.skipif(not there, reason=why) for there, why in NEEDED)]

MODULES = {
    "": "virtio_net virtio_pci nf_conntrack nf_nat nf_conntrack_netlink",
    "netlink": "nf_tables nft_ct nft_chain_nat nft_nat nft_masq",
    "iptables-legacy": "iptable_filter iptable_nat xt_conntrack xt_nat "
                       "xt_MASQUERADE xt_tcpudp xt_comment xt_addrtype",
    "iptables-nft": "nf_tables nft_compat nft_chain_nat xt_conntrack xt_nat "
                    "xt_MASQUERADE xt_tcpudp xt_comment xt_addrtype",
}
RULES = {
    "netlink": ("nft -f", NFT),
    "iptables-legacy": ("iptables-legacy-restore", IPTABLES),
    "iptables-nft": ("iptables-nft-restore", IPTABLES),
}

# The kernel starts this script, which opens the console for init.
INIT = """\
#!/bin/sh
mount -t devtmpfs dev /dev
exec /sbin/init < /dev/console > /dev/console 2>&1
"""
# Does the work of a router's other scripts: drivers, addresses, the firewall.
ROUTER = """\
#!/bin/sh
[ "$1" = start ] || exit 0
for module in {modules}; do
    insmod /lib/modules/$module.ko || echo "insmod $module"
done
ip link set lo up
ip link set eth0 name lan0
ip link set eth1 name wan0
ip addr add {lan}/24 dev lan0
ip addr add {ext}/24 dev wan0
ip link set lan0 up
ip link set wan0 up
ip route add default via {out}
echo 1 > /proc/sys/net/ipv4/ip_forward
{firewall} /etc/firewall
"""


class NoFirewall:
    """The lab's router only bridges here, and has no rules."""
    name = "none"

    def build(self, router):
        pass

    def snapshot(self, router):
        return ""


class Kernel:
    """Debian's kernel, unpacked in KERNEL."""

    def __init__(self):
        self.image = glob.glob(f"{KERNEL}/boot/vmlinuz-*")[0]
        self.files = {os.path.basename(name).split(".ko")[0]: name for name in
                      glob.glob(f"{KERNEL}/lib/modules/*/kernel/**/*.ko",
                                recursive=True)}

    def closure(self, names):
        """The modules of these names, each after those that it depends on.
        Names without a file are built into the kernel."""
        found = []

        def visit(name):
            if name not in self.files or name in found:
                return
            with open(self.files[name], "rb") as f:
                info = re.search(rb"\0depends=([^\0]*)\0", f.read())
            for other in info[1].decode().split(",") if info else ():
                visit(other.replace("-", "_"))
            found.append(name)
        self.files.update({name.replace("-", "_"): path for name, path in
                           list(self.files.items())})
        for name in names:
            visit(name)
        return found


def make_image(lab, backend):
    """Make the root file system as an initramfs. Return the names of the
    kernel and the initramfs."""
    kernel = Kernel()
    root = Root(lab.path("root"), backend, lacks=["syslogd"])
    modules = kernel.closure(f"{MODULES['']} {MODULES[backend]}".split())
    for name in modules:
        os.makedirs(root.at("lib/modules"), exist_ok=True)
        os.symlink(kernel.files[name], root.at(f"lib/modules/{name}.ko"))
    tool, rules = RULES[backend]
    if tool == "nft -f":    # for the router's own rules; upnpd needs no nft
        root.add_program(which("nft"))
    write(root.at("etc/firewall"), rules)
    write(root.at("init"), INIT, 0o755)
    write(root.at("etc/inittab"), INITTAB + "::respawn:/bin/sh\n")
    write(root.at("etc/init.d/S10router"), ROUTER.format(
        modules=" ".join(modules), lan=LAN_IP, ext=EXT_IP, out=OUT_IP,
        firewall=tool), 0o755)
    return kernel.image, pack(root.path, lab.path("initrd"))


def pack(path, image):
    """Pack folder @path as cpio file @image, with copies of the linked
    modules."""
    for link in glob.glob(f"{path}/lib/modules/*.ko"):
        target = os.readlink(link)
        os.unlink(link)
        subprocess.run(["cp", target, link], check=True)
    with open(image, "wb") as f:
        subprocess.run("find . | cpio --quiet -o -H newc", shell=True,
                       cwd=path, stdout=f, check=True)
    return image


class Machine(Daemon):
    """A virtual machine with two cards, each bridged to one of the lab's
    wires."""

    def wire(self):
        for name in ("lan", "wan"):
            self.lab.router.ip_batch(
                f"addr flush dev {name}0", f"tuntap add {name}tap mode tap",
                f"link add {name}br type bridge mcast_snooping 0",
                f"link set {name}tap master {name}br up",
                f"link set {name}0 master {name}br up",
                f"link set {name}br up")
            self.lab.router.sysctl("net.bridge.bridge-nf-call-iptables", 0,
                                   optional=True)

    def boot(self, kernel, initrd):
        self.wire()
        # not KVM, which may fail on a machine that is itself a guest
        argv = [QEMU, "-M", "q35", "-accel", "tcg,tb-size=64", "-cpu", "max",
                "-m", "256", "-nodefaults", "-no-reboot",
                "-display", "none", "-serial", "stdio", "-kernel", kernel,
                "-initrd", initrd, "-append",
                # quiet, or kernel messages would mix with the console's
                "console=ttyS0 quiet panic=-1 mitigations=off"]
        for n, name in enumerate(("lan", "wan")):
            argv += ["-netdev", f"tap,id=n{n},ifname={name}tap,script=no,"
                     "downscript=no", "-device",
                     f"virtio-net-pci,netdev=n{n},mac=52:54:00:00:00:0{n + 1},"
                     "romfile="]
        with open(self.logfile, "ab") as log:
            self.proc = subprocess.Popen(
                ["ip", "netns", "exec", self.lab.router.ns, *argv],
                stdin=subprocess.PIPE, stdout=log, stderr=log, text=True,
                bufsize=1, start_new_session=True)
        assert wait_until(lambda: self.proc.poll() is not None or
                          self.wait_log("^booted", 1), PATIENCE), self.log()
        assert self.running(), self.log()

    def type(self, command):
        """Type on its console; the output is in the log."""
        self.proc.stdin.write(command + "\n")

    def says(self, command, pattern):
        """Type @command until a line of its output matches @pattern. A tool in
        the slow machine may miss its deadline."""
        def ask():
            self.type(command)
            return self.wait_log(pattern, 10)
        assert wait_until(ask, PATIENCE), self.log()


@pytest.fixture
def machine(backend):
    with Lab(NoFirewall()) as lab:
        machine = Machine(lab)
        yield machine
        if machine.running():
            machine.proc.kill()
            machine.proc.wait()
        print(machine.log())


def insist(lab, works, *argv):
    """Run a real client until @works(), as a user would. A tool in the slow
    machine may miss its deadline."""
    def once():
        with contextlib.suppress(RuntimeError):
            print(upnpc(lab.lan1, *argv))
        return works()
    assert wait_until(once, PATIENCE)


@pytest.mark.only("netlink", "iptables-legacy")
def test_router_in_a_virtual_machine(machine, backend):
    lab = machine.lab
    ear = Listener(lab.lan1)
    machine.boot(*make_image(lab, backend))
    machine.says("upnpctl resync; upnpctl status", "firewall: as it should be")
    assert wait_until(lambda: ear.of("ssdp:alive"))
    # without syslogd, upnpd logs to the kernel's log
    machine.says("dmesg", r"\] upnpd\[\d+\]: serving on port 2828")
    with listener(lab.lan1, "TCP", 8000) as server:
        assert blocked(lab, "TCP", 40000, server)
        insist(lab, lambda: reaches(lab, "TCP", 40000, server),
               "-e", "game", "-a", HOST_IP, "8000", "40000", "TCP")
        opened = ("TCP", 40000, HOST_IP, 8000)
        assert Igd(lab.lan1).mapped() == {opened}
        machine.says("uname -a; upnpctl mappings print",
                     rf"tcp +40000 +{HOST_IP}:8000")
        insist(lab, lambda: opened not in Igd(lab.lan1).mapped(),
               "-d", "40000", "TCP")
        assert blocked(lab, "TCP", 40000, server)
    machine.type("poweroff")
    assert machine.wait_exit(PATIENCE) == 0
    assert ear.of("ssdp:byebye")
    ear.close()
