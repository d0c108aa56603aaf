# SPDX-License-Identifier: BSD-3-Clause
"""The cases: what is forwarded, by which programs, and what is asked of the result."""

import dataclasses
import statistics

import traffic
import xen
from host import BenchError
from programs import BondVswitchd, Ovs, Setup, Testpmd, VlanVswitchd, Vswitchd
from programs_control import Failover, ManyPorts, ManySections
from programs_ports import AfPacketVswitchd, AfXdpVswitchd, IdleVswitchd, VhostGuests, VifGuests
from programs_route import (FewFlowNatVswitchd, FlowNatVswitchd, FlowTestpmd, FullNatVswitchd,
                            NatOvs, NatVswitchd, NewNatVswitchd, PlainNatOvs, RouteVswitchd)
from programs_watch import (CaptureAllVswitchd, CaptureFileVswitchd, CaptureVswitchd,
                            MirrorIdleVswitchd, MirrorVswitchd)

# A row whose median is this far above its minimum was measured on a disturbed machine.
NOISY = 1.15

# What the worker backs off to needs a moment after the last packet of the start.
IDLE_SETTLE_SECONDS = 3
IDLE_SECONDS = 20


@dataclasses.dataclass(frozen=True)
class Bridge:
    """Forwarding between two generator ports, both directions, one worker core."""
    wire_size: int
    n_flows: int                     # each way
    n_routes: int = 0                # of the routing program, each side
    programs: tuple = (Vswitchd, Testpmd, Ovs)
    hugepages: int = 512
    table_size: int = 0              # FDB entries, if more than the traffic's own
    bound: float = None              # cycles as a share of Open vSwitch's, asked for
    aim: float = None                # and hoped for
    plain_bound: float = None        # cycles as a share of the plain bridge's, asked for
    unit = "cycles/packet"


@dataclasses.dataclass(frozen=True)
class Nat:
    """Source NAT between two generator ports, both directions, one worker core.

    VPP would be a peer, but is not in Debian.
    """
    n_flows: int = 0                 # of pcap files; 0: the programs have generators of their own
    programs: tuple = (NatVswitchd, Testpmd, NatOvs, PlainNatOvs)
    hugepages: int = 1024
    faster: float = None             # packets per second as a multiple of Open vSwitch's, asked for
    share: float = None              # and as a share of the first program's, of all its others
    new_sessions: int = None         # per second
    wire_size = 64
    bytes_per_session = 128          # at most, asked for
    bound = None
    unit = "cycles/packet"


@dataclasses.dataclass(frozen=True)
class Guests:
    """From guest to guest and back; the guests have a core of their own.

    The figure is the worker's cycles in turns that had packets, since guests may be slower.
    """
    wire_size: int
    programs: tuple = (VifGuests, VhostGuests)
    hugepages: int = 512
    bound: float = None              # cycles of vif as a share of vhost's, asked for
    unit = "busy cycles/packet"


@dataclasses.dataclass(frozen=True)
class Attach:
    """Guests that are attached one after the other, and then idle."""
    n_guests: int
    programs: tuple = (VifGuests,)
    hugepages: int = 512
    bound = None
    unit = "s"


@dataclasses.dataclass(frozen=True)
class Idle:
    """CPU time of the switch with ports up and no traffic, in percent of one core."""
    bound: float
    programs: tuple = (Vswitchd,)
    hugepages: int = 512
    unit = "% of a core"


@dataclasses.dataclass(frozen=True)
class FailoverCase:
    """A bond's member loses its carrier under probes of 1 ms: the longest outage of any flow."""
    mode: str
    bound: float = 50                # ms
    programs: tuple = (Failover,)
    hugepages: int = 0
    unit = "ms"


@dataclasses.dataclass(frozen=True)
class ManyCase:
    """A switch with so many ports: how long vsctl takes to show it, or to configure it; or a file
    of so many sections."""
    number: int
    key: str
    bound: float
    unit: str
    programs: tuple = (ManyPorts,)
    hugepages: int = 0


