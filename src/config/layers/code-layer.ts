/** Options from an object in code, such as `createBouncer` and a route get. */

import { type Layer, readLayer } from './layer.js'
import { inCode } from './spelling.js'

export function codeLayer(options: object): Layer {
  return readLayer(Object.entries(options), {
    spelling: inCode,
    places: ['everywhere', 'code'],
    directory: process.cwd(),
    variables: 'literal',
    where: '',
  })
}
