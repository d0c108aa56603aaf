# SPDX-License-Identifier: BSD-3-Clause
"""The programs that are compared: each forwards between the same two generator ports.

A program is a context manager: entering starts it and waits until it forwards what it has
learnt, leaving stops it. measure() may be called in between.
"""

import dataclasses
import json
import os
import queue
import re
import subprocess
import threading
import time

import traffic
from host import (CONTROL_CORE, WORKER_CORE, BenchError, Children, command, thread_seconds,
                  tsc_hz, wait_for)

START_SECONDS = 60

# More than this share of what came in and did not go out means that the figure is not one of
# forwarding. The two counters are not read in the same instant, hence not zero.
LOSS_LIMIT = 0.01


@dataclasses.dataclass
class Setup:
    """What a program is to forward."""
    pcaps: list            # one file per generator port
    n_stations: int        # MACs a bridge knows when it has learnt the traffic
    table_pcap: str = ""   # frames to a third port, to fill the table
    table_size: int = 0    # entries in the table then, those of the traffic included
    routed_pcaps: list = dataclasses.field(default_factory=list)  # the same flows, for a router
    n_routes: int = 0      # of each side
    n_flows: int = 0       # of NAT: that the traffic has
    n_sessions: int = 0    # and that the table has
    flow_port: str = ""    # preloaded: makes generators of net_null (flow_port.c)


@dataclasses.dataclass
class Sample:
    """Counters of all ports at one moment."""
    seconds: float
    rx: list
    tx: list
    cpu: dict


@dataclasses.dataclass
class Measurement:
    """One round of one program."""
    mpps: float
    cycles: float
    busy: float
    extra: dict = dataclasses.field(default_factory=dict)


def devargs(index, pcap):
    return f"net_pcap{index},rx_pcap={pcap},infinite_rx=1"


class Program:
    """Starting, sampling and the common arithmetic."""

    loss_limit = LOSS_LIMIT  # None: there is more traffic than the program is expected to take

    def __init__(self, directory, setup):
        self.directory = directory
        self.setup = setup
        self.children = Children(directory)
        self.main = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *exception):
        self.stop()

    def start(self):
        raise NotImplementedError

    def stop(self):
        self.children.stop()

    def sample(self):
        """Counters of the ports, now."""
        raise NotImplementedError

    def now(self, rx, tx):
        return Sample(time.monotonic(), rx, tx, thread_seconds(self.main.pid))

    def measure(self, seconds):
        """Forward for that long.

        Cycles per packet are TSC ticks that the worker's thread had its core for, over packets
        sent: on a core with nothing else to do that is TSC Hz / packets per second.
        """
        before = self.sample()
        time.sleep(seconds)
        after = self.sample()
        self.children.check()
        wall = after.seconds - before.seconds
        sent = sum(after.tx) - sum(before.tx)
        received = sum(after.rx) - sum(before.rx)
        for index in range(2):
            if after.tx[index] == before.tx[index]:
                raise BenchError(f"nothing was sent on port {index}")
        if self.loss_limit is not None and sent < received * (1 - self.loss_limit):
            raise BenchError(f"received {received} packets, sent {sent}")
        busy = max(run - before.cpu.get(thread, 0) for thread, run in after.cpu.items())
        return Measurement(sent / wall / 1e6, tsc_hz() * busy / sent, busy / wall)