CASES = {
    "bridge-64-32": Bridge(64, 32),
    "bridge-64-1024": Bridge(64, 1024, bound=0.5, aim=0.4),
    "bridge-64-8192": Bridge(64, 8192, bound=1 / 8, aim=1 / 10),
    # Open vSwitch's MAC table does not go that far. All entries are learnt: those beyond the
    # traffic's from frames sent to a third port, a kernel interface, before it is measured.
    "bridge-64-1m": Bridge(64, 8192, programs=(Vswitchd, Testpmd), hugepages=1536,
                           table_size=1_000_000),
    "bridge-1518-512": Bridge(1518, 512),
    "bond-64-1024": Bridge(64, 1024, programs=(Vswitchd, BondVswitchd), plain_bound=1.3),
    "capture-64-1024": Bridge(64, 1024, programs=(Vswitchd, CaptureVswitchd, CaptureAllVswitchd),
                              plain_bound=1.05),
    "capture-file": Bridge(64, 1024, programs=(Vswitchd, CaptureFileVswitchd)),
    "mirror-64-1024": Bridge(64, 1024, programs=(Vswitchd, MirrorVswitchd), plain_bound=2),
    "mirror-idle-64-1024": Bridge(64, 1024, programs=(Vswitchd, MirrorIdleVswitchd),
                                  plain_bound=1.05),
    "vlan-64-1024": Bridge(64, 1024, programs=(Vswitchd, VlanVswitchd), plain_bound=1.2),
    "route-64-2": Bridge(64, 1024, programs=(Vswitchd, RouteVswitchd), n_routes=1,
                         plain_bound=1.2),
    "route-64-10k": Bridge(64, 8192, programs=(Vswitchd, RouteVswitchd), n_routes=5000,
                           plain_bound=1.4),
    "route-64-1m": Bridge(64, 8192, programs=(Vswitchd, RouteVswitchd), n_routes=500_000,
                          hugepages=1536, plain_bound=1.8),
    "snat-64-1024": Nat(1024, faster=6),
    "snat-64-8192": Nat(8192, faster=8),
    # The first without, the other with a million sessions in the table, some of which are used.
    "snat-64-8192-of-1m": Nat(8192, programs=(NatVswitchd, FullNatVswitchd), hugepages=1536,
                              share=0.8),
    # A million flows: no pcap replay, hence no Open vSwitch; both have the same generators.
    "snat-64-1m": Nat(programs=(FewFlowNatVswitchd, FlowNatVswitchd, FlowTestpmd), share=0.5),
    "nat-new": Nat(programs=(NewNatVswitchd,), new_sessions=700_000),
    # veth has no zero-copy: this compares the sockets, with the kernel copying for both
    "netdev-64": Bridge(64, 32, programs=(AfPacketVswitchd, AfXdpVswitchd)),
    "vif-64": Guests(64, bound=1.0),
    "vif-1500": Guests(1500, bound=1.0),
    "vhost-64": Guests(64, programs=(VhostGuests,)),
    "attach-512": Attach(512),
    "idle": Idle(bound=2.0),
    "failover-active-backup": FailoverCase("active-backup"),
    "failover-balance-slb": FailoverCase("balance-slb"),
    "failover-balance-xor": FailoverCase("balance-xor"),
    "failover-lacp": FailoverCase("lacp"),
    "show-500": ManyCase(500, "show_ms", 20, "ms"),
    "config-500": ManyCase(500, "config_seconds", 3, "s"),
    "check-16000": ManyCase(16000, "check_seconds", 0.5, "s", programs=(ManySections,)),
    # the path falls silent, the carrier stays: LACP's timeout at fast rate, and what comes after it
    "lacp-loss": FailoverCase("lacp-loss", bound=3500),
    "xen-iperf": xen.XenIperf(),
    "xen-counts": xen.XenCounts(),
}


