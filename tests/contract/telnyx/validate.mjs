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

const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/

/** What is wrong with a query, by the operation's parameters; `filter[name]=x` belongs to the object `filter`,
    `filter[started_at][gte]=x` to the object `started_at` in it. */
function queryFaults(operation, query) {
  const out = []
  const objects = new Map()
  const known = (operation.parameters ?? []).map(resolve).filter((p) => p.in === 'query')
  for (const pair of query.split('&').filter(Boolean)) {
    const [rawName, rawValue = ''] = pair.split('=')
    if (encodeURIComponent(decodeURIComponent(rawName)) !== rawName || encodeURIComponent(decodeURIComponent(rawValue)) !== rawValue)
      out.push(`query is not percent-encoded: ${pair}`)
    const [, name, members = ''] = /^([^[]+)((?:\[[^\]]+\])*)$/.exec(decodeURIComponent(rawName)) ?? []
    const parameter = known.find((p) => p.name === name)
    const way = members.slice(1, -1).split('][')
    const last = way.reduce((schema, member) => resolve(schema)?.properties?.[member], parameter?.schema)
    if (!parameter) out.push(`no such query parameter: ${pair}`)
    else if (!members || !last || resolve(last).type === 'object') out.push(`no such member: ${pair}`)
    else {
      const value = objects.get(parameter) ?? {}
      const inner = way.slice(0, -1).reduce((at, member) => (at[member] ??= {}), value)
      inner[way.at(-1)] = decodeURIComponent(rawValue)
      objects.set(parameter, value)
    }
  }
  const typed = new Ajv2020({ strict: false, allErrors: true, logger: false, coerceTypes: true })
  addFormats(typed)
  for (const [parameter, value] of objects) {
    for (const member of Object.values(value))
      for (const time of Object.entries(member).filter(([key]) => /^[gl]te?$/.test(key)).map(([, text]) => text))
        if (!ISO_TIME.test(time)) out.push(`${time} is no UTC date and time`)
    const validate = typed.compile(resolve(parameter.schema))
    if (!validate(value)) out.push(...validate.errors.map((e) => `${parameter.name}${e.instancePath} ${e.message}`))
  }
  return out
}

/** @returns {string[]} what is wrong; empty: valid */
function faults({ method, path: target, body }) {
  const [path, query = ''] = target.split('?')
  const template = templates.find((t) => t.pattern.test(path))
  if (!template) return [`no such path: ${path}`]
  for (const part of template.pattern.exec(path).slice(1))
    if (encodeURIComponent(decodeURIComponent(part)) !== part) return [`path part is not percent-encoded: ${part}`]
  const verb = method.toLowerCase()
  const operation = spec.paths[template.path][verb]
  if (!operation) return [`no ${method} on ${template.path}`]
  const inQuery = queryFaults(operation, query)
  if (body === undefined || body === null) return operation.requestBody ? ['body is missing', ...inQuery] : inQuery
  if (!operation.requestBody) return ['there must be no body', ...inQuery]
  const keys = ['paths', template.path, verb, 'requestBody', 'content', 'application/json', 'schema']
  const validate = ajv.getSchema(base + pointer(...keys)) ?? ajv.compile({ $ref: base + pointer(...keys) })
  const out = inQuery
  if (!validate(body)) out.push(...validate.errors.map((e) => `${e.instancePath || '/'} ${e.message}`))
  // The document allows unknown members; a misspelled one would be ignored by the carrier in silence.
  const schema = resolve(operation.requestBody.content['application/json'].schema)
  for (const key of Object.keys(body)) if (!(key in schema.properties)) out.push(`unknown member: ${key}`)
  // Rules that the document states in prose only.
  for (const state of ['client_state', 'target_leg_client_state'])
    if (body[state] !== undefined && !/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(body[state]))
      out.push(`${state} is not base64`)
  if (body.timeout_secs !== undefined && (body.timeout_secs < 5 || body.timeout_secs > 600)) out.push('timeout_secs out of range')
  if (body.bridge_intent && !body.link_to) out.push('bridge_intent needs link_to')
  if (body.from_display_name !== undefined && !/^[A-Za-z0-9 \-_~!.+]{1,128}$/.test(body.from_display_name)) out.push('from_display_name has other characters')
  for (const { retries_ms = [] } of Object.values(body.webhook_retries_policies ?? {}))
    if (retries_ms.reduce((a, b) => a + b, 0) > 60000) out.push('retries_ms exceed 60 s')
  if (body.expires_at !== undefined && !ISO_TIME.test(body.expires_at)) out.push('expires_at is no UTC date and time')
  if (path.startsWith('/calls') && body.command_id === undefined) out.push('no command_id')
  return out
}

