// A publisher makes a page of their own, hands an agent in, is told what a moderator decides; the
// moderator puts the listing on a shelf and vouches for the publisher.

import type { Page } from '@playwright/test';
import { expectAccessible, expectNoSidewaysScroll } from '../fixtures/a11y.ts';
import { join, moderator, publishedAgent, signUp } from '../fixtures/people.ts';
import { anotherBrowser, expect, refusal, test, visit } from '../fixtures/test.ts';

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

  const agent = await publishedAgent(page, 'Adder');
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

  // The publisher has the marketplace open meanwhile: the bell counts without a reload.
  await visit(page, '/marketplace');
  await expect(page.getByRole('link', { name: 'Notices', exact: true })).toBeVisible();
  await visit(mo, '/admin/reviews');
  await mo.getByRole('link', { name }).click();
  await mo.getByRole('button', { name: /Approve/ }).click();
  await mo.waitForURL('/admin/reviews');
  await expect(page.getByRole('link', { name: /^Notices, 1 new/ })).toBeVisible();
  const slug = `adder-${mark}`;
  await visit(mo, '/admin/collections');
  await mo.getByRole('textbox', { name: 'Title' }).fill(`Sums ${mark}`);
  await mo.getByRole('textbox', { name: 'Listings' }).fill(`/marketplace/${slug}\nunit-converter`);
  await mo.getByRole('checkbox', { name: /Featured/ }).check();
  await expectAccessible(mo);
  await mo.getByRole('button', { name: 'Save collection' }).click();
  await expect(mo.getByRole('link', { name: `Sums ${mark}`, exact: true })).toBeVisible();
  // The form is a new one for each collection: nothing that was typed for another stands in it.
  const title = mo.getByRole('textbox', { name: 'Title' });
  await expect(title).toHaveValue('');
  await title.fill('Something else');
  await mo.getByRole('link', { name: `Change : Sums ${mark}` }).click();
  await expect(title).toHaveValue(`Sums ${mark}`);
  await expect(mo.getByRole('checkbox', { name: /Featured/ })).toBeChecked();
  await visit(mo, `/publishers/pia-${mark}`);
  await mo.getByRole('button', { name: 'Mark as verified' }).click();
  await expect(mo.getByRole('button', { name: 'Take the mark back' })).toBeVisible();

  await page.getByRole('link', { name: /^Notices, 1 new/ }).click();
  await expect(page.getByText('was approved and is in the marketplace')).toBeVisible();
  await expectAccessible(page);
  // Another tab, on the page that has a stream of its own, hears of what is read in this one.
  const tab = await page.context().newPage();
  const stream = tab.waitForResponse((answer) => answer.url().endsWith('/api/v1/agents/stream'));
  await visit(tab, '/studio');
  await stream;
  await expect(tab.getByRole('link', { name: /^Notices, 1 new/ })).toBeVisible();
  await page.getByRole('button', { name: 'Mark all as read' }).click();
  await expect(page.getByRole('link', { name: 'Notices', exact: true })).toBeVisible();
  await expect(tab.getByRole('link', { name: 'Notices', exact: true })).toBeVisible();
  await tab.close();
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

test('what is written of a listing is saved by whoever leaves, and handed in only once it is saved', async ({ page }) => {
  await join(page, 'Publisher Pia');
  const agent = await publishedAgent(page, 'Adder');
  const data = { name: 'Adder', tagline: 'Adds numbers up', category: 'finance', description: 'It adds.', submit: false };
  expect((await page.request.post(`/api/v1/agents/${agent}/submissions`, { data })).status()).toBe(201);
  const publish = `/studio/agents/${agent}/publish`;
  await visit(page, publish);
  const description = page.getByRole('textbox', { name: 'Description' });
  const submit = page.getByRole('button', { name: 'Submit for review' });
  await expect(submit).toBeEnabled();
  await description.fill('It adds, and rounds.');
  await expect(page.getByText('The form has changed since this preview was made')).toBeVisible();
  await expect(submit).toBeDisabled();
  await expectAccessible(page);

  const saved = page.waitForResponse('**/api/fn/publishing/save_submission');
  await page.getByRole('link', { name: 'Back to the editor' }).click();
  expect((await saved).status()).toBe(200);
  await expect(page).toHaveURL(`/studio/agents/${agent}`);
  await visit(page, publish);
  await expect(description).toHaveValue('It adds, and rounds.');
  await description.fill('It adds.');
  await expect(submit).toBeDisabled();
  await page.getByRole('button', { name: 'Save and preview' }).click();
  await expect(submit).toBeEnabled();
  await submit.click();
  await expect(page.getByText('It waits for a moderator.')).toBeVisible();
});

test('a draft of a listing is not saved unseen over that of another tab', async ({ page, context, browserConsole }) => {
  browserConsole.allow(refusal);
  await join(page, 'Publisher Pia');
  const agent = await publishedAgent(page, 'Adder');
  const data = { name: 'Adder', tagline: 'Adds numbers up', category: 'finance', description: 'It adds.', submit: false };
  expect((await page.request.post(`/api/v1/agents/${agent}/submissions`, { data })).status()).toBe(201);
  const publish = `/studio/agents/${agent}/publish`;
  const other = await context.newPage();
  await visit(page, publish);
  await visit(other, publish);
  const write = async (tab: Page, text: string) => {
    await tab.getByRole('textbox', { name: 'Description' }).fill(text);
    await tab.getByRole('button', { name: 'Save and preview' }).click();
  };
  const preview = (tab: Page) => tab.getByRole('region', { name: /^Preview/ });
  // One tab saves as often as it likes.
  await write(other, 'It adds, and rounds.');
  await expect(preview(other)).toContainText('It adds, and rounds.');
  await write(other, 'It adds, and rounds up.');
  await expect(preview(other)).toContainText('It adds, and rounds up.');

  await write(page, 'It adds, and subtracts.');
  await expect(page.getByText('This was changed elsewhere')).toBeVisible();
  await expect(page.getByRole('textbox', { name: 'Description' })).toHaveValue('It adds, and subtracts.');
  await page.getByRole('button', { name: 'Keep mine' }).click();
  await expect(preview(page)).toContainText('It adds, and subtracts.');
  await expect(page.getByText('This was changed elsewhere')).toHaveCount(0);

  await write(other, 'It adds, and divides.');
  await other.getByRole('link', { name: 'Load theirs' }).click();
  await expect(other.getByRole('textbox', { name: 'Description' })).toHaveValue('It adds, and subtracts.');
});

test('the bell is quiet without a network and after the sign-out', async ({ page, context }) => {
  const account = await signUp(page, 'Bell Ringer');
  const opened = () => page.waitForResponse((answer) => answer.url().endsWith('/api/v1/notices/stream'));
  let stream = opened();
  await visit(page, '/marketplace');
  expect((await stream).status()).toBe(200);
  await context.setOffline(true);
  await expect(page.getByText('You are offline.')).toBeVisible();
  stream = opened();
  await context.setOffline(false);
  expect((await stream).status()).toBe(200);
  await account.openMenu();
  await account.menu.getByRole('button', { name: 'Sign out' }).click();
  await expect(account.menu.getByRole('link', { name: 'Sign in' })).toBeVisible();
  await expect(page.locator('.bell')).toHaveCount(0);
  expect((await page.request.get('/api/v1/notices/stream')).status()).toBe(204);
});
