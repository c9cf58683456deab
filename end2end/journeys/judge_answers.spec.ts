// The bench with a language model: answers are held against a JSON schema and judged by criteria, and a run
// stands beside the last.

import { beGuest } from '../fixtures/seed.ts';
import { expect, refusal, test, visit } from '../fixtures/test.ts';

test('a schema and a judge decide, and the next run stands beside the last', async ({ page, browserConsole }) => {
  browserConsole.allow(refusal);
  const id = await beGuest(page, 'Counter');
  await visit(page, `/studio/agents/${id}/bench/edit`);
  await page.getByRole('textbox', { name: 'Name', exact: true }).first().fill('Shapes');
  const first = page.getByRole('group', { name: 'Case 1' });
  await first.getByRole('textbox', { name: /^Goal/ }).fill('Tell a number as JSON [[say {"number": 42}]]');
  await first.getByText(/^More: /).click();
  const schema = first.getByRole('textbox', { name: /^The answer is JSON of this schema/ });
  const judge = first.getByRole('textbox', { name: /^A model judges/ });
  // The model that judges plays what its criterion says.
  await judge.fill('It is a number [[say PASS It is one.]]');
  await schema.fill('{"type": ');
  await page.getByRole('button', { name: 'Save test set' }).click();
  await expect(page.getByText(/must be JSON/i).first()).toBeVisible();
  await schema.fill('{"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]}');
  await page.getByRole('button', { name: 'Save test set' }).click();
  await page.waitForURL(/bench\?set=/);
  await page.getByRole('button', { name: 'Run Shapes' }).click();
  await page.waitForURL(/&run=/);
  await expect(page.getByText('All 1 passed').first()).toBeVisible({ timeout: 30_000 });
  await expect(page.getByText('Passed: Fits the JSON schema')).toBeVisible();
  await expect(page.getByText(/Passed: Judged: It is a number .*\(It is one\.\)/)).toBeVisible();

  // Another schema, which the answer does not fit, and a judge who thinks otherwise.
  await page.getByRole('link', { name: 'Edit Shapes' }).click();
  await page.waitForURL(/bench\/edit\?set=/);
  await expect(judge).toHaveValue('It is a number [[say PASS It is one.]]');
  await schema.fill('{"type": "object", "required": ["word"]}');
  await judge.fill('It says why [[say FAIL It is bare.]]');
  await page.getByRole('button', { name: 'Save test set' }).click();
  await page.waitForURL(/bench\?set=/);
  await page.getByRole('button', { name: 'Run Shapes' }).click();
  await page.waitForURL(/&run=/);
  await expect(page.getByText('1 of 1 failed').first()).toBeVisible({ timeout: 30_000 });
  await expect(page.getByText(/Failed: Fits the JSON schema \(.*word.*\)/)).toBeVisible();
  await expect(page.getByText(/Failed: Judged: It says why .*\(It is bare\.\)/)).toBeVisible();
  // It is another case now, with which no earlier result is compared.
  await expect(page.getByText(/turned since the run before/)).toHaveCount(0);
  await expect(page.getByText(/The run before, against the draft: 1 of 1 passed/)).toBeVisible();
  // The runs before stand below, each with its own verdict.
  await page.getByText('Its last runs').click();
  await expect(page.getByRole('link', { name: 'Against the draft' })).toHaveCount(2);
});
