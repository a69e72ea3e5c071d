/** `npm run bench:http`: the section on whole HTTP requests by itself. */

process.argv.push('--only', 'http')
await import('./main.mjs')