class Testpmd(Program):
    """DPDK's testpmd, one port's packets straight to the other: I/O and no switching."""

    name = "testpmd-io"
    needs = [("/usr/bin/dpdk-testpmd", "dpdk-dev")]

    def start(self):
        ports = [word for device in self.devices() for word in ("--vdev", device)]
        self.main = self.children.start("testpmd", [
            "/usr/bin/stdbuf", "-oL", "/usr/bin/dpdk-testpmd",
            "-l", f"{CONTROL_CORE},{WORKER_CORE}", "--no-pci", "--in-memory", *ports, "--",
            "--forward-mode=io", "--nb-cores=1", "--no-lsc-interrupt",
            "--total-num-mbufs=65536", "--stats-period", "1",
        ], stdout=subprocess.PIPE, text=True, env=self.environment())
        self.samples = queue.Queue()
        self.reader = threading.Thread(target=self.read, args=(self.main.stdout,), daemon=True)
        self.reader.start()
        self.sample()

    def devices(self):
        return [devargs(index, pcap) for index, pcap in enumerate(self.setup.pcaps)]

    def environment(self):
        return None

    def read(self, stdout):
        """Turn each block of statistics, printed once a second, into a sample."""
        counters = {"RX": [], "TX": []}
        with open(self.children.log_path("testpmd"), "a") as log:
            for line in stdout:
                log.write(line)
                log.flush()
                match = re.match(r"\s*(RX|TX)-packets:\s*(\d+)", line)
                if not match:
                    continue
                counters[match[1]].append(int(match[2]))
                if len(counters["TX"]) == 2:
                    try:
                        self.samples.put(self.now(counters["RX"], counters["TX"]))
                    except OSError:
                        return
                    counters = {"RX": [], "TX": []}

    def sample(self):
        while not self.samples.empty():
            self.samples.get()

        def next_sample():
            self.children.check()
            try:
                return self.samples.get(timeout=0.5)
            except queue.Empty:
                return None
        return wait_for("statistics of testpmd", next_sample, START_SECONDS)


class Ovs(Program):
    """Open vSwitch's user-space datapath, a bridge with the one flow NORMAL."""

    settings = ()  # of other_config, beside those of cores and memory

    name = "ovs"
    switch = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"
    needs = [("/usr/sbin/ovsdb-server", "openvswitch-switch"),
             ("/usr/bin/ovs-vsctl", "openvswitch-switch"),
             (switch, "openvswitch-switch-dpdk")]
    bridge = "bench0"

    def start(self):
        self.socket = f"{self.directory}/db.sock"
        self.control = f"{self.directory}/switch.ctl"
        self.environment = dict(os.environ, OVS_RUNDIR=str(self.directory),
                                OVS_LOGDIR=str(self.directory), OVS_DBDIR=str(self.directory))
        self.start_database()
        self.vsctl("--no-wait", "set", "Open_vSwitch", ".",
                   "other_config:dpdk-init=true",
                   f"other_config:pmd-cpu-mask={1 << WORKER_CORE:#x}",
                   f"other_config:dpdk-lcore-mask={1 << CONTROL_CORE:#x}",
                   "other_config:dpdk-extra=\"--no-pci --in-memory\"", *self.settings)
        # its handlers and revalidators stay where it is started; the PMD thread moves itself
        self.main = self.children.start("ovs-vswitchd", [
            "/usr/bin/taskset", "-c", str(CONTROL_CORE), self.switch,
            f"unix:{self.socket}", f"--pidfile={self.directory}/switch.pid",
            f"--unixctl={self.control}",
        ], env=self.environment)
        self.wait_for_file(self.control)
        self.vsctl("add-br", self.bridge, "--", "set", "bridge", self.bridge,
                   "datapath_type=netdev",
                   f"other-config:mac-table-size={max(8192, 2 * self.setup.n_stations)}")
        command(["/usr/sbin/ip", "link", "set", self.bridge, "down"])
        for index, pcap in enumerate(self.setup.pcaps):
            self.vsctl("add-port", self.bridge, f"p{index}", "--", "set", "Interface",
                       f"p{index}", "type=dpdk",
                       f"options:dpdk-devargs=\"{devargs(index, pcap)}\"")
            failure = self.vsctl("get", "Interface", f"p{index}", "error").strip()
            if failure != "[]":
                raise BenchError(f"ovs port p{index}: {failure}")
        self.teach()
        wait_for("ovs has a flow for every packet", self.has_all_flows, START_SECONDS)

    def teach(self):
        """Have it know what it forwards by."""
        wait_for("ovs has learnt all stations", self.has_learnt, START_SECONDS)

    def start_database(self):
        database = f"{self.directory}/conf.db"
        command(["/usr/bin/ovsdb-tool", "create", database,
                 "/usr/share/openvswitch/vswitch.ovsschema"])
        self.children.start("ovsdb-server", [
            "/usr/sbin/ovsdb-server", database, f"--remote=punix:{self.socket}",
            f"--unixctl={self.directory}/db.ctl", f"--pidfile={self.directory}/db.pid",
        ], env=self.environment)
        self.wait_for_file(self.socket)
        self.vsctl("--no-wait", "init")

    def wait_for_file(self, path):
        def is_there():
            self.children.check()
            return os.path.exists(path)
        wait_for(path, is_there, START_SECONDS)

    def vsctl(self, *words):
        return command(["/usr/bin/ovs-vsctl", f"--db=unix:{self.socket}", "--timeout=60",
                        *words], self.environment)

    def appctl(self, *words):
        return command(["/usr/bin/ovs-appctl", "-t", self.control, *words], self.environment)

    def has_learnt(self):
        # one line is the heading
        return len(self.appctl("fdb/show", self.bridge).splitlines()) > self.setup.n_stations

    def has_all_flows(self):
        self.appctl("dpif-netdev/pmd-stats-clear")
        time.sleep(0.5)
        stats = self.pmd_stats()
        return (stats["packets received"] > 0 and stats["miss with success upcall"] == 0
                and stats["miss with failed upcall"] == 0)

    def pmd_stats(self):
        """Statistics of the one PMD thread, by the names that Open vSwitch prints."""
        text = self.appctl("dpif-netdev/pmd-stats-show")
        block = re.search(rf"pmd thread .*core_id {WORKER_CORE}:\n(.*?)(?=^\S|\Z)", text,
                          re.MULTILINE | re.DOTALL)
        if not block:
            raise BenchError(f"ovs has no PMD thread on core {WORKER_CORE}: {text}")
        return {name.strip(): float(value) for name, value in
                re.findall(r"^\s+([a-z][^:]*):\s+([0-9.]+)", block[1], re.MULTILINE)}

    def sample(self):
        text = self.appctl("dpctl/show", "-s")
        counters = {"RX": [], "TX": []}
        for block in re.split(r"^\s+port \d+: ", text, flags=re.MULTILINE):
            if re.match(r"p[01] ", block):
                for side in counters:
                    counters[side].append(int(re.search(rf"{side} packets:(\d+)", block)[1]))
        if len(counters["RX"]) != 2:
            raise BenchError(f"ovs does not list both ports: {text}")
        return self.now(counters["RX"], counters["TX"])

    def measure(self, seconds):
        self.appctl("dpif-netdev/pmd-stats-clear")
        result = super().measure(seconds)
        stats = self.pmd_stats()
        result.extra["own_cycles_per_packet"] = stats.get("avg cycles per packet")
        return result


