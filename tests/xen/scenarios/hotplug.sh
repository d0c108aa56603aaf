# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# Interfaces that come and go while the guest runs, and one that must not come.

MAC=00:16:3e:00:01:01
CYCLES=10
id=$(domid g1)

attach()
{
	xl network-attach g1 mac=$MAC bridge=xenbr0 && wait_for 60 backend_is "$id" 1 4
}

detach()
{
	xl network-detach g1 1 && wait_for 60 vif_gone "$id" 1
}

check hotplug.attach attach
check hotplug.guest-has-eth1 wait_for 60 guest_do g1 20 \
	'ip addr add 10.9.2.11/24 dev eth1 && ip link set eth1 up'
ip addr add 10.9.2.1/24 dev xenbr0
check hotplug.attached-carries-traffic guest_pings g1 10.9.2.1
check hotplug.detach detach
check hotplug.first-goes-on guest_pings g1 "$HOST"

cycles()
{
	local before left=$CYCLES
	before=$(resources)
	while [ "$left" -gt 0 ]; do
		attach || return
		detach || return
		left=$((left - 1))
	done
	# What a port leaves behind is freed a moment after it is gone.
	if ! wait_for 30 resources_are "$before"; then
		echo "before $before, now $(resources)"
		return 1
	fi
	echo "$CYCLES times; before and after $before"
}
check hotplug.cycles-leak-nothing cycles

# Record every state that a vif's backend is seen in, until /run/bed/watching is removed.
watch_backend()
{
	while [ -e /run/bed/watching ]; do
		backend_state "$1" "$2"
	done 2> /dev/null | uniq > /run/bed/states
}

: > /run/bed/watching
watch_backend "$id" 1 &
watcher=$!
xl network-attach g1 mac=$MAC bridge=nosuch > /run/bed/nosuch 2>&1
status=$?
rm /run/bed/watching
wait "$watcher"
check hotplug.missing-bridge-fails test "$status" != 0
check hotplug.missing-bridge-is-told grep 'nosuch' /run/bed/nosuch
check hotplug.missing-bridge-is-seen grep 2 /run/bed/states
check hotplug.missing-bridge-never-connects not grep 4 /run/bed/states
# xl leaves what it could not finish, as it does with Xen's own script; detaching takes it away.
check hotplug.missing-bridge-is-detached detach

guest_config g4 'mac=00:16:3e:00:00:04,bridge=nosuch'
xl create /guest/g4.cfg > /run/bed/nosuch 2>&1
status=$?
check hotplug.create-on-missing-bridge-fails test "$status" != 0
check hotplug.create-on-missing-bridge-is-told grep 'nosuch' /run/bed/nosuch
check hotplug.create-on-missing-bridge-leaves-no-guest wait_for 60 guest_gone g4
check hotplug.others-go-on guest_pings g1 "$HOST"
