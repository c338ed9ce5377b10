# SPDX-License-Identifier: ISC
# fish completion for upnpctl. The program itself lists what can be typed.

function __upnpctl_complete
	set -l current (commandline -ct)
	set -l call upnpctl
	set -l line
	set -l file
	for word in (commandline -opc)[2..-1]
		if set -q file[1]
			set -a call -f $word
			set -e file
		else if test $word = -f
			set file next
		else if not string match -q -- '-*' $word
			set -a line $word
		end
	end
	# what precedes the part that is completed, of the last word
	set -l head (string replace -r '[^=,/]*$' '' -- $current)
	for found in ($call --complete "$(string join ' ' $line $current)" \
		2>/dev/null)
		printf '%s%s\n' $head $found
	end
end

complete -c upnpctl -f
complete -c upnpctl -s f -r -F -d 'configuration'
complete -c upnpctl -l json -d 'print as JSON'
complete -c upnpctl -s h -l help -d 'print the usage'
complete -c upnpctl -s V -l version -d 'print the version'
complete -c upnpctl -n 'not string match -q -- "-*" (commandline -ct)' \
	-a '(__upnpctl_complete)'
