# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# Interfaces are taken from guests that cannot let go of them: one that is paused, one that has
# crashed and is kept. libxl waits for 10 s before it does so itself.

MAC=00:16:3e:00:01:02
FORCED=10000	# ms

attach()
{
	xl network-attach g2 mac=$MAC bridge=xenbr0 && wait_for 60 backend_is "$(domid g2)" 1 4
}

# detach_fast NAME DEVID: unlike libxl, nobody waits for long
detach_fast()
{
	local from took
	from=$(uptime_ms)
	xl network-detach "$1" "$2" || return
	took=$(($(uptime_ms) - from))
	wait_for 60 vif_gone "$(domid "$1")" "$2" || return
	echo "$took ms"
	[ "$took" -lt "$FORCED" ]
}

is_crashed()
{
	xl list "$1" | awk 'NR == 2 { print $5 }' | grep -q c
}

check detach.attach attach
check detach.of-a-living-guest detach_fast g2 1
check detach.attach-again attach
xl pause g2
check detach.of-a-paused-guest detach_fast g2 1
xl unpause g2
check detach.unpaused-goes-on guest_pings g2 "$HOST"
check detach.unpaused-takes-another attach
check detach.unpaused-gives-it-back detach_fast g2 1

guest_config g5 'mac=00:16:3e:00:00:05,bridge=xenbr0' 10.9.0.15/24
sed -i 's/^on_crash.*/on_crash = "preserve"/' /guest/g5.cfg
check detach.xl-create xl create /guest/g5.cfg
check detach.boots guest_ready g5
guest_tell g5 'echo c > /proc/sysrq-trigger'
check detach.crashes wait_for 60 is_crashed g5
check detach.of-a-crashed-guest detach_fast g5 0
check detach.crashed-is-destroyed xl destroy g5
check detach.others-go-on guest_pings g1 "$HOST"
