# SPDX-License-Identifier: ISC
"""Open a pinhole by libgupnp, with its own discovery, HTTP and event server:
client_gupnp6.py ADDRESS CLIENT PORT. It works from that address of eth0.
Prints "found" with the LOCATION, "event" with the variable, and "opened" with
the UniqueID. At the end of stdin it deletes the pinhole and prints "closed". By
ctypes, because Debian has the library's introspection data in a package of its
own."""
import ctypes
import sys

FIREWALL = b"urn:schemas-upnp-org:service:WANIPv6FirewallControl:1"
P, S, I = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
STRING, UINT, BOOLEAN = 16 << 2, 7 << 2, 5 << 2     # GType
UDA_1_0 = 1         # GSSDPUDAVersion
IN_OR_HUP = 1 | 16  # GIOCondition

glib = ctypes.CDLL("libglib-2.0.so.0")
gobject = ctypes.CDLL("libgobject-2.0.so.0")
gio = ctypes.CDLL("libgio-2.0.so.0")
gssdp = ctypes.CDLL("libgssdp-1.6.so.0")
gupnp = ctypes.CDLL("libgupnp-1.6.so.0")


def returns(lib, name, kind, *args):
    function = getattr(lib, name)
    function.restype, function.argtypes = kind, args
    return function


FOUND = ctypes.CFUNCTYPE(None, P, P, P)
NOTIFY = ctypes.CFUNCTYPE(None, P, S, P, P)
READABLE = ctypes.CFUNCTYPE(I, I, I, P)
connect = returns(gobject, "g_signal_connect_data", ctypes.c_ulong, P, S, P, P,
                  P, I)
get_boolean = returns(gobject, "g_value_get_boolean", I, P)
location_of = returns(gupnp, "gupnp_service_info_get_location", S, P)
add_notify = returns(gupnp, "gupnp_service_proxy_add_notify", I, P, S,
                     ctypes.c_size_t, NOTIFY, P)
set_subscribed = returns(gupnp, "gupnp_service_proxy_set_subscribed", None, P,
                         I)
call = returns(gupnp, "gupnp_service_proxy_call_action", P, P, P, P,
               ctypes.POINTER(P))
result = gupnp.gupnp_service_proxy_action_get_result
action_new = gupnp.gupnp_service_proxy_action_new
action_new.restype = P
watch_fd = returns(glib, "g_unix_fd_add", ctypes.c_uint, I, I, READABLE, P)
loop = returns(glib, "g_main_loop_new", P, P, I)(None, 0)
run = returns(glib, "g_main_loop_run", None, P)
end = returns(glib, "g_main_loop_quit", None, P)

address, host, port = sys.argv[1:4]
service = uid = None


def ask(name, *args):
    """Call an action with (name, GType, value). Return it, answered."""
    words = [word for key, kind, value in args
             for word in (S(key), ctypes.c_size_t(kind), value)]
    action, error = action_new(S(name), *words, P()), P()
    call(service, action, None, ctypes.byref(error))
    assert not error, name
    return action


@FOUND
def available(_control_point, proxy, _data):
    global service, uid
    if service:
        return
    service = returns(gobject, "g_object_ref", P, P)(proxy)
    print("found", location_of(service).decode(), flush=True)
    add_notify(service, b"InboundPinholeAllowed", BOOLEAN, notified, None)
    set_subscribed(service, 1)
    answer = ask(b"AddPinhole", (b"RemoteHost", STRING, S(b"")),
                 (b"RemotePort", UINT, ctypes.c_uint(0)),
                 (b"InternalClient", STRING, S(host.encode())),
                 (b"InternalPort", UINT, ctypes.c_uint(int(port))),
                 (b"Protocol", UINT, ctypes.c_uint(6)),
                 (b"LeaseTime", UINT, ctypes.c_uint(600)))
    number, error = ctypes.c_uint(), P()
    assert result(P(answer), ctypes.byref(error), S(b"UniqueID"),
                  ctypes.c_size_t(UINT), ctypes.byref(number), P()), "result"
    uid = number.value
    print("opened", uid, flush=True)
    watch_fd(0, IN_OR_HUP, stdin_ended, None)


@NOTIFY
def notified(_proxy, name, value, _data):
    print("event", name.decode(), get_boolean(value), flush=True)


@READABLE
def stdin_ended(_fd, _condition, _data):
    ask(b"DeletePinhole", (b"UniqueID", UINT, ctypes.c_uint(uid)))
    set_subscribed(service, 0)
    print("closed", flush=True)
    end(loop)
    return 0


ip = returns(gio, "g_inet_address_new_from_string", P, S)(address.encode())
error = P()
context = returns(gupnp, "gupnp_context_new_for_address", P, P,
                  ctypes.c_uint16, I, ctypes.POINTER(P))(
    ip, 0, UDA_1_0, ctypes.byref(error))
assert context, "no context"
control_point = returns(gupnp, "gupnp_control_point_new", P, P, S)(
    context, FIREWALL)
connect(control_point, b"service-proxy-available", available, None, None, 0)
returns(gssdp, "gssdp_resource_browser_set_active", I, P, I)(control_point, 1)
print("searching", flush=True)
run(loop)
