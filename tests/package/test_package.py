# SPDX-License-Identifier: BSD-3-Clause
"""The package: what is in it, and its life without systemd."""

import re
import subprocess

import machine

SOURCE = machine.HERE.parent.parent
INIT = "/etc/init.d/vswitchd"
# What changes by itself, or tells of the past, whatever is installed.
PASSING = re.compile(r"/(proc|sys|dev|run|tmp|root)/|/var/(log|cache|backups|lib/(dpkg|apt))/|"
                     r"/etc/[^/]*-$|\.dpkg-tmp$|/var/lib/systemd/deb-systemd-helper-enabled$")
EXPOSURE_MAX = 4.0  # of systemd-analyze: 10 is none of it confined


def test_contents(package):
    """Nothing that lintian has to say; the programs' symbols beside it; the source stays clean."""
    result = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning",
                             *package.parent.glob("*.changes")],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "")
    assert list(package.parent.glob("vswitch-dbgsym_*.deb"))
    files = subprocess.run(["dpkg-deb", "-c", package], stdout=subprocess.PIPE, text=True,
                           check=True).stdout
    for path in ("usr/sbin/vswitchd", "usr/bin/vsctl", "usr/lib/vswitch/brctl",
                 "usr/lib/modprobe.d/vswitch.conf",
                 "usr/lib/x86_64-linux-gnu/wireshark/extcap/vswitch-extcap",
                 "usr/share/man/man8/vsctl.8.gz",
                 "usr/share/man/man8/vswitchd.8.gz", "usr/share/man/man5/vswitch.conf.5.gz"):
        assert " ./%s" % path in files
    assert not (SOURCE / "debian/vswitch").exists()
    assert not (SOURCE / "debian/files").exists()


def install(system, *packages):
    """With the daemon's answer to "no Xen here"; nobody is there to be asked."""
    return system("dpkg", "--force-confdef", "--force-confold", "-i",
                  *map(system.put, packages)).stdout