class Vswitchd(Program):
    """The switch of this project, with its own control tool."""

    name = "vswitchd"
    needs = []
    bridge = "br0"
    netdev = "benchnic"
    far_end = "benchfar"

    def __init__(self, directory, setup, build):
        super().__init__(directory, setup)
        self.daemon = build / "vswitch" / "vswitchd"
        self.tool = build / "ctl" / "vsctl"
        self.run_directory = directory / "run"
        self.has_link = False

    def config(self):
        setup = self.setup
        entries = max(setup.table_size, setup.n_stations) + 1024
        lines = ["[vswitchd]", "workers = 1", f"cores = {WORKER_CORE}", "mbufs = 65536",
                 f"[bridge {self.bridge}]", f"fdb-limit = {max(65536, entries)}"]
        for index, pcap in enumerate(setup.pcaps):
            lines += [f"[port p{index}]", f"bridge = {self.bridge}", "type = eth",
                      f"devargs = {devargs(index, pcap)}"]
        if setup.table_pcap:
            lines += [f"[port {self.netdev}]", f"bridge = {self.bridge}", "type = netdev"]
        return "\n".join(lines) + "\n"

    def make_link(self):
        """A kernel interface for the switch and its far end."""
        # without IPv6 the kernel has nothing to say on a link by itself
        command(["/usr/sbin/sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1"])
        command(["/usr/sbin/ip", "link", "add", self.netdev, "type", "veth",
                 "peer", "name", self.far_end])
        self.has_link = True
        for interface in (self.netdev, self.far_end):
            command(["/usr/sbin/ip", "link", "set", interface, "up"])

    def start(self):
        if self.setup.table_pcap:
            self.make_link()
        self.run_directory.mkdir()
        config = self.directory / "vswitch.conf"
        config.write_text(self.config())
        self.main = self.children.start("vswitchd", [
            str(self.daemon), "--foreground", "--no-xen",
            "--run-dir", str(self.run_directory), "--config", str(config)],
            env=self.environment())
        self.wait_for_socket()
        self.teach()

    def environment(self):
        """None: that of the benchmark."""
        return None

    def stop(self):
        super().stop()
        if self.has_link:
            command(["/usr/sbin/ip", "link", "del", self.netdev])
            self.has_link = False

    def wait_for_socket(self):
        socket = self.run_directory / "vswitchd.sock"

        def answers():
            self.children.check()
            return socket.exists() and self.show("stats")
        wait_for("vswitchd answers with its ports", answers, START_SECONDS)

    def teach(self):
        """Have all entries learnt: those of the traffic, and what fills the table."""
        wanted = self.setup.table_size or self.setup.n_stations

        def is_full():
            self.children.check()
            if self.n_entries() >= wanted:
                return True
            # a frame, or what was learnt of it, may have been lost on a full queue: once more
            if self.setup.table_pcap:
                traffic.send_pcap(self.setup.table_pcap, self.far_end)
            return False
        wait_for(f"vswitchd has learnt {wanted} entries", is_full, START_SECONDS)

    def show(self, *words):
        output = command([str(self.tool), "--socket", str(self.run_directory / "vswitchd.sock"),
                          "-j", words[0], "show", *words[1:]])
        return json.loads(output)

    def n_entries(self):
        bridges = [b for b in self.show("bridge") if b.get("bridge") == self.bridge]
        return bridges[0]["fdb_entries"] if bridges else 0

    def sample(self):
        ports = {port["port"]: port for port in self.show("stats")}
        return self.now([ports[name]["rx_packets"] for name in ("p0", "p1")],
                        [ports[name]["tx_packets"] for name in ("p0", "p1")])

    def measure(self, seconds):
        result = super().measure(seconds)
        result.extra["fdb_entries"] = self.n_entries()
        return result


