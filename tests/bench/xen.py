# SPDX-License-Identifier: BSD-3-Clause
"""The cases on real Xen: iperf3 through vswitchd and through the kernel's netback, in one boot.

The machine is the Xen bed of tests/xen (Xen, dom0 and guests, emulated); what is done there is
xen_dom0.sh, whose notes are read here. Its clock counts the instructions that its two CPUs execute
in turns, so a Mbit/s means instructions per bit, of everything from one iperf3 to the other; the
load of the machine it runs on does not matter, but what caches and real latencies would do is
missing. The counts of xen-counts are those of any machine with that much traffic.
"""

import collections
import dataclasses
import os
import pathlib
import re
import statistics
import sys

from host import BenchError

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests" / "xen"))

from bed import boot, images, packages, report

KERNEL_MODULES = ("net/llc/llc", "net/802/stp", "net/bridge/bridge",
                  "drivers/net/xen-netback/xen-netback")
BOOT_SECONDS = 300           # of an emulated machine whose two CPUs are wanted elsewhere
RUN_SECONDS = 60             # for a run of iperf3, beyond the time it measures
RUNS = 4                     # per MTU; see program_round in xen_dom0.sh

NOTE = re.compile(r"bench (.*)")


class XenVswitchd:
    """vswitchd as dom0's switch; the host's side is its tap."""
    name = "vswitchd"
    needs = [("/usr/bin/qemu-system-x86_64", "qemu-system-x86"), ("/usr/bin/iperf3", "iperf3"),
             ("/usr/bin/busybox", "busybox-static"), ("/usr/sbin/ip", "iproute2")]


class XenKernel:
    """The kernel's xen-netback and Linux bridge; the host's side is the bridge itself."""
    name = "kernel"
    needs = XenVswitchd.needs


@dataclasses.dataclass(frozen=True)
class XenIperf:
    """TCP throughput, both directions summed."""
    mtus: tuple = (1500, 9000)
    rounds: int = 3
    count: bool = False
    bound: float = 1.0               # times the kernel's throughput, asked for
    aim: float = 1.5                 # and hoped for
    programs: tuple = (XenVswitchd, XenKernel)
    hugepages: int = 0
    unit = "Mbit/s"


@dataclasses.dataclass(frozen=True)
class XenCounts(XenIperf):
    """What a packet takes of grant copies, hypercalls and notifications, with iperf3 running."""
    rounds: int = 1
    count: bool = True
    bound: float = 1 / 16            # notifications per packet of the MTU's size, asked for
    unit = "per packet"


class BenchImages(images.Images):
    """The bed's, with the kernel's netback and Xen's tracer."""

    def _fetch(self):
        super()._fetch()
        dom0 = packages.dependency("linux-image-amd64", "linux-image-6")
        utils = packages.dependency("xen-system-amd64", "xen-utils-4")
        folder = f"lib/modules/{dom0[len('linux-image-'):]}/kernel/"
        _, self.modules = self._take(dom0, [f"{folder}{name}.ko" for name in KERNEL_MODULES])
        _, self.tracer = self._take(utils, [self.tools_path + "xentrace"])

    def prepare(self, build, settings):
        """What add_own() puts in."""
        self.counter = build / "tests" / "xen_hypercalls"
        self.settings = "".join(f"{key}='{value}'\n" for key, value in settings.items())

    def add_own(self, image):
        for path, copy in self.modules.items():
            image.file("modules/" + os.path.basename(path), copy)
        for path, copy in self.tracer.items():
            image.program(path, copy)
        image.program("usr/bin/xen_hypercalls", str(self.counter))
        image.text("etc/bench.env", self.settings)
        image.file("scenarios/xen_dom0.sh", str(REPOSITORY / "tests" / "bench" / "xen_dom0.sh"))
        image.text("scenarios/order", "xen_dom0\n")


def fetch(build, scratch):
    """Get the packages, which needs the network that the namespace of run() has not."""
    try:
        BenchImages(str(cache(build)), str(scratch))
    except packages.PackageError as error:
        raise BenchError(str(error)) from None


def cache(build):
    return build / "xen-bed"


