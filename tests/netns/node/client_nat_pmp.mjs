// SPDX-License-Identifier: ISC
// Maps a port by NAT-PMP: client_nat_pmp.mjs LIBRARY GATEWAY PROTOCOL EXTERNAL
// INTERNAL ADDRESS, for its own ADDRESS, by the library nat-pmp, nat-api (as
// WebTorrent does) or nat-port-mapper (as libp2p does). Prints "mapped" with the
// external address and port, renews the mapping at each line of stdin and prints
// "renewed" with the port, and deletes it at the end of stdin.
import { promisify } from 'node:util'
import NatAPI from '@silentbot1/nat-api'
import natpmp from 'nat-pmp'
import { pmpNat } from '@achingbrain/nat-port-mapper'

const [library, gateway, type, ...rest] = process.argv.slice(2)
const [external, internal] = rest.map(Number)

const libraries = {
	'nat-pmp': () => {
		const client = natpmp.connect(gateway)
		const call = (name) => promisify(client[name].bind(client))
		const port = { type, public: external, private: internal, ttl: 600 }
		return {
			map: async () => (await call('portMapping')(port)).public,
			ip: async () => (await call('externalIp')()).ip.join('.'),
			unmap: () => call('portUnmapping')(port),
			end: () => client.close(),
		}
	},
	'nat-api': () => {
		const nat = new NatAPI({ enableUPNP: false, autoUpdate: false })
		const port = () => ({ protocol: type, publicPort: external,
			privatePort: internal, ttl: 1200 })
		return {
			map: async () => await nat.map(port()) && external,
			ip: () => nat.externalIp(),
			unmap: () => nat.unmap(port()),
			end: () => nat.destroy(),
		}
	},
	// It does not ask for the external port, and asks for 3600000 s.
	'nat-port-mapper': () => {
		const router = pmpNat(gateway, { autoRefresh: false })
		return {
			map: async () => (await router.map(internal, rest[2],
				{ protocol: type })).externalPort,
			ip: () => router.externalIp(),
			unmap: () => router.unmap(internal, { protocol: type }),
			end: () => router.stop(),
		}
	},
}

const nat = libraries[library]()
const port = await nat.map()
console.log('mapped', await nat.ip(), port)
for await (const _ of process.stdin)
	console.log('renewed', await nat.map())
await nat.unmap()
await nat.end()
console.log('deleted')
process.exit(0)
