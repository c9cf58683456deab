// A publisher gives a listing an avatar and screenshots; a moderator sees them beside what is there, and
// anyone sees them in the marketplace, without a script too.

import { expectAccessible, expectNoSidewaysScroll } from '../fixtures/a11y.ts';
import { moderator, publishedAgent, signUp } from '../fixtures/people.ts';
import { picture } from '../fixtures/picture.mjs';
import { anotherBrowser, expect, test, untilLive, visit } from '../fixtures/test.ts';

/** A PNG as a field of a form takes it. */
const file = (width: number, height: number, hue: number) => ({ name: 'picture.png', mimeType: 'image/png', buffer: picture(width, height, hue) });

test('pictures from the form to the marketplace', async ({ page, browser, browserConsole }) => {
  const mark = Date.now().toString(36);
  const mo = await moderator(await anotherBrowser(browser, browserConsole));
  await signUp(page, 'Painter Paul');
  const agent = await publishedAgent(page, 'Painter');
  const name = `Painter ${mark}`;
  const data = { name, tagline: 'Paints by numbers', category: 'content', description: 'It **paints**.', submit: false };
  expect((await page.request.post(`/api/v1/agents/${agent}/submissions`, { data })).status()).toBe(201);

  await visit(page, `/studio/agents/${agent}/publish`);
  const pictures = page.getByRole('region', { name: 'Pictures' });
  await expect(pictures.getByText('The drawing of the agent stands for the listing.')).toBeVisible();
  await pictures.getByLabel('Avatar file').setInputFiles({ name: 'a.svg', mimeType: 'image/svg+xml', buffer: Buffer.from('<svg/>') });
  await pictures.getByRole('button', { name: 'Upload avatar' }).click();
  await expect(pictures.getByRole('alert')).toHaveText('The picture must be a PNG, JPEG, WebP or GIF picture.');
  await untilLive(page);
  await pictures.getByLabel('Avatar file').setInputFiles(file(400, 300, 200));
  await pictures.getByRole('button', { name: 'Upload avatar' }).click();
  await expect(pictures.getByRole('img', { name: 'The avatar of the listing' })).toBeVisible();
  await expect(pictures.getByRole('alert')).toHaveCount(0);

  for (const [number, alt] of [[1, 'A table of colours'], [2, 'The finished picture']] as const) {
    await untilLive(page);
    await pictures.getByLabel('Screenshot', { exact: true }).setInputFiles(file(1600, 1000, number * 90));
    await pictures.getByRole('textbox', { name: 'What it shows' }).fill(alt);
    await pictures.getByRole('button', { name: 'Add screenshot' }).click();
    await expect(pictures.getByRole('img', { name: alt })).toBeVisible();
  }
  await untilLive(page);
  await pictures.getByRole('button', { name: 'Move later: screenshot 1' }).click();
  await expect(pictures.getByRole('listitem').first().getByRole('img')).toHaveAttribute('alt', 'The finished picture');
  const text = pictures.getByRole('textbox', { name: 'What screenshot 1 shows' });
  await text.fill('The picture, done');
  await pictures.getByRole('button', { name: 'Save text: screenshot 1' }).click();
  await expect(pictures.getByRole('img', { name: 'The picture, done' })).toBeVisible();
  await expectAccessible(page);
  await page.setViewportSize({ width: 360, height: 740 });
  await expectNoSidewaysScroll(page);
  await page.setViewportSize({ width: 1280, height: 720 });
  await page.getByRole('button', { name: 'Submit for review' }).click();
  await expect(page.getByText('It waits for a moderator.')).toBeVisible();

  await visit(mo, '/admin/reviews');
  await mo.getByRole('link', { name }).click();
  const shown = mo.getByRole('region', { name: 'What it shows' });
  await expect(shown.getByRole('img')).toHaveCount(3);
  await expect(shown.getByRole('heading', { name: 'In the listing' })).toBeVisible();
  await expectAccessible(mo);
  await mo.getByRole('button', { name: /Approve/ }).click();
  await mo.waitForURL('/admin/reviews');
  await mo.context().close();

  const slug = `painter-${mark}`;
  await visit(page, `/marketplace/${slug}`);
  const avatar = page.locator('.listing__head picture img');
  await expect(avatar).toHaveAttribute('width', '256');
  await expect.poll(() => avatar.evaluate((image: HTMLImageElement) => image.currentSrc)).toMatch(/\.webp$/);
  const shots = page.getByRole('region', { name: 'Screenshots' });
  await expect(shots.getByRole('listitem')).toHaveCount(2);
  const first = shots.getByRole('button', { name: 'The picture, done' });
  const image = first.getByRole('img');
  await expect(image).toHaveAttribute('width', '1440');
  await expect.poll(() => image.evaluate((one: HTMLImageElement) => one.naturalWidth)).toBeGreaterThan(300);
  await first.click();
  const large = page.getByRole('dialog', { name: 'The picture, done' });
  await expect(large.getByRole('img')).toBeVisible();
  await expectAccessible(page);
  await page.keyboard.press('Escape');
  await expect(large).toBeHidden();
  await page.setViewportSize({ width: 360, height: 740 });
  await expectNoSidewaysScroll(page);
  await expectAccessible(page);

  // What a shared link shows, and the pictures in the list.
  const card = await page.locator('meta[property="og:image"]').getAttribute('content');
  const drawn = await page.request.get(new URL(card!).pathname + new URL(card!).search);
  expect(drawn.headers()['content-type']).toBe('image/png');
  expect(drawn.headers()['cache-control']).toContain('immutable');
  await visit(page, `/marketplace?q=${encodeURIComponent(name)}`);
  await expect(page.locator('.listing-card').filter({ hasText: name }).locator('picture img')).toBeVisible();
});
