'use strict';
'require baseclass';

// SPDX-License-Identifier: ISC
// What the pages of upnpd know: rules as text, addresses, times, and the words
// for what upnpctl reports. No page, no request. A host of the LAN chose the
// descriptions and the names here: they are text, never markup.

const UNITS = [ [ 86400, 'd' ], [ 3600, 'h' ], [ 60, 'm' ], [ 1, 's' ] ];

/* The bytes of an IPv6 address as eight numbers, or null. */
function groupsOf(text) {
	const halves = text.split('::');
	const lists = halves.map((half) => half == '' ? [] : half.split(':'));
	const given = lists.reduce((n, list) => n + list.length, 0);

	if (halves.length > 2 || (halves.length == 1) != (given == 8) ||
	    given > 8 || lists.flat().some((g) => !/^[0-9a-f]{1,4}$/i.test(g)))
		return null;

	const groups = lists.flat().map((g) => parseInt(g, 16));

	if (halves.length == 2)
		groups.splice(lists[0].length, 0,
			...Array(8 - given).fill(0));

	return groups;
}

/* An address as bits, or null. */
function bitsOf(text) {
	const v4 = text.match(/^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/);
	const groups = v4 ? null : groupsOf(text);

	if (v4)
		return v4.slice(1).every((n) => n < 256) ?
			v4.slice(1).map((n) => (+n).toString(2)
				.padStart(8, '0')).join('') : null;

	return groups ? groups.map((n) => n.toString(2)
		.padStart(16, '0')).join('') : null;
}

