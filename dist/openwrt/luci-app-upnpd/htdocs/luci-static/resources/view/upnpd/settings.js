'use strict';
'require form';
'require uci';
'require view';
'require tools.widgets as widgets';
'require upnpd.model as model';

// SPDX-License-Identifier: ISC
// The page "Settings": the sections global, interface and mapping of
// /etc/config/upnpd, and the list "rule" of section global as a table. upnpd
// checks the result again at the reload; the page Status shows its error.

const TEXT = 'rangelength(1,127)';
const MAYBE_TEXT = 'maxlength(127)';
const REMOTE = 'or(ipaddr("nomask"),ipaddrport(1))';

/* Set what an option of a form has beside its name and texts. */
function set(option, values) {
	return Object.assign(option, values);
}

/* A switch. @preset: whether it is on if UCI has nothing */
function flag(section, tab, name, preset, title, help) {
	const o = tab ? section.taboption(tab, form.Flag, name, title, help) :
		section.option(form.Flag, name, title, help);

	return set(o, {
		default: preset ? '1' : '0',
		load: (id) => model.flag(uci.get('upnpd', id, name))
	});
}

/* A text or a number. @preset: what upnpd takes if UCI has nothing */
function value(section, tab, name, preset, datatype, title, help) {
	return set(section.taboption(tab, form.Value, name, title, help),
		{ placeholder: preset, datatype: datatype });
}

/* One of several words; the first is what upnpd takes if UCI has nothing. */
function choice(section, tab, name, words, title, help) {
	const o = section.taboption(tab, form.ListValue, name, title, help);

	for (const [ word, label ] of words)
		o.value(word, label);

	return set(o, {
		default: words[0][0],
		load: (id) => model.flag(uci.get('upnpd', id, name)) === '0' ?
			'no' : uci.get('upnpd', id, name)
	});
}

/* A list of networks, which UCI may also have with commas. It has no datatype:
 * after those of networks, LuCI passes only the prefix to validate(). */
function networks(o, name, preset) {
	return set(o, {
		placeholder: preset,
		load: (id) => model.items(uci.get('upnpd', id, name)),
		validate: (id, text) => text == '' || model.checkNetwork(text)
	});
}

function addGeneral(s) {
	set(flag(s, 'general', 'enabled', false, _('Enable'),
		_('Programs on the internal networks may open ports.')),
		{ rmempty: false });
	flag(s, 'general', 'upnp', true, _('UPnP IGD'),
		_('Used by games, consoles and most programs.'));
	flag(s, 'general', 'nat_pmp', true, _('NAT-PMP'),
		_('Used by Apple devices and file sharing programs.'));
	flag(s, 'general', 'pcp', true, _('PCP'),
		_('The successor of NAT-PMP, also for IPv6.'));
	flag(s, 'general', 'ipv6', true, _('IPv6'),
		_('Serve the internal networks over IPv6 as well; programs may open ports of their IPv6 addresses in the firewall.'));
	flag(s, 'general', 'persist', false, _('Keep mappings over a reboot'),
		_('The mappings of programs are copied to flash memory when the service stops, and every hour if they have changed.'));
	choice(s, 'general', 'status_page', [
		[ 'own', _('The open ports of the viewer\'s device') ],
		[ 'all', _('The open ports of every device') ],
		[ 'no', _('No page') ]
	], _('Page for the internal networks'),
		_('A page on the HTTP port, which needs no login and on which nothing can be changed.'));
}

function addAccess(s) {
	flag(s, 'access', 'secure_mode', true, _('Secure mode'),
		_('A host opens ports only for itself, and deletes only its own mappings.'));
	flag(s, 'access', 'allow_disable_external_interface', true,
		_('Let programs disconnect'),
		_('Any host of the internal networks may take the external interface down. Most networks are better without it.'));
	flag(s, 'access', 'pcp_strict_nonce', false, _('Strict PCP'),
		_('A PCP client that has lost its nonce cannot renew its mapping until the lease ends.'));
	networks(s.taboption('access', form.DynamicList, 'pcp_third_party',
		_('Third parties'),
		_('Hosts of these networks may open ports for other hosts by PCP.')),
		'pcp_third_party', '192.168.1.10/32');
	choice(s, 'access', 'list_scope', [
		[ 'own', _('Only its own mappings') ],
		[ 'all', _('All mappings') ]
	], _('A UPnP list has'),
		_('What GetListOfPortMappings of IGD:2 returns to a host.'));
	flag(s, 'access', 'show_dummy_rule', true, _('Dummy mapping'),
		_('While there is no mapping, UPnP clients see one that has no effect, because some do not work with an empty list.'));
	choice(s, 'access', 'igd_version', [
		[ 'both', _('1 and 2') ],
		[ '1', '1' ],
		[ '2', '2' ]
	], _('IGD version'), _('Some programs accept only version 1; others work fully only with version 2.'));
}

