#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-3-Clause
"""Process 1 of a machine whose root is a folder: enter.py ROOT [INIT ARGUMENT...]

Started by unshare(1) in namespaces of its own. Mounts what a system has, then becomes INIT, or, for
a machine without one, waits and lets ended processes go. The kernel is the real machine's: /sys is
read-only, so that nothing in here tells its devices anything.
"""

import os
import pathlib
import signal
import subprocess
import sys

NODES = ("null", "zero", "full", "random", "urandom", "tty")


def mount(*arguments):
    """mount(8)"""
    subprocess.run(["mount", *map(str, arguments)], check=True)


def main():
    """ROOT [INIT ARGUMENT...]"""
    root, init = pathlib.Path(sys.argv[1]), sys.argv[2:]
    mount("--make-rprivate", "/")
    mount("--bind", root, root)
    mount("-t", "proc", "proc", root / "proc")
    mount("-t", "sysfs", "-o", "ro", "sys", root / "sys")
    mount("-t", "cgroup2", "cgroup", root / "sys/fs/cgroup")
    mount("-t", "tmpfs", "-o", "mode=755", "dev", root / "dev")
    for name in NODES:
        (root / "dev" / name).touch()
        mount("--bind", "/dev/" + name, root / "dev" / name)
    (root / "dev/net").mkdir()
    os.mknod(root / "dev/net/tun", 0o600 | 0o020000, os.makedev(10, 200))
    for name, kind, options in (("pts", "devpts", "newinstance,ptmxmode=666"),
                                ("shm", "tmpfs", "mode=1777")):
        (root / "dev" / name).mkdir()
        mount("-t", kind, "-o", options, kind, root / "dev" / name)
    (root / "dev/ptmx").symlink_to("pts/ptmx")
    mount("-t", "tmpfs", "-o", "mode=755", "run", root / "run")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    os.chroot(root)
    os.chdir("/")
    if init:
        os.execve(init[0], init, {"container": "lxc", "PATH": os.defpath})
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
