# SPDX-License-Identifier: BSD-3-Clause
"""Debian's Prometheus scrapes the switch, and the dashboard's questions have answers."""

import json
import re

import pytest

from harness.daemon import ROOT
from harness.metrics import ADDRESS, Prometheus, URL, check, curl, parse
from harness.wait import wait_until
from harness.wire import BROADCAST, frame, mac_of

A, B = mac_of(1), mac_of(2)
COUNTERS = {"receive_packets": "rx_packets", "receive_bytes": "rx_bytes",
            "transmit_packets": "tx_packets", "transmit_bytes": "tx_bytes",
            "dropped_packets": "drops"}
ROW = re.compile(r"^\| `(vswitch_\w+)` \| (\w+) \| ([^|]*)\|", re.M)


@pytest.fixture
def prometheus(bed, tmp_path):
    """One that scrapes the bed's switch."""
    bed.daemon.vsctl("metrics", "set", "listen", ADDRESS)
    made = Prometheus(bed.sw, tmp_path)
    yield made
    made.close()


def traffic(bed):
    """Some of all kinds: bridged, dropped, by a bond; and a table of NAT."""
    left, right = (bed.station(n).wire for n in (1, 2))
    for n in (3, 4):
        bed.cable(n)
    bed.daemon.vsctl("bond", "add", "bond0", "members", "p3,p4", "bridge", "br0")
    for _ in range(50):
        left.send(frame(BROADCAST, A, 300))
        right.expect(frame(BROADCAST, A, 300))
    right.send(frame("01:80:c2:00:00:0e", B, 60))
    wait_until(lambda: bed.daemon.port("p2")["drops"] > 0)
    bed.daemon.vsctl("addr", "add", "10.0.9.1/24", "bridge", "br0")
    bed.daemon.vsctl("nat", "add", "host", "masquerade", "br0")


def test_values(bed, prometheus):
    """What Prometheus has stored is what port show says."""
    traffic(bed)
    for port in ("p1", "p2", "bond0"):
        for name, field in COUNTERS.items():
            question = 'vswitch_port_%s_total{port="%s"}' % (name, port)
            wait_until(lambda: prometheus.number(question) == bed.daemon.port(port)[field],
                       what=lambda: "%s: %s is %s" % (question, prometheus.number(question),
                                                      bed.daemon.port(port)))
    assert bed.daemon.port("p1")["rx_packets"] == 50
    metadata = prometheus.get("metadata")["data"]
    assert metadata["vswitch_port_receive_bytes"][0]["type"] == "counter"
    assert metadata["vswitch_port_receive_bytes"][0]["unit"] == "bytes"
    assert metadata["vswitch_control_delay_seconds"][0]["type"] == "histogram"


def documented():
    """{name: labels} of docs/metrics.md, which a unit test compares with the program."""
    found = {}
    for name, kind, labels in ROW.findall((ROOT / "docs/metrics.md").read_text()):
        names = {name} if kind != "histogram" else {name + end for end in
                                                    ("_bucket", "_sum", "_count")}
        labels = {label for label in labels.strip().split(", ") if label}
        for each in names:
            found[each] = labels | {"instance", "job"} | ({"le"} if "bucket" in each else set())
    return found


def test_names():
    """promtool likes all names, those of what needs Xen, too."""
    text = ""
    for name, kind, _ in ROW.findall((ROOT / "docs/metrics.md").read_text()):
        if kind != "histogram":
            kind = "gauge" if kind == "info" else kind
            text += "# HELP %s x\n# TYPE %s %s\n%s 1\n" % (name, name, kind, name)
    check(text)


def questions(panels):
    """(title, expression, legend) of each."""
    for panel in panels:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"], target["legendFormat"]


def labels_named(expression, legend):
    """All words of a question that are labels."""
    named = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", expression)
    for listed in re.findall(r"(?:by|on|group_left|ignoring) \(([^)]*)\)", expression):
        named += re.findall(r"\w+", listed)
    return set(named + re.findall(r"{{(\w+)}}", legend))


def test_dashboard(bed, prometheus):
    """Each question of the dashboard names metrics and labels that there are, and has an answer."""
    traffic(bed)
    dashboard = json.loads((ROOT / "docs/grafana.json").read_text())
    known, asked = documented(), list(questions(dashboard["panels"]))
    assert len(asked) > 20
    text = curl(bed.sw, URL)
    check(text)
    scraped = {name for name, _ in parse(text)}
    for title, expression, legend in asked:
        names = set(re.findall(r"\bvswitch_\w+", expression))
        assert names and names <= set(known), (title, expression)
        assert {name for name in names if "_vif_" not in name} <= scraped, (title, expression)
        labels = set().union(*(known[name] for name in names))
        assert labels_named(expression, legend) <= labels, (title, expression, legend)
        text = expression.replace("$__rate_interval", "1m").replace("$instance", ".*") \
            .replace("$port", ".*")
        assert "$" not in text, expression
        if "_vif_" in text or "guest" in text or text.endswith("== 0"):
            assert prometheus.answer(text)["status"] == "success", text
        else:
            wait_until(lambda: prometheus.query(text), what=lambda: "an answer to " + text)
    for variable in dashboard["templating"]["list"][1:]:
        selector, label = re.match(r"label_values\((.*), (\w+)\)", variable["definition"]).groups()
        text = "count by (%s) (%s)" % (label, selector.replace("$instance", ".*"))
        # a scrape that came too late leaves a gap until the next
        wait_until(lambda: prometheus.query(text), what=lambda: "an answer to " + text)


def test_documented_questions(bed, prometheus):
    """Prometheus takes the examples of docs/metrics.md, and knows what they are about."""
    section = (ROOT / "docs/metrics.md").read_text().split("## Questions")[1].split("\n## ")[0]
    asked = re.findall(r"\| `([^`]+)` \|$", section, re.M)
    known = documented()
    assert len(asked) > 5
    for expression in asked:
        assert prometheus.answer(expression)["status"] == "success", expression
        assert set(re.findall(r"\bvswitch_\w+", expression)) <= set(known), expression
