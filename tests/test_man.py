#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The documents agree with the program: upnpd.conf(5) and
docs/configuration.md have each option once, with its range and default, and no
other; upnpctl(8) has each command; the tests that SECURITY.md names exist, and
so do the files, functions and sections that a document names or links to.

usage: test_man.py BUILD-DIRECTORY, from the top of the tree
"""
import collections
import pathlib
import re
import subprocess
import sys

Option = collections.namedtuple("Option", "table name kind default range")

RULES = {"allow", "deny", "mapping"}   # lines of their own, in no table
NO_FUNCTIONS = {"fork", "done"}          # a system call, a callback
# Defaults that the page has in other words.
OTHER_WORDS = {"model-number": "the version"}


def table(build):
    """The options, as the unit test prints them."""
    out = subprocess.run([f"{build}/tests/test_confopt", "table"], check=True,
                         text=True, capture_output=True).stdout
    return [Option(*line.split("\t")) for line in out.splitlines()]


def plain(line):
    """A line of mdoc as a reader sees it: ".Ql a ." is "a."."""
    if line.startswith("."):
        line = line.partition(" ")[2]
        line = re.sub(r" ([.,;:])(?= |$)", r"\1", line)
    return line


def sections(page):
    """{heading: [(names, text)]}: the tagged paragraphs below each .Ss."""
    found, heading, names, text = {}, None, None, []
    for line in page.replace("\\\n", "").splitlines() + [".Sh end"]:
        if re.match(r"\.(It|El|Ss|Sh)\b", line):
            if names:
                found.setdefault(heading, []).append((names, " ".join(text)))
            names, text = None, []
        if line.startswith((".Ss ", ".Sh ")):
            heading = line[4:]
        elif line.startswith(".It Cm "):
            words = line[len(".It Cm "):].partition(" Ar ")[0]
            names = words.replace(" , ", " ").split()
        elif names:
            text.append(plain(line))
    return found


def wants(option):
    """Patterns that the paragraph of an option must match."""
    default = OTHER_WORDS.get(option.name, option.default)
    if default:
        yield rf"\bdefault:? {re.escape(default)}(?![\w-])"
    elif option.name == "type":
        yield r"\bno default\b"
    else:
        yield r"\bdefault: \w"
    if option.kind == "number":
        yield rf"(?<!\d){option.range}(?!\d)"
    elif option.kind == "word":
        for word in option.range.split(", "):
            yield rf"(?<![\w-]){word}(?![\w-])"
    else:
        yield re.escape(option.range)


def check_page(path, options):
    """Faults of the manual page."""
    found = sections(path.read_text())
    for heading, name in (("Settings", "whole"), ("Interfaces", "interface")):
        left = {o.name: o for o in options if o.table == name}
        for names, text in found.get(heading, []):
            for key in names:
                option = left.pop(key, None)
                if option is None and key not in RULES:
                    yield f"{path}: {key}: no such option, or a second time"
                for want in wants(option) if option else ():
                    if not re.search(want, text, re.IGNORECASE):
                        yield f"{path}: {key}: does not say /{want}/"
        for key in left:
            yield f"{path}: {key} is missing below {heading}"


def check_table(path, options):
    """Faults of a document's table of options: names and defaults."""
    known = {o.name: o.default for o in options if o.table == "whole"}
    rows = re.findall(r"^\| (`[a-z].*?) \| (.*?) \|", path.read_text(), re.M)
    rows = [(re.findall(r"`([a-z-]+)`", head), row) for head, row in rows
            if not re.search(r"[./]", head)]
    if len(rows) < 8:
        yield f"{path}: only {len(rows)} rows of options"
    for names, row in rows:
        if set(names) <= RULES:
            continue
        told = row.split(", ") * (1 if ", " in row else len(names))
        if len(told) != len(names):
            yield f"{path}: {names}: {len(told)} defaults"
        for key, default in zip(names, told):
            if known.get(key) != default:
                yield f"{path}: {key}: {default}, but it is {known.get(key)}"


def check_length(path, lines):
    """README is for somebody with three minutes."""
    n = len(path.read_text().splitlines())
    if n > lines:
        yield f"{path}: {n} lines, more than {lines}: move some to docs/"


