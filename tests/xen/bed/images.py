# SPDX-License-Identifier: BSD-3-Clause
"""What a boot is made of: Xen, the two kernels, and an initramfs for dom0 and for the guests."""

import glob
import gzip
import os

from . import debian, packages, vmlinux
from .initramfs import Initramfs

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# In the order of insmod: a package has no modules.dep, that is made when it is installed.
DOM0_MODULES = (
    "drivers/xen/xen-privcmd", "drivers/xen/xen-evtchn", "drivers/xen/xen-gntdev",
    "drivers/xen/xen-gntalloc", "drivers/xen/xenfs/xenfs", "drivers/net/tun", "drivers/net/veth",
    # the kernel's bridge, VLANs and bonds, with what they need
    "net/llc/llc", "net/802/stp", "net/802/garp", "net/802/mrp", "net/8021q/8021q",
    "net/bridge/bridge", "net/tls/tls", "drivers/net/bonding/bonding",
)
GUEST_MODULES = (
    "drivers/net/xen-netfront",
    "net/llc/llc", "net/802/stp", "net/802/garp", "net/802/mrp", "net/8021q/8021q",
)

XEN_PROGRAMS = ("xl", "xenstored", "xenconsoled", "xen-init-dom0", "lsevtchn",
                "libxl-save-helper")
STORE_PROGRAMS = ("xenstore-read", "xenstore-write", "xenstore-exists", "xenstore-list",
                  "xenstore-ls", "xenstore-rm", "xenstore-watch")
# EAL loads every driver it finds and gives up if one lacks a library: name those of use.
DPDK_DRIVERS = ("bus_vdev", "bus_pci", "mempool_ring", "net_null", "net_ring")


