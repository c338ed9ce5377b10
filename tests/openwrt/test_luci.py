# SPDX-License-Identifier: ISC
"""rpcd's plugin of luci-app-upnpd, under busybox's shell, with the daemon as
the service starts it. rpcd is a stand-in."""
import json
import os
import sys

import pytest

from lab import HOST_IP, run, wait_until
from router import TREE
from test_service import answers, served    # noqa: F401
from test_uci import CONFIG
from upnp import Igd, UpnpError

sys.path.append(os.path.join(TREE, "tests", "luci"))
from rpcd import INVALID_ARGUMENT, METHOD_NOT_FOUND, OK, Rpcd  # noqa: E402

APP = os.path.join(TREE, "dist", "openwrt", "luci-app-upnpd")
PLUGIN = "usr/libexec/rpcd/luci.upnpd"
MAPPING = """
config mapping 'camera'
	option proto 'udp'
	option external_port '40001'
	option to '192.168.88.10:8000'
"""


def install(router):
    """Put the plugin into the router. Return: Rpcd"""
    with open(os.path.join(APP, "root", PLUGIN)) as f:
        router.write(PLUGIN, f.read())
    os.chmod(router.path(PLUGIN), 0o755)
    return Rpcd(*router.argv("/" + PLUGIN))


class Luci:
    def __init__(self, procd):
        self.procd, self.router = procd, procd.router
        self.rpcd = install(procd.router)
        self.igd = Igd(procd.router.lab.lan1)

    def __call__(self, method, **args):
        """Call a method, which must succeed. Return the answer."""
        with self.procd.at_work():
            status, answer = self.rpcd.call(method, **args)
        assert status == OK
        return answer

    def list(self):
        """The mappings: key -> mapping"""
        answer = self("list")
        assert answer["faults"] == []
        return {m["key"]: m for m in answer["mappings"]}


@pytest.fixture
def luci(served):    # noqa: F811
    return Luci(served)


def acl(kind):
    name = os.path.join(APP, "root/usr/share/rpcd/acl.d/luci-app-upnpd.json")
    with open(name) as f:
        return json.load(f)["luci-app-upnpd"][kind]["ubus"]["luci.upnpd"]


def test_acl_names_each_method_once(shared):
    """To delete is to write."""
    methods = set(install(shared).methods)
    assert set(acl("write")) == {"delete"}
    assert set(acl("read")) == methods - {"delete"}


def test_menu_leads_to_views():
    name = os.path.join(APP, "root/usr/share/luci/menu.d/luci-app-upnpd.json")
    with open(name) as f:
        menu = json.load(f)
    views = [entry["action"]["path"] for entry in menu.values()
             if entry["action"]["type"] == "view"]
    assert len(views) == 2
    for view in views:
        assert os.path.isfile(os.path.join(
            APP, "htdocs/luci-static/resources/view", view + ".js"))


def test_status_and_list(luci):
    luci.igd.add(40000)
    answer = luci("status")
    assert answer["faults"] == []
    assert answer["status"]["running"] is True
    assert answer["status"]["external"]["interface"] == "wan0"
    assert answer["status"]["mappings"]["count"] == 1
    (mapping,) = luci.list().values()
    assert (mapping["protocol"], mapping["external-port"],
            mapping["to-address"], mapping["origin"]) == \
        ("tcp", 40000, HOST_IP, "upnp")


def test_names_of_hosts(luci):
    luci.router.write("tmp/dhcp.leases",
                      f"1700000000 00:11:22:33:44:55 {HOST_IP} laptop *\n")
    luci.igd.add(40000)
    with pytest.raises(UpnpError):
        luci.igd.add(80)
    (mapping,) = luci.list().values()
    assert mapping["to-name"] == "laptop"
    assert luci("refusals")["refusals"][0]["by-name"] == "laptop"


def test_refusals(luci):
    assert luci("refusals") == {"refusals": [], "faults": []}
    with pytest.raises(UpnpError):
        luci.igd.add(80)
    (refusal,) = luci("refusals")["refusals"]
    assert (refusal["reason"], refusal["external-port"]) == ("rule", 80)


def test_delete(luci):
    for port in (40000, 40001):
        luci.igd.add(port)
    key, other = luci.list()
    assert luci("delete", key=key) == {"removed": True, "faults": []}
    assert set(luci.list()) == {other}
    answer = luci("delete", key=key)
    assert answer["removed"] is False
    assert "there is no mapping tcp:40000" in answer["faults"][0]["error"]


def test_delete_of_a_static_mapping_changes_uci(luci):
    luci.router.write(CONFIG, luci.router.read(CONFIG) + MAPPING)
    luci.procd.init("reload")
    assert wait_until(luci.list)
    (key,) = luci.list()
    assert luci("delete", key=key)["removed"] is True
    assert "camera" not in luci.router.read(CONFIG)
    assert luci.list() == {}


