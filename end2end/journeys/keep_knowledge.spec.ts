// What an agent knows: a document is added from a file and by hand, found, cited in an answer, and
// deleted; facts are remembered from one session to the next, and forgotten.

import { expectAccessible } from '../fixtures/a11y.ts';
import { beGuest, startSession, untilEnded, type Session } from '../fixtures/seed.ts';
import { anotherBrowser, expect, refusal, test, visit } from '../fixtures/test.ts';

const handbook = '# Leave\n\nEmployees get 30 days of paid leave a year.\n\n# Travel\n\nTrains are booked by the office.\n';

function output(session: Session): string {
  const pieces = (session.events ?? []).filter((event) => event.type === 'output');
  return pieces.map((event) => String(event.delta)).join('');
}

test('an agent answers from its documents and cites them', async ({ page }) => {
  const id = await beGuest(page, 'Librarian');
  const tools = [{ name: 'knowledge' }];
  await page.request.patch(`/api/v1/agents/${id}`, { data: { tools } });
  await visit(page, `/studio/agents/${id}`);
  await page.getByRole('link', { name: 'Knowledge and memory' }).click();
  await page.waitForURL(`/studio/agents/${id}/knowledge`);
  await expect(page.getByText('None yet. Add a handbook')).toBeVisible();

  await page.getByLabel('File').setInputFiles({ name: 'Handbook.md', mimeType: 'text/markdown', buffer: Buffer.from(handbook) });
  await expect(page.getByRole('textbox', { name: 'Title' })).toHaveValue('Handbook.md');
  await expect(page.getByRole('textbox', { name: /^Text/ })).toHaveValue(handbook);
  await page.getByRole('button', { name: 'Add document' }).click();
  await expect(page.getByText(/Markdown · \d+ bytes · 2 passages/)).toBeVisible();
  await expect(page.getByRole('textbox', { name: 'Title' })).toHaveValue('');

  await page.getByRole('searchbox', { name: 'Question' }).fill('How many days of leave?');
  await page.getByRole('button', { name: 'Search' }).click();
  await expect(page.getByText('Handbook.md › Leave, passage 1')).toBeVisible();

  const session = await startSession(page, id, 'How many days of leave do employees get?');
  const answer = output(await untilEnded(page, session));
  expect(answer).toContain('30 days of paid leave');
  expect(answer).toContain('Handbook.md › Leave, passage 1');

  await visit(page, `/studio/agents/${id}/knowledge`);
  await page.getByRole('button', { name: 'Delete Handbook.md' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Yes, delete it' }).click();
  await expect(page.getByText('None yet. Add a handbook')).toBeVisible();
});

test('a citation leads to its passage, for who may read the agent', async ({ page, browser, browserConsole }) => {
  const id = await beGuest(page, 'Librarian');
  const tools = [{ name: 'knowledge' }];
  await page.request.patch(`/api/v1/agents/${id}`, { data: { tools } });
  // So long that the passage stands on another page than the first.
  const parts = Array.from({ length: 70 }, (_, at) => `# Part ${at + 1}\n\nPart ${at + 1} is about beans.\n`);
  const text = [...parts, '# Leave\n\nEmployees get 30 days of paid leave a year.\n'].join('\n');
  const added = await page.request.post(`/api/v1/agents/${id}/knowledge`, { data: { title: 'Handbook.md', text } });
  const { id: document } = (await added.json()) as { id: string };
  const session = await startSession(page, id, 'How many days of leave do employees get?');
  await untilEnded(page, session);

  await visit(page, `/sessions/${session}`);
  const citation = 'Handbook.md › Leave, passage 71';
  await page.locator('.step__output').getByRole('link', { name: citation }).click();
  await expect(page).toHaveURL(`/studio/agents/${id}/knowledge/${document}?passage=71#passage-71`);
  const passage = page.locator('#passage-71');
  await expect(passage.getByRole('heading', { level: 2 })).toHaveText(citation);
  await expect(passage).toContainText('30 days of paid leave');
  await expect(passage).toBeInViewport();
  await expect(page.locator('.passage')).toHaveCount(21);
  await expectAccessible(page);

  await page.getByRole('link', { name: 'To the first passage' }).click();
  await expect(page.locator('.passage')).toHaveCount(50);
  await page.getByRole('link', { name: 'Further passages' }).click();
  await expect(page.locator('.passage')).toHaveCount(21);
  await page.getByRole('link', { name: 'Back to the documents' }).click();
  await page.getByRole('link', { name: 'Handbook.md' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Handbook.md');

  // Who has a link to the session is told the citation, and is led nowhere; nor is the page theirs.
  const shared = await page.request.post('/api/fn/sessions/share_session', { form: { id: session }, headers: { accept: 'application/json' } });
  const token = (await shared.json()) as string;
  const stranger = await anotherBrowser(browser, browserConsole);
  await visit(stranger, `/shared/${token}`);
  await expect(stranger.locator('.step__output')).toContainText(citation);
  await expect(stranger.locator('.step__output').getByRole('link')).toHaveCount(0);
  const refused = await stranger.request.get(`/api/v1/agents/${id}/knowledge/${document}`);
  expect(refused.status()).toBe(401);
  await stranger.context().close();
});

/** A PDF of one page that holds this line. */
function pdf(line: string): Buffer {
  const text = `BT /F1 12 Tf 72 720 Td (${line}) Tj ET`;
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>',
    `<< /Length ${text.length} >>\nstream\n${text}\nendstream`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>',
  ];
  let file = '%PDF-1.4\n';
  const places = objects.map((object, index) => {
    const place = file.length;
    file += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return `${String(place).padStart(10, '0')} 00000 n \n`;
  });
  const start = file.length;
  file += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${places.join('')}`;
  file += `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${start}\n%%EOF\n`;
  return Buffer.from(file, 'latin1');
}

test('the text of a PDF is read, and one that is broken says so', async ({ page, browserConsole }) => {
  browserConsole.allow(refusal);
  const id = await beGuest(page, 'Librarian');
  await visit(page, `/studio/agents/${id}/knowledge`);
  const add = page.getByRole('button', { name: 'Add document' });
  const broken = { name: 'Broken.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF-1.7\nnothing') };
  await page.getByLabel('File').setInputFiles(broken);
  await expect(page.getByRole('textbox', { name: 'Title' })).toHaveValue('Broken.pdf');
  await add.click();
  await expect(page.getByText('Must be a PDF that is whole').first()).toBeVisible();

  const report = { name: 'Report.pdf', mimeType: 'application/pdf', buffer: pdf('Taxis need the approval of a manager.') };
  await page.getByLabel('File').setInputFiles(report);
  await expect(page.getByRole('textbox', { name: 'Title' })).toHaveValue('Report.pdf');
  await add.click();
  await expect(page.getByText(/PDF · \d+ bytes · 1 passage/)).toBeVisible();
  await page.getByRole('searchbox', { name: 'Question' }).fill('Who approves taxis?');
  await page.getByRole('button', { name: 'Search' }).click();
  await expect(page.getByText('Report.pdf › page 1, passage 1')).toBeVisible();
});

test('an agent remembers from one session to the next, until it is told to forget', async ({ page }) => {
  const id = await beGuest(page, 'Butler');
  const tools = [{ name: 'remember' }, { name: 'recall' }];
  await page.request.patch(`/api/v1/agents/${id}`, { data: { tools } });
  await untilEnded(page, await startSession(page, id, 'Remember that my favourite tea is green'));
  const told = await untilEnded(page, await startSession(page, id, 'What do you remember about tea?'));
  expect(output(told)).toContain('my favourite tea is green');

  await visit(page, `/studio/agents/${id}/knowledge`);
  await expect(page.getByText('my favourite tea is green')).toBeVisible();
  await page.getByRole('button', { name: 'Forget favourite tea' }).click();
  await expect(page.getByText('my favourite tea is green')).toHaveCount(0);
});
