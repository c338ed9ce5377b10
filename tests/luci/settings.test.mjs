// SPDX-License-Identifier: ISC
// The page of settings has every option of upnpd, with its default and its
// range, and no other.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { load } from './luci.mjs';

const TREE = new URL('../../', import.meta.url);
const BUILD = new URL(`${process.env.BUILD ?? 'build'}/`, TREE);
// What the service writes if UCI has nothing, and words for a default.
const OTHER_DEFAULTS = { pid_file: '/var/run/upnpd.pid',
	control_socket: '/var/run/upnpd.sock', model_number: 'version of upnpd' };
// Options of UCI's section global that upnpd.conf does not have.
const OF_UCI = [ 'persist' ];

class Option {
	constructor(kind, name, title, help) {
		Object.assign(this, { kind, name, title, help, words: [],
			depend: {} });
	}

	value(word, label) {
		this.words.push(word);
		assert.ok(label);
	}

	depends(name, value) {
		this.depend[name] = value;
	}
}

class Section {
	constructor(type, ...texts) {
		Object.assign(this, { type, texts, options: {}, tabs: [] });
	}

	tab(name, title) {
		this.tabs.push(name);
		assert.ok(title);
	}

	option(kind, name, ...texts) {
		assert.ok(!(name in this.options), name);
		return this.options[name] = new Option(kind, name, ...texts);
	}

	taboption(tab, ...args) {
		assert.ok(this.tabs.includes(tab), tab);
		return this.option(...args);
	}
}

const KINDS = [ 'Flag', 'Value', 'ListValue', 'DynamicList' ];

/* A form that only records what the page makes. */
function record(sections) {
	const saved = {}, made = {};
	const uci = {
		load: () => Promise.resolve(),
		sections: (config, type) =>
			sections.filter((s) => s['.type'] == type),
		get: (config, id, name) =>
			sections.find((s) => s['.name'] == id)?.[name],
		set: (config, id, name, value) => saved[name] = value,
		unset: (config, id, name) => saved[name] = null
	};
	class Map {
		constructor(config) {
			this.config = config;
		}

		section(kind, ...args) {
			const s = new Section(...(kind == 'NamedSection' ?
				args.slice(1) : args));

			return made[s.type] = s;
		}

		render() {
			return Promise.resolve(this);
		}

		save(cb) {
			return Promise.resolve(cb?.());
		}
	}
	class JSONMap extends Map {
		constructor(data) {
			super('json');
			this.data = { data, sections: () => this.data.data.rule };
		}
	}
	const form = { Map, JSONMap, NamedSection: 'NamedSection',
		GridSection: 'GridSection', TableSection: 'TableSection' };

	for (const kind of KINDS)
		form[kind] = kind;

	const page = load('view.upnpd.settings', {
		form, uci,
		'tools.widgets': { NetworkSelect: 'Value', DeviceSelect: 'Value' }
	}, { E: (...args) => args });

	return { page, made, saved };
}

const GLOBAL = { '.type': 'global', '.name': 'global' };

/* The options of upnpd: [{table, name, kind, preset, range}] */
function known() {
	const out = execFileSync(new URL('tests/test_confopt', BUILD)
		.pathname, [ 'table' ]).toString();

	return out.trimEnd().split('\n').map((line) => {
		const [ table, name, kind, preset, range ] = line.split('\t');

		return { table, name: name.replaceAll('-', '_'), kind, preset,
			range };
	});
}

test('every option of upnpd.conf is a field, and no other', () => {
	const { page, made } = record([ GLOBAL ]);

	page.render();
	const whole = known().filter((o) => o.table == 'whole')
		.map((o) => o.name);
	assert.ok(whole.length > 40);
	assert.deepEqual(Object.keys(made.global.options).sort(),
		[ ...whole, ...OF_UCI ].sort());
	// UCI's network is OpenWrt's, so the option of that name is "routed"
	const iface = known().filter((o) => o.table == 'interface')
		.map((o) => o.name == 'network' ? 'routed' : o.name);
	assert.deepEqual(Object.keys(made.interface.options).sort(),
		[ ...iface, 'name', 'network' ].sort());
	assert.deepEqual(Object.keys(made.mapping.options).sort(), [ 'comment',
		'disabled', 'external_port', 'proto', 'remote', 'to' ]);
});

