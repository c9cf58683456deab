// A session is shared by a link, kept as a file, replayed and compared with another.

import { expectAccessible } from '../fixtures/a11y.ts';
import { beGuest, makeAgent, readSession, startSession, untilEnded } from '../fixtures/seed.ts';
import { expect, test, visit } from '../fixtures/test.ts';
import { SessionPage } from '../pages/session.ts';

const GOAL = 'What is 15% of 80?';

async function finished(page: Parameters<typeof beGuest>[0], goal = GOAL) {
  await beGuest(page, 'Reckoner');
  const agent = await makeAgent(page, { name: 'Adder', tools: [{ name: 'calculator' }] });
  const session = await startSession(page, agent, goal);
  await untilEnded(page, session);
  return { agent, session };
}

test('anyone with the link reads the session until it is taken back', async ({ page, browser }) => {
  const { session } = await finished(page);
  await visit(page, `/sessions/${session}`);
  await page.getByText('Share, export, compare').click();
  await page.getByRole('button', { name: 'Make a read-only link' }).click();
  const link = page.getByRole('link', { name: 'Read-only link' });
  const path = (await link.getAttribute('href'))!;
  const origin = new URL(page.url()).origin;
  for (const javaScriptEnabled of [true, false]) {
    const stranger = await browser.newContext({ baseURL: origin, javaScriptEnabled });
    const other = await stranger.newPage();
    await other.goto(path);
    await expect(other.getByRole('heading', { level: 1 })).toContainText(GOAL);
    await expect(other.locator('.step__output').last()).toContainText('12');
    await expect(other.getByRole('button', { name: 'Cancel' })).toHaveCount(0);
    await expect(other.getByRole('link', { name: 'Run again' })).toHaveCount(0);
    await stranger.close();
  }
  await page.getByRole('button', { name: 'Take the link back' }).click();
  await expect(page.getByRole('button', { name: 'Make a read-only link' })).toBeVisible();
  expect((await page.request.get(path)).status()).toBe(404);
});

