// Writes .br and .gz beside every file of a site that gains by it, once per build and as small as it
// gets. (cargo-leptos can do it too, but would build page and server one after the other.)

import { readdir, readFile, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

const kinds = new Set(['.css', '.html', '.js', '.json', '.svg', '.txt', '.wasm', '.webmanifest', '.xml']);
const root = process.argv[2];

const squeeze = {
  br: (data) =>
    promisify(brotliCompress)(data, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: data.length },
    }),
  gz: (data) => promisify(gzip)(data, { level: 9 }),
};

const entries = await readdir(root, { recursive: true, withFileTypes: true });
const files = entries.filter((entry) => entry.isFile() && kinds.has(extname(entry.name)));
await Promise.all(
  files.map(async (entry) => {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    const data = await readFile(path);
    if (data.length < 1000) return;
    const sizes = [];
    for (const [suffix, compress] of Object.entries(squeeze)) {
      const small = await compress(data);
      if (small.length < data.length) await writeFile(`${path}.${suffix}`, small);
      sizes.push(`${suffix} ${small.length}`);
    }
    console.log(`${path.slice(root.length + 1)} ${data.length} ${sizes.join(' ')}`);
  }),
);
