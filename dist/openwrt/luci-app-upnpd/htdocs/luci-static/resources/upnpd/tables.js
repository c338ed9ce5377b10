'use strict';
'require baseclass';
'require rpc';
'require ui';
'require upnpd.model as model';

// SPDX-License-Identifier: ISC
// The tables of mappings and of refusals, for the pages of upnpd and the
// overview. LuCI's tables take a text as markup, so each cell is an element,
// whose text LuCI does not read.

const callList = rpc.declare({
	object: 'luci.upnpd',
	method: 'list',
	expect: { '': {} }
});

const callStatus = rpc.declare({
	object: 'luci.upnpd',
	method: 'status',
	expect: { '': {} }
});

const callRefusals = rpc.declare({
	object: 'luci.upnpd',
	method: 'refusals',
	expect: { '': {} }
});

const callDelete = rpc.declare({
	object: 'luci.upnpd',
	method: 'delete',
	params: [ 'key' ],
	expect: { '': {} }
});

function cell(text, ...small) {
	return E('span', {}, [ text ].concat(small.flatMap((line) =>
		[ E('br'), E('small', {}, [ line ]) ])));
}

return baseclass.extend({
	/** Ask for all that the pages show: [ status, list, refusals ] */
	load() {
		return Promise.all([ callStatus(), callList(), callRefusals() ]);
	},

	/**
	 * Make an empty table.
	 * @headings: of the columns; '' is a column of buttons
	 */
	make(id, headings) {
		return E('table', { 'class': 'table', 'id': id }, [
			E('tr', { 'class': 'tr table-titles' },
				headings.map((text) => E('th', {
					'class': text == '' ?
						'th cbi-section-actions' : 'th'
				}, [ text ])))
		]);
	},

	makeMappings(id) {
		return this.make(id, [ _('Protocol'), _('Port'), _('Host'),
			_('Opened by'), _('Time left'), _('Description'), '' ]);
	},

	makeRefusals(id) {
		return this.make(id, [ _('When'), _('Host'), _('Protocol'),
			_('Port'), _('Reason') ]);
	},

	/* The lines of a mapping's host: its name, if it is known, and where the
	 * mapping leads to. */
	host(mapping) {
		const to = mapping.kind == 'pinhole' ? mapping['to-address'] :
			model.endpoint(mapping['to-address'], mapping['to-port']);

		return mapping['to-name'] ? [ mapping['to-name'], to ] : [ to ];
	},

	row(mapping, removed) {
		const remote = model.remote(mapping);

		return [
			cell(model.protocol(mapping.protocol)),
			cell(String(mapping['external-port'] ?? _('all')),
				...(remote ? [ _('only from %s').format(remote) ] : [])),
			cell(...this.host(mapping)),
			cell(model.origin(mapping.origin),
				...(mapping.by && mapping.by != mapping['to-address'] ?
					[ model.host(mapping['by-name'], mapping.by) ] :
					[])),
			cell(model.duration(mapping['time-left'])),
			cell(mapping.description, ...model.remarks(mapping)),
			E('button', {
				'class': 'btn cbi-button cbi-button-remove',
				'title': _('Delete this mapping'),
				'data-key': mapping.key,
				'disabled': L.hasViewPermission() ? null : true,
				'click': ui.createHandlerFn(this, 'remove', mapping.key,
					removed)
			}, [ _('Delete') ])
		];
	},

	/** Show the mappings. @removed: called after one was removed */
	showMappings(table, mappings, removed) {
		cbi_update_table(table,
			mappings.map((mapping) => this.row(mapping, removed)),
			E('em', {}, [ _('There are no open ports.') ]));
	},

	showRefusals(table, refusals) {
		cbi_update_table(table, refusals.map((r) => [
			cell(_('%s ago').format(model.duration(r.ago)),
				...(r.times > 1 ? [ _('%d times').format(r.times) ] : [])),
			cell(model.host(r['by-name'], r.by)),
			cell(...[ model.protocol(r.protocol), model.origin(r.origin) ]
				.filter((text) => text)),
			cell(String(r['external-port'] ?? r['to-port'] ?? '')),
			cell(model.reason(r), ...(r.line == null ? [] :
				[ _('line %d of upnpd.conf').format(r.line) ]))
		]), E('em', {}, [ _('No request was refused.') ]));
	},

	/** Show errors of the plugin above the page. */
	complain(texts) {
		for (const text of texts)
			ui.addNotification(null, E('p', {}, [ text ]), 'danger');
	},

	remove(key, removed) {
		return callDelete(key).then((answer) => {
			this.complain(model.errors(answer, answer.removed));

			return removed();
		});
	}
});
