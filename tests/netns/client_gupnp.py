# SPDX-License-Identifier: ISC
"""Map a port by libgupnp-igd, as desktop programs do: client_gupnp.py PROTOCOL
EXTERNAL CLIENT INTERNAL. Prints "mapped" with the external address and port,
deletes the mapping at the end of stdin, and waits to be killed."""
import sys

import gi
gi.require_version("GUPnPIgd", "1.0")
from gi.repository import GLib, GUPnPIgd

proto, ext, client, port = sys.argv[1:5]
loop = GLib.MainLoop()


def mapped(_igd, _proto, ip, _old, ext_port, *_rest):
    print("mapped", ip, ext_port, flush=True)


def failed(_igd, error, *_rest):
    print("failed", error.message, flush=True)


def asked(_source, _condition):
    igd.remove_port(proto, int(ext))    # which does not report its end
    return False


igd = GUPnPIgd.SimpleIgd()
igd.connect("mapped-external-port", mapped)
igd.connect("error-mapping-port", failed)
igd.add_port(proto, int(ext), client, int(port), 600, "a call")
GLib.io_add_watch(sys.stdin, GLib.IO_IN | GLib.IO_HUP, asked)
loop.run()
