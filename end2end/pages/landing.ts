import type { Page } from '@playwright/test';
import { untilLive } from '../fixtures/test.ts';

/** The start page: a goal, an agent, a button. */
export class LandingPage {
  constructor(private readonly page: Page) {}

  get goal() {
    return this.page.getByRole('textbox', { name: 'What should it do?' });
  }

  get start() {
    return this.page.getByRole('button', { name: 'Start and watch' });
  }

  agent(name: string) {
    return this.page.getByRole('radio', { name });
  }

  async open() {
    await this.page.goto('/');
    await untilLive(this.page);
  }

  async choose(name: string) {
    await this.page.locator('label', { has: this.agent(name) }).click();
  }

  /** Sets an agent on a goal and waits for the session's page. */
  async run(agent: string, goal: string) {
    await this.choose(agent);
    await this.goal.fill(goal);
    await this.start.click();
    await this.page.waitForURL(/\/sessions\/[0-9a-f-]{36}$/);
  }
}
