# SPDX-License-Identifier: ISC
"""A torrent program: client_torrent.py ADDRESS PORT. libtorrent listens there
and maps the port by itself; says "mapped PROTOCOL PORT" for each, deletes at
the end of its stdin."""
import select
import sys
import time

import libtorrent as lt

ip, port = sys.argv[1:3]
session = lt.session({
    "listen_interfaces": f"{ip}:{port}", "enable_upnp": True,
    "enable_natpmp": False, "enable_dht": False, "enable_lsd": False,
    "alert_mask": lt.alert.category_t.port_mapping_notification
    | lt.alert.category_t.port_mapping_log_notification
    | lt.alert.category_t.error_notification,
})


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
session.apply_settings({"enable_upnp": False})
end = time.monotonic() + 2
while time.monotonic() < end:
    tell()
