// With JavaScript off, every page can be read and every plain form works: search, run, make an agent,
// make an account.

import { expect, test } from '../fixtures/seeded.ts';
import { missing, pages } from '../pages/all.ts';
import { LandingPage } from '../pages/landing.ts';
import { SessionPage } from '../pages/session.ts';

test.use({ javaScriptEnabled: false });

for (const entry of pages) {
  test(`${entry.name} can be read`, async ({ page, seed, be }) => {
    await be(entry.as);
    const answer = await page.goto(entry.path(seed));
    expect(answer?.status()).toBe(200);
    await expect(page).toHaveTitle(entry.title);
    await expect(page.getByRole('heading', { level: 1 })).toHaveCount(1);
    await expect(page.locator('main')).not.toBeEmpty();
    await expect(page.locator('main .skeleton')).toHaveCount(0);
  });
}

test('what is not there has status 404', async ({ page, browserConsole }) => {
  browserConsole.allow(/404/);
  for (const path of [missing.path({} as never), '/marketplace/no-such-listing']) {
    const answer = await page.goto(path);
    expect(answer?.status(), path).toBe(404);
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  }
});

test('search, open, run and read the answer', async ({ page }) => {
  await page.goto('/marketplace');
  await page.getByRole('searchbox', { name: 'Search' }).fill('unit');
  await page.getByRole('button', { name: 'Search' }).click();
  await expect(page).toHaveURL(/q=unit/);
  await page.getByRole('link', { name: 'Unit converter' }).first().click();
  await page.getByRole('textbox', { name: 'Goal' }).fill('5 miles in km');
  await page.getByRole('textbox', { name: /^Material/ }).fill('');
  await page.getByRole('button', { name: 'Run it' }).click();
  await expect(page).toHaveURL(/\/sessions\/[0-9a-f-]+$/);
  const session = new SessionPage(page);
  await expect(async () => {
    await page.reload();
    await session.expectState('Completed', 200);
  }).toPass({ timeout: 20_000 });
  await expect(session.output.last()).toContainText('8.04');
});

test('the start page runs a goal', async ({ page }) => {
  await page.goto('/');
  await new LandingPage(page).choose('Everyday calculator');
  await page.getByRole('textbox', { name: 'What should it do?' }).fill('What is 20% of 50?');
  await page.getByRole('button', { name: 'Start and watch' }).click();
  await expect(page).toHaveURL(/\/sessions\//);
  await expect(page.getByRole('heading', { level: 1 })).toContainText('20% of 50');
});
