# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# A scenario of the Xen bed (tests/xen): iperf3 between guests and the host, through vswitchd and
# through the kernel's xen-netback with a Linux bridge in turns. Says "@@NOTE bench KEY=VALUE..."
# for tests/bench/xen.py to read.
#
# The guests boot once, without interfaces; each program gives them new ones. The host's side is an
# interface named xenbr0 both times: vswitchd's tap, or the bridge itself.

# shellcheck source=/dev/null # made by tests/bench/xen.py: PROGRAMS, ROUNDS, RUN_SECONDS, MTUS, COUNT
. /etc/bench.env

TRACING=/sys/kernel/tracing
G1=10.9.0.11
G2=10.9.0.12
SETTLE=1	# between two runs: what is left of the one before is not to count in the next

# What is counted in dom0's kernel, where a program makes it run: functions by module.
PROBES='xen_gntdev:gntdev_ioctl xen_evtchn:evtchn_ioctl xen_evtchn:evtchn_read
	xen_evtchn:evtchn_write gnttab_batch_copy gnttab_map_refs notify_remote_via_irq
	xen_netback:xenvif_tx_action xen_netback:xenvif_rx_skb'
# Xen's trace classes: entries of PV guests (hypercalls), changes of who runs
TRACE_EVENTS=0x00221000

# ---- programs

vswitchd_up()
{
	cat > /etc/vswitch/vswitch.conf <<-CONFIG
	[bridge xenbr0]

	[port xenbr0]
	bridge = xenbr0
	type = tap
	CONFIG
	vswitchd_start
}

vswitchd_down()
{
	vswitchd_end TERM || return
	ip link del xenbr0 2> /dev/null
	wait_for 20 not test -e /sys/class/net/xenbr0
}

kernel_up()
{
	insmod /modules/xen-netback.ko || return
	ip link add xenbr0 type bridge
}

kernel_down()
{
	ip link del xenbr0 && rmmod xen-netback &&
		wait_for 20 not test -e /sys/bus/xen-backend/drivers/vif
}

# What Xen's own vif-bridge does with a guest's interface, as far as a bridge is concerned.
kernel_script()
{
	cat > /etc/xen/scripts/vif-kernel <<-'SCRIPT'
	#!/bin/sh
	if [ "$1" = online ]; then
		ip link set "$vif" multicast off arp off address fe:ff:ff:ff:ff:ff &&
			ip link set "$vif" master xenbr0 up &&
			xenstore-write "$XENBUS_PATH/hotplug-status" connected
	fi
	SCRIPT
	chmod 755 /etc/xen/scripts/vif-kernel
}

script_of()
{
	case $1 in
	kernel) echo vif-kernel ;;
	*) echo vif-vswitch ;;
	esac
}

# attach PROGRAM GUEST NUMBER: an interface, up, and with its address
attach()
{
	xl network-attach "$2" "mac=00:16:3e:00:00:0$3" bridge=xenbr0 "script=$(script_of "$1")" ||
		return
	wait_for 60 backend_is "$(domid "$2")" 0 4 || return
	guest_do "$2" 60 "until ip link set eth0 up; do sleep 0.1; done;
		ip addr replace 10.9.0.1$3/24 dev eth0"
}

detach()
{
	xl network-detach "$1" 0 && wait_for 30 not xenstore-exists "$BACKEND/$(domid "$1")/0"
}

host_up()
{
	ip addr replace "$HOST/24" dev xenbr0 && ip link set xenbr0 up
}

# mtu_set PROGRAM MTU: everywhere
mtu_set()
{
	local guest
	for guest in g1 g2; do
		case $1 in
		kernel) ip link set "vif$(domid $guest).0" mtu "$2" ;;
		*) vsctl port set "vif$(domid $guest).0" mtu "$2" ;;
		esac || return
		guest_do $guest 60 "ip link set eth0 mtu $2" || return
	done
	ip link set xenbr0 mtu "$2" && ping -c 3 -i 0.2 -W 10 -s $(($2 - 28)) "$G1" | all_answered
}

