// A session that takes its time: reload, a second tab, a hidden tab, a lost connection and a cancel in the middle.

import type { Page } from '@playwright/test';
import { Proxy } from '../fixtures/proxy.ts';
import { beGuest, expectWholeLog, readSession, startSession, untilEnded } from '../fixtures/seed.ts';
import { ports, urlOf } from '../fixtures/servers.ts';
import { expect, test, untilLive, visit } from '../fixtures/test.ts';
import { SessionPage } from '../pages/session.ts';

const all = (count: number) => Array.from({ length: count }, (_, index) => `word${index + 1}`).join(' ');

async function startSlow(page: Page, order: string) {
  const agentId = await beGuest(page);
  const id = await startSession(page, agentId, `Count ${order}`);
  await visit(page, `/sessions/${id}`);
  return { id, session: new SessionPage(page) };
}

test('a reload and a second tab in the middle show all of it and go on live', async ({ page, context }) => {
  const { id, session } = await startSlow(page, '[[words 200]] [[slow 100]]');
  await expect(session.output).toContainText('word8');
  await session.expectState('Running');

  await page.reload();
  // The server has written what happened so far into the page itself.
  await expect(session.output).toContainText('word8');
  await untilLive(page);

  const second = await context.newPage();
  await second.goto(`/sessions/${id}`);
  await untilLive(second);
  const other = new SessionPage(second);
  await expect(other.output).toContainText('word8');
  await other.expectState('Running');

  for (const one of [session, other]) {
    await one.expectCompleted();
    await expect(one.output).toHaveText(all(200));
  }
  expectWholeLog(await readSession(page, id));
});

test('a lost connection is said, and nothing is lost or repeated', async ({ page, browserConsole }) => {
  browserConsole.allow(/net::ERR_/);
  const proxy = new Proxy(ports.proxy, ports.openai);
  await proxy.open();
  try {
    const agentId = await beGuest(page);
    const id = await startSession(page, agentId, 'Count [[words 160]] [[slow 100]]');
    // Cookies do not know ports.
    await page.goto(`${urlOf(ports.proxy)}/sessions/${id}`);
    await untilLive(page);
    const session = new SessionPage(page);
    await expect(session.output).toContainText('word5');
    await proxy.cut();
    await expect(session.connection).toBeVisible();
    await proxy.open();
    await expect(session.connection).toBeHidden({ timeout: 30_000 });
    await session.expectCompleted();
    await expect(session.output).toHaveText(all(160));
  } finally {
    await proxy.cut();
  }
});

/** The streams of sessions that the page has opened, in order: after which event, and whether it is open. */
async function watchStreams(page: Page) {
  await page.addInitScript(() => {
    const streams: EventSource[] = [];
    const Native = EventSource;
    class Watched extends Native {
      constructor(url: string | URL, init?: EventSourceInit) {
        super(url, init);
        if (this.url.includes('/sessions/')) streams.push(this);
      }
    }
    Object.assign(window, { streams, EventSource: Watched });
  });
  return () =>
    page.evaluate(() =>
      (window as unknown as { streams: EventSource[] }).streams.map(({ url, readyState }) => ({
        after: Number(new URL(url).searchParams.get('after')),
        isOpen: readyState !== EventSource.CLOSED,
      })),
    );
}

/** Shows the tab, or puts it behind others. */
const show = (page: Page, isShown: boolean) =>
  page.evaluate((isShown) => {
    Object.defineProperty(document, 'hidden', { configurable: true, value: !isShown });
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  }, isShown);

