# SPDX-License-Identifier: ISC
"""The OpenRC script starts, checks, reloads, restarts and stops upnpd.
Debian's OpenRC runs it; it is unpacked but not installed, because it would
replace this machine's init."""
import os
import subprocess

import pytest

from daemon import ROOT, UPNPD
from lab import run

pytestmark = pytest.mark.only("netlink")

CONF = """\
enabled = yes
allow-disable-external-interface = no
backend = netlink
[interface wan0]
type = external
[interface lan0]
type = internal
"""

COMMON = """\
says() { upnpctl status | grep -q "$1"; }
soon() { for i in $(seq 1200); do "$@" && return; sleep 0.05; done; "$@"; }
fails() { if "$@"; then echo "$* went well"; exit 1; fi; }
"""

PLAIN = COMMON + """\
rc-service upnpd checkconfig
rc-service upnpd start
rc-service upnpd status
soon says 'engine: serving'
old=$(cat /run/upnpd.pid)
rc-service upnpd reload
soon says 'last-reload: succeeded'
cp /etc/upnpd.conf /etc/good.conf
echo nonsense = 1 >> /etc/upnpd.conf
fails rc-service upnpd checkconfig
fails rc-service upnpd reload
fails rc-service upnpd restart
says 'engine: serving'
test "$(cat /run/upnpd.pid)" = "$old"
cp /etc/good.conf /etc/upnpd.conf
rc-service upnpd restart
soon says 'engine: serving'
test "$(cat /run/upnpd.pid)" != "$old"
rc-service upnpd stop
fails rc-service upnpd status
fails pgrep -x upnpd
"""

SUPERVISED = COMMON + """\
echo supervisor=supervise-daemon > /etc/conf.d/upnpd
rc-service upnpd start
soon says 'engine: serving'
# the monitor writes it when the engine has told that it serves
soon test -s /run/upnpd.pid
old=$(cat /run/upnpd.pid)
rc-service upnpd reload
soon says 'last-reload: succeeded'
kill -9 "$old"
again() {
	test -s /run/upnpd.pid && test "$(cat /run/upnpd.pid)" != "$old" &&
		says 'engine: serving'
}
soon again
rc-service upnpd stop
fails pgrep -x upnpd
"""


@pytest.fixture
def tree(lab):
    """OpenRC, and upnpd as `make install-openrc` installs it."""
    tree, debs = lab.path("tree"), lab.path("debs")
    os.makedirs(debs)
    subprocess.run(["apt-get", "-qq", "download", "openrc", "librc1",
                    "libeinfo1"], cwd=debs, check=True)
    for deb in os.listdir(debs):
        run("dpkg-deb", "-x", os.path.join(debs, deb), tree)
    run("make", "-s", "-C", ROOT, "install-openrc", "PREFIX=/usr",
        f"DESTDIR={tree}", f"BUILD={os.path.dirname(UPNPD)}")
    with open(os.path.join(tree, "etc/upnpd.conf"), "w") as f:
        f.write(CONF)
    return tree


@pytest.mark.parametrize("script", (PLAIN, SUPERVISED),
                         ids=("plain", "supervised"))
def test_service_commands(lab, tree, script):
    with open(lab.path("script"), "w") as f:
        f.write(script)
    done = subprocess.run(
        ["nsenter", f"--net=/run/netns/{lab.router.ns}",
         os.path.join(ROOT, "tests/netns/openrc-boot"), lab.path("machine"),
         tree, lab.path("script")], text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    print(done.stdout)
    assert done.returncode == 0
    assert lab.rules() == lab.pristine
