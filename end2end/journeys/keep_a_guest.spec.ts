// A visitor becomes a guest without a form, then a member who keeps everything; leaves and returns.

import { expect, refusal, test, untilLive, visit } from '../fixtures/test.ts';
import { AccountPages } from '../pages/account.ts';
import { LandingPage } from '../pages/landing.ts';
import { SessionPage } from '../pages/session.ts';

test('a guest signs up and keeps agents and sessions', async ({ page, browserConsole }) => {
  browserConsole.allow(refusal);
  const account = new AccountPages(page);
  const landing = new LandingPage(page);
  await landing.open();
  await landing.run('Everyday calculator', 'What is 15% of 80?');
  await new SessionPage(page).expectCompleted();
  const session = new URL(page.url()).pathname;
  const asGuest = await account.cookie();
  expect(asGuest).toMatchObject({ httpOnly: true, sameSite: 'Lax' });

  await account.openMenu();
  await account.menu.getByRole('link', { name: 'Create an account' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Keep what you made');
  await account.fillSignUp('Ada');
  await page.getByRole('button', { name: 'Keep everything' }).click();
  await expect(page).toHaveURL('/studio');
  await expect(account.menu).toContainText('Ada');
  await expect(page.getByRole('link', { name: 'Everyday calculator' }).first()).toBeVisible();
  const asMember = await account.cookie();
  expect(asMember?.value).not.toBe(asGuest?.value);

  await account.openMenu();
  await account.menu.getByRole('button', { name: 'Sign out' }).click();
  await expect(page).toHaveURL('/');
  await expect(account.menu.getByRole('link', { name: 'Sign in' })).toBeVisible();
  // What was signed out does not come back by its old cookie.
  await page.context().addCookies([asMember!]);
  expect((await page.request.get('/api/v1/agents')).status()).toBe(401);
  await page.context().clearCookies();
  expect((await page.request.get(`/api/v1${session}`)).status()).toBe(401);

  await visit(page, '/sign-in');
  await account.fillSignIn('not the password at all');
  await account.submitSignIn.click();
  await expect(page.getByText(/e-mail address or password is wrong/i).first()).toBeVisible();
  await account.fillSignIn();
  await account.submitSignIn.click();
  await expect(page).toHaveURL('/studio');
  await expect(page.getByRole('link', { name: 'Everyday calculator' }).first()).toBeVisible();
  await visit(page, session);
  await new SessionPage(page).expectCompleted();
});

test('signing out in one tab is seen in another as soon as somebody is there', async ({ page, context, browserConsole }) => {
  // What the other tab still listens to is refused.
  browserConsole.allow(/401/);
  const account = new AccountPages(page);
  await account.open('/sign-up');
  await account.fillSignUp('Hedy');
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(page).toHaveURL('/studio');
  const other = await context.newPage();
  const elsewhere = new AccountPages(other);
  await elsewhere.open('/account');
  await expect(elsewhere.menu).toContainText('Hedy');

  await account.openMenu();
  await account.menu.getByRole('button', { name: 'Sign out' }).click();
  await expect(page).toHaveURL('/');
  await other.evaluate(() => dispatchEvent(new Event('focus')));
  await expect(elsewhere.menu.getByRole('link', { name: 'Sign in' })).toBeVisible();
  await expect(elsewhere.menu).not.toContainText('Hedy');
});

test('a sign-in leads back to where one wanted to go, and nowhere else', async ({ page, browser }) => {
  const account = new AccountPages(page);
  await account.open('/sign-up');
  await account.fillSignUp('Grace');
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(page).toHaveURL('/studio');

  for (const [next, lands] of [['/sessions', '/sessions'], ['https://example.org/', '/studio'], ['//example.org', '/studio']]) {
    const stranger = await browser.newContext({ baseURL: new URL(page.url()).origin });
    const other = await stranger.newPage();
    await other.goto(`/sign-in?next=${encodeURIComponent(next!)}`);
    await other.getByRole('textbox', { name: 'E-mail address' }).fill(account.email);
    await other.getByLabel('Password').fill(account.password);
    await other.locator('main').getByRole('button', { name: 'Sign in' }).click();
    await expect(other, next).toHaveURL(lands!);
    await stranger.close();
  }
});

test('an address that is taken and a short password are said beside their fields', async ({ page, context, browserConsole }) => {
  browserConsole.allow(refusal);
  const account = new AccountPages(page);
  await account.open('/sign-up');
  await account.fillSignUp('First');
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(page).toHaveURL('/studio');
  // The Studio asks for the list of agents: not in the name of nobody.
  await page.goto('about:blank');
  await context.clearCookies();

  await account.open('/sign-up');
  await account.fillSignUp('Second');
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(page.getByRole('textbox', { name: 'E-mail address' })).toHaveAttribute('aria-invalid', 'true');
  await expect(page).toHaveURL('/sign-up');
});

test('the name can be changed', async ({ page }) => {
  const account = new AccountPages(page);
  await account.open('/sign-up');
  await account.fillSignUp('Before');
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(page).toHaveURL('/studio');
  await account.open('/account');
  await page.getByRole('textbox', { name: 'What we call you' }).fill('After');
  await page.getByRole('button', { name: 'Save name' }).click();
  await expect(account.menu).toContainText('After');
  await page.reload();
  await untilLive(page);
  await expect(account.menu).toContainText('After');
});

test('the theme is chosen once and kept', async ({ page }) => {
  await page.emulateMedia({ colorScheme: 'light' });
  await visit(page, '/');
  const root = page.locator('html');
  await page.getByRole('button', { name: 'Switch between light and dark' }).click();
  await expect(root).toHaveAttribute('data-theme', 'dark');
  await page.reload();
  await expect(root).toHaveAttribute('data-theme', 'dark');
});