class Runner:
    """Runs cases in a directory of its own and collects one row per case and program."""

    def __init__(self, directory, build, seconds, rounds, log):
        self.directory = directory
        self.build = build
        self.seconds = seconds
        self.rounds = rounds
        self.log = log
        self.n_started = 0

    def run(self, name):
        """The rows of one case; a program that failed has `error` in its row."""
        case = CASES[name]
        if isinstance(case, Idle):
            return [self.run_idle(name)]
        if isinstance(case, FailoverCase):
            return [self.run_failover(name, case)]
        if isinstance(case, ManyCase):
            return [self.run_many(name, case)]
        if isinstance(case, Attach):
            return [self.run_attach(name, case)]
        if isinstance(case, xen.XenIperf):
            return xen.run(name, case, self)
        if isinstance(case, Guests):
            return self.run_rounds(name, case, case.wire_size)
        if isinstance(case, Nat):
            return self.run_nat(name, case)
        return self.run_bridge(name, case)

    def program_directory(self):
        self.n_started += 1
        return self.directory / f"run{self.n_started}"

    def start(self, program, setup):
        directory = self.program_directory()
        if issubclass(program, (Vswitchd, VifGuests)):
            return program(directory, setup, self.build)
        return program(directory, setup)

    def run_bridge(self, name, case):
        setup = Setup(traffic.write_pair(self.directory, case.wire_size, case.n_flows),
                      2 * case.n_flows)
        if case.n_routes:
            setup.n_routes = case.n_routes
            setup.routed_pcaps = traffic.write_routed(self.directory, case.wire_size,
                                                      case.n_flows, case.n_routes,
                                                      RouteVswitchd.router_macs)
        if case.table_size:
            setup.table_size = case.table_size
            setup.table_pcap = traffic.write_table(self.directory,
                                                   case.table_size - setup.n_stations)
        return self.run_rounds(name, case, setup)

    def run_nat(self, name, case):
        setup = Setup([], 0, n_flows=case.n_flows, n_sessions=case.n_flows,
                      flow_port=str(self.build / "tests" / "libflow_port.so"))
        if case.n_flows:
            # the flows are those that are spread over the table of the program that has it full
            n_sessions = (FullNatVswitchd.n_sessions if FullNatVswitchd in case.programs
                          else case.n_flows)
            setup.pcaps = traffic.write_nat(self.directory, case.wire_size, case.n_flows,
                                            n_sessions, RouteVswitchd.router_macs)
        return self.run_rounds(name, case, setup)

    def run_rounds(self, name, case, setup):
        """All programs in turn, several times. setup: what they are to forward."""
        results = {program: [] for program in case.programs}
        errors = {}
        for number in range(1, self.rounds + 1):
            for program in case.programs:
                if program in errors:
                    continue
                try:
                    with self.start(program, setup) as running:
                        result = running.measure(self.seconds)
                except BenchError as error:
                    errors[program] = str(error)
                    self.log(f"{name} {number}/{self.rounds} {program.name}: failed: {error}")
                    continue
                results[program].append(result)
                self.log(f"{name} {number}/{self.rounds} {program.name}: "
                         f"{result.mpps:.2f} Mpps, {result.cycles:.1f} cycles/packet")
        rows = [self.row(name, program, results[program], errors.get(program))
                for program in case.programs]
        add_ratios(rows)
        return rows

    def row(self, name, program, results, error):
        row = {"case": name, "program": program.name, "mpps": None, "cycles_per_packet": None}
        if error:
            return row | {"error": error}
        best = min(results, key=lambda result: result.cycles)
        median = statistics.median(result.cycles for result in results)
        row |= {
            "mpps": round(best.mpps, 3),
            "cycles_per_packet": round(best.cycles, 1),
            "cycles_per_packet_median": round(median, 1),
            "mpps_median": round(statistics.median(r.mpps for r in results), 3),
            "noisy": median > NOISY * best.cycles,
            "rounds": len(results),
            "seconds": self.seconds,
        }
        if best.busy is not None:
            row["worker_busy_percent"] = round(min(r.busy for r in results) * 100, 1)
        for key in best.extra:
            row[key] = best.extra[key]
        return row

    def run_attach(self, name, case):
        row = {"case": name, "program": VifGuests.name, "mpps": None, "cycles_per_packet": None,
               "guests": case.n_guests}
        try:
            with self.start(VifGuests, 0) as running:
                result = running.run("attach", case.n_guests)
        except BenchError as error:
            self.log(f"{name} {VifGuests.name}: failed: {error}")
            return row | {"error": str(error)}
        self.log(f"{name} {VifGuests.name}: {result['attach_seconds']:.2f} s")
        return row | result

    def run_many(self, name, case):
        program = case.programs[0]
        row = {"case": name, "program": program.name, "mpps": None, "cycles_per_packet": None}
        results = []
        for number in range(1, self.rounds + 1):
            try:
                result = program(self.program_directory(), self.build).measure(case.number)
            except BenchError as error:
                self.log(f"{name} {number}/{self.rounds}: failed: {error}")
                return row | {"error": str(error)}
            results.append(result)
            self.log(f"{name} {number}/{self.rounds}: {result[case.key]:.3f} {case.unit}")
        values = [result[case.key] for result in results]
        others = {key: min(result[key] for result in results)
                  for key in ("top_ms", "again_seconds") if key in results[0]}
        return row | others | {"rounds": len(results), "number": case.number,
                               case.key: min(values),
                               case.key + "_median": statistics.median(values)}

    def run_failover(self, name, case):
        row = {"case": name, "program": Failover.name, "mpps": None, "cycles_per_packet": None}
        results = []
        for number in range(1, self.rounds + 1):
            try:
                result = Failover(self.program_directory(), self.build).measure(case.mode)
            except BenchError as error:
                self.log(f"{name} {number}/{self.rounds}: failed: {error}")
                return row | {"error": str(error)}
            results.append(result)
            self.log(f"{name} {number}/{self.rounds}: gap {result['gap_ms']:.1f} ms, "
                     f"{result['doubled']} doubled, {result['reordered']} reordered")
        gaps = [result["gap_ms"] for result in results]
        return row | {"gap_ms": max(gaps), "gap_ms_median": statistics.median(gaps),
                      "rounds": len(results),
                      "doubled": sum(result["doubled"] for result in results),
                      "reordered": sum(result["reordered"] for result in results)}

    def run_idle(self, name):
        row = {"case": name, "program": Vswitchd.name, "mpps": None, "cycles_per_packet": None}
        seconds = max(IDLE_SECONDS, self.seconds)
        try:
            with self.start(IdleVswitchd, Setup([], 0)) as running:
                running.cpu_seconds(IDLE_SETTLE_SECONDS)
                used, wall = running.cpu_seconds(seconds)
        except BenchError as error:
            self.log(f"{name} {Vswitchd.name}: failed: {error}")
            return row | {"error": str(error)}
        self.log(f"{name} {Vswitchd.name}: {used:.3f} CPU seconds in {wall:.1f} s")
        return row | {"cpu_percent": round(100 * used / wall, 2),
                      "cpu_seconds": round(used, 4), "seconds": round(wall, 1)}


