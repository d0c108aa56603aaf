# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=sh
#
# What scripts/demo and scripts/check share: sourced by them, in the source folder.

# Debian's own programs, whatever else is installed: another python3 knows nothing of Debian's
# meson.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
# Python leaves no caches in the source folder.
export PYTHONDONTWRITEBYTECODE=1

began=$(date +%s)
step_began=

# step TEXT: says what comes now; ends the step before with the time that it took.
step()
{
	step_end
	step_began=$(date +%s)
	printf '\n[%5.1f s] %s\n' "$((step_began - began))" "$1"
}

step_end()
{
	[ -z "$step_began" ] || echo "    ($(($(date +%s) - step_began)) s)"
	step_began=
}

# Between programs there is nothing to end but the script.
running=
log=

# tended COMMAND...: runs it such that an interruption ends it with all that it started: in a
# session of its own, which can be named as a whole and which the terminal's Ctrl-C does not reach.
tended()
{
	setsid "$@" &
	running=$!
	attend
}

# The program that runs, until it ends.
attend()
{
	status=0
	wait "$running" || status=$?
	running=
	return "$status"
}

# However the script ends: nothing that it started goes on, and what root built belongs to whoever
# owns the source. A program has the time that it takes to clean up, what it started a bit more.
finish()
{
	status=$?
	trap '' HUP INT TERM
	if [ -n "$running" ]; then
		printf '\ninterrupted: waiting for what runs to end\n'
		# it may have no session of its own yet
		kill -- "-$running" 2> /dev/null || kill "$running" 2> /dev/null
		wait "$running"
		waited=0
		while kill -0 -- "-$running" 2> /dev/null && [ "$waited" -lt 100 ]; do
			sleep 0.1
			waited=$((waited + 1))
		done
		kill -KILL -- "-$running" 2> /dev/null
	fi
	[ -z "$log" ] || rm -f "$log"
	give_back
	exit "$status"
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# quietly COMMAND...: runs it with its latest line as progress if there is a terminal, and with
# everything it said only if it fails.
quietly()
{
	log=$(mktemp)
	setsid "$@" > "$log" 2>&1 < /dev/null &
	running=$!
	if [ -t 1 ]; then
		while kill -0 "$running" 2> /dev/null; do
			printf '\r\033[K    %.90s' "$(tail -n 1 "$log" | tr -d '\r')"
			sleep 0.3
		done
		printf '\r\033[K'
	fi
	attend
	if [ "$status" != 0 ]; then
		cat "$log"
		echo "failed (status $status): $*"
	fi
	rm -f "$log"
	log=
	return "$status"
}

# build_in FOLDER [MESON-SETUP-OPTION...]
build_in()
{
	folder=$1
	shift
	[ -e "$folder/build.ninja" ] || quietly meson setup "$folder" "$@" || return
	quietly meson compile -C "$folder"
}

# What root built belongs to whoever owns the source.
give_back()
{
	[ "$(id -u)" = 0 ] || return 0
	for folder in build build-asan; do
		[ ! -e "$folder" ] || chown -R --reference=. "$folder"
	done
}
