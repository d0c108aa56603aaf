# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# Guests that Xen's other two scripts attach, by the names that xl.cfg files have: vif-route, with an
# address of the LAN, and vif-nat, with nothing said of it. The bridge of the other guests is the
# LAN, on which the router has an address.

ROUTER=10.9.0.254
ROUTED=10.9.0.50
ATTACHED=10.8.0.61
MAC=00:16:3e:00:01:05

# The router comes with the file, as it would on a host.
router_starts()
{
	cp /etc/vswitch/vswitch.conf /run/bed/vswitch.conf || return
	cat >> /etc/vswitch/vswitch.conf <<-END || return

	[addr $ROUTER/24]
	bridge = xenbr0

	[nat host]
	masquerade = xenbr0
	END
	ln -s vif-vswitch-route /etc/xen/scripts/vif-route || return
	ln -s vif-vswitch-nat /etc/xen/scripts/vif-nat || return
	vswitchd_end TERM && vswitchd_start && wait_for 60 vsctl addr show && host_pings "$ROUTER"
}

# guest_is_at NAME ADDRESS GATEWAY: one address, and a way out
guest_is_at()
{
	guest_do "$1" 60 "ip addr flush dev eth0; ip link set eth0 up; ip addr add $2/32 dev eth0;
		ip route add $3 dev eth0; ip route add default via $3"
}

# nat_address NAME LAST-BYTE: what vif-nat gives the guest's first interface
nat_address()
{
	local id
	id=$(domid "$1")
	echo "10.$((id / 256)).$((id % 256)).$2"
}

# mode_is NAME MODE IP
mode_is()
{
	vsctl vif show | grep "^vif$(domid "$1")\\.0 " | grep " $2 " | grep -F " $3 "
}

route_shown()
{
	vsctl route show | grep -F "$1/32"
}

check routed.router-on-the-bridge router_starts || exit 1
guest_config g5 "mac=00:16:3e:00:00:05,script=vif-route,ip=$ROUTED,gatewaydev=xenbr0"
guest_config g6 'mac=00:16:3e:00:00:06,script=vif-nat'
check routed.xl-create-g5 xl create /guest/g5.cfg || exit 1
check routed.xl-create-g6 xl create /guest/g6.cfg || exit 1
check routed.g5-boots guest_ready g5 || exit 1
check routed.g6-boots guest_ready g6 || exit 1
check routed.g5-is-routed mode_is g5 route "$ROUTED"
natted=$(nat_address g6 1)
check routed.g6-is-behind-nat mode_is g6 nat "$natted"
check routed.g5-gets-its-address guest_is_at g5 "$ROUTED" "$ROUTER"
check routed.g6-gets-its-address guest_is_at g6 "$natted" "$(nat_address g6 128)"

# speak NAME ADDRESS: on a busy emulated machine it takes longer to find a station anew than a few
# packets a second can wait for, so one goes ahead.
speak()
{
	guest_do "$1" 60 "ping -c 1 -W 10 $2"
	guest_pings "$1" "$2"
}

everybody_speaks()
{
	speak g5 "$HOST" && speak g5 "$BEYOND" && speak g5 10.9.0.11 && speak g5 "$natted" &&
		speak g6 "$ROUTED" && speak g6 "$BEYOND" && host_pings "$ROUTED" &&
		beyond_pings "$ROUTED"
}
check routed.g5-pings-host guest_pings g5 "$HOST"
check routed.g5-pings-beyond-the-nic guest_pings g5 "$BEYOND"
check routed.g5-pings-a-bridged-guest guest_pings g5 10.9.0.11
check routed.g5-pings-g6 guest_pings g5 "$natted"
check routed.g6-pings-its-gateway guest_pings g6 "$(nat_address g6 128)"
check routed.g6-pings-g5 guest_pings g6 "$ROUTED"
check routed.g6-pings-host guest_pings g6 "$HOST"
check routed.g6-pings-beyond-the-nic guest_pings g6 "$BEYOND"
check routed.host-pings-g5 host_pings "$ROUTED"
check routed.beyond-pings-g5 beyond_pings "$ROUTED"
check routed.g5-gets-tcp iperf beyond "$ROUTED"
check routed.g5-sends-tcp iperf g5 "$BEYOND"
check routed.g6-sends-tcp iperf g6 "$BEYOND"
session_shown()
{
	vsctl nat sessions | grep -F "$natted" | grep -F "$ROUTER"
}
check routed.g6-has-sessions session_shown

