# SPDX-License-Identifier: ISC
"""A datagram to the router: the answer, or that the port is closed."""
import socket

from lab import HOST_IP, LAN_IP, wait_until

NAT_PMP = b"\0\0"           # external address: RFC 6886 3.2
PCP = bytes((2, 0)) + bytes(6) + bytes(10) + b"\xff\xff" + socket.inet_aton(
    HOST_IP)                # ANNOUNCE: RFC 6887 14.1


def asks(lab, port, request, host=None):
    """The answer to a datagram to LAN_IP, or None if the port is closed: then
    the kernel sends an error."""
    with (host or lab.lan1).socket(socket.SOCK_DGRAM) as sock:
        sock.connect((LAN_IP, port))
        sock.settimeout(1)

        def answered():
            try:
                sock.send(request)
                return [sock.recv(2048)]
            except ConnectionRefusedError:
                return [None]
            except TimeoutError:
                return None
        found = wait_until(answered)
        assert found, f"neither an answer nor an error from port {port}"
        return found[0]
