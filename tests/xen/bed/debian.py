# SPDX-License-Identifier: BSD-3-Clause
"""What dom0 needs of Debian so that dpkg installs a package in it and systemd runs its unit.

All of it comes from this machine, where those packages are anyhow; what the package depends on is
there for dpkg as it is there in fact, by the libraries that came with vswitchd.
"""

import glob
import os
import re
import subprocess

PROGRAMS = (
    # dpkg, and what it looks for before it does anything
    "/usr/bin/dpkg", "/usr/bin/dpkg-deb", "/usr/bin/dpkg-query", "/usr/bin/dpkg-divert",
    "/usr/bin/dpkg-trigger", "/usr/bin/dpkg-split", "/usr/bin/update-alternatives",
    "/usr/sbin/start-stop-daemon", "/usr/bin/tar", "/usr/bin/diff", "/usr/bin/rm",
    "/sbin/ldconfig",
    # what maintainer scripts call
    "/usr/bin/perl", "/usr/sbin/groupadd", "/usr/sbin/groupdel", "/usr/bin/getent",
    # systemd
    "/lib/systemd/systemd", "/bin/systemctl", "/usr/bin/unshare", "/usr/bin/nsenter",
)
SCRIPTS = (
    "/usr/sbin/addgroup", "/usr/sbin/adduser", "/usr/sbin/delgroup", "/usr/sbin/deluser",
    "/etc/adduser.conf", "/etc/deluser.conf", "/etc/login.defs",
    "/usr/share/perl5/Debian/AdduserCommon.pm",
    "/usr/sbin/invoke-rc.d", "/usr/sbin/update-rc.d", "/usr/bin/deb-systemd-helper",
    "/usr/bin/deb-systemd-invoke", "/lib/lsb/init-functions",
)
UNITS = ("basic.target", "local-fs.target", "local-fs-pre.target", "modprobe@.service",
         "multi-user.target", "network-pre.target", "paths.target", "shutdown.target",
         "slices.target", "sockets.target", "swap.target", "sysinit.target", "timers.target",
         "umount.target")
FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
    "etc/group": "root:x:0:\n",
    "etc/gshadow": "root:*::\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\ngshadow: files\n",
    "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
    "var/lib/dpkg/available": "",
    # there is no journal
    "etc/systemd/system/vswitchd.service.d/log.conf":
        "[Service]\nStandardError=append:/var/log/vswitchd.log\n",
}
FOLDERS = ("etc/alternatives", "etc/init.d", "var/cache", "var/lib/dpkg/alternatives",
           "var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers", "var/lib/dpkg/parts",
           "var/tmp", "root")
FIELDS = ("Package", "Status", "Version", "Architecture", "Multi-Arch", "Maintainer",
          "Provides")


def _output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          check=False).stdout


def needed(package):
    """{name: stanza for dpkg's status file} of what a package depends on, as it is installed here."""
    clauses = ",".join(_output("dpkg-deb", "-f", package, field).strip()
                       for field in ("Pre-Depends", "Depends"))
    stanzas = {}
    for clause in filter(None, clauses.split(",")):
        names = [re.split(r"[\s(:]", word.strip())[0] for word in clause.split("|")]
        found = [text for text in (_output("dpkg-query", "-s", name) for name in names)
                 if "\nStatus: install ok installed\n" in text]
        if not found:
            raise FileNotFoundError("%s is not installed" % " or ".join(names))
        lines = [line for line in found[0].splitlines() if line.split(":")[0] in FIELDS]
        name = lines[0].split()[1] + (":amd64" if "Multi-Arch: same" in lines else "")
        stanzas[name] = "\n".join(lines) + "\nDescription: from the machine that made this\n\n"
    return stanzas


def add(image, source, build):
    """Put all that into an image, and the package as built from the source and as the next version
    as /packages/old.deb and new.deb.
    """
    made = subprocess.run([os.path.join(source, "tests/package/build"), "--newer", "0.1.1",
                           os.path.join(build, "package")], stdout=subprocess.PIPE, text=True,
                          check=True).stdout.split()
    for name, package in zip(("old", "new"), made):
        image.file("packages/%s.deb" % name, package)
    for program in PROGRAMS:
        image.program(program, program)
    for script in SCRIPTS:
        image.file(script, script, 0o755)
    for unit in UNITS:
        image.file("lib/systemd/system/" + unit, "/lib/systemd/system/" + unit)
    for path in glob.glob("/usr/lib/x86_64-linux-gnu/perl-base/**", recursive=True):
        if os.path.isfile(path):
            image.file(path, path)
    for path, text in FILES.items():
        image.text(path, text)
    for path in FOLDERS:
        image.directory(path)
    packages = needed(made[0])
    image.text("var/lib/dpkg/status", "".join(packages.values()))
    for name in packages:
        image.text("var/lib/dpkg/info/%s.list" % name, "")
