// Baileys' figures for `make bench`: one JSON line per measurement, microseconds per operation.
//   node bench.mjs FOLDER     (FOLDER: where the multi-file state may be written)
import { Curve, addTransactionCapability, decodeBinaryNode, encodeBinaryNode, generateSignalPubKey, getNextPreKeys, initAuthCreds, useMultiFileAuthState } from 'baileys'
import { makeLibSignalRepository } from 'baileys/lib/Signal/libsignal.js'
import * as curve from 'curve25519-js'
import { randomBytes } from 'node:crypto'

const folder = process.argv[2]
const say = text => process.stdout.write(text + '\n')
console.log = console.info = console.warn = () => {}
const logger = { level: 'silent', child: () => logger, trace() {}, debug() {}, info() {}, warn() {}, error() {} }

async function measure(name, rounds, operations, act) {
  for (let i = 0; i < Math.min(operations, 200); i++) await act()
  const figures = []
  for (let round = 0; round < rounds; round++) {
    const begin = process.hrtime.bigint()
    for (let i = 0; i < operations; i++) await act()
    figures.push(Number(process.hrtime.bigint() - begin) / 1e3 / operations)
  }
  say(JSON.stringify({ name, figures }))
}

const to = device => ({ tag: 'to', attrs: { jid: `15551234567${device ? ':' + device : ''}@s.whatsapp.net` }, content: [{ tag: 'enc', attrs: { v: '2', type: 'msg' }, content: randomBytes(160) }] })
const message = {
  tag: 'message',
  attrs: { id: '3EB0AABBCCDDEEFF0011', to: '15551234567@s.whatsapp.net', type: 'text', phash: '2:Lz4jCu' },
  content: [
    { tag: 'participants', attrs: {}, content: [to(0), to(3)] },
    { tag: 'device-identity', attrs: {}, content: randomBytes(150) }
  ]
}
await measure('codec', 5, 4000, async () => decodeBinaryNode(encodeBinaryNode(message)))

const pair = Curve.generateKeyPair(), text = randomBytes(33), signature = Curve.sign(pair.private, text)
await measure('sign', 5, 40, () => Curve.sign(pair.private, text))
await measure('verify', 5, 40, () => curve.verify(pair.public, text, Buffer.from(signature)))

const memory = () => {
  const kept = {}
  return {
    get: async (type, ids) => Object.fromEntries(ids.map(id => [id, kept[type]?.[id]])),
    set: async data => {
      for (const type in data) for (const id in data[type]) {
        kept[type] ??= {}
        if (data[type][id]) kept[type][id] = data[type][id]
        else delete kept[type][id]
      }
    }
  }
}

async function party(name, durable) {
  const state = durable
    ? (await useMultiFileAuthState(`${folder}/${name}`)).state
    : { creds: initAuthCreds(), keys: memory() }
  const keys = addTransactionCapability(state.keys, logger, { maxCommitRetries: 1, delayBetweenTriesMs: 1 })
  return { creds: state.creds, keys, repository: makeLibSignalRepository({ creds: state.creds, keys }, logger, async () => []) }
}

for (const durable of [false, true]) {
  const a = await party('a', durable), z = await party('z', durable)
  const [from, to] = ['111:1@s.whatsapp.net', '222:1@s.whatsapp.net'], body = randomBytes(100)
  const { update } = await getNextPreKeys({ creds: z.creds, keys: z.keys }, 1)
  Object.assign(z.creds, update)
  const preKey = (await z.keys.get('pre-key', ['1']))['1']
  for (const one of [a, z]) {
    await one.repository.lidMapping.storeLIDPNMappings([{ pn: from, lid: '9111@lid' }, { pn: to, lid: '9222@lid' }])
  }
  await a.repository.injectE2ESession({
    jid: to,
    session: {
      registrationId: 1,
      identityKey: generateSignalPubKey(z.creds.signedIdentityKey.public),
      signedPreKey: { keyId: 1, publicKey: generateSignalPubKey(z.creds.signedPreKey.keyPair.public), signature: z.creds.signedPreKey.signature },
      preKey: { keyId: 1, publicKey: generateSignalPubKey(preKey.public) }
    }
  })
  const relay = async (one, other, sender, receiver) => {
    const sealed = await one.repository.encryptMessage({ jid: receiver, data: body })
    await other.repository.decryptMessage({ jid: sender, ...sealed })
  }
  await relay(a, z, from, to)
  await relay(z, a, to, from)
  await measure(durable ? 'signal-durable' : 'signal-memory', 5, 300, () => relay(a, z, from, to))
}
process.exit(0)
