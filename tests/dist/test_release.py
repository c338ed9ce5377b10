# SPDX-License-Identifier: ISC
"""`make dist`: the tarball is complete and can be made again to the same bytes,
the SBOM is valid, and the recipes have the project's names."""
import datetime
import json
import os
import re
import tarfile

from release import NAME, TREE, VERSION, copy_sources, project, release, run


def text(*path):
    with open(os.path.join(TREE, *path), encoding="utf-8") as f:
        return f.read()


# ---- version and changes -------------------------------------------------

def test_make_dist_runs_although_there_is_a_folder_dist():
    assert os.path.isdir(os.path.join(TREE, "dist"))
    assert "tools/release dist" in run("make", "-n", "dist", cwd=TREE)


def test_version_is_in_one_place():
    """dist/project.mk has it, and CHANGELOG as the name of a release. docs/ may
    say since when something is so."""
    found = run("git", "-C", TREE, "grep", "-lwF", VERSION, "--",
                ":!tests/fuzz/corpus", ":!*.json", ":!docs").split()
    assert [name for name in found if name not in
            ("CHANGELOG.md", "dist/project.mk")
            and re.search(rf"(?<![\d.]){re.escape(VERSION)}(?![\d.])",
                          text(name))] == []


GROUPS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]


def test_changelog_has_the_form_of_keep_a_changelog():
    first, *parts = re.split(r"^## ", text("CHANGELOG.md"), flags=re.M)
    assert first.startswith("# Changelog\n")
    days = []
    for part in parts:
        heading, _, rest = part.partition("\n")
        if heading != "[Unreleased]":
            days.append(re.fullmatch(r"\[\d+\.\d+\.\d+\] - (\d{4}-\d\d-\d\d)",
                                     heading)[1])
            datetime.date.fromisoformat(days[-1])
        before, *groups = re.split(r"^### ", rest, flags=re.M)
        assert before.strip() == ""
        names = [group.partition("\n")[0] for group in groups]
        assert set(names) <= set(GROUPS) and len(set(names)) == len(names)
        for group in groups:
            lines = group.partition("\n")[2].strip().splitlines()
            assert lines and lines[0].startswith("- ")
            assert all(re.match(r"- |  |$", line) for line in lines)
    assert days == sorted(days, reverse=True) and days
    assert parts[0].startswith(
        f"[{VERSION}] - {project()['RELEASED']}\n")


def test_a_version_without_its_changes_is_refused(tmp_path):
    tree = copy_sources(tmp_path / "tree")
    facts = tree / "dist/project.mk"
    facts.write_text(facts.read_text().replace(VERSION, "9.9.9"))
    try:
        release("recipes", tmp_path / "dist", tree)
    except AssertionError as e:
        assert "newest release is not 9.9.9" in str(e)
    else:
        raise AssertionError("it is accepted")
    assert not (tmp_path / "dist").exists()


# ---- the tarball -------------------------------------------------------------

def test_tarball_has_the_sources(dist):
    with tarfile.open(dist / f"{NAME}.tar.xz") as tar:
        members = tar.getmembers()
    names = [member.name for member in members]
    assert names == sorted(names)
    assert {name.partition("/")[0] for name in names} == {NAME}
    for name in "upnpd.c", "Makefile", "LICENSE", "tests/dist/run":
        assert f"{NAME}/{name}" in names
    assert not [name for name in names if re.search(
        r"/(build|node_modules|__pycache__|\.git)/", name)]
    for member in members:
        assert (member.uid, member.gid, member.uname) == (0, 0, "root")
        assert member.mode in ((0o777,) if member.issym()
                               else (0o644, 0o755))
    day = datetime.datetime.fromisoformat(project()["RELEASED"] + "T00:00+00:00")
    assert {member.mtime for member in members} == {day.timestamp()}


def test_tarball_twice_has_the_same_bytes(dist, unpacked, tmp_path):
    """From other files without git, in another folder, with another umask, time
    zone and language; and from the tarball itself."""
    tree = copy_sources(tmp_path / "elsewhere")
    (tree / "build").mkdir()
    (tree / "build" / "left-over").write_text("")
    release("dist", tmp_path / "one", tree, umask=0o077,
            env={**os.environ, "TZ": "Asia/Tokyo", "LC_ALL": "C"})
    release("dist", tmp_path / "two", unpacked)
    sums = (dist / "SHA256SUMS").read_text()
    assert (tmp_path / "one" / "SHA256SUMS").read_text() == sums
    assert (tmp_path / "two" / "SHA256SUMS").read_text() == sums


def test_checksums(dist):
    out = run("sha256sum", "-c", "SHA256SUMS", cwd=dist)
    assert out.splitlines() == [f"{NAME}.spdx.json: OK", f"{NAME}.tar.xz: OK"]


