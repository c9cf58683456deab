// What a first visit of each page fetches of a release: scripts and WebAssembly, in files and in bytes
// as brotli sends them. Fails when a page or a chunk weighs more than the budget allows.
//
// The budget is only ever lowered: whoever makes a page lighter writes down the new figure.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const [site, budgetFile] = process.argv.slice(2);
const pkg = join(site, 'pkg');
const budget = JSON.parse(readFileSync(budgetFile, 'utf8'));
const names = readdirSync(pkg);

/** Bytes on the wire. */
function weight(name) {
  const path = join(pkg, name);
  return statSync(existsSync(`${path}.br`) ? `${path}.br` : path).size;
}

const total = (files) => files.reduce((sum, file) => sum + weight(file), 0);
const main = names.filter((name) => /^(resonant|__wasm_split)\.[\w-]{22}\.(js|wasm)$/.test(name));
const manifest = names.find((name) => /^__wasm_split_manifest.*\.json$/.test(name));
const features = JSON.parse(readFileSync(join(pkg, manifest), 'utf8'));

const faults = [];
function row(kind, name, files, bytes) {
  const most = budget[kind]?.[name];
  let remark = '';
  if (most === undefined) remark = 'is not in the budget';
  else if (bytes > most.bytes) remark = `weighs more than ${most.bytes}`;
  else if (files > (most.files ?? files)) remark = `is in more than ${most.files} files`;
  if (remark) faults.push(`${kind} ${name} ${remark}`);
  console.log(`${kind.padEnd(6)} ${name.padEnd(14)} ${String(files).padStart(3)} files ${String(bytes).padStart(8)} bytes  ${remark}`);
}

row('pages', 'landing', main.length, total(main));
for (const [feature, stems] of Object.entries(features).sort()) {
  const files = [...main, ...stems.map((stem) => `${stem}.wasm`)];
  row('pages', feature, files.length, total(files));
}
// Parts that few features share are numbered anew whenever the code changes: one budget for each of them.
const nameOf = (stem) => stem.split('.')[0].replace(/^shared_\d+$/, 'shared').replace(/^chunk_\d+$/, 'part');
const chunks = new Set(Object.values(features).flat());
for (const stem of [...chunks].sort()) row('chunks', nameOf(stem), 1, weight(`${stem}.wasm`));

for (const fault of faults) console.log(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
