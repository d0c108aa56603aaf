# SPDX-License-Identifier: BSD-3-Clause
"""scripts/vif-bridge with a store made of files and a vsctl that only writes down what it is asked.

Every such case runs under dash and under busybox's shell. The cases at the end have a real tap, as
QEMU makes it, and a real vswitchd.
"""

import os
import shutil

import pytest

from harness.daemon import build_folder
from harness.hotplug import SHELLS, Host, hosts, qemu_tap
from harness.wait import wait_until
from harness.wire import BROADCAST, frame, mac_of

@pytest.fixture(params=SHELLS)
def host(request, tmp_path):
    """One host per shell."""
    return hosts(request, tmp_path, "vif-bridge")


def online(host):
    """Run online and return the one vsctl call."""
    call, = host.online()
    return call


def test_bridge(host):
    host.set("bridge", "xenbr0")
    assert online(host) == "vsctl [port] [add] [vif7.1] [bridge] [xenbr0]"


def test_access_vlan(host):
    host.set("bridge", "xenbr0.100")
    assert online(host) == "vsctl [port] [add] [vif7.1] [bridge] [xenbr0] [vid] [100]"


def test_mtu_is_told_to_the_guest(host):
    host.set("bridge", "xenbr0")
    host.set("mtu", "9000")
    assert online(host) == "vsctl [port] [add] [vif7.1] [bridge] [xenbr0] [mtu] [9000]"
    assert (host.store / "local/domain/7/device/vif/1/mtu").read_text() == "9000"


def test_vlan_and_mtu(host):
    host.set("bridge", "br.lan.7")
    host.set("mtu", "1400")
    assert online(host) == \
        "vsctl [port] [add] [vif7.1] [bridge] [br.lan] [vid] [7] [mtu] [1400]"


def test_bridge_with_a_dot(host):
    (host.store / "bridge show").write_text('[{"bridge": "br.100", "ports": []}, {"bridge": "br"}]')
    host.set("bridge", "br.100")
    assert online(host) == "vsctl [port] [add] [vif7.1] [bridge] [br.100]"


@pytest.mark.parametrize("bridges, expected", [
    ('[{"bridge":"lan0","ageing":300}]', "lan0"),
    ('[\n  {\n    "ageing": 300,\n    "bridge": "lan0"\n  }\n]\n', "lan0"),
    ('[{"bridge":"lan0"},{"bridge":"lan1"}]', "xenbr0"),
    ("[]", "xenbr0"),
])
def test_default_bridge(host, bridges, expected):
    (host.store / "bridge show").write_text(bridges)
    assert online(host) == "vsctl [port] [add] [vif7.1] [bridge] [%s]" % expected


@pytest.mark.parametrize("bridge, text", [
    ("xenbr0.abc", "'abc' is not a VLAN id"),
    ("xenbr0.0", "'0' is not a VLAN id"),
    ("xenbr0.4095", "'4095' is not a VLAN id"),
    ("xenbr0.", "'' is not a VLAN id"),
    ("xenbr0.99999999999999999999", "is not a VLAN id"),
    (".5", "no bridge is named"),
    ("xenbr0:", "a VLAN id is missing"),
    ("xenbr0::1", "a VLAN id is missing"),
    ("xenbr0:1:", "a VLAN id is missing"),
    ("xenbr0:1:x", "'x' is not a VLAN id"),
    ("xenbr0:4095", "'4095' is not a VLAN id"),
    ("xenbr0:0", "'0' is not a VLAN id"),
    ("xenbr0:010", "'010' is not a VLAN id"),
    ("xenbr0:9-8", "'9-8' is not a VLAN id"),
    ("xenbr0:1-2-3", "'1-2-3' is not a VLAN id"),
    ("xenbr0:*", "'*' is not a VLAN id"),
    ("xenbr0.0:5", "'0' is not a VLAN id"),
    (":5", "no bridge is named"),
])
def test_bad_bridge(host, bridge, text):
    host.set("bridge", bridge)
    host.fails(text)
    assert not host.calls


@pytest.mark.parametrize("bridge, words", [
    ("xenbr0.100:200:300", "[trunk] [200,300] [native] [100]"),
    ("xenbr0.100:200-210:300", "[trunk] [200-210,300] [native] [100]"),
    ("xenbr0:200-210", "[trunk] [200-210]"),
    ("xenbr0:200", "[trunk] [200]"),
])
def test_trunk(host, bridge, words):
    host.set("bridge", bridge)
    assert online(host) == "vsctl [port] [add] [vif7.1] [bridge] [xenbr0] " + words


