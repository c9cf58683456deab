import { type Page } from '@playwright/test';
import { visit } from '../fixtures/test.ts';

/** The pages of teams: their list, one of them, and the panel by which an agent is shared. */
export class TeamPages {
  constructor(private readonly page: Page) {}

  /** Makes a team and waits for its page. */
  async create(name: string, slug: string) {
    await visit(this.page, '/account/teams');
    await this.page.getByRole('textbox', { name: 'Name' }).fill(name);
    await this.page.getByRole('textbox', { name: 'Address' }).fill(slug);
    await this.page.getByRole('button', { name: 'Make the team' }).click();
    await this.page.waitForURL(`/teams/${slug}`);
  }

  get people() {
    return this.page.getByRole('region', { name: 'People' });
  }

  get invite() {
    return this.page.getByRole('region', { name: 'Invite' });
  }

  /** The panel on the agent's page. */
  get share() {
    return this.page.getByRole('region', { name: 'Share' });
  }

  person(name: string) {
    return this.people.getByRole('listitem').filter({ hasText: name });
  }

  /** Makes a link that gives a role, and answers its path. */
  async link(role: string): Promise<string> {
    await this.invite.getByRole('combobox', { name: 'Role' }).selectOption(role);
    await this.invite.getByRole('button', { name: 'Invite' }).click();
    const link = this.invite.getByRole('link', { name: 'Invitation link' });
    return (await link.getAttribute('href'))!;
  }

  async setRole(name: string, role: string) {
    await this.person(name).getByRole('combobox', { name: `Role of ${name}` }).selectOption(role);
    await this.person(name).getByRole('button', { name: `Save the role of ${name}` }).click();
  }
}
