// Signal peers of two implementations that nobody here wrote, driven over JSON lines.
// "rust": whatsapp-rust-bridge (libsignal in Rust). "node": libsignal-node, and Baileys' sender keys.
// A request is {op, ...}; the answer {ok: true, ...} or {ok: false, error}. Bytes are hex.
import { createInterface } from 'node:readline'
import { GroupCipher, GroupSessionBuilder, SenderKeyDistributionMessage, SenderKeyName, SenderKeyRecord } from 'baileys/lib/Signal/Group/index.js'
import libsignal from 'libsignal'
import * as rust from 'whatsapp-rust-bridge'

for (const name of ['log', 'info', 'warn', 'error', 'debug']) console[name] = () => {} // libsignal-node prints keys

const hex = bytes => Buffer.from(bytes).toString('hex')
const raw = text => Buffer.from(text, 'hex')
const { curve, keyhelper } = libsignal
const peers = []

function newKeys() {
  const identity = curve.generateKeyPair()
  return {
    identity,
    registrationId: 1 + peers.length,
    signed: keyhelper.generateSignedPreKey(identity, 1),
    preKeys: new Map(),
    sessions: new Map(),
    senderKeys: new Map(),
  }
}

const keyStore = keys => ({
  isTrustedIdentity: () => true,
  loadPreKey: async id => keys.preKeys.get(id) ?? null,
  removePreKey: async id => void keys.preKeys.delete(id),
  getOurRegistrationId: () => keys.registrationId,
  getOurIdentity: () => keys.identity,
})

function rustPeer() {
  const keys = newKeys()
  const store = {
    ...keyStore(keys),
    loadSession: async name => keys.sessions.get(name) ?? null,
    storeSession: async (name, record) => void keys.sessions.set(name, record.serialize()),
    loadSignedPreKey: async () => ({ keyId: 1, keyPair: keys.signed.keyPair, signature: keys.signed.signature }),
    loadSenderKey: async name => keys.senderKeys.get(name) ?? null,
    storeSenderKey: async (name, record) => void keys.senderKeys.set(name, record),
  }
  const at = name => new rust.ProtocolAddress(name, 0)
  return {
    keys,
    start: (name, bundle) => new rust.SessionBuilder(store, at(name)).processPreKeyBundle(bundle),
    cipher: name => new rust.SessionCipher(store, at(name)),
    createGroup: async (group, own) => (await new rust.GroupSessionBuilder(store).create(new rust.SenderKeyName(group, at(own)))).serialize(),
    processGroup: (group, sender, data) =>
      new rust.GroupSessionBuilder(store).process(new rust.SenderKeyName(group, at(sender)), rust.SenderKeyDistributionMessage.deserialize(data)),
    groupCipher: (group, sender) => new rust.GroupCipher(store, group, at(sender)),
  }
}

function nodePeer() {
  const keys = newKeys()
  const store = {
    ...keyStore(keys),
    loadSession: async name => keys.sessions.get(name) && libsignal.SessionRecord.deserialize(keys.sessions.get(name)),
    storeSession: async (name, record) => void keys.sessions.set(name, JSON.parse(JSON.stringify(record.serialize()))),
    loadSignedPreKey: () => keys.signed.keyPair,
    // Kept as objects: Baileys can't read its own skipped keys back after a store round trip.
    loadSenderKey: async name => keys.senderKeys.get(name.toString()) ?? new SenderKeyRecord(),
    storeSenderKey: async (name, record) => void keys.senderKeys.set(name.toString(), record),
  }
  const at = name => new libsignal.ProtocolAddress(name, 0)
  const named = (group, sender) => new SenderKeyName(group, { id: sender, deviceId: 0, toString: () => `${sender}.0` })
  return {
    keys,
    start: (name, bundle) => new libsignal.SessionBuilder(store, at(name)).initOutgoing(bundle),
    cipher: name => new libsignal.SessionCipher(store, at(name)),
    createGroup: async (group, own) => (await new GroupSessionBuilder(store).create(named(group, own))).serialize(),
    processGroup: (group, sender, data) =>
      new GroupSessionBuilder(store).process(named(group, sender), new SenderKeyDistributionMessage(null, null, null, null, data)),
    groupCipher: (group, sender) => new GroupCipher(store, named(group, sender)),
  }
}

