# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# vswitchd dies, or is stopped, while guests talk: they lose the gap and nothing else. It may be
# away for as long as it likes; here that is a minute.

AWAY=60		# seconds

# Run in the guest. Ping for ever, noting the guest's clock at every answer.
pings_start()
{
	# shellcheck disable=SC2016 # expanded by the guest
	guest_do g1 30 '(ping -i 0.1 '"$1"' | while read -r line; do
		read -r up idle < /proc/uptime; echo "$up $line"; done > /tmp/pings) &'
}

# Run in the guest: the longest time between two answers in a row, in milliseconds
longest_gap()
{
	# shellcheck disable=SC2016 # expanded by the guest's awk
	guest_do g1 30 'awk "/seq=/ { if (last && \$1 - last > gap) gap = \$1 - last; last = \$1 }
		END { print int(gap * 1000) }" /tmp/pings'
}

answers()
{
	guest_do g1 30 'grep -c seq= /tmp/pings'
}

answers_exceed()
{
	[ "$(answers)" -gt "$1" ]
}

writes_seen()
{
	wc -l < /run/bed/watched
}

watch_is_set()
{
	[ "$(writes_seen)" = 2 ]
}

# survives SIGNAL ADDRESS SECONDS: g1 pings ADDRESS meanwhile, for which vswitchd is away.
survives()
{
	local id watcher before from start gap
	id=$(domid g1)
	pings_start "$2"
	wait_for 60 answers_exceed 5 || return
	xenstore-watch "/local/domain/$id/device/vif/0/state" "$BACKEND/$id/0/state" \
		> /run/bed/watched &
	watcher=$!
	wait_for 30 watch_is_set || return

	vswitchd_end "$1" || return
	before=$(answers)
	from=$(uptime_ms)
	sleep "$3"
	vswitchd_start || return
	start=$(($(uptime_ms) - from))
	wait_for 60 answers_exceed "$((before + 5))" || return
	kill "$watcher"
	guest_do g1 30 'killall ping'
	gap=$(longest_gap)
	# 2 s beyond the start is what is aimed at; how busy this machine is decides, so no verdict
	echo "longest gap $gap ms: $start ms until vswitchd was up, and $((gap - start)) ms"
}

# A watch fires once when it is set, and then for every write.
states_untouched()
{
	local id front back
	id=$(domid g1)
	front=$(frontend_state "$id" 0)
	back=$(backend_state "$id" 0)
	echo "frontend $front, backend $back, $(($(writes_seen) - 2)) writes"
	[ "$front" = 4 ] && [ "$back" = 4 ] && watch_is_set
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
