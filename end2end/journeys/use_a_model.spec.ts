// What goes to the language model and what comes of its faults.

import { beGuest, expectWholeLog, makeAgent, startSession, untilEnded } from '../fixtures/seed.ts';
import { modelUrl } from '../fixtures/servers.ts';
import { expect, test, visit } from '../fixtures/test.ts';
import { SessionPage } from '../pages/session.ts';

interface ModelRequest {
  authorization: string | null;
  model: string;
  stream: boolean;
  messages: { role: string; content: unknown; tool_calls?: { id: string }[]; tool_call_id?: string }[];
  tools?: { function: { name: string } }[];
}

test('the model gets prompt, tools and results in the order of the calls', async ({ page, request }) => {
  const agentId = await beGuest(page);
  const tools = ['calculator', 'extract'].map((name) => ({ name }));
  await page.request.patch(`/api/v1/agents/${agentId}`, { data: { tools, system_prompt: 'You count beans.' } });
  const mark = `mark-${Date.now()}`;
  const id = await startSession(page, agentId, `${mark} [[call calculator {"expression":"2^10"}]] [[call calculator {"expression":"1+1"}]]`, 'beans');
  const session = await untilEnded(page, id);
  expect(session.state).toBe('completed');
  expectWholeLog(session);

  const all = (await (await request.get(`${modelUrl}/requests`)).json()) as ModelRequest[];
  const [first, second] = all.filter((body) => JSON.stringify(body.messages).includes(mark));
  expect(first!.authorization).toBe('Bearer sk-test');
  expect(first!.model).toBe('test-model');
  expect(first!.stream).toBe(true);
  expect(first!.messages[0]!.role).toBe('system');
  expect(JSON.stringify(first!.messages)).toContain('You count beans.');
  expect(JSON.stringify(first!.messages)).toContain('beans');
  expect(first!.tools!.map((tool) => tool.function.name).sort()).toEqual(['calculator', 'extract']);
  const asked = second!.messages.find((message) => message.tool_calls)!.tool_calls!.map((call) => call.id);
  const answered = second!.messages.filter((message) => message.role === 'tool');
  expect(answered.map((message) => message.tool_call_id)).toEqual(asked);
  expect(answered.map((message) => String(message.content))).toEqual([expect.stringContaining('1024'), expect.stringContaining('2')]);
});

test('thinking is shown, and a call of a tool that does not exist does no harm', async ({ page }) => {
  const agentId = await beGuest(page);
  await page.request.patch(`/api/v1/agents/${agentId}`, { data: { tools: [{ name: 'calculator' }] } });
  const id = await startSession(page, agentId, 'Try [[think Let me see.]] [[call rm {"path":"/"}]] [[call calculator {"wrong":1}]]');
  const ended = await untilEnded(page, id);
  expect(ended.state).toBe('completed');
  expectWholeLog(ended);
  await visit(page, `/sessions/${id}`);
  const session = new SessionPage(page);
  await session.expectCompleted();
  await expect(session.log.getByText('Failed', { exact: true })).toHaveCount(2);
  await session.log.getByText('Thinking').first().click();
  await expect(session.log.getByText('Let me see.').first()).toBeVisible();
});

test('a model that refuses ends the session with a reason', async ({ page }) => {
  const agentId = await beGuest(page);
  const id = await startSession(page, agentId, 'Try [[error 400]]');
  const ended = await untilEnded(page, id);
  expect(ended.state).toBe('failed');
  expect(ended.reason).toBeTruthy();
  expectWholeLog(ended);
  await visit(page, `/sessions/${id}`);
  await expect(page.getByText('The session failed')).toBeVisible();
  await expect(page.getByRole('link', { name: 'Run again' }).first()).toBeVisible();
});

test('an answer that breaks off does not leave the session at work', async ({ page }) => {
  const agentId = await beGuest(page);
  const id = await startSession(page, agentId, 'Count [[words 20]] [[drop]]');
  const ended = await untilEnded(page, id, 40_000);
  expect(['failed', 'completed']).toContain(ended.state);
  expectWholeLog(ended);
});

test('an agent calls another one, and each session leads to the other', async ({ page }) => {
  const part = await beGuest(page, 'Counter');
  const settings = { kind: 'agent', agent_id: part, description: 'Counts' };
  const boss = await makeAgent(page, { name: 'Boss', tools: [{ name: 'agent_counter', settings }] });
  const id = await startSession(page, boss, 'Ask [[call agent_counter {"goal":"Say beans"}]]');
  const ended = await untilEnded(page, id);
  expect(ended.state).toBe('completed');
  expectWholeLog(ended);
  await visit(page, `/sessions/${id}`);
  const session = new SessionPage(page);
  await session.expectCompleted();
  await session.log.getByRole('link', { name: 'Watch the session of this agent' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Say beans');
  await session.expectCompleted();
  await page.getByRole('link', { name: 'another session' }).click();
  await page.waitForURL(`/sessions/${id}`);
});