@pytest.mark.parametrize("vlan, words", [
    ("10", "[vid] [10]"),
    ("10p", "[vid] [10]"),
    ("10pu", "[vid] [10]"),
    ("10p/20", "[trunk] [20] [native] [10]"),
    ("20/10up/30-40", "[trunk] [20,30-40] [native] [10]"),
    ("10p/100+10x4", "[trunk] [100,110,120,130] [native] [10]"),
    ("10-12", "[trunk] [10-12]"),
    ("10/20", "[trunk] [10,20]"),
])
def test_vlan_key(host, vlan, words):
    """As Xen 4.19 and later write it."""
    host.set("bridge", "xenbr0")
    host.set("vlan", vlan)
    assert online(host) == "vsctl [port] [add] [vif7.1] [bridge] [xenbr0] " + words


@pytest.mark.parametrize("vlan, text", [
    ("x", "'x' is not a VLAN id"),
    ("0", "'0' is not a VLAN id"),
    ("4095", "'4095' is not a VLAN id"),
    ("p", "'p' is not a VLAN id"),
    ("10/", "is not a list"),
    ("/10", "is not a list"),
    ("10//20", "is not a list"),
    ("10 20", "is not a list"),
    ("10p/20p", "two have a p"),
    ("10-12p", "not of 10-12"),
    ("10/20u", "'u' is not supported"),
    ("10pp", "'pp' is not supported"),
    ("4000+50x3", "'4000+50x3' is not a VLAN id"),
    ("10+x3", "'10+x3' is not a VLAN id"),
])
def test_bad_vlan_key(host, vlan, text):
    host.set("bridge", "xenbr0")
    host.set("vlan", vlan)
    host.fails(text)
    assert not host.calls


def test_vlans_said_twice(host):
    host.set("bridge", "xenbr0.5")
    host.set("vlan", "5")
    host.fails("the bridge is named with VLANs as well: xenbr0.5")


@pytest.mark.parametrize("mtu", ["9000x", "67", "65536", "-1"])
def test_bad_mtu(host, mtu):
    host.set("bridge", "xenbr0")
    host.set("mtu", mtu)
    host.fails("mtu=" + mtu)
    assert not host.calls


def test_error_of_vsctl_reaches_xl(host):
    host.set("bridge", "nosuch")
    (host.store / "vsctl-error").write_text("vsctl: port vif7.1: no bridge 'nosuch'\n")
    host.fails("no bridge 'nosuch'")


def test_nothing_is_evaluated(host):
    host.set("bridge", "$(touch $STORE/evil) `touch $STORE/evil` ; touch *")
    assert "[$(touch $STORE/evil) `touch $STORE/evil` ; touch *]" in online(host)
    host.run("online", "vif=$(touch $STORE/evil)", "type_if=vif")
    assert not (host.store / "evil").exists()


def test_emulated_interface(host):
    host.set("bridge", "xenbr0.9")
    assert host.run("add", "type_if=tap").returncode == 0
    assert host.calls == [
        "vsctl [port] [add] [vif7.1-emu] [type] [netdev] [bridge] [xenbr0] [vid] [9]"]
    assert host.get("hotplug-status") is None
    assert host.run("remove", "type_if=tap").returncode == 0
    assert host.calls[1:] == ["vsctl [port] [del] [vif7.1-emu]"]


def test_emulated_interface_of_a_trunk(host):
    host.set("bridge", "xenbr0.9:10:20")
    assert host.run("add", "type_if=tap").returncode == 0
    assert host.calls == ["vsctl [port] [add] [vif7.1-emu] [type] [netdev] [bridge] [xenbr0] "
                          "[trunk] [10,20] [native] [9]"]


def test_offline(host):
    assert host.run("offline", "type_if=vif").returncode == 0
    assert host.calls == ["vsctl [port] [del] [vif7.1]"]


def test_offline_of_what_is_gone(host):
    (host.store / "vsctl-error").write_text("vsctl: no port vif7.1\n")
    assert host.run("offline", "type_if=vif").returncode == 0
    assert host.get("hotplug-error") is None


@pytest.mark.parametrize("arguments", [("online", "type_if=tap"), ("offline", "type_if=tap"),
                                       ("add", "type_if=vif"), ("remove", "type_if=vif")])
def test_the_other_kind_passes(host, arguments):
    assert host.run(*arguments).returncode == 0
    assert not host.calls


def test_unknown_command(host):
    host.fails("'move' is not one of", "move", "type_if=vif")
    host.fails("'' is not one of", "type_if=vif")


def test_outside_of_xl(host):
    result = host.run("online", "type_if=vif", XENBUS_PATH="")
    assert result.returncode == 1
    assert "XENBUS_PATH is not set" in result.stderr


def test_no_interface_named(host):
    result = host.run("online", "type_if=vif", vif="")
    assert result.returncode == 1
    assert "no interface is named" in host.get("hotplug-error")


