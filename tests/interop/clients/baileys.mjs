// One Baileys client as a witness, driven by JSON lines: commands on stdin, events on stdout.
//   node baileys.mjs URL ROOT_HEX AUTH_FOLDER
// Commands: {"id", "op", ...}; each gets {"event":"reply","id","ok","value"|"error"}.
// Events:   ready, qr, paired, open, close, message, stub, status, receipt, group.
// It verifies all signatures (strict.mjs), and keeps one lock per session (onelock.mjs).
import { createInterface } from 'node:readline'
import makeWASocket, { Browsers, generateMessageIDV2, proto, useMultiFileAuthState } from 'baileys'
import P from 'pino'
import { oneLock } from './onelock.mjs'
import { strict, trustRoot } from './strict.mjs'

console.log = console.info = console.warn = console.error // libsignal talks; stdout is ours
const [url, root, folder] = process.argv.slice(2)
const RESTART = 515
const { CIPHERTEXT } = proto.WebMessageInfo.StubType
const say = message => process.stdout.write(JSON.stringify(message) + '\n')
const logger = P({ level: process.env.WITNESS_LOG || 'silent' }, P.destination(2))

trustRoot(root)
if (!process.env.WITNESS_LAX) strict()

let sock
let wanted = false
let sent = new Map()

function textOf(message) {
  const inner = message?.ephemeralMessage?.message ?? message
  return inner?.conversation ?? inner?.extendedTextMessage?.text ?? inner?.imageMessage?.caption ?? ''
}

function onMessages({ messages, type }) {
  for (const m of messages) {
    if (m.messageStubType && m.messageStubType !== CIPHERTEXT) {
      say({ event: 'stub', chat: m.key.remoteJid, kind: m.messageStubType })
      continue
    }
    say({
      event: 'message',
      type,
      id: m.key.id,
      chat: m.key.remoteJid,
      alt: m.key.remoteJidAlt ?? '',
      sender: m.key.participant ?? m.key.remoteJid,
      from_me: Boolean(m.key.fromMe),
      text: textOf(m.message),
      problem: m.messageStubType === CIPHERTEXT ? (m.messageStubParameters ?? []).join(' ') : '',
      name: m.pushName ?? ''
    })
  }
}

function onConnection(update) {
  if (update.qr) say({ event: 'qr', qr: update.qr })
  if (update.isNewLogin) say({ event: 'paired' })
  if (update.connection === 'open') say({ event: 'open', jid: sock.user.id, lid: sock.user.lid })
  if (update.connection !== 'close') return
  const error = update.lastDisconnect?.error
  const code = error?.output?.statusCode ?? 0
  if (code === RESTART && wanted) return connect()
  say({ event: 'close', code, reason: String(error?.message ?? '') })
}

async function connect() {
  wanted = true
  const { state, saveCreds } = await useMultiFileAuthState(folder)
  sock = makeWASocket({
    auth: state,
    waWebSocketUrl: url,
    logger,
    browser: Browsers.ubuntu('Chrome'),
    makeSignalRepository: process.env.WITNESS_STOCK ? undefined : oneLock,
    shouldSyncHistoryMessage: () => false,
    markOnlineOnConnect: true,
    getMessage: async key => sent.get(key.id)
  })
  sock.ev.on('creds.update', saveCreds)
  sock.ev.on('connection.update', onConnection)
  sock.ev.on('messages.upsert', onMessages)
  sock.ev.on('messages.update', updates => {
    for (const { key, update } of updates) {
      if (update.status !== undefined) say({ event: 'status', id: key.id, chat: key.remoteJid, status: update.status })
    }
  })
  sock.ev.on('message-receipt.update', updates => {
    for (const { key, receipt } of updates) say({ event: 'receipt', id: key.id, chat: key.remoteJid, by: receipt.userJid })
  })
  sock.ev.on('group-participants.update', change => say({ event: 'group', ...change }))
}

const OPS = {
  connect: () => connect(),
  disconnect: async () => {
    wanted = false
    const closed = new Promise(resolve => sock.ev.on('connection.update', u => u.connection === 'close' && resolve()))
    sock.end(undefined)
    await closed
  },
  send: async ({ to, text }) => {
    const messageId = generateMessageIDV2(sock.user.id)
    sent.set(messageId, { conversation: text }) // at once: it may be asked for before this returns
    await sock.sendMessage(to, { text }, { messageId })
    return messageId
  },
  read: ({ chat, message, participant }) => sock.readMessages([{ remoteJid: chat, id: message, participant, fromMe: false }]),
  create_group: async ({ subject, members }) => (await sock.groupCreate(subject, members)).id,
  group: async ({ group }) => sock.groupMetadata(group),
  members: ({ group, action, members }) => sock.groupParticipantsUpdate(group, members, action),
  leave: ({ group }) => sock.groupLeave(group),
  exists: async ({ phone }) => (await sock.onWhatsApp(phone))?.[0] ?? null,
  logout: () => sock.logout()
}

async function obey(line) {
  const command = JSON.parse(line)
  try {
    const value = await OPS[command.op](command)
    say({ event: 'reply', id: command.id, ok: true, value: value ?? null })
  } catch (error) {
    say({ event: 'reply', id: command.id, ok: false, error: String(error?.stack ?? error) })
  }
}

createInterface({ input: process.stdin }).on('line', line => void obey(line)).on('close', () => process.exit(0))
say({ event: 'ready' })
