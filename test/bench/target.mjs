/** A row of the report: what was measured, and what it was meant to be. */

export function atMost(figure, measured, limit, unit, detail = '') {
  return { figure, measured, limit, unit, relation: '<=', met: measured <= limit, detail }
}

export function atLeast(figure, measured, limit, unit, detail = '') {
  return { figure, measured, limit, unit, relation: '>=', met: measured >= limit, detail }
}

/** A number without a target. `bar` names the chart that shows it. */
export function shown(figure, measured, unit, detail = '', bar = undefined) {
  return {
    figure,
    measured,
    limit: null,
    unit,
    relation: null,
    met: null,
    detail,
    ...(bar === undefined ? {} : { bar }),
  }
}
