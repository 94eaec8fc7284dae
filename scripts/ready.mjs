// Makes a fresh clone ready: installs and builds when needed, and only then. It imports nothing but Node itself, because it
// runs before anything is installed.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) fail(`nicwright needs Node 20.19 or newer; this is ${process.versions.node}`)

if (stampOf('install') !== installKey()) {
  step('installing packages', 'npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'])
  stamp('install', installKey())
}
if (stampOf('build') !== buildKey()) {
  step('building', process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.json')])
  stamp('build', buildKey())
}

function installKey() {
  return `${hash(readFileSync(join(root, 'package-lock.json')))} ${process.platform}-${process.arch}`
}

/** Path, size and time of every source file: the build is stale when one of them changed. */
function buildKey() {
  const lines = []
  for (const entry of readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath ?? entry.path, entry.name)
    const { size, mtimeMs } = statSync(path)
    lines.push(`${path} ${size} ${mtimeMs}`)
  }
  for (const name of ['tsconfig.json', 'package-lock.json']) lines.push(hash(readFileSync(join(root, name))))
  return hash(lines.sort().join('\n'))
}

function hash(data) {
  return createHash('sha256').update(data).digest('hex').slice(0, 16)
}

function stampFile(name) {
  return name === 'install' ? join(root, 'node_modules/.nicwright-install') : join(root, 'dist/.nicwright-build')
}

function stampOf(name) {
  return existsSync(stampFile(name)) ? readFileSync(stampFile(name), 'utf8') : ''
}

function stamp(name, key) {
  mkdirSync(dirname(stampFile(name)), { recursive: true })
  writeFileSync(stampFile(name), key)
}

function step(title, command, args) {
  process.stderr.write(`nicwright: ${title} …\n`)
  const done = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32' && command === 'npm',
  })
  if (done.error) fail(`${title} failed: ${done.error.message}`)
  if (done.status !== 0) fail(`${title} failed (exit ${done.status ?? done.signal})`)
}

function fail(message) {
  process.stderr.write(`nicwright: ${message}\n`)
  process.exit(1)
}
