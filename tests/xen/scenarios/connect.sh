# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# From nothing to two guests on a bridge with the host and a NIC, all from a config file, xl.conf
# and xl.cfg. One guest names no script, the other Xen's own.

cat > /etc/vswitch/vswitch.conf <<END
[bridge xenbr0]

[port xenbr0]
bridge = xenbr0
type = tap

[port eth1]
bridge = xenbr0
type = netdev
END

check connect.kernel-netback-absent not test -e /sys/bus/xen-backend/drivers/vif
check connect.xen-tools-start xen_start || exit 1
check connect.host-recipe host_recipe || exit 1
check connect.nic-exists nic_create || exit 1
check connect.vswitchd-starts vswitchd_start || exit 1
check connect.host-gets-address host_address || exit 1

guest_config g1 'mac=00:16:3e:00:00:01,bridge=xenbr0' 10.9.0.11/24
guest_config g2 'mac=00:16:3e:00:00:02,bridge=xenbr0,script=vif-bridge' 10.9.0.12/24
xl create /guest/g1.cfg > /run/bed/create.g1 2>&1 &
first=$!
xl create /guest/g2.cfg > /run/bed/create.g2 2>&1 &
second=$!
wait "$first"
check connect.xl-create-g1 test $? = 0 || { cat /run/bed/create.g1; exit 1; }
wait "$second"
check connect.xl-create-g2 test $? = 0 || { cat /run/bed/create.g2; exit 1; }
check connect.g1-boots guest_ready g1 || exit 1
check connect.g2-boots guest_ready g2 || exit 1

# script_is NAME SCRIPT: what xl had in mind for the guest's interface
script_is()
{
	local script
	script=$(xenstore-read "$BACKEND/$(domid "$1")/0/script")
	echo "$script"
	[ "$script" = "/etc/xen/scripts/$2" ]
}
check connect.g1-has-the-default-script script_is g1 vif-vswitch
check connect.g2-has-the-script-it-names script_is g2 vif-bridge

for guest in g1 g2; do
	check "connect.$guest-backend-connected" wait_for 60 backend_is "$(domid $guest)" 0 4
	check "connect.$guest-shown-by-vsctl" vif_shown "$(domid $guest)" 0
	check "connect.$guest-pings-host" guest_pings "$guest" "$HOST"
	check "connect.$guest-pings-beyond-the-nic" guest_pings "$guest" "$BEYOND"
done
check connect.g1-pings-g2 guest_pings g1 10.9.0.12
check connect.g2-pings-g1 guest_pings g2 10.9.0.11
check connect.host-pings-g1 host_pings 10.9.0.11
check connect.beyond-pings-g1 beyond_pings 10.9.0.11
check connect.beyond-pings-host beyond_pings "$HOST"

# top_names NAME: vsctl top knows whose interface it is, and that its rings are there
top_names()
{
	local text
	text=$(vsctl top -j -n 1 -d 1 "vif$(domid "$1").0")
	echo "$text"
	echo "$text" | grep -q "\"domid\":$(domid "$1"),\"guest\":\"$1\",.*\"rx_ring_percent\":[0-9]"
}
check connect.g1-is-named-by-vsctl-top top_names g1
