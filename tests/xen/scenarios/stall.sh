# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# A guest that is paused takes nothing. Health, drops and explain say which one, and why.

# No ARP: the host goes on sending to it.
stall_begins()
{
	xl pause g1 && ip neigh replace 10.9.0.11 lladdr 00:16:3e:00:00:01 dev xenbr0 nud permanent
}

# stall_named COMMAND...: it says so, while there is traffic for the guest
stall_named()
{
	local words=$1
	shift
	ping -q -c 400 -i 0.005 10.9.0.11 > /run/bed/pings
	"$@" | tr -s ' \n' ' ' > /run/bed/says
	grep -oE "$words" /run/bed/says || { cat /run/bed/says; return 1; }
}

stall_over()
{
	vsctl health > /run/bed/says
	cat /run/bed/says
	not grep -q '(ring)' /run/bed/says
}

vif=vif$(domid g1).0
check stall.guest-is-paused stall_begins
check stall.health-names-it wait_for 120 stall_named \
	"error: $vif \(ring\) its guest has stalled: it has given no buffers" vsctl health
check stall.health-says-what-to-do stall_named \
	"is domain $(domid g1) paused, hung, or at 100 % CPU\?" vsctl health
check stall.drops-names-it stall_named \
	"Here: the guest of port $vif, domain $(domid g1) g1, gives no buffers now" vsctl drops "$vif"
check stall.explain-names-it stall_named "room the guest of port $vif, .* gives no buffers now" \
	vsctl explain xenbr0 "icmp $HOST -> 10.9.0.11 to 00:16:3e:00:00:01"
xl unpause g1
ip neigh del 10.9.0.11 dev xenbr0
check stall.goes-on-when-unpaused guest_pings g1 "$HOST"
check stall.host-pings-it host_pings 10.9.0.11
check stall.health-is-silent-then wait_for 60 stall_over