def test_a_description_is_data(luci):
    """No text of the LAN ends the JSON or reaches a shell."""
    texts = ['"; touch /tmp/pwned; "', "$(touch /tmp/pwned)", "a\\", "\u00e9\u263a",
             "' \" </script>"]
    for i, text in enumerate(texts):
        luci.igd.call(
            "AddPortMapping", NewRemoteHost="", NewExternalPort=40000 + i,
            NewProtocol="TCP", NewInternalPort=8000, NewEnabled=1,
            NewInternalClient=HOST_IP, NewLeaseDuration=0,
            NewPortMappingDescription=text)
    assert [m["description"] for m in luci.list().values()] == texts
    assert not luci.router.has("tmp/pwned")


NO_KEYS = (
    "", "all", "0", "0,1", "tcp:40000,udp:1", "tcp:40000 all",
    "tcp:40000\nall", "tcp:$(touch /tmp/pwned)", "tcp:`touch /tmp/pwned`",
    "tcp:1;touch /tmp/pwned", "--json", "-f/tmp/x", "tcp:'", 'tcp:"', "tcp:\\",
    "[find dynamic]", "tcp:" + "1" * 5000, 'x","key":"tcp:40000')


def test_other_keys_are_refused(shared):
    """upnpctl is called for none of them: the daemon does not run, and the error
    would be another."""
    rpcd = install(shared)
    for key in NO_KEYS:
        assert rpcd.call("delete", key=key) == (OK, {
            "removed": False, "faults": [
                {"error": "this is no key of a mapping", "status": 2}]}), key
    assert not shared.has("tmp/pwned")


def test_wrong_calls(shared):
    rpcd = install(shared)
    assert rpcd.call("delete", key=1)[0] == INVALID_ARGUMENT
    assert rpcd.call("delete", key="tcp:1", more="x")[0] == INVALID_ARGUMENT
    assert rpcd.call("nothing")[0] == METHOD_NOT_FOUND
    assert rpcd.call("delete")[1]["removed"] is False
    assert shared.status("/" + PLUGIN) == 1
    assert shared.status("/" + PLUGIN, "call", "nothing") == 1


def test_without_a_daemon(shared):
    rpcd = install(shared)
    answer = rpcd.call("status")[1]
    assert answer["status"]["running"] is False and answer["faults"] == []
    for method in ("list", "refusals"):
        answer = rpcd.call(method)[1]
        assert answer[{"list": "mappings"}.get(method, method)] is None
        assert "upnpd is not running" in answer["faults"][0]["error"]
    answer = rpcd.call("delete", key="tcp:40000:0.0.0.0")[1]
    assert answer["removed"] is False and len(answer["faults"]) == 1


def test_without_upnpctl(shared):
    rpcd = install(shared)
    shared.run("mv", "/usr/sbin/upnpctl", "/tmp/upnpctl")
    try:
        assert rpcd.call("list")[1] == {"mappings": None, "faults": []}
        assert rpcd.call("delete", key="tcp:1")[1] == \
            {"removed": False, "faults": []}
    finally:
        shared.run("mv", "/tmp/upnpctl", "/usr/sbin/upnpctl")


def test_answer_fits_into_a_message_of_ubus(luci):
    """However many mappings there are: the answer has the first 500."""
    luci.procd.router.run("uci", "set", "upnpd.global.max_mappings=2000")
    luci.procd.router.run("uci", "set",
                          "upnpd.global.max_mappings_per_client=2000")
    luci.procd.router.run("uci", "commit", "upnpd")
    luci.procd.init("reload")
    assert wait_until(lambda: (luci("status")["status"]["mappings"] or {}).get(
        "max") == 2000)
    assert wait_until(lambda: answers(luci.procd))
    for port in range(510):
        luci.igd.call(
            "AddPortMapping", NewRemoteHost="", NewExternalPort=40000 + port,
            NewProtocol="TCP", NewInternalPort=8000, NewEnabled=1,
            NewInternalClient=HOST_IP, NewLeaseDuration=0,
            NewPortMappingDescription="\u263a" * 85)
    assert len(luci.list()) == 500
    assert luci("status")["status"]["mappings"]["count"] == 510


def test_package(tmp_path):
    """What the feed's luci.mk reads. The feed finds packages by the last
    line."""
    mk = tmp_path / "luci.mk"
    mk.write_text("$(foreach v,LUCI_TITLE LUCI_DEPENDS LUCI_PKGARCH "
                  "PKG_LICENSE,$(info $(v)=$($(v))))\nall:\n")
    (tmp_path / "rules.mk").touch()
    told = run("make", "-s", "-C", APP, f"TOPDIR={tmp_path}", f"LUCI_MK={mk}")
    assert "LUCI_DEPENDS=+luci-base +upnpd\nLUCI_PKGARCH=all\n" in told
    assert "LUCI_TITLE=LuCI support for upnpd" in told
    with open(os.path.join(APP, "Makefile")) as f:
        assert f.read().endswith("# call BuildPackage - OpenWrt buildroot "
                                 "signature\n")
    assert os.access(os.path.join(APP, "root", PLUGIN), os.X_OK)
