# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# A guest with two vCPUs, and so two queues, on a switch with two workers: what it sends and gets is
# spread over both. It keeps its queues when the switch comes back with one worker.

STREAMS=16	# flows that are spread by hash: all in one queue is one case in 2^15

# set_workers NUMBER: by a restart
set_workers()
{
	sed -i -e '/^\[vswitchd\]$/d' -e '/^workers/d' /etc/vswitch/vswitch.conf || return
	sed -i "1i [vswitchd]\nworkers = $1" /etc/vswitch/vswitch.conf || return
	vswitchd_end TERM || return
	vswitchd_start || return
	wait_for 60 backend_is "$(domid g1)" 0 4 || return
	[ "$(worker_packets | wc -l)" = "$1" ]
}

# What each worker has received so far, one line each.
worker_packets()
{
	vsctl -j worker show | grep -oE '"rx_packets": *[0-9]+' | grep -oE '[0-9]+$'
}

# Run in the guest: events of each queue so far, "q0 q1".
queue_events()
{
	# shellcheck disable=SC2016 # expanded by the guest's awk
	guest_do g6 30 'awk "/vif0-q0/ { a += \$2 + \$3 } /vif0-q1/ { b += \$2 + \$3 }
		END { print a + 0, b + 0 }" /proc/interrupts'
}

# spread OPTION...: iperf between the guest and beyond the NIC, over both queues; and what the guest
# sends over both workers. What it gets is any worker's to put into any queue.
spread()
{
	local workers queues rate is_sending=yes
	[ $# = 0 ] || is_sending=no
	workers=$(worker_packets | tr '\n' ' ')
	queues=$(queue_events) || return
	rate=$(iperf g6 "$BEYOND" -P "$STREAMS" "$@") || { echo "$rate"; return 1; }
	# shellcheck disable=SC2046,SC2086 # words on purpose
	parts "$rate" $workers $(worker_packets) $queues $(queue_events)
}

# parts TEXT BEFORE BEFORE AFTER AFTER ...: of workers, then of queues; for spread
parts()
{
	local a=$(($4 - $2)) b=$(($5 - $3)) c=$(($8 - $6)) d=$(($9 - $7))
	echo "$1, packets of workers $a + $b, events of queues $c + $d"
	is_shared "$c" "$d" || return
	[ "$is_sending" = no ] || is_shared "$a" "$b"
}

# Neither has less than a twentieth.
is_shared()
{
	[ $(($1 * 20)) -gt "$2" ] && [ $(($2 * 20)) -gt "$1" ]
}

has_two_queues()
{
	local id
	id=$(domid g6)
	[ "$(xenstore-read "/local/domain/$id/device/vif/0/multi-queue-num-queues")" = 2 ] || return
	vsctl -j vif show "vif$id.0" | grep -E '"queues": *2\b'
}

check queues.two-workers set_workers 2
check queues.guests-with-one-go-on guest_pings g1 "$HOST"
guest_config g6 'mac=00:16:3e:00:00:06,bridge=xenbr0' 10.9.0.16/24
sed -i 's/^vcpus.*/vcpus = 2/' /guest/g6.cfg
check queues.xl-create xl create /guest/g6.cfg
check queues.boots guest_ready g6
check queues.is-connected wait_for 60 backend_is "$(domid g6)" 0 4
check queues.has-two has_two_queues
check queues.sends-over-both spread
check queues.receives-over-both spread -R

check queues.one-worker set_workers 1
check queues.keeps-two wait_for 60 has_two_queues
check queues.goes-on-sending iperf g6 "$BEYOND" -P "$STREAMS"
check queues.goes-on-receiving iperf g6 "$BEYOND" -P "$STREAMS" -R
check queues.pings-g1 guest_pings g6 10.9.0.11

id=$(domid g6)
check queues.xl-destroy xl destroy g6
check queues.vif-is-gone wait_for 60 vif_gone "$id" 0
