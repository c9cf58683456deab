// Pages that look alike to everybody rest: their program is fetched at the first sign of use, and what was
// done until it has come is done then.

import type { Page } from '@playwright/test';
import { expect, test } from '../fixtures/seeded.ts';
import { untilLive, visit } from '../fixtures/test.ts';
import { pages } from '../pages/all.ts';

const resting = pages.filter(({ name }) => ['landing', 'marketplace', 'listing', 'collection', 'publisher'].includes(name));

/** The program's files that were asked for. */
function watchProgram(page: Page) {
  const seen: string[] = [];
  page.on('request', (request) => {
    const { pathname } = new URL(request.url());
    if (/^\/pkg\/.*\.(js|wasm)$/.test(pathname)) seen.push(pathname);
  });
  return seen;
}

/** Lets the program of a page wait until what is answered is called. */
async function holdProgram(page: Page): Promise<() => void> {
  let release = () => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  await page.route(/\/pkg\/.*\.wasm$/, async (route) => {
    await gate;
    await route.continue();
  });
  return release;
}

for (const { name, path } of resting) {
  test(`${name} fetches no program until it is used`, async ({ page, seed, be }) => {
    await be('stranger');
    const seen = watchProgram(page);
    await page.goto(path(seed), { waitUntil: 'networkidle' });
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    expect(seen).toEqual([]);
    await page.mouse.move(200, 200);
    await expect(page.locator('html')).toHaveAttribute('data-live');
    expect(seen).not.toEqual([]);
  });
}

test('a page of whoever is known is live by itself', async ({ page, be }) => {
  await be('member');
  await page.goto('/');
  await expect(page.locator('html')).toHaveAttribute('data-live');
});

test('the first click wakes the page and counts', async ({ page }) => {
  const release = await holdProgram(page);
  await page.goto('/marketplace');
  await page.getByRole('button', { name: 'Switch between light and dark' }).click();
  const document = page.locator('html');
  await expect(document).not.toHaveAttribute('data-theme');
  release();
  await expect(document).toHaveAttribute('data-theme', 'dark');
});

test('the palette opens though its key was the first', async ({ page }) => {
  const release = await holdProgram(page);
  await page.goto('/');
  await page.keyboard.press('Control+k');
  release();
  await expect(page.getByRole('dialog').getByRole('option').first()).toBeVisible();
});

test('words that were the first are looked for', async ({ page }) => {
  await page.goto('/marketplace');
  await page.getByRole('searchbox').first().fill('csv');
  await expect(page).toHaveURL(/[?&]q=csv/);
});

test('a program that does not come is told', async ({ page, browserConsole }) => {
  browserConsole.allow(/ERR_FAILED|Failed to|preload|fetch|import|TypeError/i);
  await page.route(/\/pkg\/.*\.(js|wasm)$/, (route) => route.abort());
  await page.goto('/');
  await page.mouse.move(200, 200);
  const notice = page.getByRole('alert').filter({ hasText: /reload/i });
  await expect(notice).toBeVisible();
  await page.unrouteAll();
  await notice.getByRole('link', { name: 'Reload' }).click();
  await untilLive(page);
});

test('a link leads on from a page that rests', async ({ page }) => {
  await page.goto('/');
  await page.getByRole('link', { name: 'Marketplace' }).first().click();
  await expect(page).toHaveURL('/marketplace');
  await expect(page).toHaveTitle(/Marketplace/);
});

test('no link leads away while there is no network', async ({ page, context, be, browserConsole }) => {
  browserConsole.allow(/ERR_INTERNET_DISCONNECTED/);
  await be('member');
  await visit(page, '/marketplace');
  const studio = page.getByRole('link', { name: 'Studio' }).first();
  await context.setOffline(true);
  await expect(page.getByText('You are offline.')).toBeVisible();
  await studio.click();
  await context.setOffline(false);
  await expect(page.getByText('You are offline.')).toHaveCount(0);
  await expect(page).toHaveURL('/marketplace');
  await studio.click();
  await expect(page).toHaveURL('/studio');
});
