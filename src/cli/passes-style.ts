// Style sheet of the page of passes: light and dark as the reader's system has it.

export const PASSES_STYLE = `
:root { color-scheme: light dark; --paper: #fff; --ink: #1c2128; --dim: #646d78; --line: #dfe3e8; --band: #f4f6f8; --mark: #fff3cd;
  --edge: #c98a00; --note: #7a5000; --c: #0b5cad; --less: #1a7f37; }
@media (prefers-color-scheme: dark) { :root { --paper: #15181d; --ink: #d9dee5; --dim: #8d97a4; --line: #2c323b; --band: #1c2127; --mark: #3a3116;
  --edge: #e0a72e; --note: #e8bd5e; --c: #79b8ff; --less: #57c27a; } }
* { box-sizing: border-box; }
html, body { height: 100%; margin: 0; }
body { display: flex; flex-direction: column; background: var(--paper); color: var(--ink); font: 13px/1.4 system-ui, sans-serif; }
header { padding: 12px 16px 8px; border-bottom: 1px solid var(--line); }
h1 { margin: 0; font-size: 18px; }
h1 small { color: var(--dim); font-weight: normal; }
header p { margin: 4px 0 0; color: var(--dim); }
.tools label { margin-right: 16px; color: var(--ink); }
.legend .cell { padding: 1px 6px; margin-right: 10px; color: var(--ink); }
.scroll { flex: 1; overflow: auto; }
table { border-collapse: separate; border-spacing: 0; }
code, pre { font: 12px/1.45 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; margin: 0; }
td, th { text-align: left; vertical-align: top; font-weight: normal; padding: 1px 10px; border-right: 1px solid var(--line); white-space: nowrap; }
thead th { position: sticky; top: 0; z-index: 2; padding: 6px 10px; background: var(--band); border-bottom: 1px solid var(--line); }
thead th:first-child { left: 0; z-index: 3; }
.first { position: sticky; left: 0; z-index: 1; background: var(--paper); }
.first a { display: inline-block; min-width: 2.6em; text-align: right; color: var(--dim); text-decoration: none; }
.first a:hover { text-decoration: underline; }
.c th { padding: 8px 10px 2px; color: var(--c); border-right: 0; border-top: 1px solid var(--line); }
.stay { position: sticky; left: 10px; }
.place, .dim, .n, summary { color: var(--dim); }
.around td { padding: 8px 10px; border-right: 0; border-top: 1px solid var(--line); }
.around pre { padding: 4px 0 0 16px; }
.cell { color: var(--dim); }
.changed { color: var(--ink); background: var(--mark); box-shadow: inset 3px 0 0 var(--edge); }
.note, .count { display: block; font-size: 11px; color: var(--note); }
.count { color: var(--less); }
.delta { color: var(--less); }
.words { margin: 0 0 3px 14px; font-size: 11px; color: var(--dim); display: none; }
del { opacity: .7; }
.narrow { min-width: 22px; padding: 0; background: var(--band); }
thead .narrow { vertical-align: bottom; padding: 6px 2px; }
thead .narrow span { writing-mode: vertical-rl; transform: rotate(180deg); color: var(--dim); font-size: 11px; }
tr { scroll-margin-top: 120px; }
tr:target > * { outline: 1px solid var(--edge); outline-offset: -1px; }
body:has(#words:checked) .words { display: block; }
body:has(#changed:checked) .same { display: none; }
@media print { .scroll { overflow: visible; } thead th, .first { position: static; } }
`
