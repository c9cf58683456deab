// Every order of the marketplace, and the filters by what people think, what sessions cost and who publishes,
// each by a click.

import type { Page } from '@playwright/test';
import { appoint, approve, becomePublisher, join, publishedAgent, tell } from '../fixtures/people.ts';
import { startSession, untilEnded } from '../fixtures/seed.ts';
import { inDatabase } from '../fixtures/servers.ts';
import { anotherBrowser, expect, test, visit } from '../fixtures/test.ts';

async function install(page: Page, slug: string): Promise<string> {
  const answer = await page.request.post(`/api/v1/listings/${slug}/install`);
  expect(answer.status(), await answer.text()).toBe(201);
  return ((await answer.json()) as { id: string }).id;
}

test('listings are put into each order, and narrowed by rating, cost and publisher', async ({ page, browser, browserConsole, baseURL }) => {
  const mark = Date.now().toString(36);
  const [mo, pia, pat] = [
    await anotherBrowser(browser, browserConsole),
    await anotherBrowser(browser, browserConsole),
    await anotherBrowser(browser, browserConsole),
  ];
  appoint(await join(mo, 'Moderator Mo'));
  await join(pia, 'Publisher Pia');
  await join(pat, 'Publisher Pat');
  await join(page, 'Judge Judy');
  await becomePublisher(pia, `pia-o-${mark}`, 'Publisher Pia');
  const [alpha, beta, gamma] = [`Alpha ${mark}`, `Beta ${mark}`, `Gamma ${mark}`] as const;
  // Gamma is the oldest, rated, free to run and of a publisher who is vouched for; Alpha is installed the most.
  const slugOfGamma = await approve(pia, mo, await publishedAgent(pia, 'Adder'), { name: gamma });
  const slugOfAlpha = await approve(pat, mo, await publishedAgent(pat, 'Adder'), { name: alpha });
  await approve(pat, mo, await publishedAgent(pat, 'Adder'), { name: beta });
  await tell(mo, 'marketplace/mark_publisher', { handle: `pia-o-${mark}`, is_verified: 'true' });
  await install(mo, slugOfAlpha);
  await install(page, slugOfAlpha);
  await untilEnded(page, await startSession(page, await install(page, slugOfGamma), 'What is 2 + 3?'));
  const review = { stars: 5, text: 'Right to the last digit' };
  expect((await page.request.post(`/api/v1/listings/${slugOfGamma}/reviews`, { data: review })).status()).toBe(201);
  // As the job will find them that looks every five minutes.
  inDatabase(baseURL!, `UPDATE listings SET trend = 200 WHERE slug = '${slugOfAlpha}'`);
  inDatabase(baseURL!, `UPDATE listings SET trend = 100, median_cost_micro_usd = 0 WHERE slug = '${slugOfGamma}'`);

  const names = async () => {
    const all = await page.locator('.listing-card__name').allInnerTexts();
    return all.map((name) => name.trim()).filter((name) => name.endsWith(mark));
  };
  await visit(page, `/marketplace?q=${mark}`);
  await expect.poll(async () => (await names()).sort()).toEqual([alpha, beta, gamma]);
  const orders = [
    ['Trending', 'trending', [alpha, gamma, beta]],
    ['Newest', 'newest', [beta, alpha, gamma]],
    ['Most installed', 'installs', [alpha, gamma, beta]],
    ['Name', 'name', [alpha, beta, gamma]],
  ] as const;
  const sort = page.getByRole('combobox', { name: 'Sort by' });
  for (const [title, word, order] of orders) {
    await sort.selectOption(title);
    await expect(page).toHaveURL(`/marketplace?q=${mark}&sort=${word}`);
    await expect.poll(names, title).toEqual([...order]);
  }
  await sort.selectOption('Best rated');
  await expect(page).toHaveURL(`/marketplace?q=${mark}&sort=rating`);
  await expect.poll(async () => (await names())[0]).toBe(gamma);
  await sort.selectOption('Best match');
  await expect(page).toHaveURL(`/marketplace?q=${mark}`);

  const filters = [
    ['Rating', /^4 stars or more/, 'rating=4'],
    ['Half of the sessions cost', /^Costs nothing/, 'cost=free'],
    ['Publisher', /^Verified publishers/, 'verified=yes'],
  ] as const;
  for (const [group, choice, query] of filters) {
    await visit(page, `/marketplace?q=${mark}`);
    await page.getByText('Filters', { exact: true }).click();
    await page.getByRole('region', { name: group, exact: true }).getByRole('link', { name: choice }).click();
    await expect(page).toHaveURL(`/marketplace?q=${mark}&${query}`);
    await expect.poll(names, group).toEqual([gamma]);
    await expect(page.getByRole('link', { name: choice })).toHaveAttribute('aria-current', 'true');
  }
  await page.getByRole('link', { name: 'Clear all filters' }).first().click();
  await expect(page).toHaveURL(`/marketplace?q=${mark}`);
  await expect.poll(async () => (await names()).length).toBe(3);
  for (const other of [mo, pia, pat]) await other.context().close();
});
