#!/bin/sh
# SPDX-License-Identifier: ISC
# KTorrent without a display: client_ktorrent.sh DIRECTORY PORT DHT-PORT
# OTHER-PORT. Its UPnP plugin maps PORT (TCP) and DHT-PORT (UDP). After a line
# on stdin it changes to OTHER-PORT and ends DHT, so it deletes both mappings.
# It quits at the end of stdin; then it sends no deletion. It writes only below
# DIRECTORY.
set -eu

call()
{
	dbus-send --session --print-reply --dest=org.kde.ktorrent "$@"
}

if [ "$1" = inside ]; then
	ktorrent --verbose < /dev/null &
	read -r _
	call /settings org.ktorrent.settings.setPort "int32:$2"
	call /settings org.ktorrent.settings.setDhtSupport boolean:false
	call /settings org.ktorrent.settings.apply
	while read -r _; do :; done
	call /MainApplication org.qtproject.Qt.QCoreApplication.quit
	wait
	exit
fi
dir=$1
mkdir -p "$dir/.config" "$dir/run"
chmod 700 "$dir/run"
cat > "$dir/.config/ktorrentrc" << END
[Plugins]
UPnPPluginEnabled=true
[downloads]
port=$2
dhtSupport=true
dhtPort=$3
END
export HOME="$dir" XDG_RUNTIME_DIR="$dir/run" QT_QPA_PLATFORM=offscreen
unset XDG_CONFIG_HOME XDG_CACHE_HOME XDG_DATA_HOME
exec dbus-run-session -- "$0" inside "$4"