# Another's address: no answer, and the reason is counted.
spoofs()
{
	guest_do g5 60 'ip addr add 10.9.0.99/32 dev eth0' || return
	guest_do g5 60 "ping -I 10.9.0.99 -c 2 -i 0.5 -W 2 $HOST" | none_answered || return
	guest_do g5 60 'ip addr del 10.9.0.99/32 dev eth0' || return
	vsctl -j stats show "vif$(domid g5).0" | grep '"spoofed_source": *[1-9]'
}
check routed.foreign-source-is-dropped spoofs
check routed.g5-goes-on guest_pings g5 "$BEYOND"

# An interface that comes and goes.
attach()
{
	xl network-attach g1 mac=$MAC script=vif-route "ip=$ATTACHED" gatewaydev=xenbr0 &&
		wait_for 60 backend_is "$id" 1 4
}
id=$(domid g1)
check routed.attach attach
check routed.attached-is-routed-to route_shown "$ATTACHED"
check routed.attached-has-its-address wait_for 60 guest_do g1 20 "ip addr add $ATTACHED/32 dev eth1 &&
	ip link set eth1 up && ip route add $natted dev eth1 src $ATTACHED"
check routed.attached-carries-traffic guest_pings g1 "$natted"
check routed.detach xl network-detach g1 1
check routed.detached-is-gone wait_for 60 vif_gone "$id" 1
check routed.detached-is-routed-to-no-more not route_shown "$ATTACHED"
check routed.first-goes-on guest_pings g1 "$HOST"

# What cannot be is told, and never connects.
not_created()
{
	guest_config g7 "$1"
	not xl create /guest/g7.cfg > /run/bed/not 2>&1 && cat /run/bed/not && grep "$2" /run/bed/not &&
		wait_for 60 guest_gone g7
}
check routed.second-with-the-address-is-refused not_created \
	"mac=00:16:3e:00:00:07,script=vif-route,ip=$ROUTED,gatewaydev=xenbr0" 'has it'
check routed.missing-gatewaydev-is-told not_created \
	'mac=00:16:3e:00:00:07,script=vif-route,ip=10.9.0.51,gatewaydev=nosuch' 'gatewaydev=nosuch'

restarts()
{
	vswitchd_end "$1" && vswitchd_start && everybody_speaks
}
check routed.goes-on-after-a-kill restarts KILL
check routed.goes-on-after-a-stop restarts TERM
check routed.g5-is-still-routed mode_is g5 route "$ROUTED"

# guest_back NAME OLD-DOMID
guest_back()
{
	wait_for 120 is_another "$1" "$2" || return
	guest_found "$1" || return
	wait_for 60 backend_is "$(domid "$1")" 0 4
}
is_another()
{
	[ "$(xl domid "$1")" -ne "$2" ]
}

id=$(domid g5)
guest_forget g5
check routed.xl-reboot xl reboot g5
check routed.rebooted-boots guest_ready g5
check routed.rebooted-is-connected guest_back g5 "$id"
check routed.rebooted-is-routed mode_is g5 route "$ROUTED"
check routed.rebooted-gets-its-address guest_is_at g5 "$ROUTED" "$ROUTER"
check routed.rebooted-carries-traffic guest_pings g5 "$BEYOND"

id=$(domid g5)
check routed.xl-save xl save g5 /run/bed/saved
check routed.saved-is-routed-to-no-more not route_shown "$ROUTED"
check routed.xl-restore xl restore /run/bed/saved
rm /run/bed/saved
check routed.restored-is-connected guest_back g5 "$id"
check routed.restored-goes-on guest_pings g5 "$BEYOND"
check routed.restored-is-reached beyond_pings "$ROUTED"

# As it was, for the scenarios that follow.
leave()
{
	xl destroy g5 && xl destroy g6 && wait_for 60 guest_gone g5 && wait_for 60 guest_gone g6 &&
		cp /run/bed/vswitch.conf /etc/vswitch/vswitch.conf &&
		vsctl nat del host && vsctl addr del "$ROUTER/24" && not route_shown "$ROUTED"
}
check routed.leaves-nothing leave
check routed.others-go-on guest_pings g1 "$HOST"
