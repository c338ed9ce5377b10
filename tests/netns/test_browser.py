# SPDX-License-Identifier: ISC
"""Chromium shows the status page: in both colour schemes, on a phone, by
keyboard, and to a screen reader. PAGE_SHOTS names a folder for the
screenshots."""
import os
import re

import pytest

from browser import Browser
from lab import HOST2_IP, HOST_IP, LAN_IP, run, which
from page import OWN, REFUSED, ROUTER, fetch
from pmp import Pmp, nonce
from test_clients import HERE, NOT_INSTALLED, npm_installed
from upnp import Gateway6, Igd, error_of, http

pytestmark = [pytest.mark.clients, pytest.mark.only("netlink"),
              pytest.mark.lab(bridge=True, ipv6=True)]
URL = f"http://{LAN_IP}:2828/"
PROGRAMS = ["Transmission at 51413", "Xbox-XSTS 3074", "WhatsApp (192.168.88."
            "10:41641) 41641", "qBittorrent/4.6.0 <&\"'>", "", "Spiel \u263a"]


@pytest.fixture
def browser(lab):
    assert which("chromium"), "chromium is not installed"
    with Browser(lab.lan1) as browser:
        yield browser


def shoot(browser, lab, name, whole=True, scroll_to=None, **kw):
    browser.looks(**kw)
    if scroll_to:
        browser.eval(f"document.getElementById({scroll_to!r}"
                     ").scrollIntoView()")
    folder = os.environ.get("PAGE_SHOTS", lab.path("."))
    browser.screenshot(os.path.join(folder, name + ".png"), whole)


def three_ports(lab):
    """A port by each protocol, and one refusal."""
    igd = Igd(lab.lan1)
    igd.call("AddPortMapping", NewRemoteHost="", NewExternalPort=51413,
             NewProtocol="TCP", NewInternalPort=51413,
             NewInternalClient=HOST_IP, NewEnabled=1,
             NewPortMappingDescription="Transmission at 51413",
             NewLeaseDuration=3540)
    with Pmp(lab.lan1) as pmp:
        pmp.map("UDP", 3074, 3074, lifetime=7200)
        pmp.pcp_map("TCP", 6881, 49152, nonce=nonce())
    assert error_of(igd.add, 80)


def many_ports(lab, n):
    """Ports of two hosts."""
    for k in range(n):
        host, ip = (lab.lan1, HOST_IP) if k % 10 == 0 else \
            (lab.lan2, HOST2_IP)
        Igd(host).call(
            "AddPortMapping", NewRemoteHost="", NewExternalPort=20000 + k,
            NewProtocol=("TCP", "UDP")[k % 2], NewInternalPort=20000 + k % 7,
            NewInternalClient=ip, NewEnabled=1,
            NewPortMappingDescription=PROGRAMS[k % len(PROGRAMS)],
            NewLeaseDuration=(0, 600 + k)[k % 5 != 0])


def load(browser):
    """Load the page, and check that it fits into every window."""
    assert browser.open(URL) == 200
    for width in (1000, 360, 280):
        browser.looks(width)
        assert browser.eval("document.documentElement.scrollWidth") <= width
    assert not browser.complaints()


def shoot_all(browser, lab, name, **kw):
    for dark in (False, True):
        colours = "dark" if dark else "light"
        shoot(browser, lab, f"{name}-{colours}", width=1000, dark=dark, **kw)
        shoot(browser, lab, f"{name}-phone-{colours}", width=360, height=740,
              dark=dark, phone=True, **kw)


def test_screenshots(lab, upnpd, browser):
    load(browser)
    shoot_all(browser, lab, "none")
    three_ports(lab)
    Gateway6(lab.lan1).open(8080)
    load(browser)
    shoot_all(browser, lab, "three")


@pytest.mark.conf(status_page="all", max_mappings_per_client=1000)
def test_a_thousand_ports(lab, upnpd, browser):
    many_ports(lab, 1000)
    load(browser)
    assert browser.eval("document.querySelectorAll('tbody tr').length") == \
        1000
    shoot_all(browser, lab, "thousand", whole=False)
    shoot_all(browser, lab, "others", whole=False, scroll_to="others")


@pytest.mark.conf(status_page="all")
def test_valid(lab, upnpd):
    """html-validate judges the page, also its use by a screen reader."""
    assert npm_installed(), NOT_INSTALLED
    pages = {"none": fetch(lab.lan1).body}
    three_ports(lab)
    Gateway6(lab.lan1).open(8080)
    many_ports(lab, 100)
    pages["many"] = fetch(lab.lan1).body
    pages["name"] = http(lab.lan1, "GET", "/", name="router.lan").body
    for name, body in pages.items():
        with open(lab.path(name + ".html"), "wb") as f:
            f.write(body)
    run(f"{HERE}/node/node_modules/.bin/html-validate", "--preset",
        "standard,a11y", *(lab.path(f"{name}.html") for name in pages))


