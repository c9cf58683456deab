// Packs what several features of a release share into few files.
//
// The splitter writes one file for each set of features that have functions in common: dozens of small
// files, of which every page fetches many. Here the small ones become one file for all features. It is
// a module of no code with a custom section for each part, so that it is fetched, kept and preloaded as
// any other. The names of what changes by it are then made anew from what the files hold.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const [release] = process.argv.slice(2);
const pkg = join(release, 'site/pkg');
const hashes = Object.fromEntries(
  readFileSync(join(release, 'hash.txt'), 'utf8').trim().split('\n').map((line) => line.split(': ')),
);

/** As cargo-leptos does it: 22 characters that tell the content. */
const hashOf = (data) => createHash('md5').update(data).digest('base64url');

const path = (name) => join(pkg, name);
const text = (name) => readFileSync(path(name), 'utf8');
const only = (pattern) => {
  const found = readdirSync(pkg).filter((name) => pattern.test(name));
  if (found.length !== 1) throw new Error(`${found.length} files match ${pattern}`);
  return found[0];
};

/** An unsigned number as WebAssembly writes it (LEB128). */
function number(value) {
  const bytes = [];
  do {
    bytes.push((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
    value >>>= 7;
  } while (value > 0);
  return Buffer.from(bytes);
}

function pack(parts) {
  const name = Buffer.from('part');
  const sections = parts.map((part) => {
    const content = Buffer.concat([number(name.length), name, part]);
    return Buffer.concat([Buffer.from([0]), number(content.length), content]);
  });
  return Buffer.concat([Buffer.from('\0asm\x01\0\0\0', 'latin1'), ...sections]);
}

/** A part of fewer bytes is not worth a request of its own. */
const SMALL = 24_000;

const loader = only(/^__wasm_split\.[\w-]{22}\.js$/);
const glue = only(/^resonant\.[\w-]{22}\.js$/);
const main = only(/^resonant\.[\w-]{22}\.wasm$/);
const manifest = only(/^__wasm_split_manifest.*\.json$/);

// --- the shared parts, in the order of the loader
let script = text(loader);
const shared = /(?:\/\*[^*]*\*\/\n)?const (__chunk_\d+) = makeLoad\(\(\) => \{\s*const src = fetch\(new URL\("\.\/([^"]+)"[\s\S]*?\n\}\n, \[\]\);\n/g;
const chunks = [...script.matchAll(shared)];
if (chunks.length !== (script.match(/^const __chunk_/gm) ?? []).length) throw new Error('the loader has changed');
const small = chunks.filter(([, , file]) => statSync(path(file)).size < SMALL);
const files = small.map(([, , file]) => file);
const packed = pack(files.map((file) => readFileSync(path(file))));
const shelf = `shared.${hashOf(packed)}`;
writeFileSync(path(`${shelf}.wasm`), packed);
files.forEach((file) => rmSync(path(file)));

for (const [whole] of small) script = script.replace(whole, '');
const gone = new Set(small.map(([, name]) => name));
const firstLoader = script.indexOf('export const __wasm_split_load_');
script = `${script.slice(0, firstLoader)}const __shared = makeLoad(() => {
    const src = fetch(new URL("./${shelf}.wasm", import.meta.url));
    return async (imports) => {
        const parts = WebAssembly.Module.customSections(await WebAssembly.compileStreaming(src), "part");
        await Promise.all(parts.map((part) => WebAssembly.instantiate(part, imports)));
    };
}, []);
${script.slice(firstLoader)}`.replace(/\[(__chunk_\d+(?:, __chunk_\d+)*)\]/g, (_, needed) => {
  const names = needed.split(', ').map((name) => (gone.has(name) ? '__shared' : name));
  return `[${[...new Set(names)].join(', ')}]`;
});

const stems = new Set(files.map((file) => basename(file, '.wasm')));
const needs = Object.entries(JSON.parse(text(manifest))).map(([feature, own]) => {
  const rest = own.filter((stem) => !stems.has(stem));
  return [feature, rest.length < own.length ? [shelf, ...rest] : rest];
});
writeFileSync(path(manifest), JSON.stringify(Object.fromEntries(needs)));

// --- new names: the loader's stands in the main module and in the glue, the glue's in the loader
const newLoader = `__wasm_split.${hashOf(script)}.js`;
const module = readFileSync(path(main));
for (let at = module.indexOf(loader); at >= 0; at = module.indexOf(loader, at)) module.write(newLoader, at);
const newMain = `resonant.${hashOf(module)}.wasm`;
const bindings = text(glue).replaceAll(loader, newLoader).replaceAll(main, newMain);
const newGlue = `resonant.${hashOf(bindings)}.js`;
for (const name of [loader, glue, main]) rmSync(path(name));
writeFileSync(path(newLoader), script.replaceAll(glue, newGlue));
writeFileSync(path(newMain), module);
writeFileSync(path(newGlue), bindings);
Object.assign(hashes, { js: newGlue.split('.')[1], wasm: newMain.split('.')[1], split: newLoader.split('.')[1] });

console.log(`${shelf}.wasm ${packed.length}, of ${files.length} files`);
writeFileSync(join(release, 'hash.txt'), Object.entries(hashes).map((line) => `${line.join(': ')}\n`).join(''));
