# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# A guest on a trunk, by its xl.cfg, against a kernel bridge that filters VLANs: on a host of its own
# beyond the NIC eth2. VLAN N has the network 10.8.N.0/24; the host's end is 1, beyond is 2.

vlans_create()
{
	ip netns add vlans || return
	ip link add eth2 type veth peer name far netns vlans || return
	ip link set eth2 up || return
	ip -n vlans link add kbr type bridge vlan_filtering 1 vlan_default_pvid 0 || return
	ip -n vlans link set far master kbr || return
	ip -n vlans link set far up || return
	ip -n vlans link set kbr up || return
	for vid in 100 200 210 220; do
		ip netns exec vlans bridge vlan add dev far vid "$vid" || return
		ip netns exec vlans bridge vlan add dev kbr vid "$vid" self || return
		ip -n vlans link add link kbr name "v$vid" type vlan id "$vid" || return
		ip -n vlans addr add "10.8.$vid.2/24" dev "v$vid" || return
		ip -n vlans link set "v$vid" up || return
	done
	ip netns exec vlans iperf3 -s -D
}

vlans_ping()
{
	ip netns exec vlans ping -c "$PINGS" -i 0.2 -W 10 "$@" | all_answered
}

vlans_do_not_reach()
{
	ip netns exec vlans ping -c 2 -i 0.5 -W 2 "$1" | none_answered
}

# guest_vlan NAME VID ADDRESS: a VLAN interface of the guest's own
guest_vlan()
{
	guest_do "$1" 60 "ip link add link eth0 name eth0.$2 type vlan id $2 &&
		ip addr add $3/24 dev eth0.$2 && ip link set eth0.$2 up"
}

# port_has NAME FIELD VALUE: as JSON has it
port_has()
{
	vsctl -j port show "$1" | tr -d ' \n' | grep -F "\"$2\":$3"
}

check trunk.kernel-bridge-with-vlans vlans_create || exit 1
check trunk.nic-joins vsctl port add eth2 bridge xenbr0 trunk 100,200-220
guest_config g5 'mac=00:16:3e:00:00:05,bridge=xenbr0.100:200:205-210' 10.8.100.15/24
check trunk.xl-create xl create /guest/g5.cfg || exit 1
check trunk.g5-boots guest_ready g5 || exit 1
vif=vif$(domid g5).0
check trunk.port-is-a-trunk port_has "$vif" trunk '"200,205-210"'
check trunk.port-has-a-native-vlan port_has "$vif" native 100

for vid in 200 210 220; do
	check trunk.guest-has-vlan-$vid guest_vlan g5 "$vid" "10.8.$vid.15"
done
check trunk.native-is-reached guest_pings g5 10.8.100.2
check trunk.native-is-reached-back vlans_ping 10.8.100.15
check trunk.vlan-is-reached guest_pings g5 10.8.200.2
check trunk.vlan-is-reached-back vlans_ping 10.8.200.15
check trunk.another-is-reached vlans_ping 10.8.210.15
check trunk.vlan-that-is-not-allowed guest_does_not_reach g5 10.8.220.2
check trunk.and-back vlans_do_not_reach 10.8.220.15
guest_do g5 60 'ip addr add 10.9.0.15/24 dev eth0'
check trunk.untagged-host-is-not guest_does_not_reach g5 "$HOST"

# Tags are no payload: 1500 bytes of IP, which nobody has to cut, in both directions.
check trunk.whole-mtu-behind-a-tag vlans_ping -s 1472 10.8.200.15
check trunk.whole-mtu-of-the-native-vlan vlans_ping -s 1472 10.8.100.15
check trunk.large-packets vlans_ping -s 20000 10.8.200.15
check trunk.tcp-to-the-bridge iperf g5 10.8.200.2
check trunk.tcp-from-the-bridge iperf g5 10.8.200.2 -R
check trunk.tcp-on-the-native-vlan iperf g5 10.8.100.2 -R

# The host: an interface of its own in one VLAN, and VLANs of the kernel's on the untagged one.
host_vlans()
{
	vsctl port add vlan210 type tap bridge xenbr0 vid 210 || return
	ip addr add 10.8.210.1/24 dev vlan210 || return
	ip link set vlan210 up || return
	ip link add link xenbr0 name xenbr0.200 type vlan id 200 || return
	ip addr add 10.8.200.1/24 dev xenbr0.200 || return
	ip link set xenbr0.200 up
}
check trunk.host-joins-vlans host_vlans
check trunk.host-reaches-guest-by-tap host_pings 10.8.210.15
check trunk.host-reaches-guest-by-vlan-of-tap host_pings 10.8.200.15
check trunk.host-reaches-beyond host_pings 10.8.210.2
check trunk.host-tcp-to-guest iperf host 10.8.200.15

# Xen 4.19's vlan key, which this xl does not know: written by a script around ours.
cat > /etc/xen/scripts/vif-vlan <<'SCRIPT'
#!/bin/sh
xenstore-write "$XENBUS_PATH/vlan" 100p/200+10x2
exec /etc/xen/scripts/vif-vswitch "$@"
SCRIPT
chmod 755 /etc/xen/scripts/vif-vlan
check trunk.xl-network-attach xl network-attach g2 mac=00:16:3e:00:02:02 bridge=xenbr0 \
	script=vif-vlan
check trunk.attached-is-connected wait_for 60 backend_is "$(domid g2)" 1 4
attached=vif$(domid g2).1
check trunk.vlan-key-is-read port_has "$attached" trunk '"200,210"'
check trunk.vlan-key-has-a-native-vlan port_has "$attached" native 100
guest_do g2 60 'ip addr add 10.8.100.12/24 dev eth1; ip link set eth1 up'
check trunk.attached-reaches-native guest_pings g2 10.8.100.15

# A VLAN of the NIC is another bridge's.
guest_do g5 60 'ip link del eth0.220'
check trunk.second-bridge vsctl bridge add xenbr1
check trunk.vlan-of-the-nic vsctl port add eth2.220 bridge xenbr1
check trunk.xl-network-attach-second xl network-attach g5 mac=00:16:3e:00:05:02 bridge=xenbr1
check trunk.second-is-connected wait_for 60 backend_is "$(domid g5)" 1 4
guest_do g5 60 'ip addr add 10.8.220.15/24 dev eth1; ip link set eth1 up'
check trunk.second-bridge-is-the-vlan guest_pings g5 10.8.220.2
check trunk.second-bridge-tcp iperf g5 10.8.220.2 -R

# All of it is there again after a restart, without the script.
restart()
{
	vswitchd_end TERM && vswitchd_start || return
	vsctl port add eth2 bridge xenbr0 trunk 100,200-220 || return
	wait_for 60 guest_pings g5 10.8.200.2
}
check trunk.restart restart
check trunk.restarted-is-a-trunk port_has "$vif" trunk '"200,205-210"'
check trunk.restarted-has-a-native-vlan port_has "$vif" native 100
check trunk.restarted-vlan-key port_has "$attached" trunk '"200,210"'
check trunk.restarted-reaches-native guest_pings g5 10.8.100.2
check trunk.restarted-reaches-vlan vlans_ping 10.8.210.15
check trunk.restarted-keeps-others-out guest_does_not_reach g5 "$HOST"

ip link del xenbr0.200
check trunk.xl-network-detach xl network-detach g2 1
check trunk.detached-is-gone wait_for 60 vif_gone "$(domid g2)" 1
check trunk.xl-destroy xl destroy g5
check trunk.destroyed-is-gone wait_for 60 not vif_shown "$(domid g5)" 0
vsctl port del eth2
