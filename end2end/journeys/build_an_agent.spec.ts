// The studio: make an agent, change it, run it, stop it, take it away.

import { expectAccessible } from '../fixtures/a11y.ts';
import { beGuest } from '../fixtures/seed.ts';
import { expect, refusal, test, untilLive, visit } from '../fixtures/test.ts';
import { SessionPage } from '../pages/session.ts';
import { StudioPages } from '../pages/studio.ts';

test('an agent is made, changed and found again', async ({ page }) => {
  const studio = new StudioPages(page);
  await studio.open('/studio');
  await expect(page.getByText('No account needed.').first()).toBeVisible();
  await page.getByRole('link', { name: 'New agent' }).first().click();
  await expect(page).toHaveURL('/studio/new');
  await studio.name.fill('Bean counter');
  await page.getByRole('textbox', { name: /^Description/ }).fill('Counts beans');
  await studio.systemPrompt.fill('You count.\nNothing else.');
  await studio.tool('Calculator').check();
  await page.getByRole('spinbutton', { name: 'Steps' }).first().fill('5');
  await page.getByRole('textbox', { name: 'Dollars' }).fill('0.25');
  await page.getByRole('button', { name: 'Create agent' }).click();
  await page.waitForURL(/\/studio\/agents\//);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Bean counter');

  await studio.name.fill('Pea counter');
  await expect(page.getByText('Not saved yet')).toBeVisible();
  await studio.save.click();
  await expect(page.getByText('Saved', { exact: true })).toBeVisible();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Pea counter');

  await page.reload();
  await untilLive(page);
  await expect(studio.name).toHaveValue('Pea counter');
  await expect(studio.systemPrompt).toHaveValue('You count.\nNothing else.');
  await expect(studio.tool('Calculator')).toBeChecked();
  await expect(studio.tool('Fetch a page')).not.toBeChecked();
  await expect(page.getByRole('textbox', { name: 'Dollars' })).toHaveValue('0.25');

  await studio.open('/studio');
  await expect(studio.agent('Pea counter')).toContainText('Counts beans');
});

test('an agent may be let call another one, and be stopped from it', async ({ page }) => {
  const studio = new StudioPages(page);
  await studio.create('Counter', ['Calculator']);
  await studio.create('Boss', []);
  const calls = page.getByRole('group', { name: 'Which agents it may call' });
  await expect(calls.getByRole('checkbox', { name: 'Boss' })).toHaveCount(0);
  for (const is of [true, false]) {
    await calls.getByRole('checkbox', { name: 'Counter' }).setChecked(is);
    await studio.save.click();
    await expect(page.getByText('Saved', { exact: true }).first()).toBeVisible();
    await page.reload();
    await untilLive(page);
    await expect(calls.getByRole('checkbox', { name: 'Counter' })).toBeChecked({ checked: is });
  }
});

test('what a form holds is shown as text, never run', async ({ page }) => {
  const studio = new StudioPages(page);
  await studio.create('<img src=x onerror=alert(1)>', []);
  await studio.systemPrompt.fill('</textarea><script>alert(1)</script>');
  await studio.save.click();
  await expect(page.getByText('Saved', { exact: true })).toBeVisible();
  await page.reload();
  await untilLive(page);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('<img src=x onerror=alert(1)>');
  await expect(studio.systemPrompt).toHaveValue('</textarea><script>alert(1)</script>');
});

test('it runs from its editor, and runs again with the same goal', async ({ page }) => {
  const studio = new StudioPages(page);
  await studio.create('Adder', ['Calculator']);
  await studio.goal.fill('What is 17 * 3?');
  await studio.run.click();
  // It is seen beside the form, which stays as it is.
  await expect(studio.started).toContainText('Completed', { timeout: 30_000 });
  await expect(studio.started).toContainText('51');
  await expect(studio.goal).toHaveValue('What is 17 * 3?');
  const last = page.getByRole('region', { name: 'Last sessions' });
  await expect(last.getByRole('link', { name: 'What is 17 * 3?' })).toBeVisible();
  await expectAccessible(page);
  await studio.started.getByRole('link', { name: 'Open the session' }).click();
  await page.waitForURL(/\/sessions\//);
  const session = new SessionPage(page);
  await session.expectCompleted();
  await expect(session.output.last()).toContainText('51');

  await page.getByRole('link', { name: 'Run again' }).first().click();
  await page.waitForURL(/\/studio\/agents\//);
  await expect(studio.goal).toHaveValue('What is 17 * 3?');
  await expect(last.getByRole('link', { name: 'What is 17 * 3?' })).toBeVisible();

  await visit(page, '/sessions');
  const row = page.getByRole('listitem').filter({ hasText: 'What is 17 * 3?' });
  await expect(row).toContainText('Completed');
  await expect(row).toContainText('Adder');
  await row.getByRole('link', { name: 'What is 17 * 3?' }).click();
  await session.expectCompleted();
});

test('a template fills the form', async ({ page }) => {
  const studio = new StudioPages(page);
  await studio.open('/studio');
  await page.getByRole('link', { name: /^Meeting minutes/ }).click();
  await expect(page).toHaveURL('/studio/new?template=meeting-minutes');
  await expect(studio.name).toHaveValue('Meeting minutes');
  await expect(studio.tool('Summarise')).toBeChecked();
  await page.getByRole('button', { name: 'Create agent' }).click();
  await page.waitForURL(/\/studio\/agents\//);
});

test('a name of blanks is refused beside its field and nothing is lost', async ({ page, browserConsole }) => {
  browserConsole.allow(refusal);
  const studio = new StudioPages(page);
  await studio.open('/studio/new');
  await studio.name.fill('   ');
  await studio.systemPrompt.fill('Keep me');
  await page.getByRole('button', { name: 'Create agent' }).click();
  await expect(studio.name).toHaveAttribute('aria-invalid', 'true');
  await expect(studio.systemPrompt).toHaveValue('Keep me');
  await expect(page).toHaveURL('/studio/new');
});

test('a paused agent does not run until it is active again', async ({ page }) => {
  const studio = new StudioPages(page);
  await studio.create('Sleeper', ['Calculator']);
  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(page.getByText('It is paused')).toBeVisible();
  await expect(studio.run).toBeDisabled();
  await page.getByRole('button', { name: 'Activate' }).click();
  await expect(page.getByText('It is active')).toBeVisible();
  await expect(studio.run).toBeEnabled();
});

test('a change from elsewhere is not overwritten unseen', async ({ page, context, browserConsole }) => {
  browserConsole.allow(refusal);
  const studio = new StudioPages(page);
  await studio.create('First', []);
  const other = await context.newPage();
  const elsewhere = new StudioPages(other);
  await elsewhere.open(new URL(page.url()).pathname);
  await elsewhere.name.fill('Second');
  await elsewhere.save.click();
  await expect(other.getByText('Saved', { exact: true })).toBeVisible();

  await studio.name.fill('Third');
  await studio.save.click();
  await expect(page.getByText('This agent was changed elsewhere')).toBeVisible();
  await page.getByRole('button', { name: 'Keep mine' }).click();
  await expect(page.getByText('Saved', { exact: true })).toBeVisible();
  await page.reload();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Third');
});

test('an agent is deleted after a second look, and its sessions stay', async ({ page }) => {
  const studio = new StudioPages(page);
  await studio.create('Short-lived', ['Calculator']);
  await studio.goal.fill('1 + 1');
  await studio.runAndOpen();
  await new SessionPage(page).expectCompleted();
  await page.locator('.session__agent').click();
  await page.waitForURL(/\/studio\/agents\//);
  await page.getByRole('button', { name: 'Delete agent' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Keep it' }).click();
  await expect(dialog).toBeHidden();
  await page.getByRole('button', { name: 'Delete agent' }).click();
  await dialog.getByRole('button', { name: 'Move to the trash' }).click();
  await expect(page).toHaveURL('/studio');
  await expect(studio.agent('Short-lived')).toHaveCount(0);
  await visit(page, '/sessions');
  await expect(page.getByRole('listitem').filter({ hasText: 'Short-lived' })).toBeVisible();
});

test('what could not be deleted is said where it can be seen', async ({ page, browserConsole }) => {
  browserConsole.allow(/500/);
  const id = await beGuest(page, 'Sturdy');
  await visit(page, `/studio/agents/${id}`);
  await page.route('**/api/fn/studio/delete_agent', (route) => route.fulfill({ status: 500, body: 'no' }));
  await page.getByRole('button', { name: 'Delete agent' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Move to the trash' }).click();
  await expect(dialog).toBeHidden();
  const told = page.locator('.form-error').filter({ has: page.getByRole('alert') });
  await expect(told).toBeFocused();
  await expect(told).toBeInViewport();
  // Loading the page anew would lose what is written.
  await expect(told.getByRole('link', { name: 'Try again' })).toHaveCount(0);
});

test('what could not be read is asked for once more', async ({ page, browserConsole }) => {
  browserConsole.allow(/500/);
  await beGuest(page, 'Lister');
  await visit(page, '/studio');
  await page.route('**/api/fn/sessions/list_sessions', (route) => route.fulfill({ status: 500, body: 'no' }));
  await page.getByRole('navigation', { name: 'Main', exact: true }).getByRole('link', { name: 'Sessions' }).click();
  const told = page.getByRole('main').getByRole('alert');
  await expect(told).toContainText('Not available right now');
  await page.unroute('**/api/fn/sessions/list_sessions');
  await told.getByRole('link', { name: 'Try again' }).click();
  await expect(page.getByRole('heading', { name: 'No sessions yet' })).toBeVisible();
  await expect(told).toHaveCount(0);
});

test('a stranger does not find the agent', async ({ page, browser }) => {
  const studio = new StudioPages(page);
  await studio.create('Mine alone', []);
  const { origin, pathname } = new URL(page.url());
  const stranger = await browser.newContext({ baseURL: origin });
  const other = await stranger.newPage();
  // Nobody at all, then somebody else.
  await other.goto(pathname);
  await expect(other.getByText('Mine alone')).toHaveCount(0);
  await beGuest(other, 'Other');
  const answer = await other.goto(pathname);
  expect(answer?.status()).toBe(404);
  await expect(other.getByText('Mine alone')).toHaveCount(0);
  expect((await other.request.get(`/api/v1${pathname.replace('/studio', '')}`)).status()).toBe(404);
  await stranger.close();
});
