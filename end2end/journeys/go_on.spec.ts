// A session that a person takes part in: messages, decisions, another try, a fork.

import type { Page } from '@playwright/test';
import { expectAccessible } from '../fixtures/a11y.ts';
import { beGuest, expectWholeLog, readSession, startSession, untilEnded } from '../fixtures/seed.ts';
import { expect, refusal, test, untilLive, visit } from '../fixtures/test.ts';
import { SessionPage } from '../pages/session.ts';

/** A guest's session that has answered “One.”, opened. */
async function openAnswered(page: Page) {
  const id = await startSession(page, await beGuest(page), 'Say [[say One.]]');
  const { last_sequence } = await untilEnded(page, id);
  await visit(page, `/sessions/${id}`);
  return { id, last_sequence, session: new SessionPage(page) };
}

test('a message after the answer goes on with the session', async ({ page }) => {
  const { id, session } = await openAnswered(page);
  await session.say('And now? [[say Two.]]');
  await expect(session.said).toContainText('And now?');
  await expect(session.output.last()).toHaveText('Two.');
  await session.expectCompleted();
  await expect(page.getByLabel('Message')).toHaveValue('');
  await page.reload();
  await expect(session.output).toHaveText(['One.', 'Two.']);
  expectWholeLog(await readSession(page, id), 2);
});

test('what is written while a message is on its way is not lost', async ({ page }) => {
  const { session } = await openAnswered(page);
  let release = () => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  await page.route('**/api/fn/sessions/say', async (route) => {
    await gate;
    await route.continue();
  });
  const field = page.getByLabel('Message');
  const sent = page.waitForRequest('**/api/fn/sessions/say');
  await session.say('And now? [[say Two.]]');
  await sent;
  await field.pressSequentially(' And then?');
  release();
  await expect(field).toHaveValue('And then?');
  await expect(session.output.last()).toHaveText('Two.');
  await expect(session.said).not.toContainText('And then?');
});

test('a message whose answer was lost is said once, and the same words later once more', async ({ page, browserConsole }) => {
  browserConsole.allow(/net::ERR_FAILED/);
  const { id, session } = await openAnswered(page);
  let lost = 0;
  await page.route('**/api/fn/sessions/say', async (route) => {
    if (lost > 0) return route.continue();
    lost += 1;
    // The server has it, and nobody hears of that.
    await route.fetch();
    await route.abort();
  });
  const send = page.getByRole('button', { name: 'Send' });
  const messages = async () => (await readSession(page, id)).events!.filter((event) => event.type === 'message').length;
  await session.say('And now? [[say Two.]]');
  await expect(page.locator('.say')).toContainText('could not be reached');
  await expect(page.getByLabel('Message')).toHaveValue('And now? [[say Two.]]');
  await send.click();
  await expect(page.getByLabel('Message')).toHaveValue('');
  await session.expectCompleted();
  expect(await messages()).toBe(1);
  await session.say('And now? [[say Two.]]');
  await expect(page.getByLabel('Message')).toHaveValue('');
  expect(await messages()).toBe(2);
});

test('a message is pinned, stays so, and is let go', async ({ page }) => {
  const { id, session } = await openAnswered(page);
  await session.say('And now? [[say Two.]]');
  await expect(session.output.last()).toHaveText('Two.');
  await session.expectCompleted();
  // The goal, both answers, and the message.
  await expect(session.pins).toHaveCount(4);
  const pressed = () => session.pins.evaluateAll((buttons) => buttons.map((button) => button.ariaPressed));
  expect(await pressed()).toEqual(['false', 'false', 'false', 'false']);

  await session.pin(session.said);
  await expect(session.said.getByRole('button')).toHaveAttribute('aria-pressed', 'true');
  const kept = await readSession(page, id);
  const message = kept.events!.find((event) => event.type === 'message')!;
  expect(kept.pins).toEqual([message.sequence]);
  await expectAccessible(page);

  await page.reload();
  await untilLive(page);
  expect(await pressed()).toEqual(['false', 'false', 'true', 'false']);
  await session.pin(session.said);
  await expect(session.said.getByRole('button')).toHaveAttribute('aria-pressed', 'false');
  expect((await readSession(page, id)).pins).toBeUndefined();
  await page.reload();
  expect(await pressed()).toEqual(['false', 'false', 'false', 'false']);
});

