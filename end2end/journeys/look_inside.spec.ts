// A session is looked into: what a step was given, the log as it is written, every place of a word.

import type { Page } from '@playwright/test';
import { expectAccessible, expectNoSidewaysScroll } from '../fixtures/a11y.ts';
import { beGuest, readSession, startSession, untilEnded } from '../fixtures/seed.ts';
import { modelUrl } from '../fixtures/servers.ts';
import { expect, test, untilLive, visit } from '../fixtures/test.ts';
import { SessionPage } from '../pages/session.ts';

/** A guest's agent that reckons. */
async function makeReckoner(page: Page) {
  const agentId = await beGuest(page);
  await page.request.patch(`/api/v1/agents/${agentId}`, { data: { tools: [{ name: 'calculator' }], system_prompt: 'You count beans.' } });
  return agentId;
}

/** How many places bear a mark. */
const marked = (page: Page, name: string) =>
  page.evaluate((name) => (CSS as unknown as { highlights: Map<string, Set<Range>> }).highlights.get(name)?.size ?? 0, name);

test('what a session used is told by model and by tool, beside how far it might go', async ({ page }) => {
  const agentId = await makeReckoner(page);
  const calls = '[[call calculator {"expression":"2^40"}]]';
  const id = await startSession(page, agentId, `Count ${calls}`);
  await untilEnded(page, id);
  await visit(page, `/sessions/${id}`);
  await page.getByText('What it used, in parts').click();
  await expect(page.getByText('It may take 10 steps, write 4,000 tokens and work for 2 min 0 s.')).toBeVisible();
  const cells = (region: string) => page.getByRole('region', { name: region }).locator('tbody tr').getByRole('cell');
  await expect(page.getByRole('region', { name: 'What it used, by model' }).locator('tbody th')).toHaveCount(1);
  await expect(cells('What it used, by model').first()).toHaveText('2');
  await expect(page.getByRole('rowheader', { name: 'Calculator' })).toBeVisible();
  await expect(cells('What it called, by tool').first()).toHaveText('1');
  await expect(cells('What it called, by tool').nth(1)).toHaveText('0');
  // Nobody was asked for anything.
  await expect(page.getByText('People kept it waiting')).toHaveCount(0);
  await expectAccessible(page);
  await expectNoSidewaysScroll(page);
});

test('every place of the words is marked, counted and gone to', async ({ page }) => {
  const agentId = await makeReckoner(page);
  const id = await startSession(page, agentId, 'Count [[think Let me ponder.]] [[call calculator {"expression":"2^40"}]]');
  await untilEnded(page, id);
  await visit(page, `/sessions/${id}`);
  const session = new SessionPage(page);
  // In the goal, and in what each of the two steps thought, which is folded up.
  const thought = session.steps.first().locator('.step__thinking-text');
  await session.find.fill('PONDER');
  await expect(session.found).toHaveText('1 of 3');
  await expect(thought).toBeHidden();
  expect([await marked(page, 'found'), await marked(page, 'found-here')]).toEqual([3, 1]);
  await session.find.press('Enter');
  await expect(session.found).toHaveText('2 of 3');
  await expect(thought).toBeVisible();
  await session.find.press('Shift+Enter');
  await expect(session.found).toHaveText('1 of 3');
  await page.getByRole('button', { name: 'Previous' }).click();
  await expect(session.found).toHaveText('3 of 3');
  await page.getByRole('button', { name: 'Next' }).click();
  await expect(session.found).toHaveText('1 of 3');
  await expectAccessible(page);

  await session.find.fill('1099511627776');
  await expect(session.found).toHaveText(/^1 of [2-9]$/);
  await session.find.fill('no such words');
  await expect(session.found).toHaveText('Nothing found');
  await expect(page.getByRole('button', { name: 'Next' })).toBeDisabled();
  await session.find.fill('');
  await expect(session.found).toHaveText('');
  expect(await marked(page, 'found')).toBe(0);
});

test('what people said, what went wrong and what is new is searched too', async ({ page }) => {
  const agentId = await beGuest(page);
  const id = await startSession(page, agentId, 'Say [[say One.]]');
  await untilEnded(page, id);
  await visit(page, `/sessions/${id}`);
  const session = new SessionPage(page);
  await session.find.fill('lentils');
  await expect(session.found).toHaveText('Nothing found');
  await session.say('And the lentils? [[error 400]]');
  await expect(session.found).toHaveText('1 of 1');
  await session.expectState('Failed', 30_000);
  // The message holds it, and so does what it led to.
  await session.find.fill('400');
  await expect(session.found).toHaveText(/^1 of [2-9]$/);
});

