'use strict';
// SPDX-License-Identifier: ISC
// The classes of LuCI that luci-app-upnpd uses, written for its tests: less than
// LuCI's, and as strict. What a page needs beyond them is an error. (form.js and
// tools/widgets.js have the rest.)

/* ---- the document -------------------------------------------------------- */

const dom = {
	elem: (node) => node instanceof Node,

	/* In an array, texts are text; any other value is markup. */
	append(node, children) {
		if (Array.isArray(children)) {
			for (const child of children)
				if (child != null)
					node.appendChild(this.elem(child) ? child :
						document.createTextNode(child));
		}
		else if (this.elem(children))
			node.appendChild(children);
		else if (children != null)
			node.innerHTML = children;
	},

	content(node, children) {
		node.replaceChildren();
		this.append(node, children);
	}
};

function E(name, attributes, children) {
	const node = Array.isArray(name) ? document.createDocumentFragment() :
		document.createElement(name);

	if (attributes == null || Array.isArray(attributes) ||
	    typeof(attributes) != 'object' || dom.elem(attributes)) {
		children = children ?? attributes;
		attributes = {};
	}
	for (const [ key, value ] of Object.entries(attributes))
		if (typeof(value) == 'function')
			node.addEventListener(key, value);
		else if (value != null)
			node.setAttribute(key, value);
	dom.append(node, children);

	return node;
}

/* ---- ubus ---------------------------------------------------------------- */

let requests = 0;

async function ubus(object, method, args) {
	const answer = await fetch(L.env.ubuspath, {
		method: 'POST',
		body: JSON.stringify({ jsonrpc: '2.0', id: ++requests,
			method: 'call',
			params: [ L.env.sessionid, object, method, args ] })
	});

	return (await answer.json()).result;
}

const rpc = {
	/* A status other than 0 gives the empty value of expect. */
	declare({ object, method, params = [], expect }) {
		const [ [ name, preset ] ] = Object.entries(expect);

		return async (...values) => {
			const args = Object.fromEntries(params.map((p, i) =>
				[ p, values[i] ]));
			const [ status, data ] = await ubus(object, method, args);
			const value = name == '' ? data : data?.[name];

			return status ? preset : value ?? preset;
		};
	}
};

/* ---- UCI ----------------------------------------------------------------- */

/* Changes are kept until save(). */
const uci = {
	packages: {}, changes: [], made: 0,

	async load(config) {
		const [ , { values } ] = await ubus('uci', 'get', { config });

		this.packages[config] = Object.values(values)
			.sort((a, b) => a['.index'] - b['.index']);
	},

	sections(config, type) {
		return (this.packages[config] ?? []).filter((s) =>
			type == null || s['.type'] == type);
	},

	get(config, id, name) {
		const section = this.sections(config)
			.find((s) => s['.name'] == id);

		return name == null ? section : section?.[name];
	},

	set(config, section, name, value) {
		this.get(config, section)[name] = value;
		this.changes.push([ 'set', { config, section,
			values: { [name]: value } } ]);
	},

	unset(config, section, option) {
		if (this.get(config, section)[option] == null)
			return;
		delete this.get(config, section)[option];
		this.changes.push([ 'delete', { config, section,
			options: [ option ] } ]);
	},

	add(config, type) {
		const name = `new${++this.made}`;

		this.packages[config].push({ '.name': name, '.type': type });
		this.changes.push([ 'add', { config, type, name } ]);

		return name;
	},

	remove(config, section) {
		this.packages[config] = this.packages[config]
			.filter((s) => s['.name'] != section);
		this.changes.push([ 'delete', { config, section } ]);
	},

	async save() {
		for (const [ method, args ] of this.changes.splice(0))
			await ubus('uci', method, args);
	}
};

/* ---- the page ------------------------------------------------------------ */

const baseclass = {
	extend: (members) => class {
		constructor() {
			Object.assign(this, members);
		}
	}
};

const poll = {
	add(task, seconds) {
		setInterval(task, (seconds ?? L.env.pollinterval) * 1000);
	}
};

const ui = {
	addNotification(title, children, level) {
		const note = E('div', { 'class': `alert-message ${level}` }, [
			title ? E('h4', {}, title) : '' ]);

		dom.append(note, [].concat(children));
		document.getElementById('maincontent').prepend(note);
	},

	/* The button is off while the method works. */
	createHandlerFn(self, method, ...args) {
		const handler = typeof(method) == 'string' ? self[method] : method;

		return async (event) => {
			const button = event.currentTarget;

			button.disabled = true;
			try {
				await handler.call(self, ...args, event);
			}
			finally {
				button.disabled = false;
			}
		};
	},

	showModal(title, children) {
		document.body.classList.add('modal-overlay-active');
		document.body.appendChild(E('div', { 'id': 'modal_overlay' }, [
			E('div', { 'class': 'modal' }, [ E('h4', {}, [ title ]) ]
				.concat(children)) ]));
	},

	hideModal() {
		document.body.classList.remove('modal-overlay-active');
		document.getElementById('modal_overlay')?.remove();
	},

	async instantiateView(name) {
		const page = await L.require(`view.${name.replaceAll('/', '.')}`);
		const nodes = await page.render(await page.load());

		dom.content(document.getElementById('view'), nodes);
		page.addFooter();
	}
};

const view = {
	extend: (members) => baseclass.extend({
		handleSave: () => {
			throw new Error('the default of handleSave is not used');
		},

		addFooter() {
			if (!this.handleSave)
				return;
			document.getElementById('view').appendChild(E('div', {
				'class': 'cbi-page-actions' }, [ E('button', {
				'class': 'cbi-button cbi-button-save',
				'click': ui.createHandlerFn(this, 'handleSave')
			}, [ _('Save') ]) ]));
		},

		...members
	})
};

/* ---- loading of classes -------------------------------------------------- */

class LuCI {
	constructor(env) {
		Object.assign(this, { env, dom,
			classes: { baseclass, dom, poll, rpc, ui, uci, view } });
	}

	toArray(value) {
		return value == null ? [] : Array.isArray(value) ? value :
			String(value).trim().split(/\s+/);
	}

	hasViewPermission() {
		return this.env.nodespec.satisfied && !this.env.nodespec.readonly;
	}

	async require(name) {
		this.classes[name] ??= this.fetch(name);

		return this.classes[name];
	}

	async fetch(name) {
		const path = `${this.env.base_url}/${name.replaceAll('.', '/')}.js`;
		const answer = await fetch(path);
		const scope = { L: this, E, _ };

		if (!answer.ok)
			throw new Error(`${path}: ${answer.status}`);

		const source = await answer.text();

		for (const [ , required, as ] of
		     source.matchAll(/'require ([\w.]+)(?: as (\w+))?';/g))
			scope[as ?? required] = await this.require(required);

		const made = new Function(...Object.keys(scope), source)(
			...Object.values(scope));

		return typeof(made) == 'function' ? new made() : made;
	}
}

let L;
