// SPDX-License-Identifier: LicenseRef-z360-proprietary
// usage: node fixtures.mjs write|check PROJECT EXCHANGES
// Makes contract/api/fixtures (golden replies, from what the API's tests received) and contract/api/schemas (one
// self-contained JSON schema for each payload, from openapi.json). `check` compares instead of writing, and holds
// every fixture against its schema.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readExchanges } from './exchanges.mjs'

const [, , mode, project, folder] = process.argv
const api = join(project, 'contract', 'api')
const spec = JSON.parse(readFileSync(join(api, 'openapi.json'), 'utf8'))
const text = (value) => JSON.stringify(value, null, 2) + '\n'

// ---- schemas

const open = (name) => `#/components/schemas/${name}`
/** The same schema with its references inside itself; examples belong to the document. */
function local(node) {
  if (Array.isArray(node)) return node.map(local)
  if (node === null || typeof node !== 'object') return node
  const out = {}
  for (const [key, value] of Object.entries(node)) {
    if (key === 'examples' && Array.isArray(value)) continue
    out[key] = key === '$ref' ? value.replace('#/components/schemas/', '#/$defs/') : local(value)
  }
  return out
}
function references(node, found) {
  if (node === null || typeof node !== 'object') return
  for (const [key, value] of Object.entries(node)) {
    if (key === '$ref' && typeof value === 'string' && value.startsWith(open(''))) {
      const name = value.slice(open('').length)
      if (found.has(name)) continue
      found.add(name)
      references(spec.components.schemas[name], found)
    } else references(value, found)
  }
}
function selfContained(name, schema) {
  const found = new Set()
  references(schema, found)
  const defs = Object.fromEntries([...found].sort().map((n) => [n, local(spec.components.schemas[n])]))
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: `urn:z360:schema:${name}`,
    ...local(schema),
    ...(found.size > 0 ? { $defs: defs } : {}),
  }
}

const resolve = (node) => (node?.$ref ? node.$ref.slice(2).split('/').reduce((at, key) => at[key], spec) : node)
const operations = Object.entries(spec.paths).flatMap(([path, item]) =>
  Object.entries(item)
    .filter(([verb]) => verb !== 'parameters' && verb !== 'options')
    .map(([verb, operation]) => ({ path, verb, operation })))

const schemas = new Map()
for (const name of ['Problem', 'ServerProblem']) schemas.set(name, selfContained(name, { $ref: open(name) }))
for (const { operation } of operations) {
  const asked = operation.requestBody?.content?.['application/json']?.schema
  if (asked) schemas.set(`${operation.operationId}.request`, selfContained(`${operation.operationId}.request`, asked))
  for (const [status, response] of Object.entries(operation.responses)) {
    const schema = resolve(response).content?.['application/json']?.schema
    if (schema === undefined || operation.operationId === 'getDocument') continue
    const name = `${operation.operationId}.${status}`
    schemas.set(name, selfContained(name, schema))
  }
}

// ---- fixtures

/** What differs from run to run is replaced, the same by the same. */
function normaliser() {
  const uuids = new Map()
  const uuid = (found) => {
    if (!uuids.has(found)) uuids.set(found, `00000000-0000-4000-8000-${String(uuids.size + 1).padStart(12, '0')}`)
    return uuids.get(found)
  }
  const walk = (value, key) => {
    if (Array.isArray(value)) return value.map((v) => walk(v))
    if (value !== null && typeof value === 'object')
      return Object.fromEntries(Object.keys(value).sort().map((k) => [k, walk(value[k], k)]))
    if (typeof value !== 'string') return value
    if (key === 'sip_password_sealed') return Buffer.from('sealed box: example, not a real one, 64 bytes when it is real').toString('base64')
    return value
      .replace(/\b(z360[dsaeh]_[a-z0-9-]+)_[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])/g, '$1_ExampleExampleExampleExampleExampleExample0')
      .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, uuid)
  }
  return walk
}

const telling = new Set(['status', 'state', 'identity_state', 'jwt_state', 'auth_mode', 'push_state', 'platform', 'stale', 'route_type'])
/** Replies of one shape are one fixture: names, types, and the values that name a state. */
function shape(value, key) {
  if (Array.isArray(value)) return `[${[...new Set(value.map((v) => shape(v)))].sort().join()}]`
  if (value !== null && typeof value === 'object') return `{${Object.keys(value).sort().map((k) => `${k}:${shape(value[k], k)}`).join()}}`
  if (telling.has(key) && value !== null) return String(value)
  return value === null ? 'null' : typeof value
}

