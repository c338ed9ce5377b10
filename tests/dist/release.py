# SPDX-License-Identifier: ISC
"""Make releases, in copies of the tree."""
import os
import re
import shutil
import subprocess
import sys

TREE = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.pop("BUILD", os.path.join(TREE, "build"))
# A make that runs the tests must not give its options to those of a package.
for name in "MAKEFLAGS", "MFLAGS", "MAKELEVEL":
    os.environ.pop(name, None)


def project(tree=TREE):
    """The variables of dist/project.mk."""
    with open(os.path.join(tree, "dist/project.mk"), encoding="utf-8") as f:
        return dict(re.findall(r"^(\w+) =[ \t]*(.*)$", f.read(), re.M))


VERSION = project()["VERSION"]
NAME = f"upnpd-{VERSION}"


def run(*argv, **more):
    """Run a command. Return its output."""
    done = subprocess.run([str(arg) for arg in argv], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          **more)
    assert done.returncode == 0, f"{argv}\n{done.stdout[-4000:]}"
    return done.stdout


def release(what, out, tree=TREE, **more):
    return run(sys.executable, os.path.join(tree, "tools/release"), what, out,
               **more)


def copy_sources(target):
    """Copy what git tracks, with other times and modes, but without git."""
    names = run("git", "-C", TREE, "ls-files", "-z").split("\0")
    for name in filter(None, names):
        source, place = os.path.join(TREE, name), os.path.join(target, name)
        if not os.path.lexists(source):
            continue
        os.makedirs(os.path.dirname(place), exist_ok=True)
        shutil.copy(source, place, follow_symlinks=False)
        if not os.path.islink(place):
            os.chmod(place, os.stat(place).st_mode & 0o700 | 0o060)
    return target
