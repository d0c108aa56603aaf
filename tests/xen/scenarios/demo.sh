# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# The main job, for a reader: guests, the host and a NIC on one bridge, everything done by hand.

# reader_pings WHERE COMMAND...: show a ping as typed in WHERE, and check that all were answered
reader_pings()
{
	local where=$1 status
	shift
	echo "@@SHOW $where \$ ping -c $PINGS $address"
	"$@" > /run/bed/ping 2>&1
	status=$?
	tr -d '\r' < /run/bed/ping | sed '/^$/d; s/^/@@SHOW /'
	check "$where-reaches-$target" test "$status" = 0
}

# pings WHERE TARGET ADDRESS
pings()
{
	local target=$2 address=$3
	case $1 in
	host) reader_pings host ping -c "$PINGS" -i 0.2 -W 10 "$address" ;;
	*) reader_pings "$1" guest_do "$1" 60 "ping -c $PINGS -i 0.2 -W 10 $address" ;;
	esac
}

PINGS=3

step "dom0 is up: starting Xen's tools"
check xen-is-up xen_start || exit 1
check xen-uses-the-script-of-vswitch host_recipe || exit 1
check kernel-netback-is-absent not test -e /sys/bus/xen-backend/drivers/vif

step "Starting vswitchd"
check nic-eth1-exists nic_create || exit 1
check vswitchd-is-ready vswitchd_start || exit 1
show vsctl version

step "A bridge with the NIC eth1 and an interface for the host itself"
show vsctl bridge add xenbr0
show vsctl port add eth1 bridge xenbr0
show vsctl port add xenbr0 bridge xenbr0 type tap
show ip addr add "$HOST/24" dev xenbr0
show ip link set xenbr0 up

step "Two stock Linux guests, by xl and its stock configuration"
guest_config g1 'mac=00:16:3e:00:00:01,bridge=xenbr0' 10.9.0.11/24
guest_config g2 'mac=00:16:3e:00:00:02,bridge=xenbr0' 10.9.0.12/24
show tail -n 1 /etc/xen/xl.conf
show cat /guest/g1.cfg
show xl create /guest/g1.cfg
check xl-creates-g1 test $? = 0
show xl create /guest/g2.cfg
check xl-creates-g2 test $? = 0

step "The guests boot"
check g1-is-up guest_ready g1
check g2-is-up guest_ready g2
show xl list

step "Guest to guest"
pings g1 g2 10.9.0.12
pings g2 g1 10.9.0.11

step "Guest to host"
pings g1 the-host "$HOST"
pings g2 the-host "$HOST"
pings host g1 10.9.0.11

step "Guest to a host beyond the NIC"
pings g1 beyond-the-nic "$BEYOND"
pings g2 beyond-the-nic "$BEYOND"

step "What the switch knows"
show vsctl show
show vsctl vif show
show vsctl fdb show

step "The guests go, vswitchd stops"
show xl destroy g1
show xl destroy g2
check vswitchd-stops vswitchd_end TERM
