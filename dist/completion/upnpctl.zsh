#compdef upnpctl
# SPDX-License-Identifier: ISC
# zsh completion for upnpctl. The program itself lists what can be typed.

local -a call line whole part
local word text help found

call=($words[1])
if [[ $words[CURRENT-1] == -f ]]; then
	_files
	return
fi
if [[ $PREFIX == -* ]]; then
	compadd -- -f --json --help --version
	return
fi
for ((i = 2; i < CURRENT; i++)); do
	case $words[i] in
	-f) call+=(-f $words[++i]) ;;
	-*) ;;
	*) line+=($words[i]) ;;
	esac
done
line+=("$PREFIX")
for found in ${(f)"$($call --complete "${(j: :)line}" 2> /dev/null)"}; do
	text=${found%%$'\t'*}
	help=${found#*$'\t'}
	word=${text//:/\\:}${help:+:$help}
	if [[ $text == *= ]]; then
		part+=($word)
	else
		whole+=($word)
	fi
done
# what precedes the part that is completed, of the last word
compset -P '*[=,/]'
(($#whole)) && _describe upnpctl whole
(($#part)) && _describe upnpctl part -S ''
