/** Compares answers with the oracle's before anything is timed. */

/** How many of (at most `most`) queries get another answer than expected. */
export async function countWrong(queries, answer, most = queries.count) {
  const asked = Math.min(most, queries.count)
  let wrong = 0
  for (let i = 0; i < asked; i++) if ((await answer(queries.text(i))) !== queries.expected[i]) wrong++
  return { wrong, asked }
}

/** For the package under test a single wrong answer ends the run: a fast wrong table is worth nothing. */
export async function expectExact(name, queries, answer) {
  const { wrong, asked } = await countWrong(queries, answer)
  if (wrong > 0) throw new Error(`${name}: ${wrong} of ${asked} answers are wrong`)
}
