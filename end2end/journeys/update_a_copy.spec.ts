// Somebody changes a copy of a listing; a newer version comes, asks for more, and is taken beside the changes
// once they agree.

import { expectAccessible } from '../fixtures/a11y.ts';
import { appoint, approve, join } from '../fixtures/people.ts';
import { makeAgent } from '../fixtures/seed.ts';
import { anotherBrowser, expect, refusal, test, untilLive, visit } from '../fixtures/test.ts';

test('a newer version is taken beside the changes of the copy, once its owner agrees to what it asks for', async ({ page, browser, browserConsole }) => {
  browserConsole.allow(refusal);
  const mark = Date.now().toString(36);
  const [mo, pia] = [await anotherBrowser(browser, browserConsole), await anotherBrowser(browser, browserConsole)];
  appoint(await join(mo, 'Moderator Mo'));
  await join(pia, 'Publisher Pia');
  await join(page, 'Copier Cy');
  const name = `Letter writer ${mark}`;
  const first = { name, description: 'Writes letters', system_prompt: 'Greet the reader. Be brief.', tools: [{ name: 'summarise' }] };
  const agent = await makeAgent(pia, first);
  const publish = async (changes?: Record<string, unknown>) => {
    if (changes) expect((await pia.request.patch(`/api/v1/agents/${agent}`, { data: changes })).status()).toBe(200);
    expect((await pia.request.post(`/api/v1/agents/${agent}/versions`, { data: {} })).status()).toBe(201);
  };
  await publish();
  const slug = await approve(pia, mo, agent, { name });
  const copied = await page.request.post(`/api/v1/listings/${slug}/install`);
  const { id } = (await copied.json()) as { id: string };
  const own = { system_prompt: 'Greet the reader. Be brief. Sign as Cy.', description: 'Writes the letters of Cy' };
  expect((await page.request.patch(`/api/v1/agents/${id}`, { data: own })).status()).toBe(200);
  await publish({ system_prompt: 'Greet the reader by name. Be brief.', tools: [{ name: 'summarise' }, { name: 'datetime' }] });
  await approve(pia, mo, agent, { name, change_log: 'It knows what day it is.' });

  await visit(page, `/studio/agents/${id}`);
  await expect(page.getByText('Version 2 of its listing is there.')).toBeVisible();
  await page.getByRole('link', { name: 'See what is new' }).click();
  await expect(page).toHaveURL(`/studio/agents/${id}/update`);
  await expect(page.getByText('It knows what day it is.')).toBeVisible();
  await expect(page.getByText('It asks for more than it has, by these tools: datetime.')).toBeVisible();
  await expectAccessible(page);

  // The browser asks for the consent, and the server does where a browser does not.
  const consent = page.getByRole('checkbox', { name: 'I agree to that' });
  const take = page.getByRole('button', { name: 'Update my agent' });
  await expect(consent).toHaveAttribute('required', '');
  await consent.evaluate((box) => box.removeAttribute('required'));
  await take.click();
  await expect(page.getByText(/must be given: it asks for more/i).first()).toBeVisible();
  await consent.check();
  await take.click();
  await page.waitForURL(`/studio/agents/${id}`);
  await untilLive(page);
  await expect(page.getByText('Version 2 of its listing is there.')).toHaveCount(0);
  const copy = (await (await page.request.get(`/api/v1/agents/${id}`)).json()) as { system_prompt: string; description: string; tools: { name: string }[] };
  expect(copy.system_prompt).toBe('Greet the reader by name. Be brief. Sign as Cy.');
  expect(copy.description).toBe('Writes the letters of Cy');
  expect(copy.tools.map((tool) => tool.name)).toEqual(['summarise', 'datetime']);
  await visit(page, `/studio/agents/${id}/update`);
  await expect(page.getByText('Nothing to update')).toBeVisible();
  await mo.context().close();
  await pia.context().close();
});
