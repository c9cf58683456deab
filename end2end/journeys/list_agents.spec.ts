// The list of agents at length: any part of it by wheel, scrollbar and keyboard, a constant number of
// nodes, many agents changed at once with a way back.

import type { Page } from '@playwright/test';
import { beGuest, makeAgent, makeMany } from '../fixtures/seed.ts';
import { expect, test, untilLive, visit } from '../fixtures/test.ts';
import { button, grid, pick, row } from '../pages/agent_list.ts';

const COUNT = 180;

/** The places of the rows in the list, in the order of the document. */
const places = (page: Page) => grid(page).evaluate((list) => [...list.querySelectorAll('[role=row]')].map((row) => Number(row.getAttribute('aria-rowindex'))));

/** Rows are placed by their style while the list moves: once it rests, the document has them as they are seen. */
async function untilAtRest(page: Page) {
  const isInOrder = (all: number[]) => all.every((place, at) => place === all[0]! + at);
  await expect.poll(async () => isInOrder(await places(page))).toBe(true);
}

test('a long list is scrolled through with a constant number of nodes', async ({ page }) => {
  await makeMany(page, COUNT);
  await visit(page, '/studio?sort=name');
  const list = grid(page);
  await expect(list).toHaveAttribute('aria-rowcount', String(COUNT));
  await expect(row(page, 'Agent 0001')).toHaveAttribute('aria-rowindex', '1');
  const rows = () => list.evaluate((element) => element.querySelectorAll('[role=row]').length);
  await expect(list).toHaveClass(/is-live/);
  const drawn = await rows();
  expect(drawn).toBeLessThan(40);
  await list.hover();
  for (let turn = 0; turn < 12; turn++) {
    await page.mouse.wheel(0, 900);
    await page.waitForFunction(() => true);
    expect(await rows()).toBe(drawn);
  }
  // What is seen is what the row index says, in the order of the document.
  await expect(list.getByText('Loading')).toHaveCount(0);
  await untilAtRest(page);
  const seen = await list.evaluate((element) =>
    [...element.querySelectorAll('[role=row]')].map((row) => [Number(row.getAttribute('aria-rowindex')), row.querySelector('a')?.textContent?.trim()] as const),
  );
  expect(seen[0]![0]).toBeGreaterThan(50);
  seen.forEach(([index, name], at) => {
    expect(index).toBe(seen[0]![0] + at);
    expect(name).toBe(index < COUNT ? `Agent ${String(index).padStart(4, '0')}` : 'Tester');
  });

  // A taller window gets more rows, a lower one fewer.
  const { width, height } = page.viewportSize()!;
  await page.setViewportSize({ width, height: height * 2 });
  await expect.poll(rows).toBeGreaterThan(drawn);
  const isFilled = () =>
    list.evaluate((element) => {
      const [box, last] = [element, [...element.querySelectorAll('[role=row]')].at(-1)!].map((one) => one.getBoundingClientRect());
      return last!.bottom >= box!.bottom;
    });
  expect(await isFilled()).toBe(true);
  await page.setViewportSize({ width, height });
  await expect.poll(rows).toBe(drawn);
  expect(await isFilled()).toBe(true);

  // The scrollbar's end is the list's end, without a gap.
  await list.evaluate((element) => element.scrollTo(0, element.scrollHeight));
  await expect(row(page, 'Tester')).toBeVisible();
  await untilAtRest(page);
  const gap = await list.evaluate((element) => {
    const last = [...element.querySelectorAll('[role=row]')].at(-1)!;
    return Math.abs(element.getBoundingClientRect().bottom - last.getBoundingClientRect().bottom);
  });
  expect(gap).toBeLessThan(2);
});

/** Looks at the list at the end of each frame, when all that runs in it has run and nothing is painted yet:
 * the browser tells then that an element has another size. */
