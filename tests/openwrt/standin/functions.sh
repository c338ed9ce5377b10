# shellcheck shell=dash
# SPDX-License-Identifier: ISC
# A stand-in for OpenWrt's /lib/functions.sh, as far as upnpd's files use it:
# config_load runs uci once, and calls config_cb TYPE NAME for each section,
# option_cb NAME VALUE for each option and list_cb NAME VALUE for each item of a
# list, in the order of the file. At the end config_cb is called without words.

reset_cb()
{
	config_cb() { return 0; }
	option_cb() { return 0; }
	list_cb() { return 0; }
}
reset_cb

package() { return 0; }

config()
{
	loaded=$((loaded + 1))
	config_cb "$1" "$2"
}

option() { option_cb "$1" "$2"; }
list() { list_cb "$1" "$2"; }

config_load()
{
	local text

	loaded=0
	text=$(/sbin/uci -P /var/state -S -n export "$1" 2> /dev/null) ||
		return 1
	eval "$text"
	[ "$loaded" = 0 ] || config_cb
}
