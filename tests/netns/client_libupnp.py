# SPDX-License-Identifier: ISC
"""Open a pinhole by libupnp, with its own discovery, HTTP and event server:
client_libupnp.py CLIENT PORT. Prints "found" with the LOCATION, "event" with
each variable, and "opened" with the UniqueID, or "refused" with the error. At
the end of stdin it deletes the pinhole, ends its subscription and prints
"closed". By ctypes, because Debian has no program that opens pinholes with this
library."""
import ctypes
import queue
import sys
import xml.etree.ElementTree as ET
from urllib.parse import urljoin

FIREWALL = "urn:schemas-upnp-org:service:WANIPv6FirewallControl:1"
DEVICE = "{urn:schemas-upnp-org:device-1-0}"
ALIVE, SEARCH_RESULT, EVENT_RECEIVED = 4, 6, 9      # Upnp_EventType
P, S, I = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int

upnp = ctypes.CDLL("libupnp.so.13")
ixml = ctypes.CDLL("libixml.so.10")


def returns(lib, name, kind, *args):
    function = getattr(lib, name)
    function.restype, function.argtypes = kind, args
    return function


CALLBACK = ctypes.CFUNCTYPE(I, I, P, P)
init = returns(upnp, "UpnpInit2", I, S, ctypes.c_ushort)
register = returns(upnp, "UpnpRegisterClient", I, CALLBACK, P,
                   ctypes.POINTER(I))
search = returns(upnp, "UpnpSearchAsync", I, I, I, S, P)
download = returns(upnp, "UpnpDownloadXmlDoc", I, S, ctypes.POINTER(P))
subscribe = returns(upnp, "UpnpSubscribe", I, I, S, ctypes.POINTER(I), S)
unsubscribe = returns(upnp, "UpnpUnSubscribe", I, I, S)
add_argument = returns(upnp, "UpnpAddToAction", I, ctypes.POINTER(P), S, S, S,
                       S)
send_action = returns(upnp, "UpnpSendAction", I, I, S, S, S, P,
                      ctypes.POINTER(P))
location_of = returns(upnp, "UpnpDiscovery_get_Location_cstr", S, P)
variables_of = returns(upnp, "UpnpEvent_get_ChangedVariables", P, P)
finish = returns(upnp, "UpnpFinish", I)
printed = returns(ixml, "ixmlPrintDocument", P, P)
free = returns(ixml, "ixmlFreeDOMString", None, P)

found = queue.Queue()


def check(what, status):
    assert status == 0, f"{what}: {status}"


def parse(document):
    """Read a document of libixml."""
    text = printed(document)
    root = ET.fromstring(ctypes.string_at(text))
    free(text)
    return root


@CALLBACK
def happened(kind, event, _cookie):
    """In a thread of libupnp."""
    if kind in (SEARCH_RESULT, ALIVE):
        url = location_of(event).decode()
        if "//[" in url:        # it searches over IPv4 as well
            found.put(url)
    elif kind == EVENT_RECEIVED:
        for prop in parse(variables_of(event)):
            for var in prop:
                print("event", var.tag, var.text, flush=True)
    return 0


def service_at(location):
    """The control and event URLs of WANIPv6FirewallControl, or None."""
    document = P()
    check("description", download(location.encode(), ctypes.byref(document)))
    for service in parse(document).iter(DEVICE + "service"):
        if service.findtext(DEVICE + "serviceType") == FIREWALL:
            return [urljoin(location, service.findtext(DEVICE + name)).encode()
                    for name in ("controlURL", "eventSubURL")]
    return None


def ask(url, action, **args):
    """Call an action. Return its answer."""
    name, kind = action.encode(), FIREWALL.encode()
    request, answer = P(), P()
    for key, value in args.items():
        check(key, add_argument(ctypes.byref(request), name, kind,
                                key.encode(), str(value).encode()))
    error = send_action(client, url, kind, None, request,
                        ctypes.byref(answer))
    if error > 0:       # of the gateway
        print("refused", error, flush=True)
        return None
    check(action, error)
    return parse(answer)


host, port = sys.argv[1:3]
client, seconds, sid = I(), I(1800), ctypes.create_string_buffer(64)
check("start", init(b"eth0", 0))
check("client", register(happened, None, ctypes.byref(client)))
urls = None
while urls is None:
    check("search", search(client, 2, FIREWALL.encode(), None))
    try:
        location = found.get(timeout=5)
    except queue.Empty:
        continue
    urls = service_at(location)
print("found", location, flush=True)
control, events = urls
check("subscription", subscribe(client, events, ctypes.byref(seconds), sid))
made = ask(control, "AddPinhole", RemoteHost="", RemotePort=0,
           InternalClient=host, InternalPort=port, Protocol=6, LeaseTime=600)
if made:
    uid = made.findtext("UniqueID")
    print("opened", uid, flush=True)
sys.stdin.read()
if made:
    ask(control, "DeletePinhole", UniqueID=uid)
check("end of the subscription", unsubscribe(client, sid))
check("end", finish())
print("closed", flush=True)
