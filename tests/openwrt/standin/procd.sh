# shellcheck shell=dash disable=SC2154 # initscript is rc.common's
# SPDX-License-Identifier: ISC
# A stand-in for OpenWrt's /lib/functions/procd.sh, by the API in its head: each
# message to procd becomes a file in /tmp/procd, which procd.py reads. A record is
# a list of words, each with 037 after it; 036 ends the record.

mkdir -p /tmp/procd

# The message is sent when the service is closed, so a script that fails before
# that sends nothing.
procd_open_service()
{
	procd_message=$(mktemp /tmp/procd.XXXXXX)
	procd_tell service "$@"
}

procd_tell()
{
	printf '%s\037' "$@" >> "$procd_message"
	printf '\036' >> "$procd_message"
}

procd_close_service()
{
	service_triggers
	procd_tell close "$@"
	procd_send
}

# procd.py reads the files in the order of their names.
procd_send()
{
	local n=0

	while [ -e "/tmp/procd/$(printf %04d $n)" ]; do
		n=$((n + 1))
	done
	mv "$procd_message" "/tmp/procd/$(printf %04d $n)"
}

procd_open_instance() { procd_tell instance "${1-instance1}"; }

# As OpenWrt's, read the defaults of respawn if the script gives none.
procd_close_instance()
{
	local name

	case ${procd_respawn-} in
	none)
		for name in threshold timeout retry; do
			/sbin/uci -q get "system.@service[0].respawn_$name"
		done ;;
	esac
	procd_respawn=
	procd_tell instance_end
}

procd_set_param()
{
	[ "$*" != respawn ] || procd_respawn=none
	case $1 in
	command | file | netdev | respawn | watch | env | data | limits | nice | \
	term_timeout | reload_signal | pidfile | user | group | stdout | stderr)
		procd_tell param "$@" ;;
	esac
}

procd_add_reload_trigger()
{
	local package

	for package; do
		procd_tell trigger config.change "$package" \
			"/etc/init.d/${initscript##*/}" reload
	done
}

procd_add_interface_trigger()
{
	local event=$1

	shift
	procd_tell trigger "$event" "$@"
}

procd_add_reload_interface_trigger()
{
	procd_add_interface_trigger "interface.*" "$1" "/etc/init.d/${initscript##*/}" reload
}

procd_kill()
{
	procd_message=$(mktemp /tmp/procd.XXXXXX)
	procd_tell delete "$1"
	procd_send
}