const requests = readFileSync(requestsFile, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line))
let bad = 0
const operations = new Map()
for (const request of requests) {
  const found = faults(request)
  const path = request.path.split('?')[0]
  const operation = `${request.method} ${path.replace(/\/(calls|connections|telephony_credentials)\/[^/]+/, '/$1/{id}')}`
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
const credential = (method, end = '') => requests.find((r) => r.method === method && r.path.startsWith('/telephony_credentials') && r.path.endsWith(end))
const moved = (request, from, to) => change(request, (_, r) => (r.path = r.path.replace(from, to)))
const listed = credential('GET', 'size%5D=250')
const asked = (start) => requests.find((r) => r.method === 'GET' && r.path.startsWith(start))
const [deliveries, events, active] = ['/webhook_deliveries', '/call_events', '/connections/'].map(asked)
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
  'record_pause of a recording that is a number': change(action('record_pause'), (b) => (b.recording_id = 7)),
  'record_resume of no UUID': change(action('record_resume'), (b) => (b.recording_id = 'rec-1')),
  'transfer to nobody': change(action('transfer'), (b) => delete b.to),
  'transfer to several': change(action('transfer'), (b) => (b.to = ['+14155550123'])),
  'transfer with a misspelled member': change(action('transfer'), (b) => (b.target_client_state = 'YWI=')),
  'transfer with a loose mark': change(action('transfer'), (b) => (b.target_leg_client_state = 'YWI')),
  'transfer that rings for a text': change(action('transfer'), (b) => (b.timeout_secs = '60')),
  'transfer that rings too long': change(action('transfer'), (b) => (b.timeout_secs = 601)),
  'transfer with an unknown recording mode': change(action('transfer'), (b) => (b.record = 'always')),
  'speak without a voice': change(action('speak'), (b) => delete b.voice),
  'reject without a cause': change(action('reject'), (b) => delete b.cause),
  'a raw control id in the path': change(action('answer'), (_, r) => (r.path = '/calls/v3:a+b/actions/answer')),
  'an unknown action': change(action('answer'), (_, r) => (r.path = '/calls/x/actions/anwser')),
  'the wrong method': change(action('answer'), (_, r) => (r.method = 'PATCH')),
  'credential without a connection': change(credential('POST'), (b) => delete b.connection_id),
  'credential with a number as connection': change(credential('POST'), (b) => (b.connection_id = 7)),
  'credential with a misspelled member': change(credential('POST'), (b) => (b.expire_at = '2030-01-01T00:00:00Z')),
  'credential with a tag that is a list': change(credential('POST'), (b) => (b.tag = ['a'])),
  'credential that ends at a number': change(credential('POST'), (b) => (b.expires_at = 1800000000)),
  'credential that ends at a local time': change(credential('POST'), (b) => (b.expires_at = '2030-01-01 00:00')),
  'extension with a null': change(credential('PATCH'), (b) => (b.expires_at = null)),
  'extension without a body': change(credential('PATCH'), (_, r) => delete r.body),
  'extension as PUT': change(credential('PATCH'), (_, r) => (r.method = 'PUT')),
  'token with a body': change(credential('POST', '/token'), (_, r) => (r.body = {})),
  'token with GET': change(credential('POST', '/token'), (_, r) => (r.method = 'GET')),
  'deletion with a raw id': moved(credential('DELETE'), /[^/]+$/, 'a+b'),
  'list with an unknown filter': moved(listed, /filter%5B[a-z_]+%5D/, 'filter%5Bcolour%5D'),
  'list with an unknown parameter': moved(listed, /filter%5B[a-z_]+%5D/, 'limit'),
  'list with a page of 251': moved(listed, '=250', '=251'),
  'list with page 0': moved(listed, /page%5Bnumber%5D=\d+/, 'page%5Bnumber%5D=0'),
  'list with a raw bracket': moved(listed, 'page%5Bsize%5D', 'page[size]'),
  'deliveries of an unknown state': moved(deliveries, '=failed', '=lost'),
  'deliveries by a member of a text': moved(deliveries, '%5Beq%5D', '%5Beq%5D%5Beq%5D'),
  'deliveries by an object': moved(deliveries, 'filter%5Bstatus%5D%5Beq%5D', 'filter%5Bstatus%5D'),
  'deliveries since a local time': moved(deliveries, /=\d{4}-[^&]*/, '=2030-01-01%2000%3A00'),
  'deliveries by cursor': moved(deliveries, 'page%5Bnumber%5D=1', 'page%5Bafter%5D=x'),
  'events of no session': moved(events, /session_id%5D=[^&]*/, 'session_id%5D=s1'),
  'events of an unknown type': moved(events, '=webhook', '=event'),
  'a page of 251 live calls': moved(active, '=250', '=251'),
  'a raw cursor': moved(active, '=250', '=250&page%5Bafter%5D=v1:x='),
  'a question about a raw leg': moved(asked('/calls/'), /[^/]+$/, 'v3:a+b'),
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
process.exit(bad > 0 || accepted > 0 || operations.size < 22 ? 1 : 0)
