# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# TCP in both directions, every kernel with the offloads it comes with: the host and the host beyond
# the NIC hand out partial checksums and big GSO packets, the guests partial checksums.

G1=10.9.0.11
G2=10.9.0.12

check traffic.host-to-guest iperf host "$G1"
check traffic.guest-to-host iperf host "$G1" -R
check traffic.beyond-to-guest iperf beyond "$G1"
check traffic.guest-to-beyond iperf beyond "$G1" -R
check traffic.guest-to-guest iperf g1 "$G2"
check traffic.guest-from-guest iperf g1 "$G2" -R
check traffic.host-to-beyond iperf host "$BEYOND"
check traffic.beyond-to-host iperf host "$BEYOND" -R
