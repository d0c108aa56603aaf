# SPDX-License-Identifier: BSD-3-Clause
"""What dom0 says about itself on the console, and how it is passed on.

A line that dom0's scripts mean for us holds a marker; the rest is log:

    @@CHECK NAME ok|FAIL [DETAIL]   one check's result
    @@NOTE TEXT                     a figure worth seeing
    @@STEP TEXT                     the demo starts a step
    @@SHOW TEXT                     a line of a command's output that the demo shows
    @@BEGIN NAME / @@END NAME       a scenario starts, or got to its end
    @@DONE                          dom0 got to its end
"""

import re
import time

MARKER = re.compile(r"@@(CHECK|NOTE|STEP|SHOW|BEGIN|END|DONE)(?: (.*))?$")


class Results:
    """Checks collected from a boot, and whether it ran to its end."""

    def __init__(self, scenarios):
        self.checks = []
        self._unfinished = list(scenarios)
        self._done = False

    def marker(self, kind, text):
        """Take in one marker line."""
        if kind == "CHECK":
            name, verdict, *detail = text.split(" ", 2)
            self.add(name, verdict == "ok", detail[0] if detail else "")
        elif kind == "END" and text in self._unfinished:
            self._unfinished.remove(text)
        elif kind == "DONE":
            self._done = True

    def add(self, name, passed, detail=""):
        """Add a check of our own."""
        self.checks.append((name, passed, detail))

    def finish(self, timed_out, bound):
        """Turn everything that did not happen into failed checks."""
        for name in self._unfinished:
            self.add(name + ".finished", False, "the scenario did not get to its end")
        if timed_out:
            self.add("boot.finished", False, "not done within %d s" % bound)
        elif not self._done:
            self.add("boot.finished", False, "dom0 stopped before its end")

    @property
    def failed(self):
        """Names of the failed checks."""
        return [name for name, passed, _ in self.checks if not passed]

    @property
    def passed(self):
        """The verdict."""
        return bool(self.checks) and not self.failed


class Tap:
    """Reports checks as they come, in TAP (testanything.org/tap-version-13-specification.html)."""

    def __init__(self):
        self._number = 0

    def marker(self, seconds, kind, text):
        """One marker line."""
        if kind == "CHECK":
            name, verdict, *detail = text.split(" ", 2)
            self._line(name, verdict == "ok", detail[0] if detail else "", seconds)
        elif kind in ("NOTE", "BEGIN", "STEP"):
            print("# [%5.1f] %s" % (seconds, text), flush=True)

    def _line(self, name, passed, detail, seconds):
        self._number += 1
        # A '#' would start a TAP directive.
        print("%s %d - %s%s" % ("ok" if passed else "not ok", self._number, name,
                                ": " + detail.replace("#", "") if detail else ""), flush=True)
        if not passed:
            print("# [%5.1f] %s failed" % (seconds, name), flush=True)

    def end(self, results, seconds):
        """Report the checks that did not come from dom0, then the plan."""
        for name, passed, detail in results.checks[self._number:]:
            self._line(name, passed, detail, seconds)
        print("1..%d" % self._number, flush=True)


class Story:
    """Tells a person step by step what happens, with the time that each step took.

    since: when the story began, as time.time() gives it
    """

    def __init__(self, since):
        self._since = since
        self._step = None

    def _close_step(self):
        now = time.time()
        if self._step is not None:
            print("    (%.1f s)" % (now - self._step), flush=True)
        self._step = now

    def step(self, text):
        """A new step starts, and ends the one before."""
        self._close_step()
        print("\n[%5.1f s] %s" % (time.time() - self._since, text), flush=True)

    def marker(self, _seconds, kind, text):
        """One marker line."""
        if kind == "STEP":
            self.step(text)
        elif kind == "SHOW":
            print("    | " + (text or ""), flush=True)
        elif kind == "NOTE":
            print("    " + text, flush=True)
        elif kind == "CHECK":
            name, verdict, *detail = text.split(" ", 2)
            detail = ": " + detail[0] if verdict != "ok" and detail else ""
            print("    %-4s %s%s" % (verdict, name.replace("-", " "), detail), flush=True)

    def end(self, results, _seconds):
        """The verdict."""
        self._close_step()
        print()
        for name, passed, detail in results.checks:
            if not passed:
                print("failed: %s: %s" % (name, detail))
        print("%s: %d of %d checks passed, %.0f s in all" %
              ("PASS" if results.passed else "FAIL", len(results.checks) - len(results.failed),
               len(results.checks), time.time() - self._since), flush=True)