def add_ratios(rows):
    """To each row its cycles as a share of the peers', minimum to minimum and median to median."""
    by_program = {row["program"]: row for row in rows if "error" not in row}
    peers = [(Ovs.name, "ratio_to_ovs"), (Testpmd.name, "ratio_to_testpmd_io"),
             (AfPacketVswitchd.name, "ratio_to_af_packet"), (VhostGuests.name, "ratio_to_vhost"),
             (Vswitchd.name, "ratio_to_plain"), (NatVswitchd.name, "ratio_to_first"),
             (FewFlowNatVswitchd.name, "ratio_to_first"), (FlowTestpmd.name, "ratio_to_testpmd_io")]
    # of its two ways, the one that does better here
    nats = [name for name in (NatOvs.name, PlainNatOvs.name) if name in by_program]
    if nats:
        best = min(nats, key=lambda name: by_program[name]["cycles_per_packet"])
        peers += [(best, "ratio_to_ovs"), (NatOvs.name, "ratio_to_ovs_default")]
    for peer, key in peers:
        if peer not in by_program:
            continue
        for program, row in by_program.items():
            # the plain bridge is the measure of vswitchd's other ways only, and so is the first NAT
            if program == peer or (key in ("ratio_to_plain", "ratio_to_first")
                                   and not program.startswith(Vswitchd.name)):
                continue
            for suffix in ("", "_median"):
                row[key + suffix] = round(row["cycles_per_packet" + suffix]
                                          / by_program[peer]["cycles_per_packet" + suffix], 3)