def allow_init_scripts(system):
    """Without an init there is no runlevel, and invoke-rc.d does nothing unless it is told to."""
    (system.root / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 0\n")
    (system.root / "usr/sbin/policy-rc.d").chmod(0o755)


def without_xen(system):
    """/etc/default/vswitchd, as an administrator of a host without Xen has it."""
    system.sh("""sed -i 's/^VSWITCHD_OPTIONS=.*/VSWITCHD_OPTIONS="--no-xen"/' /etc/default/vswitchd
              grep -- --no-xen /etc/default/vswitchd""")


def test_unit(machines, package):
    """systemd finds no fault with the unit, and little that it leaves open."""
    system = machines()
    install(system, package)
    # --man=no: this Debian has no man(1)
    assert system("systemd-analyze", "verify", "--man=no", "vswitchd.service").stdout == ""
    said = system("systemd-analyze", "security", "--offline=true", "--no-pager",
                  "--threshold=%d" % (EXPOSURE_MAX * 10), "vswitchd.service").stdout
    exposure = float(re.search(r"Overall exposure level for vswitchd.service: ([\d.]+)",
                               said).group(1))
    print("exposure", exposure)
    assert exposure <= EXPOSURE_MAX


def test_init_script(machines, package):
    """Start, stop, and what LSB wants of exit statuses."""
    system = machines()
    install(system, package)

    def init(word, status=0):
        result = system(INIT, word, check=False)
        assert result.returncode == status, result.stdout
        return result.stdout

    init("status", 3)
    assert "--no-xen" in init("start", 1)  # there is none here, and it says what to do
    without_xen(system)
    init("start")
    init("status")
    assert "no bridges" in system("vsctl", "show").stdout
    pid = system("cat", "/run/vswitch/vswitchd.pid").stdout
    init("start")
    assert system("cat", "/run/vswitch/vswitchd.pid").stdout == pid
    (system.root / "etc/vswitch/vswitch.conf").write_text("[bridge br1]\n")
    init("force-reload")
    assert "br1" in system("vsctl", "show").stdout
    assert system("cat", "/run/vswitch/vswitchd.pid").stdout == pid
    init("restart")
    assert system("cat", "/run/vswitch/vswitchd.pid").stdout != pid
    assert "br1" in system("vsctl", "show").stdout
    # one that has died: what is in its pid file is nobody, or somebody else
    system.sh("""pid=$(cat /run/vswitch/vswitchd.pid); kill -9 "$pid"
              while [ -e "/proc/$pid" ]; do sleep 0.1; done""")
    init("status", 1)
    init("try-restart")
    system.sh("! pidof vswitchd")
    init("start")
    init("try-restart")
    init("stop")
    init("status", 3)
    init("stop")
    init("nonsense", 2)
    system.sh("! pidof vswitchd")


CONFIG = """\
# the administrator's
[bridge br0]

[port br0]
bridge = br0
type = tap

[port eth0]
bridge = br0
"""


def give_network(system):
    """A NIC, eth0, and a station beyond it, 10.0.0.2; the host is to be 10.0.0.1."""
    system.sh("""ip netns add beyond
              ip link add eth0 type veth peer name far netns beyond
              ip link set eth0 up
              ip -n beyond addr add 10.0.0.2/24 dev far
              ip -n beyond link set far up""")


class Talk:
    """A TCP connection from the host, by its interface br0, to the station beyond the NIC."""

    def __init__(self, system):
        self._system = system
        script = system.put(machine.HERE / "talk.pl")
        system.sh("""ip netns exec beyond perl %s serve > /run/server 2>&1 &
                  until ip netns exec beyond ss -Hltn | grep -q :7007; do sleep 0.05; done
                  perl %s 10.0.0.2 > /run/client 2>&1 &""" % (script, script))
        self.goes_on()

    def goes_on(self):
        """It is the same one, and what is sent comes back."""
        def words():
            said = self._system("cat", "/run/client").stdout
            assert not said.replace("back\n", ""), said
            return said.count("back\n")
        before = words()
        machine.wait_until(lambda: words() > before + 10, "TCP goes on")


def test_upgrade_and_purge(machines, package, newer):
    """A port and a bridge stay up, so does a TCP connection; configuration is kept; and a purge
    leaves nothing.
    """
    system = machines()
    before = files_of(system)
    allow_init_scripts(system)
    install(system, package)
    assert system("getent", "group", "vswitch").stdout.startswith("vswitch:")
    without_xen(system)
    give_network(system)
    (system.root / "etc/vswitch/vswitch.conf").write_text(CONFIG)
    system(INIT, "start")
    system.sh("ip addr add 10.0.0.1/24 dev br0; ip link set br0 up")
    talk = Talk(system)
    index = system("cat", "/sys/class/net/br0/ifindex").stdout
    pid = system("cat", "/run/vswitch/vswitchd.pid").stdout
    assert "0.1.0" in system("vsctl", "version").stdout

    said = install(system, newer)
    # the old one runs until the new one's files are there
    assert said.index("Unpacking") < said.index("Restarting virtual switch"), said
    assert "Stopping" not in said
    version = newer.name.split("_")[1]
    assert version in system("vsctl", "version").stdout
    assert system("cat", "/run/vswitch/vswitchd.pid").stdout != pid
    assert system("cat", "/sys/class/net/br0/ifindex").stdout == index
    talk.goes_on()
    assert (system.root / "etc/vswitch/vswitch.conf").read_text() == CONFIG
    assert "--no-xen" in (system.root / "etc/default/vswitchd").read_text()

    system("dpkg", "--remove", "vswitch")
    system.sh("! pidof vswitchd")
    assert (system.root / "etc/vswitch/vswitch.conf").read_text() == CONFIG
    # not in the way of guests of the kernel's any more
    system.sh("! grep -r xen-netback /lib/modprobe.d /etc/modprobe.d")
    system("dpkg", "--purge", "vswitch")
    (system.root / "usr/sbin/policy-rc.d").unlink()
    assert files_of(system) == before
    assert system("getent", "group", "vswitch", check=False).returncode != 0
    system.sh("! ls -d /run/vswitch /var/lib/vswitch")
    assert "vswitch" not in system("dpkg-divert", "--list").stdout
    assert "vswitch" not in system("update-alternatives", "--get-selections").stdout


def files_of(system):
    """All that a package could have left."""
    found = system("find", "/", "-xdev", "-not", "-type", "d").stdout.splitlines()
    folders = system("find", "/etc", "/usr", "/lib/systemd", "-xdev", "-type", "d").stdout
    return sorted(path for path in found + folders.splitlines() if not PASSING.search(path))


SCRIPTS = ("vif-bridge", "vif-route", "vif-nat")


def meaning(system):
    """What the names of Xen's scripts stand for: "ours", "xen" or None."""
    def of(name):
        if system("test", "-e", "/etc/xen/scripts/" + name, check=False).returncode:
            return None
        real = system("readlink", "-f", "/etc/xen/scripts/" + name).stdout.strip()
        if real == "/usr/lib/vswitch/scripts/" + name:
            return "ours"
        assert real in ("/etc/xen/scripts/" + name, "/etc/xen/scripts/%s.xen" % name)
        assert "xen-script-common.sh" in system("sh", "-c", "cat %s /etc/xen/scripts/vif-common.sh "
                                                "/etc/xen/scripts/xen-hotplug-common.sh" %
                                                real).stdout
        return "xen"
    found = {of(name) for name in SCRIPTS}
    assert len(found) == 1, found
    return found.pop()


def test_scripts_of_xen(machines, package):
    """xen-utils-common may come before or after, go, be installed anew; a choice is kept."""
    system = machines()

    def xen(*words):
        system("apt-get", "-q", "-y", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confold",
               *words, "xen-utils-common")
        assert system("dpkg", "--audit").stdout == ""

    # Xen first
    xen("install")
    assert meaning(system) == "xen"
    stock = system("sha256sum", "/etc/xen/scripts/vif-bridge").stdout.split()[0]
    system.sh("echo '# mine' >> /etc/xen/scripts/vif-nat")
    install(system, package)
    assert meaning(system) == "ours"
    xen("--reinstall", "install")
    assert meaning(system) == "ours"
    assert system("tail", "-n", 1, "/etc/xen/scripts/vif-nat.xen").stdout == "# mine\n"
    system("update-alternatives", "--set", "xen-vif-scripts", "/etc/xen/scripts/vif-bridge.xen")
    assert meaning(system) == "xen"
    install(system, package)
    assert meaning(system) == "xen"
    system("update-alternatives", "--auto", "xen-vif-scripts")
    assert meaning(system) == "ours"
    # without us all is Xen's again, also what was changed there
    system("dpkg", "--remove", "vswitch")
    assert meaning(system) == "xen"
    assert system("sha256sum", "/etc/xen/scripts/vif-bridge").stdout.split()[0] == stock
    assert system("tail", "-n", 1, "/etc/xen/scripts/vif-nat").stdout == "# mine\n"
    install(system, package)
    # without Xen no choice is left, and nothing of Xen's
    xen("purge")
    assert meaning(system) == "ours"
    assert ".xen" not in system("ls", "/etc/xen/scripts").stdout
    assert ".xen" not in system("update-alternatives", "--query", "xen-vif-scripts").stdout
    # Xen second
    xen("install")
    assert meaning(system) == "ours"
    assert system("sha256sum", "/etc/xen/scripts/vif-bridge.xen").stdout.split()[0] == stock
    system("dpkg", "--purge", "vswitch")
    assert meaning(system) == "xen"
    assert system("sha256sum", "/etc/xen/scripts/vif-bridge").stdout.split()[0] == stock


def test_kernel_netback_keeps_its_scripts(machines, package):
    """Installed beside guests of the kernel's xen-netback: Xen's own scripts go on for them."""
    system = machines()
    (system.root / "etc/xen/scripts").mkdir(parents=True)
    for name in SCRIPTS:
        script = system.root / "etc/xen/scripts" / name
        script.write_text("#!/bin/sh\necho \"xen's own: $0 $*\"\n")
        script.chmod(0o755)
    install(system, package)
    for name in SCRIPTS:
        result = system("/etc/xen/scripts/" + name, "online", "type_if=vif", check=False)
        assert result.returncode == 1 and "XENBUS_PATH" in result.stdout
    system.sh("mount -t tmpfs sys /sys; mkdir -p /sys/bus/xen-backend/drivers/vif")
    for name in SCRIPTS:
        assert system("/etc/xen/scripts/" + name, "online", "type_if=vif").stdout == \
            "xen's own: /etc/xen/scripts/%s.xen online type_if=vif\n" % name
    # who says vif-vswitch means it
    result = system("/etc/xen/scripts/vif-vswitch", "online", "type_if=vif", check=False)
    assert result.returncode == 1 and "XENBUS_PATH" in result.stdout