program_start()
{
	"$1_up" && host_up && attach "$1" g1 1 && attach "$1" g2 2 &&
		wait_for 60 ping -c 1 -W 1 "$G1" && wait_for 60 ping -c 1 -W 1 "$G2"
}

program_stop()
{
	detach g1 && detach g2 && "$1_down"
}

# ---- counting

counting_start()
{
	local probe
	mount -t tracefs tracefs "$TRACING" || return
	# hits are counted without being recorded
	echo 0 > "$TRACING/tracing_on"
}

# Probes in modules go with them, so that they can be unloaded.
probes_set()
{
	local probe
	for probe in $PROBES; do
		echo "p:bench/${probe#*:} $probe" >> "$TRACING/kprobe_events" || continue
		echo 1 > "$TRACING/events/bench/${probe#*:}/enable"
	done 2> /dev/null
}

probes_clear()
{
	echo 0 > "$TRACING/events/bench/enable"
	: > "$TRACING/kprobe_events"
}

vif_counters()
{
	vsctl -j vif show 2> /dev/null | sed 's/[,{}]/\n/g' |
		sed -n 's/^ *"\([rt]x_[a-z]*\|copies\|copy_calls\|notifies\)": *\([0-9]*\)$/vif.\1 \2/p'
	vsctl -j stats show 2> /dev/null | sed 's/[,{}]/\n/g' |
		sed -n 's/^ *"\(tx_full\|mtu_exceeded\|no_buffer\)": *\([0-9]*\)$/drop.\1 \2/p'
}

guest_counters()
{
	guest_do "$1" 60 'cat /proc/interrupts /proc/net/dev /proc/net/snmp' | awk -v "guest=$1" '
		/eth0-q0/ { print guest ".irq." $NF, $2 }
		/eth0:/ { sub(/.*eth0:/, ""); print guest ".rx_packets", $2; print guest ".rx_bytes", $1
			print guest ".tx_packets", $10; print guest ".tx_bytes", $9
			print guest ".tx_dropped", $12 }
		/^Tcp: [0-9]/ { print guest ".tcp_out", $12; print guest ".tcp_retransmitted", $13 }'
}

host_counters()
{
	awk '/vif[0-9]|evtchn:vswitchd/ { n += $2 + $3 } END { print "host.irq", n + 0 }' \
		/proc/interrupts
	awk '/^Tcp: [0-9]/ { print "host.tcp_out", $12; print "host.tcp_retransmitted", $13 }' \
		/proc/net/snmp
	awk '/xenbr0:/ { sub(/.*xenbr0:/, ""); print "host.rx_packets", $2
		print "host.tx_packets", $10; print "host.tx_dropped", $12
		print "host.rx_bytes", $1; print "host.tx_bytes", $9 }
		/vif[0-9.]*:/ { sub(/.*:/, ""); print "netdev.tx_dropped", $12 }' /proc/net/dev
	[ -z "$COUNT" ] || awk '{ print "probe." $1, $2 }' "$TRACING/kprobe_profile"
	# tenths of a second of a CPU that each domain has had
	xl list | awk 'NR > 1 { print "cpu_100ms." $1, $NF * 10 }'
}

counters()
{
	host_counters
	vif_counters
	guest_counters g1
	guest_counters g2
}

# difference BEFORE AFTER: " KEY=VALUE" for each counter that moved; lines of the same key add up
difference()
{
	awk 'FNR == 1 { file++ }
		{ if (file == 1) n[$1] -= $2; else n[$1] += $2 }
		END { for (key in n) if (n[key] != 0) printf " %s=%.0f", key, n[key] }' "$1" "$2"
}

# ---- runs

