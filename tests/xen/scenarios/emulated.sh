# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# The second run of the hotplug script that an HVM guest has, by hand, since emulation has no HVM:
# the NIC that QEMU would emulate for g1 is a veth pair, with a host of g1's MAC at its other end.
# Then the script as "xl devd" of a driver domain would run it.

QEMU=10.9.0.31
MAC=00:16:3e:00:00:01
id=$(domid g1)
emulated=vif$id.0-emu

# script PATH COMMAND...: as libxl runs it
script()
{
	local path=$1
	shift
	env XENBUS_PATH="$path" XENBUS_TYPE=vif XENBUS_BASE_PATH=backend vif="vif$id.0" \
		INTERFACE="$emulated" /etc/xen/scripts/vif-vswitch "$@"
}

nic_make()
{
	ip link add "$emulated" mtu 1400 type veth peer name nic netns qemu address $MAC || return
	ip -n qemu addr add $QEMU/24 dev nic || return
	# With the address that g1 has too, the two would speak about that.
	ip -n qemu link set nic addrgenmode none || return
	ip -n qemu link set nic up
}

nic_pings()
{
	ip netns exec qemu ping -c "$PINGS" -i 0.2 -W 10 "$HOST" | all_answered
}

# port_shown [PATTERN]
port_shown()
{
	vsctl port show | grep "^$emulated .*${1-}"
}

# An address is learnt anew with the first packet, whose answer may still go to the other port.
nic_speaks()
{
	ip netns exec qemu ping -c 1 -W 2 "$HOST"
	nic_pings
}

guest_speaks()
{
	guest_do g1 60 "ping -c 1 -W 2 $HOST"
	guest_pings g1 "$HOST"
}

# The guest boots, its driver takes over, it is reset.
moves()
{
	nic_speaks && guest_speaks && nic_speaks && guest_speaks
}

comes_back()
{
	vswitchd_end KILL && vswitchd_start && wait_for 60 port_shown ' up '
}

# The script cannot do harm where there is nothing left.
removes()
{
	local from
	from=$(uptime_ms)
	script "backend/vif/$id/0" remove type_if=tap || return
	echo "$(($(uptime_ms) - from)) ms"
	not port_shown
}

ip netns add qemu
check emulated.has-a-nic nic_make
check emulated.script-adds-it script "backend/vif/$id/0" add type_if=tap
check emulated.is-a-port wait_for 60 port_shown netdev
check emulated.is-up wait_for 60 port_shown ' up '
check emulated.address-moves moves
check emulated.comes-back-after-a-restart comes_back
# A vif that is connected is announced three times in the second after a restart: it is preferred.
check emulated.still-works wait_for 60 moves
ip link del "$emulated"
check emulated.unplugged-port-goes wait_for 60 not port_shown
check emulated.guest-goes-on guest_pings g1 10.9.0.12
check emulated.script-removes removes
check emulated.plugged-again nic_make
check emulated.script-adds-it-again script "backend/vif/$id/0" add type_if=tap
check emulated.is-up-again wait_for 60 port_shown ' up '
check emulated.works-again nic_speaks
check emulated.script-removes-a-port removes
check emulated.script-removes-nothing removes
ip link del "$emulated"
ip netns del qemu

# Another domain's directory: what the script reads and says is there, and nowhere else.
other=/local/domain/99/backend/vif/$id/0
offline_and_online()
{
	xenstore-write "$other/bridge" xenbr0 "$other/frontend-id" "$id" "$other/handle" 0 || return
	script "$other" offline type_if=vif || return
	guest_does_not_reach g1 "$HOST" || return
	xenstore-write "$BACKEND/$id/0/hotplug-status" untouched || return
	script "$other" online type_if=vif || return
	[ "$(xenstore-read "$other/hotplug-status")" = connected ] || return
	[ "$(xenstore-read "$BACKEND/$id/0/hotplug-status")" = untouched ]
}
check emulated.script-of-a-driver-domain offline_and_online
xenstore-write "$BACKEND/$id/0/hotplug-status" connected
xenstore-rm /local/domain/99
check emulated.goes-on guest_pings g1 "$HOST"