# ---- what the project says about itself --------------------------------------

NAMES = ("PROJECT_URL", "PROJECT_SOURCE", "PROJECT_BUGS", "PROJECT_MAINTAINER")


def recipes_of(out):
    """The text of all recipes of a release, with Debian's."""
    found = ""
    for folder, _, names in os.walk(out):
        for name in names:
            if not name.endswith((".xz", "SUMS")):
                with open(os.path.join(folder, name), encoding="utf-8") as f:
                    found += f.read()
    return found


def test_what_is_not_set_is_named(tmp_path):
    tree = copy_sources(tmp_path / "tree")
    facts = tree / "dist/project.mk"
    unset = [name for name in NAMES if not project()[name]]
    said = release("recipes", tmp_path / "dist", tree)
    for name in unset:
        assert name in said
    assert ("not fit for publication" in said) is bool(unset)
    lines = facts.read_text()
    for name in NAMES:
        value = "Jane Doe <jane@example.org>" if name.endswith("MAINTAINER") \
            else "https://example.org/" + name
        lines = re.sub(rf"^{name} =.*$", f"{name} = {value}", lines,
                       flags=re.M)
    facts.write_text(lines)
    said = release("recipes", tmp_path / "dist", tree)
    assert "not fit" not in said and "not set" not in said
    release("debian", tmp_path / "debian", tree)
    (tmp_path / "debian" / NAME / "debian").rename(
        tmp_path / "dist" / "debian")
    for recipe in "openwrt/upnpd", "alpine", "buildroot", "debian":
        told = recipes_of(tmp_path / "dist" / recipe)
        assert "upnpd.invalid" not in told
        assert "https://example.org/PROJECT_URL" in told, recipe
        assert "https://example.org/PROJECT_SOURCE" in told, recipe
        assert recipe == "buildroot" or "jane@example.org" in told, recipe


def test_no_name_is_left_in_a_recipe(dist):
    assert re.findall(r"@[A-Z][A-Z0-9_]+@", recipes_of(dist)) == []


# ---- the SBOM ----------------------------------------------------------------
# By the clauses of SPDX 2.3.

RELATIONS = {"DESCRIBES", "GENERATED_FROM", "STATIC_LINK",
             "BUILD_DEPENDENCY_OF", "OPTIONAL_COMPONENT_OF"}
# clause 10.1 and annex D; identifiers of SPDX's lists
LICENCES = {"ISC", "MIT", "LGPL-2.1-or-later",
            "GPL-3.0-or-later WITH GCC-exception-3.1",
            "GPL-2.0-only WITH Linux-syscall-note"}


def test_sbom_is_valid(dist):
    doc = json.loads((dist / f"{NAME}.spdx.json").read_text())
    assert doc["spdxVersion"] == "SPDX-2.3"
    assert doc["dataLicense"] == "CC0-1.0"
    assert doc["SPDXID"] == "SPDXRef-DOCUMENT"
    assert re.fullmatch(r"[a-z]+:[^#]+", doc["documentNamespace"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
                        doc["creationInfo"]["created"])
    for creator in doc["creationInfo"]["creators"]:
        assert re.match(r"(Tool|Organization|Person): \S", creator)
    ids = [package["SPDXID"] for package in doc["packages"]]
    assert len(set(ids)) == len(ids)
    for package in doc["packages"]:
        assert re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", package["SPDXID"])
        assert package["name"] and package["downloadLocation"]
        assert package["filesAnalyzed"] is False
        for part in package["licenseDeclared"].split(" AND "):
            assert part.strip("()") in LICENCES
    for relation in doc["relationships"]:
        assert relation["relationshipType"] in RELATIONS
        for end in "spdxElementId", "relatedSpdxElement":
            assert relation[end] in ids + ["SPDXRef-DOCUMENT"]


def test_sbom_tells_what_is_in_the_program(dist):
    """The tarball by its checksum, and musl with its licence in a static
    program."""
    doc = json.loads((dist / f"{NAME}.spdx.json").read_text())
    named = {package["name"]: package for package in doc["packages"]}
    (told,) = named["upnpd"]["checksums"]
    assert f"{told['checksumValue']}  {NAME}.tar.xz\n" in \
        (dist / "SHA256SUMS").read_text()
    assert named["upnpd"]["licenseDeclared"] == "ISC"
    assert named["musl"]["licenseDeclared"] == "MIT"
    assert " MIT " in named["upnpd-static"]["licenseDeclared"]
    linked = {relation["relatedSpdxElement"]
              for relation in doc["relationships"]
              if relation["relationshipType"] == "STATIC_LINK"
              and relation["spdxElementId"] == named["upnpd-static"]["SPDXID"]}
    assert linked == {named["musl"]["SPDXID"], named["libgcc"]["SPDXID"]}
