#!/bin/sh
# SPDX-License-Identifier: ISC
#
# demo.sh - a demonstration in network namespaces: a program on the LAN finds
# upnpd and maps a port, a packet from outside reaches the program, and the
# program deletes the mapping. Needs root; installs missing packages. The exit
# status is the result.
#
#	lan 192.168.88.10 --- 192.168.88.1 [router] 11.22.33.1 --- 11.22.33.9
#	                                                              outside

set -eu
cd "$(dirname "$0")/.."

LAN=demo$$lan RT=demo$$rt OUT=demo$$out
EXT=11.22.33.1
TMP=
step=0

# ---- clean up in any case ----------------------------------------------

cleanup()
{
	status=$?
	trap - EXIT
	trap '' HUP INT TERM
	for ns in "$LAN" "$RT" "$OUT"; do
		for pid in $(ip netns pids "$ns" 2>/dev/null); do
			kill -9 "$pid" 2>/dev/null || :
		done
		ip netns del "$ns" 2>/dev/null || :
	done
	[ -z "$TMP" ] || rm -rf "$TMP"
	[ "$status" -eq 0 ] || echo "demo FAILED" >&2
	exit "$status"
}

fail()
{
	echo "demo: $*" >&2
	[ ! -s "$TMP/log" ] || tail -n 20 "$TMP/log" | sed 's/^/log: /' >&2
	exit 1
}

# ---- output ------------------------------------------------------------

title()
{
	step=$((step + 1))
	printf '\n== %d. %s\n' "$step" "$*"
}

# on HOST COMMAND...: show the command as typed on that host, and run it. Its
# output may go through a pipe; the command line is printed directly.
exec 3>&1
on()
{
	ns=$1
	shift
	case $ns in
	"$LAN") host=lan ;;
	"$RT") host=router ;;
	*) host=outside ;;
	esac
	printf '%s# %s\n' "$host" "$*" >&3
	ip netns exec "$ns" "$@" 2>&1
}

# upnpc prints its licence and its search first; keep the rest
brief()
{
	grep -vE '^$|^upnpc :|^ \(c\)|^Go to|^for more|^List of|^ desc:|^ st:' |
		sed 's/^/    /'
}

indent()
{
	sed 's/^./    &/'
}

# ---- required tools ----------------------------------------------------

# quietly WHAT COMMAND...: print what is done; its output only if it fails
quietly()
{
	echo "$1"
	shift
	"$@" >"$TMP/output" 2>&1 || {
		cat "$TMP/output" >&2
		fail "$* failed"
	}
}

install_missing()
{
	for tool in cc make ip nft upnpc socat; do
		command -v $tool >/dev/null && continue
		quietly "installing missing packages" \
			tools/install-test-deps demo
		return
	done
}

# ---- the lab -----------------------------------------------------------

lay_lab()
{
	for ns in "$LAN" "$RT" "$OUT"; do
		ip netns add "$ns"
		ip -n "$ns" link set lo up
	done
	ip link add lan0 netns "$RT" type veth peer name eth0 netns "$LAN"
	ip link add wan0 netns "$RT" type veth peer name eth0 netns "$OUT"
	ip -n "$RT" addr add 192.168.88.1/24 dev lan0
	ip -n "$RT" addr add $EXT/24 dev wan0
	ip -n "$LAN" addr add 192.168.88.10/24 dev eth0
	ip -n "$OUT" addr add 11.22.33.9/24 dev eth0
	ip -n "$RT" link set lan0 up
	ip -n "$RT" link set wan0 up
	ip -n "$LAN" link set eth0 up
	ip -n "$OUT" link set eth0 up
	ip -n "$LAN" route add default via 192.168.88.1
	ip -n "$RT" route add default via 11.22.33.9
	ip netns exec "$RT" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	ip netns exec "$RT" nft -f - <<-'RULES'
	table inet filter {
		chain forward {
			type filter hook forward priority filter; policy drop;
			ct state established,related accept
			iifname "lan0" oifname "wan0" accept
		}
	}
	table ip nat {
		chain postrouting {
			type nat hook postrouting priority srcnat;
			oifname "wan0" masquerade
		}
	}
	RULES
	rules >"$TMP/before"
}

rules()
{
	ip netns exec "$RT" nft -s list ruleset
}

# ---- the daemon --------------------------------------------------------

start_upnpd()
{
	cat >"$TMP/upnpd.conf" <<-CONF
	enabled = yes
	backend = netlink
	allow-disable-external-interface = no
	state-dir = $TMP/state
	control-socket = $TMP/upnpd.sock
	pid-file = $TMP/upnpd.pid

	[interface wan0]
	type = external

	[interface lan0]
	type = internal
	CONF
	grep -vE '^(state-dir|control-socket|pid-file) ' "$TMP/upnpd.conf" |
		indent
	printf 'router# %s\n' 'upnpd -F -f upnpd.conf &'
	ip netns exec "$RT" build/upnpd -F -f "$TMP/upnpd.conf" \
		2>"$TMP/log" &
	UPNPD=$!
	i=0
	until ip netns exec "$LAN" socat -u OPEN:/dev/null \
		TCP:192.168.88.1:2828 2>/dev/null; do
		i=$((i + 1))
		[ $i -lt 300 ] || fail "upnpd does not answer"
		sleep 0.1
	done
	indent <"$TMP/log"
}

