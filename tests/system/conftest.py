# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures of the system tests. All of it happens in namespaces that vanish with this process."""

import os
import signal

import pytest

from harness import netns
from harness.bed import Bed
from harness.daemon import build_folder
from harness.mesh import Mesh


CASE_SECONDS = 900  # more than the longest on a busy machine; else a hang would cost all results


def _lacking():
    """Why no system test can run here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if not (build_folder() / "vswitch/vswitchd").exists():
        return "no vswitchd in %s: build first, or set VSWITCH_BUILD" % build_folder()
    return None


def pytest_configure(config):
    config.lacking = _lacking()
    if config.lacking is None:
        netns.isolate()


def _too_long(number, stack):
    raise TimeoutError("this case has taken %d s" % CASE_SECONDS)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    """No case goes on for ever."""
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(CASE_SECONDS)
    yield
    signal.alarm(0)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows the daemon's log."""
    outcome = yield
    report = outcome.get_result()
    funcargs = getattr(item, "funcargs", {})
    used = funcargs.get("idle_bed") or funcargs.get("module_bed")
    if report.failed and used is not None:
        report.sections.append(("vswitchd's log", used.daemon.log))
    if report.failed and "mesh" in funcargs:
        report.sections.append(("the vswitchds' logs", funcargs["mesh"].log))


@pytest.fixture
def idle_bed(request, tmp_path):
    """A bed whose vswitchd is not started."""
    if request.config.lacking is not None:
        pytest.skip(request.config.lacking)
    made = Bed(tmp_path)
    yield made
    made.close()


@pytest.fixture
def bed(idle_bed):
    """A bed whose vswitchd runs, with a bridge br0."""
    return idle_bed.start()


@pytest.fixture
def mesh(request, tmp_path):
    """Switches that a case makes as it needs them."""
    if request.config.lacking is not None:
        pytest.skip(request.config.lacking)
    made = Mesh(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def module_bed(request, tmp_path_factory):
    """A bed as above that the cases of a module share."""
    if request.config.lacking is not None:
        pytest.skip(request.config.lacking)
    made = Bed(tmp_path_factory.mktemp("bed"))
    try:
        yield made.start()
    finally:
        made.close()
