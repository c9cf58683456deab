// What an agent may call: an own HTTP tool is written, refused by field, changed and removed; tools come
// from an OpenAPI document; a built-in tool is switched and tried.

import { beGuest } from '../fixtures/seed.ts';
import { expect, refusal, test, visit } from '../fixtures/test.ts';

const petstore = JSON.stringify({
  openapi: '3.1.0',
  info: { title: 'Pets', version: '1' },
  servers: [{ url: 'https://api.example.org' }],
  paths: {
    '/pets': { get: { operationId: 'listPets', summary: 'Lists the pets' } },
    '/pets/{id}': {
      get: {
        operationId: 'getPet',
        summary: 'Reads a pet',
        parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
      },
    },
  },
});

test('an HTTP tool is written, changed and removed', async ({ page, browserConsole }) => {
  browserConsole.allow(refusal);
  const id = await beGuest(page, 'Forecaster');
  await visit(page, `/studio/agents/${id}`);
  await page.getByRole('link', { name: 'All its tools' }).click();
  await page.waitForURL(`/studio/agents/${id}/tools`);
  await page.getByRole('link', { name: 'Add an HTTP tool' }).click();
  await page.waitForURL(`/studio/agents/${id}/tools/edit`);
  await page.getByLabel('Name', { exact: true }).fill('weather');
  await page.getByLabel('Description').fill('The weather of a city');
  await page.getByLabel('Address').fill('https://api.example.org/weather/{{town}}');
  await page.getByRole('button', { name: 'Save tool' }).click();
  await expect(page.getByText('which input_schema does not describe')).toBeVisible();
  await expect(page.getByLabel('Description')).toHaveValue('The weather of a city');

  await page.getByLabel('Address').fill('https://api.example.org/weather/{{city}}');
  await page.getByRole('checkbox', { name: /Ask before each call/ }).check();
  await page.getByRole('button', { name: 'Save tool' }).click();
  await page.waitForURL(`/studio/agents/${id}/tools`);
  await expect(page.getByRole('heading', { name: 'weather' })).toBeVisible();
  await expect(page.getByText('asks before each call')).toBeVisible();
  await page.getByRole('button', { name: /Let it call without asking ?: weather/ }).click();
  await expect(page.getByText('asks before each call')).toHaveCount(0);

  await page.getByRole('link', { name: /Edit ?: weather/ }).click();
  await page.getByLabel('Name', { exact: true }).fill('forecast');
  await page.getByRole('button', { name: 'Save tool' }).click();
  await expect(page.getByRole('heading', { name: 'forecast', exact: true })).toBeVisible();
  // Switched off it keeps its settings.
  await page.getByRole('button', { name: /Switch off ?: forecast/ }).click();
  await expect(page.getByText('Switched off')).toBeVisible();
  await page.getByRole('button', { name: /Switch on ?: forecast/ }).click();
  await expect(page.getByText('Switched off')).toHaveCount(0);

  await page.getByRole('button', { name: /Remove ?: forecast/ }).click();
  await expect(page.getByRole('heading', { name: 'forecast', exact: true })).toHaveCount(0);
  // The way back brings all of it.
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(page.getByRole('heading', { name: 'forecast', exact: true })).toBeVisible();
  await expect(page.getByText('GET https://api.example.org/weather/{{city}}')).toBeVisible();
});

test('tools are chosen from an OpenAPI document', async ({ page, browserConsole }) => {
  browserConsole.allow(refusal);
  const id = await beGuest(page, 'Keeper');
  await visit(page, `/studio/agents/${id}/tools/import`);
  const part = page.getByRole('region', { name: 'An OpenAPI document' });
  await part.getByRole('button', { name: 'Show its tools' }).click();
  await expect(part.getByText('must be given, or `url`')).toBeVisible();
  await part.getByRole('textbox', { name: /Document/ }).fill(petstore);
  await part.getByRole('button', { name: 'Show its tools' }).click();
  await part.getByRole('checkbox', { name: /listPets/ }).uncheck();
  await part.getByRole('button', { name: 'Add the ticked tools' }).click();
  await page.waitForURL(`/studio/agents/${id}/tools`);
  await expect(page.getByRole('heading', { name: 'getPet' })).toBeVisible();
  await expect(page.getByRole('heading', { name: 'listPets' })).toHaveCount(0);
});

test('what was typed to try a tool that is removed stands under no other one', async ({ page }) => {
  const id = await beGuest(page, 'Keeper');
  await visit(page, `/studio/agents/${id}/tools/import`);
  const part = page.getByRole('region', { name: 'An OpenAPI document' });
  await part.getByRole('textbox', { name: /Document/ }).fill(petstore);
  await part.getByRole('button', { name: 'Show its tools' }).click();
  await part.getByRole('button', { name: 'Add the ticked tools' }).click();
  await page.waitForURL(`/studio/agents/${id}/tools`);
  // Whichever stands first: the other one takes its place.
  const tools = page.getByRole('heading', { name: /^(listPets|getPet)$/ });
  await expect(tools).toHaveCount(2);
  const [first, second] = await tools.allTextContents();
  await page.getByText(new RegExp(`Try it ?: ${first}`)).click();
  const typed = '{"colour": "red"}';
  await page.locator(`#try-${first}`).fill(typed);
  await page.getByRole('button', { name: new RegExp(`Remove ?: ${first}`) }).click();
  await expect(tools).toHaveCount(1);
  await expect(page.locator(`#try-${second}`)).not.toHaveValue(typed);
});

test('a built-in tool is switched on and tried', async ({ page }) => {
  const id = await beGuest(page, 'Reckoner');
  await page.request.patch(`/api/v1/agents/${id}`, { data: { tools: [] } });
  await visit(page, `/studio/agents/${id}/tools`);
  await page.getByRole('button', { name: /Switch on ?: Calculator/ }).click();
  await expect(page.getByRole('button', { name: /Switch off ?: Calculator/ })).toBeVisible();
  await page.getByText(/Try it ?: Calculator/).click();
  await page.getByLabel('Arguments').fill('{"expression": "2 + 3"}');
  await page.getByRole('button', { name: 'Call it' }).click();
  await expect(page.getByText(/It answered after/)).toBeVisible();
});

test('tools are switched faster than the page can be read anew', async ({ page }) => {
  const id = await beGuest(page, 'Switcher');
  await visit(page, `/studio/agents/${id}/tools`);
  const held: (() => void)[] = [];
  await page.route(/\/api\/fn\/studio\/get_tools_page/, async (route) => {
    await new Promise<void>((resolve) => held.push(resolve));
    await route.continue();
  });
  const press = async (at: number) => {
    const button = page.getByRole('button', { name: /^Switch on/ }).nth(at);
    const answer = page.waitForResponse(/\/api\/fn\/studio\/switch_tool/);
    await button.click();
    await answer;
    await expect(button).toBeEnabled();
  };
  await press(0);
  await expect.poll(() => held.length).toBe(1);
  // Whatever is read has been overtaken by the next switch.
  await press(1);
  held[0]!();
  await expect.poll(() => held.length).toBe(2);
  await press(2);
  held[1]!();
  await expect.poll(() => held.length).toBe(3);
  held[2]!();
  await expect(page.getByRole('button', { name: /^Switch off/ })).toHaveCount(3);
});