const groups = new Map()
const keep = (group, body) => {
  const form = group.code === null ? shape(body) : 'problem'
  const entry = `${group.name} ${form}`
  const value = text(normaliser()(body))
  const known = groups.get(entry)
  // Of equals the fullest is kept, then the first in the alphabet: the order of tests must not matter.
  const better = known === undefined || value.length > known.value.length || (value.length === known.value.length && value < known.value)
  if (better) groups.set(entry, { ...group, form, value })
}
const operationOf = (exchange) =>
  operations.find(({ path, verb }) => verb === exchange.method.toLowerCase() && path.split('/').length === exchange.path.split('/').length &&
    path.split('/').every((part, i) => part.startsWith('{') || part === exchange.path.split('/')[i]))
for (const exchange of readExchanges(folder)) {
  if (exchange.body === null || typeof exchange.body !== 'object' || exchange.path === '/api/openapi.json') continue
  const { status } = exchange
  if (status >= 400) {
    const { code } = exchange.body
    keep({ name: `problem.${status}.${code}`, operation: 'any', method: null, path: null, status, code, schema: 'Problem', content_type: 'application/problem+json' }, exchange.body)
    continue
  }
  const of = operationOf(exchange)
  if (of === undefined) continue
  const { operationId } = of.operation
  keep({ name: `${operationId}.${status}`, operation: operationId, method: exchange.method, path: of.path, status, code: null, schema: `${operationId}.${status}`, content_type: 'application/json' }, exchange.body)
}
for (const exchange of readExchanges(join(folder, 'server'))) {
  const { status, body } = exchange
  const name = `problem.${status}.${body.code}`
  // The API's own "not found" says more; the server's is the one for a path that does not exist.
  const file = [...groups.values()].some((g) => g.name === name) ? `${name}.server` : name
  keep({ name: file, operation: 'any', method: null, path: null, status, code: body.code, schema: 'ServerProblem', content_type: 'application/problem+json' }, body)
}

const wanted = new Map()
for (const [name, schema] of schemas) wanted.set(join('schemas', `${name}.schema.json`), text(schema))
const index = []
const numbers = new Map()
for (const g of [...groups.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.form < b.form ? -1 : 1))) {
  const number = (numbers.get(g.name) ?? 0) + 1
  numbers.set(g.name, number)
  const file = `${g.name}${number > 1 ? `-${number}` : ''}.json`
  wanted.set(join('fixtures', file), g.value)
  const { operation, method, path, status, code, content_type, schema } = g
  index.push({ file, operation, method, path, status, code, content_type, schema: `${schema}.schema.json` })
}
wanted.set(join('fixtures', 'index.json'), text({ description: 'Replies of the API as its tests receive them; see ../README.md', fixtures: index }))

const present = ['fixtures', 'schemas'].flatMap((f) => {
  mkdirSync(join(api, f), { recursive: true })
  return readdirSync(join(api, f)).filter((n) => n.endsWith('.json')).map((n) => join(f, n))
})
if (index.length < 80) throw new Error(`only ${index.length} kinds of replies are recorded in ${folder}`)
if (mode === 'write') {
  for (const file of present) if (!wanted.has(file)) rmSync(join(api, file))
  for (const [file, value] of wanted) writeFileSync(join(api, file), value)
  console.log(`${index.length} fixtures, ${schemas.size} schemas written to contract/api`)
  process.exit(0)
}

const faults = []
for (const file of present) if (!wanted.has(file)) faults.push(`contract/api/${file} is of nothing that the API does`)
for (const [file, value] of wanted) {
  if (!present.includes(file)) faults.push(`contract/api/${file} is missing`)
  else if (readFileSync(join(api, file), 'utf8') !== value) faults.push(`contract/api/${file} is not what the API does now`)
}
// What is published must be right by what is published, as an app's CI sees it.
const { default: Ajv2020 } = await import('ajv/dist/2020.js')
const { default: addFormats } = await import('ajv-formats')
const compiled = new Map()
for (const [name, schema] of schemas) {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  addFormats(ajv)
  compiled.set(`${name}.schema.json`, ajv.compile(schema))
}
let rejected = 0
for (const { file, schema } of index) {
  const validate = compiled.get(schema)
  const body = JSON.parse(wanted.get(join('fixtures', file)))
  if (!validate(body)) faults.push(`contract/api/fixtures/${file} is not valid by ${schema}: ${JSON.stringify(validate.errors[0])}`)
  const broken = structuredClone(body)
  delete broken.success
  delete broken.code
  if (!validate(broken)) rejected += 1
}
if (rejected !== index.length) faults.push(`${index.length - rejected} schemas accept a reply that lacks what it must have`)
for (const fault of faults.slice(0, 40)) console.error(fault)
if (faults.length > 0) console.error('make them anew: scripts/api-fixtures')
console.log(`${index.length} fixtures, ${schemas.size} schemas, ${faults.length} faults`)
process.exit(faults.length > 0 ? 1 : 0)
