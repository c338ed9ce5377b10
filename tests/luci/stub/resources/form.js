'use strict';
'require baseclass';
'require dom';
'require ui';
'require uci';

// SPDX-License-Identifier: ISC
// Forms as in LuCI, for tests: maps, sections, fields. Identifiers of elements
// are LuCI's, so that a test can run with either.

/* Members that a page may set. */
const KNOWN = [ 'addremove', 'anonymous', 'sortable', 'nodescriptions',
	'default', 'placeholder', 'datatype', 'rmempty', 'validate', 'load',
	'textvalue', 'modalonly', 'noaliases', 'readonly' ];

/* ---- datatypes ----------------------------------------------------------- */

const IP4 = /^(?:\d{1,3}\.){3}\d{1,3}$/;
const IP6 = /^(?=.*:)[0-9a-f:.]+$/i;

const TYPES = {
	'range': (v, min, max) => /^\d+$/.test(v) && +v >= min && +v <= max,
	'rangelength': (v, min, max) => v.length >= min && v.length <= max,
	'maxlength': (v, max) => v.length <= max,
	'port': (v) => TYPES.range(v, 0, 65535),
	'portrange': (v) => v.split('-').length <= 2 &&
		v.split('-').every(TYPES.port),
	'directory': (v) => /^\/[^\n]+$/.test(v),
	'ip4addr': (v) => IP4.test(v),
	'ipaddr': (v) => IP4.test(v) || IP6.test(v),
	'ipaddrport': (v) => {
		const m = v.match(/^(?:\[(.*)\]|([^:]*)):(\d+)$/);

		return m && TYPES.port(m[3]) && (m[1] ? IP6.test(m[1]) :
			IP4.test(m[2]));
	}
};

/* "or(ipaddr("nomask"),port)" */
function hasType(type, value) {
	const m = type.match(/^(\w+)(?:\((.*)\))?$/);
	const args = m[2] == null ? [] : m[2].split(/,(?![^(]*\))/);

	if (m[1] == 'or')
		return args.some((one) => hasType(one, value));
	if (!TYPES[m[1]])
		throw new Error(`unknown datatype ${type}`);

	return TYPES[m[1]](value, ...args.map((a) => a.replaceAll('"', '')));
}

/* ---- fields -------------------------------------------------------------- */

class Value {
	constructor(section, name, title, description) {
		this.parts = { section, name, title, description, words: [],
			depend: [], inputs: {} };
		this.section = section;
		this.map = section.map;
		this.rmempty = true;
	}

	value(word, label) {
		this.parts.words.push([ word, label ?? word ]);
	}

	depends(name, value) {
		this.parts.depend.push([ name, value ]);
	}

	load(id) {
		return this.map.data.get(this.map.config, id, this.parts.name);
	}

	validate() {
		return true;
	}

	async prepare() {}

	check() {
		for (const key of Object.keys(this))
			if (![ 'parts', 'section', 'map', ...KNOWN ].includes(key))
				throw new Error(`unknown member ${key}`);
	}

	cbid(id) {
		return `cbid.${this.map.config}.${id}.${this.parts.name}`;
	}

	textvalue(id) {
		return this.load(id) ?? this.default ?? '-';
	}

	makeInput(id, value) {
		return E('input', { 'type': 'text', 'class': 'cbi-input-text',
			'id': `widget.${this.cbid(id)}`,
			'placeholder': this.placeholder, 'value': value });
	}

	widget(id) {
		const input = this.makeInput(id, this.load(id) ?? this.default);

		if (this.map.readonly)
			input.setAttribute('disabled', '');
		this.parts.inputs[id] = input;
		input.addEventListener('blur', () => this.test(id));
		input.addEventListener('change', () => this.test(id));

		return E('div', { 'id': this.cbid(id) }, [ input ]);
	}

	formvalue(id) {
		return this.parts.inputs[id]?.value ?? this.load(id);
	}

	isActive(id) {
		return this.parts.depend.every(([ name, value ]) =>
			this.section.formvalue(id, name) == value);
	}

	/* Return: '' or why the value is wrong */
	test(id) {
		const value = this.formvalue(id) ?? '';
		let why = '';

		if (value == '' && !this.rmempty)
			why = 'empty';
		else if (value != '' && this.datatype &&
			 !hasType(this.datatype, value))
			why = this.datatype;
		else if (this.validate(id, value) !== true)
			why = this.validate(id, value);
		this.parts.inputs[id]?.classList.toggle('cbi-input-invalid', !!why);

		return why;
	}

