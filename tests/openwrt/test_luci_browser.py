# SPDX-License-Identifier: ISC
"""Chromium shows the pages of luci-app-upnpd, with the daemon, UCI and rpcd's
plugin behind them. LuCI's classes are those of tests/luci/stub; LUCI names a
checkout of openwrt/luci whose classes are used instead. PAGE_SHOTS names a
folder for screenshots."""
import contextlib
import json
import os
import subprocess
import sys

import pytest

from browser import Browser
from lab import HOST_IP, LAN_IP, wait_until, which
from router import TREE
from test_luci import PLUGIN, Luci
from test_service import served    # noqa: F401
from test_uci import CONFIG
from upnp import UpnpError, http

pytestmark = pytest.mark.clients
WEB = os.path.join(TREE, "tests", "luci", "web.py")
MAPPINGS, REFUSALS = "#upnpd-mappings tr.tr", "#upnpd-refusals tr.tr"
CONF = """
config global 'global'
	option enabled '1'
	option backend 'memory'
	option friendly_name 'Old'
	list rule 'deny 3389 0.0.0.0/0 0-65535'
	list rule 'allow 1024-65535 0.0.0.0/0 1024-65535 disabled "all # of them"'
	list rule 'allow 1024-65535 192.168.88.0/24 1024-65535'

config interface 'wan'
	option network 'wan'
	option type 'external'

config interface 'lan'
	option network 'lan'
	option type 'internal'
"""
HELPERS = """
window.field = (id) => document.getElementById(id) ??
    document.querySelector(`.modal [id$="${id}"]`);
window.fill = (id, value) => {
    const input = field(id).querySelector(
        'input[type=checkbox], select, textarea, input[type=text], input');
    if (field(id).classList.contains('cbi-dropdown'))
        return L.dom.callClassMethod(field(id), 'setValue', value);
    if (input.type == 'checkbox')
        input.checked = value;
    else
        input.value = value;
    for (const kind of ['input', 'keyup', 'change', 'blur'])
        input.dispatchEvent(new Event(kind, {bubbles: kind != 'blur'}));
};
window.rows = (selector) => [...document.querySelectorAll(selector)].slice(1)
    .map((row) => [...row.cells].map((cell) => cell.innerText.trim()));
"""


class Page:
    """The browser on lan1, and a web server on the router."""

    def __init__(self, luci):
        self.luci, self.router = luci, luci.router
        self.lab = luci.router.lab
        self.stack = contextlib.ExitStack()
        self.server = subprocess.Popen(
            ["ip", "netns", "exec", self.lab.router.ns, sys.executable, WEB,
             LAN_IP, "80", self.router.path(CONFIG),
             *self.router.argv("/" + PLUGIN)], text=True,
            stdout=subprocess.PIPE)
        assert self.server.stdout.readline() == "ready\n"
        self.browser = self.stack.enter_context(Browser(self.lab.lan1))
        self.eval = self.browser.eval

    def close(self):
        self.stack.close()
        self.server.kill()
        self.server.wait()
        self.server.stdout.close()

    def open(self, view):
        assert self.browser.open(f"http://{LAN_IP}/view/{view}") == 200
        self.eval(HELPERS)
        self.wait("document.querySelector('#view h2')")

    def wait(self, expression):
        assert wait_until(lambda: self.eval(f"Boolean({expression})")), (
            expression, self.eval("document.body.innerText"),
            self.browser.complaints())

    def rows(self, selector):
        return self.eval(f"rows({selector!r})")

    def fill(self, **values):
        """Fill fields; the key is an identifier, with __ for a dot."""
        for name, value in values.items():
            name = name.replace("__", ".")
            self.eval(f"fill({name!r}, {json.dumps(value)})")

    def click(self, selector):
        self.wait(f"document.querySelector({selector!r})")
        self.eval(f"document.querySelector({selector!r}).click()")

    def uci(self):
        """The sections that the browser has saved: name -> options"""
        found = json.loads(http(self.lab.lan1, "GET", "/test/uci", ip=LAN_IP,
                                port=80).body)
        return {s[".name"]: s for s in found}

    def shoot(self, name):
        if folder := os.environ.get("PAGE_SHOTS"):
            self.browser.looks(1000)
            self.browser.screenshot(os.path.join(folder, name + ".png"))


@pytest.fixture
def page(served):    # noqa: F811
    assert which("chromium"), "chromium is not installed"
    served.router.write(CONFIG, CONF)
    served.init("reload")
    page = Page(Luci(served))
    yield page
    page.close()


