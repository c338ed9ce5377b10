// SPDX-License-Identifier: ISC
// Load a script of luci-app-upnpd as LuCI does, with stand-ins for the classes
// that it requires.
import { readFileSync } from 'node:fs';

const APP = new URL('../../dist/openwrt/luci-app-upnpd/htdocs/luci-static/' +
	'resources/', import.meta.url);

// LuCI extends String like this; only %s, %d and %% are used here.
String.prototype.format = function(...args) {
	return this.replace(/%([sd%])/g, (all, kind) =>
		kind == '%' ? '%' : kind == 'd' ? String(+args.shift()) :
			String(args.shift()));
};

export const L = {
	toArray: (v) => v == null ? [] : Array.isArray(v) ? v :
		String(v).split(/\s+/).filter((s) => s != ''),
	hasViewPermission: () => true
};

/* Each text that a script translates. */
export const translated = new Set();

function _(text) {
	translated.add(text);

	return text;
}

/* @name: "upnpd.model"; @modules: name -> stand-in; @globals: such as E */
export function load(name, modules = {}, globals = {}) {
	const path = name.replaceAll('.', '/') + '.js';
	const source = readFileSync(new URL(path, APP), 'utf8');
	const names = {}, all = {
		baseclass: { extend: (o) => o },
		view: { extend: (o) => o },
		...modules
	};

	for (const [ , required, as ] of
	     source.matchAll(/'require ([\w.]+)(?: as (\w+))?';/g))
		names[as ?? required] = all[required] ?? load(required, modules,
			globals);

	const scope = { L, _, ...globals, ...names };

	return new Function(...Object.keys(scope), source)(
		...Object.values(scope));
}
