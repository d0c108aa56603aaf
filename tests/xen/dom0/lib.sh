# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# What the scenarios are written with; sourced by dom0's init. The lines that start with @@ are read
# by tests/xen/bed/report.py. Every wait has a bound, and the bounds are generous: an emulated
# machine with its two CPUs wanted elsewhere is five times slower than an idle one.

set -u

LOGS=/var/log/xen/console
BACKEND=/local/domain/0/backend/vif
HOST=10.9.0.1		# on the host's own interface, the tap named as the bridge
BEYOND=10.9.0.2		# on a host of its own beyond the NIC eth1
PINGS=5

# ---- results

note()
{
	echo "@@NOTE $*"
}

step()
{
	echo "@@STEP $*"
}

# Run a command for the reader: itself, then its output. Returns its status.
show()
{
	local status
	echo "@@SHOW \$ $*"
	"$@" > /run/bed/shown 2>&1
	status=$?
	sed 's/^/@@SHOW /' /run/bed/shown
	return "$status"
}

# check NAME COMMAND...: the command's status is the result, and returned; its last line of output
# is the detail.
check()
{
	local name=$1 verdict=ok
	shift
	if ! "$@" > /run/bed/output 2>&1; then
		verdict=FAIL
		: > /run/bed/failed
		echo "--- $name: $*"
		cat /run/bed/output
	fi
	echo "@@CHECK $name $verdict $(tail -n 1 /run/bed/output | tr -d '\r')"
	[ "$verdict" = ok ]
}

# wait_for SECONDS COMMAND...: until the command succeeds; fails when the time is over.
wait_for()
{
	local end=$(($(uptime_s) + $1))
	shift
	until "$@" > /dev/null 2>&1; do
		if [ "$(uptime_s)" -ge "$end" ]; then
			echo "gave up waiting for: $*"
			return 1
		fi
		sleep 0.1
	done
}

not()
{
	! "$@"
}

uptime_s()
{
	cut -d. -f1 /proc/uptime
}

uptime_ms()
{
	sed 's/^\([0-9]*\)\.\([0-9]*\) .*/\1\20/' /proc/uptime
}

