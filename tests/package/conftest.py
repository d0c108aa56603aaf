# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures of the package's tests. All of it is in a folder of memory that goes with the run."""

import concurrent.futures
import itertools
import os
import pathlib

import pytest

import machine

BUILD = pathlib.Path(os.environ["VSWITCH_BUILD"])
SYSTEMD = ("/lib/systemd/systemd", "--system", "--unit=multi-user.target", "--show-status=no",
           "--log-target=console", "--log-level=warning")
NEWER = "0.1.1"


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """(the package, one that is newer, a Debian with what it depends on). Both cores have work."""
    base = tmp_path_factory.mktemp("base") / "root"
    with concurrent.futures.ThreadPoolExecutor() as pool:
        system = pool.submit(machine.bootstrap, base)
        said = machine.run(machine.HERE / "build", "--newer", NEWER, BUILD / "package",
                           timeout=2400).stdout
        system.result()
    package, newer = map(pathlib.Path, said.split())
    (base / "root" / package.name).write_bytes(package.read_bytes())
    machine.apt_get(base, "--download-only", "install", "xen-utils-common")
    machine.apt_get(base, "install", "--", "/root/" + package.name)
    # what it depends on stays
    machine.run("chroot", base, "dpkg", "--purge", "vswitch")
    return package, newer, base


@pytest.fixture(name="package")
def _package(made):
    """Path of the .deb."""
    return made[0]


@pytest.fixture(name="newer")
def _newer(made):
    """Path of the next version's."""
    return made[1]


@pytest.fixture(name="machines")
def _machines(made, tmp_path):
    """Makes machines: machines() without init, machines(SYSTEMD) with systemd."""
    running, numbers = [], itertools.count()

    def start(init=()):
        running.append(machine.Machine(made[2], tmp_path / str(next(numbers)), init))
        return running[-1]

    yield start
    for one in running:
        one.stop()