def uci_text(sections):
    """As /etc/config has it. The values here have no quote."""
    text = ""
    for section in sections.values():
        text += f"config {section['.type']} '{section['.name']}'\n"
        for name, value in section.items():
            if name[0] != ".":
                values = value if isinstance(value, list) else [value]
                kind = "list" if isinstance(value, list) else "option"
                text += "".join(f"\t{kind} {name} '{v}'\n" for v in values)
    return text


# ---- status ------------------------------------------------------------------

def test_ports_come_and_go(page):
    """Without loading the page again; the button deletes a port."""
    page.router.write("tmp/dhcp.leases",
                      f"1700000000 00:11:22:33:44:55 {HOST_IP} laptop *\n")
    page.open("upnpd/status")
    assert "There are no open ports." in page.rows(MAPPINGS)[0][0]
    assert "11.22.33.1 (wan0)" in page.eval("document.body.innerText")
    page.luci.igd.add(40000)
    page.luci.igd.add(40001)
    page.wait(f"rows({MAPPINGS!r}).length == 2")
    protocol, port, host, by, left, *_ = page.rows(MAPPINGS)[0]
    assert (protocol, port, by, left) == ("TCP", "40000", "UPnP", "no end")
    assert "laptop" in host and HOST_IP in host
    page.shoot("luci-status")
    page.click('[data-key="tcp:40000:0.0.0.0"]')
    page.wait(f"rows({MAPPINGS!r}).length == 1")
    assert list(page.luci.list()) == ["tcp:40001:0.0.0.0"]
    assert not page.browser.complaints()


def test_refusals_have_their_reason(page):
    page.open("upnpd/status")
    with pytest.raises(UpnpError):
        page.luci.igd.add(3389)
    page.wait(f"rows({REFUSALS!r})[0].length == 5")
    when, host, protocol, port, reason = page.rows(REFUSALS)[0]
    assert "ago" in when and host == HOST_IP and port == "3389"
    assert protocol.split() == ["TCP", "UPnP"]
    assert reason.startswith("The rules do not allow this mapping")


def test_a_description_is_text(page):
    texts = ("<img src=x onerror=document.title='x'>",
             "<script>document.title='x'</script>", "</td><td>x", "&lt;b&gt;")
    for k, text in enumerate(texts):
        page.luci.igd.call(
            "AddPortMapping", NewRemoteHost="", NewExternalPort=40000 + k,
            NewProtocol="TCP", NewInternalPort=8000, NewEnabled=1,
            NewInternalClient=HOST_IP, NewLeaseDuration=0,
            NewPortMappingDescription=text)
    page.open("upnpd/status")
    page.wait(f"rows({MAPPINGS!r}).length == {len(texts)}")
    assert [row[5] for row in page.rows(MAPPINGS)] == list(texts)
    assert page.eval("document.title") == "LuCI"
    assert page.eval(
        "document.querySelectorAll('#view img, #view script').length") == 0


def test_error_of_a_deletion_is_shown(page):
    """Another one has deleted the mapping meanwhile."""
    page.luci.igd.add(40000)
    page.open("upnpd/status")
    page.wait("window.late = document.querySelector('[data-key]')")
    page.luci("delete", key="tcp:40000:0.0.0.0")
    page.eval("late.click()")
    page.wait("document.body.innerText.includes("
              "'there is no mapping tcp:40000')")


OVERVIEW = """
L.require('view.status.include.80_upnpd').then(async (part) =>
    document.getElementById('view').replaceChildren(
        await part.render(await part.load())))
"""


def test_overview_has_the_ports(page):
    page.luci.igd.add(40000)
    page.open("upnpd/status")
    page.eval(OVERVIEW)
    page.wait("document.querySelector('#upnpd-overview [data-key]')")
    (row,) = page.rows("#upnpd-overview tr.tr")
    assert row[:2] == ["TCP", "40000"]


def test_stopped_service_has_its_reason(page):
    page.luci.procd.init("stop")
    page.open("upnpd/status")
    said = page.eval("document.body.innerText")
    assert "not running" in said
    assert said.count("/etc/init.d/upnpd start") == 1
    page.shoot("luci-stopped")


def test_reader_cannot_delete(page):
    page.luci.igd.add(40000)
    page.open("upnpd/status?readonly")
    page.wait("document.querySelector('[data-key]')")
    assert page.eval("document.querySelector('[data-key]').disabled")