test('a tab that nobody sees keeps no connection, and goes on where it was', async ({ page }) => {
  const streams = await watchStreams(page);
  const { id, session } = await startSlow(page, '[[words 200]] [[slow 100]]');
  await expect(session.output).toContainText('word5');
  await page.locator('.session__connection').evaluate((place) => {
    const told: string[] = [];
    Object.assign(window, { told });
    new MutationObserver(() => told.push(place.textContent ?? '')).observe(place, { subtree: true, childList: true, characterData: true });
  });
  // A look at another tab is none.
  await show(page, false);
  await show(page, true);
  expect((await streams()).map(({ isOpen }) => isOpen)).toEqual([true]);

  await show(page, false);
  await expect.poll(async () => (await streams()).map(({ isOpen }) => isOpen)).toEqual([false]);
  const before = (await readSession(page, id)).last_sequence;
  await expect.poll(async () => (await readSession(page, id)).last_sequence).toBeGreaterThan(before + 5);
  await session.expectState('Running');
  expect(await streams()).toHaveLength(1);
  await show(page, true);
  await session.expectCompleted();
  await expect(session.output).toHaveText(all(200));
  const [first, second, ...more] = await streams();
  expect(second!.after).toBeGreaterThan(first!.after);
  expect(more).toEqual([]);
  expect(await page.evaluate(() => (window as unknown as { told: string[] }).told)).toEqual([]);

  // What is over is not followed again.
  await show(page, false);
  await show(page, true);
  expect((await streams()).map(({ isOpen }) => isOpen)).toEqual([false, false]);
  expectWholeLog(await readSession(page, id));
});

test('the title of a tab that nobody sees says that its session is over', async ({ page }) => {
  await page.clock.install();
  const streams = await watchStreams(page);
  const { id, session } = await startSlow(page, '[[words 120]] [[slow 100]]');
  await expect(session.output).toContainText('word5');
  await show(page, false);
  await page.clock.fastForward(3_000);
  await expect.poll(async () => (await streams()).map(({ isOpen }) => isOpen)).toEqual([false]);
  await untilEnded(page, id);
  await expect(page).toHaveTitle(/^Running/);
  await page.clock.fastForward(31_000);
  await expect(page).toHaveTitle(/^Completed/);
  await show(page, true);
  await expect(session.output).toHaveText(all(120));
  expect(await streams()).toHaveLength(2);
});

/** How far the end of the page is below what is seen, in pixels, and how far it is scrolled. */
const place = (page: Page) =>
  page.evaluate(() => {
    const root = document.scrollingElement!;
    return { below: Math.round(root.scrollHeight - innerHeight - scrollY), y: Math.round(scrollY) };
  });

/** Waits until the page has come to rest. */
const settled = (page: Page) =>
  page.evaluate(async () => {
    let before = -1;
    while (before !== scrollY) {
      before = scrollY;
      for (let frames = 0; frames < 3; frames++) await new Promise(requestAnimationFrame);
    }
  });

test('the page goes along with what is written, until its reader turns back', async ({ page }) => {
  await page.setViewportSize({ width: 600, height: 500 });
  const { session } = await startSlow(page, '[[words 900]] [[slow 30]]');
  const jump = page.getByRole('button', { name: 'Jump to latest' });
  await expect(session.output).toContainText('word5');
  await jump.click();
  await expect(jump).toBeHidden();
  const { y } = await place(page);
  await expect.poll(async () => (await place(page)).y, 'it goes along').toBeGreaterThan(y + 100);
  expect((await place(page)).below).toBeLessThan(100);

  // By then there is enough above to turn back to.
  await expect(session.output).toContainText('word250');
  await page.mouse.move(300, 250);
  await page.mouse.wheel(0, -1000);
  await expect(jump).toBeVisible();
  await settled(page);
  const left = await place(page);
  await expect.poll(async () => (await place(page)).below, 'more is written').toBeGreaterThan(left.below + 60);
  expect((await place(page)).y).toBe(left.y);

  await jump.click();
  await expect.poll(async () => (await place(page)).below).toBeLessThan(100);
  await expect(jump).toBeHidden();
  await page.mouse.wheel(0, -20_000);
  await settled(page);
  await session.cancel.click();
  await session.expectState('Cancelled');
  // There is nothing to jump to any more.
  await expect(jump).toBeHidden();
});

test('cancel ends it at once', async ({ page }) => {
  const { id, session } = await startSlow(page, '[[words 400]] [[slow 100]]');
  await expect(session.output).toContainText('word3');
  await session.cancel.click();
  await session.expectState('Cancelled', 5_000);
  await expect(page.getByText('The session was cancelled')).toBeVisible();
  await expect(session.cancel).toBeHidden();
  const ended = await untilEnded(page, id);
  expect(ended.state).toBe('cancelled');
  expectWholeLog(ended);
});
