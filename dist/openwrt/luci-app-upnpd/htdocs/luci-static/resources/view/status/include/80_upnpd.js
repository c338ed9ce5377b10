'use strict';
'require baseclass';
'require upnpd.model as model';
'require upnpd.tables as tables';

// SPDX-License-Identifier: ISC
// The open ports on LuCI's overview. It loads the page again itself.

return baseclass.extend({
	title: _('Open ports (UPnP, NAT-PMP, PCP)'),

	load() {
		return tables.load();
	},

	render([ , list ]) {
		const { mappings, pinholes } = model.kinds(list);
		const table = tables.makeMappings('upnpd-overview');

		tables.showMappings(table, mappings.concat(pinholes),
			() => Promise.resolve());

		return table;
	}
});
