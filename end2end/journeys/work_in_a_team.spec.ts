// Two people work in a team: one invites the other, shares an agent, widens the other's role, and ends it.

import { expectAccessible, expectNoSidewaysScroll } from '../fixtures/a11y.ts';
import { join, signUp } from '../fixtures/people.ts';
import { makeAgent, startSession, untilEnded } from '../fixtures/seed.ts';
import { anotherBrowser, expect, test, visit } from '../fixtures/test.ts';
import { StudioPages } from '../pages/studio.ts';
import { TeamPages } from '../pages/teams.ts';

test('an agent is shared with a team, role by role', async ({ page, browser, browserConsole }) => {
  // A page that is not there for somebody is asked for on purpose.
  browserConsole.allow(/server responded with a status of 404/);
  const slug = `lab-${Date.now().toString(36)}`;
  const ada = new TeamPages(page);
  await signUp(page, 'Ada');
  const agent = await makeAgent(page, { name: 'Reckoner', description: 'Adds', system_prompt: 'Add.', tools: [{ name: 'calculator' }] });
  const own = await startSession(page, agent, 'What is 2 + 2?');
  await untilEnded(page, own);
  await ada.create('The lab', slug);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('The lab');

  // A link that is taken back is offered no more.
  await ada.link('viewer');
  await ada.invite.getByRole('button', { name: /^Take back/ }).click();
  await expect(ada.invite.getByRole('button', { name: /^Take back/ })).toHaveCount(0);
  await expect(ada.invite.getByRole('link', { name: 'Invitation link' })).toHaveCount(0);

  // A link, which one person takes once.
  const path = await ada.link('viewer');
  const bob = await anotherBrowser(browser, browserConsole);
  await visit(bob, path);
  await expect(bob.getByText('Sign in, or create an account, to join.')).toBeVisible();
  await signUp(bob, 'Bob');
  await visit(bob, path);
  await expectAccessible(bob);
  await bob.getByRole('button', { name: 'Join the team' }).click();
  await bob.waitForURL(`/teams/${slug}`);
  await expect(new TeamPages(bob).invite).toHaveCount(0);
  expect((await bob.request.get(path)).status()).toBe(404);

  // Shared from the agent's own page.
  await visit(page, `/studio/agents/${agent}`);
  await ada.share.getByRole('button', { name: 'Share with The lab' }).click();
  await expect(ada.share.getByRole('button', { name: 'Stop sharing with The lab' })).toBeVisible();

  // A viewer reads it, and none of the owner's own sessions.
  await visit(bob, '/studio');
  await bob.getByRole('link', { name: 'Shared with me' }).click();
  await expect(bob.getByText('Owned by Ada')).toBeVisible();
  await expectAccessible(bob);
  await bob.getByRole('link', { name: 'Reckoner' }).click();
  await expect(bob.getByText('owns this agent and shares it with')).toBeVisible();
  const studio = new StudioPages(bob);
  await expect(studio.runPanel).toHaveCount(0);
  await expect(studio.save).toHaveCount(0);
  await expect(bob.getByRole('button', { name: 'Publish' })).toHaveCount(0);
  await expect(bob.getByText('None yet.').first()).toBeVisible();
  await expectAccessible(bob);
  expect((await bob.request.get(`/api/v1/sessions/${own}`)).status()).toBe(404);
  const refused = await bob.request.post(`/api/v1/agents/${agent}/execute`, { data: { goal: '1 + 1' } });
  expect(refused.status()).toBe(403);

  // A runner starts sessions, which the owner sees with the name of who started them.
  await visit(page, `/teams/${slug}`);
  await ada.setRole('Bob', 'runner');
  await expect(ada.person('Bob').locator('.keys__name')).toContainText('Runner');
  await visit(bob, `/studio/agents/${agent}`);
  await studio.goal.fill('What is 15% of 80?');
  await studio.runAndOpen();
  const session = new URL(bob.url()).pathname.split('/')[2]!;
  await untilEnded(bob, session);
  await expect(bob.locator('.step__output').last()).toContainText('12');
  await expect(bob.getByRole('button', { name: 'Make a read-only link' })).toHaveCount(0);
  await visit(page, `/sessions/${session}`);
  await expect(page.getByText('Started by Bob, a teammate')).toBeVisible();

  // An editor changes it.
  await visit(page, `/teams/${slug}`);
  await ada.setRole('Bob', 'editor');
  await expect(ada.person('Bob').locator('.keys__name')).toContainText('Editor');
  await visit(bob, `/studio/agents/${agent}`);
  await studio.systemPrompt.fill('Add with care.');
  await studio.save.click();
  await expect(bob.getByText('All changes are saved')).toBeVisible();
  await expect(bob.getByRole('region', { name: 'Delete' })).toHaveCount(0);
  await expect(bob.getByRole('region', { name: 'Share', exact: true })).toHaveCount(0);

  // Out of the team: nothing is left.
  await visit(page, `/teams/${slug}`);
  await expectAccessible(page);
  await page.setViewportSize({ width: 360, height: 740 });
  await expectNoSidewaysScroll(page);
  await ada.person('Bob').getByRole('button', { name: 'Remove Bob' }).click();
  await expect(ada.person('Bob')).toHaveCount(0);
  expect((await bob.request.get(`/api/v1/agents/${agent}`)).status()).toBe(404);
  expect((await bob.request.get(`/api/v1/sessions/${session}`)).status()).toBe(404);
  await visit(bob, '/studio/shared');
  await expect(bob.getByText('Nothing is shared with you')).toBeVisible();
  await bob.context().close();
});

