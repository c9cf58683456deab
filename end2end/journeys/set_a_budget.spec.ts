// Usage and budgets: what agents used is told by agent and by day, and limits are set, refused by field, kept
// from being overwritten unseen, and lifted; with and without JavaScript.

import { expectAccessible } from '../fixtures/a11y.ts';
import { beGuest, makeAgent, startSession, untilEnded } from '../fixtures/seed.ts';
import { expect, refusal, test, visit } from '../fixtures/test.ts';

const all = { name: 'The month of All agents' };

test('a limit is set for all agents, and for one of them', async ({ page, browserConsole }) => {
  browserConsole.allow(refusal);
  const id = await beGuest(page, 'Reckoner');
  await untilEnded(page, await startSession(page, id, 'What is 12 * 7?'));
  await visit(page, '/account');
  await page.getByRole('link', { name: 'Usage and budget' }).click();
  await page.waitForURL('/account/usage');
  await expect(page.getByRole('region', all)).toContainText('no limit');

  const form = page.getByRole('region', { name: /^All agents,/ });
  await form.getByLabel('Dollars in a month').fill('much');
  await form.getByRole('button', { name: 'Save limits' }).click();
  await expect(form.getByText('Must be an amount such as 5.00')).toBeVisible();
  await expect(form.getByLabel('Dollars in a month')).toHaveAttribute('aria-invalid', 'true');
  await expectAccessible(page, 'with a fault');
  await form.getByLabel('Dollars in a month').fill('2.50');
  await form.getByLabel('Tokens in a month').fill('100000');
  await form.getByRole('button', { name: 'Save limits' }).click();
  await expect(page.getByRole('region', all)).toContainText('$2.50');
  await expect(page.getByRole('region', all)).toContainText('100,000');
  const budget = async () => (await (await page.request.get('/api/v1/budget')).json()) as Record<string, unknown>;
  expect(await budget()).toMatchObject({ max_micro_usd: 2_500_000, max_tokens: 100_000 });

  // The way from an agent's numbers opens its form.
  await visit(page, `/studio/agents/${id}/numbers`);
  await page.getByRole('link', { name: 'Its budget' }).click();
  await page.waitForURL(`/account/usage?agent=${id}`);
  const row = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: 'Reckoner' }) });
  await row.getByLabel('Tokens in a month').fill('5000');
  await row.getByRole('button', { name: 'Save limits' }).click();
  await expect(page.getByRole('region', { name: 'The month of Reckoner' })).toContainText('5,000');

  // What is left empty is not limited.
  await form.getByLabel('Dollars in a month').fill('');
  await form.getByLabel('Tokens in a month').fill('');
  await form.getByRole('button', { name: 'Save limits' }).click();
  await expect(page.getByRole('region', all)).not.toContainText('$2.50');
  expect(await budget()).not.toHaveProperty('max_tokens', 100_000);
});

test('limits that were changed elsewhere are not overwritten unseen', async ({ page, browserConsole }) => {
  browserConsole.allow(refusal);
  await beGuest(page);
  await visit(page, '/account/usage');
  const form = page.getByRole('region', { name: /^All agents,/ });
  await page.request.put('/api/v1/budget', { data: { max_tokens: 70_000 } });
  await form.getByLabel('Tokens in a month').fill('50000');
  await form.getByRole('button', { name: 'Save limits' }).click();
  await expect(form.getByText('This was changed elsewhere')).toBeVisible();
  const tokens = async () => ((await (await page.request.get('/api/v1/budget')).json()) as { max_tokens: number }).max_tokens;
  expect(await tokens()).toBe(70_000);
  await form.getByRole('button', { name: 'Keep mine' }).click();
  await expect(page.getByRole('region', all)).toContainText('50,000');
  expect(await tokens()).toBe(50_000);
});

test('limits that are typed stand under no other agent that joins the list', async ({ page }) => {
  const tester = await beGuest(page);
  const reckoner = await makeAgent(page, { name: 'Reckoner' });
  const limit = async (id: string, max_tokens: number) => {
    const answer = await page.request.put(`/api/v1/agents/${id}/budget`, { data: { max_tokens } });
    expect(answer.status(), await answer.text()).toBe(200);
  };
  await limit(reckoner, 70_000);
  await visit(page, '/account/usage');
  const row = (name: string) => page.getByRole('listitem').filter({ has: page.getByRole('heading', { name }) });
  await row('Reckoner').locator('summary').click();
  await row('Reckoner').getByLabel('Tokens in a month').fill('5000');
  // The one that is listed before it is listed with its first limit.
  await limit(tester, 90_000);
  const form = page.getByRole('region', { name: /^All agents,/ });
  await form.getByLabel('Tokens in a month').fill('100000');
  await form.getByRole('button', { name: 'Save limits' }).click();
  await expect(page.getByRole('region', all)).toContainText('100,000');
  await expect(row('Tester').getByLabel('Tokens in a month')).toHaveValue('90000');
  await expect(row('Reckoner').getByLabel('Tokens in a month')).toHaveValue('70000');
});

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });

  test('a limit is set by a plain form, which keeps what was refused', async ({ page, browserConsole }) => {
    browserConsole.allow(/422/);
    const id = await beGuest(page, 'Reckoner');
    await page.goto(`/account/usage?agent=${id}`);
    const row = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: 'Reckoner' }) });
    await row.getByLabel('Dollars in a month').fill('much');
    await row.getByRole('button', { name: 'Save limits' }).click();
    await expect(row.getByText('Must be an amount such as 5.00')).toBeVisible();
    await expect(page.getByText('Must be an amount such as 5.00')).toHaveCount(1);
    await expect(row.getByLabel('Dollars in a month')).toHaveValue('much');
    await row.getByLabel('Dollars in a month').fill('0.75');
    await row.getByRole('button', { name: 'Save limits' }).click();
    await expect(page).toHaveURL(`/account/usage?agent=${id}`);
    await expect(page.getByRole('region', { name: 'The month of Reckoner' })).toContainText('$0.75');
  });
});
