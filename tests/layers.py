#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Check the layers: which folder may use which, by #include lines and by the
symbols of the object files; that an exported name leads to its file; and that
no text has a conversion that wr_fmt() lacks.

usage: layers.py BUILD-DIRECTORY, from the top of the tree
"""
import pathlib
import re
import subprocess
import sys

# From the top down. A folder may use those in the rows below its own, and
# nothing beside it. So monitor/, engine/ and upnpctl/ need nothing of each
# other.
ROWS = [
    ["main"],
    ["monitor", "engine", "upnpctl"],
    ["soap", "gena", "ssdp", "httpd", "pmp", "upstream"],
    ["igd"],
    ["http"],
    ["natfw"],
    ["conf"],
    ["ipc"],
    ["map"],
    ["sys"],
    ["base"],
]
# A file at the root belongs to the folder of its subject.
ROOT = {"upnpd": "main", "soap": "soap", "ssdp": "ssdp", "httpd": "httpd",
        "xmltiny": "http", "natfw": "natfw"}
RANK = {folder: number for number, row in enumerate(ROWS) for folder in row}


def folder_of(name):
    """The folder of a source, object or header, named without its ending."""
    parts = name.split("/")
    folder = parts[0] if len(parts) > 1 else ROOT.get(name)
    if folder not in RANK:
        sys.exit(f"{name}: has no layer; give it one in tests/layers.py")
    return folder


def may_use(user, used):
    return user == used or RANK[used] > RANK[user]


def sources():
    tracked = subprocess.run(["git", "ls-files", "*.c", "*.h"], check=True,
                             text=True, capture_output=True).stdout.split()
    return [f for f in tracked if not f.startswith(("tests/", "bench/"))]


def include_faults(files):
    for file in files:
        text = pathlib.Path(file).read_text()
        for header in re.findall(r'^#include "([^"]+)\.h"', text, re.M):
            if header in ("sysname", "seccomp_nr"):     # made by make
                continue
            if not may_use(folder_of(file[:-2]), folder_of(header)):
                yield f"{file} includes {header}.h, which is not below it"


def format_faults(files):
    """wr_fmt() knows less than printf (wr.h), and the compiler checks only
    what printf knows."""
    comment = re.compile(r"/\*.*?\*/", re.S)
    known = re.compile(r"%(%|(\.(\*|\d+))?s|c|0?\d*(ll?|z)?[dux])")
    for file in files:
        text = comment.sub("", pathlib.Path(file).read_text())
        for literal in re.findall(r'"((?:[^"\\\n]|\\.)*)"', text):
            if re.search(r"%[-+ #.*\d]*[a-zA-Z]", known.sub("", literal)):
                yield f'{file}: wr_fmt() has no such conversion: "{literal}"'


def same_name_faults(files):
    seen = {}
    for file in files:
        if file.endswith(".c"):
            name = file.rsplit("/", 1)[-1]
            if name in seen:
                yield f"{file} has the name of {seen[name]}"
            seen[name] = file


def symbols(path):
    """The global symbols an object defines, as {name: section}, and those it
    needs."""
    out = subprocess.run(["nm", "-g", "-f", "sysv", path], check=True,
                         text=True, capture_output=True).stdout
    defined, needed = {}, set()
    for line in out.splitlines():
        fields = [field.strip() for field in line.split("|")]
        if len(fields) != 7 or fields[0] == "Name":
            continue
        if fields[2] == "U":
            needed.add(fields[0])
        else:
            defined[fields[0]] = fields[6]
    return defined, needed


def read_objects(build):
    """{name of the source without ".c": symbols()}"""
    objects = {}
    root = pathlib.Path(build) / "obj"
    for path in sorted(root.rglob("*.o")):
        name = str(path.relative_to(root).with_suffix(""))
        ours = pathlib.Path(name + ".c").exists()   # not end/...
        if ours and not name.startswith(("tests/", "bench/")):
            objects[name] = symbols(path)
    if len(objects) < 20:
        sys.exit(f"{build}: only {len(objects)} objects; build first")
    return objects


def name_faults(objects):
    """An exported function carries its file's name, so that a reader finds
    it; no variable that can change is exported."""
    for name, (defined, _) in objects.items():
        stem = name.rsplit("/", 1)[-1]
        if stem.startswith("unlisted_"):    # three ways to do one thing
            stem = "unlisted"
        if stem.startswith("without_"):     # has the functions of others
            continue
        for symbol, section in defined.items():
            if section.startswith((".data", ".bss", "*COM*")) \
                    and not section.startswith(".data.rel.ro"):
                yield f"{name} exports the variable {symbol}"
            if section.startswith(".text") and symbol not in (stem, "main") \
                    and not symbol.startswith(stem + "_"):
                yield f"{name} exports {symbol}, which is not {stem}_..."


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
    return [f"{name} is in a circle with {', '.join(sorted(others))}"
            for name, others in sorted(left.items())]


def main():
    files = sources()
    objects = read_objects(sys.argv[1])
    owner = {s: name for name, (defined, _) in objects.items()
             for s in defined}
    uses = {name: {owner[s] for s in needed if s in owner} - {name}
            for name, (_, needed) in objects.items()}
    faults = [*include_faults(files), *format_faults(files),
              *same_name_faults(files), *name_faults(objects)]
    faults += [f"{name} uses {other}, which is not below it"
               for name, others in uses.items() for other in others
               if not may_use(folder_of(name), folder_of(other))]
    faults += circles(uses)
    for fault in faults:
        print(fault)
    edges = sum(map(len, uses.values()))
    print(f"layers: {len(objects)} objects, {edges} uses, "
          f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
