# SPDX-License-Identifier: BSD-3-Clause
"""An initramfs put together from single files, with the libraries that its programs need.

The tree is merged as Debian's is (/bin, /sbin and /lib are links into /usr). A library is kept at
its real path with links for the names it is looked up by: DPDK loads its drivers by path, and one
that is reachable as two different files would be loaded, and register itself, twice.

Written as an uncompressed cpio archive of type newc (Linux
Documentation/driver-api/early-userspace/buffer-format.rst), so root is not needed to make one.
"""

import os
import re
import stat
import subprocess

_MERGED = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}


class Initramfs:
    """Files by path, without the leading slash."""

    def __init__(self):
        self._entries = {}
        for link, target in _MERGED.items():
            self.directory(target)
            self._entries[link] = (stat.S_IFLNK | 0o777, target.encode())
        self._libraries_of = {}

    def _place(self, path):
        """Path below the merged /usr, with its parent folders made."""
        parts = os.path.normpath(path.lstrip("/")).split("/")
        if parts[0] in _MERGED and len(parts) > 1:
            parts[0:1] = _MERGED[parts[0]].split("/")
        for depth in range(1, len(parts)):
            self._entries.setdefault("/".join(parts[:depth]), (stat.S_IFDIR | 0o755, b""))
        return "/".join(parts)

    def directory(self, path):
        """Add an empty folder."""
        self._entries.setdefault(self._place(path), (stat.S_IFDIR | 0o755, b""))

    def symlink(self, path, target):
        """Add a symbolic link."""
        self._entries[self._place(path)] = (stat.S_IFLNK | 0o777, target.encode())

    def text(self, path, content, mode=0o644):
        """Add a file with the given content."""
        self._entries[self._place(path)] = (stat.S_IFREG | mode, content.encode())

    def file(self, path, source, mode=0o644):
        """Add a copy of a file of this machine; read when the archive is written."""
        self._entries[self._place(path)] = (stat.S_IFREG | mode, source)

    def library(self, source):
        """Add a shared library under its real path, and the link it is looked up by."""
        real = os.path.realpath(source)
        self.file(real, real, 0o755)
        if self._place(source) != self._place(real):
            self.symlink(source, real)

    def program(self, path, source):
        """Add a program or plug-in with every shared library that ldd names."""
        self.file(path, source, 0o755)
        for library in self._needed(source):
            self.library(library)

    def _needed(self, source):
        if source not in self._libraries_of:
            result = subprocess.run(["ldd", source], stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, text=True, check=False)
            if "not found" in result.stdout:
                raise FileNotFoundError("%s: a shared library is missing:\n%s" %
                                        (source, result.stdout))
            self._libraries_of[source] = re.findall(r"(/\S+) \(0x", result.stdout)
        return self._libraries_of[source]

    def write(self, target):
        """Write the archive."""
        with open(target, "wb") as out:
            for number, (path, (mode, content)) in enumerate(sorted(self._entries.items()), 1):
                if isinstance(content, str):
                    with open(content, "rb") as stream:
                        content = stream.read()
                _write_entry(out, number, path, mode, content)
            _write_entry(out, 0, "TRAILER!!!", 0, b"")


def _write_entry(out, number, path, mode, content):
    name = path.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0)
    header = b"070701" + b"".join(b"%08x" % field for field in fields)
    out.write(header + name + bytes(-(len(header) + len(name)) % 4))
    out.write(content)
    out.write(bytes(-len(content) % 4))
