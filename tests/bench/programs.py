# SPDX-License-Identifier: BSD-3-Clause
"""The programs that are compared: each forwards between the same two generator ports.

A program is a context manager: entering starts it and waits until it forwards what it has
learnt, leaving stops it. measure() may be called in between.
"""

import dataclasses
import json
import os
import pathlib
import queue
import re
import resource
import socket
import subprocess
import threading
import time

import traffic
from host import (CONTROL_CORE, WORKER_CORE, BenchError, Children, command, process_seconds,
                  thread_seconds, tsc_hz, wait_for)

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


def flow_devargs(index):
    """A port that receives what VSWITCH_BENCH_FLOWS says, and else nothing."""
    return f"net_null{index},no-rx=1"


def flow_environment(setup, **sides):
    """What a program is started with whose ports net_nullN are generators: N by side and flows."""
    return dict(os.environ, LD_PRELOAD=setup.flow_port,
                VSWITCH_BENCH_FLOWS=" ".join(f"{device}={flows}"
                                             for device, flows in sides.items()))


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


class RouteVswitchd(Vswitchd):
    """The same ports as routed ones, and routes whose gateways are known."""

    name = "vswitchd-route"
    # of DPDK's pcap driver, in the order in which ports are made
    router_macs = [bytes([0x02, 0x70, 0x63, 0x61, 0x70, index]) for index in range(2)]
    batch = 500  # routes that are asked for before the answers are read

    def config(self):
        lines = ["[vswitchd]", "workers = 1", f"cores = {WORKER_CORE}", "mbufs = 65536",
                 f"routes-max = {2 * self.setup.n_routes + 1024}"]
        for index, pcap in enumerate(self.setup.routed_pcaps):
            lines += [f"[port p{index}]", "bridge = none", "type = eth",
                      f"devargs = {devargs(index, pcap)}",
                      f"[addr 192.0.2.{4 * index + 1}/30]", f"port = p{index}",
                      f"[neigh 192.0.2.{4 * index + 2}]", f"mac = 02:00:00:00:00:0{index + 1}"]
        return "\n".join(lines) + "\n"

    def teach(self):
        """Add the routes: half of them by each port."""
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self.run_directory / "vswitchd.sock"))
            replies = control.makefile("r")
            requests = []
            for side, gateway in (("a", 2), ("b", 6)):
                for index in range(self.setup.n_routes):
                    address = traffic.route(side, index)
                    requests.append(json.dumps({
                        "jsonrpc": "2.0", "id": 1, "method": "route.add", "params": {
                            "name": socket.inet_ntoa(address.to_bytes(4, "big")) + "/24",
                            "via": f"192.0.2.{gateway}"}}))
            for at in range(0, len(requests), self.batch):
                some = requests[at:at + self.batch]
                control.sendall(("\n".join(some) + "\n").encode())
                for _ in some:
                    reply = replies.readline()
                    if '"error"' in reply:
                        raise BenchError(f"route.add: {reply}")

    def measure(self, seconds):
        result = Program.measure(self, seconds)
        result.extra["routes"] = 2 * self.setup.n_routes
        return result