# Everything that helps to understand a failure, if there was one.
logs()
{
	local file
	[ -e /run/bed/failed ] || return 0
	for file in /var/log/vswitchd.log "$LOGS"/*.log /var/log/xen/*.log; do
		[ -f "$file" ] || continue
		echo "--- $file"
		tail -n 300 "$file"
	done
	echo "--- xenstore-ls $BACKEND"
	xenstore-ls -f "$BACKEND"
	echo "--- vsctl show"
	vsctl show
	echo "--- dmesg"
	dmesg | tail -n 40
}

# ---- dom0

# xenstored, the toolstack's view of dom0, the guests' consoles.
xen_start()
{
	xenstored --pid-file /run/xen/xenstored.pid || return
	wait_for 60 xenstore-read -s / || return
	xen-init-dom0 || return
	xenconsoled --pid-file=/run/xen/xenconsoled.pid --log=all --log-dir="$LOGS" || return
	wait_for 60 xl list
}

# What README.md has done to Xen on a host: our script is the default, and what vif-bridge means.
host_recipe()
{
	echo 'vif.default.script="vif-vswitch"' >> /etc/xen/xl.conf || return
	ln -s vif-vswitch /etc/xen/scripts/vif-bridge
}

# The NIC is one end of a veth pair; the host beyond it lives in a network namespace.
nic_create()
{
	ip netns add beyond || return
	ip link add eth1 type veth peer name far netns beyond || return
	ip link set eth1 up || return
	ip -n beyond link set lo up || return
	ip -n beyond addr add "$BEYOND/24" dev far || return
	ip -n beyond link set far up || return
	ip netns exec beyond iperf3 -s -D
}

host_address()
{
	ip addr replace "$HOST/24" dev xenbr0 && ip link set xenbr0 up
}

# ---- vswitchd

# In a subshell, so that init inherits it: a child of ours would stay as a zombie when it ends.
vswitchd_start()
{
	(
		vswitchd --foreground >> /var/log/vswitchd.log 2>&1 &
		echo $! > /run/bed/vswitchd.pid
	)
	wait_for 60 vsctl version
}

vswitchd_pid()
{
	cat /run/bed/vswitchd.pid
}

# vswitchd_end SIGNAL
vswitchd_end()
{
	kill "-$1" "$(vswitchd_pid)" || return
	wait_for 60 not test -d "/proc/$(vswitchd_pid)"
}

# What vswitchd has used of a CPU so far.
cpu_ms()
{
	# The fields after the name, which may hold spaces; ticks are 10 ms.
	sed 's/^.*) //' "/proc/$(vswitchd_pid)/stat" | awk '{ print ($12 + $13) * 10 }'
}

# Each thread: the letter of its state, its name, and how often it was put on a CPU so far.
threads()
{
	local task
	for task in "/proc/$(vswitchd_pid)/task"/*; do
		awk '/^Name/ { name = $2 } /^State/ { state = $2 } /ctxt_switches/ { n += $2 }
			END { print state, name, n }' "$task/status"
	done
}

# What a vif costs vswitchd, as one comparable line.
resources()
{
	local pid
	pid=$(vswitchd_pid)
	echo "$(find "/proc/$pid/fd" -type l | wc -l) fds," \
		"$(grep -c gntdev "/proc/$pid/maps") mapped grants," \
		"$(lsevtchn 0 | grep -c Interdomain) event channels"
}

resources_are()
{
	[ "$(resources)" = "$1" ]
}

# ---- guests

# guest_config NAME VIF [ADDRESS/PREFIX]: an xl.cfg as any host would have it.
guest_config()
{
	cat > "/guest/$1.cfg" <<-END
	name = "$1"
	type = "pv"
	kernel = "/guest/vmlinux"
	ramdisk = "/guest/initramfs"
	memory = 128
	vcpus = 1
	extra = "console=hvc0 quiet mitigations=off cryptomgr.notests rdinit=/init addr=${3:-}"
	vif = [ '$2' ]
	on_crash = "destroy"
	END
}

# Wait until a guest takes commands, and remember where.
guest_ready()
{
	wait_for 120 grep -q '%%READY' "$LOGS/guest-$1.log" && guest_found "$1"
}

# The guest is a domain of another number now.
guest_found()
{
	local id
	id=$(xl domid "$1") || return
	xenstore-read "/local/domain/$id/console/tty" > "/run/bed/$1.tty" || return
	echo "$id" > "/run/bed/$1.domid"
}

# Let guest_ready wait for the next time that the guest says it.
guest_forget()
{
	: > "$LOGS/guest-$1.log"
}

domid()
{
	cat "/run/bed/$1.domid"
}

# guest_do NAME SECONDS COMMAND: run in the guest, by its console. Output and status are its own.
guest_do()
{
	local token log=$LOGS/guest-$1.log
	token=$(cat /proc/sys/kernel/random/uuid)
	guest_write "$1" "$token $3"
	wait_for "$2" grep -q "%%DONE $token" "$log" || return
	tr -d '\r' < "$log" | sed -n "/%%BEGIN $token/,/%%DONE $token/p" > /run/bed/said
	sed '1d;$d' /run/bed/said
	return "$(sed -n "s/^%%DONE $token //p" /run/bed/said)"
}

# guest_tell NAME COMMAND: the same for a command that will not come back.
guest_tell()
{
	guest_write "$1" "untold $2"
}

# guest_write NAME TEXT: one line to the guest's console
guest_write()
{
	echo "$(echo "$2" | tr '\n' ' ')" > "$(cat "/run/bed/$1.tty")"
}

guest_gone()
{
	not xl domid "$1"
}

# backend_state DOMID DEVID
backend_state()
{
	xenstore-read "$BACKEND/$1/$2/state"
}

backend_is()
{
	[ "$(backend_state "$1" "$2")" = "$3" ]
}

frontend_state()
{
	xenstore-read "/local/domain/$1/device/vif/$2/state"
}

vif_shown()
{
	vsctl vif show | grep -q "vif$1\\.$2\\>"
}

# Neither xenstore nor vswitchd knows the vif any more.
vif_gone()
{
	not xenstore-exists "$BACKEND/$1/$2" && not vif_shown "$1" "$2"
}

# ---- traffic: each prints one line that says how it went

# all_answered: reads ping's output
all_answered()
{
	pings_lost 0
}

none_answered()
{
	pings_lost 100
}

# pings_lost PERCENT
pings_lost()
{
	local summary
	summary=$(grep 'packets transmitted')
	echo "$summary"
	case $summary in
	*", $1% packet loss"*) return 0 ;;
	*) return 1 ;;
	esac
}

# guest_pings NAME ADDRESS
guest_pings()
{
	guest_do "$1" 60 "ping -c $PINGS -i 0.2 -W 10 $2" | all_answered
}

# guest_does_not_reach NAME ADDRESS
guest_does_not_reach()
{
	guest_do "$1" 60 "ping -c 2 -i 0.5 -W 2 $2" | none_answered
}

# beyond_pings ADDRESS, host_pings ADDRESS
beyond_pings()
{
	ip netns exec beyond ping -c "$PINGS" -i 0.2 -W 10 "$1" | all_answered
}

host_pings()
{
	ping -c "$PINGS" -i 0.2 -W 10 "$1" | all_answered
}

# received_rate: reads iperf3's output; at least 1 Mbit/s must have arrived. With lost GSO packets
# or broken checksums, TCP creeps by retransmission and stays far below.
received_rate()
{
	awk '/receiver/ {
		for (i = 1; i < NF; i++)
			if ($(i + 1) == "Mbits/sec") { rate = $i; seen = 1 }
	}
	{ last = $0 }
	END { if (seen) print rate " Mbit/s"; else print last; exit !(rate >= 1) }'
}

# iperf NAME-OF-GUEST|host|beyond ADDRESS [OPTION...]
iperf()
{
	local from=$1 command
	shift
	command="iperf3 -t 2 -f m --connect-timeout 20000 -c $*"
	# shellcheck disable=SC2086 # words on purpose
	case $from in
	host) timeout 60 $command ;;
	beyond) timeout 60 ip netns exec beyond $command ;;
	*) guest_do "$from" 60 "$command" ;;
	esac 2>&1 | received_rate
}

# ---- gaps: g1 talks while vswitchd is away

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

pings_end()
{
	guest_do g1 30 'killall ping'
}

# states_watch DOMID: note every write to the states of its interface, until the watcher is killed
states_watch()
{
	xenstore-watch "/local/domain/$1/device/vif/0/state" "$BACKEND/$1/0/state" \
		> /run/bed/watched &
	echo $! > /run/bed/watcher
	wait_for 30 watch_is_set
}

# A watch fires once when it is set, and then for every write: there was none.
states_untouched()
{
	local id front back
	id=$(domid g1)
	front=$(frontend_state "$id" 0)
	back=$(backend_state "$id" 0)
	echo "frontend $front, backend $back, $(($(writes_seen) - 2)) writes"
	[ "$front" = 4 ] && [ "$back" = 4 ] && watch_is_set
}
