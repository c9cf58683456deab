// The list of agents as it is elsewhere: what other tabs, other devices and sessions do to it is seen as it
// happens, and what happened while the connection was lost as soon as it is back.

import type { Page } from '@playwright/test';
import { agentOf, beGuest, makeAgent, makeMany, readSession, startSession, untilEnded } from '../fixtures/seed.ts';
import { expect, test, visit } from '../fixtures/test.ts';
import { button, grid, pick, row, stream } from '../pages/agent_list.ts';

/** Opens the list and waits until it is told what happens. */
async function watch(page: Page, path: string) {
  const told = stream(page);
  await visit(page, path);
  expect((await told).status()).toBe(200);
}

test('one agent’s change from elsewhere draws one row', async ({ page }) => {
  const watched = await beGuest(page, 'Watched');
  for (const name of ['Alpha', 'Beta', 'Gamma']) await makeAgent(page, { name });
  await watch(page, '/studio?sort=name');
  await expect(row(page, 'Watched')).toContainText('Active');
  await grid(page).evaluate((list) => {
    const touched = new Set<string>();
    Object.assign(window, { touched });
    const rowOf = (node: Node) => (node instanceof Element ? node : node.parentElement)?.closest('[role=row]')?.id ?? 'outside';
    new MutationObserver((records) => records.forEach(({ target }) => touched.add(rowOf(target)))).observe(list, { subtree: true, childList: true, characterData: true, attributes: true });
  });
  await page.request.patch(`/api/v1/agents/${watched}`, { data: { status: 'paused' } });
  await expect(row(page, 'Watched')).toContainText('Paused');
  const touched = await page.evaluate(() => [...(window as unknown as { touched: Set<string> }).touched]);
  expect(touched).toEqual(['agents-3']);
});

test('what has the focus in a row keeps it when its agent changes elsewhere', async ({ page }) => {
  const watched = await beGuest(page, 'Watched');
  await watch(page, '/studio');
  await expect(grid(page)).toHaveClass(/is-live/);
  const link = row(page, 'Watched').getByRole('link', { name: 'Watched', exact: true });
  await link.focus();
  await page.request.patch(`/api/v1/agents/${watched}`, { data: { status: 'paused' } });
  await expect(row(page, 'Watched')).toContainText('Paused');
  await expect(link).toBeFocused();
  // Whoever cannot run any more offers it no more.
  await expect(row(page, 'Watched').getByRole('link', { name: /^Run/ })).toHaveCount(0);
});

test('a session is counted that is over before anybody could see it', async ({ page }) => {
  const agent = await beGuest(page, 'Runner');
  await watch(page, '/studio');
  await expect(row(page, 'Runner')).toContainText('0 runs');
  const session = await startSession(page, agent, 'What is 2 + 3?');
  await untilEnded(page, session);
  await expect(row(page, 'Runner')).toContainText('1 run');
});

test('an agent is shown as running for as long as a session of it is not over', async ({ page }) => {
  const agent = await beGuest(page, 'Runner');
  await page.request.patch(`/api/v1/agents/${agent}`, { data: { tools: [{ name: 'calculator', needs_approval: true }] } });
  await watch(page, '/studio');
  const dot = row(page, 'Runner').locator('.status-dot--running');
  await expect(row(page, 'Runner').locator('.status-dot--active')).toBeVisible();
  // It waits for a person, who does not come.
  const session = await startSession(page, agent, 'What is 2 + 3?');
  await expect(dot).toHaveText('1 running');
  await expect.poll(async () => (await readSession(page, session)).state).toBe('waiting');
  await expect(dot).toHaveText('1 running');
  expect((await page.request.post(`/api/v1/sessions/${session}/cancel`)).ok()).toBe(true);
  await expect(dot).toHaveCount(0);
  await expect(row(page, 'Runner').locator('.status-dot--active')).toBeVisible();
  await expect(row(page, 'Runner')).toContainText('1 run');
});

