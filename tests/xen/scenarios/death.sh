# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# Guests that end without saying goodbye.

id=$(domid g3)
guest_tell g3 'echo c > /proc/sysrq-trigger'
check death.crashed-guest-is-destroyed wait_for 60 guest_gone g3
check death.crashed-vif-is-gone wait_for 60 vif_gone "$id" 0
check death.others-go-on guest_pings g1 10.9.0.12

# In the middle of what it sends and gets.
busy()
{
	ip netns exec beyond iperf3 -t 60 -c 10.9.0.12 > /dev/null 2>&1 &
	guest_do g2 30 "(iperf3 -t 60 -c $BEYOND > /dev/null 2>&1 &)" || return
	wait_for 60 traffic_flows
}

# Faster than anything but those streams.
traffic_flows()
{
	local before
	before=$(packets_of "$id")
	sleep 1
	[ $(($(packets_of "$id") - before)) -gt 50 ]
}

packets_of()
{
	vsctl -j port show "vif$1.0" | grep -oE '"[rt]x_packets": *[0-9]+' |
		awk -F: '{ n += $2 } END { print n + 0 }'
}

id=$(domid g2)
check death.guest-is-busy busy
check death.xl-destroy xl destroy g2
check death.destroyed-guest-is-gone wait_for 60 guest_gone g2
check death.destroyed-vif-is-gone wait_for 60 vif_gone "$id" 0
check death.last-goes-on guest_pings g1 "$HOST"

# A zombie would stay if one of its pages were still mapped.
check death.no-zombies test "$(xl list | awk 'NR > 1' | wc -l)" = 2
check death.xl-shutdown-of-the-rest xl destroy g1
check death.vswitchd-stops vswitchd_end TERM
