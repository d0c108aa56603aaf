# SPDX-License-Identifier: BSD-3-Clause
"""scripts/vif-route with a store made of files; at the end, with a real vswitchd and QEMU's NIC."""

import pytest

from harness.daemon import build_folder
from harness.hotplug import SHELLS, Host, hosts
from harness.netns import cable
from test_guests import LAN, LAN6, ROUTER, ROUTER6, add_uplink, guest_routes, settle_guest

EMULATED = "vif7.1-emu"


def row(address, port="eth0", bridge=None):
    """An address as vsctl shows it."""
    return {"addr": address, "port": port, "bridge": bridge, "vid": None, "proxy": "no"}


def show(host, place, name, *addresses, **keys):
    """Let a port or bridge have addresses, given in this order: vsctl shows the newest first."""
    rows = [row(address, **keys) for address in reversed(addresses)]
    host.shows("addr show %s %s" % (place, name), rows)
    host.shows("addr show port %s" % keys.get("port", "eth0"), rows)
    host.shows("addr show", rows)


@pytest.fixture(params=SHELLS)
def host(request, tmp_path):
    """A host of each shell whose vsctl knows eth0 with an address."""
    made = hosts(request, tmp_path, "vif-route")
    show(made, "port", "eth0", "192.0.2.10/24")
    return made


def online(host):
    """Run online and return the one vsctl call."""
    call, = host.online()
    return call


def test_one_address(host):
    host.set("ip", "192.0.2.77")
    assert online(host) == "vsctl [port] [add] [vif7.1] [mode] [route] [ip] [192.0.2.77] " \
        "[gateway] [192.0.2.10]"


@pytest.mark.parametrize("text, words", [
    ("192.0.2.77 192.0.2.78", "192.0.2.77,192.0.2.78"),
    ("192.0.2.77,192.0.2.78", "192.0.2.77,192.0.2.78"),
    (" 192.0.2.77 ,\t192.0.2.78\n", "192.0.2.77,192.0.2.78"),
    ("192.0.2.77/32 10.1.0.0/24", "192.0.2.77/32,10.1.0.0/24"),
    ("192.0.2.77 2001:db8::7/128", "192.0.2.77,2001:db8::7/128"),
])
def test_addresses(host, text, words):
    host.set("ip", text)
    assert "[ip] [%s] " % words in online(host)


@pytest.mark.parametrize("text", [None, "", "  "])
def test_no_address(host, text):
    """As with Xen's script, it is the administrator's to say later."""
    if text is not None:
        host.set("ip", text)
    assert online(host) == "vsctl [port] [add] [vif7.1] [mode] [route] [gateway] [192.0.2.10]"


def test_gateways_of_both_families(host):
    """Of several addresses the first one that was given."""
    show(host, "port", "eth0", "192.0.2.10/24", "2001:db8::1/64", "192.0.2.11/32",
         "2001:db8::2/128")
    assert online(host).endswith("[gateway] [192.0.2.10,2001:db8::1]")
    host.indent = 2
    show(host, "port", "eth0", "2001:db8::1/64")
    assert host.online()[-1].endswith("[gateway] [2001:db8::1]")


def test_gatewaydev(host):
    show(host, "port", "lan1", "198.51.100.1/24", port="lan1")
    result = host.run("online", "type_if=vif", netdev="lan1")
    assert result.returncode == 0, result.stderr
    assert host.calls == ["vsctl [port] [add] [vif7.1] [mode] [route] [gateway] [198.51.100.1]"]


def test_gatewaydev_is_a_bridge(host):
    show(host, "bridge", "xenbr0", "198.51.100.1/24", port="gw0", bridge="xenbr0")
    result = host.run("online", "type_if=vif", netdev="xenbr0")
    assert result.returncode == 0, result.stderr
    assert host.calls[0].endswith("[gateway] [198.51.100.1]")


def test_the_only_one_with_addresses(host):
    """Without gatewaydev, and eth0 has none. Guests' own gateways do not count."""
    (host.store / "addr show port eth0").unlink()
    show(host, "port", "wan", "198.51.100.1/24", port="wan")
    host.shows("addr show", [row("198.51.100.1/24", "wan"), row("198.51.100.1/32", "vif1.0")])
    assert online(host).endswith("[gateway] [198.51.100.1]")


@pytest.mark.parametrize("rows", [[], [row("10.0.0.1/8", "a"), row("11.0.0.1/8", "b")]])
def test_no_gateway(host, rows):
    (host.store / "addr show port eth0").unlink()
    host.shows("addr show", rows)
    host.fails("gatewaydev=eth0 is no port or bridge of vswitchd that has an address")
    assert not host.calls


def test_gatewaydev_without_address(host):
    host.shows("addr show port eth1", [])
    result = host.run("online", "type_if=vif", netdev="eth1")
    assert result.returncode == 1
    assert "vsctl addr add ADDRESS/LENGTH port eth1" in host.get("hotplug-error")
    assert host.get("hotplug-status") == "error"


def test_mtu(host):
    host.set("mtu", "9000")
    assert online(host).endswith("[gateway] [192.0.2.10] [mtu] [9000]")
    assert (host.store / "local/domain/7/device/vif/1/mtu").read_text() == "9000"
    host.set("mtu", "x")
    host.fails("mtu=x")


