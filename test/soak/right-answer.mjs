/** Whether a verdict is right, by what is held: the most severe wins, and who is on an allowlist is let pass. */

const SEVERITY = ['ban', 'captcha', 'throttle']

const rankOf = ({ type }) => SEVERITY.indexOf(type)

/**
 * `right`; `allowlisted`: right, and blocked without the allowlist; `unclear`: right, and so would another answer have been; or
 * `wrong`. `blocking` and `allowing`: lists of `HeldDecisions`. `time`: between which two moments it was asked for.
 */
export function judge(verdict, address, { blocking, allowing, time }) {
  const { sure, possible } = onAny(blocking, address, time)
  const allowed = onAny(allowing, address, time)
  const worst = Math.min(SEVERITY.length, ...sure.map(rankOf))
  if (allowed.sure.length > 0) {
    if (verdict.action !== 'allow') return 'wrong'
    return worst < SEVERITY.length ? 'allowlisted' : 'right'
  }
  const mayPass = allowed.possible.length > 0 || worst === SEVERITY.length
  const isRight = verdict.action === 'allow' ? mayPass : mayHaveWon(verdict, possible, worst)
  if (!isRight) return 'wrong'
  const isClear = allowed.possible.length === 0 && possible.every((one) => rankOf(one) >= worst)
  return isClear ? 'right' : 'unclear'
}

function onAny(lists, address, time) {
  const found = lists.map((held) => held.on(address, time))
  return { sure: found.flatMap(({ sure }) => sure), possible: found.flatMap(({ possible }) => possible) }
}

/** The decision that the verdict names is there, and none that is sure is more severe. */
function mayHaveWon({ action, decision }, possible, worst) {
  return possible.some(
    (one) =>
      rankOf(one) <= worst &&
      one.type === action &&
      one.origin === decision.origin &&
      one.scenario === decision.scenario &&
      one.target.value === decision.value,
  )
}
