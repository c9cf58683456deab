// The marketplace: look around, search, open a listing, install it, run it.

import { join } from '../fixtures/people.ts';
import { expect, test, untilLive, visit } from '../fixtures/test.ts';
import { SessionPage } from '../pages/session.ts';

test('at least 24 listings, by category, with counts from zero', async ({ page }) => {
  await visit(page, '/marketplace');
  await expect(page.getByRole('status').filter({ hasText: /^\d+ agents$/ })).toBeVisible();
  const count = Number((await page.getByText(/^\d+ agents$/).innerText()).split(' ')[0]);
  expect(count).toBeGreaterThanOrEqual(24);
  const categories = page.getByRole('navigation', { name: 'Categories' });
  for (const name of ['Productivity', 'Research', 'Development', 'Support', 'Content', 'Sales', 'Finance', 'Custom']) {
    await expect(categories.getByRole('link', { name })).toBeVisible();
  }
  await categories.getByRole('link', { name: 'Finance' }).click();
  await expect(page).toHaveURL('/marketplace?category=finance');
  await expect(page).toHaveTitle(/Finance agents/);
  await expect(page.getByText(/^\d+ agents in Finance$/)).toBeVisible();
});

test('typing searches, back returns, nothing found says what to do', async ({ page }) => {
  await visit(page, '/marketplace');
  const search = page.getByRole('searchbox', { name: 'Search' });
  await search.fill('invoice');
  await expect(page).toHaveURL(/q=invoice/);
  await expect(page.getByRole('link', { name: 'Invoice reader' }).first()).toBeVisible();
  await search.fill('zzzqqq');
  await expect(page.getByText('Nothing matches “zzzqqq”')).toBeVisible();
  await page.getByRole('link', { name: 'Show all agents' }).click();
  await expect(page.getByText(/^\d+ agents$/)).toBeVisible();
  await expect(search).toHaveValue('');
});

test('a link that is followed while the search waits for a pause is followed', async ({ page }) => {
  await visit(page, '/marketplace');
  await page.clock.install();
  let open = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  await page.route('**/api/fn/marketplace/get_listing', async (route) => {
    await opened;
    await route.continue();
  });
  const listing = await page.evaluate(() => {
    const field = document.querySelector<HTMLInputElement>('#marketplace-search')!;
    field.value = 'invoice';
    field.dispatchEvent(new Event('input', { bubbles: true }));
    const link = document.querySelector<HTMLAnchorElement>('.listing-grid__item a')!;
    link.click();
    return link.pathname;
  });
  await page.clock.fastForward(1_000);
  open();
  await expect(page).toHaveURL(listing);
  await expect(page.getByRole('heading', { level: 1 })).not.toHaveText('Marketplace');
});

test('scrolling adds to the list', async ({ page }) => {
  await visit(page, '/marketplace');
  const cards = page.locator('.listing-grid__item');
  await expect(cards).toHaveCount(24);
  await page.getByRole('contentinfo').scrollIntoViewIfNeeded();
  await expect.poll(() => cards.count()).toBeGreaterThan(24);
  const names = await cards.getByRole('heading').allInnerTexts();
  expect(new Set(names).size).toBe(names.length);
});

test('a listing is opened and run without an account', async ({ page }) => {
  await visit(page, '/marketplace?q=unit');
  await page.getByRole('link', { name: 'Unit converter' }).first().click();
  await expect(page).toHaveURL('/marketplace/unit-converter');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Unit converter');
  await page.getByRole('textbox', { name: 'Goal' }).fill('5 miles in km');
  await page.getByRole('textbox', { name: /^Material/ }).fill('');
  await page.getByRole('button', { name: 'Run it' }).click();
  await page.waitForURL(/\/sessions\//);
  const session = new SessionPage(page);
  await session.expectCompleted();
  await expect(session.output.last()).toContainText('8.04');
});

test('an example fills the form', async ({ page }) => {
  await visit(page, '/marketplace/unit-converter');
  const examples = page.getByRole('region', { name: 'Try it now' }).getByRole('list').getByRole('link');
  const goal = page.getByRole('textbox', { name: 'Goal' });
  const first = await goal.inputValue();
  expect(first).not.toBe('');
  await examples.nth(1).click();
  await expect(goal).not.toHaveValue(first);
});

test('a listing is installed once and counts once', async ({ page }) => {
  await join(page, 'Ada');
  const count = async () => ((await (await page.request.get('/api/v1/listings/world-clock')).json()) as { installs: number }).installs;
  const before = await count();
  for (let time = 0; time < 2; time++) {
    await visit(page, '/marketplace/world-clock');
    await page.getByRole('button', { name: 'Add to my studio' }).click();
    await page.waitForURL(/\/studio\/agents\//);
    await untilLive(page);
    await expect(page.getByRole('textbox', { name: 'Name' })).toHaveValue('World clock');
  }
  expect(await count()).toBe(before + 1);
});

test('a listing that is not there says so with status 404', async ({ page, browserConsole }) => {
  browserConsole.allow(/404/);
  const answer = await page.goto('/marketplace/no-such-listing');
  expect(answer?.status()).toBe(404);
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
});
