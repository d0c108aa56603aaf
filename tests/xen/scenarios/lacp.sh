# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# LACP with the kernel's bonding driver as the partner, in a network namespace: both links are used,
# one may fail, and a restart of vswitchd is nothing that the kernel sees.

PARTNER=/proc/net/bonding/lagbond
READY=61	# active, aggregation, sync, collecting, distributing; long timeout

# Cables from dom0 to the namespace "lag" and a bond of their far ends.
partner_create()
{
	local n
	ip netns add lag || return
	ip -n lag link add lagbond type bond mode 802.3ad lacp_rate slow miimon 20 \
		xmit_hash_policy layer3+4 || return
	for n in 1 2; do
		ip link add "l$n" type veth peer name "s$n" netns lag || return
		ip link set "l$n" up || return
		ip -n lag link set "s$n" master lagbond || return
	done
	ip -n lag addr add 10.9.8.2/24 dev lagbond || return
	ip -n lag link set lagbond up
}

lag()
{
	ip netns exec lag "$@"
}

# What the kernel thinks of each link: its own state and then ours, for both.
states()
{
	lag cat "$PARTNER" | awk '/port state:/ { print $3 }' | tr '\n' ' '
}

states_are()
{
	[ "$(states)" = "$1 " ]
}

aggregated()
{
	states
	states_are "$READY $READY $READY $READY"
}

# links N: so many are in use, as we see it
links()
{
	vsctl -j bond show lb0 | grep -q "\"links\": $1\\b"
}

# Both bonds carry, and the addresses of both sides reach each other.
lag_pings()
{
	lag ping -c "$PINGS" -i 0.2 -W 10 10.9.8.1 | all_answered
}

one_fails()
{
	ip -n lag link set "s$1" down || return
	wait_for 30 links 1 || return
	lag_pings || return
	ip -n lag link set "s$1" up || return
	wait_for 60 links 2 && wait_for 60 aggregated
}

# Note what the kernel sees, as long as /run/bed/watching is there.
watch_states()
{
	while [ -e /run/bed/watching ]; do
		states
		echo
		sleep 0.1
	done > /run/bed/states
}

# restart SIGNAL: from time to time the kernel is asked what it sees meanwhile.
lacp_restart()
{
	local watcher from
	: > /run/bed/watching
	watch_states &
	watcher=$!
	from=$(uptime_ms)
	vswitchd_end "$1" && vswitchd_start || return
	echo "$(($(uptime_ms) - from))" > /run/bed/took
	wait_for 60 links 2 || return
	lag_pings || return
	rm /run/bed/watching
	wait "$watcher"
	# beyond its 90 s of patience the kernel may say what it likes: this machine is too busy
	if [ "$(cat /run/bed/took)" -gt 80000 ]; then
		echo "no verdict: vswitchd was away for $(cat /run/bed/took) ms"
		return 0
	fi
	echo "seen by the kernel: $(sort /run/bed/states | uniq -c | tr '\n' ';')" \
		"vswitchd was away for $(cat /run/bed/took) ms"
	[ "$(sort -u /run/bed/states)" = "$READY $READY $READY $READY " ]
}

cat >> /etc/vswitch/vswitch.conf <<-END

[bridge lagbr]
[port lagbr]
type = tap
bridge = lagbr
[bond lb0]
mode = lacp
members = l1,l2
bridge = lagbr
END

check lacp.kernel-bond partner_create || exit 1
vswitchd_end TERM && vswitchd_start
ip addr replace 10.9.8.1/24 dev lagbr && ip link set lagbr up
check lacp.agree wait_for 90 aggregated || exit 1
check lacp.both-links wait_for 30 links 2
check lacp.ping lag_pings
check lacp.first-fails one_fails 1
check lacp.second-fails one_fails 2
check lacp.restart-kill lacp_restart KILL
check lacp.restart-term lacp_restart TERM
vsctl bond show lb0
ip netns del lag