def colour(browser, what, element):
    return browser.eval(f"getComputedStyle(document.querySelector("
                        f"{element!r})).{what}")


def luminance(rgb):
    parts = [int(n) / 255 for n in re.findall(r"\d+", rgb)[:3]]
    parts = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4
             for p in parts]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(a, b):
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_colours(lab, upnpd, browser):
    """The style is the one that the policy allows, and every text is readable:
    WCAG 2.1 1.4.3 wants a contrast of 4.5."""
    three_ports(lab)
    assert browser.open(URL) == 200
    pages = []
    for dark in (False, True):
        browser.looks(1000, dark=dark)
        page = colour(browser, "backgroundColor", "body")
        card = colour(browser, "backgroundColor", "section")
        pages.append(luminance(page))
        for element, on in (("h1", page), ("header a", page), ("p", page),
                            ("footer", page), ("dt", card), ("dd", card),
                            ("thead th", card), ("tbody th", card),
                            ("td", card), ("small", card)):
            assert contrast(colour(browser, "color", element), on) >= 4.5, \
                (dark, element)
    assert pages[0] > 0.8 and pages[1] < 0.05


def test_keyboard(lab, upnpd, browser):
    """The first key reaches the link, which loads the page again."""
    assert browser.open(URL) == 200
    three_ports(lab)
    browser.events.clear()
    browser.key("Tab")
    assert browser.eval("document.activeElement.tagName") == "A"
    assert browser.eval("document.activeElement.matches(':focus-visible')")
    browser.key("Enter")
    browser.wait("Page.loadEventFired")
    assert browser.eval("document.body.innerText").count("TCP 51413") == 1


def test_screen_reader(lab, upnpd, browser):
    """Headings in their order, tables with a name, and a header for each column
    and row."""
    three_ports(lab)
    assert browser.open(URL) == 200
    assert browser.eval("document.documentElement.lang") == "en"
    assert browser.eval("document.title") == "Router: open ports"
    said = browser.spoken()
    assert [name for role, name in said if role == "heading"] == \
        ["Router", ROUTER, OWN, REFUSED]
    assert [name for role, name in said if role == "table"] == [OWN, REFUSED]
    assert [name for role, name in said if role == "columnheader"] == \
        ["Port", "Program", "Opened by", "Time left", "Port", "Reason", "When"]
    assert [name.split()[:2] for role, name in said
            if role == "rowheader"] == [["TCP", "51413"], ["UDP", "3074"],
                                        ["TCP", "49152"], ["TCP", "80"]]
    assert [name for role, name in said if role == "region"] == \
        [ROUTER, OWN, REFUSED]
    roles = [role for role, _ in said]
    for landmark in ("banner", "main", "contentinfo"):
        assert roles.count(landmark) == 1


def test_a_name_leads_to_the_page(lab, upnpd, browser):
    """What people type, router.lan:2828, is answered with a link."""
    browser.close()
    with Browser(lab.lan1, f"--host-resolver-rules=MAP router.lan {LAN_IP}") \
            as browser:
        assert browser.open("http://router.lan:2828/") == 403
        shoot(browser, lab, "name-light", width=1000)
        shoot(browser, lab, "name-phone-dark", width=360, height=740,
              dark=True, phone=True)
        browser.events.clear()
        browser.key("Tab")
        browser.key("Enter")
        browser.wait("Page.loadEventFired")
        assert browser.eval("location.href") == URL
        assert browser.eval("document.title") == "Router: open ports"


def test_a_description_is_text(lab, upnpd, browser):
    """Whatever a program writes, no element and no script comes of it."""
    igd = Igd(lab.lan1)
    nasty = ("<script>document.title='x'</script>", "<img src=x onerror=x()>",
             "</td></table><h2>Win</h2>", "&lt;b&gt;", "\u202egnp.exe",
             "<style>*{display:none}</style>", "\"'><a href=/x>y</a>")
    for k, text in enumerate(nasty):
        igd.call("AddPortMapping", NewRemoteHost="", NewExternalPort=5000 + k,
                 NewProtocol="TCP", NewInternalPort=8080, NewEnabled=1,
                 NewInternalClient=HOST_IP, NewLeaseDuration=0,
                 NewPortMappingDescription=text)
    load(browser)
    assert browser.eval("document.title") == "Router: open ports"
    assert browser.eval("document.querySelectorAll('script, img, td a').length"
                        ) == 0
    assert browser.eval("document.querySelectorAll('h2').length") == 2
    assert browser.eval(
        "[...document.querySelectorAll('td bdi')].map(e => e.textContent)"
    ) == list(nasty)
    shoot(browser, lab, "nasty-light", width=1000)
