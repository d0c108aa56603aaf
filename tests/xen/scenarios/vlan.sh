# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# bridge=NAME.VLAN: guests of one VLAN reach each other and nobody else.

guest_config g3 'mac=00:16:3e:00:00:03,bridge=xenbr0.100' 10.9.0.13/24
check vlan.xl-create xl create /guest/g3.cfg || exit 1
check vlan.xl-network-attach xl network-attach g2 mac=00:16:3e:00:01:02 bridge=xenbr0.100
check vlan.g3-boots guest_ready g3 || exit 1
check vlan.attached-is-connected wait_for 60 backend_is "$(domid g2)" 1 4

# The VLAN has a network of its own; g3 is in the untagged one's as well, to try in vain.
guest_do g2 60 'ip addr add 10.9.1.12/24 dev eth1; ip link set eth1 up'
guest_do g3 60 'ip addr add 10.9.1.13/24 dev eth0'

check vlan.inside-is-reached guest_pings g2 10.9.1.13
check vlan.inside-is-reached-back guest_pings g3 10.9.1.12
check vlan.untagged-host-is-not guest_does_not_reach g3 "$HOST"
check vlan.untagged-guest-is-not guest_does_not_reach g3 10.9.0.11
check vlan.untagged-goes-on guest_pings g2 10.9.0.11
check vlan.xl-network-detach xl network-detach g2 1
check vlan.detached-is-gone wait_for 60 vif_gone "$(domid g2)" 1