async function watchFrames(page: Page) {
  await grid(page).evaluate((list) => {
    const frames = { seen: 0, bare: [] as string[], firsts: new Set<string | null>() };
    Object.assign(window, { frames });
    const probe = document.body.appendChild(document.createElement('div'));
    Object.assign(probe.style, { position: 'fixed', visibility: 'hidden', height: '1px', width: '1px' });
    new ResizeObserver(() => {
      frames.seen += 1;
      const top = list.getBoundingClientRect().top + list.clientTop;
      // As they are seen: while the list moves, their order in the document is another one.
      const topOf = (row: Element) => row.getBoundingClientRect().top;
      const rows = [...list.querySelectorAll('[role=row]:not([hidden])')].sort((one, other) => topOf(one) - topOf(other));
      frames.firsts.add(rows[0]?.getAttribute('aria-rowindex') ?? null);
      let filled = top;
      for (const row of rows) {
        const box = row.getBoundingClientRect();
        const isDrawn = row.querySelector('.agent-line, .virtual-list__placeholder') !== null;
        if (isDrawn && box.top <= filled + 1) filled = Math.max(filled, box.bottom);
      }
      if (filled < top + list.clientHeight - 1) frames.bare.push(`${filled - top} of ${list.clientHeight} at ${list.scrollTop}`);
    }).observe(probe);
    const next = () => {
      probe.style.width = probe.style.width === '1px' ? '2px' : '1px';
      requestAnimationFrame(next);
    };
    next();
  });
}

test('each frame of a fling is filled, by rows or by what stands in for them', async ({ page }) => {
  await makeMany(page, COUNT);
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route('**/api/fn/studio/read_list', async (route) => {
    await released;
    await route.continue();
  });
  await visit(page, '/studio?sort=name');
  const list = grid(page);
  await expect(list).toHaveClass(/is-live/);
  await list.hover();
  await watchFrames(page);
  const fling = async () => {
    for (const way of [2_400, -2_400, 700, -300]) {
      await Promise.all(Array.from({ length: 12 }, () => page.mouse.wheel(0, way)));
    }
    // As the scrollbar is dragged.
    for (let turn = 0; turn < 30; turn++) {
      await list.evaluate(
        (element, part) =>
          new Promise((resolve) => {
            element.scrollTo(0, part * element.scrollHeight);
            requestAnimationFrame(resolve);
          }),
        ((turn * 7) % 10) / 10,
      );
    }
  };
  // None of the rows that come into view is there yet.
  await fling();
  release();
  await fling();
  await expect(list.getByText('Loading')).toHaveCount(0);
  const { seen, bare, firsts } = await page.evaluate(() => {
    const { frames } = window as unknown as { frames: { seen: number; bare: string[]; firsts: Set<string> } };
    return { seen: frames.seen, bare: frames.bare, firsts: frames.firsts.size };
  });
  expect(bare).toEqual([]);
  expect(seen).toBeGreaterThan(60);
  expect(firsts).toBeGreaterThan(8);
});

test('in a row that shows another agent changes what differs, and nothing else', async ({ page }) => {
  await makeMany(page, COUNT);
  await visit(page, '/studio?sort=name');
  const list = grid(page);
  await expect(list).toHaveClass(/is-live/);
  await untilAtRest(page);
  await list.evaluate((list) => {
    const changes = { all: 0, rows: 0 };
    Object.assign(window, { changes });
    new MutationObserver((records) => {
      for (const { target, attributeName } of records) {
        const row = (target instanceof Element ? target : target.parentElement)?.closest('[role=row]');
        changes.all += row ? 1 : 0;
        changes.rows += row === target && attributeName === 'aria-rowindex' ? 1 : 0;
      }
    }).observe(list, { subtree: true, childList: true, characterData: true, attributes: true });
  });
  await list.hover();
  await page.mouse.wheel(0, 1_600);
  await expect.poll(async () => Math.min(...(await places(page)))).toBeGreaterThan(5);
  await untilAtRest(page);
  const { all, rows } = await page.evaluate(() => (window as unknown as { changes: { all: number; rows: number } }).changes);
  expect(rows).toBeGreaterThan(4);
  // Where it is, and of the agent what is said of it, its picture and where it leads. The cells have some forty
  // attributes more.
  expect(all / rows).toBeLessThan(20);
});

test('what has the focus in a row keeps it when the list comes to rest elsewhere', async ({ page }) => {
  await makeMany(page, COUNT);
  await visit(page, '/studio?sort=name');
  const list = grid(page);
  await expect(list).toHaveClass(/is-live/);
  await list.focus();
  await page.keyboard.type('agent 0060');
  await expect(row(page, 'Agent 0060')).toBeInViewport();
  await pick(page, 'Agent 0060').focus();
  await untilAtRest(page);
  for (const way of [-480, 480]) {
    const [before] = await places(page);
    await list.hover();
    await page.mouse.wheel(0, way);
    await expect.poll(async () => Math.min(...(await places(page)))).not.toBe(before);
    await untilAtRest(page);
    await expect(pick(page, 'Agent 0060')).toBeFocused();
  }
});

