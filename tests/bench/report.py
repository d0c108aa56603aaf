# SPDX-License-Identifier: BSD-3-Clause
"""The result as text: one table, and a line per bound."""

from cases import CASES, FailoverCase, Guests, Idle, ManyCase, Nat
from programs import Vswitchd
from programs_control import ManySections
from programs_ports import VifGuests
import xen

HEADINGS = ("case", "program", "Mpps", "cycles", "median", "own", "/ovs", "med/ovs", "/io", "")


def _number(row, key, digits):
    return f"{row[key]:.{digits}f}" if row.get(key) is not None else "-"


def _remarks(row):
    remarks = []
    if "error" in row:
        remarks.append("failed: " + " ".join(row["error"].split())[:200])
    if row.get("noisy"):
        remarks.append("noisy")
    if row.get("worker_busy_percent", 100) < 95:
        remarks.append(f"had {row['worker_busy_percent']:.0f} % of its core")
    if "ratio_to_af_packet" in row:
        remarks.append(f"{row['ratio_to_af_packet']:.2f} of af_packet's "
                       f"(median {row['ratio_to_af_packet_median']:.2f})")
    if "mode" in row:
        remarks.append(row["mode"])
    if "ratio_to_vhost" in row:
        remarks.append(f"{row['ratio_to_vhost']:.3f} of vhost")
    if "packets_per_turn" in row:
        remarks.append(f"{row['packets_per_turn']:.0f} packets a turn")
    if "attach_seconds" in row:
        remarks.append(f"{row['guests']} guests in {row['attach_seconds']:.2f} s, "
                       f"{row['attach_cpu_ms_per_vif']:.3f} ms of the switch's each, "
                       f"{row['heap_bytes_per_vif'] / 1024:.1f} KiB each")
    if "ratio_to_plain" in row:
        remarks.append(f"{row['ratio_to_plain']:.3f} of the plain bridge "
                       f"(median {row['ratio_to_plain_median']:.3f})")
    if "captured_mpps" in row:
        remarks.append(f"{row['captured_mpps']:.2f} Mpps to the file, {row['capture_missed']} of "
                       f"{row['capture_matched']} missed, as reported")
    if "gap_ms" in row:
        remarks.append(f"gap {row['gap_ms']:.1f} ms at most, median {row['gap_ms_median']:.1f} ms "
                       f"of {row['rounds']}, {row['doubled']} doubled, "
                       f"{row['reordered']} reordered")
    if "cpu_percent" in row:
        remarks.append(f"{row['cpu_percent']:.2f} % of a core in {row['seconds']:.0f} s")
    if "nat_sessions" in row:
        remarks.append(f"{row['nat_sessions']} sessions")
    if "new_sessions_per_second" in row:
        remarks.append(f"{row['new_sessions_per_second'] / 1000:.0f} k new sessions/s")
    if "bytes_per_session" in row:
        remarks.append(f"{row['bytes_per_session']:.0f} bytes/session")
    remarks += xen.remarks(row)
    if row["case"] == "bridge-64-1m" and "fdb_entries" in row:
        remarks.append(f"{row['fdb_entries']} FDB entries")
    return ", ".join(remarks)


def table(rows):
    """All rows as lines of text: minimum cycles first, then the median of the rounds."""
    lines = [HEADINGS]
    for row in rows:
        lines.append((row["case"], row["program"], _number(row, "mpps", 2),
                      _number(row, "cycles_per_packet", 1),
                      _number(row, "cycles_per_packet_median", 1),
                      _number(row, "own_cycles_per_packet", 1),
                      _number(row, "ratio_to_ovs", 3), _number(row, "ratio_to_ovs_median", 3),
                      _number(row, "ratio_to_testpmd_io", 2), _remarks(row)))
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    text = []
    for line in lines:
        cells = [cell.ljust(width) if column < 2 else cell.rjust(width)
                 for column, (cell, width) in enumerate(zip(line[:-1], widths))]
        text.append("  ".join(cells + [line[-1]]).rstrip())
    return text


def _ratio_verdict(case, row):
    ratio = row.get("ratio_to_ovs")
    if ratio is None:
        return "no ratio: a program failed"
    bound = "held" if ratio <= case.bound else "NOT held"
    aim = "reached" if ratio <= case.aim else "not reached"
    return (f"{ratio:.3f} of ovs's cycles per packet (median {row['ratio_to_ovs_median']:.3f}); "
            f"bound {case.bound:.3f} {bound}, aim {case.aim:.3f} {aim}")


