# SPDX-License-Identifier: BSD-3-Clause
"""vswitchd while somebody looks at what it forwards: captures and mirrors."""

import json
import re
import signal
import socket
import struct

from host import BenchError, command, wait_for
from programs import START_SECONDS, Vswitchd

PCAPNG_PACKET = 6  # block type: enhanced packet


class CaptureVswitchd(Vswitchd):
    """Somebody captures what one of the ports receives and sends, by a filter that nothing matches:
    it looks at every packet once."""

    name = "vswitchd-capture"
    needs = [("/usr/bin/tcpdump", "tcpdump")]
    what = {"port": "p0"}
    client = None
    filter = "host 198.51.100.77 and udp port 7"

    def start(self):
        super().start()
        text = command(["/usr/bin/tcpdump", "-y", "EN10MB", "-ddd", self.filter])
        program = [[int(number) for number in line.split()] for line in text.splitlines()[1:]]
        request = {"jsonrpc": "2.0", "id": 1, "method": "capture.start",
                   "params": dict(self.what, filter=self.filter, program=program)}
        self.client = socket.socket(socket.AF_UNIX)
        self.client.settimeout(START_SECONDS)
        self.client.connect(str(self.run_directory / "vswitchd.sock"))
        self.client.sendall(json.dumps(request).encode() + b"\n")
        reply = json.loads(self.client.makefile("rb").readline())
        if "result" not in reply:
            raise BenchError(f"capture.start: {reply}")

    def stop(self):
        if self.client is not None:
            self.client.close()
        super().stop()


class CaptureAllVswitchd(CaptureVswitchd):
    """The same of all ports: it looks at every packet twice, as it comes and as it goes."""

    name = "vswitchd-capture-all"
    what = {}


class MirrorVswitchd(Vswitchd):
    """What one of the ports receives is copied to a third one, which throws it away."""

    name = "vswitchd-mirror"
    source = "p0"

    def config(self):
        return super().config() + "\n".join([
            "[port end0]", "bridge = none", "type = eth", "devargs = net_null7,no-rx=1",
            "[port idle0]", "bridge = none", "type = eth", "devargs = net_null8,no-rx=1",
            "[mirror m]", f"port = {self.source}", "direction = in", "to = end0"]) + "\n"


class MirrorIdleVswitchd(MirrorVswitchd):
    """There is a mirror, of a port where nothing passes."""

    name = "vswitchd-mirror-idle"
    source = "idle0"


def n_packets(path):
    """Packets in a pcapng file."""
    count = 0
    with open(path, "rb", buffering=1 << 20) as file:
        while head := file.read(8):
            kind, size = struct.unpack("=II", head)
            count += kind == PCAPNG_PACKET
            file.seek(size - len(head), 1)
    return count


class CaptureFileVswitchd(Vswitchd):
    """vsctl captures an eighth of what one of the ports receives, about a million packets a second,
    into a file: each is there, or is reported as missed."""

    name = "vswitchd-capture-file"
    filter = "src net 10.0.0.0/25"
    share = 128 / 1024  # of the flows
    tolerance = 0.01    # the counters of the port are not read in the instant it begins or ends

    def measure(self, seconds):
        path = self.directory / "capture.pcapng"
        before = self.sample()
        tool = self.children.start("vsctl", [
            str(self.tool), "--socket", str(self.run_directory / "vswitchd.sock"), "capture", "p0",
            "dir", "in", "-w", str(path), self.filter])
        wait_for("the capture has begun", lambda: path.exists() and path.stat().st_size > 0,
                 START_SECONDS)
        result = super().measure(seconds)
        tool.send_signal(signal.SIGINT)
        tool.wait(START_SECONDS)
        after = self.sample()
        said = self.children.log_path("vsctl").read_text()
        found = re.search(r"(\d+) packets? captured, (\d+) matched, (\d+) missed", said)
        if not found:
            raise BenchError(f"vsctl capture said: {said}")
        captured, matched, missed = (int(number) for number in found.groups())
        in_file = n_packets(path)
        if in_file != captured or captured + missed != matched:
            raise BenchError(f"{in_file} packets in the file, {captured} captured, {missed} missed, "
                             f"{matched} matched")
        there = (after.rx[0] - before.rx[0]) * self.share
        if matched > there * (1 + self.tolerance):
            raise BenchError(f"{matched} matched of {there:.0f} that came in")
        span = after.seconds - before.seconds
        result.extra |= {"captured_mpps": round(captured / span / 1e6, 3),
                         "capture_missed": missed, "capture_matched": matched}
        return result
