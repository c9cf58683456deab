// Drafts and versions: what is missing, publish, compare, restore, export; what sessions run.

import { beGuest, readSession, startSession } from '../fixtures/seed.ts';
import { expect, refusal, test, untilLive, visit } from '../fixtures/test.ts';
import { StudioPages } from '../pages/studio.ts';

test('a draft is published when it is whole, and sessions run what is published', async ({ page }) => {
  const id = await beGuest(page, 'Greeter');
  const studio = new StudioPages(page);
  await studio.open(`/studio/agents/${id}`);
  const publish = page.getByRole('button', { name: 'Publish' });
  await expect(publish).toBeDisabled();
  await expect(page.getByText('needs to say how it should work')).toBeVisible();
  await page.getByRole('textbox', { name: /^Description/ }).fill('Greets people');
  await studio.systemPrompt.fill('Say good morning to the person.');
  // It saves by itself.
  await expect(page.getByText('All changes are saved')).toBeVisible();
  await expect(publish).toBeEnabled();
  const notes = page.getByRole('textbox', { name: /^What is new/ });
  await notes.fill('The first one');
  await publish.click();
  await expect(page.getByText('Sessions run version 1, which is the same as the draft.')).toBeVisible();
  // The next version is not told of as this one was.
  await expect(notes).toHaveValue('');
  await expect(publish).toBeDisabled();
  await expect(publish).toBeFocused();

  await studio.systemPrompt.fill('Say good evening to the person.');
  await expect(page.getByText('Sessions run version 1. The draft differs from it.')).toBeVisible();
  const published = await readSession(page, await startSession(page, id, 'Hello'));
  expect(published).toHaveProperty('agent_version', 1);
  await page.getByRole('combobox', { name: 'What runs' }).selectOption('draft');
  await studio.goal.fill('Hello again');
  await studio.runAndOpen();
  const tried = await readSession(page, new URL(page.url()).pathname.split('/').at(-1)!);
  expect(tried).toHaveProperty('agent_version', null);

  await visit(page, `/studio/agents/${id}/versions`);
  await expect(page.getByText('The first one')).toBeVisible();
  await page.getByRole('button', { name: 'Compare' }).click();
  await expect(page.locator('.diff__removed')).toHaveText('morning');
  await expect(page.locator('.diff__added')).toHaveText('evening');
  // No version holds what the draft is now.
  const restore = page.getByRole('button', { name: /^Restore as the draft/ });
  await restore.click();
  const question = page.getByRole('dialog', { name: 'Make the draft what version 1 was?' });
  await question.getByRole('button', { name: 'Keep it' }).click();
  await expect(question).toBeHidden();
  await expect(page).toHaveURL(/\/versions/);
  await restore.click();
  await question.getByRole('button', { name: 'Yes, restore the version' }).click();
  await page.waitForURL(`/studio/agents/${id}`);
  await expect(studio.systemPrompt).toHaveValue('Say good morning to the person.');
  const file = await page.request.get(`/api/v1/agents/${id}/export`);
  expect(await file.json()).toMatchObject({ resonant_agent: 1, name: 'Greeter', system_prompt: ['Say good morning to the person.'] });
});

test('what runs is read anew where a version is refused', async ({ page, browserConsole }) => {
  browserConsole.allow(refusal);
  const id = await beGuest(page, 'Twofold');
  await page.request.patch(`/api/v1/agents/${id}`, { data: { description: 'Twice', system_prompt: 'Say it twice.' } });
  const studio = new StudioPages(page);
  await studio.open(`/studio/agents/${id}`);
  await expect(page.getByText('Nothing is published yet')).toBeVisible();
  const elsewhere = await page.request.post(`/api/v1/agents/${id}/versions`, { data: { notes: 'Theirs' } });
  expect(elsewhere.status(), await elsewhere.text()).toBe(201);
  const notes = page.getByRole('textbox', { name: /^What is new/ });
  await notes.fill('Mine');
  await page.getByRole('button', { name: 'Publish' }).click();
  await expect(page.getByText('Sessions run version 1, which is the same as the draft.')).toBeVisible();
  await expect(page.getByText('The draft is the same as version 1, which runs already')).toBeVisible();
  await expect(notes).toHaveValue('Mine');
});

test('changes are undone and done again', async ({ page }) => {
  const id = await beGuest(page, 'Waverer');
  const studio = new StudioPages(page);
  await studio.open(`/studio/agents/${id}`);
  const saved = page.getByText('All changes are saved');
  await studio.systemPrompt.fill('One');
  await expect(saved).toBeVisible();
  await studio.systemPrompt.fill('Two');
  await expect(page.getByText('Not saved yet')).toBeVisible();
  await expect(saved).toBeVisible();
  await page.getByRole('button', { name: 'Undo', exact: true }).click();
  await expect(studio.systemPrompt).toHaveValue('One');
  await expect(saved).toBeVisible();
  // What is not saved yet is not lost either.
  await studio.systemPrompt.fill('Three');
  await page.getByRole('button', { name: 'Undo', exact: true }).click();
  await expect(studio.systemPrompt).toHaveValue('One');
  await page.getByRole('button', { name: 'Redo', exact: true }).click();
  await expect(studio.systemPrompt).toHaveValue('Three');
  await page.getByRole('button', { name: 'Undo', exact: true }).click();
  await expect(studio.systemPrompt).toHaveValue('One');
  await expect(saved).toBeVisible();
  await page.reload();
  await untilLive(page);
  await expect(studio.systemPrompt).toHaveValue('One');
});

test('a stranger finds no versions', async ({ page, browser, browserConsole }) => {
  browserConsole.allow(refusal);
  const id = await beGuest(page, 'Secretive');
  const { origin } = new URL((await page.goto('/studio'))!.url());
  const stranger = await browser.newContext({ baseURL: origin });
  const other = await stranger.newPage();
  await beGuest(other, 'Other');
  for (const path of ['versions', 'versions/1', 'export']) {
    expect((await other.request.get(`/api/v1/agents/${id}/${path}`)).status(), path).toBe(404);
  }
  expect((await other.goto(`/studio/agents/${id}/versions`))?.status()).toBe(404);
  await stranger.close();
});
