// What a publisher does with a listing that is in the marketplace: pause it, take it off, put it back; end it
// with a successor; delete a version; answer a review; show a recorded session.

import type { Browser, Page } from '@playwright/test';
import { expectAccessible } from '../fixtures/a11y.ts';
import { appoint, approve, join, publishedAgent } from '../fixtures/people.ts';
import { startSession, untilEnded } from '../fixtures/seed.ts';
import { anotherBrowser, type Console, expect, refusal, test, visit } from '../fixtures/test.ts';

/** A moderator, and a publisher with a listing. The page is a stranger's. */
async function listed(browser: Browser, browserConsole: Console, word: string) {
  const [mo, pia] = [await anotherBrowser(browser, browserConsole), await anotherBrowser(browser, browserConsole)];
  appoint(await join(mo, 'Moderator Mo'));
  await join(pia, 'Publisher Pia');
  const agent = await publishedAgent(pia, 'Adder');
  const name = `${word} ${Date.now().toString(36)}`;
  const slug = await approve(pia, mo, agent, { name, change_log: 'The first one.' });
  const close = async () => {
    await mo.context().close();
    await pia.context().close();
  };
  return { mo, pia, agent, name, slug, close };
}

const standing = (page: Page) => page.getByRole('region', { name: /^The listing/ });