def test_other_domain(host):
    """In a driver domain "xl devd" runs it; whatever the path is, keys are read and written there."""
    path = "/local/domain/5/backend/vif/7/1"
    folder = host.store / path.lstrip("/")
    folder.mkdir(parents=True)
    for key, value in (("bridge", "lan"), ("mtu", "1400"), ("frontend-id", "7"), ("handle", "1")):
        (folder / key).write_text(value)
    result = host.run("online", "type_if=vif", XENBUS_PATH=path)
    assert result.returncode == 0, result.stderr
    assert host.calls == ["vsctl [port] [add] [vif7.1] [bridge] [lan] [mtu] [1400]"]
    assert (folder / "hotplug-status").read_text() == "connected"
    assert (host.store / "local/domain/7/device/vif/1/mtu").read_text() == "1400"
    assert host.get("hotplug-status") is None


def test_no_vsctl(host):
    host.set("bridge", "xenbr0")
    os.unlink(host.store.parent / "bin/vsctl")
    if shutil.which("vsctl"):
        pytest.skip("a vsctl is installed on this machine")
    host.fails("vsctl is not installed")


EMULATED = "vif7.1-emu"


@pytest.fixture
def emulated(bed, tmp_path):
    """A host whose vsctl speaks to a real vswitchd: (bed, script, files).

    files: one, the tap as QEMU has it.
    """
    host = Host(tmp_path / "host", bed.sw.command("dash"))
    host.use_vsctl(build_folder() / "ctl/vsctl")
    host.set("bridge", "br0.9")
    host.set("mtu", "1400")
    tap = qemu_tap(bed.sw, EMULATED)
    files = [tap]

    def script(*arguments):
        result = host.run(*arguments, VSWITCH_RUN_DIR=str(bed.daemon.run_dir))
        assert result.returncode == 0, result.stderr

    yield bed, script, files
    for file in files:
        os.close(file)


def shown(bed):
    """Names of the ports."""
    return [row["port"] for row in bed.daemon.vsctl("port", "show")]


def tap_expect(tap, data):
    """The frame comes out of the tap."""
    def found():
        try:
            while os.read(tap, 2048) != data:
                pass
            return True
        except BlockingIOError:
            return False
    wait_until(found, what="the frame comes out of the tap")


def test_tap_joins(emulated):
    bed, script, (tap,) = emulated
    guest, other = mac_of(7), mac_of(1)
    script("add", "type_if=tap")
    row = bed.daemon.wait_link(EMULATED)
    assert (row["type"], row["bridge"], row["vid"], row["mtu"]) == ("netdev", "br0", 9, 1400)
    assert bed.sw.link(EMULATED)["mtu"] == 1400
    assert not bed.sw.link(EMULATED).get("addr_info")

    far = bed.station(1, "vid", 9).wire
    os.write(tap, frame(BROADCAST, guest))
    far.expect(frame(BROADCAST, guest))
    far.send(frame(guest, other))
    tap_expect(tap, frame(guest, other))

    script("remove", "type_if=tap")
    assert EMULATED not in shown(bed)
    script("remove", "type_if=tap")


def test_tap_and_vif_share_an_address(emulated):
    """The guest is where it spoke last; a cable stands for its vif."""
    bed, script, (tap,) = emulated
    guest, other = mac_of(7), mac_of(1)
    script("add", "type_if=tap")
    bed.daemon.wait_link(EMULATED)
    far = bed.station(1, "vid", 9).wire
    vif = bed.station(2, "vid", 9).wire

    def where(mac=guest):
        return bed.daemon.fdb("br0").get((mac, 9))

    far.send(frame(BROADCAST, other))
    vif.expect(frame(BROADCAST, other))
    tap_expect(tap, frame(BROADCAST, other))
    wait_until(lambda: where(other) == "p1", what="the other one is known")
    for _ in range(2):
        os.write(tap, frame(other, guest))
        wait_until(lambda: where() == EMULATED, what="the guest is at the tap")
        far.send(frame(guest, other))
        tap_expect(tap, frame(guest, other))
        vif.send(frame(other, guest))
        wait_until(lambda: where() == "p2", what="the guest is at its vif")
        far.send(frame(guest, other, 70))
        vif.expect(frame(guest, other, 70))


def test_tap_is_gone_before_its_port(emulated):
    bed, script, files = emulated
    script("add", "type_if=tap")
    bed.daemon.wait_link(EMULATED)
    os.close(files.pop())
    wait_until(lambda: bed.sw.link(EMULATED) is None, what="the tap is gone")
    script("remove", "type_if=tap")
    assert EMULATED not in shown(bed)


def test_no_tap(emulated):
    """Not a tap of our own: QEMU has none, and that is an error."""
    bed, script, files = emulated
    os.close(files.pop())
    wait_until(lambda: bed.sw.link(EMULATED) is None, what="the tap is gone")
    with pytest.raises(AssertionError, match="there is no interface"):
        script("add", "type_if=tap")
    assert EMULATED not in shown(bed)
