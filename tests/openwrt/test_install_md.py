# SPDX-License-Identifier: ISC
"""The commands in docs/install.md, "On OpenWrt", work as written."""
import os
import subprocess

from lab import reaches, wait_until
from router import TREE
from test_fw4 import service_of
from test_migrate import VERSION1
from test_service import answers
from test_uci import CONFIG


def blocks():
    """The indented blocks of the section, each a list of commands."""
    with open(os.path.join(TREE, "docs", "install.md")) as f:
        text = f.read().partition("\n## On OpenWrt\n")[2].partition("\n## ")[0]
    found = [[]]
    for line in text.splitlines():
        if line.startswith("    "):
            found[-1].append(line.strip())
        elif found[-1]:
            found.append([])
    return [block for block in found if block]


def follow(service, commands):
    return [service.procd.call("sh", "-c", command) for command in commands]


def serving(service):
    assert wait_until(lambda: answers(service.procd)), service.told()
    server = service.map(40000)
    assert reaches(service.lab, "TCP", 40000, server), service.told()


def test_commands_to_build(tmp_path):
    """Run those before OpenWrt's own."""
    *commands, compile_it = blocks()[0]
    for folder in "package", "dl":
        os.makedirs(tmp_path / folder)
    for command in commands:
        subprocess.run(
            ["sh", "-e", "-c", command.replace(
                "build/dist", str(tmp_path / "dist"))], check=True, cwd=TREE,
            env={**os.environ, "OPENWRT": str(tmp_path),
                 "MAKEFLAGS": f"BUILD={tmp_path}"}, capture_output=True)
    assert (tmp_path / "package/upnpd/Makefile").is_file()
    assert len(list((tmp_path / "dl").iterdir())) == 1
    assert compile_it == "make -C $OPENWRT package/upnpd/compile"


def test_commands_to_start(lab):
    """upnpd serves with the package's configuration and backend auto, under
    fw4."""
    for service in service_of(lab):
        with open(os.path.join(TREE, "dist/openwrt/files/upnpd.config")) as f:
            service.router.write(CONFIG, f.read())
        *before, status = blocks()[1]
        follow(service, before)
        serving(service)
        (out,) = follow(service, [status])
        assert "wan0" in out, out


def test_commands_to_keep_leases(lab):
    for service in service_of(lab):
        service.start()
        follow(service, blocks()[2])
        assert set(service.procd.instances) == {"instance1", "keep"}
        serving(service)


def test_commands_to_migrate(lab):
    for service in service_of(lab):
        service.router.write(CONFIG, VERSION1)
        service.procd.init("start")
        assert not service.procd.runs()
        assert "upnpd-from-miniupnpd" in service.router.log()
        follow(service, blocks()[3])
        assert wait_until(lambda: answers(service.procd, 5000))