def _guests_verdict(case, row):
    if "ratio_to_vhost" not in row:
        return "no ratio: a program failed"
    held = "held" if row["ratio_to_vhost"] <= case.bound else "NOT held"
    return (f"{row['ratio_to_vhost']:.3f} of vhost's busy cycles per packet (median "
            f"{row['ratio_to_vhost_median']:.3f}); bound {case.bound:.3f} {held}")


def _idle_verdict(case, row):
    if "error" in row:
        return "no figure: it failed"
    held = "held" if row["cpu_percent"] <= case.bound else "NOT held"
    return f"{row['cpu_percent']:.2f} % of a core; bound {case.bound:.0f} % {held}"


def _failover_verdict(case, row):
    if "error" in row:
        return "no figure: it failed"
    held = "held" if row["gap_ms"] <= case.bound else "NOT held"
    return f"gap {row['gap_ms']:.1f} ms; bound {case.bound:.0f} ms {held}"


def _many_verdict(case, row):
    if "error" in row:
        return "no figure: it failed"
    held = "held" if row[case.key] <= case.bound else "NOT held"
    return (f"{row[case.key]:.2f} {case.unit} (median {row[case.key + '_median']:.2f}) of "
            f"{case.number}; bound {case.bound:g} {case.unit} {held}")


def _plain_verdict(case, row):
    held = "held" if row["ratio_to_plain"] <= case.plain_bound else "NOT held"
    return (f"{row['ratio_to_plain']:.3f} of the plain bridge's cycles per packet (median "
            f"{row['ratio_to_plain_median']:.3f}); bound {case.plain_bound:g} {held}")


def _held(is_held):
    return "held" if is_held else "NOT held"


def _nat_verdicts(case, row):
    """What is asked of a row of NAT, of vswitchd."""
    texts = []
    if case.faster and "ratio_to_ovs" in row:
        times, median = 1 / row["ratio_to_ovs"], 1 / row["ratio_to_ovs_median"]
        default = f", {1 / row['ratio_to_ovs_default']:.1f} by default" \
            if "ratio_to_ovs_default" in row else ""
        texts.append(f"{times:.1f} times ovs's packets per second at its best (median "
                     f"{median:.1f}{default}); bound {case.faster:.0f} "
                     f"{_held(times >= case.faster)}")
    if case.share and "ratio_to_first" in row:
        share, median = 1 / row["ratio_to_first"], 1 / row["ratio_to_first_median"]
        texts.append(f"{share:.2f} of the packets per second with 8192 sessions (median "
                     f"{median:.2f}); bound {case.share:.2f} {_held(share >= case.share)}")
    if case.new_sessions and "new_sessions_per_second" in row:
        rate = row["new_sessions_per_second"]
        texts.append(f"{rate / 1000:.0f} k new sessions/s; bound {case.new_sessions / 1000:.0f} k "
                     f"{_held(rate >= case.new_sessions)}")
    if "bytes_per_session" in row:
        size = row["bytes_per_session"]
        texts.append(f"{size:.0f} bytes/session; bound {case.bytes_per_session} "
                     f"{_held(size <= case.bytes_per_session)}")
    return texts


def verdicts(rows):
    """One line for each case that has a bound. They inform; the exit status knows nothing of it."""
    lines = []
    for row in rows:
        case = CASES[row["case"]]
        if isinstance(case, Nat) and not row["program"].startswith(Vswitchd.name):
            continue
        if isinstance(case, Nat):
            lines += [f"{row['case']}: {row['program']}: {text}"
                      for text in _nat_verdicts(case, row)]
            continue
        if getattr(case, "plain_bound", None) is not None and "ratio_to_plain" in row:
            lines.append(f"{row['case']}: {_plain_verdict(case, row)}")
        ours = row["program"] in (Vswitchd.name, VifGuests.name, ManySections.name)
        if not ours or case.bound is None:
            continue
        verdict = {Idle: _idle_verdict, FailoverCase: _failover_verdict,
                   ManyCase: _many_verdict,
                   Guests: _guests_verdict, xen.XenIperf: xen.iperf_verdict,
                   xen.XenCounts: xen.counts_verdict}.get(type(case), _ratio_verdict)
        lines.append(f"{row['case']}: {verdict(case, row)}")
    return lines