def check_sample(path, options):
    """Faults of a sample configuration: keys only; -n reads it whole."""
    known = {o.name for o in options}
    for key in re.findall(r"^#? ?([a-z-]+) = ", path.read_text(), re.M):
        if key not in known:
            yield f"{path}: {key}: no such option"


def check_commands(path, build):
    """Faults of upnpctl(8): every command of its usage has a paragraph, and no
    other has."""
    usage = subprocess.run([f"{build}/upnpctl", "-h"], check=True, text=True,
                           capture_output=True).stdout
    usage = usage.partition("words:\n")[2]
    menus = r"((nat-pmp )?interfaces |mappings |rules |refusals |nat-pmp |" \
        r"/ip/firewall/nat )?"
    known = {re.match(rf"  ({menus}[a-z-]+)", line)[1]
             for line in usage.splitlines()} - {"-"}
    page, check, _ = path.read_text().partition(".Ss Why a port does not")
    told = {re.match(rf"{menus}[a-z]+", line)[0]
            for line in re.findall(r"^\.It Cm (.*)$", page, re.M)}
    told |= {"check"} if check else set()
    for name in known ^ told:
        yield f"{path}: {name} is " + ("missing" if name in known else
                                       "no command")
    if len(known) < 15:
        yield f"{path}: only {len(known)} commands in the usage"


def check_named_tests(path):
    """Faults of SECURITY.md: each `test_file` name, name; exists."""
    cells = re.findall(r"^\|.*\| (`test_.*) \|$", path.read_text(), re.M)
    for part in "; ".join(cells).split("; "):
        name, _, tests = part.partition("` ")
        files = [*pathlib.Path("tests").rglob(f"{name.strip('`')}.*")]
        text = "".join(f.read_text() for f in files if f.suffix in (".c",
                                                                    ".py"))
        if name.startswith("`") and not text:
            yield f"{path}: there is no {name.strip('`')}"
        for test in re.findall(r"\w+", tests):
            if not re.search(rf"\b{test}\(", text):
                yield f"{path}: {name.strip('`')} has no {test}"
    if len(cells) < 15:
        yield f"{path}: only {len(cells)} rows that name tests"


def anchor(heading):
    """The anchor that a heading has in rendered Markdown."""
    return re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-")


def check_links(path):
    """Faults of a document's links to files here and to their sections."""
    text = path.read_text()
    for target in re.findall(r"\]\(([^)]+)\)", text):
        name, _, section = target.partition("#")
        file = path.parent / name if name else path
        if "://" in target:
            continue
        if not file.exists():
            yield f"{path}: links to {target}, which does not exist"
        elif section and section not in map(anchor, re.findall(
                r"^#+ (.*)$", file.read_text(), re.M)):
            yield f"{path}: links to {target}, but there is no such section"


def check_names(path, sources):
    """Faults of a document on the code: each file and function() exists."""
    text = path.read_text()
    for name in re.findall(r"`([\w./-]+\.(?:c|h|py))`", text):
        found = pathlib.Path(name).exists() or any(
            pathlib.Path("tests").rglob(name))
        if not found:
            yield f"{path}: there is no {name}"
    for name in set(re.findall(r"\b([a-z]\w+)\(\)", text)):
        if not re.search(rf"^(?!\t)[^\n]*\b{name}\(", sources, re.M) and \
                name not in NO_FUNCTIONS:
            yield f"{path}: there is no function {name}"


def main():
    options = table(sys.argv[1])
    top = pathlib.Path()
    faults = [*check_page(top / "man/upnpd.conf.5", options),
              *check_table(top / "docs/configuration.md", options),
              *check_sample(top / "docs/configuration.md", options),
              *check_length(top / "README.md", 200),
              *check_sample(top / "dist/upnpd.conf", options),
              *check_named_tests(top / "SECURITY.md"),
              *check_commands(top / "man/upnpctl.8", sys.argv[1])]
    documents = [*top.glob("*.md"), *top.glob("docs/*.md")]
    sources = "".join(f.read_text() for f in top.glob("**/*.c")
                      if not str(f).startswith(("tests/", "build")))
    for path in documents:
        faults += check_links(path)
    for path in top.glob("docs/*.md"):
        faults += check_names(path, sources)
    for fault in faults:
        print(fault)
    print(f"man: {len(options)} options, {len(faults)} faults")
    return 1 if faults or len(options) < 30 else 0


if __name__ == "__main__":
    sys.exit(main())
