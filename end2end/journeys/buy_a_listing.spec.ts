// A publisher asks for money; somebody buys at the test checkout, installs and runs; the publisher sees
// what was earned and gives it back. The server of this journey has the test provider (PAYMENTS=test).

import { expectAccessible, expectNoSidewaysScroll } from '../fixtures/a11y.ts';
import { approve, becomePublisher, moderator, publishedAgent, signUp } from '../fixtures/people.ts';
import { anotherBrowser, expect, refusal, test, visit } from '../fixtures/test.ts';
import { AccountPages } from '../pages/account.ts';

test('from a price to a refund', async ({ page, browser, browserConsole }) => {
  test.slow();
  const mark = Date.now().toString(36);
  const mo = await moderator(await anotherBrowser(browser, browserConsole));
  const pia = await anotherBrowser(browser, browserConsole);
  await signUp(pia, 'Publisher Pia');
  await becomePublisher(pia, `pia-b-${mark}`, 'Publisher Pia');
  const agent = await publishedAgent(pia, 'Adder');
  const name = `Paid adder ${mark}`;
  await visit(pia, `/studio/agents/${agent}/publish`);
  await pia.getByRole('textbox', { name: 'Name' }).fill(name);
  await pia.getByRole('textbox', { name: 'Summary' }).fill('Adds numbers up');
  await pia.getByRole('textbox', { name: 'Description' }).fill('It **adds**.');
  await pia.getByLabel('Price').selectOption('one_time');
  await pia.getByRole('textbox', { name: 'Amount' }).fill('five');
  browserConsole.allow(refusal);
  await pia.getByRole('button', { name: 'Save and preview' }).click();
  await expect(pia.getByText('must be an amount such as 5.00')).toBeVisible();
  await pia.getByRole('textbox', { name: 'Amount' }).fill('5');
  await pia.getByRole('button', { name: 'Save and preview' }).click();
  await expect(pia.locator('.publish__preview')).toContainText('$5.00');
  await expectAccessible(pia);
  await pia.getByRole('button', { name: 'Submit for review' }).click();
  await expect(pia.getByText('It waits for a moderator.')).toBeVisible();
  const slug = await approve(pia, mo, agent);

  // Nobody buys before it is known who they are.
  await visit(page, `/marketplace/${slug}`);
  await expect(page.getByText('Sign in to buy it.')).toBeVisible();
  await expect(page.getByText('The system prompt comes with the agent')).toBeVisible();
  await signUp(page, 'Buyer Bea');
  await visit(page, `/marketplace?q=${mark}&price=paid`);
  await expect(page.locator('.listing-card', { hasText: name }).locator('.listing-card__price')).toHaveText('$5.00');
  await page.getByRole('link', { name }).click();
  await expect(page.getByRole('heading', { name: 'Paid once: $5.00' })).toBeVisible();
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Buy it' }).click();
  await page.waitForURL(/\/checkout\/test\//);
  await expect(page.getByText('no money moves')).toBeVisible();
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Decline' }).click();
  await page.waitForURL('/account/purchases');
  await expect(page.getByText('Not paid', { exact: true })).toBeVisible();

  await visit(page, `/marketplace/${slug}`);
  await page.getByRole('button', { name: 'Buy it' }).click();
  await page.waitForURL(/\/checkout\/test\//);
  await page.getByRole('button', { name: 'Pay $5.00' }).click();
  await page.waitForURL('/account/purchases');
  await expect(page.getByText('Paid', { exact: true })).toBeVisible();
  await expectAccessible(page);
  await page.setViewportSize({ width: 360, height: 740 });
  await expectNoSidewaysScroll(page);
  await page.getByRole('link', { name: 'Open the listing' }).click();
  await page.getByRole('button', { name: 'Add to my studio' }).click();
  await page.waitForURL(/\/studio\/agents\//);
  const copy = await page.request.get(`/api/v1/agents/${page.url().split('/').at(-1)}`);
  expect(((await copy.json()) as { system_prompt: string }).system_prompt).toBe('Add.');
  await expect(page.getByText('It is a copy that was paid for')).toBeVisible();
  await expect(page.getByRole('link', { name: 'Export as a file' })).toHaveCount(0);
  await visit(pia, `/studio/agents/${agent}`);
  await expect(pia.getByRole('link', { name: 'Export as a file' })).toBeVisible();

  await visit(pia, '/account/purchases');
  const row = pia.getByRole('row', { name: new RegExp(name) });
  await expect(row).toContainText('$5.00');
  await expectAccessible(pia);
  await pia.setViewportSize({ width: 360, height: 740 });
  await expectNoSidewaysScroll(pia);
  await pia.getByText('The newest sales').click();
  await pia.getByRole('button', { name: 'Give $5.00 back' }).click();
  await expect(row).toContainText('$0.00');
  await visit(page, '/account/purchases');
  await expect(page.getByText('Given back', { exact: true })).toBeVisible();
  await visit(page, `/marketplace/${slug}`);
  await expect(page.getByRole('button', { name: 'Buy it' })).toBeVisible();
  await mo.context().close();
  await pia.context().close();
});

test('a subscription is cancelled and lasts to its end', async ({ page, browser, browserConsole }) => {
  const mark = Date.now().toString(36);
  const mo = await moderator(await anotherBrowser(browser, browserConsole));
  const pia = await anotherBrowser(browser, browserConsole);
  await signUp(pia, 'Publisher Pia');
  const agent = await publishedAgent(pia, 'Adder');
  const price = { kind: 'subscription', amount: 900, currency: 'EUR', interval: 'month' };
  const slug = await approve(pia, mo, agent, { name: `Monthly adder ${mark}`, price });
  await signUp(page, 'Buyer Bea');
  await visit(page, `/marketplace/${slug}`);
  await page.getByRole('button', { name: 'Subscribe' }).click();
  await page.waitForURL(/\/checkout\/test\//);
  await page.getByRole('button', { name: 'Pay €9.00' }).click();
  await page.waitForURL('/account/purchases');
  await expect(page.getByText('paid until')).toBeVisible();
  await page.getByRole('button', { name: 'Cancel subscription' }).click();
  await expect(page.getByText('Cancelled', { exact: true })).toBeVisible();
  const installed = await page.request.post(`/api/v1/listings/${slug}/install`);
  expect(installed.status()).toBe(201);
  await mo.context().close();
  await pia.context().close();
});

test('a listing is bought without a script', async ({ browser, browserConsole }) => {
  const mark = Date.now().toString(36);
  const mo = await moderator(await anotherBrowser(browser, browserConsole));
  const pia = await anotherBrowser(browser, browserConsole);
  await signUp(pia, 'Publisher Pia');
  const agent = await publishedAgent(pia, 'Adder');
  const price = { kind: 'per_execution', amount: 5, currency: 'USD' };
  const slug = await approve(pia, mo, agent, { name: `Counted adder ${mark}`, price });
  const context = await browser.newContext({ javaScriptEnabled: false });
  browserConsole.watch(context);
  const page = await context.newPage();
  await page.goto('/sign-up');
  await new AccountPages(page).fillSignUp('Buyer Ben');
  await page.locator('main form').getByRole('button').click();
  await page.goto(`/marketplace/${slug}`);
  await page.getByRole('textbox', { name: 'Sessions' }).fill('2');
  await page.getByRole('button', { name: 'Buy sessions' }).click();
  await page.getByRole('button', { name: 'Pay $0.10' }).click();
  await expect(page).toHaveURL(/\/account\/purchases$/);
  await expect(page.getByText('2 sessions for $0.10')).toBeVisible();
  await expect(page.getByText('2 of all that you bought are left')).toBeVisible();
  await context.close();
  await mo.context().close();
  await pia.context().close();
});
