// What is written in the editor is not lost: not by leaving it, not by another tab, not without a network.

import type { Page, Route } from '@playwright/test';
import { beGuest } from '../fixtures/seed.ts';
import { expect, refusal, test } from '../fixtures/test.ts';
import { StudioPages } from '../pages/studio.ts';

/** What a browser says that has no network. */
const noNetwork = /ERR_INTERNET_DISCONNECTED|ERR_NETWORK_CHANGED|Failed to fetch/;

interface Draft {
  status: string;
  description: string;
  system_prompt: string;
  updated_at: string;
}

async function readDraft(page: Page, id: string): Promise<Draft> {
  const answer = await page.request.get(`/api/v1/agents/${id}`);
  expect(answer.status(), await answer.text()).toBe(200);
  return (await answer.json()) as Draft;
}

/** The next save arrives, and its answer does not. */
async function loseAnswer(page: Page) {
  const lose = async (route: Route) => {
    await route.fetch();
    await route.abort();
  };
  await page.route(/\/api\/fn\/studio\/update_agent/, lose, { times: 1 });
}

/** An agent that can calculate, in its editor. */
async function openEditor(page: Page, name: string): Promise<[StudioPages, string]> {
  const id = await beGuest(page, name);
  await page.request.patch(`/api/v1/agents/${id}`, { data: { tools: [{ name: 'calculator' }] } });
  const studio = new StudioPages(page);
  await studio.open(`/studio/agents/${id}`);
  return [studio, id];
}

test('pausing in one tab keeps what another one has written', async ({ page, context, browserConsole }) => {
  browserConsole.allow(refusal);
  const [, id] = await openEditor(page, 'Sleeper');
  const other = await context.newPage();
  const elsewhere = new StudioPages(other);
  await elsewhere.open(`/studio/agents/${id}`);
  await elsewhere.systemPrompt.fill('Count sheep.');
  await elsewhere.save.click();
  await expect(other.getByText('All changes are saved')).toBeVisible();

  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(page.getByText('It is paused')).toBeVisible();
  await page.getByRole('textbox', { name: /^Description/ }).fill('Sleeps');
  await expect(page.getByText('This agent was changed elsewhere')).toBeVisible();
  expect(await readDraft(page, id)).toMatchObject({ status: 'paused', system_prompt: 'Count sheep.', description: '' });
});

test('pausing while one writes is no conflict', async ({ page, browserConsole }) => {
  // The form may be sent before the answer tells that the agent was paused.
  browserConsole.allow(refusal);
  const [studio, id] = await openEditor(page, 'Sleeper');
  await studio.systemPrompt.fill('Sleep.');
  await page.getByRole('button', { name: 'Pause' }).click();
  await studio.systemPrompt.fill('Sleep well.');
  await studio.save.click();
  await expect(page.getByText('It is paused')).toBeVisible();
  await expect(page.getByText('All changes are saved')).toBeVisible();
  await expect(page.getByText('changed elsewhere')).toHaveCount(0);
  expect(await readDraft(page, id)).toMatchObject({ status: 'paused', system_prompt: 'Sleep well.' });
});

test('what is written while a save is on its way is no conflict', async ({ page }) => {
  const [studio, id] = await openEditor(page, 'Hasty');
  let release = () => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  await page.route(/\/api\/fn\/studio\/update_agent/, async (route) => {
    await gate;
    await route.continue();
  });
  const sent = page.waitForRequest(/\/api\/fn\/studio\/update_agent/);
  await studio.systemPrompt.fill('First.');
  await studio.save.click();
  await sent;
  await studio.systemPrompt.fill('Second.');
  // As with Caps Lock.
  await page.keyboard.press('Control+S');
  release();
  await expect(page.getByText('All changes are saved')).toBeVisible();
  expect((await readDraft(page, id)).system_prompt).toBe('Second.');
});

test('what runs is what was typed just now', async ({ page }) => {
  const [studio, id] = await openEditor(page, 'Reckoner');
  await studio.goal.fill('What is 17 * 3?');
  await studio.systemPrompt.fill('Reckon with care.');
  await studio.run.click();
  await expect(studio.started).toContainText('Completed', { timeout: 30_000 });
  await expect(studio.systemPrompt).toHaveValue('Reckon with care.');
  const draft = await readDraft(page, id);
  expect(draft.system_prompt).toBe('Reckon with care.');
  const list = await page.request.get(`/api/v1/sessions?agent_id=${id}`);
  const { sessions } = (await list.json()) as { sessions: { created_at: string }[] };
  expect(Date.parse(sessions[0]!.created_at)).toBeGreaterThanOrEqual(Date.parse(draft.updated_at));
});

test('leaving for another page saves what was typed last', async ({ page }) => {
  const [studio, id] = await openEditor(page, 'Leaver');
  await studio.systemPrompt.fill('Typed last.');
  await page.getByRole('link', { name: 'All versions' }).click();
  await page.waitForURL(`/studio/agents/${id}/versions`);
  await expect.poll(async () => (await readDraft(page, id)).system_prompt).toBe('Typed last.');
});

