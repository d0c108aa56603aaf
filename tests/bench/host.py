# SPDX-License-Identifier: BSD-3-Clause
"""What the benchmark needs from the machine: packages, hugepages, clocks, child processes."""

import contextlib
import ctypes
import mmap
import os
import pathlib
import shutil
import subprocess
import time

CONTROL_CORE = 0
WORKER_CORE = 1

HUGEPAGES = pathlib.Path("/proc/sys/vm/nr_hugepages")


class BenchError(Exception):
    """A program or the machine could not do what a case needs; the text says which and why."""


def wait_for(what, condition, seconds):
    """Poll until condition() is true and return its value; BenchError after the bound."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise BenchError(f"{what}: not within {seconds} s")
        time.sleep(0.05)


def install_missing(needs, log):
    """Install the Debian packages of those (file, package) pairs whose file is not there.

    A package's service must not start because a benchmark wanted its program, hence the
    policy-rc.d for as long as apt runs.
    """
    packages = sorted({package for file, package in needs if not os.path.exists(file)})
    if not packages:
        return
    log(f"installing {' '.join(packages)}")
    policy = pathlib.Path("/usr/sbin/policy-rc.d")
    own_policy = not policy.exists()
    if own_policy:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    try:
        done = subprocess.run(install, env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            subprocess.run(["apt-get", "update", "-q"], env=environment, capture_output=True)
            done = subprocess.run(install, env=environment, capture_output=True, text=True)
    finally:
        if own_policy:
            policy.unlink()
    missing = [file for file, _ in needs if not os.path.exists(file)]
    if missing:
        raise BenchError(f"{' '.join(missing)} missing after apt-get install "
                         f"{' '.join(packages)}: {done.stderr.strip()[-400:]}")


@contextlib.contextmanager
def hugepages(wanted):
    """Have at least `wanted` 2 MB pages for the block, and the former number after it."""
    before = int(HUGEPAGES.read_text())
    try:
        if before < wanted:
            HUGEPAGES.write_text(str(wanted))
            got = int(HUGEPAGES.read_text())
            if got < wanted:
                raise BenchError(f"vm.nr_hugepages={wanted}: the kernel gave {got}; "
                                 "free some memory")
        yield
    finally:
        if before < wanted:
            HUGEPAGES.write_text(str(before))


def tsc_hz():
    """TSC ticks per second, by reading the counter against the monotonic clock."""
    # rdtsc; shl rdx, 32; or rax, rdx; ret
    code = bytes.fromhex("0f31 48c1e220 4809d0 c3")
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    read = ctypes.CFUNCTYPE(ctypes.c_uint64)(address)
    start, start_ns = read(), time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
    time.sleep(0.3)
    end, end_ns = read(), time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
    return (end - start) * 1e9 / (end_ns - start_ns)


def thread_seconds(pid):
    """CPU seconds that each thread of a process has run, by thread id.

    schedstat counts nanoseconds; the ticks of /proc/PID/stat miss a thread that wakes and
    sleeps between two of them.
    """
    seconds = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            seconds[task.name] = int((task / "schedstat").read_text().split()[0]) / 1e9
        except (FileNotFoundError, ProcessLookupError):
            continue
    return seconds


def process_seconds(pid):
    """CPU seconds that a process has run, up to this moment, also on another core."""
    # the clock of a process by the kernel's layout, see clock_getcpuclockid(3)
    return time.clock_gettime(~pid << 3 | 2)


class Children:
    """Processes of one program: logs in a directory, stopped in reverse order of their start."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True)
        self.running = []

    def start(self, name, argv, **kwargs):
        """Start argv, its output into NAME.log unless kwargs say where else."""
        if not (os.path.exists(argv[0]) or shutil.which(argv[0])):
            raise BenchError(f"{argv[0]}: not there")
        with open(self.log_path(name), "wb") as log:
            kwargs.setdefault("stdout", log)
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=log,
                                       start_new_session=True, **kwargs)
        self.running.append((name, process))
        return process

    def log_path(self, name):
        return self.directory / f"{name}.log"

    def check(self):
        """BenchError with the end of its log if any of them has ended."""
        for name, process in self.running:
            if process.poll() is not None:
                tail = self.log_path(name).read_text(errors="replace").strip()
                raise BenchError(f"{name} ended with status {process.returncode}: "
                                 f"{tail[-600:]}")

    def stop(self):
        for name, process in reversed(self.running):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout:
                process.stdout.close()
        self.running.clear()


def command(argv, environment=None, timeout=60):
    """Run a short command and return its output; BenchError with its message if it fails."""
    try:
        done = subprocess.run(argv, env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise BenchError(f"{' '.join(map(str, argv))}: no end within {timeout} s") from None
    except FileNotFoundError:
        raise BenchError(f"{argv[0]}: not there") from None
    if done.returncode != 0:
        raise BenchError(f"{' '.join(map(str, argv))}: status {done.returncode}: "
                         f"{(done.stderr or done.stdout).strip()[-400:]}")
    return done.stdout
