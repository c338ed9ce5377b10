# SPDX-License-Identifier: ISC
"""The prompt on a pseudo-terminal: the sessions of RouterOS's manual are typed;
keys, Tab and "?"; and the terminal is as it was, however the prompt ends."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

import pytest

import transcripts
from ctl import UPNPCTL

HOST = os.uname().nodename.split(".")[0]
LONG = 20       # seconds


def be_a_shell(argv, env):
    """Run a program as a shell does: in a process group of its own, in the
    foreground. Say when it is stopped; continue it at SIGUSR1."""
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, lambda *_: os.kill(pid, signal.SIGCONT))
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execvpe(argv[0], argv, env)
    status = os.waitpid(pid, os.WUNTRACED)[1]
    while os.WIFSTOPPED(status):
        os.write(1, b"STOPPED\n")
        status = os.waitpid(pid, os.WUNTRACED)[1]
    os._exit(os.waitstatus_to_exitcode(status))


class Prompt:
    """upnpctl on a terminal of its own, which it controls."""

    def __init__(self, ctl, columns=80, term="xterm", prefix=(), shell=False):
        self.ctl, self.raw, self.read_to = ctl, b"", 0
        go, ready = os.pipe()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.close(ready)
            os.read(go, 1)      # the terminal is set up
            env = {key: value for key, value in os.environ.items()
                   if key not in ("COLUMNS", "NO_COLOR", "TERM")}
            if term:
                env["TERM"] = term
            argv = [*prefix, UPNPCTL, "-f", ctl.conf]
            if shell:
                be_a_shell(argv, env)
            os.execvpe(argv[0], argv, env)
        self.resize(columns)
        self.before = termios.tcgetattr(self.fd)
        os.close(go)
        os.close(ready)
        self.expect(f"@{HOST}] /ip/upnp> " if columns >= 80 else "> ")

    def resize(self, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ,
                    struct.pack("HHHH", 24, columns, 0, 0))

    def read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            got = os.read(self.fd, 65536)
        except OSError:         # EIO: the program has closed the terminal
            return False
        self.raw += got
        return bool(got)

    def text(self):
        """All output, without control sequences."""
        text = self.raw.decode(errors="replace")
        text = re.sub(r"\x1b(\[[0-9;]*)?$", "", text)      # not whole yet
        return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text).replace("\r\n",
                                                                 "\n")

    def fresh(self):
        """What came after the text that was expected last."""
        return self.text()[self.read_to:]

    def expect(self, text, seconds=LONG):
        """Wait for text. Return: what came before it, and the text."""
        end = time.monotonic() + seconds
        while text not in self.fresh():
            assert time.monotonic() < end, (text, self.fresh())
            assert self.read(0.1) or text in self.fresh(), self.fresh()
        found = self.fresh()
        found = found[:found.index(text) + len(text)]
        self.read_to += len(found)
        return found

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def run(self, command):
        """Type a command and Enter; return what it prints."""
        self.type(command + "\r")
        self.expect("\n")
        printed = ""
        while not re.search(r"\[\S+@\S+\] \S+> \r?$", printed):
            printed += self.expect("> ")
        return printed[:printed.rindex("[")]

    def end(self):
        """Wait for the end; return the wait status. The terminal must be as
        it was."""
        end = time.monotonic() + LONG
        while self.read(0.1):
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                break
            assert time.monotonic() < end, self.fresh()
        else:
            status = os.waitpid(self.pid, 0)[1]
        self.pid = 0
        return status

    def is_restored(self):
        return termios.tcgetattr(self.fd)[:4] == self.before[:4]

    def close(self):
        os.close(self.fd)
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


@pytest.fixture
def begin(ctl):
    started = []

    def start(**kw):
        started.append(Prompt(ctl, **kw))
        return started[-1]
    yield start
    for one in started:
        one.close()


@pytest.fixture
def prompt(begin):
    return begin()


def last_row(p):
    """The row with the cursor."""
    p.read(0.2)
    return p.fresh().split("\n")[-1].split("\r")[-1]


# ---- RouterOS ------------------------------------------------------------

@pytest.mark.parametrize("name", transcripts.ALL)
def test_sessions_of_the_manual(ctl, begin, with_ethers, name):
    p = begin(prefix=with_ethers, columns=300)    # a notice is one line
    for at, command, output in transcripts.steps(transcripts.ALL[name]):
        p.run(at)
        printed = p.run(command)
        shown = [line for line in printed.split("\n")
                 if not line.startswith("upnpctl: ")]
        assert transcripts.words(shown) == transcripts.words(output), printed
    p.type("quit\r")
    assert p.end() == 0
    assert [(i["interface"], i["type"], i["disabled"])
            for i in ctl.json("interfaces", "print")] == [
                ("ether1", "external", False), ("ether2", "internal", False)]


def test_menus(prompt):
    prompt.type("interfaces\r")
    prompt.expect("] /ip/upnp/interfaces> ")
    prompt.type("..\r")
    prompt.expect("] /ip/upnp> ")
    prompt.type("/\r")
    prompt.expect("] /> ")
    prompt.type("ip nat-pmp int\r")
    prompt.expect("] /ip/nat-pmp/interfaces> ")
    prompt.type("\x04")
    assert prompt.end() == 0


def test_an_error_ends_only_its_command(prompt):
    assert "there is no" in prompt.run("nonsense")
    assert "there is no" in prompt.run("interfaces enable 7")
    assert "enabled: no" in prompt.run("print")
    prompt.type("exit\r")
    assert prompt.end() == 0


def test_commands_of_an_advice_can_be_copied(prompt, ctl):
    """Advice is for the shell: it begins with "upnpctl"."""
    assert "there is no" not in prompt.run("upnpctl set igd-version=2")
    assert "igd-version = 2" in ctl.read()
    prompt.type("interfaces\r")
    prompt.expect("] /ip/upnp/interfaces> ")
    out = prompt.run("upnpctl /ip/upnp/set -h")
    assert "usage: upnpctl set " in out and "  http-port= " in out
    assert "usage: upnpctl interfaces add " in prompt.run("add --help")
    assert "  print " in prompt.run("-h")
    assert "there is no" in prompt.run("nonsense -h")


# ---- help and completion ---------------------------------------------------

def test_question_mark_lists_what_can_be_typed(prompt):
    prompt.type("?")
    listed = prompt.expect("quit ")
    for name in ("print", "set", "interfaces", "mappings", "rules", "status"):
        assert re.search(rf"^  {name} +\S", listed, re.M), (name, listed)
    prompt.expect("/ip/upnp> ")
    prompt.type("interfaces add type=?")
    listed = prompt.expect("internal")
    assert "external" in listed
    prompt.expect("> interfaces add type=")     # the line is still there


def test_question_mark_is_text_in_quotes(prompt):
    prompt.type('set friendly-name="who?"\r')
    prompt.expect("> \r")
    assert "who?" in prompt.run("print detail")


def test_help_is_a_command(prompt):
    listed = prompt.run("help")
    assert re.search(r"^  interfaces +\S", listed, re.M)


@pytest.mark.parametrize("keys,line", (
    ("int\t", "interfaces "), ("set ena\t", "set enabled="),
    ("set enabled=y\t", "set enabled=yes "), ("/ip nat\t", "/ip nat-pmp "),
    ("interfaces add interface=l\t", "interfaces add interface=lo "),
    ("interfaces add ty\tint\t", "interfaces add type=internal "),
    ("interfaces print det\t", "interfaces print detail "),
    ("set backend=ipt\t", "set backend=iptables"),      # and -legacy, -nft
))
def test_tab_completes(prompt, keys, line):
    prompt.type(keys)
    prompt.expect(f"/ip/upnp> {line}\r")


def test_second_tab_lists_the_choices(prompt):
    prompt.type("set backend=ipt\t\t")
    listed = prompt.expect("iptables-nft")
    assert "iptables-legacy" in listed
    prompt.expect("/ip/upnp> set backend=iptables\r")


def test_tab_where_nothing_fits(prompt):
    prompt.type("xyz\t")
    prompt.expect("> xyz\r")


# ---- keys ------------------------------------------------------------------

UP, DOWN, LEFT, HOME, DELETE = "\x1b[A", "\x1b[B", "\x1b[D", "\x1b[H", "\x1b[3~"


@pytest.mark.parametrize("keys,line", (
    ("prnt" + LEFT * 2 + "i", "print"),
    ("xprint" + HOME + DELETE, "print"),
    ("print abc\x17", "print "),
    ("wrong\x15print", "print"),
    ("int print" + HOME + "\x0b" + "\x19", "int print"),
    ("priint" + LEFT * 2 + "\x7f", "print"),
    ("p\xe4\xf6\x7f\x7frint", "print"),
    ("print\x1b[99;99q\x1bOQ", "print"),        # unknown keys
))
def test_keys_edit_the_line(prompt, keys, line):
    prompt.type(keys)
    prompt.expect(f"/ip/upnp> {line}\r")
    assert not prompt.read(0.2) or prompt.fresh().strip() == "", prompt.fresh()


def test_keys_have_their_effect(prompt):
    """What is run is what was edited."""
    assert "enabled: no" in prompt.run("prnt" + LEFT * 2 + "i")


def test_history(prompt):
    prompt.run("print count-only")
    prompt.run("print")
    prompt.type("dra" + UP)
    prompt.expect("> print\r")
    prompt.type(UP)
    prompt.expect("> print count-only\r")
    prompt.type(DOWN + DOWN)
    prompt.expect("> dra\r")


def test_ctrl_c_drops_the_line(prompt):
    prompt.type("half a line\x03")
    prompt.expect("^C\n")
    assert "enabled: no" in prompt.run("print")


def test_long_line_stays_in_its_row(begin):
    p = begin(columns=40)
    text = "".join(chr(ord("a") + i % 26) for i in range(120))
    p.type(text)
    p.expect(text[-8:])
    for row in re.split(r"[\r\n]", p.raw.decode()):
        row = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", row)
        assert len(row) < 40, row


@pytest.mark.parametrize("columns,shown", [
    (40, "/ip/upnp/interfaces> "), (30, "> ")])
def test_prompt_leaves_room_for_the_command(begin, columns, shown):
    p = begin(columns=columns)
    p.type("interfaces\r")
    p.expect("interfaces")
    p.expect("> ")
    p.type("get ether1 type")
    p.expect("get ether1 type"[-10:])
    for row in re.split(r"[\r\n]", p.raw.decode()):
        row = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", row)
        assert len(row) < columns, row
    assert f"\n\r{shown}" in p.text()


def test_new_width_is_used(prompt):
    prompt.type("abc")
    prompt.expect("abc")
    prompt.resize(30)
    os.kill(prompt.pid, signal.SIGWINCH)
    prompt.expect("> abc")


def test_pasted_lines_run_one_by_one(prompt):
    prompt.type("set max-lease=77\rprint detail\r")
    prompt.expect("max-lease: 77")


# ---- the terminal ----------------------------------------------------------

def test_keys_are_read_without_echo_until_the_end(prompt):
    assert not prompt.is_restored()
    prompt.type("\x04")
    prompt.end()
    assert prompt.is_restored()


@pytest.mark.parametrize("signo", (
    signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT,
    signal.SIGSEGV, signal.SIGABRT))
def test_terminal_is_restored_after_a_signal(prompt, signo):
    os.kill(prompt.pid, signo)
    status = prompt.end()
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signo
    assert prompt.is_restored()


def test_stop_and_continue(begin):
    p = begin(shell=True)
    p.type("abc\x1a")
    p.expect("STOPPED")
    assert p.is_restored()
    os.kill(p.pid, signal.SIGUSR1)
    p.expect("> abc")
    assert not p.is_restored()
    p.type("\x15")
    assert "enabled: no" in p.run("print")


def test_nothing_stops_it_where_no_shell_continues_it(prompt):
    """As after ssh -t router upnpctl."""
    prompt.type("abc\x1a\x15print\r")
    prompt.expect("enabled: no")


def test_ctrl_c_ends_a_command_that_runs(prompt):
    """The command waits for the lock of the configuration."""
    prompt.run("set max-lease=77")
    held = os.open(prompt.ctl.dir, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    prompt.type("set max-lease=78\r")
    prompt.expect("max-lease=78\r")
    assert prompt.read(0.5) and "> " not in prompt.fresh()
    prompt.type("\x03")
    prompt.expect("/ip/upnp> ")
    os.close(held)
    assert "max-lease: 77" in prompt.run("print detail")


def test_closed_terminal_ends_it(ctl):
    p = Prompt(ctl)
    os.close(p.fd)
    end = time.monotonic() + LONG
    while not os.waitpid(p.pid, os.WNOHANG)[0]:
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("term", ("dumb", None))
def test_terminal_without_a_cursor(ctl, begin, term):
    p = begin(term=term)
    p.type("set max-lease=77\n")
    p.expect("/ip/upnp> ")
    p.type("print detail\n")
    p.expect("max-lease: 77")
    p.expect("/ip/upnp> ")
    p.type("interfaces ?\n")
    p.expect("add one")
    p.type("quit\n")
    assert p.end() == 0
    assert b"\x1b" not in p.raw


def test_pipes_have_no_prompt(ctl):
    done = ctl.run()
    assert done.returncode == 2 and "no command" in done.stderr
    done = ctl.run("-", stdin="print\n")
    assert "enabled: no" in done.stdout and "/ip/upnp>" not in done.stdout
