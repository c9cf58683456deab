// Lighthouse with its mobile preset on the pages that strangers see: the median of three visits each,
// in turns. Fails when a page falls below the goal.

import { launch } from 'chrome-launcher';
import lighthouse from 'lighthouse';

const [origin] = process.argv.slice(2);
const rounds = Number(process.env.ROUNDS ?? 3);
const goal = { performance: 98, accessibility: 100, 'best-practices': 100, seo: 100 };

const listings = await (await fetch(`${origin}/api/v1/listings?limit=1`)).json();
const pages = {
  landing: '/',
  marketplace: '/marketplace',
  listing: `/marketplace/${listings.listings[0].slug}`,
  studio: '/studio',
};

async function visit(path) {
  const chrome = await launch({
    chromePath: process.env.CHROME_PATH ?? '/usr/bin/chromium',
    chromeFlags: ['--headless=new', '--disable-gpu', '--no-sandbox', '--disable-component-update', '--disable-sync'],
  });
  try {
    const { lhr } = await lighthouse(`${origin}${path}`, { port: chrome.port, logLevel: 'error' });
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
      faults: scored.map(({ id }) => id).filter((id) => lhr.audits[id].score !== null && lhr.audits[id].score < 0.9),
    };
  } finally {
    await chrome.kill();
  }
}

const visits = Object.fromEntries(Object.keys(pages).map((name) => [name, []]));
for (let round = 0; round < rounds; round++) {
  for (const [name, path] of Object.entries(pages)) visits[name].push(await visit(path));
}

const median = (numbers) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
const columns = ['performance', 'accessibility', 'best-practices', 'seo', 'fcp', 'lcp', 'tbt', 'si', 'cls', 'bytes'];
const digits = { cls: 3 };
console.log(`\n| page | ${columns.join(' | ')} |\n| --- |${' --- |'.repeat(columns.length)}`);
let isReached = true;
for (const [name, seen] of Object.entries(visits)) {
  const middle = Object.fromEntries(columns.map((column) => [column, median(seen.map((visit) => visit[column]))]));
  console.log(`| ${name} | ${columns.map((column) => middle[column].toFixed(digits[column] ?? 0)).join(' | ')} |`);
  isReached &&= Object.entries(goal).every(([category, least]) => middle[category] >= least) && middle.cls === 0;
}
for (const [name, seen] of Object.entries(visits)) {
  const faults = [...new Set(seen.flatMap((visit) => visit.faults))];
  if (faults.length > 0) console.log(`${name} loses points by: ${faults.join(', ')}`);
}
console.log(`\n${isReached ? 'The goal is reached' : 'Below the goal'}: ${JSON.stringify(goal)}, no layout shift`);
process.exitCode = isReached ? 0 : 1;