test('a listing is paused, taken off and put back', async ({ page, browser, browserConsole }) => {
  browserConsole.allow(/404/);
  const { pia, agent, name, slug, close } = await listed(browser, browserConsole, 'Pauser');
  const found = async () => {
    await visit(page, `/marketplace?q=${encodeURIComponent(name)}`);
    return page.locator('.listing-card').filter({ hasText: name });
  };
  await visit(pia, `/studio/agents/${agent}/publish`);
  await standing(pia).getByRole('button', { name: 'Pause it' }).click();
  await expect(standing(pia).getByText('Paused', { exact: true })).toBeVisible();
  await visit(page, `/marketplace/${slug}`);
  await expect(page.getByText('Its publisher has paused this listing')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Add to my studio' })).toHaveCount(0);
  await expect(await found()).toHaveCount(0);

  await standing(pia).getByRole('button', { name: 'Take it off' }).click();
  await expect(standing(pia).getByText('Taken off', { exact: true })).toBeVisible();
  expect((await page.goto(`/marketplace/${slug}`))?.status()).toBe(404);
  // To its publisher it is shown as nobody else sees it.
  await standing(pia).getByRole('link', { name: 'Version 1' }).click();
  await expect(pia.getByText('You have taken this listing off: nobody but you sees it.')).toBeVisible();

  await visit(pia, `/studio/agents/${agent}/publish`);
  await standing(pia).getByRole('button', { name: 'Put it back' }).click();
  await expect(standing(pia).getByText('Published', { exact: true })).toBeVisible();
  await expect(await found()).toHaveCount(1);
  await visit(page, `/marketplace/${slug}`);
  await expect(page.getByRole('button', { name: 'Add to my studio' })).toBeVisible();
  await close();
});

test('a listing is ended with a successor, and kept up again', async ({ page, browser, browserConsole }) => {
  browserConsole.allow(refusal);
  const { mo, pia, agent, slug, close } = await listed(browser, browserConsole, 'Elder');
  const next = `Younger ${Date.now().toString(36)}`;
  const successor = await approve(pia, mo, await publishedAgent(pia, 'Younger'), { name: next });
  await visit(pia, `/studio/agents/${agent}/publish`);
  await pia.getByText('Deprecate it').click();
  const field = pia.getByRole('textbox', { name: 'Successor' });
  await field.fill('no-such-listing');
  await pia.getByRole('button', { name: 'Tell everybody' }).click();
  await expect(field).toHaveAttribute('aria-invalid', 'true');
  await field.fill(`/marketplace/${successor}`);
  await pia.getByRole('button', { name: 'Tell everybody' }).click();
  await expect(pia.getByText('You do not keep it up any more')).toBeVisible();

  await visit(page, `/marketplace/${slug}`);
  await expect(page.getByText('Its publisher does not keep this listing up any more.')).toBeVisible();
  await expectAccessible(page);
  await page.getByRole('link', { name: `Go to ${next}` }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(next);
  await pia.getByRole('button', { name: 'Keep it up again' }).click();
  await expect(pia.getByText('Deprecate it')).toBeVisible();
  await visit(page, `/marketplace/${slug}`);
  await expect(page.getByRole('button', { name: 'Add to my studio' })).toBeVisible();
  await expect(page.getByText('does not keep this listing up')).toHaveCount(0);
  await close();
});

test('a version is deleted, and the one before is what people get', async ({ page, browser, browserConsole }) => {
  const { mo, pia, agent, name, slug, close } = await listed(browser, browserConsole, 'Twofold');
  expect((await pia.request.patch(`/api/v1/agents/${agent}`, { data: { system_prompt: 'Add twice.' } })).status()).toBe(200);
  expect((await pia.request.post(`/api/v1/agents/${agent}/versions`, { data: {} })).status()).toBe(201);
  await approve(pia, mo, agent, { name, change_log: 'It adds twice.', tagline: 'Adds twice' });
  await visit(page, `/marketplace/${slug}`);
  const log = page.getByRole('region', { name: 'Change log' });
  await expect(log.getByRole('listitem')).toHaveCount(2);
  await expect(log).toContainText('It adds twice.');

  await visit(pia, `/studio/agents/${agent}/publish`);
  await standing(pia).getByText('Versions', { exact: true }).click();
  await standing(pia).getByRole('button', { name: 'Delete version 2' }).click();
  await expect(standing(pia).getByRole('link', { name: 'Version 1' })).toBeVisible();
  await expect(standing(pia).getByText('Versions', { exact: true })).toHaveCount(0);
  await visit(page, `/marketplace/${slug}`);
  await expect(log).not.toContainText('It adds twice.');
  await expect(page.locator('.listing__tagline')).toHaveText('Adds numbers up');
  const { agent: offered } = (await (await page.request.get(`/api/v1/listings/${slug}`)).json()) as { agent: { system_prompt: string } };
  expect(offered.system_prompt).toBe('Add.');
  await close();
});

test('a review is answered, and a recorded session is shown', async ({ page, browser, browserConsole }) => {
  browserConsole.allow(refusal, /404/);
  const { pia, agent, slug, close } = await listed(browser, browserConsole, 'Shower');
  await join(page, 'Judge Judy');
  const copy = (await (await page.request.post(`/api/v1/listings/${slug}/install`)).json()) as { id: string };
  await untilEnded(page, await startSession(page, copy.id, 'What is 2 + 3?'));
  const review = { stars: 3, text: 'It adds, and says little.' };
  expect((await page.request.post(`/api/v1/listings/${slug}/reviews`, { data: review })).status()).toBe(201);

  // The answer stands under the review for everybody, and is taken back when it is emptied.
  await visit(pia, `/marketplace/${slug}`);
  const own = pia.getByRole('region', { name: 'Reviews' }).getByRole('listitem').filter({ hasText: 'Judge Judy' });
  const answer = async (text: string) => {
    await own.getByText('Answer this review').click();
    await own.getByRole('textbox', { name: 'Answer' }).fill(text);
    await own.getByRole('button', { name: 'Save answer' }).click();
  };
  await answer('The next one will say more.');
  await expect(own.getByText('The publisher’s answer')).toBeVisible();
  await expectAccessible(pia);
  await visit(page, `/marketplace/${slug}`);
  const read = page.getByRole('region', { name: 'Reviews' }).getByRole('listitem').filter({ hasText: 'Judge Judy' });
  await expect(read.getByText('The next one will say more.')).toBeVisible();
  await expect(read.getByText('Answer this review')).toHaveCount(0);
  await visit(pia, `/marketplace/${slug}`);
  await answer('');
  await expect(own.getByText('The publisher’s answer')).toHaveCount(0);

  // What is shown is shown to anyone, so that its owner has to say so.
  const session = await startSession(pia, agent, 'What is 15% of 80?');
  await untilEnded(pia, session);
  await visit(pia, `/studio/agents/${agent}/publish`);
  await pia.getByText('Show a recorded session').click();
  await pia.getByLabel('Session', { exact: true }).selectOption(session);
  await pia.getByRole('button', { name: 'Show it' }).click();
  await expect(pia.getByText(/must be given: anyone will read/i).first()).toBeVisible();
  await pia.getByRole('checkbox', { name: /^I agree that anyone reads this session/ }).check();
  await pia.getByRole('button', { name: 'Show it' }).click();
  await expect(pia.getByText(/must be given: anyone will read/i)).toHaveCount(0);
  await expect(pia.getByText('The listing shows: What is 15% of 80?')).toHaveCount(1);
  await expect(pia.getByLabel('Session', { exact: true })).toHaveValue(session);
  const shown = page.getByRole('region', { name: 'A recorded session' });
  await expect(async () => {
    await visit(page, `/marketplace/${slug}`);
    await expect(shown).toBeVisible({ timeout: 1_000 });
  }).toPass({ timeout: 15_000 });
  await expect(shown).toContainText('What is 15% of 80?');
  await expect(shown).toContainText('12');
  await shown.getByRole('link', { name: 'Read it step by step' }).click();
  await expect(page).toHaveURL(/\/shared\//);
  await expect(page.locator('.step__output').last()).toContainText('12');
  const shared = page.url();

  // Taking back the link takes it off the page.
  await visit(pia, `/sessions/${session}`);
  await pia.getByText('Share, export, compare').click();
  await pia.getByRole('button', { name: 'Take the link back' }).click();
  await expect(pia.getByRole('button', { name: 'Make a read-only link' })).toBeVisible();
  expect((await page.goto(shared))?.status()).toBe(404);
  await visit(page, `/marketplace/${slug}`);
  await expect(shown).toHaveCount(0);
  await close();
});