test('a pin is told in other tabs while the session goes on', async ({ page, context }) => {
  const agentId = await beGuest(page);
  await page.request.patch(`/api/v1/agents/${agentId}`, { data: { tools: [{ name: 'calculator', needs_approval: true }] } });
  const id = await startSession(page, agentId, 'Count [[call calculator {"expression":"1+1"}]]');
  await visit(page, `/sessions/${id}`);
  const second = await context.newPage();
  await visit(second, `/sessions/${id}`);
  const [one, other] = [new SessionPage(page), new SessionPage(second)];
  for (const session of [one, other]) await expect(session.decision).toBeVisible();
  // The goal's.
  await one.pins.first().click();
  await expect(other.pins.first()).toHaveAttribute('aria-pressed', 'true');
  await other.pins.first().click();
  await expect(one.pins.first()).toHaveAttribute('aria-pressed', 'false');
});

test('a pin that is refused is not shown, and the reason is', async ({ page, browserConsole }) => {
  browserConsole.allow(refusal);
  const { id, session } = await openAnswered(page);
  await page.route('**/api/fn/sessions/pin_message', (route) => route.continue({ postData: `id=${id}&message=9999&is_pinned=true` }));
  await session.pins.first().click();
  await expect(page.locator('.toast--bad')).toContainText('must be 0 for the goal');
  await expect(session.pins.first()).toHaveAttribute('aria-pressed', 'false');
});

test('an empty message is refused beside its field and changes nothing', async ({ page, browserConsole }) => {
  browserConsole.allow(refusal);
  const { id, last_sequence, session } = await openAnswered(page);
  await session.say('   ');
  await expect(page.getByLabel('Message')).toHaveAttribute('aria-invalid', 'true');
  expect((await readSession(page, id)).last_sequence).toBe(last_sequence);
});

test('a message while it runs is heard before the next step', async ({ page }) => {
  const agentId = await beGuest(page);
  await page.request.patch(`/api/v1/agents/${agentId}`, { data: { tools: [{ name: 'calculator' }] } });
  const order = '[[think one two three four five six seven eight]] [[call calculator {"expression":"1+1"}]] [[slow 500]]';
  const id = await startSession(page, agentId, `Count ${order}`);
  await visit(page, `/sessions/${id}`);
  const session = new SessionPage(page);
  await expect(session.steps).toHaveCount(1);
  await session.say('Never mind [[say Changed.]]');
  await expect(session.said).toContainText('its next step hears it');
  await session.expectCompleted();
  await expect(session.output.last()).toHaveText('Changed.');
  await expect(session.steps.nth(1).locator('.said')).toContainText('Never mind');
  expectWholeLog(await readSession(page, id));
});

test('a failed step is tried again', async ({ page }) => {
  const agentId = await beGuest(page);
  const id = await startSession(page, agentId, `Try ${Date.now()} [[once 400]] [[say It works.]]`);
  await untilEnded(page, id);
  await visit(page, `/sessions/${id}`);
  const session = new SessionPage(page);
  await session.expectState('Failed');
  await page.getByRole('button', { name: 'Try the failed step again' }).click();
  await session.expectCompleted();
  await expect(session.output.last()).toHaveText('It works.');
});

test('the failed step is tried again from the step itself, where it is', async ({ page }) => {
  const agentId = await beGuest(page);
  const id = await startSession(page, agentId, `Try ${Date.now()} from here [[once 400]] [[say It works.]]`);
  await untilEnded(page, id);
  await visit(page, `/sessions/${id}`);
  const session = new SessionPage(page);
  await expect(session.steps.last()).not.toContainText('Goes on in a copy');
  await session.retry(0).click();
  await session.expectCompleted();
  await expect(session.output.last()).toHaveText('It works.');
  await expect(page).toHaveURL(`/sessions/${id}`);
});