test('what no longer fits the filter is not selected any more', async ({ page }) => {
  await beGuest(page, 'Stays');
  const leaves = await makeAgent(page, { name: 'Leaves' });
  await watch(page, '/studio?status=active&sort=name');
  for (const name of ['Stays', 'Leaves']) await pick(page, name).check();
  await expect(page.getByText('2 selected')).toBeVisible();
  await page.request.patch(`/api/v1/agents/${leaves}`, { data: { status: 'paused' } });
  await expect(page.getByText('1 selected')).toBeVisible();
  await expect(row(page, 'Leaves')).toHaveCount(0);
  // What is done now is done to what can be seen.
  await button(page, 'Archive').click();
  await expect(page.getByText('1 agent archived')).toBeVisible();
  const other = await page.request.get(`/api/v1/agents/${leaves}`);
  expect(((await other.json()) as { status: string }).status).toBe('paused');
});

test('an agent that is deleted in another tab goes, and comes back; one that is made comes', async ({ page, context }) => {
  await beGuest(page, 'Stays');
  await makeAgent(page, { name: 'Leaves' });
  const other = await context.newPage();
  await watch(page, '/studio?sort=name');
  await watch(other, '/studio?sort=name');
  await pick(page, 'Leaves').check();
  await expect(page.getByText('1 selected')).toBeVisible();

  await pick(other, 'Leaves').check();
  await button(other, 'Delete').click();
  await expect(row(page, 'Leaves')).toHaveCount(0);
  await expect(grid(page)).toHaveAttribute('aria-rowcount', '1');
  // What is gone is selected no longer.
  await expect(page.getByText('1 agent', { exact: true })).toBeVisible();
  await button(other, 'Undo').click();
  await expect(row(page, 'Leaves')).toBeVisible();

  await makeAgent(page, { name: 'Comes' });
  for (const tab of [page, other]) {
    await expect(row(tab, 'Comes')).toBeVisible();
    await expect(grid(tab)).toHaveAttribute('aria-rowcount', '3');
    await expect(tab.getByText('3 agents', { exact: true })).toBeVisible();
  }
});

test('a list of one status lets agents in and out as they change elsewhere', async ({ page }) => {
  const first = await beGuest(page, 'First');
  const second = await makeAgent(page, { name: 'Second' });
  await watch(page, '/studio?status=active&sort=name');
  await expect(grid(page)).toHaveAttribute('aria-rowcount', '2');
  const change = (id: string, status: string) => page.request.patch(`/api/v1/agents/${id}`, { data: { status } });
  await change(second, 'paused');
  await expect(row(page, 'Second')).toHaveCount(0);
  await change(first, 'paused');
  await change(second, 'active');
  await expect(row(page, 'Second')).toBeVisible();
  await expect(row(page, 'First')).toHaveCount(0);
  await expect(grid(page)).toHaveAttribute('aria-rowcount', '1');
});

test('a short list that grows beyond what it can draw draws all of it', async ({ page }) => {
  await page.setViewportSize({ width: 1280, height: 2_400 });
  await beGuest(page, 'Agent 0000');
  await watch(page, '/studio?sort=name');
  for (let at = 1; at <= 14; at++) await makeAgent(page, { name: `Agent ${String(at).padStart(4, '0')}` });
  await expect(grid(page)).toHaveAttribute('aria-rowcount', '15');
  await expect(row(page, 'Agent 0014')).toBeInViewport();
  await expect(grid(page).getByRole('row')).toHaveCount(15);
});

