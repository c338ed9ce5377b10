'use strict';
'require dom';
'require poll';
'require view';
'require upnpd.model as model';
'require upnpd.tables as tables';

// SPDX-License-Identifier: ISC
// The page "Status": the router, the open ports with a button to delete each, and
// the requests that were refused.

const POLL_S = 5;

function line(title, value) {
	return E('tr', { 'class': 'tr' }, [
		E('td', { 'class': 'td left', 'width': '33%' }, [ title ]),
		E('td', { 'class': 'td left' }, [ value ])
	]);
}

function count(table) {
	return table ? _('%d of at most %d').format(table.count, table.max) :
		_('not known');
}

return view.extend({
	handleSave: null,
	handleSaveApply: null,
	handleReset: null,

	load() {
		return tables.load();
	},

	renderProtocols(status) {
		const names = model.protocols(status).map(([ name, serves ]) =>
			serves ? name : _('%s (not yet)').format(name));

		return names.join(', ') || _('none');
	},

	showRouter(status) {
		dom.content(this.router, [
			line(_('Service'), model.state(status)),
			line(_('External address'), model.external(status)),
			line(_('Reachable from the Internet'), model.reach(status)),
			line(_('Protocols'), this.renderProtocols(status)),
			line(_('Port mappings'), count(status?.mappings)),
			line(_('IPv6 pinholes'), count(status?.pinholes)),
			line(_('Firewall backend'), status?.firewall?.backend ??
				_('not known'))
		]);
	},

	showFaults(status, list) {
		const missing = model.missing(status.status, list);
		const texts = status.status ? model.faults(status.status) :
			model.errors(status, false);

		if (missing)
			texts.push(_('%d more ports are open; upnpctl mappings print lists all of them.').format(missing));
		dom.content(this.faults, texts.map((text) =>
			E('div', { 'class': 'alert-message warning' },
				[ E('p', {}, [ text ]) ])));
	},

	update() {
		return tables.load().then((answers) => this.show(answers));
	},

	show([ status, list, refusals ]) {
		const { mappings, pinholes } = model.kinds(list);
		const removed = () => this.update();

		this.showFaults(status, list);
		this.showRouter(status.status);
		tables.showMappings(this.mappings, mappings, removed);
		tables.showMappings(this.pinholes, pinholes, removed);
		tables.showRefusals(this.refusals, refusals?.refusals ?? []);
	},

	render(answers) {
		this.faults = E('div', { 'id': 'upnpd-faults' });
		this.router = E('table', { 'class': 'table', 'id': 'upnpd-router' });
		this.mappings = tables.makeMappings('upnpd-mappings');
		this.pinholes = tables.makeMappings('upnpd-pinholes');
		this.refusals = tables.makeRefusals('upnpd-refusals');
		this.show(answers);
		poll.add(() => this.update(), POLL_S);

		return E([], [
			E('h2', {}, [ _('Open ports') ]),
			E('div', { 'class': 'cbi-map-descr' }, [
				_('Ports that programs on the internal networks have opened by UPnP, NAT-PMP or PCP, and those of the configuration.')
			]),
			this.faults,
			E('div', { 'class': 'cbi-section' }, [
				E('h3', {}, [ _('Router') ]), this.router ]),
			E('div', { 'class': 'cbi-section' }, [
				E('h3', {}, [ _('Port mappings') ]), this.mappings ]),
			E('div', { 'class': 'cbi-section' }, [
				E('h3', {}, [ _('IPv6 pinholes') ]), this.pinholes ]),
			E('div', { 'class': 'cbi-section' }, [
				E('h3', {}, [ _('Refused requests') ]),
				E('div', { 'class': 'cbi-section-descr' }, [
					_('The latest requests that got no port, with the reason.')
				]),
				this.refusals ])
		]);
	}
});
