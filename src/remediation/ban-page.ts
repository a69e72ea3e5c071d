/** What a banned visitor sees: short, without script or remote resource, readable in light and dark and by a screen reader. */
export const BAN_PAGE = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Access denied</title>
<style>
:root { color-scheme: light dark; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; font: 1.125rem/1.6 system-ui, sans-serif;
  color: #1a1a1a; background: #fafafa; }
main { max-width: 34rem; padding: 2rem; }
h1 { margin: 0 0 1rem; font-size: 1.75rem; line-height: 1.25; }
@media (prefers-color-scheme: dark) { body { color: #f0f0f0; background: #161616; } }
</style>
</head>
<body>
<main>
<h1>Access denied</h1>
<p>Requests from your network address are not accepted here at the moment, because it was reported for suspicious activity.</p>
<p>If you think that this is a mistake, please tell the owner of this site the time and your address.</p>
</main>
</body>
</html>
`
