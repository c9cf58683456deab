// A member changes the password, takes everything along, and leaves for good.

import { expect, refusal, test } from '../fixtures/test.ts';
import { AccountPages } from '../pages/account.ts';

test('a member takes their data along and leaves', async ({ page, browserConsole }) => {
  browserConsole.allow(refusal);
  const account = new AccountPages(page);
  await account.open('/sign-up');
  await account.fillSignUp('Lea');
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(page).toHaveURL('/studio');
  await page.request.post('/api/v1/agents', { data: { name: 'Keepsake' } });

  await account.open('/account');
  await page.getByRole('link', { name: 'Security and data' }).click();
  await expect(page).toHaveURL('/account/security');
  await expect(page.getByText('in this browser alone')).toBeVisible();

  const password = page.locator('section', { hasText: 'Change password' });
  await password.getByLabel('Current password').fill('not the password at all');
  await password.getByLabel('New password').fill('another pass phrase');
  await password.getByRole('button', { name: 'Change password' }).click();
  await expect(password.getByText('is not your password')).toBeVisible();
  // What was typed stays.
  await expect(password.getByLabel('New password')).toHaveValue('another pass phrase');
  await password.getByLabel('Current password').fill(account.password);
  await password.getByRole('button', { name: 'Change password' }).click();
  await expect(page.getByText('The password has changed')).toBeVisible();

  const link = page.getByRole('link', { name: 'Download your data' });
  const file = await (await page.request.get((await link.getAttribute('href')) ?? '')).json();
  expect(file.format).toBe('resonant-account');
  expect(file.agents.map((agent: { name: string }) => agent.name)).toEqual(['Keepsake']);

  const leave = page.locator('section', { hasText: 'Delete the account' });
  await leave.locator('summary').click();
  await leave.getByLabel('Your password').fill(account.password);
  await leave.getByRole('button', { name: 'Delete account and data' }).click();
  await expect(leave.getByText('is not your password')).toBeVisible();
  await leave.getByLabel('Your password').fill('another pass phrase');
  await leave.getByRole('button', { name: 'Delete account and data' }).click();
  await expect(page).toHaveURL('/');
  await expect(account.menu.getByRole('link', { name: 'Sign in' })).toBeVisible();
  expect((await page.request.get('/api/v1/agents')).status()).toBe(401);
});
