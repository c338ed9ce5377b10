# SPDX-License-Identifier: ISC
# bash completion for upnpctl. The program itself prints commands and options.

# Print the command in these words, without its arguments: "interfaces set".
_upnpctl_path()
{
	local word path='' skip=''

	for word; do
		if [[ -n $skip ]]; then
			skip=
			continue
		fi
		case $word in
		-f) skip=1 ;;
		-* | ip | upnp | /ip | /ip/upnp) ;;
		*)
			word=${word#/ip/upnp/}
			word=${word#/ip/}
			path+=${path:+ }${word//\// }
			[[ $'\n'$known$'\n' != *$'\n'"$path"$'\n'* ]] || break
			;;
		esac
	done
	printf '%s' "$path"
}

# Print what may follow the command $path, one word in each line.
_upnpctl_next()
{
	local line key value

	while read -r line; do
		[[ -n $path ]] && line=${line#"$path "}
		key=${line%% *}
		if [[ $key == *= && $cur == "$key"* ]]; then
			for value in ${line#"$key"}; do
				printf '%s\n' "$key$value"
			done
		else
			printf '%s\n' "$key"
		fi
	done < <(if [[ -n $path ]]; then
			grep -- "^$path " <<< "$known"
		else
			printf '%s\n' "$known"
		fi)
	case $path in
	'interfaces set' | 'interfaces enable' | 'interfaces disable' | \
		'interfaces remove')
		"${call[@]}" interfaces print detail 2> /dev/null |
			sed -n 's/.* interface=\([^ ]*\).*/\1/p'
		;;
	'interfaces add')
		local dev
		for dev in /sys/class/net/*; do
			printf '%s\n' "interface=${dev##*/}"
		done
		;;
	esac
}

_upnpctl()
{
	local line=${COMP_LINE:0:COMP_POINT} known path cur i
	local -a words call

	read -ra words <<< "$line"
	[[ $line != *[[:blank:]] ]] || words+=('')
	cur=${words[-1]}
	unset 'words[-1]'
	call=("${words[0]}")
	if [[ ${words[-1]} == -f ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
	fi
	for ((i = 1; i + 1 < ${#words[@]}; i++)); do
		[[ ${words[i]} != -f ]] || call+=(-f "${words[i + 1]}")
	done
	known=$("${words[0]}" --words 2> /dev/null)
	path=$(_upnpctl_path "${words[@]:1}")
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W '-f --json --help -V' \
			-- "$cur")
		return
	fi
	mapfile -t COMPREPLY < <(compgen -W "$(_upnpctl_next | sort -u)" \
		-- "$cur")
	[[ ${#COMPREPLY[@]} != 1 || ${COMPREPLY[0]} != *= ]] || compopt -o nospace
	# readline replaces only the part after the last =
	if [[ $cur == *=* && $COMP_WORDBREAKS == *=* ]]; then
		COMPREPLY=("${COMPREPLY[@]#*=}")
	fi
}

complete -F _upnpctl upnpctl
