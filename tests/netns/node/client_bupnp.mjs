// SPDX-License-Identifier: ISC
// Maps a TCP port by bupnp, as the Bitcoin program bcoin does: client_bupnp.mjs
// EXTERNAL INTERNAL, for its own address. Prints "mapped" with the external
// address and port, and deletes the mapping at the end of stdin.
import UPNP from 'bupnp'

const [external, internal] = process.argv.slice(2).map(Number)
let wan

// It waits only one second for each answer.
UPNP.RESPONSE_TIMEOUT = 30000
wan = await UPNP.discover()
await wan.addPortMapping('', external, internal)
console.log('mapped', await wan.getExternalIP(), external)
for await (const _ of process.stdin);
await wan.removePortMapping('', external)
