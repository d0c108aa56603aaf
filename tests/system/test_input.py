# SPDX-License-Identifier: BSD-3-Clause
"""Bad input: each a clear error, the right exit status, and nothing half done."""

import json
import re

import pytest

from harness.daemon import VsctlError

# vsctl's words; exit status (1: a bad value or refused, 2: wrong usage); what the message must say
COMMANDS = [
    ("port add p2 bridge nosuch", 1, "bridge nosuch"),
    ("port add nosuch0 bridge br0", 1, "port nosuch0.*no interface nosuch0"),
    ("port add p1 bridge br0", 1, "port p1.*exists already, on bridge br0"),
    ("port add p1 bridge br1", 1, "port p1.*exists already, on bridge br0"),
    ("port add lo bridge br0", 1, "port lo.*not an Ethernet interface"),
    ("port add vif9.0 bridge br0", 1, "vif9.0"),
    ("port add p2 bridge br0 type vif", 1, "p2"),
    ("port add p2 bridge br0 type eth", 1, "port p2: devargs is missing"),
    ("port add br0 bridge br0", 1, "no interface br0 here; did you mean type tap"),
    ("port add e4 bridge br0 mtu 20000 devargs net_af_packet1,iface=p2", 1, "port e4.*mtu 20000"),
    ("port del nosuch0", 1, "nosuch0.*no such port"),
    ("port set nosuch0 mtu 1400", 1, "nosuch0"),
    ("port set p1 bridge nosuch", 1, "bridge nosuch"),
    ("port set e3 mtu 20000", 1, "port e3.*mtu 20000"),
    ("port set e3 mtu 20000 vid 7", 1, "port e3.*mtu 20000"),
    ("port set e3 bridge br1 mtu 20000", 1, "port e3.*mtu 20000"),
    ("port set p1 mtu 1400 bridge nosuch", 1, "bridge nosuch"),
    ("port show nosuch0", 1, "nosuch0"),
    ("port show bridge nosuch", 1, "nosuch"),
    ("bridge add br0", 1, "bridge br0.*exists already"),
    ("bridge del nosuch", 1, "bridge nosuch"),
    ("bridge del br0", 1, "bridge br0.*2 port"),
    ("bridge set nosuch ageing 1", 1, "nosuch"),
    ("bridge show nosuch", 1, "nosuch"),
    ("fdb add nosuch mac 02:00:00:00:00:01 port p1", 1, "nosuch"),
    ("fdb add br0 mac 02:00:00:00:00:01 port nosuch0", 1, "nosuch0"),
    ("fdb add br1 mac 02:00:00:00:00:01 port p1", 1, "p1.*not on this bridge"),
    ("fdb add br0 mac 01:00:00:00:00:01 port p1", 1, "group address"),
    ("fdb add br0 mac 00:00:00:00:00:00 port p1", 1, "zero"),
    ("fdb add br0 mac 02:00:00:00:00:77 port e3", 1, "static behind port p1 already"),
    ("fdb del br0 mac 02:00:00:00:00:01", 1, "02:00:00:00:00:01"),
    ("fdb flush br0 port nosuch0", 1, "nosuch0"),
    ("fdb show nosuch", 1, "nosuch"),
    ("fdb show br0 port nosuch0", 1, "nosuch0"),
    ("vif show vif9.0", 1, "vif9.0"),
    ("stats show nosuch0", 1, "nosuch0"),
    ("port add p2", 2, "bridge"),
    ("port add", 2, "name"),
    ("port add p2 bridge", 2, "bridge.*value"),
    ("port add p2 brigde br0", 2, "brigde.*bridge"),
    ("port add p2 bridge br0 bridge br1", 2, "bridge"),
    ("port add p2 bridge br0 type tab", 1, "tab.*tap"),
    ("port add p2 bridge br0 vid 0", 1, "vid.*0.*4094"),
    ("port add p2 bridge br0 vid 4095", 1, "vid.*4095.*4094"),
    ("port add p2 bridge br0 vid -1", 1, "vid.*-1"),
    ("port add p2 bridge br0 vid 1.5", 1, "vid"),
    ("port add p2 bridge br0 vid 99999999999999999999", 1, "vid"),
    ("port add p2 bridge br0 mtu 67", 1, "mtu.*67.*68"),
    ("port add p2 bridge br0 mtu 1e3", 1, "mtu"),
    ("port add p2 bridge br0 queues 17", 1, "queues.*17.*16"),
    ("port add p2 bridge br0 fdb-limit 0", 1, "fdb-limit"),
    ("port add a-name-that-is-too-long bridge br0", 1, "a-name-that-is-too-long"),
    ("port add p/2 bridge br0", 1, "p/2"),
    ("port add .. bridge br0", 1, r"\.\."),
    ("port set p1", 2, "nothing to set"),
    ("port set p1 type tap", 2, "type"),
    ("port set p1 type tab", 2, "type"),
    ("port set p1 queues 2", 2, "queues"),
    ("bridge add br9 ageing 1000001", 1, "ageing.*1000000"),
    ("bridge add br9 fdb-limit 4194305", 1, "fdb-limit.*4194304"),
    ("bridge add br9 colour red", 2, "colour"),
    ("fdb add br0 mac 02:00:00:00:00 port p1", 1, "mac.*02:00:00:00:00"),
    ("fdb add br0 mac 02:00:00:00:00:0g port p1", 1, "mac"),
    ("fdb add br0 port p1", 2, "mac"),
    ("fdb show br0 cursor 1/br0", 2, "cursor"),
    ("prot show", 2, "prot.*port"),
    ("port shwo", 2, "shwo.*show"),
    ("port", 2, "port"),
    ("", 2, ""),
    ("version 2", 2, "version"),
    ("--nonsense", 2, "help"),
]


