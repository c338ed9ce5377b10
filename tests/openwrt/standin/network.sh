# shellcheck shell=dash
# SPDX-License-Identifier: ISC
# A stand-in for OpenWrt's /lib/functions/network.sh, by its comments. In place of
# netifd, /tmp/network/NAME/ has the files up, l3_device, device and subnet4 of a
# logical interface; an interface that is down has no l3_device, and may have a
# device.

# network_told VARIABLE INTERFACE FILE: read the file into the variable. Without
# the file, return false and empty the variable.
network_told()
{
	eval "$1="
	[ -s "/tmp/network/$2/$3" ] || return 1
	eval "$1=\$(cat \"/tmp/network/\$2/\$3\")"
}

# the layer 3 device of a logical interface
network_get_device() { network_told "$1" "$2" l3_device; }

# the layer 2 device
network_get_physdev() { network_told "$1" "$2" device; }

network_is_up() { [ "$(cat "/tmp/network/$1/up" 2> /dev/null)" = 1 ]; }

# address and prefix length
network_get_subnet()
{
	network_told "$1" "$2" subnet4
}

network_flush_cache() { :; }
