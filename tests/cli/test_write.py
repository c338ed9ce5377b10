# SPDX-License-Identifier: ISC
"""A change is written as a whole or not at all, even if other changes run at
the same time or upnpctl is killed at any moment."""
import collections
import os
import re
import shutil
import subprocess

import pytest

TEXT = """\
# a comment that stays
enabled = no    # and this one
[interface lan0]
type = internal
"""


def test_concurrent_changes_are_all_kept(ctl):
    """Twenty changes run at once."""
    ctl.write(TEXT)
    running = [subprocess.Popen(
        ctl.argv("interfaces", "add", f"interface=i{n}", "type=internal"),
        stderr=subprocess.PIPE, text=True) for n in range(12)]
    running += [subprocess.Popen(
        ctl.argv("set", setting), stderr=subprocess.PIPE, text=True)
        for setting in ("http-port=1", "hairpin=yes", "masquerade=yes",
                        "user=me", "max-lease=5", "max-mappings=6",
                        "notify-interval=60", "serial-number=1")]
    for one in running:
        said, status = one.communicate()[1], one.returncode
        for _ in range(10):     # after 10 s upnpctl gives up: a slow disk
            if "try again" not in said:
                break
            done = subprocess.run(one.args, capture_output=True, text=True)
            said, status = done.stderr, done.returncode
        assert (said, status) == ("", 0)
    names = {i["interface"] for i in ctl.json("interfaces", "print")}
    assert names == {"lan0", *(f"i{n}" for n in range(12))}
    settings = ctl.json("print")
    assert [settings[k] for k in
            ("http-port", "hairpin", "masquerade", "user", "max-lease",
             "max-mappings", "notify-interval", "serial-number")] == \
        [1, True, True, "me", 5, 6, 60, "1"]
    assert ctl.read().startswith(TEXT.split("\n")[0])
    assert os.listdir(ctl.dir) == ["upnpd.conf"]


def syscalls(ctl, log, words):
    """Count the system calls of a run: {name: number}."""
    done = subprocess.run(["strace", "-o", log, *ctl.argv(*words)],
                          capture_output=True, text=True)
    assert done.returncode == 0, done
    with open(log) as f:
        names = re.findall(r"^([a-z_0-9]+)\(", f.read(), re.M)
    return collections.Counter(names)


def test_kill_at_any_system_call_leaves_a_whole_file(ctl, tmp_path_factory):
    assert shutil.which("strace"), "strace is not installed"
    log = str(tmp_path_factory.mktemp("strace") / "log")
    words = ["interfaces", "add", "interface=wan0", "type=external"]
    owner = (1234, 2345) if os.geteuid() == 0 else (os.getuid(), os.getgid())

    def reset():
        for name in os.listdir(ctl.dir):
            os.unlink(os.path.join(ctl.dir, name))
        ctl.write(TEXT)
        os.chown(ctl.conf, *owner)
        os.chmod(ctl.conf, 0o640)

    reset()
    calls = syscalls(ctl, log, words)
    new = ctl.read()
    assert new.startswith(TEXT) and "wan0" in new
    assert calls["fsync"] >= 1 and calls["rename"] + calls["renameat"] + \
        calls["renameat2"] >= 1
    outcomes = collections.Counter()
    for name, times in calls.items():
        for when in range(1, times + 1):
            reset()
            done = subprocess.run(
                ["strace", "-o", "/dev/null", "-e", f"trace={name}", "-e",
                 f"inject={name}:signal=KILL:when={when}", *ctl.argv(*words)],
                capture_output=True, text=True)
            where = f"{name} {when}"
            got = ctl.read()
            assert got in (TEXT, new), where
            stat = os.stat(ctl.conf)
            assert (stat.st_uid, stat.st_gid) == owner, where
            assert stat.st_mode & 0o7777 == 0o640, where
            assert done.returncode in (-9, 137, 0), (where, done)
            outcomes[got == new, done.returncode == 0] += 1
            if got == TEXT:
                # a killed upnpctl does not block the next one
                ctl.ok(*words)
                assert ctl.read() == new, where
    # both outcomes must have occurred, or the test proves nothing
    assert outcomes[False, False] > 5 and outcomes[True, False] >= 1


def test_mode_and_owner_are_kept(ctl):
    ctl.write(TEXT)
    os.chmod(ctl.conf, 0o600)
    if os.geteuid() == 0:
        os.chown(ctl.conf, 1234, 2345)
    before = os.stat(ctl.conf)
    ctl.ok("set", "hairpin=yes")
    after = os.stat(ctl.conf)
    assert (after.st_mode, after.st_uid, after.st_gid) == \
        (before.st_mode, before.st_uid, before.st_gid)
    os.unlink(ctl.conf)
    ctl.ok("set", "hairpin=yes")
    assert os.stat(ctl.conf).st_mode & 0o7777 == 0o644


def test_symbolic_link_is_followed(ctl):
    """The link stays, and its target changes."""
    other = os.path.join(ctl.dir, "other")
    ctl.write(TEXT)
    os.rename(ctl.conf, other)
    os.symlink("other", ctl.conf)
    ctl.ok("set", "hairpin=yes")
    assert os.path.islink(ctl.conf)
    with open(other) as f:
        assert "hairpin = yes" in f.read()


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"),
                    reason="needs setpriv, to drop root's permissions")
def test_change_without_permission_fails(ctl):
    ctl.write(TEXT)
    os.chmod(ctl.dir, 0o555)
    prefix = ["setpriv", "--reuid=65534", "--clear-groups"] \
        if os.geteuid() == 0 else []
    try:
        assert "Permission denied" in ctl.fails("set", "hairpin=yes",
                                                status=1, prefix=prefix)
    finally:
        os.chmod(ctl.dir, 0o755)