@pytest.fixture(scope="module")
def used_bed(module_bed):
    """Two bridges, a netdev with a static address, a device; p2 is there, and free."""
    module_bed.station(1)
    module_bed.cable(2)
    module_bed.cable(3)
    module_bed.daemon.vsctl("port", "add", "e3", "bridge", "br0", "devargs",
                            "net_af_packet0,iface=p3")
    module_bed.daemon.vsctl("bridge", "add", "br1", "loop-detect", "no")
    module_bed.daemon.vsctl("fdb", "add", "br0", "mac", "02:00:00:00:00:77", "port", "p1")
    return module_bed


@pytest.fixture
def unchanged(used_bed):
    """The daemon; at the end of the case everything is as it was, and it still works."""
    before = used_bed.daemon.state(), used_bed.sw.link("p1")["mtu"], used_bed.sw.link("p2")["mtu"]
    yield used_bed.daemon
    assert before == (used_bed.daemon.state(), used_bed.sw.link("p1")["mtu"],
                      used_bed.sw.link("p2")["mtu"])


@pytest.mark.parametrize("words, status, text", COMMANDS, ids=lambda value: str(value)[:50])
def test_vsctl(unchanged, words, status, text):
    """One line on stderr, nothing on stdout."""
    result = unchanged.vsctl_raw(*words.split())
    assert result.returncode == status, result.stderr
    assert re.search(text, result.stderr), result.stderr
    assert result.stdout == ""
    assert "vsctl: " in result.stderr and len(result.stderr.splitlines()) <= 2


def test_interface_of_another_master(unchanged, used_bed):
    """One that a bond or another bridge has."""
    if used_bed.sw.ip("link", "add", "kbr", "type", "bridge", check=False).returncode != 0:
        pytest.skip("this kernel has no bridge")
    used_bed.sw.ip("link", "set", "p2", "master", "kbr")
    try:
        with pytest.raises(VsctlError, match="p2 belongs to kbr"):
            unchanged.vsctl("port", "add", "p2", "bridge", "br0")
    finally:
        used_bed.sw.ip("link", "del", "kbr")


def test_nobody_is_there(used_bed):
    result = used_bed.daemon.vsctl_raw("-s", "/nonexistent/vswitchd.sock", "show")
    assert result.returncode == 1
    assert "not running" in result.stderr and "/nonexistent/vswitchd.sock" in result.stderr


PARSE, REQUEST, METHOD, PARAMS, FAILED = -32700, -32600, -32601, -32602, -32000