class BondVswitchd(Vswitchd):
    """Side A is a port, side B a bond: half of its flows come by each member, which are two."""

    name = "vswitchd-bond"

    def config(self):
        setup = self.setup
        lines = ["[vswitchd]", "workers = 1", f"cores = {WORKER_CORE}", "mbufs = 65536",
                 f"[bridge {self.bridge}]", "[port p0]", f"bridge = {self.bridge}", "type = eth",
                 f"devargs = {devargs(0, setup.pcaps[0])}"]
        for index, pcap in enumerate(traffic.split_pcap(setup.pcaps[1]), 1):
            lines += [f"[port p{index}]", "bridge = none", "type = eth",
                      f"devargs = {devargs(index, pcap)}"]
        lines += ["[bond bond0]", "mode = balance-xor", "members = p1,p2",
                  f"bridge = {self.bridge}"]
        return "\n".join(lines) + "\n"

    def sample(self):
        ports = {port["port"]: port for port in self.show("stats")}
        return self.now(*([ports["p0"][key], ports["p1"][key] + ports["p2"][key]]
                          for key in ("rx_packets", "tx_packets")))


class VlanVswitchd(Vswitchd):
    """Side A is an access port, side B a trunk: every packet gets a tag, or loses it."""

    name = "vswitchd-vlan"

    def config(self):
        setup = self.setup
        lines = ["[vswitchd]", "workers = 1", f"cores = {WORKER_CORE}", "mbufs = 65536",
                 f"[bridge {self.bridge}]", "[port p0]", f"bridge = {self.bridge}", "type = eth",
                 f"devargs = {devargs(0, setup.pcaps[0])}", "vid = 10",
                 "[port p1]", f"bridge = {self.bridge}", "type = eth",
                 f"devargs = {devargs(1, traffic.tag_pcap(setup.pcaps[1], 10))}",
                 "trunk = 10,20"]
        return "\n".join(lines) + "\n"
