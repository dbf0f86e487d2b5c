// Encodes and decodes nodes with Baileys and with its Rust bridge, one JSON line in, one out.
//
//   {"encode": NODE}    -> {"baileys": base64, "rust": base64 | null, "tree": NODE read back by Baileys}
//   {"decode": base64}  -> {"tree": NODE} or {"error": text}
//
// NODE is [tag, [[name, value], …], content]; content is null, {"text": …}, {"base64": …} or a list.
import readline from 'node:readline'
import { decodeBinaryNode, encodeBinaryNode } from 'baileys'
import { encodeNode } from 'whatsapp-rust-bridge'

function fromWire([tag, attrs, content]) {
  const node = { tag, attrs: Object.fromEntries(attrs) }
  if (Array.isArray(content)) node.content = content.map(fromWire)
  else if (content?.text !== undefined) node.content = content.text
  else if (content) node.content = Buffer.from(content.base64, 'base64')
  return node
}

function toWire({ tag, attrs, content }) {
  let written = null
  if (Array.isArray(content)) written = content.map(toWire)
  else if (typeof content === 'string') written = { text: content }
  else if (content) written = { base64: content.toString('base64') }
  return [tag, Object.entries(attrs), written]
}

function rustBytes(node) {
  try {
    return Buffer.from(encodeNode(node)).toString('base64')
  } catch {
    return null
  }
}

async function answer(request) {
  if (request.decode !== undefined) {
    return { tree: toWire(await decodeBinaryNode(Buffer.from(request.decode, 'base64'))) }
  }
  const node = fromWire(request.encode)
  const bytes = encodeBinaryNode(node)
  return { baileys: bytes.toString('base64'), rust: rustBytes(node), tree: toWire(await decodeBinaryNode(bytes)) }
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  let reply
  try {
    reply = await answer(JSON.parse(line))
  } catch (error) {
    reply = { error: String(error) }
  }
  process.stdout.write(JSON.stringify(reply) + '\n')
}
