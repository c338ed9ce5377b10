# SPDX-License-Identifier: ISC
"""`upnpctl metrics` follows Prometheus's text format (0.0.4), and the commands
of docs/programs.md pass it to node_exporter."""
import glob
import os
import re
import signal
import subprocess

import pytest

from daemon import UPNPD
from lab import run, wait_until
from upnp import Igd

pytestmark = pytest.mark.only("netlink")
SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)'
                    r'(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)*)\})?'
                    r' (\d+)')


def parse(text):
    """Return {name and labels: value}. AssertionError for anything that the
    format forbids or advises against."""
    assert text.endswith("\n") and "\n\n" not in text
    samples, kinds, helped, current = {}, {}, set(), None
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            name, words = line[7:].split(" ", 1)
            assert name not in helped, "HELP twice"
            assert words and not re.search(r"\\(?![\\n])", words)
            helped.add(name)
            current = name
        elif line.startswith("# TYPE "):
            name, kind = line[7:].split(" ")
            assert name == current and name not in kinds
            assert kind in ("gauge", "counter")
            assert (kind == "counter") == name.endswith("_total")
            kinds[name] = kind
        else:
            match = SAMPLE.fullmatch(line)
            assert match, line
            name, labels, value = match.groups()
            assert name == current and name in kinds, "not in its group"
            assert (name, labels) not in samples, "twice"
            samples[name, labels] = int(value)
    assert {name for name, _ in samples} == set(kinds) == helped
    return samples


def printed(upnpd):
    argv = [os.path.join(os.path.dirname(UPNPD), "upnpctl"), "-f", upnpd.conf,
            "metrics"]
    return subprocess.run(argv, check=True, text=True,
                          capture_output=True).stdout


def metrics(upnpd):
    return parse(printed(upnpd))


def test_numbers_from_start_to_stop(lab, stopped):
    stopped.write_conf()
    down = metrics(stopped)
    assert down == {("upnpd_up", None): 0, ("upnpd_engine_up", None): 0}
    stopped.start()
    Igd(lab.lan1).add(40000)
    up = metrics(stopped)
    assert up["upnpd_up", None] == up["upnpd_engine_up", None] == 1
    assert up["upnpd_mappings", 'type="dynamic"'] == 1
    assert sum(name == "upnpd_refused_total" for name, _ in up) > 5
    os.kill(stopped.engine(), signal.SIGKILL)
    assert wait_until(lambda: metrics(stopped)
                      .get(("upnpd_engine_deaths_total", None)))
    stopped.options["enabled"] = "no"
    stopped.reload()
    assert wait_until(lambda: metrics(stopped)["upnpd_enabled", None] == 0)


@pytest.mark.clients
def test_promtool_finds_no_fault(lab, upnpd):
    subprocess.run(["apt-get", "-qq", "download", "prometheus"], cwd=lab.dir,
                   check=True)
    deb, = glob.glob(lab.path("prometheus_*.deb"))
    run("dpkg-deb", "-x", deb, lab.path("prometheus"))
    tool = lab.path("prometheus/usr/bin/promtool")
    assert run(tool, "check", "metrics", stdin=printed(upnpd)) == ""


def test_parser_refuses_invalid_text():
    good = "# HELP a b\n# TYPE a gauge\na 1\n"
    assert parse(good) == {("a", None): 1}
    for bad in (good[:-1], good + "\n", good * 2, "a 1\n", good + "b 1\n",
                good.replace("a 1", "a 1.x"), good.replace("a 1", 'a{b=c} 1'),
                good.replace("gauge", "counter"), good + "a 2\n",
                good.replace("a 1\n", ""), good.replace("gauge", "number")):
        with pytest.raises((AssertionError, ValueError)):
            parse(bad)
