# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=sh
#
# What scripts/demo and scripts/check share: sourced by them, in the source folder.

# Debian's own programs, whatever else is installed: another python3 knows nothing of Debian's meson.
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

# quietly COMMAND...: runs it with its latest line as progress if there is a terminal, and with
# everything it said only if it fails.
quietly()
{
	log=$(mktemp)
	"$@" > "$log" 2>&1 < /dev/null &
	running=$!
	if [ -t 1 ]; then
		while kill -0 "$running" 2> /dev/null; do
			printf '\r\033[K    %.90s' "$(tail -n 1 "$log" | tr -d '\r')"
			sleep 0.3
		done
		printf '\r\033[K'
	fi
	status=0
	wait "$running" || status=$?
	running=
	if [ "$status" != 0 ]; then
		cat "$log"
		echo "failed (status $status): $*"
	fi
	rm -f "$log"
	return "$status"
}

# An interrupted script takes what it runs with it.
running=
trap '[ -z "$running" ] || kill "$running"; exit 130' INT TERM

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
