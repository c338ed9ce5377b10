# SPDX-License-Identifier: ISC
"""Jami, whose daemon D-Bus starts: client_jami.py SERVER, under
dbus-run-session. An account of SIP at that server maps the ports of its calls.
Prints "added"; removes the account at the end of stdin, which deletes the
mappings, prints "removed" and waits to be killed."""
import signal
import sys
import time

from gi.repository import Gio, GLib

JAMI = "cx.ring.Ring"
bus = Gio.bus_get_sync(Gio.BusType.SESSION)


def call(name, kind=None, *args):
    """Call a method. The daemon may still be starting."""
    for left in reversed(range(300)):
        try:
            answer = bus.call_sync(
                JAMI, "/cx/ring/Ring/ConfigurationManager",
                JAMI + ".ConfigurationManager", name,
                GLib.Variant(kind, args) if kind else None, None, 0, 60000)
            return answer.unpack()
        except GLib.Error:
            if not left:
                raise
            time.sleep(0.1)


call("getAccountList")
details, = call("getAccountTemplate", "(s)", "SIP")
details.update({"Account.type": "SIP", "Account.alias": "a caller",
                "Account.hostname": sys.argv[1], "Account.username": "caller",
                "Account.upnpEnabled": "true", "Account.enable": "true",
                "Account.localInterface": "eth0"})
account, = call("addAccount", "(a{ss})", details)
print("added", flush=True)
sys.stdin.read()
call("removeAccount", "(s)", account)
print("removed", flush=True)
signal.pause()