test('another step is tried anew in a copy that is told the same', async ({ page }) => {
  const agentId = await beGuest(page);
  await page.request.patch(`/api/v1/agents/${agentId}`, { data: { tools: [{ name: 'calculator' }] } });
  const id = await startSession(page, agentId, 'Count [[call calculator {"expression":"6*7"}]] [[say Forty-two.]]');
  const parent = await untilEnded(page, id);
  await visit(page, `/sessions/${id}`);
  const session = new SessionPage(page);
  await expect(session.steps.nth(1)).toContainText('Goes on in a copy');
  await expectAccessible(page);
  await session.retry(1).click();
  await expect(page).not.toHaveURL(new RegExp(id));
  await session.expectCompleted();
  await expect(page.getByRole('link', { name: 'another session' })).toHaveAttribute('href', `/sessions/${id}`);
  await expect(page.locator('.session__origin')).toContainText('Forked after step 1');
  await expect(session.call('Calculator')).toContainText('42');
  await expect(session.output.last()).toHaveText('Forty-two.');
  // What the first step was given is what it was given there.
  await untilLive(page);
  await session.openInput(0);
  await expect(session.given(0, 'Goal')).toContainText('Count');
  expect((await readSession(page, id)).last_sequence).toBe(parent.last_sequence);
});

test('a fork shares the steps before it and goes its own way', async ({ page }) => {
  const agentId = await beGuest(page);
  await page.request.patch(`/api/v1/agents/${agentId}`, { data: { tools: [{ name: 'calculator' }] } });
  const id = await startSession(page, agentId, 'Count [[call calculator {"expression":"6*7"}]] [[say Forty-two.]]');
  const parent = await untilEnded(page, id);
  await visit(page, `/sessions/${id}`);
  await page.getByRole('link', { name: 'Fork from here' }).click();
  await expect(page.getByLabel('Keep')).toHaveValue('1');
  await page.getByLabel('Goal').fill('Count otherwise [[say The other way.]]');
  await page.getByRole('button', { name: 'Start the fork' }).click();
  await expect(page).not.toHaveURL(new RegExp(id));
  const fork = new SessionPage(page);
  await fork.expectCompleted();
  await expect(page.getByRole('link', { name: 'another session' })).toHaveAttribute('href', `/sessions/${id}`);
  await expect(fork.call('Calculator')).toContainText('42');
  await expect(fork.output.last()).toHaveText('The other way.');
  expect((await readSession(page, id)).last_sequence).toBe(parent.last_sequence);
});

test('a call that needs approval waits, and is made as the person changed it', async ({ page, browserConsole }) => {
  browserConsole.allow(refusal);
  const agentId = await beGuest(page);
  await page.request.patch(`/api/v1/agents/${agentId}`, { data: { tools: [{ name: 'calculator', needs_approval: true }] } });
  const id = await startSession(page, agentId, 'Count [[call calculator {"expression":"1+1"}]]');
  await visit(page, `/sessions/${id}`);
  const session = new SessionPage(page);
  await expect(session.decision).toBeVisible();
  await session.expectState('Waiting');
  await session.decision.getByLabel('Arguments').fill('{"expression": ');
  await session.decision.getByRole('button', { name: 'Send the decision' }).click();
  await expect(session.decision).toContainText('must be JSON');
  await session.decision.getByLabel('Arguments').fill('{"expression": "40+2"}');
  await session.decision.getByRole('button', { name: 'Send the decision' }).click();
  await session.expectCompleted();
  await expect(session.call('Calculator')).toContainText('changed by hand');
  await expect(session.call('Calculator')).toContainText('42');
  await expect(session.decision).toBeHidden();
});

/** A session that waits for a verdict on a call, opened twice. */
async function openTwice(page: Page) {
  const agentId = await beGuest(page);
  await page.request.patch(`/api/v1/agents/${agentId}`, { data: { tools: [{ name: 'calculator', needs_approval: true }] } });
  const id = await startSession(page, agentId, 'Count [[call calculator {"expression":"1+1"}]]');
  await visit(page, `/sessions/${id}`);
  const second = await page.context().newPage();
  await visit(second, `/sessions/${id}`);
  const [one, other] = [new SessionPage(page), new SessionPage(second)];
  for (const session of [one, other]) await expect(session.decision).toBeVisible();
  return { one, other, second };
}

test('who has the same call before them is told that it was decided elsewhere', async ({ page }) => {
  const { one, other, second } = await openTwice(page);
  await one.decision.getByRole('button', { name: 'Send the decision' }).click();
  await one.expectCompleted();
  await expect(other.decision).toBeHidden();
  await expect(second.getByText('Decided elsewhere meanwhile: `calculator` is allowed')).toBeVisible();
  await expect(one.news).toBeEmpty();
});

