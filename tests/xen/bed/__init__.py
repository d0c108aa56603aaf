# SPDX-License-Identifier: BSD-3-Clause
"""Real Xen under QEMU's software emulation, with the vswitchd of a build folder in dom0."""