def run(name, case, runner):
    """Boot, and return the rows of a case; for a cases.Runner."""
    rounds = min(runner.rounds, case.rounds)
    try:
        notes = boot_notes(name, case, runner, rounds)
    except (OSError, packages.PackageError, BenchError) as error:
        runner.log(f"{name}: failed: {error}")
        return [{"case": name, "program": program.name, "mpps": None, "cycles_per_packet": None,
                 "error": str(error)} for program in case.programs]
    rows = count_rows(name, notes) if case.count else iperf_rows(name, notes)
    return [row | {"rounds": rounds, "seconds": runner.seconds} for row in rows]


def boot_notes(name, case, runner, rounds):
    """The notes of one boot, each a dictionary; BenchError if a check of it failed."""
    bound = BOOT_SECONDS + rounds * len(case.programs) * len(case.mtus) * RUNS * (
        runner.seconds + RUN_SECONDS)
    folder = runner.program_directory()
    folder.mkdir()
    made = BenchImages(str(cache(runner.build)), str(folder))
    made.prepare(runner.build, {"PROGRAMS": " ".join(program.name for program in case.programs),
                                "ROUNDS": rounds, "RUN_SECONDS": runner.seconds,
                                "COUNT": "yes" * case.count,
                                "MTUS": " ".join(map(str, case.mtus))})
    initramfs = made.dom0_initramfs(str(runner.build), str(REPOSITORY), [])
    machine = boot.Boot(boot.command(made.xen, made.dom0_kernel, initramfs, counted=True), bound)
    results = report.Results(["xen_dom0"])
    console = cache(runner.build) / "bench.log"
    notes = []
    with open(console, "w", encoding="utf-8") as log:
        for second, line in machine:
            log.write(f"[{second:7.2f}] {line}\n")
            log.flush()
            found = report.MARKER.search(line)
            if not found:
                continue
            results.marker(*found.groups())
            note = NOTE.match(found[2] or "")
            if note:
                notes.append(read_note(note[1]))
                runner.log(f"{name} {said(notes[-1])}")
    results.finish(machine.timed_out, bound)
    if not results.passed:
        raise BenchError(f"{', '.join(results.failed)} failed; the console is in {console}")
    return notes


def read_note(text):
    note = dict(word.split("=", 1) for word in text.split() if "=" in word)
    return {key: value if key in ("program", "path") else float(value or 0)
            for key, value in note.items()}


def said(note):
    return (f"{note['round']:.0f} {note['program']} {note['path']} MTU {note['mtu']:.0f}: "
            + ("failed" if "failed" in note else
               f"{note['mbit_s']:.0f} Mbit/s, {note['retransmits']:.0f} retransmitted"))


def grouped(notes):
    """Notes of the same program, MTU and two ends: those of both directions together."""
    groups = collections.defaultdict(list)
    for note in notes:
        ends = "guest-guest" if note["path"].startswith("guest-guest") else "guest-host"
        groups[ends, int(note["mtu"]), note["program"]].append(note)
    return groups


def base_row(name, ends, mtu, program):
    return {"case": name, "program": program, "mpps": None, "cycles_per_packet": None,
            "path": ends, "mtu": mtu}


def iperf_rows(name, notes):
    rows = {}
    for (ends, mtu, program), group in grouped(notes).items():
        row = rows[ends, mtu, program] = base_row(name, ends, mtu, program)
        sums = collections.Counter()
        for note in group:
            if "failed" in note:
                row["error"] = f"iperf3 failed in round {note['round']:.0f}"
            sums[note["round"]] += note.get("mbit_s", 0)
        mbytes = sum(note.get("mbytes", 0) for note in group)
        row |= {"mbit_per_s": round(statistics.median(sums.values()), 1),
                "mbit_per_s_min": round(min(sums.values()), 1),
                "mbit_per_s_max": round(max(sums.values()), 1),
                "retransmits_per_gbyte": round(
                    sum(note.get("retransmits", 0) for note in group) / max(mbytes, 1) * 1000, 1)}
        for path in sorted({note["path"] for note in group}):
            row[f"mbit_per_s_{path.replace('-', '_')}"] = round(statistics.median(
                note.get("mbit_s", 0) for note in group if note["path"] == path), 1)
    for (ends, mtu, program), row in rows.items():
        peer = rows.get((ends, mtu, XenKernel.name), row)
        if peer is not row and peer["mbit_per_s"] > 0:
            row["ratio_to_kernel"] = round(row["mbit_per_s"] / peer["mbit_per_s"], 2)
            row["ratio_to_kernel_best"] = round(row["mbit_per_s_max"] / peer["mbit_per_s_max"], 2)
    return list(rows.values())


