/**
 * What a banned visitor sees: short, without script or remote resource, readable in light and dark, on a small screen and by a
 * screen reader. It tells nothing of the decision, which would help nobody but an attacker.
 */
export const BAN_PAGE = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>Access denied</title>
<style>
:root { color-scheme: light dark; --ink: #1f2430; --dim: #565d6d; --paper: #f3f4f7; --card: #fff; --line: #dcdfe6; --mark: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #eceef3; --dim: #a9b0bf; --paper: #14161b; --card: #1d2027; --line: #333844; --mark: #ff8a80; }
}
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.25rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { width: 100%; max-width: 32rem; padding: clamp(1.5rem, 6vw, 2.75rem); background: var(--card);
  border: 1px solid var(--line); border-top: 4px solid var(--mark); border-radius: 8px; }
svg { display: block; width: 2.5rem; height: 2.5rem; margin: 0 0 1.25rem -.45rem; color: var(--mark); }
h1 { margin: 0 0 .75rem; font-size: 1.625rem; line-height: 1.25; letter-spacing: -.01em; }
p { margin: 0; }
p + p { margin-top: 1rem; color: var(--dim); }
</style>
</head>
<body>
<main>
<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false"><path d="M12 2.75 4.5 5.5v6c0 4.6 3.1 8.3 7.5 9.75 4.4-1.45 7.5-5.15 7.5-9.75v-6z"/><path d="m9.25 9.25 5.5 5.5m0-5.5-5.5 5.5"/></svg>
<h1>Access denied</h1>
<p>This site does not accept requests from your network address at the moment.</p>
<p>That can happen when an address was reported for attacks, also by somebody who shares it with you or had it before you. If you think that this is a mistake, tell the owner of this site your address and the time.</p>
</main>
</body>
</html>
`
