# SPDX-License-Identifier: BSD-3-Clause
"""vswitchd and vsctl, as an operator has them."""

import json
import os
import pathlib
import signal
import socket
import subprocess

from .netns import COMMAND_TIMEOUT, die_with_parent
from .wait import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[3]
START_TIMEOUT = 120
STOP_TIMEOUT = 120
# how many are free, and until when, is up to whoever else takes some; of the host's own /sys
NO_HUGEPAGES = ["sh", "-c", 'mount -t tmpfs none /sys/kernel/mm/hugepages 2> /dev/null; exec "$@"',
                "sh"]


def build_folder():
    """Where the programs were built: VSWITCH_BUILD, default ./build."""
    return pathlib.Path(os.environ.get("VSWITCH_BUILD", ROOT / "build")).resolve()


class VsctlError(Exception):
    """vsctl refused: status and what it said."""

    def __init__(self, command, result):
        self.status = result.returncode
        self.text = result.stderr
        super().__init__("vsctl %s: exit status %d: %s" % (
            " ".join(command), self.status, self.text.strip()))


class Daemon:
    """A vswitchd on a host (a network namespace)."""

    def __init__(self, host, folder):
        self.host = host
        self.folder = pathlib.Path(folder)
        self.run_dir = self.folder / "run"
        self.config = self.folder / "vswitch.conf"
        self.log_path = self.folder / "vswitchd.log"
        self.process = None
        self.limits = []  # words in front of its command line
        self.folder.mkdir(parents=True, exist_ok=True)

    @property
    def socket_path(self):
        """The control socket."""
        return self.run_dir / "vswitchd.sock"

    @property
    def log(self):
        """What all the daemons of this folder have said so far."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    @property
    def pid(self):
        """Process id of the running daemon."""
        return self.process.pid

    def command(self, *options):
        """Command line of a daemon that stays in the foreground."""
        config = ["--config", str(self.config)] if self.config.exists() else []
        return self.host.command(*NO_HUGEPAGES, *self.limits, build_folder() / "vswitch/vswitchd",
                                 "--foreground", "--no-xen", "--run-dir", self.run_dir, *config,
                                 *options)

    def start(self, config=None):
        """Start and wait until the socket is served."""
        if config is not None:
            self.config.write_text(config)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, preexec_fn=die_with_parent)
        wait_until(self._ready, START_TIMEOUT, lambda: "vswitchd is ready; log:\n" + self.log)
        return self

    def _ready(self):
        assert self.process.poll() is None, "vswitchd ended: status %s; log:\n%s" % (
            self.process.returncode, self.log)
        try:
            return self.rpc("version")["result"]
        except (FileNotFoundError, ConnectionRefusedError):
            return None

    def run_to_end(self, *options, timeout=START_TIMEOUT):
        """Run a daemon that is expected to end by itself."""
        return subprocess.run(self.command(*options), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              check=False, timeout=timeout, preexec_fn=die_with_parent)

    def stop(self, signal_number=signal.SIGTERM):
        """End it. Return: its exit status."""
        if self.process is None:
            return None
        process, self.process = self.process, None
        process.send_signal(signal_number)
        try:
            return process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError("vswitchd does not end; log:\n" + self.log) from None

    def vsctl_raw(self, *words):
        """Run vsctl; whatever comes of it."""
        command = [str(build_folder() / "ctl/vsctl"), "-s", str(self.socket_path),
                   *map(str, words)]
        return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False,
                              timeout=COMMAND_TIMEOUT, preexec_fn=die_with_parent)

    def vsctl(self, *words):
        """Run vsctl -j; what it shows, or None. VsctlError if it refuses."""
        words = [str(word) for word in words]
        result = self.vsctl_raw("-j", *words)
        if result.returncode != 0:
            raise VsctlError(words, result)
        return json.loads(result.stdout) if result.stdout.strip() else None

    def connect(self):
        """A connection to the socket."""
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.settimeout(COMMAND_TIMEOUT)
        try:
            client.connect(str(self.socket_path))
        except OSError:
            client.close()
            raise
        return client

    def rpc(self, method, **params):
        """One request, straight to the socket. Return: the whole reply."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return json.loads(self.rpc_line(json.dumps(request).encode()))

    def rpc_line(self, line):
        """Send a line as it is and return the reply's."""
        with self.connect() as client:
            client.sendall(line + b"\n")
            with client.makefile("rb") as file:
                return file.readline()

    def state(self):
        """What an operator has configured; equal before and after a request that was refused."""
        ports = [{key: port.get(key) for key in (
            "port", "bridge", "type", "vid", "trunk", "native", "tunnel", "tpid", "isolated",
            "flood_unknown", "flood_multicast", "flood_broadcast", "parent", "parent_vid", "mtu",
            "mac")}
                 for port in self.vsctl("port", "show")]
        bridges = [{key: bridge[key] for key in ("bridge", "ageing", "fdb_limit", "ports")}
                   for bridge in self.vsctl("bridge", "show")]
        statics = [row for row in self.vsctl("fdb", "show") if row["static"]]
        return {"ports": sorted(ports, key=lambda port: port["port"]), "bridges": bridges,
                "statics": statics}

    def port(self, name):
        """One row of port show."""
        return self.vsctl("port", "show", name)[0]

    def wait_link(self, name, link="up"):
        """Wait until a port's link is up (or down). Return: its row."""
        def reached():
            row = self.port(name)
            return row if row["link"] == link else None
        return wait_until(reached, what=lambda: "port %s is %s: %s" % (name, link, self.port(name)))

    def stats(self, name):
        """One row of stats show; reasons that dropped nothing read as 0."""
        row = self.vsctl("stats", "show", name)[0]
        return row

    def drops(self, name, reason):
        """How many packets a port dropped for a reason."""
        return self.stats(name)["drops"].get(reason, 0)

    def fdb(self, bridge, **filters):
        """{(mac, vid or 0): port} of a bridge."""
        words = [word for key, value in filters.items() for word in (key, value)]
        return {(row["mac"], row["vid"] or 0): row["port"]
                for row in self.vsctl("fdb", "show", bridge, *words)}

    def balance(self):
        """(packets in and copies, packets out, drops, merged and punted), of all ports: equal at rest."""
        rows = self.vsctl("stats", "show")
        into = sum(row["rx_packets"] + row["copies"] for row in rows)
        out = sum(row["tx_packets"] + row["merged"] + row["punted"] + sum(row["drops"].values())
                  for row in rows)
        return into, out