function addLimits(s) {
	value(s, 'limits', 'max_lease', '604800', 'range(1,604800)',
		_('Longest lease'), _('Seconds. A longer lease is shortened to this time.'));
	value(s, 'limits', 'absent_timeout', '0', 'range(0,31536000)',
		_('Absent hosts'), _('Seconds after which a mapping without an end is removed if its host does not answer; 0: never.'));
	value(s, 'limits', 'max_mappings', '1024', 'range(1,60000)',
		_('Port mappings'), _('The most that can be open at once.'));
	value(s, 'limits', 'max_mappings_per_client', '128', 'range(1,60000)',
		_('Port mappings of a host'));
	value(s, 'limits', 'max_pinholes', '1024', 'range(0,16384)',
		_('IPv6 pinholes'), _('0: programs cannot open ports of IPv6 addresses.'));
}

function addNetwork(s) {
	choice(s, 'network', 'external_selection', [
		[ 'route', _('The one of the default route') ],
		[ 'priority', _('The first one that works, in the order below') ]
	], _('Of several external interfaces'),
		_('Ports are opened on one of them at a time; all move when it fails.'));
	choice(s, 'network', 'private_external_address', [
		[ 'warn', _('Open ports here, and warn') ],
		[ 'refuse', _('Refuse, unless that router forwards the port') ]
	], _('Behind another router'), _('What to do if the external address is private.'));
	choice(s, 'network', 'ask_upstream', [
		[ 'auto', _('If the external address is private') ],
		[ 'no', _('Never') ],
		[ 'pcp', _('Always, by PCP') ],
		[ 'nat-pmp', _('Always, by NAT-PMP') ],
		[ 'upnp', _('Always, by UPnP') ]
	], _('Ask the router in front'), _('Ask it to forward each port to this router.'));
	flag(s, 'network', 'hairpin', false, _('Hairpin'),
		_('Hosts of the internal networks reach open ports at the external address, too.'));
	flag(s, 'network', 'masquerade', false, _('Masquerade'),
		_('Masquerade the internal networks; needed only where the firewall does not.'));
	value(s, 'network', 'upstream_bps', '0', 'range(0,4294967295)',
		_('Upstream rate'), _('Bits per second to report to UPnP clients; 0: the rate of the link.'));
	value(s, 'network', 'downstream_bps', '0', 'range(0,4294967295)',
		_('Downstream rate'), _('Bits per second to report to UPnP clients; 0: the rate of the link.'));
}

function addDevice(s) {
	value(s, 'device', 'friendly_name', 'Router', TEXT, _('Name'),
		_('The name that UPnP programs show.'));
	value(s, 'device', 'manufacturer', 'upnpd', TEXT, _('Manufacturer'));
	value(s, 'device', 'manufacturer_url', '', MAYBE_TEXT,
		_('Address of the manufacturer'));
	value(s, 'device', 'model_name', 'Internet Gateway Device', TEXT,
		_('Model'));
	value(s, 'device', 'model_number', _('version of upnpd'), MAYBE_TEXT,
		_('Model number'));
	value(s, 'device', 'serial_number', '', MAYBE_TEXT,
		_('Serial number'));
	value(s, 'device', 'presentation_url', '', MAYBE_TEXT,
		_('Address of the web interface'),
		_('Empty: the page for the internal networks.'));
	set(value(s, 'device', 'uuid', '', 'maxlength(36)', _('UUID'),
		_('Programs recognize the router by it. Empty: a random one.')), {
		validate: (id, text) => text == '' ||
			/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text) ||
			_('Expecting: a UUID')
	});
}

