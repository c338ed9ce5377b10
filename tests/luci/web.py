#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A stand-in for LuCI's web server: pages, scripts, and ubus for the browser.

usage: web.py ADDRESS PORT CONFIG PLUGIN...

CONFIG is a file of UCI; the server keeps what the browser changes in memory.
PLUGIN is the command that runs a program of rpcd. GET /test/uci returns the sections as JSON. LUCI
names a checkout of openwrt/luci: then its classes are served instead of the
stub's.
"""
import http.server
import json
import os
import shlex
import sys

from rpcd import OK, METHOD_NOT_FOUND, Rpcd

HERE = os.path.dirname(os.path.abspath(__file__))
APP = os.path.join(HERE, "..", "..", "dist", "openwrt", "luci-app-upnpd")
STUB = os.path.join(HERE, "stub")
BASE = "modules/luci-base/htdocs/luci-static"
THEME = "themes/luci-theme-bootstrap/htdocs/luci-static"

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>LuCI</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/luci-static/bootstrap/cascade.css">
<script src="/luci-static/resources/cbi.js"></script>
<script src="/luci-static/resources/luci.js"></script>
<script>L = new LuCI(%s);</script></head>
<body><header><a class="brand" href="/">router</a></header>
<div id="maincontent" class="container"><div id="tabmenu"></div>
<div id="view"><script>
L.require('ui').then((ui) => ui.instantiateView('%s'));
</script></div></div></body></html>
"""
ENV = {
    "media": "/luci-static/bootstrap", "resource": "/luci-static/resources",
    "base_url": "/luci-static/resources", "scriptname": "/cgi-bin/luci",
    "pathinfo": "", "documentroot": "/www", "requestpath": [],
    "dispatchpath": ["admin"], "pollinterval": 1, "ubuspath": "/ubus/",
    "sessionid": "0" * 32, "token": "0" * 32, "apply_rollback": 90,
    "apply_holdoff": 1, "apply_timeout": 1, "apply_display": 1.5,
}


# ---- UCI -------------------------------------------------------------------

class Uci:
    """One package. @sections: [{".type", ".name", ".anonymous", options}]"""

    def __init__(self, path):
        self.sections, self.made = [], 0
        with open(path) as f:
            for line in f:
                self._read(shlex.split(line, comments=True))

    def _read(self, words):
        if words[:1] == ["config"]:
            self.add(words[1], *words[2:])
        elif words[:1] == ["option"]:
            self.sections[-1][words[1]] = words[2]
        elif words[:1] == ["list"]:
            self.sections[-1].setdefault(words[1], []).append(words[2])

    def add(self, kind, name=None, values=None):
        self.made += 1
        section = {".type": kind, ".anonymous": not name,
                   ".name": name or "cfg%02x" % self.made}
        self.sections.append({**section, **(values or {})})
        return {"section": section[".name"]}

    def find(self, name):
        return next(s for s in self.sections if s[".name"] == name)

    def call(self, method, args):
        if args.get("config") not in (None, "upnpd"):
            return {"values": {}}
        if method == "get":
            return {"values": {s[".name"]: {**s, ".index": i}
                               for i, s in enumerate(self.sections)}}
        if method == "add":
            return self.add(args["type"], args.get("name"),
                            args.get("values"))
        if method == "set":
            self.find(args["section"]).update(args["values"])
        elif method == "delete":
            self.delete(args)
        elif method == "order":
            self.sections.sort(key=lambda s: args["sections"].index(
                s[".name"]))
        return {"changes": {}} if method == "changes" else {}

    def delete(self, args):
        section = self.find(args["section"])
        names = args.get("options", [args.get("option")])
        if names == [None]:
            self.sections.remove(section)
        else:
            for name in names:
                section.pop(name, None)


# ---- ubus ------------------------------------------------------------------

NETWORKS = (("wan", "wan0"), ("lan", "lan0"), ("guest", "lan1"))
OTHERS = {
    ("luci", "getFeatures"): {},
    ("luci-rpc", "getBoardJSON"): {},
    ("luci-rpc", "getHostHints"): {},
    ("luci-rpc", "getWirelessDevices"): {},
    ("luci-rpc", "getNetworkDevices"): {
        device: {"name": device, "up": True, "type": "ethernet",
                 "devtype": "ethernet", "flags": {"up": True}}
        for _, device in NETWORKS},
    ("network", "get_proto_handlers"): {"static": {}, "dhcp": {}},
    ("network.interface", "dump"): {"interface": [
        {"interface": network, "up": True, "proto": "static",
         "l3_device": device, "device": device}
        for network, device in NETWORKS]},
}


class Ubus:
    def __init__(self, uci, rpcd):
        self.uci, self.rpcd = uci, rpcd

    def call(self, name, method, args):
        args.pop("ubus_rpc_session", None)
        if (name, method) == ("session", "access"):
            return OK, {"access": True}
        if name == "luci.upnpd":
            return self.rpcd.call(method, **args)
        if name == "uci" and args.get("config") == "network":
            return OK, {"values": {n: {
                ".type": "interface", ".name": n, ".index": i,
                ".anonymous": False, "proto": "static", "device": d}
                for i, (n, d) in enumerate(NETWORKS)}}
        if name == "uci":
            return OK, self.uci.call(method, args)
        if (name, method) in OTHERS:
            return OK, OTHERS[name, method]
        return METHOD_NOT_FOUND, {}

    def answer(self, request):
        if isinstance(request, list):
            return [self.answer(one) for one in request]
        reply = {"jsonrpc": "2.0", "id": request["id"]}
        if request["method"] != "call":
            return {**reply, "result": {}}
        _, name, method, args = request["params"]
        status, data = self.call(name, method, args)
        return {**reply, "result": [status, data] if status == OK else
                [status]}


# ---- HTTP ------------------------------------------------------------------

def folders():
    yield os.path.join(APP, "htdocs", "luci-static")
    luci = os.environ.get("LUCI")
    for folder in ([os.path.join(luci, BASE), os.path.join(luci, THEME)]
                   if luci else [STUB]):
        yield folder


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def send(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        path = self.path.partition("?")[0]
        if path == "/test/uci":
            self.send(200, "application/json",
                      json.dumps(self.server.ubus.uci.sections).encode())
        elif path.startswith("/view/"):
            env = {**ENV, "nodespec": {
                "satisfied": True, "readonly": "readonly" in self.path}}
            page = PAGE % (json.dumps(env), path[len("/view/"):])
            self.send(200, "text/html", page.encode())
        else:
            self.send_file(path)

    def send_file(self, path):
        kinds = {".js": "text/javascript", ".css": "text/css",
                 ".svg": "image/svg+xml"}
        for folder in folders():
            name = folder + path.removeprefix("/luci-static")
            if path.startswith("/luci-static/") and os.path.isfile(name):
                with open(name, "rb") as f:
                    return self.send(200, kinds.get(os.path.splitext(name)[1],
                                                    "text/plain"), f.read())
        return self.send(404, "text/plain", b"")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send(200, "application/json", json.dumps(
            self.server.ubus.answer(json.loads(body))).encode())

    def log_message(self, *args):
        pass


def main(address, port, config, *plugin):
    server = http.server.ThreadingHTTPServer((address, int(port)), Handler)
    server.ubus = Ubus(Uci(config), Rpcd(*plugin))
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
