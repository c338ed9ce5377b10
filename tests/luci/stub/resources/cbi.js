'use strict';
// SPDX-License-Identifier: ISC
// The global functions of LuCI that luci-app-upnpd uses, written for its tests.

String.prototype.format = function(...args) {
	return this.replace(/%([sd%])/g, (all, kind) =>
		kind == '%' ? '%' : kind == 'd' ? String(+args.shift()) :
			String(args.shift()));
};

function _(text) {
	return text;
}

/* As in LuCI, a text is markup, in a cell as in the placeholder. */
function cbi_update_table(table, rows, placeholder) {
	while (table.rows.length > 1)
		table.deleteRow(1);
	for (const row of rows)
		table.appendChild(E('tr', { 'class': 'tr' }, row.map((cell) => E(
			'td', { 'class': 'td' }, cell))));
	if (!rows.length && placeholder)
		table.appendChild(E('tr', { 'class': 'tr placeholder' }, [
			E('td', { 'class': 'td' }, placeholder) ]));
}
