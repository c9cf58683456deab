// The marketplace at length: it grows while one scrolls, the number of cards in the document does not,
// and neither the focus nor the place gets lost.

import type { Page } from '@playwright/test';
import { expect, test, visit } from '../fixtures/test.ts';

const COUNT = 600;
const PAGE = 24;
/** What may be in the document at once. */
const BOUND = 60;
const cards = (page: Page) => page.locator('.listing-grid__item:not([hidden])');
const name = (rank: number) => `Listing ${String(rank + 1).padStart(4, '0')}`;

/** The marketplace with so many listings that all lead to the same page; opened as the app opens it. */
async function openMany(page: Page) {
  const { listings } = (await (await page.request.get('/api/v1/listings?query=clock')).json()) as { listings: Record<string, unknown>[] };
  await page.route('**/api/fn/marketplace/browse_listings', async (route) => {
    const cursor = new URLSearchParams(route.request().postData() ?? '').get('filter[page][cursor]');
    const from = cursor ? Number(cursor.slice(1)) : 0;
    const to = Math.min(from + PAGE, COUNT);
    const some = Array.from({ length: to - from }, (_, at) => {
      const rank = from + at;
      const tagline = 'Does one job, and does it well. '.repeat(1 + (rank % 3)).trim();
      return { ...listings[0], id: `00000000-0000-7000-8000-${String(rank).padStart(12, '0')}`, name: name(rank), tagline, highlights: null };
    });
    await route.fulfill({
      json: { listings: some, next_cursor: to < COUNT ? `c${to}` : null, total: COUNT, categories: [{ category: 'productivity', count: COUNT }] },
    });
  });
  await visit(page, '/');
  await page.getByRole('navigation', { name: 'Main', exact: true }).getByRole('link', { name: 'Marketplace' }).click();
  await expect(cards(page)).toHaveCount(PAGE);
}

/** The cards of the document, in its order: place and name of each. Found and read in one go: `evaluateAll`
 * finds first and reads later, and elements show something else by then. */
const drawn = (page: Page) =>
  page.evaluate(() =>
    [...document.querySelectorAll('.listing-grid__item:not([hidden])')].map(
      (item) => [Number(item.getAttribute('aria-posinset')), item.querySelector('h3')?.textContent?.trim() ?? ''] as const,
    ),
  );

test('all listings are seen, one after the other, while few are in the document', async ({ page }) => {
  test.slow();
  await openMany(page);
  const seen = new Set<string>();
  const footer = page.getByRole('contentinfo');
  const more = page.getByRole('link', { name: 'Show more' });
  let stops = 0;
  // So many come by themselves, and then a link does it.
  const isStopped = () => page.evaluate(() => {
    const link = document.querySelector('.marketplace__more a');
    return link?.textContent?.trim() === 'Show more' && link.getBoundingClientRect().top < innerHeight && document.querySelector('#listings')!.getBoundingClientRect().bottom < innerHeight;
  });
  await page.mouse.move(600, 400);
  await expect
    .poll(
      async () => {
        const now = await drawn(page);
        expect(now.length).toBeLessThanOrEqual(BOUND);
        const places = now.map(([place]) => place);
        expect(places).toEqual(places.map((_, at) => places[0]! + at));
        now.filter(([, name]) => name).forEach(([place, title]) => {
          expect(title).toBe(name(place - 1));
          seen.add(title);
        });
        if (await isStopped()) {
          // What stands below the list can be reached before all of it was seen.
          await footer.scrollIntoViewIfNeeded();
          await expect(footer).toBeInViewport();
          stops += 1;
          await more.click();
        }
        await page.mouse.wheel(0, 900);
        return seen.size;
      },
      { timeout: 60_000, intervals: [30] },
    )
    .toBe(COUNT);
  expect(stops).toBeGreaterThan(0);
  await expect(page.getByRole('listitem').filter({ hasText: name(COUNT - 1) })).toHaveAttribute('aria-setsize', String(COUNT));
  await expect(more).toHaveCount(0);
  await footer.scrollIntoViewIfNeeded();
  await expect(footer).toBeInViewport();
  // And back: what was dropped is fetched again.
  await page.evaluate(() => scrollTo(0, 0));
  await expect(page.getByRole('link', { name: name(0) })).toBeVisible();
  expect((await drawn(page)).length).toBeLessThanOrEqual(BOUND);
});

test('the focus stays while its card is far away, and Tab leads on from it', async ({ page }) => {
  await openMany(page);
  await page.getByRole('link', { name: name(4) }).focus();
  await page.mouse.move(600, 400);
  const last = async () => Math.max(...(await drawn(page)).map(([place]) => place));
  await expect
    .poll(
      async () => {
        await page.mouse.wheel(0, 600);
        return last();
      },
      { intervals: [40] },
    )
    .toBeGreaterThan(100);
  await expect(page.getByRole('link', { name: name(20) })).not.toBeAttached();
  await expect(page.getByRole('link', { name: name(4) })).toBeFocused();
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: name(5) })).toBeFocused();
  await expect(page.getByRole('link', { name: name(5) })).toBeInViewport();
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: name(6) })).toBeFocused();
});

test('coming back leads to the same place', async ({ page }) => {
  await openMany(page);
  await page.mouse.move(600, 400);
  await expect
    .poll(
      async () => {
        await page.mouse.wheel(0, 700);
        return page.getByRole('link', { name: name(90) }).isVisible();
      },
      { intervals: [40] },
    )
    .toBe(true);
  const link = page.getByRole('link', { name: name(90) });
  await link.scrollIntoViewIfNeeded();
  await link.click();
  await expect(page.getByRole('heading', { level: 1 })).not.toHaveText('Marketplace');
  await page.goBack();
  await expect(link).toBeInViewport();
  expect((await drawn(page)).length).toBeLessThanOrEqual(BOUND);
});

test('a page that fails can be asked for again', async ({ page, browserConsole }) => {
  browserConsole.allow(/500/);
  await visit(page, '/marketplace');
  await page.route('**/api/fn/marketplace/browse_listings', (route) => route.fulfill({ status: 500, body: 'no' }));
  await page.getByRole('contentinfo').scrollIntoViewIfNeeded();
  await expect(page.getByRole('alert')).toBeVisible();
  await page.unroute('**/api/fn/marketplace/browse_listings');
  await page.getByRole('link', { name: 'Try again' }).click();
  await expect.poll(() => cards(page).count()).toBeGreaterThan(PAGE);
  await expect(page.getByRole('alert')).toHaveCount(0);
});

test('the list can be skipped', async ({ page }) => {
  await visit(page, '/marketplace');
  const skip = page.getByRole('link', { name: 'Skip the list' });
  await skip.focus();
  await expect(skip).toBeInViewport();
  await page.keyboard.press('Enter');
  await expect(page.locator('#listings-end')).toBeFocused();
});

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });

  test('the next page is a link, and so is the way back', async ({ page }) => {
    await page.goto('/marketplace');
    const first = await page.locator('.listing-grid__item').first().getByRole('heading').innerText();
    await page.getByRole('link', { name: 'Show more' }).click();
    await expect(page).toHaveURL(/cursor=/);
    await expect(page.locator('.listing-grid__item').first().getByRole('heading')).not.toHaveText(first);
    await page.getByRole('link', { name: 'Back to the beginning of the list' }).click();
    await expect(page).toHaveURL('/marketplace');
    await expect(page.locator('.listing-grid__item').first().getByRole('heading')).toHaveText(first);
  });
});
