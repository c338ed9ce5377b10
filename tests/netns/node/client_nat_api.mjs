// SPDX-License-Identifier: ISC
// Maps a port by nat-api, as WebTorrent does: client_nat_api.mjs PROTOCOL
// EXTERNAL INTERNAL, for its own address. Prints "mapped" with the external
// address and port, and deletes the mapping at the end of stdin.
import NatAPI from '@silentbot1/nat-api'

const [protocol, external, internal] = process.argv.slice(2)
const port = () => ({ protocol, publicPort: Number(external),
	privatePort: Number(internal), ttl: 1200, description: 'a torrent' })
const nat = new NatAPI({ enablePMP: false, autoUpdate: false })

if (!await nat.map(port()))
	throw new Error('not mapped')
console.log('mapped', await nat.externalIp(), external)
for await (const _ of process.stdin);
if (!await nat.unmap(port()))
	throw new Error('not deleted')
await nat.destroy()
