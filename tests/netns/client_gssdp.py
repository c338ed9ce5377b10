# SPDX-License-Identifier: ISC
"""Search by libgssdp, the library under gupnp: client_gssdp.py TARGET ADDRESS.
It searches from that address of eth0. Prints "available" or "unavailable" with
USN and LOCATION for each change, until it is killed. By ctypes, because Debian
has the library's introspection data in a package of its own."""
import ctypes
import sys

P, S = ctypes.c_void_p, ctypes.c_char_p
glib = ctypes.CDLL("libglib-2.0.so.0")
gobject = ctypes.CDLL("libgobject-2.0.so.0")
gio = ctypes.CDLL("libgio-2.0.so.0")
gssdp = ctypes.CDLL("libgssdp-1.6.so.0")
UDA_1_0 = 1         # GSSDPUDAVersion


class List(ctypes.Structure):
    _fields_ = [("data", S), ("next", P), ("prev", P)]


def returns(lib, name, kind, *args):
    function = getattr(lib, name)
    function.restype, function.argtypes = kind, args
    return function


AVAILABLE = ctypes.CFUNCTYPE(None, P, S, ctypes.POINTER(List), P)
GONE = ctypes.CFUNCTYPE(None, P, S, P)
connect = returns(gobject, "g_signal_connect_data", ctypes.c_ulong, P, S, P, P,
                  P, ctypes.c_int)


@AVAILABLE
def available(_browser, usn, locations, _data):
    print("available", usn.decode(), locations[0].data.decode(), flush=True)


@GONE
def gone(_browser, usn, _data):
    print("unavailable", usn.decode(), flush=True)


target, address = sys.argv[1:3]
ip = returns(gio, "g_inet_address_new_from_string", P, S)(address.encode())
client = returns(gssdp, "gssdp_client_new_full", P, S, P, ctypes.c_uint16,
                 ctypes.c_int, P)(b"eth0", ip, 0, UDA_1_0, None)
assert client, "no client"
browser = returns(gssdp, "gssdp_resource_browser_new", P, P, S)(
    client, target.encode())
connect(browser, b"resource-available", available, None, None, 0)
connect(browser, b"resource-unavailable", gone, None, None, 0)
returns(gssdp, "gssdp_resource_browser_set_active", ctypes.c_int, P,
        ctypes.c_int)(browser, 1)
loop = returns(glib, "g_main_loop_new", P, P, ctypes.c_int)(None, 0)
print("searching", flush=True)
returns(glib, "g_main_loop_run", None, P)(loop)
