// SPDX-License-Identifier: LicenseRef-z360-proprietary
// usage: node lint.mjs OPENAPI.json
// The linter's recommended rules, and our own: every media type of a body has an example that is valid, every
// operation says who may call it. Exit 0: no finding.
import { readFileSync } from 'node:fs'
import { createConfig, lint } from '@redocly/openapi-core'
import { validator } from './schemas.mjs'

const [, , file] = process.argv
const config = await createConfig({
  extends: ['recommended'],
  rules: {
    'operation-operationId': 'error',
    'operation-operationId-unique': 'error',
    'operation-2xx-response': 'off', // the old routes answer 303
    'operation-4xx-response': 'off', // below: every operation but the health check
    'no-unused-components': 'error',
    'no-invalid-media-type-examples': 'error',
    'no-server-example.com': 'off', // the document is the same for every environment
  },
})
const problems = await lint({ ref: file, config })
let bad = 0
for (const p of problems) {
  bad += 1
  console.error(`${p.severity} ${p.ruleId} ${p.location[0]?.pointer ?? ''}: ${p.message}`)
}

const spec = JSON.parse(readFileSync(file, 'utf8'))
const { check } = validator(spec)
let examples = 0
for (const [path, item] of Object.entries(spec.paths))
  for (const [verb, operation] of Object.entries(item)) {
    if (verb === 'parameters') continue
    const complain = (what) => {
      bad += 1
      console.error(`error ${verb} ${path}: ${what}`)
    }
    if (!Array.isArray(operation.security)) complain('says not who may call it')
    if (!operation.summary) complain('has no summary')
    const statuses = Object.keys(operation.responses)
    if (!statuses.some((s) => s < '400')) complain('never succeeds')
    if (path !== '/api/health' && !statuses.some((s) => s.startsWith('4'))) complain('is never refused')
    const bodies = Object.entries(operation.responses).map(([status, r]) => [['paths', path, verb, 'responses', status], r])
    if (operation.requestBody) bodies.push([['paths', path, verb, 'requestBody'], operation.requestBody])
    for (const [keys, holder] of bodies)
      for (const [type, media] of Object.entries(holder.content ?? {})) {
        if (media.example === undefined) continue
        examples += 1
        for (const fault of check([...keys, 'content', type, 'schema'], media.example)) complain(`example of ${keys.at(-1)}: ${fault}`)
      }
  }
console.log(`${Object.keys(spec.paths).length} paths, ${examples} examples, ${bad} findings`)
process.exit(bad > 0 || examples < 60 ? 1 : 0)
