// Writes the texts of all checked queries, one a line, into the file that is named.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';

const files = readdirSync('.sqlx').filter((name) => name.endsWith('.json'));
const texts = files.map((name) => JSON.parse(readFileSync(`.sqlx/${name}`, 'utf8')).query);
const lines = texts.map((text) => JSON.stringify(text.trim().replace(/\n\s+/g, '\n')));
writeFileSync(process.argv[2], `[\n${lines.sort().join(',\n')}\n]\n`);
