/** Runs one section in a process of its own and hands its rows to the parent, so that no section lives with another's memory. */

process.once('message', async ({ section, options }) => {
  try {
    const { run } = await import(new URL(`sections/${section}.mjs`, import.meta.url))
    finish({ rows: await run(options) })
  } catch (error) {
    finish({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  }
})
process.once('disconnect', () => process.exit())

function finish(message) {
  process.send(message, () => process.exit())
}