test('closing the tab asks as long as something is not saved', async ({ page }) => {
  const [studio, id] = await openEditor(page, 'Closer');
  await studio.systemPrompt.click();
  await page.keyboard.type('Not yet.');
  const asked = page.waitForEvent('dialog');
  await page.close({ runBeforeUnload: true });
  const dialog = await asked;
  expect(dialog.type()).toBe('beforeunload');
  await dialog.dismiss();
  await expect(page.getByText('All changes are saved')).toBeVisible();
  expect((await readDraft(page, id)).system_prompt).toBe('Not yet.');
});

test('what is written without a network is saved once there is one', async ({ page, context, browserConsole }) => {
  browserConsole.allow(noNetwork);
  const [studio, id] = await openEditor(page, 'Traveller');
  await context.setOffline(true);
  await studio.systemPrompt.fill('Written in a tunnel.');
  await expect(page.getByText('Resonant could not be reached').first()).toBeVisible();
  await expect(page.getByText('Not saved yet')).toBeVisible();
  await context.setOffline(false);
  await expect(page.getByText('All changes are saved')).toBeVisible();
  expect((await readDraft(page, id)).system_prompt).toBe('Written in a tunnel.');
});

test('what was saved without an answer is nobody else\'s change', async ({ page, browserConsole }) => {
  browserConsole.allow(refusal, noNetwork, /ERR_FAILED/);
  const [studio, id] = await openEditor(page, 'Traveller');
  const unanswered = page.getByText('Not saved yet: Resonant could not be reached');
  await loseAnswer(page);
  await studio.systemPrompt.fill('Arrived.');
  await expect(unanswered).toBeVisible();
  expect((await readDraft(page, id)).system_prompt).toBe('Arrived.');
  await studio.systemPrompt.fill('Arrived, and went on.');
  await expect(page.getByText('All changes are saved')).toBeVisible();
  await expect(page.getByText('changed elsewhere')).toHaveCount(0);
  expect((await readDraft(page, id)).system_prompt).toBe('Arrived, and went on.');

  // The same for who leaves before the next try.
  await loseAnswer(page);
  await studio.systemPrompt.fill('Arrived again.');
  await expect(unanswered).toBeVisible();
  await studio.systemPrompt.fill('Arrived again, and left.');
  await page.getByRole('link', { name: 'All versions' }).click();
  await page.waitForURL(`/studio/agents/${id}/versions`);
  await expect.poll(async () => (await readDraft(page, id)).system_prompt).toBe('Arrived again, and left.');
  await expect(page.getByText('could not be saved')).toHaveCount(0);
});

test('the versions know of what was saved after their page was there', async ({ page }) => {
  const id = await beGuest(page, 'Latecomer');
  await page.request.patch(`/api/v1/agents/${id}`, { data: { description: 'Late', system_prompt: 'Come early.' } });
  const published = await page.request.post(`/api/v1/agents/${id}/versions`, { data: {} });
  expect(published.status(), await published.text()).toBe(201);
  const studio = new StudioPages(page);
  await studio.open(`/studio/agents/${id}`);
  let release = () => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  await page.route(/\/api\/fn\/studio\/update_agent/, async (route) => {
    await gate;
    await route.continue();
  });
  await studio.systemPrompt.fill('Come late.');
  await page.getByRole('link', { name: 'All versions' }).click();
  const restore = page.getByRole('button', { name: /^Restore as the draft/ });
  await expect(restore).toBeVisible();
  const question = page.locator('dialog', { hasText: 'Make the draft what version 1 was?' });
  await expect(question).toHaveCount(0);
  release();
  // No version holds what the draft is by now.
  await expect(question).toBeAttached();
  await restore.click();
  await question.getByRole('button', { name: 'Yes, restore the version' }).click();
  await page.waitForURL(`/studio/agents/${id}`);
  await expect(studio.systemPrompt).toHaveValue('Come early.');
});

test('what somebody else writes after a save without an answer is told', async ({ page, browserConsole }) => {
  browserConsole.allow(refusal, noNetwork, /ERR_FAILED/);
  const [studio, id] = await openEditor(page, 'Traveller');
  await loseAnswer(page);
  await studio.systemPrompt.fill('Arrived.');
  await expect(page.getByText('Not saved yet: Resonant could not be reached')).toBeVisible();
  const theirs = await page.request.patch(`/api/v1/agents/${id}`, { data: { description: 'Theirs' } });
  expect(theirs.status()).toBe(200);
  await studio.systemPrompt.fill('Arrived, and went on.');
  await expect(page.getByText('This agent was changed elsewhere')).toBeVisible();
  expect(await readDraft(page, id)).toMatchObject({ description: 'Theirs', system_prompt: 'Arrived.' });
});

test('what could not be saved stands in the form again', async ({ page, browserConsole }) => {
  browserConsole.allow(noNetwork, /ERR_FAILED/);
  const [studio, id] = await openEditor(page, 'Traveller');
  await page.route(/\/api\//, (route) => route.abort());
  await studio.systemPrompt.fill('Written in a tunnel.');
  await page.getByRole('link', { name: 'All versions' }).click();
  await expect(page.getByText('What you wrote last could not be saved')).toBeVisible();
  await page.unrouteAll();
  await page.goBack();
  await expect(studio.systemPrompt).toHaveValue('Written in a tunnel.');
  await expect(page.getByText('All changes are saved')).toBeVisible();
  expect((await readDraft(page, id)).system_prompt).toBe('Written in a tunnel.');
});