def count_rows(name, notes):
    """Figures per frame that a switch was given, and per packet of the MTU's size.

    A frame may be a super-packet of 64 KiB, which would have been many packets without offloads.
    TCP counts its segments, so it knows how many.
    """
    rows = []
    for (ends, mtu, program), group in grouped(notes).items():
        row = base_row(name, ends, mtu, program)
        n = collections.Counter()
        for note in group:
            if "failed" in note:
                row["error"] = "iperf3 failed"
            n.update({key: value for key, value in note.items() if isinstance(value, float)})
        rows.append(row | counts(program, n))
    return rows


def counts(program, n):
    frames = n["host.tx_packets"] + n["g1.tx_packets"] + n["g2.tx_packets"]
    packets = n["host.tcp_out"] + n["g1.tcp_out"] + n["g2.tcp_out"]
    grants = sum(n[f"hypercall.d0.grant-{kind}"] for kind in ("copy", "map", "unmap"))
    figures = {
        "grant_copy_ioctls": n["probe.gntdev_ioctl"],
        "grant_hypercalls": grants,
        "grant_copies": n["hypercall.d0.grant-copy-pieces"],
        "grant_maps": n["hypercall.d0.grant-map"],
        # by the kernel's netback, and by programs
        "notifications": n["probe.notify_remote_via_irq"] + n["probe.evtchn_ioctl"],
        "event_hypercalls": n["hypercall.d0.event"],
        "hypercalls": n["hypercall.d0.all"],
        "iret_hypercalls": n["hypercall.d0.iret"],
        "guest_hypercalls": n["hypercall.g1.all"] + n["hypercall.g2.all"],
        "guest_interrupts": sum(value for key, value in n.items()
                                if re.match(r"g[12]\.irq\.", key)),
    }
    row = {"mbytes": round(n["mbytes"], 1), "frames": int(frames), "packets": int(packets),
           "lost_trace_records": int(n["hypercall.lost"])}
    if program == XenVswitchd.name:
        # what vswitchd says of itself
        figures |= {"vswitchd_copy_calls": n["vif.copy_calls"],
                    "vswitchd_notifications": n["vif.notifies"]}
        row["dropped_tx_full"] = int(n["drop.tx_full"])
    for key, value in figures.items():
        row[f"{key}_per_frame"] = round(value / max(frames, 1), 3)
        row[f"{key}_per_packet"] = round(value / max(packets, 1), 4)
    return row


def remarks(row):
    """What a row of these cases says in the table."""
    if "path" not in row or "error" in row:
        return []
    text = [f"{row['path']} MTU {row['mtu']}"]
    if "mbit_per_s" in row:
        text.append(f"{row['mbit_per_s']:.0f} Mbit/s ({row['mbit_per_s_min']:.0f}-"
                    f"{row['mbit_per_s_max']:.0f})")
        text.append(f"{row['retransmits_per_gbyte']:.0f} retransmits/GB")
        if "ratio_to_kernel" in row:
            text.append(f"{row['ratio_to_kernel']:.2f} of the kernel's "
                        f"(best {row['ratio_to_kernel_best']:.2f})")
        return text
    for key, said_as in (("grant_copy_ioctls", "ioctls"), ("grant_hypercalls", "grant hypercalls"),
                         ("hypercalls", "hypercalls"), ("notifications", "notifications")):
        text.append(f"{row[key + '_per_packet']:.3f} {said_as} ({row[key + '_per_frame']:.2f} "
                    "a frame)")
    return text


def iperf_verdict(case, row):
    """A line on one row of xen-iperf, as report.verdicts() wants it."""
    if "ratio_to_kernel" not in row:
        return "no ratio: a program failed"
    ratio = row["ratio_to_kernel"]
    return (f"{row['path']} MTU {row['mtu']}: {ratio:.2f} of the kernel's throughput; "
            f"bound {case.bound:.1f} {'held' if ratio >= case.bound else 'NOT held'}, "
            f"aim {case.aim:.1f} {'reached' if ratio >= case.aim else 'not reached'}")


def counts_verdict(case, row):
    """The same for xen-counts."""
    if "error" in row:
        return "no figure: it failed"
    n = row["notifications_per_packet"]
    return (f"{row['path']} MTU {row['mtu']}: {n:.4f} notifications per packet; "
            f"bound {case.bound:.4f} {'held' if n <= case.bound else 'NOT held'}")