test('the focus goes to the list where its row is scrolled away', async ({ page }) => {
  await makeMany(page, COUNT);
  await visit(page, '/studio?sort=name');
  const list = grid(page);
  await expect(list).toHaveClass(/is-live/);
  await pick(page, 'Agent 0003').click();
  await expect(pick(page, 'Agent 0003')).toBeFocused();
  await list.hover();
  // A fling: nothing throws it back.
  for (let turn = 0; turn < 3; turn++) await page.mouse.wheel(0, 3000);
  await expect.poll(async () => Math.min(...(await places(page)))).toBeGreaterThan(60);
  await untilAtRest(page);
  await expect(row(page, 'Agent 0003')).toHaveCount(0);
  await expect(list).toBeFocused();
  expect(Math.min(...(await places(page)))).toBeGreaterThan(60);
  // The row that was used last is still the one that keys are about.
  await page.keyboard.press('ArrowDown');
  await expect(list).toHaveAttribute('aria-activedescendant', 'agents-3');
  await expect(row(page, 'Agent 0004')).toBeInViewport();
});

test('a list that is narrowed down begins at its top', async ({ page }) => {
  await makeMany(page, COUNT);
  await visit(page, '/studio?sort=name');
  const list = grid(page);
  await list.focus();
  await page.keyboard.press('End');
  await expect(row(page, 'Tester')).toBeInViewport();
  const field = page.getByRole('searchbox', { name: 'Name' });
  for (const [text, count, first] of [['007', 11, 'Agent 0007'], ['agent 01', 80, 'Agent 0100'], ['', COUNT, 'Agent 0001']] as const) {
    await field.fill(text);
    await expect(list).toHaveAttribute('aria-rowcount', String(count));
    await expect(row(page, first)).toHaveAttribute('aria-rowindex', '1');
    await expect(row(page, first)).toBeInViewport();
    expect(await list.evaluate((box) => box.scrollTop)).toBe(0);
    const names = await list.getByRole('row').evaluateAll((rows) => rows.filter((row) => row.checkVisibility()).map((row) => row.querySelector('a')?.textContent?.trim()));
    expect(names).toEqual([...names].sort());
    await list.focus();
    await page.keyboard.press('End');
  }
});

test('the keyboard goes everywhere, and coming back leads to the same place', async ({ page }) => {
  await makeMany(page, COUNT);
  await visit(page, '/studio?sort=name');
  const list = grid(page);
  await list.focus();
  await page.keyboard.press('End');
  await expect(row(page, 'Tester')).toBeVisible();
  await expect(list).toHaveAttribute('aria-activedescendant', `agents-${COUNT - 1}`);
  await page.keyboard.press('Home');
  await expect(row(page, 'Agent 0001')).toBeInViewport();
  await page.keyboard.press('PageDown');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.type('agent 0150');
  await expect(row(page, 'Agent 0150')).toBeInViewport();
  await expect(list).toHaveAttribute('aria-activedescendant', 'agents-149');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Agent 0150');
  await page.goBack();
  await expect(row(page, 'Agent 0150')).toBeInViewport();
  await page.reload();
  await untilLive(page);
  await expect(row(page, 'Agent 0150')).toBeInViewport();
});

test('names are searched, filtered by status and sorted; the address is the state', async ({ page }) => {
  await beGuest(page, 'Walrus');
  for (const name of ['Otter', 'otter two', 'Seal']) await makeAgent(page, { name });
  await visit(page, '/studio');
  await page.getByRole('searchbox', { name: 'Name' }).fill('OTTER');
  await expect(page).toHaveURL('/studio?text=OTTER');
  await expect(grid(page)).toHaveAttribute('aria-rowcount', '2');
  await page.getByRole('combobox', { name: 'Sort by' }).selectOption('name');
  await expect(page).toHaveURL('/studio?text=OTTER&sort=name');
  await expect(grid(page).getByRole('row').first()).toContainText('Otter');
  await page.getByRole('combobox', { name: 'Status' }).selectOption('paused');
  await expect(page.getByText('No agent of yours is like that')).toBeVisible();
  await page.getByRole('link', { name: 'Show all agents' }).click();
  await expect(grid(page)).toHaveAttribute('aria-rowcount', '4');
});

