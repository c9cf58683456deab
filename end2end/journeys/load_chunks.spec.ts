// Every lazy page loads its feature's chunk and no other's: on a direct visit and by navigation.
// A chunk that does not come leads to a notice, not to a dead page.

import type { Page } from '@playwright/test';
import { expect, test, visit } from '../fixtures/seeded.ts';
import { untilLive } from '../fixtures/test.ts';
import { pages } from '../pages/all.ts';

const lazy = pages.filter((entry) => entry.chunk !== undefined);

/** The features' chunks that were fetched. */
function watchChunks(page: Page) {
  const seen = new Set<string>();
  page.on('response', (response) => {
    const file = new URL(response.url()).pathname;
    if (!file.startsWith('/pkg/') || !file.endsWith('.wasm')) return;
    for (const { chunk } of lazy) if (chunk!.test(file)) seen.add(chunk!.source);
  });
  return seen;
}

test('the landing page needs no page chunk', async ({ page }) => {
  const seen = watchChunks(page);
  await visit(page, '/');
  expect([...seen]).toEqual([]);
});

// The first page of each chunk: the others are opened by navigation below.
for (const entry of lazy.filter(({ chunk }, at) => lazy.findIndex((other) => other.chunk!.source === chunk!.source) === at)) {
  test(`${entry.name} loads its feature's chunk alone on a direct visit`, async ({ page, seed }) => {
    const seen = watchChunks(page);
    await visit(page, entry.path(seed));
    await expect(page).toHaveTitle(entry.title);
    expect([...seen]).toEqual([entry.chunk!.source]);
  });
}

for (const entry of lazy) {
  test(`${entry.name} loads its feature's chunk by navigation`, async ({ page, seed }) => {
    await visit(page, '/');
    const seen = watchChunks(page);
    // A link that the router takes, whatever the landing page links to today.
    await page.evaluate((path) => {
      const link = document.createElement('a');
      link.href = path;
      link.id = 'test-link';
      link.textContent = 'go';
      document.querySelector('main')!.append(link);
    }, entry.path(seed));
    await page.evaluate(() => Object.assign(window, { sameDocument: true }));
    await page.locator('#test-link').click();
    await expect(page).toHaveTitle(entry.title);
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    expect(await page.evaluate(() => 'sameDocument' in window), 'no full page load').toBe(true);
    expect([...seen]).toContain(entry.chunk!.source);
  });
}

test('a chunk that does not come leads to a notice with a way to reload', async ({ page, browserConsole }) => {
  browserConsole.allow(/ERR_FAILED|Failed to load|Failed to fetch|wasm|chunk|panicked|unreachable|RuntimeError/i);
  await visit(page, '/');
  await page.route(/\/pkg\/.*split_marketplace.*\.wasm/, (route) => route.abort());
  await page.getByRole('link', { name: /marketplace/i }).first().click();
  const notice = page.getByRole('alert').filter({ hasText: /reload/i });
  await expect(notice).toBeVisible();
  await page.unroute(/\/pkg\/.*split_marketplace.*\.wasm/);
  await notice.getByRole('button', { name: /reload/i }).or(notice.getByRole('link', { name: /reload/i })).click();
  await untilLive(page);
  await expect(page).toHaveURL(/\/marketplace/);
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
});
