// SPDX-License-Identifier: LicenseRef-z360-proprietary
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * The recorded exchanges in a folder's .jsonl files: method, path, status, content_type, body. Bodies are recorded as
 * text; a JSON body comes parsed (a text that should be JSON and is not stays text), an empty one is null.
 */
export function readExchanges(folder) {
  if (!existsSync(folder)) return []
  const out = []
  for (const file of readdirSync(folder).filter((n) => n.endsWith('.jsonl')).sort())
    for (const line of readFileSync(join(folder, file), 'utf8').split('\n').filter(Boolean)) {
      const exchange = JSON.parse(line)
      if (exchange.body === '') exchange.body = null
      else if (/\bjson\b/.test(exchange.content_type)) {
        try {
          exchange.body = JSON.parse(exchange.body)
        } catch {
          exchange.body = `not JSON: ${exchange.body}`
        }
      }
      out.push(exchange)
    }
  return out
}
