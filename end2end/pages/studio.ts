import type { Page } from '@playwright/test';
import { untilLive } from '../fixtures/test.ts';

/** The studio: the list, the form, the run panel. */
export class StudioPages {
  constructor(private readonly page: Page) {}

  get name() {
    return this.page.getByRole('textbox', { name: 'Name', exact: true });
  }

  get systemPrompt() {
    return this.page.getByRole('textbox', { name: /^System prompt/ });
  }

  get save() {
    return this.page.getByRole('button', { name: 'Save changes' });
  }

  get runPanel() {
    return this.page.getByRole('region', { name: 'Run' });
  }

  get goal() {
    return this.runPanel.getByRole('textbox', { name: 'Goal' });
  }

  get run() {
    return this.runPanel.getByRole('button', { name: 'Run', exact: true });
  }

  /** The session that was started last, beside the form. */
  get started() {
    return this.page.getByRole('region', { name: 'The session that you started' });
  }

  /** Runs the goal and goes to the session's page. */
  async runAndOpen() {
    await this.run.click();
    await this.started.getByRole('link', { name: 'Open the session' }).click();
    await this.page.waitForURL(/\/sessions\//);
  }

  tool(title: string) {
    return this.page.getByRole('checkbox', { name: title });
  }

  agent(name: string) {
    return this.page.getByRole('row').filter({ has: this.page.getByRole('link', { name, exact: true }) });
  }

  async open(path: string) {
    await this.page.goto(path);
    await untilLive(this.page);
  }

  /** Makes an agent by the form and waits for its editor. */
  async create(name: string, tools: string[]) {
    await this.open('/studio/new');
    await this.name.fill(name);
    for (const tool of tools) await this.tool(tool).check();
    await this.page.getByRole('button', { name: 'Create agent' }).click();
    await this.page.waitForURL(/\/studio\/agents\//);
    // The form that it was made with may be seen a moment longer, and looks alike.
    await this.runPanel.waitFor();
  }
}