function addAdvanced(s) {
	choice(s, 'advanced', 'backend', [
		[ 'auto', _('automatic') ],
		[ 'netlink', 'nf_tables' ],
		[ 'iptables', 'iptables' ],
		[ 'iptables-nft', 'iptables-nft' ],
		[ 'iptables-legacy', 'iptables-legacy' ],
		[ 'memory', _('none, for tests') ]
	], _('Firewall backend'));
	value(s, 'advanced', 'nft_table', '', MAYBE_TEXT, _('nf_tables table'),
		_('The table of the chain below: inet fw4 for OpenWrt\'s firewall.'));
	value(s, 'advanced', 'nft_forward_chain', '', MAYBE_TEXT,
		_('nf_tables chain'),
		_('The chain that accepts packets to open ports. Both are empty: every chain that would drop them.'));
	value(s, 'advanced', 'http_port', '2828', 'port', _('HTTP port'),
		_('Of UPnP and of the page; 0: any free port.'));
	value(s, 'advanced', 'notify_interval', '900', 'range(30,86400)',
		_('Announcements'), _('Seconds between two announcements of UPnP.'));
	value(s, 'advanced', 'verify_interval', '30', 'range(1,86400)',
		_('Checks of the firewall'), _('Seconds between two checks that the rules are in place.'));
	flag(s, 'advanced', 'log_mappings', true, _('Log mappings'),
		_('A line in the system log for each port that is opened or closed.'));
	choice(s, 'advanced', 'log_level', [
		[ 'info', _('Information') ],
		[ 'debug', _('Debug') ],
		[ 'notice', _('Notice') ],
		[ 'warning', _('Warning') ],
		[ 'error', _('Error') ]
	], _('Log level'));
	value(s, 'advanced', 'state_dir', '/var/lib/upnpd', 'directory',
		_('State directory'), _('A directory in RAM. upnpd must be restarted after a change of this or one of the next three.'));
	value(s, 'advanced', 'pid_file', '/var/run/upnpd.pid', TEXT,
		_('Pid file'));
	value(s, 'advanced', 'control_socket', '/var/run/upnpd.sock',
		'rangelength(1,107)', _('Control socket'));
	value(s, 'advanced', 'user', 'upnpd', TEXT, _('User'),
		_('As whom the part that reads from the network runs.'));
}

function addGlobal(map, name) {
	const s = map.section(form.NamedSection, name, 'global');

	s.addremove = false;
	s.tab('general', _('General'));
	s.tab('access', _('Access'));
	s.tab('limits', _('Limits'));
	s.tab('network', _('Network'));
	s.tab('device', _('Device description'));
	s.tab('advanced', _('Advanced'));
	addGeneral(s);
	addAccess(s);
	addLimits(s);
	addNetwork(s);
	addDevice(s);
	addAdvanced(s);
}

/* A section has a network or a device. @other: the other option */
function only(other) {
	return function(id, text) {
		const more = this.section.formvalue(id, other);

		if (text && more)
			return _('Expecting: a network or a device, not both');

		return text || more ? true :
			_('Expecting: a network or a device');
	};
}

function addInterfaces(map) {
	const s = map.section(form.GridSection, 'interface', _('Interfaces'),
		_('The external interface, or several, and each internal one whose hosts may open ports.'));
	let o;

	s.anonymous = true;
	s.addremove = true;
	s.sortable = true;
	s.nodescriptions = true;
	s.modaltitle = _('Interface');

	o = s.option(form.ListValue, 'type', _('Type'));
	o.value('internal', _('internal'));
	o.value('external', _('external'));
	o.rmempty = false;
	o.textvalue = (id) => ({
		internal: _('internal'), external: _('external')
	})[uci.get('upnpd', id, 'type')];

	o = s.option(widgets.NetworkSelect, 'network', _('Network'),
		_('A network of OpenWrt, such as wan or lan.'));
	o.validate = only('name');

	o = s.option(widgets.DeviceSelect, 'name', _('Device'),
		_('Only without a network: the device itself.'));
	o.noaliases = true;
	o.modalonly = true;
	o.validate = only('network');

	flag(s, null, 'disabled', false, _('Disabled'),
		_('upnpd ignores the interface.'));

	o = s.option(form.Value, 'forced_ip', _('External address'),
		_('The IPv4 address that clients are told, behind another router or with several addresses.'));
	o.datatype = 'ip4addr("nomask")';
	o.modalonly = true;
	o.depends('type', 'external');

	o = s.option(form.DynamicList, 'routed', _('Networks behind it'),
		_('Networks behind other routers of the internal network, whose hosts may open ports, too.'));
	networks(o, 'routed', '172.31.0.0/16');
	o.modalonly = true;
	o.depends('type', 'internal');
}

