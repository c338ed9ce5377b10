# SPDX-License-Identifier: ISC
# Read the file of a package, then print or change it. Called by uci.

function fail() { failed = 1; exit 1 }

# Move the next word of text into word. Return false at the end of a line, which
# is removed from text.
function next_word(   c, q) {
	word = ""; quoted = 0
	for (;;) {
		c = substr(text, at, 1)
		if (c == " " || c == "\t") { at++; continue }
		if (c == "#") { while (substr(text, at, 1) != "\n") at++; continue }
		break
	}
	if (c == "\n" || c == "") { at++; return 0 }
	for (;;) {
		c = substr(text, at, 1)
		if (c == "" && q != "") fail()
		if (q == "" && (c == "" || c == " " || c == "\t" || c == "\n"))
			return 1
		at++
		if (q == "" && (c == "'" || c == "\"")) { q = c; continue }
		if (c == q) { q = ""; continue }
		if (c == "\\" && q != "'") { c = substr(text, at, 1); at++ }
		word = word c
	}
}

function value(s, o, v, list,   k) {
	k = s SUBSEP o
	if (!(k in items)) { order[s, ++options[s]] = o; items[k] = 0 }
	if (!list) items[k] = 0
	is_list[k] = list
	item[k, ++items[k]] = v
}

function section(t, n) {
	sections++
	type[sections] = t
	anonymous[sections] = n == ""
	title[sections] = n == "" ? sprintf("cfg%02x%04x", sections + 1, \
		sections * 4099 % 65536) : n
	options[sections] = 0
	return sections
}

function load(   line, words, w) {
	while ((getline line < file) > 0)
		text = text line "\n"
	at = 1
	while (at <= length(text)) {
		words = 0
		while (next_word()) w[++words] = word
		if (!words) continue
		if (w[1] == "config" && (words == 2 || words == 3))
			section(w[2], words == 3 ? w[3] : "")
		else if ((w[1] == "option" || w[1] == "list") && words == 3 && \
			 sections && w[2] ~ /^[A-Za-z0-9_]+$/)
			value(sections, w[2], w[3], w[1] == "list")
		else if (w[1] != "package")
			fail()
	}
}

function quote(v) { gsub(/'/, "'\\''", v); return "'" v "'" }

function find(n,   s) {
	for (s = 1; s <= sections; s++)
		if (type[s] != "" && title[s] == n) return s
	return 0
}

function shown(s, o, sure,   k, i, out) {
	k = s SUBSEP o
	for (i = 1; i <= items[k]; i++)
		out = out (i > 1 ? ENVIRON["DELIMITER"] : "") (sure || \
			(is_list[k] && item[k, i] ~ /[ \t\r\n]/) ? \
			quote(item[k, i]) : item[k, i])
	return out
}

function show_section(s, label,   i) {
	print package "." label "=" type[s]
	for (i = 1; i <= options[s]; i++)
		if (order[s, i] != "")
			print package "." label "." order[s, i] "=" \
				shown(s, order[s, i], 1)
}

function show_all(   s, n) {
	for (s = 1; s <= sections; s++)
		show_section(s, anonymous[s] && extended ? \
			"@" type[s] "[" n[type[s]]++ "]" : title[s])
}

# @named: with the internal names of unnamed sections
function write_all(named,   s, i, j, k) {
	for (s = 1; s <= sections; s++) {
		if (type[s] == "") continue
		print "\nconfig " type[s] (anonymous[s] && !named ? "" : \
			" " quote(title[s]))
		for (i = 1; i <= options[s]; i++) {
			if (order[s, i] == "") continue
			k = s SUBSEP order[s, i]
			for (j = 1; j <= items[k]; j++)
				print "\t" (is_list[k] ? "list " : "option ") \
					order[s, i] " " quote(item[k, j])
		}
	}
}

BEGIN {
	load()
	parts = split(name, part, ".")
	s = parts > 1 ? find(part[2]) : 0
	there = parts == 3 && ((s SUBSEP part[3]) in items)
	if (command == "show" && parts == 1) show_all()
	else if (command == "export") {
		print "package " package
		write_all(1)
	}
	else if (command == "set" && parts == 2) {
		if (!s) s = section(ENVIRON["VALUE"], part[2])
		type[s] = ENVIRON["VALUE"]
		write_all()
	} else if (!s) fail()
	else if (command == "show" && parts == 2) show_section(s, part[2])
	else if (command == "get" && parts == 2) print type[s]
	else if (command == "set") {
		value(s, part[3], ENVIRON["VALUE"], 0)
		write_all()
	} else if (command == "add_list") {
		value(s, part[3], ENVIRON["VALUE"], 1)
		write_all()
	} else if (command == "delete" && parts == 2) { type[s] = ""; write_all() }
	else if (!there) fail()
	else if (command == "show")
		print name "=" shown(s, part[3], 1)
	else if (command == "get") print shown(s, part[3], 0)
	else if (command == "delete") {
		for (i = 1; i <= options[s]; i++)
			if (order[s, i] == part[3]) order[s, i] = ""
		write_all()
	}
}
END { exit failed }
