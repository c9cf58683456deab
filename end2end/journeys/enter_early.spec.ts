// Who is faster than the network: what is entered before the page is live stays, and counts.

import { beGuest } from '../fixtures/seed.ts';
import { expect, test, untilLive } from '../fixtures/test.ts';
import { StudioPages } from '../pages/studio.ts';

test('what is entered before the page is live is kept and saved', async ({ page }) => {
  const studio = new StudioPages(page);
  await studio.create('Early', []);
  const address = page.url();
  let release = () => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  await page.route(/\.wasm$/, async (route) => {
    await gate;
    await route.continue();
  });
  await page.goto(address, { waitUntil: 'commit' });
  const calculator = page.getByRole('group', { name: 'Tools' }).getByRole('checkbox', { name: 'Calculator' });
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

test('a language that is chosen early is spoken once the page is live', async ({ page }) => {
  await beGuest(page);
  let release = () => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  await page.route(/\.wasm$/, async (route) => {
    await gate;
    await route.continue();
  });
  await page.goto('/sign-in', { waitUntil: 'commit' });
  await page.getByLabel('Language').selectOption('Deutsch');
  await expect(page.locator('html')).toHaveAttribute('lang', 'en');
  release();
  await expect(page.locator('html')).toHaveAttribute('lang', 'de');
});
