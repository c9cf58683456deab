// A prompt with variables, what it weighs, and an agent that begins with a few words.

import { beGuest, untilEnded } from '../fixtures/seed.ts';
import { expect, refusal, test, visit } from '../fixtures/test.ts';

test('a variable is declared, asked for and put into the prompt', async ({ page, browserConsole }) => {
  browserConsole.allow(refusal);
  const id = await beGuest(page, 'Guide');
  await visit(page, `/studio/agents/${id}`);
  await page.getByLabel('System prompt').fill('Speak about {{city}}.');
  await expect(page.getByText(/In the prompt: \{\{city\}\}/)).toBeVisible();
  await expect(page.getByText(/\d+ tokens with builtin:planner-1/)).toBeVisible();
  await page.getByText('Variables', { exact: true }).click();
  const row = page.getByRole('group', { name: 'variable 1' });
  await row.getByLabel('Name').fill('city');
  await row.getByLabel('Needed').check();
  await page.getByRole('button', { name: 'Save changes' }).click();
  await expect(page.getByText('All changes are saved')).toBeVisible();

  const run = page.getByRole('region', { name: 'Run' });
  await expect(run.getByRole('textbox', { name: 'city (needed)' })).toBeVisible();
  await run.getByRole('textbox', { name: 'Goal' }).fill('What is 1 + 1?');
  await run.getByRole('button', { name: 'Run' }).click();
  await expect(run.getByText('must be given', { exact: true })).toBeVisible();
  await run.getByRole('textbox', { name: 'city (needed)' }).fill('Oslo');
  await run.getByRole('button', { name: 'Run' }).click();
  await page.getByRole('link', { name: 'Open the session' }).click();
  await page.waitForURL(/\/sessions\//);
  const session = page.url().split('/').pop()!;
  await untilEnded(page, session);
  await page.getByText('Variables', { exact: true }).click();
  await expect(page.getByText('Oslo')).toBeVisible();
});

test('a prompt that is cut off says so', async ({ page }) => {
  const id = await beGuest(page, 'Verbose');
  await visit(page, `/studio/agents/${id}`);
  const prompt = page.getByLabel('System prompt');
  const cut = page.getByText('The prompt is as long as it can be');
  await prompt.fill('x'.repeat(31_999));
  await expect(page.getByText('All changes are saved')).toBeVisible();
  await expect(cut).toHaveCount(0);
  await prompt.focus();
  await page.keyboard.press('Control+End');
  await page.keyboard.type('and more');
  await expect(prompt).toHaveValue(`${'x'.repeat(31_999)}a`);
  await expect(cut).toBeVisible();
});

test('a few words become a draft that is changed before it is made', async ({ page }) => {
  await visit(page, '/studio/new');
  await page.getByRole('textbox', { name: 'What it should do' }).fill('I want an agent that summarises web pages');
  await page.getByRole('button', { name: 'Propose a draft' }).click();
  await expect(page.getByText(/The draft below is made by rules/)).toBeVisible();
  await expect(page.getByRole('textbox', { name: 'Name', exact: true }).first()).toHaveValue('Summarises web pages');
  await expect(page.getByRole('checkbox', { name: 'Summarise' })).toBeChecked();
  await page.getByRole('textbox', { name: 'Name', exact: true }).first().fill('Reader');
  await page.getByRole('button', { name: 'Create agent' }).click();
  await expect(page.getByRole('heading', { name: 'Reader', level: 1 })).toBeVisible();
});

test('a proposal leaves a way back to what was typed', async ({ page }) => {
  await visit(page, '/studio/new');
  const name = page.getByRole('textbox', { name: 'Name', exact: true }).first();
  const prompt = page.getByLabel('System prompt');
  await prompt.fill('Read what I name, and sum it up.');
  await page.getByRole('textbox', { name: 'What it should do' }).fill('I want an agent that summarises web pages');
  await page.getByRole('button', { name: 'Propose a draft' }).click();
  await expect(name).toHaveValue('Summarises web pages');
  const back = page.getByRole('button', { name: 'Back to what stood in the form before' });
  await back.click();
  await expect(prompt).toHaveValue('Read what I name, and sum it up.');
  await expect(name).toHaveValue('');
  await expect(back).toHaveCount(0);
});

test('what was typed for a variable stays with its name while the prompt is changed', async ({ page }) => {
  const id = await beGuest(page, 'Guide');
  const spec = { system_prompt: 'Speak about {{city}}, {{tone}}.', variables: [{ name: 'city' }, { name: 'tone' }] };
  expect((await page.request.patch(`/api/v1/agents/${id}`, { data: spec })).status()).toBe(200);
  await visit(page, `/studio/agents/${id}`);
  const run = page.getByRole('region', { name: 'Run' });
  await run.getByRole('textbox', { name: 'city' }).fill('Oslo');
  await run.getByRole('textbox', { name: 'tone' }).fill('Kindly');
  const row = (number: number) => page.getByRole('group', { name: `variable ${number}` });
  await row(1).getByLabel('Name').fill('');
  await page.getByRole('button', { name: 'Save changes' }).click();
  await expect(run.getByRole('textbox', { name: 'city' })).toHaveCount(0);
  await expect(run.getByRole('textbox', { name: 'tone' })).toHaveValue('Kindly');
  await row(2).getByLabel('Needed').check();
  await page.getByRole('button', { name: 'Save changes' }).click();
  await expect(run.getByRole('textbox', { name: 'tone (needed)' })).toHaveValue('Kindly');
});
