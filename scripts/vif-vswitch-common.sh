# shellcheck shell=sh
# SPDX-License-Identifier: BSD-3-Clause
#
# vif-vswitch-common.sh - what vif-bridge, vif-route and vif-nat of vswitchd share
#
# Read by them, and beside them wherever they are. libxl runs such a script as
#
#   SCRIPT online|offline type_if=vif
#	the guest's own interface, vifD.V
#   SCRIPT add|remove type_if=tap
#	QEMU's emulated one beside it, vifD.V-emu: a tap of the kernel, which becomes a netdev port
#
# with XENBUS_PATH (the device's backend folder in xenstore), vif and, for the second kind,
# INTERFACE in the environment. What xl.cfg said is in that folder. The answer goes there too:
# hotplug-status=connected lets the backend connect the guest, and on a failure xl prints
# hotplug-error. Taking an interface off never fails, as in Xen's own scripts: it may have gone with
# its guest or with vswitchd.
#
# As long as the kernel's xen-netback is the backend, which is so when vswitch has been installed beside
# guests that run, it is left to Xen's own script if that has been put aside as NAME.xen.
#
# A script defines read_settings, which reads what it needs from the folder, and attach PORT
# [KEY VALUE], which calls port_add; then it calls vif_main "$@".

# After what the caller has, because libxl may have been started with a bare PATH.
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH

# What xl.cfg says is text, never a pattern of file names.
set -f

fatal()
{
	echo "${0##*/}: $*" >&2
	if [ -n "$XENBUS_PATH" ]; then
		xenstore-write "$XENBUS_PATH/hotplug-error" "${0##*/}: $*" \
			"$XENBUS_PATH/hotplug-status" error
	fi
	exit 1
}

# read_key NAME: a key of the backend folder, empty if it is not there
read_key()
{
	xenstore-read "$XENBUS_PATH/$1" 2> /dev/null
}

# is_number TEXT MIN MAX
is_number()
{
	case $1 in
	'' | *[!0-9]* | 0?* | ??????*) return 1 ;;
	esac
	[ "$1" -ge "$2" ] && [ "$1" -le "$3" ]
}

# objects WORD...: what vsctl shows, one object per line, of which field NAME is a member.
objects()
{
	vsctl -j "$@" 2> /dev/null | tr -d '\n' | tr '{' '\n'
	echo
}

# field NAME: a member that is text, of each object that has it
field()
{
	sed -n 's/^.*"'"$1"'" *: *"\([^"]*\)".*$/\1/p'
}

# The guest's addresses with commas, empty if there are none.
read_ips()
{
	read_key ip | tr -s ' \t\n,' , | sed 's/^,//; s/,$//'
}

# Read $mtu, which is there only if it is not 1500.
read_mtu()
{
	mtu=$(read_key mtu)
	if [ -n "$mtu" ]; then
		is_number "$mtu" 68 65535 || fatal "mtu=$mtu is not a number from 68 to 65535"
	fi
}

# Tell the guest about its MTU. The node is found by domain and handle, since an interface's name
# may be the user's choice (vifname=); it is ours to write although it is in the guest's folder.
tell_mtu()
{
	[ -n "$mtu" ] || return 0
	frontend_id=$(read_key frontend-id)
	handle=$(read_key handle)
	xenstore-write "/local/domain/$frontend_id/device/vif/$handle/mtu" "$mtu" ||
		fatal "cannot tell the guest its mtu $mtu"
}

# run_vsctl WORD...: what it says is the error, if it fails
run_vsctl()
{
	command -v vsctl > /dev/null || fatal "vsctl is not installed (looked in $PATH)"
	message=$(vsctl "$@" 2>&1) ||
		fatal "$(printf '%s' "${message:-vsctl $* failed}" | tr '\n' ' ')"
}

# port_add PORT [KEY VALUE]...: with the MTU, if there is one
port_add()
{
	[ -z "$mtu" ] || set -- "$@" mtu "$mtu"
	run_vsctl port add "$@"
}

# The host's own stack is to say nothing to the guest on QEMU's interface: it has no business there.
keep_quiet()
{
	ip link set dev "$1" addrgenmode none 2> /dev/null || :
}

# xen_main ARGUMENT...: Xen's own script, if the interface is the kernel's; returns if it is not. Only
# for the names that Xen has: who says vif-vswitch means it.
xen_main()
{
	xen_script=$(dirname "$0")/${0##*/}.xen
	[ -e /sys/bus/xen-backend/drivers/vif ] && [ -x "$xen_script" ] || return 0
	exec "$xen_script" "$@"
}

vif_main()
{
	xen_main "$@"
	command=
	type_if=vif
	for argument in "$@"; do
		case $argument in
		type_if=*) type_if=${argument#type_if=} ;;
		*=*) ;;
		*) command=${command:-$argument} ;;
		esac
	done

	# Xen's scripts let one kind's commands pass for the other kind, and so do these.
	# shellcheck disable=SC2154 # vif comes from libxl
	case $command:$type_if in
	online:vif | offline:vif) port=$vif ;;
	add:tap | remove:tap) port=$INTERFACE ;;
	online:* | offline:* | add:* | remove:*) exit 0 ;;
	*) fatal "'$command' is not one of online, offline, add, remove" ;;
	esac
	[ -n "$XENBUS_PATH" ] || fatal "XENBUS_PATH is not set: this script is to be run by xl"
	[ -n "$port" ] || fatal "no interface is named in the environment"

	case $command in
	online)
		read_settings
		tell_mtu
		attach "$port"
		xenstore-write "$XENBUS_PATH/hotplug-status" connected || exit 1
		;;
	add)
		read_settings
		keep_quiet "$port"
		attach "$port" type netdev
		;;
	offline | remove)
		vsctl port del "$port" || :
		;;
	esac
	exit 0
}