test('rows that come and go elsewhere do not move what is seen', async ({ page }) => {
  await makeMany(page, 120);
  // The one that changed last first: whatever is made comes before all others.
  await watch(page, '/studio');
  const list = grid(page);
  await list.focus();
  await page.keyboard.type('agent 0060');
  const seen = row(page, 'Agent 0060');
  await expect(seen).toBeInViewport();
  await expect(list.getByText('Loading')).toHaveCount(0);
  const index = Number(await seen.getAttribute('aria-rowindex'));
  const top = () => seen.evaluate((row) => row.getBoundingClientRect().top);
  const before = await top();
  const isInPlace = () => expect.poll(async () => Math.abs((await top()) - before)).toBeLessThan(2);

  const newcomer = await makeAgent(page, { name: 'Newcomer' });
  await expect(list).toHaveAttribute('aria-rowcount', '121');
  await expect(seen).toHaveAttribute('aria-rowindex', String(index + 1));
  await isInPlace();
  await expect(list).toHaveAttribute('aria-activedescendant', `agents-${index}`);
  await page.request.delete(`/api/v1/agents/${newcomer}`);
  await expect(list).toHaveAttribute('aria-rowcount', '120');
  await expect(seen).toHaveAttribute('aria-rowindex', String(index));
  await isInPlace();
  // And whoever goes up finds what has come.
  await makeAgent(page, { name: 'Late' });
  await page.keyboard.press('Home');
  await expect(row(page, 'Late')).toBeInViewport();
});

/** The last row of so many, with an agent in it. */
const end = (page: Page, count: number) => grid(page).locator(`[role=row][aria-rowindex="${count}"]`).getByRole('link').first();

test('an agent that changes elsewhere stands where it belongs, however far away it was', async ({ page }) => {
  await makeMany(page, 120);
  // Made first, it is the last one, which nobody has seen.
  const far = await agentOf(page, 'Tester');
  const ahead = page.waitForResponse(/studio\/read_list/);
  await watch(page, '/studio');
  await (await ahead).finished();
  const list = grid(page);
  await page.request.patch(`/api/v1/agents/${far}`, { data: { name: 'Renamed' } });
  await expect(row(page, 'Renamed')).toHaveAttribute('aria-rowindex', '1');
  await list.focus();
  await page.keyboard.press('End');
  await expect(end(page, 120)).toBeInViewport();
  await expect(list.getByText('Loading')).toHaveCount(0);
  await expect(row(page, 'Renamed')).toHaveCount(0);
});

test('a list that nobody was told about is read anew where a part of it is too short', async ({ page, browserConsole }) => {
  browserConsole.allow(/503/);
  await makeMany(page, 120);
  const far = await agentOf(page, 'Tester');
  await page.route('**/api/v1/agents/stream', (route) => route.fulfill({ status: 503 }));
  const ahead = page.waitForResponse(/studio\/read_list/);
  await visit(page, '/studio');
  await (await ahead).finished();
  await page.request.patch(`/api/v1/agents/${far}`, { data: { name: 'Renamed' } });
  const list = grid(page);
  await list.focus();
  await page.keyboard.press('End');
  await expect(end(page, 120)).toBeInViewport();
  await expect(list.getByText('Loading')).toHaveCount(0);
  await page.keyboard.press('Home');
  await expect(row(page, 'Renamed')).toHaveAttribute('aria-rowindex', '1');
});

test('an agent that goes to the top does not take along who looks at it', async ({ page }) => {
  await makeMany(page, 60);
  await watch(page, '/studio');
  const list = grid(page);
  await expect(list).toHaveClass(/is-live/);
  /** What is seen, from the upper edge on. */
  const seen = () =>
    list.evaluate((list) => {
      const edge = list.getBoundingClientRect().top + list.clientTop;
      return [...list.querySelectorAll('[role=row]:not([hidden])')]
        .map((row) => {
          const { top, bottom } = row.getBoundingClientRect();
          return { name: row.querySelector('a')?.textContent?.trim() ?? '', index: Number(row.getAttribute('aria-rowindex')), top, bottom };
        })
        .filter(({ bottom }) => bottom > edge + 1)
        .sort((one, other) => one.top - other.top);
    });
  await list.evaluate((list) => list.scrollTo(0, 900));
  await expect.poll(async () => (await seen())[0]!.index).toBeGreaterThan(6);
  await expect(list.getByText('Loading')).toHaveCount(0);
  const [goes, , , stays] = await seen();
  const id = await agentOf(page, goes!.name);
  await page.request.patch(`/api/v1/agents/${id}`, { data: { description: 'Changed elsewhere' } });
  await expect.poll(async () => (await seen())[0]!.name).not.toBe(goes!.name);
  // One row stands in the place of another, which may be less tall.
  const now = (await seen()).find(({ name }) => name === stays!.name);
  expect(Math.abs(now!.top - stays!.top)).toBeLessThan(80);
});

