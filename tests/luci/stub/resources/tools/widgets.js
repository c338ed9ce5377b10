'use strict';
'require form';
'require rpc';

// SPDX-License-Identifier: ISC
// LuCI's lists of networks and of devices, for tests.

const callDump = rpc.declare({
	object: 'network.interface',
	method: 'dump',
	expect: { interface: [] }
});

function select(field) {
	return class extends form.ListValue {
		async prepare() {
			this.value('', '-');
			for (const one of await callDump())
				this.value(one[field], one[field]);
		}
	};
}

return {
	NetworkSelect: select('interface'),
	DeviceSelect: select('device')
};