test('a session is kept as Markdown and as JSON', async ({ page }) => {
  const { session } = await finished(page);
  const markdown = await (await page.request.get(`/api/v1/sessions/${session}/export?format=md`)).text();
  expect(markdown).toContain(`# ${GOAL}`);
  expect(markdown).toContain('### Tool: calculator');
  const said = await page.request.post(`/api/v1/sessions/${session}/messages`, { data: { text: 'What is 20% of 80?' } });
  expect(said.ok(), await said.text()).toBe(true);
  await untilEnded(page, session);
  const both = await (await page.request.get(`/api/v1/sessions/${session}/export?format=md`)).text();
  expect(both).toContain('### Message\n\nWhat is 20% of 80?\n');
  expect(both).toMatch(/\n## Step 1\n\n\d+ tokens? · \$\S+ · \d+ ms/);
  const json = (await (await page.request.get(`/api/v1/sessions/${session}/export`)).json()) as { events: unknown[] };
  expect(json.events.length).toBeGreaterThan(3);
});

test('two sessions stand side by side', async ({ page }) => {
  const { agent, session } = await finished(page);
  const second = await startSession(page, agent, 'What is 15% of 60?');
  await untilEnded(page, second);
  await visit(page, `/sessions/${session}`);
  await page.getByText('Share, export, compare').click();
  await page.getByRole('link', { name: 'Compare with another session' }).click();
  await expect(page.getByRole('combobox', { name: 'Left' })).toHaveValue(session);
  await page.getByRole('combobox', { name: 'Right' }).selectOption(second);
  await page.getByRole('button', { name: 'Compare' }).click();
  await expect(page.getByRole('rowheader', { name: 'Goal' })).toBeVisible();
  await expect(page.getByRole('row', { name: /^Goal/ })).toHaveClass(/is-different/);
  await expect(page.locator('.pair__mark').first()).toBeVisible();
});

test('the session of a test case is compared with one of the history', async ({ page }) => {
  const { agent, session } = await finished(page);
  const cases = [{ goal: 'What is 15% of 60?', checks: [] }];
  const made = await page.request.post(`/api/v1/agents/${agent}/test-sets`, { data: { name: 'Basics', cases } });
  const set = ((await made.json()) as { id: string }).id;
  await visit(page, `/studio/agents/${agent}/bench?set=${set}`);
  await page.getByRole('button', { name: 'Run Basics' }).click();
  await expect(page.getByText('All 1 passed').first()).toBeVisible({ timeout: 30_000 });
  await page.getByRole('link', { name: 'Session', exact: true }).click();
  await page.waitForURL(/\/sessions\/[0-9a-f-]+$/);
  const tested = new URL(page.url()).pathname.split('/').at(-1)!;
  await page.getByText('Share, export, compare').click();
  await page.getByRole('link', { name: 'Compare with another session' }).click();
  // A test stands in no list of sessions, and is chosen here all the same.
  await expect(page.getByRole('combobox', { name: 'Left' })).toHaveValue(tested);
  await expect(page.getByRole('combobox', { name: 'Right' })).toHaveValue('');
  await page.getByRole('combobox', { name: 'Right' }).selectOption(session);
  await page.getByRole('button', { name: 'Compare' }).click();
  await expect(page).toHaveURL(`/sessions/compare?left=${tested}&right=${session}`);
  await expect(page.getByRole('combobox', { name: 'Left' })).toHaveValue(tested);
  await expect(page.getByRole('combobox', { name: 'Right' })).toHaveValue(session);
  await expect(page.getByRole('row', { name: /^Goal/ })).toContainText('15% of 60');
});

test('a session is replayed with a scrubber', async ({ page }) => {
  const { session } = await finished(page);
  await visit(page, `/sessions/${session}/replay`);
  const scrubber = page.getByRole('slider', { name: 'Event' });
  await expect(page.locator('.step')).not.toHaveCount(0);
  await expect(page.getByRole('heading', { level: 2, name: GOAL })).toBeVisible();
  await scrubber.fill('0');
  await expect(page.locator('.step')).toHaveCount(0);
  await expect(page.getByText('Waiting for a worker')).toBeVisible();
  // A call that is under way looks as it did then.
  const { events } = await readSession(page, session);
  await scrubber.fill(String(events!.findIndex((event) => event.type === 'tool_call') + 1));
  await expect(page.locator('.call__running')).toHaveText('Running');
  await expect(page.locator('.step__working')).toHaveText('Working');
  await expect(page.getByText('No answer')).toHaveCount(0);
  await scrubber.fill(String(events!.length));
  await expect(page.locator('.call__running')).toHaveCount(0);
  await expect(page.getByText('Completed', { exact: true })).toBeVisible();
  await scrubber.fill('0');
  await page.getByRole('button', { name: 'Play' }).click();
  await expect(page.locator('.step__output').last()).toContainText('12');
  // What the model was given is told there, too.
  await expect(page.getByRole('button', { name: 'Play' })).toBeVisible();
  const input = page.locator('.step').first().locator('.step__input');
  await input.getByText('Input', { exact: true }).click();
  await expect(input.locator('.step__given')).toContainText('15% of 80');
});

test('the replay of a session that is not over grows with it', async ({ page }) => {
  const agent = await beGuest(page);
  await page.request.patch(`/api/v1/agents/${agent}`, { data: { tools: [{ name: 'calculator', needs_approval: true }] } });
  const id = await startSession(page, agent, 'What is 6 * 7?');
  await visit(page, `/sessions/${id}`);
  const session = new SessionPage(page);
  await expect(session.decision).toBeVisible();
  const second = await page.context().newPage();
  await visit(second, `/sessions/${id}/replay`);
  const scrubber = second.getByRole('slider', { name: 'Event' });
  const goesOn = second.getByText('The session is still going on (waiting)');
  await expect(goesOn).toBeVisible();
  const pause = second.getByText('Waiting for its owner: the call of `calculator` needs your approval');
  await expect(pause).toBeVisible();
  await expectAccessible(second);
  const before = Number(await scrubber.inputValue());
  await session.decision.getByRole('button', { name: 'Send the decision' }).click();
  await session.expectCompleted();
  // Whoever is at the end stays there.
  const { events } = await readSession(page, id);
  await expect(scrubber).toHaveAttribute('max', String(events!.length));
  await expect(scrubber).toHaveValue(String(events!.length));
  await expect(second.locator('.step__output').last()).toContainText('42');
  await expect(goesOn).toHaveCount(0);
  // Back to where it was, and on from there.
  await scrubber.fill(String(before));
  await expect(second.locator('.step__output').filter({ hasText: '42' })).toHaveCount(0);
  await expect(pause).toBeVisible();
  await scrubber.fill(String(before + 1));
  await expect(second.getByText('Decided: `calculator` is allowed')).toBeVisible();
  await expect(pause).toHaveCount(0);
  await second.getByRole('button', { name: 'Play' }).click();
  await expect(second.locator('.step__output').last()).toContainText('42');
});

test('the replay of a session that is gone on with grows once one comes back to it', async ({ page }) => {
  const { session } = await finished(page);
  await visit(page, `/sessions/${session}/replay`);
  const scrubber = page.getByRole('slider', { name: 'Event' });
  const before = Number(await scrubber.getAttribute('max'));
  const said = await page.request.post(`/api/v1/sessions/${session}/messages`, { data: { text: 'What is 20% of 80?' } });
  expect(said.ok(), await said.text()).toBe(true);
  await untilEnded(page, session);
  const { events } = await readSession(page, session);
  expect(events!.length).toBeGreaterThan(before);
  await page.evaluate(() => dispatchEvent(new Event('focus')));
  await expect(scrubber).toHaveAttribute('max', String(events!.length));
});

test('the palette leads to places and agents, and the sheet tells the keys', async ({ page }) => {
  await finished(page);
  await visit(page, '/studio');
  await page.keyboard.press('Control+k');
  const field = page.getByRole('combobox', { name: 'Go to' });
  await field.fill('adder');
  await expect(page.getByRole('option', { name: /Adder/ })).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Adder');
  await page.locator('h1').click();
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toHaveCount(0);
});

test('being offline is said, and being back too', async ({ page, context }) => {
  await visit(page, '/');
  await context.setOffline(true);
  await expect(page.getByText('You are offline.')).toBeVisible();
  await context.setOffline(false);
  await expect(page.getByText('You are offline.')).toHaveCount(0);
  await expect(page.getByText('You are online again')).toBeVisible();
});
