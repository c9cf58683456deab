// Who is faster than the network: what is entered before the page is live stays, and counts.

import type { Page } from '@playwright/test';
import { beGuest } from '../fixtures/seed.ts';
import { expect, test, untilLive } from '../fixtures/test.ts';
import { StudioPages } from '../pages/studio.ts';

/** What Chromium says when a program comes late, which is the point. */
const tooLate = /was preloaded using link preload but not used within a few seconds/;

/** Lets the programs of pages wait until what is answered is called. */
async function holdPrograms(page: Page): Promise<() => void> {
  let release = () => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  await page.route(/\.wasm$/, async (route) => {
    await gate;
    await route.continue();
  });
  return release;
}

/** Opens an address whose programs wait until what is answered is called. */
async function openSlowly(page: Page, path: string): Promise<() => void> {
  const release = await holdPrograms(page);
  await page.goto(path, { waitUntil: 'commit' });
  return release;
}

test('what is entered before the page is live is kept and saved', async ({ page, browserConsole }) => {
  browserConsole.allow(tooLate);
  const studio = new StudioPages(page);
  await studio.create('Early', []);
  const release = await openSlowly(page, page.url());
  const calculator = studio.tool('Calculator');
  await studio.systemPrompt.fill('Be brief.');
  await calculator.setChecked(true);
  await expect(page.locator('html')).not.toHaveAttribute('data-live');
  release();
  await untilLive(page);
  await expect(studio.systemPrompt).toHaveValue('Be brief.');
  await expect(calculator).toBeChecked();

  await studio.save.click();
  await expect(page.getByText('Saved', { exact: true }).first()).toBeVisible();
  await page.unroute(/\.wasm$/);
  await page.reload();
  await untilLive(page);
  await expect(studio.systemPrompt).toHaveValue('Be brief.');
  await expect(calculator).toBeChecked();
});

test('a language that is chosen early is spoken once the page is live', async ({ page, browserConsole }) => {
  browserConsole.allow(tooLate);
  const release = await openSlowly(page, '/sign-in');
  await page.getByLabel('Language').selectOption('Deutsch');
  await expect(page.locator('html')).toHaveAttribute('lang', 'en');
  release();
  await expect(page.locator('html')).toHaveAttribute('lang', 'de');
});

test('a row that was ticked and unticked early is not selected', async ({ page, browserConsole }) => {
  browserConsole.allow(tooLate);
  await beGuest(page, 'Tern');
  const release = await openSlowly(page, '/studio');
  const box = page.getByRole('checkbox', { name: 'Select Tern' });
  await box.check();
  await box.uncheck();
  release();
  await untilLive(page);
  await expect(box).not.toBeChecked();
  await expect(page.getByRole('row').filter({ has: box })).toHaveAttribute('aria-selected', 'false');
});

test('going back before the page is live leads to the page before it', async ({ page, browserConsole }) => {
  browserConsole.allow(tooLate);
  const studio = new StudioPages(page);
  await studio.create('Early', []);
  const release = await holdPrograms(page);
  await page.reload({ waitUntil: 'commit' });
  await expect(studio.systemPrompt).toBeVisible();
  await page.evaluate(() => history.back());
  await expect(page.getByRole('heading', { name: 'New agent' })).toBeVisible();
  release();
  await untilLive(page);
  await expect(studio.name).toHaveValue('');
});

test('what the browser puts back when somebody returns counts', async ({ page }) => {
  await page.goto('/');
  const goal = page.getByRole('textbox', { name: 'What should it do?' });
  await goal.fill('Count to three');
  const third = page.getByRole('radio').nth(2);
  await third.check({ force: true });
  await page.goto('/sign-in');
  await page.goBack();
  await untilLive(page);
  await expect(goal).toHaveValue('Count to three');
  await expect(third).toBeChecked();
});
