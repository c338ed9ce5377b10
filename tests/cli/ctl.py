# SPDX-License-Identifier: ISC
"""Run upnpctl on a configuration file, without a daemon."""
import json
import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
UPNPCTL = os.environ.get("UPNPCTL", os.path.join(ROOT, "build", "upnpctl"))
UPNPD = os.path.join(os.path.dirname(UPNPCTL), "upnpd")


class Ctl:
    def __init__(self, directory):
        self.dir = str(directory)
        self.conf = os.path.join(self.dir, "upnpd.conf")

    def write(self, text):
        with open(self.conf, "w") as f:
            f.write(text)

    def read(self):
        with open(self.conf) as f:
            return f.read()

    def argv(self, *words):
        return [UPNPCTL, "-f", self.conf, *words]

    def run(self, *words, stdin="", prefix=(), **kw):
        return subprocess.run([*prefix, *self.argv(*words)], input=stdin,
                              text=True, capture_output=True, timeout=60,
                              **kw)

    def ok(self, *words, **kw):
        """Run a command that must succeed, and return its output."""
        done = self.run(*words, **kw)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout

    def fails(self, *words, status=2, **kw):
        """Run a command that must fail with one line on stderr and leave the
        file unchanged; return the line."""
        before = self.read() if os.path.exists(self.conf) else None
        done = self.run(*words, **kw)
        assert done.returncode == status, done
        assert done.stdout == ""
        assert done.stderr.startswith("upnpctl: ")
        assert done.stderr.endswith("\n") and done.stderr.count("\n") == 1
        after = self.read() if os.path.exists(self.conf) else None
        assert after == before
        return done.stderr[len("upnpctl: "):-1]

    def json(self, *words):
        return json.loads(self.ok("--json", *words))

    def daemon_accepts_it(self):
        """Does upnpd -n accept the file?"""
        done = subprocess.run([UPNPD, "-n", "-f", self.conf],
                              capture_output=True, timeout=60)
        return done.returncode == 0
