import { randomBytes } from 'node:crypto';
import type { Page } from '@playwright/test';
import { untilLive } from '../fixtures/test.ts';

/** The forms and the menu by which people come and go. */
export class AccountPages {
  readonly email = `${randomBytes(6).toString('hex')}@example.org`;
  readonly password = 'a phrase that is easy to keep';

  constructor(private readonly page: Page) {}

  get menu() {
    return this.page.locator('.account-menu');
  }

  async openMenu() {
    await this.menu.locator('summary').click();
  }

  async fillSignUp(name: string) {
    await this.page.getByRole('textbox', { name: 'Name' }).fill(name);
    await this.page.getByRole('textbox', { name: 'E-mail address' }).fill(this.email);
    await this.page.getByLabel('Password').fill(this.password);
  }

  async fillSignIn(password = this.password) {
    await this.page.getByRole('textbox', { name: 'E-mail address' }).fill(this.email);
    await this.page.getByLabel('Password').fill(password);
  }

  get submitSignIn() {
    return this.page.locator('main').getByRole('button', { name: 'Sign in' });
  }

  async open(path: '/sign-in' | '/sign-up' | '/account') {
    await this.page.goto(path);
    await untilLive(this.page);
  }

  /** The value of the sign-in cookie, and that no script can read it. */
  async cookie() {
    const cookies = await this.page.context().cookies();
    return cookies.find(({ name }) => name.endsWith('resonant_sign_in'));
  }
}
