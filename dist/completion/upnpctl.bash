# SPDX-License-Identifier: ISC
# bash completion for upnpctl. The program itself lists what can be typed.

_upnpctl()
{
	local line=${COMP_LINE:0:COMP_POINT} cur rest word
	local -a words call

	read -ra words <<< "$line"
	[[ $line != *[[:blank:]] ]] || words+=('')
	cur=${words[-1]}
	call=("${words[0]}")
	words=("${words[@]:1}")
	if ((${#words[@]} > 1)) && [[ ${words[-2]} == -f ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
	fi
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W '-f --json --help -V' \
			-- "$cur")
		return
	fi
	while ((${#words[@]})); do
		case ${words[0]} in
		-f) call+=(-f "${words[1]}") words=("${words[@]:2}") ;;
		-*) words=("${words[@]:1}") ;;
		*) rest+=${rest:+ }${words[0]} words=("${words[@]:1}") ;;
		esac
	done
	[[ -n $cur || -z $rest || $rest == *' ' ]] || rest+=' '
	# what precedes the part that is completed, of the last word
	word=${cur%"${cur##*[=,/]}"}
	mapfile -t COMPREPLY < <("${call[@]}" --complete "$rest" 2> /dev/null |
		cut -f 1)
	((${#COMPREPLY[@]})) || return
	COMPREPLY=("${COMPREPLY[@]/#/"$word"}")
	[[ ${#COMPREPLY[@]} != 1 || ${COMPREPLY[0]} != *= ]] || compopt -o nospace
	# readline replaces only the part after the last =
	if [[ $cur == *=* && $COMP_WORDBREAKS == *=* ]]; then
		COMPREPLY=("${COMPREPLY[@]#*=}")
	fi
}

complete -F _upnpctl upnpctl
