// Who is faster than the network: what is entered before the page is live stays, and counts.

import type { Page } from '@playwright/test';
import { beGuest } from '../fixtures/seed.ts';
import { expect, test, untilLive, visit } from '../fixtures/test.ts';
import { row } from '../pages/agent_list.ts';
import { StudioPages } from '../pages/studio.ts';

/** What Chromium says when a program comes late, which is the point. */
const tooLate = /was preloaded using link preload but not used within a few seconds/;

/** Lets the programs of pages, or these of them, wait until what is answered is called. */
async function holdPrograms(page: Page, which = /\.wasm$/): Promise<() => void> {
  let release = () => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  await page.route(which, async (route) => {
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

test('the sheet of shortcuts opens though its key came early', async ({ page, browserConsole }) => {
  browserConsole.allow(tooLate);
  const release = await openSlowly(page, '/sign-in');
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  await page.keyboard.press('?');
  release();
  await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible();
});

/** Opens the studio, whose frame is there already while the page in it waits until what is answered is called. */
async function openFrame(page: Page): Promise<() => void> {
  await beGuest(page, 'Late');
  const release = await holdPrograms(page, /\/split_studio\.[^/]*wasm$/);
  await page.goto('/studio', { waitUntil: 'commit' });
  const menu = page.locator('.header__menu');
  // Once the frame hears of keys, Escape folds its menu up.
  await expect(async () => {
    await menu.evaluate((menu: HTMLDetailsElement) => (menu.open = true));
    await page.keyboard.press('Escape');
    expect(await menu.getAttribute('open')).toBeNull();
  }).toPass();
  await expect(page.locator('html')).not.toHaveAttribute('data-live');
  return release;
}

test('the palette opens once though the page was not there yet', async ({ page, browserConsole }) => {
  browserConsole.allow(tooLate);
  let asked = 0;
  page.on('request', (request) => (asked += Number(request.url().includes('/split_commands.'))));
  const release = await openFrame(page);
  const field = page.getByRole('combobox', { name: 'Go to' });
  await page.keyboard.press('Control+k');
  await expect(field).toBeFocused();
  expect(asked).toBe(0);
  release();
  await untilLive(page);
  await expect(page.getByRole('dialog').getByRole('option', { name: 'Marketplace' })).toBeVisible();
  await expect(field).toBeFocused();
  await expect(field).toHaveCount(1);
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(row(page, 'Late')).toBeVisible();
});

test('what is typed for the palette before the page is live arrives in it', async ({ page, browserConsole }) => {
  browserConsole.allow(tooLate);
  const release = await openSlowly(page, '/sign-in');
  const field = page.getByRole('combobox', { name: 'Go to' });
  const email = page.getByLabel('E-mail address');
  await email.focus();
  await expect(page.locator('#palette')).toBeAttached();
  await page.keyboard.press('Control+k');
  await page.keyboard.type('marketp');
  await expect(page.locator('html')).not.toHaveAttribute('data-live');
  release();
  await untilLive(page);
  await expect(page.getByRole('dialog').getByRole('option')).toHaveText([/Marketplace/]);
  await expect(field).toHaveValue('marketp');
  await expect(email).toHaveValue('');
  await page.keyboard.press('Enter');
  await page.waitForURL('/marketplace');
});

test('what is typed for the palette before its own program is there arrives in it', async ({ page, browserConsole }) => {
  browserConsole.allow(tooLate);
  await visit(page, '/sign-in');
  const release = await holdPrograms(page, /\/split_commands\.[^/]*wasm$/);
  const field = page.getByRole('combobox', { name: 'Go to' });
  const email = page.getByLabel('E-mail address');
  await email.focus();
  await page.keyboard.press('Control+k');
  await page.keyboard.type('marketp');
  await expect(field).toHaveValue('marketp');
  release();
  await expect(page.getByRole('dialog').getByRole('option')).toHaveText([/Marketplace/]);
  await page.keyboard.press('Escape');
  await expect(email).toBeFocused();
  await expect(email).toHaveValue('');
  // It begins anew.
  await page.keyboard.press('Control+k');
  await expect(field).toHaveValue('');
});

test('the palette does not come back to who has closed it early', async ({ page, browserConsole }) => {
  browserConsole.allow(tooLate);
  const release = await openSlowly(page, '/sign-in');
  const field = page.getByRole('combobox', { name: 'Go to' });
  await expect(page.locator('#palette')).toBeAttached();
  await page.keyboard.press('Control+k');
  await expect(field).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(field).toHaveCount(0);
  release();
  await untilLive(page);
  // In a palette this would be a letter of its field.
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible();
});

test('that the network went is said once the page is live, if it is gone still', async ({ page, browserConsole }) => {
  browserConsole.allow(tooLate);
  const said = page.getByText('You are offline.');
  for (const isGone of [false, true]) {
    const release = await openFrame(page);
    await page.evaluate((isGone) => {
      if (isGone) Object.defineProperty(navigator, 'onLine', { get: () => false });
      dispatchEvent(new Event('offline'));
      if (!isGone) dispatchEvent(new Event('online'));
    }, isGone);
    await expect(said).toHaveCount(0);
    release();
    await untilLive(page);
    await expect(said).toHaveCount(isGone ? 1 : 0);
    await expect(page.locator('.toast')).toHaveCount(0);
    await page.unrouteAll();
  }
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
