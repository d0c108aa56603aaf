# SPDX-License-Identifier: BSD-3-Clause
"""Debian systems in folders: made by debootstrap, and run in namespaces of their own."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
# Beyond the minimum: what the cases look with, and the two inits.
PACKAGES = ("systemd", "iproute2", "iputils-ping", "procps", "dnsmasq-base")
TIMEOUT = 300  # seconds, of any command; for what takes seconds on an idle machine
# Of systemd's early services those that would do something to the real machine, or that wait for
# devices.
KEPT = ("systemd-journald.service", "systemd-tmpfiles-setup.service",
        "systemd-tmpfiles-setup-dev.service")
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "HOME": "/root",
               "DEBIAN_FRONTEND": "noninteractive"}


def run(*command, check=True, timeout=TIMEOUT, **kwargs):
    """Run a command to its end; the result has what it said, errors included, in stdout."""
    result = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            check=False, timeout=timeout, env=ENVIRONMENT, **kwargs)
    if check and result.returncode != 0:
        raise AssertionError("%s: exit status %d\n%s" % (
            " ".join(map(str, command)), result.returncode, result.stdout))
    return result


def wait_until(condition, what, timeout=180):
    """Call condition until it returns something true, and return that."""
    end = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() >= end:
            raise AssertionError("not within %s s: %s" % (timeout, what() if callable(what) else what))
        time.sleep(0.05)


def debian_sources():
    """(address, suite, component) of this machine's Debian mirrors, as apt knows them."""
    said = run("apt-get", "indextargets", "--format",
               "$(ORIGIN) $(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages").stdout
    sources = [line.split()[1:] for line in said.splitlines() if line.startswith("Debian ")]
    return list(dict.fromkeys(tuple(source) for source in sources))


def this_release():
    """The code name of the Debian that runs here."""
    with open("/etc/os-release", encoding="utf-8") as file:
        lines = dict(line.strip().split("=", 1) for line in file if "=" in line)
    return lines["VERSION_CODENAME"].strip('"')


def bootstrap(root):
    """Make a Debian like this machine's in a folder, able to install from the same mirrors."""
    sources, release = debian_sources(), this_release()
    mirror = next(source[0] for source in sources if source[1] == release)
    run("debootstrap", "--variant=minbase", "--include=" + ",".join(PACKAGES), release, root,
        mirror, timeout=1800)
    (root / "etc/apt/sources.list").write_text(
        "".join("deb %s %s %s\n" % source for source in sources))
    lists = root / "var/lib/apt/lists"
    for found in pathlib.Path("/var/lib/apt/lists").glob("*"):
        if found.is_file() and found.name != "lock":
            shutil.copy(found, lists)
    units = root / "etc/systemd/system"
    for unit in (root / "lib/systemd/system/sysinit.target.wants").iterdir():
        if unit.name not in KEPT and not (units / unit.name).exists():
            (units / unit.name).symlink_to("/dev/null")
    for timer in (root / "lib/systemd/system").glob("*.timer"):
        if not (units / timer.name).exists():
            (units / timer.name).symlink_to("/dev/null")


def apt_get(root, *words):
    """apt-get in a folder, with this machine's network; once more with fresh lists if it fails."""
    command = ["chroot", root, "apt-get", "-q", "-y", "--no-install-recommends", *words]
    if run(*command, check=False, timeout=900).returncode:
        run("chroot", root, "apt-get", "-q", "update", timeout=900)
        run(*command, timeout=900)


class Machine:
    """A system that runs: processes, network, mounts of its own, files over those of a base.

    init: what is its process 1; none: nothing but what is run in it.
    """

    def __init__(self, base, folder, init=()):
        self.root = folder / "root"
        for name in ("root", "upper", "work"):
            (folder / name).mkdir(parents=True)
        self._folder = folder
        run("mount", "-t", "overlay", "overlay", "-o",
            "lowerdir=%s,upperdir=%s/upper,workdir=%s/work" % (base, folder, folder), self.root)
        self._outer = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--fork",
             "--kill-child", sys.executable, "-B", str(HERE / "enter.py"), str(self.root), *init],
            stdin=subprocess.DEVNULL, stdout=open(folder / "console", "wb"),
            stderr=subprocess.STDOUT, env=ENVIRONMENT)
        pid = self._outer.pid
        children = pathlib.Path("/proc/%d/task/%d/children" % (pid, pid))
        self._first = wait_until(lambda: children.read_text().split(), "process 1")[0]
        if init:
            wait_until(lambda: self("systemctl", "is-active", "multi-user.target",
                                    check=False).stdout.strip() == "active", self.console)
        else:
            wait_until(lambda: "ready" in self.console(), self.console)

    def console(self):
        """What process 1 has said."""
        return (self._folder / "console").read_text(errors="replace")

    def __call__(self, *command, **kwargs):
        """Run a command in it."""
        return run("nsenter", "--target", self._first, "--mount", "--pid", "--net", "--uts",
                   "--ipc", "--cgroup", "--root", "--wd", "--", *command, **kwargs)

    def sh(self, script, **kwargs):
        """Run a script in it. Return: what it said."""
        return self("sh", "-euc", script, **kwargs).stdout

    def put(self, path):
        """Copy a file into its /root. Return: where it is there."""
        shutil.copy(path, self.root / "root")
        return "/root/" + os.path.basename(path)

    def stop(self):
        """End all of it."""
        if self._outer.poll() is None:
            os.kill(int(self._first), signal.SIGKILL)
        self._outer.wait(60)
        run("umount", "--lazy", self.root)
