// A session that runs is read by a link, by whoever has it and until it is taken back.

import type { Page } from '@playwright/test';
import { expectAccessible } from '../fixtures/a11y.ts';
import { beGuest, startSession } from '../fixtures/seed.ts';
import { anotherBrowser, expect, test, visit } from '../fixtures/test.ts';
import { SessionPage } from '../pages/session.ts';

/** A guest's session that counts for a while, opened, and the address of a link to it. */
async function shareRunning(page: Page) {
  const id = await startSession(page, await beGuest(page), 'Count [[words 400]] [[slow 100]]');
  await visit(page, `/sessions/${id}`);
  await page.getByText('Share, export, compare').click();
  await page.getByRole('button', { name: 'Make a read-only link' }).click();
  const path = await page.getByRole('link', { name: 'Read-only link' }).getAttribute('href');
  return { address: new URL(path!, page.url()).href, session: new SessionPage(page) };
}

test('whoever has the link follows the session until it is taken back', async ({ page, browser, browserConsole }) => {
  browserConsole.allow(/status of 404/);
  const { address, session } = await shareRunning(page);
  const other = await anotherBrowser(browser, browserConsole);
  const asked: string[] = [];
  other.on('request', (request) => /\/stream|get_events/.test(request.url()) && asked.push(request.url()));
  await visit(other, address);
  const shared = new SessionPage(other);
  await expect(shared.output).toContainText('word3');
  await shared.expectState('Running');
  await expect(other.getByRole('button', { name: 'Cancel' })).toHaveCount(0);
  // What comes now comes by itself.
  await expect(shared.output).toContainText('word25');
  // What the model was given is told, and the agent's prompt is not.
  await shared.openInput(0);
  await expect(shared.given(0, 'Goal')).toContainText('[[words 400]]');
  await expect(shared.given(0, 'System prompt')).toHaveCount(0);
  await shared.view('Raw').click();
  await expect(shared.events.first()).toContainText('session_start');
  await shared.view('Steps').click();
  await expectAccessible(other);

  await page.getByRole('button', { name: 'Take the link back' }).click();
  await expect(other.getByText('This link is no longer valid')).toBeVisible();
  const [told, count] = [await shared.output.textContent(), asked.length];
  const last = Number(told!.trim().match(/(\d+)$/)![1]);
  // The session goes on, and nobody there hears of it, or asks.
  await expect(session.output).toContainText(`word${last + 40}`);
  expect([await shared.output.textContent(), asked.length]).toEqual([told, count]);
  await session.cancel.click();
  await session.expectState('Cancelled');
  await other.reload();
  await expect(other.getByRole('heading', { level: 1 })).toHaveText('This link leads nowhere');
  await other.context().close();
});

test('a session that runs is read by its link without JavaScript', async ({ page, browser }) => {
  const { address, session } = await shareRunning(page);
  await expect(session.output).toContainText('word5');
  const context = await browser.newContext({ javaScriptEnabled: false });
  const other = await context.newPage();
  await other.goto(address);
  const shared = new SessionPage(other);
  await expect(shared.output).toContainText('word5');
  await expect(session.output).toContainText('word25');
  await other.getByRole('link', { name: 'Reload to see what is new' }).click();
  await expect(shared.output).toContainText('word25');
  await shared.view('Raw').click();
  await expect(shared.events.first()).toContainText('session_start');
  await session.cancel.click();
  await session.expectState('Cancelled');
  await context.close();
});
