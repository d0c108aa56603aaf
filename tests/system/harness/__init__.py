# SPDX-License-Identifier: BSD-3-Clause
"""What the system tests stand on: namespaces as hosts, the real daemon, frames on the wire."""
