# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# vswitchd dies, or is stopped, while guests talk: they lose the gap and nothing else. It may be
# away for as long as it likes; here that is a minute.

AWAY=60		# seconds

# survives SIGNAL ADDRESS SECONDS: g1 pings ADDRESS meanwhile, for which vswitchd is away.
survives()
{
	local id before from start gap
	id=$(domid g1)
	pings_start "$2"
	wait_for 60 answers_exceed 5 || return
	states_watch "$id" || return

	vswitchd_end "$1" || return
	before=$(answers)
	from=$(uptime_ms)
	sleep "$3"
	vswitchd_start || return
	start=$(($(uptime_ms) - from))
	wait_for 60 answers_exceed "$((before + 5))" || return
	kill "$(cat /run/bed/watcher)"
	pings_end
	gap=$(longest_gap)
	# 2 s beyond the start is what is aimed at; how busy this machine is decides, so no verdict
	echo "longest gap $gap ms: $start ms until vswitchd was up, and $((gap - start)) ms"
}

# restart NAME SIGNAL ADDRESS SECONDS
restart()
{
	check "restart.$1-traffic-resumes" survives "$2" "$3" "$4" || return
	check "restart.$1-link-stays" states_untouched
	check "restart.$1-g2-pings-g1" guest_pings g2 10.9.0.11
	check "restart.$1-beyond-pings-g2" beyond_pings 10.9.0.12
	check "restart.$1-host-keeps-address" host_pings 10.9.0.11
}

# However vswitchd has ended: what it had granted to its domain is there again for the next one. The
# grant table has room for two.
buffers_granted()
{
	local starts granted
	starts=$(grep -c 'packet buffers, no hugepages' /var/log/vswitchd.log)
	granted=$(grep -c '16384 packet buffers, .* 16384 buffers granted' /var/log/vswitchd.log)
	echo "$granted of $starts times"
	[ "$starts" -gt 3 ] && [ "$granted" = "$starts" ]
}

restart KILL KILL 10.9.0.12 0
restart TERM TERM "$BEYOND" 0
restart away KILL 10.9.0.12 "$AWAY"
check restart.buffers-granted buffers_granted
