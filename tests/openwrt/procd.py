# SPDX-License-Identifier: ISC
"""A stand-in for procd: runs the services that standin/procd.sh describes, by
procd's documented behaviour.

    set     Start an instance that does not run. If a parameter or the content
            of a file has changed, except data, send the reload signal that it
            was started with, or restart the instance if it has none. Stop an
            instance that is no longer described.
    delete  Stop all instances.
    respawn Restart an instance that exits (here: when a test calls respawn()).
    trigger Run the script when an event of that type and name occurs.
"""
import contextlib
import glob
import hashlib
import os
import signal
import subprocess
import threading

from lab import inside
from logd import Logd


class Instance:
    def __init__(self, params):
        self.params = params
        self.proc = None
        self.sums = None

    def command(self):
        return self.params.get("command", [])


class Procd:
    def __init__(self, router):
        self.router = router
        self.instances, self.triggers = {}, []
        self.ran = []           # "start", "HUP", "TERM": the actions
        self.stderr = router.path("tmp/daemon.stderr")
        with inside(router.lab.router.ns):
            self.logd = Logd(router.path("run/log"))

    # ---- events on a router ----

    def init(self, action):
        """Run /etc/init.d/upnpd ACTION. Return its output."""
        return self.call("/etc/init.d/upnpd", action)

    def call(self, *argv, env=()):
        out = self.router.run(*argv, check=False, env=env)
        self.settle()
        return out

    def event(self, kind, name):
        """Send the event config.change of a package, or interface.* of an
        interface. Return the number of scripts that ran."""
        found = [script for event, of, *script in self.triggers
                 if event == kind and of == name]
        for script in found:
            self.call(*script)
        return len(found)

    def settle(self):
        """Execute the messages that scripts have sent."""
        for name in sorted(glob.glob(self.router.path("tmp/procd/*"))):
            with open(name) as f:
                records = [record.split("\037")[:-1]
                           for record in f.read().split("\036")[:-1]]
            os.unlink(name)
            if records[0][0] == "delete":
                self._update({})
                self.triggers = []
            else:
                self._service(records)

    @contextlib.contextmanager
    def at_work(self):
        """Context manager: execute messages in a thread, for a program that
        waits for the result."""
        done = threading.Event()

        def work():
            while not done.wait(0.02):
                self.settle()

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            self.settle()

    # ---- instances ----

    def _service(self, records):
        new, params = {}, None
        self.triggers = []
        for what, *words in records:
            if what == "instance":
                params = new[words[0]] = {}
            elif what == "param":
                params[words[0]] = words[1:]
            elif what == "trigger":
                self.triggers.append(words)
        self._update(new)

    def _update(self, new):
        for name in set(self.instances) - set(new):
            self._end(self.instances.pop(name))
        for name, params in new.items():
            old = self.instances.setdefault(name, Instance(params))
            changed = (self._compared(old.params) != self._compared(params)
                       or old.sums != self._sums(params))
            signo = old.params.get("reload_signal")
            old.params = params
            if not self.running(old):
                self._start(old)
            elif changed:
                self._restart(old, signo)

    @staticmethod
    def _compared(params):
        """The parameters whose change has an effect."""
        return {name: words for name, words in params.items()
                if name not in ("data", "stdout", "stderr")}

    def _sums(self, params):
        sums = []
        for name in params.get("file", []):
            try:
                with open(self.router.path(
                        name.replace("/var/", "tmp/").lstrip("/")),
                        "rb") as f:
                    sums.append(hashlib.md5(f.read()).hexdigest())
            except OSError:
                sums.append("")
        return sums

    def _start(self, instance):
        self.ran.append("start")
        instance.sums = self._sums(instance.params)
        with open(self.stderr, "ab") as log:
            instance.proc = subprocess.Popen(
                self.router.argv(*instance.command()),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)

    def _restart(self, instance, signo):
        if signo:
            instance.sums = self._sums(instance.params)
            self.ran.append(signo[0])
            instance.proc.send_signal(
                getattr(signal, "SIG" + signo[0]))
        else:
            self._end(instance)
            self._start(instance)

    def _end(self, instance):
        if self.running(instance):
            self.ran.append("TERM")
            instance.proc.terminate()
            try:
                instance.proc.wait(60)
            except subprocess.TimeoutExpired:
                instance.proc.kill()
                instance.proc.wait()

    @staticmethod
    def running(instance):
        return instance.proc is not None and instance.proc.poll() is None

    def only(self):
        """The daemon's instance."""
        return self.instances["instance1"]

    def runs(self):
        return any(map(self.running, self.instances.values()))

    def respawn(self):
        """Restart each instance that has exited, if it has respawn."""
        for instance in self.instances.values():
            if not self.running(instance) and "respawn" in instance.params:
                self._start(instance)

    def log(self):
        """The system log. procd logs each line of standard error as
        daemon.err."""
        try:
            with open(self.stderr, errors="replace") as f:
                lines = f.read().splitlines()
        except FileNotFoundError:
            lines = []
        return self.logd.text() + "".join(f"daemon.err upnpd: {line}\n"
                                          for line in lines)

    def close(self):
        for instance in self.instances.values():
            self._end(instance)
        self.instances = {}
        self.logd.close()
