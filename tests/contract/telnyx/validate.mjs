// SPDX-License-Identifier: LicenseRef-z360-proprietary
// usage: node validate.mjs OPENAPI.json REQUESTS.jsonl
// Checks each request (one JSON object a line: method, path, body) against the OpenAPI 3.1 document. Exit 0:
// all valid, and the deliberately broken requests below were all rejected; 1: otherwise.
import { readFileSync } from 'node:fs'
import Ajv2020 from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'

const [, , specFile, requestsFile] = process.argv
const spec = JSON.parse(readFileSync(specFile, 'utf8'))
const base = 'https://openapi.invalid/telnyx.json'
const ajv = new Ajv2020({ strict: false, allErrors: true, logger: false })
addFormats(ajv)
ajv.addSchema(spec, base) // references inside the document resolve in place

const resolve = (node) => {
  while (node?.$ref) node = node.$ref.slice(2).split('/').reduce((at, key) => at[key.replaceAll('~1', '/').replaceAll('~0', '~')], spec)
  return node
}
const pointer = (...keys) => '#' + keys.map((k) => '/' + encodeURIComponent(k.replaceAll('~', '~0').replaceAll('/', '~1'))).join('')

const templates = Object.keys(spec.paths).map((path) => ({
  path,
  pattern: new RegExp('^' + path.replace(/\{[^}]+\}/g, '([^/?#]+)') + '$'),
}))

/** @returns {string[]} what is wrong; empty: valid */
function faults({ method, path, body }) {
  const template = templates.find((t) => t.pattern.test(path))
  if (!template) return [`no such path: ${path}`]
  for (const part of template.pattern.exec(path).slice(1))
    if (encodeURIComponent(decodeURIComponent(part)) !== part) return [`path part is not percent-encoded: ${part}`]
  const verb = method.toLowerCase()
  const operation = spec.paths[template.path][verb]
  if (!operation) return [`no ${method} on ${template.path}`]
  if (body === undefined || body === null) return operation.requestBody ? ['body is missing'] : []
  const keys = ['paths', template.path, verb, 'requestBody', 'content', 'application/json', 'schema']
  const validate = ajv.getSchema(base + pointer(...keys)) ?? ajv.compile({ $ref: base + pointer(...keys) })
  const out = []
  if (!validate(body)) out.push(...validate.errors.map((e) => `${e.instancePath || '/'} ${e.message}`))
  // The document allows unknown members; a misspelled one would be ignored by the carrier in silence.
  const schema = resolve(operation.requestBody.content['application/json'].schema)
  for (const key of Object.keys(body)) if (!(key in schema.properties)) out.push(`unknown member: ${key}`)
  // Rules that the document states in prose only.
  if (body.client_state !== undefined && !/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(body.client_state))
    out.push('client_state is not base64')
  if (body.timeout_secs !== undefined && (body.timeout_secs < 5 || body.timeout_secs > 600)) out.push('timeout_secs out of range')
  if (body.bridge_intent && !body.link_to) out.push('bridge_intent needs link_to')
  if (body.from_display_name !== undefined && !/^[A-Za-z0-9 \-_~!.+]{1,128}$/.test(body.from_display_name)) out.push('from_display_name has other characters')
  for (const { retries_ms = [] } of Object.values(body.webhook_retries_policies ?? {}))
    if (retries_ms.reduce((a, b) => a + b, 0) > 60000) out.push('retries_ms exceed 60 s')
  if (body.command_id === undefined) out.push('no command_id')
  return out
}

const requests = readFileSync(requestsFile, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line))
let bad = 0
const operations = new Map()
for (const request of requests) {
  const found = faults(request)
  const operation = request.path.replace(/\/calls\/[^/]+/, '/calls/{id}')
  operations.set(operation, (operations.get(operation) ?? 0) + 1)
  if (found.length > 0) {
    bad += 1
    console.error(`INVALID ${request.method} ${request.path}\n  ${found.join('\n  ')}\n  ${JSON.stringify(request.body)}`)
  }
}

// A validator that accepts everything would make the above worthless.
const dial = requests.find((r) => r.path === '/calls')
const action = (name) => requests.find((r) => r.path.endsWith('/' + name))
const change = (request, fn) => {
  const copy = structuredClone(request)
  fn(copy.body, copy)
  return copy
}
const broken = {
  'dial without to': change(dial, (b) => delete b.to),
  'dial with a number as connection': change(dial, (b) => (b.connection_id = 7)),
  'dial with a misspelled member': change(dial, (b) => (b.bridge_on_anwser = true)),
  'dial with headers as an object': change(dial, (b) => (b.custom_headers = { name: 'X-A', value: 'b' })),
  'dial with a header without value': change(dial, (b) => (b.custom_headers = [{ name: 'X-A' }])),
  'dial with six retries': change(dial, (b) => (b.webhook_retries_policies = { 'call.hangup': { retries_ms: [1, 1, 1, 1, 1, 1] } })),
  'dial with loose client_state': change(dial, (b) => (b.client_state = 'not base64!')),
  'bridge without the caller': change(action('bridge'), (b) => delete b.call_control_id),
  'bridge with an unknown recording mode': change(action('bridge'), (b) => (b.record = 'always')),
  'record_start without channels': change(action('record_start'), (b) => delete b.channels),
  'record_start with a long name': change(action('record_start'), (b) => (b.custom_file_name = 'x'.repeat(41))),
  'speak without a voice': change(action('speak'), (b) => delete b.voice),
  'reject without a cause': change(action('reject'), (b) => delete b.cause),
  'a raw control id in the path': change(action('answer'), (_, r) => (r.path = '/calls/v3:a+b/actions/answer')),
  'an unknown action': change(action('answer'), (_, r) => (r.path = '/calls/x/actions/anwser')),
  'the wrong method': change(action('answer'), (_, r) => (r.method = 'PATCH')),
  'no body': change(action('hangup'), (_, r) => delete r.body),
}
let accepted = 0
for (const [what, request] of Object.entries(broken))
  if (faults(request).length === 0) {
    accepted += 1
    console.error(`SELF-CHECK FAILED: accepted ${what}`)
  }

for (const [operation, n] of [...operations].sort()) console.log(`${String(n).padStart(5)}  ${operation}`)
console.log(`${requests.length} requests, ${bad} invalid; self-check: ${Object.keys(broken).length - accepted} of ${Object.keys(broken).length} broken requests rejected`)
process.exit(bad > 0 || accepted > 0 || operations.size < 9 ? 1 : 0)
