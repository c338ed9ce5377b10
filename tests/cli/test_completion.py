# SPDX-License-Identifier: ISC
"""Completion in bash, zsh and fish offers the words that may come next, and no
others."""
import os
import pty
import select
import subprocess
import time

import pytest

from ctl import ROOT, UPNPCTL

SCRIPT = os.path.join(ROOT, "dist", "completion", "upnpctl.bash")


def complete(line, path=UPNPCTL):
    line = line.replace("upnpctl", path, 1)
    done = subprocess.run(
        ["bash", "-c", """
compopt() { :; }
. "$1"
COMP_LINE=$2 COMP_POINT=${#2}
_upnpctl
printf '%s\\n' "${COMPREPLY[@]}"
""", "bash", SCRIPT, line], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), done
    return set(done.stdout.split())


@pytest.mark.parametrize("line,has,has_not", [
    ("upnpctl ", {"print", "set", "interfaces", "export"}, {"add"}),
    ("upnpctl i", {"interfaces"}, {"print"}),
    ("upnpctl ip upnp int", {"interfaces"}, set()),
    ("upnpctl n", {"nat-pmp"}, {"print"}),
    ("upnpctl nat-pmp ", {"print", "set", "interfaces"}, {"export"}),
    ("upnpctl /ip/nat-pmp/interfaces ", {"print", "add"}, {"migrate"}),
    ("upnpctl /ip nat-pmp set ", {"enabled="}, {"nat-pmp="}),
    ("upnpctl ip nat-pmp set enabled=", {"yes", "no"}, set()),
    ("upnpctl set nat-pmp=", {"yes", "no"}, set()),
    ("upnpctl set pcp-", {"pcp-strict-nonce=", "pcp-third-party="}, set()),
    ("upnpctl interfaces ", {"print", "add", "remove"}, {"export"}),
    ("upnpctl /ip/upnp/interfaces e", {"enable"}, {"disable"}),
    ("upnpctl set en", {"enabled="}, {"hairpin="}),
    ("upnpctl set enabled=yes h", {"hairpin=", "http-port="}, {"enabled="}),
    ("upnpctl set backend=", {"netlink", "auto"}, {"yes", "nft"}),
    ("upnpctl set backend=ip", {"iptables"}, {"netlink"}),
    ("upnpctl interfaces add interface=l", {"lo"}, {"external"}),
    ("upnpctl interfaces add interface=lo type=", {"external", "internal"},
     {"lo"}),
    ("upnpctl mappings ", {"print", "add", "set", "migrate"}, {"move"}),
    ("upnpctl rules ", {"add", "move", "comment", "find"}, {"migrate"}),
    ("upnpctl rules add action=", {"allow", "deny"}, {"yes"}),
    ("upnpctl mappings add ", {"protocol=", "to=", "comment="}, {"type="}),
    ("upnpctl mappings add protocol=", {"tcp", "udp", "sctp"}, {"yes"}),
    ("upnpctl mappings add disabled=", {"yes", "no"}, {"tcp"}),
    ("upnpctl mappings remove ", {"all"}, {"tcp"}),
    ("upnpctl -", {"--json", "-f"}, set()),
    ("upnpctl -f /et", {"/etc"}, set()),
    ("upnpctl set foo=", set(), {"yes"}),
])
def test_only_fitting_words_are_offered(line, has, has_not):
    got = complete(line)
    assert has <= got
    assert not has_not & got


def test_interfaces_of_the_file_are_offered(ctl):
    ctl.write("[interface wan7]\ntype = external\n")
    line = f"upnpctl -f {ctl.conf} interfaces "
    assert "wan7" in complete(line + "remove w")
    assert "wan7" in complete(line + "set ")
    assert "wan7" not in complete(line + "add ")


# ---- what a user of the shell sees ------------------------------------------

FOLDER = os.path.join(ROOT, "dist", "completion")

# Ctrl-T writes the line that is being edited into a file, because each shell
# draws it in its own way.
START = {
    "bash": f"""\
. {FOLDER}/upnpctl.bash
show() {{ printf %s "$READLINE_LINE" > ~/new && mv ~/new ~/line; }}
bind -x '"\\C-t": show'
""",
    "zsh": """\
fpath=($HOME $fpath); autoload -Uz compinit; compinit -u -D
show() { print -rn -- "$BUFFER" > ~/new && mv ~/new ~/line }; zle -N show; bindkey '^T' show
""",
}
ARGV = {"bash": ["bash", "--norc", "-i"],
        "zsh": ["zsh", "-f", "-i"]}


class Shell:
    """An interactive shell on a pseudo-terminal."""

    def __init__(self, name, home):
        if name == "zsh":
            os.symlink(f"{FOLDER}/upnpctl.zsh", f"{home}/_upnpctl")
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            path = os.path.dirname(UPNPCTL) + ":" + os.environ["PATH"]
            os.execvpe(name, ARGV[name], {
                "PATH": path, "HOME": home, "ZDOTDIR": home, "TERM": "dumb",
                "PS1": "$ "})
        self.line = os.path.join(home, "line")
        # the echo of the command must not look like the prompt
        self.write(f"{START[name]}PS1='READY'' ''> '\n")
        self.read_until(lambda text: "READY > " in text)

    def write(self, text):
        os.write(self.fd, text.encode())

    def read_until(self, done):
        """Read what the shell prints, until @done."""
        text, limit = "", time.monotonic() + 60
        while not done(text):
            assert time.monotonic() < limit, text
            if select.select([self.fd], [], [], 0.02)[0]:
                text += os.read(self.fd, 65536).decode(errors="replace")

    def tab(self, line):
        """The line after Tab."""
        self.write(f"{line}\t\x14")
        self.read_until(lambda _: os.path.exists(self.line))
        with open(self.line) as f:
            return f.read()

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


CASES = [
    ("set hair", "set hairpin="), ("set hairpin=y", "set hairpin=yes "),
    ("inter", "interfaces "), ("nat-pmp se", "nat-pmp set "),
    ("/ip/nat-pmp/int", "/ip/nat-pmp/interfaces "),
    ("interfaces add interface=l", "interfaces add interface=lo "),
    ("-f {} interfaces remove wan7,l", "-f {} interfaces remove wan7,lan7 "),
    ("--js", "--json "), ("set frobni", "set frobni"),
]


@pytest.mark.parametrize("typed, line", CASES, ids=lambda v: v)
@pytest.mark.parametrize("name", START)
def test_tab_in_a_shell(ctl, name, typed, line):
    ctl.write("[interface wan7]\ntype = external\n"
              "[interface lan7]\ntype = internal\n")
    shell = Shell(name, ctl.dir)
    try:
        assert shell.tab("upnpctl " + typed.format(ctl.conf)) == \
            "upnpctl " + line.format(ctl.conf)
    finally:
        shell.close()


@pytest.mark.parametrize("typed, line", CASES, ids=lambda v: v)
def test_completion_in_fish(ctl, typed, line):
    ctl.write("[interface wan7]\ntype = external\n"
              "[interface lan7]\ntype = internal\n")
    path = os.path.dirname(UPNPCTL) + ":" + os.environ["PATH"]
    done = subprocess.run(
        ["fish", "--no-config", "-c",
         f"source {FOLDER}/upnpctl.fish; complete -C $argv[1]",
         "upnpctl " + typed.format(ctl.conf)],
        env={**os.environ, "PATH": path, "HOME": ctl.dir},
        capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done
    found = [one.split("\t")[0] for one in done.stdout.splitlines()]
    want = line.split()[-1].format(ctl.conf)
    assert found == ([] if typed == line else [want])
