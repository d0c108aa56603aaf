# SPDX-License-Identifier: BSD-3-Clause
"""Metrics as their readers have them: by curl, by hand, and by Debian's Prometheus."""

import json
import pathlib
import re
import shutil
import subprocess
import urllib.parse

import pytest

from .netns import die_with_parent
from .wait import wait_until

ADDRESS = "127.0.0.1:9477"
URL = "http://%s/metrics" % ADDRESS
PROMETHEUS = "127.0.0.1:9490"
# scripts/install-packages: the programs alone
UNPACKED = pathlib.Path("/var/cache/vswitch-check/prometheus/usr/bin")
OPEN = "application/openmetrics-text; version=1.0.0"
SAMPLE = re.compile(r'^([a-z_]+)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-z]+)="((?:[^"\\]|\\.)*)"')


def program(name):
    """Where a program of Prometheus' package is; skips without."""
    path = UNPACKED / name if (UNPACKED / name).exists() else shutil.which(name)
    if path is None:
        pytest.skip("%s is not here: scripts/install-packages check fetches it" % name)
    return path


def curl(host, *words, check=True):
    """What curl prints."""
    return host.run("curl", "-s", "--max-time", 50, *words, check=check).stdout


def parse(text):
    """{(name, labels as sorted pairs): value} of a scrape."""
    samples = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, labels, value = SAMPLE.match(line).groups()
        key = name, tuple(sorted(LABEL.findall(labels or "")))
        assert key not in samples, "twice: " + line
        samples[key] = float(value)
    return samples


def value(samples, name, **labels):
    """One number of a scrape."""
    return samples[name, tuple(sorted(labels.items()))]


def check(text):
    """promtool finds nothing wrong with it."""
    result = subprocess.run([str(program("promtool")), "check", "metrics"], input=text, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert (result.returncode, result.stdout) == (0, "")


class Prometheus:
    """A real one that scrapes the switch once a second."""

    def __init__(self, host, folder, target=ADDRESS):
        self.host = host
        config = folder / "prometheus.yml"
        config.write_text("scrape_configs:\n"
                          "  - job_name: vswitch\n"
                          "    scrape_interval: 1s\n"
                          "    scrape_timeout: 1s\n"
                          "    static_configs: [{targets: ['%s']}]\n" % target)
        self.log = folder / "prometheus.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                host.command(program("prometheus"), "--config.file=%s" % config,
                             "--storage.tsdb.path=%s" % (folder / "tsdb"),
                             "--web.listen-address=" + PROMETHEUS),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent)
        wait_until(lambda: self.query("up") and self.query("up")[0]["value"][1] == "1", 60,
                   lambda: "it scrapes: %s\n%s" % (self.targets(), self.log.read_text()))

    def get(self, path):
        """JSON of its API, or None: it does not answer yet."""
        text = curl(self.host, "http://%s/api/v1/%s" % (PROMETHEUS, path), check=False)
        return json.loads(text) if text.startswith("{") else None

    def targets(self):
        """What it says of those that it scrapes."""
        return self.get("targets")

    def answer(self, expression):
        """The whole answer to a question in PromQL."""
        return self.get("query?query=" + urllib.parse.quote(expression))

    def query(self, expression):
        """The series of the answer."""
        answer = self.answer(expression)
        if answer is None:
            return []
        assert answer["status"] == "success", (expression, answer)
        return answer["data"]["result"]

    def number(self, expression):
        """The one number that is the answer, or None."""
        series = self.query(expression)
        return float(series[0]["value"][1]) if len(series) == 1 else None

    def close(self):
        """End it."""
        self.process.kill()
        self.process.wait()
