// Many agents are selected, also such as nobody has looked at and such as are far away by now; what is done
// to them is done to all of them, and so is its undoing.

import type { Page } from '@playwright/test';
import { beGuest, makeAgent, makeMany } from '../fixtures/seed.ts';
import { expect, test, visit } from '../fixtures/test.ts';
import { button, grid, pick, row } from '../pages/agent_list.ts';

const selected = (page: Page, count: number) => expect(page.getByText(`${count} selected`, { exact: true })).toBeVisible();

/** Which agents of a status the visitor has, as far as one page tells. */
async function agentsOf(page: Page, status: string): Promise<string[]> {
  const answer = await page.request.get(`/api/v1/agents?limit=200&status=${status}`);
  expect(answer.status()).toBe(200);
  return ((await answer.json()) as { agents: { name: string }[] }).agents.map((agent) => agent.name);
}

/** Goes down page by page to the row of this rank; the rows on the way all come. */
async function goDown(page: Page, rank: number) {
  const list = grid(page);
  await list.focus();
  for (let active = 0; active < rank; ) {
    await page.keyboard.press('PageDown');
    await expect(list.getByText('Loading')).toHaveCount(0);
    active = Number((await list.getAttribute('aria-activedescendant'))!.split('-')[1]);
  }
}

test('what was selected and is far away by now is renamed, changed and brought back', async ({ page }) => {
  test.slow();
  // More than a list keeps at hand.
  await makeMany(page, 480);
  await visit(page, '/studio?sort=name');
  const list = grid(page);
  await expect(list).toHaveClass(/is-live/);
  await pick(page, 'Agent 0001').check();
  await goDown(page, 449);
  await button(page, 'Rename').click();
  await expect(page.getByRole('textbox', { name: 'New name' })).toHaveValue('Agent 0001');
  await page.keyboard.press('Escape');

  await pick(page, 'Agent 0450').check();
  await selected(page, 2);
  await button(page, 'Archive').click();
  await expect(row(page, 'Agent 0450')).toContainText('Archived');
  await expect(page.getByText('2 agents archived')).toBeVisible();
  expect((await agentsOf(page, 'archived')).sort()).toEqual(['Agent 0001', 'Agent 0450']);
  await button(page, 'Undo').click();
  await expect(row(page, 'Agent 0450')).toContainText('Active');
  expect(await agentsOf(page, 'archived')).toEqual([]);
  await list.focus();
  await page.keyboard.press('Home');
  await expect(row(page, 'Agent 0001')).toContainText('Active');

  // No more than can be changed at once, and that is said.
  await page.keyboard.press('Space');
  await selected(page, 1);
  await page.keyboard.press('Shift+End');
  await selected(page, 200);
  await expect(page.getByText('At most 200 agents can be selected')).toBeVisible();
  await button(page, 'Clear').click();
  await list.focus();
  await page.keyboard.press('Control+a');
  await selected(page, 200);
});

test('a range holds all of its agents, whether they were seen or not', async ({ page }) => {
  await makeMany(page, 150);
  await visit(page, '/studio?sort=name');
  const list = grid(page);
  await expect(list).toHaveClass(/is-live/);
  await list.focus();
  await page.keyboard.press('Space');
  await page.keyboard.press('Shift+End');
  await selected(page, 150);
  await button(page, 'Pause').click();
  await expect(page.getByText('150 agents paused')).toBeVisible();
  expect(await agentsOf(page, 'active')).toEqual([]);
  await expect(row(page, 'Tester')).toContainText('Paused');
  await button(page, 'Undo').click();
  await expect(row(page, 'Tester')).toContainText('Active');
  expect(await agentsOf(page, 'paused')).toEqual([]);

  // Upwards, too.
  await list.focus();
  await page.keyboard.press('End');
  await page.keyboard.press('Space');
  await selected(page, 1);
  await page.keyboard.press('Shift+Home');
  await selected(page, 150);
  await button(page, 'Clear').click();
  await expect(page.getByText('150 agents', { exact: true })).toBeVisible();

  // And whatever was picked last, by one key.
  await list.focus();
  await page.keyboard.press('Control+a');
  await selected(page, 150);
});

test('what was changed last comes first, though nobody tells', async ({ page, browserConsole }) => {
  browserConsole.allow(/503/);
  await makeMany(page, 120);
  await page.route('**/api/v1/agents/stream', (route) => route.fulfill({ status: 503 }));
  await visit(page, '/studio');
  const list = grid(page);
  await expect(list).toHaveClass(/is-live/);
  await list.focus();
  await page.keyboard.press('End');
  await pick(page, 'Tester').check();
  await button(page, 'Pause').click();
  await expect(page.getByText('1 agent paused')).toBeVisible();
  await expect(row(page, 'Tester')).toHaveCount(0);
  await list.focus();
  await page.keyboard.press('Home');
  await expect(row(page, 'Tester')).toHaveAttribute('aria-rowindex', '1');
  await expect(row(page, 'Tester')).toContainText('Paused');
  await button(page, 'Undo').click();
  await expect(row(page, 'Tester')).toContainText('Active');
});

test('those to which nothing could be done are selected again, and that is said once', async ({ page, browserConsole }) => {
  browserConsole.allow(/500/);
  await beGuest(page, 'One');
  await makeAgent(page, { name: 'Two' });
  await visit(page, '/studio?sort=name');
  await expect(grid(page)).toHaveClass(/is-live/);
  await page.route('**/api/fn/studio/change_agents', (route) => route.fulfill({ status: 500, body: 'no' }));
  await pick(page, 'One').check();
  await pick(page, 'Two').check();
  await selected(page, 2);
  for (let time = 0; time < 2; time++) {
    const refused = page.waitForResponse(/change_agents/);
    await button(page, 'Pause').click();
    await refused;
    await selected(page, 2);
    await expect(pick(page, 'One')).toBeChecked();
    await expect(row(page, 'One')).toContainText('Active');
    await expect(page.locator('.toast--bad')).toHaveCount(1);
  }
});

test('a box is ticked for as long as its agent is selected', async ({ page }) => {
  await beGuest(page, 'One');
  for (const name of ['Two', 'Three']) await makeAgent(page, { name });
  await visit(page, '/studio?sort=name');
  await expect(grid(page)).toHaveClass(/is-live/);
  await pick(page, 'One').check();
  await pick(page, 'Two').click({ modifiers: ['Shift'] });
  await selected(page, 3);
  // A range selects what is selected already.
  await pick(page, 'Three').click({ modifiers: ['Shift'] });
  await selected(page, 3);
  await expect(pick(page, 'Three')).toBeChecked();
  await pick(page, 'Three').uncheck();
  await selected(page, 2);
  await expect(pick(page, 'Three')).not.toBeChecked();
});
