# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# A switch with nothing to do sleeps: two vifs, a NIC and the host's interface, no traffic. Judged
# by what its threads do, not by the CPU time that this takes.

SAMPLES=5
WAKEUPS=100	# of all threads in a window: housekeeping, far from anything that polls

# Packets of all ports so far.
packets()
{
	vsctl -j port show | grep -oE '"[rt]x_packets": *[0-9]+' |
		awk -F: '{ n += $2 } END { print n + 0 }'
}

wakeups()
{
	threads | awk '{ n += $3 } END { print n }'
}

# One window in which no packet moved: every thread was asleep whenever it was looked at, and few
# woke up. Guests say something on their own from time to time, and then it is no such window.
sleeps_through()
{
	local packets wakeups left=$SAMPLES
	packets=$(packets)
	wakeups=$(wakeups)
	while [ "$left" -gt 0 ]; do
		sleep 0.5
		threads > /run/bed/threads
		! grep -v '^S' /run/bed/threads || return
		left=$((left - 1))
	done
	wakeups=$(($(wakeups) - wakeups))
	[ "$(packets)" = "$packets" ] || return
	echo "$wakeups" > /run/bed/wakeups
	[ "$wakeups" -le "$WAKEUPS" ]
}

sleeps()
{
	local used from
	used=$(cpu_ms)
	from=$(uptime_ms)
	wait_for 60 sleeps_through || { cat /run/bed/threads; return 1; }
	echo "$(wc -l < /run/bed/threads) threads asleep," \
		"$(cat /run/bed/wakeups) wakeups while looking;" \
		"$(($(cpu_ms) - used)) ms of CPU in $(($(uptime_ms) - from)) ms"
}

check idle.vswitchd-sleeps sleeps