def call(method, **params):
    """A request's line."""
    return json.dumps({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).encode()


LINES = [
    ("not JSON", b"bridge.add br9", PARSE),
    ("cut short", b'{"jsonrpc": "2.0", "method": "bridge.add", "params": {"name"', PARSE),
    ("two on one line", call("version") + call("version"), PARSE),
    ("no UTF-8", b'{"jsonrpc": "2.0", "id": 1, "method": "\xff\xfe"}', PARSE),
    ("NUL", b'{"jsonrpc": "2.0", "id": 1, "method": "ver\0sion"}', PARSE),
    ("escaped NUL", b'{"jsonrpc": "2.0", "id": 1, "method": "ver\\u0000sion"}', PARSE),
    ("nested bomb", b"[" * 100000, PARSE),
    ("nested objects", b'{"a":' * 5000 + b"1" + b"}" * 5000, PARSE),
    ("one key twice", b'{"jsonrpc": "2.0", "id": 1, "id": 2, "method": "version"}', PARSE),
    ("a number", b"17", PARSE),
    ("a batch", b"[" + call("version") + b"]", REQUEST),
    ("no version", b'{"id": 1, "method": "version"}', REQUEST),
    ("no method", b'{"jsonrpc": "2.0", "id": 1}', REQUEST),
    ("method is a number", b'{"jsonrpc": "2.0", "id": 1, "method": 1}', REQUEST),
    ("id is an object", b'{"jsonrpc": "2.0", "id": {}, "method": "version"}', REQUEST),
    ("params is an array", b'{"jsonrpc": "2.0", "id": 1, "method": "port.show", "params": []}',
     PARAMS),
    ("unknown method", call("bridge.paint", name="br0"), METHOD),
    ("unknown key", call("bridge.add", name="br9", colour="red"), PARAMS),
    ("no name", call("bridge.add"), PARAMS),
    ("name is a number", call("bridge.add", name=9), PARAMS),
    ("name is too long", call("bridge.add", name="x" * 1000), PARAMS),
    ("name with a control character", call("bridge.add", name="br\n9"), PARAMS),
    ("value is an object", call("bridge.add", name="br9", ageing={}), PARAMS),
    ("value is a list", call("bridge.add", name="br9", ageing=[1]), PARAMS),
    ("value is a fraction", call("bridge.add", name="br9", ageing=1.5), PARAMS),
    ("value is negative", call("bridge.add", name="br9", ageing=-1), PARAMS),
    ("value is too large", call("bridge.add", name="br9", ageing=1 << 62), PARAMS),
    ("value is a boolean", call("bridge.add", name="br9", ageing=True), PARAMS),
    ("number as a string", call("bridge.add", name="br9", ageing="10"), PARAMS),
    ("name of a port as a number", call("fdb.flush", name="br0", port=1), PARAMS),
    ("word as a boolean", call("port.add", name="p2", bridge="br0", type=False), PARAMS),
    ("version with parameters", call("version", name="br0"), PARAMS),
    ("id is a list", b'{"jsonrpc": "2.0", "id": [1], "method": "version"}', REQUEST),
    ("value is null", call("bridge.add", name="br9", ageing=None), PARAMS),
    ("value is a long text", call("bridge.add", name="br9", ageing="9" * 10000), PARAMS),
    ("key is long", call("bridge.add", name="br9", **{"k" * 10000: 1}), PARAMS),
    ("port without bridge", call("port.add", name="p2"), PARAMS),
    ("bridge is a list", call("port.add", name="p2", bridge=[]), PARAMS),
    ("cursor from nowhere", call("fdb.show", cursor="%n%n%s"), PARAMS),
    ("name that is a format", call("bridge.del", name="%n%s%n"), None),
    ("unknown bridge", call("port.add", name="p2", bridge="nosuch"), FAILED),
]


@pytest.mark.parametrize("line, code", [row[1:] for row in LINES], ids=[row[0] for row in LINES])
def test_rpc_line(unchanged, line, code):
    """An error object with the right code, a message, and the id where there is one."""
    reply = json.loads(unchanged.rpc_line(line))
    assert reply["jsonrpc"] == "2.0" and "result" not in reply
    assert reply["error"]["message"]
    if code is not None:
        assert reply["error"]["code"] == code, reply
    if line.startswith(b'{"jsonrpc": "2.0", "id": 7,') and code != PARSE:
        assert reply["id"] == 7


def test_huge_line(unchanged):
    """The daemon reads no more than it must, says so, and hangs up."""
    with unchanged.connect() as client:
        try:
            for _ in range(64):
                client.sendall(b"x" * (1 << 20))
        except (BrokenPipeError, ConnectionResetError):
            pass
        try:
            reply = client.makefile("rb").read()
        except ConnectionResetError:
            reply = b""
        assert not reply or b"longer than" in reply
    assert unchanged.rpc("version")["result"]


def test_many_requests_on_one_connection(unchanged):
    """Good and bad lines in turn: each is answered, in order."""
    lines = [call("version"), b"rubbish", call("bridge.show", name="nosuch"), b"   "] * 200
    with unchanged.connect() as client:
        client.sendall(b"\n".join(lines) + b"\n")
        file = client.makefile("rb")
        for _ in range(200):
            replies = [json.loads(file.readline()) for _ in range(3)]
            assert [reply.get("error", {}).get("code") for reply in replies] == \
                [None, PARSE, FAILED]


def test_silent_clients(unchanged):
    """Those who connect and say nothing, or half a line, keep nobody else waiting."""
    clients = [unchanged.connect() for _ in range(20)]
    for client in clients[:10]:
        client.sendall(b'{"jsonrpc": ')
    assert unchanged.rpc("version")["result"]
    for client in clients:
        client.close()
