# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# The package in dom0, by dpkg: systemd runs its unit, whose sandbox has to leave vswitchd what it
# needs of Xen. Then it is upgraded while a guest pings and talks TCP. systemd is process 1 of a
# process namespace of its own; the rest of it is dom0's.

OLD=0.1.0
NEW=0.1.1

systemd_start()
{
	mount -t cgroup2 cgroup /sys/fs/cgroup || return
	(
		container=lxc unshare --pid --fork --kill-child --mount --mount-proc --uts --cgroup \
			/lib/systemd/systemd --system --unit=multi-user.target --show-status=no \
			--log-target=null > /var/log/systemd.log 2>&1 &
	)
	wait_for 60 in_system systemctl is-active multi-user.target
}

# in_system COMMAND...: where systemd is process 1; it takes no orders from elsewhere
in_system()
{
	nsenter --target "$(pidof systemd)" --mount --pid --uts --cgroup "$@"
}

# install_package old|new
install_package()
{
	in_system dpkg --force-confdef --force-confold -i "/packages/$1.deb" || return
	wait_for 60 vsctl version
}

version_is()
{
	vsctl version
	vsctl version | grep -q "vswitchd.*$1"
}

unit_is_confined()
{
	local pid
	pid=$(pidof vswitchd) || return
	grep -E 'NoNewPrivs|CapEff|Seccomp:' "/proc/$pid/status"
	grep -q '^Seccomp:[[:space:]]*2' "/proc/$pid/status"
}

# log_has LINES TEXT: at the end of vswitchd's log
log_has()
{
	tail -n "$1" /var/log/vswitchd.log
	tail -n "$1" /var/log/vswitchd.log | grep -q "$2"
}

# g1 sends a word at a time over one TCP connection beyond the NIC, and notes what comes back.
tcp_start()
{
	(ip netns exec beyond busybox nc -l -p 7007 -e cat > /dev/null 2>&1 &)
	# shellcheck disable=SC2016 # expanded by the guest
	guest_do g1 30 '(while sleep 0.1; do echo word; done | nc '"$BEYOND"' 7007 > /tmp/echoes) &'
	wait_for 60 echoes_exceed 5
}

echoes()
{
	guest_do g1 30 'grep -c word /tmp/echoes'
}

echoes_exceed()
{
	[ "$(echoes)" -gt "$1" ]
}

# A connection that broke off would not come again: there is one listener for one.
upgrade()
{
	local from said before took
	pings_start 10.9.0.12
	wait_for 60 answers_exceed 5 || return
	tcp_start || return
	states_watch "$(domid g1)" || return
	from=$(uptime_ms)
	install_package new || return
	took=$(($(uptime_ms) - from))
	before=$(answers)
	said=$(echoes)
	wait_for 60 answers_exceed "$((before + 5))" || return
	wait_for 60 echoes_exceed "$((said + 5))" || return
	pings_end
	kill "$(cat /run/bed/watcher)"
	echo "longest gap $(longest_gap) ms of the $took ms that dpkg took; $said words over TCP before, now $(echoes)"
}

# Back to a vswitchd of the other scenarios' kind.
by_hand()
{
	in_system systemctl stop vswitchd || return
	wait_for 60 not pidof vswitchd || return
	kill -KILL "$(pidof systemd)"
	vswitchd_start
}

check upgrade.systemd-starts systemd_start || exit 1
vswitchd_end TERM
check upgrade.package-installs install_package old || exit 1
check upgrade.runs version_is "$OLD"
check upgrade.unit-is-confined unit_is_confined
check upgrade.buffers-granted log_has 20 '16384 packet buffers, .* 16384 buffers granted'
check upgrade.script-is-ours test "$(readlink -f /etc/xen/scripts/vif-bridge)" = \
	/usr/lib/vswitch/scripts/vif-bridge
check upgrade.g1-pings-g2 guest_pings g1 10.9.0.12
check upgrade.tcp-goes-on upgrade
check upgrade.link-stays states_untouched
check upgrade.runs-the-new-one version_is "$NEW"
check upgrade.unit-is-confined-still unit_is_confined
check upgrade.buffers-granted-again log_has 20 '16384 packet buffers, .* 16384 buffers granted'
check upgrade.host-pings host_pings 10.9.0.11
check upgrade.beyond-pings-g2 beyond_pings 10.9.0.12
check upgrade.back-to-the-other by_hand
check upgrade.g2-pings-g1 guest_pings g2 10.9.0.11