test('many agents are paused and deleted at once, and both can be undone', async ({ page }) => {
  await beGuest(page, 'One');
  for (const name of ['Two', 'Three', 'Four']) await makeAgent(page, { name });
  await visit(page, '/studio?sort=name');
  await pick(page, 'Four').check();
  await pick(page, 'Three').click({ modifiers: ['Shift'] });
  // No toolbar: arrows would have to lead from button to button there.
  await expect(page.getByRole('group', { name: 'Selected agents' })).toContainText('3 selected');
  await expect(row(page, 'One')).toHaveAttribute('aria-selected', 'true');
  await page.getByRole('button', { name: 'Pause', exact: true }).click();
  await expect(row(page, 'One')).toContainText('Paused');
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(row(page, 'One')).toContainText('Active');
  await page.reload();
  await untilLive(page);
  await expect(row(page, 'One')).toContainText('Active');

  await pick(page, 'One').check();
  await pick(page, 'Two').check();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await expect(row(page, 'One')).toHaveCount(0);
  await expect(grid(page)).toHaveAttribute('aria-rowcount', '2');
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(row(page, 'One')).toBeVisible();
  await expect(grid(page)).toHaveAttribute('aria-rowcount', '4');
});

test('a refused change is taken back', async ({ page, browserConsole }) => {
  browserConsole.allow(/500/);
  await beGuest(page, 'Stubborn');
  await visit(page, '/studio');
  await page.route('**/api/fn/studio/change_agents', (route) => route.fulfill({ status: 500, body: 'no' }));
  await page.getByRole('checkbox', { name: 'Select Stubborn' }).check();
  await page.getByRole('button', { name: 'Pause', exact: true }).click();
  await expect(page.locator('.toast--bad')).toBeVisible();
  await expect(row(page, 'Stubborn')).toContainText('Active');
});

/** Refuses what is sent there with this text in it, once what is answered is called. */
async function refuseLate(page: Page, endpoint: string, text: string): Promise<() => void> {
  let refuse = () => {};
  const late = new Promise<void>((resolve) => (refuse = resolve));
  await page.route(`**/api/fn/studio/${endpoint}`, async (route) => {
    if (!route.request().postData()?.includes(text)) return route.continue();
    await late;
    return route.fulfill({ status: 500, body: 'no' });
  });
  return refuse;
}

test('a change that is refused late takes nothing newer back', async ({ page, browserConsole }) => {
  browserConsole.allow(/500/);
  await beGuest(page, 'Twice');
  await visit(page, '/studio');
  const refuse = await refuseLate(page, 'change_agents', 'pause');
  await pick(page, 'Twice').check();
  await button(page, 'Pause').click();
  await expect(row(page, 'Twice')).toContainText('Paused');
  await pick(page, 'Twice').check();
  await button(page, 'Archive').click();
  await expect(page.getByText('1 agent archived')).toBeVisible();
  // Nothing is read anew: what is seen is what the page made of the answers.
  await page.route('**/api/fn/studio/open_list', (route) => route.abort());
  browserConsole.allow(/ERR_FAILED/);
  refuse();
  await expect(page.locator('.toast--bad')).toBeVisible();
  await expect(row(page, 'Twice')).toContainText('Archived');
});

test('a name that is refused late takes no newer one back', async ({ page, browserConsole }) => {
  browserConsole.allow(/500/);
  await beGuest(page, 'Caterpillar');
  await visit(page, '/studio');
  const refuse = await refuseLate(page, 'rename_agent', 'Moth');
  await pick(page, 'Caterpillar').check();
  const field = page.getByRole('textbox', { name: 'New name' });
  for (const name of ['Moth', 'Butterfly']) {
    await grid(page).focus();
    await page.keyboard.press('F2');
    await field.fill(name);
    await page.keyboard.press('Enter');
    await expect(row(page, name)).toBeVisible();
  }
  await expect(page.getByText('“Moth” is called “Butterfly” now')).toBeVisible();
  await page.route('**/api/fn/studio/open_list', (route) => route.abort());
  browserConsole.allow(/ERR_FAILED/);
  refuse();
  await expect(page.locator('.toast--bad')).toBeVisible();
  await expect(row(page, 'Butterfly')).toBeVisible();
});

