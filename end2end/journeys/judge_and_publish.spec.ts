// A member runs a listing and reviews it; hands an agent of their own in, and takes it back.

import { signUp } from '../fixtures/people.ts';
import { makeAgent } from '../fixtures/seed.ts';
import { anotherBrowser, expect, refusal, test, untilLive, visit } from '../fixtures/test.ts';
import { SessionPage } from '../pages/session.ts';

test('a listing is reviewed by who ran it, and others find it helpful', async ({ page, browser, browserConsole }) => {
  browserConsole.allow(/500/);
  await signUp(page, 'Judge Judy');
  const path = '/marketplace/unit-converter';
  await visit(page, path);
  const reviews = page.getByRole('region', { name: 'Reviews' });
  await expect(reviews.getByText('Run it to the end once')).toBeVisible();
  await page.getByRole('button', { name: 'Run it' }).click();
  await page.waitForURL(/\/sessions\//);
  await new SessionPage(page).expectCompleted();

  await visit(page, path);
  await reviews.getByLabel('4 stars').check();
  await reviews.getByRole('textbox', { name: 'What you think of it' }).fill('Right to the last digit');
  await reviews.getByRole('button', { name: 'Save review' }).click();
  await expect(reviews.getByRole('heading', { name: 'Your review' })).toBeVisible();
  const own = reviews.getByRole('listitem').filter({ hasText: 'Judge Judy' });
  await expect(own).toContainText('Right to the last digit');
  await expect(own).toContainText('4 of 5 stars');

  // Another member's word on it is shown at once, and taken back when it is refused.
  const reader = await anotherBrowser(browser, browserConsole);
  await signUp(reader, 'Reader Ray');
  await visit(reader, path);
  const read = reader.getByRole('region', { name: 'Reviews' }).getByRole('listitem').filter({ hasText: 'Judge Judy' });
  const voted = reader.waitForResponse((answer) => answer.url().endsWith('/marketplace/vote_review'));
  await read.getByRole('button', { name: /^Helpful/ }).click();
  await expect(read).toContainText('1 person finds this helpful');
  expect((await voted).status()).toBe(200);
  await reader.reload();
  await untilLive(reader);
  await expect(read).toContainText('1 person finds this helpful');
  await reader.route('**/api/fn/marketplace/vote_review', (route) => route.fulfill({ status: 500, body: 'no' }));
  await read.getByRole('button', { name: /^Not helpful after all/ }).click();
  await expect(reader.locator('.toast--bad')).toBeVisible();
  await expect(read).toContainText('1 person finds this helpful');
  await reader.context().close();

  await reviews.getByLabel('2 stars').check();
  await reviews.getByRole('button', { name: 'Save review' }).click();
  await expect(own).toContainText('2 of 5 stars');
  await reviews.getByRole('button', { name: 'Delete my review' }).click();
  await expect(own).toHaveCount(0);
  await expect(reviews.getByRole('heading', { name: 'Write a review' })).toBeVisible();
});

test('an agent is handed in and taken back', async ({ page, browserConsole }) => {
  browserConsole.allow(refusal);
  await signUp(page, 'Publisher Pat');
  const agent = await makeAgent(page, {
    name: 'Adder',
    description: 'Adds',
    system_prompt: 'Add.',
    tools: [{ name: 'calculator' }],
  });
  await visit(page, `/studio/agents/${agent}/publish`);
  await expect(page.getByText('No version is published yet')).toBeVisible();
  const version = await page.request.post(`/api/v1/agents/${agent}/versions`, { data: {} });
  expect(version.status()).toBe(201);

  await visit(page, `/studio/agents/${agent}/publish`);
  await page.getByRole('textbox', { name: 'Summary' }).fill('Adds numbers up');
  const description = page.getByRole('textbox', { name: 'Description' });
  await description.fill('Key: ghp_0123456789abcdefghij0123456789abcdef');
  await page.getByRole('button', { name: 'Save and preview' }).click();
  await expect(page.getByText('It cannot be handed in while there is a secret in it.')).toBeVisible();

  await description.fill('It **adds**.');
  await page.getByRole('button', { name: 'Save and preview' }).click();
  await expect(page.locator('.publish__preview strong')).toHaveText('adds');
  await page.getByRole('button', { name: 'Submit for review' }).click();
  await expect(page.getByText('It waits for a moderator.')).toBeVisible();
  await page.reload();
  await untilLive(page);
  await page.getByRole('button', { name: 'Take it back' }).click();
  await expect(page.getByRole('button', { name: 'Submit for review' })).toBeVisible();
  // From who is no moderator the queue is hidden.
  browserConsole.allow(/404/);
  expect((await page.goto('/admin/reviews'))?.status()).toBe(404);
});

test('a listing is reported', async ({ page }) => {
  await signUp(page, 'Reporter Ray');
  await visit(page, '/marketplace/unit-converter');
  await page.getByText('Report this listing').click();
  await page.getByLabel('Reason').selectOption('misleading');
  await page.getByRole('textbox', { name: 'What is wrong with it' }).fill('A test of the form');
  await page.getByRole('button', { name: 'Send report' }).click();
  await expect(page.getByText('Moderators will look at it')).toBeVisible();
});
