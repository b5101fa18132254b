// Builds portal/static/vendor from the packages in package-lock.json: `make assets`.
// The style sheet is compiled twice, with the default brand colour and with a sentinel; where the two differ stands a
// colour derived from the brand, and gets var(--brand-N, default). portal/domain/brand.py writes those variables.
// The output depends on the packages alone, so that a rebuild changes no byte.

import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as sass from 'sass'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PACKAGES = join(ROOT, 'node_modules')
const VENDOR = join(ROOT, 'portal', 'static', 'vendor')

const DEFAULT_COLOUR = '#24508c'
const SENTINEL_COLOUR = '#b35f11'
const DESIGN_SYSTEM_BLUE = '#005eb8'
const COLOUR = /#[0-9a-f]{3,8}\b|rgba?\([^)]*\)/gi

const readPackage = (...path) => readFileSync(join(PACKAGES, ...path))
const versionOf = (name) => JSON.parse(readPackage(name, 'package.json')).version

function compile(colour) {
  const brand = {
    canonicalize: (url) => (url === 'brand' ? new URL('own:brand') : null),
    load: () => ({ contents: `$colour: ${colour};`, syntax: 'scss' })
  }
  const { css } = sass.compile(join(ROOT, 'assets', 'design-system.scss'), {
    charset: false,
    importers: [brand],
    loadPaths: [PACKAGES],
    quietDeps: true,
    style: 'compressed'
  })
  return (
    css
      // Declared by the package and used by nothing; its script reads the breakpoints only.
      .replace(/--nhsuk-[a-z0-9-]+-colour:[^;}]*;?/g, '')
      // Three rules take the blue of the palette where they mean the brand colour.
      .replaceAll(`background-color:${DESIGN_SYSTEM_BLUE}`, `background-color:${colour}`)
  )
}

function styleSheet() {
  const plain = compile(DEFAULT_COLOUR)
  const marked = compile(SENTINEL_COLOUR)
  if (plain.replace(COLOUR, '') !== marked.replace(COLOUR, '')) {
    throw new Error('The two style sheets differ in more than colours')
  }
  const markedColours = marked.match(COLOUR)
  const numbers = new Map()
  let position = 0
  return plain.replace(COLOUR, (found) => {
    if (found === markedColours[position++]) return found
    const colour = found.replaceAll(' ', '').replace(',0.', ',.')
    if (!numbers.has(colour)) numbers.set(colour, numbers.size + 1)
    return `var(--brand-${numbers.get(colour)}, ${colour})`
  })
}

// The map files stay behind, so the reference to one would only cost the browser's tools a request.
const withoutMapReference = (script) => script.toString().replace(/\n?\/\/# sourceMappingURL=.*\s*$/, '\n')

// The design system's package states its licence in its README alone.
function licenceOfDesignSystem() {
  const [section] = readPackage('nhsuk-frontend', 'README.md').toString().match(/^## Licence\n[^#]*/m)
  return `nhsuk-frontend ${versionOf('nhsuk-frontend')}\n\n${section.trim()}\n`
}

function files() {
  const css = styleSheet()
  const images = [...new Set([...css.matchAll(/url\("?(images\/[^")]+)"?\)/g)].map((match) => match[1]))].sort()
  return [
    ['nhsuk-frontend', 'nhsuk-frontend.min.css', css + '\n'],
    ['nhsuk-frontend', 'nhsuk-frontend.min.js',
      withoutMapReference(readPackage('nhsuk-frontend', 'dist', 'nhsuk', 'nhsuk-frontend.min.js'))],
    ...images.map((path) => ['nhsuk-frontend', path, readPackage('nhsuk-frontend', 'dist', 'nhsuk', 'assets', path)]),
    ['nhsuk-frontend', 'nhsuk-frontend.LICENSE.txt', licenceOfDesignSystem()],
    ['htmx.org', 'htmx.min.js', readPackage('htmx.org', 'dist', 'htmx.min.js')],
    ['htmx.org', 'htmx.LICENSE.txt', readPackage('htmx.org', 'LICENSE')]
  ]
}

rmSync(VENDOR, { recursive: true, force: true })
mkdirSync(join(VENDOR, 'images'), { recursive: true })
const lines = files().map(([name, path, content]) => {
  writeFileSync(join(VENDOR, path), content)
  return `${name} ${versionOf(name)} ${path} ${createHash('sha256').update(content).digest('hex')}\n`
})
writeFileSync(join(VENDOR, 'VERSIONS'), lines.join(''))
console.log(`${readdirSync(VENDOR).length} entries in portal/static/vendor`)
