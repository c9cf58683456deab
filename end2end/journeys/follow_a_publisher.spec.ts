// Somebody follows a publisher, sees what is new on the marketplace's front, and is told of it.

import { expectAccessible, expectNoSidewaysScroll } from '../fixtures/a11y.ts';
import { approve, becomePublisher, moderator, publishedAgent, signUp } from '../fixtures/people.ts';
import { anotherBrowser, expect, test, visit } from '../fixtures/test.ts';

test('from following to a notice', async ({ page, browser, browserConsole }) => {
  const mark = Date.now().toString(36);
  const handle = `pia-f-${mark}`;
  const mo = await moderator(await anotherBrowser(browser, browserConsole));
  const pia = await anotherBrowser(browser, browserConsole);
  await signUp(pia, 'Publisher Pia');
  await becomePublisher(pia, handle, 'Publisher Pia');
  await visit(pia, `/publishers/${handle}`);
  await expect(pia.getByText('0 followers')).toBeVisible();
  await expect(pia.getByRole('button', { name: 'Follow Publisher Pia', exact: true })).toHaveCount(0);

  await signUp(page, 'Follower Flo');
  await visit(page, `/publishers/${handle}`);
  await page.getByRole('button', { name: 'Follow Publisher Pia', exact: true }).click();
  await expect(page.getByRole('button', { name: 'Unfollow Publisher Pia' })).toBeVisible();
  await expect(page.getByText('1 follower')).toBeVisible();
  await expectAccessible(page);
  await page.setViewportSize({ width: 360, height: 740 });
  await expectNoSidewaysScroll(page);

  const agent = await publishedAgent(pia, 'Adder');
  const name = `Followed adder ${mark}`;
  const slug = await approve(pia, mo, agent, { name });
  await visit(page, '/marketplace');
  const shelf = page.getByRole('region', { name: 'New from publishers you follow' });
  await expect(shelf.getByRole('link', { name })).toBeVisible();
  await expectAccessible(page);
  // A job tells the followers, within seconds.
  await expect(async () => {
    await visit(page, '/account/notices');
    await expect(page.getByText('is new, by a publisher whom you follow')).toBeVisible({ timeout: 1_000 });
  }).toPass({ timeout: 30_000 });
  await page.getByRole('link', { name }).click();
  await expect(page).toHaveURL(`/marketplace/${slug}`);
  await expect(page.getByRole('button', { name: 'Unfollow Publisher Pia' })).toBeVisible();

  await visit(page, '/account/following');
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Unfollow Publisher Pia' }).click();
  await expect(page.getByText('You follow nobody yet')).toBeVisible();
  await visit(page, '/marketplace');
  await expect(shelf).toHaveCount(0);

  // Whoever goes on before the answer has come is not led back by it.
  await visit(page, `/marketplace/${slug}`);
  let open = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  await page.route('**/api/fn/marketplace/set_following', async (route) => {
    await opened;
    await route.continue();
  });
  const answer = page.waitForResponse('**/api/fn/marketplace/set_following');
  await page.getByRole('button', { name: 'Follow Publisher Pia', exact: true }).click();
  await page.getByRole('link', { name: 'Marketplace', exact: true }).first().click();
  await expect(page).toHaveURL('/marketplace');
  open();
  await (await answer).finished();
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  await expect(page).toHaveURL('/marketplace');
  await mo.context().close();
  await pia.context().close();
});

test('a publisher is followed by a plain form', async ({ browser, browserConsole }) => {
  const handle = `pia-n-${Date.now().toString(36)}`;
  const pia = await anotherBrowser(browser, browserConsole);
  await signUp(pia, 'Publisher Pia');
  await becomePublisher(pia, handle, 'Publisher Pia');
  const context = await browser.newContext({ javaScriptEnabled: false });
  browserConsole.watch(context);
  const page = await context.newPage();
  // Nobody yet: who follows becomes a guest.
  await page.goto(`/publishers/${handle}`);
  await page.getByRole('button', { name: 'Follow Publisher Pia', exact: true }).click();
  await expect(page).toHaveURL(new RegExp(`/publishers/${handle}$`));
  await page.getByRole('button', { name: 'Unfollow Publisher Pia' }).click();
  await expect(page.getByRole('button', { name: 'Follow Publisher Pia', exact: true })).toBeVisible();
  await context.close();
  await pia.context().close();
});