test('what has the focus in a row leaves it to the list where another agent comes there', async ({ page }) => {
  const first = await beGuest(page, 'Alpha');
  for (const name of ['Beta', 'Gamma']) await makeAgent(page, { name });
  await watch(page, '/studio');
  await expect(grid(page)).toHaveClass(/is-live/);
  const run = row(page, 'Beta').getByRole('link', { name: 'Run Beta' });
  await run.focus();
  await expect(run).toBeFocused();
  await page.request.patch(`/api/v1/agents/${first}`, { data: { description: 'Changed elsewhere' } });
  await expect(row(page, 'Beta')).toHaveAttribute('aria-rowindex', '3');
  await expect(grid(page)).toBeFocused();
  await expect(grid(page)).toHaveAttribute('aria-activedescendant', 'agents-2');
});

test('agents that overtake each other are put in order, and not with each session of theirs', async ({ page }) => {
  const first = await beGuest(page, 'First');
  await makeAgent(page, { name: 'Second' });
  await watch(page, '/studio?sort=runs');
  await expect(row(page, 'First')).toHaveAttribute('aria-rowindex', '2');
  const read: number[] = [];
  page.on('request', (request) => {
    if (request.url().endsWith('/studio/open_list')) read.push(Date.now());
  });
  for (let runs = 1; runs <= 4; runs++) {
    const session = await startSession(page, first, 'What is 2 + 3?');
    await expect(row(page, 'First')).toContainText(`${runs} run`);
    await untilEnded(page, session);
  }
  await expect(row(page, 'First')).toHaveAttribute('aria-rowindex', '1');
  expect(read.length).toBeGreaterThan(0);
  read.slice(1).forEach((at, before) => expect(at - read[before]!).toBeGreaterThan(1_800));
});

test('whatever happened while nobody was told is seen once the connection is back, however late', async ({ page, browserConsole }) => {
  browserConsole.allow(/503/);
  const watched = await beGuest(page, 'Watched');
  const gone = await makeAgent(page, { name: 'Gone' });
  let tries = 0;
  await page.route('**/api/v1/agents/stream', (route) => {
    tries += 1;
    return route.fulfill({ status: 503 });
  });
  await visit(page, '/studio?sort=name');
  // A network that is back is tried at once, and nobody gives up however often that fails.
  const online = () => page.evaluate(() => window.dispatchEvent(new Event('online')));
  const untilTried = (times: number) =>
    expect
      .poll(
        async () => {
          await online();
          return tries;
        },
        { intervals: [50] },
      )
      .toBeGreaterThan(times);
  await untilTried(10);
  await page.request.patch(`/api/v1/agents/${watched}`, { data: { status: 'paused' } });
  await page.request.delete(`/api/v1/agents/${gone}`);
  await makeAgent(page, { name: 'Made' });
  await untilTried(tries);
  await expect(row(page, 'Watched')).toContainText('Active');

  await page.unroute('**/api/v1/agents/stream');
  await expect(async () => {
    await online();
    await expect(row(page, 'Watched')).toContainText('Paused', { timeout: 300 });
  }).toPass({ timeout: 15_000, intervals: [50] });
  await expect(row(page, 'Gone')).toHaveCount(0);
  await expect(row(page, 'Made')).toBeVisible();
  await expect(grid(page)).toHaveAttribute('aria-rowcount', '2');
  // And from now on it is told again.
  await page.request.patch(`/api/v1/agents/${watched}`, { data: { status: 'active' } });
  await expect(row(page, 'Watched')).toContainText('Active');
});
