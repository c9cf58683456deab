// Every lazy page loads its feature's chunk and no other's: on a direct visit and by navigation.
// A chunk that does not come leads to a notice, not to a dead page.

import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { expect, test, visit } from '../fixtures/seeded.ts';
import { type Console, untilLive } from '../fixtures/test.ts';
import { type PageEntry, pages } from '../pages/all.ts';

/** What the browser says of a file that does not come, and of the app that has to stop. */
const BROKEN = /ERR_FAILED|Failed to load|Failed to fetch|preload|wasm|chunk|panicked|unreachable|RuntimeError/i;

/** The palette of commands is no page. */
const COMMANDS = 'split_commands';

const lazy = pages.filter((entry) => entry.chunk !== undefined);
const chunkOf = (entry: PageEntry) => entry.chunk!.source;
const chunks = [...new Set(lazy.map(chunkOf))];
const pagesOf = (chunk: string) => lazy.filter((entry) => chunkOf(entry) === chunk);
/** The pages by their chunks and by whose they are. */
const groups = chunks.flatMap((chunk) => [...new Set(pagesOf(chunk).map(({ as }) => as))].map((as) => ({ chunk, as })));

/** The features' chunks that were fetched. */
function watchChunks(page: Page) {
  const seen = new Set<string>();
  page.on('response', (response) => {
    const found = /\/pkg\/(split_[a-z]+)\.[^/]*wasm$/.exec(new URL(response.url()).pathname);
    if (found) seen.add(found[1]!);
  });
  return seen;
}

/** Goes to a path by a link that the router takes, whatever the page links to today. */
const follow = (page: Page, path: string) =>
  page.evaluate((href) => {
    const link = Object.assign(document.createElement('a'), { href, textContent: 'go' });
    document.querySelector('main')!.append(link);
    link.click();
    link.remove();
  }, path);

async function expectPage(page: Page, entry: PageEntry, path: string) {
  await expect(page).toHaveURL(path);
  await expect(page).toHaveTitle(entry.title);
  await expect(page.locator('.routing.is-active')).toHaveCount(0);
  await expect(page.getByRole('heading', { level: 1 })).toBeAttached();
}

test('every chunk of the budget is looked at here', () => {
  const budget = JSON.parse(readFileSync(new URL('../load/budget.json', import.meta.url), 'utf8')) as { chunks: object };
  const known = Object.keys(budget.chunks).filter((name) => name.startsWith('split_'));
  expect([...chunks, COMMANDS].sort()).toEqual(known.sort());
});

test('the landing page needs no page chunk', async ({ page }) => {
  const seen = watchChunks(page);
  await visit(page, '/');
  expect([...seen]).toEqual([]);
});

// The first page of each chunk: the others are opened by navigation below.
for (const chunk of chunks) {
  const entry = pagesOf(chunk)[0]!;
  test(`${entry.name} loads its feature's chunk alone on a direct visit`, async ({ page, seed, be }) => {
    await be(entry.as);
    const seen = watchChunks(page);
    await visit(page, entry.path(seed));
    await expect(page).toHaveTitle(entry.title);
    expect([...seen]).toEqual([chunk]);
  });
}

for (const { chunk, as } of groups) {
  const entries = pagesOf(chunk).filter((entry) => entry.as === as);
  const names = entries.map(({ name }) => name).join(', ');
  test(`by navigation ${chunk} is all that is fetched for: ${names}`, async ({ page, seed, be }) => {
    await be(as);
    await visit(page, '/');
    const seen = watchChunks(page);
    await page.evaluate(() => Object.assign(window, { sameDocument: true }));
    for (const entry of entries) {
      await follow(page, entry.path(seed));
      await expectPage(page, entry, entry.path(seed));
    }
    expect(await page.evaluate(() => 'sameDocument' in window), 'no full page load').toBe(true);
    expect([...seen]).toEqual([chunk]);
  });
}

/** A notice stands there, and the way to reload leads on once the files come again. */
async function expectNotice(page: Page, entry: PageEntry, path: string) {
  const notice = page.getByRole('alert').filter({ hasText: /reload/i });
  await expect(notice).toBeVisible();
  await page.unrouteAll();
  await notice.getByRole('link', { name: 'Reload' }).click();
  await untilLive(page);
  await expectPage(page, entry, path);
  await expect(notice).toBeHidden();
}

/** From now on the files whose names fit do not come. */
async function hold(page: Page, browserConsole: Console, files: RegExp) {
  browserConsole.allow(BROKEN);
  await page.route(files, (route) => route.abort());
}

const fileOf = (chunk: string) => new RegExp(`/pkg/${chunk}\\..*wasm`);

for (const chunk of chunks) {
  const entry = pagesOf(chunk)[0]!;

  test(`${chunk} that does not come by navigation leads to a notice with a way to reload`, async ({ page, seed, be, browserConsole }) => {
    await be(entry.as);
    await visit(page, '/');
    await hold(page, browserConsole, fileOf(chunk));
    await follow(page, entry.path(seed));
    await expectNotice(page, entry, entry.path(seed));
  });

  test(`${chunk} that does not come on a direct visit leads to the same notice`, async ({ page, seed, be, browserConsole }) => {
    await be(entry.as);
    await hold(page, browserConsole, fileOf(chunk));
    await page.goto(entry.path(seed));
    await expectNotice(page, entry, entry.path(seed));
  });
}

test('what several chunks share and does not come leads to the same notice', async ({ page, seed, browserConsole }) => {
  const entry = pagesOf('split_marketplace')[0]!;
  await visit(page, '/');
  await hold(page, browserConsole, /\/pkg\/shared_\d+\..*wasm/);
  await follow(page, entry.path(seed));
  await expectNotice(page, entry, entry.path(seed));
});

test('the palette of commands comes when it is asked for, alone, or a notice does', async ({ page, browserConsole }) => {
  const seen = watchChunks(page);
  await visit(page, '/');
  await page.keyboard.press('Control+k');
  await expect(page.getByRole('dialog').getByRole('option').first()).toBeVisible();
  expect([...seen]).toEqual([COMMANDS]);
  await hold(page, browserConsole, fileOf(COMMANDS));
  await visit(page, '/');
  await page.keyboard.press('Control+k');
  await expectNotice(page, pages[0]!, '/');
});