stop_upnpd()
{
	printf 'router# %s\n' "kill -TERM upnpd"
	kill -TERM "$UPNPD"
	status=0
	wait "$UPNPD" || status=$?
	[ "$status" -eq 0 ] || fail "upnpd ended with status $status"
}

# upnpctl ARGUMENTS: run it on the router. Problems that check finds are no
# failure here.
upnpctl()
{
	printf 'router# upnpctl %s\n' "$*"
	ip netns exec "$RT" build/upnpctl -f "$TMP/upnpd.conf" "$@" \
		>"$TMP/output" 2>&1 || [ "$1" = check ] ||
		fail "upnpctl $*: $(cat "$TMP/output")"
	indent <"$TMP/output"
}

# ---- traffic -----------------------------------------------------------

serve()
{
	printf 'lan# %s\n' 'a server on TCP 8000 and on UDP 8001 &'
	# It reads the question first, because socat fails if the shell exits
	# before the question arrives.
	# shellcheck disable=SC2016 # socat's shell expands it
	reply='read q; echo "hello from the LAN, $SOCAT_PEERADDR, over'
	ip netns exec "$LAN" socat TCP-LISTEN:8000,fork,reuseaddr \
		SYSTEM:"$reply TCP\"" 2>/dev/null &
	ip netns exec "$LAN" socat UDP-RECVFROM:8001,fork \
		SYSTEM:"$reply UDP\"" 2>/dev/null &
	i=0
	until [ "$(ip netns exec "$LAN" cat /proc/net/tcp /proc/net/udp |
		grep -cE ':1F4[01] ')" -eq 2 ]; do
		i=$((i + 1))
		[ $i -lt 300 ] || fail "socat does not listen"
		sleep 0.1
	done
}

ask()
{
	case $1 in
	TCP) echo | ip netns exec "$OUT" socat -T1 - \
		TCP:$EXT:40000,connect-timeout=1 2>/dev/null ;;
	UDP) echo | ip netns exec "$OUT" socat -T1 - \
		UDP:$EXT:40001 2>/dev/null ;;
	esac || :
}

# passes TCP|UDP: the answer must arrive, on a busy machine after some tries
passes()
{
	printf 'outside# %s\n' "ask $EXT by $1"
	i=0
	until got=$(ask "$1") &&
		[ "$got" = "hello from the LAN, 11.22.33.9, over $1" ]; do
		i=$((i + 1))
		[ $i -lt 20 ] || fail "$1 does not pass: $got"
	done
	echo "    $got"
}

# stays_out TCP|UDP: no answer may arrive
stays_out()
{
	printf 'outside# %s\n' "ask $EXT by $1"
	got=$(ask "$1")
	[ -z "$got" ] || fail "$1 still passes: $got"
	echo "    no answer"
}

# ---- the steps ---------------------------------------------------------

[ "$(id -u)" -eq 0 ] || { echo "demo: needs root" >&2; exit 1; }
trap cleanup EXIT
trap 'exit 130' HUP INT TERM
TMP=$(mktemp -d /tmp/upnpd-demo.XXXXXX)
chmod 755 "$TMP"

install_missing
quietly "building upnpd" make -j"$(nproc)" all
lay_lab

title "The router: forwarding, masquerade, a forward policy of drop"
start_upnpd

title "A program on the LAN finds it"
on "$LAN" upnpc -s | brief
serve
stays_out TCP
stays_out UDP

title "It asks for two ports"
on "$LAN" upnpc -e game -a 192.168.88.10 8000 40000 TCP | brief
on "$LAN" upnpc -e call -a 192.168.88.10 8001 40001 UDP 3600 | brief

title "Traffic from outside reaches it"
passes TCP
passes UDP

title "The mappings, as the LAN and as the kernel see them"
on "$LAN" upnpc -l >"$TMP/list"
grep -A9 '^ i protocol' "$TMP/list" | grep -v GetGeneric | indent
grep -q '40000->192.168.88.10:8000' "$TMP/list" || fail "TCP is not listed"
grep -q '40001->192.168.88.10:8001' "$TMP/list" || fail "UDP is not listed"
printf 'router# %s\n' 'nft list ruleset (the new lines)'
rules >"$TMP/during"
diff "$TMP/before" "$TMP/during" | sed -n 's/^> //p' |
	grep -v '^[[:space:]}]*$' | expand | indent

title "The operator's side: what is open, and would a port open?"
upnpctl mappings print
upnpctl check

title "It deletes them"
on "$LAN" upnpc -d 40000 TCP | brief
on "$LAN" upnpc -d 40001 UDP | brief
stays_out TCP
stays_out UDP

title "upnpd stops and leaves nothing behind"
stop_upnpd
rules >"$TMP/after"
diff "$TMP/before" "$TMP/after" || fail "rules are left behind"
echo "    the firewall is as it was before"
cat <<'NEXT'

demo passed. To read next:
    README.md                what upnpd is, and how to install it
    docs/configuration.md    every option, and common setups
    man man/upnpctl.8        the operator's command
NEXT
