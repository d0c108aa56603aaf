# SPDX-License-Identifier: BSD-3-Clause
"""What is measured of the control side: failover, many ports, and long files."""

import json
import os
import pathlib
import resource

from host import command


class Failover:
    """The bed of the system tests in namespaces of its own; see there, harness/failover.py."""

    name = "vswitchd"
    needs = []
    harness = pathlib.Path(__file__).resolve().parents[1] / "system"

    def __init__(self, directory, build):
        self.directory = directory
        self.environment = dict(os.environ, VSWITCH_BUILD=str(build), TMPDIR="/tmp",
                                PYTHONDONTWRITEBYTECODE="1", PYTHONPATH=str(self.harness))

    def measure(self, mode):
        """Its result, as printed."""
        return json.loads(command(["/usr/bin/python3", "-m", "harness.failover", mode],
                                  self.environment, timeout=120))


class ManyPorts(Failover):
    """The same with harness/many.py."""

    def measure(self, mode):
        """Its result for so many ports, as printed."""
        return json.loads(command(["/usr/bin/python3", "-m", "harness.many", str(mode)],
                                  self.environment, timeout=120))


class ManySections:
    """vsctl, which checks a file; no daemon runs."""

    name = "vsctl"
    needs = []

    def __init__(self, directory, build):
        self.file = directory / "many.conf"
        self.vsctl = build / "ctl" / "vsctl"

    def measure(self, number):
        """Of a file of so many sections: seconds of processor time."""
        ports = "".join(f"[port t{n}]\ntype = tap\nbridge = xenbr0\n" for n in range(1, number))
        self.file.parent.mkdir()
        self.file.write_text("[bridge xenbr0]\n" + ports)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command([self.vsctl, "config", "check", self.file])
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return {"check_seconds": after.ru_utime - before.ru_utime +
                after.ru_stime - before.ru_stime}