return baseclass.extend({
	// ---- values of UCI ----

	/** What form.Flag knows as yes and no. Other values are kept. */
	flag(value) {
		if ([ '1', 'on', 'true', 'yes' ].includes(value))
			return '1';
		if ([ '0', 'off', 'false', 'no' ].includes(value))
			return '0';

		return value;
	},

	/** The items of a list whose lines have commas as well. */
	items(value) {
		const lines = Array.isArray(value) ? value : [ value ?? '' ];

		return lines.flatMap((line) => line.split(/[\s,]+/))
			.filter((item) => item != '');
	},

	// ---- rules ----

	/**
	 * A rule from a line such as: deny 3389 0.0.0.0/0 0-65535 disabled "text"
	 * What is missing is '', so that the page shows the rest of a wrong line.
	 */
	parseRule(line) {
		const m = line.trim().match(
			/^(\S*)\s*([^\s"]*)\s*([^\s"]*)\s*([^\s"]*)\s*(.*)$/);
		const disabled = /^disabled(?=\s|$)/.test(m[5]);
		const rest = m[5].replace(/^disabled(?=\s|$)\s*/, '');
		const quoted = rest.match(/^"((?:[^"\\]|\\.)*)"$/);

		return {
			enabled: disabled ? '0' : '1',
			action: m[1],
			external_ports: m[2],
			network: m[3],
			internal_ports: m[4],
			comment: quoted ? quoted[1].replace(/\\(.)/g, '$1') :
				rest
		};
	},

	/** The line of a rule. */
	formatRule(rule) {
		const words = [ rule.action, rule.external_ports, rule.network,
			rule.internal_ports ];

		if (rule.enabled == '0')
			words.push('disabled');
		if (rule.comment)
			words.push('"%s"'.format(
				rule.comment.replace(/[\\"]/g, '\\$&')));

		return words.join(' ');
	},

	/** Why a text is no network, or true. */
	checkNetwork(value) {
		const [ address, bits, more ] = value.split('/');
		const all = bitsOf(address);
		const length = bits ?? all?.length;

		if (!all || more != null || !/^\d+$/.test(length) ||
		    +length > all.length)
			return _('Expecting: a network such as 192.168.1.0/24 or an address');
		if (all.slice(+length).includes('1'))
			return _('The network has bits beyond its prefix; use the address of the network itself');

		return true;
	},

	/** Why a text is no range of ports, or true. */
	checkPorts(value) {
		const m = value.match(/^(\d{1,5})(?:-(\d{1,5}))?$/);

		if (m && +m[1] <= +(m[2] ?? m[1]) && +(m[2] ?? m[1]) <= 65535)
			return true;

		return _('Expecting: a port, or a range such as 1024-65535');
	},

	/** Why a text is no comment, or true. */
	checkComment(value) {
		if (/[\u0000-\u001f\u007f]/.test(value))
			return _('Expecting: a text of one line');
		if (new TextEncoder().encode(value).length > 256)
			return _('Expecting: a text of at most 256 bytes');

		return true;
	},

	// ---- values of upnpctl ----

	/** Seconds as a time of at most two units: "1d 2h"; null: for ever. */
	duration(seconds) {
		const words = [];
		let left = seconds;

		if (seconds == null)
			return _('no end');
		for (const [ length, unit ] of UNITS) {
			const n = Math.floor(left / length);

			left -= n * length;
			if (n || words.length)
				words.push(n ? n + unit : null);
		}

		return words.slice(0, 2).filter((w) => w != null).join(' ') ||
			'0s';
	},

	/** "192.168.1.10:80", "[2001:db8::5]:*"; a port of null is every one. */
	endpoint(address, port) {
		if (!address)
			return '';

		return '%s:%s'.format(address.includes(':') ?
			'[%s]'.format(address) : address, port ?? '*');
	},

	/** The only host that may connect: "203.0.113.5", with its port, or a port
	 * alone, "*:3478"; '' if any may. */
	remote(mapping) {
		const address = mapping['remote-host'];
		const port = mapping['remote-port'];

		if (port == null)
			return address ?? '';

		return address ? this.endpoint(address, port) : '*:%d'.format(port);
	},

	/** "laptop (192.168.1.10)", or only the address. */
	host(name, address) {
		return name ? '%s (%s)'.format(name, address) : address ?? '';
	},

	/** "TCP"; null: the request names none. */
	protocol(name) {
		return { udplite: 'UDP-Lite' }[name] ?? (name ?? '').toUpperCase();
	},

	/** The protocol by which somebody asked. */
	origin(name) {
		return {
			operator: _('Operator'),
			upnp: 'UPnP',
			'nat-pmp': 'NAT-PMP',
			pcp: 'PCP'
		}[name] ?? name;
	},

	/** What is special about a mapping, as words. */
	remarks(mapping) {
		const words = [];

		if (mapping.configured)
			words.push(_('in the configuration'));
		if (mapping.disabled)
			words.push(_('disabled'));
		if (mapping.suspended)
			words.push(_('suspended: the host is in no internal network'));
		if (mapping.overruled)
			words.push(_('overruled: the router uses or forwards this port itself'));
		if (mapping['upstream-port'] != null)
			words.push(_('port %d of the router in front').format(
				mapping['upstream-port']));

		return words;
	},

	/** Why a request was refused. An unknown reason has upnpctl's words. */
	reason(refusal) {
		return this.reasons()[refusal.reason] ?? refusal.text ??
			refusal.reason;
	},

	reasons() {
		return {
			'secure-mode': _('The mapping is for another host than the one that asked'),
			'outside': _('The host is in no internal network'),
			'router': _('The mapping would lead to the router itself'),
			'address': _('The address cannot be that of a host'),
			'rule': _('The rules do not allow this mapping'),
			'remote-host': _('The address of the remote host is not valid'),
			'all-ports': _('No rule allows a pinhole for all ports'),
			'owner': _('The mapping belongs to another host'),
			'operator': _('The operator made the mapping'),
			'nonce': _('Another program made the mapping'),
			'conflict': _('Another host has the port'),
			'max-mappings': _('There are as many mappings as the settings allow'),
			'max-mappings-per-client': _('The host has as many mappings as the settings allow'),
			'max-pinholes': _('There are as many pinholes as the settings allow'),
			'rate': _('The host asked for too many mappings at once'),
			'no-port': _('Every allowed port is taken'),
			'port': _('The router uses the port itself'),
			'forwarded': _('A rule of the firewall forwards the port'),
			'blocked': _('The firewall drops the packets; the system log names the rule'),
			'no-address': _('There is no external address'),
			'firewall': _('The firewall could not be changed; see the system log'),
			'backend': _('The firewall backend cannot make such a rule'),
			'monitor': _('The second check refused it; see the system log'),
			'upstream': _('The router in front does not forward the port'),
			'upstream-port': _('The router in front forwards another port'),
			'link': _('No program may disconnect the external interface'),
			'subscribers': _('There are too many subscriptions'),
			'web-page': _('A web page may have made the request'),
			'connections': _('There were too many or too slow connections')
		};
	},

	/** The external address, or why there is none. */
	external(status) {
		const ext = status?.external;

		if (!ext)
			return _('not known');
		if (ext.address)
			return ext.interface ?
				'%s (%s)'.format(ext.address, ext.interface) :
				ext.address;

		return {
			'no-interface': _('none: there is no external interface'),
			'interface-down': _('none: the interface is down'),
			'no-carrier': _('none: the interface has no carrier'),
			'no-address': _('none: the interface has no IPv4 address'),
			'private': _('none: the address is private, and the settings refuse it')
		}[ext.fault] ?? _('none');
	},

	/** Whether the Internet reaches the ports, where there is doubt. */
	reach(status) {
		const ext = status?.external;

		if (ext?.reachable === false)
			return _('No: another router is in front, and does not forward the ports');
		if (ext?.reachable && ext['behind-nat'])
			return _('Yes: the router in front forwards the ports');
		if (ext?.reachable)
			return _('Yes');

		return _('not known');
	},

	/** Whether the daemon runs, and since when. */
	state(status) {
		if (status?.running == null)
			return _('not known');
		if (!status.running)
			return _('not running');
		if (status.waits)
			return _('waiting for an interface');
		if (!status.enabled)
			return _('not enabled');

		return _('running for %s').format(this.duration(status.uptime));
	},

	/** The protocols that are on: [name, whether it answers] */
	protocols(status) {
		return Object.entries(status?.protocols ?? {})
			.filter(([ , p ]) => p.enabled)
			.map(([ name, p ]) => [ this.origin(name), p.serving ]);
	},

	/** The faults that upnpctl status reports, as texts. While nothing runs,
	 * only the reason for that, of which the others are consequences. */
	faults(status) {
		const file = status?.['configuration-fault'];
		const engine = status?.engine?.fault;
		const all = status?.running === false ?
			[ status.reason ?? status.fault ?? file ?? engine ] :
			[ status?.reason, file, engine, status?.firewall?.fault,
				status?.['reload-fault'] ];

		return all.filter((text, n) => text && all.indexOf(text) == n);
	},

	/** The errors of an answer of the plugin, as texts. @done: did it do what
	 * was asked? */
	errors(answer, done) {
		const texts = (answer?.faults ?? [])
			.map((fault) => fault.error ?? fault.notice);

		if (!texts.length && !done)
			texts.push(_('upnpctl failed, or this user may not call it'));

		return texts;
	},

	/** The mappings of an answer: port mappings, and pinholes. */
	kinds(answer) {
		const all = answer?.mappings ?? [];

		return {
			mappings: all.filter((m) => m.kind != 'pinhole'),
			pinholes: all.filter((m) => m.kind == 'pinhole')
		};
	},

	/** How many of the mappings an answer does not have. */
	missing(status, answer) {
		const have = answer?.mappings?.length ?? 0;
		const all = (status?.mappings?.count ?? 0) +
			(status?.pinholes?.count ?? 0);

		return answer?.mappings ? Math.max(0, all - have) : 0;
	}
});
