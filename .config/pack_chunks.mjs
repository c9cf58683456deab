// Packs what several features of a release share into few files.
//
// The splitter writes one file for each set of features that have functions in common: dozens of small
// files, of which every page fetches many. Here they become a few. Each is a module of no code with a
// custom section for each part, so that it is fetched, kept and preloaded as any other. The names of what
// changes by it are then made anew from what the files hold.

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

/**
 * What a file costs a page beside its bytes, in bytes: a request, a name in the page's head, a module
 * to make. Parts are put together where that costs less than what some pages then fetch in vain.
 */
const REQUEST = 40_000;

/** How many features a set of them holds, a bit for each. */
function count(users) {
  let found = 0;
  for (; users > 0; users &= users - 1) found += 1;
  return found;
}

/**
 * Puts together, two at a time, what saves most, until nothing saves any more.
 * @param {{users: number, size: number, chunks: object[]}[]} shelves
 */
function fill(shelves) {
  const cost = (users, size) => count(users) * (size + REQUEST);
  for (;;) {
    let best = { saved: 0 };
    for (let i = 0; i < shelves.length; i += 1) {
      for (let j = i + 1; j < shelves.length; j += 1) {
        const [a, b] = [shelves[i], shelves[j]];
        const apart = cost(a.users, a.size) + cost(b.users, b.size);
        const saved = apart - cost(a.users | b.users, a.size + b.size);
        if (saved > best.saved) best = { saved, a, b };
      }
    }
    const { a, b } = best;
    if (!a) return shelves;
    const both = { users: a.users | b.users, size: a.size + b.size, chunks: [...a.chunks, ...b.chunks] };
    shelves = [...shelves.filter((shelf) => shelf !== a && shelf !== b), both];
  }
}

const loader = only(/^__wasm_split\.[\w-]{22}\.js$/);
const glue = only(/^resonant\.[\w-]{22}\.js$/);
const main = only(/^resonant\.[\w-]{22}\.wasm$/);
const manifest = only(/^__wasm_split_manifest.*\.json$/);

// --- the shared parts, in the order of the loader
let script = text(loader);
const shared = /(?:\/\*[^*]*\*\/\n)?const (__chunk_\d+) = makeLoad\(\(\) => \{\s*const src = fetch\(new URL\("\.\/([^"]+)"[\s\S]*?\n\}\n, \[\]\);\n/g;
const chunks = [...script.matchAll(shared)].map(([whole, name, file]) => ({
  whole,
  name,
  file,
  stem: basename(file, '.wasm'),
  at: Number(name.slice('__chunk_'.length)),
}));
if (chunks.length !== (script.match(/^const __chunk_/gm) ?? []).length) throw new Error('the loader has changed');
const features = Object.entries(JSON.parse(text(manifest)));
const shelves = fill(
  chunks.map((chunk) => ({
    users: features.reduce((users, [, own], at) => users | (own.includes(chunk.stem) ? 1 << at : 0), 0),
    size: statSync(path(chunk.file)).size,
    chunks: [chunk],
  })),
);

/** What stands for a packed part: the shelf's variable by the part's, and the stem of its file by that of the part's. */
const packedAs = new Map();
let loads = '';
shelves
  .map((shelf) => shelf.chunks.sort((a, b) => a.at - b.at))
  .sort(([a], [b]) => a.at - b.at)
  .forEach((parts, index) => {
    // One alone stays as it is: the browser compiles it while it comes.
    if (parts.length === 1) return;
    const packed = pack(parts.map(({ file }) => readFileSync(path(file))));
    const stem = `shared_${index}.${hashOf(packed)}`;
    writeFileSync(path(`${stem}.wasm`), packed);
    for (const part of parts) {
      rmSync(path(part.file));
      script = script.replace(part.whole, '');
      packedAs.set(part.name, `__shared_${index}`).set(part.stem, stem);
    }
    loads += `const __shared_${index} = makeParts("./${stem}.wasm");\n`;
    console.log(`${stem}.wasm ${packed.length}, of ${parts.length} files`);
  });
/** The same names with those of shelves for what is in them, each once. */
const repacked = (names) => [...new Set(names.map((name) => packedAs.get(name) ?? name))];

const firstLoader = script.indexOf('export const __wasm_split_load_');
script = `${script.slice(0, firstLoader)}const makeParts = (file) => makeLoad(() => {
    const src = fetch(new URL(file, import.meta.url));
    return async (imports) => {
        const parts = WebAssembly.Module.customSections(await WebAssembly.compileStreaming(src), "part");
        await Promise.all(parts.map((part) => WebAssembly.instantiate(part, imports)));
    };
}, []);
${loads}${script.slice(firstLoader)}`.replace(
  /\[(__chunk_\d+(?:, __chunk_\d+)*)\]/g,
  (_, needed) => `[${repacked(needed.split(', ')).join(', ')}]`,
);

const needs = features.map(([feature, own]) => [feature, repacked(own)]);
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

writeFileSync(join(release, 'hash.txt'), Object.entries(hashes).map((line) => `${line.join(': ')}\n`).join(''));
