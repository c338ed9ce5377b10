# SPDX-License-Identifier: ISC
"""Run a program on a terminal of a given width, and look at its lines."""
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
import unicodedata

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


class Terminal:
    """A program whose standard output is a terminal. Its standard error is one
    as well."""

    def __init__(self, argv, columns=80, env=None):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ,
                    struct.pack("HHHH", 24, columns, 0, 0))
        clean = {key: value for key, value in os.environ.items()
                 if key not in ("COLUMNS", "NO_COLOR", "TERM")}
        clean.update({"TERM": "xterm", **(env or {})})
        self.process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=slave, stderr=slave,
            env=clean)
        os.close(slave)
        self.raw = b""

    def text(self):
        return self.raw.decode().replace("\r\n", "\n")

    def read(self, seconds):
        """Read what is there within so many seconds. Return: False at the
        end of the output"""
        if not select.select([self.master], [], [], seconds)[0]:
            return True
        try:
            self.raw += os.read(self.master, 65536)
        except OSError:         # EIO: the program has closed the terminal
            return False
        return True

    def wait_for(self, text, seconds=20):
        end = time.monotonic() + seconds
        while text not in self.text():
            assert time.monotonic() < end, (text, self.text())
            assert self.read(0.1) or text in self.text(), self.text()

    def finish(self, seconds=60):
        """Read until the program ends; return its exit status."""
        end = time.monotonic() + seconds
        while self.read(0.1):
            assert time.monotonic() < end, self.text()
        return self.close()

    def close(self):
        """End the program, if it runs."""
        if self.master >= 0:
            os.close(self.master)       # it gets SIGHUP, or a write fails
            self.master = -1
        try:
            return self.process.wait(1)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait(20)


def columns(line):
    """How many columns a line takes."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else
               0 if unicodedata.combining(c) else 1
               for c in ESCAPE.sub("", line))


def run(argv, width, **kw):
    """Run a program to its end. Return: its output, of which no line is
    wrapped, without colours"""
    terminal = Terminal(argv, width, **kw)
    terminal.finish()
    text = terminal.text()
    for line in text.splitlines():
        assert columns(line) <= width, (columns(line), line, text)
    return ESCAPE.sub("", text)
