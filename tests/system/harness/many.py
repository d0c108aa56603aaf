# SPDX-License-Identifier: BSD-3-Clause
"""A switch with many ports: how long does it take to configure them by a file, and to show them?

As a program it prints the result for so many ports as JSON, for the benchmark.
"""

import json
import pathlib
import sys
import tempfile
import time

from .bed import Bed
from .netns import isolate

SHOWS = 20


def config(n_ports):
    """A file of taps on ten bridges."""
    sections = ["[bridge br%d]\nloop-detect = no\n" % n for n in range(10)]
    sections += ["[port t%d]\ntype = tap\nbridge = br%d\nvid = %d\n" % (n, n % 10, 1 + n % 4000)
                 for n in range(n_ports)]
    return "\n".join(sections)


def timed(function, *arguments):
    """Seconds that a call takes."""
    start = time.monotonic()
    function(*arguments)
    return time.monotonic() - start


def succeed(daemon, *words):
    """Run vsctl, which must succeed."""
    result = daemon.vsctl_raw(*words)
    assert result.returncode == 0, result.stderr
    return result.stdout


def measure(bed, n_ports):
    """Seconds to apply the file, to apply it once more, and of the fastest and the median show."""
    daemon = bed.daemon
    bed.start("[vswitchd]\nhugepages = no\n")
    path = daemon.folder / "many.conf"
    path.write_text("[vswitchd]\nhugepages = no\n" + config(n_ports))
    first = timed(succeed, daemon, "config", "apply", path)
    assert len(succeed(daemon, "config", "show").split("[port ")) == n_ports + 1
    again = timed(succeed, daemon, "config", "apply", path)
    shows = sorted(timed(succeed, daemon, "show") for _ in range(SHOWS))
    tops = sorted(timed(daemon.rpc_line, b'{"jsonrpc":"2.0","id":1,"method":"top.show"}')
                  for _ in range(SHOWS))
    return {"ports": n_ports, "config_seconds": round(first, 3), "again_seconds": round(again, 3),
            "top_ms": round(1000 * tops[0], 2), "show_ms": round(1000 * shows[0], 2),
            "show_ms_median": round(1000 * shows[SHOWS // 2], 2)}


def main():
    """Of so many ports."""
    isolate()
    with tempfile.TemporaryDirectory() as folder:
        bed = Bed(pathlib.Path(folder))
        try:
            print(json.dumps(measure(bed, int(sys.argv[1]))))
        finally:
            bed.daemon.process.kill()  # taking 500 taps away one by one takes the kernel long
            bed.daemon.process.wait()
            bed.daemon.process = None
            bed.close()


if __name__ == "__main__":
    main()
