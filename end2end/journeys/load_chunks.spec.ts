// Every lazy page loads its own chunk and no other page's: on a direct visit and by navigation.
// A chunk that does not come leads to a notice, not to a dead page.

import type { Page } from '@playwright/test';
import { expect, test, untilLive, visit } from '../fixtures/test.ts';
import { makeSeed, pages } from '../pages/all.ts';

const lazy = pages.filter((entry) => entry.chunk !== undefined);

/** The page chunks that were fetched, by the names of pages. */
function watchChunks(page: Page) {
  const seen = new Set<string>();
  page.on('response', (response) => {
    const file = new URL(response.url()).pathname;
    if (!file.startsWith('/pkg/') || !file.endsWith('.wasm')) return;
    for (const entry of lazy) if (entry.chunk!.test(file)) seen.add(entry.name);
  });
  return seen;
}

test('the landing page needs no page chunk', async ({ page }) => {
  const seen = watchChunks(page);
  await visit(page, '/');
  expect([...seen]).toEqual([]);
});

for (const entry of lazy) {
  test(`${entry.name} loads its chunk alone on a direct visit`, async ({ page }) => {
    const seed = await makeSeed(page);
    const seen = watchChunks(page);
    await visit(page, entry.path(seed));
    await expect(page).toHaveTitle(entry.title);
    expect([...seen]).toEqual([entry.name]);
  });

  test(`${entry.name} loads its chunk by navigation`, async ({ page }) => {
    const seed = await makeSeed(page);
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
    expect([...seen]).toContain(entry.name);
  });
}

test('a chunk that does not come leads to a notice with a way to reload', async ({ page, browserConsole }) => {
  browserConsole.allow(/ERR_FAILED|Failed to load|Failed to fetch|wasm|chunk|panicked|unreachable|RuntimeError/i);
  await visit(page, '/');
  await page.route(/\/pkg\/.*browse_route.*\.wasm/i, (route) => route.abort());
  await page.getByRole('link', { name: /marketplace/i }).first().click();
  const notice = page.getByRole('alert').filter({ hasText: /reload/i });
  await expect(notice).toBeVisible();
  await page.unroute(/\/pkg\/.*browse_route.*\.wasm/i);
  await notice.getByRole('button', { name: /reload/i }).or(notice.getByRole('link', { name: /reload/i })).click();
  await untilLive(page);
  await expect(page).toHaveURL(/\/marketplace/);
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
});