test('a role that was chosen stays chosen when another one is saved', async ({ page, browser, browserConsole }) => {
  const slug = `lab-${Date.now().toString(36)}-r`;
  await signUp(page, 'Ada');
  const ada = new TeamPages(page);
  await ada.create('The lab', slug);
  for (const name of ['Bob', 'Eve']) {
    const other = await anotherBrowser(browser, browserConsole);
    const { email } = await join(other, name);
    const invited = await page.request.post(`/api/v1/teams/${slug}/invitations`, { data: { role: 'viewer', email } });
    expect(invited.status(), await invited.text()).toBe(201);
    const taken = await other.request.post('/api/v1/team-invitations/accept', { data: { team: slug } });
    expect(taken.status(), await taken.text()).toBe(200);
    await other.context().close();
  }
  await visit(page, `/teams/${slug}`);
  const role = (name: string) => ada.person(name).getByRole('combobox', { name: `Role of ${name}` });
  await role('Eve').selectOption('admin');
  await ada.setRole('Bob', 'editor');
  await expect(ada.person('Bob').locator('.keys__name')).toContainText('Editor');
  await expect(page.getByRole('status').getByText('Saved', { exact: true })).toBeVisible();
  await expect(role('Bob')).toHaveValue('editor');
  await expect(role('Eve')).toHaveValue('admin');
  await expect(ada.person('Eve').locator('.keys__name')).toContainText('Viewer');
  await ada.person('Eve').getByRole('button', { name: 'Save the role of Eve' }).click();
  await expect(ada.person('Eve').locator('.keys__name')).toContainText('Admin');
});

test('an account is invited by its address and finds a notice', async ({ page, browser, browserConsole }) => {
  const slug = `lab-${Date.now().toString(36)}-n`;
  const bob = await anotherBrowser(browser, browserConsole);
  const { email } = await signUp(bob, 'Bob');
  await signUp(page, 'Ada');
  const ada = new TeamPages(page);
  await ada.create('The lab', slug);
  await ada.invite.getByRole('textbox', { name: /E-mail address/ }).fill(email);
  await ada.invite.getByRole('combobox', { name: 'Role' }).selectOption('admin');
  await ada.invite.getByRole('button', { name: 'Invite' }).click();
  await expect(page.getByText('is invited and finds a notice here')).toBeVisible();

  await visit(bob, '/account/notices');
  await bob.getByRole('link', { name: 'The lab' }).click();
  await bob.waitForURL(/\/teams\/join/);
  await bob.getByRole('button', { name: 'Join the team' }).click();
  await bob.waitForURL(`/teams/${slug}`);

  // The notice stays, and leads to the team from now on.
  await visit(bob, '/account/notices');
  await bob.getByRole('link', { name: 'The lab' }).click();
  await bob.waitForURL(`/teams/${slug}`);
  await visit(bob, `/teams/join?team=${slug}`);
  await bob.waitForURL(`/teams/${slug}`);

  // The owner hands the team over and leaves.
  await visit(page, `/teams/${slug}`);
  await ada.setRole('Bob', 'owner');
  await expect(ada.person('Bob').locator('.keys__name')).toContainText('Owner');
  await page.getByRole('button', { name: /^Leave/ }).click();
  await page.waitForURL('/account/teams');
  await expect(page.getByText('None yet. Make one below.')).toBeVisible();
  await bob.context().close();
});
