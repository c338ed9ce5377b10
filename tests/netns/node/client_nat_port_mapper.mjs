// SPDX-License-Identifier: ISC
// Opens a pinhole by nat-port-mapper, as libp2p's programs do:
// client_nat_port_mapper.mjs PROTOCOL PORT ADDRESS. Prints "mapped" with the
// gateway's host, and deletes the pinhole at the end of stdin.
import { upnpNat } from '@achingbrain/nat-port-mapper'

const [protocol, port, address] = process.argv.slice(2)

for await (const gateway of upnpNat({ autoRefresh: false }).findGateways({
	signal: AbortSignal.timeout(60000)
})) {
	if (gateway.family !== 'IPv6')
		continue
	await gateway.mapPort(Number(port), address, { protocol })
	console.log('mapped', gateway.host)
	for await (const _ of process.stdin);
	await gateway.unmap(Number(port))
	break
}
process.exit(0)
