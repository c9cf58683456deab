// Lighthouse with its mobile preset on the pages that strangers see and on a studio with agents: the median of
// three visits each, in turns. Fails when a page falls below the goal. What members see of the same pages is
// told beside: theirs do not rest until they are used.

import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { launch } from 'chrome-launcher';
import lighthouse from 'lighthouse';
import { picture } from '../fixtures/picture.mjs';

const [origin] = process.argv.slice(2);
const rounds = Number(process.env.ROUNDS ?? 3);
const goal = { performance: 98, accessibility: 100, 'best-practices': 100, seo: 100 };
const program = fileURLToPath(new URL('../../.data/release/server', import.meta.url));

/** Somebody with an account, and how they ask for things. */
async function join(name) {
  const email = `${randomBytes(6).toString('hex')}@example.org`;
  const body = new URLSearchParams({ display_name: name, email, password: 'a phrase that is easy to keep' });
  const answer = await fetch(`${origin}/api/fn/account/sign_up`, { method: 'POST', body, redirect: 'manual' });
  const cookie = answer.headers.getSetCookie().map((line) => line.split(';')[0]).join('; ');
  if (!cookie) throw new Error(`nobody could join: ${answer.status} ${await answer.text()}`);
  const send = async (method, path, body, type = 'application/json') => {
    const headers = { cookie, ...(body ? { 'content-type': type } : {}) };
    const sent = body && type === 'application/json' ? JSON.stringify(body) : body;
    const answer = await fetch(`${origin}/api/v1/${path}`, { method, headers, body: sent });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  return { email, cookie, get: (path) => send('GET', path), post: (path, body, type) => send('POST', path, body, type) };
}

/** A listing with an avatar and screenshots, which a moderator has approved; answers its slug. */
async function list(publisher, agent) {
  const upload = async (kind, width, height, hue) =>
    (await publisher.post(`images?kind=${kind}`, picture(width, height, hue), 'image/png')).id;
  const pictures = {
    avatar: await upload('avatar', 400, 400, 200),
    screenshots: [
      { image: await upload('screenshot', 1600, 1000, 90), alt: 'A list of sums' },
      { image: await upload('screenshot', 1600, 1000, 20), alt: 'A sum that is wrong' },
    ],
  };
  const texts = { name: 'Sum checker', tagline: 'Checks sums', category: 'finance', description: 'It **checks** what you add up.' };
  await publisher.post(`agents/${agent}/versions`, {});
  const { submissions } = await publisher.post(`agents/${agent}/submissions`, { ...texts, pictures });
  const moderator = await join('Moderator');
  const { status, stderr } = spawnSync(program, ['admin', 'create', moderator.email], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`no moderator: ${stderr}`);
  const waiting = `submissions/${submissions[0].id}`;
  const { seen } = await moderator.get(waiting);
  return (await moderator.post(`${waiting}/decisions`, { verdict: 'approve', seen })).slug;
}

const owner = await join('Owner');
const agents = [];
for (let number = 1; number <= 12; number++) {
  const spec = { name: `Agent ${number}`, description: 'Checks sums', system_prompt: 'Check sums.', tools: [{ name: 'calculator' }] };
  agents.push((await owner.post('agents', spec)).id);
}
const pages = {
  landing: { path: '/' },
  marketplace: { path: '/marketplace' },
  listing: { path: `/marketplace/${await list(owner, agents[0])}` },
  studio: { path: '/studio', headers: { Cookie: owner.cookie } },
};
for (const name of ['landing', 'marketplace', 'listing']) {
  pages[`${name} of a member`] = { path: pages[name].path, headers: { Cookie: owner.cookie }, isBeside: true };
}

async function visit({ path, headers }) {
  const chrome = await launch({
    chromePath: process.env.CHROME_PATH ?? '/usr/bin/chromium',
    chromeFlags: ['--headless=new', '--disable-gpu', '--no-sandbox', '--disable-component-update', '--disable-sync'],
  });
  try {
    const flags = { port: chrome.port, logLevel: 'error', ...(headers ? { extraHeaders: headers } : {}) };
    const { lhr } = await lighthouse(`${origin}${path}`, flags);
    const value = (audit) => lhr.audits[audit].numericValue;
    const scored = Object.values(lhr.categories).flatMap(({ auditRefs }) => auditRefs.filter(({ weight }) => weight > 0));
    return {
      ...Object.fromEntries(Object.keys(goal).map((name) => [name, Math.round(lhr.categories[name].score * 100)])),
      fcp: value('first-contentful-paint'),
      lcp: value('largest-contentful-paint'),
      tbt: value('total-blocking-time'),
      si: value('speed-index'),
      cls: value('cumulative-layout-shift'),
      bytes: value('total-byte-weight'),
      program: lhr.audits['network-requests'].details.items
        .filter(({ resourceType, mimeType }) => resourceType === 'Script' || mimeType === 'application/wasm')
        .reduce((sum, { transferSize }) => sum + transferSize, 0),
      faults: scored.map(({ id }) => id).filter((id) => lhr.audits[id].score !== null && lhr.audits[id].score < 0.9),
    };
  } finally {
    await chrome.kill();
  }
}

const visits = Object.fromEntries(Object.keys(pages).map((name) => [name, []]));
for (let round = 0; round < rounds; round++) {
  for (const [name, page] of Object.entries(pages)) visits[name].push(await visit(page));
}

const median = (numbers) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
const columns = ['performance', 'accessibility', 'best-practices', 'seo', 'fcp', 'lcp', 'tbt', 'si', 'cls', 'bytes', 'program'];
const digits = { cls: 3 };
console.log(`\n| page | ${columns.join(' | ')} |\n| --- |${' --- |'.repeat(columns.length)}`);
let isReached = true;
for (const [name, seen] of Object.entries(visits)) {
  const middle = Object.fromEntries(columns.map((column) => [column, median(seen.map((visit) => visit[column]))]));
  console.log(`| ${name} | ${columns.map((column) => middle[column].toFixed(digits[column] ?? 0)).join(' | ')} |`);
  if (pages[name].isBeside) continue;
  isReached &&= Object.entries(goal).every(([category, least]) => middle[category] >= least) && middle.cls === 0;
}
for (const [name, seen] of Object.entries(visits)) {
  const faults = [...new Set(seen.flatMap((visit) => visit.faults))];
  if (faults.length > 0) console.log(`${name} loses points by: ${faults.join(', ')}`);
}
console.log(`\n${isReached ? 'The goal is reached' : 'Below the goal'}: ${JSON.stringify(goal)}, no layout shift`);
process.exitCode = isReached ? 0 : 1;