class NatVswitchd(Vswitchd):
    """Routed ports, the second of which is the uplink whose address everybody has outside.

    Packets from inside begin the sessions, and the answers come to the external address.
    """

    name = "vswitchd-nat"
    closed = ()  # ports that start unplugged

    def devices(self):
        """Of p0 (inside), p1 (outside) and what else is inside."""
        return [devargs(index, pcap) for index, pcap in enumerate(self.setup.pcaps)]

    def config(self):
        lines = ["[vswitchd]", "workers = 1", f"cores = {WORKER_CORE}", "mbufs = 65536",
                 "[nat-table]", f"sessions-max = {1 << 20}", "[nat out]", "masquerade = p1",
                 "[route 10.0.0.0/8]", "via = 192.0.2.2", "[route 0.0.0.0/0]", "via = 192.0.2.6"]
        for index, device in enumerate(self.devices()):
            lines += [f"[port p{index}]", "bridge = none", "type = eth", f"devargs = {device}",
                      f"carrier = {'off' if index in self.closed else 'on'}",
                      f"[addr 192.0.2.{4 * index + 1}/30]", f"port = p{index}",
                      f"[neigh 192.0.2.{4 * index + 2}]", f"mac = 02:00:00:00:00:0{index + 1}"]
        return "\n".join(lines) + "\n"

    def teach(self):
        self.wait_for_sessions(self.setup.n_sessions)

    def wait_for_sessions(self, n):
        def has_sessions():
            self.children.check()
            return self.table()["sessions"] >= n
        wait_for(f"{n} sessions", has_sessions, START_SECONDS)

    def call(self, method, **params):
        """Straight to the daemon's socket: the tool takes longer than some of what is measured."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.run_directory / "vswitchd.sock"))
            client.sendall((json.dumps(request) + "\n").encode())
            with client.makefile() as file:
                reply = json.loads(file.readline())
        if "error" in reply:
            raise BenchError(f"{method}: {reply['error']}")
        return reply["result"]

    def table(self):
        return self.call("nat-table.show")

    def measure(self, seconds):
        result = Program.measure(self, seconds)
        table = self.table()
        result.extra["nat_sessions"] = table["sessions"]
        result.extra["bytes_per_session"] = round(table["bytes_per_session"], 1)
        return result


class FullNatVswitchd(NatVswitchd):
    """The same with a full table: a third port, inside, has had all sessions begun."""

    name = "vswitchd-nat-full"
    n_sessions = 1_000_000

    def devices(self):
        return super().devices() + [flow_devargs(2)]

    def environment(self):
        return flow_environment(self.setup, net_null2=f"inside:{self.n_sessions}")

    def teach(self):
        self.wait_for_sessions(self.n_sessions)
        self.call("port.set", name="p2", carrier="off")


class FlowNatVswitchd(NatVswitchd):
    """Both ports are generators: any number of flows."""

    name = "vswitchd-nat-1m"
    n_flows = 1_000_000

    def devices(self):
        return [flow_devargs(0), flow_devargs(1)]

    def environment(self):
        return flow_environment(self.setup, net_null0=f"inside:{self.n_flows}",
                                net_null1=f"outside:{self.n_flows}")

    def teach(self):
        self.wait_for_sessions(self.n_flows)


class FewFlowNatVswitchd(FlowNatVswitchd):
    name = "vswitchd-nat-8192"
    n_flows = 8192


class FlowTestpmd(Testpmd):
    """What the generators cost."""

    name = "testpmd-io-1m"

    def devices(self):
        return [flow_devargs(0), flow_devargs(1)]

    environment = FlowNatVswitchd.environment
    n_flows = FlowNatVswitchd.n_flows


class NewNatVswitchd(NatVswitchd):
    """Every packet begins a session, until there are a million."""

    name = "vswitchd-nat-new"
    n_flows = 1_000_000
    closed = (0,)
    settle_seconds = 0.2
    interval = 0.005

    def devices(self):
        return [flow_devargs(0), flow_devargs(1)]

    def environment(self):
        return flow_environment(self.setup, net_null0=f"inside:{self.n_flows}")

    def teach(self):
        """The first packets of all shall be the measured ones."""

    def measure(self, seconds):
        """Sessions per second of CPU time, that of the control thread included."""
        time.sleep(self.settle_seconds)
        self.call("port.set", name="p0", carrier="on")
        looks = []
        end = time.monotonic() + START_SECONDS
        while not looks or looks[-1][0] < self.n_flows:
            self.children.check()
            looks.append((self.table()["created"], process_seconds(self.main.pid)))
            if time.monotonic() > end:
                raise BenchError(f"{looks[-1][0]} of {self.n_flows} sessions")
            time.sleep(self.interval)
        looks = [look for look in looks if 0 < look[0] < self.n_flows]
        if len(looks) < 2:
            raise BenchError("all sessions were begun between two looks at them")
        (first, start), (last, end) = looks[0], looks[-1]
        rate = (last - first) / (end - start)
        return Measurement(rate / 1e6, tsc_hz() / rate, None,
                           {"new_sessions_per_second": round(rate),
                            "bytes_per_session": round(self.table()["bytes_per_session"], 1)})


class NatOvs(Ovs):
    """The same translation by Open vSwitch's connection tracker.

    It neither routes nor counts hops: fewer actions than ours, and no second pass through the
    flows, which `table=` would cost.
    """

    name = "ovs-ct-nat"

    def teach(self):
        flows = self.directory / "flows"
        flows.write_text("in_port=p0,ip,actions=ct(commit,nat(src=192.0.2.5)),output:p1\n"
                         "in_port=p1,ip,actions=ct(nat),output:p0\n")
        command(["/usr/bin/ovs-ofctl", "--bundle", "replace-flows",
                 f"unix:{self.directory}/{self.bridge}.mgmt", str(flows)], self.environment)
        wait_for("ovs has a connection for every flow", self.has_connections, START_SECONDS)

    def connections(self):
        return int(self.appctl("dpctl/ct-get-nconns"))

    def has_connections(self):
        self.children.check()
        return self.connections() >= self.setup.n_flows

    def measure(self, seconds):
        result = super().measure(seconds)
        result.extra["nat_sessions"] = self.connections()
        return result


class PlainNatOvs(NatOvs):
    """Without its cache of exact matches, which has room for 8192 flows of both directions."""

    name = "ovs-ct-nat-no-emc"
    settings = ("other_config:emc-insert-inv-prob=0",)


class NetdevVswitchd(Vswitchd):
    """Between two kernel interfaces; the generator is testpmd at the far ends of their cables.

    It sends what it can, from the control core, which also has the kernel's work of bringing the
    packets to the switch's sockets; what does not fit is lost there. The worker's cycles are its
    own and the kernel's of receiving from the sockets, and of sending, up to the far end's socket.
    """

    needs = Testpmd.needs + [
        ("/usr/lib/x86_64-linux-gnu/dpdk/pmds-23.0/librte_net_af_xdp.so.23", "librte-net-af-xdp23")]
    loss_limit = None
    xdp = None
    ends = (("nic0", "far0"), ("nic1", "far1"))

    def config(self):
        lines = ["[vswitchd]", "workers = 1", f"cores = {WORKER_CORE}", f"[bridge {self.bridge}]"]
        for nic, _ in self.ends:
            lines += [f"[port {nic}]", f"bridge = {self.bridge}", "type = netdev",
                      f"xdp = {self.xdp}"]
        return "\n".join(lines) + "\n"

    def start(self):
        command(["/usr/sbin/sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1"])
        for nic, far in self.ends:
            command(["/usr/sbin/ip", "link", "add", nic, "type", "veth", "peer", "name", far])
            for interface in (nic, far):
                command(["/usr/sbin/ip", "link", "set", interface, "up"])
        super().start()

    def stop(self):
        Program.stop(self)
        for nic, _ in self.ends:
            if os.path.exists(f"/sys/class/net/{nic}"):
                command(["/usr/sbin/ip", "link", "del", nic])

    def teach(self):
        ports = []
        for index, (pcap, (_, far)) in enumerate(zip(self.setup.pcaps, self.ends)):
            ports += ["--vdev", devargs(index, pcap),
                      "--vdev", f"net_af_xdp{index},iface={far},force_copy=1"]
        self.children.start("testpmd", [
            "/usr/bin/dpdk-testpmd", f"--lcores=0@{CONTROL_CORE},1@{CONTROL_CORE}", "--no-pci",
            "--no-huge", "-m", "128", *ports, "--", "--forward-mode=io", "--nb-cores=1",
            "--no-lsc-interrupt", "--total-num-mbufs=16384", "--stats-period", "60"])
        super().teach()

    def sample(self):
        ports = {port["port"]: port for port in self.show("stats")}
        return self.now([ports[nic]["rx_packets"] for nic, _ in self.ends],
                        [ports[nic]["tx_packets"] for nic, _ in self.ends])

    def measure(self, seconds):
        mode = self.show("port", self.ends[0][0])[0]["driver"]
        result = Program.measure(self, seconds)
        result.extra["mode"] = mode
        return result


class AfPacketVswitchd(NetdevVswitchd):
    name = "vswitchd-af_packet"
    xdp = "off"


class AfXdpVswitchd(NetdevVswitchd):
    name = "vswitchd-af_xdp"
    xdp = "on"


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


def busy_measurement(counts, frame_size):
    """A Measurement from counters of one round of guests: cycles of turns that had packets.

    The guests' core may be the slower one; then the worker's time between bursts is not the
    switch's, and is not counted. The cycles are TSC ticks, whoever had the core: so they are those
    of the interval (10 ms) of the round that was least disturbed.
    """
    received, sent = counts["rx_packets"], counts["tx_packets"]
    if not received:
        raise BenchError("nothing was forwarded")
    if sent < received * (1 - LOSS_LIMIT):
        raise BenchError(f"received {received} packets, sent {sent}")
    if not counts["least_cycles_per_packet"]:
        raise BenchError("too few packets at any time: the machine is busy with something else")
    return Measurement(received / counts["seconds"] / 1e6, counts["least_cycles_per_packet"], None,
                       {"frame_size": frame_size,
                        "mean_cycles_per_packet": round(counts["busy_cycles"] / received, 1),
                        "packets_per_turn": round(received / counts["busy_turns"], 1)})


class VifGuests:
    """Two fake vifs on the real switch, all in one process."""

    name = "vif"
    needs = []

    def __init__(self, directory, frame_size, build):
        self.binary = build / "tests" / "vif_guests"
        self.frame_size = frame_size

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass

    def measure(self, seconds):
        """A process of its own for each round."""
        return busy_measurement(self.run("forward", self.frame_size, seconds), self.frame_size)

    def run(self, *words):
        """Run it to its end and return what it prints."""
        return json.loads(command([str(self.binary), *map(str, words), str(WORKER_CORE),
                                   str(CONTROL_CORE)]))


class VhostGuests(Vswitchd):
    """Two vhost ports of vswitchd, and testpmd with DPDK's virtio driver as both guests.

    testpmd sends on by one guest what the other has received, so that as many packets are under
    way as it has put there first: as many as the guests of VifGuests have.
    """

    name = "vhost"
    needs = [("/usr/bin/dpdk-testpmd", "dpdk-dev")]
    window = 128
    fcs_size = 4
    interval = 0.01
    packets_min = 10_000  # in it, or the turn under way counts for too much

    def __init__(self, directory, frame_size, build):
        super().__init__(directory, Setup([], 2), build)
        self.frame_size = frame_size

    def config(self):
        lines = ["[vswitchd]", "workers = 1", f"cores = {WORKER_CORE}", "mbufs = 65536",
                 f"[bridge {self.bridge}]"]
        for port in ("v0", "v1"):
            lines += [f"[port {port}]", f"bridge = {self.bridge}", "type = vhost"]
        return "\n".join(lines) + "\n"

    def teach(self):
        """The guests' first packets do it."""
        macs = [f"02:00:00:00:00:0{guest + 1}" for guest in range(2)]
        devices, peers = [], []
        for guest in range(2):
            devices += ["--vdev", f"net_virtio_user{guest},path={self.run_directory}/v{guest}.sock,"
                                  f"mac={macs[guest]},queue_size=256"]
            peers.append(f"--eth-peer={guest},{macs[1 - guest]}")
        self.children.start("testpmd", [
            "/usr/bin/dpdk-testpmd", "--lcores", f"0@{CONTROL_CORE},1@{CONTROL_CORE}", "--no-pci",
            "--in-memory", "--single-file-segments", "-m", "256", *devices, "--",
            "--forward-mode=io", "--nb-cores=1", *peers, "--tx-first", f"--burst={self.window}",
            f"--txpkts={self.frame_size - self.fcs_size}", "--no-lsc-interrupt",
            "--total-num-mbufs=16384", "--stats-period", "100"])

        def is_forwarding():
            self.children.check()
            return self.n_entries() == 2 and self.counts()["rx_packets"] > 1000 * self.window
        wait_for("the guests exchange packets", is_forwarding, START_SECONDS)

    def counts(self):
        """Counters of the worker and its ports, now."""
        worker = self.show("worker")[0]
        drops = sum(sum(port["drops"].values()) for port in self.show("stats"))
        return {"seconds": time.monotonic(), "rx_packets": worker["rx_packets"],
                "tx_packets": worker["rx_packets"] - drops,
                "busy_cycles": worker["busy_cycles"], "busy_turns": worker["busy_turns"]}

    def worker(self):
        """The worker's counters, straight from the daemon's socket."""
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.run_directory / "vswitchd.sock"))
            client.sendall(b'{"jsonrpc": "2.0", "id": 1, "method": "worker.show"}\n')
            with client.makefile() as file:
                return json.loads(file.readline())["result"][0]

    def measure(self, seconds):
        before, least = self.counts(), []
        last = self.worker()
        while time.monotonic() - before["seconds"] < seconds:
            time.sleep(self.interval)
            row = self.worker()
            packets = row["rx_packets"] - last["rx_packets"]
            if packets >= self.packets_min:
                least.append((row["busy_cycles"] - last["busy_cycles"]) / packets)
            last = row
        after = self.counts()
        self.children.check()
        counts = {key: after[key] - before[key] for key in after}
        return busy_measurement(counts | {"least_cycles_per_packet": min(least, default=0)},
                                self.frame_size)


class IdleVswitchd(Vswitchd):
    """The same with ports on which nothing happens: three taps and a kernel interface.

    The taps stand for the host's interface and two guests.
    """

    def config(self):
        lines = ["[vswitchd]", "workers = 1", f"cores = {WORKER_CORE}", f"[bridge {self.bridge}]"]
        for port, kind in (("tap0", "tap"), ("tap1", "tap"), ("tap2", "tap"),
                           (self.netdev, "netdev")):
            lines += [f"[port {port}]", f"bridge = {self.bridge}", f"type = {kind}"]
        return "\n".join(lines) + "\n"

    def start(self):
        self.make_link()
        super().start()
        for interface in ("tap0", "tap1", "tap2"):
            command(["/usr/sbin/ip", "link", "set", interface, "up"])

    def teach(self):
        """There is no traffic to learn from."""

    def cpu_seconds(self, seconds):
        """CPU time of all threads over so many seconds, and the seconds that it really was."""
        before, start = thread_seconds(self.main.pid), time.monotonic()
        time.sleep(seconds)
        after, wall = thread_seconds(self.main.pid), time.monotonic() - start
        self.children.check()
        used = sum(run - before.get(thread, 0) for thread, run in after.items())
        return used, wall
