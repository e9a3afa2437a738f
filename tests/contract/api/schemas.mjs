// SPDX-License-Identifier: LicenseRef-z360-proprietary
import Ajv2020 from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'

// The document leaves objects open, so that clients ignore what they do not know. We ourselves must not send what
// it does not name: here every object with named fields is closed.
function closed(node) {
  if (Array.isArray(node)) return node.map(closed)
  if (node === null || typeof node !== 'object') return node
  const out = Object.fromEntries(Object.entries(node).map(([k, v]) => [k, k === 'examples' || k === 'example' ? v : closed(v)]))
  const isObject = [out.type].flat().includes('object')
  if (isObject && out.properties && out.additionalProperties === undefined) out.additionalProperties = false
  return out
}

/** @returns {{check: (keys: string[], body: unknown) => string[]}} faults of a body against the schema at these keys */
export function validator(spec) {
  const base = 'https://openapi.invalid/api.json'
  const ajv = new Ajv2020({ strict: false, allErrors: true, logger: false })
  addFormats(ajv)
  ajv.addSchema(closed(spec), base)
  const known = new Map()
  const check = (keys, body) => {
    const pointer = '#' + keys.map((k) => '/' + encodeURIComponent(k.replaceAll('~', '~0').replaceAll('/', '~1'))).join('')
    if (!known.has(pointer)) known.set(pointer, ajv.compile({ $ref: base + pointer }))
    const validate = known.get(pointer)
    if (validate(body)) return []
    return validate.errors.map((e) => `${e.instancePath || '/'} ${e.message} ${e.params?.additionalProperty ?? ''}`.trim())
  }
  return { check }
}
