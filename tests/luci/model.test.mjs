// SPDX-License-Identifier: ISC
// The logic of the pages: rules, networks, times, and words.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { load } from './luci.mjs';

const model = load('upnpd.model');
const TREE = new URL('../../', import.meta.url);
const BUILD = new URL(`${process.env.BUILD ?? 'build'}/`, TREE);

test('a rule is read and written again', () => {
	for (const line of [
		'allow 1024-65535 192.168.1.0/24 1024-65535',
		'deny 3389 0.0.0.0/0 0-65535',
		'deny 0-65535 192.168.1.66 0-65535 disabled',
		'allow 80 2001:db8::/64 80 "the kids\' console"',
		'allow 80 ::/0 80 disabled "a \\"b\\" \\\\ # c"'
	])
		assert.equal(model.formatRule(model.parseRule(line)), line);
});

test('the parts of a rule', () => {
	assert.deepEqual(model.parseRule(
		'  deny   3389\t0.0.0.0/0  0-65535  disabled  "it\\"s" '), {
		enabled: '0', action: 'deny', external_ports: '3389',
		network: '0.0.0.0/0', internal_ports: '0-65535',
		comment: 'it"s'
	});
	const rule = model.parseRule('allow 1 10.0.0.0/8 2 "disabled"');
	assert.equal(rule.enabled, '1');
	assert.equal(rule.comment, 'disabled');
});

test('a wrong rule keeps what it has', () => {
	assert.equal(model.parseRule('').action, '');
	assert.equal(model.parseRule('allow 80').network, '');
	const rule = model.parseRule('allow 80 10.0.0.0/8 80 disabledx');
	assert.equal(rule.comment, 'disabledx');
	assert.equal(rule.enabled, '1');
	assert.equal(model.parseRule('deny 1 ::/0 1 "open').comment, '"open');
	assert.equal(model.parseRule('deny 1 "x y"').comment, 'x y');
});

test('upnpctl writes a rule as the page does', () => {
	const line = 'deny 3389 10.0.0.0/8 0-65535 disabled "a \\"b\\" \\\\"';
	const script = '/ip upnp rules add action=deny external-ports=3389 ' +
		'network=10.0.0.0/8 disabled=yes comment="a \\"b\\" \\\\"\n';
	const dir = execFileSync('mktemp', [ '-d' ]).toString().trim();

	try {
		execFileSync(new URL('upnpctl', BUILD).pathname,
			[ '-f', `${dir}/conf`, '-' ],
			{ input: script, stdio: [ 'pipe', 'pipe', 'pipe' ] });
		assert.ok(readFileSync(`${dir}/conf`, 'utf8')
			.includes(line + '\n'));
		assert.equal(model.formatRule(model.parseRule(line)), line);
	}
	finally {
		execFileSync('rm', [ '-r', dir ]);
	}
});

test('networks', () => {
	for (const good of [ '0.0.0.0/0', '10.0.0.0/8', '192.168.1.1',
		'192.168.1.1/32', '::/0', '2001:db8::/32', '2001:db8::1',
		'fd00:1:2:3:4:5:6:7', '2001:db8:8000::/33' ])
		assert.equal(model.checkNetwork(good), true, good);
	for (const bad of [ '', 'x', '10.0.0.0/33', '10.0.0.256', '10.0.0',
		'10.0.0.1/8', '10.0.0.0/8/8', '10.0.0.0/', '::/129', ':::',
		'1::2::3', '1:2:3:4:5:6:7:8:9', '2001:db8::/16', 'lan',
		'10.0.0.0/-1', '2001:db8:8000::/32', '1:2:3' ])
		assert.notEqual(model.checkNetwork(bad), true, bad);
});

test('ports', () => {
	for (const good of [ '0', '80', '65535', '0-65535', '80-80' ])
		assert.equal(model.checkPorts(good), true, good);
	for (const bad of [ '', '65536', '2-1', '-1', '1-', '1-65536', '1 2',
		'any', '1-2-3' ])
		assert.notEqual(model.checkPorts(bad), true, bad);
});

test('comments', () => {
	assert.equal(model.checkComment('it\'s "\u263a" # \\'), true);
	assert.equal(model.checkComment('\u263a'.repeat(85)), true);
	assert.notEqual(model.checkComment('\u263a'.repeat(86)), true);
	assert.notEqual(model.checkComment('a\nb'), true);
	assert.notEqual(model.checkComment('a\u007f'), true);
});

test('values of UCI', () => {
	assert.deepEqual([ '1', 'on', 'true', 'yes' ].map(model.flag),
		Array(4).fill('1'));
	assert.deepEqual([ '0', 'off', 'false', 'no' ].map(model.flag),
		Array(4).fill('0'));
	assert.equal(model.flag(null), null);
	assert.equal(model.flag('auto'), 'auto');
	assert.deepEqual(model.items([ '10.0.0.0/8, 172.16.0.0/12', '::/0' ]),
		[ '10.0.0.0/8', '172.16.0.0/12', '::/0' ]);
	assert.deepEqual(model.items('10.0.0.0/8'), [ '10.0.0.0/8' ]);
	assert.deepEqual(model.items(null), []);
});

test('times', () => {
	for (const [ seconds, text ] of [ [ null, 'no end' ], [ 0, '0s' ],
		[ 59, '59s' ], [ 60, '1m' ], [ 3599, '59m 59s' ], [ 3601, '1h' ],
		[ 90061, '1d 1h' ], [ 86400 + 60, '1d' ], [ 604800, '7d' ] ])
		assert.equal(model.duration(seconds), text);
});

