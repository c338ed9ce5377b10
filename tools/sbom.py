# SPDX-License-Identifier: ISC
"""The SBOM of a release: an SPDX 2.3 document in JSON. tools/release writes it.

A dynamic program contains only upnpd. A static one also contains parts of a C
library and of the compiler's runtime library, whose licences its distributor
has to keep: musl's (MIT) asks for its notice in copies."""
import json
import uuid

EXCEPTION = "GPL-3.0-or-later WITH GCC-exception-3.1"
# What else is in a static program, or needed to build one:
# name: (licence, home page, copyright, relationship to the program, comment)
PARTS = {
    "musl": (
        "MIT", "https://musl.libc.org/",
        "Copyright 2005-2020 Rich Felker, et al.", "STATIC_LINK",
        "The C library of `make static` and of `make cross` where Debian has "
        "it. The file COPYRIGHT of its sources goes with each copy of the "
        "program."),
    "libgcc": (
        EXCEPTION, "https://gcc.gnu.org/",
        "Copyright Free Software Foundation, Inc.", "STATIC_LINK",
        "The compiler's runtime library: few functions, and none on some "
        "machines. Its exception permits distribution under any terms."),
    "glibc": (
        "LGPL-2.1-or-later", "https://www.gnu.org/software/libc/",
        "Copyright Free Software Foundation, Inc.", "OPTIONAL_COMPONENT_OF",
        "Instead of musl in `make cross-mips` and `make cross-riscv64`, for "
        "which Debian 12 has no musl."),
    "linux-headers": (
        "GPL-2.0-only WITH Linux-syscall-note", "https://www.kernel.org/",
        "Copyright Linus Torvalds and others", "BUILD_DEPENDENCY_OF",
        "Constants and structures of the kernel's interface."),
}
PROGRAM = "SPDXRef-static"


def package(ref, name, **more):
    return {"SPDXID": ref, "name": name, "filesAnalyzed": False,
            "licenseConcluded": "NOASSERTION", **more}


def relation(one, kind, other):
    return {"spdxElementId": one, "relationshipType": kind,
            "relatedSpdxElement": other}


def ours(facts, tar, sha256):
    """The sources, and a static program that is built of them."""
    same = {"versionInfo": facts["VERSION"],
            "supplier": "Organization: The upnpd authors",
            "copyrightText": "Copyright (c) 2026 The upnpd authors",
            "homepage": facts["PROJECT_URL"]}
    yield package("SPDXRef-source", "upnpd", packageFileName=tar,
                  downloadLocation=f"{facts['PROJECT_SOURCE']}/{tar}",
                  licenseDeclared="ISC", primaryPackagePurpose="SOURCE",
                  checksums=[{"algorithm": "SHA256",
                              "checksumValue": sha256}], **same)
    yield package(PROGRAM, "upnpd-static", downloadLocation="NOASSERTION",
                  licenseDeclared=f"ISC AND MIT AND ({EXCEPTION})",
                  primaryPackagePurpose="APPLICATION",
                  comment="The program as `make static` builds it, with musl.",
                  **same)


def others():
    for name, (terms, home, holder, _, comment) in PARTS.items():
        yield package(f"SPDXRef-{name}", name, downloadLocation="NOASSERTION",
                      licenseDeclared=terms, copyrightText=holder,
                      homepage=home, comment=comment)


def relations():
    yield relation("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-source")
    yield relation("SPDXRef-DOCUMENT", "DESCRIBES", PROGRAM)
    yield relation(PROGRAM, "GENERATED_FROM", "SPDXRef-source")
    for name, (_, _, _, kind, _) in PARTS.items():
        if kind.endswith("_OF"):
            yield relation(f"SPDXRef-{name}", kind, PROGRAM)
        else:
            yield relation(PROGRAM, kind, f"SPDXRef-{name}")


def document(facts, tar, sha256):
    """Return the document's text. @tar: the tarball's name"""
    return json.dumps({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"upnpd-{facts['VERSION']}",
        # the same for the same tarball
        "documentNamespace": "urn:uuid:" + str(uuid.uuid5(uuid.NAMESPACE_OID,
                                                          sha256)),
        "creationInfo": {"created": facts["RELEASED"] + "T00:00:00Z",
                         "creators": ["Organization: The upnpd authors",
                                      "Tool: upnpd-tools-sbom"]},
        "packages": [*ours(facts, tar, sha256), *others()],
        "relationships": list(relations()),
    }, indent=2) + "\n"