test('who decides too late is told what was decided, and that theirs did not count', async ({ page, browserConsole }) => {
  browserConsole.allow(refusal);
  const { one, other, second } = await openTwice(page);
  let release = () => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  await second.route('**/api/fn/sessions/decide', async (route) => {
    await gate;
    await route.continue();
  });
  await other.decision.getByLabel('Decision').selectOption('refuse');
  const sent = second.waitForRequest('**/api/fn/sessions/decide');
  await other.decision.getByRole('button', { name: 'Send the decision' }).click();
  await sent;
  await one.decision.getByRole('button', { name: 'Send the decision' }).click();
  await one.expectCompleted();
  release();
  await expect(other.news).toContainText('What you sent did not count');
  await expect(other.news).toContainText('`calculator` is allowed');
  await expectAccessible(second);
});

/** A session whose agent asks where to. */
async function openAsking(page: Page) {
  const agentId = await beGuest(page);
  await page.request.patch(`/api/v1/agents/${agentId}`, { data: { tools: [{ name: 'ask_user' }] } });
  const fields = [{ name: 'city', label: 'City', type: 'text', required: true }];
  const id = await startSession(page, agentId, `Ask [[call ask_user ${JSON.stringify({ question: 'Where to?', fields })}]]`);
  await visit(page, `/sessions/${id}`);
  const session = new SessionPage(page);
  await expect(session.decision).toContainText('it asks: Where to?');
  await session.expectState('Waiting');
  return { id, session };
}

test('a question of the agent is answered, and its call gives the answer', async ({ page }) => {
  const { id, session } = await openAsking(page);
  await expectAccessible(page);
  await session.decision.getByLabel('City').fill('Oslo');
  await session.decision.getByRole('button', { name: 'Answer', exact: true }).click();
  await session.expectCompleted();
  await expect(session.decision).toBeHidden();
  await expect(session.output.last()).toContainText('Oslo');
  expectWholeLog(await readSession(page, id));
});

test('a question of the agent is left open, and it goes on', async ({ page }) => {
  const { session } = await openAsking(page);
  // What must be filled in is not needed for that.
  await session.decision.getByRole('button', { name: 'Go on without an answer' }).click();
  await session.expectCompleted();
  await expect(session.output.last()).not.toContainText('Oslo');
});

test('a call that is refused is not made, and the model is told why', async ({ page }) => {
  const agentId = await beGuest(page);
  await page.request.patch(`/api/v1/agents/${agentId}`, { data: { tools: [{ name: 'calculator', needs_approval: true }] } });
  const id = await startSession(page, agentId, 'Count [[call calculator {"expression":"1+1"}]]');
  await visit(page, `/sessions/${id}`);
  const session = new SessionPage(page);
  await session.decision.getByLabel('Decision').selectOption('refuse');
  await session.decision.getByLabel('A word to the agent').fill('Do it in your head');
  await session.decision.getByRole('button', { name: 'Send the decision' }).click();
  await session.expectCompleted();
  await expect(session.call('Calculator')).toContainText('Refused');
  await expect(session.output.last()).toContainText('Do it in your head');
});

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });

  test('another try of a step is a plain form that leads to the copy', async ({ page }) => {
    const agentId = await beGuest(page);
    const id = await startSession(page, agentId, 'Say [[say One.]]');
    await untilEnded(page, id);
    await page.goto(`/sessions/${id}`);
    const session = new SessionPage(page);
    await session.retry(0).click();
    await expect(page).toHaveURL(/\/sessions\/[0-9a-f-]+$/);
    await expect(page).not.toHaveURL(new RegExp(id));
    await expect(page.getByRole('link', { name: 'another session' })).toHaveAttribute('href', `/sessions/${id}`);
  });

  test('a pin is a plain form', async ({ page }) => {
    const agentId = await beGuest(page);
    const id = await startSession(page, agentId, 'Say [[say One.]]');
    await untilEnded(page, id);
    await page.goto(`/sessions/${id}`);
    const { pins } = new SessionPage(page);
    for (const pressed of ['true', 'false']) {
      await pins.first().click();
      await expect(page).toHaveURL(`/sessions/${id}`);
      await expect(pins.first()).toHaveAttribute('aria-pressed', pressed);
    }
  });
});
