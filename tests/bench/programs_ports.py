# SPDX-License-Identifier: BSD-3-Clause
"""vswitchd with ports of the host and of guests, forwarding or idle."""

import json
import os
import socket
import time

from host import CONTROL_CORE, WORKER_CORE, BenchError, command, thread_seconds, wait_for
from programs import (LOSS_LIMIT, START_SECONDS, Measurement, Program, Setup, Testpmd, Vswitchd,
                      devargs)


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
