# SPDX-License-Identifier: BSD-3-Clause
"""Debian packages as files: resolved by name, downloaded and taken apart, never installed.

Versions are not written down here. Kernel and Xen are named by their meta packages
(linux-image-amd64, xen-system-amd64) and followed to whatever they point at today, because
Debian's point releases replace the concrete packages.

Everything lives below one cache folder, keyed by version:
    debs/NAME_VERSION.deb        as downloaded
    root/NAME_VERSION/           the files of it that were asked for
"""

import os
import re
import subprocess
import sys
import tarfile
import tempfile
import urllib.parse


class PackageError(Exception):
    """A package that cannot be found, downloaded or taken apart."""


def _run(command, **kwargs):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, check=False, **kwargs)
    if result.returncode:
        raise PackageError("%s: %s" % (" ".join(command), result.stderr.strip() or "failed"))
    return result.stdout


def _fields(name):
    """The control fields of the version of a package that apt would install."""
    text = _run(["apt-cache", "show", "--no-all-versions", name])
    return dict(re.findall(r"^([A-Za-z-]+): (.*)$", text, re.MULTILINE))


def with_fresh_lists(action):
    """Do action(), once more after "apt-get update" if it fails with a PackageError.

    A mirror drops a package when a newer version comes, and the lists here may be older than that.
    The action has to begin with the names of packages, since those of kernels change as well.
    """
    try:
        return action()
    except PackageError as error:
        print("%s; once more after apt-get update" % error, file=sys.stderr)
        _run(["apt-get", "-q", "update"])
        return action()


def dependency(meta, prefix):
    """The package whose name starts with prefix among those that a meta package depends on."""
    for clause in _fields(meta).get("Depends", "").split(","):
        name = clause.split("|")[0].split("(")[0].strip()
        if name.startswith(prefix):
            return name
    raise PackageError("%s depends on no package named %s*" % (meta, prefix))


class PackageCache:
    """Files of Debian packages below one folder."""

    def __init__(self, folder):
        self._debs = os.path.join(folder, "debs")
        self._root = os.path.join(folder, "root")
        os.makedirs(self._debs, exist_ok=True)
        os.makedirs(self._root, exist_ok=True)

    def _download(self, name, version):
        """Path of the .deb, downloaded if it is not here yet.

        apt escapes the epoch's colon in file names, and its sandbox user need not be able to
        write here, hence the option.
        """
        file_name = "%s_%s" % (name, urllib.parse.quote(version, safe="+~"))
        path = os.path.join(self._debs, file_name + ".deb")
        if os.path.exists(path):
            return path
        with tempfile.TemporaryDirectory(dir=self._debs) as scratch:
            _run(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download",
                  "%s=%s" % (name, version)], cwd=scratch)
            found = os.listdir(scratch)
            if len(found) != 1:
                raise PackageError("apt-get download %s left %s" % (name, found))
            os.rename(os.path.join(scratch, found[0]), path)
        return path

    def files(self, name, wanted):
        """Take files out of a package.

        wanted: paths inside the package, with no leading slash.
        Return: (version, {path inside the package: path of the copy}).
        """
        version = _fields(name)["Version"]
        folder = os.path.join(self._root, "%s_%s" % (name, urllib.parse.quote(version, safe="+~")))
        paths = {path: os.path.join(folder, path) for path in wanted}
        missing = {path for path, copy in paths.items() if not os.path.lexists(copy)}
        if missing:
            self._extract(self._download(name, version), folder, missing)
        for path, copy in paths.items():
            if not os.path.lexists(copy):
                raise PackageError("%s %s has no file /%s" % (name, version, path))
        return version, paths

    @staticmethod
    def _extract(deb, folder, missing):
        """Keep only what is missing: a whole kernel package is 300 MB in thousands of files."""
        parent = os.path.dirname(deb)
        with tempfile.TemporaryFile(dir=parent) as unpacked, \
             tempfile.TemporaryDirectory(dir=parent) as scratch:
            # Not a pipe: a hard link's content is where the archive had that file first.
            subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], stdout=unpacked, check=True)
            unpacked.seek(0)
            with tarfile.open(fileobj=unpacked, mode="r:") as archive:
                for member in archive:
                    path = os.path.normpath(member.name)
                    if path in missing:
                        archive.extract(member, scratch, set_attrs=False)
                        os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
                        # In one move, so that an interrupted run leaves no half file.
                        os.rename(os.path.join(scratch, path), os.path.join(folder, path))
