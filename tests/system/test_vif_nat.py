# SPDX-License-Identifier: BSD-3-Clause
"""scripts/vif-nat with a store made of files; at the end, with a real vswitchd and QEMU's NIC."""

import pytest

from harness.daemon import build_folder
from harness.hotplug import SHELLS, Host, hosts
from harness.netns import cable
from harness.wait import TIMEOUT
from test_guests import add_uplink, guest_routes, settle_guest

EMULATED = "vif7.1-emu"


@pytest.fixture(params=SHELLS)
def host(request, tmp_path):
    """A host of each shell."""
    return hosts(request, tmp_path, "vif-nat")


def online(host):
    """Run online and return the one vsctl call."""
    call, = host.online()
    return call


@pytest.mark.parametrize("domain, handle, address, gateway", [
    (7, 1, "10.0.7.2", "10.0.7.129"),
    (1, 0, "10.0.1.1", "10.0.1.128"),
    (300, 2, "10.1.44.3", "10.1.44.130"),
    (32752, 0, "10.127.240.1", "10.127.240.128"),
    (7, 126, "10.0.7.127", "10.0.7.254"),
    (7, 127, "10.0.7.128", "10.0.7.1"),
])
def test_default_address(host, domain, handle, address, gateway):
    """As Xen's script has it, as far as that gives addresses."""
    host.set("frontend-id", str(domain))
    host.set("handle", str(handle))
    assert online(host) == \
        "vsctl [port] [add] [vif7.1] [mode] [nat] [ip] [%s] [gateway] [%s]" % (address, gateway)


@pytest.mark.parametrize("ip, words", [
    ("10.2.0.5", "[ip] [10.2.0.5] [gateway] [10.2.0.132]"),
    ("10.2.0.5/24", "[ip] [10.2.0.5/24] [gateway] [10.2.0.132]"),
    ("10.2.0.200", "[ip] [10.2.0.200] [gateway] [10.2.0.73]"),
    ("fd00::5 10.2.0.5,10.3.0.9", "[ip] [fd00::5,10.2.0.5,10.3.0.9] [gateway] [10.2.0.132]"),
    ("fd00::5", "[ip] [fd00::5]"),
])
def test_given_address(host, ip, words):
    host.set("ip", ip)
    assert online(host) == "vsctl [port] [add] [vif7.1] [mode] [nat] " + words


@pytest.mark.parametrize("ip", ["10.2.0.x", "10.2.0.256", ".", "$(touch $STORE/evil).1x"])
def test_bad_address(host, ip):
    host.set("ip", ip)
    host.fails("is not an address")
    assert not host.calls
    assert not (host.store / "evil").exists()


@pytest.mark.parametrize("key, text", [("frontend-id", "x"), ("frontend-id", ""), ("handle", "-1"),
                                       ("handle", "254")])
def test_no_default_address(host, key, text):
    host.set(key, text)
    host.fails("no ip= is given, and domain")


def test_mtu(host):
    host.set("mtu", "1400")
    assert online(host).endswith("[gateway] [10.0.7.129] [mtu] [1400]")
    assert (host.store / "local/domain/7/device/vif/1/mtu").read_text() == "1400"


def test_emulated_interface(host):
    assert host.run("add", "type_if=tap").returncode == 0
    assert host.calls == ["vsctl [port] [add] [vif7.1-emu] [type] [netdev] [mode] [nat] [ip] "
                          "[10.0.7.2] [gateway] [10.0.7.129]"]
    assert host.run("remove", "type_if=tap").returncode == 0
    assert host.calls[1:] == ["vsctl [port] [del] [vif7.1-emu]"]


def test_offline(host):
    assert host.run("offline", "type_if=vif").returncode == 0
    assert host.calls == ["vsctl [port] [del] [vif7.1]"]


def test_error_of_vsctl_reaches_xl(host):
    (host.store / "vsctl-error").write_text("vsctl: port vif7.1: ip 10.0.7.2: port p has it\n")
    host.fails("port p has it")


@pytest.fixture
def natted(bed, tmp_path):
    """A guest that nothing is said of, by QEMU's NIC: (bed, script, guest, lan)."""
    host = Host(tmp_path / "host", bed.sw.command("dash"), "vif-nat")
    host.use_vsctl(build_folder() / "ctl/vsctl")
    lan = add_uplink(bed)
    guest = bed.host("guest")
    cable(bed.sw, EMULATED, guest)

    def script(*arguments):
        result = host.run(*arguments, VSWITCH_RUN_DIR=str(bed.daemon.run_dir))
        assert result.returncode == 0, result.stderr

    script("add", "type_if=tap")
    bed.daemon.wait_link(EMULATED)
    settle_guest(guest, ["10.0.7.2"], ["10.0.7.129"])
    return bed, script, guest, lan


def test_guest_reaches_its_gateway(natted):
    """Its address, its gateway, the LAN; without a rule of NAT it is routed."""
    bed, script, guest, lan = natted
    row = bed.daemon.port(EMULATED)
    assert (row["mode"], row["ip"], row["gateway"]) == ("nat", ["10.0.7.2"], ["10.0.7.129"])
    for address in ("10.0.7.129", "10.0.1.1", "10.0.1.2"):
        guest.ping(address, count=1)
    lan.host.ping("10.0.7.2", count=1)
    script("remove", "type_if=tap")
    assert guest_routes(bed.daemon) == {}


def seen_as(lan, guest):
    """The source of what the guest sends to the LAN."""
    from scapy.all import ICMP, IP, Ether
    lan.wire.drain()
    guest.ping("10.0.1.2", count=1)
    while (frame := lan.wire.recv(TIMEOUT)) is not None:
        packet = Ether(frame.data)
        if ICMP in packet and packet[ICMP].type == 8:
            return packet[IP].src
    raise AssertionError("no echo request")


def test_guest_is_behind_nat(natted):
    """What network-nat did is one rule; which guests it is for, their modes say, also live."""
    bed, _, guest, lan = natted
    vsctl = bed.daemon.vsctl
    vsctl("nat", "add", "host", "masquerade", "p1")
    assert seen_as(lan, guest) == "10.0.1.1"
    vsctl("port", "set", EMULATED, "mode", "route")
    assert seen_as(lan, guest) == "10.0.7.2"
    vsctl("port", "set", EMULATED, "mode", "nat")
    assert seen_as(lan, guest) == "10.0.1.1"
