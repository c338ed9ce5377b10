# SPDX-License-Identifier: ISC
"""Sessions at the prompt of RouterOS, in the form of its manual, and what
upnpctl prints for each command. A test compares words: no spaces, no line of
flags and no head of a table."""
import re

# The manual of RouterOS 2.9 to 6, /ip upnp; and a last look.
UPNP_6 = """\
[admin@MikroTik] ip upnp> set enable=yes
[admin@MikroTik] ip upnp> print
                             enabled: yes
    allow-disable-external-interface: yes
                     show-dummy-rule: yes
[admin@MikroTik] ip upnp interfaces> add interface=ether1 type=external
[admin@MikroTik] ip upnp interfaces> add interface=ether2 type=internal
[admin@MikroTik] ip upnp interfaces> print
Flags: X - disabled
  0 X ether1    external
  1 X ether2    internal
[admin@MikroTik] ip upnp interfaces> enable 0,1
[admin@MikroTik] ip upnp interfaces> .. set enabled=yes
[admin@MikroTik] ip upnp interfaces> print
Flags: X - disabled
  0   ether1    external
  1   ether2    internal
"""

# RouterOS 7, /ip upnp.
UPNP_7 = """\
[admin@MikroTik] > /ip firewall nat
[admin@MikroTik] /ip/firewall/nat> add action=masquerade chain=srcnat \
out-interface=ether1
[admin@MikroTik] ip upnp> set enabled=yes
[admin@MikroTik] ip upnp> print
                             enabled: yes
    allow-disable-external-interface: yes
                     show-dummy-rule: yes
[admin@MikroTik] ip upnp interfaces> add interface=ether1 type=external
[admin@MikroTik] ip upnp interfaces> add interface=ether2 type=internal
[admin@MikroTik] ip upnp interfaces> print
Flags: X - disabled, D - dynamic
Columns: INTERFACE, TYPE
 #   INTERFACE  TYPE
 0 X ether1     external
 1 X ether2     internal
[admin@MikroTik] ip upnp interfaces> enable 0,1
[admin@MikroTik] ip upnp interfaces> .. set enabled=yes
[admin@MikroTik] > /ip/upnp/interfaces/print where type=internal
 1   ether2     internal
[admin@MikroTik] > /ip upnp interfaces print count-only
2
[admin@MikroTik] > /ip upnp interfaces find disabled=no
0,1
"""

# RouterOS 7, /ip nat-pmp.
NAT_PMP = """\
[admin@MikroTik] > /ip firewall nat add action=masquerade chain=srcnat \
out-interface=ether1
[admin@MikroTik] ip nat-pmp> set enable=yes
[admin@MikroTik] ip nat-pmp> print
                             enabled: yes
[admin@MikroTik] ip nat-pmp interfaces> add interface=ether1 type=external
[admin@MikroTik] ip nat-pmp interfaces> add interface=ether2 type=internal
[admin@MikroTik] ip nat-pmp interfaces> print
Flags: X - disabled, D - dynamic
 0 X ether1     external
 1 X ether2     internal
[admin@MikroTik] ip nat-pmp interfaces> enable 0,1
[admin@MikroTik] ip nat-pmp interfaces> .. set enabled=yes
[admin@MikroTik] ip nat-pmp interfaces> print
 0   ether1     external
 1   ether2     internal
"""

ALL = {"upnp-6": UPNP_6, "upnp-7": UPNP_7, "nat-pmp": NAT_PMP}


def steps(transcript):
    """(menu, command, output) for each prompt; menu such as "/ip upnp"."""
    found = []
    for line in transcript.splitlines():
        prompt = re.match(r"\[\S+\] (/?)(.*?)> (.*)", line)
        if prompt:
            menu = "/" + prompt[2].strip().replace("/", " ")
            found.append((menu, prompt[3], []))
        else:
            found[-1][2].append(line)
    return found


def words(text):
    """The words of each line that is neither flags nor the head of a table."""
    lines = text if isinstance(text, list) else text.splitlines()
    return [line.split() for line in lines
            if line.split() and not re.match(r"\s*(Flags:|Columns:|#|\w-)",
                                             line)]
