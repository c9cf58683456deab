// Reviews are read by their stars; one of them is reported, removed with a reason, changed by its author and put back.

import type { Page } from '@playwright/test';
import { expectAccessible } from '../fixtures/a11y.ts';
import { appoint, approve, join, publishedAgent } from '../fixtures/people.ts';
import { anotherBrowser, expect, test, visit } from '../fixtures/test.ts';

/** Runs a listing to the end and reviews it. */
async function review(page: Page, slug: string, stars: number, text: string) {
  const listing = `/api/v1/listings/${slug}`;
  const copy = (await (await page.request.post(`${listing}/install`)).json()) as { id: string };
  const started = await page.request.post(`/api/v1/agents/${copy.id}/execute`, { data: { goal: '1 + 1' } });
  const { id } = (await started.json()) as { id: string };
  const state = async () => ((await (await page.request.get(`/api/v1/sessions/${id}`)).json()) as { state: string }).state;
  await expect.poll(state).toBe('completed');
  const made = await page.request.post(`${listing}/reviews`, { data: { stars, text } });
  expect(made.status(), await made.text()).toBe(201);
}

test('a review is found by its stars, reported, removed, changed and put back', async ({ page, browser, browserConsole }) => {
  const judge = await anotherBrowser(browser, browserConsole);
  appoint(await join(judge, 'Moderator Mo'));
  const pia = await anotherBrowser(browser, browserConsole);
  await join(pia, 'Publisher Pia');
  const name = `Judged ${Date.now().toString(36)}`;
  const slug = await approve(pia, judge, await publishedAgent(pia, 'Adder'), { name });
  const author = await anotherBrowser(browser, browserConsole);
  await join(author, 'Author Amy');
  await join(page, 'Reader Ray');
  await review(author, slug, 1, 'Mean words');
  await review(page, slug, 5, 'Right to the digit');

  await visit(page, `/marketplace/${slug}`);
  const reviews = page.getByRole('region', { name: 'Reviews' });
  const by = (who: string) => reviews.getByRole('listitem').filter({ hasText: who });
  await expect(by('Reader Ray')).toHaveCount(1);
  await reviews.getByRole('link', { name: /^1 star/ }).click();
  await expect(page).toHaveURL(/stars=1/);
  await expect(by('Reader Ray')).toHaveCount(0);
  await expect(by('Author Amy')).toContainText('Mean words');
  await expectAccessible(page);
  await reviews.getByRole('link', { name: 'Fewest stars' }).click();
  await expect(page).toHaveURL(/stars=1&sort=lowest/);

  await by('Author Amy').getByRole('link', { name: /^Report/ }).click();
  const report = page.getByRole('region', { name: 'Report', exact: true });
  await expect(report).toContainText('Mean words');
  await report.getByRole('textbox', { name: 'What is wrong with it' }).fill('They hurt.');
  await expectAccessible(page);
  await report.getByRole('button', { name: 'Send report' }).click();
  await expect(page.getByText('Moderators will look at it')).toBeVisible();

  await visit(judge, '/admin/reviews');
  const waiting = judge.getByRole('region', { name: 'Reported' }).getByRole('listitem').filter({ hasText: name });
  await expect(waiting).toContainText('Mean words');
  await waiting.getByText('Remove the review…').click();
  await waiting.getByRole('textbox', { name: 'Word to its author' }).fill('It is mean.');
  await expectAccessible(judge);
  await waiting.getByRole('button', { name: /^Remove the review/ }).click();
  await expect(waiting).toHaveCount(0);

  await visit(author, '/account/notices');
  const told = author.locator('main').getByRole('listitem').filter({ hasText: name });
  await expect(told).toContainText('moderators removed your review');
  await expect(told).toContainText('It is mean.');
  await told.getByRole('link', { name }).click();
  const own = author.getByRole('region', { name: 'Reviews' });
  await expect(own).toContainText('Moderators removed your review: It is mean.');
  await own.getByRole('textbox', { name: 'What you think of it' }).fill('It is slow.');
  await own.getByRole('button', { name: 'Save review' }).click();
  await expect(own).toContainText('You have changed it since');

  await visit(judge, '/admin/reviews');
  await expect(waiting).toContainText('It is slow.');
  await waiting.getByRole('button', { name: /^Put the review back/ }).click();
  await expect(waiting).toHaveCount(0);
  await visit(page, `/marketplace/${slug}`);
  await expect(by('Author Amy')).toContainText('It is slow.');
  for (const other of [judge, pia, author]) await other.context().close();
});
