# SPDX-License-Identifier: ISC
"""A torrent program: client_torrent.py ADDRESS PORT [upnp|natpmp]. libtorrent
listens there and maps the port on its own, by UPnP or by PCP and NAT-PMP.
Prints "started", then "mapped PROTOCOL PORT" for each, deletes the mappings at
the end of stdin, and waits to be killed. If it starts slowly, it prints its
stack."""
import faulthandler
import select
import sys

faulthandler.dump_traceback_later(10, repeat=True)
import libtorrent as lt     # noqa: E402

ip, port = sys.argv[1:3]
how = "enable_" + (sys.argv[3] if len(sys.argv) > 3 else "upnp")
session = lt.session({
    "listen_interfaces": f"{ip}:{port}", "enable_upnp": False,
    "enable_natpmp": False, "enable_dht": False, "enable_lsd": False, how: True,
    "alert_mask": lt.alert.category_t.port_mapping_notification
    | lt.alert.category_t.port_mapping_log_notification
    | lt.alert.category_t.error_notification,
})
faulthandler.cancel_dump_traceback_later()
print("started", flush=True)


def tell():
    session.wait_for_alert(100)
    for alert in session.pop_alerts():
        if isinstance(alert, lt.portmap_alert):
            proto = ("TCP", "UDP")["udp" in str(alert.map_protocol).lower()]
            print("mapped", proto, alert.external_port, flush=True)
        else:
            print("#", alert.message(), flush=True)


while not select.select([sys.stdin], [], [], 0)[0]:
    tell()
session.apply_settings({how: False})
while True:
    tell()
