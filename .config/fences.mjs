// Who may depend directly on what (README.md, “Invariants”). Reads `cargo metadata --no-deps`.
// `.deny.toml` holds the same table for those who have cargo-deny.

const fences = {
  sqlx: ['resonant-backend'],
  'jiff-sqlx': ['resonant-backend'],
  redis: ['resonant-backend'],
  lettre: ['resonant-backend'],
  argon2: ['resonant-backend'],
  chacha20poly1305: ['resonant-backend'],
  image: ['resonant-backend'],
  webp: ['resonant-backend'],
  thumbhash: ['resonant-backend'],
  ab_glyph: ['resonant-backend'],
  axum: ['server', 'resonant-runtime (dev)', 'resonant-backend (dev)'],
  'axum-extra': ['server'],
  hyper: ['server'],
  'hyper-util': ['server'],
  'tower-http': ['server'],
  leptos: ['app', 'frontend', 'server'],
  leptos_axum: ['app', 'server'],
  leptos_meta: ['app'],
  leptos_router: ['app'],
  reqwest: ['resonant-runtime'],
  rhai: ['resonant-runtime'],
  serde_norway: ['resonant-runtime'],
  genai: ['resonant-runtime'],
  schemars: ['resonant-domain', 'server', 'resonant-backend (dev)'],
  tiktoken: ['resonant-runtime'],
  'gloo-net': ['app'],
  'web-sys': ['app'],
  app: ['frontend', 'server'],
  'resonant-backend': ['app', 'server'],
  'resonant-runtime': ['resonant-backend'],
};

// The words of the product compile for a browser and do no input or output.
const domainMay = ['jiff', 'schemars', 'serde', 'serde_json', 'thiserror', 'uuid'];

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const { packages } = JSON.parse(Buffer.concat(chunks).toString());

const faults = [];
for (const { name, dependencies } of packages) {
  for (const { name: used, kind } of dependencies) {
    const user = kind === 'dev' ? `${name} (dev)` : name;
    const allowed = fences[used];
    if (allowed && !allowed.includes(user) && !allowed.includes(name)) {
      faults.push(`${user} depends on ${used}; only ${allowed.join(', ')} may`);
    }
    if (name === 'resonant-domain' && kind !== 'dev' && !domainMay.includes(used)) {
      faults.push(`resonant-domain depends on ${used}; it may use ${domainMay.join(', ')}`);
    }
  }
}

for (const fault of faults) console.error(fault);
console.log(`${packages.length} packages, ${faults.length} broken fences`);
process.exitCode = faults.length ? 1 : 0;
