# SPDX-License-Identifier: BSD-3-Clause
"""Waiting for conditions, never for time."""

import time

TIMEOUT = 60  # seconds; for what takes milliseconds on an idle machine
STEP_MAX = 0.1


def wait_until(condition, timeout=TIMEOUT, what=None):
    """Call condition until it returns something true, and return that.

    what: text for the failure, or a function that makes it.
    """
    end = time.monotonic() + timeout
    step = 0.002
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() >= end:
            break
        time.sleep(step)
        step = min(step * 1.5, STEP_MAX)
    text = what() if callable(what) else what
    raise AssertionError("not within %s s: %s" % (timeout, text or condition))
