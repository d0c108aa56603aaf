# SPDX-License-Identifier: BSD-3-Clause
"""The table of what VLAN ports do: that of the unit test, tests/unit/vlan_rows.h."""

import collections
import pathlib
import re
import struct

from .wire import BROADCAST, frame, tagged

PATH = pathlib.Path(__file__).resolve().parents[2] / "unit/vlan_rows.h"
MODES = ("plain", "access", "trunk", "zero", "native", "tunnel", "service", "snative")
FRAME_SIZE = 60

# way_in: a mode. tags: as text. vid: None if refused. out: text by mode, None if nothing leaves.
Row = collections.namedtuple("Row", "way_in tags vid out")


def rows():
    """All rows of the table."""
    found = []
    for line in PATH.read_text().splitlines():
        match = re.match(r'\{ (\w+), +"([^"]+)", +(-?\d+), \{ (.*) \} \},$', line)
        if match is None:
            continue
        way_in, tags, vid, rest = match.groups()
        out = re.findall(r'"([^"]*)"', rest)
        assert len(out) == len(MODES), line
        found.append(Row(way_in.lower(), tags, int(vid) if int(vid) >= 0 else None,
                         {mode: text or None for mode, text in zip(MODES, out)}))
    return found


def build(tags, source, size=FRAME_SIZE):
    """A broadcast with the tags that the text says."""
    data = frame(BROADCAST, source, size)
    for word in reversed(tags.split() if tags != "-" else []):
        service, vid, priority = re.fullmatch(r"(s?)(\d+)(?:p(\d))?", word).groups()
        data = tagged(data, int(vid), int(priority or 0), 0x88a8 if service else 0x8100)
    return data


def describe(data):
    """The text of a frame's tags."""
    words, at = [], 12
    while True:
        tpid, tci = struct.unpack_from("!HH", data, at)
        if tpid not in (0x8100, 0x88a8):
            return " ".join(words) or "-"
        words.append("%s%d%s" % ("s" if tpid == 0x88a8 else "", tci & 0xfff,
                                 "p%d" % (tci >> 13) if tci >> 13 else ""))
        at += 4


def payload(data):
    """What is behind the addresses and the tags."""
    return data[12 + 4 * (len(describe(data).split()) if describe(data) != "-" else 0):]
