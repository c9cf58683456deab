// A publisher makes a page of their own, hands an agent in, is told what a moderator decides; the
// moderator puts the listing on a shelf and vouches for the publisher.

import { spawnSync } from 'node:child_process';
import type { Page } from '@playwright/test';
import { expectAccessible, expectNoSidewaysScroll } from '../fixtures/a11y.ts';
import { makeAgent } from '../fixtures/seed.ts';
import { ports, serverEnv, serverProgram } from '../fixtures/servers.ts';
import { anotherBrowser, expect, test, visit } from '../fixtures/test.ts';
import { AccountPages } from '../pages/account.ts';

async function signUp(page: Page, name: string): Promise<AccountPages> {
  const account = new AccountPages(page);
  await account.open('/sign-up');
  await account.fillSignUp(name);
  await page.locator('main form').getByRole('button').click();
  await expect(account.menu).toContainText(name);
  return account;
}

/** Signs a moderator up. */
async function moderator(page: Page): Promise<Page> {
  const account = await signUp(page, 'Moderator Mo');
  const env = serverEnv(ports.builtin, 'resonant_browser');
  const { status, stderr } = spawnSync(serverProgram, ['admin', 'create', account.email], { env, encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  return page;
}

test('from a profile to a shelf', async ({ page, browser, browserConsole }) => {
  const mark = Date.now().toString(36);
  const mo = await moderator(await anotherBrowser(browser, browserConsole));
  await signUp(page, 'Publisher Pia');
  await visit(page, '/account');
  await page.getByRole('textbox', { name: 'Handle' }).fill(`pia-${mark}`);
  await page.getByRole('textbox', { name: 'About you' }).fill('Agents that add');
  await page.getByRole('button', { name: 'Save publisher page' }).click();
  await page.getByRole('link', { name: 'Your publisher page' }).click();
  await expect(page).toHaveURL(`/publishers/pia-${mark}`);
  await expect(page.getByText('Nothing is published yet')).toBeVisible();

  const agent = await makeAgent(page, { name: 'Adder', description: 'Adds', system_prompt: 'Add.', tools: [{ name: 'calculator' }] });
  expect((await page.request.post(`/api/v1/agents/${agent}/versions`, { data: {} })).status()).toBe(201);
  const name = `Adder ${mark}`;
  const data = { name, tagline: 'Adds numbers up', category: 'finance', description: 'It **adds**.', tags: ['sums'], submit: false };
  expect((await page.request.post(`/api/v1/agents/${agent}/submissions`, { data })).status()).toBe(201);
  await visit(page, `/studio/agents/${agent}/publish`);
  await page.getByRole('link', { name: 'See the whole page as it will look' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(name);
  await expect(page.getByRole('link', { name: `Publisher Pia` })).toBeVisible();
  await expectAccessible(page);
  await page.getByRole('link', { name: 'Back to publishing' }).click();
  await page.getByRole('button', { name: 'Submit for review' }).click();
  await expect(page.getByText('It waits for a moderator.')).toBeVisible();

  await visit(mo, '/admin/reviews');
  await mo.getByRole('link', { name }).click();
  await mo.getByRole('button', { name: /Approve/ }).click();
  await mo.waitForURL('/admin/reviews');
  const slug = `adder-${mark}`;
  await visit(mo, '/admin/collections');
  await mo.getByRole('textbox', { name: 'Title' }).fill(`Sums ${mark}`);
  await mo.getByRole('textbox', { name: 'Listings' }).fill(`/marketplace/${slug}\nunit-converter`);
  await mo.getByRole('checkbox', { name: /Featured/ }).check();
  await expectAccessible(mo);
  await mo.getByRole('button', { name: 'Save collection' }).click();
  await expect(mo.getByRole('link', { name: `Sums ${mark}`, exact: true })).toBeVisible();
  await visit(mo, `/publishers/pia-${mark}`);
  await mo.getByRole('button', { name: 'Mark as verified' }).click();
  await expect(mo.getByRole('button', { name: 'Take the mark back' })).toBeVisible();

  await visit(page, '/marketplace');
  await page.getByRole('link', { name: /^Notices, 1 new/ }).click();
  await expect(page.getByText('was approved and is in the marketplace')).toBeVisible();
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Mark all as read' }).click();
  await expect(page.getByRole('link', { name: 'Notices', exact: true })).toBeVisible();
  await visit(page, '/marketplace');
  await page.getByRole('link', { name: `Sums ${mark}` }).click();
  await expect(page.locator('.listing-grid__item')).toHaveCount(2);
  await expectAccessible(page);
  await page.setViewportSize({ width: 360, height: 740 });
  await expectNoSidewaysScroll(page);
  await page.getByRole('link', { name }).click();
  await page.getByRole('link', { name: 'Publisher Pia' }).click();
  await expect(page.locator('main').getByText('Verified').first()).toBeVisible();
  await expectNoSidewaysScroll(page);
  await expectAccessible(page);
  await mo.context().close();
});
