// People read what was done to their account and things, narrow it, and take it along; admins read what was
// done in the installation.

import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { expectAccessible, expectNoSidewaysScroll } from '../fixtures/a11y.ts';
import { appoint, signUp } from '../fixtures/people.ts';
import { makeAgent } from '../fixtures/seed.ts';
import { expect, refusal, test, visit } from '../fixtures/test.ts';

const entries = (page: Page) => page.getByRole('region', { name: 'Entries' }).getByRole('listitem');

test('a person reads, narrows and takes along what was done', async ({ page, browserConsole }) => {
  browserConsole.allow(refusal);
  const account = await signUp(page, 'Watchful Wanda');
  const agent = await makeAgent(page, { name: 'Reader' });
  expect((await page.request.delete(`/api/v1/agents/${agent}`)).status()).toBe(204);
  const key = { name: 'Nightly report', scopes: ['agents:read'] };
  expect((await page.request.post('/api/v1/keys', { data: key })).status()).toBe(201);
  // Somebody tries to get in, and Wanda comes back.
  await account.openMenu();
  await account.menu.getByRole('button', { name: 'Sign out' }).click();
  await expect(account.menu.getByRole('link', { name: 'Sign in' })).toBeVisible();
  await account.open('/sign-in');
  await account.fillSignIn('something else');
  await account.submitSignIn.click();
  await expect(page.getByText('e-mail address or password is wrong')).toBeVisible();
  await account.fillSignIn();
  await account.submitSignIn.click();
  await expect(account.menu).toContainText('Watchful Wanda');

  await visit(page, '/account');
  await page.getByRole('link', { name: 'Read the audit log' }).click();
  await expect(page).toHaveURL('/account/audit');
  const deeds = [
    'You signed in',
    'Somebody failed to sign in',
    'You signed out',
    'You made the key “Nightly report”',
    'You deleted the agent “Reader”',
    'You made the agent “Reader”',
    'You created the account',
  ];
  await expect(entries(page)).toHaveCount(deeds.length);
  for (const [at, deed] of deeds.entries()) await expect(entries(page).nth(at)).toContainText(deed);
  await expect(entries(page).first()).toContainText('from 127.0.0.1');
  await expectAccessible(page);

  await page.getByRole('combobox', { name: 'Show', exact: true }).selectOption('Agents');
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  await expect(page).toHaveURL(/group=agents/);
  await expect(entries(page)).toHaveCount(2);
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download as CSV' }).click();
  const file = readFileSync(await (await download).path(), 'utf8').trimEnd().split('\r\n');
  expect(file).toHaveLength(3);
  expect(file[1]).toContain('agent_deleted');

  await visit(page, '/account/audit?since=2000-01-01&until=2000-01-02');
  await expect(page.getByText('Nothing of this kind was done in that time.')).toBeVisible();
  await visit(page, '/account/audit?since=2000-01-03&until=2000-01-01');
  await expect(page.getByLabel('To', { exact: true })).toHaveAttribute('aria-invalid', 'true');
  await expectAccessible(page);
  // What is no day is told of, and not put into a field for days.
  await visit(page, '/account/audit?since=bogus');
  await expect(page.getByLabel('From', { exact: true })).toHaveAttribute('aria-invalid', 'true');
  await expect(page.getByLabel('From', { exact: true })).toHaveValue('');
  await page.setViewportSize({ width: 360, height: 740 });
  await visit(page, '/account/audit');
  await expectNoSidewaysScroll(page);
});

test('an admin reads what was done in the installation', async ({ page, browserConsole }) => {
  browserConsole.allow(/404/);
  const account = await signUp(page, 'Operator Olga');
  expect((await page.goto('/admin/audit'))?.status()).toBe(404);
  appoint(account);
  await visit(page, '/admin');
  await page.getByRole('link', { name: 'Audit log' }).click();
  await expect(page).toHaveURL('/admin/audit');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Audit log of the installation');
  await visit(page, '/admin/audit?group=access');
  const own = entries(page).filter({ hasText: `The system made an admin of “${account.email}”` });
  await expect(own).toHaveCount(1);
  await expect(own).toContainText('account Operator Olga');
  await expectAccessible(page);
  await page.setViewportSize({ width: 360, height: 740 });
  await expectNoSidewaysScroll(page);
});

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });

  test('the log is read and narrowed by its form', async ({ page }) => {
    await page.request.post('/api/fn/studio/create_agent', { form: { 'form[name]': 'Plain' } });
    await page.goto('/account/audit');
    await expect(entries(page)).toHaveCount(1);
    await expect(entries(page)).toContainText('made the agent “Plain”');
    await page.getByRole('combobox', { name: 'Show', exact: true }).selectOption('Keys');
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await expect(page.getByText('Nothing of this kind was done in that time.')).toBeVisible();
  });
});