test('addresses and ports', () => {
	assert.equal(model.endpoint('192.168.1.10', 80), '192.168.1.10:80');
	assert.equal(model.endpoint('2001:db8::5', null), '[2001:db8::5]:*');
	assert.equal(model.endpoint(null, 80), '');
	assert.equal(model.host('laptop', '10.0.0.1'), 'laptop (10.0.0.1)');
	assert.equal(model.host(undefined, '10.0.0.1'), '10.0.0.1');
	assert.equal(model.host(undefined, null), '');
	assert.equal(model.remote({ 'remote-host': null,
		'remote-port': null }), '');
	assert.equal(model.remote({ 'remote-host': '10.0.0.1',
		'remote-port': null }), '10.0.0.1');
	assert.equal(model.remote({ 'remote-host': '2001:db8::9',
		'remote-port': 5060 }), '[2001:db8::9]:5060');
	assert.equal(model.remote({ 'remote-host': null,
		'remote-port': 5060 }), '*:5060');
});

test('each reason of upnpd has words', () => {
	const source = readFileSync(new URL('map/refusal.c', TREE), 'utf8');
	const counted = source.slice(0, source.indexOf('[REFUSAL_NOT_FOUND]'));
	const names = [ ...counted.matchAll(/\[REFUSAL_\w+\] = \{\s*"([\w-]+)"/g)
		].map((m) => m[1]).filter((name) => name != 'none');

	assert.ok(names.length > 25);
	assert.deepEqual(Object.keys(model.reasons()).sort(), names.sort());
	assert.equal(model.reason({ reason: 'new', text: 'why' }), 'why');
	assert.equal(model.reason({ reason: 'new' }), 'new');
});

test('the state of the daemon', () => {
	const state = (status) => model.state(status);

	assert.equal(state(null), 'not known');
	assert.equal(state({ running: null }), 'not known');
	assert.equal(state({ running: false }), 'not running');
	assert.equal(state({ running: true, enabled: false }), 'not enabled');
	assert.equal(state({ running: true, enabled: true, waits: true }),
		'waiting for an interface');
	assert.equal(state({ running: true, enabled: true, uptime: 61 }),
		'running for 1m 1s');
});

test('the external address', () => {
	const external = (ext) => model.external({ external: ext });

	assert.equal(model.external({ external: null }), 'not known');
	assert.equal(external({ address: '11.22.33.1', interface: 'wan0' }),
		'11.22.33.1 (wan0)');
	for (const fault of [ 'no-interface', 'interface-down', 'no-carrier',
		'no-address', 'private' ])
		assert.match(external({ fault }), /^none: ./);
	assert.equal(external({ fault: 'new' }), 'none');
	assert.match(model.reach({ external: { reachable: false } }), /^No: /);
	assert.equal(model.reach({ external: { reachable: true } }), 'Yes');
	assert.match(model.reach({ external: { reachable: true,
		'behind-nat': true } }), /router in front/);
	assert.equal(model.reach({ external: { reachable: null } }),
		'not known');
});

test('faults are said once', () => {
	assert.deepEqual(model.faults(null), []);
	assert.deepEqual(model.faults({ running: true, reason: 'a',
		'configuration-fault': 'a', firewall: { fault: 'b' },
		engine: { fault: null }, 'reload-fault': 'c' }),
	[ 'a', 'b', 'c' ]);
	assert.deepEqual(model.faults({ running: false, reason: 'a',
		fault: 'b', 'configuration-fault': 'c',
		engine: { fault: 'd' } }), [ 'a' ]);
	assert.deepEqual(model.faults({ running: false, reason: null,
		fault: null, 'configuration-fault': null,
		engine: { fault: 'd' } }), [ 'd' ]);
	assert.deepEqual(model.faults({ running: null,
		engine: { fault: 'd' } }), [ 'd' ]);
});

test('errors of the plugin', () => {
	assert.deepEqual(model.errors({ faults: [ { error: 'x', status: 1 },
		{ notice: 'y' } ] }, true), [ 'x', 'y' ]);
	assert.deepEqual(model.errors({ faults: [] }, true), []);
	assert.equal(model.errors({ faults: [] }, false).length, 1);
	assert.equal(model.errors(undefined, undefined).length, 1);
});

test('kinds of mappings, and those that were left out', () => {
	const list = { mappings: [ { kind: 'mapping' }, { kind: 'pinhole' } ] };
	const status = { mappings: { count: 5 }, pinholes: { count: 1 } };

	assert.equal(model.kinds(list).mappings.length, 1);
	assert.equal(model.kinds(list).pinholes.length, 1);
	assert.deepEqual(model.kinds({}).mappings, []);
	assert.equal(model.missing(status, list), 4);
	assert.equal(model.missing(null, list), 0);
	assert.equal(model.missing(status, { mappings: null }), 0);
});

test('remarks and protocols', () => {
	assert.deepEqual(model.remarks({}), []);
	assert.equal(model.remarks({ configured: true, disabled: true,
		suspended: true, overruled: true, 'upstream-port': 7 }).length, 5);
	assert.equal(model.protocol('tcp'), 'TCP');
	assert.equal(model.protocol('udplite'), 'UDP-Lite');
	assert.equal(model.protocol(undefined), '');
	assert.deepEqual(model.protocols({ protocols: {
		upnp: { enabled: true, serving: true },
		'nat-pmp': { enabled: false, serving: false },
		pcp: { enabled: true, serving: false }
	} }), [ [ 'UPnP', true ], [ 'PCP', false ] ]);
});
