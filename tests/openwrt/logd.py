# SPDX-License-Identifier: ISC
"""A stand-in for logd: keeps the lines that a router's programs send to
/dev/log, as logread prints them: "daemon.info upnpd[123]: text"."""
import os
import re
import select
import socket
import threading

LEVELS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
DAEMON = 3      # LOG_DAEMON >> 3
LINE = re.compile(r"<(\d+)>\w{3} [ \d]\d \d\d:\d\d:\d\d (.*)", re.S)


def line_of(message):
    """Convert a message in the format of RFC 3164 (4.1), as libc's syslog()
    sends it, to a line of logread."""
    number, text = LINE.fullmatch(message.decode()).groups()
    assert int(number) >> 3 == DAEMON, message
    return f"daemon.{LEVELS[int(number) & 7]} {text}\n"


class Logd:
    def __init__(self, path):
        """Call this in the router's network namespace. It raises the limit of
        queued messages there, because upnpd drops lines if the queue is
        full."""
        self.path, self._text = path, ""
        with open("/proc/sys/net/unix/max_dgram_qlen", "w") as f:
            f.write("1000")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(path)
        self._lock = threading.Lock()
        self._stop, self._stopped = os.pipe()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        while self._stop not in select.select([self._socket, self._stop],
                                              [], [])[0]:
            self._read()

    def _read(self):
        with self._lock:
            try:
                while True:
                    self._text += line_of(self._socket.recv(65536))
            except BlockingIOError:
                pass

    def text(self):
        """All lines so far."""
        if self._thread.is_alive():
            self._read()
        return self._text

    def close(self):
        os.write(self._stopped, b".")
        self._thread.join()
        self._read()
        self._socket.close()
        for fd in (self._stop, self._stopped):
            os.close(fd)
        os.unlink(self.path)
