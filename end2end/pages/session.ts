import type { Locator, Page } from '@playwright/test';
import { expect } from '../fixtures/test.ts';

/** A session as it happens. */
export class SessionPage {
  constructor(private readonly page: Page) {}

  get id() {
    return new URL(this.page.url()).pathname.split('/').at(-1)!;
  }

  get log() {
    return this.page.getByRole('region', { name: 'What happened' });
  }

  get steps() {
    return this.log.locator('.step');
  }

  /** The tool calls, by the tool's title. */
  call(title: string) {
    return this.log.getByRole('article').filter({ has: this.page.getByRole('heading', { name: title }) });
  }

  /** What the steps wrote. */
  get output() {
    return this.log.locator('.step__output');
  }

  /** What people said, as it stands in the log. */
  get said() {
    return this.log.locator('.said');
  }

  /** The buttons that pin what was said: the goal's first, then those of the log. */
  get pins() {
    return this.page.getByRole('button', { name: 'Pin', exact: true });
  }

  /** Presses the button that pins a message, and waits until the server has it. */
  async pin(message: Locator) {
    const kept = this.page.waitForResponse((answer) => answer.url().endsWith('/sessions/pin_message') && answer.ok());
    await message.getByRole('button', { name: 'Pin', exact: true }).click();
    await kept;
  }

  /** What the page asks a person to decide. */
  get decision() {
    return this.log.getByRole('region', { name: /^Waiting for you/ });
  }

  async say(text: string) {
    await this.page.getByLabel('Message').fill(text);
    await this.page.getByRole('button', { name: 'Send' }).click();
  }

  get cancel() {
    return this.page.getByRole('button', { name: 'Cancel' });
  }

  get connection() {
    return this.page.getByText('Reconnecting…');
  }

  fact(name: string) {
    return this.page.locator('.session-facts__fact', { has: this.page.getByText(name, { exact: true }) }).locator('dd');
  }

  async expectState(title: string, timeout?: number) {
    await expect(this.fact('State')).toHaveText(title, { timeout });
  }

  async expectCompleted() {
    await this.expectState('Completed', 30_000);
  }
}