# iperf3's last words: the two sums, of which the sender's has retransmissions
iperf_result()
{
	awk '/sender/ { for (i = 1; i < NF; i++) if ($(i + 1) == "Mbits/sec") sent = $i
			retransmitted = $(NF - 1) }
		/receiver/ { for (i = 1; i < NF; i++) {
			if ($(i + 1) == "Mbits/sec") rate = $i
			if ($(i + 1) == "MBytes") bytes = $i } }
		{ last = $0 }
		END { if (rate == "") { print "error: " last; exit 1 }
			print "mbit_s=" rate " mbytes=" bytes " retransmits=" retransmitted }'
}

# run_iperf FROM ADDRESS [OPTION...]
run_iperf()
{
	local from=$1 command
	shift
	command="iperf3 -t $RUN_SECONDS -f m --connect-timeout 20000 -c $*"
	# shellcheck disable=SC2086 # words on purpose
	case $from in
	host) timeout 120 $command ;;
	*)
		# not guest_do for all of it: looking for its end takes CPU time from what is measured
		guest_do "$from" 60 "($command; echo over) > /tmp/iperf 2>&1 &" || return
		sleep $((RUN_SECONDS + 1))
		guest_do "$from" 120 'until grep -q ^over /tmp/iperf; do sleep 0.2; done; cat /tmp/iperf'
		;;
	esac 2>&1 | iperf_result
}

trace_start()
{
	xentrace -D -e "$TRACE_EVENTS" -S 512 /run/bed/trace > /run/bed/xentrace.log 2>&1 &
	tracer=$!
	wait_for 20 test -s /run/bed/trace
}

trace_stop()
{
	kill -INT "$tracer"
	wait "$tracer"
	xen_hypercalls < /run/bed/trace | sed "s/\.d$(domid g1)\./.g1./; s/\.d$(domid g2)\./.g2./"
	ls -l /run/bed/trace >> /run/bed/xentrace.log
	rm /run/bed/trace
}

# run PROGRAM ROUND MTU PATH FROM ADDRESS [OPTION...]
run()
{
	local about="program=$1 round=$2 mtu=$3 path=$4" result
	shift 4
	sleep "$SETTLE"
	counters > /run/bed/before
	: > /run/bed/hypercalls
	[ -z "$COUNT" ] || trace_start || return
	result=$(run_iperf "$@") || { echo "$result"; result=failed=1; }
	[ -z "$COUNT" ] || trace_stop > /run/bed/hypercalls
	sleep "$SETTLE"
	counters > /run/bed/after
	cat /run/bed/hypercalls >> /run/bed/after
	note "bench $about $result$(difference /run/bed/before /run/bed/after)"
}

# program_round PROGRAM ROUND
program_round()
{
	local mtu
	check "$1-starts-$2" program_start "$1" || exit 1
	[ "$1" = kernel ] || { vsctl vif show; grep 'packet buffers\|not granted' /var/log/vswitchd.log; }
	[ -z "$COUNT" ] || probes_set
	for mtu in $MTUS; do
		check "$1-mtu-$mtu-$2" mtu_set "$1" "$mtu" || exit 1
		run "$1" "$2" "$mtu" host-guest host "$G1"
		run "$1" "$2" "$mtu" guest-host host "$G1" -R
		run "$1" "$2" "$mtu" guest-guest g1 "$G2"
		run "$1" "$2" "$mtu" guest-guest-reverse g1 "$G2" -R
	done
	[ "$1" = kernel ] || vsctl stats show
	[ -z "$COUNT" ] || probes_clear
	check "$1-stops-$2" program_stop "$1" || exit 1
}

guest_start()
{
	guest_config "$1" '' && sed -i '/^vif/d' "/guest/$1.cfg" && xl create "/guest/$1.cfg" &&
		guest_ready "$1"
}

for module in llc stp bridge; do
	insmod "/modules/$module.ko"
done
check xen-tools-start xen_start || exit 1
check kernel-script kernel_script
check g1-boots guest_start g1 || exit 1
check g2-boots guest_start g2 || exit 1
[ -z "$COUNT" ] || check counting-starts counting_start || exit 1

round=1
while [ "$round" -le "$ROUNDS" ]; do
	for program in $PROGRAMS; do
		program_round "$program" "$round"
	done
	round=$((round + 1))
done
