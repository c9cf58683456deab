// The bench: a test set is written, run, fails, is mended and passes; a version waits for it. Any version can
// be tested, and a deleted set comes back.

import { beGuest, startSession, untilEnded } from '../fixtures/seed.ts';
import { expect, test, untilLive, visit } from '../fixtures/test.ts';

test('a test set holds back a version until it passes', async ({ page }) => {
  const id = await beGuest(page, 'Reckoner');
  await page.request.patch(`/api/v1/agents/${id}`, {
    data: { description: 'Reckons', system_prompt: 'Reckon.', tools: [{ name: 'calculator' }] },
  });
  await visit(page, `/studio/agents/${id}`);
  await page.getByRole('link', { name: 'Bench: test sets' }).click();
  await page.waitForURL(`/studio/agents/${id}/bench`);
  await page.getByRole('button', { name: 'Require them to pass' }).click();
  await expect(page.getByText('needs a test set, because its owner asks for tests')).toBeVisible();

  await page.getByRole('link', { name: 'Add a test set' }).click();
  await page.getByLabel('Name', { exact: true }).first().fill('Basics');
  await page.getByRole('textbox', { name: 'Goal' }).first().fill('What is 12 * 7?');
  await page.getByRole('textbox', { name: /^The answer contains/ }).first().fill('85');
  await page.getByRole('button', { name: 'Save test set' }).click();
  await page.waitForURL(/bench\?set=/);
  await page.getByRole('button', { name: 'Run Basics' }).click();
  await page.waitForURL(/&run=/);
  await expect(page.getByText('1 of 1 failed').first()).toBeVisible({ timeout: 30_000 });
  await expect(page.getByText('Failed: Contains “85”')).toBeVisible();
  expect((await page.request.post(`/api/v1/agents/${id}/versions`, { data: {} })).status()).toBe(409);

  // The editor says so before anyone tries.
  await visit(page, `/studio/agents/${id}`);
  await expect(page.getByText('needs the test set “Basics” to pass: 1 of 1 cases failed')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Publish' })).toBeDisabled();
  await page.getByRole('link', { name: 'Bench: test sets' }).click();
  await page.waitForURL(`/studio/agents/${id}/bench`);

  await page.getByRole('link', { name: 'Edit Basics' }).click();
  await page.getByRole('textbox', { name: /^The answer contains/ }).first().fill('84');
  await page.getByRole('button', { name: 'Save test set' }).click();
  await page.waitForURL(/bench\?set=/);
  await page.getByRole('button', { name: 'Run Basics' }).click();
  await expect(page.getByText('All 1 passed').first()).toBeVisible({ timeout: 30_000 });
  expect((await page.request.post(`/api/v1/agents/${id}/versions`, { data: {} })).status()).toBe(201);

  // Tests are no history.
  await visit(page, '/sessions');
  await expect(page.getByText('12 * 7')).toHaveCount(0);
});

test('any version is tested, beside the answer that was expected', async ({ page }) => {
  const id = await beGuest(page, 'Reckoner');
  const change = (data: Record<string, unknown>) => page.request.patch(`/api/v1/agents/${id}`, { data });
  await change({ description: 'Reckons', system_prompt: 'Reckon.', tools: [{ name: 'calculator' }] });
  for (const description of ['Reckons', 'Reckons well']) {
    await change({ description });
    expect((await page.request.post(`/api/v1/agents/${id}/versions`, { data: {} })).status()).toBe(201);
  }
  const cases = [{ goal: 'What is 12 * 7?', expected: 'It is 85.', checks: [{ kind: 'contains', text: '84' }] }];
  const made = await page.request.post(`/api/v1/agents/${id}/test-sets`, { data: { name: 'Basics', cases } });
  expect(made.status(), await made.text()).toBe(201);

  await visit(page, `/studio/agents/${id}/bench`);
  // Neither the draft nor the one that sessions run.
  await page.getByLabel('Against').selectOption('1');
  await page.getByRole('button', { name: 'Run Basics' }).click();
  await page.waitForURL(/&run=/);
  await expect(page.getByText('Against version 1').first()).toBeVisible();
  await expect(page.getByText('All 1 passed').first()).toBeVisible({ timeout: 30_000 });
  const compared = page.locator('.diff__text');
  await expect(compared.locator('del').filter({ hasText: '85' })).toHaveCount(1);
  await expect(compared.locator('ins').filter({ hasText: '84' })).toHaveCount(1);
});

test('all test sets run at once', async ({ page }) => {
  const id = await beGuest(page, 'Reckoner');
  await page.request.patch(`/api/v1/agents/${id}`, { data: { tools: [{ name: 'calculator' }] } });
  const add = (name: string, text: string) =>
    page.request.post(`/api/v1/agents/${id}/test-sets`, {
      data: { name, cases: [{ goal: 'What is 12 * 7?', checks: [{ kind: 'contains', text }] }] },
    });
  expect((await add('Basics', '84')).status()).toBe(201);
  await visit(page, `/studio/agents/${id}/bench`);
  const all = page.getByRole('button', { name: 'Run all test sets' });
  // Of one its own button is as good.
  await expect(page.getByRole('button', { name: 'Run Basics' })).toBeVisible();
  await expect(all).toHaveCount(0);

  expect((await add('More', '85')).status()).toBe(201);
  await visit(page, `/studio/agents/${id}/bench`);
  await all.click();
  await expect(page.getByText('All 1 passed')).toBeVisible({ timeout: 30_000 });
  await expect(page.getByText('1 of 1 failed')).toBeVisible({ timeout: 30_000 });
  await expect(page).toHaveURL(`/studio/agents/${id}/bench`);
});

test('a deleted test set comes back with its runs', async ({ page }) => {
  const id = await beGuest(page, 'Reckoner');
  const cases = [{ goal: 'What is 12 * 7?', checks: [{ kind: 'contains', text: '84' }] }];
  await page.request.post(`/api/v1/agents/${id}/test-sets`, { data: { name: 'Basics', cases } });
  await visit(page, `/studio/agents/${id}/bench`);
  const set = page.getByRole('heading', { name: 'Basics', exact: true });
  await page.getByRole('button', { name: 'Run Basics' }).click();
  await page.waitForURL(/&run=/);
  await visit(page, `/studio/agents/${id}/bench`);

  await page.getByRole('button', { name: 'Delete Basics' }).click();
  await expect(set).toHaveCount(0);
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(set).toBeVisible();
  await expect(page.getByText('has not run yet')).toHaveCount(0);

  // And for who comes back later.
  await page.getByRole('button', { name: 'Delete Basics' }).click();
  await expect(set).toHaveCount(0);
  await visit(page, `/studio/agents/${id}/bench`);
  await page.getByText('Deleted test sets').click();
  await page.getByRole('button', { name: 'Restore Basics' }).click();
  await expect(set).toBeVisible();
});

test('what has several lines is held against answers as it was written', async ({ page }) => {
  const id = await beGuest(page, 'Reckoner');
  const kept = {
    goal: 'Add\nthese',
    variables: { address: '1 Way\n\n  = Oslo' },
    expected: '\nIt is\n84.',
    checks: [
      { kind: 'contains', text: 'One\n\n  and two' },
      { kind: 'contains', text: '84' },
      { kind: 'judge', criterion: 'It is short:\none line' },
    ],
  };
  const made = await page.request.post(`/api/v1/agents/${id}/test-sets`, { data: { name: 'Basics', cases: [kept] } });
  expect(made.status(), await made.text()).toBe(201);
  const set = ((await made.json()) as { id: string }).id;
  const save = async () => {
    await page.getByRole('button', { name: 'Save test set' }).click();
    await page.waitForURL(/bench\?set=/);
    const read = await page.request.get(`/api/v1/agents/${id}/test-sets/${set}`);
    return ((await read.json()) as { cases: unknown[] }).cases;
  };
  await visit(page, `/studio/agents/${id}/bench/edit?set=${set}`);
  expect(await save()).toEqual([kept]);

  await visit(page, `/studio/agents/${id}/bench/edit?set=${set}`);
  await page.getByRole('textbox', { name: /^The answer contains/ }).first().fill('84\nOne\n  and two');
  const [changed] = await save();
  expect(changed).toMatchObject({ checks: [{ text: '84' }, { text: 'One\nand two' }, kept.checks[2]] });
});

test('a version that was chosen for a set that is deleted is chosen for no other one', async ({ page }) => {
  const id = await beGuest(page, 'Reckoner');
  const spec = { description: 'Reckons', system_prompt: 'Reckon.', tools: [{ name: 'calculator' }] };
  await page.request.patch(`/api/v1/agents/${id}`, { data: spec });
  expect((await page.request.post(`/api/v1/agents/${id}/versions`, { data: {} })).status()).toBe(201);
  for (const name of ['Sums', 'Products']) {
    const cases = [{ goal: 'What is 12 * 7?', checks: [{ kind: 'contains', text: '84' }] }];
    await page.request.post(`/api/v1/agents/${id}/test-sets`, { data: { name, cases } });
  }
  await visit(page, `/studio/agents/${id}/bench`);
  const sets = page.getByRole('heading', { name: /^(Sums|Products)$/ });
  const [first] = await sets.allTextContents();
  // Above the sets there is the choice for all of them, which goes with the second one.
  const remove = page.getByRole('button', { name: `Delete ${first}` });
  await page.getByRole('listitem').filter({ has: remove }).getByLabel('Against').selectOption('1');
  await remove.click();
  await expect(sets).toHaveCount(1);
  await expect(page.getByLabel('Against')).toHaveValue('');
});

test('a run is watched on although the server was not reached once', async ({ page, browserConsole }) => {
  browserConsole.allow(/net::ERR_FAILED/);
  const id = await beGuest(page, 'Reckoner');
  await page.request.patch(`/api/v1/agents/${id}`, { data: { tools: [{ name: 'calculator' }] } });
  const cases = [{ goal: 'What is 12 * 7?', checks: [{ kind: 'contains', text: '84' }] }];
  await page.request.post(`/api/v1/agents/${id}/test-sets`, { data: { name: 'Basics', cases } });
  // A run that takes as long as this asks: it is told as under way.
  type Run = { ended_at: string | null } | null;
  let server: 'is slow' | 'is away' | 'answers' = 'is slow';
  await page.route(/\/api\/fn\/studio\/get_bench/, async (route) => {
    if (server === 'is away') return route.abort('failed');
    const response = await route.fetch();
    if (server === 'answers') return route.fulfill({ response });
    const bench = (await response.json()) as { sets: { last_run?: Run }[]; shown: { run: Run } | null };
    for (const run of [...bench.sets.map((set) => set.last_run), bench.shown?.run]) if (run) run.ended_at = null;
    await route.fulfill({ response, json: bench });
  });
  await visit(page, `/studio/agents/${id}/bench`);
  await page.getByRole('button', { name: 'Run Basics' }).click();
  await page.waitForURL(/&run=/);
  const underWay = page.getByText(/^Runs: \d of 1 decided$/);
  await expect(underWay.first()).toBeVisible();
  server = 'is away';
  await page.waitForEvent('requestfailed', (request) => request.url().includes('/studio/get_bench'));
  server = 'answers';
  await expect(page.getByText('All 1 passed').first()).toBeVisible({ timeout: 30_000 });
  await expect(underWay).toHaveCount(0);
});

test('a session becomes a case of a new test set, and of one that is there', async ({ page }) => {
  const id = await beGuest(page, 'Reckoner');
  const spec = { system_prompt: 'Reckon.', tools: [{ name: 'calculator' }] };
  await page.request.patch(`/api/v1/agents/${id}`, { data: spec });
  const session = await startSession(page, id, 'What is 12 * 7?');
  await untilEnded(page, session);
  await visit(page, `/sessions/${session}`);
  await page.getByText('Share, export, compare').click();
  await page.getByRole('link', { name: 'Make it a test case' }).click();
  await page.waitForURL(`/studio/agents/${id}/bench/edit?from=${session}`);
  const given = (number: number, name: RegExp) =>
    page.getByRole('group', { name: `Case ${number}`, exact: true }).getByRole('textbox', { name });
  await expect(given(1, /^Goal/)).toHaveValue('What is 12 * 7?');
  await expect(given(1, /^Expected answer/)).toHaveValue(/84/);
  await page.getByLabel('Name', { exact: true }).first().fill('Basics');
  const save = async () => {
    await page.getByRole('button', { name: 'Save test set' }).click();
    await page.waitForURL(/bench\?set=/);
  };
  await save();

  await visit(page, `/studio/agents/${id}/bench/edit?from=${session}`);
  await page.getByRole('link', { name: 'Basics', exact: true }).click();
  await page.waitForURL(/\?set=.+&from=/);
  await untilLive(page);
  await expect(given(2, /^Goal/)).toHaveValue('What is 12 * 7?');
  await save();
  const kept = (await (await page.request.get(`/api/v1/agents/${id}/test-sets`)).json()) as { test_sets: { cases: { goal: string }[] }[] };
  expect(kept.test_sets.map((set) => set.cases.map((one) => one.goal))).toEqual([['What is 12 * 7?', 'What is 12 * 7?']]);
});
