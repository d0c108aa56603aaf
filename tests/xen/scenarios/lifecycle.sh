# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# What befalls a guest in its life, with the interface of the switch in it all the time: paused,
# renamed, its driver reloaded, saved and restored, rebooted, shut down. A saved, restored or
# rebooted guest is a domain, and so a vif, of a new number.

# guest_back NAME OLD-DOMID: until its successor's interface is connected; remembers the successor
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

# Run in the guest: take its driver from the device, and out of the kernel.
unload='echo vif-0 > /sys/bus/xen/drivers/vif/unbind && rmmod xen_netfront'
rebind='cd /sys/bus/xen/drivers/vif && echo vif-0 > unbind && echo vif-0 > bind'
load='insmod /modules/xen-netfront.ko'
# Run in the guest: the driver is back before its interface is.
address='until ip link set eth0 up; do sleep 0.1; done 2> /dev/null;
	ip addr add 10.9.0.11/24 dev eth0'

id=$(domid g1)

# What is sent to a paused guest waits for it, or is dropped; the others do not notice.
check lifecycle.xl-pause xl pause g1
check lifecycle.others-go-on-beside-a-paused-guest guest_pings g2 "$HOST"
check lifecycle.xl-unpause xl unpause g1
check lifecycle.unpaused-goes-on guest_pings g1 10.9.0.12

check lifecycle.xl-rename xl rename g1 renamed
check lifecycle.renamed-goes-on guest_pings g1 10.9.0.12
check lifecycle.xl-rename-back xl rename renamed g1

check lifecycle.driver-is-unloaded guest_do g1 60 "$unload"
check lifecycle.unloaded-is-closed wait_for 60 backend_is "$id" 0 6
check lifecycle.driver-is-loaded guest_do g1 60 "$load; $address"
check lifecycle.loaded-is-connected wait_for 60 backend_is "$id" 0 4
check lifecycle.loaded-carries-traffic guest_pings g1 10.9.0.12

# The same device again: what a guest sees that boots another kernel by kexec.
check lifecycle.driver-lets-go-and-takes guest_do g1 60 "$rebind; $address"
check lifecycle.rebound-is-connected wait_for 60 backend_is "$id" 0 4
check lifecycle.rebound-carries-traffic guest_pings g1 10.9.0.12

check lifecycle.xl-save xl save g1 /run/bed/saved
check lifecycle.saved-vif-is-gone wait_for 60 vif_gone "$id" 0
check lifecycle.others-go-on-without-it guest_pings g2 "$HOST"
check lifecycle.xl-restore xl restore /run/bed/saved
rm /run/bed/saved
check lifecycle.restored-is-connected guest_back g1 "$id"
check lifecycle.restored-goes-on guest_pings g1 10.9.0.12
check lifecycle.restored-is-reached guest_pings g2 10.9.0.11

id=$(domid g2)
guest_forget g2
check lifecycle.xl-reboot xl reboot g2
check lifecycle.rebooted-boots guest_ready g2
check lifecycle.rebooted-is-connected guest_back g2 "$id"
check lifecycle.rebooted-vif-is-gone wait_for 60 vif_gone "$id" 0
check lifecycle.rebooted-carries-traffic guest_pings g2 10.9.0.11

# Suspended and resumed: it goes on with the connection that it had. Last, since nobody looks after
# the guest any more: Xen's own daemon has ended with the save.
id=$(domid g1)
check lifecycle.xl-save-checkpoint xl save -c g1 /run/bed/saved
rm /run/bed/saved
check lifecycle.resumed-stays-connected backend_is "$id" 0 4
check lifecycle.resumed-goes-on guest_pings g1 10.9.0.12
check lifecycle.resumed-is-reached guest_pings g2 10.9.0.11
