#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Check the layers from the object files: who calls whom, never upwards and
never in a circle.

usage: layers.py BUILD-DIRECTORY, from the top of the tree
"""
import pathlib
import subprocess
import sys

# From the bottom up. A file may use what stands in a lower row; within a row
# only along the pairs of BESIDE or, for a folder, without a circle.
ROWS = [
    ["base/"],
    ["xmltiny"],
    ["igd/"],
    ["conf", "confline", "confopt", "confedit", "conffile",
     "leases", "state", "status", "priv", "ctl", "ctllisten",
     "ssdp", "ssdpmsg", "httpd", "httpconn",
     "httplisten", "soap", "gena", "genamsg", "genasend",
     "natfw", "natfw/"],
    ["router", "flows"],
    ["gate", "site", "identity"],
    ["follow"],
    ["engine", "report"],
    ["nursery"],
    ["warden"],
    ["monitor", "cmd/"],
    ["upnpctl"],
    ["upnpd"],
]


def row_of(name):
    for number, row in enumerate(ROWS):
        for entry in row:
            if name == entry or (entry.endswith("/")
                                 and name.startswith(entry)):
                return number
    sys.exit(f"{name}: has no layer; give it one in tests/layers.py")


def symbols(path):
    """The global symbols an object defines and those it needs."""
    out = subprocess.run(["nm", "-g", path], check=True, text=True,
                         capture_output=True).stdout
    defined, needed = set(), set()
    for line in out.splitlines():
        kind, symbol = line.split()[-2:]
        (needed if kind == "U" else defined).add(symbol)
    return defined, needed


def main():
    build = pathlib.Path(sys.argv[1])
    objects = {}
    for path in sorted(build.rglob("*.o")):
        name = str(path.relative_to(build).with_suffix(""))
        ours = pathlib.Path(name + ".c").exists()   # not build/static/...
        if ours and not name.startswith(("tests/", "bench/")):
            objects[name] = symbols(path)
    if len(objects) < 20:
        sys.exit(f"{build}: only {len(objects)} objects; build first")
    owner = {s: name for name, (defined, _) in objects.items()
             for s in defined}
    uses = {name: {owner[s] for s in needed if s in owner} - {name}
            for name, (_, needed) in objects.items()}
    faults = [f"{name} uses {other}, which stands above it"
              for name, others in uses.items() for other in others
              if row_of(other) > row_of(name)]
    faults += circles(uses)
    for fault in faults:
        print(fault)
    edges = sum(map(len, uses.values()))
    print(f"layers: {len(objects)} objects, {edges} uses, "
          f"{len(faults)} faults")
    return 1 if faults else 0


def circles(uses):
    """Take away what uses nothing that is left; what stays is in a circle."""
    left = {name: set(others) for name, others in uses.items()}
    while True:
        free = [name for name, others in left.items() if not others]
        if not free:
            break
        for name in free:
            del left[name]
        for others in left.values():
            others.difference_update(free)
    return [f"{name} stands in a circle with {', '.join(sorted(others))}"
            for name, others in sorted(left.items())]


if __name__ == "__main__":
    sys.exit(main())
