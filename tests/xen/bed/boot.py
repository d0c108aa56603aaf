# SPDX-License-Identifier: BSD-3-Clause
"""One boot of Xen under QEMU: every console line comes back with the second it was printed at."""

import selectors
import subprocess
import time

# A 64-bit PV kernel does not survive QEMU 7.2's SMAP, and with XSAVE or AVX dom0's processes crash
# at random as soon as a guest competes for a CPU. SSE4.2, which DPDK wants, is kept.
CPU = "max,-smap,-svm,-xsave,-avx,-avx2,-f16c,-fma,-vaes,-pku"

# An end that comes from dom0's reboot, so neither Xen nor QEMU may wait for anybody. Xen stays
# quiet, because what it prints lands in the middle of dom0's lines.
XEN_OPTIONS = ("console=com1 com1=115200,8n1 loglvl=warning guest_loglvl=none dom0_mem=1024M,"
               "max:1024M dom0_max_vcpus=2 spec-ctrl=no xpti=no pv-l1tf=no")
# No commas: QEMU takes them as the end of a multiboot module.
DOM0_OPTIONS = "console=hvc0 earlyprintk=xen quiet rdinit=/init cryptomgr.notests mitigations=off"


# For figures: the machine's clock counts instructions, so what else this machine has to do does not
# matter. 2 ns each; both CPUs take turns. And copies take words, as real CPUs do and emulated ones
# only without ERMS: one instruction per byte would make them what everything else waits for.
COUNTED = ["-accel", "tcg,thread=single", "-cpu", CPU + ",-erms",
           "-icount", "shift=1,sleep=off"]


def command(xen, dom0_kernel, dom0_initramfs, counted=False):
    """The QEMU command line.

    counted: by a clock of instructions instead of the host's
    """
    cpu = COUNTED if counted else ["-accel", "tcg,thread=multi", "-cpu", CPU]
    return ["qemu-system-x86_64", "-machine", "q35", *cpu, "-smp", "2", "-m", "2048",
            "-nographic", "-nodefaults", "-serial", "stdio", "-no-reboot", "-net", "none",
            "-kernel", xen, "-append", XEN_OPTIONS,
            "-initrd", "%s %s,%s" % (dom0_kernel, DOM0_OPTIONS, dom0_initramfs)]


class Boot:
    """A running QEMU; iterate over it to get (seconds, line) until it ends.

    The bound is for the whole boot. A boot that exceeds it is killed and `timed_out` says so.
    """

    def __init__(self, argv, bound):
        self._argv = argv
        self._bound = bound
        self.timed_out = False

    def __iter__(self):
        start = time.monotonic()
        process = subprocess.Popen(self._argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, bufsize=0)
        try:
            yield from self._lines(process, start)
        finally:
            process.kill()
            process.wait()

    def _lines(self, process, start):
        pending = b""
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while True:
                left = start + self._bound - time.monotonic()
                if left <= 0 or not selector.select(left):
                    self.timed_out = True
                    return
                chunk = process.stdout.read(65536)
                seconds = time.monotonic() - start
                *lines, pending = (pending + chunk).split(b"\n")
                for line in lines if chunk else lines + [pending]:
                    yield seconds, line.decode("utf-8", "replace").rstrip("\r")
                if not chunk:
                    return