def test_error_of_vsctl_reaches_xl(host):
    host.set("ip", "192.0.2.300")
    (host.store / "vsctl-error").write_text("vsctl: port vif7.1: ip: '192.0.2.300' is not\n")
    host.fails("'192.0.2.300' is not")


def test_nothing_is_evaluated(host):
    host.set("ip", "$(touch $STORE/evil) `touch $STORE/evil`;touch *")
    assert "$(touch" in host.online()[-1]
    result = host.run("online", "type_if=vif", netdev="$(touch $STORE/evil) .* [")
    assert result.returncode == 1
    assert not (host.store / "evil").exists()


def test_emulated_interface(host):
    host.set("ip", "192.0.2.77")
    assert host.run("add", "type_if=tap").returncode == 0
    assert host.calls == ["vsctl [port] [add] [vif7.1-emu] [type] [netdev] [mode] [route] [ip] "
                          "[192.0.2.77] [gateway] [192.0.2.10]"]
    assert host.get("hotplug-status") is None
    assert host.run("remove", "type_if=tap").returncode == 0
    assert host.calls[1:] == ["vsctl [port] [del] [vif7.1-emu]"]


def test_offline(host):
    assert host.run("offline", "type_if=vif").returncode == 0
    assert host.calls == ["vsctl [port] [del] [vif7.1]"]


@pytest.mark.parametrize("arguments", [("online", "type_if=tap"), ("offline", "type_if=tap"),
                                       ("add", "type_if=vif"), ("remove", "type_if=vif")])
def test_the_other_kind_passes(host, arguments):
    assert host.run(*arguments).returncode == 0
    assert not host.calls


def test_common_part_is_missing(host, tmp_path):
    """A script that was copied alone says what it lacks, and never reads Xen's own part."""
    alone = tmp_path / "vif-route"
    alone.write_text(host.script.read_text())
    host.script = alone
    result = host.run("online", "type_if=vif")
    assert result.returncode == 1
    assert "vif-vswitch-common.sh is missing in %s" % tmp_path in result.stderr


@pytest.fixture(params=["port", "bridge"])
def routed(request, bed, tmp_path):
    """A host whose vsctl speaks to a real vswitchd with an uplink: (bed, script, station, lan).

    station: a guest's host with QEMU's NIC; the uplink is a port's or a bridge's address.
    """
    host = Host(tmp_path / "host", bed.sw.command("dash"), "vif-route")
    host.use_vsctl(build_folder() / "ctl/vsctl")
    lan = add_uplink(bed, bridge="br0" if request.param == "bridge" else "none")
    guest = bed.host("guest")
    cable(bed.sw, EMULATED, guest)

    def script(*arguments):
        netdev = "br0" if request.param == "bridge" else "p1"
        result = host.run(*arguments, VSWITCH_RUN_DIR=str(bed.daemon.run_dir), netdev=netdev)
        assert result.returncode == 0, result.stderr

    return bed, host, script, guest, lan


def test_guest_is_routed(routed):
    """What xl.cfg says of it is all that it takes: the LAN finds the guest by proxy ARP and ND."""
    bed, host, script, guest, lan = routed
    host.set("ip", "10.0.1.77 fd00:1::77 10.5.0.0/24")
    host.set("mtu", "1400")
    script("add", "type_if=tap")
    shown = bed.daemon.wait_link(EMULATED)
    assert (shown["mode"], shown["mtu"], shown["gateway"]) == ("route", 1400, [ROUTER, ROUTER6])
    assert guest_routes(bed.daemon) == {"10.0.1.77/32": [EMULATED], "fd00:1::77/128": [EMULATED],
                                        "10.5.0.0/24": [EMULATED]}
    guest.ip("link", "set", "eth0", "mtu", 1400)
    settle_guest(guest, ("10.0.1.77", "fd00:1::77"))
    for there in (LAN, LAN6, ROUTER, ROUTER6):
        guest.ping(there, count=1)
    lan.host.ping("10.0.1.77", count=1)
    lan.host.ping("fd00:1::77", count=1)
    guest.ip("addr", "add", "10.5.0.9/32", "dev", "lo")
    guest.ip("addr", "add", "10.5.0.10/32", "dev", "eth0")
    lan.host.ip("route", "add", "10.5.0.0/24", "via", ROUTER)
    lan.host.ping("10.5.0.10", count=1)

    script("remove", "type_if=tap")
    assert EMULATED not in [port["port"] for port in bed.daemon.vsctl("port", "show")]
    assert guest_routes(bed.daemon) == {}
    assert {address["port"] for address in bed.daemon.vsctl("addr", "show")} & {EMULATED} == set()
    script("remove", "type_if=tap")


def test_second_with_the_address(routed):
    """Which other guest has it is said where xl reads it."""
    bed, host, script, _, _ = routed
    host.set("ip", "10.0.1.77")
    bed.cable(2)
    bed.daemon.vsctl("port", "add", "p2", "mode", "route", "ip", "10.0.1.77")
    with pytest.raises(AssertionError, match="ip 10.0.1.77.*: port p2 has it"):
        script("add", "type_if=tap")
    assert "port p2 has it" in host.get("hotplug-error")
    assert EMULATED not in [port["port"] for port in bed.daemon.vsctl("port", "show")]
