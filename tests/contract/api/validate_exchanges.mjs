// SPDX-License-Identifier: LicenseRef-z360-proprietary
// usage: node validate_exchanges.mjs [--complete] OPENAPI.json FOLDER
// Checks each exchange (one JSON object a line: method, path, status, content_type, body as text) against the
// document: an unknown path or method that is not refused, an unknown status, content type or field is a fault. --complete: every operation must have
// been seen to succeed. Exit 0: all valid, and the deliberately broken exchanges were all rejected; 77: none there.
import { readFileSync } from 'node:fs'
import { readExchanges } from './exchanges.mjs'
import { validator } from './schemas.mjs'

const args = process.argv.slice(2)
const complete = args[0] === '--complete'
if (complete) args.shift()
const [specFile, folder] = args
const spec = JSON.parse(readFileSync(specFile, 'utf8'))
const { check } = validator(spec)
const exchanges = readExchanges(folder)
if (exchanges.length === 0 && !complete) {
  console.log(`SKIPPED: no exchange is recorded in ${folder}; component and flow tests record them`)
  process.exit(77)
}

const templates = Object.keys(spec.paths)
  .map((path) => ({ path, pattern: new RegExp('^' + path.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{[^}]+\}/g, '[^/?#]+') + '$') }))
  .sort((a, b) => (a.path.match(/\{/g) ?? []).length - (b.path.match(/\{/g) ?? []).length)

/** The response object and where it is, through one reference. */
function find(path, verb, status) {
  const response = spec.paths[path][verb].responses[String(status)]
  if (!response?.$ref) return { keys: ['paths', path, verb, 'responses', String(status)], response }
  const keys = response.$ref.slice(2).split('/')
  return { keys, response: keys.reduce((at, key) => at[key], spec) }
}

/** What does not exist must be refused, by the body that the document promises for that. */
function refused({ status, content_type: type, body }, wanted, code) {
  return status === wanted && type === 'application/problem+json' && body?.code === code && check(['components', 'schemas', 'ServerProblem'], body).length === 0
}

/** @returns {string[]} what is wrong; empty: valid */
function faults(exchange) {
  const { method, path, status, content_type: type, body } = exchange
  const template = templates.find((t) => t.pattern.test(path))
  if (!template) return refused(exchange, 404, 'not_found') ? [] : [`no such path: ${path}`]
  const verb = method.toLowerCase()
  if (!spec.paths[template.path][verb]) return refused(exchange, 405, 'method_not_allowed') ? [] : [`no ${method} on ${template.path}`]
  const { keys, response } = find(template.path, verb, status)
  if (!response) return [`no ${status} of ${method} ${template.path}`]
  const media = Object.keys(response.content ?? {})
  if (media.length === 0) return body === null || body === undefined ? [] : ['a body where the document has none']
  if (body === null || body === undefined) return ['no body']
  if (!media.includes(type)) return [`content type ${type} instead of ${media.join(', ')}`]
  return check([...keys, 'content', type, 'schema'], body)
}

const seen = new Map()
const good = []
let total = 0
let bad = 0
for (const exchange of exchanges) {
  // For load balancers and monitoring, not for clients.
  if (['/healthz', '/readyz', '/metrics'].includes(exchange.path)) continue
  const found = faults(exchange)
  total += 1
  const template = templates.find((t) => t.pattern.test(exchange.path))
  const operation = `${exchange.method} ${template?.path}`
  if (!seen.has(operation)) seen.set(operation, new Set())
  seen.get(operation).add(exchange.status)
  if (found.length === 0) good.push(exchange)
  else if ((bad += 1) <= 20) console.error(`INVALID ${exchange.method} ${exchange.path} ${exchange.status}\n  ${found.join('\n  ')}\n  ${JSON.stringify(exchange.body)}`)
}

// A validator that accepts everything would make the above worthless.
const base = good.find((e) => e.status === 200 && e.path === '/api/voip/credentials')
const change = (fn) => {
  const copy = structuredClone(base)
  fn(copy)
  return copy
}
const broken = base
  ? {
      'an unknown path': change((e) => (e.path = '/api/voip/credential')),
      'another method': change((e) => (e.method = 'PATCH')),
      'an undocumented status': change((e) => (e.status = 418)),
      'another content type': change((e) => (e.content_type = 'text/plain')),
      'an undeclared field': change((e) => (e.body.data.secret_field = 1)),
      'an undeclared field on top': change((e) => (e.body.extra = 1)),
      'a missing field': change((e) => delete e.body.data.jwt_token),
      'a field of another type': change((e) => (e.body.data.organization_id = '7')),
      'a time that is none': change((e) => (e.body.data.expires_at = 'soon')),
      'an unsuccessful success': change((e) => (e.body.success = false)),
      'no body': change((e) => (e.body = null)),
    }
  : {}
let accepted = 0
for (const [what, exchange] of Object.entries(broken))
  if (faults(exchange).length === 0) {
    accepted += 1
    console.error(`SELF-CHECK FAILED: accepted ${what}`)
  }
const missing = []
if (complete)
  for (const [path, item] of Object.entries(spec.paths))
    for (const verb of Object.keys(item)) {
      if (verb === 'parameters' || verb === 'options') continue
      const statuses = [...(seen.get(`${verb.toUpperCase()} ${path}`) ?? [])]
      if (!statuses.some((s) => s < 400) && item[verb].responses['200']?.content?.['text/html; charset=utf-8'] === undefined) missing.push(`${verb.toUpperCase()} ${path}`)
    }
for (const operation of missing) console.error(`NEVER SEEN TO SUCCEED: ${operation}`)
console.log(`${total} exchanges of ${seen.size} operations, ${bad} invalid; self-check: ${Object.keys(broken).length - accepted} of ${Object.keys(broken).length} broken ones rejected`)
process.exit(total === 0 || bad > 0 || accepted > 0 || missing.length > 0 || (complete && !base) ? 1 : 0)