class Images:
    """The files of a boot, made in a scratch folder from a build folder and a package cache."""

    def __init__(self, cache_folder, scratch):
        self._folder = cache_folder
        self._cache = packages.PackageCache(cache_folder)
        self._scratch = scratch
        self.versions = {}
        packages.with_fresh_lists(self._fetch)

    def _fetch(self):
        """Packages that Xen, dom0 and the guests come from."""
        hypervisor = packages.dependency("xen-system-amd64", "xen-hypervisor-4")
        utils = packages.dependency("xen-system-amd64", "xen-utils-4")
        dom0 = packages.dependency("linux-image-amd64", "linux-image-6")
        guest = packages.dependency("linux-image-cloud-amd64", "linux-image-6")

        self.dom0_kernel, self._dom0_modules = self._kernel(dom0, DOM0_MODULES)
        self.guest_kernel, self._guest_modules = self._kernel(guest, GUEST_MODULES)
        self.xen = self._hypervisor(hypervisor)

        # xen-utils-4.17 has its programs in /usr/lib/xen-4.17/bin, where they look for each other.
        self.tools_path = "usr/lib/xen-%s/bin/" % utils.rsplit("-", 1)[1]
        _, self._tools = self._take(utils, [self.tools_path + p for p in XEN_PROGRAMS])
        _, store = self._take("xenstore-utils", ["usr/bin/" + p for p in STORE_PROGRAMS])
        self._tools.update(store)
        _, common = self._take("xen-utils-common", ["etc/xen/xl.conf"])
        self._xl_conf = common["etc/xen/xl.conf"]

    def _take(self, name, wanted):
        version, paths = self._cache.files(name, wanted)
        self.versions[name] = version
        return version, paths

    def _kernel(self, package, modules):
        release = package[len("linux-image-"):]
        image = "boot/vmlinuz-" + release
        module_paths = ["lib/modules/%s/kernel/%s.ko" % (release, module) for module in modules]
        version, paths = self._take(package, [image] + module_paths)
        kernel = os.path.join(self._folder, "vmlinux-%s_%s" % (release, version))
        vmlinux.extract(paths[image], kernel)
        return kernel, [paths[path] for path in module_paths]

    def _hypervisor(self, package):
        name = "boot/%s.gz" % package.replace("xen-hypervisor-", "xen-")
        _, paths = self._take(package, [name])
        xen = os.path.join(self._scratch, "xen")
        with gzip.open(paths[name]) as packed, open(xen, "wb") as out:
            out.write(packed.read())
        return xen

    def _start(self, init, modules):
        """What both kinds of initramfs have: busybox, an init, modules and an insmod list."""
        image = Initramfs()
        for folder in ("proc", "sys", "dev", "run", "tmp", "root", "etc"):
            image.directory(folder)
        image.file("bin/busybox", "/usr/bin/busybox", 0o755)
        image.file("init", os.path.join(HERE, init), 0o755)
        for module in modules:
            image.file("modules/" + os.path.basename(module), module)
        image.text("modules/order", "".join(os.path.basename(m) + "\n" for m in modules))
        image.program("usr/bin/iperf3", "/usr/bin/iperf3")
        return image

    def guest_initramfs(self):
        """Make the guests' initramfs: busybox, iperf3, the stock netfront."""
        image = self._start("guest/init", self._guest_modules)
        image.symlink("bin/sh", "busybox")
        # What the kernel runs when the toolstack asks for it; there is no init to be told.
        for name in ("poweroff", "reboot"):
            image.text("sbin/" + name, "#!/bin/sh\nexec busybox %s -f\n" % name, 0o755)
        target = os.path.join(self._scratch, "guest.cpio")
        image.write(target)
        return target

    def add_own(self, image):
        """Nothing here: for others to put more into dom0's initramfs, or other than it has."""

    def dom0_initramfs(self, build, source, scenarios):
        """Make dom0's: Xen's tools, the build folder's programs, the guests, the scenarios."""
        image = self._start("dom0/init", self._dom0_modules)
        image.file("dom0/lib.sh", os.path.join(HERE, "dom0/lib.sh"))
        for name in scenarios:
            image.file("scenarios/%s.sh" % name, os.path.join(HERE, "scenarios", name + ".sh"))
        image.text("scenarios/order", "".join(name + "\n" for name in scenarios))
        image.text("etc/bed.env", "XEN_BIN=/%s\n" % self.tools_path)

        image.program("bin/dash", "/bin/dash")
        image.symlink("bin/sh", "dash")
        image.program("usr/sbin/ip", "/usr/sbin/ip")
        image.program("usr/sbin/bridge", "/usr/sbin/bridge")
        # busybox's would run busybox's ip.
        image.program("usr/bin/timeout", "/usr/bin/timeout")
        # Loaded by pthread_cancel() in libxenstore, so ldd does not see it.
        image.library("/lib/x86_64-linux-gnu/libgcc_s.so.1")
        for path, copy in self._tools.items():
            image.program(path, copy)
        image.file("etc/xen/xl.conf", self._xl_conf)
        # Under the names that meson install gives them.
        for name, installed in (("vif-bridge", "vif-vswitch"), ("vif-route", "vif-vswitch-route"),
                                ("vif-nat", "vif-vswitch-nat"),
                                ("vif-vswitch-common.sh", "vif-vswitch-common.sh")):
            image.file("etc/xen/scripts/" + installed, os.path.join(source, "scripts", name), 0o755)

        image.program("usr/sbin/vswitchd", os.path.join(build, "vswitch/vswitchd"))
        image.program("usr/bin/vsctl", os.path.join(build, "ctl/vsctl"))
        for plugin in dpdk_plugins():
            image.library(plugin)
            image.program(os.path.realpath(plugin), os.path.realpath(plugin))

        image.file("guest/vmlinux", self.guest_kernel)
        image.file("guest/initramfs", self.guest_initramfs())
        if "upgrade" in scenarios:
            debian.add(image, source, build)
        self.add_own(image)
        target = os.path.join(self._scratch, "dom0.cpio")
        image.write(target)
        return target


def dpdk_plugins():
    """Debian's DPDK drivers of use, at the paths where EAL looks for them."""
    found = []
    for driver in DPDK_DRIVERS:
        names = glob.glob("/usr/lib/x86_64-linux-gnu/dpdk/pmds-*/librte_%s.so.*.*" % driver)
        if not names:
            raise FileNotFoundError("DPDK driver %s is not installed" % driver)
        found += names
    return found
