// What people see first of each part, at the widths of a phone, a tablet and a desk, against pictures
// that somebody has looked at (snapshots/). Meant to look otherwise from now on?
// `./dev test browser look_the_same --update-snapshots`, and look at them.

import type { Page } from '@playwright/test';
import { expect, test, visit } from '../fixtures/seeded.ts';
import { pages } from '../pages/all.ts';

const WIDTHS = [360, 768, 1440];
const SHOWN = ['landing', 'marketplace', 'listing', 'sign-in', 'studio', 'editor', 'versions', 'session', 'account', 'teams'];

/** What is another thing each time: instants, lengths of time and names that are drawn by lot. */
const volatile = (page: Page) =>
  page.locator('time, .duration, [class*="duration"], .account-menu__who, .account-menu summary, #handle, [data-volatile]');

async function look(page: Page, name: string) {
  await page.evaluate(() => document.fonts.ready);
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: width === 360 ? 740 : 900 });
    await expect(page).toHaveScreenshot(`${name}-${width}.png`, { mask: [volatile(page)], maskColor: '#808080' });
  }
}

for (const name of SHOWN) {
  test(`${name} looks as it did`, async ({ page, context, seed }) => {
    const entry = pages.find((one) => one.name === name)!;
    // As strangers see it, so that it does not matter who was there before.
    if (['landing', 'marketplace', 'listing', 'sign-in'].includes(name)) await context.clearCookies();
    const { listings } = (await (await page.request.get('/api/v1/listings')).json()) as { listings: { slug: string }[] };
    const slug = listings[0]!.slug;
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
    await visit(page, entry.path({ ...seed, slug }));
    await look(page, name);
  });
}

test('the marketplace looks as it did in the dark', async ({ page }) => {
  await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
  await visit(page, '/marketplace');
  await look(page, 'marketplace-dark');
});
