// Thumbs on sessions: shown at once, taken back when refused, counted in the agent's numbers.

import type { Page } from '@playwright/test';
import { beGuest, makeAgent, startSession, untilEnded } from '../fixtures/seed.ts';
import { expect, test, untilLive, visit } from '../fixtures/test.ts';

async function ended(page: Page, name: string) {
  const agent = await beGuest(page, name);
  const session = await startSession(page, agent, 'What is 2 + 3?');
  await untilEnded(page, session);
  return { agent, session };
}

const up = (page: Page) => page.getByRole('button', { name: 'It did well', exact: true });
const down = (page: Page) => page.getByRole('button', { name: 'It did not do well' });

test('a thumb is shown at once, kept, changed and taken back', async ({ page }) => {
  const { agent, session } = await ended(page, 'Rated');
  await visit(page, `/sessions/${session}`);
  await expect(up(page)).toHaveAttribute('aria-pressed', 'false');
  const saved = () => page.waitForResponse((answer) => answer.url().endsWith('/sessions/rate_session') && answer.ok());
  let answer = saved();
  await up(page).click();
  await expect(up(page)).toHaveAttribute('aria-pressed', 'true');
  await answer;
  await page.reload();
  await untilLive(page);
  await expect(up(page)).toHaveAttribute('aria-pressed', 'true');
  answer = saved();
  await down(page).click();
  await expect(up(page)).toHaveAttribute('aria-pressed', 'false');
  await answer;

  await visit(page, `/studio/agents/${agent}/numbers`);
  const thumbs = page.getByRole('figure').filter({ hasText: 'Thumbs' });
  await expect(thumbs).toContainText('0 up, 1 down');
  await page.getByText('All numbers by version, as a table').click();
  await expect(page.getByRole('row', { name: /^Drafts/ })).toBeVisible();

  await visit(page, `/sessions/${session}`);
  answer = saved();
  await down(page).click();
  await expect(down(page)).toHaveAttribute('aria-pressed', 'false');
  await answer;
  const read = (await (await page.request.get(`/api/v1/sessions/${session}`)).json()) as { thumb?: string };
  expect(read.thumb).toBeUndefined();
});

test('a refused thumb is taken back', async ({ page, browserConsole }) => {
  browserConsole.allow(/500/);
  const { session } = await ended(page, 'Refused');
  await visit(page, `/sessions/${session}`);
  await page.route('**/api/fn/sessions/rate_session', (route) => route.fulfill({ status: 500, body: 'no' }));
  await up(page).click();
  await expect(page.locator('.toast--bad')).toBeVisible();
  await expect(up(page)).toHaveAttribute('aria-pressed', 'false');
});

test('the list is sorted by what people think', async ({ page }) => {
  const { session } = await ended(page, 'Liked');
  await makeAgent(page, { name: 'Newer' });
  expect((await page.request.put(`/api/v1/sessions/${session}/thumb`, { data: { thumb: 'up' } })).status()).toBe(200);
  await visit(page, '/studio');
  await expect(page.getByRole('grid').getByRole('row').first()).toContainText('Newer');
  await page.getByRole('combobox', { name: 'Sort by' }).selectOption('rating');
  await expect(page).toHaveURL('/studio?sort=rating');
  await expect(page.getByRole('grid').getByRole('row').first()).toContainText('Liked');
});

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });

  test('a thumb is a plain form', async ({ page }) => {
    const { session } = await ended(page, 'Plain');
    await page.goto(`/sessions/${session}`);
    await up(page).click();
    await expect(page).toHaveURL(`/sessions/${session}`);
    await expect(up(page)).toHaveAttribute('aria-pressed', 'true');
    await up(page).click();
    await expect(up(page)).toHaveAttribute('aria-pressed', 'false');
  });
});