test('an agent is renamed in the list, by button and by key, with a way back', async ({ page, browserConsole }) => {
  browserConsole.allow(/500/);
  await beGuest(page, 'Caterpillar');
  await visit(page, '/studio');
  await page.getByRole('checkbox', { name: 'Select Caterpillar' }).check();
  await page.getByRole('button', { name: 'Rename' }).click();
  const field = page.getByRole('textbox', { name: 'New name' });
  await expect(field).toBeFocused();
  await expect(field).toHaveValue('Caterpillar');
  await field.fill('Butterfly');
  await page.keyboard.press('Enter');
  await expect(row(page, 'Butterfly')).toBeVisible();
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(row(page, 'Caterpillar')).toBeVisible();

  await page.route('**/api/fn/studio/rename_agent', (route) => route.fulfill({ status: 500, body: 'no' }));
  await grid(page).focus();
  await page.keyboard.press('F2');
  await field.fill('Moth');
  await page.keyboard.press('Enter');
  await expect(page.locator('.toast--bad')).toBeVisible();
  await expect(row(page, 'Caterpillar')).toBeVisible();
  await page.keyboard.press('F2');
  await expect(field).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(field).toHaveCount(0);
});

test('an agent that is renamed goes where its name stands', async ({ page }) => {
  await beGuest(page, 'Aardvark');
  for (const name of ['Bear', 'Cat']) await makeAgent(page, { name });
  await visit(page, '/studio?sort=name');
  await pick(page, 'Aardvark').check();
  await button(page, 'Rename').click();
  await page.getByRole('textbox', { name: 'New name' }).fill('Zebra');
  await page.keyboard.press('Enter');
  await expect(row(page, 'Zebra')).toHaveAttribute('aria-rowindex', '3');
  await expect(row(page, 'Bear')).toHaveAttribute('aria-rowindex', '1');
});

test('a deleted agent is restored from the trash', async ({ page }) => {
  const agent = await beGuest(page, 'Phoenix');
  await makeAgent(page, { name: 'Other' });
  await page.request.delete(`/api/v1/agents/${agent}`);
  await visit(page, '/studio');
  await expect(row(page, 'Phoenix')).toHaveCount(0);
  await page.getByRole('link', { name: 'Trash' }).click();
  await page.getByRole('button', { name: 'Restore Phoenix' }).click();
  await expect(page.getByText('The trash is empty')).toBeVisible();
  await visit(page, '/studio');
  await expect(row(page, 'Phoenix')).toBeVisible();
});

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });

  test('the list is read page by page and changed by its form', async ({ page }) => {
    await makeMany(page, 60);
    await page.goto('/studio?sort=name');
    await expect(grid(page).getByRole('row')).toHaveCount(50);
    await page.getByRole('link', { name: 'Next page' }).click();
    await expect(row(page, 'Tester')).toBeVisible();
    await page.goto('/studio?sort=name');
    await page.getByRole('checkbox', { name: 'Select Agent 0001' }).check();
    await page.getByRole('button', { name: 'Pause', exact: true }).click();
    await expect(row(page, 'Agent 0001')).toContainText('Paused');
  });
});

test('a list is narrowed further while the one before is on its way', async ({ page }) => {
  await beGuest(page, 'Abacus');
  await makeAgent(page, { name: 'Abbot' });
  await visit(page, '/studio');
  const held: (() => void)[] = [];
  let isSlow = true;
  await page.route(/\/api\/fn\/studio\/open_list/, async (route) => {
    const isNarrowed = route.request().postData()?.includes('text') === true;
    if (isNarrowed && isSlow) await new Promise<void>((resolve) => held.push(resolve));
    await route.continue();
  });
  const field = page.getByRole('searchbox', { name: 'Name' });
  await field.pressSequentially('a');
  await expect.poll(() => held.length).toBe(1);
  await field.pressSequentially('b');
  await page.waitForURL('/studio?text=ab');
  // With the first answer the second list is asked for: what is seen until then still hears what is typed.
  held[0]!();
  await expect.poll(() => held.length).toBe(2);
  await field.pressSequentially('a');
  await page.waitForURL('/studio?text=aba');
  isSlow = false;
  held.forEach((release) => release());
  await expect(row(page, 'Abbot')).toHaveCount(0);
  await expect(row(page, 'Abacus')).toBeVisible();
  await expect(field).toHaveValue('aba');
});
