// The list of sessions as they begin, go on and end elsewhere.

import type { Page } from '@playwright/test';
import { beGuest, startSession } from '../fixtures/seed.ts';
import { expect, test, visit } from '../fixtures/test.ts';
import { stream } from '../pages/agent_list.ts';

/** Somebody whose agent waits for a verdict before it calculates, at an empty list that is told what happens. */
async function watch(page: Page) {
  const agent = await beGuest(page, 'Reckoner');
  await page.request.patch(`/api/v1/agents/${agent}`, { data: { tools: [{ name: 'calculator', needs_approval: true }] } });
  const told = stream(page);
  await visit(page, '/sessions');
  expect((await told).status()).toBe(200);
  await expect(page.getByText('No sessions yet')).toBeVisible();
  return { agent, rows: page.locator('.session-row') };
}

test('sessions that begin elsewhere come to the list, and come to other states there', async ({ page }) => {
  const { agent, rows } = await watch(page);
  await startSession(page, agent, 'What is 2 + 3?');
  await expect(rows).toHaveCount(1);
  await expect(page.getByText('No sessions yet')).toHaveCount(0);
  await expect(rows.first()).toContainText('Waiting');
  const second = await startSession(page, agent, 'What is 4 + 5?');
  await expect(rows).toHaveCount(2);
  await expect(rows.first()).toContainText('What is 4 + 5?');
  await expect(rows.first()).toContainText('Waiting');
  expect((await page.request.post(`/api/v1/sessions/${second}/cancel`)).ok()).toBe(true);
  await expect(rows.first()).toContainText('Cancelled');
  await page.reload();
  await expect(rows).toHaveCount(2);
});

test('one session that ends elsewhere draws one row', async ({ page }) => {
  const { agent, rows } = await watch(page);
  const first = await startSession(page, agent, 'What is 2 + 3?');
  await startSession(page, agent, 'What is 4 + 5?');
  await expect(rows.filter({ hasText: 'Waiting' })).toHaveCount(2);
  await page.locator('.session-list').evaluate((list) => {
    const touched = new Set<string>();
    Object.assign(window, { touched });
    const rowOf = (node: Node) => {
      const row = (node instanceof Element ? node : node.parentElement)?.closest('.session-row');
      return row?.querySelector('.session-row__goal')?.getAttribute('href') ?? 'outside';
    };
    // An instant is written anew once the page is live, in the visitor's own time zone.
    const isInstant = (node: Node) => (node instanceof Element ? node : node.parentElement)?.closest('time') != null;
    const look = ({ target }: MutationRecord) => isInstant(target) || touched.add(rowOf(target));
    new MutationObserver((records) => records.forEach(look)).observe(list, { subtree: true, childList: true, characterData: true, attributes: true });
  });
  expect((await page.request.post(`/api/v1/sessions/${first}/cancel`)).ok()).toBe(true);
  await expect(rows.last()).toContainText('Cancelled');
  const touched = await page.evaluate(() => [...(window as unknown as { touched: Set<string> }).touched]);
  expect(touched).toEqual([`/sessions/${first}`]);
});