test('each field has the type, the default and the range', () => {
	const { page, made } = record([ GLOBAL ]);

	page.render();
	for (const o of known().filter((o) => o.table == 'whole')) {
		const field = made.global.options[o.name];
		const preset = OTHER_DEFAULTS[o.name] ?? o.preset;

		assert.ok(field.title, o.name);
		if (o.kind == 'bool') {
			assert.equal(field.kind, 'Flag', o.name);
			assert.equal(field.default, preset == 'yes' ? '1' : '0',
				o.name);
		}
		else if (o.kind == 'word') {
			assert.equal(field.kind, 'ListValue', o.name);
			assert.equal(field.default, preset, o.name);
			assert.deepEqual([ ...field.words ].sort(),
				o.range.split(', ').sort(), o.name);
		}
		else if (o.kind == 'networks') {
			assert.equal(field.kind, 'DynamicList', o.name);
		}
		else {
			assert.equal(field.kind, 'Value', o.name);
			if (o.name != 'uuid' && preset != '/var/lib/upnpd')
				assert.equal(field.placeholder, preset, o.name);
		}
		if (o.kind == 'number' && o.range != '0 to 65535')
			assert.equal(field.datatype,
				`range(${o.range.replace(' to ', ',')})`);
	}
});

test('fields of a list have no datatype beside their check', () => {
	const { page, made } = record([ GLOBAL ]);

	page.render();
	for (const field of [ made.global.options.pcp_third_party,
		made.interface.options.routed, made.rule.options.network ]) {
		assert.equal(field.datatype, undefined);
		assert.equal(field.validate('x', '10.0.0.0/8'), true);
		assert.notEqual(field.validate('x', '10.0.0.1/8'), true);
	}
});

test('yes and no of UCI are known in every spelling', () => {
	const { page, made } = record([ { ...GLOBAL, enabled: 'on',
		upnp: 'false', status_page: '0', ask_upstream: 'off',
		pcp_third_party: [ '10.0.0.0/8,fd00::/7' ] } ]);
	const value = (name) => made.global.options[name].load('global');

	page.render();
	assert.equal(value('enabled'), '1');
	assert.equal(value('upnp'), '0');
	assert.equal(value('status_page'), 'no');
	assert.equal(value('ask_upstream'), 'no');
	assert.equal(value('igd_version'), undefined);
	assert.deepEqual(value('pcp_third_party'), [ '10.0.0.0/8', 'fd00::/7' ]);
});

test('an interface has a network or a device', () => {
	const { page, made } = record([ GLOBAL ]);
	const check = (name, text, other) => made.interface.options[name]
		.validate.call({ section: { formvalue: () => other } }, 'x', text);

	page.render();
	for (const name of [ 'network', 'name' ]) {
		assert.equal(check(name, 'lan', ''), true);
		assert.equal(check(name, '', 'lan0'), true);
		assert.notEqual(check(name, 'lan', 'lan0'), true);
		assert.notEqual(check(name, '', null), true);
	}
});

test('only an IPv4 mapping needs an external port', () => {
	const { page, made } = record([ GLOBAL ]);
	const check = (text, to) => made.mapping.options.external_port.validate
		.call({ section: { formvalue: () => to } }, 'x', text);

	page.render();
	assert.equal(check('80', '10.0.0.1:80'), true);
	assert.equal(check('', '[2001:db8::1]:80'), true);
	assert.notEqual(check('', '10.0.0.1:80'), true);
	assert.notEqual(check('', null), true);
});

test('rules are stored as UCI has them', async () => {
	const rule = [ 'deny 1 10.0.0.0/8 1', 'allow 2 ::/0 2 disabled "x"' ];
	const { page, saved } = record([ { ...GLOBAL, rule } ]);

	page.render();
	await page.handleSave();
	assert.deepEqual(saved, {});
	page.rules.data.data.rule.reverse();
	await page.handleSave();
	assert.deepEqual(saved.rule, [ ...rule ].reverse());
	page.rules.data.data.rule.length = 0;
	await page.handleSave();
	assert.equal(saved.rule, null);
});

test('a file of miniupnpd cannot be changed', () => {
	const { page, made } = record([ { '.type': 'upnpd', '.name': 'x' } ]);

	page.render();
	assert.deepEqual(made, {});
	assert.equal(page.handleSave, null);
});
