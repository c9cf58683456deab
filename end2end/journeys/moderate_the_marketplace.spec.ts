// What moderators decide: changes are requested, made and approved; a report is dismissed, another one takes
// the listing away.

import type { Browser } from '@playwright/test';
import { expectAccessible } from '../fixtures/a11y.ts';
import { appoint, approve, join, publishedAgent } from '../fixtures/people.ts';
import { anotherBrowser, type Console, expect, refusal, test, visit } from '../fixtures/test.ts';

/** A moderator in a browser of their own. */
async function mo(browser: Browser, browserConsole: Console) {
  const page = await anotherBrowser(browser, browserConsole);
  appoint(await join(page, 'Moderator Mo'));
  return page;
}

test('changes are requested, made, handed in again and approved', async ({ page, browser, browserConsole }) => {
  browserConsole.allow(refusal);
  const judge = await mo(browser, browserConsole);
  await join(page, 'Publisher Pia');
  const agent = await publishedAgent(page, 'Adder');
  const name = `Rounder ${Date.now().toString(36)}`;
  const data = { name, tagline: 'Adds numbers up', category: 'finance', description: 'It adds.' };
  expect((await page.request.post(`/api/v1/agents/${agent}/submissions`, { data })).status()).toBe(201);

  await visit(judge, '/admin/reviews');
  await judge.getByRole('link', { name }).click();
  const word = judge.getByRole('textbox', { name: 'Word to the publisher' });
  await judge.getByRole('button', { name: 'Request changes' }).click();
  await expect(word).toHaveAttribute('aria-invalid', 'true');
  await word.fill('Say how it rounds.');
  await judge.getByRole('button', { name: 'Request changes' }).click();
  await judge.waitForURL('/admin/reviews');
  await expect(judge.getByRole('link', { name })).toHaveCount(0);

  await visit(page, `/studio/agents/${agent}/publish`);
  const said = page.getByRole('region', { name: 'What moderators said' }).getByRole('listitem');
  await expect(said).toContainText('Changes requested');
  await expect(said).toContainText('Say how it rounds.');
  await page.getByRole('textbox', { name: 'Description' }).fill('It adds, and rounds to the cent.');
  await page.getByRole('button', { name: 'Save and preview' }).click();
  await expect(page.locator('.publish__preview')).toContainText('rounds to the cent');
  await page.getByRole('button', { name: 'Submit for review' }).click();
  await expect(page.getByText('It waits for a moderator.')).toBeVisible();

  await visit(judge, '/admin/reviews');
  await judge.getByRole('link', { name }).click();
  await expect(judge.getByText('rounds to the cent').first()).toBeVisible();
  await judge.getByRole('button', { name: 'Approve' }).click();
  await judge.waitForURL('/admin/reviews');
  await visit(page, `/studio/agents/${agent}/publish`);
  await expect(said).toHaveCount(2);
  await expect(said.first()).toContainText('Approved');
  await page.getByRole('link', { name: 'Version 1', exact: true }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(name);
  await expect(page.getByText('It adds, and rounds to the cent.')).toBeVisible();
  await judge.context().close();
});

test('a report is dismissed, and another one takes the listing away', async ({ page, browser, browserConsole }) => {
  browserConsole.allow(/404/);
  const judge = await mo(browser, browserConsole);
  const pia = await anotherBrowser(browser, browserConsole);
  await join(pia, 'Publisher Pia');
  const agent = await publishedAgent(pia, 'Adder');
  const name = `Boaster ${Date.now().toString(36)}`;
  const slug = await approve(pia, judge, agent, { name });
  await join(page, 'Reporter Ray');
  const report = async (reason: string, text: string) => {
    await visit(page, `/marketplace/${slug}`);
    await page.getByText('Report this listing').click();
    await page.getByLabel('Reason').selectOption(reason);
    await page.getByRole('textbox', { name: 'What is wrong with it' }).fill(text);
    await page.getByRole('button', { name: 'Send report' }).click();
    await expect(page.getByText('Moderators will look at it')).toBeVisible();
  };
  const reported = judge.getByRole('region', { name: 'Reported' }).getByRole('listitem').filter({ hasText: name });

  await report('misleading', 'It subtracts as well.');
  await visit(judge, '/admin/reviews');
  await expect(reported).toContainText('It is not what it says');
  await expect(reported).toContainText('It subtracts as well.');
  await expectAccessible(judge);
  await reported.getByRole('button', { name: new RegExp(`^Dismiss the report ?: ${name}$`) }).click();
  await expect(reported).toHaveCount(0);

  await report('harmful', 'It adds what nobody asked for.');
  await visit(judge, '/admin/reviews');
  await reported.getByText('Remove the listing…').click();
  await reported.getByRole('textbox', { name: 'Word to the publisher' }).fill('It adds too much.');
  await expectAccessible(judge);
  await reported.getByRole('button', { name: new RegExp(`^Remove the listing ?: ${name}$`) }).click();
  await expect(reported).toHaveCount(0);
  expect((await page.goto(`/marketplace/${slug}`))?.status()).toBe(404);

  // Its publisher sees it still, and may hand in another version.
  await visit(pia, `/studio/agents/${agent}/publish`);
  await expect(pia.getByText('Moderators removed it. A new version that they approve puts it back.')).toBeVisible();
  await expect(pia.getByRole('button', { name: 'Put it back' })).toHaveCount(0);
  await pia.getByRole('link', { name: 'Version 1', exact: true }).click();
  await expect(pia.getByText('Moderators removed this listing: nobody but you sees it.')).toBeVisible();
  // Both are told.
  await visit(pia, '/account/notices');
  const told = pia.locator('main').getByRole('listitem').filter({ hasText: name }).first();
  await expect(told).toContainText('It adds too much.');
  await visit(page, '/account/notices');
  await expect(page.locator('main').getByRole('listitem').filter({ hasText: name })).toHaveCount(2);
  await judge.context().close();
  await pia.context().close();
});