function addMappings(map) {
	const s = map.section(form.GridSection, 'mapping', _('Static mappings'),
		_('Ports that are always open. No program can change them.'));
	let o;

	s.anonymous = true;
	s.addremove = true;
	s.sortable = true;
	s.nodescriptions = true;
	s.modaltitle = _('Static mapping');

	o = s.option(form.ListValue, 'proto', _('Protocol'),
		_('For IPv6 also DCCP, SCTP and UDP-Lite.'));
	for (const name of [ 'tcp', 'udp', 'dccp', 'sctp', 'udplite' ])
		o.value(name, model.protocol(name));
	o.rmempty = false;
	o.textvalue = (id) => model.protocol(uci.get('upnpd', id, 'proto'));

	o = s.option(form.Value, 'external_port', _('External port'),
		_('An IPv6 address needs none: it has one port.'));
	o.datatype = 'range(1,65535)';
	o.validate = function(id, text) {
		return text != '' ||
			(this.section.formvalue(id, 'to') ?? '').startsWith('[') ||
			_('Expecting: a port');
	};

	o = s.option(form.Value, 'to', _('To'),
		_('The host and its port: 192.168.1.10:8080, or [2001:db8::10]:8080 of IPv6.'));
	o.datatype = 'ipaddrport(1)';
	o.rmempty = false;

	o = s.option(form.Value, 'remote', _('Only from'),
		_('The only host that may connect, perhaps with a port.'));
	o.datatype = REMOTE;
	o.modalonly = true;

	flag(s, null, 'disabled', false, _('Disabled'),
		_('The mapping keeps the port, and forwards nothing.'));

	o = s.option(form.Value, 'comment', _('Comment'));
	o.validate = (id, text) => model.checkComment(text);
}

function addRules(map) {
	const s = map.section(form.TableSection, 'rule', _('Rules'),
		_('The first rule that matches a request decides; if none matches, the request is refused. Without any rule, all internal networks may open ports from 1024 on.'));
	let o;

	s.anonymous = true;
	s.addremove = true;
	s.sortable = true;

	o = s.option(form.Flag, 'enabled', _('Enabled'));
	o.default = '1';
	o.rmempty = false;

	o = s.option(form.ListValue, 'action', _('Action'));
	o.value('allow', _('allow'));
	o.value('deny', _('deny'));
	o.rmempty = false;

	o = s.option(form.Value, 'external_ports', _('External ports'));
	o.datatype = 'portrange';
	o.placeholder = '1024-65535';
	o.rmempty = false;
	o.validate = (id, text) => model.checkPorts(text);

	o = s.option(form.Value, 'network', _('Host or network'));
	o.placeholder = '192.168.1.0/24';
	o.rmempty = false;
	o.validate = (id, text) => model.checkNetwork(text);

	o = s.option(form.Value, 'internal_ports', _('Ports of the host'));
	o.datatype = 'portrange';
	o.placeholder = '1024-65535';
	o.rmempty = false;
	o.validate = (id, text) => model.checkPorts(text);

	o = s.option(form.Value, 'comment', _('Comment'));
	o.validate = (id, text) => model.checkComment(text);
}

return view.extend({
	load() {
		return uci.load('upnpd');
	},

	/* Write the table of rules into UCI's list. */
	storeRules() {
		const lines = this.rules.data.sections(null, 'rule')
			.map((rule) => model.formatRule(rule));
		const now = L.toArray(uci.get('upnpd', this.global, 'rule'));

		if (!lines.length && now.length)
			uci.unset('upnpd', this.global, 'rule');
		else if (lines.join('\n') != now.join('\n'))
			uci.set('upnpd', this.global, 'rule', lines);
	},

	handleSave() {
		return this.rules.save(() => this.storeRules())
			.then(() => this.map.save());
	},

	render() {
		const global = uci.sections('upnpd', 'global')[0];

		if (!global) {
			this.handleSave = this.handleSaveApply = this.handleReset = null;

			return E('div', { 'class': 'alert-message warning' }, [
				E('h4', {}, [ _('This is no configuration of upnpd') ]),
				E('p', {}, [ _('/etc/config/upnpd has no section global. If it is the file of miniupnpd, /usr/share/upnpd/upnpd-from-miniupnpd converts it.') ])
			]);
		}

		this.global = global['.name'];
		this.map = new form.Map('upnpd', _('Settings'),
			_('upnpd opens ports for programs on the internal networks that ask for them by UPnP, NAT-PMP or PCP.'));
		addGlobal(this.map, this.global);
		addInterfaces(this.map);
		addMappings(this.map);
		this.rules = new form.JSONMap({
			rule: L.toArray(uci.get('upnpd', this.global, 'rule'))
				.map((line) => model.parseRule(line))
		});
		this.rules.readonly = !L.hasViewPermission();
		addRules(this.rules);

		return Promise.all([ this.map.render(), this.rules.render() ])
			.then((nodes) => E([], nodes));
	}
});