test('a step tells what the model was given for it', async ({ page, request }) => {
  const agentId = await makeReckoner(page);
  const mark = `mark-${Date.now()}`;
  const id = await startSession(page, agentId, `${mark} [[call calculator {"expression":"6*7"}]]`, 'Eleven beans. '.repeat(200));
  await untilEnded(page, id);
  await visit(page, `/sessions/${id}`);
  const session = new SessionPage(page);
  await session.openInput(1);
  await expect(session.given(1, 'System prompt')).toContainText('You count beans.');
  const all = (await (await request.get(`${modelUrl}/requests`)).json()) as { messages: { role: string; content: unknown }[] }[];
  const sent = all.filter((body) => JSON.stringify(body.messages).includes(mark)).at(-1)!;
  const asked = sent.messages.find((message) => message.role === 'user')!;
  // It is long, and folded up but for its beginning.
  await expect(session.given(1, 'Goal').locator('details code')).toHaveText(String(asked.content));
  await expect(session.given(1, 'The agent called calculator')).toContainText('6*7');
  const answered = sent.messages.find((message) => message.role === 'tool')!;
  await expect(session.given(1, 'calculator answered').locator('code')).toHaveText(String(answered.content));
  await expectAccessible(page);
  await page.setViewportSize({ width: 360, height: 740 });
  await expectNoSidewaysScroll(page);
});

test('the log is read as it is written, while the session goes on', async ({ page }) => {
  const agentId = await beGuest(page);
  const id = await startSession(page, agentId, 'Count [[words 40]] [[slow 100]]');
  await visit(page, `/sessions/${id}`);
  const session = new SessionPage(page);
  await session.view('Raw').click();
  await expect(page).toHaveURL(`/sessions/${id}?view=raw`);
  await expect(session.steps).toHaveCount(0);
  await expect(session.events.first()).toContainText('session_start');
  await session.expectCompleted();
  await expect(session.events.last()).toContainText('"type": "done"');
  const { events } = await readSession(page, id);
  await expect(session.events).toHaveCount(events!.length);
  await session.find.fill('word40');
  await expect(session.found).toHaveText(/^1 of [1-9]/);
  await expectAccessible(page);
  await page.setViewportSize({ width: 360, height: 740 });
  await expectNoSidewaysScroll(page);

  await page.reload();
  await untilLive(page);
  await expect(session.events).toHaveCount(events!.length);
  await session.view('Steps').click();
  await expect(page).toHaveURL(`/sessions/${id}`);
  await expect(session.output).toContainText('word40');
});

test('a long event can be scrolled by keyboard, and has a name', async ({ page }) => {
  const agentId = await makeReckoner(page);
  const id = await startSession(page, agentId, 'Count [[call calculator {"expression":"1+1"}]]');
  await untilEnded(page, id);
  await page.request.post(`/api/v1/sessions/${id}/messages`, { data: { text: `Beans: ${'bean '.repeat(600)} [[say Many.]]` } });
  await untilEnded(page, id);
  await visit(page, `/sessions/${id}?view=raw`);
  const long = page.getByRole('group', { name: /^Event \d+: message$/ });
  await expect(long).toContainText('bean bean');
  await long.focus();
  await expect(long).toBeFocused();
  await expectAccessible(page);
});

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });

  test('the log and what a step was given are addresses', async ({ page }) => {
    const agentId = await makeReckoner(page);
    const id = await startSession(page, agentId, 'Count [[call calculator {"expression":"6*7"}]]');
    const { events } = await untilEnded(page, id);
    await page.goto(`/sessions/${id}`);
    const session = new SessionPage(page);
    await session.openInput(1);
    await session.steps.nth(1).getByRole('link', { name: 'Show what the model was given' }).click();
    await expect(page).toHaveURL(`/sessions/${id}?input=2#step-2`);
    await expect(session.given(1, 'System prompt')).toContainText('You count beans.');
    await session.view('Raw').click();
    await expect(session.events).toHaveCount(events!.length);
  });
});
