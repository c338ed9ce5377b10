# SPDX-License-Identifier: ISC
"""The lease file of version 0.1.0, which also held the operator's mappings."""
import zlib


def text(*lines, boot_id="-"):
    """A lease file with these lines, each followed by its checksum."""
    return "".join(f"{line} {zlib.crc32(line.encode()):08x}\n" for line in
                   (f"upnpd-leases 1 {boot_id}", *lines))