# ---- settings ----------------------------------------------------------------

def test_settings_are_saved(page):
    """And the service accepts them. A window that closes draws LuCI's form
    again, so it comes first."""
    page.open("upnpd/settings")
    page.wait("field('cbid.json.rule2.comment')")
    page.shoot("luci-settings")
    page.click("#cbi-upnpd-mapping .cbi-button-add")
    page.wait("field('.external_port')")
    page.fill(**{".proto": "udp", ".external_port": "40001",
                 ".to": "192.168.88.10:8000", ".comment": "camera"})
    page.shoot("luci-mapping")
    page.click(".modal .cbi-button-positive")
    page.wait("document.body.innerText.includes('camera')")
    page.click("#cbi-upnpd-lan .cbi-button-edit, "
               "tr[data-sid=lan] .cbi-button-edit")
    page.wait("field('.network')")
    page.shoot("luci-interface")
    page.fill(**{".disabled": False})
    page.click(".modal .cbi-button-positive")
    page.wait("!document.body.classList.contains('modal-overlay-active')")
    page.fill(cbid__upnpd__global__friendly_name="Attic",
              cbid__upnpd__global__nat_pmp=False,
              cbid__upnpd__global__max_lease="3600",
              cbid__upnpd__global__status_page="all",
              cbid__json__rule1__enabled=True,
              cbid__json__rule2__network="2001:db8::/32",
              cbid__json__rule2__comment="it has \"quotes\"")
    page.click(".cbi-button-save")
    check_saved(page)


SAVED = {
    "global": {
        "friendly_name": "Attic", "nat_pmp": "0", "status_page": "all",
        "max_lease": "3600", "rule": [
            "deny 3389 0.0.0.0/0 0-65535",
            'allow 1024-65535 0.0.0.0/0 1024-65535 "all # of them"',
            'allow 1024-65535 2001:db8::/32 1024-65535 '
            '"it has \\"quotes\\""']},
    "interface": {"network": "lan", "type": "internal"},
    "mapping": {"comment": "camera", "external_port": "40001",
                "proto": "udp", "to": "192.168.88.10:8000"},
}


def is_saved(sections):
    """The browser saves one option after the other."""
    return all(any(section[".type"] == kind and
                   all(section.get(k) == v for k, v in options.items())
                   for section in sections.values())
               for kind, options in SAVED.items())


def check_saved(page):
    assert wait_until(lambda: is_saved(page.uci())), page.uci()
    saved = page.uci()
    assert len(saved) == 4
    assert "upnp" not in saved["global"]    # the default is not written
    page.router.write(CONFIG, uci_text(saved))
    page.luci.procd.event("config.change", "upnpd")
    assert wait_until(lambda: "udp:40001:0.0.0.0" in page.luci.list())
    shown = json.loads(page.router.run("upnpctl", "--json", "print"))
    assert (shown["friendly-name"], shown["nat-pmp"], shown["max-lease"]) == \
        ("Attic", False, 3600)
    assert [rule["comment"] for rule in shown["rules"]] == \
        ["", "all # of them", 'it has "quotes"']


@pytest.mark.parametrize("name,value", (
    ("cbid.upnpd.global.max_lease", "0"),
    ("cbid.upnpd.global.http_port", "65536"),
    ("cbid.upnpd.global.uuid", "x"),
    ("cbid.json.rule0.network", "192.168.88.1/24"),
    ("cbid.json.rule0.external_ports", "2-1"),
    ("cbid.json.rule0.internal_ports", "")))
def test_wrong_values_are_not_saved(page, name, value):
    before = page.uci()
    page.open("upnpd/settings")
    page.wait("field('cbid.json.rule2.comment')")
    page.eval(f"fill({name!r}, {value!r})")
    page.wait(f"field({name!r}).querySelector('.cbi-input-invalid')")
    page.click(".cbi-button-save")
    page.wait("document.body.classList.contains('modal-overlay-active')")
    assert page.uci() == before


def test_file_of_miniupnpd_is_explained(page):
    page.server.kill()
    page.server.wait()
    page.router.write(CONFIG, "config upnpd 'config'\n"
                      "\toption enabled '1'\n")
    with contextlib.closing(Page(page.luci)) as other:
        assert other.browser.open(f"http://{LAN_IP}/view/upnpd/settings")
        other.wait("document.body.innerText.includes("
                   "'upnpd-from-miniupnpd')")
        assert not other.eval("document.querySelector('.cbi-page-actions "
                              "button')")
