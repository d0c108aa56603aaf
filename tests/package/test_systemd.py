# SPDX-License-Identifier: BSD-3-Clause
"""The unit with a systemd that runs: vswitchd does its work in the sandbox."""

import time

import machine
from conftest import SYSTEMD
from test_package import CONFIG, Talk, give_network, install, without_xen


def property_of(system, name):
    """Of the unit."""
    return system("systemctl", "show", "--value", "-p", name, "vswitchd").stdout.strip()


def journal(system):
    """What the unit has said, all of it: without --sync, some may still be on its way."""
    system("journalctl", "--sync")
    return system("journalctl", "--no-pager", "-o", "cat", "-u", "vswitchd").stdout


def started(machines, package, config=CONFIG):
    """A system with systemd on which vswitchd runs, and a NIC."""
    system = machines(SYSTEMD)
    give_network(system)
    install(system, package)
    without_xen(system)
    (system.root / "etc/vswitch/vswitch.conf").write_text(config)
    system("systemctl", "restart", "vswitchd")
    assert property_of(system, "SubState") == "running"
    return system


def test_sandbox(machines, package):
    """All that it does for ports and networks it may do."""
    system = started(machines, package)
    pid = property_of(system, "MainPID")
    status = system("cat", "/proc/%s/status" % pid).stdout
    assert "Seccomp:\t2" in status and "NoNewPrivs:\t1" in status
    # CAP_SYS_ADMIN, _MODULE, _RAWIO, _PTRACE are not among its rights
    rights = int(next(line for line in status.splitlines() if line.startswith("CapEff")).split()[1],
                 16)
    assert not rights & (1 << 21 | 1 << 16 | 1 << 17 | 1 << 19)

    # a NIC of the kernel's and the host's own interface
    system.sh("ip addr add 10.0.0.1/24 dev br0; ip link set br0 up")
    machine.wait_until(lambda: system("ping", "-c", "1", "-W", "5", "10.0.0.2",
                                      check=False).returncode == 0, "the station answers")
    # AF_XDP, with its program
    system.sh("""ip link add x0 type veth peer name x1; ip link set x0 up; ip link set x1 up
              vsctl port add x0 bridge br0 xdp on""")
    assert "af_xdp" in system("vsctl", "port", "show", "x0").stdout
    # the host's stack is kept off a NIC
    assert "clsact" in system("ip", "-d", "link", "show", "eth0").stdout or \
        "clsact" in system("tc", "qdisc", "show", "dev", "eth0").stdout
    # a virtio guest's socket
    system.sh("vsctl port add v0 bridge br0 type vhost; test -S /run/vswitch/v0.sock")
    # dnsmasq, as another user, with an end
    system.sh("vsctl network add 10.7.0.0/24 dhcp on")
    machine.wait_until(lambda: "read /run/vswitch/dnsmasq/hosts" in journal(system),
                       lambda: journal(system))
    assert system("ps", "-o", "user=", "-C", "dnsmasq").stdout.split() == ["dnsmasq"]
    system.sh("vsctl network del 10.7.0.0/24; vsctl port del x0; vsctl port del v0")
    system.sh("! pidof dnsmasq")
    # the socket is for the group, which may look
    assert system("stat", "-c", "%G %a", "/run/vswitch/vswitchd.sock").stdout == "vswitch 660\n"
    member = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--groups=vswitch", "vsctl")
    assert "br0" in system(*member, "show").stdout
    assert system(*member, "bridge", "add", "br7", check=False).returncode == 1
    # the history of the configuration
    assert "network" in system("vsctl", "config", "history").stdout
    system.sh("ls /var/lib/vswitch | grep .")
    for word in ("denied", "not permitted", "Read-only"):
        assert word not in journal(system)


def test_crash_and_errors(machines, package):
    """After a crash it is there again at once; what cannot start does not spin."""
    system = started(machines, package)
    system.sh("vsctl network add 10.7.0.0/24 dhcp on")
    pid = property_of(system, "MainPID")
    system("kill", "-9", pid)
    machine.wait_until(lambda: system("vsctl", "version", check=False).returncode == 0,
                       "it is back")
    assert property_of(system, "MainPID") not in (pid, "0")
    system.sh("! pidof dnsmasq")
    # the file's changes without a restart
    pid = property_of(system, "MainPID")
    (system.root / "etc/vswitch/vswitch.conf").write_text(CONFIG + "[bridge br2]\n")
    system("systemctl", "reload", "vswitchd")
    assert "br2" in system("vsctl", "show").stdout and property_of(system, "MainPID") == pid
    (system.root / "etc/vswitch/vswitch.conf").write_text("[bridge br0\n")
    assert system("systemctl", "reload", "vswitchd", check=False).returncode != 0
    assert "br2" in system("vsctl", "show").stdout and property_of(system, "MainPID") == pid
    # a start that fails: says so, and is tried again, but not all the time
    began = time.monotonic()
    assert system("systemctl", "restart", "vswitchd", check=False).returncode != 0
    machine.wait_until(lambda: "vswitch.conf:1" in journal(system), lambda: journal(system))
    machine.wait_until(lambda: property_of(system, "SubState") in ("stop-post", "auto-restart"),
                       "it is to be tried again")
    (system.root / "etc/vswitch/vswitch.conf").write_text(CONFIG)
    machine.wait_until(lambda: property_of(system, "SubState") == "running", "it is mended")
    # once in 3 s
    assert journal(system).count("vswitch.conf:1") <= 2 + (time.monotonic() - began) / 3
    # as long as the kernel's netback has the guests: neither
    system("systemctl", "stop", "vswitchd")
    system.sh("mount -t tmpfs bus /sys/bus; mkdir -p /sys/bus/xen-backend/drivers/vif")
    said = system("systemctl", "start", "vswitchd", check=False)
    assert said.returncode != 0 and "Assertion failed" in said.stdout
    assert property_of(system, "SubState") == "dead"
    system.sh("umount /sys/bus")
    system("systemctl", "start", "vswitchd")


def test_upgrade(machines, package, newer):
    """One restart, after the new files are there; interfaces stay, and a TCP connection."""
    system = started(machines, package)
    system.sh("ip addr add 10.0.0.1/24 dev br0; ip link set br0 up")
    index = system("cat", "/sys/class/net/br0/ifindex").stdout
    talk = Talk(system)
    starts = journal(system).count("is ready")
    install(system, newer)
    machine.wait_until(lambda: newer.name.split("_")[1] in
                       system("vsctl", "version", check=False).stdout, lambda: journal(system))
    assert journal(system).count("is ready") == starts + 1
    assert system("cat", "/sys/class/net/br0/ifindex").stdout == index
    talk.goes_on()
    assert system("systemctl", "is-enabled", "vswitchd").stdout == "enabled\n"
    # an administrator who has stopped and disabled it is heeded
    system("systemctl", "disable", "--now", "vswitchd")
    system("dpkg", "--purge", "vswitch")
    assert system("systemctl", "is-enabled", "vswitchd", check=False).returncode != 0
    system.sh("! ls -d /run/vswitch /var/lib/vswitch; ! pidof vswitchd")