	parse(id) {
		const { name, title } = this.parts;
		const value = this.formvalue(id);
		const why = this.isActive(id) && this.test(id);

		if (!(id in this.parts.inputs))
			return;
		if (why)
			throw new Error(`${title}: ${why}`);
		if (!this.isActive(id) || this.isDefault(value))
			this.map.data.unset(this.map.config, id, name);
		else if (String(value) != String(this.load(id)))
			this.map.data.set(this.map.config, id, name, value);
	}

	isDefault(value) {
		return value == '' || value == null;
	}
}

class Flag extends Value {
	makeInput(id, value) {
		return E('input', { 'type': 'checkbox',
			'checked': value == '1' ? '' : null });
	}

	formvalue(id) {
		const input = this.parts.inputs[id];

		return input ? (input.checked ? '1' : '0') : this.load(id);
	}

	textvalue(id) {
		return (this.load(id) ?? this.default) == '1' ? 'Yes' : 'No';
	}

	isDefault(value) {
		return value == this.default && this.rmempty;
	}
}

class ListValue extends Value {
	makeInput(id, value) {
		return E('select', { 'id': `widget.${this.cbid(id)}` },
			this.parts.words.map(([ word, label ]) => E('option', {
				'value': word,
				'selected': word == value ? '' : null
			}, [ label ])));
	}
}

/* One text area; LuCI has a field for each item. */
class DynamicList extends Value {
	makeInput(id, value) {
		return E('textarea', {}, [ L.toArray(value).join('\n') ]);
	}

	formvalue(id) {
		return L.toArray(this.parts.inputs[id]?.value ?? this.load(id))
			.filter((item) => item != '');
	}

	test(id) {
		return this.formvalue(id).map((item) => this.validate(id, item))
			.find((why) => why !== true) ?? '';
	}

	isDefault(value) {
		return !value.length;
	}
}

/* ---- sections ------------------------------------------------------------ */

class Section {
	constructor(map, type, title, description) {
		Object.assign(this, { map, type, title, description, tabs: [],
			fields: [] });
	}

	tab(name, title) {
		this.tabs.push({ name, title, fields: [] });
	}

	option(kind, name, ...texts) {
		const field = new kind(this, name, ...texts);

		this.fields.push(field);

		return field;
	}

	taboption(name, kind, ...args) {
		const field = this.option(kind, ...args);

		this.tabs.find((t) => t.name == name).fields.push(field);

		return field;
	}

	ids() {
		return this.map.data.sections(this.map.config, this.type)
			.map((s) => s['.name']);
	}

	formvalue(id, name) {
		return this.fields.find((f) => f.parts.name == name).formvalue(id);
	}

	line(field, id) {
		const { title, description } = field.parts;

		return E('div', { 'class': 'cbi-value' }, [
			E('label', { 'class': 'cbi-value-title' }, [ title ]),
			E('div', { 'class': 'cbi-value-field' }, [ field.widget(id),
				E('div', { 'class': 'cbi-value-description' },
					[ description ?? '' ]) ]) ]);
	}

	async prepare() {
		for (const field of this.fields) {
			field.check();
			await field.prepare();
		}
	}

	parse() {
		for (const id of this.ids())
			for (const field of this.fields)
				field.parse(id);
	}

	node(children) {
		return E('div', { 'class': 'cbi-section',
			'id': `cbi-${this.map.config}-${this.type}` }, [
			E('h3', {}, [ this.title ?? '' ]),
			E('div', {}, [ this.description ?? '' ]), ...children ]);
	}
}

class NamedSection extends Section {
	constructor(map, name, type, ...texts) {
		super(map, type, ...texts);
		this.name = name;
	}

	ids() {
		return [ this.name ];
	}

	show(name) {
		for (const pane of this.panes)
			pane.setAttribute('data-tab-active',
				pane.getAttribute('data-tab') == name);
	}

	render() {
		this.panes = this.tabs.map(({ name, fields }) => E('div', {
			'data-tab': name }, fields.map((f) => this.line(f, this.name))));
		this.show(this.tabs[0].name);

		return this.node([ E('ul', { 'class': 'cbi-tabmenu' },
			this.tabs.map(({ name, title }) => E('li', { 'data-tab': name },
				[ E('a', { 'href': '#', 'click': (event) => {
					event.preventDefault();
					this.show(name);
				} }, [ title ]) ]))), ...this.panes ]);
	}
}

