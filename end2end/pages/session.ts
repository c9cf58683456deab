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

  /** The field that searches the session. */
  get find() {
    return this.page.getByRole('searchbox', { name: 'Search in this session' });
  }

  /** Which place of the words is shown, of how many. */
  get found() {
    return this.log.locator('.session__count');
  }

  /** The events of the log as it is written. */
  get events() {
    return this.page.getByRole('list', { name: 'Events' }).getByRole('listitem');
  }

  /** Unfolds what the model was given for a step, counted from 0. */
  async openInput(step: number) {
    await this.steps.nth(step).getByText('Input', { exact: true }).click();
  }

  /** A part of what the model was given for a step. */
  given(step: number, label: string) {
    const title = this.page.locator('.call__label', { hasText: new RegExp(`^${label}$`) });
    return this.steps.nth(step).locator('.step__given .call__data').filter({ has: title });
  }

  /** The way to look at what happened. */
  view(name: 'Steps' | 'Raw') {
    return this.page.getByRole('navigation', { name: 'How it is shown' }).getByRole('link', { name });
  }

  /** Another try of a step. */
  retry(step: number) {
    return this.steps.nth(step).getByRole('button', { name: 'Retry from here' });
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

  /** What was decided elsewhere meanwhile. */
  get news() {
    return this.log.locator('.decision__news');
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
