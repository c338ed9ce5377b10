# SPDX-License-Identifier: ISC
"""The status page: fetch it, and read it as a browser would."""
import html.parser
import socket

from lab import LAN_IP, LONG, family_of
from upnp import Reply, end_of, url_host

OWN, OTHERS = "Open ports of your device", "Open ports of other devices"
REFUSED, ROUTER = "Refused requests of your device", "This router"


def unchunk(data):
    """Join the chunks of a body. The last one, which is empty, must be there."""
    body = b""
    while True:
        size, gap, data = data.partition(b"\r\n")
        n = int(size, 16)
        assert gap and data[n:n + 2] == b"\r\n", "the body is incomplete"
        body, data = body + data[:n], data[n + 2:]
        if not n:
            assert not data
            return body


def request(ip=LAN_IP, port=2828, path="/"):
    return (f"GET {path} HTTP/1.1\r\nHost: {url_host(ip)}:{port}\r\n"
            "Connection: close\r\n\r\n").encode()


def reply_of(raw):
    reply = Reply(raw)
    if reply.headers.get("TRANSFER-ENCODING") == "chunked":
        reply.body = unchunk(reply.body)
    return reply


def receive(sock, piece=65536):
    data = b""
    while more := sock.recv(piece):
        data += more
    return data


def fetch(host, ip=LAN_IP, port=2828):
    """GET the page. Return: upnp.Reply"""
    with host.socket(socket.SOCK_STREAM, family=family_of(ip)) as sock:
        sock.settimeout(LONG)
        sock.connect(end_of(host, ip, port))
        sock.sendall(request(ip, port))
        return reply_of(receive(sock))


class Page(html.parser.HTMLParser):
    """@rows: heading -> rows of its table, each a list of texts. @text: heading
    -> all text of its section. @tags: in their order, with attributes"""

    def __init__(self, text):
        super().__init__()
        self.rows, self.text, self.tags, self.links = {}, {}, [], []
        self.title = self.style = ""
        self._at = self._heading = None
        self._in_cell = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._at = tag
        if tag == "h2":
            self._heading = ""
        elif tag == "tr" and self._heading:
            self.rows.setdefault(self._heading, []).append([])
        elif tag in ("td", "th") and self._heading:
            self.rows[self._heading][-1].append("")
            self._in_cell = True
        elif tag == "small" and self._in_cell:
            self.rows[self._heading][-1][-1] += "; "
        elif tag == "a":
            self.links.append(dict(attrs)["href"])

    def handle_endtag(self, tag):
        self._at = None
        if tag in ("td", "th"):
            self._in_cell = False
        elif tag == "h2":
            self.text[self._heading] = ""

    def handle_data(self, data):
        if self._at in ("title", "style"):
            setattr(self, self._at, data)
        elif self._at == "h2":
            self._heading += data
        elif self._heading:
            self.text[self._heading] += data
            if self._in_cell:
                self.rows[self._heading][-1][-1] += data

    def table(self, heading):
        """The rows of a table, each as heading of column -> text."""
        head, *rows = self.rows.get(heading, [[]])
        return [dict(zip(head, row, strict=True)) for row in rows]


def page(host, **kw):
    reply = fetch(host, **kw)
    assert reply.status == 200
    return Page(reply.body.decode())