class TableSection extends Section {
	columns() {
		return this.fields.filter((f) => !f.modalonly);
	}

	cell(field, id) {
		return field.widget(id);
	}

	buttons(id) {
		return [ E('button', { 'class': 'cbi-button cbi-button-remove',
			'click': () => {
				this.map.data.remove(this.map.config, id);
				this.redraw();
			} }, [ _('Delete') ]) ];
	}

	add() {
		this.map.data.add(this.map.config, this.type);
		this.redraw();
	}

	redraw() {
		this.box.replaceWith(this.render());
	}

	render() {
		const config = this.map.config;

		this.box = this.node([
			E('table', { 'class': 'table' }, [ E('tr', {}, this.columns()
				.map((f) => E('th', {}, [ f.parts.title ]))) ].concat(
				this.ids().map((id) => E('tr', {
					'class': 'cbi-section-table-row', 'data-sid': id,
					'id': `cbi-${config}-${id}` }, [
					...this.columns().map((f) => E('td', {
						'data-name': f.parts.name },
					[ this.cell(f, id) ])),
					E('td', {}, this.buttons(id)) ])))),
			E('button', { 'class': 'cbi-button cbi-button-add',
				'click': () => this.add() }, [ _('Add') ]) ]);

		return this.box;
	}
}

/* Rows are texts, and changed in a window. */
class GridSection extends TableSection {
	cell(field, id) {
		return E('span', {}, [ field.textvalue(id) ]);
	}

	buttons(id) {
		return [ E('button', { 'class': 'cbi-button cbi-button-edit',
			'click': () => this.edit(id) }, [ _('Edit') ]),
		...super.buttons(id) ];
	}

	add() {
		this.edit(this.map.data.add(this.map.config, this.type));
	}

	edit(id) {
		const save = () => {
			for (const field of this.fields)
				field.parse(id);
			ui.hideModal();
			this.redraw();
		};

		ui.showModal(this.modaltitle, [ ...this.fields.map((f) =>
			this.line(f, id)),
		E('button', { 'class': 'cbi-button cbi-button-positive',
			'click': save }, [ _('Save') ]) ]);
	}

	redraw() {
		for (const field of this.fields)
			field.parts.inputs = {};
		super.redraw();
	}
}

/* ---- maps ---------------------------------------------------------------- */

class Map {
	constructor(config, title, description) {
		Object.assign(this, { config, title, description, parts: [],
			data: uci, readonly: !L.hasViewPermission() });
	}

	section(kind, ...args) {
		const section = new kind(this, ...args);

		this.parts.push(section);

		return section;
	}

	async render() {
		for (const section of this.parts)
			await section.prepare();

		return E('div', { 'class': 'cbi-map' }, [
			E('h2', {}, [ this.title ?? '' ]),
			E('div', {}, [ this.description ?? '' ]),
			...this.parts.map((section) => section.render()) ]);
	}

	/* A wrong field opens a window, and nothing is saved. */
	async save(done) {
		try {
			for (const section of this.parts)
				section.parse();
			await done?.();
			await this.data.save();
		}
		catch (e) {
			ui.showModal(_('Save error'), [ E('p', {}, [ e.message ]) ]);
			throw e;
		}
	}
}

/* The data of a JSONMap: {type: [{option: value}]} */
class JSONData {
	constructor(data) {
		this.all = Object.entries(data).flatMap(([ type, list ]) =>
			list.map((values, i) => ({ ...values, '.type': type,
				'.name': type + i })));
		this.made = this.all.length;
	}

	sections(config, type) {
		return this.all.filter((s) => s['.type'] == type);
	}

	find(id) {
		return this.all.find((s) => s['.name'] == id);
	}

	get(config, id, name) {
		return this.find(id)?.[name];
	}

	set(config, id, name, value) {
		this.find(id)[name] = value;
	}

	unset(config, id, name) {
		delete this.find(id)[name];
	}

	add(config, type) {
		this.all.push({ '.type': type, '.name': type + this.made });

		return type + this.made++;
	}

	remove(config, id) {
		this.all = this.all.filter((s) => s['.name'] != id);
	}

	async save() {}
}

class JSONMap extends Map {
	constructor(data, ...texts) {
		super('json', ...texts);
		this.data = new JSONData(data);
	}
}

return { Map, JSONMap, NamedSection, TableSection, GridSection, Value, Flag,
	ListValue, DynamicList };
