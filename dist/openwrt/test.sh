#!/bin/sh
# SPDX-License-Identifier: ISC
# The test of OpenWrt's feeds, after an installation: test.sh PACKAGE VERSION

[ "$1" = upnpd ] || exit 0

for program in upnpd upnpctl; do
	case $($program -V) in
	"$program $2"*) ;;
	*) echo "$program -V does not print $2"; exit 1 ;;
	esac
done
# the package's own configuration is off, and complete
/etc/init.d/upnpd print_conf > /tmp/upnpd.conf && upnpd -n -f /tmp/upnpd.conf
