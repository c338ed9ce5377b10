# SPDX-License-Identifier: ISC
"""upnpctl --complete LINE lists what can be typed at the end of a line."""
import pytest

CONF = """\
[interface wan7]
type = external
forced-ip = 198.51.100.7
[interface lan7]
type = internal
disabled = yes
"""


def offered(ctl, line):
    lines = ctl.ok("--complete", line).splitlines()
    assert all(line.count("\t") == 1 for line in lines)
    return [line.split("\t")[0] for line in lines]


@pytest.mark.parametrize("line, want", [
    # menus and commands
    ("pri", ["print"]), ("in", ["interfaces"]), ("x", []),
    ("interfaces en", ["enable"]), ("int en", ["enable"]),
    ("/ip/upnp/interfaces/re", ["remove"]), ("/", ["help", "ip"]),
    ("/ip/", ["help", "upnp", "nat-pmp", "firewall", ".."]),
    ("/ip u", ["upnp"]), ("ip", ["ip"]), ("nat", ["nat-pmp"]),
    ("nat-pmp set e", ["enabled="]), (".. nat", ["nat-pmp"]),
    ("print/", []), ("prunt ", []),
    # options and their values
    ("set hair", ["hairpin="]), ("set hairpin=", ["yes", "no"]),
    ("set hairpin=y", ["yes"]), ("se hair=n", ["no"]),
    ("set hairpin=yes hair", []), ("set backend=net", ["netlink"]),
    ("set friendly-name=", []), ("set friendly-name=\"a ", []),
    ("print d", ["detail"]), ("print detail d", []),
    ("interfaces add ty", ["type="]), ("interfaces add type=e", ["external"]),
    ("interfaces add interface=l", ["lo"]),
    ("interfaces set wan7 forced", ["forced-ip="]),
    ("get frie", ["friendly-name"]),
    # items, properties and terms
    ("interfaces remove ", ["wan7", "lan7"]), ("interfaces remove w", ["wan7"]),
    ("interfaces remove wan7,l", ["lan7"]),
    ("interfaces get ", ["wan7", "lan7", "value-name="]),
    ("interfaces get lan7 ty", ["type"]),
    ("interfaces get numbers=l", ["lan7"]),
    ("interfaces find ty", ["type="]), ("interfaces find dis", ["disabled"]),
    ("interfaces find type=", ["external", "internal"]),
    ("interfaces find forced-ip=", ["198.51.100.7"]),
    ("interfaces print where type=internal o", ["or"]),
    ("interfaces print where disabled=", ["yes", "no"]),
    # the last command of several; a comment
    ("print; set hair", ["hairpin="]), ("# pri", []),
])
def test_only_what_fits_is_offered(ctl, line, want):
    ctl.write(CONF)
    assert offered(ctl, line) == want


def test_each_thing_has_one_line_of_help(ctl):
    ctl.write("")
    lines = dict(line.split("\t") for line in
                 ctl.ok("--complete", "").splitlines())
    assert set(lines) >= {"print", "set", "interfaces", "check", "help", ".."}
    assert all(lines.values())
    lines = dict(line.split("\t") for line in
                 ctl.ok("--complete", "set ").splitlines())
    assert lines["hairpin="] == "yes or no; default no"
    assert all(lines.values())


def test_nothing_is_reported(ctl):
    """Neither an error of the line, nor a file that cannot be read."""
    ctl.write("nonsense\n")
    for line in ("prunt x", "set x=1 y", "interfaces remove ", "print where "):
        ctl.ok("--complete", line)
    ctl.fails("--complete")
