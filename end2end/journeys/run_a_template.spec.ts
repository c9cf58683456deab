// The main job: land, pick an agent, give it a goal, watch the steps, read the answer; reload and
// open it a second time. Played with the built-in planner and with a language model.

import { expectWholeLog, readSession } from '../fixtures/seed.ts';
import { expect, refusal, test, untilLive } from '../fixtures/test.ts';
import { LandingPage } from '../pages/landing.ts';
import { SessionPage } from '../pages/session.ts';

const goals: Record<string, string> = {
  builtin: 'What is 15% of 80?',
  openai:
    'What is 15% of 80? [[think First the percentage, then the date.]] ' +
    '[[call calculator {"expression":"15% of 80"}]] [[call datetime {"operation":"now"}]]',
};

test('a visitor runs a template and sees every step', async ({ page, context }, info) => {
  const landing = new LandingPage(page);
  await landing.open();
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  await landing.run('Everyday calculator', goals[info.project.name]!);

  const session = new SessionPage(page);
  await expect(page.getByRole('heading', { level: 1 })).toContainText('What is 15% of 80?');
  await session.expectCompleted();
  await expect(session.call('Calculator').first()).toContainText('Done');
  await expect(session.call('Calculator').first()).toContainText('15% of 80');
  await expect(session.output.last()).toContainText('12');
  await expect(session.fact('Tokens')).toHaveText(/^[\d,]+$/);
  await expect(page).toHaveTitle(/^Completed: Everyday calculator/);
  if (info.project.name === 'builtin') {
    await expect(session.fact('Answered by')).toHaveText('Built-in planner');
    await expect(page.getByText('It is not a language model')).toBeVisible();
  } else {
    await expect(session.fact('Answered by')).toHaveText('test-model');
    await expect(page.getByText('2 calls side by side')).toBeVisible();
    await expect(session.fact('Cost')).toHaveText(/\$/);
  }

  const answer = await session.output.last().innerText();
  await page.reload();
  await untilLive(page);
  await session.expectCompleted();
  expect(await session.output.last().innerText()).toBe(answer);

  const second = await context.newPage();
  await second.goto(page.url());
  await untilLive(second);
  const sameSession = new SessionPage(second);
  await sameSession.expectCompleted();
  expect(await sameSession.output.last().innerText()).toBe(answer);

  expectWholeLog(await readSession(page, session.id));
});

test('the same goal gives the same answer', async ({ page }, info) => {
  const answers: string[] = [];
  for (let time = 0; time < 2; time++) {
    const landing = new LandingPage(page);
    await landing.open();
    await landing.run('Everyday calculator', info.project.name === 'builtin' ? '12.5 miles in km' : '12.5 miles in km [[say 20.1168 km]]');
    const session = new SessionPage(page);
    await session.expectCompleted();
    answers.push(await session.output.last().innerText());
  }
  expect(answers[0]).toContain('20.1');
  expect(answers[1]).toBe(answers[0]);
});

test('a goal that is empty is refused beside its field', async ({ page, browserConsole }) => {
  browserConsole.allow(refusal);
  const landing = new LandingPage(page);
  await landing.open();
  await landing.choose('Everyday calculator');
  await landing.goal.fill('   ');
  await landing.start.click();
  await expect(landing.goal).toHaveAttribute('aria-invalid', 'true');
  await expect(page).toHaveURL('/');
});