const signers = {
  rust: { sign: rust.calculateSignature, verify: rust.verifySignature },
  node: { sign: curve.calculateSignature, verify: curve.verifySignature },
}

function publish(keys, oneTime) {
  const bundle = { registrationId: keys.registrationId, identityKey: hex(keys.identity.pubKey) }
  bundle.signedPreKey = { keyId: 1, publicKey: hex(keys.signed.keyPair.pubKey), signature: hex(keys.signed.signature) }
  if (!oneTime) return bundle
  const keyId = 100 + keys.preKeys.size
  keys.preKeys.set(keyId, curve.generateKeyPair())
  bundle.preKey = { keyId, publicKey: hex(keys.preKeys.get(keyId).pubKey) }
  return bundle
}

function readBundle(bundle) {
  const { registrationId, identityKey, signedPreKey: signed, preKey } = bundle
  return {
    registrationId,
    identityKey: raw(identityKey),
    signedPreKey: { keyId: signed.keyId, publicKey: raw(signed.publicKey), signature: raw(signed.signature) },
    preKey: preKey ? { keyId: preKey.keyId, publicKey: raw(preKey.publicKey) } : undefined,
  }
}

const ops = {
  new: ({ kind }) => {
    peers.push(kind === 'rust' ? rustPeer() : nodePeer())
    return { peer: peers.length - 1 }
  },
  bundle: ({ peer, oneTime }) => ({ bundle: publish(peers[peer].keys, oneTime) }),
  preKeys: ({ peer }) => ({ ids: [...peers[peer].keys.preKeys.keys()] }),
  start: async ({ peer, name, bundle }) => void (await peers[peer].start(name, readBundle(bundle))),
  encrypt: async ({ peer, name, plaintext }) => {
    const { type, body } = await peers[peer].cipher(name).encrypt(raw(plaintext))
    return { type: type === 3 ? 'pkmsg' : 'msg', data: hex(body) }
  },
  decrypt: async ({ peer, name, type, data }) => {
    const cipher = peers[peer].cipher(name)
    const method = type === 'pkmsg' ? 'decryptPreKeyWhisperMessage' : 'decryptWhisperMessage'
    return { plaintext: hex(await cipher[method](raw(data))) }
  },
  createGroup: async ({ peer, group, own }) => ({ data: hex(await peers[peer].createGroup(group, own)) }),
  leaveGroup: ({ peer }) => peers[peer].keys.senderKeys.clear(),
  processGroup: async ({ peer, group, sender, data }) => void (await peers[peer].processGroup(group, sender, raw(data))),
  encryptGroup: async ({ peer, group, sender, plaintext }) => ({ data: hex(await peers[peer].groupCipher(group, sender).encrypt(raw(plaintext))) }),
  decryptGroup: async ({ peer, group, sender, data }) => ({ plaintext: hex(await peers[peer].groupCipher(group, sender).decrypt(raw(data))) }),
  sign: ({ kind, private: key, message }) => ({ signature: hex(signers[kind].sign(raw(key), raw(message))) }),
  verify: ({ kind, public: key, message, signature }) => {
    try {
      return { valid: signers[kind].verify(raw(key), raw(message), raw(signature)) === true }
    } catch {
      return { valid: false }
    }
  },
}

async function answer(line) {
  try {
    const { op, ...request } = JSON.parse(line)
    return { ok: true, ...(await ops[op](request)) }
  } catch (error) {
    return { ok: false, error: String(error?.message ?? error) }
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(await answer(line)) + '\n')
}
