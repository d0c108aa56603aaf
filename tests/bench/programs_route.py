# SPDX-License-Identifier: BSD-3-Clause
"""The programs of programs.py while they route or translate addresses."""

import json
import os
import socket
import time

import traffic
from host import WORKER_CORE, BenchError, command, process_seconds, tsc_hz, wait_for
from programs import START_SECONDS, Measurement, Ovs, Program, Testpmd, Vswitchd, devargs


def flow_devargs(index):
    """A port that receives what VSWITCH_BENCH_FLOWS says, and else nothing."""
    return f"net_null{index},no-rx=1"


def flow_environment(setup, **sides):
    """What a program is started with whose ports net_nullN are generators: N by side and flows."""
    return dict(os.environ, LD_PRELOAD=setup.flow_port,
                VSWITCH_BENCH_FLOWS=" ".join(f"{device}={flows}"
                                             for device, flows in sides.items()))


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
