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
 * @param {{users: number, size: number, files: string[]}[]} shelves
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
    const both = { users: a.users | b.users, size: a.size + b.size, files: [...a.files, ...b.files] };
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
const chunks = [...script.matchAll(shared)];
if (chunks.length !== (script.match(/^const __chunk_/gm) ?? []).length) throw new Error('the loader has changed');
const features = Object.entries(JSON.parse(text(manifest)));
const order = new Map(chunks.map(([, name, file]) => [file, { name, at: Number(name.slice('__chunk_'.length)) }]));
const shelves = fill(
  chunks.map(([, , file]) => ({
    users: features.reduce((users, [, own], at) => users | (own.includes(basename(file, '.wasm')) ? 1 << at : 0), 0),
    size: statSync(path(file)).size,
    files: [file],
  })),
);

/** The shelf's variable in the loader and its file, by the file of each part. */
const shelfOf = new Map();
let loads = '';
shelves
  .map((shelf) => shelf.files.sort((a, b) => order.get(a).at - order.get(b).at))
  .sort((a, b) => order.get(a[0]).at - order.get(b[0]).at)
  .forEach((files, index) => {
    // One alone stays as it is: the browser compiles it while it comes.
    if (files.length === 1) return;
    const packed = pack(files.map((file) => readFileSync(path(file))));
    const shelf = `shared_${index}.${hashOf(packed)}`;
    writeFileSync(path(`${shelf}.wasm`), packed);
    for (const file of files) {
      rmSync(path(file));
      shelfOf.set(file, { variable: `__shared_${index}`, shelf });
    }
    loads += `const __shared_${index} = makeParts("./${shelf}.wasm");\n`;
    console.log(`${shelf}.wasm ${packed.length}, of ${files.length} files`);
  });

const packedChunks = chunks.filter(([, , file]) => shelfOf.has(file));
for (const [whole] of packedChunks) script = script.replace(whole, '');
const variableOf = new Map(packedChunks.map(([, name, file]) => [name, shelfOf.get(file).variable]));
const firstLoader = script.indexOf('export const __wasm_split_load_');
script = `${script.slice(0, firstLoader)}const makeParts = (file) => makeLoad(() => {
    const src = fetch(new URL(file, import.meta.url));
    return async (imports) => {
        const parts = WebAssembly.Module.customSections(await WebAssembly.compileStreaming(src), "part");
        await Promise.all(parts.map((part) => WebAssembly.instantiate(part, imports)));
    };
}, []);
${loads}${script.slice(firstLoader)}`.replace(/\[(__chunk_\d+(?:, __chunk_\d+)*)\]/g, (_, needed) => {
  const names = needed.split(', ').map((name) => variableOf.get(name) ?? name);
  return `[${[...new Set(names)].join(', ')}]`;
});

const shelfOfStem = new Map([...shelfOf].map(([file, { shelf }]) => [basename(file, '.wasm'), shelf]));
const needs = features.map(([feature, own]) => [
  feature,
  [...new Set(own.map((stem) => shelfOfStem.get(stem) ?? stem))],
]);
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
