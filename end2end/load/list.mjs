// The list of the studio beside @tanstack/react-virtual, under four times throttling, in turns: what a
// frame of scrolling costs, how many nodes there are, and what is held in memory.

import { createReadStream, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { setTimeout as pause } from 'node:timers/promises';

const { chromium } = createRequire(new URL('../package.json', import.meta.url))('@playwright/test');

const [site, peerScript, ...lists] = process.argv.slice(2);
const rounds = Number(process.env.ROUNDS ?? 3);
const WHEELS = 150;
const goal = 0.6;

const style = readdirSync(`${site}/pkg`).find((name) => /^resonant.*\.css$/.test(name));
const server = createServer((request, response) => {
  const path = new URL(request.url, 'http://peer').pathname;
  const file = { '/app.js': [peerScript, 'text/javascript'], '/style.css': [`${site}/pkg/${style}`, 'text/css'] }[path];
  if (file) {
    response.setHeader('content-type', file[1]);
    createReadStream(file[0]).pipe(response);
  } else if (path === '/') {
    response.setHeader('content-type', 'text/html');
    response.end('<!DOCTYPE html><link rel="stylesheet" href="/style.css"><main class="main"><div id="root"></div></main><script src="/app.js"></script>');
  } else {
    response.writeHead(204).end();
  }
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const peer = `http://127.0.0.1:${server.address().port}`;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), '--disable-background-networking', '--disable-quic', '--enable-precise-memory-info'],
});

async function scroll(url, cookies) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  await context.addCookies(cookies);
  await context.addInitScript(() => {
    for (const name of ['instantiate', 'instantiateStreaming']) {
      const made = WebAssembly[name];
      WebAssembly[name] = async (...call) => {
        const result = await made.apply(WebAssembly, call);
        const { memory } = (result.instance ?? result).exports;
        if (memory) globalThis.wasmMemory = memory;
        return result;
      };
    }
  });
  const page = await context.newPage();
  const told = await context.newCDPSession(page);
  await told.send('Performance.enable');
  await page.goto(url);
  await page.locator('#agents.is-live').waitFor();
  await page.locator('#agents [role="row"]').first().waitFor();
  await told.send('Emulation.setCPUThrottlingRate', { rate: 4 });
  const box = await page.locator('#agents').boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + Math.min(box.height, 600) / 2);
  const wheel = async (times) => {
    for (let at = 0; at < times; at++) {
      await page.mouse.wheel(0, 240);
      await pause(16);
    }
  };
  // What is compiled late is compiled now.
  await wheel(30);
  const metrics = async () => {
    const { metrics } = await told.send('Performance.getMetrics');
    return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
  };
  await page.evaluate(() => {
    globalThis.framesSeen = 0;
    const count = () => (globalThis.framesSeen++, requestAnimationFrame(count));
    requestAnimationFrame(count);
  });
  const before = await metrics();
  await wheel(WHEELS);
  const after = await metrics();
  const frames = await page.evaluate(() => globalThis.framesSeen);
  await told.send('Emulation.setCPUThrottlingRate', { rate: 1 });
  await pause(500);
  await told.send('HeapProfiler.collectGarbage');
  const { JSHeapUsedSize } = await metrics();
  const [nodes, wasm, first] = await page.evaluate(() => [
    document.querySelectorAll('#agents *').length,
    globalThis.wasmMemory?.buffer.byteLength ?? 0,
    Math.min(...[...document.querySelectorAll('#agents [role="row"]:not([hidden])')].map((row) => Number(row.getAttribute('aria-rowindex')))),
  ]);
  await context.close();
  const spent = ['ScriptDuration', 'LayoutDuration', 'RecalcStyleDuration'].map((name) => after[name] - before[name]);
  return { frame: (1000 * spent.reduce((sum, part) => sum + part)) / frames, script: (1000 * spent[0]) / frames, frames, nodes, heap: JSHeapUsedSize + wasm, first };
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
console.log(`\n| rows | | script, style and layout per frame, ms | of that script | frames | nodes | heap and WebAssembly memory, MB | scrolled to row |\n| --- |${' --- |'.repeat(7)}`);
let isReached = true;
const drawn = new Set();
for (const list of lists) {
  const [rows, origin] = list.split('=');
  const seen = { ours: [], peer: [] };
  for (let round = 0; round < rounds; round++) {
    const signIn = { name: 'resonant_sign_in', value: 'A'.repeat(43), url: origin };
    seen.ours.push(await scroll(`${origin}/studio`, [signIn]));
    seen.peer.push(await scroll(`${peer}/?rows=${rows}`, []));
  }
  const middle = (who, what) => median(seen[who].map((one) => one[what]));
  for (const who of ['ours', 'peer']) {
    console.log(`| ${rows} | ${who} | ${middle(who, 'frame').toFixed(2)} | ${middle(who, 'script').toFixed(2)} | ${middle(who, 'frames')} | ${middle(who, 'nodes')} | ${(middle(who, 'heap') / 1e6).toFixed(1)} | ${middle(who, 'first')} |`);
  }
  const ratio = (what) => middle('ours', what) / middle('peer', what);
  console.log(`| ${rows} | ratio | ${ratio('frame').toFixed(2)} | ${ratio('script').toFixed(2)} | | ${ratio('nodes').toFixed(2)} | ${ratio('heap').toFixed(2)} | |`);
  isReached &&= ratio('frame') <= goal && ratio('heap') <= goal;
  drawn.add(middle('ours', 'nodes'));
}
isReached &&= drawn.size === 1;
console.log(`\n${isReached ? 'The goal is reached' : 'Below the goal'}: at most ${goal} of the peer per frame and in memory, as many nodes however many rows`);
await browser.close();
server.close();
process.exitCode = isReached ? 0 : 1;
