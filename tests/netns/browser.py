# SPDX-License-Identifier: ISC
"""Debian's Chromium without a display, over the DevTools protocol on a pipe."""
import base64
import contextlib
import json
import os
import select
import subprocess
import tempfile
import time

from lab import LONG, SLOW

ARGV = ("chromium", "--headless=new", "--no-sandbox", "--disable-gpu",
        "--disable-dev-shm-usage", "--disable-extensions", "--no-first-run",
        "--disable-background-networking", "--disable-component-update",
        "--disable-sync", "--hide-scrollbars", "--remote-debugging-pipe")


class Browser:
    """A browser on a host, with one page."""

    def __init__(self, host, *more):
        self.stack = contextlib.ExitStack()
        self.events, self.data, self.last = [], b"", 0
        folder = self.stack.enter_context(tempfile.TemporaryDirectory(
            ignore_cleanup_errors=True))
        get, self.to = os.pipe()
        self.fd, put = os.pipe()
        # the program reads requests from descriptor 3, and writes answers to 4
        self.child = subprocess.Popen(
            ["ip", "netns", "exec", host.ns, "bash", "-c",
             f'exec "$@" 3<&{get} 4>&{put}', "bash", *ARGV,
             f"--user-data-dir={folder}", *more], pass_fds=(get, put),
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": folder, "LANG": "C.UTF-8"})
        os.close(get)
        os.close(put)
        self.session = None
        target = self.call("Target.createTarget", url="about:blank")
        self.session = self.call("Target.attachToTarget", flatten=True,
                                 targetId=target["targetId"])["sessionId"]
        for domain in ("Page", "Log", "Network", "Runtime", "Accessibility"):
            self.call(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        if self.child.poll() is not None:
            return
        session, self.session = self.session, None
        self.call("Browser.close")
        self.session = session
        self.child.wait(LONG)
        os.close(self.to)
        os.close(self.fd)
        self.stack.close()

    def _message(self, end):
        while b"\0" not in self.data:
            assert select.select([self.fd], [], [], max(
                0, end - time.monotonic()))[0], "no answer"
            more = os.read(self.fd, 1 << 20)
            assert more, "the browser has ended"
            self.data += more
        text, _, self.data = self.data.partition(b"\0")
        return json.loads(text)

    def call(self, method, **params):
        """Call a method of the protocol. Events are kept."""
        self.last += 1
        message = {"id": self.last, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + LONG * SLOW
        while (got := self._message(end)).get("id") != self.last:
            self.events.append(got)
        assert "error" not in got, got
        return got["result"]

    def wait(self, method):
        """Wait for an event. Return its parameters."""
        end = time.monotonic() + LONG * SLOW
        while True:
            for event in self.events:
                if event.get("method") == method:
                    self.events.remove(event)
                    return event["params"]
            self.events.append(self._message(end))

    def open(self, url):
        """Load a page. Return its status."""
        self.events.clear()
        self.call("Page.navigate", url=url)
        self.wait("Page.loadEventFired")
        return next(e["params"]["response"]["status"] for e in self.events
                    if e.get("method") == "Network.responseReceived")

    def looks(self, width, height=800, dark=False, phone=False):
        """Set the size of the window and the colours."""
        self.call("Emulation.setDeviceMetricsOverride", width=width,
                  height=height, deviceScaleFactor=1, mobile=phone)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme",
             "value": "dark" if dark else "light"}])

    def eval(self, expression):
        """The value of an expression of JavaScript, which the test runs: the
        page has none."""
        return self.call("Runtime.evaluate", expression=expression,
                         returnByValue=True)["result"].get("value")

    def key(self, key):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                      windowsVirtualKeyCode={"Tab": 9, "Enter": 13}[key],
                      **({"text": "\r"} if (kind, key) == ("keyDown", "Enter")
                         else {}))

    def screenshot(self, path, whole=True):
        shot = self.call("Page.captureScreenshot", format="png",
                         captureBeyondViewport=whole)
        with open(path, "wb") as f:
            f.write(base64.b64decode(shot["data"]))

    def spoken(self):
        """What a screen reader finds, in its order: role and name."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        by_id = {n["nodeId"]: n for n in nodes}
        out = []

        def walk(node):
            if not node.get("ignored"):
                out.append((node["role"]["value"],
                            node.get("name", {}).get("value", "")))
            for child in node.get("childIds", ()):
                if child in by_id:
                    walk(by_id[child])
        walk(nodes[0])
        return out

    def complaints(self):
        """Messages of the log: what the browser refused, and errors."""
        return [e["params"] for e in self.events
                if e.get("method") in ("Log.entryAdded",
                                       "Runtime.exceptionThrown")]
