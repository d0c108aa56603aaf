# SPDX-License-Identifier: BSD-3-Clause
"""Open vSwitch with its user-space datapath, on a host of its own."""

import os
import pathlib

from .netns import run
from .wait import wait_until

SWITCH = "/usr/lib/openvswitch-switch/ovs-vswitchd"
DATABASE = "/usr/sbin/ovsdb-server"
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
START_TIMEOUT = 60


def lacking():
    """Why it cannot run here, or None."""
    for path in (SWITCH, DATABASE, SCHEMA):
        if not pathlib.Path(path).exists():
            return "no %s: openvswitch-switch is not installed" % path
    return None


class Ovs:
    """Its processes end with the host; files are in folder."""

    def __init__(self, host, folder):
        self.host = host
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.socket = self.folder / "db.sock"
        self.control = self.folder / "switch.ctl"

    def start(self):
        """Start both daemons."""
        environment = dict(os.environ, OVS_RUNDIR=str(self.folder), OVS_LOGDIR=str(self.folder),
                           OVS_DBDIR=str(self.folder))
        run("ovsdb-tool", "create", self.folder / "conf.db", SCHEMA)
        with open(self.folder / "log", "ab") as log:
            self.host.spawn(DATABASE, self.folder / "conf.db", "--remote=punix:%s" % self.socket,
                            "--unixctl=%s" % (self.folder / "db.ctl"),
                            env=environment, stdout=log, stderr=log)
            wait_until(self.socket.exists, START_TIMEOUT, "ovsdb-server is ready")
            self.vsctl("--no-wait", "init")
            self.host.spawn(SWITCH, "unix:%s" % self.socket, "--disable-system",
                            "--unixctl=%s" % self.control,
                            env=environment, stdout=log, stderr=log)
        wait_until(self.control.exists, START_TIMEOUT, "ovs-vswitchd is ready")
        return self

    def vsctl(self, *words):
        """ovs-vsctl(8). Return: what it prints."""
        return run("ovs-vsctl", "--db=unix:%s" % self.socket, "--timeout=60", *words).stdout

    def appctl(self, *words):
        """ovs-appctl(8). Return: what it prints."""
        return run("ovs-appctl", "-t", self.control, *words).stdout

    def add_bridge(self, name, *settings):
        """A bridge of the user-space datapath. settings: "column=value"."""
        self.vsctl("add-br", name, "--", "set", "bridge", name, "datapath_type=netdev", *settings)

    def add_port(self, bridge, name, *settings):
        """An interface of the host becomes a port."""
        self.vsctl("add-port", bridge, name, *(["--", "set", "port", name, *settings]
                                               if settings else []))
        failure = self.vsctl("get", "interface", name, "error").strip()
        assert failure == "[]", "ovs: port %s: %s" % (name, failure)
