# SPDX-License-Identifier: BSD-3-Clause
"""The ELF kernel inside a bzImage, unpacked once here instead of at every emulated boot.

The offsets are those of the x86 boot protocol (Linux Documentation/arch/x86/boot.rst): setup_sects
at 0x1f1, payload_offset at 0x248, payload_length at 0x24c.
"""

import lzma
import os
import struct
import subprocess
import zlib


def _decompress(payload):
    """Unpack by magic number: Debian has changed from xz to lz4 and may change again.

    A payload carries trailing bytes that make a command complain, but only after its work.
    """
    if payload.startswith(b"\xfd7zXZ\0"):
        return lzma.LZMADecompressor().decompress(payload)
    if payload.startswith(b"\x1f\x8b"):
        return zlib.decompressobj(31).decompress(payload)
    for magic, command in ((b"\x02\x21\x4c\x18", "lz4"), (b"\x28\xb5\x2f\xfd", "zstd")):
        if payload.startswith(magic):
            return subprocess.run([command, "-dc"], input=payload, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, check=False).stdout
    raise ValueError("kernel is compressed in an unknown way (%s)" % payload[:6].hex())


def extract(bzimage, target):
    """Write the ELF kernel of a bzImage to target, unless it is there already."""
    if os.path.exists(target):
        return
    with open(bzimage, "rb") as stream:
        image = stream.read()
    setup_sectors = image[0x1f1] or 4
    offset, = struct.unpack_from("<I", image, 0x248)
    length, = struct.unpack_from("<I", image, 0x24c)
    start = (setup_sectors + 1) * 512 + offset
    kernel = _decompress(image[start:start + length])
    if not kernel.startswith(b"\x7fELF"):
        raise ValueError("%s holds no ELF kernel" % bzimage)
    with open(target + ".new", "wb") as stream:
        stream.write(kernel)
    os.rename(target + ".new", target)
