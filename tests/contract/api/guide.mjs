// SPDX-License-Identifier: LicenseRef-z360-proprietary
// usage: scripts/sandbox --once node guide.mjs GUIDE.md WORKDIR
// Executes the guide's code, in order, against a sandbox: blocks whose fence says `run` (sh, js, python), and writes
// those that say `file=NAME`. Shell variables and functions last from block to block; all blocks share a folder.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const [, , guide, folder] = process.argv
if (!process.env.Z360_SANDBOX_API) throw new Error('run it with scripts/sandbox --once')
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
writeFileSync(join(folder, 'state'), '')

const blocks = []
let block = null
readFileSync(guide, 'utf8').split('\n').forEach((line, i) => {
  const fence = /^```(\w*)\s*(.*)$/.exec(line)
  if (fence && block === null) block = { language: fence[1], info: fence[2], line: i + 2, text: [] }
  else if (fence) {
    blocks.push({ ...block, text: block.text.join('\n') + '\n' })
    block = null
  } else block?.text.push(line)
})
if (block !== null) throw new Error(`${guide}: the block of line ${block.line} does not end`)

const programs = {
  sh: (b) => ['bash', ['-c', `set -euo pipefail\n. ./state\nset -a\n${b.text}\nset +a\n{ export -p; declare -f; } >state\n`]],
  js: (b) => ['bash', ['-c', `. ./state; exec ${process.execPath} ${b.name}.mjs`]],
  python: (b) => ['bash', ['-c', `. ./state; exec python3 ${b.name}.py`]],
}
let ran = 0
for (const b of blocks) {
  const file = /\bfile=([\w.-]+)/.exec(b.info)
  if (file) writeFileSync(join(folder, file[1]), b.text)
  if (!/\brun\b/.test(b.info)) continue
  if (!programs[b.language]) throw new Error(`${guide}:${b.line}: ${b.language} cannot be run`)
  b.name = `block-${b.line}`
  writeFileSync(join(folder, `${b.name}.mjs`), b.text)
  writeFileSync(join(folder, `${b.name}.py`), b.text)
  const [program, args] = programs[b.language](b)
  const began = Date.now()
  const done = spawnSync(program, args, { cwd: folder, encoding: 'utf8', timeout: 60_000 })
  ran += 1
  console.log(`${guide}:${b.line} ${b.language} ${done.status === 0 ? 'ok' : 'FAILED'} ${Date.now() - began} ms`)
  if (done.status === 0) continue
  console.error(`${b.text}\n${done.stdout}${done.stderr}${done.error ?? ''}`)
  process.exit(1)
}
console.log(`${ran} blocks of ${blocks.length} were run`)
process.exit(ran >= 15 ? 0 : 1)
